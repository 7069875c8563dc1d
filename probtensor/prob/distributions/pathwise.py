"""Derivatives of draws by parameters: how a drawn value moves with them at a fixed probability.

A draw x with the distribution function F(x; theta) moves as its quantile does,
dx/dtheta = -(dF/dtheta) / f(x; theta), whatever way it was drawn (Figurnov, Mohamed and Mnih 2018,
"Implicit reparameterization gradients"). F is that of the smaller tail, which is precise; of a
truncated distribution it is the share of the whole, which depends on theta too.
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor import ops
from probtensor.graph import Node, replace
from probtensor.graph.node import new_input
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.support import Interval
from probtensor.transform.autodiff import gradient


def has_pathwise(distribution: Distribution) -> bool:
    """Whether draws of a distribution have derivatives: it is of single real numbers without gaps,
    and its distribution function is known."""
    known = distribution.has_cdf and not distribution.has_atoms and not distribution.has_gaps
    return known and isinstance(distribution.over, Interval)


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
