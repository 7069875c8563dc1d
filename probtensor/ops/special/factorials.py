"""Beta functions, factorials and binomial coefficients, by log gammas and gammas."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike
from probtensor.ops.reductions.composite import floats

LOG_PI = float(np.log(np.pi))


@public
def beta(a: TensorLike, b: TensorLike) -> Node:
    """The beta function, gamma(a) gamma(b) / gamma(a + b) (DLMF 5.12.1).

    Returns a tensor of the shape that a and b broadcast to: float32 if both are, else float64.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.special.beta(2.0, 3.0).eval()
        array(0.08333333)
    """
    a, b = floats(a), floats(b)
    low, high = ops.minimum(a, b), ops.maximum(a, b)
    return ops.where(low > 0, _positive_beta(low, high), _beta_below(low, high))


def _positive_beta(a: Node, b: Node) -> Node:
    """beta(a, b) where both are positive; else 1."""
    return ops.exp(_positive_betaln(a, b))


def _positive_betaln(a: Node, b: Node) -> Node:
    """betaln(a, b) where both are positive; else 0."""
    positive = ops.logical_and(a > 0, b > 0)
    return ops.betaln(ops.where(positive, a, 1), ops.where(positive, b, 1))


def _times_exp(factor: Node, log: Node) -> Node:
    """factor * exp(log), which is 0 for a factor of 0 also where the other overflows."""
    none = ops.logical_and(ops.eq(factor, 0), log > 709)
    return factor * ops.exp(ops.where(none, 709, log))


def _beta_below(low: Node, high: Node) -> Node:
    """beta(low, high) for low <= high and low <= 0, by the reflection formula (DLMF 5.5.3) of those
    of the three gammas whose argument is below 0."""
    total = low + high
    sine, other = _sine_of_pi(low), _sine_of_pi(high)
    of_total = _sine_of_pi_sum(low, high)
    # high > 0 < total, high > 0 >= total, and 0 >= high.
    log_high = ops.log(ops.where(high > 0, high, 1))
    near = np.pi / sine * ops.exp(-log_high - _positive_betaln(1 - low, total))
    both = ops.logical_and(ops.eq(sine, 0), ops.eq(other, 0))
    ratio = ops.where(both, _cosine_of_pi(high), of_total / ops.where(both, 1, sine))
    far = _times_exp(ratio, _positive_betaln(high, 1 - total))
    scale = of_total / sine * (np.pi / (1 - total)) / other
    below = _times_exp(scale, -_positive_betaln(1 - low, 1 - high))
    value = ops.where(high > 0, ops.where(total > 0, near, far), below)
    pole = ops.logical_or(ops.eq(sine, 0), ops.logical_and(high <= 0, ops.eq(other, 0)))
    finite = ops.logical_and(both, ops.logical_and(high > 0, total <= 0))
    return ops.where(ops.logical_and(pole, ops.logical_not(finite)), np.inf, value)


def _reduced(x: Node) -> tuple[Node, Node]:
    """The distance of x to the nearest whole number, and 1 where that is even, else -1."""
    whole = ops.stop_gradient(ops.round(x))
    one = ops.ones_like(x)
    return x - whole, ops.where(ops.eq(whole, 2 * ops.round(whole / 2)), one, -one)


def _sine_of_pi(x: Node) -> Node:
    """sin(pi x), which is 0 at whole numbers."""
    part, sign = _reduced(x)
    return sign * ops.sin(np.pi * part)


def _sine_of_pi_sum(x: Node, y: Node) -> Node:
    """sin(pi (x + y)), where the sum may round."""
    return _sine_of_pi(x) * _cosine_of_pi(y) + _cosine_of_pi(x) * _sine_of_pi(y)


def _cosine_of_pi(x: Node) -> Node:
    """cos(pi x), which is 0 half-way between whole numbers."""
    part, sign = _reduced(x)
    return sign * ops.sin(np.pi * ops.where(part > 0, 0.5 - part, 0.5 + part))


@public
def factorial(n: TensorLike) -> Node:
    """n!, as gamma(n + 1) for any real n.

    Returns a tensor of the shape of n: float32 if n is, else float64.

        >>> pt.special.factorial([0, 3, 5]).eval()
        array([  1.,   6., 120.])
    """
    return ops.gamma(floats(n) + 1)


@public
def poch(z: TensorLike, m: TensorLike) -> Node:
    """The rising factorial of Pochhammer, gamma(z + m) / gamma(z) (DLMF 5.2.5).

    Returns a tensor of the shape that z and m broadcast to: float32 if both are, else float64.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.special.poch(2.0, 3.0).eval()
        array(24.)
    """
    z, m = floats(z), floats(m)
    end = z + m
    start_positive, end_positive = z > 0, end > 0
    up = ops.logical_and(start_positive, end_positive)
    down = ops.logical_not(ops.logical_or(start_positive, end_positive))
    rising = ops.log_rising_factorial(ops.where(up, z, 1), ops.where(up, m, 0))
    falling = ops.log_rising_factorial(ops.where(down, 1 - z, 1), ops.where(down, -m, 0))
    sine, other = _sine_of_pi(z), _sine_of_pi_sum(z, m)
    both = ops.logical_and(ops.eq(sine, 0), ops.eq(other, 0))
    # By the reflection formula (DLMF 5.5.3); of whole numbers the signs alone are left.
    ratio = ops.where(both, _cosine_of_pi(m), sine / ops.where(both, 1, other))
    into = ops.logical_and(end_positive, ops.logical_not(start_positive))
    logs = ops.gammaln(ops.where(into, end, 1)) + ops.gammaln(ops.where(into, 1 - z, 1))
    across = _times_exp(sine, logs) / np.pi
    out = ops.logical_and(start_positive, ops.logical_not(end_positive))
    logs = ops.gammaln(ops.where(out, 1 - end, 1)) + ops.gammaln(ops.where(out, z, 1))
    back = np.pi * ops.exp(-logs) / ops.where(out, other, 1)
    back = ops.where(ops.eq(other, 0), np.inf, back)
    below = ops.where(
        ops.logical_and(ops.eq(other, 0), ops.ne(sine, 0)), np.inf, _times_exp(ratio, -falling)
    )
    turned = ops.where(into, across, ops.where(out, back, below))
    return ops.where(up, ops.exp(rising), turned)


def _is_pole(z: Node) -> Node:
    """Of the gamma function."""
    return ops.logical_and(z <= 0, ops.eq(z, ops.floor(z)))


@public
def binom(n: TensorLike, k: TensorLike) -> Node:
    """The binomial coefficient n! / (k! (n - k)!) of real numbers, by beta(n - k + 1, k + 1).

    Returns a tensor of the shape that n and k broadcast to: float32 if both are, else float64.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.special.binom(5.0, 2.0).eval()
        array(10.)
    """
    n, k = floats(n), floats(k)
    k_is_low = k <= n - k
    low, high = ops.where(k_is_low, k, n - k), ops.where(k_is_low, n - k, k)
    waves = -_sine_of_pi(k), _sine_of_pi_sum(k, -n)
    wave, other = ops.where(k_is_low, *waves), ops.where(k_is_low, *waves[::-1])
    value = _binom(n, low, high, wave, other)
    return ops.where(_is_pole(n + 1), _binom_of_whole(n, low, high), value)


def _binom(n: Node, low: Node, high: Node, wave: Node, other: Node) -> Node:
    """gamma(n + 1) / (gamma(low + 1) gamma(high + 1)) for n = low + high, low <= high, by the
    reflection formula (DLMF 5.5.3) of those gammas whose argument is below 0; `wave` is
    sin(-pi low), and `other` sin(-pi high)."""
    inside = low > -1
    top = n + 1  # of one sign with the coefficient
    log_top = ops.log(ops.abs(ops.where(ops.eq(top, 0), 1, top)))
    plain = ops.exp(-log_top - _positive_betaln(low + 1, high + 1))
    plain = ops.where(top < 0, -plain, plain)
    # low <= -1 < n, n <= -1 < high, and high <= -1.
    first_value = _times_exp(wave / np.pi, _positive_betaln(-low, top))
    whole = -_sine_of_pi(n)
    ratio = wave / ops.where(ops.eq(whole, 0), 1, whole)
    log_low = ops.log(ops.where(low < 0, -low, 1))
    second_value = _times_exp(ratio, -log_low - _positive_betaln(-n, high + 1))
    third_value = _times_exp(ratio * other / np.pi, _positive_betaln(-low, -high))
    below = ops.where(high > -1, second_value, third_value)
    return ops.where(inside, plain, ops.where(n > -1, first_value, below))


def _binom_of_whole(n: Node, low: Node, high: Node) -> Node:
    """The coefficient for a whole number n below 0: that of (1 + x)**n, also from the other end;
    inf between whole k, where it has poles."""
    counted = ops.logical_and(high >= 0, ops.eq(high, ops.floor(high)))
    top = ops.where(counted, high, 0)
    value = _cosine_of_pi(top) / ((top - n) * _positive_beta(top + 1, -n))
    return ops.where(counted, value, ops.where(ops.eq(high, ops.floor(high)), 0 * value, np.inf))


@public
def rgamma(z: TensorLike) -> Node:
    """1 / gamma(z), which is 0 at 0 and at negative integers. Derivatives at integers below -170,
    which overflow, are 0.

    Returns a tensor of the shape of z: float32 if z is, else float64.

        >>> pt.special.rgamma([0.0, 3.0]).eval()
        array([0. , 0.5])
    """
    z = floats(z)
    pole = _is_pole(z)
    near = ops.logical_and(pole, z >= -170)  # by reflection, for the derivatives (DLMF 5.5.3)
    at = ops.where(near, z, 0)
    odd = ops.ne(at, 2 * ops.floor(at / 2))
    wave = ops.gamma(1 - at) * ops.sin(np.pi * (at - ops.stop_gradient(at))) / np.pi
    zero = ops.where(near, ops.where(odd, -wave, wave), 0)
    return ops.where(pole, zero, 1 / ops.gamma(ops.where(pole, 1, z)))


@public
def multigammaln(a: TensorLike, d: int) -> Node:
    """The logarithm of the gamma function of d x d matrices (DLMF 35.3.4), for a > (d - 1) / 2; nan
    elsewhere.

    Returns a tensor of the shape of `a`: float32 if `a` is, else float64.
    Raises GraphError, a TypeError, for a d that is not an integer >= 1.

        >>> pt.special.multigammaln(2.5, 2).eval()
        array(0.85704781)
    """
    if not isinstance(d, (int, np.integer)) or isinstance(d, bool) or d < 1:
        raise GraphError(f"multigammaln: the dimension d is a whole number >= 1, not {d!r:.60}")
    a = floats(a)
    total = ops.gammaln(a) + d * (d - 1) / 4 * LOG_PI
    for j in range(1, int(d)):
        total = total + ops.gammaln(a - j / 2)
    return ops.where(a > (d - 1) / 2, total, np.nan)
