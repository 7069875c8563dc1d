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

    def __init__(self, node: Node, part: int, sizes: CanonicalSizes) -> None:
        super().__init__(node, *loops_along(sizes.shape(node.inputs[part])))
        self.part = part

    def finished_axis(self, level: int) -> int | None:
        return None  # other tasks write the other pieces

    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        piece = self.node.inputs[self.part]
        return [reader.value(piece, spread(reader.sizes.shape(piece), variables))]

    def write(self, writer: Writer, variables: list[Size]) -> None:
        (value,) = self.reads(writer, variables)
        node, axis, shape = self.node, self.node.op.axis, writer.sizes.shape
        offset: Size = 0
        for x in node.inputs[: self.part]:
            offset = shape(x)[axis] + offset
        index = spread(shape(node.inputs[self.part]), variables)
        index[axis] = index[axis] + offset
        writer.store(node, index, value, None, line_of(node))


class JoinLowering(Lowering):
    """One task per input."""

    kind = Join

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        return [PieceTask(node, part, sizes) for part in range(len(node.inputs))]
