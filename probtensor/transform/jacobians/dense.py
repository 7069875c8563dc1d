"""Jacobians: all rows of reverse mode, or all columns of forward mode, computed together.

One product is batched over a basis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from probtensor import ops
from probtensor.graph.node import Node, new_input
from probtensor.transform.autodiff import Nodes, listed, pull_back, push_forward
from probtensor.transform.batch import vmap_nodes


def stacked_jacobian(outputs: Nodes, wrt: Nodes, mode: str | None = None) -> Node | list:
    """d outputs / d wrt, with the axes of the output first and those of the input after them.

    mode  "reverse", "forward", or None for that which takes fewer products, where the sizes are
          known; else reverse

    One node for one output and one `wrt`; a list for a sequence of either, nested for both.
    """
    rows = [_jacobian_of(y, listed(wrt), mode) for y in listed(outputs)]
    rows = [row[0] if isinstance(wrt, Node) else row for row in rows]
    return rows[0] if isinstance(outputs, Node) else rows


def _jacobian_of(y: Node, targets: list[Node], mode: str | None) -> list[Node]:
    if mode == "forward" or (mode is None and _columns_are_fewer(y, targets)):
        return [_by_columns(y, x) for x in targets]
    return _by_rows(y, targets)


def _columns_are_fewer(y: Node, targets: Sequence[Node]) -> bool:
    """Whether the targets are known to have fewer elements than the output has."""
    sizes = [x.shape for x in targets]
    if not all(isinstance(n, int) for shape in (y.shape, *sizes) for n in shape):
        return False
    return sum(map(math.prod, sizes)) < math.prod(y.shape)


def _by_rows(y: Node, targets: list[Node]) -> list[Node]:
    if not y.shape:
        return pull_back([y], targets, [ops.ones_like(y)])
    size = y.size
    basis = new_input("basis", y.dtype, y.shape)
    rows = pull_back([y], targets, [basis])
    unit = ops.reshape(ops.eye(size, dtype=y.dtype), (size, *y.shape))
    batched = vmap_nodes(rows, {basis: unit})
    return [ops.reshape(row, (*y.shape, *x.shape)) for row, x in zip(batched, targets)]


def _by_columns(y: Node, x: Node) -> Node:
    if not x.shape:
        return ops.astype(push_forward(y, x, ops.ones_like(x)), x.dtype)
    size = x.size
    basis = new_input("basis", x.dtype, x.shape)
    column = push_forward(y, x, basis)
    unit = ops.reshape(ops.eye(size, dtype=x.dtype), (size, *x.shape))
    batched = ops.moveaxis(vmap_nodes([column], {basis: unit})[0], 0, -1)
    return ops.astype(ops.reshape(batched, (*y.shape, *x.shape)), x.dtype)
