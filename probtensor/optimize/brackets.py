"""Iterations that keep a sign change between two points, for all elements of tensors at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Node

Function = Callable[[Node], Node]
Carry = list[Node]


@dataclass(frozen=True)
class Tolerance:
    """A root x is found if it is known up to xtol + rtol * |x|."""

    xtol: Node
    rtol: Node

    def at(self, x: Node) -> Node:
        return self.xtol + self.rtol * abs(x)


class Bisection:
    """The middle of the bracket in each step.

    Carried: one end, the width with its sign, the value at the end.
    """

    def start(self, f: Function, a: Node, b: Node) -> tuple[Carry, Node]:
        """(what is carried, whether the ends have values of different signs)."""
        first, second = f(a), f(b)
        exact = ops.eq(second, 0)
        return [ops.where(exact, b, a), b - a, first], changes_sign(first, second)

    def step(self, f: Function, carry: Sequence[Node], tolerance: Tolerance) -> tuple[Carry, Node]:
        """(what is carried, whether the root is found) after a step."""
        low, width, value = carry
        half = 0.5 * width
        middle = low + half
        found = f(middle)
        same = ops.sign(found) * ops.sign(value) >= 0
        low = ops.where(same, middle, low)
        done = ops.logical_or(ops.eq(found, 0), abs(half) < tolerance.at(middle))
        return [low, half, value], done

    def root(self, carry: Sequence[Node]) -> Node:
        return carry[0]


class Brent:
    """Brent's method: the secant or inverse quadratic interpolation, or the middle where these do
    not shrink the bracket.

    Carried: the points before, now and at the other end, with their values; the last two steps.

    Source: Brent (1973), "Algorithms for Minimization Without Derivatives", chapter 4.
    """

    def start(self, f: Function, a: Node, b: Node) -> tuple[Carry, Node]:
        """(what is carried, whether the ends have values of different signs)."""
        first, second = f(a), f(b)
        exact = ops.eq(first, 0)
        now, value = ops.where(exact, a, b), ops.where(exact, first, second)
        zero = ops.zeros_like(a)
        return [a, now, zero, first, value, zero, zero, zero], changes_sign(first, second)

    def step(self, f: Function, carry: Sequence[Node], tolerance: Tolerance) -> tuple[Carry, Node]:
        """(what is carried, whether the root is found) after a step."""
        before, now, other, f_before, f_now, f_other, last, step = carry
        crossed = ops.sign(f_before) * ops.sign(f_now) < 0
        other, f_other = ops.where(crossed, before, other), ops.where(crossed, f_before, f_other)
        last, step = (ops.where(crossed, now - before, x) for x in (last, step))
        swap = abs(f_other) < abs(f_now)
        points = [(before, f_before), (now, f_now), (other, f_other)]
        turned = [(now, f_now), (other, f_other), (now, f_now)]
        (before, f_before), (now, f_now), (other, f_other) = (
            (ops.where(swap, t[0], p[0]), ops.where(swap, t[1], p[1]))
            for p, t in zip(points, turned, strict=True)
        )
        least = 0.5 * tolerance.at(now)
        middle = 0.5 * (other - now)
        found = ops.logical_or(ops.eq(f_now, 0), abs(middle) < least)
        trial = _interpolated(before, now, other, f_before, f_now, f_other)
        short = 2 * abs(trial) < ops.minimum(abs(last), 3 * abs(middle) - least)
        goes = ops.logical_and(abs(last) > least, abs(f_now) < abs(f_before))
        goes = ops.logical_and(goes, short)
        last, step = ops.where(goes, step, middle), ops.where(goes, trial, middle)
        moved = ops.where(abs(step) > least, step, ops.where(middle > 0, least, -least))
        after = ops.where(found, now, now + moved)
        return [now, after, other, f_now, f(after), f_other, last, step], found

    def root(self, carry: Sequence[Node]) -> Node:
        return carry[1]


def _interpolated(
    before: Node, now: Node, other: Node, f_before: Node, f_now: Node, f_other: Node
) -> Node:
    """The step to the root of the secant, or of the inverse parabola through three points."""
    secant = -f_now * (now - before) / (f_now - f_before)
    d_before = (f_before - f_now) / (before - now)
    d_other = (f_other - f_now) / (other - now)
    parabola = (
        -f_now * (f_other * d_other - f_before * d_before)
        / (d_other * d_before * (f_other - f_before))
    )  # fmt: skip
    return ops.where(ops.eq(before, other), secant, parabola)


def changes_sign(a: Node, b: Node) -> Node:
    """Whether a root lies between points of these values, or at one of them."""
    return ops.sign(a) * ops.sign(b) <= 0
