"""Patterns: small graphs over variables, matched against nodes and instantiated.

A pattern is built with the ops themselves, over scalar variables that match tensors of any shape.
Operands of commutative ops match in either order, and literals match by value, also if broadcast.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator
from functools import lru_cache

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Const, Input, Node, Op, make
from probtensor.graph.walk import toposort
from probtensor.transform.facts import FactTable, constant_of
from probtensor.types import TensorType


@dataclass(frozen=True)
class Var(Input):
    """A variable of a rule. It matches any node; one of dtype bool matches bool nodes only."""

    name = "var"


def var(name: str, dtype: str = "float64") -> Node:
    """A variable for `rule`: a scalar that matches tensors of any shape. Dtype "bool" matches bool
    nodes, any other dtype matches numbers."""
    return make(Var(name, TensorType(dtype, ()), name), ())


class Match:
    """A match of a pattern: `m.x` is the node that variable x matched, `m.facts` the facts."""

    def __init__(self, bound: dict[str, Node], facts: FactTable) -> None:
        self.bound = bound
        self.facts = facts

    def __getattr__(self, name: str) -> Node:
        try:
            return self.bound[name]
        except KeyError:
            raise AttributeError(f"the pattern has no variable {name!r}") from None


def match(
    pattern: Node, node: Node, bound: dict[str, Node], facts: FactTable
) -> Iterator[dict[str, Node]]:
    """All matches of the pattern at the node, each as {variable: node}."""
    op = pattern.op
    kind = type(op)
    if kind is Var:
        if op.label in bound:
            if bound[op.label] is node:
                yield bound
        elif (pattern.dtype == "bool") == (node.dtype == "bool"):
            yield {**bound, op.label: node}
    elif kind is Const:
        value = facts.constant(node)
        if value is not None and value == op.array.item():
            yield bound
    elif _is_known_sign(pattern, bound):
        if is_negation(node, bound[pattern.inputs[0].op.label]):
            yield bound
    elif type(node.op) is kind and node.op == op and len(node.inputs) == len(pattern.inputs):
        if _fit(pattern.inputs, node.inputs):
            yield from match_all(pattern.inputs, node.inputs, bound, facts)
        if commutes(op) and node.inputs[0] is not node.inputs[1]:
            reverse = node.inputs[::-1]
            if _fit(pattern.inputs, reverse):
                yield from match_all(pattern.inputs, reverse, bound, facts)


def _fit(patterns: tuple[Node, ...], nodes: tuple[Node, ...]) -> bool:
    """A cheap necessary condition for a match: have the nodes the ops of the patterns?"""
    for p, x in zip(patterns, nodes, strict=True):
        kind = type(p.op)
        if kind is not type(x.op) and kind not in _LOOSE:
            return False
    return True


def match_all(
    patterns: tuple[Node, ...], nodes: tuple[Node, ...], bound: dict[str, Node], facts: FactTable
) -> Iterator[dict[str, Node]]:
    """All matches of the patterns at the nodes, in this order."""
    if not patterns:
        yield bound
        return
    for found in match(patterns[0], nodes[0], bound, facts):
        yield from match_all(patterns[1:], nodes[1:], found, facts)


# Patterns that match nodes of other ops: a negation has several forms.
_LOOSE = (Var, Const, ops.Neg)


def _is_known_sign(pattern: Node, bound: Container[str]) -> bool:
    """Is this -x for a variable x that is bound? Then any form of its negation matches."""
    if type(pattern.op) is not ops.Neg:
        return False
    inner = pattern.inputs[0]
    return type(inner.op) is Var and inner.op.label in bound


def is_negation(p: Node, q: Node) -> bool:
    """Do the expressions of p and q show that p = -q?"""
    of_p, of_q = type(p.op), type(q.op)
    if (of_p is ops.Neg and p.inputs[0] is q) or (of_q is ops.Neg and q.inputs[0] is p):
        return True
    if of_p is ops.Sub and of_q is ops.Sub:
        return p.inputs[0] is q.inputs[1] and p.inputs[1] is q.inputs[0]
    if of_p is ops.Mul and of_q is ops.Mul and p.inputs[1] is q.inputs[1]:
        c, d = (constant_of(product.inputs[0]) for product in (p, q))
        return c is not None and d is not None and c == -d
    return False


# Marks: what rules ask for among the operands of a node. A mark is an op class, Const for a literal
# of any shape, (Const, value) for one of the usual values, or one of these:


class Twice:
    """Marks a node whose two operands are the same node."""


class Literals:
    """Marks a node whose operands are all literals."""


Mark = type | tuple[type, float]
# The values that are marked: those of patterns, among others.
MARKED = {k / 2: (Const, k / 2) for k in range(-6, 9)}


def marks_of_operands(pattern: Node) -> list[Mark]:
    """The marks of all nodes that match a pattern."""
    found: list[Mark] = []
    for k, x in enumerate(pattern.inputs):
        kind = type(x.op)
        if kind is Const:
            found.append(MARKED.get(x.op.array.item(), Const))
        elif kind is ops.Neg:
            before = {n.op.label for n in toposort(pattern.inputs[:k]) if type(n.op) is Var}
            found += [] if _is_known_sign(x, before) else [kind]
        elif kind is not Var:
            found.append(kind)
    if len(pattern.inputs) == 2 and pattern.inputs[0] is pattern.inputs[1]:
        found.append(Twice)
    return found


def operand_ops(pattern: Node) -> tuple[type[Op] | None, ...]:
    """For each operand of a pattern the op that it must have: None for any op, Const for any
    broadcast of a literal."""
    return tuple(None if type(x.op) in (Var, ops.Neg) else type(x.op) for x in pattern.inputs)


def could_fit(
    wanted: tuple[type[Op] | None, ...], inputs: tuple[Node, ...], facts: FactTable
) -> bool:
    """A cheap necessary condition for a match: do the wanted ops occur among the operands?"""
    for kind in wanted:
        if kind is None:
            continue
        for x in inputs:
            if facts.constant(x) is not None if kind is Const else type(x.op) is kind:
                break
        else:
            return False
    return True


def commutes(op: Op) -> bool:
    """Whether the operands of an op may be in any order."""
    facts = getattr(op, "facts", None)
    return facts is not None and facts.commutative


def instantiate(pattern: Node, bound: dict[str, Node]) -> Node:
    """The pattern with nodes for its variables; ops are applied again, which infers types."""
    built: dict[Node, object] = {}
    order, of_literals = _order(pattern)
    for node in order:
        if isinstance(node.op, Var):
            built[node] = bound[node.op.label]
        elif isinstance(node.op, Const):
            built[node] = _number(node.op.array.item())
        else:
            built[node] = node.op(*[built[x] for x in node.inputs])
            if node in of_literals:
                built[node] = _like_variables(built[node], bound)
    return built[pattern]


def _like_variables(value: Node, bound: dict[str, Node]) -> Node:
    """What is made of literals alone, as `where(c, 1, -1)`, in the dtype of the variables."""
    found = {x.dtype for x in bound.values() if x.type.is_float}
    return value if len(found) != 1 or not value.type.is_float else ops.astype(value, *found)


def _number(value: float) -> float:
    """A literal of a pattern as a Python number, which takes the dtype of the other operand: an
    integer where it is one, since that may have a dtype of integers."""
    if type(value) is float and value.is_integer() and math.copysign(1, value) > 0:
        return int(value)
    return value


@lru_cache(maxsize=1024)
def _order(pattern: Node) -> tuple[tuple[Node, ...], frozenset[Node]]:
    """The nodes of a pattern in order; and those of which all values are literals."""
    order = toposort([pattern])
    literals = {
        node for node in order
        if node.inputs and all(isinstance(x.op, Const) for x in node.inputs if x.dtype != "bool")
    }  # fmt: skip
    return tuple(order), frozenset(literals)


_INFIX = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "<": 0, "<=": 0, ">": 0, ">=": 0, "==": 0}


def pattern_text(node: Node) -> str:
    """A small graph as one line of ordinary notation."""
    return _infix(node)[0]


def _infix(node: Node) -> tuple[str, int]:
    symbol = getattr(node.op, "symbol", None)
    if isinstance(node.op, Const):
        return f"{node.op.array.item():g}", 3 if node.op.array.item() >= 0 else 1
    if not node.inputs:
        return node.op.text(), 3
    parts = [_infix(x) for x in node.inputs]
    if symbol == "neg":
        text, level = parts[0]
        return f"-{text}" if level > 1 else f"-({text})", 1
    if symbol in _INFIX and len(parts) == 2:
        level = _INFIX[symbol]
        (left, a), (right, b) = parts
        left = left if a >= level else f"({left})"
        right = right if b > level or (b == level and symbol in "+*") else f"({right})"
        return f"{left} {symbol} {right}", level
    return f"{node.op.text()}({', '.join(text for text, _ in parts)})", 3
