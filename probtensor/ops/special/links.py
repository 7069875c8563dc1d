"""Logarithms of probabilities as functions of a linear predictor, and products that are 0 for a
factor of 0.

The rules for links (rules/probability/links.py) rewrite `log(p)` and `xlogy(y, p)` to these ops.
First and second derivatives are accurate too where the probability rounds to 0 or 1.
"""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.ops.elementwise.arithmetic import EDGES
from probtensor.ops.kinds import NONNEGATIVE, UNIT, Elementwise, Facts, Range, op
from probtensor.ops.samples import reals
from probtensor.ops.special.functions import RISING, WIDE, _log1mexp, static

FAR = (*WIDE, -37.5, 6.6, 30.0, np.inf, -np.inf)


def _xtimes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.where((x == 0) & (y == y), x.dtype.type(0), x * y)


def _polynomial(z: Node, coefficients: tuple[float, ...]) -> Node:
    total = coefficients[-1]
    for c in coefficients[-2::-1]:
        total = c + z * total
    return total


@op
class Xtimes(Elementwise):
    """x * y, and 0 where x == 0 (nan if y is nan)."""

    arity, numpy, c = 2, static(_xtimes), "pt_xtimes"
    samples = reals(0.2, 3, -3, 3, edges=EDGES)

    def vjp(self, g, out, x, y):
        return xtimes(g, y), xtimes(g, x)


@op
class Xexpy(Elementwise):
    """x * exp(y), and 0 where x == 0 (nan if y is nan)."""

    arity, numpy, c = 2, static(lambda x, y: _xtimes(x, np.exp(y))), "pt_xexpy"
    samples = reals(0.2, 3, -3, 3, edges=EDGES)

    def vjp(self, g, out, x, y):
        return xexpy(g, y), xexpy(g * x, y)


# log p and log(1 - p) for the complementary log-log link are log_cexpexp(x) and -exp(x).


def _log_cexpexp(x: np.ndarray) -> np.ndarray:
    return np.where(x < -40, x, _log1mexp(-np.exp(np.maximum(x, -40)))).astype(x.dtype)


@op
class LogCexpexp(Elementwise):
    """log(1 - exp(-exp(x))), without underflow."""

    numpy, c = static(_log_cexpexp), "pt_log_cexpexp"
    facts = Facts(range=Range(high=0.0), increasing=True)
    samples = reals(-3, 1.5, edges=FAR)

    def vjp(self, g, out, x):
        return (g * log_cexpexp_slope(x),)


def _log_cexpexp_slope(x: np.ndarray) -> np.ndarray:
    y = np.clip(x, -40, 80)
    u = np.exp(np.minimum(y, 6.4))
    return np.where(y > 6.4, np.exp(y - np.exp(y)), u / np.expm1(u)).astype(x.dtype)


@op
class LogCexpexpSlope(Elementwise):
    """exp(x) / (exp(exp(x)) - 1), the derivative of log_cexpexp: from 1 down to 0."""

    numpy, c = static(_log_cexpexp_slope), "pt_log_cexpexp_slope"
    facts = Facts(range=UNIT, decreasing=True)
    samples = reals(-3, 1.5, edges=FAR)

    def vjp(self, g, out, x):
        # -out * (u - 1 + out) for u = exp(x); near 0 by the Bernoulli numbers (DLMF 24.2.1).
        near = x < -2
        u = ops.exp(ops.minimum(x, -2))
        odd = _polynomial(ops.square(u), (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600))
        series = u * (0.5 + u * odd)
        rest = xexpy(out, x) + out * (out - 1)
        return (-g * ops.where(near, out * series, rest),)


def _log_softplus(x: np.ndarray) -> np.ndarray:
    # In extended precision, where there is one: the outer logarithm is 0 at about 0.54.
    wide = np.maximum(x, -37).astype("longdouble")
    near = np.log(np.logaddexp(wide, np.longdouble(0)))
    return np.where(x < -37, x, near).astype(x.dtype)


@op
class LogSoftplus(Elementwise):
    """log(log(1 + exp(x))), without overflow or underflow."""

    numpy, c = static(_log_softplus), "pt_log_softplus"
    facts = RISING
    samples = reals(-3, 3, edges=WIDE)

    def vjp(self, g, out, x):
        # sigmoid(x) / softplus(x); e / ((1 + e) log(1 + e)) is 1 - e / 2 + ... for small e.
        e = ops.exp(ops.minimum(x, -4))
        series = (1.0, -1 / 2, 5 / 12, -3 / 8, 251 / 720, -95 / 288, 19087 / 60480, -5257 / 17280)
        safe = ops.maximum(x, -4)
        ratio = ops.sigmoid(safe) / ops.softplus(safe)
        return (g * ops.where(x < -4, _polynomial(e, series), ratio),)


def _inverse_mills(x: np.ndarray) -> np.ndarray:
    from scipy import special

    root = float(np.sqrt(0.5))
    left = np.minimum(x, 0)
    right = np.clip(x, 0, 40)
    tail = np.sqrt(2 / np.pi) / special.erfcx(-root * left)
    density = np.exp(-np.square(right) / 2) / np.sqrt(2 * np.pi)
    found = np.where(x < 0, tail, density / special.ndtr(right))
    return np.where(np.isnan(x), x, found).astype(x.dtype)


@op
class InverseMills(Elementwise):
    """The normal density over the normal distribution function at x, the derivative of log_ndtr:
    -x far left, 0 far right."""

    numpy, c = static(_inverse_mills), "pt_inverse_mills"
    facts = Facts(range=NONNEGATIVE, decreasing=True)
    samples = reals(-5, 3, edges=WIDE)

    def vjp(self, g, out, x):
        # -out * (x + out); far left the sum cancels, and its asymptotic series in 1 / x**2 is used,
        # the derivative of that of DLMF 7.12.1.
        far = x < -30
        u = ops.square(1 / ops.where(far, x, -30))
        series = _polynomial(u, (1.0, -1.0, 6.0, -50.0, 518.0, -6354.0, 89782.0))
        return (-g * ops.where(far, series, xtimes(out, x + out)),)


xtimes = Xtimes()
xexpy = Xexpy()
log_cexpexp = LogCexpexp()
log_cexpexp_slope = LogCexpexpSlope()
log_softplus = LogSoftplus()
inverse_mills = InverseMills()
