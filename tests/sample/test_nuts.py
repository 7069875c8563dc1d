"""Whether NUTS draws from the density it is given, and what its warm-up adapts."""

import numpy as np
import pytest
from scipy import stats

from cython_ext.samplers.chain import Adapt, Progress
from probtensor.sample.adaptation.schedule import warmup_schedule
from probtensor.sample.diagnostics import measures as diagnostics
from probtensor.sample.kernels.nuts import Nuts, new_traces, run_chain


def run(posterior, chains=4, seed=1, start=None, **settings):
    """(draws, records, inverse mass) of chains run one after the other."""
    nuts = Nuts(**settings)
    traces = new_traces(nuts, chains, posterior.dim)
    for chain in range(chains):
        first = np.full(posterior.dim, 0.5) if start is None else start
        done = run_chain(
            posterior, posterior.context(), nuts, traces, first, seed=seed, chain=chain,
            progress=Progress(),
        )  # fmt: skip
        assert done == nuts.iterations
    return traces.draws, traces.records, traces.inverse_mass


def z_scores(draws, exact):
    """Errors of the means of draws[chains, n, k] in standard errors."""
    return (draws.mean(axis=(0, 1)) - exact) / diagnostics.mcse_mean(draws)


def test_moments_of_the_standard_normal(density):
    draws = run(density("scaled_normal", 6, np.ones(6)), draws=5000)[0]
    for power, exact in ((1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)):
        assert np.abs(z_scores(draws**power, exact)).max() < 4.0


@pytest.mark.parametrize("target,metric", [(0.8, "diag_grad"), (0.8, "diag"), (0.45, "diag")])
def test_a_correlated_normal_exactly(density, target, metric):
    """Kolmogorov and Smirnov on thinned draws, and second moments, at coarse steps as well."""
    covariance = np.array([[1.0, 0.9, 0.0], [0.9, 2.0, -0.5], [0.0, -0.5, 0.7]])
    posterior = density("correlated_normal", 3, np.linalg.inv(covariance))
    draws = run(posterior, draws=10_000, target_accept=target, metric=metric, seed=3)[0]
    for i in range(3):
        thinned = draws[:, ::20, i].ravel() / np.sqrt(covariance[i, i])
        assert stats.kstest(thinned, "norm").pvalue > 1e-4
    pairs = draws[..., :, None] * draws[..., None, :]
    assert np.abs(z_scores(pairs, covariance)).max() < 4.0


def test_the_funnel_mouth(density):
    """A density far from normal, where the log scale's own distribution is known."""
    draws = run(density("funnel", 3), draws=10_000, target_accept=0.97, seed=1)[0]
    wide = draws[..., 0] > 0.0
    assert abs(z_scores(wide[..., None].astype(float), 0.5)[0]) < 4.0


def test_one_dimension(density):
    draws = run(density("scaled_normal", 1, [3.0]), draws=5000)[0]
    assert abs(z_scores(draws, 0.0)[0]) < 4.0
    assert abs(z_scores(draws**2, 9.0)[0]) < 4.0


@pytest.mark.parametrize("target", [0.6, 0.8, 0.9, 0.95])
def test_the_step_size_reaches_the_target(schools, target):
    records = run(schools, target_accept=target)[1]
    assert abs(records["acceptance_rate"].mean() - target) < 0.04
    assert np.all(records["step_size"] == records["step_size"][:, :1])
    assert np.all(records["step_size"] == records["step_size_bar"])


@pytest.mark.parametrize("metric", ["diag", "diag_grad"])
def test_the_metric_finds_scales(density, metric):
    """Condition number 1e6 in the variances: found, and so trajectories are short."""
    scales = np.exp(np.linspace(np.log(0.03), np.log(30.0), 50))
    posterior = density("scaled_normal", 50, scales)
    _, records, found = run(posterior, metric=metric, draws=500)
    np.testing.assert_allclose(np.log(found / scales**2), 0.0, atol=0.6)
    assert records["n_steps"].mean() < 16


@pytest.mark.parametrize("name,dim,least", [("normal", 100, 120.0), ("schools", 10, 50.0)])
def test_effective_draws_per_gradient(density, schools, name, dim, least):
    """With the defaults, warm-up left out: the least bulk size per 1000 gradients of draws.

    135 and 60 are usual.
    """
    posterior = schools if name == "schools" else density("scaled_normal", dim, np.ones(dim))
    sizes = []
    for seed in (1, 2, 3):
        draws, records, _ = run(posterior, seed=seed)
        size = diagnostics.ess_bulk(draws).min()
        sizes.append(1000.0 * size / records["n_steps"].sum())
    assert np.mean(sizes) > least, sizes


def test_records_fit_together(schools):
    draws, records, _ = run(schools, max_treedepth=4)
    steps, depth = records["n_steps"], records["tree_depth"]
    full = records["reached_max_treedepth"] == 1
    assert np.all(depth <= 4)
    assert np.all(steps < 2**depth) and np.all(steps >= 2 ** (depth - 1))
    assert np.all(steps[full] == 15)
    assert np.all(np.abs(records["index_in_trajectory"]) <= steps)
    assert np.all(records["diverging"] + records["reached_max_treedepth"] <= 1)
    still = records["index_in_trajectory"] == 0
    assert np.all(records["energy_error"][still] == 0.0)
    stays = (draws[:, 1:] == draws[:, :-1]).all(axis=2)
    assert np.array_equal(stays, still[:, 1:])
    logp = [schools.logp_and_grad(q)[0] for q in draws[0, :20]]
    np.testing.assert_allclose(records["lp"][0, :20], logp, rtol=1e-13)
    assert np.all(records["energy"] >= -records["lp"])
    assert np.all(np.abs(records["energy_error"]) <= np.abs(records["max_energy_error"]))
    assert np.all(np.diff(records["perf_counter_start"]) > 0.0)


def test_a_start_far_out_comes_home(density):
    """Weights of the first trajectories span hundreds of orders of magnitude."""
    start = np.full(5, 200.0)
    draws, records, _ = run(density("scaled_normal", 5, np.ones(5)), start=start)
    assert np.all(np.isfinite(records["energy"]))
    assert np.abs(z_scores(draws, 0.0)).max() < 4.0


def test_trajectories_stop_at_the_edge_of_the_support(density):
    draws, records, _ = run(density("truncated", 2, [0.3]), start=np.zeros(2), draws=20_000)
    assert draws[..., 0].max() < 0.3
    assert records["diverging"].any()
    exact = -stats.norm.pdf(0.3) / stats.norm.cdf(0.3)
    assert abs(z_scores(draws, [exact, 0.0])[0]) < 4.0


def test_a_tight_early_depth_holds_for_a_tenth(density):
    scales = np.exp(np.linspace(0.0, 6.0, 20))
    posterior = density("scaled_normal", 20, scales)
    depth = run(
        posterior, keep_warmup=True, metric="diag", early_max_treedepth=3, draws=10
    )[1]["tree_depth"]  # fmt: skip
    assert depth[:, :100].max() == 3
    assert depth[:, 100:].max() > 3


@pytest.mark.parametrize("tune", [0, 1, 5, 10, 20, 100, 399, 1000, 5000])
def test_schedules(tune):
    flags = warmup_schedule(tune)
    learning = np.flatnonzero(flags & Adapt.COLLECT)
    assert flags.size == tune
    assert np.array_equal(learning, np.arange(learning.size))
    assert tune - learning.size >= max(int(0.15 * tune), min(50, tune // 4))
    switches = np.flatnonzero(flags & Adapt.SWITCH) + 1
    assert np.array_equal(switches, 10 * 2 ** np.arange(switches.size))
    assert 20 * 2 ** (switches.size - 1) > learning.size
    assert np.all(flags[switches - 1] & Adapt.REFRESH)
    assert not learning.size or flags[learning[-1]] & Adapt.REFRESH


@pytest.mark.parametrize("tune", [0, 1, 3, 15, 60])
def test_short_warmups_run(schools, tune):
    draws, records, _ = run(schools, tune=tune, draws=20, keep_warmup=True)
    assert draws.shape == (4, tune + 20, 10)
    assert np.isfinite(records["lp"]).all()
