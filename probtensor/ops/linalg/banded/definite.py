"""Cholesky factors of matrices of few diagonals, and systems by them, in linear time.

All ops have lower bands of shape (r, n): bands[k, j] is the element (j + k, j) of a matrix. What
lies outside of it is not read, and 0 in results.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, make
from probtensor.ops.kinds import Core, op
from probtensor.ops.kinds.function import as_tensor_of
from probtensor.ops.linalg.bands import taken, taken_rows
from probtensor.ops.linalg.products import matrices
from probtensor.ops.linalg.solving import columns_of
from probtensor.ops.reductions.folds import flag
from probtensor.ops.samples import Sample
from probtensor.types import SizeCheck


def lower_of(half: Node) -> Node:
    """The lower band of a symmetric matrix, from its upper one."""
    places, rows = ops.arange(half.shape[-1]), ops.expand_dims(ops.arange(half.shape[-2]), -1)
    return ops.flip(taken(half, places - rows + (half.shape[-2] - 1)), -2)


def upper_of(half: Node) -> Node:
    """The upper band of a symmetric matrix, from its lower one."""
    places, rows = ops.arange(half.shape[-1]), ops.expand_dims(ops.arange(half.shape[-2]), -1)
    return ops.flip(taken(half, places - rows), -2)


def dense(bands: np.ndarray) -> np.ndarray:
    """The lower triangle with a lower band."""
    (r, n), out = bands.shape, np.zeros((bands.shape[1], bands.shape[1]))
    for k in range(min(r, n)):
        out += np.diag(bands[k, : n - k], -k)
    return out


def banded(a: np.ndarray, r: int) -> np.ndarray:
    """The lower band of r diagonals of a matrix."""
    out = np.zeros((r, a.shape[0]))
    for k in range(min(r, a.shape[0])):
        out[k, : a.shape[0] - k] = np.diag(a, -k)
    return out


def definite(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Lower bands of symmetric positive definite matrices."""
    bands = rng.normal(size=shape)
    bands[..., 0, :] = 2 * shape[-2] + 2 + rng.uniform(size=(*shape[:-2], shape[-1]))
    return bands


@op
class CholeskyBanded(Core):
    """The lower factor of a symmetric positive definite matrix, both as lower bands; all nan where
    it is none, or not finite."""

    name = "cholesky_banded"
    core, routine = "(r,n)->(r,n)", "pt_cholesky_banded"
    rounding = 10.0
    samples = (
        Sample(lambda rng: (definite(rng, 3, 5),)),
        Sample(lambda rng: (definite(rng, 2, 2, 4),)),
        Sample(lambda rng: (definite(rng, 3, 2),)),
        Sample(lambda rng: (np.array([[[1.0, 2.0]], [[1.0, -2.0]], [[np.nan, 1.0]]]),),
               smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        return sizes["r"] * sizes["n"]

    def numpy(self, a):
        out = np.full(a.shape, np.nan)
        for item in np.ndindex(a.shape[:-2]):
            half = dense(a[item])
            found = ops.Cholesky().numpy(half + np.tril(half, -1).T)
            if np.isfinite(found).all():
                out[item] = banded(found, a.shape[-2])
        return out

    def vjp(self, g, out, a):
        return (make(CholeskyBandedCotangent(), (out, g)),)


class _OfFactor(Core):
    """What a change of a matrix and that of its factor L say of each other. With y the second one,
    J(L) y = y L.mT + L y.mT, restricted to the band, is the first one."""

    core = "(r,n),(r,n)->(r,n)"
    rounding = 30.0
    samples = (
        Sample(lambda rng: (definite(rng, 3, 5), rng.normal(size=(3, 5)))),
        Sample(lambda rng: (definite(rng, 2, 2, 4), rng.normal(size=(2, 2, 4)))),
    )

    def workspace(self, sizes):
        return 2 * sizes["r"] * sizes["n"]


@op
class CholeskyBandedTangent(_OfFactor):
    """What the factor of a matrix of few diagonals changes by where the matrix changes by a: y with
    y @ L.mT + L @ y.mT == a, for a factor L; all are lower bands."""

    name, routine = "cholesky_banded_tangent", "pt_cholesky_banded_tangent"

    def numpy(self, factor, a):
        out = np.zeros(a.shape)
        for item in np.ndindex(a.shape[:-2]):
            low, half = dense(factor[item]), dense(a[item])
            whole = half + np.tril(half, -1).T
            inner = np.tril(np.linalg.solve(low, np.linalg.solve(low, whole).T))
            inner[np.diag_indices_from(inner)] /= 2
            out[item] = banded(low @ inner, a.shape[-2])
        return out

    def vjp(self, g, out, factor, a):
        x = make(CholeskyBandedCotangent(), (factor, g))
        return -_transposed(out, x), x


@op
class CholeskyBandedCotangent(_OfFactor):
    """The cotangent of the elements of a matrix of few diagonals, each of which counts once, given
    its factor and the cotangent of that; all are lower bands. It is the transpose of
    `CholeskyBandedTangent`, so that derivatives of any order are of these two."""

    name, routine = "cholesky_banded_cotangent", "pt_cholesky_banded_cotangent"

    def numpy(self, factor, g):
        out, (r, n) = np.zeros(g.shape), g.shape[-2:]
        places = [(k, j) for k in range(r) for j in range(n - k)]
        for item in np.ndindex(g.shape[:-2]):
            for place in places:
                unit = np.zeros((r, n))
                unit[place] = 1.0
                pushed = CholeskyBandedTangent().numpy(factor[item], unit)
                out[(*item, *place)] = sum(pushed[at] * g[(*item, *at)] for at in places)
        return out

    def vjp(self, g, out, factor, cotangent):
        y = make(CholeskyBandedTangent(), (factor, g))
        return -_transposed(y, out), y


def _transposed(y: Node, x: Node) -> Node:
    """The transpose of J(y) applied to x, lower bands both: (x + x.mT) @ y within the band."""
    r, n = x.shape[-2:]
    k, m = ops.expand_dims(ops.arange(r), (-2, -1)), ops.expand_dims(ops.arange(r), -1)
    columns = ops.arange(n)
    inside = columns + ops.maximum(k, m) < n
    places = ops.abs(k - m) * n + ops.clip(columns + ops.minimum(k, m), 0, n - 1)
    flat = ops.reshape(x, (*x.shape[:-2], r * n))
    weights = ops.where(ops.eq(k, m), 2.0, 1.0)
    symmetric = ops.where(inside, ops.take(flat, places, axis=-1, mode="clip") * weights, 0.0)
    factor = ops.where(inside, ops.expand_dims(y, -3), 0.0)
    return ops.sum(symmetric * factor, -2)


class _LowerBand(Core):
    """A system of a lower triangular matrix, given as a lower band, or of its transpose."""

    core = "(r,n),(n,k)->(n,k)"
    rounding = 10.0
    transposed = False
    samples = (
        Sample(lambda rng: (definite(rng, 3, 5), rng.normal(size=(5, 2)))),
        Sample(lambda rng: (definite(rng, 2, 3, 2), rng.normal(size=(2, 2, 1)))),
    )

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        yield from super().requires(node)
        bands = node.inputs[0].type.shape
        text = (f"{self.name}: a band has its main diagonal, and this one has shape ", bands)
        yield SizeCheck(1, "<=", bands[-2], text)

    def numpy(self, bands, b):
        out = np.empty(b.shape)
        for item in np.ndindex(b.shape[:-2]):
            low = dense(bands[item])
            out[item] = np.linalg.solve(low.T if self.transposed else low, b[item])
        return out

    def vjp(self, g, out, bands, b):
        """As for any system, on the diagonals alone."""
        other = SolveLowerBand() if self.transposed else SolveLowerBandTransposed()
        gb = make(other, (bands, g))
        left, right = (out, gb) if self.transposed else (gb, out)
        (r, n), columns = bands.shape[-2:], ops.arange(bands.shape[-1])
        found = taken_rows(left, columns + ops.broadcast_to(
            ops.expand_dims(ops.arange(r), -1), (r, n)
        ))  # fmt: skip
        return -ops.sum(found * ops.expand_dims(right, -3), -1), gb


@op
class SolveLowerBand(_LowerBand):
    """x with a @ x == b, for a lower triangular matrix `a` given as a lower band."""

    name, routine = "solve_lower_band", "pt_solve_lower_band"


@op
class SolveLowerBandTransposed(_LowerBand):
    """x with a.mT @ x == b, for a lower triangular matrix `a` given as a lower band."""

    name, routine = "solve_lower_band_transposed", "pt_solve_lower_band_transposed"
    transposed = True


@public(lacks=("check_finite",))
def cholesky_banded(
    ab: TensorLike, overwrite_ab: bool = False, lower: bool = False, check_finite: bool = False
) -> Node:
    """The Cholesky factor of symmetric positive definite matrices of few diagonals, as diagonals
    too; SciPy's signature.

    ab: shape (..., u + 1, n), the diagonals of the upper triangle, ab[u + i - j, j] == a[i, j], or
    with `lower` of the lower one, ab[i - j, j] == a[i, j]. What lies outside of `a` is not read,
    and 0 in the result: the factor U with U.mT @ U == a, or with `lower` L with L @ L.mT == a. In
    about n * u * u steps, and its gradient in three times as many.

        factor = pt.linalg.cholesky_banded(precision)
        mean = pt.linalg.cho_solve_banded((factor, False), b)
        logdet = 2 * pt.sum(pt.log(factor[-1]))

    Returns a float64 tensor of the shape of `ab`; nan where a is not positive definite.
    Raises GraphError, a TypeError, for less than two axes.
    Source: Golub and Van Loan (2013), "Matrix Computations", 4.3.

        >>> pt.linalg.cholesky_banded([[0.0, 2.0], [4.0, 5.0]]).eval()
        array([[0., 1.],
               [2., 2.]])
    """
    half = as_tensor_of(matrices("cholesky_banded", ab), "float64")
    if flag(lower, "cholesky_banded: lower"):
        return make(CholeskyBanded(), (half,), what="cholesky_banded")
    return upper_of(make(CholeskyBanded(), (lower_of(half),), what="cholesky_banded"))


@public(lacks=("check_finite",))
def cho_solve_banded(
    cb_and_lower: tuple[TensorLike, bool],
    b: TensorLike,
    overwrite_b: bool = False,
    check_finite: bool = False,
) -> Node:
    """x with a @ x == b, given the factor of `a` from `cholesky_banded`; SciPy's signature.

    cb_and_lower: the factor, of shape (..., u + 1, n), and whether it is the lower one. b: a
    vector, or columns on its last two axes; leading axes broadcast. In about n * u steps for each
    column, and so is the gradient.

    Returns a float64 tensor of the shape of `b`, with leading axes broadcast.
    Raises GraphError, a TypeError, for what is no such pair, and sizes that do not fit; ValueError
    where only a call can tell.
    Source: Golub and Van Loan (2013), "Matrix Computations", 4.3.

        >>> factor = pt.linalg.cholesky_banded([[0.0, 2.0], [4.0, 5.0]])
        >>> pt.linalg.cho_solve_banded((factor, False), [6.0, 7.0]).eval()
        array([1., 1.])
    """
    what = "cho_solve_banded"
    if not isinstance(cb_and_lower, (tuple, list)) or len(cb_and_lower) != 2:
        raise GraphError(f"{what}: takes (cb, lower), cb being what cholesky_banded gives")
    factor = as_tensor_of(matrices(what, cb_and_lower[0]), "float64")
    if not flag(cb_and_lower[1], f"{what}: lower"):
        factor = lower_of(factor)
    b, is_vector = columns_of(what, b)
    half = SolveLowerBand().apply(factor, b, what=what)
    found = SolveLowerBandTransposed().apply(factor, half, what=what)
    return ops.squeeze(found, -1) if is_vector else found
