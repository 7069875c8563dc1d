"""Constraints cut a distribution: its density there is normalised, and its draws are of it."""

import math

import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

import probtensor as pt
from probtensor.graph import GraphError
from probtensor.prob.distributions.truncation import (
    CAUCHY,
    LAPLACE,
    LOGISTIC,
    NORMAL,
    draw_between,
    sorted_entries,
)
from probtensor.prob.model.data import evaluate
from tests.prob.distributions import without_tails
from tests.prob.test_draws import draw

R = pt.random
# What makes the variable, its parameters, SciPy's opinion.
DISTRIBUTIONS = {
    "normal": (R.normal, {"mu": 0.4, "sigma": 1.7}, lambda m, s: stats.norm(m, s)),
    "cauchy": (R.cauchy, {"mu": 0.4, "sigma": 1.7}, lambda m, s: stats.cauchy(m, s)),
    "laplace": (R.laplace, {"mu": 0.4, "b": 1.7}, lambda m, s: stats.laplace(m, s)),
    "logistic": (R.logistic, {"mu": 0.4, "s": 1.7}, lambda m, s: stats.logistic(m, s)),
    "half_normal": (R.half_normal, {"sigma": 1.7}, lambda s: stats.halfnorm(scale=s)),
    "half_cauchy": (R.half_cauchy, {"sigma": 1.7}, lambda s: stats.halfcauchy(scale=s)),
    "exponential": (R.exponential, {"lam": 0.6}, lambda r: stats.expon(scale=1 / r)),
    "log_normal": (
        R.log_normal, {"mu": 0.4, "sigma": 0.7}, lambda m, s: stats.lognorm(s, scale=np.exp(m))),
    "uniform": (R.uniform, {"low": -1.0, "high": 4.0}, lambda a, b: stats.uniform(a, b - a)),
}  # fmt: skip
ENDS = [(0.5, 2.0), (None, 1.5), (0.7, None), (2.5, 3.5), (0.0, 0.3), (-1.0, 3.0), (-0.9, 0.2)]
CASES = [(name, ends) for name in DISTRIBUTIONS for ends in ENDS]


def cut(name, ends, **options):
    make, parameters, _ = DISTRIBUTIONS[name]
    return make(**parameters, **options, constraint=pt.interval(*ends))


def limits(ends):
    return [inf if end is None else end for end, inf in zip(ends, (-np.inf, np.inf), strict=True)]


def value(node, values=()):
    return evaluate([node], dict(values))[0]


@pytest.mark.parametrize(("name", "ends"), CASES, ids=str)
def test_the_density_is_that_of_the_rest(name, ends):
    _, parameters, distribution = DISTRIBUTIONS[name]
    distribution, (low, high) = distribution(*parameters.values()), limits(ends)
    low, high = max(low, distribution.support()[0]), min(high, distribution.support()[1])
    x = np.array([0.29, 0.55, 0.71, 1.4, 2.9, 8.0, -0.2])
    x = x[(x > distribution.support()[0]) & (x < distribution.support()[1])]
    inside = (x > low) & (x < high)
    wanted = distribution.logpdf(x) - np.log(distribution.cdf(high) - distribution.cdf(low))
    got = value(pt.logp(cut(name, ends), x))
    np.testing.assert_allclose(got[inside], wanted[inside], rtol=1e-12, atol=1e-15)
    assert (got[~inside] == -np.inf).all()


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_density_has_the_integral_one(name):
    for ends in [(0.2, 2.3), (1e-3, None)]:
        x = pt.scalar("x")
        node = pt.logp(cut(name, ends), x)
        low, high = limits(ends)
        high = 4.0 if name == "uniform" and math.isinf(high) else high
        density = lambda t, x=x, node=node: math.exp(value(node, {x: t}))  # noqa: E731
        total, _ = integrate.quad(density, low, high)
        assert abs(total - 1) < 1e-7


def mp_below(name):
    """The distribution function of a standard distribution, exact in both tails."""
    return {
        "normal": lambda z: mpmath.erfc(-z / mpmath.sqrt(2)) / 2,
        "cauchy": lambda z: mpmath.atan2(1, -z) / mpmath.pi,
        "laplace": lambda z: mpmath.exp(z) / 2 if z < 0 else 1 - mpmath.exp(-z) / 2,
        "logistic": lambda z: 1 / (1 + mpmath.exp(-z)),
    }[name]


TAILS = [
    (30.0, 31.0), (-31.0, -30.0), (45.0, 46.0), (-300.0, -299.0), (-5.0, 40.0), (8.0, 300.0),
    (0.0, 1e-9), (-1e-12, 2e-12), (1e-9, 3e-9), (-0.9, 0.9), (-1.1, 1.05), (0.99, 1.5),
    (-40.0, 40.0), (600.0, None), (None, -600.0), (None, 5.0), (40.0, None),
]  # fmt: skip


@pytest.mark.parametrize("name", ["normal", "cauchy", "laplace", "logistic"])
def test_probabilities_and_their_slopes_keep_their_digits(name):
    """Against mpmath, far out and close together; with parameters that vary."""
    mu, scale = pt.scalar("mu"), pt.scalar("scale")
    distribution = DISTRIBUTIONS[name][0](mu, scale).op.distribution
    below = mp_below(name)
    with mpmath.workdps(150):
        for ends in TAILS:
            nodes = [None if end is None else pt.as_tensor(end) for end in ends]
            node = distribution.log_between(*nodes, mu, scale)
            graphs = [node, pt.grad(node, mu), pt.grad(node, scale)]
            got = evaluate(graphs, {mu: np.float64(0), scale: np.float64(1)})

            def exact(m, s, ends=ends):
                low, high = (None if end is None else (mpmath.mpf(end) - m) / s for end in ends)
                if low is not None and (high is None or low + high > 0):
                    low, high = None if high is None else -high, -low
                first = 0 if low is None else below(low)
                return mpmath.log(below(high) - first)

            wanted = [exact(mpmath.mpf(0), mpmath.mpf(1))]
            step = mpmath.mpf(10) ** -60
            wanted.append((exact(step, mpmath.mpf(1)) - exact(-step, mpmath.mpf(1))) / (2 * step))
            up, down = exact(mpmath.mpf(0), 1 + step), exact(mpmath.mpf(0), 1 - step)
            wanted.append((up - down) / (2 * step))
            # Slopes of close bounds are differences of what is as large as one over their distance.
            narrow = None not in ends and ends[1] - ends[0] < 1e-6
            slack = 1e-14 / (ends[1] - ends[0]) if narrow else 1e-12
            for k, (g, w) in enumerate(zip(got, wanted, strict=True)):
                close = 1e-13 if k == 0 else 1e-10
                assert abs(g - w) <= close * abs(w) + (slack if k else 1e-15), (ends, k, g, w)


@pytest.mark.parametrize(("name", "ends"), CASES, ids=str)
def test_draws_are_of_what_is_left(name, ends):
    _, parameters, distribution = DISTRIBUTIONS[name]
    distribution, (low, high) = distribution(*parameters.values()), limits(ends)
    x = draw(cut(name, ends, shape=4000), key=3)
    assert x.min() >= low and x.max() <= high
    first, last = distribution.cdf(low), distribution.cdf(high)
    assert stats.kstest(x, lambda t: (distribution.cdf(t) - first) / (last - first)).pvalue > 1e-3


@pytest.mark.parametrize("low", [3.0, 30.0, 45.0, 1e3])
def test_draws_far_out_in_a_tail(low):
    for sign in (1, -1):
        ends = (low, None) if sign > 0 else (None, -low)
        x = sign * draw(R.normal(0, 1, shape=4000, constraint=pt.interval(*ends)), key=5)
        mills = np.exp(stats.norm.logsf(x) - stats.norm.logsf(low))
        assert stats.kstest(1 - mills, "uniform").pvalue > 1e-3 and x.min() >= low


STANDARD = {"normal": NORMAL, "cauchy": CAUCHY, "laplace": LAPLACE, "logistic": LOGISTIC}
SHARES = np.array([1e-12, 1e-3, 0.2, 0.5, 0.9, 1 - 2.0**-30])


@pytest.mark.parametrize("name", STANDARD)
def test_draws_are_quantiles_of_what_is_left(name):
    """The share of the interval below each draw is the uniform that it is made of. The logarithm of
    its probability, and the draw, are rounded."""
    below, u = mp_below(name), pt.vector("u")
    ends = [(None if a is None else pt.as_tensor(a), None if b is None else pt.as_tensor(b))
            for a, b in TAILS]  # fmt: skip
    drawn = evaluate([draw_between(STANDARD[name], u, *pair) for pair in ends], {u: SHARES})
    with mpmath.workdps(60):
        for (low, high), z in zip(TAILS, drawn, strict=True):
            mirrored = high is None or (low is not None and low + high > 0)
            if mirrored:
                low, high, z = None if high is None else -high, -low, -z
            first = 0 if low is None else below(mpmath.mpf(low))
            mass = below(mpmath.mpf(high)) - first
            assert z.max() <= high and (low is None or z.min() >= low), (low, high)
            for x, share in zip(map(mpmath.mpf, z), SHARES, strict=True):
                p, h = below(x), abs(x) * mpmath.mpf(10) ** -25 + mpmath.mpf(10) ** -40
                slope = (below(x + h) - below(x - h)) / (2 * h)
                eps = mpmath.mpf(2) ** -52
                room = 8 * eps * (p * (1 + abs(mpmath.log(p))) + slope * abs(x)) / mass
                room += mpmath.mpf(10) ** -12 * min(share, 1 - share) + eps
                share = 1 - share if mirrored else share
                assert abs((p - first) / mass - share) <= room, (low, high, share, float(x))


def test_bounds_and_parameters_of_each_entry():
    low, mu = np.array([0.0, 1.0, -np.pi]), np.array([-1.0, 0.0, 3.0])
    x = R.normal(mu, 1.0, shape=(5000, 3), constraint=pt.interval(low, low + 2))
    found = draw(x, key=9)
    distribution = stats.truncnorm(low - mu, low + 2 - mu, loc=mu)
    np.testing.assert_allclose(found.mean(0), distribution.mean(), atol=5 * 0.6 / np.sqrt(5000))
    np.testing.assert_allclose(value(pt.logp(x, found)), distribution.logpdf(found), rtol=1e-11,
                               atol=1e-14)  # fmt: skip


def test_a_bound_at_the_end_of_the_support_and_single_precision():
    """Slopes are finite where a bound that varies lies at the end of the distribution's own."""
    low, s = pt.scalar("low"), pt.scalar("s")
    for make in (
        R.half_normal,
        R.half_cauchy,
        R.exponential,
        lambda s, **o: R.log_normal(0.0, s, **o),
    ):
        node = pt.logp(make(s, constraint=pt.interval(low, 2.0)), 0.7)
        slopes = [pt.grad(node, x) for x in (low, s)]
        second = pt.grad(slopes[1], s)
        whole = pt.logp(make(s, constraint=pt.interval(None, 2.0)), 0.7)
        for at in (0.0, -1.0):
            values = {low: np.float64(at), s: np.float64(1.3)}
            got, wanted = evaluate([node, whole], values)
            assert np.isclose(got, wanted, rtol=1e-14)
            assert np.isfinite(evaluate([*slopes, second], values)).all()
    t = pt.scalar("t", dtype="float32")
    for make in (R.normal, R.log_normal, R.uniform, R.cauchy):
        x = make(np.float32(0), t, constraint=pt.interval(0.5, 1.0))
        node = pt.logp(x, np.float32(0.75))
        distribution = {R.uniform: "uniform", R.log_normal: "log_normal", R.cauchy: "cauchy"}.get(
            make, "normal"
        )
        wanted = DISTRIBUTIONS[distribution][2](0.0, 2.0)
        wanted = wanted.logpdf(0.75) - np.log(wanted.cdf(1) - wanted.cdf(0.5))
        got = value(node, {t: np.float32(2)})
        assert got.dtype == "float32" and np.isclose(got, wanted, rtol=1e-5)
        assert (
            draw(make(np.float32(0), np.float32(2), constraint=pt.interval(0.5, 1))).dtype
            == "float32"
        )


def test_draws_without_room_are_nan_and_parameters_are_checked():
    low, s = pt.vector("low", shape=(3,)), pt.scalar("s")
    x = R.normal(0.0, s, constraint=pt.interval(low, 1.0), shape=3)
    f = pt.function([low, s], x, target="interp")
    assert np.isnan(f([0.0, 1.0, 2.0], 1.0)).tolist() == [False, True, True]
    assert np.isnan(f([0.0, 0.5, 0.7], -1.0)).all()


# Orders.


def test_an_order_of_alike_entries_has_its_share():
    mu = pt.scalar("mu")
    for node in (R.normal(mu, 1.0, shape=3, constraint=pt.ordered()),
                 R.normal(mu * pt.ones(3), 1.0, constraint=pt.ordered())):  # fmt: skip
        x = np.array([-1.0, 0.2, 0.9])
        got = value(pt.logp(node, x), {mu: np.float64(0.3)})
        assert np.isclose(got.sum(), stats.norm(0.3).logpdf(x).sum() + math.log(6), rtol=1e-13)
    above = R.normal(mu, 1.0, shape=2, constraint=pt.ordered(0.5))
    got = value(pt.logp(above, [0.7, 1.5]), {mu: np.float64(0.3)}).sum()
    wanted = stats.norm(0.3).logpdf([0.7, 1.5]) - stats.norm(0.3).logsf(0.5)
    assert np.isclose(got, wanted.sum() + math.log(2), rtol=1e-13)


def test_an_order_is_drawn_where_its_entries_are_alike():
    x = draw(R.normal(0.0, 1.0, shape=(4000, 3), constraint=pt.ordered(-0.5)), key=2)
    assert (np.diff(x) > 0).all() and x.min() > -0.5
    distribution = stats.truncnorm(-0.5, np.inf)
    assert stats.kstest(x[:, 0], lambda t: 1 - distribution.sf(t) ** 3).pvalue > 1e-3
    assert stats.kstest(x[:, 2], lambda t: distribution.cdf(t) ** 3).pvalue > 1e-3
    with pytest.raises(GraphError, match="different parameters"):
        draw(R.normal([0.0, 1.0], 1.0, constraint=pt.ordered()))


def test_entries_are_sorted_with_all_that_are_equal():
    x = pt.matrix("x", shape=(2, 5))
    values = np.array([[1.0, 1.0, 0.0, 2.0, 1.0], [3.0, 3.0, -np.inf, -0.0, 0.0]])
    np.testing.assert_array_equal(value(sorted_entries(x), {x: values}), np.sort(values))


# What is not known.


def test_what_is_not_known_is_refused_where_it_counts():
    a = R.half_normal(1.0, name="a")
    order = R.normal(pt.stack([a, 2 * a]), 1.0, name="x", constraint=pt.ordered())
    skewed = without_tails(0.0, 1.0, a, name="x", constraint=pt.interval(0.5, 2.0))
    for node in (skewed, order):
        with pytest.raises(GraphError, match="parameters may vary") as error:
            pt.condition({}, track=[node], target="interp")
        text = str(error.value)
        assert "'x'" in text and __file__ in text and "pt.potential" in text
        assert len(text.splitlines()) <= 8
        with pytest.raises(GraphError, match="parameters may vary"):
            pt.logp(node, [0.7, 1.5])
    seen = without_tails(0.0, 1.0, 2.0, name="y", constraint=pt.interval(0.5, 2.0))
    with pytest.raises(GraphError, match="it is observed"):
        pt.condition({seen: 1.0}, target="interp")
    alpha = pt.scalar("alpha")
    with pytest.raises(GraphError, match="parameters may vary"):
        pt.logp(without_tails(0.0, 1.0, alpha, constraint=pt.interval(0.5, 2.0)), 1.0)


def test_what_is_not_known_is_left_out_where_it_is_a_constant():
    free = without_tails(0.0, 1.0, 2.0, name="x", constraint=pt.interval(0.5, 2.0))
    posterior = pt.condition({R.normal(free, 1.0, name="y"): 0.3}, target="interp")
    assert np.isfinite(posterior.logp([0.1])) and "without_tails" in posterior.diagnose([0.1])
    assert np.isclose(value(pt.logp(free, 1.5)), stats.skewnorm(2).logpdf(1.5))
    # A cut at the end of the support leaves all of it.
    a = R.half_normal(1.0, name="a")
    whole = R.gamma(a, 1.0, name="x", constraint=pt.interval(0.0))
    pt.condition({}, track=[whole], target="interp")
    # An improper density stays what it is.
    flat = R.flat(name="x", constraint=pt.interval(0.0, a))
    assert np.isfinite(pt.condition({}, track=[flat], target="interp").logp([0.1, 0.2]))


# Posteriors.


def test_a_cut_observation_has_the_gradient_of_its_density():
    mu, sigma = R.normal(0.0, 5.0, name="mu"), R.half_normal(5.0, name="sigma")
    z = np.array([0.2, 1.3, 0.8])
    y = R.normal(mu, sigma, shape=3, name="y", constraint=pt.interval(low=0.0))
    posterior = pt.condition({y: z}, target="interp")

    def wanted(q):
        m, s = q[0], np.exp(q[1])
        distribution = stats.norm(m, s)
        prior = stats.norm(0, 5).logpdf(m) + stats.halfnorm(scale=5).logpdf(s) + q[1]
        return prior + (distribution.logpdf(z) - distribution.logsf(0)).sum()

    for q in ([0.3, -0.2], [-4.0, 0.5], [3.0, 1.0]):
        value, slope = posterior.logp_and_grad(np.array(q))
        assert np.isclose(value, wanted(np.array(q)), rtol=1e-12)
        steps = 1e-6 * np.eye(2)
        differences = [(wanted(q + h) - wanted(q - h)) / 2e-6 for h in steps]
        np.testing.assert_allclose(slope, differences, rtol=1e-6, atol=1e-7)


@pytest.mark.slow
def test_posteriors_of_cut_variables():
    """The parameters of cut data are found again, and a cut child does not pull its parent."""
    z = np.random.default_rng(0).normal(0, 1, 8000)
    z = z[z > 0][:3000]
    mu, sigma = R.normal(0.0, 5.0, name="mu"), R.half_normal(5.0, name="sigma")
    y = R.normal(mu, sigma, shape=len(z), name="y", constraint=pt.interval(low=0.0))
    found = pt.sample(pt.condition({y: z}), seed=1, chains=2, progress=False).posterior
    for name, true in (("mu", 0.0), ("sigma", 1.0)):
        x = np.asarray(found[name])
        assert abs(x.mean() - true) < 3.5 * x.std(), name
    pop = R.normal(2.0, 1.0, name="pop")
    child = R.normal(pop, 0.5, name="child", constraint=pt.interval(-2.0, 2.0))
    order = R.normal(pop, 0.5, shape=2, name="order", constraint=pt.ordered(1.0))
    posterior = pt.condition({}, track=[child, order])
    x = np.asarray(pt.sample(posterior, seed=1, chains=4, progress=False).posterior["pop"])
    assert abs(x.mean() - 2) < 0.08 and abs(x.std() - 1) < 0.08
