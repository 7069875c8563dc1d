"""Models of one density each, which `python -m tests.bench --base` times beside the four others.

They are found by path and need nothing but the library, so that a base without this file can be
timed too. Data are drawn from a fixed seed; a few hundred points each, so that the work of a point
counts and not the call. `--models densities` stands for all of them.
"""

import numpy as np

import probtensor as pt

POINTS = 2


def _regression(rng, rows):
    x = rng.standard_normal(rows)
    a = pt.random.normal(0, 2, name="a")
    b = pt.random.normal(0, 2, name="b")
    return x, a + b * x


def ordinal(rng):
    """Five ordered categories whose probabilities are differences of logistic functions."""
    x = rng.standard_normal(500)
    b = pt.random.normal(0, 2, name="b")
    cuts = pt.random.normal(0, 3, shape=4, name="cuts", constraint=pt.ordered())
    below = pt.sigmoid(cuts[None, :] - (b * x)[:, None])
    parts = [below[:, :1], below[:, 1:] - below[:, :-1], 1 - below[:, -1:]]
    y = pt.random.categorical(pt.concatenate(parts, axis=1), name="y")
    return {y: rng.integers(0, 5, 500)}, ()


def dirichlet(rng):
    """300 vectors of 5 shares, the concentrations free."""
    alpha = pt.random.half_normal(5, shape=5, name="alpha")
    y = pt.random.dirichlet(alpha, shape=(300, 5), name="y")
    return {y: rng.dirichlet([1.0, 2.0, 3.0, 4.0, 5.0], 300)}, ()


def dirichlet_multinomial(rng):
    """300 x 5 counts with shares that are integrated out, written by hand."""
    counts = rng.multinomial(20, [0.1, 0.2, 0.3, 0.2, 0.2], 300).astype(float)
    alpha = pt.random.half_normal(5, shape=5, name="alpha")
    total = pt.sum(alpha)
    shares = pt.sum(pt.gammaln(counts + alpha) - pt.gammaln(alpha), axis=-1)
    mass = shares + pt.gammaln(total) - pt.gammaln(total + counts.sum(axis=1))
    return {}, (pt.potential(mass, name="counts"),)


def poisson_groups(rng):
    """1,000 counts in 20 groups with a rate each."""
    group, x = rng.integers(0, 20, 1000), rng.standard_normal(1000)
    a = pt.random.normal(0, 2, shape=20, name="a")
    b = pt.random.normal(0, 2, name="b")
    y = pt.random.poisson(pt.exp(a[group] + b * x), name="y")
    return {y: rng.poisson(3.0, 1000)}, ()


def poisson_rates(rng):
    """1,000 counts in 20 groups, each with a rate that is a parameter."""
    group = rng.integers(0, 20, 1000)
    rate = pt.random.half_normal(5, shape=20, name="rate")
    y = pt.random.poisson(rate[group], name="y")
    return {y: rng.poisson(3.0, 1000)}, ()


def negative_binomial(rng):
    """500 counts with a log-linear mean and free dispersion."""
    _, eta = _regression(rng, 500)
    alpha = pt.random.half_normal(5, name="alpha")
    y = pt.random.negative_binomial(pt.exp(eta), alpha, name="y")
    return {y: rng.negative_binomial(3, 0.4, 500)}, ()


def negative_binomial_chance(rng):
    """500 counts of failures with a logistic chance and a free number of successes."""
    _, eta = _regression(rng, 500)
    n = pt.random.half_normal(5, name="n")
    y = pt.random.negative_binomial(n=n, p=pt.sigmoid(eta), name="y")
    return {y: rng.negative_binomial(3, 0.4, 500)}, ()


def student(rng):
    """500 points on a line with Student's t noise and free degrees of freedom."""
    _, eta = _regression(rng, 500)
    nu = pt.random.gamma(2, 0.1, name="nu")
    sigma = pt.random.half_normal(2, name="sigma")
    y = pt.random.student_t(nu, eta, sigma, name="y")
    return {y: rng.standard_t(4, 500)}, ()


def gamma(rng):
    """500 positive numbers with a log-linear mean and a free shape."""
    _, eta = _regression(rng, 500)
    alpha = pt.random.half_normal(5, name="alpha")
    y = pt.random.gamma(alpha, alpha / pt.exp(eta), name="y")
    return {y: rng.gamma(2.0, 1.0, 500)}, ()


def normal(rng):
    """Linear regression, 300 x 4."""
    x = rng.standard_normal((300, 4))
    beta = pt.random.normal(0, 2, shape=4, name="beta")
    sigma = pt.random.half_normal(2, name="sigma")
    y = pt.random.normal(pt.dot(x, beta), sigma, name="y")
    return {y: x @ [1.0, 2.0, -1.0, 0.5] + rng.standard_normal(300)}, ()


def probit(rng):
    """1,000 outcomes whose probabilities are normal distribution functions."""
    _, eta = _regression(rng, 1000)
    y = pt.random.bernoulli(pt.special.ndtr(eta), name="y")
    return {y: rng.integers(0, 2, 1000)}, ()


def beta_binomial(rng):
    """500 counts of 20 with chances that are integrated out, written by hand."""
    y = rng.binomial(20, 0.3, 500).astype(float)
    a = pt.random.half_normal(5, name="a")
    b = pt.random.half_normal(5, name="b")
    mass = pt.special.betaln(y + a, 20 - y + b) - pt.special.betaln(a, b)
    return {}, (pt.potential(mass, name="counts"),)


MODELS = {
    model.__name__: model
    for model in (
        ordinal, dirichlet, dirichlet_multinomial, poisson_groups, poisson_rates,
        negative_binomial, negative_binomial_chance, student, gamma, normal, probit, beta_binomial,
    )
}  # fmt: skip


def load(name):
    """(posterior, points) of a model: what is timed, and where."""
    observed, potentials = MODELS[name](np.random.default_rng(20240501))
    posterior = pt.condition(observed, potentials=potentials)
    rng = np.random.default_rng(1)
    return posterior, [0.2 * rng.standard_normal(posterior.dim) for _ in range(POINTS)]
