"""How numbers of two dtypes meet, and Python's numbers with them: NumPy is asked for each case.

Every operator, every pair of dtypes, tensors beside tensors, NumPy scalars and Python numbers, in
range, at the ends and past them: the dtype, the values and the exception's class are NumPy's.
"""

import operator

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import new_input
from probtensor.testing.reference import evaluate_numpy
from probtensor.types import DTYPES

INTEGERS = [d for d in DTYPES if "int" in d]
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
    True, False, 0, 1, 2, -1, 7, 127, 128, -128, -129, 255, 256, 2**31, -(2**31) - 1, 2**53 + 1,
    2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64 - 1, 2**64, 10**40, 10**400,
    0.5, -0.0, 1e300, 1e-46, float("inf"), float("nan"),
]  # fmt: skip
SCALARS = [
    np.bool_(True), np.int8(-1), np.int64(300), np.int64(-(2**63)), np.uint8(200),
    np.uint64(2**64 - 1), np.float32(0.1), np.float64(1e300),
]  # fmt: skip


def values(dtype):
    """Some numbers of a dtype, both ends among them."""
    if dtype == "bool":
        return np.array([False, True])
    if "float" in dtype:
        return np.array([0.0, -0.0, 1.5, -2.0, 3e18, np.inf, np.nan], dtype)
    ends = np.iinfo(dtype)
    inside = [0, 1, 2, 7] if ends.min == 0 else [-2, -1, 0, 1, 3]
    return np.array([ends.min, *inside, ends.max - 1, ends.max], dtype)


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
        for number in (*PYTHON, *SCALARS):
            for pair in ((x, number), (number, x)):
                mine = outcome(evaluated, BINARY[name], *pair)
                theirs = outcome(getattr(np, name), *pair)
                same(mine, theirs, f"{name} of {dtype} and {number!r:.30}, {type(number).__name__}")


@pytest.mark.parametrize("name", UNARY)
def test_one_tensor(name):
    for dtype in DTYPES:
        mine = outcome(evaluated, UNARY[name], values(dtype))
        same(mine, outcome(getattr(np, name), values(dtype)), f"{name} of {dtype}")
