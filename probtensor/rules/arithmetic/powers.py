"""Powers, roots and logarithms: identities, and products in the place of calls.

A power is differentiated as a power: the derivative of x**1.5 is 1.5 * sqrt(x), 0 at 0, and that of
x * sqrt(x) would have to make 0 of 0 * inf. So the products of FAST_POWERS come last, when all
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
    rule(x * x, ops.square(x), over=ANY, why="one operand is read, and known not negative"),
    rule(ops.sqrt(ops.square(x)), ops.abs(x), over=ANY, why="the square may overflow"),
    rule(
        ops.square(ops.sqrt(x)), x, over=POSITIVE, why="known not to be negative",
        given=lambda m: m.facts.bounds(m.x).nonnegative,
    ),
    rule(ops.Pow()(x, 0), 1, over=ANY, why="1 even of nan, as in C"),
    rule(ops.Pow()(x, 1), x, over=ANY, why="1 is neutral"),
    rule(ops.Pow()(x, 2), ops.square(x), over=ANY, why="a product is faster and closer"),
    rule(ops.Pow()(x, -1), 1 / x, over=ANY, why="a quotient is faster and closer"),
    rule(ops.Pow()(x, 0.5), ops.sqrt(x), over=POSITIVE, why="faster and closer"),
    rule(ops.log(ops.exp(x)), x, over=FLOATS, why="exp overflows past 709 and underflows"),
    rule(
        ops.exp(ops.log(x)), x, over=POSITIVE, why="known not to be negative, where log has none",
        given=lambda m: m.facts.bounds(m.x).nonnegative,
    ),
    rule(1 / ops.exp(x), ops.exp(-x), over=(-700, 700), why="no quotient"),
    rule(1 / (1 / x), x, over=ANY, why="two inversions cancel"),
    rule(x / (1 / y), x * y, over=(1e-3, 1e3), why="two inversions cancel"),
)  # fmt: skip

# x**-0.5: a root of -0 has its sign.
ROOT = ops.abs(1 / ops.sqrt(x))

FAST_POWERS = Ruleset(
    rule(ops.Pow()(x, 3), x * ops.square(x), over=ANY, why="products are faster"),
    rule(ops.Pow()(x, 4), ops.square(ops.square(x)), over=ANY, why="products are faster"),
    rule(
        ops.Pow()(x, -2), ops.square(1 / x), over=(-1e150, 1e150),
        why="faster; the square of x overflows where its inverse is subnormal",
    ),
    rule(ops.Pow()(x, 1.5), x * ops.sqrt(x), over=POSITIVE, why="faster"),
    rule(ops.Pow()(x, 2.5), ops.square(x) * ops.sqrt(x), over=POSITIVE, why="faster"),
    rule(
        ops.Pow()(x, -0.5), ROOT, over=POSITIVE,
        why="faster; the sign of a root of -0 goes",
    ),
    rule(
        ops.Pow()(x, -1.5), ROOT * ops.square(ROOT), over=POSITIVE,
        why="faster; x**1.5 overflows where its inverse is subnormal",
    ),
    rule(
        ops.Pow()(x, -2.5), ROOT * ops.square(1 / x), over=POSITIVE,
        why="faster; x**2.5 overflows where its inverse is subnormal",
    ),
)  # fmt: skip
