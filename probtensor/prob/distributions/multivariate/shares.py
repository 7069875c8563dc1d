"""Distributions on the simplex: vectors (last axis) of non-negative entries with sum 1. Densities
are those of the first K - 1 entries."""

from __future__ import annotations

import math

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.prob.distributions.continuous.positive import log_gamma_draw
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import (
    has_log,
    is_moderate,
    log_of,
    log_power,
    times_log,
)
from probtensor.prob.distributions.multivariate.factors import as_float
from probtensor.prob.distributions.support import (
    POSITIVE,
    POSITIVE_VECTOR,
    REAL_VECTOR,
    SIMPLEX,
)


class Dirichlet(Distribution):
    """prod_k x_k^(alpha_k - 1) Gamma(sum alpha) / prod Gamma(alpha_k), a density of the first K - 1
    entries."""

    name = "dirichlet"
    parameters = {"alpha": POSITIVE_VECTOR}
    over = SIMPLEX
    smooth_draws = True

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

    def mode(self, alpha):
        rest = alpha - 1
        inside = ops.all(rest > 0, axis=-1, keepdims=True)
        return ops.where(inside, rest / ops.sum(rest, axis=-1, keepdims=True), math.nan)

    def entropy(self, alpha):
        total = ops.sum(alpha, axis=-1)
        size = as_float(alpha.shape[-1], alpha)
        scale = ops.sum(ops.lgamma(alpha), axis=-1) - ops.lgamma(total)
        slopes = ops.sum((alpha - 1) * ops.digamma(alpha), axis=-1)
        return scale + (total - size) * ops.digamma(total) - slopes


@dataclass(frozen=True)
class StickBreakingWeights(Distribution):
    """Weights x[k] = b[k] (1 - b[0]) ... (1 - b[k - 1]) with b[k] ~ beta(1, alpha) for k < `count`,
    and what is left as the last one: a truncated Dirichlet process (Sethuraman 1994).

    With r[k] = x[k] + ... + x[count], the density is alpha^count r[count]^(alpha - 1) / prod r[k]
    over 0 < k < count."""

    count: int = 1
    name = "stick_breaking_weights"
    parameters = {"alpha": POSITIVE}
    over = SIMPLEX
    smooth_draws = True

    def event_shape(self, *types):
        return (self.count + 1,)

    def logpdf(self, x, alpha):
        left = ops.flip(ops.cumsum(ops.flip(x, -1), axis=-1), -1)
        last = times_log(alpha - 1, x[..., -1])
        return self.count * log_of(alpha) + last - ops.sum(ops.log(left[..., 1:-1]), axis=-1)

    def sample(self, key, shape, alpha):
        u = ops.draw_exponential(key, element_indices((*shape[:-1], self.count)))
        logs = -u / alpha[..., None]  # log(1 - b)
        zero = ops.zeros((*shape[:-1], 1))
        before = ops.concatenate([zero, ops.cumsum(logs, axis=-1)], axis=-1)
        taken = ops.concatenate([ops.log1mexp(logs), zero], axis=-1)
        return ops.exp(before + taken)

    def mean(self, alpha):
        k = np.arange(self.count + 1.0)
        ratio = (alpha / (1 + alpha))[..., None] ** k
        return ops.where(k < self.count, ratio / (1 + alpha[..., None]), ratio)

    def variance(self, alpha):
        k, a = np.arange(self.count + 1.0), alpha[..., None]
        # E b^2 = 2 / ((1 + alpha) (2 + alpha)) and E (1 - b)^2 = alpha / (2 + alpha).
        second = (a / (2 + a)) ** k
        second = ops.where(k < self.count, second * (2 / ((1 + a) * (2 + a))), second)
        return second - ops.square(self.mean(alpha))


class RelaxedOneHot(Distribution):
    """softmax((logit_p + g) / temperature) for g of independent standard Gumbel variables: vectors
    near those of one 1 and zeros else (Maddison, Mnih and Teh 2017)."""

    name = "relaxed_one_hot_categorical"
    parameters = {"temperature": POSITIVE, "logit_p": REAL_VECTOR}
    over = SIMPLEX
    smooth_draws = True

    def logpdf(self, x, temperature, logit_p):
        size, logs = as_float(logit_p.shape[-1], x), log_of(x)
        scores = logit_p - temperature[..., None] * logs
        scale = ops.lgamma(ops.full((), size, x.dtype)) + (size - 1) * log_of(temperature)
        total = ops.sum(scores - logs, axis=-1)
        return scale + total - size * ops.logsumexp(scores, axis=-1)

    def sample(self, key, shape, temperature, logit_p):
        gumbel = -ops.log(ops.draw_exponential(key, element_indices(shape)))
        return ops.softmax((logit_p + gumbel) / temperature[..., None], axis=-1)
