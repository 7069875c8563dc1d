"""Innovations that are vectors: their scale matrices, and the multivariate t distribution."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.calls import line_text
from probtensor.graph import GraphError, Node, as_tensor
from probtensor.graph.node import TensorLike
from probtensor.ops.kinds import as_tensor_of
from probtensor.prob.distributions.base import to_tensor
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import log_beta
from probtensor.prob.distributions.multivariate import as_float, whitened
from probtensor.prob.distributions.parameters import check_literal, exactly_one, square
from probtensor.prob.distributions.support import (
    COVARIANCE,
    POSITIVE,
    REAL_VECTOR,
    SCALE_FACTOR,
)
from probtensor.types import shape_text

# Lengths above which squares are not computed.
LARGE = {"float64": 1e100, "float32": 1e15}


class MultivariateStudentT(Distribution):
    """Gamma((nu + K) / 2) / (Gamma(nu / 2) (nu pi)^(K / 2) prod diag(L)) (1 + |z|^2 / nu)^(-(nu +
    K) / 2), where L z = x - mu and L = scale_tril."""

    name = "multivariate_student_t"
    parameters = {"mu": REAL_VECTOR, "scale_tril": SCALE_FACTOR, "nu": POSITIVE}
    over = REAL_VECTOR

    def logpdf(self, x, mu, scale_tril, nu):
        offset = x - mu
        size = as_float(offset.shape[-1], offset)
        z = whitened(scale_tril, offset)
        length = ops.stop_gradient(ops.max(ops.abs(z), axis=-1))
        far = length > LARGE[str(z.dtype)]
        unit = ops.where(far, length, 1.0)
        square_ = ops.sum(ops.square(z / unit[..., None]), axis=-1)
        near = ops.log1p(ops.where(far, 0.0, square_) / nu)
        tail = 2 * ops.log(unit) + ops.log(ops.where(far, square_, 1.0)) - ops.log(nu)
        heights = ops.sum(ops.log(ops.diagonal(scale_tril, axis1=-2, axis2=-1)), axis=-1)
        half_size = as_tensor(0.5 * size).astype(z.dtype)
        gammas = ops.lgamma(half_size) - log_beta(half_size, 0.5 * nu)
        scale = gammas - half_size * (ops.log(nu) + math.log(math.pi)) - heights
        return scale - (0.5 * (nu + size)) * ops.where(far, tail, near)

    def sample(self, key, shape, mu, scale_tril, nu):
        z = ops.draw_normal(ops.key_fold(key, 0), element_indices(shape))
        w = ops.draw_gamma(ops.key_fold(key, 1), element_indices(shape[:-1]), 0.5 * nu)
        moved = ops.sum(ops.tril(scale_tril) * z[..., None, :], axis=-1)
        return mu + moved * ops.sqrt(0.5 * nu / w)[..., None]

    def mean(self, mu, scale_tril, nu):
        return ops.where((nu > 1)[..., None], mu, math.nan)

    def variance(self, mu, scale_tril, nu):
        own = ops.sum(ops.square(ops.tril(scale_tril)), axis=-1)
        nu = nu[..., None]
        undefined = ops.where(nu > 1, math.inf, math.nan)
        return ops.where(nu > 2, own * nu / (nu - 2), undefined)


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
    sizes = mean.shape[-1], factor.shape[-1]
    if all(isinstance(n, int) for n in sizes) and sizes[0] != sizes[1]:
        raise GraphError(
            f"{what}: {label} of shape {shape_text(mean.shape)} does not fit a scale of shape "
            f"{shape_text(factor.shape)}\n  at {line_text()}"
        )
    return mean, factor


def factor_of_inverse(precision: Node) -> Node:
    """The lower Cholesky factor of the inverse of a positive definite matrix. With C C^T the matrix
    with rows and columns in reverse order, it is the inverse of C^T, reversed again."""
    upper = ops.cholesky(precision[..., ::-1, ::-1])
    size = precision.shape[-1]
    inverse = ops.solve_triangular(upper, ops.eye(size, dtype=precision.dtype), lower=True)
    return ops.matrix_transpose(inverse)[..., ::-1, ::-1]
