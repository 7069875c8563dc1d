"""Convolutions of networks, by the names and signatures of torch.nn.functional.

Inputs are (batch, channels, *sizes), or without a batch; kernels (results, channels of a group,
*taps), which are not turned round: these are correlations.
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.nn.sizes import Padding, each_of, padded, pads_of
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.reductions.folds import described
from probtensor.ops.shapes.convolution import correlated, transposed
from probtensor.ops.shapes.windows import span_of
from probtensor.types import Size, SizeCheck, promote, size_floordiv


@public(name="nn.conv1d")
def conv1d(
    input: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Node:
    """Sums of products of a kernel and all windows of an input; PyTorch's signature.

    input     (batch, channels, n) or (channels, n)
    weight    (results, channels / groups, taps)
    bias      a number for each result, which is added
    stride    how far apart windows are
    padding   zeros around the input: how many at both ends; a pair (before, after); "valid": none;
              "same": so that there are ceil(n / stride) windows; "causal": before the input only,
              so that a result is of elements up to its own
    dilation  how far apart the elements of a window are
    groups    results and channels are in so many groups, each of which is by itself

    Returns (batch, results, windows), without the batch if input has none, in the dtype that the
    operands promote to: (n + padding - dilation * (taps - 1) - 1) // stride + 1 windows.
    Raises GraphError, a TypeError, for shapes that do not fit, groups that do not divide channels
    or results, a kernel that is longer than the padded input, and numbers that are none; ValueError
    where only a call can tell.

        >>> pt.nn.conv1d([[1.0, 2.0, 4.0, 8.0]], [[[1.0, 1.0]]], stride=2).eval()
        array([[ 3., 12.]])
    """
    return _conv("nn.conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


@public(name="nn.conv2d")
def conv2d(
    input: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Node:
    """`conv1d` along two axes: input (batch, channels, height, width), perhaps without the batch,
    weight (results, channels / groups, rows, columns).

    `stride` and `dilation` are a number for both axes or a pair; `padding` is a number for both
    axes, one for each, or a pair (before, after) for each, or as a word.

    Returns (batch, results, windows, windows) in the dtype that the operands promote to.
    Raises GraphError, a TypeError, and ValueError as `conv1d`.

        >>> pt.nn.conv2d([[[1.0, 2.0], [3.0, 4.0]]], [[[[1.0, 1.0]]]], bias=[0.5]).eval()
        array([[[3.5],
                [7.5]]])
    """
    return _conv("nn.conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


@public(name="nn.conv3d")
def conv3d(
    input: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Node:
    """`conv1d` along three axes, with arguments as of `conv2d`.

    Returns (batch, results, windows, windows, windows) in the dtype that the operands promote to.
    Raises GraphError, a TypeError, and ValueError as `conv1d`.

        >>> pt.nn.conv3d(np.ones((1, 1, 2, 3, 4)), np.ones((1, 1, 2, 2, 2))).shape
        (1, 1, 1, 2, 3)
    """
    return _conv("nn.conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


@public(name="nn.conv_transpose1d")
def conv_transpose1d(
    input: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Node:
    """The transpose of `conv1d`: each element of the input times the kernel is added to its window
    of the result. PyTorch's signature.

    input           (batch, channels, n) or (channels, n)
    weight          (channels, results / groups, taps)
    padding         how many elements are cut off at both ends
    output_padding  how many elements the result has more at its end

    Other arguments are those of `conv1d`.

    Returns (batch, results, m), without the batch if input has none, in the dtype that the operands
    promote to: m = (n - 1) * stride - 2 * padding + dilation * (taps - 1) + output_padding + 1.
    Raises GraphError, a TypeError, for shapes that do not fit, groups that do not divide channels,
    output_padding that is not below stride or dilation, more padding than there are elements, and
    numbers that are none; ValueError where only a call can tell.

        >>> pt.nn.conv_transpose1d([[1.0, 2.0]], [[[1.0, 1.0, 1.0]]], stride=2).eval()
        array([[1., 1., 3., 2., 2.]])
    """
    rest = bias, stride, padding, output_padding, groups, dilation
    return _transpose("nn.conv_transpose1d", 1, input, weight, *rest)


@public(name="nn.conv_transpose2d")
def conv_transpose2d(
    input: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Node:
    """`conv_transpose1d` along two axes: the transpose of `conv2d`. Numbers are for both axes, or
    one for each.

    Returns (batch, results, height, width) in the dtype that the operands promote to.
    Raises GraphError, a TypeError, and ValueError as `conv_transpose1d`.

        >>> pt.nn.conv_transpose2d([[[1.0, 2.0]]], [[[[1.0, 1.0], [0.0, 2.0]]]]).eval()
        array([[[1., 3., 2.],
                [0., 2., 4.]]])
    """
    rest = bias, stride, padding, output_padding, groups, dilation
    return _transpose("nn.conv_transpose2d", 2, input, weight, *rest)


@public(name="nn.conv_transpose3d")
def conv_transpose3d(
    input: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Node:
    """`conv_transpose1d` along three axes: the transpose of `conv3d`. Numbers are for all axes, or
    one for each.

    Returns (batch, results, depth, height, width) in the dtype that the operands promote to.
    Raises GraphError, a TypeError, and ValueError as `conv_transpose1d`.

        >>> pt.nn.conv_transpose3d(np.ones((1, 1, 2, 2, 2)), np.ones((1, 3, 2, 2, 2))).shape
        (1, 3, 3, 3, 3)
    """
    rest = bias, stride, padding, output_padding, groups, dilation
    return _transpose("nn.conv_transpose3d", 3, input, weight, *rest)


@public(name="nn.separable_conv1d")
def separable_conv1d(
    input: TensorLike,
    depthwise: TensorLike,
    pointwise: TensorLike,
    bias: TensorLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
) -> Node:
    """A `conv1d` of each channel by itself, and then one of all of its results with one tap.

    depthwise  (channels * k, 1, taps): k results of each channel
    pointwise  (results, channels * k, 1)

    Other arguments are those of `conv1d`.

    Returns (batch, results, windows) in the dtype that the operands promote to.
    Raises GraphError, a TypeError, and ValueError as `conv1d`.

        >>> x = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
        >>> pt.nn.separable_conv1d(x, np.ones((2, 1, 2)), [[[1.0], [10.0]]]).eval()
        array([[ 93., 115.]])
    """
    rest = bias, stride, padding, dilation
    return _separable("nn.separable_conv1d", 1, input, depthwise, pointwise, *rest)


@public(name="nn.separable_conv2d")
def separable_conv2d(
    input: TensorLike,
    depthwise: TensorLike,
    pointwise: TensorLike,
    bias: TensorLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
) -> Node:
    """`separable_conv1d` along two axes: depthwise (channels * k, 1, rows, columns), pointwise
    (results, channels * k, 1, 1).

    Returns (batch, results, windows, windows) in the dtype that the operands promote to.
    Raises GraphError, a TypeError, and ValueError as `conv1d`.

        >>> x, d, p = np.ones((2, 5, 5)), np.ones((2, 1, 3, 3)), np.ones((4, 2, 1, 1))
        >>> pt.nn.separable_conv2d(x, d, p).shape
        (4, 3, 3)
    """
    rest = bias, stride, padding, dilation
    return _separable("nn.separable_conv2d", 2, input, depthwise, pointwise, *rest)


def _conv(
    what: str, rank: int, given: object, weight: object, bias: object, *settings: object
) -> Node:
    stride, padding, dilation, groups = settings
    x, w, is_one = _operands(what, rank, given, weight)
    groups = _groups(what, groups)
    x = _channels(what, x, w, groups)
    strides = each_of(what, "stride", stride, rank)
    dilations = each_of(what, "dilation", dilation, rank)
    spans = [span_of(taps, d) for taps, d in zip(w.shape[2:], dilations)]
    pads = pads_of(what, padding, x.shape[2:], spans, strides)
    x = padded(what, x, pads, spans, "kernel")
    found = correlated(x, w, strides, dilations, groups, what)
    return _finished(what, found, bias, is_one)


def _transpose(
    what: str, rank: int, given: object, weight: object, bias: object, *settings: object
) -> Node:
    stride, padding, output_padding, groups, dilation = settings
    x, w, is_one = _operands(what, rank, given, weight)
    groups = _groups(what, groups)
    text = ("weight is for ", w.shape[0], " channels, and input has ", x.shape[1],
            "; the axes of weight are channels, results / groups, taps")  # fmt: skip
    fits = SizeCheck(w.shape[0], "==", x.shape[1], text)
    x = asked_for(x, what, fits, _divides(w.shape[0], groups, "channels"))
    strides = each_of(what, "stride", stride, rank)
    dilations = each_of(what, "dilation", dilation, rank)
    cut = each_of(what, "padding", padding, rank, least=0)
    more = each_of(what, "output_padding", output_padding, rank, least=0)
    for extra, s, d in zip(more, strides, dilations):
        if extra >= max(s, d):
            raise GraphError(
                f"{what}: output_padding={extra} is not below stride={s} or dilation={d}"
            )
    spans = [span_of(taps, d) for taps, d in zip(w.shape[2:], dilations)]
    sizes = [(n - 1) * s + span for n, s, span in zip(x.shape[2:], strides, spans)]
    found = _turned(x, w, strides, dilations, groups, sizes)
    for k, (size, p, extra) in enumerate(zip(sizes, cut, more)):
        text = ("padding cuts ", 2 * p, " elements off ", size + extra)
        found = asked_for(found, what, SizeCheck(2 * p, "<=", size + extra, text))
        if extra > p:
            found = ops.pad(found, {2 + k: (0, extra - p)})
        found = ops.narrow(found, 2 + k, p, size - 2 * p + extra)
    return _finished(what, found, bias, is_one)


def _turned(x: Node, w: Node, *settings: object) -> Node:
    """`transposed` in the dtype that both promote to; of complex numbers, that of their parts."""
    dtype = promote(x.dtype, w.dtype)
    if dtype.kind == "c":
        parts = [(ops.real(y), ops.imag(y)) for y in (x, w)]
        rr, ri, ir, ii = (_turned(y, z, *settings) for y in parts[0] for z in parts[1])
        return ops.complex(rr - ii, ri + ir)
    summed = dtype if dtype.kind == "f" else "int64"
    return ops.astype(transposed(ops.astype(x, summed), ops.astype(w, summed), *settings), dtype)


def _separable(
    what: str, rank: int, given: object, depthwise: object, pointwise: object, *rest: object
) -> Node:
    bias, stride, padding, dilation = rest
    x, d, p = map(as_tensor, (given, depthwise, pointwise))
    channels = x.shape[-rank - 1] if x.ndim > rank else None
    if not isinstance(channels, int):
        raise GraphError(f"{what}: the number of channels of input must be known{described(x)}")
    apart = _conv(what, rank, x, d, None, stride, padding, dilation, channels)
    if p.ndim != rank + 2:
        raise GraphError(f"{what}: pointwise has {rank + 2} axes, not {p.ndim}{described(p)}")
    text = ("pointwise is for ", p.shape[1], " channels, and depthwise has ", d.shape[0],
            " results")  # fmt: skip
    one = [SizeCheck(n, "==", 1, ("pointwise has ", n, " taps, not 1")) for n in p.shape[2:]]
    p = asked_for(p, what, SizeCheck(p.shape[1], "==", d.shape[0], text), *one)
    return _conv(what, rank, apart, p, bias, 1, 0, 1, 1)


def _operands(what: str, rank: int, given: object, weight: object) -> tuple[Node, Node, bool]:
    """Input and kernel, and whether the input is one item, which then is a batch."""
    x, w = as_tensor(given), as_tensor(weight)
    if x.ndim not in (rank + 1, rank + 2):
        raise GraphError(
            f"{what}: input has {rank + 2} axes, a batch, channels and {rank} more, or {rank + 1} "
            f"without a batch, not {x.ndim}{described(x)}"
        )
    if w.ndim != rank + 2:
        raise GraphError(f"{what}: weight has {rank + 2} axes, not {w.ndim}{described(w)}")
    if any(isinstance(n, int) and n == 0 for n in w.shape):
        raise GraphError(f"{what}: weight has no elements{described(w)}")
    is_one = x.ndim == rank + 1
    return (ops.expand_dims(x, 0) if is_one else x), w, is_one


def _groups(what: str, groups: object) -> int:
    return each_of(what, "groups", groups, 1)[0]


def _divides(n: Size, groups: int, name: str) -> SizeCheck:
    whole = size_floordiv(n, groups) * groups
    return SizeCheck(n, "==", whole, (f"groups={groups} does not divide ", n, f" {name}"))


def _channels(what: str, x: Node, w: Node, groups: int) -> Node:
    """x, whose channels and whose results fit; GraphError if they do not for certain."""
    channels, (results, each) = x.shape[1], w.shape[:2]
    of = f" in each of {groups} groups" if groups > 1 else ""
    text = ("weight is for ", each, f" channels{of}, and input has ", channels,
            "; the axes of weight are results, channels / groups, taps")  # fmt: skip
    fits = SizeCheck(each * groups, "==", channels, text)
    return asked_for(
        x, what, _divides(channels, groups, "channels"), _divides(results, groups, "results"), fits
    )


def _finished(what: str, found: Node, bias: object, is_one: bool) -> Node:
    """The results with a bias, and without a batch where there was none."""
    if bias is not None:
        b = as_tensor(bias)
        results = found.shape[1]
        wrong = isinstance(results, int) and b.ndim == 1 and b.shape[0] != results
        if b.ndim != 1 or (wrong and isinstance(b.shape[0], int)):
            raise GraphError(
                f"{what}: bias has a number for each of {results} results{described(b)}"
            )
        text = ("bias has ", b.shape[0], " numbers for ", results, " results")
        b = asked_for(b, what, SizeCheck(b.shape[0], "==", results, text))
        found = found + ops.expand_dims(b, tuple(range(1, found.ndim - 1)))
    return found[0] if is_one else found
