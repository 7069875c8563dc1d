"""Sparse matrices whose entries are those of others: parts, stacks, blocks, triangles.

SciPy moves the numbers of the entries; the data follow by one gather.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.sparse.pattern import Pattern, index_node, of_places
from probtensor.sparse.tensor import SparseTensor, is_sparse, numbered, of_numbers, taken


def part(a: SparseTensor, key: object) -> SparseTensor | Node:
    """A part of a matrix by numbers, slices, lists and masks."""
    keys = _keys(key, a)
    if any(isinstance(k, (Node, SparseTensor)) for k in keys):
        raise refusal(
            f"getitem: {a.text} is indexed by a tensor, and its places are fixed when the graph is "
            "made",
            "A.toarray()[i] is of a dense tensor; a row is also one_hot @ A",
            kind=GraphError,
        )
    if len(keys) > 2 or any(k is None or k is Ellipsis for k in keys):
        raise refusal(
            f"getitem: {a.text} has two axes, indexed by numbers, slices, lists and masks",
            kind=IndexError,
        )
    row, column = (*keys, slice(None))[:2]
    numbers = [isinstance(k, (int, np.integer)) and not isinstance(k, bool) for k in (row, column)]
    try:
        found = numbered(a.pattern, a.format)[_listed(row), _listed(column)]
    except (IndexError, ValueError, TypeError, NotImplementedError) as error:
        text = f"getitem: {error} (of a sparse tensor of shape {a.shape})"
        raise refusal(text, kind=type(error)) from None
    if all(numbers):
        return a.data[int(found) - 1] if found else ops.zeros((), a.dtype)
    if found.ndim == 2 and not any(numbers):
        return of_numbers(found, a.data).asformat(a.format)
    dense = found if isinstance(found, np.ndarray) else found.toarray()
    return _vector(np.asarray(dense).ravel(), a)


def _keys(key: object, a: SparseTensor) -> tuple:
    """The keys of an index: `...` is left out beside others, masks of two axes are places."""
    keys = key if isinstance(key, tuple) else (key,)
    if sum(k is Ellipsis for k in keys) == 1:
        at = next(i for i, k in enumerate(keys) if k is Ellipsis)
        keys = keys[:at] + (slice(None),) * (3 - len(keys)) + keys[at + 1 :]
    mask = keys[0] if len(keys) == 1 else None
    known = isinstance(mask, np.ndarray) or hasattr(mask, "tocoo")
    if known and mask.ndim == 2 and mask.dtype.kind == "b":
        if mask.shape != a.shape:
            text = f"getitem: mask of shape {mask.shape} for a sparse tensor of shape {a.shape}"
            raise refusal(text, kind=IndexError)
        return np.nonzero(mask) if isinstance(mask, np.ndarray) else mask.tocsr().nonzero()
    return keys


def _listed(key: object) -> object:
    return np.asarray(key) if isinstance(key, (list, tuple, range)) else key


def _vector(numbers: np.ndarray, a: SparseTensor) -> Node:
    """The dense vector of the entries with these numbers, counted from 1; 0 where there is none."""
    at = np.flatnonzero(numbers)
    zero = ops.zeros((len(numbers),), a.dtype)
    if not len(at):
        return zero
    chosen = a.data[index_node(numbers[at].astype(np.int64) - 1)]
    return zero.at[index_node(at)].set(chosen, unique_indices=True)


def rearranged(
    matrices: Sequence[SparseTensor], function: Callable[..., Any], format: str | None = None
) -> SparseTensor:
    """What a function of scipy.sparse that moves entries makes of matrices."""
    begins = np.cumsum([0, *(a.nnz for a in matrices)])
    given = []
    for a, begin in zip(matrices, begins):
        matrix = numbered(a.pattern, a.format)
        matrix.data += int(begin)
        given.append(matrix)
    data = matrices[0].data if len(matrices) == 1 else ops.concatenate([a.data for a in matrices])
    try:
        found = function(given)
    except ValueError as error:
        raise refusal(f"sparse: {error}", kind=GraphError) from None
    return of_numbers(found, data).asformat(format)


def _listed_matrices(what: str, matrices: object) -> list[SparseTensor]:
    if is_sparse(matrices) or not isinstance(matrices, Sequence) or not len(matrices):
        raise refusal(f"{what}: expected a list of sparse matrices, not {matrices!r:.60}")
    return [taken(a, what) for a in matrices]


@public(name="sparse.hstack")
def hstack(blocks: Sequence, format: str | None = None, dtype: DTypeLike | None = None) -> Any:
    """Matrices beside each other; SciPy's signature.

    blocks  sparse tensors or matrices of scipy.sparse, of as many rows
    format  "csr" (also if None) or "csc"
    dtype   of the result; by default that to which all of them promote

    Returns a sparse tensor.
    Raises GraphError, a TypeError, where rows differ or an element is not sparse.

        >>> S = pt.sparse.eye_array(2)
        >>> pt.sparse.hstack([S, 2 * S]).eval().toarray()
        array([[1., 0., 2., 0.],
               [0., 1., 0., 2.]])
    """
    from scipy import sparse

    found = rearranged(_listed_matrices("sparse.hstack", blocks), sparse.hstack, format)
    return found if dtype is None else found.astype(dtype)


@public(name="sparse.vstack")
def vstack(blocks: Sequence, format: str | None = None, dtype: DTypeLike | None = None) -> Any:
    """Matrices below each other; see `hstack`.

    Returns a sparse tensor.
    Raises GraphError, a TypeError, where columns differ or an element is not sparse.

        >>> S = pt.sparse.eye_array(2)
        >>> pt.sparse.vstack([S, 2 * S]).shape
        (4, 2)
    """
    from scipy import sparse

    found = rearranged(_listed_matrices("sparse.vstack", blocks), sparse.vstack, format)
    return found if dtype is None else found.astype(dtype)


@public(name="sparse.block_diag")
def block_diag(mats: Sequence, format: str | None = None, dtype: DTypeLike | None = None) -> Any:
    """Matrices along the diagonal; see `hstack`.

    Returns a sparse tensor.
    Raises GraphError, a TypeError, where an element is not sparse.

        >>> S = pt.sparse.eye_array(2)
        >>> pt.sparse.block_diag([S, S]).shape
        (4, 4)
    """
    from scipy import sparse

    found = rearranged(_listed_matrices("sparse.block_diag", mats), sparse.block_diag, format)
    return found if dtype is None else found.astype(dtype)


@public(name="sparse.block_array")
def block_array(
    blocks: Sequence, *, format: str | None = None, dtype: DTypeLike | None = None
) -> Any:
    """A matrix of rows of blocks, of which None is one of zeros; SciPy's signature.

    Returns a sparse tensor.
    Raises GraphError, a TypeError, where sizes of blocks do not fit or a block is not sparse.

        >>> S = pt.sparse.eye_array(2)
        >>> pt.sparse.block_array([[S, None], [S, S]]).eval().sum()
        np.float64(6.0)
    """
    from scipy import sparse

    flat = [taken(b, "sparse.block_array") for row in blocks for b in row if b is not None]
    if not flat:
        raise refusal("sparse.block_array: no block is a matrix", kind=GraphError)

    def arranged(given: list) -> Any:
        each = iter(given)
        rows = [[None if b is None else next(each) for b in row] for row in blocks]
        return sparse.block_array(rows)

    found = rearranged(flat, arranged, format)
    return found if dtype is None else found.astype(dtype)


@public(name="sparse.tril")
def tril(A: object, k: int = 0, format: str | None = None) -> SparseTensor:
    """The entries on and below the k-th diagonal; SciPy's signature.

    Returns a sparse tensor.
    Raises GraphError, a TypeError, where A is not sparse.

        >>> pt.sparse.tril(pt.sparse.csr_array(np.ones((2, 2)))).eval().nnz
        3
    """
    from scipy import sparse

    return rearranged([taken(A, "sparse.tril")], lambda x: sparse.tril(x[0], k), format)


@public(name="sparse.triu")
def triu(A: object, k: int = 0, format: str | None = None) -> SparseTensor:
    """The entries on and above the k-th diagonal; SciPy's signature.

    Returns a sparse tensor.
    Raises GraphError, a TypeError, where A is not sparse.

        >>> pt.sparse.triu(pt.sparse.csr_array(np.ones((2, 2))), k=1).eval().nnz
        1
    """
    from scipy import sparse

    return rearranged([taken(A, "sparse.triu")], lambda x: sparse.triu(x[0], k), format)


@public(name="sparse.kron")
def kron(A: object, B: object, format: str | None = None) -> SparseTensor:
    """The Kronecker product: blocks A[i, j] * B; SciPy's signature.

    Returns a sparse tensor of shape (m1 * m2, n1 * n2) for (m1, n1) and (m2, n2).
    Raises GraphError, a TypeError, where an operand is not sparse.

        >>> S = pt.sparse.eye_array(2)
        >>> pt.sparse.kron(S, S).eval().nnz
        4
    """
    a, b = taken(A, "sparse.kron").tocsr(), taken(B, "sparse.kron").tocsr()
    left = np.repeat(np.arange(a.nnz), b.nnz)
    right = np.tile(np.arange(b.nnz), a.nnz)
    rows = a.pattern.rows[left] * b.shape[0] + b.pattern.rows[right]
    columns = a.indices[left] * b.shape[1] + b.indices[right]
    order = np.lexsort((columns, rows))
    shape = (a.shape[0] * b.shape[0], a.shape[1] * b.shape[1])
    pattern = of_places(shape, rows[order], columns[order])
    data = a.data[index_node(left[order])] * b.data[index_node(right[order])]
    return SparseTensor(pattern, data).asformat(format)


@public(name="sparse.eye_array")
def eye_array(
    m: int, n: int | None = None, *, k: int = 0, dtype: DTypeLike = float, format: str | None = None
) -> SparseTensor:
    """Ones on the k-th diagonal; SciPy's signature.

    m, n    rows and columns; n is m if None
    dtype   of the data
    format  "csr" (also if None) or "csc"

    Returns a sparse tensor of shape (m, n).
    Raises ValueError for negative sizes, TypeError for sizes that are no whole numbers.

        >>> pt.sparse.eye_array(2, 3, k=1).eval().toarray()
        array([[0., 1., 0.],
               [0., 0., 1.]])
    """
    from scipy import sparse

    matrix = sparse.eye_array(m, n, k=k, dtype=dtype, format="csr")
    pattern = Pattern(matrix.shape, matrix.indptr, matrix.indices)
    return SparseTensor(pattern, as_tensor(matrix.data)).asformat(format)


@public(name="sparse.diags_array")
def diags_array(
    diagonals: Sequence | TensorLike, /, *, offsets: int | Sequence[int] = 0,
    shape: tuple[int, int] | None = None, format: str | None = None,
    dtype: DTypeLike | None = None,
) -> SparseTensor:  # fmt: skip
    """A matrix of its diagonals; SciPy's signature.

    diagonals  a vector, or a list of vectors, of tensors or numbers; one of a single number fills
               its diagonal, if the shape is given
    offsets    of each: 0 is the main diagonal, k > 0 lies above it
    shape      (m, n); by default square, and as large as the diagonals ask for
    format     "csr" (also if None) or "csc"

    Returns a sparse tensor.
    Raises GraphError, a TypeError, for diagonals of unknown or wrong lengths; ValueError for
    offsets that are given twice.

        >>> d = pt.vector("d", shape=(3,))
        >>> A = pt.sparse.diags_array([d, [1.0, 1.0]], offsets=[0, 1])
        >>> pt.function([d], A)([4.0, 5.0, 6.0]).toarray()
        array([[4., 1., 0.],
               [0., 5., 1.],
               [0., 0., 6.]])
    """
    if np.ndim(offsets) == 0:
        one = isinstance(diagonals, (list, tuple)) and len(diagonals) == 1
        whole = as_tensor(diagonals[0] if one and as_tensor(diagonals[0]).ndim else diagonals)
        given, offsets = [whole], [offsets]
    else:
        given, offsets = [as_tensor(x) for x in diagonals], list(offsets)
    given = [ops.reshape(x, (1,)) if not x.ndim else x for x in given]
    _check_diagonals(given, offsets)
    if shape is None:
        size = given[0].shape[0] + abs(int(offsets[0]))
        shape = (size, size)
    rows, columns, parts = [], [], []
    for x, k in zip(given, map(int, offsets)):
        length = max(0, min(shape[0] + min(k, 0), shape[1] - max(k, 0)))
        if x.shape[0] not in (length, 1):
            raise refusal(
                f"sparse.diags_array: the diagonal {k} of a matrix of shape {tuple(shape)} has "
                f"{length} numbers, not {x.shape[0]}",
                x.birthplace,
                kind=GraphError,
            )
        rows.append(np.arange(length) + max(-k, 0))
        columns.append(np.arange(length) + max(k, 0))
        parts.append(ops.broadcast_to(x, (length,)))
    data = ops.concatenate(parts)
    found = from_places(np.concatenate(rows), np.concatenate(columns), data, shape)
    return (found if dtype is None else found.astype(dtype)).asformat(format)


def _check_diagonals(given: list[Node], offsets: list) -> None:
    what = "sparse.diags_array"
    if len(given) != len(offsets) or not given:
        raise refusal(f"{what}: {len(given)} diagonals and {len(offsets)} offsets", kind=ValueError)
    if len(set(map(int, offsets))) != len(offsets):
        raise refusal(f"{what}: an offset is given twice: {offsets}", kind=ValueError)
    for x in given:
        if x.ndim != 1 or not isinstance(x.shape[0], int):
            raise refusal(
                f"{what}: a diagonal is a vector of known length, not {x.type}",
                x.birthplace,
                "give shape= where the tensor is made, as in pt.vector('d', shape=(3,))",
                kind=GraphError,
            )


def from_places(
    rows: np.ndarray, columns: np.ndarray, data: Node, shape: Sequence[int]
) -> SparseTensor:
    """The matrix of entries in any order; those of one place are added up."""
    inside = [not len(x) or (x.min() >= 0 and x.max() < n) for x, n in zip((rows, columns), shape)]
    if not all(inside):
        raise refusal(
            f"sparse: an entry lies outside of the shape {tuple(shape)}: rows from {rows.min()} to "
            f"{rows.max()}, columns from {columns.min()} to {columns.max()}",
            kind=ValueError,
        )
    flat = rows.astype(np.int64) * int(shape[1]) + columns
    found, first, groups = np.unique(flat, return_index=True, return_inverse=True)
    pattern = of_places(shape, *np.divmod(found, max(int(shape[1]), 1)))
    if len(found) < len(flat):
        return SparseTensor(pattern, ops.segment_sum(data, index_node(groups), len(found)))
    in_order = (np.diff(first) > 0).all()
    return SparseTensor(pattern, data if in_order else data[index_node(first)])
