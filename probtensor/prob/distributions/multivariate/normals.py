"""Normal and Student's t vectors, by the ways in which a covariance is given; normal arrays of sum
0, and normal vectors around a circle."""

from __future__ import annotations

import math

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass, replace
from probtensor.ops.fourier.functions import irfft, rfft
from probtensor.prob.distributions.continuous.positive import gamma_draw
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import HALF_LOG_2PI, log_of
from probtensor.prob.distributions.multivariate.factors import (
    as_float,
    known,
    log_determinant,
    squared_length,
    times_rows,
    whitened,
)
from probtensor.prob.distributions.structured import RealArray, ZeroSum
from probtensor.prob.distributions.support import (
    POSITIVE,
    POSITIVE_VECTOR,
    REAL_VECTOR,
    SCALE_FACTOR,
)
from probtensor.types import Size

# Lengths above which squares are not computed.
LARGE = {"float64": 1e100, "float32": 1e15}


class MultivariateNormal(Distribution):
    """exp(-|z|^2 / 2) / ((2 pi)^(K / 2) prod diag(L)), where L z = x - mu and L = scale_tril is the
    lower Cholesky factor of the covariance."""

    name = "multivariate_normal"
    location_scale = ("mu", "scale_tril")
    parameters = {"mu": REAL_VECTOR, "scale_tril": SCALE_FACTOR}
    over = REAL_VECTOR
    smooth_draws = True

    def logpdf(self, x, mu, scale_tril):
        offset, factor = x - mu, known(scale_tril)
        scale = log_determinant(factor) + as_float(offset.shape[-1], offset) * HALF_LOG_2PI
        return -0.5 * squared_length(whitened(factor, offset)) - scale

    def sample(self, key, shape, mu, scale_tril):
        z = ops.draw_normal(key, element_indices(shape))
        return mu + ops.sum(ops.tril(scale_tril) * z[..., None, :], axis=-1)

    def mean(self, mu, scale_tril):
        return mu

    def variance(self, mu, scale_tril):
        return squared_length(ops.tril(scale_tril))

    def mode(self, mu, scale_tril):
        return mu

    def entropy(self, mu, scale_tril):
        size = as_float(mu.shape[-1], mu)
        return log_determinant(scale_tril) + size * (0.5 + HALF_LOG_2PI)


class MultivariateNormalPrecision(Distribution):
    """The same by the lower Cholesky factor P of the precision, the inverse of the covariance:
    prod diag(P) exp(-|z|^2 / 2) / (2 pi)^(K / 2) with z = P^T (x - mu)."""

    name = "multivariate_normal"
    parameters = {"mu": REAL_VECTOR, "precision_tril": SCALE_FACTOR}
    over = REAL_VECTOR
    smooth_draws = True

    def logpdf(self, x, mu, precision_tril):
        offset, factor = x - mu, known(precision_tril)
        z = times_rows(offset, ops.tril(factor))
        scale = log_determinant(factor) - as_float(offset.shape[-1], offset) * HALF_LOG_2PI
        return scale - 0.5 * squared_length(z)

    def sample(self, key, shape, mu, precision_tril):
        z = ops.draw_normal(key, element_indices(shape))
        return mu + whitened(precision_tril, z, transposed=True)

    def mean(self, mu, precision_tril):
        return mu

    def variance(self, mu, precision_tril):
        unit = ops.eye(precision_tril.shape[-1])
        unit = ops.broadcast_to(unit, precision_tril.shape).astype(mu.dtype)
        inverse = ops.solve_triangular(precision_tril, unit, lower=True)
        return ops.sum(ops.square(inverse), axis=-2)

    def mode(self, mu, precision_tril):
        return mu

    def entropy(self, mu, precision_tril):
        size = as_float(mu.shape[-1], mu)
        return size * (0.5 + HALF_LOG_2PI) - log_determinant(precision_tril)


class MultivariateStudentT(Distribution):
    """Gamma((nu + K) / 2) / (Gamma(nu / 2) (nu pi)^(K / 2) prod diag(L)) (1 + |z|^2 / nu)^(-(nu +
    K) / 2), where L z = x - mu and L = scale_tril is the lower Cholesky factor of the scale."""

    name = "multivariate_student_t"
    location_scale = ("mu", "scale_tril")
    parameters = {"nu": POSITIVE, "mu": REAL_VECTOR, "scale_tril": SCALE_FACTOR}
    over = REAL_VECTOR
    smooth_draws = True

    def logpdf(self, x, nu, mu, scale_tril):
        offset, factor = x - mu, known(scale_tril)
        half = 0.5 * as_float(offset.shape[-1], offset)
        far = log1p_ratio(whitened(factor, offset), nu)
        scale = log_determinant(factor) + half * (math.log(math.pi) + ops.log(nu))
        return ops.log_rising_factorial(0.5 * nu, half) - scale - (0.5 * nu + half) * far

    def sample(self, key, shape, nu, mu, scale_tril):
        normal = MultivariateNormal().sample(ops.key_fold(key, 0), shape, 0.0 * mu, scale_tril)
        w = gamma_draw(ops.key_fold(key, 1), shape[:-1], 0.5 * nu)
        return mu + normal * ops.sqrt(0.5 * nu / w)[..., None]

    def mean(self, nu, mu, scale_tril):
        return ops.where(nu[..., None] > 1, mu, math.nan)

    def variance(self, nu, mu, scale_tril):
        nu = nu[..., None]
        spread = squared_length(ops.tril(scale_tril)) * (nu / (nu - 2))
        return ops.where(nu > 2, spread, ops.where(nu > 1, math.inf, math.nan))

    def mode(self, nu, mu, scale_tril):
        return mu


def log1p_ratio(z, nu):
    """log(1 + |z|^2 / nu), also where the square overflows."""
    size = ops.stop_gradient(ops.max(ops.abs(z), axis=-1))
    far = size > LARGE[str(z.dtype)]
    size = ops.where(far, size, 1.0)
    square = squared_length(z / size[..., None])
    near = ops.log1p(ops.where(far, 1.0, square) / nu)
    return ops.where(far, ops.log(square) + 2 * ops.log(size) - ops.log(nu), near)


class LowRankMultivariateNormal(Distribution):
    """Normal with the covariance D + W W^T, for W = cov_factor (n, k) and D = diag(cov_diag).

    With A = D^(-1/2) W and the factor C of I + A^T A, the determinant is prod D prod diag(C)^2, and
    the quadratic form the least value of |v - A w|^2 + |w|^2 over w, for v = D^(-1/2) (x - loc):
    a sum of squares, in which nothing cancels where W is large, and which errors of w change in
    second order alone (Woodbury 1950).
    """

    name = "low_rank_multivariate_normal"
    parameters = {"loc": REAL_VECTOR, "cov_factor": RealArray(2), "cov_diag": POSITIVE_VECTOR}
    axes = {"loc": "n", "cov_factor": "nk", "cov_diag": "n"}
    over = REAL_VECTOR
    smooth_draws = True

    def scaled(self, cov_factor, cov_diag):
        """A, and the Cholesky factor of I + A^T A."""
        a = cov_factor / ops.sqrt(cov_diag)[..., None]
        unit = ops.eye(a.shape[-1]).astype(a.dtype)
        return a, ops.cholesky(unit + ops.matrix_transpose(a) @ a)

    def logpdf(self, x, loc, cov_factor, cov_diag):
        (a, inner), offset = self.scaled(cov_factor, cov_diag), x - loc
        v = offset / ops.sqrt(cov_diag)
        w = whitened(inner, whitened(inner, times_rows(v, a)), transposed=True)
        rest = v - times_rows(w, ops.matrix_transpose(a))
        square = squared_length(rest) + squared_length(w)
        scale = 0.5 * ops.sum(log_of(cov_diag), axis=-1) + log_determinant(inner)
        return -0.5 * square - scale - as_float(offset.shape[-1], offset) * HALF_LOG_2PI

    def sample(self, key, shape, loc, cov_factor, cov_diag):
        own = ops.draw_normal(ops.key_fold(key, 0), element_indices(shape))
        index = element_indices((*shape[:-1], cov_factor.shape[-1]))
        shared = ops.draw_normal(ops.key_fold(key, 1), index)
        spread = ops.sum(cov_factor * shared[..., None, :], axis=-1)
        return loc + ops.sqrt(cov_diag) * own + spread

    def mean(self, loc, cov_factor, cov_diag):
        return loc

    def variance(self, loc, cov_factor, cov_diag):
        return cov_diag + squared_length(cov_factor)

    def mode(self, loc, cov_factor, cov_diag):
        return loc

    def entropy(self, loc, cov_factor, cov_diag):
        inner = self.scaled(cov_factor, cov_diag)[1]
        scale = 0.5 * ops.sum(log_of(cov_diag), axis=-1) + log_determinant(inner)
        return scale + as_float(loc.shape[-1], loc) * (0.5 + HALF_LOG_2PI)


@dataclass(frozen=True)
class ZeroSumNormal(Distribution):
    """Normal with standard deviation sigma in the plane of arrays that sum to 0 along each of the
    last `count` axes: exp(-|x|^2 / (2 sigma^2)) / (2 pi sigma^2)^(d / 2), where d is the dimension
    of the plane, the product of the sizes less 1."""

    count: int = 1
    sizes: tuple[Size, ...] = ()  # of these axes, which only moments need
    name = "zero_sum_normal"
    parameters = {"sigma": POSITIVE}
    smooth_draws = True

    @property
    def over(self):
        return ZeroSum(self.count)

    def event_names(self):
        return "abcdefgh"[: self.count]

    def logpdf(self, x, sigma):
        dimension = 1.0
        for n in x.shape[x.ndim - self.count :]:
            dimension = dimension * (as_float(n, x) - 1)
        scaled = x / self.spread(sigma)
        return -0.5 * squared_length(scaled, self.count) - dimension * (
            log_of(sigma) + HALF_LOG_2PI
        )

    def sample(self, key, shape, sigma):
        z = ops.draw_normal(key, element_indices(shape))
        for axis in range(-self.count, 0):
            z = z - ops.mean(z, axis=axis, keepdims=True)
        return self.spread(sigma) * z

    def spread(self, sigma):
        """sigma with these axes, of size 1."""
        return sigma[(..., *(None,) * self.count)]

    def sized(self, event):
        return replace(self, sizes=event)

    def mean(self, sigma):
        return ops.zeros_like(self.spread(sigma))

    def variance(self, sigma):
        found = ops.square(self.spread(sigma))
        for n in self.sizes:
            found = found * (1 - 1 / as_float(n, sigma))
        return found if self.sizes else super().variance(sigma)


class CirculantNormal(Distribution):
    """Normal with a circulant covariance, by its eigenvalues `spectrum` along the n // 2 + 1
    frequencies of a real Fourier transform: the transform of x - loc has independent entries."""

    name = "circulant_normal"
    parameters = {"loc": REAL_VECTOR, "spectrum": POSITIVE_VECTOR}
    axes = {"loc": "n", "spectrum": "k"}
    over = REAL_VECTOR
    smooth_draws = True

    def times(self, loc):
        """How often each frequency occurs among those of a complex transform."""
        size = int(loc.shape[-1])
        return np.where((np.arange(size // 2 + 1) * 2) % size == 0, 1.0, 2.0).astype(loc.dtype)

    def logpdf(self, x, loc, spectrum):
        size, found = int(x.shape[-1]), rfft(x - loc)
        power = ops.square(ops.real(found)) + ops.square(ops.imag(found))
        terms = power / (size * spectrum) + log_of(spectrum)
        return -0.5 * ops.sum(self.times(loc) * terms, axis=-1) - size * HALF_LOG_2PI

    def sample(self, key, shape, loc, spectrum):
        found = rfft(ops.draw_normal(key, element_indices(shape)))
        return loc + irfft(found * ops.sqrt(spectrum), n=int(shape[-1]))

    def mean(self, loc, spectrum):
        return loc

    def variance(self, loc, spectrum):
        total = ops.sum(self.times(loc) * spectrum, axis=-1, keepdims=True)
        return total / int(loc.shape[-1]) + 0.0 * loc

    def mode(self, loc, spectrum):
        return loc

    def entropy(self, loc, spectrum):
        size = int(loc.shape[-1])
        half = 0.5 * ops.sum(self.times(loc) * log_of(spectrum), axis=-1)
        return half + size * (0.5 + HALF_LOG_2PI)
