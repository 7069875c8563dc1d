"""Bessel functions of real order, with derivatives of any order in the argument and in the order.

Values of those of real order and of j0, j1, y0 and y1 are of `include/pt_bessel_value.h` and
`pt_bessel_low.h`, those of i0 to k1e SciPy's (`cython_ext/scipy_special.py`), which are as exact.
Derivatives in the argument are differences of neighbouring orders (DLMF 10.6.1, 10.29.1); those of
ive and kve, which would cancel for large arguments, and those in the order are integrals along
contours, by `include/pt_bessel.h`, for arguments above 0 and up to the eighth in the order.
References by number are to the NIST Digital Library of Mathematical Functions, dlmf.nist.gov.
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

    `slope(n, v, x)` gives its derivative in x.
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
        return None, g * self(n + 1, v, x), g * self.slope(n, v, x)


@op
class JvInOrder(InOrder):
    """The n-th derivative of jv in its order, from an integral along a contour (DLMF 10.9.17)."""

    c = "pt_jv_order"

    def slope(self, n, v, x):
        return (self(n, v - 1, x) - self(n, v + 1, x)) / 2


@op
class YvInOrder(InOrder):
    """The n-th derivative of yv in its order, from an integral along a contour (DLMF 10.9.18)."""

    c = "pt_yv_order"

    def slope(self, n, v, x):
        return (self(n, v - 1, x) - self(n, v + 1, x)) / 2


@op
class IvInOrder(InOrder):
    """The n-th derivative of iv in its order, from an integral along a contour (DLMF 10.32.12)."""

    c = "pt_iv_order"

    def slope(self, n, v, x):
        return (self(n, v - 1, x) + self(n, v + 1, x)) / 2


@op
class KvInOrder(InOrder):
    """The n-th derivative of kv in its order, from an integral (DLMF 10.32.9)."""

    c = "pt_kv_order"

    def slope(self, n, v, x):
        return -(self(n, v - 1, x) + self(n, v + 1, x)) / 2


def _counted(sample: Sample, m: float) -> Sample:
    """A sample of n, v and x with a number of derivatives in x besides."""

    def made(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        n, v, x = sample.make(rng)
        return n, np.full(n.shape, m), v, x

    return Sample(made, smooth=False)


class InBoth(Compiled):
    """A scaled function differentiated n times in its order v and m times in x, for n from 0 to 8,
    m from 0 to 63 and x > 0; for any x where n is 0."""

    arity = 4
    for_users = False
    operands = ("n", "m", "v", "x")
    samples = tuple(_counted(s, m) for s, m in zip(InOrder.samples, (1.0, 2.0, 0.0)))

    def vjp(self, g, out, n, m, v, x):
        return None, None, g * self(n + 1, m, v, x), g * self(n, m + 1, v, x)


@op
class IveInOrder(InBoth):
    """Derivatives of ive in its order and argument, from an integral along a contour (DLMF
    10.32.12)."""

    c = "pt_ive_order"


@op
class KveInOrder(InBoth):
    """Derivatives of kve in its order and argument, from an integral (DLMF 10.32.9)."""

    c = "pt_kve_order"


def _in_order(cls: type[InOrder], v: Node, x: Node) -> Node:
    """The first derivative in the order."""
    return make(cls(), (as_tensor_of(1.0, x.dtype), v, x))


def _slopes(cls: type[InBoth], g: Node, v: Node, x: Node) -> tuple[Node, Node]:
    """g times the first derivatives in the order and in the argument."""
    one, none = as_tensor_of(1.0, x.dtype), as_tensor_of(0.0, x.dtype)
    return g * make(cls(), (one, none, v, x)), g * make(cls(), (none, one, v, x))


def _slope(cls: type[InBoth], order: float, x: Node) -> Node:
    """The derivative in the argument for a given order."""
    count = [as_tensor_of(float(n), x.dtype) for n in (0, 1, order)]
    return make(cls(), (*count, x))


# Functions of real order.


class OfOrder(Elementwise):
    """A function of a real order v and an argument x."""

    arity = 2
    poles = (Pole(1, 0.0),)


@op
class Jv(Compiled, OfOrder):
    """The Bessel function of the first kind of real order v (DLMF 10.2.2); for x below 0 of whole
    orders only.

    The derivative in the order is for x >= 0, with errors of 1e-13 relative to the larger of jv and
    yv, times x or |v| where these are large."""

    c = "pt_jv"
    samples = reals(-3, 3, 0.3, 5, edges=FEW)

    def vjp(self, g, out, v, x):
        return g * _in_order(JvInOrder, v, x), g * (self(v - 1, x) - self(v + 1, x)) / 2


@op
class Yv(Compiled, OfOrder):
    """The Bessel function of the second kind of real order v (DLMF 10.2.3), for x >= 0.

    The derivative in the order has errors of 1e-13 relative to the larger of jv and yv, times x or
    |v| where these are large."""

    c = "pt_yv"
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
        return g * _in_order(IvInOrder, v, x), g * (self(v - 1, x) + self(v + 1, x)) / 2


@op
class Ive(Compiled, OfOrder):
    """iv(v, x) * exp(-|x|), the modified Bessel function of the first kind without overflow.

    The derivative in the order is for x >= 0, with errors of 1e-13 relative to ive, times x or |v|
    where these are large."""

    c = "pt_ive"
    samples = reals(-3, 3, 0.3, 5, edges=FEW)

    def vjp(self, g, out, v, x):
        return _slopes(IveInOrder, g, v, x)


@op
class Kv(Compiled, OfOrder):
    """The modified Bessel function of the second kind of real order v (DLMF 10.25.3), for x >= 0.

    The derivative in the order has relative errors of 1e-13, times x or |v| where these are
    large."""

    c = "pt_kv"
    facts = Facts(range=NONNEGATIVE)
    samples = reals(-3, 3, 0.3, 5, edges=FEW)

    def vjp(self, g, out, v, x):
        return g * _in_order(KvInOrder, v, x), -g * (self(v - 1, x) + self(v + 1, x)) / 2


@op
class Kve(Compiled, OfOrder):
    """kv(v, x) * exp(x), the modified Bessel function of the second kind without underflow.

    The derivative in the order has relative errors of 1e-13, times x or |v| where these are
    large."""

    c = "pt_kve"
    facts = Facts(range=NONNEGATIVE)
    samples = reals(-3, 3, 0.3, 5, edges=FEW)

    def vjp(self, g, out, v, x):
        return _slopes(KveInOrder, g, v, x)


# The orders 0 and 1, which are computed faster.


@op
class J0(Compiled):
    """The Bessel function of the first kind of order 0."""

    c = "pt_j0"
    samples = reals(-5, 5, edges=FEW)

    def vjp(self, g, out, x):
        return (-g * j1(x),)


@op
class J1(Compiled):
    """The Bessel function of the first kind of order 1."""

    c = "pt_j1"
    samples = reals(-5, 5, edges=FEW)

    def vjp(self, g, out, x):
        return (g * (j0(x) - jv(2, x)) / 2,)


@op
class Y0(Compiled):
    """The Bessel function of the second kind of order 0, for x >= 0."""

    c = "pt_y0"
    poles = AT_ZERO
    samples = reals(0.3, 5, edges=FEW)

    def vjp(self, g, out, x):
        return (-g * y1(x),)


@op
class Y1(Compiled):
    """The Bessel function of the second kind of order 1, for x >= 0."""

    c = "pt_y1"
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
        return (g * _slope(IveInOrder, 0, x),)


@op
class I1e(Elementwise):
    """i1(x) * exp(-|x|), without overflow."""

    numpy, c = SciPy("i1e"), "pt_scipy_i1e"
    samples = reals(0.3, 5, edges=FEW) + reals(-5, -0.3)

    def vjp(self, g, out, x):
        return (g * _slope(IveInOrder, 1, x),)


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
        return (g * _slope(KveInOrder, 0, x),)


@op
class K1e(Elementwise):
    """k1(x) * exp(x), without underflow."""

    numpy, c = SciPy("k1e"), "pt_scipy_k1e"
    poles, facts = AT_ZERO, DECAYING
    samples = reals(0.3, 5, edges=FEW)

    def vjp(self, g, out, x):
        return (g * _slope(KveInOrder, 1, x),)


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
