"""Where the entries of the Cholesky factor of a sparse matrix are.

Found once for a pattern: an order of the rows with little fill (multiple minimum degree, as SuperLU
has it), then the columns of the factor, each of which is that of the matrix joined with what is
below the diagonal in the columns of its children in the elimination tree (Davis 2006, Direct
Methods for Sparse Linear Systems, 4.1 and 4.10).
"""

from __future__ import annotations

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.graph.node import Node, as_tensor
from probtensor.sparse.pattern import Pattern


@dataclass(frozen=True, eq=False)
class Analysis:
    """Where the entries of a factor are.

    position   int64[n]: which row of the factor each row of the matrix is
    begins     int64[n + 1]: where the columns of the factor begin
    rows       int64[z]: the row of each entry
    columns    int64[z]: its column
    taken      the entries of the matrix, in rows, that are read
    places     where these are among those of the factor
    structure  all of the factor's places as one tensor of integers, as the routines take it
    """

    position: np.ndarray
    begins: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    taken: np.ndarray
    places: np.ndarray
    structure: Node

    @property
    def nnz(self) -> int:
        """The number of entries of the factor."""
        return len(self.rows)


def analysis_of(pattern: Pattern, natural: bool) -> Analysis:
    """The analysis of a square pattern, whose lower triangle counts. Kept with the pattern."""
    key = "natural analysis" if natural else "analysis"
    if key not in pattern._found:
        pattern._found[key] = _analysed(pattern, natural)
    return pattern._found[key]


def _analysed(pattern: Pattern, natural: bool) -> Analysis:
    n = pattern.shape[0]
    lower = np.flatnonzero(pattern.rows >= pattern.indices)
    rows, columns = pattern.rows[lower], pattern.indices[lower]
    position = np.arange(n) if natural or n < 3 else _ordered(n, rows, columns)
    rows, columns = position[rows], position[columns]
    rows, columns = np.maximum(rows, columns), np.minimum(rows, columns)
    found = _columns(n, rows, columns)
    begins = np.zeros(n + 1, np.int64)
    np.cumsum([len(column) for column in found], out=begins[1:])
    whole = np.concatenate([np.zeros(0, np.int64), *found])
    of = np.repeat(np.arange(n), np.diff(begins))
    places = np.searchsorted(of * n + whole, columns * n + rows)
    return Analysis(
        position, begins, whole, of, lower, places, as_tensor(structure_of(begins, whole))
    )


def structure_of(begins: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """What the routines read (pt_sparse.h), of the columns of a factor."""
    n, z = len(begins) - 1, len(rows)
    columns = np.repeat(np.arange(n), np.diff(begins))
    order = np.argsort(rows, kind="stable")
    row_begins = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=n)[:n], out=row_begins[1:])
    parts = ([n], begins, rows, columns, row_begins, order)
    found = np.concatenate([np.asarray(part, np.int64) for part in parts])
    assert len(found) == 2 * n + 3 + 3 * z
    return found


def _ordered(n: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The row of the factor of each row, for little fill."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    off = rows != columns
    i, j = np.concatenate([[rows[off], columns[off]], [columns[off], rows[off]]], axis=1)
    degrees = np.bincount(i, minlength=n)
    matrix = sparse.coo_array((-np.ones(len(i)), (i, j)), shape=(n, n)).tocsc()
    matrix = (matrix + sparse.diags_array(degrees + 1.0)).tocsc()
    factor = splu(
        matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
    return np.asarray(factor.perm_c, np.int64)


def _columns(n: int, rows: np.ndarray, columns: np.ndarray) -> list[np.ndarray]:
    """The rows of each column of the factor, rising, the diagonal first."""
    order = np.lexsort((rows, columns))
    own = np.split(rows[order], np.cumsum(np.bincount(columns, minlength=n))[:-1]) if n else []
    found: list[np.ndarray] = []
    children: list[list[int]] = [[] for _ in range(n)]
    for j in range(n):
        parts = [found[child][1:] for child in children[j]]
        column = np.unique(np.concatenate([[j], own[j], *parts]))
        found.append(column.astype(np.int64))
        if len(column) > 1:
            children[int(column[1])].append(j)
    return found
