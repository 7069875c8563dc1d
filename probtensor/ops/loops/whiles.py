"""Loops whose number of steps values decide, with the signatures of JAX."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.closed import StepInput
from probtensor.graph.node import GraphError, Node, as_tensor, new_input
from probtensor.graph.origin import stands_for
from probtensor.graph.symbolic import refusal
from probtensor.ops.loops.op import run
from probtensor.ops.loops.scan.returned import no_condition
from probtensor.ops.loops.structured import traced_step
from probtensor.ops.loops.trace import body_of
from probtensor.ops.loops.trees import Tree, filled
from probtensor.ops.reductions.folds import one_integer
from probtensor.process import new_uid
from probtensor.types import Size, is_size, size_max

MOST_STEPS = np.iinfo("int64").max


@public(name="loop.while_loop")
def while_loop(
    cond_fun: Callable[[Tree], Node],
    body_fun: Callable[[Tree], Tree],
    init_val: Tree,
    *,
    max_steps: Size | None = None,
) -> Tree:
    """`val = init_val`, then `val = body_fun(val)` as long as `cond_fun(val)` is true.

    init_val   a tensor, or tuples, lists and dicts of them, nested at will; `body_fun` gives values
               of the same structure, shapes and dtypes, and `cond_fun` a bool scalar
    max_steps  the largest number of steps: the loop ends after them even if the condition holds.
               In a step of another loop derivatives in reverse mode need it, for their storage

    Both functions may read tensors from outside. The condition comes first: where it is false for
    `init_val`, no step is run.

    Returns the last value. Raises GraphError, a TypeError, for values whose type changes in a step,
    for a condition that is no bool scalar, and for a negative `max_steps`.

        >>> pt.loop.while_loop(lambda x: x < 100, lambda x: 3 * x, 1).eval()
        array(243)
    """
    what = "loop.while_loop"
    _check_most(what, max_steps)
    since = new_uid()
    first, own, after, _ = traced_step(what, init_val, lambda val: (body_fun(val), None))
    begins = _condition(cond_fun(filled(init_val, first)))
    stops = ~_condition(cond_fun(filled(init_val, after)))
    body, outside = body_of(own, [*after, stops], since)
    most = as_tensor(MOST_STEPS if max_steps is None else max_steps)
    count = ops.where(begins, ops.astype(most, "int64"), np.int64(0))
    found = run(body, max_steps, first, [], [*outside, count], stops=True, counted=True)
    return filled(init_val, found[: len(first)])


def _check_most(what: str, max_steps: object) -> None:
    if max_steps is not None and not is_size(max_steps):
        raise refusal(f"{what}: max_steps is a size, not {max_steps!r:.60}", kind=GraphError)
    if isinstance(max_steps, (int, np.integer)) and max_steps < 0:
        raise refusal(f"{what}: max_steps is {max_steps}, but a number of steps is not negative",
                      kind=GraphError)  # fmt: skip


def _condition(found: object) -> Node:
    found = as_tensor(found)
    if found.dtype != "bool" or found.shape:
        raise no_condition("loop.while_loop", found)
    return found


@public(name="loop.fori_loop")
def fori_loop(
    lower: Size | Node,
    upper: Size | Node,
    body_fun: Callable[[Node, Tree], Tree],
    init_val: Tree,
    *,
    max_steps: Size | None = None,
) -> Tree:
    """`val = init_val`, then `val = body_fun(i, val)` for i = lower, ..., upper - 1.

    lower, upper  integers, sizes, or integer scalar tensors; i is an int64 scalar
    init_val      a tensor, or tuples, lists and dicts of them, nested at will; `body_fun`, which
                  may read tensors from outside, gives values of the same structure and types
    max_steps     the largest number of steps, where the bounds are tensors

    Returns the last value: `init_val` where `upper <= lower`. Raises GraphError, a TypeError, for
    bounds that are no integers, a negative `max_steps`, and values whose type changes in a step.

        >>> pt.loop.fori_loop(1, 6, lambda i, x: x * i, 1).eval()
        array(120)
    """
    what = "loop.fori_loop"
    _check_most(what, max_steps)
    lower = one_integer(lower, f"{what}: lower")
    upper = one_integer(upper, f"{what}: upper")
    i, since = new_input("i", "int64", (), StepInput), new_uid()
    stands_for(i, ops.astype(as_tensor(lower), "int64"))
    first, own, after, _ = traced_step(what, init_val, lambda val: (body_fun(i, val), None))
    if is_size(lower) and is_size(upper) and max_steps is None:
        body, outside = body_of([*own, i], after, since)
        steps = size_max(upper - lower, 0)
        found = run(body, steps, first, [ops.arange(steps) + lower], outside)
    else:
        begin, end = (ops.astype(as_tensor(n), "int64") for n in (lower, upper))
        body, outside = body_of([i, *own], [i + 1, *after], since)
        count = ops.maximum(end - begin, 0)
        if max_steps is not None:
            count = ops.minimum(count, as_tensor(max_steps))
        found = run(body, max_steps, [begin, *first], [], [*outside, count], counted=True)[1:]
    return filled(init_val, found[: len(first)])
