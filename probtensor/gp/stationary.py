"""Covariance functions of the differences of inputs.

Distances are sums of squared differences, which are exact near 0, and the derivatives of the
Matern functions are closed forms in the squared distance: they are finite at distance 0, where
the derivative of the distance itself is not.

Source of the formulas: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning",
chapter 4, whose conventions these are.
"""

from __future__ import annotations

import math
from typing import ClassVar

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass
from probtensor.gp.covariance import (
    Covariance,
    check_coordinates,
    checked_dims,
    constant_variance,
    parameter,
    scale_of,
    scaled_by,
    sum_of_coordinates,
)
from probtensor.graph.node import Node, TensorLike
from probtensor.prob.distributions.support import NONNEGATIVE, Interval
from probtensor.rules.custom import custom_vjp


@dataclass(frozen=True, eq=False)
class Stationary(Covariance):
    """A covariance function scale**2 * rho(r2), where r2 is the squared distance of inputs divided
    by their length scales."""

    lengthscale: Node
    scale: Node | None
    name: ClassVar[str] = ""

    def correlation(self, r2: Node) -> Node:
        """rho of squared distances."""
        return r2

    def between(self, x: Node, y: Node, same: bool) -> Node:
        return scaled_by(self.scale, self.correlation(self.squared_distance(x, y)))

    def own(self, x: Node) -> Node:
        return constant_variance(x, self.scale)

    def squared_distance(self, x: Node, y: Node) -> Node:
        """The squared distances of all pairs of rows, 0 exactly of equal ones."""
        check_coordinates(f"lengthscale of {self.name}", self.lengthscale, x)
        return sum_of_coordinates(x, y, lambda gap, own: ops.square(gap / own), self.lengthscale)

    def spectral_density(self, omega: Node) -> Node:
        """By the density of the squared length of omega in units of the length scales."""
        check_coordinates(f"lengthscale of {self.name}", self.lengthscale, omega)
        count = omega.shape[1]
        scales = ops.broadcast_to(self.lengthscale, (count,))
        squared = ops.sum(ops.square(omega * scales), axis=1)
        volume = ops.exp(ops.sum(ops.log(scales)))
        return scaled_by(self.scale, volume * self.spectrum(squared, count))

    def spectrum(self, squared: Node, count: int) -> Node:
        """The spectral density of unit scales in `count` dimensions."""
        return super().spectral_density(squared)


class ExpQuad(Stationary):
    """exp(-r2 / 2)."""

    name = "exp_quad"

    def correlation(self, r2: Node) -> Node:
        return ops.exp(-0.5 * r2)

    def spectrum(self, squared: Node, count: int) -> Node:
        return (2 * math.pi) ** (count / 2) * ops.exp(-0.5 * squared)


@custom_vjp
def exp_root(u: Node) -> Node:
    """exp(-sqrt(u)); the derivative at 0, where there is none, is 0."""
    return ops.exp(-ops.sqrt(u))


def _slope_of_exp_root(u: Node, g: Node) -> tuple[Node]:
    apart = u > 0
    root = ops.sqrt(ops.where(apart, u, 1.0))
    return (ops.where(apart, -0.5 * g * ops.exp(-root) / root, 0.0),)


exp_root.defvjp(lambda u: (exp_root(u), u), _slope_of_exp_root)


@custom_vjp
def matern_three(u: Node) -> Node:
    """(1 + s) exp(-s), where s = sqrt(u)."""
    s = ops.sqrt(u)
    return (1 + s) * ops.exp(-s)


matern_three.defvjp(lambda u: (matern_three(u), u), lambda u, g: (-0.5 * g * exp_root(u),))


@custom_vjp
def matern_five(u: Node) -> Node:
    """(1 + s + s**2 / 3) exp(-s), where s = sqrt(u)."""
    s = ops.sqrt(u)
    return (1 + s + u / 3) * ops.exp(-s)


matern_five.defvjp(lambda u: (matern_five(u), u), lambda u, g: (g * matern_three(u) / -6,))


class Matern(Stationary):
    """Matern functions of half-integer order nu, which `order` is twice of."""

    order: ClassVar[int] = 1

    def spectrum(self, squared: Node, count: int) -> Node:
        nu, half = self.order / 2, count / 2
        constant = (
            count * math.log(2)
            + half * math.log(math.pi)
            + math.lgamma(nu + half)
            - math.lgamma(nu)
            + nu * math.log(2 * nu)
        )
        return ops.exp(constant - (nu + half) * ops.log(2 * nu + squared))


class Matern12(Matern):
    """exp(-r)."""

    name = "matern12"
    order = 1

    def correlation(self, r2: Node) -> Node:
        return exp_root(r2)


class Matern32(Matern):
    """(1 + s) exp(-s), where s = sqrt(3) r."""

    name = "matern32"
    order = 3

    def correlation(self, r2: Node) -> Node:
        return matern_three(3 * r2)


class Matern52(Matern):
    """(1 + s + s**2 / 3) exp(-s), where s = sqrt(5) r."""

    name = "matern52"
    order = 5

    def correlation(self, r2: Node) -> Node:
        return matern_five(5 * r2)


@dataclass(frozen=True, eq=False)
class RatQuad(Stationary):
    """(1 + r2 / (2 alpha)) ** -alpha."""

    alpha: Node
    name: ClassVar[str] = "rat_quad"

    def correlation(self, r2: Node) -> Node:
        alpha = self.alpha.astype(r2.dtype)
        return ops.exp(-alpha * ops.log1p(r2 / (2 * alpha)))


@dataclass(frozen=True, eq=False)
class PoweredExponential(Stationary):
    """exp(-r ** power); the derivative at distance 0 is 0, which it is or which is chosen."""

    power: Node
    name: ClassVar[str] = "powered_exponential"

    def correlation(self, r2: Node) -> Node:
        apart = r2 > 0
        exponent = 0.5 * self.power.astype(r2.dtype)
        r = ops.exp(exponent * ops.log(ops.where(apart, r2, 1.0)))
        return ops.where(apart, ops.exp(-r), 1.0)


@dataclass(frozen=True, eq=False)
class Periodic(Covariance):
    """exp(-2 sum sin(pi (x - x') / period)**2 / lengthscale**2)."""

    period: Node
    lengthscale: Node
    scale: Node | None

    def between(self, x: Node, y: Node, same: bool) -> Node:
        for name, value in (("period", self.period), ("lengthscale", self.lengthscale)):
            check_coordinates(f"{name} of periodic", value, x)
        r2 = sum_of_coordinates(x, y, _chord, self.period, self.lengthscale)
        return scaled_by(self.scale, ops.exp(-2 * r2))

    def own(self, x: Node) -> Node:
        return constant_variance(x, self.scale)


def _chord(gap: Node, period: Node, lengthscale: Node) -> Node:
    turns = gap / period
    # Whole turns cost the digits of the rest.
    return ops.square(ops.sin(math.pi * (turns - ops.rint(turns))) / lengthscale)


@dataclass(frozen=True, eq=False)
class Cosine(Covariance):
    """cos(2 pi sum (x - x') / lengthscale)."""

    lengthscale: Node
    scale: Node | None

    def between(self, x: Node, y: Node, same: bool) -> Node:
        check_coordinates("lengthscale of cosine", self.lengthscale, x)
        turns = sum_of_coordinates(x, y, lambda gap, own: gap / own, self.lengthscale)
        return scaled_by(self.scale, ops.cos(2 * math.pi * (turns - ops.rint(turns))))

    def own(self, x: Node) -> Node:
        return constant_variance(x, self.scale)


@dataclass(frozen=True, eq=False)
class Circular(Covariance):
    """A Wendland function of the distance on a circle."""

    period: Node
    tau: Node
    scale: Node | None

    def between(self, x: Node, y: Node, same: bool) -> Node:
        tau = self.tau.astype(x.dtype)

        def distance(gap: Node, period: Node) -> Node:
            # At most half of the circle, as a share of that half.
            turns = ops.abs(gap / period)
            return 2 * ops.abs(turns - ops.rint(turns))

        t = sum_of_coordinates(x, y, distance, self.period)
        return scaled_by(self.scale, (1 + tau * t) * (1 - t) ** tau)

    def own(self, x: Node) -> Node:
        return constant_variance(x, self.scale)


@dataclass(frozen=True, eq=False)
class WhiteNoise(Covariance):
    """sigma**2 for an input with itself, 0 for two inputs, even if they are equal."""

    sigma: Node

    def between(self, x: Node, y: Node, same: bool) -> Node:
        shape = (x.shape[0], y.shape[0])
        if not same:
            return ops.zeros(shape, dtype=x.dtype)
        return ops.square(self.sigma).astype(x.dtype) * ops.eye(x.shape[0], dtype=x.dtype)

    def own(self, x: Node) -> Node:
        return ops.broadcast_to(ops.square(self.sigma).astype(x.dtype), (x.shape[0],))


def _stationary(kind: type[Stationary], lengthscale, scale, active_dims, *others) -> Stationary:
    length = parameter(f"lengthscale of {kind.name}", lengthscale, 1)
    return kind(length, scale_of(kind.name, scale), *others, active_dims=checked_dims(active_dims))


@public(name="gp.exp_quad")
def exp_quad(lengthscale: TensorLike = 1.0, scale: TensorLike = 1.0, *, active_dims=None):
    """scale**2 * exp(-r**2 / 2), where r is the distance of inputs divided by `lengthscale`, which
    is a number or has one entry for each coordinate.

    Returns a `Covariance`. Raises GraphError, a TypeError, for parameters of other shapes,
    ValueError for literals out of range.
    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", 4.9.

        >>> pt.gp.exp_quad(lengthscale=2.0)([0.0, 2.0]).eval().round(3)
        array([[1.   , 0.607],
               [0.607, 1.   ]])
    """
    return _stationary(ExpQuad, lengthscale, scale, active_dims)


@public(name="gp.matern12")
def matern12(lengthscale: TensorLike = 1.0, scale: TensorLike = 1.0, *, active_dims=None):
    """scale**2 * exp(-r): paths are continuous (the Ornstein-Uhlenbeck process).

    Returns a `Covariance`. Parameters and errors are those of `exp_quad`.
    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", 4.18.

        >>> pt.gp.matern12(lengthscale=2.0)([0.0], [2.0]).eval().round(3)
        array([[0.368]])
    """
    return _stationary(Matern12, lengthscale, scale, active_dims)


@public(name="gp.exponential")
def exponential(lengthscale: TensorLike = 1.0, scale: TensorLike = 1.0, *, active_dims=None):
    """scale**2 * exp(-r), another name of `matern12`.

    Returns a `Covariance`. Parameters and errors are those of `exp_quad`.

        >>> pt.gp.exponential(lengthscale=2.0)([0.0], [2.0]).eval().round(3)
        array([[0.368]])
    """
    return _stationary(Matern12, lengthscale, scale, active_dims)


@public(name="gp.matern32")
def matern32(lengthscale: TensorLike = 1.0, scale: TensorLike = 1.0, *, active_dims=None):
    """scale**2 * (1 + s) * exp(-s), where s = sqrt(3) r: paths have one derivative.

    Returns a `Covariance`. Parameters and errors are those of `exp_quad`.
    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", 4.17.

        >>> pt.gp.matern32()([0.0], [1.0]).eval().round(3)
        array([[0.483]])
    """
    return _stationary(Matern32, lengthscale, scale, active_dims)


@public(name="gp.matern52")
def matern52(lengthscale: TensorLike = 1.0, scale: TensorLike = 1.0, *, active_dims=None):
    """scale**2 * (1 + s + s**2 / 3) * exp(-s), where s = sqrt(5) r: paths have two derivatives.

    Returns a `Covariance`. Parameters and errors are those of `exp_quad`.
    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", 4.17.

        >>> pt.gp.matern52()([0.0], [1.0]).eval().round(3)
        array([[0.524]])
    """
    return _stationary(Matern52, lengthscale, scale, active_dims)


@public(name="gp.rat_quad")
def rat_quad(
    alpha: TensorLike, lengthscale: TensorLike = 1.0, scale: TensorLike = 1.0, *, active_dims=None
):
    """scale**2 * (1 + r**2 / (2 alpha)) ** -alpha, a mixture of `exp_quad` of many length scales.

    Returns a `Covariance`. Other parameters and errors are those of `exp_quad`.
    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", 4.19.

        >>> pt.gp.rat_quad(1.0)([0.0], [1.0]).eval().round(3)
        array([[0.667]])
    """
    order = parameter("alpha of rat_quad", alpha)
    return _stationary(RatQuad, lengthscale, scale, active_dims, order)


@public(name="gp.powered_exponential")
def powered_exponential(
    power: TensorLike, lengthscale: TensorLike = 1.0, scale: TensorLike = 1.0, *, active_dims=None
):
    """scale**2 * exp(-r ** power), 0 < power <= 2.

    Returns a `Covariance`. Other parameters and errors are those of `exp_quad`.
    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", 4.18.

        >>> pt.gp.powered_exponential(1.5)([0.0], [2.0]).eval().round(3)
        array([[0.059]])
    """
    order = parameter("power of powered_exponential", power, 0, Interval(0.0, 2.0, low_open=True))
    return _stationary(PoweredExponential, lengthscale, scale, active_dims, order)


@public(name="gp.periodic")
def periodic(
    period: TensorLike, lengthscale: TensorLike = 1.0, scale: TensorLike = 1.0, *, active_dims=None
):
    """scale**2 * exp(-2 sin(pi (x - x') / period)**2 / lengthscale**2), with the sum over
    coordinates in the exponent. PyMC's length scale is half of this one.

    Returns a `Covariance`. Raises GraphError, a TypeError, for parameters of other shapes,
    ValueError for literals out of range.
    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", 4.31.

        >>> pt.gp.periodic(12.0)([0.0], [12.0, 3.0]).eval().round(3)
        array([[1.   , 0.368]])
    """
    length = parameter("lengthscale of periodic", lengthscale, 1)
    return Periodic(
        parameter("period of periodic", period, 1),
        length,
        scale_of("periodic", scale),
        active_dims=checked_dims(active_dims),
    )


@public(name="gp.cosine")
def cosine(lengthscale: TensorLike = 1.0, scale: TensorLike = 1.0, *, active_dims=None):
    """scale**2 * cos(2 pi sum((x - x') / lengthscale)): waves of one frequency, so that the matrix
    has rank 2.

    Returns a `Covariance`. Raises GraphError, a TypeError, for parameters of other shapes,
    ValueError for literals out of range.
    Source: Duvenaud (2014), "Automatic Model Construction with Gaussian Processes", 2.2.

        >>> pt.gp.cosine(4.0)([0.0], [0.0, 2.0]).eval()
        array([[ 1., -1.]])
    """
    length = parameter("lengthscale of cosine", lengthscale, 1)
    return Cosine(length, scale_of("cosine", scale), active_dims=checked_dims(active_dims))


@public(name="gp.circular")
def circular(period: TensorLike, tau: TensorLike = 4.0, scale: TensorLike = 1.0, *, active_dims=0):
    """scale**2 * (1 + tau * t) * (1 - t) ** tau of one coordinate on a circle, where t is the
    shorter way from x to x' as a share of half of the `period`; it needs tau >= 4.

    Returns a `Covariance`. Raises GraphError, a TypeError, for parameters of other shapes,
    ValueError for literals out of range.
    Source: Padonou and Roustant (2016), "Polar Gaussian processes and experimental designs in
    circular domains", SIAM/ASA J. Uncertainty Quantification 4:1014, 2.2.

        >>> pt.gp.circular(1.0)([0.0], [1.0, 0.25]).eval()
        array([[1.    , 0.1875]])
    """
    power = parameter("tau of circular", tau, 0, Interval(4.0))
    own = parameter("period of circular", period), power, scale_of("circular", scale)
    return Circular(*own, active_dims=checked_dims(active_dims))


@public(name="gp.white_noise")
def white_noise(sigma: TensorLike):
    """sigma**2 for an input with itself, and 0 for two inputs: k(X, Y) is 0, even for equal rows.

    Returns a `Covariance`. Raises GraphError, a TypeError, for a parameter that is no number.

        >>> pt.gp.white_noise(2.0)([0.0, 0.0]).eval()
        array([[4., 0.],
               [0., 4.]])
    """
    return WhiteNoise(parameter("sigma of white_noise", sigma, 0, NONNEGATIVE))
