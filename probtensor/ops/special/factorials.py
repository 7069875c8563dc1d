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
    positive = ops.logical_and(a > 0, b > 0)
    by_logs = ops.exp(ops.betaln(ops.where(positive, a, 1), ops.where(positive, b, 1)))
    below_a, below_b = ops.where(positive, 1, a), ops.where(positive, 1, b)
    quotient = ops.gamma(below_a) / ops.gamma(below_a + below_b) * ops.gamma(below_b)
    return ops.where(positive, by_logs, quotient)


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
    positive = ops.logical_and(z > 0, z + m > 0)
    first, more = ops.where(positive, z, 1), ops.where(positive, m, 0)
    by_logs = ops.exp(ops.gammaln(first + more) - ops.gammaln(first))
    below = ops.where(positive, 1, z)
    quotient = ops.gamma(below + ops.where(positive, 0, m)) * rgamma(below)
    both = ops.logical_and(_is_pole(z), _is_pole(z + m))
    high, less = ops.where(both, 1 - z, 1), ops.where(both, m, 0)
    mirrored = ops.exp(ops.gammaln(high) - ops.gammaln(high - less))
    odd = ops.ne(less, 2 * ops.floor(less / 2))
    mirrored = ops.where(odd, -mirrored, mirrored)  # DLMF 5.5.3
    return ops.where(positive, by_logs, ops.where(both, mirrored, quotient))


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
    k = ops.where(ops.logical_and(_is_pole(k + 1), n > -1), n - k, k)  # by symmetry
    beyond = ops.logical_and(_is_pole(n - k + 1), n > -1)
    top, low = ops.where(beyond, n, 0), ops.where(beyond, k, 0)
    ratio = ops.exp(ops.gammaln(top + 1) - ops.gammaln(low + 1))
    whole, part = ops.where(beyond, 1, n), ops.where(beyond, 1, k)
    inside = 1 / ((whole + 1) * beta(whole - part + 1, part + 1))
    return ops.where(beyond, ratio * rgamma(ops.where(beyond, n - k + 1, 1)), inside)


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
