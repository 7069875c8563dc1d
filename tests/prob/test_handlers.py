"""Changes of models: do, observe, replace, factors of densities, batches of data."""

import pickle

import numpy as np
import pytest
from scipy import stats

import probtensor as pt

DATA = np.array([1.0, -0.5, 2.5])


def chain(**options):
    """mu -> x -> y and mu -> y, with y observed."""
    mu = pt.random.normal(0, 5, name="mu")
    x = pt.random.normal(mu, 1, name="x")
    half = pt.deterministic(x / 2, name="half")
    y = pt.random.normal(2 * half + mu, 1, shape=3, name="y")
    return mu, x, half, y, pt.condition({y: DATA}, target="machine", **options)


def test_an_intervention_cuts_the_causes_of_a_variable_and_nothing_else():
    _, x, _, y, posterior = chain()
    for key in (x, "x"):
        changed = pt.do(posterior, {key: 2.0})
        assert changed.names == ("mu",) and changed.deterministics == ("half",)
        assert changed.constants["x"] == 2.0
        expected = stats.norm.logpdf(0.3, 0, 5) + stats.norm.logpdf(DATA, 2.3).sum()
        assert np.isclose(changed.logp([0.3]), expected, rtol=1e-12)
    moved = pickle.loads(pickle.dumps(changed)).with_data({"x": -1.0, y: DATA + 1})
    expected = stats.norm.logpdf(0.3, 0, 5) + stats.norm.logpdf(DATA + 1, -0.7).sum()
    assert np.isclose(moved.logp([0.3]), expected, rtol=1e-12)


def test_an_intervention_on_what_is_observed_forgets_its_data():
    *_, y, posterior = chain()
    changed = pt.do(posterior, {y: DATA, "half": 7.0})
    assert changed.observed == {} and set(changed.names) == {"mu", "x"}
    q = np.array([0.2, -0.4])
    v = changed.constrain(q)
    expected = stats.norm.logpdf(v["mu"], 0, 5) + stats.norm.logpdf(v["x"], v["mu"])
    assert np.isclose(changed.logp(q), expected, rtol=1e-12)


def test_interventions_on_graphs_are_drawn():
    mu, x, _, y, _ = chain()
    z = pt.random.normal(x, 1.0, name="z")
    drawn = pt.draw(pt.do({"y": y, "x": x, "mu": mu, "z": z}, {x: 10.0}), draws=4000, seed=1)
    assert np.all(drawn["x"] == 10.0)
    assert abs(drawn["mu"].mean()) < 5 * 5 / 4000**0.5
    assert abs((drawn["z"] - 10).mean()) < 5 / 4000**0.5
    # A policy: the value depends on another variable.
    policy = pt.draw(pt.do([x, mu, y], {x: 3 * mu}), draws=50, seed=2)
    np.testing.assert_allclose(policy[0], 3 * policy[1])
    # What a posterior learned of the causes is kept by name.
    rows = {"mu": np.linspace(-1, 1, 30), "x": np.zeros(30)}
    found = pt.prob.predictive.predictive_rows(pt.do(y, {x: 4.0}), rows, seed=3)["y"]
    assert abs((found - rows["mu"][:, None] - 4.0).mean()) < 5 / 90**0.5


def test_confounding_is_seen_by_conditioning_and_not_by_intervention():
    # u -> x, u -> y, x -> y with effect 1: the regression of y on x has slope 1 + 0.5 * 2.
    u = pt.random.normal(0, 1, name="u")
    x = pt.random.normal(u, 1, name="x")
    y = pt.random.normal(x + 2 * u, 0.1, name="y")
    seen = pt.draw([x, y], draws=20000, seed=1)
    assert abs(np.polyfit(*seen, 1)[0] - 2.0) < 0.05
    means = [pt.draw(pt.do(y, {x: value}), draws=20000, seed=2).mean() for value in (0.0, 1.0)]
    assert abs(means[1] - means[0] - 1.0) < 1e-9


def test_observe_adds_data():
    mu, x, half, y, posterior = chain()
    more = pt.observe(posterior, {"x": 0.5})
    assert more.names == ("mu",) and set(more.observed) == {"x", "y"}
    expected = stats.norm.logpdf(0.3, 0, 5) + stats.norm.logpdf(0.5, 0.3)
    expected += stats.norm.logpdf(DATA, 0.8).sum()
    assert np.isclose(more.logp([0.3]), expected, rtol=1e-12)
    assert np.isclose(more.with_data({x: 0.5, y: DATA}).logp([0.3]), expected, rtol=1e-12)
    graph = pt.observe([mu, half], {y: DATA})
    assert graph.names == ("mu", "x") and graph.deterministics == ("half",)
    with pytest.raises(pt.GraphError, match="observed already"):
        pt.observe(posterior, {"y": DATA})
    with pytest.raises(pt.GraphError, match="lgamma"):
        pt.observe(posterior, {pt.lgamma(y): DATA})


def test_variables_that_are_summed_out_have_names():
    mu = pt.random.normal(0.0, 1.0, shape=2, name="mu")
    z = pt.random.bernoulli(0.3, shape=2, name="z")
    twice = pt.deterministic(2.0 * mu[z], name="twice")
    given = {pt.random.normal(twice, 1.0, name="y"): [0.3, -0.5]}
    posterior = pt.condition(given, track=[twice], target="machine")
    q, logs = [0.1, 0.7], stats.norm.logpdf([0.1, 0.7]).sum() + np.log(0.3 * 0.7)
    expected = logs + stats.norm.logpdf([0.3, -0.5], [0.2, 1.4]).sum()
    assert np.isclose(pt.observe(posterior, {"z": [0, 1]}).logp(q), expected)
    assert np.isclose(pt.do(posterior, {"z": [0, 1]}).logp(q), expected - np.log(0.3 * 0.7))
    assert pt.do(posterior, {"twice": np.zeros(2)}).marginalized == ()


def test_replace_exchanges_priors_expressions_and_data():
    mu, x, _, y, posterior = chain()
    wide = pt.replace(posterior, {"mu": pt.random.cauchy(0, 2, name="mu")})
    q = np.array([0.3, -0.8])
    v = wide.constrain(q)
    expected = stats.cauchy.logpdf(v["mu"], 0, 2) + stats.norm.logpdf(v["x"], v["mu"])
    expected += stats.norm.logpdf(DATA, v["x"] + v["mu"]).sum()
    assert np.isclose(wide.logp(q), expected, rtol=1e-12)
    heavy = pt.replace(posterior, {y: pt.random.student_t(3.0, x, 1.0, shape=3, name="y")})
    assert heavy.terms(q).terms[-1].what == "the student_t likelihood"
    assert heavy.observed["y"].tolist() == DATA.tolist()
    # Data become a variable.
    d = pt.data(2.0, name="d")
    w = pt.random.normal(d * mu, 1, name="w")
    lifted = pt.replace(
        pt.condition({w: 1.0}, target="machine"), {d: pt.random.gamma(2.0, 1.0, name="d")}
    )
    assert set(lifted.names) == {"mu", "d"} and lifted.constants == {}
    assert pt.replace(y, {x: x + 1}).type == y.type
    with pytest.raises(pt.GraphError, match=r"float64\[3\].*float64\[2\]"):
        pt.replace(posterior, {y: pt.random.normal(mu, 1.0, shape=2, name="y")})


def test_data_are_those_that_a_posterior_has_now():
    x = pt.data(np.ones(3), name="x", dims="row")
    b = pt.random.normal(0, 1, name="b")
    a = pt.random.normal(0, 1, name="a")
    y = pt.random.normal(a + b * x, 1, name="y", dims="row")
    first = pt.condition({y: DATA}, coords={"row": list("abc")}, target="machine")
    later = first.with_data({x: [1.0, 2.0, 3.0, 4.0], y: np.zeros(4)}, coords={"row": list("abcd")})
    changed = pt.do(later, {a: 1.0})
    assert changed.coords["row"].tolist() == list("abcd")
    expected = stats.norm.logpdf(0.5) + stats.norm.logpdf(0, 1 + 0.5 * np.arange(1, 5)).sum()
    assert np.isclose(changed.logp([0.5]), expected, rtol=1e-12)
    # A new expression is of the variables as the user made them, whose sizes were not known yet.
    z = pt.random.normal(0, 1, name="z", dims="row")
    w = pt.random.normal(a * z, 1, name="w", dims="row")
    sized = pt.condition({w: DATA}, coords={"row": list("abc")}, target="machine")
    shifted = pt.replace(sized, {w: pt.random.normal(a + z, 1, name="w", dims="row")})
    assert shifted.names == ("a", "z") and shifted.dim == 4
    again = changed.with_data({x: np.ones(2), y: np.zeros(2)}, coords={"row": [1, 2]})
    assert np.isclose(again.logp([0.5]), stats.norm.logpdf(0.5) + 2 * stats.norm.logpdf(1.5))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda p, x, y: pt.do(p, {"z": 1.0}), KeyError, "no 'z'"),
        (lambda p, x, y: pt.do(p, {x: np.ones(2)}), ValueError, r"shape \(2,\)"),
        (lambda p, x, y: pt.do(p, {x: np.nan}), ValueError, "finite"),
        (lambda p, x, y: pt.do(y, {pt.random.normal(0, 1): 1.0}), pt.GraphError, "no output"),
        (lambda p, x, y: pt.do(p, [x]), TypeError, "{variable: value}"),
        (lambda p, x, y: pt.do(3.0, {x: 1.0}), TypeError, "posterior"),
        (lambda p, x, y: pt.do(y, {y.inputs[0]: 1.0}), pt.GraphError, "deterministic"),
        (lambda p, x, y: pt.replace(p, {x: pt.as_tensor(1)}), pt.GraphError, "astype"),
        (lambda p, x, y: pt.scaled(y, -1.0), ValueError, ">= 0"),
        (lambda p, x, y: pt.scaled(y, np.ones(2)), pt.GraphError, "broadcast"),
        (lambda p, x, y: pt.scaled(y * 2, 1.0), pt.GraphError, "expression"),
        (lambda p, x, y: pt.condition({y: DATA}, total_size={x: 3}), pt.GraphError, "observed"),
        (lambda p, x, y: pt.condition({y: DATA}, total_size={y: 0}), ValueError, "rows"),
        (lambda p, x, y: pt.minibatches({"y": DATA}, 4), ValueError, "of 3 rows"),
        (lambda p, x, y: pt.minibatches({"y": DATA, "x": [1.0]}, 1), ValueError, "as many"),
    ],
)
def test_wrong_calls_say_what_is_wrong(call, error, text):
    _, x, _, y, posterior = chain()
    with pytest.raises(error, match=text) as raised:
        call(posterior, x, y)
    assert ".py:" in str(raised.value)


def test_factors_multiply_terms_and_nothing_else():
    mu = pt.random.normal(0, 5, name="mu")
    s = pt.scaled(pt.random.half_normal(2.0, name="s"), 3.0)
    y = pt.scaled(pt.random.normal(mu, s, shape=3, name="y"), [0.5, 0.0, 2.0])
    keep = pt.data(np.array([True, False]), name="keep")
    z = pt.scaled(pt.random.poisson(pt.exp(mu), name="z", shape=2), keep)
    posterior = pt.condition({y: DATA, z: [2, 7]}, target="machine")
    q = np.array([0.4, -0.3])
    v = posterior.constrain(q)
    terms = [0.5, 0.0, 2.0] * stats.norm.logpdf(DATA, v["mu"], v["s"])
    expected = stats.norm.logpdf(v["mu"], 0, 5) + 3 * stats.halfnorm.logpdf(v["s"], scale=2) + q[1]
    expected += terms.sum() + stats.poisson.logpmf(2, np.exp(v["mu"]))
    assert np.isclose(posterior.logp(q), expected, rtol=1e-12)
    assert np.isclose(posterior.terms(q).logp, expected, rtol=1e-12)
    both = posterior.with_data({"keep": [True, True]})
    expected += stats.poisson.logpmf(7, np.exp(v["mu"]))
    assert np.isclose(both.logp(q), expected, rtol=1e-12)
    slope = (both.logp(q + [1e-6, 0]) - both.logp(q - [1e-6, 0])) / 2e-6
    assert np.isclose(both.logp_and_grad(q)[1][0], slope, rtol=1e-6)
    plain = pt.logp(y, DATA)
    assert np.allclose(
        pt.function([], pt.replace(plain, {mu: 0.0, s: 1.0}), target="interp")(),
        stats.norm.logpdf(DATA),
    )
    twice = pt.scaled(pt.scaled(mu, 2.0), 3.0)
    only = pt.condition({pt.random.normal(twice, 1.0, name="o"): 0.0}, target="machine")
    assert np.isclose(only.terms([1.0]).terms[0].value, 6 * stats.norm.logpdf(1, 0, 5))


def test_gradients_of_batches_are_those_of_all_rows_on_average():
    rng = np.random.default_rng(3)
    x, outcome = rng.normal(size=(24, 2)), rng.normal(size=24)
    xs = pt.data(x[:6], name="x")
    b = pt.random.normal(0, 2, shape=2, name="b")
    y = pt.random.normal(xs @ b, 0.7, name="y", dims="row")
    batch = pt.condition({y: outcome[:6]}, total_size={y: 24}, target="machine")
    whole = pt.condition({y: outcome[:6]}, target="machine").with_data({xs: x, y: outcome})
    q = np.array([0.3, -1.2])
    value, slope = whole.logp_and_grad(q)
    found = [
        batch.with_data(part).logp_and_grad(q)
        for part in pt.minibatches({xs: x, y: outcome}, 6, seed=5, epochs=2)
    ]
    assert len(found) == 8
    np.testing.assert_allclose(np.mean([v for v, _ in found]), value, rtol=1e-12)
    np.testing.assert_allclose(np.mean([g for _, g in found], axis=0), slope, rtol=1e-12)
    # Batches of another length have a factor of their own.
    uneven = [
        len(part[y]) / 24 * (batch.with_data(part).logp(q) - stats.norm.logpdf(q, 0, 2).sum())
        for part in pt.minibatches({xs: x, y: outcome}, 7, seed=6)
    ]
    assert np.isclose(sum(uneven), value - stats.norm.logpdf(q, 0, 2).sum(), rtol=1e-12)


def test_factors_in_steps_of_loops():
    a = pt.random.normal(0, 1, name="a")

    def step(x, w):
        x = pt.scaled(pt.random.normal(a * x, 1.0, name="x"), w)
        return x, x

    weights, data = np.array([1.0, 0.0, 2.5]), np.array([0.3, -1.0, 0.4])
    walk = pt.loop.scan(step, 0.0, weights)[1]
    posterior = pt.condition({walk: data}, target="machine")
    terms = stats.norm.logpdf(data, 0.7 * np.array([0.0, 0.3, -1.0]))
    expected = stats.norm.logpdf(0.7) + weights @ terms
    assert np.isclose(posterior.logp([0.7]), expected, rtol=1e-12)


def test_a_factor_of_zero_adds_nothing_where_the_density_is_zero():
    power = pt.data(np.array([0.0, 1.0]), name="power")
    s = pt.random.half_normal(1.0, name="s")
    y = pt.scaled(pt.random.poisson(s - 1.0, shape=2, name="y"), power)
    posterior = pt.condition({y: [0, 1]}, target="machine")
    # The rate of 0 has no mass at 1.
    assert posterior.logp([0.0]) == -np.inf
    off = posterior.with_data({"power": [0.0, 0.0]})
    expected = stats.halfnorm.logpdf(1.0)
    assert np.isclose(off.logp([0.0]), expected)
    with pytest.raises(ValueError, match=r"factor of y.*>= 0"):
        posterior.with_data({"power": [0.0, -1.0]})


def test_maps_from_unconstrained_space_are_kept():
    a = pt.random.half_normal(1.0, name="a")
    b = pt.random.half_normal(a, name="b")
    x = pt.data(np.ones(3), name="x", dims="row")
    y = pt.random.normal(a * x, b, name="y", dims="row")
    maps = {a: pt.bijectors.Softplus(), b: pt.bijectors.Softplus()}
    posterior = pt.condition({y: DATA}, transforms=maps, total_size={y: 9}, target="machine")
    q = np.array([0.3, -0.4])
    v = posterior.constrain(q)
    np.testing.assert_allclose(v["a"], np.log1p(np.exp(0.3)))
    jacobian = stats.logistic.logcdf(q)
    expected = stats.halfnorm.logpdf([v["a"], v["b"]], scale=[1, v["a"]]) + jacobian
    expected = expected.sum() + 3 * stats.norm.logpdf(DATA, v["a"], v["b"]).sum()
    assert np.isclose(posterior.logp(q), expected)
    changed = pt.do(posterior, {a: 2.0})
    assert np.isclose(changed.constrain([-0.4])["b"], np.log1p(np.exp(-0.4)))
    back = pt.reparametrize(posterior, {"b": False})
    assert np.isclose(back.constrain(q)["b"], v["a"] * np.exp(-0.4))
    assert np.isclose(back.constrain(q)["a"], v["a"])
    with pytest.warns(pt.ImputationWarning):
        gaps = pt.condition({y: [1.0, np.nan, 2.0]}, transforms=maps, target="machine")
    assert np.isclose(gaps.constrain([0.3, -0.4, 0.0])["b"], v["b"])


def test_changes_after_changes_take_the_later_values():
    a = pt.random.normal(0, 2, name="a")
    x = pt.data([1.0, 2.0, 3.0], name="x", dims="row")
    y = pt.random.normal(a * x, 1, name="y", dims="row")
    posterior = pt.condition({y: DATA}, coords={"row": list("abc")}, target="machine")
    first = pt.do(posterior, {"a": 1.0})
    second = pt.do(first, {"a": 2.0})
    assert first.constants["a"] == 1.0 and second.constants["a"] == 2.0
    expected = stats.norm.logpdf(DATA, 2 * np.arange(1.0, 4.0)).sum()
    assert np.isclose(second.logp([]), expected, rtol=1e-12)
    # Data of a dim, which have as many sizes as they are given.
    zero = stats.norm.logpdf(0.7, 0, 2) + stats.norm.logpdf(DATA, 0).sum()
    others = pt.data(np.zeros(3), name="x", dims="row"), pt.data(np.zeros(3), name="x")
    for changed in (pt.do(posterior, {"x": np.zeros(3)}), pt.do(posterior, {x: [0.0, 0, 0]}),
                    *(pt.replace(posterior, {"x": other}) for other in others)):  # fmt: skip
        assert np.isclose(changed.logp([0.7]), zero, rtol=1e-12)
    assert pt.replace(posterior, {x: pt.random.normal(0, 1, shape=3, name="x")}).names == ("a", "x")
    with pytest.raises(ValueError, match="row has length 3 by coords, but 2"):
        pt.do(posterior, {"x": [1.0, 2.0]})


def test_an_intervention_forgets_data_with_missing_values():
    m = pt.random.normal(0, 2, name="m")
    h = pt.random.normal(m, 1, shape=3, name="h")
    w = pt.random.normal(2 * h, 1, name="w")
    with pytest.warns(pt.ImputationWarning):
        posterior = pt.condition({h: [1.0, np.nan, 2.0], w: DATA}, target="machine")
    changed = pt.do(posterior, {"h": 1.0})
    assert changed.names == ("m",)
    expected = stats.norm.logpdf(0.3, 0, 2) + stats.norm.logpdf(DATA, 2).sum()
    assert np.isclose(changed.logp([0.3]), expected, rtol=1e-12)
    with pytest.raises(pt.GraphError, match="h has missing values"):
        pt.replace(posterior, {"h": pt.random.normal(m, 2, shape=3, name="h")})


def test_a_replaced_observation_keeps_its_share_of_all_rows():
    a = pt.random.normal(0, 2, name="a")
    y = pt.random.normal(a, 1, shape=3, name="y")
    posterior = pt.condition({y: DATA}, total_size={y: 30}, target="machine")
    wide = pt.replace(posterior, {"y": pt.random.normal(a, 2, shape=3, name="y")})
    expected = stats.norm.logpdf(0.3, 0, 2) + 10 * stats.norm.logpdf(DATA, 0.3, 2).sum()
    assert np.isclose(wide.logp([0.3]), expected, rtol=1e-12)
    own = pt.scaled(pt.random.normal(a, 2, shape=3, name="y"), 1.0)
    expected = stats.norm.logpdf(0.3, 0, 2) + stats.norm.logpdf(DATA, 0.3, 2).sum()
    assert np.isclose(pt.replace(posterior, {"y": own}).logp([0.3]), expected, rtol=1e-12)


def test_summed_variables_in_observe_do_and_replace():
    a = pt.random.normal(0, 2, name="a")
    k = pt.random.bernoulli(0.3, name="k")
    posterior = pt.condition({pt.random.normal(a * k, 1, name="w"): 1.0}, target="machine")
    expected = stats.norm.logpdf(0.3, 0, 2) + stats.norm.logpdf(1.0, 0.3)
    assert np.isclose(pt.do(posterior, {"k": 1}).logp([0.3]), expected, rtol=1e-12)
    seen = pt.observe(posterior, {"k": 1})
    assert np.isclose(seen.logp([0.3]), expected + np.log(0.3), rtol=1e-12)


def test_batches_keep_masks_and_models_are_tensors():
    masked = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])
    batches = [*pt.minibatches({"x": masked}, 3, seed=1)]
    assert batches[0]["x"].mask.sum() == 1
    with pytest.raises(TypeError, match="takes a posterior, a tensor, or a list or dict"):
        pt.observe(3, {pt.random.normal(0, 1, name="x"): 1.0})


def test_changes_that_depend_on_each_other_are_made_together():
    mu = pt.random.normal(0, 5, name="mu")
    th = pt.random.normal(mu, 1, shape=3, name="th")
    y = pt.random.normal(th, 1, name="y")
    posterior = pt.condition({y: DATA}, target="machine")
    changes = {
        "th": pt.random.normal(mu, 2, shape=3, name="th"),
        "mu": pt.random.normal(1, 2, name="mu"),
    }
    changed = pt.replace(posterior, changes)
    v = {"mu": 0.4, "th": np.array([0.3, -0.2, 0.9])}
    expected = stats.norm.logpdf(v["mu"], 1, 2) + stats.norm.logpdf(v["th"], v["mu"], 2).sum()
    expected += stats.norm.logpdf(DATA, v["th"]).sum()
    assert np.isclose(changed.logp(changed.unconstrain(v)), expected, rtol=1e-12)
    noisy = pt.replace(posterior, {"y": th + pt.random.normal(0, 2, shape=3)})
    assert [*noisy.observed] == ["y"]  # an expression has the name of what it replaces
    expected = stats.norm.logpdf(v["mu"], 0, 5) + stats.norm.logpdf(v["th"], v["mu"]).sum()
    expected += stats.norm.logpdf(DATA, v["th"], 2).sum()
    assert np.isclose(noisy.logp(noisy.unconstrain(v)), expected, rtol=1e-12)
    drawn = pt.draw(pt.do([th, mu], {th: 2 * mu * np.ones(3), mu: 3.0}), seed=1)
    np.testing.assert_allclose(drawn[0], 6.0)
