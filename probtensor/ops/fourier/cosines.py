"""Discrete cosine and sine transforms by the names and signatures of scipy.fft."""

from __future__ import annotations

import math
from collections.abc import Sequence

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.fourier.real_transforms import COSINES, SINES, weighed
from probtensor.ops.fourier.sizes import (
    float_like,
    one_length,
    one_place,
    reals,
    resized,
    scale_of,
    sizes_and_axes,
)
from probtensor.ops.reductions.folds import Axis
from probtensor.types import Size

INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}


def _transformed(
    what: str, x: Node, type: int, n: Size | None, axis: int, norm: str | None, ortho: bool | None
) -> Node:
    """A transform along one axis, of float64. Its name says which: "dct", "idstn", ..."""
    if isinstance(type, bool) or type not in INVERSE:
        raise GraphError(f"{what}: type is 1, 2, 3 or 4, not {type!r:.60}")
    sines, backward = "dst" in what, what.startswith("i")
    kind = INVERSE[type] if backward else type
    x = ops.moveaxis(resized(x, axis, x.shape[axis] if n is None else n, what), axis, -1)
    count = x.shape[-1]
    if not sines and kind == 1 and isinstance(count, int) and count < 2:
        raise GraphError(f"{what}: type 1 is of 2 points or more, not {count}")
    period = 2 * (count + sines - (not sines) if kind == 1 else count)
    scale = scale_of(norm, [period], backward, what)
    first, last = not sines, sines or kind == 1
    whole = (norm == "ortho" if ortho is None else ortho) and kind != 4
    weigh = whole and not (sines and kind == 1)
    if weigh and kind != 2:
        x = weighed(x, math.sqrt(2), first, last)
    found = (SINES if sines else COSINES)[kind](x)
    if weigh and kind != 3:
        found = weighed(found, math.sqrt(0.5), first, last)
    scaled = found if isinstance(scale, float) and scale == 1 else found * scale
    return ops.moveaxis(scaled, -1, axis)


def _along_one(
    what: str, x: TensorLike, type: int, n: Size | None, axis: int, norm: str | None, ortho: object
) -> Node:
    x = as_tensor(x)
    place = one_place(axis, x, what)
    n = None if n is None else one_length(n, what)
    found = _transformed(what, reals(x, what), type, n, place, norm, ortho)
    return ops.astype(found, float_like(x))


def _along_several(
    what: str,
    x: TensorLike,
    type: int,
    s: Sequence[Size] | None,
    axes: Axis,
    norm: str | None,
    ortho: object,
) -> Node:
    x = as_tensor(x)
    s, axes = sizes_and_axes(x, s, axes, what)
    found = reals(x, what)
    for n, axis in zip(s, axes, strict=True):
        found = _transformed(what, found, type, n, axis, norm, ortho)
    return ops.astype(found, float_like(x))


@public(lacks=("workers",))
def dct(
    x: TensorLike,
    type: int = 2,
    n: Size | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: None = None,
    orthogonalize: bool | None = None,
) -> Node:
    """The discrete cosine transform of a type from 1 to 4 along an axis; see `Dct1` to `Dct4`.

    x              a real tensor
    n              the number of points: the first n, or with zeros after them; by default all
    norm           "backward" (default), "ortho" or "forward"; the period that it divides by is
                   2 (n - 1) for type 1, else 2n
    orthogonalize  whether the ends are weighed so that "ortho" is an orthogonal matrix; by default
                   where norm is "ortho"
    overwrite_x    makes no difference

    Returns a tensor of the shape of x, with n points along the axis: float32 if x is, else float64.
    Raises GraphError, a TypeError, for complex numbers, an axis that x has not, no points, and
    another type or norm.

        >>> pt.fft.dct([1.0, 2.0, 4.0]).eval().round(6)
        array([14.      , -5.196152,  1.      ])
    """
    return _along_one("dct", x, type, n, axis, norm, orthogonalize)


@public(lacks=("workers",))
def dctn(
    x: TensorLike,
    type: int = 2,
    s: Sequence[Size] | None = None,
    axes: Axis = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: None = None,
    *,
    orthogonalize: bool | None = None,
) -> Node:
    """`dct` along several axes, by default all, or the last ones of which `s` has the sizes.

    Returns a tensor, as `dct`.
    Raises what `dct` raises, and GraphError for another number of sizes than of axes.

        >>> pt.fft.dctn([[1.0, 2.0], [3.0, 5.0]]).eval().round(4)
        array([[ 44.    ,  -8.4853],
               [-14.1421,   2.    ]])
    """
    return _along_several("dctn", x, type, s, axes, norm, orthogonalize)


@public(lacks=("workers",))
def idct(
    x: TensorLike,
    type: int = 2,
    n: Size | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: None = None,
    orthogonalize: bool | None = None,
) -> Node:
    """The inverse of `dct` of a type from 1 to 4, with its arguments.

    Returns a tensor, as `dct`. Raises what `dct` raises.

        >>> pt.fft.idct(pt.fft.dct([1.0, 2.0, 3.0])).eval().round(6)
        array([1., 2., 3.])
    """
    return _along_one("idct", x, type, n, axis, norm, orthogonalize)


@public(lacks=("workers",))
def idctn(
    x: TensorLike,
    type: int = 2,
    s: Sequence[Size] | None = None,
    axes: Axis = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: None = None,
    *,
    orthogonalize: bool | None = None,
) -> Node:
    """`idct` along several axes, by default all, or the last ones of which `s` has the sizes.

    Returns a tensor, as `idct`.
    Raises what `idct` raises, and GraphError for another number of sizes than of axes.

        >>> pt.fft.idctn([[1.0, 2.0], [3.0, 5.0]]).eval().round(4)
        array([[ 1.1294, -0.4741],
               [-0.6509,  0.2456]])
    """
    return _along_several("idctn", x, type, s, axes, norm, orthogonalize)


@public(lacks=("workers",))
def dst(
    x: TensorLike,
    type: int = 2,
    n: Size | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: None = None,
    orthogonalize: bool | None = None,
) -> Node:
    """The discrete sine transform of a type from 1 to 4 along an axis; see `Dst1` to `Dst4`. The
    arguments are those of `dct`; the period of type 1 is 2 (n + 1).

    Returns a tensor of the shape of x, with n points along the axis: float32 if x is, else float64.
    Raises what `dct` raises.

        >>> pt.fft.dst([1.0, 2.0, 3.0]).eval().round(6)
        array([ 8.      , -3.464102,  4.      ])
    """
    return _along_one("dst", x, type, n, axis, norm, orthogonalize)


@public(lacks=("workers",))
def dstn(
    x: TensorLike,
    type: int = 2,
    s: Sequence[Size] | None = None,
    axes: Axis = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: None = None,
    *,
    orthogonalize: bool | None = None,
) -> Node:
    """`dst` along several axes, by default all, or the last ones of which `s` has the sizes.

    Returns a tensor, as `dst`.
    Raises what `dst` raises, and GraphError for another number of sizes than of axes.

        >>> pt.fft.dstn([[1.0, 2.0], [3.0, 5.0]]).eval().round(4)
        array([[ 22.    ,  -8.4853],
               [-14.1421,   4.    ]])
    """
    return _along_several("dstn", x, type, s, axes, norm, orthogonalize)


@public(lacks=("workers",))
def idst(
    x: TensorLike,
    type: int = 2,
    n: Size | None = None,
    axis: int = -1,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: None = None,
    orthogonalize: bool | None = None,
) -> Node:
    """The inverse of `dst` of a type from 1 to 4, with its arguments.

    Returns a tensor, as `dst`. Raises what `dct` raises.

        >>> pt.fft.idst(pt.fft.dst([1.0, 2.0, 3.0])).eval().round(6)
        array([1., 2., 3.])
    """
    return _along_one("idst", x, type, n, axis, norm, orthogonalize)


@public(lacks=("workers",))
def idstn(
    x: TensorLike,
    type: int = 2,
    s: Sequence[Size] | None = None,
    axes: Axis = None,
    norm: str | None = None,
    overwrite_x: bool = False,
    workers: None = None,
    *,
    orthogonalize: bool | None = None,
) -> Node:
    """`idst` along several axes, by default all, or the last ones of which `s` has the sizes.

    Returns a tensor, as `idst`.
    Raises what `idst` raises, and GraphError for another number of sizes than of axes.

        >>> pt.fft.idstn([[1.0, 2.0], [3.0, 5.0]]).eval().round(4)
        array([[ 0.8794, -0.0991],
               [-0.2759, -0.0044]])
    """
    return _along_several("idstn", x, type, s, axes, norm, orthogonalize)
