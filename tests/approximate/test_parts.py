"""What approximations are made of: weights, inverse Hessians, ascents, normal densities."""

import arviz as az
import numpy as np
import pytest
from scipy import stats
from scipy.optimize import rosen, rosen_der

from probtensor.sample.paths.ascent import CONVERGED, InverseHessian, ascend
from probtensor.sample.paths.normal import Dense
from probtensor.sample.paths.pareto import smoothed

RNG = np.random.default_rng(3)


class Surface:
    """A log density that counts its evaluations, as `ascend` needs it."""

    def __init__(self, dim, function):
        self.dim, self.function, self.evaluations = dim, function, 0

    def at(self, q):
        self.evaluations += 1
        return self.function(q)


@pytest.mark.parametrize("n", [30, 400, 5000])
def test_weights_are_those_of_arviz(n):
    for tail in (1.5, 4.0, 30.0):
        ratios = RNG.standard_t(tail, size=n)
        weights, k = smoothed(ratios)
        expected, its = az.psislw(ratios)
        np.testing.assert_allclose(weights, expected, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(k, its, rtol=1e-9)
    assert np.isclose(np.exp(weights).sum(), 1.0)


def test_weights_without_a_tail():
    weights, k = smoothed(np.full(50, -3.0) + 1e-12 * RNG.random(50))
    assert k == 0.0 and np.allclose(np.exp(weights), 1 / 50)
    cut = np.where(np.arange(100) < 60, 0.0, -np.inf)  # the density is 0 at some draws
    weights, k = smoothed(cut)
    assert k == 0.0 and np.allclose(np.exp(weights), (cut == 0) / 60)
    assert np.isnan(smoothed(RNG.normal(size=8))[1])
    assert smoothed(np.where(np.arange(100) < 3, 0.0, -np.inf))[1] == np.inf


@pytest.mark.parametrize("dim", [1, 3, 40])
def test_the_factored_inverse_hessian_is_the_one_of_the_two_loops(dim):
    """And that of the rank-two updates written out, and satisfies the last secant equation."""
    root = RNG.normal(size=(dim, dim))
    curvature = root @ root.T + np.eye(dim)
    found = InverseHessian(dim, 5)
    for _ in range(9):
        s = RNG.normal(size=dim)
        found.learn(s, curvature @ s)
    whole = np.array([found.times(row) for row in np.eye(dim)])
    np.testing.assert_allclose(whole @ found.bends[-1], found.steps[-1], rtol=1e-8, atol=1e-9)
    written = np.diag(found.diagonal)
    for s, y in zip(found.steps, found.bends):
        v = np.eye(dim) - np.outer(y, s) / (s @ y)
        written = v.T @ written @ v + np.outer(s, s) / (s @ y)
    np.testing.assert_allclose(whole, written, rtol=1e-9, atol=1e-11)
    q, slope = RNG.normal(size=(2, dim))
    np.testing.assert_allclose(found.times(slope), whole @ slope, rtol=1e-7)
    normal = found.normal(q)
    maps = normal.draw(np.eye(dim)) - normal.mean
    np.testing.assert_allclose(maps.T @ maps, whole, rtol=1e-7, atol=1e-9)
    x = normal.draw(RNG.normal(size=(6, dim)))
    exact = np.atleast_1d(stats.multivariate_normal(normal.mean, whole).logpdf(x))
    np.testing.assert_allclose(normal.log_density(x), exact, rtol=1e-6, atol=1e-6)
    dense = Dense(normal.mean, np.linalg.cholesky(whole))
    np.testing.assert_allclose(dense.log_density(x), exact, rtol=1e-6, atol=1e-6)
    before = found.diagonal
    found.learn(s, -s)  # not curved: nothing is learnt
    assert found.diagonal is before


def test_ascents_find_tops_of_hard_surfaces():
    surface = Surface(8, lambda q: (-rosen(q), -rosen_der(q)))
    *_, last = ascend(surface, np.full(8, -1.2), 6, 1000)
    assert last.end == CONVERGED and surface.evaluations < 300
    assert np.allclose(last.q, 1, atol=1e-5) or np.allclose(last.q[1:], 1, atol=1e-5)
    scales = 10.0 ** np.arange(-4, 5)
    surface = Surface(9, lambda q: (-0.5 * float(((q / scales) ** 2).sum()), -q / scales**2))
    *_, last = ascend(surface, scales * RNG.normal(size=9), 6, 1000)
    assert last.end == CONVERGED and last.value > -1e-10


def test_ascents_stay_where_there_is_a_density():
    """log x - x / 5, where nothing is left of 0 and right of 20; from near both edges."""

    def density(q):
        x = q[0]
        if not 0 < x < 20:
            return -np.inf, np.full(1, np.nan)
        return float(np.log(x) - x / 5), np.array([1 / x - 0.2])

    for start in (1e-6, 19.999, 0.3):
        places = [*ascend(Surface(1, density), np.array([start]), 6, 200)]
        assert places[-1].end == CONVERGED and np.isclose(places[-1].q[0], 5.0, rtol=1e-5)
        assert np.all(np.diff([place.value for place in places]) >= -1e-12)
    *_, last = ascend(Surface(1, density), np.array([0.3]), 6, 2)
    assert last.end == "the limit of 2 iterations was reached"
    *_, last = ascend(Surface(1, lambda q: (float(q[0]), np.ones(1))), np.zeros(1), 6, 30)
    assert last.end != CONVERGED
