"""Densities as samplers see them: on the unconstrained space, from u = -700 to 700, with scales of
1e+-15, against mpmath."""

import numpy as np
import pytest

import probtensor as pt
from tests.prob import truth
from tests.prob.judge import faults, report
from tests.prob.truth import dual, exp, mp, softplus

R = pt.random
HALF = (0.0, 1e-10, 0.5, -3.0, 30.0, -40.0, 345.0, -345.0, 700.0, -700.0)
WHOLE = (0.0, 1e-300, -1e-15, 0.5, -40.0, 1e15, -1e200, 1e300)
SCALES = (1e-15, 0.4, 1e15)


def positive(formula):
    """A density of x = exp(u), as one of u."""
    return lambda u, *p: formula(exp(u), *p) + u


def sigmoid(u):
    e = mp.exp(-abs(u.value))
    small, large = e / (1 + e), 1 / (1 + e)
    return u.by(large if u.value >= 0 else small, small * large)


def between(formula, low, high):
    """A density of a number between two bounds, as one of its logit."""

    def density(u, *p):
        slope = u - 2 * softplus(u) + mp.log(mp.mpf(high) - low)
        return formula(low + (mp.mpf(high) - low) * sigmoid(u), *p) + slope

    return density


def beta_of_logit(u, a, b):
    scale = truth.lgamma(dual(a, u) + b) - truth.lgamma(dual(a, u)) - truth.lgamma(dual(b, u))
    return scale - a * softplus(-u) - b * softplus(u)


CASES = {
    "half_normal": (lambda s: R.half_normal(s, name="x"), positive(truth.half_normal), HALF),
    "half_cauchy": (lambda s: R.half_cauchy(s, name="x"), positive(truth.half_cauchy), HALF),
    "half_student_t": (lambda s: R.half_student_t(2.5, s, name="x"),
                       positive(lambda x, s: truth.half_student_t(x, dual(2.5, x), s)), HALF),
    "exponential": (lambda s: R.exponential(s, name="x"), positive(truth.exponential), HALF),
    "gamma": (lambda s: R.gamma(2.5, s, name="x"),
              positive(lambda x, s: truth.gamma(x, dual(2.5, x), s)), HALF),
    "inverse_gamma": (lambda s: R.inverse_gamma(2.5, s, name="x"),
                      positive(lambda x, s: truth.inverse_gamma(x, dual(2.5, x), s)), HALF),
    "log_normal": (lambda s: R.log_normal(0.7, s, name="x"),
                   lambda u, s: truth.normal(u, 0.7, s), HALF),
    "beta": (lambda s: R.beta(0.3, 2.5, name="x"), lambda u, s: beta_of_logit(u, 0.3, 2.5), HALF),
    "uniform": (lambda s: R.uniform(-3.0, 0.5, name="x"),
                between(lambda x, s: -mp.log(mp.mpf(3.5)), -3.0, 0.5), HALF),
    "cauchy": (lambda s: R.cauchy(0.7, s, name="x"),
               lambda x, s: truth.cauchy(x, 0.7, s), WHOLE),
    "student_t": (lambda s: R.student_t(4.0, 0.7, s, name="x"),
                  lambda x, s: truth.student_t(x, dual(4.0, x), 0.7, s), WHOLE),
    "logistic": (lambda s: R.logistic(0.7, s, name="x"),
                 lambda x, s: truth.logistic(x, 0.7, s), WHOLE),
    "laplace": (lambda s: R.laplace(0.7, s, name="x"), lambda x, s: truth.laplace(x, 0.7, s),
                WHOLE),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_posteriors_of_one_variable(name):
    make, formula, places = CASES[name]
    bad = []
    for scale in SCALES:
        posterior = pt.condition({}, track=[make(scale)], target="interp")
        for place in places:
            value, slope = posterior.logp_and_grad(np.array([place]))
            got = [value, slope[0] if value > -np.inf else None, None]
            # What a slope is the difference of: 1 of the Jacobian, and what the density has.
            bad += faults(formula, (place, scale), got, "float64", scale=4)
    assert not bad, report(bad)
