"""Functions that rearrange elements: views of one tensor, and joins of several.

They check and complete the arguments, and make the ops of `views.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from probtensor.calls import public
from probtensor.graph.node import METHODS, GraphError, Node, TensorLike, as_tensor, make
from probtensor.ops.arrays.views import (
    BroadcastTo,
    Concatenate,
    DropAxes,
    ExpandDims,
    Reshape,
    Transpose,
    size_tuple,
)
from probtensor.ops.kinds import (
    as_tensor_of,
    method,
    operator,
    weak_operand,
)
from probtensor.ops.reductions.folds import described, listed_axes, normal_axes, one_axis
from probtensor.types import (
    ShapeError,
    Size,
    broadcast_shapes,
    is_size,
    promote,
    shape_text,
    size_floordiv,
    size_product,
)


@public
def expand_dims(a: TensorLike, axis: int | Sequence[int]) -> Node:
    """`a` with axes of size 1 put in, at the positions `axis` of the result.

    Returns a tensor of the dtype of `a`.
    Raises GraphError, a TypeError, for a position that the result has not.

        >>> pt.expand_dims([1.0, 2.0], 0).eval()
        array([[1., 2.]])
    """
    a = as_tensor(a)
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    if axis is None:
        raise GraphError("expand_dims: axis must be an integer or a tuple of integers, not None")
    axes = normal_axes(axis, a, "expand_dims", a.ndim + count)
    return make(ExpandDims(axes), (a,)) if axes else a


@method
@public
def squeeze(a: TensorLike, axis: int | Sequence[int] | None = None) -> Node:
    """`a` without the given axes of size 1, or without all that are known to have size 1.

    Returns a tensor of the dtype of `a`.
    Raises GraphError, a TypeError, for an axis that `a` has not or that is not of size 1;
    ValueError where only a call can tell.

        >>> pt.squeeze([[1.0, 2.0]], 0).eval()
        array([1., 2.])
    """
    a = as_tensor(a)
    if axis is None:
        axes = tuple(k for k, n in enumerate(a.shape) if n == 1)
    else:
        axes = normal_axes(axis, a, "squeeze")
    return make(DropAxes(axes), (a,)) if axes else a


@public
def transpose(a: TensorLike, axes: Sequence[int] | None = None) -> Node:
    """`a` with its axes reversed, or in the given order.

    Returns a tensor of the dtype of `a`.
    Raises GraphError, a TypeError, for axes that are not those of `a`.

        >>> pt.transpose([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([[1., 3.],
               [2., 4.]])
    """
    a = as_tensor(a)
    order = tuple(range(a.ndim))[::-1]
    if axes is not None:
        order = listed_axes(axes, a, "transpose", distinct=False)
        if sorted(order) != list(range(a.ndim)):
            text = f"transpose: {axes} is no permutation of {a.ndim} axes"
            raise GraphError(text + described(a))
    return a if order == tuple(range(a.ndim)) else make(Transpose(order), (a,))


def _transpose_method(x: Node, *axes: object) -> Node:
    """x with its axes reversed, or in the given order (a sequence, or one argument each)."""
    several = len(axes) > 1 or (len(axes) == 1 and is_size(axes[0]))
    return transpose(x, axes if several else axes[0] if axes else None)


@public
def permute_dims(a: TensorLike, axes: Sequence[int] | None = None) -> Node:
    """`a` with its axes in the given order, or reversed.

    Returns a tensor of the dtype of `a`.
    Raises GraphError, a TypeError, for axes that are not those of `a`.

        >>> pt.permute_dims([[1.0, 2.0], [3.0, 4.0]], (1, 0)).eval()
        array([[1., 3.],
               [2., 4.]])
    """
    return transpose(a, axes)


@method
@public
def swapaxes(a: TensorLike, axis1: int, axis2: int) -> Node:
    """`a` with two axes exchanged.

    Returns a tensor of the dtype of `a`.
    Raises GraphError, a TypeError, for an axis that `a` has not.

        >>> pt.swapaxes([[1.0, 2.0], [3.0, 4.0]], 0, 1).eval()
        array([[1., 3.],
               [2., 4.]])
    """
    a = as_tensor(a)
    order = list(range(a.ndim))
    first, second = (one_axis(axis, a, "swapaxes") for axis in (axis1, axis2))
    order[first], order[second] = second, first
    return transpose(a, order)


@public
def matrix_transpose(x: TensorLike) -> Node:
    """x with its last two axes exchanged.

    Returns a tensor of the dtype of x.
    Raises GraphError, a TypeError, for fewer than two axes.

        >>> pt.matrix_transpose([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([[1., 3.],
               [2., 4.]])
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise GraphError(f"matrix_transpose: takes matrices, not {x.ndim} axes{described(x)}")
    return swapaxes(x, -1, -2)


@public
def moveaxis(a: TensorLike, source: int | Sequence[int], destination: int | Sequence[int]) -> Node:
    """`a` with axes moved to other positions, the rest in order.

    Returns a tensor of the dtype of `a`.
    Raises GraphError, a TypeError, for axes that `a` has not, or as many sources as destinations
    are not given.

        >>> pt.moveaxis([[1.0, 2.0], [3.0, 4.0]], 0, -1).eval()
        array([[1., 3.],
               [2., 4.]])
    """
    a = as_tensor(a)
    sources, targets = (
        listed_axes(axes, a, "moveaxis", several=isinstance(axes, (tuple, list)))
        for axes in (source, destination)
    )
    if len(sources) != len(targets):
        raise GraphError(f"moveaxis: {len(sources)} axes to {len(targets)} positions")
    order = [k for k in range(a.ndim) if k not in sources]
    for target, origin in sorted(zip(targets, sources)):
        order.insert(target, origin)
    return transpose(a, order)


@operator("broadcast_to")
@public(lacks=("subok",))
def broadcast_to(array: TensorLike, shape: Size | Sequence[Size], subok: bool = False) -> Node:
    """`array` repeated to have `shape`, by NumPy's rule.

    Returns a tensor of `shape`, in the dtype of `array`.
    Raises GraphError, a TypeError, where the shapes do not fit; ValueError where only a call can
    tell.

        >>> pt.broadcast_to([1.0, 2.0], (2, 2)).eval()
        array([[1., 2.],
               [1., 2.]])
    """
    x, shape = as_tensor(array), size_tuple(shape)
    if any(isinstance(n, int) and n < 0 for n in shape):
        raise GraphError(f"a size in the shape {shape_text(shape)} is negative")
    return x if x.shape == shape else make(BroadcastTo(shape), (x,))


@public(lacks=("subok",))
def broadcast_arrays(*args: TensorLike, subok: bool = False) -> list[Node]:
    """All tensors in their common shape.

    Returns a list of tensors, each in its own dtype.
    Raises GraphError, a TypeError, where the shapes do not fit together.

        >>> [y.shape for y in pt.broadcast_arrays([1.0, 2.0], 0.0)]
        [(2,), (2,)]
    """
    nodes = [as_tensor(x) for x in args]
    try:
        shape = broadcast_shapes(*(x.shape for x in nodes))
    except ShapeError as error:
        shapes = " and ".join(shape_text(x.shape) for x in nodes)
        raise GraphError(
            f"broadcast_arrays: shapes {shapes} do not broadcast: sizes {error} differ"
        ) from None
    return [broadcast_to(x, shape) for x in nodes]


@public(lacks=("copy",))
def reshape(
    a: TensorLike, shape: Size | Sequence[Size], order: str = "C", *, copy: bool | None = None
) -> Node:
    """The elements of `a` in another shape; one size may be -1, for the rest. They are taken and
    laid out row by row, or with order="F" column by column.

    Returns a tensor of the dtype of `a`.
    Raises GraphError, a TypeError, where the numbers of elements differ; ValueError where only a
    call can tell.

        >>> pt.reshape([1.0, 2.0, 3.0, 4.0], (2, -1)).eval()
        array([[1., 2.],
               [3., 4.]])
    """
    a = as_tensor(a)
    if _by_columns(order, "reshape"):
        reversed_shape = size_tuple(shape)[::-1]
        return transpose(reshape(transpose(a), reversed_shape))
    wanted = size_tuple(shape)
    unknown = [k for k, n in enumerate(wanted) if isinstance(n, int) and n < 0]
    if len(unknown) > 1:
        raise GraphError(
            f"reshape: more than one size is unknown in {shape_text(wanted)}{described(a)}"
        )
    if unknown:
        others = size_product(n for k, n in enumerate(wanted) if k != unknown[0])
        if others == 0 or (
            isinstance(a.size, int) and isinstance(others, int) and a.size % others != 0
        ):
            raise GraphError(
                f"reshape: {a.size} elements of {a.type} do not make {shape_text(wanted)}"
                f"{described(a)}"
            )
        rest = size_floordiv(a.size, others)
        wanted = tuple(rest if k == unknown[0] else n for k, n in enumerate(wanted))
    return a if wanted == a.shape else make(Reshape(wanted), (a,))


def _reshape_method(x: Node, *shape: object, order: str = "C", copy: bool | None = None) -> Node:
    """The elements of x in another shape: a sequence, or one argument each."""
    return reshape(x, shape[0] if len(shape) == 1 else shape, order, copy=copy)


def _by_columns(order: object, what: str) -> bool:
    if order not in ("C", "F") or not isinstance(order, str):
        hint = "" if isinstance(order, str) else "; a shape is one tuple"
        raise GraphError(f"{what}: order is 'C' or 'F', not {order!r:.60}{hint}")
    return order == "F"


@method
@public
def ravel(a: TensorLike, order: str = "C") -> Node:
    """`a` as a vector, row by row, or with order="F" column by column.

    Returns a tensor of one axis, of the dtype of `a`.
    Raises GraphError, a TypeError, for another order.

        >>> pt.ravel([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([1., 2., 3., 4.])
    """
    return reshape(a, (-1,), order)


@public(lacks=("out", "casting"))
def concatenate(
    arrays: Sequence[TensorLike],
    axis: int | None = 0,
    out: None = None,
    *,
    dtype: DTypeLike | None = None,
    casting: str = "same_kind",
) -> Node:
    """The tensors, joined along an axis they have; flattened first if `axis` is None. The result
    has `dtype`, or the one that all promote to.

    Returns a tensor of the axes of the given ones; along `axis` the sizes add up.
    Raises GraphError, a TypeError, for no tensors, other sizes that differ, and an axis that they
    have not.

        >>> pt.concatenate([[1.0, 2.0], [3.0]]).eval()
        array([1., 2., 3.])
    """
    nodes = _of_one_dtype(arrays, dtype, "concatenate")
    if axis is None:
        nodes, axis = [ravel(x) for x in nodes], 0
    if nodes[0].ndim == 0:
        raise GraphError("concatenate: 0-d tensors have no axis to join; use stack")
    position = one_axis(axis, nodes[0], "concatenate")
    return nodes[0] if len(nodes) == 1 else make(Concatenate(position), nodes)


concat = concatenate


@operator("stack")
@public(lacks=("out", "casting"))
def stack(
    arrays: Sequence[TensorLike],
    axis: int = 0,
    out: None = None,
    *,
    dtype: DTypeLike | None = None,
    casting: str = "same_kind",
) -> Node:
    """Tensors of one shape, joined along a new axis, in `dtype` or the one that all promote to.

    Returns a tensor with one axis more than each of them.
    Raises GraphError, a TypeError, for no tensors and for shapes that differ.

        >>> pt.stack([[1.0, 2.0], [3.0, 4.0]], axis=1).eval()
        array([[1., 3.],
               [2., 4.]])
    """
    given = _of_one_dtype(arrays, dtype, "stack")
    if len({x.ndim for x in given}) > 1:
        shapes = ", ".join(shape_text(x.shape) for x in given)
        raise GraphError(f"stack: the tensors have different numbers of axes: shapes {shapes}")
    position = one_axis(axis, given[0], "stack", given[0].ndim + 1)
    nodes = broadcast_arrays(*given)
    return concatenate([expand_dims(x, position) for x in nodes], position)


def _of_one_dtype(arrays: Sequence[TensorLike], dtype: DTypeLike | None, what: str) -> list[Node]:
    if not isinstance(arrays, (list, tuple, Node, np.ndarray)):
        raise GraphError(f"{what}: takes a list or a tuple of tensors, not {arrays!r:.60}")
    if len(arrays) == 0:
        raise GraphError(f"{what}: nothing to join")
    common = promote(*(weak_operand(x) for x in arrays))
    nodes = [as_tensor_of(x, common) for x in arrays]
    return nodes if dtype is None else [METHODS["astype"](x, dtype) for x in nodes]


method(public(_transpose_method, name="transpose"), "transpose")
method(public(_reshape_method, name="reshape"), "reshape")
method(property(transpose), "T")
method(property(matrix_transpose), "mT")
