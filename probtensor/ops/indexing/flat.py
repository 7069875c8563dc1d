"""Indices of elements in row-major order, and writing by them."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Const, GraphError, Node, TensorLike, as_tensor, make
from probtensor.ops.arrays.views import size_tuple
from probtensor.ops.indexing.gather import MODES, Gather
from probtensor.ops.indexing.places import unravelled
from probtensor.ops.kinds import as_tensor_of
from probtensor.ops.reductions.folds import described
from probtensor.types import ShapeError, Size, broadcast_shapes, size_product


@public
def unravel_index(
    indices: TensorLike, shape: Size | Sequence[Size], order: str = "C"
) -> tuple[Node, ...]:
    """The indices along each axis of flat indices into a tensor of a shape, whose elements are
    numbered row by row (order="C") or column by column ("F").

    Returns a tuple of int64 tensors of the shape of `indices`, one for each axis.
    Raises GraphError, a TypeError, for indices that are no integers, no axes and another order;
    IndexError for an index out of bounds, also below 0.

        >>> [i.eval() for i in pt.unravel_index([1, 5], (2, 3))]
        [array([0, 1]), array([1, 2])]
    """
    sizes = size_tuple(shape)
    reverse = _order(order, "unravel_index")
    if not sizes:
        raise GraphError("unravel_index: a shape has at least one axis")
    flat = _integers(indices, "unravel_index")
    flat = _in_bounds(flat, size_product(sizes), "unravel_index", "the elements")
    found = unravelled(flat, sizes[::-1] if reverse else sizes)
    return tuple(found[::-1] if reverse else found)


@public
def ravel_multi_index(
    multi_index: Sequence[TensorLike] | TensorLike,
    dims: Size | Sequence[Size],
    mode: str | Sequence[str] = "raise",
    order: str = "C",
) -> Node:
    """The flat indices, into a tensor of shape `dims`, of indices along each axis, which broadcast.

    multi_index  an integer tensor for each axis, or a tensor with an entry for each
    mode         what indices out of bounds do: "raise", "wrap" or "clip"; also one for each axis.
                 With "raise" those below 0 are out of bounds
    order        elements are numbered row by row ("C") or column by column ("F")

    Returns an int64 tensor of the shape that the indices broadcast to.
    Raises GraphError, a TypeError, for indices that are no integers, or not one for each axis, and
    for another mode or order; IndexError for an index out of bounds.

        >>> pt.ravel_multi_index(([0, 1], [1, 2]), (2, 3)).eval()
        array([1, 5])
    """
    sizes = size_tuple(dims)
    reverse = _order(order, "ravel_multi_index")
    modes = [mode] * len(sizes) if isinstance(mode, str) else list(mode)
    given = [as_tensor(i) for i in multi_index]
    if not len(given) == len(sizes) == len(modes):
        counts = f"{len(given)} index tensors and {len(modes)} modes for {len(sizes)} axes"
        raise GraphError(f"ravel_multi_index: {counts}; there is one for each")
    columns = []
    for axis, (i, n, way) in enumerate(zip(given, sizes, modes, strict=True)):
        index = _integers(i, "ravel_multi_index")
        if way not in MODES:
            text = f"ravel_multi_index: mode {way!r} is not one of {', '.join(MODES)}"
            raise GraphError(text)
        if way == "raise":
            columns.append(_in_bounds(index, n, "ravel_multi_index", f"axis {axis}"))
        else:
            columns.append(make(Gather((0,), 0, way), (ops.arange(n), index)))
    try:
        broadcast_shapes(*(column.shape for column in columns))
    except ShapeError as error:
        raise GraphError(f"ravel_multi_index: indices of sizes {error} do not broadcast") from None
    pairs = list(zip(columns, sizes, strict=True))
    flat, _ = (pairs := pairs[::-1] if reverse else pairs)[0]
    for column, n in pairs[1:]:
        flat = flat * as_tensor(n) + column
    return flat


def _order(order: str, what: str) -> bool:
    if order not in ("C", "F"):
        raise GraphError(f"{what}: the order is 'C' or 'F', not {order!r}")
    return order == "F"


def _integers(indices: TensorLike, what: str) -> Node:
    index = as_tensor(indices)
    if index.type.is_float or index.dtype == "bool":
        raise GraphError(f"{what}: indices must be integers, not {index.dtype}{described(index)}")
    return index


def _in_bounds(index: Node, n: Size, what: str, where: str) -> Node:
    """int64 indices, which must be from 0 to n - 1. Literals are checked at once."""
    if isinstance(index.op, Const) and isinstance(n, int):
        wrong = index.op.array[(index.op.array < 0) | (index.op.array >= n)]
        if wrong.size:
            text = f"{what}: index {wrong.flat[0]} is outside {where} of size {n}"
            raise GraphError(text + described(index))
        return as_tensor(index.op.array.astype("int64"))
    # Reading an arange checks them, and gives them back; there -1 would be the last one.
    if not index.dtype.startswith("u"):
        wide = ops.astype(index, "int64")
        index = ops.where(ops.lt(wide, 0), wide - as_tensor(n), wide)
    return make(Gather((0,), 0), (ops.arange(n), index))


@public
def put(a: TensorLike, ind: TensorLike, v: TensorLike, mode: str = "raise") -> Node:
    """`a` with the elements at flat indices `ind` set to `v`, whose elements are repeated if there
    are fewer. NumPy writes into `a` itself; a tensor is never changed. Of repeated indices the last
    one counts.

    mode  what indices out of bounds do: "raise", "wrap" or "clip"; with "raise" those below 0
          count from the end

    Returns a tensor of the shape of `a`, in its dtype.
    Raises GraphError, a TypeError, for indices that are no integers and for another mode;
    IndexError for an index out of bounds.

        >>> pt.put([[1.0, 2.0], [3.0, 4.0]], [0, -1], [7.0, 8.0]).eval()
        array([[7., 2.],
               [3., 8.]])
    """
    x, index = as_tensor(a), ops.ravel(_integers(ind, "put"))
    if mode not in MODES:
        raise GraphError(f"put: mode {mode!r} is not one of {', '.join(MODES)}")
    flat = ops.ravel(x)
    if mode != "raise":
        index = make(Gather((0,), 0, mode), (ops.arange(flat.shape[0]), index))
    values = repeated_over(as_tensor_of(v, x.dtype, "put: v"), ops.arange(index.shape[0]))
    return ops.reshape(flat.at[index].set(values), x.shape)


def repeated_over(values: Node, numbers: Node) -> Node:
    """The elements of a tensor with these numbers, counted on from the first after the last."""
    if not values.ndim:
        return ops.broadcast_to(values, numbers.shape)
    return ops.take(ops.ravel(values), numbers, mode="wrap")
