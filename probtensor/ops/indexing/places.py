"""Where a tensor is not zero: nonzero and what is made of it, with sizes that the values decide.

The places of True in a vector fill the front of a vector of its length; their number is a size by
its value (`graph/sizes.py`), up to which that vector is sliced. With `size=` the caller says how
many.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.sizes import size_of_value
from probtensor.ops.arrays.views import one_size
from probtensor.ops.kinds import Core, as_tensor_of, method, op
from probtensor.ops.reductions.folds import described, one_axis
from probtensor.ops.samples import Sample, arrays
from probtensor.types import Size


@op
class TruePlaces(Core):
    """The indices of the True elements along the last axis, in ascending order; the rest of the
    axis is its size."""

    core, routine = "(n)->(n)", "pt_true_places"
    takes, gives = ("bool",), ("int64",)
    device = True
    differentiable = False
    for_users = False
    samples = (
        *arrays(lambda rng: rng.uniform(size=(3, 40)) < 0.4, smooth=False),
        Sample(lambda rng: (np.zeros((2, 0), bool),), smooth=False),
        Sample(lambda rng: (np.stack([np.ones(5, bool), np.zeros(5, bool)]),), smooth=False),
    )

    def numpy(self, mask):
        n = mask.shape[-1]
        return np.sort(np.where(mask, np.arange(n), n), axis=-1)


true_places = TruePlaces()


def count_true(mask: Node) -> Node:
    """The number of True elements, int64."""
    return ops.sum(ops.astype(mask, "int64"))


def flat_places(mask: Node, size: object, fill_value: TensorLike, what: str) -> Node:
    """The places of True in a vector: as many as there are, or the first `size`, followed by
    `fill_value`."""
    count, places = count_true(mask), true_places(mask)
    if size is None:
        return places[: size_of_value(count)]
    length = one_size(size, f"{what}: size")
    numbers = ops.arange(length)
    fill = as_tensor_of(fill_value, "int64", f"{what}: fill_value")
    # Without any place to read, a single one that is not taken stands in for them.
    padded = ops.concatenate([places, ops.zeros((1,), "int64")])
    found = ops.take(padded, numbers, mode="clip")
    return ops.where(ops.lt(numbers, count), found, fill)


def unravelled(flat: Node, shape: Sequence[Size]) -> list[Node]:
    """The indices along each axis of flat indices into a shape."""
    found = []
    for n in reversed(shape[1:]):
        divisor = as_tensor(n)
        found.append(flat % divisor)
        flat = flat // divisor
    return [flat, *reversed(found)]


def nonzero_of(a: Node, size: object, fill_value: object, what: str) -> tuple[Node, ...]:
    """The indices along each axis of the elements that are not zero."""
    if not a.ndim:
        raise GraphError(f"{what}: a tensor without axes has no places{described(a)}")
    mask = ops.ravel(a if a.dtype == "bool" else ops.ne(a, 0))
    several = isinstance(fill_value, (tuple, list))
    fills = list(fill_value) if several else [0 if fill_value is None else fill_value] * a.ndim
    if len(fills) != a.ndim:
        raise GraphError(f"{what}: {len(fills)} fill values for {a.ndim} axes{described(a)}")
    if size is None:
        if fill_value is not None:
            raise GraphError(f"{what}: fill_value fills up to size=, which is not given")
        return tuple(unravelled(flat_places(mask, None, 0, what), a.shape))
    flat = flat_places(mask, size, 0, what)
    real = ops.lt(ops.arange(flat.shape[0]), count_true(mask))
    return tuple(
        ops.where(real, places, as_tensor_of(fill, "int64", f"{what}: fill_value"))
        for places, fill in zip(unravelled(flat, a.shape), fills, strict=True)
    )


@method
@public
def nonzero(
    a: TensorLike, *, size: Size | None = None, fill_value: TensorLike | None = None
) -> tuple[Node, ...]:
    """The indices of the elements that are not zero, in row-major order: a vector for each axis.

    size        how many to give: the first ones, followed by fill values; None for all of them,
                whose number is a size that the values decide
    fill_value  what follows where there are fewer than `size`, 0 by default; also one for each axis

    Returns a tuple of int64 vectors (NumPy's; the last two arguments are JAX's).
    Raises GraphError, a TypeError, for a tensor without axes, and a fill value without a size.

        >>> [i.eval() for i in pt.nonzero([[0.0, 5.0], [6.0, 0.0]])]
        [array([0, 1]), array([1, 0])]
        >>> pt.nonzero([0, 3], size=3, fill_value=9)[0].eval()
        array([1, 9, 9])
    """
    return nonzero_of(as_tensor(a), size, fill_value, "nonzero")


@method
@public
def nonzero_values(a: TensorLike) -> Node:
    """The elements that are not zero, in row-major order.

    Returns a vector of the dtype of `a`, whose size the values decide.
    Raises GraphError, a TypeError, for a tensor without axes.

        >>> pt.nonzero_values([[0.0, 5.0], [6.0, 0.0]]).eval()
        array([5., 6.])
    """
    x = as_tensor(a)
    if not x.ndim:
        raise GraphError(f"nonzero_values: a tensor without axes has no places{described(x)}")
    flat = ops.ravel(x)
    mask = flat if x.dtype == "bool" else ops.ne(flat, 0)
    return ops.take(flat, flat_places(mask, None, 0, "nonzero_values"))


@public
def flatnonzero(
    a: TensorLike, *, size: Size | None = None, fill_value: TensorLike | None = None
) -> Node:
    """The indices into the flattened tensor of the elements that are not zero.

    `size` and `fill_value` are those of `nonzero`.

    Returns an int64 vector.
    Raises GraphError, a TypeError, for a fill value without a size.

        >>> pt.flatnonzero([[0.0, 5.0], [6.0, 0.0]]).eval()
        array([1, 2])
    """
    return nonzero_of(ops.ravel(as_tensor(a)), size, fill_value, "flatnonzero")[0]


@public
def argwhere(
    a: TensorLike, *, size: Size | None = None, fill_value: TensorLike | None = None
) -> Node:
    """The indices of the elements that are not zero, a row for each.

    `size` and `fill_value` are those of `nonzero`.

    Returns an int64 matrix with a column for each axis of `a`.
    Raises GraphError, a TypeError, for a tensor without axes, and a fill value without a size.

        >>> pt.argwhere([[0.0, 5.0], [6.0, 0.0]]).eval()
        array([[0, 1],
               [1, 0]])
    """
    return ops.stack(nonzero_of(as_tensor(a), size, fill_value, "argwhere"), axis=1)


@public(lacks=("out",))
def compress(
    condition: TensorLike,
    a: TensorLike,
    axis: int | None = None,
    out: None = None,
    *,
    size: Size | None = None,
    fill_value: TensorLike = 0,
) -> Node:
    """The entries of `a` along an axis (of `a` flattened if None) at which a vector of conditions,
    which may be shorter than the axis, is true.

    size        how many to give: the first ones, followed by fill values; None for all of them
    fill_value  what the entries after them are

    Returns a tensor of the dtype of `a`.
    Raises GraphError, a TypeError, for conditions that are no vector.

        >>> pt.compress([True, False, True], [1.0, 2.0, 3.0]).eval()
        array([1., 3.])
    """
    mask, x = as_tensor(condition), as_tensor(a)
    if mask.ndim != 1:
        raise GraphError(f"compress: the condition has {mask.ndim} axes, not 1{described(mask)}")
    if axis is None:
        x, axis = ops.ravel(x), 0
    return _chosen(mask, x, one_axis(axis, x, "compress"), size, fill_value, "compress")


@public
def extract(
    condition: TensorLike,
    arr: TensorLike,
    *,
    size: Size | None = None,
    fill_value: TensorLike = 0,
) -> Node:
    """The elements of a tensor at which `condition`, of as many elements, is true: a vector.

    `size` and `fill_value` are those of `compress`.

    Returns a vector of the dtype of `arr`.

        >>> pt.extract([[True, False], [False, True]], [[1.0, 2.0], [3.0, 4.0]]).eval()
        array([1., 4.])
    """
    mask = ops.ravel(as_tensor(condition))
    return _chosen(mask, ops.ravel(as_tensor(arr)), 0, size, fill_value, "extract")


def _chosen(
    mask: Node, x: Node, axis: int, size: object, fill_value: TensorLike, what: str
) -> Node:
    """The entries of x along an axis where a mask is true."""
    mask = mask if mask.dtype == "bool" else ops.ne(mask, 0)
    places = flat_places(mask, size, x.shape[axis], what)
    if size is not None:  # those after the last one are the place of an entry behind all others
        one = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
        fill = as_tensor_of(fill_value, x.dtype, f"{what}: fill_value")
        x = ops.concatenate([x, ops.broadcast_to(fill, one)], axis)
    return ops.take(x, places, axis)


def _compress_method(x: Node, condition: TensorLike, axis: int | None = None) -> Node:
    """The entries of x along an axis at which a vector of conditions is true."""
    return compress(condition, x, axis)


method(public(_compress_method, name="compress"), "compress")
