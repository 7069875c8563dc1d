"""Log masses and densities with large counts and shapes, and in naive code, against mpmath.

A value may err by 1e-12 of itself, or by what rounding of an argument changes it by; a gradient by
1e-10. Textbook formulas, whose large parts cancel, lie outside that by orders of magnitude.
"""

import functools
import math

import mpmath as mp
import numpy as np
import pytest

import probtensor as pt
from probtensor.graph import toposort
from probtensor.testing.reference import evaluate_numpy

R, gammaln, betaln = pt.random, pt.special.gammaln, pt.special.betaln
mpf, lgamma, log, log1p = mp.mpf, mp.loggamma, mp.log, mp.log1p
DIGITS = 120


def times_log(a, b):
    return mpf(0) if a == 0 else a * log(b)


def choose(n, x):
    return lgamma(n + 1) - lgamma(x + 1) - lgamma(n - x + 1)


def negative_binomial(x, mu, alpha):
    ways = lgamma(x + alpha) - lgamma(alpha) - lgamma(x + 1)
    return ways + times_log(x, mu / (alpha + mu)) - alpha * log1p(mu / alpha)


def student_t(x, nu, sigma):
    scale = lgamma((nu + 1) / 2) - lgamma(nu / 2) - log(nu * mp.pi) / 2 - log(sigma)
    return scale - (nu + 1) / 2 * log1p((x / sigma) ** 2 / nu)


def beta_binomial(x, n, a, b):
    top = lgamma(x + a) + lgamma(n - x + b) - lgamma(n + a + b)
    return choose(n, x) + top - lgamma(a) - lgamma(b) + lgamma(a + b)


def gamma(x, a, b):
    return a * log(b) - lgamma(a) + (a - 1) * log(x) - b * x


def beta(x, a, b):
    powers = (a - 1) * log(x) + (b - 1) * log1p(-x)
    return powers - lgamma(a) - lgamma(b) + lgamma(a + b)


# Name: the log density as a graph, as mpmath has it, and the arguments it is differentiated by.
DISTRIBUTIONS = {
    "poisson": (lambda x, mu: pt.logp(R.poisson(mu), x),
                lambda x, mu: times_log(x, mu) - mu - lgamma(x + 1), (1,)),
    "poisson by log": (lambda x, eta: pt.logp(R.poisson(pt.exp(eta)), x),
                       lambda x, eta: x * eta - mp.exp(eta) - lgamma(x + 1), (1,)),
    "binomial": (lambda x, n, p: pt.logp(R.binomial(n, p), x),
                 lambda x, n, p: choose(n, x) + times_log(x, p) + times_log(n - x, 1 - p), (2,)),
    "binomial by logit": (lambda x, n, t: pt.logp(R.binomial(n, logit_p=t), x),
                          lambda x, n, t: choose(n, x) + x * t - n * log1p(mp.exp(t)), (2,)),
    "negative binomial": (lambda x, mu, alpha: pt.logp(R.negative_binomial(mu, alpha), x),
                          negative_binomial, (1, 2)),
    "negative binomial by log": (
        lambda x, eta, alpha: pt.logp(R.negative_binomial(pt.exp(eta), alpha), x),
        lambda x, eta, alpha: negative_binomial(x, mp.exp(eta), alpha), (1, 2)),
    "student t": (lambda x, nu, s: pt.logp(R.student_t(nu, 0.0, s), x), student_t, (0, 1, 2)),
    "gamma": (lambda x, a, b: pt.logp(R.gamma(a, b), x), gamma, (0, 1, 2)),
    "inverse gamma": (lambda x, a, b: pt.logp(R.inverse_gamma(a, b), x),
                      lambda x, a, b: gamma(1 / x, a, b) - 2 * log(x), (0, 1, 2)),
    "beta": (lambda x, a, b: pt.logp(R.beta(a, b), x), beta, (0, 1, 2)),
}  # fmt: skip


def exponents(rng, low, high, count):
    return 10.0 ** rng.uniform(low, high, count)


def arguments(name, count, seed=0):
    """Values and parameters up to 1e20; most values are likely ones, where large parts cancel."""
    rng = np.random.default_rng(seed)
    likely = rng.random(count) < 0.6
    near = np.abs(1 + rng.normal(size=count) * exponents(rng, -9, -0.5, count))
    counts = np.concatenate([[0, 1, 39], np.floor(exponents(rng, 0, 16, count - 3))])
    shapes, rates = exponents(rng, -10, 17, count), exponents(rng, -15, 15, count)
    if name.startswith(("poisson", "negative")):
        mean = np.where(likely, np.maximum(counts, 0.5) * near, rates)
        mean = np.log(mean) if "log" in name else mean
        alpha = (exponents(rng, -10, 20, count),) if name[0] == "n" else ()
        return counts, mean, *alpha
    if name.startswith("binomial"):
        x = np.floor(counts * np.where(likely, rng.random(count), rng.integers(0, 2, count)))
        p = np.where(likely, (x + 0.3) / (counts + 0.6) * near, rng.random(count))
        p = np.clip(p, 1e-12, 1 - 1e-9)
        return x, counts, np.log(p / (1 - p)) if "logit" in name else p
    if name == "student t":
        z = exponents(rng, -10, 100, count) * rng.choice([-1, 1], count)
        return np.where(likely, rng.normal(size=count), z), exponents(rng, -3, 20, count), near
    if "gamma" in name:
        x = np.where(likely, shapes / rates * near, exponents(rng, -15, 15, count))
        return 1 / x if name[0] == "i" else x, shapes, rates
    a = exponents(rng, -5, 17, count)
    b = a * exponents(rng, -2, 2, count)
    x = np.where(likely, a / (a + b) * (1 + 0.1 * rng.normal(size=count) / np.sqrt(1 + a)), 0.3)
    return np.clip(x, 1e-200, 1 - 1e-12), a, b


def slope(f, at, k, order=1):
    """The derivative of f by its k-th argument."""
    step = mpf(10) ** (-40 if order == 1 else -20) * (abs(at[k]) or 1)
    up, down = ([*at[:k], at[k] + s, *at[k + 1 :]] for s in (step, -step))
    if order == 1:
        return (f(*up) - f(*down)) / (2 * step)
    return (f(*up) + f(*down) - 2 * f(*at)) / step**2


def error(got, f, at):
    """|got - f| over |f| and what rounding of arguments changes f by."""
    value = f(*at)
    scale = abs(value) + sum(abs(x * slope(f, at, k)) for k, x in enumerate(at) if x)
    return float(abs(mpf(float(got)) - value) / (scale + mpf(10) ** -300))


def curved(f, k, order=1):
    return functools.partial(lambda k, *at: slope(f, list(at), k, order), k)


def check(graph, exact, wrt, columns, target="interp", second=True):
    """Value, gradient and second derivatives over rows of arguments."""
    inputs = [pt.vector(f"x{k}", shape=(len(columns[0]),)) for k in range(len(columns))]
    value = graph(*inputs)
    first = pt.grad(pt.sum(value), [inputs[k] for k in wrt])
    outputs = [value, *first]
    if second:
        outputs += [pt.grad(pt.sum(g), inputs[k]) for g, k in zip(first, wrt, strict=True)]
    found = pt.function(inputs, outputs, target=target)(*columns)
    with mp.workdps(DIGITS):
        for row, at in enumerate(zip(*columns, strict=True)):
            at = [mpf(float(x)) for x in at]
            assert error(found[0][row], exact, at) < 1e-12, (at, found[0][row], exact(*at))
            for place, k in enumerate(wrt, 1):
                own = curved(exact, k)
                assert error(found[place][row], own, at) < 1e-10, (k, at, found[place][row])
                if second:
                    got, meant = found[place + len(wrt)][row], slope(exact, at, k, 2)
                    steep = abs(own(*at) / (at[k] or 1)) + abs(exact(*at) / (at[k] or 1) ** 2)
                    assert abs(got - meant) <= 1e-8 * (abs(meant) + steep), (k, at, got, meant)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_value_and_derivatives(name):
    check(*DISTRIBUTIONS[name], arguments(name, 24))


@pytest.mark.slow
@pytest.mark.parametrize("target", ["interp", "cython"])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_value_and_derivatives_on_a_large_grid(name, target):
    check(*DISTRIBUTIONS[name], arguments(name, 240, seed=1), target=target)


def test_compiled_negative_binomial():
    check(
        *DISTRIBUTIONS["negative binomial by log"],
        arguments("negative binomial by log", 40),
        "cython",
    )


def test_textbook_formulas_are_found_wanting():
    def textbook(x, mu, alpha):
        d = pt.log(mu) - pt.log(alpha)
        # As data of three rows, so that no rule sees one difference.
        parts = pt.stack([pt.lgamma(x + alpha), -pt.lgamma(alpha), -pt.lgamma(x + 1)])
        return x * d - (x + alpha) * pt.softplus(d) + pt.sum(parts, axis=0)

    _, exact, wrt = DISTRIBUTIONS["negative binomial"]
    with pytest.raises(AssertionError):
        check(textbook, exact, wrt, arguments("negative binomial", 24))


FLOAT32 = {
    "negative binomial": (39, 54.6, 1e20), "poisson": (1e6, 1.001e6), "student t": (1.5, 1e10, 1.0),
    "gamma": (1.001, 1e6, 1e6), "beta": (0.5005, 1e6, 1e6), "binomial": (5e5, 1e6, 0.5005),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOAT32)
def test_float32(name):
    graph, exact, wrt = DISTRIBUTIONS[name]
    at = [np.float32(x) for x in FLOAT32[name]]
    inputs = [pt.scalar(f"x{k}", dtype="float32") for k in range(len(at))]
    value = graph(*inputs)
    outputs = [value, *pt.grad(value, [inputs[k] for k in wrt])]
    found = pt.function(inputs, outputs, target="interp")(*at)
    with mp.workdps(DIGITS):
        at = [mpf(float(x)) for x in at]
        for got, f in zip(found, [exact, *(curved(exact, k) for k in wrt)], strict=True):
            assert got.dtype == "float32" and error(got, f, at) < 2e-6, (name, got, f(*at))


def by_odds(x, t, n):
    return pt.logp(R.negative_binomial(n=n, p=pt.sigmoid(t)), x)


def by_odds_exactly(x, t, n):
    return negative_binomial(x, n * mp.exp(-t), n)


# Counts far from their mean: the logarithm of one over the other has a rounding in float32 that is
# 30 times that of a float, and the log mass is as many times the count.
LAWS_OF_FLOAT32 = {**DISTRIBUTIONS, "negative binomial by odds": (by_odds, by_odds_exactly, (1, 2))}
FAR_IN_FLOAT32 = {
    "binomial by logit": lambda rng, n: (0 * n, n, rng.normal(size=n.size)),
    "poisson by log": lambda rng, n: (n, rng.normal(size=n.size)),
    "negative binomial": lambda rng, n: (n, *rng.uniform(0.1, 9, (2, n.size))),
    "negative binomial by log": lambda rng, n: (n, rng.normal(size=n.size), 0 * n + 7.0),
    # A slope here is the difference of two of the size of the counts.
    "negative binomial by odds": lambda rng, n: (np.sqrt(n) // 1, rng.normal(size=n.size),
                                                 0 * n + 7.0),
}  # fmt: skip


@pytest.mark.parametrize("name", FAR_IN_FLOAT32)
def test_float32_far_from_the_mean(name):
    rng = np.random.default_rng(5)
    graph, exact, wrt = LAWS_OF_FLOAT32[name]
    columns = FAR_IN_FLOAT32[name](rng, np.floor(exponents(rng, 9, 15, 40)))
    columns = [np.asarray(c, "float32") for c in columns]
    inputs = [pt.vector(f"x{k}", dtype="float32", shape=(40,)) for k in range(len(columns))]
    value = graph(*inputs)
    outputs = [value, *pt.grad(pt.sum(value), [inputs[k] for k in wrt])]
    found = pt.function(inputs, outputs, target="interp")(*columns)
    with mp.workdps(DIGITS):
        for row, at in enumerate(zip(*columns, strict=True)):
            at = [mpf(float(x)) for x in at]
            for got, f in zip(found, [exact, *(curved(exact, k) for k in wrt)], strict=True):
                assert got.dtype == "float32" and error(got[row], f, at) < 3e-7, (at, got[row])


# Limits.


def at(graph, *values):
    inputs = [pt.scalar(f"x{k}") for k in range(len(values))]
    return float(evaluate_numpy([graph(*inputs)], dict(zip(inputs, values, strict=True)))[0])


def test_limit_laws():
    poisson = at(lambda mu: pt.logp(R.poisson(mu), 39), 54.598)
    for alpha in (1e16, 6e16, 1e20, 1e100):
        found = at(lambda mu, a: pt.logp(R.negative_binomial(mu, a), 39), 54.598, alpha)
        assert np.isclose(found, poisson, rtol=1e-14)
    normal = at(lambda x: pt.logp(R.normal(0.0, 2.0), x), 3.0)
    for nu in (1e16, 1e20, 1e100):
        found = at(lambda x, nu: pt.logp(R.student_t(nu, 0.0, 2.0), x), 3.0, nu)
        assert np.isclose(found, normal, rtol=1e-14)


@pytest.mark.parametrize("target", ["interp", "cython"])
def test_posterior_of_a_dispersion_without_end(target):
    alpha, mu = R.half_flat(name="alpha"), R.half_flat(name="mu")
    y = R.negative_binomial(mu, alpha, shape=4, name="y")
    counts = np.array([39, 55, 60, 48])
    posterior = pt.condition({y: counts}, target=target)
    with mp.workdps(DIGITS):
        for q in ((4.0, 20.0), (4.0, 30.0), (3.9, 40.0), (4.0, 46.0), (4.0, 1.0)):

            def density(eta, a):
                terms = (negative_binomial(mpf(int(x)), mp.exp(eta), mp.exp(a)) for x in counts)
                return sum(terms) + eta + a

            order = [posterior.names.index(name) for name in ("mu", "alpha")]
            place = np.empty(2)
            place[order] = q
            value, gradient = posterior.logp_and_grad(place)
            exact = [mpf(x) for x in q]
            assert np.isclose(value, float(density(*exact)), rtol=1e-13)
            for k in range(2):
                meant = float(slope(density, exact, k))
                assert np.isclose(gradient[order[k]], meant, rtol=1e-12, atol=1e-13)


# Naive code.


def by_probability(y, mu, a):
    p = a / (a + mu)
    return gammaln(y + a) - (gammaln(y + 1) + gammaln(a)) + a * pt.log(p) + y * pt.log(1 - p)


NAIVE = {
    "negative binomial": (
        lambda y, mu, a: gammaln(y + a) - gammaln(a) - gammaln(y + 1)
        + a * pt.log(a / (a + mu)) + y * pt.log(mu / (mu + a)), negative_binomial,
        [(39, 54.598, alpha) for alpha in (1.0, 1e8, 1e15, 1e20)]),
    "negative binomial by probability": (
        by_probability, negative_binomial, [(39, 54.598, alpha) for alpha in (1.0, 1e15, 1e20)]),
    "beta-binomial": (
        lambda x, n, a, b: gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
        + betaln(x + a, n - x + b) - betaln(a, b), beta_binomial,
        [(3, 10, 2.0, 5.0), (3, 10, 2e10, 5e10), (3, 10, 2e20, 5e20)]),
    "beta-binomial of log gammas": (
        lambda x, n, a, b: gammaln(a + b) + gammaln(x + a) - gammaln(a) + choose_graph(n, x)
        + gammaln(n - x + b) - gammaln(b) - gammaln(n + a + b), beta_binomial,
        [(3, 10, 2.0, 5.0), (3, 10, 2e10, 5e10), (3, 10, 2e15, 5e15)]),
    "binomial coefficient": (
        lambda n, x: 1.5 + gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1),
        lambda n, x: 1.5 + choose(n, x), [(10.0, 3.0), (1e15, 3.0), (1e15, 4e14)]),
    "student t": (
        lambda x, nu, s: gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * pt.log(np.pi * nu)
        - pt.log(s) - (nu + 1) / 2 * pt.log(1 + (x / s) ** 2 / nu), student_t,
        [(1.3, 3.0, 1.0), (1.3, 1e10, 1.0), (1.3, 1e20, 2.0)]),
    "digamma": (lambda x, n: n + pt.digamma(x + n) - pt.digamma(x),
                lambda x, n: n + mp.digamma(x + n) - mp.digamma(x), [(2.0, 3.0), (1e15, 1e-3)]),
}  # fmt: skip


def choose_graph(n, x):
    return gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)


@pytest.mark.parametrize("name", NAIVE)
def test_naive_code(name):
    graph, exact, rows = NAIVE[name]
    inputs = [pt.scalar(f"x{k}") for k in range(len(rows[0]))]
    value = graph(*inputs)
    f = pt.function(inputs, [value, *pt.grad(value, inputs)], target="interp")
    with mp.workdps(DIGITS):
        for row in rows:
            found, at = f(*row), [mpf(float(x)) for x in row]
            assert abs(found[0] - exact(*at)) < 2e-12 * (1 + abs(exact(*at))), (row, found[0])
            for k, x in enumerate(row):
                # In units of the argument's own size, as a sampler sees a logarithm of it.
                meant = slope(exact, at, k)
                assert abs(found[k + 1] - meant) * x < 1e-12 * (1 + abs(meant * x)), (row, k)


def test_dirichlet_multinomial_as_sums():
    x, a = pt.vector("x", shape=(3,)), pt.vector("a", shape=(3,))
    n, total = pt.sum(x), pt.sum(a)
    top = pt.sum(gammaln(x + a)) - pt.sum(gammaln(a))
    value = gammaln(n + 1) - pt.sum(gammaln(x + 1)) + gammaln(total) - gammaln(n + total) + top
    f = pt.function([x, a], value, target="interp")
    counts = np.array([3.0, 5.0, 2.0])
    for scale in (1.0, 1e8, 1e15):
        shares = scale * np.array([1.0, 2.0, 1.5])
        with mp.workdps(DIGITS):
            ways = lgamma(mpf(11)) - sum(lgamma(mpf(c) + 1) for c in counts)
            whole = mp.fsum(map(mpf, shares))
            top = sum(lgamma(mpf(c) + mpf(s)) - lgamma(mpf(s)) for c, s in zip(counts, shares))
            meant = float(ways + top + lgamma(whole) - lgamma(whole + 10))
        assert np.isclose(f(counts, shares), meant, rtol=1e-12)


# Edges.

INF = np.inf
MASSES = {
    "all successes": (lambda: R.negative_binomial(n=3.0, p=1.0), [0, 1], [0.0, -INF]),
    "no rate": (lambda: R.poisson(0.0), [0, 3], [0.0, -INF]),
    "no chance": (lambda: R.binomial(5, 0.0), [0, 1, 5], [0.0, -INF, -INF]),
    "certain": (lambda: R.binomial(5, 1.0), [0, 4, 5], [-INF, -INF, 0.0]),
    "certain by logit": (lambda: R.binomial(5, logit_p=INF), [0, 4, 5], [-INF, -INF, 0.0]),
    "no trials": (lambda: R.binomial(0, 0.3), [0], [0.0]),
}


@pytest.mark.parametrize("name", MASSES)
@pytest.mark.parametrize("symbolic", [False, True])
def test_masses_at_the_ends_of_parameters(name, symbolic):
    make, values, expected = MASSES[name]
    x = pt.vector("x", shape=(len(values),))
    if symbolic:
        found = evaluate_numpy([pt.logp(make(), x)], {x: np.array(values, float)})[0]
    else:
        found = evaluate_numpy([pt.logp(make(), np.array(values))], {})[0]
    np.testing.assert_array_equal(found, expected)


def test_an_infinite_rate_has_no_mass():
    mu = pt.scalar("mu")
    found = evaluate_numpy([pt.logp(R.poisson(mu), np.array([0, 4]))], {mu: INF})[0]
    assert (found == -INF).all()


def test_densities_at_the_ends_of_their_support():
    a, b = pt.scalar("a"), pt.scalar("b")
    points = np.array([0.0, 0.5])
    for alpha, meant in ((0.5, INF), (1.0, np.log(3.0)), (2.0, -INF)):
        found = evaluate_numpy([pt.logp(R.gamma(a, b), points)], {a: alpha, b: 3.0})[0]
        assert np.isclose(found[0], meant) and np.isfinite(found[1])
    ends = evaluate_numpy([pt.logp(R.beta(a, b), np.array([0.0, 1.0]))], {a: 1.0, b: 3.0})[0]
    assert np.isclose(ends[0], np.log(3.0)) and ends[1] == -INF


SAMPLES = {
    "gamma": (lambda a, b: R.gamma(a, b, shape=9, name="y"), gamma, [0.2, 1.5, 3.0]),
    "inverse gamma": (lambda a, b: R.inverse_gamma(a, b, shape=9, name="y"),
                      lambda x, a, b: gamma(1 / x, a, b) - 2 * log(x), [0.2, 1.5, 3.0]),
    "beta": (lambda a, b: R.beta(a, b, shape=9, name="y"), beta, [0.2, 0.5, 0.7]),
    "poisson": (lambda a, b: R.poisson(a * b, shape=9, name="y"),
                lambda x, a, b: x * log(a * b) - a * b - lgamma(x + 1), [0, 4, 7]),
    "binomial": (lambda a, b: R.binomial(np.arange(8, 17), a / (a + b), name="y"), None, [0, 4, 7]),
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_sums_over_data_by_sufficient_statistics(name):
    """The density of data with scalar parameters reads a few numbers, not all data."""
    make, exact, values = SAMPLES[name]
    a, b = pt.random.half_flat(name="a"), pt.random.half_flat(name="b")
    data = np.array(values * 3)
    y = make(a, b)
    posterior = pt.condition({y: data}, target="interp")
    q = np.array([0.3, 0.8])
    A, B = np.exp(q)
    if posterior.names.index("a"):
        A, B = B, A
    if exact is None:
        meant = sum(
            float(choose(n, x) + times_log(x, A / (A + B)) + times_log(n - x, B / (A + B)))
            for n, x in zip(range(8, 17), values * 3, strict=True)
        )
    else:
        meant = sum(float(exact(mpf(x), mpf(A), mpf(B))) for x in data.tolist())
    assert np.isclose(posterior.logp(q), meant + q.sum(), rtol=1e-12)
    sizes = [
        node.shape
        for node in toposort([*posterior.function.program.outputs])
        if node.op.name not in ("input", "cast")
    ]
    # Counts whose rate is known by its logarithm are summed over the distinct ones.
    few = [n for shape in sizes for n in shape if not str(n).startswith("distinct")]
    assert all(n <= 2 for n in few), sizes


def test_tails_of_mixtures_over_probabilities():
    """Sums of up to 1e15 masses: beside sums in mpmath, and closed forms; with derivatives."""
    x, n, a, b = inputs = [pt.vector(name) for name in "xnab"]
    first, second = R.beta_binomial(n, a, b), R.beta_negative_binomial(a, b, n)
    outs = [f(v, x) for v in (first, second) for f in (pt.logcdf, pt.logccdf)]
    slopes = [pt.grad(pt.sum(outs[0]), a), pt.grad(pt.sum(outs[3]), a)]
    f = pt.function(inputs, [*outs, *slopes], target="machine")
    rows, exact = [], []
    with mp.workdps(60):
        for trials, alpha, beta in ((3000, 0.3, 0.4), (3000, 2e4, 3e3), (3000, 5.0, 1e-4)):
            at = (mpf(trials), mpf(alpha), mpf(beta))
            masses = [mp.exp(beta_binomial(mpf(j), *at)) for j in range(trials + 1)]
            for count in (0, 1500, 2600, 2999):
                tails = mp.fsum(masses[: count + 1]), mp.fsum(masses[count + 1 :])
                rows.append((count, trials, alpha, beta))
                exact.append([float(log(t)) for t in tails])
        # Uniform counts, of any number.
        rows += [(3.0, 1e15, 1.0, 1.0), (1e15 - 9, 1e15, 1.0, 1.0)]
        exact += [[math.log(4e-15), -4e-15], [-9e-15, math.log(9e-15)]]
        # One success of a probability with beta(a, 1).
        for count, alpha in ((0, 0.01), (70, 1e-9), (1e6, 3.0), (1e12, 0.01), (1e4, 500.0)):
            above = mp.loggamma(count + 2) + mp.loggamma(1 + mpf(alpha))
            above -= mp.loggamma(count + 2 + mpf(alpha))
            rows.append((count, 1.0, alpha, 1.0))
            exact.append([float(log(-mp.expm1(above))), float(above)])
    # A count of n = 1 trial is of the second one alone.
    own = np.array([row[1] > 1 for row in rows])
    found = np.array(f(*np.array(rows, float).T))
    got = np.where(own, found[:2], found[2:4]).T
    np.testing.assert_allclose(got, exact, rtol=1e-12, atol=1e-50)
    at = np.array([[1500.0], [3000.0], [0.3], [0.4]])
    step = 1e-6 * np.array([[0.0], [0.0], [1.0], [0.0]])
    up, down, slope = f(*(at + step)), f(*(at - step)), f(*at)
    for k, j in ((0, 4), (3, 5)):
        np.testing.assert_allclose(slope[j], (up[k] - down[k]) / 2e-6, rtol=1e-7)
