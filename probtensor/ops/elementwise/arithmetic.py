"""Arithmetic, comparison, logic, selection: the elementwise ops that are operators, not functions.

These have no C name: every target renders their symbols itself, with NumPy's meaning.

    + - * /            as in C; integers wrap, "/" sees floats only
    // % **            "//" and "%" round down, integers give 0 by zero; "**" sees integers only
    neg abs sign       sign of nan is nan; the sign of either zero is 0
    < <= > >= == !=    bool out; any comparison with nan is false but "!="
    and or not         of bools
    & | ^ ~            of integers
    << >>              of integers, which C promotes but these do not; bits past the width are lost,
                       and a count below 0 is as one past the width
    minimum maximum    nan if either is nan
    gcd                of integers
    sqrt square        in the dtype of the argument
    floor ceil trunc round    of floats; round goes half to even
    isnan isinf        bool out
    where              the second input where the first is true, else the third
    cast               to the dtype of the op: float to integer truncates, to bool is "!= 0"

Bools never reach "+", "*", "minimum", "&" and the like: as in NumPy, the functions below make logic
ops of such calls.
"""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import (
    Const,
    GraphError,
    GraphValueError,
    Node,
    TensorLike,
    as_tensor,
    located,
)
from probtensor.ops.kinds import (
    NONNEGATIVE,
    Elementwise,
    Facts,
    Needed,
    Pole,
    Range,
    op,
    operator,
    weak_operand,
)
from probtensor.ops.samples import integers, reals
from probtensor.types import promote

EDGES = (0.0, -0.0, 1.0, -1.5, 5e-324, -1e-310, 1e300, np.inf, -np.inf, np.nan)


class Number(Elementwise):
    """An op of numbers whose output has the dtype of its inputs; `on_bools` is its meaning for
    bools, of the same arguments, if it has one."""

    dtypes = "same"
    numbers_only = True


# Arithmetic.


@op
class Add(Number):
    """x + y."""

    arity, numpy, symbol = 2, np.add, "+"
    linear = True
    facts = Facts(commutative=True, associative=True)
    samples = reals(-3, 3, -3, 3, edges=EDGES) + integers(-9, 9, -9, 9)

    def on_bools(self, x, y):
        return ops.logical_or(x, y)

    def vjp(self, g, out, x, y):
        return g, g


@op
class Sub(Number):
    """x - y."""

    arity, numpy, symbol = 2, np.subtract, "-"
    linear = True
    samples = reals(-3, 3, -3, 3, edges=EDGES) + integers(-9, 9, -9, 9)

    def vjp(self, g, out, x, y):
        return g, -g


@op
class Mul(Number):
    """x * y."""

    arity, numpy, symbol = 2, np.multiply, "*"
    facts = Facts(commutative=True, associative=True)
    samples = reals(-3, 3, -3, 3, edges=EDGES) + integers(-9, 9, -9, 9)

    def on_bools(self, x, y):
        return ops.logical_and(x, y)

    def vjp(self, g, out, x, y):
        return g * y, g * x


@op
class Div(Elementwise):
    """x / y, the true quotient; integers are taken as float64."""

    arity, numpy, symbol = 2, np.true_divide, "/"
    poles = (Pole(1, 0.0),)
    samples = reals(-3, 3, 0.5, 3, edges=EDGES)

    def vjp(self, g, out, x, y):
        return g / y, -g * out / y


@op
class FloorDiv(Number):
    """floor(x / y); an integer divided by zero gives 0. Its derivative is 0."""

    arity, numpy, symbol = 2, np.floor_divide, "//"
    samples = (
        reals(-3, 3, 0.5, 3, smooth=False)
        + reals(-3, 3, -3, 3, edges=EDGES, smooth=False)[2:]
        + integers(-9, 9, -3, 3)
    )

    def on_bools(self, x, y):
        return self(as_tensor(x).astype("int8"), as_tensor(y).astype("int8"))

    def vjp(self, g, out, x, y):
        return ops.zeros_like(x), ops.zeros_like(y)


@op
class Mod(Number):
    """x - y * floor(x / y), with the sign of y; an integer modulo zero gives 0."""

    arity, numpy, symbol = 2, np.remainder, "%"
    samples = (
        reals(0.2, 0.9, 1, 2)
        + reals(-3, 3, -3, 3, edges=EDGES, smooth=False)[2:]
        + integers(-9, 9, -3, 3)
    )

    def on_bools(self, x, y):
        return self(as_tensor(x).astype("int8"), as_tensor(y).astype("int8"))

    def vjp(self, g, out, x, y):
        return g, -g * floor_divide(x, y)


@op
class IntegerPow(Number):
    """x**y of integers, modulo the width of their type. ValueError where y is negative: while the
    graph is built if y is a literal, else when the function is called."""

    arity, numpy, symbol = 2, np.power, "**"
    dtypes = "integer"
    differentiable = False
    needed = Needed(
        1, 0, None,
        "power: integers to negative integer powers are not allowed",
        "cast one of the two for a fraction: x.astype('float64') ** k",
    )  # fmt: skip
    samples = integers(-5, 5, 0, 7)

    def apply(self, *inputs: TensorLike) -> Node:
        node = super().apply(*inputs)
        exponent = as_tensor(inputs[1]).op
        if isinstance(exponent, Const) and node.size != 0 and (exponent.array < 0).any():
            raise GraphValueError(located(f"{self.needed.said}\n  {self.needed.way_out}"))
        return node

    def on_bools(self, x, y):
        return self(as_tensor(x).astype("int8"), as_tensor(y).astype("int8"))


@op
class Pow(Elementwise):
    """x**y of floats. The derivative in x is 0 where y is 0; in y it is 0 where x is 0."""

    arity, c = 2, "pt_pow"
    samples = reals(0.3, 3, -2, 2, edges=EDGES)

    @staticmethod
    def numpy(x, y):
        out = np.power(x, y)
        # Where all exponents are 0.5 NumPy takes the root, which differs at -inf and at -0.
        root = np.where(np.isneginf(x), np.inf, out + 0)
        return np.where(np.equal(y, 0.5), root, out)

    def vjp(self, g, out, x, y):
        exponent = _exponent(y)
        if exponent is not None:
            slope = exponent * power(x, exponent - 1) if exponent else ops.zeros_like(x)
            return g * slope, None
        # Of x**0 all derivatives by x are 0, of nan too; elsewhere 0 * x**-1 is 0 by itself, which
        # further derivatives by y must see.
        flat = ops.logical_and(ops.eq(y, 0), ops.logical_not(ops.abs(x) > 0))
        slope = ops.where(flat, 0, y * self(x, y - 1))
        # x**y * log(x) tends to 0 with x**y, and is defined as 0 at 0**0.
        still = ops.logical_and(ops.eq(x, 0), y >= 0)
        gone = ops.logical_and(ops.eq(x, np.inf), y < 0)
        safe = ops.where(ops.logical_or(still, gone), 1, x)
        return g * slope, g * out * ops.log(safe)

    def poles_of(self, position, *inputs):
        if position:
            return ()
        exponent = _exponent(inputs[1])
        if exponent is None:
            return (Pole(0, 0.0, finite=True),)
        return (Pole(0, 0.0, finite=exponent > 0),) if exponent < 1 and exponent else ()


def _exponent(y: Node) -> float | None:
    return y.op.array.item() if isinstance(y.op, Const) and not y.shape else None


@public
def power(x: TensorLike, y: TensorLike) -> Node:
    """x**y by NumPy's rules: integers stay integers, and a Python exponent 2, 1, 0.5 or -1 becomes
    a square, the argument itself, a root or a reciprocal. An integer has no negative integer power:
    ValueError, when the graph is built or the function called.

    Returns a tensor of the shape that x and y broadcast to, in the dtype that they promote to.
    Raises GraphError, a TypeError, for shapes that do not broadcast; ValueError as above.

        >>> pt.power([2.0, 3.0], 2).eval()
        array([4., 9.])
    """
    if isinstance(y, (int, float)) and not isinstance(y, (bool, np.generic)):
        shortcut = _simple_power(as_tensor(x) if not isinstance(x, Node) else x, y)
        if shortcut is not None:
            return shortcut
    dtype = promote(weak_operand(x), weak_operand(y))
    return (Pow() if dtype.is_inexact else IntegerPow())(x, y)


pow = power


def _simple_power(x: Node, y: float) -> Node | None:
    if x.dtype == "bool":
        return None
    if y == 1 and (isinstance(y, int) or x.dtype.is_inexact):
        return x
    if y == 2 and (isinstance(y, int) or x.dtype.is_inexact):
        return square(x)
    if y == 0.5 and x.dtype.is_inexact:
        return sqrt(x)
    return reciprocal(x) if y == -1 and x.dtype.is_inexact else None


@op
class Neg(Number):
    """-x."""

    numpy, symbol = np.negative, "neg"
    linear = True
    facts = Facts(decreasing=True)
    samples = reals(-3, 3, edges=EDGES) + integers(-9, 9)

    def vjp(self, g, out, x):
        return (-g,)


@op
class Abs(Number):
    """|x|. Its derivative is sign(x), so 0 at 0."""

    numpy, symbol = np.absolute, "abs"
    facts = Facts(range=NONNEGATIVE)
    samples = reals(0.2, 3, edges=EDGES) + reals(-3, -0.2) + integers(-9, 9)

    def on_bools(self, x):
        return as_tensor(x)

    def vjp(self, g, out, x):
        return (g * sign(x),)


@op
class Sign(Number):
    """-1, 0 or 1 by the sign of x; nan propagates. Its derivative is 0."""

    numpy, symbol = np.sign, "sign"
    facts = Facts(range=Range(-1.0, 1.0), increasing=True)
    samples = reals(0.2, 3, edges=EDGES) + reals(-3, -0.2) + integers(-9, 9)

    def vjp(self, g, out, x):
        return (ops.zeros_like(x),)


@op
class Sqrt(Elementwise):
    """The square root; nan below 0."""

    numpy, symbol = np.sqrt, "sqrt"
    poles = (Pole(0, 0.0, finite=True),)
    facts = Facts(range=NONNEGATIVE, increasing=True)
    samples = reals(0.3, 3, edges=EDGES)

    def vjp(self, g, out, x):
        return (g / (2 * out),)


@op
class Square(Number):
    """x * x."""

    numpy, symbol = np.square, "square"
    facts = Facts(range=NONNEGATIVE)
    samples = reals(-3, 3, edges=EDGES) + integers(-9, 9)

    def on_bools(self, x):
        return as_tensor(x).astype("int8")

    def vjp(self, g, out, x):
        return (2 * g * x,)


# Order.


class Extremum(Number):
    """Base of `minimum` and `maximum`: at ties each argument gets half of the derivative."""

    arity = 2
    samples = reals(-3, 3, -3, 3, edges=EDGES) + integers(-9, 9, -9, 9)


@op
class Minimum(Extremum):
    """The smaller of x and y; nan if either is. Ties share the derivative evenly."""

    numpy, symbol = np.minimum, "minimum"
    facts = Facts(commutative=True, associative=True)

    def on_bools(self, x, y):
        return ops.logical_and(x, y)

    def vjp(self, g, out, x, y):
        return _shared_by_order(g, x, y)


@op
class Maximum(Extremum):
    """The larger of x and y; nan if either is. Ties share the derivative evenly."""

    numpy, symbol = np.maximum, "maximum"
    facts = Facts(commutative=True, associative=True)

    def on_bools(self, x, y):
        return ops.logical_or(x, y)

    def vjp(self, g, out, x, y):
        return _shared_by_order(g, y, x)


def _shared_by_order(g: Node, lower: Node, upper: Node) -> tuple[Node, Node]:
    # The `where` with 0 is the outer one, since the derivatives of operands match it as a mask.
    shared = ops.where(ops.eq(lower, upper), g / 2, g)
    return ops.where(upper < lower, 0, shared), ops.where(lower < upper, 0, shared)


# Rounding and tests of floats; integers need neither.


class Rounding(Elementwise):
    """x rounded to an integer, as a float; integers are unchanged. The derivative is 0."""

    facts = Facts(increasing=True)
    samples = reals(-3, 3, edges=(*EDGES, 0.5, -0.5, 2.5, 1e16), smooth=False)

    def apply(self, *inputs: TensorLike) -> Node:
        x = as_tensor(inputs[0])
        return super().apply(x) if x.dtype.is_inexact else x

    def vjp(self, g, out, x):
        return (ops.zeros_like(x),)


@op
class Floor(Rounding):
    """The largest integer <= x."""

    numpy, symbol = np.floor, "floor"


@op
class Ceil(Rounding):
    """The smallest integer >= x."""

    numpy, symbol = np.ceil, "ceil"


@op
class Trunc(Rounding):
    """x rounded towards 0."""

    numpy, symbol = np.trunc, "trunc"


@op
class Round(Rounding):
    """The nearest integer; halves round to the even one."""

    numpy, symbol = np.rint, "round"


add = Add()
subtract = sub = Sub()
multiply = mul = Mul()
divide = true_divide = true_div = div = Div()
floor_divide = floor_div = int_div = FloorDiv()
mod = remainder = Mod()
negative = neg = Neg()
absolute = abs = Abs()
sign = sgn = Sign()
sqrt = Sqrt()
square = sqr = Square()
minimum = Minimum()
maximum = Maximum()
floor = Floor()
ceil = Ceil()
trunc = Trunc()
rint = Round()


@public
def reciprocal(x: TensorLike) -> Node:
    """1 / x; integers are taken as float64.

    Returns a tensor of the shape of x: float32 if x is, else float64.

        >>> pt.reciprocal([2.0, 4.0]).eval()
        array([0.5 , 0.25])
    """
    return div(1, x)


@public
def positive(x: TensorLike) -> Node:
    """x itself; of numbers only.

    Returns a tensor of the type of x.
    Raises GraphError, a TypeError, for bools.

        >>> pt.positive([-1.0, 2.0]).eval()
        array([-1.,  2.])
    """
    x = as_tensor(x)
    if x.dtype == "bool":
        raise GraphError(located("positive: is not defined for booleans; cast them with .astype"))
    return x


_ARITHMETIC = {
    "+": add, "-": sub, "*": mul, "/": div, "//": floor_divide, "%": mod, "**": power,
    "neg": neg, "pos": positive, "abs": abs,
}  # fmt: skip
for _symbol, _function in _ARITHMETIC.items():
    operator(_symbol)(_function)
