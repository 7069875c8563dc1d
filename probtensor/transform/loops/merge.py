"""Loops over the same steps, none of which depends on another, as one loop.

A loop that carries nothing is not merged with one that does: its steps may run in any order. Loops
that stop by themselves are merged if their stop conditions are equal once equal carries are one.
Loops of different alternatives of a choice are not, since only one of them is run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probtensor.dataclass import fields
from probtensor.graph.node import Node
from probtensor.graph.parts import Get
from probtensor.graph.walk import Context, contexts_of, rebuild, toposort
from probtensor.graph.walk import replace as replaced
from probtensor.ops.kinds import Loop
from probtensor.transform.loops.opened import OpenedLoop, Stack, closed_again, opened
from probtensor.transform.loops.single import simplified


def merged(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with loops merged, until no two loops can be."""
    outputs = list(outputs)
    refused: set[tuple[Node, Node]] = set()
    while True:
        order = toposort(outputs)
        if sum(isinstance(node.op, Loop) for node in order) < 2:
            return outputs
        found = _one_group(order, contexts_of(order, outputs), refused)
        if found is None:
            return outputs
        outputs = _with_one_loop(outputs, *found)


Group = tuple[list[Node], OpenedLoop]  # loops, and what they become: one with all their results


def _one_group(
    order: Sequence[Node],
    contexts: Mapping[Node, frozenset[Context]],
    refused: set[tuple[Node, Node]],
) -> Group | None:
    """Two loops or more that can be merged; `refused` gets pairs that cannot."""
    masks: dict[Node, int] = {}  # the loops that a node depends on, as bits
    groups: dict[tuple, list[tuple[Node, int]]] = {}
    count = 0
    for node in order:
        masks[node] = 0
        for x in node.inputs:
            masks[node] |= masks[x]
        if isinstance(node.op, Loop):
            kind = (_kind_of(node), contexts.get(node))
            groups.setdefault(kind, []).append((node, 1 << count))
            masks[node] |= 1 << count
            count += 1
    for members in groups.values():
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


def _kind_of(node: Node) -> tuple:
    """What loops must have in common to be merged."""
    op = node.op
    own = ("body", "carries", "sequences")
    options = [getattr(op, f.name) for f in fields(op) if f.name not in own]
    return (type(op), *options, op.carries > 0, node.inputs[-1] if op.counted else None)


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
