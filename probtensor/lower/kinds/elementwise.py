"""Elementwise ops: one statement per element."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.node import Node, line_of
from probtensor.kernel.ir import Apply, Check, Expr, Let, Lit, Ref
from probtensor.lower.kinds.base import Lowering, Task, Writer, loops_along
from probtensor.lower.reader import Reader
from probtensor.lower.sizes import CanonicalSizes
from probtensor.ops.kinds import Elementwise
from probtensor.types import Size, dtype_of


class MapTask(Task):
    """A function of the elements of the inputs."""

    movable = True

    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        index = self.index(variables)
        return [reader.operand(x, index) for x in self.node.inputs]

    def write(self, writer: Writer, variables: list[Size]) -> None:
        node, op, index = self.node, self.node.op, self.index(variables)
        values = [writer.operand(x, index) for x in node.inputs]
        name = writer.fresh("t")
        if op.needed is not None:
            _check_operand(writer, name, node, values)
        expr = Apply(op.c or op.symbol, tuple(values), node.dtype)
        writer.emit(Let(name, expr, line_of(node)))
        writer.bind(node, index, Ref(name, node.dtype))


def _check_operand(writer: Writer, name: str, node: Node, values: list[Expr]) -> None:
    """Check the operand of an op that is undefined outside a range (`needed`)."""
    needed = node.op.needed
    value = values[needed.position]
    low, high, dtype = needed.low, needed.high, value.dtype
    unsigned = dtype_of(dtype).kind == "u"
    bound = value.value if isinstance(value, Lit) else low if unsigned else None
    if bound is not None and low <= bound and (high is None or bound < high):
        return
    valid: Expr = Apply(">=", (value, Lit(low, dtype)), "bool")
    if high is not None:
        valid = Apply("and", (valid, Apply("<", (value, Lit(high, dtype)), "bool")), "bool")
    message = f"ValueError: {needed.said}\n  at {line_of(node)}\n  {needed.way_out}"
    writer.emit(Let(f"{name}_ok", valid))
    writer.emit(Check(Ref(f"{name}_ok", "bool"), writer.failure(message)))


class ElementwiseLowering(Lowering):
    """One task: a loop over the elements of the result."""

    kind = Elementwise

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        return [MapTask(node, *loops_along(sizes.shape(node)))]
