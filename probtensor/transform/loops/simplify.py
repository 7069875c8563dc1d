"""The pass over the loops of a graph."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from probtensor.graph.closed import Closed
from probtensor.graph.node import Node
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import Loop
from probtensor.transform.bodies import everywhere, have_bodies
from probtensor.transform.loops.lasts import carry_last_rows
from probtensor.transform.loops.merge import merged
from probtensor.transform.loops.opened import OpenedLoop
from probtensor.transform.loops.single import simplified
from probtensor.transform.loops.unused import drop_unused, each_loop


def simplify_loops(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with loops that have less to do: unused results and carries go, equal carries,
    sequences and invariants are one, invariant work moves out, loops over the same steps merge,
    stacks of which only the last row is read are carried."""
    outputs = list(outputs)
    settled: set[Closed] = set()
    while have_bodies(toposort(outputs)):
        after = everywhere(outputs, _simplified, "loops", settled)
        if all(a is b for a, b in zip(after, outputs, strict=True)):
            break
        outputs = after
    return outputs


def finish_loops(outputs: Sequence[Node]) -> list[Node]:
    """The outputs after `simplify_loops`, and with carries for all stacks of which only the last
    row is read."""
    outputs = simplify_loops(outputs)
    return simplify_loops(everywhere(outputs, _with_last_rows, "loops"))


def _with_last_rows(graph: Sequence[Node]) -> list[Node]:
    return carry_last_rows(graph, more=True)


def _simplified(graph: Sequence[Node]) -> list[Node]:
    if not any(isinstance(node.op, Loop) for node in toposort(graph)):
        return list(graph)  # only its bodies have loops
    return merged(each_loop(carry_last_rows(graph), _change))


def _change(loop: OpenedLoop, needed: Collection[int]) -> None:
    drop_unused(loop, needed)
    if simplified(loop):
        drop_unused(loop, needed)
