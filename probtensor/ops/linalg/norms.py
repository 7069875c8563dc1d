"""Norms of vectors and of matrices, by the arguments of numpy.linalg."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike
from probtensor.ops.reductions.composite import floats
from probtensor.ops.reductions.folds import Axis, described, flag, listed_axes
from probtensor.types import shape_text

# The orders of matrix norms that are of singular values; the others are "fro", 1, -1, inf, -inf.
SPECTRAL = (2, -2, "nuc")


@public
def norm(x: TensorLike, ord: object = None, axis: Axis = None, keepdims: bool = False) -> Node:
    """The norm of a vector or of a matrix, as numpy.linalg.norm.

    axis: one axis for vectors, a pair for matrices. Without it x itself is the vector or the
        matrix; a tensor of any rank has its Euclidean length, if no order is given.
    ord: for vectors any number, or inf or -inf (0 counts what is not 0); for matrices None or "fro"
        (Frobenius), 1, -1, inf, -inf, and of singular values 2 (the largest), -2 (the smallest) and
        "nuc" (their sum).

    Returns a float tensor without the axes that the norm is over (of size 1 with `keepdims`).
    Raises GraphError, a TypeError, for an unknown order, for the wrong number of axes, and for an
    axis that x has not.

        >>> pt.linalg.norm([3.0, 4.0]).eval()
        array(5.)
    """
    x = _moduli(floats(x), ord, axis)
    keepdims = flag(keepdims, "norm: keepdims")
    _check_order(ord)
    if axis is None and (ord is None or (x.ndim == 1 and ord == 2)):
        return ops.sqrt(ops.sum(ops.square(x), keepdims=keepdims))
    axes = listed_axes(axis, x, "norm")
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) == 2:
        return _matrix_norm(x, ord, axes, keepdims)
    raise GraphError(
        f"norm: of one axis (vectors) or two (matrices), not of {len(axes)}{described(x)}"
        "\n  say which by axis=, or flatten it with .ravel()"
    )


@public
def vector_norm(
    x: TensorLike, *, axis: Axis = None, keepdims: bool = False, ord: object = 2
) -> Node:
    """The norm of order `ord` of the elements along `axis` (of all if None), which may be several,
    as numpy.linalg.vector_norm.

    Returns a float tensor without `axis` (of size 1 with `keepdims`).
    Raises GraphError, a TypeError, for an axis that x has not and for an order that there is not.

        >>> pt.linalg.vector_norm([3.0, 4.0]).eval()
        array(5.)
    """
    x = _moduli(floats(x), None, axis)
    _check_order(ord)
    axes = listed_axes(axis, x, "vector_norm")
    return _vector_norm(x, ord, axes, flag(keepdims, "vector_norm: keepdims"))


@public
def matrix_norm(x: TensorLike, *, keepdims: bool = False, ord: object = "fro") -> Node:
    """The norm of order `ord` of the last two axes, as numpy.linalg.matrix_norm; orders as in
    `norm`.

    Returns a float tensor without the last two axes (of size 1 with `keepdims`).
    Raises GraphError, a TypeError, for fewer than two axes and for an order that there is not.

        >>> pt.linalg.matrix_norm([[3.0, 0.0], [0.0, 4.0]]).eval()
        array(5.)
    """
    x = _moduli(floats(x), ord, None)
    _check_order(ord)
    if x.ndim < 2:
        raise GraphError(f"matrix_norm: takes matrices, not shape {shape_text(x.shape)}")
    last = (x.ndim - 2, x.ndim - 1)
    return _matrix_norm(x, ord, last, flag(keepdims, "matrix_norm: keepdims"))


def _moduli(x: Node, ord: object, axis: Axis) -> Node:
    """The absolute values of complex numbers, of which all norms are but those of singular
    values."""
    whole = axis is None or (isinstance(axis, (tuple, list)) and len(axis) == 2)
    spectral = x.ndim > 1 and whole and isinstance(ord, (int, float, str)) and ord in SPECTRAL
    return ops.abs(x) if x.is_complex and not spectral else x


def _check_order(ord: object) -> None:
    valid = ord is None or isinstance(ord, (str, Real))
    if not valid or isinstance(ord, bool):
        raise GraphError(f"norm: ord is a number, 'fro', inf, -inf or None, not {ord!r:.60}")


def _vector_norm(x: Node, ord: object, axes: Sequence[int], keepdims: bool) -> Node:
    if isinstance(ord, str) or (ord is not None and math.isnan(ord)):
        raise GraphError(f"norm: vectors have no order {ord!r}; axis= has a pair for matrices")
    size = ops.abs(x)
    if ord == math.inf:
        return ops.max(size, axes, keepdims=keepdims)
    if ord == -math.inf:
        return ops.min(size, axes, keepdims=keepdims)
    if ord == 0:
        return ops.sum(ops.ne(x, 0), axes, x.dtype, keepdims=keepdims)
    if ord == 1:
        return ops.sum(size, axes, keepdims=keepdims)
    if ord is None or ord == 2:
        return ops.sqrt(ops.sum(ops.square(x), axes, keepdims=keepdims))
    power = float(ord)
    return ops.power(ops.sum(ops.power(size, power), axes, keepdims=keepdims), 1 / power)


def _matrix_norm(x: Node, ord: object, axes: Sequence[int], keepdims: bool) -> Node:
    if ord in SPECTRAL:
        values = ops.astype(ops.svdvals(ops.moveaxis(x, axes, (-2, -1))), x.dtype.part)
        fold = ops.sum if ord == "nuc" else ops.max if ord == 2 else ops.min
        out = fold(values, -1)
        return ops.expand_dims(out, tuple(axes)) if keepdims else out
    if ord is None or ord in ("fro", "f"):
        return ops.sqrt(ops.sum(ops.square(x), axes, keepdims=keepdims))
    if ord not in (1, -1, math.inf, -math.inf):
        orders = "'fro', 'nuc', 1, -1, 2, -2, inf or -inf"
        raise GraphError(f"norm: matrices have no order {ord!r}; it is {orders}")
    rows, columns = axes
    along, over = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = ops.sum(ops.abs(x), along, keepdims=True)
    extreme = ops.max if ord > 0 else ops.min
    out = extreme(sums, over, keepdims=True)
    return out if keepdims else ops.squeeze(out, tuple(axes))
