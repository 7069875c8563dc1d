"""The pass over the loops of a graph."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from operator import is_

from probtensor.graph.closed import Closed
from probtensor.graph.node import Node
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import Loop
from probtensor.transform.bodies import everywhere
from probtensor.transform.loops.lasts import carry_last_rows
from probtensor.transform.loops.merge import merged
from probtensor.transform.loops.opened import OpenedLoop
from probtensor.transform.loops.single import simplified
from probtensor.transform.loops.unused import Settled, drop_unused, each_loop


def simplify_loops(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with loops that have less to do: unused results and carries go, equal carries,
    sequences and invariants are one, invariant work moves out, loops over the same steps merge,
    stacks of which only the last row is read are carried."""
    outputs = list(outputs)
    done = _Done()
    while True:
        after = everywhere(outputs, done.simplified, "loops", done.bodies, on=(Loop,))
        if _same(after, outputs):
            return outputs
        outputs = after


def finish_loops(outputs: Sequence[Node]) -> list[Node]:
    """The outputs after `simplify_loops`, and with carries for all stacks of which only the last
    row is read."""
    outputs = simplify_loops(outputs)
    after = everywhere(outputs, _with_last_rows, "loops", on=(Loop,))
    return outputs if _same(after, outputs) else simplify_loops(after)


def _with_last_rows(graph: Sequence[Node]) -> list[Node]:
    return carry_last_rows(graph, toposort(graph), more=True)


class _Done:
    """What is in its final form: bodies, loops alone, and graphs in which no two loops merge."""

    def __init__(self) -> None:
        self.bodies: set[Closed] = set()
        self.loops: Settled = set()
        self.graphs: set[tuple[Node, ...]] = set()

    def simplified(self, graph: Sequence[Node]) -> list[Node]:
        """A graph after one round."""
        order = toposort(graph)
        carried = carry_last_rows(graph, order)
        found = each_loop(carried, _change, self.loops, order if _same(carried, graph) else None)
        if tuple(found) not in self.graphs:
            found = merged(found, order if _same(found, graph) else None)
            self.graphs.add(tuple(found))
        return found


def _same(after: Sequence[Node], before: Sequence[Node]) -> bool:
    return all(map(is_, after, before))


def _change(loop: OpenedLoop, needed: Collection[int]) -> bool:
    changed = drop_unused(loop, needed)
    if not simplified(loop):
        return changed
    drop_unused(loop, needed)
    return True
