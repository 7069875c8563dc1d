"""Densities of graphs of the kinds that PyMC's own tests of derived densities have.

DERIVED are graphs for which PyMC 6.4.0 makes a density, REFUSED those for which it raises, or
leaves random variables in it (seen by running it). Both are compared with closed forms and SciPy:
of max of clipped values, erfcx, and products of Wishart matrices PyMC's densities are others. Of
`i`, `chosen` and `start` graphs are functions, as PyMC's are of values of other variables.
"""

import numpy as np
import pytest
from scipy import special, stats

import probtensor as pt
from probtensor import GraphError

R = pt.random
X, P = np.array([-3.0, -0.5, 0.2, 1.7]), np.array([0.3, 2.0, 50.0])
V, TWO, SHARES = np.array([0.1, 0.5, 2.0]), np.array([1.0, 2.5]), np.array([0.2, 0.3, 0.5])
COUNTS, ODD = np.arange(-1, 7), np.array([2.5, -2.5])
N, Z, POISSON, GAMMA = stats.norm(0.3, 0.8), stats.norm(), stats.poisson(2.0), stats.gamma(0.5)
C = np.array([[1.0, 0.5, 0.2], [0.5, 2.0, 0.1], [0.2, 0.1, 0.7]])
M = np.array([[2.0, 1.0, 0.1], [0.5, -1.0, 0.3], [0.2, 0.1, 1.0]])
FLAT, ROWS, MANY = np.stack([V, X[:3]]), np.array([[1.0, 0.3], [0.3, 0.5]]), np.stack([M, M.T + 1])
PLANE = np.eye(3) - np.outer(V, V) / (V @ V)
MIX = np.array([[1.0, 2.0], [-0.5, 1.0]])
ALPHAS = np.array([[1.0, 2, 3], [2, 2, 2], [1, 1, 5]])
ONE, PAIR = SHARES, np.stack([SHARES, SHARES[::-1]])
i, start = pt.scalar("i", dtype="int64"), pt.scalar("start")
chosen = pt.vector("chosen", dtype="bool", shape=(3,))
GIVEN = {i: 1, chosen: np.array([True, False, True]), start: 0.7}


def n(**options):
    return R.normal(0.3, 0.8, **options)


def z(*shape):
    return R.normal(0.0, 1.0, shape=shape)


def g(**options):
    return R.gamma(0.5, 1.0, **options)


def e(**options):
    return R.exponential(1.0, **options)


def mvn():
    return R.multivariate_normal(V, cov=C)


def dirichlet(alpha=ALPHAS[0], **options):
    return R.dirichlet(alpha, **options)


def wishart():
    return R.wishart(4.5, C)


def of(x, function):
    return function(x)


def normal(mean, cov, value):
    return stats.multivariate_normal(mean, cov).logpdf(value)


def shares(alpha, value=SHARES):
    return stats.dirichlet(alpha).logpdf(value)


D, D2 = shares(ALPHAS[0]), [shares(ALPHAS[0]), shares(ALPHAS[0], SHARES[::-1])]


def changed(x, slope):
    """The density of f(x) at f(x), for the slope of f there."""
    return N.logpdf(x) - np.log(np.abs(slope))


def branched(*values):
    return special.logsumexp(values, axis=0)


def chain(join=pt.stack, backwards=False, **options):
    made, before = [], start
    for _ in range(3):
        before = R.normal(before + 1.0, 1.0, **options)
        made.append(before)
    return join(made[::-1] if backwards else made)


def steps(values):
    return Z.logpdf(np.diff(values, prepend=0.7) - 1)


def erfcx_slope(x):
    return 2 * x * special.erfcx(x) - 2 / np.sqrt(np.pi)


ROOT_PI, LN2 = np.sqrt(np.pi), np.log(2)
with np.errstate(divide="ignore"):
    LARGEST = np.log(POISSON.cdf(COUNTS) ** 3 - POISSON.cdf(COUNTS - 1) ** 3)
    SMALLEST = np.log(POISSON.sf(COUNTS - 1) ** 3 - POISSON.sf(COUNTS) ** 3)
WHOLE = np.array([-2.0, 0.0, 1.0])
UP = np.full((3, 2), 1.0) * V[:, None]

# name: (graph, values, their log densities)
DERIVED = {
    # Functions of one variable.
    "exp": (lambda: pt.exp(n()), P, changed(np.log(P), P)),
    "log": (lambda: pt.log(R.log_normal(0.0, 1.0)), X, Z.logpdf(X)),
    "log of both signs": (lambda: pt.log(n()), X, changed(np.exp(X), np.exp(-X))),
    "log of log": (lambda: pt.log(pt.log(n())), 0.5, N.logpdf(np.exp(np.exp(0.5))) + 0.5
                   + np.exp(0.5)),
    "log1p": (lambda: pt.log1p(n()), X, changed(np.expm1(X), np.exp(-X))),
    "log2": (lambda: pt.log2(n()), X, changed(2**X, 1 / (LN2 * 2**X))),
    "log10": (lambda: pt.log10(n()), X[1:3], changed(10 ** X[1:3], 10 ** -X[1:3] / np.log(10))),
    "log1mexp": (lambda: pt.log1mexp(-e()), X[:2], X[:2]),
    "expm1": (lambda: pt.expm1(n()), P, changed(np.log1p(P), 1 + P)),
    "exp2": (lambda: pt.exp2(n()), P, changed(np.log2(P), LN2 * P)),
    "power of two": (lambda: 2.0 ** n(), P, changed(np.log2(P), LN2 * P)),
    "sigmoid": (lambda: pt.sigmoid(n()), SHARES,
                changed(special.logit(SHARES), SHARES * (1 - SHARES))),
    "softplus": (lambda: pt.softplus(n()), P, changed(np.log(np.expm1(P)), -np.expm1(-P))),
    "sinh": (lambda: pt.sinh(n()), X, changed(np.arcsinh(X), np.hypot(X, 1))),
    "cosh": (lambda: pt.cosh(n()), P[1:], branched(
        *(changed(s * np.arccosh(P[1:]), np.sqrt(P[1:] ** 2 - 1)) for s in (1, -1)))),
    "tanh": (lambda: pt.tanh(n()), SHARES, changed(np.arctanh(SHARES), 1 - SHARES**2)),
    "arcsinh": (lambda: pt.arcsinh(n()), X, changed(np.sinh(X), 1 / np.cosh(X))),
    "arccosh": (lambda: pt.arccosh(n()), P[:2], changed(np.cosh(P[:2]), 1 / np.sinh(P[:2]))),
    "arctanh": (lambda: pt.arctanh(n()), X, changed(np.tanh(X), np.cosh(X) ** 2)),
    "arcsin": (lambda: pt.arcsin(n()), [0.5, 1.7],
        [changed(np.sin(0.5), 1 / np.cos(0.5)), -np.inf]),
    "arccos": (lambda: pt.arccos(n()), [0.5, -0.2],
        [changed(np.cos(0.5), 1 / np.sin(0.5)), -np.inf]),
    "arctan": (lambda: pt.arctan(n()), [0.5, 1.7],
        [changed(np.tan(0.5), np.cos(0.5) ** 2), -np.inf]),
    "erf": (lambda: pt.special.erf(n()), SHARES, changed(
        special.erfinv(SHARES), 2 / ROOT_PI * np.exp(-special.erfinv(SHARES) ** 2))),
    "erfc": (lambda: pt.special.erfc(n()), SHARES, changed(
        special.erfcinv(SHARES), 2 / ROOT_PI * np.exp(-special.erfcinv(SHARES) ** 2))),
    "erfcx": (lambda: pt.special.erfcx(n()), special.erfcx(X), changed(X, erfcx_slope(X))),
    "erfinv": (lambda: pt.special.erfinv(n()), X,
        changed(special.erf(X), ROOT_PI / 2 * np.exp(X**2))),
    "erfcinv": (lambda: pt.special.erfcinv(n()), X,
                changed(special.erfc(X), ROOT_PI / 2 * np.exp(X**2))),
    "abs": (lambda: pt.abs(n()), P, branched(N.logpdf(P), N.logpdf(-P))),
    "square": (lambda: z(3) ** 2, [-0.5, 0.5, 2.0], stats.chi2(1).logpdf([-0.5, 0.5, 2.0])),
    "square root": (lambda: pt.sqrt(R.chi_squared(3.0)), [-1.0, 0.5],
        stats.chi(3).logpdf([-1, 0.5])),
    "square root of both signs": (lambda: n() ** 0.5, ODD, [changed(6.25, 0.2), -np.inf]),
    "third root": (lambda: n() ** (-1 / 3), ODD, [changed(2.5**-3, 2.5**4 / 3), -np.inf]),
    "cube": (lambda: n() ** 3, ODD, changed(np.cbrt(ODD), 3 * np.cbrt(ODD) ** 2)),
    "reciprocal": (lambda: n() ** -1, ODD, changed(1 / ODD, ODD**2)),
    "reciprocal of a cube": (lambda: n() ** -3, ODD, changed(np.cbrt(1 / ODD), 3 * 2.5 ** (4 / 3))),
    "reciprocal of a square": (lambda: n() ** -2, ODD, [branched(
        *(changed(s * 2.5**-0.5, 2 * 2.5**1.5) for s in (1, -1))), -np.inf]),
    "ratio to gamma": (lambda: 2.0 / R.gamma(3.0, 5.0), P, stats.invgamma(3, scale=10).logpdf(P)),
    "shift": (lambda: start * np.ones(3) + z(3), V, Z.logpdf(V - 0.7)),
    "negative shift": (lambda: z(3) - (-V), V, Z.logpdf(np.zeros(3))),
    "scale": (lambda: z(2, 3) * (4 * start), FLAT, stats.norm(0, 2.8).logpdf(FLAT)),
    "division": (lambda: z(3) / (1 / start), V, stats.norm(0, 0.7).logpdf(V)),
    "shift of log": (lambda: start + pt.log(R.log_normal(0.0, 1.0, shape=2)) * 3.0, TWO,
                     stats.norm(0.7, 3).logpdf(TWO)),
    "negation": (lambda: -R.half_normal(1.0), [-1.5, 1.0], [stats.halfnorm.logpdf(1.5), -np.inf]),
    "difference to a number": (lambda: 5.0 - n(), X, N.logpdf(5 - X)),
    "shift of a vector": (lambda: V + mvn() * V, X[:3],
        normal(V + V * V, C * V * V[:, None], X[:3])),
    "shifted counts": (lambda: 5 + R.poisson(2.0), COUNTS + 5, POISSON.logpmf(COUNTS)),
    "negative counts": (lambda: -R.poisson(2.0), -COUNTS, POISSON.logpmf(COUNTS)),
    # Censoring, rounding, comparisons.
    "clip": (lambda: pt.clip(n(), -2, 2), [-3.0, -2, 0, 2, 3],
             [-np.inf, N.logcdf(-2), N.logpdf(0), N.logsf(2), -np.inf]),
    "clip of counts": (lambda: pt.clip(R.poisson(2.0), 1, 4), [0, 1, 2, 4, 5], [
        -np.inf, POISSON.logcdf(1), POISSON.logpmf(2), POISSON.logsf(3), -np.inf]),
    "clip to itself": (lambda: of(n(), lambda x: pt.clip(x, x, 1.0)), [0.5, 1, 2],
                       [N.logpdf(0.5), N.logsf(1), -np.inf]),
    "clip on no side": (lambda: of(n(shape=3), lambda x: pt.clip(x, x, x)), V, N.logpdf(V)),
    "clip of exp": (lambda: pt.clip(pt.exp(n()), 0.5, 2.0), [0.5, 1, 2],
                    [N.logcdf(-LN2), N.logpdf(0), N.logsf(LN2)]),
    "clip to random bounds": (lambda: pt.clip(n(shape=3), start, 1.0), [0.7, 0.9, 1.0],
                              [N.logcdf(0.7), N.logpdf(0.9), N.logsf(1)]),
    "round": (lambda: pt.round(n()), WHOLE, np.log(N.cdf(WHOLE + 0.5) - N.cdf(WHOLE - 0.5))),
    "floor": (lambda: pt.floor(n()), WHOLE, np.log(N.cdf(WHOLE + 1) - N.cdf(WHOLE))),
    "ceil": (lambda: pt.ceil(n()), WHOLE, np.log(N.cdf(WHOLE) - N.cdf(WHOLE - 1))),
    "trunc": (lambda: pt.trunc(n()), WHOLE, np.log(
        N.cdf([-2, 1, 2]) - N.cdf([-3, -1, 1]))),
    "cast to integers": (lambda: n().astype("int64"), WHOLE, np.log(
        N.cdf([-2, 1, 2]) - N.cdf([-3, -1, 1]))),
    "cast of counts": (lambda: R.poisson(2.0).astype("float64"), [3.0, 2.5],
        [POISSON.logpmf(3), -np.inf]),
    "less": (lambda: n() < 0.5, [0, 1], [N.logsf(0.5), N.logcdf(0.5)]),
    "greater for exp": (lambda: pt.exp(n()) > 1.0, [0, 1], [N.logcdf(0), N.logsf(0)]),
    "at least, of counts": (lambda: R.poisson(2.0) >= 3, [0, 1],
        [POISSON.logcdf(2), POISSON.logsf(2)]),
    "less than another one": (lambda: n() < start, [1], [N.logcdf(0.7)]),
    "not": (lambda: ~(n() > 0.5), [1], [N.logcdf(0.5)]),
    # Mixtures and switches.
    "index": (lambda: pt.stack([n(), g()])[i], P, GAMMA.logpdf(P)),
    "index of vectors": (lambda: pt.stack([n(shape=3), g(shape=3)])[i], V, GAMMA.logpdf(V)),
    "index of columns": (lambda: pt.stack([n(shape=3), g(shape=3)], axis=1)[:, i], V,
        GAMMA.logpdf(V)),
    "index of nested ones": (lambda: pt.stack([n(), pt.stack([z(), g()])[i]])[i], P,
        GAMMA.logpdf(P)),
    "index of a clipped one": (lambda: pt.stack([g(), pt.clip(n(), 0.5, 1.5)])[i], [0.4, 0.5, 1.3],
                               [-np.inf, N.logcdf(0.5), N.logpdf(1.3)]),
    "index of a point": (lambda: pt.stack([n(), R.dirac_delta(0.0)])[i], [0.0, 0.5], [0, -np.inf]),
    "switch": (lambda: pt.where(i > 0, n(), g()), X, N.logpdf(X)),
    "switch of entries": (lambda: pt.where(chosen, n(shape=3), g(shape=3)), V,
                          [N.logpdf(0.1), GAMMA.logpdf(0.5), N.logpdf(2)]),
    "switch of a number": (lambda: pt.where(chosen, n(shape=3), 5.0), [[0.1, 5, 2], [0.1, 2, 2]],
     [[N.logpdf(0.1), 0, N.logpdf(2)], [N.logpdf(0.1), -np.inf, N.logpdf(2)]]),
    "ifelse": (lambda: pt.ifelse(i > 0, n(shape=2), R.half_normal(1.0, shape=2)), TWO,
        N.logpdf(TWO)),
    "leaky switch": (lambda: of(z(3), lambda x: pt.where(x > 0, x, 0.5 * x)), X[:3],
                     [Z.logpdf(-6) + LN2, Z.logpdf(-1) + LN2, Z.logpdf(0.2)]),
    # Extremes and their indices.
    "max": (lambda: pt.max(R.uniform(0, 1, shape=(3, 4))), 0.9, stats.beta(12, 1).logpdf(0.9)),
    "min": (lambda: pt.min(R.uniform(0, 1, shape=4)), 0.2, stats.beta(1, 4).logpdf(0.2)),
    "max of exp": (lambda: pt.max(pt.exp(n(shape=3))), P, np.log(3) + 2 * N.logcdf(np.log(P))
                   + changed(np.log(P), P)),
    "max of clipped ones": (lambda: pt.max(pt.clip(n(shape=3), -1, 1)), [-1, 0.2, 1], [
        3 * N.logcdf(-1), np.log(3) + 2 * N.logcdf(0.2) + N.logpdf(0.2), np.log1p(-N.cdf(1) ** 3)]),
    "max of counts": (lambda: pt.max(R.poisson(2.0, shape=3)), COUNTS, LARGEST),
    "min of counts": (lambda: pt.min(R.poisson(2.0, shape=3)), COUNTS, SMALLEST),
    "argmax": (lambda: pt.argmax(R.gumbel([0.0, 1.0, 2.0], 2.0)), np.arange(3),
               special.log_softmax([0, 0.5, 1])),
    "argmax of shifted ones": (lambda: pt.argmax(np.arange(3.0) + R.gumbel(0.0, 2.0, shape=3)),
                               np.arange(3), special.log_softmax([0, 0.5, 1])),
    "argmax of rows": (lambda: pt.argmax(R.gumbel(ALPHAS, 1.0), axis=1), [0, 1, 2],
                       np.diag(special.log_softmax(ALPHAS, axis=1))),
    "argmin": (lambda: pt.argmin(R.exponential([1.0, 2.0, 3.0])), np.arange(3),
        np.log([1 / 6, 1 / 3, 0.5])),
    "argmin of weibulls": (lambda: pt.argmin(R.weibull(2.0, [1.0, 2.0, 3.0])), np.arange(3),
                           -2 * np.log([1, 2, 3]) - np.log(49 / 36)),
    # Running totals, sums, matrices.
    "cumsum": (lambda: 5.0 + pt.cumsum(n(shape=3)), 5 + V, N.logpdf([0.1, 0.4, 1.5])),
    "cumsum of columns": (lambda: pt.cumsum(n(shape=(3, 2)), axis=0), UP,
                          N.logpdf(np.stack([[0.1, 0.4, 1.5]] * 2, 1))),
    "cumsum of truths": (lambda: pt.cumsum(R.bernoulli(0.9, shape=(2, 3)), axis=1),
                         [[1, 2, 3], [0, 1, 1]], np.log([[0.9] * 3, [0.1, 0.9, 0.1]])),
    "sum": (lambda: pt.sum(R.normal([1.0, 2, 3], [1.0, 2, 3])), 0.5,
        stats.norm(6, 14**0.5).logpdf(0.5)),
    "sum over an axis": (lambda: pt.sum(n(shape=(3, 2)), axis=0), TWO,
        stats.norm(0.9, 1.92**0.5).logpdf(TWO)),
    "matrix times vector": (lambda: V + M @ n(shape=3), X[:3], normal(
        V + M @ np.full(3, 0.3), 0.64 * M @ M.T, X[:3])),
    "matrix times normal vector": (lambda: V + M @ mvn(), X[:3],
        normal(V + M @ V, M @ C @ M.T, X[:3])),
    "matrices times vectors": (lambda: (MANY @ n(shape=(2, 3))[..., None])[..., 0], FLAT, [
        normal(a @ np.full(3, 0.3), 0.64 * a @ a.T, x) for a, x in zip(MANY, FLAT)]),
    "matrix times matrix": (lambda: M @ z(3, 2), FLAT.T,
        sum(normal(0 * V, M @ M.T, x) for x in FLAT)),
    "matrix times exponentials": (lambda: M @ e(shape=3), M @ V,
        -V.sum() - np.linalg.slogdet(M)[1]),
    "matrix normal between matrices": (
        lambda: MIX @ R.matrix_normal(np.zeros((2, 3)), row_cov=ROWS, col_cov=C) @ M, FLAT,
        stats.matrix_normal(np.zeros((2, 3)), MIX @ ROWS @ MIX.T, M.T @ C @ M).logpdf(FLAT)),
    "wishart between matrices": (lambda: M @ wishart() @ M.T, C,
        stats.wishart(4.5, M @ C @ M.T).logpdf(C)),
    "scaled wishart": (lambda: wishart() / 2.0, C, stats.wishart(4.5, C / 2).logpdf(C)),
    # Joins and views.
    "stack": (lambda: pt.stack([n(), R.half_normal(1.0), e()]), V,
              [N.logpdf(0.1), stats.halfnorm.logpdf(0.5), -2]),
    "stack with a number": (lambda: pt.stack([n(), 0.0, e()]), [[0.1, 0, 2], [0.1, 1, 2]],
                            [[N.logpdf(0.1), 0, -2], [N.logpdf(0.1), -np.inf, -2]]),
    "stack of functions": (lambda: pt.stack([pt.exp(n()), -e()]), [2.0, -2.0],
                           [changed(LN2, 2), -2]),
    "stack of counts and numbers": (lambda: pt.stack([n(), R.poisson(2.0)]), [0.1, 3],
                                    N.logpdf(0.1) + POISSON.logpmf(3)),
    "join with numbers": (lambda: pt.concatenate([n(shape=2), np.zeros(2), e(shape=1)]),
                          [0.1, 0.5, 0, 1, 2], [*N.logpdf(V[:2]), 0, -np.inf, -2]),
    "join of columns": (lambda: pt.concatenate([n(shape=(3, 1)), e(shape=(3, 2))], axis=1),
                        np.c_[V, UP], np.c_[N.logpdf(V), -UP]),
    "stack on the last axis": (lambda: pt.stack([n(shape=(3, 2)), e(shape=(3, 2))], axis=2),
                               np.stack([UP, UP], 2), np.stack([N.logpdf(UP), -UP], 2)),
    "join of vectors": (lambda: pt.concatenate([mvn()[None], dirichlet(shape=(1, 3))]),
                        np.stack([V, ONE]), [normal(V, C, V), D]),
    "join of entries of vectors": (lambda: pt.concatenate([mvn(), dirichlet()]), np.r_[V, ONE],
                                   normal(V, C, V) + D),
    "stack of vectors": (lambda: pt.stack([mvn(), dirichlet()]), np.stack([V, ONE]),
        [normal(V, C, V), D]),
    "chain": (chain, V, steps(V)),
    "chain backwards": (lambda: chain(backwards=True), V, steps(V[::-1])[::-1]),
    "chain of rows": (lambda: chain(pt.concatenate, shape=(1, 2)), UP, np.stack([steps(V)] * 2, 1)),
    "transposed": (lambda: pt.exp(n(shape=(2, 3))).T, UP, changed(np.log(UP), UP)),
    "expanded vectors": (lambda: dirichlet(shape=(2, 3))[None], PAIR[None], [D2]),
    "squeezed vectors": (lambda: dirichlet(shape=(2, 1, 3))[:, 0], PAIR, D2),
    "vectors in another order": (lambda: dirichlet(shape=(2, 1, 3)).transpose((1, 0, 2)),
        PAIR[None], [D2]),
    "transposed vectors": (lambda: dirichlet(shape=(2, 3)).T, PAIR.T, sum(D2)),
    "flat": (lambda: n(shape=(2, 3)).ravel(), FLAT.ravel(), N.logpdf(FLAT.ravel())),
    "slice": (lambda: pt.exp(n(shape=6))[2:5], V, changed(np.log(V), V)),
    "some entries": (lambda: pt.exp(R.normal(V, 1.0))[np.array([2, 0])], TWO,
                     stats.lognorm(1, scale=np.exp([2, 0.1])).logpdf(TWO)),
    "one of several vectors": (lambda: dirichlet(ALPHAS)[2], ONE, shares(ALPHAS[2])),
    "part": (lambda: pt.split(n(shape=5), [2])[1], V, N.logpdf(V)),
    "part of several vectors": (lambda: pt.split(dirichlet(ALPHAS), [1])[1], np.stack([ONE, ONE]),
                                [shares(a) for a in ALPHAS[1:]]),
    "repeated": (lambda: pt.broadcast_to(n(), (2,)), [[0.2, 0.2], [0, 1]],
        [N.logpdf(0.2), -np.inf]),
    "repeated rows": (lambda: pt.broadcast_to(z(3, 1), (2, 3, 2)), np.stack([UP, UP]),
        Z.logpdf(V).sum()),
    "repeated vectors": (lambda: pt.broadcast_to(dirichlet(shape=(1, 3)), (2, 3)),
        np.stack([ONE, ONE]), D),
    "of a known shape": (lambda: pt.specify_shape(n(shape=3), (3,)), V, N.logpdf(V)),
    "loop": (lambda: pt.scan(lambda x: R.normal(x + 1.0, 1.0), outputs_info=start, n_steps=3)[0],
             V, steps(V)),
}  # fmt: skip

UNIT = np.array([0.1, 0.5, 0.9])

REFUSED = {
    # Sums, differences, products and ratios.
    "sum of normals": (lambda: n() + z(), X, stats.norm(0.3, 1.64**0.5).logpdf(X)),
    "sum with an exponential": (lambda: n() + e(), X, stats.exponnorm(1.25, 0.3, 0.8).logpdf(X)),
    "difference to an exponential": (lambda: n() - e(), X,
                                     stats.exponnorm(1.25, -0.3, 0.8).logpdf(-X)),
    "sum of exponentials": (lambda: e() + R.exponential(2.0), V,
        np.log(2 * (np.exp(-V) - np.exp(-2 * V)))),
    "difference of counts": (lambda: R.poisson(2.0) - R.poisson(1.0), COUNTS,
                             stats.skellam(2, 1).logpmf(COUNTS)),
    "sum of uniforms": (lambda: R.uniform(0, 1) + R.uniform(0, 1), V[:2],
                        stats.triang(0.5, 0, 2).logpdf(V[:2])),
    "uniform and normal": (lambda: R.uniform(-1, 2) + n(), X,
        np.log(N.cdf(X + 1) - N.cdf(X - 2)) - np.log(3)),
    "difference of gumbels": (lambda: R.gumbel(0, 1) - R.gumbel(1, 1), X,
        stats.logistic(-1).logpdf(X)),
    "binomials": (lambda: R.binomial(3, 0.3) + R.binomial(4, 0.6), COUNTS[1:], np.log(np.convolve(
        stats.binom(3, 0.3).pmf(range(4)), stats.binom(4, 0.6).pmf(range(5)))[:7])),
    "normal and truth": (lambda: n() + R.bernoulli(0.3), X,
                         branched(np.log(0.7) + N.logpdf(X), np.log(0.3) + N.logpdf(X - 1))),
    "dice": (lambda: pt.sum(R.discrete_uniform(1, 6, shape=3)), [3, 10, 19], [
        -3 * np.log(6), np.log(27 / 216), -np.inf]),
    "total of counts": (lambda: pt.sum(R.poisson(2.0, shape=3)), COUNTS,
        stats.poisson(6).logpmf(COUNTS)),
    "total of gammas": (lambda: pt.sum(R.gamma([1.0, 2.0], 1.5)), P,
        stats.gamma(3, scale=1 / 1.5).logpdf(P)),
    "total of a normal vector": (lambda: pt.sum(mvn()), X,
        stats.norm(2.6, C.sum() ** 0.5).logpdf(X)),
    "product of log normals": (lambda: R.log_normal(0, 1) * R.log_normal(0, 1), P,
                               stats.lognorm(2**0.5).logpdf(P)),
    "product of normals": (lambda: z() * z(), X, np.log(special.k0(np.abs(X)) / np.pi)),
    "ratio of normals": (lambda: z() / z(), X, stats.cauchy.logpdf(X)),
    "ratio of gammas": (lambda: R.gamma(2.0, 1.0) / R.gamma(3.0, 1.0), P,
        stats.betaprime(2, 3).logpdf(P)),
    "student": (lambda: z() / pt.sqrt(R.chi_squared(5.0) / 5), X, stats.t(5).logpdf(X)),
    "product over an axis": (lambda: pt.prod(R.uniform(0, 1, shape=3)), UNIT,
                             2 * np.log(-np.log(UNIT)) - LN2),
    "low rank": (lambda: V + FLAT.T @ z(2) + V * z(3), X[:3],
        normal(V, FLAT.T @ FLAT + np.diag(V**2), X[:3])),
    "normal vector and entries": (lambda: mvn() + n(shape=3), X[:3],
        normal(V + 0.3, C + 0.64 * np.eye(3), X[:3])),
    "variance": (lambda: pt.var(n(shape=4)), P, stats.chi2(3, scale=0.16).logpdf(P)),
    "squares of residuals": (lambda: pt.sum(pt.square(PLANE @ z(3))), P, stats.chi2(2).logpdf(P)),
    # One variable used several times; branches.
    "odds": (lambda: of(R.beta(2.0, 3.0), lambda x: x / (1 - x)), P,
        stats.betaprime(2, 3).logpdf(P)),
    "cubic": (lambda: of(n(), lambda x: x + x**3), X + X**3, changed(X, 1 + 3 * X**2)),
    "share": (lambda: of(R.gamma(2.0, 1.0), lambda x: x / (x + R.gamma(3.0, 1.0))), UNIT,
              stats.beta(2, 3).logpdf(UNIT)),
    "sine": (lambda: pt.sin(R.uniform(-np.pi, np.pi)), UNIT, stats.arcsine(-1, 2).logpdf(UNIT)),
    "remainder": (lambda: pt.mod(n(), 2.0), V[:2], special.logsumexp(
        N.logpdf(V[:2, None] + 2 * np.arange(-9, 9)), axis=1)),
    "exp of counts": (lambda: pt.exp(R.poisson(2.0)), np.exp([1.0, 2.0]), POISSON.logpmf([1, 2])),
    "floor of exp": (lambda: pt.floor(pt.exp(n())), [0.0, 2.0],
                     np.log([N.cdf(0), N.cdf(np.log(3)) - N.cdf(LN2)])),
    "switch of two scales": (lambda: of(z(3), lambda x: pt.where(x > 0, 2 * x, 0.5 * x)), X[:3], [
        Z.logpdf(-6) + LN2, Z.logpdf(-1) + LN2, Z.logpdf(0.1) - LN2]),
    "switch of counts": (lambda: of(R.poisson(2.0), lambda x: pt.where(x > 1, x, 3 * x)), [0, 2, 3],
        [
        POISSON.logpmf(0), POISSON.logpmf(2), branched(POISSON.logpmf(3), POISSON.logpmf(1))]),
    "mixture": (lambda: pt.stack([n(), g()])[R.bernoulli(0.3)], P,
                branched(np.log(0.7) + N.logpdf(P), np.log(0.3) + GAMMA.logpdf(P))),
    "index of own columns": (
        lambda: pt.stack([n(shape=3), g(shape=3)])[chosen.astype("int64"), np.arange(3)],
                             V, [GAMMA.logpdf(0.1), N.logpdf(0.5), GAMMA.logpdf(2)]),
    # Order, extremes, truths.
    "less than another variable": (lambda: n() < z(), [1], [stats.norm(0.3, 1.64**0.5).logcdf(0)]),
    "equal": (lambda: pt.eq(R.poisson(2.0), 1), [1], [POISSON.logpmf(1)]),
    "both": (lambda: (n() > 0.5) & (z() > 0), [1], [N.logsf(0.5) - LN2]),
    "any": (lambda: pt.any(n(shape=3) > 0.5), [0], [3 * N.logcdf(0.5)]),
    "max of different ones": (lambda: pt.max(R.normal([0.0, 1.0], 1.0)), X, branched(
        Z.logpdf(X) + Z.logcdf(X - 1), Z.logcdf(X) + Z.logpdf(X - 1))),
    "max of columns": (lambda: pt.max(R.uniform(0, 1, shape=(3, 2)), axis=0), UNIT[:2],
                       stats.beta(3, 1).logpdf(UNIT[:2])),
    "max of indices": (lambda: pt.max(R.categorical(np.full(4, 0.25), shape=5)), np.arange(4),
                       np.log(np.diff((np.arange(5) / 4) ** 5))),
    "larger": (lambda: pt.maximum(n(), z()), X, branched(
        N.logpdf(X) + Z.logcdf(X), N.logcdf(X) + Z.logpdf(X))),
    "argmax of normals": (lambda: pt.argmax(z(3)), np.arange(3), np.full(3, -np.log(3))),
    "argsort": (lambda: pt.argsort(z(3)), [2, 0, 1], -np.log(6)),
    "sort": (lambda: pt.sort(n(shape=3)), V, np.log(6) + N.logpdf(V).sum()),
    "median": (lambda: pt.median(R.uniform(0, 1, shape=5)), UNIT, stats.beta(3, 3).logpdf(UNIT)),
    "cumprod": (lambda: pt.cumprod(R.log_normal(0.0, 1.0, shape=2)), TWO,
                stats.lognorm(1).logpdf([1, 2.5]) - [0, 0]),
    "differences": (lambda: pt.diff(n(shape=3)), V[:2], normal(
        [0, 0], 0.64 * np.array([[2, -1], [-1, 2]]), V[:2])),
    # Parts, writes, functions of matrices.
    "part of a normal vector": (lambda: mvn()[:2], V[:2], normal(V[:2], C[:2, :2], V[:2])),
    "entry of shares": (lambda: dirichlet()[1], UNIT, stats.beta(2, 4).logpdf(UNIT)),
    "entry of tallies": (lambda: R.multinomial(5, SHARES)[1], COUNTS,
        stats.binom(5, 0.3).logpmf(COUNTS)),
    "flat vectors": (lambda: dirichlet(shape=(2, 3)).reshape((6,)), PAIR.ravel(), sum(D2)),
    "masked": (lambda: pt.exp(n(shape=3))[np.array([True, False, True])], TWO,
        changed(np.log(TWO), TWO)),
    "join of kinds": (lambda: pt.concatenate([n(shape=3), dirichlet()]), np.r_[V, ONE],
        N.logpdf(V).sum() + D),
    "write of numbers": (lambda: n(shape=3).at[1].set(5.0), [[0.1, 5, 2], [0.1, 4, 2]], [
        [N.logpdf(0.1), 0, N.logpdf(2)], [N.logpdf(0.1), -np.inf, N.logpdf(2)]]),
    "write into numbers": (lambda: pt.ones(4).at[:3].set(n(shape=3)), [*V, 1.0], [*N.logpdf(V), 0]),
    "flat matrix": (lambda: FLAT @ n(shape=3), TWO, normal(
        FLAT @ np.full(3, 0.3), 0.64 * FLAT @ FLAT.T, TWO)),
    "inverse of wishart": (lambda: pt.linalg.inv(wishart()), C,
                           stats.invwishart(4.5, np.linalg.inv(C)).logpdf(C)),
    "block of wishart": (lambda: wishart()[:2, :2], ROWS,
        stats.wishart(4.5, C[:2, :2]).logpdf(ROWS)),
    "sum of wisharts": (lambda: wishart() + R.wishart(3.5, C), C, stats.wishart(8, C).logpdf(C)),
    "determinant of wishart": (lambda: pt.linalg.det(R.wishart(4.5, ROWS)), P, stats.gamma(
        3.5).logpdf(np.sqrt(P / 0.41)) - np.log(2 * np.sqrt(0.41 * P))),
    "softmax": (lambda: pt.softmax(pt.log(R.gamma(ALPHAS[0], 1.0))), ONE, D),
    "shares of a total": (lambda: of(R.gamma(ALPHAS[0], 1.5), lambda x: x / pt.sum(x)), ONE, D),
    "exp of a loop": (lambda: pt.exp(pt.scan(lambda x: R.normal(x + 1.0, 1.0), outputs_info=start,
                                             n_steps=3)[0]), np.exp(V), steps(V) - V),
}  # fmt: skip


def test_densities_of_all_kinds_of_graphs():
    graphs = DERIVED | REFUSED
    assert len(graphs) == len(DERIVED) + len(REFUSED)
    logs = [pt.logp(make(), np.asarray(value)) for make, value, _ in graphs.values()]
    found = pt.function(list(GIVEN), logs, target="machine")(*GIVEN.values())
    for (name, (_, _, expected)), values in zip(graphs.items(), found, strict=True):
        np.testing.assert_allclose(values, expected, rtol=2e-9, atol=1e-11, err_msg=name)
        assert np.shape(values) == np.shape(expected), name


def test_entries_of_one_variable_that_are_observed_apart():
    x, rows = n(shape=5), dirichlet(ALPHAS)
    first, rest = pt.split(x, [2])
    some, others = pt.split(rows, [2])
    data = {pt.exp(first): TWO, pt.sum(rest): 1.0, some: np.stack([ONE, ONE]), others: ONE[None]}
    posterior = pt.condition(data, target="machine")
    expected = changed(np.log(TWO), TWO).sum() + stats.norm(0.9, 1.92**0.5).logpdf(1.0)
    expected += sum(shares(a) for a in ALPHAS)
    assert posterior.dim == 0 and np.isclose(posterior.logp(np.zeros(0)), expected)
    with pytest.raises(GraphError, match="all of its variables are given"):
        pt.condition({pt.exp(x[:3]): V, pt.sum(x[2:]): 1.0})


def test_a_number_that_is_added_to_several_has_no_density():
    """PyMC 6.4.0 counts the density of the number once for each sum."""
    with pytest.raises(GraphError, match="broadcasts a random tensor of shape \\[\\] to \\[3\\]"):
        pt.logp(V + z(), V)


def test_variables_joined_with_those_that_they_depend_on():
    scale, count = R.normal(1.0, 1.0), R.poisson(2.0)
    pair, counts = pt.stack([scale, R.normal(0.0, scale)]), [count, R.binomial(count, 0.5)]
    found = pt.logp(2 * pair + 1, [[2.0, 3.0], [-1.0, 3.0]]).eval()
    one = [stats.norm(1, 1).logpdf(0.5) - LN2, stats.norm(0, 0.5).logpdf(1) - LN2]
    np.testing.assert_allclose(found, [one, [stats.norm(1, 1).logpdf(-1) - LN2, -np.inf]])
    found = pt.logp(pt.stack(counts), [[3, 1], [1, 2]]).eval()
    binomial = stats.binom(3, 0.5).logpmf(1)
    np.testing.assert_allclose(found, [[POISSON.logpmf(3), binomial], [POISSON.logpmf(1), -np.inf]])
    with pytest.raises(GraphError, match="it is an operand, and a parameter of another variable"):
        pt.logp(pt.stack([pt.exp(scale), R.normal(0.0, scale)]), TWO)
