"""Bodies of ops: what is done to a graph is done to the bodies of its nodes as well.

A body is rewritten before the node that has it, innermost bodies first. Bodies are values, so each
is rewritten once. Facts about the inputs of a node hold for the parameters of its body that have
their elements; the sign of what a loop carries holds in all steps if it holds at first, and after a
step at the start of which it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import is_

from probtensor.graph.check import check_same_types
from probtensor.graph.closed import Closed, map_bodies, map_nodes, with_bodies, with_outputs
from probtensor.graph.node import Node, Op, made_by, make
from probtensor.graph.walk import rebuild, toposort
from probtensor.transform.facts import ANY, Bounds, FactTable, Known

Action = Callable[[list[Node]], Sequence[Node]]


def have_bodies(order: Iterable[Node]) -> bool:
    """Whether some nodes have bodies."""
    return any(node.op.has_bodies for node in order)


def count_nodes(outputs: Iterable[Node]) -> int:
    """The number of nodes of a graph, those of bodies included, each once."""
    return len(set(with_bodies(toposort(outputs))))


def everywhere(
    outputs: Iterable[Node],
    action: Action,
    doing: str,
    settled: set[Closed] | None = None,
    on: tuple[type[Op], ...] | None = None,
) -> list[Node]:
    """The outputs after an action, which is applied to all bodies first, and to those that it makes
    afterwards. CheckError, which names what is done, if it changes the types of a body's results.

    settled  bodies that the action leaves as they are; those that it is found to leave so are added
    on       classes of ops, without which the action leaves a graph as it is; None for any graph
    """
    done: dict[Closed, Closed] = {}

    def changed(body: Closed) -> Closed:
        if (settled is not None and body in settled) or not (on is None or body.has(on)):
            return body
        if body not in done:
            made = with_changed_outputs(body, within(body.outputs), doing)
            done[body] = done[made] = made
            if settled is not None and made == body:
                settled.add(body)
        return done[body]

    def within(outputs: Iterable[Node]) -> list[Node]:
        before = change_bodies(outputs, changed)
        after = list(action(before))
        # What an action leaves as it is has no bodies that were not changed before.
        if len(after) == len(before) and all(map(is_, after, before)):
            return after
        return change_bodies(after, changed)

    return within(outputs)


def change_bodies(outputs: Iterable[Node], change: Callable[[Closed], Closed]) -> list[Node]:
    """The outputs with all bodies of their nodes changed, but not the bodies within those."""
    outputs = list(outputs)
    changed: dict[Node, Op] = {}
    for node in toposort(outputs):
        if node.op.has_bodies:
            with made_by(node):
                op = map_bodies(node.op, change)
            if op is not node.op:
                changed[node] = op
    if not changed:
        return outputs

    def rebuilt(node: Node, inputs: tuple[Node, ...]) -> Node:
        op = changed.get(node)
        return rebuild(node, inputs) if op is None else make(op, inputs, type(node))

    return map_nodes(outputs, rebuilt)


def with_changed_outputs(body: Closed, outputs: Sequence[Node], doing: str) -> Closed:
    """The body with other outputs, of the same types; CheckError if they have others."""
    check_same_types(body.outputs, outputs, f"{doing}, in a body")
    return with_outputs(body, outputs)


def known_facts(
    node: Node, facts: FactTable, table: Callable[[Known], FactTable] = FactTable
) -> Known:
    """Facts about the parameters of the bodies of a node, given the facts of the graph around;
    `table` gives the facts of a body from these."""
    known = {
        own: (own, facts.bounds(x), facts.constant(x)) for own, x in node.op.elements_inside(node)
    }
    known = {own: fact for own, fact in known.items() if fact[1:] != (ANY, None)}
    carried = [(own, _sign(facts.bounds(x)), y) for own, x, y in node.op.values_inside(node)]
    signs = {own: sign for own, sign, _ in carried if sign != ANY}
    while signs:
        given = (*known.values(), *((own, sign, None) for own, sign in signs.items()))
        inside = table(given)
        lasting = {own for own, sign, y in carried
                   if own in signs and _implies(inside.bounds(y), sign)}  # fmt: skip
        if len(lasting) == len(signs):
            return given
        signs = {own: sign for own, sign in signs.items() if own in lasting}
    return tuple(known.values())


_SIGNS = (Bounds(0.0, low_open=True), Bounds(0.0), Bounds(high=0.0, high_open=True),
          Bounds(high=0.0))  # fmt: skip


def _sign(bounds: Bounds) -> Bounds:
    """The sign as bounds, ANY if it is not known."""
    return next((sign for sign in _SIGNS if _implies(bounds, sign)), ANY)


def _implies(bounds: Bounds, sign: Bounds) -> bool:
    if sign.low == 0:
        return bounds.positive if sign.low_open else bounds.nonnegative
    return bounds.nonpositive and (bounds.nonzero or not sign.high_open)
