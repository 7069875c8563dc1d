"""A variable of each distribution whose class has fields: other distributions, or sizes."""

import numpy as np

import probtensor as pt

R = pt.random
CORRELATIONS = [[1.0, 0.5], [0.5, 1.0]]
EDGES = [[0, 1, 0], [1, 0, 1], [0, 1, 0]]


def normal():
    """A part of other variables."""
    return R.normal(0.0, 1.0)


VARIABLES = {
    "ar": lambda: R.ar([0.5, 0.2], 1.0, init_dist=normal(), steps=3),
    "car": lambda: R.car(0.0, EDGES, 0.9),
    "censored": lambda: R.censored(R.exponential(2.0), upper=3.0),
    "circulant_normal": lambda: R.circulant_normal(0.0, [2.0, 0.5, 0.1, 0.5]),
    "custom": lambda: R.custom(
        0.0, logp=lambda x, mu: -pt.square(x - mu), random=lambda mu, shape: R.normal(mu, 0.7)
    ),
    "dirichlet_multinomial": lambda: R.dirichlet_multinomial(9, [1.0, 2.0]),
    "euler_maruyama": lambda: R.euler_maruyama(
        0.1, lambda x, rate: (-rate * x, 1.0), (0.5,), init_dist=normal(), steps=3
    ),
    "folded": lambda: R.folded(normal()),
    "garch11": lambda: R.garch11(0.1, 0.2, 0.7, 1.0, steps=3),
    "gaussian_copula": lambda: R.gaussian_copula(R.beta([2.0, 3.0], 1.5), CORRELATIONS),
    "gaussian_random_walk": lambda: R.gaussian_random_walk(0.0, 1.0, init_dist=normal(), steps=3),
    "gaussian_state_space": lambda: R.gaussian_state_space(np.eye(2), cov=CORRELATIONS, steps=3),
    "hurdle": lambda: R.hurdle(0.4, R.gamma(2.0, 1.0)),
    "hurdle_gamma": lambda: R.hurdle_gamma(0.4, 2.0, 1.0),
    "hurdle_log_normal": lambda: R.hurdle_log_normal(0.4, 0.0, 1.0),
    "hurdle_negative_binomial": lambda: R.hurdle_negative_binomial(0.4, 2.0, 1.0),
    "hurdle_poisson": lambda: R.hurdle_poisson(0.4, 2.0),
    "icar": lambda: R.icar(EDGES),
    "interpolated": lambda: R.interpolated([0.0, 1.0, 3.0], [0.0, 2.0, 1.0]),
    "interval_censored": lambda: R.interval_censored(normal(), 0.0, 1.0),
    "kronecker_normal": lambda: R.kronecker_normal(0.0, [np.eye(2), np.eye(3)]),
    "lkj_cholesky": lambda: R.lkj_cholesky(3, 2.0),
    "lkj_corr": lambda: R.lkj_corr(3, 2.0),
    "masked": lambda: R.masked(normal(), True),
    "mixture": lambda: R.mixture([0.3, 0.7], [normal(), R.normal(2.0, 1.0)]),
    "multinomial": lambda: R.multinomial(9, [0.3, 0.7]),
    "mv_gaussian_random_walk": lambda: R.mv_gaussian_random_walk(0.0, np.eye(2), steps=3),
    "mv_student_t_random_walk": lambda: R.mv_student_t_random_walk(4.0, 0.0, np.eye(2), steps=3),
    "normal_mixture": lambda: R.normal_mixture([0.3, 0.7], [-1.0, 2.0]),
    "ordered_logistic": lambda: R.ordered_logistic(0.5, [-1.0, 1.0]),
    "ordered_multinomial": lambda: R.ordered_multinomial(0.5, [-1.0, 1.0], 9),
    "ordered_probit": lambda: R.ordered_probit(0.5, [-1.0, 1.0]),
    "projected_normal": lambda: R.projected_normal([3.0, 0.0]),
    "random_walk": lambda: R.random_walk(normal(), R.student_t(4.0, 0.0, 1.0), steps=3),
    "relaxed_one_hot_categorical": lambda: R.relaxed_one_hot_categorical(0.5, [0.3, 0.7]),
    "simulator": lambda: R.simulator(lambda mu, shape: R.normal(mu, 1, shape=shape), 0.0, shape=3),
    "sine_bivariate_von_mises": lambda: R.sine_bivariate_von_mises(0.5, -1.0, 3.0, 2.0, 1.0),
    "stick_breaking_weights": lambda: R.stick_breaking_weights(2.0, 3),
    "truncated": lambda: R.truncated(R.poisson(2.0), lower=1),
    "uniform_direction": lambda: R.uniform_direction(3),
    "zero_inflated": lambda: R.zero_inflated(0.8, R.poisson(2.0)),
    "zero_inflated_binomial": lambda: R.zero_inflated_binomial(0.8, 9, 0.5),
    "zero_inflated_negative_binomial": lambda: R.zero_inflated_negative_binomial(0.8, 2.0, 1.0),
    "zero_inflated_poisson": lambda: R.zero_inflated_poisson(0.8, 2.0),
    "zero_sum_normal": lambda: R.zero_sum_normal(1.0, shape=3),
}
