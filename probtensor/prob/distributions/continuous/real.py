"""Distributions over all real numbers."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.graph import Node, as_tensor
from probtensor.graph.node import TensorLike
from probtensor.prob.distributions.continuous.families import (
    LocationScale,
    half,
    log1p_square_ratio,
    standardised,
)
from probtensor.prob.distributions.distribution import Distribution, element_indices, share_of
from probtensor.prob.distributions.formulas import (
    END,
    HALF_LOG_2PI,
    LOG_2,
    LOG_PI,
    has_log,
    in_range,
    is_moderate,
    log_beta,
    log_of,
    log_shortfall,
    log_tail,
    quotient,
)
from probtensor.prob.distributions.parameters import check_literal
from probtensor.prob.distributions.support import (
    POSITIVE,
    REAL,
)
from probtensor.prob.distributions.truncation import (
    CAUCHY,
    LAPLACE,
    LOGISTIC,
    NORMAL,
)


class Normal(LocationScale):
    """Normal with mean `mu` and standard deviation `sigma` (1 by default), or precision `tau`.

    Support: all real numbers.
    Mean: mu.
    Variance: sigma**2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 13.
    """

    name = "normal"
    location_scale = ("mu", "sigma")
    parameters = {"mu": REAL, "sigma": POSITIVE}
    defaults = {"mu": 0.0, "sigma": 1.0}
    shown = (0.0, 2.0)
    standard = NORMAL

    def logpdf(self, x, mu, sigma):
        return -0.5 * ops.square(standardised(x, mu, sigma)) - log_of(sigma) - HALF_LOG_2PI

    def sample(self, key, shape, mu, sigma):
        return mu + sigma * ops.draw_normal(key, element_indices(shape))

    def mean(self, mu, sigma):
        return mu

    def variance(self, mu, sigma):
        return ops.square(sigma)

    def entropy(self, mu, sigma):
        return log_of(sigma) + (HALF_LOG_2PI + 0.5) + ops.zeros_like(mu)


class Cauchy(LocationScale):
    """Cauchy with location `mu` and scale `sigma`.

    Support: all real numbers.
    Mean: none.
    Variance: none.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 16.
    """

    name = "cauchy"
    location_scale = ("mu", "sigma")
    parameters = {"mu": REAL, "sigma": POSITIVE}
    defaults = {"mu": 0.0, "sigma": 1.0}
    shown = (0.0, 2.0)
    standard = CAUCHY

    def logpdf(self, x, mu, sigma):
        return -log1p_square_ratio(x - mu, sigma) - log_of(sigma) - LOG_PI

    def sample(self, key, shape, mu, sigma):
        u = ops.draw_uniform(key, element_indices(shape))
        return mu + sigma * ops.tan(math.pi * (u - 0.5))

    def entropy(self, mu, sigma):
        return log_of(sigma) + (LOG_PI + 2 * LOG_2) + ops.zeros_like(mu)


class StudentT(Distribution):
    """Student's t with `nu` degrees of freedom, location `mu` and scale `sigma`.

    Support: all real numbers.
    Mean: mu for nu > 1.
    Variance: sigma**2 * nu / (nu - 2) for nu > 2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 28.
    """

    name = "student_t"
    location_scale = ("mu", "sigma")
    parameters = {"nu": POSITIVE, "mu": REAL, "sigma": POSITIVE}
    defaults = {"mu": 0.0, "sigma": 1.0}
    shown = (4.0, 0.0, 2.0)

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

    def logcdf(self, x, nu, mu, sigma):
        return log_student_share(standardised(x, mu, sigma), nu)

    def logccdf(self, x, nu, mu, sigma):
        return log_student_share(-standardised(x, mu, sigma), nu)

    def lower_quantile(self, log_p, nu, mu, sigma):
        return mu - sigma * student_distance(log_p, nu)

    def upper_quantile(self, log_p, nu, mu, sigma):
        return mu + sigma * student_distance(log_p, nu)

    def mode(self, nu, mu, sigma):
        return mu

    def entropy(self, nu, mu, sigma):
        shape = 0.5 * (nu + 1)
        rest = ops.digamma_difference(0.5 * nu, 0.5) * shape
        return rest + 0.5 * ops.log(nu) + ops.lbeta(0.5 * nu, 0.5) + log_of(sigma) + 0 * mu


def log_student_share(z: Node, nu: Node) -> Node:
    """Log of the probability that Student's t is below z.

    The share from the middle to z is half of I(y; 1/2, nu / 2) with y = z^2 / (nu + z^2), and the
    tail half of its complement, which is I(1 - y; nu / 2, 1/2): the one whose argument is small."""
    square = ops.square(z)
    near, flat = square < 1, square < nu
    whole = nu + ops.where(flat, square, nu)
    # At the middle the slope of the root in y is infinite.
    flat_top = square < 1e-12 * (nu / (1 + nu))
    inside = ops.where(near & ops.logical_not(flat_top), square, 0.5)
    middle = 0.5 * ops.betainc(0.5, 0.5 * nu, inside / (nu + inside))
    middle = ops.where(z < 0, -middle, middle)
    height = ops.exp(-ops.lbeta(0.5, 0.5 * nu)) / ops.sqrt(nu)
    inner = ops.log(0.5 + ops.where(flat_top, z * height, middle))
    rest = ops.log_betaincc(0.5, 0.5 * nu, ops.where(flat, square, 0.5 * nu) / whole)
    # Where the square may overflow, by its logarithm.
    over = ops.logical_not(square < 1e200 * nu)
    log_share = ops.log(nu) - 2 * ops.log(ops.where(over, ops.abs(z), 1.0))
    last = log_betainc_near_zero(0.5 * nu, 0.5, log_share)
    far = ops.log_betainc(0.5 * nu, 0.5, nu / (nu + ops.where(flat | over, nu, square)))
    tail = ops.where(flat, rest, ops.where(over, last, far)) - LOG_2
    outer = ops.where(z < 0, tail, ops.log1p(-ops.exp(tail)))
    return ops.where(near, inner, outer)


def log_betainc_near_zero(a: Node, b: TensorLike, log_x: Node) -> Node:
    """log I(x; a, b) for x = exp(log_x) that is 0 beside 1, or underflows."""
    return a * log_x - ops.log(a) - ops.lbeta(a, b)


def student_distance(log_p: Node, nu: Node) -> Node:
    """The distance from the middle beyond which Student's t lies, on one side, with probability
    exp(log_p) of at most 1/2."""
    p = share_of(log_p)
    near = p > 0.25
    # y = z^2 / (nu + z^2), and 1 - y where that is the smaller one.
    inner = ops.betaincinv(0.5, 0.5 * nu, 1 - 2 * ops.where(near, p, 0.3))
    y = ops.where(near, inner, ops.betainccinv(0.5, 0.5 * nu, 2 * ops.where(near, 0.2, p)))
    rest = ops.betaincinv(0.5 * nu, 0.5, 2 * ops.where(near, 0.2, p))
    small = near | (y < 0.5)
    part = ops.where(small, y, rest)
    ratio = ops.where(small, part / (1 - part), (1 - part) / part)
    return ops.sqrt(nu * ratio)


class Laplace(LocationScale):
    """Laplace (double exponential) with location `mu` and scale `b`.

    Support: all real numbers.
    Mean: mu.
    Variance: 2 * b**2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 24.
    """

    name = "laplace"
    location_scale = ("mu", "b")
    parameters = {"mu": REAL, "b": POSITIVE}
    defaults = {"mu": 0.0, "b": 1.0}
    shown = (0.0, 2.0)
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

    def entropy(self, mu, b):
        return log_of(b) + (LOG_2 + 1) + ops.zeros_like(mu)


class Logistic(LocationScale):
    """Logistic with location `mu` and scale `s`.

    Support: all real numbers.
    Mean: mu.
    Variance: pi**2 * s**2 / 3.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 23.
    """

    name = "logistic"
    location_scale = ("mu", "s")
    parameters = {"mu": REAL, "s": POSITIVE}
    defaults = {"mu": 0.0, "s": 1.0}
    shown = (0.0, 2.0)
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

    def entropy(self, mu, s):
        return log_of(s) + 2 + ops.zeros_like(mu)


class Flat(Distribution):
    """Density 1 everywhere: improper, so it can be conditioned on but not drawn from."""

    name = "flat"
    improper = True

    def logpdf(self, x):
        return ops.zeros_like(x)


def _with_precision(what, mu, tau):
    return mu, 1 / ops.sqrt(check_literal(what, tau=tau))


Normal.alternatives = {("mu", "tau"): _with_precision}
