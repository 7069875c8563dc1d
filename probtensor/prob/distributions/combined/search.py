"""Quantiles of distributions that have none in closed form, by a search between known bounds."""

from __future__ import annotations

import math
from collections.abc import Callable

from probtensor import ops
from probtensor.graph import Node
from probtensor.ops.loops.whiles import while_loop

MAX_STEPS = 200


def root_between(
    low: Node, high: Node, tail: Callable[[Node], Node], log_p: Node,
    density: Callable[[Node], Node], falls: bool,
) -> Node:  # fmt: skip
    """The x from `low` to `high` with `tail(x)` = log_p, where `tail` is the log of a probability
    that rises with x, or falls, and `density` that of its slope.

    Each step tries Newton's and then the middle of what is left. The derivatives are those of the
    implicit function, first and second ones, by two steps of Newton's at the solution.
    """
    sign = -1.0 if falls else 1.0

    def excess(x: Node) -> Node:
        return sign * (tail(x) - log_p)

    def slope(x: Node) -> Node:
        return ops.exp(density(x) - tail(x))

    def narrowed(low: Node, high: Node, x: Node, at: Node) -> tuple[Node, Node]:
        return ops.where(at < 0, x, low), ops.where(at < 0, high, x)

    def step(state: tuple[Node, ...]) -> tuple[Node, ...]:
        low, high, x, _ = state
        at = excess(x)
        low, high = narrowed(low, high, x, at)
        middle = 0.5 * low + 0.5 * high
        low, high = narrowed(low, high, middle, excess(middle))
        moved = x - at / slope(x)
        middle = 0.5 * low + 0.5 * high
        next_x = ops.where((moved >= low) & (moved <= high), moved, middle)
        close = ops.abs(next_x - x) <= 1e-15 * ops.abs(x)
        done = close | (high - low <= 2e-16 * (ops.abs(low) + ops.abs(high)))
        return low, high, next_x, done

    shape = ops.broadcast_shapes(low.shape, high.shape, log_p.shape)
    first = [ops.broadcast_to(ops.stop_gradient(x), shape).astype("float64") for x in (low, high)]
    begin = (*first, 0.5 * first[0] + 0.5 * first[1], ops.zeros(shape, dtype="bool"))
    found = while_loop(lambda s: ops.logical_not(ops.all(s[3])), step, begin, max_steps=MAX_STEPS)
    x = ops.stop_gradient(found[2])
    for _ in range(2):
        # The value is found already; a step has its derivatives, if there is a slope.
        rest, steep = excess(x), slope(x)
        x = x - (rest - ops.stop_gradient(rest)) / ops.where(steep > 0, steep, math.inf)
    return x.astype(low.dtype)


def least_between(low: Node, high: Node, reached: Callable[[Node], Node]) -> Node:
    """The least whole number above `low` for which a condition holds that holds for all larger
    ones, `high` among them."""

    def halved(ends: tuple[Node, Node]) -> tuple[Node, Node]:
        low, high = ends
        middle = ops.clip(ops.floor(0.5 * low + 0.5 * high), low, high)
        at = reached(middle)
        return ops.where(at, low, middle), ops.where(at, middle, high)

    shape = ops.broadcast_shapes(low.shape, high.shape)
    first = tuple(ops.broadcast_to(x, shape).astype("float64") for x in (low, high))
    ends = while_loop(lambda ends: ops.any(ends[1] - ends[0] > 1), halved, first,
                      max_steps=MAX_STEPS)  # fmt: skip
    return ends[1]
