"""Whether whole tensors are equal, by NumPy's names."""

from __future__ import annotations

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike, as_tensor
from probtensor.ops.reductions.folds import flag
from probtensor.types import ShapeError, broadcast_shapes


@public
def array_equal(a1: TensorLike, a2: TensorLike, equal_nan: bool = False) -> Node:
    """Whether both have one shape and equal elements; with `equal_nan` NaNs are equal.

    Returns a bool tensor without axes: False for shapes that certainly differ.
    Raises GraphError, a TypeError, for an `equal_nan` that is no bool; ValueError where only a call
    can tell that the sizes differ.

        >>> pt.array_equal([1.0, 2.0], [1.0, 2.0]).eval()
        array(True)
    """
    x, y = as_tensor(a1), as_tensor(a2)
    pairs = zip(x.shape, y.shape)
    if x.ndim != y.ndim or any(
        isinstance(n, int) and isinstance(m, int) and n != m for n, m in pairs
    ):
        return as_tensor(False)
    same = ops.eq(x, y)
    if flag(equal_nan, "array_equal: equal_nan") and x.type.is_float and y.type.is_float:
        same = ops.logical_or(same, ops.logical_and(ops.isnan(x), ops.isnan(y)))
    return ops.all(same)


@public
def array_equiv(a1: TensorLike, a2: TensorLike) -> Node:
    """Whether both broadcast to one shape and have equal elements there.

    Returns a bool tensor without axes: False for shapes that certainly do not broadcast.
    Raises ValueError where only a call can tell that the sizes differ.

        >>> pt.array_equiv([1.0, 1.0], 1.0).eval()
        array(True)
    """
    x, y = as_tensor(a1), as_tensor(a2)
    try:
        broadcast_shapes(x.shape, y.shape)
    except ShapeError:
        return as_tensor(False)
    return ops.all(ops.eq(x, y))
