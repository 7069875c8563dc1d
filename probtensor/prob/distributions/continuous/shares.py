"""Distributions over intervals: shares, and sizes within bounds."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.prob.distributions.continuous.families import (
    EULER,
    Mapped,
    Renamed,
    draw_exponential,
    draw_uniform,
    grown,
    log1mexp_exp,
    log_exprel,
    log_hazard,
    number,
)
from probtensor.prob.distributions.continuous.positive import Gamma, InverseGamma
from probtensor.prob.distributions.continuous.real import Normal
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.formulas import LOG_2, has_log, log_of, quotient, times_log
from probtensor.prob.distributions.support import (
    NONNEGATIVE,
    OPEN_UNIT,
    POSITIVE,
    REAL,
    UNIT,
    Interval,
    half_width,
    log_width,
)


class Triangular(Distribution):
    """Triangular between `lower` and `upper`, with its mode at `c`.

    Support: lower <= x <= upper.
    Mean: (lower + c + upper) / 3.
    Variance: (lower**2 + c**2 + upper**2 - lower * c - lower * upper - c * upper) / 18.
    Source: Kotz and van Dorp (2004), "Beyond Beta", ch. 1.
    """

    name = "triangular"
    parameters = {"lower": REAL, "c": REAL, "upper": REAL}
    increasing = (("lower", "c", True), ("c", "upper", True), ("lower", "upper", False))
    defaults = {"lower": 0.0, "c": 0.5, "upper": 1.0}
    shown = (0.0, 1.0, 3.0)

    def support(self, lower, c, upper):
        return Interval(number(lower), number(upper))

    def logpdf(self, x, lower, c, upper):
        left, right = x < c, x > c
        # At the mode both sides have the height 2 / width, also where one side has no width.
        rise = half_width(lower, x) / ops.where(left, half_width(lower, c), 1.0)
        fall = half_width(x, upper) / ops.where(right, half_width(c, upper), 1.0)
        side = ops.where(left, rise, ops.where(right, fall, 1.0))
        value = LOG_2 - log_width(number(lower), number(upper)) + ops.log(side)
        return ops.where((lower <= c) & (c <= upper), value, -math.inf)

    # All lengths are shares of the width, so that neither it nor its square overflows.

    def logcdf(self, x, lower, c, upper):
        half, left, none = half_width(lower, upper), x <= c, ops.eq(x, lower)
        rising = left & ops.logical_not(none)
        below = ops.where(rising, half_width(lower, x) / half, 1.0)
        rise = 2 * ops.log(below) - ops.log(ops.where(rising, half_width(lower, c) / half, 1.0))
        ratio = half_width(x, upper) / ops.where(left, half, half_width(c, upper))
        large = ops.where(left, 0.25, ratio * (half_width(x, upper) / half))
        # Where it is small, a sum of what is positive.
        past = half_width(c, x) / half * (1 + ratio)
        sum_ = ops.where(left, 0.5, half_width(lower, c) / half + past)
        over = ops.where(large > 0.5, ops.log(sum_), ops.log1p(-large))
        return ops.where(none, -math.inf, ops.where(left, rise, over))

    def logccdf(self, x, lower, c, upper):
        return self.logcdf(-x, -upper, -c, -lower)

    def lower_quantile(self, log_p, lower, c, upper):
        p, half = ops.exp(log_p), half_width(lower, upper)
        first, last = half_width(lower, c) / half, half_width(c, upper) / half
        left = p <= first
        rise = ops.exp(0.5 * (log_p + ops.log(ops.where(left, first, 1.0))))
        rest = ops.where(left, 1.0, last)
        past = (p - first) * rest / (rest + ops.sqrt((1 - p) * rest))
        step = half * ops.where(left, rise, past)
        return ops.where(left, lower, c) + step + step

    def upper_quantile(self, log_p, lower, c, upper):
        return -self.lower_quantile(log_p, -upper, -c, -lower)

    def sample(self, key, shape, lower, c, upper):
        return self.lower_quantile(ops.log(draw_uniform(key, shape)), lower, c, upper)

    def mean(self, lower, c, upper):
        return (lower + c + upper) / 3

    def variance(self, lower, c, upper):
        first, second = c - lower, upper - c
        return (ops.square(first) + first * second + ops.square(second)) / 18

    def mode(self, lower, c, upper):
        return c

    def entropy(self, lower, c, upper):
        return ops.log(upper - lower) + (0.5 - LOG_2) + 0 * c


class Kumaraswamy(Distribution):
    """Kumaraswamy with shapes `a` and `b`: P(X > x) = (1 - x**a)**b.

    Support: 0 <= x <= 1.
    Mean: b * gamma(1 + 1 / a) * gamma(b) / gamma(1 + 1 / a + b).
    Variance: b * gamma(1 + 2 / a) * gamma(b) / gamma(1 + 2 / a + b) - mean**2.
    Source: Jones (2009), "Kumaraswamy's distribution", Statistical Methodology 6:70.
    """

    name = "kumaraswamy"
    parameters = {"a": POSITIVE, "b": POSITIVE}
    shown = (2.0, 3.0)
    over = UNIT

    def logpdf(self, x, a, b):
        log_rest = log1mexp_exp(ops.log(-ops.log(x)) + log_of(a))
        power = times_log(a - 1, x)
        # At the ends a share of nothing has the power 0.
        one = ops.eq(b, 1)
        return log_of(a) + log_of(b) + power + ops.where(one, 0.0, (b - 1) * log_rest)

    def logcdf(self, x, a, b):
        return ops.log1mexp(self.logccdf(x, a, b))

    def logccdf(self, x, a, b):
        return b * log1mexp_exp(ops.log(-ops.log(x)) + log_of(a))

    def lower_quantile(self, log_p, a, b):
        # x**a is 1 - exp(log(1 - p) / b).
        return ops.exp(log1mexp_exp(log_hazard(log_p) - log_of(b)) / a)

    def upper_quantile(self, log_p, a, b):
        return ops.exp(ops.log1mexp(log_p / b) / a)

    def sample(self, key, shape, a, b):
        return self.upper_quantile(-draw_exponential(key, shape), a, b)

    def _moment(self, k, a, b):
        return b * ops.exp(ops.lbeta(1 + k / a, b))

    def mean(self, a, b):
        return self._moment(1, a, b)

    def variance(self, a, b):
        return self._moment(2, a, b) - ops.square(self._moment(1, a, b))

    def mode(self, a, b):
        inner = ((a - 1) / (a * b - 1)) ** (1 / a)
        single = (a >= 1) & (b >= 1) & ops.logical_not(ops.eq(a, 1) & ops.eq(b, 1))
        return ops.where(single, inner, math.nan)

    def entropy(self, a, b):
        harmonic = ops.digamma(b + 1) + EULER
        return 1 - 1 / b + (1 - 1 / a) * harmonic - log_of(a) - log_of(b)


class LogitNormal(Mapped):
    """sigmoid of normal(mu, sigma).

    Support: 0 < x < 1.
    Mean: none in closed form.
    Variance: none in closed form.
    Source: Atchison and Shen (1980), "Logistic-normal distributions", Biometrika 67:261.
    """

    name = "logit_normal"
    parameters = {"mu": REAL, "sigma": POSITIVE}
    defaults = {"mu": 0.0, "sigma": 1.0}
    shown = (0.0, 2.0)
    over = OPEN_UNIT
    base = Normal()

    def to_base(self, x, mu, sigma):
        return x.inputs[0] if isinstance(x.op, ops.Sigmoid) else ops.log(x) - ops.log1p(-x)

    def from_base(self, z, mu, sigma):
        return ops.sigmoid(z)

    def logpdf(self, x, mu, sigma):
        z = self.to_base(x, mu, sigma)
        return Normal().logpdf(z, mu, sigma) - ops.log_sigmoid(z) - ops.log_sigmoid(-z)


class LogUniform(Distribution):
    """exp of a uniform between the logs of `low` and `high`.

    Support: low <= x <= high.
    Mean: (high - low) / log(high / low).
    Variance: (high**2 - low**2) / (2 * log(high / low)) - mean**2.
    Source: Hamming (1970), "On the distribution of numbers", Bell System Technical Journal 49.
    """

    name = "log_uniform"
    parameters = {"low": POSITIVE, "high": POSITIVE}
    increasing = (("low", "high", False),)
    shown = (0.5, 8.0)

    def support(self, low, high):
        return Interval(number(low), number(high))

    def _width(self, low, high):
        return ops.log_ratio(high, low, 1.0)

    def logpdf(self, x, low, high):
        return -log_of(x) - ops.log(self._width(low, high))

    def logcdf(self, x, low, high):
        return ops.log(ops.log_ratio(x, low, 1.0)) - ops.log(self._width(low, high))

    def logccdf(self, x, low, high):
        return ops.log(ops.log_ratio(high, x, 1.0)) - ops.log(self._width(low, high))

    def lower_quantile(self, log_p, low, high):
        return grown(low, ops.exp(log_p) * self._width(low, high))

    def upper_quantile(self, log_p, low, high):
        return grown(high, -ops.exp(log_p) * self._width(low, high))

    def sample(self, key, shape, low, high):
        drawn = grown(low, draw_uniform(key, shape) * self._width(low, high))
        return ops.clip(drawn, low, high)

    def mean(self, low, high):
        return (high - low) / self._width(low, high)

    def variance(self, low, high):
        middle = 0.5 * (high + low)
        return self.mean(low, high) * (middle - self.mean(low, high))

    def mode(self, low, high):
        return low

    def entropy(self, low, high):
        return 0.5 * (ops.log(low) + ops.log(high)) + ops.log(self._width(low, high))


class DoublyTruncatedPowerLaw(Distribution):
    """Density proportional to x**alpha between `low` and `high`.

    Support: low <= x <= high.
    Mean: none in closed form for all alpha.
    Variance: none in closed form for all alpha.
    Source: Clauset, Shalizi and Newman (2009), "Power-law distributions in empirical data", SIAM
    Review 51:661.
    """

    name = "doubly_truncated_power_law"
    parameters = {"alpha": REAL, "low": POSITIVE, "high": POSITIVE}
    increasing = (("low", "high", False),)
    shown = (-1.5, 1.0, 10.0)

    def support(self, alpha, low, high):
        return Interval(number(low), number(high))

    # With t = log(x / low), of which T is the largest, P(X <= x) is
    # (exp((alpha + 1) t) - 1) / (exp((alpha + 1) T) - 1), also in the limit alpha = -1.

    def logpdf(self, x, alpha, low, high):
        width = ops.log_ratio(high, low, 1.0)
        scale = log_of(low) + ops.log(width) + log_exprel((alpha + 1) * width)
        return alpha * ops.log_ratio(x, low, 1.0) - scale

    def logcdf(self, x, alpha, low, high):
        return self._log_share(ops.log_ratio(x, low, 1.0), alpha + 1, low, high)

    def logccdf(self, x, alpha, low, high):
        # The distribution of 1 / x.
        return self._log_share(ops.log_ratio(high, x, 1.0), -(alpha + 1), low, high)

    def _log_share(self, t, slope, low, high):
        width = ops.log_ratio(high, low, 1.0)
        rest = log_exprel(slope * t) - log_exprel(slope * width)
        return ops.log(t) - ops.log(width) + rest

    def lower_quantile(self, log_p, alpha, low, high):
        return grown(low, self._step(log_p, alpha + 1, ops.log_ratio(high, low, 1.0)))

    def upper_quantile(self, log_p, alpha, low, high):
        return grown(high, -self._step(log_p, -(alpha + 1), ops.log_ratio(high, low, 1.0)))

    def _step(self, log_p, slope, width):
        """The t below which the share p lies: log(1 + p (exp(slope T) - 1)) / slope."""
        p, total = ops.exp(log_p), slope * width
        steep = total > 40
        total = ops.where(steep, 1.0, total)
        increase = p * ops.expm1(total)
        small = ops.abs(increase) < 1e-8
        ratio = ops.log1p(ops.where(small, 1.0, increase)) / ops.where(small, 1.0, increase)
        near = p * width * ops.exprel(total) * ops.where(small, 1 - 0.5 * increase, ratio)
        slope = ops.where(steep, slope, 1.0)
        far = ops.softplus(log_p + slope * width) / slope
        return ops.minimum(ops.where(steep, far, near), width)

    def sample(self, key, shape, alpha, low, high):
        drawn = self.lower_quantile(ops.log(draw_uniform(key, shape)), alpha, low, high)
        return ops.clip(drawn, low, high)

    def mode(self, alpha, low, high):
        return ops.where(alpha < 0, low, high)


class LowerTruncatedPowerLaw(Distribution):
    """Density proportional to x**alpha above `low`, with alpha < -1.

    Support: x >= low.
    Mean: (alpha + 1) / (alpha + 2) * low for alpha < -2.
    Variance: low**2 * (alpha + 1) / (alpha + 3) - mean**2 for alpha < -3.
    Source: Clauset, Shalizi and Newman (2009), "Power-law distributions in empirical data", SIAM
    Review 51:661.
    """

    name = "lower_truncated_power_law"
    parameters = {"alpha": Interval(high=-1.0, high_open=True), "low": POSITIVE}
    shown = (-2.5, 1.0)

    def support(self, alpha, low):
        return Interval(number(low))

    def logpdf(self, x, alpha, low):
        return ops.log(-1 - alpha) - log_of(low) + alpha * ops.log_ratio(x, low, 1.0)

    def logcdf(self, x, alpha, low):
        return ops.log1mexp(self.logccdf(x, alpha, low))

    def logccdf(self, x, alpha, low):
        return (alpha + 1) * ops.log_ratio(x, low, 1.0)

    def lower_quantile(self, log_p, alpha, low):
        return grown(low, ops.log1p(-ops.exp(log_p)) / (alpha + 1))

    def upper_quantile(self, log_p, alpha, low):
        return grown(low, log_p / (alpha + 1))

    def sample(self, key, shape, alpha, low):
        return grown(low, -draw_exponential(key, shape) / (alpha + 1))

    def mean(self, alpha, low):
        return ops.where(alpha < -2, (alpha + 1) / (alpha + 2) * low, math.inf)

    def variance(self, alpha, low):
        first = (alpha + 1) / (alpha + 2)
        value = ops.square(low) * ((alpha + 1) / (alpha + 3) - ops.square(first))
        other = ops.where(alpha < -2, math.inf, math.nan)
        return ops.where(alpha < -3, value, other)

    def mode(self, alpha, low):
        return low

    def entropy(self, alpha, low):
        return log_of(low) - ops.log(-1 - alpha) + alpha / (alpha + 1)


class ChiSquared(Renamed):
    """Chi-squared with `nu` degrees of freedom.

    Support: x >= 0.
    Mean: nu.
    Variance: 2 * nu.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 18.
    """

    name = "chi_squared"
    parameters = {"nu": POSITIVE}
    shown = (3.0,)
    over = NONNEGATIVE
    base = Gamma()

    def inner(self, nu):
        return 0.5 * nu, ops.full_like(nu, 0.5)


class InverseChiSquared(Renamed):
    """1 / x of chi-squared with `nu` degrees of freedom.

    Support: x > 0.
    Mean: 1 / (nu - 2) for nu > 2.
    Variance: 2 / ((nu - 2)**2 * (nu - 4)) for nu > 4.
    Source: Gelman et al. (2013), "Bayesian Data Analysis", appendix A.
    """

    name = "inverse_chi_squared"
    parameters = {"nu": POSITIVE}
    shown = (5.0,)
    over = POSITIVE
    base = InverseGamma()

    def inner(self, nu):
        return 0.5 * nu, ops.full_like(nu, 0.5)


class ScaledInverseChiSquared(Mapped):
    """nu * s**2 / x of chi-squared x with `nu` degrees of freedom.

    Support: x > 0.
    Mean: nu * s**2 / (nu - 2) for nu > 2.
    Variance: 2 * nu**2 * s**4 / ((nu - 2)**2 * (nu - 4)) for nu > 4.
    Source: Gelman et al. (2013), "Bayesian Data Analysis", appendix A.
    """

    name = "scaled_inverse_chi_squared"
    parameters = {"nu": POSITIVE, "s": POSITIVE}
    shown = (5.0, 2.0)
    over = POSITIVE
    base = InverseGamma()

    def inner(self, nu, s):
        return 0.5 * nu, 0.5 * nu

    # Scaled in two steps, since the square of s may over- or underflow.

    def to_base(self, x, nu, s):
        return quotient(quotient(x, s), s)

    def from_base(self, z, nu, s):
        return s * z * s

    def logpdf(self, x, nu, s):
        z = self.to_base(x, nu, s)
        none = ops.eq(z, 0)
        z = z if has_log(z) else ops.where(none, 1.0, z)
        value = InverseGamma().logpdf(z, *self.inner(nu, s)) - 2 * log_of(s)
        return value if has_log(z) else ops.where(none, -math.inf, value)

    def mean(self, nu, s):
        return s * InverseGamma().mean(*self.inner(nu, s)) * s

    def variance(self, nu, s):
        return ops.square(ops.square(s)) * InverseGamma().variance(*self.inner(nu, s))

    def mode(self, nu, s):
        return s * InverseGamma().mode(*self.inner(nu, s)) * s

    def entropy(self, nu, s):
        return InverseGamma().entropy(*self.inner(nu, s)) + 2 * log_of(s)
