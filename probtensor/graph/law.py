"""The size laws of a graph: what must hold of the sizes of a call for every op to have a meaning.

An op states its law in `Op.requires`; what every op needs, and the lines of a message, are here.
Laws that hold whatever the sizes are, are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace

from probtensor.graph.node import Node, line_of
from probtensor.graph.parts import types_of
from probtensor.types import (
    Dim,
    Size,
    SizeCheck,
    never_negative,
    size_min,
    size_name,
    size_names,
    size_quotients,
    where_positive,
)

ORIGINS = 3  # inputs that a message traces sizes to


def size_laws(nodes: Iterable[Node], inputs: Sequence[Node]) -> list[SizeCheck]:
    """The laws of all nodes. Of nodes that need the same, the first is named in the message.

    The first laws are those of sizes that are computed: that nothing is divided by 0, without which
    others have no value, and that none is negative. `inputs` are those that give sizes values.
    """
    ways = (_divisors, _not_negative, lambda node: node.op.requires(node))
    nodes = list(nodes)
    return [law for way in ways for law in _collected(nodes, inputs, way)]


def _collected(
    nodes: Iterable[Node],
    inputs: Sequence[Node],
    laws_of: Callable[[Node], Iterable[SizeCheck]],
) -> list[SizeCheck]:
    found: dict[tuple[Size, str, Size], SizeCheck] = {}
    trace = _Trace(inputs)
    for node in nodes:
        for law in laws_of(node):
            key = (law.left, law.relation, law.right)
            if key not in found and not law.proved:
                found[key] = placed(law, node, trace(law))
    return list(found.values())


def placed(law: SizeCheck, node: Node, origins: str | tuple = ()) -> SizeCheck:
    """The law with the op's name in front of its message, and the user's lines behind it."""
    text = law.message
    if not node.op.complete:
        text = (f"{node.op.user_name()}: ", *text, f"\n  at {line_of(node)}")
    return replace(law, message=(*text, *origins))


def inside(
    source: Node, axis: int, first: Size, last: Size, count: Size = 1, step: int = 1
) -> Iterator[SizeCheck]:
    """0 <= first and last < n, for places of axis `axis` of `source`, of size n.

    There are `count` places, `step` apart, from the lowest, `first`, to the highest, `last`; where
    there are none nothing is asked for.
    """
    n = source.type.shape[axis]
    more = where_positive(count) - 1  # what is said of the ends holds where there are places
    named = f" of {source.name}" if source.name else ""
    where = f" is outside axis {axis}{named}, of size "
    for place, room in ((first, first), (last, n - 1 - last)):
        # Each place but one takes its part of the room.
        if any(never_negative(room - k * more) for k in (0, 1, step)):
            continue
        text = ("index ", place - n if isinstance(place - n, int) else place, where, n)
        if isinstance(count, int):
            pair = (0, "<=", first) if room is first else (last, "<", n)
        else:
            pair = (0, "<=", room * size_min(count, 1))
        yield SizeCheck(*pair, text, IndexError)


def _divisors(node: Node) -> Iterator[SizeCheck]:
    """No size is divided by 0."""
    for size in symbolic_sizes(node):
        for top, bottom in size_quotients(size):
            text = ("one of its sizes is ", top, " // ", bottom, ", a division by zero")
            yield SizeCheck(1, "<=", bottom, text)


def _not_negative(node: Node) -> Iterator[SizeCheck]:
    """No size of the result is negative."""
    known = {n for x in node.inputs for t in types_of(x) for n in t.shape}
    for t in types_of(node):
        for n in t.shape:
            if isinstance(n, Dim) and n not in known:
                text = ("the result would have the shape ", t.shape)
                yield SizeCheck(0, "<=", n, text)


def symbolic_sizes(node: Node) -> Iterator[Dim]:
    """The symbolic sizes in a node's type and among the parameters of its op."""
    parts: list[object] = [getattr(node.op, f.name) for f in fields(node.op)]
    parts += [t.shape for t in types_of(node)]
    while parts:
        part = parts.pop()
        if isinstance(part, Dim):
            yield part
        elif isinstance(part, tuple):
            parts += part


class _Trace:
    """Where sizes come from: lines of a message that lead to axes of inputs."""

    def __init__(self, inputs: Sequence[Node]) -> None:
        self.givers: dict[str, tuple[Size, int, str, str]] = {}
        for k, node in enumerate(inputs):
            label = node.name or f"input {k}"
            for axis, size in enumerate(node.type.shape):
                name = size_name(size)
                if name is not None:
                    self.givers.setdefault(name, (size, axis, label, line_of(node)))

    def __call__(self, law: SizeCheck) -> tuple[str | Size, ...]:
        names = dict.fromkeys((*sorted(size_names(law.left)), *sorted(size_names(law.right))))
        found: list[str | Size] = []
        for name in [name for name in names if name in self.givers][:ORIGINS]:
            size, axis, label, line = self.givers[name]
            found += ["\n  ", size, f" is from axis {axis} of {label}, made at {line}"]
        return tuple(found)
