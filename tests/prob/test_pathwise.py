"""Derivatives of draws by parameters: those of quantiles at fixed probabilities, and of means."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph import GraphError
from tests.prob.distributions import CONTINUOUS, DISTRIBUTIONS, without_tails
from tests.prob.exact_tails import CDF

R = pt.random
COUNT = 6


def kind_of(case):
    return type(case.variable().op.distribution).__name__


# Their quantiles are not known, nearly do not move with a parameter, or jump.
SMOOTH = [
    case for case in CONTINUOUS
    if kind_of(case) in CDF and case.parameters.get("nu", 0) < 1e6
    and case.name not in ("wald", "ex_gaussian", "wiener", "drift_diffusion")
]  # fmt: skip


@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_draws_move_as_quantiles_do(case):
    inputs = {name: pt.vector(name, shape=(COUNT,)) for name in case.parameters}
    x = case.make(**inputs)
    slopes = pt.grad(pt.sum(x), [*inputs.values()])
    f = pt.function([*inputs.values()], [x, pt.exp(pt.logcdf(x, x)), *slopes], target="machine",
                    seed=4)  # fmt: skip
    q = pt.vector("q", shape=(COUNT,))
    quantile = pt.function([q, *inputs.values()], pt.icdf(case.make(**inputs), q),
                           target="machine")  # fmt: skip
    at = {name: np.full(COUNT, float(v)) for name, v in case.parameters.items()}
    value, share, *found = f(**at)
    np.testing.assert_allclose(quantile(share, **at), value, rtol=1e-9)
    for name, slope in zip(at, found):
        step = 1e-5 * max(1.0, abs(at[name][0]))
        up = quantile(share, **{**at, name: at[name] + step})
        down = quantile(share, **{**at, name: at[name] - step})
        np.testing.assert_allclose(slope, (up - down) / (2 * step), rtol=1e-5, atol=1e-7)


def test_means_have_the_derivatives_of_expectations():
    """E[x^2] of a gamma variable is alpha (alpha + 1) / beta^2; second derivatives too."""
    alpha, beta = pt.scalar("alpha"), pt.scalar("beta")
    x = R.gamma(alpha, beta, shape=40_000)
    mean = pt.mean(x**2)
    first = pt.grad(mean, [alpha, beta])
    second = pt.grad(first[0], beta)
    f = pt.function([alpha, beta], [mean, *first, second], target="machine", seed=3)
    value, by_alpha, by_beta, both = f(1.7, 2.0)
    assert np.isclose(value, 1.7 * 2.7 / 4, rtol=0.03)
    assert np.isclose(by_alpha, (2 * 1.7 + 1) / 4, rtol=0.03)
    assert np.isclose(by_beta, -2 * 1.7 * 2.7 / 8, rtol=0.03)
    assert np.isclose(both, -2 * (2 * 1.7 + 1) / 8, rtol=0.03)


def test_forward_and_reverse_mode_agree():
    mu, sigma = pt.scalar("mu"), pt.scalar("sigma")
    x = R.normal(mu, sigma, shape=3)
    forward = pt.jvp(x, [mu, sigma], [pt.as_tensor(1.0), pt.as_tensor(0.5)])
    (jacobian,) = [pt.jacobian(x, sigma)]
    value, tangent, by_sigma = pt.function([mu, sigma], [x, forward, jacobian], target="machine",
                                           seed=1)(2.0, 3.0)  # fmt: skip
    np.testing.assert_allclose(by_sigma, (value - 2) / 3, rtol=1e-12)
    np.testing.assert_allclose(tangent, 1 + 0.5 * by_sigma, rtol=1e-12)


def test_truncated_draws_move_with_bounds_and_parameters():
    mu, low = pt.vector("mu", shape=(COUNT,)), pt.vector("low", shape=(COUNT,))
    x = R.normal(mu, 1.0, constraint=pt.interval(low, 2.0))
    slopes = pt.grad(pt.sum(x), [mu, low])
    share = pt.exp(pt.logcdf(x, x))
    at = [np.full(COUNT, 0.3), np.full(COUNT, -0.5)]
    value, share, *slopes = pt.function([mu, low], [x, share, *slopes], target="machine",
                                        seed=2)(*at)  # fmt: skip
    q = pt.vector("q", shape=(COUNT,))
    quantile = pt.function([q, mu, low], pt.icdf(x, q), target="machine")
    np.testing.assert_allclose(quantile(share, *at), value, rtol=1e-9)
    for k in (0, 1):
        moved = [quantile(share, *(a + s * (j == k) for j, a in enumerate(at)))
                 for s in (1e-6, -1e-6)]  # fmt: skip
        np.testing.assert_allclose(slopes[k], (moved[0] - moved[1]) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize("case", [c for c in DISTRIBUTIONS if c.discrete], ids=str)
def test_draws_of_counts_have_none(case):
    inputs = {name: pt.scalar(name) for name in case.parameters}
    with pytest.raises(GraphError, match="only through integers"):
        pt.grad(pt.sum(case.make(**inputs)) * 1.0, next(iter(inputs.values())))


def test_what_has_none_is_refused_with_its_reason():
    mu = pt.scalar("mu")
    with pytest.raises(GraphError, match=r"no derivative: .* not known here"):
        pt.grad(without_tails(mu, 1.0, 2.0), mu)
