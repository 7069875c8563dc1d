"""Views: each element of the output is an element of an input, at an index computed from its own.

They cost nothing when they are lowered: a reader of the output reads the input at the index that
`element` computes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from probtensor import ops
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.graph.sizes import size_of_value
from probtensor.ops.kinds import (
    Batch,
    Composite,
    Join,
    View,
    op,
    shifted,
)
from probtensor.ops.samples import cases
from probtensor.ops.size_laws import repeated_to
from probtensor.types import (
    Dim,
    ShapeError,
    Size,
    SizeCheck,
    TensorType,
    dtype_of,
    is_size,
    shape_text,
    size_floordiv,
    size_product,
)


def size_tuple(shape: Size | Sequence[Size]) -> tuple[Size, ...]:
    """A shape given as one size or a sequence of sizes, which may be a tensor of known length."""
    vector = isinstance(shape, Node) and shape.ndim == 1 and isinstance(shape.shape[0], int)
    several = vector or isinstance(shape, (tuple, list, np.ndarray))
    given = tuple(shape) if several else (shape,)
    return tuple(one_size(n, "a shape is made of sizes: each") for n in given)


def one_size(value: object, what: str) -> Size:
    """A size given as an integer, a symbolic size, or an integer tensor without axes, whose value
    it then is. GraphError, which begins with `what`, for anything else."""
    if isinstance(value, Node) and not value.shape and dtype_of(value.dtype).kind in "iu":
        return size_of_value(as_tensor(value))
    if not is_size(value):
        shown = f"{value!r:.60}"
        if isinstance(value, Node):
            shown = f"{value.described} ({value.type})"
        raise GraphError(
            f"{what} is an integer, a symbolic size such as x.shape[0], or an integer tensor "
            f"without axes, not {shown}"
        )
    return value if isinstance(value, Dim) else int(value)


def called(x: Node) -> str:
    """The name of an operand in messages."""
    return x.name or f"the result of {x.op.user_name()}"


@op
class ExpandDims(View):
    """New axes of size 1 at positions `axes` (sorted) of the output."""

    axes: tuple[int, ...]
    linear = True
    reads_all = True
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

    def axis_below(self, node: Node, axis: int) -> int | None:
        """The axis of the input that an axis of a node is; None for a new one."""
        return None if axis in self.axes else axis - len([a for a in self.axes if a < axis])

    def numpy(self, x):
        return np.expand_dims(x, self.axes)

    def vjp(self, g, out, x):
        return (make(DropAxes(self.axes), (g,)),)

    def batched(self, batch: Batch) -> Node:
        return make(ExpandDims(shifted(self.axes)), (batch.first,))


@op
class DropAxes(View):
    """x without its axes `axes` (sorted), which have size 1."""

    users_write = "squeeze"
    axes: tuple[int, ...]
    linear = True
    reads_all = True
    samples = cases((1, 3, 1), axes=[(0,), (2,), (0, 2)])

    def infer(self, x: TensorType) -> TensorType:
        for axis in self.axes:
            if not 0 <= axis < x.ndim:
                raise ShapeError(f"axes {self.axes} of {x.ndim} axes")
            if isinstance(x.shape[axis], int) and x.shape[axis] != 1:
                raise ShapeError(f"axis {axis} has size {x.shape[axis]}, not 1")
        remaining = tuple(n for axis, n in enumerate(x.shape) if axis not in self.axes)
        return TensorType(x.dtype, remaining)

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        (x,) = node.inputs
        for axis in self.axes:
            n = x.shape[axis]
            text = f"cannot leave out axis {axis} of {called(x)}, which has size "
            yield SizeCheck(n, "==", 1, (text, n, ", not 1"))

    def axis_below(self, node: Node, axis: int) -> int | None:
        """The axis of the input that an axis of a node is."""
        return [a for a in range(node.inputs[0].ndim) if a not in self.axes][axis]

    def element(self, index, read, types, out, select):
        inner = list(index)
        for axis in self.axes:
            inner.insert(axis, 0)
        return read[0](inner)

    def numpy(self, x):
        return np.squeeze(x, self.axes)

    def vjp(self, g, out, x):
        return (make(ExpandDims(self.axes), (g,)),)

    def batched(self, batch: Batch) -> Node:
        return make(DropAxes(shifted(self.axes)), (batch.first,))


@op
class Sized(View):
    """x itself, which must have the shape `shape`: IndexError if it is that of a mask over its axes
    (in x[...]), else ValueError by the function `what`."""

    shape: tuple[Size, ...]
    what: str = "x[...]"
    linear = True
    samples = cases((3, 4), shape=[(3, 4)])

    def user_name(self) -> str:
        return self.what

    def infer(self, x: TensorType) -> TensorType:
        pairs = list(zip(x.shape, self.shape, strict=True))
        if any(isinstance(n, int) and isinstance(m, int) and n != m for n, m in pairs):
            raise ShapeError(f"shape {shape_text(x.shape)} is not {shape_text(self.shape)}")
        return TensorType(x.dtype, self.shape)

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        (x,) = node.inputs
        for axis, (n, m) in enumerate(zip(x.shape, self.shape, strict=True)):
            if self.what == "x[...]":
                text = ("the mask has size ", m, f" along axis {axis}, of size ", n)
                yield SizeCheck(n, "==", m, text, IndexError)
            else:
                text = (f"axis {axis} of {called(x)} has size ", n, ", not ", m)
                yield SizeCheck(n, "==", m, text)

    def element(self, index, read, types, out, select):
        return read[0](list(index))

    def numpy(self, x):
        if x.shape == self.shape:
            return x
        shapes = f"{shape_text(self.shape)}, its axes {shape_text(x.shape)}"
        if self.what == "x[...]":
            raise IndexError(f"the mask has the sizes {shapes}")
        raise ValueError(f"{self.what}: the sizes are to be {shapes}")

    def vjp(self, g, out, x):
        return (make(Sized(x.shape, self.what), (g,)),)

    def batched(self, batch: Batch) -> Node:
        return make(Sized((batch.size, *batch.node.shape), self.what), (batch.first,))


@op
class Transpose(View):
    """Axis k of the output is axis `axes[k]` of x."""

    axes: tuple[int, ...]
    linear = True
    reads_all = True
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

    def batched(self, batch: Batch) -> Node:
        return make(Transpose((0, *shifted(self.axes))), (batch.first,))


@op
class BroadcastTo(View):
    """x repeated along new leading axes and along its axes of size 1, to have `shape`."""

    shape: tuple[Size, ...]
    linear = True
    reads_all = True
    repeats = True
    samples = cases((3, 1), shape=[(3, 4), (2, 3, 4)]) + cases((), shape=[(2,)])

    def infer(self, x: TensorType) -> TensorType:
        given = x.shape if x.ndim <= len(self.shape) else None
        if given is None or any(
            isinstance(n, int) and n not in (1, m) and isinstance(m, int)
            for n, m in zip(given, self.shape[len(self.shape) - x.ndim :], strict=True)
        ):
            raise ShapeError(f"does not broadcast to {shape_text(self.shape)}")
        return TensorType(x.dtype, self.shape)

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        (x,) = node.inputs
        what = f"cannot broadcast {called(x)} of shape"
        return repeated_to(x.shape, self.shape, what, "to")

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

    def batched(self, batch: Batch) -> Node:
        (x,) = batch.aligned(batch.node.ndim)
        return ops.broadcast_to(x, (x.shape[0], *batch.node.shape))


@op
class SumTo(Composite):
    """x summed to `shape`, which broadcasts to that of x: the gradient of what was broadcast.

    It stands for what only the sizes of a call decide: x has no more elements than `shape` where
    sizes that are not known are equal, which is what is compiled first.
    """

    shape: tuple[Size, ...]
    linear = True
    samples = cases((3, 4), shape=[(3, 1), (4,), (1, 1), (3, 4), ()])

    def infer(self, x: TensorType) -> TensorType:
        lead = x.ndim - len(self.shape)
        if lead < 0 or any(
            isinstance(n, int) and isinstance(m, int) and m not in (1, n)
            for n, m in zip(x.shape[lead:], self.shape, strict=True)
        ):
            raise ShapeError(f"{shape_text(self.shape)} does not broadcast to it")
        return TensorType(x.dtype, self.shape)

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        (x,) = node.inputs
        return repeated_to(self.shape, x.shape, "cannot broadcast shape", "to")

    def numpy(self, x):
        lead = x.ndim - len(self.shape)
        ones = [a + lead for a, n in enumerate(self.shape) if n == 1]
        return x.sum((*range(lead), *ones), keepdims=True).reshape(self.shape)

    def expand(self, x):
        lead = x.ndim - len(self.shape)
        ones = [a for a, n in enumerate(self.shape) if n == 1 and x.shape[a + lead] != 1]
        summed = ops.sum(x, (*range(lead), *(a + lead for a in ones)))
        return ops.broadcast_to(ops.expand_dims(summed, tuple(ones)), self.shape)

    def vjp(self, g, out, x):
        return (ops.broadcast_to(g, x.shape),)

    def batched(self, batch: Batch) -> Node:
        x = batch.first
        ones = (1,) * (batch.node.inputs[0].ndim - len(self.shape))
        wide = make(SumTo((x.shape[0], *ones, *self.shape)), (x,))
        return ops.squeeze(wide, tuple(range(1, 1 + len(ones))))


@op
class Reshape(View):
    """The elements of x, in row-major order, in another shape."""

    shape: tuple[Size, ...]
    linear = True
    reads_all = True
    samples = cases((3, 4), shape=[(12,), (4, 3), (2, 6), (3, 2, 2), (1, 12)]) + cases(
        (2, 3, 1, 4), shape=[(6, 4), (2, 12), (2, 1, 3, 4)]
    )

    def infer(self, x: TensorType) -> TensorType:
        before, after = x.size, size_product(self.shape)
        if isinstance(before - after, int) and before != after:
            raise ShapeError(f"{before} elements do not make the shape {shape_text(self.shape)}")
        return TensorType(x.dtype, self.shape)

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        (x,) = node.inputs
        before = f"cannot reshape {called(x)} of size "
        shape = tuple("-1" if self._is_rest(x, k) else n for k, n in enumerate(self.shape))
        text = (before, x.size, " into ", shape)
        yield SizeCheck(x.size, "==", size_product(self.shape), text)

    def _is_rest(self, x: Node, axis: int) -> bool:
        """Is this the size that the number of elements of x and the other sizes determine?"""
        others = size_product(n for k, n in enumerate(self.shape) if k != axis)
        rest = isinstance(self.shape[axis], Dim) and others != 0
        return rest and self.shape[axis] == size_floordiv(x.size, others)

    def element(self, index, read, types, out, select):
        inner: list[object] = [0] * types[0].ndim
        for olds, news in axis_groups(types[0].shape, self.shape):
            if len(olds) == 1 and len(news) == 1:
                inner[olds[0]] = index[news[0]]
                continue
            flat: TensorLike = index[news[0]] if news else 0
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

    def batched(self, batch: Batch) -> Node:
        x = batch.first
        return ops.reshape(x, (x.shape[0], *batch.node.shape))


def axis_groups(old: Sequence[Size], new: Sequence[Size]) -> list[tuple[list[int], list[int]]]:
    """The shortest runs of axes of two shapes that have equally many elements, without axes of size
    1: (2, 3, 1, 4) and (6, 4) give [([0, 1], [0]), ([3], [1])]."""
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
        # A size of 0 leaves the ends of runs undefined; then no element is ever read.
        if total in products and total != 0:
            return count, products[total]
    return len(old), len(new)


@op
class Concatenate(Join):
    """The inputs, concatenated along `axis`."""

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
