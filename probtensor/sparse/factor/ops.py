"""Cholesky factors of sparse symmetric matrices, their derivatives, and systems by them.

All ops have matrices as the entries of a lower triangle at the places of the factor, column by
column, and a vector of integers that says where these are (`structure_of`, pt_sparse.h).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node, make
from probtensor.ops.kinds import Core, op
from probtensor.ops.samples import Sample
from probtensor.sparse.factor.order import structure_of

SHAPES = {
    "full": [[0, 1, 2], [1, 2], [2]],
    "arrow": [[0, 3], [1, 3], [2, 3], [3]],
    "chain": [[0, 1], [1, 2], [2, 3], [3, 4], [4]],
}


def sample_of(rng: np.random.Generator, name: str) -> tuple[np.ndarray, np.ndarray]:
    """(entries, structure) of a small triangle."""
    columns = SHAPES[name]
    begins = np.cumsum([0, *map(len, columns)])
    values = rng.normal(size=begins[-1])
    values[begins[:-1]] = 4.0 + rng.uniform(size=len(columns))
    return values, structure_of(begins, np.concatenate(columns))


def with_change(rng: np.random.Generator, name: str, shape: tuple[int, ...] = ()) -> tuple:
    """(entries, structure, numbers of a shape, by default as many as entries)."""
    values, structure = sample_of(rng, name)
    return values, structure, rng.normal(size=shape or values.shape)


def read(structure: np.ndarray, z: int) -> tuple[np.ndarray, np.ndarray] | None:
    """(rows, columns) of z entries; None of numbers that are no structure."""
    n = int(structure[0]) if len(structure) else -1
    if n < 0 or n > z or len(structure) != 2 * n + 3 + 3 * z:
        return None
    begins, rows = structure[1 : n + 2], structure[n + 2 : n + 2 + z]
    counts = np.diff(begins)
    if begins[0] != 0 or begins[-1] != z or (counts < 1).any():
        return None
    columns = np.repeat(np.arange(n), counts)
    first = rows[begins[:-1]]
    falls = (np.diff(rows) <= 0) & (np.diff(columns) == 0)
    if (rows >= n).any() or (first != np.arange(n)).any() or falls.any():
        return None
    good = np.array_equal(structure_of(begins, rows), structure)
    return (rows, columns) if good else None


class _AtEntries(Core):
    """An op whose result has the entries of its first input."""

    core = "(z),(s),(z)->(z)"
    takes = ("float64", "int64", "float64")
    rounding = 30.0
    cut = (1,)
    samples = tuple(Sample(lambda rng, name=name: with_change(rng, name)) for name in SHAPES)

    def workspace(self, sizes):
        return 2 * sizes["z"]

    def each(self, structure: np.ndarray, shape: tuple, meaning: Callable) -> np.ndarray:
        """The results of all items: `meaning(item, rows, columns, dense)`, `dense` making a matrix
        of entries, gives a matrix; nan where there is no structure."""
        out = np.full(shape, np.nan)
        for item in np.ndindex(shape[:-1]):
            places = read(structure[item], shape[-1])
            if places is None:
                continue
            n = int(structure[item][0])

            def dense(values: np.ndarray, places: tuple = places, n: int = n) -> np.ndarray:
                matrix = np.zeros((n, n))
                matrix[places] = values
                return matrix

            out[item] = meaning(item, dense)[places]
        return out


@op
class SparseCholesky(_AtEntries):
    """The lower Cholesky factor of a symmetric positive definite matrix; all nan where it is none,
    or not finite."""

    name, routine = "sparse_cholesky", "pt_sparse_cholesky"
    core, takes = "(z),(s)->(z)", ("float64", "int64")
    rounding = 10.0
    samples = (
        *(Sample(lambda rng, name=name: sample_of(rng, name)) for name in SHAPES),
        Sample(lambda rng: (-sample_of(rng, "arrow")[0], sample_of(rng, "arrow")[1]), smooth=False),
    )

    def numpy(self, a, structure):
        def meaning(item, dense):
            half = dense(a[item])
            return ops.Cholesky().numpy(half + np.tril(half, -1).T)

        found = self.each(structure, a.shape, meaning)
        return np.where(np.isnan(found).any(axis=-1, keepdims=True), np.nan, found)

    def vjp(self, g, out, a, structure):
        return make(SparseCholeskyCotangent(), (out, structure, g)), None


@op
class SparseCholeskyTangent(_AtEntries):
    """What a factor L changes by where the matrix changes by a: y with y @ L.mT + L @ y.mT == a at
    the entries."""

    name, routine = "sparse_cholesky_tangent", "pt_sparse_cholesky_tangent"

    def numpy(self, factor, structure, a):
        def meaning(item, dense):
            low, half = dense(factor[item]), dense(a[item])
            whole = half + np.tril(half, -1).T
            inner = np.tril(np.linalg.solve(low, np.linalg.solve(low, whole).T))
            inner[np.diag_indices_from(inner)] /= 2
            return low @ inner

        return self.each(structure, a.shape, meaning)

    def vjp(self, g, out, factor, structure, a):
        x = make(SparseCholeskyCotangent(), (factor, structure, g))
        return -make(SparseSymmetricProduct(), (x, structure, out)), None, x


@op
class SparseCholeskyCotangent(_AtEntries):
    """The cotangent of the entries of a matrix, each of which counts once, given its factor and the
    cotangent of that: the transpose of `SparseCholeskyTangent`, so that derivatives of any order
    are of these two."""

    name, routine = "sparse_cholesky_cotangent", "pt_sparse_cholesky_cotangent"

    def numpy(self, factor, structure, g):
        out = np.full(g.shape, np.nan)
        for item in np.ndindex(g.shape[:-1]):
            units = np.eye(g.shape[-1])
            rows = (len(units), 1)
            pushed = SparseCholeskyTangent().numpy(
                np.tile(factor[item], rows), np.tile(structure[item], rows), units
            )
            out[item] = pushed @ g[item]
        return out

    def vjp(self, g, out, factor, structure, cotangent):
        y = make(SparseCholeskyTangent(), (factor, structure, g))
        return -make(SparseSymmetricProduct(), (out, structure, y)), None, y


@op
class SparseSymmetricProduct(_AtEntries):
    """(x + x.mT) @ y at the entries, for triangles x and y."""

    name, routine = "sparse_symmetric_product", "pt_sparse_symmetric_product"

    def numpy(self, x, structure, y):
        def meaning(item, dense):
            return (dense(x[item]) + dense(x[item]).T) @ dense(y[item])

        return self.each(structure, x.shape, meaning)

    def vjp(self, g, out, x, structure, y):
        by_x = make(SparseOuter(), (g, structure, y))
        return by_x, None, make(SparseSymmetricProduct(), (x, structure, g))


@op
class SparseOuter(_AtEntries):
    """x @ y.mT + y @ x.mT at the entries, for triangles x and y."""

    name, routine = "sparse_outer", "pt_sparse_outer"

    def numpy(self, x, structure, y):
        def meaning(item, dense):
            product = dense(x[item]) @ dense(y[item]).T
            return product + product.T

        return self.each(structure, x.shape, meaning)

    def vjp(self, g, out, x, structure, y):
        by_x = make(SparseSymmetricProduct(), (g, structure, y))
        return by_x, None, make(SparseSymmetricProduct(), (g, structure, x))


class _SparseTriangle(Core):
    """A system of a lower triangle, or of its transpose."""

    core = "(z),(s),(n,k)->(n,k)"
    takes = ("float64", "int64", "float64")
    cut = (1,)
    rounding = 10.0
    transposed = False
    samples = tuple(
        Sample(lambda rng, name=name: with_change(rng, name, (len(SHAPES[name]), 2)))
        for name in SHAPES
    )

    def numpy(self, factor, structure, b):
        out = np.full(b.shape, np.nan)
        for item in np.ndindex(b.shape[:-2]):
            places = read(structure[item], factor.shape[-1])
            n = b.shape[-2]
            if places is None or structure[item][0] != n:
                continue
            low = np.zeros((n, n))
            low[places] = factor[item]
            with np.errstate(all="ignore"):
                out[item] = np.linalg.solve(low.T if self.transposed else low, b[item])
        return out

    def vjp(self, g, out, factor, structure, b):
        other = SolveSparseLower() if self.transposed else SolveSparseLowerTransposed()
        gb = make(other, (factor, structure, g))
        left, right = (out, gb) if self.transposed else (gb, out)
        rows, columns = _places(structure, factor, b)
        return -ops.sum(_at(left, rows) * _at(right, columns), -1), None, gb


def _places(structure: Node, factor: Node, b: Node) -> tuple[Node, Node]:
    """The rows and the columns of the entries."""
    n, z = b.shape[-2], factor.shape[-1]
    return structure[..., n + 2 : n + 2 + z], structure[..., n + 2 + z : n + 2 + 2 * z]


def _at(x: Node, rows: Node) -> Node:
    """The rows (..., z) of matrices (..., n, k)."""
    return ops.take_along_axis(x, ops.expand_dims(rows, -1), axis=-2)


@op
class SolveSparseLower(_SparseTriangle):
    """x with l @ x == b, for a lower triangle l."""

    name, routine = "solve_sparse_lower", "pt_solve_sparse_lower"


@op
class SolveSparseLowerTransposed(_SparseTriangle):
    """x with l.mT @ x == b, for a lower triangle l."""

    name, routine = "solve_sparse_lower_transposed", "pt_solve_sparse_lower_transposed"
    transposed = True
