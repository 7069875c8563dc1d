"""Models whose sizes only the data tell: classes, rows, covariances; also none of them."""

import numpy as np
import pytest
from scipy import stats

import probtensor as pt

RNG = np.random.default_rng(5)
LOGITS = np.log(RNG.dirichlet(np.ones(3), 5))
CHOSEN = np.array([0, 1, 2, 0, 1])
KINDS = {
    "logit_p": lambda b, x: {"logit_p": b * x},
    "p": lambda b, x: {"p": pt.softmax(b * x, axis=-1)},
}


def wanted(b, logits, chosen):
    table = b * logits - np.log(np.exp(b * logits).sum(-1, keepdims=True))
    return table[np.arange(len(chosen)), chosen].sum() + stats.norm.logpdf(b)


def choices(kind):
    b, logits = pt.random.normal(0, 1, name="b"), pt.data(LOGITS, name="L")
    y = pt.random.categorical(**KINDS[kind](b, logits), name="y")
    return logits, y, pt.condition({y: CHOSEN}, target="interp")


@pytest.mark.parametrize("kind", KINDS)
def test_the_number_of_classes_may_be_known_to_the_data_alone(kind):
    logits, y, posterior = choices(kind)
    for classes, rows in ((3, 5), (4, 5), (2, 7), (3, 0)):
        table, chosen = RNG.normal(size=(rows, classes)), RNG.integers(0, classes, rows)
        moved = posterior.with_data({logits: table, y: chosen})
        np.testing.assert_allclose(moved.logp(np.array([0.7])), wanted(0.7, table, chosen))
    words = r"from 0 to L.shape\[1\] - 1; entry \[2\] is"
    for number in (-1, 3):
        with pytest.raises(ValueError, match=words) as caught:
            posterior.with_data({y: np.array([0, 1, number, 0, 1])})
        assert __file__ in str(caught.value)


def test_probabilities_of_symbolic_size_in_a_function():
    p = pt.vector("p")
    density = pt.function([p], [pt.logp(pt.random.categorical(p), k) for k in (1, 3)],
                          target="interp")  # fmt: skip
    np.testing.assert_allclose(density(np.ones(3) / 3), [np.log(1 / 3), -np.inf])
    draw = pt.function([p], pt.random.categorical(p, shape=50), target="interp", seed=1)
    assert set(draw(np.ones(2) / 2)) == {0, 1}
    assert set(draw(np.array([0.0, 0.0, 1.0]))) == {2}


def test_a_bound_is_called_what_the_user_called_it():
    trials = pt.data(np.array([5, 6]), name="trials")
    k = pt.random.binomial(trials, pt.sigmoid(pt.random.normal(0, 1, name="b")), name="k")
    with pytest.raises(ValueError, match=r"from 0 to trials; entry \[1\] is 7"):
        pt.condition({k: np.array([2, 7])})


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_for_other_classes_and_for_no_rows(kind, monkeypatch):
    monkeypatch.setenv("PROBTENSOR_TARGET", "interp")
    logits, y, posterior = choices(kind)
    idata = pt.sample(posterior, draws=4, tune=4, chains=2, seed=1, progress=False)
    for rows, classes in ((0, 3), (1, 2), (4, 5)):
        data = {logits: np.zeros((rows, classes))}
        found = pt.sample_posterior_predictive(idata, y, data=data, seed=2)
        values = np.asarray(found.posterior_predictive["y"])
        assert values.shape == (2, 4, rows)
        assert ((values >= 0) & (values < classes)).all()


def test_everything_about_no_rows():
    x = pt.data(np.ones((4, 2)), name="X")
    b = pt.random.normal(0, 1, shape=2, name="b")
    y = pt.random.normal(x @ b, 1, name="y")
    posterior = pt.condition({y: np.zeros(4)}, target="interp")
    idata = pt.sample(posterior, draws=3, tune=3, chains=2, seed=1, progress=False)
    none = posterior.with_data({x: np.ones((0, 2)), y: np.zeros(0)})
    q = np.array([0.3, -0.2])
    np.testing.assert_allclose(none.logp(q), stats.norm.logpdf(q).sum())
    np.testing.assert_allclose(none.logp_and_grad(q)[1], -q)
    assert np.asarray(pt.sample_prior(none, 3).prior_predictive["y"]).shape == (1, 3, 0)
    assert np.asarray(pt.log_likelihood(none, idata).log_likelihood["y"]).shape == (2, 3, 0)


def test_a_covariance_whose_size_the_data_tell():
    cov = pt.data(np.eye(3), name="cov")
    mean = pt.data(np.zeros(3), name="mean")
    scale = pt.random.half_normal(1.0, name="s")
    y = pt.random.multivariate_normal(mean, cov=scale * cov, name="y")
    posterior = pt.condition({y: np.ones(3)}, target="interp")
    moved = {cov: np.eye(2) + 0.5, mean: np.ones(2), y: np.array([0.5, 2.0])}
    found = posterior.with_data(moved).logp(np.zeros(1))
    distribution = stats.multivariate_normal(np.ones(2), np.eye(2) + 0.5)
    np.testing.assert_allclose(found, distribution.logpdf([0.5, 2.0]) + stats.halfnorm.logpdf(1))
    with pytest.raises(ValueError, match="cholesky: sizes 2 and 3 do not fit together"):
        posterior.with_data({cov: np.ones((2, 3))})
    with pytest.raises(ValueError, match=r"scale_tril of multivariate_normal 'y' has shape \(2, 2"):
        posterior.with_data({cov: np.eye(2)})


REGRESSIONS = {  # rows of X to the means, whose number is computed from that of the rows
    "every second": lambda x: x[::2],
    "rows of pairs": lambda x: pt.reshape(x, (x.shape[0] // 2, 2))[:, 0],
    "folded": lambda x: pt.reshape(x, (2, -1))[0],
    "differences": pt.diff,
    "twice": lambda x: pt.concatenate([x, x]),
}


@pytest.mark.parametrize("name", REGRESSIONS)
def test_the_number_of_observations_may_be_computed_from_that_of_the_data(name):
    means, rows = REGRESSIONS[name], RNG.normal(size=(8, 2))
    x, b = pt.data(rows[:6], name="X"), pt.random.normal(0, 1, shape=2, name="b")
    y = pt.random.normal(means(x @ b), 1, name="y")
    q, posterior = np.array([0.5, -1.0]), None
    for n in (6, 8):
        mu = pt.function([], means(pt.constant(rows[:n] @ q)), target="interp")()
        values = RNG.normal(size=mu.shape)
        if posterior is None:
            posterior = pt.condition({y: values}, target="interp")
        else:
            posterior = posterior.with_data({x: rows[:n], y: values})
        logp = stats.norm.logpdf(values, mu).sum() + stats.norm.logpdf(q).sum()
        np.testing.assert_allclose(posterior.logp_and_grad(q)[0], logp, rtol=1e-12)
    with pytest.raises(ValueError, match=r"y has size \d+ along axis 0"):
        posterior.with_data({x: rows[:4]})
