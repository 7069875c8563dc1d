"""Discrete Fourier transforms of tensors.

    transforms.py  ops: transforms along the last axes, without scale, by SciPy's module
    real_transforms.py   ops: cosine and sine transforms, likewise
    sizes.py       the arguments of NumPy's functions: sizes, axes, norms
    functions.py   fft, ifft, rfft and their kin by NumPy's signatures
    cosines.py     dct, dst and their inverses by SciPy's signatures

The functions are imported with `pt.fft`, when it is first used; the ops are always known.
"""
