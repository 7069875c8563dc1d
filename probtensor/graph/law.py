"""The size laws of a graph: what must hold of the sizes of a call for every op to have a meaning.

An op states its laws in `Op.requires`; the laws common to all ops, and the lines of a message, are
here. Laws that hold for all sizes are omitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from probtensor.dataclass import replace
from probtensor.graph.closed import with_bodies
from probtensor.graph.node import Node, line_of
from probtensor.graph.parts import types_of
from probtensor.types import (
    Dim,
    Size,
    SizeCheck,
    field_names,
    joints,
    never_negative,
    size_min,
    size_name,
    size_names,
    size_quotients,
    where_positive,
)

MAX_ORIGINS = 3  # sizes whose input is named in a message


def size_laws(
    nodes: Iterable[Node], inputs: Sequence[Node], broadcasting: bool = False
) -> list[SizeCheck]:
    """The laws of all nodes, and of those in bodies, each once: its message names the first node
    that needs it. Without `broadcasting` no axis of unknown size is broadcast, as in the graph that
    is compiled: sizes that are broadcast together must be equal.

    That no divisor is 0 comes first, without which other sizes have no value; then what the user's
    functions require, in their words; then that no computed size is negative. `inputs` are the
    inputs whose axes give the names their values.
    """
    trace = _Trace(inputs)
    parts = [_Collected(trace, broadcasting) for _ in range(5)]
    divisors, asked, signs, others, joint = parts
    for node in dict.fromkeys(with_bodies(nodes)):
        sizes = () if _has_old_sizes(node) else symbolic_sizes(node)
        if sizes:
            divisors.add(node, _divisors(sizes))
            signs.add(node, _not_negative(node))
        laws = node.op.requires(node)
        if laws:
            (asked if node.op.complete else others).add(node, laws)
        if sizes:
            joint.add(node, _broadcast(sizes))
    return [law for part in parts for law in part.found.values()]


def _has_old_sizes(node: Node) -> bool:
    """Whether all sizes of a node are those of an input, which is quick to tell."""
    if field_names(node.op.__class__) or isinstance(node.type, tuple):
        return False
    shape = node.type.shape
    return not shape or shape in [x.type.shape for x in node.inputs]


class _Collected:
    """Laws that are not proved, each once."""

    def __init__(self, trace: _Trace, broadcasting: bool) -> None:
        self.trace = trace
        self.broadcasting = broadcasting
        self.found: dict[tuple[Size, str, Size], SizeCheck] = {}

    def add(self, node: Node, laws: Iterable[SizeCheck]) -> None:
        """Add the laws of a node."""
        for law in laws:
            if law.proved:
                continue
            wanted = law if self.broadcasting else law.without_broadcasting
            key = (wanted.left, wanted.relation, wanted.right)
            if key not in self.found and not wanted.proved:
                self.found[key] = located_law(wanted, node, self.trace(wanted))


def located_law(law: SizeCheck, node: Node, origins: str | tuple = ()) -> SizeCheck:
    """The law with the name of the op before its message, and the user's lines after it."""
    text = law.message
    if not node.op.complete:
        text = (f"{node.op.user_name()}: ", *text, f"\n  at {line_of(node)}")
    return replace(law, message=(*text, *origins))


def named_axis(source: Node, axis: int) -> str:
    """An axis, of the named tensor that a node without a name is a view of if that has the axis."""
    node, place = source, axis
    while not node.name and hasattr(node.op, "axis_below"):
        below = node.op.axis_below(node, place)
        if below is None:
            break
        node, place = node.inputs[0], below
    return f"axis {place} of {node.name}" if node.name else f"axis {place}"


def within_axis(
    source: Node, axis: int, first: Size, last: Size, count: Size = 1, step: int = 1
) -> Iterator[SizeCheck]:
    """0 <= first and last < n, for indices along axis `axis` of `source`, of size n.

    There are `count` indices with stride `step`: `first` is the lowest and `last` the highest. The
    laws hold trivially where `count` is 0.
    """
    n = source.type.shape[axis]
    others = where_positive(count) - 1  # the laws matter only where there are indices
    where = f" is outside {named_axis(source, axis)}, of size "
    for index, margin in ((first, first), (last, n - 1 - last)):
        # margin >= k * others implies margin >= 0, and is provable in some cases where that is not.
        if any(never_negative(margin - k * others) for k in (0, 1, step)):
            continue
        text = ("index ", index - n if isinstance(index - n, int) else index, where, n)
        if isinstance(count, int):
            pair = (0, "<=", first) if margin is first else (last, "<", n)
        else:
            pair = (0, "<=", margin * size_min(count, 1))
        yield SizeCheck(*pair, text, IndexError)


def _divisors(sizes: Iterable[Dim]) -> Iterator[SizeCheck]:
    """No size is divided by 0."""
    for size in sizes:
        for top, bottom in size_quotients(size):
            text = ("one of its sizes is ", top, " // ", bottom, ", a division by zero")
            yield SizeCheck(1, "<=", bottom, text)


def _broadcast(sizes: Iterable[Dim]) -> Iterator[SizeCheck]:
    """Sizes that others broadcast to have a value."""
    for size in sizes:
        for together in joints(size):
            for one, other in combinations(together, 2):
                text = ("sizes ", one, " and ", other, " do not fit together")
                yield SizeCheck(one, "broadcasts with", other, text)


def _not_negative(node: Node) -> Iterator[SizeCheck]:
    """No size of the result is negative."""
    of_inputs: set[Size] | None = None
    for t in types_of(node):
        if t.is_static or any(x.type is t for x in node.inputs):
            continue
        for n in t.shape:
            if not isinstance(n, Dim):
                continue
            if of_inputs is None:
                of_inputs = {n for x in node.inputs for t in types_of(x) for n in t.shape}
            if n not in of_inputs:
                text = ("the result would have the shape ", t.shape)
                yield SizeCheck(0, "<=", n, text)


def symbolic_sizes(node: Node) -> list[Dim]:
    """The symbolic sizes in a node's type and among the parameters of its op."""
    names = field_names(node.op.__class__)
    parts: list[object] = [getattr(node.op, name) for name in names]
    parts += [t.shape for t in types_of(node) if not t.is_static]
    found: list[Dim] = []
    while parts:
        part = parts.pop()
        if part.__class__ is Dim:
            found.append(part)
        elif isinstance(part, tuple):
            parts += part
    return found


class _Trace:
    """Lines of a message that name the axes of inputs from which sizes come."""

    def __init__(self, inputs: Sequence[Node]) -> None:
        self.origins: dict[str, tuple[Size, int, str, str]] = {}
        for k, node in enumerate(inputs):
            label = node.name or f"input {k}"
            for axis, size in enumerate(node.type.shape):
                name = size_name(size)
                if name is not None:
                    self.origins.setdefault(name, (size, axis, label, line_of(node)))

    def __call__(self, law: SizeCheck) -> tuple[str | Size, ...]:
        names = dict.fromkeys((*sorted(size_names(law.left)), *sorted(size_names(law.right))))
        found: list[str | Size] = []
        for name in [name for name in names if name in self.origins][:MAX_ORIGINS]:
            size, axis, label, line = self.origins[name]
            found += ["\n  ", size, f" is from axis {axis} of {label}, made at {line}"]
        return tuple(found)
