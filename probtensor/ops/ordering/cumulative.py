"""Running sums, products and extremes along an axis, by NumPy's arguments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.graph.parts import parts
from probtensor.late import late
from probtensor.ops.complexes.pair import pair
from probtensor.ops.kinds import Core, method
from probtensor.ops.ordering.running import (
    Cummax,
    CummaxIntegers,
    Cumprod,
    CumprodIntegers,
    Cumsum,
    CumsumColumns,
    CumsumColumnsIntegers,
    CumsumIntegers,
    LogCumsumExp,
)
from probtensor.ops.reductions.composite import floats
from probtensor.ops.reductions.folds import described, flag, one_axis, wide
from probtensor.types import size_product

MANY = 32  # columns: fewer are transposed, since a device has a thread for each

_meanings = late("probtensor.ops.complexes.meanings")


def _along(
    what: str,
    x: Node,
    axis: int | None,
    running: Callable[[Node], Node],
    reverse: bool = False,
    columns: Callable[[Node], Node] | None = None,
) -> Node:
    """A running operation of the last axis along another one, or of the flattened tensor; by
    `columns`, which goes along the axis before the last one, where there may be MANY of these."""
    if axis is None:
        x, axis = ops.ravel(x), 0
    position = one_axis(axis, x, what)
    behind = size_product(x.shape[position + 1 :])
    if columns is not None and not (isinstance(behind, int) and behind < MANY):
        return ops.reshape(columns(ops.reshape(x, (*x.shape[: position + 1], behind))), x.shape)
    last = ops.moveaxis(x, position, -1)
    if flag(reverse, f"{what}: reverse"):
        last = ops.flip(last, -1)
    found = running(last)
    return ops.moveaxis(ops.flip(found, -1) if reverse else found, -1, position)


def _folded(x: Node, of_floats: type[Core], of_integers: type[Core]) -> Node:
    """Running sums or products in the dtype of x: integers wrap around in it."""
    if x.type.is_float:
        return ops.astype(of_floats()(ops.astype(x, "float64")), x.dtype)
    return ops.astype(of_integers()(ops.astype(x, "int64")), x.dtype)


def _sums(x: Node) -> Node:
    if x.is_complex:
        return pair(*map(_sums, x.inputs))
    return _folded(x, Cumsum, CumsumIntegers)


def _column_sums(x: Node) -> Node:
    if x.is_complex:
        return pair(*map(_column_sums, x.inputs))
    return _folded(x, CumsumColumns, CumsumColumnsIntegers)


def _products(x: Node) -> Node:
    if x.is_complex:
        return _meanings.running_products(x)
    return _folded(x, Cumprod, CumprodIntegers)


@method
@public(lacks=("out",))
def cumsum(
    a: TensorLike, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None
) -> Node:
    """The cumulative sum along an axis (of `a` flattened if None), in `dtype` or as `sum` has it.

    Returns a tensor of the shape of `a` (of one axis if `axis` is None). Integers wrap around; the
    summation of floats is compensated: Neumaier (1974), ZAMM 54:39.
    Raises GraphError, a TypeError, for an axis that `a` has not and for several.

        >>> pt.cumsum([1.0, 2.0, 3.0]).eval()
        array([1., 3., 6.])
    """
    return _along("cumsum", wide(as_tensor(a), dtype), axis, _sums, columns=_column_sums)


@method
@public(lacks=("out",))
def cumprod(
    a: TensorLike, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None
) -> Node:
    """The cumulative product along an axis (of `a` flattened if None), in `dtype` or as `prod` has
    it. Its derivatives of any order are right at zeros, and take as many steps as there are
    elements.

    Returns a tensor of the shape of `a` (of one axis if `axis` is None). Integers wrap around.
    Raises GraphError, a TypeError, for an axis that `a` has not and for several.

        >>> pt.cumprod([1.0, 2.0, 3.0]).eval()
        array([1., 2., 6.])
    """
    return _along("cumprod", wide(as_tensor(a), dtype), axis, _products)


def _with_initial(
    what: str, x: TensorLike, axis: int | None, dtype: DTypeLike, include_initial: bool, first: int
) -> Node:
    """The functions of the array API: an axis must be named where there are several, and the value
    of no elements may come first."""
    x = as_tensor(x)
    if axis is None:
        if x.ndim != 1:
            raise GraphError(
                f"{what}: name an axis= of a tensor with {x.ndim} axes; only of a vector can it be "
                f"left out{described(x)}"
            )
        axis = 0
    position = one_axis(axis, x, what)
    found = _along(what, wide(x, dtype), position, _products if first else _sums)
    if not flag(include_initial, f"{what}: include_initial"):
        return found
    one = (*found.shape[:position], 1, *found.shape[position + 1 :])
    return ops.concatenate([ops.full(one, first, found.dtype), found], position)


@public(lacks=("out",))
def cumulative_sum(
    x: TensorLike,
    /,
    *,
    axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    include_initial: bool = False,
) -> Node:
    """`cumsum` along an axis, which may be left out only for a vector; with `include_initial` a 0
    comes first, and the axis is longer by 1.

    Returns a tensor in `dtype`, or in the dtype that `sum` gives.
    Raises GraphError, a TypeError, for an axis that x has not, and for none of several.

        >>> pt.cumulative_sum([1.0, 2.0, 3.0], include_initial=True).eval()
        array([0., 1., 3., 6.])
    """
    return _with_initial("cumulative_sum", x, axis, dtype, include_initial, 0)


@public(lacks=("out",))
def cumulative_prod(
    x: TensorLike,
    /,
    *,
    axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    include_initial: bool = False,
) -> Node:
    """`cumprod` along an axis, which may be left out only for a vector; with `include_initial` a 1
    comes first, and the axis is longer by 1.

    Returns a tensor in `dtype`, or in the dtype that `prod` gives.
    Raises GraphError, a TypeError, for an axis that x has not, and for none of several.

        >>> pt.cumulative_prod([1.0, 2.0, 3.0], include_initial=True).eval()
        array([1., 1., 2., 6.])
    """
    return _with_initial("cumulative_prod", x, axis, dtype, include_initial, 1)


def _maxima(x: Node) -> Node:
    if x.type.is_float:
        return ops.astype(parts(Cummax()(ops.astype(x, "float64")))[0], x.dtype)
    if x.dtype == "uint64":  # as the int64 of the same bits, the first one flipped
        top = ops.constant(np.uint64(2**63))
        found = parts(CummaxIntegers()(ops.astype(ops.bitwise_xor(x, top), "int64")))[0]
        return ops.bitwise_xor(ops.astype(found, "uint64"), top)
    return ops.astype(parts(CummaxIntegers()(ops.astype(x, "int64")))[0], x.dtype)


def _minima(x: Node) -> Node:
    if x.type.is_float:
        return -_maxima(-x)
    if x.dtype == "bool":
        return ops.logical_not(_maxima(ops.logical_not(x)))
    return ops.invert(_maxima(ops.invert(x)))


@public
def cummax(a: TensorLike, axis: int | None = None, *, reverse: bool = False) -> Node:
    """The largest of the elements up to each one along an axis (of `a` flattened if None); with
    `reverse` from each one on. A nan is the largest, as in np.maximum.accumulate.

    Returns a tensor of the shape and dtype of `a` (of one axis if `axis` is None). The derivative
    goes to the first element that is the maximum.
    Raises GraphError, a TypeError, for an axis that `a` has not and for several.

        >>> pt.cummax([2.0, 1.0, 3.0]).eval()
        array([2., 2., 3.])
    """
    return _along("cummax", as_tensor(a), axis, _maxima, reverse)


@public
def cummin(a: TensorLike, axis: int | None = None, *, reverse: bool = False) -> Node:
    """The smallest of the elements up to each one along an axis (of `a` flattened if None); with
    `reverse` from each one on. A nan is the smallest, as in np.minimum.accumulate.

    Returns a tensor of the shape and dtype of `a` (of one axis if `axis` is None). The derivative
    goes to the first element that is the minimum.
    Raises GraphError, a TypeError, for an axis that `a` has not and for several.

        >>> pt.cummin([2.0, 1.0, 3.0]).eval()
        array([2., 1., 1.])
    """
    return _along("cummin", as_tensor(a), axis, _minima, reverse)


@public
def logcumsumexp(a: TensorLike, axis: int | None = None, *, reverse: bool = False) -> Node:
    """log(cumsum(exp(a))) along an axis (of `a` flattened if None), without overflow and with
    compensated sums; with `reverse` of the elements from each one on.

    Returns a tensor of the shape of `a` (of one axis if `axis` is None), float32 if `a` is, else
    float64; -inf where all elements are. No factor of its derivative is larger than 1.
    Raises GraphError, a TypeError, for an axis that `a` has not and for several.

        >>> pt.logcumsumexp([1000.0, 1000.0]).eval()
        array([1000.        , 1000.69314718])
    """
    return _along("logcumsumexp", floats(a), axis, lambda x: make(LogCumsumExp(), (x,)), reverse)


cumlogsumexp = logcumsumexp


@public(lacks=("out",))
def nancumsum(
    a: TensorLike, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None
) -> Node:
    """`cumsum` in which a nan counts as 0.

    Returns a tensor of the shape of `a` (of one axis if `axis` is None), in the dtype of `cumsum`.
    Raises GraphError, a TypeError, for an axis that `a` has not and for several.

        >>> pt.nancumsum([1.0, np.nan, 3.0]).eval()
        array([1., 1., 4.])
    """
    x = wide(_without_nan(a, 0), dtype)
    return _along("nancumsum", x, axis, _sums, columns=_column_sums)


@public(lacks=("out",))
def nancumprod(
    a: TensorLike, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None
) -> Node:
    """`cumprod` in which a nan counts as 1.

    Returns a tensor of the shape of `a` (of one axis if `axis` is None), in the dtype of `cumprod`.
    Raises GraphError, a TypeError, for an axis that `a` has not and for several.

        >>> pt.nancumprod([2.0, np.nan, 3.0]).eval()
        array([2., 2., 6.])
    """
    return _along("nancumprod", wide(_without_nan(a, 1), dtype), axis, _products)


def _without_nan(a: TensorLike, other: int) -> Node:
    x = as_tensor(a)
    return ops.where(ops.isnan(x), other, x) if x.dtype.is_inexact else x
