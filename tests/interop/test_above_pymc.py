"""Packages above PyMC: models of Bambi, pymc-extras and PyMC-Marketing, as they make them."""

import warnings

import numpy as np
import pytest

pytest.importorskip("pymc")

import pytensor

from probtensor.interop import pymc as ptpm

QUIET = {"progressbar": False, "random_seed": 1}


@pytest.fixture(autouse=True)
def without_compilers():
    with pytensor.config.change_flags(mode="FAST_COMPILE", cxx=""), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # runs are short
        yield


def agrees(model, spread=0.2):
    """Compare densities and gradients with PyMC's at some points, in differences of densities."""
    posterior = ptpm.posterior(model, target="machine", progress=False)
    start, reference = model.initial_point(), model.logp_dlogp_function(ravel_inputs=True)
    reference.set_extra_values({})
    sizes = [start[v.name].size for v in model.value_vars]
    ends = dict(zip([v.name for v in model.value_vars], np.cumsum(sizes), strict=True))
    values = [model.rvs_to_values[model[name]].name for name in posterior.names]
    order = np.concatenate([np.arange(ends[v] - start[v].size, ends[v]) for v in values])
    middle = np.concatenate([np.ravel(start[v.name]) for v in model.value_vars]).astype(float)
    rng, gaps = np.random.default_rng(0), []
    for _ in range(3):
        q = middle + spread * rng.normal(size=middle.size)
        wanted, slope = reference(q)
        value, gradient = posterior.logp_and_grad(q[order])
        assert np.isfinite(value)
        gaps.append(value - wanted)
        scale = np.abs(slope).max()
        np.testing.assert_allclose(gradient, slope[order], rtol=1e-8, atol=1e-8 * scale)
    assert np.ptp(gaps) < 1e-10 * (1 + abs(value))


def test_a_formula_of_bambi():
    pytest.importorskip("bambi")
    from examples import bambi_model

    model = bambi_model.model()
    model.build()
    agrees(model.backend.model)
    with ptpm.in_place_of_pymc(chains=2, target="machine"):
        idata = model.fit(draws=150, tune=200, **QUIET)
    assert idata.posterior["1|district"].dims == ("chain", "draw", "district__factor_dim")
    slope = idata.posterior["age"]
    assert abs(float(slope.mean()) - bambi_model.SLOPE) < 5 * float(slope.std())
    model.predict(idata, kind="response")
    assert idata.posterior_predictive["visits"].shape == (2, 150, 240)
    new = model.predict(idata, data=bambi_model.data().iloc[:3], inplace=False)
    assert new.posterior["mu"].shape == (2, 150, 3)


def test_deterministics_of_bambi_whose_dims_have_other_lengths():
    bambi = pytest.importorskip("bambi")
    import pandas as pd

    rng = np.random.default_rng(0)
    x = rng.normal(size=60)
    y = pd.Categorical(rng.integers(1, 5, 60), ordered=True)
    model = bambi.Model("y ~ x", pd.DataFrame({"x": x, "y": y}), family="cumulative")
    model.build()
    agrees(model.backend.model)


def test_a_state_space_model_of_pymc_extras():
    pytest.importorskip("pymc_extras.statespace")
    from examples import pymc_statespace

    space, model = pymc_statespace.model()
    agrees(model)
    idata = ptpm.sample(
        60, tune=150, chains=1, model=model, target="machine", compute_convergence_checks=False,
        **QUIET,
    )  # fmt: skip
    assert idata.posterior["params_season"].dims == ("chain", "draw", "state_season")
    noise = idata.posterior["sigma_noise"]
    assert abs(float(noise.mean()) - pymc_statespace.NOISE) < 5 * float(noise.std())
    assert space.k_states == idata.posterior["P0"].shape[-1]


def test_a_media_mix_model_of_pymc_marketing():
    pytest.importorskip("pymc_marketing")
    from examples import media_mix

    model, (table, y) = media_mix.model(), media_mix.data()
    model.build_model(table, y)
    agrees(model.model)
    with ptpm.in_place_of_pymc(chains=1, target="machine"):
        idata = model.fit(table, y, draws=30, tune=60, **QUIET)
        found = model.sample_posterior_predictive(table, **QUIET)
    assert idata.posterior["adstock_alpha"].dims == ("chain", "draw", "channel")
    assert found["y"].sizes["date"] == media_mix.WEEKS
