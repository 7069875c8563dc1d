"""The loop of steps whose size follows the error: its results have no derivatives.

Source of the control and of the first step: Hairer, Norsett and Wanner (1993), "Solving Ordinary
Differential Equations I", sections II.4 and IV.2 of volume II.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Node, as_tensor, new_input
from probtensor.ode.methods import Method
from probtensor.ode.system import System
from probtensor.ops.kinds import as_tensor_of
from probtensor.ops.loops.op import run
from probtensor.ops.loops.trace import body_of

SAFETY = 0.9
SMALLEST, LARGEST = 0.2, 10.0  # factors by which a step changes
MEMORY = 0.04  # weight of the error of the step before, in the control of the size (PI)
LEAST_ERROR = 1e-4  # that the next step takes into account
LEAST_SIZE = 1e-24  # of a step, relative to the first
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
    last     the parts of the state there
    failed   whether the step size was too small for the error asked for, or values not finite
    """

    times: Node
    sizes: Node
    states: list[Node]
    count: Node
    reached: Node
    last: list[Node]
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
    direction, span = ops.sign(end - t), abs(end - t)
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
    size = ops.minimum(ops.minimum(100 * abs(small), large), span)
    return ops.where(span > 0, direction * size, 0.0)


def adaptive_steps(
    method: Method, system: System, t: Node, y: Sequence[Node], times: Node, settings: Settings
) -> Steps:
    """The steps from (t, y) to the last of `times`, to each of them exactly if the method is not
    dense."""
    t, times = ops.stop_gradient(t), ops.stop_gradient(times)
    y, end = [ops.stop_gradient(x) for x in y], times[-1]
    kept = method.start(system, t, y)
    size = first_size(method, system, t, y, end, settings)
    memory = as_tensor_of(log(LEAST_ERROR), t.dtype)
    targets = None if method.dense or times.shape[0] == 1 else times
    control = _Control(method, system, settings, ops.sign(end - t), end, abs(size), targets)
    states = [t, size, memory, as_tensor(False), as_tensor(False), *y]
    target = [] if targets is None else [as_tensor(np.int64(0))]
    first = [*states, *kept, *target]
    own = [new_input(x.name, x.dtype, x.shape) for x in first]
    following, rows, stop = control.step(own, len(y))
    body, outside = body_of(own, [*following, *rows, stop])
    found = run(body, settings.max_steps, first, [], outside, stops=True)
    found = [ops.stop_gradient(x) if x.type.is_float else x for x in found]
    starts, sizes, *begins = found[len(first) : -1]
    return Steps(starts, sizes, begins, found[-1], found[0], found[5 : len(states)], found[4])


@dataclass(frozen=True)
class _Control:
    """The control of the step size; see `SAFETY` and the other constants.

    direction  1 or -1: that of time; 0 if there is no time to go
    first      the absolute size of the first step
    targets    the times at which steps end; None: at the end alone
    """

    method: Method
    system: System
    settings: Settings
    direction: Node
    end: Node
    first: Node
    targets: Node | None

    def step(self, own: Sequence[Node], count: int) -> tuple[list[Node], list[Node], Node]:
        """(what is carried after a step, what is stacked of it, whether it is the last one), given
        what is carried before it, with `count` parts of the state."""
        t, size, memory, was_rejected, _, *rest = own
        y, kept = rest[:count], rest[count:]
        target, place = self.end, None
        if self.targets is not None:
            *kept, place = kept
            target = ops.take(self.targets, place, axis=0, mode="clip")
        arrives = self.direction * (t + STRETCH * size - target) >= 0
        h = ops.where(arrives, target - t, size)
        trial = self.method.trial(self.system, t, y, h, kept)
        square = norm_square(trial.errors, scales_of(self.settings, y, trial.after))
        accepted = square <= 1
        error = 0.5 * ops.log(ops.maximum(square, LEAST_ERROR**4))
        most = as_tensor_of(LARGEST, t.dtype)
        largest = ops.where(ops.logical_and(accepted, ~was_rejected), most, 1.0)
        factor = ops.minimum(self._factor(error, ops.where(accepted, memory, 0.0)), largest)
        following = [
            ops.where(accepted, ops.where(arrives, target, t + h), t),
            h * ops.where(square < np.inf, factor, SMALLEST),
            ops.where(accepted, ops.maximum(error, log(LEAST_ERROR)), memory),
            ~accepted,
            ops.logical_and(~accepted, ~self._may_shrink(t, h)),
            *(ops.where(accepted, b, a) for a, b in zip(y, trial.after)),
            *(ops.where(accepted, b, a) for a, b in zip(kept, trial.kept)),
        ]
        done = ops.logical_and(accepted, arrives)
        if place is not None:
            # A step that was made shorter to end at a time says nothing against the size before.
            longer = ops.where(abs(following[1]) > abs(size), following[1], size)
            following[1] = ops.where(done, longer, following[1])
            following.append(place + ops.astype(done, "int64"))
            done = ops.logical_and(done, following[-1] >= self.targets.shape[0])
        rows = [t, ops.where(accepted, h, 0.0), *y]
        return following, rows, ops.logical_or(done, following[4])

    def _factor(self, error: Node, memory: Node) -> Node:
        """The factor by which the step size changes, for logarithms of the error of this step and
        of the one before."""
        exponent = 1 / self.method.order - 0.75 * MEMORY
        return ops.maximum(SAFETY * ops.exp(MEMORY * memory - exponent * error), SMALLEST)

    def _may_shrink(self, t: Node, h: Node) -> Node:
        """Whether a step may be repeated with a smaller size: one that still moves the time."""
        least = 16 * float(np.finfo(t.dtype).eps) * abs(t)
        return abs(h) > ops.maximum(least, LEAST_SIZE * self.first)
