"""Equal rows of data are summed over discrete variables once."""

import numpy as np
import pytest
from scipy import special, stats

import probtensor as pt
from probtensor.prob.model.data import FIRST, MEMBER, SIZE, RowGroups
from probtensor.types import Dim

r = pt.random
RNG = np.random.default_rng(8)
COUNTS = RNG.binomial(4, 0.5, 60) * RNG.integers(0, 2, 60)
SITE = RNG.integers(0, 3, 60)


def posterior(observed, applied=True):
    found = pt.condition(observed, target="machine")
    summation = found.model.derived.summation
    assert (summation.density is not summation.result) == applied
    return found


def check(found, density):
    """The density is `density` of the free values, which are standard normal without data, and the
    gradient that of differences."""
    for q in np.random.default_rng(5).normal(0, 0.7, (2, found.dim)):
        logp, gradient = found.logp_and_grad(q)
        wanted = stats.norm.logpdf(q).sum() + density(**found.constrain(q))
        assert np.isclose(logp, wanted, rtol=1e-12)
        steps = 1e-5 * np.eye(found.dim)
        slopes = [(found.logp(q + h) - found.logp(q - h)) / 2e-5 for h in steps]
        np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-6)


def occupancy(counts, site):
    def density(a, b):
        psi, p = special.expit(a), special.expit(b)[site]
        there = psi * stats.binom.pmf(counts, 4, p)
        return np.sum(np.log(there + (1 - psi) * (counts == 0)))

    return density


def test_counts_of_sites_with_other_data_later():
    a, b = r.normal(0, 1, name="a"), r.normal(0, 1, shape=3, name="b")
    site = pt.data(SITE, name="site")
    z = r.bernoulli(pt.sigmoid(a), shape=site.shape, name="z")
    y = r.binomial(4, z * pt.sigmoid(b)[site], name="y")
    found = posterior({y: COUNTS})
    check(found, occupancy(COUNTS, SITE))
    for chance, sites in ((0.5, SITE[::-1]), (0.0, np.ones(60, int))):
        counts = RNG.binomial(4, chance, 60)
        check(found.with_data({"y": counts, "site": sites}), occupancy(counts, sites))


def test_the_likelihood_of_each_observation_is_that_of_each_row():
    a = r.normal(0, 1, name="a")
    z = r.bernoulli(pt.sigmoid(a), shape=60, name="z")
    found = posterior({r.poisson(1.0 + 2.0 * z, name="y"): COUNTS})
    idata = pt.sample(found, draws=3, tune=3, chains=1, seed=1, progress=False)
    got = np.asarray(pt.log_likelihood(found, idata).log_likelihood["y"])[0]
    psi = special.expit(np.asarray(idata.posterior["a"])[0])[:, None]
    pmf = stats.poisson.pmf
    wanted = np.log((1 - psi) * pmf(COUNTS, 1) + psi * pmf(COUNTS, 3))
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.parametrize("by_step", [False, True])
def test_chains_that_begin_at_different_steps(by_step):
    """Animals that live until they are seen no more; the first value of each chain is a factor of
    an entry of its own."""
    many, times = 50, 5
    first = RNG.integers(0, 3, many)
    seen = RNG.integers(0, 2, (times, many)) * (np.arange(times)[:, None] > first)
    a, b = r.normal(0, 1, shape=times if by_step else (), name="a"), r.normal(0, 1, name="b")
    marked = pt.as_tensor((np.arange(times)[:, None] > first).astype(float))
    given = (pt.broadcast_to(pt.sigmoid(a), (times,)), marked)

    def step(alive, given):
        survives, is_marked = given
        z = r.bernoulli(pt.where(is_marked > 0, survives, 1.0) * alive, name="alive")
        return z, r.bernoulli(pt.sigmoid(b) * z * is_marked, name="y")

    _, y = pt.loop.scan(step, pt.ones((many,), "int64"), given)

    def density(a, b):
        total, phi, p = 0.0, np.broadcast_to(special.expit(a), times), special.expit(b)
        for i in range(many):
            weights = np.array([0.0, 1.0])
            for t in range(first[i] + 1, times):
                weights = weights @ np.array([[1, 0], [1 - phi[t], phi[t]]])
                weights = weights * ([0, p] if seen[t, i] else [1, 1 - p])
            total += np.log(weights.sum())
        return total

    check(posterior({y: seen}), density)


def test_tables_of_counts_with_equal_rows_and_columns():
    table = RNG.integers(0, 2, (12, 2))[:, RNG.integers(0, 2, 10)]
    a = r.normal(0, 1, name="a")
    z = r.bernoulli(pt.sigmoid(a), shape=(12, 10), name="z")

    def density(a):
        psi = special.expit(a)
        return np.sum(np.log(stats.poisson.pmf(table, 1) * (1 - psi)
                             + stats.poisson.pmf(table, 2) * psi))  # fmt: skip

    check(posterior({r.poisson(1.0 + z, name="y"): table}), density)


@pytest.mark.parametrize("by_row", ["a free variable", "numbers", "the row"])
def test_rows_that_differ_by_more_than_discrete_data(by_row):
    a = r.normal(0, 1, shape=60 if by_row == "a free variable" else (), name="a")
    more = {"numbers": RNG.normal(size=60), "the row": pt.arange(60) / 60.0}.get(by_row, 0.0)
    z = r.bernoulli(pt.sigmoid(a + more), shape=60, name="z")
    found = posterior({r.poisson(1.0 + z, name="y"): COUNTS}, applied=False)
    shift = np.arange(60) / 60.0 if by_row == "the row" else more

    def density(a):
        psi = special.expit(a + shift)
        return np.sum(np.log(stats.poisson.pmf(COUNTS, 1) * (1 - psi)
                             + stats.poisson.pmf(COUNTS, 2) * psi))  # fmt: skip

    check(found, density)


def test_groups_of_rows_are_those_of_numpy():
    tables = RNG.integers(0, 2, (40, 3)), RNG.integers(0, 2, 40).astype(float)
    rows = np.column_stack(tables)
    _, times = np.unique(rows, axis=0, return_counts=True)
    first, own, size = (RowGroups(Dim.name("n"), k).numpy(*tables) for k in (FIRST, MEMBER, SIZE))
    np.testing.assert_array_equal(rows[first][own], rows)
    assert sorted(size) == sorted(times) and len(np.unique(own)) == len(first) == len(times)
    np.testing.assert_array_equal(np.bincount(own), size)
    # Numbers that compare equal and are not the same are told apart.
    assert len(RowGroups(Dim.name("n"), FIRST).numpy(np.array([0.0, -0.0, np.nan, np.nan]))) == 3


def test_rows_below_a_class_of_all():
    """The class of all rows is summed out after the states of the rows, whose sums depend on it."""
    a = r.normal(0, 1, shape=3, name="a")
    c = r.categorical([0.2, 0.3, 0.5], name="c")
    z = r.bernoulli(pt.sigmoid(a)[c], shape=60, name="z")

    def density(a):
        psi = special.expit(a)[:, None]
        rows = np.log((1 - psi) * stats.poisson.pmf(COUNTS, 1) + psi * stats.poisson.pmf(COUNTS, 3))
        return special.logsumexp(rows.sum(axis=1) + np.log([0.2, 0.3, 0.5]))

    check(posterior({r.poisson(1.0 + 2.0 * z, name="y"): COUNTS}), density)


def test_rows_that_are_read_with_an_offset():
    """A slice of parameters and data: its rows are not those of the data with the same number."""
    a = r.normal(0, 1, name="a")
    rates = pt.exp(a) * pt.data(np.append(COUNTS, 2), name="x")
    z = r.bernoulli(0.3, shape=60, name="z")
    y = r.poisson(1.0 + rates[1:] * z, name="y")

    def density(a):
        rate = 1.0 + np.exp(a) * np.append(COUNTS, 2)[1:]
        pmf = stats.poisson.pmf
        return np.sum(np.log(0.7 * pmf(COUNTS, 1.0) + 0.3 * pmf(COUNTS, rate)))

    check(pt.condition({y: COUNTS}, target="machine"), density)
