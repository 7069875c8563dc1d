"""Singular values, and what follows from them: pseudo-inverses, least squares, ranks, conditions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.graph.parts import parts
from probtensor.late import late
from probtensor.ops.kinds import Composite, Core, op
from probtensor.ops.kinds.function import as_tensor_of
from probtensor.ops.linalg.factors import by_item, hermitian_of, of_lower
from probtensor.ops.linalg.products import adjoint, matrices
from probtensor.ops.reductions.folds import described, flag
from probtensor.ops.samples import Sample
from probtensor.ops.size_laws import aligned, equal
from probtensor.types import (
    ShapeError,
    SizeCheck,
    TensorType,
    broadcast_shapes,
    shape_text,
    size_max,
    size_min,
)

_linear = late("probtensor.ops.complexes.linear")

EPS = float(np.finfo(np.float64).eps)


class SVDResult(NamedTuple):
    """The result of `svd`."""

    U: Node
    S: Node
    Vh: Node


def _distinct(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Matrices with well separated singular values, about 1, 2, ..., k."""
    u, _, vh = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    s = np.arange(min(shape[-2:]), 0, -1) + rng.uniform(-0.2, 0.2, u.shape[-1])
    return (u * s) @ vh


class _Singular(Core):
    """A factorisation by dgesdd of items of shape (m, n), with k = min(m, n)."""

    rounding = 30.0
    full = False

    def derived_sizes(self, sizes):
        return {"k": size_min(sizes["m"], sizes["n"])}

    def workspace(self, sizes):
        m, n = sizes["m"], sizes["n"]
        most, least = size_max(m, n), size_min(m, n)
        return m * n + 4 * least * least + 11 * least + most + 64 * (most + least)

    def numpy(self, a):
        (m, n), k, batch = a.shape[-2:], min(a.shape[-2:]), a.shape[:-2]
        rows, columns = (m, n) if self.full else (k, k)
        outs = (np.empty((*batch, m, rows)), np.empty((*batch, k)), np.empty((*batch, columns, n)))

        def factor(x):  # dgesdd of the transpose, as the routine has it
            v, s, uh = np.linalg.svd(x.T, full_matrices=self.full)
            return uh.T, s, v.T

        return by_item(a, outs, factor)

    def vjp(self, g, out, a):
        """Townsend (2016), "Differentiating the singular value decomposition". Columns of u and v
        that belong to no singular value turn with the others."""
        (u, s, vh), (gu, gs, gvh) = out, g
        k = s.shape[-1]
        first, second = u[..., :k], adjoint(vh[..., :k, :])
        unit = ops.eye(k, dtype="bool")
        inner = 0.0
        if gs is not None:
            inner = ops.where(unit, ops.expand_dims(gs, -1), 0.0)
        rest = None
        for g_vectors, vectors, is_left in ((gu, u, True), (gvh, vh, False)):
            if g_vectors is None:
                continue
            if not is_left:
                g_vectors, vectors = map(adjoint, (g_vectors, vectors))
            turns = _turns(vectors, g_vectors, s, k, is_left)
            scaled = turns * ops.expand_dims(s, -2 if is_left else -1)
            inner = inner + scaled
            if vectors.shape[-2] == k:
                continue  # they span the whole space, also where one of the values is 0
            outside = self._outside(vectors, g_vectors, k) / ops.expand_dims(s, -2)
            beyond = outside @ adjoint(second) if is_left else first @ adjoint(outside)
            rest = beyond if rest is None else rest + beyond
        through = first @ inner @ adjoint(second)
        return (through if rest is None else through + rest,)

    def _outside(self, vectors: Node, g: Node, k: object) -> Node:
        """The part of the cotangents of the first k vectors outside of their span."""
        first, g_first = vectors[..., :k], g[..., :k]
        if not self.full:
            return g_first - first @ (adjoint(first) @ g_first)
        others, g_others = vectors[..., k:], g[..., k:]
        mixed = adjoint(others) @ g_first - adjoint(g_others) @ first
        return others @ mixed


def _turns(vectors: Node, g: Node, s: Node, k: object, is_left: bool) -> Node:
    """The cotangent of the rotations among the first k vectors, over the gaps of squares; 0 where
    no rotation is asked for. Of complex vectors those on the left take the phase of a product."""
    first, g_first = vectors[..., :k], g[..., :k]
    mixed = adjoint(first) @ g_first
    mixed = mixed - adjoint(mixed)
    unit = ops.eye(k, dtype="bool")
    row, column = ops.expand_dims(s, -2), ops.expand_dims(s, -1)
    gaps = (row - column) * (row + column)
    if is_left and mixed.is_complex:
        return mixed / ops.where(unit, 2.0 * row * row, gaps)
    return ops.where(unit, 0.0, mixed / ops.where(unit, 1.0, gaps))


_EDGES = (
    Sample(lambda rng: (np.stack([np.ones((3, 2)), np.full((3, 2), np.nan), np.zeros((3, 2))]),),
           smooth=False),
)  # fmt: skip


@op
class SVD(_Singular):
    """u, s and vh with u @ diag(s) @ vh == a, for a of shape (m, n): their shapes are (m, k), (k)
    and (k, n) with k = min(m, n), and s descends. All nan where a is not finite.

    The derivatives of u and vh are inf or nan where two singular values are equal, and for a that
    is not square where one is 0; those of s exist where they differ from 0.
    """

    name = "svd"
    core, routine = "(m,n)->(m,k),(k),(k,n)", "pt_svd"
    samples = (
        Sample(lambda rng: (_distinct(rng, 4, 3),)),
        Sample(lambda rng: (_distinct(rng, 2, 2, 3),)),
        Sample(lambda rng: (_distinct(rng, 3, 3),)),
        Sample(lambda rng: (np.stack([np.eye(2) * [2, 1], np.full((2, 2), np.nan)]),),
               smooth=False),
    )  # fmt: skip


@op
class FullSVD(_Singular):
    """As SVD, with square u and vh. The derivative takes those of their columns and rows that
    belong to no singular value to turn with the others alone: it is right for what depends on them
    by their span."""

    name = "full_svd"
    core, routine = "(m,n)->(m,m),(k),(n,n)", "pt_svd_full"
    full = True
    samples = (
        Sample(lambda rng: (_distinct(rng, 3, 3),)),
        Sample(lambda rng: (_distinct(rng, 2, 4, 4)[..., :3],), smooth=False),
    )


@op
class SingularValues(Core):
    """The singular values of a matrix, descending; all nan where it is not finite."""

    name = "singular_values"
    core, routine = "(m,n)->(k)", "pt_svdvals"
    rounding = 30.0
    samples = (
        Sample(lambda rng: (_distinct(rng, 4, 3),)),
        Sample(lambda rng: (_distinct(rng, 2, 2, 3),)),
        *_EDGES,
    )

    def derived_sizes(self, sizes):
        return {"k": size_min(sizes["m"], sizes["n"])}

    def workspace(self, sizes):
        m, n = sizes["m"], sizes["n"]
        most, least = size_max(m, n), size_min(m, n)
        return m * n + size_max(most, 7 * least) + 7 * least + 64 * (most + least)

    def numpy(self, a):
        out = (np.empty((*a.shape[:-2], min(a.shape[-2:]))),)
        return by_item(a, out, lambda x: (np.linalg.svd(x, compute_uv=False),))[0]

    def vjp(self, g, out, a):
        u, _, vh = parts(SVD()(a))
        return ((u * ops.expand_dims(g, -2)) @ vh,)


@op
class Pinv(Composite):
    """The pseudo-inverse of a matrix, of its singular values (of the eigenvalues of a symmetric
    one) above cutoff times the largest. Its derivative is that for a constant rank."""

    name = "pinv"
    hermitian: bool = False
    samples = (
        Sample(lambda rng: (_distinct(rng, 4, 3), np.asarray(1e-15))),
        Sample(lambda rng: (_distinct(rng, 2, 2, 3), np.asarray(1e-15))),
        Sample(lambda rng: (np.ones((3, 2)), np.asarray(1e-10)), smooth=False),
        Sample(lambda rng: (np.stack([np.diag([2.0, -3.0]), np.zeros((2, 2))]), np.asarray(1e-15)),
               {"hermitian": True}, smooth=False),
    )  # fmt: skip

    def infer(self, a: TensorType, cutoff: TensorType) -> TensorType:
        if a.dtype != "float64" or cutoff.dtype != "float64":
            raise TypeError(f"needs float64, not {a.dtype} and {cutoff.dtype}")
        m, n = a.shape[-2:]
        if self.hermitian and isinstance(m, int) and isinstance(n, int) and m != n:
            raise ShapeError(f"needs square matrices, not shape {shape_text(a.shape)}")
        return TensorType("float64", (*a.shape[:-2], n, m))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        m, n = node.inputs[0].type.shape[-2:]
        if self.hermitian:
            yield equal(m, n, ": the matrices must be square")

    def numpy(self, a, cutoff):
        out = np.full((*a.shape[:-2], a.shape[-1], a.shape[-2]), np.nan)
        cutoffs = np.broadcast_to(cutoff, a.shape[:-2])
        for item in np.ndindex(a.shape[:-2]):
            if np.isfinite(a[item]).all():
                out[item] = np.linalg.pinv(a[item], cutoffs[item], hermitian=self.hermitian)
        return out

    def expand(self, a, cutoff):
        if self.hermitian:
            values, left = parts(ops.Eigh()(a))
            right = left
        else:
            u, values, vh = parts(SVD()(a))
            left, right = ops.matrix_transpose(vh), u
        inverse = _inverses(values, cutoff)
        return (left * ops.expand_dims(inverse, -2)) @ ops.matrix_transpose(right)

    def vjp(self, g, out, a, cutoff):
        """Golub and Pereyra (1973), "The differentiation of pseudo-inverses and nonlinear least
        squares problems whose variables separate", SIAM J. Numer. Anal. 10(2), 4.12."""
        a = hermitian_of(a) if self.hermitian else a
        p_t, g_t = ops.matrix_transpose(out), ops.matrix_transpose(g)
        gradient = -p_t @ g @ p_t
        gradient = gradient + p_t @ out @ (g_t - g_t @ out @ a)
        gradient = gradient + (g_t - a @ (out @ g_t)) @ out @ p_t
        if self.hermitian:
            gradient = of_lower((gradient + ops.matrix_transpose(gradient)) / 2)
        return gradient, None


def _inverses(values: Node, cutoff: Node) -> Node:
    """The reciprocals of values in order, but 0 for those of at most cutoff times the largest."""
    size = ops.abs(values)
    largest = ops.max(size, -1, keepdims=True, initial=0.0)
    kept = size > ops.expand_dims(cutoff, -1) * largest
    inverse = ops.where(kept, 1.0 / ops.where(kept, values, 1.0), 0.0)
    return ops.where(ops.isnan(size), size, inverse)


@op
class Lstsq(Composite):
    """x of least length among those that minimise the length of a @ x - b, of the singular values
    of a above cutoff times the largest. Its derivative is that for a constant rank."""

    name = "lstsq"
    samples = (
        Sample(lambda rng: (_distinct(rng, 4, 3), rng.normal(size=(4, 2)), np.asarray(1e-15))),
        Sample(lambda rng: (_distinct(rng, 2, 2, 3), rng.normal(size=(2, 2, 1)),
                            np.asarray(1e-15))),
        Sample(lambda rng: (np.ones((3, 2)), np.arange(3.0)[:, None], np.asarray(1e-10)),
               smooth=False),
    )  # fmt: skip

    def infer(self, a: TensorType, b: TensorType, cutoff: TensorType) -> TensorType:
        if {a.dtype, b.dtype, cutoff.dtype} != {"float64"}:
            raise TypeError(f"needs float64, not {a.dtype}, {b.dtype} and {cutoff.dtype}")
        rows, others = a.shape[-2], b.shape[-2]
        if isinstance(rows, int) and isinstance(others, int) and rows != others:
            raise ShapeError(f"{shape_text(a.shape)} and {shape_text(b.shape)} do not fit")
        leading = broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return TensorType("float64", (*leading, a.shape[-1], b.shape[-1]))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        a, b = (x.type.shape for x in node.inputs[:2])
        yield equal(a[-2], b[-2])
        yield from aligned([a[:-2], b[:-2]])

    def numpy(self, a, b, cutoff):
        return Pinv().numpy(a, cutoff) @ b

    def expand(self, a, b, cutoff):
        u, values, vh = parts(SVD()(a))
        scaled = ops.expand_dims(_inverses(values, cutoff), -1) * (ops.matrix_transpose(u) @ b)
        return ops.matrix_transpose(vh) @ scaled

    def vjp(self, g, out, a, b, cutoff):
        """As Pinv, of a product with b."""
        inverse = make(Pinv(), (a, cutoff))
        transposed = ops.matrix_transpose(inverse)
        gb = transposed @ g
        free = g - inverse @ (a @ g)
        rest = b - a @ out
        ga = -gb @ ops.matrix_transpose(out) + rest @ ops.matrix_transpose(inverse @ gb)
        return ga + (transposed @ out) @ ops.matrix_transpose(free), gb, None


@public
def svd(
    a: TensorLike, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> SVDResult | Node:
    """Singular values and vectors: (U, S, Vh) with a == U[..., :k] * S @ Vh[..., :k, :]; NumPy's
    signature.

    a: shape (..., m, n), as float64. With k = min(m, n), S has shape (..., k) and descends, U has
    shape (..., m, m) and Vh (..., n, n), or without `full_matrices` (..., m, k) and (..., k, n).
    Without `compute_uv` the result is S alone. The signs of the vectors are not specified. Where a
    is not finite all are nan. `hermitian` says that a is symmetric; the lower triangle counts.

    The derivatives of vectors do not exist where singular values are equal, and for a that is not
    square where one is 0; those of S are right there in functions that are symmetric in equal ones.
    Columns of U and rows of Vh that belong to no singular value are bases of a subspace:
    derivatives are right for functions that depend on it alone.

        u, s, vh = pt.linalg.svd(x, full_matrices=False)

    Returns a triple of float64 tensors, `U`, `S` and `Vh`, or S alone; U and Vh of complex matrices
    are complex128, of phases that are not specified, as signs are not.
    Raises GraphError, a TypeError, for less than two axes.
    Source: Golub and Van Loan (2013), "Matrix Computations", 8.6; for derivatives Townsend (2016),
    "Differentiating the singular value decomposition".

        >>> pt.linalg.svd([[0.0, 2.0], [3.0, 0.0]]).S.eval()
        array([3., 2.])
    """
    a = matrices("svd", a)
    full = flag(full_matrices, "svd: full_matrices")
    if flag(hermitian, "svd: hermitian"):
        a = hermitian_of(a)
    if not flag(compute_uv, "svd: compute_uv"):
        return svdvals(a)
    whole = full and a.shape[-2] != a.shape[-1]
    if a.is_complex:
        return SVDResult(*_linear.svd(a, whole))
    return SVDResult(*parts((FullSVD() if whole else SVD()).apply(a, what="svd")))


@public
def svdvals(x: TensorLike) -> Node:
    """The singular values of matrices on the last two axes, descending; NumPy's signature.

    Returns a float64 tensor of shape (..., min(m, n)) for x of shape (..., m, n); nan where x is
    not finite.
    Raises GraphError, a TypeError, for less than two axes.

        >>> pt.linalg.svdvals([[0.0, 2.0], [3.0, 0.0]]).eval()
        array([3., 2.])
    """
    x = matrices("svdvals", x)
    return _linear.svdvals(x) if x.is_complex else SingularValues().apply(x, what="svdvals")


@public
def pinv(
    a: TensorLike,
    rcond: TensorLike | None = None,
    hermitian: bool = False,
    *,
    rtol: TensorLike | None = None,
) -> Node:
    """The Moore-Penrose pseudo-inverse of matrices on the last two axes; NumPy's signature.

    a: shape (..., m, n), as float64. Singular values of at most `rcond` (or `rtol`, its other name)
    times the largest count as 0: 1e-15 by default, as NumPy has it. `hermitian` says that a is
    symmetric, and eigenvalues are taken; the lower triangle counts. The derivative is that for a
    constant rank; where the rank changes there is none.

    Returns a float64 tensor of shape (..., n, m), complex128 for complex matrices; nan where a is
    not finite.
    Raises GraphError, a TypeError, for less than two axes, for both `rcond` and `rtol`, and with
    `hermitian` for matrices that are not square.
    Source: Golub and Van Loan (2013), "Matrix Computations", 5.5.

        >>> pt.linalg.pinv([[2.0, 0.0], [0.0, 0.0]]).eval()
        array([[0.5, 0. ],
               [0. , 0. ]])
    """
    a = matrices("pinv", a)
    if rcond is not None and rtol is not None:
        raise GraphError(f"pinv: rcond and rtol are the same; give one{described(a)}")
    given = rtol if rcond is None else rcond
    if a.is_complex:
        return _linear.pinv(a, given, hermitian)
    a = as_tensor_of(a, "float64")
    cutoff = as_tensor_of(1e-15 if given is None else given, "float64")
    return make(Pinv(flag(hermitian, "pinv: hermitian")), (a, cutoff))


class LstsqResult(NamedTuple):
    """The result of `lstsq`."""

    x: Node
    residuals: Node
    rank: Node
    s: Node


@public
def lstsq(a: TensorLike, b: TensorLike, rcond: TensorLike | None = None) -> LstsqResult:
    """Least squares: (x, residuals, rank, s), with x the shortest that minimises the length of
    a @ x - b; NumPy's signature.

    a: shape (..., m, n), as float64. b: a vector of m numbers, or columns in shape (..., m, k).
    Singular values of at most `rcond` times the largest count as 0 (max(m, n) times the spacing of
    floats by default). `residuals` are the sums of squares of the columns of b - a @ x; where m <=
    n is known it is empty, as in NumPy, which also leaves it out where the rank is below n. `rank`
    is int64, `s` are the singular values. All floats are nan where a is not finite. The derivative
    is that for a constant rank.

    Returns a tuple of tensors, as above; x is complex128 where a or b is complex.
    Raises GraphError, a TypeError, for operands without these axes and sizes that do not fit;
    ValueError where only a call can tell.
    Source: Golub and Van Loan (2013), "Matrix Computations", 5.5; for derivatives Golub and
    Pereyra (1973), SIAM J. Numer. Anal. 10(2).

        >>> pt.linalg.lstsq([[1.0], [1.0]], [1.0, 3.0]).x.eval()
        array([2.])
    """
    a, b = matrices("lstsq", a), as_tensor(b)
    if b.ndim < 1:
        raise GraphError(f"lstsq: b is a vector or has columns{described(b)}")
    m, n = a.shape[-2:]
    columns = ops.expand_dims(b, 1) if b.ndim == 1 else b
    if rcond is None:
        rcond = EPS * ops.maximum(_count(m), _count(n))
    cutoff = as_tensor_of(rcond, "float64")
    if a.is_complex or b.is_complex:
        x, s = _linear.lstsq(a, columns, cutoff), svdvals(a)
    else:
        a, columns = as_tensor_of(a, "float64"), as_tensor_of(columns, "float64")
        x, s = make(Lstsq(), (a, columns, cutoff)), parts(SVD()(a))[1]
    rest = columns - a @ x
    residuals = ops.sum(ops.square(ops.abs(rest) if rest.is_complex else rest), -2)
    if isinstance(m, int) and isinstance(n, int) and m <= n:
        residuals = residuals[..., :0]
    largest = ops.max(s, -1, keepdims=True, initial=0.0)
    rank = ops.sum(s > ops.expand_dims(cutoff, -1) * largest, -1, "int64")
    return LstsqResult(ops.squeeze(x, -1) if b.ndim == 1 else x, residuals, rank, s)


def _count(n: object) -> Node:
    """A size as a float."""
    return as_tensor_of(as_tensor(n), "float64")


@public
def matrix_rank(
    A: TensorLike,
    tol: TensorLike | None = None,
    hermitian: bool = False,
    *,
    rtol: TensorLike | None = None,
) -> Node:
    """The number of singular values above `tol`; NumPy's signature.

    A: shape (..., m, n), as float64; a vector has rank 1 unless it is 0. `tol` is `rtol` times the
    largest singular value by default, and `rtol` max(m, n) times the spacing of floats.
    `hermitian` says that A is symmetric; the lower triangle counts.

    Returns an int64 tensor of the shape of the leading axes; 0 where A is not finite.
    Raises GraphError, a TypeError, for both `tol` and `rtol`.

        >>> pt.linalg.matrix_rank([[1.0, 1.0], [1.0, 1.0]]).eval()
        array(1)
    """
    x = as_tensor(A)
    if tol is not None and rtol is not None:
        raise GraphError(f"matrix_rank: tol and rtol exclude each other{described(x)}")
    symmetric = flag(hermitian, "matrix_rank: hermitian")
    if x.ndim < 2:
        return ops.astype(ops.any(ops.ne(x, 0)), "int64")
    values = ops.abs(ops.eigvalsh(x)) if symmetric else svdvals(x)
    if tol is None:
        if rtol is None:
            rtol = EPS * ops.maximum(_count(x.shape[-2]), _count(x.shape[-1]))
        largest = ops.max(values, -1, keepdims=True, initial=0.0)
        least = ops.expand_dims(as_tensor(rtol), -1) * largest
    else:
        least = ops.expand_dims(as_tensor(tol), -1)
    return ops.sum(values > least, -1, "int64")


@public
def cond(x: TensorLike, p: object = None) -> Node:
    """The condition number of matrices on the last two axes, by the norm of order `p`; NumPy's
    signature.

    p: None or 2 for the quotient of the largest and the smallest singular value, -2 for its
        inverse; else an order of `norm`, for square matrices: norm(x) * norm(inv(x)).

    Returns a float64 tensor of the shape of the leading axes; inf where x is singular, nan where it
    is not finite.
    Raises GraphError, a TypeError, for less than two axes, for another order, and for matrices that
    are not square where `p` needs an inverse.

        >>> pt.linalg.cond([[2.0, 0.0], [0.0, 8.0]]).eval()
        array(4.)
    """
    x = matrices("cond", x)
    x = x if x.is_complex else as_tensor_of(x, "float64")
    if p is None or p in (2, -2):
        s = svdvals(x)
        first, last = (s[..., 0], s[..., -1]) if p != -2 else (s[..., -1], s[..., 0])
        found = first / last
    else:
        inverse = ops.inv(x)
        found = ops.matrix_norm(x, ord=p) * ops.matrix_norm(inverse, ord=p)
    known = ~ops.any(ops.isnan(x), (-2, -1))
    return ops.where(ops.isnan(found) & known, np.inf, found)
