"""Linear algebra, by the names of numpy.linalg and scipy.linalg.

    products.py    one contraction for all matrix products; Cholesky, triangular systems
    subscripts.py  einsum: any number of operands, as contractions of two
    factors.py     factorisations with several results: eigh, LU, slogdet, QR
    inverses.py    inverses and determinants
    norms.py       norms of vectors and of matrices
"""
