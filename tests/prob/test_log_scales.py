"""Parameters on a log scale: what facts decide is not tested in floating point, so densities hold
where the parameter itself has rounded to 0; counts by all the ways to write their mean."""

from itertools import product

import mpmath
import numpy as np
import pytest
from scipy import stats

import probtensor as pt
from probtensor.graph import toposort
from tests.prob.exact_links import AT, LOG, check, exp, log_sigmoid, softplus, truth

R = pt.random
N = len(AT)
NEAR = (2e-14, 1e-13, 3e-13)
LOG_FACTORIAL = {0: mpmath.mpf(0), 3: mpmath.log(6)}
EXPOSURE = 2.5
# The mean as it is written, and its logarithm.
MEANS = {
    "exp": (lambda e: pt.exp(e), lambda x: x),
    "exp * literal": (lambda e: pt.exp(e) * EXPOSURE, lambda x: x + mpmath.log(EXPOSURE)),
    "exp * data": (
        lambda e: pt.exp(e) * pt.data(np.full(N, EXPOSURE)),
        lambda x: x + mpmath.log(EXPOSURE),
    ),
    "softplus": (lambda e: pt.softplus(e), lambda x: mpmath.log(softplus(x))),
    "log(1 + exp)": (lambda e: pt.log(1 + pt.exp(e)), lambda x: mpmath.log(softplus(x))),
    "exp + exp": (
        lambda e: pt.exp(e) + pt.exp(0.5 * e - 1),
        lambda x: mpmath.log(exp(x) + exp(x / 2 - 1)),
    ),
    "exp + literal": (lambda e: pt.exp(e) + 0.5, lambda x: mpmath.log(exp(x) + 0.5)),
    "square": (lambda e: pt.exp(0.5 * e) ** 2, lambda x: x),
}
ALPHA = 1.5
WAYS = ("poisson", "negative binomial", "by n and p", "by hand", "by hand and its rest")


def density(way, mean, e, y):
    mu, data = mean(e), pt.data(np.full(N, y))
    if way == "poisson":
        return pt.logp(R.poisson(mu), data)
    if way == "negative binomial":
        return pt.logp(R.negative_binomial(mu, ALPHA), data)
    if way == "by n and p":
        return pt.logp(R.negative_binomial(n=ALPHA, p=ALPHA / (ALPHA + mu)), data)
    share = mu / (mu + ALPHA) if way == "by hand" else 1 - ALPHA / (mu + ALPHA)
    ways = float(mpmath.loggamma(y + ALPHA) - mpmath.loggamma(ALPHA) - LOG_FACTORIAL[y])
    return ways + ALPHA * pt.log(ALPHA / (mu + ALPHA)) + data * pt.log(share)


def exact(way, log_mean, y):
    def poisson(x):
        mean = log_mean(x)
        return y * mean - mpmath.exp(mean) - LOG_FACTORIAL[y]

    def negative_binomial(x):
        d = log_mean(x) - mpmath.log(ALPHA)
        ways = mpmath.loggamma(y + ALPHA) - mpmath.loggamma(ALPHA) - LOG_FACTORIAL[y]
        return y * d - (y + ALPHA) * softplus(d) + ways

    return poisson if way == "poisson" else negative_binomial


def count_cases(means):
    cases = {}
    for name in means:
        mean, log_mean = MEANS[name]
        for way in WAYS:
            left_out = (way == "by n and p" and name == "exp * data") or (
                way == "by hand and its rest" and name == "exp + literal"
            )
            for y in () if left_out else (0, 3):
                cases[f"{name}, {way}, {y}"] = (
                    lambda e, w=way, m=mean, y=y: density(w, m, e, y),
                    exact(way, log_mean, y),
                )
    return cases


def test_counts():
    check(count_cases(MEANS), "interp", NEAR)


@pytest.mark.slow
def test_counts_compiled():
    check(count_cases(["exp * data", "softplus"]), "cython", NEAR)


def test_binomial_counts():
    cases = {}
    for cdf, link in (("logistic", lambda e: 1 / (1 + pt.exp(-e))), ("probit", pt.ndtr)):
        for y in (0, 2, 5):

            def right(x, y=y, cdf=cdf):
                log_p, log_rest = LOG[cdf]
                first = y * log_p(x) if y else 0
                return (
                    first
                    + ((5 - y) * log_rest(x) if y < 5 else 0)
                    + mpmath.log(mpmath.binomial(5, y))
                )

            cases[f"{cdf} {y}"] = (
                lambda e, link=link, y=y: pt.logp(R.binomial(5, link(e)), pt.data(np.full(N, y))),
                right,
            )
    check(cases, "interp", NEAR)


def log_beta_density(log_a, log_b, log_whole, x):
    a, b = mpmath.exp(log_a), mpmath.exp(log_b)
    rest = mpmath.loggamma(1 + a) + mpmath.loggamma(1 + b) - mpmath.loggamma(1 + a + b)
    powers = (a - 1) * mpmath.log(x) + (b - 1) * mpmath.log1p(-x)
    return powers - (log_whole - log_a - log_b + rest)


def test_shares_of_a_whole():
    """Both shapes of a beta variable, and their sum, may round to 0."""
    cases = {}
    # The sum as it is written, and its logarithm.
    wholes = {
        "literal": (lambda e: 12.0, lambda u: mpmath.log(12)),
        "small": (lambda e: pt.exp(-pt.softplus(e)), lambda u: -softplus(u)),
        "small with the share": (lambda e: pt.exp(-pt.softplus(-e)), lambda u: -softplus(-u)),
    }
    # The share, and the logarithms of it and of the rest.
    shares = {
        "sigmoid": (pt.sigmoid, log_sigmoid, lambda u: log_sigmoid(-u)),
        "steep": (lambda e: pt.sigmoid(2 * e), lambda u: log_sigmoid(2 * u),
                  lambda u: log_sigmoid(-2 * u)),
    }  # fmt: skip
    for (of, (whole, log_whole)), (name, (share, log, log_rest)) in product(
        wholes.items(), shares.items()
    ):

        def right(u, log_whole=log_whole, log=log, log_rest=log_rest):
            k = log_whole(u)
            return log_beta_density(log(u) + k, log_rest(u) + k, k, mpmath.mpf(0.25))

        def term(e, whole=whole, share=share):
            y = R.beta(mu=share(e), kappa=whole(e))
            return pt.logp(y, pt.data(np.full(N, 0.25)))

        cases[f"{of}, {name}"] = term, right
    check(cases, "interp", NEAR)


# Scales and rates at -800, and 800.

FAR = (-800.0, -40.0, -1.0, 0.0, 1.0, 40.0, 800.0)
LOG_2PI = mpmath.log(2 * mpmath.pi)
DENSITIES = {
    "exponential": (lambda p: pt.logp(R.exponential(p), 2.5), lambda s: s - exp(s) * 2.5),
    "gamma": (
        lambda p: pt.logp(R.gamma(2.0, p), 2.5),
        lambda s: 2 * s + mpmath.log(2.5) - exp(s) * 2.5,
    ),
    "normal": (
        lambda p: pt.logp(R.normal(0.0, p), 1.0),
        lambda s: -exp(-2 * s) / 2 - s - LOG_2PI / 2,
    ),
    "normal by tau": (
        lambda p: pt.logp(R.normal(0.0, tau=p), 1.0),
        lambda s: s / 2 - exp(s) / 2 - LOG_2PI / 2,
    ),
    "laplace": (
        lambda p: pt.logp(R.laplace(0.0, p), 1.0),
        lambda s: -exp(-s) - s - mpmath.log(2),
    ),
    "inverse gamma": (
        lambda p: pt.logp(R.inverse_gamma(2.0, p), 2.0),
        lambda s: 2 * s - 3 * mpmath.log(2) - exp(s) / 2,
    ),
    "poisson": (lambda p: pt.logp(R.poisson(p), 3), lambda s: 3 * s - exp(s) - mpmath.log(6)),
    "of a value": (
        lambda p: pt.logp(R.gamma(3.0, 2.0), p),
        lambda s: 2 * mpmath.log(2) + 2 * s - 2 * exp(s),
    ),
}  # fmt: skip
SCALES = {
    "exp": lambda s: pt.exp(s),
    "1 / exp(-s)": lambda s: 1 / pt.exp(-s),
    "sqrt": lambda s: pt.sqrt(pt.exp(2 * s)),
    "named": lambda s: pt.deterministic(pt.exp(s), "scale"),
    "an element": lambda s: pt.stack([pt.exp(s), pt.exp(s + 1)])[0],
}


@pytest.mark.parametrize("target", ["interp", "cython"])
def test_what_facts_show_is_not_tested_in_floating_point(target):
    s = pt.scalar("s")
    outputs = {}
    for scale, of in SCALES.items():
        for name, (density_of, _) in DENSITIES.items():
            term = density_of(of(s))
            outputs[f"{scale}, {name}"] = [term, pt.grad(term, s)]
    f = pt.function([s], outputs, target=target)
    for k, at in enumerate(FAR):
        for key, got in f(at).items():
            form = DENSITIES[key.split(", ")[1]][1]
            for order, value in enumerate(got):
                right = truth(form, order, FAR)[k]
                if np.isfinite(right) or order == 0:
                    np.testing.assert_allclose(value, right, 1e-10, 1e-12, err_msg=f"{key} {at}")
    assert all(np.isnan(v) for got in f(np.nan).values() for v in got), "nan stays nan"


SHOWN = {
    "exp": lambda s: R.exponential(pt.exp(s)),
    "a sum": lambda s: R.exponential(pt.exp(s) + pt.softplus(s)),
    "a quotient": lambda s: R.exponential(pt.exp(s) / (2 + pt.square(s))),
    "log(1 + exp)": lambda s: R.exponential(pt.log(1 + pt.exp(s))),
    "a maximum": lambda s: R.exponential(pt.maximum(s, 1e-6)),
    "a running sum": lambda s: R.exponential(pt.cumsum(pt.exp(s * np.ones(2)))),
    "a probability": lambda s: R.bernoulli(pt.exp(s) / (1 + pt.exp(s))),
    "a share": lambda s: R.bernoulli(3.0 / (3.0 + pt.square(s))),
    "a complement": lambda s: R.bernoulli(1 - pt.exp(-pt.exp(s))),
    "shares": lambda s: R.categorical(
        pt.exp(s * np.arange(3.0)) / pt.sum(pt.exp(s * np.arange(3.0)), keepdims=True)
    ),
    "softmax": lambda s: R.categorical(pt.softmax(s * np.arange(3.0))),
    "n and p": lambda s: R.negative_binomial(n=2.0, p=pt.sigmoid(s)),
}


@pytest.mark.parametrize("name", SHOWN)
def test_no_comparison_is_left_of_what_is_shown(name):
    s = pt.scalar("s")
    term = pt.logp(SHOWN[name](s), pt.data(np.ones(2, int)).astype("int64"))
    reads_s = set()
    for node in toposort([term]):
        if node is s or any(x in reads_s for x in node.inputs):
            reads_s.add(node)
    kinds = [x.op.name for x in reads_s]
    assert not {"gt", "ge", "lt", "le"} & set(kinds), kinds


def test_what_rounding_may_reach_is_tested():
    s = pt.scalar("s")
    term = pt.logp(R.exponential(pt.exp(s) + 1 - 1), 1.0)
    assert "gt" in [x.op.name for x in toposort([term])]


def test_softmax_of_another_axis_is_no_row_of_probabilities():
    x = pt.matrix("x", shape=(2, 2))
    term = pt.logp(R.categorical(pt.softmax(x, axis=0)), pt.as_tensor([0, 1]))
    got = pt.function([x], term, target="interp")([[0.0, 0.0], [0.0, 3.0]])
    assert (got == -np.inf).all()


def test_a_sign_is_asked_of_the_factors_that_have_one():
    """exp(s) * x is not negative where x is not, though it rounds to 0."""
    s, x = pt.scalar("s"), pt.vector("x")
    term = pt.logp(R.negative_binomial(pt.exp(s) * x, 2.0), np.zeros(2, int))
    got = pt.function([s, x], term, target="interp")(-800.0, [1.0, -1.0])
    assert got[0] == 0 and got[1] == -np.inf
    rate = pt.exp(R.normal(0, 1, name="b")) * pt.data([1.0, 2.0], name="x")
    posterior = pt.condition({R.poisson(rate, name="y"): [0, 3]}, target="interp")
    assert posterior.guarded == ()
    with pytest.raises(ValueError, match=r"a factor of mu of poisson 'y'.*>= 0"):
        posterior.with_data({"x": [1.0, -2.0]})


def in_a_potential(term, dtype="float64", **values):
    """The posterior of a positive variable `s` given the potential of a term of it and of data."""
    s = R.exponential(np.asarray(1.0, dtype), name="s")
    data = [pt.data(np.asarray(v, dtype), name=k) for k, v in values.items()]
    return pt.condition({}, potentials=[pt.potential(term(s, *data), name="u")], target="interp")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_density_in_a_potential_knows_the_variables_of_its_model(dtype):
    """A positive variable comes out of exp: it is not compared with 0, where it rounds to 0."""
    at = {"float64": -800.0, "float32": -120.0}[dtype]
    terms = {
        "rate": (lambda s, y: pt.logp(R.exponential(s), y), lambda s: s - exp(s)),
        "value": (lambda s, y: pt.logp(R.gamma(3.0, 2.0), s) + 0 * y,
                  lambda s: 2 * mpmath.log(2) + 2 * s - 2 * exp(s)),
        "scale": (lambda s, y: pt.logp(R.cauchy(0.0, s), y),
                  lambda s: -s - mpmath.log1p(exp(-2 * s)) - mpmath.log(mpmath.pi)),
        "count": (lambda s, y: pt.logp(R.poisson(s), y), lambda s: s - exp(s)),
    }  # fmt: skip
    for name, (term, right) in terms.items():
        posterior = in_a_potential(term, dtype, y=1.0)
        assert all(g.startswith("the value of") for g in posterior.guarded), name
        logp, slope = posterior.logp_and_grad(np.array([at]))
        # The prior of s, and the Jacobian of exp.
        want = [right(mpmath.mpf(at)) - exp(at) + at, truth(right, 1, (at,))[0] + 1 - np.exp(at)]
        np.testing.assert_allclose([logp, slope[0]], [*map(float, want)], 1e-6, err_msg=name)
    observed = pt.condition(
        {R.exponential(R.exponential(np.asarray(1.0, dtype), name="s"), name="y"): 1.0},
        target="interp",
    )
    assert observed.guarded == ()
    np.testing.assert_allclose(observed.logp(np.array([at])), 2 * at, 1e-6)


def test_what_restricts_a_sum_of_densities_guards_it():
    """One choice for the whole density, and none in the loop over data."""
    posterior = in_a_potential(lambda s, y: 0.5 * pt.sum(pt.logp(R.exponential(s), y)), y=[1.0, 2])
    assert len(posterior.guarded) == 1 and "number >= 0" in posterior.guarded[0]
    assert np.isfinite(posterior.logp(np.zeros(1)))
    assert posterior.with_data({"y": [1.0, -2.0]}).logp(np.zeros(1)) == -np.inf


def test_what_restricts_one_of_two_densities_stays_with_it():
    """Where densities are mixed, or taken from each other, one may be zero."""

    def mixed(s, y):
        return pt.sum(pt.logaddexp(pt.logp(R.exponential(s), y), pt.logp(R.normal(0.0, s), y)))

    posterior = in_a_potential(mixed, y=[1.0, -2.0])
    assert posterior.guarded == () and np.isfinite(posterior.logp(np.zeros(1)))
    rest = in_a_potential(lambda s, y: -pt.sum(pt.logp(R.exponential(s), y)), y=[1.0, -2.0])
    assert rest.guarded == () and rest.logp(np.zeros(1)) == np.inf


def test_shapes_that_are_no_shares_of_a_whole():
    """(2 - s) k and s k have the sum 2 k."""
    s, k = pt.scalar("s"), pt.scalar("k")
    density = pt.logp(R.beta(s * k, (2.0 - s) * k), 0.3)
    f = pt.function([s, k], density, target="interp")
    for at, whole in ((0.25, 8.0), (1e-3, 1e3), (0.9, 1e-3), (0.5, 1e5)):
        wanted = stats.beta.logpdf(0.3, at * whole, (2.0 - at) * whole)
        np.testing.assert_allclose(f(at, whole), wanted, rtol=1e-10)
