"""Powers and reciprocals, also of values of both signs, and exponential functions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph import Node, as_tensor
from probtensor.prob.derived.derivation import Derivation, NotDerived
from probtensor.prob.derived.law import Law, Members, is_whole_line, law_of_family, literal_like
from probtensor.prob.derived.rules.elementwise import (
    Monotone,
    as_float,
    mapped,
    partial_law,
    sign_of,
    within,
)
from probtensor.prob.derived.rules.families import family_of_map
from probtensor.prob.distributions.support import Interval, is_bound, is_number


def derive_reciprocal(d: Derivation, node: Node) -> Law | None:
    """c / x for a given c: monotone on either side of 0."""
    law, position = d.one_random(node)
    if position == 0 or law.discrete:
        return None
    c = as_float(node.inputs[0])
    size = ops.log(ops.abs(c))

    def slope(x: Node, y: Node) -> Node:
        return size - 2 * ops.log(ops.abs(y))

    signed = sign_of(d, c)
    rises = ops.logical_not(signed) if isinstance(signed, Node) else not signed
    f = Monotone(lambda y: c / y, slope, falls=rises)
    family = family_of_map(node.op, law, d.facts) if d.facts.constant(c) == 1 else None
    sides = within(law, Interval(0.0), d.facts) or within(law, Interval(high=0.0), d.facts)
    found = mapped(law, node, position, f)
    if not sides:
        found = _two_sided(law, found, lambda y: c / y, f"the reciprocal of {law.support}", signed)
    else:
        found = replace(found, support=_reciprocal_support(law.support, c, signed))
    if family is None:
        return found
    return law_of_family(*family, node.shape, node.dtype, like=found)


def _two_sided(
    law: Law, found: Law, inverse: Callable, text: str, negative: bool | Node = False
) -> Law:
    """The law of a function that falls on both sides of 0, where it jumps from -inf to inf; it
    rises where `negative`."""
    held = law.support
    known = negative is False and law.lower is not None and law.upper is not None

    def tail(above: bool) -> Callable | None:
        if not known:
            return None

        def function(y: Node) -> Node:
            x = inverse(y)
            zero = ops.zeros_like(x)
            down, up = ops.minimum(x, 0.0), ops.maximum(x, 0.0)
            if above:
                near = ops.logaddexp(law.below(down), law.above(zero)), law.between(zero, up)
            else:
                near = law.between(down, zero), ops.logaddexp(law.below(zero), law.above(up))
            return ops.where(y < 0, *near)

        return function

    whole = is_whole_line(held)
    support = held if whole else Members(lambda y: held.contains(inverse(y)), text)
    return replace(found, lower=tail(False), upper=tail(True), quantile=None, support=support)


def _reciprocal_support(support: Interval, c: Node, negative: bool | Node) -> Interval:
    """The support of c / x for x on one side of 0, whose limit at 0 is infinite."""
    positive = is_number(support.low) and float(np.min(support.low)) >= 0
    if isinstance(negative, Node):
        low, high = (as_tensor(x).astype(c.dtype) for x in (support.low, support.high))
        far = literal_like(math.inf if positive else -math.inf, c)
        low, high = (ops.where(ops.eq(x, 0), c * far, c / x) for x in (low, high))
        return Interval(ops.where(negative, low, high), ops.where(negative, high, low))

    def of(bound: object) -> object:
        if is_number(bound) and np.ndim(bound) == 0 and (bound == 0 or math.isinf(bound)):
            return bound
        return c / as_tensor(bound)

    low, high = of(support.low), of(support.high)
    # 0 and infinity change places.
    far = math.inf if positive != negative else -math.inf
    low = far if is_number(low) and low == 0 else 0.0 if is_number(low) else low
    high = far if is_number(high) and high == 0 else 0.0 if is_number(high) else high
    ends = (low, high) if negative else (high, low)
    return Interval(*ends)


def derive_power(d: Derivation, node: Node) -> Law | None:
    """x**c for a given c, where that is monotone."""
    law, position = d.one_random(node)
    if position == 1:
        return _derive_exponential(d, node, law)
    c = node.inputs[1]
    known = d.facts.constant(c)
    if within(law, Interval(0.0), d.facts):
        return _positive_power(d, node, law, c)
    if known is None or known == 0:
        raise NotDerived("a power of values that may be negative needs a known exponent", node)
    k = float(known)
    if k != int(k):
        if law.discrete:
            raise NotDerived("a power of whole numbers that may be negative is nan", node)
        f = Monotone(
            lambda y: y ** (1 / k), lambda x, y: (1 / k - 1) * ops.log(y) - math.log(abs(k)),
            Interval(0.0), k < 0,
        )  # fmt: skip
        return partial_law(law, node, 0, f, Interval(0.0))
    if k % 2 == 0:
        return None

    def root(y: Node) -> Node:
        return ops.sign(y) * ops.abs(y) ** (1 / k)

    def log_slope(x: Node, y: Node) -> Node:
        return (1 / k - 1) * ops.log(ops.abs(y)) - math.log(abs(k))

    found = mapped(law, node, 0, Monotone(root, log_slope, falls=k < 0))
    if k > 0:
        return found
    if law.discrete:
        return replace(found, lower=None, upper=None)
    return _two_sided(law, found, root, f"a negative power of {law.support}")


def _positive_power(d: Derivation, node: Node, law: Law, c: Node) -> Law:
    c = c.astype(node.dtype)
    size = ops.log(ops.abs(c))

    def slope(x: Node, y: Node) -> Node:
        return -size + (1 / c - 1) * ops.log(y)

    f = Monotone(lambda y: y ** (1 / c), slope, falls=sign_of(d, c))
    found = mapped(law, node, 0, f)
    if f.falls is not False and not law.discrete:
        found = replace(found, support=_power_support(law.support, c, f.falls))
    family = family_of_map(node.op, law, d.facts, c)
    if family is None:
        return found
    return law_of_family(*family, node.shape, node.dtype, like=found)


def _power_support(support: Interval, c: Node, falls: bool | Node) -> Interval:
    low, high = (as_tensor(x).astype(c.dtype) ** c for x in (support.low, support.high))
    if isinstance(falls, Node):
        return Interval(ops.where(falls, high, low), ops.where(falls, low, high))
    from_zero = is_number(support.low) and bool(np.all(support.low == 0))
    least = high if is_bound(support.high) else 0.0
    return Interval(least, math.inf if from_zero else low)


def _derive_exponential(d: Derivation, node: Node, law: Law) -> Law:
    c = node.inputs[0].astype(node.dtype)
    if not d.facts.bounds(c).positive:
        raise NotDerived("c**x needs a c that is known to be positive", node,
                         "write pt.exp(x * pt.log(c))")  # fmt: skip
    rate = ops.log(c)
    size = ops.log(ops.abs(rate))
    f = Monotone(lambda y: ops.log(y) / rate, lambda x, y: -size - ops.log(y), falls=rate < 0)
    found = mapped(law, node, 1, f)
    return replace(found, support=Interval(0.0)) if is_whole_line(law.support) else found
