"""`pt.linalg`: products, factors and norms, by the names of numpy.linalg and scipy.linalg.

Where both have a name, the signature is NumPy's: `cholesky` gives the lower factor. Triangular
systems are SciPy's: `solve_triangular` reads the upper triangle unless lower=True.
"""

from probtensor.calls import absent
from probtensor.ops import (
    cho_solve,
    cholesky,
    contract,
    cumsum,
    det,
    dot,
    eigh,
    inner,
    inv,
    lu,
    lu_factor,
    matmul,
    matrix_norm,
    matrix_transpose,
    matvec,
    norm,
    outer,
    qr,
    slogdet,
    solve,
    solve_lower,
    solve_triangular,
    solve_upper,
    tensordot,
    vecdot,
    vecmat,
    vector_norm,
)

__all__ = [
    "cho_solve",
    "cholesky",
    "contract",
    "cumsum",
    "det",
    "dot",
    "eigh",
    "inner",
    "inv",
    "lu",
    "lu_factor",
    "matmul",
    "matrix_norm",
    "matrix_transpose",
    "matvec",
    "norm",
    "outer",
    "qr",
    "slogdet",
    "solve",
    "solve_lower",
    "solve_triangular",
    "solve_upper",
    "tensordot",
    "vecdot",
    "vecmat",
    "vector_norm",
]

__getattr__ = absent("pt.linalg", dict.fromkeys(__all__))
