"""Reductions of sparse matrices, whose zeros between the entries count."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.graph.symbolic import refusal
from probtensor.sparse.pattern import index_node
from probtensor.sparse.tensor import SparseTensor


def one_axis(what: str, a: SparseTensor, axis: object) -> int | None:
    """0, 1 or None. ValueError for others."""
    if axis is None or axis == (0, 1) or axis == (1, 0):
        return None
    if isinstance(axis, (int, np.integer)) and not isinstance(axis, bool) and -2 <= axis < 2:
        return int(axis) % 2
    raise refusal(
        f"{what}: the axis of {a.text} is 0, 1 or None, not {axis!r:.40}", kind=ValueError
    )


def total(a: SparseTensor, axis: object, dtype: DTypeLike | None) -> Node:
    """The sum of all entries, of columns or of rows."""
    axis = one_axis("sum", a, axis)
    summed = ops.sum(a.data, dtype=dtype)
    if axis is None:
        return summed
    groups, count = (a.column_node, a.shape[1]) if axis == 0 else (a.row_node, a.shape[0])
    return ops.segment_sum(ops.astype(a.data, summed.dtype), groups, count)


def mean(a: SparseTensor, axis: object, dtype: DTypeLike | None) -> Node:
    """The sum over the number of places, not of entries."""
    axis = one_axis("mean", a, axis)
    found = dtype or ("float64" if a.data.dtype in ("bool",) or "int" in a.dtype else a.dtype)
    size = a.shape[0] * a.shape[1] if axis is None else a.shape[axis]
    return total(a, axis, found) / size


def extreme(name: str, a: SparseTensor, axis: object) -> Node:
    """The largest or smallest number; a row or column with a place without entry has a 0."""
    axis = one_axis(name, a, axis)
    if 0 in (a.shape if axis is None else (a.shape[axis],)):
        raise refusal(f"{name}: {a.text} of shape {a.shape} has no elements", kind=ValueError)
    pick = ops.maximum if name == "max" else ops.minimum
    zero = ops.zeros((), a.dtype)
    if axis is None:
        if a.nnz == 0:
            return zero
        found = getattr(ops, name)(a.data)
        return found if a.nnz == a.shape[0] * a.shape[1] else pick(found, zero)
    groups, count = (a.column_node, a.shape[1]) if axis == 0 else (a.row_node, a.shape[0])
    by = ops.segment_max if name == "max" else ops.segment_min
    found = by(a.data, groups, count)
    full = np.diff((a if (axis == 1) == (a.format == "csr") else a.asformat(other(a))).indptr)
    gaps = full < a.shape[axis]
    return found if not gaps.any() else ops.where(gaps, pick(found, zero), found)


def other(a: SparseTensor) -> str:
    """The other format."""
    return "csc" if a.format == "csr" else "csr"


def diagonal(a: SparseTensor, k: object) -> Node:
    """The entries whose column is their row + k, with zeros between them."""
    if not isinstance(k, (int, np.integer)) or isinstance(k, bool):
        raise refusal(f"diagonal: k is a whole number, not {k!r:.40}", kind=TypeError)
    rows, columns = a.pattern.rows, a.indices
    if a.format == "csc":
        rows, columns = columns, rows
    size = max(0, min(a.shape[0] + min(int(k), 0), a.shape[1] - max(int(k), 0)))
    found = np.flatnonzero(columns - rows == int(k))
    to = np.minimum(rows, columns)[found]
    zero = ops.zeros((size,), a.dtype)
    if not len(found):
        return zero
    return zero.at[index_node(to)].set(a.data[index_node(found)], unique_indices=True)
