"""Expressions of the values that are read: numbers, indices, conditions and casts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import eq, ge, gt, le, lt, ne

import numpy as np

from probtensor.graph.node import Node
from probtensor.kernel.ir import Apply, Expr, IndexValue, Lit
from probtensor.kernel.simplify import Index
from probtensor.types import Dim, Size, dtype_of

COMPARE = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}


def choice(condition: Expr, a: object, b: object) -> Expr:
    """`a` where the condition holds, else `b`; only that one is evaluated."""
    if b is False:
        return Apply("and", (condition, as_value(a, "bool")), "bool")
    first, second = as_value(a, None), as_value(b, None)
    dtype = first.dtype if not isinstance(first, Lit) else second.dtype
    return Apply("where", (condition, as_value(a, dtype), as_value(b, dtype)), dtype)


def decided(condition: Expr | bool) -> bool | None:
    """Whether a comparison of indices holds, if it is constant; else None."""
    match condition:
        case bool():
            return condition
        case Lit(value):
            return bool(value)
        case Apply(symbol, (IndexValue(a), IndexValue(b))) if isinstance(a - b, int):
            return COMPARE[symbol](a - b, 0)
    return None


def as_value(value: object, dtype: str | None, canonical: Callable = lambda i: i.size) -> Expr:
    """An expression of a value that may be an index, a size or a number; cast to `dtype`."""
    if isinstance(value, (bool, int, float, np.generic)):
        python = value.item() if isinstance(value, np.generic) else value
        kind = {bool: "bool", int: "int64", float: "float64"}[type(python)]
        return Lit(python, dtype or kind)
    if isinstance(value, Index):
        value = IndexValue(canonical(value))
    if isinstance(value, Dim):
        value = IndexValue(value)
    if dtype is not None and value.dtype != dtype:
        return Apply("cast", (value,), dtype)
    return value


def cast(value: Expr, dtype: str) -> Expr:
    """The value in a dtype."""
    if value.dtype == dtype:
        return value
    if isinstance(value, Lit) and dtype_of(dtype).is_float:
        return Lit(float(value.value), dtype)
    return Apply("cast", (value,), dtype)


def spread(shape: Sequence[Size], variables: Sequence[Size]) -> list[Size]:
    """One index per axis: the next loop variable, or 0 along an axis of size 1."""
    loop = iter(variables)
    return [0 if n == 1 else next(loop) for n in shape]


def uniform_value(node: Node) -> Lit | None:
    """The literal of a constant whose elements are all identical, bit by bit; else None."""
    array = node.op.array
    if not array.ndim:
        return Lit(array.item(), node.dtype)
    if array.size == 0:
        return None
    first = array.reshape(-1)[:1]
    if array.size > 1 and array.tobytes() != first.tobytes() * array.size:
        return None
    return Lit(first[0].item(), node.dtype)
