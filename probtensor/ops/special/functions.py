"""Special functions: the logistic family, the normal integral, the gamma family.

References by number are to the NIST Digital Library of Mathematical Functions, dlmf.nist.gov.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cython_ext.scalars import apply
from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.ops.elementwise.arithmetic import EDGES
from probtensor.ops.kinds import (
    NONNEGATIVE,
    OPEN_UNIT,
    POSITIVE,
    Elementwise,
    Facts,
    Pole,
    Range,
    as_tensor_of,
    op,
)
from probtensor.ops.samples import reals

RISING = Facts(increasing=True)
LN2 = float(np.log(2))
SQRT_PI = float(np.sqrt(np.pi))
SQRT_2PI = float(np.sqrt(2 * np.pi))
HALF_LOG_2PI = float(np.log(2 * np.pi) / 2)
# B_2, B_4, ... (DLMF 24.2).
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
WIDE = (*EDGES, 40.0, -40.0, 745.0, -745.0)
DIGIT = 16.0  # counts of derivatives by one argument after the other are digits to this base


class SciPy:
    """A function of scipy.special, imported on the first call."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *arrays: np.ndarray) -> np.ndarray:
        import scipy.special

        return getattr(scipy.special, self.name)(*arrays)


class Compiled(Elementwise):
    """An elementwise op whose meaning is its compiled function, in float64: neither NumPy nor SciPy
    has it, or not with all digits, and exact values judge it."""

    def numpy(self, *operands: np.ndarray) -> np.ndarray:
        wide = [x.astype("float64") for x in operands]
        return np.asarray(apply(self.c, *wide)).astype(operands[0].dtype)


class InParameters(Compiled):
    """A function differentiated in its arguments, as the digits of the first operand say."""

    for_users = False

    def vjp(self, g, out, counts, *inputs):
        more = (DIGIT**k for k in range(len(inputs)))
        return None, *(g * self(counts + step, *inputs) for step in more)


def differentiated(cls: type[InParameters], orders: Sequence[int], *inputs: Node) -> Node:
    """The derivative of these orders in the first arguments."""
    counts = sum(n * DIGIT**k for k, n in enumerate(orders))
    return make(cls(), (as_tensor_of(counts, inputs[-1].dtype), *inputs))


def counts_of(orders: np.ndarray) -> np.ndarray:
    """The first operand for rows of orders."""
    return orders @ DIGIT ** np.arange(orders.shape[-1])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e)).astype(x.dtype)


def _log1mexp(x: np.ndarray) -> np.ndarray:
    return np.where(x > -LN2, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


def static(function: Callable) -> Any:
    """A plain function as an op's `numpy`, which takes no self."""
    return staticmethod(function)


def polynomial(coefficients: Sequence[float], x: np.ndarray) -> np.ndarray:
    """The polynomial with these coefficients, from the constant on, as `np.polynomial.polynomial.
    polyval` computes it, whose import takes longer."""
    given = np.array(coefficients).reshape(-1, *[1] * np.ndim(x))
    total = given[-1] + x * 0
    for value in given[-2::-1]:
        total = value + total * x
    return total


# The logistic family.


@op
class Sigmoid(Elementwise):
    """1 / (1 + exp(-x)), the logistic function."""

    numpy, c = static(_sigmoid), "pt_sigmoid"
    facts = Facts(range=OPEN_UNIT, increasing=True)
    samples = reals(-3, 3, edges=WIDE)

    def vjp(self, g, out, x):
        return (g * out * (1 - out),)


@op
class Logit(Elementwise):
    """log(x / (1 - x)), the inverse of the logistic function; nan outside [0, 1]."""

    numpy, c = SciPy("logit"), "pt_logit"
    poles = (Pole(0, 0.0), Pole(0, 1.0))
    facts = RISING
    samples = reals(0.1, 0.9, edges=(*EDGES, 0.5))

    def vjp(self, g, out, x):
        return (g / (x * (1 - x)),)


@op
class Softplus(Elementwise):
    """log(1 + exp(x)), without overflow."""

    numpy, c = static(lambda x: np.logaddexp(x, x.dtype.type(0))), "pt_softplus"
    facts = Facts(range=POSITIVE, increasing=True)
    samples = reals(-3, 3, edges=WIDE)

    def vjp(self, g, out, x):
        return (g * sigmoid(x),)


@op
class LogSigmoid(Elementwise):
    """log(sigmoid(x)) = -softplus(-x), without underflow."""

    numpy, c = static(lambda x: -np.logaddexp(-x, x.dtype.type(0))), "pt_log_sigmoid"
    facts = Facts(range=Range(high=0.0), increasing=True)
    samples = reals(-3, 3, edges=WIDE)

    def vjp(self, g, out, x):
        return (g * sigmoid(-x),)


@op
class Log1mexp(Elementwise):
    """log(1 - exp(x)) for x <= 0, accurate at both ends (Maechler 2012); nan above 0."""

    numpy, c = static(_log1mexp), "pt_log1mexp"
    poles = (Pole(0, 0.0),)
    facts = Facts(range=Range(high=0.0), decreasing=True)
    samples = reals(-3, -0.1, edges=(*WIDE, -1e-12))

    def vjp(self, g, out, x):
        # exp(x) / (exp(x) - 1), in a form whose own derivative does not overflow.
        return (-g * ops.exp(x - out),)


@op
class Logaddexp(Elementwise):
    """log(exp(x) + exp(y)), without overflow; -inf where both are -inf."""

    arity, numpy, c = 2, np.logaddexp, "pt_logaddexp"
    facts = Facts(commutative=True)
    samples = reals(-3, 3, -3, 3, edges=WIDE)

    def vjp(self, g, out, x, y):
        # Equal infinities have equal weights; their difference would be nan.
        same = ops.logical_and(ops.eq(x, y), ops.isinf(x))
        difference = ops.where(same, 0, x - y)
        return g * sigmoid(difference), g * sigmoid(-difference)


@op
class Xlogy(Elementwise):
    """x * log(y), and 0 where x == 0 (nan if y is nan)."""

    arity, numpy, c = 2, SciPy("xlogy"), "pt_xlogy"
    poles = (Pole(1, 0.0, finite=True),)
    samples = reals(0.2, 3, 0.2, 3, edges=EDGES)

    def vjp(self, g, out, x, y):
        return g * ops.log(y), g * zero_over(x, y)


@op
class Xlog1py(Elementwise):
    """x * log(1 + y), and 0 where x == 0 (nan if y is nan)."""

    arity, numpy, c = 2, SciPy("xlog1py"), "pt_xlog1py"
    poles = (Pole(1, -1.0, finite=True),)
    samples = reals(0.2, 3, -0.8, 3, edges=EDGES)

    def vjp(self, g, out, x, y):
        return g * ops.log1p(y), g * zero_over(x, 1 + y)


def zero_over(x: Node, y: Node) -> Node:
    """x / y, and 0 where x == 0, for any y."""
    zero = ops.eq(x, 0)
    return ops.where(zero, 0, x / ops.where(zero, 1, y))


# The normal integral.


@op
class Erf(Elementwise):
    """The error function, 2/sqrt(pi) * integral of exp(-t**2) from 0 to x (DLMF 7.2.1)."""

    numpy, c = SciPy("erf"), "pt_erf"
    facts = Facts(range=Range(-1.0, 1.0), increasing=True)
    samples = reals(-2, 2, edges=WIDE)

    def vjp(self, g, out, x):
        return (g * (2 / SQRT_PI) * ops.exp(-ops.square(x)),)


@op
class Erfc(Elementwise):
    """1 - erf(x), accurate for large x (DLMF 7.2.2)."""

    numpy, c = SciPy("erfc"), "pt_erfc"
    facts = Facts(range=Range(0.0, 2.0), decreasing=True)
    samples = reals(-2, 2, edges=(*WIDE, 26.0))

    def vjp(self, g, out, x):
        return (g * (-2 / SQRT_PI) * ops.exp(-ops.square(x)),)


@op
class Erfcx(Elementwise):
    """exp(x**2) * erfc(x), the scaled complementary error function (DLMF 7.2)."""

    numpy, c = SciPy("erfcx"), "pt_erfcx"
    facts = Facts(range=NONNEGATIVE, decreasing=True)
    samples = reals(-2, 3, edges=EDGES)

    def vjp(self, g, out, x):
        # For large x the difference cancels; the derivative of DLMF 7.12.1 is used there.
        far = x > 50
        z = 1 / ops.square(ops.where(far, x, 50))
        tail = z * (-1 + z * (1.5 + z * (-3.75 + z * 13.125)))
        return (g * ops.where(far, tail / SQRT_PI, 2 * x * out - 2 / SQRT_PI),)


@op
class Erfinv(Elementwise):
    """The inverse of erf (DLMF 7.17); nan outside [-1, 1]."""

    numpy, c = SciPy("erfinv"), "pt_erfinv"
    poles = (Pole(0, -1.0), Pole(0, 1.0))
    facts = RISING
    samples = reals(-0.9, 0.9, edges=(*EDGES, -1.0))

    def vjp(self, g, out, x):
        return (g * (SQRT_PI / 2) * ops.exp(ops.square(out)),)


def _erfcinv(x: np.ndarray) -> np.ndarray:
    import scipy.special

    # SciPy gives infinity for the smallest arguments, where logarithms give the value.
    tiny = (x > 0) & (x < 1e-300)
    logarithm = np.log(np.where(tiny, x, 1).astype("float64")) - LN2
    small = scipy.special.ndtri_exp(logarithm) * -np.sqrt(0.5)
    return np.where(tiny, small, scipy.special.erfcinv(x)).astype(x.dtype)


@op
class Erfcinv(Elementwise):
    """The inverse of erfc (DLMF 7.17); nan outside [0, 2]."""

    numpy, c = static(_erfcinv), "pt_erfcinv"
    poles = (Pole(0, 0.0), Pole(0, 2.0))
    facts = Facts(decreasing=True)
    samples = reals(0.1, 1.9, edges=(*EDGES, 2.0))

    def vjp(self, g, out, x):
        return (g * (-SQRT_PI / 2) * ops.exp(ops.square(out)),)


@op
class Ndtr(Elementwise):
    """The standard normal distribution function, erfc(-x / sqrt(2)) / 2 (DLMF 7.18)."""

    numpy, c = SciPy("ndtr"), "pt_ndtr"
    facts = Facts(range=OPEN_UNIT, increasing=True)
    samples = reals(-3, 3, edges=WIDE)

    def vjp(self, g, out, x):
        return (g * ops.exp(-ops.square(x) / 2) / SQRT_2PI,)


@op
class LogNdtr(Elementwise):
    """The logarithm of the standard normal distribution function."""

    numpy, c = SciPy("log_ndtr"), "pt_log_ndtr"
    poles = (Pole(0, -np.inf),)
    facts = Facts(range=Range(high=0.0), increasing=True)
    samples = reals(-5, 3, edges=WIDE)

    def vjp(self, g, out, x):
        return (g * ops.inverse_mills(x),)


@op
class Ndtri(Elementwise):
    """The standard normal quantile function, the inverse of ndtr; nan outside [0, 1]."""

    numpy, c = SciPy("ndtri"), "pt_ndtri"
    poles = (Pole(0, 0.0), Pole(0, 1.0))
    facts = RISING
    samples = reals(0.05, 0.95, edges=EDGES)

    def vjp(self, g, out, x):
        return (g * SQRT_2PI * ops.exp(ops.square(out) / 2),)


# The gamma family.


def _lgamma(x: np.ndarray) -> np.ndarray:
    import scipy.special

    # SciPy overflows to infinity where 1/x does; gamma(x) rounds to 1/x there.
    tiny = (x != 0) & (np.abs(x) < 1e-300)
    return np.where(tiny, -np.log(np.abs(x)), scipy.special.gammaln(x)).astype(x.dtype)


@op
class Gamma(Elementwise):
    """The gamma function (DLMF 5.2.1); (n - 1)! for integers n > 0, nan at negative integers."""

    numpy, c = SciPy("gamma"), "pt_gamma"
    poles = (Pole(0, 0.0),)
    samples = reals(0.5, 4, edges=(*EDGES, -2.0, 171.0, 172.0))

    def vjp(self, g, out, x):
        return (g * out * digamma(x),)


@op
class Lgamma(Elementwise):
    """log |gamma(x)| (DLMF 5.2); +inf at 0 and at negative integers."""

    numpy, c = static(_lgamma), "pt_lgamma"
    poles = (Pole(0, 0.0),)
    samples = reals(0.3, 6, edges=(*EDGES, 2.0, -2.0, 1e10))

    def vjp(self, g, out, x):
        return (g * digamma(x),)


@op
class Digamma(Elementwise):
    """The derivative of log gamma, psi (DLMF 5.2)."""

    numpy, c = SciPy("psi"), "pt_digamma"
    poles = (Pole(0, 0.0),)
    samples = reals(0.3, 6, edges=(1.0, 1.5, -1.25, 1e10, np.inf, np.nan))

    def vjp(self, g, out, x):
        return (g * trigamma(x),)


def _zeta2(x: np.ndarray) -> np.ndarray:
    import scipy.special

    positive = scipy.special.zeta(2.0, np.where(x > 0, x, 1.0))
    # Reflection, DLMF 5.15.6, as zeta is given for positive x only.
    mirrored = scipy.special.zeta(2.0, np.where(x < 0, 1.0 - x, 1.0))
    below = (np.pi / np.sin(np.pi * x)) ** 2 - mirrored
    value = np.where(x > 0, positive, np.where(x == np.floor(x), np.inf, below))
    return np.where(np.isnan(x) | (x == -np.inf), np.nan, value).astype(x.dtype)


@op
class Trigamma(Elementwise):
    """The derivative of digamma (DLMF 5.15)."""

    numpy, c = static(_zeta2), "pt_trigamma"
    poles = (Pole(0, 0.0),)
    samples = reals(0.3, 6, edges=(1.0, 1.5, -1.25, 1e10, np.inf, np.nan))

    def vjp(self, g, out, x):
        return (g * polygamma(2, x),)


@public
def polygamma(n: TensorLike, x: TensorLike) -> Node:
    """The n-th derivative of digamma, for integers n >= 0 and x > -10.

    Of a number n sixteen steps of the recurrence (DLMF 5.15.5), then the asymptotic series (DLMF
    5.15.8); of a tensor of integers the zeta function of Hurwitz (DLMF 5.15.2), which is nan for
    orders below 0.

    Returns a tensor of the shape that n and x broadcast to: float32 if x is, else float64. It has
    derivatives of any order in x.
    Raises GraphError, a TypeError, for a number n that is not an integer >= 0, and a tensor of
    floats.

        >>> pt.special.polygamma(1, 1.0).eval()
        array(1.64493407)
    """
    if isinstance(n, (Node, list, tuple, np.ndarray)):
        return ops.special.zetas.polygamma_of_tensor(n, x)
    if not isinstance(n, (int, np.integer)) or n < 0:
        raise GraphError(f"polygamma: the order n is a whole number from 0 on, not {n!r:.60}")
    x = as_tensor(x)
    if n == 0:
        return digamma(x)
    if n == 1:
        return trigamma(x)
    z = x + 16.0
    total = _factorial(n - 1) * z**-n + (_factorial(n) / 2) * z ** -(n + 1)
    for k, b in enumerate(BERNOULLI, 1):
        factor = b * _factorial(2 * k + n - 1) / _factorial(2 * k)
        total = total + factor * z ** -(2 * k + n)
    for k in range(16):
        total = total + _factorial(n) * (x + float(k)) ** -(n + 1)
    return total if n % 2 else -total


def _factorial(n: int) -> float:
    return float(math.factorial(n))


sigmoid = expit = Sigmoid()
logit = Logit()
softplus = log1pexp = Softplus()
log_sigmoid = log_expit = LogSigmoid()
log1mexp = Log1mexp()
logaddexp = Logaddexp()
xlogy = Xlogy()
xlog1py = Xlog1py()
erf = Erf()
erfc = Erfc()
erfcx = Erfcx()
erfinv = Erfinv()
erfcinv = Erfcinv()
ndtr = Ndtr()
log_ndtr = LogNdtr()
ndtri = Ndtri()
gamma = Gamma()
lgamma = gammaln = Lgamma()
digamma = psi = Digamma()
trigamma = tri_gamma = Trigamma()
