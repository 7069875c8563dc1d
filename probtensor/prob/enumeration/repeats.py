"""Rows of data that occur several times, whose sums over discrete variables are computed once.

The history of an animal that was marked and recaptured, or the counts of a site, are often those of
others. If all that differs between the entries of a plate is discrete data, then a table is taken
over its distinct rows, the sums over the values of discrete variables are computed for these, and
the results are read back for each entry. Which rows are equal is found when data are bound, so that
it holds for other data, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph import Input, Node
from probtensor.graph.node import new_input
from probtensor.graph.walk import replace as replaced
from probtensor.graph.walk import toposort
from probtensor.prob.enumeration.eliminate import Cells, Combine, Links
from probtensor.prob.enumeration.parts import part_of
from probtensor.prob.model.data import depends_only_on, row_groups
from probtensor.types import Shape, Size

FEW = 8  # rows, among which no equal ones are looked for


class NotByRow(Exception):
    """Entries of a tensor depend on more than rows of discrete data."""


class Data:
    """The data of a model: `inputs`, of which `discrete` are floats that have few values."""

    def __init__(self, inputs: Iterable[Node], discrete: Collection[Node]) -> None:
        self._only = depends_only_on(inputs)
        self._discrete = discrete
        self._read: dict[Node, bool | None] = {}

    def is_discrete(self, x: Node) -> bool | None:
        """Is a node made of discrete data? None if it is not made of data, or of none."""
        if x not in self._read:
            used = [y for y in toposort([x]) if isinstance(y.op, Input)] if self._only(x) else []
            whole = all(not y.type.is_float or y in self._discrete for y in used)
            self._read[x] = whole if used else None
        return self._read[x]


class Rows:
    """The entries along an axis at the indices `index`, of tensors whose entries depend on rows of
    discrete data alone.

    taken  the data that were read: {(data, axis): the rows of it}
    """

    def __init__(self, data: Data) -> None:
        self.index = new_input("distinct", "int64", [None])
        self.size = self.index.shape[0]
        self.taken: dict[tuple[Node, int], Node] = {}
        self._data = data
        self._parts: dict[tuple[Node, int], Node] = {}

    def known(self, x: Node, axis: int) -> Node | None:
        """The part, where it is at hand."""
        if (x, axis) not in self._parts and self._data.is_discrete(x) is not None:
            if not self._data.is_discrete(x):
                raise NotByRow
            self.taken[x, axis] = self._parts[x, axis] = ops.take(x, self.index, axis)
        return self._parts.get((x, axis))

    def of(self, x: Node, axis: int) -> Node:
        """The part of a node below which it is not moved: there is none."""
        raise NotByRow

    def keep(self, x: Node, axis: int, part: Node) -> None:
        """Remember the part of a node."""
        self._parts[x, axis] = part

    def after(self, offset: Size) -> Rows:
        """The entries that lie `offset` further on."""
        if isinstance(offset, int) and offset == 0:
            return self
        raise NotByRow

    def numbers(self) -> Node:
        """The indices of the entries, which no two rows have in common."""
        raise NotByRow


class Repeats:
    """Sums over the values of entries and of chains, which compute those of equal rows of data
    once; `found` says whether there were plates of such rows."""

    def __init__(self, data: Data, combine: Combine, chain: Callable[[Links], Node]) -> None:
        self.found = False
        self._data, self._combine, self._chain = data, combine, chain

    def combine(self, cells: Cells, first: int = 0) -> Node:
        """`combine` of cells; axes of their shape before the one of number `first` are done."""
        for axis in range(first, len(cells.shape)):
            lean = self._distinct([cells], axis)
            if lean is not None:
                (own,), member = lean
                rest = self.combine(own, axis + 1)
                return ops.take(rest, member, len(cells.others) + axis)
        return self._combine(cells)

    def chain(self, links: Links, first: int = 0) -> Node:
        """`chain` of links, likewise."""
        for axis in range(first, len(links.unary.shape)):
            lean = self._distinct([links.unary, links.pairs], axis) if axis != links.axis else None
            if lean is not None:
                (unary, pairs), member = lean
                rest = self.chain(replace(links, unary=unary, pairs=pairs), axis + 1)
                return ops.take(rest, member, len(unary.others) + axis - (axis > links.axis))
        return self._chain(links)

    def _distinct(self, tables: Sequence[Cells], axis: int) -> tuple[list[Cells], Node] | None:
        """Tables over the distinct rows along an axis of their shape, and for each row the number
        of the one that it equals; None where rows are not those of discrete data."""
        varying = [c for c in tables if c.table.shape[c.rank + axis] != 1]
        n = tables[0].shape[axis]
        if not varying or (isinstance(n, int) and n <= FEW):
            return None
        rows = Rows(self._data)
        try:
            parts = [part_of(c.table, c.rank + axis, rows) for c in varying]
        except NotByRow:
            return None
        self.found = True
        keys = [ops.moveaxis(x, a, 0) for x, a in rows.taken]
        first, member = row_groups(keys, rows.size)
        done = dict(zip(varying, replaced(parts, {rows.index: first}), strict=True))
        lean = [replace(c, table=done.get(c, c.table), shape=_with(c.shape, axis, rows.size))
                for c in tables]  # fmt: skip
        return lean, member


def _with(shape: Shape, axis: int, size: Size) -> Shape:
    return tuple(size if k == axis else n for k, n in enumerate(shape))
