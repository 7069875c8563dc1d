"""Random variables in loops: densities of the sequences, models of them, draws, and errors."""

import pickle

import numpy as np
import pytest
from scipy import stats

import probtensor as pt
from probtensor.graph import GraphError, toposort
from probtensor.ops.kinds import Loop

r = pt.random
T = 6
VALUES = np.random.default_rng(5).normal(size=T)
COUNTS = np.array([0, 2, 1, 4, 1, 3])


def before(x, first=0.4):
    return np.concatenate([np.broadcast_to(first, (1, *np.shape(x)[1:])), x[:-1]])


def walk(first, mean, sigma, length=T, **options):
    """The sequence x[t] ~ normal(mean(x[t - 1]), sigma)."""

    def step(x, _):
        x = r.normal(mean(x), sigma, name="x")
        return x, x

    return pt.loop.scan(step, first, length=length, **options)[1]


def local_level(sigma, first=0.2, length=T):
    """A random walk, and counts of which it is the logarithm of the mean, in one body."""

    def step(level, _):
        level = r.normal(level, sigma, name="level")
        y = r.poisson(pt.exp(level), name="y")
        return level, (level, y)

    return pt.loop.scan(step, first, length=length)[1]


def loops_in(node):
    return sum(isinstance(x.op, Loop) for x in toposort([node]))


# Densities.


def garch(a, b, s):
    """The return of a step has the variance that follows from the step before."""

    def step(h, _):
        x = r.normal(0.0, pt.sqrt(h), name="x")
        return s + a * x**2 + b * h, x

    return pt.loop.scan(step, 1.0, length=T)[1]


def arma(a, b, s):
    """The mean reads the value and the error of the step before."""

    def step(x, error):
        mean = a * x + b * error
        x = r.normal(mean, s, name="x")
        return x, x - mean

    (x, _), _ = pt.scan(step, outputs_info=[0.4, 0.0], n_steps=T)
    return x


def window(a, b, s):
    """An autoregression of order two, whose carry is the window of the last two values."""

    def step(last, _):
        x = r.normal(pt.dot(pt.stack([a, b]), last), s, name="x")
        return pt.concatenate([x[None], last[:-1]]), x

    return pt.loop.scan(step, np.array([0.4, 0.1]), length=T)[1]


def taps(a, b, s):
    """The same, whose step reads the values by taps."""
    x, _ = pt.scan(
        lambda x2, x1: r.normal(a * x1 + b * x2, s, name="x"),
        outputs_info={"initial": [0.1, 0.4], "taps": [-2, -1]},
        n_steps=T,
    )
    return x


def explicit_garch(a, b, s, x):
    h, found = pt.as_tensor(1.0), []
    for k in range(T):
        found.append(h)
        h = s + a * x[k] ** 2 + b * h
    return pt.zeros(T), pt.sqrt(pt.stack(found))


def explicit_arma(a, b, s, x):
    last, error, found = pt.as_tensor(0.4), 0.0, []
    for k in range(T):
        found.append(a * last + b * error)
        last, error = x[k], x[k] - found[-1]
    return pt.stack(found), s


def shifted(x, *first):
    return pt.concatenate([pt.as_tensor(np.array(first)), x[: T - len(first)]])


def explicit_ar2(a, b, s, x):
    return a * shifted(x, 0.4) + b * shifted(x, 0.1, 0.4), s


CASES = {
    "autoregression": (
        lambda a, b, s: walk(0.4, lambda x: b + a * x, s),
        lambda a, b, s, x: (b + a * shifted(x, 0.4), s),
        0,
    ),
    "random walk with drift": (
        lambda a, b, s: pt.deterministic(walk(a, lambda x: x + b, s), name="named"),
        lambda a, b, s, x: (pt.concatenate([a[None], x[:-1]]) + b, s),
        0,
    ),
    "from the last step": (
        lambda a, b, s: walk(0.4, lambda x: a * x, s + b, reverse=True),
        lambda a, b, s, x: (a * pt.concatenate([x[1:], pt.as_tensor(np.array([0.4]))]), s + b),
        0,
    ),
    "garch": (garch, explicit_garch, 1),
    "arma": (arma, explicit_arma, 1),
    "window": (window, explicit_ar2, 1),
    "taps": (taps, explicit_ar2, 0),
}


def test_densities_are_those_of_the_steps_written_out(target):
    """The density of each step, its gradients with respect to parameters and values, and how many
    loops are left: none where a step reads nothing but values."""
    own = a, b, s, x = *map(pt.scalar, "abs"), pt.vector("x", shape=(T,))
    weights = np.linspace(0.5, 2.0, T)
    outputs = []
    for sequence, explicit, loops in CASES.values():
        density = pt.logp(sequence(a, b, s), x)
        mean, sigma = explicit(*own)
        assert loops_in(density) == loops
        by_hand = pt.logp(r.normal(mean, sigma, shape=T), x)
        for y in (density, by_hand):
            outputs += [y, *pt.grad(pt.sum(weights * y), own, disconnected_inputs="ignore")]
    f = pt.function(list(own), outputs, target=target)
    point = (0.6, 0.3, 0.7, VALUES)
    found = iter(f(*point))
    for name in CASES:
        ours, theirs = ([next(found) for _ in range(5)] for _ in range(2))
        for y, z in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(y, z, rtol=1e-12, atol=1e-12, err_msg=name)
        if name == "autoregression":
            exact = stats.norm.logpdf(VALUES, 0.3 + 0.6 * before(VALUES), 0.7)
            np.testing.assert_allclose(ours[0], exact, rtol=1e-12)


def test_the_value_may_be_of_any_length():
    u, y = pt.vector("u"), pt.vector("y")

    def step(x, u):
        x = r.normal(0.5 * x + u, 2.0)
        return x, x

    f = pt.function([u, y], pt.logp(pt.loop.scan(step, 0.4, u)[1], y), target="interp")
    for n in (T, 2, 1, 0):
        values, mean = VALUES[:n], 0.5 * before(VALUES)[:n] + VALUES[:n] ** 2
        found = f(VALUES[:n] ** 2, values)
        np.testing.assert_allclose(found, stats.norm.logpdf(values, mean, 2.0), rtol=1e-12)


def test_vectors_and_alternative_parameters():
    """Axes of steps come before all others; the check of a parameter in a step is one of all."""
    lower, matrix = np.array([[1.0, 0.0], [0.3, 0.5]]), np.array([[0.5, 0.1], [0.0, 0.7]])
    x, m = np.random.default_rng(1).normal(size=(T, 2)), pt.scalar("m")

    def vectors(x, _):
        x = r.multivariate_normal(pt.as_tensor(matrix) @ x, scale_tril=lower)
        return x, x

    def rows(x, _):
        x = r.normal(x, pt.exp(m), shape=2)  # a scale of fewer axes
        return x, x

    def positive(x, _):
        x = r.gamma(mu=m * x, sigma=1.5)
        return x, x

    given = [(vectors, np.ones(2), x), (rows, np.ones(2), x), (positive, 1.0, np.abs(VALUES))]
    sequences = [pt.logp(pt.loop.scan(f, first, length=T)[1], v) for f, first, v in given]
    f = pt.function([m], sequences, target="interp")
    found = f(0.7)
    last = np.vstack([np.ones(2), x[:-1]])
    exact = [
        stats.multivariate_normal.logpdf(a, matrix @ b, lower @ lower.T)
        for a, b in zip(x, last, strict=True)
    ]
    np.testing.assert_allclose(found[0], exact, rtol=1e-12)
    np.testing.assert_allclose(found[1], stats.norm.logpdf(x, last, np.exp(0.7)), rtol=1e-12)
    mean = 0.7 * before(np.abs(VALUES), 1.0)
    exact = stats.gamma.logpdf(np.abs(VALUES), mean**2 / 2.25, scale=2.25 / mean)
    np.testing.assert_allclose(found[2], exact, rtol=1e-12)
    assert np.all(f(-0.7)[2] == -np.inf)


def test_other_variables_of_the_loop_are_drawn():
    level, y = local_level(0.5)
    f = pt.function([], [pt.logp(y, COUNTS), level], seed=3, target="interp")
    density, drawn = f()
    np.testing.assert_allclose(density, stats.poisson.logpmf(COUNTS, np.exp(drawn)), rtol=1e-12)


# Models.


def test_a_model_is_that_of_the_vectorised_parameters(target):
    """An observed autoregression, and a walk that is free, against both written with arrays."""
    phi, sigma = r.uniform(-1, 1, name="phi"), r.half_normal(1, name="sigma")
    x = walk(0.4, lambda x: phi * x, sigma)
    x_by_hand = r.normal(phi * before(VALUES), sigma, name="x")
    y = local_level(sigma)[1]
    free = r.flat(shape=T, name="level")
    prior = pt.logp(r.normal(shifted(free, 0.2), sigma), free)
    y_by_hand = r.poisson(pt.exp(free), name="y")
    seen = {x: VALUES, y: COUNTS}
    ours = pt.condition(seen, target=target)
    theirs = pt.condition(
        {x_by_hand: VALUES, y_by_hand: COUNTS}, potentials=[prior], target=target
    )
    assert ours.names == ("phi", "sigma", "level") and not loops_in(ours.model.logp)
    values = {"phi": 0.3, "sigma": 0.8, "level": VALUES[::-1]}
    points = [p.unconstrain(values) for p in (ours, theirs)]
    for p, q in zip((ours, theirs), points, strict=True):
        assert p.terms(q).logp == pytest.approx(p.logp_and_grad(q)[0], rel=1e-12)
    (density, slope), (density_by_hand, by_hand) = map(by_entry, (ours, theirs), points)
    assert density == pytest.approx(density_by_hand, rel=1e-12)
    assert slope == pytest.approx(by_hand, rel=1e-12, abs=1e-12)


def by_entry(posterior, q):
    """The log density, and its slopes by the names of the entries of q."""
    value, slopes = posterior.logp_and_grad(q)
    return value, {posterior.variable_of(k): x for k, x in enumerate(slopes)}


def test_variables_may_depend_on_each_other_across_steps():
    """x on y of the step before, and y on x: each is normal given the values of the other."""

    def step(last, _):
        x, y = last
        new = r.normal(0.5 * y, 1.0, name="x"), r.normal(0.3 * x, 0.5, name="y")
        return new, new

    x, y = pt.loop.scan(step, (0.1, 0.2), length=T)[1]
    posterior = pt.condition({y: VALUES}, target="interp")
    q = VALUES[::-1].copy()
    exact = stats.norm.logpdf(q, 0.5 * before(VALUES, 0.2), 1.0).sum()
    exact += stats.norm.logpdf(VALUES, 0.3 * before(q, 0.1), 0.5).sum()
    assert posterior.names == ("x",)
    assert posterior.logp_and_grad(q)[0] == pytest.approx(exact, rel=1e-12)
    assert posterior.unconstrain({x: q}) == pytest.approx(q)


def test_loops_may_read_the_sequences_of_other_loops():
    """A stochastic volatility, whose returns are drawn in a loop over it, and observed beside."""
    h = walk(0.0, lambda x: 0.9 * x, 0.3)

    def step(x, h):
        x = r.normal(0.5 * x, pt.exp(h), name="x2")
        return x, 2 * x

    _, double = pt.loop.scan(step, 0.4, h)
    y = r.normal(double + h, 1.0, name="y")
    total = pt.deterministic(pt.sum(double), name="total")
    posterior = pt.condition({y: VALUES}, track=[total], target="interp")
    found = posterior.constrain(np.linspace(-1, 1, 2 * T))
    a, b = found["x"], found["x2"]
    exact = stats.norm.logpdf(a, 0.9 * before(a, 0.0), 0.3).sum()
    exact += stats.norm.logpdf(b, 0.5 * before(b), np.exp(a)).sum()
    exact += stats.norm.logpdf(VALUES, 2 * b + a, 1.0).sum()
    assert posterior.names == ("x", "x2")
    assert posterior.logp_and_grad(np.linspace(-1, 1, 2 * T))[0] == pytest.approx(exact, rel=1e-12)
    assert found["total"] == pytest.approx(2 * b.sum())


def test_a_recurrence_that_reads_counts():
    """The mean of a count follows from the mean and the count before it. Its loop is in the values
    and terms of the model, too."""
    a, b = r.half_normal(1, name="a"), r.half_normal(1, name="b")

    def step(mean, _):
        y = r.poisson(mean, name="y")
        return 0.5 + a * y + b * mean, (y, mean)

    y, mean = pt.loop.scan(step, 1.0, length=T)[1]
    mean = pt.deterministic(mean, name="mean")
    posterior = pt.condition({y: COUNTS}, track=[mean], target="interp")
    q = np.array([-0.5, -0.3])
    values, means, last = posterior.constrain(q), [], 1.0
    for count in COUNTS:
        means.append(last)
        last = 0.5 + values["a"] * count + values["b"] * last
    np.testing.assert_allclose(values["mean"], means, rtol=1e-12)
    exact = stats.poisson.logpmf(COUNTS, means).sum() + stats.halfnorm.logpdf(np.exp(q)).sum()
    assert posterior.logp_and_grad(q)[0] == pytest.approx(exact + q.sum(), rel=1e-12)
    assert posterior.terms(q).logp == pytest.approx(exact + q.sum(), rel=1e-12)


def test_variables_that_enter_a_carry_through_others():
    """Increments drawn with fixed parameters, between bounds from outside, and on a simplex."""
    scale = r.half_normal(1, name="scale")

    def step(level, _):
        z, u = r.normal(0, 1, name="z"), r.uniform(-scale, 1 + scale, name="u")
        w = r.dirichlet(np.ones(3), name="w")
        level = level + scale * z + u * w[0]
        return level, pt.deterministic(level, name="level")

    level = pt.loop.scan(step, 0.4, length=T)[1]
    posterior = pt.condition({r.normal(level, 1, name="y"): VALUES}, target="interp")
    assert posterior.dim == 1 + T + T + 2 * T
    q = np.random.default_rng(4).normal(size=posterior.dim)
    values = posterior.constrain(q)
    z, u, w, s = (values[name] for name in ("z", "u", "w", "scale"))
    mean = 0.4 + np.cumsum(s * z + u * w[:, 0])
    assert np.all((u > -s) & (u < 1 + s)) and w.sum(1) == pytest.approx(1)
    assert posterior.unconstrain(values) == pytest.approx(q)
    terms = {(t.name, t.what): t.value for t in posterior.terms(q).terms}
    assert terms["y", "the normal likelihood"] == pytest.approx(
        stats.norm.logpdf(VALUES, mean, 1).sum()
    )
    assert terms["z", "the normal prior"] == pytest.approx(stats.norm.logpdf(z).sum())
    assert terms["u", "the uniform prior"] == pytest.approx(-T * np.log(1 + 2 * s))
    assert sum(terms.values()) == pytest.approx(posterior.logp_and_grad(q)[0])


def test_loops_over_data_alone_are_values_of_models():
    u = pt.data(np.exp(VALUES), name="u")
    first = pt.loop.scan(lambda c, x: (pt.tanh(c * x), c), 0.4, pt.log(u))[1]
    m = r.normal(0, 1, name="m")
    posterior = pt.condition({r.normal(m + pt.exp(first), 1, name="y"): VALUES}, target="interp")
    c, means = 0.4, []
    for x in VALUES:
        means.append(0.2 + np.exp(c))
        c = np.tanh(c * x)
    exact = stats.norm.logpdf(VALUES, means, 1).sum() + stats.norm.logpdf(0.2)
    assert posterior.logp_and_grad(np.array([0.2]))[0] == pytest.approx(exact, rel=1e-12)
    assert posterior.terms(np.array([0.2])).logp == pytest.approx(exact, rel=1e-12)


def test_parameters_that_leave_their_range_in_a_step():
    m = r.normal(0, 1, name="m")

    def step(x, _):
        x = r.gamma(mu=m * x, sigma=1.5, name="x")
        return x, x

    x = pt.loop.scan(step, 1.0, length=T)[1]
    posterior = pt.condition({x: np.abs(VALUES)}, target="interp")
    assert posterior.logp_and_grad(np.array([-0.3]))[0] == -np.inf
    assert posterior.logp_and_grad(np.array([0.3]))[0] > -np.inf
    assert "mu of gamma 'x' must be a number > 0; entry [0] is -0.3" in posterior.diagnose([-0.3])


def test_new_data_names_of_axes_and_pickles():
    """An axis of steps that is a dim has its name; the number of steps is that of the data."""
    u = pt.data(VALUES, name="u", dims="time")
    scale = r.half_normal(1, name="scale", constraint=pt.interval(0, 2))

    def step(x, u):
        x = r.normal(0.5 * x + u, scale, name="x")
        return x, x

    x = pt.loop.scan(step, 0.4, u)[1]
    posterior = pt.condition({x: VALUES}, target="interp")
    q = np.array([0.1])
    sigma = posterior.constrain(q)["scale"]
    prior = posterior.terms(q).logp - posterior.terms(q).terms[-1].value
    for n in (T, 3):
        other = posterior.with_data({x: VALUES[:n], u: VALUES[:n]})
        exact = stats.norm.logpdf(VALUES[:n], 0.5 * before(VALUES[:n]) + VALUES[:n], sigma).sum()
        for p in (other, pickle.loads(pickle.dumps(other))):
            assert p.dims["x"] == ("time",)
            assert p.logp_and_grad(q)[0] == pytest.approx(exact + prior, rel=1e-12)


# Draws.


@pytest.fixture(scope="module")
def fitted():
    """A local level of 60 steps whose scale is free, simulated counts, and draws given these."""
    rng, scale = np.random.default_rng(2), 0.4
    truth = 2.0 + np.cumsum(scale * rng.normal(size=60))
    counts = rng.poisson(np.exp(truth))
    y = local_level(r.log_normal(-1.0, 0.3, name="sigma"), 2.0, 60)[1]
    posterior = pt.condition({y: counts})
    idata = pt.sample(posterior, draws=600, tune=400, chains=2, seed=1, progress=False)
    return posterior, idata, y, {"sigma": scale, "level": truth, "y": counts}


def test_sampling_recovers_what_was_simulated(fitted):
    posterior, idata, _, truth = fitted
    assert posterior.names == ("sigma", "level")
    draws = np.asarray(idata.posterior["level"]).reshape(-1, 60)
    inside = np.abs(draws.mean(0) - truth["level"]) < 2 * draws.std(0)
    assert inside.mean() > 0.85
    sigma = np.asarray(idata.posterior["sigma"])
    assert abs(sigma.mean() - truth["sigma"]) < 2.5 * sigma.std() and sigma.std() < 0.2


def test_draws_follow_the_steps(fitted):
    """Prior draws of level and counts, predictive draws given the level, and log densities."""
    posterior, idata, variable, truth = fitted
    prior = pt.sample_prior(posterior, draws=500, seed=1)
    level, y = np.asarray(prior.prior["level"])[0], np.asarray(prior.prior_predictive["y"])[0]
    steps = np.diff(level, axis=1, prepend=2.0) / np.asarray(prior.prior["sigma"])[0][:, None]
    assert abs(steps.mean()) < 0.03 and abs(steps.std() - 1) < 0.03
    errors = (y - np.exp(level)) / np.exp(level / 2)
    assert abs(errors.mean()) < 0.03 and abs(errors.std() - 1) < 0.03

    level, sigma = np.asarray(idata.posterior["level"]), np.asarray(idata.posterior["sigma"])
    found = pt.sample_posterior_predictive(idata, [variable], seed=1)
    errors = np.asarray(found.posterior_predictive["y"]) - np.exp(level)
    assert abs((errors / np.exp(level / 2)).mean()) < 0.03
    logs = pt.log_likelihood(posterior, idata)
    exact = stats.poisson.logpmf(truth["y"], np.exp(level))
    np.testing.assert_allclose(logs.log_likelihood["y"], exact, rtol=1e-9)
    last = np.concatenate([np.full((*level.shape[:2], 1), 2.0), level[:, :, :-1]], 2)
    exact = stats.norm.logpdf(level, last, sigma[..., None])
    np.testing.assert_allclose(logs.log_prior["level"], exact, rtol=1e-9)


def test_axes_of_steps_in_results():
    def step(x, _):
        x = r.normal(x, 1.0, name="x", dims="state")
        return x, x

    x = pt.loop.scan(step, pt.zeros(3), length=4)[1]
    posterior = pt.condition({r.normal(x, 1, name="y"): np.zeros((4, 3))}, target="interp")
    prior = pt.sample_prior(posterior, draws=2, seed=1).prior["x"]
    assert prior.dims == ("chain", "draw", "x_dim_0", "state") and prior.shape == (1, 2, 4, 3)


# Errors.


def uniform_between_steps():
    def step(x, _):
        x = r.uniform(0, 1 + x, name="x")
        return x, x

    return r.normal(pt.loop.scan(step, 1.0, length=T)[1], 1.0)


def nested():
    def inner(x, _):
        return walk(x, lambda x: x, 1.0, 3)[-1], None

    return r.normal(pt.loop.scan(inner, 0.0, length=2)[0], 1.0, shape=T)


def stopping():
    last = pt.loop.while_loop(lambda x: x < 3, lambda x: x + r.exponential(1.0, name="x"), 0.0)
    return r.normal(last, 1.0, shape=T)


def hidden_counts():
    def step(x, _):
        x = r.poisson(1 + x, name="x")
        return x.astype("float64"), x

    return r.normal(pt.loop.scan(step, 1.0, length=T)[1], 1.0)


def expression():
    return pt.cumsum(walk(0.4, lambda x: x, 1.0))


def walks_in_a_loop():
    return pt.loop.scan(lambda x, _: (x, walk(x, lambda x: x, 1.0, 3)), 0.0, length=2)[1]


def walk_until():
    def step(x):
        return r.normal(x, 1.0, name="x"), pt.until(x > 3)

    return pt.scan(step, outputs_info=0.0, n_steps=T)[0]


@pytest.mark.parametrize(
    "variable, text",
    [
        (uniform_between_steps, "uniform 'x' is free, and its bounds change from step to step"),
        (nested, "normal 'x' is made in a step of a loop within a step of another loop"),
        (stopping, "exponential 'x' is made in a loop that has no fixed number of steps"),
        (hidden_counts, "poisson 'x' is discrete and not observed, and it may be"),
        (expression, "is not a random variable, and its density is not derived"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_errors_name_the_line_in_the_step(variable, text):
    with pytest.raises(GraphError, match=text) as caught:
        pt.condition({variable(): VALUES})
    message = str(caught.value)
    assert "test_sequences.py" in message and len(message.splitlines()) <= 8


@pytest.mark.parametrize("variable", [walks_in_a_loop, walk_until])
def test_results_of_loops_without_a_density_say_which_have_one(variable):
    y = variable()
    with pytest.raises(GraphError, match="steps return a random variable itself") as caught:
        pt.logp(y, np.ones((2, 3) if y.ndim == 2 else T))
    message = str(caught.value)
    assert "test_sequences.py" in message and len(message.splitlines()) <= 8


def test_a_value_of_another_length():
    x = walk(0.4, lambda x: x, 1.0)
    with pytest.raises(GraphError, match=r"value has shape \(5,\), normal 'x' has \(6,\)"):
        pt.logp(x, VALUES[1:])
    with pytest.raises(GraphError, match=r"value has shape \(2, 6\), normal 'x' has \(6,\)"):
        pt.logp(x, np.zeros((2, T)))
    with pytest.raises(ValueError, match=r"normal 'x' needs shape \(6,\), the value has \(5,\)"):
        pt.condition({x: VALUES[1:]})
