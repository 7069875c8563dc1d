"""Chains that start far from the typical set, with huge gradients and energies, reach it."""

import numpy as np
import pytest
from scipy import integrate, special

from cython_ext.samplers.chain import uniforms
from probtensor.sample.diagnostics import measures as diagnostics
from tests.sample.test_nuts import run


def starts(posterior, chains=40, seed=7):
    """Uniform on (-2, 2), as with init="random"."""
    return np.array([4.0 * uniforms(seed, c, 0, posterior.dim) - 2.0 for c in range(chains)])


def runs(posterior, first, **settings):
    """Draws, records of chains with start points of their own."""
    parts = [
        run(posterior, chains=1, start=np.array(q, float), seed=11 + k, **{"draws": 300} | settings)
        for k, q in enumerate(first)
    ]
    return [np.concatenate([part[i] for part in parts]) for i in (0, 1)]


def check_sd(draws, sd, slack=0.25):
    """Every chain's own deviations."""
    ratio = draws.std(axis=1) / sd
    assert np.abs(np.log(ratio)).max() < slack, ratio


@pytest.fixture
def arma(density):
    rng = np.random.default_rng(4)
    series = 0.6 * np.sin(np.arange(200) / 7.0) + np.cumsum(0.03 * rng.normal(size=200))
    series += 0.12 * rng.normal(size=200)
    return density("arma", 4, [200.0, *series])


@pytest.mark.parametrize("metric", ["diag_grad", "diag"])
def test_forty_random_starts_of_a_time_series(arma, metric):
    """Where |theta| > 1 the density falls to e^(-1e100), with valleys as narrow as 1e-12 in which
    a cold chain ends. 38 of 40 would do."""
    _, records = runs(arma, starts(arma), metric=metric, draws=100)
    lp = np.median(records["lp"], axis=1)
    assert (lp > lp.max() - 15.0).sum() >= 39, lp


@pytest.mark.parametrize("metric", ["diag_grad", "diag"])
@pytest.mark.parametrize("power", [10, 50, 100, 200])
def test_steep_powers(density, power, metric):
    posterior = density("power", 1, [power])
    variance = 2.0 ** (2.0 / power) * special.gamma(3.0 / power) / special.gamma(1.0 / power)
    check_sd(runs(posterior, [[1.9], [-1.5], [1.2], [8.0]], metric=metric)[0], variance**0.5)


def test_a_steep_power_in_ten_dimensions(density):
    posterior = density("power", 10, [100.0])
    variance = 2.0**0.02 * special.gamma(0.03) / special.gamma(0.01)
    draws, _ = runs(posterior, starts(posterior, 2), draws=500)
    assert np.abs(np.log(draws.std(axis=(1, 2)) / variance**0.5)).max() < 0.25


def test_exponentials_of_squares(density):
    weight = integrate.quad(lambda x: np.exp(-np.exp(x * x)), -4, 4)[0]
    square = integrate.quad(lambda x: x * x * np.exp(-np.exp(x * x)), -4, 4)[0]
    posterior = density("double_exponential", 2)
    check_sd(runs(posterior, [[1.9, 1.9], [5.0, -5.0], [20.0, 20.0]])[0], (square / weight) ** 0.5)


@pytest.mark.parametrize("jitter", [1e3, 1e6, 1e10, 1e50])
def test_far_starts_of_a_normal(density, jitter):
    posterior = density("scaled_normal", 5, np.ones(5))
    first = np.random.default_rng(0).normal(size=(4, 5)) * jitter
    draws, records = runs(posterior, first)
    check_sd(draws, 1.0)
    assert np.abs(draws.mean(axis=(0, 1)) / diagnostics.mcse_mean(draws)).max() < 4.0
    assert records["n_steps"].mean() < 32


@pytest.mark.parametrize(
    "scales",
    [[1e-8, 1e-4, 1.0, 1e4, 1e8], [1.0, 1e3, 1e6, 1e9, 1e12], [1e-12, 1.0],
     np.logspace(-12, 6, 20), np.logspace(-15, 3, 10), [1e-12] * 9 + [1.0], [1e-12] + [1.0] * 9],
)  # fmt: skip
def test_scales_far_apart(density, scales):
    posterior = density("scaled_normal", len(scales), scales)
    draws, records = runs(posterior, starts(posterior, 4), draws=500)
    check_sd(draws, scales, 0.35)
    assert records["n_steps"].mean() < 16


def regression(density, scale, rows=24):
    """Four covariates from 1 to scale**2 in size, one of them nearly the constant; flat priors."""
    z = np.random.default_rng(7).normal
    x = np.column_stack([np.ones(rows), scale * z(size=rows), scale**2 * z(size=rows),
                         scale * (5.0 + z(size=rows))])  # fmt: skip
    y = x @ np.array([1.0, 2.0 / scale, -1.0 / scale**2, 0.5 / scale]) + z(size=rows)
    return density("regression", 5, [rows, 4.0, *np.column_stack([x, y]).ravel()])


@pytest.mark.parametrize("scale", [1e2, 1e4])
@pytest.mark.parametrize("width", [2.0, 10.0])
def test_regressions_with_covariates_unscaled(density, scale, width):
    """A tempered density is flat towards large deviations of the errors. Chains that coast there,
    to e^50 and more, do not come back within their warm-up: 4 of 60 did so."""
    posterior = regression(density, scale)
    first = np.random.default_rng(99).uniform(-width, width, size=(60, 5))
    _, records = runs(posterior, first, draws=50)
    lp = np.median(records["lp"], axis=1)
    assert (lp > np.median(lp) - 15.0).all(), lp


def test_the_log_density_recorded_is_that_of_the_model(density):
    """Even of warm-up draws, where the chain samples a tempered one."""
    posterior = density("power", 2, [100.0])
    draws, records = runs(posterior, [[1.9, -1.8]], tune=60, draws=5, keep_warmup=True)
    logp = [posterior.logp_and_grad(q)[0] for q in draws[0]]
    assert logp[0] < -1e20
    np.testing.assert_allclose(records["lp"][0], logp, rtol=1e-12)


def test_tempering_ends_with_the_first_quarter(density):
    """A narrow posterior, whose forces are large at home as well, is drawn from cold."""
    posterior = density("scaled_normal", 2, [1e-14, 1e-14])
    draws, _ = runs(posterior, [[1.0, -1.0]], tune=400, draws=400)
    check_sd(draws, 1e-14)


def test_no_warm_up_no_tempering(density):
    draws, _ = runs(density("power", 1, [100.0]), [[1.9]], tune=0, draws=3)
    assert np.isfinite(draws).all()
