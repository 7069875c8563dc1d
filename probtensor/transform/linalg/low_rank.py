"""Sums of a diagonal matrix and of one of low rank, as they are written."""

from __future__ import annotations

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.transform.facts import FactTable
from probtensor.transform.linalg.blocks import elements_of_diagonal
from probtensor.transform.linalg.structure import is_transpose_of, product_of, structure_of


def low_rank_parts(a: Node, facts: FactTable) -> tuple[Node, Node] | None:
    """(u, d), where a is written as diag(d) + u @ u.mT, u has fewer than half as many columns as
    rows, and d is seen not to be negative; None for other matrices."""
    if not isinstance(a.op, ops.Add) or a.ndim != 2 or a.dtype != "float64":
        return None
    for diagonal, other in (a.inputs, a.inputs[::-1]):
        found = product_of(other) if isinstance(other.op, ops.Contract) else None
        if found is None or found.row or found.column or not is_transpose_of(found):
            continue
        if found.left_turned or diagonal.ndim != 2 or not structure_of(diagonal, facts).diagonal:
            continue
        rows, columns = found.left.shape
        few = isinstance(rows, int) and isinstance(columns, int) and 2 * columns < rows
        values = elements_of_diagonal(diagonal)
        if few and diagonal.shape == (rows, rows) and facts.bounds(values).low >= 0:
            return found.left, ops.broadcast_to(values, (rows,))
    return None
