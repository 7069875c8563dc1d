"""Canonical names for sizes, and the equalities between sizes that a graph takes for granted.

`x + y` of two vectors of unknown length takes the lengths to be equal. Here one name is put for
both, so that later stages see equal sizes as equal, and a check is kept for when the function is
called; so it is with every size law. The laws are those of the graph as the passes left it and as
it was `written`, since what a rule takes out of a graph must have had a meaning as well. Names are
`n0, n1, ...` in the order of the inputs' axes, so that a plan's text does not depend on what the
user called things.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from probtensor.graph.law import size_laws
from probtensor.graph.node import Node, Op, line_of
from probtensor.graph.parts import types_of
from probtensor.graph.resize import resized
from probtensor.lower.plan import SizeSource
from probtensor.types import (
    Atom,
    Dim,
    Size,
    SizeCheck,
    TensorType,
    size_atoms,
    size_name,
    size_names,
    size_substitute,
)


class CanonicalSizes:
    """Maps the sizes of node types to canonical ones: `sizes(size)`, `sizes.shape(node)`.

    A size is mapped once: a user may have called a size `n0` as well.
    """

    def __init__(
        self, inputs: Sequence[Node], order: Sequence[Node], written: Sequence[Node] = ()
    ) -> None:
        self.sources: list[SizeSource] = []
        self._names: dict[str, Size] = {}  # what the user's names stand for, by their keys
        self._merged: dict[str, Size] = {}  # canonical names that equal other sizes
        # All names come first: a declared size may be computed from those of later inputs.
        axes = [self._name_axes(position, node) for position, node in enumerate(inputs)]
        declared = [
            check
            for position, (node, others) in enumerate(zip(inputs, axes, strict=True))
            for check in self._declared(node.name or f"input {position}", node, others)
        ]
        nodes = list(dict.fromkeys((*written, *order)))
        laws = size_laws(nodes, inputs)
        joined = [law for law in self._named(laws) if law.relation == "==" and self._join(law)]
        self._known = {key: self._settled(size) for key, size in self._names.items()}
        self.checks: list[SizeCheck] = []
        self.require(law for law in laws if law.relation != "==")
        self.checks += [*declared, *joined]
        self._shapes: dict[Node, tuple[Size, ...]] = {}

    def __call__(self, size: Size) -> Size:
        if not isinstance(size, Dim):
            return int(size)
        return self._settled(size_substitute(size, self._names))

    def _settled(self, size: Size) -> Size:
        """A size in canonical names, those that equal others replaced by them."""
        # A name may be merged into one that is merged later itself.
        while size_names(size) & self._merged.keys():
            size = size_substitute(size, self._merged)
        return size

    def require(self, laws: Iterable[SizeCheck]) -> None:
        """Keep the checks of laws that do not follow from what is known to be equal."""
        for law in self._named(laws):
            if not law.map(self._settled).proved:
                self.checks.append(law)

    def shape(self, node: Node) -> tuple[Size, ...]:
        if node not in self._shapes:
            self._shapes[node] = tuple(self(n) for n in node.type.shape)
        return self._shapes[node]

    def op(self, op: Op) -> Op:
        """The op with canonical sizes among its parameters."""
        return resized(op, self._known)

    def type(self, node: Node) -> TensorType:
        return TensorType(node.type.dtype, self.shape(node))

    def unknown(self, node: Node) -> set[Atom]:
        """Names in the node's shapes that no input's axis gives."""
        given = {source.name for source in self.sources}
        sizes = [self(n) for kind in types_of(node) for n in kind.shape]
        return {atom for size in sizes for atom in size_atoms(size) if atom.key not in given}

    def _name_axes(self, position: int, node: Node) -> list[tuple[int, Dim]]:
        """Name the axes of an input; those whose declared sizes are given elsewhere, by name."""
        others = []
        for axis, size in enumerate(node.type.shape):
            if not isinstance(size, Dim):
                continue
            own = Dim.name(f"n{len(self.sources)}")
            self.sources.append(SizeSource(str(own), position, axis))
            bare = size_name(size)
            if bare is not None and bare not in self._names:
                self._names[bare] = own
            else:
                others.append((axis, own))
        return others

    def _declared(
        self, label: str, node: Node, axes: Iterable[tuple[int, Dim]]
    ) -> Iterator[SizeCheck]:
        """The checks that an input has the sizes it was declared with."""
        for axis, own in axes:
            size = node.type.shape[axis]
            if not size_names(size) <= self._names.keys():
                continue  # of an input that this graph does not have
            wanted = size_substitute(size, self._names)
            text = f" along axis {axis}, but its declared shape asks for "
            line = f"\n  {label} was made at {line_of(node)}"
            yield SizeCheck(own, "==", wanted, (f"{label} has size ", own, text, wanted, line))
            self._merge(own, self._settled(wanted))

    def _named(self, laws: Iterable[SizeCheck]) -> Iterator[SizeCheck]:
        """Laws in canonical names, but for those of sizes that no input gives."""
        for law in laws:
            if law.names() <= self._names.keys():
                yield law.map(lambda size: size_substitute(size, self._names))

    def _join(self, law: SizeCheck) -> bool:
        """Put one name for two sizes that must be equal; False where that follows already. (The
        check stays one of the sizes that come, not of those put for them.)"""
        left, right = self._settled(law.left), self._settled(law.right)
        if left == right:
            return False
        return self._merge(left, right) or self._merge(right, left) or True

    def _merge(self, own: Size, other: Size) -> bool:
        """Put `other` for `own` from now on; False where `own` is not a mere name."""
        name = size_name(own)
        if name is None or name in size_names(other):
            return False
        self._merged[name] = other
        return True
