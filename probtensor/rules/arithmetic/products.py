"""Products: signs and literals are combined where the result is the same to the last bit.

A quotient is correctly rounded, and must remain so: floor(x / 49) at 49 is 1, and x / max(x)
reaches 1. So x / s is not rewritten to x * (1 / s), which may differ by an ulp, unless s is a power
of two. Nor is (s * x) * t rewritten to (s * t) * x: s * t may overflow or underflow where no step
of the written order does. Only signs and powers of two are moved and combined with other literals,
since that changes no bit of the result.

`rules.arithmetic.reciprocals` replaces the division of each element by a product where only sums
read it.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from probtensor import ops
from probtensor.graph.node import Const, Node, made_by
from probtensor.transform.facts import constant_of
from probtensor.transform.rewrite import Ruleset, rewrite

PRODUCTS = (ops.Mul, ops.Div, ops.Neg)


def literal(value: float | Fraction, like: Node) -> Node | None:
    """The scalar constant in the dtype of `like`; None if that cannot represent the value exactly
    as a normal number or 0."""
    info = np.finfo(like.dtype)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if abs(value) > Fraction(float(info.max)) or (value and abs(value) < float(info.tiny)):
        return None
    number = np.asarray(float(value), like.dtype)
    return ops.constant(number) if Fraction(float(number)) == value else None


def factor_of(x: Node) -> float | None:
    """The value of a literal that is finite and not 0; None for any other node."""
    value = constant_of(x)
    usable = value is not None and math.isfinite(value) and value != 0
    return float(value) if usable else None


def scaled(x: Node) -> tuple[float | Fraction, Node, bool] | None:
    """(c, y, inverted) for x = c * y, or c / y if `inverted`, with a literal c that is not 1."""
    if isinstance(x.op, ops.Neg):
        return -1.0, x.inputs[0], False
    if isinstance(x.op, ops.Mul):
        for number, rest in (x.inputs, x.inputs[::-1]):
            value = factor_of(number)
            if value is not None and constant_of(rest) is None:
                return value, rest, False
    if isinstance(x.op, ops.Div):
        above, below = x.inputs
        value = factor_of(below)
        if value is not None and constant_of(above) is None:
            return 1 / Fraction(value), above, False
        value = factor_of(above)
        if value is not None and constant_of(below) is None:
            return value, below, True
    return None


def is_power_of_two(c: float | Fraction) -> bool:
    """Is a product with c exact?"""
    if isinstance(c, float):
        return abs(math.frexp(c)[0]) == 0.5
    above, below = (abs(n) for n in Fraction(c).as_integer_ratio())
    return c != 0 and above & (above - 1) == 0 and below & (below - 1) == 0


def times(c: Fraction, x: Node, inverted: bool, like: Node) -> Node | None:
    """c * x (or c / x) in one rounding: a product with c or a quotient by 1 / c, whichever the
    dtype represents exactly; None if it represents neither."""
    if not inverted and c in (1, -1):
        return x if c == 1 else -x
    number = literal(c, like)
    if number is not None:
        return number / x if inverted else number * x
    number = None if inverted else literal(1 / c, like)
    return None if number is None else x / number


@rewrite(
    on=PRODUCTS,
    operands=[*PRODUCTS],
    example=lambda: tuple(
        form(ops.tensor("x", (3,), dtype))
        for form in (
            lambda x: -((x * 3.0) / 2.0),
            lambda x: (x / 3.0) * 2.0,
            lambda x: 6.0 / (x * 2.0),
            lambda x: (x * 3.0) * 0.5,
            lambda x: 2.0 * (5.0 / x),
        )
        for dtype in ("float64", "float32")
    ),
)  # fmt: skip
def join_literal_factors(node: Node) -> Node | None:
    """c * (d * x) -> (c * d) * x, and likewise with quotients, where one of the steps is exact: the
    same bits from one operation, unless the written order over- or underflows."""
    if not node.type.is_float:
        return None
    if not any(isinstance(x.op, PRODUCTS) for x in node.inputs):
        return None
    outer = scaled(node)
    inner = None if outer is None else scaled(outer[1])
    if inner is None:
        return None
    (c, _, upside_down), (d, x, inverted) = outer, inner
    exact = not inverted and is_power_of_two(d)
    if not exact and (upside_down or not is_power_of_two(c)):
        return None
    both = Fraction(c) / Fraction(d) if upside_down else Fraction(c) * Fraction(d)
    with made_by(outer[1] if inverted else node):  # a quotient has the line of its division
        return times(both, x, inverted != upside_down, node)


@rewrite(
    on=ops.Div,
    operands=Const,
    example=lambda: (ops.tensor("x", (3,)) / 4.0, ops.tensor("x", (3,), "float32") / -0.125),
)
def multiply_by_power_of_two(node: Node) -> Node | None:
    """x / 2**k -> 2**-k * x: the same result, and products are faster."""
    value = factor_of(node.inputs[1]) if node.type.is_float else None
    if value is None or not is_power_of_two(value):
        return None
    number = literal(1 / Fraction(value), node)
    return None if number is None else number * node.inputs[0]


@rewrite(
    on=(ops.Mul, ops.Div),
    operands=ops.Neg,
    example=lambda: (
        -ops.tensor("x", (3,)) * ops.tensor("y", (3,)),
        ops.tensor("x", (3,)) / -ops.tensor("s"),
        2.0 * -ops.tensor("x", (3,)),
    ),
)
def move_signs_out(node: Node) -> Node | None:
    """-x * y -> -(x * y): negation is exact, and negations cancel further outwards."""
    if not node.type.is_float:
        return None
    for position, x in enumerate(node.inputs):
        if isinstance(x.op, ops.Neg):
            other = node.inputs[1 - position]
            value = factor_of(other)
            pair = list(node.inputs)
            pair[position] = x.inputs[0]
            if value is not None:
                pair[1 - position] = ops.constant(np.asarray(-value, node.dtype))
                return node.op(*pair)
            return -node.op(*pair)
    return None


@rewrite(on=ops.Mul, operands=Const, example=lambda: ops.tensor("x", (3,)) * 3.0)
def write_literals_first(node: Node) -> Node | None:
    """x * c -> c * x: a canonical order, so that equal products are one node."""
    a, b = node.inputs
    if constant_of(b) is None or constant_of(a) is not None:
        return None
    return b * a


PRODUCT_FORM = Ruleset(
    write_literals_first, join_literal_factors, multiply_by_power_of_two, move_signs_out
)
