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
from probtensor.types import Dim, Size


class CopyTask(Task):
    """The copy of a view or a leaf to its buffer."""

    depth = None

    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        index = self.index(variables)
        inlined = reader.inlined(self.node, index)
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
        op = node.op
        if op.__class__ is Const:
            literals = reader.sizes.literals
            if node not in literals:
                literals[node] = uniform_value(node)
            return literals[node]
        return IndexValue(reader.sizes(op.size)) if isinstance(op, SizeOf) else None


class ViewLowering(Copied):
    """Views are composed into the index expressions of their consumers."""

    kind = View
    inlined = True

    def inline(self, reader: Reader, node: Node, index: Sequence[Size]) -> Expr | None:
        moved = reader.sizes.moved.get(node)
        found = None if moved is None else moved.get(index)
        return _element(reader, node, index) if found is None else reader.value(*found)


def _element(reader: Reader, node: Node, index: Sequence[Size]) -> Expr:
    """The element of a view. Notes in `moved` if it is just that of an input, at all times."""
    index_inputs = node.op.index_inputs()
    read = [
        _index_reader(reader, node, k) if k in index_inputs else _ValueReader(reader, x)
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
    # At constant indices no range of a variable matters.
    if not index_inputs and not any(isinstance(i, Dim) for i in index):
        for part in read:
            if part.found is result and result.dtype == node.dtype:
                sizes.moved.setdefault(node, {})[index] = part.node, part.index
    return as_value(result, node.dtype, reader.canonical)


class _ValueReader:
    """Reads the elements of an input. It keeps the last one, and its index."""

    __slots__ = ("found", "index", "node", "reader")

    def __init__(self, reader: Reader, node: Node) -> None:
        self.reader, self.node = reader, node
        self.found: Expr | None = None
        self.index: tuple[Size, ...] = ()

    def __call__(self, index: list) -> Expr:
        canonical = self.reader.canonical
        self.index = tuple([canonical(i) for i in index])
        self.found = self.reader.value(self.node, self.index)
        return self.found


def _index_reader(reader: Reader, view: Node, position: int) -> Callable[[list], Index]:
    source, axis = view.op.index_inputs()[position]
    has_one = reader.sizes.shape(view.inputs[source])[axis] == 1

    def read(index: list) -> Index:
        value = reader.value(view.inputs[position], [reader.canonical(i) for i in index])
        checked = reader.checked_index(view, position, value)
        return Index(0 if has_one else checked, reader.bounds)

    return read
