"""Eigenvalues and eigenvectors of general real matrices, which are complex."""

from __future__ import annotations

from typing import NamedTuple

from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike
from probtensor.graph.parts import parts
from probtensor.ops.complexes.pair import pair
from probtensor.ops.linalg.eigen import Eig, Eigvals
from probtensor.ops.linalg.products import matrices


class EigResult(NamedTuple):
    """The result of `eig`."""

    eigenvalues: Node
    eigenvectors: Node


@public
def eig(a: TensorLike) -> EigResult:
    """Eigenvalues and eigenvectors of square real matrices: a @ v == v * w for the columns of v.

    a: shape (..., n, n), as float64. Each vector has length 1 and a largest component that is real.
    Results are complex128, also where NumPy gives reals because all imaginary parts are 0. The
    derivatives of vectors are inf or nan where two eigenvalues are equal.

    Returns a pair of complex tensors, `eigenvalues` of shape (..., n) and `eigenvectors` of the
    shape of a; nan where a is not finite.
    Raises GraphError, a TypeError, for matrices that are not square, and for complex ones.
    Source: Golub and Van Loan (2013), "Matrix Computations", 7.5.

        >>> pt.linalg.eig([[0.0, -1.0], [1.0, 0.0]]).eigenvalues.eval()
        array([0.+1.j, 0.-1.j])
    """
    wr, wi, vr, vi = parts(Eig().apply(matrices("eig", a), what="eig"))
    return EigResult(pair(wr, wi), pair(vr, vi))


@public
def eigvals(a: TensorLike) -> Node:
    """The eigenvalues of square real matrices: those of `eig`, for less work.

    a: shape (..., n, n), as float64.

    Returns a complex128 tensor of shape (..., n); nan where a is not finite.
    Raises what `eig` raises.

        >>> pt.linalg.eigvals([[0.0, -1.0], [1.0, 0.0]]).eval()
        array([0.+1.j, 0.-1.j])
    """
    return pair(*parts(Eigvals().apply(matrices("eigvals", a), what="eigvals")))
