"""Orders and replacement over graphs. All iterative: graphs may be deeper than Python's stack.

A node needs its inputs, and what computes its sizes where data decide them (`Node.needs`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter

from probtensor.graph.node import Input, Node, made_by, make
from probtensor.graph.sizes import rebuilt


def toposort(
    outputs: Iterable[Node],
    given: Iterable[Node] = (),
    needs: Callable[[Node], Iterable[Node]] = attrgetter("needs"),
) -> list[Node]:
    """All nodes the outputs need, inputs before users, in an order that the graph determines.

    Nodes in `given`, and nodes that only they need, are omitted. `needs` gives what must come
    before a node, if that is not just what it needs.
    """
    order: list[Node] = []
    done: set[Node] = set(given)
    for output in outputs:
        stack = [output]
        while stack:
            node = stack[-1]
            if node in done:
                stack.pop()
                continue
            waiting = [x for x in needs(node) if x not in done]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            stack.pop()
            done.add(node)
            order.append(node)
    return order


def inputs_of(outputs: Iterable[Node]) -> list[Node]:
    """The inputs the outputs depend on, in order of first use."""
    return [node for node in toposort(outputs) if isinstance(node.op, Input)]


def ancestors(outputs: Iterable[Node], stop: Callable[[Node], bool] = lambda node: False):
    """The nodes the outputs need, without the inputs of nodes for which `stop` holds."""
    seen: dict[Node, None] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen[node] = None
        if not stop(node):
            stack.extend(node.needs)
    return list(seen)


def users_of(order: Iterable[Node]) -> dict[Node, list[Node]]:
    """For each node of a topological order, the nodes that need it (once for each use)."""
    users: dict[Node, list[Node]] = {}
    for node in order:
        users.setdefault(node, [])
        for x in node.needs:
            users.setdefault(x, []).append(node)
    return users


def rebuild(node: Node, inputs: tuple[Node, ...]) -> Node:
    """The same op on other inputs of the same values; the same node if they are the same."""
    if all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
        return node
    with made_by(node):
        return make(node.op, inputs, type(node))


def replace(outputs: Iterable[Node], changes: Mapping[Node, Node]) -> list[Node]:
    """The outputs with some nodes replaced, also where they decide sizes. Replacements are not
    rewritten themselves."""
    outputs = list(outputs)
    done: dict[Node, Node] = dict(changes)
    for output in outputs:
        stack = [output]
        while stack:
            node = stack[-1]
            if node in done:
                stack.pop()
                continue
            waiting = [x for x in node.needs if x not in done]
            if waiting:
                stack.extend(waiting)
                continue
            stack.pop()
            done[node] = rebuilt(node, done)
    return [done[output] for output in outputs]
