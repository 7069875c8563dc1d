"""Variables whose density a user writes."""

from __future__ import annotations

from collections.abc import Callable

from probtensor.calls import line_text, public
from probtensor.graph import GraphError, Node
from probtensor.graph.node import TensorLike
from probtensor.prob.combinators.parts import Dims, Shape
from probtensor.prob.distributions.base import random_variable, to_tensor
from probtensor.prob.distributions.combined.custom import (
    Custom,
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
    whole = support_of(what, support, discrete, len(core))
    distribution = Custom("custom", names_of(logp, len(values)), axes, core, logp, random, logcdf,
                          whole)  # fmt: skip
    return random_variable(distribution, parameters, shape, name, dims, constraint)


def support_of(what: str, support: Support | None, discrete: bool, ndim: int) -> Support:
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
