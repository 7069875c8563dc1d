"""Matrices of few diagonals, and permutations: systems and determinants in as many steps as rows.

A matrix of which it is known that all but a few diagonals are zero is read along these alone. Where
`diag` made it they are those of what it is made of: so `diag(a) + diag(b, 1)` is never written out
for a system.
"""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.ops.linalg.functions.tridiagonal import pivots_of_tridiagonal
from probtensor.transform.facts import FactTable
from probtensor.transform.linalg.blocks import elements_of_diagonal
from probtensor.transform.linalg.structure import (
    IDENTITY,
    product_of,
    structure_of,
)
from probtensor.transform.rewrite import Ruleset, rewrite

MIN_ROWS = 4  # for each diagonal beside the main one, that a band pays


def _a(*shape: int) -> Node:
    return ops.tensor("a", shape or (8, 8))


def _b(*shape: int) -> Node:
    return ops.tensor("b", shape or (8, 2))


def _banded(below: int, above: int, *shape: int) -> Node:
    """A matrix of that many diagonals."""
    return ops.triu(ops.tril(_a(*shape), above), -below)


def _tridiagonal() -> Node:
    return _banded(1, 1)


def _of_diagonals() -> Node:
    middle, beside = ops.tensor("d", (8,)), ops.tensor("e", (7,))
    return ops.diag(middle + 9.0) + ops.diag(beside, 1) + ops.diag(2.0 * beside, -1)


def narrow_band(a: Node, facts: FactTable) -> tuple[int, int] | None:
    """The numbers of diagonals below and above the main one, if they are so few that systems of
    the matrix had better be solved by them; else None."""
    if a.dtype != "float64":
        return None
    found = structure_of(a, facts)
    n = a.shape[-1]
    if found.band == np.inf or (isinstance(n, int) and n < MIN_ROWS * max(found.band, 1)):
        return None
    return int(max(found.below, 0)), int(max(found.above, 0))


def banded_solution(a: Node, b: Node, band: tuple[int, int], turned: bool = False) -> Node:
    """x with a @ x == b, or with a.mT @ x == b, by the diagonals of a."""
    below, above = band
    rows = {k: elements_of_diagonal(a, k) for k in range(-below, above + 1)}
    if turned:
        rows, below, above = {-k: x for k, x in rows.items()}, above, below
    if below <= 1 and above <= 1:
        ends = [rows.get(k) for k in (-1, 0, 1)]
        none = ops.zeros((a.shape[-1] - 1,))
        low, middle, high = (none if x is None else x for x in ends)
        return ops.SolveTridiagonal().apply(low, middle, high, b)
    # bands[above + i - j, j] is a[i, j]: diagonal k begins at column max(k, 0).
    padded = []
    for k in range(above, -below - 1, -1):
        ends = [(0, 0)] * (rows[k].ndim - 1) + [(max(k, 0), max(-k, 0))]
        padded.append(ops.pad(rows[k], ends))
    bands = ops.stack(padded, -2)
    return ops.SolveBanded().apply(bands, b, ops.constant(below, "int64"))


@rewrite(
    on=ops.Solve,
    example=lambda: (
        ops.solve(_tridiagonal(), _b()),
        ops.solve(ops.matrix_transpose(ops.triu(ops.tril(_a(), 1))), _b()),
        ops.solve(_of_diagonals(), _b()),
        ops.solve(_banded(1, 2, 12, 12), _b(12, 1)),
        ops.solve(_banded(0, 2, 2, 9, 9), _b(2, 9, 1)),
    ),
)
def solve_by_diagonals(node: Node, facts: FactTable) -> Node | None:
    """A system of a matrix of few diagonals is solved by these alone."""
    a, b = node.inputs
    band = narrow_band(a, facts)
    if band is None or band == (0, 0):
        return None
    return banded_solution(a, b, band, node.op.transposed)


def _tridiagonal_factor(a: Node, facts: FactTable) -> tuple[Node, Node] | None:
    """The diagonal of U and whether rows are exchanged, of a matrix of three diagonals; else
    None."""
    band = narrow_band(a, facts)
    if band is None or max(band) > 1 or 0 in band:
        return None
    low, middle, high = (elements_of_diagonal(a, k) for k in (-1, 0, 1))
    return pivots_of_tridiagonal(low, middle, high)


@rewrite(
    on=(ops.LogAbsDet, ops.SignOfDet),
    example=lambda: (
        ops.slogdet(_tridiagonal()).logabsdet,
        ops.slogdet(_of_diagonals()).logabsdet,
        ops.slogdet(_tridiagonal()).sign,
        ops.slogdet(_banded(1, 1, 2, 8, 8)).logabsdet,
    ),
)
def log_determinant_by_diagonals(node: Node, facts: FactTable) -> Node | None:
    """The logarithm of the determinant of a matrix of three diagonals follows from its factor, one
    row after the other."""
    found = _tridiagonal_factor(node.inputs[0], facts)
    if found is None:
        return None
    pivots, swapped = found
    if isinstance(node.op, ops.SignOfDet):
        exchanged = ops.prod(ops.where(swapped, -1.0, 1.0), -1)
        return exchanged * ops.prod(ops.sign(pivots), -1)
    return ops.sum(ops.log(ops.abs(pivots)), -1)


@rewrite(
    on=ops.Det,
    example=lambda: (ops.det(_tridiagonal()), ops.det(_of_diagonals())),
)
def determinant_by_diagonals(node: Node, facts: FactTable) -> Node | None:
    """The determinant of a matrix of three diagonals is the product of the diagonal of its
    factor."""
    found = _tridiagonal_factor(node.inputs[0], facts) if type(node.op) is ops.Det else None
    if found is None:
        return None
    pivots, swapped = found
    return ops.prod(ops.where(swapped, -1.0, 1.0), -1) * ops.prod(pivots, -1)


@rewrite(
    on=ops.Inv,
    example=lambda: (ops.inv(_tridiagonal()), ops.inv(_of_diagonals())),
)
def invert_by_diagonals(node: Node, facts: FactTable) -> Node | None:
    """The inverse of a matrix of few diagonals is the solution of systems by these."""
    a = node.inputs[0]
    band = narrow_band(a, facts)
    if band is None or band == (0, 0):
        return None
    return banded_solution(a, ops.broadcast_to(ops.eye(a.shape[-1]), a.shape), band)


# Products.


@rewrite(
    on=ops.Contract,
    example=lambda: (
        ops.diag(ops.tensor("d", (3,))) @ _b(3, 2),
        _b(2, 3) @ ops.diag(ops.tensor("d", (3,))),
        ops.diag(ops.tensor("d", (3,))) @ _b(3),
        _b(3) @ _banded(0, 0, 3, 3),
        _banded(0, 0, 2, 3, 3) @ _b(2, 3, 1),
    ),
)
def product_by_diagonal(node: Node, facts: FactTable) -> Node | None:
    """A product with a diagonal matrix scales rows or columns."""
    found = product_of(node) if node.type.is_float else None
    if found is None:
        return None
    left, right = found.operands()
    if structure_of(found.left, facts).diagonal:
        return found.shaped(ops.expand_dims(elements_of_diagonal(found.left), -1) * right)
    if structure_of(found.right, facts).diagonal:
        return found.shaped(left * ops.expand_dims(elements_of_diagonal(found.right), -2))
    return None


@rewrite(
    on=ops.Contract,
    operands=[ops.Gather, ops.Transpose],
    example=lambda: (
        ops.eye(3)[_order()] @ _b(3, 2),
        ops.eye(4)[np.array([1, 1, 3])] @ _b(4),
        _b(2, 3) @ ops.matrix_transpose(ops.eye(3)[_order()]),
    ),
)
def product_by_selection(node: Node, facts: FactTable) -> Node | None:
    """A product with rows of the identity selects rows, or columns, of the other matrix."""
    found = product_of(node) if node.type.is_float else None
    if found is None:
        return None
    index = None if found.left_turned else _selected(found.left, facts)
    if index is not None and found.right.ndim == 2:
        return found.shaped(_taken(found.operands()[1], index, -2))
    index = _selected(found.right, facts) if found.right_turned else None
    if index is not None and found.left.ndim == 2:
        return found.shaped(_taken(found.operands()[0], index, -1))
    return None


def _order() -> Node:
    return ops.argsort(ops.tensor("o", (3,)))


def _selected(x: Node, facts: FactTable) -> Node | None:
    """The index of rows of the identity that x is; None for other matrices."""
    if not isinstance(x.op, ops.Gather) or x.op.axes != (0,) or x.op.at != 0 or x.ndim != 2:
        return None
    base, index = x.inputs
    taken = index.ndim == 1 and x.op.mode == "raise" and base.ndim == 2
    return index if taken and structure_of(base, facts) == IDENTITY else None


def _taken(x: Node, index: Node, axis: int) -> Node:
    return x[index] if axis == -2 else x[:, index]


DIAGONALS = Ruleset(
    solve_by_diagonals,
    log_determinant_by_diagonals,
    product_by_selection,
    product_by_diagonal,
)
INVERSES_BY_DIAGONALS = Ruleset(invert_by_diagonals, determinant_by_diagonals)
