"""Joins: each input is copied to its part of the result."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.node import Node, line_of
from probtensor.kernel.ir import Expr
from probtensor.lower.kinds.base import Lowering, Task, Writer, loops_along
from probtensor.lower.reader import Reader
from probtensor.lower.sizes import CanonicalSizes
from probtensor.lower.values import spread
from probtensor.ops.kinds import Join
from probtensor.types import Size


class PieceTask(Task):
    """The copy of one input of a join to its part of the result."""

    in_memory = True

    def __init__(self, node: Node, part: int, offset: Size, sizes: CanonicalSizes) -> None:
        super().__init__(node, *loops_along(sizes.shape(node.inputs[part])))
        self.part = part
        self.offset = offset

    def finished_axis(self, level: int) -> int | None:
        return None  # other tasks write the other pieces

    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        piece = self.node.inputs[self.part]
        return [reader.value(piece, spread(reader.sizes.shape(piece), variables))]

    def write(self, writer: Writer, variables: list[Size]) -> None:
        (value,) = self.reads(writer, variables)
        node, axis = self.node, self.node.op.axis
        index = spread(writer.sizes.shape(node.inputs[self.part]), variables)
        index[axis] = index[axis] + self.offset
        writer.store(node, index, value, None, line_of(node))


class JoinLowering(Lowering):
    """One task per input."""

    kind = Join

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        found: list[Task] = []
        offset: Size = 0
        for part, x in enumerate(node.inputs):
            found.append(PieceTask(node, part, offset, sizes))
            offset = sizes.shape(x)[node.op.axis] + offset
        return found
