"""Nodes that are their first input, and a statement beside the loops: an effect, or a check."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.node import Node, line_of
from probtensor.kernel.ir import Apply, Call, Check, Expr, IndexValue, Let, Lit, Load, Ref, Store
from probtensor.lower.kinds.base import Lowering, Task, Writer, loops_along
from probtensor.lower.kinds.view import CopyTask
from probtensor.lower.reader import Reader
from probtensor.lower.sizes import CanonicalSizes
from probtensor.lower.values import cast
from probtensor.ops.kinds import Observing, Passing, Requiring
from probtensor.types import Dim, Size

FAILED = "ValueError: a function of Python that compiled code calls has failed\n  at "


class EffectTask(Task):
    """A call of a function of Python with the buffers of all inputs. It writes a table about them
    first: see `cython_ext/effects.pyx`."""

    alone = True
    in_memory = True

    def __init__(self, node: Node) -> None:
        super().__init__(node, (), ())

    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        # "@all" equals no index of a task, so each gets a buffer, the scalars of a body as well.
        for x in self.node.inputs:
            reader.leaf(x, (Dim.name("@all"),) * max(1, x.type.ndim))
        return []

    def write(self, writer: Writer, variables: list[Size]) -> None:
        node, op = self.node, self.node.op
        shapes = [writer.sizes.shape(x) for x in node.inputs]
        head = (op.number, op.guard, len(writer.steps), op.batch)
        table: list[Size] = [*head, *writer.steps, *(n for shape in shapes for n in shape)]
        info = writer.workspace(node, len(table))
        status = writer.scratch(node, (1,), "_status")
        for k, number in enumerate(table):
            value: Expr = Lit(float(number), "float64") if isinstance(number, int) else cast(
                IndexValue(writer.canonical(number)), "float64"
            )
            writer.emit(Store(info, k, value, None, line_of(node)))
        arrays = [writer.pointer(x) for x in node.inputs]
        line = line_of(node)
        writer.emit(Call(
            f"pt_effect_{len(arrays)}", ((info, 0), *arrays), ((status, 0),), (), line, False
        ))  # fmt: skip
        name = writer.fresh("t")
        done = Apply("==", (Load(status, 0, "float64"), Lit(0.0, "float64")), "bool")
        writer.emit(Let(name, done))
        writer.emit(Check(Ref(name, "bool"), writer.failure(FAILED + line)))


class RequireTask(Task):
    """A condition that must be true."""

    in_memory = True

    def __init__(self, node: Node) -> None:
        super().__init__(node, (), ())

    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        return [reader.value(self.node.inputs[1], ())]

    def write(self, writer: Writer, variables: list[Size]) -> None:
        (holds,) = self.reads(writer, variables)
        if isinstance(holds, Lit) and holds.value:
            return
        name = writer.fresh("t")
        writer.emit(Let(name, holds, line_of(self.node)))
        code = writer.failure(self.node.op.failure(self.node))
        writer.emit(Check(Ref(name, "bool"), code))


class PassingLowering(Lowering):
    """The first input, inlined; and the statement, if it has one."""

    kind = Passing
    inlined = True

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        found: list[Task] = []
        if isinstance(node.op, Observing):
            found.append(EffectTask(node))
        elif isinstance(node.op, Requiring):
            found.append(RequireTask(node))
        return [*found, CopyTask(node, *loops_along(sizes.shape(node)))] if buffer else found

    def buffers_read(self, node: Node, sizes: CanonicalSizes) -> Sequence[Node]:
        return node.inputs if isinstance(node.op, Observing) else ()

    def inline(self, reader: Reader, node: Node, index: Sequence[Size]) -> Expr | None:
        return reader.value(node.inputs[0], index)
