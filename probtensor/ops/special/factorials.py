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
    quotient = ops.gamma(below + ops.where(positive, 0, m)) / ops.gamma(below)
    return ops.where(positive, by_logs, quotient)


@public
def binom(n: TensorLike, k: TensorLike) -> Node:
    """The binomial coefficient n! / (k! (n - k)!) of real numbers, by beta(n - k + 1, k + 1).

    Returns a tensor of the shape that n and k broadcast to: float32 if both are, else float64.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.special.binom(5.0, 2.0).eval()
        array(10.)
    """
    n, k = floats(n), floats(k)
    return 1 / ((n + 1) * beta(n - k + 1, k + 1))


@public
def rgamma(z: TensorLike) -> Node:
    """1 / gamma(z), which is 0 at 0 and at negative integers.

    Returns a tensor of the shape of z: float32 if z is, else float64.

        >>> pt.special.rgamma([0.0, 3.0]).eval()
        array([0. , 0.5])
    """
    z = floats(z)
    pole = ops.logical_and(z <= 0, ops.eq(z, ops.floor(z)))
    return ops.where(pole, 0, 1 / ops.gamma(ops.where(pole, 1, z)))


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
