"""Counts (last axis) of K kinds that sum to a given number.

Both are what is left of independent counts when their sum is known: of Poisson counts and of
negative binomial ones. The densities are made of theirs, which are deviances, so that they lose no
digits for large counts.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node
from probtensor.graph.node import TensorLike
from probtensor.prob.distributions.continuous.positive import log_gamma_draw
from probtensor.prob.distributions.discrete import NegativeBinomial, Poisson
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.support import (
    COUNT,
    POSITIVE_VECTOR,
    SIMPLEX,
    Support,
    bound_text,
)


@dataclass(frozen=True)
class Tallies(Support):
    """Vectors (last axis) of counts with the sum `total`."""

    total: TensorLike = np.inf
    event_ndim: ClassVar[int] = 1
    discrete: ClassVar[bool] = True

    def contains(self, x: TensorLike) -> TensorLike:
        if isinstance(x, Node):
            inside = ops.all(COUNT.contains(x), axis=-1)
            return inside & ops.eq(ops.sum(x, axis=-1), self.total)
        return np.all(COUNT.contains(x), axis=-1) & (np.sum(x, axis=-1) == self.total)

    def __str__(self) -> str:
        return f"a vector of whole numbers >= 0 with sum {bound_text(self.total)}"


class Multinomial(Distribution):
    """n! / prod x_k! prod p_k^x_k."""

    name = "multinomial"
    parameters = {"n": COUNT, "p": SIMPLEX}
    axes = {"n": "", "p": "n"}
    over = Tallies()

    def support(self, n, p):
        return Tallies(n)

    def logpdf(self, x, n, p):
        expected = n[..., None] * p
        own = ops.sum(Poisson().logpdf(x, expected), axis=-1)
        # The entries of p sum to 1; slopes are those of x log p.
        rest = n * (ops.sum(p, axis=-1) - 1)
        return own + rest - Poisson().logpdf(n, ops.stop_gradient(n))

    def sample(self, key, shape, n, p):
        return shared_out(key, shape, n, p)

    def mean(self, n, p):
        return n[..., None] * p

    def variance(self, n, p):
        return n[..., None] * (p * (1 - p))


class DirichletMultinomial(Distribution):
    """Multinomial counts whose probabilities have the distribution dirichlet(alpha)."""

    name = "dirichlet_multinomial"
    parameters = {"n": COUNT, "alpha": POSITIVE_VECTOR}
    axes = {"n": "", "alpha": "n"}
    over = Tallies()

    def support(self, n, alpha):
        return Tallies(n)

    def logpdf(self, x, n, alpha):
        total = ops.sum(alpha, axis=-1)
        # Any means in proportion to alpha will do; these make the counts likely.
        least = ops.maximum(n, 1.0)
        means = alpha * (least / total)[..., None]
        own = ops.sum(NegativeBinomial().logpdf(x, means, alpha), axis=-1)
        return own - NegativeBinomial().logpdf(n, least, total)

    def sample(self, key, shape, n, alpha):
        p = ops.softmax(log_gamma_draw(ops.key_fold(key, 1), shape, alpha), axis=-1)
        return shared_out(ops.key_fold(key, 0), shape, n, p)

    def mean(self, n, alpha):
        return n[..., None] * (alpha / ops.sum(alpha, axis=-1, keepdims=True))

    def variance(self, n, alpha):
        total, n = ops.sum(alpha, axis=-1, keepdims=True), n[..., None]
        share = alpha / total
        return n * share * (1 - share) * ((n + total) / (1 + total))


def shared_out(key, shape, n, p):
    """n things shared out by the probabilities p, as floats: halves of the kinds share by binomial
    draws, then halves of these, and so on."""
    size = shape[-1]
    if not isinstance(size, int):
        raise GraphError("a draw of counts needs to know how many kinds there are; give shape=")
    levels = max(0, math.ceil(math.log2(max(size, 1))))
    padding = [(0, 0)] * (p.ndim - 1) + [(0, 2**levels - size)]
    sums = [ops.pad(p, padding)]
    for _ in range(levels):
        pairs = ops.reshape(sums[0], (*sums[0].shape[:-1], sums[0].shape[-1] // 2, 2))
        sums.insert(0, ops.sum(pairs, axis=-1))
    counts = ops.broadcast_to(n[..., None], (*shape[:-1], 1))
    for level in range(levels):
        parts = ops.reshape(sums[level + 1], (*p.shape[:-1], 2**level, 2))
        # The share of the first half, in a way that is never above 1.
        first = ops.where(parts[..., 0] > 0, 1 / (1 + parts[..., 1] / parts[..., 0]), 0.0)
        index = element_indices(counts.shape)
        drawn = ops.draw_binomial(ops.key_fold(key, level), index, counts, first)
        both = ops.stack([drawn, counts - drawn], axis=-1)
        counts = ops.reshape(both, (*shape[:-1], 2 ** (level + 1)))
    return counts[..., :size]
