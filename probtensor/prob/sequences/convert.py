"""Graphs in which the sequences of random variables of loops are nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from probtensor.dataclass import replace
from probtensor.graph.closed import all_bodies, map_nodes
from probtensor.graph.node import GraphError, Node, line_of, made_by, make
from probtensor.graph.parts import Get
from probtensor.graph.sizes import rebuilt
from probtensor.graph.walk import rebuild, toposort
from probtensor.ops.kinds import Loop, Random, random_nodes
from probtensor.prob.distributions.base import Deterministic, RandomVariable, display_name
from probtensor.prob.sequences.op import RandomSequence
from probtensor.process import made_at
from probtensor.transform.loops.delays import delays_read
from probtensor.transform.loops.opened import (
    Entry,
    OpenedLoop,
    Stack,
    closed_again,
    fresh_parameter,
    opened,
)
from probtensor.transform.loops.split import split_loop
from probtensor.transform.loops.unused import drop_unused
from probtensor.types import Dim, Size, size_name


def with_sequences(outputs: Iterable[Node], strict: bool = False) -> list[Node]:
    """The outputs, with the results of loops that are random variables of their bodies replaced by
    sequences, and all other results of these loops by those of loops over the sequences. A graph
    that is converted already stays as it is.

    Loops whose random variables form no sequence stay as they are: those that may stop early, and
    nested ones; GraphError for these if `strict`.
    """
    outputs = list(outputs)
    order = toposort(outputs)
    loops = {x for x in random_nodes(order) if not isinstance(x.op, Random)}
    if not loops:
        return outputs
    done: dict[Node, Node] = {}
    results: dict[Node, _Results] = {}
    for node in order:
        if isinstance(node.op, Get) and node.inputs[0] in results:
            done[node] = results[node.inputs[0]].result(node.op.index)
        elif isinstance(node.op, RandomSequence):
            done[node] = done[node.inputs[0]]
        else:
            done[node] = rebuilt(node, done)
        if node in loops:
            problem = why_no_sequences(node)
            if problem and strict:
                raise GraphError(problem)
            if not problem:
                results[node] = _Results(done[node])
    return [done[x] for x in outputs]


def as_sequence(value: object) -> object:
    """A tensor as in `with_sequences`; what is none as it is."""
    return with_sequences([value])[0] if isinstance(value, Node) else value


def why_no_sequences(node: Node) -> str:
    """The message that the random variables in the bodies of a node form no sequences; empty if
    they do."""
    op = node.op
    if not isinstance(op, Loop):
        what = f"in a function that {op.user_name()} takes, so it may have no value"
        return _message(node, what, "make it outside of that function")
    inner = [x for x in random_nodes(op.body.order()) if x.op.has_bodies]
    if inner:
        what = "in a step of a loop within a step of another loop, or in a branch within a step"
        return _message(inner[0], what, "make it in a step of the outer loop, with shape=")
    if op.stops or op.counted or op.steps is None:
        what = "in a loop that has no fixed number of steps"
        return _message(node, what, "use a loop over sequences, or one with length= or n_steps=")
    return ""


def _message(node: Node, where: str, way_out: str) -> str:
    while not isinstance(node.op, RandomVariable):
        bodies = all_bodies(node.op)
        node = next(x for body in bodies for x in random_nodes(body.order()))
    named = display_name(node.op.distribution, node.op.label)
    return (
        f"{named} is made {where}, and its density is not derived\n  made at {line_of(node)}\n"
        f"  {way_out}"
    )


class _Results:
    """The results of a loop with random variables, made when they are needed."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.sequences = {s.op.uid: s for s in sequences_of(drawing(node))}
        self.made: dict[int, Node] = {}

    def result(self, index: int) -> Node:
        if index not in self.made:
            with made_by(self.node):
                self.made[index] = self._result(index)
        return self.made[index]

    def _result(self, index: int) -> Node:
        loop = opened(self.node)
        own = loop.results[index]
        if isinstance(own, Stack):
            variable = without_names(own.value)
            if isinstance(variable.op, Random):
                return self.sequences[variable.op.uid]
        forced(loop, self.sequences)
        loop.results = [loop.results[index]]
        return results_outside(loop)[0]


def without_names(node: Node) -> Node:
    """The expression inside nested `pt.deterministic`."""
    while isinstance(node.op, Deterministic):
        node = node.inputs[0]
    return node


def drawing(node: Node) -> Node:
    """The loop with its random variables as results, and no others."""
    loop = opened(node)
    steps = loop.op.steps

    def named(x: Node, inputs: tuple[Node, ...]) -> Node:
        if not isinstance(x.op, RandomVariable):
            return rebuild(x, inputs)
        return make(replace(x.op, dims=dims_of_sequence(x, steps)), inputs)

    roots = loop.roots()
    loop.change_roots(dict(zip(roots, map_nodes(roots, named), strict=True)))
    variables = {x.op.uid: x for x in toposort(loop.roots()) if isinstance(x.op, Random)}
    in_order = sorted(variables, key=made_at)
    loop.stacks = [Stack(variables[uid]) for uid in in_order]
    loop.results = list(loop.stacks)
    drop_unused(loop, range(len(loop.results)))
    return closed_again(loop)[0].inputs[0]


def dims_of_sequence(variable: Node, steps: Size) -> tuple[str, ...] | None:
    """The dims of the sequence of a variable: a size that is a dim names the axis of steps. None if
    there are none to name."""
    dims, label = variable.op.dims, variable.op.label
    if dims is not None and len(dims) > variable.ndim:
        return dims  # named already
    key = size_name(steps)
    axis = key if key is not None and Dim.name(key) == steps else None
    if variable.ndim and dims is None:
        return None
    if axis is not None:
        return (axis, *(dims or ()))
    return None if not dims or label is None else (f"{label}_dim_0", *dims)


def sequences_of(loop: Node) -> list[Node]:
    """The sequences of a loop that `drawing` gives."""
    found = []
    for k, variable in enumerate(loop.op.split_outputs()[1]):
        op = variable.op
        with made_by(variable):
            batch = (loop.op.steps, *op.batch)
            own = RandomSequence(
                op.distribution, batch, op.uid, op.label, op.dims, op.constraint, op.event,
                op.weighted, op.centering,
            )  # fmt: skip
            found.append(make(own, (make(Get(loop.op.carries + k), (loop,)),)))
    return found


def forced(loop: OpenedLoop, values: Mapping[str, Node]) -> dict[Node, Node]:
    """Read the random variables of a loop, by uid, from sequences of values; what replaces them."""
    changes = {}
    for x in toposort(loop.roots()):
        if isinstance(x.op, Random) and x.op.uid in values:
            own = changes[x] = fresh_parameter(x)
            loop.sequences.append(Entry(values[x.op.uid], own))
    loop.change_roots(changes)
    return changes


def results_outside(loop: OpenedLoop) -> list[Node]:
    """The results of a loop with as little as possible in it: what is not part of a recurrence is
    computed for all steps at once."""
    drop_unused(loop, range(len(loop.results)))
    delays_read(loop)
    drop_unused(loop, range(len(loop.results)))
    made = closed_again(loop)
    inside = {x for x, own in zip(made, loop.results, strict=True) if not isinstance(own, Node)}
    found = split_loop(next(iter(inside)).inputs[0]) if inside else None
    return made if found is None else [found[x.op.index] if x in inside else x for x in made]
