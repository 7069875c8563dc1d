"""Discrete Fourier transforms by the names and signatures of numpy.fft.

Over several axes a transform is made two axes at a time. float32 and complex64 are transformed in
double precision and rounded once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.complexes.pair import over
from probtensor.ops.fourier import transforms
from probtensor.ops.fourier.sizes import (
    float_like,
    given_pairs,
    one_length,
    one_place,
    reals,
    resized,
    scale_of,
    sizes_and_axes,
)
from probtensor.ops.kinds import Core
from probtensor.ops.reductions.folds import Axis, listed_axes
from probtensor.types import Dim, Size

SWAPPED = {"backward": "forward", None: "forward", "ortho": "ortho", "forward": "backward"}


def _finished(pairs: Node, scale: Node | float, dtype: str) -> Node:
    """Pairs as complex numbers, times a factor."""
    scaled = pairs if isinstance(scale, float) and scale == 1 else pairs * scale
    return over(ops.astype(scaled, dtype))


def _last(x: Node, axes: Sequence[int], pairs: int) -> tuple[Node, tuple[int, ...]]:
    """x with these axes last, before `pairs` axes of pairs, and the order that takes them back."""
    count = x.ndim - pairs
    order = [k for k in range(count) if k not in axes] + list(axes)
    back = tuple(order.index(k) for k in range(count))
    if order == list(range(count)):
        return x, ()
    return ops.transpose(x, (*order, *range(count, x.ndim))), back


def _restored(x: Node, back: tuple[int, ...], pairs: int) -> Node:
    return ops.transpose(x, (*back, *range(x.ndim - pairs, x.ndim))) if back else x


def _over_axes(x: Node, kinds: Mapping[int, Core], axes: Sequence[int]) -> Node:
    """A transform of pairs along axes, two at a time, the last ones first."""
    left = list(axes)
    while left:
        count = 2 if len(left) > 1 and left[-1] != left[-2] else 1
        now, left = left[-count:], left[:-count]
        moved, back = _last(x, now, 1)
        x = _restored(kinds[count](moved), back, 1)
    return x


def _full(
    a: TensorLike, s: Sequence, axes: Sequence[int], norm: str | None, backward: bool, what: str
) -> Node:
    """`fftn` or `ifftn` of a tensor, with sizes or None for each axis."""
    a = as_tensor(a)
    x = given_pairs(a) if a.is_complex else reals(a, what)
    for n, axis in zip(s, axes, strict=True):
        x = resized(x, axis, x.shape[axis] if n is None else n, what)
    scale = scale_of(norm, [x.shape[axis] for axis in axes], backward, what)
    if a.is_complex:
        kinds = transforms.BACKWARD if backward else transforms.FORWARD
        return _finished(_over_axes(x, kinds, axes), scale, float_like(a))
    count = 2 if len(axes) > 1 and axes[-1] != axes[-2] else 1
    moved, back = _last(x, axes[-count:], 0)
    first = _restored(transforms.OF_REALS[count](moved), back, 1)
    found = _over_axes(first, transforms.FORWARD, axes[:-count])
    found = _finished(found, scale, float_like(a))
    return ops.conj(found) if backward else found


@public
def fft(
    a: TensorLike, n: Size | None = None, axis: int = -1, norm: str | None = None, out: None = None
) -> Node:
    """The discrete Fourier transform along an axis: sum over j of a[j] exp(-2 pi i j k / n).

    a     real or complex
    n     the number of points: the first n, or with zeros after them; by default all
    norm  which direction is scaled: "backward" (default), the inverse, by 1/n; "forward", this one;
          "ortho", both, by 1/sqrt(n)

    Returns a complex tensor of the shape of `a`, with n points along the axis: complex64 for
    float32 and complex64, else complex128.
    Raises GraphError, a TypeError, for an axis that `a` has not, no points, and another norm.

        >>> pt.fft.fft([1.0, 2.0, 3.0, 4.0]).eval()
        array([10.+0.j, -2.+2.j, -2.+0.j, -2.-2.j])
    """
    a = as_tensor(a)
    place = one_place(axis, a, "fft")
    return _full(a, [_count(n, "fft")], [place], norm, False, "fft")


def _count(n: object, what: str) -> Size | None:
    return None if n is None else one_length(n, what)


@public
def ifft(
    a: TensorLike, n: Size | None = None, axis: int = -1, norm: str | None = None, out: None = None
) -> Node:
    """The inverse of `fft`: sum over k of a[k] exp(2 pi i j k / n) / n; the arguments are those of
    `fft`.

    Returns a complex tensor, as `fft`. Raises what `fft` raises.

        >>> pt.fft.ifft([10.0, -2.0 + 2.0j, -2.0, -2.0 - 2.0j]).eval()
        array([1.+0.j, 2.+0.j, 3.+0.j, 4.+0.j])
    """
    a = as_tensor(a)
    place = one_place(axis, a, "ifft")
    return _full(a, [_count(n, "ifft")], [place], norm, True, "ifft")


@public
def fftn(
    a: TensorLike,
    s: Sequence[Size] | None = None,
    axes: Axis = None,
    norm: str | None = None,
    out: None = None,
) -> Node:
    """`fft` along several axes.

    s     the number of points of each axis, -1 for all
    axes  by default all, or with `s` as many as it has entries, the last ones
    norm  as for `fft`

    Returns a complex tensor, as `fft`.
    Raises what `fft` raises, and GraphError for another number of sizes than of axes.

        >>> pt.fft.fftn([[1.0, 2.0], [3.0, 4.0]]).eval().real
        array([[10., -2.],
               [-4.,  0.]])
    """
    a = as_tensor(a)
    s, axes = sizes_and_axes(a, s, axes, "fftn")
    return _full(a, s, axes, norm, False, "fftn")


@public
def ifftn(
    a: TensorLike,
    s: Sequence[Size] | None = None,
    axes: Axis = None,
    norm: str | None = None,
    out: None = None,
) -> Node:
    """The inverse of `fftn`, with its arguments.

    Returns a complex tensor, as `fft`. Raises what `fftn` raises.

        >>> pt.fft.ifftn([[10.0, -2.0], [-4.0, 0.0]]).eval().real
        array([[1., 2.],
               [3., 4.]])
    """
    a = as_tensor(a)
    s, axes = sizes_and_axes(a, s, axes, "ifftn")
    return _full(a, s, axes, norm, True, "ifftn")


@public
def fft2(
    a: TensorLike,
    s: Sequence[Size] | None = None,
    axes: Axis = (-2, -1),
    norm: str | None = None,
    out: None = None,
) -> Node:
    """`fftn` along two axes, by default the last ones.

    Returns a complex tensor, as `fft`. Raises what `fftn` raises.

        >>> pt.fft.fft2([[1.0, 2.0], [3.0, 4.0]]).eval().real
        array([[10., -2.],
               [-4.,  0.]])
    """
    a = as_tensor(a)
    s, axes = sizes_and_axes(a, s, axes, "fft2")
    return _full(a, s, axes, norm, False, "fft2")


@public
def ifft2(
    a: TensorLike,
    s: Sequence[Size] | None = None,
    axes: Axis = (-2, -1),
    norm: str | None = None,
    out: None = None,
) -> Node:
    """The inverse of `fft2`, with its arguments.

    Returns a complex tensor, as `fft`. Raises what `fftn` raises.

        >>> pt.fft.ifft2([[10.0, -2.0], [-4.0, 0.0]]).eval().real
        array([[1., 2.],
               [3., 4.]])
    """
    a = as_tensor(a)
    s, axes = sizes_and_axes(a, s, axes, "ifft2")
    return _full(a, s, axes, norm, True, "ifft2")


# Of reals.


def _half(a: Node, s: Sequence, axes: Sequence[int], norm: str | None, what: str) -> Node:
    """`rfftn` of a tensor, with sizes or None for each axis."""
    x = reals(a, what)
    for n, axis in zip(s, axes, strict=True):
        x = resized(x, axis, x.shape[axis] if n is None else n, what)
    scale = scale_of(norm, [x.shape[axis] for axis in axes], False, what)
    count = min(len(axes), 2)
    moved, back = _last(x, axes[-count:], 0)
    first = _restored(transforms.HALF[count](moved), back, 1)
    return _finished(_over_axes(first, transforms.FORWARD, axes[:-count]), scale, float_like(a))


def _from_half(a: Node, s: Sequence, axes: Sequence[int], norm: str | None, what: str) -> Node:
    """`irfftn` of a tensor, with sizes or None for each axis."""
    x, last = given_pairs(a), axes[-1]
    n = 2 * (x.shape[last] - 1) if s[-1] is None else s[-1]
    if isinstance(n, int) and n < 1:
        raise GraphError(f"{what}: the number of points is 1 or more, not {n}")
    for size, axis in zip(s[:-1], axes[:-1], strict=True):
        x = resized(x, axis, x.shape[axis] if size is None else size, what)
    sizes = [n if axis == last else x.shape[axis] for axis in axes]
    scale = scale_of(norm, sizes, True, what)
    if s[-1] is not None:
        x = resized(x, last, n // 2 + 1, what)
    count = min(len(axes), 2)
    known = s[-1] is None or isinstance(n, int)
    before = axes[:-count] if known else axes[:-1]
    x = _over_axes(x, transforms.BACKWARD, before)
    if not known:
        found = _of_unknown_parity(x, last, n)
    else:
        odd = s[-1] is not None and n % 2 == 1
        moved, back = _last(x, axes[-count:], 1)
        found = _restored((transforms.ODD if odd else transforms.EVEN)[count](moved), back, 0)
    scaled = found if isinstance(scale, float) and scale == 1 else found * scale
    return ops.astype(scaled, float_like(a))


def _of_unknown_parity(x: Node, axis: int, n: Dim) -> Node:
    """n reals from the frequencies from 0 on, by the transform of all frequencies: those past the
    half are conjugates."""
    places = ops.arange(n)
    first = ops.le(places, n // 2)
    index = ops.where(first, places, ops.as_tensor(n) - places)
    rows = ops.moveaxis(ops.take(x, index, axis), axis, -2)
    sign = ops.stack([ops.ones_like(places), ops.where(first, 1, -1)], -1)
    found = transforms.BACKWARD[1](rows * sign)[..., 0]
    return ops.moveaxis(found, -1, axis)


@public
def rfft(
    a: TensorLike, n: Size | None = None, axis: int = -1, norm: str | None = None, out: None = None
) -> Node:
    """`fft` of reals, at the frequencies from 0 to n // 2; the others are conjugates of these. The
    arguments are those of `fft`.

    Returns a complex tensor of the shape of `a`, with n // 2 + 1 results along the axis.
    Raises what `fft` raises, and GraphError for complex numbers.

        >>> pt.fft.rfft([1.0, 2.0, 3.0, 4.0]).eval()
        array([10.+0.j, -2.+2.j, -2.+0.j])
    """
    a = as_tensor(a)
    return _half(a, [_count(n, "rfft")], [one_place(axis, a, "rfft")], norm, "rfft")


@public
def irfft(
    a: TensorLike, n: Size | None = None, axis: int = -1, norm: str | None = None, out: None = None
) -> Node:
    """The inverse of `rfft`: n reals, by default 2 * (m - 1) for m frequencies; an odd n must be
    given. The imaginary parts at frequency 0, and at n / 2 for even n, do not count.

    Returns a real tensor of the shape of `a`, with n points along the axis: float32 for complex64,
    else float64. Raises what `fft` raises.

        >>> pt.fft.irfft([10.0, -2.0 + 2.0j, -2.0]).eval()
        array([1., 2., 3., 4.])
    """
    a = as_tensor(a)
    return _from_half(a, [_count(n, "irfft")], [one_place(axis, a, "irfft")], norm, "irfft")


@public
def rfftn(
    a: TensorLike,
    s: Sequence[Size] | None = None,
    axes: Axis = None,
    norm: str | None = None,
    out: None = None,
) -> Node:
    """`rfft` along the last of several axes, then `fft` along the others. The arguments are those
    of `fftn`.

    Returns a complex tensor, as `rfft`. Raises what `rfft` and `fftn` raise.

        >>> pt.fft.rfftn([[1.0, 2.0], [3.0, 4.0]]).eval().real
        array([[10., -2.],
               [-4.,  0.]])
    """
    a = as_tensor(a)
    s, axes = sizes_and_axes(a, s, axes, "rfftn", distinct=True)
    return _half(a, s, axes, norm, "rfftn")


@public
def irfftn(
    a: TensorLike,
    s: Sequence[Size] | None = None,
    axes: Axis = None,
    norm: str | None = None,
    out: None = None,
) -> Node:
    """The inverse of `rfftn`, with its arguments; the last size is as for `irfft`.

    Returns a real tensor, as `irfft`. Raises what `fftn` raises.

        >>> pt.fft.irfftn([[10.0, -2.0], [-4.0, 0.0]]).eval()
        array([[1., 2.],
               [3., 4.]])
    """
    a = as_tensor(a)
    s, axes = sizes_and_axes(a, s, axes, "irfftn", distinct=True)
    return _from_half(a, s, axes, norm, "irfftn")


@public
def rfft2(
    a: TensorLike,
    s: Sequence[Size] | None = None,
    axes: Axis = (-2, -1),
    norm: str | None = None,
    out: None = None,
) -> Node:
    """`rfftn` along two axes, by default the last ones.

    Returns a complex tensor, as `rfft`. Raises what `rfftn` raises.

        >>> pt.fft.rfft2([[1.0, 2.0], [3.0, 4.0]]).eval().real
        array([[10., -2.],
               [-4.,  0.]])
    """
    a = as_tensor(a)
    s, axes = sizes_and_axes(a, s, axes, "rfft2", distinct=True)
    return _half(a, s, axes, norm, "rfft2")


@public
def irfft2(
    a: TensorLike,
    s: Sequence[Size] | None = None,
    axes: Axis = (-2, -1),
    norm: str | None = None,
    out: None = None,
) -> Node:
    """The inverse of `rfft2`, with its arguments.

    Returns a real tensor, as `irfft`. Raises what `irfftn` raises.

        >>> pt.fft.irfft2([[10.0, -2.0], [-4.0, 0.0]]).eval()
        array([[1., 2.],
               [3., 4.]])
    """
    a = as_tensor(a)
    s, axes = sizes_and_axes(a, s, axes, "irfft2", distinct=True)
    return _from_half(a, s, axes, norm, "irfft2")


@public
def hfft(
    a: TensorLike, n: Size | None = None, axis: int = -1, norm: str | None = None, out: None = None
) -> Node:
    """`fft` of a signal whose second half is the conjugate of the first, which is given; the result
    is real. The arguments are those of `irfft`.

    Returns a real tensor, as `irfft`. Raises what `irfft` raises.

        >>> pt.fft.hfft([1.0, 2.0, 3.0]).eval()
        array([ 8., -2.,  0., -2.])
    """
    a, norm = as_tensor(a), _swapped(norm, "hfft")
    return _from_half(ops.conj(a), [_count(n, "hfft")], [one_place(axis, a, "hfft")], norm, "hfft")


@public
def ihfft(
    a: TensorLike, n: Size | None = None, axis: int = -1, norm: str | None = None, out: None = None
) -> Node:
    """The inverse of `hfft`: the first half of a signal whose second half is its conjugate.

    Returns a complex tensor, as `rfft`. Raises what `rfft` raises.

        >>> pt.fft.ihfft([8.0, -2.0, 0.0, -2.0]).eval().real
        array([1., 2., 3.])
    """
    a, norm = as_tensor(a), _swapped(norm, "ihfft")
    return ops.conj(_half(a, [_count(n, "ihfft")], [one_place(axis, a, "ihfft")], norm, "ihfft"))


def _swapped(norm: str | None, what: str) -> str:
    scale_of(norm, [], False, what)  # which refuses another one
    return SWAPPED[norm]


# Frequencies and shifts.


@public(lacks=("device",))
def fftfreq(n: Size, d: TensorLike = 1.0, device: None = None) -> Node:
    """The frequencies of the results of `fft` of n points, in cycles per unit of the spacing d.

    Returns a float64 tensor of shape (n,): 0, 1, ..., then the negative ones, over n d.
    Raises GraphError, a TypeError, for what is no size.

        >>> pt.fft.fftfreq(4, 0.5).eval()
        array([ 0. ,  0.5, -1. , -0.5])
    """
    n = one_length(n, "fftfreq")
    places = ops.arange(n)
    signed = ops.where(ops.lt(places, (n + 1) // 2), places, places - n)
    return ops.astype(signed, "float64") / (ops.astype(as_tensor(n), "float64") * d)


@public(lacks=("device",))
def rfftfreq(n: Size, d: TensorLike = 1.0, device: None = None) -> Node:
    """The frequencies of the results of `rfft` of n points, in cycles per unit of the spacing d.

    Returns a float64 tensor of shape (n // 2 + 1,): 0, 1, ... over n d.
    Raises GraphError, a TypeError, for what is no size.

        >>> pt.fft.rfftfreq(4, 0.5).eval()
        array([0. , 0.5, 1. ])
    """
    n = one_length(n, "rfftfreq")
    places = ops.astype(ops.arange(n // 2 + 1), "float64")
    return places / (ops.astype(as_tensor(n), "float64") * d)


@public
def fftshift(x: TensorLike, axes: Axis = None) -> Node:
    """The frequencies of `fftfreq` in ascending order: 0 moves to the middle of each axis.

    axes  by default all

    Returns a tensor of the type of x.
    Raises GraphError, a TypeError, for an axis that x has not.

        >>> pt.fft.fftshift([0.0, 1.0, 2.0, -2.0, -1.0]).eval()
        array([-2., -1.,  0.,  1.,  2.])
    """
    x = as_tensor(x)
    found = listed_axes(axes, x, "fftshift")
    return _rolled(x, found, [x.shape[axis] // 2 for axis in found])


@public
def ifftshift(x: TensorLike, axes: Axis = None) -> Node:
    """The inverse of `fftshift`.

    Returns a tensor of the type of x. Raises what `fftshift` raises.

        >>> pt.fft.ifftshift([-2.0, -1.0, 0.0, 1.0, 2.0]).eval()
        array([ 0.,  1.,  2., -2., -1.])
    """
    x = as_tensor(x)
    found = listed_axes(axes, x, "ifftshift")
    return _rolled(x, found, [x.shape[axis] - x.shape[axis] // 2 for axis in found])


def _rolled(x: Node, axes: Sequence[int], shifts: Sequence[Size]) -> Node:
    for axis, shift in zip(axes, shifts, strict=True):
        size = x.shape[axis]
        ends = ops.narrow(x, axis, size - shift, shift), ops.narrow(x, axis, 0, size - shift)
        x = ops.concatenate(ends, axis)
    return x
