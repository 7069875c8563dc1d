"""Every mistake a user can make with a model: what the message must name."""

import numpy as np
import pytest

import probtensor as pt

HERE = "test_model_errors.py"
R = pt.random


def message(call, kind=(TypeError, ValueError, KeyError)):
    """The message of the error, which must be short and name no inner thing."""
    with pytest.raises(kind) as caught:
        call()
    text = str(caught.value)
    assert len(text.splitlines()) <= 8, text
    assert "#" not in text, text
    return text


INDEFINITE = np.array([[1.0, 2.0], [2.0, 1.0]])
SKEW = np.array([[2.0, 0.5], [0.1, 2.0]])
LITERALS = [
    (lambda: R.multivariate_normal(0.0, cov=INDEFINITE, name="v"),
     ["cov of multivariate_normal 'v'", "symmetric positive definite", "[[1.0, 2.0], [2.0, 1.0]]"]),
    (lambda: R.multivariate_normal(0.0, cov=SKEW), ["cov of multivariate_normal", "symmetric"]),
    (lambda: R.multivariate_normal(0.0, cov=np.zeros((2, 2))), ["cov of", "positive definite"]),
    (lambda: R.multivariate_normal(0.0, cov=np.full((2, 2), np.nan)), ["cov of", "nan"]),
    (lambda: R.multivariate_normal(0.0, cov=[np.eye(2), INDEFINITE]), ["cov of", "entry [1]"]),
    (lambda: R.multivariate_normal(0.0, cov=np.ones((2, 3)), name="v"),
     ["cov of multivariate_normal 'v' must be a square matrix, not of shape (2, 3)"]),
    (lambda: R.multivariate_normal(0.0, cov=[1.0, 2.0]), ["square", "(2,)"]),
    (lambda: R.multivariate_normal(0.0, INDEFINITE, name="v"),
     ["scale_tril of multivariate_normal 'v'", "lower triangular matrix with a positive diagonal"]),
    (lambda: R.multivariate_normal(0.0, np.diag([1.0, -1.0])), ["scale_tril", "positive diagonal"]),
    (lambda: R.multivariate_normal(0.0, np.diag([1.0, np.nan])), ["scale_tril", "nan"]),
    (lambda: R.multivariate_normal(np.zeros(3), np.eye(2)), ["mu of shape (3,)", "(2, 2)"]),
    (lambda: R.categorical([0.5, 0.6], name="k"), ["p of categorical 'k'", "sum 1", "[0.5, 0.6]"]),
    (lambda: R.categorical([-0.5, 1.5], name="k"), ["p of categorical 'k'", "non-negative"]),
    (lambda: R.categorical([[0.5, 0.5], [0.5, 0.6]]), ["p of categorical", "entry [1]"]),
    (lambda: R.categorical(0.5), ["p of categorical", "vector", "()"]),
    (lambda: R.dirichlet([1.0, 0.0], name="w"), ["alpha of dirichlet 'w'", "> 0", "[1.0, 0.0]"]),
    (lambda: R.bernoulli(1.2, name="k"), ["p of bernoulli 'k' must be a number in [0, 1]", "1.2"]),
    (lambda: R.bernoulli([0.1, -0.2]), ["p of bernoulli", "entry [1] is -0.2"]),
    (lambda: R.binomial(2.5, 0.5), ["n of binomial", "whole number", "2.5"]),
    (lambda: R.poisson(-1, name="k"), ["mu of poisson 'k'", ">= 0", "-1"]),
    (lambda: R.normal(0, -1, name="x"), ["sigma of normal 'x' must be a number > 0; it is -1.0"]),
    (lambda: R.normal(0, tau=-1, name="x"), ["tau of normal 'x' must be a number > 0"]),
    (lambda: R.normal(0, np.nan), ["sigma of normal", "nan"]),
    (lambda: R.normal(np.nan, 1, name="x"), ["mu of normal 'x' must be a number; it is nan"]),
    (lambda: R.normal([0, np.nan], 1), ["mu of normal", "entry [1] is nan"]),
    (lambda: R.gamma(mu=1.0, sigma=-2.0, name="x"), ["sigma of gamma 'x'", "-2"]),
    (lambda: R.beta(mu=1.5, kappa=2.0, name="x"), ["mu of beta 'x'", "[0, 1]", "1.5"]),
    (lambda: R.uniform(2, 1), ["low=2 must be below high=1"]),
    (lambda: R.normal("0", 1), ["expected numbers", "str"]),
    (lambda: R.normal(0, [1, None]), ["entry [1] is None"]),
]  # fmt: skip


@pytest.mark.parametrize(("call", "words"), LITERALS)
def test_a_literal_that_is_no_parameter(call, words):
    text = message(call)
    assert all(word in text for word in words) and HERE in text, text


def test_a_covariance_in_data_is_checked_when_it_is_bound():
    rho = pt.data(0.5, name="rho")
    y = R.multivariate_normal(0.0, cov=pt.stack([[1.0, rho], [rho, 1.0]]), name="y")
    posterior = pt.condition({y: np.zeros(2)}, track=[R.normal(0, 1, name="b")], target="interp")
    text = message(lambda: posterior.with_data({rho: 2.0}))
    assert "cov of multivariate_normal 'y' must be a symmetric positive" in text and HERE in text
    literal = R.multivariate_normal(0.0, cov=pt.as_tensor(INDEFINITE), name="y")
    assert "cov of" in message(lambda: pt.condition({literal: np.zeros(2)}, target="interp"))


def simple(shape=(3,), law=None):
    mu = R.normal(0, 1, name="mu")
    return R.normal(mu, 1, shape=shape, name="y") if law is None else law(mu)


def poisson(mu):
    return R.poisson(pt.exp(mu), shape=3, name="k")


def twice():
    y = simple()
    return pt.condition({y: np.zeros(3), pt.deterministic(y, name="other"): np.zeros(3)})


OBSERVED = [
    (lambda: pt.condition({simple(): np.zeros(4)}), ["normal 'y' needs shape (3,)", "(4,)"]),
    (lambda: pt.condition({simple(): np.zeros((3, 1))}), ["normal 'y'", "(3, 1)", "(3,)"]),
    (lambda: pt.condition({simple(): 1.0}), ["normal 'y'", "()", "(3,)"]),
    (lambda: pt.condition({simple(): ["a", "b", "c"]}), ["normal 'y'", "numbers", "dtype"]),
    (lambda: pt.condition({simple(): None}), ["normal 'y'", "None"]),
    (lambda: pt.condition({simple(): [1, None, 2]}), ["normal 'y'", "entry [1] is None"]),
    (lambda: pt.condition({simple(): [np.nan] * 3}), ["all values of normal 'y' are missing"]),
    (lambda: pt.condition({simple(): pt.vector("v")}), ["normal 'y'", "is a tensor", "potential"]),
    (lambda: pt.condition({simple(law=poisson): [1, 2, 2.5]}), ["poisson 'k'", "whole", "2.5"]),
    (lambda: pt.condition({simple(law=poisson): [1, 2, -2]}), ["poisson 'k'", "entry [2] is -2"]),
    (lambda: pt.condition({"y": np.zeros(3)}), ["'y' is no random variable"]),
    (lambda: pt.condition({3: np.zeros(3)}), ["3 is no random variable"]),
    (lambda: pt.condition({pt.lgamma(simple()): np.ones(3)}), ["lgamma", "monotone", "potential"]),
    (lambda: pt.condition({pt.data(np.ones(3), name="d"): np.ones(3)}), ["d of type", "random"]),
    (lambda: pt.condition({pt.vector("v"): np.ones(3)}), ["v of type", "not a random variable"]),
    (lambda: pt.condition({pt.as_tensor(1.0): 1.0}), ["not a random variable"]),
    (twice, ["normal 'y' is observed twice"]),
    (lambda: pt.condition([simple()]), ["write {variable: value}"]),
]


@pytest.mark.parametrize(("call", "words"), OBSERVED)
def test_observed_values_and_what_they_are_of(call, words):
    text = message(call)
    assert all(word in text for word in words) and HERE in text, text


def test_observed_floats_of_a_model_in_single_precision():
    y = R.normal(np.zeros(3, "float32"), np.ones(3, "float32"), name="y")
    text = message(lambda: pt.condition({y: np.zeros(3)}, target="interp"))
    assert "normal 'y'" in text and "without loss" in text and ".astype('float32')" in text
    for value in (np.zeros(3, "float32"), [0.0, 0.0, 0.0]):
        posterior = pt.condition({y: value}, target="interp")
        assert np.isclose(posterior.logp([]), -1.5 * np.log(2 * np.pi))


def exchangeable():
    x = pt.data(np.array([1, 2, 3]), name="x", dims="row")
    b = R.normal(0, 1, name="b")
    y = R.normal(b * x, 1, name="y", dims="row")
    return pt.condition({y: np.zeros(3)}, target="interp")


EXCHANGED = [
    ({"x": [1.5, 2.5, 3.5]}, ["x: expected int64", "float64", "without loss", "of floats"]),
    ({"x": [[1, 2, 3]]}, ["x: expected 1 axes", "(1, 3)"]),
    ({"x": [1, 2]}, ["row has length"]),
    ({"y": np.zeros(2)}, ["row has length"]),
    ({"z": np.zeros(3)}, ["'z' is neither", "x, y"]),
    ({"b": 1.0}, ["'b' is neither", "x, y"]),
    ({3: np.zeros(3)}, ["3 is neither"]),
    (np.zeros(3), ["write {variable or name: array}"]),
]


@pytest.mark.parametrize(("values", "words"), EXCHANGED)
def test_data_that_do_not_fit_the_model(values, words):
    posterior = exchangeable()
    text = message(lambda: posterior.with_data(values))
    assert all(word in text for word in words) and HERE in text, text


def test_points_that_are_none():
    posterior = exchangeable()
    for call in (posterior.logp, posterior.logp_and_grad, posterior.constrain, posterior.terms):
        assert "(1,)" in message(lambda call=call: call(np.zeros(2)))
        assert "q: expected numbers" in message(lambda call=call: call(["0"]))
    for call in (posterior.expand, posterior.batched):
        assert "(n, 1)" in message(lambda call=call: call(np.zeros(3)))
        assert "expected numbers" in message(lambda call=call: call([[None]]))
