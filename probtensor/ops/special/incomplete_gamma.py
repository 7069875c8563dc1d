"""The incomplete gamma functions, their logarithms, derivatives and inverses.

`gammainc(a, x)` and `gammaincc(a, x)` are regularised (DLMF 8.2.4), `gammal` and `gammau` are not.
Derivatives in x are densities. Those in a are ops of their own, named after what they are the
derivative by: `gammainc_aa` is the second in a, after which one op has those of all orders. How
they are computed is said in cython_ext/include/pt_incomplete_gamma.h and pt_incomplete_orders.h.
The compiled functions are also the `numpy` of these ops, which have no second implementation: the
tests compare them with mpmath.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike, as_tensor
from probtensor.ops.kinds import NONNEGATIVE, UNIT, Facts, Pole, Range, op
from probtensor.ops.samples import Sample, reals
from probtensor.ops.special.functions import Compiled, InParameters, counts_of, differentiated

BELOW_ZERO = Range(high=0.0)
SHAPES = (0.3, 1.0, 2.5, 40.0)


class Incomplete(Compiled):
    """An incomplete function."""

    orders: ClassVar[str] = (
        "any order in the argument, and up to the eighth in all with more than one in parameters"
    )


class Bend:
    """A second derivative in the parameters. Next to its roots, it is as exact as its terms."""

    rounding: ClassVar[float] = 1.0


class Orders(InParameters):
    """An incomplete function differentiated in all arguments, up to the eighth order in all; nan
    beyond."""

    rounding: ClassVar[float] = 1.0


class _OfGamma(Incomplete):
    """A function of the parameter a and of x, both from 0 on."""

    arity = 2
    poles = (Pole(1, 0.0),)
    samples = reals(0.4, 5, 0.3, 6, edges=(0.0, 0.3, 1.0, 2.5, 40.0, 1e-5, 300.0, np.nan))


class _ShapeSlope(_OfGamma):
    """A derivative in a."""

    for_users = False
    samples = reals(0.4, 5, 0.3, 6, edges=(0.0, 0.3, 2.5), smooth=False)


class _GammaOrders(Orders):
    """A function of a and x, by counts of derivatives in a and x."""

    arity = 3
    operands = ("counts", "a", "x")
    poles = (Pole(2, 0.0),)
    samples = (
        Sample(
            lambda rng: (
                counts_of(rng.integers(0, 3, (6, 2))), rng.uniform(0.4, 5, 6),
                rng.uniform(0.3, 6, 6),
            ),
            smooth=False,
        ),
        Sample(
            lambda rng: (np.array(3.0), rng.uniform(0.4, 5, (2, 1)), rng.uniform(0.3, 6, 2)),
            smooth=False,
        ),
        Sample(
            lambda rng: tuple(
                x.ravel() for x in np.meshgrid([3.0], [0.0, 0.3, 2.5, np.inf], [0.0, 0.3, 2.5])
            ),
            smooth=False,
        ),
    )  # fmt: skip


@op
class GammaincInParameters(_GammaOrders):
    """Derivatives of gammainc in a and x."""

    c = "pt_gammainc_orders"


@op
class LogGammaincInParameters(_GammaOrders):
    """Derivatives of log_gammainc in a and x."""

    c = "pt_log_gammainc_orders"


@op
class LogGammainccInParameters(_GammaOrders):
    """Derivatives of log_gammaincc in a and x."""

    c = "pt_log_gammaincc_orders"


class _Bend(Bend, _ShapeSlope):
    """The second derivative in a of the function whose derivatives of all orders `family` has."""

    needs = (*_ShapeSlope.needs, "family")
    family: ClassVar[type[Orders]]

    def vjp(self, g, out, a, x):
        third, mixed = (differentiated(self.family, orders, a, x) for orders in ((3,), (2, 1)))
        return g * third, g * mixed


def _log_score(a: Node, x: Node) -> Node:
    """log x - digamma(a): the derivative in a of the logarithm of the density."""
    return ops.log_ratio(x, a, 1.0) - ops.digamma_rest(a)


def _times_score(density: Node, a: Node, x: Node) -> Node:
    """The derivative of a density in a: 0 at x = 0 for a > 1."""
    none = ops.logical_and(ops.eq(x, 0), a > 1)
    return ops.where(none, 0, density * _log_score(a, ops.where(none, 1, x)))


def _density_slope(density: Node, a: Node, x: Node) -> Node:
    """The derivative of a density in x, at x = 0 from the right."""
    end = ops.eq(x, 0)
    inside = density * ((a - 1 - x) / ops.where(end, 1, x))
    above = ops.where(ops.eq(a, 2), 1.0, ops.where(a > 2, 0.0, np.inf))
    below = ops.where(ops.eq(a, 1), -1.0, -np.inf)
    return ops.where(end, ops.where(a > 1, above, below), inside)


@op
class Gammainc(_OfGamma):
    """The regularised lower incomplete gamma function P(a, x), the integral of t**(a - 1) exp(-t)
    over (0, x) divided by gamma(a) (DLMF 8.2.4): the distribution function of a gamma distribution.
    It is 1 for a = 0; nan for a < 0 or x < 0."""

    c = "pt_gammainc"
    poles = (Pole(1, 0.0, finite=True),)
    facts = Facts(range=UNIT)

    def vjp(self, g, out, a, x):
        return g * gammainc_a(a, x), g * gammainc_x(a, x)


@op
class Gammaincc(_OfGamma):
    """The regularised upper incomplete gamma function Q(a, x) = 1 - gammainc(a, x) (DLMF 8.2.4),
    accurate where it is small."""

    c = "pt_gammaincc"
    poles = (Pole(1, 0.0, finite=True),)
    facts = Facts(range=UNIT)

    def vjp(self, g, out, a, x):
        return -g * gammainc_a(a, x), -g * gammainc_x(a, x)


@op
class GammaincX(_OfGamma):
    """The derivative of gammainc in x, x**(a - 1) exp(-x) / gamma(a): a gamma density."""

    c, for_users = "pt_gammainc_x", False
    facts = Facts(range=NONNEGATIVE)

    def vjp(self, g, out, a, x):
        return g * _times_score(out, a, x), g * _density_slope(out, a, x)


@op
class GammaincA(_ShapeSlope):
    """The derivative of gammainc in a; at a = 0 its limit."""

    c = "pt_gammainc_a"
    poles = (Pole(1, 0.0, finite=True),)
    facts = Facts(range=BELOW_ZERO)

    def vjp(self, g, out, a, x):
        return g * gammainc_aa(a, x), g * _times_score(gammainc_x(a, x), a, x)


@op
class GammaincAA(_Bend):
    """The second derivative of gammainc in a."""

    c, family = "pt_gammainc_aa", GammaincInParameters


class _LogSlope(_OfGamma):
    """The derivative in x of the logarithm of gammainc or gammaincc: the density over it."""

    def vjp(self, g, out, a, x):
        by_a = log_gammainc_a if isinstance(self, LogGammaincX) else log_gammaincc_a
        return g * out * (_log_score(a, x) - by_a(a, x)), g * out * ((a - 1 - x) / x - out)


@op
class LogGammainc(_OfGamma):
    """The logarithm of gammainc(a, x), also where that underflows or rounds to 1."""

    c = "pt_log_gammainc"
    facts = Facts(range=BELOW_ZERO)

    def vjp(self, g, out, a, x):
        return g * log_gammainc_a(a, x), g * log_gammainc_x(a, x)


@op
class LogGammaincX(_LogSlope):
    """The derivative of log gammainc(a, x) in x."""

    c, for_users = "pt_log_gammainc_x", False
    facts = Facts(range=NONNEGATIVE)


@op
class LogGammaincA(_ShapeSlope):
    """The derivative of log gammainc(a, x) in a."""

    c = "pt_log_gammainc_a"
    facts = Facts(range=BELOW_ZERO)

    def vjp(self, g, out, a, x):
        return g * log_gammainc_aa(a, x), g * log_gammainc_x(a, x) * (_log_score(a, x) - out)


@op
class LogGammaincAA(_Bend):
    """The second derivative of log gammainc(a, x) in a."""

    c, family = "pt_log_gammainc_aa", LogGammaincInParameters


@op
class LogGammaincc(_OfGamma):
    """The logarithm of gammaincc(a, x), also where that underflows or rounds to 1."""

    c = "pt_log_gammaincc"
    poles = (Pole(1, 0.0, finite=True), Pole(0, 0.0))
    facts = Facts(range=BELOW_ZERO)

    def vjp(self, g, out, a, x):
        return g * log_gammaincc_a(a, x), g * log_gammaincc_x(a, x)


@op
class LogGammainccX(_LogSlope):
    """The derivative of log gammaincc(a, x) in x."""

    c, for_users = "pt_log_gammaincc_x", False
    facts = Facts(range=BELOW_ZERO)

    def vjp(self, g, out, a, x):
        by_a, by_x = super().vjp(g, out, a, x)
        end = ops.eq(x, 0)
        slope = ops.where(a < 1, np.inf, -_density_slope(-out, a, x) - ops.square(out))
        return ops.where(end, g * _times_score(out, a, x), by_a), ops.where(end, g * slope, by_x)


@op
class LogGammainccA(_ShapeSlope):
    """The derivative of log gammaincc(a, x) in a."""

    c = "pt_log_gammaincc_a"
    facts = Facts(range=NONNEGATIVE)

    def vjp(self, g, out, a, x):
        slope = log_gammaincc_x(a, x)
        return g * log_gammaincc_aa(a, x), g * (_times_score(slope, a, x) - slope * out)


@op
class LogGammainccAA(_Bend):
    """The second derivative of log gammaincc(a, x) in a."""

    c, family = "pt_log_gammaincc_aa", LogGammainccInParameters


def _power_slope(k: Node, x: Node) -> Node:
    """x**(k - 1) exp(-x)."""
    return ops.exp(ops.xlogy(k - 1, x) - x)


@op
class Gammal(_OfGamma):
    """The lower incomplete gamma function, the integral of t**(k - 1) exp(-t) over (0, x)
    (DLMF 8.2.1): gammainc(k, x) gamma(k)."""

    c = "pt_gammal"
    poles = (Pole(1, 0.0, finite=True),)
    facts = Facts(range=NONNEGATIVE)
    samples = reals(0.4, 5, 0.3, 6, edges=(0.0, 0.3, 1.0, 2.5, 40.0, 1e-5, np.nan))

    def vjp(self, g, out, k, x):
        log_slope = ops.where(ops.eq(out, 0), 0, ops.digamma(k) + log_gammainc_a(k, x))
        return g * out * log_slope, g * _power_slope(k, x)


@op
class Gammau(_OfGamma):
    """The upper incomplete gamma function, the integral of t**(k - 1) exp(-t) over (x, inf)
    (DLMF 8.2.2): gammaincc(k, x) gamma(k), and the exponential integral E1(x) for k = 0."""

    c = "pt_gammau"
    poles = (Pole(1, 0.0, finite=True),)
    facts = Facts(range=NONNEGATIVE)
    samples = reals(0.4, 5, 0.3, 6, edges=(0.0, 0.3, 1.0, 2.5, 40.0, 1e-5, np.nan))

    def vjp(self, g, out, k, x):
        log_slope = ops.where(ops.eq(out, 0), 0, ops.digamma(k) + log_gammaincc_a(k, x))
        return g * out * log_slope, -g * _power_slope(k, x)


class _InverseOfGamma(Incomplete):
    """An inverse in x, for a parameter a > 0 and a probability."""

    arity = 2
    poles = (Pole(1, 0.0), Pole(1, 1.0))
    facts = Facts(range=NONNEGATIVE)
    samples = reals(0.4, 5, 0.05, 0.95, edges=(0.0, 0.3, 1.0, 0.5, 1e-8, 1e-200, -1.0, np.nan))


@op
class Gammaincinv(_InverseOfGamma):
    """The inverse of gammainc in x: where gammainc(a, x) = p (DLMF 8.12). It is inf for p = 1;
    nan outside [0, 1] and for a < 0."""

    c = "pt_gammaincinv"

    def vjp(self, g, out, a, p):
        slope, end = log_gammainc_x(a, out), ops.eq(out, 0)
        by_a = ops.where(end, 0, log_gammainc_a(a, out) / slope)
        return -g * by_a, g * ops.where(end, 1 / gammainc_x(a, out), 1 / (p * slope))


@op
class Gammainccinv(_InverseOfGamma):
    """The inverse of gammaincc in x: where gammaincc(a, x) = q, accurate for small q. It is inf for
    q = 0; nan outside [0, 1] and for a < 0."""

    c = "pt_gammainccinv"

    def vjp(self, g, out, a, q):
        slope, end = log_gammaincc_x(a, out), ops.eq(out, 0)
        by_a = ops.where(end, 0, log_gammaincc_a(a, out) / slope)
        return -g * by_a, g * ops.where(end, -1 / gammainc_x(a, out), 1 / (q * slope))


@public
def chi2sf(x: TensorLike, k: TensorLike) -> Node:
    """The probability that a chi-squared variable with k degrees of freedom exceeds x:
    gammaincc(k / 2, x / 2).

    x, k: tensors, arrays, numbers or lists that broadcast.
    Returns a tensor of the shape that they broadcast to: float32 if they are, else float64.
    Raises GraphError, a TypeError, for what is not numeric and for shapes that do not broadcast.

        >>> pt.chi2sf(3.84, 1).eval()
        array(0.05004352)
    """
    return gammaincc(as_tensor(k) / 2, as_tensor(x) / 2)


gammainc = Gammainc()
gammaincc = Gammaincc()
gammainc_x = GammaincX()
gammainc_a = GammaincA()
gammainc_aa = GammaincAA()
log_gammainc = LogGammainc()
log_gammainc_x = LogGammaincX()
log_gammainc_a = LogGammaincA()
log_gammainc_aa = LogGammaincAA()
log_gammaincc = LogGammaincc()
log_gammaincc_x = LogGammainccX()
log_gammaincc_a = LogGammainccA()
log_gammaincc_aa = LogGammainccAA()
gammal = Gammal()
gammau = Gammau()
gammaincinv = Gammaincinv()
gammainccinv = Gammainccinv()
