"""Elementwise functions: a function of tensors for each scalar op of PyTensor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from probtensor import ops, special
from probtensor.graph import GraphError, Node, line_of
from probtensor.interop.pytensor.translate import Translator, row, wide

SCALARS: dict[str, Callable[..., Node]] = {
    "Add": lambda *xs: reduce(ops.add, xs),
    "Mul": lambda *xs: reduce(ops.multiply, xs),
    "Sub": ops.subtract,
    "TrueDiv": ops.true_divide,
    "IntDiv": ops.floor_divide,
    "Mod": ops.mod,
    "Pow": ops.power,
    "Neg": ops.negative,
    "Reciprocal": lambda x: 1 / x,
    "Sqr": ops.square,
    "Sqrt": ops.sqrt,
    "Abs": ops.abs,
    "Sign": ops.sign,
    "Ceil": ops.ceil,
    "Floor": ops.floor,
    "Trunc": ops.trunc,
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
    "Ive": special.ive,
    "Kve": special.kve,
    "Iv": special.iv,
    "Sigmoid": ops.sigmoid,
    "Softplus": ops.softplus,
    "Log1mexp": special.log1mexp,
}




def scalar(op: Any, *inputs: Node) -> Node:
    """The function of a scalar op. KeyError for one that is not known."""
    kind = type(op).__name__
    if kind == "Cast":
        return inputs[0].astype(_cast(inputs[0], op.o_type.dtype))
    return SCALARS[kind](*inputs)


def _cast(x: Node, dtype: str) -> str:
    """Casts between numbers of one kind are those of storage, and are left out."""
    same = np.dtype(x.dtype).kind == np.dtype(dtype).kind
    return x.dtype if same else wide(dtype)


@row("Elemwise")
def elemwise(t: Translator, apply: Any, *inputs: Node) -> Node | list[Node]:
    return applied(t, apply.op.scalar_op, apply, *inputs)


def applied(t: Translator, op: Any, apply: Any, *inputs: Node) -> Node | list[Node]:
    """A scalar op of tensors."""
    if hasattr(op, "fgraph") and type(op).__name__ == "Composite":
        return t.inner(op.fgraph, inputs)
    return scalar(op, *inputs) if has_scalar(op) else t.performed(apply, inputs)


def has_scalar(op: Any) -> bool:
    """Has a scalar op a translation?"""
    return type(op).__name__ == "Cast" or type(op).__name__ in SCALARS


@row("ScalarOp")
def scalar_op(t: Translator, apply: Any, *inputs: Node) -> Node | list[Node]:
    return applied(t, apply.op, apply, *inputs)


def folds() -> Mapping[str, Callable[..., Node]]:
    """Reductions by the scalar op that they repeat."""
    return {
        "Add": ops.sum, "Mul": ops.prod, "Maximum": ops.max, "Minimum": ops.min, "OR": ops.any,
        "AND": ops.all,
    }  # fmt: skip


@row("CAReduce")
def careduce(t: Translator, apply: Any, x: Node) -> Node:
    """Sum, Prod, Max, Min, All and Any, and other reductions by a scalar op."""
    kind = type(apply.op.scalar_op).__name__
    axis = apply.op.axis
    axes = tuple(range(x.ndim)) if axis is None else tuple(axis)
    if kind == "XOR":
        return ops.mod(ops.sum(x.astype("int64"), axis=axes), 2).astype("bool")
    if kind not in folds():
        raise GraphError(f"translate: a reduction by {kind} has no translation\n  at {line_of(x)}")
    if kind in ("Add", "Mul") and x.dtype == "bool":
        x = x.astype("int64")
    return folds()[kind](x, axis=axes)
