"""Means and deviations over axes, by NumPy's arguments."""

from __future__ import annotations

from numbers import Real

from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.complexes.pair import parts_of
from probtensor.ops.kinds import method
from probtensor.ops.reductions.composite import floats
from probtensor.ops.reductions.folds import Axis, chosen, flag, normal_axes
from probtensor.types import Size, check_dtype, size_product


def as_floats(x: TensorLike, dtype: DTypeLike, what: str) -> Node:
    """x in `dtype`, which must be a float dtype; without it integers and bools become float64."""
    if dtype is None:
        return floats(x)
    if not check_dtype(dtype).is_inexact:
        given = check_dtype(dtype)
        raise GraphError(f"{what}: dtype must be one of floats or complex numbers, not {given}")
    return ops.astype(x, dtype)


def _count(
    x: Node, axes: tuple[int, ...], where: TensorLike, keepdims: bool, what: str
) -> Node | Size:
    """The number of elements over `axes`: a number, or with a mask a tensor."""
    if where is not None and where is not True:
        ones = chosen(ops.ones_like(x, dtype=x.dtype.part), where, 0, what)
        return ops.sum(ones, axes, keepdims=keepdims)
    count = size_product(x.shape[a] for a in axes)
    return float(count) if isinstance(count, int) else ops.astype(as_tensor(count), x.dtype.part)


@method
@public(lacks=("out",))
def mean(
    a: TensorLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: TensorLike | None = None,
) -> Node:
    """The mean over `axis` (all axes if None), of the elements that the mask `where` selects;
    integers and bools give float64.

    Returns a tensor without the reduced axes (of size 1 with `keepdims`), float32 if `a` is, else
    float64, or `dtype`.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice.

        >>> pt.mean([[1.0, 2.0], [3.0, 4.0]], axis=0).eval()
        array([2., 3.])
    """
    x = as_floats(a, dtype, "mean")
    axes = normal_axes(axis, x, "mean")
    keepdims = flag(keepdims, "mean: keepdims")
    total = ops.sum(x, axes, keepdims=keepdims, where=where)
    return total / _count(x, axes, where, keepdims, "mean")


@method
@public(lacks=("out",))
def var(
    a: TensorLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: TensorLike | None = None,
    mean: TensorLike | None = None,
    correction: float | None = None,
) -> Node:
    """The mean squared deviation over `axis`, divided by n - ddof (nan or inf where that is not
    positive); by two passes, so that it is accurate where the mean is large.

    `correction` is another name of `ddof`; `mean`, with axes of size 1 for those reduced, saves the
    first pass; the mask `where` selects what counts.

    Returns a tensor without the reduced axes (of size 1 with `keepdims`), float32 if `a` is, else
    float64, or `dtype`.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice. The two
    passes: Chan, Golub and LeVeque (1983), American Statistician 37:242.

        >>> pt.var([[1.0, 2.0], [3.0, 4.0]], axis=0).eval()
        array([1., 1.])
    """
    less = degrees(ddof, correction, "var")
    return _variance("var", as_floats(a, dtype, "var"), axis, less, keepdims, where, mean)


def _variance(
    what: str,
    x: Node,
    axis: Axis,
    less: TensorLike,
    keepdims: bool,
    where: TensorLike,
    mean: TensorLike,
) -> Node:
    axes = normal_axes(axis, x, what)
    keepdims = flag(keepdims, f"{what}: keepdims")
    middle = ops.mean(x, axes, keepdims=True, where=where) if mean is None else mean
    deviation = x - middle
    squares = sum(ops.square(part) for part in parts_of(deviation))
    squares = ops.broadcast_to(squares, x.shape)
    total = ops.sum(squares, axes, keepdims=keepdims, where=where)
    count = _count(x, axes, where, keepdims, what)
    if less == 0:
        return total / count
    left = max(count - less, 0.0) if isinstance(count, float) else ops.maximum(count - less, 0)
    return total / left


def degrees(ddof: TensorLike, correction: TensorLike, what: str) -> TensorLike:
    """What is subtracted from the number of elements, by either of its names."""
    if correction is not None and not (isinstance(ddof, Real) and ddof == 0):
        raise GraphError(f"{what}: ddof and correction are one number, and both are given")
    less = ddof if correction is None else correction
    if isinstance(less, bool) or not isinstance(less, Real):
        raise GraphError(f"{what}: ddof must be a number, not {less!r:.60}")
    return less


@method
@public(lacks=("out",))
def std(
    a: TensorLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: TensorLike | None = None,
    mean: TensorLike | None = None,
    correction: float | None = None,
) -> Node:
    """The square root of `var`, with the same arguments.

    Returns a tensor without the reduced axes (of size 1 with `keepdims`), float32 if `a` is, else
    float64, or `dtype`.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice.

        >>> pt.std([[1.0, 2.0], [3.0, 4.0]], axis=0, ddof=0).eval()
        array([1., 1.])
    """
    less = degrees(ddof, correction, "std")
    x = as_floats(a, dtype, "std")
    return ops.sqrt(_variance("std", x, axis, less, keepdims, where, mean))


@method
@public(lacks=("out",))
def ptp(a: TensorLike, axis: Axis = None, out: None = None, keepdims: bool = False) -> Node:
    """The largest less the smallest element.

    Returns a tensor without the reduced axes (of size 1 with `keepdims`), in the dtype of `a`.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice.

        >>> pt.ptp([[1.0, 2.0], [3.0, 4.0]], axis=0).eval()
        array([2., 2.])
    """
    x = as_tensor(a)
    axes = normal_axes(axis, x, "ptp")
    return ops.max(x, axes, keepdims=keepdims) - ops.min(x, axes, keepdims=keepdims)


@public
def count_nonzero(a: TensorLike, axis: Axis = None, *, keepdims: bool = False) -> Node:
    """The number of elements that are not 0.

    Returns a tensor without the reduced axes (of size 1 with `keepdims`), of int64.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice.

        >>> pt.count_nonzero([0.0, 2.0, 3.0]).eval()
        array(2)
    """
    x = as_tensor(a)
    axes = normal_axes(axis, x, "count_nonzero")
    return ops.sum(ops.astype(x, "bool"), axes, keepdims=keepdims)
