"""Distributions of vectors. The last axis of a value is one point.

Formulas: Kotz, Balakrishnan and Johnson, "Continuous Multivariate Distributions" (2000), chapters
45 and 49.
"""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.graph import as_tensor
from probtensor.prob.distributions.continuous import log_gamma_draw
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import has_log, is_moderate, log_power, times_log
from probtensor.prob.distributions.support import (
    POSITIVE_VECTOR,
    REAL_VECTOR,
    SCALE_FACTOR,
    SIMPLEX,
)
from probtensor.types import size_product


class Dirichlet(Distribution):
    """prod_k x_k^(alpha_k - 1) Gamma(sum alpha) / prod Gamma(alpha_k), a density of the first K - 1
    entries."""

    name = "dirichlet"
    parameters = {"alpha": POSITIVE_VECTOR}
    over = SIMPLEX

    def logpdf(self, x, alpha):
        total = ops.sum(alpha, axis=-1, keepdims=True)
        if not is_moderate(alpha):
            terms = log_power(alpha, total, x) - ops.lgamma_rest(alpha)
            if not has_log(x):
                # The entries sum to 1: what is added to their slopes is that of their logarithms.
                terms = terms + total * (x - ops.stop_gradient(x))
            return ops.sum(terms, axis=-1) + ops.lgamma_rest(total[..., 0])
        scale = ops.lgamma(total[..., 0]) - ops.sum(ops.lgamma(alpha), axis=-1)
        return ops.sum(times_log(alpha - 1, x), axis=-1) + scale

    def sample(self, key, shape, alpha):
        return ops.softmax(log_gamma_draw(key, shape, alpha), axis=-1)

    def mean(self, alpha):
        return alpha / ops.sum(alpha, axis=-1, keepdims=True)

    def variance(self, alpha):
        total = ops.sum(alpha, axis=-1, keepdims=True)
        share = alpha / total
        return share * (1 - share) / (total + 1)


class MultivariateNormal(Distribution):
    """exp(-|z|^2 / 2) / ((2 pi)^(K / 2) prod diag(L)), where L z = x - mu and L = scale_tril is the
    lower Cholesky factor of the covariance."""

    name = "multivariate_normal"
    location_scale = ("mu", "scale_tril")
    parameters = {"mu": REAL_VECTOR, "scale_tril": SCALE_FACTOR}
    over = REAL_VECTOR

    def logpdf(self, x, mu, scale_tril):
        offset = x - mu
        size = as_float(offset.shape[-1], offset)
        heights = ops.log(ops.diagonal(scale_tril, axis1=-2, axis2=-1))
        scale = ops.sum(heights, axis=-1) + size * (0.5 * math.log(2 * math.pi))
        return -0.5 * ops.sum(ops.square(whitened(scale_tril, offset)), axis=-1) - scale

    def sample(self, key, shape, mu, scale_tril):
        z = ops.draw_normal(key, element_indices(shape))
        return mu + ops.sum(ops.tril(scale_tril) * z[..., None, :], axis=-1)

    def mean(self, mu, scale_tril):
        return mu

    def variance(self, mu, scale_tril):
        return ops.sum(ops.square(ops.tril(scale_tril)), axis=-1)


def whitened(scale_tril, offset):
    """z with scale_tril @ z = offset. All points under one factor are columns of one system."""
    if scale_tril.ndim > 2:
        return ops.solve_triangular(scale_tril, offset[..., None], lower=True)[..., 0]
    rows = ops.reshape(offset, (size_product(offset.shape[:-1]), offset.shape[-1]))
    solved = ops.solve_triangular(scale_tril, ops.matrix_transpose(rows), lower=True)
    return ops.reshape(ops.matrix_transpose(solved), offset.shape)


def as_float(size, like):
    """A size, known or not, as a number of the dtype of a tensor."""
    return float(size) if isinstance(size, int) else as_tensor(size).astype(like.dtype)
