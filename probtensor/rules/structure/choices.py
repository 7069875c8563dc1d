"""Selections by `where`: taken out of sums along which the condition is constant, and dropped where
the condition is always true or the value is 0 wherever the condition is false; choices by
`ifelse`."""

from __future__ import annotations

from probtensor import ops
from probtensor.graph.node import Const, Node, make
from probtensor.graph.walk import taken
from probtensor.ops.kinds import Elementwise
from probtensor.ops.random.draws import Draw
from probtensor.rules.arithmetic.sums import drop_constant_axes, is_constant_along
from probtensor.transform.facts import constant_of
from probtensor.transform.rewrite import Ruleset, rewrite

# Conditions and terms examined, at most.
MAX_TERMS = 12


@rewrite(
    on=ops.Sum,
    example=lambda: (
        ops.sum(ops.where(ops.tensor("c", (), "bool"), ops.tensor("x", (4, 3)), 0)),
        ops.sum(ops.where(ops.tensor("c", (3,), "bool"), 0, ops.tensor("x", (4, 3))), 0),
    ),
)
def pull_choice_out_of_sum(node: Node) -> Node | None:
    """sum(where(c, x, 0)) -> where(c, sum(x), 0) where c is constant along the summed axes: the
    gradient of a density selected by one condition."""
    x, axes = node.inputs[0], node.op.axes
    if not isinstance(x.op, ops.Where) or not axes:
        return None
    condition, a, b = x.inputs
    if not is_constant_along(condition, axes, x.ndim):
        return None
    zero_last = constant_of(b) == 0
    if not zero_last and constant_of(a) != 0:
        return None
    if constant_of(a) is not None and constant_of(b) is not None:
        return None
    c = drop_constant_axes(condition, axes, x.ndim)
    total = make(node.op, (ops.broadcast_to(a if zero_last else b, x.shape),))
    return ops.where(c, total, 0) if zero_last else ops.where(c, 0, total)


def _bool(name: str) -> Node:
    return ops.tensor(name, (3,), "bool")


def alternatives(condition: Node) -> set[Node]:
    """The operands of nested `logical_or`, MAX_TERMS of them at most."""
    found, stack = set(), [condition]
    while stack:
        x = stack.pop()
        if isinstance(x.op, ops.LogicalOr) and len(found) + len(stack) < MAX_TERMS:
            stack += x.inputs
        else:
            found.add(x)
    return found


def negated(condition: Node) -> Node:
    """The negation of a condition."""
    if isinstance(condition.op, ops.LogicalNot):
        return condition.inputs[0]
    return ops.logical_not(condition)


@rewrite(
    on=ops.LogicalOr,
    example=lambda: (lambda a, b: ops.logical_or(ops.logical_or(a, b), ops.logical_not(a)))(
        _bool("a"), _bool("b")
    ),
)
def or_of_complements(node: Node) -> Node | None:
    """a or b or not a -> true."""
    found = alternatives(node)
    if any(isinstance(x.op, ops.LogicalNot) and x.inputs[0] in found for x in found):
        return ops.broadcast_to(ops.constant(True), node.shape)
    return None


def zero_outside(x: Node, conditions: set[Node]) -> bool:
    """Is each term of the sum x 0 wherever all of these conditions are false?"""
    stack, seen = [x], 0
    while stack:
        term = stack.pop()
        seen += 1
        if seen > MAX_TERMS:
            return False
        if isinstance(term.op, (ops.Add, ops.Sub, ops.Neg)):
            stack += term.inputs
        elif isinstance(term.op, ops.Where):
            condition, a, b = term.inputs
            chosen = constant_of(b) == 0 and condition in conditions
            left = constant_of(a) == 0 and negated(condition) in conditions
            if not chosen and not left:
                return False
        elif constant_of(term) != 0:
            return False
    return True


@rewrite(
    on=ops.Where,
    example=lambda: (lambda a, b, x, y: (
        ops.where(ops.logical_or(a, b), ops.where(a, x, 0) + ops.where(b, y, 0), 0),
        ops.where(
            ops.logical_or(ops.logical_not(a), b), ops.where(a, 0, x) - ops.where(b, y, 0), 0
        ),
    ))(_bool("a"), _bool("b"), ops.tensor("x", (3,)), ops.tensor("y", (3,))),
)  # fmt: skip
def drop_redundant_choice(node: Node) -> Node | None:
    """where(a or b, where(a, x, 0) + where(b, y, 0), 0) -> the sum, which is 0 wherever both a and
    b are false."""
    condition, x, none = node.inputs
    if not isinstance(condition.op, ops.LogicalOr) or constant_of(none) != 0:
        return None
    if not x.type.is_float or not zero_outside(x, alternatives(condition)):
        return None
    return ops.broadcast_to(x, node.shape)


def _settled(name: str, *values: str) -> Node:
    """A choice by an input of that name."""
    selector = ops.tensor(name, (), "int64" if len(values) > 2 else "bool")
    tensors = {value: ops.tensor(value, (3,)) for value in values}
    return ops.IfElse()(selector, *map(tensors.__getitem__, values))


@rewrite(
    on=ops.IfElse,
    example=lambda: (
        _settled("c", "x", "x"),
        _settled("i", "x", "x", "x"),
        ops.IfElse()(ops.constant(False), ops.tensor("x", (3,)), ops.tensor("y", (3,))),
        ops.IfElse()(ops.constant(7), *(ops.tensor(name, (3,)) for name in "xyz")),
    ),
)
def settle_choice(node: Node) -> Node | None:
    """The alternative that a constant selector takes; any, if all are the same tensor."""
    selector, *values = node.inputs
    if isinstance(selector.op, Const):
        found = values[taken(selector.op.array, len(values))]
    elif all(x is values[0] for x in values):
        found = values[0]
    else:
        return None
    return found if found.type == node.type else None


@rewrite(
    on=ops.IfElse,
    example=lambda: ops.IfElse()(
        ops.logical_not(ops.tensor("c", (), "bool")), ops.tensor("x", (3,)), ops.tensor("y", (3,))
    ),
)
def choose_without_negation(node: Node) -> Node | None:
    """ifelse(not c, x, y) -> ifelse(c, y, x), so that choices by c and by its negation have one
    selector."""
    selector, *values = node.inputs
    if not isinstance(selector.op, ops.LogicalNot) or len(values) != 2:
        return None
    return node.op(selector.inputs[0], *reversed(values))


def _is_plain(x: Node) -> bool:
    """Is this an elementwise function, of which only values count?"""
    plain = isinstance(x.op, Elementwise) and not isinstance(x.op, (*_LOGARITHMS, Draw))
    return plain and not getattr(x.op, "stops", False)


# Rules move a choice out of the argument of these.
_LOGARITHMS = (ops.Log, ops.Log1p)
# Two calls of these take no longer than a choice, and the forms that stable logarithms have where a
# factor is 0 are known by them.
_CHEAP = (
    ops.Neg, ops.Add, ops.Sub, ops.Mul, ops.Square, ops.Abs, ops.Cast, ops.Maximum, ops.Minimum,
    ops.Xexpy, ops.Xtimes, ops.Where, ops.LogicalNot, ops.LogicalAnd, ops.LogicalOr, ops.Lt,
    ops.Le, ops.Gt, ops.Ge, ops.Eq, ops.Ne,
)  # fmt: skip


@rewrite(
    on=ops.Where,
    example=lambda: (lambda c, x, y, z: (
        ops.where(c, ops.exp(x), ops.exp(y)), ops.where(c, x**y, x**z),
        ops.where(c, ops.log_sigmoid(x), ops.log_sigmoid(-x)), ops.where(c, x / z, y / z),
    ))(_bool("c"), ops.tensor("x", (3,)), ops.tensor("y", (3,)), ops.tensor("z", (3,))),
)  # fmt: skip
def choose_operand(node: Node) -> Node | None:
    """where(c, f(x, z), f(y, z)) -> f(where(c, x, y), z): one call of the function at each element
    instead of two."""
    condition, a, b = node.inputs
    if a.op != b.op or isinstance(a.op, _CHEAP) or not _is_plain(a):
        return None
    if not (a.shape == b.shape == node.shape):
        return None
    first, second = a.inputs, b.inputs
    differ = [k for k, (x, y) in enumerate(zip(first, second, strict=True)) if x is not y]
    if len(differ) == 2 and a.op.facts.commutative and set(first) & set(second):
        second = second[::-1]
        differ = [k for k, (x, y) in enumerate(zip(first, second, strict=True)) if x is not y]
    if len(differ) != 1 or all(constant_of(x) is not None for x in (*first, *second)):
        return None
    (k,) = differ
    if first[k].dtype != second[k].dtype:
        return None
    chosen = ops.where(condition, first[k], second[k])
    return make(a.op, (*first[:k], chosen, *first[k + 1 :]))


@rewrite(
    on=Elementwise,
    operands=ops.Where,
    example=lambda: (lambda c: (
        ops.exp(ops.where(c, 0.0, 1.0)), 2.0 * ops.where(c, 3.0, 0.5),
        ops.where(c, 1.0, 2.0) / ops.where(c, 4.0, -0.5), ops.where(c, 1, 2) > 1,
    ))(_bool("c")),
)  # fmt: skip
def compute_both_literals(node: Node) -> Node | None:
    """f(where(c, 2, 3)) -> where(c, f(2), f(3)), which are literals."""
    if isinstance(node.op, ops.Where) or not _is_plain(node):
        return None
    condition, sides = None, ([], [])
    for x in node.inputs:
        if isinstance(x.op, ops.Where):
            own, *pair = x.inputs
            if condition is not None and own is not condition:
                return None
            condition = own
        else:
            pair = [x, x]
        if any(not isinstance(y.op, Const) or y.ndim for y in pair):
            return None
        for side, y in zip(sides, pair, strict=True):
            side.append(y)
    return None if condition is None else ops.where(condition, *(node.op(*s) for s in sides))


CHOICES = Ruleset(
    pull_choice_out_of_sum, or_of_complements, drop_redundant_choice, settle_choice,
    choose_without_negation, choose_operand, compute_both_literals,
)  # fmt: skip
