"""Logarithms in the tails of densities, without overflow of squares and exponentials.

`log1p_square(x, w)` is log(1 + (x w)**2), for the power laws (Cauchy, Student's t), and
`log_cosh(x)` is log(cosh(x)), for tails that are exponential (logistic, hyperbolic secant). Both
are accurate near 0 as well, and their derivatives are accurate everywhere.
"""

from __future__ import annotations

import math

import numpy as np

from probtensor import ops
from probtensor.ops.elementwise.arithmetic import EDGES
from probtensor.ops.kinds import NONNEGATIVE, Elementwise, Facts, op
from probtensor.ops.samples import reals
from probtensor.ops.special.functions import static

# For y beyond this, 1 + y**2 rounds to y**2.
LOST = {"float64": 2.0**28, "float32": 2.0**14}
# Squares of numbers beyond FAR overflow; there both factors are scaled by SCALE.
FAR, SCALE = 2.0**511, 2.0**-512
LN2 = float(np.log(2))


def _log1p_square(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    x64, w64 = x.astype("float64"), w.astype("float64")
    far = np.abs(x64 * w64) > FAR
    near = np.log1p(np.square(np.where(far, 0, x64 * w64)))
    scaled = np.log(np.abs(np.where(far, (x64 * SCALE) * (w64 * SCALE), 1)))
    return np.where(far, 2 * scaled - 4 * math.log(SCALE), near).astype(x.dtype)


@op
class Log1pSquare(Elementwise):
    """log(1 + (x w)**2), also where the square or the product overflows.

    In densities, x is a deviation and w the reciprocal of a scale.
    """

    arity, numpy, c = 2, static(_log1p_square), "pt_log1p_square"
    facts = Facts(range=NONNEGATIVE, commutative=True)
    samples = reals(-3, 3, 0.2, 3, edges=(*EDGES, 1e200, -1e300))

    def vjp(self, g, out, x, w):
        # 2 w y / (1 + y^2) for y = x w, or 2 / x where 1 + y^2 rounds to y^2, and symmetrically for
        # the other factor. One division serves both.
        y = x * w
        far = ops.abs(y) > LOST[x.dtype]
        slope = ops.where(far, 2, 2 * w * y) / ops.where(far, x, 1 + ops.square(y))
        still = ops.eq(w, 0)
        share = ops.where(still, 0, 1) / ops.where(still, 1, w)
        return g * slope, g * (slope * x * share)


def _log_cosh(x: np.ndarray) -> np.ndarray:
    a = np.abs(x)
    e = np.expm1(2 * np.minimum(a, 20))
    near = np.where(a > 1e-100, np.log1p(e * e / (4 + 4 * e)), np.square(a)) / 2
    return np.where(a > 20, a - LN2, near).astype(x.dtype)


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
