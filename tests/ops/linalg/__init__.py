"""Linear algebra against NumPy and SciPy, and its derivatives."""
