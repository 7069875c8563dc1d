"""Moments and modes of truncated distributions, where they are known."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.graph import Node, as_tensor
from probtensor.prob.distributions.continuous.bounded import Uniform
from probtensor.prob.distributions.continuous.families import standardised
from probtensor.prob.distributions.continuous.positive import Exponential
from probtensor.prob.distributions.continuous.real import Normal
from probtensor.prob.distributions.continuous.searches import (
    fall_width,
    gauss_legendre,
    inner,
)
from probtensor.prob.distributions.distribution import Distribution, Unknown

NODES = 60
# B[2 k] / (2 k)! for k from 1 on, which is 2 (-1)^(k + 1) zeta(2 k) / (2 pi)^(2 k) (DLMF 25.6.2).
BERNOULLI = (
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, *(
        (-1) ** (k + 1) * 2 * sum(n ** (-2 * k) for n in range(1, 30)) / (2 * math.pi) ** (2 * k)
        for k in range(6, 12)
    ),
)  # fmt: skip
FAR = 9.0  # standard deviations beyond which a normal has a share of 1e-19


def known(
    distribution: Distribution, method: str, low: Node | None, high: Node | None, *parameters: Node
) -> Node:
    """The mean, variance, mode or entropy of a distribution truncated to an interval; None is no
    bound. Raises Unknown where there is no formula."""
    if low is None and high is None:
        return getattr(distribution, method)(*parameters)
    if method == "mode":
        return _mode(distribution, low, high, *parameters)
    if isinstance(distribution, Uniform):
        first, last = parameters
        return getattr(distribution, method)(
            first if low is None else low, last if high is None else high
        )
    if isinstance(distribution, Normal):
        return _normal(method, low, high, *parameters)
    if isinstance(distribution, Exponential):
        return _exponential(method, low, high, *parameters)
    raise Unknown(f"that of {distribution.name} under constraint= is not known here")


def _mode(
    distribution: Distribution, low: Node | None, high: Node | None, *parameters: Node
) -> Node:
    """Densities with one mode fall away from it: its own where that lies in the interval, and else
    an end. On a circle they may rise again, as may those without a single mode, which are highest
    at an end."""
    value, own = distribution.mode(*parameters), distribution.support(*parameters)
    if own.bounded_below and own.bounded_above:
        low = as_tensor(own.low).astype(value.dtype) if low is None else low
        high = as_tensor(own.high).astype(value.dtype) if high is None else high
    if low is None or high is None:
        value = value if low is None else ops.maximum(value, low)
        return value if high is None else ops.minimum(value, high)
    rising = distribution.logpdf(high, *parameters) > distribution.logpdf(low, *parameters)
    inside = (value >= low) & (value <= high)
    return ops.where(inside, value, ops.where(rising, high, low))


def _exponential(method: str, low: Node | None, high: Node | None, lam: Node) -> Node:
    """By d / (exp(d) - 1), which is the sum of B[k] d^k / k! with Bernoulli's numbers, for the
    width d of the interval in units of the mean."""
    start = ops.zeros_like(lam) if low is None else low
    width = ops.full_like(lam, 800.0) if high is None else lam * ops.minimum(high - start, 1e300)
    wide = width > 1
    far = ops.clip(ops.where(wide, width, 1.0), 1.0, 800.0)
    fall = far * ops.exp(-far) / -ops.expm1(-far)
    near = ops.where(wide, 1.0, width)
    powers = [near ** (2 * k - 1) for k in range(1, len(BERNOULLI) + 1)]
    mean = 0.5 - sum(b * y for b, y in zip(BERNOULLI, powers))
    spread = sum((2 * k + 1) * b * near ** (2 * k) for k, b in enumerate(BERNOULLI))
    above = ops.where(wide, 1 - fall, near * mean)
    if method == "mean":
        return start + above / lam
    if method == "variance":
        share = ops.where(wide, 1 - fall * (far + fall), ops.square(near) * spread)
        return share / lam / lam
    mass = ops.where(wide, -ops.expm1(-far), -ops.expm1(-near))
    return above + ops.log(mass / lam)


def _normal(method: str, low: Node | None, high: Node | None, mu: Node, sigma: Node) -> Node:
    """By the integrals of powers of the distance from the likeliest point."""
    a = -FAR + 0 * mu if low is None else standardised(low, mu, sigma)
    b = FAR + 0 * mu if high is None else standardised(high, mu, sigma)
    above, below = a > 0, b < 0
    first = ops.where(below, ops.maximum(a, b - fall_width(ops.where(below, -b, 1.0))), a)
    last = ops.where(above, ops.minimum(b, a + fall_width(ops.where(above, a, 1.0))), b)
    if low is None:
        first = ops.where(below, b - fall_width(ops.where(below, -b, 1.0)), a)
    if high is None:
        last = ops.where(above, a + fall_width(ops.where(above, a, 1.0)), b)
    inside = ops.logical_not(above | below)
    first = ops.where(inside, ops.maximum(first, -FAR), first)
    last = ops.where(inside, ops.minimum(last, FAR), last)
    start = ops.where(above, first, ops.where(below, last, 0.0))
    nodes, weights = (y.astype(first.dtype) for y in gauss_legendre(NODES))
    # Distances from `start`, the likeliest point.
    v = inner(first - start) + inner(last - first) * nodes
    mass = weights * ops.exp(-v * (inner(start) + 0.5 * v))
    total = ops.sum(mass, axis=-1)
    mean = ops.sum(mass * v, axis=-1) / total
    spread = ops.sum(mass * ops.square(v - inner(mean)), axis=-1) / total
    if method == "mean":
        return mu + sigma * (start + mean)
    if method == "variance":
        return ops.square(sigma) * spread
    score = 0.5 * (ops.square(start + mean) + spread - ops.square(start))
    return score + ops.log(total * (last - first) * sigma)
