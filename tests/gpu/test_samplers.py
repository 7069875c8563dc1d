"""Samplers that stay on the device, over densities written by hand."""

import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import probtensor as pt
from cython_ext.samplers import chain as native
from probtensor.device import compiler
from probtensor.sample import SamplerWarning, SamplingError, sample
from probtensor.sample.device import layout
from probtensor.sample.device import run as run_module
from probtensor.sample.device.chains import Chains, chains_of, text_of
from probtensor.sample.diagnostics import measures as diagnostics
from probtensor.sample.settings import Chees, Nuts
from tests.models import EIGHT_SCHOOLS
from tests.models import by_hand as models

NVCC = shutil.which("nvcc")
ROOT = Path(__file__).resolve().parents[2]
GROUPS = ("thread", "warp", "block")
SOME_GROUPS = ("warp", *(pytest.param(g, marks=pytest.mark.slow) for g in ("thread", "block")))
# Chains and iterations that the host can run in about a second, by group.
LOADS = {"thread": (64, 150), "warp": (8, 60), "block": (2, 30)}
quiet = pytest.mark.filterwarnings("ignore::probtensor.SamplerWarning")
KINDS = {"nuts": Nuts, "pooled": partial(Nuts, pooled=True), "chees": Chees}
ARGUMENTS = {"nuts": {}, "pooled": {"pooled": True}, "chees": {"sampler": "chees"}}
both = pytest.mark.parametrize("sampler", ["nuts", "chees"])
each = pytest.mark.parametrize("sampler", KINDS)
pytestmark = [quiet, pytest.mark.slow]


def run(posterior, chains, draws, tune, **settings):
    return sample(posterior, draws, tune, chains, seed=3, progress=False, **settings)


def draws_of(idata):
    return np.asarray(idata.posterior["q"])


def close(draws, mean, deviation, errors=5.0):
    """Are means and variances those of a normal, to a few Monte Carlo errors?"""
    size = np.minimum(diagnostics.ess_mean(draws), draws.shape[0] * draws.shape[1])
    found = draws.mean(axis=(0, 1))
    np.testing.assert_array_less(np.abs(found - mean), errors * deviation / np.sqrt(size))
    square = (draws - mean) ** 2
    size = np.minimum(diagnostics.ess_mean(square), square.shape[0] * square.shape[1])
    slack = errors * np.sqrt(2.0 / size) * deviation**2
    np.testing.assert_array_less(np.abs(square.mean(axis=(0, 1)) - deviation**2), slack)


@pytest.fixture
def make(device_driver):
    """Chains of a sampler that have started, with room for all their draws."""

    def make(posterior, settings, chains, given=None, superchain_size=1):
        started = chains_of(posterior, settings, chains, 3, superchain_size)
        started.start(given)
        started.open_window(settings.iterations - settings.kept)
        return started

    return make


def finished(device_chains, settings, cuts=()):
    """float64[chains, kept, dim] and records, launched in the pieces that `cuts` end."""
    for stop in (*cuts, settings.iterations):
        device_chains.advance(stop)
    device_chains.wait()
    shape = (device_chains.chains, len(device_chains.window))
    draws, records = np.empty((*shape, device_chains.dim)), np.empty(shape, device_chains.record)
    device_chains.driver.download(device_chains.draws.address, draws, device_chains.stream)
    device_chains.driver.download(device_chains.records.address, records, device_chains.stream)
    device_chains.wait()
    return draws, records


# ---- are the draws right? ----


@each
@pytest.mark.parametrize("group", SOME_GROUPS)
def test_moments_of_a_correlated_normal(device_driver, group, sampler):
    posterior, covariance = models.correlated(group=group)
    chains, length = LOADS[group]
    idata = run(posterior, chains, length, max(60, length), **ARGUMENTS[sampler])
    close(draws_of(idata), np.zeros(6), np.sqrt(np.diag(covariance)))


@both
@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_moments_of_a_regression(device_driver, group, sampler):
    posterior, mean, covariance = models.regression(group=group)
    chains, length = LOADS[group]
    idata = run(posterior, chains, length, max(60, length), **ARGUMENTS[sampler])
    close(draws_of(idata), mean, np.sqrt(np.diag(covariance)))


@each
def test_eight_schools_with_names(device_driver, sampler):
    idata = run(models.Schools(), 64, 300, 300, **ARGUMENTS[sampler])
    # By quadrature over (mu, log tau), the effects integrated out.
    assert abs(float(idata.posterior.mu.mean()) - 4.397) < 0.25
    assert abs(float(idata.posterior.tau.mean()) - 3.598) < 0.25
    assert idata.posterior.z.dims == ("chain", "draw", "school")
    assert idata.posterior.attrs["sampler"] == ("chees" if sampler == "chees" else "nuts")
    assert idata.posterior.attrs["device"] == device_driver.name


@both
@pytest.mark.parametrize(("name", "dim"), [("normal", 6), ("funnel", 3)])
def test_a_transition_leaves_the_distribution_alone(make, sampler, name, dim):
    """Chains that start at exact draws are at exact draws ever after, whatever the step size."""
    from scipy.stats import kstest, norm

    chains = 3000
    rng = np.random.default_rng(8)
    given = rng.normal(size=(chains, dim))
    if name == "normal":
        posterior, covariance = models.correlated(dim)
        given = given @ np.linalg.cholesky(covariance).T
        deviation = np.sqrt(covariance[0, 0])
    else:
        posterior = models.by_hand(models.FUNNEL, dim)
        deviation = 3.0
        given[:, 0] *= 3.0
        given[:, 1:] *= np.exp(given[:, :1] / 2.0)
    kind = KINDS[sampler]
    settings = kind(draws=4, tune=0, metric="diag", max_treedepth=5)
    device_chains = make(posterior, settings, chains, given)
    if sampler == "nuts":  # the step size found depends on the start, which is not invariant
        states = device_chains.read_states()
        states["step_size"] = 0.5
        device_chains.driver.upload(device_chains.states.address, states)
    draws = finished(device_chains, settings)[0]
    assert (np.abs(draws[:, -1] - given).max(axis=1) > 0).mean() > 0.6
    assert kstest(draws[:, -1, 0] / deviation, norm.cdf).pvalue > 1e-4
    if name == "funnel":
        scaled = draws[:, -1, 1] * np.exp(-draws[:, -1, 0] / 2.0)
        assert kstest(scaled, norm.cdf).pvalue > 1e-4


@both
def test_start_points_are_those_of_the_cpu(make, sampler):
    settings = KINDS[sampler](draws=1, tune=0)
    device_chains = make(models.by_hand(models.FUNNEL, 5, "warp"), settings, 3)
    vectors = np.empty((3, layout.CHAIN_VECTORS, 5))
    device_chains.driver.download(device_chains.chain_vectors.address, vectors)
    for chain in range(3):
        expected = 4.0 * native.uniforms(3, chain, 0, 5) - 2.0
        np.testing.assert_array_equal(vectors[chain, layout.POSITION], expected)


def test_many_chains_share_start_points(make):
    settings = Nuts(draws=1, tune=0)
    size = diagnostics.superchain_size(130)
    device_chains = make(models.by_hand(models.FUNNEL, 2), settings, 130, superchain_size=size)
    vectors = np.empty((130, layout.CHAIN_VECTORS, 2))
    device_chains.driver.download(device_chains.chain_vectors.address, vectors)
    starts = vectors[:, layout.POSITION]
    assert size == 3
    assert len(np.unique(starts, axis=0)) == 44
    np.testing.assert_array_equal(starts[0], starts[2])


@each
def test_a_compiled_posterior(device_driver, sampler):
    """A hierarchy with gathers, and a workspace: the draws agree with those of the CPU."""
    rng = np.random.default_rng(4)
    group = rng.integers(0, 12, size=120)
    data = rng.normal(size=12)[group] + 0.5 * rng.normal(size=120)

    def posterior(target):
        level = pt.random.normal(0, 2, name="level")
        spread = pt.random.half_normal(1, name="spread")
        effect = pt.random.normal(level, spread, shape=12, name="effect")
        noise = pt.random.half_normal(1, name="noise")
        y = pt.random.normal(effect[group], noise, name="y")
        return pt.condition({y: data}, target=target)

    here = run(posterior("cuda"), 8, 100, 100, **ARGUMENTS[sampler]).posterior
    there = run(posterior("cython"), 4, 1000, 500).posterior
    assert set(here) == set(there)
    for name in here:
        axes = ("chain", "draw")
        error = there[name].std(axes) / np.sqrt(0.05 * 800)
        assert (np.abs(here[name].mean(axes) - there[name].mean(axes)) < 4 * error).all(), name


def test_draws_are_those_of_the_cpu_in_distribution(device_driver):
    """The same algorithm leaves the same statistics of its trees."""
    y = np.array(EIGHT_SCHOOLS["y"])
    sigma = np.array(EIGHT_SCHOOLS["sigma"])
    mu = pt.random.normal(0, 5, name="mu")
    tau = pt.random.half_cauchy(5, name="tau")
    z = pt.random.normal(0, 1, shape=8, name="z")
    observed = pt.random.normal(mu + tau * z, sigma, name="y")
    posterior = pt.condition({observed: y})
    here = run(posterior, 32, 500, 300).sample_stats
    there = run(models.Schools(), 32, 500, 300).sample_stats
    for name, slack in (("n_steps", 0.15), ("acceptance_rate", 0.02), ("step_size", 0.1)):
        one, other = float(here[name].mean()), float(there[name].mean())
        assert abs(one - other) < slack * one, (name, one, other)
    assert set(there) == set(here) - {"perf_counter_start", "perf_counter_diff"}


# ---- nothing depends on how it is run ----


@each
def test_groups_agree_up_to_rounding(make, sampler):
    kind = KINDS[sampler]
    settings = kind(draws=4, tune=4, keep_warmup=True)
    found = [
        finished(make(models.correlated(group=group)[0], settings, 2), settings) for group in GROUPS
    ]
    for draws, records in found[1:]:
        np.testing.assert_allclose(draws, found[0][0], rtol=1e-7, atol=1e-7)
        np.testing.assert_array_equal(records["n_steps"], found[0][1]["n_steps"])


@each
@pytest.mark.parametrize("group", ["thread", pytest.param("warp", marks=pytest.mark.slow)])
def test_draws_do_not_depend_on_cuts_or_order(make, sampler, group, monkeypatch):
    kind = KINDS[sampler]
    settings = kind(draws=13, tune=80)
    chains = 40 if group == "thread" else 3
    posterior = models.Schools(group)
    whole = finished(make(posterior, settings, chains), settings)
    for order, cuts in (("reverse", (1, 2, 9, 67, 80)), ("7", (79, 81))):
        monkeypatch.setenv("CUDA_ON_HOST_ORDER", order)
        pieces = finished(make(posterior, settings, chains), settings, cuts)
        np.testing.assert_array_equal(pieces[0], whole[0])
        for name in whole[1].dtype.names:
            np.testing.assert_array_equal(pieces[1][name], whole[1][name])


def test_a_chain_does_not_depend_on_how_many_there_are(make):
    settings = Nuts(draws=10, tune=10)
    few = finished(make(models.Schools(), settings, 3), settings)[0]
    more = finished(make(models.Schools(), settings, 70), settings)[0]
    np.testing.assert_array_equal(more[:3], few)


@each
def test_windows_give_the_same_draws(device_driver, sampler, monkeypatch):
    settings = {"keep_warmup": True} | ARGUMENTS[sampler]
    settings |= {} if sampler == "chees" else {"keep_divergences": True}
    whole = run(models.Schools(), 5, 12, 11, **settings)
    monkeypatch.setattr(Chains, "_most_rows", lambda self, nbytes: 7)
    pieces = run(models.Schools(), 5, 12, 11, **settings)
    for group in ("warmup_posterior", "posterior", "sample_stats", "warmup_sample_stats"):
        for name in whole[group]:
            np.testing.assert_array_equal(pieces[group][name], whole[group][name])
    assert whole.warmup_posterior.sizes["draw"] == 11


@each
def test_nothing_is_copied_or_allocated_in_the_loop(make, sampler):
    kind = KINDS[sampler]
    settings = kind(draws=20, tune=20)
    device_chains = make(models.Schools(), settings, 33)
    device_chains.advance(2)
    before = dict(device_chains.driver.counts)
    for stop in range(3, 41):
        device_chains.advance(stop)
    device_chains.wait()
    after = device_chains.driver.counts
    for name in ("uploads", "downloads", "allocations"):
        assert after[name] == before.get(name, 0), name
    graphs = 0 if sampler == "nuts" else 18
    assert after["graphs"] - before.get("graphs", 0) == graphs
    assert after["launches"] - before["launches"] == 38 - graphs


def test_a_silent_run_copies_a_fixed_number_of_times(device_driver):
    counts = []
    for draws in (5, 60):
        before = device_driver.counts["downloads"]
        run(models.Schools(), 3, draws, 5)
        counts.append(device_driver.counts["downloads"] - before)
    assert counts[0] == counts[1] <= 5


# ---- the flow, the adaptation ----

THERE_AND_BACK = """
extern "C" __global__ void there_and_back(pt_data data, pt_run run, double *out)
{
    const pt_chain g;
    const pt_target target = pt_target_of(data, run, g.index());
    pt_point z;
    pt_vector w;
    double logp;
    PT_EACH(k, i)
    {
        z.q[k] = 0.1 * i - 0.3;
        w[k] = 0.5 + 0.1 * i;
    }
    pt_evaluate(g, target, z);
    pt_momenta(g, 77, 0, w, z.p);
    double *row = out + 3 * PT_DIM * g.index();
    for (int n = 0; n < 20; ++n)
        row[2 * PT_DIM + n % PT_DIM] = pt_leapfrog(g, target, w, 0.05, z, logp);
    PT_EACH(k, i) row[i] = z.q[k];
    for (int n = 0; n < 20; ++n)
        pt_leapfrog(g, target, w, -0.05, z, logp);
    PT_EACH(k, i) row[PT_DIM + i] = z.q[k];
}
"""


@pytest.mark.parametrize("group", GROUPS)
def test_the_flow_is_reversible_and_keeps_the_energy(device_driver, group):
    posterior = models.Schools(group)
    density = posterior.device_code(f'#include "pt_chain.cuh"\n{THERE_AND_BACK}')
    threads = 256 if group == "block" else 32
    groups = {"thread": 32, "warp": 1, "block": 1}[group]
    states = device_driver.alloc(groups * layout.STATE.itemsize)
    shared = device_driver.alloc(groups * 2 * 10 * 8)
    out = device_driver.alloc(groups * 30 * 8)
    fields = {"states": states.address, "shared_vectors": shared.address, "chains": groups}
    parameters = density.data + layout.packed(layout.RUN, fields)
    parameters += np.uint64(out.address).tobytes()
    device_driver.launch(
        density.program.module.function("there_and_back"), 1, threads, 0, parameters
    )
    rows = np.empty((groups, 3, 10))
    device_driver.download(out.address, rows)
    for there, back, energies in rows:
        assert np.abs(there - (0.1 * np.arange(10) - 0.3)).max() > 0.1
        np.testing.assert_allclose(back, 0.1 * np.arange(10) - 0.3, atol=1e-12)
        assert np.ptp(energies) < 0.05


def test_acceptance_and_metric_of_nuts(device_driver):
    posterior, _ = models.correlated(dim=8, scale=100.0)
    stats = run(posterior, 64, 200, 300).sample_stats
    assert abs(float(stats.acceptance_rate.mean()) - Nuts().target_accept) < 0.05
    near_one = run(posterior, 16, 100, 200, target_accept=0.99).sample_stats
    assert float(near_one.acceptance_rate.mean()) > 0.97
    assert float(np.abs(near_one.max_energy_error).mean()) < 0.3
    assert float(near_one.step_size.mean()) < float(stats.step_size.mean())


def test_pooled_chains_learn_as_well_from_fewer_iterations(make):
    posterior, covariance = models.correlated(dim=8, scale=100.0)
    settings = Nuts(draws=50, tune=100, pooled=True)
    device_chains = make(posterior, settings, 128)
    records = finished(device_chains, settings)[1]
    assert np.unique(records["step_size"]).size == 1
    assert abs(records["acceptance_rate"].mean() - settings.target_accept) < 0.05
    mass = device_chains.read_inverse_mass()
    assert (mass == mass[0]).all()
    ratio = np.sqrt(mass[0] / np.diag(covariance))
    assert ratio.max() / ratio.min() < 1.25


def test_pooling_is_for_many_chains_on_a_device(device_driver):
    few = run(models.Schools(), 127, 1, 1)
    large = run(models.Schools(), 128, 1, 1)
    assert (few.posterior.attrs["pooled"], large.posterior.attrs["pooled"]) == (0, 1)
    x = pt.random.normal(0, 1, name="x")
    posterior = pt.condition({pt.random.normal(x, 1, name="y"): 0.5})
    with pytest.raises(ValueError, match="pooled=True"):
        sample(posterior, pooled=True)


@pytest.mark.slow
def test_chees_learns_one_step_size_length_and_metric(make):
    posterior, covariance = models.correlated(dim=8, scale=100.0)
    settings = Chees(draws=100, tune=400)
    device_chains = make(posterior, settings, 64)
    records = finished(device_chains, settings)[1]
    assert np.unique(records["step_size"]).size == 1
    rate = records["acceptance_rate"].clip(1e-3)
    assert abs(1.0 / (1.0 / rate).mean() - 0.651) < 0.12
    assert (np.ptp(records["n_steps"], axis=0) == 0).all()
    mass = device_chains.read_inverse_mass()
    assert (mass == mass[0]).all()
    ratio = np.sqrt(mass[0] / np.diag(covariance))
    assert ratio.max() / ratio.min() < 2.0
    # The criterion grows with T until trajectories turn: about a quarter of the longest period.
    longest = np.sqrt(np.linalg.eigvalsh(covariance / np.sqrt(np.outer(mass[0], mass[0]))).max())
    pooled = np.empty((), layout.POOLED_STATE)
    device_chains.driver.download(device_chains.pooled.address, pooled.reshape(1))
    length = float(np.exp(pooled["log_length"]))
    assert 0.8 * longest < length < 8.0 * longest


@pytest.mark.parametrize("depth", [1, 3])
@both
def test_trajectories_keep_to_their_limit(device_driver, sampler, depth):
    posterior, _ = models.correlated(scale=100.0)
    idata = run(posterior, 8, 30, 30, **ARGUMENTS[sampler], max_treedepth=depth, keep_warmup=True)
    steps = np.concatenate([idata.warmup_sample_stats.n_steps, idata.sample_stats.n_steps], axis=1)
    assert steps.max() <= 2**depth - 1
    assert steps.min() >= 1
    if sampler == "nuts":
        assert int(idata.sample_stats.tree_depth.max()) == depth
        assert bool(idata.sample_stats.reached_max_treedepth.any())


def test_divergences_are_flagged_where_they_start(device_driver):
    idata = run(models.by_hand(models.FUNNEL, 8), 32, 100, 100, keep_divergences=True)
    stats = idata.sample_stats
    flagged = np.asarray(stats.diverging)
    starts = np.asarray(stats.divergence_start)
    assert flagged.any()
    np.testing.assert_array_equal(np.isfinite(starts).all(axis=2), flagged)
    np.testing.assert_array_equal(np.isnan(starts).all(axis=2), ~flagged)
    assert (np.asarray(stats.max_energy_error)[flagged] > 1000).all()


@both
def test_warnings_count_the_divergences(device_driver, sampler):
    with pytest.warns(SamplerWarning, match="diverged"):
        run(models.by_hand(models.FUNNEL, 20), 32, 100, 50, **ARGUMENTS[sampler], target_accept=0.5)


# ---- what goes wrong ----


@both
@pytest.mark.parametrize("group", ["thread", "warp"])
def test_no_start_of_finite_density(device_driver, sampler, group):
    with pytest.raises(SamplingError, match=r"(?s)chain 0 cannot start.*is -inf.*100 points"):
        run(models.by_hand(models.NOWHERE, 3, group), 4, 5, 5, **ARGUMENTS[sampler])
    with pytest.raises(SamplingError, match="the given init"):
        init = np.zeros(3)
        run(models.by_hand(models.NOWHERE, 3, group), 4, 5, 5, **ARGUMENTS[sampler], init=init)


def test_a_flat_density(device_driver):
    with pytest.raises(SamplingError, match="not proper"):
        run(models.by_hand(models.FLAT, 3), 4, 5, 5)


@each
def test_a_density_that_fails(device_driver, sampler):
    with pytest.raises(SamplingError, match="failed with code 7"):
        run(models.by_hand(models.FAILING, 10), 32, 200, 50, **ARGUMENTS[sampler])


def test_chees_needs_a_device():
    x = pt.random.normal(0, 1, name="x")
    posterior = pt.condition({pt.random.normal(x, 1, name="y"): 0.5})
    with pytest.raises(ValueError, match=r'target="cuda"'):
        sample(posterior, sampler="chees")
    with pytest.raises(ValueError, match="sampler is one of"):
        sample(posterior, sampler="gibbs")


def test_settings_of_chees():
    with pytest.raises(ValueError, match="keep_divergences"):
        Chees(keep_divergences=True)
    with pytest.raises(ValueError, match="pooled=False"):
        Chees(pooled=False)
    assert Chees().target_accept == 0.651 and Chees().pooled


def test_too_many_chains_for_the_memory(device_driver, monkeypatch):
    monkeypatch.setattr(type(device_driver), "memory", lambda self: (1000, 1000))
    with pytest.raises(SamplingError, match="run fewer chains"):
        run(models.Schools(), 100, 5, 5)


# ---- watching and stopping ----


@each
def test_ctrl_c_keeps_what_was_drawn(device_driver, sampler, monkeypatch):
    waits = []
    wait = Chains.wait

    def interrupted(self):
        wait(self)
        waits.append(self.done)
        if len(waits) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Chains, "wait", interrupted)
    monkeypatch.setattr(run_module, "BATCH_SECONDS", 1e9)  # batches grow on a busy machine too
    idata = run(models.Schools(), 4, 1000, 20, **ARGUMENTS[sampler])
    length = waits[1] - 20
    assert 0 < length < 1000
    assert idata.posterior.sizes == {"chain": 4, "draw": length, "school": 8}
    assert f"first {length} of 1000" in idata.posterior.attrs["interrupted"]
    assert np.isfinite(idata.posterior.mu).all()


def test_ctrl_c_before_the_first_draw(device_driver, monkeypatch):
    def interrupted(self, stop):
        raise KeyboardInterrupt

    monkeypatch.setattr(Chains, "advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(models.Schools(), 4, 10, 20)


def test_progress_is_told(device_driver, capsys):
    seen = []
    sample(models.Schools(), 200, 100, 20, seed=1, progress=seen.append)
    last = seen[-1]
    assert [state.done for state in last] == [300] * 20
    assert all(state.gradients > 300 and state.step_size > 0 for state in last)
    sample(models.Schools(), 20, 10, 20, seed=1, progress=True)
    assert "sampled 20 chains of 10 + 20 iterations" in capsys.readouterr().err


def test_starts_can_be_given(device_driver):
    posterior, _ = models.correlated()
    init = np.arange(12.0).reshape(2, 6)
    idata = run(posterior, 2, 1, 0, init=init, max_treedepth=1)
    assert np.abs(draws_of(idata)[:, 0] - init).max() < 30.0


@each
@pytest.mark.parametrize("group", ["thread", pytest.param("warp", marks=pytest.mark.slow)])
def test_starts_far_out_come_in(device_driver, sampler, group):
    """From where the log density is -1e27: see tests/sample/test_far_starts.py."""
    posterior = models.by_hand(models.POWER, 2, group)
    chains, draws = (16, 150) if group == "thread" else (4, 60)
    init = np.where(np.arange(2 * chains).reshape(chains, 2) % 3 == 0, -1.9, 1.9)
    idata = run(posterior, chains, draws, 200, init=init, keep_warmup=True, **ARGUMENTS[sampler])
    spread = draws_of(idata).std(axis=(0, 1))
    np.testing.assert_allclose(spread, 0.573, rtol=0.2)
    q = np.asarray(idata.warmup_posterior["q"])
    lp = np.asarray(idata.warmup_sample_stats.lp)
    assert lp[:, 0].max() < -1e12
    np.testing.assert_allclose(lp, -0.5 * (np.abs(q) ** 100).sum(axis=2), rtol=1e-9, atol=1e-290)


# ---- the text ----


def ptxas_report(source, folder):
    """{kernel: bytes that it spills} by nvcc for compute capability 9.0."""
    place = folder / "sampler.cu"
    place.write_text(source)
    include = [f"-I{ROOT / name}" for name in ("cuda", "cython_ext/include")]
    options = [*compiler.OPTIONS, "-arch=sm_90", "-cubin", "-Xptxas", "-v", *include]
    command = [NVCC, *options, "-o", "sampler.cubin"]
    done = subprocess.run([*command, place.name], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = re.findall(r"entry function '(\w+)'.*?(\d+) bytes spill stores", done.stderr, re.S)
    return {name: int(spilled) for name, spilled in found}


@pytest.mark.skipif(NVCC is None, reason="nvcc is not installed")
@pytest.mark.parametrize("kind", [Nuts, Chees])
@pytest.mark.parametrize("group", SOME_GROUPS)
def test_kernels_compile_for_a_device(group, kind, tmp_path):
    """A thread that runs a chain of ten coordinates has registers enough."""
    report = ptxas_report(models.Schools(group).source(text_of(kind())), tmp_path)
    moving = "pt_nuts" if kind is Nuts else "pt_chees_move"
    assert {"pt_start", moving} <= set(report)
    if group == "thread":
        assert report["pt_start"] == report[moving] == 0
