"""Distributions over positive numbers: halves of symmetric ones, log_normal, and those of rates."""

from __future__ import annotations

import math
from collections.abc import Sequence

from probtensor import ops
from probtensor.graph import Node, as_tensor
from probtensor.prob.distributions.continuous.families import HalfScale, half, log1p_square_ratio
from probtensor.prob.distributions.continuous.real import (
    Normal,
    StudentT,
    log_student_share,
    student_distance,
)
from probtensor.prob.distributions.distribution import Distribution, element_indices, share_of
from probtensor.prob.distributions.formulas import (
    HALF_LOG_2PI,
    LOG_2,
    LOG_PI,
    at_least,
    has_log,
    is_moderate,
    log_beta,
    log_gamma,
    log_of,
    log_power,
    log_shortfall,
    product,
    quotient,
    times_log,
)
from probtensor.prob.distributions.parameters import check_literal
from probtensor.prob.distributions.pathwise import moving
from probtensor.prob.distributions.support import (
    NONNEGATIVE,
    POSITIVE,
    REAL,
)
from probtensor.prob.distributions.truncation import (
    CAUCHY,
    NORMAL,
)
from probtensor.types import Size


class HalfNormal(HalfScale):
    """The absolute value of normal(0, sigma).

    Support: x >= 0.
    Mean: sigma * sqrt(2 / pi).
    Variance: sigma**2 * (1 - 2 / pi).
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 13.
    """

    name = "half_normal"
    location_scale = (None, "sigma")
    parameters = {"sigma": POSITIVE}
    defaults = {"sigma": 1.0}
    shown = (2.0,)
    over = NONNEGATIVE
    standard = NORMAL

    def logpdf(self, x, sigma):
        return -0.5 * ops.square(quotient(x, sigma)) - log_of(sigma) + (LOG_2 - HALF_LOG_2PI)

    def logcdf(self, x, sigma):
        z = x * (1 / sigma) * math.sqrt(0.5)
        # erf rounds to 1 while 1 - erf is still precise.
        near = z < 0.5
        above = ops.log1p(-ops.erfc(ops.where(near, 0.5, z)))
        return ops.where(near, ops.log(ops.erf(ops.where(near, z, 0.5))), above)

    def sample(self, key, shape, sigma):
        return sigma * ops.abs(ops.draw_normal(key, element_indices(shape)))

    def mean(self, sigma):
        return sigma * math.sqrt(2 / math.pi)

    def variance(self, sigma):
        return ops.square(sigma) * (1 - 2 / math.pi)

    def lower_quantile(self, log_p, sigma):
        return sigma * (math.sqrt(2) * ops.erfinv(share_of(log_p)))

    def entropy(self, sigma):
        return log_of(sigma) + (HALF_LOG_2PI + 0.5 - LOG_2)


class HalfCauchy(HalfScale):
    """The absolute value of cauchy(0, sigma).

    Support: x >= 0.
    Mean: none.
    Variance: none.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 16.
    """

    name = "half_cauchy"
    location_scale = (None, "sigma")
    parameters = {"sigma": POSITIVE}
    defaults = {"sigma": 1.0}
    shown = (2.0,)
    over = NONNEGATIVE
    standard = CAUCHY

    def logpdf(self, x, sigma):
        return -log1p_square_ratio(x, sigma) - log_of(sigma) + (LOG_2 - LOG_PI)

    def logcdf(self, x, sigma):
        low = ops.log(ops.arctan2(x, sigma)) + (LOG_2 - LOG_PI)
        near = x < sigma
        above = ops.arctan2(sigma, ops.where(near, sigma, x))
        return ops.where(near, low, ops.log1p(above * (-2 / math.pi)))

    def sample(self, key, shape, sigma):
        return sigma * ops.tan((math.pi / 2) * ops.draw_uniform(key, element_indices(shape)))

    def lower_quantile(self, log_p, sigma):
        return sigma * ops.tan((math.pi / 2) * ops.exp(log_p))

    def entropy(self, sigma):
        return log_of(sigma) + (LOG_PI + LOG_2)


class HalfStudentT(Distribution):
    """The absolute value of student_t(nu, 0, sigma).

    Support: x >= 0.
    Mean: 2 * sigma * sqrt(nu / pi) * gamma((nu + 1) / 2) / (gamma(nu / 2) * (nu - 1)) for nu > 1.
    Variance: sigma**2 * nu / (nu - 2) - mean**2 for nu > 2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 28.
    """

    name = "half_student_t"
    location_scale = (None, "sigma")
    parameters = {"nu": POSITIVE, "sigma": POSITIVE}
    defaults = {"sigma": 1.0}
    shown = (4.0, 2.0)
    over = NONNEGATIVE

    def logpdf(self, x, nu, sigma):
        return StudentT().logpdf(x, nu, 0.0, sigma) + LOG_2

    def sample(self, key, shape, nu, sigma):
        return ops.abs(StudentT().sample(key, shape, nu, 0.0, sigma))

    def mean(self, nu, sigma):
        value = 2 * sigma * ops.sqrt(nu) / ((nu - 1) * ops.exp(log_beta(as_tensor(0.5), half(nu))))
        return ops.where(nu > 1, value, math.inf)

    def variance(self, nu, sigma):
        value = ops.square(sigma) * nu / (nu - 2) - ops.square(self.mean(nu, sigma))
        return ops.where(nu > 2, value, ops.where(nu > 1, math.inf, math.nan))

    def logcdf(self, x, nu, sigma):
        square = ops.square(quotient(x, sigma))
        near = square < 1
        low = ops.log_betainc(0.5, 0.5 * nu, ops.where(near, square, 0.5) / (nu + square))
        return ops.where(near, low, ops.log1p(-ops.exp(self.logccdf(x, nu, sigma))))

    def logccdf(self, x, nu, sigma):
        return log_student_share(-quotient(x, sigma), nu) + LOG_2

    def lower_quantile(self, log_p, nu, sigma):
        inside = ops.betaincinv(0.5, 0.5 * nu, share_of(log_p))
        return sigma * ops.sqrt(nu * inside / (1 - inside))

    def upper_quantile(self, log_p, nu, sigma):
        return sigma * student_distance(log_p - LOG_2, nu)

    def mode(self, nu, sigma):
        return ops.zeros_like(sigma)

    def entropy(self, nu, sigma):
        return StudentT().entropy(nu, ops.zeros_like(nu), sigma) - LOG_2


class LogNormal(Distribution):
    """exp of normal(mu, sigma).

    Support: x > 0.
    Mean: exp(mu + sigma**2 / 2).
    Variance: (exp(sigma**2) - 1) * exp(2 * mu + sigma**2).
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 14.
    """

    name = "log_normal"
    location_scale = ("mu", "sigma")
    parameters = {"mu": REAL, "sigma": POSITIVE}
    defaults = {"mu": 0.0, "sigma": 1.0}
    shown = (0.0, 0.5)
    over = POSITIVE

    def logpdf(self, x, mu, sigma):
        log_x = log_of(x)
        return Normal().logpdf(log_x, mu, sigma) - log_x

    def logcdf(self, x, mu, sigma):
        return Normal().logcdf(log_of(x), mu, sigma)

    def log_between(self, low, high, mu, sigma):
        low, high = (None if x is None else log_bound(x) for x in (low, high))
        return Normal().log_between(low, high, mu, sigma)

    def quantile_between(self, u, low, high, mu, sigma):
        low, high = (None if x is None else log_bound(x) for x in (low, high))
        return ops.exp(Normal().quantile_between(u, low, high, mu, sigma))

    def sample(self, key, shape, mu, sigma):
        return ops.exp(Normal().sample(key, shape, mu, sigma))

    def mean(self, mu, sigma):
        return ops.exp(mu + 0.5 * ops.square(sigma))

    def variance(self, mu, sigma):
        return ops.expm1(ops.square(sigma)) * ops.exp(2 * mu + ops.square(sigma))

    def logccdf(self, x, mu, sigma):
        return Normal().logccdf(log_of(x), mu, sigma)

    def lower_quantile(self, log_p, mu, sigma):
        return ops.exp(Normal().lower_quantile(log_p, mu, sigma))

    def upper_quantile(self, log_p, mu, sigma):
        return ops.exp(Normal().upper_quantile(log_p, mu, sigma))

    def mode(self, mu, sigma):
        return ops.exp(mu - ops.square(sigma))

    def entropy(self, mu, sigma):
        return mu + log_of(sigma) + (HALF_LOG_2PI + 0.5)


def log_bound(x: Node) -> Node:
    """log x; a bound of 0 gives a value below all logarithms, with a finite derivative."""
    inside = x > 0
    return ops.where(inside, log_of(ops.where(inside, x, 1.0)), -1e15)


class Exponential(Distribution):
    """Exponential with rate `lam` (1 by default), or with mean `scale`.

    Support: x >= 0.
    Mean: 1 / lam.
    Variance: 1 / lam**2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 19.
    """

    name = "exponential"
    parameters = {"lam": POSITIVE}
    defaults = {"lam": 1.0}
    shown = (2.0,)
    over = NONNEGATIVE

    def logpdf(self, x, lam):
        return log_of(lam) - product(x, lam)

    def logcdf(self, x, lam):
        return ops.log1mexp(-lam * x)

    def log_between(self, low, high, lam):
        low = ops.zeros_like(lam) if low is None else low
        return -lam * low if high is None else ops.log1mexp(-lam * (high - low)) - lam * low

    def sample_between(self, key, shape, low, high, lam):
        if high is not None:
            return super().sample_between(key, shape, low, high, lam)
        return low + self.sample(key, shape, lam)

    def quantile_between(self, u, low, high, lam):
        low = ops.zeros_like(lam) if low is None else low
        if high is None:
            return low - ops.log1p(-u) / lam
        return low - ops.log1p(u * ops.expm1(-lam * (high - low))) / lam

    def sample(self, key, shape, lam):
        return ops.draw_exponential(key, element_indices(shape)) / lam

    def mean(self, lam):
        return 1 / lam

    def variance(self, lam):
        return 1 / ops.square(lam)

    def logccdf(self, x, lam):
        return -lam * x

    def lower_quantile(self, log_p, lam):
        return -ops.log1p(-ops.exp(log_p)) / lam

    def upper_quantile(self, log_p, lam):
        return -log_p / lam

    def mode(self, lam):
        return ops.zeros_like(lam)

    def entropy(self, lam):
        return 1 - log_of(lam)


class Gamma(Distribution):
    """Gamma with shape `alpha` and rate `beta`, or mean `mu` and standard deviation `sigma`.

    Support: x > 0.
    Mean: alpha / beta.
    Variance: alpha / beta**2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 17.
    """

    name = "gamma"
    parameters = {"alpha": POSITIVE, "beta": POSITIVE}
    shown = (3.0, 1.0)
    over = NONNEGATIVE

    def logpdf(self, x, alpha, beta):
        if not is_moderate(alpha):
            shape = at_least(alpha)
            return log_power(shape, beta, x) - ops.lgamma_rest(shape) + log_shortfall(alpha)
        scale = alpha * log_of(beta) - log_gamma(alpha)
        return times_log(alpha - 1, x) - product(x, beta) + scale

    def sample(self, key, shape, alpha, beta):
        return ops.draw_gamma(key, element_indices(shape), alpha) / beta

    def mean(self, alpha, beta):
        return alpha / beta

    def variance(self, alpha, beta):
        return alpha / ops.square(beta)

    def logcdf(self, x, alpha, beta):
        return ops.log_gammainc(alpha, beta * x)

    def logccdf(self, x, alpha, beta):
        return ops.log_gammaincc(alpha, beta * x)

    def lower_quantile(self, log_p, alpha, beta):
        return ops.gammaincinv(alpha, share_of(log_p)) / beta

    def upper_quantile(self, log_p, alpha, beta):
        return ops.gammainccinv(alpha, share_of(log_p)) / beta

    def mode(self, alpha, beta):
        return ops.maximum(alpha - 1, 0) / beta

    def entropy(self, alpha, beta):
        return alpha - log_of(beta) + ops.lgamma(alpha) + (1 - alpha) * ops.digamma(alpha)


class InverseGamma(Distribution):
    """1 / x of x ~ gamma(alpha, beta).

    Support: x > 0.
    Mean: beta / (alpha - 1) for alpha > 1.
    Variance: beta**2 / ((alpha - 1)**2 * (alpha - 2)) for alpha > 2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 17.
    """

    name = "inverse_gamma"
    parameters = {"alpha": POSITIVE, "beta": POSITIVE}
    defaults = {"beta": 1.0}
    shown = (3.0, 2.0)
    over = POSITIVE

    def logpdf(self, x, alpha, beta):
        if not is_moderate(alpha):
            below, alpha = log_shortfall(alpha), at_least(alpha)
            if has_log(beta) or has_log(x):
                deviance = ops.kl_div_exp(alpha, log_of(beta) - log_of(x))
            else:
                deviance = ops.inverse_divergence(alpha, beta, x)
            return below - deviance - ops.lgamma_rest(alpha) - log_of(x)
        scale = alpha * log_of(beta) - log_gamma(alpha)
        # 1 / exp(u) becomes exp(-u); the derivative of a quotient has a square that overflows.
        return -(alpha + 1) * log_of(x) - product(1 / x, beta) + scale

    def sample(self, key, shape, alpha, beta):
        return beta / ops.draw_gamma(key, element_indices(shape), alpha)

    def mean(self, alpha, beta):
        return ops.where(alpha > 1, beta / (alpha - 1), math.inf)

    def variance(self, alpha, beta):
        value = ops.square(beta / (alpha - 1)) / (alpha - 2)
        return ops.where(alpha > 2, value, ops.where(alpha > 1, math.inf, math.nan))

    def logcdf(self, x, alpha, beta):
        return ops.log_gammaincc(alpha, beta / x)

    def logccdf(self, x, alpha, beta):
        return ops.log_gammainc(alpha, beta / x)

    def lower_quantile(self, log_p, alpha, beta):
        return beta / ops.gammainccinv(alpha, share_of(log_p))

    def upper_quantile(self, log_p, alpha, beta):
        return beta / ops.gammaincinv(alpha, share_of(log_p))

    def mode(self, alpha, beta):
        return beta / (alpha + 1)

    def entropy(self, alpha, beta):
        return alpha + log_of(beta) + ops.lgamma(alpha) - (1 + alpha) * ops.digamma(alpha)


class HalfFlat(Distribution):
    """Density 1 on the positive numbers: improper."""

    name = "half_flat"
    over = POSITIVE
    improper = True

    def logpdf(self, x):
        return ops.zeros_like(x)


def _with_scale(what, scale):
    return (ops.reciprocal(check_literal(what, scale=scale)),)


def _with_mean_and_deviation(what, mu, sigma):
    # In this order alpha is exactly 1 for mu = sigma, and squares do not overflow needlessly.
    sigma = check_literal(what, sigma=sigma)
    ratio = check_literal(what, mu=mu) / sigma
    return ops.square(ratio), ratio / sigma


Exponential.alternatives = {("scale",): _with_scale}
Gamma.alternatives = {("mu", "sigma"): _with_mean_and_deviation}


def gamma_draw(key: Node, shape: Sequence[Size], alpha: Node) -> Node:
    """A draw from gamma(alpha, 1)."""
    found = ops.draw_gamma(key, element_indices(shape), alpha)
    return moving(Gamma(), found, (alpha, ops.ones((), dtype=alpha.dtype)))


def log_gamma_draw(key: Node, shape: Sequence[Size], alpha: Node) -> Node:
    """The log of a draw from gamma(alpha, 1), which underflows for small alpha: that of a draw for
    alpha + 1 times u**(1/alpha) (Marsaglia and Tsang 2000, section 6)."""
    power = ops.draw_exponential(ops.key_fold(key, 1), element_indices(shape))
    return ops.log(gamma_draw(ops.key_fold(key, 0), shape, alpha + 1)) - power / alpha
