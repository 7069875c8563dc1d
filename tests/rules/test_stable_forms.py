"""Naive code at +-800: its value and its gradient are finite and accurate after rewriting."""

import numpy as np
import pytest

from probtensor import ops
from probtensor.graph import GraphError
from probtensor.inspect.exact.values import evaluate_exact, ulps
from probtensor.rules import STABLE, grad, stabilized
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform import apply_rules, autodiff

AT = np.array([-800.0, -700, -40, -3, -1, -1e-5, 1e-5, 1, 2, 40, 700, 800])
BELOW = AT[AT < 0]
SHORT = np.array([-800.0, -1, 2, 700, 800])


def naive_cross_entropy(x):
    p = 1 / (1 + ops.exp(-x))
    return -(0.3 * ops.log(p) + 0.7 * ops.log(1 - p))


def naive_softmax(x):
    e = ops.exp(x)
    return e / ops.sum(e)


FORMS = {
    "softplus": (lambda x: ops.log(1 + ops.exp(x)), AT),
    "softplus by log1p": (lambda x: ops.log1p(ops.exp(x)), AT),
    "softplus mirrored": (lambda x: ops.log(ops.exp(-x) + 1), AT),
    "log1mexp": (lambda x: ops.log(1 - ops.exp(x)), BELOW),
    "log-sigmoid": (lambda x: ops.log(1 / (1 + ops.exp(-x))), AT),
    "log of sigmoid": (lambda x: ops.log(ops.sigmoid(x)), AT),
    "log of 1 - sigmoid": (lambda x: ops.log(1 - ops.sigmoid(x)), AT),
    "log of 1 - logistic": (lambda x: ops.log(1 - 1 / (1 + ops.exp(-x))), AT),
    "logistic": (lambda x: 1 / (1 + ops.exp(-x)), AT),
    "logistic by quotient": (lambda x: ops.exp(x) / (1 + ops.exp(x)), AT),
    "1 - logistic": (lambda x: 1 - 1 / (1 + ops.exp(-x)), AT),
    "cross entropy": (naive_cross_entropy, AT),
    "log-sum-exp": (lambda x: ops.log(ops.sum(ops.exp(x))), AT),
    "log-mean-exp": (lambda x: ops.log(ops.mean(ops.exp(x))), AT),
    "softmax": (naive_softmax, SHORT),
    "log-softmax": (lambda x: ops.log(naive_softmax(x)), SHORT),
    "log of softmax": (lambda x: ops.log(ops.softmax(x)), SHORT),
    "logaddexp": (lambda x: ops.log(ops.exp(x) + ops.exp(x[::-1] + 1)), AT),
    "expm1": (lambda x: ops.exp(x) - 1, AT[AT < 701]),
    "log of exp": (lambda x: ops.log(ops.exp(x)), AT),
    "log of product": (lambda x: ops.log(ops.prod(ops.exp(x))), AT),
    "log cosh": (lambda x: ops.log(ops.cosh(x)), AT),
    "log1p": (lambda x: ops.log(1 + ops.exp(x) / 7), AT[AT < 701]),
}


def largest_error(graphs, exact_graphs, x, at):
    """The largest error of float results in units of 2**-52 of the largest element."""
    got = evaluate_numpy(graphs, {x: at})
    exact = evaluate_exact(exact_graphs, {x: at})
    errors = []
    for value, truth in zip(got, exact):
        assert np.isfinite(value).all(), value
        relative = ulps(value, truth)
        scale = np.maximum(1.0, np.abs(value.astype(float)))
        absolute = np.abs(np.asarray(value - truth, dtype=float)) / scale / 2.0**-52
        errors.append(np.minimum(relative, absolute).max())
    return max(errors)


@pytest.mark.parametrize("name", FORMS)
def test_value_and_gradient_are_accurate(name):
    form, at = FORMS[name]
    x = ops.tensor("x", at.shape)
    y = form(x)
    weights = np.linspace(0.5, 1.5, y.shape[0]) if y.shape else 1.0
    cost = ops.sum(weights * y)
    naive = [y, autodiff.gradient(cost, x)]
    stable = apply_rules([y, grad(cost, x)], STABLE)
    assert largest_error(stable, naive, x, at) < 64


@pytest.mark.parametrize(
    "form", ["softplus", "log-sigmoid", "log of 1 - sigmoid", "logistic", "log-sum-exp", "log1mexp"]
)
def test_gradients_taken_before_rewriting_are_stable_too(form):
    function, at = FORMS[form]
    x = ops.tensor("x", at.shape)
    gradient = autodiff.gradient(ops.sum(function(x)), x)
    stable = apply_rules([gradient], STABLE)
    assert largest_error(stable, [gradient], x, at) < 64


@pytest.mark.parametrize("form", ["softplus", "logistic", "cross entropy", "log-sum-exp"])
def test_second_derivatives_are_stable(form):
    function, at = FORMS[form]
    x = ops.tensor("x", at.shape)
    weights = np.linspace(0.5, 1.5, at.size)
    first = grad(ops.sum(function(x)), x)
    second = grad(ops.sum(first * weights), x)
    naive = autodiff.gradient(ops.sum(autodiff.gradient(ops.sum(function(x)), x) * weights), x)
    stable = apply_rules([second], STABLE)
    assert largest_error(stable, [naive], x, at) < 64


def test_zero_density_stays_minus_infinity():
    x = ops.tensor("x", (3,))
    (after,) = stabilized([ops.log(ops.exp(x) - 1) + ops.log(x) * 0])
    (value,) = evaluate_numpy([after], {x: np.array([0.0, -1.0, 2.0])})
    assert np.isnan(value[0]) and np.isnan(value[1]) and np.isfinite(value[2])
    (after,) = stabilized([ops.log(ops.square(x))])
    assert evaluate_numpy([after], {x: np.zeros(3)})[0].tolist() == [-np.inf] * 3


def test_what_is_simplified_away_is_not_disconnected():
    x, other = ops.tensor("x", (3,)), ops.tensor("other", (3,))
    cost = ops.sum(ops.where(True, other, x))
    (value,) = evaluate_numpy([grad(cost, x)], {x: np.ones(3), other: np.ones(3)})
    assert value.tolist() == [0, 0, 0]
    with pytest.raises(GraphError, match="does not depend on x"):
        grad(ops.sum(other), x)


def test_gradients_with_respect_to_inner_nodes_are_kept_whole():
    """Rules must not match through a node that a derivative is taken at."""
    x = ops.tensor("x", (3,))
    inner = ops.exp(x)
    gradient = grad(ops.sum(ops.log(1 + inner)), inner)
    at = np.array([-1.0, 0.0, 2.0])
    (value,) = evaluate_numpy([gradient], {x: at})
    np.testing.assert_allclose(value, 1 / (1 + np.exp(at)), rtol=1e-14)


INVERSES = {
    "expm1 of log1p": (lambda x: ops.expm1(ops.log1p(x)), lambda v: np.expm1(np.log1p(v))),
    "log1p of expm1": (lambda x: ops.log1p(ops.expm1(x)), lambda v: np.log1p(np.expm1(v))),
    "exp of log": (lambda x: ops.exp(ops.log(x)), lambda v: np.exp(np.log(v))),
    "square of sqrt": (lambda x: ops.square(ops.sqrt(x)), lambda v: np.square(np.sqrt(v))),
    "log of sqrt": (lambda x: ops.log(ops.sqrt(x)), lambda v: np.log(np.sqrt(v))),
    "logit": (lambda x: ops.log(x / (1 - x)), lambda v: np.log(v / (1 - v))),
}


@pytest.mark.parametrize("name", INVERSES)
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_a_function_of_its_inverse_is_undefined_where_that_is(name):
    """A rule that takes both away must not make a number of nan."""
    form, wanted = INVERSES[name]
    x = ops.tensor("x", (6,))
    (stable,) = apply_rules([form(x)], STABLE)
    values = np.array([-2.5, -1.0, -0.5, 0.0, 0.25, 3.0])
    (found,) = evaluate_numpy([stable], {x: values})
    np.testing.assert_allclose(found, wanted(values), rtol=1e-12, atol=1e-15)
