"""Expectations, variances, modes, entropies and divergences of random variables as graphs."""

import math
from itertools import pairwise

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy import integrate, special, stats

import probtensor as pt
from probtensor.graph import GraphError

R, S = pt.random, stats


def run(*nodes, inputs=(), at=()):
    return pt.function(list(inputs), list(nodes), target="machine")(*at)


def test_summaries_are_functions_of_parameters():
    a, b = pt.scalar("a"), pt.scalar("b")
    x = R.gamma(a, b, shape=2)
    parts = [pt.expectation(x), pt.variance(x), pt.mode(x), pt.entropy(x)]
    slope = pt.grad(pt.sum(parts[0]), a)
    f = pt.function([a, b], [*parts, slope], target="machine")
    mean, spread, mode, entropy, by_a = f(3.0, 2.0)
    exact = S.gamma(3, scale=0.5)
    for found, right in ((mean, 1.5), (spread, 0.75), (mode, 1.0), (entropy, exact.entropy())):
        np.testing.assert_allclose(found, [right, right], rtol=1e-12)
    assert by_a == 1.0
    assert all(np.isnan(y).all() for y in f(-1.0, 2.0)[:4])
    shares = R.dirichlet(np.array([[2.0, 3.0], [1.0, 0.5]]))
    p = np.array([0.1, 0.7, 0.2])
    choices = R.categorical(p), R.categorical(logit_p=np.log(p) + 3)
    mean, *found = run(pt.expectation(shares), *(
        f(x) for x in choices for f in (pt.expectation, pt.mode, pt.entropy)
    ))  # fmt: skip
    np.testing.assert_allclose(mean, [[0.4, 0.6], [2 / 3, 1 / 3]])
    np.testing.assert_allclose(found, [1.1, 1, S.entropy(p)] * 2, rtol=1e-12)


def test_moments_of_the_truncated_normal_in_its_tails():
    cuts = [(-1.0, 2.0), (None, 0.5), (3.0, None), (-0.1, 0.1), (-30.0, 30.0), (4.0, None)]
    rows = [R.normal(0.5, 2.0, constraint=pt.interval(*cut)) for cut in cuts]
    found = np.array(run(*(f(v) for v in rows
                           for f in (pt.expectation, pt.variance, pt.entropy))))  # fmt: skip
    ends = [((-np.inf if a is None else (a - 0.5) / 2), (np.inf if b is None else (b - 0.5) / 2))
            for a, b in cuts]  # fmt: skip
    exact = [S.truncnorm(*end, 0.5, 2) for end in ends]
    wanted = np.array([(s.mean(), s.var(), s.entropy()) for s in exact])
    wanted[:, 2] = [by_integral(s, s, own=True) for s in exact]  # SciPy's are nan
    np.testing.assert_allclose(found.reshape(-1, 3), wanted, rtol=1e-9)
    # Far out, beside mpmath: the Mills ratio m gives the mean m and the variance 1 + m (a - m).
    for a in (40.0, 1e4):
        with mp.workdps(60):
            m = 1 / (mp.sqrt(mp.pi / 2) * mp.exp(mpf(a) ** 2 / 2) * mp.erfc(a / mp.sqrt(2)))
            right = float(m), float(1 + m * (a - m))
        for low, high, sign in ((a, None, 1), (None, -a, -1)):
            v = R.normal(0.0, 1.0, constraint=pt.interval(low, high))
            mean, spread, mode = run(pt.expectation(v), pt.variance(v), pt.mode(v))
            np.testing.assert_allclose((sign * mean, spread), right, rtol=1e-12)
            assert mode == sign * a
    part = R.uniform(0.0, 9.0, constraint=pt.interval(1.0, 3.0))
    np.testing.assert_allclose(run(pt.expectation(part), pt.variance(part)), [2.0, 1 / 3])


def exact_moments(least, most, density, low, high):
    """The mean and the variance of what is truncated to an interval, and of what is censored."""
    with mp.workdps(40):
        a, b = max(low, least), min(high, most)
        powers = [mp.quad(lambda x, m=m: (x - a) ** m * density(x), [a, b]) for m in range(3)]
        ends = [(low, mp.quad(density, [least, a])), (high, mp.quad(density, [b, most]))]
        censored = [x + sum(p * (y - a) ** m for y, p in ends) for m, x in enumerate(powers)]
        for first, second, third in (powers, censored):
            mean = second / first
            yield float(a + mean), float(third / first - mean**2)


def test_moments_of_truncated_and_censored_variables():
    """Exponential, normal and uniform parts, at all widths, against integrals of mpmath."""
    lower, upper = pt.vector("lower"), pt.vector("upper")
    parts = R.exponential(1.5), R.normal(0.5, 2.0), R.uniform(-1.0, 4.0)
    variables = [make(part, **ends) for part in parts for make in (R.truncated, R.censored)
                 for ends in ({"lower": lower, "upper": upper}, {"lower": lower})]  # fmt: skip
    results = [f(v) for v in variables for f in (pt.expectation, pt.variance)]
    f = pt.function([lower, upper], results, target="machine")
    cuts = np.array([(-0.5, 0.4), (0.2, 0.2 + 2**-20), (0.3, 1.3), (0.25, 3.0), (2.0, 3.5)])
    found = np.reshape(f(*cuts.T), (3, 2, 2, 2, len(cuts)))
    supports = (0, mp.inf), (-mp.inf, mp.inf), (-1, 4)
    heights = (
        lambda x: 1.5 * mp.exp(-1.5 * x), lambda x: mp.npdf(x, 0.5, 2), lambda x: mpf(1) / 5,
    )  # fmt: skip
    for i, (ends, density) in enumerate(zip(supports, heights, strict=True)):
        for n, (low, high) in enumerate(cuts):
            for j, wanted in enumerate(exact_moments(*ends, density, mpf(low), mpf(high))):
                np.testing.assert_allclose(found[i, j, 0, :, n], wanted, rtol=1e-11)
    # Without an upper bound: memoryless, or by the closed forms.
    at = cuts[1:, 0]
    np.testing.assert_allclose(found[0, 0, 1, 0, 1:], at + 1 / 1.5, rtol=1e-14)
    np.testing.assert_allclose(found[0, 0, 1, 1], 1 / 1.5**2, rtol=1e-14)
    np.testing.assert_allclose(found[0, 1, 1, 0, 1:], at + np.exp(-1.5 * at) / 1.5, rtol=1e-13)
    normal = [S.truncnorm((a - 0.5) / 2, np.inf, 0.5, 2) for a in cuts[:, 0]]
    np.testing.assert_allclose(found[1, 0, 1, 0], [x.mean() for x in normal], rtol=1e-9)
    cut = R.exponential(2.0, constraint=pt.interval(0.5, 2.0))
    exact = S.truncexpon(3.0, 0.5, 0.5)
    wanted = exact.mean(), exact.var(), exact.entropy()
    got = run(pt.expectation(cut), pt.variance(cut), pt.entropy(cut))
    np.testing.assert_allclose(got, wanted, rtol=1e-12)
    by_lower = pt.grad(pt.sum(results[0]), lower)
    empty, slope = run(results[0], by_lower, inputs=(lower, upper), at=([-2.0, 1], [-1.0, np.inf]))
    np.testing.assert_allclose(empty, [math.nan, 1 + 1 / 1.5], rtol=1e-14)
    assert slope[1] == 1
    with pytest.raises(GraphError, match="poisson"):
        pt.expectation(R.truncated(R.poisson(2.0), lower=1))


@pytest.mark.parametrize("make", [
    lambda cut: R.von_mises(3.0, 2.0, constraint=cut), lambda cut: R.beta(0.5, 0.6, constraint=cut),
    lambda cut: R.beta(3.0, 2.0, constraint=cut),
    lambda cut: R.triangular(0.1, 0.3, constraint=cut),
])  # fmt: skip
@pytest.mark.parametrize("cut", [(0.1, 0.6), (0.5, 0.9), (None, 0.2), (0.7, None), (-3.1, 0.4)])
def test_modes_of_truncated_distributions_are_the_highest_places(make, cut):
    variable = make(pt.interval(*cut))
    x = np.linspace(*(end if end is not None else k * 3.14 for k, end in zip((-1, 1), cut)), 3001)
    mode, = run(pt.mode(variable))
    at, around = run(pt.logp(variable, mode), pt.logp(variable, x))
    assert at >= around.max() - 1e-9


def by_integral(p, q, counts=None, own=False):
    """The divergence of p from q, or with `own` the entropy of p."""
    if counts is not None:
        return np.nansum(p.pmf(counts) * (p.logpmf(counts) - q.logpmf(counts)))
    ends, steps = p.ppf([1e-14, 0.01, 0.1, 0.5, 0.9, 0.99]).tolist(), [p.isf(1e-14)]
    places = [*ends, *steps]

    def f(x):
        return p.pdf(x) * (-p.logpdf(x) if own else p.logpdf(x) - q.logpdf(x))

    return sum(integrate.quad(f, *pair, limit=200)[0] for pair in pairwise(places))


COUNTS = np.arange(300)
PAIRS = [
    (R.normal, S.norm, (0.3, 1.7), (-0.4, 0.9), lambda a: a),
    (R.exponential, S.expon, (2.0,), (0.7,), lambda a: (0, 1 / a[0])),
    (R.half_normal, S.halfnorm, (2.0,), (3.0,), lambda a: (0, a[0])),
    (R.gamma, S.gamma, (2.0, 3.0), (3.5, 1.0), lambda a: (a[0], 0, 1 / a[1])),
    (R.inverse_gamma, S.invgamma, (9.0, 3.0), (8.5, 1.0), lambda a: (a[0], 0, a[1])),
    (R.chi_squared, S.chi2, (3.0,), (5.0,), lambda a: a),
    (R.beta, S.beta, (2.0, 3.0), (1.5, 0.7), lambda a: a),
    (R.laplace, S.laplace, (0.3, 1.0), (-1.0, 2.0), lambda a: a),
    (R.gumbel, S.gumbel_r, (0.3, 1.0), (1.0, 2.0), lambda a: a),
    (R.weibull, S.weibull_min, (1.5, 2.0), (2.5, 1.0), lambda a: (a[0], 0, a[1])),
    (R.log_normal, S.lognorm, (0.3, 0.7), (-0.4, 0.9), lambda a: (a[1], 0, math.exp(a[0]))),
    (R.bernoulli, S.bernoulli, (0.3,), (0.6,), lambda a: a),
    (R.binomial, S.binom, (7, 0.3), (7, 0.6), lambda a: a),
    (R.poisson, S.poisson, (3.0,), (5.0,), lambda a: a),
    (R.geometric, S.geom, (0.3,), (0.6,), lambda a: a),
]  # fmt: skip


def test_divergences_are_integrals_of_log_ratios():
    rows = [(make(*p), make(*q)) for make, _, p, q, _ in PAIRS]
    found = run(*(pt.kl_divergence(p, q) for p, q in rows))
    for (make, scipy, p, q, of), value in zip(PAIRS, found):
        first, second = scipy(*of(p)), scipy(*of(q))
        counts = None if hasattr(first, "logpdf") and "pmf" not in dir(scipy) else COUNTS
        exact = by_integral(first, second, counts)
        np.testing.assert_allclose(value, exact, rtol=1e-8, err_msg=make.__name__)
    assert not np.any(run(*(pt.kl_divergence(p, p) for p, _ in rows)))


def test_divergences_in_closed_form():
    c1, c2 = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.2], [-0.2, 3.0]])
    m = np.array([0.3, -1.0])
    inverse = np.linalg.inv(c2)
    gaussian = 0.5 * (np.trace(inverse @ c1) - 2 + m @ inverse @ m
                      + np.log(np.linalg.det(c2) / np.linalg.det(c1)))  # fmt: skip
    turned, fixed = S.vonmises(2.0, 0.3), S.vonmises(5.0, -1.0)
    angles = integrate.quad(
        lambda x: turned.pdf(x) * (turned.logpdf(x) - fixed.logpdf(x)), -math.pi, math.pi
    )[0]
    rows = [
        (R.multivariate_normal(m, cov=c1), R.multivariate_normal(np.zeros(2), cov=c2), gaussian),
        (R.dirichlet([2.0, 3.0]), R.dirichlet([1.5, 0.7]), by_integral(S.beta(2, 3),
                                                                       S.beta(1.5, 0.7))),
        (R.von_mises(0.3, 2.0), R.von_mises(-1.0, 5.0), angles),
        (R.cauchy(0.0, 1.0), R.cauchy(1.0, 3.0), math.log(17 / 12)),
        (R.uniform(0.0, 1.0), R.uniform(-1.0, 2.0), math.log(3)),
        (R.uniform(0.0, 3.0), R.uniform(-1.0, 2.0), math.inf),
        (R.discrete_uniform(0, 3), R.discrete_uniform(-1, 6), math.log(2)),
        (R.pareto(2.5, 2.0), R.pareto(1.5, 1.0), math.log(5 / 3) + 1.5 * math.log(2) - 0.4),
        (R.categorical([0.2, 0.8]), R.categorical([0.5, 0.5]),
         0.2 * math.log(0.4) + 0.8 * math.log(1.6)),
        (R.bernoulli(logit_p=0.0), R.bernoulli(logit_p=math.log(3)), 0.5 * math.log(4 / 3)),
    ]  # fmt: skip
    for logit in (R.bernoulli(logit_p=0.0), R.bernoulli(0.5)):
        rows += [(R.bernoulli(0.3), logit, math.log(2) + 0.3 * math.log(0.3) + 0.7 * math.log(0.7)),
                 (logit, R.bernoulli(0.0), math.inf), (R.bernoulli(0.0), logit, math.log(2))]
    thirds = R.categorical(logit_p=np.zeros(3)), R.categorical([0.0, 0.25, 0.75])
    rows += [(R.binomial(4, 0.75), R.binomial(4, logit_p=0.0), 4 * math.log(2) - 4 * S.bernoulli(
                  0.75).entropy()),
             (*thirds[::-1], math.log(3) - S.bernoulli(0.75).entropy()), (*thirds, math.inf)]
    found = run(*(pt.kl_divergence(p, q) for p, q, _ in rows))
    np.testing.assert_allclose(found, [exact for *_, exact in rows], rtol=1e-9)
    # Where they differ little, no digits are lost: half the square of the relative difference.
    near = pt.kl_divergence(R.exponential(1.0), R.exponential(1.0 + 1e-9))
    np.testing.assert_allclose(run(near)[0], 0.5e-18, rtol=1e-6)


CROSSES = [
    (R.exponential(2.0), R.gamma(3.0, 1.5), S.expon(0, 0.5), S.gamma(3, 0, 1 / 1.5)),
    (R.rayleigh(0.7), R.exponential(0.4), S.rayleigh(0, 0.7), S.expon(0, 2.5)),
    (R.chi_squared(3.0), R.weibull(1.7, 2.0), S.chi2(3), S.weibull_min(1.7, 0, 2.0)),
    (R.weibull(1.7, 2.0), R.gamma(3.0, 1.5), S.weibull_min(1.7, 0, 2.0), S.gamma(3, 0, 1 / 1.5)),
    (R.log_normal(0.3, 0.5), R.gamma(3.0, 1.5), S.lognorm(0.5, 0, math.exp(0.3)),
     S.gamma(3, 0, 1 / 1.5)),
    (R.gamma(5.0, 2.0), R.inverse_gamma(3.0, 2.0), S.gamma(5, 0, 0.5), S.invgamma(3, 0, 2)),
    (R.inverse_gamma(8.0, 2.0), R.log_normal(0.0, 0.8), S.invgamma(8, 0, 2), S.lognorm(0.8)),
    (R.half_normal(1.3), R.log_normal(0.0, 1.0), S.halfnorm(0, 1.3), S.lognorm(1)),
    (R.beta(2.0, 3.0), R.gamma(3.0, 1.5), S.beta(2, 3), S.gamma(3, 0, 1 / 1.5)),
    (R.beta(2.0, 3.0), R.uniform(-1.0, 2.0), S.beta(2, 3), S.uniform(-1, 3)),
    (R.gamma(5.0, 2.0), R.half_normal(3.0), S.gamma(5, 0, 0.5), S.halfnorm(0, 3)),
    (R.gamma(5.0, 2.0), R.normal(1.0, 2.0), S.gamma(5, 0, 0.5), S.norm(1, 2)),
    (R.logistic(0.5, 0.6), R.normal(1.0, 2.0), S.logistic(0.5, 0.6), S.norm(1, 2)),
    (R.laplace(0.5, 0.6), R.normal(1.0, 2.0), S.laplace(0.5, 0.6), S.norm(1, 2)),
    (R.normal(0.5, 0.6), R.laplace(-1.0, 2.0), S.norm(0.5, 0.6), S.laplace(-1, 2)),
    (R.frechet(7.0, 2.0), R.frechet(8.0, 1.5), S.invweibull(7, 0, 2), S.invweibull(8, 0, 1.5)),
    (R.log_uniform(1.0, 3.0), R.log_uniform(0.5, 4.0), S.loguniform(1, 3), S.loguniform(0.5, 4)),
    (R.scaled_inverse_chi_squared(16.0, 0.7), R.inverse_gamma(7.0, 3.0),
     S.invgamma(8, 0, 8 * 0.49), S.invgamma(7, 0, 3)),
]  # fmt: skip


def by_nodes(p, q):
    """The integral between quantiles, by nodes of Gauss and Legendre."""
    u = np.array([1e-15, 1e-10, 1e-6, 1e-4, 1e-2, 0.1, 0.3, 0.5])
    ends = np.concatenate([p.ppf(u), p.isf(u[-2::-1])])
    nodes, weights = np.polynomial.legendre.leggauss(40)
    half = 0.5 * np.diff(ends)[:, None]
    x = 0.5 * (ends[1:] + ends[:-1])[:, None] + half * nodes
    return np.sum(half * weights * p.pdf(x) * (p.logpdf(x) - q.logpdf(x)))


def test_divergences_between_kinds_are_integrals_of_log_ratios():
    found = run(*(pt.kl_divergence(p, q) for p, q, *_ in CROSSES))
    np.testing.assert_allclose(found, [by_nodes(p, q) for *_, p, q in CROSSES], rtol=1e-6)
    rows = [
        (R.half_cauchy(2.0), R.half_cauchy(1.0), math.log(9 / 8)),
        (R.beta(2.0, 3.0), R.uniform(0.1, 2.0), math.inf),
        (R.inverse_gamma(2.0, 1.0), R.normal(0.0, 1.0), math.inf),
        (R.gamma(0.5, 1.0), R.inverse_gamma(1.0, 1.0), math.inf),
        (R.gamma(-1.0 + pt.data(0.0), 1.0), R.log_normal(0.0, 1.0), math.nan),
    ]
    found = run(*(pt.kl_divergence(p, q) for p, q, _ in rows))
    np.testing.assert_allclose(found, [exact for *_, exact in rows], rtol=1e-12)


def test_divergences_of_matrices_and_of_covariances_in_other_forms():
    c1, c2 = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.2], [-0.2, 3.0]])
    m, low = np.array([0.3, -1.0]), np.array([[0.5], [1.0]])
    inverse, log_det = np.linalg.inv(c2) @ c1, np.linalg.slogdet(c1)[1] - np.linalg.slogdet(c2)[1]

    def wishart(n1, n2, ratio, log_ratio):
        slopes = special.digamma(0.5 * (n1 - np.arange(2))).sum()
        logs = special.multigammaln(0.5 * n2, 2) - special.multigammaln(0.5 * n1, 2)
        return (0.5 * (n1 * (np.trace(ratio) - 2) - n2 * log_ratio + (n1 - n2) * slopes) + logs)

    turned = np.linalg.inv(c1) @ c2
    rows = [
        (R.wishart(5.0, c1), R.wishart(3.5, c2), wishart(5.0, 3.5, inverse, log_det)),
        (R.inverse_wishart(5.0, c1), R.inverse_wishart(3.5, c2),
         wishart(5.0, 3.5, turned, -log_det)),
        (R.matrix_normal(np.zeros((2, 2)), row_cov=c1, col_cov=c2),
         R.matrix_normal(np.ones((2, 2)), row_cov=c2, col_cov=c1),
         0.5 * (np.trace(inverse) * np.trace(turned) - 4
                + np.ones(4) @ np.linalg.inv(np.kron(c2, c1)) @ np.ones(4))),
    ]  # fmt: skip
    whole = R.multivariate_normal(m, cov=c1), R.multivariate_normal(np.zeros(2), cov=c2)
    exact = 0.5 * (np.trace(inverse) - 2 + m @ np.linalg.inv(c2) @ m - log_det)
    rows += [(R.multivariate_normal(m, tau=np.linalg.inv(c1)), whole[1], exact),
             (whole[0], R.multivariate_normal(np.zeros(2), tau=np.linalg.inv(c2)), exact)]
    thin = R.low_rank_multivariate_normal(m, low, np.array([1.0, 2.0]))
    same = R.multivariate_normal(m, cov=low @ low.T + np.diag([1.0, 2.0]))
    rows += [(thin, same, 0.0), (same, thin, 0.0)]
    found = run(*(pt.kl_divergence(p, q) for p, q, _ in rows))
    np.testing.assert_allclose(found, [exact for *_, exact in rows], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pt.kl_divergence(R.normal(0, 1), R.student_t(3, 0, 1)),
         ["normal from student_t", "mean"]),
        (lambda: pt.kl_divergence(R.normal(0, 1), R.gamma(1, 1)), ["normal from gamma"]),
        (lambda: pt.kl_divergence(R.normal(0, 1), R.exponential(1)), ["normal from exponential"]),
        (lambda: pt.kl_divergence(R.binomial(3, 0.2), R.binomial(4, 0.2)), ["equal n"]),
        (lambda: pt.kl_divergence(R.binomial(3, 0.2), R.binomial(4, logit_p=0.2)), ["equal n"]),
        (lambda: pt.kl_divergence(R.student_t(3, 0, 1), R.student_t(4, 0, 1)),
         ["student_t by nu, mu, sigma from student_t by nu, mu, sigma has"]),
        (lambda: pt.expectation(R.gamma(1.0, 1.0, constraint=pt.interval(1.0, 2.0), name="g")),
         ["expectation", "gamma", "constraint="]),
        (lambda: pt.entropy(R.flat()), ["no proper density"]),
        (lambda: pt.mode(3.0), ["random variable", "3.0"]),
        (lambda: pt.entropy(R.hypergeometric(9, 3, 2)), ["hypergeometric", "pt.draw"]),
        (lambda: pt.variance(R.normal(0, 1) + 1), ["not a random variable"]),
    ],
)  # fmt: skip
def test_what_has_no_formula_is_refused_with_a_way_out(call, words):
    with pytest.raises(GraphError) as error:
        call()
    text = str(error.value)
    assert all(word in text for word in words) and __file__ in text, text
