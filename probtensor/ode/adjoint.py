"""The continuous adjoint: reverse mode by an equation that is solved back in time.

With dy/dt = f(t, y, p) and a cost that reads y at some times, a = d cost / d y solves
da/dt = -a df/dy between these times, and increases by the slope of the cost at each; the gradient
by p is the integral of a df/dp. They are solved together with y, which begins again with the known
value at each time.

Source: Chen, Rubanova, Bettencourt and Duvenaud (2018), "Neural Ordinary Differential Equations",
appendix B.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.graph.closed import Closed, closed, parameter
from probtensor.graph.node import Node, make, new_input
from probtensor.graph.walk import replace
from probtensor.ode.adaptive import Settings, adaptive_steps
from probtensor.ode.methods import DormandPrince, Method
from probtensor.ode.replay import differentiable, started_at
from probtensor.ode.rosenbrock import Rodas5P
from probtensor.ode.system import System
from probtensor.ops.derivatives import value_of
from probtensor.ops.kinds import Batch, Composite, Derivatives, op
from probtensor.ops.loops.op import run
from probtensor.ops.loops.trace import body_of
from probtensor.ops.samples import Sample
from probtensor.transform.batch import vmap_nodes
from probtensor.types import Size, TensorType, size_product

METHODS: dict[str, Method] = {"dopri5": DormandPrince(), "rodas5p": Rodas5P()}


def _sample() -> Sample:
    """Two states of dy/dt = -p y for the tests of the op."""
    t, y, p = (parameter(k, TensorType("float64", ())) for k in range(3))

    def draws(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        rows = rng.normal(size=(2, 1))
        numbers = (0.0, 1e-6, 1e-6, 1.0, 0.5)
        return (rows, rows, np.array([0.5, 1.0]), *map(np.float64, numbers))

    fields = {"body": closed([t, y, p], (-p * y,)), "parts": 1, "method": "dopri5"}
    return Sample(draws, {**fields, "max_steps": 100}, smooth=False)


@op
class AdjointSolution(Composite):
    """The states at given times, in rows, whose gradients are solutions of the adjoint equation.

    Inputs: the states; the same with other derivatives, which forward mode and batches have; the
    times; the time of the initial state; rtol and atol; the parts of the initial state; what else
    the body reads. The body gives the slopes of the parts from the time, the parts and the rest.
    """

    body: Closed
    parts: int
    method: str
    max_steps: int
    has_bodies: ClassVar[bool] = True
    samples = (_sample(),)

    def infer(self, *types: TensorType) -> TensorType:
        if len(types) != 5 + len(self.body.parameters):
            raise TypeError(f"takes {5 + len(self.body.parameters)} inputs, not {len(types)}")
        return types[0]

    def arguments(self, inputs: Sequence[Node]) -> list[tuple[Closed, dict[Node, Node]]]:
        """The body, with the inputs that its last parameters are; its time and parts vary."""
        first = 1 + self.parts
        return [(self.body, dict(zip(self.body.parameters[first:], inputs[6 + self.parts :])))]

    def text(self) -> str:
        """The name alone: the body has no short text."""
        return self.name

    def numpy(self, y, *others):
        return np.asarray(y)

    def expand(self, y, *others):
        return y

    def batched(self, batch: Batch) -> Node:
        return value_of(batch.full(0), batch.full(1))

    def pushed(
        self, node: Node, tangents: Sequence[Node | None], derivatives: Derivatives
    ) -> list[Node | None]:
        return [tangents[1]]

    def pulled(
        self,
        node: Node,
        cotangents: Sequence[Node | None],
        followed: Sequence[bool],
        derivatives: Derivatives,
    ) -> list[Node | None]:
        return _Adjoint(self, node, cotangents[0], followed, derivatives).gradients()


class _Adjoint:
    """The adjoint equation of a solution, and the gradients that it gives."""

    def __init__(
        self,
        op: AdjointSolution,
        node: Node,
        cotangent: Node,
        followed: Sequence[bool],
        derivatives: Derivatives,
    ) -> None:
        self.op, self.node, self.cotangent = op, node, cotangent
        self.times, self.begin, self.rtol, self.atol, *rest = node.inputs[2:]
        self.first, self.outside = rest[: op.parts], rest[op.parts :]
        wanted = zip(self.outside, followed[6 + op.parts :], strict=True)
        self.wrt = [x for x, f in wanted if f and x.type.is_float]
        self.system = self._system(derivatives)

    def _system(self, derivatives: Derivatives) -> System:
        """The equation of y, of its adjoint, and of the gradients by what is outside."""
        body, count = self.op.body, 1 + self.op.parts
        time, *y = body.parameters[:count]
        given = dict(zip(body.parameters[count:], self.outside))
        adjoint = [new_input("adjoint", x.dtype, x.shape) for x in y]
        total = [new_input("total", x.dtype, x.shape) for x in self.wrt]
        wrt = set(self.wrt)  # `in` a list compares tensors by ==
        by = [p for p, x in given.items() if x in wrt]
        known = derivatives.pull_back(list(body.outputs), [*y, *by], adjoint)
        pulled = dict(zip([*y, *(given[p] for p in by)], known, strict=True))
        found = [pulled[x] for x in (*y, *self.wrt)]
        slopes = [
            ops.zeros(x.shape, x.dtype) if g is None else -g
            for x, g in zip([*y, *total], found, strict=True)
        ]
        return System(time, (*y, *adjoint, *total), tuple(replace([*body.outputs, *slopes], given)))

    def gradients(self) -> list[Node | None]:
        """The gradient of each input."""
        y, g = self._split(self.node), self._split(self.cotangent)
        adjoint, total = self._solved(y, g)
        rates = self.system(self.begin, [*self.first, *adjoint, *map(ops.zeros_like, self.wrt)])
        by_begin = -sum(ops.sum(a * f) for a, f in zip(adjoint, rates))
        by_outside = dict(zip(self.wrt, total))
        return [
            None, None, self._by_times(y, g), by_begin, None, None,
            *adjoint, *(by_outside.get(x) for x in self.outside),
        ]  # fmt: skip

    def _solved(self, y: Sequence[Node], g: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        """(the adjoint at the first time, the gradients by what is outside)."""
        count = self.op.parts
        before = ops.concatenate([ops.expand_dims(self.begin, 0), self.times])[:-1]
        sequences = [self.times, before, *y, *g]
        elements = [new_input("element", x.dtype, x.shape[1:]) for x in sequences]
        start, end, *rows = elements
        first = [ops.zeros_like(x) for x in (*self.first, *self.wrt)]
        own = [new_input("carry", x.dtype, x.shape) for x in first]
        adjoint = [a + x for a, x in zip(own, rows[count:])]
        after = self._carried(start, [*rows[:count], *adjoint, *own[count:]], end)
        body, outside = body_of([*own, *elements], after[count:])
        found = run(
            body, self.times.shape[0], first, sequences, outside, backwards=True
        )  # fmt: skip
        return list(found[:count]), list(found[count:])

    def _carried(self, start: Node, state: list[Node], end: Node) -> list[Node]:
        """The state at a time `end`, from that at a time `start`; nan if it was not reached."""
        method = METHODS[self.op.method]
        settings = Settings(self.rtol, self.atol, self.op.max_steps)
        steps = adaptive_steps(method, self.system, start, state, ops.expand_dims(end, 0), settings)
        moved = started_at(method, self.system, start, state)
        _, last = differentiable(method, self.system, moved, steps)
        reached = ops.eq(steps.reached, end)
        return [ops.where(reached, x, np.nan) for x in last]

    def _by_times(self, y: Sequence[Node], g: Sequence[Node]) -> Node:
        """The gradient by the times: that of the cost along the slopes."""
        t = self.system.time
        parts = self.system.parts[: self.op.parts]
        rates = vmap_nodes(
            self.system.slopes[: self.op.parts], {t: self.times, **dict(zip(parts, y))}
        )
        products = [a * b for a, b in zip(g, rates, strict=True)]
        return sum(ops.sum(x, axis=tuple(range(1, x.ndim))) for x in products)

    def _split(self, rows: Node) -> list[Node]:
        return split(rows, [x.shape for x in self.first])


def joined(parts: Sequence[Node]) -> Node:
    """Parts with a leading axis as rows of all their elements."""
    rows = [ops.reshape(x, (x.shape[0], size_product(x.shape[1:]))) for x in parts]
    return ops.concatenate(rows, 1)


def split(rows: Node, shapes: Sequence[tuple[Size, ...]]) -> list[Node]:
    """The parts, of these shapes, that were joined."""
    found, start = [], 0
    for shape in shapes:
        count = size_product(shape)
        part = ops.narrow(rows, 1, start, count)
        found.append(ops.reshape(part, (rows.shape[0], *shape)))
        start = start + count
    return found


def with_adjoint(
    method: Method,
    system: System,
    settings: Settings,
    begin: Node,
    times: Node,
    y0: Sequence[Node],
    found: Sequence[Node],
) -> list[Node]:
    """The states at the times, with gradients by the adjoint equation."""
    body, outside = body_of([system.time, *system.parts], system.slopes)
    name = next(name for name, known in METHODS.items() if known is method)
    made = AdjointSolution(body, len(y0), name, settings.max_steps)
    rows = joined(found)
    inputs = (ops.stop_gradient(rows), rows, times, begin, settings.rtol, settings.atol)
    return split(make(made, (*inputs, *y0, *outside)), [x.shape for x in y0])
