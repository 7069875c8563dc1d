"""The distribution of an observation given the ones before it, which may be missing."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Node
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import HALF_LOG_2PI
from probtensor.prob.distributions.multivariate.factors import whitened
from probtensor.prob.distributions.support import (
    POSITIVE,
    REAL,
    REAL_VECTOR,
    Interval,
    Support,
    Vector,
)


@dataclass(frozen=True)
class RealOrMissing(Interval):
    """Real numbers, and nan for what is missing."""

    def contains(self, x):
        return None if isinstance(x, Node) else np.ones(np.shape(x), dtype=bool)


@dataclass(frozen=True)
class VectorOrMissing(Vector):
    """Vectors of real numbers, any of which may be missing."""

    entries: Support = RealOrMissing()

    def contains(self, x):
        return None if isinstance(x, Node) else np.ones(np.shape(x)[:-1], dtype=bool)


@dataclass(frozen=True)
class SquareMatrix(Support):
    """Positive definite matrices, of which the diagonal alone is checked: the filter factorises
    them."""

    event_ndim = 2

    def contains(self, x):
        reduce_all, diagonal = (
            (ops.all, ops.diagonal) if isinstance(x, Node) else (np.all, np.diagonal)
        )
        return reduce_all(diagonal(x, axis1=-2, axis2=-1) > 0, axis=-1)

    def __str__(self) -> str:
        return "a positive definite matrix"


class Observation(Distribution):
    """A normal variable, the density of whose missing value is 1."""

    name = "observation"
    parameters = {"mu": REAL, "variance": POSITIVE}
    over = RealOrMissing()
    smooth_draws = True
    takes_missing = True

    def logpdf(self, x, mu, variance):
        seen = ops.logical_not(ops.isnan(x))
        offset = ops.where(seen, x, mu) - mu
        density = -0.5 * (ops.square(offset) / variance + ops.log(variance)) - HALF_LOG_2PI
        return ops.where(seen, density, 0.0)

    def sample(self, key, shape, mu, variance):
        return mu + ops.sqrt(variance) * ops.draw_normal(key, element_indices(shape))

    def mean(self, mu, variance):
        return mu

    def variance(self, mu, variance):
        return variance


class ObservationVector(Distribution):
    """A normal vector with the covariance `cov`; the density is that of the entries that are not
    missing."""

    name = "observation"
    parameters = {"mu": REAL_VECTOR, "cov": SquareMatrix()}
    over = VectorOrMissing()
    smooth_draws = True
    takes_missing = True

    def logpdf(self, x, mu, cov):
        seen = ops.logical_not(ops.isnan(x))
        offset = ops.where(seen, x, mu) - mu
        factor = ops.cholesky(masked(cov, seen))
        heights = ops.sum(ops.log(ops.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)
        count = ops.sum(seen.astype(offset.dtype), axis=-1)
        square = ops.sum(ops.square(whitened(factor, offset)), axis=-1)
        return -0.5 * square - heights - HALF_LOG_2PI * count

    def sample(self, key, shape, mu, cov):
        z = ops.draw_normal(key, element_indices(shape))
        return mu + ops.sum(ops.cholesky(cov) * z[..., None, :], axis=-1)

    def mean(self, mu, cov):
        return mu

    def variance(self, mu, cov):
        return ops.diagonal(cov, axis1=-2, axis2=-1)


def masked(cov: Node, seen: Node) -> Node:
    """The covariance of independent standard variables in place of those that are missing."""
    both = ops.logical_and(seen[..., :, None], seen[..., None, :])
    eye = ops.eye(cov.shape[-1], dtype=cov.dtype)
    return ops.where(both, cov, eye)
