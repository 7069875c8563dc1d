"""`pt.linalg`: products, factors and norms, by the names of numpy.linalg and scipy.linalg.

Where both have a name, the signature is NumPy's: `cholesky` gives the lower factor. Triangular
systems are SciPy's: `solve_triangular` reads the upper triangle unless lower=True.
"""

from __future__ import annotations

from numpy.linalg import LinAlgError
from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import absent, public
from probtensor.ops import (
    block_diag,
    cho_factor,
    cho_solve,
    cho_solve_banded,
    cholesky,
    cholesky_banded,
    cholesky_gradient,
    cholesky_update,
    circulant,
    companion,
    cond,
    contract,
    convolution_matrix,
    coshm,
    cosm,
    cumsum,
    det,
    diagsvd,
    dot,
    eig,
    eig_banded,
    eigh,
    eigh_tridiagonal,
    eigvals,
    eigvals_banded,
    eigvalsh,
    eigvalsh_tridiagonal,
    expm,
    expm_frechet,
    fiedler,
    fractional_matrix_power,
    hankel,
    hessenberg,
    inner,
    inv,
    khatri_rao,
    kron,
    leslie,
    logm,
    lstsq,
    lu,
    lu_factor,
    lu_solve,
    matmul,
    matmul_toeplitz,
    matrix_dot,
    matrix_norm,
    matrix_power,
    matrix_rank,
    matrix_transpose,
    matvec,
    multi_dot,
    norm,
    ordqz,
    orthogonal_procrustes,
    outer,
    pinv,
    pinvh,
    pivot_to_permutation,
    polar,
    qr,
    qz,
    rq,
    schur,
    signm,
    sinhm,
    sinm,
    slogdet,
    solve,
    solve_banded,
    solve_circulant,
    solve_continuous_are,
    solve_continuous_lyapunov,
    solve_discrete_are,
    solve_discrete_lyapunov,
    solve_factored,
    solve_factored_transposed,
    solve_lower,
    solve_lower_transposed,
    solve_sylvester,
    solve_toeplitz,
    solve_triangular,
    solve_upper,
    solve_upper_transposed,
    solveh_banded,
    sqrtm,
    subspace_angles,
    svd,
    svdvals,
    tanhm,
    tanm,
    tensordot,
    tensorinv,
    tensorsolve,
    toeplitz,
    tridiagonal_lu_factor,
    tridiagonal_lu_solve,
    vecdot,
    vecmat,
    vector_norm,
)
from probtensor.ops.absent import OF_LINALG

__all__ = [
    "LinAlgError",
    "block_diag",
    "cho_factor",
    "cho_solve",
    "cho_solve_banded",
    "cholesky",
    "cholesky_banded",
    "cholesky_gradient",
    "cholesky_update",
    "circulant",
    "companion",
    "cond",
    "contract",
    "convolution_matrix",
    "coshm",
    "cosm",
    "cross",
    "cumsum",
    "det",
    "diagonal",
    "diagsvd",
    "dot",
    "eig",
    "eig_banded",
    "eigh",
    "eigh_tridiagonal",
    "eigvals",
    "eigvals_banded",
    "eigvalsh",
    "eigvalsh_tridiagonal",
    "expm",
    "expm_frechet",
    "fiedler",
    "fractional_matrix_power",
    "hankel",
    "hessenberg",
    "inner",
    "inv",
    "khatri_rao",
    "kron",
    "leslie",
    "logm",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_solve",
    "matmul",
    "matmul_toeplitz",
    "matrix_dot",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "matvec",
    "multi_dot",
    "norm",
    "ordqz",
    "orthogonal_procrustes",
    "outer",
    "pinv",
    "pinvh",
    "pivot_to_permutation",
    "polar",
    "qr",
    "qz",
    "rq",
    "schur",
    "signm",
    "sinhm",
    "sinm",
    "slogdet",
    "solve",
    "solve_banded",
    "solve_circulant",
    "solve_continuous_are",
    "solve_continuous_lyapunov",
    "solve_discrete_are",
    "solve_discrete_lyapunov",
    "solve_factored",
    "solve_factored_transposed",
    "solve_lower",
    "solve_lower_transposed",
    "solve_sylvester",
    "solve_toeplitz",
    "solve_triangular",
    "solve_upper",
    "solve_upper_transposed",
    "solveh_banded",
    "sqrtm",
    "subspace_angles",
    "svd",
    "svdvals",
    "tanhm",
    "tanm",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "toeplitz",
    "trace",
    "tridiagonal_lu_factor",
    "tridiagonal_lu_solve",
    "vecdot",
    "vecmat",
    "vector_norm",
]


@public
def cross(x1: ops.TensorLike, x2: ops.TensorLike, /, *, axis: int = -1) -> ops.Node:
    """The cross product of vectors of three components along an axis; NumPy's signature. `pt.cross`
    has an axis for each.

    Returns a tensor in the dtype that the operands promote to, with the other axes broadcast.
    Raises GraphError, a TypeError, for an axis that an operand has not, and for one of a size other
    than 3.

        >>> pt.linalg.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]).eval()
        array([0., 0., 1.])
    """
    return ops.cross(x1, x2, axis=axis)


@public
def diagonal(x: ops.TensorLike, /, *, offset: int = 0) -> ops.Node:
    """The elements x[..., i, i + offset] of matrices on the last two axes; NumPy's signature.
    `pt.diagonal` is of the first two axes by default.

    Returns a tensor of the dtype of x, with the diagonals along a new last axis.
    Raises GraphError, a TypeError, for less than two axes.

        >>> pt.linalg.diagonal([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([1., 4.])
    """
    return ops.diagonal(x, offset, -2, -1)


@public
def trace(
    x: ops.TensorLike, /, *, offset: int = 0, dtype: DTypeLike | None = None
) -> ops.Node:
    """The sums along a diagonal of matrices on the last two axes; NumPy's signature. `pt.trace` is
    of the first two axes by default.

    Returns a tensor of the shape of the leading axes, in `dtype` or as `sum` has it.
    Raises GraphError, a TypeError, for less than two axes.

        >>> pt.linalg.trace([[1.0, 2.0], [3.0, 4.0]]).eval()
        array(5.)
    """
    return ops.trace(x, offset, -2, -1, dtype)


__getattr__ = absent("pt.linalg", dict.fromkeys(__all__), reasons=OF_LINALG)
