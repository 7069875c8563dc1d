"""Shapes from dims, lengths from coords, and predictions for other data and new groups."""

import warnings

import numpy as np
import pytest

import probtensor as pt
from tests.prob.distributions import DISTRIBUTIONS

R = pt.random


def test_every_distribution_takes_its_shape_from_dims():
    seen = set()
    for case in DISTRIBUTIONS:
        x = case.variable(name="x", dims=("row", "item"))
        event = x.ndim - len(x.op.batch)
        assert x.ndim == 2 and [str(n) for n in x.op.batch] == ["row", "item"][: 2 - event]
        seen.add(x.op.distribution.name)
        kind = x.op.distribution
        if kind.discrete or kind.improper or kind.has_atoms:
            continue
        coords = {"row": list("ab"), "item": [10, 20, 30]}
        y = R.normal(pt.sum(x), 1.0, name="y")
        posterior = pt.condition({y: 0.0}, coords=coords, target="interp")
        assert posterior.model.free[0].shape == (2, 3)
        # A free angle is a point in the plane.
        assert posterior.dim == (12 if "von_mises" in case.name else 6)
    assert len(seen) > 30


def test_vectors_deterministics_and_data():
    w = R.dirichlet([1.0, 2.0, 3.0], name="w", dims=("row", "kind"))
    v = R.multivariate_normal(0.0, np.eye(3), name="v", dims=("row", "kind"))
    d = pt.deterministic(w + v, name="d", dims=("row", "kind"))
    x = pt.data(np.ones((2, 3)), name="x", dims=("row", "kind"))
    y = R.normal(d * x, 1.0, name="y", dims=("row", "kind"))
    assert [str(n) for n in w.shape] == ["row", "3"]
    posterior = pt.condition({y: np.zeros((2, 3))}, coords={"kind": list("abc")}, target="machine")
    assert posterior.lengths == {"row": 2, "kind": 3} and posterior.dim == 4 + 6
    assert set(posterior.dims) == {"w", "v", "d", "x", "y"}


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: R.normal(0, 1, name="x", shape=2, dims=("a", "b")), "1 axis, dims= names 2"),
        (lambda: R.gamma(1, 1, name="x", shape=(2, 2), dims=("a", "a")), "'a' twice"),
        (lambda: pt.deterministic(pt.as_tensor([1.0]), name="d", dims=()), "1 axis"),
        (lambda: pt.data([1.0], name="d", dims=3), "names of axes"),
        (lambda: pt.condition({R.normal(pt.sum(R.normal(0, 1, name="x", dims="a")), 1): 0.0}),
         "size of x is not known.*\n.*\n.*coords"),
    ],
)  # fmt: skip
def test_wrong_dims_say_what_is_wrong(call, text):
    with pytest.raises(pt.GraphError, match=text):
        call()


def radon():
    rng = np.random.default_rng(0)
    county = pt.data(np.repeat(np.arange(5), 4), name="county_of", dims="home")
    floor = pt.data(rng.integers(0, 2, 20).astype(float), name="floor", dims="home")
    mu, tau = R.normal(0, 1, name="mu"), R.half_normal(1, name="tau")
    slope, sigma = R.normal(0, 1, name="slope"), R.half_normal(1, name="sigma")
    level = R.normal(mu, tau, name="level", dims="county", centered=False)
    y = R.normal(level[county] + slope * floor, sigma, name="y", dims="home")
    data = rng.normal(np.repeat([2.0, 1.0, 0.0, -1.0, -2.0], 4), 0.3)
    posterior = pt.condition({y: data}, coords={"county": list("abcde")}, target="machine")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pt.SamplerWarning)
        idata = pt.sample(posterior, draws=200, tune=200, chains=2, seed=1, progress=False)
    return (mu, tau, slope, sigma, level, county, floor, y), posterior, idata


def test_predictions_for_other_homes_and_new_counties():
    (mu, tau, slope, sigma, level, county, floor, y), posterior, idata = radon()
    other = {county: [0, 4, 4], floor: [0.0, 0.0, 1.0]}
    found = pt.sample_posterior_predictive(idata, y, data=other, seed=1).posterior_predictive["y"]
    assert found.shape == (2, 200, 3) and found.dims[2] == "home"
    means = np.asarray(found).mean((0, 1))
    assert abs(means[0] - 2) < 0.4 and abs(means[1] + 2) < 0.4
    # A county that was not there has the distribution of counties, given mu and tau.
    new = R.normal(mu, tau, name="new_level", shape=2)
    joined = pt.concatenate([level, new])
    z = R.normal(joined[county] + slope * floor, sigma, name="z", dims="home")
    both = pt.sample_posterior_predictive(
        idata, [z, new], data={county: [0, 5, 6], floor: np.zeros(3)}, seed=2
    ).posterior_predictive
    assert abs(float(both["z"][..., 0].mean()) - 2) < 0.4
    assert np.asarray(both["z"])[..., 1].std() > 3 * np.asarray(both["z"])[..., 0].std()
    assert np.corrcoef(np.ravel(both["z"][..., 2]), np.ravel(both["new_level"][..., 1]))[0, 1] > 0.9
    with pytest.raises(IndexError, match="out of bounds"):
        pt.sample_posterior_predictive(idata, y, data={county: [0, 5], floor: [0.0, 0.0]})
    larger = R.normal(mu, tau, name="level", shape=8)
    with pytest.raises(ValueError, match=r"draws \(5,\)\n.*\n.*pt.concatenate"):
        pt.sample_posterior_predictive(idata, R.normal(larger, sigma, name="w"))
    # The prior predictive of the same, with other data.
    prior = pt.sample_prior(posterior.with_data({county: [0, 4], floor: [0.0, 1.0], y: [0.0, 0.0]}),
                            draws=5, seed=1)  # fmt: skip
    assert prior.prior["level"].shape == (1, 5, 5) and prior.prior_predictive["y"].shape == (
        1,
        5,
        2,
    )


def test_arviz_compares_and_perturbs():
    az = pytest.importorskip("arviz")
    _, posterior, idata = radon()
    terms = pt.log_likelihood(posterior, idata)
    idata.extend(terms)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loo = az.loo(idata)
        sensitivity = az.psens(idata, component="prior")
    assert np.isfinite(float(loo.elpd_loo))
    # The sum of both groups is the log density without the Jacobians of q.
    q = posterior.unconstrain({n: np.asarray(idata.posterior[n])[1, 7] for n in posterior.names})
    total = sum(float(terms.log_likelihood[n][1, 7].sum()) for n in terms.log_likelihood.data_vars)
    total += sum(float(terms.log_prior[n][1, 7].sum()) for n in terms.log_prior.data_vars)
    table = pt.table(posterior, q)
    densities = [v for v, t in zip(table["value"], table["term"]) if "Jacobian" not in t]
    assert np.isclose(total, sum(densities))
    assert {"mu", "level"} <= set(sensitivity.data_vars)
