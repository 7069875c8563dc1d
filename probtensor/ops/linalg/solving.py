"""Linear systems of any square matrix."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.graph.parts import parts
from probtensor.late import late
from probtensor.ops.kinds import Composite, Core, op
from probtensor.ops.kinds.function import as_tensor_of
from probtensor.ops.linalg.factors import LU, triangles
from probtensor.ops.linalg.products import matrices
from probtensor.ops.reductions.folds import described
from probtensor.ops.samples import Sample
from probtensor.ops.size_laws import aligned, equal
from probtensor.types import ShapeError, SizeCheck, TensorType, broadcast_shapes, shape_text

_linear = late("probtensor.ops.complexes.linear")


class _Factored(Core):
    """Systems of a square matrix given by its LU factors in one matrix, and by their rows: row i of
    it is row rows[i] of L @ U. Golub and Van Loan (2013), "Matrix Computations", 3.4."""

    core = "(n,n),(n),(n,k)->(n,k)"
    takes = ("float64", "int64", "float64")
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
        return np.linalg.solve(upper, np.linalg.solve(lower, permuted))

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
        return _in_order(np.linalg.solve(lower, np.linalg.solve(upper, b)), rows)

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
        return np.linalg.solve(np.swapaxes(a, -1, -2) if self.transposed else a, b)

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


@public
def solve(a: TensorLike, b: TensorLike) -> Node:
    """x with a @ x == b, for square matrices `a` on the last two axes; NumPy's signature.

    `b` is a vector, or has columns on its last two axes; leading axes broadcast. Where `a` is
    singular or not finite x is not finite.

    Returns a float64 tensor of the shape of `b`, with leading axes broadcast; complex128 if `a` or
    `b` is complex.
    Raises GraphError, a TypeError, for matrices that are not square and sizes that do not fit.
    Source: Golub and Van Loan (2013), "Matrix Computations", 3.4.

        >>> pt.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 8.0]).eval()
        array([1., 2.])
    """
    a, b = as_tensor(a), as_tensor(b)
    if b.ndim < 1:
        raise GraphError(f"solve: b is a vector or has columns{described(b)}")
    if a.is_complex or b.is_complex:
        return _linear.solve(a, b)
    a, b = as_tensor_of(matrices("solve", a), "float64"), as_tensor_of(b, "float64")
    if b.ndim == 1:
        return ops.squeeze(make(Solve(), (a, ops.expand_dims(b, 1))), -1)
    return make(Solve(), (a, b))
