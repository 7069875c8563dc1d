"""Families of continuous distributions, and what their formulas share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from probtensor import ops
from probtensor.graph import Const, Node, as_tensor
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import LOG_2, has_log, in_range, log_tail, quotient
from probtensor.prob.distributions.truncation import Symmetric, draw_between, log_between
from probtensor.types import Size

HALF_LOG_HALF_PI = 0.5 * math.log(math.pi / 2)
EULER = 0.5772156649015329  # the Euler-Mascheroni constant


def standardised(x, mu, sigma):
    """(x - mu) / sigma."""
    return quotient(x - mu, as_tensor(sigma))


def number(x: Node):
    """A literal scalar as a Python number; any other node as it is."""
    return x.op.array.item() if isinstance(x.op, Const) and not x.shape else x


def half(x: Node) -> Node:
    """x / 2, a literal again where x is one."""
    return as_tensor(0.5 * number(x)) if isinstance(number(x), float) else 0.5 * x


def draw_uniform(key: Node, shape: Sequence[Size]) -> Node:
    """Uniform numbers between 0 and 1, both excluded."""
    return ops.draw_uniform(key, element_indices(shape))


def draw_exponential(key: Node, shape: Sequence[Size], stream: int | None = None) -> Node:
    """Exponential numbers with rate 1; those of different streams are independent."""
    key = key if stream is None else ops.key_fold(key, stream)
    return ops.draw_exponential(key, element_indices(shape))


def log1mexp_exp(log_y: Node) -> Node:
    """log(1 - exp(-y)) of y = exp(log_y), also where y over- or underflows."""
    small = log_y < 0
    y = ops.exp(ops.where(small, log_y, 0.0))
    below = log_y + ops.log(ops.exprel(-y))
    return ops.where(small, below, ops.log1mexp(-ops.exp(ops.where(small, 0.0, log_y))))


def log_hazard(log_p: Node) -> Node:
    """log(-log(1 - p)) of p = exp(log_p), the inverse of `log1mexp_exp`."""
    tiny = log_p < -40
    return ops.where(tiny, log_p, ops.log(-ops.log1mexp(ops.where(tiny, -1.0, log_p))))


def log_exprel(y: Node) -> Node:
    """log((exp(y) - 1) / y), also where exp(y) overflows."""
    up = y > 0
    return ops.where(up, y, 0.0) + ops.log(ops.exprel(ops.where(up, -y, y)))


def grown(scale: Node, t: Node) -> Node:
    """scale * exp(t), where the exponential alone may overflow."""
    root = ops.exp(0.5 * t)
    return scale * root * root


class LocationScale(Distribution):
    """mu + sigma z, with z of a standard distribution that is symmetric about 0."""

    standard: ClassVar[Symmetric]

    def logcdf(self, x, mu, sigma):
        return self.standard.log_cdf(standardised(x, mu, sigma))

    def logccdf(self, x, mu, sigma):
        return self.standard.log_cdf(-standardised(x, mu, sigma))

    def lower_quantile(self, log_p, mu, sigma):
        return mu + sigma * self.standard.quantile(log_p)

    def upper_quantile(self, log_p, mu, sigma):
        return mu - sigma * self.standard.quantile(log_p)

    def mode(self, mu, sigma):
        return mu

    def log_between(self, low, high, mu, sigma):
        return log_between(self.standard, *ends(low, high, mu, sigma))

    def quantile_between(self, u, low, high, mu, sigma):
        return mu + sigma * draw_between(self.standard, u, *ends(low, high, mu, sigma))


class HalfScale(Distribution):
    """The absolute value of sigma z, with z of a standard distribution symmetric about 0."""

    standard: ClassVar[Symmetric]

    def logccdf(self, x, sigma):
        return self.standard.log_cdf(-quotient(x, sigma)) + LOG_2

    def upper_quantile(self, log_p, sigma):
        return -sigma * self.standard.quantile(log_p - LOG_2)

    def mode(self, sigma):
        return ops.zeros_like(sigma)

    def log_between(self, low, high, sigma):
        low = ops.zeros_like(sigma) if low is None else low
        return log_between(self.standard, *ends(low, high, 0.0, sigma)) + LOG_2

    def quantile_between(self, u, low, high, sigma):
        low = ops.zeros_like(sigma) if low is None else low
        return sigma * draw_between(self.standard, u, *ends(low, high, 0.0, sigma))


def log1p_square_ratio(x, sigma):
    """log(1 + (x / sigma)^2)."""
    near = ops.log1p_square(x, 1 / in_range(sigma))
    return near + log_tail(x, sigma) if has_log(sigma) else near


def ends(low, high, mu, sigma):
    """Standardised bounds; None is no bound."""
    return tuple(None if x is None else standardised(x, mu, sigma) for x in (low, high))


class Mapped(Distribution):
    """A monotone function of a variable of another distribution, whose tails and quantiles it has.

    base         the other distribution
    inner        its parameters
    to_base      the value of it that a value belongs to, and `from_base` its inverse
    decreasing   whether the function falls, so that the tails change places
    """

    base: ClassVar[Distribution]
    decreasing: ClassVar[bool] = False

    def inner(self, *parameters):
        """The parameters of the other distribution; its own unless said otherwise."""
        return parameters

    def logcdf(self, x, *parameters):
        tail = self.base.logccdf if self.decreasing else self.base.logcdf
        return tail(self.to_base(x, *parameters), *self.inner(*parameters))

    def logccdf(self, x, *parameters):
        tail = self.base.logcdf if self.decreasing else self.base.logccdf
        return tail(self.to_base(x, *parameters), *self.inner(*parameters))

    def lower_quantile(self, log_p, *parameters):
        quantile = self.base.upper_quantile if self.decreasing else self.base.lower_quantile
        return self.from_base(quantile(log_p, *self.inner(*parameters)), *parameters)

    def upper_quantile(self, log_p, *parameters):
        quantile = self.base.lower_quantile if self.decreasing else self.base.upper_quantile
        return self.from_base(quantile(log_p, *self.inner(*parameters)), *parameters)

    def sample(self, key, shape, *parameters):
        drawn = self.base.sample(key, shape, *self.inner(*parameters))
        return self.from_base(drawn, *parameters)

    def log_between(self, low, high, *parameters):
        low, high = (None if x is None else self.to_base(x, *parameters) for x in (low, high))
        if self.decreasing:
            low, high = high, low
        return self.base.log_between(low, high, *self.inner(*parameters))

    def quantile_between(self, u, low, high, *parameters):
        low, high = (None if x is None else self.to_base(x, *parameters) for x in (low, high))
        if self.decreasing:
            low, high = high, low
        u = 1 - u if self.decreasing else u
        found = self.base.quantile_between(u, low, high, *self.inner(*parameters))
        return self.from_base(found, *parameters)


class Renamed(Mapped):
    """Another distribution in parameters of its own."""

    def to_base(self, x, *parameters):
        return x

    def from_base(self, z, *parameters):
        return z

    def logpdf(self, x, *parameters):
        return self.base.logpdf(x, *self.inner(*parameters))

    def mean(self, *parameters):
        return self.base.mean(*self.inner(*parameters))

    def variance(self, *parameters):
        return self.base.variance(*self.inner(*parameters))

    def mode(self, *parameters):
        return self.base.mode(*self.inner(*parameters))

    def entropy(self, *parameters):
        return self.base.entropy(*self.inner(*parameters))
