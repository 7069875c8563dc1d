"""The distributions of observed values of processes, where they are not multivariate normal with a
Cholesky factor.

Their parameters are results of other graphs, and what is not a vector of the length of the value
has sizes of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Node
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import LOG_2PI
from probtensor.prob.distributions.multivariate.factors import as_float, whitened
from probtensor.prob.distributions.multivariate.normals import LowRankMultivariateNormal
from probtensor.prob.distributions.multivariate.products import LETTERS, REAL_MATRIX
from probtensor.prob.distributions.structured import RealArray
from probtensor.prob.distributions.support import POSITIVE, REAL, REAL_VECTOR, Support
from probtensor.rules.custom import custom_vjp
from probtensor.transform.batch import vmap
from probtensor.types import Size, broadcast_shapes, size_product


@dataclass(frozen=True)
class FiniteMatrix(RealArray):
    """Matrices of numbers: not those computed from a factor that there is none of."""

    def contains(self, x):
        if isinstance(x, Node):
            return ops.all(ops.isfinite(x), axis=(-2, -1))
        return np.all(np.isfinite(x), axis=(-2, -1))

    def __str__(self) -> str:
        return "a matrix of finite numbers"


FINITE_MATRIX = FiniteMatrix(2)


class SparseNormal(LowRankMultivariateNormal):
    """The normal distribution with the covariance D + W W^T, whose density is divided by
    exp(penalty).

    Source: Titsias (2009), "Variational learning of inducing variables in sparse Gaussian
    processes", AISTATS 5:567.
    """

    name = "sparse_process"
    parameters = {**LowRankMultivariateNormal.parameters, "cov_factor": FINITE_MATRIX,
                  "penalty": REAL}  # fmt: skip
    axes = {**LowRankMultivariateNormal.axes, "penalty": ""}

    def logpdf(self, x, loc, cov_factor, cov_diag, penalty):
        return super().logpdf(x, loc, cov_factor, cov_diag) - penalty

    def sample(self, key, shape, loc, cov_factor, cov_diag, penalty):
        return super().sample(key, shape, loc, cov_factor, cov_diag)

    def mean(self, loc, cov_factor, cov_diag, penalty):
        return loc

    def variance(self, loc, cov_factor, cov_diag, penalty):
        return super().variance(loc, cov_factor, cov_diag)

    def mode(self, loc, cov_factor, cov_diag, penalty):
        return loc

    def entropy(self, loc, cov_factor, cov_diag, penalty):
        return super().entropy(loc, cov_factor, cov_diag)


def woodbury(factor: Node, variance: Node, offset: Node) -> tuple[Node, Node]:
    """The Cholesky factor L of I + W.mT @ diag(1 / variance) @ W for W = factor, and
    L^-1 @ W.mT @ (offset / variance)."""
    scaled = factor / ops.sqrt(variance)[..., None]
    product = ops.matrix_transpose(scaled) @ scaled
    inner = ops.cholesky(ops.eye(factor.shape[-1], dtype=factor.dtype) + product)
    rest = ops.sum((offset / variance)[..., None] * factor, axis=-2)
    return inner, whitened(inner, rest)


@dataclass(frozen=True)
class GridNormal(Distribution):
    """The normal distribution with the covariance K_1 (x) ... (x) K_d + variance * I.

    Its density and the first derivatives of that are functions of the eigenvalues and projections
    on eigenvectors that are finite where eigenvalues are equal.
    Source: Saatci (2012), "Scalable inference for structured Gaussian process models", 5.3.
    """

    count: int
    name: ClassVar[str] = "kronecker_process"
    smooth_draws: ClassVar[bool] = True
    over: ClassVar[Support] = REAL_VECTOR

    @property
    def parameters(self) -> Mapping[str, Support]:
        return {"mu": REAL_VECTOR, "variance": POSITIVE} | {
            f"cov_{k}": REAL_MATRIX for k in range(self.count)
        }

    @property
    def axes(self) -> Mapping[str, str]:
        own = {f"cov_{k}": 2 * LETTERS[k] for k in range(self.count)}
        return {"mu": "n", "variance": ""} | own

    def logpdf(self, x, mu, variance, *covs):
        return of_items(_log_density, (1, 0, *(2,) * len(covs)), x - mu, variance, *covs)

    def sample(self, key, shape, mu, variance, *covs):
        z = ops.draw_normal(key, element_indices(shape))
        return mu + of_items(_colour, (1, 0, *(2,) * len(covs)), z, variance, *covs)


@custom_vjp
def _colour(z: Node, variance: Node, *covs: Node) -> Node:
    """A vector with the covariance K of a grid from a standard normal one. It moves by half of
    dK @ K^-1 @ x, which gives its distribution the derivatives of that with the covariance K, and
    is finite where eigenvalues are equal."""
    return _coloured(z, variance, *covs)[0]


def _coloured(z: Node, variance: Node, *covs: Node) -> tuple[Node, tuple[Node, ...]]:
    values, vectors = spectra(covs)
    root = ops.sqrt(grid_product(values) + variance)
    return apply_on_grid(vectors, root * z), (apply_on_grid(vectors, z / root), variance, *covs)


def _pulled_colour(residuals: tuple[Node, ...], g: Node) -> tuple[Node, ...]:
    solved, _, *covs = residuals
    sizes = tuple(k.shape[0] for k in covs)
    slopes = []
    for k in range(len(covs)):
        others = apply_on_grid(covs, solved, skip=k)
        left, right = (_rows(ops.reshape(v, sizes), k) for v in (g, others))
        slopes.append(0.5 * (left @ ops.matrix_transpose(right)))
    return ops.zeros_like(g), 0.5 * ops.sum(g * solved), *slopes


_colour.defvjp(_coloured, _pulled_colour)


def of_items(function: Callable[..., Node], ranks: Sequence[int], *arguments: Node) -> Node:
    """The function of arguments of these ranks, for each item along axes before those."""
    batches = [x.shape[: x.ndim - rank] for x, rank in zip(arguments, ranks, strict=True)]
    batch = broadcast_shapes(*batches)
    if not batch:
        return function(*arguments)
    size = size_product(batch)
    flat = []
    for x, rank in zip(arguments, ranks, strict=True):
        own = x.shape[x.ndim - rank :]
        flat.append(ops.reshape(ops.broadcast_to(x, (*batch, *own)), (size, *own)))
    found = vmap(function)(*flat)
    return ops.reshape(found, (*batch, *found.shape[1:]))


def spectra(covs: Sequence[Node]) -> tuple[list[Node], list[Node]]:
    """The eigenvalues, none below 0, and eigenvectors of covariance matrices."""
    found = [ops.eigh(k) for k in covs]
    return [ops.maximum(w, 0.0) for w, _ in found], [q for _, q in found]


def grid_product(vectors: Sequence[Node]) -> Node:
    """The products of one entry of each vector, the last one changing fastest, as a vector."""
    return ops.reshape(_outer(vectors), (size_product(v.shape[0] for v in vectors),))


def _outer(vectors: Sequence[Node]) -> Node:
    axes = len(vectors)
    spread = [v[(None,) * k + (slice(None),) + (None,) * (axes - 1 - k)]
              for k, v in enumerate(vectors)]  # fmt: skip
    return reduce(ops.mul, spread)


def apply_on_grid(matrices: Sequence[Node], values: Node, skip: int | None = None) -> Node:
    """(A_1 (x) ... (x) A_d) @ values of a vector or a matrix, without the product of the factors;
    factor `skip` is the identity."""
    sizes = tuple(a.shape[1] for a in matrices)
    columns = values.shape[1:]
    table = ops.reshape(values, (*sizes, *columns))
    for k, a in enumerate(matrices):
        if k != skip:
            table = ops.moveaxis(ops.tensordot(a, table, axes=([1], [k])), 0, k)
    rows: list[Size] = [a.shape[1] if k == skip else a.shape[0] for k, a in enumerate(matrices)]
    return ops.reshape(table, (size_product(rows), *columns))


@custom_vjp
def _log_density(offset: Node, variance: Node, *covs: Node) -> Node:
    """The log density of one vector."""
    return _forward(offset, variance, *covs)[0]


def _forward(offset: Node, variance: Node, *covs: Node) -> tuple[Node, tuple[Node, ...]]:
    values, vectors = spectra(covs)
    total = grid_product(values) + variance
    turned = apply_on_grid([ops.matrix_transpose(q) for q in vectors], offset)
    size = as_float(offset.shape[0], offset)
    square = ops.sum(ops.square(turned) / total)
    density = -0.5 * (size * LOG_2PI + ops.sum(ops.log(total)) + square)
    solved = apply_on_grid(vectors, turned / total)
    return density, (solved, total, variance, *covs, *values, *vectors)


def _backward(residuals: tuple[Node, ...], g: Node) -> tuple[Node, ...]:
    """With a = K^-1 @ offset, the slope in K is (a @ a.T - K^-1) / 2, of which each factor takes
    the sum over the others."""
    solved, total, _, *rest = residuals
    count = len(rest) // 3
    covs, values, vectors = rest[:count], rest[count : 2 * count], rest[2 * count :]
    sizes = tuple(k.shape[0] for k in covs)
    slopes = []
    for k in range(count):
        others = apply_on_grid(covs, solved, skip=k)
        left, right = (_rows(ops.reshape(v, sizes), k) for v in (solved, others))
        ones = [ops.ones_like(w) if j == k else w for j, w in enumerate(values)]
        weights = ops.reshape(grid_product(ones) / total, sizes)
        weights = ops.sum(_rows(weights, k), axis=1)
        inverse = (vectors[k] * weights) @ ops.matrix_transpose(vectors[k])
        slopes.append(0.5 * g * (left @ ops.matrix_transpose(right) - inverse))
    of_variance = 0.5 * g * (ops.sum(ops.square(solved)) - ops.sum(1 / total))
    return -g * solved, of_variance, *slopes


def _rows(table: Node, axis: int) -> Node:
    """A table as a matrix with a row for each index along an axis."""
    moved = ops.moveaxis(table, axis, 0)
    return ops.reshape(moved, (table.shape[axis], size_product(moved.shape[1:])))


_log_density.defvjp(_forward, _backward)
