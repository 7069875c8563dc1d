"""Unit vectors."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.multivariate.factors import as_float
from probtensor.prob.distributions.structured import UNIT_VECTOR


class UniformDirection(Distribution):
    """Gamma(n / 2) / (2 pi^(n / 2)), one over the area of the sphere."""

    name = "uniform_direction"
    over = UNIT_VECTOR

    def logpdf(self, x):
        half = 0.5 * as_float(x.shape[-1], x)
        area = math.log(2) + half * math.log(math.pi) - ops.lgamma(ops.full((), half, x.dtype))
        return ops.zeros_like(x[..., 0]) - area

    def sample(self, key, shape):
        z = ops.draw_normal(key, element_indices(shape))
        return z / ops.sqrt(ops.sum(ops.square(z), axis=-1, keepdims=True))
