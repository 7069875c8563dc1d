"""Transition kernels of samplers: nuts.py; protocol.py says what they need of a density."""
