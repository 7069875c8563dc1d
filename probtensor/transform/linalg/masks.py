"""Masks of matrices: comparisons of the number of the row with that of the column."""

from __future__ import annotations

import math

import numpy as np

from probtensor import ops
from probtensor.graph.node import Const, Node
from probtensor.transform.facts import constant_of

INF = math.inf


def index_of(x: Node) -> tuple[int, int] | None:
    """(axis counted from the end, offset), where x is arange(n) + offset along that axis."""
    offset = 0
    while True:
        if isinstance(x.op, ops.Add):
            a, b = x.inputs
            value = constant_of(b)
            x, value = (a, value) if value is not None else (b, constant_of(a))
            if not isinstance(value, int) or isinstance(value, bool):
                return None
            offset += value
        elif isinstance(x.op, (ops.Iota, ops.ExpandDims, Const)):
            break
        else:
            return None
    axis = -1
    if isinstance(x.op, ops.ExpandDims):
        axis = max(set(range(x.ndim)) - set(x.op.axes), default=-1) - x.ndim
        x = x.inputs[0]
    first = _first_of_range(x) if isinstance(x.op, Const) else 0
    known = first is not None and isinstance(x.op, (ops.Iota, Const))
    return (axis, offset + first) if known else None


def _first_of_range(x: Node) -> int | None:
    """k, where a constant is arange(k, k + n)."""
    array = x.op.array
    if array.ndim != 1 or array.dtype.kind != "i" or not array.size:
        return None
    first = int(array[0])
    return first if np.array_equal(array, np.arange(first, first + array.size)) else None


_FLIPPED = {ops.Eq: ops.Eq, ops.Ge: ops.Le, ops.Le: ops.Ge, ops.Gt: ops.Lt, ops.Lt: ops.Gt}


def mask_of(condition: Node) -> tuple[float, float] | None:
    """(below, above) of the elements for which a comparison of row and column is true; None for
    other conditions."""
    kind = type(condition.op)
    if kind not in _FLIPPED:
        return None
    first, second = map(index_of, condition.inputs)
    if first is None or second is None or {first[0], second[0]} != {-1, -2}:
        return None
    if first[0] == -1:
        first, second, kind = second, first, _FLIPPED[kind]
    gap = second[1] - first[1]  # of row - column, where both sides are equal
    if kind is ops.Eq:
        return gap, -gap
    if kind in (ops.Ge, ops.Gt):
        return INF, -gap - (kind is ops.Gt)
    return gap - (kind is ops.Lt), INF
