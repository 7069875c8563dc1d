"""Vectors whose entries have given distributions, with the dependence of normal vectors."""

from __future__ import annotations

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.prob.distributions.distribution import (
    LOG_HALF,
    Distribution,
    element_indices,
)
from probtensor.prob.distributions.multivariate.factors import (
    known,
    log_determinant,
    squared_length,
    whitened,
)
from probtensor.prob.distributions.structured import CHOLESKY_CORR
from probtensor.prob.distributions.support import REAL, Vector
from probtensor.prob.distributions.truncation import normal_quantile


@dataclass(frozen=True)
class GaussianCopula(Distribution):
    """prod f_k(x_k) exp(|z|^2 / 2 - |L^-1 z|^2 / 2) / prod diag(L) for z_k = Phi^-1(F_k(x_k)), with
    the densities f and distribution functions F of `marginal`, and L = corr_tril the lower Cholesky
    factor of the correlations of z (Song 2000, "Multivariate dispersion models generated from
    Gaussian copula")."""

    marginal: Distribution = Distribution()
    name = "gaussian_copula"
    smooth_draws = True

    @property
    def parameters(self):
        own = {name: Vector(domain) for name, domain in self.marginal.parameters.items()}
        return own | {"corr_tril": CHOLESKY_CORR}

    @property
    def over(self):
        return Vector(REAL)

    @property
    def increasing(self):
        return self.marginal.increasing

    def support(self, *parameters):
        return Vector(self.marginal.support(*parameters[:-1]))

    def logpdf(self, x, *parameters):
        *own, factor = parameters
        below, above = self.marginal.logcdf(x, *own), self.marginal.logccdf(x, *own)
        lower = below <= LOG_HALF
        tail = normal_quantile(ops.minimum(ops.where(lower, below, above), LOG_HALF))
        z, factor = ops.where(lower, tail, -tail), known(factor)
        density = ops.sum(self.marginal.logpdf(x, *own), axis=-1)
        rest = squared_length(z) - squared_length(whitened(factor, z))
        return density + 0.5 * rest - log_determinant(factor)

    def sample(self, key, shape, *parameters):
        *own, factor = parameters
        normal = ops.draw_normal(key, element_indices(shape))
        z = ops.sum(ops.tril(factor) * normal[..., None, :], axis=-1)
        return self.marginal.quantile(ops.log_ndtr(-ops.abs(z)), z > 0, *own)

    def mean(self, *parameters):
        return self.marginal.mean(*parameters[:-1])

    def variance(self, *parameters):
        return self.marginal.variance(*parameters[:-1])
