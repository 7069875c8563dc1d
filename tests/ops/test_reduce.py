"""Reductions and what is made of them, against NumPy; derivatives where they are delicate."""

import numpy as np
import pytest

from probtensor import ops
from probtensor.compile import function
from probtensor.graph.node import GraphError
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.autodiff import gradient, pull_back, push_forward
from probtensor.types import DTYPES
from tests.ops.numpy_twin import check, static

rng = np.random.default_rng(5)
A = rng.normal(size=(3, 4, 2))
AXES = [None, 0, -1, (0, 2), (1, -3), (0, 1, 2), ()]
FOLDS = ["sum", "prod", "max", "min", "all", "any", "mean", "var", "std", "ptp", "count_nonzero"]


@pytest.mark.parametrize("name", FOLDS)
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_folds(name, axis, keepdims):
    if name == "ptp" and axis == ():
        pytest.skip("NumPy's ptp takes no empty axes")
    check(
        lambda x: getattr(ops, name)(x, axis=axis, keepdims=keepdims),
        lambda a: getattr(np, name)(a, axis=axis, keepdims=keepdims),
        A,
    )


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "all", "any", "mean", "var"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_of_folds(name, dtype):
    if dtype == "bool" and name == "var":
        pytest.skip("NumPy subtracts no bools")
    a = rng.integers(0, 3, (3, 4)).astype(dtype)
    rtol = 1e-6 if dtype == "float32" else 1e-13
    check(lambda x: getattr(ops, name)(x, 0), lambda v: getattr(np, name)(v, 0), a, rtol=rtol)


def test_a_dtype_may_be_asked_for():
    a = rng.integers(0, 3, (3, 4)).astype("int8")
    check(lambda x: x.sum(0, dtype="float32"), lambda v: v.sum(0, dtype="float32"), a)
    check(lambda x: x.prod(dtype="int8"), lambda v: v.prod(dtype="int8"), a)
    check(lambda x: x.mean(dtype="float32"), lambda v: v.mean(dtype="float32"), a, rtol=1e-6)


def test_ddof_and_a_large_mean():
    a = rng.normal(size=50) + 1e8
    check(lambda x: x.var(ddof=1), lambda v: v.var(ddof=1), a)
    check(lambda x: x.std(0, ddof=1), lambda v: v.std(0, ddof=1), a)


def test_nan_and_infinity():
    a = np.array([[1.0, np.nan, 3.0], [np.inf, -np.inf, 0.0], [np.inf, 1.0, 2.0]])
    for name in ("sum", "prod", "max", "min", "mean", "all", "any", "argmax", "argmin"):
        check(lambda x, n=name: getattr(ops, n)(x, 1), lambda v, n=name: getattr(np, n)(v, 1), a)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_argmax(axis, keepdims):
    a = rng.integers(0, 3, (4, 5))
    for values in (a, a.astype(float), a > 1):
        check(lambda x: ops.argmax(x, axis, keepdims=keepdims),
              lambda v: np.argmax(v, axis, keepdims=keepdims), values)  # fmt: skip
        check(lambda x: x.argmin(axis), lambda v: v.argmin(axis), values)


@pytest.mark.parametrize("axis", [None, 1, -3, (0, 2), (2, 1), (0, 1, 2), ()])
@pytest.mark.parametrize("keepdims", [False, True])
def test_max_and_argmax(axis, keepdims):
    a = rng.integers(0, 4, (2, 3, 4))
    given = range(3) if axis is None else np.atleast_1d(axis).astype(int)
    axes = tuple(int(k) % 3 for k in given)

    def index_of_first(v):
        rows = np.moveaxis(v, sorted(axes), range(3 - len(axes), 3))
        flat = rows.reshape(*rows.shape[: 3 - len(axes)], -1).argmax(-1)
        return np.expand_dims(flat, axes) if keepdims else flat

    for values in (a, a.astype(float), a > 1):
        check(lambda x: ops.max_and_argmax(x, axis, keepdims)[0],
              lambda v: np.max(v, axes, keepdims=keepdims), values)  # fmt: skip
        check(lambda x: ops.max_and_argmax(x, axis, keepdims)[1], index_of_first, values)


def test_max_and_argmax_of_empty_and_of_nan():
    a = np.zeros((0, 3, 5))
    check(lambda x: ops.max_and_argmax(x, (1, 2))[1], lambda v: np.zeros(0, "int64"), a)
    value, index = ops.max_and_argmax(ops.constant([1.0, np.nan, 7.0, np.nan]))
    assert np.isnan(evaluate_numpy([value], {})[0]) and evaluate_numpy([index], {})[0] == 1
    x = ops.tensor("x", (3,))
    (slope,) = gradient(ops.max_and_argmax(x)[0], [x])
    found = evaluate_numpy([slope], {x: np.array([1.0, 5.0, 2.0])})[0]
    assert found.tolist() == [0.0, 1.0, 0.0]


def test_empty_folds():
    a = np.zeros((0, 3))
    check(lambda x: x.sum(0), lambda v: v.sum(0), a, makers=(static,))
    check(lambda x: x.prod(0), lambda v: v.prod(0), a, makers=(static,))
    check(lambda x: ops.all(x), np.all, a, makers=(static,))
    with pytest.raises(GraphError, match="no value over an empty axis"):
        static(a).max(0)


@pytest.mark.parametrize("bad, words", [
    (lambda x: x.sum(3), "sum: axis 3 of a tensor with 3 axes"),
    (lambda x: x.max((0, 0)), "an axis stands twice"),
    (lambda x: ops.logsumexp(x, -4), "logsumexp: axis -4"),
])  # fmt: skip
def test_bad_axes(bad, words):
    with pytest.raises(GraphError, match=words):
        bad(static(A))


# Composites.


def logsumexp(a, axis=None, keepdims=False):
    """The definition, for arrays of moderate size."""
    return np.log(np.sum(np.exp(a), axis=axis, keepdims=keepdims))


@pytest.mark.parametrize("axis", [None, 0, (0, 2), -1])
def test_logsumexp_and_softmax_by_definition(axis):
    def ratio(a):
        return np.exp(a) / np.exp(a).sum(axis, keepdims=True)

    check(lambda x: ops.logsumexp(x, axis), lambda a: logsumexp(a, axis), A)
    check(lambda x: ops.logsumexp(x, axis, keepdims=True), lambda a: logsumexp(a, axis, True), A)
    check(lambda x: ops.softmax(x, axis), ratio, A)
    check(lambda x: ops.log_softmax(x, axis), lambda a: np.log(ratio(a)), A, rtol=1e-12)


INFINITE = np.array([[-np.inf, -np.inf], [np.inf, 1.0], [800.0, 801.0], [-800.0, -np.inf]])


def test_logsumexp_at_infinity_has_finite_gradients():
    x = static(INFINITE)
    total = ops.logsumexp(x, 1)
    slope = pull_back(total, x, ops.ones_like(total))
    got, g = evaluate_numpy([total, slope], {x: INFINITE})
    np.testing.assert_allclose(got, [-np.inf, np.inf, 801 + np.log1p(np.exp(-1)), -800])
    p = 1 / (1 + np.exp(1))
    np.testing.assert_allclose(g, [[0, 0], [1, 0], [p, 1 - p], [1, 0]])


def test_expansion_agrees_at_infinity():
    for node in (ops.logsumexp(static(INFINITE), 1), ops.log_softmax(static(INFINITE), 1)):
        x = node.inputs[0]
        a, b = evaluate_numpy([node, node.op.expand(x)], {x: INFINITE})
        np.testing.assert_array_equal(a, b)


# Derivatives.


def numeric(function, a, h=1e-6):
    """Central differences of a scalar function."""
    out = np.zeros_like(a)
    for index in np.ndindex(a.shape):
        step = np.zeros_like(a)
        step[index] = h
        out[index] = (function(a + step) - function(a - step)) / (2 * h)
    return out


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_prod_has_right_derivatives_whatever_is_zero(zeros):
    a = np.array([2.0, -3.0, 0.5, 4.0])
    a[:zeros] = 0
    x = static(a)
    total = ops.prod(x)
    first = gradient(total, x)
    np.testing.assert_allclose(
        evaluate_numpy([first], {x: a})[0], numeric(np.prod, a), rtol=1e-6, atol=1e-9
    )
    weights = rng.normal(size=4)

    def weighted(v):
        return float(evaluate_numpy([ops.sum(first * weights)], {x: v})[0])

    second = gradient(ops.sum(first * weights), x)
    np.testing.assert_allclose(
        evaluate_numpy([second], {x: a})[0], numeric(weighted, a), rtol=1e-6, atol=1e-9
    )


def test_equal_extremes_share_the_derivative():
    a = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    x = static(a)
    top = ops.max(x, 1)
    g = evaluate_numpy([pull_back(top, x, ops.constant([1.0, 6.0]))], {x: a})[0]
    np.testing.assert_allclose(g, [[0, 0.5, 0.5], [2, 2, 2]])
    pushed = evaluate_numpy([push_forward(top, x, ops.ones_like(x))], {x: a})[0]
    np.testing.assert_allclose(pushed, [1, 1])


@pytest.mark.parametrize("function, at, slope", [
    (lambda x: ops.maximum(x, 1.0), 1.0, 0.5),
    (lambda x: ops.minimum(1.0, x), 1.0, 0.5),
    (lambda x: ops.clip(x, 0.0, 1.0), 2.0, 0.0),
    (lambda x: ops.abs(x), 0.0, 0.0),
    (lambda x: ops.relu(x), 0.0, 0.0),
    (lambda x: x**0, 0.0, 0.0),
    (lambda x: x**1.0, 0.0, 1.0),
    (lambda x: ops.power(x, ops.constant(0.0) * 1), 0.0, 0.0),
    (lambda x: ops.floor(x), 0.5, 0.0),
    (lambda x: ops.xlogy(ops.constant(0.0), x), 0.0, 0.0),
    (lambda x: ops.logaddexp(x, -np.inf), -np.inf, 0.5),
    (lambda x: ops.logaddexp(x, 1.0), -np.inf, 0.0),
    (lambda x: ops.hypot(x, 0.0), 0.0, 0.0),
    (lambda x: ops.softplus(x), 1e4, 1.0),
    (lambda x: ops.log_ndtr(x), -1e5, 1e5),
])  # fmt: skip
def test_derivatives_at_delicate_points(function, at, slope):
    x = ops.scalar("x")
    got = evaluate_numpy([gradient(function(x), x)], {x: at})[0]
    np.testing.assert_allclose(got, slope, rtol=1e-9)


def test_logsumexp_of_nothing_is_minus_infinity():
    """As of a known empty axis, so of one that a call makes empty; beside weights, too."""
    x, m = ops.matrix("x"), ops.zeros((2, 0))
    outputs = [ops.logsumexp(x, 1), ops.logsumexp(x, 1, b=x), ops.log(ops.sum(ops.exp(x), 1))]
    outputs += [ops.logsumexp(x, 1, keepdims=True)[:, 0], ops.logsumexp(m, 1)]
    for target in ("interp", "cython"):
        f = function([x], [*outputs, gradient(ops.sum(outputs[0]), x)], target=target)
        *found, slope = f(np.zeros((2, 0)))
        assert all(y.tolist() == [-np.inf, -np.inf] for y in found) and slope.shape == (2, 0)
        np.testing.assert_allclose(f(np.array([[1.0, 2.0]]))[0], np.logaddexp(1, 2))


@pytest.mark.parametrize("fold", [ops.max, ops.min, ops.argmax, ops.argmin])
def test_extremes_of_nothing_say_which_axis_and_where(fold):
    with pytest.raises(GraphError, match=r"over an empty axis, axis 1 of float64\[2, 0\]") as error:
        fold(ops.zeros((2, 0)), 1)
    assert "test_reduce.py" in str(error.value)
    x = ops.matrix("x")
    with pytest.raises(ValueError, match=r"an empty axis has no (arg)?(max|min)") as error:
        function([x], fold(x, 1), target="interp")(np.zeros((2, 0)))
    assert "test_reduce.py" in str(error.value) and "axis 1 of x" in str(error.value)


def test_relu_keeps_nan():
    x = ops.vector("x")
    for target in ("interp", "cython"):
        f = function([x], [ops.relu(x), gradient(ops.sum(ops.relu(x)), x)], target=target)
        value, slope = f(np.array([np.nan, -2.0, -0.0, 0.0, 3.0]))
        np.testing.assert_array_equal(value, [np.nan, 0, 0, 0, 3])
        np.testing.assert_array_equal(slope[1:], [0, 0, 0, 1])
