"""Discrete distributions of counts and whole numbers; see `discrete.py` for their formulas."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from probtensor import ops
from probtensor.graph import as_tensor
from probtensor.ops.loops.whiles import while_loop
from probtensor.prob.distributions.continuous.families import (
    draw_exponential,
    draw_uniform,
    number,
)
from probtensor.prob.distributions.continuous.positive import log_gamma_draw
from probtensor.prob.distributions.continuous.searches import NODES, gauss_legendre
from probtensor.prob.distributions.discrete import (
    Counted,
    in_double,
    log_choose_rest,
    log_multichoose_rest,
    positive,
    share_divergence,
)
from probtensor.prob.distributions.distribution import LOG_HALF, Distribution, element_indices
from probtensor.prob.distributions.formulas import log_of, times_log1m
from probtensor.prob.distributions.support import (
    COUNT,
    OPEN_UNIT,
    POSITIVE,
    POSITIVE_UNIT,
    Integers,
)

WHOLE = Integers(-math.inf)
BLOCK = 64  # terms that a step of a sum adds
AHEAD = 1024  # terms that are added before the rest may be integrated
HUGE = 1e100  # less than the ratio at which terms of a block are cut
PANELS = 28  # intervals of an integral over them
SMOOTH = 0.005  # the relative change from term to term below which it is
# Gregory's weights of the terms at an end, beside the integral: from the differences there.
GREGORY = (1 / 2, -1 / 12, 1 / 24, -19 / 720, 3 / 160, -863 / 60480, 275 / 24192)
END_WEIGHTS = np.array([
    sum(c * math.comb(k, i) * (-1) ** (k - i) for k, c in enumerate(GREGORY) if k >= i)
    for i in range(len(GREGORY))
])  # fmt: skip


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


def smaller_tail(tail, other):
    """The log of a tail, from the other one where that is the smaller one."""
    known = (tail <= LOG_HALF) | (other > -1e-300)
    return ops.where(known, tail, ops.log1mexp(ops.where(known, -1.0, other)))


def log_sum_of_counts(log_mass, ratio, first, power, scale):
    """Log of the sum of the masses of the counts from `first` on, down to 0 or, with a `power`, up
    to infinity, where masses are as j**(-1 - power).

    log_mass(j), ratio(j): the log of a mass, and the ratio of the next one to it
    scale(j)               the relative distance of counts over which masses change near j

    Terms are added as long as they change from one to the next by more than SMOOTH. The rest is an
    integral over the logarithm of the count, with the differences at its ends (Gregory's formula).
    """
    up = power is not None
    step = 1.0 if up else -1.0
    count = as_tensor(np.arange(BLOCK + 1.0))

    def added(state):
        j, term, total, going = state
        each = j[..., None] + step * count
        ratios = ratio(ops.maximum(each[..., :-1], 0.0 if up else 1.0))
        reached = ops.exp(ops.clip(ops.cumsum(ops.log(ratios), axis=-1), -600.0, 300.0))
        if not up:
            reached = ops.where(each[..., 1:] >= 0, reached, 0.0)
        new = term * reached[..., -1]
        sums = total + term * (1 + ops.sum(reached[..., :-1], axis=-1))
        end = each[..., -1]
        rough = ops.abs(1 - ratios[..., -1]) > SMOOTH
        more = rough | (ops.abs(end - first) < AHEAD) | (end < AHEAD)
        kept = going & (new > 2.0**-56 * sums) & more & (end >= 0) & (sums < HUGE)
        return tuple(ops.where(going, a, b) for a, b in zip((end, new, sums), state)) + (kept,)

    one = ops.ones_like(first)
    start = first, one, ops.zeros_like(first), ops.ones_like(first).astype("bool")
    j, term, total, _ = while_loop(lambda state: ops.any(state[3]), added, start)
    # Masses may rise so much only where this is the larger tail.
    lost = total > HUGE
    rest = (term > 2.0**-56 * total) & (j >= 0) & ops.logical_not(lost)
    beyond = ops.stop_gradient(ops.where(rest, j, 4.0 * AHEAD))
    top = log_mass(first)
    tail = _integrated_counts(lambda x: log_mass(x) - top[..., None], beyond, power, scale)
    return ops.where(lost, 0.0, top + ops.log(total + ops.where(rest, tail, 0.0)))


def _integrated_counts(log_mass, first, power, scale):
    """The sum of exp(log_mass) over counts from `first` on, as a function smooth there."""
    nodes, weights = (as_tensor(y) for y in gauss_legendre(NODES))
    length = ops.minimum(ops.stop_gradient(scale(first))[..., None], 4.0)
    first = first[..., None]
    close = as_tensor(np.arange(len(GREGORY)))
    ends = as_tensor(END_WEIGHTS)
    up = power is not None
    if up:
        most, ways = as_tensor(math.inf), 1.0
        total = ops.sum(ends * ops.exp(log_mass(first + close)), axis=-1)
    else:
        # The first counts one by one.
        most, ways = ops.log(first / BLOCK), -1.0
        counts = ops.zeros_like(first) + as_tensor(np.arange(float(BLOCK)))
        total = ops.sum(ops.exp(log_mass(counts)), axis=-1)
        for x in (first - close, ops.zeros_like(first) + BLOCK + close):
            total = total + ops.sum(ends * ops.exp(log_mass(x)), axis=-1)
    edges = [ops.zeros_like(first)]
    for _ in range(PANELS):
        low = edges[-1]
        edges.append(ops.minimum(ops.minimum(4 * low + length, low + 8), most))
    last = edges[-1]
    edges = ops.concatenate(edges, axis=-1)[..., None]
    low, width = edges[..., :-1, :], edges[..., 1:, :] - edges[..., :-1, :]
    shape = (*first.shape[:-1], PANELS * NODES)
    s, weights = (ops.reshape(y, shape) for y in (low + width * nodes, width * weights))
    x = first * ops.exp(ways * s)
    total = total + ops.sum(weights * x * ops.exp(log_mass(x)), axis=-1)
    if up:
        x = first * ops.exp(last)
        total = total + (x * ops.exp(log_mass(x)))[..., 0] / power
    return total


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

    def _tails(self, x, n, alpha, beta):
        """The logs of both tails: the upper one is that of the failures, on a leading axis."""
        x, n, alpha, beta = ops.broadcast_arrays(*map(in_double, (x, n, alpha, beta)))
        count = ops.clip(ops.stack([x, n - x - 1]), 0.0, ops.maximum(n, 0.0))
        a, b = ops.stack([alpha, beta]), ops.stack([beta, alpha])
        n = ops.stack([n, n])
        own = [y[..., None] for y in (n, a, b)]

        def ratio(j):
            n, a, b = own
            return (j / (j - 1 + a)) * ((n - j + b) / ops.maximum(n - j + 1, 1.0))

        def log_mass(j):
            return self.logpdf(j, *(own if j.ndim > count.ndim else (n, a, b)))

        spread = 4 * ops.sqrt(1 / a + 1 / b + 1 / ops.maximum(n, 1.0))

        def scale(j):
            return ops.minimum(spread, (n - j + 1) / j)

        found = log_sum_of_counts(log_mass, ratio, count, None, scale)
        return found[0], found[1]

    def logcdf(self, x, n, alpha, beta):
        found = smaller_tail(*self._tails(x, n, alpha, beta))
        return ops.where(x >= n, 0.0, found.astype(x.dtype))

    def logccdf(self, x, n, alpha, beta):
        lower, upper = self._tails(x, n, alpha, beta)
        return ops.where(x >= n, -math.inf, smaller_tail(upper, lower).astype(x.dtype))

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


class BetaNegativeBinomial(Counted):
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

    def _tails(self, x, alpha, beta, n):
        """The logs of both tails."""
        x, a, b, n = ops.broadcast_arrays(*map(in_double, (x, alpha, beta, n)))
        own = [y[..., None] for y in (a, b, n)]

        def log_mass(j):
            return self.logpdf(j, *(own if j.ndim > x.ndim else (a, b, n)))

        def down(j):
            a, b, n = own
            return (j / (n + j - 1)) * ((n + a + b + j - 1) / (b + j - 1))

        def up(j):
            a, b, n = own
            return ((n + j) / (j + 1)) * ((b + j) / (n + a + b + j))

        def scale(j):
            return 4 * ops.sqrt(1 / a + 1 / b + 1 / n)

        lower = log_sum_of_counts(log_mass, down, x, None, scale)
        return lower, log_sum_of_counts(log_mass, up, x + 1, a, scale)

    def logcdf(self, x, alpha, beta, n):
        return smaller_tail(*self._tails(x, alpha, beta, n)).astype(x.dtype)

    def logccdf(self, x, alpha, beta, n):
        lower, upper = self._tails(x, alpha, beta, n)
        return smaller_tail(upper, lower).astype(x.dtype)

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
