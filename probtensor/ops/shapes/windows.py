"""Sliding windows of an axis, and their transpose: what convolutions and pools are made of.

Both are views, index maps that kernels compute as they read; the two and `sum` are closed under
differentiation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.arrays.views import one_size
from probtensor.ops.kinds import Batch, View, op
from probtensor.ops.reductions.folds import Axis, described, listed_axes
from probtensor.ops.samples import cases
from probtensor.types import ShapeError, Size, SizeCheck, TensorType, size_floordiv

_SLIDES = {
    "axis": [0, 1, 0],
    "width": [3, 2, 2],
    "stride": [1, 2, 3],
    "dilation": [1, 1, 2],
}


@dataclass(frozen=True)
class _Slides(View):
    """Windows of an axis: each has `width` elements, `dilation` apart, and the next window begins
    `stride` elements later."""

    axis: int
    width: Size
    stride: int
    dilation: int

    def count(self, n: Size) -> Size:
        """How many windows an axis of size n has."""
        return size_floordiv(n - span_of(self.width, self.dilation) + self.stride, self.stride)

    def fits(self, n: Size) -> SizeCheck:
        """The law that the number of windows of an axis is not negative."""
        span = span_of(self.width, self.dilation)
        text = ("a window of ", span, " in an axis of size ", n)
        return SizeCheck(span, "<=", n + self.stride, text)

    def kept(self, n: Size) -> None:
        """ShapeError for an axis of size n that is too short for certain, and empty windows."""
        if isinstance(self.width, int) and self.width < 1:
            raise ShapeError(f"a window has 1 element or more, not {self.width}")
        check = self.fits(n)
        if not check.names():
            SizeCheck(check.left, "<=", check.right, check.message, ShapeError).verify({})


@op
class Windows(_Slides):
    """Windows of one axis: their elements are a new last axis, and the axis counts them."""

    users_write = "sliding_window_view"
    linear = True
    complete = True
    samples = tuple(
        sample
        for n, k in ((5, 0), (6, 1), (7, 2))
        for sample in cases((n, n), **{name: [v[k]] for name, v in _SLIDES.items()})
    )

    def infer(self, x: TensorType) -> TensorType:
        self.kept(x.shape[self.axis])
        shape = list(x.shape)
        shape[self.axis] = self.count(shape[self.axis])
        return TensorType(x.dtype, (*shape, self.width))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        yield SizeCheck(1, "<=", self.width, ("a window has 1 element or more, not ", self.width))
        yield self.fits(node.inputs[0].shape[self.axis])

    def element(self, index, read, types, out, select):
        *places, inner = index
        places[self.axis] = _times(places[self.axis], self.stride) + _times(inner, self.dilation)
        return read[0](places)

    def numpy(self, x):
        span = span_of(self.width, self.dilation)
        if x.shape[self.axis] < span:
            shape = list(x.shape)
            shape[self.axis] = 0
            return np.zeros((*shape, self.width), x.dtype)
        found = np.lib.stride_tricks.sliding_window_view(x, span, self.axis)
        every = [slice(None)] * x.ndim
        every[self.axis] = slice(None, None, self.stride)
        return found[(*every, slice(None, None, self.dilation))]

    def vjp(self, g, out, x):
        n = x.shape[self.axis]
        placed = Placed(self.axis, self.width, self.stride, self.dilation, n)
        return (ops.sum(make(placed, (g,)), -1),)

    def batched(self, batch: Batch) -> Node:
        moved = Windows(self.axis + 1, self.width, self.stride, self.dilation)
        return make(moved, (batch.first,))


@op
class Placed(_Slides):
    """Elements of windows, along the last axis, at their places in an axis of size `size`, one row
    for each position in a window; 0 where a row has none. Their sum over the last axis is the
    transpose of `Windows`."""

    size: Size
    linear = True
    samples = tuple(
        sample
        for shape, n, k in (((3, 2, 3), 5, 0), ((2, 3, 2), 6, 1), ((2, 2, 2), 7, 2))
        for sample in cases(shape, **{name: [v[k]] for name, v in _SLIDES.items()}, size=[n])
    )

    def infer(self, x: TensorType) -> TensorType:
        self.kept(self.size)
        shape = list(x.shape)
        for n, m in ((shape[self.axis], self.count(self.size)), (shape[-1], self.width)):
            if isinstance(n, int) and isinstance(m, int) and n != m:
                raise ShapeError(f"{n} places for {m} elements of windows")
        shape[self.axis] = self.size
        return TensorType(x.dtype, tuple(shape))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        yield self.fits(self.size)
        shape = node.inputs[0].shape
        for n, m in ((shape[self.axis], self.count(self.size)), (shape[-1], self.width)):
            yield SizeCheck(n, "==", m, (n, " places for ", m, " elements of windows"))

    def element(self, index, read, types, out, select):
        places = list(index)
        offset = places[self.axis] - _times(places[-1], self.dilation)
        count = types[0].shape[self.axis]
        conditions = [offset >= 0, offset < (count - 1) * self.stride + 1]
        places[self.axis] = offset
        if self.stride != 1:
            places[self.axis] = offset // self.stride
            conditions.append(offset % self.stride < 1)
        if isinstance(count, int) and count == 1:
            places[self.axis] = _times(offset, 0)  # an index that no loop is part of
        condition = conditions[0]
        for other in conditions[1:]:
            condition = select(condition, lambda rest=other: rest, lambda: False)
        return select(condition, lambda: read[0](places), lambda: 0)

    def numpy(self, x):
        shape = list(x.shape)
        shape[self.axis] = self.size
        found = np.zeros(shape, x.dtype)
        last = (x.shape[self.axis] - 1) * self.stride + 1
        for k in range(self.width):
            key = [slice(None)] * (x.ndim - 1)
            key[self.axis] = slice(k * self.dilation, k * self.dilation + last, self.stride)
            found[(*key, k)] = x[..., k]
        return found

    def vjp(self, g, out, x):
        slides = Windows(self.axis, self.width, self.stride, self.dilation)
        return (ops.diagonal(make(slides, (g,)), 0, -2, -1),)

    def batched(self, batch: Batch) -> Node:
        sizes = self.width, self.stride, self.dilation, self.size
        return make(Placed(self.axis + 1, *sizes), (batch.first,))


def span_of(width: Size, dilation: int) -> Size:
    """How many neighbouring elements a window reaches over."""
    return (width - 1) * dilation + 1


def _times(i: TensorLike, factor: int) -> TensorLike:
    return i if factor == 1 else i * factor


def windows_of(x: Node, axis: int, width: Size, stride: int = 1, dilation: int = 1) -> Node:
    """The windows of an axis from 0 on, whose elements are a new last axis. Windows side by side
    are a split axis, whose derivative asks no place which window it is in."""
    if dilation == 1 and stride == width and isinstance(width, int):
        count = size_floordiv(x.shape[axis], width)
        whole = ops.narrow(x, axis, 0, count * width)
        shape = (*x.shape[:axis], count, width, *x.shape[axis + 1 :])
        return ops.moveaxis(ops.reshape(whole, shape), axis + 1, -1)
    return make(Windows(axis, width, stride, dilation), (x,))


@public(lacks=("subok", "writeable"))
def sliding_window_view(
    x: TensorLike,
    window_shape: Size | Sequence[Size],
    axis: Axis = None,
    *,
    subok: bool = False,
    writeable: bool = False,
) -> Node:
    """All windows of a shape, which begin one element apart; the signature is NumPy's, in
    numpy.lib.stride_tricks.

    window_shape  the size along each axis of `axis`; one size is for one axis
    axis          an axis or several, each perhaps more than once; None means all

    Returns a tensor of the dtype of x: axes become counts of windows, as long as they were less
    the size of a window plus 1; the axes of the windows follow, in the order of `axis`. Nothing is
    copied: elements are read where they are.
    Raises GraphError, a TypeError, for other than a size for each axis, and windows that are empty
    or larger than x; ValueError where only a call can tell.

        >>> pt.sliding_window_view(pt.arange(4), 2).eval()
        array([[0, 1],
               [1, 2],
               [2, 3]])
    """
    what = "sliding_window_view"
    x = as_tensor(x)
    sizes = tuple(window_shape) if isinstance(window_shape, (tuple, list)) else (window_shape,)
    axes = listed_axes(axis, x, what, distinct=False)
    if len(sizes) != len(axes):
        where = "x" if axis is None else "axis"
        raise GraphError(
            f"{what}: window_shape has {len(sizes)} sizes for {len(axes)} axes of {where}"
            f"{described(x)}"
        )
    found = x
    for a, size in zip(axes, sizes):
        op_ = Windows(a, one_size(size, f"{what}: a size of window_shape"), 1, 1)
        found = make(op_, (asked_for(found, what, has_window(found, a, op_.width)),), what=what)
    return found


def has_window(x: Node, axis: int, span: Size) -> SizeCheck:
    """The law that an axis is not shorter than a window."""
    n = x.shape[axis]
    return SizeCheck(span, "<=", n, ("a window of ", span, f" along axis {axis}, of size ", n))
