"""Differences of log gamma and its derivatives, which cancel if computed as written.

With R(z) = lgamma(z) - z log z + z and its derivatives P(z) = digamma(z) - log z, Q(z) =
trigamma(z) - 1/z, which are small for large z (DLMF 5.11),

    lgamma(x + n) - lgamma(x) = n log(x + n) + x (log(1 + n/x) - n/x) + R(x + n) - R(x)

where the difference R(x + n) - R(x) is taken term by term of Stirling's series, as in Didonato and
Morris (1992), ACM TOMS 18:360. Below 8, eight steps of the recurrence come first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.ops.elementwise.values import Pole
from probtensor.ops.kinds import Elementwise, Facts, op
from probtensor.ops.samples import reals
from probtensor.ops.special.divergence import _kl_div, _log1pmx, _wide
from probtensor.ops.special.functions import HALF_LOG_2PI, SciPy, _lgamma, _zeta2, polynomial

SHIFT = 8.0
# B_2, B_4, ... (DLMF 24.2).
BERNOULLI = (
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798,
    -174611 / 330, 854513 / 138, -236364091 / 2730,
)  # fmt: skip
STIRLING = tuple(b / (2 * k * (2 * k - 1)) for k, b in enumerate(BERNOULLI, 1))
DIGAMMA = tuple(b / (2 * k) for k, b in enumerate(BERNOULLI, 1))
# A few integers need no SciPy, which is slow to import.
FEW = 64
_psi = SciPy("psi")
EDGES = (0.5, 1.0, 3.0, 1e-9, 12.0, 40.0, 1e6, 1e20)


def _small_lgamma(x: np.ndarray) -> np.ndarray:
    values, inverse = np.unique(x, return_inverse=True)
    if len(values) > FEW:
        return _lgamma(x)
    return np.array([math.lgamma(v) for v in values])[inverse].reshape(x.shape)


def _poly(coefficients: Sequence[float], x: np.ndarray) -> np.ndarray:
    return polynomial(coefficients, x)


def _slope(coefficients: Sequence[float], v: np.ndarray, w: np.ndarray) -> np.ndarray:
    """(p(v) - p(w)) / (v - w) for a polynomial p."""
    slope, value = np.zeros_like(v), np.full_like(v, coefficients[-1])
    for c in reversed(coefficients[:-1]):
        slope, value = slope * w + value, value * v + c
    return slope


def _rest(order: int, x: np.ndarray) -> np.ndarray:
    """R, P or Q."""
    far, near = np.where(x < SHIFT, SHIFT, x), np.where(x < SHIFT, x, 1.0)
    near = np.where(near > 0, near, 1.0)
    w = 1 / far
    if order == 0:
        large = HALF_LOG_2PI - 0.5 * np.log(far) + w * _poly(STIRLING, w * w)
        small, pole = _small_lgamma(near) - near * (np.log(near) - 1), np.inf
    elif order == 1:
        large = -w * (0.5 + w * _poly(DIGAMMA, w * w))
        small, pole = _psi(near) - np.log(near), -np.inf
    else:
        large = w * w * (0.5 + w * _poly(BERNOULLI, w * w))
        small, pole = np.where(near < 1e-150, 1 / near / near, _zeta2(near) - 1 / near), np.inf
    value = np.where(x < SHIFT, small, large)
    return np.where(x > 0, value, np.where(x == 0, pole, np.nan))


def _far_change(order: int, a: np.ndarray, n: np.ndarray) -> np.ndarray:
    """The difference of R, P or Q between a + n and a, for a and a + n at least 8."""
    w, v = 1 / a, 1 / (a + n)
    W, V = w * w, v * v
    if order == 0:
        change = _poly(STIRLING, V) + w * (v + w) * _slope(STIRLING, V, W)
        return -0.5 * np.log1p(n * w) - n * w * v * change
    if order == 1:
        change = _poly(DIGAMMA, V) + W * _slope(DIGAMMA, V, W)
        return n * w * v * (0.5 + (v + w) * change)
    cube = (V + v * w + W) * _poly(BERNOULLI, V) + W * w * (v + w) * _slope(BERNOULLI, V, W)
    return -n * w * v * (0.5 * (v + w) + cube)


def _rest_change(order: int, a: np.ndarray, n: np.ndarray) -> np.ndarray:
    far = (a >= SHIFT) & (a + n >= SHIFT) & (a + n < np.inf)
    far_value = _far_change(order, np.where(far, a, SHIFT), np.where(far, n, 0.0))
    value = np.where(far, far_value, _rest(order, a + n) - _rest(order, a))
    if order == 0:
        value = np.where((a == np.inf) & ~np.isnan(n), 0, value)
    return np.where((n == 0) & (a >= 0), 0.0, value)


def _ordered(x: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, ...]:
    """A mask of where x and x + n are positive and finite, and there the lower of the two, the
    distance to the upper one, and the sign of n."""
    valid = (x > 0) & (x + n > 0) & (x + n < np.inf)
    low = np.where(valid, np.where(n < 0, x + n, x), 1.0)
    return valid, low, np.where(valid, np.abs(n), 0.0), np.where(n < 0, -1.0, 1.0)


def _rise_far(x: np.ndarray, n: np.ndarray) -> np.ndarray:
    return n * np.log(x + n) + (x * _log1pmx(n / x) + _far_change(0, x, n))


def _log_rising(x: np.ndarray, n: np.ndarray) -> np.ndarray:
    valid, low, step, sign = _ordered(x, n)
    above = low >= SHIFT
    is_long_step = (step >= 1) | (step > 1e8 * low)
    u = np.zeros_like(low)
    for j in range(8):
        part = np.where(is_long_step, 0, step) / (low + j)
        u = u + (u * part + part)
    start = np.where(above, low, low + SHIFT)
    moved = _rise_far(start, step)
    near = np.where(is_long_step, _lgamma(low + step) - _lgamma(low), moved - np.log1p(u))
    plain = np.where(x + n == np.inf, np.where(x == np.inf, n * np.inf, np.inf),
                     _lgamma(x + n) - _lgamma(x))  # fmt: skip
    value = np.where(valid, sign * np.where(above, moved, near), plain)
    return np.where((n == 0) & ~np.isnan(x), 0.0, value)


def _difference(order: int, x: np.ndarray, n: np.ndarray) -> np.ndarray:
    """digamma(x + n) - digamma(x), for order 2 with trigamma."""
    valid, low, step, sign = _ordered(x, n)
    start = np.where(low < SHIFT, low + SHIFT, low)
    steps = np.zeros_like(low)
    for j in reversed(range(8)):
        a, b = low + j, low + j + step
        steps = steps + step / b / a * (1 if order == 1 else 1 / a + 1 / b)
    steps = np.where(low < SHIFT, steps, 0.0)
    if order == 1:
        moved = steps + (np.log1p(step / start) + _far_change(1, start, step))
        plain = np.where(x == np.inf, 0 * np.where(np.isnan(n), n, 0), _psi(x + n) - _psi(x))
    else:
        moved = _far_change(2, start, step) - step / (start + step) / start - steps
        plain = _zeta2(x + n) - _zeta2(x)
    value = np.where(valid, sign * moved, plain)
    return np.where((n == 0) & ~np.isnan(x), 0.0, value)


def _lbeta(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    small, large = np.minimum(x, y), np.maximum(x, y)
    pole = (small < 0) & (small == np.floor(small))
    rest = 1 - (small + np.where(large < np.inf, large, 0.0))
    mirrored = pole & (large > 0) & (large == np.floor(large)) & (rest >= 1)
    small, large = (
        np.where(mirrored, end(large, rest), value)
        for end, value in ((np.minimum, small), (np.maximum, large))
    )
    valid = (small > 0) & (large < np.inf)
    p, q = np.where(valid, small, 1.0), np.where(valid, large, 1.0)
    plain = _lgamma(small) + (_lgamma(large) - _lgamma(small + large))
    one = _lgamma(p) - _rise_far(np.maximum(q, SHIFT), p)
    ratio = p / q
    rest = _rest(0, np.maximum(p, SHIFT)) - _far_change(0, np.maximum(q, SHIFT), p)
    both = rest + p * np.log(ratio / (1 + ratio)) - q * np.log1p(ratio)
    value = np.where(small >= SHIFT, both, np.where(large >= SHIFT, one, plain))
    value = np.where(large < SHIFT, plain, value)
    value = np.where(small < 0, _lgamma(small) - _log_rising(large, small), value)
    edge = np.where((large == np.inf) & (small > 0), -np.inf, np.inf)
    value = np.where((small == 0) | (large == np.inf) | (pole & ~mirrored), edge, value)
    return np.where(np.isnan(x) | np.isnan(y), np.nan, value)


def _multiset(a, n):
    small = (n < 1) | np.isinf(a)
    below = np.where(small, n, 0.0)
    written = _log_rising(np.where(small, a, 1.0), below) - _log_rising(np.ones_like(below), below)
    beta = _lbeta(np.where(small, 1.0, a), np.where(small, 1.0, n + 1))
    return np.where(small, written, -(beta + np.log(np.abs(np.where(small, 1.0, a + n)))))


def _step_divergence(a, x, b, y):
    total = a + b
    f = (a * y - b * x) / total / (a + x)
    far = _kl_div(a + x, total + (x + y), a / total)
    return np.where(np.abs(f) < 0.28, -(a + x) * _log1pmx(np.clip(f, -0.3, 0.3)), far)


def _lbeta_change(a, x, b, y):
    largest = np.abs(a) + np.abs(b) + np.abs(x) + np.abs(y)
    valid = (a > 0) & (b > 0) & (a + x > 0) & (b + y > 0) & (largest < 1e150)
    p, q = np.where(valid, a, 1.0), np.where(valid, b, 1.0)
    n, m = np.where(valid, x, 0.0), np.where(valid, y, 0.0)
    rests = _rest_change(0, p, n) + _rest_change(0, q, m) - _rest_change(0, p + q, n + m)
    heads = np.where(p < q, np.log(p / (p + q)), -np.log1p(q / p))
    tails = np.where(p < q, -np.log1p(p / q), np.log(q / (p + q)))
    away = _step_divergence(p, n, q, m) + _step_divergence(q, m, p, n)
    value = n * heads + (m * tails + (away + rests))
    end, start = _lbeta(a + x, b + y), _lbeta(a, b)
    near = valid & (np.abs(end - start) <= 0.25 * np.abs(start))
    return np.where(near, value, end - start)


def _of(function, order: int):
    return _wide(lambda *arrays: function(order, *arrays))


@op
class LogRisingFactorial(Elementwise):
    """lgamma(x + n) - lgamma(x), the logarithm of the rising factorial x (x + 1) ... (x + n - 1)
    (DLMF 5.2.4), without cancellation, x + n not rounded, for x > 0 and x + n > 0. 0 where n is
    0, -inf where x is 0; elsewhere the difference as written."""

    arity, numpy, c = 2, _wide(_log_rising), "pt_log_rising_factorial"
    poles = (Pole(0, 0.0),)
    samples = reals(0.3, 12, 0.3, 6, edges=EDGES)

    def vjp(self, g, out, x, n):
        return g * digamma_difference(x, n), g * ops.digamma(x + n)


@op
class DigammaDifference(Elementwise):
    """digamma(x + n) - digamma(x), without cancellation for x > 0 and x + n > 0: the harmonic sum
    1/x + 1/(x + 1) + ... + 1/(x + n - 1) for integers n."""

    arity, numpy, c = 2, _of(_difference, 1), "pt_digamma_difference"
    poles = (Pole(0, 0.0),)
    samples = reals(0.3, 12, 0.3, 6, edges=EDGES)

    def vjp(self, g, out, x, n):
        return g * trigamma_difference(x, n), g * ops.trigamma(x + n)


@op
class TrigammaDifference(Elementwise):
    """trigamma(x + n) - trigamma(x), without cancellation for x > 0 and x + n > 0."""

    arity, numpy, c = 2, _of(_difference, 2), "pt_trigamma_difference"
    poles = (Pole(0, 0.0),)
    samples = reals(0.3, 12, 0.3, 6, edges=EDGES)

    def vjp(self, g, out, x, n):
        end = ops.polygamma(2, x + n)
        return g * (end - ops.polygamma(2, x)), g * end


@op
class LgammaRest(Elementwise):
    """lgamma(x) - x log x + x for x > 0: the remainder of Stirling's formula (DLMF 5.11.1)."""

    numpy, c = _of(_rest, 0), "pt_lgamma_rest"
    poles = (Pole(0, 0.0),)
    samples = reals(0.3, 1.5, edges=(0.0, 0.5, 1.0, 1e-9, 12.0, 1e10, -1.0))

    def vjp(self, g, out, x):
        return (g * digamma_rest(x),)


@op
class DigammaRest(Elementwise):
    """digamma(x) - log x for x > 0 (DLMF 5.11.2)."""

    numpy, c = _of(_rest, 1), "pt_digamma_rest"
    poles = (Pole(0, 0.0),)
    samples = reals(0.3, 1.5, edges=(0.0, 0.5, 1.0, 1e-9, 12.0, 1e10, -1.0))

    def vjp(self, g, out, x):
        return (g * trigamma_rest(x),)


@op
class TrigammaRest(Elementwise):
    """trigamma(x) - 1/x for x > 0."""

    numpy, c = _of(_rest, 2), "pt_trigamma_rest"
    poles = (Pole(0, 0.0),)
    samples = reals(0.3, 1.5, edges=(0.0, 0.5, 1.0, 1e-9, 12.0, 1e10, -1.0))

    def vjp(self, g, out, x):
        return (g * (ops.polygamma(2, x) + 1 / ops.square(x)),)


@op
class LgammaRestChange(Elementwise):
    """lgamma_rest(a + n) - lgamma_rest(a) for a > 0 and a + n > 0; it tends to 0 for large a."""

    arity, numpy, c = 2, _of(_rest_change, 0), "pt_lgamma_rest_change"
    poles = (Pole(0, 0.0),)
    samples = reals(9, 30, 1, 9, edges=(0.5, 12.0, 40.0, 1e20))

    def vjp(self, g, out, a, n):
        return g * digamma_rest_change(a, n), g * digamma_rest(a + n)


@op
class DigammaRestChange(Elementwise):
    """digamma_rest(a + n) - digamma_rest(a)."""

    arity, numpy, c = 2, _of(_rest_change, 1), "pt_digamma_rest_change"
    poles = (Pole(0, 0.0),)
    samples = reals(9, 30, 1, 9, edges=(0.5, 12.0, 40.0, 1e20))

    def vjp(self, g, out, a, n):
        return g * trigamma_rest_change(a, n), g * trigamma_rest(a + n)


@op
class TrigammaRestChange(Elementwise):
    """trigamma_rest(a + n) - trigamma_rest(a)."""

    arity, numpy, c = 2, _of(_rest_change, 2), "pt_trigamma_rest_change"
    poles = (Pole(0, 0.0),)
    samples = reals(9, 30, 1, 9, edges=(0.5, 12.0, 40.0, 1e20))

    def vjp(self, g, out, a, n):
        start, end = (ops.polygamma(2, z) + 1 / ops.square(z) for z in (a, a + n))
        return g * (end - start), g * end


@op
class Lbeta(Elementwise):
    """log of the beta function's magnitude (DLMF 5.12.1): lgamma(x) + lgamma(y) - lgamma(x + y),
    without cancellation for positive x and y. Of whole numbers x > 0 and x + y <= 0 it is
    lbeta(x, 1 - x - y), as SciPy has it; inf at the other poles."""

    arity, numpy, c = 2, _wide(_lbeta), "pt_lbeta"
    poles = (Pole(0, 0.0), Pole(1, 0.0))
    facts = Facts(commutative=True)
    samples = reals(0.3, 6, 0.3, 6, edges=(0.5, 1.0, 30.0, 1e6))

    def vjp(self, g, out, x, y):
        return -g * digamma_difference(x, y), -g * digamma_difference(y, x)


@op
class LbetaChange(Elementwise):
    """lbeta(a + x, b + y) - lbeta(a, b) without cancellation, for positive a, b, a + x and b + y:
    the mass of a beta-binomial count, less the binomial coefficient."""

    arity, numpy, c = 4, _wide(_lbeta_change), "pt_lbeta_change"
    poles = (Pole(0, 0.0), Pole(2, 0.0))
    samples = reals(0.3, 6, 2, 6, 0.3, 6, 2, 6, edges=(0.5, 30.0, 1e6))

    def vjp(self, g, out, a, x, b, y):
        both = digamma_difference(a + b, x + y)
        end, other = digamma_difference(a + x, b + y), digamma_difference(b + y, a + x)
        starts = digamma_difference(a, x) - both, digamma_difference(b, y) - both
        return g * starts[0], -g * end, g * starts[1], -g * other


@op
class LogMultisetCoefficient(Elementwise):
    """lgamma(a + n) - lgamma(a) - lgamma(n + 1) for a > 0 and n >= 0, without cancellation: the
    logarithm of the number of multisets of n elements from a kinds, C(a + n - 1, n), as in a
    negative binomial mass."""

    arity, numpy, c = 2, _wide(_multiset), "pt_log_multiset_coefficient"
    poles = (Pole(0, 0.0),)
    samples = reals(0.3, 6, 0.3, 6, edges=(0.5, 1.0, 30.0, 1e6))

    def vjp(self, g, out, a, n):
        return g * digamma_difference(a, n), g * digamma_difference(n + 1, a - 1)


log_rising_factorial = lgamma_ratio = LogRisingFactorial()
digamma_difference = DigammaDifference()
trigamma_difference = TrigammaDifference()
lgamma_rest = LgammaRest()
digamma_rest = DigammaRest()
trigamma_rest = TrigammaRest()
lgamma_rest_change = LgammaRestChange()
digamma_rest_change = DigammaRestChange()
trigamma_rest_change = TrigammaRestChange()
lbeta = betaln = Lbeta()
lbeta_change = LbetaChange()
log_multiset_coefficient = LogMultisetCoefficient()
