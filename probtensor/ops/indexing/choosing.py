"""Elements of several tensors, chosen by an index or a mask."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.ops.indexing.flat import repeated_over
from probtensor.ops.indexing.gather import MODES, Gather
from probtensor.ops.indexing.index import from_front
from probtensor.ops.kinds import as_tensor_of, method, weak_operand
from probtensor.ops.reductions.folds import described
from probtensor.types import ShapeError, broadcast_shapes, promote


@public(lacks=("out",))
def choose(
    a: TensorLike,
    choices: Sequence[TensorLike] | TensorLike,
    out: None = None,
    mode: str = "raise",
) -> Node:
    """choices[a[i, j]][i, j] for each element of an integer tensor `a`, which broadcasts with the
    choices. What is not chosen has a derivative of 0.

    choices  tensors, or a tensor whose entries along its first axis are the choices
    mode     what indices out of bounds do: "raise", "wrap" or "clip"

    Returns a tensor of the shape that all broadcast to, in the dtype that the choices promote to.
    Raises GraphError, a TypeError, for indices that are no integers, no choice, shapes that do not
    broadcast and another mode; IndexError, with "raise", for an index out of bounds.

        >>> pt.choose([1, 0, 1], [[1.0, 2.0, 3.0], 9.0]).eval()
        array([9., 2., 9.])
    """
    index = as_tensor(a)
    if mode not in MODES:
        raise GraphError(f"choose: mode {mode!r} is not one of {', '.join(MODES)}")
    if index.type.is_float:
        raise GraphError(f"choose: indices must be integers, not {index.dtype}{described(index)}")
    index = ops.astype(index, "int64") if index.dtype == "bool" else index
    several = isinstance(choices, (list, tuple))
    if several and not choices:
        raise GraphError(f"choose: there is nothing to choose from{described(index)}")
    dtype = promote(*map(weak_operand, choices)) if several else as_tensor(choices).dtype
    entries = [as_tensor_of(x, dtype) for x in choices] if several else [as_tensor(choices)]
    if not several and not entries[0].ndim:
        raise GraphError(f"choose: a tensor without axes has no entries{described(entries[0])}")
    shapes = [x.shape if several else x.shape[1:] for x in entries]
    try:
        joint = broadcast_shapes(index.shape, *shapes)
    except ShapeError as error:
        text = f"choose: index and choices of sizes {error} do not broadcast"
        raise GraphError(text + described(index)) from None
    stacked = ops.stack([ops.broadcast_to(x, joint) for x in entries]) if several else (
        _entries_of_shape(entries[0], joint))  # fmt: skip
    if mode == "raise":
        index = from_front(index, stacked.shape[0], stacked, 0)
    grids = [ops.broadcast_to(index, joint)]
    for axis, n in enumerate(joint):
        line = ops.reshape(ops.arange(n), (-1, *(1,) * (len(joint) - axis - 1)))
        grids.append(ops.broadcast_to(line, joint))
    return make(Gather(tuple(range(stacked.ndim)), 0, mode), (stacked, *grids))


def _entries_of_shape(x: Node, shape: tuple) -> Node:
    """x with its entries along the first axis broadcast to a shape."""
    new = tuple(range(1, 1 + len(shape) - (x.ndim - 1)))
    wide = ops.expand_dims(x, new) if new else x
    return ops.broadcast_to(wide, (x.shape[0], *shape))


def _choose_method(
    x: Node, choices: Sequence[TensorLike] | TensorLike, mode: str = "raise"
) -> Node:
    """choices[x[i, j]][i, j] for each element of an integer tensor."""
    return choose(x, choices, mode=mode)


method(public(_choose_method, name="choose"), "choose")


@public
def putmask(a: TensorLike, mask: TensorLike, values: TensorLike) -> Node:
    """`a` with the element of `values` of the same number in row-major order where a mask is true;
    `values` is repeated if it has fewer elements. NumPy writes into `a` itself; a tensor is never
    changed.

    Returns a tensor of the shape of `a`, in its dtype.
    Raises GraphError, a TypeError, for a mask of another shape.

        >>> pt.putmask([1.0, 2.0, 3.0], [True, False, True], [7.0, 8.0]).eval()
        array([7., 2., 7.])
    """
    x, chosen, new = _masked("putmask", a, mask, values)
    if new.shape != x.shape:
        new = ops.reshape(repeated_over(new, ops.arange(x.size)), x.shape)
    return ops.where(chosen, new, x)


@public
def place(arr: TensorLike, mask: TensorLike, vals: TensorLike) -> Node:
    """`arr` with the elements of `vals`, one after the other, where a mask is true; `vals` is
    repeated if it has fewer elements. NumPy writes into `arr` itself; a tensor is never changed.

    Returns a tensor of the shape of `arr`, in its dtype.
    Raises GraphError, a TypeError, for a mask of another shape.

        >>> pt.place([1.0, 2.0, 3.0], [True, False, True], [7.0, 8.0]).eval()
        array([7., 2., 8.])
    """
    x, chosen, new = _masked("place", arr, mask, vals)
    before = ops.cumsum(ops.astype(ops.ravel(chosen), "int64")) - 1
    return ops.where(chosen, ops.reshape(repeated_over(new, before), x.shape), x)


def _masked(
    what: str, a: TensorLike, mask: TensorLike, values: TensorLike
) -> tuple[Node, Node, Node]:
    x, chosen = as_tensor(a), as_tensor(mask)
    chosen = chosen if chosen.dtype == "bool" else ops.ne(chosen, 0)
    if chosen.ndim != x.ndim:
        raise GraphError(f"{what}: a mask {chosen.type} for {x.type}{described(x)}")
    new = as_tensor_of(values, x.dtype, f"{what}: values")
    if new.size == 0:
        raise GraphError(f"{what}: there are no values{described(x)}")
    return x, ops.broadcast_to(chosen, x.shape), new
