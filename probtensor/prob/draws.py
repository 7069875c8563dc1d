"""Random variables as draws: each one becomes a pure function of one key.

The stream of a variable is its place in graph order, folded into the key. So the same graph gives
the same draws in every process, whatever else was made before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probtensor import ops
from probtensor.graph import Node, made_by, toposort
from probtensor.graph.node import make
from probtensor.prob.distribution import RandomVariable


def has_draws(outputs: Sequence[Node]) -> bool:
    """Does anything the outputs need have to be drawn?"""
    return any(isinstance(node.op, RandomVariable) for node in toposort(outputs))


def lower_draws(
    outputs: Sequence[Node], key: Node, given: Mapping[Node, Node] | None = None
) -> list[Node]:
    """The outputs with every random variable replaced by a draw under `key` (a uint64 scalar).

    `given` says values of nodes that are not to be drawn.
    GraphError for a variable that has no proper distribution to draw from.
    """
    done: dict[Node, Node] = dict(given or {})
    stream = 0
    for node in order_before(outputs, done):
        inputs = tuple(done[x] for x in node.inputs)
        with made_by(node):
            if isinstance(node.op, RandomVariable):
                done[node] = node.op.draw(node, ops.key_fold(key, stream), inputs)
                stream += 1
            elif all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
                done[node] = node
            else:
                done[node] = make(node.op, inputs, type(node))
    return [done[y] for y in outputs]


def order_before(outputs: Sequence[Node], given: Mapping[Node, Node]) -> list[Node]:
    """Graph order of what the outputs need, given nodes and what only they need left out."""
    order: list[Node] = []
    seen = set(given)
    stack = list(reversed(outputs))
    while stack:
        node = stack[-1]
        if node in seen:
            stack.pop()
            continue
        waiting = [x for x in node.inputs if x not in seen]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        stack.pop()
        seen.add(node)
        order.append(node)
    return order
