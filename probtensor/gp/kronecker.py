"""Gaussian processes on grids."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass, field
from probtensor.gp.covariance import Covariance, as_covariance, as_inputs
from probtensor.gp.densities import (
    GridNormal,
    apply_on_grid,
    grid_product,
    spectra,
)
from probtensor.gp.means import Mean, mean_at
from probtensor.gp.process import JITTER, given_values, noise_variance, part_name, with_diagonal
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.prob.distributions.base import deterministic, random_variable
from probtensor.prob.distributions.multivariate.normals import MultivariateNormal
from probtensor.prob.random import normal
from probtensor.types import size_product


@public(name="gp.KroneckerGP")
@dataclass(frozen=True, eq=False)
class KroneckerGP:
    """The exact Gaussian process on a grid, whose covariance function is a product of `covs`, one
    for each axis of the grid. For n points along each of d axes the cost is that of d * n**3 rather
    than n**(3 d) operations.

    covs    covariance functions, one an axis
    mean    a number, or a function of inputs of the shape (N, D)
    jitter  as of `pt.gp.GP`

    Methods take `Xs`, a list of the points along each axis, of the shape (n, D) or (n,). Values are
    vectors of N = n_1 * ... * n_d entries, for all combinations of points, the last axis changing
    fastest. Raises GraphError, a TypeError, for shapes that do not fit together.

    Source: Saatci (2012), "Scalable inference for structured Gaussian process models", chapter 5.

        >>> gp = pt.gp.KroneckerGP([pt.gp.exp_quad(), pt.gp.matern32()])
        >>> y = gp.marginal("y", [[0.0, 1.0], [0.0, 1.0, 2.0]], noise=0.1)
        >>> pt.draw(y, draws=4, seed=1).shape
        (4, 6)
    """

    covs: Sequence[Covariance]
    mean: TensorLike | Mean = 0.0
    jitter: float | None = field(default=None, kw_only=True)

    @public(name="KroneckerGP.prior")
    def prior(self, name: str, Xs: Sequence[TensorLike], *, dims=None) -> Node:
        """The values of the process on a grid as part of a model: mean + (L_1 (x) ... (x) L_d) @ z
        with standard normal variables `{name}_z`.

        Returns a tensor of the shape (N,), a `pt.deterministic` of that name.

            >>> gp = pt.gp.KroneckerGP([pt.gp.exp_quad(), pt.gp.matern32()])
            >>> gp.prior("f", [[0.0, 1.0], [0.0, 1.0, 2.0]]).shape
            (6,)
        """
        xs, covs = self._axes(Xs)
        small = [self._share(k) * ops.mean(ops.diagonal(k)) for k in covs]
        factors = [ops.cholesky(with_diagonal(k, s)) for k, s in zip(covs, small, strict=True)]
        size = size_product(x.shape[0] for x in xs)
        z = normal(0.0, 1.0, shape=(size,), name=part_name(name, "z"))
        values = apply_on_grid(factors, z.astype(covs[0].dtype))
        return deterministic(mean_at(self.mean, combinations(xs)) + values, name, dims)

    @public(name="KroneckerGP.marginal")
    def marginal(
        self, name: str, Xs: Sequence[TensorLike], noise: TensorLike, *, dims=None
    ) -> Node:
        """The values of the process on a grid plus noise as one random variable, which may be
        observed. `noise` is the standard deviation of the noise, a number.

        Returns a random variable of the shape (N,).

            >>> gp = pt.gp.KroneckerGP([pt.gp.exp_quad(), pt.gp.matern32()])
            >>> gp.marginal("y", [[0.0, 1.0], [0.0, 1.0, 2.0]], noise=0.1).shape
            (6,)
        """
        xs, covs = self._axes(Xs)
        given = (mean_at(self.mean, combinations(xs)), self._variance(covs, noise), *covs)
        return random_variable(GridNormal(len(covs)), given, name=name, dims=dims)

    @public(name="KroneckerGP.predict")
    def predict(
        self,
        X_new: TensorLike,
        Xs: Sequence[TensorLike],
        y: TensorLike,
        noise: TensorLike | None = None,
        *,
        full: bool = False,
    ) -> tuple[Node, Node]:
        """The mean and the variance of the process at new inputs, whose coordinates are those of
        all axes side by side, given values on a grid (with their `noise`, if they have any).

        Returns a pair of tensors: the mean, of the shape (M,), and the variances (M,) or, if
        `full`, the covariance matrix (M, M).

            >>> gp = pt.gp.KroneckerGP([pt.gp.exp_quad(), pt.gp.linear()])
            >>> mean, _ = gp.predict([[0.5, 1.0]], [[0.0, 1.0], [1.0]], [0.0, 1.0], 0.1)
            >>> mean.eval().round(3)
            array([0.546])
        """
        xs, covs = self._axes(Xs)
        new, parts = self._new(X_new, xs)
        grid = combinations(xs)
        values, vectors = spectra(covs)
        total = grid_product(values) + self._variance(covs, noise)
        turned = [ops.matrix_transpose(q) for q in vectors]
        across = self._across(xs, parts)
        across = apply_on_grid(turned, across) / ops.sqrt(total)[:, None]
        offset = given_values(y, grid) - mean_at(self.mean, grid)
        rest = apply_on_grid(turned, offset) / ops.sqrt(total)
        mean = mean_at(self.mean, new) + rest @ across
        own = [as_covariance(k) for k in self.covs]
        if full:
            matrix = _product([k.matrix(p, p, True) for k, p in zip(own, parts, strict=True)])
            return mean, matrix - ops.matrix_transpose(across) @ across
        prior = _product([k.variances(p) for k, p in zip(own, parts, strict=True)])
        return mean, ops.maximum(prior - ops.sum(ops.square(across), axis=0), 0.0)

    @public(name="KroneckerGP.conditional")
    def conditional(
        self,
        name: str,
        X_new: TensorLike,
        Xs: Sequence[TensorLike],
        y: TensorLike,
        noise: TensorLike | None = None,
        *,
        dims=None,
    ) -> Node:
        """The values of the process at new inputs given values on a grid, as a random variable,
        with the arguments of `predict`.

        Returns a random variable of the shape (M,), a multivariate normal.

            >>> gp = pt.gp.KroneckerGP([pt.gp.exp_quad(), pt.gp.linear()])
            >>> gp.conditional("f", [[0.5, 1.0]], [[0.0, 1.0], [1.0]], [0.0, 1.0], 0.1).shape
            (1,)
        """
        mean, matrix = self.predict(X_new, Xs, y, noise, full=True)
        _, parts = self._new(X_new, self._axes(Xs)[0])
        scale = _product(
            [as_covariance(k).variances(p) for k, p in zip(self.covs, parts, strict=True)]
        )
        factor = ops.cholesky(with_diagonal(matrix, self._share(matrix) * ops.mean(scale)))
        return random_variable(MultivariateNormal(), (mean, factor), name=name, dims=dims)

    def _share(self, like: Node) -> float:
        return JITTER[like.dtype] if self.jitter is None else self.jitter

    def _axes(self, Xs: Sequence[TensorLike]) -> tuple[list[Node], list[Node]]:
        """The points along each axis, and their covariance matrices."""
        single = isinstance(Xs, Node) or not isinstance(Xs, Sequence)
        if single or len(Xs) != len(self.covs) or not len(Xs):
            count = "a tensor" if single else f"{len(Xs)} arrays"
            raise refusal(
                f"KroneckerGP: Xs is {count}, and there are {len(self.covs)} covariance functions",
                "Xs is a list with the points along each axis of the grid",
                kind=GraphError,
            )
        xs = [as_inputs(x, f"Xs[{k}]") for k, x in enumerate(Xs)]
        return xs, [as_covariance(k).matrix(x, x, True) for k, x in zip(self.covs, xs)]

    def _variance(self, covs: Sequence[Node], noise: TensorLike | None) -> Node:
        """The variance of noise and jitter."""
        means = _product([ops.mean(ops.diagonal(k)) for k in covs])
        small = self._share(covs[0]) * means
        if noise is None:
            return small
        if as_tensor(noise).ndim:
            raise refusal("KroneckerGP: noise is a number", kind=GraphError)
        return small + noise_variance(noise, covs[0])

    def _new(self, X_new: TensorLike, xs: Sequence[Node]) -> tuple[Node, list[Node]]:
        """New inputs, and their coordinates of each axis."""
        new = as_inputs(X_new, "X_new")
        counts = [x.shape[1] for x in xs]
        if not all(isinstance(n, int) for n in (*counts, new.shape[1])) or (
            sum(counts) != new.shape[1]
        ):
            raise refusal(
                f"KroneckerGP: X_new has {new.shape[1]} coordinates, the axes of the grid {counts}",
                kind=GraphError,
            )
        stops = [sum(counts[: k + 1]) for k in range(len(counts))]
        return new, [new[:, b - n : b] for n, b in zip(counts, stops, strict=True)]

    def _across(self, xs: Sequence[Node], parts: Sequence[Node]) -> Node:
        """The covariances of all points of the grid with new inputs, of the shape (N, M)."""
        total = None
        for k, x, new in zip(self.covs, xs, parts, strict=True):
            found = as_covariance(k).matrix(x, new, False)
            if total is not None:
                found = total[:, None, :] * found[None, :, :]
                found = ops.reshape(found, (size_product(found.shape[:2]), found.shape[2]))
            total = found
        return total


def combinations(xs: Sequence[Node]) -> Node:
    """All combinations of rows side by side, the last ones changing fastest."""
    total = xs[0]
    for x in xs[1:]:
        left = ops.repeat(total, x.shape[0], axis=0)
        right = ops.tile(x, (total.shape[0], 1))
        total = ops.concatenate([left, right], axis=1)
    return total


def _product(parts: Sequence[Node]) -> Node:
    total = parts[0]
    for part in parts[1:]:
        total = total * part
    return total
