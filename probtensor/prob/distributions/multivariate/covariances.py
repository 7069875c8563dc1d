"""Wishart and inverse Wishart distributions of covariance matrices and of their Cholesky factors
(Muirhead 1982, "Aspects of Multivariate Statistical Theory", ch. 3).

If S has the factor L and A = L^-1 chol(X), then X ~ wishart(nu, S) exactly if the entries of A are
independent: normal below the diagonal, and A[j, j]^2 ~ chi squared with nu - j degrees of freedom
(Bartlett 1933). For the inverse B = chol(X)^-1 L, and B[j, j]^2 ~ chi squared with nu - p + 1 + j.
All densities here are those of these entries, and the derivatives of triangular matrices. The
entries of a symmetric matrix move by 2 prod_j chol[j, j]^(p - j) with those of its factor.
"""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.prob.distributions.continuous.positive import Gamma, gamma_draw
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import HALF_LOG_2PI
from probtensor.prob.distributions.multivariate.factors import (
    diagonal_of,
    factor_of,
    gram,
    known,
    log_heights,
    positions,
)
from probtensor.prob.distributions.structured import CHOLESKY_COV, COVARIANCE_VALUE
from probtensor.prob.distributions.support import POSITIVE, SCALE_FACTOR


def weighted_logs(factor, weights):
    """The sum over the diagonal of its logarithms times numbers."""
    return ops.sum(log_heights(factor) * weights, axis=-1)


def log_of_symmetric(factor):
    """log |d(L L^T) / dL|, of the entries up to the diagonal."""
    size = factor.shape[-1]
    return size * math.log(2) + weighted_logs(factor, size - positions(size, factor))


def triangle_density(a, nu):
    """The log density of a triangular matrix of independent entries: normal below the diagonal,
    and the roots of chi squared variables with degrees of freedom `nu` on it."""
    size = a.shape[-1]
    diagonal = diagonal_of(a)
    chi = Gamma().logpdf(ops.square(diagonal), 0.5 * nu, ops.full((), 0.5, a.dtype))
    chi = ops.sum(chi + ops.log(diagonal), axis=-1) + size * math.log(2)
    below = ops.sum(ops.square(ops.tril(a, -1)), axis=(-2, -1))
    return chi - 0.5 * below - (0.5 * size * (size - 1)) * HALF_LOG_2PI


def draw_triangle(key, shape, nu):
    """A draw of such a matrix."""
    normal = ops.draw_normal(ops.key_fold(key, 0), element_indices(shape))
    chi = ops.sqrt(2 * gamma_draw(ops.key_fold(key, 1), shape[:-1], 0.5 * nu))
    unit = ops.eye(shape[-1], dtype="bool")
    return ops.where(unit, chi[..., :, None], ops.tril(normal, -1))


class WishartFactor(Distribution):
    """The factor of a matrix with the distribution wishart(nu, scale_tril @ scale_tril.mT)."""

    name = "wishart_cholesky"
    parameters = {"nu": POSITIVE, "scale_tril": SCALE_FACTOR}
    over = CHOLESKY_COV
    smooth_draws = True

    def degrees(self, nu, scale_tril):
        return nu[..., None] - positions(scale_tril.shape[-1], nu)

    def logpdf(self, x, nu, scale_tril):
        scale = known(scale_tril)
        a = ops.solve_triangular(scale, x, lower=True)
        rows = positions(x.shape[-1], x) + 1
        own = triangle_density(a, self.degrees(nu, scale_tril))
        return own - weighted_logs(scale, rows)

    def sample(self, key, shape, nu, scale_tril):
        a = draw_triangle(key, shape, self.degrees(nu, scale_tril))
        return ops.tril(scale_tril) @ a


class Wishart(WishartFactor):
    """|X|^((nu - p - 1) / 2) exp(-tr(S^-1 X) / 2) / (2^(nu p / 2) |S|^(nu / 2) Gamma_p(nu / 2))."""

    name = "wishart"
    over = COVARIANCE_VALUE

    def logpdf(self, x, nu, scale_tril):
        factor = factor_of(x)
        return super().logpdf(factor, nu, scale_tril) - log_of_symmetric(factor)

    def sample(self, key, shape, nu, scale_tril):
        return gram(super().sample(key, shape, nu, scale_tril))

    def mean(self, nu, scale_tril):
        return nu[..., None, None] * gram(ops.tril(scale_tril))

    def variance(self, nu, scale_tril):
        scale = gram(ops.tril(scale_tril))
        return nu[..., None, None] * (ops.square(scale) + products_of_diagonal(scale))

    def mode(self, nu, scale_tril):
        size = scale_tril.shape[-1]
        rest = nu[..., None, None] - (size + 1)
        return ops.where(rest >= 0, rest * gram(ops.tril(scale_tril)), math.nan)

    def entropy(self, nu, scale_tril):
        size = scale_tril.shape[-1]
        halves = 0.5 * self.degrees(nu, scale_tril)
        logs = ops.sum(ops.lgamma(halves), axis=-1) + 0.25 * size * (size - 1) * math.log(math.pi)
        slopes = ops.sum(ops.digamma(halves), axis=-1)
        scale = (size + 1) * ops.sum(log_heights(scale_tril), axis=-1)
        rest = 0.5 * size * (size + 1) * math.log(2) + 0.5 * nu * size
        return scale + rest + logs - 0.5 * (nu - size - 1) * slopes


class InverseWishartFactor(Distribution):
    """The factor of a matrix with the distribution inverse_wishart(nu, S), S = scale_tril @
    scale_tril.mT."""

    name = "inverse_wishart_cholesky"
    parameters = {"nu": POSITIVE, "scale_tril": SCALE_FACTOR}
    over = CHOLESKY_COV
    smooth_draws = True

    def degrees(self, nu, scale_tril):
        size = scale_tril.shape[-1]
        return nu[..., None] - (size - 1) + positions(size, nu)

    def logpdf(self, x, nu, scale_tril):
        scale, size = known(scale_tril), x.shape[-1]
        b = ops.solve_triangular(x, ops.tril(scale), lower=True)
        # B = X^-1 L moves by prod X[i, i]^-(i + 1) and prod B[j, j]^(p - j).
        rows = positions(size, x) + 1
        moved = weighted_logs(b, size + 1 - rows) - weighted_logs(x, rows)
        return triangle_density(b, self.degrees(nu, scale_tril)) + moved

    def sample(self, key, shape, nu, scale_tril):
        b = draw_triangle(key, shape, self.degrees(nu, scale_tril))
        turned = ops.broadcast_to(ops.matrix_transpose(ops.tril(scale_tril)), shape)
        return ops.matrix_transpose(ops.solve_triangular(b, turned, trans="T", lower=True))


class InverseWishart(InverseWishartFactor):
    """|S|^(nu / 2) |X|^(-(nu + p + 1) / 2) exp(-tr(S X^-1) / 2), divided by 2^(nu p / 2)
    Gamma_p(nu / 2)."""

    name = "inverse_wishart"
    over = COVARIANCE_VALUE

    def logpdf(self, x, nu, scale_tril):
        factor = factor_of(x)
        return super().logpdf(factor, nu, scale_tril) - log_of_symmetric(factor)

    def sample(self, key, shape, nu, scale_tril):
        return gram(super().sample(key, shape, nu, scale_tril))

    def mean(self, nu, scale_tril):
        rest = nu[..., None, None] - (scale_tril.shape[-1] + 1)
        return ops.where(rest > 0, gram(ops.tril(scale_tril)) / rest, math.nan)

    def variance(self, nu, scale_tril):
        scale = gram(ops.tril(scale_tril))
        rest = nu[..., None, None] - (scale_tril.shape[-1] + 1)  # nu - p - 1
        spread = (rest + 2) * ops.square(scale) + rest * products_of_diagonal(scale)
        spread = spread / ((rest + 1) * ops.square(rest) * (rest - 2))
        return ops.where(rest > 2, spread, ops.where(rest > 0, math.inf, math.nan))

    def mode(self, nu, scale_tril):
        return gram(ops.tril(scale_tril)) / (nu[..., None, None] + (scale_tril.shape[-1] + 1))


def products_of_diagonal(a):
    """The products of all pairs of entries of the diagonal."""
    diagonal = ops.diagonal(a, axis1=-2, axis2=-1)
    return diagonal[..., :, None] * diagonal[..., None, :]
