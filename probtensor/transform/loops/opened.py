"""A loop as lists of what it carries, reads and gives, which can be changed and closed again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import is_

from probtensor.dataclass import dataclass, field, replace
from probtensor.graph.closed import closed
from probtensor.graph.node import Node, made_by, make, new_input
from probtensor.graph.parts import Get
from probtensor.graph.walk import replace as replaced
from probtensor.ops.kinds import Loop


@dataclass(eq=False)
class Entry:
    """An input of a loop: its value outside, the parameter of the body, and for a carry the next
    value in the body."""

    outer: Node
    own: Node
    following: Node | None = None


@dataclass(eq=False)
class Stack:
    """A result of the body that is stacked."""

    value: Node


class Steps:
    """The result that is the number of steps."""


# What a result of the loop is: the last value of a carry, a stack, the number of steps, or a node
# outside of the loop; None where nothing reads it.
Result = Entry | Stack | Steps | Node | None


@dataclass(eq=False)
class OpenedLoop:
    """A loop in parts; `results` are those of the node that it was made from, in order."""

    node: Node
    carries: list[Entry]
    sequences: list[Entry]
    invariants: list[Entry]
    stacks: list[Stack]
    stop: Node | None
    count: Node | None
    results: list[Result] = field(default_factory=list)

    @property
    def op(self) -> Loop:
        return self.node.op

    @property
    def runs_all_steps(self) -> bool:
        """Whether each of `op.steps` steps is run for certain."""
        return self.stop is None and self.count is None

    @property
    def is_as_opened(self) -> bool:
        """Whether its body, its entries and its results, but for those that nothing reads, are
        still those of the node."""
        body, own = self.op.body, [e.own for e in self.entries()]
        if not (_same(own, body.parameters) and _same(self.roots(), body.outputs)):
            return False
        parts = [*self.carries, *self.stacks]
        last = self.results[len(parts) :]
        return (
            len(self.results) == len(parts) + self.op.stops
            and all(x is None or x is part for x, part in zip(self.results, parts))
            and all(x is None or isinstance(x, Steps) for x in last)
        )

    def entries(self) -> list[Entry]:
        """The inputs of the loop, but for the number of steps to run."""
        return [*self.carries, *self.sequences, *self.invariants]

    def roots(self) -> list[Node]:
        """The results of the body."""
        stop = [] if self.stop is None else [self.stop]
        return [*(e.following for e in self.carries), *(s.value for s in self.stacks), *stop]

    def change_roots(self, changes: Mapping[Node, Node]) -> None:
        """Replace nodes of the body."""
        self.set_roots(replaced(self.roots(), changes))

    def set_roots(self, roots: Iterable[Node]) -> None:
        """Have other results of the body."""
        made = iter(roots)
        for e in self.carries:
            e.following = next(made)
        for s in self.stacks:
            s.value = next(made)
        self.stop = next(made, None)

    def renamed(self) -> None:
        """Give the body parameters that no other body has."""
        entries = self.entries()
        changes = {e.own: fresh_parameter(e.own) for e in entries}
        self.change_roots(changes)
        for e in entries:
            e.own = changes[e.own]


def _same(nodes: Sequence[Node], others: Sequence[Node]) -> bool:
    return len(nodes) == len(others) and all(map(is_, nodes, others))


def fresh_parameter(like: Node) -> Node:
    """A new input of the type of a node."""
    return new_input(None, like.dtype, like.shape)


def opened(node: Node, inputs: Sequence[Node] | None = None) -> OpenedLoop:
    """A loop in parts; `inputs` replace its own."""
    op, inputs = node.op, list(node.inputs if inputs is None else inputs)
    count = inputs.pop() if op.counted else None
    outer, own = op.split_inputs(inputs), op.split_inputs(op.body.parameters)
    following, others, stop = op.split_outputs()
    carries = [Entry(*each) for each in zip(outer[0], own[0], following, strict=True)]
    sequences, invariants = (
        [Entry(*each) for each in zip(outer[k], own[k], strict=True)] for k in (1, 2)
    )
    stacks = [Stack(value) for value in others]
    results = [*carries, *stacks, *([] if stop is None else [Steps()])]
    return OpenedLoop(node, carries, sequences, invariants, stacks, stop, count, results)


def closed_again(loop: OpenedLoop) -> list[Node | None]:
    """The results of the loop, as nodes; None for those that are None in `loop.results`."""
    entries = loop.entries()
    with made_by(loop.node):
        body = closed([e.own for e in entries], loop.roots())
        counts = {"carries": len(loop.carries), "sequences": len(loop.sequences)}
        op = replace(loop.op, body=body, **counts)
        last = [] if loop.count is None else [loop.count]
        made = None
        places: dict[object, int] = {x: k for k, x in enumerate([*loop.carries, *loop.stacks])}
        found: list[Node | None] = []
        for result in loop.results:
            if result is None or isinstance(result, Node):
                found.append(result)
                continue
            if made is None:
                made = make(op, (*(e.outer for e in entries), *last))
            at = len(places) if isinstance(result, Steps) else places[result]
            found.append(make(Get(at), (made,)))
    return found
