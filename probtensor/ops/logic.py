"""Truth and choice: comparisons, logic, bits, tests of floats, where, casts.

Like the ops of arithmetic.py these are operators without C names; their list is there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node, as_tensor, make
from probtensor.ops.arithmetic import EDGES, Number
from probtensor.ops.kinds import (
    Elementwise,
    Facts,
    as_tensor_of,
    joint_shape,
    method,
    op,
    operator,
    weak_operand,
)
from probtensor.ops.samples import Sample, integers, reals
from probtensor.types import TensorType, check_dtype, promote


def bools(count: int) -> tuple[Sample, ...]:
    """A sample of boolean arrays for each of `count` arguments."""
    return (Sample(lambda rng: tuple(rng.random((count, 3, 4)) < 0.5), smooth=False),)


class Comparison(Elementwise):
    """A comparison of two numbers or bools: bool out, no derivative."""

    arity = 2
    dtypes = "bool"
    differentiable = False
    samples = reals(-3, 3, -3, 3, edges=EDGES, smooth=False) + integers(-3, 3, -3, 3) + bools(2)


@op
class Lt(Comparison):
    """x < y."""

    numpy, symbol = np.less, "<"


@op
class Le(Comparison):
    """x <= y."""

    numpy, symbol = np.less_equal, "<="


@op
class Gt(Comparison):
    """x > y."""

    numpy, symbol = np.greater, ">"


@op
class Ge(Comparison):
    """x >= y."""

    numpy, symbol = np.greater_equal, ">="


@op
class Eq(Comparison):
    """x == y, elementwise (the operator `==` of nodes is identity)."""

    numpy, symbol = np.equal, "=="
    facts = Facts(commutative=True)


@op
class Ne(Comparison):
    """x != y, elementwise; true where either is nan."""

    numpy, symbol = np.not_equal, "!="
    facts = Facts(commutative=True)


# Logic of bools, and bits of integers.


class Logic(Elementwise):
    """A function of truth values; numbers are true where they are not 0."""

    arity = 2
    dtypes = "logic"
    differentiable = False
    samples = bools(2)

    def infer(self, *types: TensorType) -> TensorType:
        if any(t.dtype != "bool" for t in types):
            raise TypeError("needs bools")
        return super().infer(*types)


@op
class LogicalAnd(Logic):
    """True where both are."""

    numpy, symbol = np.logical_and, "and"
    facts = Facts(commutative=True, associative=True)


@op
class LogicalOr(Logic):
    """True where either is."""

    numpy, symbol = np.logical_or, "or"
    facts = Facts(commutative=True, associative=True)


@op
class LogicalNot(Logic):
    """True where x is not."""

    arity, numpy, symbol = 1, np.logical_not, "not"
    samples = bools(1)


class Bits(Number):
    """A function of the bits of integers; of bools it is logic."""

    arity = 2
    dtypes = "integer"
    differentiable = False
    samples = integers(-9, 9, -9, 9)


@op
class BitAnd(Bits):
    """The bits set in both integers; `and` of bools."""

    numpy, symbol = np.bitwise_and, "&"
    facts = Facts(commutative=True, associative=True)

    def on_bools(self, x, y):
        return logical_and(x, y)


@op
class BitOr(Bits):
    """The bits set in either integer; `or` of bools."""

    numpy, symbol = np.bitwise_or, "|"
    facts = Facts(commutative=True, associative=True)

    def on_bools(self, x, y):
        return logical_or(x, y)


@op
class BitXor(Bits):
    """The bits set in one of the integers; `!=` of bools."""

    numpy, symbol = np.bitwise_xor, "^"
    facts = Facts(commutative=True, associative=True)

    def on_bools(self, x, y):
        return ne(x, y)


@op
class BitNot(Bits):
    """All bits flipped; `not` of bools."""

    arity, numpy, symbol = 1, np.invert, "~"
    samples = integers(-9, 9)

    def on_bools(self, x):
        return logical_not(x)


# Tests of floats.


class FloatTest(Elementwise):
    """A bool property of floats."""

    differentiable = False
    samples = reals(-3, 3, edges=EDGES, smooth=False)

    def result_dtype(self, dtype: str) -> str:
        return "bool"


@op
class IsNan(FloatTest):
    """True where x is not a number."""

    numpy, symbol = np.isnan, "isnan"


@op
class IsInf(FloatTest):
    """True where x is +inf or -inf."""

    numpy, symbol = np.isinf, "isinf"


# Choice and conversion.


@op
class Where(Elementwise):
    """where(condition, a, b): a where the condition holds, else b. The condition is taken as bool;
    a and b are promoted with each other."""

    arity, symbol = 3, "where"
    numpy = staticmethod(np.where)
    samples = (
        Sample(lambda rng: (rng.random((3, 4)) < 0.5, rng.normal(size=(3, 4)), rng.normal(size=4))),
        Sample(lambda rng: (rng.random(3) < 0.5, *rng.integers(0, 9, (2, 2, 3))), smooth=False),
    )

    def __call__(self, *inputs: Any) -> Node:
        if len(inputs) != 3:
            raise TypeError(f"where takes a condition and two values, not {len(inputs)} arguments")
        condition, a, b = inputs
        dtype = promote(weak_operand(a), weak_operand(b))
        values = as_tensor_of(condition, "bool"), as_tensor_of(a, dtype), as_tensor_of(b, dtype)
        return make(self, values)

    def infer(self, *types: TensorType) -> TensorType:
        condition, a, b = types
        if condition.dtype != "bool" or a.dtype != b.dtype:
            given = ", ".join(t.dtype for t in types)
            raise TypeError(f"needs a bool and two values of one dtype, not {given}")
        return TensorType(a.dtype, joint_shape(types))

    def vjp(self, g, out, condition, a, b):
        return None, self(condition, g, 0), self(condition, 0, g)


@op
class Cast(Elementwise):
    """x in another dtype. Floats lose their fraction when they become integers, as in C; anything
    but 0 becomes True. Between floats the derivative passes; otherwise there is none."""

    dtype: str = "float64"
    symbol = "cast"
    samples = (
        Sample(lambda rng: (rng.normal(size=(3, 4)) * 9,), {"dtype": "int64"}, smooth=False),
        Sample(lambda rng: (rng.normal(size=(3, 4)) * 9,), {"dtype": "bool"}, smooth=False),
        Sample(lambda rng: (rng.normal(size=(3, 4)),), {"dtype": "float32"}, smooth=False),
        Sample(lambda rng: (rng.normal(size=(3, 4)),), {"dtype": "float64"}),
        Sample(lambda rng: (rng.integers(-300, 300, 9),), {"dtype": "uint8"}, smooth=False),
    )

    def __call__(self, *inputs: Any) -> Node:
        return make(self, tuple(as_tensor(x) for x in inputs))

    def infer(self, *types: TensorType) -> TensorType:
        return types[0].with_dtype(check_dtype(self.dtype))

    def numpy(self, x):
        return np.asarray(x).astype(self.dtype)

    def vjp(self, g, out, x):
        return (astype(g, x.dtype) if x.type.is_float and out.type.is_float else None,)


@method
def astype(x: Any, dtype: Any) -> Node:
    """x converted to `dtype`; x itself if it has it already."""
    x = as_tensor(x)
    name = check_dtype(dtype)
    return x if x.dtype == name else make(Cast(name), (x,))


less = lt = Lt()
less_equal = le = Le()
greater = gt = Gt()
greater_equal = ge = Ge()
equal = eq = Eq()
not_equal = ne = Ne()
logical_and = LogicalAnd()
logical_or = LogicalOr()
logical_not = LogicalNot()
bitwise_and = BitAnd()
bitwise_or = BitOr()
bitwise_xor = BitXor()
bitwise_not = invert = BitNot()
isnan = IsNan()
isinf = IsInf()
where = switch = Where()
cast = astype


def logical_xor(x: Any, y: Any) -> Node:
    """True where exactly one is."""
    return ne(astype(x, "bool"), astype(y, "bool"))


def isfinite(x: Any) -> Node:
    """True where x is neither infinite nor nan."""
    return lt(ops.abs(x), np.inf)


def left_shift(x: Any, n: Any) -> Node:
    """x * 2**n of integers, modulo the width of their type; n must not be negative."""
    return ops.multiply(x, ops.IntegerPow()(2, n))


def right_shift(x: Any, n: Any) -> Node:
    """floor(x / 2**n) of integers; n must not be negative."""
    x, n = as_tensor(x), as_tensor(n)
    width = 8 * np.dtype(promote(x.dtype, n.dtype)).itemsize
    signed = x.dtype.startswith("int")
    emptied = where(x < 0, as_tensor(-1, x.dtype), 0) if signed else ops.zeros_like(x)
    return where(n >= width - 1, emptied, ops.floor_divide(x, ops.IntegerPow()(2, n)))


_TRUTH = {
    "<": lt, "<=": le, ">": gt, ">=": ge,
    "&": bitwise_and, "|": bitwise_or, "^": bitwise_xor, "~": bitwise_not,
    "<<": left_shift, ">>": right_shift,
}  # fmt: skip
for _symbol, _function in _TRUTH.items():
    operator(_symbol)(_function)
