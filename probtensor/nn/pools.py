"""Pools: a number for each window of an input, by the names and signatures of torch.nn.functional.

Inputs are (batch, channels, *sizes); as many last axes are pooled as the name says, any others are
kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.nn.sizes import Padding, each_of, padded, pads_of
from probtensor.ops.reductions.composite import floats
from probtensor.ops.reductions.folds import described, flag
from probtensor.ops.shapes.windows import span_of, windows_of
from probtensor.types import Size, size_max, size_min

Numbers = int | Sequence[int]


@public(name="nn.max_pool1d")
def max_pool1d(
    input: TensorLike,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Padding = 0,
    dilation: Numbers = 1,
    ceil_mode: bool = False,
) -> Node:
    """The largest element of each window of the last axis; PyTorch's signature. nan propagates.
    Elements of a window that are equally large share the derivative evenly.

    kernel_size  how many elements a window has
    stride       how far apart windows are; None: kernel_size, so that they do not overlap
    padding      what is around the input and in no result: a number for both ends, a pair (before,
                 after), "valid" or "same"
    dilation     how far apart the elements of a window are
    ceil_mode    whether a last window may end behind the input

    Returns a tensor of the dtype of input; the axis is (n + padding - dilation * (kernel_size - 1)
    - 1) // stride + 1 long, with `ceil_mode` rounded up.
    Raises GraphError, a TypeError, for too few axes, windows larger than the padded input, more
    padding than a window has elements, and numbers that are none; ValueError where only a call can
    tell.

        >>> pt.nn.max_pool1d([[1.0, 3.0, 2.0, 0.0]], 2).eval()
        array([[3., 2.]])
    """
    return _max("nn.max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode)


@public(name="nn.max_pool2d")
def max_pool2d(
    input: TensorLike,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Padding = 0,
    dilation: Numbers = 1,
    ceil_mode: bool = False,
) -> Node:
    """`max_pool1d` over the last two axes. Numbers are for both axes, or one for each.

    Returns a tensor of the dtype of input.
    Raises GraphError, a TypeError, and ValueError as `max_pool1d`.

        >>> pt.nn.max_pool2d([[1.0, 3.0], [2.0, 0.0]], 2).eval()
        array([[3.]])
    """
    return _max("nn.max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode)


@public(name="nn.max_pool3d")
def max_pool3d(
    input: TensorLike,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Padding = 0,
    dilation: Numbers = 1,
    ceil_mode: bool = False,
) -> Node:
    """`max_pool1d` over the last three axes. Numbers are for all axes, or one for each.

    Returns a tensor of the dtype of input.
    Raises GraphError, a TypeError, and ValueError as `max_pool1d`.

        >>> pt.nn.max_pool3d(np.ones((1, 2, 4, 6, 8)), (1, 2, 4)).shape
        (1, 2, 4, 3, 2)
    """
    return _max("nn.max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode)


@public(name="nn.avg_pool1d")
def avg_pool1d(
    input: TensorLike,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Node:
    """The mean of each window of the last axis; PyTorch's signature. The padding is zeros.

    count_include_pad  whether a mean is over the elements of the padding, too
    divisor_override   what sums are divided by instead of how many elements there are

    Other arguments are those of `max_pool1d`.

    Returns a tensor of floats: float32 if input is, else float64.
    Raises GraphError, a TypeError, and ValueError as `max_pool1d`.

        >>> pt.nn.avg_pool1d([[1.0, 3.0, 2.0]], 2, padding=1, count_include_pad=False).eval()
        array([[1. , 2.5]])
    """
    rest = ceil_mode, count_include_pad, divisor_override
    return _average("nn.avg_pool1d", 1, input, kernel_size, stride, padding, *rest)


@public(name="nn.avg_pool2d")
def avg_pool2d(
    input: TensorLike,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Node:
    """`avg_pool1d` over the last two axes. Numbers are for both axes, or one for each.

    Returns a tensor of floats: float32 if input is, else float64.
    Raises GraphError, a TypeError, and ValueError as `max_pool1d`.

        >>> pt.nn.avg_pool2d([[1.0, 3.0], [2.0, 0.0]], 2).eval()
        array([[1.5]])
    """
    rest = ceil_mode, count_include_pad, divisor_override
    return _average("nn.avg_pool2d", 2, input, kernel_size, stride, padding, *rest)


@public(name="nn.avg_pool3d")
def avg_pool3d(
    input: TensorLike,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Node:
    """`avg_pool1d` over the last three axes. Numbers are for all axes, or one for each.

    Returns a tensor of floats: float32 if input is, else float64.
    Raises GraphError, a TypeError, and ValueError as `max_pool1d`.

        >>> pt.nn.avg_pool3d(np.ones((1, 2, 4, 6, 8)), 2, stride=1).shape
        (1, 2, 3, 5, 7)
    """
    rest = ceil_mode, count_include_pad, divisor_override
    return _average("nn.avg_pool3d", 3, input, kernel_size, stride, padding, *rest)


@public(name="nn.sum_pool1d")
def sum_pool1d(
    input: TensorLike,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
) -> Node:
    """The sum of each window of the last axis. Arguments are those of `max_pool1d`; the padding is
    zeros.

    Returns a tensor of the dtype of input.
    Raises GraphError, a TypeError, and ValueError as `max_pool1d`.

        >>> pt.nn.sum_pool1d([[1.0, 3.0, 2.0]], 2, stride=1).eval()
        array([[4., 5.]])
    """
    return _sum("nn.sum_pool1d", 1, as_tensor(input), kernel_size, stride, padding, ceil_mode)[0]


@public(name="nn.sum_pool2d")
def sum_pool2d(
    input: TensorLike,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
) -> Node:
    """`sum_pool1d` over the last two axes. Numbers are for both axes, or one for each.

    Returns a tensor of the dtype of input.
    Raises GraphError, a TypeError, and ValueError as `max_pool1d`.

        >>> pt.nn.sum_pool2d([[1.0, 3.0], [2.0, 0.0]], 2).eval()
        array([[6.]])
    """
    return _sum("nn.sum_pool2d", 2, as_tensor(input), kernel_size, stride, padding, ceil_mode)[0]


@public(name="nn.sum_pool3d")
def sum_pool3d(
    input: TensorLike,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
) -> Node:
    """`sum_pool1d` over the last three axes. Numbers are for all axes, or one for each.

    Returns a tensor of the dtype of input.
    Raises GraphError, a TypeError, and ValueError as `max_pool1d`.

        >>> pt.nn.sum_pool3d(np.ones((1, 2, 2, 2, 4)), 2).eval().ravel()
        array([8., 8., 8., 8.])
    """
    return _sum("nn.sum_pool3d", 3, as_tensor(input), kernel_size, stride, padding, ceil_mode)[0]


def _max(what: str, rank: int, given: object, *settings: object) -> Node:
    kernel_size, stride, padding, dilation, ceil_mode = settings
    x = as_tensor(given)
    kind = x.dtype.kind
    if kind == "c":
        raise GraphError(f"{what}: complex numbers have no order{described(x)}")
    least = -np.inf if kind == "f" else False if kind == "b" else np.iinfo(str(x.dtype)).min
    dilations = each_of(what, "dilation", dilation, rank)
    slid, _ = _windows(what, rank, x, kernel_size, stride, padding, ceil_mode, dilations, least)
    return ops.max(slid, tuple(range(-rank, 0)))


def _sum(what: str, rank: int, x: Node, *settings: object) -> tuple[Node, list]:
    slid, axes = _windows(what, rank, x, *settings, (1,) * rank, 0)
    return ops.sum(slid, tuple(range(-rank, 0)), dtype=x.dtype), axes


def _average(what: str, rank: int, given: object, *settings: object) -> Node:
    *sizes, count_include_pad, divisor_override = settings
    include = flag(count_include_pad, f"{what}: count_include_pad")
    x = floats(given)
    total, axes = _sum(what, rank, x, *sizes)
    if divisor_override is not None:
        return total / each_of(what, "divisor_override", divisor_override, 1)[0]
    for k, (n, count, width, s, (before, after), more) in enumerate(axes):
        if more == 0 and (include or (before == 0 and after == 0)):
            total = total / ops.astype(as_tensor(width), x.dtype)
            continue
        first = ops.arange(count) * s - before
        low, high = (-before, n + after) if include else (0, n)
        inside = ops.minimum(first + width, as_tensor(high)) - ops.maximum(first, as_tensor(low))
        divisor = ops.astype(inside, x.dtype)
        total = total / ops.reshape(divisor, (count, *(1,) * (rank - 1 - k)))
    return total


def _windows(what: str, rank: int, x: Node, *settings: object) -> tuple[Node, list]:
    """The windows of the last axes; for each axis its size, how many windows it has, their width,
    their stride, and what is put around it, with what `ceil_mode` adds."""
    kernel_size, stride, padding, ceil_mode, dilations, value = settings
    if x.ndim < rank:
        raise GraphError(f"{what}: input has {rank} axes or more{described(x)}")
    widths = each_of(what, "kernel_size", kernel_size, rank)
    strides = each_of(what, "stride", widths if stride is None else stride, rank)
    ceil = flag(ceil_mode, f"{what}: ceil_mode")
    first = x.ndim - rank
    sizes, spans = x.shape[first:], [span_of(w, d) for w, d in zip(widths, dilations)]
    pads = pads_of(what, padding, sizes, spans, strides)
    for span, d, pair in zip(spans, dilations, pads):
        # Of windows with gaps more than half may be in the padding, and all elements then.
        if any(isinstance(p, int) and (p >= span or (d > 1 and 2 * p > span)) for p in pair):
            raise GraphError(f"{what}: padding of {max(pair)} may leave a window of {span} empty")
    around, axes = [], []
    for n, span, width, s, (before, after) in zip(sizes, spans, widths, strides, pads):
        whole = n + before + after
        count, more = (whole - span) // s + 1, 0
        if ceil:
            count = _most(whole - span, n + before, s)
            more = size_max((count - 1) * s + span - whole, 0)
        around.append((before, after + more))
        axes.append((n, count, width, s, (before, after), more))
    x = padded(what, x, around, spans, "window", value)
    for k, (width, s, d) in enumerate(zip(widths, strides, dilations)):
        x = windows_of(x, first + k, width, s, d)
    return x, axes


def _most(room: Size, inside: Size, stride: int) -> Size:
    """How many windows there are, rounded up, that begin within the input or before it."""
    return size_min((room + stride - 1) // stride + 1, (inside + stride - 1) // stride)
