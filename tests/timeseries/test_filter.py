"""The Kalman filter, the smoother, forecasts and draws against the dense normal distribution of the
whole series."""

import numpy as np
import pytest
from scipy import stats

import probtensor as pt
from probtensor.graph import GraphError
from tests.timeseries.dense import Dense

ts = pt.timeseries
RNG = np.random.default_rng(8)
N = 14
T = np.array([[0.9, 0.3], [-0.2, 0.7]])
Q = np.array([[0.5, 0.1], [0.1, 0.3]])
P0 = np.array([[2.0, 0.3], [0.3, 1.0]])
FIRST = np.array([0.5, -1.0])
SEVERAL_Z = RNG.normal(size=(3, 2))
SEVERAL_H = np.diag([0.3, 0.2, 0.5]) + 0.1
VARYING = RNG.normal(size=(N + 4, 2))
OFFSETS = RNG.normal(size=N + 4)


def with_gaps(y):
    y = np.array(y)
    y[3] = y[0] = y[-1] = np.nan
    if y.ndim == 2:
        y[6, 1] = y[7, 0] = np.nan
    return y


def one():
    start = {"initial_mean": FIRST, "initial_cov": P0}
    model = ts.state_space(T, [1.0, 0.4], Q, 0.2, offset=0.7, **start)
    dense = Dense(N, T, [1.0, 0.4], Q, 0.2, FIRST, P0, 0.7)
    return model, dense, with_gaps(RNG.normal(size=N) * 2)


def several():
    start = {"initial_mean": FIRST, "initial_cov": P0}
    shift = np.array([0.1, 0.2, 0.3])
    model = ts.state_space(T, SEVERAL_Z, Q, SEVERAL_H, offset=shift, **start)
    dense = Dense(N, T, SEVERAL_Z, Q, SEVERAL_H, FIRST, P0, shift)
    return model, dense, with_gaps(RNG.normal(size=(N, 3)) * 2)


def varying():
    start = {"initial_mean": FIRST, "initial_cov": P0}
    model = ts.state_space(T, VARYING, Q, 0.2, offset=OFFSETS, varying=True, **start)
    dense = Dense(N, T, VARYING[:N, None], Q, 0.2, FIRST, P0, OFFSETS[:N, None])
    return model, dense, with_gaps(RNG.normal(size=N) * 2)


def varying_several():
    z = RNG.normal(size=(N, 2, 2))
    start = {"initial_mean": FIRST, "initial_cov": P0}
    model = ts.state_space(T, z, Q, SEVERAL_H[:2, :2], varying=True, **start)
    dense = Dense(N, T, z, Q, SEVERAL_H[:2, :2], FIRST, P0)
    return model, dense, with_gaps(RNG.normal(size=(N, 2)) * 2)


@pytest.mark.parametrize("case", [one, several, varying, varying_several])
def test_density_states_and_observed_series(case):
    """The density of each step and in all; filtered and smoothed states; also of a series without
    gaps, and of one in which nothing is seen."""
    model, dense, y = case()
    y0 = np.where(np.isnan(y), 0.3, y)
    data = pt.tensor("y", y.shape)
    found, smoothed = model.filter(data), model.smooth(data)
    density = pt.logp(model.series("series", N), data)
    outputs = [found.logp, density, *smoothed, found.filtered_mean, found.filtered_cov]
    outputs += [found.predicted_mean, found.mean, found.variance]
    f = pt.function([data], outputs, target="machine")
    for values in (y, y0, np.full_like(y, np.nan)):
        logp, own, mean, cov, filtered, filtered_cov, predicted, seen, variance = f(values)
        np.testing.assert_allclose(own, logp, rtol=1e-10, atol=1e-13)
        expected = dense.given(values) if not np.isnan(values).all() else None
        if expected is None:
            assert (logp == 0).all()
            np.testing.assert_allclose(mean.ravel(), dense.states[0], atol=1e-12)
            continue
        np.testing.assert_allclose(logp.sum(), dense.logp(values), rtol=1e-10)
        np.testing.assert_allclose(mean, expected[0], rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(cov, expected[1], rtol=1e-8, atol=1e-10)
        for t in (1, 5, N - 1):
            before = values.copy()
            before[t + 1 :] = np.nan
            expected = dense.given(before)
            np.testing.assert_allclose(filtered[t], expected[0][t], rtol=1e-9, atol=1e-11)
            np.testing.assert_allclose(filtered_cov[t], expected[1][t], rtol=1e-9, atol=1e-11)
            before[t] = np.nan
            np.testing.assert_allclose(predicted[t], dense.given(before)[0][t], atol=1e-10)
        assert seen.shape == values.shape and variance.shape[0] == N


def test_a_model_with_random_parameters_and_gaps():
    """Density and gradient in q of a series with nan, against the dense density; other data of
    another length in the same model; masked arrays."""
    sigma = pt.random.half_normal(1.0, name="sigma")
    noise = pt.random.half_normal(1.0, name="noise")
    model = ts.local_level(sigma, noise, initial_mean=0.3, initial_sd=2.0)
    y = model.series("y", "time")
    data = with_gaps(RNG.normal(size=N))
    posterior = pt.condition({y: data}, target="machine")
    q = posterior.unconstrain({"sigma": 0.4, "noise": 0.7})
    scales = [posterior.names.index(n) for n in ("sigma", "noise")]

    def expected(u, values):
        s, o = np.exp(u)[scales]
        dense = Dense(len(values), 1.0, 1.0, s**2, o**2, 0.3, 4.0)
        return dense.logp(values) + sum(stats.halfnorm.logpdf([s, o])) + sum(u)

    value, gradient = posterior.logp_and_grad(q)
    np.testing.assert_allclose(value, expected(q, data), rtol=1e-11)
    numeric = [(expected(q + h, data) - expected(q - h, data)) / 2e-5 for h in 1e-5 * np.eye(2)]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-7)
    masked = np.ma.masked_array(np.where(np.isnan(data), -9.0, data), np.isnan(data))
    again = pt.condition({y: masked}, target="machine")
    assert again.logp_and_grad(q)[0] == value
    longer = with_gaps(RNG.normal(size=N + 5))
    other = posterior.with_data({"y": longer})
    np.testing.assert_allclose(other.logp_and_grad(q)[0], expected(q, longer), rtol=1e-11)


def test_other_regressors_and_data():
    """A model whose regressors are `pt.data`, for data of another length."""
    sigma = pt.random.half_normal(1.0, name="sigma")
    beta = pt.random.normal(0, 1, shape=2, name="beta")
    X = pt.data(VARYING[:N], name="X")
    model = ts.local_level(sigma, 0.3, initial_sd=2.0) + ts.regression(X, beta)
    posterior = pt.condition({model.series("y", "time"): one()[2]}, target="machine")
    q = posterior.unconstrain({"sigma": 0.4, "beta": [0.5, -1.0]})
    prior = stats.halfnorm.logpdf(0.4) + np.log(0.4) + stats.norm.logpdf([0.5, -1.0]).sum()
    for n in (N, 5):
        rows, y = VARYING[-n:], with_gaps(RNG.normal(size=n))
        value = posterior.with_data({"X": rows, "y": y}).logp_and_grad(q)[0]
        dense = Dense(n, 1.0, 1.0, 0.16, 0.09, 0.0, 4.0, (rows @ [0.5, -1.0])[:, None])
        np.testing.assert_allclose(value - prior, dense.logp(y), rtol=1e-11)


def test_steps_of_a_dim_with_regressors_of_numbers():
    X = np.arange(12.0).reshape(6, 2)
    level = pt.random.half_normal(1, name="level")
    model = pt.timeseries.local_level(level, 0.3) + pt.timeseries.regression(X)
    known = pt.condition({model.series("y", 6): np.ones(6)}, target="machine")
    for options in ({}, {"coords": {"step": range(6)}}):
        y = model.series("y", "step")
        posterior = pt.condition({y: np.ones(6)}, target="machine", **options)
        assert np.isclose(posterior.logp([0.2]), known.logp([0.2]), rtol=1e-13)


def test_masked_data_are_missing():
    model = pt.timeseries.local_level(0.5, 0.7)
    masked = np.ma.array([1.0, 9.0, 2.0], mask=[False, True, False])
    expected = model.logp([1.0, np.nan, 2.0]).eval()
    assert np.array_equal(model.logp(masked).eval(), expected)


def test_a_wide_first_state_costs_no_digits():
    """Against the density with a diffuse first level: that of the differences."""
    y = np.cumsum(RNG.normal(size=30)) + 5.0
    for wide in (1e4, 1e6):
        found = ts.local_level(1.0, 0.5, initial_sd=wide).logp(y).eval()
        cov = np.minimum.outer(np.arange(30), np.arange(30)) + 0.25 * np.eye(30)
        differences = np.diff(np.eye(30), axis=0)
        expected = stats.multivariate_normal(np.zeros(29), differences @ cov @ differences.T)
        # With a flat first level, the density of the first observation given the others is flat.
        scale = stats.norm(0, wide).logpdf(0)
        np.testing.assert_allclose(found.sum() - scale, expected.logpdf(np.diff(y)), rtol=3e-7)
    smooth = ts.local_level(0.0, 1.0, initial_sd=1e4).smooth(y)
    np.testing.assert_allclose(smooth.mean.eval(), y.mean(), rtol=1e-7)
    np.testing.assert_allclose(smooth.cov.eval(), 1 / 30, rtol=1e-6)


def test_forecasts_and_draws_of_states_and_series():
    """Moments of draws against dense ones; a forecast continues the regressors."""
    model, _, y = varying()
    dense = Dense(N + 4, T, VARYING[:, None], Q, 0.2, FIRST, P0, OFFSETS[:, None])
    known = np.append(~np.isnan(y), [False] * 4)
    gain = np.linalg.solve(dense.cov[np.ix_(known, known)], dense.cov[known, -4:]).T
    mean = dense.mean[-4:] + gain @ (y[known[:N]] - dense.mean[known])
    cov = dense.cov[-4:, -4:] - gain @ dense.cov[known, -4:]
    variable = model.forecast("new", y, 4)
    point = RNG.normal(size=4)
    found = pt.logp(variable, point).eval().sum()
    np.testing.assert_allclose(found, stats.multivariate_normal(mean, cov).logpdf(point), rtol=1e-9)
    draws = pt.draw([variable, model.draw_states("x", y), model.series("s", N)], 6000, seed=2)
    np.testing.assert_allclose(draws[0].mean(0), mean, atol=0.1)
    np.testing.assert_allclose(np.cov(draws[0].T), cov, atol=0.25)
    dense = varying()[1]
    states = dense.given(y)
    np.testing.assert_allclose(draws[1].mean(0), states[0], atol=0.1)
    spread = np.stack([np.cov(draws[1][:, t].T) for t in range(N)])
    np.testing.assert_allclose(spread, states[1], atol=0.15)
    np.testing.assert_allclose(draws[2].mean(0), dense.mean, atol=0.15)
    np.testing.assert_allclose(draws[2].std(0), np.diag(dense.cov) ** 0.5, rtol=0.06)


def test_draws_of_several_series():
    model, dense, y = several()
    draws = pt.draw([model.draw_states("x", y), model.series("s", N)], 4000, seed=2)
    states = dense.given(y)
    np.testing.assert_allclose(draws[0].mean(0), states[0], atol=0.1)
    np.testing.assert_allclose(draws[1].reshape(4000, -1).mean(0), dense.mean, atol=0.25)
    spread = np.diag(dense.cov).reshape(N, 3) ** 0.5
    np.testing.assert_allclose(draws[1].std(0), spread, rtol=0.07)


@pytest.mark.filterwarnings("ignore::probtensor.SamplerWarning")
def test_predictive_draws_of_a_posterior():
    """Sampling with gaps, then a forecast and the series for each draw."""
    rng = np.random.default_rng(1)
    data = with_gaps(np.cumsum(rng.normal(0, 0.5, 60)) + 10)
    sigma = pt.random.half_normal(1.0, name="sigma")
    model = ts.local_level(sigma, 0.1, initial_mean=10.0, initial_sd=5.0)
    y = model.series("y", 60)
    posterior = pt.condition({y: data}, target="machine")
    idata = pt.sample(posterior, draws=100, tune=100, chains=1, seed=1, progress=False)
    assert abs(np.mean(idata.posterior["sigma"]) - 0.5) < 0.15
    outputs = [model.forecast("new", data, 3), model.draw_states("states", data), y]
    found = pt.sample_posterior_predictive(idata, outputs, seed=3).posterior_predictive
    assert found["new"].shape == (1, 100, 3) and found["states"].shape == (1, 100, 60, 1)
    seen = ~np.isnan(data)
    near = np.asarray(found["states"])[0, :, seen, 0].mean(1)
    assert np.abs(near - data[seen]).max() < 0.3
    assert np.abs(np.asarray(found["new"]).mean() - np.mean(near[-1])) < 0.3
    likelihood = pt.log_likelihood(posterior, idata).log_likelihood["y"]
    assert likelihood.shape == (1, 100, 60) and (np.asarray(likelihood)[..., ~seen] == 0).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ts.state_space(T, [1.0], Q, 0.1, initial_cov=P0), "the shapes do not fit"),
        (lambda: ts.noise(1.0).series("y", 5), "a model without states"),
        (lambda: one()[0].filter(np.ones((3, 2))), "data of shape (3, 2)"),
        (lambda: varying()[0].forecast("f", np.ones(N), 9), "18 rows of regressors and 23 steps"),
        (lambda: one()[0] + several()[0], "one series and one of several"),
        (lambda: ts.seasonal(1), "period=1 is not a whole number of at least 2"),
        (lambda: ts.sarimax(seasonal_d=1), "seasonal terms need period="),
        (lambda: ts.trigonometric_seasonal(4, 3), "3 harmonics of period 4"),
        (lambda: ts.local_level([1.0, 2.0]), "sigma_level has shape (2,)"),
        (lambda: ts.ar(0.5), "ar has shape ()"),
    ],
)
def test_messages(make, message):
    with pytest.raises(GraphError) as caught:
        make()
    assert message in str(caught.value) and __file__ in str(caught.value)


def test_literals_out_of_range():
    for make in (lambda: ts.local_level(-1.0), lambda: ts.cycle(0.0, 1.0), lambda: ts.noise(-2)):
        with pytest.raises(ValueError, match="must be a number"):
            make()
