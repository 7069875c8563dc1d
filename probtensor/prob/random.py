"""`pt.random`: the functions that make random variables.

All take by name, after their parameters: `shape`, of the value (by default what the parameters
broadcast to, extended to the left by `dims`); `name`, which models report; `dims`, one name an
axis; and those of one real number `constraint`, a support to cut the distribution down to
(`pt.interval(low, high)`; `pt.ordered()` along the last axis), whose bounds may be tensors.
Parameters are numbers, arrays or tensors, random ones among them. A literal outside its range is a
ValueError here and now; where a random parameter leaves its range, the density of a model is zero,
and a draw is nan, or a ValueError if it is a whole number.

A variable under `constraint=` has the truncated distribution: its density is normalised, whatever
is random, and it can be drawn. Where no formula for the probability of the interval is known
(distributions without a `pt.logcdf`, and orders of entries with parameters of their own), the
density is up to a constant as long as all parameters are fixed, and refused with a GraphError where
they are not or the variable is observed. flat and half_flat stay 1.

Location-scale families (normal, cauchy, student_t, laplace, logistic, gumbel, multivariate_normal;
log_normal by its logarithm; half_normal, half_cauchy and half_student_t by their scale) take
`centered=False`: a sampler's coordinate is then z of mu + sigma z instead of the value, so that
scales that are free make no funnel. Nothing else changes: the variable, its density, draws and
predictions are the same. Numbers between are for partly centred coordinates, entry by entry; see
`pt.reparametrize`, which chooses them.
"""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import absent, is_public, line_text, public
from probtensor.graph import Const, GraphError, Node, as_tensor
from probtensor.prob.distributions import continuous, counts, discrete, multivariate
from probtensor.prob.distributions.base import (
    random_variable,
    shape_text,
    to_tensor,
)
from probtensor.prob.distributions.declared import function_of
from probtensor.prob.distributions.parameters import (
    check_literal,
    exactly_one,
    square,
    variable_text,
)
from probtensor.prob.distributions.support import COVARIANCE

Dims = str | tuple[str, ...] | list[str] | None


@public
def uniform(low=0.0, high=1.0, *, shape=None, name=None, dims: Dims = None,
            constraint=None) -> Node:  # fmt: skip
    """Uniform between `low` and `high`.

    Support: low <= x <= high.
    Mean: (low + high) / 2.
    Variance: (high - low)**2 / 12.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 26.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.uniform(0.0, 2.0), draws=5, seed=1).shape
        (5,)
    """
    what = variable_text("uniform", name)
    ends = to_tensor(f"low of {what}", low).op, to_tensor(f"high of {what}", high).op
    known = [end.array for end in ends if isinstance(end, Const)]
    if not all(np.isfinite(end).all() for end in known):
        raise ValueError(
            f"{what}: low={low} and high={high} must be finite\n  at {line_text()}\n "
            " pt.random.flat "
            "has no bounds, half_flat one"
        )
    if len(known) == 2 and (known[1] <= known[0]).any():
        raise ValueError(f"{what}: low={low} must be below high={high}\n  at {line_text()}")
    return random_variable(continuous.Uniform(), (low, high), shape, name, dims, constraint)


@public
def flat(*, shape=None, name=None, dims: Dims = None, constraint=None) -> Node:
    """Density 1 on all real numbers: improper, for variables that have a proper posterior.

    Support: all real numbers.
    Mean: none.
    Variance: none.
    Source: an improper density; Gelman et al. (2013), "Bayesian Data Analysis", 2.8.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.logp(pt.random.flat(), 3.0).eval()
        array(0.)
    """
    return random_variable(continuous.Flat(), (), shape, name, dims, constraint)


@public
def half_flat(*, shape=None, name=None, dims: Dims = None, constraint=None) -> Node:
    """Density 1 on the positive numbers: improper, for variables that have a proper posterior.

    Support: x > 0.
    Mean: none.
    Variance: none.
    Source: an improper density; Gelman et al. (2013), "Bayesian Data Analysis", 2.8.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.logp(pt.random.half_flat(), -3.0).eval()
        array(-inf)
    """
    return random_variable(continuous.HalfFlat(), (), shape, name, dims, constraint)


@public
def categorical(p=None, *, logit_p=None, shape=None, name=None, dims: Dims = None) -> Node:
    """The index k with probability p[..., k], or softmax(logit_p)[..., k].

    Support: 0, 1, ..., K - 1, where K is the size of the last axis.
    Mean: none, as indices have none.
    Variance: none.
    Source: Johnson, Kemp and Kotz (2005), "Univariate Discrete Distributions", ch. 11.
    Returns a random variable, an int64 tensor without that axis. Raises ValueError for a literal
    parameter outside its range, TypeError for too few or too many parameters, GraphError for shapes
    that do not fit.

        >>> pt.draw(pt.random.categorical([0.2, 0.8]), draws=5, seed=1).shape
        (5,)
    """
    if exactly_one("categorical", p=p, logit_p=logit_p) == "p":
        return random_variable(discrete.Categorical(), (p,), shape, name, dims)
    return random_variable(discrete.CategoricalLogit(), (logit_p,), shape, name, dims)


@public
def dirichlet(alpha, *, shape=None, name=None, dims: Dims = None) -> Node:
    """Dirichlet with concentrations `alpha` (last axis); `shape` includes the last axis.

    Support: vectors of positive numbers that sum to 1.
    Mean: alpha / a, where a = sum(alpha).
    Variance: alpha * (a - alpha) / (a**2 * (a + 1)) of each entry.
    Source: Kotz, Balakrishnan and Johnson (2000), "Continuous Multivariate Distributions", ch. 49.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.dirichlet([1.0, 2.0, 3.0]), draws=5, seed=1).shape
        (5, 3)
    """
    return random_variable(multivariate.Dirichlet(), (alpha,), shape, name, dims)


@public
def multivariate_normal(mu=0.0, scale_tril=None, *, cov=None, shape=None, name=None,
                        dims: Dims = None, centered=True) -> Node:  # fmt: skip
    """Normal vectors (last axis) with mean `mu` and covariance `cov`, or its lower Cholesky factor
    `scale_tril`. `shape` includes the last axis.

    Support: all real vectors.
    Mean: mu.
    Variance: cov, or scale_tril @ scale_tril.mT.
    Source: Kotz, Balakrishnan and Johnson (2000), "Continuous Multivariate Distributions", ch. 45.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> x = pt.random.multivariate_normal(0.0, cov=[[2.0, 1.0], [1.0, 2.0]])
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 2)
    """
    what = variable_text("multivariate_normal", name)
    if exactly_one(what, scale_tril=scale_tril, cov=cov) == "cov":
        square("cov", cov, what)
        cov = check_literal(what, domain=COVARIANCE, cov=cov)
        scale_tril = ops.cholesky(cov)
    factor, mean = square("scale_tril", scale_tril, what), as_tensor(mu)
    if not mean.ndim:
        mean = ops.broadcast_to(mean, factor.shape[-1:])
    sizes = mean.shape[-1], factor.shape[-1]
    if all(isinstance(n, int) for n in sizes) and sizes[0] != sizes[1]:
        raise GraphError(
            f"{what}: mu of shape {shape_text(mean.shape)} does not fit a scale of shape "
            f"{shape_text(factor.shape)}\n  at {line_text()}"
        )
    distribution = multivariate.MultivariateNormal()
    return random_variable(distribution, (mean, factor), shape, name, dims, centered=centered)


DECLARED = (
    continuous.Normal,
    continuous.Cauchy,
    continuous.StudentT,
    continuous.Laplace,
    continuous.Logistic,
    continuous.HalfNormal,
    continuous.HalfCauchy,
    continuous.HalfStudentT,
    continuous.LogNormal,
    continuous.Exponential,
    continuous.Gamma,
    continuous.InverseGamma,
    continuous.Beta,
    discrete.Bernoulli,
    discrete.Binomial,
    discrete.Poisson,
    discrete.NegativeBinomial,
    continuous.AsymmetricLaplace,
    continuous.ChiSquared,
    continuous.Dagum,
    continuous.DoublyTruncatedPowerLaw,
    continuous.ExGaussian,
    continuous.Frechet,
    continuous.GeneralizedGamma,
    continuous.Gompertz,
    continuous.Gumbel,
    continuous.InverseChiSquared,
    continuous.Kumaraswamy,
    continuous.Levy,
    continuous.LogLogistic,
    continuous.LogUniform,
    continuous.LogitNormal,
    continuous.LowerTruncatedPowerLaw,
    continuous.Moyal,
    continuous.Pareto,
    continuous.ParetoType2,
    continuous.Rayleigh,
    continuous.Rice,
    continuous.ScaledInverseChiSquared,
    continuous.SkewNormal,
    continuous.SkewStudentT,
    continuous.SoftLaplace,
    continuous.Triangular,
    continuous.Wald,
    continuous.Weibull,
    counts.BetaBinomial,
    counts.BetaNegativeBinomial,
    counts.DiscreteUniform,
    counts.DiscreteWeibull,
    counts.Geometric,
)
globals().update({kind.name: function_of(kind) for kind in DECLARED})
__all__ = [name for name, value in globals().items() if is_public(value)]
__getattr__ = absent("pt.random", dict.fromkeys(__all__))
