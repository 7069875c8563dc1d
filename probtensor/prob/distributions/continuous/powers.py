"""Distributions over positive numbers whose tail is a power."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.prob.distributions.continuous.families import (
    Mapped,
    draw_exponential,
    grown,
    log1mexp_exp,
    log_hazard,
    number,
)
from probtensor.prob.distributions.continuous.real import Logistic
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.formulas import log_of, log_quotient, quotient
from probtensor.prob.distributions.support import POSITIVE, REAL, Interval


class Pareto(Distribution):
    """Pareto with shape `alpha` above the least value `m`.

    Support: x >= m.
    Mean: alpha * m / (alpha - 1) for alpha > 1.
    Variance: m**2 * alpha / ((alpha - 1)**2 * (alpha - 2)) for alpha > 2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 20.
    """

    name = "pareto"
    parameters = {"alpha": POSITIVE, "m": POSITIVE}
    defaults = {"m": 1.0}
    shown = (2.5, 2.0)
    over = POSITIVE

    def support(self, alpha, m):
        return Interval(number(m))

    def logpdf(self, x, alpha, m):
        return log_of(alpha) - log_of(m) - (alpha + 1) * self._log_ratio(x, m)

    def _log_ratio(self, x, m):
        return ops.log_ratio(x, m, 1.0)

    def logcdf(self, x, alpha, m):
        return ops.log1mexp(-alpha * self._log_ratio(x, m))

    def logccdf(self, x, alpha, m):
        return -alpha * self._log_ratio(x, m)

    def lower_quantile(self, log_p, alpha, m):
        return grown(m, -ops.log1p(-ops.exp(log_p)) / alpha)

    def upper_quantile(self, log_p, alpha, m):
        return grown(m, -log_p / alpha)

    def sample(self, key, shape, alpha, m):
        return grown(m, draw_exponential(key, shape) / alpha)

    def mean(self, alpha, m):
        return ops.where(alpha > 1, alpha * m / (alpha - 1), math.inf)

    def variance(self, alpha, m):
        value = ops.square(m / (alpha - 1)) * alpha / (alpha - 2)
        return ops.where(alpha > 2, value, ops.where(alpha > 1, math.inf, math.nan))

    def mode(self, alpha, m):
        return m

    def entropy(self, alpha, m):
        return log_of(m) - log_of(alpha) + 1 + 1 / alpha


class ParetoType2(Distribution):
    """Pareto of the second type (Lomax) with location `mu`, scale `lam` and shape `alpha`.

    Support: x >= mu.
    Mean: mu + lam / (alpha - 1) for alpha > 1.
    Variance: lam**2 * alpha / ((alpha - 1)**2 * (alpha - 2)) for alpha > 2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 20.
    """

    name = "pareto_type_2"
    parameters = {"mu": REAL, "lam": POSITIVE, "alpha": POSITIVE}
    shown = (0.0, 2.0, 2.5)

    def support(self, mu, lam, alpha):
        return Interval(number(mu))

    def logpdf(self, x, mu, lam, alpha):
        return log_of(alpha) - log_of(lam) - (alpha + 1) * self._log_growth(x - mu, lam)

    def _log_growth(self, offset, lam):
        """log(1 + offset / lam)."""
        ratio = quotient(offset, lam)
        far = ratio > 1e20
        near = ops.log1p(ops.where(far, 1.0, ratio))
        return ops.where(far, log_quotient(ops.where(far, offset, lam), lam), near)

    def logcdf(self, x, mu, lam, alpha):
        offset = x - mu
        small = quotient(offset, lam) < 1e-20
        near = log_quotient(ops.where(small, offset, lam), lam)
        rest = ops.log(self._log_growth(ops.where(small, lam, offset), lam))
        return log1mexp_exp(log_of(alpha) + ops.where(small, near, rest))

    def logccdf(self, x, mu, lam, alpha):
        return -alpha * self._log_growth(x - mu, lam)

    def lower_quantile(self, log_p, mu, lam, alpha):
        return mu + lam * ops.expm1(-ops.log1p(-ops.exp(log_p)) / alpha)

    def upper_quantile(self, log_p, mu, lam, alpha):
        return mu + lam * ops.expm1(-log_p / alpha)

    def sample(self, key, shape, mu, lam, alpha):
        return mu + lam * ops.expm1(draw_exponential(key, shape) / alpha)

    def mean(self, mu, lam, alpha):
        return ops.where(alpha > 1, mu + lam / (alpha - 1), math.inf)

    def variance(self, mu, lam, alpha):
        return Pareto().variance(alpha, lam)

    def mode(self, mu, lam, alpha):
        return mu

    def entropy(self, mu, lam, alpha):
        return log_of(lam) - log_of(alpha) + 1 + 1 / alpha + 0 * mu


class LogLogistic(Mapped):
    """exp of logistic(log(alpha), 1 / beta): scale `alpha`, shape `beta`.

    Support: x > 0.
    Mean: alpha * pi / beta / sin(pi / beta) for beta > 1.
    Variance: alpha**2 * (2 * pi / beta / sin(2 * pi / beta) - (pi / beta / sin(pi / beta))**2) \
for beta > 2.
    Source: Johnson, Kotz and Balakrishnan (1995), "Continuous Univariate Distributions", ch. 23.
    """

    name = "log_logistic"
    parameters = {"alpha": POSITIVE, "beta": POSITIVE}
    defaults = {"alpha": 1.0, "beta": 1.0}
    shown = (2.0, 3.0)
    over = POSITIVE
    base = Logistic()

    def inner(self, alpha, beta):
        return log_of(alpha), 1 / beta

    def to_base(self, x, alpha, beta):
        return log_of(x)

    def from_base(self, z, alpha, beta):
        return ops.exp(z)

    def logpdf(self, x, alpha, beta):
        return Logistic().logpdf(log_of(x), log_of(alpha), 1 / beta) - log_of(x)

    def mean(self, alpha, beta):
        return ops.where(beta > 1, alpha / ops.sinc(1 / beta), math.inf)

    def variance(self, alpha, beta):
        value = 1 / ops.sinc(2 / beta) - ops.square(1 / ops.sinc(1 / beta))
        other = ops.where(beta > 1, math.inf, math.nan)
        return ops.where(beta > 2, ops.square(alpha) * value, other)

    def mode(self, alpha, beta):
        return alpha * ops.maximum((beta - 1) / (beta + 1), 0.0) ** (1 / beta)

    def entropy(self, alpha, beta):
        return 2 + log_of(alpha) - log_of(beta)


class Dagum(Distribution):
    """Dagum (Burr type III): P(X <= x) = (1 + (x / scale)**-sharpness)**-concentration.

    Support: x > 0.
    Mean: scale * gamma(concentration + 1 / sharpness) * gamma(1 - 1 / sharpness) / \
gamma(concentration) for sharpness > 1.
    Variance: scale**2 * gamma(concentration + 2 / sharpness) * gamma(1 - 2 / sharpness) / \
gamma(concentration) - mean**2 for sharpness > 2.
    Source: Dagum (1977), "A new model of personal income distribution", Economie Appliquee 30:413.
    """

    name = "dagum"
    parameters = {"concentration": POSITIVE, "sharpness": POSITIVE, "scale": POSITIVE}
    defaults = {"scale": 1.0}
    shown = (1.5, 3.0, 2.0)
    over = POSITIVE

    def _odds(self, x, sharpness, scale):
        return sharpness * (log_of(x) - log_of(scale))

    def logpdf(self, x, concentration, sharpness, scale):
        odds = self._odds(x, sharpness, scale)
        share = concentration * ops.log_sigmoid(odds) + ops.log_sigmoid(-odds)
        return log_of(concentration) + log_of(sharpness) - log_of(x) + share

    def logcdf(self, x, concentration, sharpness, scale):
        return concentration * ops.log_sigmoid(self._odds(x, sharpness, scale))

    def logccdf(self, x, concentration, sharpness, scale):
        odds = self._odds(x, sharpness, scale)
        far = odds > 40
        rest = ops.where(far, -odds, ops.log(ops.softplus(-ops.where(far, 0.0, odds))))
        return log1mexp_exp(log_of(concentration) + rest)

    def _at_odds(self, odds, sharpness, scale):
        return grown(scale, odds / sharpness)

    def lower_quantile(self, log_p, concentration, sharpness, scale):
        log_share = log_p / concentration
        return self._at_odds(log_share - ops.log1mexp(log_share), sharpness, scale)

    def upper_quantile(self, log_p, concentration, sharpness, scale):
        # exp of it is minus the log of the share below.
        log_rest = log_hazard(log_p) - log_of(concentration)
        return self._at_odds(-ops.exp(log_rest) - log1mexp_exp(log_rest), sharpness, scale)

    def sample(self, key, shape, concentration, sharpness, scale):
        log_rest = ops.log(draw_exponential(key, shape)) - log_of(concentration)
        return self._at_odds(-ops.exp(log_rest) - log1mexp_exp(log_rest), sharpness, scale)

    def _moment(self, k, concentration, sharpness):
        step = k / sharpness
        up = ops.lgamma(concentration + step) - ops.lgamma(concentration)
        return ops.exp(up) * ops.gamma(1 - step)

    def mean(self, concentration, sharpness, scale):
        value = scale * self._moment(1, concentration, sharpness)
        return ops.where(sharpness > 1, value, math.inf)

    def variance(self, concentration, sharpness, scale):
        first, second = (self._moment(k, concentration, sharpness) for k in (1, 2))
        value = ops.square(scale) * (second - ops.square(first))
        other = ops.where(sharpness > 1, math.inf, math.nan)
        return ops.where(sharpness > 2, value, other)

    def mode(self, concentration, sharpness, scale):
        ratio = (sharpness * concentration - 1) / (sharpness + 1)
        return scale * ops.maximum(ratio, 0.0) ** (1 / sharpness)
