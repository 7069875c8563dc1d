"""Truncated distributions (`constraint=`): the probability of the set, and draws from it.

The density of a truncated variable is that of its distribution divided by the probability of the
set, which is not a constant if parameters are random. Standard distributions that are symmetric
about 0 share the formulas here: an interval is reflected so that its larger part lies below 0,
where logarithms of probabilities are precise however small these are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Const, Node, as_tensor
from probtensor.ops.kinds import Elementwise, as_tensor_of
from probtensor.prob.distributions.distribution import Unknown
from probtensor.prob.distributions.formulas import HALF_LOG_2PI, LOG_2, LOG_2PI, LOG_PI
from probtensor.prob.distributions.support import Interval, Ordered, Support, is_number
from probtensor.transform.facts import constant_of

NOT_EXCHANGEABLE = "its entries have different parameters, whose order has no formula"


@dataclass(frozen=True)
class Symmetric:
    """A standard distribution: log of the probability below z, the probability from 0 to z (an odd
    function), and the quantile of the log of a probability."""

    log_cdf: Callable[[Node], Node]
    central: Callable[[Node], Node]
    quantile: Callable[[Node], Node]


def reflected(low: Node, high: Node) -> tuple[Node, Node, Node]:
    """(whether the middle of an interval is above 0, the interval reflected about 0 if so)."""
    mirrored = low + high > 0
    return mirrored, ops.where(mirrored, -high, low), ops.where(mirrored, -low, high)


def log_between(standard: Symmetric, low: Node | None, high: Node | None) -> Node:
    """Log of the probability of low < z < high; at most one may be None, for no bound."""
    if low is None:
        return standard.log_cdf(high)
    if high is None:
        return standard.log_cdf(-low)
    _, low, high = reflected(low, high)
    # Each formula is evaluated where it has a finite value and derivative.
    near = low > -1
    inner = standard.central(ops.where(near, high, 0.5)) - standard.central(
        ops.where(near, low, -0.5)
    )
    top = standard.log_cdf(ops.where(near, -2.0, high))
    # A ratio below e^-340 is negligible, and its second derivative would be inf / inf.
    share = ops.maximum(standard.log_cdf(ops.where(near, -3.0, low)) - top, -340.0)
    outer = top + ops.log1mexp(share)
    return ops.where(near, ops.log(inner), outer)


def draw_between(standard: Symmetric, u: Node, low: Node | None, high: Node | None) -> Node:
    """The quantile u of the distribution truncated to low < z < high; None is no bound."""
    if high is None:
        return -draw_between(standard, 1 - u, None, -low)
    if low is None:
        return standard.quantile(standard.log_cdf(high) + ops.log(u))
    mirrored, below, above = reflected(low, high)
    top = standard.log_cdf(above)
    rest = ops.where(mirrored, u, 1 - u) * ops.expm1(standard.log_cdf(below) - top)
    z = standard.quantile(top + ops.log1p(rest))
    return ops.clip(ops.where(mirrored, -z, z), low, high)


# The normal distribution.


def normal_quantile(log_p: Node) -> Node:
    """The z below which a standard normal lies with probability exp(log_p).

    If exp(log_p) underflows, by Newton steps for log_ndtr(z) = log_p from the leading terms of its
    asymptotic series (Abramowitz and Stegun 26.2.12)."""
    far = log_p < -300
    depth = ops.where(far, -2 * log_p, 600.0)
    z = -ops.sqrt(depth - ops.log(depth) - LOG_2PI)
    for _ in range(3):
        log_ratio = -0.5 * ops.square(z) - HALF_LOG_2PI - ops.log_ndtr(z)
        z = z - (ops.log_ndtr(z) + 0.5 * depth) * ops.exp(-log_ratio)
    return ops.where(far, z, ops.ndtri(ops.exp(log_p)))


def laplace_log_cdf(z: Node) -> Node:
    """Log of the distribution function of exp(-|z|) / 2."""
    below = z < 0
    return ops.where(below, z - LOG_2, ops.log1p(-0.5 * ops.exp(ops.where(below, z, -z))))


def laplace_central(z: Node) -> Node:
    """The probability from 0 to z."""
    return 0.5 * ops.where(z < 0, ops.expm1(z), -ops.expm1(-z))


def laplace_quantile(log_p: Node) -> Node:
    """The quantile of exp(log_p)."""
    return ops.where(log_p < -LOG_2, log_p + LOG_2, -LOG_2 - ops.log1mexp(log_p))


def cauchy_log_cdf(z: Node) -> Node:
    """Log of the distribution function of 1 / (pi (1 + z^2)); the smaller tail has full
    relative precision."""
    below = z < 0
    tail = ops.arctan2(1.0, ops.where(below, -z, z))
    return ops.where(below, ops.log(tail) - LOG_PI, ops.log1p(tail * (-1 / math.pi)))


NORMAL = Symmetric(ops.log_ndtr, lambda z: 0.5 * ops.erf(z * math.sqrt(0.5)), normal_quantile)
CAUCHY = Symmetric(
    cauchy_log_cdf,
    lambda z: ops.arctan(z) / math.pi,
    lambda log_p: -1 / ops.tan(math.pi * ops.exp(log_p)),
)
LOGISTIC = Symmetric(
    ops.log_sigmoid, lambda z: 0.5 * ops.tanh(0.5 * z), lambda log_p: log_p - ops.log1mexp(log_p)
)
LAPLACE = Symmetric(laplace_log_cdf, laplace_central, laplace_quantile)


# Constraints.


def log_constraint_probability(
    distribution: object, constraint: Support | None, own: Support, support: Support,
    variable: Node, parameters: Sequence[Node],
) -> Node | None:  # fmt: skip
    """Log of the probability of the constrained set, per entry; None if it is the whole support or
    the distribution is improper.

    own, support   the distribution's support, and its intersection with the constraint
    Unknown, with the reason, if there is no formula.
    """
    if constraint is None or distribution.improper:
        return None
    if isinstance(constraint, Ordered):
        return log_order_probability(distribution, constraint, own, support, variable, parameters)
    low, high = truncation_bounds(constraint, own, support, variable.dtype)
    return (
        None if low is None and high is None else distribution.log_between(low, high, *parameters)
    )


def truncation_bounds(
    constraint: Interval, own: Interval, support: Interval, dtype: str
) -> tuple[Node | None, Node | None]:
    """The bounds of a truncated support; None for those that the distribution has anyway."""
    cuts = constraint.bounded_below
    if cuts and is_number(own.low, constraint.low):
        cuts = constraint.low > own.low
    low = as_tensor_of(support.low, dtype) if cuts else None
    cuts = constraint.bounded_above
    if cuts and is_number(own.high, constraint.high):
        cuts = constraint.high < own.high
    return low, as_tensor_of(support.high, dtype) if cuts else None


def log_order_probability(
    distribution: object, constraint: Ordered, own: Interval, support: Ordered, variable: Node,
    parameters: Sequence[Node],
) -> Node:  # fmt: skip
    """Log of the probability that n exchangeable entries are ordered, 1 / n!, per entry."""
    if not exchangeable(variable):
        raise Unknown(NOT_EXCHANGEABLE)
    size = variable.shape[-1]
    if isinstance(size, int):
        share = as_tensor(-math.lgamma(size + 1) / max(size, 1))
    else:
        count = as_tensor(size).astype("float64")
        share = -ops.lgamma(count + 1) / count
    above = Interval(support.low)
    low = truncation_bounds(Interval(constraint.low), own, above, variable.dtype)[0]
    if low is None:
        return share.astype(variable.dtype)
    below = distribution.log_between(low[..., None] if low.ndim else low, None, *parameters)
    return (below + share).astype(variable.dtype)


def exchangeable(variable: Node) -> bool:
    """Do the entries along the last axis have the same parameters?"""
    own = variable.op.parameters_of(variable.inputs)
    domains = variable.op.distribution.parameters.values()
    pairs = [(x, domain.event_ndim) for x, domain in zip(own, domains, strict=True)]
    return all(x.ndim <= n or (not n and same_along_last_axis(x)) for x, n in pairs)


def same_along_last_axis(node: Node) -> bool:
    """Is a tensor known to be constant along its last axis?"""
    if not node.ndim or constant_of(node) is not None:
        return True
    if isinstance(node.shape[-1], int) and node.shape[-1] == 1:
        return True
    if isinstance(node.op, Const):
        return bool(np.all(node.op.array == node.op.array[..., :1]))
    spreads = isinstance(node.op, (Elementwise, ops.BroadcastTo))
    return spreads and all(map(same_along_last_axis, node.inputs))


def sorted_entries(x: Node) -> Node:
    """The entries along the last axis in increasing order; quadratic, for short vectors."""
    size = x.shape[-1]
    index = ops.arange(size)
    mine, other = x[..., :, None], x[..., None, :]
    first = (other < mine) | (ops.eq(other, mine) & (index[None, :] < index[:, None]))
    rank = ops.sum(first.astype("int64"), axis=-1)
    held = ops.eq(rank[..., None, :], index[:, None])
    return ops.sum(ops.where(held, x[..., None, :], 0.0), axis=-1)
