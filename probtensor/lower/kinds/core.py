"""Core ops: a routine on whole buffers."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.node import Node, line_of
from probtensor.kernel.ir import Call, Expr
from probtensor.lower.kinds.base import Lowering, Task, Writer
from probtensor.lower.reader import Reader
from probtensor.lower.sizes import CanonicalSizes
from probtensor.ops.kinds import Core
from probtensor.types import Dim, Size, size_product


class RoutineTask(Task):
    """A call of a library routine with buffers and integers."""

    alone = True
    in_place = True

    def __init__(
        self, node: Node, routine: str, operands: Sequence[Node], numbers: Sequence[Size]
    ) -> None:
        super().__init__(node, (), ())
        self.routine = routine
        self.operands = operands
        self.numbers = tuple(numbers)

    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        for x in self.node.inputs:  # whole buffers: no index of its own
            reader.leaf(x, (Dim.name("@all"),) * x.type.ndim)
        return []

    def write(self, writer: Writer, variables: list[Size]) -> None:
        names = writer.memory.names
        reads = tuple((names[x], 0) for x in self.operands)
        writes = ((names[self.node], 0),)
        writer.emit(Call(self.routine, reads, writes, self.numbers, line_of(self.node)))


class CoreLowering(Lowering):
    """One task: the routine of the op, over all items."""

    kind = Core

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        op = node.op
        types = [sizes.type(x) for x in node.inputs]
        batch = size_product(op.batch_shape(types))
        numbers = (batch, *op.core_sizes(types).values())
        return [RoutineTask(node, op.routine, node.inputs, numbers)]

    def buffers_read(self, node: Node, sizes: CanonicalSizes) -> Sequence[Node]:
        return node.inputs
