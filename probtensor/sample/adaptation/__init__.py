"""Warm-up: when a sampler learns what (schedule.py)."""
