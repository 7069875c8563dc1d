"""Reductions that leave nan out."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike, as_tensor
from probtensor.ops.reductions.folds import Axis, flag, normal_axes, one_axis
from probtensor.ops.reductions.statistics import degrees


def _filled(x: Node, other: float) -> Node:
    """x with another number in the place of each nan."""
    return ops.where(ops.isnan(x), other, x) if x.dtype.is_inexact else x


def _real(x: Node, where: TensorLike | None) -> TensorLike | None:
    """The mask of what counts: no nan, and selected by `where`."""
    if not x.dtype.is_inexact:
        return where
    real = ops.logical_not(ops.isnan(x))
    return real if where is None or where is True else ops.logical_and(real, where)


@public(lacks=("out",))
def nansum(
    a: TensorLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: TensorLike | None = None,
    where: TensorLike | None = None,
) -> Node:
    """`sum`, with the same arguments, in which a nan counts as 0.

    Returns what `sum` returns.
    Raises what `sum` raises.

        >>> pt.nansum([1.0, np.nan, 3.0]).eval()
        array(4.)
    """
    return ops.sum(_filled(as_tensor(a), 0), axis, dtype, None, keepdims, initial, where)


@public(lacks=("out",))
def nanprod(
    a: TensorLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: TensorLike | None = None,
    where: TensorLike | None = None,
) -> Node:
    """`prod`, with the same arguments, in which a nan counts as 1.

    Returns what `prod` returns.
    Raises what `prod` raises.

        >>> pt.nanprod([2.0, np.nan, 3.0]).eval()
        array(6.)
    """
    return ops.prod(_filled(as_tensor(a), 1), axis, dtype, None, keepdims, initial, where)


def _extreme(
    what: str,
    a: TensorLike,
    axis: Axis,
    keepdims: bool,
    initial: TensorLike | None,
    where: TensorLike | None,
) -> Node:
    x = as_tensor(a)
    plain, worst = (ops.max, -np.inf) if what == "nanmax" else (ops.min, np.inf)
    found = plain(_filled(x, worst), axis, None, keepdims, initial, where)
    if not x.type.is_float or initial is not None:
        return found
    return ops.where(ops.all(ops.isnan(x), axis, None, keepdims), np.nan, found)


@public(lacks=("out",))
def nanmax(
    a: TensorLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: TensorLike | None = None,
    where: TensorLike | None = None,
) -> Node:
    """`max`, with the same arguments, of the elements that are not nan; nan where all are.

    Returns what `max` returns.
    Raises what `max` raises.

        >>> pt.nanmax([1.0, np.nan, 3.0]).eval()
        array(3.)
    """
    return _extreme("nanmax", a, axis, keepdims, initial, where)


@public(lacks=("out",))
def nanmin(
    a: TensorLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: TensorLike | None = None,
    where: TensorLike | None = None,
) -> Node:
    """`min`, with the same arguments, of the elements that are not nan; nan where all are.

    Returns what `min` returns.
    Raises what `min` raises.

        >>> pt.nanmin([1.0, np.nan, 3.0]).eval()
        array(1.)
    """
    return _extreme("nanmin", a, axis, keepdims, initial, where)


def _place(what: str, a: TensorLike, axis: int | None, keepdims: bool) -> Node:
    x = as_tensor(a)
    plain, worst = (ops.argmax, -np.inf) if what == "nanargmax" else (ops.argmin, np.inf)
    if axis is not None:
        axis = one_axis(axis, x, what)
    found = plain(_filled(x, worst), axis, keepdims=flag(keepdims, f"{what}: keepdims"))
    if not x.type.is_float:
        return found
    # Of elements that are the worst, those that stand for a nan do not count.
    real = ops.logical_not(ops.isnan(x))
    first = ops.argmax(real, axis, keepdims=keepdims)
    best = (ops.max if plain is ops.argmax else ops.min)(_filled(x, worst), axis, keepdims=keepdims)
    found = ops.where(ops.eq(best, worst), first, found)
    return ops.where(ops.any(real, axis, keepdims=keepdims), found, -1)


@public(lacks=("out",))
def nanargmax(
    a: TensorLike, axis: int | None = None, out: None = None, *, keepdims: bool = False
) -> Node:
    """`argmax` of the elements that are not nan; -1 where all are (where NumPy raises).

    Returns an int64 tensor without that axis (of size 1 with `keepdims`).
    Raises what `argmax` raises.

        >>> pt.nanargmax([1.0, np.nan, 3.0]).eval()
        array(2)
    """
    return _place("nanargmax", a, axis, keepdims)


@public(lacks=("out",))
def nanargmin(
    a: TensorLike, axis: int | None = None, out: None = None, *, keepdims: bool = False
) -> Node:
    """`argmin` of the elements that are not nan; -1 where all are (where NumPy raises).

    Returns an int64 tensor without that axis (of size 1 with `keepdims`).
    Raises what `argmin` raises.

        >>> pt.nanargmin([1.0, np.nan, 3.0]).eval()
        array(0)
    """
    return _place("nanargmin", a, axis, keepdims)


@public(lacks=("out",))
def nanmean(
    a: TensorLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: TensorLike | None = None,
) -> Node:
    """`mean`, with the same arguments, of the elements that are not nan; nan where all are.

    Returns what `mean` returns.
    Raises what `mean` raises.

        >>> pt.nanmean([1.0, np.nan, 3.0]).eval()
        array(2.)
    """
    x = as_tensor(a)
    return ops.mean(x, axis, dtype, None, keepdims, where=_real(x, where))


@public(lacks=("out",))
def nanvar(
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
    """`var`, with the same arguments, of the elements that are not nan; nan where there are no more
    than `ddof` of them.

    Returns what `var` returns.
    Raises what `var` raises.

        >>> pt.nanvar([1.0, np.nan, 3.0]).eval()
        array(1.)
    """
    x = as_tensor(a)
    real = _real(x, where)
    found = ops.var(
        x, axis, dtype, None, ddof, keepdims, where=real, mean=mean, correction=correction
    )
    if real is None or real is True:
        return found
    less = degrees(ddof, correction, "nanvar")
    axes = normal_axes(axis, x, "nanvar")
    count = ops.sum(ops.broadcast_to(as_tensor(real), x.shape), axes, keepdims=keepdims)
    return ops.where(ops.le(count, less), np.nan, found)


@public(lacks=("out",))
def nanstd(
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
    """The square root of `nanvar`, with the same arguments.

    Returns what `var` returns.
    Raises what `var` raises.

        >>> pt.nanstd([1.0, np.nan, 3.0]).eval()
        array(1.)
    """
    return ops.sqrt(
        nanvar(
            a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction
        )
    )
