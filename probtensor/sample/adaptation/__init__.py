"""Warm-up: what is adapted at which iteration (schedule.py)."""
