"""Derivatives of draws by parameters, which are those of expectations (Mohamed et al. 2020, "Monte
Carlo gradient estimation in machine learning", 5).

A number x with the distribution function F(x; theta) moves as its quantile does,
dx/dtheta = -(dF/dtheta) / f(x; theta), whatever way it was drawn (Figurnov, Mohamed and Mnih 2018,
"Implicit reparameterization gradients"). F is that of the smaller tail, which is precise; of a
truncated distribution it is the share of the whole, which depends on theta too.

Vectors, matrices and series are smooth functions of such numbers and of the parameters
(`smooth_draws`): their draw is differentiated as a graph, under the key that it was drawn with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Const, GraphError, Node, line_of, replace
from probtensor.graph.node import make, new_input
from probtensor.ops.kinds import Composite, DrawKey
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.support import Interval, Ordered, attach_bounds, intersect
from probtensor.prob.distributions.truncation import truncation_bounds
from probtensor.transform.autodiff import gradient
from probtensor.types import Size, TensorType


def has_pathwise(distribution: Distribution) -> bool:
    """Whether draws move as quantiles do: the distribution is of single real numbers without gaps,
    and its distribution function is known."""
    known = distribution.has_cdf and not distribution.has_atoms and not distribution.has_gaps
    return known and isinstance(distribution.over, Interval)


def moves(distribution: Distribution) -> bool:
    """Whether draws of a distribution have derivatives by its parameters."""
    return has_pathwise(distribution) or distribution.smooth_draws


def why_fixed(distribution: Distribution) -> str:
    """Why draws of a distribution, which is called so in messages, have none."""
    kind = distribution
    if kind.discrete:
        return "draws are whole numbers"
    if kind.improper:
        return "there are no draws"
    if kind.has_atoms:
        return "draws are single numbers again and again"
    if kind.has_gaps:
        return "draws jump over a gap"
    return "how draws move with the parameters is not known here"


@dataclass(frozen=True)
class Moving(Composite):
    """A draw x of a distribution by its parameters, the other inputs, with the derivatives of
    quantiles. After them there may be the bounds of a truncation, which are functions of inputs."""

    distribution: Distribution
    cut: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, x: TensorType, *parameters: TensorType) -> TensorType:
        return x

    def numpy(self, x, *parameters):
        return x

    def expand(self, x: Node, *parameters: Node) -> Node:
        return x

    def vjp(self, g, out, x, *parameters):
        return (None, *pathwise(self.distribution, g, out, parameters))


def moving(distribution: Distribution, x: Node, parameters: Sequence[Node]) -> Node:
    """A draw with the derivatives of quantiles where these are known."""
    if not parameters or not has_pathwise(distribution):
        return x
    return make(Moving(distribution), (x, *parameters))


def drawn(
    distribution: Distribution, key: Node, shape: Sequence[Size], *parameters: Node
) -> Node:
    """A draw that has the derivatives of draws, for the draws of what is made of it."""
    return moving(distribution, distribution.sample(key, shape, *parameters), parameters)


def draw_slopes(
    op: Any, g: Node, out: Node, inputs: Sequence[Node], shown: str
) -> Sequence[Node | None]:
    """The derivatives of a draw of the variable `out` of the op, which is called `shown`, by its
    parameters and bounds, weighted by the cotangent `g`."""
    distribution, own, bounds = op.distribution, op.parameters_of(inputs), op.bounds_of(inputs)
    if not has_pathwise(distribution) or isinstance(op.constraint, Ordered):
        check_steps(distribution, out, shown, own)
        key = make(DrawKey(op.uid, shown), (out,))
        return along_draw(g, out, (*own, *bounds), partial(op.drawn, out, key))
    if op.constraint is None:
        return pathwise(distribution, g, out, own)
    support = distribution.support(*own)
    held = attach_bounds(op.constraint, inputs)
    low, high = truncation_bounds(held, support, intersect(support, held), out.dtype)
    return pathwise(distribution, g, out, own, low, high, bounds)


def along_draw(
    g: Node, variable: Node, inputs: Sequence[Node], draw: Callable[[Sequence[Node]], Node]
) -> list[Node | None]:
    """The derivatives of `draw(inputs)`, weighted by the cotangent `g`, by each input; None where
    it is no float or a literal."""
    own = [x if isinstance(x.op, Const) or not x.type.is_float
           else new_input(x.name, x.dtype, x.shape) for x in inputs]  # fmt: skip
    reached = [y for x, y in zip(inputs, own) if y is not x]
    value = ops.broadcast_to(draw(own), variable.shape).astype(variable.dtype)
    held = new_input("weight", g.dtype, value.shape)
    slopes = gradient(ops.sum(held * value), reached, disconnected_inputs="ignore")
    given = dict(zip(own, inputs, strict=True))
    found = iter(replace(slopes, {held: ops.broadcast_to(g, value.shape), **given}))
    return [None if y is x else next(found) for x, y in zip(inputs, own, strict=True)]


def check_steps(
    distribution: Distribution, variable: Node, shown: str, own: Sequence[Node]
) -> None:
    """GraphError for a parameter that draws jump with, unless it is taken as a constant."""
    for name, x in zip(distribution.parameters, own):
        fixed = isinstance(x.op, (Const, ops.StopGradient)) or not x.type.is_float
        if name in distribution.steps and not fixed:
            raise GraphError(
                f"{shown} has no derivative by {name}: {name} decides which part a value is drawn "
                f"from, and draws jump with it, at {line_of(variable)}\n  put pt.stop_gradient "
                f"around {name} to treat it as a constant, or use pt.score_function"
            )


def pathwise(
    distribution: Distribution, g: Node, x: Node, parameters: Sequence[Node],
    low: Node | None = None, high: Node | None = None, bounds: Sequence[Node] = (),
) -> list[Node]:  # fmt: skip
    """The derivatives of a draw `x` by its parameters, and by `bounds` of the truncation to the
    interval from `low` to `high`, weighted by the cotangent `g`.

    They are functions of x, so that their derivatives are those of second order."""
    reached = [*parameters, *bounds]
    own = [new_input(node.name, node.dtype, node.shape) for node in (x, *reached)]
    at, *inner = own
    given = dict(zip(reached, inner))
    low, high = (None if end is None else replace([end], given)[0] for end in (low, high))
    parts = inner[: len(parameters)]
    if low is None and high is None:
        below, above = distribution.logcdf(at, *parts), distribution.logccdf(at, *parts)
        whole = ops.zeros_like(below)
    else:
        whole = distribution.log_between(low, high, *parts)
        below = distribution.log_between(low, at, *parts) - whole
        above = distribution.log_between(at, high, *parts) - whole
    density = distribution.logpdf(at, *parts) - whole
    lower = below <= above
    # The slope of a log tail times the tail, divided by the density.
    weight = ops.where(lower, -ops.exp(below - density), ops.exp(above - density))
    tail = ops.where(lower, below, above)
    held = new_input("weight", tail.dtype, tail.shape)
    slopes = gradient(ops.sum(held * tail), inner, disconnected_inputs="ignore")
    given = dict(zip(own, (x, *reached)))
    (weight,) = replace([weight], given)
    return replace(slopes, {held: g * weight, **given})
