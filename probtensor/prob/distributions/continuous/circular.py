"""Distributions of angles."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.graph import Node, as_tensor
from probtensor.prob.distributions.continuous.searches import (
    FALL,
    inner,
    log_integral,
    root_between,
)
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import LOG_2PI
from probtensor.prob.distributions.structured import CIRCULAR
from probtensor.prob.distributions.support import NONNEGATIVE, REAL, Interval


def wrapped(x: Node) -> Node:
    """An angle between -pi and pi."""
    turned = x - (2 * math.pi) * ops.round(x / (2 * math.pi))
    return ops.clip(turned, -math.pi, math.pi)


def concentration_rest(kappa: Node) -> Node:
    """kappa (1 - I1(kappa) / I0(kappa)), which approaches 1/2 (DLMF 10.40.1)."""
    large = kappa > 500
    inverse = 1 / ops.where(large, kappa, 500.0)
    series = 0.125 + inverse * (0.125 + inverse * (25 / 128 + inverse * (13 / 32)))
    small = ops.where(large, 1.0, kappa)
    near = small * (1 - ops.i1e(small) / ops.i0e(small))
    return ops.where(large, 0.5 + inverse * series, near)


def draw_angle(key: Node, index: Node, kappa: Node) -> Node:
    """A von Mises draw about 0; where concentrations are so large that it is normal, by its
    scale."""
    least = ops.minimum(kappa, 1e100)
    return ops.draw_von_mises(key, index, least) * ops.sqrt(1e100 / ops.maximum(kappa, 1e100))


class VonMises(Distribution):
    """Von Mises, the normal distribution of angles: with mean direction `mu` and concentration
    `kappa`, exp(kappa cos(x - mu)) / (2 pi I0(kappa)).

    Support: -pi <= x <= pi.
    Mean: none of numbers; the mean direction is mu.
    Variance: none of numbers; `pt.variance` gives the circular one, 1 - I1(kappa) / I0(kappa).
    Source: Mardia and Jupp (2000), "Directional Statistics", 3.5.
    """

    name = "von_mises"
    parameters = {"mu": REAL, "kappa": NONNEGATIVE}
    shown = (0.5, 2.0)
    over = CIRCULAR

    def logpdf(self, x, mu, kappa):
        fall = 2 * kappa * ops.square(ops.sin(0.5 * (x - mu)))
        return -fall - ops.log(ops.i0e(kappa)) - LOG_2PI

    def logcdf(self, x, mu, kappa):
        return log_arc(-math.pi, x, mu, kappa)

    def logccdf(self, x, mu, kappa):
        return log_arc(x, math.pi, mu, kappa)

    def log_between(self, low, high, mu, kappa):
        return log_arc(*ends(low, high), mu, kappa)

    def lower_quantile(self, log_p, mu, kappa):
        return low_angle(self, log_p, mu, kappa)

    def upper_quantile(self, log_p, mu, kappa):
        return -low_angle(self, log_p, -mu, kappa)

    def sample(self, key, shape, mu, kappa):
        return wrapped(mu + draw_angle(key, element_indices(shape), kappa))

    def mean(self, mu, kappa):
        return wrapped(mu)

    def variance(self, mu, kappa):
        """The circular variance."""
        large = kappa > 500
        far = concentration_rest(kappa) / ops.where(large, kappa, 1.0)
        near = 1 - ops.i1e(kappa) / ops.i0e(kappa)
        return ops.where(large, far, near) + ops.zeros_like(mu)

    def mode(self, mu, kappa):
        return wrapped(mu)

    def entropy(self, mu, kappa):
        return LOG_2PI + ops.log(ops.i0e(kappa)) + concentration_rest(kappa) + ops.zeros_like(mu)


class SineSkewedVonMises(Distribution):
    """Von Mises made asymmetric: its density times 1 + skewness sin(x - mu), with `skewness`
    between -1 and 1.

    Support: -pi <= x <= pi.
    Mean: none of numbers.
    Variance: none of numbers.
    Source: Abe and Pewsey (2011), "Sine-skewed circular distributions", Statistical Papers 52:683.
    """

    name = "sine_skewed_von_mises"
    parameters = {"mu": REAL, "kappa": NONNEGATIVE, "skewness": Interval(-1.0, 1.0)}
    shown = (0.5, 2.0, 0.7)
    over = CIRCULAR

    def logpdf(self, x, mu, kappa, skewness):
        return VonMises().logpdf(x, mu, kappa) + ops.log1p(skewness * ops.sin(x - mu))

    def logcdf(self, x, mu, kappa, skewness):
        return log_arc(-math.pi, x, mu, kappa, skewness)

    def logccdf(self, x, mu, kappa, skewness):
        return log_arc(x, math.pi, mu, kappa, skewness)

    def log_between(self, low, high, mu, kappa, skewness):
        return log_arc(*ends(low, high), mu, kappa, skewness)

    def lower_quantile(self, log_p, mu, kappa, skewness):
        return low_angle(self, log_p, mu, kappa, skewness)

    def upper_quantile(self, log_p, mu, kappa, skewness):
        return -low_angle(self, log_p, -mu, kappa, -skewness)

    def sample(self, key, shape, mu, kappa, skewness):
        index = element_indices(shape)
        angle = draw_angle(ops.key_fold(key, 0), index, kappa)
        kept = 2 * ops.draw_uniform(ops.key_fold(key, 1), index) < 1 + skewness * ops.sin(angle)
        return wrapped(mu + ops.where(kept, angle, -angle))


def ends(low, high):
    """The bounds of an arc, in place of None those of all angles."""
    return -math.pi if low is None else low, math.pi if high is None else high


def low_angle(distribution: Distribution, log_p: Node, mu: Node, *parameters: Node) -> Node:
    """The angle below which the probability is exp(log_p), found by the log of its distance from
    -pi."""

    def log_tail(t):
        return distribution.logcdf(ops.exp(t) - math.pi, mu, *parameters)

    def log_density(t):
        return distribution.logpdf(ops.exp(t) - math.pi, mu, *parameters) + t

    low, high = as_tensor(-740.0), as_tensor(math.log(2 * math.pi))
    start = ops.clip(ops.log(wrapped(mu) + math.pi), low, high)
    t = root_between(log_tail, log_density, log_p, low, high, start, rising=True)
    return ops.minimum(ops.exp(t) - math.pi, math.pi)


def log_arc(low, high, mu, kappa, skewness=None) -> Node:
    """Log of the probability of an arc, in parts in which the density rises or falls."""
    kappa = as_tensor(kappa)
    turn = 2 * math.pi
    start, end = (wrapped(y - as_tensor(mu)) for y in (low, high))
    turns = ops.round((start + (high - as_tensor(low)) - end) / turn)
    logs = []
    # The two sides of the mode at 0, and those of the mode a turn farther, by their distances.
    for number in range(4):
        begins, ends = (start - turn * (number // 2), end + turn * (turns - number // 2))
        begins, ends = (-ends, -begins) if number % 2 else (begins, ends)
        near, far = ops.clip(begins, 0.0, math.pi), ops.clip(ends, 0.0, math.pi)
        some = far > near
        near, width = ops.where(some, near, 0.0), ops.where(some, far - near, 1.0)
        skew = skewness if skewness is None or not number % 2 else -skewness
        logs.append(ops.where(some, log_side(near, width, kappa, skew), -math.inf))
    total = ops.logsumexp(ops.stack(ops.broadcast_arrays(*logs), axis=-1), axis=-1)
    return ops.minimum(total - ops.log(ops.i0e(kappa)) - LOG_2PI, 0.0)


def log_side(near: Node, width: Node, kappa: Node, skewness: Node | None) -> Node:
    """Log of the integral of exp(kappa (cos t - 1)) (1 + skewness sin t) for t from `near`, at
    least 0, to near + width, at most pi. Where the density is negligible it is left out."""
    drop = FALL / ops.maximum(kappa, 1e-300)
    half_sine, half_cosine = ops.sin(0.5 * near), ops.cos(0.5 * near)
    rise = ops.sqrt(2 * ops.square(half_sine) + drop)
    rest = ops.sqrt(ops.maximum(2 * ops.square(half_cosine) - drop, 0.0))
    middle = ops.sin(0.5 * near + ops.arctan2(rise, rest))
    reach = 2 * ops.arcsin(ops.minimum(0.5 * drop / ops.maximum(middle, 1e-300), 1.0))
    reach = ops.where(rest > 0, reach, math.pi)
    width = ops.minimum(width, ops.stop_gradient(reach))

    def log_f(v):
        return -2 * inner(kappa) * ops.sin(inner(near) + 0.5 * v) * ops.sin(0.5 * v)

    def factor(v):
        return 1 + inner(skewness) * ops.sin(inner(near) + v)

    found = log_integral(log_f, width, None if skewness is None else factor)
    return found - 2 * kappa * ops.square(half_sine)
