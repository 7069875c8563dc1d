"""Products of a matrix of data that has few columns with a vector: sums over the columns.

The rows of such a matrix are shorter than a vector register. Each column is stored apart when data
are bound; then a loop over the rows reads them with unit stride, and has nothing but elementwise
statements and sums, also in the gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from probtensor import ops
from probtensor.graph import Node, toposort
from probtensor.graph.node import make, made_by
from probtensor.prob.model.data import Column

FEW = 16  # columns
MANY = 32  # rows, below which nothing is gained


def by_columns(total: Node, only_data: Callable[[Node], bool]) -> Node:
    """A density with its products of data and a vector written out, where they have few columns."""
    done: dict[Node, Node] = {}
    for node in toposort([total]):
        with made_by(node):
            inputs = tuple(done[x] for x in node.inputs)
            changed = any(a is not b for a, b in zip(inputs, node.inputs, strict=True))
            done[node] = make(node.op, inputs, type(node)) if changed else node
            if isinstance(node.op, ops.Contract) and not only_data(node):
                found = _written_out(done[node], only_data)
                done[node] = done[node] if found is None else found
    return done[total]


def _written_out(product: Node, only_data: Callable[[Node], bool]) -> Node | None:
    if product.dtype != "float64":
        return None
    first, second, out = product.op.parts()
    a, b = product.inputs
    for x, axes, v, own in ((a, first, b, second), (b, second, a, first)):
        if len(axes) != 2 or len(own) != 1 or len(out) != 1 or own == out or own not in axes:
            continue
        axis = axes.index(own)
        count, rows = x.shape[axis], x.shape[1 - axis]
        few = isinstance(count, int) and 1 < count <= FEW
        if few and not (isinstance(rows, int) and rows < MANY) and only_data(x):
            terms = [make(Column(axis, k), (x,)) * v[k] for k in range(count)]
            return reduce(ops.add, terms)
    return None
