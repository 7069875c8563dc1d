"""Branches, whose bodies are statements of which one group runs, and choices element by element.

A branch with scalar results only is a scalar itself: its results are locals. Array results are
stored to their buffers by each body.
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.closed import Closed
from probtensor.graph.node import Input, Node, line_of
from probtensor.graph.parts import parts
from probtensor.kernel.ir import Apply, Choice, Expr, If, Let, Lit, Ref, Stmt
from probtensor.lower.kinds.base import Lowering, Place, Read, Task, Writer, loops_along
from probtensor.lower.kinds.elementwise import MapTask
from probtensor.lower.reader import Reader
from probtensor.lower.sizes import CanonicalSizes
from probtensor.lower.values import cast
from probtensor.ops import kinds
from probtensor.types import Dim, Size


def takes(selector: Expr, k: int) -> Expr:
    """Whether a selector takes alternative k, if it takes none before it."""
    if selector.dtype == "bool":
        return selector
    return Apply("<=", (selector, Lit(k, "int64")), "bool")


class ChoiceTask(MapTask):
    """A choice of alternatives that are computed anyway."""

    def write(self, writer: Writer, variables: list[Size]) -> None:
        selector, *values = self.reads(writer, variables)
        found = values[-1]
        for k in reversed(range(len(values) - 1)):
            found = Apply("where", (takes(selector, k), values[k], found), found.dtype)
        name = writer.fresh("t")
        writer.emit(Let(name, found, line_of(self.node)))
        writer.bind(self.node, self.index(variables), Ref(name, found.dtype))


class ChoiceLowering(Lowering):
    """One task: a loop over the elements of the result."""

    kind = kinds.Choice

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        return [ChoiceTask(node, *loops_along(sizes.shape(node)))]


class BranchTask(Task):
    """All of a branch. It shares no kernel if some result is an array."""

    def __init__(self, node: Node) -> None:
        super().__init__(node, (), ())

    @property
    def alone(self) -> bool:
        return any(kind.ndim for kind in self.node.type)

    @property
    def in_memory(self) -> bool:
        return self.alone

    def index(self, variables: Sequence[Size]) -> tuple[Size, ...]:
        return ()  # of each scalar result

    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        """All elements of all inputs, at indices that equal those of no task."""
        for x in self.node.inputs:
            shape = reader.sizes.shape(x)
            reader.bounds |= {f"@all{axis}": n for axis, n in enumerate(shape)}
            index = [0 if n == 1 else Dim.name(f"@all{axis}") for axis, n in enumerate(shape)]
            reader.value(x, index)
        return []

    def write(self, writer: Writer, variables: list[Size]) -> None:
        selector, *outside = self.node.inputs
        value = writer.value(selector, ())
        if not isinstance(value, (Lit, Ref)):
            name = writer.fresh("p")
            writer.emit(Let(name, value, line_of(selector)))
            value = Ref(name, value.dtype)
        given = [_read_from(writer, x) for x in outside]
        written = [self._body(writer, body, given) for body in self.node.op.bodies]
        statements, ends = self._nested(writer, value, written)
        for stmt in statements:
            writer.emit(stmt)
        scalars = [part for part in parts(self.node) if not part.type.ndim]
        for part, end in zip(scalars, ends, strict=True):
            writer.bind(part, (), end)

    def _body(
        self, writer: Writer, body: Closed, given: Sequence[Read]
    ) -> tuple[tuple[Stmt, ...], list[Expr]]:
        """The statements of a body, and its scalar results."""
        placed: dict[Node, Place] = {}
        copied: list[tuple[Node, Node]] = []
        for part, result in zip(parts(self.node), body.outputs, strict=True):
            if not part.type.ndim:
                continue
            if result in placed or isinstance(result.op, Input):
                copied.append((part, result))
            else:
                placed[result] = Place(*writer.pointer(part))
        inside = writer.inside(
            body.outputs, dict(zip(body.parameters, given, strict=True)), placed
        )
        ends: list[Expr] = []

        def write() -> None:
            inside.step()
            for part, result in copied:
                writer.fill(part, {}, lambda index, result=result: inside.value(result, index))
            scalars = (x for x in body.outputs if not x.type.ndim)
            ends.extend(cast(inside.value(x, ()), x.dtype) for x in scalars)

        return inside.block(write), ends

    def _nested(
        self,
        writer: Writer,
        selector: Expr,
        written: Sequence[tuple[tuple[Stmt, ...], list[Expr]]],
    ) -> tuple[tuple[Stmt, ...], list[Expr]]:
        """The bodies as nested branches of two bodies each, and the scalar results."""
        origin = line_of(self.node)
        statements, ends = written[-1]
        for k in reversed(range(len(written) - 1)):
            first, values = written[k]
            choices = tuple(
                Choice(writer.fresh("t"), a, b, origin) for a, b in zip(values, ends, strict=True)
            )
            statements = (If(takes(selector, k), first, statements, choices),)
            ends = [Ref(choice.name, choice.dtype) for choice in choices]
        return statements, ends


def _read_from(writer: Writer, x: Node) -> Read:
    return Read(lambda index: writer.value(x, index), lambda: writer.pointer(x))


class BranchLowering(Lowering):
    """One task for all of a branch."""

    kind = kinds.Branch

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        return [BranchTask(node)]
