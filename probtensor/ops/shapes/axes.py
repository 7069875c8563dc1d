"""New axes, joined and split ones, and turns of arrays."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.arrays.views import size_tuple
from probtensor.ops.reductions.folds import described, flag, listed_axes, one_axis, one_integer
from probtensor.types import Size, shape_text, size_product


@public
def shape_padleft(t: TensorLike, n_ones: int = 1) -> Node:
    """`t` with `n_ones` leading axes of size 1.

    Returns a tensor of the dtype of `t`.
    Raises GraphError, a TypeError, for a number that is no integer from 0 on.

        >>> pt.shape_padleft([1.0, 2.0]).shape
        (1, 2)
    """
    return ops.expand_dims(t, tuple(range(_number(n_ones, "shape_padleft: n_ones"))))


@public
def shape_padright(t: TensorLike, n_ones: int = 1) -> Node:
    """`t` with `n_ones` axes of size 1 after its own.

    Returns a tensor of the dtype of `t`.
    Raises GraphError, a TypeError, for a number that is no integer from 0 on.

        >>> pt.shape_padright([1.0, 2.0]).shape
        (2, 1)
    """
    count = _number(n_ones, "shape_padright: n_ones")
    return ops.expand_dims(t, tuple(range(-count, 0)))


@public
def shape_padaxis(t: TensorLike, axis: int) -> Node:
    """`t` with an axis of size 1 at the position `axis` of the result.

    Returns a tensor of the dtype of `t`.
    Raises GraphError, a TypeError, for a position that the result has not.

        >>> pt.shape_padaxis([1.0, 2.0], 1).shape
        (2, 1)
    """
    x = as_tensor(t)
    return ops.expand_dims(x, one_axis(axis, x, "shape_padaxis", x.ndim + 1))


def _number(count: object, what: str) -> int:
    count = one_integer(count, what, tensors=False)
    if not isinstance(count, int) or count < 0:
        raise GraphError(f"{what} is an integer from 0 on, not {count!r:.60}")
    return count


@public
def atleast_3d(*arys: TensorLike) -> Node | tuple[Node, ...]:
    """Each argument with at least three axes, by NumPy's rule: n elements have shape (1, n, 1), a
    matrix (m, n, 1); a tuple of them where there are several.

    Returns a tensor, or a tuple of tensors.

        >>> pt.atleast_3d([3.0, 4.0]).shape
        (1, 2, 1)
    """
    new = {0: (0, 1, 2), 1: (0, 2), 2: (2,)}
    nodes = [as_tensor(x) for x in arys]
    wide = tuple(ops.expand_dims(x, new[x.ndim]) if x.ndim in new else x for x in nodes)
    return wide[0] if len(wide) == 1 else wide


@public
def atleast_Nd(*arys: TensorLike, n: int = 1, left: bool = True) -> Node | tuple[Node, ...]:
    """Each argument with at least `n` axes: new ones of size 1 stand before its own, or without
    `left` after them; a tuple of them where there are several.

    Returns a tensor, or a tuple of tensors.
    Raises GraphError, a TypeError, for an `n` that is no integer from 0 on.

        >>> pt.atleast_Nd([3.0, 4.0], n=3).shape
        (1, 1, 2)
    """
    count = _number(n, "atleast_Nd: n")
    pad = shape_padleft if flag(left, "atleast_Nd: left") else shape_padright
    nodes = [as_tensor(x) for x in arys]
    wide = tuple(pad(x, count - x.ndim) if x.ndim < count else x for x in nodes)
    return wide[0] if len(wide) == 1 else wide


@public
def join_dims(x: TensorLike, start_axis: int = 0, n_axes: int | None = None) -> Node:
    """x with `n_axes` neighbouring axes from `start_axis` on (all that follow if None) as one. None
    of them is a new axis of size 1.

    Returns a tensor of the dtype of x.
    Raises GraphError, a TypeError, for axes that x has not.

        >>> pt.join_dims(np.ones((2, 3, 4)), 1).shape
        (2, 12)
    """
    x = as_tensor(x)
    start = one_axis(start_axis, x, "join_dims", max(x.ndim + (start_axis == x.ndim), 1))
    count = x.ndim - start if n_axes is None else _number(n_axes, "join_dims: n_axes")
    if start + count > x.ndim:
        raise GraphError(
            f"join_dims: {count} axes from axis {start} on, of a tensor with {x.ndim}{described(x)}"
        )
    joined = size_product(x.shape[start : start + count])
    return ops.reshape(x, (*x.shape[:start], joined, *x.shape[start + count :]))


@public
def split_dims(x: TensorLike, shape: Size | Sequence[Size], axis: int = 0) -> Node:
    """x with one axis as several, of the sizes `shape`, one of which may be -1; the reverse of
    `join_dims`. No size removes an axis of size 1.

    Returns a tensor of the dtype of x.
    Raises GraphError, a TypeError, for an axis that x has not, and where the sizes do not make that
    of the axis; ValueError where only a call can tell.

        >>> pt.split_dims(np.ones((6, 4)), (2, 3)).shape
        (2, 3, 4)
    """
    x = as_tensor(x)
    position = one_axis(axis, x, "split_dims")
    sizes, n = size_tuple(shape), x.shape[position]
    known = size_product(m for m in sizes if not (isinstance(m, int) and m < 0))
    unknown = sum(isinstance(m, int) and m < 0 for m in sizes)
    if isinstance(n, int) and isinstance(known, int):
        fits = n == known if not unknown else known and n % known == 0
        if not fits:
            raise GraphError(
                f"split_dims: an axis of size {n} is not {shape_text(sizes)}{described(x)}"
            )
    return ops.reshape(x, (*x.shape[:position], *sizes, *x.shape[position + 1 :]))


@public
def rollaxis(a: TensorLike, axis: int, start: int = 0) -> Node:
    """`a` with an axis moved before the axis that is at `start`, or, with start = a.ndim, behind
    all others. `moveaxis` is easier to read.

    Returns a tensor of the dtype of `a`.
    Raises GraphError, a TypeError, for an axis that `a` has not.

        >>> pt.rollaxis(np.ones((2, 3, 4)), 2).shape
        (4, 2, 3)
    """
    a = as_tensor(a)
    source = one_axis(axis, a, "rollaxis")
    before = one_axis(start, a, "rollaxis", a.ndim + (start == a.ndim))
    return ops.moveaxis(a, source, before - (source < before))


@public
def rot90(m: TensorLike, k: int = 1, axes: Sequence[int] = (0, 1)) -> Node:
    """`m` turned k times by 90 degrees in the plane of two axes, from the first to the second.

    Returns a tensor of the dtype of `m`.
    Raises GraphError, a TypeError, for axes that `m` has not, and for other than two.

        >>> pt.rot90([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([[2., 4.],
               [1., 3.]])
    """
    x = as_tensor(m)
    plane = listed_axes(tuple(axes), x, "rot90")
    if len(plane) != 2:
        raise GraphError(f"rot90: a plane has two axes, not {axes!r:.60}{described(x)}")
    turns = one_integer(k, "rot90: k", tensors=False)
    if not isinstance(turns, int):
        raise GraphError(f"rot90: k is an integer of Python, not the symbolic size {turns}")
    turned = ops.swapaxes(x, *plane) if turns % 2 else x
    # The first axis of the plane is reversed by 1 and 2 turns, the second by 2 and 3.
    reverse = {0: (), 1: plane[:1], 2: plane, 3: plane[1:]}[turns % 4]
    return ops.flip(turned, reverse) if reverse else turned


@public
def fliplr(m: TensorLike) -> Node:
    """`m` in reverse order along axis 1, its columns.

    Returns a tensor of the shape and dtype of `m`.
    Raises GraphError, a TypeError, for fewer than two axes.

        >>> pt.fliplr([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([[2., 1.],
               [4., 3.]])
    """
    x = as_tensor(m)
    return ops.flip(x, one_axis(1, x, "fliplr"))


@public
def flipud(m: TensorLike) -> Node:
    """`m` in reverse order along axis 0, its rows.

    Returns a tensor of the shape and dtype of `m`.
    Raises GraphError, a TypeError, for a tensor without axes.

        >>> pt.flipud([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([[3., 4.],
               [1., 2.]])
    """
    x = as_tensor(m)
    return ops.flip(x, one_axis(0, x, "flipud"))
