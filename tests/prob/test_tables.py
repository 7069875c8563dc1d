"""Tables of data whose columns have parameters of their own: the density of a model sums them by a
few numbers of each column, or over its distinct counts, and is that of the observations."""

import numpy as np
import pytest
from mpmath import mp, mpf

import probtensor as pt
from probtensor.graph.walk import toposort
from probtensor.prob.model.data import are_repeated_counts, unique_rows
from tests.prob import truth

R = pt.random
ROWS, COLUMNS = 40, 3
RNG = np.random.default_rng(3)
COUNTS = RNG.integers(0, 5, (ROWS, COLUMNS)).astype(float)
SHARES = RNG.uniform(0.05, 0.95, (ROWS, COLUMNS))


def _dirichlet(x, a):
    parts = [(k - 1) * truth.log(v) - truth.lgamma(k) for v, k in zip(x, a)]
    return sum(parts[1:], parts[0]) + truth.lgamma(sum(a[1:], a[0]))


POINTS = SHARES / SHARES.sum(axis=1, keepdims=True)
# Models of positive vectors a and b, data, and the density of one entry or row.
TABLES = {
    "poisson": (
        lambda a, b: R.poisson(a, shape=(ROWS, 3)), COUNTS, lambda x, a, b: truth.poisson(x, a)
    ),
    "binomial": (
        lambda a, b: R.binomial(9, a / (a + b), shape=(ROWS, 3)), COUNTS,
        lambda x, a, b: truth.binomial(x, a * 0 + 9, a / (a + b)),
    ),
    "binomial by logit": (
        lambda a, b: R.binomial(9, logit_p=pt.log(a), shape=(ROWS, 3)), COUNTS,
        lambda x, a, b: truth.binomial_logit(x, a * 0 + 9, truth.log(a)),
    ),
    "negative binomial": (
        lambda a, b: R.negative_binomial(a, b, shape=(ROWS, 3)), COUNTS, truth.negative_binomial
    ),
    "gamma": (lambda a, b: R.gamma(a, b, shape=(ROWS, 3)), SHARES, truth.gamma),
    "inverse gamma": (
        lambda a, b: R.inverse_gamma(a, b, shape=(ROWS, 3)), SHARES, truth.inverse_gamma
    ),
    "beta": (lambda a, b: R.beta(a, b, shape=(ROWS, 3)), SHARES, truth.beta),
    "gamma, one rate": (
        lambda a, b: R.gamma(a, b[0], shape=(ROWS, 3)), SHARES, None,
    ),
    "gamma, a column of rates": (lambda a, b: R.gamma(a[:, None] + 0 * b, b), SHARES[:3], None),
    "dirichlet": (lambda a, b: R.dirichlet(a, shape=(ROWS, 3)), POINTS, _dirichlet),
}  # fmt: skip
SCALES = (1.0, 1e-3, 1e6, 1e12)


def _posterior(make, data):
    a, b = (R.half_flat(shape=COLUMNS, name=name) for name in "ab")
    tracked = {"track": [a, b]}
    return pt.condition({make(a, b): data}, target="interp", **tracked)


def _parameters(scale):
    return scale * np.array([1.3, 0.4, 2.0]), scale * np.array([0.7, 3.0, 1.1])


def _duals(a, b):
    """The parameters with slopes by the logarithm of each."""
    values = [mpf(float(v)) for v in (*a, *b)]
    slopes = np.eye(2 * COLUMNS, dtype=int).tolist()
    made = [
        truth.Dual(v, [mpf(s) * v for s in row]) for v, row in zip(values, slopes, strict=True)
    ]
    return made[:COLUMNS], made[COLUMNS:]


def _exact(name, data, a, b):
    a, b = _duals(a, b)
    density = TABLES[name][2]
    like = a[0] * 0
    if name == "dirichlet":
        terms = [density([like + mpf(float(v)) for v in row], a) for row in data]
    elif name == "gamma, one rate":
        terms = [
            truth.gamma(like + mpf(float(v)), a[k], b[0]) for row in data for k, v in enumerate(row)
        ]
    elif name == "gamma, a column of rates":
        terms = [
            truth.gamma(like + mpf(float(v)), a[i], b[k])
            for i, row in enumerate(data)
            for k, v in enumerate(row)
        ]
    else:
        terms = [
            density(like + mpf(float(v)), a[k], b[k]) for row in data for k, v in enumerate(row)
        ]
    return sum(terms[1:], terms[0])


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_the_density_of_its_entries(name):
    make, data, _ = TABLES[name]
    posterior = _posterior(make, data)
    for scale in SCALES:
        a, b = _parameters(scale)
        if name.startswith(("poisson", "gamma", "inverse")) and scale > 1:
            continue  # Terms far from the data: nothing cancels there.
        value, slopes = posterior.logp_and_grad(np.log([*a, *b]))
        with mp.workdps(60):
            meant = _exact(name, data, a, b)
            whole = float(meant.value + mp.fsum(mp.log(mpf(float(v))) for v in (*a, *b)))
            right = [float(s) + 1 for s in meant.slopes]
        np.testing.assert_allclose(value, whole, rtol=1e-12, atol=1e-10)
        np.testing.assert_allclose(slopes, right, rtol=1e-10, atol=1e-8)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_by_its_columns(name):
    make, data, _ = TABLES[name]
    posterior = _posterior(make, data)
    outputs = posterior.function.program.outputs
    sizes = {n for x in toposort([*outputs]) if x.op.name not in ("input", "cast") for n in x.shape}
    few = {n for n in sizes if not str(n).startswith("distinct")}
    assert name == "gamma, a column of rates" or all(n <= 2 * COLUMNS for n in few), sizes


def _by_hand(a, y, m):
    lgamma = pt.special.gammaln
    rows = pt.sum(lgamma(y + a) - lgamma(a), axis=-1)
    return rows + lgamma(pt.sum(a)) - lgamma(pt.sum(a) + m)


@pytest.mark.parametrize("scale", [1.0, 1e8, 1e15])
def test_log_gammas_of_a_potential_stay_together(scale):
    a = R.half_flat(shape=COLUMNS, name="a")
    y, m = COUNTS, COUNTS.sum(axis=1)
    posterior = pt.condition(
        {}, potentials=[pt.potential(_by_hand(a, y, m), name="u")], target="interp"
    )
    shapes = scale * np.array([1.0, 2.0, 1.5])
    value, slopes = posterior.logp_and_grad(np.log(shapes))
    with mp.workdps(60):
        exact = [truth.Dual(mpf(float(v)), [mpf(float(v)) * (i == k) for i in range(COLUMNS)])
                 for k, v in enumerate(shapes)]  # fmt: skip
        total = sum(exact[1:], exact[0])
        terms = [
            truth.lgamma(exact[k] + mpf(float(v))) - truth.lgamma(exact[k])
            for row in y for k, v in enumerate(row)
        ]  # fmt: skip
        terms += [truth.lgamma(total) - truth.lgamma(total + mpf(float(n))) for n in m]
        meant = sum(terms[1:], terms[0])
        whole = float(meant.value + mp.fsum(mp.log(mpf(float(v))) for v in shapes))
        right = [float(s) + 1 for s in meant.slopes]
    np.testing.assert_allclose(value, whole, rtol=1e-12)
    np.testing.assert_allclose(slopes, right, rtol=1e-10, atol=1e-8)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("rows", [0, 1, 50])
def test_distinct_rows_and_their_numbers(count, rows):
    arrays = [RNG.integers(0, 3, rows).astype(float) for _ in range(count)]
    found, times = unique_rows(arrays)
    meant, counted = np.unique(np.stack(arrays), axis=1, return_counts=True)
    np.testing.assert_array_equal(np.stack(found), meant)
    np.testing.assert_array_equal(times, counted if rows else [])


def test_what_counts_are():
    assert are_repeated_counts(COUNTS) and are_repeated_counts(np.arange(40) % 4)
    assert not are_repeated_counts(SHARES) and not are_repeated_counts(np.arange(40.0))
    assert not are_repeated_counts(None)
    assert not are_repeated_counts(-COUNTS) and not are_repeated_counts(np.full(40, np.nan))
    assert not are_repeated_counts(np.empty((0, 3))) and not are_repeated_counts(np.ones((2, 2, 9)))


def test_other_counts_may_be_bound():
    y = pt.data(COUNTS[:, 0], name="y")
    a = R.half_flat(name="a")
    mass = pt.special.gammaln(y + a) - pt.special.gammaln(a) - y
    posterior = pt.condition({}, potentials=[pt.potential(mass, name="u")], target="interp")
    other = np.array([0.5, 7.0, 7.0, 2.25, 0.0])
    found = posterior.with_data({"y": other}).logp(np.array([0.2]))
    with mp.workdps(40):
        s = mp.exp(mpf("0.2"))
        terms = [mp.loggamma(mpf(float(v)) + s) - mp.loggamma(s) - mpf(float(v)) for v in other]
        assert np.isclose(found, float(mp.fsum(terms) + mpf("0.2")), rtol=1e-12)


def test_a_sum_inside_a_term_counts_once_for_each_entry():
    a, y = R.flat(shape=COLUMNS, name="a"), COUNTS[:, 0]
    term = y * a[0] + pt.sum(pt.exp(a)) + pt.sum(COUNTS * a, axis=-1)
    posterior = pt.condition({}, potentials=[pt.potential(term, name="u")], target="interp")
    q = np.array([0.3, -1.0, 0.7])
    value, slopes = posterior.logp_and_grad(q)
    once = ROWS * np.exp(q)
    np.testing.assert_allclose(value, y.sum() * q[0] + once.sum() + COUNTS.sum(axis=0) @ q)
    np.testing.assert_allclose(slopes, y.sum() * np.eye(3)[0] + once + COUNTS.sum(axis=0))


def test_distributions_that_are_made_of_others_are_written_with_these():
    R = pt.random
    mu, tau = R.normal(0, 5, name="mu"), R.half_normal(1, name="tau")
    whole = R.normal(mu, tau)
    for variable, text in (
        (R.normal(mu, tau, constraint=pt.interval(0, None)), "truncated(normal(mu, tau), 0, inf)"),
        (R.normal(mu, 1, constraint=pt.interval(tau, 9)), "truncated(normal(mu, 1), tau, 9)"),
        (R.normal(mu, 1, shape=3, constraint=pt.ordered()), "ordered(normal(mu, 1))"),
        (R.censored(whole, None, 2.0), "censored(normal(mu, tau), -inf, 2)"),
        (R.zero_inflated(0.3, R.poisson(tau)), "zero_inflated(0.3, poisson(tau))"),
        (R.mixture([0.5, 0.5], [R.normal(0, 1), R.student_t(3, mu, 2)]),
         "mixture(0.5, normal(0, 1), student_t(3, mu, 2))"),
        (pt.scaled(whole, 0.5), "scaled(normal(mu, tau), 0.5)"),
    ):  # fmt: skip
        assert pt.table(variable)["distribution"][-1] == text
    half = R.normal(mu, tau, constraint=pt.interval(0, None), name="half")
    formula = r"\operatorname{Truncated}\left(\operatorname{Normal}\left(\mu, \tau\right), 0,"
    assert formula in pt.latex(half)
