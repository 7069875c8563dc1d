"""`pt.ode.solve`: the public function, its arguments and its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Const, GraphError, Node, TensorLike, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import inputs_of
from probtensor.ode.adaptive import Settings, Steps, adaptive_steps
from probtensor.ode.adjoint import METHODS, with_adjoint
from probtensor.ode.methods import Method
from probtensor.ode.replay import differentiable, started_at, states_at
from probtensor.ode.system import State, System, traced
from probtensor.ops.loops.trees import Tree, mapped


class Solution(NamedTuple):
    """What `pt.ode.solve` returns.

    y       the states at the times, along a new axis 0, in the structure of y0; nan at times that
            were not reached
    status  int64: 0 if the last time was reached, 1 if `max_steps` were too few, 2 if even the
            smallest step had too large an error, or values that were not finite, 3 if `ts` is out
            of order
    steps   int64: the number of steps that were tried
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
    max_steps: int = 2000,
    adjoint: str | None = None,
) -> Solution:
    """The solution of dy/dt = fun(t, y, *args), y(t0) = y0, at times `ts`.

    fun         a function of tensors, called once to make the graph of the slope, in the structure
                and the shapes of y0; it may read tensors from outside
    y0          the initial state: a tensor, or tuples, lists and dicts of them
    ts          the times, a vector that rises from t0, or falls from it
    t0          the time of y0; None: ts[0], and the first result is y0
    method      "dopri5", or "rodas5p" for stiff equations
    rtol, atol  an estimate e of a step's error has a root mean square of e / (atol + rtol * |y|),
                over the elements of y, of at most 1; numbers, or scalar tensors
    first_step  the size of the first step; None: chosen from the slopes
    max_steps   the most steps that are tried
    adjoint     None: reverse mode differentiates the steps that were taken. "continuous": it solves
                the adjoint equation back in time, with steps and errors of its own, and stores
                nothing but the states at `ts`

    No exception is raised for what goes wrong in numbers: results are nan then, and `status` says
    why. The sizes of the steps count as constants in derivatives, which exist to any order, by y0,
    ts, t0, args and all that `fun` reads.

    Returns a `Solution`: (y, status, steps).
    Raises GraphError, a TypeError, for slopes of another structure or shape than y0, for times that
    are no vector, and for tensors of steps; ValueError for an unknown method
    and for literal times out of order.

        >>> solution = pt.ode.solve(lambda t, y: -y, 1.0, [0.0, 1.0], rtol=1e-9, atol=1e-9)
        >>> solution.y.eval()
        array([1.        , 0.36787944])

    Source: Dormand and Prince (1980), J. Comput. Appl. Math. 6:19; Steinebach (2023), BIT 63:27,
    for "rodas5p"; Hairer, Norsett and Wanner (1993), II.4, for the control of the size.
    """
    if method not in METHODS:
        known = " and ".join(f'"{name}"' for name in METHODS)
        raise refusal(f"ode.solve: method {method!r:.60} is none of {known}", kind=ValueError)
    system, state = traced(fun, y0, args)
    times = _times(ts, state)
    begin = times[0] if t0 is None else _scalar("t0", t0, state)
    settings = Settings(
        _scalar("rtol", rtol, state), _scalar("atol", atol, state), _count(max_steps),
        None if first_step is None else _scalar("first_step", first_step, state),
    )  # fmt: skip
    found = _solved(METHODS[method], system, state, begin, times, settings, _is_continuous(adjoint))
    return _in_order(found, times, None if t0 is None else begin)


def _solved(
    method: Method,
    system: System,
    state: State,
    begin: Node,
    times: Node,
    settings: Settings,
    continuous: bool,
) -> Solution:
    y, end = state.parts(state.first), times[-1]
    y0 = y
    steps = adaptive_steps(method, system, begin, y, times, settings)
    if inputs_of([begin]):
        y = started_at(method, system, begin, y)
    found = states_at(method, system, times, steps, *differentiable(method, system, y, steps))
    if continuous:
        found = with_adjoint(method, system, settings, begin, times, y0, found)
    return Solution(state.whole(found, 1), _status(steps, end), steps.count)


def _check_order(times: np.ndarray, begin: np.ndarray) -> None:
    """ValueError for literal times that neither rise nor fall from t0 on."""
    steps = np.diff(times, prepend=begin)
    if not (np.all(steps >= 0) or np.all(steps <= 0)):
        raise refusal(
            f"ode.solve: ts neither rises nor falls from t0 = {begin:.6g} on: {times!s:.60}",
            "sort the times, and put the results back in order after that",
            kind=ValueError,
        )


def _in_order(found: Solution, times: Node, begin: Node | None) -> Solution:
    """The solution, nan with status 3 where times neither rise nor fall from `begin` on, which is a
    ValueError if they are literals."""
    if isinstance(times.op, Const) and (begin is None or isinstance(begin.op, Const)):
        _check_order(times.op.array, times.op.array[0] if begin is None else begin.op.array)
        return found
    first = times[:1] if begin is None else ops.expand_dims(begin, 0)
    steps = times - ops.concatenate([first, times])[:-1]
    good = ops.logical_or(ops.all(steps >= 0), ops.all(steps <= 0))
    y = mapped(found.y, lambda x: ops.where(good, x, np.nan))
    return Solution(y, ops.where(good, found.status, np.int64(3)), found.steps)


def _is_continuous(adjoint: str | None) -> bool:
    if adjoint not in (None, "continuous"):
        raise refusal(
            f'ode.solve: adjoint is None or "continuous", not {adjoint!r:.60}', kind=ValueError
        )
    return adjoint is not None


def _status(steps: Steps, end: Node) -> Node:
    there = ops.where(ops.eq(steps.reached, end), np.int64(0), np.int64(1))
    return ops.where(steps.failed, np.int64(2), there)


def _times(ts: TensorLike, state: State) -> Node:
    times = as_tensor(ts)
    if times.ndim != 1 or times.dtype == "bool" or times.shape[0] == 0:
        raise GraphError(f"ode.solve: ts is a vector of times, not {times.type}")
    return ops.astype(times, state.dtype)


def _scalar(name: str, value: TensorLike, state: State) -> Node:
    found = as_tensor(value)
    if found.ndim or found.dtype == "bool":
        raise GraphError(f"ode.solve: {name} is a number or a scalar tensor, not {found.type}")
    return ops.astype(found, state.dtype)


def _count(max_steps: int) -> int:
    if isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 1:
        raise refusal(
            f"ode.solve: max_steps is a positive integer of Python, not {max_steps!r:.60}",
            kind=GraphError,
        )
    return max_steps
