"""Sums of independent variables that are no family of their own: of whole numbers of which there
are few, of a uniform variable and any other one, of totals of few whole numbers.

Source: Feller, "An Introduction to Probability Theory and Its Applications" (1971), volume II,
section V.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Node, as_tensor
from probtensor.prob.derived.derivation import NotDerived, require_defined
from probtensor.prob.derived.law import Law, Members, joined_sources, literal_like
from probtensor.prob.distributions.continuous.bounded import Uniform
from probtensor.prob.distributions.support import Integers, Interval, is_bound, is_number
from probtensor.rules.arithmetic.sums import is_constant_along
from probtensor.types import size_product

# The most whole numbers that a term may take, and that a total may take.
MOST, MOST_OF_TOTAL = 64, 512
# The log of a share of the smaller tail below which a density hardly changes in an interval.
NARROW = math.log(1e-5)


@dataclass(frozen=True)
class Few:
    """Whole numbers from `low` on, with their log probabilities."""

    low: int
    logs: list[Node]


def few_numbers(law: Law) -> Few | None:
    """The probabilities of the whole numbers that a law has, if these are few."""
    support = law.support
    if not isinstance(support, Integers) or not law.independent:
        return None
    if not is_number(support.low, support.high) or np.ndim(support.low) or np.ndim(support.high):
        return None
    if not np.isfinite([support.low, support.high]).all() or support.high - support.low >= MOST:
        return None
    low, high = int(support.low), int(support.high)
    indexes = law.family is not None and law.family.distribution.indexes
    numbers = [ops.broadcast_to(as_tensor(float(k)), law.shape) for k in range(low, high + 1)]
    return Few(low, [law.full(k.astype("int64") if indexes else k) for k in numbers])


def sum_with_few(few: Few, other: Law, sign: int, node: Node, laws: tuple[Law, Law]) -> Law:
    """k + x, with `sign` -1 k - x: the densities of x at what is left by each k, weighted. That of
    x - k is the same with probabilities of -k."""
    require_defined(other, node)
    numbers = [few.low + j for j in range(len(few.logs))]

    def terms(function: Callable) -> Callable:
        def found(s: Node) -> Node:
            parts = [
                ops.broadcast_to(w + function(sign * (s - k)), node.shape)
                for k, w in zip(numbers, few.logs, strict=True)
            ]
            return ops.logsumexp(ops.stack(parts), axis=0)

        return found

    known = other.lower is not None and other.upper is not None
    tails = (other.below, other.above)
    if sign < 0:
        tails = (other.at_least, other.before)
    density = terms(other.full)
    support = _shifted(other, sign, numbers, node)
    if other.discrete and not isinstance(other.support, Integers):
        text = f"{other.support}, shifted by whole numbers"
        support = Members(lambda s: density(s) > -math.inf, text, True)
    return Law(
        node.shape, node.dtype, density, support,
        joined_sources(laws), lower=terms(tails[0]) if known else None,
        upper=terms(tails[1]) if known else None,
        alike=lambda axis: all(x.alike(axis) for x in laws),
        points=_points(other, sign, numbers, node),
    )  # fmt: skip


def _points(other: Law, sign: int, numbers: list[int], node: Node) -> tuple[Node, ...]:
    if not other.points:
        return ()
    if len(numbers) * len(other.points) > MOST:
        raise NotDerived(f"it has more than {MOST} values with probabilities of their own", node)
    return tuple(k + sign * x for k in numbers for x in other.points)


def _shifted(other: Law, sign: int, numbers: list[int], node: Node) -> Interval | Integers:
    """The least interval that holds the sums."""
    support = other.support
    kind = Integers if other.discrete else Interval
    if not isinstance(support, (Interval, Integers)):
        return kind(-math.inf, math.inf)
    ends = [support.low, support.high] if sign > 0 else [support.high, support.low]
    ends = [
        sign * (x if is_number(x) else as_tensor(x)) + k if is_bound(x) else far
        for x, k, far in zip(ends, (numbers[0], numbers[-1]), (-math.inf, math.inf), strict=True)
    ]
    return kind(*ends)


def sum_with_uniform(
    uniform: Law, other: Law, sign: int, node: Node, laws: tuple[Law, Law]
) -> Law | None:
    """u + x, with `sign` -1 u - x, for u uniform from a to b and a continuous x: the probability
    of the x between s - b and s - a, divided by b - a."""
    if uniform.family is None or not uniform.family.of(Uniform) or other.discrete or other.points:
        return None
    if other.lower is None or other.upper is None or not other.independent or other.partial:
        return None
    a, b = uniform.family.parameters

    def density(s: Node) -> Node:
        low, high = (s - b, s - a) if sign > 0 else (a - s, b - s)
        share = other.between(low, high)
        # Between ends next to each other the difference of two tails is lost to rounding.
        middle = other.full(low + 0.5 * (high - low))
        tail = ops.minimum(other.below(high), other.above(low))
        narrow = (share - tail < NARROW) & (middle > -math.inf)
        found = ops.where(narrow, middle, share - ops.log(b - a))
        return ops.where(ops.isnan(s), math.nan, found)

    low, high = -math.inf, math.inf
    support = other.support
    if isinstance(support, Interval):
        ends = (support.low, support.high) if sign > 0 else (support.high, support.low)
        low = a + sign * as_tensor(ends[0]) if is_bound(ends[0]) else low
        high = b + sign * as_tensor(ends[1]) if is_bound(ends[1]) else high
    return Law(
        node.shape, node.dtype, density, Interval(low, high), joined_sources(laws),
        alike=lambda axis: all(x.alike(axis) for x in laws),
    )  # fmt: skip


def total_of_few(law: Law, axes: tuple[int, ...], node: Node) -> Law | None:
    """The sum over axes of whole numbers that take few values: by convolution of their
    probabilities, one entry after another."""
    few = few_numbers(law)
    count = size_product(law.shape[a] for a in axes)
    if few is None or not isinstance(count, int) or not count:
        return None
    width = len(few.logs) - 1
    if count * width + 1 > MOST_OF_TOTAL or count > MOST:
        return None
    table = ops.stack([ops.broadcast_to(x, law.shape) for x in few.logs], axis=-1)
    if all(is_constant_along(x, axes, law.ndim) for x in few.logs):
        first = tuple(0 if k in axes else slice(None) for k in range(law.ndim))
        rows = [table[first]] * count
    else:
        front = ops.moveaxis(table, axes, tuple(range(len(axes))))
        front = ops.reshape(front, (count, *front.shape[len(axes) :]))
        rows = [front[k] for k in range(count)]
    total = rows[0]
    for row in rows[1:]:
        total = _convolved(total, row)
    low, size = count * few.low, count * width + 1
    places = ops.arange(size).astype("float64")

    def within(choose: Callable) -> Callable:
        def found(s: Node) -> Node:
            there = choose(places, (s - low)[..., None])
            logs = ops.where(there, total, literal_like(-math.inf, total))
            return ops.where(ops.isnan(s), math.nan, ops.logsumexp(logs, axis=-1))

        return found

    return Law(
        node.shape, node.dtype, within(ops.eq), Integers(low, low + size - 1), law.sources,
        lower=within(ops.le), upper=within(ops.gt),
        alike=lambda axis: law.alike(axis + sum(a <= axis for a in axes)),
    )  # fmt: skip


def _convolved(x: Node, y: Node) -> Node:
    """The log probabilities of a sum, from those of its terms along the last axis."""
    n, m = x.shape[-1], y.shape[-1]
    gap = ops.broadcast_to(literal_like(-math.inf, x), (*x.shape[:-1], m - 1))
    wide = ops.concatenate([gap, x, gap], axis=-1)
    # Row j has the terms x[j - i] of the numbers i of y.
    places = np.arange(n + m - 1)[:, None] + (m - 1) - np.arange(m)[None, :]
    return ops.logsumexp(wide[..., places] + y[..., None, :], axis=-1)
