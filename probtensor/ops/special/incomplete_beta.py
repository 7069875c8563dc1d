"""The incomplete beta function, its logarithm, derivatives and inverse.

The ops are of x and y = 1 - x, of which the smaller is exact: `beta_mass(a, b, x, y)` is the mass
of a beta distribution below x (DLMF 8.17.2), and the complement `beta_mass(b, a, y, x)` has the
digits of its own tail. `betainc` and the others by SciPy's names are functions that call them.

Derivatives in x are densities; those in a and b are ops of their own, as in incomplete_gamma.py.
How they are computed is said in cython_ext/include/pt_incomplete_beta.h.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike, as_tensor
from probtensor.ops.kinds import NONNEGATIVE, UNIT, Facts, Pole, op
from probtensor.ops.samples import Sample
from probtensor.ops.special.functions import DIGIT, counts_of, differentiated
from probtensor.ops.special.incomplete_gamma import SHAPES, Bend, Incomplete, Orders


def _shares(*edges: float) -> tuple[Sample, ...]:
    """Samples of parameters a and b, of x and of 1 - x; at `edges` as well."""

    def full(rng: np.random.Generator, *shapes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
        a, b = (rng.uniform(0.4, 5, size=shape) for shape in shapes[:2])
        x = rng.uniform(0.05, 0.95, size=shapes[2])
        return a, b, x, 1 - x

    a, b, x = (z.ravel() for z in np.meshgrid(SHAPES, SHAPES, edges, indexing="ij"))
    return (
        Sample(lambda rng: full(rng, *[(3, 4)] * 3), smooth=False),
        Sample(lambda rng: full(rng, (5, 3), (3,), (5, 1)), smooth=False),
        Sample(lambda rng: (a, b, x, 1 - x), smooth=False),
    )


class OfBeta(Incomplete):
    """A function of the parameters a and b, and of x and y = 1 - x, of which the smaller is exact.

    Where y is not 1 - x a result means nothing, and has any sign: so there is no range."""

    arity = 4
    for_users = False
    condition = 25.0  # of x**a, where x is 1e-9
    poles = (Pole(2, 0.0), Pole(3, 0.0))
    samples = _shares(0.0, 1.0, 0.5, 1e-9, 0.999)


class Sloping(OfBeta):
    """One with derivatives: `slopes(out, a, b, x, y)` gives those in a, b and x. That in x is along
    x + y = 1, and there is none in y."""

    needs = (*OfBeta.needs, "slopes")
    slopes: ClassVar[Callable[..., Sequence[Node]]]

    def vjp(self, g, out, a, b, x, y):
        return *(g * slope for slope in self.slopes(out, a, b, x, y)), ops.zeros_like(g)


def _few(rng: np.random.Generator, count: int = 4) -> tuple[np.ndarray, ...]:
    x = rng.uniform(0.05, 0.95, count)
    return *rng.uniform(0.4, 5, (2, count)), x, 1 - x


class _BetaOrders(Orders):
    """A function of a, b, x and y, by counts of derivatives in a, b and x: those in x are along
    x + y = 1, and there is none in y."""

    arity = 5
    operands = ("counts", "a", "b", "x", "y")
    poles = (Pole(3, 0.0), Pole(4, 0.0))
    samples = (
        Sample(lambda rng: (counts_of(rng.integers(0, 2, (4, 3))), *_few(rng)), smooth=False),
        Sample(
            lambda rng: (counts_of(np.array([[1, 1, 1], [3, 0, 0]]))[:, None], *_few(rng, 2)),
            smooth=False,
        ),
        Sample(lambda rng: (np.array(3.0), *_shares(0.0, 0.5, 0.999)[2].make(rng)), smooth=False),
    )  # fmt: skip

    def vjp(self, g, out, counts, a, b, x, y):
        slopes = (g * self(counts + DIGIT**k, a, b, x, y) for k in range(3))
        return None, *slopes, ops.zeros_like(g)


@op
class BetaMassInParameters(_BetaOrders):
    """Derivatives of a beta mass in a, b and x."""

    c = "pt_beta_mass_orders"


@op
class LogBetaMassInParameters(_BetaOrders):
    """Derivatives of the logarithm of a beta mass in a, b and x."""

    c = "pt_log_beta_mass_orders"


class _Bend(Bend, Sloping):
    """The derivative of `orders_here` in a and b of the function whose derivatives of all orders
    `family` has."""

    needs = (*OfBeta.needs, "family", "orders_here")
    family: ClassVar[type[Orders]]
    orders_here: ClassVar[tuple[int, int]]

    def slopes(self, out, a, b, x, y):
        n, m = self.orders_here
        further = (n + 1, m), (n, m + 1), (n, m, 1)
        return [differentiated(self.family, orders, a, b, x, y) for orders in further]


def _log_scores(a: Node, b: Node, x: Node, y: Node) -> tuple[Node, Node]:
    """The derivatives in a and b of the logarithm of a beta density: log x - digamma(a) +
    digamma(a + b), and log y - digamma(b) + digamma(a + b)."""
    return (
        ops.digamma_rest_change(a, b) - ops.log_share_ratio(a, b, x, y),
        ops.digamma_rest_change(b, a) - ops.log_share_ratio(b, a, y, x),
    )


def _log_density_slope(a: Node, b: Node, x: Node, y: Node) -> Node:
    """The derivative in x of the logarithm of a beta density."""
    return (a - 1) / x - (b - 1) / y


@op
class BetaMass(Sloping):
    """The mass of a beta distribution below x = 1 - y, I(x; a, b) (DLMF 8.17.2)."""

    c = "pt_beta_mass"
    poles = (Pole(2, 0.0, finite=True), Pole(3, 0.0, finite=True))

    def slopes(self, out, a, b, x, y):
        return beta_mass_a(a, b, x, y), beta_mass_b(a, b, x, y), beta_mass_x(a, b, x, y)


@op
class BetaMassX(Sloping):
    """A beta density, x**(a - 1) y**(b - 1) / B(a, b)."""

    c = "pt_beta_mass_x"
    facts = Facts(range=NONNEGATIVE)

    def slopes(self, out, a, b, x, y):
        by_a, by_b = _log_scores(a, b, x, y)
        return out * by_a, out * by_b, out * _log_density_slope(a, b, x, y)


@op
class BetaMassA(Sloping):
    """The derivative of a beta mass in a."""

    c = "pt_beta_mass_a"

    def slopes(self, out, a, b, x, y):
        by_x = beta_mass_x(a, b, x, y) * _log_scores(a, b, x, y)[0]
        return beta_mass_aa(a, b, x, y), beta_mass_ab(a, b, x, y), by_x


@op
class BetaMassB(Sloping):
    """The derivative of a beta mass in b."""

    c = "pt_beta_mass_b"

    def slopes(self, out, a, b, x, y):
        by_x = beta_mass_x(a, b, x, y) * _log_scores(a, b, x, y)[1]
        return beta_mass_ab(a, b, x, y), beta_mass_bb(a, b, x, y), by_x


@op
class BetaMassAA(_Bend):
    """The second derivative of a beta mass in a."""

    c, family, orders_here = "pt_beta_mass_aa", BetaMassInParameters, (2, 0)


@op
class BetaMassAB(_Bend):
    """The derivative of a beta mass in a and b."""

    c, family, orders_here = "pt_beta_mass_ab", BetaMassInParameters, (1, 1)


@op
class BetaMassBB(_Bend):
    """The second derivative of a beta mass in b."""

    c, family, orders_here = "pt_beta_mass_bb", BetaMassInParameters, (0, 2)


@op
class LogBetaMass(Sloping):
    """The logarithm of a beta mass."""

    c = "pt_log_beta_mass"

    def slopes(self, out, a, b, x, y):
        by_a, by_b = log_beta_mass_a(a, b, x, y), log_beta_mass_b(a, b, x, y)
        return by_a, by_b, log_beta_mass_x(a, b, x, y)


@op
class LogBetaMassX(Sloping):
    """The derivative of the logarithm of a beta mass in x: the density over the mass."""

    c = "pt_log_beta_mass_x"

    def slopes(self, out, a, b, x, y):
        by_a, by_b = _log_scores(a, b, x, y)
        return (
            out * (by_a - log_beta_mass_a(a, b, x, y)),
            out * (by_b - log_beta_mass_b(a, b, x, y)),
            out * (_log_density_slope(a, b, x, y) - out),
        )


@op
class LogBetaMassA(Sloping):
    """The derivative of the logarithm of a beta mass in a."""

    c = "pt_log_beta_mass_a"

    def slopes(self, out, a, b, x, y):
        by_x = log_beta_mass_x(a, b, x, y) * (_log_scores(a, b, x, y)[0] - out)
        return log_beta_mass_aa(a, b, x, y), log_beta_mass_ab(a, b, x, y), by_x


@op
class LogBetaMassB(Sloping):
    """The derivative of the logarithm of a beta mass in b."""

    c = "pt_log_beta_mass_b"

    def slopes(self, out, a, b, x, y):
        by_x = log_beta_mass_x(a, b, x, y) * (_log_scores(a, b, x, y)[1] - out)
        return log_beta_mass_ab(a, b, x, y), log_beta_mass_bb(a, b, x, y), by_x


@op
class LogBetaMassAA(_Bend):
    """The second derivative of the logarithm of a beta mass in a."""

    c, family, orders_here = "pt_log_beta_mass_aa", LogBetaMassInParameters, (2, 0)


@op
class LogBetaMassAB(_Bend):
    """The derivative of the logarithm of a beta mass in a and b."""

    c, family, orders_here = "pt_log_beta_mass_ab", LogBetaMassInParameters, (1, 1)


@op
class LogBetaMassBB(_Bend):
    """The second derivative of the logarithm of a beta mass in b."""

    c, family, orders_here = "pt_log_beta_mass_bb", LogBetaMassInParameters, (0, 2)


@op
class BetaQuantile(Sloping):
    """The x below which the mass of a beta distribution is p = 1 - q, the smaller of which is
    exact. The slope in p is that along p + q = 1."""

    c = "pt_beta_quantile"
    facts = Facts(range=UNIT)

    def slopes(self, out, a, b, p, q):
        y = beta_quantile(b, a, q, p)
        slope = log_beta_mass_x(a, b, out, y)
        by_a, by_b = log_beta_mass_a(a, b, out, y), log_beta_mass_b(a, b, out, y)
        return -by_a / slope, -by_b / slope, 1 / (p * slope)


@public
def betainc(a: TensorLike, b: TensorLike, x: TensorLike) -> Node:
    """The regularised incomplete beta function I(x; a, b), the integral over (0, x) of
    t**(a - 1) (1 - t)**(b - 1) divided by B(a, b) (DLMF 8.17.2): a beta
    distribution function.

    a, b: the parameters, positive; x: a number in [0, 1]. They broadcast.
    Returns a tensor of the shape that they broadcast to: float32 if they are, else float64; nan
    outside these ranges.
    Raises GraphError, a TypeError, for what is not numeric and for shapes that do not broadcast.

        >>> pt.betainc(2.0, 3.0, 0.4).eval()
        array(0.5248)
    """
    x = as_tensor(x)
    return beta_mass(a, b, x, 1 - x)


@public
def betaincc(a: TensorLike, b: TensorLike, x: TensorLike) -> Node:
    """1 - betainc(a, b, x), accurate where it is small.

    a, b: the parameters, positive; x: a number in [0, 1]. They broadcast.
    Returns a tensor of the shape that they broadcast to: float32 if they are, else float64; nan
    outside these ranges.
    Raises GraphError, a TypeError, for what is not numeric and for shapes that do not broadcast.

        >>> pt.betaincc(2.0, 3.0, 0.999).eval()
        array(3.997e-09)
    """
    x = as_tensor(x)
    return beta_mass(b, a, 1 - x, x)


@public
def log_betainc(a: TensorLike, b: TensorLike, x: TensorLike) -> Node:
    """The logarithm of betainc(a, b, x), also where that underflows or rounds to 1.

    a, b: the parameters, positive; x: a number in [0, 1]. They broadcast.
    Returns a tensor of the shape that they broadcast to: float32 if they are, else float64; nan
    outside these ranges.
    Raises GraphError, a TypeError, for what is not numeric and for shapes that do not broadcast.

        >>> pt.log_betainc(200.0, 3.0, 1e-9).eval()
        array(-4134.73474197)
    """
    x = as_tensor(x)
    return log_beta_mass(a, b, x, 1 - x)


@public
def log_betaincc(a: TensorLike, b: TensorLike, x: TensorLike) -> Node:
    """The logarithm of betaincc(a, b, x), also where that underflows or rounds to 1.

    a, b: the parameters, positive; x: a number in [0, 1]. They broadcast.
    Returns a tensor of the shape that they broadcast to: float32 if they are, else float64; nan
    outside these ranges.
    Raises GraphError, a TypeError, for what is not numeric and for shapes that do not broadcast.

        >>> pt.log_betaincc(2.0, 3.0, 0.999).eval()
        array(-19.33772176)
    """
    x = as_tensor(x)
    return log_beta_mass(b, a, 1 - x, x)


@public
def betaincinv(a: TensorLike, b: TensorLike, p: TensorLike) -> Node:
    """The inverse of betainc in x: where betainc(a, b, x) = p.

    a, b: the parameters, positive; p: a probability. They broadcast.
    Returns a tensor of the shape that they broadcast to: float32 if they are, else float64; nan
    outside these ranges.
    Raises GraphError, a TypeError, for what is not numeric and for shapes that do not broadcast.

        >>> pt.betaincinv(2.0, 3.0, 0.5248).eval()
        array(0.4)
    """
    p = as_tensor(p)
    return beta_quantile(a, b, p, 1 - p)


@public
def betainccinv(a: TensorLike, b: TensorLike, q: TensorLike) -> Node:
    """The inverse of betaincc in x: where betaincc(a, b, x) = q, accurate for small q.

    a, b: the parameters, positive; q: a probability. They broadcast.
    Returns a tensor of the shape that they broadcast to: float32 if they are, else float64; nan
    outside these ranges.
    Raises GraphError, a TypeError, for what is not numeric and for shapes that do not broadcast.

        >>> pt.betainccinv(2.0, 3.0, 0.4752).eval()
        array(0.4)
    """
    q = as_tensor(q)
    return beta_quantile(a, b, 1 - q, q)


beta_mass = BetaMass()
beta_mass_x = BetaMassX()
beta_mass_a = BetaMassA()
beta_mass_b = BetaMassB()
beta_mass_aa = BetaMassAA()
beta_mass_ab = BetaMassAB()
beta_mass_bb = BetaMassBB()
log_beta_mass = LogBetaMass()
log_beta_mass_x = LogBetaMassX()
log_beta_mass_a = LogBetaMassA()
log_beta_mass_b = LogBetaMassB()
log_beta_mass_aa = LogBetaMassAA()
log_beta_mass_ab = LogBetaMassAB()
log_beta_mass_bb = LogBetaMassBB()
beta_quantile = BetaQuantile()
