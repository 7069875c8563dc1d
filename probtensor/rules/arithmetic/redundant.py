"""Redundant operations: what an integer, a bound or the operand itself decides, and functions that
undo each other.

    x // 1 -> x        floor(floor(x)) -> floor(x)      m < m -> false (integers)
    max(exp(x), 0) -> exp(x)      cos(-x) -> cos(x)     where(c, true, false) -> c

All of these are exact, for nan and infinities too.
"""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.graph.node import Const, Node
from probtensor.transform.facts import FactTable, constant_of
from probtensor.transform.pattern import Match, Twice, var
from probtensor.transform.rewrite import Ruleset, rewrite, rule

x, y = var("x"), var("y")
c, d = var("c", "bool"), var("d", "bool")
ANY = (-1e300, 1e300)
ROUNDINGS = (ops.Floor, ops.Ceil, ops.Trunc, ops.Round)


def _is_integer(x: Node) -> bool:
    return x.dtype.kind in "iu"


def _integers(m: Match) -> bool:
    return all(map(_is_integer, m.bound.values()))


EVEN_AND_ODD = Ruleset(
    *(rule(f(-x), f(x), over=(-700, 700), why="even function")
      for f in (ops.cos, ops.cosh, ops.log_cosh)),
    *(rule(f(-x), -f(x), over=(-700, 700), why="odd function: the sign moves outwards")
      for f in (ops.sin, ops.sinh, ops.tanh, ops.arctan, ops.arcsinh, ops.erf)),
)  # fmt: skip

BOOLEANS = Ruleset(
    rule(ops.logical_and(c, ops.logical_not(c)), False, over=ANY, why="a contradiction"),
    rule(ops.logical_and(c, ops.logical_or(c, d)), c, over=ANY, why="absorption"),
    rule(ops.logical_or(c, ops.logical_and(c, d)), c, over=ANY, why="absorption"),
    rule(ops.eq(c, True), c, over=ANY, why="the operand itself"),
    rule(ops.ne(c, False), c, over=ANY, why="the operand itself"),
    rule(ops.eq(c, False), ops.logical_not(c), over=ANY, why="the negation itself"),
    rule(ops.ne(c, True), ops.logical_not(c), over=ANY, why="the negation itself"),
)  # fmt: skip


@rewrite(
    on=ops.Where,
    example=lambda: (lambda c: (ops.where(c, True, False), ops.where(c, False, True)))(
        ops.tensor("c", (3,), "bool")
    ),
)
def choice_of_truths(node: Node) -> Node | None:
    """where(c, true, false) -> c, and where(c, false, true) -> not c."""
    condition, *pair = node.inputs
    values = [constant_of(x) for x in pair]
    if node.dtype != "bool" or None in values or values[0] == values[1]:
        return None
    return ops.broadcast_to(condition if values[0] else ops.logical_not(condition), node.shape)


OPPOSITES = {ops.Lt: ops.ge, ops.Le: ops.gt, ops.Gt: ops.le, ops.Ge: ops.lt, ops.Eq: ops.ne,
             ops.Ne: ops.eq}  # fmt: skip


@rewrite(
    on=ops.LogicalNot,
    operands=[*OPPOSITES],
    example=lambda: ops.logical_not(
        ops.tensor("m", (3,), "int64") < ops.tensor("n", (3,), "int64")
    ),
)
def negate_comparison(node: Node) -> Node | None:
    """not m < n -> m >= n for integers; a comparison with nan and its opposite are both false."""
    (x,) = node.inputs
    opposite = OPPOSITES.get(type(x.op))
    if opposite is None:
        return None
    same_with_nan = isinstance(x.op, (ops.Eq, ops.Ne))
    whole = all(a.dtype.kind in "iub" for a in x.inputs)
    return opposite(*x.inputs) if whole or same_with_nan else None


EXTREMES = Ruleset(
    rule(ops.maximum(ops.maximum(x, y), y), ops.maximum(x, y), over=ANY, why="idempotent"),
    rule(ops.minimum(ops.minimum(x, y), y), ops.minimum(x, y), over=ANY, why="idempotent"),
)  # fmt: skip


@rewrite(
    on=(ops.Maximum, ops.Minimum),
    example=lambda: (
        ops.maximum(ops.maximum(ops.tensor("x", (3,)), 1.0), 2.0),
        ops.minimum(ops.minimum(ops.tensor("x", (3,)), 1.0), 2.0),
    ),
)
def join_limits(node: Node) -> Node | None:
    """max(max(x, 1), 2) -> max(x, 2), and so for minima of two literals."""
    for inner, outer in (node.inputs, node.inputs[::-1]):
        value = constant_of(outer)
        if value is None or math.isnan(value) or inner.op != node.op:
            continue
        for x, limit in (inner.inputs, inner.inputs[::-1]):
            other = constant_of(limit)
            if other is not None and not math.isnan(other) and constant_of(x) is None:
                pick = max if isinstance(node.op, ops.Maximum) else min
                return node.op(x, outer if pick(value, other) == value else limit)
    return None


@rewrite(
    on=(ops.Maximum, ops.Minimum),
    example=lambda: (
        ops.maximum(ops.exp(ops.tensor("x", (3,))), 0.0),
        ops.minimum(ops.sigmoid(ops.tensor("x", (3,))), 1.0),
    ),
)
def drop_limit_beyond_bounds(node: Node, facts: FactTable) -> Node | None:
    """max(x, c) -> x where the bounds show x >= c, or x is nan, which propagates; and so for
    min."""
    for x, limit in (node.inputs, node.inputs[::-1]):
        value, bounds = facts.constant(limit), facts.bounds(x)
        if value is None or math.isnan(value) or facts.constant(x) is not None:
            continue
        # Of -0.0 and 0.0 either is the larger one.
        if value == 0 and not (bounds.nonzero or isinstance(x.op, POSITIVE_ZEROS)):
            continue
        beyond = bounds.low >= value if isinstance(node.op, ops.Maximum) else bounds.high <= value
        if beyond:
            return ops.broadcast_to(x, node.shape)
    return None


# Functions whose zeros, also by underflow, are 0.0.
POSITIVE_ZEROS = (ops.Exp, ops.Sigmoid, ops.Square, ops.Abs, ops.Softplus, ops.Ndtr, ops.Softmax)


@rewrite(
    on=ROUNDINGS,
    example=lambda: (
        ops.floor(ops.floor(ops.tensor("x", (3,)))),
        ops.round(ops.ceil(ops.tensor("x", (3,)))),
        ops.floor(ops.astype(ops.tensor("i", (3,), "int64"), "float64")),
    ),
)
def round_once(node: Node, facts: FactTable) -> Node | None:
    """floor(ceil(x)) -> ceil(x): what is rounded to an integer, or was one, stays as it is."""
    (x,) = node.inputs
    whole = isinstance(x.op, ROUNDINGS) or (
        isinstance(x.op, ops.Cast) and not x.inputs[0].type.is_float
    )
    return x if whole and x.type == node.type else None


@rewrite(
    on=ops.Sign,
    example=lambda: ops.sign(ops.sign(ops.tensor("x", (3,)))),
)
def sign_once(node: Node) -> Node | None:
    """sign(sign(x)) -> sign(x)."""
    (x,) = node.inputs
    return x if isinstance(x.op, ops.Sign) else None


@rewrite(
    on=(ops.Eq, ops.Ne, ops.Lt, ops.Le, ops.Gt, ops.Ge),
    operands=Twice,
    example=lambda: (lambda m: (ops.eq(m, m), ops.ne(m, m), ops.lt(m, m), ops.ge(m, m)))(
        ops.tensor("m", (3,), "int64")
    ),
)
def compare_with_itself(node: Node) -> Node | None:
    """m == m is true, and m < m is false, for integers; nan differs from itself."""
    first, second = node.inputs
    if first is not second or first.dtype.kind not in "iub":
        return None
    holds = isinstance(node.op, (ops.Eq, ops.Le, ops.Ge))
    return ops.broadcast_to(ops.constant(holds), node.shape)


@rewrite(
    on=(ops.FloorDiv, ops.Mod),
    operands=[(Const, 1.0)],
    example=lambda: (lambda m: (m // 1, m % 1))(ops.tensor("m", (3,), "int64")),
)
def divide_by_one(node: Node) -> Node | None:
    """m // 1 -> m and m % 1 -> 0 for integers."""
    m, one = node.inputs
    if constant_of(one) != 1 or not _is_integer(m) or m.dtype != node.dtype:
        return None
    return m if isinstance(node.op, ops.FloorDiv) else 0 * m


INTEGERS = Ruleset(
    rule(x + y - y, x, over=(-9, 9), given=_integers, why="sums of integers are exact"),
    rule(x - y + y, x, over=(-9, 9), given=_integers, why="sums of integers are exact"),
)  # fmt: skip


@rewrite(
    on=(ops.Add, ops.Mul),
    operands=Const,
    example=lambda: (lambda m: (m * 2 * 3, m + 1 + 2))(ops.tensor("m", (3,), "int64")),
)
def join_integer_literals(node: Node) -> Node | None:
    """(m + 1) + 2 -> m + 3 and (m * 2) * 3 -> m * 6 for integers, which wrap around alike."""
    if not _is_integer(node):
        return None
    for inner, outer in (node.inputs, node.inputs[::-1]):
        if constant_of(outer) is None or inner.op != node.op or inner.dtype != node.dtype:
            continue
        for m, literal in (inner.inputs, inner.inputs[::-1]):
            if constant_of(literal) is not None and constant_of(m) is None:
                return node.op(m, node.op(literal, outer))
    return None


@rewrite(
    on=(ops.IsNan, ops.IsInf),
    example=lambda: (
        ops.isnan(ops.astype(ops.tensor("i", (3,), "int64"), "float64")),
        ops.isinf(ops.astype(ops.tensor("i", (3,), "int8"), "float64")),
    ),
)
def finite_by_type(node: Node) -> Node | None:
    """isnan and isinf of what was an integer are false."""
    (x,) = node.inputs
    if isinstance(x.op, ops.Cast) and x.inputs[0].dtype.kind in "iub" and x.dtype != "float16":
        return ops.broadcast_to(ops.constant(False), node.shape)
    return None


REDUNDANT = (
    EVEN_AND_ODD + BOOLEANS + EXTREMES + INTEGERS
    + Ruleset(
        choice_of_truths, negate_comparison, join_limits, drop_limit_beyond_bounds, round_once,
        sign_once, compare_with_itself, divide_by_one, join_integer_literals, finite_by_type,
    )
)  # fmt: skip
