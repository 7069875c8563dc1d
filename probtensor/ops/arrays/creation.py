"""New tensors: constants, filled arrays, ranges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.graph.sizes import signed, size_of_value
from probtensor.ops.arrays.views import Iota, one_size, size_tuple
from probtensor.ops.kinds import as_tensor_of, weak_operand
from probtensor.ops.reductions.folds import described, flag, one_axis, one_integer
from probtensor.types import Dim, Size, check_dtype, is_size, promote_float, size_max


@public
def constant(value: TensorLike, dtype: DTypeLike | None = None) -> Node:
    """A tensor with this value, in `dtype` or in its own.

    Returns a tensor of the shape of the value.
    Raises GraphError, a TypeError, for what is not numeric, or would lose something by `dtype`.

        >>> pt.constant([1, 2]).dtype
        'int64'
    """
    return as_tensor(value, None if dtype is None else check_dtype(dtype))


as_tensor_variable = constant


@public(lacks=("order", "device", "copy", "like"))
def asarray(
    a: TensorLike,
    dtype: DTypeLike | None = None,
    order: None = None,
    *,
    device: None = None,
    copy: bool | None = None,
    like: None = None,
) -> Node:
    """A tensor with the value of `a`, in `dtype` or in its own.

    Returns a tensor of the shape of `a`.
    Raises GraphError, a TypeError, for what is not numeric, or would lose something by `dtype`.

        >>> pt.asarray([1, 2], dtype="float32").dtype
        'float32'
    """
    return constant(a, dtype)


@public(lacks=("order", "device", "like"))
def full(
    shape: Size | Sequence[Size],
    fill_value: TensorLike,
    dtype: DTypeLike | None = None,
    order: str = "C",
    *,
    device: None = None,
    like: None = None,
) -> Node:
    """An array of `shape` with `fill_value` (a number, or a tensor that broadcasts) everywhere.

    Returns a tensor of `shape`, in `dtype` or that of the value.
    Raises GraphError, a TypeError, for a value that does not broadcast to `shape`.

        >>> pt.full((2,), 7.0).eval()
        array([7., 7.])
    """
    node = as_tensor(fill_value) if dtype is None else as_tensor_of(fill_value, check_dtype(dtype))
    return ops.broadcast_to(node, size_tuple(shape))


@public(lacks=("order", "device", "like"))
def zeros(
    shape: Size | Sequence[Size],
    dtype: DTypeLike | None = None,
    order: str = "C",
    *,
    device: None = None,
    like: None = None,
) -> Node:
    """An array of zeros, float64 unless `dtype` is given.

    Returns a tensor of `shape`.
    Raises GraphError, a TypeError, for a shape that is made of anything but sizes.

        >>> pt.zeros((2,)).eval()
        array([0., 0.])
    """
    return full(shape, 0, dtype or "float64")


@public(lacks=("order", "device", "like"))
def ones(
    shape: Size | Sequence[Size],
    dtype: DTypeLike | None = None,
    order: str = "C",
    *,
    device: None = None,
    like: None = None,
) -> Node:
    """An array of ones, float64 unless `dtype` is given.

    Returns a tensor of `shape`.
    Raises GraphError, a TypeError, for a shape that is made of anything but sizes.

        >>> pt.ones((2,)).eval()
        array([1., 1.])
    """
    return full(shape, 1, dtype or "float64")


@public(lacks=("order", "subok", "device"))
def full_like(
    a: TensorLike,
    fill_value: TensorLike,
    dtype: DTypeLike | None = None,
    order: str = "K",
    subok: bool = True,
    shape: Size | Sequence[Size] | None = None,
    *,
    device: None = None,
) -> Node:
    """`fill_value` everywhere, in the shape of `a` and its dtype, unless others are given.

    Returns a tensor; `a` itself is not needed to compute it.
    Raises GraphError, a TypeError, for a value that does not broadcast; OverflowError for a number
    that the dtype does not hold.

        >>> pt.full_like([1.0, 2.0], 7).eval()
        array([7., 7.])
    """
    a = as_tensor(a)
    return full(a.shape if shape is None else shape, fill_value, dtype or a.dtype)


@public(lacks=("order", "subok", "device"))
def zeros_like(
    a: TensorLike,
    dtype: DTypeLike | None = None,
    order: str = "K",
    subok: bool = True,
    shape: Size | Sequence[Size] | None = None,
    *,
    device: None = None,
) -> Node:
    """Zeros in the shape of `a` and its dtype, unless others are given.

    Returns a tensor; `a` itself is not needed to compute it.

        >>> pt.zeros_like([1.0, 2.0]).eval()
        array([0., 0.])
    """
    return full_like(a, 0, dtype, shape=shape)


@public(lacks=("order", "subok", "device"))
def ones_like(
    a: TensorLike,
    dtype: DTypeLike | None = None,
    order: str = "K",
    subok: bool = True,
    shape: Size | Sequence[Size] | None = None,
    *,
    device: None = None,
) -> Node:
    """Ones in the shape of `a` and its dtype, unless others are given.

    Returns a tensor; `a` itself is not needed to compute it.

        >>> pt.ones_like([1.0, 2.0]).eval()
        array([1., 1.])
    """
    return full_like(a, 1, dtype, shape=shape)


@public(lacks=("order", "device", "like"))
def empty(
    shape: Size | Sequence[Size],
    dtype: DTypeLike | None = None,
    order: str = "C",
    *,
    device: None = None,
    like: None = None,
) -> Node:
    """An array whose values do not matter, as where all of them are set: zeros, which cost nothing
    where they are overwritten. float64 unless `dtype` is given.

    Returns a tensor of `shape`.
    Raises GraphError, a TypeError, for a shape that is made of anything but sizes.

        >>> pt.empty((2, 3)).shape
        (2, 3)
    """
    return full(shape, 0, dtype or "float64")


@public(lacks=("order", "subok", "device"))
def empty_like(
    prototype: TensorLike,
    dtype: DTypeLike | None = None,
    order: str = "K",
    subok: bool = True,
    shape: Size | Sequence[Size] | None = None,
    *,
    device: None = None,
) -> Node:
    """Values that do not matter (zeros) in the shape of `prototype` and its dtype, unless others
    are given.

    Returns a tensor; `prototype` itself is not needed to compute it.

        >>> pt.empty_like([1.0, 2.0]).shape
        (2,)
    """
    return full_like(prototype, 0, dtype, shape=shape)


@public
def alloc(value: TensorLike, *shape: Size) -> Node:
    """`value` broadcast to a shape, whose sizes are an argument each: Theano's form of `full`.

    Returns a tensor of `shape`, in the dtype of the value.
    Raises GraphError, a TypeError, for a value that does not broadcast to `shape`.

        >>> pt.alloc(7.0, 2).eval()
        array([7., 7.])
    """
    return full(shape[0] if len(shape) == 1 else shape, value)


@public(lacks=("device", "like"))
def arange(
    start: TensorLike,
    stop: TensorLike | None = None,
    step: TensorLike = 1,
    dtype: DTypeLike | None = None,
    *,
    device: None = None,
    like: None = None,
) -> Node:
    """start, start + step, ... before stop; one argument is stop. Arguments are numbers, sizes
    (x.shape[0]) or tensors without axes, whose values decide the size of the result; it has
    derivatives by start and step.

    Returns a tensor of one axis: int64 for integers and sizes, float64 for floats, or `dtype`.
    Raises GraphError, a TypeError, for other tensors, a step of 0, and other dtypes.

        >>> pt.arange(2, 8, 3).eval()
        array([2, 5])
    """
    if stop is None:
        start, stop = 0, start
    if any(isinstance(bound, Node) for bound in (start, stop, step)):
        return _measured_range(start, stop, step, dtype)
    for bound in (start, stop, step):
        if not (is_size(bound) or isinstance(bound, (float, np.floating))):
            raise GraphError(
                f"arange: bounds are numbers, sizes or integer tensors, not {bound!r:.60}"
            )
    if not all(is_size(bound) for bound in (start, stop, step)):
        return constant(np.arange(start, stop, step, dtype and check_dtype(dtype)))
    if not isinstance(step, (int, np.integer)) or step == 0:
        raise GraphError(f"arange: the step must be a nonzero integer, not {step!r:.60}")
    distance = stop - start if step > 0 else start - stop
    count = distance if abs(step) == 1 else (distance + abs(step) - 1) // abs(step)
    length = max(count, 0) if isinstance(count, int) else size_max(count, 0)
    counted = make(Iota(length), ())
    values = counted if step == 1 else counted * int(step)
    values = values if isinstance(start, int) and start == 0 else values + start
    return values if dtype is None else ops.astype(values, dtype)


def _measured_range(
    start: TensorLike, stop: TensorLike, step: TensorLike, dtype: DTypeLike | None
) -> Node:
    """`arange` with bounds that are tensors."""
    if any(as_tensor(bound).type.is_float for bound in (start, stop, step)):
        return _range_of_floats(start, stop, step, dtype)
    bounds = []
    for bound in (start, stop, step):
        value = as_tensor(bound)
        if value.shape or not value.dtype.is_integer:
            raise _wrong_bound(value)
        bounds.append(signed(value))
    first, last, each = bounds
    if isinstance(step, (int, np.integer)) and step == 0:
        raise GraphError(f"arange: the step must be a nonzero integer, not {step!r:.60}")
    # The quotient is rounded up.
    count = ops.maximum(-((first - last) // each), 0)
    if not (isinstance(start, (int, np.integer)) and start == 0):
        # The difference may be one that no int64 has.
        distance = ops.astype(last, "float64") - ops.astype(first, "float64")
        extreme = ops.where((distance > 0) == (each > 0), 2**62, 0)
        count = ops.where(ops.abs(distance) < 2.0**62, count, extreme)
    values = make(Iota(size_of_value(count)), ()) * each + first
    return values if dtype is None else ops.astype(values, dtype)


def _wrong_bound(value: Node) -> GraphError:
    text = f"arange: a bound that is a tensor is a number without axes, not {value.type}"
    return GraphError(text + described(value))


def _range_of_floats(
    start: TensorLike, stop: TensorLike, step: TensorLike, dtype: DTypeLike | None
) -> Node:
    """`arange` with bounds that are tensors, of which some are floats. The values are those of
    NumPy, which takes the second as start + step and goes on by its distance from the first."""
    joint = promote_float(*map(weak_operand, (start, stop, step)))
    bounds = [as_tensor(bound) for bound in (start, stop, step)]
    for value in bounds:
        if value.shape or value.dtype.kind not in "iuf":
            raise _wrong_bound(value)
    first, last, each = (ops.astype(value, "float64") for value in bounds)
    count = ops.maximum(ops.ceil((last - first) / each), 0.0)
    # A call refuses a negative size: there is none for nan, a step of 0, or an infinite distance.
    count = ops.where(ops.lt(count, 2.0**62), ops.astype(count, "int64"), -1)
    first, each = (ops.astype(value, joint) for value in (bounds[0], bounds[2]))
    values = first + make(Iota(size_of_value(count)), ()) * ((first + each) - first)
    return ops.astype(values, joint if dtype is None else dtype)


@public(lacks=("device",))
def linspace(
    start: TensorLike,
    stop: TensorLike,
    num: Size = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
    *,
    device: None = None,
) -> Node | tuple[Node, TensorLike]:
    """`num` evenly spaced values from start to stop, which may be tensors, along a new axis `axis`;
    in `dtype`, or else float32 or float64 as start and stop are. `num` may be a symbolic size. With
    `retstep` (values, the step between them).

    Returns a tensor of the broadcast shape of start and stop with an axis of size `num` put in.
    Raises GraphError, a TypeError, for a negative `num`.

        >>> pt.linspace(0.0, 1.0, 3).eval()
        array([0. , 0.5, 1. ])
    """
    num = one_size(num, "linspace: num")
    if isinstance(num, int) and num < 0:
        raise GraphError(f"linspace: num is an integer from 0 on, not {num!r:.60}")
    steps = num - 1 if flag(endpoint, "linspace: endpoint") else num
    intervals = ops.maximum(steps, 1) if isinstance(num, Dim) else max(steps, 1)
    weight = (
        ops.arange(num) / intervals
        if isinstance(num, Dim)
        else constant(np.arange(num) / intervals)
    )
    result_dtype = promote_float(weak_operand(start), weak_operand(stop))
    wide = "float64" if result_dtype.is_float else "complex128"
    start, stop = as_tensor_of(start, wide), as_tensor_of(stop, wide)
    front = ops.reshape(weight, (num, *[1] * max(start.ndim, stop.ndim)))
    values = start * (1 - front) + stop * front
    values = values if dtype is not None else ops.astype(values, result_dtype)
    values = ops.moveaxis(values, 0, one_axis(axis, values, "linspace"))
    if dtype is not None:
        integers = not check_dtype(dtype).is_inexact
        values = ops.astype(ops.floor(values) if integers else values, dtype)
    if not flag(retstep, "linspace: retstep"):
        return values
    if isinstance(num, Dim):
        return values, ops.where(ops.gt(steps, 0), (stop - start) / steps, np.nan)
    return values, (stop - start) / steps if steps > 0 else as_tensor(np.nan)


@public(lacks=("order", "device", "like"))
def eye(
    N: Size,
    M: Size | None = None,
    k: int = 0,
    dtype: DTypeLike = "float64",
    order: str = "C",
    *,
    device: None = None,
    like: None = None,
) -> Node:
    """Ones on diagonal k of an N by M matrix, zeros elsewhere.

    Returns a tensor of shape (N, M), where M is N if None, in `dtype`.
    Raises GraphError, a TypeError, for what is no size.

        >>> pt.eye(2).eval()
        array([[1., 0.],
               [0., 1.]])
    """
    k = one_integer(k, "eye: k")
    sizes = size_tuple((N, N if M is None else M))
    for n in sizes:
        if isinstance(n, int) and n < 0:
            raise GraphError(f"eye: a size is an integer from 0 on, not {n}")
    rows, columns = (make(Iota(size), ()) for size in sizes)
    return ops.astype(ops.eq(ops.expand_dims(rows, 1) + k, columns), dtype)


def counted(what: str, n: object) -> Node:
    """0, 1, ..., n - 1; GraphError for an n that is no size."""
    n = one_size(n, f"{what}: a size")
    if isinstance(n, int) and n < 0:
        raise GraphError(f"{what}: a size is an integer from 0 on, not {n!r:.60}")
    return arange(n)


@public(lacks=("like",))
def identity(n: Size, dtype: DTypeLike | None = None, *, like: None = None) -> Node:
    """The n by n identity matrix, float64 unless `dtype` is given.

    Returns a tensor of shape (n, n).
    Raises GraphError, a TypeError, for what is no size.

        >>> pt.identity(2).eval()
        array([[1., 0.],
               [0., 1.]])
    """
    return eye(n, dtype=dtype or "float64")


@public
def identity_like(x: TensorLike, dtype: DTypeLike | None = None) -> Node:
    """Ones on the main diagonal and zeros elsewhere, in the shape of a matrix, and its dtype unless
    one is given.

    Returns a matrix; x itself is not needed to compute it.
    Raises GraphError, a TypeError, for other than two axes.

        >>> pt.identity_like(np.ones((2, 2))).eval()
        array([[1., 0.],
               [0., 1.]])
    """
    x = as_tensor(x)
    if x.ndim != 2:
        raise GraphError(f"identity_like: takes a matrix, not {x.ndim} axes{described(x)}")
    return eye(*x.shape, dtype=dtype or x.dtype)
