"""Factors of matrices, and functions of them. Leading axes are those of batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from probtensor import linalg, ops
from probtensor.graph import GraphError, Node
from probtensor.graph.parts import parts
from probtensor.interop.pytensor.translate import Translator, row
from probtensor.ops.linalg.eigen import SORTS


@row("Cholesky", batched=True)
def cholesky(t: Translator, apply: Any, x: Node) -> Node:
    """The lower or the upper Cholesky factor."""
    if apply.op.lower:
        return linalg.cholesky(x)
    return linalg.cholesky(x, upper=True)


@row("LU", batched=True)
def lu(t: Translator, apply: Any, x: Node) -> list[Node]:
    """LU factors, and their permutation as a matrix, as indices or multiplied in."""
    return list(linalg.lu(x, permute_l=apply.op.permute_l, p_indices=apply.op.p_indices))


@row("LUFactor", batched=True)
def lu_factor(t: Translator, apply: Any, x: Node) -> list[Node]:
    """LU factors in one matrix, with pivots."""
    return list(linalg.lu_factor(x))


@row("PivotToPermutations", batched=True)
def pivot_to_permutations(t: Translator, apply: Any, pivots: Node) -> Node:
    """The order of rows that pivots make; `inverse` has the other meaning in PyTensor."""
    return linalg.pivot_to_permutation(pivots, inverse=not apply.op.inverse)


@row("LUFactorTridiagonal", batched=True)
def lu_factor_tridiagonal(t: Translator, apply: Any, dl: Node, d: Node, du: Node) -> list[Node]:
    """LU factors of matrices of three diagonals."""
    return list(linalg.tridiagonal_lu_factor(_tridiagonal(dl, d, du)))


def _tridiagonal(dl: Node, d: Node, du: Node) -> Node:
    """The matrices of these diagonals."""
    n = d.shape[-1]
    i = ops.arange(n)
    row_of, column = i[:, None], i[None, :]

    def along(x: Node, offset: int) -> Node:
        """The elements of a diagonal in their rows."""
        before = ops.zeros((*x.shape[:-1], 1), x.dtype)
        parts = {-1: [before, x], 0: [x], 1: [x, before]}[offset]
        found = ops.concatenate(parts, axis=-1)[..., :, None]
        return ops.where(column == row_of + offset, found, 0.0)

    return along(dl, -1) + along(d, 0) + along(du, 1)


@row("QR", batched=True)
def qr(t: Translator, apply: Any, x: Node) -> Node | list[Node]:
    """The op gives R with all rows of `x` in the modes "r" and "raw", and the reflectors as LAPACK
    has them."""
    mode, pivoting = apply.op.mode, apply.op.pivoting
    if mode in ("economic", "full"):
        return list(linalg.qr(x, mode=mode, pivoting=pivoting))
    rest: list[Node] = []
    if pivoting:
        found, order = linalg.qr(x, mode="r", pivoting=True)
        rest = [order]
        x = ops.take_along_axis(x, order[..., None, :], axis=-1)
    else:
        found = linalg.qr(x, mode="r")
    if mode == "raw":
        reflectors, scales = linalg.qr(x, mode="raw")
        return [reflectors.mT, scales, found, *rest]
    missing = x.shape[-2] - found.shape[-2]
    if missing != 0:
        below = ops.zeros((*x.shape[:-2], missing, x.shape[-1]), found.dtype)
        found = ops.concatenate([found, below], axis=-2)
    return [found, *rest] if rest else found


@row("SVD", batched=True)
def svd(t: Translator, apply: Any, x: Node) -> Node | list[Node]:
    """Singular values, with or without vectors."""
    op = apply.op
    found = linalg.svd(x, full_matrices=op.full_matrices, compute_uv=op.compute_uv)
    return list(found) if op.compute_uv else found


@row("Eig", batched=True)
def eig(t: Translator, apply: Any, x: Node) -> list[Node]:
    """Eigenvalues and eigenvectors."""
    return list(linalg.eig(x))


@row("Eigh", batched=True)
def eigh(t: Translator, apply: Any, x: Node, b: Node | None = None) -> list[Node]:
    """Those of symmetric matrices, and of pairs of them."""
    return list(linalg.eigh(x, UPLO=_triangle(apply.op), b=b))


@row("Eigvalsh", batched=True)
def eigvalsh(t: Translator, apply: Any, x: Node, b: Node | None = None) -> Node:
    """Eigenvalues of symmetric matrices, and of pairs of them."""
    if b is None:
        return linalg.eigvalsh(x, UPLO=_triangle(apply.op))
    return linalg.eigh(x, UPLO=_triangle(apply.op), b=b)[0]


def _triangle(op: Any) -> str:
    """The triangle that is read."""
    lower = op.lower if hasattr(op, "lower") else op.UPLO == "L"
    return "L" if lower else "U"


@row("Schur", batched=True)
def schur(t: Translator, apply: Any, x: Node) -> list[Node]:
    """The real Schur form."""
    _real(apply.op.output == "complex" or x.dtype.startswith("complex"), "Schur")
    return list(linalg.schur(x, sort=apply.op.sort))[:2]


@row("QZ", batched=True)
def qz(t: Translator, apply: Any, a: Node, b: Node) -> list[Node]:
    """The generalised real Schur form, with eigenvalues as fractions if they are wanted."""
    op = apply.op
    complex_ = any(x.dtype.startswith("complex") for x in (a, b))
    _real(op.complex_output or complex_, "QZ")
    order = np.int64(SORTS[op.sort])
    aa, bb, reals, imags, beta, q, z = parts(ops.QZ().apply(a, b, order, what="qz"))
    values = [ops.complex(reals, imags), beta] if op.return_eigenvalues else []
    return [aa, bb, *values, q, z]


def _real(refused: bool, name: str) -> None:
    if refused:
        raise GraphError(
            f"translate: {name} gives complex matrices here, and only its real form is known\n"
            '  ask for output="real" of real matrices: blocks of two on its diagonal are pairs of '
            "conjugate eigenvalues"
        )


@row("Expm", batched=True)
def expm(t: Translator, apply: Any, x: Node) -> Node:
    """The exponential of matrices."""
    return linalg.expm(x)


@row("MatrixPinv", batched=True)
def pinv(t: Translator, apply: Any, x: Node) -> Node:
    """The pseudo-inverse."""
    return linalg.pinv(x, hermitian=apply.op.hermitian)


@row("MatrixInverse", batched=True)
def inverse(t: Translator, apply: Any, x: Node) -> Node:
    """The inverse."""
    return linalg.inv(x)


@row("TensorInv")
def tensorinv(t: Translator, apply: Any, x: Node) -> Node:
    """The inverse of a tensor as a map of tensors."""
    return linalg.tensorinv(x, apply.op.ind)


@row("Det", batched=True)
def det(t: Translator, apply: Any, x: Node) -> Node:
    """The determinant."""
    return linalg.det(x)


@row("SLogDet", batched=True)
def slogdet(t: Translator, apply: Any, x: Node) -> list[Node]:
    """Sign and logarithm of the determinant."""
    return list(linalg.slogdet(x))
