"""pt_random.h: Philox's published answers, and every draw against its SciPy distribution."""

import numpy as np
import pytest
from scipy import stats

from tests.cython_ext.compiled import Loop, build

KEY = 0x9E3779B97F4A7C15
COUNT = 40_000
DRAW = (("uint64_t", "key"), ("uint64_t", "first"))


def draw(name, *parameters):
    """The loop y[i] = pt_draw_<name>(key, first + i, parameters...)."""
    arguments = ", ".join(["key", "first + i", *parameters])
    scalars = (*DRAW, *(("double", p) for p in parameters))
    return Loop(name, f"pt_draw_{name}({arguments})", 0, parameters=scalars)


def word_of_block(k):
    """Word k of Philox on a counter and key given as words."""
    names = ("c0", "c1", "c2", "c3", "key0", "key1")
    counter = "(pt_philox_block){{c0, c1, c2, c3}}"
    return Loop(f"block_{k}", f"pt_philox({counter}, key0, key1).word[{k}]", 0,
                result="uint32_t", parameters=tuple(("uint32_t", name) for name in names))


LOOPS = (
    draw("uniform"), draw("normal"), draw("exponential"), draw("gamma", "alpha"),
    draw("log_gamma", "alpha"), draw("poisson", "mu"), draw("binomial", "n", "p"),
    Loop("bits", "pt_draw_bits(key, first + i)", 0, result="uint64_t", parameters=DRAW),
    Loop("key_fold", "pt_key_fold(key, first + i)", 0, result="uint64_t", parameters=DRAW),
    *(word_of_block(k) for k in range(4)),
)


def library(flags="native"):
    """The compiled loops."""
    return build("pt_random.h", LOOPS, flags)


def sample(name, key=KEY, first=0, size=COUNT, **parameters):
    """A stream of draws."""
    return library()(name, size=size, key=key, first=first, **parameters)


# From the known-answer file kat_vectors of Random123 (Salmon et al. 2011), philox4x32, 10 rounds.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
     (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]


@pytest.mark.parametrize(
    "flags", ["native", "no_fma", pytest.param("avx2", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_published_answers(counter, key, answer, flags):
    words = dict(zip(("c0", "c1", "c2", "c3", "key0", "key1"), (*counter, *key)))
    got = [library(flags)(f"block_{k}", size=3, **words)[2] for k in range(4)]
    assert tuple(int(word) for word in got) == answer


def test_a_draw_depends_on_key_and_index_alone():
    whole = sample("gamma", alpha=0.7)
    tail = sample("gamma", first=1000, size=COUNT - 1000, alpha=0.7)
    np.testing.assert_array_equal(tail, whole[1000:])
    assert not np.intersect1d(sample("uniform"), sample("uniform", key=KEY + 1)).size


def test_indices_use_all_64_bits():
    high = sample("bits", first=2**32, size=1000)
    assert not np.intersect1d(high, sample("bits", first=0, size=1000)).size
    wrapped = sample("bits", first=2**64 - 1, size=2)
    assert wrapped[1] == sample("bits", size=1)[0]


def test_uniforms_are_odd_multiples_of_two_to_the_minus_53():
    u = sample("uniform", size=200_000)
    steps = u * 2.0**53
    assert np.array_equal(steps, np.floor(steps))
    assert np.all(steps % 2 == 1)
    assert u.min() > 0.0 and u.max() < 1.0


@pytest.mark.slow
def test_vector_and_scalar_builds_draw_the_same_bits():
    for name, parameters in [("uniform", {}), ("normal", {}), ("exponential", {}),
                             ("gamma", {"alpha": 2.5}), ("poisson", {"mu": 50.0}),
                             ("binomial", {"n": 200.0, "p": 0.3})]:
        drawn = [library(flags)(name, size=5000, key=KEY, first=7, **parameters)
                 for flags in ("native", "avx2", "uncontracted")]
        np.testing.assert_array_equal(drawn[0], drawn[1])
        np.testing.assert_array_equal(drawn[0], drawn[2])


def test_uniform_and_normal_draws_become_vector_code():
    if not library().vectorised:
        pytest.skip("the compiler reports no vector loops for this processor")
    assert {"uniform", "normal", "exponential"} <= library().vectorised


CONTINUOUS = [
    ("uniform", {}, stats.uniform()),
    ("normal", {}, stats.norm()),
    ("exponential", {}, stats.expon()),
    *(("gamma", {"alpha": a}, stats.gamma(a)) for a in (0.05, 0.3, 0.999, 1.0, 1.5, 20.0, 1e6)),
    *(("log_gamma", {"alpha": a}, stats.loggamma(a)) for a in (0.01, 0.5, 3.0)),
]


@pytest.mark.parametrize(("name", "parameters", "distribution"), CONTINUOUS)
def test_continuous_draws_match(name, parameters, distribution):
    draws = sample(name, **parameters)
    assert stats.kstest(draws, distribution.cdf).pvalue > 1e-3


DISCRETE = [
    *(("poisson", {"mu": mu}, stats.poisson(mu)) for mu in (0.01, 1.0, 9.9, 10.0, 37.0, 2e4)),
    *(("binomial", {"n": n, "p": p}, stats.binom(n, p))
      for n, p in [(1, 0.3), (10, 0.5), (30, 0.9), (40, 0.25), (200, 0.4), (1000, 0.97),
                   (10**6, 0.3), (10**6, 1e-6)]),
]


def cells(draws, distribution):
    """Observed and expected counts in cells of at least 20 expected draws each."""
    spread = np.unique(distribution.ppf(np.linspace(0.001, 0.999, 60)))
    edges = np.concatenate([[-np.inf], spread, [np.inf]])
    expected = np.diff(np.concatenate([[0], distribution.cdf(spread), [1]])) * draws.size
    observed = np.histogram(draws, bins=edges_above(edges))[0]
    keep = expected >= 20
    merged = [np.append(x[keep], x[~keep].sum()) for x in (observed, expected)]
    return merged if merged[1][-1] > 5 else [x[:-1] for x in merged]


def edges_above(edges):
    """Half a step up, so that each cell holds its upper whole number."""
    return edges + 0.5


@pytest.mark.parametrize(("name", "parameters", "distribution"), DISCRETE)
def test_counts_match(name, parameters, distribution):
    draws = sample(name, **parameters)
    assert np.array_equal(draws, np.floor(draws))
    observed, expected = cells(draws, distribution)
    expected = expected * observed.sum() / expected.sum()
    assert stats.chisquare(observed, expected).pvalue > 1e-3


@pytest.mark.parametrize(("name", "parameters", "mean", "variance"), [
    ("poisson", {"mu": 1e12}, 1e12, 1e12),
    ("binomial", {"n": 1e13, "p": 0.5}, 5e12, 2.5e12),
])
def test_huge_counts_have_the_right_moments(name, parameters, mean, variance):
    z = (sample(name, **parameters) - mean) / np.sqrt(variance)
    assert stats.kstest(z, stats.norm.cdf).pvalue > 1e-3


@pytest.mark.parametrize(("name", "parameters", "expected"), [
    ("poisson", {"mu": 0.0}, 0.0), ("poisson", {"mu": -1.0}, np.nan),
    ("poisson", {"mu": np.inf}, np.nan), ("poisson", {"mu": np.nan}, np.nan),
    ("binomial", {"n": 0, "p": 0.5}, 0.0), ("binomial", {"n": 7, "p": 0.0}, 0.0),
    ("binomial", {"n": 7, "p": 1.0}, 7.0), ("binomial", {"n": 7, "p": 1.1}, np.nan),
    ("binomial", {"n": 2.5, "p": 0.5}, np.nan), ("binomial", {"n": -1, "p": 0.5}, np.nan),
    ("binomial", {"n": 7, "p": np.nan}, np.nan), ("gamma", {"alpha": 0.0}, np.nan),
    ("gamma", {"alpha": -1.0}, np.nan), ("gamma", {"alpha": np.inf}, np.nan),
    ("gamma", {"alpha": np.nan}, np.nan), ("log_gamma", {"alpha": 0.0}, np.nan),
])
def test_edges_of_the_parameters(name, parameters, expected):
    np.testing.assert_array_equal(sample(name, size=20, **parameters), np.full(20, expected))


def test_log_gamma_is_the_log_of_the_gamma_draw():
    for alpha in (0.4, 1.0, 7.0):
        logs = sample("log_gamma", size=2000, alpha=alpha)
        gammas = sample("gamma", size=2000, alpha=alpha)
        np.testing.assert_allclose(np.exp(logs), gammas, rtol=1e-13)
    assert np.isfinite(sample("log_gamma", alpha=1e-5)).all()


def test_streams_of_different_keys_and_purposes_are_independent():
    folded = sample("key_fold", size=3)
    assert len({KEY, *(int(key) for key in folded)}) == 4
    streams = np.array([sample("normal", key=int(key)) for key in (KEY, *folded)])
    correlation = np.corrcoef(np.concatenate([streams, np.roll(streams, 1, axis=1)]))
    off_diagonal = correlation[~np.eye(8, dtype=bool)]
    assert np.abs(off_diagonal).max() < 5 / np.sqrt(COUNT)
