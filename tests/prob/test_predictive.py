"""Draws of models: prior, posterior predictive, other data, new variables on old ones."""

import numpy as np
import pytest
from scipy import stats

import probtensor as pt
from probtensor.prob.predictive import predictive_rows, prior_rows
from probtensor.sample.runs.output import to_arviz

N = 4000


def model():
    x = pt.data(np.linspace(-1, 1, 5), name="x", dims="row")
    a, s = pt.random.normal(1, 2, name="a"), pt.random.half_normal(0.5, name="s")
    mean = pt.deterministic(a * x, name="mean", dims="row")
    y = pt.random.normal(mean, s, name="y", dims="row")
    return x, a, s, y


def test_draw_keeps_the_structure_asked_for():
    _, a, s, y = model()
    single = pt.draw(y, seed=3)
    assert single.shape == (5,)
    found = pt.draw({"a": a, "twice": 2 * a, "y": y}, draws=7, seed=3)
    assert found["y"].shape == (7, 5)
    np.testing.assert_array_equal(found["twice"], 2 * found["a"])
    assert [np.shape(v) for v in pt.draw([a, s], seed=0)] == [(), ()]
    np.testing.assert_array_equal(pt.draw(y, draws=3, seed=3), pt.draw(y, draws=3, seed=3))
    assert not np.array_equal(pt.draw(y, seed=3), pt.draw(y, seed=4))


def test_the_first_draws_do_not_depend_on_how_many_there_are():
    _, _, _, y = model()
    np.testing.assert_array_equal(pt.draw(y, draws=9, seed=1)[:4], pt.draw(y, draws=4, seed=1))


def test_prior_draws_follow_the_prior():
    _, _, _, y = model()
    posterior = pt.condition({y: np.zeros(5)}, target="interp")
    prior, seen = prior_rows(posterior, N, seed=5)
    assert set(prior) == {"a", "s", "mean"} and set(seen) == {"y"}
    assert stats.kstest(prior["a"], stats.norm(1, 2).cdf).pvalue > 1e-3
    assert stats.kstest(prior["s"], stats.halfnorm(scale=0.5).cdf).pvalue > 1e-3
    np.testing.assert_allclose(prior["mean"], prior["a"][:, None] * posterior.constants["x"])
    residual = (seen["y"] - prior["mean"]) / prior["s"][:, None]
    assert stats.kstest(residual.ravel(), stats.norm.cdf).pvalue > 1e-3


def test_posterior_draws_are_used_row_by_row():
    _, _, _, y = model()
    rng = np.random.default_rng(0)
    values = {"a": rng.normal(size=N), "s": np.full(N, 0.1)}
    found = predictive_rows(y, values, seed=1)["y"]
    z = (found - values["a"][:, None] * np.linspace(-1, 1, 5)) / 0.1
    assert stats.kstest(z.ravel(), stats.norm.cdf).pvalue > 1e-3


def test_other_data_and_new_variables_on_old_ones():
    x, a, s, y = model()
    values = {"a": np.array([1.0, 2.0]), "s": np.array([1e-9, 1e-9])}
    wide = predictive_rows(y, values, data={x: np.array([1.0, 10.0, 100.0])})["y"]
    np.testing.assert_allclose(wide, [[1, 10, 100], [2, 20, 200]], atol=1e-6)
    group = pt.random.normal(a, s, name="group")
    later = pt.random.normal(group, s, shape=2, name="later")
    found = predictive_rows([later, group], values)
    np.testing.assert_allclose(found["later"], [[1, 1], [2, 2]], atol=1e-6)


def test_requested_variables_are_drawn_even_if_they_have_values():
    _, a, _, _ = model()
    b = pt.random.normal(a, 1e-9, name="b")
    found = predictive_rows([b], {"a": np.array([3.0]), "b": np.array([99.0])})
    np.testing.assert_allclose(found["b"], [3.0], atol=1e-6)


def with_arviz():
    x, _, _, y = model()
    posterior = pt.condition({y: np.zeros(5)}, coords={"row": list("abcde")}, target="interp")
    groups = {"posterior": {"a": np.ones((2, 3)), "s": np.full((2, 3), 0.5)}}
    groups["observed_data"] = posterior.observed
    idata = to_arviz(groups, dims=posterior.dims, coords=posterior.coords, attrs={})
    return x, y, posterior, idata


def test_prior_as_an_arviz_object():
    _, _, posterior, _ = with_arviz()
    prior = pt.sample_prior(posterior, draws=20, seed=1)
    assert prior.prior["a"].shape == (1, 20)
    assert prior.prior_predictive["y"].dims == ("chain", "draw", "row")
    assert prior.prior["mean"].coords["row"].to_numpy().tolist() == list("abcde")
    assert prior.observed_data["y"].shape == (5,)
    again = pt.sample_prior(posterior, draws=20, seed=1)
    np.testing.assert_array_equal(prior.prior["a"], again.prior["a"])


def test_prior_of_tensors_without_a_model():
    b = pt.random.normal(0, 1, shape=2, name="b", dims="side")
    prior = pt.sample_prior([b, pt.deterministic(pt.exp(b), "e", dims="side")], draws=4, seed=0)
    assert prior.prior["e"].dims == ("chain", "draw", "side")
    np.testing.assert_allclose(prior.prior["e"], np.exp(prior.prior["b"]))


def test_posterior_predictive_as_an_arviz_object():
    x, y, _, idata = with_arviz()
    found = pt.sample_posterior_predictive(idata, y, seed=1).posterior_predictive["y"]
    assert found.shape == (2, 3, 5)
    assert found.coords["row"].to_numpy().tolist() == list("abcde")
    more = pt.sample_posterior_predictive(idata, y, seed=1, data={x: np.zeros(7)})
    assert more.posterior_predictive["y"].shape == (2, 3, 7)


def test_log_likelihood_and_log_prior_by_observation():
    _, y, posterior, idata = with_arviz()
    values = np.linspace(-1, 1, 5)
    other = posterior.with_data({y: values})
    found = pt.log_likelihood(other, idata)
    expected = stats.norm.logpdf(values, 1.0 * values, 0.5)
    np.testing.assert_allclose(found.log_likelihood["y"][1, 2], expected, rtol=1e-12)
    assert found.log_likelihood["y"].coords["row"].to_numpy().tolist() == list("abcde")
    assert found.log_prior["a"].shape == (2, 3)
    np.testing.assert_allclose(found.log_prior["a"], stats.norm.logpdf(1, 1, 2), rtol=1e-12)


def test_from_sampling_to_leave_one_out():
    rng = np.random.default_rng(3)
    x, _, _, y = model()
    seen = 2 * np.linspace(-1, 1, 30) + 0.3 * rng.normal(size=30)
    posterior = pt.condition({y: np.zeros(5)}).with_data({x: np.linspace(-1, 1, 30), y: seen})
    idata = pt.sample(posterior, draws=500, tune=500, chains=2, seed=1, progress=False)
    assert abs(float(idata.posterior["a"].mean()) - 2) < 0.4
    assert idata.posterior["mean"].shape == (2, 500, 30)
    found = pt.sample_posterior_predictive(idata, y, seed=1, data=posterior.data)
    spread = found.posterior_predictive["y"].to_numpy() - idata.posterior["mean"].to_numpy()
    assert np.isclose(spread.std(), float(idata.posterior["s"].mean()), rtol=0.05)
    total = pt.log_likelihood(posterior, idata).log_likelihood["y"].sum("row")
    lp = idata.sample_stats["lp"].to_numpy()
    prior = pt.log_likelihood(posterior, idata).log_prior
    jacobian = np.log(idata.posterior["s"].to_numpy())
    rest = prior["a"].to_numpy() + prior["s"].to_numpy() + jacobian
    np.testing.assert_allclose(total.to_numpy() + rest, lp, rtol=1e-9)


def test_what_cannot_be_drawn_says_why():
    _, a, _, y = model()
    with pytest.raises(TypeError, match="matched by name"):
        predictive_rows(y, {"other": np.zeros(3)})
    with pytest.raises(TypeError, match="needs a name"):
        predictive_rows(2 * a, {"a": np.zeros(3)})
    with pytest.raises(TypeError, match="data="):
        predictive_rows(y, {"a": np.zeros(3)}, data={a: 3})
