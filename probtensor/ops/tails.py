"""Logarithms that densities decay by, where squares and exponentials would overflow.

`log1p_square(x, w)` is log(1 + (x w)**2), for the power laws (Cauchy, Student's t), and
`log_cosh(x)` is log(cosh(x)), for tails that are exponential (logistic, hyperbolic secant). Both
keep their digits near 0 too, and their derivatives everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.ops.arithmetic import EDGES
from probtensor.ops.kinds import NONNEGATIVE, Elementwise, Facts, op
from probtensor.ops.samples import reals

# Beyond the first number a product is so large that 1 is lost beside its square; there both of its
# factors are multiplied by the second.
FAR = {"float64": (2.0**500, 2.0**-320), "float32": (2.0**60, 2.0**-40)}


def static(function: Callable) -> Any:
    """A plain function as an op's `numpy`, which takes no self."""
    return staticmethod(function)


def _log1p_square(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    x64, w64 = x.astype("float64"), w.astype("float64")
    limit, scale = FAR["float64"]
    far = np.abs(x64 * w64) > limit
    near = np.log1p(np.square(np.where(far, 0, x64 * w64)))
    scaled = np.log(np.abs(np.where(far, (x64 * scale) * (w64 * scale), 1)))
    return np.where(far, 2 * scaled - 4 * math.log(scale), near).astype(x.dtype)


@op
class Log1pSquare(Elementwise):
    """log(1 + (x w)**2), also where the square overflows, or the product.

    Densities take x far in a tail, and the inverse w of a scale.
    """

    arity, numpy, c = 2, static(_log1p_square), "pt_log1p_square"
    facts = Facts(range=NONNEGATIVE, commutative=True)
    samples = reals(-3, 3, 0.2, 3, edges=(*EDGES, 1e200, -1e300))

    def vjp(self, g, out, x, w):
        # y / (1 + y^2) for y = x w, and 1 / y where 1 is lost. The scale keeps all that is made of
        # the factors in the range of floats.
        limit, scale = FAR[x.dtype]
        far = ops.abs(x * w) > limit
        scale = ops.where(far, scale, 1)
        a, b = x * scale, w * scale
        y = a * b
        slope = 2 * ops.where(far, 1, y) / ops.where(far, y, 1 + ops.square(y))
        return g * (slope * (b * scale)), g * (slope * (a * scale))


def _log_cosh(x: np.ndarray) -> np.ndarray:
    a = np.abs(x)
    e = np.expm1(-np.minimum(a, 40))
    near = np.where(a > 1e-100, np.log1p(e * e / (2 + 2 * e)), np.square(a) / 2)
    return np.where(a < 2, near, a + np.log1p(e * (2 + e) / 2)).astype(x.dtype)


@op
class LogCosh(Elementwise):
    """log(cosh(x)), without overflow, and x**2 / 2 near 0, where cosh(x) rounds to 1."""

    numpy, c = static(_log_cosh), "pt_log_cosh"
    facts = Facts(range=NONNEGATIVE)
    samples = reals(-3, 3, edges=(*EDGES, 40.0, -40.0, 745.0, -745.0, 1e-10, 1e-200))

    def vjp(self, g, out, x):
        return (g * ops.tanh(x),)


log1p_square = Log1pSquare()
log_cosh = LogCosh()
