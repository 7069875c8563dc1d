"""Elementwise functions: a function of tensors for each scalar op of PyTensor."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from probtensor import ops, special
from probtensor.graph import Const, Node, as_tensor
from probtensor.graph.node import SizeOf
from probtensor.interop.pytensor.translate import ROWS, Translator, row, wide
from probtensor.loop import foldl
from probtensor.transform.facts import constant_of
from probtensor.types import Size, size_max, size_min


def _real(x: Node) -> Node:
    """Whole numbers as floats, which PyTensor's roundings give."""
    return x.astype("float64") if np.dtype(x.dtype).kind in "iub" else x


def _power(x: Node, y: Node) -> Node:
    """A power; of real numbers by a literal in their dtype, so that it is known as a square."""
    literal = constant_of(y)
    if literal is None or not x.type.is_float or np.dtype(y.dtype).kind not in "iu":
        return ops.power(x, y)
    return ops.broadcast_arrays(ops.power(x, float(literal)), y)[0]


SCALARS: dict[str, Callable[..., Node]] = {
    "Add": lambda *xs: reduce(ops.add, xs),
    "Mul": lambda *xs: reduce(ops.multiply, xs),
    "Sub": ops.subtract,
    "TrueDiv": ops.true_divide,
    "IntDiv": ops.floor_divide,
    "Mod": ops.mod,
    "Pow": _power,
    "Neg": ops.negative,
    "Reciprocal": lambda x: 1 / x,
    "Sqr": ops.square,
    "Sqrt": ops.sqrt,
    "Abs": ops.abs,
    "Sign": ops.sign,
    "Ceil": lambda x: ops.ceil(_real(x)),
    "Floor": lambda x: ops.floor(_real(x)),
    "Trunc": lambda x: ops.trunc(_real(x)),
    "RoundHalfToEven": ops.round,
    "RoundHalfAwayFromZero": ops.round_half_away_from_zero,
    "Exp": ops.exp,
    "Exp2": ops.exp2,
    "Expm1": ops.expm1,
    "Log": ops.log,
    "Log2": ops.log2,
    "Log10": ops.log10,
    "Log1p": ops.log1p,
    "Sin": ops.sin,
    "Cos": ops.cos,
    "Tan": ops.tan,
    "ArcSin": ops.arcsin,
    "ArcCos": ops.arccos,
    "ArcTan": ops.arctan,
    "ArcTan2": ops.arctan2,
    "Sinh": ops.sinh,
    "Cosh": ops.cosh,
    "Tanh": ops.tanh,
    "ArcSinh": ops.arcsinh,
    "ArcCosh": ops.arccosh,
    "ArcTanh": ops.arctanh,
    "LT": ops.less,
    "GT": ops.greater,
    "LE": ops.less_equal,
    "GE": ops.greater_equal,
    "EQ": ops.equal,
    "NEQ": ops.not_equal,
    "IsNan": ops.isnan,
    "IsInf": ops.isinf,
    "Switch": lambda c, x, y: ops.where(c if c.dtype == "bool" else ops.not_equal(c, 0), x, y),
    "Maximum": ops.maximum,
    "Minimum": ops.minimum,
    "Clip": ops.clip,
    "Second": lambda x, y: ops.broadcast_arrays(x, y)[1],
    "Identity": lambda x: x,
    "OR": ops.bitwise_or,
    "XOR": ops.bitwise_xor,
    "AND": ops.bitwise_and,
    "Invert": ops.bitwise_not,
    "Real": ops.real,
    "Imag": ops.imag,
    "Conj": ops.conj,
    "Complex": ops.complex,
    "Angle": ops.angle,
    "Erf": ops.erf,
    "Erfc": ops.erfc,
    "Erfcx": special.erfcx,
    "Erfinv": ops.erfinv,
    "Erfcinv": ops.erfcinv,
    "NdtriExp": special.ndtri_exp,
    "Owens_t": special.owens_t,
    "Gamma": special.gamma,
    "GammaLn": special.gammaln,
    "Psi": special.digamma,
    "TriGamma": special.trigamma,
    "PolyGamma": special.polygamma,
    "GammaInc": special.gammainc,
    "GammaIncC": special.gammaincc,
    "GammaIncInv": special.gammaincinv,
    "GammaIncCInv": special.gammainccinv,
    "BetaInc": special.betainc,
    "BetaIncInv": special.betaincinv,
    "Hyp2F1": special.hyp2f1,
    "Jv": special.jv,
    "J0": special.j0,
    "J1": special.j1,
    "I0": special.i0,
    "I1": special.i1,
    "I0e": special.i0e,
    "I1e": special.i1e,
    "Ive": special.ive,
    "Kve": special.kve,
    "Iv": special.iv,
    "Sigmoid": ops.sigmoid,
    "Softplus": ops.softplus,
    "Log1mexp": special.log1mexp,
    "MulWithoutZeros": lambda x, y: ops.where(x == 0, y, ops.where(y == 0, x, x * y)),
}


KNOWN = {*SCALARS, "Cast"}


def scalar(op: Any, *inputs: Node) -> Node:
    """The function of a scalar op. KeyError for one that is not known."""
    kind = type(op).__name__
    if kind == "Cast":
        return inputs[0].astype(_cast(inputs[0], op.o_type.dtype))
    if kind in SIZES and any(isinstance(x.op, SizeOf) for x in inputs):
        sizes = [x.op.size if isinstance(x.op, SizeOf) else _whole(x) for x in inputs]
        if None not in sizes:
            return as_tensor(reduce(SIZES[kind], sizes))
    return SCALARS[kind](*inputs)


# Arithmetic of sizes stays one of sizes, so that equal ones are known to be equal.
SIZES: dict[str, Callable[..., Size]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Maximum": size_max,
    "Minimum": size_min,
}


def _whole(x: Node) -> int | None:
    """The value of a literal that is a whole number."""
    if isinstance(x.op, Const) and not x.ndim and np.dtype(x.dtype).kind in "iu":
        return int(x.op.array)
    return None


def _cast(x: Node, dtype: str) -> str:
    """The dtype of a cast. Between floats it is one of storage, and is left out; integers of fewer
    bits wrap around."""
    given, wanted = np.dtype(x.dtype), np.dtype(dtype)
    if given.kind == wanted.kind and (wanted.kind in "fc" or wanted.itemsize >= given.itemsize):
        return x.dtype
    return dtype if wanted.kind == "i" and wanted.itemsize < 8 else wide(dtype)


@row("Elemwise")
def elemwise(t: Translator, apply: Any, *inputs: Node) -> Node | list[Node]:
    """A scalar op of each element."""
    return applied(t, apply.op.scalar_op, apply, *inputs)


@row("ScalarOp")
def scalar_op(t: Translator, apply: Any, *inputs: Node) -> Node | list[Node]:
    """A scalar op of scalars."""
    return applied(t, apply.op, apply, *inputs)


def applied(t: Translator, op: Any, apply: Any, *inputs: Node) -> Node | list[Node]:
    """A scalar op of tensors."""
    names = [kind.__name__ for kind in type(op).__mro__]
    if "Composite" in names:
        return t.inner(op.fgraph, inputs)
    if "ScalarLoop" in names:
        return ROWS["ScalarLoop"](t, ScalarNode(op), *inputs)
    return scalar(op, *inputs) if names[0] in KNOWN else t.performed(apply, inputs)


class ScalarNode:
    """The node of a scalar op, as its row reads it."""

    def __init__(self, op: Any) -> None:
        self.op = op


def folds() -> Mapping[str, Callable[..., Node]]:
    """Reductions by the scalar op that they repeat."""
    return {
        "Add": ops.sum, "Mul": ops.prod, "Maximum": ops.max, "Minimum": ops.min, "OR": ops.any,
        "AND": ops.all,
    }  # fmt: skip


@row("CAReduce")
def careduce(t: Translator, apply: Any, x: Node) -> Node:
    """Sum, Prod, Max, Min, All and Any, and other reductions by a scalar op."""
    op = apply.op.scalar_op
    kind, axis = type(op).__name__, apply.op.axis
    axes = tuple(range(x.ndim)) if axis is None or not x.ndim else tuple(axis)
    if kind in ("Add", "Mul") and x.dtype == "bool":
        x = x.astype("int64")
    if (kind in ("OR", "AND") and x.dtype != "bool") or kind not in folds():
        return _repeated(t, op, x, axes)
    return folds()[kind](x, axis=axes)


def _repeated(t: Translator, op: Any, x: Node, axes: tuple[int, ...]) -> Node:
    """A reduction by any scalar op, element by element."""
    kept = [k for k in range(x.ndim) if k not in axes]
    x = ops.transpose(x, (*axes, *kept))
    count = ops.prod(ops.stack(x.shape[: len(axes)])) if axes else 1
    x = ops.reshape(x, (count, *x.shape[len(axes) :]))
    identity = getattr(op, "identity", None)
    first = x[0] if identity is None else ops.full(x.shape[1:], identity, x.dtype)

    def step(total: Node, y: Node) -> Node:
        return applied(t, op, None, total, y).astype(x.dtype)

    return foldl(step, first, x[1:] if identity is None else x)
