"""Quotients of exponentials that are hyperbolic tangents, and functions that undo each other."""

from __future__ import annotations

from probtensor import ops
from probtensor.transform.facts import Bounds
from probtensor.transform.pattern import Match, var
from probtensor.transform.rewrite import Ruleset, rule

x = var("x")
WIDE = (-800, 800)


def _within(low: float, high: float) -> object:
    """The condition that x is within bounds, outside of which the inner function is nan."""

    def holds(m: Match) -> bool:
        found: Bounds = m.facts.bounds(m.x)
        return found.low >= low and found.high <= high

    return holds


QUOTIENTS = Ruleset(
    rule(
        (ops.exp(x) - ops.exp(-x)) / (ops.exp(x) + ops.exp(-x)), ops.tanh(x), over=WIDE,
        in_chain=True, limits=True, why="inf / inf past 709, and cancellation near 0",
    ),
    rule(
        ops.expm1(x) / (1 + ops.exp(x)), ops.tanh(0.5 * x), over=WIDE, in_chain=True,
        limits=True, why="inf / inf past 709",
    ),
    rule(
        -ops.expm1(x) / (1 + ops.exp(x)), ops.tanh(-0.5 * x), over=WIDE, in_chain=True,
        limits=True, why="inf / inf past 709",
    ),
    rule(
        ops.sinh(x) / ops.cosh(x), ops.tanh(x), over=WIDE, in_chain=True, limits=True,
        why="inf / inf past 710",
    ),
)  # fmt: skip

INVERSES = Ruleset(
    rule(ops.sinh(ops.arcsinh(x)), x, over=(-1e300, 1e300), why="inverse functions"),
    rule(
        ops.arcsinh(ops.sinh(x)), x, over=WIDE, everywhere=False, why="sinh overflows past 710",
    ),
    rule(ops.tan(ops.arctan(x)), x, over=(-1e300, 1e300), limits=True, why="inverse functions"),
    rule(
        ops.arctanh(ops.tanh(x)), x, over=WIDE, everywhere=False, why="tanh rounds to 1 past 19",
    ),
    rule(
        ops.tanh(ops.arctanh(x)), x, over=(-1, 1), given=_within(-1, 1), why="inverse functions",
    ),
    rule(ops.sin(ops.arcsin(x)), x, over=(-1, 1), given=_within(-1, 1), why="inverse functions"),
    rule(ops.cos(ops.arccos(x)), x, over=(-1, 1), given=_within(-1, 1), why="inverse functions"),
    rule(ops.ndtri(ops.ndtr(x)), x, over=(-30, 6), everywhere=False, why="ndtr rounds to 1"),
    rule(ops.ndtr(ops.ndtri(x)), x, over=(0.001, 0.999), given=_within(0, 1), why="inverse"),
    rule(ops.erfinv(ops.erf(x)), x, over=(-5, 5), everywhere=False, why="erf rounds to 1"),
    rule(ops.erf(ops.erfinv(x)), x, over=(-1, 1), given=_within(-1, 1), why="inverse functions"),
    rule(ops.log2(ops.exp2(x)), x, over=(-1000, 1000), why="exp2 overflows past 1024"),
    rule(
        ops.exp2(ops.log2(x)), x, over=(0, 1e300), why="inverse functions",
        given=lambda m: m.facts.bounds(m.x).nonnegative,
    ),
)  # fmt: skip

HYPERBOLIC = QUOTIENTS + INVERSES
