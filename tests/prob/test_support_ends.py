"""Supports at their ends: open and closed bounds told apart; how nearly a simplex sums to 1.

A density at a closed end is its limit from inside; beside the end, by one float, it is zero.
"""

import math

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph import inputs_of
from probtensor.prob.model.data import evaluate

R = pt.random
INF = math.inf
BELOW_ZERO, ABOVE_ONE = -5e-324, np.nextafter(1.0, 2.0)


def value(node, **inputs):
    found = {x.name: x for x in inputs_of([node])}
    return evaluate([node], {found[name]: np.asarray(v) for name, v in inputs.items()})[0]


def next_to(x):
    return np.nextafter(x, -INF), np.nextafter(x, INF)


# (distribution, end, the density there or None where the end lies outside, a value just outside).
ENDS = [
    (lambda: R.half_normal(2.0), 0.0, math.log(math.sqrt(2 / math.pi) / 2), BELOW_ZERO),
    (lambda: R.half_cauchy(2.0), 0.0, math.log(1 / math.pi), BELOW_ZERO),
    (lambda: R.half_student_t(1.0, 2.0), 0.0, math.log(1 / math.pi), BELOW_ZERO),
    (lambda: R.exponential(3.0), 0.0, math.log(3.0), BELOW_ZERO),
    (lambda: R.gamma(1.0, 3.0), 0.0, math.log(3.0), BELOW_ZERO),
    (lambda: R.gamma(1.5, 3.0), 0.0, -INF, BELOW_ZERO),
    (lambda: R.gamma(0.5, 3.0), 0.0, INF, BELOW_ZERO),
    (lambda: R.gamma(mu=2.0, sigma=2.0), 0.0, math.log(0.5), BELOW_ZERO),
    (lambda: R.gamma(mu=0.1, sigma=0.1), 0.0, math.log(10.0), BELOW_ZERO),
    (lambda: R.beta(1.0, 3.0), 0.0, math.log(3.0), BELOW_ZERO),
    (lambda: R.beta(3.0, 1.0), 1.0, math.log(3.0), ABOVE_ONE),
    (lambda: R.beta(1.0, 1.0), 0.0, 0.0, BELOW_ZERO),
    (lambda: R.beta(1.0, 1.0), 1.0, 0.0, ABOVE_ONE),
    (lambda: R.beta(2.0, 0.5), 1.0, INF, ABOVE_ONE),
    (lambda: R.beta(0.5, 2.0), 1.0, -INF, ABOVE_ONE),
    (lambda: R.uniform(-2.0, 5.0), -2.0, -math.log(7.0), next_to(-2.0)[0]),
    (lambda: R.uniform(-2.0, 5.0), 5.0, -math.log(7.0), next_to(5.0)[1]),
    (lambda: R.uniform(0.1, 0.7), 0.7, -math.log(0.7 - 0.1), next_to(0.7)[1]),
    (lambda: R.log_normal(0.0, 1.0), 0.0, None, BELOW_ZERO),
    (lambda: R.inverse_gamma(2.0, 1.0), 0.0, None, BELOW_ZERO),
    (lambda: R.half_flat(), 0.0, None, BELOW_ZERO),
    (lambda: R.bernoulli(0.25), 1, math.log(0.25), 2),
    (lambda: R.bernoulli(0.25), 0, math.log(0.75), -1),
    (lambda: R.bernoulli(logit_p=0.0), 1, -math.log(2), 2),
    (lambda: R.binomial(5, 0.5), 5, -5 * math.log(2), 6),
    (lambda: R.binomial(5, 0.5), 0, -5 * math.log(2), -1),
    (lambda: R.binomial(5, logit_p=0.0), 5, -5 * math.log(2), 6),
    (lambda: R.poisson(2.0), 0, -2.0, -1),
    (lambda: R.negative_binomial(2.0, 2.0), 0, -2 * math.log(2), -1),
    (lambda: R.categorical([0.25, 0.75]), 1, math.log(0.75), 2),
    (lambda: R.categorical([0.25, 0.75]), 0, math.log(0.25), -1),
    (lambda: R.categorical(logit_p=[0.0, 0.0]), 1, -math.log(2), 2),
    (lambda: R.dirichlet([1.0, 1.0, 1.0]), [0.0, 0.25, 0.75], math.log(2), [-1e-9, 0.25, 0.75]),
    (lambda: R.dirichlet([1.0, 2.0]), [0.0, 1.0], math.log(2), [BELOW_ZERO, 1.0]),
    (lambda: R.dirichlet([2.0, 1.0]), [0.0, 1.0], -INF, [0.0, 1.0001]),
    (lambda: R.dirichlet([0.5, 1.0]), [0.0, 1.0], INF, [0.0, 0.9999]),
]  # fmt: skip
named = [f"{distribution().op.text()} at {end}" for distribution, end, _, _ in ENDS]


@pytest.mark.parametrize(("distribution", "end", "density", "beyond"), ENDS, ids=named)
def test_the_end_of_a_support(distribution, end, density, beyond):
    x = pt.tensor(
        "x", np.shape(end), "int64" if distribution().op.distribution.discrete else "float64"
    )
    node = pt.logp(distribution(), x)
    assert value(node, x=beyond) == -INF
    at_end = value(node, x=end)
    if density is None:
        assert at_end == -INF
    elif math.isinf(density):
        assert at_end == density
    else:
        assert math.isclose(at_end, density, rel_tol=1e-14, abs_tol=1e-15)


@pytest.mark.parametrize(("distribution", "end", "density", "beyond"), ENDS, ids=named)
def test_what_may_be_observed(distribution, end, density, beyond):
    """Closed ends can be observed; open ones and what lies beyond are refused with the data."""
    if density is None:
        with pytest.raises(ValueError, match=r"must be a number > 0; it is 0"):
            pt.condition({distribution(): end}, target="interp")
    else:
        got = pt.condition({distribution(): end}, target="interp").logp([])
        assert got == value(pt.logp(distribution(), end)) or math.isclose(
            got, density, rel_tol=1e-14
        )
    with pytest.raises(ValueError, match=r"the observed value of .* must be"):
        pt.condition({distribution(): beyond}, target="interp")


# Some of whose formulas are inf - inf there.
UNBOUNDED = {
    "gamma": lambda: R.gamma(2.0, 1.0),
    "weibull": lambda: R.weibull(2.0, 1.0),
    "rayleigh": lambda: R.rayleigh(2.0),
    "rice": lambda: R.rice(2.0, 1.0),
    "poisson": lambda: R.poisson(2.0),
    "gumbel": lambda: R.gumbel(0.0, 1.0),
    "normal": lambda: R.normal(0.0, 1.0),
    "expression": lambda: 3.0 * R.gamma(2.0, 1.0) + 1.0,
}


@pytest.mark.parametrize("name", UNBOUNDED)
def test_densities_are_zero_at_infinity(name):
    for x in (INF, -INF):
        assert pt.logp(UNBOUNDED[name](), x).eval() == -INF
    found = value(pt.logp(UNBOUNDED[name](), pt.vector("x")), x=[INF, 2.0, math.nan])
    assert found[0] == -INF and np.isfinite(found[1]) and np.isnan(found[2])


def test_what_is_not_zero_at_infinity():
    assert pt.logp(R.flat(), INF).eval() == 0
    masked = R.masked(R.gamma(2.0, 1.0, shape=2), np.array([False, True]))
    assert pt.logp(masked, [INF, 1.0]).eval()[0] == 0
    raised = pt.log(pt.maximum(R.normal(0.0, 1.0), 0.0))
    assert math.isclose(pt.logp(raised, -INF).eval(), -math.log(2))
    low, high = pt.logp(pt.log(R.poisson(2.0)), [-INF, INF]).eval()
    assert math.isclose(low, -2.0) and high == -INF


UP = np.nextafter(0.0, 1.0)
# (distribution under a constraint, values that have a density, values that have none).
HELD = [
    (lambda c: R.normal(0.0, 1.0, constraint=c), pt.interval(1.0, 2.0), [1.0, 2.0],
     [*next_to(1.0)[:1], *next_to(2.0)[1:]]),
    (lambda c: R.half_normal(1.0, constraint=c), pt.interval(0.0, 2.0), [0.0, 2.0], [BELOW_ZERO]),
    (lambda c: R.half_normal(1.0, constraint=c), pt.interval(-1.0, 2.0), [0.0], [BELOW_ZERO]),
    (lambda c: R.half_normal(1.0, constraint=c), pt.interval(1.0), [1.0], [*next_to(1.0)[:1]]),
    (lambda c: R.log_normal(0.0, 1.0, constraint=c), pt.interval(0.0, 2.0), [UP, 2.0], [0.0]),
    (lambda c: R.log_normal(0.0, 1.0, constraint=c), pt.interval(-1.0, 2.0), [UP], [0.0]),
    (lambda c: R.log_normal(0.0, 1.0, constraint=c), pt.interval(1.0), [1.0], [0.0, 0.5]),
    (lambda c: R.uniform(0.0, 4.0, constraint=c), pt.interval(0.0, 4.0), [0.0, 4.0],
     [BELOW_ZERO, *next_to(4.0)[1:]]),
    (lambda c: R.uniform(0.0, 4.0, constraint=c), pt.interval(1.0, 9.0), [1.0, 4.0],
     [0.5, *next_to(4.0)[1:]]),
    (lambda c: R.normal(0.0, 1.0, shape=3, constraint=c), pt.ordered(),
     [[0.0, UP, 1.0]], [[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 1.0, 0.5]]),
    (lambda c: R.normal(0.0, 1.0, shape=2, constraint=c), pt.ordered(0.5),
     [[np.nextafter(0.5, 1.0), 1.0]], [[0.5, 1.0], [0.4, 1.0], [1.0, 1.0]]),
    (lambda c: R.half_normal(1.0, shape=2, constraint=c), pt.ordered(), [[UP, 1.0]],
     [[BELOW_ZERO, 1.0], [0.0, 1.0], [-1.0, 1.0]]),
]  # fmt: skip


@pytest.mark.parametrize(("distribution", "constraint", "held", "out"), HELD, ids=range(len(HELD)))
def test_the_ends_of_a_constraint(distribution, constraint, held, out):
    """As one of literals, and as one whose values only a run knows."""
    x = pt.tensor("x", np.shape(held[0]))
    node = pt.logp(distribution(constraint), x)
    for place in held:
        assert np.isfinite(value(node, x=place)).all()
        assert np.isfinite(value(pt.logp(distribution(constraint), place))).all()
    for place in out:
        assert np.all(value(node, x=place) == -INF)
        assert np.all(value(pt.logp(distribution(constraint), place)) == -INF)
        with pytest.raises(ValueError, match=r"the observed value of .* must be"):
            pt.condition({distribution(constraint): place}, target="interp")


# (distribution of one parameter, the end of its range, may it be there?, beyond).
PARAMETERS = [
    *((lambda s, f=f, n=n, k=k: f(**{**k, n: s}), 0.0, False, -1e-300) for f, n, k in [
        (R.normal, "sigma", {}), (R.normal, "tau", {}), (R.half_normal, "sigma", {}),
        (R.cauchy, "sigma", {}), (R.half_cauchy, "sigma", {}), (R.student_t, "nu", {}),
        (R.student_t, "sigma", {"nu": 2.0}), (R.half_student_t, "nu", {}),
        (R.half_student_t, "sigma", {"nu": 2.0}), (R.log_normal, "sigma", {}),
        (R.exponential, "lam", {}), (R.exponential, "scale", {}), (R.gamma, "alpha", {"beta": 1.0}),
        (R.gamma, "beta", {"alpha": 1.0}), (R.gamma, "mu", {"sigma": 1.0}),
        (R.gamma, "sigma", {"mu": 1.0}), (R.inverse_gamma, "alpha", {}),
        (R.inverse_gamma, "beta", {"alpha": 1.0}), (R.beta, "alpha", {"beta": 1.0}),
        (R.beta, "beta", {"alpha": 1.0}), (R.beta, "kappa", {"mu": 0.5}), (R.laplace, "b", {}),
        (R.logistic, "s", {}), (R.negative_binomial, "alpha", {"mu": 1.0}),
    ]),
    (lambda mu: R.negative_binomial(mu, 1.0), 0.0, True, BELOW_ZERO),
    (R.bernoulli, 0.0, True, BELOW_ZERO), (R.bernoulli, 1.0, True, ABOVE_ONE),
    (lambda p: R.binomial(3, p), 0.0, True, BELOW_ZERO),
    (lambda p: R.binomial(3, p), 1.0, True, ABOVE_ONE),
    (R.poisson, 0.0, True, BELOW_ZERO),
]  # fmt: skip


@pytest.mark.parametrize(("distribution", "end", "allowed", "beyond"), PARAMETERS,
                         ids=range(len(PARAMETERS)))  # fmt: skip
def test_the_end_of_a_parameters_range(distribution, end, allowed, beyond):
    with pytest.raises(ValueError, match="must be a number"):
        distribution(beyond)
    s = pt.scalar("s")
    node = pt.logp(distribution(s), 1)
    assert value(node, s=beyond) == -INF
    if allowed:
        assert not math.isnan(value(node, s=end)) and distribution(end) is not None
        return
    with pytest.raises(ValueError, match="must be a number > 0; it is 0"):
        distribution(end)
    assert value(node, s=end) == -INF
    assert not math.isnan(value(node, s=1e-15))


# Simplexes.


def softmax(size, dtype, seed=0):
    """A softmax as users compute it: all in one dtype, by NumPy."""
    logits = 2 * np.random.default_rng(seed).normal(size=size).astype(dtype)
    share = np.exp(logits - logits.max(-1, keepdims=True))
    return (share / share.sum(-1, keepdims=True)).astype(dtype)


def summed_in_order(size, dtype):
    """Equal weights over their sum, added up one after the other as a loop does: off by 1.4e-4 for
    10^5 of float32."""
    weights = np.full(size, 0.1, dtype)
    return weights / np.add.accumulate(weights)[-1]


SHARES = [
    *((softmax, n, dtype) for n in (2, 3, 1000, 10**6) for dtype in ("float32", "float64")),
    (softmax, (4, 1000), "float32"), (summed_in_order, 10**5, "float32"),
    (summed_in_order, 10**6, "float64"),
]  # fmt: skip
each_share = pytest.mark.parametrize(("make", "size", "dtype"), SHARES)


@each_share
def test_a_softmax_is_a_simplex(make, size, dtype):
    share = make(size, dtype)
    assert share.dtype == dtype
    expected = np.log(share[..., 1].astype("float64"))
    k = R.categorical(share)
    np.testing.assert_allclose(value(pt.logp(k, np.ones(k.shape, int))), expected, rtol=1e-6)
    p = pt.tensor("p", (None,) * share.ndim, dtype)
    distribution = R.categorical(p)
    got = value(pt.logp(distribution, np.ones(k.shape, int)), p=share)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


@each_share
def test_what_does_not_sum_to_1_is_none(make, size, dtype):
    share = make(size, dtype)
    for factor in (1.01, 0.99):
        wrong = (share * np.asarray(factor, dtype)).astype(dtype)
        with pytest.raises(ValueError, match="non-negative entries with sum 1"):
            R.categorical(wrong)
        p = pt.tensor("p", (None,) * share.ndim, dtype)
        node = pt.logp(R.categorical(p), np.ones(share.shape[:-1], int))
        assert np.all(value(node, p=wrong) == -INF)


def test_compiled_checks_of_simplexes():
    """The rows of a transition matrix and of compositions, in float32, by their own long sums."""
    rows, state = pt.tensor("rows", (None, None), "float32"), pt.tensor("state", (None,), "int64")
    jump = pt.sum(pt.logp(R.categorical(rows[state]), state))
    shares = pt.tensor("shares", (None, None), "float32")
    whole = pt.logp(R.dirichlet(pt.ones(shares.shape[-1:], "float32")), shares)
    f = pt.function([rows, state, shares], [jump, whole])
    table = softmax((5, 20000), "float32")
    got = f(table, np.arange(5), table)
    expected = np.log(table[np.arange(5), np.arange(5)].astype(float)).sum()
    np.testing.assert_allclose(got[0], expected, rtol=1e-5)
    np.testing.assert_allclose(got[1], math.lgamma(20000), rtol=1e-6)
    assert np.all(f(table, np.arange(5), table * np.float32(1.01))[1] == -INF)


def test_covariances_of_single_precision_are_symmetric_enough():
    x = np.random.default_rng(2).normal(size=(500, 300)).astype("float32")
    cov = x.T @ x / np.float32(500) + np.eye(300, dtype="float32")
    # As a product of other factors comes out: symmetric to a few roundings of sums.
    skewed = cov + np.triu(cov, 1) * np.float32(3e-7)
    distribution = R.multivariate_normal(np.zeros(300, "float32"), cov=skewed)
    assert np.isfinite(value(pt.logp(distribution, np.zeros(300, "float32"))))
    with pytest.raises(ValueError, match="symmetric"):
        R.multivariate_normal(0.0, cov=cov + np.triu(cov, 1) * np.float32(1e-2))
