"""Whether values lie in supports: proofs from facts, and comparisons where there is no proof."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.graph import Node
from probtensor.prob.distributions.processes.parts import SeriesSupport
from probtensor.prob.distributions.support import (
    Integers,
    Interval,
    Simplex,
    Support,
    Vector,
    is_bound,
    is_number,
)
from probtensor.transform.facts import FactTable, without_positive_factors


def is_within(node: Node, domain: Support, facts: FactTable) -> bool:
    """Can it be proved that the values of a node lie in a support?"""
    if isinstance(domain, Vector):
        return is_within(node, domain.entries, facts)
    if isinstance(domain, Simplex):
        return is_simplex(node, facts)
    if not isinstance(domain, (Interval, Integers)) or not is_number(domain.low, domain.high):
        return False
    found = facts.bounds(node)
    if isinstance(domain, Integers):
        return found.integral and found.low >= domain.low and found.high <= domain.high
    low = found.low > domain.low or (
        found.low == domain.low and (found.low_open or not domain.low_open)
    )
    high = found.high < domain.high or (
        found.high == domain.high and (found.high_open or not domain.high_open)
    )
    return (low or not domain.bounded_below) and (high or not domain.bounded_above)


def is_simplex(node: Node, facts: FactTable) -> bool:
    """Are the vectors along the last axis normalised by construction (softmax, or x / sum(x))?"""
    while isinstance(node.op, (ops.BroadcastTo, ops.ExpandDims)) or _picks_vectors(node):
        inner = node.inputs[0]
        if not inner.ndim or inner.shape[-1] != node.shape[-1]:
            return False
        node = inner
    last = (node.ndim - 1,)
    if isinstance(node.op, ops.Softmax):
        return node.op.axes == last
    if not isinstance(node.op, ops.Div) or not facts.bounds(node.inputs[0]).positive:
        return False
    part, total = node.inputs
    while isinstance(total.op, (ops.BroadcastTo, ops.ExpandDims)):
        total = total.inputs[0]
    return isinstance(total.op, ops.Sum) and total.inputs[0] is part and total.op.axes == last


def _picks_vectors(node: Node) -> bool:
    """Are the vectors along the last axis some of those of the first input?"""
    if not isinstance(node.op, ops.Gather):
        return False
    rest = node.inputs[0].ndim - len(node.op.axes)
    return node.inputs[0].ndim - 1 not in node.op.axes and node.op.at < rest


def contained(value: Node, domain: Support, facts: FactTable) -> Node | None:
    """The mask where a value lies in its domain. A condition on the sign ignores factors that are
    known to be positive, since these may round to 0."""
    return domain.contains(deciding(value, domain, facts))


def deciding(value: Node, domain: Support, facts: FactTable) -> Node:
    """The node that decides if a value lies in a domain."""
    signs = isinstance(domain, Interval) and is_number(domain.low) and domain.low == 0
    return without_positive_factors(value, facts) if signs and not domain.bounded_above else value


def or_nan(inside: Node, x: Node, domain: Support) -> Node:
    """The mask, and True where the value or a bound is nan."""
    for y in (x, *(getattr(domain, end, None) for end in ("low", "high", "value"))):
        if not isinstance(y, Node) or not y.type.is_float:
            continue
        wrong = ops.isnan(y)
        if y is x and domain.event_ndim:
            wrong = ops.any(wrong, axis=tuple(range(-domain.event_ndim, 0)))
        inside = ops.logical_or(inside, wrong)
    for y in domain.bounds if isinstance(domain, SeriesSupport) else ():
        inside = ops.logical_or(inside, ops.any(ops.isnan(y), axis=-1) if y.ndim else ops.isnan(y))
    return inside


def may_be_infinite(x: Node, support: Support, facts: FactTable) -> bool:
    """May a number of a support be infinite?"""
    if not x.type.is_float or not isinstance(support, (Interval, Integers)):
        return False
    if support.partial or (is_bound(support.low) and is_bound(support.high)):
        return False
    found = facts.bounds(x)
    return not (found.finite or -math.inf < found.low <= found.high < math.inf)


def widened(condition: Node, result: Node) -> Node:
    """A mask of the vectors of a support, with axes to broadcast to a result of one number an
    entry."""
    missing = result.ndim - condition.ndim
    return condition if missing <= 0 else condition[(..., *(None,) * missing)]


def assume(value: Node, domain: Support, facts: FactTable) -> None:
    """Record the fact that a value lies in its domain."""
    known = isinstance(domain, Interval) and not domain.partial
    if known and is_number(domain.low, domain.high):
        facts.assume(value, domain)
