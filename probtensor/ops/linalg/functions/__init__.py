"""Functions of matrices, and equations whose unknowns are matrices.

    composed.py     products of many, blocks, tensors as matrices: graphs of other ops
    exponential.py  the exponential and its derivative; powers
    equations.py    equations of Sylvester and Lyapunov, square roots, updates of factors
    riccati.py      algebraic equations of Riccati
    diagonals.py    systems and products of Toeplitz and circulant matrices
    forms.py        polar and Hessenberg forms, RQ factors, angles between subspaces
    logarithm.py    logarithms, real powers, trigonometric and hyperbolic functions
    special_matrices.py  matrices that are made of vectors
    tridiagonal.py  LU factors of matrices of three diagonals, and systems by them
"""
