"""Grids of parameters and values for every distribution, reaching 1e+-15 and 1e+-300.

A `Grid` says how a distribution is made, its exact formula, the values its parameters take, and
the values it is evaluated at: ends of the support and their neighbours, zeros, and the bulk
wherever the parameters put it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

import probtensor as pt
from tests.prob import truth

R = pt.random
SCALES = (1e-15, 1e-3, 0.4, 1.0, 7.0, 1e15)
SHAPES = (1e-15, 0.3, 1.0, 2.0, 2.5, 30.0, 1e6, 1e15)
PLACES = (0.0, 0.7, -3.0, 1e-15, 1e15, -1e15)
CHANCES = (0.0, 1e-300, 1e-15, 0.3, 0.5, 1 - 2**-30, 1 - 2**-53, 1.0)
LOGITS = (0.0, 1e-15, 0.7, -0.7, 40.0, -40.0, 800.0, -800.0, 1e15, -1e15)
COUNTS = (0, 1, 2, 17, 1000, 10**9, 10**15)
MAGNITUDES = (1e-300, 1e-200, 1e-15, 0.1, 1.0, 3.5, 1e15, 1e200, 1e300)
AROUND = (1e-8, 0.5, 1.0, -1.0, 2.5, -40.0, 1e5)
INSIDE_UNIT = (1e-300, 1e-15, 0.25, 0.5, 0.75, 1 - 2**-30, 1 - 2**-53)


def signed():
    """Magnitudes of both signs and 0."""
    return (0.0, *MAGNITUDES, *(-m for m in MAGNITUDES))


@dataclass(frozen=True)
class Grid:
    """One distribution: `values(**parameters)` are where it is evaluated for one choice of
    parameters; `inside` tells
    those in the support; values are int64 where `counts`, and so are the parameters of `whole`."""

    name: str
    make: Callable
    formula: Callable
    parameters: dict
    values: Callable
    inside: Callable = lambda x, **_: True
    counts: bool = False
    whole: tuple = ()
    valid: Callable = field(default=lambda **_: True)
    quantity: Callable = pt.logp

    def __str__(self):
        return self.name

    def points(self, every=1, start=0):
        """The rows (x, *parameters), each `every`-th of them."""
        rows = []
        for choice in itertools.product(*self.parameters.values()):
            given = dict(zip(self.parameters, choice, strict=True))
            if self.valid(**given):
                rows += [(x, *choice) for x in dict.fromkeys(self.values(**given))]
        return rows[start::every]

    def graph(self, dtype):
        """(inputs, log density) with x first, all of them vectors."""
        n = pt.Dim.name(f"points of {self.name}")
        x = pt.tensor("x", (n,), "int64" if self.counts else dtype)
        given = {
            k: pt.tensor(k, (n,), "int64" if k in self.whole else dtype) for k in self.parameters
        }
        return [x, *given.values()], self.quantity(self.make(**given), x)


def near(place, scale):
    return (*signed(), place, *(place + z * scale for z in AROUND))


def positives(scale=1.0):
    return (0.0, *MAGNITUDES, *(abs(z) * scale for z in AROUND), -1.0, -1e-300)


LOCATED = [
    ("normal", R.normal, truth.normal, "sigma"),
    ("cauchy", R.cauchy, truth.cauchy, "sigma"),
    ("laplace", R.laplace, truth.laplace, "b"),
    ("logistic", R.logistic, truth.logistic, "s"),
]
HALF = [
    ("half_normal", R.half_normal, truth.half_normal),
    ("half_cauchy", R.half_cauchy, truth.half_cauchy),
]


def nonnegative(x, **_):
    return x >= 0


def above_zero(x, **_):
    return x > 0


def within(x, **_):
    return 0 <= x <= 1


GRIDS = [
    *(Grid(name, make, formula, {"mu": PLACES, scale: SCALES},
           lambda mu, scale=scale, **p: near(mu, p[scale]))
      for name, make, formula, scale in LOCATED),
    *(Grid(name, make, formula, {"sigma": SCALES}, lambda sigma: positives(sigma), nonnegative)
      for name, make, formula in HALF),
    Grid("normal by precision", R.normal, truth.normal_tau, {"mu": PLACES, "tau": SCALES},
         lambda mu, tau: near(mu, tau**-0.5)),
    Grid("student_t", R.student_t, truth.student_t,
         {"nu": SHAPES, "mu": (0.0, -3.0, 1e15), "sigma": (1e-15, 0.4, 1e15)},
         lambda nu, mu, sigma: near(mu, sigma)),
    Grid("half_student_t", R.half_student_t, truth.half_student_t, {"nu": SHAPES, "sigma": SCALES},
         lambda nu, sigma: positives(sigma), nonnegative),
    Grid("log_normal", R.log_normal, truth.log_normal, {"mu": PLACES, "sigma": SCALES},
         lambda mu, sigma: (*positives(), *np.exp(np.clip(mu + sigma * np.array(AROUND), -700,
                                                          700))), above_zero),
    Grid("uniform", R.uniform, truth.uniform, {"low": (0.0, -3.0, 1e15, -1e15),
                                               "high": (1.0, 1e-15, -2.999, 1e15, 2e15)},
         lambda low, high: (low, high, (low + high) / 2, np.nextafter(low, -np.inf),
                            np.nextafter(high, np.inf), *signed()),
         lambda x, low, high: low <= x <= high, valid=lambda low, high: low < high),
    Grid("exponential", R.exponential, truth.exponential, {"lam": SCALES},
         lambda lam: positives(1 / lam), nonnegative),
    Grid("exponential by scale", R.exponential, truth.exponential_scale, {"scale": SCALES},
         lambda scale: positives(scale), nonnegative),
    Grid("gamma", R.gamma, truth.gamma, {"alpha": SHAPES, "beta": SCALES},
         lambda alpha, beta: (*positives(1 / beta), alpha / beta), nonnegative),
    Grid("gamma by moments", R.gamma, truth.gamma_moments,
         {"mu": (1e-15, 1e-3, 1.0, 7.0, 1e15), "sigma": (1e-15, 1e-3, 1.0, 7.0, 1e15)},
         lambda mu, sigma: (*positives(sigma), mu), nonnegative,
         # Shapes of 1e+-60 have no float near their slopes.
         valid=lambda mu, sigma: 1e-7 <= (mu / sigma) ** 2 <= 1e15),
    Grid("inverse_gamma", R.inverse_gamma, truth.inverse_gamma, {"alpha": SHAPES, "beta": SCALES},
         lambda alpha, beta: (*positives(beta), beta / (alpha + 1)), above_zero),
    Grid("beta", R.beta, truth.beta, {"alpha": SHAPES, "beta": SHAPES},
         lambda alpha, beta: (0.0, 1.0, *INSIDE_UNIT, alpha / (alpha + beta), -1e-300, 1 + 2**-52),
         within),
    Grid("beta by mean", R.beta, truth.beta_mean,
         {"mu": (1e-15, 0.3, 0.5, 1 - 2**-30), "kappa": SHAPES},
         lambda mu, kappa: (*INSIDE_UNIT, mu, -1e-300, 1 + 2**-52), within,
         valid=lambda mu, kappa: mu < 1),
    Grid("flat", R.flat, truth.flat, {}, signed),
    Grid("half_flat", R.half_flat, truth.flat, {}, positives, above_zero),
    Grid("bernoulli", R.bernoulli, truth.bernoulli, {"p": CHANCES}, lambda p: (0, 1, 2, -1),
         lambda x, p: x in (0, 1), True),
    Grid("bernoulli by logit", R.bernoulli, truth.bernoulli_logit, {"logit_p": LOGITS},
         lambda logit_p: (0, 1, 2, -1), lambda x, logit_p: x in (0, 1), True),
    Grid("binomial", R.binomial, truth.binomial, {"n": COUNTS, "p": CHANCES},
         lambda n, p: (0, 1, n // 3, n - 1, n, n + 1), lambda x, n, p: 0 <= x <= n, True, ("n",)),
    Grid("binomial by logit", R.binomial, truth.binomial_logit, {"n": COUNTS, "logit_p": LOGITS},
         lambda n, logit_p: (0, 1, n // 3, n - 1, n, n + 1), lambda x, n, logit_p: 0 <= x <= n,
         True, ("n",)),
    Grid("poisson", R.poisson, truth.poisson, {"mu": (0.0, 1e-300, *SCALES)},
         lambda mu: (*COUNTS, int(mu), -1), nonnegative, True),
    Grid("negative_binomial", R.negative_binomial, truth.negative_binomial,
         {"mu": SCALES, "alpha": SHAPES}, lambda mu, alpha: (*COUNTS, int(mu), -1), nonnegative,
         True),
    Grid("negative_binomial by chance", R.negative_binomial, truth.negative_binomial_chance,
         {"n": SHAPES, "p": (1e-15, 0.3, 0.5, 1 - 2**-30)}, lambda n, p: (*COUNTS, -1),
         nonnegative, True),
]  # fmt: skip


def log_cdf(distribution, x):
    """The logarithm of a distribution's distribution function."""
    return distribution.op.distribution.logcdf(x, *distribution.inputs)


def moderate(values, least=-np.inf):
    """Those above a bound whose squares are floats."""
    return tuple(x for x in values if x > least and (x == 0 or 1e-150 < abs(x) < 1e150))


CDFS = [
    *(Grid(f"cdf of {name}", make, formula, {"mu": PLACES, scale: SCALES},
           lambda mu, scale=scale, **p: moderate(near(mu, p[scale])), quantity=log_cdf)
      for name, make, formula, scale in [
          ("normal", R.normal, truth.normal_cdf, "sigma"),
          ("cauchy", R.cauchy, truth.cauchy_cdf, "sigma"),
          ("laplace", R.laplace, truth.laplace_cdf, "b"),
          ("logistic", R.logistic, truth.logistic_cdf, "s"),
      ]),
    *(Grid(f"cdf of {name}", make, formula, {scale: SCALES},
           lambda **p: moderate(positives(*p.values()), 0), quantity=log_cdf)
      for name, make, formula, scale in [
          ("half_normal", R.half_normal, truth.half_normal_cdf, "sigma"),
          ("half_cauchy", R.half_cauchy, truth.half_cauchy_cdf, "sigma"),
          ("exponential", R.exponential, truth.exponential_cdf, "lam"),
      ]),
    Grid("cdf of log_normal", R.log_normal, truth.log_normal_cdf, {"mu": PLACES, "sigma": SCALES},
         lambda mu, sigma: moderate(positives(), 0), quantity=log_cdf),
    Grid("cdf of uniform", R.uniform, truth.uniform_cdf, {"low": (0.0, -3.0), "high": (1.0, 1e15)},
         lambda low, high: (high, (low + high) / 2, low + 1e-3), quantity=log_cdf),
]  # fmt: skip
