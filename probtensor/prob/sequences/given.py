"""Draws of some sequences of a loop, given others of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from probtensor.graph.node import Node, made_by
from probtensor.graph.sizes import rebuilt
from probtensor.graph.walk import toposort
from probtensor.prob.sequences.convert import forced, sequences_of
from probtensor.prob.sequences.op import RandomSequence, loop_of
from probtensor.transform.loops.opened import closed_again, opened


def with_given(outputs: Iterable[Node], given: Mapping[Node, Node]) -> list[Node]:
    """The outputs with values for the sequences in `given`: the loops that draw others, too, read
    these values instead of drawing."""
    outputs = list(outputs)
    if not any(isinstance(x.op, RandomSequence) for x in given):
        return outputs
    done: dict[Node, Node] = dict(given)
    for node in toposort(outputs, given=given):
        done[node] = rebuilt(node, done)
        if isinstance(node.op, RandomSequence):
            values = {s.op.uid: given[s] for s in sequences_of(loop_of(node)) if s in given}
            if values:
                with made_by(node):
                    done[node] = _drawn_given(done[node], values)
    return [done[x] for x in outputs]


def _drawn_given(sequence: Node, values: Mapping[str, Node]) -> Node:
    """The stacked draws of a sequence from its loop, given values of others by uid."""
    loop = opened(loop_of(sequence))
    loop.results = [loop.results[sequence.inputs[0].op.index]]
    forced(loop, values)
    return closed_again(loop)[0]
