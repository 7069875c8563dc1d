"""Inverses and determinants of square matrices, through their LU factors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike, make
from probtensor.graph.parts import parts
from probtensor.late import late
from probtensor.ops.kinds import Composite, Core, op
from probtensor.ops.kinds.function import as_tensor_of
from probtensor.ops.linalg.factors import LU
from probtensor.ops.linalg.products import matrices
from probtensor.ops.linalg.triangular import triangular
from probtensor.ops.samples import Sample
from probtensor.ops.size_laws import equal
from probtensor.types import ShapeError, SizeCheck, TensorType, shape_text

_linear = late("probtensor.ops.complexes.linear")

SQUARES = (
    Sample(lambda rng: (triangular(rng, 3, 3),)),
    Sample(lambda rng: (triangular(rng, 2, 4, 4),)),
    Sample(lambda rng: (np.full((2, 1, 1), 4.0),)),
)


@op
class Inv(Core):
    """The inverse of a matrix; all nan where it is singular or not finite."""

    core, routine = "(n,n)->(n,n)", "pt_inv"
    rounding = 10.0
    samples = (
        *SQUARES,
        Sample(lambda rng: (np.stack([np.eye(2), np.zeros((2, 2)), np.full((2, 2), np.nan)]),),
               smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        return 33 * sizes["n"]

    def numpy(self, a):
        out = np.full(a.shape, np.nan)
        for item in np.ndindex(a.shape[:-2]):
            try:
                out[item] = np.linalg.inv(a[item]) if np.isfinite(a[item]).all() else np.nan
            except np.linalg.LinAlgError:
                continue
        return out

    def vjp(self, g, out, a):
        """Giles (2008), "An extended collection of matrix derivative results for forward and
        reverse mode algorithmic differentiation", 2.2.3."""
        transposed = ops.matrix_transpose(out)
        return (-(transposed @ g) @ transposed,)


@op
class Adjugate(Core):
    """The transposed matrix of the cofactors of a matrix, which is det(a) * inv(a) where that
    exists; all nan where a is not finite. Its derivative is nan where a is singular."""

    core, routine = "(n,n)->(n,n)", "pt_adjugate"
    rounding = 10.0
    samples = (
        *SQUARES,
        Sample(
            lambda rng: (
                np.stack([np.arange(9.0).reshape(3, 3), np.ones((3, 3)), np.diag([0.0, 2.0, 3.0]),
                          np.array([[0.0, 1, 2], [0, 3, 4], [0, 5, 7]]), np.full((3, 3), np.inf)]),
            ),
            smooth=False,
        ),
        Sample(lambda rng: (np.zeros((2, 1, 1)),), smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        n = sizes["n"]
        return 2 * n * n + 33 * n

    def numpy(self, a):
        out, n = np.full(a.shape, np.nan), a.shape[-1]
        for item in np.ndindex(a.shape[:-2]):
            if np.isfinite(a[item]).all():
                for i, j in np.ndindex(n, n):
                    minor = np.delete(np.delete(a[item], j, 0), i, 1)
                    out[(*item, i, j)] = (-1) ** (i + j) * np.linalg.det(minor)
        return out

    def vjp(self, g, out, a):
        inverse = ops.matrix_transpose(ops.inv(a))
        weight = ops.sum(g * ops.matrix_transpose(inverse), (-2, -1), keepdims=True)
        adjugate = ops.matrix_transpose(out)
        return (weight * adjugate - adjugate @ g @ inverse,)


@op
class Det(Composite):
    """The determinant of a matrix, by its LU factor."""

    name = "det"
    samples = (
        *SQUARES,
        Sample(lambda rng: (np.stack([np.eye(2), np.ones((2, 2)), np.full((2, 2), np.nan)]),),
               smooth=False),
    )  # fmt: skip

    def infer(self, a: TensorType) -> TensorType:
        if a.dtype != "float64":
            raise TypeError(f"needs float64, not {a.dtype}")
        if a.ndim < 2:
            raise ShapeError(f"needs at least 2 axes, not shape {shape_text(a.shape)}")
        rows, columns = a.shape[-2:]
        if isinstance(rows, int) and isinstance(columns, int) and rows != columns:
            raise ShapeError(f"needs square matrices, not shape {shape_text(a.shape)}")
        return TensorType("float64", a.shape[:-2])

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        rows, columns = node.inputs[0].type.shape[-2:]
        yield equal(rows, columns, ": the matrices must be square")

    def numpy(self, a):
        with np.errstate(all="ignore"):
            return np.linalg.det(a)

    def expand(self, a):
        factor, pivots, _ = parts(LU()(a))
        swapped = ops.ne(pivots, ops.arange(pivots.shape[-1]))
        diagonal = ops.diagonal(factor, axis1=-2, axis2=-1)
        return ops.prod(ops.where(swapped, -diagonal, diagonal), -1)

    def vjp(self, g, out, a):
        """Jacobi's formula: the cofactors, also where a is singular. Magnus and Neudecker (2019),
        "Matrix Differential Calculus", 8.3."""
        return (ops.expand_dims(g, (-2, -1)) * ops.matrix_transpose(Adjugate()(a)),)


@public
def inv(a: TensorLike) -> Node:
    """The inverse of square matrices on the last two axes; NumPy's signature.

    a: shape (..., n, n), as float64. Where it is singular or not finite all of the inverse is nan;
    nothing is raised. To solve a system, `solve(a, b)` costs less than `inv(a) @ b` and is more
    accurate.

    Returns a float64 tensor of the shape of `a`, complex128 for complex matrices. Source: Golub and
    Van Loan (2013), "Matrix Computations", 3.4.
    Raises GraphError, a TypeError, for matrices that are not square; ValueError where only a call
    can tell.

        >>> pt.linalg.inv([[2.0, 0.0], [0.0, 4.0]]).eval()
        array([[0.5 , 0.  ],
               [0.  , 0.25]])
    """
    a = matrices("inv", a)
    return _linear.inv(a) if a.is_complex else Inv().apply(a, what="inv")


@public
def det(a: TensorLike) -> Node:
    """The determinant of square matrices on the last two axes; NumPy's signature.

    a: shape (..., n, n), as float64. That of a matrix without rows is 1; it is nan where `a` is not
    finite. The first derivative is the matrix of cofactors, which also singular matrices have;
    further ones are nan there. `slogdet` does not overflow.

    Returns a float64 tensor of the shape of the leading axes, complex128 for complex matrices.
    Source: Golub and Van Loan (2013), "Matrix Computations", 3.4.
    Raises GraphError, a TypeError, for matrices that are not square; ValueError where only a call
    can tell.

        >>> pt.linalg.det([[2.0, 1.0], [0.0, 4.0]]).eval()
        array(8.)
    """
    if (a := matrices("det", a)).is_complex:
        return _linear.det(a)
    return make(Det(), (as_tensor_of(a, "float64"),))
