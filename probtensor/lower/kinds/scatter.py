"""Scatters: a copy of the base, then updates written or combined at computed indices."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.node import Node, line_of
from probtensor.kernel.ir import Carry, Expr, IndexValue
from probtensor.lower.kinds.base import Lowering, Task, Writer, loops_along
from probtensor.lower.kinds.reduction import MAX_PLAIN_TERMS, combined_as
from probtensor.lower.reader import Reader
from probtensor.lower.sizes import CanonicalSizes
from probtensor.lower.values import spread
from probtensor.ops.kinds import Scatter
from probtensor.types import Dim, Size, size_product


class ScatterTask(Task):
    """The copy of the base of a scatter, and then all updates."""

    in_memory = True

    def __init__(self, node: Node, sizes: CanonicalSizes) -> None:
        loops, _ = loops_along(updates_shape(node, sizes))
        super().__init__(node, loops, (None,) * len(loops))

    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        """The update, then the index along each scattered axis (as IndexValue expressions)."""
        node, op = self.node, self.node.op
        full = updates_shape(node, reader.sizes)
        index = spread(full, variables)
        count = len(full) - (node.type.ndim - len(op.axes))
        inner = index[op.at : op.at + count]
        update = reader.operand(node.inputs[1], index)
        indices = [
            IndexValue(reader.checked_index(node, k, reader.operand(x, inner)))
            for k, x in enumerate(node.inputs[2:], 2)
        ]
        return [update, *indices]

    def reads_before(self, reader: Reader) -> None:
        """Read all of the base, which is copied before the loops over the updates."""
        base = self.node.inputs[0]
        shape = reader.sizes.shape(base)
        reader.bounds |= {f"@base{axis}": n for axis, n in enumerate(shape)}
        index = [0 if n == 1 else Dim.name(f"@base{axis}") for axis, n in enumerate(shape)]
        reader.value(base, index)

    def starts_at(self, level: int) -> bool:
        return level == 0

    def start(self, writer: Writer, level: int, variables: Sequence[Size]) -> None:
        writer.fill(self.node, {}, lambda index: writer.value(self.node.inputs[0], index))

    def write(self, writer: Writer, variables: list[Size]) -> None:
        node, op = self.node, self.node.op
        update, *indices = self.reads(writer, variables)
        if not self.domain:
            self.start(writer, 0, [])
        mode = None if op.mode == "set" else combined_as(node.dtype, op.mode)
        index = self._base_index(writer, variables, [found.index for found in indices])
        writer.store(node, index, update, mode, line_of(node), op.unique)

    def _base_index(
        self, writer: Writer, variables: Sequence[Size], indices: Sequence[Size]
    ) -> list[Size]:
        """The index into the base: computed on the scattered axes, loops on the others."""
        op, ndim = self.node.op, self.node.type.ndim
        full = spread(updates_shape(self.node, writer.sizes), variables)
        count = len(full) - (ndim - len(op.axes))
        rest = iter(full[: op.at] + full[op.at + count :])
        computed = dict(zip(op.axes, indices, strict=True))
        return [computed[axis] if axis in computed else next(rest) for axis in range(ndim)]

    def carry(self, writer: Writer, level: int, variables: list[Size]) -> Carry | None:
        """The sums of a scatter-add, which its outermost loop accumulates."""
        node, count = self.node, size_product(self.domain)
        if level > 0 or node.op.mode != "add" or node.dtype not in MAX_PLAIN_TERMS:
            return None
        if node.op.unique:
            return None
        if isinstance(count, int) and count <= MAX_PLAIN_TERMS[node.dtype]:
            return None
        shape = [n for n in writer.sizes.shape(node) if n != 1]
        each = size_product(self.domain[1:])
        name, scratch = writer.memory.names[node], writer.scratch(node, shape, "s")
        return Carry(name, node.dtype, scratch, 0, size_product(shape), count, each)


def updates_shape(node: Node, sizes: CanonicalSizes) -> tuple[Size, ...]:
    """The shape of the updates: the axes of the base that are not indexed, with the shape of the
    indices inserted at `op.at`."""
    base, _, *indices = node.inputs
    others = [n for a, n in enumerate(sizes.shape(base)) if a not in node.op.axes]
    shapes = [sizes.shape(x) for x in indices]
    ndim = max(map(len, shapes), default=0)
    padded = [(1,) * (ndim - len(s)) + s for s in shapes]
    index = tuple(
        next((n for n in column if n != 1), 1) for column in zip(*padded, strict=True)
    )
    return (*others[: node.op.at], *index, *others[node.op.at :])


class ScatterLowering(Lowering):
    """One task: a loop nest over the updates."""

    kind = Scatter

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        return [ScatterTask(node, sizes)]
