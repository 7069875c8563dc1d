"""The pass over the loops of a graph."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from operator import is_

from probtensor.graph.closed import Closed
from probtensor.graph.node import Node
from probtensor.ops.kinds import Loop
from probtensor.transform.bodies import everywhere
from probtensor.transform.loops.lasts import carry_last_rows
from probtensor.transform.loops.merge import merged
from probtensor.transform.loops.opened import OpenedLoop
from probtensor.transform.loops.single import simplified
from probtensor.transform.loops.unused import Done, drop_unused, each_loop


def simplify_loops(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with loops that have less to do: unused results and carries go, equal carries,
    sequences and invariants are one, invariant work moves out, loops over the same steps merge,
    stacks of which only the last row is read are carried."""
    outputs = list(outputs)
    settled: set[Closed] = set()
    done: Done = set()
    while True:
        after = everywhere(
            outputs, lambda graph: _simplified(graph, done), "loops", settled, on=(Loop,)
        )
        if all(map(is_, after, outputs)):
            return outputs
        outputs = after


def finish_loops(outputs: Sequence[Node]) -> list[Node]:
    """The outputs after `simplify_loops`, and with carries for all stacks of which only the last
    row is read."""
    outputs = simplify_loops(outputs)
    after = everywhere(outputs, _with_last_rows, "loops", on=(Loop,))
    return outputs if all(map(is_, after, outputs)) else simplify_loops(after)


def _with_last_rows(graph: Sequence[Node]) -> list[Node]:
    return carry_last_rows(graph, more=True)


def _simplified(graph: Sequence[Node], done: Done) -> list[Node]:
    return merged(each_loop(carry_last_rows(graph), _change, done))


def _change(loop: OpenedLoop, needed: Collection[int]) -> bool:
    changed = drop_unused(loop, needed)
    if not simplified(loop):
        return changed
    drop_unused(loop, needed)
    return True
