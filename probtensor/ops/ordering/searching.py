"""Places in an ordered vector."""

from __future__ import annotations

from typing import Any

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Const, GraphError, Node, TensorLike, as_tensor
from probtensor.ops.kinds import method
from probtensor.ops.ordering.routines import (
    SearchLeft,
    SearchLeftIntegers,
    SearchRight,
    SearchRightIntegers,
    ranked,
)
from probtensor.ops.reductions.folds import described, flag
from probtensor.types import promote

SIDES = ("left", "right")


def searched(x: Node, values: Node, side: str) -> Node:
    """The places of `values` in the ascending vector x, in their shape."""
    kind = promote(x.dtype, values.dtype)
    x, values = (ranked(ops.astype(node, kind)) for node in (x, values))
    if x.type.is_float:
        op = SearchLeft() if side == "left" else SearchRight()
    else:
        op = SearchLeftIntegers() if side == "left" else SearchRightIntegers()
    return ops.reshape(op(x, ops.ravel(values)), values.shape)


def one_side(what: str, side: Any) -> str:
    """ "left" or "right" from a name of these or its first letter."""
    found = [name for name in SIDES if isinstance(side, str) and name[:1] == side[:1].lower()]
    if not found:
        raise GraphError(f"{what}: side is 'left' or 'right', not {side!r:.60}")
    return found[0]


def a_vector(what: str, name: str, x: Node) -> Node:
    """x, which has one axis; GraphError if it has not."""
    if x.ndim != 1:
        raise GraphError(f"{what}: {name} is a vector, and this has {x.ndim} axes{described(x)}")
    return x


@method
@public
def searchsorted(
    a: TensorLike, v: TensorLike, side: str = "left", sorter: TensorLike | None = None
) -> Node:
    """For each element of `v` the place in the ascending vector `a` at which it can be put without
    changing the order: before equal elements with side "left", after them with "right". A nan is
    the largest.

    `sorter` holds the indices that sort `a`, where it is not sorted.

    Returns an int64 tensor of the shape of `v`; it has no derivative.
    Raises GraphError, a TypeError, for an `a` or a sorter that is no vector, and another side.

        >>> pt.searchsorted([1.0, 2.0, 3.0], [2.0, 2.5, 9.0]).eval()
        array([1, 2, 3])
    """
    x = a_vector("searchsorted", "a", as_tensor(a))
    side = one_side("searchsorted", side)
    if sorter is not None:
        order = a_vector("searchsorted", "the sorter", as_tensor(sorter))
        if order.type.is_float or order.dtype == "bool":
            raise GraphError(f"searchsorted: the sorter holds indices, not {order.dtype}")
        x = ops.take(x, order)
    return searched(x, as_tensor(v), side)


@public
def digitize(x: TensorLike, bins: TensorLike, right: bool = False) -> Node:
    """The number of the bin in which each element lies: i for bins[i-1] <= x < bins[i], or with
    `right` for bins[i-1] < x <= bins[i]; 0 before all of them and the number of edges after. Edges
    that descend are counted from their end, as in NumPy.

    Returns an int64 tensor of the shape of x; it has no derivative.
    Raises GraphError, a TypeError, for edges that are no vector, and for literal ones that are in
    no order; of others this is not checked.

        >>> pt.digitize([0.5, 1.0, 3.0], [1.0, 2.0]).eval()
        array([0, 1, 2])
    """
    x, edges = as_tensor(x), a_vector("digitize", "bins", as_tensor(bins))
    right = flag(right, "digitize: right")
    n = edges.shape[0]
    if isinstance(edges.op, Const):
        steps = np.diff(edges.op.array)
        if not ((steps >= 0).all() or (steps <= 0).all()):
            raise GraphError(f"digitize: the edges neither ascend nor descend{described(edges)}")
    side = "left" if right else "right"
    descend = ops.any(ops.lt(edges[1:], edges[:-1]))
    downwards = as_tensor(n) - searched(ops.flip(edges, 0), x, side)
    return ops.where(descend, downwards, searched(edges, x, side))
