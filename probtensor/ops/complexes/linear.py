"""Linear algebra of complex matrices, by real ones of twice the size.

A + iB is the real matrix [[A, -B], [B, A]], of which systems, inverses and singular values are
those of A + iB. With parts side by side for each element, as blocks [[a, -b], [b, a]], the lower
factor of a Hermitian positive definite matrix, whose diagonal is real, is lower triangular too: it
is the Cholesky factor. Source: Higham (2002), "Accuracy and Stability of Numerical Algorithms", 2nd
edition, exercise 14.20.
"""

from __future__ import annotations

from probtensor import ops
from probtensor.calls import line_text
from probtensor.graph.node import GraphError, Node
from probtensor.ops.complexes.pair import pair, parts_of_value
from probtensor.types import Size, size_min


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


def eigvalsh(a: Node) -> Node:
    """The eigenvalues of a Hermitian matrix, of which the lower triangle counts."""
    low = ops.tril(a)
    strict = ops.conj(ops.matrix_transpose(ops.tril(a, -1)))
    return _each_once(ops.eigvalsh(embedded(low + strict)), a.shape[-1])


def svdvals(a: Node) -> Node:
    """The singular values."""
    count = a.shape[-2], a.shape[-1]
    least = min(count) if all(isinstance(n, int) for n in count) else size_min(*count)
    return _each_once(ops.svdvals(embedded(a)), least)


def _each_once(values: Node, n: Size) -> Node:
    """The n values that the real matrix has twice; the mean of each two, whose derivative is
    right."""
    return ops.sum(ops.reshape(values, (*values.shape[:-1], n, 2)), -1) / 2


_PHASE = "its phase is none of a real matrix; pt.linalg.svdvals has the modulus of its factors"
_VECTORS = "vectors of a real matrix of twice the size are not unique; pt.linalg.{} has values"
_SHAPE = "a real matrix of twice the size is not triangular; pt.linalg.solve takes complex ones"
_PIVOTS = "a real matrix of twice the size has other pivots; pt.linalg.solve takes complex ones"
REASONS = {
    "det": _PHASE,
    "slogdet": _PHASE,
    "eigh": _VECTORS.format("eigvalsh"),
    "svd": _VECTORS.format("svdvals"),
    "eig": "a real matrix of twice the size has the conjugate values too",
    "eigvals": "a real matrix of twice the size has the conjugate values too",
    "qr": "the factor of a real matrix of twice the size is another one",
    "lu": _PIVOTS,
    "lu_factor": _PIVOTS,
    "solve_triangular": _SHAPE,
    "cho_solve": _SHAPE,
}


def refusal_of(what: str) -> GraphError:
    """Why a function of matrices takes no complex ones."""
    why = REASONS.get(what, "it is of real matrices")
    return GraphError(f"{what}: takes no complex matrices: {why}\n  at {line_text()}")
