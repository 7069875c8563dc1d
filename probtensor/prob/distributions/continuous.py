"""Continuous distributions of one number.

Formulas are those of Johnson, Kotz and Balakrishnan, "Continuous Univariate Distributions" (1994,
1995), in the parameters that Gelman et al., "Bayesian Data Analysis" (2013), appendix A, use;
`x` is the value, `z` the value standardised. Dividing by a scale is written as a product with its
inverse, so that there is one division for a scale shared by many observations.
"""

from __future__ import annotations

import math
from typing import ClassVar

from probtensor import ops
from probtensor.graph import Const, Node, as_tensor
from probtensor.prob.distributions.base import Distribution, element_indices
from probtensor.prob.distributions.formulas import (
    END,
    at_least,
    has_log,
    in_range,
    is_moderate,
    log_beta,
    log_gamma,
    log_of,
    log_power,
    log_shortfall,
    log_small_share,
    log_tail,
    product,
    quotient,
    times_log,
    times_log1m,
)
from probtensor.prob.distributions.support import (
    NONNEGATIVE,
    POSITIVE,
    REAL,
    UNIT,
    Interval,
    half_width,
    log_width,
)
from probtensor.prob.distributions.truncation import (
    CAUCHY,
    LAPLACE,
    LOGISTIC,
    NORMAL,
    Symmetric,
    draw_between,
    log_between,
)

LOG_2 = math.log(2)
LOG_PI = math.log(math.pi)
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def standardised(x, mu, sigma):
    """(x - mu) / sigma."""
    return quotient(x - mu, as_tensor(sigma))


def number(x: Node):
    """A literal scalar as a Python number; any other node as it is."""
    return x.op.array.item() if isinstance(x.op, Const) and not x.shape else x


def half(x: Node) -> Node:
    """x / 2, a literal again where x is one."""
    return as_tensor(0.5 * number(x)) if isinstance(number(x), float) else 0.5 * x


def log_gamma_draw(key, shape, alpha):
    """The log of a draw from gamma(alpha, 1), which underflows for small alpha: that of a draw for
    alpha + 1 times u**(1/alpha) (Marsaglia and Tsang 2000, section 6)."""
    index = element_indices(shape)
    power = ops.draw_exponential(ops.key_fold(key, 1), index)
    return ops.log(ops.draw_gamma(ops.key_fold(key, 0), index, alpha + 1)) - power / alpha


class LocationScale(Distribution):
    """mu + sigma z, with z of a standard distribution that is symmetric about 0."""

    standard: ClassVar[Symmetric]

    def logcdf(self, x, mu, sigma):
        return self.standard.log_cdf(standardised(x, mu, sigma))

    def log_between(self, low, high, mu, sigma):
        return log_between(self.standard, *ends(low, high, mu, sigma))

    def sample_between(self, key, shape, low, high, mu, sigma):
        u = ops.draw_uniform(key, element_indices(shape))
        return mu + sigma * draw_between(self.standard, u, *ends(low, high, mu, sigma))


class HalfScale(Distribution):
    """The absolute value of sigma z, with z of a standard distribution symmetric about 0."""

    standard: ClassVar[Symmetric]

    def log_between(self, low, high, sigma):
        low = ops.zeros_like(sigma) if low is None else low
        return log_between(self.standard, *ends(low, high, 0.0, sigma)) + LOG_2

    def sample_between(self, key, shape, low, high, sigma):
        low = ops.zeros_like(sigma) if low is None else low
        u = ops.draw_uniform(key, element_indices(shape))
        return sigma * draw_between(self.standard, u, *ends(low, high, 0.0, sigma))


def log1p_square_ratio(x, sigma):
    """log(1 + (x / sigma)^2)."""
    near = ops.log1p_square(x, 1 / in_range(sigma))
    return near + log_tail(x, sigma) if has_log(sigma) else near


def ends(low, high, mu, sigma):
    """Standardised bounds; None is no bound."""
    return tuple(None if x is None else standardised(x, mu, sigma) for x in (low, high))


class Normal(LocationScale):
    """exp(-z^2 / 2) / (sigma sqrt(2 pi))."""

    name = "normal"
    parameters = {"mu": REAL, "sigma": POSITIVE}
    standard = NORMAL

    def logpdf(self, x, mu, sigma):
        return -0.5 * ops.square(standardised(x, mu, sigma)) - log_of(sigma) - HALF_LOG_2PI

    def sample(self, key, shape, mu, sigma):
        return mu + sigma * ops.draw_normal(key, element_indices(shape))

    def mean(self, mu, sigma):
        return mu

    def variance(self, mu, sigma):
        return ops.square(sigma)


class HalfNormal(HalfScale):
    """The absolute value of normal(0, sigma)."""

    name = "half_normal"
    parameters = {"sigma": POSITIVE}
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


class Cauchy(LocationScale):
    """1 / (pi sigma (1 + z^2)); it has no moments."""

    name = "cauchy"
    parameters = {"mu": REAL, "sigma": POSITIVE}
    standard = CAUCHY

    def logpdf(self, x, mu, sigma):
        return -log1p_square_ratio(x - mu, sigma) - log_of(sigma) - LOG_PI

    def sample(self, key, shape, mu, sigma):
        u = ops.draw_uniform(key, element_indices(shape))
        return mu + sigma * ops.tan(math.pi * (u - 0.5))


class HalfCauchy(HalfScale):
    """The absolute value of cauchy(0, sigma); it has no moments."""

    name = "half_cauchy"
    parameters = {"sigma": POSITIVE}
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


class StudentT(Distribution):
    """(1 + z^2 / nu)^(-(nu + 1) / 2) / (sigma sqrt(nu) B(1/2, nu/2))."""

    name = "student_t"
    parameters = {"nu": POSITIVE, "mu": REAL, "sigma": POSITIVE}

    def logpdf(self, x, nu, mu, sigma):
        width, offset = in_range(sigma), x - mu
        tail = log_tail(offset, sigma) if has_log(sigma) else 0.0
        if not is_moderate(nu):
            # lgamma(nu / 2 + 1 / 2) - lgamma(nu / 2) - log(nu / 2) / 2, which goes to 0.
            below, nu = log_shortfall(nu), in_range(nu)
            rest = ops.lgamma_rest_change(0.5 * nu, 0.5) + 0.5 * ops.log1p(1 / nu)
            scale = log_of(sigma) + HALF_LOG_2PI - (0.5 * nu * ops.log1pmx(1 / nu) + rest)
            far = ops.student_kernel(offset, 1 / width, nu)
            if isinstance(below, Node):
                # As nu goes to 0 the density is proportional to nu, and to sqrt(nu) at the mode.
                off_mode = ops.abs(quotient(offset, sigma)) > math.exp(-0.5 * END[offset.dtype])
                below = ops.where(off_mode, below, 0.5 * below)
            return below - 0.5 * (far + (nu + 1) * tail) - scale
        scale = log_beta(as_tensor(0.5), half(nu)) + 0.5 * ops.log(nu) + log_of(sigma)
        far = ops.log1p_square(offset, 1 / (width * ops.sqrt(nu))) + tail
        return -0.5 * (nu + 1) * far - scale

    def sample(self, key, shape, nu, mu, sigma):
        z = ops.draw_normal(ops.key_fold(key, 0), element_indices(shape))
        w = ops.draw_gamma(ops.key_fold(key, 1), element_indices(shape), 0.5 * nu)
        return mu + sigma * z * ops.sqrt(0.5 * nu / w)

    def mean(self, nu, mu, sigma):
        return ops.where(nu > 1, mu, math.nan)

    def variance(self, nu, mu, sigma):
        spread = ops.square(sigma) * nu / (nu - 2)
        return ops.where(nu > 2, spread, ops.where(nu > 1, math.inf, math.nan))


class HalfStudentT(Distribution):
    """The absolute value of student_t(nu, 0, sigma)."""

    name = "half_student_t"
    parameters = {"nu": POSITIVE, "sigma": POSITIVE}
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


class LogNormal(Distribution):
    """exp of normal(mu, sigma)."""

    name = "log_normal"
    parameters = {"mu": REAL, "sigma": POSITIVE}
    over = POSITIVE

    def logpdf(self, x, mu, sigma):
        log_x = log_of(x)
        return Normal().logpdf(log_x, mu, sigma) - log_x

    def logcdf(self, x, mu, sigma):
        return Normal().logcdf(log_of(x), mu, sigma)

    def log_between(self, low, high, mu, sigma):
        low, high = (None if x is None else log_bound(x) for x in (low, high))
        return Normal().log_between(low, high, mu, sigma)

    def sample_between(self, key, shape, low, high, mu, sigma):
        low, high = (None if x is None else log_bound(x) for x in (low, high))
        return ops.exp(Normal().sample_between(key, shape, low, high, mu, sigma))

    def sample(self, key, shape, mu, sigma):
        return ops.exp(Normal().sample(key, shape, mu, sigma))

    def mean(self, mu, sigma):
        return ops.exp(mu + 0.5 * ops.square(sigma))

    def variance(self, mu, sigma):
        return ops.expm1(ops.square(sigma)) * ops.exp(2 * mu + ops.square(sigma))


def log_bound(x: Node) -> Node:
    """log x; a bound of 0 gives a value below all logarithms, with a finite derivative."""
    inside = x > 0
    return ops.where(inside, log_of(ops.where(inside, x, 1.0)), -1e15)


class Uniform(Distribution):
    """1 / (high - low) between low and high."""

    name = "uniform"
    parameters = {"low": REAL, "high": REAL}

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

    def sample_between(self, key, shape, least, most, low, high):
        least, most = low if least is None else least, high if most is None else most
        return self.sample(key, shape, least, most)

    def mean(self, low, high):
        return 0.5 * low + 0.5 * high

    def variance(self, low, high):
        return ops.square(high - low) / 12


class Exponential(Distribution):
    """lam exp(-lam x), with rate lam."""

    name = "exponential"
    parameters = {"lam": POSITIVE}
    over = NONNEGATIVE

    def logpdf(self, x, lam):
        return log_of(lam) - product(x, lam)

    def logcdf(self, x, lam):
        return ops.log1mexp(-lam * x)

    def log_between(self, low, high, lam):
        low = ops.zeros_like(lam) if low is None else low
        return -lam * low if high is None else ops.log1mexp(-lam * (high - low)) - lam * low

    def sample_between(self, key, shape, low, high, lam):
        low = ops.zeros_like(lam) if low is None else low
        if high is None:
            return low + self.sample(key, shape, lam)
        u = ops.draw_uniform(key, element_indices(shape))
        return low - ops.log1p(u * ops.expm1(-lam * (high - low))) / lam

    def sample(self, key, shape, lam):
        return ops.draw_exponential(key, element_indices(shape)) / lam

    def mean(self, lam):
        return 1 / lam

    def variance(self, lam):
        return 1 / ops.square(lam)


class Gamma(Distribution):
    """beta^alpha x^(alpha - 1) exp(-beta x) / Gamma(alpha), with shape alpha and rate beta."""

    name = "gamma"
    parameters = {"alpha": POSITIVE, "beta": POSITIVE}
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


class InverseGamma(Distribution):
    """1 / x of gamma(alpha, beta)."""

    name = "inverse_gamma"
    parameters = {"alpha": POSITIVE, "beta": POSITIVE}
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


class Beta(Distribution):
    """x^(alpha - 1) (1 - x)^(beta - 1) / B(alpha, beta)."""

    name = "beta"
    parameters = {"alpha": POSITIVE, "beta": POSITIVE}
    over = UNIT

    def logpdf(self, x, alpha, beta):
        if is_moderate(alpha, beta):
            return times_log(alpha - 1, x) + times_log1m(beta - 1, x) - log_beta(alpha, beta)
        below = log_small_share(alpha, beta)
        alpha, beta = at_least(alpha), at_least(beta)
        total = alpha + beta
        scale = ops.lgamma_rest(alpha) + ops.lgamma_rest(beta) - ops.lgamma_rest(total) - below
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


class Laplace(LocationScale):
    """exp(-|z|) / (2 b), with scale b."""

    name = "laplace"
    parameters = {"mu": REAL, "b": POSITIVE}
    standard = LAPLACE

    def logpdf(self, x, mu, b):
        return -ops.abs(standardised(x, mu, b)) - log_of(b) - LOG_2

    def sample(self, key, shape, mu, b):
        right = ops.draw_exponential(ops.key_fold(key, 0), element_indices(shape))
        return mu + b * (right - ops.draw_exponential(ops.key_fold(key, 1), element_indices(shape)))

    def mean(self, mu, b):
        return mu

    def variance(self, mu, b):
        return 2 * ops.square(b)


class Logistic(LocationScale):
    """exp(-z) / (s (1 + exp(-z))^2) = 1 / (4 s cosh(z / 2)^2), with scale s."""

    name = "logistic"
    parameters = {"mu": REAL, "s": POSITIVE}
    standard = LOGISTIC

    def logpdf(self, x, mu, s):
        return -2 * ops.log_cosh(0.5 * standardised(x, mu, s)) - log_of(s) - 2 * LOG_2

    def sample(self, key, shape, mu, s):
        # The logit of a uniform is the log of a ratio of exponentials, which cannot be 0 or inf.
        above = ops.draw_exponential(ops.key_fold(key, 0), element_indices(shape))
        return mu + s * ops.log(
            above / ops.draw_exponential(ops.key_fold(key, 1), element_indices(shape))
        )

    def mean(self, mu, s):
        return mu

    def variance(self, mu, s):
        return ops.square(s) * (math.pi**2 / 3)


class Flat(Distribution):
    """Density 1 everywhere: improper, so it can be conditioned on but not drawn from."""

    name = "flat"
    improper = True

    def logpdf(self, x):
        return ops.zeros_like(x)


class HalfFlat(Distribution):
    """Density 1 on the positive numbers: improper."""

    name = "half_flat"
    over = POSITIVE
    improper = True

    def logpdf(self, x):
        return ops.zeros_like(x)
