"""Loops: a body that is applied step by step to what it carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass, replace
from probtensor.graph.closed import Closed, with_outputs
from probtensor.graph.evaluate import RunBody, evaluate_body
from probtensor.graph.node import Node, make
from probtensor.ops.kinds.base import Kind
from probtensor.ops.kinds.placeholders import limited_body
from probtensor.ops.size_laws import equal
from probtensor.types import Dim, ShapeError, Size, SizeCheck, TensorType, shape_text


@dataclass(frozen=True)
class Loop(Kind):
    """`body` applied in `steps` steps, each to the results of the step before.

    Inputs: initial carries; sequences, of which a step reads element t along axis 0; invariants;
    and if `counted`, the number of steps to run (an int64 scalar, at most `steps`).
    Parameters of the body: carries, elements of the sequences, invariants.
    Results of the body: the next carries, of the types of the carries; any number of others; and if
    `stops`, a bool scalar that ends the loop after this step.
    Results of the loop: the last carries; the others, stacked along a new axis 0 of size `steps`
    (zeros for steps that were not run); and if `stops`, the number of steps that were run (int64).

    carries, sequences   the number of each among the inputs
    steps                None: run until the body stops, or as many steps as are counted; then
                         nothing is stacked
    backwards            the steps are t = n - 1, ..., 0, where n is the number of steps to run
    truncate             the derivative of this many last steps only, as if the carry before them
                         were a constant; None: of all
    checkpoint           None: the derivative stores what it reads of each step, and computes again
                         what takes little time. "carries": it stores the carries and computes all
                         else again. "sqrt": it stores the carries of every sqrt(steps)-th step and
                         runs the steps between again
    """

    body: Closed
    steps: Size | None
    carries: int
    sequences: int
    stops: bool = False
    counted: bool = False
    backwards: bool = False
    truncate: int | None = None
    checkpoint: str | None = None
    has_bodies: ClassVar[bool] = True

    # The inputs, the parameters and the results by what they are.

    @property
    def stacked(self) -> int:
        """The number of stacked results."""
        return len(self.body.outputs) - self.carries - self.stops

    def split_inputs(
        self, inputs: Sequence[Node]
    ) -> tuple[Sequence[Node], Sequence[Node], Sequence[Node]]:
        """(initial carries, sequences, invariants) of the inputs, or of the parameters."""
        first, second = self.carries, self.carries + self.sequences
        last = len(self.body.parameters)
        return inputs[:first], inputs[first:second], inputs[second:last]

    def split_outputs(self) -> tuple[Sequence[Node], Sequence[Node], Node | None]:
        """(next carries, results that are stacked, stop condition) of the body."""
        outputs, last = self.body.outputs, self.carries + self.stacked
        return outputs[: self.carries], outputs[self.carries : last], (
            outputs[-1] if self.stops else None
        )  # fmt: skip

    def inputs_read(self, result: int) -> list[int]:
        """The positions of the inputs on which a result depends, through any number of steps."""
        reads, count = self.body.reads, self.carries
        found = reads[-1] if self.stops else 0
        if result < len(reads) - self.stops:
            found |= 1 << result if result < count else reads[result]
        done = 0
        while True:
            fresh = found & ~done & ((1 << count) - 1)
            if not fresh:
                break
            done |= fresh
            for carry in range(count):
                if fresh >> carry & 1:
                    found |= reads[carry]
        last = len(self.body.parameters)
        positions = [k for k in range(last) if found >> k & 1]
        return [*positions, last] if self.counted else positions

    def arguments(self, inputs: Sequence[Node]) -> list[tuple[Closed, dict[Node, Node]]]:
        """The body, with the input that each parameter is, or is an element of; carries, which
        become others, are omitted."""
        pairs = zip(self.body.parameters, inputs)
        return [(self.body, dict(list(pairs)[self.carries :]))]

    @property
    def ended_by_values(self) -> bool:
        return self.stops or self.counted

    def limited_inside(self, inputs: Sequence[Node], condition: Node) -> Node:
        """The same loop, which runs no step where the condition is false if steps are counted, and
        one if it stops. What they do has no effect there."""
        if self.counted:
            count = ops.where(condition, inputs[-1], np.int64(0))
            return make(self, (*inputs[:-1], count))
        body = limited_body(self.body)
        if self.stops:
            *others, stop = body.outputs
            ended = ops.logical_or(stop, ops.logical_not(body.parameters[-1]))
            body = with_outputs(body, (*others, ended))
        return make(replace(self, body=body), (*inputs, condition))

    def text(self) -> str:
        """The name alone: the body has no short text."""
        return self.name

    # Types.

    def infer(self, *types: TensorType) -> tuple[TensorType, ...]:
        parameters = [x.type for x in self.body.parameters]
        if len(types) != len(parameters) + self.counted:
            raise TypeError(f"takes {len(parameters) + self.counted} inputs, not {len(types)}")
        for k, (given, kind) in enumerate(zip(types, parameters)):
            is_sequence = 0 <= k - self.carries < self.sequences
            if is_sequence and not given.ndim:
                raise ShapeError("a sequence needs an axis 0 along which it is read, not shape ()")
            self._fits(given.shape[is_sequence:], given.dtype, kind, f"input {k}")
            length = given.shape[0] if is_sequence else self.steps
            if isinstance(length, int) and isinstance(self.steps, int) and length != self.steps:
                raise ShapeError(f"a sequence of {length} elements for {self.steps} steps")
        if self.counted and types[-1] != TensorType("int64", ()):
            raise TypeError(f"the number of steps is an int64 scalar, not {types[-1]}")
        following, others, stop = self.split_outputs()
        for k, x in enumerate(following):
            self._fits(x.type.shape, x.type.dtype, parameters[k], f"the next value of carry {k}")
        if self.steps is None and (others or not (self.stops or self.counted)):
            raise TypeError("a loop of no known length stops or is counted, and stacks nothing")
        if stop is not None and stop.type != TensorType("bool", ()):
            raise TypeError(f"the stop condition is a bool scalar, not {stop.type}")
        stacks = (TensorType(x.type.dtype, (self.steps, *x.type.shape)) for x in others)
        count = (TensorType("int64", ()),) if self.stops else ()
        return (*parameters[: self.carries], *stacks, *count)

    def _fits(self, shape: tuple[Size, ...], dtype: str, kind: TensorType, what: str) -> None:
        """Raise unless a value of this type may be one of type `kind`."""
        sizes = zip(shape, kind.shape)
        known = [(n, m) for n, m in sizes if isinstance(n, int) and isinstance(m, int)]
        if dtype != kind.dtype:
            raise TypeError(f"{what} is {dtype}, not {kind.dtype}")
        if len(shape) != kind.ndim or any(n != m for n, m in known):
            raise ShapeError(
                f"{what} has shape {shape_text(shape)}, not {shape_text(kind.shape)}"
            )

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        parameters, sequences = self.body.parameters, self.split_inputs(node.inputs)[1]
        for k, (x, own) in enumerate(zip(node.inputs, parameters)):
            is_sequence = 0 <= k - self.carries < self.sequences
            for n, m in zip(x.type.shape[is_sequence:], own.type.shape, strict=True):
                yield equal(n, m, ": a value and what the body was made for")
        for x in sequences:
            yield self._long_enough(x)
        for x, own in zip(self.body.outputs, parameters[: self.carries]):
            for n, m in zip(x.type.shape, own.type.shape, strict=True):
                yield equal(n, m, ": what is carried has another shape after a step")
        if isinstance(self.steps, Dim):
            yield SizeCheck(0, "<=", self.steps, ("the number of steps would be ", self.steps))

    def _long_enough(self, sequence: Node) -> SizeCheck:
        length = sequence.type.shape[0]
        text = (f"{sequence.described} has ", length, " elements for ", self.steps, " steps")
        return SizeCheck(length, "==", self.steps, text)

    def elements_inside(self, node: Node) -> Iterator[tuple[Node, Node]]:
        last = len(self.body.parameters)
        yield from zip(self.body.parameters[self.carries :], node.inputs[self.carries : last])

    def values_inside(self, node: Node) -> Iterator[tuple[Node, Node, Node]]:
        count = self.carries
        yield from zip(self.body.parameters[:count], node.inputs[:count], self.body.outputs)

    # Meaning.

    def numpy(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """The results, step by step."""
        return self.computed(inputs, evaluate_body)

    def computed(self, inputs: Sequence[np.ndarray], run: RunBody) -> tuple[np.ndarray, ...]:
        given = list(inputs)
        limit = int(given.pop()) if self.counted else self.steps
        carries, sequences, invariants = map(list, self.split_inputs(given))
        rows: dict[int, list[np.ndarray]] = {}
        count, stopped = 0, False
        while not stopped and (limit is None or count < limit):
            t = limit - 1 - count if self.backwards else count
            results = run(self.body, [*carries, *(x[t] for x in sequences), *invariants])
            carries = results[: self.carries]
            rows[t] = results[self.carries : self.carries + self.stacked]
            stopped = bool(results[-1]) if self.stops else False
            count += 1
        stacks = [self._stack(k, rows) for k in range(self.stacked)]
        return (*carries, *stacks, *([np.int64(count)] if self.stops else []))

    def _stack(self, k: int, rows: Mapping[int, Sequence[np.ndarray]]) -> np.ndarray:
        """A stacked result, given the results of the steps that were run."""
        kind = self.body.outputs[self.carries + k].type
        found = np.zeros((self.steps, *kind.shape), kind.dtype)
        for t, row in rows.items():
            found[t] = row[k]
        return found
