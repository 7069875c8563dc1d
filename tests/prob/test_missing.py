"""Missing values: free variables of a joint density, whatever is missing."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import stats

import probtensor as pt

R = pt.random
NAN = np.nan


def condition(observed, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pt.ImputationWarning)
        return pt.condition(observed, target="machine", **options)


def check_gradient(posterior, q):
    _, slope = posterior.logp_and_grad(q)
    steps = 1e-6 * np.eye(posterior.dim)
    expected = [(posterior.logp(q + s) - posterior.logp(q - s)) / 2e-6 for s in steps]
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-6)


def test_entries_of_numbers():
    mu = R.normal([0.0, 1.0, 2.0], 1.0, name="mu", dims="item")
    s = R.gamma(2.0, 1.0, name="s")
    y = R.normal(mu, s, shape=(2, 3), name="y", dims=("row", "item"))
    z = R.normal(pt.sum(y), 1.0, name="z")
    data = np.array([[1.0, NAN, 0.5], [NAN, 2.0, -1.0]])
    with pytest.warns(pt.ImputationWarning, match="'y': 2 of 6.*y_unobserved"):
        posterior = pt.condition({y: data, z: 0.3}, coords={"item": list("abc")}, target="machine")
    assert posterior.names == ("mu", "s", "y_unobserved") and posterior.dim == 6
    assert posterior.dims["y"] == ("row", "item") and set(posterior.observed) == {"y_observed", "z"}
    q = np.array([0.3, -0.2, 0.1, 0.4, 1.3, -0.7])
    v = posterior.constrain(q)
    np.testing.assert_array_equal(v["y"][~np.isnan(data)], data[~np.isnan(data)])
    np.testing.assert_array_equal(v["y"][np.isnan(data)], v["y_unobserved"])
    expected = stats.norm.logpdf(v["mu"], [0, 1, 2]).sum() + stats.gamma(2).logpdf(v["s"])
    expected += stats.norm.logpdf(v["y"], v["mu"], v["s"]).sum()
    expected += stats.norm.logpdf(0.3, v["y"].sum()) + q[3] + 2 * np.log(v["s"])
    assert np.isclose(posterior.logp(q), expected, rtol=1e-12)
    check_gradient(posterior, q)
    # Other values at the same places, also of a posterior from a file.
    other = np.where(np.isnan(data), NAN, data + 1)
    moved = pickle.loads(pickle.dumps(posterior)).with_data({"y": other, z: 0.1})
    assert moved.observed["y_observed"].tolist() == other[~np.isnan(other)].tolist()
    for wrong, text in ((data[:1], "shape"), (data.T, "shape"), (np.ones((2, 3)), "other entries")):
        with pytest.raises(ValueError, match=text):
            posterior.with_data({y: wrong})


def test_masks_bounds_and_factors():
    low = R.normal(0, 1, name="low")
    y = R.exponential(2.0, shape=3, name="y")
    w = R.uniform(low, low + [1.0, 2.0, 3.0], name="w")
    x = pt.scaled(R.student_t(4.0, low, 1.0, shape=3, name="x"), [0.5, 1.0, 2.0])
    mask = np.ma.masked_array([1, 999, 3], mask=[0, 1, 0])
    posterior = condition({y: mask, w: [0.5, NAN, 0.7], x: [1.0, NAN, 2.0]})
    assert posterior.names == ("low", "y_unobserved", "w_unobserved", "x_unobserved")
    q = np.array([0.1, 0.2, -0.3, 0.4])
    v = posterior.constrain(q)
    assert 0.1 < v["w"][1] < 2.1 and v["y"].tolist() == [1, np.exp(0.2), 3]
    expected = stats.norm.logpdf(0.1) + stats.expon.logpdf(v["y"], scale=0.5).sum() + 0.2
    expected += np.log(stats.logistic.pdf(-0.3)) - np.log(1) - np.log(3)
    terms = stats.t.logpdf(v["x"], 4, 0.1)  # a factor is for what is there
    assert np.isclose(posterior.logp(q), expected + terms @ [0.5, 1.0, 2.0])


def test_rows_of_normal_vectors():
    rng = np.random.default_rng(0)
    mu = R.normal(0, 1, shape=3, name="mu")
    s = R.half_normal(1.0, name="s")
    factor = np.array([[1.0, 0, 0], [0.5, 0.8, 0], [-0.3, 0.4, 1.2]])
    factors = np.stack([factor * k for k in (1.0, 2.0, 0.5, 1.5, 0.7)])
    x = R.multivariate_normal(mu, factor * s, shape=(2, 3, 3), name="x")
    y = R.multivariate_normal(mu, factors * s, name="y")
    one = R.multivariate_normal(mu, factor, name="one")
    data_x, data_y = rng.normal(size=(2, 3, 3)), rng.normal(size=(5, 3))
    data_x[0, 1, 0] = data_x[1, 1, 0] = data_x[0, 2, 1:] = NAN
    data_y[0, 2] = data_y[3, :2] = data_y[4] = NAN
    posterior = condition({x: data_x, y: data_y, one: [0.1, NAN, 0.4]})
    missing = sum(np.isnan(d).sum() for d in (data_x, data_y)) + 1
    assert posterior.dim == 4 + missing
    q = 0.5 * rng.normal(size=posterior.dim)
    v = posterior.constrain(q)
    for name, data in (("x", data_x), ("y", data_y)):
        np.testing.assert_array_equal(v[name][~np.isnan(data)], data[~np.isnan(data)])

    def joint(values):
        """The density of all entries, in the coordinates of the entries themselves."""
        covariance = factor @ factor.T * values["s"] ** 2
        found = stats.multivariate_normal(values["mu"], covariance).logpdf(values["x"]).sum()
        for row, f in zip(values["y"], factors, strict=True):
            covariance = f @ f.T * values["s"] ** 2
            found += stats.multivariate_normal(values["mu"], covariance).logpdf(row)
        found += stats.multivariate_normal(values["mu"], factor @ factor.T).logpdf(values["one"])
        prior = stats.norm.logpdf(values["mu"]).sum() + stats.halfnorm.logpdf(values["s"])
        return found + prior + np.log(values["s"])

    def entries(p):
        found = posterior.constrain(p)
        gaps = [found[n] for n in posterior.names if "unobserved" in n]
        return np.concatenate([found["mu"], [p[3]], *(g.ravel() for g in gaps)])

    steps = 1e-6 * np.eye(posterior.dim)
    jacobian = np.array([(entries(q + s) - entries(q - s)) / 2e-6 for s in steps])
    expected = joint(v) + np.linalg.slogdet(jacobian)[1]
    assert np.isclose(posterior.logp(q), expected, rtol=1e-8)
    check_gradient(posterior, q)
    again = posterior.with_data({"x": np.where(np.isnan(data_x), NAN, 0.0)})
    assert all(np.all(a == 0) for n, a in again.observed.items() if n.startswith("x"))


def test_a_covariate_with_gaps_is_imputed_by_what_it_explains():
    # x ~ N(m, 1), y ~ N(2 x, 0.5): the posterior of a missing x is normal in closed form.
    m = R.normal(0, 10, name="m")
    x = R.normal(m, 1.0, shape=3, name="x", dims="row")
    y = R.normal(2 * x, 0.5, name="y", dims="row")
    posterior = condition({y: [1.0, NAN, 3.0], x: [0.4, NAN, NAN]})
    assert posterior.names == ("m", "x_unobserved", "y_unobserved")
    # log p(x_3 | m, y_3) is quadratic with precision 1 + 4 / 0.25 = 17, in u = x_3 - m as well.
    q = np.zeros((3, 4))
    q[:, 2] = [-1.0, 0.0, 1.0]
    below, at, above = (posterior.logp(row) for row in q)
    assert np.isclose(below - 2 * at + above, -17.0)
    found = pt.sample(posterior, draws=20, tune=50, chains=1, seed=1, progress=False)
    assert found.posterior["x"].dims[2:] == ("row",) and float(found.posterior["x"][0, 3, 0]) == 0.4
    drawn = pt.sample_posterior_predictive(found, y, seed=2)
    assert drawn.posterior_predictive["y"].shape == (1, 20, 3)
    terms = pt.log_likelihood(posterior, found)
    assert terms.log_likelihood["y_observed"].shape == (1, 20, 2)
    assert pt.sample_prior(posterior, draws=4, seed=1).prior["y"].shape == (1, 4, 3)


def test_missing_counts_are_left_out():
    rate = R.gamma([2.0, 3.0, 4.0], 1.0, name="rate", dims="row")
    y = R.poisson(rate, name="y", dims="row")
    with pytest.warns(pt.ImputationWarning, match="1 of 3.*left out"):
        posterior = pt.condition({y: [2, NAN, 5]}, target="machine")
    q = np.array([0.1, 0.2, 0.3])
    expected = stats.gamma([2, 3, 4]).logpdf(np.exp(q)).sum() + q.sum()
    expected += stats.poisson(np.exp(q[[0, 2]])).logpmf([2, 5]).sum()
    assert np.isclose(posterior.logp(q), expected)
    with pytest.raises(KeyError, match="y_observed"):
        posterior.with_data({"y": [1, 2, 3]})


def test_entries_that_a_mask_leaves_out_are_no_variables():
    mu = R.normal(0, 1, name="mu")
    y = R.masked(R.normal(mu, 1), [True, False], shape=2, name="y")
    with pytest.warns(pt.ImputationWarning, match="1 of 2 values are missing, and left out"):
        posterior = pt.condition({y: [1.0, NAN]}, target="machine")
    assert posterior.names == ("mu",) and not posterior.deterministics
    expected = stats.norm.logpdf(0.3) + stats.norm.logpdf(1.0, 0.3)
    assert np.isclose(posterior.logp([0.3]), expected)
    # Others that are missing are free; rows of vectors; what has no known mask.
    y = R.masked(R.normal(mu, 1), [True, False, True], shape=(2, 3), name="y")
    data = [[NAN, NAN, 0.5], [1.0, 7.0, 2.0]]
    with pytest.warns(pt.ImputationWarning, match="1 of them are left out; others become"):
        posterior = pt.condition({y: data}, target="machine")
    assert posterior.names == ("mu", "y_unobserved") and posterior.dim == 2
    q = [0.3, -0.2]
    expected = stats.norm.logpdf([0.3, -0.2 - 0.3, 0.5 - 0.3, 1 - 0.3, 2 - 0.3]).sum()
    value = posterior.constrain(q)["y"]
    z = value[0, 0] - 0.3  # the free entry may have other coordinates than its value
    expected += stats.norm.logpdf(z) - stats.norm.logpdf(-0.5)
    assert np.isclose(posterior.logp(q), expected)
    np.testing.assert_array_equal(value, [[value[0, 0], NAN, 0.5], [1.0, 7.0, 2.0]])
    rows = R.masked(R.dirichlet(pt.exp(mu) * np.ones(2)), [True, False], name="rows")
    posterior = condition({rows: [[0.3, 0.7], [NAN, NAN]]})
    assert posterior.names == ("mu",)
    for make, text in (
        (lambda y: {y: [1.0, NAN], R.normal(pt.sum(y), 1.0, name="z"): 0.5}, "leaves them out"),
        (lambda y: {R.masked(R.normal(0, 1), pt.data([True, True]), name="y"): [1.0, NAN]},
         "mask is not made of numbers"),
    ):  # fmt: skip
        with pytest.raises(pt.GraphError, match=text):
            condition(make(R.masked(R.normal(mu, 1), [True, False], name="y")))


@pytest.mark.parametrize(
    ("made", "data", "error", "text"),
    [
        (lambda: R.normal(0, 1, shape=2, name="y"), [NAN, NAN], ValueError, "all values"),
        (lambda: R.normal(0, 1, name="y"), NAN, ValueError, "all values"),
        (lambda: R.normal(0, 1, shape=2, name="y"), [[NAN, 1.0]], ValueError, "shape"),
        (lambda: R.normal(0, 1, shape=3, name="y"), [NAN, 1.0], ValueError, "shape"),
        (lambda: R.dirichlet([1.0] * 3, name="y"), [NAN, 0.2, 0.3], pt.GraphError, "of which some"),
        (lambda: R.normal(0, 1, shape=3, name="y", constraint=pt.ordered()), [0.0, NAN, 1.0],
         pt.GraphError, "in order"),
        (lambda: pt.loop.scan(lambda x, _: (v := R.normal(x, 1), v), 0.0, length=3)[1],
         [0.0, NAN, 1.0], pt.GraphError, "loop"),
        (lambda: pt.exp(R.normal(0, 1, shape=2)), [NAN, 1.0], pt.GraphError, "is an expression"),
        (lambda: pt.deterministic(pt.exp(R.normal(0, 1, shape=2)), name="y"), [NAN, 1.0],
         pt.GraphError, "y is an expression"),
    ],
)  # fmt: skip
def test_what_cannot_be_imputed_says_so(made, data, error, text):
    with pytest.raises(error, match=text) as raised:
        condition({made(): data})
    assert ".py:" in str(raised.value)


def test_gaps_beside_an_observed_expression():
    mu, y = R.normal(0, 1, name="mu"), [0.3, NAN]
    grown = pt.exp(R.normal(mu, 1.0))
    posterior = condition({grown: 2.0, R.normal(mu, 2.0, shape=2, name="y"): y})
    q = np.array([0.4, -0.7])
    expected = stats.norm.logpdf([*q, np.log(2.0)], [0, 0, 0.4]).sum() - np.log(2.0)
    assert np.isclose(posterior.logp(q), expected + stats.norm.logpdf(0.3, 0.4, 2.0))


def test_counts_that_others_depend_on_are_refused():
    y = R.poisson(2.0, shape=2, name="y")
    z = R.normal(pt.sum(y), 1.0, name="z")
    with pytest.raises(pt.GraphError, match="depend on it"):
        condition({y: [1, NAN], z: 0.5})
