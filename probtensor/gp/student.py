"""Student-t processes."""

from __future__ import annotations

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass, field
from probtensor.gp.covariance import as_inputs, parameter
from probtensor.gp.process import GP, Noise, Process, given_values, part_name, with_diagonal
from probtensor.graph.node import Node, TensorLike
from probtensor.prob.distributions.base import deterministic, random_variable
from probtensor.prob.distributions.multivariate.normals import MultivariateStudentT
from probtensor.prob.distributions.support import POSITIVE
from probtensor.prob.random import chi_squared, normal


@public(name="gp.TP")
@dataclass(frozen=True, eq=False)
class TP(Process):
    """The Student-t process with `nu` degrees of freedom: its values at any inputs have the
    multivariate t distribution with the scale matrix cov(X) and the location mean(X).

    nu      a positive number; the variance is nu / (nu - 2) times cov, for nu > 2
    cov, mean, jitter are as of `pt.gp.GP`. Raises GraphError, a TypeError, for shapes that do not
    fit together, ValueError for a literal nu that is not above 0.

    Source: Shah, Wilson and Ghahramani (2014), "Student-t processes as alternatives to Gaussian
    processes", AISTATS 33:877 (whose cov is the covariance matrix).

        >>> y = pt.gp.TP(pt.gp.exp_quad(), nu=4.0).marginal("y", [0.0, 1.0], noise=0.5)
        >>> pt.draw(y, draws=4, seed=1).shape
        (4, 2)
    """

    nu: TensorLike = field(kw_only=True)

    def __post_init__(self) -> None:
        self._nu()

    @public(name="TP.prior")
    def prior(self, name: str, X: TensorLike, *, dims=None) -> Node:
        """The values of the process at inputs as part of a model: mean + L @ z * sqrt(nu / c), with
        standard normal variables `{name}_z` and a chi-squared one `{name}_chi2`.

        Returns a tensor of the shape (N,), a `pt.deterministic` of that name.

            >>> f = pt.gp.TP(pt.gp.exp_quad(), nu=5.0).prior("f", [0.0, 1.0, 2.0])
            >>> pt.draw(f, draws=4, seed=1).shape
            (4, 3)
        """
        x = as_inputs(X, "X")
        z = normal(0.0, 1.0, shape=(x.shape[0],), name=part_name(name, "z"))
        c = chi_squared(self._nu(), name=part_name(name, "chi2"))
        spread = ops.sqrt(self._nu() / c)
        factor = ops.cholesky(self.covariance(x))
        return deterministic(self.at(x) + spread * (factor @ z.astype(x.dtype)), name, dims)

    @public(name="TP.marginal")
    def marginal(self, name: str, X: TensorLike, noise: Noise = None, *, dims=None) -> Node:
        """The values of the process at inputs as one random variable, which may be observed; noise
        is a part of the scale matrix, as in `GP.marginal`.

        Returns a random variable of the shape (N,), a multivariate t.

            >>> y = pt.gp.TP(pt.gp.exp_quad(), nu=5.0).marginal("y", [0.0, 1.0])
            >>> pt.draw(y, draws=4, seed=1).shape
            (4, 2)
        """
        x = as_inputs(X, "X")
        factor = ops.cholesky(self.covariance(x, noise))
        given = (self._nu(), self.at(x), factor)
        return random_variable(MultivariateStudentT(), given, name=name, dims=dims)

    @public(name="TP.conditional")
    def conditional(
        self,
        name: str,
        X_new: TensorLike,
        X: TensorLike,
        y: TensorLike,
        noise: Noise = None,
        *,
        dims=None,
    ) -> Node:
        """The values of the process at new inputs, given values at others, as a random variable;
        the arguments are those of `GP.conditional`.

        Returns a random variable of the shape (M,), a multivariate t with nu + N degrees of
        freedom.

            >>> f = pt.gp.TP(pt.gp.exp_quad(), nu=5.0).conditional("f", [0.5], [0.0], [0.0])
            >>> pt.draw(f, draws=4, seed=1).shape
            (4, 1)
        """
        x, new = as_inputs(X, "X"), as_inputs(X_new, "X_new")
        nu, values = self._nu(), given_values(y, x)
        inner = GP(self.cov, self.mean, jitter=self.jitter)
        mean, matrix = inner.predict(X_new, X, y, noise, full=True)
        factor = ops.cholesky(self.covariance(x, noise))
        rest = ops.solve_triangular(factor, values - self.at(x), lower=True)
        total = nu + x.shape[0]
        scale = ops.sqrt((nu + ops.sum(ops.square(rest))) / total)
        own = scale * ops.cholesky(with_diagonal(matrix, self.small(new)))
        return random_variable(MultivariateStudentT(), (total, mean, own), name=name, dims=dims)

    def _nu(self) -> Node:
        return parameter("nu of TP", self.nu, 0, POSITIVE)
