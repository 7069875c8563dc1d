"""Innovations that are vectors: their scale matrices."""

from __future__ import annotations

from probtensor import ops
from probtensor.graph import Node
from probtensor.graph.node import TensorLike
from probtensor.ops.kinds import as_tensor_of
from probtensor.prob.distributions.base import to_tensor
from probtensor.prob.distributions.parameters import (
    check_literal,
    check_size,
    exactly_one,
    square,
)
from probtensor.prob.distributions.support import COVARIANCE


def factor_of(
    what: str,
    mu: TensorLike,
    scale_tril: TensorLike | None,
    cov: TensorLike | None,
    tau: TensorLike | None,
    label: str = "mu",
) -> tuple[Node, Node]:
    """The vector `mu`, named `label` in messages, and the lower Cholesky factor of the covariance
    by one of three matrices."""
    given = exactly_one(what, scale_tril=scale_tril, cov=cov, tau=tau)
    if given == "scale_tril":
        factor = square("scale_tril", scale_tril, what)
    else:
        own = {"cov": cov} if given == "cov" else {"tau": tau}
        single = square(given, own[given], what).dtype == "float32"
        matrix = check_literal(what, domain=COVARIANCE, **own)
        factor = ops.cholesky(matrix) if given == "cov" else factor_of_inverse(matrix)
        factor = factor.astype("float32") if single else factor
    # A number of Python takes the dtype of the matrix.
    mean = as_tensor_of(mu, factor.dtype) if type(mu) in (int, float) else None
    mean = to_tensor(f"{label} of {what}", mu) if mean is None else mean
    if not mean.ndim:
        mean = ops.broadcast_to(mean, factor.shape[-1:])
    check_size(what, label, mean, "a scale", factor)
    return mean, factor


def factor_of_inverse(precision: Node) -> Node:
    """The lower Cholesky factor of the inverse of a positive definite matrix. With C C^T the matrix
    with rows and columns in reverse order, it is the inverse of C^T, reversed again."""
    upper = ops.cholesky(precision[..., ::-1, ::-1])
    size = precision.shape[-1]
    inverse = ops.solve_triangular(upper, ops.eye(size, dtype=precision.dtype), lower=True)
    return ops.matrix_transpose(inverse)[..., ::-1, ::-1]
