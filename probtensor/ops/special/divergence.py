"""Small differences of logarithms: deviances, which dominate log densities near their mode.

`log1pmx` and `expm1mx` are log(1 + x) - x and exp(x) - 1 - x; `kl_div` is the deviance of Loader
(2000), "Fast and accurate computation of binomial probabilities", where it is called bd0. The log
mass of a Poisson count, of a number of successes and the log density of Student's t contain such
deviances. They and their derivatives are computed from differences of counts, not of logarithms,
which cancel. Sums of two are the deviances of the binomial and negative binomial.
"""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike
from probtensor.ops.elementwise.values import Pole
from probtensor.ops.kinds import NONNEGATIVE, Elementwise, Facts, Range, op
from probtensor.ops.samples import arrays, reals
from probtensor.ops.special.functions import polynomial, static

HALVES = (0.5, 0.25, 1.0, 3.0, 1e-3, 40.0)
# 2/3, 2/5, ...: log(1 + f) = 2 s (1 + s^2/3 + ...) for s = f / (2 + f).
ATANH = tuple(2 / (2 * k + 1) for k in range(1, 14))
# 1/2!, 1/3!, ...
EXP_TAIL = tuple(float(1 / np.prod(np.arange(1.0, k + 3))) for k in range(15))


def _series(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    return polynomial(coefficients, x)


def _log1pmx_near(f: np.ndarray) -> np.ndarray:
    s, half = f / (2 + f), 0.5 * f * f
    return s * (half + s * s * _series(ATANH, s * s)) - half


def _log1pmx(x: np.ndarray) -> np.ndarray:
    near = _log1pmx_near(np.clip(x, -0.3, 0.42))
    far = np.where(x == np.inf, -np.inf, np.log1p(x) - x)
    return np.where((x > -0.29) & (x < 0.41), near, far).astype(x.dtype)


def _expm1mx(x: np.ndarray) -> np.ndarray:
    y = np.clip(x, -0.4, 0.4)
    small = y * y * _series(EXP_TAIL, y)
    far = np.where(x == np.inf, np.inf, np.expm1(x) - x)
    return np.where(np.abs(x) < 0.35, small, far).astype(x.dtype)


def _halves(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x in two parts, products of which are exact (Dekker 1971)."""
    big = x * 134217729.0
    high = big - (big - x)
    return high, x - high


def _balance(a: np.ndarray, b: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log(a / (b x)), and where a is near b x, the f with log(1 + f) = -log(a / (b x))."""
    (ma, ka), (mb, kb), (mx, kx) = (np.frexp(v) for v in (a, b, x))
    ratio = mb * mx / ma
    shift = np.where(ratio > 2**0.5, 1, np.where(ratio < 2**-0.5, -1, 0))
    (bh, bl), (xh, xl) = _halves(mb), _halves(np.ldexp(mx, -shift))
    f = ((bh * xh - ma) + (bh * xl + bl * xh) + bl * xl) / ma
    k = (kb + kx) - ka + shift
    log = k.astype("longdouble") * np.log(np.longdouble(2)) + np.log1p(f)
    return -log, np.where(k == 0, f, np.nan)


def _wide(function):
    """Decorator: a function of float64 arrays, applied to arrays of any float dtype."""

    def call(*arrays: np.ndarray) -> np.ndarray:
        wide = np.broadcast_arrays(*(a.astype("float64") for a in arrays))
        return np.asarray(function(*wide)).astype(arrays[0].dtype)

    return staticmethod(call)


def _valid(value: np.ndarray, *arrays: np.ndarray) -> np.ndarray:
    return np.where(np.logical_and.reduce([a >= 0 for a in arrays]), value, np.nan)


def _log_ratio(a, b, x):
    infinite = (b == np.inf) | (x == np.inf)
    none = (a == 0) & ((b == 0) | (x == 0)) | np.isnan(b * x) | (a == np.inf) & infinite
    value = _balance(a, b, x)[0]
    value = np.where((b == 0) | (x == 0) | (a == np.inf), np.inf, value)
    value = np.where(infinite | (a == 0), -np.inf, value)
    return _valid(np.where(none, np.nan, value), a, b, x)


def _kl_div(a, b, x):
    log, f = _balance(a, b, x)
    product = b * x
    far = a * log + (product - a)
    value = np.where(np.isnan(f), far, -a * _log1pmx_near(np.where(np.isnan(f), 0, f)))
    value = np.where(product == np.inf, np.inf, value)
    value = np.where(a == 0, product, value)
    value = np.where((a > 0) & ((b == 0) | (x == 0)), np.inf, value)
    value = np.where(a == np.inf, np.where(product == np.inf, np.nan, np.inf), value)
    return _valid(np.where(np.isnan(product), np.nan, value), a, b, x)


def _power_divergence(a, b, x):
    edge = np.where(a > 1, np.inf, np.where(a < 1, -np.inf, -1 - np.log(np.minimum(b, 1e308))))
    value = np.where(x == 0, edge, _kl_div(a, b, np.where(x == 0, 1.0, x)))
    return np.where((a > 0) & (b > 0), value, np.nan)


def _beta_divergence(a, b, x):
    return _power_divergence(a, a + b, x) + _power_divergence(b, a + b, 1 - x)


def _log_share_ratio(a, b, x, y):
    (bh, bl), (xh, xl) = _halves(b), _halves(x)
    (ah, al), (yh, yl) = _halves(a), _halves(y)
    product, other = b * x, a * y
    lost = ((bh * xh - product) + (bh * xl + bl * xh)) + bl * xl
    gone = ((ah * yh - other) + (ah * yl + al * yh)) + al * yl
    f = ((product - other) + (lost - gone)) / a
    near = np.abs(f) < 0.4
    return np.where(near, -np.log1p(np.where(near, f, 0)), _log_ratio(a, a + b, x))


def _inverse_divergence(a, b, x):
    return _kl_div(a, b, 1 / x)


def _kl_div_exp(a, l):
    log = np.log(a.astype("longdouble"))
    d = np.where(a > 0, l - log, 0).astype("float64")
    value = np.where(d > 700, a * (log - l) + (np.exp(l) - a), a * _expm1mx(d))
    value = np.where(a == 0, np.exp(l), value)
    value = np.where(l == np.inf, np.inf, value)
    value = np.where(a == np.inf, np.where(l == np.inf, np.nan, np.inf), value)
    return np.where(np.isnan(l), np.nan, _valid(value, a))


def _binomial_divergence(x, n, p):
    return _kl_div(x, n, p) + _kl_div(n - x, n, 1 - p)


def _surplus(a, b, x):
    value = np.where(b * x < 1e300, (b * x - a) / b, x - a / b)
    return np.where(a == 0, x, value)


def _log_share(x, y):
    close = (np.abs(y) < np.abs(x)) | (x == y) & (x != 0)
    close = close & (np.abs(x) < np.inf) & (np.abs(0.5 * x) <= np.abs(x + y))
    plain = np.log(np.where(close, 1, x / (x + y)))
    return np.where(close, -np.log1p(y / np.where(close, x, 1)), plain)


def _poisson_divergence(a, d):
    return np.where(a == 0, np.exp(d), a * _expm1mx(d))


def _poisson_slope(a, d):
    return np.where(a == 0, np.exp(d), a * np.expm1(d))


def _share(x, m, d):
    """u, h, z and whether x is the larger count, as in pt_divergence.h."""
    swap = x > m
    small, large = np.where(swap, m, x), np.where(swap, x, m)
    z = np.where(swap, -d, d)
    h = np.where(small > 0, small, 1) / np.where(small > 0, small + large, large)
    y = np.clip(z, -746, 650)
    u = np.minimum(h * np.where(small > 0, np.expm1(y), np.exp(y)), 1e306)
    return u, np.where(small > 0, h, 0), z, swap


def _share_divergence(x, m, d):
    u, h, z, _ = _share(x, m, d)
    near = _log1pmx_near(np.clip(u, -0.3, 0.42)) + h * _expm1mx(np.clip(z, -746, 650))
    linear = np.where(h > 0, h * np.minimum(z, 650), 0)
    far = np.log1p(u) - linear + (1 - h) * np.maximum(z - 650, 0)
    small = (u > -0.29) & (u < 0.41) & (h > 0) & (z > -746)
    value = np.where(x + m > 0, (x + m) * np.where(small, near, far), 0)
    return np.where((x < 0) | (m < 0), np.nan, value)


def _share_slope(x, m, d):
    u = _share(x, m, d)[0]
    return np.where(x + m > 0, np.where(x > m, -x, m) * (u / (1 + u)), 0)


def _share_drift(x, m, d):
    u, h, z, swap = _share(x, m, d)
    e = u / np.where(h > 0, h, 1)
    f = np.where(swap, (h - 1) * (e / (1 + e)), u)
    q = f / (1 + f)
    near = _log1pmx_near(np.clip(f, -0.3, 0.42)) + f * q
    share = u / (1 + u) * (x / np.where(m > 0, m, 1))
    direct = np.where(h > 0, h, 1 / np.maximum(x, 1)) + (1 - h) * np.exp(-np.maximum(z, 1))
    swapped = np.where(z > 1, np.log(direct), np.log1p(u) - z) + share
    far = np.where(swap, swapped, np.log1p(u) + np.maximum(d - 650, 0) - q)
    value = np.where((f > -0.29) & (f < 0.41), near, far)
    return np.where((x < 0) | (m < 0), np.nan, value)


# Both factors of a product that overflows are scaled by this.
SCALE = 2.0**-320


def _student(x, w, nu):
    """t = |x w| / sqrt(nu), bounded, log(1 + t^2), its share t^2 / (1 + t^2), and infinities."""
    root = np.sqrt(1 / nu) * w
    t = np.abs(x * root)
    scaled = np.abs((x * SCALE) * (root * SCALE))
    far = 2 * (np.log(np.where(t > 1e150, scaled, 1)) - 2 * np.log(SCALE))
    t = np.where(np.isnan(t), t, np.minimum(t, 1e153))
    log = np.where(t > 1e150, far, np.log1p(t * t))
    return root, t, log, t * t / (1 + t * t), np.isinf(x) | np.isinf(w)


def _student_kernel(x, w, nu):
    _, _, log, _, infinite = _student(x, w, nu)
    value = np.where(infinite, np.abs(x * w), (nu + 1) * log)
    return np.where(nu == np.inf, np.square(x * w), np.where(nu > 0, value, np.nan))


def _student_slope(x, w, nu):
    root, t, _, _, _ = _student(x, w, nu)
    slope = np.where(t > 1e150, 1, root * (x * root)) / np.where(t > 1e150, x, 1 + t * t)
    value = np.where(nu == np.inf, 2 * w * (x * w), 2 * (nu + 1) * slope)
    return np.where(np.isinf(x), 0, value)


def _student_drift(x, w, nu):
    _, t, log, share, infinite = _student(x, w, nu)
    r = t * t
    near = _log1pmx_near(np.clip(r, 0, 0.42)) + r * share
    value = np.where(r < 0.41, near, log - share) - share / nu
    value = np.where(infinite, np.abs(x * w), value)
    return np.where(nu == np.inf, 0.0, value)


@op
class Log1pmx(Elementwise):
    """log(1 + x) - x, without cancellation near 0; nan below -1."""

    numpy, c = static(_log1pmx), "pt_log1pmx"
    poles = (Pole(0, -1.0),)
    facts = Facts(range=Range(high=0.0))
    samples = reals(-0.8, 3, edges=(0.0, 1e-9, -1e-9, 0.4, -0.25, 1e6, -0.999, 1e300, np.inf))

    def vjp(self, g, out, x):
        return (-g * (x / (1 + x)),)


@op
class Expm1mx(Elementwise):
    """exp(x) - 1 - x, without cancellation near 0."""

    numpy, c = static(_expm1mx), "pt_expm1mx"
    facts = Facts(range=NONNEGATIVE)
    samples = reals(-2, 2, edges=(0.0, 1e-9, -1e-9, 0.2, -0.3, 700.0, -800.0, np.inf, np.nan))

    def vjp(self, g, out, x):
        return (g * ops.expm1(x),)


@op
class KlDiv(Elementwise):
    """a log(a / (b x)) + b x - a for numbers from 0 on, and b x where a is 0; b x may overflow."""

    arity, numpy, c = 3, _wide(_kl_div), "pt_kl_div"
    poles = (Pole(0, 0.0, finite=True), Pole(1, 0.0), Pole(2, 0.0))
    facts = Facts(range=NONNEGATIVE)
    samples = reals(0.3, 3, 0.3, 3, 0.3, 3, edges=(0.0, 1.0, 1.0 + 1e-9, 7.0, 1e-200, 1e150))

    def vjp(self, g, out, a, b, x):
        return g * log_ratio(a, b, x), g * surplus(a, b, x), g * surplus(a, x, b)


@op
class PowerDivergence(Elementwise):
    """a log(a / (b x)) + b x - a for a, b > 0 and x >= 0: -log of x^a exp(-b x) less its largest.
    At x = 0, what it and log x leave together: an infinity, but for a = 1."""

    arity, numpy, c = 3, _wide(_power_divergence), "pt_power_divergence"
    poles = (Pole(0, 0.0), Pole(1, 0.0), Pole(2, 0.0))
    samples = reals(0.3, 3, 0.3, 3, 0.3, 3, edges=(0.0, 1.0, 1.0 + 1e-9, 7.0, 1e-200, 1e150))

    def vjp(self, g, out, a, b, x):
        slope = ops.where(ops.eq(x, 0), b, surplus(a, x, b))
        return g * log_ratio(a, b, x), g * surplus(a, b, x), g * slope


@op
class BetaDivergence(Elementwise):
    """power_divergence(a, a + b, x) + power_divergence(b, a + b, 1 - x): minus the log of
    x^a (1 - x)^b, less its largest. Its slopes in a and b are of the size of what x is away from
    the mode, where those of the parts are rounded as x and 1 - x are."""

    arity, numpy, c = 3, _wide(_beta_divergence), "pt_beta_divergence"
    poles = (Pole(0, 0.0), Pole(1, 0.0), Pole(2, 0.0), Pole(2, 1.0))
    samples = (
        *reals(0.3, 3, 0.3, 3, 0.2, 0.8),
        *arrays(*(lambda rng, row=row: np.array(row, float) for row in (
            (0.5, 1, 2, 3, 7, 1e9, 1), (3, 3, 1, 4, 1, 2e9, 1), (0.2, 0, 1, 0.5, 0, 0.3, 0.5),
        )), smooth=False),
    )  # fmt: skip

    def vjp(self, g, out, a, b, x):
        y, total = 1 - x, a + b
        left = ops.where(ops.eq(x, 0), total, surplus(a, x, total))
        right = ops.where(ops.eq(y, 0), total, surplus(b, y, total))
        return g * log_share_ratio(a, b, x, y), g * log_share_ratio(b, a, y, x), g * (left - right)


@op
class LogShareRatio(Elementwise):
    """log(a / ((a + b) x)) for a, b > 0 and y = 1 - x, accurate relative to the result where either
    of x and y is exact: what (a + b) x exceeds a by is formed as b x - a y."""

    arity, numpy, c = 4, _wide(_log_share_ratio), "pt_log_share_ratio"
    poles = (Pole(0, 0.0), Pole(2, 0.0))
    samples = arrays(*(lambda rng, row=row: np.array(row, float) for row in (
        (0.5, 1, 2, 3, 7, 1e9, 1), (3, 3, 1, 4, 1, 2e9, 1),
        (0.25, 0.5, 0.875, 0.5, 0.75, 0.375, 0.5), (0.75, 0.5, 0.125, 0.5, 0.25, 0.625, 0.5),
    )), smooth=False)  # fmt: skip

    def vjp(self, g, out, a, b, x, y):
        total = a + b
        return g * (b / a / total), -g / total, -g / x, ops.zeros_like(g)


@op
class InverseDivergence(Elementwise):
    """kl_div(a, b, 1 / x) for x > 0, whose slope in x is not a product of that in 1 / x, which may
    overflow."""

    arity, numpy, c = 3, _wide(_inverse_divergence), "pt_inverse_divergence"
    poles = (Pole(0, 0.0, finite=True), Pole(1, 0.0), Pole(2, 0.0))
    facts = Facts(range=NONNEGATIVE)
    samples = reals(0.3, 3, 0.3, 3, 0.3, 3, edges=(1.0, 1.0 + 1e-9, 7.0, 1e-200, 1e150))

    def vjp(self, g, out, a, b, x):
        inverse = 1 / x
        slope = surplus(b, x, a) * inverse
        return g * log_ratio(a, b, inverse), g * surplus(a, b, inverse), g * slope


@op
class LogRatio(Elementwise):
    """log(a / (b x)) for numbers from 0 on, without cancellation near 1; b x may overflow."""

    arity, numpy, c = 3, _wide(_log_ratio), "pt_log_ratio"
    poles = (Pole(0, 0.0), Pole(1, 0.0), Pole(2, 0.0))
    samples = reals(0.3, 3, 0.3, 3, 0.3, 3, edges=(1.0, 1.0 + 1e-9, 7.0, 1e-200, 1e250))

    def vjp(self, g, out, a, b, x):
        return g / a, -g / b, -g / x


@op
class LogShare(Elementwise):
    """log(x / (x + y)), also where the quotient rounds to 1; nan where it is negative."""

    arity, numpy, c = 2, _wide(_log_share), "pt_log_share"
    poles = (Pole(0, 0.0),)
    samples = reals(0.3, 3, 0.3, 3, edges=(0.0, 1.0, -1.0, 3.0, 1e-20, -1e-20, 1e200, np.inf))

    def vjp(self, g, out, x, y):
        total = x + y
        return g * (y / total / x), -g / total


@op
class Surplus(Elementwise):
    """x - a / b without cancellation: the slope of kl_div."""

    arity, numpy, c = 3, _wide(_surplus), "pt_surplus"
    poles = (Pole(1, 0.0),)
    samples = reals(0.3, 3, 0.3, 3, 0.3, 3, edges=(1.0, 3.0, 7.0, 1e-200, 1e250))

    def vjp(self, g, out, a, b, x):
        # For a = 0 it is x, also at b = 0.
        none = ops.logical_and(ops.eq(a, 0), ops.eq(b, 0))
        safe = ops.where(none, 1, b)
        return -g / b, g * (a / safe / safe), g


@op
class KlDivExp(Elementwise):
    """a (log a - l) + exp(l) - a for a >= 0: kl_div with the log of its second argument."""

    arity, numpy, c = 2, _wide(_kl_div_exp), "pt_kl_div_exp"
    poles = (Pole(0, 0.0, finite=True),)
    facts = Facts(range=NONNEGATIVE)
    samples = reals(0.3, 3, -2, 2, edges=(0.0, 1.0, 2.0, 40.0, 700.0))

    def vjp(self, g, out, a, l):
        return g * (ops.log(a) - l), g * poisson_slope(a, l - ops.log(at_least_one(a)))


@op
class BinomialDivergence(Elementwise):
    """kl_div(x, n, p) + kl_div(n - x, n, 1 - p): of x of n successes with probability p, minus the
    log mass less its largest. Rules see links in it."""

    arity, numpy, c = 3, _wide(_binomial_divergence), "pt_binomial_divergence"
    poles = (Pole(0, 0.0, finite=True), Pole(2, 0.0), Pole(2, 1.0))
    facts = Facts(range=NONNEGATIVE)
    samples = (
        *reals(0.3, 3, 4, 6, 0.2, 0.8),
        *arrays(*(lambda rng, row=row: np.array(row, float) for row in (
            (0, 0, 3, 3, 2, 2, 0, 1), (3, 3, 3, 3, 4, 4, 0, 3), (0.2, 0, 1, 0.5, 0, 0.5, 0, 1),
        )), smooth=False),
    )  # fmt: skip

    def vjp(self, g, out, x, n, p):
        m, q = n - x, 1 - p
        by_x, by_m = log_ratio(x, n, p), log_ratio(m, n, q)
        by_n = by_m + surplus(x, n, p) + surplus(m, n, q)
        return g * (by_x - by_m), g * by_n, g * (surplus(x, p, n) - surplus(m, q, n))


@op
class PoissonDivergence(Elementwise):
    """a (exp(d) - 1 - d), and exp(d) where a is 0: of a Poisson count a, where d is the log of its
    rate over max(a, 1), minus the log mass less its largest."""

    arity, numpy, c = 2, _wide(_poisson_divergence), "pt_poisson_divergence"
    samples = reals(0.3, 3, -2, 2, edges=(0.0, 1.0, 2.0, 1e-9, 40.0, 650.0))

    def vjp(self, g, out, a, d):
        return g * expm1mx(d), g * poisson_slope(a, d)


@op
class PoissonSlope(Elementwise):
    """a (exp(d) - 1), and exp(d) where a is 0."""

    arity, numpy, c = 2, _wide(_poisson_slope), "pt_poisson_slope"
    samples = reals(0.3, 3, -2, 2, edges=(0.0, 1.0, 2.0, 1e-9, 40.0, 650.0))

    def vjp(self, g, out, a, d):
        return g * ops.expm1(d), g * (at_least_one(a) * ops.exp(d))


def at_least_one(a: Node) -> Node:
    """a, but 1 where a is 0."""
    return ops.where(ops.eq(a, 0), 1, a)


@op
class ShareDivergence(Elementwise):
    """(x + m) (log(1 - p + p exp(d)) - p d) with p = x / (x + m): of x of x + m successes, where d
    is the log odds less log(x / m), minus the log mass less its largest. Where x or m is 0, it
    stands for 1 in that; nan where one is negative."""

    arity, numpy, c = 3, _wide(_share_divergence), "pt_share_divergence"
    facts = Facts(range=NONNEGATIVE)
    samples = reals(0.3, 3, 0.3, 3, -2, 2, edges=(0.0, 1.0, 3.0, 1e-9, 50.0, 650.0))

    def vjp(self, g, out, x, m, d):
        return g * share_drift(m, x, -d), g * share_drift(x, m, d), g * share_slope(x, m, d)


@op
class ShareSlope(Elementwise):
    """The expected number of successes of x + m, less x: the slope of share_divergence in d."""

    arity, numpy, c = 3, _wide(_share_slope), "pt_share_slope"
    samples = reals(0.3, 3, 0.3, 3, -2, 2, edges=(0.0, 1.0, 3.0, 1e-9, 50.0, 650.0))

    def vjp(self, g, out, x, m, d):
        x, n, m, p, q = expected_share(x, m, d)
        return g * (out / x * q), g * (out / m * p), g * (n * p * q)


@op
class ShareDrift(Elementwise):
    """The slope of share_divergence in m > 0, at d fixed; nan where x or m is negative."""

    arity, numpy, c = 3, _wide(_share_drift), "pt_share_drift"
    poles = (Pole(1, 0.0),)
    samples = reals(0.3, 3, 0.3, 3, -2, 2, edges=(1.0, 3.0, 1e-3, 50.0, 650.0))

    def vjp(self, g, out, x, m, d):
        slope = share_slope(x, m, d)
        x, n, m, p, _ = expected_share(x, m, d)
        slope = slope / m
        return g * (slope * share_slope(x, m, d) / x / n), -g * (slope * slope / n), g * slope * p


def expected_share(x: Node, m: Node, d: Node) -> tuple[Node, ...]:
    """x, x + m and m (with 1 for 0), and the probabilities of success and failure at d."""
    n = x + m
    x, m = at_least_one(x), at_least_one(m)
    odds = d + log_ratio(x, m, 1)
    return x, n, m, ops.sigmoid(odds), ops.sigmoid(-odds)


@op
class StudentKernel(Elementwise):
    """(nu + 1) log(1 + (x w)**2 / nu), where the square or the product may overflow; (x w)**2
    where nu is infinite."""

    arity, numpy, c = 3, _wide(_student_kernel), "pt_student_kernel"
    poles = (Pole(2, 0.0),)
    facts = Facts(range=NONNEGATIVE)
    samples = reals(-3, 3, 0.2, 2, 0.5, 9, edges=(0.5, 1.0, 50.0, 1e10, 1e200))

    def vjp(self, g, out, x, w, nu):
        slopes = student_slope(x, w, nu), student_slope(w, x, nu)
        return g * slopes[0], g * slopes[1], g * student_drift(x, w, nu)


@op
class StudentSlope(Elementwise):
    """2 (nu + 1) w**2 x / (nu + (x w)**2), the slope of student_kernel in x."""

    arity, numpy, c = 3, _wide(_student_slope), "pt_student_slope"
    poles = (Pole(2, 0.0),)
    samples = reals(-3, 3, 0.2, 2, 0.5, 9, edges=(0.5, 1.0, 50.0, 1e10, 1e200))

    def vjp(self, g, out, x, w, nu):
        q, total = student_square(x, w, nu)
        by_x = 2 * (nu + 1) * (w / total) * (w * ((nu - q) / total))
        by_w = 4 * (nu + 1) * (w / total) * (x / total) * nu
        return g * by_x, g * by_w, g * 2 * (w / total) * (w * x / total) * (q - 1)


@op
class StudentDrift(Elementwise):
    """The slope of student_kernel in nu."""

    arity, numpy, c = 3, _wide(_student_drift), "pt_student_drift"
    poles = (Pole(2, 0.0),)
    samples = reals(0.1, 0.5, 0.5, 1, 5, 9, edges=(0.5, 1.0, 50.0, 1e10, 1e200))

    def vjp(self, g, out, x, w, nu):
        q, total = student_square(x, w, nu)
        shared = 2 * ((q - 1) / total) * (x * w / total)
        change = (1 - q) / total + 1 / nu
        return g * (shared * w), g * (shared * x), g * (q / total / nu * change)


def student_square(x: Node, w: Node, nu: Node) -> tuple[Node, Node]:
    """(x w)**2, bounded, and nu more."""
    q = ops.square(ops.minimum(ops.abs(x * w), 1e150))
    return q, nu + q


@public
def kl_div(x: TensorLike, y: TensorLike) -> Node:
    """x log(x / y) - x + y for x, y >= 0, elementwise, and y where x is 0: the deviance of a
    Poisson count x with mean y, halved. Accurate relative to the result where x is near y; inf
    where y alone is 0, nan below 0. As `scipy.special.kl_div`.

        pt.kl_div(1e15, 1e15 + 1e7)          # 0.05, where the terms as written give 0

    Returns a tensor of the shape that x and y broadcast to: float32 if both are, else float64.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.special.kl_div(1e15, 1e15 + 1e7).eval()
        array(0.05)
    """
    return scaled_kl_div(x, y, 1)


log1pmx = Log1pmx()
expm1mx = Expm1mx()
scaled_kl_div = KlDiv()
beta_divergence = BetaDivergence()
log_share_ratio = LogShareRatio()
inverse_divergence = InverseDivergence()
log_ratio = LogRatio()
log_share = LogShare()
surplus = Surplus()
power_divergence = PowerDivergence()
kl_div_exp = KlDivExp()
binomial_divergence = BinomialDivergence()
poisson_divergence = PoissonDivergence()
poisson_slope = PoissonSlope()
share_divergence = ShareDivergence()
share_slope = ShareSlope()
share_drift = ShareDrift()
student_kernel = StudentKernel()
student_slope = StudentSlope()
student_drift = StudentDrift()
