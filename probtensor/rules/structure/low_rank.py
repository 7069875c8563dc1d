"""Systems and determinants of diag(d) + u @ u.mT for a u of few columns (Woodbury 1950; the
determinant lemma): n k**2 operations in place of n**3 / 3.

With w = u / sqrt(d) the matrix is sqrt(d) (I + w w.mT) sqrt(d), and only the k x k matrix
I + w.mT w, whose eigenvalues are at least 1, is factored. A solution y - w (I + w.mT w)**-1 w.mT y
is the residual of a least squares problem: it loses as many digits as the matrix has in its
condition number, as one by a dense factor may.

Where u and d have two names for the number of their rows, d may be one number that is broadcast to
a whole matrix. In what is compiled it is not: sizes that are broadcast together are equal.
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


def _of_two_names() -> Node:
    u, d = ops.tensor("u", (None, 2)), ops.tensor("d", (None,))
    return ops.diag(1 + ops.sigmoid(d)) + u @ ops.matrix_transpose(u)


def _parts(a: Node, facts: FactTable, equal_sizes: bool) -> _Parts | None:
    found = low_rank_parts(a, facts, equal_sizes)
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
    return _solved(node, facts, False)


@rewrite(
    on=ops.Solve,
    operands=[ops.Add],
    example=lambda: ops.solve(_of_two_names(), ops.tensor("b", (None, 3))),
)
def solve_low_rank_of_equal_sizes(node: Node, facts: FactTable) -> Node | None:
    """A system of a diagonal matrix and one of low rank, by the factor of a small matrix, where
    both have one size in what is compiled."""
    return _solved(node, facts, True)


def _solved(node: Node, facts: FactTable, equal_sizes: bool) -> Node | None:
    a, b = node.inputs
    parts = _parts(a, facts, equal_sizes) if b.ndim == 2 else None
    if parts is None:
        return None
    root, w, factor = parts
    y = ops.broadcast_to(b, (root.shape[0], b.shape[1])) / root[:, None]
    inner = ops.solve_lower(factor, ops.matrix_transpose(w) @ y)
    return (y - w @ ops.solve_lower_transposed(factor, inner)) / root[:, None]


@rewrite(
    on=(ops.LogAbsDet, ops.SignOfDet),
    operands=[ops.Add],
    example=lambda: (ops.slogdet(_low_rank()).logabsdet, ops.slogdet(_low_rank()).sign),
)
def log_determinant_of_low_rank(node: Node, facts: FactTable) -> Node | None:
    """Its determinant is prod(d) times that of I + w.mT w, and positive."""
    return _determinant(node, facts, False)


@rewrite(
    on=(ops.LogAbsDet, ops.SignOfDet),
    operands=[ops.Add],
    example=lambda: (
        ops.slogdet(_of_two_names()).logabsdet, ops.slogdet(_of_two_names()).sign,
    ),
)  # fmt: skip
def log_determinant_of_low_rank_of_equal_sizes(node: Node, facts: FactTable) -> Node | None:
    """Its determinant is prod(d) times that of I + w.mT w, and positive, where both have one size
    in what is compiled."""
    return _determinant(node, facts, True)


def _determinant(node: Node, facts: FactTable, equal_sizes: bool) -> Node | None:
    parts = _parts(node.inputs[0], facts, equal_sizes)
    if parts is None:
        return None
    heights = ops.diagonal(parts.factor, axis1=-2, axis2=-1)
    if isinstance(node.op, ops.SignOfDet):
        return ops.prod(ops.sign(heights), -1)
    return 2 * (ops.sum(ops.log(parts.root)) + ops.sum(ops.log(heights)))


@rewrite(
    on=ops.Inv,
    operands=[ops.Add],
    example=lambda: ops.inv(_low_rank()),
)
def inverse_of_low_rank(node: Node, facts: FactTable) -> Node | None:
    """Its inverse is the diagonal matrix of 1 / d, less one of the same low rank."""
    parts = _parts(node.inputs[0], facts, True)
    if parts is None:
        return None
    root, w, factor = parts
    v = ops.matrix_transpose(ops.solve_lower(factor, ops.matrix_transpose(w))) / root[:, None]
    return ops.diag(1 / ops.square(root)) - v @ ops.matrix_transpose(v)


LOW_RANK = Ruleset(solve_low_rank, log_determinant_of_low_rank)
# For the passes, where sizes that are broadcast together are equal.
LOW_RANK_OF_EQUAL_SIZES = Ruleset(
    solve_low_rank_of_equal_sizes, log_determinant_of_low_rank_of_equal_sizes
)
INVERSES = Ruleset(inverse_of_low_rank)
