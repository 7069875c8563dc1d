"""What nothing reads: results and carries of loops, and what only these need, in bodies as well."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from operator import is_

from probtensor.graph.node import Node
from probtensor.graph.parts import Get
from probtensor.graph.walk import rebuild, toposort
from probtensor.ops.kinds import Loop
from probtensor.transform.loops.opened import (
    Entry,
    OpenedLoop,
    Stack,
    Steps,
    closed_again,
    opened,
)

# Loops that a change leaves as they are, each with the positions of the results that are needed.
Settled = set[tuple[Node, frozenset[int]]]


def each_loop(
    outputs: Sequence[Node],
    change: Callable[[OpenedLoop, Collection[int]], bool],
    settled: Settled | None = None,
    order: Sequence[Node] | None = None,
) -> list[Node]:
    """The outputs with `change(loop, positions of the results that are needed)` made to each loop,
    which says whether it changed anything; what the outputs do not need of the others is left out.

    `settled` are loops that it leaves as they are; those that it leaves so are added, and those
    that it makes, since there is nothing left to change of these. `order` is that of the outputs,
    if it is known.
    """
    order = toposort(outputs) if order is None else order
    if not any(isinstance(node.op, Loop) for node in order):
        return list(outputs)
    needed = needed_results(order, outputs)
    settled = set() if settled is None else settled
    done: dict[Node, Node] = {}
    results: dict[Node, Sequence[Node | None]] = {}
    for node in order:
        if node not in needed:
            continue
        if isinstance(node.op, Loop):
            own = rebuild(node, tuple([done.get(x, x) for x in node.inputs]))
            key = own, frozenset(needed[node])
            if key not in settled:
                loop = opened(own)
                if change(loop, needed[node]):
                    results[node] = made = closed_again(loop)
                    settled.update(_as_made(loop, made))
                    continue
                settled.add(key)
            done[node] = own  # only its parts are read
        elif isinstance(node.op, Get) and node.inputs[0] in results:
            done[node] = results[node.inputs[0]][node.op.index]
        else:
            done[node] = rebuild(node, tuple([done[x] for x in node.inputs]))
    return [done[y] for y in outputs]


def _as_made(loop: OpenedLoop, made: Sequence[Node | None]) -> Settled:
    """The new node of a loop, with the positions of its results that are needed."""
    own = [x for x, result in zip(made, loop.results, strict=True)
           if isinstance(result, (Entry, Stack, Steps))]  # fmt: skip
    return {(own[0].inputs[0], frozenset(x.op.index for x in own))} if own else set()


def needed_results(order: Sequence[Node], outputs: Sequence[Node]) -> dict[Node, set[int]]:
    """For each node that the outputs need, the positions of its results that they need; a loop
    needs only the inputs on which these depend. `order` is that of the outputs."""
    needed: dict[Node, set[int]] = {y: set() for y in outputs}
    for node in reversed(order):
        if node not in needed:
            continue
        read = node.inputs
        if isinstance(node.op, Loop):
            places = inputs_read(node.op, needed[node])
            read = [x for k, x in enumerate(read) if k in places]
        for x in read:
            needed.setdefault(x, set())
        if isinstance(node.op, Get):
            needed[node.inputs[0]].add(node.op.index)
    return needed


def inputs_read(op: Loop, needed: Iterable[int]) -> set[int]:
    """The positions of the inputs of a loop on which these of its results depend."""
    # What decides when it stops is always read.
    results = [*needed, len(op.body.outputs) - 1] if op.stops else needed
    return set().union(*map(op.inputs_read, results), [len(op.body.parameters)] * op.counted)


def drop_unused(loop: OpenedLoop, needed: Collection[int]) -> bool:
    """Remove what the results at these positions do not depend on, also from inner loops; whether
    there was anything."""
    changed = _keep_needed(loop, needed)
    roots = loop.roots()
    after = each_loop(roots, drop_unused)
    if all(map(is_, after, roots)):
        return changed
    loop.change_roots(dict(zip(roots, after, strict=True)))
    return True


def _keep_needed(loop: OpenedLoop, needed: Collection[int]) -> bool:
    """Remove these parts of the loop alone: inner loops may still read parameters that are gone.
    Whether there were any."""
    before = len(loop.entries()) + len(loop.stacks)
    was_opened = loop.is_as_opened
    loop.results = [x if k in needed else None for k, x in enumerate(loop.results)]
    parts = {x for x in loop.results if isinstance(x, (Entry, Stack))}
    loop.stacks = [s for s in loop.stacks if s in parts]
    if was_opened:
        _keep_entries(loop, inputs_read(loop.op, needed))
        return len(loop.entries()) + len(loop.stacks) < before
    roots = [s.value for s in loop.stacks] + ([] if loop.stop is None else [loop.stop])
    live = {e for e in loop.carries if e in parts}
    while True:
        outputs = [*roots, *(e.following for e in loop.carries if e in live)]
        read = needed_results(toposort(outputs), outputs)
        more = {e for e in loop.carries if e.own in read} | live
        if len(more) == len(live):
            break
        live = more
    loop.carries = [e for e in loop.carries if e in live]
    loop.sequences = [e for e in loop.sequences if e.own in read]
    loop.invariants = [e for e in loop.invariants if e.own in read]
    return len(loop.entries()) + len(loop.stacks) < before


def _keep_entries(loop: OpenedLoop, places: Collection[int]) -> None:
    """Keep what is at these positions of the inputs."""
    kept = {e.own for k, e in enumerate(loop.entries()) if k in places}
    loop.carries = [e for e in loop.carries if e.own in kept]
    loop.sequences = [e for e in loop.sequences if e.own in kept]
    loop.invariants = [e for e in loop.invariants if e.own in kept]
