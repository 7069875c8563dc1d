"""Discrete distributions of counts and whole numbers; see `discrete.py` for their formulas."""

from __future__ import annotations

import math
from functools import reduce

from probtensor import ops
from probtensor.graph import Node
from probtensor.ops.kinds.elementwise import joint_shape
from probtensor.ops.loops.whiles import while_loop
from probtensor.prob.distributions.continuous.families import (
    draw_exponential,
    draw_uniform,
    number,
)
from probtensor.prob.distributions.continuous.positive import log_gamma_draw
from probtensor.prob.distributions.discrete import (
    Counted,
    in_double,
    log_choose_rest,
    log_multichoose_rest,
    positive,
    share_divergence,
)
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import log_of, times_log1m
from probtensor.prob.distributions.support import (
    COUNT,
    OPEN_UNIT,
    POSITIVE,
    POSITIVE_UNIT,
    Integers,
)

WHOLE = Integers(-math.inf)


class Geometric(Distribution):
    """The number of trials of probability `p` until the first success, which is counted.

    Support: 1, 2, ...
    Mean: 1 / p.
    Variance: (1 - p) / p**2.
    Source: Johnson, Kemp and Kotz (2005), "Univariate Discrete Distributions", ch. 5.
    """

    name = "geometric"
    parameters = {"p": POSITIVE_UNIT}
    shown = (0.3,)
    over = Integers(1)

    def logpdf(self, x, p):
        return log_of(p) + times_log1m(x - 1, p)

    def logcdf(self, x, p):
        return ops.log1mexp(times_log1m(x, p))

    def logccdf(self, x, p):
        return times_log1m(x, p)

    def lower_quantile(self, log_p, p):
        return ops.maximum(ops.ceil(ops.log1mexp(log_p) / ops.log1p(-p)), 1.0)

    def upper_quantile(self, log_p, p):
        return ops.maximum(ops.ceil(log_p / ops.log1p(-p)), 1.0)

    def sample(self, key, shape, p):
        return 1 + ops.floor(draw_exponential(key, shape) / -ops.log1p(-p))

    def mean(self, p):
        return 1 / p

    def variance(self, p):
        return (1 - p) / ops.square(p)

    def mode(self, p):
        return ops.ones_like(p)

    def entropy(self, p):
        return (ops.entr(p) + ops.entr(1 - p)) / p


class DiscreteUniform(Distribution):
    """Whole numbers from `lower` to `upper`, both included, with equal probabilities.

    Support: lower, lower + 1, ..., upper.
    Mean: (lower + upper) / 2.
    Variance: ((upper - lower + 1)**2 - 1) / 12.
    Source: Johnson, Kemp and Kotz (2005), "Univariate Discrete Distributions", ch. 6.
    """

    name = "discrete_uniform"
    parameters = {"lower": WHOLE, "upper": WHOLE}
    increasing = (("lower", "upper", True),)
    shown = (-2, 5)
    over = WHOLE

    def support(self, lower, upper):
        return Integers(number(lower), number(upper))

    def logpdf(self, x, lower, upper):
        return ops.zeros_like(x) - ops.log(upper - lower + 1)

    def logcdf(self, x, lower, upper):
        return ops.log((x - lower + 1) / (upper - lower + 1))

    def logccdf(self, x, lower, upper):
        return ops.log((upper - x) / (upper - lower + 1))

    def lower_quantile(self, log_p, lower, upper):
        count = ops.ceil(ops.exp(log_p) * (upper - lower + 1))
        return lower + ops.maximum(count - 1, 0.0)

    def upper_quantile(self, log_p, lower, upper):
        return upper - ops.floor(ops.exp(log_p) * (upper - lower + 1))

    def sample(self, key, shape, lower, upper):
        width = upper - lower + 1
        drawn = lower + ops.floor(draw_uniform(key, shape) * width)
        return ops.where(width > 0, ops.minimum(drawn, upper), math.nan)

    def mean(self, lower, upper):
        return 0.5 * lower + 0.5 * upper

    def variance(self, lower, upper):
        width = upper - lower
        return width * (width + 2) / 12

    def entropy(self, lower, upper):
        return ops.log(upper - lower + 1)


def in_proportion(x, m, alpha, beta):
    """Whether m, alpha or beta is out of proportion to the others, so that the logarithms of their
    ratios leave the range of deviances; and the three, with 1 where it is so."""
    counts = [ops.where(ops.eq(y, 0), 1.0, in_double(y)) for y in (x, m)]
    sizes = (*counts, in_double(alpha), in_double(beta))
    least, most = reduce(ops.minimum, sizes), reduce(ops.maximum, sizes)
    far = least * 1e130 < most
    return far, [ops.where(far, 1.0, y) for y in (m, alpha, beta)]


def beta_mixture(x, m, alpha, beta):
    """log of B(alpha + x, beta + m) / B(alpha, beta) beside the maximum of p^x (1 - p)^m. The two
    deviances, from the odds of alpha + x and beta + m, are small where both are large."""
    odds = ops.log_ratio(in_double(alpha + x), in_double(beta + m), 1.0)
    failures = ops.where(ops.eq(m, 0), 1.0, in_double(m))
    own = ops.log_ratio(positive(in_double(x)), failures, 1.0)
    first = share_divergence(x, m, odds - own)
    own = ops.log_ratio(in_double(alpha), in_double(beta), 1.0)
    second = share_divergence(alpha, beta, odds - own)
    rest = ops.lgamma_rest_change(alpha, x) + ops.lgamma_rest_change(beta, m)
    return rest - ops.lgamma_rest_change(alpha + beta, x + m) - first - second


class BetaBinomial(Counted):
    """Binomial with `n` trials, whose success probability has the distribution beta(alpha, beta).

    Support: 0, 1, ..., n.
    Mean: n * alpha / (alpha + beta).
    Variance: n * alpha * beta * (alpha + beta + n) / ((alpha + beta)**2 * (alpha + beta + 1)).
    Source: Johnson, Kemp and Kotz (2005), "Univariate Discrete Distributions", ch. 6.
    """

    name = "beta_binomial"
    parameters = {"n": COUNT, "alpha": POSITIVE, "beta": POSITIVE}
    shown = (10, 2.0, 3.0)
    over = COUNT
    propagates_nan = True

    def support(self, n, alpha, beta):
        return Integers(0, number(n))

    def logpdf(self, x, n, alpha, beta):
        far, (m, a, b) = in_proportion(x, n - x, alpha, beta)
        near = log_choose_rest(x + m, x) + beta_mixture(x, m, a, b)
        ways = ops.lgamma(n + 1) - ops.lgamma(x + 1) - ops.lgamma(n - x + 1)
        rising = ops.log_rising_factorial(alpha, x) + ops.log_rising_factorial(beta, n - x)
        return ops.where(far, ways + rising - ops.log_rising_factorial(alpha + beta, n), near)

    def logcdf(self, x, n, alpha, beta):
        below, tail = self._tails(x, n, alpha, beta)
        value = ops.where(below, tail, ops.log1mexp(ops.minimum(tail, -1e-300)))
        return ops.where(x >= n, 0.0, value)

    def logccdf(self, x, n, alpha, beta):
        below, tail = self._tails(x, n, alpha, beta)
        value = ops.where(below, ops.log1mexp(ops.minimum(tail, -1e-300)), tail)
        return ops.where(x >= n, -math.inf, value)

    def _tails(self, x, n, alpha, beta):
        """Whether x is below the mean, and the log of the tail on its side of the mean."""
        below = x + 0.5 < n * (alpha / (alpha + beta))
        first = ops.minimum(ops.where(below, x, x + 1), n)
        own, end = self.logpdf(first, n, alpha, beta), ops.where(below, 0.0, n)
        last = ops.stop_gradient(ops.exp(self.logpdf(end, n, alpha, beta) - own))
        return below, own + ops.log(_sum_outwards(first, below, last, n, alpha, beta))

    def sample(self, key, shape, n, alpha, beta):
        first, second = (ops.key_fold(key, stream) for stream in (0, 1))
        odds = log_gamma_draw(first, shape, alpha) - log_gamma_draw(second, shape, beta)
        index = element_indices(shape)
        return ops.draw_binomial(ops.key_fold(key, 2), index, n, ops.sigmoid(odds))

    def mean(self, n, alpha, beta):
        return n * alpha / (alpha + beta)

    def variance(self, n, alpha, beta):
        total = alpha + beta
        share = alpha / total * (beta / total)
        return n * share * ((total + n) / (total + 1))


def _sum_outwards(
    first: Node, below: Node, last: Node, n: Node, alpha: Node, beta: Node
) -> Node:
    """The sum of the masses of beta-binomial counts from one on, away from the mean, in units of
    its own mass; `last` is the one at the end. Those between are at most the larger one of two, as
    the masses have one maximum or one minimum."""
    nodes = [ops.astype(x, "float64") for x in (first, last, n, alpha, beta)]
    shape = joint_shape([x.type for x in (*nodes, below)])
    first, last, n, alpha, beta = (ops.broadcast_to(x, shape) for x in nodes)

    def added(state):
        j, term, total = state
        j = ops.clip(j, 0.0, n)  # the masses of others may go on
        rest = n - j
        down = j * (rest + beta) / ((rest + 1) * ops.where(j > 0, j - 1 + alpha, 1.0))
        up = rest * (j + alpha) / ((j + 1) * ops.where(rest > 0, rest - 1 + beta, 1.0))
        term = term * ops.where(below, down, up)
        return ops.where(below, j - 1, j + 1), term, total + term

    def goes_on(state):
        j, term, total = state
        rest = ops.where(below, j, n - j)
        return ops.any(rest * ops.maximum(term, last) > 2.0**-56 * total)

    one = ops.ones(shape)
    return while_loop(goes_on, added, (first, one, one))[2].astype(alpha.dtype)


class BetaNegativeBinomial(Distribution):
    """Failures before `n` successes, of a probability with the distribution beta(alpha, beta).

    Support: 0, 1, 2, ...
    Mean: n * beta / (alpha - 1) for alpha > 1.
    Variance: n * (n + alpha - 1) * beta * (alpha + beta - 1) / ((alpha - 2) * (alpha - 1)**2) \
for alpha > 2.
    Source: Johnson, Kemp and Kotz (2005), "Univariate Discrete Distributions", ch. 6.
    """

    name = "beta_negative_binomial"
    parameters = {"alpha": POSITIVE, "beta": POSITIVE, "n": POSITIVE}
    shown = (5.0, 2.0, 3.0)
    over = COUNT

    def logpdf(self, x, alpha, beta, n):
        far, (m, b, a) = in_proportion(x, n, beta, alpha)
        near = log_multichoose_rest(m, x) + beta_mixture(x, m, b, a)
        ways = ops.log_rising_factorial(n, x) - ops.lgamma(x + 1)
        rising = ops.log_rising_factorial(beta, x) + ops.log_rising_factorial(alpha, n)
        return ops.where(far, ways + rising - ops.log_rising_factorial(alpha + beta, n + x), near)

    def sample(self, key, shape, alpha, beta, n):
        keys = [ops.key_fold(key, stream) for stream in range(4)]
        odds = log_gamma_draw(keys[1], shape, beta) - log_gamma_draw(keys[0], shape, alpha)
        index = element_indices(shape)
        rate = ops.draw_gamma(keys[2], index, n) * ops.exp(odds)
        return ops.draw_poisson(keys[3], index, rate)

    def mean(self, alpha, beta, n):
        return ops.where(alpha > 1, n * beta / (alpha - 1), math.inf)

    def variance(self, alpha, beta, n):
        first = beta * (alpha + beta - 1) / ops.square(alpha - 1)
        value = n * (n + alpha - 1) * first / (alpha - 2)
        return ops.where(alpha > 2, value, ops.where(alpha > 1, math.inf, math.nan))


class DiscreteWeibull(Distribution):
    """Discrete Weibull: P(X >= x) = q**(x**beta).

    Support: 0, 1, 2, ...
    Mean: none in closed form.
    Variance: none in closed form.
    Source: Nakagawa and Osaki (1975), "The discrete Weibull distribution", IEEE Transactions on
    Reliability 24:300.
    """

    name = "discrete_weibull"
    parameters = {"q": OPEN_UNIT, "beta": POSITIVE}
    shown = (0.7, 1.5)
    over = COUNT

    def logpdf(self, x, q, beta):
        log_q, here = ops.log(q), x**beta
        # (x + 1)**beta - x**beta without cancellation.
        first = x < 1
        growth = ops.expm1(beta * ops.log1p(1 / ops.where(first, 1.0, x)))
        step = ops.where(first, 1.0, here * growth)
        return here * log_q + ops.log1mexp(step * log_q)

    def logcdf(self, x, q, beta):
        return ops.log1mexp(self.logccdf(x, q, beta))

    def logccdf(self, x, q, beta):
        return (x + 1) ** beta * ops.log(q)

    def lower_quantile(self, log_p, q, beta):
        return self.upper_quantile(ops.log1mexp(log_p), q, beta)

    def upper_quantile(self, log_p, q, beta):
        return ops.maximum(ops.ceil((log_p / ops.log(q)) ** (1 / beta)) - 1, 0.0)

    def sample(self, key, shape, q, beta):
        return ops.floor((draw_exponential(key, shape) / -ops.log(q)) ** (1 / beta))
