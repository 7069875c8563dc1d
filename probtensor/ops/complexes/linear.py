"""Linear algebra of complex matrices: by LAPACK (`factors`), or by real ones of twice the size.

A + iB is the real matrix [[A, -B], [B, A]], of which systems, inverses, pseudo-inverses and
exponentials are those of A + iB. With parts side by side for each element, as blocks
[[a, -b], [b, a]], the lower factor of a Hermitian positive definite matrix, whose diagonal is real,
is lower triangular too: it is the Cholesky factor. Source: Higham (2002), "Accuracy and Stability
of Numerical Algorithms", 2nd edition, exercise 14.20.
"""

from __future__ import annotations

from probtensor import ops
from probtensor.calls import line_text
from probtensor.graph.node import GraphError, Node, TensorLike
from probtensor.ops.complexes import factors
from probtensor.ops.complexes.pair import pair, parts_of_value
from probtensor.ops.linalg.factors import hermitian_of
from probtensor.types import Size


def embedded(z: Node) -> Node:
    """[[A, -B], [B, A]], of float64."""
    a, b = (ops.astype(part, "float64") for part in parts_of_value(z))
    top, bottom = ops.concatenate([a, -b], -1), ops.concatenate([b, a], -1)
    return ops.concatenate([top, bottom], -2)


def _halves(x: Node, n: Size) -> Node:
    """The complex matrix of n rows with its parts one above the other."""
    parts = ops.reshape(x, (*x.shape[:-2], 2, n, x.shape[-1]))
    return pair(parts[..., 0, :, :], parts[..., 1, :, :])


def solve(a: Node, b: Node) -> Node:
    """x with a @ x == b for columns b, where at least one is complex."""
    re, im = (ops.astype(part, "float64") for part in parts_of_value(b))
    return _halves(ops.solve(embedded(a), ops.concatenate([re, im], -2)), a.shape[-1])


def inv(a: Node) -> Node:
    """The inverse."""
    n = a.shape[-1]
    parts = ops.reshape(ops.inv(embedded(a)), (*a.shape[:-2], 2, n, 2, n))
    return pair(parts[..., 0, :, 0, :], parts[..., 1, :, 0, :])


def cholesky(a: Node) -> Node:
    """The lower factor of a Hermitian matrix, of which the lower triangle counts."""
    re, im = (ops.astype(part, "float64") for part in a.inputs)
    n = a.shape[-1]
    off = ops.where(ops.eye(n, dtype="bool"), 0.0, im)
    rows = [ops.stack([re, -off], -1), ops.stack([off, re], -1)]
    whole = ops.reshape(ops.stack(rows, -3), (*a.shape[:-2], 2 * n, 2 * n))
    parts = ops.reshape(ops.cholesky(whole), (*a.shape[:-2], n, 2, n, 2))
    return pair(parts[..., 0, :, 0], parts[..., 1, :, 0])


def solve_triangular(t: Node, b: Node, lower: bool) -> Node:
    """x with t @ x == b for columns b. With its rows divided by the diagonal t has a real diagonal,
    so that its blocks make a real triangular matrix."""
    n = t.shape[-1]
    t, b = (ops.astype(x, "complex128") for x in (t, b))
    diagonal = ops.expand_dims(ops.diagonal(t, 0, -2, -1), -1)
    unit = ops.eye(n, dtype="bool")
    (c, d), (re, im) = (t / diagonal).inputs, (b / diagonal).inputs
    c, d = ops.where(unit, 1.0, c), ops.where(unit, 0.0, d)
    rows = [ops.stack([c, -d], -1), ops.stack([d, c], -1)]
    whole = ops.reshape(ops.stack(rows, -3), (*t.shape[:-2], 2 * n, 2 * n))
    right = ops.reshape(ops.stack([re, im], -2), (*re.shape[:-2], 2 * n, b.shape[-1]))
    found = ops.solve_triangular(whole, right, lower=lower)
    parts = ops.reshape(found, (*found.shape[:-2], n, 2, b.shape[-1]))
    return pair(parts[..., 0, :], parts[..., 1, :])


def expm(a: Node) -> Node:
    """The exponential."""
    n = a.shape[-1]
    return _halves(ops.expm(embedded(a))[..., :n], n)


def pinv(a: Node, cutoff: TensorLike | None, hermitian: bool) -> Node:
    """The pseudo-inverse: its singular values are those of the real matrix, each twice."""
    m, n = a.shape[-2:]
    a = hermitian_of(a) if hermitian else a
    return _halves(ops.pinv(embedded(a), cutoff, hermitian)[..., :m], n)


def lstsq(a: Node, b: Node, cutoff: Node) -> Node:
    """The shortest of the least squares solutions for columns b."""
    re, im = (ops.astype(part, "float64") for part in parts_of_value(b))
    found = ops.lstsq(embedded(a), ops.concatenate([re, im], -2), cutoff)
    return _halves(found.x, a.shape[-1])


def lu(a: Node, what: str) -> tuple[Node, ...]:
    """L and U in one matrix, pivots and rows."""
    return factors.ComplexLU().of(a, what)


def det(a: Node) -> Node:
    """The determinant."""
    return factors.ComplexDet().of(a, "det")[0]


def slogdet(a: Node) -> tuple[Node, ...]:
    """The sign, of absolute value 1, and the logarithm of the absolute value of the determinant."""
    return factors.ComplexSlogdet().of(a, "slogdet")


def eigh(a: Node) -> tuple[Node, ...]:
    """Eigenvalues and eigenvectors of a Hermitian matrix, of which the lower triangle counts."""
    return factors.ComplexEigh().of(a, "eigh")


def eigvalsh(a: Node) -> Node:
    """The eigenvalues of a Hermitian matrix, of which the lower triangle counts."""
    return factors.ComplexEigvalsh().of(a, "eigvalsh")[0]


def eig(a: Node) -> tuple[Node, ...]:
    """Eigenvalues and eigenvectors."""
    return factors.ComplexEig().of(a, "eig")


def eigvals(a: Node) -> Node:
    """The eigenvalues."""
    return factors.ComplexEigvals().of(a, "eigvals")[0]


def svd(a: Node, full: bool) -> tuple[Node, ...]:
    """Singular values between their vectors, of which there are all or min(m, n)."""
    return (factors.ComplexFullSVD() if full else factors.ComplexSVD()).of(a, "svd")


def svdvals(a: Node) -> Node:
    """The singular values."""
    return factors.ComplexSingularValues().of(a, "svdvals")[0]


def qr(a: Node, full: bool) -> tuple[Node, ...]:
    """Orthonormal columns, all or min(m, n) of them, and an upper triangular factor."""
    return (factors.ComplexFullQR() if full else factors.ComplexQR()).of(a, "qr")


def qr_order(a: Node) -> Node:
    """The order in which QR with pivots takes the columns."""
    return factors.ComplexQROrder().of(a, "qr")[0]


# The functions of matrices that take complex ones; others refuse them.
TAKEN = (
    "cho_factor", "cho_solve", "cholesky", "cond", "det", "eig", "eigh", "eigvals", "eigvalsh",
    "expm", "inv", "lstsq", "lu", "lu_factor", "lu_solve", "matrix_power", "pinv", "qr", "slogdet",
    "solve", "solve_triangular", "svd", "svdvals", "tril", "triu",
)  # fmt: skip


def refusal_of(what: str, way: str = "matrices of its parts are real") -> GraphError:
    """Why a function of matrices takes no complex ones, and the way out."""
    return GraphError(f"{what}: takes no complex matrices\n  at {line_text()}\n  {way}")
