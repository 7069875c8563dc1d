"""Sorting along an axis: sorted elements, or the indices that sort."""

from __future__ import annotations

from typing import Any

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.kinds import method
from probtensor.ops.ordering.routines import (
    ArgsortIntegers,
    ArgsortRows,
    ArgsortRowsIntegers,
    Sort,
    SortFloat32,
    SortInt32,
    SortIntegers,
    argsort_floats,
    narrowed,
    ranked,
    unranked,
)
from probtensor.ops.reductions.folds import described, flag, one_axis

KINDS = (None, "quicksort", "mergesort", "heapsort", "stable")
_SORTS = {
    "float64": Sort(), "float32": SortFloat32(), "int64": SortIntegers(), "int32": SortInt32(),
}  # fmt: skip


def _sorted(x: Node) -> Node:
    """The elements along the last axis in ascending order."""
    if x.dtype.kind == "c":
        return ops.take_along_axis(x, order_of(x), -1)
    values = narrowed(x)
    return unranked(_SORTS[str(values.dtype)](values), x.dtype)


def order_of(x: Node) -> Node:
    """The indices that sort along the last axis; the order is stable. Complex numbers are sorted by
    their real, then by their imaginary part, those with a nan last."""
    if x.dtype.kind == "c":
        parts = ops.stack([ops.real(x), ops.imag(x)], -1)
        last = ops.any(ops.isnan(parts), -1, keepdims=True)
        return row_order(ops.concatenate([ops.astype(last, parts.dtype), parts], -1))
    values = ranked(x)
    return argsort_floats(values) if values.type.is_float else ArgsortIntegers()(values)


def row_order(x: Node) -> Node:
    """The indices that sort the rows of matrices, by their first column first; it is stable."""
    values = ranked(x)
    return (ArgsortRows() if values.type.is_float else ArgsortRowsIntegers())(values)


def prepared(what: str, a: TensorLike, axis: int | None) -> tuple[Node, int]:
    """A tensor, flattened for axis None, and the axis as a non-negative one."""
    x = as_tensor(a)
    if axis is None:
        x, axis = ops.ravel(x), 0
    return x, one_axis(axis, x, what)


def check_kind(what: str, kind: Any, order: Any, kinds: tuple = KINDS) -> None:
    """GraphError for a kind of sort that NumPy has not, or an order of fields."""
    if kind not in kinds:
        raise GraphError(f"{what}: kind is one of {', '.join(map(repr, kinds))}, not {kind!r:.60}")
    if order is not None:
        raise GraphError(f"{what}: order= names fields of records, and tensors have none")


def _along(
    what: str, a: Any, axis: int | None, kind: Any, order: Any, stable: Any, found: Any
) -> Node:
    """`found(x)`, of the last axis, along an axis."""
    check_kind(what, kind, order)
    if stable is not None:
        flag(stable, f"{what}: stable")
        if kind is not None:
            raise GraphError(f"{what}: give kind= or stable=, not both")
    x, position = prepared(what, a, axis)
    return ops.moveaxis(found(ops.moveaxis(x, position, -1)), -1, position)


@public
def sort(
    a: Any, axis: int | None = -1, kind: Any = None, order: None = None, *, stable: Any = None
) -> Node:
    """The elements along an axis (of `a` flattened if None) in ascending order, nan last; in the
    shape and dtype of `a`. Complex numbers are ordered by their real, then by their imaginary part.

    The derivative is that of the permutation of a stable sort. Every `kind` is one algorithm here:
    Bramas (2017), IJACSA 8(10), see `cython_ext/include/host/pt_sort.h`.

    Returns a tensor of the shape and dtype of `a`.
    Raises GraphError, a TypeError, for an axis that `a` has not, several axes, or an order of
    fields.

        >>> pt.sort([3.0, 1.0, 2.0]).eval()
        array([1., 2., 3.])
    """
    return _along("sort", a, axis, kind, order, stable, _sorted)


@method
@public
def argsort(
    a: Any, axis: int | None = -1, kind: Any = None, order: None = None, *, stable: Any = None
) -> Node:
    """The indices that sort `a`: int64 in the shape of `a`; the sort is stable, nan last.

    Arguments are those of `sort`.

    Returns an int64 tensor of the shape of `a`.
    Raises what `sort` raises.

        >>> pt.argsort([3.0, 1.0, 2.0]).eval()
        array([1, 2, 0])
    """
    return _along("argsort", a, axis, kind, order, stable, order_of)


@public
def lexsort(keys: Any, axis: int = -1) -> Node:
    """The indices that sort by several keys: by the last of `keys`, equal elements by the one
    before it, and so on. `keys` are tensors of one shape, or a tensor whose first axis counts them.

    Returns an int64 tensor of the shape of a key; the order along the axis is stable, nan last.
    Raises GraphError, a TypeError, for no keys, for keys of several shapes, and for an axis that
    they have not.

        >>> pt.lexsort([[2, 1, 2, 1], [0, 0, 0, -1]]).eval()
        array([3, 1, 0, 2])
    """
    if not isinstance(keys, (tuple, list)):
        stacked = as_tensor(keys)
        if not stacked.ndim or stacked.shape[0] == 0:
            raise GraphError(f"lexsort: there are no keys to sort by{described(stacked)}")
        if stacked.ndim == 1:
            return ops.zeros((), "int64")
        position = one_axis(axis, stacked, "lexsort", stacked.ndim - 1)
        rows = ops.moveaxis(ops.flip(stacked, 0), (position + 1, 0), (-2, -1))
        return ops.moveaxis(row_order(rows), -1, position)
    if not keys:
        raise GraphError("lexsort: there are no keys to sort by")
    nodes = [as_tensor(key) for key in keys]
    if len({x.ndim for x in nodes}) != 1:
        counts = ", ".join(str(x.ndim) for x in nodes)
        raise GraphError(f"lexsort: keys are of one shape, and these have {counts} axes")
    if not nodes[0].ndim:
        return ops.zeros((), "int64")
    position = one_axis(axis, nodes[0], "lexsort")
    last = [ops.moveaxis(x, position, -1) for x in ops.broadcast_arrays(*nodes)]
    order = order_of(last[0])
    for x in last[1:]:
        order = ops.take_along_axis(order, order_of(ops.take_along_axis(x, order, -1)), -1)
    return ops.moveaxis(order, -1, position)
