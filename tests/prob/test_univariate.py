"""Tails by quadrature, quantiles by search, angles, urns, and what else univariate distributions
have beyond the tables that the other tests read."""

import importlib
import math
from functools import partial

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy import special, stats

import probtensor as pt
from tests.prob.distributions import DISTRIBUTIONS

R = pt.random
DIGITS = 30


def run(*nodes, inputs=(), at=()):
    with np.errstate(all="ignore"):
        return pt.function(list(inputs), list(nodes), target="machine")(*at)


def tails(variable, x):
    return run(pt.logcdf(variable, x), pt.logccdf(variable, x))


# Angles.


def log_arc(low, high, mu, kappa, skewness):
    """By mpmath, beside the largest value of the density on the arc."""
    low, high, mu = mpf(low), mpf(high), mpf(mu)
    turns = [mu + 2 * mp.pi * k for k in (-1, 0, 1)]
    top = max([mp.cos(low - mu), mp.cos(high - mu)] + [mpf(1) for t in turns if low < t < high])
    scale = 1 / mp.sqrt(1 + kappa)
    places = [t + k * scale for t in turns for k in (-8, -4, -2, -1, 0, 1, 2, 4, 8)]
    places += [y + k / (1 + mpf(kappa)) for y in (low, high) for k in (-60, -20, -5, 5, 20, 60)]
    ends = [low, *sorted(t for t in places if low < t < high), high]
    whole = mp.quad(
        lambda t: mp.exp(kappa * (mp.cos(t - mu) - top)) * (1 + skewness * mp.sin(t - mu)), ends
    )
    return float(mp.log(whole / (2 * mp.pi * mp.besseli(0, kappa))) + kappa * top)


@pytest.mark.parametrize(
    ("mu", "kappa", "skewness"),
    [
        (0.3, 2.0, 0.0), (-3.0, 300.0, 0.0), (3.0, 5.0, 1.0),
        pytest.param(0.0, 0.0, 0.0, marks=pytest.mark.slow),
        pytest.param(0.5, 40.0, -0.8, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_arcs_have_their_probability_in_both_tails(mu, kappa, skewness):
    x = np.array([-3.0, -1.1, 0.2, 0.6, 2.9])
    variable = R.sine_skewed_von_mises(mu, kappa, skewness) if skewness else R.von_mises(mu, kappa)
    below, above = tails(variable, x)
    with mp.workdps(DIGITS):
        for k, y in enumerate(x):
            exact = (log_arc(-math.pi, y, mu, kappa, skewness),
                     log_arc(y, math.pi, mu, kappa, skewness))  # fmt: skip
            np.testing.assert_allclose((below[k], above[k]), exact, rtol=3e-14, atol=1e-14)
    levels = np.array([-300.0, -3.0, -0.8])
    kind, own = variable.op.distribution, variable.inputs
    lower, upper = run(kind.lower_quantile(pt.as_tensor(levels), *own),
                       kind.upper_quantile(pt.as_tensor(levels), *own))  # fmt: skip
    near = np.abs(np.abs([lower, upper]) - math.pi) > 1e-3  # where floats resolve the distance
    found = np.stack([tails(variable, lower)[0], tails(variable, upper)[1]])
    np.testing.assert_allclose(found[near], np.stack([levels] * 2)[near], rtol=1e-12)


def test_draws_of_angles_move_with_their_parameters():
    mu, kappa, q = pt.scalar("mu"), pt.scalar("kappa"), pt.scalar("q")
    x = pt.icdf(R.von_mises(mu, kappa), q)
    slopes = pt.grad(x, [mu, kappa])
    f = pt.function([q, mu, kappa], [x, *slopes, pt.grad(slopes[1], kappa)], target="machine")
    at, step = np.array([0.2, 0.3, 2.0]), 1e-4
    x, by_mu, by_kappa, second = f(*at)
    moves = [[f(*(at + s * step * np.eye(3)[k])) for s in (1, -1)] for k in (1, 2)]
    differences = [(up[0] - down[0]) / (2 * step) for up, down in moves]
    np.testing.assert_allclose((by_mu, by_kappa), differences, rtol=1e-7)
    up, down = moves[1]
    np.testing.assert_allclose(second, (up[2] - down[2]) / (2 * step), rtol=1e-6)


def test_circular_variance_and_entropy_of_concentrated_angles():
    kappa = np.array([1e-9, 2.0, 499.0, 501.0, 1e9])
    v = R.von_mises(0.0, kappa)
    spread, entropy = run(pt.variance(v), pt.entropy(v))
    with mp.workdps(60):
        rests = [1 - mp.besseli(1, mpf(k)) / mp.besseli(0, mpf(k)) for k in kappa[:-1]]
        norms = [mp.log(2 * mp.pi * mp.besseli(0, mpf(k))) - k for k in kappa[:-1]]
        exact = [float(n + k * r) for n, k, r in zip(norms, kappa, rests)]
    far = 5e-10 + 1.25e-19
    np.testing.assert_allclose(spread, [*map(float, rests), far], rtol=1e-12)
    normal = 0.5 * math.log(2 * math.pi * math.e / 1e9)
    np.testing.assert_allclose(entropy, [*exact, normal], rtol=1e-9)


# Tails of the skew normal and of Rice.


def slope_of_owens_t(h, a, x):
    return mp.exp(-h * h * (x * x - a * a) / 2) / (1 + x * x)


def test_tails_of_the_skew_normal_are_exact():
    z = np.array([-38.0, -20.0, -3.0, -1e-3, 0.0, 2.0, 6.1, 20.0, 38.0])
    below, above = tails(R.skew_normal(0.0, 1.0, 1.0), z)
    # The larger one of two normals.
    np.testing.assert_allclose(below, 2 * special.log_ndtr(z), rtol=3e-14, atol=1e-300)
    upper = special.log_ndtr(-z) + np.log1p(special.ndtr(z))
    np.testing.assert_allclose(above, upper, rtol=3e-14, atol=1e-170)
    for slant, y in ((0.3, -36.0), (5.0, -3.0), (1e6, -1.5e-5), (1e6, -1e-3), (1e3, -1.0)):
        with mp.workdps(DIGITS):
            h, a = -mpf(y), mpf(slant)
            step = 1 / (h * h * a + 1 / (a + 1) + h)
            ends = [a + step * k for k in range(0, 64, 2)] + [a + step * 200, a + step * 5000]
            share = mp.quad(partial(slope_of_owens_t, h, a), ends)
            exact = float(mp.log(share / mp.pi) - h * h * (1 + a * a) / 2)
        lower = tails(R.skew_normal(0.0, 1.0, slant), y)[0]
        mirrored = tails(R.skew_normal(0.0, 1.0, -slant), -y)[1]
        np.testing.assert_allclose((lower, mirrored), exact, rtol=1e-13)
    at_zero = tails(R.skew_normal(0.0, 1.0, 1e6), 0.0)[0]
    np.testing.assert_allclose(at_zero, math.log(math.atan(1e-6) / math.pi), rtol=1e-14)


def test_tails_of_rice_are_exact():
    z = np.array([1e-8, 0.3, 1.0, 1.2, 5.0, 37.0])
    below, above = tails(R.rice(0.0, 1.0), z)
    np.testing.assert_allclose(above, -0.5 * z**2, rtol=1e-14)
    wanted = np.where(z < 2, np.log(-np.expm1(-0.5 * z**2)), np.log1p(-np.exp(-0.5 * z**2)))
    np.testing.assert_allclose(below, wanted, rtol=1e-13, atol=1e-290)
    z, offset = np.array([0.2, 2.0, 3.1, 9.0]), 3.0
    found = tails(R.rice(offset, 1.0), z)
    noncentral = stats.ncx2(2, offset**2)
    np.testing.assert_allclose(found[0], noncentral.logcdf(z**2), rtol=1e-9)
    np.testing.assert_allclose(found[1], noncentral.logsf(z**2), rtol=1e-9)


SEARCHED = [
    R.rice(0.0, 2.0), R.rice(3.0, 0.5), R.wald(2.0, 3.0, 0.5), R.wald(1.0, 1e8),
    R.ex_gaussian(0.5, 1.2, 2.0), R.ex_gaussian(0.0, 1.0, 1e-6), R.ex_gaussian(0.0, 1e-9, 3.0),
    R.skew_normal(0.5, 1.2, -2.0), R.skew_normal(0.0, 1.0, 1e5),
]  # fmt: skip


def test_quantiles_by_search_invert_the_tails():
    levels = np.array([-690.0, -3.0, -0.7])
    p = pt.as_tensor(levels)
    pairs = [(v, v.op.distribution.lower_quantile(p, *v.inputs),
              v.op.distribution.upper_quantile(p, *v.inputs)) for v in SEARCHED]  # fmt: skip
    nodes = [y for v, low, high in pairs
             for y in (pt.logcdf(v, low), pt.logccdf(v, high), pt.logp(v, low), low)]  # fmt: skip
    found = run(*nodes)
    for k in range(len(pairs)):
        below, above, density, x = found[4 * k : 4 * k + 4]
        # A rounding of the quantile moves the log of the tail by so much.
        steep = np.abs(x) * np.exp(density - levels)
        assert (np.abs(below - levels) <= 1e-13 * (1 - levels + 10 * steep)).all(), k
        np.testing.assert_allclose(above, levels, rtol=1e-6 if k in (3,) else 1e-11)


def test_quantiles_by_search_have_derivatives():
    mu, lam, q = pt.scalar("mu"), pt.scalar("lam"), pt.scalar("q")
    x = pt.icdf(R.wald(mu, lam), q)
    f = pt.function([q, mu, lam], [x, *pt.grad(x, [q, mu, lam])], target="machine")
    at, step = np.array([0.3, 2.0, 3.0]), 1e-5
    found = f(*at)
    steps = [[f(*(at + s * step * np.eye(3)[k]))[0] for s in (1, -1)] for k in range(3)]
    np.testing.assert_allclose(found[1:], [(a - b) / (2 * step) for a, b in steps], rtol=1e-7)
    np.testing.assert_allclose(found[0], stats.invgauss(2 / 3, scale=3).ppf(0.3), rtol=1e-9)


# Urns and points.


def test_masses_and_tails_of_large_urns():
    N, k, n = 50_000, 20_000, 10_000
    x = np.array([3400, 4000, 4211])
    v = R.hypergeometric(N, k, n)
    mass, below, above = run(pt.logp(v, x), pt.logcdf(v, x), pt.logccdf(v, x))
    with mp.workdps(40):
        for i, y in enumerate(map(int, x)):
            first = mp.binomial(k, y) * mp.binomial(N - k, n - y) / mp.binomial(N, n)
            low, high, term, other = first, mpf(0), first, first
            for j in range(3000):
                a, b = y - j, y + j
                term *= mpf(a) * (N - k - n + a) / ((k - a + 1) * mpf(n - a + 1)) if a > 0 else 0
                other *= mpf(k - b) * (n - b) / ((b + 1) * mpf(N - k - n + b + 1))
                low, high = low + term, high + other
            exact = [float(mp.log(t)) for t in (first, low, high)]
            np.testing.assert_allclose((mass[i], below[i], above[i]), exact, rtol=2e-13, atol=1e-15)
    named = R.hypergeometric(ngood=k, nbad=N - k, nsample=n)
    np.testing.assert_array_equal(run(pt.logp(named, x))[0], mass)
    draws = pt.draw(v, draws=4000, seed=3)
    spread = n * 0.4 * 0.6 * (N - n) / (N - 1)
    assert abs(draws.mean() - 4000) < 4 * math.sqrt(spread / 4000)
    assert abs(draws.var() / spread - 1) < 0.1
    with pytest.raises(ValueError, match=r"N of hypergeometric .*\n  at .*test_univariate"):
        R.hypergeometric(5, 7, 2)


def test_tails_of_odd_urns_are_those_of_whole_numbers():
    """Where the tail on the side of the mean is nearly all, and where nearly all are drawn or
    marked."""
    inputs = N, k, n, x = [pt.vector(name) for name in ("N", "k", "n", "x")]
    v = R.hypergeometric(N, k, n)
    f = pt.function(inputs, [pt.logcdf(v, x), pt.logccdf(v, x)], target="machine")
    urns = [
        (10**6, 1, 1), (10**6, 999_990, 999_995), (10**12, 2, 10**12 - 1), (10**12, 10**12 - 1, 2),
        (10**6, 2, 999_999), (3000, 30, 2900), (50, 49, 49), (20, 7, 12), (10**9, 3, 10**9 - 1),
    ]  # fmt: skip
    rows = [(*urn, y) for urn in urns for y in range(max(0, sum(urn[1:]) - urn[0]), min(urn[1:]))]
    found = f(*np.array(rows, float).T)
    with mp.workdps(90):
        for (N, k, n, y), *tails in zip(rows, *found, strict=True):
            least, most = max(0, n + k - N), min(n, k)
            term, terms = mpf(1), [mpf(1)]
            for j in range(least, most):
                term *= mpf((k - j) * (n - j)) / ((j + 1) * (N - k - n + j + 1))
                terms.append(term)
            parts = sum(terms[: y - least + 1]), sum(terms[y - least + 1 :])
            wanted = [float(mp.log(part / sum(terms))) for part in parts]
            np.testing.assert_allclose(tails, wanted, rtol=2e-13, err_msg=str((N, k, n, y)))


def test_a_point_is_a_value_of_a_model_without_coordinates():
    c = R.dirac_delta(2.5, name="c")
    z = R.normal(0.0, 1.0, name="z")
    posterior = pt.condition({R.normal(c + z, 1.0, name="y"): 1.0}, target="interp")
    assert posterior.dim == 1
    np.testing.assert_allclose(
        posterior.logp([0.3]), stats.norm(2.8, 1).logpdf(1.0) + stats.norm.logpdf(0.3)
    )
    assert posterior.constrain([0.3])["c"] == 2.5 == pt.draw(c, seed=1)
    np.testing.assert_array_equal(run(pt.logp(c, [2.5, 1.0]))[0], [0.0, -np.inf])


# Names of other libraries.


def test_names_of_other_libraries_are_these_distributions():
    x = 0.7
    rows = [
        (R.t(4.0, 1.0, 2.0), stats.t(4, 1, 2)), (R.chisquare(3.0), stats.chi2(3)),
        (R.invgamma(3.0, 2.0), stats.invgamma(3, scale=2)),
        (R.lognormal(0.3, 0.8), stats.lognorm(0.8, scale=math.exp(0.3))),
        (R.gengamma(2.0, 1.5, 3.0), stats.gengamma(2 / 1.5, 1.5, scale=3)),
        (R.beta_proportion(0.3, 5.0), stats.beta(1.5, 3.5)),
        (R.inverse_gaussian(2.0, 3.0), stats.invgauss(2 / 3, scale=3)),
        (R.standard_normal(), stats.norm()), (R.vonmises(0.5, 2.0), stats.vonmises(2, 0.5)),
        (R.halfnormal(0.0, 2.0), stats.halfnorm(scale=2)), (R.halfcauchy(), stats.halfcauchy()),
        (R.truncexpon(1.5, 0.0, 2.0), stats.truncexpon(1.5, scale=2)),
        (R.exp_mod_normal(0.5, 1.2, 0.5), stats.exponnorm(2 / 1.2, 0.5, 1.2)),
        (R.truncated_normal(0.5, 2.0, 0.0, 3.0), stats.truncnorm(-0.25, 1.25, 0.5, 2)),
        (R.truncated_normal(0.5, tau=0.25, lower=0.0), stats.truncnorm(-0.25, np.inf, 0.5, 2)),
    ]  # fmt: skip
    found = run(*(pt.logp(v, x) for v, _ in rows))
    np.testing.assert_allclose(found, [s.logpdf(x) for _, s in rows], rtol=1e-12)
    counts = [(R.nbinom(3.0, 0.4), stats.nbinom(3, 0.4)), (R.integers(5), stats.randint(0, 5)),
              (R.integers(-1, 4), stats.randint(-1, 4)),
              (R.betabinom(9, 2.0, 3.0), stats.betabinom(9, 2, 3))]  # fmt: skip
    found = run(*(pt.logp(v, 2) for v, _ in counts))
    np.testing.assert_allclose(found, [s.logpmf(2) for _, s in counts], rtol=1e-12)
    moved = pt.draw([R.halfcauchy(np.array([0.0, 5.0])), R.truncexpon(1.0, [2.0, 3.0])], 50, 1)
    assert moved[0].shape == moved[1].shape == (50, 2)
    assert (moved[0] >= [0, 5]).all() and (moved[1] >= [2, 3]).all() and (moved[1] <= 4).all()
    cut = pt.draw(R.truncexpon([2.0, 3.0], 0.0, [[1.0], [2.0]]), 500, 1)
    assert (np.abs(cut.max(0) - [[2, 3], [4, 6]]) < 0.3).all()


def test_the_name_of_a_moved_variable_is_that_of_the_sum():
    x = R.halfnormal(10.0, 1.0, name="x")
    posterior = pt.condition({R.normal(x, 1.0, name="y"): 11.0})
    assert posterior.names == ("x_z",) and posterior.deterministics == ("x",)
    right = stats.halfnorm(10).logpdf(10.5)
    assert math.isclose(pt.condition({x: 10.5}).logp([]), right)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: R.t(), ["t: argument 'df' is missing", "it takes t(df"]),
        (lambda: R.vonmises(1.0, -2.0), ["kappa of von_mises", "-2"]),
        (lambda: R.integers(3, 3), ["discrete_uniform"]),
        (lambda: R.integers(np.uint8(0)), ["upper of discrete_uniform", "-1"]),
        (lambda: R.integers(0, np.array([0, 3], "uint8")), ["entry [0] is -1"]),
        (lambda: R.truncated_normal(0, pt.scalar("s"), tau=1.0), ["sigma or tau"]),
        (lambda: R.choice(3, p=[1.0]), ["(1,)", "3 entries"]),
        (lambda: R.choice(np.zeros(0)), ["0 entries"]),
        (lambda: R.truncated_normal(0, 1, 3, 2), ["low=3 must be below high=2"]),
        (lambda: R.truncated_normal(0, 2.0, tau=1.0), ["sigma or tau"]),
        (lambda: R.truncexpon(-1.0), ["b of truncexpon", "-1"]),
        (lambda: R.halfnormal(np.zeros(3), shape=4, name="x"),
         ["halfnormal 'x'", "shape=(4,)", "loc of shape (3,)"]),
        (lambda: R.halfcauchy(np.zeros((2, 3)), shape=3), ["shape=(3,)", "loc of shape (2, 3)"]),
        (lambda: R.improper_uniform(3), ["support=3", "pt.interval"]),
        (lambda: R.choice(3, shape=4, replace=False), ["4 entries of 3"]),
        (lambda: R.choice(3, shape=2, replace=False, p=[0.0, 1.0, 0.0]), ["2 entries of 1"]),
        (lambda: R.choice(3, p=[0.5, 0.5]), ["(2,)", "3 entries"]),
        (lambda: R.choice(0), ["0 entries"]),
        (lambda: R.permutation(2.5), ["2.5"]),
        (lambda: R.gumbel_softmax(1.0), ["axis of choices"]),
        (lambda: R.gumbel_softmax([1.0, 2.0], -1.0), ["temperature"]),
    ],
)
def test_a_bad_call_by_another_name_says_what_is_wrong(call, words):
    with pytest.raises((TypeError, ValueError)) as error:
        call()
    text = str(error.value)
    assert all(word in text for word in words) and __file__ in text, text


# Choices.


def test_choices_and_permutations():
    p, size = np.array([0.1, 0.2, 0.3, 0.4]), 8000
    rows = pt.constant(np.arange(12.0).reshape(4, 3))
    with_, without, order, moved = pt.draw(
        [R.choice(rows, shape=2, p=p), R.choice(4, shape=2, replace=False, p=p), R.permutation(3),
         R.permutation(rows)], draws=size, seed=1)  # fmt: skip
    assert with_.shape == (size, 2, 3) and moved.shape == (size, 4, 3)
    first = (with_[:, 0, 0] / 3).astype(int)
    assert stats.chisquare(np.bincount(first, minlength=4), p * size).pvalue > 1e-3
    # The second one is chosen in proportion from those that are left.
    pairs = np.zeros((4, 4))
    np.add.at(pairs, (without[:, 0], without[:, 1]), 1)
    expected = size * p[:, None] * p / (1 - p[:, None])
    off = ~np.eye(4, dtype=bool)
    assert (np.diag(pairs) == 0).all()
    assert stats.chisquare(pairs[off], expected[off]).pvalue > 1e-3
    _, orders = np.unique(order, axis=0, return_counts=True)
    assert len(orders) == 6 and stats.chisquare(orders).pvalue > 1e-3
    np.testing.assert_array_equal(np.sort(moved[..., 0]), np.tile(rows.eval()[:, 0], (size, 1)))


def test_relaxed_choices_have_derivatives():
    logits, weights = pt.vector("logits", shape=(3,)), np.array([1.0, 2.0, 4.0])
    soft = R.gumbel_softmax(logits, 0.5, shape=(400, 3))
    hard = R.gumbel_softmax(logits, 0.5, hard=True, shape=(400, 3))
    outs = [hard, pt.grad(pt.mean(pt.sum(soft * weights, -1)), logits),
            pt.grad(pt.sum(hard * weights), logits)]  # fmt: skip
    f = pt.function([logits], outs, target="machine", seed=3)
    at = np.log([0.2, 0.5, 0.3])
    chosen, slope, straight = f(at)
    assert set(np.unique(chosen)) == {0.0, 1.0} and (chosen.sum(-1) == 1).all()
    assert stats.chisquare(chosen.sum(0), [80, 200, 120]).pvalue > 1e-3
    assert abs(slope.sum()) < 1e-12 and slope[2] > 0 > slope[0] and np.abs(straight).min() > 0


def test_the_score_function_is_unbiased():
    p, rate = pt.scalar("p"), pt.scalar("rate")
    x = R.bernoulli(p, shape=3)
    count = R.poisson(rate * (1 + x[0]))
    cost = pt.sum(x) * 1.0 + pt.exp(-0.1 * count) + p**2
    plain, better = pt.score_function(cost), pt.score_function(cost, baseline=1.8)
    outs = [plain, *pt.grad(plain, [p, rate]), *pt.grad(better, [p, rate]),
            pt.grad(pt.score_function(cost, [x]), rate, disconnected_inputs="ignore")]  # fmt: skip
    f = pt.function([p, rate], outs, target="machine", seed=5)
    draws = np.array([f(0.3, 2.0) for _ in range(8000)])
    fall = 1 - math.exp(-0.1)
    parts = np.exp(-2 * fall), np.exp(-4 * fall)
    exact = 0.9 + 0.09 + 0.7 * parts[0] + 0.3 * parts[1]
    by_p = 3 + 0.6 - parts[0] + parts[1]
    by_rate = -fall * (0.7 * parts[0] + 0.6 * parts[1])
    error = draws.std(0)[:5] / math.sqrt(len(draws))
    gap = draws.mean(0)[:5] - [exact, by_p, by_rate, by_p, by_rate]
    assert (np.abs(gap) < 4 * error).all(), gap / error
    assert error[3] < 0.7 * error[1] and (draws[:, 5] == 0).all()
    with pytest.raises(TypeError, match="is no random variable"):
        pt.score_function(p, [rate])


def test_the_score_function_holds_draws_of_many_repetitions_fixed():
    """Those of each entry alone, also continuous ones, and second derivatives."""
    size, p, mu, w = 20_000, pt.scalar("p"), pt.scalar("mu"), pt.vector("w", shape=(2,))
    x, y = R.bernoulli(p, shape=(size, 2)), R.normal(mu, 1.0, shape=size)
    parts = R.mixture(w, R.multivariate_normal(np.array([[0.0, 0.0], [2.0, 2.0]]), np.eye(2)),
                      shape=(size, 2))  # fmt: skip
    z = R.normal(w[0] * pt.sum(parts, -1), 1.0)
    rows = (pt.square(pt.sum(x, -1)) * 1.0, pt.square(y), pt.sum(parts**2, -1) + z**2)
    costs = [pt.score_function(row, own, row_mean, repetitions=1)
             for row, own, row_mean in zip(rows, ([x], [y], None), (0.78, 5.0, 0.0))]  # fmt: skip
    slopes = [pt.grad(pt.mean(cost), by) for cost, by in zip(costs, (p, mu, w))]
    second = [pt.grad(slopes[0], p), pt.grad(slopes[1], mu)]
    values = pt.function([p, mu, w], [*costs, *slopes, *second, *rows], target="machine", seed=5)(
        0.3, 2.0, [0.4, 0.6])  # fmt: skip
    np.testing.assert_array_equal(np.hstack(values[:3]), np.hstack(values[8:]))
    found = np.hstack(values[3:8])
    np.testing.assert_allclose(found, [3.2, 4.0, 12.6, 13.88, 4.0, 2.0], rtol=0.15)
    with pytest.raises(TypeError, match=r"\(20000,\), does not have the repetitions .* \(5,\)"):
        pt.score_function(y[:5], [y], repetitions=1)
    with pytest.raises(TypeError, match="repetitions=2 is no number of axes"):
        pt.score_function(y, repetitions=2)


def test_every_distribution_of_numbers_is_among_the_cases_of_the_nets():
    """Its density, tails, draws, gradients and ranges are compared there."""
    listed = {case.name for case in DISTRIBUTIONS}
    missing = []
    for name in R.DECLARED:
        module, _, kind = R.DECLARED[name].rpartition(".")
        if module.startswith("combined."):
            continue  # in the tests of combinators
        module = importlib.import_module(f"probtensor.prob.distributions.{module}")
        known = listed | {"dirac_delta", "half_student_t"}  # with tests of their own
        if not getattr(module, kind)().event_ndim and name not in known:
            missing.append(name)
    assert not missing, f"give {missing} a Case each in tests/prob/distributions.py"


# Polya-gamma.


def test_the_polya_gamma_distribution_is_exact_far_into_both_tails():
    x = np.array([1e-300, 1e-160, 1e-100, 1e-31, 1e-29, 1e-3, 0.02, 0.25, 0.5, 1.0, 5.0, 140.0,
                  1e160, 1e307])  # fmt: skip
    v = R.polya_gamma(1.0, 0.0)
    density, below, above = run(pt.logp(v, x), pt.logcdf(v, x), pt.logccdf(v, x))
    with mp.workdps(400):
        for k, y in enumerate(map(mpf, x)):
            odd = [mpf(2 * n + 1) for n in range(90)]
            signs = [(-1) ** n for n in range(90)]
            late = [mp.exp(-(m**2) * mp.pi**2 * y / 2) for m in odd]
            if y < 0.3:
                first = sum(s * m * mp.exp(-(m**2) / (8 * y)) for s, m in zip(signs, odd))
                first = first / mp.sqrt(2 * mp.pi * y**3)
                low = 2 * sum(s * mp.erfc(m / mp.sqrt(8 * y)) for s, m in zip(signs, odd))
                high = 1 - low
            else:
                first = 2 * mp.pi * sum(s * m * e for s, m, e in zip(signs, odd, late))
                high = 4 / mp.pi * sum(s / m * e for s, m, e in zip(signs, odd, late))
                low = 1 - high
            exact = [float(mp.log(part)) for part in (first, low, high)]
            found = density[k], below[k], above[k]
            np.testing.assert_allclose(found, exact, rtol=2e-14, atol=2e-14)
    assert np.all(np.isneginf(run(pt.logp(v, [1e-310, 1e308]))[0]))


def test_polya_gamma_variables_of_other_shapes():
    """By the integral of the density, which is one; and the density by its series for small x."""
    shapes, tilts = np.array([0.5, 3.0, 20.0, 1000.0, 7.0]), np.array([20.0, 1.0, 0.5, 2.0, -40.0])
    x, h, z = pt.matrix("x"), pt.vector("h"), pt.vector("z")
    v = R.polya_gamma(h, z)
    f = pt.function([x, h, z], [pt.logp(v, x), pt.logcdf(v, x), pt.logccdf(v, x)],
                    target="machine")  # fmt: skip
    mean, spread = run(pt.expectation(R.polya_gamma(shapes, tilts)),
                       pt.variance(R.polya_gamma(shapes, tilts)))  # fmt: skip
    nodes, weights = np.polynomial.legendre.leggauss(12)
    ends = np.linspace(mean - np.minimum(13 * np.sqrt(spread), mean), mean, 60)
    half = 0.5 * (ends[1:] - ends[:-1])
    at = (0.5 * (ends[1:] + ends[:-1]))[:, None] + half[:, None] * nodes[:, None]
    density = f(at.reshape(-1, 5), shapes, tilts)[0].reshape(at.shape)
    shares = (np.exp(density) * weights[:, None] * half[:, None]).sum((0, 1))
    _, below, above = f(mean[None], shapes, tilts)
    np.testing.assert_allclose(np.exp(below[0]), shares, rtol=1e-9)
    np.testing.assert_allclose(np.exp(below) + np.exp(above), 1, rtol=1e-12)
    with mp.workdps(120):
        for k, shape in enumerate(shapes[:3]):
            y, s = mpf(mean[k] * 0.7), mpf(shape)
            terms = [(-1) ** n * mp.gamma(n + s) / mp.gamma(n + 1) * (2 * n + s)
                     * mp.exp(-((2 * n + s) ** 2) / (8 * y)) for n in range(120)]  # fmt: skip
            series = 2 ** (s - 1) / mp.gamma(s) * sum(terms) / mp.sqrt(2 * mp.pi * y**3)
            tilt = s * mp.log(mp.cosh(mpf(tilts[k]) / 2)) - mpf(tilts[k]) ** 2 / 2 * y
            exact = float(mp.log(series) + tilt)
            found = f(np.full((1, 5), float(y)), shapes, tilts)[0][0, k]
            np.testing.assert_allclose(found, exact, rtol=1e-11, atol=1e-12)


def test_polya_gamma_draws_of_whole_shapes_have_the_exact_distribution():
    """With tilts on both sides of where the sampler changes its proposals, and far out."""
    shapes = np.array([1.0, 1, 1, 1, 1, 1, 2, 5, 40, 1024])
    tilts = np.array([0.0, -0.3, 3.1, 3.2, 60.0, -1e6, 1.0, -7.0, 0.5, 2.0])
    h, z = pt.vector("h", shape=(10,)), pt.vector("z", shape=(10,))
    v = R.polya_gamma(h, z, shape=(1500, 10))
    drawn = pt.function([h, z], v, target="machine", seed=9)(shapes, tilts)
    own = R.polya_gamma(h, z)
    share, mean, spread = pt.function(
        [h, z], [pt.exp(pt.logcdf(own, drawn)), pt.expectation(own), pt.variance(own)],
        target="machine",
    )(shapes, tilts)
    pvalues = stats.kstest(share, "uniform", axis=0).pvalue
    assert pvalues.min() > 1e-3, pvalues
    far = (drawn - mean) / np.sqrt(spread)
    np.testing.assert_allclose(far.mean(0), 0, atol=4.5 / math.sqrt(1500))
    np.testing.assert_allclose(far.var(0), 1, atol=0.35)


def test_polya_gamma_draws_do_not_depend_on_the_shapes_of_others():
    h, z = pt.vector("h", shape=(4,)), np.array([0.5, 1.0, -2.0, 30.0])
    f = pt.function([h], R.polya_gamma(h, z), target="machine", seed=9)
    rows = [[1.0, 2, 3, 4], [0.5, 2, 2.5, 4], [0.5, 1025, 2.5, 1e-3]]
    found = []
    for row in rows:
        f.seed(9)
        found.append(f(row))
    whole, some, none = found
    np.testing.assert_array_equal(some[[1, 3]], whole[[1, 3]])
    np.testing.assert_array_equal(some[[0, 2]], none[[0, 2]])
    assert np.all(np.array(found) > 0)
    literal = pt.function([], R.polya_gamma(np.array(rows[0]), z), target="machine", seed=9)()
    np.testing.assert_array_equal(literal, whole)
    assert np.isnan(f([0.0, np.nan, -1.0, 1.0]))[:3].all()


# Beta-binomial.


def test_the_tails_of_beta_binomial_counts_are_exact():
    """With one maximum, with maxima at both ends, and far out; and their derivatives."""
    rows = [(12, 2.0, 3.5, 5), (12, 2.0, 3.5, 12), (0, 2.0, 3.0, 0), (1000, 0.3, 0.2, 500),
            (1000, 0.3, 0.2, 999), (2000, 50.0, 2.0, 0), (2000, 500.0, 2e4, 500),
            (2000, 500.0, 2e4, 1999), (50, 1e-3, 1e-3, 10), (30, 1e-8, 1.0, 0),
            (30, 1.0, 1e-8, 29)]  # fmt: skip
    n, a, b, x = (np.array(column) for column in zip(*rows))
    alpha, beta = pt.vector("alpha"), pt.vector("beta")
    v = R.beta_binomial(n, alpha, beta)
    both = [pt.logcdf(v, x), pt.logccdf(v, x)]
    slopes = pt.grad(pt.sum(both[0]), [alpha, beta])
    f = pt.function([alpha, beta], [*both, *slopes], target="machine")
    lower, upper, *slopes = f(a, b)
    with mp.workdps(50):
        for k, (size, first, second, at) in enumerate(rows):
            p, q = mpf(float(first)), mpf(float(second))
            masses = [mp.beta(p, size + q) / mp.beta(p, q)]
            for j in range(size):
                ratio = (size - j) * (j + p) / ((j + 1) * (size - j - 1 + q))
                masses.append(masses[-1] * ratio)
            parts = mp.fsum(masses[: at + 1]), mp.fsum(masses[at + 1 :])
            for found, part, rest in ((lower, *parts), (upper, *parts[::-1])):
                exact = -math.inf if not part else mp.log(part) if part < 0.5 else mp.log1p(-rest)
                np.testing.assert_allclose(found[k], float(exact), rtol=1e-13, err_msg=rows[k])
    steps = 1e-5 * a, 1e-5 * b
    for k, slope in enumerate(slopes):
        move = [np.where(k == j, step, 0.0) for j, step in enumerate(steps)]
        change = f(a + move[0], b + move[1])[0] - f(a - move[0], b - move[1])[0]
        np.testing.assert_allclose(slope, change / (2 * steps[k]), rtol=1e-5, atol=1e-6)
    quantiles = pt.icdf(R.beta_binomial(1000, 0.3, 0.2), [1e-3, 0.1, 0.5, 0.9]).eval()
    np.testing.assert_array_equal(
        quantiles, stats.betabinom(1000, 0.3, 0.2).ppf([1e-3, 0.1, 0.5, 0.9])
    )
