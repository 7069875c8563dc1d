"""Products of sparse matrices with vectors, dense and sparse matrices."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.sparse.pattern import index_node, of_flat_places
from probtensor.sparse.tensor import SparseTensor, is_sparse, taken, with_rows


def product(a: SparseTensor, other: object) -> SparseTensor | Node:
    """a @ other, of a vector, a matrix or a sparse matrix."""
    if is_sparse(other):
        return sparse_product(a, taken(other, "@"))
    x = _operand(other, a)
    _sizes_meet(a, x, a.shape[1], x.shape[0], (a.shape, x.shape))
    x = with_rows(x, a.shape[1])
    data = a.data if x.ndim == 1 else a.data[:, None]
    return _by_rows(data * x[a.column_node], a)


def product_from_left(other: object, a: SparseTensor) -> SparseTensor | Node:
    """other @ a, of a vector, a matrix or a sparse matrix."""
    if is_sparse(other):
        return sparse_product(taken(other, "@"), a)
    x = _operand(other, a)
    _sizes_meet(a, x, x.shape[-1], a.shape[0], (x.shape, a.shape))
    turned = product(a.T, x.T)
    return turned.T


def _by_rows(terms: Node, a: SparseTensor) -> Node:
    """The sum of the terms of each row; of bools whether there is any that is true."""
    if terms.dtype == "bool":
        return ops.segment_sum(ops.astype(terms, "int64"), a.row_node, a.shape[0]) > 0
    return ops.segment_sum(terms, a.row_node, a.shape[0])


def _operand(value: object, a: SparseTensor) -> Node:
    """A dense operand as a tensor of one or two axes."""
    x = as_tensor(value)
    if x.ndim not in (1, 2):
        way = "write A * x for a number x" if not x.ndim else "reshape it to a matrix"
        raise refusal(
            f"@: {a.text} of shape {a.shape} meets {x.type}, which is no vector or matrix",
            x.birthplace,
            way,
            kind=GraphError,
        )
    return x


def _sizes_meet(a: SparseTensor, x: Node, inner: object, other: object, shapes: tuple) -> None:
    """GraphError where the inner sizes of a product certainly differ."""
    if isinstance(inner, int) and isinstance(other, int) and inner != other:
        raise refusal(
            f"@: shapes {shapes[0]} and {shapes[1]} do not fit: {inner} columns meet {other} rows",
            f"{a.text}; {x.birthplace}",
            kind=GraphError,
        )


def sparse_product(a: SparseTensor, b: SparseTensor) -> SparseTensor:
    """a @ b with entries wherever a row of a and a column of b have entries in common."""
    a, b = a.tocsr(), b.tocsr()
    if a.shape[1] != b.shape[0]:
        raise refusal(
            f"@: shapes {a.shape} and {b.shape} do not fit: {a.shape[1]} columns meet "
            f"{b.shape[0]} rows",
            kind=GraphError,
        )
    # Of each entry (i, k) of a the products with the entries of row k of b.
    counts = np.diff(b.indptr)[a.indices]
    left = np.repeat(np.arange(a.nnz), counts)
    begins = np.cumsum(counts) - counts
    right = np.arange(len(left)) - np.repeat(begins - b.indptr[a.indices], counts)
    shape = (a.shape[0], b.shape[1])
    flat = a.pattern.rows[left] * shape[1] + b.indices[right]
    order = np.argsort(flat, kind="stable")
    found, groups = np.unique(flat[order], return_inverse=True)
    pattern = of_flat_places(shape, found)
    terms = a.data[index_node(left[order])] * b.data[index_node(right[order])]
    if terms.dtype == "bool":
        terms = ops.astype(terms, "int64")
        return SparseTensor(pattern, ops.segment_sum(terms, index_node(groups), len(found)) > 0)
    return SparseTensor(pattern, ops.segment_sum(terms, index_node(groups), len(found)))


@public(name="sparse.dot")
def dot(x: object, y: object) -> SparseTensor | Node:
    """x @ y, at least one of which is sparse: a sparse tensor or a matrix of scipy.sparse.

    x, y  sparse (m, n), or dense of one or two axes

    Returns a sparse tensor of two sparse ones, else a dense tensor.
    Raises GraphError, a TypeError, where neither is sparse or the inner sizes differ; IndexError or
    ValueError where only a call can tell.

        >>> S = pt.sparse.csr_array([[0.0, 2.0], [1.0, 0.0]])
        >>> pt.sparse.dot(S, pt.as_tensor([1.0, 10.0])).eval()
        array([20.,  1.])
    """
    if is_sparse(x):
        return product(taken(x, "sparse.dot"), y)
    return product_from_left(x, taken(y, "sparse.dot"))


@public(name="sparse.sampling_dot")
def sampling_dot(x: TensorLike, y: TensorLike, p: object) -> SparseTensor:
    """p * (x @ y.T), of which only what stands at the entries of p is computed.

    x, y  (m, k) and (n, k)
    p     a sparse matrix (m, n)

    Returns a sparse tensor with the places of p.
    Raises GraphError, a TypeError, for operands that are no matrices, or of other sizes.

        >>> P = pt.sparse.csr_array([[0.0, 1.0], [2.0, 0.0]])
        >>> x = np.array([[1.0, 2.0], [3.0, 4.0]])
        >>> pt.sparse.sampling_dot(x, x, P).eval().toarray()
        array([[ 0., 11.],
               [22.,  0.]])
    """
    a, x, y = taken(p, "sparse.sampling_dot"), as_tensor(x), as_tensor(y)
    for node, size, name in ((x, a.shape[0], "x"), (y, a.shape[1], "y")):
        if node.ndim != 2 or (isinstance(node.shape[0], int) and node.shape[0] != size):
            raise refusal(
                f"sparse.sampling_dot: {name} is a matrix of {size} rows for p of shape {a.shape}, "
                f"not {node.type}",
                node.birthplace,
                kind=GraphError,
            )
    x, y = with_rows(x, a.shape[0]), with_rows(y, a.shape[1])
    terms = ops.sum(x[a.row_node] * y[a.column_node], axis=1)
    return SparseTensor(a.pattern, a.data * terms, a.format)


@public(name="sparse.usmm")
def usmm(alpha: TensorLike, x: object, y: object, z: TensorLike) -> Node:
    """alpha * (x @ y) + z, where x or y is sparse; PyTensor's name.

    Returns a dense tensor.
    Raises GraphError as `sparse.dot`.

        >>> S = pt.sparse.csr_array([[0.0, 2.0], [1.0, 0.0]])
        >>> pt.sparse.usmm(2.0, S, np.array([1.0, 10.0]), np.ones(2)).eval()
        array([41.,  3.])
    """
    found = dot(x, y)
    return alpha * (found.toarray() if isinstance(found, SparseTensor) else found) + as_tensor(z)
