"""Promotion of two dtypes, and of Python numbers, compared with NumPy for each case.

Every operator, every pair of dtypes, tensors beside tensors, NumPy scalars and Python numbers, in
range, at the ends and past them: the dtype, the values and the exception's class are NumPy's.
"""

import operator

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import GraphError, as_tensor, new_input
from probtensor.testing.reference import evaluate_numpy
from probtensor.types import DTYPES

HERE = "test_numbers_meet.py:"
BINARY = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul,
    "true_divide": operator.truediv, "floor_divide": operator.floordiv, "remainder": operator.mod,
    "power": ops.power, "less": operator.lt, "less_equal": operator.le, "greater": operator.gt,
    "greater_equal": operator.ge, "equal": ops.eq, "not_equal": ops.ne,
    "bitwise_and": operator.and_, "bitwise_or": operator.or_, "bitwise_xor": operator.xor,
    "left_shift": operator.lshift, "right_shift": operator.rshift, "minimum": ops.minimum,
    "maximum": ops.maximum, "logical_and": ops.logical_and, "logical_or": ops.logical_or,
    "logical_xor": ops.logical_xor,
}  # fmt: skip
UNARY = {
    "negative": operator.neg, "positive": operator.pos, "absolute": operator.abs,
    "invert": operator.invert, "sign": ops.sign, "square": ops.square,
    "logical_not": ops.logical_not, "isfinite": ops.isfinite,
}  # fmt: skip
PYTHON = [
    True, 0, 1, -1, 127, 128, -129, 255, 256, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1,
    2**64, 10**400, 0.5, 1e300, float("nan"),
]  # fmt: skip
SCALARS = [np.bool_(True), np.int64(300), np.uint64(2**64 - 1), np.float32(0.1)]


def values(dtype):
    """Some numbers of a dtype, both ends among them."""
    if dtype == "bool":
        return np.array([False, True])
    if "float" in dtype:
        return np.array([0.0, -0.0, 1.5, -2.0, 3e18, np.inf, np.nan], dtype)
    ends = np.iinfo(dtype)
    inner = [0, 1, 2, 7] if ends.min == 0 else [-2, -1, 0, 1, 3]
    return np.array([ends.min, *inner, ends.max - 1, ends.max], dtype)


def outcome(function, *arguments):
    """What a call gives, or the exception that it raises."""
    try:
        with np.errstate(all="ignore"):
            return function(*arguments)
    except Exception as error:
        return error


def same(mine, theirs, what):
    """`mine`, of a graph, is what NumPy has, or an exception of the same class."""
    if isinstance(theirs, Exception):
        kind = TypeError if isinstance(theirs, TypeError) else type(theirs)
        assert isinstance(mine, kind), f"{what}: {mine!r}, not {theirs!r}"
        return
    assert not isinstance(mine, Exception), f"{what}: {mine!r}, not {theirs!r}"
    theirs = np.asarray(theirs)
    assert mine.dtype == theirs.dtype, f"{what}: {mine.dtype}, not {theirs.dtype}"
    np.testing.assert_array_equal(mine, theirs, err_msg=what)


def evaluated(function, left, right=None):
    """The value of a graph of inputs for arrays; scalars stand in it as they are."""
    given = {
        new_input(f"x{k}", a.dtype, a.shape): a
        for k, a in enumerate((left, right))
        if isinstance(a, np.ndarray)
    }
    inputs = iter(given)
    operands = [next(inputs) if isinstance(a, np.ndarray) else a for a in (left, right)]
    node = function(*(operands if right is not None else operands[:1]))
    return evaluate_numpy([node], given)[0]


@pytest.mark.parametrize("name", BINARY)
def test_tensors_meet_as_arrays_do(name):
    for one in DTYPES:
        for other in DTYPES:
            x, y = values(one)[:, None], values(other)
            if name == "power" and "float" not in one + other:
                y = np.abs(y.astype(object)).clip(0, 100).astype(other)
            mine = outcome(evaluated, BINARY[name], x, y)
            same(mine, outcome(getattr(np, name), x, y), f"{name} of {one} and {other}")


@pytest.mark.parametrize("name", BINARY)
def test_numbers_beside_tensors_are_weak(name):
    for dtype in DTYPES:
        x = values(dtype)
        for k, number in enumerate((*PYTHON, *SCALARS)):
            for pair in ((x, number), (number, x))[: 2 - k % 2]:
                mine = outcome(evaluated, BINARY[name], *pair)
                theirs = outcome(getattr(np, name), *pair)
                if name.startswith("logical") and isinstance(theirs, OverflowError):
                    continue  # NumPy casts to int64 before it asks for the truth
                same(mine, theirs, f"{name} of {dtype} and {number!r:.30}, {type(number).__name__}")


@pytest.mark.parametrize("name", UNARY)
def test_one_tensor(name):
    for dtype in DTYPES:
        mine = outcome(evaluated, UNARY[name], values(dtype))
        same(mine, outcome(getattr(np, name), values(dtype)), f"{name} of {dtype}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_clip_bounds_nothing_past_the_ends(dtype):
    x = values(dtype)
    for low, high in ((0, 300), (-500, 400), (300, 400), (-1, None), (None, 2**70), (0, 1.5),
                      (-(2**63), 2**64), (np.int64(-5), np.int64(300)), (0.5, 1e300)):  # fmt: skip
        mine = outcome(evaluated, lambda v, a=low, b=high: ops.clip(v, a, b), x)
        same(mine, outcome(np.clip, x, low, high), f"clip of {dtype} to {low}, {high}")


@pytest.mark.parametrize("dtype", DTYPES)
def test_hypot_takes_integers_as_floats(dtype):
    x = values(dtype)
    found = evaluated(ops.hypot, x[:, None], x)
    wide = x if "float" in dtype else x.astype("float64")
    np.testing.assert_allclose(found, np.hypot(wide[:, None], wide), rtol=1e-6)


@pytest.mark.parametrize("dtype", [d for d in DTYPES if "int" in d])
def test_python_numbers_fit_in_what_they_become(dtype):
    """At every door where a Python number takes a given dtype."""
    ends = np.iinfo(dtype)
    x = new_input("x", dtype, (3,))
    doors = (
        lambda n: ops.constant(n, dtype), lambda n: ops.constant([0, n], dtype),
        lambda n: ops.full(3, n, dtype), lambda n: ops.full_like(x, n),
        lambda n: x.at[0].set(n), lambda n: x.at[0].set([n]), lambda n: x.at[x > 0].set(n),
        lambda n: ops.set_subtensor(x[0], n), lambda n: x.at[[0, 1]].add(n),
        lambda n: x.at[0].max(n), lambda n: ops.where(x, x, n), lambda n: ops.where(x, n, x),
        lambda n: ops.stack([x[0], n]), lambda n: x + n,
    )  # fmt: skip
    for door in doors:
        for fits in (ends.min, ends.max):
            assert door(int(fits)).dtype == dtype
        for number in (ends.min - 1, ends.max + 1, 2**64, -(2**70)):
            with pytest.raises(OverflowError, match=r"does not fit in(.|\n)*" + HERE):
                door(int(number))
    for door in doors[:8]:
        if door in doors[:2]:
            with pytest.raises(GraphError, match=r"1.5 does not fit in(.|\n)*" + HERE):
                door(1.5)  # data in a stated dtype lose nothing
        else:
            assert door(1.5).dtype == dtype  # as in NumPy
        for number in (float(ends.max) + 2, float("inf"), float(ends.min) * 2 - 1):
            with pytest.raises(OverflowError, match="does not fit"):
                door(number)
        with pytest.raises(ValueError, match="nan does not fit"):
            door(float("nan"))


def test_integers_past_64_bits():
    for number in (2**64, -(2**63) - 1, 10**400):
        for bad in (number, [number], [[0], [number]], np.array([number])):
            with pytest.raises(OverflowError, match=r"does not fit in(.|\n)*" + HERE):
                ops.constant(bad)
    for bad in (lambda: ops.add(2**64, 1), lambda: ops.less(1, 2**64), lambda: ops.exp(10**400)):
        with pytest.raises(OverflowError, match=r"does not fit in(.|\n)*" + HERE):
            bad()
    assert ops.exp(2**64).dtype == "float64"
    assert ops.constant(2**63).dtype == "uint64"
    assert ops.constant([2**64 - 1]).dtype == "uint64"


def test_combining_fractions_into_integers_is_refused():
    x = new_input("x", "int8", (3,))
    for write in (x.at[0].add, x.at[[0, 1]].multiply, x.at[0].max, x.at[0].min):
        with pytest.raises(GraphError, match=r"would lose fractions(.|\n)*" + HERE):
            write(1.5)


def test_literal_negative_powers():
    x = new_input("x", "int64", (3,))
    for power in (-1, np.int8(-1), np.array([1, -2, 3]), [0, -1, 2], -(2**63)):
        with pytest.raises(ValueError, match=r"negative integer powers(.|\n)*" + HERE):
            x**power
    assert (x**-1.0).dtype == (x.astype("float64") ** -1).dtype == "float64"


def test_literals_of_half_precision_are_float32():
    x, half = new_input("x", "float32", (2,)), np.array([1.5, 65504.0], "float16")
    assert as_tensor(half).dtype == (x + half).dtype == (x * np.float16(3)).dtype == "float32"
    np.testing.assert_array_equal(as_tensor(half).op.array, half.astype("float32"))
    f = pt.function([x], x * 2, target="interp")
    np.testing.assert_array_equal(f(half), 2 * half.astype("float32"))
    for make in (lambda: pt.zeros(3, "float16"), lambda: pt.sum(x, dtype=np.float16)):
        with pytest.raises(TypeError, match=r"(zeros|sum): float16 is what inputs(.|\n)*astype"):
            make()


def test_dtypes_there_are_none_of():
    x = new_input("x", "float64", (3,))
    for dtype in ("longdouble", "object", "datetime64[s]"):
        with pytest.raises(TypeError, match="is not one of"):
            ops.tensor("x", (3,), dtype)
        with pytest.raises(TypeError, match=r"is not one of|expected numbers"):
            x + np.zeros(3, dtype)
