"""float16 as what tensors are stored in: computation is in float32, or float64.

A tensor of float16 stands for a float32 tensor of the same values: whatever reads it reads that.
Only at the border of a function is it an array of float16, whose bits, uint16, are an input or an
output of what is compiled. So an input or a shared variable is read in float16, and converted where
it is used; `x.astype("float16")` rounds, and is written in float16 where it is a result.

Rejected: a dtype that ops compute in, which no processor of most machines has, and whose sums lose
digits; and conversions before and after calls, which need another array.
"""

from __future__ import annotations

import numpy as np

from cython_ext.graph import unfinished
from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Input, Node, TensorLike, as_tensor, make, present_line
from probtensor.ops.elementwise.floats import Exponent, Ldexp
from probtensor.ops.kinds import Composite, op, operator
from probtensor.ops.samples import Sample
from probtensor.types import FLOAT16, TensorType

LARGEST, INFINITE, UNKNOWN = 65520.0, 0x7C00, 0x7E00  # from the first on, rounded to infinity


class HalfTensor(Node):
    """A tensor of float16, which stands for `node`, a float32 tensor of its values. It is in no
    graph."""

    __slots__ = ("node",)

    stands_for_another = True
    op = property(lambda self: self.node.op)
    inputs = property(lambda self: self.node.inputs)
    type = property(lambda self: self.node.type.with_dtype(FLOAT16))
    name = property(lambda self: self.node.name if self.leaf is None else self.leaf.name)

    __hash__ = Node.__hash__

    @property
    def leaf(self) -> Node | None:
        """The input that holds its bits; None where it is computed."""
        bits = self.node.inputs[0] if isinstance(self.node.op, FromHalf) else None
        return bits if bits is not None and isinstance(bits.op, Input) else None

    @property
    def bits(self) -> Node:
        """What is stored, uint16."""
        made = isinstance(self.node.op, (FromHalf, RoundToHalf))
        source = self.node.inputs[0] if made else self.node
        return source if isinstance(self.node.op, FromHalf) else make(ToHalf(), (source,))

    def __repr__(self) -> str:
        return f"<{self.described}: {self.type}>"

    @property
    def described(self) -> str:
        """The tensor in messages: its name, or the call that makes it."""
        return self.node.described if self.leaf is None else self.leaf.described

    def __reduce__(self) -> tuple:
        return half_of, (self.node,)


def half_of(node: Node, kind: type[HalfTensor] = HalfTensor) -> HalfTensor:
    """The tensor of float16 that stands for a float32 tensor whose values are of float16."""
    made = unfinished(kind, present_line())
    object.__setattr__(made, "node", node)
    return made


@dataclass(frozen=True)
class HalfInput(Input):
    """The input with the bits of a tensor of float16."""

    name = "half_input"

    @property
    def given_type(self) -> TensorType:
        """The type of the arrays that callers give."""
        return self.tensor_type.with_dtype(FLOAT16)


def over(leaf: Node, kind: type[HalfTensor] = HalfTensor) -> HalfTensor:
    """The tensor of float16 whose bits are in an input."""
    return half_of(make(FromHalf(), (leaf,)), kind)


@operator("half input")
def _input(name: str | None, kind: TensorType, uid: str) -> HalfTensor:
    """An input of a function, of float16."""
    return over(make(HalfInput(name, kind.with_dtype("uint16"), uid), ()))


@operator("half cast")
def rounded(x: TensorLike) -> HalfTensor:
    """A tensor in float16."""
    if isinstance(x, HalfTensor):
        return x
    x = as_tensor(x)
    x = x if x.type.is_float else ops.astype(x, "float64")
    return half_of(make(RoundToHalf(), (x,)))


def _parts_of_size(x: Node) -> tuple[Node, Node, Node]:
    """Of |x| the number of units in the last place of float16, rounded, and the exponent of that
    unit; and whether |x| is below what becomes infinity. 0 where it is not, and for nan."""
    size = ops.abs(x)
    finite = size < LARGEST
    size = ops.where(finite, size, 0.0)
    unit = ops.maximum(Exponent()(size) - 11, -24)
    return ops.rint(Ldexp()(size, -unit)), unit, finite


_VALUES = np.array([0.0, -0.0, 1.0, 1 / 3, -2.5, 2.0**-24, 2.0**-25, 3 * 2.0**-25, 2.0**-14, 1e-9,
                    65504.0, 65519.99, 65520.0, 1e9, np.inf, -np.inf, np.nan, 2049.0, 2051.0,
                    1 + 2.0**-11, 1 + 2.0**-11 + 2.0**-40])  # fmt: skip
_FLOATS = (
    Sample(lambda rng: (_VALUES,), smooth=False),
    Sample(lambda rng: (_VALUES.astype("float32"),), smooth=False),
    Sample(lambda rng: (rng.normal(size=(3, 4)) * 10.0 ** rng.integers(-8, 5, (3, 4)),),
           smooth=False),
)  # fmt: skip


def _cast(x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(x).astype("float16")


class _OfFloats(Composite):
    """An op on floats, elementwise, whose results have another dtype."""

    gives = "float32"
    samples = _FLOATS

    def infer(self, *types: TensorType) -> TensorType:
        (x,) = types
        if not x.is_float:
            raise TypeError(f"needs floats, not {x.dtype}")
        return x.with_dtype(self.gives)


@op
class RoundToHalf(_OfFloats):
    """x rounded to float16, once, as float32. The derivative is that of x."""

    name = "round_to_half"

    def numpy(self, x):
        return _cast(x).astype("float32")

    def expand(self, x):
        count, unit, finite = _parts_of_size(x)
        size = ops.where(finite, Ldexp()(count, unit), np.inf)
        size = ops.where(ops.isnan(x), np.nan, size)
        return ops.astype(ops.copysign(size, x), "float32")

    def vjp(self, g, out, x):
        return (ops.astype(g, x.dtype),)


@op
class ToHalf(_OfFloats):
    """The bits of x rounded to float16."""

    name, gives = "to_half", "uint16"
    differentiable = False

    def numpy(self, x):
        found = _cast(x)
        return np.where(np.isnan(found), np.uint16(UNKNOWN), found.view("uint16"))

    def expand(self, x):
        count, unit, finite = _parts_of_size(x)
        # A count that is rounded up to the next power of 2 is the next exponent's first.
        size = ops.where(ops.eq(count, 0), 0.0, (unit + 24) * 1024 + count)
        size = ops.where(finite, size, float(INFINITE))
        sign = ops.where(ops.signbit(x), 32768.0, 0.0)
        found = ops.where(ops.isnan(x), float(UNKNOWN), size + sign)
        return ops.astype(found, "uint16")


@op
class FromHalf(Composite):
    """The float32 of the bits of a float16."""

    name = "from_half"
    differentiable = False
    samples = (
        Sample(lambda rng: (np.arange(0, 65536, 7, dtype="uint16"),), smooth=False),
        Sample(lambda rng: (_cast(_VALUES).view("uint16"),), smooth=False),
    )

    def infer(self, *types: TensorType) -> TensorType:
        (x,) = types
        if x.dtype != "uint16":
            raise TypeError(f"needs uint16, not {x.dtype}")
        return x.with_dtype("float32")

    def numpy(self, x):
        return np.ascontiguousarray(x).view("float16").astype("float32")

    def expand(self, x):
        size = ops.bitwise_and(x, 0x7FFF)
        exponent = ops.maximum(ops.right_shift(size, 10), 1)
        normal = ops.bitwise_or(ops.bitwise_and(size, 0x3FF), 0x400)
        count = ops.where(size < 0x400, size, normal)
        count, exponent = (ops.astype(y, "float32") for y in (count, exponent))
        value = Ldexp()(count, exponent - 25)
        unknown = ops.where(ops.eq(size, INFINITE), np.inf, ops.astype(np.nan, "float32"))
        value = ops.where(size >= INFINITE, unknown, value)
        return ops.where(x > 0x7FFF, -value, value)
