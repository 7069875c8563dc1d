"""The chains' random numbers: distributed as they should be, and functions of their key."""

import numpy as np
import pytest
from scipy import stats

import cython_ext.random as numpy_meaning
import probtensor as pt
from cython_ext.samplers.chain import uniforms
from cython_ext.samplers.nuts import normals


def test_normals_are_normal_to_the_tails():
    z = normals(1, 0, 2_000_000)
    assert stats.kstest(z, "norm").pvalue > 1e-4
    # Equal shares of the mass, a few of them beyond the ziggurat's last edge at 3.65.
    edges = np.concatenate([[-4.5, -4.0, -3.7, -3.4], np.linspace(-3, 3, 61), [3.4, 3.7, 4.0, 4.5]])
    inner = np.diff(stats.norm.cdf(edges))
    expected = np.concatenate([[stats.norm.cdf(edges[0])], inner, [stats.norm.sf(edges[-1])]])
    counts = np.bincount(np.searchsorted(edges, z), minlength=edges.size + 1)
    assert stats.chisquare(counts, expected / expected.sum() * z.size).pvalue > 1e-4


TAIL = 3.6541528853610088  # the ziggurat's last edge
MANY = 4_000_000


def by_ziggurat():
    return normals(5, 2, MANY)


def by_numpy():
    return numpy_meaning.normal(*np.broadcast_arrays(np.uint64(5), np.arange(MANY, dtype="uint64")))


def by_model():
    """Through pt_random.h, in a compiled function."""
    return pt.draw(pt.random.normal(shape=MANY), seed=9)


@pytest.mark.parametrize("source", [by_ziggurat, by_numpy, by_model])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_tail_beyond_the_last_edge(source, dtype):
    """How many there are, on either side, and their distribution given that they are there."""
    z = source().astype(dtype).astype(float)
    beyond = np.abs(z[np.abs(z) > TAIL])
    expected = 2.0 * MANY * stats.norm.sf(TAIL)
    assert abs(beyond.size - expected) < 4.5 * np.sqrt(expected)
    assert abs((z > TAIL).sum() - 0.5 * beyond.size) < 4.5 * np.sqrt(0.25 * beyond.size)
    share = stats.norm.sf(beyond) / stats.norm.sf(TAIL)
    assert stats.kstest(share, "uniform").pvalue > 1e-4


def test_normals_do_not_follow_each_other():
    z = normals(2, 0, 1_000_000)
    for lag in (1, 2, 3, 256):
        assert abs(np.mean(z[lag:] * z[:-lag])) < 5e-3
        assert abs(np.mean(z[lag:] ** 2 * z[:-lag] ** 2) - 1.0) < 1.5e-2


def test_keys_make_streams():
    assert np.array_equal(normals(3, 1, 100), normals(3, 1, 100))
    streams = [normals(3, 1, 100), normals(3, 2, 100), normals(4, 1, 100), normals(2**63, 1, 100)]
    for k, stream in enumerate(streams):
        for other in streams[:k]:
            assert not np.isin(stream, other).any()


def test_uniforms_are_uniform_and_inside():
    u = uniforms(5, 0, 7, 1_000_000)
    assert u.min() > 0.0 and u.max() < 1.0
    assert stats.kstest(u, "uniform").pvalue > 1e-4
    assert not np.isin(uniforms(5, 0, 8, 1000), u[:1000]).any()
