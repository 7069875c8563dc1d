"""Gaussian processes of exact covariance matrices."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass, field
from probtensor.gp.covariance import Covariance, as_covariance, as_inputs
from probtensor.gp.means import Mean, mean_at
from probtensor.graph.node import Const, GraphError, Node, TensorLike
from probtensor.graph.symbolic import refusal
from probtensor.prob.distributions.base import (
    check_values,
    deterministic,
    random_variable,
    to_tensor,
)
from probtensor.prob.distributions.multivariate.normals import MultivariateNormal
from probtensor.prob.distributions.support import NONNEGATIVE
from probtensor.prob.random import normal
from probtensor.types import shape_text

Noise = TensorLike | Covariance | None
JITTER = {"float64": 1e-8, "float32": 1e-4, "float16": 1e-4}


@dataclass(frozen=True, eq=False)
class Process:
    """What all processes have: a mean, a covariance function, and a jitter."""

    cov: Covariance
    mean: TensorLike | Mean = 0.0
    jitter: float | None = field(default=None, kw_only=True)

    def covariance(self, x: Node, noise: Noise = None) -> Node:
        """The covariance matrix at inputs with noise and jitter."""
        matrix = as_covariance(self.cov).matrix(x, x, True)
        if isinstance(noise, Covariance):
            matrix = matrix + noise.matrix(x, x, True)
        elif noise is not None:
            return with_diagonal(matrix, self.small(x) + noise_variance(noise, x))
        return with_diagonal(matrix, self.small(x))

    def small(self, x: Node) -> Node:
        """What is added to the diagonal, so that rounding leaves the matrix positive definite."""
        share = JITTER[x.dtype] if self.jitter is None else self.jitter
        variances = as_covariance(self.cov).variances(x)
        return share * ops.mean(variances)

    def at(self, x: Node) -> Node:
        """The mean at inputs."""
        return mean_at(self.mean, x)


@public(name="gp.GP")
@dataclass(frozen=True, eq=False)
class GP(Process):
    """The Gaussian process of a covariance function and a mean.

    cov     a covariance function, as `pt.gp.exp_quad(...)`
    mean    a number, or a function of inputs of the shape (N, D) that gives (N,)
    jitter  this share of the mean variance is added to the diagonal of covariance matrices; None
            is 1e-8, and 1e-4 in single precision

    Its methods take inputs of the shape (N, D), or (N,) for one coordinate, which may be arrays,
    `pt.data` or random tensors. Processes are added by `+`. Raises GraphError, a TypeError, for
    shapes that do not fit together.

    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", chapter 2.

        >>> x = np.linspace(0, 1, 5)
        >>> gp = pt.gp.GP(pt.gp.matern52(lengthscale=0.3))
        >>> y = gp.marginal("y", x, noise=0.1)
        >>> pt.condition({y: np.sin(x)}).dim
        0
    """

    @public(name="GP.prior")
    def prior(self, name: str, X: TensorLike, *, dims=None) -> Node:
        """The values of the process at inputs as part of a model: mean + L @ z, where L is the
        Cholesky factor of their covariance, and z are standard normal variables `{name}_z`.

        Returns a tensor of the shape (N,), a `pt.deterministic` of that name.

            >>> f = pt.gp.GP(pt.gp.exp_quad()).prior("f", [0.0, 1.0, 2.0])
            >>> pt.draw(f, draws=4, seed=1).shape
            (4, 3)
        """
        x = as_inputs(X, "X")
        z = normal(0.0, 1.0, shape=(x.shape[0],), name=part_name(name, "z"))
        factor = ops.cholesky(self.covariance(x))
        return deterministic(self.at(x) + factor @ z.astype(x.dtype), name, dims)

    @public(name="GP.marginal")
    def marginal(self, name: str, X: TensorLike, noise: Noise = None, *, dims=None) -> Node:
        """The values of the process at inputs plus noise, as one random variable, which may be
        observed: the values of the process themselves are integrated out.

        noise  the standard deviation of the noise, a number or one for each input; or a covariance
               function of it; None for no noise

        Returns a random variable of the shape (N,), a multivariate normal.

            >>> y = pt.gp.GP(pt.gp.exp_quad()).marginal("y", [0.0, 1.0], noise=0.5)
            >>> pt.draw(y, draws=4, seed=1).shape
            (4, 2)
        """
        x = as_inputs(X, "X")
        factor = ops.cholesky(self.covariance(x, noise))
        return random_variable(MultivariateNormal(), (self.at(x), factor), name=name, dims=dims)

    @public(name="GP.predict")
    def predict(
        self,
        X_new: TensorLike,
        X: TensorLike,
        y: TensorLike,
        noise: Noise = None,
        *,
        total: GP | None = None,
        full: bool = False,
    ) -> tuple[Node, Node]:
        """The mean and the variance of the process at new inputs, given values at others.

        X, y    inputs and values: observed data with their `noise`, as of `marginal`; or, without
                noise, what `prior` gave
        total   where y are values of a sum of processes: this sum, of which this process is a part
        full    give the covariance matrix instead of the variances

        Returns a pair of tensors: the mean, of the shape (M,), and the variances (M,) or the matrix
        (M, M).

            >>> gp = pt.gp.GP(pt.gp.exp_quad())
            >>> mean, variance = gp.predict([0.5], [0.0, 1.0], [0.0, 1.0], noise=0.1)
            >>> mean.eval().round(3), variance.eval().round(3)
            (array([0.546]), array([0.036]))
        """
        new, found = self._given(X_new, X, y, noise, total)
        mean, across = found
        cov = as_covariance(self.cov)
        if not full:
            # Rounding may leave a variance below 0.
            return mean, ops.maximum(cov.variances(new) - ops.sum(ops.square(across), axis=0), 0.0)
        return mean, cov.matrix(new, new, True) - ops.matrix_transpose(across) @ across

    @public(name="GP.conditional")
    def conditional(
        self,
        name: str,
        X_new: TensorLike,
        X: TensorLike,
        y: TensorLike,
        noise: Noise = None,
        *,
        total: GP | None = None,
        noise_new: Noise = None,
        dims=None,
    ) -> Node:
        """The values of the process at new inputs, given values at others, as a random variable:
        `pt.sample_posterior_predictive(idata, f_new)` draws it for each draw of the parameters.

        X, y, noise, total are as in `predict`; observed values are given as data. With `noise_new`,
        as `noise`, these are new observations instead.

        Returns a random variable of the shape (M,), a multivariate normal.

            >>> f = pt.gp.GP(pt.gp.exp_quad()).conditional("f", [0.5], [0.0, 1.0], [0.0, 1.0])
            >>> pt.draw(f, draws=4, seed=1).shape
            (4, 1)
        """
        mean, matrix = self.predict(X_new, X, y, noise, total=total, full=True)
        new = as_inputs(X_new, "X_new")
        own = self.small(new)
        if isinstance(noise_new, Covariance):
            matrix = matrix + noise_new.matrix(new, new, True)
        elif noise_new is not None:
            own = own + noise_variance(noise_new, new)
        factor = ops.cholesky(with_diagonal(matrix, own))
        return random_variable(MultivariateNormal(), (mean, factor), name=name, dims=dims)

    def __add__(self, other: object) -> GP:
        if not isinstance(other, GP):
            return NotImplemented
        both = self.mean, other.mean
        jitter = [g.jitter for g in (self, other) if g.jitter is not None]
        return GP(
            as_covariance(self.cov) + other.cov,
            lambda x: mean_at(both[0], x) + mean_at(both[1], x),
            jitter=max(jitter) if jitter else None,
        )

    def _given(
        self, X_new: TensorLike, X: TensorLike, y: TensorLike, noise: Noise, total: GP | None
    ) -> tuple[Node, tuple[Node, Node]]:
        """New inputs; and the mean there, and the whitened covariance with what is given."""
        new, x = as_inputs(X_new, "X_new"), as_inputs(X, "X")
        whole = self if total is None else total
        values = given_values(y, x)
        factor = ops.cholesky(whole.covariance(x, noise))
        across = as_covariance(self.cov).matrix(x, new, False)
        across = ops.solve_triangular(factor, across, lower=True)
        rest = ops.solve_triangular(factor, values - whole.at(x), lower=True)
        return new, (self.at(new) + ops.matrix_transpose(across) @ rest, across)


def part_name(name: str, part: str) -> str | None:
    """The name of a part of a process."""
    return f"{name}_{part}" if isinstance(name, str) else None


def noise_variance(noise: TensorLike, x: Node) -> Node:
    """The variance of the noise of each input, or of all."""
    sigma = to_tensor("gp: noise", noise)
    if sigma.ndim > 1:
        raise refusal(
            f"gp: noise of shape {shape_text(sigma.shape)} for inputs of shape "
            f"{shape_text(x.shape)}",
            "it is a standard deviation, one for each input, or a covariance function",
            kind=GraphError,
        )
    if isinstance(sigma.op, Const):
        check_values("gp: noise", np.asarray(sigma.op.array, float), NONNEGATIVE)
    return ops.square(sigma.astype(x.dtype) if not sigma.type.is_float else sigma)


def with_diagonal(matrix: Node, own: Node) -> Node:
    """A matrix with a number, or a vector, added to its diagonal."""
    eye = ops.eye(matrix.shape[0], dtype=matrix.dtype)
    return matrix + (own[:, None] if own.ndim else own) * eye


def given_values(y: TensorLike, x: Node) -> Node:
    """Values at inputs, a vector."""
    values = to_tensor("gp: y", y)
    sizes = [values.shape[0] if values.ndim else 1, x.shape[0]]
    known = all(isinstance(n, int) for n in sizes)
    if values.ndim != 1 or (known and sizes[0] != sizes[1]):
        raise refusal(
            f"gp: y has shape {shape_text(values.shape)}, X {shape_text(x.shape)}",
            "y is a vector with one entry for each row of X",
            kind=GraphError,
        )
    return values if values.type.is_float else values.astype(x.dtype)
