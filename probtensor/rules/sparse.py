"""Jacobians and Hessians that are mostly zeros, from a few products: columns (or rows) that share
no nonzero are computed together (Curtis, Powell and Reid 1974)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Node, as_tensor, new_input
from probtensor.rules.derivatives import grad, jvp, vjp
from probtensor.transform.autodiff import require_float, require_scalar
from probtensor.transform.batch import vmap_nodes
from probtensor.transform.jacobians import checked_pattern, colors, dependences


class SparseResult(NamedTuple):
    """A matrix by its elements that may be other than 0, as `scipy.sparse.coo_array` takes them:
    `coo_array((data, (rows, columns)), shape)`.

    data           a tensor of shape (n,): the elements, row by row
    rows, columns  int64 arrays of shape (n,): where they are
    shape          of the matrix
    products       the number of Jacobian-vector products, or vector-Jacobian ones, that it takes
    """

    data: Node
    rows: np.ndarray
    columns: np.ndarray
    shape: tuple[int, int]
    products: int


@public
def sparse_jacobian(
    output: Node, wrt: Node, *, sparsity: ArrayLike | None = None
) -> SparseResult:
    """The Jacobian d output / d wrt by its elements that may be other than 0.

    output    a float tensor with m elements
    wrt       a float tensor with n elements
    sparsity  a matrix of shape (m, n), an array or a sparse one of SciPy, that is other than 0
              wherever the Jacobian may be; by default it is found from the graph, for which all
              sizes have to be known

    Returns a `SparseResult`: the elements as a tensor, with their rows and columns, for both
    tensors in C order. It takes as many Jacobian-vector products as there are groups of columns
    without a common row, or vector-Jacobian ones for rows, whichever are fewer: 3 for a tridiagonal
    matrix of any size.

    Raises GraphError, a TypeError, for what is no float tensor, for a `sparsity` of another shape,
    and for a size that is not known. With a `sparsity` that lacks an element the result is wrong.

        >>> x = pt.vector("x", shape=(4,))
        >>> found = pt.sparse_jacobian(x[1:] * x[:-1], x)
        >>> found.products, found.data.eval({x: [1.0, 2.0, 3.0, 4.0]})
        (2, array([2., 1., 3., 2., 4., 3.]))

    Source: Curtis, Powell and Reid (1974), IMA J. Appl. Math. 13:117.
    """
    output, wrt = as_tensor(output), as_tensor(wrt)
    for x in (output, wrt):
        require_float(x)
    if sparsity is None:
        pattern = dependences(output, wrt)
    else:
        pattern = checked_pattern(sparsity, (output.size, wrt.size), "sparse_jacobian")
    columns, rows = colors(pattern), colors(pattern.T)
    if columns.max(initial=-1) <= rows.max(initial=-1):
        return _by_columns(output, wrt, pattern, columns)
    return _by_rows(output, wrt, pattern, rows)


@public
def sparse_hessian(cost: Node, wrt: Node, *, sparsity: ArrayLike | None = None) -> SparseResult:
    """The Hessian of a scalar by its elements that may be other than 0.

    cost      a float scalar
    wrt       a float tensor with n elements
    sparsity  as in `sparse_jacobian`, of shape (n, n)

    Returns a `SparseResult`, from one Hessian-vector product for each group of columns without a
    common row: 3 for a tridiagonal matrix of any size.

    Raises GraphError, a TypeError, as `sparse_jacobian` does and if the cost is no float scalar.

        >>> x = pt.vector("x", shape=(5,))
        >>> pt.sparse_hessian(pt.sum((x[1:] - x[:-1])**2), x).products
        3

    Source: Curtis, Powell and Reid (1974), IMA J. Appl. Math. 13:117.
    """
    cost, wrt = as_tensor(cost), as_tensor(wrt)
    require_scalar(cost)
    require_float(wrt)
    slope = grad(cost, wrt, disconnected_inputs="ignore")
    if sparsity is None:
        pattern = dependences(slope, wrt)
    else:
        pattern = checked_pattern(sparsity, (wrt.size, wrt.size), "sparse_hessian")
    return _by_columns(slope, wrt, pattern, colors(pattern))


def _seeds(groups: np.ndarray, x: Node) -> np.ndarray:
    """A row for each colour: 1 at the elements that have it."""
    count = int(groups.max(initial=-1)) + 1
    return (np.arange(count)[:, None] == groups).astype(x.dtype)


def _products(found: Node, direction: Node, seeds: np.ndarray) -> Node:
    """A product for each seed in place of the direction, as rows."""
    unit = ops.reshape(as_tensor(seeds), (len(seeds), *direction.shape))
    batch = vmap_nodes([found], {direction: unit})[0]
    return ops.reshape(batch, (len(seeds), found.size))


def _by_columns(output: Node, wrt: Node, pattern: np.ndarray, groups: np.ndarray) -> SparseResult:
    rows, columns = np.nonzero(pattern)
    seeds = _seeds(groups, wrt)
    if not len(rows):
        return SparseResult(ops.zeros((0,), wrt.dtype), rows, columns, pattern.shape, 0)
    direction = new_input("tangent", wrt.dtype, wrt.shape)
    compressed = _products(jvp(output, wrt, direction), direction, seeds)
    return SparseResult(
        compressed[groups[columns], rows], rows, columns, pattern.shape, len(seeds)
    )


def _by_rows(output: Node, wrt: Node, pattern: np.ndarray, groups: np.ndarray) -> SparseResult:
    rows, columns = np.nonzero(pattern)
    direction = new_input("cotangent", output.dtype, output.shape)
    seeds = _seeds(groups, output)
    compressed = _products(vjp(output, wrt, direction), direction, seeds)
    return SparseResult(
        compressed[groups[rows], columns], rows, columns, pattern.shape, len(seeds)
    )
