"""Convergence measures: equal to ArviZ, and right where ArviZ has no say."""

import numpy as np
import pytest

from probtensor.sample import diagnostics
from probtensor.sample.output import load_arviz

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
