"""Sparse tensors of data and places, of dense arrays, and of shared data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.function import Shared
from probtensor.function import shared as shared_tensor
from probtensor.graph.node import GraphError, Node, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.sparse.pattern import Pattern
from probtensor.sparse.places import from_places
from probtensor.sparse.tensor import SparseTensor, constant, entries, is_sparse


@public(name="sparse.csr_array")
def csr_array(
    arg1: object, shape: tuple[int, int] | None = None, dtype: DTypeLike | None = None
) -> SparseTensor:
    """A sparse tensor with its data in the order of rows; SciPy's signature.

    arg1   (data, indices, indptr): numbers of the rows, one after another, their columns, and where
           each row begins; (data, (row, col)): numbers and their places, added up where there are
           several; a shape (m, n), of a matrix without entries; a matrix of scipy.sparse, a sparse
           tensor, or an array, whose zeros get no entry.
           `data` may be any tensor; places are integers of NumPy
    shape  (m, n); by default as large as the places ask for
    dtype  of the data; by default their own

    Returns a sparse tensor of shape (m, n).
    Raises GraphError, a TypeError, for data of another length, for tensors as places and for dense
    tensors; ValueError for places outside of the shape.

        >>> w = pt.vector("w", shape=(3,))
        >>> A = pt.sparse.csr_array((w, [0, 2, 1], [0, 2, 3]), shape=(2, 3))
        >>> pt.function([w], A)([1.0, 2.0, 3.0]).toarray()
        array([[1., 0., 2.],
               [0., 3., 0.]])
    """
    return _made("sparse.csr_array", arg1, shape, dtype, "csr")


@public(name="sparse.csc_array")
def csc_array(
    arg1: object, shape: tuple[int, int] | None = None, dtype: DTypeLike | None = None
) -> SparseTensor:
    """A sparse tensor with its data in the order of columns; see `csr_array`, with indices of rows
    and an indptr of columns.

    Returns a sparse tensor of shape (m, n).
    Raises what `csr_array` raises.

        >>> A = pt.sparse.csc_array(([1.0, 2.0], [1, 0], [0, 1, 2]), shape=(2, 2))
        >>> A.eval().toarray()
        array([[0., 2.],
               [1., 0.]])
    """
    return _made("sparse.csc_array", arg1, shape, dtype, "csc")


@public(name="sparse.coo_array")
def coo_array(
    arg1: object, shape: tuple[int, int] | None = None, dtype: DTypeLike | None = None
) -> SparseTensor:
    """A sparse tensor of (data, (row, col)); see `csr_array`, whose format it has.

    Returns a sparse tensor of shape (m, n).
    Raises what `csr_array` raises.

        >>> A = pt.sparse.coo_array(([1.0, 2.0, 3.0], ([0, 1, 0], [1, 0, 1])), shape=(2, 2))
        >>> A.eval().toarray()
        array([[0., 4.],
               [2., 0.]])
    """
    return _made("sparse.coo_array", arg1, shape, dtype, "csr")


@public(name="sparse.as_sparse")
def as_sparse(x: object, name: str | None = None) -> SparseTensor:
    """A sparse tensor of a matrix of scipy.sparse (its format is kept where it is "csr" or "csc"),
    or of an array, whose zeros get no entry. A sparse tensor is returned as it is.

    name  is accepted as in PyTensor; constants have none

    Returns a sparse tensor.
    Raises GraphError, a TypeError, for dense tensors, whose zeros are not known.

        >>> S = pt.sparse.csr_array([[0.0, 2.0], [1.0, 0.0]])
        >>> (pt.sparse.as_sparse(S) @ pt.as_tensor([1.0, 10.0])).eval()
        array([20.,  1.])
    """
    format = "csc" if is_sparse(x) and x.format == "csc" else "csr"
    return _made("sparse.as_sparse", x, None, None, format)


@public(name="sparse.shared")
def shared(value: object, name: str | None = None) -> SharedSparse:
    """A sparse tensor whose data are shared: functions read them at each call and may update them
    (`updates={A.data: ...}`); the places are fixed.

    value  a matrix of scipy.sparse or an array

    Returns a sparse tensor with `get_value()`, an array of scipy.sparse, and `set_value(matrix)`,
    of a matrix whose entries lie at the places of this one. `A.data` is a `pt.Shared`.
    Raises GraphError, a TypeError, for tensors.

        >>> A = pt.sparse.shared(pt.sparse.csr_array([[0.0, 2.0], [1.0, 0.0]]))
        >>> f = pt.function([], A.sum())
        >>> A.set_value(10 * A.get_value()); f()
        array(30.)
    """
    of = as_sparse(value)
    if of.data.inputs:
        raise refusal("sparse.shared: needs a matrix, not a symbolic one (see eval)")
    data = shared_tensor(of.data.eval(), name)
    return SharedSparse(of.pattern, data, of.format)


class SharedSparse(SparseTensor):
    """A sparse tensor with shared data; see `shared`."""

    __slots__ = ("variable",)
    variable: Shared

    def __init__(self, pattern: Pattern, variable: Shared, format: str) -> None:
        super().__init__(pattern, ops.specify_shape(variable, (pattern.nnz,)), format)
        object.__setattr__(self, "variable", variable)

    def __reduce__(self) -> tuple:
        return SharedSparse, (self.pattern, self.variable, self.format)

    def get_value(self, borrow: bool = False) -> Any:
        """The value, an array of scipy.sparse."""
        return self.value_of(self.variable.get_value(borrow))

    @public
    def set_value(self, value: object, borrow: bool = False) -> None:
        """Set a matrix of scipy.sparse or an array of the same shape. ValueError where it has
        entries at other places."""
        given = as_sparse(value).asformat(self.format)
        if given.shape != self.shape:
            raise refusal(
                f"set_value: shapes {given.shape} and {self.shape} differ", kind=ValueError
            )
        own, new = self.pattern.places(), given.pattern.places()
        if not np.isin(new, own).all():
            raise refusal(
                f"set_value: the matrix has entries where {self.text} has none",
                "make another shared matrix, or give this one entries of 0 there",
                kind=ValueError,
            )
        data = np.zeros(self.nnz, self.data.dtype)
        data[np.searchsorted(own, new)] = given.data.eval()
        self.variable.set_value(data, borrow=True)


def _made(
    what: str, given: object, shape: Sequence[int] | None, dtype: DTypeLike | None, format: str
) -> SparseTensor:
    """A sparse tensor of what SciPy's constructors take."""
    if isinstance(given, tuple) and len(given) == 3:
        found = _of_compressed(what, *given, shape, format)
    elif isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], (tuple, list)):
        found = _of_coordinates(what, *given, shape).asformat(format)
    elif isinstance(given, tuple) and len(given) == 2 and shape is None:
        empty = np.zeros(0, np.int64)
        found = from_places(empty, empty, as_tensor(np.zeros(0, dtype or float)), given)
        found = found.asformat(format)
    else:
        found = _of_matrix(what, given).asformat(format)
    if shape is not None and tuple(shape) != found.shape:
        raise refusal(f"{what}: shape {tuple(shape)}, and the matrix has {found.shape}",
                      kind=ValueError)  # fmt: skip
    return found if dtype is None else found.astype(dtype)


def _of_matrix(what: str, given: object) -> SparseTensor:
    """Of a matrix: sparse, or an array."""
    from scipy import sparse

    if isinstance(given, SparseTensor):
        return given
    if is_sparse(given):
        return constant(given, what)
    if isinstance(given, Node):
        raise refusal(
            f"{what}: where {given.described} ({given.type}) is 0 is not known when the graph is "
            "made",
            given.birthplace,
            "choose the places: pt.sparse.coo_array((x[row, col], (row, col)), shape=(m, n))",
            kind=GraphError,
        )
    array = as_tensor(given).eval()
    if array.ndim != 2:
        raise refusal(f"{what}: expected a matrix, not {array.ndim} axes", kind=GraphError)
    return constant(sparse.csr_array(array), what)


def _of_compressed(
    what: str, data: object, indices: ArrayLike, indptr: ArrayLike, shape: Sequence[int] | None,
    format: str,
) -> SparseTensor:  # fmt: skip
    """Of (data, indices, indptr), which may be unsorted or have several numbers of a place."""
    indices, indptr = _integers(what, "indices", indices), _integers(what, "indptr", indptr)
    rising = len(indptr) and not indptr[0] and not (np.diff(indptr) < 0).any()
    if not rising or indptr[-1] != len(indices):
        raise refusal(
            f"{what}: indptr rises from 0 to the number of entries, {len(indices)}", kind=ValueError
        )
    values = entries(as_tensor(data), len(indices), what)
    major = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    if shape is None:
        least = int(indices.max()) + 1 if len(indices) else 0
        inner = (len(indptr) - 1, least)
    else:
        inner = tuple(shape) if format == "csr" else tuple(shape)[::-1]
    if inner[0] != len(indptr) - 1:
        raise refusal(
            f"{what}: indptr is of {len(indptr) - 1} "
            f"{'rows' if format == 'csr' else 'columns'}, the shape of {inner[0]}",
            kind=ValueError,
        )
    found = from_places(major, indices, values, inner)
    return SparseTensor(found.pattern, found.data, format)


def _of_coordinates(
    what: str, data: object, places: Sequence, shape: Sequence[int] | None
) -> SparseTensor:
    """Of (data, (row, col))."""
    if len(places) != 2:
        raise refusal(f"{what}: places are (row, col), not {len(places)} arrays", kind=ValueError)
    rows, columns = _integers(what, "row", places[0]), _integers(what, "col", places[1])
    if rows.shape != columns.shape:
        raise refusal(f"{what}: {len(rows)} rows and {len(columns)} columns", kind=ValueError)
    values = entries(as_tensor(data), len(rows), what)
    if shape is None:
        if not len(rows):
            raise refusal(f"{what}: give shape= for a matrix without entries", kind=ValueError)
        shape = (int(rows.max()) + 1, int(columns.max()) + 1)
    return from_places(rows, columns, values, shape)


def _integers(what: str, name: str, values: object) -> np.ndarray:
    """A vector of integers of NumPy. GraphError for tensors and others."""
    if isinstance(values, Node):
        raise refusal(
            f"{what}: {name} is the tensor {values.described}, and the places of a sparse tensor "
            "are fixed when the graph is made",
            values.birthplace,
            "with symbolic places, pt.segment_sum(data * x[col], row, m) is A @ x",
            kind=GraphError,
        )
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise refusal(
            f"{what}: {name} is a vector of whole numbers, not {values!r:.60}", kind=GraphError
        )
    return array.astype(np.int64)
