"""Choices by data in the terms of a log density, as sums over the rows of each branch.

Where data say which of two formulas each row has, as whether a count is 0 in a hurdle model, both
would be computed for every row. The rows of each branch are found when data are bound, and a term
is the sum of one formula over its rows plus that of the other over the others. What was hidden in a
choice is found then, such as sums of data for sufficient statistics.
"""

from __future__ import annotations

from collections.abc import Callable

from probtensor import ops
from probtensor.graph import Node, as_tensor, replace
from probtensor.graph.node import Const
from probtensor.prob.density.sums import before_broadcast
from probtensor.prob.enumeration.parts import part_of
from probtensor.prob.model.data import rows_where
from probtensor.rules.structure.choices import negated
from probtensor.types import Size


class Varies(Exception):
    """Entries of a tensor depend on more than rows of data."""


class RowsOfData:
    """The entries at the indices `index` along the first axis, of tensors whose entries depend on
    rows of data alone; see `parts.Selection`."""

    def __init__(self, index: Node, only_data: Callable[[Node], bool]) -> None:
        self.index, self.size = index, index.shape[0]
        self._only_data = only_data
        self._parts: dict[tuple[Node, int], Node] = {}

    def known(self, x: Node, axis: int) -> Node | None:
        """The part, where it is at hand: that of data is."""
        if (x, axis) not in self._parts and self._only_data(x):
            self._parts[x, axis] = ops.take(x, self.index, axis)
        return self._parts.get((x, axis))

    def of(self, x: Node, axis: int) -> Node:
        """The part of a node below which it is not moved: none is taken of a variable, whose
        gradient would be scattered."""
        raise Varies

    def keep(self, x: Node, axis: int, part: Node) -> None:
        """Remember the part of a node."""
        self._parts[x, axis] = part

    def after(self, offset: Size) -> RowsOfData:
        """The entries that lie `offset` further on."""
        if isinstance(offset, int) and offset == 0:
            return self
        raise Varies

    def numbers(self) -> Node:
        """The indices of the entries."""
        return self.index


class Branches:
    """Finds the branches of choices by data, and remembers the rows of each condition."""

    def __init__(self, only_data: Callable[[Node], bool]) -> None:
        self._only_data = only_data
        self._rows: dict[Node, RowsOfData] = {}

    def of(self, leaf: Node) -> list[Node] | None:
        """Vectors whose sums add up to that of a vector that chooses by data alone; None for any
        other tensor."""
        if not isinstance(leaf.op, ops.Where) or leaf.ndim != 1 or self._only_data(leaf):
            return None
        condition, *values = leaf.inputs
        varies = condition.shape == leaf.shape and not isinstance(
            before_broadcast(condition).op, Const
        )
        if not varies or not self._only_data(condition):
            return None
        rows = [self._where(condition), self._where(negated(condition))]
        try:
            return [_of_rows(value, chosen) for value, chosen in zip(values, rows, strict=True)]
        except Varies:
            return None

    def decide(self, size: Size) -> bool:
        """Is it the number of rows of a branch?"""
        return any(rows.size == size for rows in self._rows.values())

    def with_sizes(self, total: Node) -> Node:
        """A sum in which the numbers of rows are computed from the conditions."""
        numbers = {as_tensor(rows.size): ops.sum(condition.astype("int64"))
                   for condition, rows in self._rows.items()}  # fmt: skip
        return replace([total], numbers)[0] if numbers else total

    def _where(self, condition: Node) -> RowsOfData:
        if condition not in self._rows:
            self._rows[condition] = RowsOfData(rows_where(condition), self._only_data)
        return self._rows[condition]


def _of_rows(x: Node, chosen: RowsOfData) -> Node:
    varies = x.ndim and x.shape[0] != 1
    return ops.broadcast_to(part_of(x, 0, chosen) if varies else x, (chosen.size,))
