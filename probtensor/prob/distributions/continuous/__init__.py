"""Continuous distributions of one number.

    families.py    location and scale, halves, monotone functions of another distribution
    real.py        over all real numbers, by location and scale
    skewed.py      over all real numbers, skewed ones among them
    positive.py    over positive numbers: halves of symmetric ones, log_normal, those of rates
    lifetimes.py   over positive numbers: lifetimes, sizes, waiting times
    powers.py      over positive numbers, with a tail that is a power
    bounded.py     over intervals: uniform, beta
    shares.py      over intervals: other shares, and sizes within bounds

Formulas are those of Johnson, Kotz and Balakrishnan, "Continuous Univariate Distributions" (1994,
1995), in the parameters that Gelman et al., "Bayesian Data Analysis" (2013), appendix A, use;
`x` is the value, `z` the value standardised. Dividing by a scale is written as a product with its
inverse, so that there is one division for a scale shared by many observations.
"""

from probtensor.prob.distributions.continuous.bounded import (
    Beta,
    Uniform,
)
from probtensor.prob.distributions.continuous.families import (
    log_gamma_draw,
    number,
)
from probtensor.prob.distributions.continuous.lifetimes import (
    Frechet,
    GeneralizedGamma,
    Gompertz,
    Levy,
    Rayleigh,
    Rice,
    Wald,
    Weibull,
)
from probtensor.prob.distributions.continuous.positive import (
    Exponential,
    Gamma,
    HalfCauchy,
    HalfFlat,
    HalfNormal,
    HalfStudentT,
    InverseGamma,
    LogNormal,
)
from probtensor.prob.distributions.continuous.powers import (
    Dagum,
    LogLogistic,
    Pareto,
    ParetoType2,
)
from probtensor.prob.distributions.continuous.real import (
    Cauchy,
    Flat,
    Laplace,
    Logistic,
    Normal,
    StudentT,
)
from probtensor.prob.distributions.continuous.shares import (
    ChiSquared,
    DoublyTruncatedPowerLaw,
    InverseChiSquared,
    Kumaraswamy,
    LogitNormal,
    LogUniform,
    LowerTruncatedPowerLaw,
    ScaledInverseChiSquared,
    Triangular,
)
from probtensor.prob.distributions.continuous.skewed import (
    AsymmetricLaplace,
    ExGaussian,
    Gumbel,
    Moyal,
    SkewNormal,
    SkewStudentT,
    SoftLaplace,
)

__all__ = [
    "AsymmetricLaplace",
    "Beta",
    "Cauchy",
    "ChiSquared",
    "Dagum",
    "DoublyTruncatedPowerLaw",
    "ExGaussian",
    "Exponential",
    "Flat",
    "Frechet",
    "Gamma",
    "GeneralizedGamma",
    "Gompertz",
    "Gumbel",
    "HalfCauchy",
    "HalfFlat",
    "HalfNormal",
    "HalfStudentT",
    "InverseChiSquared",
    "InverseGamma",
    "Kumaraswamy",
    "Laplace",
    "Levy",
    "LogLogistic",
    "LogNormal",
    "LogUniform",
    "Logistic",
    "LogitNormal",
    "LowerTruncatedPowerLaw",
    "Moyal",
    "Normal",
    "Pareto",
    "ParetoType2",
    "Rayleigh",
    "Rice",
    "ScaledInverseChiSquared",
    "SkewNormal",
    "SkewStudentT",
    "SoftLaplace",
    "StudentT",
    "Triangular",
    "Uniform",
    "Wald",
    "Weibull",
    "log_gamma_draw",
    "number",
]
