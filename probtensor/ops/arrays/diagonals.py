"""NumPy's functions of the diagonals and triangles of matrices, as graphs of other ops."""

from __future__ import annotations

from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.arrays.creation import counted
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.kinds import as_tensor_of, method
from probtensor.ops.linalg.products import matrices
from probtensor.ops.reductions.folds import (
    described,
    flag,
    one_axis,
    one_integer,
)
from probtensor.types import Size, SizeCheck, size_max, size_min


@method
@public
def diagonal(a: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    """The elements a[i, i + offset] of two axes, along a new last axis.

    Returns a tensor of the dtype of `a`.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice.

        >>> pt.diagonal([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([1., 4.])
    """
    return _diagonal("diagonal", a, offset, axis1, axis2)


def _diagonal(what: str, a: TensorLike, offset: int, axis1: int, axis2: int) -> Node:
    a = as_tensor(a)
    pair = one_axis(axis1, a, what), one_axis(axis2, a, what)
    if pair[0] == pair[1]:
        raise GraphError(f"{what}: axis1 and axis2 are one axis, {pair[0]}{described(a)}")
    offset = one_integer(offset, f"{what}: the offset", tensors=False)
    left, right = -size_min(offset, 0), size_max(offset, 0)
    x = ops.moveaxis(a, pair, (-2, -1))
    rows, columns = x.shape[-2] - left, x.shape[-1] - right
    counts = ops.arange(size_max(size_min(rows, columns), 0))
    return x[..., counts + left, counts + right]


@public
def extract_diag(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    """Theano's name of `diagonal`.

    Returns a tensor of the dtype of x.
    Raises GraphError, a TypeError, for an axis that x has not, or one that stands twice.

        >>> pt.extract_diag([[1.0, 2.0], [3.0, 4.0]], 1).eval()
        array([2.])
    """
    return _diagonal("extract_diag", x, offset, axis1, axis2)


@public
def fill_diagonal(a: TensorLike, val: TensorLike, wrap: bool = False) -> Node:
    """`a` with its elements a[i, i, ...] set to `val`, whose elements are repeated along the
    diagonal if there are fewer. NumPy writes into `a` itself; a tensor is never changed.

    wrap  whether the diagonal of a matrix with more rows than columns starts again below its end,
          after a row without it

    Returns a tensor of the shape of `a`, in its dtype.
    Raises GraphError, a TypeError, for fewer than two axes; ValueError for more than two axes of
    different sizes.

        >>> pt.fill_diagonal([[1.0, 2.0], [3.0, 4.0]], 0.0).eval()
        array([[0., 2.],
               [3., 0.]])
    """
    x = as_tensor(a)
    if x.ndim < 2:
        raise GraphError(f"fill_diagonal: takes two axes or more{described(x)}")
    if x.ndim > 2:
        laws = [SizeCheck(n, "==", x.shape[0], ("all axes must have one size, not ", x.shape))
                for n in x.shape[1:]]  # fmt: skip
        return _filled("fill_diagonal", asked_for(x, "fill_diagonal", *laws),
                       [ops.arange(x.shape[0])] * x.ndim, val)  # fmt: skip
    rows, columns = x.shape
    if not flag(wrap, "fill_diagonal: wrap"):
        return _filled("fill_diagonal", x, [ops.arange(size_min(rows, columns))] * 2, val)
    places = ops.arange((rows * columns + columns) // (columns + 1)) * as_tensor(columns + 1)
    width = as_tensor(columns)
    return _filled("fill_diagonal", x, [places // width, places % width], val)


@public
def fill_diagonal_offset(a: TensorLike, val: TensorLike, offset: int) -> Node:
    """A matrix with the elements a[i, i + offset] set to `val`, whose elements are repeated along
    the diagonal if there are fewer.

    Returns a tensor of the shape of `a`, in its dtype.
    Raises GraphError, a TypeError, for other than two axes and an offset that is no integer.

        >>> pt.fill_diagonal_offset([[1.0, 2.0], [3.0, 4.0]], 0.0, 1).eval()
        array([[1., 0.],
               [3., 4.]])
    """
    x = as_tensor(a)
    if x.ndim != 2:
        raise GraphError(f"fill_diagonal_offset: takes a matrix, not {x.ndim} axes{described(x)}")
    offset = one_integer(offset, "fill_diagonal_offset: the offset", tensors=False)
    left, right = -size_min(offset, 0), size_max(offset, 0)
    rows, columns = x.shape[0] - left, x.shape[1] - right
    counts = ops.arange(size_max(size_min(rows, columns), 0))
    return _filled("fill_diagonal_offset", x, [counts + left, counts + right], val)


def _filled(what: str, x: Node, places: list[Node], val: TensorLike) -> Node:
    """x with elements at distinct places set to values, repeated."""
    values = as_tensor_of(val, x.dtype, f"{what}: val")
    if values.ndim and values.shape != places[0].shape:
        numbers = ops.arange(places[0].shape[0])
        values = ops.take(ops.ravel(values), numbers, mode="wrap")
    return x.at[tuple(places)].set(values, unique_indices=True)


@method
@public(lacks=("out",))
def trace(
    a: TensorLike,
    offset: int = 0,
    axis1: int = 0,
    axis2: int = 1,
    dtype: DTypeLike | None = None,
    out: None = None,
) -> Node:
    """The sum of a diagonal, in `dtype` or as `sum` has it.

    Returns a tensor without the two axes.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice.

        >>> pt.trace([[1.0, 2.0], [3.0, 4.0]]).eval()
        array(5.)
    """
    return ops.sum(_diagonal("trace", a, offset, axis1, axis2), -1, dtype)


@public
def diag(v: TensorLike, k: int = 0) -> Node:
    """Diagonal k of a matrix, or the matrix with a vector there and zeros elsewhere.

    Returns a vector or a matrix, in the dtype of `v`.
    Raises GraphError, a TypeError, for other than one or two axes.

        >>> pt.diag([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([1., 4.])
    """
    x = as_tensor(v)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise GraphError(f"diag: takes a vector or a matrix, not {x.ndim} axes{described(x)}")
    k = one_integer(k, "diag: k", tensors=False)
    left, right = -size_min(k, 0), size_max(k, 0)
    n = x.shape[0] + left + right
    positions = ops.arange(x.shape[0])
    return _filled("diag", ops.zeros((n, n), x.dtype), [positions + left, positions + right], x)


@public(lacks=("like",))
def tri(
    N: Size, M: Size | None = None, k: int = 0, dtype: DTypeLike = "float64", *, like: None = None
) -> Node:
    """Ones at and below diagonal k of an N by M matrix, zeros above it.

    Returns a tensor of shape (N, M), where M is N if None, in `dtype`.
    Raises GraphError, a TypeError, for what is no size.

        >>> pt.tri(2).eval()
        array([[1., 0.],
               [1., 1.]])
    """
    return ops.astype(_at_or_below("tri", N, N if M is None else M, k), dtype)


@public
def tril(m: TensorLike, k: int = 0) -> Node:
    """`m` with zeros above diagonal k of its last two axes.

    Returns a tensor of the shape of `m`, in its dtype.
    Raises GraphError, a TypeError, for fewer than two axes.

        >>> pt.tril([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([[1., 0.],
               [3., 4.]])
    """
    x = matrices("tril", m)
    return ops.where(_at_or_below("tril", x.shape[-2], x.shape[-1], k), x, ops.zeros_like(x))


@public
def triu(m: TensorLike, k: int = 0) -> Node:
    """`m` with zeros below diagonal k of its last two axes.

    Returns a tensor of the shape of `m`, in its dtype.
    Raises GraphError, a TypeError, for fewer than two axes.

        >>> pt.triu([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([[1., 2.],
               [0., 4.]])
    """
    x = matrices("triu", m)
    k = one_integer(k, "triu: k")
    return ops.where(_at_or_below("triu", x.shape[-2], x.shape[-1], k - 1), ops.zeros_like(x), x)


def _at_or_below(what: str, n: Size, m: Size, k: int) -> Node:
    k = one_integer(k, f"{what}: k")
    return ops.ge(ops.expand_dims(counted(what, n), 1) + k, counted(what, m))
