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

from probtensor.calls import absent, is_public, line_text, public
from probtensor.graph import Const, Node
from probtensor.late import late, load
from probtensor.ops.absent import OF_RANDOM
from probtensor.prob.distributions.base import (
    random_variable,
    to_tensor,
)
from probtensor.prob.distributions.declared import function_of
from probtensor.prob.distributions.parameters import (
    exactly_one,
    variable_text,
)

_DISTRIBUTIONS = "probtensor.prob.distributions"
bounded = late("probtensor.prob.distributions.continuous.bounded")
real = late("probtensor.prob.distributions.continuous.real")
positive = late("probtensor.prob.distributions.continuous.positive")
discrete = late("probtensor.prob.distributions.discrete")
multivariate = late("probtensor.prob.distributions.multivariate.shares")

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
    return random_variable(bounded.Uniform(), (low, high), shape, name, dims, constraint)


@public
def flat(*, shape=None, name=None, dims: Dims = None, constraint=None) -> Node:
    """Density 1 on all real numbers: improper, for variables that have a proper posterior. Or on
    the vectors and matrices of a `constraint`, such as `pt.simplex()` or `pt.cov_matrix()`, which
    say what their density is one of.

    Support: all real numbers.
    Mean: none.
    Variance: none.
    Source: an improper density; Gelman et al. (2013), "Bayesian Data Analysis", 2.8.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.logp(pt.random.flat(), 3.0).eval()
        array(0.)
    """
    return random_variable(real.Flat(), (), shape, name, dims, constraint)


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
    return random_variable(positive.HalfFlat(), (), shape, name, dims, constraint)


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


# The functions that are made from classes of distributions: name -> class, by its place in
# `distributions/`. A class is imported when its function is first used.
DECLARED = {
    "normal": "continuous.real.Normal",
    "cauchy": "continuous.real.Cauchy",
    "student_t": "continuous.real.StudentT",
    "laplace": "continuous.real.Laplace",
    "logistic": "continuous.real.Logistic",
    "half_normal": "continuous.positive.HalfNormal",
    "half_cauchy": "continuous.positive.HalfCauchy",
    "half_student_t": "continuous.positive.HalfStudentT",
    "log_normal": "continuous.positive.LogNormal",
    "exponential": "continuous.positive.Exponential",
    "gamma": "continuous.positive.Gamma",
    "inverse_gamma": "continuous.positive.InverseGamma",
    "beta": "continuous.bounded.Beta",
    "bernoulli": "discrete.Bernoulli",
    "binomial": "discrete.Binomial",
    "poisson": "discrete.Poisson",
    "polya_gamma": "continuous.polya_gamma.PolyaGamma",
    "negative_binomial": "discrete.NegativeBinomial",
    "asymmetric_laplace": "continuous.skewed.AsymmetricLaplace",
    "chi_squared": "continuous.shares.ChiSquared",
    "dagum": "continuous.powers.Dagum",
    "doubly_truncated_power_law": "continuous.shares.DoublyTruncatedPowerLaw",
    "ex_gaussian": "continuous.skewed.ExGaussian",
    "frechet": "continuous.lifetimes.Frechet",
    "generalized_gamma": "continuous.lifetimes.GeneralizedGamma",
    "gompertz": "continuous.lifetimes.Gompertz",
    "gumbel": "continuous.skewed.Gumbel",
    "inverse_chi_squared": "continuous.shares.InverseChiSquared",
    "kumaraswamy": "continuous.shares.Kumaraswamy",
    "levy": "continuous.lifetimes.Levy",
    "log_logistic": "continuous.powers.LogLogistic",
    "log_uniform": "continuous.shares.LogUniform",
    "logit_normal": "continuous.shares.LogitNormal",
    "lower_truncated_power_law": "continuous.shares.LowerTruncatedPowerLaw",
    "moyal": "continuous.skewed.Moyal",
    "pareto": "continuous.powers.Pareto",
    "pareto_type_2": "continuous.powers.ParetoType2",
    "rayleigh": "continuous.lifetimes.Rayleigh",
    "rice": "continuous.lifetimes.Rice",
    "scaled_inverse_chi_squared": "continuous.shares.ScaledInverseChiSquared",
    "skew_normal": "continuous.skewed.SkewNormal",
    "skew_student_t": "continuous.skewed.SkewStudentT",
    "soft_laplace": "continuous.skewed.SoftLaplace",
    "triangular": "continuous.shares.Triangular",
    "von_mises": "continuous.circular.VonMises",
    "sine_skewed_von_mises": "continuous.circular.SineSkewedVonMises",
    "wald": "continuous.lifetimes.Wald",
    "weibull": "continuous.lifetimes.Weibull",
    "wiener": "continuous.passages.wiener.Wiener",
    "drift_diffusion": "continuous.passages.wiener.DriftDiffusion",
    "beta_binomial": "counts.BetaBinomial",
    "beta_negative_binomial": "counts.BetaNegativeBinomial",
    "discrete_uniform": "counts.DiscreteUniform",
    "dirac_delta": "urns.DiracDelta",
    "discrete_weibull": "counts.DiscreteWeibull",
    "geometric": "counts.Geometric",
    "hypergeometric": "urns.Hypergeometric",
    "relaxed_bernoulli": "continuous.renamed.RelaxedBernoulli",
    "skew_double_exponential": "continuous.renamed.SkewDoubleExponential",
    "ordered_logistic": "combined.ordinal.OrderedLogistic",
    "ordered_probit": "combined.ordinal.OrderedProbit",
    "ordered_multinomial": "combined.ordinal.OrderedMultinomial",
    "interpolated": "combined.interpolated.Interpolated",
}
OF_VECTORS = (
    "circulant_normal", "dirichlet_multinomial", "gaussian_copula", "projected_normal",
    "low_rank_multivariate_normal", "multinomial", "multivariate_normal",
    "multivariate_student_t", "mv_normal", "relaxed_one_hot_categorical",
    "sine_bivariate_von_mises", "stick_breaking_weights", "uniform_direction", "zero_sum_normal",
)  # fmt: skip
OF_MATRICES = (
    "inverse_wishart", "inverse_wishart_cholesky", "kronecker_normal", "lkj_cholesky", "lkj_corr",
    "lkj_cov", "matrix_normal", "wishart", "wishart_bartlett", "wishart_cholesky",
)  # fmt: skip
# The functions that are written by hand in other modules of `prob`: name -> module.
OF_SERIES = {
    "random_walk": "walks",
    "gaussian_random_walk": "walks",
    "mv_gaussian_random_walk": "walks",
    "mv_student_t_random_walk": "walks",
    "ar": "regressions",
    "garch11": "regressions",
    "euler_maruyama": "diffusions",
    "gaussian_state_space": "diffusions",
    "car": "fields",
    "icar": "fields",
}
COMBINATORS = {
    **dict.fromkeys(("mixture", "normal_mixture"), "mixtures"),
    **dict.fromkeys(
        ("zero_inflated", "hurdle", "zero_inflated_poisson", "zero_inflated_binomial",
         "zero_inflated_negative_binomial", "hurdle_poisson", "hurdle_negative_binomial",
         "hurdle_gamma", "hurdle_log_normal"),
        "inflated",
    ),
    **dict.fromkeys(("truncated", "censored", "interval_censored"), "cut"),
    **dict.fromkeys(("folded", "masked"), "changed"),
    "custom": "custom",
    "simulator": "simulated",
}  # fmt: skip
WRITTEN = {
    **{name: f"combinators.{part}" for name, part in COMBINATORS.items()},
    **{name: f"distributions.processes.{part}" for name, part in OF_SERIES.items()},
    **dict.fromkeys(OF_VECTORS, "vectors"),
    **dict.fromkeys(OF_MATRICES, "matrices"),
    "choice": "choices",
    "exp_mod_normal": "aliases",
    "gumbel_softmax": "choices",
    "halfcauchy": "aliases",
    "halfnormal": "aliases",
    "improper_uniform": "aliases",
    "integers": "aliases",
    "permutation": "choices",
    "truncated_normal": "aliases",
    "truncated_polya_gamma": "aliases",
    "truncexpon": "aliases",
}
# Distributions under the names of other libraries, as the rows of `aliases.py` say.
RENAMED = (
    "betabinom",
    "beta_proportion",
    "chisquare",
    "gengamma",
    "inverse_gaussian",
    "invgamma",
    "lognormal",
    "nbinom",
    "standard_normal",
    "t",
    "vonmises",
)
__all__ = [name for name, value in globals().items() if callable(value) and is_public(value)]
__all__.extend([*DECLARED, *WRITTEN, *RENAMED])
_missing = absent("pt.random", dict.fromkeys(__all__), reasons=OF_RANDOM)


def __getattr__(name: str) -> object:
    """A function that is made or imported when it is first used; AttributeError for a name that is
    none."""
    if name in DECLARED:
        module, _, kind = DECLARED[name].rpartition(".")
        found = function_of(getattr(load(f"{_DISTRIBUTIONS}.{module}"), kind))
    elif name in WRITTEN:
        found = getattr(load(f"probtensor.prob.{WRITTEN[name]}"), name)
    elif name in RENAMED:
        found = load("probtensor.prob.aliases").function_of(name)
    else:
        return _missing(name)
    return globals().setdefault(name, found)


def __dir__() -> list[str]:
    return sorted(__all__)
