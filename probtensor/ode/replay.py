"""The derivatives of the steps that were taken, and the states at given times.

The sizes of the steps are taken for constants. The loop here goes over the steps again, each from
the state that is known from before (`value_of`), so that its values are read by nothing but second
derivatives, and the first derivative is one loop backward over the saved states.

The state at a given time is the result of a step that ends there, from the last step that begins
before: as accurate as the steps themselves, with a derivative of its own, and for all times at
once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node, new_input
from probtensor.graph.walk import inputs_of
from probtensor.ode.adaptive import Steps
from probtensor.ode.methods import Method
from probtensor.ode.system import System
from probtensor.ops.derivatives import value_of
from probtensor.ops.loops.op import run
from probtensor.ops.loops.trace import body_of
from probtensor.ops.loops.transforms.flow import element_input
from probtensor.transform.batch import vmap_nodes


def started_at(method: Method, system: System, t0: Node, y: Sequence[Node]) -> list[Node]:
    """The initial state with its derivative by the initial time: that of a step from `t0` to the
    time where the other steps begin, which are the same number."""
    begin = ops.stop_gradient(t0)
    moved = method.advanced(system, t0, y, begin - t0)
    return [value_of(a, b) for a, b in zip(y, moved, strict=True)]


def differentiable(
    method: Method, system: System, y: Sequence[Node], steps: Steps
) -> tuple[list[Node], list[Node]]:
    """(the states where the steps begin, the state at their end), with derivatives by y and all
    that the system reads."""
    sequences = [steps.times, steps.sizes, *steps.states]
    own = [new_input(x.name, x.dtype, x.shape) for x in y]
    t, h, *known = elements = [element_input("step", x) for x in sequences]
    state = [value_of(a, b) for a, b in zip(known, own, strict=True)]
    after = method.advanced(system, t, state, h)
    body, outside = body_of([*own, *elements], [*after, *own])
    found = run(body, steps.times.shape[0], y, sequences, [*outside, steps.count], counted=True)
    last, states = found[: len(y)], found[len(y) :]
    return (
        [value_of(a, b) for a, b in zip(steps.states, states, strict=True)],
        [value_of(a, b) for a, b in zip(steps.last, last, strict=True)],
    )


def states_at(
    method: Method,
    system: System,
    times: Node,
    steps: Steps,
    states: Sequence[Node],
    last: Sequence[Node],
) -> list[Node]:
    """The state at each time, given those where steps begin and the last one; nan where it was not
    reached."""
    direction = ops.sign(times[-1] - steps.times[0])
    row = last_before(steps, times, direction)
    begin = ops.take(steps.times, row, axis=0, mode="clip")
    reached = direction * (steps.reached - times) >= 0
    found = [ops.take(x, row, axis=0, mode="clip") for x in states]
    if not method.dense:
        at_end = ops.eq(times, steps.reached)
        found = [_where(at_end, b, a) for a, b in zip(found, last, strict=True)]
        begin = ops.stop_gradient(times)
    if method.dense or inputs_of([times]):
        size = ops.where(reached, times - begin, 0.0)
        found = _advanced(method, system, begin, found, size)
    return [_where(reached, x, np.nan) for x in found]


def _advanced(
    method: Method, system: System, times: Node, states: Sequence[Node], sizes: Node
) -> list[Node]:
    """The states after a step from each of these times and states."""
    given = [times, sizes, *states]
    t, h, *y = elements = [element_input("step", x) for x in given]
    return vmap_nodes(method.advanced(system, t, y, h), dict(zip(elements, given, strict=True)))


def _where(mask: Node, x: Node, other: object) -> Node:
    """x or another, for a mask of the leading axis of one of them."""
    axes = max(x.ndim, getattr(other, "ndim", 0)) - 1
    return ops.where(ops.expand_dims(mask, tuple(range(1, 1 + axes))), x, other)


def last_before(steps: Steps, times: Node, direction: Node) -> Node:
    """For each time the last step that begins at it or before, by bisection."""
    count = steps.times.shape[0]
    found = ops.zeros(times.shape, "int64")
    for power in reversed(range((count - 1).bit_length())):
        stride = 1 << power
        trial = found + stride
        begin = ops.take(steps.times, trial, axis=0, mode="clip")
        goes = ops.logical_and(trial < steps.count, direction * (times - begin) >= 0)
        found = ops.where(goes, trial, found)
    return found
