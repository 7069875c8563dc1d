"""Random walks: sums of independent innovations that begin at a random value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node, as_tensor
from probtensor.graph.node import TensorLike
from probtensor.prob.distributions.base import random_variable
from probtensor.prob.distributions.continuous.real import Normal
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.multivariate.normals import (
    MultivariateNormal,
    MultivariateStudentT,
)
from probtensor.prob.distributions.parameters import variable_text
from probtensor.prob.distributions.pathwise import drawn
from probtensor.prob.distributions.processes.held import Held, absorbed_from, with_batch
from probtensor.prob.distributions.processes.lengths import Series, length_of, over_time
from probtensor.prob.distributions.processes.parts import SeriesSupport
from probtensor.prob.distributions.processes.vectors import factor_of
from probtensor.types import Size

Dims = str | tuple[str, ...] | list[str] | None
FIRST_SCALE = 100.0  # the standard deviation of a first value of which nothing is said
FIRST_VECTOR_SCALE = 10.0  # that of the entries of a first vector


@dataclass(frozen=True)
class RandomWalk(Series):
    """x[0] by `init`, and x[t] - x[t - 1] by `innovation`, all independent."""

    init: Distribution
    innovation: Distribution

    name = "random_walk"
    holds: ClassVar = {"innovation": "innovation_dist.", "init": "init_dist."}

    @property
    def inner(self) -> int:
        return self.innovation.event_ndim

    @property
    def over(self) -> SeriesSupport:
        return self._support(self.init.over, self.innovation.over)

    def _support(self, first, later):
        return SeriesSupport(
            first, later, 1, True, 1 + self.inner, discrete=self.innovation.discrete
        )

    def support(self, *parameters):
        _, later, first = self._over_time(parameters)
        return self._support(self.init.support(*first), self.innovation.support(*later))

    def _over_time(self, parameters):
        own, later, first = self.split(parameters)
        later = over_time(later, self.innovation.parameters)
        return own, later, over_time(first, self.init.parameters)

    def inner_shape(self, *types):
        _, later, _ = self.split(types)
        return self.innovation.event_shape(*later) if self.inner else ()

    def logpdf(self, x, *parameters):
        _, later, first = self._over_time(parameters)
        start, moves = self.over.split(x)
        return ops.sum(self.init.logpdf(start, *first), axis=-1) + ops.sum(
            self.innovation.logpdf(moves, *later), axis=-1
        )

    def sample(self, key, shape, *parameters):
        _, later, first = self._over_time(parameters)
        batch, inner = self.batch_of(shape), tuple(shape[len(shape) - self.inner :])
        inner = inner if self.inner else ()
        found = []
        for k, (part, own, count) in enumerate(
            ((self.init, first, 1), (self.innovation, later, self.length - 1))
        ):
            whole = (*batch, count, *inner)
            values = drawn(part, ops.key_fold(key, k), whole, *own)
            found.append(ops.broadcast_to(values, whole))
        return ops.cumsum(self.joined(*found), axis=-1 - self.inner)

    def _moments(self, what, parameters):
        """The moment of the first value plus t times that of an innovation."""
        _, later, first = self._over_time(parameters)
        start = getattr(self.init, what)(*first)
        move = getattr(self.innovation, what)(*later)
        times = ops.arange(self.length).astype(move.dtype)
        if self.inner:
            times = times[:, None]
            start, move = (x if x.ndim > 1 else x[None] for x in (start, move))
        return start + ops.where(times > 0, times * move, 0.0)  # also where a move has none

    def mean(self, *parameters):
        return self._moments("mean", parameters)

    def variance(self, *parameters):
        return self._moments("variance", parameters)


@dataclass(frozen=True)
class GaussianRandomWalk(RandomWalk):
    """A walk with normal innovations."""

    name = "gaussian_random_walk"
    holds: ClassVar = {"innovation": "", "init": "init_dist."}


@dataclass(frozen=True)
class MvGaussianRandomWalk(RandomWalk):
    """A walk of vectors with normal innovations."""

    name = "mv_gaussian_random_walk"
    holds: ClassVar = {"innovation": "", "init": "init_dist."}


@dataclass(frozen=True)
class MvStudentTRandomWalk(RandomWalk):
    """A walk of vectors with innovations by Student's t distribution."""

    name = "mv_student_t_random_walk"
    holds: ClassVar = {"innovation": "", "init": "init_dist."}


def _walk(
    kind: type[RandomWalk],
    innovation: Held,
    init_dist: Node | None,
    steps: Size | None,
    shape: Size | Sequence[Size] | None,
    name: str | None,
    dims: Dims,
    innovation_dist: Node | None = None,
) -> Node:
    """The variable of a walk whose innovations are known, those of `innovation_dist` if given."""
    what = variable_text(kind.name, name)
    law, parameters = innovation
    if init_dist is None:
        first, start = _first(innovation)
    else:
        first, start = with_batch(init_dist, f"init_dist of {what}")
    if (first.event_ndim, first.discrete) != (law.event_ndim, law.discrete):
        raise GraphError(
            f"{what}: {first.name} as its first value does not fit innovations by {law.name}\n"
            f"  at {line_text()}\n  both are of numbers or of vectors, whole ones or real ones"
        )
    if first.indexes or law.indexes or law.event_ndim > 1:
        wrong = (first if first.indexes else law).name
        raise GraphError(
            f"{what}: values of {wrong} cannot be added up\n  at {line_text()}\n"
            "  give distributions of numbers or of vectors"
        )
    length = length_of(what, 1, law.event_ndim, steps, shape, dims)
    distribution = kind(length, first, law, absorbed=absorbed_from(innovation_dist, init_dist))
    return random_variable(distribution, (*parameters, *start), shape, name, dims)


def _first(innovation: Held) -> Held:
    """The wide distribution of a first value of which nothing is said."""
    law, parameters = innovation
    if law.discrete:
        raise GraphError(
            f"random_walk: a walk of whole numbers needs init_dist=\n  at {line_text()}"
        )
    if not law.event_ndim:
        return Normal(), (0.0, FIRST_SCALE)
    nodes = [as_tensor(x) for x in parameters]
    (size,) = law.event_shape(*(x.type for x in nodes))
    dtype = nodes[0].dtype
    mean = ops.zeros((size,), dtype=dtype)
    return MultivariateNormal(), (mean, FIRST_VECTOR_SCALE * ops.eye(size, dtype=dtype))


@public
def random_walk(init_dist: Node, innovation_dist: Node, steps: Size | None = None, *,
                shape=None, name: str | None = None, dims: Dims = None) -> Node:  # fmt: skip
    """A walk that begins at a value of `init_dist`, to which an independent value of
    `innovation_dist` is added in each of `steps` steps.

    init_dist        a random variable without a name, such as `pt.random.normal(0, 10)`; its batch
                     and that of `innovation_dist` broadcast to the batch of the walk
    innovation_dist  the same of the differences; both of numbers, or both of vectors
    steps            the number of steps; the length is steps + 1. Else `shape` or `dims` give it

    Time is the last axis, or before the axis of vectors. Innovations may be whole numbers, and
    positive ones make an increasing walk.

    Support: what begins in the support of `init_dist`, with differences in that of the innovations.
    Mean: mean(init_dist) + t * mean(innovation_dist) at time t = 0, 1, ....
    Variance: variance(init_dist) + t * variance(innovation_dist).
    Source: Feller (1968), "An Introduction to Probability Theory and Its Applications", vol. 1,
    ch. 14.
    Returns a random variable, a float tensor (int64 for whole numbers). Raises GraphError for what
    is no distribution without a name, for two that do not fit, and where nothing gives the length.

        >>> steps = pt.random.student_t(4, 0, 0.1)
        >>> x = pt.random.random_walk(pt.random.normal(0, 1), steps, steps=9)
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 10)
    """
    what = variable_text("random_walk", name)
    innovation = with_batch(innovation_dist, f"innovation_dist of {what}")
    with_batch(init_dist, f"init_dist of {what}")
    return _walk(RandomWalk, innovation, init_dist, steps, shape, name, dims, innovation_dist)


@public
def gaussian_random_walk(mu: TensorLike = 0.0, sigma: TensorLike = 1.0, *,
                         init_dist: Node | None = None, steps: Size | None = None,
                         shape=None, name: str | None = None,
                         dims: Dims = None) -> Node:  # fmt: skip
    """A random walk with normal innovations of mean `mu` and standard deviation `sigma`.

    init_dist  the distribution of the first value, a random variable without a name:
               normal(0, 100) if it is not given
    steps      the number of steps; the length is steps + 1. Else `shape` or `dims` give it

    `mu` and `sigma` have the shape of the batch, which comes before the axis of time.

    Support: all real series.
    Mean: mean(init_dist) + t * mu at time t = 0, 1, ....
    Variance: variance(init_dist) + t * sigma**2.
    Source: Durbin and Koopman (2012), "Time Series Analysis by State Space Methods", 2.1.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, GraphError for shapes that do not fit and where nothing gives the length.

        >>> x = pt.random.gaussian_random_walk(0.0, 0.5, init_dist=pt.random.normal(0, 1), steps=9)
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 10)
    """
    innovation = Normal(), (mu, sigma)
    return _walk(GaussianRandomWalk, innovation, init_dist, steps, shape, name, dims)


@public
def mv_gaussian_random_walk(mu: TensorLike = 0.0, scale_tril: TensorLike | None = None, *,
                            cov: TensorLike | None = None, tau: TensorLike | None = None,
                            init_dist: Node | None = None, steps: Size | None = None, shape=None,
                            name: str | None = None, dims: Dims = None) -> Node:  # fmt: skip
    """A random walk of vectors with multivariate normal innovations of mean `mu` and covariance
    `cov`, or its lower Cholesky factor `scale_tril`, or its inverse `tau`.

    init_dist  the distribution of the first vector, a random variable without a name: with mean 0
               and covariance 100 * eye if it is not given
    steps      the number of steps; the length is steps + 1. Else `shape` or `dims` give it

    The last axis is that of the vectors, the one before is time.

    Support: all real series.
    Mean: mean(init_dist) + t * mu at time t = 0, 1, ....
    Variance: variance(init_dist) + t * diagonal(cov).
    Source: Durbin and Koopman (2012), "Time Series Analysis by State Space Methods", 3.2.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for none or two of the three matrices, GraphError for shapes that do not fit
    and where nothing gives the length.

        >>> x = pt.random.mv_gaussian_random_walk(0.0, cov=[[2.0, 1.0], [1.0, 2.0]], steps=9)
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 10, 2)
    """
    what = variable_text("mv_gaussian_random_walk", name)
    mean, factor = factor_of(what, mu, scale_tril, cov, tau)
    innovation = MultivariateNormal(), (mean, factor)
    return _walk(MvGaussianRandomWalk, innovation, init_dist, steps, shape, name, dims)


@public
def mv_student_t_random_walk(nu: TensorLike, mu: TensorLike = 0.0,
                             scale_tril: TensorLike | None = None, *,
                             cov: TensorLike | None = None, tau: TensorLike | None = None,
                             init_dist: Node | None = None, steps: Size | None = None, shape=None,
                             name: str | None = None, dims: Dims = None) -> Node:  # fmt: skip
    """A random walk of vectors with innovations by the multivariate t distribution with `nu`
    degrees of freedom, location `mu` and scale matrix `cov`, or its lower Cholesky factor
    `scale_tril`, or its inverse `tau`.

    init_dist  the distribution of the first vector, a random variable without a name: normal with
               mean 0 and covariance 100 * eye if it is not given
    steps      the number of steps; the length is steps + 1. Else `shape` or `dims` give it

    The last axis is that of the vectors, the one before is time.

    Support: all real series.
    Mean: mean(init_dist) + t * mu at time t = 0, 1, ..., for nu > 1.
    Variance: variance(init_dist) + t * diagonal(cov) * nu / (nu - 2) for nu > 2.
    Source: Kotz and Nadarajah (2004), "Multivariate t Distributions and Their Applications", 1.1.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for none or two of the three matrices, GraphError for shapes that do not fit
    and where nothing gives the length.

        >>> x = pt.random.mv_student_t_random_walk(4.0, 0.0, cov=[[2.0, 1.0], [1.0, 2.0]], steps=9)
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 10, 2)
    """
    what = variable_text("mv_student_t_random_walk", name)
    mean, factor = factor_of(what, mu, scale_tril, cov, tau)
    innovation = MultivariateStudentT(), (nu, mean, factor)
    return _walk(MvStudentTRandomWalk, innovation, init_dist, steps, shape, name, dims)
