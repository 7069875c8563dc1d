"""Bessel functions of real order, with derivatives of any order in the argument and in the order.

Values of iv and ive are of `include/pt_bessel.h`, the others SciPy's
(`cython_ext/scipy_special.py`). Derivatives in the argument are differences of
neighbouring orders (DLMF 10.6.1, 10.29.1); those in the order are integrals along contours, by
`include/pt_bessel.h`, for arguments above 0 and up to the eighth. References by number are to the
NIST Digital Library of Mathematical Functions, dlmf.nist.gov.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike, make
from probtensor.ops.kinds import NONNEGATIVE, Elementwise, Facts, Pole, as_tensor_of, op
from probtensor.ops.samples import Sample, reals
from probtensor.ops.special.functions import Compiled, SciPy
from probtensor.ops.special.integrals import whole_and_float

FEW = (0.0, 1.0, -1.5, 50.0, np.inf, -np.inf, np.nan)
AT_ZERO = (Pole(0, 0.0),)
DECAYING = Facts(range=NONNEGATIVE, decreasing=True)


# Derivatives in the order.


class InOrder(Compiled):
    """The n-th derivative of a function of v and x in its order v, for n from 0 to 8 and x > 0.

    `slope(n, v, x, out)` gives its derivative in x.
    """

    needs = (*Compiled.needs, "slope")
    slope: ClassVar[Callable[..., Node]]
    arity = 3
    for_users = False
    operands = ("n", "v", "x")
    samples = (
        Sample(
            lambda rng: (
                rng.integers(0, 4, 12).astype(float), rng.uniform(-4, 4, 12),
                rng.uniform(0.2, 5, 12),
            ),
            smooth=False,
        ),
        Sample(lambda rng: (np.ones(1), rng.uniform(0, 9, (5, 1)), rng.uniform(1, 20, 3)),
               smooth=False),
        Sample(
            lambda rng: tuple(
                x.ravel() for x in np.meshgrid([0.0, 1.0], [0.0, 1.5, np.nan], [0.0, 2.0, np.inf])
            ),
            smooth=False,
        ),
    )  # fmt: skip

    def vjp(self, g, out, n, v, x):
        return None, g * self(n + 1, v, x), g * self.slope(n, v, x, out)


@op
class JvInOrder(InOrder):
    """The n-th derivative of jv in its order, from an integral along a contour (DLMF 10.9.17)."""

    c = "pt_bessel_j"

    def slope(self, n, v, x, out):
        return (self(n, v - 1, x) - self(n, v + 1, x)) / 2


@op
class YvInOrder(InOrder):
    """The n-th derivative of yv in its order, from an integral along a contour (DLMF 10.9.18)."""

    c = "pt_bessel_y"

    def slope(self, n, v, x, out):
        return (self(n, v - 1, x) - self(n, v + 1, x)) / 2


@op
class IveInOrder(InOrder):
    """The n-th derivative of ive in its order, from an integral along a contour (DLMF 10.32.12)."""

    c = "pt_bessel_i"

    def slope(self, n, v, x, out):
        return (self(n, v - 1, x) + self(n, v + 1, x)) / 2 - out


@op
class KveInOrder(InOrder):
    """The n-th derivative of kve in its order, from an integral (DLMF 10.32.9)."""

    c = "pt_bessel_k"

    def slope(self, n, v, x, out):
        return out - (self(n, v - 1, x) + self(n, v + 1, x)) / 2


def _in_order(cls: type[InOrder], v: Node, x: Node) -> Node:
    """The first derivative in the order."""
    return make(cls(), (as_tensor_of(1.0, x.dtype), v, x))


# Functions of real order.


class OfOrder(Elementwise):
    """A function of a real order v and an argument x."""

    arity = 2
    poles = (Pole(1, 0.0),)


@op
class Jv(OfOrder):
    """The Bessel function of the first kind of real order v (DLMF 10.2.2); for x below 0 of whole
    orders only.

    The derivative in the order is for x >= 0, with errors of 1e-13 relative to the larger of jv and
    yv, times x or |v| where these are large."""

    numpy, c = SciPy("jv"), "pt_scipy_jv"
    samples = reals(-3, 3, 0.3, 5, edges=FEW)

    def vjp(self, g, out, v, x):
        return g * _in_order(JvInOrder, v, x), g * (self(v - 1, x) - self(v + 1, x)) / 2


@op
class Yv(OfOrder):
    """The Bessel function of the second kind of real order v (DLMF 10.2.3), for x >= 0.

    The derivative in the order has errors of 1e-13 relative to the larger of jv and yv, times x or
    |v| where these are large."""

    numpy, c = SciPy("yv"), "pt_scipy_yv"
    samples = reals(-3, 3, 0.3, 5, edges=FEW)

    def vjp(self, g, out, v, x):
        return g * _in_order(YvInOrder, v, x), g * (self(v - 1, x) - self(v + 1, x)) / 2


@op
class Iv(Compiled, OfOrder):
    """The modified Bessel function of the first kind of real order v (DLMF 10.25.2); for x below 0
    of whole orders only.

    The derivative in the order is for x >= 0, with errors of 1e-13 relative to iv, times x or |v|
    where these are large."""

    c = "pt_iv"
    samples = reals(-3, 3, 0.3, 5, edges=FEW)

    def vjp(self, g, out, v, x):
        in_order = ops.exp(x) * _in_order(IveInOrder, v, x)
        return g * in_order, g * (self(v - 1, x) + self(v + 1, x)) / 2


@op
class Ive(Compiled, OfOrder):
    """iv(v, x) * exp(-|x|), the modified Bessel function of the first kind without overflow.

    The derivative in the order is for x >= 0, with errors of 1e-13 relative to ive, times x or |v|
    where these are large."""

    c = "pt_ive"
    samples = reals(-3, 3, 0.3, 5, edges=FEW)

    def vjp(self, g, out, v, x):
        slope = (self(v - 1, x) + self(v + 1, x)) / 2 - ops.sign(x) * out
        return g * _in_order(IveInOrder, v, x), g * slope


@op
class Kv(OfOrder):
    """The modified Bessel function of the second kind of real order v (DLMF 10.25.3), for x >= 0.

    The derivative in the order has relative errors of 1e-13, times x or |v| where these are
    large."""

    numpy, c = SciPy("kv"), "pt_scipy_kv"
    facts = Facts(range=NONNEGATIVE)
    samples = reals(-3, 3, 0.3, 5, edges=FEW)

    def vjp(self, g, out, v, x):
        in_order = ops.exp(-x) * _in_order(KveInOrder, v, x)
        return g * in_order, -g * (self(v - 1, x) + self(v + 1, x)) / 2


@op
class Kve(OfOrder):
    """kv(v, x) * exp(x), the modified Bessel function of the second kind without underflow.

    The derivative in the order has relative errors of 1e-13, times x or |v| where these are
    large."""

    numpy, c = SciPy("kve"), "pt_scipy_kve"
    facts = Facts(range=NONNEGATIVE)
    samples = reals(-3, 3, 0.3, 5, edges=FEW)

    def vjp(self, g, out, v, x):
        slope = out - (self(v - 1, x) + self(v + 1, x)) / 2
        return g * _in_order(KveInOrder, v, x), g * slope


# The orders 0 and 1, which are computed faster.


@op
class J0(Elementwise):
    """The Bessel function of the first kind of order 0."""

    numpy, c = SciPy("j0"), "pt_scipy_j0"
    samples = reals(-5, 5, edges=FEW)

    def vjp(self, g, out, x):
        return (-g * j1(x),)


@op
class J1(Elementwise):
    """The Bessel function of the first kind of order 1."""

    numpy, c = SciPy("j1"), "pt_scipy_j1"
    samples = reals(-5, 5, edges=FEW)

    def vjp(self, g, out, x):
        return (g * (j0(x) - jv(2, x)) / 2,)


@op
class Y0(Elementwise):
    """The Bessel function of the second kind of order 0, for x >= 0."""

    numpy, c = SciPy("y0"), "pt_scipy_y0"
    poles = AT_ZERO
    samples = reals(0.3, 5, edges=FEW)

    def vjp(self, g, out, x):
        return (-g * y1(x),)


@op
class Y1(Elementwise):
    """The Bessel function of the second kind of order 1, for x >= 0."""

    numpy, c = SciPy("y1"), "pt_scipy_y1"
    poles = AT_ZERO
    samples = reals(0.3, 5, edges=FEW)

    def vjp(self, g, out, x):
        return (g * ops.where(ops.eq(x, 0), np.inf, (y0(x) - yv(2, x)) / 2),)


@op
class I0(Elementwise):
    """The modified Bessel function of the first kind of order 0."""

    numpy, c = SciPy("i0"), "pt_scipy_i0"
    facts = Facts(range=NONNEGATIVE)
    samples = reals(-5, 5, edges=FEW)

    def vjp(self, g, out, x):
        return (g * i1(x),)


@op
class I1(Elementwise):
    """The modified Bessel function of the first kind of order 1."""

    numpy, c = SciPy("i1"), "pt_scipy_i1"
    facts = Facts(increasing=True)
    samples = reals(-5, 5, edges=FEW)

    def vjp(self, g, out, x):
        return (g * (i0(x) + iv(2, x)) / 2,)


@op
class I0e(Elementwise):
    """i0(x) * exp(-|x|), without overflow. Its derivative at 0 is 0."""

    numpy, c = SciPy("i0e"), "pt_scipy_i0e"
    facts = Facts(range=NONNEGATIVE)
    samples = reals(0.3, 5, edges=FEW) + reals(-5, -0.3)

    def vjp(self, g, out, x):
        return (g * (i1e(x) - ops.sign(x) * out),)


@op
class I1e(Elementwise):
    """i1(x) * exp(-|x|), without overflow."""

    numpy, c = SciPy("i1e"), "pt_scipy_i1e"
    samples = reals(0.3, 5, edges=FEW) + reals(-5, -0.3)

    def vjp(self, g, out, x):
        return (g * ((i0e(x) + ive(2, x)) / 2 - ops.sign(x) * out),)


@op
class K0(Elementwise):
    """The modified Bessel function of the second kind of order 0, for x >= 0."""

    numpy, c = SciPy("k0"), "pt_scipy_k0"
    poles, facts = AT_ZERO, DECAYING
    samples = reals(0.3, 5, edges=FEW)

    def vjp(self, g, out, x):
        return (-g * k1(x),)


@op
class K1(Elementwise):
    """The modified Bessel function of the second kind of order 1, for x >= 0."""

    numpy, c = SciPy("k1"), "pt_scipy_k1"
    poles, facts = AT_ZERO, DECAYING
    samples = reals(0.3, 5, edges=FEW)

    def vjp(self, g, out, x):
        return (-g * (k0(x) + kv(2, x)) / 2,)


@op
class K0e(Elementwise):
    """k0(x) * exp(x), without underflow."""

    numpy, c = SciPy("k0e"), "pt_scipy_k0e"
    poles, facts = AT_ZERO, DECAYING
    samples = reals(0.3, 5, edges=FEW)

    def vjp(self, g, out, x):
        return (g * ops.where(ops.eq(x, 0), -np.inf, out - k1e(x)),)


@op
class K1e(Elementwise):
    """k1(x) * exp(x), without underflow."""

    numpy, c = SciPy("k1e"), "pt_scipy_k1e"
    poles, facts = AT_ZERO, DECAYING
    samples = reals(0.3, 5, edges=FEW)

    def vjp(self, g, out, x):
        slope = out - (k0e(x) + kve(2, x)) / 2
        return (g * ops.where(ops.eq(x, 0), -np.inf, slope),)


jv = Jv()
yv = Yv()
iv = Iv()
ive = Ive()
kv = Kv()
kve = Kve()
j0 = J0()
j1 = J1()
y0 = Y0()
y1 = Y1()
i0 = I0()
i1 = I1()
i0e = I0e()
i1e = I1e()
k0 = K0()
k1 = K1()
k0e = K0e()
k1e = K1e()


@public
def kn(n: TensorLike, x: TensorLike) -> Node:
    """The modified Bessel function of the second kind of a whole order n, for x >= 0; `pt.kv` takes
    any order.

    Returns a tensor of the shape that n and x broadcast to: float32 if x is, else float64. It has
    derivatives of any order in x.
    Raises GraphError, a TypeError, for orders that are not integers, and for shapes that do not
    broadcast.

        >>> pt.kn(2, 1.0).eval()
        array(1.6248389)
    """
    return kv(*whole_and_float("kn", "n", n, x))
