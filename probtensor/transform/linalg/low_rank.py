"""Sums of a diagonal matrix and of one of low rank, as they are written."""

from __future__ import annotations

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.transform.facts import FactTable
from probtensor.transform.linalg.blocks import elements_of_diagonal
from probtensor.transform.linalg.structure import is_transpose_of, product_of, structure_of
from probtensor.types import Dim


def low_rank_parts(
    a: Node, facts: FactTable, equal_sizes: bool = False
) -> tuple[Node, Node] | None:
    """(u, d), where a is written as diag(d) + u @ u.mT, u has fewer than half as many columns as
    rows, and d is seen not to be negative; None for other matrices.

    Where the number of rows is unknown, it is taken to be large. With `equal_sizes`, sizes that are
    broadcast together are equal, as in what is compiled: the rows of u and d may have two names."""
    if not isinstance(a.op, ops.Add) or a.ndim != 2 or a.dtype != "float64":
        return None
    for diagonal, other in (a.inputs, a.inputs[::-1]):
        found = product_of(other) if isinstance(other.op, ops.Contract) else None
        if found is None or found.row or found.column or not is_transpose_of(found):
            continue
        if found.left_turned or diagonal.ndim != 2 or not structure_of(diagonal, facts).diagonal:
            continue
        rows, columns = found.left.shape
        few = isinstance(columns, int) and (isinstance(rows, Dim) or 2 * columns < rows)
        count = diagonal.shape[0]
        same = count == rows or (equal_sizes and isinstance(count, Dim) and isinstance(rows, Dim))
        if not few or not same or diagonal.shape[1] != count:
            continue
        values = elements_of_diagonal(diagonal)
        if facts.bounds(values).low >= 0:
            return found.left, ops.broadcast_to(values, (rows,))
    return None
