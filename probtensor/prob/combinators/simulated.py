"""Variables whose data a program draws."""

from __future__ import annotations

import math
from collections.abc import Callable

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node
from probtensor.graph.node import TensorLike
from probtensor.prob.combinators.custom import support_of
from probtensor.prob.combinators.parts import Dims, Shape
from probtensor.prob.distributions.base import random_variable, to_tensor
from probtensor.prob.distributions.combined.custom import Custom, fixed_draws, names_of
from probtensor.prob.distributions.parameters import variable_text

KERNELS = {"gaussian": lambda d: -0.5 * ops.square(d), "laplace": lambda d: -ops.abs(d)}
SUMMARIES: dict[str, Callable] = {
    "identity": lambda x: x,
    "sort": lambda x: ops.sort(x, axis=-1),
    "mean": ops.mean,
    "median": ops.median,
}


@dataclass(frozen=True, eq=False)
class Simulation:
    """A program and how its data are compared with others: the arguments of `simulator`, and `what`
    it is in messages."""

    what: str
    fn: Callable[..., Node]
    shape: tuple
    distance: str | None
    sum_stat: str | Callable
    seed: int

    def check(self) -> None:
        """GraphError for arguments that are none."""
        what, line = self.what, line_text()
        if not callable(self.fn):
            raise GraphError(f"fn of {what} must be a function, not {self.fn!r:.60}\n  at {line}")
        if self.distance not in (None, *KERNELS):
            raise GraphError(
                f"distance= of {what} is {' or '.join(map(repr, KERNELS))}, or None for a variable "
                f"that is only drawn, not {self.distance!r:.60}\n  at {line}"
            )
        if not callable(self.sum_stat) and self.sum_stat not in SUMMARIES:
            raise GraphError(
                f"sum_stat= of {what} is a function, or one of {', '.join(map(repr, SUMMARIES))}, "
                f"not {self.sum_stat!r:.60}\n  at {line}"
            )
        if not all(isinstance(n, int) and n >= 0 for n in self.shape):
            raise GraphError(f"{what}: shape={self.shape!r:.60} is not made of sizes\n  at {line}")

    def draw(self, *given: Node, shape: tuple) -> Node:
        """Data, given the parameters and epsilon."""
        return self.fn(*given[:-1], shape=shape)

    def log_density(self, x: Node, *given: Node) -> Node:
        """The kernel of the difference between summaries of x and of simulated data."""
        if self.distance is None:
            raise GraphError(
                f"{self.what} is simulated, and has no density that is known\n  give "
                'distance="gaussian" or "laplace" for one by simulated data, or draw it'
            )
        *own, width = given
        data = fixed_draws(self.fn, self.shape, self.seed)(*own)
        summary = self.sum_stat if callable(self.sum_stat) else SUMMARIES[self.sum_stat]
        difference = (summary(x) - summary(data.astype(x.dtype))) / width
        total = ops.sum(KERNELS[self.distance](difference))
        return ops.where(ops.all(width > 0), total, -math.inf)


@public
def simulator(fn: Callable, *parameters: TensorLike, distance: str | None = None,
              sum_stat: str | Callable = "identity", epsilon: TensorLike = 1.0, seed: int = 0,
              shape: Shape = None, name: str | None = None, dims: Dims = None) -> Node:  # fmt: skip
    """Data of a program that draws them, whose density is not known.

    fn          a function of (*parameters, shape=) that gives data of that shape as a tensor of
                random variables
    parameters  numbers, arrays or tensors of any shapes
    distance    None: the variable can be drawn, and has no density. "gaussian" and "laplace": a
                likelihood by simulation, the kernel of the difference between summaries of the
                value and of simulated data, -d**2 / 2 or -abs(d), where d is divided by epsilon
    sum_stat    what is compared: "identity", "sort", "mean", "median", or a function of data
    epsilon     the scale of the kernel, a positive number or an array of the shape of the summary
    seed        the seed of the simulated data, which are the same at all parameters: so the density
                is a function of these, and has a gradient where `pt.grad` of the draws exists

    Support: that of the data.
    Mean: not known.
    Variance: not known.
    Source: Meeds, Leenders and Welling (2015), "Hamiltonian ABC", UAI, on common random numbers;
    Beaumont (2019), "Approximate Bayesian Computation", Annu. Rev. Stat. Appl. 6:379.
    Returns a random variable, a float tensor of the given shape, which is one point. Raises
    GraphError for a distance or a summary that is none, and where the density of a variable without
    a distance is asked for.

        >>> def program(mu, shape):
        ...     return pt.abs(pt.random.normal(mu, 1.0, shape=shape))
        >>> y = pt.random.simulator(program, 2.0, shape=9)
        >>> pt.draw(y, seed=1).shape
        (9,)
    """
    what = variable_text("simulator", name)
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else () if shape is None else (shape,)
    simulation = Simulation(what, fn, sizes, distance, sum_stat, seed)
    simulation.check()
    values = [to_tensor(f"parameter {k} of {what}", x) for k, x in enumerate(parameters)]
    values.append(to_tensor(f"epsilon of {what}", epsilon))
    axes = tuple(tuple(f"p{k}_{axis}" for axis in range(x.ndim)) for k, x in enumerate(values))
    names = (*names_of(fn, len(parameters), skipped=0), "epsilon")
    whole = support_of(what, None, False, len(sizes))
    distribution = Custom("simulator", names, axes, tuple(map(str, sizes)), simulation.log_density,
                          simulation.draw, None, whole)  # fmt: skip
    return random_variable(distribution, (*parameters, epsilon), sizes, name, dims)
