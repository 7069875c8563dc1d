"""Whether values lie in supports: what facts show of it, and the comparisons that are left."""

from __future__ import annotations

from probtensor import ops
from probtensor.graph import Node
from probtensor.prob.distributions.support import (
    Integers,
    Interval,
    Simplex,
    Support,
    Vector,
    is_number,
)
from probtensor.transform.facts import FactTable, without_positive_factors


def is_within(node: Node, domain: Support, known: FactTable) -> bool:
    """Can it be shown that the values of a node lie in a support?"""
    if isinstance(domain, Vector):
        return is_within(node, domain.entries, known)
    if isinstance(domain, Simplex):
        return is_simplex(node, known)
    if not isinstance(domain, (Interval, Integers)) or not is_number(domain.low, domain.high):
        return False
    found = known.bounds(node)
    if isinstance(domain, Integers):
        return found.integral and found.low >= domain.low and found.high <= domain.high
    low = found.low > domain.low or (
        found.low == domain.low and (found.low_open or not domain.low_open)
    )
    high = found.high < domain.high or (
        found.high == domain.high and (found.high_open or not domain.high_open)
    )
    return (low or not domain.bounded_below) and (high or not domain.bounded_above)


def is_simplex(node: Node, known: FactTable) -> bool:
    """Are the vectors along the last axis shares of 1 by the way they are written?"""
    while isinstance(node.op, (ops.BroadcastTo, ops.ExpandDims)):
        inner = node.inputs[0]
        if not inner.ndim or inner.shape[-1] != node.shape[-1]:
            return False
        node = inner
    last = (node.ndim - 1,)
    if isinstance(node.op, ops.Softmax):
        return node.op.axes == last
    if not isinstance(node.op, ops.Div) or not known.bounds(node.inputs[0]).positive:
        return False
    part, total = node.inputs
    while isinstance(total.op, (ops.BroadcastTo, ops.ExpandDims)):
        total = total.inputs[0]
    return isinstance(total.op, ops.Sum) and total.inputs[0] is part and total.op.axes == last


def contained(value: Node, domain: Support, known: FactTable) -> Node | None:
    """Where a value lies in its domain; of a sign alone the factors known to be positive, which may
    round to 0, do not tell."""
    return domain.contains(deciding(value, domain, known))


def deciding(value: Node, domain: Support, known: FactTable) -> Node:
    """What decides if a value lies in a domain."""
    signs = isinstance(domain, Interval) and is_number(domain.low) and domain.low == 0
    return without_positive_factors(value, known) if signs and not domain.bounded_above else value


def or_nan(inside: Node, x: Node, domain: Support) -> Node:
    """Inside, or nan, which stays what it is, in the value or in a bound."""
    for y in (x, *(getattr(domain, end, None) for end in ("low", "high"))):
        if not isinstance(y, Node) or not y.type.is_float:
            continue
        wrong = ops.isnan(y)
        if y is x and domain.event_ndim:
            wrong = ops.any(wrong, axis=tuple(range(-domain.event_ndim, 0)))
        inside = ops.logical_or(inside, wrong)
    return inside


def widened(condition: Node, result: Node) -> Node:
    """A condition on each vector of a support, for a result that has one number an entry too."""
    missing = result.ndim - condition.ndim
    return condition if missing <= 0 else condition[(..., *(None,) * missing)]


def assume(value: Node, domain: Support, known: FactTable) -> None:
    """Take it for granted that a value lies in its domain."""
    if isinstance(domain, Interval) and is_number(domain.low, domain.high):
        known.assume(value, domain)
