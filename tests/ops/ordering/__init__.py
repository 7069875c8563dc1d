"""Sorting, searching, sets, counts and running operations, against NumPy."""
