"""Densities, moments, shapes and messages of distributions, against SciPy and differences."""

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

import probtensor as pt
from probtensor.graph import inputs_of
from probtensor.prob.distributions.base import RandomVariable
from probtensor.prob.model.data import evaluate
from tests.prob.distributions import CONTINUOUS, DISTRIBUTIONS

each = pytest.mark.parametrize("case", DISTRIBUTIONS, ids=str)
# Differences in nu vanish for large nu.
SMOOTH = [case for case in CONTINUOUS if case.parameters.get("nu", 0) < 1e6]
FALLIBLE = [case for case in DISTRIBUTIONS if case.wrong is not None]
each_smooth = pytest.mark.parametrize("case", SMOOTH, ids=str)
each_fallible = pytest.mark.parametrize("case", FALLIBLE, ids=str)


def value(node, **inputs):
    """The value of a graph, its inputs given by name."""
    found = {x.name: x for x in inputs_of([node])}
    return evaluate([node], {found[name]: np.asarray(v) for name, v in inputs.items()})[0]


def log_density(case, x):
    return case.scipy.logpmf(x) if case.discrete else case.scipy.logpdf(x)


@each
def test_logp_is_scipys(case):
    got = value(pt.logp(case.variable(), case.inside))
    np.testing.assert_allclose(got, log_density(case, case.inside), rtol=1e-9, atol=1e-11)


@each
def test_logp_is_minus_infinity_outside_the_support(case):
    for x in case.outside:
        assert value(pt.logp(case.variable(), x)) == -math.inf


@each_fallible
def test_symbolic_parameters_out_of_range_give_a_density_of_zero(case):
    """The same graph with parameters as inputs: right at right ones, -inf at wrong ones, nan at
    nan."""
    inputs = {name: pt.scalar(name) for name in case.parameters}
    node = pt.logp(
        case.make(**inputs), case.inside[2:3] if case.inside.size > 2 else case.inside[:1]
    )
    right = {k: float(v) for k, v in case.parameters.items()}
    assert np.isfinite(value(node, **right)).all()
    assert (value(node, **{**right, **case.wrong}) == -np.inf).all()
    (name,) = case.wrong
    assert np.isnan(value(node, **{**right, name: np.nan})).all()


@each_fallible
def test_a_literal_parameter_out_of_range_raises_at_once(case):
    (name,) = case.wrong
    with pytest.raises(ValueError, match=f"{name} of {case.name}") as error:
        case.make(**{**case.parameters, **case.wrong})
    assert __file__ in str(error.value)


@each_smooth
def test_derivatives_are_those_of_differences(case):
    x = pt.vector("x")
    inputs = {name: pt.vector(name) for name in case.parameters}
    node = pt.sum(pt.logp(case.make(**inputs), x))
    places = case.inside[(abs(case.inside) > 1e-2) & (abs(case.inside) < 20)]
    values = {inputs[k]: np.full(places.shape, float(v)) for k, v in case.parameters.items()}
    values[x] = np.asarray(places) * 0.999
    for at in values:
        (slope,) = evaluate([pt.grad(node, at, disconnected_inputs="ignore")], values)
        step = 1e-6 * np.maximum(1, abs(values[at]))
        for k in range(len(places)):
            shift = step * (np.arange(len(places)) == k)
            (up,) = evaluate([node], {**values, at: values[at] + shift})
            (down,) = evaluate([node], {**values, at: values[at] - shift})
            difference = (up - down) / (2 * step[k])
            assert np.isclose(slope[k], difference, rtol=2e-5, atol=2e-5), (at, places[k])


@each
def test_mean_and_variance_are_scipys(case):
    op = case.variable().op
    parameters = case.variable().inputs
    if case.mean:
        got = value(op.distribution.mean(*parameters))
        np.testing.assert_allclose(got, case.scipy.mean(), rtol=1e-7)
    if case.variance:
        got = value(op.distribution.variance(*parameters))
        np.testing.assert_allclose(got, case.scipy.var(), rtol=1e-7)


@pytest.mark.parametrize("nu", [0.8, 1.5, 2.5, 7.0])
def test_half_student_t(nu):
    case = pt.random.half_student_t(nu, 1.5)
    x = np.array([0.0, 0.2, 1.0, 30.0])
    got = value(pt.logp(case, x))
    np.testing.assert_allclose(got, stats.t(nu, 0, 1.5).logpdf(x) + math.log(2), rtol=1e-10)
    mean = value(case.op.distribution.mean(*case.inputs))
    if nu <= 1:
        assert mean == math.inf
    else:
        density = stats.t(nu, 0, 1.5).pdf
        expected = 2 * integrate.quad(lambda u: u * density(u), 0, math.inf)[0]
        assert np.isclose(mean, expected, rtol=1e-6)


def test_flat_densities():
    assert value(pt.logp(pt.random.flat(), -3.0)) == 0
    assert value(pt.logp(pt.random.half_flat(), 3.0)) == 0
    assert value(pt.logp(pt.random.half_flat(), -3.0)) == -math.inf


@pytest.mark.parametrize("rows", [(), (4,), (2, 4)])
def test_categorical_picks_its_row(rows):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(*rows, 3))
    x = rng.integers(0, 3, size=rows or (5,))
    table = logits - special.logsumexp(logits, axis=-1, keepdims=True)
    wide = np.broadcast_to(table, (*x.shape, 3))
    expected = np.take_along_axis(wide, x[..., None], -1)[..., 0]
    by_logit = pt.random.categorical(logit_p=logits)
    by_p = pt.random.categorical(np.exp(table))
    np.testing.assert_allclose(value(pt.logp(by_logit, x)), expected, rtol=1e-12)
    np.testing.assert_allclose(value(pt.logp(by_p, x)), expected, rtol=1e-9)
    assert (value(pt.logp(by_p, np.full_like(x, 3))) == -math.inf).all()


@pytest.mark.parametrize("rows", [(), (3,)])
def test_dirichlet(rows):
    rng = np.random.default_rng(1)
    alpha = rng.uniform(0.3, 4, size=(*rows, 4))
    x = rng.dirichlet(np.ones(4), size=rows or None)
    variable = pt.random.dirichlet(alpha)
    got = value(pt.logp(variable, x))
    flat = zip(x.reshape(-1, 4), alpha.reshape(-1, 4), strict=True)
    expected = [stats.dirichlet(a).logpdf(row / row.sum()) for row, a in flat]
    np.testing.assert_allclose(got.ravel(), expected, rtol=1e-10)
    assert variable.shape == (*rows, 4)
    mean = value(variable.op.distribution.mean(*variable.inputs))
    first = stats.dirichlet(alpha.reshape(-1, 4)[0])
    np.testing.assert_allclose(mean.reshape(-1, 4)[0], first.mean())
    assert np.all(value(pt.logp(variable, x * 1.1)) == -math.inf)


@pytest.mark.parametrize("batch", [(), (4,), (2, 4)])
@pytest.mark.parametrize("many", [False, True])
def test_multivariate_normal(batch, many):
    rng = np.random.default_rng(2)
    factors = np.tril(rng.normal(size=(*(batch if many else ()), 3, 3)), -1) + 2 * np.eye(3)
    cov = factors @ np.swapaxes(factors, -1, -2)
    mu, x = rng.normal(size=3), rng.normal(size=(*batch, 3))
    wide = np.broadcast_to(cov, (*batch, 3, 3)).reshape(-1, 3, 3)
    rows = zip(x.reshape(-1, 3), wide, strict=True)
    expected = np.reshape([stats.multivariate_normal(mu, c).logpdf(row) for row, c in rows], batch)
    for parameters in ({"scale_tril": factors}, {"cov": cov}):
        variable = pt.random.multivariate_normal(mu, **parameters)
        np.testing.assert_allclose(value(pt.logp(variable, x)), expected, rtol=1e-10)
    assert variable.shape == (*(batch if many else ()), 3)
    spread = value(variable.op.distribution.variance(*variable.inputs))
    np.testing.assert_allclose(spread, np.diagonal(cov, axis1=-2, axis2=-1))


def test_a_scale_factor_needs_a_positive_diagonal():
    with pytest.raises(ValueError, match="scale_tril of multivariate_normal"):
        pt.random.multivariate_normal(0.0, np.diag([1.0, -1.0]))
    with pytest.raises(TypeError, match="square"):
        pt.random.multivariate_normal(0.0, np.ones(3))
    with pytest.raises(ValueError, match=r"scale_tril of .* must be a lower triangular matrix"):
        pt.random.multivariate_normal(0.0, [[1.0, 0.5], [0.5, 2.0]])
    with pytest.raises(ValueError, match=r"scale_tril of .* positive diagonal"):
        pt.random.multivariate_normal(0.0, np.diag([1.0, 0.0]))
    for parameters in ({"cov": [[1.0, 2.0], [2.0, 1.0]]}, {"cov": [[1.0, 1.0], [1.0, 1.0]]},
                       {"scale_tril": [[1.0, 0.0], [1.0, 0.0]]}):  # fmt: skip
        with pytest.raises(ValueError, match=r"of multivariate_normal .*positive"):
            pt.random.multivariate_normal(0.0, **parameters)
        ((name, matrix),) = parameters.items()
        given = pt.matrix("m", shape=(2, 2))
        node = pt.logp(pt.random.multivariate_normal(0.0, **{name: given}), np.zeros(2))
        assert value(node, m=matrix) == -np.inf


def test_literals_of_whole_numbers_are_checked_too():
    with pytest.raises(ValueError, match=r"sigma of normal must be a number > 0; entry \[1\]"):
        pt.random.normal(0, [1, -1])
    with pytest.raises(ValueError, match="alpha of dirichlet 'd'"):
        pt.random.dirichlet(pt.as_tensor([1, 0, 2]), name="d")


@pytest.mark.parametrize("alpha", [1.0, pt.scalar("a")], ids=["literal", "tensor"])
def test_a_parameter_that_is_a_vector_must_be_one(alpha):
    with pytest.raises(TypeError, match=r"alpha of dirichlet 'd' must be a vector.*shape \(\)"):
        pt.random.dirichlet(alpha, shape=3, name="d")


def test_zero_counts_and_edges_of_success_probabilities():
    assert value(pt.logp(pt.random.binomial(4, 0.0), 0)) == 0
    assert value(pt.logp(pt.random.binomial(4, 1.0), 4)) == 0
    assert value(pt.logp(pt.random.beta(1.0, 1.0), [0.0, 1.0])).tolist() == [0, 0]
    assert value(pt.logp(pt.random.poisson(1.5), 0.5)) == -math.inf


@pytest.mark.parametrize("logit", [-800.0, -40.0, 40.0, 800.0])
def test_logit_forms_stay_finite_and_accurate(logit):
    for x in (0, 1):
        got = value(pt.logp(pt.random.bernoulli(logit_p=logit), x))
        expected = -np.logaddexp(0, logit if x == 0 else -logit)
        assert np.isclose(got, expected, rtol=1e-14)
        by_p = pt.logp(pt.random.bernoulli(pt.sigmoid(pt.as_tensor(logit))), x)
        assert np.isclose(value(by_p), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("make", "inside", "outside", "left"),
    [
        (lambda c: pt.random.normal(0, 1, constraint=c), 0.9, 1.1, special.erf(np.sqrt(0.5))),
        (lambda c: pt.random.half_normal(1, constraint=c), 0.3, -0.3, special.erf(np.sqrt(0.5))),
        (lambda c: pt.random.uniform(pt.as_tensor(0.1) * 2, 4, constraint=c), 0.3, 0.15, 0.8 / 3.8),
    ],
)
def test_a_constraint_cuts_and_renormalises(make, inside, outside, left):
    constraint = pt.interval(-1, 1)
    whole, part = make(None), make(constraint)
    found = value(pt.logp(part, inside)) - value(pt.logp(whole, inside))
    assert np.isclose(found, -np.log(left), rtol=1e-14)
    assert value(pt.logp(part, outside)) == -math.inf
    assert value(pt.logp(part, 3.0)) == -math.inf
    posterior = pt.condition({pt.random.normal(part, 1, name="y"): 0.0}, target="interp")
    for u in (-6.0, 0.0, 6.0):
        (x,) = posterior.constrain([u]).values()
        assert value(pt.logp(whole, x)) > -math.inf and constraint.contains(x)


def test_an_ordered_variable():
    variable = pt.random.half_normal(1, shape=(2, 3), constraint=pt.ordered())
    good = np.array([[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]])
    np.testing.assert_allclose(
        value(pt.logp(variable, good)).sum(-1),
        stats.halfnorm().logpdf(good).sum(-1) + math.log(6),
        rtol=1e-12,
    )
    for k, bad in enumerate(([-0.1, 0.2, 0.3], [0.2, 0.1, 0.3])):
        rows = value(pt.logp(variable, np.stack([good[0], bad])))
        assert np.isfinite(rows[0]).all() and (rows[1] == -math.inf).all(), k


# Shapes and messages.


def test_shapes_come_from_parameters_shape_and_dims():
    normal = pt.random.normal
    assert normal(np.zeros(3), 1).shape == (3,)
    assert normal(np.zeros((3, 1)), np.ones(4)).shape == (3, 4)
    assert normal(0, 1, shape=5).shape == (5,)
    assert normal(np.zeros(3), 1, shape=(2, 3)).shape == (2, 3)
    wide = normal(np.zeros(3), 1, dims=("group", "item"))
    assert wide.ndim == 2 and wide.shape[1] == 3 and str(wide.shape[0]) == "group"
    assert pt.random.poisson(2.0).dtype == "int64"
    assert normal(np.float32(0), np.float32(1)).dtype == "float32"


def test_two_variables_of_one_distribution_are_two():
    assert pt.random.normal(0, 1) is not pt.random.normal(0, 1)


def test_nothing_visible_tells_the_streams_of_variables_apart():
    first, second = pt.random.normal(0, 1, name="a"), pt.random.normal(0, 1, name="a")
    assert repr(first) == repr(second)
    assert first.op.text() == second.op.text() == "normal"
    assert isinstance(first.op, RandomVariable)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pt.random.normal(np.zeros(3), np.ones(4)), ["mu (3,)", "sigma (4,)"]),
        (lambda: pt.random.normal(np.zeros(3), 1, shape=4), ["shape=(4,)", "(3,)"]),
        (lambda: pt.random.normal(0, 1, shape=3, dims=("a", "b")), ["1 axis", "('a', 'b')"]),
        (lambda: pt.random.normal(0, 1, shape="x"), ["a shape is made of sizes", "not 'x'"]),
        (lambda: pt.random.normal(0, 1, name=3), ["name must be a string"]),
        (lambda: pt.random.bernoulli(0.5, logit_p=0.0), ["p, or logit_p"]),
        (lambda: pt.random.bernoulli(), ["p, or logit_p", "nothing"]),
        (lambda: pt.random.gumbel(1.0, mu=2.0), ["'mu' is given twice", "it takes gumbel"]),
        (lambda: pt.random.gamma(1.0), ["alpha and beta", "mu and sigma"]),
        (lambda: pt.random.uniform(2, 1), ["low=2 must be below high=1"]),
        (lambda: pt.random.normal([0, 1], [1, -2.5]), ["sigma of normal", "[1]", "-2.5"]),
        (lambda: pt.random.categorical([0.5, 0.6]), ["p of categorical", "sum 1"]),
        (lambda: pt.random.poisson(3.0, shape=2.5), ["a shape is made of sizes", "not 2.5"]),
        (lambda: pt.random.normal(0, 1, constraint=3), ["constraint=3"]),
        (
            lambda: pt.random.half_normal(1, constraint=pt.interval(high=-1)),
            ["half_normal", "leaves nothing"],
        ),
        (
            lambda: pt.random.uniform(0, 1, shape=2, constraint=pt.ordered()),
            ["[0, 1]", "cannot be ordered"],
        ),
    ],
)
def test_a_bad_call_says_what_is_wrong_and_where(call, words):
    with pytest.raises((TypeError, ValueError)) as error:
        call()
    text = str(error.value)
    assert all(word in text for word in words), text
    assert __file__ in text
    assert len(text.splitlines()) <= 8


def test_logp_of_an_expression_without_a_rule_says_what_to_do():
    with pytest.raises(TypeError, match=r"pt\.potential"):
        pt.logp(pt.sum(pt.random.gamma(2.0, np.array([1.0, 2.0, 3.0]))), 2.0)


def test_results_have_the_shape_of_variable_and_value():
    table = pt.random.normal([[0.0], [1.0]], 1.0, shape=(2, 3))
    for variable in (pt.random.normal(0.0, 1.0, shape=3), table):
        for f in (pt.logp, pt.logcdf, pt.logccdf, pt.icdf):
            assert f(variable, 0.5).eval().shape == variable.shape
            assert f(variable, np.full((4, 1, 3), 0.5)).eval().shape[0] == 4
    vectors = pt.random.dirichlet(np.ones(2), shape=(3, 2))
    assert pt.logp(vectors, [0.5, 0.5]).eval().shape == (3,)
    mu = pt.random.normal(0.0, 1.0, name="mu")
    term = pt.sum(pt.logp(pt.random.normal(mu, 1.0, shape=3), 0.0))
    y = pt.random.normal(mu, 1.0, name="y", shape=3)
    found = pt.condition({}, potentials=[pt.potential(term)], track=[mu])
    assert np.isclose(found.logp([0.7]), pt.condition({y: np.zeros(3)}).logp([0.7]))


def test_logp_of_a_value_of_another_shape():
    with pytest.raises(TypeError, match=r"\(4,\).*\(3,\)"):
        pt.logp(pt.random.normal(np.zeros(3), 1, name="y"), np.zeros(4))
