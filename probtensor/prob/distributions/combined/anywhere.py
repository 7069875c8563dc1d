"""Densities and tails of a distribution at any value, also outside its support.

Formulas of distributions assume values inside. Here they are evaluated at a value inside in place
of one that is not, so that their derivatives are finite, and the result is what is true outside:
a density of zero, a tail of nothing or of all. What is known to lie inside is not compared:
`within` is a support that contains the value for certain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

from probtensor import ops
from probtensor.graph import Node
from probtensor.graph.node import TensorLike
from probtensor.ops.kinds import as_tensor_of
from probtensor.prob.distributions.combined.parts import number_of
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.support import Integers, Interval, Support, is_bound, is_number

Mask = Node | bool


def density_at(
    part: Distribution, x: Node, parameters: Sequence[Node], within: Support | None = None
) -> Node:
    """The log density, -inf outside the support."""
    support = part.support(*parameters)
    if not isinstance(support, (Interval, Integers)):
        if within == support:
            return part.logpdf(x, *parameters)
        inside = support.contains(x)
        density = part.logpdf(x, *parameters)
        return density if inside is None else ops.where(inside, density, -math.inf)
    below, above = outside(support, x, within)
    beyond = either(below, above)
    if support.discrete and (within is None or not within.discrete):
        beyond = either(beyond, ops.not_equal(x, ops.floor(x)))
    density = part.logpdf(typed(part, replaced(beyond, x, support)), *parameters)
    return chosen(beyond, -math.inf, density)


def log_below(
    part: Distribution, x: Node, parameters: Sequence[Node], within: Support | None = None
) -> Node:
    """The log of the probability of values up to and including `x`, whatever it is."""
    support, x = part.support(*parameters), whole(part, x)
    below, above = outside(support, x, within, tails=True)
    inner = typed(part, replaced(either(below, above), x, support))
    tail = chosen(above, 0.0, part.logcdf(inner, *parameters))
    return chosen(below, -math.inf, tail)


def log_above(
    part: Distribution, x: Node, parameters: Sequence[Node], within: Support | None = None
) -> Node:
    """The log of the probability of values above `x`, whatever it is."""
    support, x = part.support(*parameters), whole(part, x)
    below, above = outside(support, x, within, tails=True)
    inner = typed(part, replaced(either(below, above), x, support))
    tail = chosen(below, 0.0, part.logccdf(inner, *parameters))
    return chosen(above, -math.inf, tail)


def log_inside(
    part: Distribution, low: Node | None, high: Node | None, parameters: Sequence[Node]
) -> Node:
    """The log of the probability of values above `low` and up to `high`, whatever these are: they
    may lie outside the support, or be infinite. At most one is None, for no bound."""
    if low is None:
        return log_below(part, high, parameters)
    if high is None:
        return log_above(part, low, parameters)
    support, low, high = part.support(*parameters), whole(part, low), whole(part, high)
    under, none = outside(support, low, tails=True)
    over = outside(support, high, tails=True)
    none = either(none, over[0])
    under, over = under, over[1]
    if under is False and over is False and none is False:
        return part.log_between(low, high, *parameters)
    none = either(none, low >= high)
    simple = either(either(under, over), none)
    first, second = two_inside(support, low.dtype)
    inner = ops.where(simple, first, low), ops.where(simple, second, high)
    both = part.log_between(*(typed(part, x) for x in inner), *parameters)
    left = log_above(part, low, parameters)
    right = log_below(part, high, parameters)
    found = chosen(over, left, both)
    found = chosen(under, chosen(over, 0.0, right), found)
    return chosen(none, -math.inf, found)


def outside(
    support: Support, x: Node, within: Support | None = None, tails: bool = False
) -> tuple[Mask, Mask]:
    """Whether `x` lies below a support, and whether above it. With `tails`, whether the
    probability of values up to `x` is nothing, and whether it is all; then `x` may be infinite
    unless it is known to lie `within` finite values."""
    low, high = number_of(support.low), number_of(support.high)
    value = number_of(x)
    if is_number(value):
        x = value
    below: Mask = False
    above: Mask = False
    if is_bound(low) and not is_known(support, within, "low"):
        closed = support.discrete or not (tails or support.low_open)
        below = x < low if closed else x <= low
    if is_bound(high) and not is_known(support, within, "high"):
        closed = not support.discrete and (tails or support.high_open)
        above = x >= high if closed else x > high
        if tails and support.discrete:
            above = x >= high
    if tails and within is None:
        below = either(below, ends_at(x, -math.inf))
        above = either(above, ends_at(x, math.inf))
    return below, above


def ends_at(x: TensorLike, end: float) -> Mask:
    """Whether a value is this infinite one; known where it is a literal."""
    node = x if isinstance(x, Node) else None
    if node is None:
        return x == end
    literal = getattr(node.op, "array", None)
    if literal is not None and not (literal == end).any():
        return False
    return ops.eq(node, end)


def is_known(support: Support, within: Support | None, end: str) -> bool:
    """Whether values of `within` respect an end of a support."""
    if within is None or within.discrete != support.discrete:
        return False
    mine, other = number_of(getattr(support, end)), number_of(getattr(within, end))
    same = mine is other or (is_number(mine, other) and mine == other)
    if support.discrete:
        return same
    opens = getattr(support, f"{end}_open") and not getattr(within, f"{end}_open")
    return same and not opens


def either(a: Mask, b: Mask) -> Mask:
    """Whether one of two masks holds, where each may be known."""
    if a is False or b is True:
        return b
    return a if b is False or a is True else ops.logical_or(a, b)


def chosen(mask: Mask, value: TensorLike, other: Node) -> Node:
    """`value` where a mask, which may be known, holds."""
    if mask is False:
        return other
    if mask is True:
        return ops.broadcast_to(ops.astype(value, other.dtype), other.shape)
    return ops.where(mask, value, other)


def replaced(mask: Mask, x: Node, support: Support) -> Node:
    """`x`, and a value inside the support where the mask holds."""
    if mask is False:
        return x
    inner = two_inside(support, x.dtype)[0]
    if mask is True:
        return ops.broadcast_to(inner, ops.broadcast_shapes(inner.shape, x.shape))
    return ops.where(mask, inner, x)


def two_inside(support: Support, dtype: str) -> tuple[Node, Node]:
    """Two values inside a support, the second one above the first."""
    low, high = support.low, support.high
    low = as_tensor_of(low, dtype) if is_bound(low) else None
    high = as_tensor_of(high, dtype) if is_bound(high) else None
    if support.discrete:
        if low is None:
            low = as_tensor_of(0.0, dtype) if high is None else high - 1
        return low, low + 1
    if low is not None and high is not None:
        return 0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high
    if low is not None:
        return low + 1, low + 2
    if high is not None:
        return high - 2, high - 1
    return as_tensor_of(0.0, dtype), as_tensor_of(1.0, dtype)


def whole(part: Distribution, x: Node) -> Node:
    """A value rounded down for a distribution of whole numbers."""
    return ops.floor(x) if part.discrete and x.type.is_float else x


def typed(part: Distribution, x: Node) -> Node:
    """A value in the dtype that the formulas of a distribution take."""
    if part.indexes:
        return x.astype("int64")
    return x if x.type.is_float else x.astype("float64")


def hull(supports: Sequence[Support]) -> Support:
    """The smallest support that contains all of these. ValueError where there is none."""
    first = supports[0]
    if all(type(s) is type(first) for s in supports) and isinstance(first, (Interval, Integers)):
        low = reduce(least, [number_of(s.low) for s in supports])
        high = reduce(most, [number_of(s.high) for s in supports])
        if isinstance(first, Integers):
            return Integers(low, high)
        opens = [is_open(supports, "low", low), is_open(supports, "high", high)]
        return Interval(low, high, *opens)
    if all(s == first for s in supports):
        return first
    texts = dict.fromkeys(map(str, supports))
    raise ValueError(f"their values are of several kinds: {'; '.join(texts)}")


def is_open(supports: Sequence[Support], end: str, bound: TensorLike) -> bool:
    """Whether none of the supports has the bound at an end among its values."""
    if not is_number(bound):
        return all(getattr(s, f"{end}_open") for s in supports)
    at = [s for s in supports if is_number(x := number_of(getattr(s, end))) and x == bound]
    return all(getattr(s, f"{end}_open") for s in at)


def least(a: TensorLike, b: TensorLike) -> TensorLike:
    """The smaller one of two bounds, where an infinite one decides."""
    if a is b:
        return a
    if is_number(a, b):
        return min(a, b)
    if not is_bound(a) or not is_bound(b):
        return -math.inf
    return ops.minimum(a, b)


def most(a: TensorLike, b: TensorLike) -> TensorLike:
    """The larger one of two bounds, where an infinite one decides."""
    if a is b:
        return a
    if is_number(a, b):
        return max(a, b)
    if not is_bound(a) or not is_bound(b):
        return math.inf
    return ops.maximum(a, b)
