"""Sums and diagonals of products of matrices, without the products.

    sum(A @ B)    ->  sum(A, 0) @ sum(B, 1)        trace(A @ B)  ->  sum(A * B.T)
    sum(A @ B, 1) ->  A @ sum(B, 1)                diagonal(A @ B) -> sum(A * B.T, 1)

Sums of rows and columns overflow where elements are near the largest float, though those of the
product may not; an infinite element beside a zero, whose product is nan, may meet a sum that is not
zero.
"""

from __future__ import annotations

from probtensor import ops
from probtensor.graph.node import Node, make
from probtensor.transform.linalg.masks import index_of
from probtensor.transform.rewrite import Ruleset, rewrite
from probtensor.types import Size, never_negative, where_positive


def _a(*shape: int) -> Node:
    return ops.tensor("a", shape or (4, 3))


def _b(*shape: int) -> Node:
    return ops.tensor("b", shape or (3, 5))


@rewrite(
    on=ops.Sum,
    operands=ops.Contract,
    example=lambda: (
        ops.sum(_a() @ _b()),
        ops.sum(_a() @ _b(), 0),
        ops.sum(_a(2, 4, 3) @ _b(), (0, 2)),
        ops.sum(ops.contract("ij,ji->i", _a(4, 3), _b(3, 4))),
        ops.sum(ops.contract("bij,bij->bi", _a(2, 4, 3), _b(2, 4, 3)), 0),
    ),
)
def sum_before_product(node: Node) -> Node | None:
    """sum(a @ b) -> sum(a, 0) @ sum(b, 1): rows and columns that are summed over are summed first,
    and a sum of inner products is one inner product."""
    (product,) = node.inputs
    if not isinstance(product.op, ops.Contract):
        return None
    first, second, out = product.op.parts()
    gone = {out[axis] for axis in node.op.axes}
    joined = gone & set(first) & set(second)
    is_product = product.op.matrix_form() is not None
    # A sum over a batch of products of matrices is left to these; a product with a vector, too: it
    # is computed along with what else reads the matrix.
    if not node.type.is_float or (gone == joined if is_product else not joined):
        return None
    letters, operands = [], []
    for own, other, x in zip((first, second), (second, first), product.inputs, strict=True):
        axes = tuple(k for k, c in enumerate(own) if c in gone and c not in other)
        operands.append(ops.sum(x, axes) if axes else x)
        letters.append("".join(c for k, c in enumerate(own) if k not in axes))
    kept = "".join(c for c in out if c not in gone)
    return make(ops.Contract(f"{letters[0]},{letters[1]}->{kept}"), operands)


@rewrite(
    on=ops.Gather,
    operands=ops.Contract,
    example=lambda: (
        ops.diagonal(_a() @ _b()),
        ops.diagonal(_a() @ _b(), 1),
        ops.diagonal(_a(2, 4, 3) @ _b(2, 3, 5), -1, -2, -1),
        (_a() @ _b())[ops.arange(3), ops.arange(3)],
    ),
)
def diagonal_of_product(node: Node) -> Node | None:
    """diagonal(a @ b) -> sum(a * b.T, 1): the other elements are not computed."""
    product, *indices = node.inputs
    of_two = isinstance(product.op, ops.Contract) and len(indices) == 2
    if not of_two or not node.type.is_float or node.op.mode != "raise":
        return None
    first, second, out = product.op.parts()
    if max(node.op.axes) >= len(out):
        return None
    letters = [first, second]
    row, column = (out[axis] for axis in node.op.axes)
    (count,) = indices[0].shape if indices[0].ndim == 1 else (None,)
    sliced = list(product.inputs)
    for letter, index in zip((row, column), indices, strict=True):
        places = [k for k in range(2) if letter in letters[k]]
        found = index_of(index) if index.shape == (count,) else None
        if len(places) != 1 or found is None or found[1] < 0:
            return None
        k, start = places[0], found[1]
        sliced[k] = _rows(sliced[k], letters[k].index(letter), start, count)
        if sliced[k] is None:
            return None
    if (row in first) == (column in first):
        return None
    renamed = [text.replace(column, row) for text in letters]
    rest = "".join(c for c in out if c not in (row, column))
    kept = rest[: node.op.at] + row + rest[node.op.at :]
    return make(ops.Contract(f"{renamed[0]},{renamed[1]}->{kept}"), sliced)


def _rows(x: Node, axis: int, start: int, count: Size) -> Node | None:
    """So many rows along an axis, from a first one on; None where there may be fewer."""
    if not never_negative(x.shape[axis] - start - where_positive(count)):
        return None
    if start == 0 and count == x.shape[axis]:
        return x
    rows = [(0, 1, n) for n in x.shape]
    rows[axis] = (start, 1, count)
    return make(ops.Slice(*zip(*rows, strict=True)), (x,))


TOTALS = Ruleset(sum_before_product, diagonal_of_product)
