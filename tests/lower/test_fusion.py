"""Which nodes share a pass over the data: kernel counts that must not rise, and values."""

import numpy as np
import pytest

from probtensor import ops
from probtensor.compile import PIPELINE
from probtensor.graph.node import new_input
from probtensor.kernel.ir import For, Load, exprs_of, walk, walk_expr
from probtensor.lower import kernel_count, lower
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.autodiff import gradient
from probtensor.transform.passes import run
from tests.plans import evaluate


def normal(x, mu, sigma):
    return -0.5 * ops.square((x - mu) / sigma) - ops.log(sigma)


def logistic():
    x, beta, y = (
        new_input("x", "float64", (None, 25)),
        new_input("beta", "float64", (25,)),
        new_input("y", "float64", (None,)),
    )
    eta = x @ beta
    return [beta], [x, y], ops.sum(y * eta - ops.softplus(eta))


def poisson():
    x, beta, y = (
        new_input("x", "float64", (None, 7)),
        new_input("beta", "float64", (7,)),
        new_input("y", "float64", (None,)),
    )
    eta = x @ beta
    return [beta], [x, y], ops.sum(y * eta - ops.exp(eta))


def varying_intercepts():
    alpha, y = new_input("alpha", "float64", (None,)), new_input("y", "float64", (None,))
    county = new_input("county", "int64", (None,))
    log_sigma = new_input("log_sigma", "float64", ())
    sigma = ops.exp(log_sigma)
    return [alpha, log_sigma], [y, county], ops.sum(normal(y, alpha[county], sigma))


def item_response():
    theta, a, b = (new_input(name, "float64", (None,)) for name in ("theta", "a", "b"))
    y = new_input("y", "float64", (None, None))
    eta = a[:, None] * (theta[None, :] - b[:, None])
    return [theta, a, b], [y], ops.sum(y * eta - ops.softplus(eta))


def eight_schools():
    mu, log_tau = new_input("mu", "float64", ()), new_input("log_tau", "float64", ())
    z, y, sigma = (new_input(name, "float64", (8,)) for name in ("z", "y", "sigma"))
    tau = ops.exp(log_tau)
    logp = ops.sum(normal(y, mu + tau * z, sigma)) + ops.sum(normal(z, 0.0, 1.0))
    return [mu, log_tau, z], [y, sigma], logp + normal(mu, 0.0, 5.0) + log_tau


def value_and_grad(model):
    free, data, logp = model()
    inputs = [*free, *data]
    return inputs, run(PIPELINE, [logp, *gradient(logp, free)])


@pytest.mark.parametrize(
    ("model", "most"),
    [(logistic, 1), (poisson, 1), (varying_intercepts, 1), (item_response, 1), (eight_schools, 1)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_value_and_gradient_take_this_many_kernels(model, most):
    assert kernel_count(*value_and_grad(model)) == most


@pytest.mark.parametrize("model", [logistic, poisson], ids=lambda model: model.__name__)
def test_the_design_matrix_is_read_in_one_loop_over_the_rows(model):
    inputs, outputs = value_and_grad(model)
    plan = lower(inputs, outputs)
    rows = inputs[1].type.shape[0]
    x = plan.buffers[1].name
    outer = [
        loop
        for kernel in plan.kernels
        for loop in kernel.body
        if isinstance(loop, For) and x in _loads((loop,))
    ]
    assert len(outer) == 1
    assert str(outer[0].extent) == "n0"
    assert rows is not None


def _loads(body):
    return {
        part.buffer
        for stmt in walk(body)
        for expr in exprs_of(stmt)
        for part in walk_expr(expr)
        if isinstance(part, Load)
    }


def test_elementwise_values_get_no_memory():
    x = new_input("x", "float64", (None, None))
    y = ops.tanh(ops.exp(x) + 1.0) * x
    plan = lower([x], [ops.sum(y, axis=1), ops.max(y)])
    assert not plan.lifetimes
    assert len(plan.kernels) == 1


def test_views_get_no_memory():
    x = new_input("x", "float64", (12, 5))
    plan = lower([x], [ops.sum(x.T[::2].reshape(3, 4, 3)[:, 1:, ::-1])])
    assert not plan.lifetimes


def test_a_fold_that_is_used_again_along_its_axis_takes_two_passes():
    x = new_input("x", "float64", (None,))
    softmax = ops.exp(x - ops.max(x))
    assert kernel_count([x], [softmax / ops.sum(softmax)]) == 3


def test_row_folds_are_in_the_loop_over_rows():
    x = new_input("x", "float64", (None, 9))
    shifted = ops.exp(x - ops.max(x, axis=1, keepdims=True))
    rows = shifted / ops.sum(shifted, axis=1, keepdims=True)
    assert kernel_count([x], [rows]) == 1


@pytest.mark.parametrize(
    "model",
    [logistic, poisson, varying_intercepts, item_response, eight_schools],
    ids=lambda model: model.__name__,
)
def test_fused_kernels_have_the_values_of_the_graph(model):
    inputs, outputs = value_and_grad(model)
    rng = np.random.default_rng(1)
    sizes = {}
    arrays = []
    for x in inputs:
        shape = tuple(n if isinstance(n, int) else sizes.setdefault(str(n), 6) for n in x.shape)
        integral = x.dtype == "int64"
        arrays.append(rng.integers(-6, 6, size=shape) if integral else rng.normal(size=shape))
    meant = evaluate_numpy(outputs, dict(zip(inputs, arrays, strict=True)))
    for got, want in zip(evaluate(inputs, outputs, arrays), meant, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)


def test_what_a_matrix_is_made_of_is_stored_and_not_the_matrix():
    """A matrix of few elements that another loop reads is computed there, from the row that it is
    made of: no buffer of its size."""
    a, b = new_input("a", "float64", (90, 90)), new_input("b", "float64", (90, 1))
    x = ops.solve_lower(a, b)
    y = ops.sum(ops.log(ops.diagonal(a))) - ops.sum(ops.square(x))
    plan = lower([a, b], run(PIPELINE, [y, *gradient(y, [a])]))
    shapes = [buffer.shape for buffer in plan.buffers if buffer.role == "temp"]
    assert (90, 90) not in shapes and (90, 1) in shapes
