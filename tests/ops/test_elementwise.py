"""Arithmetic, logic and `where`: NumPy's promotion, its integer rules and its nan."""

import itertools
import operator

import numpy as np
import pytest

from cython_ext.graph import common_type
from probtensor import ops
from probtensor.graph.node import GraphError, Node
from probtensor.ops.kinds import REGISTRY, Elementwise
from probtensor.testing.reference import evaluate_numpy
from probtensor.types import DTYPES
from tests.ops.numpy_twin import check, static

ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv,
              operator.mod]  # fmt: skip
COMPARE = [operator.lt, operator.le, operator.gt, operator.ge]
BITS = [operator.and_, operator.or_, operator.xor]
NUMBERS = [d for d in DTYPES if d != "bool"]
FLOATS = ["float32", "float64"]
rng = np.random.default_rng(11)


def numbers(dtype, *shape):
    """Small numbers of both signs where there are any."""
    if dtype == "bool":
        return rng.random(shape) < 0.5
    low = 1 if dtype.startswith("uint") else -9
    return rng.integers(low, 10, shape).astype(dtype)


def value(node, **arrays):
    """The value of a graph without inputs."""
    return evaluate_numpy([node], {})[0]


@pytest.mark.parametrize("first", NUMBERS)
@pytest.mark.parametrize("second", NUMBERS)
def test_promotion_is_numpys(first, second):
    a, b = numbers(first, 4), numbers(second, 3, 1)
    for function in ARITHMETIC:
        if function is operator.truediv and np.result_type(a, b).itemsize < 4:
            continue  # NumPy divides small integers in float16 and float32, we in float64
        if "uint64" in (first, second) and function in (operator.floordiv, operator.mod):
            continue
        check(function, function, a, b, makers=(static,))
    for function in COMPARE:
        check(function, function, a, b, makers=(static,))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scalar", [True, 3, 2.5])
def test_python_numbers_are_weak(dtype, scalar):
    a = numbers(dtype, 4)
    for function in (operator.add, operator.mul):
        if isinstance(scalar, float) and np.result_type(a.dtype, scalar).itemsize < 4:
            continue  # float16
        check(lambda x, f=function: f(x, scalar), lambda v, f=function: f(v, scalar), a)
        check(lambda x, f=function: f(scalar, x), lambda v, f=function: f(scalar, v), a)
    assert ops.where(static(a) > 0, static(a), True).dtype == dtype


def test_numpy_scalars_are_strong():
    x = ops.fvector("x")
    assert (x + 1.0).dtype == "float32"
    assert (x + np.float64(1)).dtype == "float64"
    assert (np.float64(1) + x).dtype == "float64"
    assert isinstance(np.ones(3) + x, Node)


@pytest.mark.parametrize("function", BITS)
@pytest.mark.parametrize("dtype", [d for d in DTYPES if d not in FLOATS])
def test_bits(function, dtype):
    check(function, function, numbers(dtype, 5), numbers(dtype, 5), makers=(static,))
    check(operator.invert, operator.invert, numbers(dtype, 5), makers=(static,))


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint8", "uint64"])
def test_shifts(dtype):
    a = np.array([0, 1, 3, 100, 127], dtype=dtype)
    if dtype.startswith("int"):
        a = np.concatenate([a, -a - 1])
    n = np.array([[0], [1], [3], [7], [8], [63], [64], [100]]).astype(dtype)
    check(operator.lshift, operator.lshift, a, n, makers=(static,))
    check(operator.rshift, operator.rshift, a, n, makers=(static,))


def test_arithmetic_of_bools():
    p, q = np.array([True, True, False]), np.array([True, False, False])
    for function in (operator.add, operator.mul, operator.floordiv, operator.mod, operator.pow,
                     np.maximum, np.minimum):  # fmt: skip
        mine = {np.maximum: ops.maximum, np.minimum: ops.minimum}.get(function, function)
        check(mine, function, p, q, makers=(static,))
    for bad in (operator.sub, lambda x, y: -x):
        with pytest.raises(GraphError if bad is None else TypeError, match="booleans"):
            bad(static(p), static(q))


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8"])
def test_integers_wrap_and_divide_by_zero_as_in_numpy(dtype):
    info = np.iinfo(dtype)
    a = np.array([info.max, info.min, 7, 0, 5], dtype=dtype)
    b = np.array([1, 1, 0, 0, 3], dtype=dtype)
    for function in (operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod):
        check(function, function, a, b, makers=(static,))
    check(operator.neg, operator.neg, a, makers=(static,))
    check(ops.abs, np.abs, a, makers=(static,))
    check(ops.square, np.square, a, makers=(static,))


@pytest.mark.parametrize("dtype", NUMBERS)
def test_powers(dtype):
    a, n = numbers(dtype, 6), np.abs(numbers(dtype, 6)) % 4
    check(operator.pow, operator.pow, a, n.astype(dtype), makers=(static,))
    for exponent in (0, 1, 2, 3):
        check(lambda x, k=exponent: x**k, lambda v, k=exponent: v**k, a, makers=(static,))


@pytest.mark.parametrize("dtype", FLOATS)
def test_float_powers_at_edges(dtype):
    a = np.array([0.0, -0.0, 1, -1, 2, -2, 0.5, np.inf, -np.inf, np.nan], dtype=dtype)
    for n in (0, 1, 2, -1, 3, 0.5, -0.5, -2, 1.5, 0.0):
        # NumPy's power of an infinity to 0.5 differs between its operator and its function.
        check(lambda x, n=n: x**n, lambda v, n=n: v**n, a, rtol=3e-7)
    check(operator.pow, operator.pow, a[:, None], a, makers=(static,), rtol=3e-7)
    check(lambda x: 2**x, lambda v: 2**v, a, rtol=3e-7)
    with np.errstate(invalid="ignore"):
        half = ops.Pow().numpy(a, np.full((), 0.5, dtype))
        meant = np.float64(a) ** np.full(a.shape, 0.5)
    np.testing.assert_allclose(half, meant, rtol=3e-7)
    assert not np.signbit(half[1])
    assert half.dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("target", DTYPES)
def test_casts(dtype, target):
    a = np.array([0, 1, 2, 100]).astype(dtype)
    check(lambda x: x.astype(target), lambda v: v.astype(target), a, makers=(static,))


def test_rounding_keeps_integers():
    for name in ("floor", "ceil", "trunc", "rint", "round"):
        assert getattr(ops, name)(ops.ivector("i")).dtype == "int32"
    check(ops.round, np.round, np.array([0.5, 1.5, 2.5, -0.5, 2.675]))
    check(lambda x: ops.round(x, 2), lambda v: np.round(v, 2), np.array([1.005, 2.675, -3.14159]))
    check(lambda x: ops.round(x, -1), lambda v: np.round(v, -1), np.array([15.0, 25.0, 34.9]))


EDGES = np.array([0.0, -0.0, 1, -1, 1e308, -1e-320, np.inf, -np.inf, np.nan])
UNARY = ["sign", "abs", "isnan", "isinf", "isfinite", "floor", "ceil", "trunc", "rint", "sqrt",
         "square", "negative", "reciprocal", "logical_not", "nan_to_num", "deg2rad",
         "rad2deg"]  # fmt: skip
BINARY = ["minimum", "maximum", "add", "subtract", "multiply", "divide", "less", "less_equal",
          "greater", "greater_equal", "equal", "not_equal", "logical_and", "logical_or",
          "logical_xor", "hypot", "arctan2", "isclose", "heaviside", "logaddexp"]  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("dtype", FLOATS)
def test_unary_edges(name, dtype):
    with np.errstate(over="ignore"):
        a = EDGES.astype(dtype)
    check(getattr(ops, name), getattr(np, name), a, rtol=3e-7)


@pytest.mark.parametrize("name", BINARY)
def test_binary_edges(name):
    check(getattr(ops, name), getattr(np, name), EDGES[:, None], EDGES, makers=(static,))


def test_where():
    a, b = rng.normal(size=(3, 4)), rng.normal(size=4).astype("float32")
    check(lambda x, y: ops.where(x > 0, x, y), lambda x, y: np.where(x > 0, x, y), a, b)
    check(lambda y: ops.where(y > 0, 1.0, y), lambda y: np.where(y > 0, 1.0, y).astype("f4"), b)
    check(lambda y: ops.where(y, 1, 2), lambda y: np.where(y, 1, 2), b)
    assert ops.switch is ops.where


def test_operators_build_the_ops():
    x, y = ops.vector("x"), ops.vector("y")
    assert (x + y) is ops.add(x, y)
    assert (x + y) is (x + y)
    assert (1 - x) is ops.subtract(1, x)
    assert +x is x
    assert abs(x) is ops.abs(x)
    assert (x @ y) is ops.matmul(x, y)
    assert ops.as_tensor(x == y) is ops.eq(x, y)
    assert ops.as_tensor(x != y) is ops.ne(x, y)
    assert (x == 1) is ops.eq(x, 1)
    assert (1 != x) is ops.ne(x, 1)


@pytest.mark.parametrize(
    "bad, words",
    [
        (lambda x: x + np.zeros(4), r"add: shapes \(3,\) and \(4,\) do not broadcast"),
        (lambda x: x + "a", r"\+: x \(float64\[3\]\) meets the str 'a'"),
        (lambda x: ops.exp(), r"exp takes 1 arguments, not 0"),
        (lambda x: ops.where(x, x), r"where takes 3 arguments, not 2"),
        (lambda x: x & 1.5, r"bitwise_and: needs integers or bools, not float64"),
        (lambda x: ~x, r"bitwise_not: needs integers or bools"),
        (lambda x: x.astype("complex256"), r"dtype complex256 is not one of"),
        (lambda x: (x * 1j).astype("float64"), r"astype: complex numbers have no float64"),
        (lambda x: ops.exp(None), r"cannot make a tensor of NoneType"),
    ],
)
def test_bad_calls_say_what_is_wrong(bad, words):
    with pytest.raises(TypeError, match=words):
        bad(ops.vector("x", shape=(3,)))


def test_a_bad_call_names_its_line():
    x = ops.vector("x", shape=(3,))
    with pytest.raises(GraphError, match=r"test_elementwise\.py:\d+"):
        x + np.zeros(4)


def test_types_that_are_quick_to_tell_are_those_that_are_inferred():
    shapes = ((), (3,), (1,), (2, 3), (None,), (None, 3))
    operands = [ops.tensor(f"x{k}", shape, dtype) for k, (shape, dtype) in enumerate(
        (shape, dtype) for dtype in (*FLOATS, "int64", "bool") for shape in shapes
    )]  # fmt: skip
    functions = [op for op in REGISTRY.values() if issubclass(op, Elementwise) and op.keeps_type]
    kept = {arity: [op() for op in functions if op.arity == arity] for arity in (1, 2)}
    assert ops.add in kept[2] and ops.exp in kept[1] and ops.isnan not in kept[1]
    told = 0
    for arity, found in kept.items():
        for inputs in itertools.product(operands, repeat=arity):
            known = common_type(Node, inputs)
            for function in found if known is not None else ():
                assert function.infer(*[x.type for x in inputs]) == known
                told += 1
    assert told > 1000
    x, y = ops.tensor("x", (3,)), ops.tensor("y", (4,))
    assert common_type(Node, (x, y)) is None  # which infer refuses
    assert common_type(Node, (x, 1.0)) is None and common_type(Node, ()) is None
