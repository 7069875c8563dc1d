"""Logarithms and signs of determinants."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike, make
from probtensor.graph.parts import parts
from probtensor.late import late
from probtensor.ops.kinds import op
from probtensor.ops.kinds.function import as_tensor_of
from probtensor.ops.linalg.factors import LU
from probtensor.ops.linalg.inverses import SQUARES, Det
from probtensor.ops.linalg.products import matrices
from probtensor.ops.linalg.solving import Solve
from probtensor.ops.samples import Sample

_linear = late("probtensor.ops.complexes.linear")


class SlogdetResult(NamedTuple):
    """The result of `slogdet`."""

    sign: Node
    logabsdet: Node


SINGULAR = Sample(
    lambda rng: (np.stack([np.eye(2), np.ones((2, 2)), np.full((2, 2), np.nan)]),), smooth=False
)


@op
class LogAbsDet(Det):
    """The logarithm of the absolute value of the determinant of a matrix, by its LU factor."""

    name = "log_abs_det"
    samples = (*SQUARES, SINGULAR)

    def numpy(self, a):
        with np.errstate(all="ignore"):
            found = np.linalg.slogdet(a)[1]
        return np.where(np.isfinite(a).all((-2, -1)), found, np.nan)

    def expand(self, a):
        factor, _, _ = parts(LU()(a))
        diagonal = ops.diagonal(factor, axis1=-2, axis2=-1)
        return ops.sum(ops.log(ops.abs(diagonal)), -1)

    def vjp(self, g, out, a):
        """Magnus and Neudecker (2019), "Matrix Differential Calculus", 8.4: the transposed inverse,
        by the factor of the value."""
        n = a.shape[-1]
        unit = ops.broadcast_to(ops.eye(n), (*a.shape[:-2], n, n))
        return (ops.expand_dims(g, (-2, -1)) * make(Solve(transposed=True), (a, unit)),)


@op
class SignOfDet(Det):
    """The sign of the determinant of a matrix, by its LU factor."""

    name = "sign_of_det"
    samples = (*SQUARES, SINGULAR)

    def numpy(self, a):
        with np.errstate(all="ignore"):
            found = np.linalg.slogdet(a)[0]
        return np.where(np.isfinite(a).all((-2, -1)), found, np.nan)

    def expand(self, a):
        factor, pivots, _ = parts(LU()(a))
        diagonal = ops.diagonal(factor, axis1=-2, axis2=-1)
        swapped = ops.ne(pivots, ops.arange(pivots.shape[-1]))
        return ops.prod(ops.where(swapped, -1.0, 1.0) * ops.sign(diagonal), -1)

    def vjp(self, g, out, a):
        return (ops.zeros_like(a),)


@public
def slogdet(a: TensorLike) -> SlogdetResult:
    """Sign and logarithm of the absolute value of determinants: (sign, logabsdet).

    a: shape (..., n, n), as float64; both parts have the shape of the leading axes. A singular
    matrix has sign 0 and logarithm -inf; both are nan where a is not finite. Of a matrix that is
    triangular, or declared positive definite by `assume`, no LU factor is formed.

        sign, logabsdet = pt.linalg.slogdet(precision)
        logp = 0.5 * logabsdet - 0.5 * x @ precision @ x

    Returns a pair of float64 tensors, `sign` and `logabsdet`; the sign of complex matrices is
    complex128, of absolute value 1.
    Raises GraphError, a TypeError, for matrices that are not square.

        >>> pt.linalg.slogdet([[2.0, 0.0], [0.0, 4.0]]).logabsdet.eval()
        array(2.07944154)
    """
    if (a := matrices("slogdet", a)).is_complex:
        return SlogdetResult(*_linear.slogdet(a))
    a = as_tensor_of(a, "float64")
    pair = make(SignOfDet(), (a,), what="slogdet"), make(LogAbsDet(), (a,), what="slogdet")
    return SlogdetResult(*pair)
