"""Components against their definitions step by step, and ARMA models against autocovariances."""

import numpy as np
import pytest
from scipy import linalg, signal, stats

import probtensor as pt
from tests.timeseries.dense import Dense

ts = pt.timeseries
N = 16
RNG = np.random.default_rng(3)
Y = np.cumsum(RNG.normal(size=N))
Y[4] = np.nan


def dense_logp(y, cov, mean=0.0):
    known = ~np.isnan(y)
    mean = np.broadcast_to(mean, y.shape)[known]
    return stats.multivariate_normal(mean, cov[np.ix_(known, known)]).logpdf(y[known])


def test_levels_and_trends():
    t = np.arange(N)
    walk = np.minimum.outer(t, t)
    found = ts.local_level(0.5, 0.3, initial_mean=1.0, initial_sd=2.0).logp(Y).eval().sum()
    np.testing.assert_allclose(found, dense_logp(Y, 4 + 0.25 * walk + 0.09 * np.eye(N), 1.0))
    sums = np.array([[sum(1 for k in range(s) if k < r) for k in [0] for s in t] for r in t])
    assert (sums == walk).all()
    # A slope is summed: each of its steps adds to all later levels.
    damped = 0.8
    effect = np.array([[sum(damped**j for j in range(max(0, r - s - 1))) for s in t] for r in t])
    first = np.array([sum(damped**j for j in range(r)) for r in t])
    cov = 4 + 0.25 * walk + 9 * np.outer(first, first) + 0.01 * effect @ effect.T + 0.09 * np.eye(N)
    model = ts.local_linear_trend(
        0.5, 0.1, 0.3, damping=damped, initial_mean=[1.0, 0.2], initial_sd=[2.0, 3.0]
    )
    found = model.logp(Y).eval().sum()
    np.testing.assert_allclose(found, dense_logp(Y, cov, 1 + 0.2 * first), rtol=1e-10)


def test_seasons_repeat_and_sum_to_zero():
    """Without noise both seasons are the same model: the effects of a period sum to 0."""
    for period in (2, 5, 6):
        for model in (ts.seasonal(period), ts.trigonometric_seasonal(period)):
            move, seen = model.transition.eval(), model.design.eval()
            x, path = RNG.normal(size=period - 1), []
            for _ in range(12):
                path.append(seen @ x)
                x = move @ x
            np.testing.assert_allclose(path[period:], path[:-period], atol=1e-12)
            np.testing.assert_allclose(sum(path[:period]), 0, atol=1e-12)
    # A noisy one, with its own matrices.
    move = np.array([[-1, -1, -1], [1, 0, 0], [0, 1, 0.0]])
    expected = Dense(N, move, [1, 0, 0], np.diag([0.04, 0, 0]), 0.09, 0, 4 * np.eye(3)).logp(Y)
    model = ts.seasonal(4, 0.2, initial_sd=2.0) + ts.noise(0.3)
    np.testing.assert_allclose(model.logp(Y).eval().sum(), expected, rtol=1e-10)
    blocks = [stats.special_ortho_group.rvs(2, random_state=1) for _ in "ab"]
    for k, block in enumerate(blocks, 1):
        c, s = np.cos(2 * np.pi * k / 5.5), np.sin(2 * np.pi * k / 5.5)
        block[:] = [[c, s], [-s, c]]
    expected = Dense(
        N, linalg.block_diag(*blocks), [1, 0, 1, 0], 0.04 * np.eye(4), 0.09, 0, 4 * np.eye(4)
    ).logp(Y)
    model = ts.trigonometric_seasonal(5.5, 2, 0.2, initial_sd=2.0) + ts.noise(0.3)
    np.testing.assert_allclose(model.logp(Y).eval().sum(), expected, rtol=1e-10)


def test_cycles_are_stationary():
    """The autocovariances of a damped cycle: damping**k cos(2 pi k / period) times the variance."""
    lags = abs(np.subtract.outer(np.arange(N), np.arange(N)))
    variance = 0.25 / (1 - 0.81)
    cov = variance * 0.9**lags * np.cos(2 * np.pi * lags / 7.0) + 0.09 * np.eye(N)
    model = ts.noise(0.3) + ts.cycle(7.0, 0.5, 0.9)
    np.testing.assert_allclose(model.logp(Y).eval().sum(), dense_logp(Y, cov), rtol=1e-10)


def test_regressions():
    """Coefficients given, as constant states, and as random walks; in a sum with a level."""
    X, beta = RNG.normal(size=(N, 2)), np.array([0.5, -1.0])
    walk = np.minimum.outer(np.arange(N), np.arange(N))
    level = 4 + 0.25 * walk + 0.09 * np.eye(N)
    base = ts.local_level(0.5, 0.3, initial_sd=2.0)
    found = [
        base + ts.regression(X, beta),
        base + ts.regression(X, initial_mean=beta, initial_sd=[1.0, 0.5]),
        ts.regression(X, sigma=[0.0, 0.3], initial_sd=1.0) + base,
    ]
    products = [np.outer(x, x) for x in X.T]
    expected = [
        dense_logp(Y, level, X @ beta),
        dense_logp(Y, level + products[0] + 0.25 * products[1], X @ beta),
        dense_logp(Y, level + sum(products) + 0.09 * walk * products[1]),
    ]
    sums = pt.function([], [model.logp(Y) for model in found], target="machine")()
    np.testing.assert_allclose([s.sum() for s in sums], expected, rtol=1e-10)
    assert found[1].states == ("level", "coefficient_0", "coefficient_1")


def autocovariance(ar, ma, n):
    """By the weights of the infinite moving average."""
    weights = signal.lfilter([1, *ma], [1, *(-np.asarray(ar))], np.eye(1, 4000)[0])
    return np.array([weights[: 4000 - k] @ weights[k:] for k in range(n)])


@pytest.mark.parametrize(
    ("ar", "ma"),
    [
        ([0.9], []),
        ([0.5, -0.3, 0.2], []),
        ([], [0.7, 0.4]),
        ([0.6, 0.2], [0.5]),
        ([0.4], [0.3] * 4),
    ],
)
def test_arma(ar, ma):
    cov = 1.44 * linalg.toeplitz(autocovariance(ar, ma, N))
    model = ts.arma(ar, ma, 1.2, mean=0.7)
    assert len(model.states) == max(len(ar), len(ma) + 1)
    np.testing.assert_allclose(model.logp(Y).eval().sum(), dense_logp(Y, cov, 0.7), rtol=1e-9)
    noisy = ts.arma(ar, ma, 1.2, sigma_obs=0.4)
    expected = dense_logp(Y, cov + 0.16 * np.eye(N))
    np.testing.assert_allclose(noisy.logp(Y).eval().sum(), expected, rtol=1e-9)


@pytest.mark.parametrize("d, seasonal_d, period", [(1, 0, 1), (2, 0, 1), (0, 1, 4), (1, 1, 3)])
def test_sarimax(d, seasonal_d, period):
    """The differences have the density of their ARMA model given the first values; with seasonal
    terms and regressors."""
    seasonal = period > 1
    own = {"ar": [0.5], "ma": [0.4]}
    season = {"seasonal_ar": [0.3], "seasonal_ma": [-0.2]} if seasonal else {}
    lag = np.zeros(period + 1)
    lag[0], lag[-1] = 1, -0.3
    ar = -np.convolve([1, -0.5], lag)[1:] if seasonal else [0.5]
    lag[-1] = -0.2
    ma = np.convolve([1, 0.4], lag)[1:] if seasonal else [0.4]
    X, beta = RNG.normal(size=(N, 1)), np.array([0.8])
    poly = np.ones(1)
    for _ in range(d):
        poly = np.convolve(poly, [1, -1])
    if seasonal_d:
        poly = np.convolve(poly, [1, *[0] * (period - 1), -1])
    lags = len(poly) - 1
    # The series is a linear map of the values before it and of the stationary one.
    maps = np.zeros((N + lags, N + lags))
    maps[:lags, :lags] = np.eye(lags)
    for t in range(lags, N + lags):
        maps[t] = -poly[:0:-1] @ maps[t - lags : t]
        maps[t, t] += 1
    cov = linalg.block_diag(4 * np.eye(lags), linalg.toeplitz(autocovariance(ar, ma, N)))
    cov = (maps @ cov @ maps.T)[lags:, lags:]
    model = ts.sarimax(**own, **season, d=d, seasonal_d=seasonal_d, period=period, X=X, beta=beta,
                       mean=0.4, initial_sd=2.0)  # fmt: skip
    expected = dense_logp(Y, cov, 0.4 + X @ beta)
    np.testing.assert_allclose(model.logp(Y).eval().sum(), expected, rtol=1e-8)


def test_partial_autocorrelations():
    """Roots outside the unit circle, and the inverse; the last of the partial autocorrelations is
    that of the regression on all lags."""
    r = RNG.uniform(-1, 1, 6)
    phi = ts.ar_from_partial(r).eval()
    assert (abs(np.roots([1, *-phi])) < 1).all()
    np.testing.assert_allclose(ts.partial_from_ar(phi).eval(), r, rtol=1e-8)
    near = np.array([0.5, -0.4, 0.3])
    phi = ts.ar_from_partial(near).eval()
    gamma = autocovariance(phi, [], 4)
    for k in (1, 2, 3):
        solved = np.linalg.solve(linalg.toeplitz(gamma[:k]), gamma[1 : k + 1])
        np.testing.assert_allclose(solved[-1], near[k - 1], rtol=1e-9)
    assert ts.ar_from_partial([]).eval().shape == ts.partial_from_ar(()).eval().shape == (0,)


def test_gradients_of_arma_models():
    """By partial autocorrelations and scale, against differences, near the edge of stationarity."""
    r, sigma = pt.vector("r", shape=(2,)), pt.scalar("sigma")
    total = pt.sum(ts.arma(ts.ar_from_partial(r), [0.3], sigma).logp(Y))
    f = pt.function([r, sigma], [total, *pt.grad(total, [r, sigma])], target="machine")
    for point in ([0.4, -0.2], [0.999, 0.3]):
        point = np.array(point)
        _, by_r, by_sigma = f(point, 1.1)
        h = 1e-6 * np.eye(2)
        numeric = [(f(point + e, 1.1)[0] - f(point - e, 1.1)[0]) / 2e-6 for e in h]
        np.testing.assert_allclose(by_r, numeric, rtol=1e-4, atol=1e-6)
        numeric = (f(point, 1.1 + 1e-6)[0] - f(point, 1.1 - 1e-6)[0]) / 2e-6
        np.testing.assert_allclose(by_sigma, numeric, rtol=1e-6)
