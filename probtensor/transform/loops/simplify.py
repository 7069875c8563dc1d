"""The pass over the loops of a graph."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.node import Node
from probtensor.graph.parts import Get
from probtensor.graph.walk import rebuild, toposort
from probtensor.ops.kinds import Loop
from probtensor.transform.bodies import everywhere, have_bodies
from probtensor.transform.loops.merge import merged
from probtensor.transform.loops.opened import closed_again, opened
from probtensor.transform.loops.single import drop_unused, simplified


def simplify_loops(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with loops that have less to do: unused results and carries go, equal carries,
    sequences and invariants are one, invariant work moves out, loops over the same steps merge."""
    outputs = list(outputs)
    while have_bodies(toposort(outputs)):
        after = everywhere(outputs, lambda graph: merged(each_simplified(graph)), "loops")
        if all(a is b for a, b in zip(after, outputs, strict=True)):
            break
        outputs = after
    return outputs


def each_simplified(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with each loop simplified."""
    order = toposort(outputs)
    if not any(isinstance(node.op, Loop) for node in order):
        return list(outputs)
    needed = _needed_results(order, outputs)
    done: dict[Node, Node] = {}
    results: dict[Node, list[Node | None]] = {}
    for node in order:
        if node not in needed:
            continue
        if isinstance(node.op, Loop):
            loop = opened(node, [done.get(x, x) for x in node.inputs])
            drop_unused(loop, needed[node])
            if simplified(loop):
                drop_unused(loop, needed[node])
            results[node] = closed_again(loop)
        elif isinstance(node.op, Get) and node.inputs[0] in results:
            done[node] = results[node.inputs[0]][node.op.index]
        else:
            done[node] = rebuild(node, tuple(done[x] for x in node.inputs))
    return [done[y] for y in outputs]


def _needed_results(order: Sequence[Node], outputs: Sequence[Node]) -> dict[Node, set[int]]:
    """For each node that the outputs need, the positions of its results that they need; a loop
    needs only the inputs on which these depend."""
    needed: dict[Node, set[int]] = {y: set() for y in outputs}
    for node in reversed(order):
        if node not in needed:
            continue
        if isinstance(node.op, Loop):
            loop = opened(node)
            drop_unused(loop, needed[node])
            entries = (*loop.carries, *loop.sequences, *loop.invariants)
            read = [e.outer for e in entries] + ([] if loop.count is None else [loop.count])
        else:
            read = node.inputs
        for x in read:
            needed.setdefault(x, set())
        if isinstance(node.op, Get):
            needed[node.inputs[0]].add(node.op.index)
    return needed
