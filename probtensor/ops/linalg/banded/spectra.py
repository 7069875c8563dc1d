"""Eigenvalues of symmetric matrices of few diagonals."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.graph.parts import parts
from probtensor.ops.kinds import Core, op
from probtensor.ops.kinds.function import as_tensor_of
from probtensor.ops.linalg.banded.definite import banded, dense, lower_of
from probtensor.ops.linalg.factors import EighResult
from probtensor.ops.linalg.products import matrices
from probtensor.ops.reductions.folds import described, flag
from probtensor.ops.samples import Sample


def _apart(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Lower bands of matrices with well separated eigenvalues."""
    bands = 0.2 * rng.normal(size=shape)
    bands[..., 0, :] = np.arange(1, shape[-1] + 1) + rng.uniform(-0.2, 0.2, shape[-1])
    return bands


def _of_symmetric(values: Node, vectors: Node, g: tuple) -> tuple[Node, Node]:
    """Factors of the cotangent of a symmetric matrix, left @ right.mT, from those of its
    eigenvalues and eigenvectors: Giles (2008), "An extended collection of matrix derivative
    results", 3.1."""
    g_values, g_vectors = g
    left = 0.0
    if g_values is not None:
        left = vectors * ops.expand_dims(g_values, -2)
    if g_vectors is not None:
        unit = ops.eye(values.shape[-1], dtype="bool")
        gaps = ops.expand_dims(values, -2) - ops.expand_dims(values, -1)
        mixed = ops.matrix_transpose(vectors) @ g_vectors
        left = left + vectors @ ops.where(unit, 0.0, mixed / ops.where(unit, 1.0, gaps))
    return left, vectors


class _OfBand(Core):
    """Eigenvalues of a symmetric matrix given as a lower band."""

    rounding = 30.0
    samples = (
        Sample(lambda rng: (_apart(rng, 3, 5),)),
        Sample(lambda rng: (_apart(rng, 2, 2, 4),)),
        Sample(lambda rng: (_apart(rng, 3, 2),)),
        Sample(lambda rng: (np.array([[[3.0, 1.0]], [[1.0, np.nan]]]),), smooth=False),
    )

    def eigen(self, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values and vectors of all items, by the routine of LAPACK that gives the same signs."""
        from scipy.linalg.lapack import dsbevd

        batch, n = a.shape[:-2], a.shape[-1]
        values, vectors = np.full((*batch, n), np.nan), np.full((*batch, n, n), np.nan)
        for item in np.ndindex(a.shape[:-2]):
            half = dense(a[item])
            if np.isfinite(half).all():
                values[item], vectors[item], _ = dsbevd(banded(half, min(a.shape[-2], n)), lower=1)
        return values, vectors


@op
class EigBanded(_OfBand):
    """Ascending eigenvalues and eigenvectors (columns) of a symmetric matrix of few diagonals, a
    lower band; all nan where it is not finite. The derivatives of the vectors are inf or nan where
    two eigenvalues are equal."""

    name = "eig_banded"
    core, routine = "(r,n)->(n),(n,n)", "pt_eig_banded"
    samples = tuple(Sample(sample.make, smooth=False) for sample in _OfBand.samples)  # signs

    def workspace(self, sizes):
        r, n = sizes["r"], sizes["n"]
        return r * n + 3 * n * n + 8 * n + 4

    def numpy(self, a):
        return self.eigen(a)

    def vjp(self, g, out, a):
        return (_on_diagonals(*_of_symmetric(*out, g), a),)


def _on_diagonals(left: Node, right: Node, a: Node) -> Node:
    """The sums of elements (i, j) and (j, i) of left @ right.mT, in the place of a lower band."""
    whole = left @ ops.matrix_transpose(right)
    both = whole + ops.matrix_transpose(whole)
    (r, n), columns = a.shape[-2:], ops.arange(a.shape[-1])
    rows = ops.expand_dims(ops.arange(r), -1)
    places = ops.clip(columns + rows, 0, n - 1) * n + columns
    flat = ops.reshape(both, (*both.shape[:-2], n * n))
    found = ops.take(flat, places, axis=-1, mode="clip") * ops.where(ops.eq(rows, 0), 0.5, 1.0)
    return ops.where(columns + rows < n, found, 0.0)


@op
class EigvalsBanded(_OfBand):
    """The eigenvalues of `EigBanded`."""

    name = "eigvals_banded"
    core, routine = "(r,n)->(n)", "pt_eigvals_banded"

    def workspace(self, sizes):
        r, n = sizes["r"], sizes["n"]
        return r * n + 2 * n + 1

    def numpy(self, a):
        return self.eigen(a)[0]

    def vjp(self, g, out, a):
        vectors = parts(EigBanded()(a))[1]
        return (_on_diagonals(*_of_symmetric(out, vectors, (g, None)), a),)


class _Tridiagonal(Core):
    """Eigenvalues of a symmetric matrix of three diagonals, the main one and one beside it, whose
    last element is not read."""

    rounding = 30.0
    samples = (
        Sample(lambda rng: tuple(_apart(rng, 2, 5))),
        Sample(lambda rng: tuple(np.moveaxis(_apart(rng, 2, 2, 4), 1, 0))),
        Sample(lambda rng: (np.array([[3.0], [np.nan]]), np.zeros((2, 1))), smooth=False),
    )

    def eigen(self, d: np.ndarray, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values and vectors of all items."""
        return _OfBand.eigen(self, np.stack([d, e], -2))


@op
class EighTridiagonal(_Tridiagonal):
    """Ascending eigenvalues and eigenvectors (columns) of a symmetric matrix of three diagonals,
    the main one and one beside it, whose last element is not read; all nan where they are not
    finite. The derivatives of the vectors are inf or nan where two eigenvalues are equal."""

    name = "eigh_tridiagonal"
    core, routine = "(n),(n)->(n),(n,n)", "pt_eigh_tridiagonal"
    samples = tuple(Sample(sample.make, smooth=False) for sample in _Tridiagonal.samples)  # signs

    def workspace(self, sizes):
        n = sizes["n"]
        return 2 * n * n + 8 * n + 3

    def numpy(self, d, e):
        return self.eigen(d, e)

    def vjp(self, g, out, d, e):
        return _on_two(*_of_symmetric(*out, g))


def _on_two(left: Node, right: Node) -> tuple[Node, Node]:
    """The diagonal of left @ right.mT, and the sums of elements on both sides of it."""
    below = left[..., 1:, :] * right[..., :-1, :]
    beside = ops.sum(below + left[..., :-1, :] * right[..., 1:, :], -1)
    ends = [(0, 0)] * (beside.ndim - 1) + [(0, 1)]
    return ops.sum(left * right, -1), ops.pad(beside, ends)


@op
class EigvalshTridiagonal(_Tridiagonal):
    """The eigenvalues of `EighTridiagonal`."""

    name = "eigvalsh_tridiagonal"
    core, routine = "(n),(n)->(n)", "pt_eigvalsh_tridiagonal"

    def workspace(self, sizes):
        return sizes["n"] + 2

    def numpy(self, d, e):
        return self.eigen(d, e)[0]

    def vjp(self, g, out, d, e):
        vectors = parts(EighTridiagonal()(d, e))[1]
        return _on_two(*_of_symmetric(out, vectors, (g, None)))


def _chosen(what: str, n: object, select: object, select_range: object) -> slice:
    """Which eigenvalues are wanted."""
    if select == "a":
        return slice(None)
    if select != "i":
        raise GraphError(
            f"{what}: select is 'a' or 'i', not {select!r:.60}; how many values lie between two "
            "numbers is known only in a call: choose among all of them"
        )
    pair = tuple(select_range) if isinstance(select_range, (tuple, list)) else ()
    whole = all(isinstance(k, (int, np.integer)) and not isinstance(k, bool) for k in pair)
    beyond = isinstance(n, int) and len(pair) == 2 and whole and pair[1] >= n
    if len(pair) != 2 or not whole or not 0 <= pair[0] <= pair[1] or beyond:
        raise GraphError(
            f"{what}: select_range is the first and the last place of the eigenvalues wanted, in "
            f"ascending order, not {select_range!r:.60}"
        )
    return slice(int(pair[0]), int(pair[1]) + 1)


def _lower_band(what: str, a_band: TensorLike, lower: bool) -> Node:
    half = as_tensor_of(matrices(what, a_band), "float64")
    return half if flag(lower, f"{what}: lower") else lower_of(half)


@public(lacks=("max_ev", "check_finite"))
def eig_banded(
    a_band: TensorLike,
    lower: bool = False,
    eigvals_only: bool = False,
    overwrite_a_band: bool = False,
    select: str = "a",
    select_range: tuple[int, int] | None = None,
    max_ev: int = 0,
    check_finite: bool = False,
) -> EighResult | Node:
    """Eigenvalues and eigenvectors of symmetric matrices of few diagonals; SciPy's signature.

    a_band: shape (..., u + 1, n), the diagonals of the upper triangle, a_band[u + i - j, j] ==
    a[i, j], or with `lower` of the lower one, a_band[i - j, j] == a[i, j]. What lies outside of a
    is not read. With select="i" and a `select_range` only the values at these places, the last one
    included, in ascending order; all are computed. Values alone, for which n * n * u steps are
    enough, with `eigvals_only`.

    Returns a pair of float64 tensors, `eigenvalues` of shape (..., n) and `eigenvectors` of shape
    (..., n, n), in columns, with signs that are not specified; with `eigvals_only` the first one.
    nan where a is not finite. The derivative of vectors does not exist where values are equal.
    Raises GraphError, a TypeError, for less than two axes and other ways to select.
    Source: Golub and Van Loan (2013), "Matrix Computations", 8.3.

        >>> pt.linalg.eig_banded([[0.0, 1.0], [2.0, 2.0]]).eigenvalues.eval()
        array([1., 3.])
    """
    if flag(eigvals_only, "eig_banded: eigvals_only"):
        return eigvals_banded(a_band, lower, False, select, select_range)
    half = _lower_band("eig_banded", a_band, lower)
    wanted = _chosen("eig_banded", half.shape[-1], select, select_range)
    values, vectors = parts(make(EigBanded(), (half,), what="eig_banded"))
    return EighResult(values[..., wanted], vectors[..., wanted])


@public(lacks=("check_finite",))
def eigvals_banded(
    a_band: TensorLike,
    lower: bool = False,
    overwrite_a_band: bool = False,
    select: str = "a",
    select_range: tuple[int, int] | None = None,
    check_finite: bool = False,
) -> Node:
    """Eigenvalues of symmetric matrices of few diagonals, ascending, as `eig_banded` has them;
    SciPy's signature.

    Returns a float64 tensor of shape (..., n) for a_band of shape (..., u + 1, n).
    Raises what `eig_banded` raises.

        >>> pt.linalg.eigvals_banded([[0.0, 1.0], [2.0, 2.0]]).eval()
        array([1., 3.])
    """
    half = _lower_band("eigvals_banded", a_band, lower)
    wanted = _chosen("eigvals_banded", half.shape[-1], select, select_range)
    return make(EigvalsBanded(), (half,), what="eigvals_banded")[..., wanted]


def _diagonals(what: str, d: TensorLike, e: TensorLike) -> tuple[Node, Node]:
    d, e = (as_tensor_of(as_tensor(x), "float64") for x in (d, e))
    for name, x in (("d", d), ("e", e)):
        if x.ndim < 1:
            raise GraphError(f"{what}: {name} needs an axis{described(x)}")
    return d, ops.pad(e, [(0, 0)] * (e.ndim - 1) + [(0, 1)])


@public(lacks=("check_finite", "tol", "lapack_driver"))
def eigh_tridiagonal(
    d: TensorLike,
    e: TensorLike,
    eigvals_only: bool = False,
    select: str = "a",
    select_range: tuple[int, int] | None = None,
    check_finite: bool = False,
    tol: float = 0.0,
    lapack_driver: str = "auto",
) -> EighResult | Node:
    """Eigenvalues and eigenvectors of symmetric matrices of three diagonals; SciPy's signature.

    d: shape (..., n), the main diagonal; e: shape (..., n - 1), the one beside it; leading axes
    broadcast. With select="i" and a `select_range` only the values at these places, the last one
    included, in ascending order; all are computed. Values alone, in about n * n steps, with
    `eigvals_only`.

    Returns a pair of float64 tensors, `eigenvalues` of shape (..., n) and `eigenvectors` of shape
    (..., n, n), in columns, with signs that are not specified; with `eigvals_only` the first one.
    nan where d or e is not finite. The derivative of vectors does not exist where values are equal.
    Raises GraphError, a TypeError, for numbers, sizes that do not fit and other ways to select;
    ValueError where only a call can tell.
    Source: Golub and Van Loan (2013), "Matrix Computations", 8.3 and 8.4.

        >>> pt.linalg.eigh_tridiagonal([2.0, 2.0], [1.0]).eigenvalues.eval()
        array([1., 3.])
    """
    what = "eigh_tridiagonal"
    if flag(eigvals_only, f"{what}: eigvals_only"):
        return eigvalsh_tridiagonal(d, e, select, select_range)
    d, e = _diagonals(what, d, e)
    wanted = _chosen(what, d.shape[-1], select, select_range)
    values, vectors = parts(EighTridiagonal().apply(d, e, what=what))
    return EighResult(values[..., wanted], vectors[..., wanted])


@public(lacks=("check_finite", "tol", "lapack_driver"))
def eigvalsh_tridiagonal(
    d: TensorLike,
    e: TensorLike,
    select: str = "a",
    select_range: tuple[int, int] | None = None,
    check_finite: bool = False,
    tol: float = 0.0,
    lapack_driver: str = "auto",
) -> Node:
    """Eigenvalues of symmetric matrices of three diagonals, ascending, as `eigh_tridiagonal` has
    them; SciPy's signature.

    Returns a float64 tensor of shape (..., n) for d of shape (..., n).
    Raises what `eigh_tridiagonal` raises.

        >>> pt.linalg.eigvalsh_tridiagonal([2.0, 2.0], [1.0]).eval()
        array([1., 3.])
    """
    what = "eigvalsh_tridiagonal"
    d, e = _diagonals(what, d, e)
    wanted = _chosen(what, d.shape[-1], select, select_range)
    return EigvalshTridiagonal().apply(d, e, what=what)[..., wanted]
