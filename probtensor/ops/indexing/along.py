"""Elements by their index along one axis: take, take_along_axis."""

from __future__ import annotations

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.ops.indexing.gather import MODES, Gather
from probtensor.ops.indexing.index import from_front
from probtensor.ops.kinds import method
from probtensor.ops.reductions.folds import described, one_axis
from probtensor.types import ShapeError, broadcast_shapes, shape_text


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
    if x.ndim != index.ndim:
        raise GraphError(
            f"take_along_axis: {x.ndim} and {index.ndim} axes; they must agree{described(x)}"
        )
    along = one_axis(axis, x, "take_along_axis")
    rest = [a for a in range(x.ndim) if a != along]
    try:
        joint = broadcast_shapes(*(tuple(t.shape[a] for a in rest) for t in (x, index)))
    except ShapeError:
        shapes = f"{shape_text(x.shape)} and {shape_text(index.shape)}"
        text = f"take_along_axis: shapes {shapes} do not broadcast off axis {along}"
        raise GraphError(text + described(x)) from None
    sizes = dict(zip(rest, joint, strict=True))
    x = ops.broadcast_to(x, tuple(sizes.get(a, n) for a, n in enumerate(x.shape)))
    index = ops.broadcast_to(index, tuple(sizes.get(a, n) for a, n in enumerate(index.shape)))
    grids = []
    for a in range(x.ndim):
        shape = tuple(-1 if b == a else 1 for b in range(x.ndim))
        line = index if a == along else ops.reshape(ops.arange(x.shape[a]), shape)
        grids.append(ops.broadcast_to(line, index.shape))
    return make(Gather(tuple(range(x.ndim)), 0), (x, *grids))
