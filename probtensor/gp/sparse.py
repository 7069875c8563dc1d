"""Gaussian processes approximated by inducing points."""

from __future__ import annotations

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass, field
from probtensor.gp.covariance import as_covariance, as_inputs
from probtensor.gp.densities import SparseNormal, woodbury
from probtensor.gp.process import Process, given_values, noise_variance, with_diagonal
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.prob.distributions.base import random_variable
from probtensor.prob.distributions.multivariate.normals import MultivariateNormal

APPROXIMATIONS = ("vfe", "fitc", "dtc")


@public(name="gp.SparseGP")
@dataclass(frozen=True, eq=False)
class SparseGP(Process):
    """A Gaussian process whose values at inputs X follow from those at M inducing points: the cost
    is that of N * M**2 operations.

    approx  "vfe": the variational bound of Titsias, whose density is a lower bound of the exact
            one; "fitc": independent remainders with the exact variances; "dtc": no remainders
    cov, mean, jitter are as of `pt.gp.GP`. Raises GraphError, a TypeError, for shapes that do not
    fit together and for another approximation.

    Source: Quinonero-Candela and Rasmussen (2005), "A unifying view of sparse approximate Gaussian
    process regression", JMLR 6:1939; Titsias (2009), AISTATS 5:567.

        >>> x = np.linspace(0, 1, 50)
        >>> gp = pt.gp.SparseGP(pt.gp.exp_quad(0.3))
        >>> y = gp.marginal("y", x, x[::10], noise=0.1)
        >>> pt.draw(y, draws=4, seed=1).shape
        (4, 50)
    """

    approx: str = field(default="vfe", kw_only=True)

    def __post_init__(self) -> None:
        if self.approx not in APPROXIMATIONS:
            raise refusal(
                f"SparseGP: approx={self.approx!r:.60}",
                f"it is one of {', '.join(APPROXIMATIONS)}",
                kind=GraphError,
            )

    @public(name="SparseGP.marginal")
    def marginal(
        self, name: str, X: TensorLike, Xu: TensorLike, noise: TensorLike, *, dims=None
    ) -> Node:
        """The values of the process at inputs X plus noise as one random variable, which may be
        observed.

        Xu     inducing points, shape (M, D) or (M,)
        noise  the standard deviation of the noise, a number or one for each input

        Returns a random variable of the shape (N,).

            >>> gp = pt.gp.SparseGP(pt.gp.exp_quad(), approx="fitc")
            >>> gp.marginal("y", [0.0, 0.5, 1.0], [0.0, 1.0], noise=0.1).shape
            (3,)
        """
        x = as_inputs(X, "X")
        factor, variance, lost = self._parts(x, as_inputs(Xu, "Xu"), noise)
        penalty = as_tensor(0.0)
        if self.approx == "vfe":
            penalty = 0.5 * ops.sum(lost / variance)
        given = (self.at(x), factor, variance, penalty)
        return random_variable(SparseNormal(), given, name=name, dims=dims)

    @public(name="SparseGP.predict")
    def predict(
        self,
        X_new: TensorLike,
        X: TensorLike,
        y: TensorLike,
        Xu: TensorLike,
        noise: TensorLike,
        *,
        full: bool = False,
    ) -> tuple[Node, Node]:
        """The mean and the variance of the process at new inputs given observations, with the
        arguments of `marginal` and observed values y.

        Returns a pair of tensors: the mean, of the shape (M,), and the variances (M,) or, if
        `full`, the covariance matrix (M, M).

            >>> gp = pt.gp.SparseGP(pt.gp.exp_quad())
            >>> gp.predict([0.5], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0], 0.1)[0].eval().round(3)
            array([0.546])
        """
        x, new, u = as_inputs(X, "X"), as_inputs(X_new, "X_new"), as_inputs(Xu, "Xu")
        factor, variance, _ = self._parts(x, u, noise)
        inner, rest = woodbury(factor, variance, given_values(y, x) - self.at(x))
        cov = as_covariance(self.cov)
        across = cov.matrix(u, new, False)
        across = ops.solve_triangular(ops.cholesky(self.covariance(u)), across, lower=True)
        known = ops.solve_triangular(inner, across, lower=True)
        mean = self.at(new) + rest @ known
        if full:
            matrix = cov.matrix(new, new, True) - ops.matrix_transpose(across) @ across
            return mean, matrix + ops.matrix_transpose(known) @ known
        lost = ops.sum(ops.square(across), axis=0) - ops.sum(ops.square(known), axis=0)
        return mean, ops.maximum(cov.variances(new) - lost, 0.0)

    @public(name="SparseGP.conditional")
    def conditional(
        self,
        name: str,
        X_new: TensorLike,
        X: TensorLike,
        y: TensorLike,
        Xu: TensorLike,
        noise: TensorLike,
        *,
        dims=None,
    ) -> Node:
        """The values of the process at new inputs given observations as a random variable, with the
        arguments of `predict`.

        Returns a random variable of the shape (M,), a multivariate normal.

            >>> gp = pt.gp.SparseGP(pt.gp.exp_quad())
            >>> gp.conditional("f", [0.5], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0], 0.1).shape
            (1,)
        """
        mean, matrix = self.predict(X_new, X, y, Xu, noise, full=True)
        factor = ops.cholesky(with_diagonal(matrix, self.small(as_inputs(X_new, "X_new"))))
        return random_variable(MultivariateNormal(), (mean, factor), name=name, dims=dims)

    def _parts(self, x: Node, u: Node, noise: TensorLike) -> tuple[Node, Node, Node]:
        """W with cov(X, u) cov(u)^-1 cov(u, X) = W @ W.mT, the variances of what remains, and the
        variances that W lacks."""
        cov = as_covariance(self.cov)
        found = ops.cholesky(self.covariance(u))
        factor = ops.solve_triangular(found, cov.matrix(u, x, False), lower=True)
        factor = ops.matrix_transpose(factor)
        lost = ops.maximum(cov.variances(x) - ops.sum(ops.square(factor), axis=1), 0.0)
        variance = ops.broadcast_to(noise_variance(noise, x), (x.shape[0],))
        return factor, variance + lost if self.approx == "fitc" else variance, lost
