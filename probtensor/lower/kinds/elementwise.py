"""Elementwise ops: one statement per element; those of loop variables alone are no statements."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.node import Const, Node, line_of
from probtensor.kernel.ir import Apply, Check, Expr, Let, Lit, Ref
from probtensor.lower.kinds.base import Lowering, Task, Writer, loops_along
from probtensor.lower.kinds.view import CopyTask
from probtensor.lower.reader import Reader
from probtensor.lower.sizes import CanonicalSizes
from probtensor.ops.kinds import Elementwise, Masking, View
from probtensor.types import Size, dtype_of


class MapTask(Task):
    """A function of the elements of the inputs."""

    movable = True

    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        return self.operands(reader, self.index(variables))

    def operands(self, reader: Reader, index: tuple[Size, ...]) -> list[Expr]:
        """The elements of the inputs at an index of the result."""
        node, own = self.node, self.node.type
        return [
            reader.value(x, index) if x.type is own and index else reader.operand(x, index)
            for x in node.inputs
        ]

    def write(self, writer: Writer, variables: list[Size]) -> None:
        node, op, index = self.node, self.node.op, self.index(variables)
        values = self.operands(writer, index)
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


class MaskLowering(ElementwiseLowering):
    """Comparisons of loop variables, as in `tril` and `eye`, and casts of these: inlined into the
    expressions that read them, since to compare costs less than to store and load."""

    kind = Masking

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        if not _is_mask(node):
            return super().tasks(node, sizes, buffer)
        return [CopyTask(node, *loops_along(sizes.shape(node)))] if buffer else []

    def inline(self, reader: Reader, node: Node, index: Sequence[Size]) -> Expr | None:
        if not _is_mask(node):
            return None
        values = tuple([reader.operand(x, index) for x in node.inputs])
        return Apply(node.op.c or node.op.symbol, values, node.dtype)


def _is_mask(node: Node) -> bool:
    """Is a node with axes a comparison of numbers of elements, or a cast of one?"""
    if len(node.inputs) == 1:
        x = node.inputs[0]
        return isinstance(x.op, Masking) and x.dtype == "bool" and _is_mask(x)
    return node.ndim > 1 and all(map(_counts, node.inputs))


def _counts(x: Node) -> bool:
    """Is x a number of elements along an axis, plus a literal?"""
    while x.inputs:
        if isinstance(x.op, View) and len(x.inputs) == 1:
            x = x.inputs[0]
        elif isinstance(x.op, Elementwise) and x.op.symbol == "+":
            literal = [isinstance(y.op, Const) and not y.ndim for y in x.inputs]
            if literal.count(True) != 1:
                return False
            x = x.inputs[literal.index(False)]
        else:
            return False
    return isinstance(x.op, View)
