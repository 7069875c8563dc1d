"""Linear systems of any square matrix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.graph.parts import parts
from probtensor.late import late
from probtensor.ops.kinds import Composite, Core, op
from probtensor.ops.kinds.function import as_tensor_of
from probtensor.ops.linalg.factors import LU, hermitian_of, triangles
from probtensor.ops.linalg.products import adjoint, matrices
from probtensor.ops.linalg.triangular import PLAIN, solved, transposed_of
from probtensor.ops.reductions.folds import described, flag
from probtensor.ops.samples import Sample
from probtensor.ops.size_laws import aligned, equal
from probtensor.types import ShapeError, SizeCheck, TensorType, broadcast_shapes, shape_text

_linear = late("probtensor.ops.complexes.linear")


class _Factored(Core):
    """Systems of a square matrix given by its LU factors in one matrix, and by their rows: row i of
    it is row rows[i] of L @ U. Golub and Van Loan (2013), "Matrix Computations", 3.4."""

    core = "(n,n),(n),(n,k)->(n,k)"
    takes = ("float64", "int64", "float64")
    rounding = 10.0
    operands = ("factor", "rows", "b")
    example = ([[2.0, 1.0], [0.5, 2.0]], [1, 0], [[1.0], [2.0]])

    def workspace(self, sizes):
        return sizes["n"] * sizes["k"]


def _factored_samples() -> tuple[Sample, ...]:
    sizes = (((3,), 2), ((2, 4), 1), ((11,), 3), ((2, 9), 9))

    def drawn(rng, leading, columns):
        factor, rows = rng.normal(size=(*leading, leading[-1])), np.arange(leading[-1])
        rows = rng.permuted(np.broadcast_to(rows, leading), axis=-1)
        return factor + 4 * np.eye(leading[-1]), rows, rng.normal(size=(*leading, columns))

    return tuple(Sample(lambda rng, size=size: drawn(rng, *size)) for size in sizes)


def _in_order(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.take_along_axis(x, rows[..., None], -2)


def _solved(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """x with a @ x == b; all nan for the items of a batch whose matrix is singular."""
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        leading = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    out = np.full((*leading, *b.shape[-2:]), np.nan)
    a, b = (np.broadcast_to(x, (*leading, *x.shape[-2:])) for x in (a, b))
    for item in np.ndindex(leading):
        with suppress(np.linalg.LinAlgError):
            out[item] = np.linalg.solve(a[item], b[item])
    return out


def _numpy_triangles(factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.tril(factor, -1) + np.eye(factor.shape[-1]), np.triu(factor)


@op
class SolveFactored(_Factored):
    """x with a @ x == b, given (factor, rows) of `LU` of a."""

    routine = "pt_solve_factored"
    samples = _factored_samples()

    def numpy(self, factor, rows, b):
        lower, upper = _numpy_triangles(factor)
        permuted = _in_order(b, np.argsort(rows, axis=-1))
        return _solved(upper, _solved(lower, permuted))

    def vjp(self, g, out, factor, rows, b):
        gb = solve_factored_transposed(factor, rows, g)
        inner = _permuted(gb, ops.argsort(rows, axis=-1))
        return _of_factors(factor, inner, out), None, gb


@op
class SolveFactoredTransposed(_Factored):
    """x with a.mT @ x == b, given (factor, rows) of `LU` of a."""

    routine = "pt_solve_factored_transposed"
    samples = _factored_samples()

    def numpy(self, factor, rows, b):
        lower, upper = (np.swapaxes(x, -1, -2) for x in _numpy_triangles(factor))
        return _in_order(_solved(lower, _solved(upper, b)), rows)

    def vjp(self, g, out, factor, rows, b):
        gb = solve_factored(factor, rows, g)
        inner = _permuted(out, ops.argsort(rows, axis=-1))
        return _of_factors(factor, inner, gb), None, gb


def _of_factors(factor: Node, left: Node, right: Node) -> Node:
    """The cotangent of L and U in one matrix, where that of L @ U is -left @ right.mT."""
    inner = -left @ ops.matrix_transpose(right)
    lower, upper = triangles(factor)
    return ops.tril(inner @ ops.matrix_transpose(upper), -1) + ops.triu(
        ops.matrix_transpose(lower) @ inner
    )


def _permuted(x: Node, rows: Node) -> Node:
    """x with its rows in another order."""
    return ops.take_along_axis(x, ops.expand_dims(rows, -1), -2)


solve_factored = SolveFactored()
solve_factored_transposed = SolveFactoredTransposed()


@op
class Solve(Composite):
    """x with a @ x == b, or with a.mT @ x == b, for square `a` and columns b. Golub and Van Loan
    (2013), "Matrix Computations", 3.4."""

    name = "solve"
    transposed: bool = False
    samples = tuple(
        Sample(
            lambda rng, a=a, b=b: (rng.normal(size=a) + 3 * np.eye(a[-1]), rng.normal(size=b)),
            {"transposed": transposed},
        )
        for a, b, transposed in [
            ((3, 3), (3, 2), False), ((3, 3), (3, 2), True), ((2, 3, 3), (3, 1), False),
        ]
    )  # fmt: skip

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        if a.dtype != "float64" or b.dtype != "float64":
            raise TypeError(f"needs float64, not {a.dtype} and {b.dtype}")
        rows, columns = a.shape[-2:]
        if isinstance(rows, int) and isinstance(columns, int) and rows != columns:
            raise ShapeError(f"a is not square: {shape_text(a.shape)}")
        if isinstance(rows, int) and isinstance(b.shape[-2], int) and rows != b.shape[-2]:
            raise ShapeError(f"{shape_text(a.shape)} and {shape_text(b.shape)} do not fit")
        leading = broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return TensorType("float64", (*leading, *b.shape[-2:]))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        a, b = (x.type.shape for x in node.inputs)
        yield equal(a[-2], a[-1], ": a matrix that is not square")
        yield equal(a[-1], b[-2])
        yield from aligned([a[:-2], b[:-2]])

    def numpy(self, a, b):
        return _solved(np.swapaxes(a, -1, -2) if self.transposed else a, b)

    def expand(self, a, b):
        factor, _, rows = parts(LU()(a))
        solved = solve_factored_transposed if self.transposed else solve_factored
        return solved(factor, rows, b)

    def vjp(self, g, out, a, b):
        """Giles (2008), "Collected matrix derivative results for forward and reverse mode
        algorithmic differentiation", 2.3.1."""
        gb = make(Solve(not self.transposed), (a, g))
        first, second = (out, gb) if self.transposed else (gb, out)
        return -first @ ops.matrix_transpose(second), gb


# The kinds of matrix that `solve` knows, by their names in SciPy.
KINDS = {
    None: "general",
    **dict.fromkeys(("gen", "general", "banded"), "general"),
    **dict.fromkeys(("sym", "symmetric", "her", "hermitian"), "symmetric"),
    **dict.fromkeys(("pos", "positive definite"), "positive"),
    "diagonal": "diagonal",
    "tridiagonal": "tridiagonal",
    "upper triangular": "upper",
    "lower triangular": "lower",
}


@public(lacks=("check_finite",))
def solve(
    a: TensorLike,
    b: TensorLike,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = False,
    assume_a: str | None = None,
    transposed: bool = False,
    *,
    b_ndim: int | None = None,
) -> Node:
    """x with a @ x == b, for square matrices `a` on the last two axes; the signature of SciPy,
    which begins with NumPy's.

    a: shape (..., n, n), as float64. b: a vector, or columns on its last two axes; leading axes
    broadcast. With b_ndim=1 the last axis of b is a vector, whatever axes are before it.

    assume_a: what is known of `a`, and is not checked: "gen" (or None), "sym", "her" or "pos"
    (positive definite), of which only the upper triangle is read, or with `lower` the lower one;
    "diagonal", "tridiagonal" (in n steps), "upper triangular", "lower triangular"; "banded" is
    solved as "gen". `transposed` solves a.mT @ x == b.

    Where `a` is singular or not finite x is not finite; where it is not positive definite and
    assumed to be, x is nan.

    Returns a float64 tensor of the shape of `b`, with leading axes broadcast; complex128 if `a` or
    `b` is complex, for all but "tridiagonal"; "sym" is symmetric then, "her" Hermitian. The
    derivative by `a` is by the elements that are read.
    Raises GraphError, a TypeError, for matrices that are not square, sizes that do not fit, and
    other assumptions; ValueError where only a call can tell.
    Source: Golub and Van Loan (2013), "Matrix Computations", 3.4, 4.2 and 4.3.

        >>> pt.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 8.0]).eval()
        array([1., 2.])
    """
    if not (assume_a is None or isinstance(assume_a, str)) or assume_a not in KINDS:
        names = ", ".join(repr(name) for name in KINDS if name)
        raise GraphError(f"solve: assume_a is one of {names}, not {assume_a!r:.60}")
    turned = flag(transposed, "solve: transposed")
    a, b = as_tensor(a), as_tensor(b)
    if a.is_complex or b.is_complex:
        lower = flag(lower, "solve: lower")
        return _solve_complex(matrices("solve", a), b, assume_a, lower, turned, b_ndim)
    a = as_tensor_of(matrices("solve", a), "float64")
    b, is_vector = columns_of("solve", b, b_ndim)
    found = _solve_kind(KINDS[assume_a], a, b, flag(lower, "solve: lower"), turned)
    return ops.squeeze(found, -1) if is_vector else found


def _solve_complex(
    a: Node, b: Node, assume_a: str | None, lower: bool, transposed: bool, b_ndim: int | None
) -> Node:
    columns, is_vector = columns_of("solve", b, b_ndim)
    a = ops.matrix_transpose(a) if transposed else a
    lower = lower != transposed
    kind = KINDS[assume_a]
    if kind == "tridiagonal":
        raise GraphError(f"solve: of complex matrices assume_a is 'gen', not {assume_a!r}")
    if kind == "positive":
        half = a if lower else adjoint(a)
        found = ops.cho_solve((ops.cholesky(half), True), columns)
    elif kind in ("upper", "lower"):
        found = ops.solve_triangular(a, columns, lower=(kind == "lower") != transposed)
    elif kind == "diagonal":
        found = columns / ops.expand_dims(ops.diagonal(a, 0, -2, -1), -1)
    else:
        found = _linear.solve(_whole(a, lower, assume_a) if kind == "symmetric" else a, columns)
    return ops.squeeze(found, -1) if is_vector else found


def _whole(a: Node, lower: bool, assume_a: str) -> Node:
    """The complex symmetric or Hermitian matrix of one triangle."""
    if assume_a.startswith("her"):
        return hermitian_of(a if lower else adjoint(a))
    half = a if lower else ops.matrix_transpose(a)
    return ops.tril(half) + ops.matrix_transpose(ops.tril(half, -1))


def columns_of(what: str, b: TensorLike, b_ndim: object = None) -> tuple[Node, bool]:
    """b as columns of float64, or of complex128 if it is complex, and whether it is a vector (or a
    batch of these)."""
    b = as_tensor(b)
    b = as_tensor_of(b, "complex128" if b.is_complex else "float64")
    if b_ndim not in (None, 1, 2):
        raise GraphError(f"{what}: b_ndim is 1 or 2, not {b_ndim!r:.60}")
    if b.ndim < (b_ndim or 1):
        raise GraphError(f"{what}: b is a vector or has columns{described(b)}")
    is_vector = b_ndim == 1 or (b_ndim is None and b.ndim == 1)
    return (ops.expand_dims(b, b.ndim) if is_vector else b), is_vector


def _solve_kind(kind: str, a: Node, b: Node, lower: bool, transposed: bool) -> Node:
    if kind == "positive":
        factor = ops.Cholesky().apply(a if lower else ops.matrix_transpose(a), what="solve")
        return ops.cho_solve((factor, True), b)
    if kind == "symmetric":
        half = a if lower else ops.matrix_transpose(a)
        whole = ops.tril(half) + ops.matrix_transpose(ops.tril(half, -1))
        return make(Solve(), (whole, b), what="solve")
    if kind in ("upper", "lower"):
        trans = 1 if transposed else 0
        return ops.solve_triangular(a, b, trans, lower=kind == "lower")
    if kind == "general":
        return make(Solve(transposed), (a, b), what="solve")
    diagonals = [ops.diagonal(a, k, -2, -1) for k in (-1, 0, 1)]
    if kind == "diagonal":
        return b / ops.expand_dims(diagonals[1], -1)
    below, middle, above = diagonals
    if transposed:
        below, above = above, below
    return ops.SolveTridiagonal().apply(below, middle, above, b, what="solve")


@public(lacks=("check_finite",))
def lu_solve(
    lu_and_piv: tuple[TensorLike, TensorLike],
    b: TensorLike,
    trans: int | str = 0,
    overwrite_b: bool = False,
    check_finite: bool = False,
) -> Node:
    """x with a @ x == b, given (lu, piv) of `a` from `lu_factor`; SciPy's signature.

    `trans` is 0 or "N" for a @ x == b, 1 or "T" for a.mT @ x == b, and 2 or "C" for the same with
    the conjugate of complex `a`. b: a vector, or columns on its last two axes; leading axes
    broadcast.

    Returns a float64 tensor of the shape of `b`, with leading axes broadcast; complex128 if the
    factors or `b` are complex.
    Raises GraphError, a TypeError, for factors that are not square, another `trans`, and sizes that
    do not fit; ValueError where only a call can tell.
    Source: Golub and Van Loan (2013), "Matrix Computations", 3.4.

        >>> factors = pt.linalg.lu_factor([[0.0, 2.0], [4.0, 0.0]])
        >>> pt.linalg.lu_solve(factors, [2.0, 8.0]).eval()
        array([2., 1.])
    """
    what = "lu_solve"
    if not isinstance(lu_and_piv, (tuple, list)) or len(lu_and_piv) != 2:
        raise GraphError(f"{what}: the factors are a pair (lu, piv), as lu_factor gives it")
    factor = matrices(what, lu_and_piv[0])
    b, is_vector = columns_of(what, b)
    rows, turned = pivot_to_permutation(lu_and_piv[1], inverse=True), transposed_of(what, trans)
    if factor.is_complex or b.is_complex:
        factor = ops.conj(factor) if trans in PLAIN else factor
        found = _solve_factored(factor, rows, b, turned)
    else:
        solve_by = solve_factored_transposed if turned else solve_factored
        found = solve_by.apply(as_tensor_of(factor, "float64"), rows, b, what=what)
    return ops.squeeze(found, -1) if is_vector else found


def _solve_factored(factor: Node, rows: Node, b: Node, turned: bool) -> Node:
    """x with a @ x == b or, if `turned`, adjoint(a) @ x == b, of complex factors."""
    lower, upper = triangles(factor)
    if turned:
        inner = solved(lower, solved(upper, b, False, turned=True), True, turned=True)
        return ops.take_along_axis(inner, ops.expand_dims(rows, -1), -2)
    inner = ops.take_along_axis(b, ops.expand_dims(ops.argsort(rows, axis=-1), -1), -2)
    return solved(upper, solved(lower, inner, True), False)


@public
def pivot_to_permutation(p: TensorLike, inverse: bool = False) -> Node:
    """The order of rows that pivots make: row i of the permuted matrix is row found[i]; with
    `inverse` that of the way back.

    p: integers of shape (..., n): in turn, row i was swapped with row p[i], as `lu_factor` has it.

    Returns an int64 tensor of the shape of `p`.
    Raises GraphError, a TypeError, for what is not made of integers.

        >>> pt.linalg.pivot_to_permutation([2, 2, 2]).eval()
        array([2, 0, 1])
    """
    p = as_tensor(p)
    if np.dtype(p.dtype).kind not in "iu" or p.ndim < 1:
        raise GraphError(f"pivot_to_permutation: takes pivots, whole numbers{described(p)}")
    rows = ops.PivotOrder().apply(p, what="pivot_to_permutation")
    is_inverse = flag(inverse, "pivot_to_permutation: inverse")
    return ops.argsort(rows, axis=-1) if is_inverse else rows


@public(lacks=("check_finite",))
def cho_factor(
    a: TensorLike, lower: bool = False, overwrite_a: bool = False, check_finite: bool = False
) -> tuple[Node, bool]:
    """A Cholesky factor for `cho_solve`: the pair (c, lower); SciPy's signature.

    a: shape (..., n, n), as float64, of which only the upper triangle is read, or with `lower` the
    lower one. The other triangle of c is 0 (SciPy leaves what is there).

    Returns a float64 tensor (complex128 for complex matrices), nan where `a` is not positive
    definite, and `lower`.
    Raises GraphError, a TypeError, for matrices that are not square.
    Source: Golub and Van Loan (2013), "Matrix Computations", 4.2.

        >>> factor = pt.linalg.cho_factor([[4.0, 2.0], [2.0, 2.0]])
        >>> pt.linalg.cho_solve(factor, [4.0, 2.0]).eval()
        array([1., 0.])
    """
    is_lower = flag(lower, "cho_factor: lower")
    return ops.cholesky(matrices("cho_factor", a), upper=not is_lower), is_lower
