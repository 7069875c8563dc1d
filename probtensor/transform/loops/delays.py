"""Carries that hold what an earlier step computed without any carry.

The next value of such a carry is known for all steps before the loop runs, so the carry is a
sequence: its first value, followed by these values. What is left to carry is the recurrence. An
autoregression given its values carries none: each step reads the values before it.
"""

from __future__ import annotations

from probtensor import ops
from probtensor.graph.closed import depending
from probtensor.graph.node import Node, new_input
from probtensor.graph.walk import replace as replaced
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import bound_to_steps
from probtensor.transform.batch import vmap_nodes
from probtensor.transform.loops.opened import Entry, OpenedLoop
from probtensor.transform.loops.parts import stays


def delays_read(loop: OpenedLoop) -> None:
    """Replace carries whose next values depend on no carry by sequences, until none is left.

    Loops that may stop early, whose steps are not counted, or whose derivative is truncated are
    left alone.
    """
    if not loop.runs_all_steps or loop.op.steps is None or loop.op.truncate is not None:
        return
    while True:
        order = toposort(e.following for e in loop.carries)
        fixed = [*(e.own for e in loop.carries), *bound_to_steps(order)]
        varying = depending(order, [*fixed, *filter(stays, order)])
        found = [e for e in loop.carries if e.following not in varying]
        if not found:
            return
        loop.carries = [e for e in loop.carries if e not in found]
        for carry in found:
            _read_as_sequence(loop, carry)


def _read_as_sequence(loop: OpenedLoop, carry: Entry) -> None:
    """Replace a carry that is removed already by the sequence of its values."""
    steps, kind = loop.op.steps, carry.own.type
    following = ops.broadcast_to(_for_all_steps(loop, carry.following), (steps, *kind.shape))
    first = ops.broadcast_to(carry.outer, kind.shape)[None]
    if loop.op.backwards:
        values = ops.concatenate([following, first])
        before, last = values[1:], values[0]
    else:
        values = ops.concatenate([first, following])
        before, last = values[:-1], values[-1]
    before = ops.broadcast_to(before, (steps, *kind.shape))
    loop.sequences.append(Entry(before, carry.own))
    loop.results = [last if x is carry else x for x in loop.results]


def _for_all_steps(loop: OpenedLoop, node: Node) -> Node:
    """A node of the body that depends on no carry, for all steps, along axis 0."""
    outside = {e.own: e.outer for e in loop.invariants}
    sequences = {e.own: e.outer for e in loop.sequences}
    if node in sequences:
        return sequences[node]
    fresh = {own: new_input(None, own.dtype, own.shape) for own in sequences}
    cut = replaced([node], {**outside, **fresh})
    found = vmap_nodes(cut, {fresh[own]: outer for own, outer in sequences.items()})[0]
    return found
