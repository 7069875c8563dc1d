"""Posteriors: which variables are free, their density, values, data and messages."""

import pickle

import numpy as np
import pytest
from scipy import stats

import probtensor as pt
from probtensor.graph import inputs_of, toposort
from probtensor.prob.density.terms import sum_terms
from probtensor.prob.model.data import evaluate
from probtensor.transform.facts import constant_of
from tests.models import EIGHT_SCHOOLS

Y = np.array(EIGHT_SCHOOLS["y"])
SIGMA = np.array(EIGHT_SCHOOLS["sigma"])
SCHOOLS = list("abcdefgh")


def schools(target="interp", **options):
    mu = pt.random.normal(0, 5, name="mu")
    tau = pt.random.half_cauchy(5, name="tau")
    z = pt.random.normal(0, 1, name="z", dims="school")
    theta = pt.deterministic(mu + tau * z, name="theta", dims="school")
    y = pt.random.normal(theta, SIGMA, name="y", dims="school")
    return pt.condition({y: Y}, coords={"school": SCHOOLS}, target=target, **options)


def schools_logp(q):
    mu, tau, z = q[0], np.exp(q[1]), q[2:]
    prior = stats.norm.logpdf(mu, 0, 5) + stats.halfcauchy.logpdf(tau, scale=5) + q[1]
    prior += stats.norm.logpdf(z).sum()
    return prior + stats.norm.logpdf(Y, mu + tau * z, SIGMA).sum()


def check_gradient(posterior, q, step=1e-6, rtol=1e-6):
    """The gradient is that of central differences."""
    _, gradient = posterior.logp_and_grad(q)
    for i in range(posterior.dim):
        shift = step * (np.arange(posterior.dim) == i)
        difference = (posterior.logp(q + shift) - posterior.logp(q - shift)) / (2 * step)
        assert np.isclose(gradient[i], difference, rtol=rtol, atol=1e-5), posterior.variable_of(i)


@pytest.mark.parametrize("target", ["interp", "cython"])
def test_eight_schools(target):
    posterior = schools(target)
    assert posterior.dim == 10
    assert posterior.names == ("mu", "tau", "z")
    q = np.random.default_rng(0).normal(size=10)
    assert np.isclose(posterior.logp(q), schools_logp(q), rtol=1e-12)
    check_gradient(posterior, q)


def test_values_and_the_way_back():
    posterior = schools()
    q = np.random.default_rng(1).normal(size=10)
    values = posterior.constrain(q)
    assert list(values) == ["mu", "tau", "z", "theta"]
    np.testing.assert_allclose(values["theta"], values["mu"] + values["tau"] * values["z"])
    np.testing.assert_allclose(posterior.unconstrain(values), q, rtol=1e-12, atol=1e-14)


def test_expand_is_constrain_for_each_draw():
    posterior = schools("cython")
    draws = np.random.default_rng(2).normal(size=(7, 10))
    found = posterior.expand(draws)
    for i, q in enumerate(draws):
        for name, value in posterior.constrain(q).items():
            np.testing.assert_allclose(found[name][i], value, rtol=1e-14)
    assert posterior.expand(np.empty((0, 10)))["theta"].shape == (0, 8)


def test_names_dims_and_coords():
    posterior = schools()
    assert posterior.dims == {"z": ("school",), "theta": ("school",), "y": ("school",)}
    assert posterior.coords["school"].tolist() == SCHOOLS
    assert posterior.observed["y"].tolist() == Y.tolist()
    assert [posterior.variable_of(i) for i in (0, 1, 4)] == ["mu", "tau", "z[2]"]
    with pytest.raises(IndexError, match="10 entries"):
        posterior.variable_of(10)


def test_order_is_that_of_the_graph_not_of_the_calls():
    b = pt.random.normal(0, 1, name="b")
    a = pt.random.normal(0, 1, name="a")
    y = pt.random.normal(a, pt.exp(b), name="y")
    assert pt.condition({y: 0.5}, target="interp").names == ("a", "b")


def test_ancestors_alone_are_free_unless_tracked():
    a, lone = pt.random.normal(0, 1, name="a"), pt.random.gamma(2.0, 1.0, name="lone")
    y = pt.random.normal(a, 1, name="y")
    assert pt.condition({y: 0.0}, target="interp").names == ("a",)
    tracked = pt.condition({y: 0.0}, track=[lone], target="interp")
    assert tracked.names == ("a", "lone")
    q = np.array([0.2, -0.4])
    expected = stats.norm.logpdf([0.2, 0.2]).sum() + stats.gamma(2).logpdf(np.exp(-0.4)) - 0.4
    assert np.isclose(tracked.logp(q), expected)


def test_potentials_are_added():
    a = pt.random.normal(0, 1, shape=3, name="a")
    y = pt.random.normal(pt.sum(a), 1, name="y")
    term = pt.potential(-5 * pt.square(a), name="shrink")
    posterior = pt.condition({y: 1.0}, potentials=[term], target="interp")
    q = np.array([0.1, -0.3, 0.5])
    expected = stats.norm.logpdf(q).sum() + stats.norm.logpdf(1, q.sum()) - 5 * np.sum(q**2)
    assert np.isclose(posterior.logp(q), expected)
    check_gradient(posterior, q)
    assert "shrink" in posterior.diagnose(q)


def every_kind():
    """A model with every bijector and a likelihood whose constants depend on data alone."""
    r = pt.random
    mu = r.normal(0, 2, name="mu", shape=2, constraint=pt.ordered())
    w = r.dirichlet([1.5, 2.0, 0.7], name="w")
    u = r.uniform(-2, 3, name="u")
    b = r.beta(2.0, 3.0, name="b")
    s = r.half_student_t(3, 2.0, name="s")
    c = r.normal(0, 1, name="c", constraint=pt.interval(high=1.5))
    g = r.inverse_gamma(3.0, 2.0, name="g", shape=2)
    top = r.uniform(0, s, name="top")
    counts = r.negative_binomial(pt.exp(mu[0] + u), s, name="counts", shape=4)
    trials = r.binomial(np.array([3, 5, 9]), b, name="trials")
    x = r.student_t(4.0, mu[1] + c, g[0] + w[0] + top, name="x", shape=3)
    kind = r.categorical(w, name="kind", shape=5)
    values = {counts: [0, 3, 1, 12], trials: [1, 5, 4], x: [0.3, -2.0, 1.0], kind: [0, 2, 1, 1, 0]}
    return values, (mu, w, u, b, s, c, g, top)


def test_every_bijector_in_one_model():
    values, free = every_kind()
    posterior = pt.condition(values, target="interp")
    q = 0.5 * np.random.default_rng(4).normal(size=posterior.dim)
    assert posterior.dim == sum(
        {"w": 2}.get(v.name, int(np.prod(v.shape, dtype=int))) for v in free
    )
    check_gradient(posterior, q, rtol=2e-5)
    v = posterior.constrain(q)
    logp = stats.norm.logpdf(v["mu"], 0, 2).sum() + np.log(2) - stats.norm.logcdf(1.5)
    logp += stats.dirichlet([1.5, 2.0, 0.7]).logpdf(v["w"] / v["w"].sum())
    logp += stats.uniform(-2, 5).logpdf(v["u"]) + stats.beta(2, 3).logpdf(v["b"])
    logp += stats.t(3, 0, 2).logpdf(v["s"]) + np.log(2) + stats.norm.logpdf(v["c"])
    logp += stats.invgamma(3, scale=2).logpdf(v["g"]).sum() - np.log(v["s"])
    rate = np.exp(v["mu"][0] + v["u"])
    logp += stats.nbinom(v["s"], v["s"] / (v["s"] + rate)).logpmf([0, 3, 1, 12]).sum()
    logp += stats.binom([3, 5, 9], v["b"]).logpmf([1, 5, 4]).sum()
    scale = v["g"][0] + v["w"][0] + v["top"]
    logp += stats.t(4, v["mu"][1] + v["c"], scale).logpdf([0.3, -2.0, 1.0]).sum()
    logp += np.log(v["w"][[0, 2, 1, 1, 0]]).sum()
    found = posterior.terms(q)
    slopes = sum(t.value for t in found.terms if t.what == "the log-Jacobian")
    assert np.isclose(posterior.logp(q), logp + slopes, rtol=1e-10)
    assert np.isclose(found.logp, posterior.logp(q), rtol=1e-10)
    np.testing.assert_allclose(posterior.unconstrain(v), q, rtol=1e-9, atol=1e-12)


def test_the_compiled_density_is_the_interpreted_one():
    values, _ = every_kind()
    interpreted, compiled = pt.condition(values, target="interp"), pt.condition(values)
    for seed in range(3):
        q = np.random.default_rng(seed).normal(size=interpreted.dim)
        a, b = interpreted.logp_and_grad(q), compiled.logp_and_grad(q)
        assert np.isclose(a[0], b[0], rtol=1e-12)
        np.testing.assert_allclose(a[1], b[1], rtol=1e-9, atol=1e-10)


# What is computed once.


def test_what_depends_on_data_alone_is_not_in_the_density():
    x = pt.data(np.arange(5.0) + 1, name="x", dims="row")
    b = pt.random.normal(0, 1, name="b")
    y = pt.random.poisson(pt.exp(b * pt.log(x)), name="y", dims="row")
    posterior = pt.condition({y: [0, 1, 4, 2, 9]}, target="interp")
    names = [node.op.name for node in toposort([*posterior.function.program.outputs])]
    assert "lgamma" not in names
    assert "log" not in names
    expected = (
        stats.norm.logpdf(0.7)
        + stats.poisson(posterior.constants["x"] ** 0.7).logpmf([0, 1, 4, 2, 9]).sum()
    )
    assert np.isclose(posterior.logp([0.7]), expected)


def counts_model(target):
    """Negative binomial: its log-gamma terms depend on counts and on scalars."""
    x = pt.data(np.linspace(-1, 1, 40), name="x", dims="row")
    b = pt.random.normal(0, 1, name="b")
    alpha = pt.random.gamma(3.0, 1.0, name="alpha")
    y = pt.random.negative_binomial(pt.exp(b * x), alpha, name="y", dims="row")
    return x, y, pt.condition({y: np.arange(40) % 3}, target=target)


@pytest.mark.parametrize("target", ["interp", "cython"])
def test_functions_of_counts_are_summed_over_distinct_counts(target):
    x, y, posterior = counts_model(target)
    outputs = posterior.function.program.outputs
    names = ("lgamma_rest_change", "digamma_rest_change")
    gammas = [node for node in toposort(outputs) if node.op.name in names]
    assert gammas and all(str(n).startswith("distinct") for g in gammas for n in g.shape)

    def expected(q, counts, places):
        alpha, mean = np.exp(q[1]), np.exp(q[0] * places)
        likelihood = stats.nbinom(alpha, alpha / (alpha + mean)).logpmf(counts).sum()
        return likelihood + stats.norm.logpdf(q[0]) + stats.gamma(3).logpdf(alpha) + q[1]

    q = np.array([0.4, 0.7])
    check_gradient(posterior, q)
    assert np.isclose(posterior.logp(q), expected(q, np.arange(40) % 3, posterior.constants["x"]))
    counts, places = np.array([7, 0, 11, 5, 5]), np.linspace(0, 1, 5)
    other = posterior.with_data({x: places, y: counts})
    assert np.isclose(other.logp(q), expected(q, counts, places))
    zeros = posterior.with_data({y: np.zeros(40)})
    assert np.isclose(zeros.logp(q), expected(q, 0, posterior.constants["x"]))


def test_what_is_added_and_subtracted_is_dropped():
    u, v = pt.vector("u", shape=(3,)), pt.vector("v", shape=(3,))
    total = sum_terms([pt.square(u) - v, v + u, -u], lambda node: False)
    assert inputs_of([total]) == [u]
    (found,) = evaluate([total], {u: np.array([1.0, 2.0, 3.0])})
    assert found == 14


def test_no_check_is_left_where_the_range_is_known():
    alpha = pt.random.gamma(2.0, 1.0, name="alpha")
    p = pt.sigmoid(pt.random.normal(0, 1, name="eta"))
    x, k = pt.random.gamma(2.0, alpha, name="x"), pt.random.bernoulli(p, name="k")
    posterior = pt.condition({x: 1.5, k: 1}, target="interp")
    assert posterior.guarded == ()
    choices = [x for x in toposort([*posterior.function.program.outputs]) if x.op.name == "where"]
    assert not [x for x in choices for y in x.inputs[1:] if constant_of(y) == -np.inf]


def test_the_density_is_zero_where_a_parameter_leaves_its_range():
    b = pt.random.normal(0, 1, name="b")
    y = pt.random.bernoulli(0.5 + b, name="y")
    posterior = pt.condition({y: 1}, target="interp")
    assert np.isfinite(posterior.logp([0.3]))
    assert posterior.logp([0.7]) == -np.inf
    report = posterior.diagnose([0.7])
    assert "bernoulli likelihood is -inf" in report
    assert "p = 1.2" in report and "y" in report and __file__ in report
    assert "p of bernoulli 'y' must be a number in [0, 1]; it is 1.2" in report


def test_data_outside_a_support_that_moves_has_no_density():
    high = pt.random.exponential(1.0, name="high")
    y = pt.random.uniform(0, high, name="y", shape=2)
    posterior = pt.condition({y: [0.5, 1.0]}, target="interp")
    assert posterior.logp([np.log(0.9)]) == -np.inf
    assert np.isclose(posterior.logp([np.log(2)]), -2 + np.log(2) - 2 * np.log(2))


# Other data.


def regression(target=None):
    x = pt.data(np.arange(6.0).reshape(3, 2), name="x", dims=("row", "column"))
    w = pt.random.normal(0, 1, name="w", dims="column")
    y = pt.random.normal(x @ w, 1, name="y", dims="row")
    mean = pt.deterministic(x @ w, name="mean", dims="row")
    return x, y, pt.condition({y: [1.0, 2.0, 3.0]}, track=[mean], target=target)


@pytest.mark.parametrize("target", ["interp", "cython"])
def test_data_of_another_length_through_the_same_function(target):
    x, _y, posterior = regression(target)
    rng = np.random.default_rng(5)
    more, values = rng.normal(size=(50, 2)), rng.normal(size=50)
    assert posterior.function.compilation  # a posterior that is recalled is built by who asks first
    other = posterior.with_data({x: more, "y": values})
    q = np.array([0.3, -0.2])
    expected = stats.norm.logpdf(q).sum() + stats.norm.logpdf(values, more @ q).sum()
    assert np.isclose(other.logp(q), expected)
    assert other.function.compilation is posterior.function.compilation
    assert not {"build", "rewrite"} & other.timings.keys()
    assert other.coords["row"].size == 50 and posterior.coords["row"].size == 3
    np.testing.assert_allclose(other.expand(q[None])["mean"][0], more @ q)
    assert np.isclose(posterior.logp(q), posterior.with_data({}).logp(q))


def test_sizes_of_unnamed_data_axes():
    x = pt.data(np.ones((3, 2)))
    w = pt.random.normal(0, 1, shape=x.shape[1], name="w")
    y = pt.random.normal(x @ w, 1, name="y")
    posterior = pt.condition({y: np.zeros(3)}, target="interp")
    assert posterior.dim == 2
    other = posterior.with_data({x: np.ones((5, 2)), y: np.zeros(5)})
    assert np.isclose(other.logp([1.0, 1.0]), stats.norm.logpdf([1, 1] + [2] * 5).sum())


def test_data_that_contradicts_itself_or_the_variables():
    x, _y, posterior = regression("interp")
    with pytest.raises(ValueError, match=r"row has length.*x.*y|row has length.*y.*x"):
        posterior.with_data({x: np.ones((4, 2))})
    with pytest.raises(ValueError, match="length 2, which is fixed"):
        posterior.with_data({x: np.ones((3, 5))})
    with pytest.raises(KeyError, match="x, y"):
        posterior.with_data({"z": np.ones(3)})


def test_new_observations_are_checked_too():
    n = pt.data(np.array([4, 7]), name="n", dims="row")
    p = pt.random.beta(1.0, 1.0, name="p")
    y = pt.random.binomial(n, p, name="y", dims="row")
    posterior = pt.condition({y: [4, 0]}, target="interp")
    with pytest.raises(ValueError, match=r"observed value of binomial 'y'.*\n?.*\[1\]"):
        posterior.with_data({y: [3, 8]})
    other = posterior.with_data({y: [3, 8, 2], n: [3, 8, 5]})
    expected = stats.binom([3, 8, 5], 0.5).logpmf([3, 8, 2]).sum() - np.log(4)
    assert np.isclose(other.logp([0.0]), expected)


# Messages.


def message(call, kind=(TypeError, ValueError, KeyError)):
    with pytest.raises(kind) as error:
        call()
    text = str(error.value)
    assert len(text.splitlines()) <= 8, text
    return text


def normal_of(shape=3, **options):
    mu = pt.random.normal(0, 1, name="mu")
    return pt.random.normal(mu, 1, shape=shape, name="y", **options)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pt.condition({normal_of(): np.zeros(4)}), ["normal 'y'", "(3,)", "(4,)"]),
        (lambda: pt.condition({normal_of(()): np.zeros(4)}), ["shape= or dims=", "(4,)", "()"]),
        (lambda: pt.condition({normal_of(): ["a", "b", "c"]}), ["dtype", "numbers"]),
        (lambda: schools().with_data({"y": [1, np.nan] * 4}), ["missing at [1]", "'y'"]),
        (lambda: schools().with_data({"y": np.ma.array(Y, mask=Y > 20)}), ["missing at [0]"]),
        (lambda: pt.condition({pt.lgamma(normal_of()): np.ones(3)}), ["lgamma", "monotone"]),
        (lambda: pt.condition({}), ["nothing is observed"]),
        (lambda: pt.condition({}, potentials=pt.exp(normal_of())), ["potentials= takes a list"]),
        (lambda: pt.condition({}, potentials=[3]), ["potentials= takes tensors, not 3"]),
        (lambda: pt.condition({}, track=normal_of()), ["track= takes a list, not <y("]),
        (lambda: normal_of((2, -1)), ["shape=(2, -1) is not made of sizes"]),
        (lambda: pt.log_likelihood(3, schools()), ["ArviZ object with draws", "not <posterior"]),
        (lambda: pt.condition(normal_of()), ["write {variable: value}", "<y("]),
        (lambda: pt.condition({pt.random.poisson(2.0): 2.5}), ["be a whole number;", "2.5"]),
        (lambda: pt.condition({normal_of(dims="i"): np.zeros(3)}, coords={"i": [1, 2]}),
         ["i has length 2 by coords", "3 by"]),
        (lambda: pt.condition({normal_of(): np.zeros(3)}, coords={"i": 5}), ["coords of dim 'i'"]),
        (lambda: pt.condition({pt.random.poisson(pt.random.gamma(1.0, 1.0), name="n"): 1.5}),
         ["poisson 'n'", "whole number", "1.5"]),
        (lambda: pt.condition({pt.random.gamma(pt.random.gamma(1.0, 1.0), 1.0, shape=2): [1, -2]}),
         ["observed value of gamma", "[1] is -2"]),
        (lambda: pt.condition({pt.random.normal(pt.random.poisson(3.0, name="k"), 1): 0.0}),
         ["poisson 'k'", "discrete", "infinitely many values", "truncated"]),
        (lambda: pt.condition({pt.random.normal(pt.random.normal(0, 1, dims="g"), 1, dims="g")[0]
                               : 0.0}), ["the size of normal_0"]),
        (lambda: pt.condition({pt.random.normal(pt.vector("x"), 1): np.zeros(3)}),
         ["input x has no value", "pt.data"]),
        (lambda: pt.condition({normal_of(): np.zeros(3)}, track=[pt.exp(normal_of())]), ["track="]),
    ],
)  # fmt: skip
def test_a_model_that_cannot_be_says_why_and_where(call, words):
    text = message(call)
    assert all(word in text for word in words), text
    assert __file__ in text


def test_a_variable_of_unknown_size():
    z = pt.random.normal(0, 1, name="z", dims="group")
    y = pt.random.normal(pt.sum(z), 1, name="y")
    text = message(lambda: pt.condition({y: 0.0}))
    assert "the size of z is not known" in text and "coords" in text


def test_two_things_of_one_name():
    a, b = pt.random.normal(0, 1, name="a"), pt.random.normal(0, 1, name="a")
    text = message(lambda: pt.condition({pt.random.normal(a + b, 1, name="y"): 0.0}))
    assert "two things" in text and text.count(__file__) == 2


def test_wrong_parameters_in_data_are_named_when_they_are_bound():
    s = pt.data(np.array([1.0, -2.0]), name="s")
    y = pt.random.normal(pt.random.normal(0, 1, name="m"), s, name="y")
    text = message(lambda: pt.condition({y: [0.0, 1.0]}))
    assert "sigma of normal 'y'" in text and "[1] is -2.0" in text


def test_values_that_cannot_be_unconstrained():
    posterior = schools()
    values = posterior.constrain(np.zeros(10))
    assert "tau" in message(lambda: posterior.unconstrain({**values, "tau": -1.0}))
    assert "(3,)" in message(lambda: posterior.unconstrain({**values, "z": np.zeros(3)}))
    values.pop("mu")
    assert "for mu, only for tau" in message(lambda: posterior.unconstrain(values))


def test_a_point_of_the_wrong_length():
    posterior = schools()
    for call in (posterior.logp, posterior.constrain, posterior.diagnose):
        assert "(10,)" in message(lambda call=call: call(np.zeros(3)))


def test_the_first_bad_place_is_reported_with_its_values():
    sigma = pt.random.normal(0, 1, shape=3, name="sigma")
    y = pt.random.normal(0, sigma, name="y")
    posterior = pt.condition({y: [0.0, 1.0, 2.0]}, target="interp")
    problem = posterior.terms([1.0, -0.5, -2.0]).problems[0]
    assert problem.index == (1,)
    assert dict(problem.parameters)["sigma"] == -0.5
    assert "y[1]: the normal likelihood is -inf" in str(problem)


def test_unnamed_variables_get_names():
    y = pt.random.normal(pt.random.normal(0, 1) + pt.random.normal(0, 1), 1)
    posterior = pt.condition({y: 0.0}, target="interp")
    assert posterior.names == ("normal_0", "normal_1")
    assert list(posterior.observed) == ["normal_2"]


def test_the_same_model_made_twice_has_the_same_text():
    assert schools("cython").function.source == schools("cython").function.source


def test_contexts_are_independent_and_give_the_same():
    posterior = schools("cython")
    one, two = posterior.context(), posterior.context()
    assert one.address != two.address
    q = np.linspace(-1, 1, 10)
    assert one.logp_and_grad(q)[0] == two.logp_and_grad(q)[0] == posterior.logp(q)


def test_a_model_without_free_variables():
    y = pt.random.normal(0, 1, name="y", shape=2)
    posterior = pt.condition({y: [0.0, 1.0]}, target="interp")
    assert posterior.dim == 0
    logp, gradient = posterior.logp_and_grad(np.empty(0))
    assert np.isclose(logp, stats.norm.logpdf([0, 1]).sum()) and gradient.shape == (0,)


def test_pickling_a_posterior():
    posterior = schools("cython")
    other = pickle.loads(pickle.dumps(posterior))
    q = np.linspace(-1, 1, 10)
    assert other.logp(q) == posterior.logp(q)
    assert other.dims == posterior.dims


@pytest.mark.parametrize(("used", "wrong", "kind", "words"), [
    (lambda k: 2**k, [1, -2, 3], ValueError, "negative integer powers"),
    (lambda k: pt.data(np.arange(4.0))[k], [1, 4, 3], IndexError, r"x\[.*index.* is out of"),
    (lambda k: (k * 1.0)[np.array([-3, 1, 2])], [1, 2], IndexError, r"x\[.*index.* is out of"),
    (lambda k: (k * 1.0)[np.array([True] * 3)], [1, 2, 3, 4], IndexError, r"x\[.*the mask has"),
])  # fmt: skip
def test_what_data_alone_cannot_be_is_said_with_the_line(used, wrong, kind, words):
    """Terms of data alone are computed when data are bound, not by the compiled density."""
    k = pt.data(np.array([1, 2, 3]), name="k")
    mu = pt.random.normal(0, 1, name="mu")
    y = pt.random.normal(mu + used(k), 1.0, name="y")
    posterior = pt.condition({y: np.zeros(3)}, target="interp")
    with pytest.raises(kind, match=f"{words}(.|\n)*test_model.py:"):
        posterior.with_data({k: np.array(wrong)}).logp(np.zeros(1))


@pytest.mark.parametrize("count,kept", [(40, True), (400, False)])
def test_small_functions_of_data_are_kept_though_they_are_larger(count, kept):
    x, k = np.linspace(0, 1, 60), np.arange(1.0, count)
    weights = pt.random.normal(0, 1, shape=count - 1, name="weights")
    basis = pt.sin(pt.as_tensor(x)[:, None] * k)
    y = pt.random.normal(basis @ weights, 1.0, name="y")
    model = pt.condition({y: x}, target="machine").model
    work = model.density([model.logp]).work.values()
    assert ((60, count - 1) in [node.shape for node in work]) == kept
