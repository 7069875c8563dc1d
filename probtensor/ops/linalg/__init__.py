"""Linear algebra, by the names of numpy.linalg and scipy.linalg.

    products.py    one contraction for all matrix products
    triangular.py  Cholesky factors and triangular systems
    subscripts.py  einsum: any number of operands, as contractions of two
    factors.py     factorisations with several results: eigh, LU, QR
    solving.py     systems of any square matrix, by LU factors
    singular.py    singular values, pseudo-inverses, least squares, ranks
    eigen.py       eigenvalues of any matrix and of pairs; Schur forms
    bands.py       systems of matrices given by their diagonals
    banded/        Cholesky factors and eigenvalues of symmetric ones of these
    inverses.py    inverses and determinants
    logdet.py      logarithms and signs of determinants
    norms.py       norms of vectors and of matrices
"""
