"""The native chain draw for draw against the plain Python one: trees, weights, step size, metric,
windows, random numbers, and the tempering of distant starts."""

import numpy as np
import pytest

from cython_ext.samplers.chain import Progress
from cython_ext.samplers.nuts import normals
from probtensor.sample.kernels.nuts import Nuts, new_traces, run_chain
from tests.sample.reference import Chain, Stream

SAME = ("lp", "n_steps", "tree_depth", "acceptance_rate", "step_size", "diverging", "energy",
        "reached_max_treedepth", "energy_error", "max_energy_error",
        "index_in_trajectory")  # fmt: skip


def both(posterior, start, *, draws, tune, seed=1, chain=0, **settings):
    """(native draws, native records, reference draws, reference records) of all iterations, and
    pairs of starts of divergences, nan where there is none, and of metrics that are left."""
    nuts = Nuts(draws=draws, tune=tune, keep_warmup=True, keep_divergences=True, **settings)
    traces = new_traces(nuts, chain + 1, posterior.dim)
    run_chain(
        posterior, posterior.context(), nuts, traces, np.array(start, float), seed=seed,
        chain=chain, progress=Progress(),
    )  # fmt: skip
    plain = Chain(
        posterior.logp_and_grad, start, seed=seed, chain=chain, target=nuts.target_accept,
        metric=nuts.metric, max_depth=nuts.max_treedepth,
    )  # fmt: skip
    found, records = plain.run(tune, tune + draws, nuts.early_max_treedepth)
    none = np.full(posterior.dim, np.nan)
    starts = np.array([none if (q := r["divergence_start"]) is None else q for r in records])
    rest = (traces.divergence_starts[chain], starts), (traces.inverse_mass[chain], plain.w)
    return traces.draws[chain], traces.records[chain], found, records, rest


def agree(native, records, plain, plain_records, rest=(), rtol=1e-6):
    scale = np.abs(plain).max(axis=0)
    np.testing.assert_allclose(native / scale, plain / scale, atol=rtol)
    for name in SAME:
        expected = np.array([record[name] for record in plain_records], float)
        np.testing.assert_allclose(records[name], expected, rtol=1e-5, atol=1e-6, err_msg=name)
    if rest:
        (begun, wanted), (metric, plain_metric) = rest
        np.testing.assert_allclose(begun / scale, wanted / scale, atol=rtol)
        np.testing.assert_allclose(metric, plain_metric, rtol=100 * rtol)


def test_normals_are_those_of_the_reference():
    z = normals(11, 3, 20_000)
    assert np.abs(z).max() > 3.66  # the tail is among them
    np.testing.assert_allclose(z, Stream(11, 3).normals(20_000), rtol=1e-14)


@pytest.mark.parametrize("metric", ["diag_grad", "diag"])
def test_a_normal_with_scales_apart(density, metric):
    """Refreshes of the metric, switches at 10, 20, 40, 80 and a last part of 30."""
    posterior = density("scaled_normal", 5, [0.2, 0.5, 1.0, 3.0, 10.0])
    agree(*both(posterior, [1.0, -1.5, 0.3, 1.9, -0.7], draws=40, tune=120, metric=metric))


@pytest.mark.parametrize("target", [0.6, 0.95])
def test_a_correlated_normal_in_an_odd_dimension(density, target):
    covariance = np.array([[1.0, 0.9, 0.0], [0.9, 2.0, -0.5], [0.0, -0.5, 0.7]])
    posterior = density("correlated_normal", 3, np.linalg.inv(covariance))
    agree(*both(posterior, [1.0, -1.0, 0.5], draws=150, tune=60, target_accept=target, chain=2))


def test_deep_trees(density):
    """A normal whose slow direction no diagonal finds: trees of hundreds of leaves."""
    precision = np.full((4, 4), 4000.0) + np.eye(4)
    depths = set()
    for seed in range(1, 6):
        result = both(density("correlated_normal", 4, precision), [0.1, 0.2, -0.1, 0.3],
                      draws=4, tune=0, seed=seed)  # fmt: skip
        agree(*result)
        depths |= {record["tree_depth"] for record in result[3]}
    assert max(depths) >= 7


def test_weights_from_a_start_far_out(density):
    """The first trajectories' weights span hundreds of orders of magnitude, both ways, so that
    trees that wait are weighed anew."""
    posterior = density("scaled_normal", 4, np.ones(4))
    for seed in (1, 2, 3, 4, 5, 20, 80):
        agree(*both(posterior, np.array([90.0, -60.0, 300.0, 10.0]), draws=5, tune=20, seed=seed))


def test_weights_that_overflow_as_numbers(density):
    """With these seeds a leaf is more than e^709 above the one that weights refer to."""
    posterior = density("scaled_normal", 2, [1.0, 2.0])
    for seed in (7, 11, 42, 51, 64):
        agree(*both(posterior, [260.0, -240.0], draws=3, tune=20, seed=seed))


def test_acceptance_is_of_the_start_whatever_the_weights_refer_to(density):
    """A trajectory falls by more than 500 and comes back above its start."""
    posterior = density("scaled_normal", 1, [1.0])
    agree(*both(posterior, [80.0], draws=1, tune=12, target_accept=0.6, seed=61))


def test_the_early_depth_ends_with_the_tenth(density):
    precision = np.full((4, 4), 4000.0) + np.eye(4)
    result = both(density("correlated_normal", 4, precision), [0.1, 0.2, -0.1, 0.3],
                  draws=2, tune=50, early_max_treedepth=1)  # fmt: skip
    depths = [record["tree_depth"] for record in result[3]]
    assert max(depths[:5]) == 1 < depths[5]
    agree(*(part[:8] for part in result[:4]))


def test_steps_that_err_and_diverge(density):
    """With steps held too large, divergences and low weights are the rule."""
    posterior = density("funnel", 2)
    records = []
    for seed in range(1, 9):
        result = both(posterior, [-3.0, 0.2], draws=4, tune=12, seed=seed, target_accept=0.4)
        agree(*result, rtol=1e-3)
        records += result[3]
    assert any(record["diverging"] for record in records)


@pytest.mark.parametrize("metric", ["diag_grad", "diag"])
def test_a_tempered_start_is_annealed_alike(density, metric):
    posterior = density("scaled_normal", 3, [1e-6, 1.0, 30.0])
    result = both(posterior, [1.0, -1.5, 0.4], draws=10, tune=80, metric=metric, max_treedepth=3)
    agree(*result)


def test_a_start_is_tempered_twice(density):
    """Scales so different that only narrow coordinates reach the typical set in the first pass."""
    posterior = density("scaled_normal", 4, [1e-8, 1e-6, 1e-4, 1.0])
    result = both(posterior, [1.0, -1.5, 0.4, 1.2], draws=5, tune=160, max_treedepth=3)
    agree(*result)


def test_tempering_begins_at_its_threshold(density):
    """A gradient of just below and just above 1e10, or 1e6 for draws, a hundred times the limit."""
    for metric, scale in (("diag_grad", 1e-5), ("diag", 1e-3)):
        posterior = density("scaled_normal", 2, [scale, 1.0])
        for size in (0.999, 1.001):
            options = {"draws": 3, "tune": 40, "max_treedepth": 3, "metric": metric}
            agree(*both(posterior, [size, 0.4], **options))


@pytest.mark.parametrize("tune", [0, 1, 3, 4, 15, 21])
def test_short_warmups(density, tune):
    posterior = density("scaled_normal", 2, [1.0, 3.0])
    agree(*both(posterior, [0.4, -1.0], draws=10, tune=tune))
