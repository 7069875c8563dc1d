"""Parameters that leave their range, bounds that move, and values that lie outside a support."""

import warnings

import numpy as np
import pytest
from scipy import stats

import probtensor as pt
from probtensor.graph import toposort
from probtensor.sample import SamplingError
from probtensor.transform.facts import constant_of
from tests.prob.distributions import DISTRIBUTIONS

R = pt.random
WRONG = [case for case in DISTRIBUTIONS if case.wrong]
CASES = [(case, free) for case in WRONG for free in ([False] if case.discrete else [False, True])]


def message(call, kind=(TypeError, ValueError, KeyError)):
    with pytest.raises(kind) as caught:
        call()
    text = str(caught.value)
    assert len(text.splitlines()) <= 8, text
    return text


def model_with(case, free):
    """A distribution whose parameter is a random variable `s` on all numbers; free or observed."""
    ((label, bad),) = case.wrong.items()
    s = R.normal(0, 1, name="s")
    y = case.make(**{**case.parameters, label: s}, name="y")
    if free:
        posterior = pt.condition({}, track=[y], target="interp")
    else:
        posterior = pt.condition({y: case.inside[1]}, target="interp")
    q = np.full(posterior.dim, 0.3)
    q[posterior.names.index("s")] = bad
    return posterior, q, label


@pytest.mark.parametrize(("case", "free"), CASES, ids=str)
def test_the_density_is_zero_where_a_random_parameter_leaves_its_range(case, free):
    posterior, q, label = model_with(case, free)
    assert posterior.logp(q) == posterior.terms(q).logp == -np.inf
    report = posterior.diagnose(q)
    assert f"{label} of {case.name} 'y' must be" in report and __file__ in report, report
    q[posterior.names.index("s")] = 0.5
    if (case.name, label) not in (("binomial", "n"), ("hypergeometric", "k")):
        assert np.isfinite(posterior.logp(q))


@pytest.mark.parametrize("target", ["interp", "cython"])
def test_one_entry_outside_is_enough(target):
    s = R.normal(0, 1, shape=3, name="s")
    posterior = pt.condition({R.normal(0, s, name="y"): [0.0, 1.0, 2.0]}, target=target)
    assert posterior.logp([1.0, -0.5, 2.0]) == posterior.logp([1.0, np.nan, 2.0]) == -np.inf
    q = np.array([1.0, 0.5, 2.0])
    expected = stats.norm.logpdf(q).sum() + stats.norm.logpdf([0, 1, 2], 0, q).sum()
    assert np.isclose(posterior.logp(q), expected)
    slope = -q - 1 / q + np.array([0, 1, 2]) ** 2 / q**3
    np.testing.assert_allclose(posterior.logp_and_grad(q)[1], slope)


def test_rows_of_probabilities_and_covariances_that_are_none():
    a = R.normal(0, 1, name="a")
    share = pt.condition({R.categorical(pt.stack([a, 0.4, 0.3]), name="k"): 0}, target="interp")
    assert share.logp([0.5]) == -np.inf and np.isfinite(share.logp([0.3]))
    assert "p of categorical 'k' must be a vector of non-neg" in share.diagnose([0.5])
    rows = [pt.stack([1.0, a]), pt.stack([a, 1.0])]
    case = R.multivariate_normal(0.0, cov=pt.stack(rows), name="v")
    joint = pt.condition({case: [1.0, 2.0]}, target="interp")
    expected = stats.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]]).logpdf([1, 2])
    assert np.isclose(joint.logp([0.5]), expected + stats.norm.logpdf(0.5))
    assert joint.logp([1.5]) == -np.inf
    assert "cov of multivariate_normal 'v' must be a symmetric positive" in joint.diagnose([1.5])


def test_a_uniform_whose_bounds_change_places():
    low, high = R.normal(0, 1, name="low"), R.normal(0, 1, name="high")
    u = R.uniform(low, high, name="u")
    posterior = pt.condition({R.normal(u, 1, name="y"): 0.5}, target="interp")
    assert np.isfinite(posterior.logp([-1.0, 1.0, 0.3]))
    assert posterior.logp([1.0, -1.0, 0.3]) == -np.inf
    assert "the upper bound of uniform 'u' must be above the lower one" in posterior.diagnose(
        [1.0, -1.0, 0.3]
    )


POSITIVE = {
    "half_normal": lambda x: R.half_normal(1, name="h"),
    "an element": lambda x: R.half_normal(1, shape=3, name="h")[1],
    "exp": lambda x: pt.exp(x),
    "softplus": lambda x: pt.softplus(x),
    "sigmoid": lambda x: pt.sigmoid(x),
    "a sum": lambda x: pt.exp(x) + 1 / R.exponential(1, name="h"),
    "a root": lambda x: pt.sqrt(pt.exp(x) ** 2 + 0.5),
    "one minus": lambda x: 1 - pt.sigmoid(x),
    "a share": lambda x: R.dirichlet(np.ones(3), name="h")[0],
    "a choice": lambda x: pt.where(x > 0, pt.exp(x), 2.0),
    "running sums": lambda x: pt.cumsum(R.half_normal(1, shape=3, name="h"))[2],
    "a product": lambda x: pt.prod(R.half_normal(1, shape=3, name="h")),
    "named": lambda x: pt.deterministic(pt.exp(x), name="h"),
}


@pytest.mark.parametrize("kind", POSITIVE)
def test_nothing_is_checked_where_the_range_is_shown(kind):
    x = R.normal(0, 1, name="x")
    sigma = POSITIVE[kind](x)
    y = R.normal(R.normal(sigma, tau=sigma, name="mu"), sigma, name="y", shape=4)
    posterior = pt.condition({y: np.zeros(4)}, track=[x], target="interp")
    assert posterior.guarded == ()
    choices = [x for x in toposort([posterior.model.logp]) if x.op.name == "where"]
    assert not [x for x in choices for y in x.inputs[1:] if constant_of(y) == -np.inf]


def test_one_check_serves_all_that_need_it():
    s = R.normal(0, 1, name="s")
    a, b = R.normal(0, s, name="a"), R.exponential(1 / s, name="b")
    posterior = pt.condition({R.normal(a + b, tau=s, name="y"): 0.5}, target="interp")
    assert len(posterior.guarded) == 1
    assert posterior.guarded[0].startswith("tau of normal 'y' must be a number > 0")


def test_logp_of_parameters_that_are_random_or_not():
    s, x = R.normal(0, 1, name="s"), pt.scalar("x")
    own = pt.logp(R.normal(0, s), 1.0)
    given = pt.function([x], pt.logp(R.normal(0, x), 1.0), target="interp")
    at = pt.condition({R.normal(s, 1, name="y"): 0.0}, potentials=[own], target="interp")
    assert at.logp([-1.0]) == -np.inf and np.isfinite(at.logp([1.0]))
    assert given(-1.0) == -np.inf and np.isnan(given(np.nan))


def test_sampling_says_what_leaves_its_range():
    b = R.normal(0, 1, name="b")
    y = R.poisson(b, shape=3, name="y")
    posterior = pt.condition({y: [0, 0, 0]})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        idata = pt.sample(posterior, draws=100, tune=50, chains=1, seed=1, progress=False)
    texts = [str(w.message) for w in caught if "the density is zero" in str(w.message)]
    assert len(texts) == 1
    assert "mu of poisson 'y' must be a number >= 0" in texts[0] and __file__ in texts[0]
    assert not any("target_accept" in str(w.message) for w in caught)
    assert float(idata.posterior["b"].min()) >= 0


def test_a_start_that_is_nowhere_inside_says_why():
    s = R.normal(0, 1, name="s")
    posterior = pt.condition({R.normal(0, -pt.exp(s), shape=20, name="y"): np.ones(20)})
    text = message(lambda: pt.sample(posterior, draws=5, tune=5, seed=1, progress=False),
                   SamplingError)  # fmt: skip
    assert "sigma of normal 'y' must be a number > 0; it is -" in text and __file__ in text


# Bounds that depend on other variables.

INF = np.inf
# The constraint, and its bounds as numbers.
BOUNDS = {
    "from 0 to a": (lambda a: pt.interval(0, a), lambda a: (0, a)),
    "above a": (lambda a: pt.interval(a), lambda a: (a, INF)),
    "above a, named": (lambda a: pt.interval(low=a, high=None), lambda a: (a, INF)),
    "below a": (lambda a: pt.interval(None, a), lambda a: (-INF, a)),
    "from -a to a": (lambda a: pt.interval(-a, a), lambda a: (-a, a)),
    "from a to 2 a": (lambda a: pt.interval(a, 2 * a), lambda a: (a, 2 * a)),
    "above 0": (lambda a: pt.interval(0), lambda a: (0, INF)),
    "below 0": (lambda a: pt.interval(None, 0.0), lambda a: (-INF, 0)),
    "no bound": (lambda a: pt.interval(), lambda a: (-INF, INF)),
    "infinite": (lambda a: pt.interval(-np.inf, np.inf), lambda a: (-INF, INF)),
}


@pytest.mark.parametrize(
    ("kind", "target"), [*((kind, "interp") for kind in BOUNDS), ("from 0 to a", "cython")]
)
def test_an_interval_with_a_random_bound(kind, target):
    make, ends = BOUNDS[kind]
    a = R.half_normal(2.0, name="a")
    x = R.normal(0, 1, name="x", constraint=make(a))
    posterior = pt.condition({}, track=[x, a], target=target)
    rng = np.random.default_rng(1)
    for _ in range(5):
        q = rng.normal(size=2)
        values = posterior.constrain(q)
        low, high = ends(values["a"])
        assert low < values["x"] < high
        np.testing.assert_allclose(posterior.unconstrain(values), q, rtol=1e-9, atol=1e-12)
        # The density of x and a, and the determinant of the map from q by differences.
        wanted = stats.norm.logpdf(values["x"]) + stats.halfnorm.logpdf(values["a"], scale=2)
        jacobian = np.array([
            (np.array([posterior.constrain(q + h)[n] - posterior.constrain(q - h)[n]
                       for n in posterior.names]) / 2e-6)
            for h in 1e-6 * np.eye(2)
        ])  # fmt: skip
        wanted += np.log(abs(np.linalg.det(jacobian)))
        wanted -= np.log(stats.norm.cdf(high) - stats.norm.cdf(low))
        assert np.isclose(posterior.logp(q), wanted, rtol=1e-6)


def test_bounds_of_each_entry_and_of_an_order():
    a = R.half_normal(1, name="a")
    x = R.normal(0, 1, shape=3, name="x", constraint=pt.interval([0.0, 1.0, 2.0], a + 5))
    values = pt.condition({}, track=[x], target="interp").constrain(np.zeros(4))
    np.testing.assert_allclose(values["x"], [3, 3.5, 4])
    low = R.normal(0, 1, shape=2, name="low")
    z = R.normal(0, 1, shape=(2, 3), name="z", constraint=pt.ordered(low))
    posterior = pt.condition({}, track=[z], target="interp")
    q = np.arange(8.0) / 8
    values = posterior.constrain(q)
    assert np.all(np.diff(values["z"]) > 0) and np.all(values["z"][:, 0] > values["low"])
    np.testing.assert_allclose(posterior.unconstrain(values), q, atol=1e-12)


def test_a_random_interval_of_nothing_and_a_distribution_with_bounds_of_its_own():
    a = R.normal(0, 1, name="a")
    x = R.half_normal(1, name="x", constraint=pt.interval(None, a))
    posterior = pt.condition({}, track=[x], target="interp")
    assert posterior.logp([-1.0, 0.0]) == -np.inf and np.isfinite(posterior.logp([1.0, 0.0]))
    assert 0 < posterior.constrain([1.0, 0.0])["x"] < 1
    assert "above the lower one" in posterior.guarded[0]


def test_bounds_by_data_may_be_exchanged():
    top = pt.data(2.0, name="top")
    x = R.normal(0, 1, name="x", constraint=pt.interval(0, top))
    posterior = pt.condition({R.normal(x, 1, name="y"): 0.0}, target="interp")
    assert np.isclose(posterior.constrain([0.0])["x"], 1)
    assert np.isclose(posterior.with_data({top: 8.0}).constrain([0.0])["x"], 4)
    text = message(lambda: posterior.with_data({top: -1.0}))
    assert "upper bound of normal 'x' must be above the lower one" in text and __file__ in text


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pt.interval(3, 1), ["low=3 must be below high=1"]),
        (lambda: pt.interval(1, 1), ["low=1 must be below high=1"]),
        (lambda: pt.interval([0, 5], [1, 2]), ["must be below"]),
        (lambda: pt.interval(np.nan), ["low=nan", "None is no bound"]),
        (lambda: pt.interval([0, -np.inf], 1), ["None is no bound"]),
        (lambda: pt.interval("0"), ["str '0'"]),
        (lambda: pt.ordered(low="0"), ["str '0'"]),
        (lambda: R.normal(0, 1, shape=3, constraint=pt.interval([0, 0], 1)), ["(2,)", "(3,)"]),
        (lambda: R.normal(0, 1, constraint=(0, 1)), ["constraint=(0, 1)", "pt.interval"]),
    ],
)
def test_bounds_that_are_none(call, words):
    text = message(call)
    assert all(word in text for word in words) and __file__ in text, text


# Values for unconstrain and init.


def shares():
    w = R.dirichlet(np.ones(3), name="w")
    t = R.half_normal(1, name="t")
    u = R.uniform(0, t, name="u")
    z = R.normal(0, 1, shape=2, name="z", constraint=pt.ordered())
    y = R.normal(pt.sum(w) + t + u + pt.sum(z), 1, name="y")
    return pt.condition({y: 0.0})


INSIDE = {"w": [0.2, 0.3, 0.5], "t": 1.0, "u": 0.5, "z": [-1.0, 2.0]}


def test_values_inside_come_back():
    posterior = shares()
    values = posterior.constrain(posterior.unconstrain(INSIDE))
    for name, value in INSIDE.items():
        np.testing.assert_allclose(values[name], value, rtol=1e-12)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"w": [1.0, 1.0, 1.0]}, ["w must be", "sum 1", "[1.0, 1.0, 1.0]"]),
        ({"w": [0.2, 0.3, 0.501]}, ["w must be", "sum 1"]),
        ({"w": [-0.5, 0.5, 1.0]}, ["w must be", "non-negative"]),
        ({"w": [0.0, 0.5, 0.5]}, ["w must be", "edge"]),
        ({"t": -1.0}, ["t must be a number >= 0", "-1.0"]),
        ({"t": 0.0}, ["t must be", "edge"]),
        ({"t": np.nan}, ["t must be", "nan"]),
        ({"u": 1.5}, ["u must be a number in [0, t]", "1.5"]),
        ({"z": [2.0, 1.0]}, ["z must be a vector of increasing entries"]),
        ({"z": [1.0]}, ["z has shape (2,)", "(1,)"]),
        ({"t": [1.0, 2.0]}, ["t has shape ()", "(2,)"]),
        ({"t": "1"}, ["t: expected numbers", "str"]),
        ({"t": None}, ["t: expected numbers", "None"]),
        ({"t": 1j}, ["t: expected numbers", "complex"]),
    ],
)
def test_values_that_have_no_place(changed, words):
    posterior = shares()
    for call in (
        lambda: posterior.unconstrain({**INSIDE, **changed}),
        lambda: pt.sample(posterior, draws=2, tune=2, init={**INSIDE, **changed}, progress=False),
    ):
        text = message(call)
        assert all(word in text for word in words) and __file__ in text, text


@pytest.mark.parametrize(
    ("init", "words"),
    [
        ({"tt": 1.0}, ["no value is given for w, t, u, z, only for tt"]),
        ({**INSIDE, "tt": 1.0}, ["has no tt", "w, t, u, z"]),
        ([INSIDE, INSIDE], ["one {name: value} for all chains"]),
        ("zeros", ["'zeros'", "{name: value}"]),
        (np.zeros(3), ["shape (3,)", "6 coordinates"]),
        (np.zeros((2, 6)), ["shape (2, 6)", "4 chains"]),
    ],
)
def test_starts_that_are_none(init, words):
    posterior = shares()
    text = message(lambda: pt.sample(posterior, draws=2, tune=2, init=init, progress=False))
    assert text.startswith("sample: init") and all(word in text for word in words), text
