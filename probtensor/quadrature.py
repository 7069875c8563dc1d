"""Integrals on fixed nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, new_input
from probtensor.graph.symbolic import refusal
from probtensor.transform.batch import vmap_nodes
from probtensor.types import promote

# The nodes above 0, largest first, the weight of each, and the weights of the Gauss rule, which has
# every second node, from the second on. Source: Piessens et al. (1983), "QUADPACK", 5.1.
_RULES = {
    15: (
        (0.991455371120812639, 0.949107912342758525, 0.864864423359769073, 0.741531185599394440,
         0.586087235467691130, 0.405845151377397167, 0.207784955007898468, 0.0),
        (0.022935322010529225, 0.063092092629978553, 0.104790010322250184, 0.140653259715525919,
         0.169004726639267903, 0.190350578064785410, 0.204432940075298892, 0.209482141084727828),
        (0.129484966168869693, 0.279705391489276668, 0.381830050505118945, 0.417959183673469388),
    ),
    21: (
        (0.995657163025808081, 0.973906528517171720, 0.930157491355708226, 0.865063366688984511,
         0.780817726586416897, 0.679409568299024406, 0.562757134668604683, 0.433395394129247191,
         0.294392862701460198, 0.148874338981631211, 0.0),
        (0.011694638867371874, 0.032558162307964727, 0.054755896574351996, 0.075039674810919953,
         0.093125454583697606, 0.109387158802297642, 0.123491976262065851, 0.134709217311473326,
         0.142775938577060081, 0.147739104901338491, 0.149445554002916906),
        (0.066671344308688138, 0.149451349150580593, 0.219086362515982044, 0.269266719309996355,
         0.295524224714752870),
    ),
}  # fmt: skip


class QuadResult(NamedTuple):
    """What `pt.quad` returns: the integral, and the absolute difference between the Gauss-Kronrod
    and the Gauss rule, which is mostly far above the error."""

    integral: Node
    abserr: Node


def rule(n: int, intervals: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(nodes, weights, weights of the Gauss rule) on [-1, 1], cut into equal intervals."""
    half, weights, gauss = map(np.array, _RULES[n])
    spread = np.zeros(len(half))
    spread[1::2] = gauss
    x = np.concatenate([-half, half[-2::-1]])
    w, g = (np.concatenate([v, v[-2::-1]]) for v in (weights, spread))
    middles = (2 * np.arange(intervals) + 1) / intervals - 1
    nodes = (middles[:, None] + x / intervals).reshape(-1)
    return nodes, np.tile(w, intervals) / intervals, np.tile(g, intervals) / intervals


@public
def quad(
    func: Callable[..., Node],
    a: TensorLike,
    b: TensorLike,
    args: Sequence[object] = (),
    *,
    n: int = 21,
    intervals: int | None = None,
) -> QuadResult:
    """The integral of func(x, *args) over x from a to b, on fixed Gauss-Kronrod nodes.

    func       a function of tensors, called once with a tensor x of the joint shape of a and b, and
               applied to all nodes at once; it may read tensors from outside
    a, b       the limits, tensors that broadcast; -inf and inf as numbers of Python, for which x is
               replaced by a + (1 - t) / t, t in (0, 1]
    n          the nodes: 21 or 15
    intervals  the range, of x or of t, is cut into this many equal parts of n nodes each; None: 1,
               and 4 if a limit is infinite

    The nodes do not depend on values: `abserr` says how well they do, and more intervals do better.
    Derivatives, by the limits and by all that func reads, are those of the sum.

    Returns a pair, `integral` and `abserr`, of the shape of what func gives, broadcast with those
    of a and b.
    Raises GraphError, a TypeError, for a number of nodes or intervals that is none.

        >>> pt.quad(lambda x: pt.exp(-x * x), 0.0, np.inf).integral.eval()
        array(0.88622693)

    Source: Piessens et al. (1983), "QUADPACK".
    """
    if n not in _RULES:
        raise refusal(f"quad: n is 15 or 21, not {n!r:.60}", kind=GraphError)
    low, high = (_infinite(x) for x in (a, b))
    if intervals is None:
        intervals = 4 if low or high else 1
    if isinstance(intervals, bool) or not isinstance(intervals, int) or intervals < 1:
        raise refusal(f"quad: intervals is a positive integer, not {intervals!r:.60}",
                      kind=GraphError)  # fmt: skip
    nodes, weights, gauss = rule(n, intervals)
    if low and high:
        sign = float(high > low) - float(high < low)
        parts = [_half_line(nodes, 0.0, side) for side in (1.0, -1.0)]
        points, scales = (ops.concatenate(x) for x in zip(*parts))
        weights, gauss = np.tile(weights, 2) * sign, np.tile(gauss, 2) * sign
    elif low or high:
        end, side = (a, high) if high else (b, low)
        points, scales = _half_line(nodes, end, side)
        weights, gauss = (v * (side if high else -side) for v in (weights, gauss))
    else:
        points, scales = _segment(nodes, a, b)
    values = _values(func, points, args)
    total, coarse = (_sum(values, scales, v) for v in (weights, gauss))
    return QuadResult(total, abs(total - coarse))


def _infinite(limit: TensorLike) -> float:
    """1 or -1 for a limit that is infinite, else 0."""
    is_number = isinstance(limit, (int, float)) and np.isinf(limit)
    return float(np.sign(limit)) if is_number else 0.0


def _floats(*values: TensorLike) -> list[Node]:
    nodes = [as_tensor(x) for x in values]
    floats = [x.dtype for x in nodes if x.type.is_float] or ["float64"]
    return [ops.astype(x, promote(*floats)) for x in ops.broadcast_arrays(*nodes)]


def _along(nodes: np.ndarray, like: Node) -> Node:
    """Numbers along a new leading axis of a tensor, in its dtype."""
    return as_tensor(nodes.reshape(-1, *(1,) * like.ndim).astype(str(like.dtype)))


def _segment(nodes: np.ndarray, a: TensorLike, b: TensorLike) -> tuple[Node, Node]:
    """(points, dx/dt) for x between a and b."""
    a, b = _floats(a, b)
    half = 0.5 * (b - a)
    points = 0.5 * (a + b) + half * _along(nodes, a)
    return points, ops.broadcast_to(half, points.shape)


def _half_line(nodes: np.ndarray, end: TensorLike, side: float) -> tuple[Node, Node]:
    """(points, |dx/dt|) for x from `end` to infinity on one side."""
    (end,) = _floats(end)
    t = 0.5 * (1 + nodes)
    points = end + side * _along((1 - t) / t, end)
    return points, ops.broadcast_to(_along(0.5 / t**2, end), points.shape)


def _values(func: Callable[..., Node], points: Node, args: Sequence[object]) -> Node:
    """What the function gives at all points, which are along the leading axis."""
    x = new_input("x", points.dtype, points.shape[1:])
    value = as_tensor(func(x, *args))
    if not value.type.is_float:
        value = ops.astype(value, points.dtype)
    return vmap_nodes([value], {x: points})[0]


def _sum(values: Node, scales: Node, weights: np.ndarray) -> Node:
    """The weighted sum over the leading axis."""
    missing = values.ndim - scales.ndim
    scaled = ops.expand_dims(scales, tuple(range(1, 1 + max(missing, 0))))
    weights = weights.reshape(-1, *(1,) * (values.ndim - 1)).astype(str(values.dtype))
    return ops.sum(values * scaled * as_tensor(weights), 0)
