"""Draws: pure functions of a key that follow the distributions SciPy knows."""

import numpy as np
import pytest
from scipy import stats

import probtensor as pt
from probtensor.prob.model.data import evaluate
from probtensor.transform.draws import has_draws, lower_draws
from tests.prob.distributions import DISTRIBUTIONS, without_tails

N = 20_000
# Their draws are found by a search.
FEWER = dict.fromkeys(("wiener", "drift_diffusion"), 300)


def draw(node, key=1):
    """One draw of a graph under a key."""
    place = pt.scalar("key", dtype="uint64")
    return evaluate(lower_draws([node], place), {place: np.uint64(key)})[0]


@pytest.mark.parametrize("case", DISTRIBUTIONS, ids=str)
def test_draws_follow_the_distribution(case):
    N = FEWER.get(case.name, 20_000)
    x = draw(case.variable(shape=N), key=7)
    assert x.shape == (N,)
    assert x.dtype == ("int64" if case.discrete else "float64")
    if not case.discrete:
        assert stats.kstest(x, case.scipy.cdf).pvalue > 1e-3
        return
    values, counts = np.unique(x, return_counts=True)
    expected = case.scipy.pmf(values) * N
    assert (expected > 0).all()
    common = expected >= 5
    rest = N - expected[common].sum(), N - counts[common].sum()
    chi = np.sum((counts - expected)[common] ** 2 / expected[common])
    chi += (rest[0] - rest[1]) ** 2 / max(rest[0], 1.0)
    assert stats.chi2(max(1, common.sum())).sf(chi) > 1e-3


@pytest.mark.parametrize("by", ["p", "logit_p"])
def test_categorical_draws(by):
    p = np.array([0.1, 0.25, 0.6, 0.05])
    x = draw(pt.random.categorical(**{by: p if by == "p" else np.log(p) + 2}, shape=N))
    assert stats.chisquare(np.bincount(x, minlength=4), p * N).pvalue > 1e-3


def test_rows_of_categorical_draws_have_their_own_probabilities():
    p = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    assert draw(pt.random.categorical(p)).tolist() == [1, 0]


def test_dirichlet_draws_are_beta_in_each_entry():
    alpha = np.array([0.02, 1.5, 4.0])
    x = draw(pt.random.dirichlet(alpha, shape=(N, 3)))
    np.testing.assert_allclose(x.sum(-1), 1, rtol=1e-12)
    for k in (1, 2):
        case = stats.beta(alpha[k], alpha.sum() - alpha[k])
        assert stats.kstest(x[:, k], case.cdf).pvalue > 1e-3


def test_multivariate_normal_draws_have_their_covariance():
    cov = np.array([[2.0, -0.8, 0.1], [-0.8, 1.0, 0.3], [0.1, 0.3, 0.5]])
    x = draw(pt.random.multivariate_normal([1.0, 2.0, 3.0], cov=cov, shape=(N, 3)))
    z = np.linalg.solve(np.linalg.cholesky(cov), (x - [1, 2, 3]).T)
    assert stats.kstest(z.ravel(), stats.norm.cdf).pvalue > 1e-3
    np.testing.assert_allclose(np.cov(z), np.eye(3), atol=5 / np.sqrt(N))


def test_half_student_t_draws():
    x = draw(pt.random.half_student_t(3.0, 2.0, shape=N))
    assert stats.kstest(x, lambda v: 2 * stats.t(3, 0, 2).cdf(v) - 1).pvalue > 1e-3


def test_tiny_shapes_do_not_end_in_nan():
    assert np.isfinite(draw(pt.random.beta(1e-3, 1e-3, shape=1000))).all()
    assert np.isfinite(draw(pt.random.dirichlet(np.full(3, 1e-3), shape=(500, 3)))).all()


def test_a_key_decides_everything_and_other_keys_differ():
    node = pt.random.normal(0, 1, shape=5)
    np.testing.assert_array_equal(draw(node, 3), draw(node, 3))
    assert not np.isin(draw(node, 3), draw(node, 4)).any()


def test_the_same_graph_made_later_draws_the_same():
    def model():
        mu = pt.random.normal(0, 1)
        return pt.random.normal(mu, 1, shape=3) + pt.random.gamma(2.0, 1.0)

    first = draw(model())
    for _ in range(3):
        pt.random.normal(0, 1)
    np.testing.assert_array_equal(draw(model()), first)


def test_two_variables_are_independent_and_one_used_twice_is_one():
    x, y = pt.random.normal(0, 1, shape=N), pt.random.normal(0, 1, shape=N)
    both = draw(pt.stack([x, y]))
    assert abs(np.corrcoef(both)[0, 1]) < 4 / np.sqrt(N)
    assert (draw(x - x) == 0).all()


def test_ancestors_are_drawn_first():
    mu = pt.random.normal(3, 2, shape=N)
    x = draw(pt.random.normal(mu, 1))
    assert stats.kstest(x, stats.norm(3, np.sqrt(5)).cdf).pvalue > 1e-3


def test_given_values_are_not_drawn():
    mu = pt.random.normal(0, 1)
    y = pt.random.normal(mu, 1e-9)
    key = pt.scalar("key", dtype="uint64")
    assert has_draws([y])
    found = lower_draws([y], key, {mu: pt.as_tensor(5.0)})
    assert np.isclose(evaluate(found, {key: np.uint64(1)})[0], 5, atol=1e-6)


def test_what_has_no_distribution_cannot_be_drawn():
    with pytest.raises(TypeError, match=r"flat.*no proper") as error:
        draw(pt.random.flat(name="b"))
    assert __file__ in str(error.value)
    with pytest.raises(TypeError, match="constraint="):
        draw(without_tails(2.0, 1.0, constraint=pt.interval(high=1.0)))
