"""Products, factors and solutions of systems, and ops over batches.

Functions of matrices are batched over leading axes here, as `Blockwise` is in PyTensor: its row is
that of its core op. Size-1 axes of products are products with vectors.
"""

from __future__ import annotations

from typing import Any

from probtensor import linalg, ops
from probtensor.graph import GraphError, Node
from probtensor.interop.pytensor.translate import Translator, row, row_of


class Core:
    """The node of a core op, as its row reads it: the op, with the inputs and outputs of a batch."""

    def __init__(self, apply: Any) -> None:
        self.op = apply.op.core_op
        self.inputs, self.outputs = apply.inputs, apply.outputs


@row("Blockwise")
def blockwise(t: Translator, apply: Any, *inputs: Node) -> Node | list[Node]:
    core = Core(apply)
    function = row_of(core.op)
    return t.performed(apply, inputs) if function is None else function(t, core, *inputs)


@row("Dot", "BatchedDot", "Dot22")
def dot(t: Translator, apply: Any, x: Node, y: Node) -> Node:
    if x.ndim < 2 or y.ndim < 2:
        return ops.dot(x, y)
    if y.shape[-1] == 1 and x.shape[-2] != 1:
        return ops.matvec(x, ops.squeeze(y, -1))[..., None]
    if x.shape[-2] == 1 and y.shape[-1] != 1:
        return ops.vecmat(ops.squeeze(x, -2), y)[..., None, :]
    return ops.matmul(x, y)


@row("Cholesky")
def cholesky(t: Translator, apply: Any, x: Node) -> Node:
    return linalg.cholesky(x, lower=apply.op.lower)


@row("SolveTriangular")
def solve_triangular(t: Translator, apply: Any, a: Node, b: Node) -> Node:
    op = apply.op
    b, vector = _columns(op, b)
    found = linalg.solve_triangular(a, b, lower=op.lower, unit_diagonal=op.unit_diagonal)
    return ops.squeeze(found, -1) if vector else found


@row("CholeskySolve")
def cholesky_solve(t: Translator, apply: Any, a: Node, b: Node) -> Node:
    op = apply.op
    b, vector = _columns(op, b)
    found = linalg.cho_solve((a, op.lower), b)
    return ops.squeeze(found, -1) if vector else found


ASSUMED = {"gen": "gen", "sym": "sym", "her": "her", "pos": "pos", "tridiagonal": "tridiagonal"}


@row("Solve")
def solve(t: Translator, apply: Any, a: Node, b: Node) -> Node:
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


@row("Det")
def det(t: Translator, apply: Any, x: Node) -> Node:
    return linalg.det(x)


@row("SLogDet")
def slogdet(t: Translator, apply: Any, x: Node) -> list[Node]:
    return list(linalg.slogdet(x))


@row("MatrixInverse")
def inverse(t: Translator, apply: Any, x: Node) -> Node:
    return linalg.inv(x)
