"""Slices with Python's meaning, over sizes that may be symbolic, and writing into a slice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.law import within_axis
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.graph.sizes import signed, size_of_value
from probtensor.ops.kinds import Batch, View, op
from probtensor.ops.samples import cases
from probtensor.types import (
    Dim,
    ShapeError,
    Size,
    SizeCheck,
    TensorType,
    is_size,
    shape_text,
    size_max,
    size_min,
    where_positive,
)

SLICES = {
    "starts": [(1, 0), (4, 2), (0, 0)],
    "steps": [(1, 2), (-2, -1), (1, 1)],
    "sizes": [(3, 2), (3, 3), (0, 4)],
}


def python_slices(starts, steps, sizes) -> tuple[slice, ...]:
    """The numeric slices, one an axis, that start, step and count stand for."""
    found = []
    for start, step, size in zip(starts, steps, sizes, strict=True):
        stop = start + size * step
        if size == 0:
            found.append(slice(0, 0))
        else:
            found.append(slice(start, stop if stop >= 0 else None, step))
    return tuple(found)


@dataclass(frozen=True)
class Sliced(View):
    """`sizes[k]` elements of axis k, from `starts[k]` on, in steps of `steps[k]`."""

    starts: tuple[Size, ...]
    steps: tuple[int, ...]
    sizes: tuple[Size, ...]

    def check(self, x: TensorType) -> None:
        """ShapeError if x has another number of axes, or an index is out of bounds for certain."""
        if x.ndim != len(self.starts):
            raise ShapeError(f"{len(self.starts)} slices of {x.ndim} axes")
        for n, start, step, size in zip(x.shape, self.starts, self.steps, self.sizes, strict=True):
            last = start + (size - 1) * step if size != 0 else 0
            for position in (start, last) if size != 0 else ():
                low, high = isinstance(position, int) and position < 0, position - n
                if low or (isinstance(high, int) and high >= 0):
                    raise ShapeError(f"place {position} is outside an axis of size {n}")

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        x = node.inputs[0]
        for axis, (start, step, size) in enumerate(zip(self.starts, self.steps, self.sizes)):
            if isinstance(size, int) and size == 0:
                continue
            ends = start, start + (where_positive(size) - 1) * step
            low, high = ends if step > 0 else ends[::-1]
            yield from within_axis(x, axis, low, high, size, abs(step))


@op
class Slice(Sliced):
    """The elements that a slice of each axis selects."""

    users_write = "x[...]"
    linear = True
    samples = cases((5, 4), **SLICES)

    def infer(self, x: TensorType) -> TensorType:
        self.check(x)
        return TensorType(x.dtype, self.sizes)

    def axis_below(self, node: Node, axis: int) -> int | None:
        """The axis of the input that an axis of a node is, if all of it is read in order."""
        whole = self.sizes[axis] == node.inputs[0].shape[axis] and self.steps[axis] == 1
        return axis if whole else None

    def element(self, index, read, types, out, select):
        triples = zip(index, self.starts, self.steps, strict=True)
        return read[0]([_affine(i, step, start) for i, start, step in triples])

    def numpy(self, x):
        return x[python_slices(self.starts, self.steps, self.sizes)]

    def vjp(self, g, out, x):
        return (make(SetSlice(self.starts, self.steps, self.sizes), (ops.zeros_like(x), g)),)

    def batched(self, batch: Batch) -> Node:
        n = batch.first.shape[0]
        moved = Slice((0, *self.starts), (1, *self.steps), (n, *self.sizes))
        return make(moved, (batch.first,))


def _affine(i: TensorLike, factor: int, offset: Size) -> TensorLike:
    scaled = i if factor == 1 else i * factor
    return scaled if isinstance(offset, int) and offset == 0 else scaled + offset


@op
class SetSlice(Sliced):
    """A copy of the first input with the second written into a slice of each axis."""

    users_write = "x.at[...]"
    linear = True
    samples = (
        *cases((5, 4), (3, 2), starts=[(1, 0)], steps=[(1, 2)], sizes=[(3, 2)]),
        *cases((5, 4), (3, 3), starts=[(4, 2)], steps=[(-2, -1)], sizes=[(3, 3)]),
        *cases((5, 4), (5, 2), starts=[(0, 1)], steps=[(1, 1)], sizes=[(5, 2)]),
    )

    def infer(self, x: TensorType, y: TensorType) -> TensorType:
        self.check(x)
        if x.dtype != y.dtype:
            raise TypeError(f"writes {y.dtype} into {x.dtype}")
        fits = len(y.shape) == len(self.sizes) and not any(
            isinstance(n, int) and isinstance(m, int) and n != m
            for n, m in zip(y.shape, self.sizes, strict=True)
        )
        if not fits:
            slice_text = shape_text(self.sizes)
            raise ShapeError(f"shape {shape_text(y.shape)} does not fill the places, {slice_text}")
        return x

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        yield from super().requires(node)
        y = node.inputs[1]
        for n, m in zip(y.shape, self.sizes, strict=True):
            yield SizeCheck(n, "==", m, ("shape ", y.shape, " does not fill ", self.sizes))

    def element(self, index, read, types, out, select):
        inner, conditions = [], []
        for axis, (i, n) in enumerate(zip(index, types[0].shape, strict=True)):
            start, step, size = self.starts[axis], self.steps[axis], self.sizes[axis]
            offset = i - start if step > 0 else start - i
            if step > 0 and isinstance(start, int) and start == 0:
                offset = i
            stride = abs(step)
            inner.append(offset if stride == 1 else offset // stride)
            if stride != 1:
                conditions.append(offset % stride < 1)
            if offset is not i:
                conditions.append(offset >= 0)
            if not (stride == 1 and step > 0 and start + size == n):
                conditions.append(offset < size * stride)
        if not conditions:
            return read[1](inner)
        # One condition, so that the first input is read once: with a read for each condition the
        # expression would grow exponentially in the number of nested slices.
        condition = conditions[-1]
        for other in reversed(conditions[:-1]):
            condition = select(other, lambda rest=condition: rest, lambda: False)
        return select(condition, lambda: read[1](inner), lambda: read[0](list(index)))

    def numpy(self, x, y):
        out = np.array(x)
        out[python_slices(self.starts, self.steps, self.sizes)] = y
        return out

    def vjp(self, g, out, x, y):
        read = Slice(self.starts, self.steps, self.sizes)
        return make(self, (g, ops.zeros_like(y))), make(read, (g,))

    def batched(self, batch: Batch) -> Node:
        moved = SetSlice((0, *self.starts), (1, *self.steps), (batch.size, *self.sizes))
        return make(moved, (batch.full(0), batch.full(1)))


def normal_slice(given: slice, n: Size) -> tuple[Size, int, Size]:
    """Start, step and size of a Python slice of an axis of size n.

    Symbolic bounds are taken to be non-negative; integers and tensors may be negative, as in
    Python.
    """
    step = 1 if given.step is None else given.step
    if not isinstance(step, (int, np.integer)) or step == 0:
        raise GraphError(f"the step of a slice must be a nonzero integer, not {step!r:.60}")
    step = _clamped(int(step))
    if isinstance(given.start, Node) or isinstance(given.stop, Node):
        return _measured_slice(given, n, step)
    bounds = [_bound(b) for b in (given.start, given.stop)]
    if isinstance(n, int) and all(b is None or isinstance(b, int) for b in bounds):
        start, stop, step = slice(bounds[0], bounds[1], step).indices(n)
        return start, step, len(range(start, stop, step))
    if isinstance(n, int) and not isinstance(bounds[0], Dim):
        bounds[0] = slice(bounds[0], None, step).indices(n)[0]
        if not range(bounds[0], n if step > 0 else -1, step):
            return 0, step, 0
    # One of the two bounds needs no clipping at the front, since a negative size counts as 0.
    if step > 0:
        start = 0 if bounds[0] is None else _from_end(bounds[0], n, least=0)
        stop = n if bounds[1] is None else _not_past(bounds[1], n, last=n)
        length = size_max(stop - start, 0)
    else:
        start = n - 1 if bounds[0] is None else _not_past(bounds[0], n, last=n - 1)
        stop = -1 if bounds[1] is None else _from_end(bounds[1], n, least=-1)
        length = size_max(start - stop, 0)
    return start, step, length if abs(step) == 1 else (length + abs(step) - 1) // abs(step)


def _measured_slice(given: slice, n: Size, step: int) -> tuple[Size, int, Size]:
    """`normal_slice` with a bound that is an integer tensor without axes."""
    count = as_tensor(n)
    low, high = (0, count) if step > 0 else (-1, count - 1)
    ends = []
    for bound, default in ((given.start, low if step > 0 else high),
                           (given.stop, high if step > 0 else low)):  # fmt: skip
        if bound is None:
            ends.append(default)
            continue
        value = ops.astype(_value(bound), "int64")
        front = ops.where(ops.lt(value, 0), value + count, value)
        ends.append(ops.clip(front, low, high))
    start, stop = ends
    distance = as_tensor(stop - start if step > 0 else start - stop)
    length = ops.maximum(distance if abs(step) == 1 else -(-distance // abs(step)), 0)
    first = start if isinstance(start, int) else size_of_value(ops.maximum(start, 0))
    # The minimum is the length, and shows that the slice is within the axis.
    room = n - first if step > 0 else first + 1
    return first, step, size_min(size_of_value(length), room)


def _value(bound: TensorLike) -> Node:
    """A bound of a slice as a tensor."""
    value = as_tensor(bound if isinstance(bound, (Node, Dim)) else _bound(bound))
    if value.shape or value.type.is_float or value.dtype == "bool":
        raise GraphError(f"a bound of a slice is an integer without axes, not {value.type}")
    return signed(value)


def slice_laws(given: slice, n: Size) -> Iterator[SizeCheck]:
    """The checks that symbolic bounds are not negative, if a negative one would count from the end.

    `Slice` itself checks that its elements exist. Beside a tensor, all bounds are tensors.
    """
    if isinstance(given.start, Node) or isinstance(given.stop, Node):
        return
    back = given.step is not None and given.step < 0
    for which, bound in (("start", given.start), ("stop", given.stop)):
        if not isinstance(bound, Dim) or (which == "start" and not back):
            continue
        # Counted from the end it may select nothing, as 0 does.
        start = _from_end(0 if given.start is None else given.start, n, least=0)
        nothing = bound if which == "stop" and back else (-1 if back else start) - n - bound
        text = (f"the {which} of a slice is ", bound, "; symbolic bounds must not be negative")
        yield SizeCheck(0, "<=", size_max(bound, nothing), text, IndexError)


def _bound(value: TensorLike) -> Size | None:
    if value is None or isinstance(value, Dim):
        return value
    if not is_size(value):
        raise GraphError(f"slice bounds are integers or sizes, not {value!r:.60}")
    return _clamped(int(value))


def _clamped(number: int) -> int:
    """The number, clipped to a range that exceeds every axis and avoids overflow of 64 bits."""
    return max(-(2**62), min(number, 2**62))


def _from_end(bound: Size, n: Size, least: int) -> Size:
    """A bound counted from the front; one before the front becomes `least`."""
    return size_max(n + bound, least) if isinstance(bound, int) and bound < 0 else bound


def _not_past(bound: Size, n: Size, last: Size) -> Size:
    """A bound counted from the front; one past the end becomes `last`."""
    return n + bound if isinstance(bound, int) and bound < 0 else size_min(bound, last)


def narrow(x: TensorLike, axis: int, start: Size, size: Size) -> Node:
    """`size` elements of one axis of x, from `start` on."""
    x = as_tensor(x)
    if isinstance(start, int) and start == 0 and size == x.shape[axis]:
        return x
    starts = tuple(start if a == axis else 0 for a in range(x.ndim))
    sizes = tuple(size if a == axis else n for a, n in enumerate(x.shape))
    return make(Slice(starts, (1,) * x.ndim, sizes), (x,))
