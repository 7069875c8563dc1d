"""Symmetric matrices given by their diagonals; systems of others are in `linalg/bands.py`.

    definite.py  Cholesky factors, and systems by them
    spectra.py   eigenvalues and eigenvectors
"""
