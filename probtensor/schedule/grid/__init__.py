"""Loops dealt out to a grid of threads, for GPU targets."""
