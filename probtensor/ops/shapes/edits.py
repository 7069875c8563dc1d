"""Entries of an axis put in, left out and repeated, by NumPy's names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Const, GraphError, GraphIndexError, Node, TensorLike, as_tensor
from probtensor.graph.sizes import signed
from probtensor.ops.arrays.views import size_tuple
from probtensor.ops.indexing.index import from_front
from probtensor.ops.reductions.folds import described, listed_axes, one_axis
from probtensor.types import Size, size_max, size_product

Places = int | slice | TensorLike


def _flat(arr: TensorLike, axis: int | None, what: str) -> tuple[Node, int]:
    """The tensor and the axis; the flattened tensor and its only axis if `axis` is None."""
    x = as_tensor(arr)
    return (ops.ravel(x), 0) if axis is None else (x, one_axis(axis, x, what))


def _places(obj: Places, x: Node, axis: int, extra: int, what: str) -> Node:
    """Where entries are put in or left out, as integers from 0 on: one, or a vector. `extra` is 1
    if the place behind the last entry is one."""
    n = x.shape[axis]
    if isinstance(obj, slice):
        return ops.arange(n)[obj]
    empty = isinstance(obj, (list, tuple)) and len(obj) == 0
    places = as_tensor(np.zeros(0, "int64") if empty else obj)
    if places.ndim > 1 or places.type.is_float:
        raise GraphError(
            f"{what}: places are integers, a slice or a mask along one axis, not {places.type}"
            f"{described(x)}"
        )
    if places.dtype == "bool":
        if places.ndim != 1:
            raise GraphError(f"{what}: a mask has one axis, unlike {places.type}{described(x)}")
        fits = places.shape[0] == n or not (isinstance(n, int) and isinstance(places.shape[0], int))
        if not fits:
            text = f"{what}: a mask of size {places.shape[0]} for an axis of size {n}"
            raise GraphError(text + described(x))
        return ops.nonzero(ops.specify_shape(places, (n,)))[0]
    if isinstance(places.op, Const) and isinstance(n, int):
        return from_front(places, n + extra, x, axis) if not extra else _before(places, n, x, axis)
    # A read of 0, ..., n - 1 refuses places that are none, and counts negative ones from the back.
    numbers = ops.arange(n)
    if not extra:
        return ops.take(numbers, signed(places))
    counted = ops.where(ops.lt(places, 0), signed(places) + n, signed(places))
    return ops.take(ops.arange(n + 1), ops.where(ops.lt(counted, 0), n + 1, counted))


def _before(places: Node, n: int, x: Node, axis: int) -> Node:
    """Constant places in an axis of size n, or behind it, from 0 on."""
    values = places.op.array.astype("int64")
    wrong = values[(values < -n) | (values > n)]
    if wrong.size:
        text = f"insert: index {wrong.flat[0]} is outside axis {axis} of size {n} of {x.type}"
        raise GraphIndexError(text + described(x))
    return as_tensor(np.where(values < 0, values + n, values))


@public
def delete(arr: TensorLike, obj: Places, axis: int | None = None) -> Node:
    """`arr` without some entries of an axis; of `arr` flattened if `axis` is None.

    obj  which: an integer, integers, a slice or a mask of bools, which may be tensors. With these,
         but for one integer, the values decide the size of the result

    Returns a tensor of the dtype of `arr`.
    Raises GraphError, a TypeError, for places that are none of these and for an axis that `arr` has
    not; IndexError for a place that is outside of the axis.

        >>> pt.delete([1.0, 2.0, 3.0], 1).eval()
        array([1., 3.])
    """
    x, position = _flat(arr, axis, "delete")
    n = x.shape[position]
    places = _places(obj, x, position, 0, "delete")
    if places.ndim == 0:
        kept = ops.arange(n - 1)
        return ops.take(x, kept + ops.astype(ops.ge(kept, places), "int64"), position)
    if isinstance(places.op, Const) and isinstance(n, int):
        return ops.take(x, np.delete(np.arange(n), places.op.array), position)
    stays = ops.full((n,), True).at[places].set(False)
    return ops.take(x, ops.nonzero(stays)[0], position)


@public
def insert(arr: TensorLike, obj: Places, values: TensorLike, axis: int | None = None) -> Node:
    """`arr` with `values` put in before some entries of an axis; into `arr` flattened if `axis` is
    None.

    obj     before which entries, counted before anything is put in: an integer (also the size of
            the axis, for the end), integers, a slice or a mask of bools, which may be tensors
    values  what is put in, in the dtype of `arr`: it broadcasts to the entries, or for one integer
            may have any number of them along the axis

    Returns a tensor of the dtype of `arr`.
    Raises GraphError, a TypeError, for places that are none of these, values that do not fit, and
    an axis that `arr` has not; IndexError for a place that is outside of the axis.

        >>> pt.insert([1.0, 2.0, 3.0], 1, 7.0).eval()
        array([1., 7., 2., 3.])
    """
    x, position = _flat(arr, axis, "insert")
    if not x.ndim:
        raise GraphError(f"insert: a tensor without axes has no entries{described(x)}")
    places = _places(obj, x, position, 1, "insert")
    new = ops.astype(as_tensor(values), x.dtype)
    new = ops.atleast_Nd(new, n=x.ndim)
    one = places.ndim == 0 or places.shape == (1,)
    if places.ndim == 0:
        new = ops.moveaxis(new, 0, position)
    count = new.shape[position] if one else places.shape[0]
    shape = (*x.shape[:position], count, *x.shape[position + 1 :])
    both = ops.concatenate([x, ops.broadcast_to(new, shape)], position)
    if one:
        return ops.take(both, _around(places.reshape(()), x.shape[position], count), position)
    return ops.take(both, _merged(places, x.shape[position], count), position)


def _around(place: Node, n: Size, count: Size) -> Node:
    """The indices that put the `count` last of n + count entries before one of the others."""
    k = ops.arange(n + count)
    late = ops.where(ops.lt(k, place + count), k - place + n, k - count)
    return ops.where(ops.lt(k, place), k, late)


def _merged(places: Node, n: Size, count: Size) -> Node:
    """The indices that put each of the `count` last of n + count entries before its place."""
    order = ops.argsort(places)
    numbers = ops.arange(count)
    targets = ops.take(places, order) + numbers
    is_new = ops.full((n + count,), False).at[targets].set(True)
    old = ops.cumsum(ops.astype(ops.logical_not(is_new), "int64")) - 1
    return ops.maximum(old, 0).at[targets].set(order + n)


@public
def resize(a: TensorLike, new_shape: Size | Sequence[Size]) -> Node:
    """The elements of `a`, row by row, in another shape: repeated from the first on where it is
    larger, cut off where it is smaller; zeros if `a` has none.

    Returns a tensor of `new_shape`, in the dtype of `a`.
    Raises GraphError, a TypeError, for what is no shape.

        >>> pt.resize([1.0, 2.0, 3.0], (2, 2)).eval()
        array([[1., 2.],
               [3., 1.]])
    """
    x, shape = ops.ravel(a), size_tuple(new_shape)
    total, n = size_product(shape), x.shape[0]
    for size in shape:
        if isinstance(size, int) and size < 0:
            raise GraphError(f"resize: a size is an integer from 0 on, not {size}{described(x)}")
    if isinstance(n, int) and n == 0:
        return ops.zeros(shape, x.dtype)
    if not isinstance(n, int):  # a call may find it empty: then the one element is a zero
        x, n = ops.concatenate([x, ops.zeros(1, x.dtype)]), size_max(n, 1)
    return ops.reshape(ops.take(x, ops.arange(total) % n), shape)


@public
def trim_zeros(filt: TensorLike, trim: str = "fb", axis: int | Sequence[int] | None = None) -> Node:
    """`filt` without the entries at the ends of its axes that are zero everywhere.

    trim  "f" for the front, "b" for the back, "fb" for both
    axis  along which axes; all if None

    Returns a tensor of the dtype of `filt`, of a size that the values decide.
    Raises GraphError, a TypeError, for another `trim` and for an axis that `filt` has not.

        >>> pt.trim_zeros([0.0, 1.0, 0.0, 2.0, 0.0]).eval()
        array([1., 0., 2.])
    """
    x = as_tensor(filt)
    ends = str(trim).lower()
    if ends not in ("f", "b", "fb", "bf"):
        raise GraphError(f"trim_zeros: trim is 'f', 'b' or 'fb', not {trim!r:.60}{described(x)}")
    key: list[slice] = [slice(None)] * x.ndim
    filled = ops.ne(x, 0)
    some = ops.any(filled)
    for position in listed_axes(axis, x, "trim_zeros"):
        n = x.shape[position]
        others = tuple(k for k in range(x.ndim) if k != position)
        places = ops.where(ops.any(filled, others), ops.arange(n), -1)
        last = ops.max(ops.concatenate([places, [-1]])) + 1
        last = ops.where(some, last, 0 if "b" in ends else n)
        places = ops.where(ops.lt(places, 0), n, places)
        first = ops.min(ops.concatenate([places, ops.stack([as_tensor(n)])]))
        key[position] = slice(
            ops.minimum(first, last) if "f" in ends else None, last if "b" in ends else None
        )
    return x[tuple(key)]
