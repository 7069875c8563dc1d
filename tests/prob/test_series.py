"""Distributions of time series: densities, draws, models, lengths and errors."""

import pickle
import re
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

import probtensor as pt
from probtensor.graph import GraphError, toposort
from probtensor.ops.kinds import Loop
from probtensor.prob.distributions.multivariate.normals import MultivariateStudentT

r = pt.random
T = 7
RNG = np.random.default_rng(11)
VALUES = RNG.normal(size=T)
VECTORS = RNG.normal(size=(T, 2))
COV = np.array([[2.0, 0.6], [0.6, 0.5]])
TURN = np.array([[0.9, -0.3], [0.2, 0.7]])
LAGS = np.array([0.6, -0.3, 0.1])
LONG = np.linspace(0.1, -0.05, 17)


def norm(x, mean, scale):
    return stats.norm(mean, scale).logpdf(x)


def joint(x, mean, cov):
    return stats.multivariate_normal(mean, cov).logpdf(x)


def pull(x, rate, noise):
    return -rate * pt.sin(x), noise * (1 + x**2)


def by_walk(x, first, step):
    return first(x[0]) + sum(step(b - a) for a, b in pairwise(x))


def by_ar(x, lags, c, sigma, first):
    order = len(lags)
    total = sum(first(v) for v in x[:order])
    for t in range(order, len(x)):
        total += norm(x[t], c + sum(lags[k] * x[t - 1 - k] for k in range(order)), sigma)
    return total


def by_garch(x, omega, a, b, vol):
    total, v = 0.0, vol**2
    for t in range(len(x)):
        v = omega + a * x[t - 1] ** 2 + b * v if t else v
        total += norm(x[t], 0, np.sqrt(v))
    return total


def by_euler(x, dt, rate, noise):
    total = norm(x[0], 0.2, 2)
    for a, b in pairwise(x):
        mean, scale = a - dt * rate * np.sin(a), np.sqrt(dt) * noise * (1 + a**2)
        total += norm(b, mean, scale)
    return total


def by_states(x, first):
    return sum(joint(b, TURN @ a, COV) for a, b in zip([np.asarray(first), *x], x))


# name: (the variable given its length, its density written out as a loop)
CASES = {
    "gaussian_random_walk": (
        lambda n, **o: r.gaussian_random_walk(
            0.3, 0.7, init_dist=r.normal(1, 2), shape=n, **o
        ),
        lambda x: by_walk(x, lambda v: norm(v, 1, 2), lambda d: norm(d, 0.3, 0.7)),
    ),
    "wide first value": (
        lambda n, **o: r.gaussian_random_walk(shape=n, **o),
        lambda x: by_walk(x, lambda v: norm(v, 0, 100), lambda d: norm(d, 0, 1)),
    ),
    "random_walk": (
        lambda n, **o: r.random_walk(r.cauchy(0, 1), r.student_t(3.0, 0.1, 0.5), n - 1, **o),
        lambda x: by_walk(x, stats.cauchy.logpdf, stats.t(3, 0.1, 0.5).logpdf),
    ),
    "mv_gaussian_random_walk": (
        lambda n, **o: r.mv_gaussian_random_walk(
            [0.1, -0.2], cov=COV, init_dist=r.multivariate_normal([1.0, 2.0], np.eye(2)),
            steps=n - 1, **o),
        lambda x: by_walk(x, lambda v: joint(v, [1, 2], np.eye(2)),
                          lambda d: joint(d, [0.1, -0.2], COV)),
    ),
    "mv_student_t_random_walk": (
        lambda n, **o: r.mv_student_t_random_walk(
            5.0, 0.1, tau=np.linalg.inv(COV), steps=n - 1, **o),
        lambda x: by_walk(x, lambda v: joint(v, [0, 0], 100 * np.eye(2)),
                          stats.multivariate_t([0.1, 0.1], COV, df=5).logpdf),
    ),
    "ar": (
        lambda n, **o: r.ar(LAGS, 0.8, init_dist=r.normal(0.5, 1.5), steps=n - 3, **o),
        lambda x: by_ar(x, LAGS, 0.0, 0.8, lambda v: norm(v, 0.5, 1.5)),
    ),
    "ar with a constant": (
        lambda n, **o: r.ar([0.4, *LAGS], tau=4.0, constant=True,
                            init_dist=r.uniform(-9.0, [9.0, 8.0, 7.0]), steps=n - 3, **o),
        lambda x: by_ar(x, LAGS, 0.4, 0.5, lambda v: 0.0) - np.log([18, 17, 16]).sum(),
    ),
    "ar from a vector": (
        lambda n, **o: r.ar(LAGS[:2], init_dist=r.multivariate_normal(0.0, cov=COV), shape=n, **o),
        lambda x: by_ar(x, LAGS[:2], 0.0, 1.0, lambda v: 0.0) + joint(x[:2], [0, 0], COV),
    ),
    "garch11": (
        lambda n, **o: r.garch11(0.2, 0.3, 0.5, initial_vol=1.3, shape=n, **o),
        lambda x: by_garch(x, 0.2, 0.3, 0.5, 1.3),
    ),
    "euler_maruyama": (
        lambda n, **o: r.euler_maruyama(
            0.1, pull, (0.7, 1.2), init_dist=r.normal(0.2, 2), shape=n, **o),
        lambda x: by_euler(x, 0.1, 0.7, 1.2),
    ),
    "gaussian_state_space": (
        lambda n, **o: r.gaussian_state_space(
            TURN, cov=COV, initial_value=[0.3, -0.4], steps=n, **o),
        lambda x: by_states(x, [0.3, -0.4]),
    ),
}  # fmt: skip
OF_VECTORS = {"mv_gaussian_random_walk", "mv_student_t_random_walk", "gaussian_state_space"}


def value(name, length=T):
    own = VECTORS if name in OF_VECTORS else VALUES
    return np.resize(own, (length, *own.shape[1:]))


def loops_in(node):
    return sum(isinstance(x.op, Loop) for x in toposort([node]))


@pytest.mark.parametrize("target", ["interp", "machine"])
def test_densities_are_those_of_the_steps_written_out(target):
    lengths = {name: (T, 3 if name.startswith("ar") else 1, 2) for name in CASES}
    lengths = {k: v[: 2 if k.startswith("ar") else 3] for k, v in lengths.items()}
    pairs = [(name, n) for name, own in lengths.items() for n in own
             if not (name == "ar from a vector" and n == 3)]  # fmt: skip
    outputs = [pt.logp(CASES[name][0](n), value(name, n)) for name, n in pairs]
    found = pt.function([], outputs, target=target)()
    for (name, n), got in zip(pairs, found, strict=True):
        wanted = CASES[name][1](value(name, n))
        np.testing.assert_allclose(got, wanted, rtol=1e-12, err_msg=f"{name} of length {n}")


def test_there_is_a_loop_only_in_a_recurrence():
    for name, (make, _) in CASES.items():
        assert loops_in(pt.logp(make(T), value(name))) == (name == "garch11"), name


def test_long_lags_are_one_product():
    x = np.resize(VALUES, 40)
    own = r.ar(LONG, 0.8, init_dist=r.normal(0, 1), shape=40)
    wanted = by_ar(x, LONG, 0.0, 0.8, lambda v: norm(v, 0, 1))
    np.testing.assert_allclose(pt.logp(own, x).eval(), wanted, rtol=1e-12)


def test_densities_are_those_of_random_variables_of_loops():
    def walk(x, _):
        x = r.normal(x + 0.3, 0.7)
        return x, x

    def ar(last, _):
        x = r.normal(0.6 * last[0] - 0.3 * last[1], 0.8)
        return pt.stack([x, last[0]]), x

    def garch(v, _):
        x = r.normal(0.0, pt.sqrt(v))
        return 0.2 + 0.3 * x**2 + 0.5 * v, x

    steps = {
        "walk": (walk, VALUES[0], 1),
        "ar": (ar, VALUES[[1, 0]], 2),
        "garch": (garch, 0.2 + 0.3 * VALUES[0] ** 2 + 0.5 * 1.3**2, 1),
    }
    own = {
        "walk": r.gaussian_random_walk(0.3, 0.7, init_dist=r.normal(0, 1), shape=T),
        "ar": r.ar([0.6, -0.3], 0.8, init_dist=r.normal(0, 1), shape=T),
        "garch": r.garch11(0.2, 0.3, 0.5, 1.3, shape=T),
    }
    for name, (step, first, lead) in steps.items():
        series = pt.loop.scan(step, first, length=T - lead)[1]
        scale = 1.3 if name == "garch" else 1.0
        start = norm(VALUES[:lead], 0, scale).sum()
        written = pt.sum(pt.logp(series, VALUES[lead:])) + start
        got, wanted = pt.function([], [pt.logp(own[name], VALUES), written], target="machine")()
        np.testing.assert_allclose(got, wanted, rtol=1e-13, err_msg=name)


def test_batches():
    """Each series of a batch is a series by itself."""
    x = RNG.normal(size=(3, 2, T))
    mu, sigma = RNG.normal(size=(3, 1)), np.array([0.5, 1.5])
    walk = r.gaussian_random_walk(mu, sigma, init_dist=r.normal([0.0, 1.0], 2), shape=(3, 2, T))
    rho = RNG.normal(size=(3, 1, 2)) * 0.4
    regress = r.ar(rho, sigma, init_dist=r.normal([[0.0, 1.0], [2.0, 3.0]], 1.0), shape=(3, 2, T))
    garch = r.garch11(0.2, [[0.1], [0.2], [0.3]], 0.5, [1.0, 2.0], steps=T - 1)
    euler = r.euler_maruyama(0.1, pull, (mu, sigma), init_dist=r.normal(0.2, 2), shape=x.shape)
    vectors = RNG.normal(size=(3, T, 2))
    turns = np.stack([TURN, TURN.T, np.eye(2)])
    states = r.gaussian_state_space(turns, cov=COV, steps=T)
    covs = np.stack([COV, np.eye(2), 2 * COV])
    start = r.multivariate_normal(0.0, np.eye(2))
    jumps = r.mv_gaussian_random_walk(0.0, cov=covs, init_dist=start, steps=T - 1)
    variables = [walk, regress, garch, euler, states, jumps]
    values = [x, x, x, x, vectors, vectors]
    assert [v.shape for v in variables] == [v.shape for v in values]
    outputs = [pt.logp(v, x) for v, x in zip(variables, values, strict=True)]
    found = pt.function([], outputs, target="machine")()
    for i in range(3):
        for j in range(2):
            wanted = (
                by_walk(x[i, j], stats.norm(j, 2).logpdf, stats.norm(mu[i, 0], sigma[j]).logpdf),
                by_ar(x[i, j], rho[i, 0], 0, sigma[j], lambda v: 0.0)
                + norm(x[i, j, :2], [[0, 1], [2, 3]][j], 1).sum(),
                by_garch(x[i, j], 0.2, 0.1 * (i + 1), 0.5, j + 1.0),
                by_euler(x[i, j], 0.1, mu[i, 0], sigma[j]),
            )
            got = [y[i, j] for y in found[:4]]
            np.testing.assert_allclose(got, wanted, rtol=1e-12)
        y = vectors[i]
        of_states = sum(joint(b, turns[i] @ a, COV) for a, b in zip([np.zeros(2), *y], y))
        of_jumps = by_walk(y, stats.multivariate_normal([0, 0], np.eye(2)).logpdf,
                           stats.multivariate_normal([0, 0], covs[i]).logpdf)  # fmt: skip
        np.testing.assert_allclose([found[4][i], found[5][i]], [of_states, of_jumps], rtol=1e-12)
    for v in variables:
        drawn = pt.draw(v, draws=2, seed=1)
        assert drawn.shape == (2, *v.shape) and np.isfinite(drawn).all()
        assert len(np.unique(drawn)) == drawn.size


def test_draws_follow_the_steps():
    """What a step adds to its mean, in units of its scale, is standard normal and independent."""
    names = list(CASES)
    found = pt.draw([CASES[name][0](4) for name in names], draws=4000, seed=3)
    drawn = dict(zip(names, found, strict=True))

    def check(name, residuals):
        residuals = np.reshape(residuals, (4000, -1))
        for k, column in enumerate(residuals.T):
            assert stats.kstest(column, "norm").pvalue > 1e-3, (name, k)
        rows = np.corrcoef(residuals.T) - np.eye(residuals.shape[1])
        assert np.abs(rows).max() < 0.08, name

    x = drawn["gaussian_random_walk"]
    check("walk", np.c_[(x[:, 0] - 1) / 2, (np.diff(x) - 0.3) / 0.7])
    x = drawn["random_walk"]
    moves = stats.norm.ppf(stats.t(3, 0.1, 0.5).cdf(np.diff(x)))
    check("random_walk", np.c_[stats.norm.ppf(stats.cauchy.cdf(x[:, 0])), moves])
    inverse = np.linalg.inv(np.linalg.cholesky(COV))
    x = drawn["mv_gaussian_random_walk"]
    check("vectors", [*(x[:, 0] - [1, 2]).T, *(inverse @ (x[:, 1] - x[:, 0] - [0.1, -0.2]).T)])
    x = drawn["mv_student_t_random_walk"]
    z = (np.diff(x, axis=1) - 0.1) @ inverse.T
    shares = stats.f(2, 5).cdf((z**2).sum(-1) / 2)
    check("t", np.c_[stats.norm.ppf(shares), x[:, 0] / 10])
    x = drawn["ar"]
    check("ar", np.c_[(x[:, :3] - 0.5) / 1.5, (x[:, 3] - x[:, 2::-1] @ LAGS) / 0.8])
    x = drawn["ar with a constant"]
    first = stats.norm.ppf((x[:, :3] + 9) / [18, 17, 16])
    check("ar, constant", np.c_[first, (x[:, 3] - 0.4 - x[:, 2::-1] @ LAGS) / 0.5])
    x = drawn["garch11"]
    v1 = 0.2 + 0.3 * x[:, 0] ** 2 + 0.5 * 1.3**2
    v2 = 0.2 + 0.3 * x[:, 1] ** 2 + 0.5 * v1
    check("garch", np.c_[x[:, 0] / 1.3, x[:, 1] / np.sqrt(v1), x[:, 2] / np.sqrt(v2)])
    x = drawn["euler_maruyama"]
    a, b = x[:, :-1], x[:, 1:]
    moves = (b - a + 0.07 * np.sin(a)) / (np.sqrt(0.1) * 1.2 * (1 + a**2))
    check("euler", np.c_[(x[:, 0] - 0.2) / 2, moves])
    x = drawn["gaussian_state_space"]
    before = np.concatenate([np.tile([[[0.3, -0.4]]], (4000, 1, 1)), x[:, :-1]], axis=1)
    check("states", (x - before @ TURN.T) @ inverse.T)


def test_draws_are_the_same_on_every_target():
    names = list(CASES)
    outputs = [CASES[name][0](5) for name in names]
    found = [pt.function([], outputs, target=target, seed=5)() for target in ("interp", "machine")]
    for name, a, b in zip(names, *found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, err_msg=name)


def test_gradients_of_free_series_and_of_their_parameters():
    s = r.half_normal(1.0, name="s")
    a = r.normal(0, 0.5, name="a")
    first = r.normal(a, s)
    series = [
        r.gaussian_random_walk(a, s, init_dist=r.normal(0, 1), shape=4, name="walk"),
        r.ar(pt.stack([a, 0.3 * a]), s, init_dist=first, shape=4, name="ar"),
        r.garch11(s, pt.exp(a), s, s, shape=4, name="garch"),
        r.euler_maruyama(0.1, pull, (a, s), init_dist=first, shape=4, name="euler"),
        r.gaussian_state_space(
            pt.stack([pt.stack([a, s]), pt.stack([-s, a])]), s * np.eye(2), steps=3, name="states"
        ),
        r.mv_student_t_random_walk(3 * s, a, s * np.eye(2), steps=2, name="jumps"),
        r.random_walk(r.gamma(2.0, 1.0), r.exponential(1.0), 3, name="rising"),
        r.ar([0.5], s, init_dist=r.beta(2.0, 2.0), shape=3, name="from a share"),
    ]
    y = r.normal(pt.stack([pt.sum(x**2) for x in series]), 1.0, name="y")
    posterior = pt.condition({y: np.full(len(series), 3.0)}, target="machine")
    q = 0.3 * RNG.normal(size=posterior.dim) + 0.1
    values = posterior.constrain(q)
    assert (np.diff(values["rising"]) > 0).all() and values["rising"][0] > 0
    assert 0 < values["from a share"][0] < 1
    np.testing.assert_allclose(posterior.unconstrain(values), q, rtol=1e-10)
    _, slope = posterior.logp_and_grad(q)
    steps = 1e-6 * np.eye(posterior.dim)
    wanted = [(posterior.logp(q + h) - posterior.logp(q - h)) / 2e-6 for h in steps]
    np.testing.assert_allclose(slope, wanted, rtol=2e-6, atol=2e-6)


def test_a_model_of_walks_is_that_of_the_hand_written_graph():
    y = np.cumsum(RNG.normal(size=30))
    s = r.half_normal(1.0, name="s")
    x = r.gaussian_random_walk(0.1, s, init_dist=r.normal(0, 1), shape=30, name="x")
    own = pt.condition({r.normal(x, 0.3, name="y"): y}, target="machine")
    s, x = r.half_normal(1.0, name="s"), r.flat(shape=30, name="x")
    terms = [pt.logp(r.normal(0, 1), x[0]), pt.logp(r.normal(0.1, s), x[1:] - x[:-1])]
    hand = pt.condition({r.normal(x, 0.3, name="y"): y}, potentials=terms, target="machine")
    values = {"s": 0.7, "x": RNG.normal(size=30)}
    pair = [p.logp(p.unconstrain(values)) for p in (own, hand)]
    np.testing.assert_allclose(*pair, rtol=1e-13)


def test_a_posterior_is_that_of_the_closed_form():
    """Of a level that is a random walk and is observed with noise: a normal distribution."""
    n = 6
    y = RNG.normal(size=n)
    x = r.gaussian_random_walk(0.2, 0.5, init_dist=r.normal(1, 2), shape=n, name="x")
    posterior = pt.condition({r.normal(x, 0.8, name="y"): y}, target="machine")
    sums = np.tri(n)
    prior = sums @ np.diag([4.0, *[0.25] * (n - 1)]) @ sums.T
    mean = 1 + 0.2 * np.arange(n)
    precision = np.linalg.inv(prior) + np.eye(n) / 0.64
    centre = np.linalg.solve(precision, np.linalg.solve(prior, mean) + y / 0.64)
    spread = np.linalg.inv(precision)
    evidence = joint(y, mean, prior + 0.64 * np.eye(n))
    for q in RNG.normal(size=(3, n)):
        value, slope = posterior.logp_and_grad(q)
        np.testing.assert_allclose(value, joint(q, centre, spread) + evidence, rtol=1e-10)
        np.testing.assert_allclose(slope, precision @ (centre - q), rtol=1e-8, atol=1e-9)


def test_series_in_the_steps_of_a_loop():
    """A walk of each step that begins around the last value of the one before."""

    def step(last, _):
        x = r.gaussian_random_walk([0.1, 0.2], 0.5, init_dist=r.normal(last, 1), steps=3, name="x")
        y = r.ar([0.5, 0.1], 0.7, init_dist=r.normal(last[:1], 1), steps=2, name="y")
        return x[:, -1], (x, y)

    x, y = pt.loop.scan(step, np.zeros(2), length=3)[1]
    at, other = RNG.normal(size=(3, 2, 4)), RNG.normal(size=(3, 4))
    lasts = np.concatenate([np.zeros((1, 2)), at[:-1, :, -1]])
    of_x = [[by_walk(at[t, k], stats.norm(lasts[t, k], 1).logpdf,
                     stats.norm([0.1, 0.2][k], 0.5).logpdf) for k in range(2)]
            for t in range(3)]  # fmt: skip
    np.testing.assert_allclose(pt.logp(x, at).eval(), of_x, rtol=1e-12)
    posterior = pt.condition({x: at, y: other}, target="interp")
    of_y = [by_ar(other[t], [0.5, 0.1], 0, 0.7, stats.norm(lasts[t, 0], 1).logpdf)
            for t in range(3)]  # fmt: skip
    np.testing.assert_allclose(posterior.logp([]), np.sum(of_x) + np.sum(of_y), rtol=1e-12)
    assert pt.draw(x, seed=1).shape == (3, 2, 4)


def test_lengths_by_steps_shape_and_dims():
    walk, time = r.gaussian_random_walk, {"time": np.arange(5)}
    for made in (walk(steps=4), walk(shape=5), walk(steps=4, shape=(5,)), walk(shape=(5,)),
                 walk(steps=4, dims="time")):  # fmt: skip
        assert made.shape == (5,)
    assert walk(np.zeros(3), steps=4).shape == walk(shape=(3, 5)).shape == (3, 5)
    assert r.ar([0.1, 0.2], steps=4).shape == (6,)
    assert r.mv_gaussian_random_walk(0.0, cov=COV, shape=(5, 2)).shape == (5, 2)
    x = walk(0.0, [0.1, 0.2], dims=("group", "time"), name="x")
    y = r.normal(x, 1.0, name="y", dims=("group", "time"))
    posterior = pt.condition({y: np.zeros((2, 5))}, coords=time | {"group": ["a", "b"]},
                             target="interp")  # fmt: skip
    assert posterior.dim == 10 and posterior.dims["x"] == ("group", "time")
    longer = pt.sample_prior(
        pt.condition({r.normal(x, 1.0, name="y", dims=("group", "time")): np.zeros((2, 8))}),
        draws=3, seed=1,
    )  # fmt: skip
    assert longer.prior["x"].shape == (1, 3, 2, 8)


def test_lengths_that_data_decide():
    counts = pt.data(np.zeros(6), name="t", dims="time")
    x = r.gaussian_random_walk(0.0, 0.5, shape=counts.shape, name="x", dims="time")
    y = r.normal(x, 1.0, name="y", dims="time")
    posterior = pt.condition({y: np.zeros(6)}, target="interp")
    assert posterior.dim == 6 and np.isfinite(posterior.logp(np.ones(6)))
    n = pt.vector("n")
    for make in (r.gaussian_random_walk, lambda **o: r.ar([0.5], **o),
                 lambda **o: r.garch11(0.1, 0.1, 0.8, 1.0, **o)):  # fmt: skip
        own = pt.function([n], pt.logp(make(shape=n.shape), n), target="interp")
        for size in (1, 4):
            fixed = pt.logp(make(shape=size), VALUES[:size]).eval()
            np.testing.assert_allclose(own(VALUES[:size]), fixed, rtol=1e-13)


def test_dims_give_the_length_of_every_series():
    """Also where parts of it were made before the length is known; and they are pickled whole."""
    time, vectors = {"dims": "time", "name": "y"}, {"dims": ("time", "axis"), "name": "y"}
    first = r.normal(0.2, 2)
    series = [
        (r.random_walk(first, r.student_t(3.0, 0.1, 0.5), **time), VALUES),
        (r.ar([0.5, 0.2], init_dist=first, **time), VALUES),
        (r.garch11(0.2, 0.3, 0.5, 1.3, **time), VALUES),
        (r.euler_maruyama(0.1, pull, (0.7, 1.2), init_dist=first, **time), VALUES),
        (r.gaussian_state_space(TURN, cov=COV, **vectors), VECTORS),
        (r.mv_student_t_random_walk(5.0, cov=COV, **vectors), VECTORS),
    ]
    for y, own in series:
        posterior = pt.condition({y: own}, coords={"time": np.arange(T)}, target="interp")
        again = pickle.loads(pickle.dumps(posterior))
        found = posterior.logp([]), again.logp([])
        np.testing.assert_allclose(found, pt.logp(y, own).eval(), rtol=1e-13)
        drawn = pt.sample_prior(posterior, draws=2, seed=1).prior_predictive["y"]
        assert drawn.shape == (1, 2, *own.shape)
    with pytest.raises(ValueError, match=r"'y' has shape \(1,\), which does not hold 2 first"):
        pt.condition({series[1][0]: [0.0]}, coords={"time": [0]}, target="interp")


def test_empty_batches_and_single_precision():
    x = r.gaussian_random_walk(np.float32(0.3), np.float32(0.7), shape=(0, T))
    assert pt.draw(x, seed=1).shape == (0, T)
    assert pt.logp(x, np.zeros((0, T), "float32")).eval().shape == (0,)
    single = [
        r.gaussian_random_walk(np.float32(0.3), np.float32(0.7), init_dist=None, steps=T - 1),
        r.ar(np.float32([0.5, 0.2]), np.float32(0.8), steps=T - 2),
        r.garch11(np.float32(0.2), 0.3, 0.5, 1.3, steps=T - 1),
        r.euler_maruyama(
            np.float32(0.1),
            pull,
            (0.7, 1.2),
            init_dist=r.normal(np.float32(0.2), np.float32(0.1)),
            steps=T - 1,
        ),
        r.gaussian_state_space(TURN.astype("float32"), cov=COV.astype("float32"), steps=T),
        r.mv_student_t_random_walk(np.float32(5), 0.0, cov=COV.astype("float32"), steps=T - 1),
    ]
    for variable in single:
        assert variable.dtype == "float32"
        own = VECTORS if variable.ndim > 1 else VALUES
        found = pt.logp(variable, own.astype("float32"))
        drawn = pt.draw(variable, seed=1)
        assert drawn.dtype == "float32"
        assert variable.ndim > 1 or found.dtype == "float32"
        assert np.isfinite(drawn).all() and np.isfinite(found.eval())


def test_whole_and_rising_walks():
    counts = r.random_walk(r.poisson(3.0), r.discrete_uniform(-1, 1), 3)
    assert counts.dtype == "int64"
    wanted = stats.poisson(3).logpmf(2) - 3 * np.log(3)
    found = [pt.logp(counts, x).eval() for x in ([2, 3, 3, 2], [2, 4, 4, 4], [-1, 0, 0, 0])]
    np.testing.assert_allclose(found, [wanted, -np.inf, -np.inf], rtol=1e-13)
    drawn = pt.draw(counts, draws=300, seed=1)
    assert set(np.unique(np.diff(drawn))) == {-1, 0, 1}
    low = pt.scalar("low")
    rising = r.random_walk(r.normal(0, 1), r.uniform(low, 1.0), 2)
    f = pt.function([low], pt.logp(rising, [0.0, 0.6, 1.2]), target="interp")
    np.testing.assert_allclose(f(0.5), norm(0, 0, 1) - 2 * np.log(0.5), rtol=1e-13)
    assert f(0.7) == -np.inf and np.isnan(f(np.nan))


def test_parameters_out_of_range():
    s = pt.scalar("s")
    outputs = {
        "walk": r.gaussian_random_walk(0.0, s, steps=2),
        "first": r.gaussian_random_walk(0.0, 1.0, init_dist=r.normal(0, s), steps=2),
        "ar": r.ar([0.5], s, steps=2),
        "garch": r.garch11(0.1, s, 0.5, 1.0, steps=2),
        "euler": r.euler_maruyama(s, pull, (1.0, 1.0), steps=2),
    }
    own = [pt.logp(x, np.zeros(3)) for x in outputs.values()]
    f = pt.function([s], [*own, *outputs.values()], target="interp", seed=1)
    found = f(-1.0)
    assert np.isneginf(found[:5]).all() and all(np.isnan(x).all() for x in found[5:])
    assert all(np.isfinite(x).all() for x in f(0.5))
    assert np.isnan(f(np.nan)[:5]).all()


def test_far_tails_of_vectors():
    law = MultivariateStudentT()
    x = pt.vector("x", shape=(2,))
    nu = pt.scalar("nu")
    y = law.logpdf(x, nu, pt.zeros(2), pt.eye(2))
    f = pt.function([x, nu], [y, pt.grad(y, x)], target="interp")
    for size in (1e-300, 1.0, 1e90, 1e110, 1e300):
        got, slope = f(size * np.array([0.6, -0.8]), 3.0)
        wanted = np.log(1 / (2 * np.pi)) - 2.5 * np.logaddexp(0.0, 2 * np.log(size) - np.log(3))
        np.testing.assert_allclose(got, wanted, rtol=1e-13)
        unit = np.array([0.6, -0.8]) * -5 / (size + 3 / size)
        np.testing.assert_allclose(slope, unit, rtol=1e-12)
    np.testing.assert_allclose(f([0.3, 2.0], 1e12)[0], joint([0.3, 2.0], [0, 0], np.eye(2)), 1e-11)


def test_predictions_of_longer_series():
    s = r.half_normal(1.0, name="s")
    x = r.gaussian_random_walk(0.0, s, init_dist=r.normal(0, 1), shape=5, name="x")
    posterior = pt.condition({r.normal(x, 1.0, name="y"): VALUES[:5]}, target="machine")
    idata = pt.sample(posterior, draws=20, tune=50, chains=1, seed=1, progress=False)
    ahead = x[-1] + r.gaussian_random_walk(0.0, s, init_dist=r.normal(0.0, s), steps=7)
    more = pt.deterministic(pt.concatenate([x, ahead]), name="more")
    found = pt.sample_posterior_predictive(idata, more, seed=2).posterior_predictive["more"]
    assert found.shape == (1, 20, 13)
    np.testing.assert_array_equal(found[..., :5], idata.posterior["x"])


REFUSED = {
    "nothing gives its length": lambda: r.gaussian_random_walk(0.0, 1.0, name="x"),
    "do not make shape=(4,)": lambda: r.gaussian_random_walk(steps=4, shape=4),
    "steps=-1 is below 0": lambda: r.garch11(0.1, 0.1, 0.1, 1.0, steps=-1),
    "does not hold 2 first values": lambda: r.ar([0.1, 0.2], shape=1),
    "must be a random variable made by pt.random, not 3.0": lambda: r.gaussian_random_walk(
        init_dist=3.0, steps=2),
    "init_dist of ar is called 'first'": lambda: r.ar(
        [0.1], init_dist=r.normal(0, 1, name="first"), steps=2),
    "init_dist of random_walk has a constraint": lambda: r.random_walk(
        r.normal(0, 1, constraint=pt.interval(low=0)), r.normal(0, 1), 2),
    "does not fit innovations by poisson": lambda: r.random_walk(r.normal(0, 1), r.poisson(1.0), 2),
    "cannot be added up": lambda: r.random_walk(r.poisson(1.0), r.categorical([0.5, 0.5]), 2),
    "give scale_tril or cov or tau, not neither": lambda: r.mv_gaussian_random_walk(0.0, steps=2),
    "does not fit a scale of shape (2, 2)": lambda: r.mv_gaussian_random_walk(
        np.zeros(3), cov=COV, steps=2),
    "rho of ar is a number": lambda: r.ar(0.5, steps=2),
    "rho has 2 lags, ar_order=3": lambda: r.ar([0.1, 0.2], ar_order=3, steps=2),
    "number of lags is not known": lambda: r.ar(pt.vector("rho"), steps=2),
    "last axis of init_dist has size 3, and rho has 2 lags": lambda: r.ar(
        [0.1, 0.2], init_dist=r.normal(np.zeros(3), 1), steps=2),
    "first values by poisson are no real numbers": lambda: r.ar(
        [0.1], init_dist=r.poisson(1.0), steps=2),
    "sigma of gaussian_random_walk 'x' must be a number > 0": lambda: r.gaussian_random_walk(
        0.0, -1.0, steps=2, name="x"),
    "alpha_1 of garch11 must be a number >= 0": lambda: r.garch11(0.1, -0.1, 0.1, 1.0, steps=2),
    "sde_fn gives ": lambda: r.euler_maruyama(0.1, lambda x: x, (), steps=2),
    "sde_fn reads k, which is none": lambda: r.euler_maruyama(
        0.1, lambda x: (pt.scalar("k") * x, 1.0), (), steps=2),
    "sde_pars is a tuple": lambda: r.euler_maruyama(0.1, pull, 3.0, steps=2),
    "is no function": lambda: r.euler_maruyama(0.1, 2.0, (), steps=2),
    "transition_matrix of gaussian_state_space must be a square": lambda: r.gaussian_state_space(
        np.zeros((2, 3)), cov=COV, steps=2),
    "of 3 states does not fit a scale of 2": lambda: r.gaussian_state_space(
        np.eye(3), cov=COV, steps=2),
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_errors_name_the_variable_and_the_line(text):
    with pytest.raises((GraphError, ValueError, TypeError), match=re.escape(text)) as caught:
        REFUSED[text]()
    lines = str(caught.value).splitlines()
    assert any("at " in line and "test_series.py" in line for line in lines) and len(lines) <= 8


def test_series_that_begin_at_a_known_value():
    """Their first values are no unknowns; forecasts begin at the last value that was seen."""
    start = r.normal(0, 1, name="start")
    x = r.gaussian_random_walk(0.1, 0.5, init_dist=r.dirac_delta(start), steps=3, name="x")
    y = r.ar([0.5, 0.2], init_dist=r.dirac_delta([1.0, -1.0]), steps=2, name="y")
    total = r.normal(pt.sum(x) + pt.sum(y), 1.0, name="total")
    posterior = pt.condition({total: 1.0}, target="interp")
    assert posterior.dim == 1 + 3 + 2
    q = RNG.normal(size=6)
    found = posterior.constrain(q)
    assert found["x"][0] == found["start"] and found["y"][:2].tolist() == [1, -1]
    np.testing.assert_allclose(posterior.unconstrain(found), q, rtol=1e-12)
    wanted = norm(found["start"], 0, 1) + by_ar(found["y"], [0.5, 0.2], 0, 1, lambda v: 0.0)
    wanted += norm(np.diff(found["x"]), 0.1, 0.5).sum()
    wanted += norm(1.0, found["x"].sum() + found["y"].sum(), 1)
    np.testing.assert_allclose(posterior.logp(q), wanted, rtol=1e-12)
    known = r.gaussian_random_walk(init_dist=r.dirac_delta(2.0), steps=3)
    drawn = pt.draw(known, draws=5, seed=1)
    assert (drawn[:, 0] == 2).all() and len(np.unique(drawn)) == 16
    assert pt.logp(known, [2.5, 2.0, 2.0, 2.0]).eval() == -np.inf
    with pytest.raises(GraphError, match="is a part of gaussian_random_walk 'z', and used"):
        first = r.normal(0, 1)
        z = r.gaussian_random_walk(init_dist=first, steps=2, name="z")
        pt.condition({r.normal(z, 1.0): np.zeros(3), r.normal(first, 1.0): 0.0})
