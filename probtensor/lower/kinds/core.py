"""Core ops: a routine on entire buffers, with one or several results; and `Get`, one of these."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.node import Node, line_of
from probtensor.graph.parts import Get, parts
from probtensor.kernel.ir import Call, Expr
from probtensor.lower.kinds.base import Lowering, Task, Writer
from probtensor.lower.reader import Reader
from probtensor.lower.sizes import CanonicalSizes
from probtensor.ops.kinds import Core
from probtensor.types import Dim, Size, size_product


class RoutineTask(Task):
    """A call of a library routine with buffers and integers.

    Its arguments are the operands, the buffers of all parts of the node, and a workspace of that
    many doubles if it needs one. `device`: whether the routine exists for GPUs.
    """

    alone = True
    in_memory = True

    def __init__(
        self,
        node: Node,
        routine: str,
        operands: Sequence[Node],
        numbers: Sequence[Size],
        workspace: Size | None = None,
        device: bool = True,
    ) -> None:
        super().__init__(node, (), ())
        self.routine = routine
        self.operands = operands
        self.numbers = tuple(numbers)
        self.workspace = workspace
        self.device = device

    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        for x in self.node.inputs:  # "@all" equals no index of a task, so each gets a buffer
            reader.leaf(x, (Dim.name("@all"),) * x.type.ndim)
        return []

    def write(self, writer: Writer, variables: list[Size]) -> None:
        reads = tuple(map(writer.pointer, self.operands))
        written = list(map(writer.pointer, parts(self.node)))
        if self.workspace is not None:
            written.append((writer.workspace(self.node, self.workspace), 0))
        origin = line_of(self.node)
        writer.emit(Call(self.routine, reads, tuple(written), self.numbers, origin, self.device))


class CoreLowering(Lowering):
    """One task: the routine of the op, over all items."""

    kind = Core

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        op = node.op
        types = [sizes.type(x) for x in node.inputs]
        batch = size_product(op.batch_shape(types))
        core = op.core_sizes(types)
        numbers = (batch, *core.values())
        per_item = op.workspace(core)
        workspace = None if per_item is None else batch * per_item
        return [RoutineTask(node, op.routine, node.inputs, numbers, workspace, op.device)]

    def buffers_read(self, node: Node, sizes: CanonicalSizes) -> Sequence[Node]:
        return node.inputs


class PartLowering(Lowering):
    """No task: the routine of the node with all results writes the buffer of each."""

    kind = Get

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        return []
