"""Elements by their index along one axis: take, take_along_axis, and what is made of them."""

from __future__ import annotations

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.ops.indexing.gather import MODES, Gather, Scatter
from probtensor.ops.indexing.index import from_front
from probtensor.ops.kinds import as_tensor_of, method
from probtensor.ops.reductions.folds import described, flag, one_axis, one_integer
from probtensor.types import ShapeError, Size, broadcast_shapes, shape_text


@method
@public(lacks=("out",))
def take(
    a: TensorLike,
    indices: TensorLike,
    axis: int | None = None,
    out: None = None,
    mode: str = "raise",
) -> Node:
    """The elements of `a` (flattened if `axis` is None) at integer indices along one axis. `mode`
    is what indices out of bounds do: "raise", "wrap" or "clip".

    Returns a tensor of the dtype of `a`, with the axes of `indices` in place of `axis`.
    Raises GraphError, a TypeError, for indices that are no integers and for several axes;
    IndexError, with "raise", for an index out of bounds.

        >>> pt.take([10.0, 20.0, 30.0], [2, 0]).eval()
        array([30., 10.])
    """
    x, index = as_tensor(a), as_tensor(indices)
    if mode not in MODES:
        raise GraphError(f"take: mode {mode!r} is not one of {', '.join(MODES)}")
    if axis is None:
        x, axis = ops.ravel(x), 0
    position = one_axis(axis, x, "take")
    index = from_front(index, x.shape[position], x, position) if mode == "raise" else index
    return make(Gather((position,), position, mode), (x, index))


@public
def take_along_axis(arr: TensorLike, indices: TensorLike, axis: int | None = -1) -> Node:
    """out[i, j, k] = arr[i, indices[i, j, k], k] for axis 1, and so on; the other axes broadcast.
    With axis None `arr` is flattened, and the indices are a vector.

    Returns a tensor of the dtype of `arr`.
    Raises GraphError, a TypeError, for indices that are no integers or have another number of axes;
    IndexError for an index out of bounds.

        >>> pt.take_along_axis([[1.0, 2.0], [3.0, 4.0]], [[1], [0]], axis=1).eval()
        array([[2.],
               [3.]])
    """
    x, index = as_tensor(arr), as_tensor(indices)
    if axis is None:
        x, axis = ops.ravel(x), 0
    along = _one_of_both(x, index, axis, "take_along_axis")
    sizes = _joint_sizes(x, index, along, "take_along_axis")
    x = ops.broadcast_to(x, tuple(sizes.get(a, n) for a, n in enumerate(x.shape)))
    index = ops.broadcast_to(index, tuple(sizes.get(a, n) for a, n in enumerate(index.shape)))
    return make(Gather(tuple(range(x.ndim)), 0), (x, *_grids(x, index, along)))


@public
def put_along_axis(
    arr: TensorLike, indices: TensorLike, values: TensorLike, axis: int | None
) -> Node:
    """`arr` with arr[i, indices[i, j, k], k] set to values[i, j, k] for axis 1, and so on. NumPy
    writes into `arr` itself; a tensor is never changed. Of repeated indices the last one counts.

    axis    with None `arr` is flattened to find the places, and the indices are a vector
    values  broadcast to the indices, in the dtype of `arr`

    Returns a tensor of the shape of `arr`, in its dtype.
    Raises GraphError, a TypeError, for indices that are no integers or have another number of axes;
    IndexError for an index out of bounds.

        >>> pt.put_along_axis([[1.0, 2.0], [3.0, 4.0]], [[1], [0]], 0.0, axis=1).eval()
        array([[1., 0.],
               [0., 4.]])
    """
    given, index = as_tensor(arr), as_tensor(indices)
    x = ops.ravel(given) if axis is None else given
    along = _one_of_both(x, index, 0 if axis is None else axis, "put_along_axis")
    sizes = _joint_sizes(x, index, along, "put_along_axis")
    index = ops.broadcast_to(index, tuple(sizes.get(a, n) for a, n in enumerate(index.shape)))
    new = ops.broadcast_to(as_tensor_of(values, x.dtype, "put_along_axis: values"), index.shape)
    scatter = Scatter(tuple(range(x.ndim)), 0, "set")
    out = make(scatter, (x, new, *_grids(x, index, along)))
    return ops.reshape(out, given.shape) if axis is None else out


def _one_of_both(x: Node, index: Node, axis: int, what: str) -> int:
    """An axis of x, and of indices with as many axes."""
    if x.ndim != index.ndim:
        raise GraphError(
            f"{what}: {x.ndim} and {index.ndim} axes; they must agree{described(x)}"
        )
    return one_axis(axis, x, what)


def _joint_sizes(x: Node, index: Node, along: int, what: str) -> dict[int, Size]:
    """The sizes that x and the indices broadcast to, of all axes but one."""
    rest = [a for a in range(x.ndim) if a != along]
    try:
        joint = broadcast_shapes(*(tuple(t.shape[a] for a in rest) for t in (x, index)))
    except ShapeError:
        shapes = f"{shape_text(x.shape)} and {shape_text(index.shape)}"
        text = f"{what}: shapes {shapes} do not broadcast off axis {along}"
        raise GraphError(text + described(x)) from None
    return dict(zip(rest, joint, strict=True))


def _grids(x: Node, index: Node, along: int) -> list[Node]:
    """The indices into all axes of x: those given along one axis, and the own ones of the others
    (0 where x has one element for all)."""
    grids = []
    for a in range(x.ndim):
        shape = tuple(-1 if b == a else 1 for b in range(x.ndim))
        line = index if a == along else ops.reshape(ops.arange(x.shape[a]), shape)
        grids.append(ops.broadcast_to(line, index.shape))
    return grids


@public
def slice_at_axis(sl: slice, axis: int) -> tuple:
    """The key that applies a slice to one axis: x[pt.slice_at_axis(slice(1, None), axis=2)].

    Returns a tuple of slices, with an ellipsis in front for an axis that counts from the end.
    Raises GraphError, a TypeError, for an axis that is no integer.

        >>> pt.as_tensor([[1.0, 2.0], [3.0, 4.0]])[pt.slice_at_axis(slice(1, None), 1)].eval()
        array([[2.],
               [4.]])
    """
    axis = one_integer(axis, "slice_at_axis: the axis", tensors=False)
    whole = slice(None)
    return (whole,) * axis + (sl,) if axis >= 0 else (..., sl) + (whole,) * (-axis - 1)


@public
def permute_row_elements(x: TensorLike, y: TensorLike, inverse: bool = False) -> Node:
    """The elements along the last axis of x in the order y: out[..., k] = x[..., y[..., k]], or
    with `inverse` out[..., y[..., k]] = x[..., k]. The other axes broadcast.

    Returns a tensor of the dtype of x.
    Raises GraphError, a TypeError, for orders that are no integers and axes that do not broadcast;
    IndexError for an index out of bounds.

        >>> pt.permute_row_elements([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [2, 0, 1]).eval()
        array([[3., 1., 2.],
               [6., 4., 5.]])
    """
    values, order = as_tensor(x), as_tensor(y)
    if not values.ndim or not order.ndim:
        text = "permute_row_elements: a tensor without axes has no rows"
        raise GraphError(text + described(values))
    ndim = max(values.ndim, order.ndim)
    values, order = (ops.expand_dims(t, tuple(range(ndim - t.ndim))) if t.ndim < ndim else t
                     for t in (values, order))  # fmt: skip
    order = inverse_permutation(order) if flag(inverse, "permute_row_elements: inverse") else order
    return take_along_axis(values, order, -1)


@public
def inverse_permutation(perm: TensorLike) -> Node:
    """The permutations that undo those along the last axis: out[..., perm[..., k]] = k.

    Returns a tensor of the shape and dtype of `perm`. Where an index is missing it has 0.
    Raises GraphError, a TypeError, for what is no integer; IndexError for an index out of bounds.

        >>> pt.inverse_permutation([2, 0, 1]).eval()
        array([1, 2, 0])
    """
    order = as_tensor(perm)
    if not order.ndim or order.type.is_float or order.dtype == "bool":
        raise GraphError(
            f"inverse_permutation: takes integers with an axis, not {order.type}{described(order)}"
        )
    places = ops.arange(order.shape[-1], dtype=order.dtype)
    return put_along_axis(ops.zeros_like(order), order, places, -1)
