"""Matrices that must be square have one size: rules for square matrices see them as such."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probtensor.graph.node import Input, Node, remake
from probtensor.graph.resize import with_sizes
from probtensor.graph.walk import toposort
from probtensor.ops import Contract, Sized
from probtensor.ops.arrays.require import sized
from probtensor.ops.kinds import Composite, Core
from probtensor.types import Dim, Size, size_name, size_substitute


def unify_sizes(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with one name for those axes of an input that a routine needs to be equal, as of
    pt.matrix("x") in inv(x). That they are is checked by the laws of the graph as it was written.
    """
    nodes = toposort(outputs)
    open_ = [x for x in nodes if isinstance(x.op, Input) and _names(x) > 1]
    if not open_:
        return list(outputs)
    equal = set(_equal_sizes(nodes))
    names: dict[str, Size] = {}
    changes: dict[Node, Node] = {}
    for x in open_:
        shape: list[Size] = []
        for n in x.shape:
            same = next((m for m in shape if {(m, n), (n, m)} & equal), n)
            shape.append(same)
            key = size_name(n)
            if same is not n and key is not None:
                names[key] = same
        changes[x] = sized(x, shape, "x[...]")
    if not names:
        return list(outputs)
    for node in nodes:  # of views that have that shape, as those of a graph that this was done to
        if isinstance(node.op, Sized) and node.inputs[0] in changes:
            view = changes[node.inputs[0]]
            if tuple(size_substitute(n, names) for n in node.shape) == view.shape:
                changes[node] = view
    done = with_sizes(outputs, names, changes)
    return [sized(done[y], y.shape, "x[...]") for y in outputs]


def plain_operands(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with routines on inputs themselves, where `unify_sizes` gave these one size: a
    routine reads the buffer of an input, and would need a copy of a view."""
    done: dict[Node, Node] = {}
    for node in toposort(outputs):
        inputs = tuple(done[x] for x in node.inputs)
        done[node] = remake(node, inputs)
        if isinstance(node.op, (Core, Contract)):
            plain = remake(node, tuple(map(_unsized, inputs)))
            done[node] = plain if plain.type == node.type else done[node]
    return [done[y] for y in outputs]


def _unsized(x: Node) -> Node:
    while isinstance(x.op, Sized):
        x = x.inputs[0]
    return x


def _names(x: Node) -> int:
    """How many axes of unknown size an input has."""
    return sum(isinstance(n, Dim) for n in x.shape)


def _equal_sizes(nodes: Iterable[Node]) -> Iterable[tuple[Size, Size]]:
    for node in nodes:
        routine = isinstance(node.op, (Core, Composite, Sized))
        for law in (node.op.requires(node) or ()) if routine else ():
            if law.relation == "==" and isinstance(law.left, Dim) and isinstance(law.right, Dim):
                yield law.left, law.right
