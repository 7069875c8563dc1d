"""Series whose steps are functions of the value before: stochastic equations, state spaces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node
from probtensor.graph.closed import Closed, StepInput, captured, closed
from probtensor.graph.node import TensorLike, new_input
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import Elementwise, as_tensor_of, random_nodes, weak_operand
from probtensor.ops.loops.structured import scan
from probtensor.prob.distributions.base import random_variable, to_tensor
from probtensor.prob.distributions.continuous.real import Normal
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.multivariate.normals import MultivariateNormal
from probtensor.prob.distributions.parameters import square, variable_text
from probtensor.prob.distributions.pathwise import drawn
from probtensor.prob.distributions.processes.held import absorbed_from, with_batch
from probtensor.prob.distributions.processes.lengths import Series, length_of, over_time
from probtensor.prob.distributions.processes.parts import SeriesSupport
from probtensor.prob.distributions.processes.vectors import factor_of
from probtensor.prob.distributions.structured import RealArray
from probtensor.prob.distributions.support import (
    POSITIVE,
    REAL,
    REAL_VECTOR,
    SCALE_FACTOR,
)
from probtensor.transform.batch import vmap_nodes
from probtensor.types import Size, broadcast_shapes, promote_float, size_product

Dims = str | tuple[str, ...] | list[str] | None
FIRST_SCALE = 100.0  # the standard deviation of a first value of which nothing is said
NORMAL = Normal()
VECTORS = MultivariateNormal()


@dataclass(frozen=True)
class EulerMaruyama(Series):
    """x[t + 1] by a normal distribution with mean x[t] + dt f(x[t]) and standard deviation sqrt(dt)
    g(x[t]); x[0] by `init`. `equation` gives f and g of numbers: the value, then the parameters."""

    equation: Closed
    init: Distribution

    name = "euler_maruyama"
    holds: ClassVar = {"init": "init_dist."}

    @property
    def own(self):
        count = len(self.equation.parameters) - 1
        return {"dt": POSITIVE, **{f"sde_pars[{k}]": REAL for k in range(count)}}

    @property
    def over(self) -> SeriesSupport:
        return SeriesSupport(self.init.over, REAL)

    def support(self, *parameters):
        first = over_time(self.split(parameters)[1], self.init.parameters)
        return SeriesSupport(self.init.support(*first), REAL)

    def _step(self, x, dt, pars):
        """The mean and the standard deviation of the values that follow these."""
        drift, diffusion = of_arrays(self.equation, [x, *pars])
        return x + dt * drift, ops.sqrt(dt) * diffusion

    def logpdf(self, x, *parameters):
        own, first = self.split(parameters)
        dt, *pars = over_time(own, self.own)
        mean, scale = self._step(x[..., :-1], dt, pars)
        start = self.init.logpdf(x[..., :1], *over_time(first, self.init.parameters))
        # The sign of a diffusion has no meaning.
        later = NORMAL.logpdf(x[..., 1:], mean, ops.abs(scale))
        return ops.sum(start, axis=-1) + ops.sum(later, axis=-1)

    def sample(self, key, shape, *parameters):
        (dt, *pars), first = self.split(parameters)
        batch = self.batch_of(shape)
        start = drawn(self.init, ops.key_fold(key, 0), batch, *first)
        start = ops.broadcast_to(start, batch)
        noise = ops.draw_normal(
            ops.key_fold(key, 1), element_indices((self.length - 1, *batch))
        ).astype(start.dtype)

        def step(x, z):
            mean, scale = self._step(x, dt, pars)
            after = ops.broadcast_to(mean + scale * z, batch).astype(start.dtype)
            return after, after

        _, later = scan(step, start, noise)
        return self.joined(start[..., None], ops.moveaxis(later, 0, -1))


def of_arrays(function: Closed, arguments: Sequence[Node]) -> list[Node]:
    """A function of numbers at each element of arrays that broadcast."""
    dtype = function.parameters[0].dtype
    arguments = [x.astype(dtype) for x in arguments]
    parameters = set(function.parameters)
    inner = [node for node in function.order() if node not in parameters and node.inputs]
    if all(isinstance(node.op, Elementwise) for node in inner):
        return function(*arguments)
    shape = broadcast_shapes(*(x.shape for x in arguments))
    count = size_product(shape)
    rows = [ops.reshape(ops.broadcast_to(x, shape), (count,)) for x in arguments]
    found = vmap_nodes(function.outputs, dict(zip(function.parameters, rows, strict=True)))
    return [ops.reshape(y, shape) for y in found]


def equation_of(
    what: str, sde_fn: Callable[..., object], pars: Sequence[Node], dtype: str
) -> Closed:
    """What a function gives for a number and its parameters, as a graph."""
    if not callable(sde_fn):
        raise GraphError(
            f"{what}: sde_fn is no function, but {sde_fn!r:.60}\n  at {line_text()}\n"
            "  it takes the value and the parameters, and returns drift and diffusion"
        )
    own = [new_input(name, dtype, (), StepInput) for name in ("x", *(None for _ in pars))]
    found = sde_fn(*own)
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        raise GraphError(
            f"{what}: sde_fn gives {found!r:.60}\n  at {line_text()}\n"
            "  it returns two tensors, the drift and the diffusion"
        )
    outputs = [as_tensor_of(y, dtype) for y in found]
    drawn = random_nodes(toposort(outputs))
    read = [*drawn, *captured(outputs, own, kept=drawn)]
    if read:
        named = read[0]
        raise GraphError(
            f"{what}: sde_fn reads {named.described}, which is none of its arguments\n"
            f"  at {line_text()}\n  pass it by sde_pars"
        )
    for node in outputs:
        if node.ndim:
            raise GraphError(
                f"{what}: sde_fn gives a tensor of shape {node.shape} for a number\n"
                f"  at {line_text()}\n  it is a function of one number, which is applied to each"
            )
    return closed(own, outputs)


@public
def euler_maruyama(dt: TensorLike, sde_fn: Callable[..., object], sde_pars: Sequence[TensorLike],
                   *, init_dist: Node | None = None, steps: Size | None = None, shape=None,
                   name: str | None = None, dims: Dims = None) -> Node:  # fmt: skip
    """The stochastic differential equation dx = f(x) dt + g(x) dW in steps of length `dt`: x[t + 1]
    is normal with mean x[t] + dt * f(x[t]) and standard deviation sqrt(dt) * |g(x[t])|.

    dt         the length of a step
    sde_fn     a function of a number x and of the parameters, called once to make a graph, that
               returns f and g; it reads no other tensors
    sde_pars   the parameters, numbers or tensors of the shape of the batch
    init_dist  the distribution of the first value, a random variable without a name:
               normal(0, 100) if it is not given
    steps      the number of steps; the length is steps + 1. Else `shape` or `dims` give it

    Support: all real series that begin in the support of `init_dist`.
    Mean: none in closed form.
    Variance: none in closed form.
    Source: Kloeden and Platen (1992), "Numerical Solution of Stochastic Differential Equations",
    10.2.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, GraphError for a function that returns something else, for shapes that do not fit, and
    where nothing gives the length.

        >>> def pull(x, rate, noise):
        ...     return -rate * x, noise
        >>> first = pt.random.normal(0, 1)
        >>> x = pt.random.euler_maruyama(0.1, pull, (0.5, 1.0), init_dist=first, steps=9)
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 10)
    """
    what = variable_text("euler_maruyama", name)
    if not isinstance(sde_pars, (tuple, list)):
        raise GraphError(f"{what}: sde_pars is a tuple or a list of parameters\n  at {line_text()}")
    first = (NORMAL, (0.0, FIRST_SCALE))
    if init_dist is not None:
        first = with_batch(init_dist, f"init_dist of {what}")
    law, start = first
    if law.discrete or law.event_ndim:
        raise GraphError(
            f"{what}: a first value by {law.name} is no real number\n  at {line_text()}"
        )
    given = (dt, *sde_pars, *start)
    dtype = promote_float(*(weak_operand(x) for x in given))
    pars = [to_tensor(f"sde_pars[{k}] of {what}", x) for k, x in enumerate(sde_pars)]
    equation = equation_of(what, sde_fn, pars, dtype)
    length = length_of(what, 1, 0, steps, shape, dims)
    absorbed = absorbed_from(init_dist)
    distribution = EulerMaruyama(length, equation, law, absorbed=absorbed)
    return random_variable(distribution, given, shape, name, dims)


@dataclass(frozen=True)
class GaussianStateSpace(Series):
    """z[t] by a normal distribution with mean A z[t - 1] and a fixed covariance, where z before the
    first value is given."""

    name = "gaussian_state_space"
    inner: ClassVar[int] = 1
    own: ClassVar = {
        "initial_value": REAL_VECTOR,
        "transition_matrix": RealArray(2),
        "scale_tril": SCALE_FACTOR,
    }
    over = SeriesSupport(event_ndim=2)

    @property
    def lead(self) -> int:
        return 0

    def logpdf(self, x, initial_value, transition_matrix, scale_tril):
        start = ops.broadcast_to(initial_value[..., None, :], (*x.shape[:-2], 1, x.shape[-1]))
        before = self.joined(start.astype(x.dtype), x[..., :-1, :])
        mean = ops.matmul(before, ops.matrix_transpose(transition_matrix))
        factor = scale_tril if scale_tril.ndim == 2 else scale_tril[..., None, :, :]
        return ops.sum(VECTORS.logpdf(x, mean, factor), axis=-1)

    def sample(self, key, shape, initial_value, transition_matrix, scale_tril):
        batch, size = self.batch_of(shape), shape[-1]
        noise = ops.draw_normal(key, element_indices((self.length, *batch, size)))
        moves = ops.sum(ops.tril(scale_tril) * noise[..., None, :], axis=-1)
        return self._moved(moves, initial_value, transition_matrix)

    def mean(self, initial_value, transition_matrix, scale_tril):
        own = initial_value.type, transition_matrix.type, scale_tril.type
        moves = ops.zeros((self.length, *self.batch_shape(*own), initial_value.shape[-1]))
        return self._moved(moves.astype(initial_value.dtype), initial_value, transition_matrix)

    def _moved(self, moves, initial_value, transition_matrix):
        """The states, to whose means these numbers are added; their first axis is time."""
        batch, size = moves.shape[1:-1], moves.shape[-1]
        first = ops.broadcast_to(initial_value, (*batch, size)).astype(moves.dtype)

        def step(z, move):
            after = ops.sum(transition_matrix * z[..., None, :], axis=-1) + move
            return after, after

        return ops.moveaxis(scan(step, first, moves)[1], 0, -2)


@public
def gaussian_state_space(transition_matrix: TensorLike, scale_tril: TensorLike | None = None, *,
                         cov: TensorLike | None = None, tau: TensorLike | None = None,
                         initial_value: TensorLike = 0.0, steps: Size | None = None, shape=None,
                         name: str | None = None, dims: Dims = None) -> Node:  # fmt: skip
    """States of a linear Gaussian system: z[t] is normal with mean transition_matrix @ z[t - 1] and
    covariance `cov`, or its lower Cholesky factor `scale_tril`, or its inverse `tau`.

    initial_value  the state before the first one, which is no part of the value
    steps          the number of states. Else `shape` or `dims` give it

    The last axis is that of the states, the one before is time.

    Support: all real series.
    Mean: transition_matrix**(t + 1) @ initial_value at time t = 0, 1, ....
    Variance: none in closed form.
    Source: Durbin and Koopman (2012), "Time Series Analysis by State Space Methods", 3.1.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for none or two of the three matrices, GraphError for shapes that do not fit
    and where nothing gives the length.

        >>> turn = [[0.9, -0.3], [0.3, 0.9]]
        >>> z = pt.random.gaussian_state_space(turn, cov=[[1.0, 0.5], [0.5, 1.0]], steps=10)
        >>> pt.draw(z, draws=5, seed=1).shape
        (5, 10, 2)
    """
    what = variable_text("gaussian_state_space", name)
    matrix = square("transition_matrix", transition_matrix, what)
    first, factor = factor_of(what, initial_value, scale_tril, cov, tau, "initial_value")
    sizes = matrix.shape[-1], factor.shape[-1]
    if all(isinstance(n, int) for n in sizes) and sizes[0] != sizes[1]:
        raise GraphError(
            f"{what}: a transition matrix of {sizes[0]} states does not fit a scale of "
            f"{sizes[1]}\n  at {line_text()}"
        )
    length = length_of(what, 0, 1, steps, shape, dims)
    parameters = first, matrix, factor
    return random_variable(GaussianStateSpace(length), parameters, shape, name, dims)
