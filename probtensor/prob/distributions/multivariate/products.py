"""Normal distributions whose covariances are products: of rows and columns of a matrix, and
Kronecker products."""

from __future__ import annotations

from functools import reduce

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import HALF_LOG_2PI
from probtensor.prob.distributions.multivariate.factors import (
    as_float,
    known,
    log_determinant,
    squared_length,
)
from probtensor.prob.distributions.structured import RealArray
from probtensor.prob.distributions.support import (
    NONNEGATIVE,
    REAL_VECTOR,
    SCALE_FACTOR,
    Vector,
)

REAL_MATRIX = RealArray(2)


class MatrixNormal(Distribution):
    """Matrices X with cov(X[i, j], X[k, l]) = U[i, k] V[j, l], by the Cholesky factors of U
    (`row_chol`) and V (`col_chol`): exp(-|Z|^2 / 2) / ((2 pi)^(m n / 2) |U|^(n / 2) |V|^(m / 2))
    with X - mu = row_chol Z col_chol^T."""

    name = "matrix_normal"
    parameters = {"mu": REAL_MATRIX, "row_chol": SCALE_FACTOR, "col_chol": SCALE_FACTOR}
    axes = {"mu": "mn", "row_chol": "mm", "col_chol": "nn"}
    event = "mn"
    over = REAL_MATRIX
    smooth_draws = True

    def logpdf(self, x, mu, row_chol, col_chol):
        rows, columns = known(row_chol), known(col_chol)
        offset = x - mu
        half = solved(rows, offset)
        z = solved(columns, ops.matrix_transpose(half))
        m, n = (as_float(size, offset) for size in offset.shape[-2:])
        scale = n * log_determinant(rows) + m * log_determinant(columns)
        return -0.5 * squared_length(z, 2) - scale - (m * n) * HALF_LOG_2PI

    def sample(self, key, shape, mu, row_chol, col_chol):
        z = ops.draw_normal(key, element_indices(shape))
        return mu + ops.tril(row_chol) @ z @ ops.matrix_transpose(ops.tril(col_chol))

    def mean(self, mu, row_chol, col_chol):
        return mu

    def variance(self, mu, row_chol, col_chol):
        rows, columns = (squared_length(ops.tril(x)) for x in (row_chol, col_chol))
        return rows[..., :, None] * columns[..., None, :]

    def mode(self, mu, row_chol, col_chol):
        return mu

    def entropy(self, mu, row_chol, col_chol):
        m, n = (as_float(size, mu) for size in mu.shape[-2:])
        scale = n * log_determinant(row_chol) + m * log_determinant(col_chol)
        return scale + (m * n) * (0.5 + HALF_LOG_2PI)


def solved(factor, x):
    """factor^-1 @ x, for stacks of matrices."""
    if factor.ndim == 2 and x.ndim > 2:
        factor = ops.broadcast_to(factor, (*x.shape[:-2], *factor.shape))
    return ops.solve_triangular(factor, x, lower=True)


LETTERS = "abcdefghijklm"


@dataclass(frozen=True)
class KroneckerNormal(Distribution):
    """Normal with the covariance K_0 (x) K_1 (x) ... of `count` matrices, by their factors."""

    count: int = 1
    name = "kronecker_normal"
    over = REAL_VECTOR
    smooth_draws = True

    @property
    def parameters(self):
        return {"mu": REAL_VECTOR} | {f"chol_{k}": SCALE_FACTOR for k in range(self.count)}

    @property
    def axes(self):
        return {"mu": "n"} | {f"chol_{k}": 2 * LETTERS[k] for k in range(self.count)}

    def logpdf(self, x, mu, *factors):
        factors = [known(factor) for factor in factors]
        z = along_axes(solve_axis, x - mu, factors)
        size = as_float(x.shape[-1], x)
        scale = sum(
            log_determinant(factor) * (size / as_float(factor.shape[-1], x)) for factor in factors
        )
        return -0.5 * squared_length(z) - scale - size * HALF_LOG_2PI

    def sample(self, key, shape, mu, *factors):
        z = ops.draw_normal(key, element_indices(shape))
        return mu + along_axes(multiply_axis, z, [ops.tril(factor) for factor in factors])

    def mean(self, mu, *factors):
        return mu

    def variance(self, mu, *factors):
        return joined([squared_length(ops.tril(factor)) for factor in factors])

    def mode(self, mu, *factors):
        return mu


@dataclass(frozen=True)
class NoisyKroneckerNormal(Distribution):
    """Normal with the covariance K_0 (x) K_1 (x) ... + sigma^2 I, by eigenvalues and orthonormal
    eigenvectors (in columns) of the `count` matrices (Saatci 2011, ch. 5)."""

    count: int = 1
    name = "kronecker_normal"
    over = REAL_VECTOR
    smooth_draws = True

    @property
    def parameters(self):
        found = {"mu": REAL_VECTOR, "sigma": NONNEGATIVE}
        for k in range(self.count):
            found |= {f"eigenvalues_{k}": Vector(NONNEGATIVE), f"eigenvectors_{k}": REAL_MATRIX}
        return found

    @property
    def axes(self):
        found = {"mu": "n", "sigma": ""}
        for k in range(self.count):
            found |= {f"eigenvalues_{k}": LETTERS[k], f"eigenvectors_{k}": 2 * LETTERS[k]}
        return found

    def spectrum(self, sigma, parts):
        return joined(parts[::2]) + ops.square(sigma)[..., None]

    def logpdf(self, x, mu, sigma, *parts):
        turned = [ops.matrix_transpose(vectors) for vectors in parts[1::2]]
        found, values = along_axes(multiply_axis, x - mu, turned), self.spectrum(sigma, parts)
        square = ops.sum(ops.square(found) / values, axis=-1)
        size = as_float(x.shape[-1], x)
        return -0.5 * (square + ops.sum(ops.log(values), axis=-1)) - size * HALF_LOG_2PI

    def sample(self, key, shape, mu, sigma, *parts):
        z = ops.draw_normal(key, element_indices(shape)) * ops.sqrt(self.spectrum(sigma, parts))
        return mu + along_axes(multiply_axis, z, parts[1::2])

    def mean(self, mu, sigma, *parts):
        return mu

    def variance(self, mu, sigma, *parts):
        own = [
            ops.sum(ops.square(vectors) * values[..., None, :], axis=-1)
            for values, vectors in zip(parts[::2], parts[1::2], strict=True)
        ]
        return joined(own) + ops.square(sigma)[..., None]

    def mode(self, mu, sigma, *parts):
        return mu


def along_axes(apply, x, matrices):
    """Vectors as arrays with one axis a matrix, each of which is applied along its axis."""
    lead, sizes = x.shape[:-1], [matrix.shape[-1] for matrix in matrices]
    found = ops.reshape(x, (*lead, *sizes))
    for k, matrix in enumerate(matrices):
        axis = k - len(sizes)
        found = ops.moveaxis(apply(matrix, ops.moveaxis(found, axis, -1)), -1, axis)
    return ops.reshape(found, x.shape)


def multiply_axis(matrix, x):
    """matrix @ v for the vectors v along the last axis."""
    if matrix.ndim > 2:
        matrix = matrix[(..., *(None,) * (x.ndim - matrix.ndim + 1), slice(None), slice(None))]
        return (matrix @ x[..., None])[..., 0]
    return x @ ops.matrix_transpose(matrix)


def solve_axis(matrix, x):
    """matrix^-1 @ v for the vectors v along the last axis, and a lower triangular matrix."""
    shape = x.shape
    if matrix.ndim > 2:
        lead = matrix.ndim - 2
        columns = ops.reshape(x, (*shape[:lead], -1, shape[-1]))
        found = ops.solve_triangular(matrix, ops.matrix_transpose(columns), lower=True)
        return ops.reshape(ops.matrix_transpose(found), shape)
    columns = ops.matrix_transpose(ops.reshape(x, (-1, shape[-1])))
    found = ops.solve_triangular(matrix, columns, lower=True)
    return ops.reshape(ops.matrix_transpose(found), shape)


def joined(values):
    """The products of all choices of one entry of each vector: a Kronecker product of vectors."""

    def both(a, b):
        pairs = a[..., :, None] * b[..., None, :]
        return ops.reshape(pairs, (*pairs.shape[:-2], -1))

    return reduce(both, values)
