"""Functions that are smooth where a formula divides by zero or cancels: sinc, exprel, Box-Cox
transformations, entropies.

Next to such a point a function is its power series, so that all derivatives are right there.
"""

from __future__ import annotations

import math

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike
from probtensor.ops.reductions.composite import floats
from probtensor.ops.special.integrals import LOG_SERIES, NEAR_ONE, series

EXP_SERIES = tuple(1 / math.factorial(k + 1) for k in range(18))
SINC_SERIES = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in range(14))


@public
def exprel(x: TensorLike) -> Node:
    """(exp(x) - 1) / x, and 1 at 0.

    Returns a tensor of the shape of x: float32 if x is, else float64. It has derivatives of any
    order.

        >>> pt.special.exprel([0.0, 1.0]).eval()
        array([1.        , 1.71828183])
    """
    x = floats(x)
    near = ops.abs(x) < 0.5
    apart = ops.where(near, 1, x)
    far = ops.where(ops.eq(apart, np.inf), np.inf, ops.expm1(apart) / apart)
    return ops.where(near, series(EXP_SERIES, ops.where(near, x, 0)), far)


def _log1prel(x: Node) -> Node:
    """log(1 + x) / x, and 1 at 0."""
    near = ops.abs(x) < NEAR_ONE
    apart = ops.where(near, 1, x)
    return ops.where(near, series(LOG_SERIES, ops.where(near, x, 0)), ops.log1p(apart) / apart)


@public
def sinc(x: TensorLike) -> Node:
    """sin(pi x) / (pi x), and 1 at 0; 0 at all other integers.

    Returns a tensor of the shape of x: float32 if x is, else float64. It has derivatives of any
    order.

        >>> pt.sinc([0.0, 0.5]).eval()
        array([1.        , 0.63661977])
    """
    x = floats(x)
    near = ops.abs(x) < 0.5
    close = ops.square(ops.where(near, x, 0) * np.pi)
    apart = ops.where(near, 1, x)
    # The nearest integer has no part in the sine but its sign.
    whole = ops.rint(apart)
    sign = 1 - 2 * ops.abs(whole - 2 * ops.trunc(whole / 2))
    wave = sign * ops.sin(np.pi * (apart - whole))
    far = ops.where(ops.isinf(apart), np.nan, wave / (np.pi * apart))
    return ops.where(near, series(SINC_SERIES, close), far)


@public
def cosm1(x: TensorLike) -> Node:
    """cos(x) - 1, accurate near 0.

    Returns a tensor of the shape of x: float32 if x is, else float64.

        >>> pt.special.cosm1(1e-4).eval()
        array(-5.e-09)
    """
    return -2 * ops.square(ops.sin(floats(x) / 2))


@public
def boxcox(x: TensorLike, lmbda: TensorLike) -> Node:
    """The transformation of Box and Cox, (x**lmbda - 1) / lmbda, and log(x) where lmbda is 0; nan
    for x below 0.

    Returns a tensor of the shape that x and lmbda broadcast to: float32 if both are, else float64.
    It has derivatives of any order in both.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.special.boxcox(4.0, [0.0, 0.5]).eval()
        array([1.38629436, 2.        ])
    """
    x = floats(x)
    return _boxcox(x, ops.log(x), floats(lmbda))


def _boxcox(x: Node, log_x: Node, power: Node) -> Node:
    """The transformation of x, given its logarithm, which may have more digits."""
    end = ops.isinf(log_x)
    inside = ops.where(end, 0, log_x)
    flat = ops.eq(power, 0)
    steep = ops.where(flat, 1, power)
    # A zero of either sign has the limit from above.
    below = ops.logical_or(flat, ops.logical_and(log_x < 0, power < 0))
    at_end = ops.where(below, log_x, (ops.power(ops.where(end, x, 1), steep) - 1) / steep)
    return ops.where(end, at_end, inside * exprel(ops.where(end, 0, power) * inside))


@public
def boxcox1p(x: TensorLike, lmbda: TensorLike) -> Node:
    """The transformation of Box and Cox of 1 + x, accurate near 0: ((1 + x)**lmbda - 1) / lmbda,
    and log(1 + x) where lmbda is 0.

    Returns a tensor of the shape that x and lmbda broadcast to: float32 if both are, else float64.
    It has derivatives of any order in both.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.special.boxcox1p(3.0, [0.0, 0.5]).eval()
        array([1.38629436, 2.        ])
    """
    x = floats(x)
    return _boxcox(1 + x, ops.log1p(x), floats(lmbda))


@public
def inv_boxcox(y: TensorLike, lmbda: TensorLike) -> Node:
    """The inverse of `boxcox`: (1 + lmbda y)**(1 / lmbda), and exp(y) where lmbda is 0.

    Returns a tensor of the shape that y and lmbda broadcast to: float32 if both are, else float64.
    It has derivatives of any order in both.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.special.inv_boxcox(2.0, [0.0, 0.5]).eval()
        array([7.3890561, 4.       ])
    """
    return ops.exp(_log_inverse(floats(y), floats(lmbda)))


def _log_inverse(y: Node, power: Node) -> Node:
    """log(1 + power y) / power, and y where the power is 0."""
    end = ops.isinf(y)
    inside = ops.where(end, 1, y)
    flat = ops.eq(power, 0)
    at_end = ops.where(flat, y, ops.log1p(power * y) / ops.where(flat, 1, power))
    return ops.where(end, at_end, inside * _log1prel(power * inside))


@public
def inv_boxcox1p(y: TensorLike, lmbda: TensorLike) -> Node:
    """The inverse of `boxcox1p`: (1 + lmbda y)**(1 / lmbda) - 1, and exp(y) - 1 where lmbda is 0.

    Returns a tensor of the shape that y and lmbda broadcast to: float32 if both are, else float64.
    It has derivatives of any order in both.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.special.inv_boxcox1p(2.0, [0.0, 0.5]).eval()
        array([6.3890561, 3.       ])
    """
    return ops.expm1(_log_inverse(floats(y), floats(lmbda)))


@public
def entr(x: TensorLike) -> Node:
    """The term -x log(x) of an entropy: 0 at 0, -inf below.

    Returns a tensor of the shape of x: float32 if x is, else float64.

        >>> pt.special.entr([0.0, 0.5]).eval()
        array([0.        , 0.34657359])
    """
    x = floats(x)
    inside = ops.where(x > 0, x, 1)
    value = -inside * ops.log(inside)
    return ops.where(x > 0, value, ops.where(x < 0, -np.inf, ops.where(ops.eq(x, 0), 0, x)))


@public
def rel_entr(x: TensorLike, y: TensorLike) -> Node:
    """The term x log(x / y) of a relative entropy: 0 where x is 0 and y is not below, inf where x
    is below 0 or y is not above.

    Returns a tensor of the shape that x and y broadcast to: float32 if both are, else float64.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.special.rel_entr([0.0, 0.5], 0.25).eval()
        array([0.        , 0.34657359])
    """
    x, y = floats(x), floats(y)
    inside = ops.logical_and(x > 0, y > 0)
    p, q = ops.where(inside, x, 1), ops.where(inside, y, 1)
    near = ops.abs(p - q) < q / 2
    close = ops.log1p(ops.where(near, (p - q) / q, 0))
    value = p * ops.where(near, close, ops.log(p) - ops.log(q))
    missing = ops.logical_or(ops.isnan(x), ops.isnan(y))
    edge = ops.where(ops.logical_and(ops.eq(x, 0), y >= 0), 0, np.inf)
    return ops.where(inside, value, ops.where(missing, np.nan, edge).astype(value.dtype))
