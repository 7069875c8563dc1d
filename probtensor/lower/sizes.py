"""Canonical names for sizes, and the equalities between sizes that a graph assumes.

`x + y` of two vectors with symbolic lengths assumes that the lengths are equal. Here both get one
name, so that later stages can compare sizes, and a check for the call is recorded. So it is for
every size law that is an equality. The laws are those of the graph after the passes and of the
graph as it was `written`: a node that a rule removed must have a meaning as well. Names are
`n0, n1, ...` in the order of the inputs' axes, so that the text of a plan does not depend on the
user's names.
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

    A canonical size must not be mapped again: `n0` may be a name of the user's too.
    """

    def __init__(
        self, inputs: Sequence[Node], order: Sequence[Node], written: Sequence[Node] = ()
    ) -> None:
        self.sources: list[SizeSource] = []
        self._names: dict[str, Size] = {}  # the canonical sizes of the user's names, by key
        self._merged: dict[str, Size] = {}  # canonical names that equal other sizes
        # First name all axes: a declared size may depend on names of later inputs.
        axes = [self._name_axes(position, node) for position, node in enumerate(inputs)]
        declared = [
            check
            for position, (node, others) in enumerate(zip(inputs, axes, strict=True))
            for check in self._declared(node.name or f"input {position}", node, others)
        ]
        nodes = list(dict.fromkeys((*written, *order)))
        laws = size_laws(nodes, inputs)
        joined = [law for law in self._named(laws) if law.relation == "==" and self._join(law)]
        self._canonical = {key: self._resolved(size) for key, size in self._names.items()}
        self.checks: list[SizeCheck] = []
        self.require(law for law in laws if law.relation != "==")
        self.checks += [*declared, *joined]
        self._shapes: dict[Node, tuple[Size, ...]] = {}

    def __call__(self, size: Size) -> Size:
        if not isinstance(size, Dim):
            return int(size)
        return self._resolved(size_substitute(size, self._names))

    def _resolved(self, size: Size) -> Size:
        """A size in canonical names, with merged names replaced."""
        # A name may have been merged into one that was merged later.
        while size_names(size) & self._merged.keys():
            size = size_substitute(size, self._merged)
        return size

    def require(self, laws: Iterable[SizeCheck]) -> None:
        """Add checks for the laws that do not follow from the equalities."""
        for law in self._named(laws):
            if not law.map(self._resolved).proved:
                self.checks.append(law)

    def shape(self, node: Node) -> tuple[Size, ...]:
        if node not in self._shapes:
            self._shapes[node] = tuple(self(n) for n in node.type.shape)
        return self._shapes[node]

    def op(self, op: Op) -> Op:
        """The op with canonical sizes in its parameters."""
        return resized(op, self._canonical)

    def type(self, node: Node) -> TensorType:
        return TensorType(node.type.dtype, self.shape(node))

    def unknown(self, node: Node) -> set[Atom]:
        """The names in the node's shapes that are no axis of an input."""
        given = {source.name for source in self.sources}
        sizes = [self(n) for kind in types_of(node) for n in kind.shape]
        return {atom for size in sizes for atom in size_atoms(size) if atom.key not in given}

    def _name_axes(self, position: int, node: Node) -> list[tuple[int, Dim]]:
        """Name the axes of an input. Returns, with their names, those whose declared size is an
        expression or the size of an earlier axis."""
        others = []
        for axis, size in enumerate(node.type.shape):
            if not isinstance(size, Dim):
                continue
            canonical = Dim.name(f"n{len(self.sources)}")
            self.sources.append(SizeSource(str(canonical), position, axis))
            key = size_name(size)
            if key is not None and key not in self._names:
                self._names[key] = canonical
            else:
                others.append((axis, canonical))
        return others

    def _declared(
        self, label: str, node: Node, axes: Iterable[tuple[int, Dim]]
    ) -> Iterator[SizeCheck]:
        """The checks that an input has the sizes it was declared with."""
        for axis, actual in axes:
            size = node.type.shape[axis]
            if not size_names(size) <= self._names.keys():
                continue  # it depends on an input that this graph does not have
            declared = size_substitute(size, self._names)
            text = f" along axis {axis}, but its declared shape asks for "
            line = f"\n  {label} was made at {line_of(node)}"
            message = (f"{label} has size ", actual, text, declared, line)
            yield SizeCheck(actual, "==", declared, message)
            self._merge(actual, self._resolved(declared))

    def _named(self, laws: Iterable[SizeCheck]) -> Iterator[SizeCheck]:
        """The laws in canonical names, without those with a name that no input gives a value."""
        for law in laws:
            if law.names() <= self._names.keys():
                yield law.map(lambda size: size_substitute(size, self._names))

    def _join(self, law: SizeCheck) -> bool:
        """Merge two sizes that must be equal; False if that follows already. (The check itself
        compares the sizes before merging.)"""
        left, right = self._resolved(law.left), self._resolved(law.right)
        if left == right:
            return False
        return self._merge(left, right) or self._merge(right, left) or True

    def _merge(self, size: Size, other: Size) -> bool:
        """Replace `size` by `other` from now on; False if `size` is not a single name."""
        name = size_name(size)
        if name is None or name in size_names(other):
            return False
        self._merged[name] = other
        return True
