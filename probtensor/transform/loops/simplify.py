"""The pass over the loops of a graph."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from probtensor.graph.node import Node
from probtensor.graph.walk import toposort
from probtensor.transform.bodies import everywhere, have_bodies
from probtensor.transform.loops.merge import merged
from probtensor.transform.loops.opened import OpenedLoop
from probtensor.transform.loops.single import simplified
from probtensor.transform.loops.unused import drop_unused, each_loop


def simplify_loops(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with loops that have less to do: unused results and carries go, equal carries,
    sequences and invariants are one, invariant work moves out, loops over the same steps merge."""
    outputs = list(outputs)
    while have_bodies(toposort(outputs)):
        after = everywhere(outputs, lambda graph: merged(each_loop(graph, _change)), "loops")
        if all(a is b for a, b in zip(after, outputs, strict=True)):
            break
        outputs = after
    return outputs


def _change(loop: OpenedLoop, needed: Collection[int]) -> None:
    drop_unused(loop, needed)
    if simplified(loop):
        drop_unused(loop, needed)
