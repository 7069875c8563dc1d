"""Densities of expressions: closed forms, draws of every rule, derivatives, models, messages."""

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
TURN = 2 * np.pi


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
    "power of two": (lambda: 2.0 ** n(), P[1:], N.logpdf(np.log2(P[1:])) - np.log(P[1:] * np.log(2))),
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
    "exp of mvn": (lambda: pt.exp(R.multivariate_normal(np.zeros(2), cov=C[:2, :2])),
                   np.array([[0.3, 0.8], [0.3, -1.0]]),
                   [mvn(np.zeros(2), C[:2, :2], np.log([0.3, 0.8])) - np.log(0.24), -np.inf]),
    "sort": (lambda: pt.sort(n(shape=3)), np.stack([S, S[::-1]]),
             [np.log(6) + N.logpdf(S).sum(), -np.inf]),
    "argmax": (lambda: pt.argmax(R.gumbel([0.0, 1.0, 2.0], 2.0)), np.arange(3),
               special.log_softmax([0, 0.5, 1.0])),
    "argmin": (lambda: pt.argmin(R.exponential([1.0, 2.0, 3.0])), np.arange(3),
               np.log(np.arange(1, 4) / 6)),
    "clip": (lambda: pt.clip(n(), -1, 1), np.array([-2.0, -1.0, 0.0, 1.0, 2.0]),
             [-np.inf, N.logcdf(-1), N.logpdf(0), N.logsf(1), -np.inf]),
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
