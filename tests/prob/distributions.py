"""Every distribution with parameters, places and SciPy's opinion, for the tests of this folder."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special, stats

import probtensor as pt
from probtensor.prob.distributions.continuous import skewed
from probtensor.prob.distributions.declared import function_of
from probtensor.prob.distributions.distribution import Distribution
from tests.prob.exact_passages import Decision


class WithoutTails(skewed.SkewNormal):
    """A distribution whose distribution function is not known."""

    name = "without_tails"
    logcdf, logccdf = Distribution.logcdf, Distribution.logccdf
    lower_quantile, upper_quantile = Distribution.lower_quantile, Distribution.upper_quantile


without_tails = function_of(WithoutTails)


@dataclass(frozen=True)
class Case:
    """`make(**parameters)` is the variable; `scipy` the frozen distribution it must agree with.

    `inside` are values in the support, `outside` values that have no density; `wrong` parameters
    that have no distribution.
    """

    name: str
    make: Any
    parameters: dict
    scipy: Any
    inside: np.ndarray
    outside: tuple = ()
    wrong: dict | None = None
    mean: bool = True
    variance: bool = True

    @property
    def discrete(self):
        return not hasattr(self.scipy, "logpdf")

    def variable(self, **options):
        return self.make(**self.parameters, **options)

    def __str__(self):
        values = ",".join(f"{k}={v}" for k, v in self.parameters.items())
        return f"{self.name}({values})"


@dataclass(frozen=True)
class Kumaraswamy:
    """SciPy has none; by its distribution function."""

    a: float
    b: float

    def logpdf(self, x):
        a, b = self.a, self.b
        return np.log(a * b) + (a - 1) * np.log(x) + (b - 1) * np.log1p(-(x**a))

    def logcdf(self, x):
        return np.log(-np.expm1(self.b * np.log1p(-(x**self.a))))

    def cdf(self, x):
        return np.exp(self.logcdf(x))

    def moment(self, k):
        return self.b * special.beta(1 + k / self.a, self.b)

    def mean(self):
        return self.moment(1)

    def var(self):
        return self.moment(2) - self.moment(1) ** 2


@dataclass(frozen=True)
class LogitNormal:
    """SciPy has none; by that of the logit."""

    mu: float
    sigma: float

    def logpdf(self, x):
        logit = special.logit(x)
        return stats.norm(self.mu, self.sigma).logpdf(logit) - np.log(x) - np.log1p(-x)

    def logcdf(self, x):
        return stats.norm(self.mu, self.sigma).logcdf(special.logit(x))

    def cdf(self, x):
        return np.exp(self.logcdf(x))


@dataclass(frozen=True)
class Angle:
    """SciPy's von Mises over the angles from -pi to pi, times 1 + skewness sin(x - mu)."""

    mu: float
    kappa: float
    skewness: float = 0.0

    def logpdf(self, x):
        turned = stats.vonmises(self.kappa, self.mu).logpdf(x)
        return turned + np.log1p(self.skewness * np.sin(x - self.mu))

    def cdf(self, x):
        whole = stats.vonmises(self.kappa, self.mu)
        fall = np.exp(self.kappa * np.cos(x - self.mu)) - np.exp(-self.kappa * np.cos(self.mu))
        fall = fall / (2 * np.pi * self.kappa * special.i0(self.kappa))
        return whole.cdf(x) - whole.cdf(-np.pi) - self.skewness * fall

    def logcdf(self, x):
        return np.log(self.cdf(x))

    def entropy(self):
        return stats.vonmises(self.kappa, self.mu).entropy()


@dataclass(frozen=True)
class RelaxedBernoulli:
    """SciPy has none; by that of the logit."""

    temperature: float
    logit_p: float

    def logpdf(self, x):
        logit = stats.logistic(self.logit_p / self.temperature, 1 / self.temperature)
        return logit.logpdf(special.logit(x)) - np.log(x) - np.log1p(-x)

    def cdf(self, x):
        return special.expit(self.temperature * special.logit(x) - self.logit_p)

    def logcdf(self, x):
        return np.log(self.cdf(x))


@dataclass(frozen=True)
class PolyaGamma:
    """Of h = 1, whose density is a theta function (Biane, Pitman and Yor 2001)."""

    z: float

    def parts(self, x):
        k = np.arange(60)
        signs, rates = (-1.0) ** k, np.pi**2 * (2 * k + 1) ** 2 / 2
        rows = np.asarray(x, float)[..., None]
        return signs, np.pi * (2 * k + 1), rates, rows, np.cosh(self.z / 2), self.z**2 / 2

    def logpdf(self, x):
        signs, sizes, rates, rows, scale, tilt = self.parts(x)
        late = (signs * sizes * np.exp(-rates * rows)).sum(-1)
        steps = 2 * np.arange(20) + 1
        early = ((-1.0) ** np.arange(20) * steps * np.exp(-(steps**2) / (8 * rows))).sum(-1)
        early = early / np.sqrt(2 * np.pi * rows[..., 0] ** 3)
        return np.log(scale * np.where(rows[..., 0] > 0.3, 2 * late, early)) - tilt * x

    def cdf(self, x):
        signs, sizes, rates, rows, scale, tilt = self.parts(x)
        tails = (signs * sizes / (rates + tilt) * np.exp(-(rates + tilt) * rows)).sum(-1)
        return 1 - 2 * scale * tails

    def logcdf(self, x):
        return np.log(self.cdf(x))

    def mean(self):
        return np.tanh(self.z / 2) / (2 * self.z)

    def var(self):
        return (np.sinh(self.z) - self.z) / (4 * self.z**3 * np.cosh(self.z / 2) ** 2)


@dataclass(frozen=True)
class DiscreteWeibull:
    """SciPy has none; by its distribution function."""

    q: float
    beta: float

    def logpmf(self, x):
        return np.log(self.q ** (x**self.beta) - self.q ** ((x + 1.0) ** self.beta))

    def pmf(self, x):
        return np.exp(self.logpmf(x))

    def cdf(self, x):
        return 1 - self.q ** ((np.floor(x) + 1.0) ** self.beta)


REALS = np.array([-60.0, -3.5, -1.0, -0.1, 0.0, 0.3, 1.0, 2.7, 45.0])
POSITIVES = np.array([1e-9, 1e-3, 0.1, 0.7, 1.0, 2.5, 9.0, 80.0])
COUNTS = np.array([0, 1, 2, 5, 11, 40])
ANGLES = np.array([-3.1, -2.0, -0.4, 0.0, 0.5, 1.7, 3.0])
UNITS = np.array([1e-9, 0.01, 0.3, 0.5, 0.9, 0.999])
R = pt.random
S = stats

DISTRIBUTIONS = [
    Case("normal", R.normal, {"mu": 0.3, "sigma": 1.7}, S.norm(0.3, 1.7), REALS, (),
        {"sigma": -1}),
    Case("normal", R.normal, {"mu": 0.3, "tau": 4.0}, S.norm(0.3, 0.5), REALS, (), {"tau": -1}),
    Case("half_normal", R.half_normal, {"sigma": 2.0}, S.halfnorm(scale=2), POSITIVES, (-0.1,),
        {"sigma": 0}),
    Case("cauchy", R.cauchy, {"mu": -1.0, "sigma": 0.5}, S.cauchy(-1, 0.5), REALS, (),
        {"sigma": -2}, False, False),
    Case("half_cauchy", R.half_cauchy, {"sigma": 5.0}, S.halfcauchy(scale=5), POSITIVES, (-1.0,),
        {"sigma": -1}, False, False),
    Case("student_t", R.student_t, {"nu": 3.5, "mu": 1.0, "sigma": 2.0}, S.t(3.5, 1, 2), REALS, (),
        {"nu": -1}),
    Case("student_t", R.student_t, {"nu": 1e8, "mu": 1.0, "sigma": 2.0}, S.t(1e8, 1, 2),
        REALS[1:-1]),
    Case("log_normal", R.log_normal, {"mu": 0.5, "sigma": 0.8}, S.lognorm(0.8, scale=np.exp(0.5)),
        POSITIVES, (-1.0, 0.0), {"sigma": 0}),
    Case("uniform", R.uniform, {"low": -2.0, "high": 5.0}, S.uniform(-2, 7),
        np.array([-2.0, 0.0, 4.9, 5.0]), (-2.1, 5.5)),
    Case("exponential", R.exponential, {"lam": 2.5}, S.expon(scale=0.4), POSITIVES, (-0.5,),
        {"lam": -1}),
    Case("exponential", R.exponential, {"scale": 2.5}, S.expon(scale=2.5), POSITIVES, (-0.5,),
        {"scale": -1}),
    Case("gamma", R.gamma, {"alpha": 2.5, "beta": 1.5}, S.gamma(2.5, scale=1 / 1.5), POSITIVES,
        (-1.0,), {"alpha": -0.5}),
    Case("gamma", R.gamma, {"alpha": 0.4, "beta": 3.0}, S.gamma(0.4, scale=1 / 3), POSITIVES),
    Case("gamma", R.gamma, {"alpha": 1.0, "beta": 3.0}, S.gamma(1.0, scale=1 / 3),
        np.array([0.0, 1.0])),
    Case("gamma", R.gamma, {"mu": 3.0, "sigma": 1.5}, S.gamma(4, scale=0.75), POSITIVES, (),
        {"sigma": -1}),
    Case("inverse_gamma", R.inverse_gamma, {"alpha": 3.2, "beta": 2.0}, S.invgamma(3.2, scale=2),
        POSITIVES, (-1.0, 0.0), {"alpha": -1}),
    Case("beta", R.beta, {"alpha": 2.0, "beta": 3.5}, S.beta(2, 3.5), UNITS, (-0.1, 1.1),
        {"beta": -1}),
    Case("beta", R.beta, {"alpha": 0.3, "beta": 0.6}, S.beta(0.3, 0.6), UNITS),
    Case("beta", R.beta, {"mu": 0.25, "kappa": 8.0}, S.beta(2, 6), UNITS, (), {"mu": 1.5}),
    Case("laplace", R.laplace, {"mu": 0.5, "b": 1.2}, S.laplace(0.5, 1.2), REALS, (), {"b": 0}),
    Case("logistic", R.logistic, {"mu": 0.5, "s": 1.2}, S.logistic(0.5, 1.2), REALS, (), {"s": -1}),
    Case("bernoulli", R.bernoulli, {"p": 0.3}, S.bernoulli(0.3), np.array([0, 1]), (-1, 2),
        {"p": 1.2}),
    Case("bernoulli", R.bernoulli, {"p": 1.0}, S.bernoulli(1.0), np.array([0, 1])),
    Case("bernoulli", R.bernoulli, {"logit_p": -1.5}, S.bernoulli(1 / (1 + np.exp(1.5))),
        np.array([0, 1]), (2,)),
    Case("binomial", R.binomial, {"n": 12, "p": 0.35}, S.binom(12, 0.35), np.arange(13), (-1, 13),
        {"p": -0.1}),
    Case("binomial", R.binomial, {"n": 5, "p": 1.0}, S.binom(5, 1.0), np.arange(6)),
    Case("binomial", R.binomial, {"n": 12, "logit_p": 0.7}, S.binom(12, 1 / (1 + np.exp(-0.7))),
        np.arange(13), (13,), {"n": -2}),
    Case("poisson", R.poisson, {"mu": 3.7}, S.poisson(3.7), COUNTS, (-1,), {"mu": -1}),
    Case("poisson", R.poisson, {"mu": 0.0}, S.poisson(0.0), np.array([0, 1])),
    Case("negative_binomial", R.negative_binomial, {"mu": 4.0, "alpha": 1.5},
        S.nbinom(1.5, 1.5 / 5.5), COUNTS, (-1,), {"alpha": -1}),
    Case("negative_binomial", R.negative_binomial, {"n": 3.0, "p": 0.4}, S.nbinom(3, 0.4), COUNTS,
        (), {"p": 1.4}),
    Case("gumbel", R.gumbel, {"mu": 0.5, "beta": 1.5}, S.gumbel_r(0.5, 1.5), REALS[1:], (),
        {"beta": -1}),
    Case("moyal", R.moyal, {"mu": 0.5, "sigma": 1.5}, S.moyal(0.5, 1.5), REALS[2:], (),
        {"sigma": 0}),
    Case("asymmetric_laplace", R.asymmetric_laplace, {"kappa": 1.5, "mu": 0.5, "b": 0.8},
        S.laplace_asymmetric(1.5, 0.5, 1 / 0.8), REALS, (), {"kappa": -1}),
    Case("ex_gaussian", R.ex_gaussian, {"mu": 0.5, "sigma": 1.2, "nu": 2.0},
        S.exponnorm(2 / 1.2, 0.5, 1.2), REALS[1:], (), {"nu": -1}),
    Case("skew_normal", R.skew_normal, {"mu": 0.5, "sigma": 1.2, "alpha": -2.0},
        S.skewnorm(-2, 0.5, 1.2), REALS[1:-1], (), {"sigma": -1}),
    Case("skew_student_t", R.skew_student_t, {"a": 2.5, "b": 4.0, "mu": 0.5, "sigma": 1.2},
        S.jf_skew_t(2.5, 4.0, 0.5, 1.2), REALS, (), {"a": -1}),
    Case("soft_laplace", R.soft_laplace, {"mu": 0.5, "sigma": 1.2}, S.hypsecant(0.5, 1.2), REALS,
        (), {"sigma": -1}),
    Case("weibull", R.weibull, {"alpha": 1.5, "beta": 2.0}, S.weibull_min(1.5, scale=2), POSITIVES,
        (-0.1,), {"alpha": -1}),
    Case("weibull", R.weibull, {"alpha": 1.0, "beta": 2.0}, S.weibull_min(1, scale=2),
        np.array([0.0, 1.0])),
    Case("frechet", R.frechet, {"alpha": 3.5, "sigma": 2.0}, S.invweibull(3.5, scale=2),
        POSITIVES[3:], (-0.1, 0.0), {"sigma": -1}),
    Case("pareto", R.pareto, {"alpha": 2.5, "m": 0.5}, S.pareto(2.5, scale=0.5),
        np.array([0.52, 0.7, 1.0, 9.0, 800.0]), (0.4,), {"alpha": -1}),
    Case("pareto_type_2", R.pareto_type_2, {"mu": 0.5, "lam": 2.0, "alpha": 2.5},
        S.lomax(2.5, 0.5, 2), np.array([0.52, 0.7, 1.0, 9.0, 800.0]), (0.4,), {"lam": -1}),
    Case("log_logistic", R.log_logistic, {"alpha": 2.0, "beta": 2.5}, S.fisk(2.5, scale=2),
        POSITIVES, (-0.1, 0.0), {"beta": -1}),
    Case("rayleigh", R.rayleigh, {"sigma": 2.0}, S.rayleigh(scale=2), POSITIVES, (-0.1,),
        {"sigma": -1}),
    Case("rice", R.rice, {"nu": 1.5, "sigma": 2.0}, S.rice(0.75, scale=2), POSITIVES[:-1], (-0.1,),
        {"sigma": -1}),
    Case("wald", R.wald, {"mu": 2.0, "lam": 3.0, "alpha": 0.5}, S.invgauss(2 / 3, 0.5, 3),
        0.5 + POSITIVES[2:], (0.5, 0.3), {"mu": -1}),
    Case("levy", R.levy, {"mu": 0.5, "c": 2.0}, S.levy(0.5, 2), 0.5 + POSITIVES[2:], (0.5, 0.3),
        {"c": -1}, False, False),
    Case("gompertz", R.gompertz, {"concentration": 0.7, "rate": 1.5},
        S.gompertz(0.7, scale=1 / 1.5), POSITIVES[:-2], (-0.1,), {"rate": -1}, True, False),
    Case("dagum", R.dagum, {"concentration": 1.5, "sharpness": 3.5, "scale": 2.0},
        S.burr(3.5, 1.5, scale=2), POSITIVES[1:], (-0.1, 0.0), {"scale": -1}),
    Case("generalized_gamma", R.generalized_gamma, {"alpha": 2.0, "p": 1.5, "lambd": 3.0},
        S.gengamma(2 / 1.5, 1.5, scale=3), POSITIVES, (-0.1,), {"p": -1}),
    Case("triangular", R.triangular, {"lower": -1.0, "c": 0.5, "upper": 2.0},
        S.triang(0.5, -1, 3), np.array([-0.9, 0.0, 0.5, 1.7]), (-1.1, 2.1)),
    Case("kumaraswamy", R.kumaraswamy, {"a": 2.5, "b": 1.5}, Kumaraswamy(2.5, 1.5), UNITS,
        (-0.1, 1.1), {"a": -1}),
    Case("logit_normal", R.logit_normal, {"mu": 0.5, "sigma": 1.2}, LogitNormal(0.5, 1.2), UNITS,
        (0.0, 1.0), {"sigma": -1}, False, False),
    Case("log_uniform", R.log_uniform, {"low": 0.5, "high": 8.0}, S.loguniform(0.5, 8),
        np.array([0.52, 0.7, 3.0, 8.0]), (0.4, 8.1), {"low": -1}),
    Case("doubly_truncated_power_law", R.doubly_truncated_power_law,
        {"alpha": -1.5, "low": 0.5, "high": 8.0}, S.truncpareto(0.5, 16, scale=0.5),
        np.array([0.52, 0.7, 3.0, 8.0]), (0.4, 8.1), {"low": -1}, False, False),
    Case("lower_truncated_power_law", R.lower_truncated_power_law, {"alpha": -4.5, "low": 0.5},
        S.pareto(3.5, scale=0.5), np.array([0.52, 0.7, 3.0, 800.0]), (0.4,), {"low": -1}),
    Case("chi_squared", R.chi_squared, {"nu": 3.5}, S.chi2(3.5), POSITIVES, (-0.1,), {"nu": -1}),
    Case("inverse_chi_squared", R.inverse_chi_squared, {"nu": 5.5}, S.invgamma(2.75, scale=0.5),
        POSITIVES[1:], (-0.1, 0.0), {"nu": -1}),
    Case("scaled_inverse_chi_squared", R.scaled_inverse_chi_squared, {"nu": 5.5, "s": 2.0},
        S.invgamma(2.75, scale=11), POSITIVES[1:], (-0.1, 0.0), {"s": -1}),
    Case("geometric", R.geometric, {"p": 0.3}, S.geom(0.3), 1 + COUNTS, (0,), {"p": 1.4}),
    Case("discrete_uniform", R.discrete_uniform, {"lower": -2, "upper": 5}, S.randint(-2, 6),
        np.arange(-2, 6), (-3, 6)),
    Case("beta_binomial", R.beta_binomial, {"n": 12, "alpha": 2.0, "beta": 3.5},
        S.betabinom(12, 2, 3.5), np.arange(13), (-1, 13), {"alpha": -1}),
    Case("beta_negative_binomial", R.beta_negative_binomial, {"alpha": 5.0, "beta": 2.0, "n": 3.0},
        S.betanbinom(3, 5, 2), COUNTS, (-1,), {"n": -1}),
    Case("discrete_weibull", R.discrete_weibull, {"q": 0.7, "beta": 1.5}, DiscreteWeibull(0.7, 1.5),
        COUNTS[:-1], (-1,), {"q": 1.4}, False, False),
    Case("hypergeometric", R.hypergeometric, {"N": 40, "k": 15, "n": 20}, S.hypergeom(40, 15, 20),
        np.arange(16), (-1, 16), {"k": -1}),
    Case("von_mises", R.von_mises, {"mu": 0.5, "kappa": 2.0}, Angle(0.5, 2.0), ANGLES,
        (-3.2, 3.2), {"kappa": -1}, False, False),
    Case("sine_skewed_von_mises", R.sine_skewed_von_mises,
        {"mu": -2.0, "kappa": 1.5, "skewness": 0.8}, Angle(-2.0, 1.5, 0.8), ANGLES, (-3.2, 3.2),
        {"skewness": 2.0}, False, False),
    Case("polya_gamma", R.polya_gamma, {"h": 1.0, "z": 1.5}, PolyaGamma(1.5),
        np.array([0.02, 0.1, 0.25, 0.5, 1.5]), (-0.1, 0.0), {"h": -1}),
    Case("wiener", R.wiener, {"alpha": 2.5, "tau": 0.3, "beta": 0.8, "delta": 4.0},
        Decision(2.5, 0.3, 0.8, 4.0), np.array([0.31, 0.34, 0.4, 0.5, 0.9, 3.0]), (0.3, -1.0),
        None, False, False),
    Case("drift_diffusion", R.drift_diffusion,
        {"alpha": 1.5, "tau": 0.2, "beta": 0.4, "delta": 0.7}, Decision(1.5, 0.2, 0.4, 0.7, True),
        np.array([-9.0, -1.0, -0.4, -0.23, 0.25, 0.5, 0.9, 3.0]), (),
        {"alpha": -1}, False, False),
    Case("relaxed_bernoulli", R.relaxed_bernoulli, {"temperature": 0.7, "logit_p": 0.5},
        RelaxedBernoulli(0.7, 0.5), UNITS, (-0.1, 1.0), {"temperature": -1}, False, False),
    Case("skew_double_exponential", R.skew_double_exponential,
        {"mu": 0.5, "sigma": 1.2, "tau": 0.3},
        S.laplace_asymmetric(np.sqrt(3 / 7), 0.5, 0.6 / np.sqrt(0.21)), REALS, (),
        {"tau": 1.5}),
]  # fmt: skip
CONTINUOUS = [case for case in DISTRIBUTIONS if not case.discrete]


def arrays_of(parameters, size):
    """Parameters as arrays, so that a graph of inputs can take them."""
    return {name: np.full(size, float(value)) for name, value in parameters.items()}
