"""Loops in order: a body that is written once, as the step of a `Scan`.

Scalar carries are states of the `Scan`. An array carry has a buffer: the step computes the next
value elsewhere, and copies it when all that reads the present one is done. The results of a step
are stored to their part of the stacked results.
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.dataclass import dataclass
from probtensor.graph.node import Node, line_of
from probtensor.graph.parts import parts
from probtensor.kernel.ir import Expr, IndexValue, Let, Lit, Load, Ref, Scan, State, Store
from probtensor.lower.kinds.base import BodyWriter, Lowering, Place, Read, Task, Writer
from probtensor.lower.reader import Reader
from probtensor.lower.sizes import CanonicalSizes
from probtensor.lower.values import cast
from probtensor.ops.kinds import Loop
from probtensor.types import Dim, Size, dtype_of, size_min, size_product


class LoopTask(Task):
    """All steps of a loop."""

    alone = True
    in_memory = True

    def __init__(self, node: Node) -> None:
        super().__init__(node, (), ())

    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        """All elements of all inputs, at indices that equal those of no task."""
        for x in self.node.inputs:
            shape = reader.sizes.shape(x)
            reader.bounds |= {f"@all{axis}": n for axis, n in enumerate(shape)}
            index = [0 if n == 1 else Dim.name(f"@all{axis}") for axis, n in enumerate(shape)]
            reader.value(x, index)
        return []

    def write(self, writer: Writer, variables: list[Size]) -> None:
        _LoopWriter(self.node, writer).write()


@dataclass(frozen=True)
class _Copy:
    """A result of the body that is copied at the end of a step: to the carry, or to a second
    stacked result."""

    result: Node
    target: Node
    offset: Size = 0


class _LoopWriter:
    """Writes one loop: what comes before it, its step, and what comes after it."""

    def __init__(self, node: Node, writer: Writer) -> None:
        self.node, self.op = node, node.op
        self.writer = writer
        self.parts = parts(node)
        self.var = writer.fresh("i")
        self.states: dict[int, str] = {}  # of scalar carries

    def write(self) -> None:
        op, writer = self.op, self.writer
        initial = op.split_inputs(self.node.inputs)[0]
        extent = self._extent()
        inits = self._start(initial)
        given = self._given(extent)
        placed, copies = self._places(extent)
        body = writer.inside(op.body.outputs, given, placed)
        body.steps = (*writer.steps, self._position(extent))
        found: dict[str, list] = {}

        def step() -> None:
            found["end"] = self._step(body, extent, copies)

        if extent is not None:
            writer.bounds[self.var] = extent
        statements = body.block(step)
        *following, stop = found["end"]
        states = tuple(
            State(name, inits[k], value, line_of(op.body.outputs[k]))
            for (k, name), value in zip(self.states.items(), following, strict=True)
        )
        count = writer.fresh("q") if op.stops else None
        writer.emit(Scan(self.var, extent, statements, states, stop, count))
        self._finish(count)

    def _extent(self) -> Size | None:
        """The largest number of steps; None for no limit."""
        steps = None if self.op.steps is None else self.writer.sizes(self.op.steps)
        if not self.op.counted:
            return steps
        name = self.writer.fresh("r")  # sizes are named n0, n1, ...
        self.writer.emit(Let(name, self.writer.value(self.node.inputs[-1], ())))
        return Dim.name(name) if steps is None else size_min(Dim.name(name), steps)

    def _position(self, extent: Size | None) -> Size:
        """The element of the sequences that a step reads."""
        var = Dim.name(self.var)
        return extent - 1 - var if self.op.backwards else var

    # Before the loop.

    def _start(self, initial: Sequence[Node]) -> dict[int, Expr]:
        """Store the initial array carries, and zeros for steps that may not be run; gives the
        initial scalar carries."""
        writer, inits = self.writer, {}
        for k, x in enumerate(initial):
            if x.type.ndim:
                writer.fill(self.parts[k], {}, lambda index, x=x: writer.value(x, index))
            else:
                inits[k] = writer.value(x, ())
                self.states[k] = writer.fresh("u")
        if self.op.stops or self.op.counted:
            for part in self.parts[self.op.carries : self.op.carries + self.op.stacked]:
                none = False if part.dtype == "bool" else 0
                zero = Lit(float(none) if dtype_of(part.dtype).is_float else none, part.dtype)
                writer.fill(part, {}, lambda index, zero=zero: zero)
        return inits

    def _given(self, extent: Size | None) -> dict[Node, Read]:
        """The reads of the parameters of the body."""
        op = self.op
        carries, slices, invariants = op.split_inputs(op.body.parameters)
        _, sequences, outside = op.split_inputs(self.node.inputs)
        found: dict[Node, Read] = {}
        for k, own in enumerate(carries):
            found[own] = self._carry(k, own)
        for own, x in zip(slices, sequences, strict=True):
            found[own] = self._slice(x, self._position(extent))
        for own, x in zip(invariants, outside, strict=True):
            found[own] = self._invariant(x) if x.type.ndim else _constant(self._local(x, ()))
        return found

    def _carry(self, k: int, own: Node) -> Read:
        writer, part = self.writer, self.parts[k]
        if k in self.states:
            return _constant(Ref(self.states[k], own.dtype))
        name = writer.memory.names[part]
        return Read(
            lambda index: Load(name, writer.flat(part, index), own.dtype),
            lambda: writer.pointer(part),
        )

    def _slice(self, x: Node, position: Size) -> Read:
        writer = self.writer

        def pointer() -> tuple[str, Size]:
            buffer, start = writer.pointer(x)
            return buffer, start + position * size_product(writer.sizes.shape(x)[1:])

        length = writer.sizes.shape(x)[0]
        first: Size = 0 if length == 1 else position
        return Read(lambda index: writer.value(x, (first, *index)), pointer)

    def _invariant(self, x: Node) -> Read:
        writer = self.writer
        return Read(lambda index: writer.value(x, index), lambda: writer.pointer(x))

    def _local(self, x: Node, index: tuple[Size, ...]) -> Expr:
        """An element in a local, which the loop does not load again."""
        value = self.writer.value(x, index)
        if isinstance(value, (Lit, Ref)):
            return value
        name = self.writer.fresh("p")
        self.writer.emit(Let(name, value, line_of(x)))
        return Ref(name, value.dtype)

    # The step.

    def _places(self, extent: Size | None) -> tuple[dict[Node, Place], list[_Copy]]:
        """Where the array results of the body are stored, and what is copied at the end."""
        op, writer = self.op, self.writer
        following, others, _ = op.split_outputs()
        placed: dict[Node, Place] = {}
        copies: list[_Copy] = []
        for k, result in enumerate(others, op.carries):
            if not result.type.ndim:
                continue
            buffer, start = writer.pointer(self.parts[k])
            row = self._position(extent) * size_product(writer.sizes.shape(result))
            if result in placed:
                copies.append(_Copy(result, self.parts[k], row))
            else:
                placed[result] = Place(buffer, writer.canonical(start + row))
        for k, result in enumerate(following):
            if result.type.ndim and result is not op.body.parameters[k]:
                placed.setdefault(result, Place())
                copies.append(_Copy(result, self.parts[k]))
        return placed, copies

    def _step(
        self, body: BodyWriter, extent: Size | None, copies: Sequence[_Copy]
    ) -> list[Expr | None]:
        """Write a step; gives the next scalar carries, and the stop condition."""
        op = self.op
        following, others, stop = op.split_outputs()
        body.step()
        ends = [body.value(following[k], ()) for k in self.states]
        if stop is not None:
            ends.append(body.value(stop, ()))
        held = [self._held(value) for value in ends]
        for k, result in enumerate(others, op.carries):
            if not result.type.ndim:
                buffer, start = self.writer.pointer(self.parts[k])
                value = cast(body.value(result, ()), result.dtype)
                index = self.writer.canonical(start + self._position(extent))
                self.writer.emit(Store(buffer, index, value, None, line_of(result)))
        for copy in copies:
            self._copy(body, copy)
        return held if stop is not None else [*held, None]

    def _held(self, value: Expr) -> Expr:
        """A value at the end of a step that no copy of a carry changes."""
        if isinstance(value, (Lit, Ref)):
            return value
        name = self.writer.fresh("h")
        self.writer.emit(Let(name, value))
        return Ref(name, value.dtype)

    def _copy(self, body: BodyWriter, copy: _Copy) -> None:
        source, first = body.memory.names[copy.result], body.offsets.get(copy.result, 0)
        dtype, count = copy.result.dtype, size_product(self.writer.sizes.shape(copy.result))
        buffer, start = self.writer.pointer(copy.target)
        self.writer.copied(buffer, start + copy.offset, source, first, count, dtype)

    # After the loop.

    def _finish(self, count: str | None) -> None:
        writer = self.writer
        for k, name in self.states.items():
            part = self.parts[k]
            writer.store(part, (), Ref(name, part.dtype), None, line_of(self.node))
        if count is not None:
            value = IndexValue(Dim.name(count))
            writer.store(self.parts[-1], (), value, None, line_of(self.node))


def _constant(value: Expr) -> Read:
    """The read of a scalar in a local, of which there is no pointer."""

    def pointer() -> tuple[str, Size]:
        raise AssertionError(f"{value} is in no buffer")

    return Read(lambda index: value, pointer)


class LoopLowering(Lowering):
    """One task, which shares its kernel with no other loop."""

    kind = Loop

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        return [LoopTask(node)]
