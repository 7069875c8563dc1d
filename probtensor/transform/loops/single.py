"""One loop with less to do: equal parts, and work that is the same in each step."""

from __future__ import annotations

from probtensor import ops
from probtensor.graph.closed import captured, is_literal
from probtensor.graph.node import Node, made_by
from probtensor.graph.walk import replace as replaced
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import bound_to_steps
from probtensor.transform.loops.equal import equal_values_unified
from probtensor.transform.loops.opened import Entry, OpenedLoop, Stack, fresh_parameter
from probtensor.types import TensorType


def simplified(loop: OpenedLoop) -> bool:
    """Make parts of a loop that are equal one, and move invariant work out, to a fixed point;
    whether anything changed. Parts that this leaves unused are not dropped."""
    changed = False
    while True:
        steps = (equal_sequences_unified(loop), equal_values_unified(loop),
                 results_passed_by(loop), invariant_work_moved_out(loop))  # fmt: skip
        if not any(steps):
            return changed
        changed = True


# Equal parts.


def equal_sequences_unified(loop: OpenedLoop) -> bool:
    """Read each sequence once; whether some were read more than once."""
    first: dict[tuple[Node, object], Entry] = {}
    changes = {}
    for e in loop.sequences:
        other = first.setdefault((e.outer, e.own.type), e)
        if other is not e:
            changes[e.own] = other.own
    loop.sequences = list(first.values())
    if changes:
        loop.change_roots(changes)
    return bool(changes)


# Results that need no loop, and invariant work.


def results_passed_by(loop: OpenedLoop) -> bool:
    """Give results outside of the loop where these are a sequence, or the same in each step;
    whether there were any. One stack for equal results."""
    complete = loop.runs_all_steps  # other stacks have zeros for the steps that were not run
    sources = {e.own: e.outer for e in loop.sequences if complete}
    fixed = {e.own: e.outer for e in loop.invariants if complete}
    stacks: dict[Node, Stack] = {}
    changes: dict[Stack, object] = {}
    for s in loop.stacks:
        kind = TensorType(s.value.dtype, (loop.op.steps, *s.value.shape))
        if s.value in sources and sources[s.value].type == kind:
            changes[s] = sources[s.value]
        elif complete and (s.value in fixed or is_literal(s.value)):
            with made_by(loop.node):
                changes[s] = ops.broadcast_to(fixed.get(s.value, s.value), kind.shape)
        elif stacks.setdefault(s.value, s) is not s:
            changes[s] = stacks[s.value]
    if not changes:
        return False
    loop.results = [changes.get(x, x) for x in loop.results]
    loop.stacks = list(stacks.values())
    return True


def invariant_work_moved_out(loop: OpenedLoop) -> bool:
    """Move out the largest nodes of the body that are the same in each step; whether there are
    some. They become invariants."""
    known = {e.own: e.outer for e in loop.invariants}
    roots = loop.roots()
    varying = [e.own for e in (*loop.carries, *loop.sequences)]
    found = captured(roots, [*varying, *bound_to_steps(toposort(roots))])
    found = [x for x in found if x not in known]
    if not found:
        return False
    changes = {}
    for x, outer in zip(found, replaced(found, known), strict=True):
        with made_by(x):
            own = changes[x] = fresh_parameter(x)
        loop.invariants.append(Entry(outer, own))
    loop.change_roots(changes)
    return True

