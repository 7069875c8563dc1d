"""Facts about matrices: which diagonals are zero, symmetric, positive definite, orthogonal,
permutations.

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
from probtensor.graph.parts import Get
from probtensor.ops.kinds import Elementwise
from probtensor.transform.facts import FactTable, constant_of
from probtensor.transform.linalg.blocks import (
    diagonal_blocks,
    filled_diagonal,
    is_turned,
    kron_factors,
)
from probtensor.transform.linalg.masks import mask_of
from probtensor.types import Size

INF = math.inf
MAX_ELEMENTS = 2**16  # of literals that are looked at


@dataclass(frozen=True)
class Structure:
    """Elements are 0 where the row is more than `below` past the column, or the column more than
    `above` past the row; a matrix is orthogonal if its inverse is its transpose, and a permutation
    if it is the identity with its rows in another order. A factor is lower triangular with a
    positive diagonal: the Cholesky factor of its product with its transpose."""

    below: float = INF
    above: float = INF
    symmetric: bool = False
    positive: bool = False
    orthogonal: bool = False
    permutation: bool = False
    factor: bool = False

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
    def band(self) -> float:
        """The number of diagonals beside the main one that may have other elements than 0."""
        return max(self.below, 0) + max(self.above, 0)

    @property
    def transposed(self) -> Structure:
        return replace(self, below=self.above, above=self.below, factor=False)


NOTHING = Structure()
IDENTITY = Structure(0, 0, True, True, True, True)
ORTHOGONAL = Structure(orthogonal=True)


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
    """The matrices whose structure the node's may follow from."""
    if isinstance(node.op, (ops.Concatenate, ops.Reshape)):
        return diagonal_blocks(node) or kron_factors(node) or ()
    return node.inputs if type(node.op) in _RULES or isinstance(node.op, Elementwise) else ()


def _compute(node: Node, facts: FactTable) -> Structure:
    operands = [_of_operand(x, facts) for x in _followed(node)]
    rule = _RULES.get(type(node.op))
    if rule is not None:
        return rule(node, facts, *operands)
    if isinstance(node.op, Const):
        return _of_array(node.op.array)
    if isinstance(node.op, _KEEPS_ZEROS):
        return Structure(operands[0].below, operands[0].above, operands[0].symmetric)
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
    positive = bool(positive and np.isfinite(array).all())
    found = Structure(below, above, even, positive)
    moved = _is_permutation(array)
    return replace(found, orthogonal=True, permutation=True) if moved else found


def _is_permutation(array: np.ndarray) -> bool:
    """Whether all matrices have one 1 in each row and column, and zeros elsewhere."""
    binary = ((array == 0) | (array == 1)).all()
    return bool(binary and all((array.sum(axis) == 1).all() for axis in (-1, -2)))


# Masks.


def _cast(node: Node, facts: FactTable, x: Structure) -> Structure:
    band = mask_of(node.inputs[0])
    if band is None:
        return replace(x, positive=False, orthogonal=x.permutation, factor=False)
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
    if band is None and mask_of(node.inputs[0]) == (0, 0):
        # The rest is y.
        factor = y.above <= 0 and _is_positive(node.inputs[1], facts)
        return Structure(max(y.below, 0), max(y.above, 0), y.symmetric, factor=factor)
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
    return replace(x, positive=False, permutation=False, factor=False)


def _mul(node: Node, facts: FactTable, x: Structure, y: Structure) -> Structure:
    for scalar, other in ((node.inputs[0], y), (node.inputs[1], x)):
        if is_repeated(scalar):
            above_0 = facts.bounds(scalar).positive
            return replace(other, positive=other.positive and above_0, orthogonal=False,
                           permutation=False, factor=other.factor and above_0)  # fmt: skip
    even = x.symmetric and y.symmetric
    below, above = min(x.below, y.below), min(x.above, y.above)
    pairs = ((node.inputs[0], y), (node.inputs[1], x))
    return Structure(below, above, even, factor=any(_scales_rows(r, z, facts) for r, z in pairs))


def _scales_rows(x: Node, other: Structure, facts: FactTable) -> bool:
    """Whether x multiplies the rows of a factor by positive numbers."""
    by_row = x.ndim >= 2 and isinstance(x.shape[-1], int) and x.shape[-1] == 1
    return other.factor and by_row and facts.bounds(x).positive


def _div(node: Node, facts: FactTable, x: Structure, y: Structure) -> Structure:
    if not is_repeated(node.inputs[1]):
        return Structure(x.below, x.above, x.symmetric and y.symmetric)
    positive = x.positive and facts.bounds(node.inputs[1]).positive
    factor = x.factor and facts.bounds(node.inputs[1]).positive
    return replace(x, positive=positive, orthogonal=False, permutation=False, factor=factor)


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
    return Structure(
        left.below + right.below,
        left.above + right.above,
        symmetric=gram,
        positive=gram and (left.factor or right.factor),
        orthogonal=left.orthogonal and right.orthogonal,
        permutation=left.permutation and right.permutation,
        factor=left.factor and right.factor,
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
    if isinstance(node.op, ops.BroadcastTo) and constant_of(node) == 0:
        return Structure(0, 0, symmetric=True)
    return x if same and kept else NOTHING


def _slice(node: Node, facts: FactTable, x: Structure) -> Structure:
    """Of a block of a matrix, the zeros of which are those of the matrix: on its diagonal it is
    symmetric and positive definite where the matrix is."""
    op = node.op
    (row, column), steps = op.starts[-2:], op.steps[-2:]
    gap = row - column
    if not isinstance(gap, int) or steps[0] != steps[1] or steps[0] < 1:
        return NOTHING
    on_diagonal = gap == 0
    below, above = (_steps(n, steps[0]) for n in (x.below - gap, x.above + gap))
    whole = on_diagonal and x.diagonal
    return Structure(
        below,
        above,
        x.symmetric and on_diagonal,
        x.positive and on_diagonal,
        x.orthogonal and whole,
        x.permutation and whole,
    )


def _steps(diagonals: float, step: int) -> float:
    """The number of diagonals of which every so many are kept."""
    return diagonals if diagonals in (INF, -INF) else diagonals // step


def _gather(node: Node, facts: FactTable, x: Structure, *indices: Structure) -> Structure:
    """Of rows or columns in another order."""
    op, index = node.op, node.inputs[1]
    reorders = len(op.axes) == 1 and op.axes[0] == op.at >= node.ndim - 2
    if reorders and is_order(index) and index.shape[0] == node.shape[-1]:
        return Structure(orthogonal=x.orthogonal, permutation=x.permutation)
    return NOTHING


def is_order(index: Node) -> bool:
    """Whether an index has each of 0, 1, ... once."""
    if index.ndim != 1:
        return False
    if isinstance(index.op, Const):
        return np.array_equal(np.sort(index.op.array), np.arange(index.op.array.size))
    return isinstance(index.op, (ops.Argsort, ops.Iota))


def _scatter(node: Node, facts: FactTable, *operands: Structure) -> Structure:
    filled = filled_diagonal(node)
    if filled is None:
        return NOTHING
    values, place = filled
    if place:
        return Structure(-place, place)
    return Structure(0, 0, True, _is_positive(values, facts))


def _joined(node: Node, facts: FactTable, *blocks: Structure) -> Structure:
    """Of blocks along the diagonal."""
    if not blocks:
        return NOTHING
    sizes = [x.shape[-1] for x in diagonal_blocks(node)]
    most = [n - 1 if isinstance(n, int) else INF for n in sizes]
    return Structure(
        max(min(x.below, n) for x, n in zip(blocks, most, strict=True)),
        max(min(x.above, n) for x, n in zip(blocks, most, strict=True)),
        *_all_are(blocks),
    )


def _all_are(parts: Sequence[Structure]) -> tuple[bool, bool, bool, bool]:
    """What blocks and Kronecker products are if all of their parts are."""
    return (
        all(x.symmetric for x in parts),
        all(x.positive for x in parts),
        all(x.orthogonal for x in parts),
        all(x.permutation for x in parts),
    )


def _reshape(node: Node, facts: FactTable, *factors: Structure) -> Structure:
    """Of a Kronecker product: its element (i, k), (j, l) is a[i, j] * b[k, l]."""
    if not factors:
        return NOTHING
    a, b = factors
    n = kron_factors(node)[1].shape[-1]
    below, above = _of_kron(a.below, b.below, n), _of_kron(a.above, b.above, n)
    return Structure(below, above, *_all_are(factors))


def _of_kron(outer: float, inner: float, n: Size) -> float:
    """The diagonals on one side of a Kronecker product, of those of its factors."""
    if outer < 0 or n == 0:  # nothing is infinitely often
        return 0
    if not isinstance(n, int):
        return INF if outer else inner
    return outer * n + min(inner, n - 1)


# Routines.


def _fixed(found: Structure, node: Node, facts: FactTable, *operands: Structure) -> Structure:
    return found


# What is known of each result of a routine.
_RESULTS = {
    ops.QR: (ORTHOGONAL, Structure(0, INF)),
    ops.FullQR: (ORTHOGONAL, Structure(0, INF)),
    ops.Eigh: (NOTHING, ORTHOGONAL),
    ops.SVD: (ORTHOGONAL, NOTHING, ORTHOGONAL),
    ops.FullSVD: (ORTHOGONAL, NOTHING, ORTHOGONAL),
}


def _get(node: Node, facts: FactTable, x: Structure) -> Structure:
    """Of square results: the others have orthogonal columns alone."""
    found = _RESULTS.get(type(node.inputs[0].op))
    return NOTHING if found is None else found[node.op.index]


def _cholesky(node: Node, facts: FactTable, x: Structure) -> Structure:
    return Structure(max(x.below, 0), 0, factor=True)


def _inv(node: Node, facts: FactTable, x: Structure) -> Structure:
    return replace(x, below=0 if x.upper else INF, above=0 if x.lower else INF)


def _solved(node: Node, facts: FactTable, t: Structure, b: Structure) -> Structure:
    lower = isinstance(node.op, (ops.SolveLower, ops.SolveUpperTransposed))
    found = b.lower if lower else b.upper
    return Structure(INF if lower or not found else 0, INF if not lower or not found else 0)


def _assumed(node: Node, facts: FactTable, x: Structure) -> Structure:
    op = node.op
    below, above = op.banded or (1, 1) if op.banded or op.tridiagonal else (INF, INF)
    return Structure(
        min(x.below, 0 if op.diagonal or op.upper_triangular else below),
        min(x.above, 0 if op.diagonal or op.lower_triangular else above),
        x.symmetric or op.symmetric or op.diagonal or op.positive_definite,
        x.positive or op.positive_definite,
        x.orthogonal or op.orthogonal or op.permutation,
        x.permutation or op.permutation,
        x.factor or (op.lower_triangular and op.positive_diagonal),
    )


# Functions whose value at 0 is 0.
_KEEPS_ZEROS = (ops.Abs, ops.Square, ops.Sqrt, ops.Sign, ops.Sin, ops.Tanh, ops.Expm1, ops.Log1p)
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
    ops.Slice: _slice,
    ops.Gather: _gather,
    ops.Scatter: _scatter,
    ops.Concatenate: _joined,
    ops.Reshape: _reshape,
    Get: _get,
    ops.Cholesky: _cholesky,
    ops.CholeskyGradient: partial(_fixed, Structure(symmetric=True)),
    ops.Inv: _inv,
    ops.SolveLower: _solved,
    ops.SolveUpper: _solved,
    ops.SolveLowerTransposed: _solved,
    ops.SolveUpperTransposed: _solved,
    ops.Assume: _assumed,
}
