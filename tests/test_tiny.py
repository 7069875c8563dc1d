"""The smoke test of `make check`: one thing of each layer, through the public face only."""

import numpy as np
import pytest

pt = pytest.importorskip("probtensor")
rng = np.random.default_rng(7)
X = rng.normal(size=(20, 3))
W = rng.normal(size=3)


def softplus_sum():
    """A loss and its gradient over a matrix and a vector of unknown size."""
    x, w = pt.matrix("x"), pt.vector("w")
    loss = pt.sum(pt.softplus(x @ w))
    return [x, w], [loss, pt.grad(loss, w)]


@pytest.mark.parametrize("target", ["interp", "cython"])
def test_value_and_gradient_of_a_tensor_program(target):
    f = pt.function(*softplus_sum(), target=target)
    loss, gradient = f(X, W)
    np.testing.assert_allclose(loss, np.logaddexp(0, X @ W).sum(), rtol=1e-13)
    np.testing.assert_allclose(gradient, X.T @ (1 / (1 + np.exp(-X @ W))), rtol=1e-12)


def test_the_same_function_takes_data_of_another_length():
    f = pt.function(*softplus_sum())
    assert np.isclose(f(X[:5], W)[0], np.logaddexp(0, X[:5] @ W).sum())


def test_a_shared_variable_is_updated():
    count = pt.shared(np.float64(0), name="count")
    step = pt.vector("step")
    add = pt.function([step], [count], updates={count: count + pt.sum(step)})
    assert add([1.0, 2.0])[0] == 0
    assert count.get_value() == 3


def normal_model():
    """Known answer: a normal mean with a normal prior, ten observations of variance one."""
    mu = pt.random.normal(0, 1, name="mu")
    y = pt.random.normal(mu, 1, shape=10, name="y")
    return pt.condition({y: np.full(10, 1.1)})


def test_a_model_and_its_gradient():
    posterior = normal_model()
    assert posterior.dim == 1
    q = np.array([0.3])
    logp, gradient = posterior.logp_and_grad(q)
    constant = -11 * 0.5 * np.log(2 * np.pi)
    assert np.isclose(logp, constant - 0.5 * 0.3**2 - 5 * 0.8**2)
    np.testing.assert_allclose(gradient, [-0.3 + 10 * 0.8])


def test_sampling_finds_the_known_posterior():
    idata = pt.sample(normal_model(), draws=500, tune=300, chains=2, seed=1, progress=False)
    draws = np.asarray(idata.posterior["mu"])
    assert draws.shape == (2, 500)
    assert abs(draws.mean() - 1.0) < 0.08
    assert abs(draws.std() - 11**-0.5) < 0.05


def test_a_wrong_shape_is_an_error_that_names_it():
    f = pt.function(*softplus_sum())
    with pytest.raises((TypeError, ValueError), match="w"):
        f(X, W[:2])
