"""LKJ distributions of correlation matrices and of their Cholesky factors (Lewandowski, Kurowicka
and Joe 2009, "Generating random correlation matrices based on vines and extended onion method").

The partial correlations of a matrix (see bijectors/matrices.py) are independent: those of column j
are 2 b - 1 with b ~ beta(a, a), a = eta + (n - 2 - j) / 2. So their densities give the normaliser,
the draws and the entropy. The integral of (1 - t^2)^(a - 1) is B(1/2, a).
"""

from __future__ import annotations

import math

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.prob.bijectors.matrices import correlation_factor, gram
from probtensor.prob.distributions.continuous.positive import log_gamma_draw
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.multivariate.factors import factor_of, log_heights
from probtensor.prob.distributions.structured import CHOLESKY_CORR, CORR
from probtensor.prob.distributions.support import POSITIVE


@dataclass(frozen=True)
class Correlations(Distribution):
    """What both have in common, for matrices of `size` rows."""

    size: int = 2
    parameters = {"eta": POSITIVE}
    smooth_draws = True

    def event_shape(self, *types):
        return (self.size, self.size)

    def columns(self, eta):
        """The shapes a of the partial correlations of columns 0, ..., n - 2, and how many they
        are, n - 1 - j."""
        rest = np.arange(self.size - 2, -1.0, -1.0)
        return eta[..., None] + (0.5 * rest).astype(eta.dtype), (rest + 1).astype(eta.dtype)

    def log_normaliser(self, eta):
        a, counts = self.columns(eta)
        return ops.sum(counts * ops.lbeta(0.5, a), axis=-1)

    def factor(self, key, shape, eta):
        """A draw of the Cholesky factor."""
        # Column j of the strictly lower triangle, and 0 elsewhere.
        a = ops.concatenate([self.columns(eta)[0], ops.ones_like(eta[..., None])], axis=-1)
        first, second = (
            log_gamma_draw(ops.key_fold(key, stream), shape, a[..., None, :]) for stream in (0, 1)
        )
        below = np.tri(self.size, k=-1, dtype=bool)
        u = ops.where(below, 0.5 * (first - second), 0.0)
        logs = -ops.log_cosh(u)
        return correlation_factor(ops.tanh(u), ops.exp(logs), ops.sum(logs, axis=-1))

    def mean_log_determinant(self, eta):
        """The expectation of the logarithm of the determinant."""
        a, counts = self.columns(eta)
        return ops.sum(counts * (2 * math.log(2) + 2 * (ops.digamma(a) - ops.digamma(2 * a))), -1)


class LKJCorr(Correlations):
    """det(R)^(eta - 1), divided by its integral over the entries below the diagonal."""

    name = "lkj_corr"
    over = CORR

    def logpdf(self, x, eta):
        logs = ops.sum(log_heights(factor_of(x)), axis=-1)
        return 2 * (eta - 1) * logs - self.log_normaliser(eta)

    def sample(self, key, shape, eta):
        return gram(self.factor(key, shape, eta))

    def mean(self, eta):
        unit = ops.eye(self.size).astype(eta.dtype)
        return ops.broadcast_to(unit, (*eta.shape, self.size, self.size))

    def variance(self, eta):
        spread = 1 / (2 * eta[..., None, None] + (self.size - 1))
        return ops.where(ops.eye(self.size, dtype="bool"), 0.0, spread)

    def mode(self, eta):
        # Any matrix for eta = 1, one of determinant 0 below it.
        return ops.where(eta[..., None, None] >= 1, self.mean(eta), math.nan)

    def entropy(self, eta):
        return self.log_normaliser(eta) - (eta - 1) * self.mean_log_determinant(eta)


class LKJCholesky(Correlations):
    """prod_k L[k, k]^(n - 1 - k + 2 (eta - 1)), k = 1, ..., n - 1, divided by its integral over the
    entries below the diagonal: the density of the factor of a matrix with the distribution
    `lkj_corr`."""

    name = "lkj_cholesky"
    over = CHOLESKY_CORR

    def logpdf(self, x, eta):
        counts = np.arange(self.size - 1.0, -1.0, -1.0).astype(x.dtype)
        powers = counts + 2 * (eta[..., None] - 1)
        logs = log_heights(x)
        # The first entry is 1.
        total = ops.sum(powers[..., 1:] * logs[..., 1:], axis=-1)
        return total - self.log_normaliser(eta)

    def sample(self, key, shape, eta):
        return self.factor(key, shape, eta)
