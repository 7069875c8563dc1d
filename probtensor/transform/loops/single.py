"""One loop with less to do: equal parts, and work that is the same in each step."""

from __future__ import annotations

from probtensor import ops
from probtensor.graph.closed import captured, is_literal
from probtensor.graph.node import Node, made_by
from probtensor.graph.walk import replace as replaced
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import bound_to_steps
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


def equal_values_unified(loop: OpenedLoop) -> bool:
    """Have one parameter for each value: carries that are equal in all steps, carries that keep
    their first value, equal invariants, literals. Whether there were others.

    Partition refinement: all with one first value are taken to be equal, and divided until those
    that are taken to be equal have equal next values too.
    """
    places = _places_of(loop)
    classes: dict[Node, Node] = {}  # from a parameter to that of its class
    first: dict[tuple, Node] = {}
    for own, outer, _ in places:
        classes[own] = first.setdefault((outer, own.type), own)
    while True:
        following = [y for *_, y in places]
        if any(own is not one for own, one in classes.items()):
            following = replaced(following, classes)
        divided: dict[tuple[Node, Node], Node] = {}
        for (own, *_), y in zip(places, following, strict=True):
            divided.setdefault((classes[own], y), own)
        count = len(set(classes.values()))
        classes = {
            own: divided[classes[own], y] for (own, *_), y in zip(places, following, strict=True)
        }
        if len(divided) == count:
            break
    constant = {own for (own, *_), y in zip(places, following, strict=True) if y is classes[own]}
    return _unify(loop, classes, constant)


def _places_of(loop: OpenedLoop) -> list[tuple[Node, Node, Node]]:
    """(parameter, first value, next value) of what may be equal: literals, each as its own
    parameter, then invariants, then carries. The first of a class remains."""
    entries = [e for e in (*loop.invariants, *loop.carries) if e.outer.type == e.own.type]
    literals = dict.fromkeys(e.outer for e in entries if is_literal(e.outer))
    rows = [(x, x, x) for x in literals]
    return rows + [(e.own, e.outer, e.own if e.following is None else e.following)
                   for e in entries]  # fmt: skip


def _unify(loop: OpenedLoop, classes: dict[Node, Node], constant: set[Node]) -> bool:
    """Replace each parameter by that of its class; carries in `constant` become invariants."""
    moved = [e for e in loop.carries if e.own in constant]
    changes = {own: one for own, one in classes.items() if own is not one}
    if not changes and not moved:
        return False
    by_own = {e.own: e for e in (*loop.invariants, *loop.carries)}
    for k, result in enumerate(loop.results):
        if isinstance(result, Entry):
            one = classes.get(result.own, result.own)
            keeps = result.own in constant
            loop.results[k] = result.outer if keeps else by_own[one]
    loop.change_roots(changes)
    loop.invariants = [e for e in (*loop.invariants, *moved) if e.own not in changes]
    loop.carries = [e for e in loop.carries if e.own not in changes and e.own not in constant]
    for e in moved:
        e.following = None
    return True


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

