"""Sliding windows and what is made of them.

    windows.py   ops: the windows of an axis, and their transpose; sliding_window_view
    op.py        the op of all convolutions: sums of products of windows and a kernel
    vectors.py   convolve and correlate, by NumPy's signatures
    signals.py   those of several axes, by SciPy's signatures; its names are those of pt.signal

What layers of networks make of them is in `pt.nn`.
"""
