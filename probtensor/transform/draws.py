"""Random variables as draws: each one becomes a pure function of one key.

The stream number of a variable is its position among the random variables in topological order; it
is folded into the key. So the same graph gives the same draws in every process, whatever other
graphs were built before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probtensor import ops
from probtensor.graph.node import Node, made_by, make, new_input
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import Random


def has_draws(outputs: Sequence[Node]) -> bool:
    """Do the outputs depend on a random variable?"""
    return any(isinstance(node.op, Random) for node in toposort(outputs))


def keyed_draws(outputs: Sequence[Node]) -> tuple[list[Node], Node | None]:
    """The outputs with each random variable replaced by a draw under a key, and this key, a new
    input; None as the key if there is no random variable."""
    if not has_draws(outputs):
        return list(outputs), None
    key = new_input("key", "uint64", ())
    return lower_draws(outputs, key), key


def lower_draws(
    outputs: Sequence[Node], key: Node, given: Mapping[Node, Node] | None = None
) -> list[Node]:
    """The outputs with every random variable replaced by a draw under `key` (a uint64 scalar).

    `given` maps nodes to values that replace them.
    GraphError for a variable with an improper distribution, which has no draws.
    """
    done: dict[Node, Node] = dict(given or {})
    stream = 0
    for node in toposort(outputs, given=done):
        inputs = tuple(done[x] for x in node.inputs)
        with made_by(node):
            if isinstance(node.op, Random):
                done[node] = node.op.draw(node, ops.key_fold(key, stream), inputs)
                stream += 1
            elif all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
                done[node] = node
            else:
                done[node] = make(node.op, inputs, type(node))
    return [done[y] for y in outputs]
