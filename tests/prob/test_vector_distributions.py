"""Distributions of vectors and matrices: densities against SciPy, closed forms and mpmath, far out
too; draws by their moments and the distribution of a marginal; entropies; models; messages."""

import math

import numpy as np
import pytest
from mpmath import mp, mpf
from scipy import integrate, special, stats
from scipy.linalg import circulant

import probtensor as pt
from probtensor.prob.model.data import evaluate

R = pt.random
RNG = np.random.default_rng(0)


def positive(n):
    a = RNG.normal(size=(n, n))
    return a @ a.T + n * np.eye(n)


C3, C2, MU = positive(3), positive(2), RNG.normal(size=3)
W, D = RNG.normal(size=(6, 2)), RNG.uniform(0.5, 2.0, 6)
LOW = np.diag(D) + W @ W.T
P, ALPHA = np.array([0.2, 0.3, 0.5]), np.array([0.5, 2.0, 3.0])
X3, X6, M = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 6)), RNG.normal(size=(3, 2))
COUNTS = np.array([[1, 2, 7], [0, 0, 10], [10, 0, 0]])
MATRIX = stats.wishart(7.5, C3).rvs(2, random_state=1)
FACTOR = np.linalg.cholesky(MATRIX)
# log |dX / dL| of a symmetric matrix by its factor.
ROWS = np.arange(3, 0, -1.0)
BY_FACTOR = 3 * math.log(2) + np.log(np.diagonal(FACTOR, axis1=-2, axis2=-1)) @ ROWS
N = stats.multivariate_normal
ZERO = RNG.normal(size=(4, 5))
ZERO -= ZERO.mean(1, keepdims=True)
ZERO2 = ZERO[:3] - ZERO[:3].mean(0)
WISHART, INVERSE = stats.wishart(5.5, C3), stats.invwishart(5.5, C3)


def each(distribution, values):
    return np.array([distribution(value) for value in values])


CORR = np.array([[1.0, 0.6], [0.6, 1.0]])
COPULA = R.gaussian_copula(R.beta([2.0, 3.0], 1.5), CORR)
UNIT = np.array([[0.3, 0.6], [1e-12, 0.5], [0.999999, 1e-9]])
BETAS = stats.beta([2.0, 3.0], 1.5)
# By the smaller tail.
Z = np.where(UNIT < 0.5, stats.norm.ppf(BETAS.cdf(UNIT)), -stats.norm.ppf(BETAS.sf(UNIT)))
COPULA_LOGPDF = BETAS.logpdf(UNIT).sum(1) + N([0, 0], CORR).logpdf(Z) - stats.norm.logpdf(Z).sum(1)


# variable, values, log density
DENSITIES = {
    "by precision": (R.mv_normal(MU, precision=np.linalg.inv(C3)), X3, N(MU, C3).logpdf(X3)),
    "by chol": (R.mv_normal(MU, chol=np.linalg.cholesky(C3)), X3, N(MU, C3).logpdf(X3)),
    "t": (R.multivariate_student_t(3.5, MU, cov=C3), X3,
          stats.multivariate_t(MU, C3, 3.5).logpdf(X3)),
    "low rank": (R.low_rank_multivariate_normal(0.5, W, D), X6, N(np.full(6, 0.5), LOW).logpdf(X6)),
    "low rank, rows": (R.low_rank_multivariate_normal(0.0, np.stack([W, 2 * W]), D), X6[:2],
                       [N(np.zeros(6), LOW).logpdf(X6[0]),
                        N(np.zeros(6), np.diag(D) + 4 * W @ W.T).logpdf(X6[1])]),
    "multinomial": (R.multinomial(10, P), COUNTS, stats.multinomial(10, P).logpmf(COUNTS)),
    "multinomial by logits": (R.multinomial(10, logit_p=np.log(P) + 2), COUNTS,
                              stats.multinomial(10, P).logpmf(COUNTS)),
    "multinomial of 0": (R.multinomial(0, P), [[0, 0, 0]], [0.0]),
    "multinomial of a kind that is impossible": (R.multinomial(3, [0.0, 0.5, 0.5]),
                                                 [[0, 1, 2], [1, 1, 1]],
                                                 [math.log(3 / 8), -math.inf]),
    "dirichlet multinomial": (R.dirichlet_multinomial(10, ALPHA), COUNTS,
                              stats.dirichlet_multinomial(ALPHA, 10).logpmf(COUNTS)),
    "dirichlet multinomial of 0": (R.dirichlet_multinomial(0, ALPHA), [[0, 0, 0]], [0.0]),
    "wishart": (R.wishart(5.5, C3), MATRIX, each(WISHART.logpdf, MATRIX)),
    "wishart factor": (R.wishart_cholesky(5.5, scale_tril=np.linalg.cholesky(C3)), FACTOR,
                       each(WISHART.logpdf, MATRIX) + BY_FACTOR),
    "inverse wishart": (R.inverse_wishart(5.5, C3), MATRIX, each(INVERSE.logpdf, MATRIX)),
    "inverse wishart factor": (R.inverse_wishart_cholesky(5.5, C3), FACTOR,
                               each(INVERSE.logpdf, MATRIX) + BY_FACTOR),
    "wishart, one row": (R.wishart(3.0, [[2.0]]), [[[4.0]]],
                         [stats.chi2(3).logpdf(2) - math.log(2)]),
    "matrix": (R.matrix_normal(M, row_cov=C3, col_cov=C2), [M + 1, 2 * M],
               each(stats.matrix_normal(M, C3, C2).logpdf, [M + 1, 2 * M])),
    "kronecker": (R.kronecker_normal(0.5, [C3, C2]), X6,
                  N(np.full(6, 0.5), np.kron(C3, C2)).logpdf(X6)),
    "kronecker by factors": (R.kronecker_normal(0.5, chols=[*map(np.linalg.cholesky, (C3, C2))]),
                             X6, N(np.full(6, 0.5), np.kron(C3, C2)).logpdf(X6)),
    "kronecker and noise": (R.kronecker_normal(0.0, [C3, C2], sigma=0.7), X6,
                            N(np.zeros(6), np.kron(C3, C2) + 0.49 * np.eye(6)).logpdf(X6)),
    "kronecker by eigenvalues": (R.kronecker_normal(0.0, evds=[*map(np.linalg.eigh, (C3, C2))]), X6,
                                 N(np.zeros(6), np.kron(C3, C2)).logpdf(X6)),
    "zero sum": (R.zero_sum_normal(2.0, shape=(4, 5)), ZERO,
                 stats.norm(0, 2).logpdf(ZERO).sum(1) - stats.norm(0, 2).logpdf(0)),
    "zero sum, two axes": (R.zero_sum_normal(2.0, n_zerosum_axes=2, shape=(3, 5)), ZERO2,
                           stats.norm(0, 2).logpdf(ZERO2).sum() - 7 * stats.norm(0, 2).logpdf(0)),
    "stick breaking": (R.stick_breaking_weights(2.5, 2), [[0.3, 0.2, 0.5]],
                       [stats.beta(1, 2.5).logpdf(0.3) + stats.beta(1, 2.5).logpdf(2 / 7)
                        - math.log(0.7)]),
    "direction": (R.uniform_direction(3), [[0, 0.6, 0.8]], [-math.log(4 * math.pi)]),
    "projected normal of mean 0": (R.projected_normal(np.zeros(4)), np.eye(4),
                                   np.full(4, -math.log(2 * math.pi**2))),
    **{f"circulant, {n}": (R.circulant_normal(0.5, row), X6[:, :n],
                           N(np.full(n, 0.5), circulant(row)).logpdf(X6[:, :n]))
       for n, row in ((1, [1.5]), (4, [2.0, 0.5, 0.1, 0.5]), (5, [2.0, 0.5, 0.1, 0.1, 0.5]))},
    "copula": (COPULA, UNIT, COPULA_LOGPDF),
    # The volumes of correlation matrices of 2, 3 and 4 rows (Joe 2006).
    **{f"lkj {n}": (R.lkj_corr(n, 1.0), [np.eye(n)], [-math.log(volume)])
       for n, volume in ((1, 1.0), (2, 2.0), (3, math.pi**2 / 2), (4, 32 * math.pi**2 / 27))},
    "lkj of two rows": (R.lkj_corr(2, 2.5), [[[1, 0.4], [0.4, 1]]],
                        [stats.beta(2.5, 2.5).logpdf(0.7) - math.log(2)]),
    "lkj factor of two rows": (R.lkj_cholesky(2, 2.5), [[[1, 0], [0.6, 0.8]]],
                               [stats.beta(2.5, 2.5).logpdf(0.8) - math.log(2)]),
}  # fmt: skip


@pytest.mark.parametrize("name", DENSITIES)
def test_densities(name):
    variable, values, wanted = DENSITIES[name]
    (found,) = evaluate([pt.logp(variable, np.asarray(values))], {})
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-11)


def test_a_relaxed_one_hot_density_is_that_of_its_gumbel_variables():
    """Of two entries: logit(x) temperature - logit(p) is logistic."""
    x, tau = 0.3, 0.7
    variable = R.relaxed_one_hot_categorical(tau, [0.2, 0.8])
    (found,) = evaluate([pt.logp(variable, [x, 1 - x])], {})
    z = tau * special.logit(x) - special.logit(0.2)
    assert np.isclose(found, stats.logistic.logpdf(z) + math.log(tau / (x * (1 - x))), rtol=1e-13)


def test_projected_normal_densities():
    """Against mpmath's integral, on both sides of the sphere, near and far."""
    rows = [
        ([0.7, -0.2], [0.6, 0.8]),
        ([0.7, -0.2], [-1.0, 0.0]),
        ([30.0, 2.0], [0.6, -0.8]),
        ([30.0, 2.0], [-0.8, 0.6]),
        ([1e3, 0.0], [-1.0, 0.0]),
        ([1e8, 0.0], [0.6, 0.8]),
    ]
    rows += [(c + [0.5, -1.0, 0.0], [*(0.8 * np.array(x)), 0.6, 0.0, 0.0]) for c, x in rows[:4]]
    with mp.workdps(40):
        for concentration, x in rows:
            n = len(x)
            c, at = [mpf(v) for v in concentration], [mpf(float(v)) for v in x]
            t = sum(a * b for a, b in zip(c, at, strict=True))
            peak = (t + mp.sqrt(t * t + 4 * (n - 1))) / 2
            top = (n - 1) * mp.log(peak) - (peak - t) ** 2 / 2
            width = 1 / mp.sqrt(1 + (n - 1) / peak**2)
            ends = [mpf(0)] + [e for k in (-12, -4, 0, 4, 12, 40) if (e := peak + k * width) > 0]

            def height(r, n=n, t=t, top=top):
                return mp.exp((n - 1) * mp.log(r) - (r - t) ** 2 / 2 - top)

            shape = mp.quad(height, ends)
            beside = sum((a - t * b) ** 2 for a, b in zip(c, at, strict=True))
            wanted = mp.log(shape) + top - beside / 2 - n * mp.log(2 * mp.pi) / 2
            (found,) = evaluate([pt.logp(R.projected_normal(concentration), x)], {})
            assert abs(found - wanted) <= 1e-13 * max(1, abs(wanted)), (concentration, x)


def test_lkj_densities_of_both_forms_agree():
    eta, n = 1.7, 4
    correlations = pt.draw(R.lkj_corr(n, eta), draws=3, seed=1)
    factors = np.linalg.cholesky(correlations)
    heights = np.diagonal(factors, axis1=-2, axis2=-1)
    slope = np.log(heights) @ np.arange(n - 1, -1, -1.0)
    found = evaluate([pt.logp(R.lkj_corr(n, eta), correlations),
                      pt.logp(R.lkj_cholesky(n, eta), factors)], {})  # fmt: skip
    np.testing.assert_allclose(found[0] + slope, found[1], rtol=1e-12)
    flat = evaluate([pt.logp(R.lkj_corr(n, 1.0), correlations)], {})[0]
    dets = (eta - 1) * np.log(np.linalg.det(correlations))
    constants = found[0] - flat - dets
    np.testing.assert_allclose(constants, constants[0], rtol=1e-11)


def test_outside_the_support_there_is_no_density():
    for variable, value in (
        (R.multinomial(10, P), [1, 2, 8]),
        (R.multinomial(10, P), [1.5, 1.5, 7.0]),
        (R.dirichlet_multinomial(10, ALPHA), [-1, 4, 7]),
        (R.wishart(5.5, C3), np.ones((3, 3))),
        (R.wishart(5.5, C3), MATRIX[0] + np.triu(np.ones((3, 3)), 1)),
        (R.lkj_corr(2), 2 * np.eye(2)),
        (R.lkj_cholesky(2), [[1, 0.1], [0.6, 0.8]]),
        (R.zero_sum_normal(1.0, shape=2), [1.0, -0.9]),
        (R.uniform_direction(2), [1.0, 1.0]),
        (R.stick_breaking_weights(1.0, 1), [0.5, 0.6]),
    ):
        assert evaluate([pt.logp(variable, np.asarray(value))], {})[0] == -np.inf, variable
    nu = pt.scalar("nu")
    f = pt.logp(R.wishart(nu, C3), MATRIX[0])
    assert evaluate([f], {nu: np.array(1.9)})[0] == -np.inf
    assert np.isfinite(evaluate([f], {nu: np.array(2.1)})[0])


class ProjectedAngle:
    """The angle of a normal vector of mean (c, 0): Mardia and Jupp (2000), eq. 3.5.48."""

    def __init__(self, c):
        d = c * np.cos(grid := np.linspace(-np.pi, np.pi, 4001))
        ratio = stats.norm.cdf(d) / stats.norm.pdf(d)
        density = stats.norm.pdf(c) * (1 + d * ratio) / np.sqrt(2 * np.pi)
        self.grid = grid
        self.shares = integrate.cumulative_trapezoid(density, grid, initial=0)
        assert np.isclose(self.shares[-1], 1)

    def cdf(self, x):
        return np.interp(x, self.grid, self.shares)


# Draws: the variable, and a function of draws with the distribution of its results.
MARGINALS = {
    "precision": (R.mv_normal(MU, tau=C3), lambda x: x[:, 1],
                  stats.norm(MU[1], np.sqrt(np.linalg.inv(C3)[1, 1]))),
    "t": (R.multivariate_student_t(3.5, MU, cov=C3), lambda x: x[:, 1],
          stats.t(3.5, MU[1], np.sqrt(C3[1, 1]))),
    "low rank": (R.low_rank_multivariate_normal(0.0, W, D), lambda x: x[:, 0] - x[:, 3],
                 stats.norm(0, np.sqrt(LOW[0, 0] + LOW[3, 3] - 2 * LOW[0, 3]))),
    "multinomial": (R.multinomial(10, P), lambda x: x[:, 1], stats.binom(10, 0.3)),
    "dirichlet multinomial": (R.dirichlet_multinomial(10, ALPHA), lambda x: x[:, 1],
                              stats.betabinom(10, 2.0, 3.5)),
    "wishart": (R.wishart(5.5, C3), lambda x: x[:, 1, 1] / C3[1, 1], stats.chi2(5.5)),
    "wishart determinant": (R.wishart_cholesky(5.5, C2), lambda x: x[:, 1, 1] ** 2
                            * C2[0, 0] / np.linalg.det(C2), stats.chi2(4.5)),
    "inverse wishart": (R.inverse_wishart(5.5, C3), lambda x: C3[2, 2] / x[:, 2, 2],
                        stats.chi2(3.5)),
    "inverse wishart factor": (R.inverse_wishart_cholesky(5.5, C3), lambda x: C3[0, 0]
                               / x[:, 0, 0] ** 2, stats.chi2(3.5)),
    "bartlett": (R.wishart_bartlett(5.5, C3), lambda x: x[:, 1, 1] / C3[1, 1], stats.chi2(5.5)),
    "matrix": (R.matrix_normal(M, row_cov=C3, col_cov=C2), lambda x: x[:, 2, 0] + x[:, 2, 1],
               stats.norm(M[2].sum(), np.sqrt(C3[2, 2] * C2.sum()))),
    "kronecker": (R.kronecker_normal(0.0, [C3, C2]), lambda x: x[:, 1] + x[:, 4],
                  stats.norm(0, np.sqrt(np.kron(C3, C2)[[1, 4]][:, [1, 4]].sum()))),
    "kronecker and noise": (
        R.kronecker_normal(0.0, [C3, C2], sigma=0.7), lambda x: x[:, 1] + x[:, 4],
        stats.norm(0, np.sqrt(np.kron(C3, C2)[[1, 4]][:, [1, 4]].sum() + 2 * 0.49))),
    "zero sum": (R.zero_sum_normal(2.0, n_zerosum_axes=2, shape=(3, 5)), lambda x: x[:, 1, 2],
                 stats.norm(0, 2 * np.sqrt(2 / 3 * 4 / 5))),
    "stick breaking": (R.stick_breaking_weights(2.5, 3), lambda x: x[:, 1] / (1 - x[:, 0]),
                       stats.beta(1, 2.5)),
    "copula": (COPULA, lambda x: x[:, 1], stats.beta(3.0, 1.5)),
    "circulant": (R.circulant_normal(0.0, [2.0, 0.5, 0.1, 0.1, 0.5]), lambda x: x[:, 1] - x[:, 3],
                  stats.norm(0, np.sqrt(4.0 - 0.2))),
    "projected normal": (R.projected_normal([0.7, 0.0]),
                         lambda x: np.arctan2(x[:, 1], x[:, 0]), ProjectedAngle(0.7)),
    "direction": (R.uniform_direction(4), lambda x: (1 + x[:, 2]) / 2, stats.beta(1.5, 1.5)),
    "lkj": (R.lkj_corr(4, 1.7), lambda x: (1 + x[:, 3, 1]) / 2, stats.beta(2.7, 2.7)),
    "lkj factor": (R.lkj_cholesky(4, 1.7), lambda x: (1 + (x @ np.swapaxes(x, 1, 2))[:, 3, 2]) / 2,
                   stats.beta(2.7, 2.7)),
    "relaxed": (R.relaxed_one_hot_categorical(0.7, [0.2, 0.8]),
                lambda x: 0.7 * special.logit(np.clip(x[:, 0], 1e-300, 1 - 1e-16))
                - special.logit(0.2), stats.logistic()),
}  # fmt: skip


@pytest.mark.parametrize("name", MARGINALS)
def test_draws_have_the_distribution_of_a_marginal(name):
    variable, function, marginal = MARGINALS[name]
    found = pt.draw(variable, draws=4000, seed=5)
    constraint = variable.op.support(*variable.inputs) if name != "bartlett" else pt.cov_matrix()
    inside = constraint.contains(found)
    assert inside is None or np.all(np.asarray(evaluate([pt.as_tensor(inside)], {})[0]))
    values = function(found.astype(float))
    if hasattr(marginal, "pmf"):
        seen = np.bincount(values.astype(int), minlength=11)
        wanted = 4000 * marginal.pmf(np.arange(11))
        assert stats.chisquare(seen, wanted * seen.sum() / wanted.sum()).pvalue > 1e-3
    else:
        assert stats.kstest(values, marginal.cdf).pvalue > 1e-3


def test_draws_of_many_kinds_and_of_batches():
    """Halves of five kinds, one of them impossible, and probabilities that vary."""
    p = np.array([[0.1, 0.0, 0.2, 0.3, 0.4], [0.0, 0.0, 0.0, 0.0, 1.0]])
    found = pt.draw(R.multinomial([1000, 7], p), draws=500, seed=2)
    assert found.shape == (500, 2, 5) and found.dtype == "int64"
    assert np.all(found.sum(-1) == [1000, 7]) and not found[:, 0, 1].any()
    assert np.all(found[:, 1] == [0, 0, 0, 0, 7])
    spread = np.sqrt(1000 * p[0] * (1 - p[0]) / 500)
    assert np.all(abs(found[:, 0].mean(0) - 1000 * p[0]) <= 4 * spread)
    single = pt.draw(R.multinomial(9, [1.0]), seed=1)
    assert single.tolist() == [9]


ENTROPIES = {
    "normal": (R.multivariate_normal(MU, cov=C3), N(MU, C3).entropy()),
    "precision": (R.multivariate_normal(MU, tau=np.linalg.inv(C3)), N(MU, C3).entropy()),
    "low rank": (R.low_rank_multivariate_normal(0.0, W, D), N(np.zeros(6), LOW).entropy()),
    "dirichlet": (R.dirichlet(ALPHA), stats.dirichlet(ALPHA).entropy()),
    "wishart": (R.wishart(5.5, C3), WISHART.entropy()),
    "matrix": (R.matrix_normal(M, row_cov=C3, col_cov=C2),
               N(np.zeros(6), np.kron(C3, C2)).entropy()),
    "lkj of two rows": (R.lkj_corr(2, 2.5), stats.beta(2.5, 2.5).entropy() + math.log(2)),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTROPIES)
def test_entropies(name):
    variable, wanted = ENTROPIES[name]
    found = variable.op.distribution.entropy(*variable.op.parameters_of(variable.inputs))
    np.testing.assert_allclose(evaluate([found], {})[0], wanted, rtol=1e-12)


def test_modes_have_the_highest_density():
    for variable, moves in (
        (R.wishart(5.5, C3), np.eye(3)), (R.inverse_wishart(5.5, C3), np.eye(3)),
        (R.dirichlet([2.0, 3.0]), np.array([1.0, -1.0])), (R.lkj_corr(2, 1.5), 1 - np.eye(2)),
    ):  # fmt: skip
        op = variable.op
        (mode,) = evaluate([op.distribution.mode(*op.parameters_of(variable.inputs))], {})
        near = np.stack([mode, mode + 1e-3 * moves, mode - 1e-3 * moves])
        (found,) = evaluate([pt.logp(variable, near)], {})
        assert found[0] > max(found[1:])


def exact_low_rank(x, w, d):
    with mp.workdps(60):
        n = len(x)
        cov = mp.matrix(w) * mp.matrix(w).T + mp.diag([mpf(float(v)) for v in d])
        y = mp.matrix([mpf(float(v)) for v in x])
        square = (y.T * mp.lu_solve(cov, y))[0]
        return -(square + mp.log(mp.det(cov)) + n * mp.log(2 * mp.pi)) / 2


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e4, 1e7])
def test_low_ranks_lose_no_digits_where_the_factor_is_large(size):
    """Of values that the factor explains, and of others."""
    rng = np.random.default_rng(6)
    w, d = size * rng.normal(size=(5, 2)), rng.uniform(0.5, 2.0, 5)
    inside = w @ rng.normal(size=2) + rng.normal(size=5)
    for x in (inside, rng.normal(size=5), size * rng.normal(size=5)):
        (found,) = evaluate([pt.logp(R.low_rank_multivariate_normal(0.0, w, d), x)], {})
        wanted = exact_low_rank(x, w.tolist(), d)
        # x itself has the relative precision of a float, beside what the factor explains of it.
        room = 1e-13 + 1e-15 * size
        assert abs(found - wanted) <= room * max(1, abs(wanted)), (found, wanted)


def test_covariances_that_are_a_diagonal_and_few_columns_are_seen():
    s = pt.exp(pt.as_tensor(np.log(D)))
    u = pt.as_tensor(W)
    for cov in (pt.diag(s) + u @ u.mT, u @ u.mT + pt.diag(s)):
        variable = R.multivariate_normal(0.0, cov=cov)
        assert variable.op.distribution.name == "low_rank_multivariate_normal"
        (found,) = evaluate([pt.logp(variable, X6)], {})
        np.testing.assert_allclose(found, N(np.zeros(6), LOW).logpdf(X6), rtol=1e-12)
    noise = pt.scalar("noise")
    others = pt.diag(s[:3]) + u[:3] @ u[:3].mT, noise * pt.eye(6) + u @ u.mT, pt.diag(s) - u @ u.mT
    for cov in others:
        assert R.multivariate_normal(0.0, cov=cov).op.distribution.name == "multivariate_normal"


def test_large_counts_and_degrees_of_freedom_lose_no_digits():
    with mp.workdps(60):
        n, p = 10**12, [mpf(float(v)) for v in P]
        x = [200000300000, 300000100000, n - 500000400000]
        wanted = mp.loggamma(n + 1) + sum(
            k * mp.log(q) - mp.loggamma(k + 1) for k, q in zip(x, p, strict=True)
        )
        # The probabilities as floats do not quite sum to 1.
        (found,) = evaluate([pt.logp(R.multinomial(n, P), x)], {})
        assert abs(found - wanted) < 1e-3
        alpha = [mpf(v) for v in (2e7, 3e7, 5e7)]
        a = sum(alpha)
        x = [2000300, 3000100, 4999600]
        n = sum(x)
        wanted = mp.loggamma(n + 1) + mp.loggamma(a) - mp.loggamma(n + a) + sum(
            mp.loggamma(k + v) - mp.loggamma(v) - mp.loggamma(k + 1)
            for k, v in zip(x, alpha, strict=True)
        )  # fmt: skip
        (found,) = evaluate([pt.logp(R.dirichlet_multinomial(n, [2e7, 3e7, 5e7]), x)], {})
        assert abs(found - wanted) < 1e-11 * abs(wanted)
        nu = mpf(10) ** 10
        x = mp.matrix([[nu + 3e4, 2e4], [2e4, nu - 5e4]])
        gamma = sum(mp.loggamma((nu - k) / 2) for k in range(2)) + mp.log(mp.pi) / 2
        wanted = (nu - 3) / 2 * mp.log(mp.det(x)) - (x[0, 0] + x[1, 1]) / 2 - nu * mp.log(2) - gamma
        value = np.array(x.tolist(), dtype=float)
        (found,) = evaluate([pt.logp(R.wishart(1e10, np.eye(2)), value)], {})
        assert abs(found - wanted) < 1e-9
        far = np.full(3, 1e200)
        (found,) = evaluate(
            [pt.logp(R.multivariate_student_t(2.0, np.zeros(3), np.eye(3)), far)], {}
        )
        scale = mp.loggamma(2.5) - mp.loggamma(1) - 1.5 * mp.log(2 * mp.pi)
        wanted = scale - 2.5 * mp.log(1 + 3 * mpf(10) ** 400 / 2)
        assert abs(found - wanted) < 1e-12 * abs(wanted)
        (found,) = evaluate([pt.logp(R.lkj_corr(3, 1e9), np.eye(3))], {})
        shapes = [(mpf(10) ** 9 + mpf(1) / 2, 2), (mpf(10) ** 9, 1)]
        wanted = -sum(k * mp.log(mp.beta(mpf(1) / 2, v)) for v, k in shapes)
        assert abs(found - wanted) < 1e-12 * abs(wanted)


@pytest.fixture(scope="module")
def everything():
    """A model with a free variable of each kind, whose parameters are random too."""
    a = R.gamma(3.0, 1.0, name="a")
    free = {
        "normal": R.multivariate_normal(a, chol=np.linalg.cholesky(C2), name="normal"),
        "precision": R.multivariate_normal(0.0, precision=a * C2, name="precision"),
        "t": R.multivariate_student_t(a + 1, 0.0, cov=a * C2, name="t"),
        "low": R.low_rank_multivariate_normal(0.0, a * W, D + a, name="low"),
        "zero": R.zero_sum_normal(a, shape=4, name="zero"),
        "zero2": R.zero_sum_normal(a, n_zerosum_axes=2, shape=(2, 3, 4), name="zero2"),
        "corr": R.lkj_corr(3, a, name="corr"),
        "factor": R.lkj_cholesky(3, a, shape=(2, 3, 3), name="factor"),
        "wishart": R.wishart(3 + a, C3, name="wishart"),
        "wishart_factor": R.wishart_cholesky(3 + a, C3, name="wishart_factor"),
        "inverse": R.inverse_wishart(3 + a, C3, name="inverse"),
        "inverse_factor": R.inverse_wishart_cholesky(3 + a, a * C3, name="inverse_factor"),
        "matrix": R.matrix_normal(a, row_cov=C3, col_cov=a * C2, name="matrix"),
        "kronecker": R.kronecker_normal(a, [C3, a * C2], name="kronecker"),
        "noisy": R.kronecker_normal(a, [C3, C2], sigma=a, name="noisy"),
        "sticks": R.stick_breaking_weights(a, 3, name="sticks"),
        "relaxed": R.relaxed_one_hot_categorical(a, P, name="relaxed"),
        "direction": R.uniform_direction(3, shape=(2, 3), name="direction"),
        "projected": R.projected_normal(pt.stack([a, 0.5]), name="projected"),
        "copula": R.gaussian_copula(R.gamma(a, 1.0), CORR, name="copula"),
        "angles": R.sine_bivariate_von_mises(a, 0.3, a, 2.0, 1.5, name="angles"),
        "circulant": R.circulant_normal(a, a * np.array([2.0, 0.5, 0.5]), name="circulant"),
        "bartlett": R.wishart_bartlett(3 + a, C2, name="bartlett"),
    }
    total = sum(pt.sum(pt.sin(x)) for x in free.values())
    y = R.multinomial(9, pt.softmax(pt.stack([a, total, 0.0])), name="y")
    z = R.dirichlet_multinomial(9, pt.stack([a, 1.0, a]), name="z")
    return a, free, pt.condition({y: [3, 4, 2], z: [3, 4, 2]}, target="machine")


def test_free_variables_of_all_of_them(everything):
    a, free, posterior = everything
    q = 0.5 * np.random.default_rng(7).normal(size=posterior.dim)
    values = posterior.constrain(q)
    single = {name: x for name, x in free.items() if name != "bartlett"}
    densities = [pt.sum(pt.logp(x, values[name])) for name, x in single.items()]
    densities = pt.graph_replace(densities, {a: pt.as_tensor(values["a"])})
    found = sum(evaluate(densities, {}))
    terms = posterior.terms(q).terms
    mine = sum(t.value for t in terms if t.name in single and t.what != "the log-Jacobian")
    assert np.isclose(mine, found, rtol=1e-11)
    assert np.isclose(posterior.logp(q), sum(t.value for t in terms), rtol=1e-12)
    gradient, step = posterior.logp_and_grad(q)[1], 1e-6
    moves = step * np.eye(len(q))
    slopes = [(posterior.logp(q + m) - posterior.logp(q - m)) / (2 * step) for m in moves]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-5, atol=1e-6)
    again = posterior.constrain(posterior.unconstrain(values))
    for name, value in values.items():
        np.testing.assert_allclose(again[name], value, rtol=1e-9, atol=1e-11)


def test_prior_and_predictive_draws_of_all_of_them(everything):
    _, free, posterior = everything
    prior = pt.sample_prior(posterior, draws=3, seed=1)
    for name, x in free.items():
        found = np.asarray(prior.prior[name])
        assert found.shape == (1, 3, *x.shape) and np.isfinite(found).all(), name
    assert np.asarray(prior.prior_predictive["y"]).sum(-1).tolist() == [[9, 9, 9]]


def test_sizes_may_come_from_dims_and_dtypes_from_parameters():
    zero = R.zero_sum_normal(1.0, dims="group", name="zero")
    group = pt.data(np.array([0, 2, 1]), name="g")
    y = R.normal(zero[group], 1.0, name="y")
    posterior = pt.condition({y: np.ones(3)}, coords={"group": ["a", "b", "c"]}, target="interp")
    assert posterior.dim == 2 and abs(posterior.constrain([1.0, 2.0])["zero"].sum()) < 1e-15
    one = np.float32(1.0)
    for variable in (R.zero_sum_normal(one, shape=3), R.lkj_cholesky(3, one),
                     R.wishart_cholesky(4 * one, scale_tril=np.eye(2, dtype="float32")),
                     R.multivariate_student_t(one, 0 * one, np.eye(2, dtype="float32")),
                     R.stick_breaking_weights(one, 2)):  # fmt: skip
        assert variable.dtype == "float32"
        found = pt.draw(variable, seed=1)
        assert found.dtype == "float32"
        assert np.isfinite(evaluate([pt.logp(variable, found)], {})[0]).all(), variable
    steps = pt.scan(lambda: R.multinomial(5, P), outputs_info=None, n_steps=4)
    steps = steps[0] if isinstance(steps, (list, tuple)) else steps
    assert np.all(pt.draw(steps, seed=1).sum(-1) == 5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: R.multivariate_normal(0.0), ["scale_tril or cov or chol", "neither"]),
        (lambda: R.multivariate_normal(np.zeros(2), cov=C3), ["mu", "(2,)", "(3, 3)"]),
        (lambda: R.low_rank_multivariate_normal(0.0, W, D[:4]), ["cov_diag", "(4,)", "(6,)"]),
        (lambda: R.low_rank_multivariate_normal(0.0, W, -D), ["cov_diag", "> 0"]),
        (lambda: R.multinomial(10, [0.5, 0.6]), ["p of multinomial", "sum 1"]),
        (lambda: R.multinomial(-1, P), ["n of multinomial"]),
        (lambda: R.dirichlet_multinomial(3, [1.0, -1.0]), ["alpha of dirichlet_multinomial"]),
        (lambda: R.lkj_corr(2.5), ["n must be a whole number from 1 on", "2.5"]),
        (lambda: R.lkj_corr(3, -1.0), ["eta of lkj_corr", "> 0"]),
        (lambda: R.lkj_corr(3, shape=(2, 2)), ["(2, 2)", "(3, 3)"]),
        (lambda: R.wishart(1.5, C3, name="w"), ["nu of wishart 'w'", "> 2"]),
        (lambda: R.wishart(5, -C3), ["scale of wishart", "positive definite"]),
        (lambda: R.matrix_normal(0.0, C3, C2), ["row_chol", "lower triangular"]),
        (lambda: R.matrix_normal(0.0, row_cov=C3), ["col_chol or col_cov", "neither"]),
        (lambda: R.kronecker_normal(0.0, C3), ["list of 1 to"]),
        (lambda: R.kronecker_normal(np.zeros(5), [C3, C2]), ["mu of shape (5,)", "6"]),
        (lambda: R.zero_sum_normal(1.0), ["size is not known", "shape="]),
        (lambda: R.zero_sum_normal(1.0, n_zerosum_axes=2, shape=3), ["2 axes"]),
        (lambda: R.zero_sum_normal(1.0, n_zerosum_axes=0, shape=3), ["1, 2, ..."]),
        (lambda: R.stick_breaking_weights(1.0, 0), ["K must be a whole number from 1 on"]),
        (lambda: R.uniform_direction(1), ["dim must be a whole number from 2 on"]),
        (lambda: R.lkj_cov(3, 1.0, 2.0), ["stds", "3"]),
        (lambda: R.circulant_normal(0.0, [2.0, 0.5, 0.1]), ["covariance_row", "symmetric"]),
        (lambda: R.circulant_normal(0.0, [1.0, 2.0, 2.0]), ["spectrum", "> 0"]),
        (lambda: R.circulant_normal([0.0] * 4, covariance_rfft=[1.0, 2.0]), ["(4,)", "n // 2 + 1"]),
        (lambda: R.gaussian_copula(3.0, CORR), ["marginal must be a random variable"]),
        (lambda: R.gaussian_copula(R.poisson(3.0), CORR), ["marginal must be a random variable"]),
        (
            lambda: R.gaussian_copula(R.gamma([1.0, 2.0, 3.0], 1.0), CORR),
            ["alpha", "(3,)", "(2, 2)"],
        ),
        (lambda: R.gaussian_copula(R.gamma(1.0, 1.0), 2 * CORR), ["corr", "ones on the diagonal"]),
        *((lambda name=name: R.mv_normal(np.zeros(3), name="x", **{name: CORR}),
           ["multivariate_normal 'x'", "mu of shape (3,)", f"{name} of shape (2, 2)"])
          for name in ("cov", "tau", "precision")),
        (lambda: R.mv_normal(np.zeros(3), chol=np.eye(2)), ["chol of shape (2, 2)"]),
        (lambda: R.mv_normal(chol=-np.eye(2)), ["chol of multivariate_normal", "positive"]),
        (lambda: R.multivariate_student_t(3.0, np.zeros(3), cov=CORR), ["cov of shape (2, 2)"]),
        (lambda: R.matrix_normal(np.zeros((2, 3)), row_cov=CORR, col_chol=np.eye(2)),
         ["mu of shape (2, 3)", "col_chol of shape (2, 2)"]),
        (lambda: R.matrix_normal(np.zeros((3, 2)), row_cov=CORR, col_chol=np.eye(2)),
         ["mu of shape (3, 2)", "row_cov of shape (2, 2)"]),
    ],
)
def test_a_bad_call_says_what_is_wrong_and_where(call, words):
    with pytest.raises((TypeError, ValueError)) as error:
        call()
    text = str(error.value)
    assert all(word in text for word in words) and __file__ in text, text
    assert len(text.splitlines()) <= 8


COVARIANCES = {
    "normal": (R.multivariate_normal(MU, cov=C3), C3),
    "precision": (R.multivariate_normal(MU, tau=np.linalg.inv(C3)), C3),
    "low rank": (R.low_rank_multivariate_normal(0.0, W, D), LOW),
    "student": (R.multivariate_student_t(40.0, MU, cov=C3), C3 * 40 / 38),
    "matrix": (R.matrix_normal(M, row_cov=C3, col_cov=C2), np.kron(C3, C2)),
    "kronecker": (R.kronecker_normal(0.5, [C2, C3], sigma=0.7), np.kron(C2, C3) + 0.49 * np.eye(6)),
    "zero sum": (R.zero_sum_normal(2.0, shape=4), 4 * (np.eye(4) - 0.25)),
}  # fmt: skip


def test_draws_have_the_covariances_of_their_entries():
    """All entries together: two parts of a draw may share no random numbers."""
    drawn = pt.draw([x for x, _ in COVARIANCES.values()], draws=20_000, seed=7)
    for (name, (_, cov)), found in zip(COVARIANCES.items(), drawn, strict=True):
        rows = found.reshape(len(found), -1)
        spread = np.sqrt((cov**2 + np.outer(np.diag(cov), np.diag(cov))) / len(rows))
        assert np.all(abs(np.cov(rows.T) - cov) < 6 * spread + 1e-9), name
