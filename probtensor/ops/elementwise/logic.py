"""Comparisons, logic, bits, tests of floats, where, casts.

Like the ops of arithmetic.py these are operators without C names; see the list there.
"""

from __future__ import annotations

import inspect

import numpy as np
from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import OPERATORS, Node, TensorLike, as_tensor, make
from probtensor.ops.elementwise.arithmetic import EDGES, Number
from probtensor.ops.kinds import (
    WIDER,
    Elementwise,
    Facts,
    Masking,
    as_tensor_of,
    joint_shape,
    method,
    op,
    operator,
    weak_operand,
)
from probtensor.ops.samples import Sample, integers, reals
from probtensor.types import FLOAT16, TensorType, check_dtype, dtype_of, promote


def bools(count: int) -> tuple[Sample, ...]:
    """A sample of boolean arrays for each of `count` arguments."""
    return (Sample(lambda rng: tuple(rng.random((count, 3, 4)) < 0.5), smooth=False),)


class Comparison(Masking):
    """A comparison of two numbers or bools: bool out, no derivative. Integers are compared exactly:
    with Python numbers that their dtype does not hold, and signed ones with uint64, where NumPy's
    promotion would go through float64."""

    arity = 2
    dtypes = "bool"
    differentiable = False
    samples = reals(-3, 3, -3, 3, edges=EDGES, smooth=False) + integers(-3, 3, -3, 3) + bools(2)

    def apply(self, *inputs: TensorLike) -> Node:
        exact = self._exact(*inputs)
        return super().apply(*inputs) if exact is None else exact

    def _exact(self, x: TensorLike, y: TensorLike) -> Node | None:
        """An exact comparison of x and y in other terms; None if their promotion is exact."""
        first, second = weak_operand(x), weak_operand(y)
        if _past(first, second):
            return _with_past(self.symbol, as_tensor(x), y)
        if _past(second, first):
            return _with_past(_MIRRORED[self.symbol], as_tensor(y), x)
        if _signed(first) and second == "uint64":
            return _signed_with_unsigned(self.symbol, as_tensor(x), as_tensor(y))
        if first == "uint64" and _signed(second):
            return _signed_with_unsigned(_MIRRORED[self.symbol], as_tensor(y), as_tensor(x))
        return None


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def _signed(operand: TensorLike) -> bool:
    return isinstance(operand, str) and dtype_of(operand).kind == "i"


def _past(dtype: DTypeLike, number: TensorLike) -> bool:
    """Is a Python integer out of the range of an integer dtype?"""
    if not isinstance(dtype, str) or not dtype_of(dtype).is_integer:
        return False
    ends = np.iinfo(dtype)
    return type(number) is int and not ends.min <= number <= ends.max


def _with_past(symbol: str, x: Node, number: int) -> Node:
    """x compared with a number out of the range of its dtype, which is true or false for every
    element: a comparison with the end of the range, so that the graph still depends on x."""
    ends = np.iinfo(x.dtype)
    if number > ends.max:
        return le(x, int(ends.max)) if symbol in ("<", "<=", "!=") else gt(x, int(ends.max))
    return ge(x, int(ends.min)) if symbol in (">", ">=", "!=") else lt(x, int(ends.min))


def _signed_with_unsigned(symbol: str, x: Node, y: Node) -> Node:
    """Signed x compared with y of uint64: as uint64, where x is not negative."""
    compare = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}[symbol]
    same = compare(astype(x, "uint64"), y)
    if symbol in ("<", "<=", "!="):
        return logical_or(lt(x, 0), same)
    return logical_and(ge(x, 0), same)


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
    """x == y, elementwise; false where either is nan."""

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


class Shift(Bits):
    """Bits moved by a count. A count below 0, or of the width and more, moves all of them out."""

    operands = ("x", "n")
    samples = integers(-9, 9, -2, 40)

    def on_bools(self, x, n):
        return self(as_tensor(x).astype("int8"), as_tensor(n).astype("int8"))


@op
class LeftShift(Shift):
    """x * 2**n, modulo the width of the type."""

    numpy, symbol = np.left_shift, "<<"


@op
class RightShift(Shift):
    """floor(x / 2**n)."""

    numpy, symbol = np.right_shift, ">>"


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


# Selection and conversion.


@op
class Where(Elementwise):
    """x where the condition is true, else y. The condition is converted to bool; x and y are
    promoted with each other. `where(condition)` alone is `nonzero(condition)`, as in NumPy."""

    arity, symbol = 3, "where"
    operands = ("condition", "x", "y")
    example = ([True, False], [1.0, 2.0], 0.0)
    numpy = staticmethod(np.where)
    samples = (
        Sample(lambda rng: (rng.random((3, 4)) < 0.5, rng.normal(size=(3, 4)), rng.normal(size=4))),
        Sample(lambda rng: (rng.random(3) < 0.5, *rng.integers(0, 9, (2, 2, 3))), smooth=False),
    )

    def __call__(self, *inputs: TensorLike, **keywords: object) -> Node | tuple[Node, ...]:
        if len(inputs) == 1 and not keywords:
            return ops.nonzero(*inputs)
        return super().__call__(*inputs, **keywords)

    def signature_of_operands(self) -> inspect.Signature:
        condition, *others = super().signature_of_operands().parameters.values()
        return inspect.Signature([condition, *(p.replace(default=None) for p in others)])

    def apply(self, *inputs: TensorLike) -> Node:
        condition, a, b = inputs
        dtype = promote(weak_operand(a), weak_operand(b))
        chosen = [as_tensor_of(value, dtype, self.name, WIDER) for value in (a, b)]
        return make(self, (as_tensor_of(condition, "bool"), *chosen))

    def infer(self, *types: TensorType) -> TensorType:
        condition, a, b = types
        if condition.dtype != "bool" or a.dtype != b.dtype:
            given = ", ".join(t.dtype for t in types)
            raise TypeError(f"needs a bool and two values of one dtype, not {given}")
        return TensorType(a.dtype, joint_shape(types))

    def vjp(self, g, out, condition, a, b):
        return None, self(condition, g, 0), self(condition, 0, g)


@op
class Cast(Masking):
    """x in another dtype. Floats lose their fraction when they become integers, as in C, where what
    becomes of nan, infinity and numbers out of range is up to the machine; integers wrap; anything
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

    def apply(self, *inputs: TensorLike) -> Node:
        return make(self, tuple(as_tensor(x) for x in inputs))

    def infer(self, *types: TensorType) -> TensorType:
        return types[0].with_dtype(check_dtype(self.dtype))

    def numpy(self, x):
        return np.asarray(x).astype(self.dtype)

    def vjp(self, g, out, x):
        return (astype(g, x.dtype) if x.type.is_float and out.type.is_float else None,)


@method
@public(lacks=("device",))
def astype(x: TensorLike, dtype: DTypeLike, *, copy: bool = True, device: None = None) -> Node:
    """x converted to `dtype`; x itself if it has it already, whatever `copy` says. Integers wrap,
    and floats lose their fraction; which integer nan, infinity or a float out of range becomes
    differs between targets, as it does between NumPy's platforms. float16 is what results and
    shared variables are stored in: x is rounded to it, and what reads that reads float32.

    Returns a tensor of the shape of x in `dtype`.
    Raises TypeError for a dtype that there is not.

        >>> pt.astype([1.7, -1.7], "int64").eval()
        array([ 1, -1])
    """
    name = check_dtype(dtype, stored=True)
    if name == FLOAT16:
        return OPERATORS["half cast"](x)
    x = as_tensor(x)
    if x.dtype == name:
        return x
    return make(Cast(name), (x,)) if name.kind != "c" else OPERATORS["complex cast"](x, name)


less = lt = Lt()
less_equal = le = Le()
greater = gt = Gt()
greater_equal = ge = Ge()
equal = eq = Eq()
not_equal = neq = ne = Ne()
logical_and = LogicalAnd()
logical_or = LogicalOr()
logical_not = LogicalNot()
bitwise_and = and_ = BitAnd()
bitwise_or = or_ = BitOr()
bitwise_xor = xor = BitXor()
bitwise_not = bitwise_invert = invert = BitNot()
left_shift = bitwise_left_shift = LeftShift()
right_shift = bitwise_right_shift = RightShift()
isnan = IsNan()
isinf = IsInf()
where = switch = Where()
cast = astype


@public
def logical_xor(x: TensorLike, y: TensorLike) -> Node:
    """True where exactly one is.

    Returns a tensor of bools of the shape that x and y broadcast to.

        >>> pt.logical_xor([True, True], [True, False]).eval()
        array([False,  True])
    """
    return ne(astype(x, "bool"), astype(y, "bool"))


@public
def isfinite(x: TensorLike) -> Node:
    """True where x is neither infinite nor nan.

    Returns a tensor of bools of the shape of x.

        >>> pt.isfinite([1.0, np.inf]).eval()
        array([ True, False])
    """
    return lt(ops.abs(x), np.inf)


_TRUTH = {
    "<": lt, "<=": le, ">": gt, ">=": ge,
    "&": bitwise_and, "|": bitwise_or, "^": bitwise_xor, "~": bitwise_not,
    "<<": left_shift, ">>": right_shift,
}  # fmt: skip
for _symbol, _function in _TRUTH.items():
    operator(_symbol)(_function)
