"""Draws with parameters outside their range: nan where the value is a float, an error that names
the parameter where it is a whole number; and draws of large counts."""

import numpy as np
import pytest
from scipy import stats

import probtensor as pt
from probtensor.graph import toposort
from probtensor.prob.distributions.support import COUNT, NONNEGATIVE, POSITIVE, REAL, UNIT
from probtensor.prob.model.data import evaluate
from probtensor.transform.draws import lower_draws
from tests.prob.test_draws import draw

R = pt.random
NAN, INF = np.nan, np.inf
WRONG = {
    POSITIVE: (-1.0, 0.0, NAN),
    NONNEGATIVE: (-1e-9, NAN),
    UNIT: (-0.1, 1.0 + 1e-9, NAN),
    REAL: (NAN,),
    COUNT: (-1.0, 2.5, NAN),
}
# Parameters that are numbers: a right value of each.
FLOATS = {
    "normal": {"mu": 0.3, "sigma": 1.0},
    "half_normal": {"sigma": 1.0},
    "cauchy": {"mu": 0.3, "sigma": 1.0},
    "half_cauchy": {"sigma": 1.0},
    "student_t": {"nu": 3.0, "mu": 0.3, "sigma": 1.0},
    "half_student_t": {"nu": 3.0, "sigma": 1.0},
    "log_normal": {"mu": 0.3, "sigma": 1.0},
    "uniform": {"low": -1.0, "high": 2.0},
    "exponential": {"lam": 1.0},
    "gamma": {"alpha": 2.0, "beta": 1.0},
    "inverse_gamma": {"alpha": 2.0, "beta": 1.0},
    "beta": {"alpha": 2.0, "beta": 1.0},
    "laplace": {"mu": 0.3, "b": 1.0},
    "logistic": {"mu": 0.3, "s": 1.0},
}
# By other parametrisations, with what their range is.
OTHERS = {
    "normal tau": (
        lambda mu, tau: R.normal(mu, tau=tau, shape=3),
        (("mu", REAL), ("tau", POSITIVE)),
    ),
    "exponential scale": (
        lambda scale: R.exponential(scale=scale, shape=3),
        (("scale", POSITIVE),),
    ),
    "gamma mu": (
        lambda mu, sigma: R.gamma(mu=mu, sigma=sigma, shape=3),
        (("mu", POSITIVE), ("sigma", POSITIVE)),
    ),
    "beta mu": (
        lambda mu, kappa: R.beta(mu=mu, kappa=kappa, shape=3),
        (("mu", UNIT), ("kappa", POSITIVE)),
    ),
}
RIGHT = {POSITIVE: 1.5, NONNEGATIVE: 1.5, UNIT: 0.4, REAL: 0.3, COUNT: 5.0}
COUNTS = {
    "bernoulli p": (lambda p, **o: R.bernoulli(p, **o), {"p": UNIT}),
    "bernoulli logit": (lambda logit_p, **o: R.bernoulli(logit_p=logit_p, **o), {"logit_p": REAL}),
    "binomial p": (lambda n, p, **o: R.binomial(n, p, **o), {"n": COUNT, "p": UNIT}),
    "binomial logit": (
        lambda n, logit_p, **o: R.binomial(n, logit_p=logit_p, **o),
        {"n": COUNT, "logit_p": REAL},
    ),
    "poisson": (lambda mu, **o: R.poisson(mu, **o), {"mu": NONNEGATIVE}),
    "negative_binomial": (
        lambda mu, alpha, **o: R.negative_binomial(mu, alpha, **o),
        {"mu": NONNEGATIVE, "alpha": POSITIVE},
    ),
    "negative_binomial n": (
        lambda n, p, **o: R.negative_binomial(n=n, p=p, **o),
        {"n": POSITIVE, "p": UNIT},
    ),
}
# Compiling draws of all distributions takes a minute.
TARGETS = [
    ("interp", None),
    ("cython", ("normal", "uniform", "exponential", "normal tau", "bernoulli p")),
    pytest.param("cython", None, marks=pytest.mark.slow),
]
each_target = pytest.mark.parametrize(("target", "names"), TARGETS, ids=str)


def float_cases():
    """Every float distribution by name: its variable, and (name, right value, range) of its
    parameters, which are inputs."""
    found = {}
    for name, right in FLOATS.items():
        inputs = {k: pt.scalar(f"{name}.{k}") for k in right}
        node = getattr(R, name)(**inputs, shape=3)
        ranges = node.op.distribution.parameters.items()
        found[name] = node, [(inputs[k], right[k], domain) for k, domain in ranges]
    for name, (make, ranges) in OTHERS.items():
        inputs = [pt.scalar(f"{name}.{k}") for k, _ in ranges]
        domains = [domain for _, domain in ranges]
        pairs = zip(inputs, [RIGHT[d] for d in domains], domains, strict=True)
        found[name] = make(*inputs), list(pairs)
    return found


@each_target
def test_floats_are_nan(target, names):
    """One function of all parameters of all float distributions, of which one is wrong."""
    cases = {name: case for name, case in float_cases().items() if not names or name in names}
    places = [place for _, places in cases.values() for place in places]
    f = pt.function([x for x, _, _ in places], {name: node for name, (node, _) in cases.items()},
                    target=target)  # fmt: skip
    right = {x: value for x, value, _ in places}
    assert all(np.isfinite(x).all() for x in f(*right.values()).values())
    for name, (_, own) in cases.items():
        for x, _, domain in own:
            for wrong in WRONG[domain]:
                got = f(*{**right, x: wrong}.values())
                assert np.isnan(got.pop(name)).all(), (x.name, wrong)
                assert all(np.isfinite(other).all() for other in got.values()), (x.name, wrong)
    got = f(*{**right, **dict(zip([x for x, _, _ in cases["uniform"][1]], (2.0, 1.0)))}.values())
    assert np.isnan(got["uniform"]).all()


@each_target
def test_whole_numbers_are_refused_by_name(target, names):
    """As above; the message names the parameter, the variable, a value, the line and a way out."""
    inputs, nodes = {}, {}
    for name, (make, ranges) in COUNTS.items():
        if names and name not in names:
            continue
        own = {k: pt.vector(f"{name}.{k}", shape=(2,)) for k in ranges}
        inputs |= {(name, k): x for k, x in own.items()}
        nodes[name] = make(**own, name=f"y of {name}")
    f = pt.function(list(inputs.values()), nodes, target=target)
    right = {(name, k): np.full(2, RIGHT[COUNTS[name][1][k]]) for name, k in inputs}
    assert all(x.dtype == "int64" for x in f(*right.values()).values())
    for name, k in inputs:
        for wrong in WRONG[COUNTS[name][1][k]]:
            if name == "negative_binomial n" and k == "n":
                continue  # the same as alpha
            values = {**right, (name, k): np.array([right[name, k][0], wrong])}
            with pytest.raises(ValueError) as error:
                f(*values.values())
            text = str(error.value)
            assert f"{k} of {name.split()[0]}" in text and f"entry [1] is {wrong}" in text, text
            assert __file__ in text and len(text.splitlines()) <= 8
            if k != "p" or name != "negative_binomial n":
                assert f"'y of {name}'" in text
    if names is None:  # n is alpha there, and has another name in what the draw is made of
        with pytest.raises(ValueError, match="negative_binomial"):
            f(*{**right, ("negative_binomial n", "n"): np.array([1.0, -2.0])}.values())


def vectors():
    """(variable, input, right value, wrong ones, parameter) of distributions of vectors."""
    v, m = pt.vector("v", shape=(2,)), pt.matrix("m", shape=(2, 2))
    one = np.eye(2)
    return {
        "dirichlet": (R.dirichlet(v), v, [1.0, 2.0], ([1.0, -1], [1, NAN], [0, 1]), None),
        "scale_tril": (
            R.multivariate_normal(0.0, m), m, one, (-one, one * [1, 0], one * NAN), None),
        "cov": (
            R.multivariate_normal(0.0, cov=m), m, one, (-one, np.ones((2, 2)), one * NAN), None),
        "mu": (R.multivariate_normal(v, one), v, [0.0, 1.0], ([NAN, NAN],), None),
        "categorical p": (
            R.categorical(v, name="k"), v, [0.3, 0.7],
            ([0.3, 0.6], [-0.1, 1.1], [NAN, 1.0], [NAN, NAN]), "p of categorical 'k'"),
        "categorical logit": (
            R.categorical(logit_p=v, name="k"), v, [0.3, -INF],
            ([0.3, NAN], [-INF, -INF], [INF, 0.0]), "categorical 'k'"),
    }  # fmt: skip


@pytest.mark.parametrize("name", vectors())
def test_vectors(name):
    node, x, right, wrong, parameter = vectors()[name]
    f = pt.function([x], node, target="interp")
    assert np.isfinite(f(right)).all()
    for value in wrong:
        if parameter is None:
            assert np.isnan(f(value)).all(), value
            continue
        with pytest.raises(ValueError, match=parameter) as error:
            f(value)
        assert __file__ in str(error.value)


def test_vectors_of_vectors_are_refused_or_nan_one_by_one():
    alpha = pt.matrix("alpha", shape=(3, 2))
    f = pt.function([alpha], R.dirichlet(alpha, shape=(4, 3, 2)), target="interp")
    got = f([[1.0, 2.0], [1.0, -1.0], [2.0, 2.0]])
    assert np.isnan(got).all((0, 2)).tolist() == [False, True, False]
    assert np.isfinite(got[:, [0, 2]]).all()
    sigma = pt.vector("sigma", shape=(3,))
    got = pt.function([sigma], R.normal(0.0, sigma, shape=(4, 3)), target="interp")([1.0, -1, 2])
    assert np.isnan(got).all(0).tolist() == [False, True, False]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_precisions(dtype):
    s = pt.scalar("s", dtype=dtype)
    f = pt.function([s], [R.normal(0.0, s, shape=2), R.gamma(s, 1.0)], target="interp")
    assert all(x.dtype == dtype and np.isnan(x).all() for x in f(np.dtype(dtype).type(-1)))
    count = pt.function([s], R.poisson(s), target="interp")
    assert count(np.dtype(dtype).type(3)) >= 0
    text = message(lambda: count(np.dtype(dtype).type(-1)))
    assert "mu of poisson must be a number >= 0; it is -1.0" in text


# All the ways to draw.


def message(call):
    with pytest.raises(ValueError) as error:
        call()
    return str(error.value)


def test_every_way_to_draw_refuses(monkeypatch):
    monkeypatch.setenv("PROBTENSOR_TARGET", "interp")
    b = R.normal(-2.0, 0.1, name="b")
    y = R.poisson(b, shape=3, name="y")
    z = R.normal(0.0, b, shape=3, name="z")
    total = pt.shared(np.int64(0))
    count = pt.function([], updates={total: total + pt.sum(y)}, seed=1)
    texts = [
        message(lambda: pt.draw(y, seed=1)),
        message(lambda: pt.draw([z, pt.sum(y)], draws=3, seed=1)),
        message(lambda: pt.sample_prior([y], draws=2, seed=1)),
        message(pt.function([], y, seed=1)),
        message(count),
        message(y.eval),
    ]
    assert total.get_value() == 0
    for text in texts:
        assert "mu of poisson 'y' must be a number >= 0; it is -" in text and __file__ in text
    assert np.isnan(pt.draw(z, seed=1)).all()
    seen = R.normal(b, 1.0, name="seen")
    posterior = pt.condition({seen: -2.0})
    idata = pt.sample(posterior, draws=5, tune=20, chains=1, seed=1, progress=False)
    text = message(lambda: pt.sample_posterior_predictive(idata, y, seed=1))
    assert "mu of poisson 'y' must be a number >= 0; it is -" in text
    found = pt.sample_posterior_predictive(idata, z, seed=1).posterior_predictive["z"]
    assert np.isnan(np.asarray(found)).all()


def test_the_parameter_that_went_wrong_first_is_named(monkeypatch):
    monkeypatch.setenv("PROBTENSOR_TARGET", "interp")
    b = R.normal(-2.0, 0.1, name="b")
    lam = R.exponential(b, name="lam")
    text = message(lambda: pt.draw(R.poisson(lam, name="y"), seed=1))
    assert "lam of exponential 'lam' must be a number > 0; it is -" in text
    x = pt.scalar("x")
    f = pt.function([x], R.negative_binomial(n=3.0, p=x, name="y"), target="interp")
    assert "p of negative_binomial 'y' must be a number in (0, 1]; it is 1.5" in message(
        lambda: f(1.5)
    )


def test_what_is_known_to_hold_is_not_checked():
    x = pt.vector("x", shape=(3,))

    def graph(node):
        key = pt.scalar("key", dtype="uint64")
        return {n.op.name for n in toposort(lower_draws([node], key))}

    assert "checked_draw" in graph(R.normal(x, pt.exp(x)))
    for node in (R.normal(x, 2.0), R.normal(x, np.ones(3)), R.uniform(0.0, 1.0, shape=3)):
        assert "checked_draw" not in graph(node)
    assert "checked_draw" not in graph(R.normal(x, pt.where(x > 0, 0.5, 2.0)))


def test_a_literal_number_of_trials_is_held_exactly():
    text = message(lambda: R.binomial(2**53 + 1, 0.5, name="y"))
    assert (
        "n of binomial 'y' must be a whole number that float64 holds; it is 9007199254740993"
        in text
    )
    assert draw(R.binomial(2**62, 1.0)) == 2**62


# Large counts.


def test_counts_that_no_integer_holds_are_refused():
    huge = {
        "mu": R.poisson(1e19, shape=3),
        "mu and alpha": R.negative_binomial(1e21, 1.0, shape=3),
        "n and p": R.binomial(2.0**64, 0.9, shape=3),
    }
    for names, node in huge.items():
        text = message(lambda node=node: draw(node))
        assert "a whole number below 2**63" in text and f"{names} must be" in text, text
    x = pt.scalar("x")
    f = pt.function([x], R.poisson(x, name="y"), target="interp")
    assert "mu must be" in message(lambda: f(np.inf)) and f(9e18) > 8e18


LARGE = [
    ("poisson", lambda: R.poisson(1e15, shape=20_000), 1e15, 1e15),
    ("poisson", lambda: R.poisson(9e18, shape=20_000), 9e18, 9e18),
    ("binomial", lambda: R.binomial(2**60, 0.3, shape=20_000), 2**60 * 0.3, 2**60 * 0.21),
    ("binomial", lambda: R.binomial(2**62, 0.99, shape=20_000), 2**62 * 0.99, 2**62 * 0.0099),
]


@pytest.mark.parametrize("case", LARGE, ids=lambda case: f"{case[0]}-{case[2]:g}")
def test_large_counts_have_their_moments_and_tails(case):
    _, make, mean, variance = case
    z = (draw(make(), key=11).astype("float64") - mean) / np.sqrt(variance)
    assert stats.kstest(z, "norm").pvalue > 1e-3
    assert abs(np.mean(z > 3) / stats.norm.sf(3) - 1) < 0.8 and abs(z).max() < 6


def test_rare_successes_of_many_trials_are_poisson():
    x = draw(R.binomial(2**60, 3e-18, shape=20_000), key=4)
    values, counts = np.unique(x, return_counts=True)
    expected = stats.poisson(2**60 * 3e-18).pmf(values) * 20_000
    common = expected > 5
    assert np.sum((counts - expected)[common] ** 2 / expected[common]) < stats.chi2(20).isf(1e-3)


# Bounds whose distance overflows, and certain logits.


def test_a_uniform_wider_than_the_largest_number():
    x = draw(R.uniform(-1e308, 1.5e308, shape=4000), key=2)
    assert stats.kstest(x / 1e308, stats.uniform(-1, 2.5).cdf).pvalue > 1e-3
    node = R.uniform(-1e308, 1.5e308, name="u")
    (got,) = evaluate([pt.logp(node, 3.0)], {})
    assert np.isclose(got, -np.log(2.5) - 308 * np.log(10), rtol=1e-14)
    low, high = pt.scalar("low"), pt.scalar("high")
    wide = R.uniform(low, high)
    mean = wide.op.distribution.mean(low, high)
    at = {low: np.float64(1e308), high: np.float64(1.7e308)}
    assert np.isclose(evaluate([mean], at)[0], 1.35e308)
    # Never past a bound, by rounding.
    for ends in ((1.0, 1.0 + 2**-51), (-0.1, 0.3), (1e16, 1e16 + 6)):
        found = draw(R.uniform(*ends, shape=2000), key=3)
        assert found.min() >= ends[0] and found.max() <= ends[1]


def test_certain_logits():
    x = np.array([0.0, 3.0, 5.0])
    for logit, wanted in ((INF, [-INF, -INF, 0]), (-INF, [0, -INF, -INF])):
        node = R.binomial(5, logit_p=pt.as_tensor(logit))
        assert evaluate([pt.logp(node, x)], {})[0].tolist() == wanted
        assert draw(R.binomial(5, logit_p=pt.as_tensor(logit))) == (5 if logit > 0 else 0)
    eta = pt.scalar("eta")
    slope = pt.grad(pt.logp(R.binomial(5, logit_p=eta), 3.0), eta)
    for at in (-800.0, -2.0, 0.0, 2.0, 800.0):
        got = evaluate([slope], {eta: np.float64(at)})[0]
        assert np.isclose(got, 3 - 5 / (1 + np.exp(-at)), rtol=1e-13)
