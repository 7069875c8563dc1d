"""Shapes that a call must have, and shapes that others broadcast to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.arrays.require import sized
from probtensor.ops.arrays.views import one_size, size_tuple
from probtensor.ops.reductions.folds import described, flag, listed_axes
from probtensor.types import ShapeError, Size, shape_text
from probtensor.types import broadcast_shapes as joint_shape


@public
def specify_shape(x: TensorLike, shape: Size | Sequence[Size | None] | None) -> Node:
    """x, which must have this shape; None stands for any size of an axis. What follows can rely on
    the sizes: an axis that is known to have size 1 broadcasts. Nothing is computed.

    Returns a tensor of `shape`, in the dtype of x.
    Raises GraphError, a TypeError, for another number of axes and for a size that x certainly has
    not; a call raises ValueError, with the axis, its size, the wanted size and the line, if the
    sizes differ there.

        >>> y = pt.specify_shape(pt.matrix("x"), (None, 3))
        >>> y.shape[1]
        3
    """
    x = as_tensor(x)
    several = isinstance(shape, (tuple, list, np.ndarray)) or getattr(shape, "ndim", 0)
    given = list(shape) if several else [shape]
    if len(given) != x.ndim:
        shown = shape_text(["None" if n is None else n for n in given])
        raise GraphError(
            f"specify_shape: the shape {shown} has {len(given)} sizes for {x.ndim} axes"
            f"{described(x)}"
        )
    pairs = zip(given, x.shape, strict=True)
    return sized(x, [one_size(n, "specify_shape: a size") if n is not None else m
                      for n, m in pairs], "specify_shape")  # fmt: skip


@public
def specify_broadcastable(x: TensorLike, *axes: int) -> Node:
    """x, whose `axes` must have size 1, and are broadcast where other tensors are longer.

    Returns a tensor of the dtype of x.
    Raises GraphError, a TypeError, for an axis that x has not, or of another size; a call raises
    ValueError, with the axis, its size and the line, where the size is another one.

        >>> pt.specify_broadcastable(pt.matrix("x"), 0).shape[0]
        1
    """
    x = as_tensor(x)
    chosen = listed_axes(list(axes), x, "specify_broadcastable")
    sizes = [1 if axis in chosen else n for axis, n in enumerate(x.shape)]
    return sized(x, sizes, "specify_broadcastable")


@public
def broadcast_shapes(*args: Size | Sequence[Size]) -> tuple[Size, ...]:
    """The shape that shapes broadcast to, by NumPy's rule. Of two different symbolic sizes a call
    decides it, which refuses sizes that differ unless one is 1.

    Returns a tuple of sizes.
    Raises GraphError, a TypeError, for sizes that differ, neither of which is 1.

        >>> pt.broadcast_shapes((3, 1), (4,))
        (3, 4)
    """
    return _joint([size_tuple(shape) for shape in args], "broadcast_shapes")


@public
def broadcast_shape(*arrays: TensorLike, arrays_are_shapes: bool = False) -> tuple[Size, ...]:
    """The shape that tensors broadcast to, or, with `arrays_are_shapes`, shapes.

    Returns a tuple of sizes.
    Raises GraphError, a TypeError, for sizes that differ, neither of which is 1.

        >>> pt.broadcast_shape([[1.0], [2.0]], [1.0, 2.0, 3.0])
        (2, 3)
    """
    are_shapes = flag(arrays_are_shapes, "broadcast_shape: arrays_are_shapes")
    shapes = [size_tuple(x) if are_shapes else as_tensor(x).shape for x in arrays]
    return _joint(shapes, "broadcast_shape")


def _joint(shapes: Sequence[Sequence[Size]], what: str) -> tuple[Size, ...]:
    try:
        return joint_shape(*shapes)
    except ShapeError as error:
        shown = " and ".join(map(shape_text, shapes))
        text = f"{what}: shapes {shown} do not broadcast: sizes {error} differ"
        raise GraphError(text) from None
