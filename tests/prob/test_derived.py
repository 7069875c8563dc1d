"""Densities of expressions: closed forms, draws of every rule, derivatives, models, messages."""

import re

import numpy as np
import pytest
from scipy import special, stats

import probtensor as pt
from probtensor import GraphError
from probtensor.prob.derived.derivation import Derivation
from probtensor.prob.derived.rules.table import RULES, RULES_BY_OP
from probtensor.prob.derived.variable import base_variables

R = pt.random
X = np.array([-3.0, -0.5, 0.2, 1.7])
P = np.array([1e-300, 0.3, 2.0, 50.0])
U = np.array([1e-12, 0.3, 0.9])
COUNTS = np.arange(-1, 9)
N, POISSON = stats.norm(0.3, 0.8), stats.poisson(2.0)
A, B = np.array([[2.0, 1.0], [0.5, -1.0]]), np.array([[1.0, 2.0, 3.0], [0.0, 1.0, -1.0]])
C = np.array([[1.0, 0.5, 0.2], [0.5, 2.0, 0.1], [0.2, 0.1, 0.7]])
TURN, LN2 = 2 * np.pi, np.log(2)


def n(**options):
    return R.normal(0.3, 0.8, **options)


def twice(make, function):
    x = make
    return function(x)


def mvn(mean, cov, value):
    return stats.multivariate_normal(mean, cov).logpdf(value)


def wrapped(scale, t):
    return np.log(stats.norm(0.3, scale).pdf(t[:, None] + TURN * np.arange(-60, 61)).sum(1))


def mixed(weight, one, other):
    return np.logaddexp(np.log(weight) + one, np.log1p(-weight) + other)


def inverse_lambert(y):
    x = special.lambertw(y).real
    return stats.gamma(2).logpdf(x) - np.log1p(x) - x


ROOT = np.linalg.cholesky(C + np.eye(3))
ODDS = np.array([0.1, 3.0, 6.0])
S = np.array([0.1, 0.5, 2.0])
with np.errstate(divide="ignore"):
    LARGEST_COUNT = np.log(POISSON.cdf(COUNTS) ** 3 - POISSON.cdf(COUNTS - 1) ** 3)
    SKELLAM = stats.skellam(1.5, 0.7).logpmf(COUNTS)
    IN_UNIT = np.array([-0.9, 0.2, 0.99])

# (expression, values, their log densities).
CLOSED = {
    "exp": (lambda: pt.exp(n()), P, stats.lognorm(0.8, scale=np.exp(0.3)).logpdf(P)),
    "exp of a truncated one": (
        lambda: pt.exp(n(constraint=pt.interval(0, 1))), np.array([1.5, 4.0]),
        [N.logpdf(np.log(1.5)) - np.log(1.5) - np.log(N.cdf(1) - N.cdf(0)), -np.inf]),
    "tanh": (lambda: pt.tanh(n()), IN_UNIT,
             N.logpdf(np.arctanh(IN_UNIT)) - np.log1p(-(IN_UNIT**2))),
    "sigmoid": (lambda: pt.sigmoid(n()), U,
                N.logpdf(special.logit(U)) - np.log(U) - np.log1p(-U)),
    "softplus": (lambda: pt.softplus(n()), np.array([0.0, 1e-300, 700.0]),
                 [-np.inf, N.logpdf(np.log(1e-300)) - np.log(1e-300), N.logpdf(700)]),
    "log_sigmoid": (lambda: pt.log_sigmoid(n()), np.array([-1e-300, -800.0]),
                    [N.logpdf(-np.log(1e-300)) - np.log(1e-300), N.logpdf(-800)]),
    "chi square": (lambda: pt.square(R.normal(0, 1)), P, stats.chi2(1).logpdf(P)),
    "noncentral": (lambda: R.normal(1.5, 1) ** 2, P[1:3], stats.ncx2(1, 2.25).logpdf(P[1:3])),
    "half normal": (lambda: pt.abs(R.normal(0, 2.0)), P, stats.halfnorm(scale=2).logpdf(P)),
    "folded": (lambda: pt.abs(R.student_t(3.0, 0, 1)), P, stats.t(3).logpdf(P) + np.log(2)),
    "reciprocal": (lambda: 1 / R.gamma(3.0, 2.0), P[1:], stats.invgamma(3, scale=2).logpdf(P[1:])),
    "reciprocal cauchy": (lambda: 1 / R.cauchy(0, 2.0), X, stats.cauchy(0, 0.5).logpdf(X)),
    "levy": (lambda: 1 / pt.square(R.normal(0, 1)), P[1:], stats.levy().logpdf(P[1:])),
    "erf": (lambda: pt.erf(R.normal(0, 0.5**0.5)), X[1:3], np.full(2, -np.log(2))),
    "ndtr": (lambda: pt.special.ndtr(R.normal(0, 1)), U, np.zeros(3)),
    "minus log": (lambda: -pt.log(R.uniform(0, 1)), P, -P),
    "pareto": (lambda: pt.exp(R.exponential(2.0)), np.array([1.5, 1e100]),
               stats.pareto(2).logpdf([1.5, 1e100])),
    "weibull": (lambda: R.exponential(1.0) ** 0.5, P[1:3], stats.weibull_min(2).logpdf(P[1:3])),
    "gumbel": (lambda: -pt.log(R.exponential(1.0)), X, stats.gumbel_r.logpdf(X)),
    "power of two": (lambda: 2.0 ** n(), P[1:],
                     N.logpdf(np.log2(P[1:])) - np.log(P[1:] * np.log(2))),
    "odd power": (lambda: n() ** 3, X, N.logpdf(np.cbrt(X)) - np.log(3 * np.cbrt(X) ** 2)),
    "logit": (lambda: pt.logit(R.beta(2.0, 3.0)), X, stats.betaprime(2, 3).logpdf(np.exp(X)) + X),
    "arctan": (lambda: pt.arctan(R.cauchy(0, 1)), X[1:3], np.full(2, -np.log(np.pi))),
    "tan": (lambda: pt.tan(R.uniform(-np.pi / 2, np.pi / 2)), X, stats.cauchy.logpdf(X)),
    "sin": (lambda: pt.sin(R.uniform(-np.pi, np.pi)), X[1:3],
            stats.arcsine(-1, 2).logpdf(X[1:3])),
    "cosh": (lambda: pt.cosh(R.normal(0, 1)), np.array([1.5, 3.0]),
             np.log(2) + stats.norm.logpdf(np.arccosh([1.5, 3])) - 0.5 * np.log([1.25, 8])),
    "logaddexp": (lambda: pt.logaddexp(n(), 0.5), np.array([0.7]),
                  N.logpdf(np.log(np.exp(0.7) - np.exp(0.5))) - np.log1p(-np.exp(-0.2))),
    "counts": (lambda: 3 - 2 * R.poisson(2.0), np.array([3, 2, 1, -1]),
               [POISSON.logpmf(0), -np.inf, POISSON.logpmf(1), POISSON.logpmf(2)]),
    "wrapped": (lambda: pt.mod(n(), TURN), ODDS, wrapped(0.8, ODDS)),
    "wrapped wide": (lambda: pt.mod(R.normal(0.3, 5.8), TURN), ODDS, wrapped(5.8, ODDS)),
    "wrapped cauchy": (lambda: pt.mod(R.cauchy(0.3, 0.8), TURN), ODDS,
                       stats.wrapcauchy(np.exp(-0.8)).logpdf(np.mod(ODDS - 0.3, TURN))),
    "odds": (lambda: twice(R.beta(2.0, 3.0), lambda x: x / (1 - x)), P,
             stats.betaprime(2, 3).logpdf(P)),
    "cubic": (lambda: twice(n(), lambda x: x + x**3), X + X**3, N.logpdf(X) - np.log(1 + 3 * X**2)),
    "lambert": (lambda: twice(R.gamma(2.0, 1.0), lambda x: x * pt.exp(x)), P[1:3],
                inverse_lambert(P[1:3])),
    "sum": (lambda: n() + R.normal(0.5, 1.2) - R.normal(0.1, 0.5), X,
            stats.norm(0.7, (0.64 + 1.44 + 0.25) ** 0.5).logpdf(X)),
    "skellam": (lambda: R.poisson(1.5) - R.poisson(0.7), COUNTS, SKELLAM),
    "triangular": (lambda: R.uniform(0, 1) + R.uniform(0, 1), np.array([0.2, 1.7, 3.0]),
                   stats.triang(0.5, 0, 2).logpdf([0.2, 1.7, 3.0])),
    "erlang": (lambda: R.exponential(2.0) + R.exponential(2.0), P,
               stats.gamma(2, scale=0.5).logpdf(P)),
    "laplace": (lambda: R.exponential(2.0) - R.exponential(2.0), X,
                stats.laplace(0, 0.5).logpdf(X)),
    "logistic": (lambda: R.gumbel(0.3, 2.0) - R.gumbel(0.1, 2.0), X,
                 stats.logistic(0.2, 2).logpdf(X)),
    "negative binomials": (
        lambda: R.negative_binomial(n=2.5, p=0.4) + R.negative_binomial(n=1.5, p=0.4), COUNTS[1:],
        stats.nbinom(4, 0.4).logpmf(COUNTS[1:])),
    "binomials": (lambda: R.binomial(3, 0.3) + R.bernoulli(0.3), COUNTS,
                  stats.binom(4, 0.3).logpmf(COUNTS)),
    "log_normals": (lambda: R.log_normal(0.2, 0.5) * R.log_normal(-0.1, 1.2), P,
                    stats.lognorm(1.3, scale=np.exp(0.1)).logpdf(P)),
    "cauchy": (lambda: R.normal(0, 2.0) / R.normal(0, 0.5), X, stats.cauchy(0, 4).logpdf(X)),
    "f": (lambda: (R.chi_squared(5.0) / 5) / (R.chi_squared(8.0) / 8), P[1:],
          stats.f(5, 8).logpdf(P[1:])),
    "beta prime": (lambda: R.gamma(2.0, 1.0) / R.gamma(3.0, 1.0), P,
                   stats.betaprime(2, 3).logpdf(P)),
    "length": (lambda: pt.sum(R.normal(0, 2.0, shape=3) ** 2), P, stats.chi2(3, scale=4).logpdf(P)),
    "student of squares": (lambda: R.normal(0, 1) / pt.sqrt(pt.mean(R.normal(0, 1, shape=4) ** 2)),
                           X, stats.t(4).logpdf(X)),
    "student": (lambda: R.normal(0, 1) / pt.sqrt(R.chi_squared(5.0) / 5), X, stats.t(5).logpdf(X)),
    "share": (lambda: twice(R.gamma(2.0, 1.5), lambda x: x / (x + R.gamma(3.0, 1.5))), U,
              stats.beta(2, 3).logpdf(U)),
    "total": (lambda: pt.sum(n(shape=7)), X, stats.norm(2.1, 0.8 * 7**0.5).logpdf(X)),
    "mean": (lambda: pt.mean(R.exponential(2.0, shape=4)), P,
             stats.gamma(4, scale=1 / 8).logpdf(P)),
    "successes": (lambda: pt.sum(n(shape=5) > 0.5), COUNTS,
                  stats.binom(5, N.sf(0.5)).logpmf(COUNTS)),
    "product of shares": (lambda: pt.prod(R.uniform(0, 1, shape=3)), U,
                          2 * np.log(-np.log(U)) - np.log(2)),
    "max": (lambda: pt.max(n(shape=5)), np.array([-40.0, 0.2, 40.0]),
            np.log(5) + 4 * N.logcdf([-40, 0.2, 40]) + N.logpdf([-40, 0.2, 40])),
    "min": (lambda: pt.min(R.exponential([1.0, 2.0, 3.0])), P, stats.expon(scale=1 / 6).logpdf(P)),
    "max of counts": (lambda: pt.max(R.poisson(2.0, shape=3)), COUNTS, LARGEST_COUNT),
    "larger": (lambda: pt.maximum(n(), R.normal(1.0, 2.0)), X, np.logaddexp(
        N.logpdf(X) + stats.norm(1, 2).logcdf(X), N.logcdf(X) + stats.norm(1, 2).logpdf(X))),
    "order": (lambda: pt.sort(R.uniform(0, 1, shape=5))[1], U, stats.beta(2, 4).logpdf(U)),
    "median": (lambda: pt.median(R.uniform(0, 1, shape=5)), U, stats.beta(3, 3).logpdf(U)),
    "exp of a series": (
        lambda: pt.exp(
            R.gaussian_random_walk(0.1, 1.0, init_dist=R.normal(0.5, 2.0), shape=3) - 1.0
        ), np.exp(S),
        stats.norm(0.5, 2).logpdf(S[0] + 1.0) - S.sum()
        + stats.norm(0.1, 1).logpdf(np.diff(S)).sum()),
    "exp of mvn": (lambda: pt.exp(R.multivariate_normal(np.zeros(2), cov=C[:2, :2])),
                   np.array([[0.3, 0.8], [0.3, -1.0]]),
                   [mvn(np.zeros(2), C[:2, :2], np.log([0.3, 0.8])) - np.log(0.24), -np.inf]),
    "sort": (lambda: pt.sort(n(shape=3)), np.stack([S, S[::-1]]),
             [np.log(6) + N.logpdf(S).sum(), -np.inf]),
    "argmax": (lambda: pt.argmax(R.gumbel([0.0, 1.0, 2.0], 2.0)), np.arange(3),
               special.log_softmax([0, 0.5, 1.0])),
    "argsort": (lambda: pt.argsort(n(shape=3)), np.array([2, 0, 1]), -np.log(6)),
    "argmin": (lambda: pt.argmin(R.exponential([1.0, 2.0, 3.0])), np.arange(3),
               np.log(np.arange(1, 4) / 6)),
    "clip": (lambda: pt.clip(n(), -1, 1), np.array([-2.0, -1.0, 0.0, 1.0, 2.0]),
             [-np.inf, N.logcdf(-1), N.logpdf(0), N.logsf(1), -np.inf]),
    "inverted bits": (lambda: ~R.poisson(2.0), np.array([-1, -3, 0]),
                      [POISSON.logpmf(0), POISSON.logpmf(2), -np.inf]),
    "cumsum of rows": (lambda: pt.cumsum(n(shape=(3, 2)), axis=0), np.stack([S, S + 1], 1),
                       N.logpdf([[0.1, 1.1], [0.4, 0.4], [1.5, 1.5]])),
    "two entries": (lambda: twice(R.gamma([1.0, 2.0, 3.0], 1.5), lambda x: x[0] + x[2]), P[1:],
                    stats.gamma(4, scale=1 / 1.5).logpdf(P[1:])),
    "scaled clip": (lambda: 0.7 * pt.clip(n(), 0.1, 1) - 0.3, 0.7 * np.array([0.1, 0.5, 1.0]) - 0.3,
                    [N.logcdf(0.1), N.logpdf(0.5) - np.log(0.7), N.logsf(1)]),
    "exp of a rectified one": (lambda: pt.exp(pt.maximum(n(), 0.1))[None], np.exp([[0.1], [0.5]]),
                               [[N.logcdf(0.1)], [N.logpdf(0.5) - 0.5]]),
    "tenths": (lambda: R.poisson(2.0) * 0.1, np.array([0.0, 0.3, 0.25]),
               [POISSON.logpmf(0), POISSON.logpmf(3), -np.inf]),
    "clipped counts": (lambda: pt.clip(R.poisson(2.0), 1, 3), COUNTS[:6], np.log(np.r_[
        0, 0, POISSON.cdf(1), POISSON.pmf(2), POISSON.sf(2), 0] + 1e-320)[:6] + np.r_[
        -np.inf, -np.inf, 0, 0, 0, -np.inf]),
    "floor": (lambda: pt.floor(n()), np.array([-40.0, 0.0, 30.0, 0.5]),
              [N.logcdf(-39), np.log(N.cdf(1) - N.cdf(0)), N.logsf(30), -np.inf]),
    "geometric": (lambda: pt.floor(R.exponential(0.7)), COUNTS[1:],
                  stats.geom(-np.expm1(-0.7), loc=-1).logpmf(COUNTS[1:])),
    "above": (lambda: n() > 40, np.array([0, 1]), [N.logcdf(40), N.logsf(40)]),
    "below another": (lambda: n() < R.normal(0.1, 2.0), np.array([1]),
                      stats.norm(0.2, 4.64**0.5).logcdf([0])),
    "not": (lambda: ~(n() > 0.5), np.array([0, 1]), [N.logsf(0.5), N.logcdf(0.5)]),
    "equal": (lambda: pt.eq(R.poisson(2.0), 1), np.array([0, 1]),
              [np.log1p(-POISSON.pmf(1)), POISSON.logpmf(1)]),
    "any": (lambda: pt.any(n(shape=3) > 9.0), np.array([0, 1]),
            [3 * N.logcdf(9), np.log(3) + N.logsf(9)]),
    "index": (lambda: pt.stack([n(), R.normal(2.0, 1.0)])[R.bernoulli(0.3)], X,
              mixed(0.7, N.logpdf(X), stats.norm(2, 1).logpdf(X))),
    "given index": (lambda: pt.stack([n(), R.exponential(1.0)])[pt.as_tensor(1)], P, -P),
    "ifelse": (lambda: pt.ifelse(R.bernoulli(0.3), n(), R.normal(2.0, 1.0)), X,
               mixed(0.3, N.logpdf(X), stats.norm(2, 1).logpdf(X))),
    "zero inflated": (lambda: pt.where(R.bernoulli(0.3), 0, R.poisson(2.0)), COUNTS[1:],
                      np.log(0.7 * POISSON.pmf(COUNTS[1:]) + 0.3 * (COUNTS[1:] == 0))),
    "leaky": (lambda: twice(n(), lambda x: pt.where(x > 0, x, x * 0.1)), X,
              np.where(X > 0, N.logpdf(X), N.logpdf(10 * X) + np.log(10))),
    "rectified": (lambda: twice(n(), lambda x: pt.where(x > 0, x, 0.0)), np.array([-1.0, 0, 0.5]),
                  [-np.inf, N.logcdf(0), N.logpdf(0.5)]),
    "matrix": (lambda: A @ R.exponential(1.5, shape=2), A @ [0.3, 0.8],
               2 * np.log(1.5) - 1.5 * 1.1 - np.log(2.5)),
    "flat matrix": (lambda: B @ n(shape=3), S[:2], mvn(B @ np.full(3, 0.3), 0.64 * B @ B.T, S[:2])),
    "matrix of mvn": (lambda: B @ R.multivariate_normal(np.zeros(3), cov=C) + 1.0, S[:2],
                      mvn(np.ones(2), B @ C @ B.T, S[:2])),
    "slice of mvn": (lambda: R.multivariate_normal(np.zeros(3), cov=C)[:2], S[:2],
                     mvn(np.zeros(2), C[:2, :2], S[:2])),
    "entry of mvn": (lambda: R.multivariate_normal(np.zeros(3), cov=C)[1], X,
                     stats.norm(0, 2**0.5).logpdf(X)),
    "shared": (lambda: twice(n(), lambda x: pt.stack([x, x + R.normal(0, 1)])), S[:2],
               mvn([0.3, 0.3], [[0.64, 0.64], [0.64, 1.64]], S[:2])),
    "differences": (lambda: pt.diff(n(shape=3)), S[:2],
                    mvn([0, 0], 0.64 * np.array([[2, -1], [-1, 2]]), S[:2])),
    "entry of dirichlet": (lambda: R.dirichlet([1.0, 2.0, 3.0])[1], U, stats.beta(2, 4).logpdf(U)),
    "tally": (lambda: R.multinomial(5, [0.2, 0.3, 0.5])[1], COUNTS,
              stats.binom(5, 0.3).logpmf(COUNTS)),
    "mixed tally": (lambda: R.dirichlet_multinomial(5, [1.0, 2.0, 0.5])[1], COUNTS,
                    stats.betabinom(5, 2.0, 1.5).logpmf(COUNTS)),
    "inverse of wishart": (lambda: pt.linalg.inv(R.wishart(4.5, C)),
                           C + np.eye(3),
                           stats.invwishart(4.5, np.linalg.inv(C)).logpdf(C + np.eye(3))),
    "factor of wishart": (lambda: pt.linalg.cholesky(R.wishart(4.5, C)),
                          ROOT, stats.wishart(4.5, C).logpdf(ROOT @ ROOT.T)
                          + 3 * np.log(2) + np.log(np.diag(ROOT)) @ [3, 2, 1]),
    "part of dirichlet": (lambda: R.dirichlet([1.0, 2.0, 3.0, 4.0])[1:3], np.array([0.2, 0.3]),
                          stats.dirichlet([2, 3, 5]).logpdf([0.2, 0.3])),
    "cumsum": (lambda: pt.cumsum(n(shape=3)), S, N.logpdf([0.1, 0.4, 1.5])),
    "cumprod": (lambda: pt.cumprod(R.log_normal(0.1, 0.5, shape=3)), S,
                stats.lognorm(0.5, scale=np.exp(0.1)).logpdf([0.1, 5, 4]) - np.log([1, 0.1, 0.5])),
    "reshape": (lambda: pt.exp(n(shape=4)).reshape((2, 2)).T, np.array([[0.1, 0.5], [2, 1.0]]),
                stats.lognorm(0.8, scale=np.exp(0.3)).logpdf([[0.1, 0.5], [2, 1.0]])),
    "join": (lambda: pt.concatenate([n(shape=2), R.exponential(1.0, shape=1)]), S,
             [*N.logpdf(S[:2]), -2]),
    "split": (lambda: pt.split(pt.exp(n(shape=4)), 2)[1], S[:2],
              stats.lognorm(0.8, scale=np.exp(0.3)).logpdf(S[:2])),
    "mask": (lambda: pt.exp(R.normal([1.0, 2.0, 3.0], 1.0))[np.array([True, False, True])], S[:2],
             stats.lognorm(1, scale=np.exp([1, 3])).logpdf(S[:2])),
    "write": (lambda: n(shape=3).at[1].set(R.exponential(2.0)), S,
              [N.logpdf(0.1), np.log(2) - 1, N.logpdf(2)]),
}  # fmt: skip


def test_densities_are_those_of_closed_forms():
    expressions = {name: make() for name, (make, _, _) in CLOSED.items()}
    found = pt.function(
        [], [pt.logp(e, CLOSED[name][1]) for name, e in expressions.items()], target="machine"
    )()
    for (name, (_, _, expected)), values in zip(CLOSED.items(), found):
        np.testing.assert_allclose(values, expected, rtol=2e-9, atol=1e-11, err_msg=name)
    # Every rule is used, by these or by its examples.
    used = set()
    for e in (*expressions.values(), *(make() for rule in RULES for make in rule.examples)):
        derivation = Derivation(RULES_BY_OP, e, base_variables(e))
        derivation.law(e)
        used |= {rule.name for rule in derivation.rules_used()}
    assert used == {rule.name for rule in RULES}


# Draws of the examples of every rule.

NODES = 24  # of a quadrature that takes singular ends
_t = np.linspace(-3.1, 3.1, NODES)
SHARES = 0.5 * (1 + np.tanh(0.5 * np.pi * np.sinh(_t)))
WEIGHTS = 0.25 * np.pi * np.cosh(_t) / np.cosh(0.5 * np.pi * np.sinh(_t)) ** 2 * (_t[1] - _t[0])
DRAWS = 20000


def cells_of(values):
    """Ends of cells of about equal probability; densities may be singular at whole numbers."""
    ends = np.quantile(values, np.linspace(0.001, 0.999, 20))
    whole = [k for k in (-1.0, 0.0, 1.0) if ends[0] < k < ends[-1]]
    return np.unique([*ends, *whole])


def points_of(values, discrete):
    """(points at which a density is evaluated, values that have a probability of their own)."""
    kinds, times = np.unique(values, return_counts=True)
    if discrete:
        return kinds, kinds
    atoms = kinds[times > DRAWS / 1000]
    ends = cells_of(values[~np.isin(values, atoms)])
    inner = ends[:-1, None] + np.diff(ends)[:, None] * SHARES
    return np.concatenate([inner.ravel(), atoms]), atoms


def check_frequencies(name, values, points, atoms, density, discrete):
    if discrete:
        expected, found = density, np.array([np.mean(values == k) for k in atoms])
        assert 0.99 < expected.sum() < 1 + 1e-9, name
    else:
        ends = cells_of(values[~np.isin(values, atoms)])
        inner = density[: len(points) - len(atoms)].reshape(-1, NODES)
        masses = (inner * WEIGHTS).sum(1) * np.diff(ends)
        kept = values[~np.isin(values, atoms)]
        found = np.histogram(kept, ends)[0] / len(values)
        expected = np.r_[masses, density[len(points) - len(atoms) :]]
        found = np.r_[found, [np.mean(values == k) for k in atoms]]
    spread = np.sqrt(np.maximum(found, 1 / DRAWS) / DRAWS)
    assert np.all(abs(found - expected) < 5 * spread + 1e-6), (name, found, expected)


def test_densities_are_those_of_draws():
    named = [(f"{r.name} {k}", make()) for r in RULES for k, make in enumerate(r.examples)]
    drawn = pt.draw([e for _, e in named], draws=DRAWS, seed=5)
    rows = []
    for (name, e), values in zip(named, drawn):
        derivation = Derivation(RULES_BY_OP, e, base_variables(e))
        discrete = derivation.law(e).discrete
        rows.append(
            (name, values.astype(float), *points_of(values.astype(float), discrete), discrete)
        )
    logs = [pt.logp(e, row[2]) for (_, e), row in zip(named, rows)]
    for row, log_density in zip(rows, pt.function([], logs, target="machine")()):
        name, values, points, atoms, discrete = row
        check_frequencies(name, values, points, atoms, np.exp(log_density), discrete)


# Derivatives, tails, shapes.


def test_derivatives_by_values_and_by_what_is_given():
    s, y = pt.scalar("s"), pt.scalar("y")
    base = R.normal(s, 0.8)
    cases = {
        "affine": (s * pt.exp(n()) + 1.0, 2.0),
        "turned": ((s - 2.0) * R.gamma(2.0, 1.0), -1.0),
        "turned away": ((s - 2.0) * R.gamma(2.0, 1.0), 1.0),
        "falling": (2.0 - s * R.exponential(1.0), -0.3),
        "solved": (twice(R.normal(s, 0.8), lambda x: s * s * x + x**3), 2.0),
        "max": (pt.max(R.normal(s * np.array([1.0, 2.0]), 0.7)), 1.0),
        "mixture": (pt.where(R.bernoulli(pt.sigmoid(s)), R.exponential(1.0), n()), -0.5),
        "censored": (pt.maximum(R.normal(s, 1.0), 0.0), 0.0),
        "even": (pt.cosh(base), 1.5),
        "wrapped": (pt.mod(base, 2.0), 0.7),
        "sum": (R.exponential(s) + R.exponential(0.7), 2.0),
        "same rates": (R.exponential(s) + R.exponential(s), 2.0),
        "rounded": (pt.floor(base), 1.0),
        "ratio": (R.gamma(s, 1.0) / R.gamma(2.0, s), 0.7),
        "matrix": (pt.sum(pt.stack([s, 1.0]) * n(shape=2)), 0.2),
        "beyond": (pt.clip(R.normal(s, 1.0), 0, 1), 5.0),
    }
    logs = [pt.logp(e, v + y) for e, v in cases.values()]
    slopes = [g for f in logs for g in pt.grad(f, [s, y], disconnected_inputs="ignore")]
    f = pt.function([s, y], [*logs, *slopes], target="machine")
    step = 1e-6
    for k, (name, (_, v)) in enumerate(cases.items()):
        for j in range(2):
            whole = name in ("rounded", "censored", "beyond") and j
            ends = [np.array([0.9, 0.0]) + sign * step * np.eye(2)[j] for sign in (1, -1)]
            upper, lower = (f(*end)[k] for end in ends)
            found = f(0.9, 0.0)[len(cases) + 2 * k + j]
            assert np.isfinite(found), (name, v)
            if not whole and name not in ("beyond", "turned away"):
                expected = (upper - lower) / (2 * step)
                np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-7, err_msg=name)


def test_what_is_given_may_turn_a_support():
    """A factor whose sign is not known, or is negative, and ends that depend on what is given."""
    c, values = pt.vector("c"), np.array([-0.3, 2.0])
    base = R.gamma(2.0, 1.0, shape=2)
    one = stats.gamma(2)
    low = np.logaddexp(values, np.array([-1.0, 2.0]))
    cases = [
        (c * base, values, one.logpdf([0.3, 1.0]) - np.log([1, 2])),
        (c / base, values, one.logpdf([1 / 0.3, 1.0]) - np.log([0.09, 2.0])),
        (c * (-1.0 - base), -2 * values, [-np.inf, one.logpdf(1.0) - np.log(2)]),
        (c * base, -values, [-np.inf, -np.inf]),
        (pt.exp(c * base), [0.3, 2.0],
         one.logpdf(np.log([0.3, 2.0]) / [-1, 2]) - np.log([0.3, 4.0])),
        (pt.exp(c) ** base, [1.3, 0.9], [-np.inf, -np.inf]),
        (-pt.square(c) * base, [-1.0, -4.0], one.logpdf([1, 1]) - np.log([1, 4])),
        (base * np.array([-1.0, -2.0]), [-1.0, 2.0], [one.logpdf(1), -np.inf]),
        (pt.logaddexp(-base, c), low, [one.logpdf(0.3) + low[0] - values[0], -np.inf]),
        (pt.logaddexp(-base, c), [-2.0, 1.0], [-np.inf, -np.inf]),
    ]  # fmt: skip
    f = pt.function([c], [pt.logp(e, np.array(y)) for e, y, _ in cases], target="machine")
    for k, (found, (*_, expected)) in enumerate(zip(f(np.array([-1.0, 2.0])), cases, strict=True)):
        np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=str(k))


def test_points_of_joined_and_of_twice_censored_values():
    low, z = stats.norm.logcdf(-1.0), lambda *shape: R.normal(0.0, 1.0, shape=shape)
    spike, half = pt.clip(z(2), -1.0, 1.0), stats.norm.logpdf(0.0) - np.log(2)
    cases = [
        (2 * pt.concatenate([spike, z(1)]), [-2.0, 2.0, 0.0], [low, low, half]),
        (2 * z(2).at[1].set(pt.maximum(z(), -1.0)), [0.0, -2.0], [half, low]),
        (pt.exp(spike), np.exp([-1.0, 1.0]), [low, low]),
        (pt.clip(spike, -1.0, 1.0), [-1.0, 1.0], [low, low]),
        (pt.minimum(pt.maximum(z(), 0.0), 0.0), 0.0, 0.0),
        (pt.maximum(pt.maximum(z(), 0.0), pt.maximum(z(), 0.0)), [0.0, -1.0], [-2 * LN2, -np.inf]),
    ]
    for k, (expression, value, expected) in enumerate(cases):
        found = pt.logp(expression, np.array(value)).eval()
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15, err_msg=str(k))


def test_tails_and_quantiles_of_expressions():
    P3 = stats.poisson(2.0)
    rows = [
        (pt.logcdf(pt.exp(n()), [-1.0, 1e-300, 2.0]),
         [-np.inf, *stats.lognorm(0.8, scale=np.exp(0.3)).logcdf([1e-300, 2.0])]),
        (pt.logccdf(pt.max(n(shape=3)), 40.0), np.log(3) + N.logsf(40)),
        (pt.logcdf(pt.max(n(shape=3)), -40.0), 3 * N.logcdf(-40)),
        (pt.logcdf(3 - R.poisson(2.0), [0, 1, 3]), [P3.logsf(2), P3.logsf(1), 0]),
        (pt.logcdf(pt.abs(n()), 1.0), np.log(N.cdf(1) - N.cdf(-1))),
        (pt.logcdf(pt.clip(n(), -1, 1), [-2.0, -1.0, 0.0, 1.0]),
         [-np.inf, N.logcdf(-1), N.logcdf(0), 0]),
        (pt.logccdf(R.chi_squared(5.0) / R.chi_squared(8.0), 1e100),
         -400 * np.log(10) - np.log(4) - special.betaln(2.5, 4)),
        (pt.icdf(pt.tanh(n()), [0.0, 0.1, 1.0]), [-1, np.tanh(N.ppf(0.1)), 1]),
        (pt.icdf(3 - 2 * R.exponential(1.0), 0.1), 3 - 2 * stats.expon.ppf(0.9)),
        (pt.logcdf(R.uniform(0, 1) + R.uniform(0, 1), [0.5, 1.5]),
         stats.triang(0.5, 0, 2).logcdf([0.5, 1.5])),
    ]  # fmt: skip
    for found, (_, expected) in zip(
        pt.function([], [r for r, _ in rows], target="machine")(), rows
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_shapes_sizes_and_single_precision():
    v, i = pt.vector("v"), pt.scalar("i", dtype="int64")
    single = R.normal(np.float32(0.3), np.float32(0.8))
    outputs = [
        pt.logp(pt.max(R.normal(v, 1.0)), 2.0),
        pt.logp(pt.exp(R.normal(v, 1.0))[1:], S),
        pt.logp(pt.cumsum(R.normal(v, 1.0)), np.ones(4)),
        pt.logp(pt.stack([n(), R.exponential(1.0)])[i], 0.5),
        pt.logp(pt.max(n(shape=(3, 2)), axis=0), np.ones((4, 2))),
        pt.logp(pt.where(R.bernoulli(0.3), n(shape=2), R.exponential(1.0, shape=2)), np.ones(2)),
        pt.logp(pt.exp(n(shape=0)), np.zeros(0)),
        pt.logp(twice(single, lambda x: x + x**3), np.float32(0.2)),
        pt.logp(pt.tanh(single + np.float32(1)), np.float32(0.2)),
    ]
    found = pt.function([v, i], outputs, target="machine")(np.zeros(4), 1)
    one = stats.norm
    expected = [
        np.log(4) + 3 * one.logcdf(2) + one.logpdf(2),
        stats.lognorm(1).logpdf(S),
        [one.logpdf(1), *one.logpdf(np.zeros(3))],
        -0.5,
        np.full((4, 2), np.log(3) + 2 * N.logcdf(1) + N.logpdf(1)),
        np.logaddexp(np.log(0.3) + 2 * N.logpdf(1), np.log(0.7) - 2),
        np.zeros(0),
        N.logpdf(0.1928) - np.log(1 + 3 * 0.1928**2),
        N.logpdf(np.arctanh(0.2) - 1) - np.log(0.96),
    ]
    for k, (a, b) in enumerate(zip(found, expected)):
        np.testing.assert_allclose(a, b, rtol=1e-4 if k > 6 else 1e-12)
    assert [x.dtype for x in found[-2:]] == ["float32", "float32"]


# Models.

DATA = np.array([0.5, 1.5, 2.0])


def names_of(posterior):
    groups = posterior.model.free, posterior.model.observed, posterior.model.deterministic
    return [[x.name for x in group] for group in groups]


def test_named_variables_are_given_and_free():
    mu, tau = R.normal(0, 5, name="mu"), R.half_normal(2.0, name="tau")
    y = pt.deterministic(mu + pt.exp(R.normal(0.0, tau, shape=3)), name="y", dims="obs")
    after = R.normal(pt.sum(y), 1.0, name="after")
    posterior = pt.condition(
        {y: DATA, after: 4.0}, target="machine", track=[pt.deterministic(2 * y, "double")],
        potentials=[pt.logp(pt.exp(R.normal(mu, 1)), 2.0)], coords={"obs": list("abc")},
    )  # fmt: skip
    assert names_of(posterior) == [["tau", "mu"], ["y", "after"], ["double"]]

    def expected(q):
        t = np.exp(q[0])
        prior = stats.halfnorm(scale=2).logpdf(t) + q[0] + stats.norm(0, 5).logpdf(q[1])
        likelihood = stats.lognorm(t, loc=q[1]).logpdf(DATA).sum() + stats.norm.logpdf(0)
        return prior + likelihood + stats.lognorm(1, scale=np.exp(q[1])).logpdf(2.0)

    q = np.array([0.1, 0.2])
    value, slope = posterior.logp_and_grad(q)
    assert np.isclose(value, expected(q))
    for k in range(2):
        step = 1e-6 * np.eye(2)[k]
        assert np.isclose(slope[k], (expected(q + step) - expected(q - step)) / 2e-6, rtol=1e-5)
    assert posterior.logp([0.1, 0.6]) == -np.inf  # y would be below its least value
    other = posterior.with_data({"y": np.array([1.0, 1.0, 2.0])})
    assert other.logp(q) != posterior.logp(q)
    prior = pt.sample_prior(posterior, draws=50, seed=1).prior_predictive
    assert prior["y"].shape == (1, 50, 3) and prior["after"].shape == (1, 50)


def test_the_only_variable_of_an_expression_is_its_base():
    x = R.normal(0, 1, name="x", shape=3)
    posterior = pt.condition({pt.exp(x): DATA}, target="machine")
    assert posterior.dim == 0
    assert np.isclose(posterior.logp(np.zeros(0)), stats.lognorm(1).logpdf(DATA).sum())


def test_parameters_guard_derived_densities():
    sigma = R.normal(0, 1, name="sigma")
    posterior = pt.condition({R.normal(0, sigma, shape=3) + 1.0: DATA}, target="machine")
    assert posterior.logp([-0.3]) == -np.inf and np.isfinite(posterior.logp([0.3]))
    assert "sigma of normal of expression must be a number > 0" in posterior.guarded[0]


def test_mixtures_steps_and_truth_values_in_models():
    c, s = R.normal(0, 1, name="c"), R.half_normal(1.0, name="s")
    chosen = pt.where(R.bernoulli(pt.sigmoid(c), shape=3), n(shape=3), R.normal(3, s, shape=3))
    walk = pt.scan(lambda before: R.normal(before, s), outputs_info=0.0, n_steps=3)[0]
    above = R.normal(c, 1.0, shape=4) > 0.5
    largest = pt.max(R.normal(c, s, shape=(200, 3)), axis=1)
    posterior = pt.condition(
        {chosen: DATA, pt.exp(2 * walk): np.exp(2 * DATA), above: [True, False, 1, 0],
         largest: np.full(200, 0.5)}, target="machine",
    )  # fmt: skip
    order = [v.name for v in posterior.model.free]
    q = np.array([{"c": 0.3, "s": 0.0}[name] for name in order])
    weight = special.expit(0.3)
    expected = stats.norm.logpdf(0.3) + stats.halfnorm.logpdf(1.0)
    expected += mixed(weight, N.logpdf(DATA), stats.norm(3).logpdf(DATA)).sum()
    expected += stats.norm.logpdf(np.diff(DATA, prepend=0)).sum() - 3 * np.log(2) - 2 * DATA.sum()
    expected += 2 * stats.norm.logsf(0.2) + 2 * stats.norm.logcdf(0.2)
    expected += 200 * (np.log(3) + 2 * stats.norm.logcdf(0.2) + stats.norm.logpdf(0.2))
    assert np.isclose(posterior.logp(q), expected)


# Messages.


MESSAGES = [
    (lambda: n() + np.zeros(3), "broadcasts a random tensor of shape \\[\\] to \\[3\\]"),
    (lambda: pt.max(pt.log(n(shape=3))), "values that may be nan are compared"),
    (lambda: pt.exp(pt.broadcast_to(n(), (3,))), "some of these follow from others"),
    (lambda: pt.log(R.poisson(2.0) - 2), "log is taken of values that may lie outside"),
    (lambda: pt.gammaln(n()), "not seen to be a monotone function"),
    (lambda: n() + R.beta(1.0, 1.0), "sum of normal and beta has no known density"),
    (lambda: R.normal(0, 1, name="a") + R.normal(0, 1, name="b"),
     "all of its variables are given: normal 'a', normal 'b'"),
    (lambda: twice(n(), lambda x: x + R.normal(x, 1)), "a parameter of another variable"),
    (lambda: pt.linalg.cholesky(n(shape=(2, 2))), "factors of wishart"),
    (lambda: n(shape=3)[np.array([0, 0])], "linear functions of others|reads some entries twice"),
    (lambda: np.ones((3, 2)) @ n(shape=2), "3 entries made of 2 random ones|not square"),
    (lambda: pt.sin(R.student_t(3.0, 0, 1)), "infinitely many periods"),
    (lambda: pt.mod(R.exponential(2.0) - 2.0, 1.5), "infinitely many periods"),
    (lambda: twice(n(), lambda x: 2 * x - pt.mod(x, 1.0)), "made of the same variable"),
    (lambda: twice(n(), lambda x: x - pt.floor(x)), "made of the same variable"),
    (lambda: twice(n(), lambda x: x + pt.sign(x)), "sign may jump inside of the support"),
    (lambda: twice(n(), lambda x: x + pt.tan(x)), "made of the same variable"),
    (lambda: pt.log(R.dirichlet([1.0, 2.0])), "entries of dirichlet"),
    (lambda: pt.sort(R.poisson(2.0, shape=3)), "distributions of their own, or whole numbers"),
    (lambda: twice(n(shape=3), lambda x: x - pt.mean(x)), "linear functions of others"),
    (lambda: pt.abs(pt.scan(lambda x: R.normal(x, 1), outputs_info=0.0, n_steps=3)[0]),
     "depend on each other are folded"),
    (lambda: pt.sum(n(shape=0)), "it has no entries"),
    (lambda: twice(n(shape=3), lambda x: pt.where(R.bernoulli(0.5, shape=3), x, x[::-1])),
     "different entries of one variable"),
    (lambda: pt.sum(n(shape=3).astype("int64")), "rule is known for sum|to a whole number"),
    (lambda: pt.sort(n(shape=3, constraint=pt.interval(0, np.array([1.0, 2.0, 3.0])))),
     "distributions of their own"),
    (lambda: pt.eq(n(), 0.0), "with probability 0"),
    (lambda: pt.exp(pt.scalar("z")), "no random variable in it"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "words"), MESSAGES, ids=range(len(MESSAGES)))
def test_what_has_no_density_says_why_and_where(make, words):
    with pytest.raises(GraphError, match=words) as caught:
        pt.logp(make(), 0.0)
    text = str(caught.value)
    assert "test_derived.py" in text and len(text.splitlines()) <= 8


def test_a_variable_that_something_else_depends_on_is_given():
    x = n()
    with pytest.raises(GraphError, match="all of its variables are given"):
        pt.condition({pt.exp(x): 1.0, R.normal(x, 1.0, name="z"): 0.0})


def test_the_programs_of_the_guide_run(root, capsys):
    text = (root / "docs" / "densities.md").read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", text, re.S)
    names = {}
    for program in programs:
        exec(compile(program, "docs/densities.md", "exec"), names)
    expected = re.findall(r"# prints (.*)", "".join(programs))
    assert capsys.readouterr().out.splitlines() == expected
