"""Random variables as draws: each one becomes a pure function of one key.

The stream number of a variable is its position among the random variables in topological order,
those in a body before the node that has it; it is folded into the key. So the same graph gives the
same draws in every process, whatever other graphs were built before. A variable that is in a graph
twice, with other inputs (what a derivative is taken of, once its branches are opened again), has
one stream.

In the body of a loop the number of the step is folded in after that, and those of all loops around
it. Two loops with one random variable (a loop, and what its derivative runs again) draw the same:
in bodies, variables with one uid have one stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from probtensor import ops
from probtensor.graph.closed import with_bodies
from probtensor.graph.node import GraphError, Node, line_of, made_by, new_input
from probtensor.graph.parts import Get
from probtensor.graph.sizes import rebuilt
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import DrawKey, Loop, Random, random_nodes
from probtensor.transform.loops.opened import Entry, closed_again, opened


def has_draws(outputs: Sequence[Node]) -> bool:
    """Do the outputs depend on a random variable?"""
    return bool(random_nodes(toposort(outputs)))


def keyed_draws(outputs: Sequence[Node]) -> tuple[list[Node], Node | None]:
    """The outputs with each random variable replaced by a draw under a key, and this key, a new
    input; None as the key if there is no random variable."""
    if not has_draws(outputs):
        return list(outputs), None
    key = new_input("key", "uint64", ())
    return lower_draws(outputs, key), key


def lower_draws(
    outputs: Sequence[Node], key: Node, given: Mapping[Node, Node] | None = None
) -> list[Node]:
    """The outputs with every random variable replaced by a draw under `key` (a uint64 scalar).

    `given` maps nodes to values that replace them.
    GraphError for a variable with an improper distribution, which has no draws.
    """
    return _drawn(outputs, _Streams(key), dict(given or {}))


class _Streams:
    """The keys of random variables outside of loops, and of those in their bodies."""

    def __init__(self, key: Node) -> None:
        self.key = key
        self.count = 0
        self.outside: dict[str, Node] = {}
        self.in_bodies: dict[str, Node] = {}

    def next(self) -> Node:
        self.count += 1
        return ops.key_fold(self.key, self.count - 1)

    def of(self, uid: str) -> Node:
        """The key under which a variable outside of loops is drawn."""
        if uid not in self.outside:
            self.outside[uid] = self.next()
        return self.outside[uid]

    def read(self, uid: str) -> Node | None:
        """The key of a variable that is drawn already."""
        return self.outside.get(uid)

    def knows(self, uid: str) -> bool:
        """Whether a variable of a body has a stream already."""
        return uid in self.in_bodies

    def inside(self, uid: str) -> Node:
        """The key of the stream of a variable in a body, which the steps are folded into."""
        if uid not in self.in_bodies:
            self.in_bodies[uid] = self.next()
        return self.in_bodies[uid]


class _StepStreams:
    """The keys in a body, those of one step, by the uids of the variables."""

    def __init__(self, keys: Mapping[str, Node]) -> None:
        self.keys = keys

    def of(self, uid: str) -> Node:
        return self.keys[uid]

    def read(self, uid: str) -> Node | None:
        return self.keys.get(uid)

    def inside(self, uid: str) -> Node:
        return self.keys[uid]

    def knows(self, uid: str) -> bool:
        return uid in self.keys


def _drawn(
    outputs: Iterable[Node], streams: _Streams | _StepStreams, done: dict[Node, Node]
) -> list[Node]:
    """The outputs with draws for random variables, given `done` for some nodes."""
    outputs = list(outputs)
    results: dict[Node, Sequence[Node]] = {}
    order = toposort(outputs, given=done)
    drawing = set(random_nodes(order))
    keyed = {node for node in order if node.op.has_bodies and _key_reads([node])}
    for node in order:
        if isinstance(node.op, Get) and node.inputs[0] in results:
            done[node] = results[node.inputs[0]][node.op.index]
            continue
        done[node] = renamed = rebuilt(node, done)
        with made_by(node):
            if isinstance(node.op, Random):
                key = streams.of(node.op.uid)
                done[node] = renamed.op.draw(renamed, key, renamed.inputs)
            elif isinstance(node.op, DrawKey):
                # There is none where a value is given for the variable.
                key = streams.read(node.op.uid)
                done[node] = renamed if key is None else key
            elif node in drawing or node in keyed:  # only its parts are read
                results[node] = _loop_with_draws(renamed, renamed.inputs, streams)
    return [done[y] for y in outputs]


def _key_reads(nodes: Sequence[Node]) -> dict[str, None]:
    """The uids of variables whose keys are read in bodies."""
    return dict.fromkeys(x.op.uid for x in with_bodies(nodes) if isinstance(x.op, DrawKey))


def _loop_with_draws(
    node: Node, inputs: Sequence[Node], streams: _Streams | _StepStreams
) -> Sequence[Node]:
    """The results of a loop whose body draws in each step: the keys are invariants of it, and the
    number of the step a sequence, or where nothing gives the number of steps, a carry."""
    if not isinstance(node.op, Loop):
        raise GraphError(
            f"{node.op.user_name()}: a random variable is drawn in it\n  at {line_of(node)}\n"
            "  make the variable outside of the function"
        )
    body, loop = node.op.body, opened(node, inputs)
    order = body.order()
    uids = dict.fromkeys(x.op.uid for x in with_bodies(order) if isinstance(x.op, Random))
    uids |= {uid: None for uid in _key_reads(order) if streams.knows(uid)}
    step = new_input("step", "uint64", ())
    if node.op.steps is None:
        zero = ops.constant(np.uint64(0))
        loop.carries.append(Entry(zero, step, step + ops.constant(np.uint64(1))))
    else:
        loop.sequences.append(Entry(ops.arange(node.op.steps, dtype="uint64"), step))
    keys = {}
    for uid in uids:
        own = new_input("key", "uint64", ())
        loop.invariants.append(Entry(streams.inside(uid), own))
        keys[uid] = ops.key_fold(own, step)
    before = loop.roots()
    loop.change_roots(dict(zip(before, _drawn(before, _StepStreams(keys), {}), strict=True)))
    return closed_again(loop)
