"""Pairs of angles: densities and derivatives against series of Bessel functions, draws and moments
against sums over grids."""

import math

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy import integrate, special, stats

import probtensor as pt
from probtensor.prob.model.data import evaluate

R, N = pt.random, stats.multivariate_normal

# k, l, c, a, b: one mode and two, flat ones, angles that differ in concentration, far out.
PAIRS = [
    (3, 2, 1, 0.3, -1), (3, 2, 0, 1, 2), (1e-3, 2, -1.5, 0.3, 3), (0.5, 0.4, 9, 1.2, 1),
    (40, 30, 34.6, 0.2, 0.3), (200, 0.01, 15, 0.1, 0.4), (1e-6, 1e-7, 1e-3, 2, -2),
    (1e-9, 5, -80, 1.6, -1.5), (1000, 0.5, 30, 0.01, 0),
]  # fmt: skip


def log_integral_of_pairs(k, l, c):
    """By the series of Bessel functions of Singh, Hnizdo and Demchuk (2002)."""
    term, total, m = mpf(1), mpf(0), 0
    while m == 0 or term > total * mpf(10) ** -40:
        factor = mp.binomial(2 * m, m) * (c * c / (4 * k * l)) ** m
        term = factor * mp.besseli(m, k) * mp.besseli(m, l)
        total, m = total + term, m + 1
    return mp.log(4 * mp.pi**2 * total)


def test_pairs_of_angles():
    """Densities and derivatives against the series, and concentrated ones against the normal
    distributions that they approach."""
    inputs = [pt.vector(name) for name in ("k", "l", "c", "a", "b")]
    k, l, c, a, b = inputs
    x = R.sine_bivariate_von_mises(0.5, -0.5, k, l, c)
    density = pt.logp(x, pt.stack([a + 0.5, b - 0.5], axis=-1))
    results = [density, *pt.grad(pt.sum(density), inputs)]
    function = pt.function(inputs, results, target="machine")
    found = np.array(function(*np.array(PAIRS, float).T))
    with mp.workdps(40):
        for got, row in zip(found.T, PAIRS, strict=True):
            k, l, c, a, b = row = [mpf(y) for y in row]
            x, y = (mp.cos(a), mp.sin(a)), (mp.cos(b), mp.sin(b))
            slopes = []
            for i in range(3):
                step = mpf(10) ** -12 * (abs(row[i]) + (i > 1))
                ends = [[*row[:i], row[i] + s * step, *row[i + 1 : 3]] for s in (1, -1)]
                change = log_integral_of_pairs(*ends[0]) - log_integral_of_pairs(*ends[1])
                slopes.append((x[0], y[0], x[1] * y[1])[i] - change / (2 * step))
            density = k * x[0] + l * y[0] + c * x[1] * y[1] - log_integral_of_pairs(k, l, c)
            by_angles = [c * x[0] * y[1] - k * x[1], c * x[1] * y[0] - l * y[1]]
            wanted = np.array([density, *slopes, *by_angles], float)
            scale = np.array([1, 1, 1, 1, 1 + k, 1 + l], float)
            assert np.all(abs(got - wanted) <= 1e-14 * (scale + abs(wanted))), row
    for size, weight in ((1e10, 0.6), (1e16, -0.9)):
        normal = N([0, 0], np.linalg.inv(size * np.array([[1, -weight], [-weight, 1]])))
        at = np.array([0.4, -1.2]) / np.sqrt(size)
        x = R.sine_bivariate_von_mises(0.0, 0.0, size, size, weighted_correlation=weight)
        found = evaluate([pt.logp(x, at), pt.entropy(x), pt.variance(x)], {})
        wanted = normal.logpdf(at), normal.entropy(), 0.5 * np.diag(normal.cov)
        for y, z in zip(found, wanted, strict=True):
            np.testing.assert_allclose(y, z, rtol=1e-9)
        # About one of two modes, by the curvatures there.
        x = R.sine_bivariate_von_mises(0.0, 0.0, size, 2 * size, 3 * size)
        mode = pt.mode(x).eval()
        sine, cosine = np.sin(mode), np.cos(mode)
        slopes = np.array([1, 2]) * sine - 3 * cosine * sine[::-1]
        np.testing.assert_allclose(slopes, 0, atol=1e-14)
        own = 3 * sine.prod() + np.array([1, 2]) * cosine
        det = own.prod() - 9 * cosine.prod() ** 2
        wanted = math.log(size) + 0.5 * math.log(det) - math.log(4 * math.pi)
        assert np.isclose(pt.logp(x, mode).eval(), wanted, rtol=1e-9)
    x = R.sine_bivariate_von_mises(0.0, 0.0, 1e300, 1e300, weighted_correlation=0.1)
    wanted = math.log(1e300) + 0.5 * math.log(0.99) - math.log(2 * math.pi)
    found = [pt.logp(x, [0.0, 0.0]), pt.variance(x), pt.as_tensor(pt.draw(x, draws=9, seed=1))]
    density, variance, drawn = evaluate(found, {})
    assert np.isclose(density, wanted, rtol=1e-14)
    np.testing.assert_allclose(variance, 0.5e-300 / 0.99, rtol=1e-12)
    assert np.all((abs(drawn) < 1e-149) & (abs(drawn) > 1e-154))


class FirstAngle:
    """The first angle of a pair, by sums over a grid; the expectation of the product of sines."""

    def __init__(self, k, l, c):
        self.grid = np.linspace(-np.pi, np.pi, 20001)
        r = np.hypot(l, c * np.sin(self.grid))
        logs = k * np.cos(self.grid) + r + np.log(special.i0e(r))
        density = np.exp(logs - logs.max())
        self.below = integrate.cumulative_simpson(density, x=self.grid, initial=0)
        product = np.sin(self.grid) ** 2 * c / r * special.i1e(r) / special.i0e(r)
        self.product = density @ product / density.sum()

    def cdf(self, x):
        return np.interp(x, self.grid, self.below / self.below[-1])


@pytest.mark.parametrize("k, l, c", [(3.0, 2.0, 1.5), (0.5, 4.0, -9.0), (2e4, 1.0, 300.0)])
def test_draws_of_pairs_of_angles(k, l, c):
    x = R.sine_bivariate_von_mises([0.0, 2.5], 0.0, k, l, c)
    found = pt.draw(x, draws=4000, seed=3)
    assert found.shape == (4000, 2, 2) and np.all(abs(found) <= np.pi)
    a, b = found[:, 0].T
    for angle, marginal in ((a, FirstAngle(k, l, c)), (b, FirstAngle(l, k, c))):
        assert stats.kstest(angle, marginal.cdf).pvalue > 1e-3
    product = np.sin(a) * np.sin(b)
    gap = product.mean() - FirstAngle(k, l, c).product
    assert abs(gap) < 4 * product.std() / np.sqrt(4000)
    turned = np.angle(np.exp(1j * (found[:, 1, 0] - 2.5)))
    assert stats.kstest(turned, FirstAngle(k, l, c).cdf).pvalue > 1e-3
    # Moments over the same draws.
    spread = np.std(np.cos(found[:, 0]), axis=0) / np.sqrt(4000)
    gap = 1 - np.cos(found[:, 0]).mean(0) - pt.variance(x).eval()[0]
    assert np.all(abs(gap) < 4 * spread)
    logs = pt.logp(x, found).eval()[:, 0]
    assert abs(logs.mean() + pt.entropy(x).eval()[0]) < 4 * logs.std() / np.sqrt(4000)
