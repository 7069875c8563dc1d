"""Bijectors onto correlation and covariance matrices, their Cholesky factors, and matrices of
probabilities.

Correlations are products of partial correlations tanh(u), one for each entry below the diagonal
(Lewandowski, Kurowicka and Joe 2009): row i of the factor is t[i, j] s[i, 0] ... s[i, j - 1] with
t = tanh(u) and s = sqrt(1 - t^2) = 1 / cosh(u), and its diagonal is the product of all s of the
row. All Jacobians, and the logarithm of the diagonal, are sums of log cosh(u) with whole numbers as
weights. The entries of u are those of the triangle, row by row.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Node
from probtensor.prob.bijectors.base import Bijector
from probtensor.prob.bijectors.vectors import LogRatio
from probtensor.types import size_product


def rows_of_triangle(count: int, diagonal: bool) -> int:
    """The number of rows of a triangle of so many entries."""
    root = (math.isqrt(8 * count + 1) - 1) // 2
    return root if diagonal else root + 1


def triangle(u: Node, size: int, diagonal: bool, fill: float = 0.0) -> Node:
    """The lower triangular matrices with these entries, and `fill` above (and on the diagonal)."""
    rows, columns = np.tril_indices(size, 0 if diagonal else -1)
    places = np.full((size, size), len(rows))
    places[rows, columns] = np.arange(len(rows))
    last = ops.full((*u.shape[:-1], 1), fill, u.dtype)
    return ops.concatenate([u, last], axis=-1)[..., places]


def entries_of_triangle(x: Node, diagonal: bool) -> Node:
    """The entries of lower triangles, row by row."""
    size = x.shape[-1]
    rows, columns = np.tril_indices(size, 0 if diagonal else -1)
    flat = ops.reshape(x, (*x.shape[:-2], size_product(x.shape[-2:])))
    return flat[..., rows * size + columns]


def as_factor(x: Node) -> Node:
    """A matrix that is known to be a Cholesky factor."""
    return ops.assume(x, lower_triangular=True, positive_diagonal=True)


def gram(factor: Node) -> Node:
    """The matrix with this Cholesky factor."""
    return factor @ ops.matrix_transpose(factor)


def correlation_factor(partial: Node, rest: Node, heights: Node) -> Node:
    """The Cholesky factor of correlations from strictly lower triangular matrices: the partial
    correlations t, and s = sqrt(1 - t^2), which is 1 elsewhere; and the logarithms of the diagonal,
    the sums of log s."""
    size = partial.shape[-1]
    left = ops.cumprod(rest[..., :-1], axis=-1)  # of each row, after each column
    left = ops.concatenate([ops.ones_like(rest[..., :1]), left], axis=-1)
    whole = ops.exp(heights)
    return as_factor(ops.where(ops.eye(size, dtype="bool"), whole[..., :, None], partial * left))


@dataclass(frozen=True, eq=False)
class CholeskyCorr(Bijector):
    """Cholesky factors of correlation matrices; see the module.

    >>> pt.bijectors.CholeskyCorr().forward(pt.zeros(1)).eval()
    array([[1., 0.],
           [0., 1.]])
    """

    event_ndim: ClassVar[int] = 2

    def unconstrained_shape(self, shape):
        return (*shape[:-2], shape[-1] * (shape[-1] - 1) // 2)

    def forward(self, u):
        size = rows_of_triangle(u.shape[-1], False)
        logs = -ops.log_cosh(u)
        heights = ops.sum(triangle(logs, size, False), axis=-1)
        partial, rest = (
            triangle(ops.tanh(u), size, False),
            triangle(ops.exp(logs), size, False, 1.0),
        )
        return correlation_factor(partial, rest, heights)

    def inverse(self, x):
        # sinh(u) is an entry divided by the length of the row after it: nothing cancels.
        squares = ops.flip(ops.square(x), -1)
        rest = ops.flip(ops.sqrt(ops.cumsum(squares, axis=-1)), -1)
        after = ops.concatenate([rest[..., 1:], ops.ones_like(rest[..., :1])], axis=-1)
        below = entries_of_triangle(x, False)
        return ops.arcsinh(below / entries_of_triangle(after, False))

    def weights(self, size):
        """The multiples of -log cosh(u) in log |dx/du|: those of its entry and of those after it in
        its row, and one for tanh(u)."""
        rows, columns = np.tril_indices(size, -1)
        return rows - columns + 1.0

    def log_jacobian(self, u):
        weights = self.weights(rows_of_triangle(u.shape[-1], False))
        return -ops.sum(weights * ops.log_cosh(u), axis=-1)


@dataclass(frozen=True, eq=False)
class Corr(CholeskyCorr):
    """Correlation matrices, by their Cholesky factors.

    >>> pt.bijectors.Corr().forward(pt.zeros(1)).eval()
    array([[1., 0.],
           [0., 1.]])
    """

    def forward(self, u):
        return gram(super().forward(u))

    def inverse(self, x):
        return super().inverse(ops.cholesky(x))

    def weights(self, size):
        # The derivative of the entries by those of the factor is prod L[k, k]^(n - 1 - k).
        return float(size) - np.tril_indices(size, -1)[1]


@dataclass(frozen=True, eq=False)
class CholeskyCov(Bijector):
    """Lower triangular matrices with a positive diagonal, exp(u), and any entries u below it.

    >>> pt.bijectors.CholeskyCov().forward(pt.zeros(3)).eval()
    array([[1., 0.],
           [0., 1.]])
    """

    event_ndim: ClassVar[int] = 2

    def unconstrained_shape(self, shape):
        return (*shape[:-2], shape[-1] * (shape[-1] + 1) // 2)

    def heights(self, u):
        """The logarithm of the diagonal."""
        size = np.arange(rows_of_triangle(u.shape[-1], True))
        return u[..., size * (size + 3) // 2]

    def forward(self, u):
        size = rows_of_triangle(u.shape[-1], True)
        on_diagonal = ops.eye(size, dtype="bool")
        lengths = ops.exp(self.heights(u))[..., :, None]
        return as_factor(ops.where(on_diagonal, lengths, triangle(u, size, True)))

    def inverse(self, x):
        rows, columns = np.tril_indices(x.shape[-1])
        found, on_diagonal = entries_of_triangle(x, True), rows == columns
        logs = ops.log(ops.where(on_diagonal, found, 1.0))
        return ops.where(on_diagonal, logs, found)

    def log_jacobian(self, u):
        return ops.sum(self.heights(u), axis=-1)


@dataclass(frozen=True, eq=False)
class Cov(CholeskyCov):
    """Symmetric positive definite matrices, by their Cholesky factors.

    >>> pt.bijectors.Cov().forward(pt.zeros(3)).eval()
    array([[1., 0.],
           [0., 1.]])
    """

    def forward(self, u):
        return gram(super().forward(u))

    def inverse(self, x):
        return super().inverse(ops.cholesky(x))

    def log_jacobian(self, u):
        # The derivative of the entries by those of the factor is 2^n prod L[k, k]^(n - k).
        size = rows_of_triangle(u.shape[-1], True)
        weights = size + 1.0 - np.arange(size)
        return ops.sum(weights * self.heights(u), axis=-1) + size * math.log(2)


@dataclass(frozen=True, eq=False)
class RowStochastic(LogRatio):
    """Matrices whose rows are points of the simplex, each by `LogRatio`.

    >>> pt.bijectors.RowStochastic().forward(pt.zeros((1, 1))).eval()
    array([[0.5, 0.5]])
    """

    event_ndim: ClassVar[int] = 2

    def log_jacobian(self, u):
        return ops.sum(super().log_jacobian(u), axis=-1)


@dataclass(frozen=True, eq=False)
class ColumnStochastic(LogRatio):
    """Matrices whose columns are points of the simplex, each by `LogRatio`.

    >>> pt.bijectors.ColumnStochastic().forward(pt.zeros((1, 1))).eval()
    array([[0.5],
           [0.5]])
    """

    event_ndim: ClassVar[int] = 2

    def unconstrained_shape(self, shape):
        return (*shape[:-2], shape[-1], shape[-2] - 1)

    def forward(self, u):
        return ops.matrix_transpose(super().forward(u))

    def inverse(self, x):
        return super().inverse(ops.matrix_transpose(x))

    def log_jacobian(self, u):
        return ops.sum(super().log_jacobian(u), axis=-1)
