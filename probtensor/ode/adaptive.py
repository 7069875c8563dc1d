"""The loop of steps whose size follows the error: its results have no derivatives.

Source of the control and of the first step: Hairer, Norsett and Wanner (1993), "Solving Ordinary
Differential Equations I", sections II.4 and IV.2 of volume II.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node, as_tensor, new_input
from probtensor.ode.methods import Method
from probtensor.ode.system import System
from probtensor.ops.loops.op import run
from probtensor.ops.loops.trace import body_of

SAFETY = 0.9
SMALLEST, LARGEST = 0.2, 10.0  # factors by which a step changes
MEMORY = 0.04  # weight of the error of the step before, in the control of the size (PI)
LEAST_ERROR = 1e-4  # that the next step takes into account
STRETCH = 1.01  # a step that ends this near to the last time is made to end there


@dataclass(frozen=True)
class Settings:
    """Tolerances and limits: an error estimate e of a part y is kept below atol + rtol * |y|, in
    the root mean square over all parts."""

    rtol: Node
    atol: Node
    max_steps: int
    first_step: Node | None = None


@dataclass(frozen=True)
class Steps:
    """The steps that were tried, in order, as rows of which the first `count` are used.

    times    where each step begins
    sizes    its size; 0 for a step that was rejected, after which the next begins at the same time
    states   the parts of the state where it begins
    reached  the time up to which the equation was solved
    failed   whether the step size was too small for the error asked for, or values not finite
    """

    times: Node
    sizes: Node
    states: list[Node]
    count: Node
    reached: Node
    failed: Node


def norm_square(parts: Sequence[Node], scales: Sequence[Node]) -> Node:
    """The mean square of parts divided by scales."""
    ratios = [x / scale for x, scale in zip(parts, scales, strict=True)]
    total = sum((ops.sum(x * x) if x.ndim else x * x for x in ratios[1:]), ops.sum(ratios[0] ** 2))
    count = sum(x.size for x in parts)
    if isinstance(count, int):
        return total * (1 / count)
    return total / ops.astype(as_tensor(count), total.dtype)


def scales_of(settings: Settings, *states: Sequence[Node]) -> list[Node]:
    """The tolerance of each part."""
    found = []
    for parts in zip(*states, strict=True):
        largest = abs(parts[0])
        for x in parts[1:]:
            largest = ops.maximum(largest, abs(x))
        found.append(settings.atol + settings.rtol * largest)
    return found


def first_size(
    method: Method, system: System, t: Node, y: Sequence[Node], end: Node, settings: Settings
) -> Node:
    """The size of the first step, with its sign."""
    direction = ops.sign(end - t)
    span = abs(end - t)
    if settings.first_step is not None:
        return direction * ops.minimum(settings.first_step, span)
    scales = scales_of(settings, y)
    slope = system(t, y)
    d0, d1 = ops.sqrt(norm_square(y, scales)), ops.sqrt(norm_square(slope, scales))
    tiny = ops.logical_or(d0 < 1e-5, d1 < 1e-5)
    small = ops.where(tiny, 1e-6, 0.01 * d0 / d1)
    small = direction * ops.minimum(small, span)
    after = system(t + small, [a + small * b for a, b in zip(y, slope)])
    change = [b - a for a, b in zip(slope, after)]
    d2 = ops.sqrt(norm_square(change, scales)) / abs(small)
    most = ops.maximum(d1, d2)
    large = ops.where(
        most <= 1e-15, ops.maximum(1e-6, 1e-3 * abs(small)), (0.01 / most) ** (1 / method.order)
    )
    return direction * ops.minimum(ops.minimum(100 * abs(small), large), span)


def adaptive_steps(
    method: Method, system: System, t: Node, y: Sequence[Node], end: Node, settings: Settings
) -> Steps:
    """The steps from (t, y) to the time `end`."""
    t, end = ops.stop_gradient(t), ops.stop_gradient(end)
    y = [ops.stop_gradient(x) for x in y]
    kept = method.start(system, t, y)
    size = first_size(method, system, t, y, end, settings)
    memory = as_tensor(np.asarray(np.log(LEAST_ERROR), t.dtype))
    nothing = ops.logical_not(abs(end - t) > 0)
    first = [t, size, memory, as_tensor(False), as_tensor(False), *y, *kept]
    own = [new_input(x.name, x.dtype, x.shape) for x in first]
    count = len(y)
    following, rows, stop = _step(method, system, own, count, end, settings)
    body, outside = body_of(own, [*following, *rows, stop])
    limit = ops.where(nothing, np.int64(0), np.int64(settings.max_steps))
    found = run(body, settings.max_steps, first, [], [*outside, limit], stops=True, counted=True)
    found = [ops.stop_gradient(x) if x.type.is_float else x for x in found]
    times, sizes, *states = found[len(first) : -1]
    return Steps(times, sizes, states, found[-1], found[0], found[4])


def _step(
    method: Method, system: System, own: Sequence[Node], count: int, end: Node, settings: Settings
) -> tuple[list[Node], list[Node], Node]:
    """(what is carried after a step, what is stacked of it, whether it is the last one)."""
    t, size, memory, was_rejected, _, *rest = own
    y, kept = rest[:count], rest[count:]
    direction = ops.sign(size)
    is_last = direction * (t + STRETCH * size - end) > 0
    h = ops.where(is_last, end - t, size)
    trial = method.trial(system, t, y, h, kept)
    square = norm_square(trial.errors, scales_of(settings, y, trial.after))
    accepted = square <= 1
    finite = ops.isfinite(square)
    error = 0.5 * ops.log(ops.maximum(square, LEAST_ERROR**4))
    exponent = 1 / method.order - 0.75 * MEMORY
    change = SAFETY * ops.exp(ops.where(accepted, MEMORY * memory, 0.0) - exponent * error)
    largest = ops.where(ops.logical_and(accepted, ~was_rejected), LARGEST, 1.0)
    factor = ops.where(finite, ops.minimum(ops.maximum(change, SMALLEST), largest), SMALLEST)
    after = ops.where(is_last, end, t + h)
    too_small = ops.logical_not(abs(h) > 16 * np.finfo(t.dtype).eps * abs(t))
    failed = ops.logical_and(~accepted, too_small)
    reached = ops.logical_and(accepted, is_last)
    following = [
        ops.where(accepted, after, t),
        h * factor,
        ops.where(accepted, ops.maximum(error, np.log(LEAST_ERROR)), memory),
        ~accepted,
        failed,
        *(ops.where(accepted, b, a) for a, b in zip(y, trial.after)),
        *(ops.where(accepted, b, a) for a, b in zip(kept, trial.kept)),
    ]
    rows = [t, ops.where(accepted, h, 0.0), *y]
    return following, rows, ops.logical_or(reached, failed)
