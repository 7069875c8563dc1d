"""Transition kernels of samplers (nuts.py), and what they require of a density (protocol.py)."""
