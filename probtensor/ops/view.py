"""Views: each element of the output is an element of an input, found by index arithmetic alone.

They cost nothing when they are lowered: a reader of the output reads the input at the place that
`element` computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.graph.node import GraphError, Node, as_tensor, make
from probtensor.ops.kinds import Join, View, as_tensor_of, method, op, operator, weak_operand
from probtensor.ops.reduce import normal_axes
from probtensor.ops.samples import cases
from probtensor.types import (
    Dim,
    ShapeError,
    Size,
    TensorType,
    broadcast_shapes,
    is_size,
    promote,
    size_floordiv,
    size_product,
)


def size_tuple(shape: Any) -> tuple[Size, ...]:
    """A shape given as one size or a sequence of sizes; NumPy integers become plain ones."""
    if isinstance(shape, Node):
        raise GraphError(
            f"a shape is made of integers and symbolic sizes such as x.shape[0], not {shape!r}: "
            "it cannot depend on values"
        )
    given = tuple(shape) if isinstance(shape, (tuple, list, np.ndarray)) else (shape,)
    for n in given:
        if not is_size(n):
            raise GraphError(f"a shape is made of integers and symbolic sizes, not {n!r:.60}")
    return tuple(n if isinstance(n, Dim) else int(n) for n in given)


@op
class ExpandDims(View):
    """New axes of size 1 at positions `axes` (sorted) of the output."""

    axes: tuple[int, ...]
    linear = True
    samples = cases((3, 4), axes=[(0,), (2,), (0, 2)])

    def infer(self, x: TensorType) -> TensorType:
        shape = list(x.shape)
        for axis in self.axes:
            if not 0 <= axis <= len(shape):
                raise ShapeError(f"axes {self.axes} for {x.ndim} axes")
            shape.insert(axis, 1)
        return TensorType(x.dtype, tuple(shape))

    def element(self, index, read, types, out, select):
        return read[0]([i for axis, i in enumerate(index) if axis not in self.axes])

    def numpy(self, x):
        return np.expand_dims(x, self.axes)

    def vjp(self, g, out, x):
        return (make(DropAxes(self.axes), (g,)),)


@op
class DropAxes(View):
    """x without its axes `axes` (sorted), which have size 1."""

    axes: tuple[int, ...]
    linear = True
    samples = cases((1, 3, 1), axes=[(0,), (2,), (0, 2)])

    def infer(self, x: TensorType) -> TensorType:
        for axis in self.axes:
            if not 0 <= axis < x.ndim:
                raise ShapeError(f"axes {self.axes} of {x.ndim} axes")
            if isinstance(x.shape[axis], int) and x.shape[axis] != 1:
                raise ShapeError(f"axis {axis} has size {x.shape[axis]}, not 1")
        kept = tuple(n for axis, n in enumerate(x.shape) if axis not in self.axes)
        return TensorType(x.dtype, kept)

    def element(self, index, read, types, out, select):
        inner = list(index)
        for axis in self.axes:
            inner.insert(axis, 0)
        return read[0](inner)

    def numpy(self, x):
        return np.squeeze(x, self.axes)

    def vjp(self, g, out, x):
        return (make(ExpandDims(self.axes), (g,)),)


@op
class Sized(View):
    """x itself, whose shape has to be `shape`, as a mask over its axes asks: IndexError if not."""

    shape: tuple[Size, ...]
    linear = True
    samples = cases((3, 4), shape=[(3, 4)])

    def infer(self, x: TensorType) -> TensorType:
        pairs = list(zip(x.shape, self.shape, strict=True))
        if any(isinstance(n, int) and isinstance(m, int) and n != m for n, m in pairs):
            raise ShapeError(f"shape {x.shape} is not {self.shape}")
        return TensorType(x.dtype, self.shape)

    def element(self, index, read, types, out, select):
        return read[0](list(index))

    def numpy(self, x):
        if x.shape != self.shape:
            raise IndexError(f"the mask has the sizes {self.shape}, its axes {x.shape}")
        return x

    def vjp(self, g, out, x):
        return (make(Sized(x.shape), (g,)),)


@op
class Transpose(View):
    """Axis k of the output is axis `axes[k]` of x."""

    axes: tuple[int, ...]
    linear = True
    samples = cases((3, 4), axes=[(1, 0)]) + cases((2, 3, 4), axes=[(2, 0, 1), (0, 2, 1)])

    def infer(self, x: TensorType) -> TensorType:
        if sorted(self.axes) != list(range(x.ndim)):
            raise ShapeError(f"axes {self.axes} are no permutation of {x.ndim} axes")
        return TensorType(x.dtype, tuple(x.shape[a] for a in self.axes))

    def element(self, index, read, types, out, select):
        inner = [0] * len(index)
        for k, axis in enumerate(self.axes):
            inner[axis] = index[k]
        return read[0](inner)

    def numpy(self, x):
        return np.transpose(x, self.axes)

    def vjp(self, g, out, x):
        back = tuple(self.axes.index(a) for a in range(len(self.axes)))
        return (make(Transpose(back), (g,)),)


@op
class BroadcastTo(View):
    """x repeated along new leading axes and along its axes of size 1, to have `shape`."""

    shape: tuple[Size, ...]
    linear = True
    samples = cases((3, 1), shape=[(3, 4), (2, 3, 4)]) + cases((), shape=[(2,)])

    def infer(self, x: TensorType) -> TensorType:
        given = x.shape if x.ndim <= len(self.shape) else None
        if given is None or any(
            isinstance(n, int) and n not in (1, m) and isinstance(m, int)
            for n, m in zip(given, self.shape[len(self.shape) - x.ndim :], strict=True)
        ):
            wanted = ", ".join(map(str, self.shape))
            raise ShapeError(f"does not broadcast to ({wanted})")
        return TensorType(x.dtype, self.shape)

    def element(self, index, read, types, out, select):
        inner = index[len(index) - types[0].ndim :]
        sizes = zip(types[0].shape, inner, strict=True)
        return read[0]([0 if n == 1 else i for n, i in sizes])

    def numpy(self, x):
        return np.broadcast_to(x, self.shape)

    def vjp(self, g, out, x):
        new = len(self.shape) - x.ndim
        repeated = [new + a for a, n in enumerate(x.shape) if n == 1 and self.shape[new + a] != 1]
        summed = ops.sum(g, (*range(new), *repeated))
        return (ops.expand_dims(summed, tuple(a - new for a in repeated)),)


@op
class Reshape(View):
    """The elements of x, in row-major order, in another shape."""

    shape: tuple[Size, ...]
    linear = True
    samples = cases((3, 4), shape=[(12,), (4, 3), (2, 6), (3, 2, 2), (1, 12)]) + cases(
        (2, 3, 1, 4), shape=[(6, 4), (2, 12), (2, 1, 3, 4)]
    )

    def infer(self, x: TensorType) -> TensorType:
        before, after = x.size, size_product(self.shape)
        if isinstance(before - after, int) and before != after:
            raise ShapeError(f"{before} elements do not make the shape {self.shape}")
        return TensorType(x.dtype, self.shape)

    def element(self, index, read, types, out, select):
        inner: list[Any] = [0] * types[0].ndim
        for olds, news in axis_groups(types[0].shape, self.shape):
            if len(olds) == 1 and len(news) == 1:
                inner[olds[0]] = index[news[0]]
                continue
            flat: Any = index[news[0]] if news else 0
            for axis in news[1:]:
                flat = flat * self.shape[axis] + index[axis]
            for axis in reversed(olds[1:]):
                n = types[0].shape[axis]
                inner[axis] = flat % n
                flat = flat // n
            if olds:
                inner[olds[0]] = flat
        return read[0](inner)

    def numpy(self, x):
        return np.reshape(x, self.shape)

    def vjp(self, g, out, x):
        return (make(Reshape(x.shape), (g,)),)


def axis_groups(old: Sequence[Size], new: Sequence[Size]) -> list[tuple[list[int], list[int]]]:
    """The smallest runs of axes of two shapes that hold equally many elements, axes of size 1 left
    out: (2, 3, 1, 4) and (6, 4) give [([0, 1], [0]), ([3], [1])]."""
    olds = [a for a, n in enumerate(old) if n != 1]
    news = [a for a, n in enumerate(new) if n != 1]
    groups = []
    i = j = 0
    while i < len(olds) or j < len(news):
        stop = _next_match([old[a] for a in olds[i:]], [new[a] for a in news[j:]])
        groups.append((olds[i : i + stop[0]], news[j : j + stop[1]]))
        i, j = i + stop[0], j + stop[1]
    return groups


def _next_match(old: Sequence[Size], new: Sequence[Size]) -> tuple[int, int]:
    products: dict[Size, int] = {}
    total: Size = 1
    for count, n in enumerate(new, 1):
        total = total * n
        products.setdefault(total, count)
    total = 1
    for count, n in enumerate(old, 1):
        total = total * n
        # Zero says nothing about where runs end, and then no element is ever read.
        if total in products and total != 0:
            return count, products[total]
    return len(old), len(new)


@op
class Concatenate(Join):
    """The inputs, one after another along `axis`."""

    samples = cases((2, 3), (2, 1), (2, 2), axis=[1]) + cases((2, 3), (1, 3), axis=[0])

    def numpy(self, *arrays):
        return np.concatenate(arrays, axis=self.axis)

    def vjp(self, g, out, *inputs):
        start: Size = 0
        parts = []
        for x in inputs:
            size = x.shape[self.axis]
            parts.append(ops.narrow(g, self.axis, start, size))
            start = start + size
        return parts


@op
class Iota(View):
    """0, 1, ..., size - 1 as int64."""

    size: Size
    differentiable = False
    samples = cases(size=[5])

    def infer(self) -> TensorType:
        return TensorType("int64", (self.size,))

    def element(self, index, read, types, out, select):
        return index[0]

    def numpy(self):
        return np.arange(self.size, dtype="int64")


# NumPy's functions.


def expand_dims(x: Any, axis: int | Sequence[int]) -> Node:
    """x with axes of size 1 put in, at the positions `axis` of the result."""
    x = as_tensor(x)
    count = 1 if is_size(axis) else len(axis)
    axes = normal_axes(axis, x.ndim + count, "expand_dims")
    return make(ExpandDims(axes), (x,)) if axes else x


@method
def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Node:
    """x without the given axes of size 1, or without all that are known to have size 1."""
    x = as_tensor(x)
    if axis is None:
        axes = tuple(a for a, n in enumerate(x.shape) if n == 1)
    else:
        axes = normal_axes(axis, x.ndim, "squeeze")
    return make(DropAxes(axes), (x,)) if axes else x


@method
def transpose(x: Any, *axes: Any) -> Node:
    """x with its axes reversed, or in the given order (a sequence, or one argument each)."""
    x = as_tensor(x)
    if len(axes) == 1 and not is_size(axes[0]):
        axes = tuple(range(x.ndim))[::-1] if axes[0] is None else tuple(axes[0])
    order = tuple(int(a) % x.ndim for a in axes) if axes else tuple(range(x.ndim))[::-1]
    return x if order == tuple(range(x.ndim)) else make(Transpose(order), (x,))


def permute_dims(x: Any, axes: Sequence[int]) -> Node:
    """x with its axes in the given order."""
    return transpose(x, axes)


@method
def swapaxes(x: Any, axis1: int, axis2: int) -> Node:
    """x with two axes exchanged."""
    x = as_tensor(x)
    order = list(range(x.ndim))
    first, second = (normal_axes(a, x.ndim, "swapaxes")[0] for a in (axis1, axis2))
    order[first], order[second] = second, first
    return transpose(x, order)


def matrix_transpose(x: Any) -> Node:
    """x with its last two axes exchanged."""
    return swapaxes(x, -1, -2)


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Node:
    """x with axes moved to other positions, the rest in order."""
    x = as_tensor(x)
    sources = (source,) if is_size(source) else tuple(source)
    targets = (destination,) if is_size(destination) else tuple(destination)
    if len(sources) != len(targets):
        raise GraphError(f"moveaxis: {len(sources)} axes to {len(targets)} positions")
    normal_axes(sources, x.ndim, "moveaxis")
    normal_axes(targets, x.ndim, "moveaxis")
    order = [a for a in range(x.ndim) if a not in {s % x.ndim for s in sources}]
    for target, origin in sorted((t % x.ndim, s % x.ndim) for s, t in zip(sources, targets)):
        order.insert(target, origin)
    return transpose(x, order)


def broadcast_to(x: Any, shape: Any) -> Node:
    """x repeated to have `shape`, by NumPy's rule."""
    x, shape = as_tensor(x), size_tuple(shape)
    return x if x.shape == shape else make(BroadcastTo(shape), (x,))


def broadcast_arrays(*tensors: Any) -> list[Node]:
    """All tensors in their common shape."""
    nodes = [as_tensor(x) for x in tensors]
    try:
        shape = broadcast_shapes(*(x.shape for x in nodes))
    except ShapeError as error:
        raise GraphError(f"broadcast_arrays: sizes {error} differ") from None
    return [broadcast_to(x, shape) for x in nodes]


@method
def reshape(x: Any, *shape: Any) -> Node:
    """The elements of x in row-major order in another shape; one size may be -1, for the rest."""
    x = as_tensor(x)
    wanted = size_tuple(shape[0] if len(shape) == 1 else shape)
    unknown = [a for a, n in enumerate(wanted) if isinstance(n, int) and n < 0]
    if len(unknown) > 1:
        raise GraphError(f"reshape: more than one size is unknown in {wanted}")
    if unknown:
        known = size_product(n for a, n in enumerate(wanted) if a != unknown[0])
        if known == 0 or (
            isinstance(x.size, int) and isinstance(known, int) and x.size % known != 0
        ):
            raise GraphError(f"reshape: {x.size} elements of {x.type} do not make {wanted}")
        rest = size_floordiv(x.size, known)
        wanted = tuple(rest if a == unknown[0] else n for a, n in enumerate(wanted))
    return x if wanted == x.shape else make(Reshape(wanted), (x,))


@method
def ravel(x: Any) -> Node:
    """x as a vector, in row-major order."""
    return reshape(x, (-1,))


def concatenate(tensors: Sequence[Any], axis: int | None = 0) -> Node:
    """The tensors, joined along an axis they have; flattened first if `axis` is None."""
    if len(tensors) == 0:
        raise GraphError("concatenate: nothing to join")
    dtype = promote(*(weak_operand(x) for x in tensors))
    nodes = [as_tensor_of(x, dtype) for x in tensors]
    if axis is None:
        nodes, axis = [ravel(x) for x in nodes], 0
    if nodes[0].ndim == 0:
        raise GraphError("concatenate: 0-d tensors have no axis to join; use stack")
    place = normal_axes(axis, nodes[0].ndim, "concatenate")[0]
    return nodes[0] if len(nodes) == 1 else make(Concatenate(place), nodes)


@operator("stack")
def stack(tensors: Sequence[Any], axis: int = 0) -> Node:
    """Tensors of one shape, joined along a new axis."""
    if len(tensors) == 0:
        raise GraphError("stack: nothing to join")
    dtype = promote(*(weak_operand(x) for x in tensors))
    given = [as_tensor_of(x, dtype) for x in tensors]
    if len({x.ndim for x in given}) > 1:
        raise GraphError("stack: the tensors have different numbers of axes")
    nodes = broadcast_arrays(*given)
    return concatenate([expand_dims(x, axis) for x in nodes], axis)


method(property(transpose), "T")
method(property(matrix_transpose), "mT")
