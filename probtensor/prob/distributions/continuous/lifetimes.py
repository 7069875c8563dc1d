"""Distributions over positive numbers: lifetimes, sizes, waiting times."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.graph import as_tensor
from probtensor.prob.distributions.continuous.families import (
    EULER,
    HALF_LOG_HALF_PI,
    Mapped,
    draw_exponential,
    log1mexp_exp,
    log_hazard,
    number,
)
from probtensor.prob.distributions.continuous.positive import Gamma
from probtensor.prob.distributions.continuous.searches import (
    fall_width,
    inner,
    log_integral,
    root_between,
)
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import (
    HALF_LOG_2PI,
    LOG_2,
    LOG_PI,
    log_of,
    log_quotient,
    quotient,
    quotient_power,
    times_log_quotient,
)
from probtensor.prob.distributions.parameters import check_literal
from probtensor.prob.distributions.support import NONNEGATIVE, POSITIVE, REAL, Interval
from probtensor.prob.distributions.truncation import normal_quantile

LOG_RANGE = as_tensor(-740.0), as_tensor(709.0)


class Weibull(Distribution):
    """Weibull with shape `alpha` and scale `beta`.

    Support: x >= 0.
    Mean: beta * gamma(1 + 1 / alpha).
    Variance: beta**2 * (gamma(1 + 2 / alpha) - gamma(1 + 1 / alpha)**2).
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 21.
    """

    name = "weibull"
    parameters = {"alpha": POSITIVE, "beta": POSITIVE}
    defaults = {"beta": 1.0}
    shown = (1.5, 2.0)
    over = NONNEGATIVE

    def logpdf(self, x, alpha, beta):
        power = times_log_quotient(alpha - 1, x, beta) - quotient_power(x, beta, alpha)
        return log_of(alpha) - log_of(beta) + power

    def logcdf(self, x, alpha, beta):
        return log1mexp_exp(alpha * log_quotient(x, beta))

    def logccdf(self, x, alpha, beta):
        return -quotient_power(x, beta, alpha)

    def lower_quantile(self, log_p, alpha, beta):
        return beta * ops.exp(log_hazard(log_p) / alpha)

    def upper_quantile(self, log_p, alpha, beta):
        return beta * (-log_p) ** (1 / alpha)

    def sample(self, key, shape, alpha, beta):
        return beta * draw_exponential(key, shape) ** (1 / alpha)

    def mean(self, alpha, beta):
        return beta * ops.gamma(1 + 1 / alpha)

    def variance(self, alpha, beta):
        first, second = (ops.gamma(1 + k / alpha) for k in (1, 2))
        return ops.square(beta) * (second - ops.square(first))

    def mode(self, alpha, beta):
        inner = ops.maximum(1 - 1 / alpha, 0.0)
        return beta * inner ** (1 / alpha)

    def entropy(self, alpha, beta):
        return EULER * (1 - 1 / alpha) + log_of(beta) - log_of(alpha) + 1


class Frechet(Distribution):
    """Frechet with shape `alpha` and scale `sigma`: 1 / x is Weibull with scale 1 / sigma.

    Support: x > 0.
    Mean: sigma * gamma(1 - 1 / alpha) for alpha > 1.
    Variance: sigma**2 * (gamma(1 - 2 / alpha) - gamma(1 - 1 / alpha)**2) for alpha > 2.
    Source: Johnson, Kotz and Balakrishnan (1995), "Continuous Univariate Distributions", ch. 22.
    """

    name = "frechet"
    parameters = {"alpha": POSITIVE, "sigma": POSITIVE}
    defaults = {"sigma": 1.0}
    shown = (2.5, 2.0)
    over = POSITIVE

    def logpdf(self, x, alpha, sigma):
        log_ratio = log_of(x) - log_of(sigma)
        return log_of(alpha) - alpha * log_ratio - log_of(x) - ops.exp(-alpha * log_ratio)

    def logcdf(self, x, alpha, sigma):
        return -quotient_power(sigma, x, alpha)

    def logccdf(self, x, alpha, sigma):
        return log1mexp_exp(alpha * log_quotient(sigma, x))

    def lower_quantile(self, log_p, alpha, sigma):
        return sigma * (-log_p) ** (-1 / alpha)

    def upper_quantile(self, log_p, alpha, sigma):
        return sigma * ops.exp(-log_hazard(log_p) / alpha)

    def sample(self, key, shape, alpha, sigma):
        return sigma * draw_exponential(key, shape) ** (-1 / alpha)

    def mean(self, alpha, sigma):
        return ops.where(alpha > 1, sigma * ops.gamma(1 - 1 / alpha), math.inf)

    def variance(self, alpha, sigma):
        first, second = (ops.gamma(1 - k / alpha) for k in (1, 2))
        value = ops.square(sigma) * (second - ops.square(first))
        return ops.where(alpha > 2, value, ops.where(alpha > 1, math.inf, math.nan))

    def mode(self, alpha, sigma):
        return sigma * (alpha / (1 + alpha)) ** (1 / alpha)

    def entropy(self, alpha, sigma):
        return 1 + EULER * (1 + 1 / alpha) + log_of(sigma) - log_of(alpha)


class Rayleigh(Distribution):
    """Rayleigh with scale `sigma`: the length of a vector of two normal(0, sigma).

    Support: x >= 0.
    Mean: sigma * sqrt(pi / 2).
    Variance: sigma**2 * (2 - pi / 2).
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 18.
    """

    name = "rayleigh"
    parameters = {"sigma": POSITIVE}
    defaults = {"sigma": 1.0}
    shown = (2.0,)
    over = NONNEGATIVE

    def logpdf(self, x, sigma):
        return log_of(x) - 2 * log_of(sigma) - 0.5 * ops.square(quotient(x, sigma))

    def logcdf(self, x, sigma):
        return log1mexp_exp(2 * log_quotient(x, sigma) - LOG_2)

    def logccdf(self, x, sigma):
        return -0.5 * ops.square(quotient(x, sigma))

    def lower_quantile(self, log_p, sigma):
        return sigma * ops.exp(0.5 * (LOG_2 + log_hazard(log_p)))

    def upper_quantile(self, log_p, sigma):
        return sigma * ops.sqrt(-2 * log_p)

    def sample(self, key, shape, sigma):
        return sigma * ops.sqrt(2 * draw_exponential(key, shape))

    def mean(self, sigma):
        return sigma * math.sqrt(math.pi / 2)

    def variance(self, sigma):
        return ops.square(sigma) * (2 - math.pi / 2)

    def mode(self, sigma):
        return sigma

    def entropy(self, sigma):
        return log_of(sigma) + (1 + 0.5 * EULER - 0.5 * LOG_2)


class Rice(Distribution):
    """The length of a vector of two normals with standard deviation `sigma`, whose mean lies at the
    distance `nu` from 0; or nu = `b` * sigma.

    Support: x >= 0.
    Mean: sigma * sqrt(pi / 2) * ((1 + nu**2 / sigma**2 / 2) * i0e(nu**2 / sigma**2 / 4) + \
nu**2 / sigma**2 / 2 * i1e(nu**2 / sigma**2 / 4)).
    Variance: 2 * sigma**2 + nu**2 - mean**2.
    Source: Rice (1945), "Mathematical analysis of random noise", Bell System Technical Journal 24.
    """

    name = "rice"
    parameters = {"nu": NONNEGATIVE, "sigma": POSITIVE}
    defaults = {"sigma": 1.0}
    shown = (1.0, 2.0)
    over = NONNEGATIVE

    def logpdf(self, x, nu, sigma):
        z, offset = quotient(x, sigma), quotient(nu, sigma)
        centre = ops.log(ops.i0e(z * offset)) - 0.5 * ops.square(z - offset)
        return log_of(x) - 2 * log_of(sigma) + centre

    # Marcum's Q function: the integral of the density of z = x / sigma over the tail that is the
    # smaller one or nearly so, beside the density at its end.

    def _tail(self, z, offset, above):
        sign = 1.0 if above else -1.0
        away = sign * (z - offset)
        width = fall_width(away)
        width = width if above else ops.minimum(z, width)

        def log_f(v):
            return -v * (inner(away) + 0.5 * v)

        def factor(v):
            ratio = ops.i0e((inner(z) + sign * v) * inner(offset)) / inner(ops.i0e(z * offset))
            return (1 + sign * v / inner(z)) * ratio

        centre = ops.log(z) + ops.log(ops.i0e(z * offset)) - 0.5 * ops.square(away)
        return ops.minimum(centre + log_integral(log_f, width, factor), 0.0)

    def _log_tails(self, x, nu, sigma):
        """Whether x lies below the middle, and the log of the tail on its side of the middle."""
        z, offset = quotient(x, sigma), quotient(nu, sigma)
        middle = ops.hypot(offset, 1.0)
        below = z <= middle
        lower = self._tail(ops.where(below, ops.maximum(z, 1e-300), middle), offset, False)
        upper = self._tail(ops.where(below, middle, z), offset, True)
        return below, ops.where(below, lower, upper)

    def logcdf(self, x, nu, sigma):
        below, tail = self._log_tails(x, nu, sigma)
        return ops.where(below, tail, ops.log1mexp(tail))

    def logccdf(self, x, nu, sigma):
        below, tail = self._log_tails(x, nu, sigma)
        return ops.where(below, ops.log1mexp(tail), tail)

    def lower_quantile(self, log_p, nu, sigma):
        return self._quantile(log_p, nu, sigma, self.logcdf)

    def upper_quantile(self, log_p, nu, sigma):
        return self._quantile(log_p, nu, sigma, self.logccdf)

    def _quantile(self, log_p, nu, sigma, tail):
        # By the log of z, from about its median.
        offset, one = quotient(nu, sigma), as_tensor(1.0)
        t = root_between(
            lambda t: tail(ops.exp(t), offset, one),
            lambda t: self.logpdf(ops.exp(t), offset, one) + t,
            log_p, *LOG_RANGE, ops.log(ops.hypot(offset, 1.17)), rising=tail == self.logcdf,
        )  # fmt: skip
        return sigma * ops.exp(t)

    def sample(self, key, shape, nu, sigma):
        index = element_indices(shape)
        first, second = (ops.draw_normal(ops.key_fold(key, k), index) for k in (0, 1))
        return ops.hypot(nu + sigma * first, sigma * second)

    def mean(self, nu, sigma):
        half = 0.5 * ops.square(quotient(nu, sigma))
        value = (1 + half) * ops.i0e(0.5 * half) + half * ops.i1e(0.5 * half)
        return math.sqrt(math.pi / 2) * sigma * value

    def variance(self, nu, sigma):
        return 2 * ops.square(sigma) + ops.square(nu) - ops.square(self.mean(nu, sigma))


class Wald(Distribution):
    """Inverse Gaussian with mean `mu` and shape `lam`, shifted by `alpha`; or with lam = mu *
    `phi`.

    Support: x > alpha.
    Mean: mu + alpha.
    Variance: mu**3 / lam.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 15.
    """

    name = "wald"
    parameters = {"mu": POSITIVE, "lam": POSITIVE, "alpha": REAL}
    defaults = {"mu": 1.0, "lam": 1.0, "alpha": 0.0}
    shown = (2.0, 3.0)

    def support(self, mu, lam, alpha):
        return Interval(number(alpha), low_open=True)

    def logpdf(self, x, mu, lam, alpha):
        y = x - alpha
        far = y > 2 * mu
        share = 1 - ops.where(far, mu / y, 0.0)
        near = 0.5 * ops.square(ops.sqrt(lam) / ops.sqrt(y) * ((y - mu) / mu))
        excess = ops.where(far, 0.5 * (lam / mu) * ((y - mu) / mu) * share, near)
        return 0.5 * log_of(lam) - HALF_LOG_2PI - 1.5 * ops.log(y) - excess

    def _tails(self, x, mu, lam, alpha):
        """The normal score of the first tail, and the log of what the second adds to it."""
        y = x - alpha
        root = ops.sqrt(lam / y)
        score, other = root * (y - mu) / mu, root * (y + mu) / mu
        # exp(2 lam / mu) times the tail above `other`, whose large factors cancel.
        added = ops.log(ops.erfcx(other * math.sqrt(0.5))) - 0.5 * ops.square(score) - LOG_2
        return score, added

    def logcdf(self, x, mu, lam, alpha):
        score, added = self._tails(x, mu, lam, alpha)
        return ops.logaddexp(ops.log_ndtr(score), added)

    def logccdf(self, x, mu, lam, alpha):
        score, added = self._tails(x, mu, lam, alpha)
        above = ops.log_ndtr(-score)
        rest = above + ops.log1mexp(ops.minimum(added - above, -1e-300))
        # Where lam / y is small, so are the differences of the two: the first terms of their Taylor
        # series about the middle of the scores.
        gap = ops.sqrt(2 * lam / (x - alpha))
        close = (gap < 1e-3) & (lam < 0.5 * mu)
        gap = ops.where(close, gap, 1e-3)
        middle = ops.where(close, math.sqrt(0.5) * ops.sqrt(lam) * (ops.sqrt(x - alpha) / mu), 1.0)
        value = ops.erfcx(middle)
        slope = 2 * middle * value - 2 / math.sqrt(math.pi)
        third = 4 * slope + 4 * middle * (value + middle * slope)
        drop = -gap * (slope + ops.square(gap) * third / 24)
        series = ops.log(0.5 * drop) - 0.5 * ops.square(score)
        return ops.where(close, series, rest)

    def lower_quantile(self, log_p, mu, lam, alpha):
        return self._quantile(log_p, mu, lam, alpha, self.logcdf)

    def upper_quantile(self, log_p, mu, lam, alpha):
        return self._quantile(log_p, mu, lam, alpha, self.logccdf)

    def _quantile(self, log_p, mu, lam, alpha, tail):
        # By the log of (x - alpha) / mu, from its mean.
        own = as_tensor(1.0), lam / mu, as_tensor(0.0)
        t = root_between(
            lambda t: tail(ops.exp(t), *own),
            lambda t: self.logpdf(ops.exp(t), *own) + t,
            log_p, *LOG_RANGE, as_tensor(0.0), rising=tail == self.logcdf,
        )  # fmt: skip
        return alpha + mu * ops.exp(t)

    def sample(self, key, shape, mu, lam, alpha):
        """The smaller root of a quadratic in a chi-squared variable, or the larger one (Michael,
        Schucany and Haas 1976)."""
        index = element_indices(shape)
        half = ops.square(ops.draw_normal(ops.key_fold(key, 0), index)) * (0.5 * mu / lam)
        share = 1 / (1 + half + ops.sqrt(half * (half + 2)))
        first = ops.draw_uniform(ops.key_fold(key, 1), index) * (1 + share) <= 1
        return alpha + mu * ops.where(first, share, 1 / share)

    def mean(self, mu, lam, alpha):
        return mu + alpha

    def variance(self, mu, lam, alpha):
        return ops.square(mu) * (mu / lam)

    def mode(self, mu, lam, alpha):
        ratio = 1.5 * mu / lam
        return alpha + mu / (ops.hypot(1.0, ratio) + ratio)


class Levy(Distribution):
    """Levy with location `mu` and scale `c`: mu + c / z**2, with z standard normal.

    Support: x > mu.
    Mean: none.
    Variance: none.
    Source: Feller (1971), "An Introduction to Probability Theory and Its Applications", vol. 2.
    """

    name = "levy"
    parameters = {"mu": REAL, "c": POSITIVE}
    defaults = {"mu": 0.0, "c": 1.0}
    shown = (0.0, 2.0)

    def support(self, mu, c):
        return Interval(number(mu), low_open=True)

    def logpdf(self, x, mu, c):
        y = x - mu
        return 0.5 * log_of(c) - HALF_LOG_2PI - 1.5 * ops.log(y) - 0.5 * c / y

    def logcdf(self, x, mu, c):
        return LOG_2 + ops.log_ndtr(-ops.sqrt(c / (x - mu)))

    def logccdf(self, x, mu, c):
        # The probability that |z| is below the root of c / (x - mu), which is small far out.
        log_width = 0.5 * log_quotient(c, x - mu)
        far = log_width < -40
        near = ops.log(ops.erf(ops.exp(ops.where(far, 0.0, log_width)) * math.sqrt(0.5)))
        return ops.where(far, log_width - HALF_LOG_HALF_PI, near)

    def lower_quantile(self, log_p, mu, c):
        return mu + c / ops.square(normal_quantile(log_p - LOG_2))

    def upper_quantile(self, log_p, mu, c):
        far = log_p < -40
        near = 0.5 * c / ops.square(ops.erfinv(ops.exp(ops.where(far, -1.0, log_p))))
        log_width = ops.where(far, log_p, 0.0) + HALF_LOG_HALF_PI
        return mu + ops.where(far, ops.exp(log_of(c) - 2 * log_width), near)

    def sample(self, key, shape, mu, c):
        return mu + c / ops.square(ops.draw_normal(key, element_indices(shape)))

    def mode(self, mu, c):
        return mu + c / 3

    def entropy(self, mu, c):
        return log_of(c) + (0.5 * (1 + 3 * EULER + LOG_PI) + 2 * LOG_2) + 0 * mu


class Gompertz(Distribution):
    """Gompertz with the hazard concentration * rate * exp(rate * x).

    Support: x >= 0.
    Mean: exp(concentration) * exp1(concentration) / rate.
    Variance: none in closed form.
    Source: Johnson, Kotz and Balakrishnan (1995), "Continuous Univariate Distributions", ch. 22.
    """

    name = "gompertz"
    parameters = {"concentration": POSITIVE, "rate": POSITIVE}
    defaults = {"rate": 1.0}
    shown = (1.5, 2.0)
    over = NONNEGATIVE

    def logpdf(self, x, concentration, rate):
        growth = ops.minimum(rate * x, 1e300)  # infinity minus infinity is none
        scale = log_of(concentration) + log_of(rate)
        return scale + growth - concentration * ops.expm1(growth)

    def logcdf(self, x, concentration, rate):
        log_growth = -ops.log_ratio(1.0, rate, x)
        log_rise = log_growth + ops.log(ops.exprel(rate * x))
        return log1mexp_exp(log_of(concentration) + log_rise)

    def logccdf(self, x, concentration, rate):
        return -concentration * ops.expm1(rate * x)

    def lower_quantile(self, log_p, concentration, rate):
        return ops.log1p(-ops.log1p(-ops.exp(log_p)) / concentration) / rate

    def upper_quantile(self, log_p, concentration, rate):
        return ops.log1p(-log_p / concentration) / rate

    def sample(self, key, shape, concentration, rate):
        return ops.log1p(draw_exponential(key, shape) / concentration) / rate

    def mean(self, concentration, rate):
        large = concentration > 500
        small = ops.where(large, 1.0, concentration)
        inverse = 1 / ops.where(large, concentration, 500.0)
        # The asymptotic series of exp(c) E1(c), Abramowitz and Stegun 5.1.51.
        series = inverse * (1 - inverse * (1 - 2 * inverse * (1 - 3 * inverse * (1 - 4 * inverse))))
        return ops.where(large, series, ops.exp(small) * ops.exp1(small)) / rate

    def mode(self, concentration, rate):
        return ops.maximum(-log_of(concentration), 0.0) / rate


class GeneralizedGamma(Mapped):
    """Generalized gamma: x with (x / lambd)**p of gamma(alpha / p, 1).

    Support: x >= 0.
    Mean: lambd * gamma((alpha + 1) / p) / gamma(alpha / p).
    Variance: lambd**2 * gamma((alpha + 2) / p) / gamma(alpha / p) - mean**2.
    Source: Stacy (1962), "A generalization of the gamma distribution", Annals of Mathematical
    Statistics 33:1187.
    """

    name = "generalized_gamma"
    parameters = {"alpha": POSITIVE, "p": POSITIVE, "lambd": POSITIVE}
    defaults = {"alpha": 1.0, "p": 1.0, "lambd": 1.0}
    shown = (2.0, 1.5, 3.0)
    over = NONNEGATIVE
    base = Gamma()

    def inner(self, alpha, p, lambd):
        return alpha / p, ops.ones_like(alpha)

    def to_base(self, x, alpha, p, lambd):
        return quotient_power(x, lambd, p)

    def from_base(self, z, alpha, p, lambd):
        return lambd * z ** (1 / p)

    def logpdf(self, x, alpha, p, lambd):
        scale = log_of(p) - log_of(lambd) - ops.lgamma(alpha / p)
        power = times_log_quotient(alpha - 1, x, lambd)
        return scale + power - quotient_power(x, lambd, p)

    def _moment(self, k, alpha, p, lambd):
        return ops.exp(ops.lgamma((alpha + k) / p) - ops.lgamma(alpha / p)) * lambd**k

    def mean(self, alpha, p, lambd):
        return self._moment(1, alpha, p, lambd)

    def variance(self, alpha, p, lambd):
        first, second = (self._moment(k, alpha, p, lambd) for k in (1, 2))
        return second - ops.square(first)

    def mode(self, alpha, p, lambd):
        return lambd * ops.maximum((alpha - 1) / p, 0.0) ** (1 / p)

    def entropy(self, alpha, p, lambd):
        shape = alpha / p
        rest = shape + ops.digamma(shape) * (1 / p - shape)
        return log_of(lambd) - log_of(p) + ops.lgamma(shape) + rest


def _mean_and_phi(what, mu, phi, alpha):
    phi = check_literal(what, phi=phi)
    return mu, check_literal(what, mu=mu) * phi, alpha


def _ratio_and_sigma(what, b, sigma):
    b = check_literal(what, domain=NONNEGATIVE, b=b)
    return b * check_literal(what, sigma=sigma), sigma


Wald.alternatives = {("mu", "phi", "alpha"): _mean_and_phi}
Rice.alternatives = {("b", "sigma"): _ratio_and_sigma}
