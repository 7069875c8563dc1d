"""Numbers of values: of two with one number it is certain that they are equal, in every step.

Nodes are equal by identity only if all that they are made of is one node. Two loops in the body of
another one, a forward run and the same with saved states for a derivative, are two nodes, though
what they carry is equal. So the bodies are numbered with the graph around them, by partition
refinement: all carries of one type are taken to be equal, in loops that are alike, and divided
until those that are taken to be equal have equal first and next values. (Alpern, Wegman and Zadeck,
Detecting equality of variables in programs, 1988.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from probtensor.dataclass import fields
from probtensor.graph.closed import Closed
from probtensor.graph.node import Node
from probtensor.graph.parts import Get
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import Branch, Loop, Random
from probtensor.transform.pattern import commutes


class Numbers:
    """Numbers of the values of a graph and of the bodies in it, refined round by round."""

    def __init__(self) -> None:
        self._known: dict[tuple, int] = {}  # from what a value is made of
        self._classes: dict[tuple, int] = {}  # of carries, and of the steps of loops, by place
        self._next: dict[tuple, int] = {}  # the same for the next round

    def round(self, outputs: Sequence[Node], given: Mapping[Node, object]) -> list[int]:
        """The numbers of the outputs of a graph, by what is known after the rounds before, where
        those of `given` with equal values are equal."""
        self._next = {}
        given = {x: self._number("given", value) for x, value in given.items()}
        numbers = self._numbered(toposort(outputs), given, ())
        return [numbers[y] for y in outputs]

    def refined(self) -> bool:
        """Whether the last round has divided values that those before took to be equal; what it
        found counts in the next one."""
        count = len(set(self._classes.values()))
        self._classes = self._next
        return len(set(self._classes.values())) > count

    def _number(self, *key: object) -> int:
        return self._known.setdefault(key, len(self._known))

    def _numbered(
        self, order: Iterable[Node], given: Mapping[Node, object], place: tuple
    ) -> dict[Node, object]:
        """The numbers of nodes in an order, a tuple of them for several results. `place` has the
        nodes in whose bodies they are: a node in two bodies is two values."""
        found = dict(given)
        for node in order:
            if node in found:
                continue
            inputs = [found[x] for x in node.inputs]
            if isinstance(node.op, Loop):
                found[node] = self._loop(node, inputs, (*place, node))
            elif isinstance(node.op, Branch):
                found[node] = self._branch(node, inputs, (*place, node))
            elif isinstance(node.op, Get) and isinstance(inputs[0], tuple):
                found[node] = inputs[0][node.op.index]
            else:
                own = place if isinstance(node.op, Random) else ()  # another in each body
                inputs = sorted(inputs) if commutes(node.op) else inputs
                found[node] = self._number(type(node), node.op, own, *inputs)
        return found

    def _inside(
        self, body: Closed, values: Iterable[object], place: tuple
    ) -> list[object]:
        """The numbers of the results of a body, given those of its parameters."""
        found = dict(zip(body.parameters, values, strict=True))
        numbers = self._numbered(body.order(), found, place)
        return [numbers[y] for y in body.outputs]

    def _branch(self, node: Node, inputs: Sequence[object], place: tuple) -> tuple[int, ...]:
        selector, *values = inputs
        rows = [self._inside(body, values, (*place, k)) for k, body in enumerate(node.op.bodies)]
        return tuple(self._number("taken", selector, *row) for row in zip(*rows, strict=True))

    def _loop(self, node: Node, inputs: Sequence[object], place: tuple) -> tuple[int, ...]:
        op, inputs = node.op, list(inputs)
        options = (type(op), *(getattr(op, f.name) for f in fields(op) if f.name not in _OWN))
        count = inputs.pop() if op.counted else None
        firsts, sequences, invariants = op.split_inputs(inputs)
        kinds = [x.type for x in op.body.parameters[: op.carries]]
        steps = self._classes.get((place, "steps"), self._number("steps", options))
        carried = [self._classes.get((place, k), self._number("carry", options, kind))
                   for k, kind in enumerate(kinds)]  # fmt: skip
        given = [
            *(self._number("carried", steps, x) for x in carried),
            *(self._number("element", steps, x) for x in sequences),
            *invariants,
        ]
        following = self._inside(op.body, given, place)
        stop = following[-1] if op.stops else None
        self._next[place, "steps"] = self._number("steps", steps, count, stop)
        for k, (own, first) in enumerate(zip(carried, firsts, strict=True)):
            self._next[place, k] = self._number("carry", own, first, following[k])
        others = following[op.carries : op.carries + op.stacked]
        return (
            *(self._number("last", steps, x) for x in carried),
            *(self._number("stack", steps, x) for x in others),
            *([self._number("run", steps)] if op.stops else []),
        )


_OWN = ("body", "carries", "sequences")  # what loops that are alike need not have in common
