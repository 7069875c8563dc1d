"""Derivatives and batches of loops agree with those of the same steps written out, to second order.

The bodies have carries of several shapes, a counter, sequences, invariants, products with
matrices, and a nested loop.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest

import probtensor as pt
from probtensor.ops.loops.op import run
from probtensor.ops.loops.trace import body_of
from probtensor.testing.reference import evaluate_numpy

SEED = 5


def mixed_step(carries, elements, shared):
    """A vector, a scalar and a counter; a product with a matrix; a matrix of invariants."""
    (h, s, i), (x, u), (w, b) = carries, elements, shared
    after = pt.tanh(h @ w + x * s + b)
    total = 0.7 * s + pt.sum(after * h) * 0.3 + u * pt.cos(0.1 * i)
    return (after, total, i + 1), (after * u, h), pt.sum(after * after) < 0.2


def memory_step(carries, elements, shared):
    """Batches of rows, gated, as in recurrent networks; the new carry is stacked."""
    (h, _, _), (x, u), (w, b) = carries, elements, shared
    rows = pt.outer(x, b) + h[None, :]
    gate = pt.sigmoid(rows @ w)
    after = pt.sum(gate * pt.tanh((gate * rows) @ w.T + u), axis=0) * 0.5
    return (after, carries[1] * 0.9 + u * h[0], carries[2] + 2), (after, carries[2]), h[0] > 0.9


def nested_step(carries, elements, shared):
    """A loop of three steps within a step, over an invariant."""
    (h, s, i), (x, u), (w, b) = carries, elements, shared

    def inner(c, row):
        c = pt.sin(c * row + x[0]) + h
        return c, pt.sum(c) * u

    last, sums = pt.loop.scan(inner, b, w)
    return (last * 0.5, pt.sum(sums) + s * 0.2, i + 1), (last, sums), s > 1.2


STEPS = {"mixed": mixed_step, "memory": memory_step, "nested": nested_step}


@dataclass
class Program:
    """A loop with symbolic inputs, and the same steps written out."""

    step: object
    steps: int
    options: dict = field(default_factory=dict)
    count: int | None = None
    symbolic: bool = False

    def __post_init__(self):
        shapes = [(3,), (), (self.steps, 3), (self.steps,), (3, 3), (3,)]
        rng = np.random.default_rng(SEED)
        self.arrays = [rng.normal(size=shape) * 0.6 for shape in shapes]
        known = [s if not self.symbolic else tuple(None for _ in s) for s in shapes]
        if self.symbolic:  # only the number of steps
            known[2], known[3] = (None, 3), (None,)
            known[0], known[4], known[5] = (3,), (3, 3), (3,)
        self.inputs = [pt.tensor(f"x{k}", s) for k, s in enumerate(known)]
        self.values = dict(zip(self.inputs, self.arrays))
        self.carries = [*self.inputs[:2], pt.constant(0)]

    def own(self):
        like = [*self.carries, self.inputs[2][0], self.inputs[3][0]]
        return [pt.tensor(f"own{k}", x.shape, x.dtype) for k, x in enumerate(like)]

    def loop(self):
        own = self.own()
        following, stacked, stop = self.step(own[:3], own[3:], self.inputs[4:])
        stops = [stop] if self.options.get("stops") else []
        body, outside = body_of(own, [*following, *stacked, *stops])
        counts = [] if self.count is None else [pt.constant(self.count)]
        steps = self.inputs[2].shape[0]
        found = run(body, steps, self.carries, self.inputs[2:4], [*outside, *counts],
                    counted=bool(counts), **self.options)  # fmt: skip
        return list(found)

    def written_out(self):
        limit = self.steps if self.count is None else self.count
        run_steps = limit
        if self.options.get("stops"):
            run_steps = int(evaluate_numpy(self.loop()[-1:], self.values)[0])
        order = range(limit)[::-1] if self.options.get("backwards") else range(limit)
        order = list(order)[:run_steps]
        kept = self.options.get("truncate")
        first = 0 if kept is None else len(order) - kept
        carries, stacks = self.carries, {}
        for k, t in enumerate(order):
            if k == first:
                carries = [pt.stop_gradient(c) if c.type.is_float else c for c in carries]
                carries = self.carries if k == 0 and kept is None else carries
            following, stacked, _ = self.step(
                carries, [self.inputs[2][t], self.inputs[3][t]], self._shared(k < first)
            )
            carries = following
            stacks[t] = [pt.stop_gradient(y) if k < first and y.type.is_float else y
                         for y in stacked]  # fmt: skip
        own = self.own()
        rows = self.step(own[:3], own[3:], self.inputs[4:])[1]
        found = list(carries)
        for j, like in enumerate(rows):
            zero = pt.zeros(like.shape, like.dtype)
            values = [stacks[t][j] if t in stacks else zero for t in range(self.steps)]
            found.append(pt.stack(values) if values else pt.zeros((0, *like.shape), like.dtype))
        return found

    def _shared(self, constant):
        shared = self.inputs[4:]
        return [pt.stop_gradient(x) for x in shared] if constant else shared


def cost_of(results):
    """A sum of all float results with changing weights."""
    rng = np.random.default_rng(SEED)
    total = 0.0
    for y in results:
        if y.type.is_float:
            weights = pt.constant(rng.normal(size=(50,)))
            flat = pt.ravel(y)
            total = total + pt.sum(flat * weights[: flat.shape[0]]) + 0.1 * pt.sum(flat**2)
    return total


def derivatives_of(results, program):
    """Gradient, Hessian-vector product, jvp and jvp of the gradient, flat."""
    inputs = program.inputs
    rng = np.random.default_rng(SEED + 1)
    directions = [pt.constant(rng.normal(size=a.shape)) for a in program.arrays]
    cost = cost_of(results)
    options = {"disconnected_inputs": "ignore"}
    gradient = pt.grad(cost, inputs, **options)
    slope = sum(pt.sum(g * d) for g, d in zip(gradient, directions))
    second = pt.grad(slope, inputs, **options)
    along = pt.jvp(cost, inputs, directions)
    again = pt.jvp(slope, inputs, directions)
    return [cost, *gradient, *second, along, again]


CASES = {
    "plain": {},
    "backwards": {"backwards": True},
    "truncate": {"truncate": 2},
    "truncate backwards": {"truncate": 2, "backwards": True},
    "checkpoint": {"checkpoint": "sqrt"},
    "checkpoint backwards": {"checkpoint": "sqrt", "backwards": True},
    "checkpoint truncate": {"checkpoint": "sqrt", "truncate": 4},
    "carries": {"checkpoint": "carries"},
    "stops": {"stops": True},
    "stops backwards": {"stops": True, "backwards": True},
    "stops checkpoint": {"stops": True, "checkpoint": "sqrt"},
    "stops truncate": {"stops": True, "truncate": 2},
    "stops truncate backwards": {"stops": True, "truncate": 2, "backwards": True},
    "counted": {"count": 3},
    "counted backwards": {"count": 3, "backwards": True},
    "counted checkpoint": {"count": 5, "checkpoint": "sqrt"},
    "counted checkpoint backwards": {"count": 5, "checkpoint": "sqrt", "backwards": True},
    "counted truncate backwards": {"count": 5, "truncate": 2, "backwards": True},
    "counted stops backwards": {"count": 5, "stops": True, "backwards": True},
}


def program_of(name, steps, case, symbolic=False):
    options = dict(CASES[case])
    count = options.pop("count", None)
    return Program(STEPS[name], steps, options, count and min(count, steps), symbolic)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", STEPS)
def test_derivatives_are_those_of_the_steps_written_out(name, case):
    program = program_of(name, 7, case)
    found = derivatives_of(program.loop(), program)
    meant = derivatives_of(program.written_out(), program)
    for k, (got, want) in enumerate(zip(
        evaluate_numpy(found, program.values), evaluate_numpy(meant, program.values), strict=True
    )):  # fmt: skip
        np.testing.assert_allclose(got, want, 1e-10, 1e-11, err_msg=f"{name} {case} {k}")
