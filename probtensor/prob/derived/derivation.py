"""The derivation of a law: rules tried at each node, from the expression down to its variables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Const, Input, Node, line_of, toposort
from probtensor.graph.closed import depending
from probtensor.graph.node import Op, make
from probtensor.ops.kinds import Composite, Passing, Random
from probtensor.prob.derived.law import Law, law_of_variable
from probtensor.prob.distributions.base import Deterministic, RandomVariable, display_name
from probtensor.prob.distributions.distribution import Unknown
from probtensor.prob.distributions.support import Interval, is_number
from probtensor.transform.facts import FactTable

# The most entries of a given tensor that are computed during a derivation.
LARGEST = 4096
# Expressions of more nodes are derived from their variables upwards.
LONG = 100
# Ops of which the first input is the value, and has the law.
_SAME_VALUE = (Deterministic, Passing, ops.Require, ops.StopGradient, ops.Checked)


class NotDerived(Exception):
    """A rule does not apply, or none does; the message says why, `hint` what would help.
    A `vague` reason is told where there is no other."""

    def __init__(
        self, reason: str, node: Node | None = None, hint: str = "", vague: bool = False
    ) -> None:
        super().__init__(reason)
        self.node = node
        self.hint = hint
        self.vague = vague


@dataclass(frozen=True, eq=False)
class Rule:
    """A rule for the law of a node with one of the ops `on`.

    name      what it does
    on        the classes of ops at whose nodes it is tried
    derive    (derivation, node) -> the law; None or NotDerived where it does not apply
    density   the density, as text for the documentation
    needs     its conditions, as text
    examples  functions that make expressions of its domain, which the tests judge
    """

    name: str
    on: tuple[type[Op], ...]
    derive: Callable[[Derivation, Node], Law | None]
    density: str
    needs: str
    examples: tuple[Callable[[], Node], ...]


class Derivation:
    """The laws of the nodes of an expression, given all but its base variables."""

    def __init__(
        self,
        rules: Mapping[type[Op], Sequence[Rule]],
        expression: Node,
        bases: Sequence[Node],
        laws: Mapping[Node, Law] | None = None,
    ) -> None:
        self.rules = rules
        self.expression = expression
        self.bases = list(bases)
        self.facts = FactTable()
        self._laws: dict[Node, Law] = dict(laws or {})
        self._failed: dict[Node, NotDerived] = {}
        self._used: dict[Node, Rule] = {}
        order, held = toposort([expression]), set(self.bases)
        for x in order:
            if isinstance(x.op, RandomVariable) and x not in held:
                _assume_support(x, self.facts)
        self.random = depending(order, self.bases)
        # Base variables whose parameters depend on others.
        self.linked = {x for x in self.bases if any(y in self.random for y in x.inputs)}
        self._known = set(order)

    def within(self, expression: Node, laws: Mapping[Node, Law]) -> Derivation:
        """A derivation of another expression of the same variables, given laws of some nodes."""
        own = Derivation(self.rules, expression, self.bases, laws)
        own.facts, own._used = self.facts, self._used
        return own

    def is_given(self, node: Node) -> bool:
        """Does a node depend on no base variable?"""
        if node in self._known:
            return node not in self.random
        if node in self._laws:
            return False
        return not any(x in self.random for x in toposort([node]))

    def law(self, node: Node) -> Law:
        """The law of a node; NotDerived if no rule gives it."""
        if node in self._failed:
            raise self._failed[node]
        if node not in self._laws and node is self.expression:
            self._prepare()
        if node not in self._laws:
            try:
                self._laws[node] = self._derived(node)
            except NotDerived as error:
                self._failed[node] = error
                raise
        return self._laws[node]

    def _prepare(self) -> None:
        """The laws of the nodes of a long expression, operands first: no deep recursion."""
        if len(self.random) <= LONG:
            return
        for node in toposort([self.expression]):
            if node in self.random and node is not self.expression and node not in self._laws:
                with suppress(NotDerived):
                    self.law(node)

    def rules_used(self) -> list[Rule]:
        """The rules that gave the laws of nodes."""
        return list(dict.fromkeys(self._used.values()))

    def _derived(self, node: Node) -> Law:
        if isinstance(node.op, RandomVariable):
            if node in self.linked:
                above = set(toposort(node.inputs))
                raise NotDerived(
                    "it is an operand, and a parameter of another variable",
                    next(x for x in self.bases if x in above),
                    "give it a name, so that it is given, or join both and nothing else",
                )
            try:
                return law_of_variable(node)
            except Unknown as error:
                raise NotDerived(str(error), node) from None
        if isinstance(node.op, _SAME_VALUE):
            return self.law(node.inputs[0])
        reasons: list[NotDerived] = []
        for rule in (*self.rules.get(type(node.op), ()), *self.rules.get(Op, ())):
            try:
                law = rule.derive(self, node)
            except NotDerived as error:
                reasons.append(error)
            except Unknown as error:
                reasons.append(NotDerived(str(error), node))
            else:
                if law is not None:
                    self._used[node] = rule
                    return law
        if isinstance(node.op, Composite) and not node.op.has_bodies:
            try:
                return self.law(node.op.expand(*node.inputs))
            except NotDerived as error:
                # Messages are of what was written, not of what it expands to.
                if error.node is None or error.node in self._known:
                    raise
                if not error.vague:
                    raise NotDerived(str(error), node, error.hint) from None
        raise _most_telling(reasons, node)

    def one_random(self, node: Node) -> tuple[Law, int]:
        """The law of the one operand that is random, and its position. NotDerived where several
        are, or where the node repeats its entries."""
        at = [k for k, x in enumerate(node.inputs) if not self.is_given(x)]
        if len(at) != 1:
            raise NotDerived("several of its operands are random", node, vague=True)
        law = self.law(node.inputs[at[0]])
        if law.event and not law.free:
            name = law.family.distribution.name if law.family else "vectors"
            raise NotDerived(
                f"functions of the entries of {name} are not derived, as some of these follow from "
                "others", node,
            )  # fmt: skip
        require_shape(law, node)
        return law, at[0]

    def variables(self, node: Node) -> list[Node]:
        """The base variables that a node is a function of."""
        bases, found, seen, stack = set(self.bases), [], set(), [node]
        while stack:
            top = stack.pop()
            if top in seen or top not in self.random:
                continue
            seen.add(top)
            if top in bases:
                found.append(top)
            else:
                stack += top.inputs[::-1]
        return found

    def value(self, node: Node) -> np.ndarray | None:
        """The value of a given node that depends on literals alone."""
        return literal_value(node)


def require_shape(law: Law, node: Node) -> None:
    """NotDerived if a node repeats the entries of an operand by broadcasting."""
    if tuple(law.shape) != tuple(node.shape):
        raise NotDerived(
            f"it broadcasts a random tensor of shape {list(law.shape)} to {list(node.shape)}, so "
            "that entries are equal and have no density together",
            node,
            "give the variable the full shape with shape=, or name it, so that it is given",
        )


def require_defined(law: Law, node: Node) -> None:
    """NotDerived if values may be nan, which a rule that compares them does not know."""
    if law.partial:
        raise NotDerived("values that may be nan are compared", node)


def _most_telling(reasons: Sequence[NotDerived], node: Node) -> NotDerived:
    """The reason that names the innermost node; a general one if there is none."""
    if reasons:
        deep = [r for r in reasons if r.node is not None and r.node is not node]
        clear = [r for r in reasons if not r.vague]
        return (deep or clear or reasons)[0]
    reason = f"no rule is known for {node.op.user_name()} of random tensors"
    return NotDerived(reason, node, vague=True)


def _assume_support(variable: Node, facts: FactTable) -> None:
    """Record that a given variable lies in its support."""
    support = variable.op.distribution.over
    if isinstance(support, Interval) and is_number(support.low, support.high):
        facts.assume(variable, support)


def literal_value(node: Node) -> np.ndarray | None:
    """The value of a node that depends on small literals alone; None for any other."""
    order = toposort([node])
    if len(order) > 200:
        return None
    values: dict[Node, object] = {}
    for x in order:
        if isinstance(x.type, tuple):
            return None
        if any(not isinstance(n, int) for n in x.shape) or math.prod(x.shape) > LARGEST:
            return None
        if isinstance(x.op, Const):
            values[x] = x.op.array
        elif x.op.has_bodies or isinstance(x.op, (Input, Random, Composite)):
            return None
        else:
            with np.errstate(all="ignore"):
                values[x] = x.op.numpy(*(values[y] for y in x.inputs))
    return np.asarray(values[node])


def remade(node: Node, position: int, operand: Node) -> Node:
    """The node with another operand at a position."""
    inputs = list(node.inputs)
    inputs[position] = operand
    return make(node.op, tuple(inputs))


def what_of(node: Node) -> str:
    """A node in messages: the name of its function, and its line."""
    if isinstance(node.op, RandomVariable):
        return f"{display_name(node.op.distribution, node.op.label)} made at {line_of(node)}"
    return f"{node.op.user_name()} at {line_of(node)}"
