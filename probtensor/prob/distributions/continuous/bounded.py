"""Distributions over intervals."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.prob.distributions.base import Bounded
from probtensor.prob.distributions.continuous.families import (
    number,
)
from probtensor.prob.distributions.continuous.positive import log_gamma_draw
from probtensor.prob.distributions.distribution import Distribution, element_indices, share_of
from probtensor.prob.distributions.formulas import (
    at_least,
    has_log,
    is_moderate,
    log_beta,
    log_power,
    log_small_share,
    times_log,
    times_log1m,
    whole_of,
)
from probtensor.prob.distributions.parameters import check_literal
from probtensor.prob.distributions.support import (
    POSITIVE,
    REAL,
    UNIT,
    Interval,
    half_width,
    log_width,
)


class Uniform(Distribution):
    """1 / (high - low) between low and high."""

    name = "uniform"
    parameters = {"low": REAL, "high": REAL}
    increasing = (("low", "high", False),)

    def support(self, low, high):
        return Interval(number(low), number(high))

    def logpdf(self, x, low, high):
        return ops.zeros_like(x) - log_width(number(low), number(high))

    def logcdf(self, x, low, high):
        return ops.log(x - low) - log_width(number(low), number(high))

    def log_between(self, least, most, low, high):
        least, most = low if least is None else least, high if most is None else most
        return log_width(number(least), number(most)) - log_width(number(low), number(high))

    def sample(self, key, shape, low, high):
        # In halves, since high - low may overflow.
        half = half_width(low, high) * ops.draw_uniform(key, element_indices(shape))
        return ops.minimum(low + half + half, high)

    def quantile_between(self, u, least, most, low, high):
        least, most = low if least is None else least, high if most is None else most
        half = half_width(least, most) * u
        return ops.minimum(least + half + half, most)

    def mean(self, low, high):
        return 0.5 * low + 0.5 * high

    def variance(self, low, high):
        return ops.square(high - low) / 12

    def logccdf(self, x, low, high):
        return ops.log(high - x) - log_width(number(low), number(high))

    def lower_quantile(self, log_p, low, high):
        half = half_width(low, high) * ops.exp(log_p)
        return low + half + half

    def upper_quantile(self, log_p, low, high):
        half = half_width(low, high) * ops.exp(log_p)
        return high - half - half

    def entropy(self, low, high):
        return log_width(number(low), number(high))


class Beta(Distribution):
    """Beta with shapes `alpha` and `beta`, or with mean `mu` and their sum `kappa`.

    Support: 0 < x < 1.
    Mean: alpha / (alpha + beta).
    Variance: alpha * beta / ((alpha + beta)**2 * (alpha + beta + 1)).
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 25.
    """

    name = "beta"
    parameters = {"alpha": POSITIVE, "beta": POSITIVE}
    shown = (2.0, 3.0)
    over = UNIT

    def logpdf(self, x, alpha, beta):
        if is_moderate(alpha, beta):
            return times_log(alpha - 1, x) + times_log1m(beta - 1, x) - log_beta(alpha, beta)
        below, whole = log_small_share(alpha, beta), whole_of(alpha, beta)
        alpha, beta = at_least(alpha), at_least(beta)
        total = alpha + beta
        rest_of_total = ops.lgamma_rest(total if whole is None else at_least(whole))
        scale = ops.lgamma_rest(alpha) + ops.lgamma_rest(beta) - rest_of_total - below
        if has_log(x) or has_log(total):
            rest = ops.sigmoid(-x.inputs[0]) if isinstance(x.op, ops.Sigmoid) else 1 - x
            return log_power(alpha, total, x) + log_power(beta, total, rest) - scale
        logs = ops.log(ops.where(ops.eq(x, 0), 1, x)) + ops.log1p(ops.where(ops.eq(x, 1), 0, -x))
        return -ops.beta_divergence(alpha, beta, x) - logs - scale

    def sample(self, key, shape, alpha, beta):
        first = log_gamma_draw(ops.key_fold(key, 0), shape, alpha)
        return ops.sigmoid(first - log_gamma_draw(ops.key_fold(key, 1), shape, beta))

    def mean(self, alpha, beta):
        return alpha / (alpha + beta)

    def variance(self, alpha, beta):
        total = alpha + beta
        return alpha * beta / (ops.square(total) * (total + 1))

    def logcdf(self, x, alpha, beta):
        return ops.log_betainc(alpha, beta, x)

    def logccdf(self, x, alpha, beta):
        return ops.log_betaincc(alpha, beta, x)

    def lower_quantile(self, log_p, alpha, beta):
        return ops.betaincinv(alpha, beta, share_of(log_p))

    def upper_quantile(self, log_p, alpha, beta):
        return ops.betainccinv(alpha, beta, share_of(log_p))

    def mode(self, alpha, beta):
        inner = (alpha - 1) / (alpha + beta - 2)
        return ops.where(
            (alpha > 1) & (beta > 1),
            inner,
            ops.where(alpha < beta, 0.0, ops.where(alpha > beta, 1.0, math.nan)),
        )

    def entropy(self, alpha, beta):
        total = alpha + beta
        rest = (total - 2) * ops.digamma(total)
        rest = rest - (alpha - 1) * ops.digamma(alpha) - (beta - 1) * ops.digamma(beta)
        return ops.lbeta(alpha, beta) + rest


def _with_mean_and_total(what, mu, kappa):
    mean, total = check_literal(what, domain=UNIT, mu=mu), check_literal(what, kappa=kappa)
    share = mean.inputs[0] if isinstance(mean.op, Bounded) else mean
    rest = ops.sigmoid(-share.inputs[0]) if isinstance(share.op, ops.Sigmoid) else 1 - mean
    return mean * total, rest * total


Beta.alternatives = {("mu", "kappa"): _with_mean_and_total}
