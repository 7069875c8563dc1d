"""Loops over the same steps, none of which depends on another, as one loop.

A loop that carries nothing is not merged with one that does: its steps may run in any order. Loops
that stop by themselves are merged if their stop conditions are equal once equal carries are one.
Loops of different alternatives of a choice are not, since only one of them is run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from probtensor.dataclass import fields
from probtensor.graph.closed import with_bodies
from probtensor.graph.node import Node
from probtensor.graph.parts import Get
from probtensor.graph.walk import contexts_of, rebuild, toposort
from probtensor.graph.walk import replace as replaced
from probtensor.ops.kinds import Loop, Observing, has_effect
from probtensor.transform.loops.opened import OpenedLoop, Stack, closed_again, opened
from probtensor.transform.loops.single import simplified


def merged(outputs: Sequence[Node], order: Sequence[Node] | None = None) -> list[Node]:
    """The outputs with loops merged, until no two loops can be. `order` is that of the outputs, if
    it is known."""
    outputs = list(outputs)
    refused: set[tuple[Node, Node]] = set()
    while True:
        order = toposort(outputs) if order is None else order
        if sum(isinstance(node.op, Loop) for node in order) < 2:
            return outputs
        found = _one_group(order, outputs, refused)
        if found is None:
            return outputs
        outputs, order = _with_one_loop(outputs, *found), None


Group = tuple[list[Node], OpenedLoop]  # loops, and what they become: one with all their results


def _one_group(
    order: Sequence[Node], outputs: Sequence[Node], refused: set[tuple[Node, Node]]
) -> Group | None:
    """Two loops or more that can be merged; `refused` gets pairs that cannot."""
    masks: dict[Node, int] = {}  # the loops that a node depends on, as bits
    loops: dict[Node, int] = {}  # each with its own bit
    for node in order:
        mask = 0
        for x in node.inputs:
            mask |= masks[x]
        if isinstance(node.op, Loop):
            loops[node] = 1 << len(loops)
            mask |= loops[node]
        masks[node] = mask
    for members in _candidates(loops, masks, order, outputs):
        for start, (first, bits) in enumerate(members):
            chosen, joint = [first], opened(first)
            for other, bit in members[start + 1 :]:
                # Later loops only: an earlier one does not depend on them.
                if masks[other] & bits or (first, other) in refused:
                    continue
                if first.op.stops:
                    joint = _joined_with_stop(opened(first), opened(other))
                    if joint is not None:
                        return [first, other], joint
                    refused.add((first, other))
                    continue
                joint = _joined(joint, opened(other))
                chosen.append(other)
                bits |= bit
            if len(chosen) > 1:
                return chosen, joint
    return None


def _candidates(
    loops: Mapping[Node, int],
    masks: Mapping[Node, int],
    order: Sequence[Node],
    outputs: Sequence[Node],
) -> list[list[tuple[Node, int]]]:
    """The loops that may be merged by their kinds and contexts, each with its bit."""
    groups: dict[object, list[tuple[Node, int]]] = {}
    for node, bit in loops.items():
        groups.setdefault(_kind_of(node), []).append((node, bit))
    if not any(
        not masks[other] & bit
        for members in groups.values()
        for (_, bit), (other, _) in combinations(members, 2)
    ):
        return []  # so contexts, which take a while to find, do not matter
    contexts = contexts_of(order, outputs)
    found: dict[object, list[tuple[Node, int]]] = {}
    for node, bit in loops.items():
        found.setdefault((_kind_of(node), contexts.get(node)), []).append((node, bit))
    return list(found.values())


def _kind_of(node: Node) -> tuple:
    """What loops must have in common to be merged."""
    op = node.op
    own = ("body", "carries", "sequences")
    options = [getattr(op, f.name) for f in fields(op) if f.name not in own]
    count = node.inputs[-1] if op.counted else None
    return (type(op), *options, op.carries > 0, count, _effects_of(node))


def _effects_of(node: Node) -> frozenset[str]:
    """The effects of a loop, by their uids: those of one loop come before all of another one, but
    two loops with the same ones are copies, of which a derivative keeps more values of a step."""
    if not has_effect(node):
        return frozenset()
    return frozenset(x.op.uid for x in with_bodies([node]) if isinstance(x.op, Observing))


def _joined(first: OpenedLoop, second: OpenedLoop) -> OpenedLoop:
    """One loop with the results of both, whose number of steps is that of the first."""
    second.renamed()
    return OpenedLoop(
        first.node,
        [*first.carries, *second.carries],
        [*first.sequences, *second.sequences],
        [*first.invariants, *second.invariants],
        [*first.stacks, *second.stacks],
        first.stop,
        first.count,
        [*first.results, *second.results],
    )


def _joined_with_stop(first: OpenedLoop, second: OpenedLoop) -> OpenedLoop | None:
    """One loop with the results of both if they stop after the same step; None if that is not
    certain. Equal carries are one in it, so it has one stop condition or two."""
    joint = _joined(first, second)
    probe = Stack(second.stop)
    joint.stacks.append(probe)
    joint.results.append(probe)
    simplified(joint)
    same = joint.results.pop()
    if not isinstance(same, Stack) or same.value is not joint.stop:
        return None
    wanted = {x for x in joint.results if isinstance(x, Stack)}
    joint.stacks = [s for s in joint.stacks if s in wanted]
    return joint


def _with_one_loop(
    outputs: Sequence[Node], members: Sequence[Node], joint: OpenedLoop
) -> list[Node]:
    """The outputs with one loop in place of several."""
    needs = [x for member in members for x in member.inputs]
    starts, start = {}, 0
    for member in members:
        starts[member] = start
        start += len(member.type)
    results: list[Node | None] = []
    done: dict[Node, Node] = {}
    for output in outputs:
        stack = [output]
        while stack:
            node = stack[-1]
            if node in done:
                stack.pop()
                continue
            waiting = [x for x in (needs if node in starts else node.inputs) if x not in done]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            stack.pop()
            if node in starts:
                results = results or _closed_within(joint, done)
                done[node] = node  # only its parts are read
            elif isinstance(node.op, Get) and node.inputs[0] in starts:
                done[node] = results[starts[node.inputs[0]] + node.op.index]
            else:
                done[node] = rebuild(node, tuple(done[x] for x in node.inputs))
    return [done[y] for y in outputs]


def _closed_within(loop: OpenedLoop, done: Mapping[Node, Node]) -> list[Node | None]:
    """The results of a loop among changed nodes."""
    entries = loop.entries()
    for e, x in zip(entries, replaced([e.outer for e in entries], done), strict=True):
        e.outer = x
    loop.count = None if loop.count is None else replaced([loop.count], done)[0]
    loop.results = [
        replaced([x], done)[0] if isinstance(x, Node) else x for x in loop.results
    ]
    return closed_again(loop)
