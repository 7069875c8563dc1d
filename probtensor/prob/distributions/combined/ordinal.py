"""Ordered categories: the interval between cutpoints that a latent variable lies in.

Formulas: McCullagh (1980), "Regression Models for Ordinal Data", J. R. Statist. Soc. B 42:109.
Category k of K is that of latent values from cutpoint k - 1 up to cutpoint k.
"""

from __future__ import annotations

import math
from typing import ClassVar

from probtensor import ops
from probtensor.graph import Node, as_tensor
from probtensor.prob.distributions.continuous.families import number, standardised
from probtensor.prob.distributions.discrete import Poisson, chosen
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.multivariate.tallies import Tallies, shared_out
from probtensor.prob.distributions.support import COUNT, POSITIVE, REAL, Integers, Ordered
from probtensor.prob.distributions.truncation import NORMAL, Symmetric, log_between

FEW = 8  # cutpoints that are compared one by one


class Ordinal(Distribution):
    """The base: the category of mu + sigma z, with z of a standard distribution."""

    over = COUNT

    def last(self, cutpoints: Node) -> Node:
        """The last category, which is the number of cutpoints."""
        return as_tensor(cutpoints.shape[-1])

    def support(self, eta, cutpoints, *rest):
        return Integers(0, number(self.last(cutpoints)))

    def event_shape(self, *types):
        return ()

    def ends(self, x, cutpoints):
        """(lower cutpoint, upper cutpoint, whether the category has each); where it has none,
        another one."""
        size = self.last(cutpoints)
        return looked_up(cutpoints, x - 1), looked_up(cutpoints, x), x > 0, x < size

    def mean(self, *parameters):
        return self.moment(1, *parameters)

    def variance(self, *parameters):
        return self.moment(2, *parameters) - ops.square(self.moment(1, *parameters))

    def moment(self, power: int, eta, cutpoints, *rest):
        """The expectation of a power of the category: the sum over k of the probability that it is
        above k, times what the power grows by there."""
        k = ops.arange(cutpoints.shape[-1]).astype(cutpoints.dtype)
        rest = tuple(x[..., None] for x in rest)
        above = ops.exp(self.log_beyond(cutpoints, eta[..., None], *rest))
        return ops.sum(above * ((k + 1) ** power - k**power), axis=-1)

    def logcdf(self, x, eta, cutpoints, *rest):
        _, upper, _, has_upper = self.ends(x, cutpoints)
        return ops.where(has_upper, self.log_upto(upper, eta, *rest), 0.0)

    def logccdf(self, x, eta, cutpoints, *rest):
        _, upper, _, has_upper = self.ends(x, cutpoints)
        return ops.where(has_upper, self.log_beyond(upper, eta, *rest), -math.inf)

    def lower_quantile(self, log_p, eta, cutpoints, *rest):
        rest = tuple(x[..., None] for x in rest)
        below = self.log_upto(cutpoints, eta[..., None], *rest) < log_p[..., None]
        return ops.sum(below.astype(log_p.dtype), axis=-1)

    def upper_quantile(self, log_p, eta, cutpoints, *rest):
        rest = tuple(x[..., None] for x in rest)
        above = self.log_beyond(cutpoints, eta[..., None], *rest) > log_p[..., None]
        return ops.sum(above.astype(log_p.dtype), axis=-1)

    def sample(self, key, shape, eta, cutpoints, *rest):
        latent = self.latent(key, shape, eta, *rest)
        found = ops.sum((cutpoints < latent[..., None]).astype("float64"), axis=-1)
        return ops.where(ops.isnan(latent), math.nan, found)


def looked_up(cutpoints: Node, k: Node) -> Node:
    """cutpoints[..., k], and the nearest one where k is out of range. A few are compared one by
    one: a function of counts and scalars is then summed over distinct counts."""
    size = cutpoints.shape[-1]
    if not isinstance(size, int) or size > FEW:
        index = ops.where(ops.isnan(k), 0.0, k).astype("int64")
        return chosen(cutpoints, ops.clip(index, 0, as_tensor(size) - 1))
    if not size:
        return ops.zeros_like(k)
    found = cutpoints[..., size - 1]
    for j in range(size - 2, -1, -1):
        found = ops.where(k <= j, cutpoints[..., j], found)
    return found


class OrderedLogistic(Ordinal):
    """Ordered categories: the number of `cutpoints` below a logistic variable about `eta`. The
    probability of category k is sigmoid(cutpoints[k] - eta) - sigmoid(cutpoints[k - 1] - eta).

    Support: 0, 1, ..., K - 1, for K - 1 cutpoints along the last axis, which increase.
    Mean: the sum of sigmoid(eta - cutpoints).
    Variance: that of the category, by the same sum.
    Source: McCullagh (1980), "Regression Models for Ordinal Data", J. R. Statist. Soc. B 42:109.
    """

    name = "ordered_logistic"
    parameters: ClassVar = {"eta": REAL, "cutpoints": Ordered()}
    shown = (0.5, [-1.0, 1.0])

    def logpdf(self, x, eta, cutpoints):
        # F(b) - F(a) = F(b) F(-a) (1 - exp(a - b)): no difference of what is nearly equal.
        lower, upper, has_lower, has_upper = self.ends(x, cutpoints)
        upto = ops.where(has_upper, self.log_upto(upper, eta), 0.0)
        beyond = ops.where(has_lower, self.log_beyond(lower, eta), 0.0)
        middle = has_lower & has_upper
        gap = ops.where(middle, lower - upper, -1.0)
        return upto + beyond + ops.where(middle, ops.log1mexp(gap), 0.0)

    def log_upto(self, c, eta):
        """The log of the probability that the latent variable is at most c."""
        return ops.log_sigmoid(c - eta)

    def log_beyond(self, c, eta):
        return ops.log_sigmoid(eta - c)

    def latent(self, key, shape, eta):
        u = [ops.draw_exponential(ops.key_fold(key, k), element_indices(shape)) for k in (0, 1)]
        return eta + ops.log(u[0] / u[1])


class OrderedProbit(Ordinal):
    """Ordered categories: the number of `cutpoints` below a normal variable with mean `eta` and
    standard deviation `sigma` (1 by default).

    Support: 0, 1, ..., K - 1, for K - 1 cutpoints along the last axis, which increase.
    Mean: the sum of ndtr((eta - cutpoints) / sigma).
    Variance: that of the category, by the same sum.
    Source: McCullagh (1980), "Regression Models for Ordinal Data", J. R. Statist. Soc. B 42:109.
    """

    name = "ordered_probit"
    parameters: ClassVar = {"eta": REAL, "cutpoints": Ordered(), "sigma": POSITIVE}
    defaults: ClassVar = {"sigma": 1.0}
    shown = (0.5, [-1.0, 1.0])
    standard: ClassVar[Symmetric] = NORMAL

    def logpdf(self, x, eta, cutpoints, sigma):
        lower, upper, has_lower, has_upper = self.ends(x, cutpoints)
        low, high = (standardised(c, eta, sigma) for c in (lower, upper))
        middle = has_lower & has_upper
        inner = log_between(
            self.standard, ops.where(middle, low, -0.5), ops.where(middle, high, 0.5)
        )
        upto, beyond = self.log_upto(upper, eta, sigma), self.log_beyond(lower, eta, sigma)
        one = ops.where(has_upper, upto, ops.where(has_lower, beyond, 0.0))
        return ops.where(middle, inner, one)

    def log_upto(self, c, eta, sigma):
        """The log of the probability that the latent variable is at most c."""
        return self.standard.log_cdf(standardised(c, eta, sigma))

    def log_beyond(self, c, eta, sigma):
        return self.standard.log_cdf(-standardised(c, eta, sigma))

    def latent(self, key, shape, eta, sigma):
        return eta + sigma * ops.draw_normal(key, element_indices(shape))


class OrderedMultinomial(Distribution):
    """Counts of `n` ordered categories, each as `ordered_logistic` with `eta` and `cutpoints`.

    Support: K whole numbers >= 0 along the last axis with the sum n, for K - 1 cutpoints along the
    last axis, which increase.
    Mean: n * p, where p are the probabilities of the categories.
    Variance: n * p * (1 - p).
    Source: McCullagh (1980), "Regression Models for Ordinal Data", J. R. Statist. Soc. B 42:109.
    """

    name = "ordered_multinomial"
    parameters: ClassVar = {"eta": REAL, "cutpoints": Ordered(), "n": COUNT}
    axes: ClassVar = {"cutpoints": "m"}
    shown = (0.5, [-1.0, 1.0], 9)
    shown_event = (3,)
    over = Tallies()

    def support(self, eta, cutpoints, n):
        return Tallies(n)

    def event_shape(self, *types):
        return (types[1].shape[-1] + 1,)

    def log_p(self, eta, cutpoints):
        """The logs of the probabilities of all categories; see `OrderedLogistic`."""
        upto = ops.log_sigmoid(cutpoints - eta[..., None])
        beyond = ops.log_sigmoid(eta[..., None] - cutpoints)
        gaps = ops.log1mexp(cutpoints[..., :-1] - cutpoints[..., 1:])
        none, no_gap = ops.zeros_like(upto[..., :1]), ops.zeros_like(cutpoints[..., :1])
        ends = ops.concatenate([upto, none], axis=-1), ops.concatenate([none, beyond], axis=-1)
        return ends[0] + ends[1] + ops.concatenate([no_gap, gaps, no_gap], axis=-1)

    def logpdf(self, x, eta, cutpoints, n):
        # As of `Multinomial`, with the logs of the probabilities, which may underflow.
        least = ops.maximum(n, 1.0)
        means = ops.exp(ops.log(least)[..., None] + self.log_p(eta, cutpoints))
        return ops.sum(Poisson().logpdf(x, means), axis=-1) - Poisson().logpdf(n, least)

    def sample(self, key, shape, eta, cutpoints, n):
        return shared_out(key, shape, n, ops.exp(self.log_p(eta, cutpoints)))

    def mean(self, eta, cutpoints, n):
        return n[..., None] * ops.exp(self.log_p(eta, cutpoints))

    def variance(self, eta, cutpoints, n):
        p = ops.exp(self.log_p(eta, cutpoints))
        return n[..., None] * (p * (1 - p))
