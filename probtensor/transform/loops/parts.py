"""Loops replaced in a graph, result by result; the nodes that stay in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from probtensor.graph.node import Node, made_by
from probtensor.graph.parts import Get
from probtensor.graph.walk import rebuild, toposort
from probtensor.ops.kinds import Branch, Loop, has_effect


def replace_loops(
    outputs: Iterable[Node], change: Callable[[Node], Sequence[Node] | None]
) -> list[Node]:
    """The outputs with loops replaced: `change` gives a node for each result of a loop, or None to
    keep it."""
    outputs = list(outputs)
    order = toposort(outputs)
    if not any(isinstance(node.op, Loop) for node in order):
        return outputs
    done: dict[Node, Node] = {}
    results: dict[Node, Sequence[Node]] = {}
    for node in order:
        source = node.inputs[0] if isinstance(node.op, Get) else None
        if source in results:
            done[node] = results[source][node.op.index]
            continue
        done[node] = rebuild(node, tuple(done[x] for x in node.inputs))
        if isinstance(node.op, Loop):
            with made_by(node):
                found = change(done[node])
            if found is not None:
                results[node] = found
    return [done[x] for x in outputs]


def stays(node: Node) -> bool:
    """Whether a node is computed step by step: one of several alternatives, all of which would be
    computed for all steps at once, or an effect, which happens in each step."""
    return node.op.chooses or isinstance(node.op, Branch) or has_effect(node)
