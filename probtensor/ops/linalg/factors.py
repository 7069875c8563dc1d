"""Factorisations with several results: eigenvalues and eigenvectors, LU with pivots, QR.

Each is a routine on the last two axes, repeated over the leading ones; the functions return their
results under the names of numpy.linalg and scipy.linalg.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike
from probtensor.graph.parts import parts
from probtensor.late import late
from probtensor.ops.kinds import Core, op
from probtensor.ops.linalg.products import adjoint, matrices
from probtensor.ops.linalg.triangular import solved
from probtensor.ops.reductions.folds import flag
from probtensor.ops.samples import Sample
from probtensor.types import size_min

_linear = late("probtensor.ops.complexes.linear")


class EighResult(NamedTuple):
    """The result of `eigh`."""

    eigenvalues: Node
    eigenvectors: Node


class QRResult(NamedTuple):
    """The result of `qr`."""

    Q: Node
    R: Node


def by_item(
    a: np.ndarray, outs: Sequence[np.ndarray], factor: Callable[[np.ndarray], Sequence[np.ndarray]]
) -> tuple[np.ndarray, ...]:
    """The outputs of `factor` for each matrix; for one that is not finite or has no factors, floats
    are nan and integers 0."""
    for out in outs:
        out[...] = np.nan if out.dtype.kind == "f" else 0
    for item in np.ndindex(a.shape[:-2]):
        if not np.isfinite(a[item]).all():
            continue
        try:
            found = factor(a[item])
        except np.linalg.LinAlgError:
            continue
        for out, value in zip(outs, found, strict=True):
            out[item] = value
    return tuple(outs)


def _apart(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Symmetric matrices with well separated eigenvalues, about 1, 2, ..., n."""
    q = np.linalg.qr(rng.normal(size=shape))[0]
    values = np.arange(1, shape[-1] + 1) + rng.uniform(-0.2, 0.2, shape[:-1])
    a = (q * values[..., None, :]) @ np.swapaxes(q, -1, -2)
    return (a + np.swapaxes(a, -1, -2)) / 2


@op
class Eigh(Core):
    """Ascending eigenvalues and eigenvectors (columns) of a symmetric matrix; all nan where it is
    not finite. Only the lower triangle is read, also by derivatives.

    The derivative of the vectors is inf or nan where two eigenvalues are equal, since it does not
    exist there; that of the eigenvalues does.
    """

    core, routine = "(n,n)->(n),(n,n)", "pt_eigh"
    mirrored = True
    samples = (
        Sample(lambda rng: (_apart(rng, 4, 4),)),
        Sample(lambda rng: (_apart(rng, 2, 3, 3) + np.triu(rng.normal(size=(3, 3)), 1),)),
        Sample(lambda rng: (np.stack([np.diag([3.0, 1.0]), np.full((2, 2), np.nan)]),),
               smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        n = sizes["n"]
        return 2 * n * n + 9 * n + 4

    def numpy(self, a):
        lower = np.tril(a)
        return by_item(lower, (np.empty(a.shape[:-1]), np.empty(a.shape)), np.linalg.eigh)

    def vjp(self, g, out, a):
        """Reverse rule of Giles (2008), An extended collection of matrix derivative results, 3.1,
        made symmetric."""
        (values, vectors), (g_values, g_vectors) = out, g
        transposed = adjoint(vectors)
        unit = ops.eye(a.shape[-1], dtype="bool")
        inner = 0.0
        if g_values is not None:
            inner = ops.where(unit, ops.expand_dims(g_values, -1), 0.0)
        if g_vectors is not None:
            gaps = ops.expand_dims(values, -2) - ops.expand_dims(values, -1)
            mixed = transposed @ g_vectors
            inner = inner + ops.where(unit, 0.0, mixed / ops.where(unit, 1.0, gaps))
        gradient = vectors @ inner @ transposed
        return ((gradient + adjoint(gradient)) / 2,)


@op
class LU(Core):
    """L and U in one matrix, pivots and rows: row i of a matrix is row rows[i] of L @ U.

    L, whose diagonal is ones, is below the diagonal of the first part, U on and above it. In turn,
    row i was swapped with row pivots[i], both int64. Where the matrix is not finite the factor is
    all nan, and pivots and rows are 0.
    """

    name = "lu"
    core, routine = "(n,n)->(n,n),(n),(n)", "pt_lu"
    gives = ("float64", "int64", "int64")
    samples = (
        Sample(lambda rng: (rng.normal(size=(4, 4)),)),
        Sample(lambda rng: (rng.normal(size=(2, 3, 3)),)),
        Sample(lambda rng: (np.stack([[[0.0, 1.0], [2.0, 3.0]], [[1.0, 2.0], [2.0, 4.0]],
                                      np.full((2, 2), np.inf)]),), smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        n = sizes["n"]
        return n * n + n

    def numpy(self, a):
        shape = a.shape[:-1]
        outs = (np.empty(a.shape), np.empty(shape, "int64"), np.empty(shape, "int64"))
        return by_item(a, outs, _lu)

    def vjp(self, g, out, a):
        """Reverse rule of Walter & Lehmann (2012), Algorithmic differentiation of linear algebra
        functions, from L and U in one matrix."""
        factor, _, rows = out
        lower, upper = triangles(factor)
        inner = ops.tril(adjoint(lower) @ ops.tril(g[0], -1), -1)
        inner = inner + ops.triu(ops.triu(g[0]) @ adjoint(upper))
        # L^-H inner U^-H; the second by its adjoint.
        left = solved(lower, inner, True, turned=True)
        both = adjoint(solved(upper, adjoint(left), False))
        return (ops.take_along_axis(both, ops.expand_dims(rows, -1), -2),)


def _lu(a: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """LU of one matrix, column by column, with partial pivoting."""
    factor, n = np.array(a), a.shape[0]
    pivots, rows = np.zeros(n, "int64"), np.arange(n)
    for k in range(n):
        pivots[k] = p = k + int(np.argmax(np.abs(factor[k:, k])))
        factor[[k, p]] = factor[[p, k]]
        if factor[k, k] != 0:
            factor[k + 1 :, k] /= factor[k, k]
        factor[k + 1 :, k + 1 :] -= np.outer(factor[k + 1 :, k], factor[k, k + 1 :])
    for k in reversed(range(n)):
        rows[[k, pivots[k]]] = rows[[pivots[k], k]]
    return factor, pivots, rows


def triangles(factor: Node) -> tuple[Node, Node]:
    """(L, U) from the matrix that contains both; L has a unit diagonal."""
    unit = ops.eye(factor.shape[-1], dtype="bool")
    return ops.where(unit, 1.0, ops.tril(factor, -1)), ops.triu(factor)


@op
class QR(Core):
    """q, of orthonormal columns, and upper triangular r with q @ r == a, for a of shape (m, n):
    their shapes are (m, k) and (k, n) with k = min(m, n). All nan where a is not finite."""

    name = "qr"
    core, routine = "(m,n)->(m,k),(k,n)", "pt_qr"
    samples = (
        Sample(lambda rng: (rng.normal(size=(4, 3)),)),
        Sample(lambda rng: (rng.normal(size=(2, 3, 4)),)),
        Sample(lambda rng: (rng.normal(size=(3, 3)),)),
        Sample(lambda rng: (np.stack([np.ones((3, 2)), np.full((3, 2), np.nan)]),), smooth=False),
    )  # fmt: skip

    def derived_sizes(self, sizes):
        return {"k": size_min(sizes["m"], sizes["n"])}

    def workspace(self, sizes):
        m, n = sizes["m"], sizes["n"]
        return m * n + size_min(m, n) + 32 * n

    def numpy(self, a):
        (m, n), k = a.shape[-2:], min(a.shape[-2:])
        outs = (np.empty((*a.shape[:-2], m, k)), np.empty((*a.shape[:-2], k, n)))
        return by_item(a, outs, np.linalg.qr)

    def vjp(self, g, out, a):
        """Reverse rule of Roberts & Roberts (2020), arXiv:2009.10071: the first k columns of a give
        q and the square part of r, the others are q times the rest of r."""
        q, r = out
        g_q, g_r = (ops.zeros_like(x) if gx is None else gx for x, gx in zip(out, g, strict=True))
        k = r.shape[-2]
        square, g_square, g_rest = r[..., :k], g_r[..., :k], g_r[..., k:]
        g_q = g_q + a[..., k:] @ adjoint(g_rest)
        m = square @ adjoint(g_square) - adjoint(g_q) @ q
        right = g_q + q @ hermitian_of(m)
        first = adjoint(solved(square, adjoint(right), False))
        return (ops.concatenate([first, q @ g_rest], -1),)


@public
def eigh(
    a: TensorLike, UPLO: str = "L", *, b: TensorLike | None = None, type: int = 1
) -> EighResult:
    """Eigenvalues and eigenvectors of symmetric matrices: (eigenvalues, eigenvectors).

    a: shape (..., n, n), as float64. Only one triangle is read, the lower one or, with UPLO="U",
        the upper one, also by derivatives.
    b: positive definite, of the shape of a, and read as a is: then a @ v == w * b @ v for an
        eigenvalue w and its vector v, a @ b @ v == w * v for type 2, and b @ a @ v == w * v for
        type 3, as scipy.linalg.eigh has them; v.T @ b @ v == 1 (for type 3, v.T @ inv(b) @ v).

    The eigenvalues have shape (..., n), in ascending order; column k of eigenvectors[..., :, :]
    belongs to eigenvalue k, with a sign that is not specified. Where a is not finite all are nan,
    and where b is not positive definite. The derivative of eigenvectors does not exist where
    eigenvalues are equal.

        values, vectors = pt.linalg.eigh(cov)
        root = vectors * pt.sqrt(values) @ vectors.mT

    Returns a pair of float64 tensors, `eigenvalues` and `eigenvectors`; the vectors of complex
    matrices, which are Hermitian, are complex128, and of phases that are not specified: derivatives
    are right for what does not depend on them.
    Raises GraphError, a TypeError, for matrices that are not square and for another UPLO or type.
    Source: Golub and Van Loan (2013), "Matrix Computations", 8.3 and 8.7.

        >>> pt.linalg.eigh([[2.0, 0.0], [0.0, 4.0]]).eigenvalues.eval()
        array([2., 4.])
    """
    a, b = read_triangles("eigh", a, b, UPLO)
    if b is not None:
        return ops.linalg.eigen.generalised("eigh", a, b, type)
    return EighResult(*eigh_of(a, "eigh"))


def eigh_of(a: Node, what: str) -> tuple[Node, ...]:
    """The eigenvalues and eigenvectors of a matrix whose lower triangle counts."""
    return _linear.eigh(a) if a.is_complex else parts(Eigh().apply(a, what=what))


def hermitian_of(a: Node) -> Node:
    """The Hermitian matrix whose lower triangle is that of a; of a complex diagonal the real part
    counts."""
    lower = ops.tril(a)
    if a.is_complex:
        lower = ops.where(ops.eye(a.shape[-1], dtype="bool"), ops.real(lower), lower)
    return lower + adjoint(ops.tril(a, -1))


def of_lower(cotangent: Node) -> Node:
    """The cotangent of the lower triangle of symmetric (Hermitian) matrices, given theirs: an
    element below the diagonal has the share of its mirror image, too."""
    unit = ops.eye(cotangent.shape[-1], dtype="bool")
    return ops.tril(ops.where(unit, cotangent, 2 * cotangent))


def read_triangles(
    what: str, a: TensorLike, b: TensorLike | None, UPLO: str
) -> tuple[Node, Node | None]:
    """The matrices whose lower triangles are those to be read."""
    if not isinstance(UPLO, str) or UPLO not in ("L", "U", "l", "u"):
        way = "" if isinstance(UPLO, str) else "; a second matrix goes by b="
        raise GraphError(f"{what}: UPLO is 'L' or 'U', not {UPLO!r:.60}{way}")
    a, b = (None if x is None else matrices(what, x) for x in (a, b))
    if UPLO in "Ll":
        return a, b
    return adjoint(a), None if b is None else adjoint(b)


@public(lacks=("check_finite",))
def lu_factor(
    a: TensorLike, overwrite_a: bool = False, check_finite: bool = False
) -> tuple[Node, Node]:
    """L and U of a square matrix in one matrix, and its pivots: (lu, piv); SciPy's signature.

    a: shape (..., n, n), as float64. L, whose diagonal is ones, is below the diagonal of lu, U on
    and above it; piv, int64 of shape (..., n), says that row i was swapped with row piv[i] in turn.
    Where a is not finite lu is nan.

        lu, piv = pt.linalg.lu_factor(a)

    Returns a pair of tensors, of float64 (complex128 for complex matrices) and of int64.
    Raises GraphError, a TypeError, for matrices that are not square.
    Source: Golub and Van Loan (2013), "Matrix Computations", 3.4.

        >>> lu, piv = pt.linalg.lu_factor([[2.0, 0.0], [0.0, 4.0]])
        >>> piv.eval()
        array([0, 1])
    """
    factor, pivots, _ = lu_of(matrices("lu_factor", a), "lu_factor")
    return factor, pivots


def lu_of(a: Node, what: str) -> tuple[Node, ...]:
    """L and U in one matrix, pivots and rows."""
    return _linear.lu(a, what) if a.is_complex else parts(LU().apply(a, what=what))


@public(lacks=("check_finite",))
def lu(
    a: TensorLike,
    permute_l: bool = False,
    overwrite_a: bool = False,
    check_finite: bool = False,
    p_indices: bool = False,
) -> tuple[Node, ...]:
    """LU factors of a square matrix with partial pivoting: (p, l, u) with a == p @ l @ u; SciPy's
    signature.

    a: shape (..., n, n), as float64. l is lower triangular with a diagonal of ones, u upper
    triangular, p a permutation. With `p_indices` p is int64 of shape (..., n) instead, and row i of
    a is row p[i] of l @ u. With `permute_l` the result is (p @ l, u). Where a is not finite the
    triangles of l and u are nan.

        p, l, u = pt.linalg.lu(a)

    Returns a tuple of tensors, as above; l and u of complex matrices are complex128.
    Raises GraphError, a TypeError, for matrices that are not square.
    Source: Golub and Van Loan (2013), "Matrix Computations", 3.4.

        >>> p, l, u = pt.linalg.lu([[2.0, 0.0], [0.0, 4.0]])
        >>> u.eval()
        array([[2., 0.],
               [0., 4.]])
    """
    factor, _, rows = lu_of(matrices("lu", a), "lu")
    lower, upper = triangles(factor)
    columns = ops.expand_dims(rows, -1)
    if flag(permute_l, "lu: permute_l"):
        return ops.take_along_axis(lower, columns, -2), upper
    if flag(p_indices, "lu: p_indices"):
        return rows, lower, upper
    permutation = ops.astype(ops.eq(columns, ops.arange(rows.shape[-1])), "float64")
    return permutation, lower, upper
