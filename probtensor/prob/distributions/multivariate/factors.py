"""Cholesky factors of covariances in densities: diagonals, products and systems."""

from __future__ import annotations

from probtensor import ops
from probtensor.graph import Node, as_tensor
from probtensor.prob.distributions.formulas import log_of
from probtensor.transform.facts import FactTable
from probtensor.transform.linalg.blocks import elements_of_diagonal
from probtensor.transform.linalg.structure import is_transpose_of, product_of, structure_of
from probtensor.types import Size, size_product


def factor_of(a: Node) -> Node:
    """The Cholesky factor of a matrix: what it is made of, where that is seen."""
    found = product_of(a) if isinstance(a.op, ops.Contract) else None
    square = found is not None and not found.row and not found.column and not found.left_turned
    if square and is_transpose_of(found) and structure_of(found.left, FactTable()).factor:
        return found.left
    return ops.cholesky(a)


def known(factor: Node) -> Node:
    """A factor, or the one that its matrix is made of."""
    return factor_of(factor.inputs[0]) if isinstance(factor.op, ops.Cholesky) else factor


def log_heights(factor: Node) -> Node:
    """The logarithms of the diagonal of a factor, without their exponentials where it has these."""
    return log_of(diagonal_of(factor))


def diagonal_of(x: Node) -> Node:
    """The diagonal of a matrix, of which it is seen what its rows are multiplied by."""
    if isinstance(x.op, ops.Mul):
        for scale, other in (x.inputs, x.inputs[::-1]):
            by_row = scale.ndim >= 2 and scale.shape[-2:] == (x.shape[-2], 1)
            if by_row and x.shape[-1] != 1 and other.shape[-2:] == x.shape[-2:]:
                return ops.squeeze(scale, -1) * diagonal_of(other)
    return elements_of_diagonal(x)


def log_determinant(factor: Node) -> Node:
    """The logarithm of the determinant of a factor, half that of its matrix."""
    return ops.sum(log_heights(factor), axis=-1)


def whitened(factor: Node, offset: Node, transposed: bool = False) -> Node:
    """z with factor @ z = offset. All points under one factor are columns of one system."""
    trans = "T" if transposed else "N"
    if factor.ndim > 2:
        solved = ops.solve_triangular(factor, offset[..., None], trans=trans, lower=True)
        return solved[..., 0]
    rows = ops.reshape(offset, (size_product(offset.shape[:-1]), offset.shape[-1]))
    turned = ops.matrix_transpose(rows)
    solved = ops.solve_triangular(factor, turned, trans=trans, lower=True)
    return ops.reshape(ops.matrix_transpose(solved), offset.shape)


def times_rows(x: Node, matrix: Node) -> Node:
    """The vectors x @ matrix, for the vectors along the last axis of x."""
    if matrix.ndim == 2:
        return x @ matrix
    return (x[..., None, :] @ matrix)[..., 0, :]


def squared_length(x: Node, axes: int = 1) -> Node:
    """The sum of squares over the last axes."""
    return ops.sum(ops.square(x), axis=tuple(range(-axes, 0)))


def gram(factor: Node) -> Node:
    """The matrix of a factor."""
    return factor @ ops.matrix_transpose(factor)


def as_float(size: Size, like: Node) -> float | Node:
    """A size, known or not, as a number of the dtype of a tensor."""
    return float(size) if isinstance(size, int) else as_tensor(size).astype(like.dtype)


def positions(size: int, like: Node) -> Node:
    """0, 1, ..., size - 1 as numbers of the dtype of a tensor."""
    return ops.arange(size).astype(like.dtype)
