"""cumsum, cumprod, cummax, logcumsumexp and their kin: values, dtypes, derivatives of any order."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import GraphError
from probtensor.testing import conform
from tests.ops.ordering.comparison import DTYPES, array_of, compare, symbolic

SHAPES = ((5,), (0,), (1,), (3, 4), (2, 0, 3), (2, 3, 4))


def rows_of(x, a):
    for axis in (None, *range(-1, a.ndim)):
        yield f"cumsum {axis}", pt.cumsum(x, axis), np.cumsum(a, axis)
        yield f"cumprod {axis}", pt.cumprod(x, axis), np.cumprod(a, axis)
        flat = a.ravel() if axis is None else a
        for f, ufunc in ((pt.cummax, np.maximum), (pt.cummin, np.minimum)):
            wanted = ufunc.accumulate(flat, axis or 0) if flat.size else flat
            yield f"{f.__name__} {axis}", f(x, axis), wanted


@pytest.mark.parametrize("dtype", DTYPES)
def test_running_operations_are_those_of_numpy(dtype):
    inputs, arrays, rows = [], [], []
    for shape in SHAPES:
        a = array_of(dtype, shape, seed=len(shape))
        x = symbolic(a)
        inputs.append(x)
        arrays.append(a)
        rows += [(f"{label} of {shape}", *pair) for label, *pair in rows_of(x, a)]
    compare(inputs, arrays, rows, rtol=1e-6 if dtype == "float32" else 1e-14)


def test_dtypes_that_are_asked_for():
    a = np.array([100, 100, 100], "int8")
    x = symbolic(a)
    rows = [
        (f"{name} {dtype}", getattr(pt, name)(x, dtype=dtype), getattr(np, name)(a, dtype=dtype))
        for name in ("cumsum", "cumprod", "nancumsum")
        for dtype in ("int8", "uint8", "int32", "float32", "float64")
    ]
    compare([x], [a], rows)


def test_array_api_and_other_forms():
    a = np.array([[1.0, np.nan, 3.0, -2.0], [np.inf, 1.0, 0.0, 4.0]])
    x = symbolic(a)
    rows = [
        ("sum", pt.cumulative_sum(x, axis=1, include_initial=True),
         np.cumulative_sum(a, axis=1, include_initial=True)),
        ("prod", pt.cumulative_prod(x, axis=0), np.cumulative_prod(a, axis=0)),
        ("vector", pt.cumulative_prod(x[0], include_initial=True),
         np.cumulative_prod(a[0], include_initial=True)),
        ("nancumsum", pt.nancumsum(x, 1), np.nancumsum(a, 1)),
        ("nancumprod", pt.nancumprod(x), np.nancumprod(a)),
        ("reverse", pt.cummax(x, 1, reverse=True), np.maximum.accumulate(a[:, ::-1], 1)[:, ::-1]),
        ("nan", pt.cummin(x, 1), np.minimum.accumulate(a, 1)),
        ("ufunc", np.multiply.accumulate(x, axis=1), np.multiply.accumulate(a, axis=1)),
        ("maximum", np.maximum.accumulate(x), np.maximum.accumulate(a)),
        ("minimum", np.minimum.accumulate(x, 1), np.minimum.accumulate(a, 1)),
        ("logaddexp", np.logaddexp.accumulate(x, 1), np.logaddexp.accumulate(a, 1)),
    ]  # fmt: skip
    compare([x], [a], rows, rtol=1e-14)
    assert x.cumprod(1) is pt.cumprod(x, 1)
    with pytest.raises(GraphError, match="cumulative_sum: name an axis= of a tensor with 2 axes"):
        pt.cumulative_sum(x)
    with pytest.raises(GraphError, match="cummax: axis 2 of a tensor with 2 axes"):
        pt.cummax(x, 2)


def test_logcumsumexp_is_stable():
    a = np.array([
        [-np.inf, -np.inf, -np.inf, -np.inf], [-np.inf, 1000.0, -1000.0, 1000.0],
        [-800.0, 800.0, -800.0, np.inf], [np.inf, 1.0, -np.inf, 2.0], [0.0, np.nan, 1.0, 2.0],
        [-1e300, 1e300, 1e300, 0.0],
    ])  # fmt: skip
    x = symbolic(a)
    long = np.full(100_000, 0.1)
    y = symbolic(long)
    rows = [
        ("rows", pt.logcumsumexp(x, 1), np.logaddexp.accumulate(a, 1)),
        ("columns", pt.logcumsumexp(x, 0), np.logaddexp.accumulate(a, 0)),
        ("reverse", pt.logcumsumexp(x, 1, reverse=True),
         np.logaddexp.accumulate(a[:, ::-1], 1)[:, ::-1]),
        ("of many", pt.logcumsumexp(y), 0.1 + np.log(np.arange(1, 100_001))),
        ("float32", pt.logcumsumexp(y.astype("float32")[:9]),
         np.logaddexp.accumulate(long[:9].astype("float32"))),
    ]  # fmt: skip
    compare([x, y], [a, long], rows[:4], rtol=4e-16)
    compare([y], [long], rows[4:], rtol=1e-6)
    f = pt.function([x], pt.grad(pt.sum(pt.logcumsumexp(x, 1) * [1.0, 2.0, 3.0, 4.0]), x),
                    target="machine")  # fmt: skip
    slopes = f(a)
    assert np.isfinite(slopes[[0, 1, 2, 3, 5]]).all()
    np.testing.assert_allclose(slopes[1], [0.0, 2 + 3 + 2.0, 0.0, 2.0], rtol=1e-12)
    np.testing.assert_allclose(slopes[2], [1.0, 5.0, 0.0, 4.0], rtol=1e-15)


def third(f, a):
    """Derivatives of a scalar function up to order 3, along its first column of each."""
    x = pt.vector("x", shape=a.shape)
    first = pt.grad(f(x), x)
    second = pt.grad(pt.sum(first * np.arange(1.0, a.size + 1)), x)
    later = pt.grad(pt.sum(second * np.arange(2.0, a.size + 2)), x)
    return pt.function([x], [first, second, later], target="machine")(a)


@pytest.mark.parametrize("zeros", [(), (1,), (1, 3), (0, 1, 3), (0, 1, 2, 3, 4)])
@pytest.mark.parametrize("name", ["cumprod", "prod"])
def test_products_have_all_derivatives_at_zeros(name, zeros):
    """Against the sums of products that they are."""
    a = np.array([1.5, -2.0, 0.5, 3.0, -1.25])
    a[list(zeros)] = 0.0
    weights = np.array([0.5, 1.0, -2.0, 4.0, 3.0])

    def long_hand(x):
        found, total = 0.0, 1.0
        for k in range(5):
            total = total * x[k]
            found = found + weights[k] * total
        return found if name == "cumprod" else total

    def short(x):
        return pt.sum(pt.cumprod(x) * weights) if name == "cumprod" else pt.prod(x)

    for got, wanted in zip(third(short, a), third(long_hand, a), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-13, atol=1e-13)


def test_product_over_a_long_axis():
    """Of many elements, and of a number that only a call tells."""
    a = np.random.default_rng(0).uniform(0.9, 1.1, (2, 400))
    a[1, 7] = 0.0
    for shape in ((2, 400), (None, None)):
        x = pt.matrix("x", shape=shape)
        got = pt.function([x], pt.grad(pt.sum(pt.prod(x, 1)), x), target="machine")(a)
        wanted = np.stack([np.prod(np.delete(row, k)) for row in a for k in range(400)])
        np.testing.assert_allclose(got.ravel(), wanted, rtol=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: pt.cumsum(x, 0),
        lambda x: pt.cumprod(x, 1),
        lambda x: pt.cumprod(x, None),
        lambda x: pt.cummax(x, 0),
        lambda x: pt.cummin(x, 1),
        lambda x: pt.logcumsumexp(x, 0),
        lambda x: pt.logcumsumexp(x, 1, reverse=True),
        lambda x: pt.prod(x, 1) * pt.prod(x),
    ],
    ids=["cumsum", "cumprod", "cumprod_all", "cummax", "cummin", "lcse", "lcse_rev", "prod"],
)
def test_derivatives(f):
    a = np.random.default_rng(6).normal(size=(3, 4))
    x = pt.matrix("x", shape=(3, 4))
    case = conform.Case(x.op, (x,), (a,), f(x) * pt.exp(0.1 * f(x)), True)
    conform.check_derivatives(case)


def test_recurrence_keeps_what_rounding_loses():
    """The reverse recurrence of a product of factors that are nearly 1."""
    n = 200_000
    x = pt.vector("x")
    f = pt.function([x], pt.grad(pt.sum(pt.cumprod(x)), x), target="machine")
    np.testing.assert_allclose(f(np.ones(n)), np.arange(n, 0, -1.0), rtol=1e-15)
