"""Elementary functions of complex numbers on their parts, with the branch cuts and the signs of
zeros that C99 gives them (annex G).

Where a formula does not hold, at infinities for the most part, `where` puts the value in. Such a
choice is made only where the formula gives nan, or its derivative would be wrong: elsewhere
derivatives are those of the formula. Source of the inverse functions: Kahan (1987), "Branch cuts
for complex elementary functions, or much ado about nothing's sign bit".
"""

from __future__ import annotations

import math
from collections.abc import Callable

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.ops.complexes.arithmetic import larger_first, scaled
from probtensor.ops.complexes.pair import pair

Meaning = Callable[[Node], Node]
LN2, LN10 = math.log(2.0), math.log(10.0)


def turned(z: Node) -> Node:
    """i z."""
    re, im = z.inputs
    return pair(-im, re)


def turned_back(z: Node) -> Node:
    """-i z."""
    re, im = z.inputs
    return pair(im, -re)


def through_i(function: Meaning) -> Meaning:
    """-i f(i z): the circular function of a hyperbolic one that is odd, and back."""
    return lambda z: turned_back(function(turned(z)))


def _finite(x: Node) -> Node:
    return ops.isfinite(x)


def _among(*conditions: Node) -> Node:
    """Where all conditions hold."""
    found = conditions[0]
    for c in conditions[1:]:
        found = ops.logical_and(found, c)
    return found


def _sign(x: Node) -> Node:
    """1 with the sign of x, of a zero too."""
    return ops.copysign(1.0, x)


def _zero(x: Node) -> Node:
    """0 with the sign of x."""
    return ops.copysign(0.0, x)


# Exponentials and logarithms.


def exp(z: Node) -> Node:
    """exp(a) (cos b + i sin b); a large exponent is taken in two steps, since a part may be finite
    where exp(a) is not."""
    a, b = z.inputs
    large, rest = _beyond(a > _limit(a), a)
    size = ops.exp(ops.where(large, a - 64, a))
    endless, still, wild = ops.isinf(a), ops.eq(b, 0), ops.logical_not(_finite(b))
    re, im = rest * (size * ops.cos(b)), rest * (size * ops.sin(b))
    re = ops.where(_among(endless, wild), ops.where(a > 0, a, 0), re)
    im = ops.where(_among(still, ops.logical_not(_finite(size))), b, im)
    return pair(re, ops.where(_among(endless, wild, a < 0), _zero(b), im))


def _limit(x: Node) -> float:
    """An argument near which exponentials overflow."""
    return 80.0 if x.dtype == "float32" else 700.0


def _beyond(large: Node, x: Node) -> tuple[Node, Node]:
    """Where an exponential is taken of an argument that is smaller by 64, and the factor left."""
    return large, ops.where(large, ops.astype(math.exp(64.0), x.dtype), 1)


def log(z: Node) -> Node:
    """log|z| + i arg(z)."""
    return pair(log_modulus(z), ops.arctan2(*z.inputs[::-1]))


def log_modulus(z: Node) -> Node:
    """log|z| without overflow, by log1p next to 1."""
    a, b = z.inputs
    _, p, q = larger_first(a, b)
    size = ops.abs(p)
    near = _among(size > 0.5, size < 2)
    close = ops.where(near, p, 1), ops.where(near, q, 0)
    by_log1p = 0.5 * ops.log1p((ops.abs(close[0]) - 1) * (ops.abs(close[0]) + 1) + close[1] ** 2)
    plain = ops.logical_or(ops.eq(size, 0), ops.isinf(size))
    ratio = ops.where(plain, 0, q) / ops.where(plain, 1, p)
    far = ops.log(size) + 0.5 * ops.log1p(ratio * ratio)
    found = ops.where(near, by_log1p, far)
    infinite = ops.logical_or(ops.isinf(a), ops.isinf(b))
    unknown = ops.logical_or(ops.isnan(a), ops.isnan(b))
    return ops.where(infinite, math.inf, ops.where(unknown, math.nan, found))


def log_to(base: float) -> Meaning:
    """The logarithm to a base, of which this is the natural logarithm."""
    return lambda z: scaled(log(z), 1 / base)


def log1p(z: Node) -> Node:
    """log(1 + z), with its digits where z is small."""
    a, b = z.inputs
    small = _among(ops.abs(a) < 0.5, ops.abs(b) < 0.5)
    x, y = (ops.where(small, part, 0) for part in (a, b))
    whole = pair(1 + a, b)
    re = ops.where(small, 0.5 * ops.log1p(x * (2 + x) + y * y), log_modulus(whole))
    return pair(re, ops.arctan2(b, 1 + a))


def expm1(z: Node) -> Node:
    """exp(z) - 1, with its digits where z is small."""
    a, b = z.inputs
    half = ops.sin(b / 2)
    re = ops.expm1(a) * ops.cos(b) - 2 * half * half
    whole = exp(z)
    large = ops.logical_or(ops.abs(a) > 1, ops.logical_not(_finite(b)))
    return pair(ops.where(large, whole.inputs[0] - 1, re), whole.inputs[1])


def exp2(z: Node) -> Node:
    """2**z."""
    return exp(scaled(z, LN2))


# Roots.


def sqrt(z: Node) -> Node:
    """The root with a real part of 0 or more; the cut is the negative axis, where the sign of the
    imaginary zero decides."""
    a, b = z.inputs
    single = a.dtype == "float32"
    top, bottom = (1e37, 1e-30) if single else (1e300, 1e-290)
    _, p, _ = larger_first(a, b)
    size = ops.abs(p)
    huge, tiny = size > top, size < bottom
    power = 40 if single else 100
    one = ops.ones((), a.dtype)
    factor = ops.where(huge, 2.0**-4, ops.where(tiny, 2.0**power, one))
    back = ops.where(huge, 2.0**2, ops.where(tiny, 2.0 ** (-power // 2), one))
    x, y = a * factor, b * factor
    left = x < 0
    forward = ops.where(left, -x, x)
    root = ops.sqrt((forward + ops.hypot(x, y)) / 2)
    zero = ops.eq(root, 0)
    other = y / (2 * ops.where(zero, 1, root))
    sign = _sign(b)
    re = back * ops.where(left, other * sign, root)
    im = back * ops.where(left, root * sign, other)
    infinite = ops.isinf(b)
    return pair(ops.where(infinite, math.inf, re), ops.where(infinite, b, im))


# Hyperbolic and circular functions.


def sinh(z: Node) -> Node:
    """sinh a cos b + i cosh a sin b."""
    return _mixed(z, ops.sinh, ops.cosh)


def cosh(z: Node) -> Node:
    """cosh a cos b + i sinh a sin b."""
    return _mixed(z, ops.cosh, ops.sinh)


def _mixed(z: Node, first: Meaning, second: Meaning) -> Node:
    """first(a) cos b + i second(a) sin b, for two hyperbolic functions; as in `exp`, a large
    argument is taken in two steps."""
    a, b = z.inputs
    large, rest = _beyond(ops.abs(a) > _limit(a), a)
    x = ops.where(large, a - 64 * _sign(a), a)
    f, g = first(x), second(x)
    endless, wild = ops.isinf(a), ops.logical_not(_finite(b))
    re, im = rest * (f * ops.cos(b)), rest * (g * ops.sin(b))
    # 0 times nan is 0, infinity times nan infinity, and infinity or nan times 0 is 0.
    re = ops.where(_among(endless, wild), f, re)
    re = ops.where(_among(wild, ops.eq(f, 0)), f, re)
    im = ops.where(_among(wild, ops.eq(g, 0)), g, im)
    still = _among(ops.eq(b, 0), ops.logical_not(_finite(g)))
    return pair(re, ops.where(still, b * _sign(g), im))


def tanh(z: Node) -> Node:
    """By the tangent of b and sinh a (Kahan); far out by the limit."""
    a, b = z.inputs
    limit = 10.0 if a.dtype == "float32" else 22.0
    far, wild = ops.abs(a) > limit, ops.logical_not(_finite(b))
    x = ops.where(far, 0, a)
    t, s = ops.tan(b), ops.sinh(x)
    beta = 1 + t * t
    below = 1 + beta * s * s
    # tanh z = 1 - 2 exp(-2 z) + ..., of which the slopes remain where the value is 1.
    endless, decay = ops.isinf(a), 2 * ops.exp(-2 * ops.abs(ops.where(far, a, limit)))
    sine, cosine = ops.sin(b), ops.cos(b)
    outer = _sign(a) * (1 - ops.where(endless, 0, decay * (1 - 2 * sine * sine)))
    re = ops.where(far, outer, beta * ops.cosh(x) * s / below)
    outer = ops.where(_among(endless, wild), 0, 2 * decay * sine * cosine)
    im = ops.where(far, outer, t / below)
    lost = _among(wild, ops.logical_not(ops.isinf(a)))
    re = ops.where(lost, ops.where(ops.eq(a, 0), a, math.nan), re)
    return pair(re, ops.where(_among(ops.isnan(a), ops.eq(b, 0)), b, im))


def cos(z: Node) -> Node:
    """cosh(i z)."""
    return cosh(turned(z))


sin, tan = through_i(sinh), through_i(tanh)


# Their inverses.


def arcsin(z: Node) -> Node:
    """The inverse of sin; the cuts are the real axis beyond -1 and 1."""
    a, b = z.inputs
    far, near = _inside(z)
    (a1, b1), (a2, b2) = sqrt(_one_minus(near)).inputs, sqrt(_one_plus(near)).inputs
    re = ops.arctan2(near.inputs[0], a1 * a2 - b1 * b2)
    im = ops.arcsinh(a1 * b2 - b1 * a2)
    re = ops.where(far, ops.arctan2(a, ops.abs(b)), re)
    re = ops.where(_among(ops.isnan(b), ops.eq(a, 0)), a, re)
    return pair(re, ops.where(far, _sign(b) * _log_of_double(z), im))


def arccos(z: Node) -> Node:
    """The inverse of cos, with the cuts of arcsin."""
    a, b = z.inputs
    far, near = _inside(z)
    (a1, b1), (a2, b2) = sqrt(_one_minus(near)).inputs, sqrt(_one_plus(near)).inputs
    re = ops.where(far, ops.arctan2(ops.abs(b), a), 2 * ops.arctan2(a1, a2))
    im = ops.where(far, -_sign(b) * _log_of_double(z), ops.arcsinh(a2 * b1 - b2 * a1))
    return pair(ops.where(_among(ops.isnan(b), ops.eq(a, 0)), math.pi / 2, re), im)


def arccosh(z: Node) -> Node:
    """The inverse of cosh; the cut is the real axis below 1."""
    (re, im), sign = arccos(z).inputs, _sign(z.inputs[1])
    return pair(-sign * im, sign * re)


def _inside(z: Node) -> tuple[Node, Node]:
    """Where a number is so large that 1 does not count beside it, and the number elsewhere."""
    a, b = z.inputs
    far = ops.logical_or(ops.abs(a) > 1e15, ops.abs(b) > 1e15)
    return far, pair(ops.where(far, 0.5, a), ops.where(far, 0, b))


def _log_of_double(z: Node) -> Node:
    return ops.astype(LN2, z.inputs[0].dtype) + log_modulus(z)


def _one_plus(z: Node) -> Node:
    a, b = z.inputs
    return pair(1 + a, b)


def _one_minus(z: Node) -> Node:
    a, b = z.inputs
    return pair(1 - a, -b)


def arctanh(z: Node) -> Node:
    """(log1p(z) - log1p(-z)) / 2, without cancellation; far out by the reciprocal."""
    a, b = z.inputs
    sign = _sign(a)
    far = ops.logical_or(ops.abs(a) > 1e15, ops.abs(b) > 1e15)
    x, y = ops.where(far, 0, a) * sign, ops.where(far, 1, b)
    below = (1 - x) * (1 - x) + y * y
    # At 1 the sum may underflow, whose root is |y|.
    pole = _among(ops.eq(x, 1), ops.abs(y) < 1e-15, ops.ne(y, 0))
    by_log = 0.5 * (LN2 - ops.log(ops.abs(ops.where(pole, y, 1))))
    re = sign * ops.where(pole, by_log, 0.25 * ops.log1p(4 * x / ops.where(pole, 1, below)))
    im = 0.5 * ops.arctan2(2 * y, (1 - x) * (1 + x) - y * y)
    endless = ops.logical_or(ops.isinf(a), ops.isinf(b))
    large, p, q = larger_first(*(ops.where(_among(far, _finite(u)), u, 1) for u in (a, b)))
    limit = ops.where(large, 1 / p, q / p / p) / (1 + (q / p) * (q / p))
    re = ops.where(endless, _zero(a), ops.where(far, limit, re))
    im = ops.where(far, math.pi / 2 * _sign(b), im)
    unknown = ops.logical_or(ops.isnan(a), ops.isnan(b))
    lost = _among(unknown, ops.logical_not(endless))
    re = ops.where(lost, ops.where(ops.eq(a, 0), a, math.nan), re)
    return pair(re, ops.where(ops.logical_or(lost, ops.isnan(b)), math.nan, im))


arcsinh, arctan = through_i(arcsin), through_i(arctanh)
