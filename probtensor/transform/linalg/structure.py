"""Facts about matrices: which diagonals are zero, symmetric, positive definite, orthogonal.

The facts follow from how a matrix is computed, and from what `assume` declares. They hold of the
last two axes of each item of a batch, in exact arithmetic. A matrix counts as positive definite
only where that is declared or is so in any rounding: of a sum of squares, Cholesky's factor may not
exist in floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass, replace
from probtensor.graph.node import Const, Node
from probtensor.ops.kinds import Elementwise
from probtensor.transform.facts import FactTable, constant_of

INF = math.inf
MAX_ELEMENTS = 2**16  # of literals that are looked at


@dataclass(frozen=True)
class Structure:
    """Elements are 0 where the row is more than `below` past the column, or the column more than
    `above` past the row; a matrix is orthogonal if its inverse is its transpose."""

    below: float = INF
    above: float = INF
    symmetric: bool = False
    positive: bool = False
    orthogonal: bool = False

    @property
    def lower(self) -> bool:
        return self.above <= 0

    @property
    def upper(self) -> bool:
        return self.below <= 0

    @property
    def diagonal(self) -> bool:
        return self.lower and self.upper

    @property
    def transposed(self) -> Structure:
        return replace(self, below=self.above, above=self.below)


NOTHING = Structure()
IDENTITY = Structure(0, 0, True, True, True)


def structure_of(node: Node, facts: FactTable) -> Structure:
    """What is known of the matrices on the last two axes of a node."""
    found = _known(node, facts)
    if found is not None:
        return found
    stack = [node]
    while stack:
        top = stack[-1]
        if _known(top, facts) is not None:
            stack.pop()
            continue
        waiting = [x for x in _followed(top) if _known(x, facts) is None]
        if waiting:
            stack.extend(waiting)
        else:
            facts.structures[stack.pop()] = _compute(top, facts)
    return facts.structures[node]


def _known(node: Node, facts: FactTable) -> Structure | None:
    if isinstance(node.type, tuple) or not is_square(node):
        return NOTHING
    return facts.structures.get(node)


def is_square(node: Node) -> bool:
    """Whether the last two axes have one size for certain."""
    return node.ndim >= 2 and node.shape[-1] == node.shape[-2]


def _followed(node: Node) -> Sequence[Node]:
    """The operands whose structure the node's may follow from."""
    return node.inputs if type(node.op) in _RULES or isinstance(node.op, Elementwise) else ()


def _compute(node: Node, facts: FactTable) -> Structure:
    operands = [_of_operand(x, facts) for x in _followed(node)]
    rule = _RULES.get(type(node.op))
    if rule is not None:
        return rule(node, facts, *operands)
    if isinstance(node.op, Const):
        return _of_array(node.op.array)
    if isinstance(node.op, Elementwise):
        even = all(s.symmetric or is_repeated(x) for x, s in zip(node.inputs, operands))
        return Structure(symmetric=even)
    return NOTHING


def _of_operand(x: Node, facts: FactTable) -> Structure:
    found = _known(x, facts)
    return NOTHING if found is None else found


def is_repeated(x: Node) -> bool:
    """Is x one value for all elements of a matrix?"""
    while isinstance(x.op, ops.BroadcastTo):
        x = x.inputs[0]
    return all(n == 1 for n in x.shape[-2:])


def _of_array(array: np.ndarray) -> Structure:
    if array.size > MAX_ELEMENTS or not array.size or array.dtype.kind not in "fiub":
        return NOTHING
    rows, columns = np.nonzero((array != 0).any(axis=tuple(range(array.ndim - 2))))
    if not rows.size:
        return Structure(0, 0, symmetric=True)
    gaps = rows - columns
    below, above = max(0, int(gaps.max())), max(0, int(-gaps.min()))
    even = np.array_equal(array, np.swapaxes(array, -1, -2))
    positive = not below and not above and np.diagonal(array, axis1=-2, axis2=-1).min() > 0
    return Structure(below, above, even, bool(positive and np.isfinite(array).all()))


# Masks: comparisons of the number of the row with that of the column.


def index_of(x: Node) -> tuple[int, int] | None:
    """(axis counted from the end, offset), where x is arange(n) + offset along that axis."""
    offset = 0
    while True:
        if isinstance(x.op, ops.Add):
            a, b = x.inputs
            value = constant_of(b)
            x, value = (a, value) if value is not None else (b, constant_of(a))
            if not isinstance(value, int) or isinstance(value, bool):
                return None
            offset += value
        elif isinstance(x.op, (ops.Iota, ops.ExpandDims)):
            break
        else:
            return None
    axis = -1
    if isinstance(x.op, ops.ExpandDims):
        axis = max(set(range(x.ndim)) - set(x.op.axes), default=-1) - x.ndim
        x = x.inputs[0]
    return (axis, offset) if isinstance(x.op, ops.Iota) else None


_FLIPPED = {ops.Eq: ops.Eq, ops.Ge: ops.Le, ops.Le: ops.Ge, ops.Gt: ops.Lt, ops.Lt: ops.Gt}


def mask_of(condition: Node) -> tuple[float, float] | None:
    """(below, above) of the elements for which a comparison of row and column is true; None for
    other conditions."""
    kind = type(condition.op)
    if kind not in _FLIPPED:
        return None
    first, second = map(index_of, condition.inputs)
    if first is None or second is None or {first[0], second[0]} != {-1, -2}:
        return None
    if first[0] == -1:
        first, second, kind = second, first, _FLIPPED[kind]
    gap = second[1] - first[1]  # of row - column, where both sides are equal
    if kind is ops.Eq:
        return gap, -gap
    if kind in (ops.Ge, ops.Gt):
        return INF, -gap - (kind is ops.Gt)
    return gap - (kind is ops.Lt), INF


def _cast(node: Node, facts: FactTable, x: Structure) -> Structure:
    band = mask_of(node.inputs[0])
    if band is None:
        return replace(x, positive=False, orthogonal=False)
    return IDENTITY if band == (0, 0) else Structure(*band)


def _complement(below: float, above: float) -> tuple[float, float] | None:
    """The band of the other elements; None where there is none."""
    if below == INF:
        return -above - 1, INF
    return (INF, -below - 1) if above == INF else None


def _where(node: Node, facts: FactTable, c: Structure, x: Structure, y: Structure) -> Structure:
    band = mask_of(node.inputs[0])
    if band is not None and facts.constant(node.inputs[1]) == 0:
        band, x = _complement(*band), y
    elif facts.constant(node.inputs[2]) != 0:
        band = None
    if band is None:
        return Structure(max(x.below, y.below), max(x.above, y.above))
    below, above = min(x.below, band[0]), min(x.above, band[1])
    if below <= 0 and above <= 0:
        ones = facts.constant(node.inputs[1]) == 1 and band == (0, 0)
        return IDENTITY if ones else Structure(0, 0, True, _is_positive(node.inputs[1], facts))
    return Structure(below, above, x.symmetric and band[0] == band[1])


def _is_positive(x: Node, facts: FactTable) -> bool:
    found = facts.bounds(x)
    return found.positive and found.low > 0


# Arithmetic.


def _add(node: Node, facts: FactTable, x: Structure, y: Structure) -> Structure:
    below, above = max(x.below, y.below), max(x.above, y.above)
    both = isinstance(node.op, ops.Add) and x.positive and y.positive
    return Structure(below, above, _all_even(node, x, y), both)


def _all_even(node: Node, *operands: Structure) -> bool:
    return all(s.symmetric or is_repeated(x) for x, s in zip(node.inputs, operands))


def _neg(node: Node, facts: FactTable, x: Structure) -> Structure:
    return replace(x, positive=False)


def _mul(node: Node, facts: FactTable, x: Structure, y: Structure) -> Structure:
    for scalar, other in ((node.inputs[0], y), (node.inputs[1], x)):
        if is_repeated(scalar):
            positive = other.positive and facts.bounds(scalar).positive
            return replace(other, positive=positive, orthogonal=False)
    even = x.symmetric and y.symmetric
    return Structure(min(x.below, y.below), min(x.above, y.above), even)


def _div(node: Node, facts: FactTable, x: Structure, y: Structure) -> Structure:
    if not is_repeated(node.inputs[1]):
        return Structure(x.below, x.above, x.symmetric and y.symmetric)
    positive = x.positive and facts.bounds(node.inputs[1]).positive
    return replace(x, positive=positive, orthogonal=False)


# Products and views.


@dataclass(frozen=True)
class Product:
    """A contraction as a product of two matrices, each perhaps transposed. A vector is a matrix of
    one row on the left, of one column on the right."""

    left: Node
    left_turned: bool
    right: Node
    right_turned: bool
    row: bool
    column: bool

    def operands(self) -> tuple[Node, Node]:
        """Both matrices as they are multiplied."""
        pairs = ((self.left, self.left_turned), (self.right, self.right_turned))
        first, second = (ops.matrix_transpose(x) if turned else x for x, turned in pairs)
        return first, second

    def shaped(self, found: Node) -> Node:
        """A matrix in the place of the product, without the axes that vectors have not."""
        axes = [-2] * self.row + [-1] * self.column
        return ops.squeeze(found, tuple(axes)) if axes else found


def product_of(node: Node) -> Product | None:
    """The product of matrices, or of a matrix and a vector, that a contraction is, with leading
    axes that all have; None for others."""
    first, second, out = node.op.parts()
    (x, y), shared = node.inputs, [c for c in first if c in second]
    batch = "".join(c for c in out if c in first and c in second)
    joined = [c for c in shared if c not in out]
    if len(joined) != 1 or not (first.startswith(batch) and second.startswith(batch)):
        return None
    if out != batch + "".join(c for c in out if c not in batch):
        return None
    rows, columns = ([c for c in s if c not in shared] for s in (first, second))
    own = out[len(batch) :]
    if len(rows) > 1 or len(columns) > 1 or not rows + columns:
        return None
    if own == "".join(columns + rows) and rows and columns:
        (x, y), (first, second), (rows, columns) = (y, x), (second, first), (columns, rows)
    elif own != "".join(rows + columns):
        return None
    left, left_turned = (
        untransposed(x, first[-1] in rows) if rows else (ops.expand_dims(x, -2), False)
    )
    right, right_turned = (
        untransposed(y, second[-1] not in columns) if columns else (ops.expand_dims(y, -1), False)
    )
    return Product(left, left_turned, right, right_turned, not rows, not columns)


def is_turned(x: Node) -> bool:
    """Is x the transpose of the matrices of its operand?"""
    if not isinstance(x.op, ops.Transpose):
        return False
    n = x.ndim
    return tuple(x.op.axes) == (*range(n - 2), n - 1, n - 2)


def untransposed(x: Node, turned: bool) -> tuple[Node, bool]:
    """The matrix that x, or its transpose, is the transpose of, and whether it is to be turned."""
    while is_turned(x):
        x, turned = x.inputs[0], not turned
    return x, turned


def _contract(node: Node, facts: FactTable, x: Structure, y: Structure) -> Structure:
    found = product_of(node)
    if found is None or found.row or found.column:
        return NOTHING
    left, right = (_of_operand(m, facts) for m in (found.left, found.right))
    left = left.transposed if found.left_turned else left
    right = right.transposed if found.right_turned else right
    gram = is_transpose_of(found)
    factor = found.left.op if gram else None
    return Structure(
        left.below + right.below,
        left.above + right.above,
        symmetric=gram,
        positive=gram and isinstance(factor, ops.Cholesky),
        orthogonal=left.orthogonal and right.orthogonal,
    )


def is_transpose_of(found: Product) -> bool:
    """Is the product one of a matrix and its own transpose?"""
    return found.left is found.right and found.left_turned != found.right_turned


def _transpose(node: Node, facts: FactTable, x: Structure) -> Structure:
    axes, n = tuple(node.op.axes), node.ndim
    if set(axes[-2:]) != {n - 2, n - 1}:
        return NOTHING
    return x.transposed if axes[-1] == n - 2 else x


def _leading(node: Node, facts: FactTable, x: Structure) -> Structure:
    """Of a view that adds leading axes."""
    same = node.inputs[0].ndim >= 2 and node.inputs[0].shape[-2:] == node.shape[-2:]
    kept = not isinstance(node.op, ops.ExpandDims) or max(node.op.axes) < node.ndim - 2
    return x if same and kept else NOTHING


# Routines.


def _fixed(found: Structure, node: Node, facts: FactTable, *operands: Structure) -> Structure:
    return found


def _inv(node: Node, facts: FactTable, x: Structure) -> Structure:
    return replace(x, below=0 if x.upper else INF, above=0 if x.lower else INF)


def _solved(node: Node, facts: FactTable, t: Structure, b: Structure) -> Structure:
    lower = isinstance(node.op, (ops.SolveLower, ops.SolveUpperTransposed))
    found = b.lower if lower else b.upper
    return Structure(INF if lower or not found else 0, INF if not lower or not found else 0)


def _assumed(node: Node, facts: FactTable, x: Structure) -> Structure:
    op = node.op
    return Structure(
        0 if op.diagonal or op.upper_triangular else x.below,
        0 if op.diagonal or op.lower_triangular else x.above,
        x.symmetric or op.symmetric or op.diagonal or op.positive_definite,
        x.positive or op.positive_definite,
        x.orthogonal or op.orthogonal,
    )


_RULES: dict[type, Callable[..., Structure]] = {
    ops.Cast: _cast,
    ops.Where: _where,
    ops.Add: _add,
    ops.Sub: _add,
    ops.Neg: _neg,
    ops.Mul: _mul,
    ops.Div: _div,
    ops.Contract: _contract,
    ops.Transpose: _transpose,
    ops.BroadcastTo: _leading,
    ops.ExpandDims: _leading,
    ops.Cholesky: partial(_fixed, Structure(INF, 0)),
    ops.CholeskyGradient: partial(_fixed, Structure(symmetric=True)),
    ops.Inv: _inv,
    ops.SolveLower: _solved,
    ops.SolveUpper: _solved,
    ops.SolveLowerTransposed: _solved,
    ops.SolveUpperTransposed: _solved,
    ops.Assume: _assumed,
}
