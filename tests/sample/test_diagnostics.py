"""Convergence measures: equal to ArviZ, and right where ArviZ has no say."""

import numpy as np
import pytest

from probtensor.sample.diagnostics import measures as diagnostics
from probtensor.sample.runs.output import load_arviz

MEASURES = ("rhat", "ess_bulk", "ess_tail", "ess_mean", "mcse_mean")


def chains(shape, rho, seed=0):
    """Autoregressions: [chains, draws, 6], some of them far from well."""
    generator = np.random.default_rng(seed)
    noise = generator.normal(size=(*shape, 6))
    x = noise.copy()
    for t in range(1, shape[1]):
        x[:, t] = rho * x[:, t - 1] + noise[:, t]
    x[:, :, 1] += np.arange(shape[0])[:, None]
    x[:, :, 2] = np.cumsum(x[:, :, 2], axis=1)
    x[:, :, 3] = 3.0
    x[:, :, 4] = np.sign(x[:, :, 4]) * x[:, :, 4] ** 4
    x[:, :, 5] *= 1.0 + 3.0 * np.arange(shape[0])[:, None]
    return x


def arviz_says(measure, draws):
    arviz = load_arviz()
    if measure == "rhat":
        return arviz.rhat(draws)
    if measure == "mcse_mean":
        return arviz.mcse(draws, method="mean")
    return arviz.ess(draws, method=measure.removeprefix("ess_"), **tail_of(arviz, measure))


def tail_of(arviz, measure):
    new = int(arviz.__version__.split(".")[0]) >= 1
    return {"prob": (0.05, 0.95)} if new and measure == "ess_tail" else {}


@pytest.mark.parametrize("shape", [(4, 500), (2, 101), (3, 40), (1, 64), (4, 7)], ids=str)
@pytest.mark.parametrize("rho", [-0.9, 0.0, 0.6, 0.97])
def test_equal_to_arviz(shape, rho):
    x = chains(shape, rho)
    for measure in MEASURES:
        if measure == "rhat" and shape[0] == 1:
            assert np.isnan(diagnostics.rhat(x)).all()
            continue
        found = getattr(diagnostics, measure)(x)
        expected = [float(arviz_says(measure, x[:, :, k])) for k in range(x.shape[2])]
        np.testing.assert_allclose(found, expected, rtol=1e-10, err_msg=measure)


def test_ties_share_their_rank():
    from scipy.special import ndtri
    from scipy.stats import rankdata

    x = np.round(np.random.default_rng(1).normal(size=(2, 4, 100)), 1)
    scores = diagnostics._rank_normal(x)
    for row, found in zip(x, scores):
        expected = ndtri((rankdata(row) - 0.375) / (row.size + 0.25))
        np.testing.assert_allclose(found.ravel(), expected, rtol=1e-13)


def test_together_is_each_alone():
    x = chains((4, 200), 0.5).reshape(4, 200, 2, 3)
    alone = [getattr(diagnostics, name)(x) for name in ("rhat", "ess_bulk", "ess_tail")]
    for found, expected in zip(diagnostics.convergence(x), alone):
        np.testing.assert_array_equal(found, expected)
        assert found.shape == (2, 3)


@pytest.mark.parametrize("threads", [1, 3])
def test_blocks_and_threads_do_not_matter(monkeypatch, threads):
    x = chains((4, 100), 0.3)
    whole = diagnostics.convergence(x)
    monkeypatch.setattr(diagnostics, "BLOCK_VALUES", 900)
    for found, expected in zip(diagnostics.convergence(x, threads), whole):
        np.testing.assert_array_equal(found, expected)


def test_no_number_from_no_information():
    x = chains((4, 100), 0.3)
    x[2, 50, 1] = np.nan
    found = diagnostics.rhat(x)
    assert np.isnan(found[1]) and np.isfinite(found[0])
    for measure in MEASURES[:4]:
        assert np.isnan(getattr(diagnostics, measure)(x[:, :3])).all()


def test_bfmi_is_arviz_bfmi():
    energy = chains((4, 300), 0.8)[:, :, 0]
    mean_square = np.mean(np.diff(energy, axis=1) ** 2, axis=1)
    np.testing.assert_allclose(diagnostics.bfmi(energy), mean_square / energy.var(axis=1, ddof=1))
    arviz = load_arviz()
    if int(arviz.__version__.split(".")[0]) < 1:
        np.testing.assert_allclose(diagnostics.bfmi(energy), arviz.bfmi(energy), rtol=1e-12)


def nested_by_definition(draws, each):
    """Margossian et al. (2024), equations of section 2, one coordinate at a time."""
    groups = [draws[k : k + each] for k in range(0, len(draws) // each * each, each)]
    means = [group.mean() for group in groups]
    between = np.var(means, ddof=1)
    within = np.mean([
        np.var([chain.mean() for chain in group], ddof=1)
        + np.mean([np.var(chain, ddof=1) for chain in group])
        for group in groups
    ])  # fmt: skip
    return np.sqrt(1.0 + between / within)


def test_nested_rhat_is_the_definition():
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(200, 7, 3)) + 0.3 * rng.normal(size=(200, 1, 3)) + 1e6
    rhat, _ = diagnostics.nested(draws)
    each = diagnostics.superchain_size(200)
    assert each == 4
    for i in range(3):
        np.testing.assert_allclose(rhat[i], nested_by_definition(draws[..., i], each), rtol=1e-9)


def test_nested_rhat_tells_short_chains_that_agree_from_those_that_do_not():
    rng = np.random.default_rng(2)
    draws = rng.normal(size=(512, 10))
    rhat, size = diagnostics.nested(draws)
    assert rhat < 1.01
    assert 0.8 * draws.size < size < 1.25 * draws.size
    apart = draws + np.repeat(rng.normal(size=64), 8)[:, None]
    assert diagnostics.nested(apart)[0] > 1.3


def test_the_effective_size_of_many_chains_is_that_of_long_ones():
    """Autoregressive chains, whose effective size is known: n (1 - a) / (1 + a)."""
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(256, 400))
    draws = np.empty_like(noise)
    draws[:, 0] = noise[:, 0]
    for n in range(1, 400):
        draws[:, n] = 0.8 * draws[:, n - 1] + 0.6 * noise[:, n]
    _, size = diagnostics.nested(draws)
    expected = draws.size / 9.0
    assert 0.75 * expected < size < 1.35 * expected


def test_chains_are_many_from_128_on():
    assert [diagnostics.superchain_size(n) for n in (1, 127, 128, 129, 4096)] == [1, 1, 2, 3, 64]
