"""NumPy's functions of the parts and neighbours of floats, and of integers that have divisors."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.elementwise.arithmetic import EDGES, Number
from probtensor.ops.elementwise.elementary import LN2
from probtensor.ops.kinds import Elementwise, Facts, as_tensor_of, op, weak_operand
from probtensor.ops.samples import Sample, integers, reals
from probtensor.types import TensorType, promote, promote_float

SINGLE = np.array([edge for edge in EDGES if not 1e30 < abs(edge) < np.inf], "float32")
WHOLE = (0.0, -0.0, 1.0, -3.0, 40.0, -1074.0, 1074.0, -2100.0, 2100.0)


@op
class Copysign(Elementwise):
    """|x| with the sign of y, that of a zero and of nan too."""

    arity, numpy, c = 2, np.copysign, "pt_copysign"
    samples = reals(0.2, 3, 0.2, 3, edges=EDGES) + reals(-3, -0.2, 0.2, 3)

    def vjp(self, g, out, x, y):
        return g * self(1, x) * self(1, y), ops.zeros_like(y)


@op
class Nextafter(Elementwise):
    """The float64 next to x in the direction of y; y where both are equal."""

    arity, numpy, c = 2, np.nextafter, "pt_nextafter"
    for_users = False
    single = False  # is it the float32 next to x?
    samples = reals(-3, 3, -3, 3, edges=EDGES, smooth=False)

    def infer(self, *types: TensorType) -> TensorType:
        if types[0].dtype == "float32" and not self.single:
            raise TypeError("needs float64")
        return super().infer(*types)

    def vjp(self, g, out, x, y):
        return g, ops.zeros_like(y)


@op
class NextafterSingle(Nextafter):
    """The float32 next to x in the direction of y, in the dtype of x."""

    c, single = "pt_nextafter_single", True
    samples = (
        Sample(lambda rng: tuple(rng.normal(size=(2, 9)).astype("float32")), smooth=False),
        Sample(
            lambda rng: tuple(x.ravel() for x in np.meshgrid(SINGLE, SINGLE)),
            smooth=False,
        ),
    )

    @staticmethod
    def numpy(x, y):
        return np.nextafter(x.astype("float32"), y.astype("float32")).astype(x.dtype)


@op
class Mantissa(Elementwise):
    """The mantissa of x, in [0.5, 1) with the sign of x."""

    numpy, c = staticmethod(lambda x: np.frexp(x)[0]), "pt_mantissa"
    for_users = False
    samples = reals(0.3, 3, edges=EDGES) + reals(-40, -0.2)

    def vjp(self, g, out, x):
        return (Ldexp()(g, -Exponent()(x)),)


@op
class Exponent(Elementwise):
    """The exponent of x to base 2, as a float: x is its mantissa times 2**exponent."""

    numpy, c = staticmethod(lambda x: np.frexp(x)[1].astype(x.dtype)), "pt_exponent"
    for_users = False
    samples = reals(0.3, 3, edges=EDGES, smooth=False)

    def vjp(self, g, out, x):
        return (ops.zeros_like(x),)


def _ldexp(x: np.ndarray, n: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        exponent = np.clip(np.nan_to_num(n), -4400, 4400).astype("int32")
        return np.ldexp(x, exponent)


@op
class Ldexp(Elementwise):
    """x * 2**n for whole numbers n in the dtype of x, rounded once."""

    arity, numpy, c = 2, staticmethod(_ldexp), "pt_ldexp"
    for_users = False
    samples = (
        Sample(lambda rng: tuple(rng.integers(-9, 9, (2, 3, 4)).astype(float)), smooth=False),
        Sample(lambda rng: tuple(x.ravel() for x in np.meshgrid(EDGES, WHOLE)), smooth=False),
    )

    def vjp(self, g, out, x, n):
        return self(g, n), None


@op
class Logaddexp2(Elementwise):
    """log2(2**x + 2**y), without overflow; -inf where both are -inf."""

    arity, numpy, c = 2, np.logaddexp2, "pt_logaddexp2"
    facts = Facts(commutative=True)
    samples = reals(-3, 3, -3, 3, edges=(*EDGES, 60.0, -60.0, 1e3))

    def vjp(self, g, out, x, y):
        same = ops.logical_and(ops.eq(x, y), ops.isinf(x))
        difference = ops.where(same, 0, x - y) * LN2
        return g * ops.sigmoid(difference), g * ops.sigmoid(-difference)


@op
class Gcd(Number):
    """The greatest common divisor of |x| and |y|; that of 0 and 0 is 0."""

    arity, numpy, symbol = 2, np.gcd, "gcd"
    dtypes = "integer"
    differentiable = False
    facts = Facts(commutative=True, associative=True)
    samples = integers(-40, 40, -40, 40)


copysign = Copysign()
logaddexp2 = Logaddexp2()
gcd = Gcd()


@public
def lcm(x: TensorLike, y: TensorLike) -> Node:
    """The least common multiple of |x| and |y|, which are integers; 0 where either is 0.

    Returns a tensor of the shape that x and y broadcast to, in the dtype that they promote to.
    Raises GraphError, a TypeError, for floats, bools and shapes that do not broadcast.

        >>> pt.lcm(4, 6).eval()
        array(12)
    """
    divisor = gcd(x, y)
    dtype = divisor.dtype
    first, second = (as_tensor_of(value, dtype, "lcm") for value in (x, y))
    common = ops.where(ops.eq(divisor, 0), 1, divisor)
    return ops.abs(first // common) * ops.abs(second)


@public
def nextafter(x: TensorLike, y: TensorLike) -> Node:
    """The float next to x in the direction of y; y where they are equal, nan where either is. The
    derivative is that of x.

    Returns a tensor of the shape that x and y broadcast to: float32 if both are, else float64.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> (pt.nextafter(1.0, 2.0) - 1.0).eval()
        array(2.22044605e-16)
    """
    dtype = promote_float(weak_operand(x), weak_operand(y))
    return (NextafterSingle() if dtype == "float32" else Nextafter())(x, y)


@public
def signbit(x: TensorLike) -> Node:
    """True where x is below 0, a zero with the sign of a negative number, or such a nan.

    Returns a tensor of bools of the shape of x.

        >>> pt.signbit([-1.0, 0.0, 2.0]).eval()
        array([ True, False, False])
    """
    x = as_tensor(x)
    return ops.lt(copysign(1.0, x) if x.type.is_float else x, 0)


@public
def frexp(x: TensorLike) -> tuple[Node, Node]:
    """Mantissa and exponent: x = mantissa * 2**exponent with the mantissa in [0.5, 1) and the sign
    of x. Zeros, infinities and nan are their own mantissas, with the exponent 0.

        mantissa, exponent = pt.frexp(x)

    Returns a pair of tensors of the shape of x: float32 if x is, else float64; and int32.

        >>> [part.eval() for part in pt.frexp([3.0, -0.25])]
        [array([ 0.75, -0.5 ]), array([ 2, -1], dtype=int32)]
    """
    return Mantissa()(x), Exponent()(x).astype("int32")


@public
def ldexp(x1: TensorLike, x2: TensorLike) -> Node:
    """x1 * 2**x2 for integers x2, rounded once: also where 2**x2 is no float.

    Returns a tensor of the shape that x1 and x2 broadcast to: float32 if x1 is, else float64.
    Raises GraphError, a TypeError, for exponents that are not integers, and for shapes that do not
    broadcast.

        >>> pt.ldexp([0.75, -1.0], 3).eval()
        array([ 6., -8.])
    """
    dtype = promote_float(weak_operand(x1))
    exponent = as_tensor(x2)
    if exponent.type.is_float:
        raise GraphError("ldexp: the exponents x2 are integers; cast them with .astype('int64')")
    return Ldexp()(as_tensor_of(x1, dtype, "ldexp"), exponent.astype(dtype))


@public
def fmod(x: TensorLike, y: TensorLike) -> Node:
    """The remainder of x / y with the sign of x, as C has it; an integer modulo zero gives 0.
    `pt.mod` has the sign of y.

    Returns a tensor of the shape that x and y broadcast to, in the dtype that they promote to.
    Raises GraphError, a TypeError, for bools and shapes that do not broadcast.

        >>> pt.fmod([7.0, -7.0], 3.0).eval()
        array([ 1., -1.])
    """
    dtype = promote(weak_operand(x), weak_operand(y))
    x, y = (as_tensor_of(value, dtype, "fmod") for value in (x, y))
    if dtype.is_float:
        size = ops.abs(y)
        return ops.where(x < 0, -ops.mod(-x, size), ops.mod(x, size))
    remainder = ops.mod(x, y)
    if dtype == "bool" or dtype.kind == "u":
        return remainder
    other = ops.logical_and(ops.ne(remainder, 0), ops.ne(remainder < 0, x < 0))
    return ops.where(other, remainder - y, remainder)


@public
def fmax(x: TensorLike, y: TensorLike) -> Node:
    """The larger of x and y; the other where one is nan. Ties share the derivative evenly.

    Returns a tensor of the shape that x and y broadcast to, in the dtype that they promote to.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.fmax([1.0, np.nan], [2.0, 3.0]).eval()
        array([2., 3.])
    """
    return _without_nan(ops.maximum, x, y, "fmax")


@public
def fmin(x: TensorLike, y: TensorLike) -> Node:
    """The smaller of x and y; the other where one is nan. Ties share the derivative evenly.

    Returns a tensor of the shape that x and y broadcast to, in the dtype that they promote to.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.fmin([1.0, np.nan], [2.0, 3.0]).eval()
        array([1., 3.])
    """
    return _without_nan(ops.minimum, x, y, "fmin")


def _without_nan(extremum: ops.Maximum, x: TensorLike, y: TensorLike, what: str) -> Node:
    dtype = promote(weak_operand(x), weak_operand(y))
    if not dtype.is_float:
        return extremum(x, y)
    x, y = (as_tensor_of(value, dtype, what) for value in (x, y))
    return ops.where(ops.isnan(x), y, ops.where(ops.isnan(y), x, extremum(x, y)))


@public
def float_power(x: TensorLike, y: TensorLike) -> Node:
    """x**y in float64, whatever the dtypes are: integers have negative powers, too.

    Returns a float64 tensor of the shape that x and y broadcast to.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.float_power(2, -1).eval()
        array(0.5)
    """
    base = as_tensor_of(x, "float64", "float_power")
    if isinstance(y, (int, float)) and not isinstance(y, (bool, np.generic)):
        return ops.power(base, float(y))
    return ops.power(base, as_tensor_of(y, "float64", "float_power"))


@public
def fabs(x: TensorLike) -> Node:
    """|x| as a float.

    Returns a tensor of the shape of x: float32 if x is, else float64.

        >>> pt.fabs([-1, 2]).eval()
        array([1., 2.])
    """
    return ops.abs(as_tensor_of(x, promote_float(weak_operand(x)), "fabs"))


@public(lacks=("out",))
def fix(x: TensorLike, out: None = None) -> Node:
    """x rounded towards 0, as a float; integers are unchanged.

    Returns a tensor of the type of x.

        >>> pt.fix([1.7, -1.7]).eval()
        array([ 1., -1.])
    """
    return ops.trunc(x)


@public(lacks=("out",))
def isposinf(x: TensorLike, out: None = None) -> Node:
    """True where x is +inf.

    Returns a tensor of bools of the shape of x.

        >>> pt.isposinf([np.inf, -np.inf, 1.0]).eval()
        array([ True, False, False])
    """
    return ops.eq(as_tensor(x), np.inf)


@public(lacks=("out",))
def isneginf(x: TensorLike, out: None = None) -> Node:
    """True where x is -inf.

    Returns a tensor of bools of the shape of x.

        >>> pt.isneginf([np.inf, -np.inf, 1.0]).eval()
        array([False,  True, False])
    """
    return ops.eq(as_tensor(x), -np.inf)


@public
def round_half_to_even(a: TensorLike) -> Node:
    """The nearest integers, as floats; halves round to the even one. Integers are unchanged.

    Returns a tensor of the type of `a`.

        >>> pt.round_half_to_even([0.5, 1.5, -2.5]).eval()
        array([ 0.,  2., -2.])
    """
    return ops.rint(a)


@public
def round_half_away_from_zero(a: TensorLike) -> Node:
    """The nearest integers, as floats; halves round away from 0. Integers are unchanged.

    Returns a tensor of the type of `a`.

        >>> pt.round_half_away_from_zero([0.5, 1.5, -2.5]).eval()
        array([ 1.,  2., -3.])
    """
    x = as_tensor(a)
    if not x.type.is_float:
        return x
    whole = ops.trunc(x)
    return whole + ops.where(ops.abs(x - whole) >= 0.5, ops.sign(x), 0)


ROUNDING = {
    "half_to_even": round_half_to_even, "half_away_from_zero": round_half_away_from_zero,
}  # fmt: skip


@public
def iround(a: TensorLike, mode: str = "half_to_even") -> Node:
    """The nearest integers as int64, by `mode` "half_to_even" or "half_away_from_zero".

    Returns an int64 tensor of the shape of `a`.
    Raises GraphError, a TypeError, for another mode.

        >>> pt.iround([0.5, 1.6]).eval()
        array([0, 2])
    """
    mode = "half_to_even" if mode is None else mode
    if mode not in ROUNDING:
        raise GraphError(f"iround: mode is one of {', '.join(ROUNDING)}, not {mode!r:.60}")
    return ROUNDING[mode](a).astype("int64")


@public
def ceil_intdiv(a: TensorLike, b: TensorLike) -> Node:
    """ceil(a / b) of integers, without a detour by floats.

    Returns a tensor of the shape that a and b broadcast to, in the dtype that they promote to.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.ceil_intdiv([6, 7, -7], 3).eval()
        array([ 2,  3, -2])
    """
    quotient = ops.floor_divide(a, b)
    return quotient + ops.ne(ops.mod(a, b), 0).astype(quotient.dtype)


@public
def second(a: TensorLike, b: TensorLike) -> Node:
    """b repeated to the shape that a and b broadcast to; Theano's way to fill an array of the shape
    of `a`.

    Returns a tensor of the dtype of b.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.second([[1.0, 2.0], [3.0, 4.0]], 7).eval()
        array([[7, 7],
               [7, 7]])
    """
    return ops.broadcast_arrays(a, b)[1]


fill = second
