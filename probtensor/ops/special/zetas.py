"""The zeta function of Hurwitz, polygamma functions of tensor order, and Lambert's W function.

References by number are to the NIST Digital Library of Mathematical Functions, dlmf.nist.gov.
"""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.ops.kinds import Facts, Pole, Range, as_tensor_of, op, weak_operand
from probtensor.ops.samples import Sample, reals
from probtensor.ops.special.functions import Compiled
from probtensor.ops.special.integrals import whole_and_float
from probtensor.types import promote_float

BRANCH = -float(np.exp(-1))


@op
class HurwitzZeta(Compiled):
    """The n-th derivative in s of the zeta function of Hurwitz, for s > 1 and n from 0 to 8: the
    Euler-Maclaurin formula (DLMF 25.11.28)."""

    arity, c = 3, "pt_zeta"
    for_users = False
    operands = ("n", "s", "q")
    samples = (
        Sample(
            lambda rng: (
                rng.integers(0, 4, 12) + 0.0, rng.uniform(1.2, 5, 12), rng.uniform(0.2, 9, 12)
            ),
            smooth=False,
        ),
        Sample(lambda rng: (np.zeros(1), rng.uniform(2, 9, (5, 1)), rng.uniform(1, 20, 3)),
               smooth=False),
        Sample(
            lambda rng: tuple(
                x.ravel() for x in np.meshgrid([0.0], [0.5, 1.0, 3.0, np.nan], [-1.5, -1.0, 0.0])
            ),
            smooth=False,
        ),
    )  # fmt: skip

    def vjp(self, g, out, n, s, q):
        # DLMF 25.11.17, differentiated n times in s.
        fewer = ops.where(n > 0, n * self(ops.maximum(n - 1, 0), s + 1, q), 0)
        return None, g * self(n + 1, s, q), -g * (s * self(n, s + 1, q) + fewer)


@public(lacks=("out",))
def zeta(x: TensorLike, q: TensorLike | None = None, out: None = None) -> Node:
    """The zeta function of Hurwitz, the sum of (q + k)**-x over k >= 0 (DLMF 25.11.1), and for
    q = 1, the default, that of Riemann; for x > 1. It is inf at x = 1, nan below, and inf where q
    is 0 or a negative integer; other q below 0 are for whole x.

    Returns a tensor of the shape that x and q broadcast to: float32 if both are, else float64. It
    has derivatives of any order in q and up to the eighth in x, with relative errors of 1e-13.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.special.zeta(2.0).eval()
        array(1.64493407)
    """
    q = 1.0 if q is None else q
    dtype = promote_float(weak_operand(x), weak_operand(q))
    exponent, first = (as_tensor_of(value, dtype, "zeta") for value in (x, q))
    return make(HurwitzZeta(), (as_tensor_of(0.0, dtype), exponent, first))


def polygamma_of_tensor(n: TensorLike, x: TensorLike) -> Node:
    """The derivatives of digamma of the orders in a tensor of integers (DLMF 5.15.2)."""
    order, x = whole_and_float("polygamma", "n", n, x)
    positive = ops.where(order > 0, order, 1)
    sign = ops.where(ops.eq(ops.mod(order, 2), 0), -1, 1)
    value = sign * ops.gamma(positive + 1) * zeta(positive + 1, x)
    return ops.where(order > 0, value, ops.where(ops.eq(order, 0), ops.digamma(x), np.nan))


class Lambert(Compiled):
    """A branch of Lambert's W function."""

    for_users = False

    def vjp(self, g, out, x):
        return (g * ops.exp(-out) / (1 + out),)


@op
class LambertW(Lambert):
    """The solution w >= -1 of w * exp(w) = x (DLMF 4.13); nan below -1/e."""

    c = "pt_lambertw"
    poles = (Pole(0, BRANCH, finite=True),)
    facts = Facts(range=Range(low=-1.0), increasing=True)
    samples = reals(-0.3, 5, edges=(0.0, -0.25, 1.0, 1e-20, 1e300, -1.0, np.nan))


@op
class LambertWBelow(Lambert):
    """The solution w <= -1 of w * exp(w) = x, for x from -1/e to 0 (DLMF 4.13); nan elsewhere."""

    c = "pt_lambertw_below"
    poles = (Pole(0, BRANCH, finite=True), Pole(0, 0.0))
    facts = Facts(range=Range(high=-1.0), decreasing=True)
    samples = reals(-0.35, -0.05, edges=(0.0, -0.25, -1e-20, -1e-300, -1.0, 1.0, np.nan))

    def vjp(self, g, out, x):
        """That of the other branch, whose limit at 0, where the value is -inf, is -inf."""
        at_zero = ops.eq(x, 0)
        (inner,) = super().vjp(g, ops.where(at_zero, -2.0, out), x)
        return (ops.where(at_zero, g * -np.inf, inner),)


@public(lacks=("tol",))
def lambertw(z: TensorLike, k: int = 0, tol: float = 1e-8) -> Node:
    """Lambert's W function of real numbers: w with w * exp(w) = z (DLMF 4.13). Of the two real
    branches k = 0 is the one with w >= -1, for z >= -1/e, and k = -1 the one with w <= -1, for -1/e
    <= z < 0; nan elsewhere. SciPy's function gives complex numbers, whose real part this is.

    Returns a tensor of the shape of z: float32 if z is, else float64. It has derivatives of any
    order.
    Raises GraphError, a TypeError, for another branch.

        >>> pt.special.lambertw([0.0, 1.0]).eval()
        array([0.        , 0.56714329])
    """
    if k not in (0, -1) or isinstance(k, bool):
        raise GraphError(f"lambertw: the real branches are k = 0 and k = -1, not {k!r:.60}")
    return (LambertWBelow() if k else LambertW())(as_tensor(z))
