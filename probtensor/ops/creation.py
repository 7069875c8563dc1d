"""New tensors: inputs, constants, and arrays of one value or of counted ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.graph.node import GraphError, Node, as_tensor, make, new_input
from probtensor.ops.kinds import as_tensor_of
from probtensor.ops.view import Iota, size_tuple
from probtensor.types import Dim, Size, check_dtype, is_size, size_max


def tensor(
    name: str | None = None, shape: Sequence[Size | None] = (), dtype: Any = "float64"
) -> Node:
    """An input of a function. `None` in `shape` is a size known only when the function is called,
    a Dim (as another input's x.shape[0]) one that must agree with it."""
    if isinstance(name, (tuple, list)):
        raise GraphError("tensor: the name comes first: pt.tensor('x', shape=(None, 3))")
    for n in shape:
        if n is not None and (not is_size(n) or (not isinstance(n, Dim) and n < 0)):
            raise GraphError(f"tensor: a size is None, a Dim or an integer, not {n!r:.60}")
    return new_input(name, dtype, shape)


def _input_maker(ndim: int, dtype: str, words: str) -> Callable[..., Node]:
    def maker(
        name: str | None = None, dtype: Any = dtype, shape: Sequence[Size | None] | None = None
    ) -> Node:
        sizes = (None,) * ndim if shape is None else tuple(shape)
        if len(sizes) != ndim:
            raise GraphError(f"{words}: shape {sizes} has {len(sizes)} axes, not {ndim}")
        return tensor(name, sizes, dtype)

    maker.__name__ = maker.__qualname__ = words
    maker.__doc__ = f"An input with {ndim} axes, {dtype} unless said otherwise."
    return maker


def _input_makers(prefix: str, dtype: str) -> list[Callable[..., Node]]:
    words = ("scalar", "vector", "matrix", "tensor3", "tensor4")
    return [_input_maker(ndim, dtype, prefix + word) for ndim, word in enumerate(words)]


scalar, vector, matrix, tensor3, tensor4 = _input_makers("", "float64")
dscalar, dvector, dmatrix, dtensor3, dtensor4 = _input_makers("d", "float64")
fscalar, fvector, fmatrix, ftensor3, ftensor4 = _input_makers("f", "float32")
bscalar, bvector, bmatrix, btensor3, btensor4 = _input_makers("b", "int8")
wscalar, wvector, wmatrix, wtensor3, wtensor4 = _input_makers("w", "int16")
iscalar, ivector, imatrix, itensor3, itensor4 = _input_makers("i", "int32")
lscalar, lvector, lmatrix, ltensor3, ltensor4 = _input_makers("l", "int64")


def row(name: str | None = None, dtype: Any = "float64") -> Node:
    """An input of shape (1, n)."""
    return tensor(name, (1, None), dtype)


def col(name: str | None = None, dtype: Any = "float64") -> Node:
    """An input of shape (n, 1)."""
    return tensor(name, (None, 1), dtype)


def constant(value: Any, dtype: Any = None) -> Node:
    """A tensor with this value, in `dtype` or in its own."""
    return as_tensor(value, None if dtype is None else check_dtype(dtype))


asarray = as_tensor_variable = constant


def full(shape: Any, value: Any, dtype: Any = None) -> Node:
    """An array of `shape` with `value` (a number, or a tensor that broadcasts) everywhere."""
    node = as_tensor(value) if dtype is None else as_tensor_of(value, check_dtype(dtype))
    return ops.broadcast_to(node, size_tuple(shape))


def zeros(shape: Any, dtype: Any = "float64") -> Node:
    """An array of zeros."""
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = "float64") -> Node:
    """An array of ones."""
    return full(shape, 1, dtype)


def full_like(x: Any, value: Any, dtype: Any = None) -> Node:
    """`value` everywhere, in the shape of x and, unless `dtype` is given, its dtype."""
    x = as_tensor(x)
    return full(x.shape, value, dtype or x.dtype)


def zeros_like(x: Any, dtype: Any = None) -> Node:
    """Zeros in the shape of x and, unless `dtype` is given, its dtype."""
    return full_like(x, 0, dtype)


def ones_like(x: Any, dtype: Any = None) -> Node:
    """Ones in the shape of x and, unless `dtype` is given, its dtype."""
    return full_like(x, 1, dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Node:
    """start, start + step, ... before stop; one argument is stop. Arguments are numbers or sizes
    (x.shape[0]); floats only if all are numbers."""
    if stop is None:
        start, stop = 0, start
    for bound in (start, stop, step):
        if not (is_size(bound) or isinstance(bound, (float, np.floating))):
            raise GraphError(
                f"arange: bounds are numbers or sizes, not {bound!r:.60}; a length that depends on "
                "values has no place in a shape"
            )
    if not all(is_size(bound) for bound in (start, stop, step)):
        return constant(np.arange(start, stop, step, dtype))
    if not isinstance(step, (int, np.integer)) or step == 0:
        raise GraphError(f"arange: the step must be a nonzero integer, not {step!r:.60}")
    distance = stop - start if step > 0 else start - stop
    count = distance if abs(step) == 1 else (distance + abs(step) - 1) // abs(step)
    length = max(count, 0) if isinstance(count, int) else size_max(count, 0)
    counted = make(Iota(length), ())
    places = counted if step == 1 else counted * int(step)
    places = places if isinstance(start, int) and start == 0 else places + start
    return places if dtype is None else ops.astype(places, dtype)


def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True) -> Node:
    """`num` evenly spaced float64 values from start to stop, which may be tensors."""
    steps = num - 1 if endpoint else num
    weight = constant(np.arange(num) / max(steps, 1))
    start, stop = as_tensor_of(start, "float64"), as_tensor_of(stop, "float64")
    front = ops.reshape(weight, (num, *[1] * max(start.ndim, stop.ndim)))
    return start * (1 - front) + stop * front


def eye(n: Size, m: Size | None = None, k: int = 0, dtype: Any = "float64") -> Node:
    """Ones on diagonal k of an n by m matrix, zeros elsewhere."""
    rows, columns = arange(n), arange(n if m is None else m)
    return ops.astype(ops.eq(ops.expand_dims(rows, 1) + k, columns), dtype)


def identity(n: Size, dtype: Any = "float64") -> Node:
    """The n by n identity matrix."""
    return eye(n, dtype=dtype)
