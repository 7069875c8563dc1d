"""`SparseTensor`: entries at fixed places, with data that are a tensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from probtensor import ops
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.late import late
from probtensor.sparse.pattern import Pattern, index_node

entrywise = late("probtensor.sparse.entrywise")
products = late("probtensor.sparse.products")
reductions = late("probtensor.sparse.reductions")
places = late("probtensor.sparse.places")

FORMATS = ("csr", "csc")


class SparseTensor:
    """A sparse matrix with entries at fixed places: `data` is any tensor, a number for each entry,
    and where the entries are is known when the graph is made. Made by `pt.sparse.csr_array`,
    `csc_array`, `coo_array`, `as_sparse`, `diags_array`, ...; immutable.

    shape, nnz, ndim, dtype, format  as in scipy.sparse; the format is "csr" or "csc"
    data              a tensor of shape (nnz,), in the order of the format
    indices, indptr   int64[nnz] and int64[n + 1]: arrays of NumPy
    T, tocsr(), tocsc(), toarray(), astype(dtype), with_data(data)
    A @ x, x @ A, A @ B   products with vectors and matrices, dense or sparse
    A + B, A - B, A * B, A * x, A / x, A**2, abs(A), A > 0, A.maximum(B)   entry by entry, as
                      scipy.sparse's arrays; an operation that is not 0 at 0 is refused
    sum, mean, max, min, trace, diagonal, count_nonzero
    A[2:5], A[[1, 3], :], A[mask], A[1, 2], A[1]   parts, by numbers; A[1] is a dense vector
    sin, tan, arcsin, arctan, sinh, tanh, ..., sqrt, expm1, log1p, sign, floor, ceil, rint, trunc

    Functions compiled by `pt.function` return it as an array of scipy.sparse, and `A.eval()` gives
    one. Derivatives are by the data: `A.with_data(pt.grad(cost, A.data))`.

        >>> w = pt.vector("w", shape=(3,))
        >>> A = pt.sparse.csr_array((w, [0, 2, 1], [0, 2, 3]), shape=(2, 3))
        >>> pt.function([w], A @ np.array([1.0, 1.0, 10.0]))([1.0, 2.0, 3.0])
        array([21.,  3.])
    """

    __slots__ = ("data", "format", "pattern")
    __array_ufunc__ = None  # arrays and tensors leave operators to this class
    __hash__ = object.__hash__

    data: Node
    format: str
    pattern: Pattern  # of the matrix, or of its transpose if the format is "csc"

    def __init__(self, pattern: Pattern, data: Node, format: str = "csr") -> None:
        for name, value in (("pattern", pattern), ("data", data), ("format", format)):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise refusal(
            f"{self.text} is a sparse tensor, and these are immutable: cannot set {name!r}",
            "A.with_data(data) has other data at the same places",
            kind=AttributeError,
        )

    def __reduce__(self) -> tuple:
        return SparseTensor, (self.pattern, self.data, self.format)

    def __repr__(self) -> str:
        return f"<{self.text} with {self.nnz} entries: {self.dtype}{list(self.shape)}>"

    @property
    def text(self) -> str:
        """The matrix in messages."""
        return f"{self.format}_array of {self.data.described}"

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        shape = self.pattern.shape
        return shape if self.format == "csr" else shape[::-1]

    @property
    def ndim(self) -> int:
        """2."""
        return 2

    @property
    def nnz(self) -> int:
        """The number of entries, whatever their values."""
        return self.pattern.nnz

    @property
    def dtype(self) -> str:
        """That of the data."""
        return self.data.dtype

    @property
    def indices(self) -> np.ndarray:
        """The column of each entry, for "csc" its row: int64[nnz]."""
        return self.pattern.indices

    @property
    def indptr(self) -> np.ndarray:
        """Where the entries of each row begin, for "csc" those of each column: int64."""
        return self.pattern.indptr

    @property
    def row_node(self) -> Node:
        """The row of each entry, as a tensor of integers."""
        return self.pattern.row_node if self.format == "csr" else self.pattern.column_node

    @property
    def column_node(self) -> Node:
        """The column of each entry, as a tensor of integers."""
        return self.pattern.column_node if self.format == "csr" else self.pattern.row_node

    @property
    def T(self) -> SparseTensor:
        """The transpose, of the other format, without any work."""
        return SparseTensor(self.pattern, self.data, "csc" if self.format == "csr" else "csr")

    def transpose(self) -> SparseTensor:
        """`T`."""
        return self.T

    def with_data(self, data: TensorLike) -> SparseTensor:
        """The same places with other data: a vector of nnz entries, or a number for all of them."""
        return SparseTensor(self.pattern, entries(data, self.nnz, "with_data"), self.format)

    def astype(self, dtype: DTypeLike) -> SparseTensor:
        """The same places with data of another dtype."""
        return SparseTensor(self.pattern, ops.astype(self.data, dtype), self.format)

    def copy(self) -> SparseTensor:
        """The matrix itself, as it is immutable."""
        return self

    def asformat(self, format: str | None) -> SparseTensor:
        """The matrix in a format, "csr" or "csc"; None keeps its own. ValueError for others."""
        if format is None or format == self.format:
            return self
        if format not in FORMATS:
            raise refusal(
                f"asformat: the format is 'csr' or 'csc', not {format!r:.40}", kind=ValueError
            )
        pattern, order = self.pattern.transposed
        return SparseTensor(pattern, self.data[index_node(order)], format)

    def tocsr(self) -> SparseTensor:
        """The matrix with its data in the order of rows."""
        return self.asformat("csr")

    def tocsc(self) -> SparseTensor:
        """The matrix with its data in the order of columns."""
        return self.asformat("csc")

    def toarray(self) -> Node:
        """The matrix as a dense tensor of its shape, with zeros between the entries."""
        zero = ops.zeros(self.shape, self.dtype)
        return zero.at[self.row_node, self.column_node].set(self.data, unique_indices=True)

    todense = toarray

    def eval(self, values: Mapping[Node | str, ArrayLike] | None = None) -> Any:
        """The value, a csr_array or csc_array of scipy.sparse: see `eval` of tensors."""
        return self.value_of(self.data.eval(values))

    def value_of(self, data: np.ndarray) -> Any:
        """An array of scipy.sparse with these data at the places of this one."""
        return Maker(self.pattern, self.format)(data)

    def packed(self) -> tuple[Maker, Node]:
        """What makes a result of a function, and the tensor that it is made of."""
        return Maker(self.pattern, self.format), self.data

    def __bool__(self) -> bool:
        raise refusal(f"{self.text} has no truth value", "write (A != B).sum() == 0, say")

    def __len__(self) -> int:
        raise refusal(f"{self.text} has no length: write A.shape[0] or A.nnz")

    def __iter__(self) -> Any:
        raise refusal(f"{self.text} cannot be iterated over: write A[i] for a row")

    def __array__(self, *args: object, **kwargs: object) -> np.ndarray:
        raise refusal(
            f"{self.text} is symbolic: it cannot become a NumPy array",
            "A.toarray() is a dense tensor, A.eval({input: value}) gives an array of scipy.sparse",
        )

    def __getitem__(self, key: object) -> SparseTensor | Node:
        return places.part(self, key)

    def __matmul__(self, other: object) -> SparseTensor | Node:
        return products.product(self, other)

    def __rmatmul__(self, other: object) -> SparseTensor | Node:
        return products.product_from_left(other, self)

    def dot(self, other: object) -> SparseTensor | Node:
        """`A @ other`."""
        return products.product(self, other)

    def __add__(self, other: object) -> SparseTensor | Node:
        return entrywise.plus(self, other)

    __radd__ = __add__

    def __sub__(self, other: object) -> SparseTensor | Node:
        return entrywise.minus(self, other)

    def __rsub__(self, other: object) -> SparseTensor | Node:
        return entrywise.plus(-self, other)

    def __mul__(self, other: object) -> SparseTensor:
        return entrywise.multiply(self, other)

    __rmul__ = __mul__

    def multiply(self, other: object) -> SparseTensor:
        """`A * other`, entry by entry; dense operands broadcast."""
        return entrywise.multiply(self, other)

    def __truediv__(self, other: object) -> SparseTensor:
        return entrywise.divide(self, other)

    def __rtruediv__(self, other: object) -> SparseTensor:
        raise entrywise.not_zero_at_zero("/", self)

    def __pow__(self, other: object) -> SparseTensor:
        return entrywise.power(self, other)

    def power(self, n: object) -> SparseTensor:
        """`A**n` for a number n above 0, entry by entry."""
        return entrywise.power(self, n)

    def __neg__(self) -> SparseTensor:
        return self.with_data(-self.data)

    def __pos__(self) -> SparseTensor:
        return self

    def __abs__(self) -> SparseTensor:
        return self.with_data(abs(self.data))

    def __eq__(self, other: object) -> SparseTensor:
        return entrywise.compare("==", self, other)

    def __ne__(self, other: object) -> SparseTensor:
        return entrywise.compare("!=", self, other)

    def __lt__(self, other: object) -> SparseTensor:
        return entrywise.compare("<", self, other)

    def __le__(self, other: object) -> SparseTensor:
        return entrywise.compare("<=", self, other)

    def __gt__(self, other: object) -> SparseTensor:
        return entrywise.compare(">", self, other)

    def __ge__(self, other: object) -> SparseTensor:
        return entrywise.compare(">=", self, other)

    def maximum(self, other: object) -> SparseTensor:
        """The larger of both, entry by entry; of a number of at most 0, or another matrix."""
        return entrywise.extreme("maximum", self, other)

    def minimum(self, other: object) -> SparseTensor:
        """The smaller of both, entry by entry; of a number of at least 0, or another matrix."""
        return entrywise.extreme("minimum", self, other)

    def sum(self, axis: int | None = None, dtype: DTypeLike | None = None) -> Node:
        """The sum of all entries, or of those of each column (axis 0) or row (axis 1)."""
        return reductions.total(self, axis, dtype)

    def mean(self, axis: int | None = None, dtype: DTypeLike | None = None) -> Node:
        """The mean of the whole matrix, of each column (axis 0) or row (axis 1), with its zeros."""
        return reductions.mean(self, axis, dtype)

    def max(self, axis: int | None = None) -> Node:
        """The largest number of the matrix, or of each column or row, zeros between entries too."""
        return reductions.extreme("max", self, axis)

    def min(self, axis: int | None = None) -> Node:
        """The smallest number of the matrix, or of each column or row; see `max`."""
        return reductions.extreme("min", self, axis)

    def count_nonzero(self, axis: int | None = None) -> Node:
        """How many entries are not 0, int64; see `sum`."""
        return reductions.total(self.with_data(self.data != 0), axis, "int64")

    def diagonal(self, k: int = 0) -> Node:
        """The k-th diagonal, a vector with zeros between the entries."""
        return reductions.diagonal(self, k)

    def trace(self, offset: int = 0) -> Node:
        """The sum of a diagonal."""
        return ops.sum(reductions.diagonal(self, offset))

    def __getattr__(self, name: str) -> Any:
        if name in entrywise.ZERO_AT_ZERO:
            function = getattr(ops, name)
            return lambda: self.with_data(function(self.data))
        hint = "A.toarray() has all methods of tensors, A.data those of the entries"
        raise AttributeError(
            f"sparse tensors have no attribute {name!r}: {hint}", name=name, obj=self
        )


class Maker:
    """From the data of a matrix to an array of scipy.sparse; a value that pickles."""

    def __init__(self, pattern: Pattern, format: str) -> None:
        self.pattern, self.format = pattern, format

    def __call__(self, data: np.ndarray) -> Any:
        from scipy import sparse

        shape = self.pattern.shape
        small = max(*shape, self.pattern.nnz) < 2**31
        indptr, indices = (
            x.astype(np.int32 if small else np.int64)
            for x in (self.pattern.indptr, self.pattern.indices)
        )
        if self.format == "csr":
            return sparse.csr_array((data, indices, indptr), shape=shape)
        return sparse.csc_array((data, indices, indptr), shape=shape[::-1])


def entries(data: TensorLike, nnz: int, what: str) -> Node:
    """A vector of one number for each entry. GraphError for other shapes."""
    node = as_tensor(data)
    if not node.ndim:
        return ops.broadcast_to(node, (nnz,))
    if node.ndim != 1 or (isinstance(node.shape[0], int) and node.shape[0] != nnz):
        raise refusal(
            f"{what}: the data are a vector of {nnz} numbers, one for each entry, not "
            f"{node.type}",
            node.birthplace,
            kind=GraphError,
        )
    return ops.specify_shape(node, (nnz,))


def with_rows(x: Node, rows: int) -> Node:
    """A tensor of so many rows, which is checked in a call where it is not known."""
    return x if x.shape[0] == rows else ops.specify_shape(x, (rows, *[None] * (x.ndim - 1)))


def is_sparse(value: object) -> bool:
    """Whether a value is a sparse tensor, or a matrix or array of scipy.sparse."""
    return isinstance(value, SparseTensor) or (hasattr(value, "nnz") and hasattr(value, "tocsr"))


def taken(value: object, what: str) -> SparseTensor:
    """A sparse tensor or a matrix of scipy.sparse, as a sparse tensor. GraphError for others."""
    if isinstance(value, SparseTensor):
        return value
    if is_sparse(value):
        return constant(value, what)
    raise refusal(
        f"{what}: expected a sparse tensor or a matrix of scipy.sparse, not {value!r:.60}",
        "pt.sparse.as_sparse(array) makes one of an array",
        kind=GraphError,
    )


def constant(matrix: Any, what: str) -> SparseTensor:
    """A matrix of scipy.sparse as a sparse tensor, with what is given twice added up."""
    if matrix.ndim != 2:
        raise refusal(f"{what}: expected a sparse matrix, not an array of {matrix.ndim} axes")
    format = "csc" if matrix.format == "csc" else "csr"
    given = matrix.tocsc() if format == "csc" else matrix.tocsr()
    if not given.has_canonical_format:
        given = given.copy()
        given.sum_duplicates()
    shape = given.shape if format == "csr" else given.shape[::-1]
    return SparseTensor(Pattern(shape, given.indptr, given.indices), as_tensor(given.data), format)


def numbered(pattern: Pattern, format: str = "csr") -> Any:
    """The matrix of scipy.sparse of the entries' numbers, counted from 1, in rows."""
    return Maker(pattern, format)(np.arange(1, pattern.nnz + 1)).tocsr()


def of_numbers(matrix: Any, data: Node) -> SparseTensor:
    """The matrix with data where one of scipy.sparse has their numbers, counted from 1."""
    from scipy import sparse

    matrix = sparse.csr_array(matrix)
    matrix.sort_indices()
    pattern = Pattern(matrix.shape, matrix.indptr, matrix.indices)
    return SparseTensor(pattern, data[index_node(matrix.data.astype(np.int64) - 1)])


