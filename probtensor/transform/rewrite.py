"""Rewriting: rules as data, and the driver that applies them bottom-up to a fixed point.

A rule is a pair of graphs over variables (`rule`), or a function of a node (`@rewrite`) where the
left side cannot be expressed so: any axes, any number of operands. Either way it returns a node or
None, has a reason and a test domain, and does not depend on the passes that use it.

The driver preserves type and provenance: a result that broadcasts to the type of the node it
replaces is broadcast; any other difference is a RewriteError that names the rule.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from cython_ext.graph import Rewriter
from probtensor import ops
from probtensor.dataclass import dataclass, field
from probtensor.graph.closed import Closed, all_bodies, map_bodies
from probtensor.graph.node import INTERNED, Const, Node, Op, as_tensor, line_of, made_by, make
from probtensor.graph.walk import rebuild, replace, toposort
from probtensor.ops.kinds import as_tensor_of
from probtensor.process import COLLECTIONS
from probtensor.transform.bodies import known_facts, with_changed_outputs
from probtensor.transform.chain import CHAIN_ROOTS, INVERSE, combine_in_chain, ops_of_leaves
from probtensor.transform.facts import FactTable, Known
from probtensor.transform.pattern import (
    MARKED,
    Mark,
    Match,
    Twice,
    Var,
    could_fit,
    instantiate,
    marks_of_operands,
    match,
    match_all,
    operand_ops,
    pattern_text,
)
from probtensor.transform.recording import Change, Scope, current
from probtensor.transform.ruleset import (
    ULPS,
    Form,
    OperandForm,
    Rule,
    Ruleset,
    Wanted,
    are_there,
    wanted,
)
from probtensor.types import ShapeError, broadcast_shapes

# Limit on the applications of rules, per node; more means that rules undo each other.
FIRINGS_PER_NODE = 50


class RewriteError(AssertionError):
    """A rule that changed a type, or rules that undo each other: an error in the rules."""


def rule(
    lhs: Node,
    rhs: Node | float,
    *,
    over: tuple[float, float] | dict[str, tuple[float, float]],
    why: str,
    given: Callable[[Match], bool] | None = None,
    in_chain: bool = False,
    ulps: float = ULPS,
    limits: bool = False,
    everywhere: bool = True,
) -> Rule:
    """lhs -> rhs, two patterns over the same variables, wherever `given(match)` is true.

    Literals match constants by value, of any dtype and shape. With `in_chain`, the two operands of
    a product or sum (or of a quotient or difference) match at any positions of a chain. `ulps`
    accepts a loss of accuracy that the reason explains.
    """
    rhs = as_tensor(rhs)
    variables = [n.op.label for n in toposort([lhs]) if isinstance(n.op, Var)]
    intervals = over if isinstance(over, dict) else dict.fromkeys(variables, over)

    kinds = operand_ops(lhs)
    if in_chain:
        operands = {kind for kind in kinds if kind not in (None, Const)}
    else:
        operands = marks_of_operands(lhs)

    def filled(found: Iterable[dict[str, Node]], facts: FactTable) -> Node | None:
        for bound in found:
            if given is None or given(Match(bound, facts)):
                return instantiate(rhs, bound)
        return None

    def apply(node: Node, facts: FactTable) -> Node | None:
        return filled(match(lhs, node, {}, facts), facts)

    def apply_in_chain(node: Node, facts: FactTable) -> Node | None:
        inverse = INVERSE[type(lhs.op)]

        def combine(first: Node, second: Node, inverted: bool) -> Node | None:
            if inverted != inverse or not could_fit(kinds, (first, second), facts):
                return None
            return filled(match_all(lhs.inputs, (first, second), {}, facts), facts)

        return combine_in_chain(node, facts, combine, operands)

    name = f"{pattern_text(lhs)} -> {pattern_text(rhs)}"
    line = _line_of_caller()
    roots = CHAIN_ROOTS[type(lhs.op)] if in_chain else (type(lhs.op),)
    # Of a negation, other forms match too.
    loose = (Var, Const, ops.Neg, type(lhs.op))
    among = {type(n.op) for n in toposort([lhs]) if not isinstance(n.op, loose)}
    return Rule(
        name, roots, apply_in_chain if in_chain else apply, why, line, wanted(*among),
        wanted(*operands), in_chain, lhs, rhs, given, intervals, ulps=ulps, limits=limits,
        everywhere=everywhere,
    )  # fmt: skip


def rewrite(
    *,
    on: type[Op] | tuple[type[Op], ...],
    example: Callable[[], object],
    among: type[Op] | Sequence = (),
    operands: Mark | Sequence = (),
    in_chain: bool = False,
    ulps: float = ULPS,
    sums_first: bool = False,
    limits: bool = False,
    rounded_logs: bool = False,
    mixtures: bool = False,
) -> Callable[[Callable], Rule]:
    """Decorator for a rule written as a function of the node, or of the node and the facts. Its
    docstring is the reason. `example()` returns one graph or several that the rule changes. A list
    in `among` or `operands`, or in place of them, stands for any one of its classes."""

    def enter(function: Callable) -> Rule:
        takes_facts = function.__code__.co_argcount == 2
        classes, present, asked = (
            x if isinstance(x, tuple) else (x,) for x in (on, among, operands)
        )
        code = function.__code__
        line = f"{os.path.basename(code.co_filename)}:{code.co_firstlineno}"
        name = function.__name__
        reason = " ".join((function.__doc__ or "").split())
        if not reason and sys.flags.optimize < 2:  # python -OO drops docstrings
            raise TypeError(f"the rule {name} does not say why")
        apply = function if takes_facts else lambda node, facts: function(node)
        return Rule(
            name, classes, apply, reason or name, line, wanted(*present), wanted(*asked), in_chain,
            example=example, ulps=ulps, sums_first=sums_first, limits=limits,
            rounded_logs=rounded_logs, mixtures=mixtures,
        )  # fmt: skip

    return enter


def _line_of_caller() -> str:
    frame = sys._getframe(2)
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


# The driver.


@dataclass
class RewriteLog:
    """Counts of applications by (rule, the user's line); `gave_up`: why rewriting was stopped."""

    fired: Counter = field(default_factory=Counter)
    gave_up: str | None = None


# A key of facts about inputs: these, each with its bounds and its literal as text.
FactsKey = tuple[tuple[Node, object, str], ...]


class Findings:
    """What several runs of rules share: the facts about nodes, and the rules that were tried on a
    node without effect, both by the facts about inputs that they follow from. Nodes never change,
    so neither does whether a rule applies to one."""

    def __init__(self) -> None:
        self.facts: dict[FactsKey, FactTable] = {}
        self.tried: dict[FactsKey, dict[Node, tuple[Rule, ...]]] = {}
        self._inside: dict[tuple[FactTable, Node], Known] = {}

    def given(self, known: Known, key: FactsKey) -> tuple[FactTable, dict]:
        """The facts, and the rules tried, where these facts about inputs are known."""
        facts = self.facts.get(key)
        if facts is None:
            facts = self.facts[key] = FactTable(known)
        return facts, self.tried.setdefault(key, {})

    def inside(self, node: Node, facts: FactTable) -> Known:
        """What is known in the bodies of a node, given the facts of the graph around."""
        place = facts, node
        if place not in self._inside:
            self._inside[place] = known_facts(
                node, facts, lambda known: self.given(known, _key_of(known))[0]
            )
        return self._inside[place]


def _key_of(known: Known) -> FactsKey:
    # 0.0 and -0.0 are equal, and differ as literals.
    return tuple([(x, bounds, repr(value)) for x, bounds, value in known])


@lru_cache(maxsize=1024)
def _without(rules: tuple[Rule, ...], tried: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return tuple(r for r in rules if r not in tried)


def apply_rules(
    outputs: Iterable[Node],
    rules: Ruleset,
    log: RewriteLog | None = None,
    findings: Findings | None = None,
) -> list[Node]:
    """The outputs rewritten by `rules` until none applies; linear in the number of nodes.

    The inputs of a node are rewritten before the node, and results are cached by node, so shared
    subgraphs are rewritten once; so are bodies, before the nodes that have them. RewriteError if a
    rule changes a type. Rules that undo each other are stopped after FIRINGS_PER_NODE applications
    per node, and `log.gave_up` names them. Runs that are given the same `findings` try a rule on a
    node once.
    """
    outputs = list(outputs)
    record, scope = current(), None
    if record is not None:
        scope = Scope(tuple(outputs))
        record.scopes.append(scope)
    with COLLECTIONS.rare():
        driver = _Driver(rules, log or RewriteLog(), findings or Findings(), scope=scope)
        return driver.run(outputs)


class _Driver(Rewriter):
    """One run: what is done at a node; the order is that of `Rewriter`.

    `known` are facts about inputs, and `key` is their key; `bodies` the rewritten bodies, by body
    and by the key of the facts about its parameters; `scope` is what records the changes, if any.
    """

    def __init__(
        self,
        rules: Ruleset,
        log: RewriteLog,
        findings: Findings,
        known: Known = (),
        key: FactsKey = (),
        bodies: dict[tuple[Closed, tuple], Closed] | None = None,
        scope: Scope | None = None,
    ) -> None:
        super().__init__(INTERNED, Twice, Const, not known)
        self.rules = rules
        self.log = log
        self.findings = findings
        self.facts, self.tried = findings.given(known, key)
        self.bodies = {} if bodies is None else bodies
        self.scope = scope
        self.with_final_bodies: set[Node] = set()
        self.present: set[type[Op]] = set()  # op classes of all nodes seen
        self.budget = 0

    def run(self, outputs: list[Node]) -> list[Node]:
        order = toposort(outputs)
        self.budget = FIRINGS_PER_NODE * (len(order) + 20)
        ops_seen = {node.op.__class__: node.op for node in order}
        self.present.update(ops_seen)
        found = outputs
        if any(map(self.concerns, ops_seen.values())):
            for output in outputs:
                self.finish(output)
            found = [self.done[output] for output in outputs]
        if self.scope is not None:
            self.scope.after = tuple(found)
        return found

    def concerns(self, op: Op) -> bool:
        """Whether there is anything to do at nodes of an op."""
        present = self.present
        return op.has_bodies or any(are_there(r.sought, present) for r in self.rules.on(type(op)))

    def concerns_bodies(self, node: Node) -> bool:
        """Whether there may be anything to do in the bodies of a node: nodes with rules or bodies,
        or parameters that are literals."""
        kinds = {kind for body in all_bodies(node.op) for kind in body.kinds}
        if any(kind.has_bodies or self.rules.on(kind) for kind in kinds):
            return True
        constant = self.facts.constant
        return any(constant(x) is not None for own, x in node.op.elements_inside(node)
                   if not own.ndim)  # fmt: skip

    def operand(self, x: Node) -> OperandForm:
        """The form of an operand."""
        kind, value = x.op.__class__, self.facts.constant(x)
        return kind if value is None else (kind, MARKED.get(value, Const))

    def learn(self, form: Form) -> tuple[Rule, ...]:
        """The rules that fit nodes of a form, if all ops that they ask for have been seen."""
        present = self.present
        if form[0] not in present:
            present.add(form[0])
            self.usable.clear()
        found = self.rules.fitting(form)
        if found:
            own = self.rules.own
            found = tuple(
                [r for r in found if r in own and (not r.sought or are_there(r.sought, present))]
            )
        self.usable[form] = found
        return found

    def remade(self, node: Node, inputs: tuple[Node, ...]) -> Node:
        """The node over other inputs."""
        return fitted(rebuild(node, inputs), node, "a changed operand")

    def attempt(self, node: Node, rules: tuple[Rule, ...]) -> Node:
        """The result of the first of these rules that applies to a node; the node if none does."""
        tried = self.tried.get(node)
        left = rules if tried is None else _without(rules, tried)
        if not left or self.budget <= 0:
            return node
        with made_by(node):
            for candidate in left:
                if candidate.in_chain and not self.has_leaves(node, candidate.operands):
                    continue
                found = candidate.apply(node, self.facts)
                if found is None:
                    continue
                found = fitted(_as_node(found, node.dtype), node, candidate.name)
                if found is not node:
                    return self.fired(candidate, node, found)
        self.tried[node] = left if tried is None else tried + left
        return node

    def has_leaves(self, node: Node, wanted: Wanted) -> bool:
        """Whether the chain at a node has leaves of the wanted ops."""
        return not wanted or are_there(wanted, ops_of_leaves(node, self.facts))

    def with_rewritten_bodies(self, node: Node) -> Node:
        """The node with its bodies in final form; if they are already, the result of one rule."""
        if node in self.with_final_bodies:
            return self.after_rules(node)
        if not self.concerns_bodies(node):
            self.with_final_bodies.add(node)
            return self.after_rules(node)
        known = self.findings.inside(node, self.facts)
        facts = _key_of(known)

        # Rules match literals, not parameters of which a value is known.
        literals = {x: as_tensor_of(value, x.dtype) for x, _, value in known
                    if value is not None and not x.ndim}  # fmt: skip

        def rewritten(body: Closed) -> Closed:
            if (body, facts) not in self.bodies:
                given = replace(body.outputs, literals) if literals else list(body.outputs)
                scope = self.scope and self.scope.inner(node, body, given)
                inner = _Driver(
                    self.rules, self.log, self.findings, known, facts, self.bodies, scope
                )
                outputs = inner.run(given)
                made = with_changed_outputs(body, outputs, "rewriting")
                self.bodies[body, facts] = self.bodies[made, facts] = made
            return self.bodies[body, facts]

        op = map_bodies(node.op, rewritten)
        with made_by(node):
            after = node if op is node.op else make(op, node.inputs, type(node))
        self.with_final_bodies.add(after)
        if after is not node and self.scope is not None:
            self.scope.changes.append(Change(node, after))
        return after if after is not node else self.after_rules(node)

    def fired(self, rule: Rule, node: Node, after: Node) -> Node:
        self.budget -= 1
        self.log.fired[rule.name, line_of(node)] += 1
        if self.scope is not None:
            self.scope.changes.append(Change(node, after, rule))
        if self.budget == 0:
            self.give_up(node, after)
        return after

    def give_up(self, node: Node, after: Node) -> None:
        names = ", ".join(sorted({name for name, _ in self.log.fired}))
        self.log.gave_up = f"rules undo each other at {node!r} and {after!r}; fired: {names}"


def _as_node(found: object, dtype: str) -> Node:
    return found if isinstance(found, Node) else as_tensor_of(found, dtype)


def fitted(found: Node, node: Node, name: str) -> Node:
    """`found`, the replacement of `node`, broadcast to its shape; RewriteError for another type."""
    if found.type is node.type or found.type == node.type:
        return found
    if found.dtype == node.dtype:
        try:
            joint = broadcast_shapes(found.shape, node.shape)
        except ShapeError:
            joint = None
        if joint is not None and len(joint) == node.ndim and not _shrinks(found, node):
            return ops.broadcast_to(found, node.shape)
    raise RewriteError(f"{name}: {node!r}, made at {line_of(node)}, became {found!r}")


def _shrinks(found: Node, node: Node) -> bool:
    lead = node.ndim - found.ndim
    return any(m == 1 and n != 1 for m, n in zip(node.shape[lead:], found.shape, strict=True))
