"""Distributions of vectors. The last axis of a value is one point.

The Dirichlet's formula: Kotz, Balakrishnan and Johnson, "Continuous Multivariate Distributions"
(2000), chapter 49.
"""

from __future__ import annotations

from probtensor import ops
from probtensor.prob.continuous import log_gamma_draw
from probtensor.prob.distribution import Distribution, times_log
from probtensor.prob.support import POSITIVE_VECTOR, SIMPLEX


class Dirichlet(Distribution):
    """prod_k x_k^(alpha_k - 1) Gamma(sum alpha) / prod Gamma(alpha_k), a density of the first K - 1
    entries."""

    name = "dirichlet"
    parameters = {"alpha": POSITIVE_VECTOR}
    unchecked = ("alpha",)
    over = SIMPLEX

    def logpdf(self, x, alpha):
        scale = ops.lgamma(ops.sum(alpha, axis=-1)) - ops.sum(ops.lgamma(alpha), axis=-1)
        return ops.sum(times_log(alpha - 1, x), axis=-1) + scale

    def sample(self, key, shape, alpha):
        return ops.softmax(log_gamma_draw(key, shape, alpha), axis=-1)

    def mean(self, alpha):
        return alpha / ops.sum(alpha, axis=-1, keepdims=True)

    def variance(self, alpha):
        total = ops.sum(alpha, axis=-1, keepdims=True)
        share = alpha / total
        return share * (1 - share) / (total + 1)
