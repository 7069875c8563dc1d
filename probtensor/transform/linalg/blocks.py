"""Matrices seen as what they are made of: blocks along a diagonal, Kronecker products, diagonals.

The functions look at how a matrix is computed, and at nothing else; `structure.py` knows what holds
of the parts.
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.transform.facts import constant_of
from probtensor.transform.linalg.masks import index_of, mask_of
from probtensor.types import Shape

MAX_BLOCKS = 64  # that are looked at
_LINEAR = (ops.Add, ops.Sub, ops.Neg, ops.Mul, ops.Div)


def diagonal_blocks(x: Node) -> list[Node] | None:
    """The square blocks of a matrix that is zero elsewhere, as `block_diag` joins them; None for
    other matrices."""
    if not isinstance(x.op, ops.Concatenate) or x.op.axis != x.ndim - 2:
        return None
    rows, found = x.inputs, []
    if len(rows) > MAX_BLOCKS:
        return None
    for k, row in enumerate(rows):
        if not isinstance(row.op, ops.Concatenate) or row.op.axis != x.ndim - 1:
            return None
        if len(row.inputs) != len(rows) or row.inputs[k].shape[-1] != row.shape[-2]:
            return None
        if any(constant_of(y) != 0 for j, y in enumerate(row.inputs) if j != k):
            return None
        found.append(row.inputs[k])
    return found


def kron_factors(x: Node) -> list[Node] | None:
    """(a, b), two square matrices of which x is the Kronecker product, as `kron` makes it; None for
    others."""
    if not isinstance(x.op, ops.Reshape) or x.ndim != 2 or not isinstance(x.inputs[0].op, ops.Mul):
        return None
    for first, second in (x.inputs[0].inputs, x.inputs[0].inputs[::-1]):
        if not (isinstance(first.op, ops.ExpandDims) and isinstance(second.op, ops.ExpandDims)):
            return None
        if first.op.axes != (1, 3) or second.op.axes != (0, 2):
            continue
        a, b = first.inputs[0], second.inputs[0]
        fits = all(n == m for n, m in zip(x.shape, (a.shape[-1] * b.shape[-1],) * 2, strict=True))
        if a.ndim == b.ndim == 2 and a.shape[0] == a.shape[1] and b.shape[0] == b.shape[1] and fits:
            return [a, b]
    return None


def is_turned(x: Node) -> bool:
    """Is x the transpose of the matrices of its operand?"""
    if not isinstance(x.op, ops.Transpose):
        return False
    n = x.ndim
    return tuple(x.op.axes) == (*range(n - 2), n - 1, n - 2)


def elements_of_diagonal(x: Node, offset: int = 0) -> Node:
    """x[..., i, i + offset], without the other elements of what x is made of where that is known:
    the diagonals of sums and products of elements are those of the parts."""
    if isinstance(x.op, ops.Assume):
        return elements_of_diagonal(x.inputs[0], offset)
    if is_turned(x):
        return elements_of_diagonal(x.inputs[0], -offset)
    if isinstance(x.op, _LINEAR) and any(map(_is_masked, _terms(x))):
        parts = [_diagonal_of_operand(y, x, offset) for y in x.inputs]
        if all(y is not None for y in parts):
            return x.op(*parts)
    found = _unmasked(x, offset)
    if found is not None:
        return found
    filled = filled_diagonal(x)
    if filled is not None and filled[1] == offset:
        return filled[0]
    return _zeros(x, offset) if filled is not None else ops.diagonal(x, offset, -2, -1)


def _unmasked(x: Node, offset: int) -> Node | None:
    """A diagonal of a matrix that a mask selects, or of the mask itself as numbers; None for
    others."""
    if not _is_masked(x) or isinstance(x.op, ops.Scatter):
        return None
    below, above = mask_of(x.inputs[0])
    inside = -offset <= below and offset <= above
    if isinstance(x.op, ops.Cast):
        return ops.ones(_length(x, offset), x.dtype) if inside else _zeros(x, offset)
    chosen = x.inputs[1 if inside else 2]
    if constant_of(chosen) == 0:
        return _zeros(x, offset)
    count = x.shape[-1] - abs(offset)
    if chosen.ndim == x.ndim and x.shape[-1] != 1:
        for axis, first in ((-1, max(-offset, 0)), (-2, max(offset, 0))):
            if chosen.shape[axis] == 1:  # one value for each row, or for each column
                values = ops.squeeze(chosen, axis)
                return values if not offset else values[..., first : first + count]
    return elements_of_diagonal(ops.broadcast_to(chosen, x.shape), offset)


def _length(x: Node, offset: int) -> Shape:
    return (*x.shape[:-2], x.shape[-1] - abs(offset))


def _zeros(x: Node, offset: int) -> Node:
    return ops.zeros(_length(x, offset), x.dtype)


def _terms(x: Node) -> Sequence[Node]:
    """The parts of a sum or product, at any depth that is short."""
    found, stack = [], [x]
    while stack and len(found) < MAX_BLOCKS:
        y = stack.pop()
        found.append(y)
        if isinstance(y.op, _LINEAR):
            stack += y.inputs
    return found


def _is_masked(x: Node) -> bool:
    """Whether it can be seen that elements of a matrix are 0."""
    if isinstance(x.op, ops.Cast):
        return x.ndim >= 2 and mask_of(x.inputs[0]) is not None
    if isinstance(x.op, ops.Where):
        return mask_of(x.inputs[0]) is not None
    return filled_diagonal(x) is not None


def _diagonal_of_operand(y: Node, x: Node, offset: int) -> Node | None:
    """The elements of an operand along a diagonal of what it is broadcast to."""
    if y.ndim == 0:
        return y
    same = y.ndim == x.ndim and all((n == 1) == (m == 1) for n, m in zip(y.shape, x.shape))
    return elements_of_diagonal(y, offset) if same else None


def filled_diagonal(x: Node) -> tuple[Node, int] | None:
    """(values, offset), where x is zero but for one diagonal, as `diag` makes it; None for other
    matrices."""
    if not isinstance(x.op, ops.Scatter) or x.op.axes != (0, 1) or x.ndim != 2:
        return None
    base, values, *indices = x.inputs
    if x.op.mode not in ("add", "set") or constant_of(base) != 0 or values.ndim != 1:
        return None
    places = [index_of(i) for i in indices]  # (-1, k) for arange(n) + k
    if None in places or any(i.shape != values.shape for i in indices):
        return None
    place = places[1][1] - places[0][1]
    if min(offset for _, offset in places) != 0:
        return None
    whole = all(n == values.shape[0] + abs(place) for n in x.shape)
    return (values, place) if whole else None
