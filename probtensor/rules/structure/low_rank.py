"""Systems and determinants of diag(d) + u @ u.mT for a u of few columns (Woodbury 1950; the
determinant lemma): n k**2 operations in place of n**3 / 3.

With w = u / sqrt(d) the matrix is sqrt(d) (I + w w.mT) sqrt(d), and only the k x k matrix
I + w.mT w, whose eigenvalues are at least 1, is factored. A solution y - w (I + w.mT w)**-1 w.mT y
is the residual of a least squares problem: it loses as many digits as the matrix has in its
condition number, as one by a dense factor may.
"""

from __future__ import annotations

from typing import NamedTuple

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.transform.facts import FactTable
from probtensor.transform.linalg.low_rank import low_rank_parts
from probtensor.transform.rewrite import Ruleset, rewrite


def _low_rank() -> Node:
    u, d = ops.tensor("u", (5, 2)), ops.tensor("d", (5,))
    return ops.diag(1 + ops.sigmoid(d)) + u @ ops.matrix_transpose(u)


class _Parts(NamedTuple):
    """sqrt(d), w = u / sqrt(d), and the factor of I + w.mT w."""

    root: Node
    w: Node
    factor: Node


def _parts(a: Node, facts: FactTable) -> _Parts | None:
    found = low_rank_parts(a, facts)
    if found is None:
        return None
    u, d = found
    bounds = facts.bounds(d)
    if not (bounds.low > 0 or bounds.low_open):
        return None  # where d is 0 the matrix may have an inverse
    root = ops.sqrt(d)
    w = u / root[:, None]
    inner = ops.eye(u.shape[1]) + ops.matrix_transpose(w) @ w
    return _Parts(root, w, ops.cholesky(ops.assume(inner, positive_definite=True)))


@rewrite(
    on=ops.Solve,
    operands=[ops.Add],
    example=lambda: ops.solve(_low_rank(), ops.tensor("b", (5, 3))),
)
def solve_low_rank(node: Node, facts: FactTable) -> Node | None:
    """A system of a diagonal matrix and one of low rank, by the factor of a small matrix."""
    a, b = node.inputs
    parts = _parts(a, facts)
    if parts is None or b.ndim != 2:
        return None
    root, w, factor = parts
    y = b / root[:, None]
    inner = ops.solve_lower(factor, ops.matrix_transpose(w) @ y)
    return (y - w @ ops.solve_lower_transposed(factor, inner)) / root[:, None]


@rewrite(
    on=(ops.LogAbsDet, ops.SignOfDet),
    operands=[ops.Add],
    example=lambda: (ops.slogdet(_low_rank()).logabsdet, ops.slogdet(_low_rank()).sign),
)
def log_determinant_of_low_rank(node: Node, facts: FactTable) -> Node | None:
    """Its determinant is prod(d) times that of I + w.mT w, and positive."""
    parts = _parts(node.inputs[0], facts)
    if parts is None:
        return None
    heights = ops.diagonal(parts.factor, axis1=-2, axis2=-1)
    if isinstance(node.op, ops.SignOfDet):
        return ops.prod(ops.sign(heights), -1)
    return 2 * (ops.sum(ops.log(parts.root)) + ops.sum(ops.log(heights)))


LOW_RANK = Ruleset(solve_low_rank, log_determinant_of_low_rank)
