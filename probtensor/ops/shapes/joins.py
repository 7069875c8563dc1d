"""Joins of tensors by NumPy's, Theano's and PyTensor's names, as graphs of `concatenate`."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.reductions.folds import described, one_axis
from probtensor.ops.shapes.checks import broadcast_shape
from probtensor.types import Size, shape_text


def _listed(tensors: object, what: str) -> list[TensorLike]:
    """The tensors to be joined, as a list; the rows of a tensor are several too."""
    if isinstance(tensors, (list, tuple)):
        found = list(tensors)
    else:
        x = as_tensor(tensors)
        found = list(x) if x.ndim and isinstance(x.shape[0], int) else None
    if not found:
        raise GraphError(f"{what}: takes a list or a tuple of tensors, not {tensors!r:.60}")
    return found


@public
def join(axis: int, *tensors_list: TensorLike) -> Node:
    """The tensors, joined along an axis they have: Theano's order of arguments of `concatenate`.

    Returns a tensor of the axes of the given ones; along `axis` the sizes add up.
    Raises GraphError, a TypeError, for no tensors, other sizes that differ, and an axis that they
    have not.

        >>> pt.join(0, [1.0, 2.0], [3.0]).eval()
        array([1., 2., 3.])
    """
    return ops.concatenate(tensors_list, axis)


@public(lacks=("casting",))
def vstack(
    tup: Sequence[TensorLike], *, dtype: DTypeLike | None = None, casting: str = "same_kind"
) -> Node:
    """The tensors, below each other: joined along axis 0, vectors as rows.

    Returns a tensor of two axes or more.
    Raises GraphError, a TypeError, for no tensors and for other sizes that differ.

        >>> pt.vstack([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([[1., 2.],
               [3., 4.]])
    """
    return ops.concatenate([ops.atleast_2d(x) for x in _listed(tup, "vstack")], 0, dtype=dtype)


@public(lacks=("casting",))
def hstack(
    tup: Sequence[TensorLike], *, dtype: DTypeLike | None = None, casting: str = "same_kind"
) -> Node:
    """The tensors, beside each other: joined along axis 1, vectors along their only axis.

    Returns a tensor of the axes of the given ones (one axis for numbers).
    Raises GraphError, a TypeError, for no tensors and for other sizes that differ.

        >>> pt.hstack([[1.0, 2.0], [3.0]]).eval()
        array([1., 2., 3.])
    """
    wide = [ops.atleast_1d(x) for x in _listed(tup, "hstack")]
    return ops.concatenate(wide, min(1, wide[0].ndim - 1), dtype=dtype)


@public
def dstack(tup: Sequence[TensorLike]) -> Node:
    """The tensors, behind each other: joined along axis 2, vectors and matrices as layers.

    Returns a tensor of three axes or more.
    Raises GraphError, a TypeError, for no tensors and for other sizes that differ.

        >>> pt.dstack([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([[[1., 3.],
                [2., 4.]]])
    """
    return ops.concatenate([ops.atleast_3d(x) for x in _listed(tup, "dstack")], 2)


@public
def column_stack(tup: Sequence[TensorLike]) -> Node:
    """Vectors as columns, and matrices, beside each other.

    Returns a matrix.
    Raises GraphError, a TypeError, for no tensors and for lengths that differ.

        >>> pt.column_stack([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([[1., 3.],
               [2., 4.]])
    """
    nodes = [as_tensor(x) for x in _listed(tup, "column_stack")]
    columns = [x if x.ndim > 1 else ops.reshape(x, (-1, 1)) for x in nodes]
    return ops.concatenate(columns, 1)


@public(lacks=("casting",))
def row_stack(
    tup: Sequence[TensorLike], *, dtype: DTypeLike | None = None, casting: str = "same_kind"
) -> Node:
    """The same as `vstack`.

    Returns a tensor of two axes or more.
    Raises GraphError, a TypeError, for no tensors and for other sizes that differ.

        >>> pt.row_stack([[1.0, 2.0], [3.0, 4.0]]).shape
        (2, 2)
    """
    return ops.concatenate([ops.atleast_2d(x) for x in _listed(tup, "row_stack")], 0, dtype=dtype)


@public
def horizontal_stack(*args: TensorLike) -> Node:
    """Matrices, beside each other.

    Returns a matrix.
    Raises GraphError, a TypeError, for other than two axes and for numbers of rows that differ.

        >>> pt.horizontal_stack([[1.0], [2.0]], [[3.0], [4.0]]).eval()
        array([[1., 3.],
               [2., 4.]])
    """
    return ops.concatenate(_matrices(args, "horizontal_stack"), 1)


@public
def vertical_stack(*args: TensorLike) -> Node:
    """Matrices, below each other.

    Returns a matrix.
    Raises GraphError, a TypeError, for other than two axes and for numbers of columns that differ.

        >>> pt.vertical_stack([[1.0, 2.0]], [[3.0, 4.0]]).eval()
        array([[1., 2.],
               [3., 4.]])
    """
    return ops.concatenate(_matrices(args, "vertical_stack"), 0)


def _matrices(args: Sequence[TensorLike], what: str) -> list[Node]:
    nodes = [as_tensor(x) for x in args]
    for x in nodes:
        if x.ndim != 2:
            raise GraphError(f"{what}: takes matrices, not {x.ndim} axes{described(x)}")
    return nodes


@public
def stacklists(arg: object) -> Node:
    """A nested list of tensors of one shape as one tensor, whose first axes are the lists.

    Returns a tensor.
    Raises GraphError, a TypeError, for lists of different lengths and for shapes that differ.

        >>> pt.stacklists([[1.0, 2.0], [3.0, 4.0]]).shape
        (2, 2)
    """
    if isinstance(arg, (list, tuple)):
        return ops.stack([stacklists(x) for x in arg])
    return as_tensor(arg)


@public
def concat_with_broadcast(tensor_list: Sequence[TensorLike], axis: int = 0) -> Node:
    """The tensors, joined along an axis they have, each broadcast to the others along all others.

    Returns a tensor of the axes of the given ones; along `axis` the sizes add up.
    Raises GraphError, a TypeError, for no tensors, different numbers of axes, and shapes that do
    not broadcast.

        >>> pt.concat_with_broadcast([[[1.0, 2.0]], [[3.0], [4.0]]], axis=1).eval()
        array([[1., 2., 3.],
               [1., 2., 4.]])
    """
    nodes = [as_tensor(x) for x in _listed(tensor_list, "concat_with_broadcast")]
    if len({x.ndim for x in nodes}) > 1:
        shapes = ", ".join(shape_text(x.shape) for x in nodes)
        raise GraphError(f"concat_with_broadcast: different numbers of axes: shapes {shapes}")
    position = one_axis(axis, nodes[0], "concat_with_broadcast")
    others = [[n for k, n in enumerate(x.shape) if k != position] for x in nodes]
    joint = list(broadcast_shape(*others, arrays_are_shapes=True))
    wide = [_with_size(x, joint, position) for x in nodes]
    return ops.concatenate(wide, position)


def _with_size(x: Node, others: Sequence[Size], position: int) -> Node:
    """x broadcast to other sizes along all axes but one."""
    return ops.broadcast_to(x, (*others[:position], x.shape[position], *others[position:]))


@public
def append(arr: TensorLike, values: TensorLike, axis: int | None = None) -> Node:
    """`values` after `arr`, along an axis both have; both flattened if it is None.

    Returns a tensor of the dtype that both promote to.
    Raises GraphError, a TypeError, for other sizes that differ, and an axis that they have not.

        >>> pt.append([1.0, 2.0], [[3.0], [4.0]]).eval()
        array([1., 2., 3., 4.])
    """
    return ops.concatenate([arr, values], axis)


@public
def block(arrays: object) -> Node:
    """Nested lists of blocks, joined: the innermost lists along the last axis, those around them
    along the one before it, and so on. Blocks get leading axes, so that all have as many axes.

    Returns a tensor.
    Raises GraphError, a TypeError, for lists that are nested unevenly or empty, and for blocks that
    do not fit.

        >>> pt.block([[np.eye(2), np.zeros((2, 1))], [np.ones((1, 3))]]).eval()
        array([[1., 0., 0.],
               [0., 1., 0.],
               [1., 1., 1.]])
    """
    depth = _depth(arrays)
    axes = max(depth, *(x.ndim for x in _leaves(arrays)), 1)
    return _joined_block(arrays, -depth, axes)


def _depth(arrays: object) -> int:
    if not isinstance(arrays, list):
        if isinstance(arrays, tuple):
            raise GraphError("block: blocks stand in lists, not in tuples")
        return 0
    depths = {_depth(x) for x in arrays}
    if len(depths) != 1:
        what = "a list is empty" if not depths else "the lists are nested unevenly"
        raise GraphError(f"block: {what}")
    return depths.pop() + 1


def _leaves(arrays: object) -> list[Node]:
    if isinstance(arrays, list):
        return [leaf for x in arrays for leaf in _leaves(x)]
    return [as_tensor(arrays)]


def _joined_block(arrays: object, axis: int, axes: int) -> Node:
    if not isinstance(arrays, list):
        return ops.atleast_Nd(arrays, n=axes)
    return ops.concatenate([_joined_block(x, axis + 1, axes) for x in arrays], axis)


@public
def kron(a: TensorLike, b: TensorLike) -> Node:
    """The Kronecker product: blocks of `b`, scaled by the elements of `a`; of the axes of the one
    with fewer, the missing ones have size 1.

    Returns a tensor with the products of the sizes as its own, in the dtype that both promote to.

        >>> pt.kron([[1.0, 2.0]], [[1.0], [10.0]]).eval()
        array([[ 1.,  2.],
               [10., 20.]])
    """
    x, y = as_tensor(a), as_tensor(b)
    axes = max(x.ndim, y.ndim)
    x, y = ops.atleast_Nd(x, n=axes), ops.atleast_Nd(y, n=axes)
    outer = ops.expand_dims(x, tuple(range(1, 2 * axes, 2))) * ops.expand_dims(
        y, tuple(range(0, 2 * axes, 2))
    )
    return ops.reshape(outer, [n * m for n, m in zip(x.shape, y.shape, strict=True)])


@public
def pack(
    *tensors: TensorLike, keep_axes: int | Sequence[int] | None = None
) -> tuple[Node, list[tuple[Size, ...]]]:
    """Several tensors as one: their axes joined to one, but for the leading and trailing axes
    `keep_axes`, and the results joined along it. `unpack` is the reverse.

    keep_axes  axes that all have, of the same sizes: 0, 1, ... are the first ones, ..., -2, -1 the
               last; None for none, so that all elements are one vector

    Returns (tensor, a list of the shapes that the joined axes had).
    Raises GraphError, a TypeError, for axes that are neither the first nor the last, for tensors
    that have not all of them, and for other sizes that differ.

        >>> packed, shapes = pt.pack(np.ones((2, 3)), np.zeros(4))
        >>> packed.shape, shapes
        ((10,), [(2, 3), (4,)])
    """
    first, last = kept_axes(keep_axes, "pack")
    flat, shapes = [], []
    for x in map(as_tensor, tensors):
        if x.ndim < first + last:
            raise GraphError(
                f"pack: {x.described} has {x.ndim} axes, fewer than keep_axes={keep_axes!r}"
                f"{described(x)}"
            )
        shapes.append(x.shape[first : x.ndim - last])
        flat.append(ops.join_dims(x, first, len(shapes[-1])))
    return ops.concatenate(flat, first), shapes


def kept_axes(axes: int | Sequence[int] | None, what: str) -> tuple[int, int]:
    """The numbers of first and of last axes that a pack leaves alone."""
    given = () if axes is None else tuple(axes) if isinstance(axes, (list, tuple)) else (axes,)
    first = [a for a in given if isinstance(a, int) and a >= 0]
    last = [a for a in given if isinstance(a, int) and a < 0]
    if (*first, *last) != given or first != [*range(len(first))] or last != [*range(-len(last), 0)]:
        raise GraphError(
            f"{what}: keep_axes are first axes, 0, 1, ..., and last ones, ..., -2, -1, in order, "
            f"not {axes!r:.60}"
        )
    return len(first), len(last)
