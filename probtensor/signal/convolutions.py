"""Convolutions and correlations along several axes, by the names and signatures of scipy.signal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.fourier.functions import fftn, ifftn, irfftn, rfftn
from probtensor.ops.reductions.folds import Axis, described, listed_axes
from probtensor.ops.shapes.convolution import MODES, correlated
from probtensor.ops.shapes.windows import windows_of
from probtensor.types import (
    Size,
    SizeCheck,
    broadcast_size,
    promote,
    size_max,
    size_min,
)

METHODS = ("auto", "direct", "fft")
BOUNDARIES = {"fill": "constant", "wrap": "wrap", "symm": "symmetric"}
LETTERS = "abcdefghijklmnopqrstuvwxy"


@public(name="signal.convolve")
def convolve(in1: TensorLike, in2: TensorLike, mode: str = "full", method: str = "auto") -> Node:
    """The convolution of two tensors with as many axes, along all of them; SciPy's signature.

    mode    "full": all of it, where the tensors overlap in one element and more; "same": the middle
            of that, of the shape of in1; "valid": where the smaller tensor lies within the larger
    method  "direct": sums of products; "fft": by Fourier transforms, with rounding errors of the
            size of the largest results; "auto": for floats the one that takes fewer operations,
            where sizes are known, else "direct"

    Returns a tensor in the dtype that in1 and in2 promote to.
    Raises GraphError, a TypeError, for different numbers of axes, no elements, another mode or
    method, and for "valid" if neither tensor is as large as the other along all axes; ValueError
    for a call without elements.

        >>> pt.signal.convolve([[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0]]).eval()
        array([[1., 3., 2.],
               [3., 7., 4.]])
    """
    a, v = _pair("signal.convolve", in1, in2, mode, method)
    return _by_method("signal.convolve", a, v, mode, method)


@public(name="signal.correlate")
def correlate(in1: TensorLike, in2: TensorLike, mode: str = "full", method: str = "auto") -> Node:
    """The cross-correlation of two tensors with as many axes, along all of them: the convolution
    of in1 with in2 back to front and conjugated. SciPy's signature; arguments are those of
    `pt.signal.convolve`.

    Returns a tensor in the dtype that in1 and in2 promote to.
    Raises GraphError, a TypeError, and ValueError as `pt.signal.convolve`.

        >>> pt.signal.correlate([1.0, 2.0, 3.0], [0.0, 1.0, 0.5], mode="same").eval()
        array([2. , 3.5, 3. ])
    """
    a, v = _pair("signal.correlate", in1, in2, mode, method)
    return _by_method("signal.correlate", a, ops.conj(ops.flip(v)), mode, method)


@public(name="signal.fftconvolve")
def fftconvolve(in1: TensorLike, in2: TensorLike, mode: str = "full", axes: Axis = None) -> Node:
    """The convolution of two tensors by Fourier transforms, along `axes` (None: all of them); along
    other axes they broadcast. SciPy's signature; modes are those of `pt.signal.convolve`.

    Returns a tensor in the dtype that in1 and in2 promote to as floats.
    Raises GraphError, a TypeError, for different numbers of axes, no elements, an axis that is
    none, another mode, and for "valid" if neither tensor is as large as the other along the axes.

        >>> pt.signal.fftconvolve([1.0, 2.0, 3.0], [1.0, 1.0]).eval()
        array([1., 3., 5., 3.])
    """
    what = "signal.fftconvolve"
    a, v = _pair(what, in1, in2, mode, "fft")
    return _by_fft(what, a, v, mode, listed_axes(axes, a, what))


@public(name="signal.convolve1d")
def convolve1d(in1: TensorLike, in2: TensorLike, mode: str = "full") -> Node:
    """The convolution along the last axis of both, repeated over leading axes, which broadcast;
    PyTensor's signature. Modes are those of `pt.signal.convolve`.

    Returns a tensor in the dtype that in1 and in2 promote to.
    Raises GraphError, a TypeError, for tensors without axes, no elements, and another mode;
    ValueError for a call without elements.

        >>> pt.signal.convolve1d([[1.0, 2.0], [3.0, 4.0]], [1.0, -1.0]).eval()
        array([[ 1.,  1., -2.],
               [ 3.,  1., -4.]])
    """
    a, v = _batches("signal.convolve1d", in1, in2, mode, 1)
    return _direct("signal.convolve1d", a, v, mode, 1)


@public(name="signal.convolve2d")
def convolve2d(
    in1: TensorLike,
    in2: TensorLike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: TensorLike = 0,
    method: str = "direct",
) -> Node:
    """The convolution of two matrices; SciPy's signature, with PyTensor's `method`. Leading axes
    are batches, and broadcast.

    mode       as of `pt.signal.convolve`
    boundary   what is around in1: "fill": `fillvalue`; "wrap": in1 again; "symm": in1 mirrored
    method     as of `pt.signal.convolve`

    Returns a tensor in the dtype that in1 and in2 promote to.
    Raises GraphError, a TypeError, for fewer than two axes, no elements, another mode, boundary or
    method, and for "valid" if neither matrix is as large as the other along both axes.

        >>> pt.signal.convolve2d([[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0]], "same", "wrap").eval()
        array([[3., 3.],
               [7., 7.]])
    """
    what = "signal.convolve2d"
    a, v = _batches(what, in1, in2, mode, 2)
    return _bounded(what, a, v, mode, boundary, fillvalue, method)


@public(name="signal.correlate2d")
def correlate2d(
    in1: TensorLike,
    in2: TensorLike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: TensorLike = 0,
) -> Node:
    """The cross-correlation of two matrices; SciPy's signature. Arguments are those of
    `pt.signal.convolve2d`.

    Returns a tensor in the dtype that in1 and in2 promote to.
    Raises GraphError, a TypeError, as `pt.signal.convolve2d`.

        >>> pt.signal.correlate2d([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0]], "valid").eval()
        array([[ 5.],
               [11.]])
    """
    what = "signal.correlate2d"
    a, v = _batches(what, in1, in2, mode, 2)
    turned = ops.conj(ops.flip(v, (-2, -1)))
    return _bounded(what, a, turned, mode, boundary, fillvalue, "direct", later=1)


def _pair(what: str, in1: object, in2: object, mode: str, method: str) -> tuple[Node, Node]:
    """Two operands with as many axes."""
    a, v = as_tensor(in1), as_tensor(in2)
    _option(what, "mode", mode, MODES)
    _option(what, "method", method, METHODS)
    if a.ndim != v.ndim:
        raise GraphError(
            f"{what}: in1 has {a.ndim} axes and in2 {v.ndim}; ops over leading axes are convolve1d "
            f"and convolve2d{described(a)}"
        )
    return _filled(what, a, v, a.ndim)


def _batches(what: str, in1: object, in2: object, mode: str, rank: int) -> tuple[Node, Node]:
    """Two operands whose last axes are convolved."""
    a, v = as_tensor(in1), as_tensor(in2)
    _option(what, "mode", mode, MODES)
    for name, x in (("in1", a), ("in2", v)):
        if x.ndim < rank:
            wanted = "an axis" if rank == 1 else "two axes"
            raise GraphError(f"{what}: {name} has fewer than {wanted}{described(x)}")
    return _filled(what, a, v, rank)


def _filled(what: str, a: Node, v: Node, rank: int) -> tuple[Node, Node]:
    """Two operands whose last axes are not empty."""
    found = []
    for name, x in (("in1", a), ("in2", v)):
        sizes = x.shape[x.ndim - rank :]
        if any(isinstance(n, int) and n == 0 for n in sizes):
            raise GraphError(f"{what}: {name} has no elements{described(x)}")
        laws = [SizeCheck(1, "<=", n, (f"{name} has no elements",)) for n in sizes]
        found.append(asked_for(x, what, *laws))
    return found[0], found[1]


def _option(what: str, name: str, given: object, known: Sequence[str]) -> None:
    if not isinstance(given, str) or given not in known:
        names = ", ".join(repr(k) for k in known)
        raise GraphError(f"{what}: {name} is one of {names}, not {given!r:.60}")


def _by_method(what: str, a: Node, v: Node, mode: str, method: str) -> Node:
    if not a.ndim:
        return a * v
    if method == "fft" or (method == "auto" and _is_long(a, v)):
        found = _by_fft(what, a, v, mode, tuple(range(a.ndim)))
        dtype = promote(a.dtype, v.dtype)
        return ops.astype(ops.rint(found) if dtype.kind in "biu" else found, dtype)
    return _direct(what, a, v, mode, a.ndim)


def _is_long(a: Node, v: Node) -> bool:
    """Whether transforms of floats take fewer operations than sums."""
    sizes = [*a.shape, *v.shape]
    if not all(isinstance(n, int) for n in sizes) or promote(a.dtype, v.dtype).kind not in "fc":
        return False
    whole = math.prod(n + m - 1 for n, m in zip(a.shape, v.shape))
    return min(math.prod(a.shape), math.prod(v.shape)) > 50 * math.log2(whole + 1)


def _part(n: Size, m: Size, mode: str, later: int = 0) -> tuple[Size, Size]:
    """Where the part of a full convolution along an axis begins, and its size."""
    if mode == "full":
        return 0, n + m - 1
    if mode == "same":
        return (m - 1 + later) // 2, n
    short, long = size_min(n, m), size_max(n, m)
    return short - 1, long - short + 1


def _within(what: str, a: Node, n: Sequence[Size], m: Sequence[Size]) -> Node:
    """The first operand, with the law that sizes n or sizes m are as large as the others along all
    axes: no two axes differ in opposite directions."""
    rule = "for mode='valid' one operand is at least as large as the other along all axes, not "
    text = (rule, tuple(n), " and ", tuple(m))
    gaps = [one - other for one, other in zip(n, m)]
    pairs = combinations(gaps, 2)
    return asked_for(a, what, *(SizeCheck(0, "<=", one * other, text) for one, other in pairs))


def _bounded(
    what: str,
    a: Node,
    v: Node,
    mode: str,
    boundary: str,
    fillvalue: object,
    method: str,
    later: int = 0,
) -> Node:
    """A convolution of matrices with something around the first; of "same", the middle that many
    halves `later`."""
    _option(what, "boundary", boundary, tuple(BOUNDARIES))
    _option(what, "method", method, METHODS)
    zero = isinstance(fillvalue, (int, float)) and fillvalue == 0
    if mode == "valid" or (boundary == "fill" and zero):
        if method == "fft" and a.ndim == v.ndim:
            axes = (a.ndim - 2, a.ndim - 1)
            return ops.astype(_by_fft(what, a, v, mode, axes), promote(a.dtype, v.dtype))
        return _direct(what, a, v, mode, 2, later)
    options = {}
    if boundary == "fill":
        value = as_tensor(fillvalue)
        if value.ndim:
            raise GraphError(f"{what}: fillvalue is one number{described(value)}")
        a = ops.astype(a, promote(a.dtype, v.dtype))
        options = {"constant_values": ops.astype(value, a.dtype)}
    pads, key = [(0, 0)] * (a.ndim - 2), []
    for n, m in zip(a.shape[-2:], v.shape[-2:]):
        start, size = _part(n, m, mode, later)
        pads.append((m - 1, m - 1))
        key.append(slice(start, start + size + m - 1))
    around = ops.pad(a, pads, BOUNDARIES[boundary], **options)
    return _direct(what, around[(..., *key)], v, "within", 2)


def _direct(what: str, a: Node, v: Node, mode: str, rank: int, later: int = 0) -> Node:
    """A convolution along the last axes by sums; with mode "within" in2 lies within in1."""
    n, m = a.shape[a.ndim - rank :], v.shape[v.ndim - rank :]
    if mode == "valid":
        a = _within(what, a, n, m)
        if all(isinstance(size, int) for size in (*n, *m)):
            if any(size < taps for size, taps in zip(n, m)):
                a, v, n, m = v, a, m, n
            mode = "within"
    if mode != "within":
        pads = [(0, 0)] * (a.ndim - rank) + [(size - 1, size - 1) for size in m]
        a = ops.pad(a, pads)
        for k, pair in enumerate(zip(n, m)):
            start, size = _part(*pair, mode, later)
            a = ops.narrow(a, a.ndim - rank + k, start, size + m[k] - 1)
    kernel = ops.flip(v, tuple(range(-rank, 0)))
    return _windowed(what, a, kernel, rank)


def _windowed(what: str, a: Node, v: Node, rank: int) -> Node:
    """The correlation of last axes, over leading axes that broadcast."""
    lead, other = a.shape[: a.ndim - rank], v.shape[: v.ndim - rank]
    ones = (1,) * rank
    if all(n == 1 for n in other):
        batch = ops.reshape(a, (math.prod(lead), 1, *a.shape[a.ndim - rank :]))
        kernel = ops.reshape(v, (1, 1, *v.shape[v.ndim - rank :]))
        found = correlated(batch, kernel, ones, ones, what=what)
        lead = (*(1,) * (len(other) - len(lead)), *lead)
        return ops.reshape(found, (*lead, *found.shape[2:]))
    count = max(len(lead), len(other))
    pairs = zip((1,) * (count - len(lead)) + lead, (1,) * (count - len(other)) + other)
    joint = tuple(broadcast_size(n, m) for n, m in pairs)
    a = ops.broadcast_to(a, (*joint, *a.shape[a.ndim - rank :]))
    v = ops.broadcast_to(v, (*joint, *v.shape[v.ndim - rank :]))
    if all(isinstance(n, int) for n in joint):
        groups = math.prod(joint)
        batch = ops.reshape(a, (1, groups, *a.shape[count:]))
        kernel = ops.reshape(v, (groups, 1, *v.shape[count:]))
        if groups:
            found = correlated(batch, kernel, ones, ones, groups, what)
            return ops.reshape(found, (*joint, *found.shape[2:]))
    for k in range(rank):
        a = windows_of(a, count + k, v.shape[count + k])
    batches, places, taps = LETTERS[:count], LETTERS[-2 * rank : -rank], LETTERS[-rank:]
    return ops.contract(f"{batches}{places}{taps},{batches}{taps}->{batches}{places}", a, v)


def _by_fft(what: str, a: Node, v: Node, mode: str, axes: tuple[int, ...]) -> Node:
    """A convolution along axes as a product of transforms."""
    n, m = [a.shape[k] for k in axes], [v.shape[k] for k in axes]
    if mode == "valid":
        a = _within(what, a, n, m)
    whole = [one + other - 1 for one, other in zip(n, m)]
    sizes = [_fast(size) for size in whole]
    if promote(a.dtype, v.dtype).kind == "c":
        found = ifftn(fftn(a, sizes, axes) * fftn(v, sizes, axes), sizes, axes)
    else:
        found = irfftn(rfftn(a, sizes, axes) * rfftn(v, sizes, axes), sizes, axes)
    for k, *pair in zip(axes, n, m):
        found = ops.narrow(found, k, *_part(*pair, mode))
    return found


def _fast(size: Size) -> Size:
    """The next size that has no prime factor above 5; a symbolic size as it is."""
    if not isinstance(size, int):
        return size
    best = 1 << max(size - 1, 0).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            twos = -(-size // three)
            best = min(best, three << max(twos - 1, 0).bit_length())
            three *= 3
        five *= 5
    return best
