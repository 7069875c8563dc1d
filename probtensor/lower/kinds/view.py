"""Views and leaves: index expressions, materialised only as an output or for a routine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from probtensor.graph.node import Const, Input, Node, SizeOf
from probtensor.kernel.ir import Expr, IndexValue
from probtensor.kernel.simplify import Index
from probtensor.lower.kinds.base import Lowering, Task, Writer, loops_along
from probtensor.lower.reader import Reader
from probtensor.lower.sizes import CanonicalSizes
from probtensor.lower.values import as_value, choice, decided, uniform_value
from probtensor.ops.kinds import View
from probtensor.types import Size


class CopyTask(Task):
    """The copy of a view or a leaf to its buffer."""

    depth = None

    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        index = self.index(variables)
        inlined = reader.inline(reader, self.node, index)
        return [reader.value(self.node, index) if inlined is None else inlined]

    def write(self, writer: Writer, variables: list[Size]) -> None:
        (value,) = self.reads(writer, variables)
        writer.copy(self.node, self.index(variables), value)


class Copied(Lowering):
    """Nodes that have a task, a copy, only if they need a buffer."""

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        return [CopyTask(node, *loops_along(sizes.shape(node)))] if buffer else []


class LeafLowering(Copied):
    """Inputs, constants and sizes."""

    kind = (Input, Const, SizeOf)

    def inline(self, reader: Reader, node: Node, index: Sequence[Size]) -> Expr | None:
        match node.op:
            case Const():
                return uniform_value(node)
            case SizeOf(size):
                return IndexValue(reader.sizes(size))
        return None


class ViewLowering(Copied):
    """Views are composed into the index expressions of their consumers."""

    kind = View
    inlined = True

    def inline(self, reader: Reader, node: Node, index: Sequence[Size]) -> Expr | None:
        index_inputs = node.op.index_inputs()
        read = [
            _index_reader(reader, node, k) if k in index_inputs else _value_reader(reader, x)
            for k, x in enumerate(node.inputs)
        ]
        items = [Index(i, reader.bounds) for i in index]
        sizes = reader.sizes
        types = [sizes.type(x) for x in node.inputs]

        def select(condition: Expr | bool, a: Callable, b: Callable) -> object:
            constant = decided(condition)
            if constant is not None:
                return a() if constant else b()
            return choice(condition, reader.guarded(condition, a), b())

        result = sizes.op(node.op).element(items, read, types, sizes.type(node), select)
        return as_value(result, node.dtype, reader.canonical)


def _value_reader(reader: Reader, x: Node) -> Callable[[list], Expr]:
    def read(index: list) -> Expr:
        return reader.value(x, [reader.canonical(i) for i in index])

    return read


def _index_reader(reader: Reader, view: Node, position: int) -> Callable[[list], Index]:
    source, axis = view.op.index_inputs()[position]
    has_one = reader.sizes.shape(view.inputs[source])[axis] == 1

    def read(index: list) -> Index:
        value = reader.value(view.inputs[position], [reader.canonical(i) for i in index])
        checked = reader.checked_index(view, position, value)
        return Index(0 if has_one else checked, reader.bounds)

    return read
