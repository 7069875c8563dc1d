"""Closed graphs: functions of tensors as values, which ops with a body have as parameters.

The parameters are inputs that are named by their positions, so bodies that differ only in the names
of their parameters are one value. Sizes are not parameters: a body uses the names of sizes of the
graph around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import attrgetter

from probtensor.dataclass import dataclass, fields, replace
from probtensor.graph.node import (
    INTERNED,
    Const,
    Input,
    Node,
    NodeSteps,
    Op,
    SizeOf,
    claim_again,
    made_by,
    made_by_steps,
    make,
    node_steps,
)
from probtensor.graph.origin import quiet
from probtensor.graph.parts import Get
from probtensor.graph.resize import names_in, sizes_read, with_sizes
from probtensor.graph.sizes import refuse_measured
from probtensor.graph.walk import ancestors, conditional, toposort
from probtensor.graph.walk import replace as replaced
from probtensor.process import computed_once
from probtensor.types import Atom, HoldsSizes, Size, TensorType, sourced_atoms

_PARAMETER = ".parameter"  # ends the uids of parameters
# What is closed as a rule, in messages, and a hint.
BODY = (
    "a step or a branch",
    "pt.loop.while_loop and fori_loop take as many steps as a step decides",
)


class StepInput(Node):
    """What the function of a step is called with, to make a graph that `closed` then closes. A
    tensor that depends on one, and that the function does not return, has no value anywhere."""

    __slots__ = ()


@dataclass(frozen=True, eq=False)
class Closed(HoldsSizes):
    """Outputs as a function of parameters; it reads no other inputs. Made by `closed`.

    Two are equal if they have the same nodes (`==` of nodes would make a graph).
    """

    parameters: tuple[Node, ...]
    outputs: tuple[Node, ...]

    def __hash__(self) -> int:
        return hash((self.parameters, self.outputs))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Closed):
            return NotImplemented
        pairs = ((self.parameters, other.parameters), (self.outputs, other.outputs))
        return all(list(map(id, a)) == list(map(id, b)) for a, b in pairs)

    def __reduce__(self) -> tuple:
        steps, places = node_steps([*self.parameters, *self.outputs])
        return _rebuild, (steps, places, len(self.parameters))

    def __call__(self, *arguments: Node) -> list[Node]:
        """The outputs for arguments, which have the types of the parameters."""
        return replaced(self.outputs, dict(zip(self.parameters, arguments, strict=True)))

    def order(self) -> tuple[Node, ...]:
        """The nodes of the outputs in topological order, without those of the graph around it that
        sizes need."""
        return self._order

    @computed_once
    def _order(self) -> tuple[Node, ...]:
        return tuple(toposort(self.outputs, needs=attrgetter("inputs")))

    @computed_once
    def kinds(self) -> frozenset[type[Op]]:
        """The classes of the ops of its nodes, and of those in bodies of these."""
        return kinds_of(self.order())

    @computed_once
    def reads(self) -> tuple[int, ...]:
        """For each output the parameters on which it depends, as bits."""
        found = {x: 1 << k for k, x in enumerate(self.parameters)}
        for node in self.order():
            if node not in found:
                found[node] = _joined_bits(node, found)
        return tuple([found[x] for x in self.outputs])

    def has(self, kinds: tuple[type[Op], ...]) -> bool:
        """Whether a node, or one in a body of one, has an op of one of these classes."""
        return any(issubclass(kind, kinds) for kind in self.kinds)

    def sourced_atoms(self) -> Iterator[Atom]:
        for node in dict.fromkeys((*self.parameters, *self.order())):
            yield from sourced_atoms((node.op, node.type))

    def resized(self, names: Mapping[str, Size]) -> Closed:
        done = with_sizes([*self.outputs, *self.parameters], names)
        made = Closed(*(tuple(done[x] for x in xs) for xs in (self.parameters, self.outputs)))
        return self if made == self else made

    def size_names(self) -> set[str]:
        return sizes_read(self.outputs).union(*(names_in(x.type) for x in self.parameters))

    def text(self) -> str:
        """A short text for messages."""
        return f"({len(self.parameters)} parameters -> {len(self.outputs)} results)"

    __str__ = text


def _rebuild(steps: NodeSteps, places: Sequence[int], count: int) -> Closed:
    nodes = made_by_steps(steps)
    found = tuple(nodes[k] for k in places)
    return Closed(found[:count], found[count:])


def parameter(position: int, kind: TensorType) -> Node:
    """The parameter of a closed graph at a position."""
    return make(Input(None, kind, f"{position}{_PARAMETER}"), ())


def is_parameter(node: Node) -> bool:
    """Whether a node is a parameter of a closed graph."""
    return isinstance(node.op, Input) and node.op.uid.endswith(_PARAMETER)


def closed(
    parameters: Sequence[Node], outputs: Sequence[Node], what: Sequence[str] = BODY
) -> Closed:
    """The outputs as a closed graph of some of their nodes. ValueError if they need another
    input, GraphError for a size that depends on the parameters; `what` is closed, and hints."""
    claim_again()
    own = tuple(parameter(k, x.type) for k, x in enumerate(parameters))
    changes = dict(zip(parameters, own, strict=True))
    made = Closed(own, tuple(replaced(outputs, changes)))
    given = set(own)
    for atom in made.sourced_atoms():
        if not given.isdisjoint(ancestors([atom.source])):
            user = toposort(outputs, needs=attrgetter("inputs"))  # with the user's names and lines
            refuse_measured(user, f"{what[0]} would have sizes of its own", *what[1:])
    for node in made.order():
        if isinstance(node.op, Input) and node not in given:
            raise ValueError(f"a closed graph needs {node!r}, which is none of its parameters")
    return made


def captured(
    outputs: Iterable[Node], own: Iterable[Node], kept: Iterable[Node] = ()
) -> list[Node]:
    """The nodes that the outputs read from outside: those that depend on none of the nodes `own`
    and are outputs, or inputs of nodes inside. Inside are nodes that depend on one, and what these
    need under some condition only (see `walk.Contexts`), up to the nodes `kept`. Scalar literals
    and sizes, which a body has itself, are omitted."""
    outputs = list(outputs)
    order = needed = toposort(outputs)
    if any(node.size_sources for node in needed):
        order = toposort(outputs, needs=attrgetter("inputs"))
    inside = depending(needed, own)  # a size of a node may depend on one as well
    inside |= _reached(outputs, inside, conditional(outputs, needed) - set(kept))
    read = chain(outputs, *(node.inputs for node in order if node in inside))
    found = dict.fromkeys(x for x in read if x not in inside)
    return [x for x in found if not is_literal(x)]


def _reached(outputs: Iterable[Node], inside: set[Node], others: set[Node]) -> set[Node]:
    """The nodes of `others` that are reached through nodes inside and such nodes."""
    found: set[Node] = set()
    if others:
        passable = inside | others
        reached = ancestors(outputs, lambda node: node not in passable)
        found.update(x for x in reached if x in others)
    return found


def is_literal(node: Node) -> bool:
    """Whether a node is a scalar literal or a size, which is no input of a body."""
    return isinstance(node.op, SizeOf) or (isinstance(node.op, Const) and not node.shape)


def depending(order: Iterable[Node], on: Iterable[Node]) -> set[Node]:
    """The nodes of a topological order that depend on some of the nodes `on`, these included."""
    found = set(on)
    for node in order:
        if any(x in found for x in node.needs):
            found.add(node)
    return found


def with_bodies(order: Iterable[Node]) -> Iterator[Node]:
    """The nodes of an order, each after all nodes of its bodies, which are not its inputs."""
    for node in order:
        if node.op.has_bodies:
            for body in all_bodies(node.op):
                yield from with_bodies(body.order())
        yield node


class Lines:
    """The lines of the user's code that nodes have now, with those in bodies. A node has the line
    where it was written last: what was compiled before keeps the lines that it was made of."""

    def __init__(self, outputs: Iterable[Node], lines: Sequence[tuple[str, int]] = ()) -> None:
        self._nodes = [*with_bodies(toposort(outputs))]
        told = len(lines) == len(self._nodes)  # by `stored`, of the same graph
        self._lines = [*lines] if told else INTERNED.lines(self._nodes)

    def stored(self) -> list[tuple[str, int]]:
        """The lines, for a pickle beside the outputs."""
        return [*self._lines]

    @contextmanager
    def restored(self) -> Iterator[None]:
        """A block in which the nodes have these lines again; what is made of them gets these."""
        INTERNED.begin()
        before = INTERNED.exchange(self._nodes, self._lines)
        try:
            with quiet():
                yield
        finally:
            INTERNED.exchange(self._nodes, before)
            INTERNED.begin()


def _joined_bits(node: Node, found: Mapping[Node, int]) -> int:
    """The bits of what a node depends on; of several results those of the one that it selects."""
    read = node.inputs
    if isinstance(node.op, Get):
        whole = read[0]
        places = whole.op.inputs_read(node.op.index)
        read = read if places is None else [whole.inputs[k] for k in places]
    bits = 0
    for x in read:
        bits |= found[x]
    return bits


def kinds_of(order: Iterable[Node]) -> frozenset[type[Op]]:
    """The classes of the ops of some nodes, and of those in bodies of these."""
    found: set[type[Op]] = set()
    for node in order:
        found.add(type(node.op))
        if node.op.has_bodies:
            found.update(*[body.kinds for body in all_bodies(node.op)])
    return frozenset(found)


def all_bodies(op: Op) -> list[Closed]:
    """The closed graphs among the parameters of an op."""
    found: list[Closed] = []
    for value in bodies_of(op).values():
        found += value if isinstance(value, tuple) else [value]
    return found


def bodies_of(op: Op) -> dict[str, Closed | tuple[Closed, ...]]:
    """The parameters of an op that are closed graphs, or tuples of them, by name."""
    if not op.has_bodies:
        return {}
    found = {f.name: getattr(op, f.name) for f in fields(op)}
    return {name: value for name, value in found.items() if _holds_bodies(value)}


def _holds_bodies(value: object) -> bool:
    if isinstance(value, tuple):
        return bool(value) and all(isinstance(part, Closed) for part in value)
    return isinstance(value, Closed)


def map_bodies(op: Op, change: Callable[[Closed], Closed]) -> Op:
    """The op with each of its bodies changed; the op itself if none changes."""
    changes: Mapping[str, object] = {
        name: tuple(map(change, value)) if isinstance(value, tuple) else change(value)
        for name, value in bodies_of(op).items()
    }
    if all(value == getattr(op, name) for name, value in changes.items()):
        return op
    return replace(op, **changes)


def with_outputs(body: Closed, outputs: Sequence[Node]) -> Closed:
    """A body with other outputs over the same parameters."""
    made = Closed(body.parameters, tuple(outputs))
    return body if made == body else made


def map_nodes(
    outputs: Iterable[Node], change: Callable[[Node, tuple[Node, ...]], Node]
) -> list[Node]:
    """The outputs with `change(node, its changed inputs)` in place of each node."""
    outputs = list(outputs)
    done: dict[Node, Node] = {}
    for node in toposort(outputs):
        inputs = tuple([done[x] for x in node.inputs])
        with made_by(node):
            done[node] = change(node, inputs)
    return [done[x] for x in outputs]
