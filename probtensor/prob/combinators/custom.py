"""Variables whose density a user writes."""

from __future__ import annotations

import math
from collections.abc import Callable

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.graph import GraphError, Node
from probtensor.graph.node import TensorLike
from probtensor.prob.combinators.parts import Dims, Shape
from probtensor.prob.distributions.base import random_variable, to_tensor
from probtensor.prob.distributions.combined.custom import (
    Custom,
    fixed_draws,
    names_of,
    read_signature,
)
from probtensor.prob.distributions.parameters import variable_text
from probtensor.prob.distributions.support import (
    REAL,
    Integers,
    Interval,
    Ordered,
    Support,
    Vector,
    is_number,
)


@public
def custom(*parameters: TensorLike, logp: Callable, random: Callable | None = None,
           logcdf: Callable | None = None, support: Support | None = None, discrete: bool = False,
           signature: str | None = None, shape: Shape = None, name: str | None = None,
           dims: Dims = None, constraint=None) -> Node:  # fmt: skip
    """A distribution by a function of the log density, which need have no name here.

    parameters  numbers, arrays or tensors, as many as there may be; a literal is not checked
    logp        a function of (value, *parameters) that gives the log density, one number a point,
                written in `pt`; `pt.where(valid, ..., -np.inf)` for parameters with a range
    random      a function of (*parameters, shape=) that gives a draw of that shape as a tensor of
                random variables; without it the variable cannot be drawn
    logcdf      a function as `logp`, that gives the log of the distribution function; without it
                there is no `pt.logcdf`, nor a truncation
    support     `pt.interval(low, high)` or `pt.ordered()`: where the value may lie; all real
                numbers by default
    discrete    whether the value is a whole number, of those in the support
    signature   the axes of parameters and of a value that are no batch axes: "(n),(n,n)->(n)" for
                a vector with a vector and a matrix as parameters; numbers by default

    Support: as given.
    Mean: not known.
    Variance: not known.
    Source: the functions that are given.
    Returns a random variable, a float tensor, or an int64 tensor if it is discrete. Raises
    ValueError for a signature that is none, GraphError for a support whose bounds are tensors
    (`constraint=` takes these), for results of other shapes, and for shapes that do not fit.

        >>> def log_density(x, scale):
        ...     return -pt.abs(x) / scale - pt.log(2 * scale)
        >>> y = pt.random.custom(2.0, logp=log_density)
        >>> pt.logp(y, 3.0).eval().round(6)
        np.float64(-2.886294)
    """
    what = variable_text("custom", name)
    for label, function in (("logp", logp), ("random", random), ("logcdf", logcdf)):
        if not callable(function) and (function is not None or label == "logp"):
            raise GraphError(
                f"{label}= of {what} must be a function, not {function!r:.60}\n  at {line_text()}"
            )
    values = [to_tensor(f"parameter {k} of {what}", x) for k, x in enumerate(parameters)]
    if signature is None:
        signature = ",".join(["()"] * len(values)) + "->()"
    axes, core = read_signature(signature, len(values))
    whole = _support(what, support, discrete, len(core))
    distribution = Custom("custom", names_of(logp, len(values)), axes, core, logp, random, logcdf,
                          whole)  # fmt: skip
    return random_variable(distribution, parameters, shape, name, dims, constraint)


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
    if not callable(fn):
        raise GraphError(f"fn of {what} must be a function, not {fn!r:.60}\n  at {line_text()}")
    if distance not in (None, *KERNELS):
        raise GraphError(
            f"distance= of {what} is {' or '.join(map(repr, KERNELS))}, or None for a variable "
            f"that is only drawn, not {distance!r:.60}\n  at {line_text()}"
        )
    if not callable(sum_stat) and sum_stat not in SUMMARIES:
        raise GraphError(
            f"sum_stat= of {what} is a function, or one of {', '.join(map(repr, SUMMARIES))}, not "
            f"{sum_stat!r:.60}\n  at {line_text()}"
        )
    values = [to_tensor(f"parameter {k} of {what}", x) for k, x in enumerate(parameters)]
    values.append(to_tensor(f"epsilon of {what}", epsilon))
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else () if shape is None else (shape,)
    if not all(isinstance(n, int) and n >= 0 for n in sizes):
        raise GraphError(f"{what}: shape={shape!r:.60} is not made of sizes\n  at {line_text()}")
    axes = tuple(tuple(f"p{k}_{axis}" for axis in range(x.ndim)) for k, x in enumerate(values))
    summary = SUMMARIES.get(sum_stat, sum_stat) if isinstance(sum_stat, str) else sum_stat

    def log_density(x: Node, *given: Node) -> Node:
        if distance is None:
            raise GraphError(
                f"{what} is simulated, and has no density that is known\n  give "
                'distance="gaussian" or "laplace" for one by simulated data, or draw it'
            )
        *own, width = given
        data = fixed_draws(fn, sizes, seed)(*own)
        difference = (summary(x) - summary(data.astype(x.dtype))) / width
        return ops.where(ops.all(width > 0), ops.sum(KERNELS[distance](difference)), -math.inf)

    distribution = Custom(
        "simulator", (*names_of(fn, len(parameters), skipped=0), "epsilon"), axes,
        tuple(map(str, sizes)), log_density, lambda *given, shape: fn(*given[:-1], shape=shape),
        None, _support(what, None, False, len(sizes)),
    )  # fmt: skip
    return random_variable(distribution, (*parameters, epsilon), sizes, name, dims)


KERNELS = {"gaussian": lambda d: -0.5 * ops.square(d), "laplace": lambda d: -ops.abs(d)}
SUMMARIES: dict[str, Callable] = {
    "identity": lambda x: x,
    "sort": lambda x: ops.sort(x, axis=-1),
    "mean": ops.mean,
    "median": ops.median,
}


def _support(what: str, support: Support | None, discrete: bool, ndim: int) -> Support:
    """The support of a point with so many axes."""
    support = REAL if support is None else support
    if not isinstance(support, (Interval, Ordered)):
        raise GraphError(
            f"support= of {what} is pt.interval(low, high) or pt.ordered(), not {support!r:.60}\n"
            f"  at {line_text()}"
        )
    bounds = [getattr(support, end) for end in ("low", "high") if hasattr(support, end)]
    if not is_number(*bounds):
        raise GraphError(
            f"support= of {what} has bounds that are tensors\n  at {line_text()}\n  give these to "
            "constraint=, or write pt.where(inside, ..., -np.inf) in logp"
        )
    if isinstance(support, Ordered):
        if ndim != 1 or discrete:
            raise GraphError(
                f"support=pt.ordered() of {what} is of vectors of real numbers\n  at {line_text()}"
                '\n  give signature="(n)->(n)", where a parameter has that axis'
            )
        return support
    if discrete:
        support = Integers(support.low, support.high)
    for _ in range(ndim):
        support = Vector(support)
    return support
