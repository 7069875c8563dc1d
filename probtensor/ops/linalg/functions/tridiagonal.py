"""LU factors of matrices of three diagonals, and systems by them.

The factors are those of LAPACK, a row of which has three elements at most. They are computed by a
loop over the rows. Systems are solved from the three diagonals of the matrix, which follow from the
factors without a loop.
"""

from __future__ import annotations

from typing import NamedTuple

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.late import late
from probtensor.ops.kinds.function import as_tensor_of
from probtensor.ops.linalg.products import matrices
from probtensor.ops.linalg.solving import columns_of
from probtensor.ops.reductions.folds import described, flag

_structured = late("probtensor.ops.loops.structured")


class TridiagonalLUResult(NamedTuple):
    """The result of `tridiagonal_lu_factor`."""

    dl: Node
    d: Node
    du: Node
    du2: Node
    ipiv: Node


@public
def tridiagonal_lu_factor(a: TensorLike) -> TridiagonalLUResult:
    """LU factors of matrices of three diagonals, with partial pivoting, for `tridiagonal_lu_solve`:
    (dl, d, du, du2, ipiv) as LAPACK's dgttrf has them; PyTensor's signature.

    a: shape (..., n, n), of which the diagonals -1, 0 and 1 are read. `dl`, of n - 1 elements, has
    the multipliers of the rows; `d`, `du` and `du2`, of n, n - 1 and n - 2, are the diagonals of U.
    Row i was exchanged with row ipiv[i] - 1, which is i or i + 1: LAPACK counts from 1. In n steps,
    one after the other; `d` has a 0 where a is singular.

    Returns a named tuple of float64 tensors and the int64 tensor `ipiv`, with the leading axes of
    `a`.
    Raises GraphError, a TypeError, for what is not made of square matrices or has no rows;
    ValueError where only a call can tell.
    Source: Golub and Van Loan (2013), "Matrix Computations", 4.3.

        >>> factors = pt.linalg.tridiagonal_lu_factor([[2.0, 4.0], [1.0, 1.0]])
        >>> factors.dl.eval(), factors.d.eval(), factors.ipiv.eval()
        (array([0.5]), array([ 2., -1.]), array([1, 2]))
    """
    what = "tridiagonal_lu_factor"
    a = as_tensor_of(matrices(what, a), "float64")
    rows, columns = a.shape[-2:]
    if isinstance(rows, int) and isinstance(columns, int) and (rows != columns or rows == 0):
        raise GraphError(f"{what}: takes square matrices of one row and more{described(a)}")
    ends = [(0, 0)] * (a.ndim - 2) + [(0, 1)]
    below, middle, above = (ops.diagonal(a, k, -2, -1) for k in (-1, 0, 1))
    above = ops.pad(above, ends)  # of all rows, as `middle`

    def first(x: Node) -> Node:
        return ops.moveaxis(x, -1, 0)

    rows_below = tuple(first(x) for x in (below, middle[..., 1:], above[..., 1:]))
    (last, _), steps = _structured.scan(_eliminated, (middle[..., 0], above[..., 0]), rows_below)
    dl, d, du, du2, swapped = (ops.moveaxis(x, 0, -1) for x in steps)
    swapped = ops.pad(ops.cast(swapped, "int64"), ends)
    d = ops.concatenate([d, ops.expand_dims(last, -1)], -1)
    return TridiagonalLUResult(dl, d, du, du2[..., :-1], swapped + _counted(d))


def pivots_of_tridiagonal(below: Node, middle: Node, above: Node) -> tuple[Node, Node]:
    """The diagonal of U, with a 1 before it, and for each row whether the one before it took its
    place: the factors of matrices of three diagonals, which may have no rows."""
    n, ends = middle.shape[-1], [(0, 0)] * (middle.ndim - 1)
    below = ops.pad(below, [*ends, (1, 0)])[..., :n]
    above = ops.pad(above, [*ends, (0, 1)])[..., :n]
    rows = tuple(ops.moveaxis(x, -1, 0) for x in (below, middle, above))
    start = tuple(ops.full(middle.shape[:-1], value) for value in (1.0, 0.0))
    (last, _), steps = _structured.scan(_eliminated, start, rows)
    pivots, swapped = ops.moveaxis(steps[1], 0, -1), ops.moveaxis(steps[4], 0, -1)
    return ops.concatenate([pivots, ops.expand_dims(last, -1)], -1), swapped


def _eliminated(row: tuple[Node, Node], following: tuple[Node, Node, Node]) -> tuple:
    """The row that remains below a row of two elements and its three elements in L and U."""
    (first, second), (low, middle, high) = row, following
    swap = ~(ops.abs(first) >= ops.abs(low))
    pivot = ops.where(swap, low, first)
    factor = ops.where(swap, first, low) / ops.where(pivot == 0, 1.0, pivot)
    kept, reduced = ops.where(swap, middle, second), ops.where(swap, second, middle)
    beyond = ops.where(swap, high, 0.0)
    remaining = (reduced - factor * kept, ops.where(swap, -factor * high, high))
    return remaining, (factor, pivot, kept, beyond, swap)


@public
def tridiagonal_lu_solve(
    a_diagonals: tuple[TensorLike, TensorLike, TensorLike, TensorLike, TensorLike],
    b: TensorLike,
    *,
    b_ndim: int | None = None,
    transposed: bool = False,
) -> Node:
    """x with a @ x == b, given the factors of `a` from `tridiagonal_lu_factor`, or with a.mT @ x ==
    b if `transposed`; PyTensor's signature.

    b: a vector, or columns on its last two axes; leading axes broadcast. With b_ndim=1 the last
    axis of b is a vector, whatever axes are before it. In about 2 n steps for each column.

    The factors are those of a matrix of three diagonals, which determine it: of others, `du2` is
    read at exchanged rows alone.

    Returns a float64 tensor of the shape of `b`, with leading axes broadcast; nan where a is
    singular. It has derivatives by `b` and by the factors, and through them by `a`.
    Raises GraphError, a TypeError, for what is not five factors, and sizes that do not fit;
    ValueError where only a call can tell.
    Source: Golub and Van Loan (2013), "Matrix Computations", 4.3.

        >>> factors = pt.linalg.tridiagonal_lu_factor([[2.0, 4.0], [1.0, 1.0]])
        >>> pt.linalg.tridiagonal_lu_solve(factors, [6.0, 2.0], b_ndim=1).eval()
        array([1., 1.])
    """
    what = "tridiagonal_lu_solve"
    if not isinstance(a_diagonals, (tuple, list)) or len(a_diagonals) != 5:
        raise GraphError(f"{what}: takes (dl, d, du, du2, ipiv), as tridiagonal_lu_factor gives it")
    dl, d, du, du2 = (as_tensor_of(as_tensor(x), "float64") for x in a_diagonals[:4])
    ipiv = as_tensor(a_diagonals[4])
    for name, x in zip(("dl", "d", "du", "du2", "ipiv"), (dl, d, du, du2, ipiv), strict=True):
        if x.ndim < 1:
            raise GraphError(f"{what}: {name} needs an axis{described(x)}")
    below, middle, above = _diagonals(dl, d, du, du2, ipiv)
    if flag(transposed, f"{what}: transposed"):
        below, above = above, below
    b, is_vector = columns_of(what, b, b_ndim)
    found = ops.SolveTridiagonal().apply(below, middle, above, b, what=what)
    return ops.squeeze(found, -1) if is_vector else found


def _diagonals(dl: Node, d: Node, du: Node, du2: Node, ipiv: Node) -> tuple[Node, Node, Node]:
    """The diagonals of the matrix with these factors.

    Each step of the elimination is undone by what it left: the elements of the row of U, and those
    of the remaining row, whose first one is on the diagonal of U unless it was exchanged in turn.
    """
    swap = (ipiv != _counted(d))[..., :-1]
    du2 = ops.pad(du2, [(0, 0)] * (du2.ndim - 1) + [(0, 1)])[..., : dl.shape[-1]]
    remaining = ops.concatenate([ops.where(swap, dl * d[..., :-1], d[..., :-1]), d[..., -1:]], -1)
    product = dl * du
    below = ops.where(swap, d[..., :-1], dl * d[..., :-1])
    second = ops.where(swap, remaining[..., 1:] + product, du)
    middle = ops.where(swap, du, remaining[..., 1:] + product)
    above = ops.concatenate([second[..., :1], ops.where(swap, du2, _shifted(second))[..., :-1]], -1)
    return below, ops.concatenate([remaining[..., :1], middle], -1), above


def _counted(d: Node) -> Node:
    """The pivots where no rows are exchanged: LAPACK counts rows from 1."""
    return ops.arange(d.shape[-1]) + 1


def _shifted(x: Node) -> Node:
    """The elements after each along the last axis; 0 at its end."""
    return ops.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, 1)])[..., 1:]
