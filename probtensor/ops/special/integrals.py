"""Integrals that are functions of their own: exponential integrals, Dawson's, the dilogarithm,
Owen's T, the inverse of log_ndtr.

Their values are SciPy's, by the functions in `cython_ext/scipy_special.py`. References by number
are to the NIST Digital Library of Mathematical Functions, dlmf.nist.gov.
"""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.elementwise.arithmetic import EDGES
from probtensor.ops.kinds import Elementwise, Facts, Pole, Range, as_tensor_of, op, weak_operand
from probtensor.ops.samples import Sample, reals
from probtensor.ops.special.functions import SQRT_2PI, SQRT_PI, Compiled, SciPy
from probtensor.types import promote_float

RISING = Facts(increasing=True)
NEAR_ONE = 0.05  # where log(x) / (x - 1) is taken by its series
LOG_SERIES = tuple((-1.0) ** k / (k + 1) for k in range(16))
FAR = 20.0  # where the slope of Dawson's integral is taken by its asymptotic series
DAWSON_SERIES = (1, 3 / 2, 15 / 4, 105 / 8, 945 / 16, 10395 / 32, 135135 / 64)


def series(coefficients: tuple[float, ...], x: Node) -> Node:
    """A polynomial as a graph, from the constant coefficient on."""
    total = as_tensor_of(coefficients[-1], x.dtype)
    for value in coefficients[-2::-1]:
        total = total * x + value
    return total


@op
class Expi(Elementwise):
    """The exponential integral Ei, the principal value of the integral of exp(t) / t from -inf to x
    (DLMF 6.2.5); -inf at 0."""

    numpy, c = SciPy("expi"), "pt_scipy_expi"
    poles = (Pole(0, 0.0),)
    samples = reals(0.3, 5, edges=EDGES) + reals(-5, -0.3)

    def vjp(self, g, out, x):
        end = ops.eq(x, np.inf)
        finite = ops.where(end, 1, x)
        return (g * ops.where(end, np.inf, ops.exp(finite) / finite),)


@op
class Exp1(Elementwise):
    """The exponential integral E1, the integral of exp(-t) / t from x to inf (DLMF 6.2.1); inf at
    0, nan below."""

    numpy, c = SciPy("exp1"), "pt_scipy_exp1"
    poles = (Pole(0, 0.0),)
    facts = Facts(range=Range(low=0.0), decreasing=True)
    samples = reals(0.3, 5, edges=EDGES)

    def vjp(self, g, out, x):
        return (-g * ops.exp(-x) / x,)


@op
class Expn(Elementwise):
    """The exponential integral of order n, which is a whole number in the dtype of x."""

    arity, numpy, c = 2, SciPy("expn"), "pt_scipy_expn"
    for_users = False
    samples = (
        Sample(lambda rng: (rng.integers(0, 4, 12) + 0.0, rng.uniform(0.2, 4, 12)), smooth=False),
        Sample(lambda rng: (np.full(10, 2.0), np.array(EDGES)), smooth=False),
    )

    def vjp(self, g, out, n, x):
        # E_0 is exp(-x) / x; below that no function is needed.
        above = ops.maximum(n - 1, 0)
        first = ops.exp(-x) * (1 + x) / ops.square(x)
        return None, -g * ops.where(n > 0, self(above, x), first)


@public
def expn(n: TensorLike, x: TensorLike) -> Node:
    """The exponential integral of order n, the integral of exp(-x t) / t**n from t = 1 to inf
    (DLMF 8.19.3), for integers n >= 0 and x >= 0; nan elsewhere.

    Returns a tensor of the shape that n and x broadcast to: float32 if x is, else float64. It has
    derivatives of any order in x.
    Raises GraphError, a TypeError, for orders that are not integers, and for shapes that do not
    broadcast.

        >>> pt.special.expn(2, 0.5).eval()
        array(0.32664386)
    """
    return Expn()(*whole_and_float("expn", "n", n, x))


def whole_and_float(what: str, name: str, n: TensorLike, x: TensorLike) -> tuple[Node, Node]:
    """An operand of integers, and one of floats, both in the float dtype of the second. GraphError
    for floats in the first."""
    dtype = promote_float(weak_operand(x))
    whole = as_tensor(n)
    if whole.type.is_float:
        raise GraphError(f"{what}: {name} holds integers; cast it with .astype('int64')")
    return whole.astype(dtype), as_tensor_of(x, dtype, what)


@op
class Dawsn(Elementwise):
    """Dawson's integral, exp(-x**2) times the integral of exp(t**2) from 0 to x (DLMF 7.2.5)."""

    numpy, c = SciPy("dawsn"), "pt_scipy_dawsn"
    samples = reals(-4, 4, edges=(*EDGES, 30.0, -30.0))

    def vjp(self, g, out, x):
        far = ops.abs(x) > FAR
        z = 1 / ops.square(ops.where(far, x, FAR))
        return (g * ops.where(far, -z / 2 * series(DAWSON_SERIES, z), 1 - 2 * x * out),)


@op
class Erfi(Elementwise):
    """The imaginary error function, 2/sqrt(pi) * integral of exp(t**2) from 0 to x (DLMF 7.2)."""

    numpy, c = SciPy("erfi"), "pt_scipy_erfi"
    facts = RISING
    samples = reals(-3, 3, edges=EDGES)

    def vjp(self, g, out, x):
        return (g * (2 / SQRT_PI) * ops.exp(ops.square(x)),)


@op
class Spence(Elementwise):
    """The dilogarithm of 1 - x as SciPy defines it, minus the integral of log(t) / (t - 1) from 1
    to x (DLMF 25.12); nan below 0."""

    numpy, c = SciPy("spence"), "pt_scipy_spence"
    poles = (Pole(0, 0.0, finite=True),)
    facts = Facts(decreasing=True)
    samples = reals(0.2, 4, edges=(*EDGES, 2.0))

    def vjp(self, g, out, x):
        near = ops.abs(x - 1) < NEAR_ONE
        close = ops.where(near, x - 1, 0)
        far = ops.where(ops.logical_or(near, ops.eq(x, np.inf)), 2, x)
        slope = ops.where(near, series(LOG_SERIES, close), ops.log(far) / (far - 1))
        return (-g * ops.where(ops.eq(x, np.inf), 0, slope),)


@op
class OwensT(Compiled):
    """Owen's T function, the probability of X > h and 0 < Y < a X for standard normal X and Y: the
    integral of exp(-h**2 (1 + t**2) / 2) / (2 pi (1 + t**2)) from 0 to a (Owen 1956)."""

    arity, c = 2, "pt_owens_t"
    operands = ("h", "a")
    samples = reals(-3, 3, -3, 3, edges=(*EDGES, 30.0))

    def vjp(self, g, out, h, a):
        density = ops.exp(-ops.square(h) / 2) / SQRT_2PI
        slope = -density * ops.erf(h * a * np.sqrt(0.5)) / 2
        # Divided twice, since the square of a may overflow.
        lean = ops.hypot(a, 1)
        return g * slope, g * ops.exp(-ops.square(h * lean) / 2) / (2 * np.pi) / lean / lean


@op
class NdtriExp(Elementwise):
    """The standard normal quantile of exp(x): the inverse of log_ndtr, for x <= 0."""

    numpy, c = SciPy("ndtri_exp"), "pt_scipy_ndtri_exp"
    poles = (Pole(0, 0.0),)
    facts = RISING
    samples = reals(-8, -0.1, edges=(*EDGES, -1e-10, -700.0))

    def vjp(self, g, out, x):
        return (g / ops.inverse_mills(out),)


expi = Expi()
exp1 = Exp1()
dawsn = Dawsn()
erfi = Erfi()
spence = Spence()
owens_t = OwensT()
ndtri_exp = NdtriExp()
