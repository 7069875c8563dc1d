"""Rewriting: rules as data, and the driver that applies them bottom-up to a fixed point.

A rule is a pair of graphs over variables (`rule`), or a function of a node (`@rewrite`) where the
left side cannot be drawn: any axes, any number of operands. Either way it gives a node or None,
carries its reason and what it is tested on, and knows nothing of where it is used.

The driver keeps type and provenance: a result that broadcasts to the type of the node it replaces
is broadcast; any other difference is a RewriteError that names the rule.
"""

from __future__ import annotations

import inspect
import itertools
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from probtensor import ops
from probtensor.graph.node import Const, Input, Node, Op, as_tensor, line_of, made_by, make
from probtensor.graph.walk import rebuild, toposort
from probtensor.ops.kinds import as_tensor_of
from probtensor.transform.facts import Known, constant_of
from probtensor.types import ShapeError, TensorType, broadcast_shapes

# A rule may fire this often for each node met; more means that rules undo each other.
FIRINGS_PER_NODE = 50
# Last places that rounding may cost a rule that computes the same in other steps.
ULPS = 8.0
# Leaves looked at in a chain of products or sums, so that a sweep stays linear in the graph.
CHAIN = 8


class RewriteError(AssertionError):
    """A rule that changed a type, or rules that undo each other: a fault of the rules."""


@dataclass(frozen=True)
class Var(Input):
    """A variable of a rule; it stands for any node (for a bool one if its own dtype is bool)."""

    name = "var"


def var(name: str, dtype: str = "float64") -> Node:
    """A variable for `rule`. Written as a scalar, it matches tensors of any shape; dtype "bool"
    matches bools, any other dtype numbers."""
    return make(Var(name, TensorType(dtype, ()), name), ())


class Match:
    """What a pattern met: `m.x` is the node that variable x stands for, `m.known` the facts."""

    def __init__(self, bound: dict[str, Node], known: Known) -> None:
        self.bound = bound
        self.known = known

    def __getattr__(self, name: str) -> Node:
        try:
            return self.bound[name]
        except KeyError:
            raise AttributeError(f"the pattern has no variable {name!r}") from None


@dataclass(frozen=True, eq=False)
class Rule:
    """One rule. `apply(node, known)` gives what the node becomes, or None.

    `on` are the op classes of the roots it looks at; `over` the test domain of its variables, one
    interval or one by name; `example` makes graphs for the test of a rule written as a function.
    Errors below `ulps` last places are no reproach to the right side.
    """

    name: str
    on: tuple[type[Op], ...]
    apply: Callable[[Node, Known], Node | None]
    why: str
    line: str
    lhs: Node | None = None
    rhs: Node | None = None
    given: Callable[[Match], bool] | None = None
    over: dict[str, tuple[float, float]] = field(default_factory=dict)
    example: Callable[[], Any] | None = None
    ulps: float = ULPS


def rule(
    lhs: Node,
    rhs: Node | float,
    *,
    over: tuple[float, float] | dict[str, tuple[float, float]],
    why: str,
    given: Callable[[Match], bool] | None = None,
    in_chain: bool = False,
    ulps: float = ULPS,
) -> Rule:
    """lhs -> rhs, both drawn over variables, wherever `given` holds of the match.

    Literals match constants by value, of any dtype and shape. With `in_chain`, the two operands of
    a product or sum (or of a quotient or difference) may stand anywhere in a chain of them. `ulps`
    admits a loss of digits that the reason accounts for.
    """
    rhs = as_tensor(rhs)
    variables = [n.op.label for n in toposort([lhs]) if isinstance(n.op, Var)]
    intervals = over if isinstance(over, dict) else dict.fromkeys(variables, over)

    def apply(node: Node, known: Known) -> Node | None:
        for bound in _match(lhs, node, {}, known):
            if given is None or given(Match(bound, known)):
                return instantiate(rhs, bound)
        return _apply_in_chain(lhs, rhs, given, node, known) if in_chain else None

    name = f"{pattern_text(lhs)} -> {pattern_text(rhs)}"
    on = tuple(_CHAIN_ROOTS.get(type(lhs.op), (type(lhs.op),))) if in_chain else (type(lhs.op),)
    return Rule(name, on, apply, why, _line_of_caller(), lhs, rhs, given, intervals, ulps=ulps)


def rewrite(
    *, on: type[Op] | tuple[type[Op], ...], example: Callable[[], Any], ulps: float = ULPS
) -> Callable[[Callable], Rule]:
    """Decorator: a rule written as a function of the node (and, if it takes two arguments, of the
    facts known). Its reason is its docstring. `example()` gives one graph or several it changes."""

    def enter(function: Callable) -> Rule:
        takes_known = len(inspect.signature(function).parameters) == 2
        classes = on if isinstance(on, tuple) else (on,)
        code = function.__code__
        line = f"{os.path.basename(code.co_filename)}:{code.co_firstlineno}"
        reason = " ".join((function.__doc__ or "").split())
        if not reason:
            raise TypeError(f"the rule {function.__name__} does not say why")
        apply = function if takes_known else lambda node, known: function(node)
        return Rule(function.__name__, classes, apply, reason, line, example=example, ulps=ulps)

    return enter


def _line_of_caller() -> str:
    frame = sys._getframe(2)
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


class Ruleset:
    """Rules in order; joined by +. Of two that match one node, the earlier one is applied."""

    def __init__(self, *rules: Rule) -> None:
        names = Counter(r.name for r in rules)
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise TypeError(f"rules named twice: {', '.join(twice)}")
        self.rules = rules
        self._by_op: dict[type[Op], tuple[Rule, ...]] = {}

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def __add__(self, other: Ruleset) -> Ruleset:
        mine = set(self.rules)
        return Ruleset(*self.rules, *(r for r in other.rules if r not in mine))

    def of(self, op: Op) -> tuple[Rule, ...]:
        """The rules that look at nodes of this op."""
        kind = type(op)
        if kind not in self._by_op:
            self._by_op[kind] = tuple(r for r in self.rules if issubclass(kind, r.on))
        return self._by_op[kind]


# Patterns.


def _match(
    pattern: Node, node: Node, bound: dict[str, Node], known: Known
) -> Iterator[dict[str, Node]]:
    op = pattern.op
    if isinstance(op, Var):
        if op.label in bound:
            if bound[op.label] is node:
                yield bound
        elif (pattern.dtype == "bool") == (node.dtype == "bool"):
            yield {**bound, op.label: node}
    elif isinstance(op, Const):
        value = known.constant(node)
        if value is not None and value == op.array.item():
            yield bound
    elif _is_sign_of_known(pattern, bound):
        if is_negation(node, bound[pattern.inputs[0].op.label]):
            yield bound
    elif node.op == op and len(node.inputs) == len(pattern.inputs):
        yield from _match_all(pattern.inputs, node.inputs, bound, known)
        if _commutes(op) and node.inputs[0] is not node.inputs[1]:
            yield from _match_all(pattern.inputs, node.inputs[::-1], bound, known)


def _match_all(
    patterns: tuple[Node, ...], nodes: tuple[Node, ...], bound: dict[str, Node], known: Known
) -> Iterator[dict[str, Node]]:
    if not patterns:
        yield bound
        return
    for found in _match(patterns[0], nodes[0], bound, known):
        yield from _match_all(patterns[1:], nodes[1:], found, known)


def _is_sign_of_known(pattern: Node, bound: dict[str, Node]) -> bool:
    """Is the pattern -x for an x that is bound already? Then any known negation of it will do."""
    inner = pattern.inputs[0] if pattern.op == ops.neg else None
    return inner is not None and isinstance(inner.op, Var) and inner.op.label in bound


def is_negation(p: Node, q: Node) -> bool:
    """Is p known to be -q, by the way they are written?"""
    if (p.op == ops.neg and p.inputs[0] is q) or (q.op == ops.neg and q.inputs[0] is p):
        return True
    if p.op == ops.sub and q.op == ops.sub:
        return p.inputs == q.inputs[::-1]
    if p.op == ops.mul and q.op == ops.mul and p.inputs[1] is q.inputs[1]:
        c, d = (constant_of(product.inputs[0]) for product in (p, q))
        return c is not None and d is not None and c == -d
    return False


def _commutes(op: Op) -> bool:
    facts = getattr(op, "facts", None)
    return facts is not None and facts.commutative


def instantiate(pattern: Node, bound: dict[str, Node]) -> Node:
    """The pattern with nodes for its variables: ops are applied anew, so types follow them."""
    built: dict[Node, Any] = {}
    for node in toposort([pattern]):
        if isinstance(node.op, Var):
            built[node] = bound[node.op.label]
        elif isinstance(node.op, Const):
            # A bare number takes the dtype of what it meets.
            built[node] = node.op.array.item()
        else:
            built[node] = node.op(*(built[x] for x in node.inputs))
    return built[pattern]


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


# Chains: a * b / c is a list of factors, some inverted; a - b + c a list of terms, some negated.

_CHAIN_ROOTS = {
    ops.Mul: (ops.Mul, ops.Div),
    ops.Div: (ops.Mul, ops.Div),
    ops.Add: (ops.Add, ops.Sub),
    ops.Sub: (ops.Add, ops.Sub),
}
_INVERSE = {ops.Mul: False, ops.Add: False, ops.Div: True, ops.Sub: True}


def _apply_in_chain(
    lhs: Node, rhs: Node, given: Callable[[Match], bool] | None, node: Node, known: Known
) -> Node | None:
    inverse = _INVERSE[type(lhs.op)]

    def combine(first: Node, second: Node, inverted: bool) -> Node | None:
        if inverted != inverse:
            return None
        for bound in _match_all(lhs.inputs, (first, second), {}, known):
            if given is None or given(Match(bound, known)):
                return instantiate(rhs, bound)
        return None

    return combine_in_chain(node, combine)


def combine_in_chain(node: Node, combine: Callable[[Node, Node, bool], Node | None]) -> Node | None:
    """The chain of products and quotients (or sums and differences) at `node` with two of its
    leaves made into one: `combine(first, second, inverted)` gives what first * second (first /
    second if `inverted`) becomes, or None. The result stands where the first leaf stood."""
    leaves = chain_leaves(node)
    for first, second in itertools.permutations(leaves, 2):
        found = combine(first[1], second[1], first[2] != second[2])
        if found is not None:
            return regrow(node, {first[0]: found, second[0]: None})
    return None


def chain_leaves(node: Node) -> list[tuple[tuple[int, ...], Node, bool]]:
    """(path, leaf, inverted) for the leaves of the chain at `node`, CHAIN of them at most."""
    roots = _CHAIN_ROOTS[type(node.op)]
    leaves = [((), node, False)]
    place = 0
    while place < len(leaves) < CHAIN:
        path, x, inverted = leaves[place]
        if not isinstance(x.op, roots):
            place += 1
            continue
        flip = _INVERSE[type(x.op)]
        leaves[place : place + 1] = [
            ((*path, 0), x.inputs[0], inverted),
            ((*path, 1), x.inputs[1], inverted != flip),
        ]
    return leaves


def regrow(node: Node, changes: Mapping[tuple, Node | None]) -> Node | None:
    """The chain with the leaves at some paths replaced, or taken out where the change is None."""
    return _regrow(node, (), changes)


def _regrow(node: Node, path: tuple[int, ...], changes: Mapping[tuple, Node | None]) -> Node | None:
    if path in changes:
        return changes[path]
    if not any(changed[: len(path)] == path for changed in changes):
        return node
    left = _regrow(node.inputs[0], (*path, 0), changes)
    right = _regrow(node.inputs[1], (*path, 1), changes)
    if right is None:
        return left
    if left is None:
        if not _INVERSE[type(node.op)]:
            return right
        return ops.div(1, right) if isinstance(node.op, ops.Div) else -right
    return node.op(left, right)


# The driver.


@dataclass
class Log:
    """What a rewriting did: how often each rule fired, and on which lines of the user."""

    fired: Counter = field(default_factory=Counter)
    gave_up: str | None = None


def apply_rules(outputs: Iterable[Node], rules: Ruleset, log: Log | None = None) -> list[Node]:
    """The outputs rewritten by `rules` until none applies; linear in the nodes met.

    Inputs of a node are finished before the node, and what a node became is remembered, so shared
    parts are rewritten once. RewriteError where a rule changes a type. Rules that undo each other
    are stopped after FIRINGS_PER_NODE per node, and `log.gave_up` names them.
    """
    return _Driver(rules, log or Log()).run(list(outputs))


class _Driver:
    """One run: what each node met has become."""

    def __init__(self, rules: Ruleset, log: Log) -> None:
        self.rules = rules
        self.log = log
        self.known = Known()
        self.done: dict[Node, Node] = {}
        self.next: dict[Node, Node] = {}
        self.budget = 0

    def run(self, outputs: list[Node]) -> list[Node]:
        self.budget = FIRINGS_PER_NODE * (len(toposort(outputs)) + 20)
        for output in outputs:
            self.finish(output)
        return [self.done[output] for output in outputs]

    def finish(self, output: Node) -> None:
        stack = [output]
        while stack:
            node = stack[-1]
            if node in self.done:
                stack.pop()
                continue
            waiting = [x for x in node.inputs if x not in self.done]
            if waiting:
                stack.extend(self.without_cycles(waiting))
                continue
            if node not in self.next:
                self.next[node] = self.step(node)
            after = self.next[node]
            if after is node or after in self.done:
                self.done[node] = self.done.get(after, after)
                stack.pop()
            elif after in self.next:
                self.give_up(node, after)
                self.done[after] = after
            else:
                stack.append(after)

    def without_cycles(self, waiting: list[Node]) -> list[Node]:
        for x in waiting:
            if x in self.next:
                # x became something that contains x: leave it as it is.
                self.give_up(x, self.next[x])
                self.done[x] = x
        return [x for x in waiting if x not in self.done]

    def step(self, node: Node) -> Node:
        """The node on finished inputs, or, where it has them already, after one rule."""
        rebuilt = rebuild(node, tuple(self.done[x] for x in node.inputs))
        if rebuilt is not node:
            return fitted(rebuilt, node, "a changed operand")
        if self.budget <= 0:
            return node
        for candidate in self.rules.of(node.op):
            with made_by(node):
                found = candidate.apply(node, self.known)
                if found is not None:
                    found = fitted(_as_node(found, node.dtype), node, candidate.name)
            if found is not None and found is not node:
                self.budget -= 1
                self.log.fired[candidate.name, line_of(node)] += 1
                if self.budget == 0:
                    self.give_up(node, found)
                return found
        return node

    def give_up(self, node: Node, after: Node) -> None:
        names = ", ".join(sorted({name for name, _ in self.log.fired}))
        self.log.gave_up = f"rules undo each other at {node!r} and {after!r}; fired: {names}"


def _as_node(found: Any, dtype: str) -> Node:
    return found if isinstance(found, Node) else as_tensor_of(found, dtype)


def fitted(found: Node, node: Node, name: str) -> Node:
    """What replaces `node`, broadcast to its shape; RewriteError if its type cannot be kept."""
    if found.type == node.type:
        return found
    if found.dtype == node.dtype:
        try:
            whole = broadcast_shapes(found.shape, node.shape)
        except ShapeError:
            whole = None
        if whole is not None and len(whole) == node.ndim and not _shrinks(found, node):
            return ops.broadcast_to(found, node.shape)
    raise RewriteError(f"{name}: {node!r}, made at {line_of(node)}, became {found!r}")


def _shrinks(found: Node, node: Node) -> bool:
    lead = node.ndim - found.ndim
    return any(m == 1 and n != 1 for m, n in zip(node.shape[lead:], found.shape, strict=True))
