"""Vectors, matrices and series whose draws are smooth functions of their parameters."""

import numpy as np

import probtensor as pt

R = pt.random
EDGES = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
FACTOR = np.linalg.cholesky([[2.0, 0.5, 0.1], [0.5, 1.5, 0.2], [0.1, 0.2, 1.0]])
CORRELATIONS = [[1.0, 0.5], [0.5, 1.0]]


def by_differences(t):
    """Variables all of whose parameters move with a number t near 0.2, drawn without rejections:
    under one key a draw is a smooth function of t."""
    mean = np.array([0.1, 0.2, -0.3]) + t * np.array([1.0, -0.4, 0.3])
    big = FACTOR + t * np.tril(np.arange(1.0, 10.0).reshape(3, 3) / 20)
    small, spread = big[:2, :2], 1.3 + 0.4 * t
    both = pt.stack([pt.as_tensor(1.0) + 0 * t, 0.5 + 0.2 * t])
    corr = pt.stack([both, both[::-1]])
    pair = [R.multivariate_normal(mean, big), R.multivariate_normal(-mean, big)]
    weights = pt.stop_gradient(np.array([0.3, 0.7]) + t * np.array([0.1, -0.1]))

    def first():
        return R.normal(0.1 + t, 1.2)

    return {
        "multivariate_normal": R.multivariate_normal(mean, big),
        "its cov": R.multivariate_normal(mean, cov=big @ big.T),
        "its precision": R.multivariate_normal(mean, precision=big @ big.T),
        "low_rank": R.low_rank_multivariate_normal(mean, big[:, :2], pt.exp(mean)),
        "zero_sum_normal": R.zero_sum_normal(spread, shape=4),
        "circulant_normal": R.circulant_normal(
            mean, covariance_row=spread * np.array([2.0, 0.5, 0.5])
        ),
        "matrix_normal": R.matrix_normal(mean[:, None] + np.zeros((3, 2)), big, small),
        "kronecker_normal": R.kronecker_normal(0.0, chols=[big, small]),
        "with noise": R.kronecker_normal(0.0, [big @ big.T, small @ small.T], sigma=spread),
        "relaxed_one_hot": R.relaxed_one_hot_categorical(spread, logit_p=mean),
        "projected_normal": R.projected_normal(mean),
        "stick_breaking_weights": R.stick_breaking_weights(spread, 3),
        "car": R.car(mean, EDGES, 0.5 + 0.1 * t, spread),
        "icar": R.icar(EDGES, spread, zero_sum_stdev=0.5),
        "ar": R.ar(mean, spread, init_dist=first(), steps=4),
        "garch11": R.garch11(0.1 + 0.1 * t, 0.2 + 0.1 * t, 0.7 - 0.1 * t, spread, steps=4),
        "gaussian_random_walk": R.gaussian_random_walk(t, spread, init_dist=first(), steps=4),
        "random_walk": R.random_walk(first(), R.laplace(0.1 * t, spread), steps=4),
        "mv_gaussian_random_walk": R.mv_gaussian_random_walk(mean, big, steps=3),
        "euler_maruyama": R.euler_maruyama(
            0.1, lambda x, r: (-r * x, 1 + 0.1 * r * pt.sin(x)), (spread,), init_dist=first(),
            steps=4,
        ),
        "gaussian_state_space": R.gaussian_state_space(small, small, initial_value=t, steps=4),
        "gaussian_copula": R.gaussian_copula(R.gumbel(mean[:2], spread), corr),
        "mixture": R.mixture([0.3, 0.7], pair),
        "mixture along an axis": R.mixture(
            weights, R.multivariate_normal(pt.stack([mean, 2 * mean]), big)
        ),
        "censored": R.censored(R.normal(mean, spread), lower=t - 1, upper=spread),
        "hurdle": R.hurdle(0.4, R.normal(mean, spread)),
        "masked": R.masked(R.multivariate_normal(mean, big), True),
        "custom": R.custom(
            mean, logp=lambda x, mu: -pt.square(x - mu),
            random=lambda mu, shape: R.normal(mu, 0.7, shape=shape) * mu,
        ),
        "dirac_delta": R.dirac_delta(spread),
        "ordered": R.normal(spread, 1.0, shape=3, constraint=pt.ordered()),
        "ordered above": R.normal(t, spread, shape=3, constraint=pt.ordered(low=0.1)),
    }  # fmt: skip


def by_moments(theta, lead):
    """Variables made of gamma numbers, with parameters along the last axis of `theta`, and means
    and variances that are known; `lead` are the axes of draws in front."""
    first, grown = theta[..., 0], pt.exp(theta)
    scale = FACTOR * grown[..., 1, None, None]
    start = R.multivariate_normal(np.zeros(3), np.eye(3))
    return {
        "dirichlet": R.dirichlet(grown[..., :3], shape=(*lead, 3)),
        "multivariate_student_t": R.multivariate_student_t(
            6 + first, theta[..., :3], FACTOR, shape=(*lead, 3)
        ),
        "wishart": R.wishart(5 + first, scale_tril=scale, shape=(*lead, 3, 3)),
        "inverse_wishart": R.inverse_wishart(9 + first, scale_tril=scale, shape=(*lead, 3, 3)),
        "lkj_corr": R.lkj_corr(3, 1 + first**2, shape=(*lead, 3, 3)),
        "mv_student_t_random_walk": R.mv_student_t_random_walk(
            6 + first, theta[..., :3], FACTOR, init_dist=start, steps=3, shape=(*lead, 4, 3)
        ),
        "random_walk": R.random_walk(
            R.normal(first, 1.0), R.gamma(grown[..., 0], grown[..., 1]), steps=3, shape=(*lead, 4)
        ),
        "gaussian_copula": R.gaussian_copula(
            R.beta(grown[..., :2], 2.0), CORRELATIONS, shape=(*lead, 2)
        ),
    }
