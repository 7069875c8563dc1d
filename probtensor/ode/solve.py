"""`pt.ode.solve`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike, as_tensor
from probtensor.ode.adaptive import Settings, Steps, adaptive_steps
from probtensor.ode.methods import DormandPrince
from probtensor.ode.replay import differentiable, states_at
from probtensor.ode.system import State, traced
from probtensor.ops.loops.trees import Tree

METHODS = {"dopri5": DormandPrince()}


class Solution(NamedTuple):
    """What `pt.ode.solve` gives.

    y       the states at the times, along a new axis 0; nan at times that were not reached
    status  0: the last time was reached; 1: max_steps were not enough; 2: the error or the values
            of `fun` were not finite for the smallest step (int64)
    steps   the number of steps that were tried (int64)
    """

    y: Tree
    status: Node
    steps: Node


@public(name="ode.solve")
def solve(
    fun: Callable[..., Tree],
    y0: Tree,
    ts: TensorLike,
    args: Sequence[object] = (),
    *,
    t0: TensorLike | None = None,
    method: str = "dopri5",
    rtol: TensorLike = 1e-6,
    atol: TensorLike = 1e-6,
    first_step: TensorLike | None = None,
    max_steps: int = 1000,
) -> Solution:
    """The solution of dy/dt = fun(t, y, *args) with y = y0 at time t0, at the times `ts`."""
    state = State(y0)
    system = traced(fun, state, args)
    times = ops.astype(as_tensor(ts), state.dtype)
    begin = times[0] if t0 is None else ops.astype(as_tensor(t0), state.dtype)
    end = times[-1]
    scheme = METHODS[method]
    settings = Settings(as_tensor(rtol), as_tensor(atol), max_steps)
    y = state.parts(state.first)
    steps = adaptive_steps(scheme, system, begin, y, end, settings)
    states = differentiable(scheme, system, y, steps, max_steps)
    found = states_at(scheme, system, times, steps, states, end)
    status = ops.where(steps.failed, np.int64(2), np.where(False, 1, 0))
    return Solution(state.whole(found, 1), status, steps.count)
