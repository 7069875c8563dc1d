"""Elements by their place in the order, in a time that grows with their number alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.parts import parts
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.kinds import method
from probtensor.ops.ordering.routines import (
    PartitionedFloat32,
    PartitionedFloats,
    PartitionedInt32,
    PartitionedIntegers,
    PartitionFloats,
    PartitionIntegers,
    Select,
    SelectIntegers,
    narrowed,
    ranked,
    unranked,
)
from probtensor.ops.ordering.sorting import check_kind, prepared
from probtensor.ops.reductions.folds import described, flag, one_integer
from probtensor.types import Size, SizeCheck, check_dtype, shape_text

KINDS = ("introselect",)
_PARTITIONS = {
    "float64": PartitionedFloats(), "float32": PartitionedFloat32(),
    "int64": PartitionedIntegers(), "int32": PartitionedInt32(),
}  # fmt: skip


def selected(x: Node, places: Node) -> tuple[Node, Node]:
    """The elements along the last axis at places of its stable order, nan last, which broadcast
    over the other axes, and their indices along it."""
    values = ranked(x)
    found = parts((Select() if values.type.is_float else SelectIntegers())(values, places))
    return unranked(found[0], x.dtype), found[1]


def _places(what: str, kth: Any, x: Node, axis: int) -> Node:
    """Places in the order of an axis as a vector of int64, from its first one on."""
    n = x.shape[axis]
    given = as_tensor(kth)
    if given.type.is_float or given.dtype == "bool" or given.ndim > 1:
        raise GraphError(f"{what}: kth is an integer or a vector of integers, not {given.type}")
    known = () if isinstance(kth, Node) else np.atleast_1d(kth).tolist()
    laws = []
    for k in {max(known), min(known)} if known else ():
        if isinstance(n, int) and not -n <= k < n:
            text = f"{what}: there is no place {k} among {n} elements along axis {axis}"
            raise GraphError(text + described(x))
        text = (f"there is no place {k} among ", n, f" elements along axis {axis}")
        laws.append(SizeCheck(k + 1 if k >= 0 else -k, "<=", n, text))
    places = asked_for(ops.astype(ops.atleast_1d(given), "int64"), what, *laws)
    return ops.where(ops.lt(places, 0), places + as_tensor(n), places)


def _prepared(what: str, a: Any, kth: Any, axis: int | None, kind: Any, order: Any) -> tuple:
    """A tensor with the axis last, places along it, and the axis."""
    check_kind(what, kind, order, KINDS)
    x, position = prepared(what, a, axis)
    return ops.moveaxis(x, position, -1), _places(what, kth, x, position), position


def _partition_of(x: Node, places: Node) -> Node:
    """The indices that partition the last axis."""
    values = ranked(x)
    return (PartitionFloats() if values.type.is_float else PartitionIntegers())(values, places)


@public
def partition(
    a: TensorLike, kth: Any, axis: int | None = -1, kind: Any = "introselect", order: None = None
) -> Node:
    """The elements along an axis (of `a` flattened if None) in an order in which the one at place
    `kth`, or at each of these places, is that of the sorted elements, with no larger ones before
    and no smaller ones after it. All others keep their order. A nan is the largest.

    Returns a tensor of the shape and dtype of `a`. The derivative is that of the permutation.
    Raises GraphError, a TypeError, for an axis that `a` has not and a place that is known to be
    none of the axis; ValueError where only a call can tell its size. Of a tensor `kth` such places
    are left out.

        >>> pt.partition([3.0, 4.0, 2.0, 1.0], 2).eval()
        array([2., 1., 3., 4.])
    """
    x, places, position = _prepared("partition", a, kth, axis, kind, order)
    values = narrowed(x)
    found = unranked(_PARTITIONS[str(values.dtype)](values, places), x.dtype)
    return ops.moveaxis(found, -1, position)


@method
@public
def argpartition(
    a: TensorLike, kth: Any, axis: int | None = -1, kind: Any = "introselect", order: None = None
) -> Node:
    """The indices that partition `a` as `partition` does, with the same arguments.

    Returns an int64 tensor of the shape of `a`.
    Raises what `partition` raises.

        >>> pt.argpartition([3.0, 4.0, 2.0, 1.0], 2).eval()
        array([2, 3, 0, 1])
    """
    x, places, position = _prepared("argpartition", a, kth, axis, kind, order)
    return ops.moveaxis(_partition_of(x, places), -1, position)


def _top(what: str, x: Any, kth: Any, axis: int | None, ordered: Any) -> tuple[Node, Node]:
    """The largest or smallest elements along an axis, and their indices."""
    x, position = prepared(what, x, axis)
    count = one_integer(kth, f"{what}: kth", tensors=False)
    flag(ordered, f"{what}: sorted")
    n = x.shape[position]
    if not isinstance(count, int):
        return _largest(_enough(what, x, position, count), position, count)
    if count == 0 or (isinstance(n, int) and abs(count) > n):
        raise GraphError(
            f"{what}: kth is from 1 to the size {shape_text((n,))} of axis {position} for the "
            f"largest elements, negative for the smallest, not {count}{described(x)}"
        )
    x = _enough(what, x, position, abs(count))
    return _largest(x, position, count) if count > 0 else _smallest(x, position, -count)


def _enough(what: str, x: Node, axis: int, count: Size) -> Node:
    """x, of which a call refuses fewer elements along an axis."""
    n = x.shape[axis]
    text = ("there are no ", count, " among ", n, f" elements along axis {axis}")
    return asked_for(x, what, SizeCheck(count, "<=", n, text))


def _smallest(x: Node, axis: int, count: Size) -> tuple[Node, Node]:
    found = selected(ops.moveaxis(x, axis, -1), ops.arange(count))
    return tuple(ops.moveaxis(part, -1, axis) for part in found)


def _largest(x: Node, axis: int, count: Size) -> tuple[Node, Node]:
    # The axis is reversed, so that the first of equal elements comes first here, too.
    last = as_tensor(x.shape[axis]) - 1
    backwards = ops.flip(ops.moveaxis(x, axis, -1), -1)
    values, places = selected(backwards, last - ops.arange(count))
    return ops.moveaxis(values, -1, axis), ops.moveaxis(last - places, -1, axis)


@public
def topk(x: TensorLike, kth: Size, axis: int | None = -1, sorted: bool = True) -> Node:
    """The `kth` largest elements along an axis (of x flattened if None), the largest first; for a
    negative `kth` the smallest ones, the smallest first. A nan is the largest.

    `sorted=False` allows any order; it is the same one.

    Returns a tensor of the dtype of x whose axis has |kth| elements. The derivative goes to these.
    Raises GraphError, a TypeError, for an axis that x has not, and a number that is 0 or known to
    be more than there are; ValueError where only a call can tell.

        >>> pt.topk([3.0, 1.0, 4.0, 2.0], 2).eval()
        array([4., 3.])
    """
    return _top("topk", x, kth, axis, sorted)[0]


@public
def argtopk(
    x: TensorLike,
    kth: Size,
    axis: int | None = -1,
    sorted: bool = True,
    idx_dtype: DTypeLike = "int64",
) -> Node:
    """The indices of the elements that `topk` gives, with the same arguments: of equal ones the
    first ones first.

    Returns a tensor of integers, in `idx_dtype`, whose axis has |kth| elements.
    Raises what `topk` raises.

        >>> pt.argtopk([3.0, 1.0, 4.0, 2.0], 2).eval()
        array([2, 0])
    """
    return _top("argtopk", x, kth, axis, sorted)[1].astype(check_dtype(idx_dtype))


@public
def topk_and_argtopk(
    x: TensorLike,
    kth: Size,
    axis: int | None = -1,
    sorted: bool = True,
    idx_dtype: DTypeLike = "int64",
) -> tuple[Node, Node]:
    """What `topk` and `argtopk` give, selected once for both.

    Returns a tuple of both.
    Raises what `topk` raises.

        >>> values, indices = pt.topk_and_argtopk([3.0, 1.0, 4.0, 2.0], 2)
        >>> values.eval(), indices.eval()
        (array([4., 3.]), array([2, 0]))
    """
    values, indices = _top("topk_and_argtopk", x, kth, axis, sorted)
    return values, indices.astype(check_dtype(idx_dtype))


def _extreme(what: str, args: tuple[TensorLike, ...], of_all: Any, of_two: Any) -> Node:
    if not args:
        raise GraphError(f"{what}: there is nothing to choose from")
    if len(args) == 1:
        return of_all(args[0], 0) if as_tensor(args[0]).ndim else as_tensor(args[0])
    found = args[0]
    for x in args[1:]:
        found = of_two(found, x)
    return found


@public
def largest(*args: TensorLike) -> Node:
    """The largest of several tensors, element by element; of one tensor, along its first axis.

    Returns a tensor of the shape that they broadcast to, in the dtype that they promote to.
    Raises GraphError, a TypeError, for none, and for shapes that do not broadcast.

        >>> pt.largest([1.0, 5.0], [4.0, 2.0], 3.0).eval()
        array([4., 5.])
    """
    return _extreme("largest", args, ops.max, ops.maximum)


@public
def smallest(*args: TensorLike) -> Node:
    """The smallest of several tensors, element by element; of one tensor, along its first axis.

    Returns a tensor of the shape that they broadcast to, in the dtype that they promote to.
    Raises GraphError, a TypeError, for none, and for shapes that do not broadcast.

        >>> pt.smallest([1.0, 5.0], [4.0, 2.0], 3.0).eval()
        array([1., 2.])
    """
    return _extreme("smallest", args, ops.min, ops.minimum)
