"""The elementary functions: exponentials, logarithms, trigonometry, hyperbolic functions."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike
from probtensor.ops.elementwise.arithmetic import EDGES
from probtensor.ops.kinds import (
    NONNEGATIVE,
    POSITIVE,
    Elementwise,
    Facts,
    Pole,
    Range,
    as_tensor_of,
    op,
    weak_operand,
)
from probtensor.ops.samples import reals
from probtensor.types import promote_float

LN2 = float(np.log(2))
LN10 = float(np.log(10))
HALF_PI = float(np.pi / 2)
RISING = Facts(increasing=True)


@op
class Exp(Elementwise):
    """e**x."""

    numpy, c = np.exp, "pt_exp"
    facts = Facts(range=POSITIVE, increasing=True)
    samples = reals(-3, 3, edges=(*EDGES, 709.0, 710.0, -745.0, -746.0))

    def vjp(self, g, out, x):
        return (g * out,)


@op
class Exp2(Elementwise):
    """2**x."""

    numpy, c = np.exp2, "pt_exp2"
    facts = Facts(range=POSITIVE, increasing=True)
    samples = reals(-3, 3, edges=EDGES)

    def vjp(self, g, out, x):
        return (g * out * LN2,)


@op
class Expm1(Elementwise):
    """e**x - 1, accurate near 0."""

    numpy, c = np.expm1, "pt_expm1"
    facts = Facts(range=Range(low=-1.0), increasing=True)
    samples = reals(-3, 3, edges=(*EDGES, 1e-10))

    def vjp(self, g, out, x):
        return (g * exp(x),)


@op
class Log(Elementwise):
    """The natural logarithm; -inf at 0, nan below."""

    numpy, c = np.log, "pt_log"
    poles = (Pole(0, 0.0),)
    facts = RISING
    samples = reals(0.2, 3, edges=EDGES)

    def vjp(self, g, out, x):
        return (g / x,)


@op
class Log2(Elementwise):
    """The logarithm to base 2."""

    numpy, c = np.log2, "pt_log2"
    poles = (Pole(0, 0.0),)
    facts = RISING
    samples = reals(0.2, 3, edges=EDGES)

    def vjp(self, g, out, x):
        return (g / (x * LN2),)


@op
class Log10(Elementwise):
    """The logarithm to base 10."""

    numpy, c = np.log10, "pt_log10"
    poles = (Pole(0, 0.0),)
    facts = RISING
    samples = reals(0.2, 3, edges=EDGES)

    def vjp(self, g, out, x):
        return (g / (x * LN10),)


@op
class Log1p(Elementwise):
    """log(1 + x), accurate near 0; -inf at -1, nan below."""

    numpy, c = np.log1p, "pt_log1p"
    poles = (Pole(0, -1.0),)
    facts = RISING
    samples = reals(-0.8, 3, edges=(*EDGES, -1.0, 1e-10))

    def vjp(self, g, out, x):
        return (g / (1 + x),)


@op
class Cbrt(Elementwise):
    """The cube root, of negative numbers too."""

    numpy, c = np.cbrt, "pt_cbrt"
    poles = (Pole(0, 0.0, finite=True),)
    facts = RISING
    samples = reals(0.2, 3, edges=EDGES) + reals(-3, -0.2)

    def vjp(self, g, out, x):
        return (g / (3 * ops.square(out)),)


# Trigonometry, in radians.


@op
class Sin(Elementwise):
    """The sine."""

    numpy, c = np.sin, "pt_sin"
    facts = Facts(range=Range(-1.0, 1.0))
    samples = reals(-4, 4, edges=EDGES)

    def vjp(self, g, out, x):
        return (g * cos(x),)


@op
class Cos(Elementwise):
    """The cosine."""

    numpy, c = np.cos, "pt_cos"
    facts = Facts(range=Range(-1.0, 1.0))
    samples = reals(-4, 4, edges=EDGES)

    def vjp(self, g, out, x):
        return (-g * sin(x),)


@op
class Tan(Elementwise):
    """The tangent."""

    numpy, c = np.tan, "pt_tan"
    samples = reals(-1.2, 1.2, edges=EDGES)

    def vjp(self, g, out, x):
        return (g * (1 + ops.square(out)),)


@op
class Arcsin(Elementwise):
    """The angle in [-pi/2, pi/2] whose sine is x; nan outside [-1, 1]."""

    numpy, c = np.arcsin, "pt_asin"
    poles = (Pole(0, -1.0, finite=True), Pole(0, 1.0, finite=True))
    facts = Facts(range=Range(-HALF_PI, HALF_PI), increasing=True)
    samples = reals(-0.8, 0.8, edges=(*EDGES, -1.0))

    def vjp(self, g, out, x):
        return (g / ops.sqrt((1 - x) * (1 + x)),)


@op
class Arccos(Elementwise):
    """The angle in [0, pi] whose cosine is x; nan outside [-1, 1]."""

    numpy, c = np.arccos, "pt_acos"
    poles = (Pole(0, -1.0, finite=True), Pole(0, 1.0, finite=True))
    facts = Facts(range=Range(0.0, 2 * HALF_PI), decreasing=True)
    samples = reals(-0.8, 0.8, edges=(*EDGES, -1.0))

    def vjp(self, g, out, x):
        return (-g / ops.sqrt((1 - x) * (1 + x)),)


@op
class Arctan(Elementwise):
    """The angle in [-pi/2, pi/2] whose tangent is x."""

    numpy, c = np.arctan, "pt_atan"
    facts = Facts(range=Range(-HALF_PI, HALF_PI), increasing=True)
    samples = reals(-3, 3, edges=EDGES)

    def vjp(self, g, out, x):
        return (g / (1 + ops.square(x)),)


@op
class Arctan2(Elementwise):
    """The angle in [-pi, pi] of the point (x, y), given as arctan2(y, x)."""

    arity, numpy, c = 2, np.arctan2, "pt_atan2"
    facts = Facts(range=Range(-2 * HALF_PI, 2 * HALF_PI))
    samples = reals(0.2, 3, -3, 3, edges=EDGES)

    def vjp(self, g, out, y, x):
        # Divided twice, since the square of the norm overflows.
        norm = hypot(x, y)
        return g * (x / norm / norm), -g * (y / norm / norm)


# Hyperbolic functions.


@op
class Sinh(Elementwise):
    """The hyperbolic sine."""

    numpy, c = np.sinh, "pt_sinh"
    facts = RISING
    samples = reals(-3, 3, edges=EDGES)

    def vjp(self, g, out, x):
        return (g * cosh(x),)


@op
class Cosh(Elementwise):
    """The hyperbolic cosine."""

    numpy, c = np.cosh, "pt_cosh"
    facts = Facts(range=Range(low=1.0))
    samples = reals(-3, 3, edges=EDGES)

    def vjp(self, g, out, x):
        return (g * sinh(x),)


@op
class Tanh(Elementwise):
    """The hyperbolic tangent."""

    numpy, c = np.tanh, "pt_tanh"
    facts = Facts(range=Range(-1.0, 1.0), increasing=True)
    samples = reals(-3, 3, edges=EDGES)

    def vjp(self, g, out, x):
        return (g * (1 - ops.square(out)),)


@op
class Arcsinh(Elementwise):
    """The inverse of sinh."""

    numpy, c = np.arcsinh, "pt_asinh"
    facts = RISING
    samples = reals(-3, 3, edges=EDGES)

    def vjp(self, g, out, x):
        return (g / hypot(x, 1),)


@op
class Arccosh(Elementwise):
    """The inverse of cosh; nan below 1."""

    numpy, c = np.arccosh, "pt_acosh"
    poles = (Pole(0, 1.0, finite=True),)
    facts = Facts(range=NONNEGATIVE, increasing=True)
    samples = reals(1.2, 4, edges=EDGES)

    def vjp(self, g, out, x):
        return (g / (ops.sqrt(x - 1) * ops.sqrt(x + 1)),)


@op
class Arctanh(Elementwise):
    """The inverse of tanh; nan outside [-1, 1]."""

    numpy, c = np.arctanh, "pt_atanh"
    poles = (Pole(0, -1.0), Pole(0, 1.0))
    facts = RISING
    samples = reals(-0.8, 0.8, edges=(*EDGES, -1.0))

    def vjp(self, g, out, x):
        return (g / ((1 - x) * (1 + x)),)


exp = Exp()
exp2 = Exp2()
expm1 = Expm1()
log = Log()
log2 = Log2()
log10 = Log10()
log1p = Log1p()
cbrt = Cbrt()
sin = Sin()
cos = Cos()
tan = Tan()
arcsin = asin = Arcsin()
arccos = acos = Arccos()
arctan = atan = Arctan()
arctan2 = atan2 = Arctan2()
sinh = Sinh()
cosh = Cosh()
tanh = Tanh()
arcsinh = asinh = Arcsinh()
arccosh = acosh = Arccosh()
arctanh = atanh = Arctanh()


@public
def hypot(x: TensorLike, y: TensorLike) -> Node:
    """sqrt(x**2 + y**2) without overflow; its derivative at the origin is 0. Integers are taken as
    float64, before their absolute values, which wrap at the lowest.

    Returns a tensor of the shape that x and y broadcast to: float32 if both are, else float64.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.hypot(3.0, 4.0).eval()
        array(5.)
    """
    dtype = promote_float(weak_operand(x), weak_operand(y))
    a, b = (as_tensor_of(side, dtype, "hypot") for side in (x, y))
    # A choice by size, whose second derivatives are right at ties and where a side is 0.
    larger = ops.abs(a) >= ops.abs(b)
    large, small = ops.where(larger, a, b), ops.where(larger, b, a)
    origin = ops.logical_and(ops.eq(large, 0), ops.eq(small, 0))
    plain = ops.logical_or(origin, ops.isinf(large))
    ratio = ops.where(plain, 0, small) / ops.where(plain, 1, large)
    # An infinite side decides whatever the other is, nan included.
    infinite = ops.logical_or(ops.isinf(a), ops.isinf(b))
    return ops.where(infinite, np.inf, ops.abs(large) * ops.sqrt(1 + ops.square(ratio)))
