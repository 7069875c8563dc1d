"""Parameters of priors from probabilities between two bounds, against SciPy's distributions."""

import numpy as np
import pytest
from scipy import stats

import probtensor as pt

R = pt.random
FIND = pt.find_constrained_prior


@pytest.mark.parametrize(
    ("made", "bounds", "guess", "options", "frozen"),
    [
        (R.gamma, (0.5, 4.0), {"alpha": 2.0, "beta": 1.0}, {"mass": 0.9},
         lambda alpha, beta: stats.gamma(alpha, scale=1 / beta)),
        (R.normal, (-1e3, 5.0), {"mu": 0.0, "sigma": 1.0}, {},
         lambda mu, sigma: stats.norm(mu, sigma)),
        (R.beta, (0.2, 0.3), {"alpha": 1.0, "beta": 1.0}, {"mass": 0.99},
         lambda alpha, beta: stats.beta(alpha, beta)),
        (R.student_t, (0.0, 1.0), {"mu": 0.0, "sigma": 1.0}, {"fixed_params": {"nu": 7}},
         lambda mu, sigma, nu: stats.t(nu, mu, sigma)),
        (R.inverse_gamma, (0.1, 100.0), {"alpha": 5.0, "beta": 5.0}, {"mass": 0.98},
         lambda alpha, beta: stats.invgamma(alpha, scale=beta)),
        (R.log_normal, (0.1, 100.0), {"mu": 0.0, "sigma": 1.0},
         {"mass": 0.98, "mass_below_lower": 1e-3},
         lambda mu, sigma: stats.lognorm(sigma, scale=np.exp(mu))),
        (R.exponential, (0.0, 3.0), {"lam": 1.0}, {"mass": 0.9},
         lambda lam: stats.expon(scale=1 / lam)),
        (R.poisson, (1, 15), {"mu": 5.0}, {"mass": 0.9}, stats.poisson),
        (R.negative_binomial, (1, 60), {"mu": 5.0, "alpha": 2.0}, {"mass": 0.8},
         lambda mu, alpha: stats.nbinom(alpha, alpha / (alpha + mu))),
    ],
)  # fmt: skip
def test_probabilities_are_those_asked_for(made, bounds, guess, options, frozen):
    found = FIND(made, *bounds, guess, **options)
    assert list(found) == [*guess, *options.get("fixed_params", {})]
    distribution, mass = frozen(**found), options.get("mass", 0.95)
    step = made in (R.poisson, R.negative_binomial)
    below, above = distribution.cdf(bounds[0] - step), distribution.sf(bounds[1])
    assert np.isclose(below + above, 1 - mass, rtol=1e-5)
    if len(guess) == 2:
        assert np.isclose(below, options.get("mass_below_lower", (1 - mass) / 2), rtol=1e-5)
    assert made(**found).shape == ()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: FIND(R.half_normal, 5, 6, {"sigma": 1.0}), ValueError, "nearest, sigma=5.49"),
        (lambda: FIND(R.normal, 1, 0, {"mu": 0.0}), ValueError, "below upper"),
        (lambda: FIND(R.normal, 0, 1, {"mu": 0.0}, mass=2), ValueError, "between 0 and 1"),
        (lambda: FIND(R.normal, 0, 1, {"mu": 0.0}, mass_below_lower=0.5), ValueError, "mass_below"),
        (lambda: FIND(R.normal, 0, 1, {}), ValueError, "one or two"),
        (lambda: FIND(R.normal, 0, 1, {"mu": np.zeros(2)}), TypeError, "single number"),
        (lambda: FIND(np.add, 0, 1, {"x1": 1.0}), TypeError, "add"),
    ],
)
def test_what_cannot_be_found_says_so(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_bounds_far_from_the_first_guess():
    for lower, upper in ((20_000.0, 80_000.0), (1000.0, 1001.0), (1e-8, 3e-8), (-1e9, -0.99e9)):
        found = pt.find_constrained_prior(pt.random.normal, lower, upper, {"mu": 0, "sigma": 1})
        truth = stats.norm((lower + upper) / 2, (upper - lower) / 2 / stats.norm.isf(0.025))
        np.testing.assert_allclose([found["mu"], found["sigma"]], [truth.mean(), truth.std()])
    # Of one parameter, from where almost nothing is between the bounds.
    for lower, upper in ((5e4, np.inf), (-np.inf, -5e4), (5e4, 5.5e4)):
        found = FIND(R.normal, lower, upper, {"mu": 0}, fixed_params={"sigma": 1e3})
        truth = stats.norm(found["mu"], 1e3)
        assert np.isclose(truth.cdf(upper) - truth.cdf(lower), 0.95, rtol=1e-6)


def test_two_parameters_and_one_bound_are_refused_without_warnings():
    with pytest.raises(ValueError, match="no normal was found"):
        FIND(R.normal, 5e4, np.inf, {"mu": 0, "sigma": 1e3})
