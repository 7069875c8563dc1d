"""Powers, roots and logarithms: identities, and products instead of calls to pow.

A power must be differentiated as a power: the derivative of x**1.5 is 1.5 * sqrt(x), which is 0 at
0; that of x * sqrt(x) contains 0 * inf there. So FAST_POWERS are applied last, after all
derivatives have been taken.
"""

from __future__ import annotations

from probtensor import ops
from probtensor.transform.pattern import var
from probtensor.transform.rewrite import Ruleset, rule

x, y = var("x"), var("y")
ANY = (-1e300, 1e300)
FLOATS = (-800, 800)
POSITIVE = (0, 1e300)

POWERS = Ruleset(
    rule(
        x * x, ops.square(x), over=ANY,
        why="the operand is read once, and the result is known to be nonnegative",
    ),
    rule(ops.sqrt(ops.square(x)), ops.abs(x), over=ANY, why="the square may overflow"),
    rule(
        ops.square(ops.sqrt(x)), x, over=POSITIVE, why="x is nonnegative",
        given=lambda m: m.facts.bounds(m.x).nonnegative,
    ),
    rule(ops.Pow()(x, 0), 1, over=ANY, why="1 even for nan, as in C"),
    rule(ops.Pow()(x, 1), x, over=ANY, why="x to the power 1 is x"),
    rule(ops.Pow()(x, 2), ops.square(x), over=ANY, why="a product is faster and more accurate"),
    rule(ops.Pow()(x, -1), 1 / x, over=ANY, why="a quotient is faster and more accurate"),
    rule(ops.Pow()(x, 0.5), ops.sqrt(x), over=POSITIVE, why="faster and more accurate"),
    rule(ops.log(ops.exp(x)), x, over=FLOATS, why="exp overflows past 709 and underflows"),
    rule(
        ops.exp(ops.log(x)), x, over=POSITIVE,
        why="x is nonnegative; log of a negative number is nan",
        given=lambda m: m.facts.bounds(m.x).nonnegative,
    ),
    rule(1 / ops.exp(x), ops.exp(-x), over=(-700, 700), why="negation instead of a quotient"),
    rule(1 / (1 / x), x, over=ANY, why="double reciprocal"),
    rule(x / (1 / y), x * y, over=(1e-3, 1e3), why="double reciprocal"),
)  # fmt: skip

# x**-0.5; sqrt(-0.0) is -0.0, so the reciprocal needs abs.
ROOT = ops.abs(1 / ops.sqrt(x))

FAST_POWERS = Ruleset(
    rule(ops.Pow()(x, 3), x * ops.square(x), over=ANY, why="products are faster"),
    rule(ops.Pow()(x, 4), ops.square(ops.square(x)), over=ANY, why="products are faster"),
    rule(
        ops.Pow()(x, -2), ops.square(1 / x), over=(-1e150, 1e150),
        why="faster; x**2 overflows where 1 / x**2 is subnormal",
    ),
    rule(ops.Pow()(x, 1.5), x * ops.sqrt(x), over=POSITIVE, why="faster"),
    rule(ops.Pow()(x, 2.5), ops.square(x) * ops.sqrt(x), over=POSITIVE, why="faster"),
    rule(
        ops.Pow()(x, -0.5), ROOT, over=POSITIVE,
        why="faster; abs, since sqrt(-0.0) is -0.0",
    ),
    rule(
        ops.Pow()(x, -1.5), ROOT * ops.square(ROOT), over=POSITIVE,
        why="faster; x**1.5 overflows where x**-1.5 is subnormal",
    ),
    rule(
        ops.Pow()(x, -2.5), ROOT * ops.square(1 / x), over=POSITIVE,
        why="faster; x**2.5 overflows where x**-2.5 is subnormal",
    ),
)  # fmt: skip
