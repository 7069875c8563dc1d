"""Graphs evaluated for all values of some of their nodes at once.

A table of a node has the axes of the enumeration in front, one for each set of values, then the
axes of the node. An axis along which the table does not change has size 1, whatever the size of the
node there: tables broadcast, and nothing is computed more than once. So a mean `mu[z]` of K classes
and n observations is a table of K elements, and only its distances from the data are K times n.

Elementwise ops, views, gathers, joins, sums and products of matrices are applied to such tables.
All other ops are applied to a batch of the nodes that they need, as `vmap` does it, which has all
sizes in full.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from math import prod

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph.node import Node, made_by, make
from probtensor.graph.walk import toposort
from probtensor.ops.arrays.require import Require
from probtensor.ops.arrays.views import axis_groups
from probtensor.ops.kinds import Batch, Composite, Contraction, Elementwise, Join, Reduction
from probtensor.ops.reductions.composite import OverAxes
from probtensor.transform.batch import vmap_nodes
from probtensor.types import Shape, Size


class Enumerated:
    """The tables of nodes, given those of some.

    sizes  the number of values along each axis of the enumeration
    given  {node: its table}
    plain  of the nodes whose values are consecutive numbers along one axis: {node: (axis, least)}
    """

    def __init__(
        self,
        sizes: Sequence[int],
        given: Mapping[Node, Node],
        plain: Mapping[Node, tuple[int, int]],
    ) -> None:
        self.sizes, self.rank = tuple(sizes), len(sizes)
        self._plain = dict(plain)
        self._tables: dict[Node, Node] = dict(given)
        self._lifted: dict[Node, Node] = {}
        self._batches: dict[Node, tuple[object, tuple[int, ...]]] = {}  # of several results

    def table(self, output: Node) -> Node:
        """The table of a node."""
        for node in toposort([output], self._tables):
            if node in self._tables or not any(map(self._varies, node.inputs)):
                continue
            with made_by(node):
                found = self._computed(node)
            if found is not None:
                self._tables[node] = found
        return self._of(output)

    def _varies(self, x: Node) -> bool:
        return x in self._tables or x in self._batches

    def _of(self, x: Node) -> Node:
        """The table of a node that is computed, or that does not change."""
        return self._tables[x] if x in self._tables else self._lift(x)

    def _lift(self, x: Node) -> Node:
        """The table of a node that does not change, without axes along which it is repeated."""
        if x not in self._lifted:
            if isinstance(x.op, ops.BroadcastTo):
                found = self._padded(self._lift(x.inputs[0]), x.ndim)
            elif isinstance(x.op, ops.ExpandDims):
                found = self._shifted_view(x, self._lift(x.inputs[0]))
            else:
                found = ops.expand_dims(x, tuple(range(self.rank))) if self.rank else x
            self._lifted[x] = found
        return self._lifted[x]

    def _padded(self, table: Node, ndim: int) -> Node:
        """A table with axes of size 1 before those of its node, which then has `ndim`."""
        new = ndim - (table.ndim - self.rank)
        axes = tuple(range(self.rank, self.rank + new))
        return ops.expand_dims(table, axes) if axes else table

    def full(self, table: Node, shape: Shape, axes: Sequence[int] | None = None) -> Node:
        """A table with the sizes of its node's shape, along some of its axes or all."""
        wanted = list(table.shape)
        for k, n in enumerate(shape):
            if axes is None or k in axes:
                wanted[self.rank + k] = n
        return ops.broadcast_to(table, tuple(wanted))

    def _repeated(self, table: Node, axis: int, x: Node) -> bool:
        """Is a table the same along an axis of its node?"""
        return table.shape[self.rank + axis] == 1 and x.shape[axis] != 1

    # Ops.

    def _computed(self, node: Node) -> Node | None:
        op = node.op
        if isinstance(op, Elementwise):
            return make(op, [self._padded(self._of(x), node.ndim) for x in node.inputs])
        if isinstance(op, ops.BroadcastTo):
            return self._padded(self._of(node.inputs[0]), node.ndim)
        if isinstance(op, Require):
            return self._of(node.inputs[0])
        if isinstance(op, (ops.ExpandDims, ops.DropAxes)):
            return self._shifted_view(node, self._of(node.inputs[0]))
        if isinstance(op, ops.Transpose):
            order = (*range(self.rank), *(self.rank + a for a in op.axes))
            return make(ops.Transpose(order), (self._of(node.inputs[0]),))
        if isinstance(op, ops.Reshape):
            return self._reshape(node)
        if isinstance(op, ops.Slice):
            return self._slice(node)
        if isinstance(op, ops.Gather):
            return self._gather(node)
        if isinstance(op, (Reduction, OverAxes)):
            return self._reduction(node)
        if isinstance(op, Contraction):
            return self._contraction(node)
        if isinstance(op, Join):
            return self._join(node)
        if isinstance(op, Composite) and type(op).batched is Composite.batched:
            return self.table(op.expand(*node.inputs))
        return self._batched(node)

    def _shifted_view(self, node: Node, table: Node) -> Node:
        axes = tuple(self.rank + a for a in node.op.axes)
        return make(replace(node.op, axes=axes), (table,))

    def _reshape(self, node: Node) -> Node:
        (x,) = node.inputs
        table, shape = self._of(x), [1] * node.ndim
        kept: list[int] = []
        for olds, news in axis_groups(x.shape, node.shape):
            if all(self._repeated(table, a, x) for a in olds):
                continue
            kept += olds
            for a in news:
                shape[a] = node.shape[a]
        table = self.full(table, x.shape, kept)
        return ops.reshape(table, (*table.shape[: self.rank], *shape))

    def _slice(self, node: Node) -> Node:
        (x,), op = node.inputs, node.op
        table = self._of(x)
        same = [self._repeated(table, a, x) for a in range(x.ndim)]
        front = table.shape[: self.rank]
        starts = [0 if one else n for one, n in zip(same, op.starts, strict=True)]
        steps = [1 if one else n for one, n in zip(same, op.steps, strict=True)]
        sizes = [1 if one else n for one, n in zip(same, op.sizes, strict=True)]
        none, ones = (0,) * self.rank, (1,) * self.rank
        found = ops.Slice((*none, *starts), (*ones, *steps), (*front, *sizes))
        return make(found, (table,))

    def _gather(self, node: Node) -> Node:
        """x[index, ...] with the axes of the enumeration that x has as further indices."""
        op, (x, *indices) = node.op, node.inputs
        block = max(i.ndim for i in indices)
        base = self._of(x)
        pairs = list(zip(op.axes, indices, strict=True))
        base, read = self._read_values(base, x, pairs)
        pairs = [pair for pair in pairs if pair[0] not in read]
        same = [a for a, _ in pairs if self._repeated(base, a, x)] + read
        if same:
            base = make(ops.DropAxes(tuple(self.rank + a for a in sorted(same))), (base,))
        kept = [a for a in range(x.ndim) if a not in same]
        axes = [self.rank + kept.index(a) for a, _ in pairs if a not in same]
        tables = [self._index(i, block) for a, i in pairs if a not in same]
        if not tables:
            shown = tuple(self.rank + op.at + k for k in range(block))
            return ops.expand_dims(base, shown) if block else base
        own = [j for j in range(self.rank) if base.shape[j] != 1]
        numbers = [self._numbers(j, block) for j in own]
        dropped = tuple(j for j in range(self.rank) if j not in own)
        if dropped:
            base = make(ops.DropAxes(dropped), (base,))
        lower = lambda a: a - len(dropped)  # noqa: E731 - all dropped axes come first
        gather = ops.Gather((*range(len(own)), *map(lower, axes)), op.at, op.mode)
        found = make(gather, (base, *numbers, *tables))
        # The axes of the enumeration lie at `op.at`, with those of the indices behind them.
        end = op.at + self.rank
        return ops.transpose(found, (*range(op.at, end), *range(op.at), *range(end, found.ndim)))

    def _read_values(
        self, base: Node, x: Node, pairs: Sequence[tuple[int, Node]]
    ) -> tuple[Node, list[int]]:
        """A table with axes that are indexed by all values of a variable moved to its axis of the
        enumeration, and these axes, which have size 1 then."""
        read = []
        for a, index in pairs:
            j, low = self._plain.get(index, (None, 0))
            n = x.shape[a]
            if j is None or base.shape[j] != 1 or self._repeated(base, a, x):
                continue
            count = self.sizes[j]
            if not isinstance(n, int) or low < 0 or low + count > n:
                continue
            order = list(range(base.ndim))
            order[j], order[self.rank + a] = self.rank + a, j
            base = ops.transpose(base, tuple(order))
            base = base[(slice(None),) * j + (slice(low, low + count),)]
            read.append(a)
        return base, read

    def _index(self, index: Node, block: int) -> Node:
        return self._padded(self._of(index), block)

    def _numbers(self, axis: int, block: int) -> Node:
        """The index of each value along an axis of the enumeration."""
        n = self.sizes[axis]
        shape = [n if j == axis else 1 for j in range(self.rank)]
        return ops.reshape(ops.arange(n), (*shape, *(1,) * block))

    def _reduction(self, node: Node) -> Node:
        (x,), op = node.inputs, node.op
        table = self._of(x)
        same = [a for a in op.axes if self._repeated(table, a, x)]
        simple = (ops.Sum, ops.Max, ops.Min, ops.All, ops.Any_)
        empty = [n for a, n in enumerate(x.shape) if a in same and not _positive(n)]
        if not isinstance(op, simple) or empty:
            table, same = self.full(table, x.shape, op.axes), []
        found = make(replace(op, axes=tuple(self.rank + a for a in op.axes)), (table,))
        return times(found, [x.shape[a] for a in same]) if isinstance(op, ops.Sum) else found

    def _contraction(self, node: Node) -> Node:
        *operands, out = node.op.parts()
        free = [c for c in string.ascii_letters if c not in "".join((*operands, out))]
        parts, tables, used = [], [], set()
        for own, x in zip(operands, node.inputs, strict=True):
            table = self.full(self._of(x), x.shape)
            present = [j for j in range(self.rank) if table.shape[j] != 1]
            absent = tuple(j for j in range(self.rank) if j not in present)
            tables.append(make(ops.DropAxes(absent), (table,)) if absent else table)
            parts.append("".join(free[j] for j in present) + own)
            used |= set(present)
        front = "".join(free[j] for j in sorted(used))
        found = make(type(node.op)(f"{parts[0]},{parts[1]}->{front}{out}"), tables)
        new = tuple(j for j in range(self.rank) if j not in used)
        return ops.expand_dims(found, new) if new else found

    def _join(self, node: Node) -> Node:
        axis, tables = node.op.axis, [self._of(x) for x in node.inputs]
        pairs = list(zip(tables, node.inputs, strict=True))
        full = [axis]
        for a in range(node.ndim):
            if a != axis and not all(t.shape[self.rank + a] == 1 for t in tables):
                full.append(a)
        tables = [self.full(t, x.shape, full) for t, x in pairs]
        front = [max(t.shape[j] for t in tables) for j in range(self.rank)]
        tables = [ops.broadcast_to(t, (*front, *t.shape[self.rank :])) for t in tables]
        return make(type(node.op)(self.rank + axis), tables)

    # All other ops.

    def _batched(self, node: Node) -> Node | None:
        """The table of a node by its own rule for batches."""
        axes: set[int] = set()
        for x in node.inputs:
            if x in self._batches:
                axes |= set(self._batches[x][1])
            elif x in self._tables:
                axes |= {j for j in range(self.rank) if self._tables[x].shape[j] != 1}
        present = tuple(sorted(axes))
        if not present:  # a set of one value, which is a batch of one
            present = (0,)
        front = [self.sizes[j] if j in present else 1 for j in range(self.rank)]
        inputs: list[object] = []
        for x in node.inputs:
            if x in self._batches:
                inputs.append(self._batches[x][0])
            elif x in self._tables:
                whole = ops.broadcast_to(self._tables[x], (*front, *x.shape))
                inputs.append(ops.reshape(whole, (prod(front), *x.shape)))
            else:
                inputs.append(None)
        found = node.op.batched(Batch(node, tuple(inputs), prod(front), vmap_nodes))
        if isinstance(node.type, tuple):
            self._batches[node] = found, present
            return None
        return ops.reshape(found, (*front, *node.shape))


def _positive(n: Size) -> bool:
    return isinstance(n, int) and n > 0


def times(x: Node, sizes: Sequence[Size]) -> Node:
    """x multiplied by sizes."""
    for n in sizes:
        if not (isinstance(n, int) and n == 1):
            x = x * ops.astype(ops.as_tensor(n), x.dtype)
    return x
