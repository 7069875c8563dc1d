"""Tests of probtensor/system."""
