"""Choices moved behind the functions that are applied to them.

    log_density(y, where(t < tau, a, b))  ->  where(t < tau, log_density(y, a), log_density(y, b))

If tau has K values, the density is then computed twice for each observation, and not K times: only
the choice depends on tau.
"""

from __future__ import annotations

from collections.abc import Collection

from probtensor import ops
from probtensor.graph.node import Node, make
from probtensor.graph.sizes import rebuilt
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import Elementwise


def choices_last(term: Node, inside: Collection[Node]) -> Node:
    """The term with choices by what depends on discrete variables (`inside` does) moved behind the
    elementwise functions of alternatives that depend on none."""
    done: dict[Node, Node] = {}
    chosen: dict[Node, tuple[Node, Node, Node]] = {}  # node: condition, alternatives
    for node in toposort([term]):
        if node not in inside:
            continue
        found = _choice(node, inside, done, chosen)
        if found is None:
            done[node] = rebuilt(node, done)
            continue
        chosen[node] = found
        done[node] = ops.broadcast_to(ops.where(*found), node.shape)
    return done.get(term, term)


def _choice(
    node: Node,
    inside: Collection[Node],
    done: dict[Node, Node],
    chosen: dict[Node, tuple[Node, Node, Node]],
) -> tuple[Node, Node, Node] | None:
    """A node as a condition and two alternatives that depend on no discrete variable."""
    if isinstance(node.op, ops.Where):
        condition, first, other = node.inputs
        if condition in inside and first not in inside and other not in inside:
            return done.get(condition, condition), first, other
    varying = [x for x in node.inputs if x in inside]
    if not varying or any(x not in chosen for x in varying):
        return None
    conditions = {chosen[x][0] for x in varying}
    if len(conditions) > 1:
        return None
    (condition,) = conditions
    if isinstance(node.op, Elementwise):
        sides = (make(node.op, [chosen[x][k] if x in chosen else x for x in node.inputs])
                 for k in (1, 2))  # fmt: skip
        return condition, *sides
    return None
