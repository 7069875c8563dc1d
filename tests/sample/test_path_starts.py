"""Chains that begin near modes, by paths of an optimiser from random points."""

import numpy as np
import pytest

import probtensor as pt
from cython_ext.samplers.chain import uniforms
from probtensor.sample.paths import starts as module
from probtensor.sample.paths.starts import Numbers, starts_along_paths
from probtensor.sample.runs.start import _spread_rows, find_start

SEED = 5

NO_WARNINGS = pytest.mark.filterwarnings("ignore::probtensor.SamplerWarning")


def peaks(heights, scales=(0.3, 0.3), apart=12.0, dim=3):
    """A posterior with two normal modes, of log masses `heights`, at -apart / 2 and apart / 2 in
    every coordinate."""
    x = pt.random.flat(shape=dim, name="x")
    logs = [
        height - dim * np.log(scale) - 0.5 * pt.sum((x - middle) ** 2) / scale**2
        for height, scale, middle in zip(heights, scales, (-apart / 2, apart / 2))
    ]
    return pt.condition({}, potentials=[pt.potential(pt.logaddexp(*logs), name="u")])


def found(posterior, chains=4, contexts=1, seed=SEED):
    """The starts of a posterior."""
    contexts = [posterior.context() for _ in range(contexts)]
    return starts_along_paths(posterior, contexts, seed, chains)


def first_draws(posterior, **settings):
    """The state of each chain after one iteration."""
    settings = {"seed": SEED, "progress": False, "draws": 1, "tune": 0} | settings
    return np.asarray(pt.sample(posterior, **settings).posterior["x"])[:, 0]


def test_starts_lie_where_the_mass_is():
    """Of a normal density they have its mean and spread, whatever its scale."""
    scales = np.array([1e-3, 1.0, 1e3])
    x = pt.random.normal(50.0 * scales, scales, name="x")
    posterior = pt.condition({pt.random.normal(x, 1e9, name="y"): np.zeros(3)})
    points = np.array(found(posterior, chains=400))
    z = points / scales - 50.0
    assert np.abs(z.mean(axis=0)).max() < 0.25 and np.abs(np.log(z.std(axis=0))).max() < 0.25


@pytest.mark.parametrize("seed", range(4))
def test_a_poor_mode_gets_no_chain(seed):
    """Of mass exp(-30): half of the random points climb to it."""
    points = np.array(found(peaks([0.0, -30.0]), 30, seed=seed))
    np.testing.assert_allclose(points, -6.0, atol=2.0)


def test_modes_of_similar_mass_get_chains_each():
    """R-hat tells that there are several, as with random starts."""
    posterior = peaks([0.0, 0.0])
    right = np.array(found(posterior, 40)).mean(axis=1) > 0
    assert 5 < right.sum() < 35
    with pytest.warns(pt.SamplerWarning, match="R-hat"):  # and of the effective size
        pt.sample(posterior, draws=200, tune=200, chains=8, seed=SEED, progress=False)


def test_a_start_does_not_depend_on_other_chains_and_threads(monkeypatch):
    posterior = peaks([0.0, -1.0])
    whole = np.array(found(posterior, 6))
    assert len(np.unique(whole, axis=0)) == 6
    np.testing.assert_array_equal(found(posterior, 2), whole[:2])
    monkeypatch.setattr(module, "WORTH_THREADS", 0.0)
    np.testing.assert_array_equal(found(posterior, 6, contexts=3), whole)
    assert not np.array_equal(found(posterior, 6, seed=SEED + 1), whole)


def test_more_paths_are_tried_where_they_disagree(monkeypatch):
    means = []
    path = module._path

    def counted(density, seed, number):
        found = path(density, seed, number)
        means.append(found.mean)
        return found

    monkeypatch.setattr(module, "_path", counted)
    found(peaks([0.0, 0.0]))
    assert len(means) == 6
    numbers = set()
    for seed in range(8):
        means.clear()
        found(peaks([0.0, -30.0]), seed=seed)
        numbers.add(len(means))
        assert len(means) == (24 if np.ptp(means[:6]) > 10.0 else 6)
    assert numbers == {6, 24}


@NO_WARNINGS
def test_other_starts_need_no_paths(monkeypatch):
    """Points that are given, random ones, and those of a posterior that has its own."""
    posterior, asked = peaks([0.0, -1.0]), []

    def no_paths(*_):
        raise AssertionError("paths were climbed")

    monkeypatch.setattr(module, "starts_along_paths", no_paths)
    with pytest.raises(AssertionError, match="paths were climbed"):
        first_draws(posterior)
    first_draws(posterior, init="random")
    np.testing.assert_allclose(first_draws(posterior, init=np.full(3, 6.0)), 6.0, atol=2.0)
    start = find_start(posterior, posterior.context(), "random", seed=SEED, chain=1)
    np.testing.assert_array_equal(start, 4.0 * uniforms(SEED, 1, 0, 3) - 2.0)
    posterior.initial = lambda key, chain: asked.append(chain) or np.full(3, 6.0)
    first_draws(posterior)
    assert asked == [0, 1, 2, 3]


@NO_WARNINGS
def test_chains_begin_on_paths():
    posterior = peaks([0.0, 0.0])
    expected = np.array(found(posterior))
    assert len(np.unique(np.sign(expected))) == 2
    np.testing.assert_array_equal(np.sign(first_draws(posterior)), np.sign(expected))


def test_no_start_is_told_as_before():
    """A density that is finite nowhere, and one whose function of the user raises an error."""
    y = pt.random.uniform(0.0, pt.random.half_normal(1.0, name="x"), name="y")
    impossible = pt.condition({y: -1.0})
    assert found(impossible) == [None] * 4
    with pytest.raises(pt.SamplingError, match="chain 0 cannot start: the log density is -inf"):
        pt.sample(impossible, progress=False)


def test_an_error_of_the_density_is_raised(density):
    posterior = density("failing", 3)
    posterior.fail_after = 0
    assert found(posterior) == [None] * 4
    with pytest.raises(pt.SamplingError, match="failed with code"):
        pt.sample(posterior, progress=False)


def test_numbers_are_standard_normal():
    u = Numbers(1, 2, 3).standard_normal((4000, 5))
    assert abs(u.mean()) < 0.03 and abs(u.std() - 1.0) < 0.02
    assert abs(np.mean(u**4) - 3.0) < 0.2
    assert np.abs(np.corrcoef(u.T) - np.eye(5)).max() < 0.07


def test_equal_draws_are_one_start():
    """Rows of resampled draws are equal in part; chains take different ones where there are any."""
    x = np.array([3, 3, 3, 1, 3, 3, 2, 2])
    values = {"x": x.astype(float), "y": np.ones((8, 2))}
    assert sorted(x[_spread_rows(values, 3)]) == [1, 2, 3]
    rows = _spread_rows(values, 5)  # more chains than there are draws
    assert set(x[rows]) == {1, 2, 3} and len(rows) == 5
    assert _spread_rows({"x": np.arange(8.0)}, 4) == [1, 3, 5, 7]
    assert _spread_rows({}, 2) == [0, 0]
