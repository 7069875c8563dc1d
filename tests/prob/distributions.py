"""Every distribution with parameters, places and SciPy's opinion, for the tests of this folder."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

import probtensor as pt


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


REALS = np.array([-60.0, -3.5, -1.0, -0.1, 0.0, 0.3, 1.0, 2.7, 45.0])
POSITIVES = np.array([1e-9, 1e-3, 0.1, 0.7, 1.0, 2.5, 9.0, 80.0])
COUNTS = np.array([0, 1, 2, 5, 11, 40])
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
]  # fmt: skip
CONTINUOUS = [case for case in DISTRIBUTIONS if not case.discrete]


def arrays_of(parameters, size):
    """Parameters as arrays, so that a graph of inputs can take them."""
    return {name: np.full(size, float(value)) for name, value in parameters.items()}
