"""Hypergeometric functions, with derivatives in all parameters.

Values of hyp1f1 are SciPy's (`cython_ext/scipy_special.py`), those of hyp2f1 are of
`include/pt_hyper_value.h`; derivatives in the parameters are power series, by
`include/pt_hyper.h`. References by number are to the NIST Digital Library of Mathematical
Functions, dlmf.nist.gov.
"""

from __future__ import annotations

import numpy as np

from probtensor.graph.node import Node
from probtensor.ops.kinds import Elementwise, op
from probtensor.ops.samples import Sample, reals
from probtensor.ops.special.functions import (
    Compiled,
    InParameters,
    SciPy,
    counts_of,
    differentiated,
)


def slopes(cls: type[InParameters], g: Node, *inputs: Node) -> tuple[Node, ...]:
    """The derivatives in all arguments but the last."""
    first = np.eye(len(inputs) - 1, dtype=int)
    return tuple(g * differentiated(cls, orders.tolist(), *inputs) for orders in first)


@op
class Hyp1f1InParameters(InParameters):
    """Derivatives of hyp1f1 in a, b and x, up to the third in each."""

    arity, c = 4, "pt_hyp1f1"
    operands = ("counts", "a", "b", "x")
    samples = (
        Sample(
            lambda rng: (
                counts_of(rng.integers(0, 2, (4, 3))),
                rng.uniform(-2, 4, 4), rng.uniform(0.5, 4, 4), rng.uniform(-9, 9, 4),
            ),
            smooth=False,
        ),
    )  # fmt: skip


@op
class Hyp2f1InParameters(InParameters):
    """Derivatives of hyp2f1 in a, b, c and x, up to the third in each, for x <= 1."""

    arity, c = 5, "pt_hyp2f1"
    operands = ("counts", "a", "b", "c", "x")
    samples = (
        Sample(
            lambda rng: (
                counts_of(rng.integers(0, 2, (4, 4))),
                *rng.uniform(-2, 4, (2, 4)), rng.uniform(0.5, 4, 4), rng.uniform(-2, 0.8, 4),
            ),
            smooth=False,
        ),
    )  # fmt: skip


@op
class Hyp1f1(Elementwise):
    """Kummer's confluent hypergeometric function M(a, b, x) (DLMF 13.2.2).

    The derivatives in the parameters have relative errors of 1e-11 for a and b above 0 and x from
    -1e4 to 700, up to the third in each; with parameters below 0 as much more as terms of the
    series cancel."""

    arity, numpy, c = 3, SciPy("hyp1f1"), "pt_scipy_hyp1f1"
    samples = reals(0.5, 3, 0.5, 3, -3, 3)

    def vjp(self, g, out, a, b, x):
        return *slopes(Hyp1f1InParameters, g, a, b, x), g * a / b * self(a + 1, b + 1, x)


@op
class Hyp2f1(Compiled):
    """Gauss's hypergeometric function F(a, b; c; x) (DLMF 15.2.1), for x <= 1, and for any x where
    it is a polynomial.

    Errors are below 1e-11 for x from -1e308 to 1 and parameters of either sign up to some tens.
    For larger ones it is nan where rounding may have taken all but seven digits. At c = 0, -1, ...
    it is inf, but for polynomials of a degree up to -c.

    The derivatives in the parameters are for x <= 1, with relative errors of 1e-11 for parameters
    above 0, up to the third in each; with parameters below 0 as much more as terms of the series
    cancel. They take longer the closer x is to 1, or the further below 0: 0.3 ms at -1e12. At 1
    they are finite for c > a + b, and nan below c = a + b + 0.06."""

    arity, c = 4, "pt_hyper_gauss"
    operands = ("a", "b", "c", "x")
    samples = reals(0.5, 3, 0.5, 3, 0.5, 3, -2, 0.7)

    def vjp(self, g, out, a, b, c, x):
        in_x = a * b / c * self(a + 1, b + 1, c + 1, x)
        return *slopes(Hyp2f1InParameters, g, a, b, c, x), g * in_x


hyp1f1 = Hyp1f1()
hyp2f1 = Hyp2f1()
