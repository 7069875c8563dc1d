"""Unit vectors."""

from __future__ import annotations

import math

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import HALF_LOG_2PI
from probtensor.prob.distributions.multivariate.factors import (
    squared_length,
)
from probtensor.prob.distributions.structured import UNIT_VECTOR
from probtensor.prob.distributions.support import REAL_VECTOR


@dataclass(frozen=True)
class UniformDirection(Distribution):
    """Gamma(n / 2) / (2 pi^(n / 2)), one over the area of the sphere, for vectors of n = `size`
    entries."""

    size: int = 2
    name = "uniform_direction"
    over = UNIT_VECTOR
    smooth_draws = True

    def event_shape(self, *types):
        return (self.size,)

    def logpdf(self, x):
        half = 0.5 * self.size
        area = math.log(2) + half * math.log(math.pi) - ops.lgamma(ops.full((), half, x.dtype))
        return ops.zeros_like(x[..., 0]) - area

    def sample(self, key, shape):
        return normalised(ops.draw_normal(key, element_indices(shape)))

    def mean(self):
        return ops.zeros((self.size,))

    def variance(self):
        return ops.full((self.size,), 1 / self.size)


class ProjectedNormal(Distribution):
    """(2 pi)^(-n / 2) exp(-|c|^2 / 2) times the integral of r^(n - 1) exp(-r^2 / 2 + r t) over
    r > 0, for t = c . x and c = concentration."""

    name = "projected_normal"
    parameters = {"concentration": REAL_VECTOR}
    over = UNIT_VECTOR
    smooth_draws = True

    def logpdf(self, x, concentration):
        t = ops.sum(x * concentration, axis=-1)
        size = int(x.shape[-1])
        ahead = t > 0
        # exp(t^2 / 2) of the integral is set against |c|^2, without a difference of squares.
        near = ops.where(ahead, t, 1.0)
        beside = squared_length(concentration - near[..., None] * x)
        front = log_positive_integral(near, size) - 0.5 * beside
        back = log_negative_integral(ops.where(ahead, -1.0, t), size)
        back = back - 0.5 * squared_length(concentration)
        return ops.where(ahead, front, back) - size * HALF_LOG_2PI

    def sample(self, key, shape, concentration):
        return normalised(concentration + ops.draw_normal(key, element_indices(shape)))


def normalised(z):
    """Vectors divided by their lengths."""
    return z / ops.sqrt(ops.sum(ops.square(z), axis=-1, keepdims=True))


def log_positive_integral(t, size):
    """log of exp(-t^2 / 2) times the integral, for t > 0: by the recurrence J[k + 1] = t J[k] +
    k J[k - 1] of integrals with the powers r^k, all of whose terms are positive."""
    before = math.sqrt(2 * math.pi) * ops.ndtr(t)
    found = ops.exp(-0.5 * ops.square(t)) + t * before
    for k in range(1, size - 1):
        before, found = found, t * found + k * before
    return ops.log(found if size > 1 else before)


def log_negative_integral(t, size):
    """log of the integral for t <= 0, by the trapezoidal rule in s with r = exp(s) / (1 - t). The
    error of steps h is about exp(-pi^2 / (2 h)), as Gamma(s) falls along the imaginary axis."""
    step = 0.125
    s = np.arange(-40.0 / size, math.log(size + 12 * math.sqrt(size) + 40), step)
    scale = (1 - t)[..., None]
    r = np.exp(s) / scale
    logs = size * s + r * t[..., None] - 0.5 * ops.square(r)
    return ops.logsumexp(logs, axis=-1) + math.log(step) - size * ops.log(scale[..., 0])
