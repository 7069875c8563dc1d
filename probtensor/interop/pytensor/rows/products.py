"""Products and solutions of systems, and ops over batches.

Functions of matrices are batched over leading axes here, as `Blockwise` is in PyTensor: its row is
that of its core op. Size-1 axes of products are products with vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from probtensor import linalg, ops
from probtensor.graph import GraphError, Node
from probtensor.interop.pytensor.translate import BATCHED, ROWS, Translator, row, row_of
from probtensor.transform.batch import vectorize


class Core:
    """The node of a core op, as its row reads it: the op, with inputs and outputs of a batch."""

    def __init__(self, apply: Any) -> None:
        self.op = apply.op.core_op
        self.inputs, self.outputs = apply.inputs, apply.outputs


@row("Blockwise")
def blockwise(t: Translator, apply: Any, *inputs: Node) -> Node | list[Node]:
    """The core op over leading axes: by its row, if that takes them, else by a batch of graphs."""
    op = apply.op.core_op
    names = {kind.__name__ for kind in type(op).__mro__}
    found = row_of(op)
    if found is None:
        return t.performed(apply, inputs)
    if any(ROWS.get(name) is found for name in names & BATCHED):
        return found(t, Core(apply), *inputs)
    core_axes = [len(names) for names in apply.op.inputs_sig]
    if all(v.type.ndim == n for v, n in zip(apply.inputs, core_axes, strict=True)):
        return t.inner_node(_core_node(op, apply.inputs, core_axes), inputs)

    def function(*items: Node) -> Node | list[Node]:
        results = t.unchecked().inner_node(_core_node(op, apply.inputs, core_axes), items)
        return results[0] if len(results) == 1 else results

    return vectorize(function, _signature(apply.op))(*inputs)


def _core_node(op: Any, inputs: Sequence[Any], core_axes: Sequence[int]) -> Any:
    """A node of the core op, of inputs without leading axes."""
    pairs = zip(inputs, core_axes, strict=True)
    return op.make_node(*[v.type.clone(shape=v.type.shape[v.type.ndim - n :])() for v, n in pairs])


def _signature(op: Any) -> str:
    """The core axes of inputs and outputs."""
    sides = (op.inputs_sig, op.outputs_sig)
    return "->".join(",".join(f"({','.join(x)})" for x in side) for side in sides)


@row("Dot", "BatchedDot", "Dot22", batched=True)
def dot(t: Translator, apply: Any, x: Node, y: Node) -> Node:
    """Products of matrices and vectors; a factor of one column or row is a vector."""
    if x.ndim < 2 or y.ndim < 2:
        return ops.dot(x, y)
    if y.shape[-1] == 1 and x.shape[-2] != 1:
        return ops.matvec(x, ops.squeeze(y, -1))[..., None]
    if x.shape[-2] == 1 and y.shape[-1] != 1:
        return ops.vecmat(ops.squeeze(x, -2), y)[..., None, :]
    return ops.matmul(x, y)


@row("SolveTriangular", batched=True)
def solve_triangular(t: Translator, apply: Any, a: Node, b: Node) -> Node:
    """x with a @ x == b for triangular `a`."""
    op = apply.op
    b, vector = _columns(op, b)
    found = linalg.solve_triangular(a, b, lower=op.lower, unit_diagonal=op.unit_diagonal)
    return ops.squeeze(found, -1) if vector else found


@row("CholeskySolve", batched=True)
def cholesky_solve(t: Translator, apply: Any, a: Node, b: Node) -> Node:
    """x with a @ x == b, given the Cholesky factor of `a`."""
    op = apply.op
    b, vector = _columns(op, b)
    found = linalg.cho_solve((a, op.lower), b)
    return ops.squeeze(found, -1) if vector else found


ASSUMED = {"gen": "gen", "sym": "sym", "her": "her", "pos": "pos", "tridiagonal": "tridiagonal"}


@row("Solve", batched=True)
def solve(t: Translator, apply: Any, a: Node, b: Node) -> Node:
    """x with a @ x == b, with what is assumed of `a`."""
    op = apply.op
    if op.assume_a not in ASSUMED:
        raise GraphError(f"translate: solve with assume_a={op.assume_a!r} has no translation")
    b, vector = _columns(op, b)
    found = linalg.solve(a, b, lower=op.lower, assume_a=ASSUMED[op.assume_a])
    return ops.squeeze(found, -1) if vector else found


def _columns(op: Any, b: Node) -> tuple[Node, bool]:
    """The right-hand sides as columns, and whether they are vectors."""
    vector = op.b_ndim == 1
    return (b[..., None] if vector else b), vector


@row("SolveSylvester", "TRSYL", batched=True)
def solve_sylvester(t: Translator, apply: Any, a: Node, b: Node, c: Node) -> Node:
    """TRSYL is the same for triangular matrices."""
    return linalg.solve_sylvester(a, b, c)


@row("SolveBilinearDiscreteLyapunov", batched=True)
def solve_discrete_lyapunov(t: Translator, apply: Any, a: Node, q: Node) -> Node:
    """x with a @ x @ a.T - x + q == 0."""
    return linalg.solve_discrete_lyapunov(a, q)


@row("SolveDiscreteARE", batched=True)
def solve_discrete_are(t: Translator, apply: Any, a: Node, b: Node, q: Node, r: Node) -> Node:
    """The stabilising solution of the discrete algebraic Riccati equation."""
    return linalg.solve_discrete_are(a, b, q, r)


@row("SolveLUFactorTridiagonal", batched=True)
def solve_tridiagonal(t: Translator, apply: Any, *inputs: Node) -> Node:
    """x with a @ x == b, given the factors of a matrix of three diagonals."""
    *factors, b = inputs
    op = apply.op
    return linalg.tridiagonal_lu_solve(
        tuple(factors), b, b_ndim=op.b_ndim, transposed=op.transposed
    )


@row("Lstsq")
def lstsq(t: Translator, apply: Any, a: Node, b: Node, rcond: Node) -> list[Node]:
    """Least squares: x, residuals, rank, singular values."""
    return list(linalg.lstsq(a, b, rcond))


@row("TensorSolve")
def tensorsolve(t: Translator, apply: Any, a: Node, b: Node) -> Node:
    """x with tensordot(a, x, x.ndim) == b."""
    return linalg.tensorsolve(a, b, apply.op.axes)


@row("BlockDiagonal", batched=True)
def block_diagonal(t: Translator, apply: Any, *matrices: Node) -> Node:
    """Matrices along the diagonal of one."""
    return linalg.block_diag(*matrices)


@row("Einsum")
def einsum(t: Translator, apply: Any, *operands: Node) -> Node:
    """A sum of products by subscripts."""
    return ops.einsum(apply.op.subscripts, *operands)


# Products as BLAS has them, which PyTensor makes of others.


@row("Gemm", "GemmRelated")
def gemm(t: Translator, apply: Any, z: Node, alpha: Node, x: Node, y: Node, beta: Node) -> Node:
    """beta * z + alpha * x @ y."""
    return beta * z + alpha * ops.dot(x, y)


@row("Gemv", "CGemv")
def gemv(t: Translator, apply: Any, y: Node, alpha: Node, a: Node, x: Node, beta: Node) -> Node:
    """beta * y + alpha * a @ x."""
    return beta * y + alpha * ops.dot(a, x)


@row("Ger", "CGer", "ScipyGer")
def ger(t: Translator, apply: Any, a: Node, alpha: Node, x: Node, y: Node) -> Node:
    """a + alpha * outer(x, y)."""
    return a + alpha * ops.outer(x, y)


@row("Dot22Scalar")
def dot22_scalar(t: Translator, apply: Any, x: Node, y: Node, factor: Node) -> Node:
    """factor * x @ y."""
    return factor * ops.dot(x, y)
