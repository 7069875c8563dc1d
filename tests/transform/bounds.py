"""Whether values lie within the bounds of facts."""

import numpy as np

# Ends are what compiled functions give, from which the values of NumPy and SciPy differ.
ERROR = 1e-12


def within(numbers, bounds):
    """Whether numbers lie within bounds, but for the error of their function."""
    low, high = (end + sign * ERROR * abs(end) if np.isfinite(end) else end
                 for end, sign in ((float(bounds.low), -1), (float(bounds.high), 1)))  # fmt: skip
    return (numbers >= low).all() and (numbers <= high).all()
