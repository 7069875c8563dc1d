"""Tails by quadrature, and quantiles by a search for the root, with derivatives of any order."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from probtensor import ops
from probtensor.graph import Node, as_tensor
from probtensor.graph.node import TensorLike, new_input
from probtensor.late import late
from probtensor.ops.kinds import as_tensor_of
from probtensor.ops.kinds.elementwise import joint_shape
from probtensor.ops.loops.whiles import while_loop
from probtensor.types import promote_float

implicit = late("probtensor.optimize.implicit")

NODES = 40
FALL = 38.0  # exp of minus it is a rounding error beside 1
MOST_STEPS = 300


@functools.cache
def gauss_legendre(n: int) -> tuple[np.ndarray, np.ndarray]:
    """The nodes of Gauss and Legendre between 0 and 1, and their weights."""
    x = np.cos(math.pi * (np.arange(n) + 0.75) / (n + 0.5))
    for _ in range(8):
        before, now = np.ones(n), x
        for k in range(2, n + 1):
            before, now = now, ((2 * k - 1) * x * now - (k - 1) * before) / k
        slope = n * (x * now - before) / (x * x - 1)
        x = x - now / slope
    return 0.5 - 0.5 * x, 1 / ((1 - x * x) * slope * slope)


def inner(x: TensorLike) -> Node:
    """x with a last axis for the nodes of `log_integral`."""
    return as_tensor(x)[..., None]


def log_integral(
    log_f: Callable[[Node], Node], width: Node, factor: Callable[[Node], Node] | None = None
) -> Node:
    """Log of the integral of exp(log_f(v)) factor(v) over v from 0 to `width`, by Gauss and
    Legendre's rule.

    `log_f` is 0 or so at its maximum and falls by 60 at most. Both functions take tensors with one
    axis more (`inner`)."""
    nodes, weights = (y.astype(width.dtype) for y in gauss_legendre(NODES))
    at = inner(width) * nodes
    values = ops.exp(log_f(at)) if factor is None else ops.exp(log_f(at)) * factor(at)
    return ops.log(width) + ops.log(ops.sum(weights * values, axis=-1))


def fall_width(slope: Node, curvature: TensorLike = 1.0) -> Node:
    """The v > 0 with slope v + curvature v^2 / 2 = FALL, where an integrand is negligible; a
    constant for derivatives."""
    v = 2 * FALL / (slope + ops.sqrt(ops.square(slope) + 2 * FALL * curvature))
    return ops.stop_gradient(v)


def root_between(
    log_tail: Callable[[Node], Node],
    log_density: Callable[[Node], Node],
    log_p: Node,
    low: Node,
    high: Node,
    start: Node,
    rising: bool,
) -> Node:
    """The x between `low` and `high` with log_tail(x) = log_p, where the log of a tail rises or
    falls; with the derivatives of any order of the solution of that equation.

    By Newton's steps for the log of the tail, and the middle of the bracket where they leave it or
    the error does not halve; the middle of an asinh scale, since brackets may be wide. Those of a
    log tail that is concave converge from one side.
    """
    nodes = [as_tensor(x) for x in (log_p, low, high, start)]
    dtype = promote_float(*(x.dtype for x in nodes))
    shape = joint_shape([log_tail(nodes[3]).type, *(x.type for x in nodes)])
    p, low, high, start = (ops.broadcast_to(as_tensor_of(x, dtype), shape) for x in nodes)
    eps = float(np.finfo(dtype).eps)

    def improved(state):
        x, low, high, before, _ = state
        tail = log_tail(x).astype(dtype)  # a formula may compute with more digits
        error = tail - p if rising else p - tail
        low, high = ops.where(error <= 0, x, low), ops.where(error >= 0, x, high)
        newton = x - error * ops.exp(tail - log_density(x).astype(dtype))
        good = (newton > low) & (newton < high) & (ops.abs(error) < 0.5 * before)
        middle = ops.sinh(0.5 * ops.arcsinh(low) + 0.5 * ops.arcsinh(high))
        middle = ops.clip(middle, low, high)
        after = ops.where(good, newton, middle)
        done = ops.isnan(error) | (ops.abs(error) <= 2 * eps * ops.abs(p))
        done = done | (high - low <= 2 * eps * ops.abs(x))
        close = good & (ops.abs(after - x) <= eps * ops.abs(x))
        after = ops.where(done & ops.logical_not(good), x + 0 * error, after)
        return after, low, high, ops.abs(error), done | close

    def step(state):
        settled = state[4]
        return tuple(ops.where(settled, old, new) for old, new in zip(state, improved(state)))

    state = start, low, high, ops.full_like(start, math.inf), ops.zeros(shape, "bool")
    found = while_loop(lambda state: ops.any(ops.logical_not(state[4])), step, state,
                       max_steps=MOST_STEPS)[0]  # fmt: skip
    x = new_input("x", found.dtype, found.shape)
    residual = ops.broadcast_to(log_tail(x).astype(dtype) - log_p, shape)
    return implicit.solution_of(x, found, residual, 0)
