"""Means and variances of every distribution, also where they are infinite or undefined, against
SciPy's, sums over counts, and integrals of the density; and of vectors entry by entry."""

import inspect
import math

import numpy as np
import pytest
from scipy import integrate, special, stats

import probtensor as pt
from probtensor.prob.distributions.distribution import Unknown
from probtensor.prob.model.data import evaluate
from tests.docs.distributions import classes, known_of
from tests.prob.combinations import COMBINATIONS
from tests.prob.distributions import DISTRIBUTIONS

R = pt.random
INF, NAN = math.inf, math.nan


def half_t(nu):
    """Mean and variance of |t|: by the integral of the density."""
    distribution = stats.t(nu, 0, 1.5)
    if nu <= 1:
        return INF, NAN
    mean = 2 * integrate.quad(lambda u: u * distribution.pdf(u), 0, INF)[0]
    return mean, distribution.var() - mean**2 if nu > 2 else INF


# The distribution, its mean and its variance; each parameter differs from 1 and from the others.
S = stats
COV = np.array([[4.0, 1.0], [1.0, 9.0]])
MOMENTS = {
    "normal": (R.normal(0.3, 1.7), 0.3, 1.7**2),
    "ordered_multinomial": (R.ordered_multinomial(0.0, [0.0, math.log(3)], 4), [2, 1, 1],
        [1, 0.75, 0.75]),
    "normal by tau": (R.normal(0.3, tau=4.0), 0.3, 0.25),
    "half_normal": (R.half_normal(3.0), S.halfnorm(scale=3).mean(), S.halfnorm(scale=3).var()),
    "log_normal": (R.log_normal(0.5, 0.8), *S.lognorm(0.8, scale=math.exp(0.5)).stats()),
    "uniform": (R.uniform(-2.0, 5.0), 1.5, 49 / 12),
    "exponential": (R.exponential(2.5), 0.4, 0.16),
    "exponential by scale": (R.exponential(scale=2.5), 2.5, 6.25),
    "gamma": (R.gamma(3.0, 2.0), 1.5, 0.75),
    "gamma by mean": (R.gamma(mu=3.0, sigma=1.5), 3.0, 2.25),
    "beta": (R.beta(2.0, 3.5), *S.beta(2, 3.5).stats()),
    "beta by mean": (R.beta(mu=0.25, kappa=8.0), 0.25, 0.25 * 0.75 / 9),
    "laplace": (R.laplace(0.5, 3.0), 0.5, 18.0),
    "logistic": (R.logistic(0.5, 3.0), 0.5, 3 * math.pi**2),
    **{f"student_t, {nu}": (R.student_t(nu, 0.5, 3.0), mean, variance)
       for nu, mean, variance in ((0.7, NAN, NAN), (1.0, NAN, NAN), (1.5, 0.5, INF),
                                  (2.0, 0.5, INF), (2.5, 0.5, 45.0))},
    **{f"half_student_t, {nu}": (R.half_student_t(nu, 1.5), *half_t(nu))
       for nu in (0.7, 1.0, 1.5, 2.0, 2.5, 7.0)},
    **{f"inverse_gamma, {a}": (R.inverse_gamma(a, 3.0), mean, variance)
       for a, mean, variance in ((0.7, INF, NAN), (1.0, INF, NAN), (1.5, 6.0, INF),
                                 (2.0, 3.0, INF), (2.5, 2.0, 8.0))},
    **{f"{name}, {a}": (make(a), mean, variance)
       for name, make, first in (
           ("pareto", lambda a: R.pareto(a, 3.0), 9.0),
           ("pareto_type_2", lambda a: R.pareto_type_2(1.0, 3.0, a), 7.0),
           ("frechet", lambda a: R.frechet(a, 3.0), 3 * math.gamma(1 / 3)),
           ("log_logistic", lambda a: R.log_logistic(3.0, a), 4 * math.pi / math.sqrt(3)),
           ("dagum", lambda a: R.dagum(1.0, a, 3.0), 4 * math.pi / math.sqrt(3)),
           ("power_law", lambda a: R.lower_truncated_power_law(-1 - a, 3.0), 9.0),
       ) for a, mean, variance in ((0.7, INF, NAN), (1.0, INF, NAN), (1.5, first, INF))},
    "bernoulli": (R.bernoulli(0.3), 0.3, 0.21),
    "bernoulli by logit": (R.bernoulli(logit_p=math.log(0.25)), 0.2, 0.16),
    "binomial": (R.binomial(12, 0.35), 4.2, 2.73),
    "binomial by logit": (R.binomial(12, logit_p=math.log(0.25)), 2.4, 1.92),
    "poisson": (R.poisson(3.7), 3.7, 3.7),
    "negative_binomial": (R.negative_binomial(4.0, 1.5), 4.0, 4 + 16 / 1.5),
    "negative_binomial by chance": (R.negative_binomial(n=3.0, p=0.4), 4.5, 11.25),
    "categorical": (R.categorical([0.1, 0.2, 0.7]), 1.6, 0.44),
    "categorical by logit": (R.categorical(logit_p=np.log([0.1, 0.2, 0.7]) + 3), 1.6, 0.44),
    "categorical, rows": (R.categorical([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]]), [1.6, 0.5],
                          [0.44, 0.25]),
    "categorical by logit, rows": (
        R.categorical(logit_p=np.log([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]])), [1.6, 0.75],
        [0.44, 0.6875]),
    "dirichlet": (R.dirichlet([2.0, 3.0, 5.0]), [0.2, 0.3, 0.5],
                  S.dirichlet([2.0, 3.0, 5.0]).var()),
    "dirichlet, rows": (R.dirichlet([[2.0, 3.0], [1.0, 0.5]]), [[0.4, 0.6], [2 / 3, 1 / 3]],
                        [S.dirichlet(a).var() for a in ([2.0, 3.0], [1.0, 0.5])]),
    "dirac_delta": (R.dirac_delta(2.5), 2.5, 0.0),
    "random_walk": (
        R.random_walk(R.gamma([2.0, 3.0], 1.0), R.exponential(2.0), 2),
        [[2.0, 2.5, 3.0], [3.0, 3.5, 4.0]], [[2.0, 2.25, 2.5], [3.0, 3.25, 3.5]]),
    "random_walk of vectors": (
        R.mv_student_t_random_walk(4.0, [0.5, -1.0], cov=[[2.0, 1.0], [1.0, 3.0]], steps=2),
        [[0.0, 0.0], [0.5, -1.0], [1.0, -2.0]], [[100, 100], [104, 106], [108, 112]]),
    "random_walk of t vectors": (
        R.mv_student_t_random_walk(1.5, 0.0, cov=np.eye(2), steps=1),
        [[0.0, 0.0], [0.0, 0.0]], [[100, 100], [INF, INF]]),
    "garch11": (R.garch11([0.5, 0.5], 0.25, [0.25, 0.75], 2.0, steps=2), np.zeros(3),
                [[4, 2.5, 1.75], [4, 4.5, 5]]),
    "car": (R.car(3.0, [[0, 2], [2, 0]], 0.5, 4.0), [3, 3], [1 / 6, 1 / 6]),
    "multivariate_normal": (
        R.multivariate_normal([1.0, -2.0], cov=[[4.0, 1.0], [1.0, 9.0]]), [1, -2], [4, 9]),
    "multivariate_normal by precision": (
        R.multivariate_normal([1.0, -2.0], tau=np.linalg.inv(COV)), [1, -2], [4, 9]),
    **{f"multivariate_student_t, {nu}": (R.multivariate_student_t(nu, [1.0, -2.0], cov=COV),
                                         mean, variance)
       for nu, mean, variance in ((0.7, [NAN, NAN], [NAN, NAN]), (1.5, [1, -2], [INF, INF]),
                                  (2.5, [1, -2], [20, 45]))},
    "low_rank_multivariate_normal": (
        R.low_rank_multivariate_normal([1.0, -2.0], [[2.0], [3.0]], [0.5, 0.7]), [1, -2],
        [4.5, 9.7]),
    "multinomial": (R.multinomial(9, [0.2, 0.3, 0.5]), [1.8, 2.7, 4.5], [1.44, 1.89, 2.25]),
    "dirichlet_multinomial": (
        R.dirichlet_multinomial(9, [2.0, 3.0, 5.0]), [1.8, 2.7, 4.5],
        np.diag(S.dirichlet_multinomial([2.0, 3.0, 5.0], 9).cov())),
    "stick_breaking_weights": (R.stick_breaking_weights(3.0, 2), [1 / 4, 3 / 16, 9 / 16],
                               [1 / 10 - 1 / 16, 3 / 50 - 9 / 256, 9 / 25 - 81 / 256]),
    "wishart": (R.wishart(3.5, COV), 3.5 * COV, S.wishart(3.5, COV).var()),
    "inverse_wishart": (R.inverse_wishart(7.5, COV), COV / 4.5, S.invwishart(7.5, COV).var()),
    **{f"inverse_wishart, {nu}": (R.inverse_wishart(nu, COV), mean, np.full((2, 2), variance))
       for nu, mean, variance in ((2.5, np.full((2, 2), NAN), NAN), (4.5, COV / 1.5, INF))},
    "matrix_normal": (R.matrix_normal([[1.0, 2.0]], [[3.0]], col_cov=COV), [[1, 2]], [[36, 81]]),
    "circulant_normal": (R.circulant_normal([0.5, 1.0, 2.0], [3.0, 1.0, 1.0]), [0.5, 1, 2],
                         [3, 3, 3]),
    "kronecker_normal": (R.kronecker_normal(0.5, [[[2.0]], COV]), [0.5, 0.5], [8, 18]),
    "kronecker_normal, noisy": (
        R.kronecker_normal(0.5, [[[2.0]], COV], sigma=3.0), [0.5, 0.5], [17, 27]),
    "lkj_corr": (R.lkj_corr(2, 1.5), np.eye(2), [[0, 0.25], [0.25, 0]]),
    "sine_bivariate_von_mises": (
        R.sine_bivariate_von_mises(0.5, -1.0, 3.0, 2.0, 0.0), [0.5, -1.0],
        1 - special.i1([3.0, 2.0]) / special.i0([3.0, 2.0])),
    "uniform_direction": (R.uniform_direction(4), np.zeros(4), np.full(4, 0.25)),
    "zero_sum_normal": (R.zero_sum_normal([2.0, 3.0], shape=(2, 4)), np.zeros((2, 1)),
                        [[3.0], [6.75]]),
    "zero_sum_normal of two axes": (
        R.zero_sum_normal(3.0, n_zerosum_axes=2, shape=(4, 3)), [[0.0]], [[4.5]]),
    "gaussian_copula": (R.gaussian_copula(R.gamma([2.0, 3.0], 2.0), [[1.0, 0.5], [0.5, 1.0]]),
                        [1.0, 1.5], [0.5, 0.75]),
    # Of these the mean alone is known.
    "gaussian_state_space": (
        R.gaussian_state_space([[0.0, 2.0], [-1.0, 3.0]], cov=COV, initial_value=[1.0, 2.0],
                               steps=2), [[4.0, 5.0], [10.0, 11.0]]),
    "icar": (R.icar([[0, 1, 0], [1, 0, 1], [0, 1, 0]]), np.zeros(3)),
}  # fmt: skip


@pytest.mark.parametrize("name", MOMENTS)
def test_mean_and_variance(name):
    variable, *wanted = MOMENTS[name]
    distribution = variable.op.distribution.sized(variable.op.event)
    parameters = variable.op.parameters_of(variable.inputs)
    methods = (distribution.mean, distribution.variance)[: len(wanted)]
    found = evaluate([method(*parameters) for method in methods], {})
    for got, right in zip(found, wanted, strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-7)


def test_every_law_that_states_moments_is_among_them():
    distributions = {type(variable.op.distribution) for variable, *_ in MOMENTS.values()}
    distributions |= {type(case.variable().op.distribution) for case in DISTRIBUTIONS}
    distributions |= {type(MOMENTS["random_walk of t vectors"][0].op.distribution.innovation)}
    combined = [case.variable().op.distribution for case in COMBINATIONS]
    distributions |= {type(x) for own in combined for x in (own, *getattr(own, "parts", ()))}
    stating = {cls for cls in every_law() if "mean" in vars(cls) or "variance" in vars(cls)}
    stating = {cls for cls in stating if cls.name}
    assert stating <= distributions


def test_moments_that_a_docstring_states_are_known():
    refused = []
    for name, kind in classes().items():
        known_here, text = known_of(name, kind), inspect.getdoc(getattr(R, name))
        for line in text.splitlines():
            label, _, stated = line.partition(": ")
            if label in ("Mean", "Variance") and not stated.startswith(("none", "not known")):
                refused += [] if known_here[label.lower()] else [f"{label} of {name}"]
    assert not refused


def test_moments_of_arrays_whose_sizes_parameters_do_not_give():
    x = R.zero_sum_normal([2.0, 3.0], shape=(2, 4))
    mean, variance = evaluate([pt.expectation(x), pt.variance(x)], {})
    np.testing.assert_array_equal(mean, np.zeros((2, 4)))
    np.testing.assert_array_equal(variance, np.repeat([[3.0], [6.75]], 4, axis=1))
    x = R.uniform_direction(4, shape=(2, 4))
    np.testing.assert_array_equal(pt.variance(x).eval(), np.full((2, 4), 0.25))


def every_law():
    from probtensor.prob.distributions.base import Distribution

    found, stack = set(), [Distribution]
    while stack:
        for cls in stack.pop().__subclasses__():
            found.add(cls)
            stack.append(cls)
    return {cls for cls in found if cls.__module__.startswith("probtensor.prob.")}


def test_what_lies_above_the_diagonal_of_a_factor_is_not_read():
    """Of a factor that only a run knows: density, variance and draws are those of its triangle."""
    rng = np.random.default_rng(0)
    full = rng.normal(size=(3, 3)) + 4 * np.eye(3)
    factor, x = pt.matrix("factor", shape=(3, 3)), np.array([0.5, -1.0, 2.0])
    distribution = R.multivariate_normal(np.ones(3), scale_tril=factor, shape=(5, 3))
    spread = distribution.op.distribution.variance(*distribution.inputs)
    found, right = (
        pt.function(
            [factor], [pt.logp(distribution, x), spread, distribution], target="interp", seed=1
        )(values)
        for values in (full, np.tril(full))
    )
    for got, wanted in zip(found, right, strict=True):
        np.testing.assert_array_equal(got, wanted)
    np.testing.assert_allclose(found[1], (np.tril(full) ** 2).sum(1))


def known(case, method):
    """What a distribution has, for the parameters of a case; None where it is not known."""
    variable = case.variable()
    try:
        found = getattr(variable.op.distribution, method)(*variable.inputs)
    except Unknown:
        return None
    return float(evaluate([found], {})[0])


def entropy_of(case):
    """By SciPy, or by the integral of its density over what has all but 1e-13 of it."""
    if case.discrete or hasattr(case.scipy, "entropy"):
        return float(case.scipy.entropy())
    return integrate.quad(
        lambda x: -np.exp(case.scipy.logpdf(x)) * case.scipy.logpdf(x), 1e-9, 1 - 1e-9
    )[0]


@pytest.mark.parametrize("case", DISTRIBUTIONS, ids=str)
def test_entropies_and_modes(case):
    entropy, mode = known(case, "entropy"), known(case, "mode")
    if entropy is not None:
        np.testing.assert_allclose(entropy, entropy_of(case), rtol=1e-6, atol=1e-7)
    if mode is None or np.isnan(mode):
        return
    density = case.scipy.logpmf if case.discrete else case.scipy.logpdf
    steps = np.arange(-3, 4) if case.discrete else np.array([-1.0, -1e-3, 0.0, 1e-3, 1.0])
    with np.errstate(all="ignore"):
        around = density(np.array([*(mode + steps), *case.inside]))
        assert density(np.array([mode]))[0] >= np.nanmax(around) - 1e-9, mode
