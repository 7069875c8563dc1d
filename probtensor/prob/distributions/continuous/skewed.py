"""Distributions over all real numbers that are not those of a location and a scale alone."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.graph import as_tensor
from probtensor.prob.distributions.continuous.families import (
    EULER,
    HALF_LOG_HALF_PI,
    draw_exponential,
    log1mexp_exp,
    log_hazard,
    standardised,
)
from probtensor.prob.distributions.continuous.positive import log_gamma_draw
from probtensor.prob.distributions.continuous.real import log_betainc_near_zero
from probtensor.prob.distributions.continuous.searches import (
    fall_width,
    inner,
    log_integral,
    root_between,
)
from probtensor.prob.distributions.distribution import (
    LOG_HALF,
    Distribution,
    element_indices,
    share_of,
)
from probtensor.prob.distributions.formulas import HALF_LOG_2PI, LOG_2, LOG_PI, log_of
from probtensor.prob.distributions.parameters import check_literal
from probtensor.prob.distributions.support import OPEN_UNIT, POSITIVE, REAL
from probtensor.prob.distributions.truncation import normal_quantile


class Gumbel(Distribution):
    """Gumbel of maxima, with location `mu` and scale `beta`.

    Support: all real numbers.
    Mean: mu + 0.5772156649015329 * beta.
    Variance: (pi * beta)**2 / 6.
    Source: Johnson, Kotz and Balakrishnan (1995), "Continuous Univariate Distributions", ch. 22.
    """

    name = "gumbel"
    location_scale = ("mu", "beta")
    parameters = {"mu": REAL, "beta": POSITIVE}
    defaults = {"mu": 0.0, "beta": 1.0}
    shown = (0.0, 2.0)

    def logpdf(self, x, mu, beta):
        z = standardised(x, mu, beta)
        return -z - ops.exp(-z) - log_of(beta)

    def logcdf(self, x, mu, beta):
        return -ops.exp(-standardised(x, mu, beta))

    def logccdf(self, x, mu, beta):
        return log1mexp_exp(-standardised(x, mu, beta))

    def lower_quantile(self, log_p, mu, beta):
        return mu - beta * ops.log(-log_p)

    def upper_quantile(self, log_p, mu, beta):
        return mu - beta * log_hazard(log_p)

    def sample(self, key, shape, mu, beta):
        return mu - beta * ops.log(draw_exponential(key, shape))

    def mean(self, mu, beta):
        return mu + EULER * beta

    def variance(self, mu, beta):
        return ops.square(beta) * (math.pi**2 / 6)

    def mode(self, mu, beta):
        return mu

    def entropy(self, mu, beta):
        return log_of(beta) + (EULER + 1) + ops.zeros_like(mu)


class Moyal(Distribution):
    """Moyal with location `mu` and scale `sigma`: mu - 2 sigma log|z|, with z standard normal.

    Support: all real numbers.
    Mean: mu + 1.2703628454614782 * sigma.
    Variance: (pi * sigma)**2 / 2.
    Source: Moyal (1955), "Theory of ionization fluctuations", Philosophical Magazine 46:374.
    """

    name = "moyal"
    parameters = {"mu": REAL, "sigma": POSITIVE}
    defaults = {"mu": 0.0, "sigma": 1.0}
    shown = (0.0, 2.0)

    def logpdf(self, x, mu, sigma):
        z = standardised(x, mu, sigma)
        return -0.5 * (z + ops.exp(-z)) - log_of(sigma) - HALF_LOG_2PI

    def logcdf(self, x, mu, sigma):
        return LOG_2 + ops.log_ndtr(-ops.exp(-0.5 * standardised(x, mu, sigma)))

    def logccdf(self, x, mu, sigma):
        # The probability that |z| is below exp(-z / 2), which is small far out.
        log_width = -0.5 * standardised(x, mu, sigma)
        far = log_width < -40
        width = ops.exp(ops.where(far, 0.0, log_width))
        near = ops.log(ops.erf(width * math.sqrt(0.5)))
        return ops.where(far, log_width - HALF_LOG_HALF_PI, near)

    def lower_quantile(self, log_p, mu, sigma):
        return mu - 2 * sigma * ops.log(-normal_quantile(log_p - LOG_2))

    def upper_quantile(self, log_p, mu, sigma):
        far = log_p < -40
        width = math.sqrt(2) * ops.erfinv(ops.exp(ops.where(far, -1.0, log_p)))
        return mu - 2 * sigma * ops.where(far, log_p + HALF_LOG_HALF_PI, ops.log(width))

    def sample(self, key, shape, mu, sigma):
        return mu - 2 * sigma * ops.log(ops.abs(ops.draw_normal(key, element_indices(shape))))

    def mean(self, mu, sigma):
        return mu + (EULER + LOG_2) * sigma

    def variance(self, mu, sigma):
        return ops.square(sigma) * (math.pi**2 / 2)

    def mode(self, mu, sigma):
        return mu

    def entropy(self, mu, sigma):
        return log_of(sigma) + (0.5 * (EULER + LOG_2 + 1) + HALF_LOG_2PI) + ops.zeros_like(mu)


class AsymmetricLaplace(Distribution):
    """Laplace with rate `b` times `kappa` above `mu`, and `b` by `kappa` below it, where
    kappa**2 / (1 + kappa**2) is the probability of values below; or that probability, `q`.

    Support: all real numbers.
    Mean: mu + (1 / kappa - kappa) / b.
    Variance: (1 / kappa**2 + kappa**2) / b**2.
    Source: Kotz, Kozubowski and Podgorski (2001), "The Laplace Distribution", ch. 3.
    """

    name = "asymmetric_laplace"
    parameters = {"kappa": POSITIVE, "mu": REAL, "b": POSITIVE}
    defaults = {"mu": 0.0, "b": 1.0}
    shown = (1.5, 0.0, 2.0)

    def logpdf(self, x, kappa, mu, b):
        offset = b * (x - mu)
        fall = ops.where(offset < 0, -offset / kappa, offset * kappa)
        return log_of(b) - ops.log(kappa + 1 / kappa) - fall

    def logcdf(self, x, kappa, mu, b):
        offset, (left, right) = b * (x - mu), log_sides(kappa)
        below = offset < 0
        low = left + ops.where(below, offset, 0.0) / kappa
        fall = ops.where(below, 0.0, offset) * kappa
        rest = right - fall
        # Near the mode of nearly all of the mass, a sum of what is positive.
        near = rest > LOG_HALF
        inner = ops.exp(left) - ops.exp(right) * ops.expm1(-ops.where(near, fall, 0.0))
        high = ops.where(near, ops.log(inner), ops.log1p(-ops.exp(ops.where(near, -1.0, rest))))
        return ops.where(below, low, high)

    def logccdf(self, x, kappa, mu, b):
        return self.logcdf(-x, 1 / kappa, -mu, b)

    def lower_quantile(self, log_p, kappa, mu, b):
        left, right = log_sides(kappa)
        below = log_p < left
        rest = ops.log1mexp(ops.where(below, -1.0, log_p))
        step = ops.where(below, (log_p - left) * kappa, (right - rest) / kappa)
        return mu + step / b

    def upper_quantile(self, log_p, kappa, mu, b):
        return -self.lower_quantile(log_p, 1 / kappa, -mu, b)

    def sample(self, key, shape, kappa, mu, b):
        above, below = (draw_exponential(key, shape, stream) for stream in (0, 1))
        return mu + (above / kappa - below * kappa) / b

    def mean(self, kappa, mu, b):
        return mu + (1 / kappa - kappa) / b

    def variance(self, kappa, mu, b):
        return (1 / ops.square(kappa) + ops.square(kappa)) / ops.square(b)

    def mode(self, kappa, mu, b):
        return mu

    def entropy(self, kappa, mu, b):
        return 1 + ops.log(kappa + 1 / kappa) - log_of(b) + ops.zeros_like(mu)


def log_sides(kappa):
    """The logs of the probabilities below and above the mode of the asymmetric Laplace."""
    log_odds = 2 * ops.log(kappa)
    return ops.log_sigmoid(log_odds), ops.log_sigmoid(-log_odds)


class ExGaussian(Distribution):
    """Sum of a normal with mean `mu` and standard deviation `sigma`, and an exponential with mean
    `nu`.

    Support: all real numbers.
    Mean: mu + nu.
    Variance: sigma**2 + nu**2.
    Source: Grushka (1972), "Characterization of exponentially modified Gaussian peaks in
    chromatography", Analytical Chemistry 44:1733.
    """

    name = "ex_gaussian"
    parameters = {"mu": REAL, "sigma": POSITIVE, "nu": POSITIVE}
    shown = (0.0, 1.0, 2.0)

    def logpdf(self, x, mu, sigma, nu):
        return self._log_excess(standardised(x, mu, sigma), sigma / nu) - log_of(nu)

    def _log_excess(self, z, ratio):
        """Log of the probability that the normal is below z, and the sum above it."""
        offset = z - ratio
        left = offset < 0
        # exp(z^2 / 2) of both factors cancels on this side.
        width = ops.where(left, offset, -1.0) * -math.sqrt(0.5)
        low = ops.log(ops.erfcx(width)) - 0.5 * ops.square(z) - LOG_2
        high = ops.log_ndtr(ops.where(left, 0.0, offset)) - ratio * (z - 0.5 * ratio)
        return ops.where(left, low, high)

    def logcdf(self, x, mu, sigma, nu):
        z, ratio = standardised(x, mu, sigma), sigma / nu
        left, steep = z < 0, ratio >= 1
        low = log_sum_below(ops.minimum(z, 0.0), ratio)
        y = ops.where(left, 1.0, z)
        # The difference, where it does not cancel.
        below = ops.log_ndtr(y)
        wide = ops.where(steep, ratio, 1.0)
        excess = ops.minimum(self._log_excess(y, wide) - below, -1e-300)
        # Else the share of the exponential below z, less what the normal part takes from it.
        flat = ops.where(steep, 0.5, ratio)
        taken = log_integral(
            lambda u: inner(flat) * u + ops.log_ndtr(-u), ops.minimum(y, 9.0)
        )
        rest = ops.exp(ops.where(left, -1.0, low)) - flat * ops.exp(taken)
        share = -ops.expm1(-flat * y) + ops.exp(-flat * y) * rest
        high = ops.where(steep, below + ops.log1mexp(excess), ops.log(share))
        above = self.logccdf(x, mu, sigma, nu)
        most = above < LOG_HALF
        rest = ops.log1mexp(ops.where(most, above, -1.0))
        return ops.where(left, low, ops.where(most, rest, high))

    def logccdf(self, x, mu, sigma, nu):
        z = standardised(x, mu, sigma)
        return ops.logaddexp(ops.log_ndtr(-z), self._log_excess(z, sigma / nu))

    # Quantiles of z lie between those of the normal, and sums of quantiles of the two parts.

    def lower_quantile(self, log_p, mu, sigma, nu):
        own = as_tensor(0.0), as_tensor(1.0), nu / sigma
        low = normal_quantile(log_p)
        high = normal_quantile(log_p + math.log(4 / 3)) + nu / sigma * math.log(4)
        return mu + sigma * root_between(
            lambda z: self.logcdf(z, *own), lambda z: self.logpdf(z, *own), log_p, low, high, low,
            rising=True,
        )  # fmt: skip

    def upper_quantile(self, log_p, mu, sigma, nu):
        own = as_tensor(0.0), as_tensor(1.0), nu / sigma
        low = -normal_quantile(log_p)
        high = -normal_quantile(log_p - LOG_2) + nu / sigma * (LOG_2 - log_p)
        return mu + sigma * root_between(
            lambda z: self.logccdf(z, *own), lambda z: self.logpdf(z, *own), log_p, low, high, low,
            rising=False,
        )  # fmt: skip

    def sample(self, key, shape, mu, sigma, nu):
        normal = ops.draw_normal(ops.key_fold(key, 1), element_indices(shape))
        return mu + sigma * normal + nu * draw_exponential(key, shape, 0)

    def mean(self, mu, sigma, nu):
        return mu + nu

    def variance(self, mu, sigma, nu):
        return ops.square(sigma) + ops.square(nu)


def log_sum_below(z, ratio):
    """Log of the probability that the sum of a standard normal and an exponential with rate `ratio`
    is below z, which is at most 0: the integral over the exponential."""
    root = math.sqrt(0.5)
    first = ops.log(ops.erfcx(-root * z))
    slope = ratio + (2 / math.sqrt(2 * math.pi)) * ops.exp(-first)

    def log_f(t):
        change = ops.log(ops.erfcx(root * (t - inner(z)))) - inner(first)
        return t * (inner(z) - inner(ratio) - 0.5 * t) + change

    part = log_integral(log_f, fall_width(slope, 0.6))
    return part + ops.log(ratio) + first - 0.5 * ops.square(z) - LOG_2


class SkewNormal(Distribution):
    """Skew normal with location `mu`, scale `sigma` and slant `alpha`.

    Support: all real numbers.
    Mean: mu + sigma * alpha * sqrt(2 / (pi * (1 + alpha**2))).
    Variance: sigma**2 * (1 - 2 * alpha**2 / (pi * (1 + alpha**2))).
    Source: Azzalini (1985), "A class of distributions which includes the normal ones",
    Scandinavian Journal of Statistics 12:171.
    """

    name = "skew_normal"
    parameters = {"mu": REAL, "sigma": POSITIVE, "alpha": REAL}
    defaults = {"mu": 0.0, "sigma": 1.0, "alpha": 1.0}
    shown = (0.0, 1.0, 3.0)

    def logpdf(self, x, mu, sigma, alpha):
        z = standardised(x, mu, sigma)
        rest = ops.log_ndtr(alpha * z) - log_of(sigma) + (LOG_2 - HALF_LOG_2PI)
        return -0.5 * ops.square(z) + rest

    def logcdf(self, x, mu, sigma, alpha):
        return self._tail(standardised(x, mu, sigma), alpha)

    def logccdf(self, x, mu, sigma, alpha):
        return self._tail(-standardised(x, mu, sigma), -alpha)

    def _tail(self, z, alpha):
        """Log of the probability below z; that of slants below 0 is the one above -z of the
        opposite slant."""
        turned = alpha < 0
        z, slant = ops.where(turned, -z, z), ops.where(turned, -alpha, alpha)
        left = z < 0
        below = log_lower_tail(ops.where(left, z, -1.0), slant)
        above = log_upper_tail(ops.where(left, 1.0, z), slant)
        most = above < LOG_HALF
        rest = ops.log1mexp(ops.where(most, above, -1.0))
        rest = ops.where(most, rest, log_middle(ops.where(left | most, 0.5, z), slant))
        lower = ops.where(left, below, rest)
        upper = ops.where(left, ops.log1mexp(below), above)
        return ops.where(turned, upper, lower)

    # The density is at most twice that of a normal, and at least that of its absolute value less.

    def lower_quantile(self, log_p, mu, sigma, alpha):
        own = as_tensor(0.0), as_tensor(1.0), alpha
        low = normal_quantile(log_p - LOG_2)
        high = -normal_quantile(ops.log1mexp(log_p) - LOG_2)
        start = ops.where(alpha < 0, low, normal_quantile(log_p))
        return mu + sigma * root_between(
            lambda z: self.logcdf(z, *own), lambda z: self.logpdf(z, *own), log_p, low, high,
            start, rising=True,
        )  # fmt: skip

    def upper_quantile(self, log_p, mu, sigma, alpha):
        return -self.lower_quantile(log_p, -mu, sigma, -alpha)

    def sample(self, key, shape, mu, sigma, alpha):
        index = element_indices(shape)
        first = ops.abs(ops.draw_normal(ops.key_fold(key, 0), index))
        second = ops.draw_normal(ops.key_fold(key, 1), index)
        return mu + sigma * ((alpha * first + second) / ops.hypot(1.0, alpha))

    def mean(self, mu, sigma, alpha):
        return mu + sigma * (math.sqrt(2 / math.pi) * alpha / ops.hypot(1.0, alpha))

    def variance(self, mu, sigma, alpha):
        slant = ops.square(alpha / ops.hypot(1.0, alpha))
        return ops.square(sigma) * (1 - 2 / math.pi * slant)


def log_lower_tail(z, slant):
    """Log of the probability that a skew normal of a slant of at least 0 is below z, which is below
    0: the integral of the density beside that at z."""
    score, root = slant * z, math.sqrt(0.5)
    first = ops.log(ops.erfcx(-root * score))
    spread = 1 + ops.square(slant)
    steep = -z + slant * (2 / math.sqrt(2 * math.pi)) * ops.exp(-first)

    def log_f(v):
        change = ops.log(ops.erfcx(root * inner(slant) * (v - inner(z)))) - inner(first)
        return v * (inner(z * spread) - 0.5 * inner(spread) * v) + change

    part = log_integral(log_f, fall_width(steep, 1 + 0.6 * ops.square(slant)))
    return part + first - 0.5 * spread * ops.square(z) - HALF_LOG_2PI


def log_middle(z, slant):
    """Log of the probability below z of at least 0, by Owen's T function in a sum of what is
    positive (Owen 1956, Annals of Mathematical Statistics 27:1075)."""
    steep = slant > 1
    wide, flat = ops.where(steep, slant, 2.0), ops.where(steep, 0.5, slant)
    over = ops.erf(math.sqrt(0.5) * z) * ops.ndtr(wide * z) + 2 * ops.owens_t(wide * z, 1 / wide)
    return ops.log(ops.where(steep, over, ops.ndtr(z) - 2 * ops.owens_t(z, flat)))


def log_upper_tail(z, slant):
    """Log of the probability above z of at least 0: by the integral where Owen's T function
    underflows."""
    far = z > 6
    y = ops.where(far, z, 7.0)
    first = ops.log_ndtr(slant * y)

    def log_f(v):
        change = ops.log_ndtr(inner(slant) * (inner(y) + v)) - inner(first)
        return change - v * (inner(y) + 0.5 * v)

    beyond = log_integral(log_f, fall_width(y)) + first - 0.5 * ops.square(y)
    beyond = beyond + (LOG_2 - HALF_LOG_2PI)
    y = ops.where(far, 1.0, z)
    return ops.where(far, beyond, ops.log(ops.ndtr(-y) + 2 * ops.owens_t(y, slant)))


class SkewStudentT(Distribution):
    """Skew Student's t of Jones and Faddy with tails `a` and `b` (degrees of freedom 2 a on the
    left and 2 b on the right), location `mu` and scale `sigma`.

    Support: all real numbers.
    Mean: mu + sigma * (a - b) * sqrt(a + b) * gamma(a - 0.5) * gamma(b - 0.5) / (2 * gamma(a) * \
gamma(b)) for min(a, b) > 0.5.
    Variance: sigma**2 * (a + b) / 4 * ((a - b)**2 + a + b - 2) / ((a - 1) * (b - 1)) - (mean - mu)\
**2 for min(a, b) > 1.
    Source: Jones and Faddy (2003), "A skew extension of the t-distribution", Journal of the Royal
    Statistical Society B 65:159.
    """

    name = "skew_student_t"
    parameters = {"a": POSITIVE, "b": POSITIVE, "mu": REAL, "sigma": POSITIVE}
    defaults = {"mu": 0.0, "sigma": 1.0}
    shown = (2.0, 3.0, 0.0, 1.0)

    def logpdf(self, x, a, b, mu, sigma):
        logs = skew_shares(standardised(x, mu, sigma), a + b)[2:]
        left, right = (LOG_2 + log_share for log_share in logs)
        scale = (a + b - 1) * LOG_2 + ops.lbeta(a, b) + 0.5 * ops.log(a + b) + log_of(sigma)
        return (a + 0.5) * left + (b + 0.5) * right - scale

    def logcdf(self, x, a, b, mu, sigma):
        left, right, log_left, _ = skew_shares(standardised(x, mu, sigma), a + b)
        low, last = left < 0.5, log_left < -460
        tail = ops.log_betainc(a, b, ops.where(low & ops.logical_not(last), left, 0.25))
        tail = ops.where(last, log_betainc_near_zero(a, b, log_left), tail)
        other = ops.log_betainc(b, a, ops.where(low, 0.25, right))
        return ops.where(low, tail, ops.log1mexp(ops.minimum(other, -1e-300)))

    def logccdf(self, x, a, b, mu, sigma):
        return self.logcdf(-x, b, a, -mu, sigma)

    def lower_quantile(self, log_p, a, b, mu, sigma):
        share = ops.betaincinv(a, b, share_of(log_p))
        offset = (share - 0.5) / ops.sqrt(share * (1 - share))
        return mu + sigma * offset * ops.sqrt(a + b)

    def upper_quantile(self, log_p, a, b, mu, sigma):
        return -self.lower_quantile(log_p, b, a, -mu, sigma)

    def sample(self, key, shape, a, b, mu, sigma):
        # The log odds of a beta variable; its offset from 1/2 by its deviation is a sinh.
        odds = log_gamma_draw(ops.key_fold(key, 0), shape, a)
        odds = odds - log_gamma_draw(ops.key_fold(key, 1), shape, b)
        return mu + sigma * ops.sqrt(a + b) * ops.sinh(0.5 * odds)

    def mean(self, a, b, mu, sigma):
        ratios = ops.exp(ops.lgamma(a - 0.5) - ops.lgamma(a) + ops.lgamma(b - 0.5) - ops.lgamma(b))
        value = mu + sigma * (0.5 * (a - b) * ops.sqrt(a + b) * ratios)
        return ops.where(ops.minimum(a, b) > 0.5, value, math.nan)

    def variance(self, a, b, mu, sigma):
        second = 0.25 * (a + b) * (ops.square(a - b) + a + b - 2) / ((a - 1) * (b - 1))
        value = ops.square(sigma) * second - ops.square(self.mean(a, b, 0 * mu, sigma))
        return ops.where(ops.minimum(a, b) > 1, value, math.nan)

    def mode(self, a, b, mu, sigma):
        return mu + sigma * ((a - b) * ops.sqrt((a + b) / ((2 * a + 1) * (2 * b + 1))))


def skew_shares(z, total):
    """(1 + z / r) / 2 and (1 - z / r) / 2 with r^2 = total + z^2, and their logs, all with full
    precision."""
    width = ops.sqrt(total)
    root = ops.hypot(width, z)
    larger = 0.5 * (1 + ops.where(root < math.inf, ops.abs(z) / root, 1.0))
    smaller = 0.5 * (width / root) * (width / (root + ops.abs(z)))
    log_smaller = ops.log_ratio(width, root, 1.0) + ops.log_ratio(width, root + ops.abs(z), 2.0)
    logs = ops.log(larger), log_smaller
    below = z < 0
    pairs = (smaller, larger), logs[::-1]
    first = [ops.where(below, *pair) for pair in pairs]
    second = [ops.where(below, *pair[::-1]) for pair in pairs]
    return first[0], second[0], first[1], second[1]


class SoftLaplace(Distribution):
    """The hyperbolic secant, 2 / (pi sigma (exp(z) + exp(-z))) with location `mu` and scale
    `sigma`: a Laplace distribution that is smooth at its mode.

    Support: all real numbers.
    Mean: mu.
    Variance: (pi * sigma / 2)**2.
    Source: Johnson, Kotz and Balakrishnan (1995), "Continuous Univariate Distributions", ch. 23.
    """

    name = "soft_laplace"
    parameters = {"mu": REAL, "sigma": POSITIVE}
    defaults = {"mu": 0.0, "sigma": 1.0}
    shown = (0.0, 2.0)

    def logpdf(self, x, mu, sigma):
        return -ops.log_cosh(standardised(x, mu, sigma)) - log_of(sigma) - LOG_PI

    def logcdf(self, x, mu, sigma):
        z = standardised(x, mu, sigma)
        below = z < 0
        tail = log_tail_of_secant(ops.where(below, z, -z))
        return ops.where(below, tail, ops.log1p(-ops.exp(tail)))

    def logccdf(self, x, mu, sigma):
        return self.logcdf(-x, -mu, sigma)

    def lower_quantile(self, log_p, mu, sigma):
        far = log_p < -40
        near = ops.log(ops.tan((math.pi / 2) * ops.exp(ops.where(far, -1.0, log_p))))
        return mu + sigma * ops.where(far, log_p + (LOG_PI - LOG_2), near)

    def upper_quantile(self, log_p, mu, sigma):
        return -self.lower_quantile(log_p, -mu, sigma)

    def sample(self, key, shape, mu, sigma):
        # The log of the absolute value of a Cauchy variable.
        u = ops.draw_uniform(key, element_indices(shape))
        return mu + sigma * ops.log(ops.tan((math.pi / 2) * u))

    def mean(self, mu, sigma):
        return mu

    def variance(self, mu, sigma):
        return ops.square((0.5 * math.pi) * sigma)

    def mode(self, mu, sigma):
        return mu

    def entropy(self, mu, sigma):
        return log_of(sigma) + (LOG_PI + LOG_2) + ops.zeros_like(mu)


def log_tail_of_secant(z):
    """log(2 arctan(exp(z)) / pi) for z <= 0."""
    far = z < -40
    near = ops.log(ops.arctan(ops.exp(ops.where(far, 0.0, z))))
    return ops.where(far, z, near) + (LOG_2 - LOG_PI)


def kappa_of_share(what, mu, b, q):
    """The asymmetry for which values are below mu with probability q."""
    q = check_literal(what, domain=OPEN_UNIT, q=q)
    return ops.sqrt(q / (1 - q)), mu, b


AsymmetricLaplace.alternatives = {("mu", "b", "q"): kappa_of_share}
