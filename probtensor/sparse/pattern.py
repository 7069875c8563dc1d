"""Where a sparse matrix has entries: rows and columns in the order of compressed rows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from weakref import WeakValueDictionary

import numpy as np

from probtensor.graph.node import Node, as_tensor

_KNOWN: WeakValueDictionary[tuple, Pattern] = WeakValueDictionary()


class Pattern:
    """The places of the entries of an (m, n) matrix, row by row, columns rising within a row.

    shape    (m, n)
    indptr   int64[m + 1], read-only: the entries of row i are those from indptr[i] to indptr[i + 1]
    indices  int64[nnz], read-only: the column of each entry

    Equal patterns are one object. Arrays that are not sorted, have duplicates or do not fit the
    shape raise ValueError.
    """

    __slots__ = ("__weakref__", "_found", "indices", "indptr", "shape")

    shape: tuple[int, int]
    indptr: np.ndarray
    indices: np.ndarray

    def __new__(cls, shape: Sequence[int], indptr: np.ndarray, indices: np.ndarray) -> Pattern:
        m, n = (int(size) for size in shape)
        indptr, indices = _read_only(indptr), _read_only(indices)
        digest = hashlib.blake2b(indptr.tobytes() + indices.tobytes()).digest()
        key = (m, n, len(indices), digest)
        found = _KNOWN.get(key)
        if found is None:
            _check(m, n, indptr, indices)
            found = object.__new__(cls)
            for name, value in (
                ("shape", (m, n)), ("indptr", indptr), ("indices", indices), ("_found", {})
            ):  # fmt: skip
                object.__setattr__(found, name, value)
            found = _KNOWN.setdefault(key, found)
        return found

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"patterns are immutable: cannot set {name!r}")

    def __reduce__(self) -> tuple:
        return Pattern, (self.shape, self.indptr, self.indices)

    def __repr__(self) -> str:
        return f"<pattern of {self.nnz} entries of a matrix of shape {self.shape}>"

    @property
    def nnz(self) -> int:
        """The number of entries."""
        return len(self.indices)

    @property
    def rows(self) -> np.ndarray:
        """int64[nnz]: the row of each entry."""
        if "rows" not in self._found:
            rows = np.repeat(np.arange(self.shape[0], dtype=np.int64), np.diff(self.indptr))
            self._found["rows"] = _read_only(rows)
        return self._found["rows"]

    @property
    def row_node(self) -> Node:
        """The row of each entry, as a tensor."""
        return self._node("row_node", self.rows)

    @property
    def column_node(self) -> Node:
        """The column of each entry, as a tensor."""
        return self._node("column_node", self.indices)

    def _node(self, name: str, values: np.ndarray) -> Node:
        if name not in self._found:
            self._found[name] = index_node(values)
        return self._found[name]

    @property
    def transposed(self) -> tuple[Pattern, np.ndarray]:
        """(the pattern of the transpose, for each of its entries the number of this one's)."""
        if "transposed" not in self._found:
            order = np.argsort(self.indices, kind="stable")
            turned = of_places(self.shape[::-1], self.indices[order], self.rows[order])
            self._found["transposed"] = turned, _read_only(order)
        return self._found["transposed"]

    def places(self) -> np.ndarray:
        """int64[nnz], rising: row * n + column of each entry."""
        return self.rows * self.shape[1] + self.indices


def index_node(values: np.ndarray) -> Node:
    """Numbers of rows, columns or entries as a tensor: of int32, which are read in half the time,
    where they fit."""
    small = not len(values) or int(values.max()) < 2**31
    return as_tensor(values.astype(np.int32 if small else np.int64))


def of_places(shape: Sequence[int], rows: np.ndarray, columns: np.ndarray) -> Pattern:
    """The pattern of entries in sorted order."""
    indptr = np.zeros(int(shape[0]) + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=int(shape[0])), out=indptr[1:])
    return Pattern(shape, indptr, columns)


def of_flat_places(shape: Sequence[int], places: np.ndarray) -> Pattern:
    """The pattern of entries at rising row * n + column."""
    rows, columns = np.divmod(places, max(int(shape[1]), 1))
    return of_places(shape, rows, columns)


def _read_only(values: np.ndarray) -> np.ndarray:
    array = np.array(values, dtype=np.int64)
    array.flags.writeable = False
    return array


def _check(m: int, n: int, indptr: np.ndarray, indices: np.ndarray) -> None:
    """ValueError unless the arrays are those of a matrix of shape (m, n)."""
    if m < 0 or n < 0:
        raise ValueError(f"no size of the shape ({m}, {n}) may be negative")
    if indptr.ndim != 1 or indices.ndim != 1:
        raise ValueError("indices and indptr are vectors")
    if len(indptr) != m + 1:
        raise ValueError(f"indptr has {len(indptr)} entries, and {m} rows need {m + 1}")
    if indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        raise ValueError(f"indptr rises from 0 to the number of entries, {len(indices)}")
    if len(indices) and not (0 <= indices.min() and indices.max() < n):
        raise ValueError(f"there are columns from {indices.min()} to {indices.max()}, of {n}")
    same_row = np.repeat(np.arange(m), np.diff(indptr))
    if ((np.diff(indices) <= 0) & (np.diff(same_row) == 0)).any():
        raise ValueError("columns rise within each row, without duplicates")
