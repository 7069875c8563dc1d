"""Loops cut into strips whose inner loops vectorise, for CPU targets."""
