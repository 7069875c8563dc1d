"""Canonical names for sizes, and the equalities between sizes that a graph assumes.

`x + y` of two vectors with symbolic lengths assumes that the lengths are equal. Here both get one
name, so that later stages can compare sizes, and a check for the call is recorded. So it is for
every size law that is an equality. The laws are those of the graph after the passes and of the
graph as it was `written`: a node that a rule removed must have a meaning as well. Names are
`n0, n1, ...` in the order of the inputs' axes, so that the text of a plan does not depend on the
user's names.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from probtensor.dataclass import replace
from probtensor.graph.law import located_law, size_laws
from probtensor.graph.node import Const, GraphError, Node, Op, SizeOf, line_of
from probtensor.graph.parts import types_of
from probtensor.graph.resize import names_in
from probtensor.graph.sizes import resized
from probtensor.graph.symbolic import described
from probtensor.graph.walk import toposort
from probtensor.kernel.ir import Lit
from probtensor.lower.plan import MEASURED, SizeSource
from probtensor.types import (
    JOINT,
    Atom,
    Dim,
    Size,
    SizeCheck,
    TensorType,
    field_names,
    size_atoms,
    size_name,
    size_names,
    size_product,
    size_substitute,
    size_value,
    without_joints,
)

MAX_ELEMENTS = 2**60  # of a tensor whose size data decide: its bytes fit in an int64


class CanonicalSizes:
    """Maps the sizes of node types to canonical ones: `sizes(size)`, `sizes.shape(node)`.

    A canonical size must not be mapped again: `n0` may be a name of the user's too.
    """

    def __init__(
        self,
        inputs: Sequence[Node],
        order: Sequence[Node],
        written: Sequence[Node] = (),
        values: Mapping[str, Node] | None = None,
    ) -> None:
        self.sources: list[SizeSource] = []
        self.measured: dict[str, Node] = {}  # by canonical name, the node with its value
        self._ranks: dict[str, int] = {}  # of these names: when their values become known
        self._names: dict[str, Size] = {}  # the canonical sizes of the user's names, by key
        self._merged: dict[str, Size] = {}  # canonical names that equal other sizes
        # First all names: a declared size may depend on those of later inputs, and on values.
        values = values or {}
        axes = [self._name_axes(position, node, values) for position, node in enumerate(inputs)]
        signs = [self._name_value(key, node) for key, node in values.items()]
        declared = [
            check
            for position, (node, others) in enumerate(zip(inputs, axes, strict=True))
            for check in self._declared(node.name or f"input {position}", node, others)
        ]
        nodes = list(dict.fromkeys((*written, *order)))
        laws = size_laws(nodes, inputs)
        joined = [law for law in self._named(laws) if law.relation == "==" and self._join(law)]
        self._canonical = {key: self._resolved(size) for key, size in self._names.items()}
        if self._canonical:
            self._canonical[JOINT] = 1
        self.checks: list[SizeCheck] = signs
        self.require(law for law in laws if law.relation != "==")
        self.require(_countable(nodes, values))
        self.checks += [*declared, *joined]
        self._given = {source.name for source in self.sources}
        self._shapes: dict[Node, tuple[Size, ...]] = {}
        self._with_one: dict[Node, bool] = {}
        self.literals: dict[Node, Lit | None] = {}  # the elements of constants that have one value
        # Elements of views, by constant indices, that are elements of other nodes.
        self.moved: dict[Node, dict[tuple[Size, ...], tuple[Node, tuple[Size, ...]]]] = {}
        self._sizes: dict[Dim, Size] = {}
        self._ops: dict[int, tuple[Op, Op]] = {}  # by identity, since 0.0 == -0.0

    def __call__(self, size: Size) -> Size:
        if not isinstance(size, Dim):
            return int(size)
        found = self._sizes.get(size)
        if found is None:
            found = self._resolved(size_substitute(size, self._names))
            self._sizes[size] = found
        return found

    def _resolved(self, size: Size) -> Size:
        """A size in canonical names, with merged names replaced. Sizes that broadcast are equal."""
        # A name may have been merged into one that was merged later.
        while size_names(size) & self._merged.keys():
            size = size_substitute(size, self._merged)
        return without_joints(size)

    def require(self, laws: Iterable[SizeCheck]) -> None:
        """Add checks for the laws that do not follow from the equalities."""
        for law in self._named(laws):
            if not law.map(self._resolved).proved:
                self.checks.append(law)

    def laws(self) -> list[SizeCheck]:
        """What calls check, in canonical names of which equal ones are one."""
        return [law.map(self._resolved) for law in self.checks]

    def shape(self, node: Node) -> tuple[Size, ...]:
        found = self._shapes.get(node)
        if found is None:
            found = node.type.shape
            if any(n.__class__ is not int for n in found):
                found = tuple(map(self, found))
            self._shapes[node] = found
        return found

    def has_one(self, node: Node) -> bool:
        """Whether the node has an axis of size 1."""
        found = self._with_one.get(node)
        if found is None:
            found = self._with_one[node] = 1 in self.shape(node)
        return found

    def op(self, op: Op) -> Op:
        """The op with canonical sizes in its parameters."""
        if not self._canonical or not field_names(type(op)):
            return op
        found = self._ops.get(id(op))
        if found is None:
            found = self._ops[id(op)] = op, resized(op, self._canonical)
        return found[1]

    def type(self, node: Node) -> TensorType:
        shape = self.shape(node)
        return node.type if shape is node.type.shape else TensorType(node.type.dtype, shape)

    def unknown(self, node: Node) -> set[Atom]:
        """The names in the node's shapes, and its value if that is a size, that are no axis of an
        input."""
        sizes = [self(n) for kind in types_of(node) for n in kind.shape if n.__class__ is not int]
        if isinstance(node.op, SizeOf):
            sizes.append(self(node.op.size))
        if not sizes:
            return set()
        return {atom for size in sizes for atom in size_atoms(size) if atom.key not in self._given}

    def _name_axes(
        self, position: int, node: Node, values: Container[str]
    ) -> list[tuple[int, Dim]]:
        """Name the axes of an input. Returns, with their names, those whose declared size is an
        expression, the size of an earlier axis, or one of `values`."""
        others = []
        for axis, size in enumerate(node.type.shape):
            if not isinstance(size, Dim):
                continue
            canonical = Dim.name(f"n{len(self.sources)}")
            self.sources.append(SizeSource(str(canonical), position, axis))
            key = size_name(size)
            if key is not None and key not in self._names and key not in values:
                self._names[key] = canonical
            else:
                others.append((axis, canonical))
        return others

    def _name_value(self, key: str, node: Node) -> SizeCheck:
        """Name a size that is the value of a node. Returns the check that it is not negative, as
        names are taken to be everywhere else."""
        if isinstance(node.op, Const):
            size: Size = int(node.op.array)
        elif isinstance(node.op, SizeOf):
            size = size_substitute(node.op.size, self._names)
        else:
            size = Dim.name(f"n{len(self.sources)}")
            self.sources.append(SizeSource(str(size), -1, MEASURED))
            self.measured[str(size)] = node
            self._ranks[str(size)] = len(self._ranks) + 1
        self._names[key] = size
        named = f"the size {described(node, 3)} would be "
        text = (named, size, f", but no size is negative\n  it is computed at {line_of(node)}")
        return SizeCheck(0, "<=", size, text)

    def _rank(self, size: Size) -> int:
        return max((self._ranks.get(name, 0) for name in size_names(size)), default=0)

    def is_measured(self, size: Size) -> bool:
        """Whether a canonical size depends on the value of a node."""
        return self._rank(size) > 0

    def measured_in(self, node: Node) -> set[str]:
        """The canonical names, before any were merged, of the sizes in a node's type and op that
        are values of nodes."""
        if not self.measured:
            return set()
        keys = names_in((node.type, node.op))
        return {n for key in keys for n in size_names(self._names.get(key, 0))} & self._ranks.keys()

    def _declared(
        self, label: str, node: Node, axes: Iterable[tuple[int, Dim]]
    ) -> Iterator[SizeCheck]:
        """The checks that an input has the sizes it was declared with."""
        for axis, actual in axes:
            size = node.type.shape[axis]
            if not size_names(size) <= self._names.keys():
                continue  # it depends on an input that this graph does not have
            declared = without_joints(size_substitute(size, self._names))
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
        """Replace `size` by `other` from now on; False if `size` is not a single name, or is known
        before `other` is."""
        name = size_name(size)
        if name is None or name in size_names(other) or self._rank(size) < self._rank(other):
            return False
        self._merged[name] = other
        return True


def _countable(nodes: Iterable[Node], values: Container[str]) -> Iterator[SizeCheck]:
    """The laws that kernels can count the elements of tensors whose sizes are `values`, which no
    array in memory bounds. Those are left out that have no more elements than one of their sizes.
    """
    found: set[Size] = set()
    for node in nodes if values else ():
        for kind in types_of(node):
            elements = size_product(kind.shape)
            names = size_names(elements)
            if elements in found or not any(name in values for name in names):
                continue
            found.add(elements)
            if size_value(elements, dict.fromkeys(names, MAX_ELEMENTS)) > MAX_ELEMENTS:
                text = ("a result would have the shape ", kind.shape, ", which no array has")
                yield located_law(SizeCheck(elements, "<=", MAX_ELEMENTS, text), node)


class Stages:
    """The stage of each node of an order: when the sizes in it and its inputs are known.

    It is the last one, since nodes of one stage may share loops and those of different stages may
    not, unless a size of a later stage needs the node. There are `count` stages. Those of the
    measured sources of `sizes` are set. GraphError for a size that is needed to compute itself.
    """

    def __init__(self, order: Sequence[Node], sizes: CanonicalSizes) -> None:
        self.count = 1
        self.of_node: dict[Node, int] = {}
        if not sizes.measured:
            return
        self.known: dict[str, int] = {}  # by name: the first stage that may use the size
        for name, node in sizes.measured.items():
            self.known[name] = 1 + self._earliest(node, sizes)
        self.count = 1 + max(self.known.values())
        sizes.sources[:] = [
            replace(source, stage=self.known.get(source.name, 0)) for source in sizes.sources
        ]
        for name, node in sizes.measured.items():
            stage = self.known[name] - 1
            self.of_node[node] = min(self.of_node.get(node, stage), stage)
        for node in reversed(order):
            stage = self.of_node.setdefault(node, self.count - 1)
            for x in node.inputs:
                self.of_node[x] = min(self.of_node.get(x, stage), stage)

    def _earliest(self, node: Node, sizes: CanonicalSizes) -> int:
        """The first stage in which a node can be computed."""
        names = {name for x in toposort([node]) for name in sizes.measured_in(x)}
        if not names <= self.known.keys():
            raise GraphError(f"a size depends on itself\n  it is computed at {line_of(node)}")
        return max((self.known[name] for name in names), default=0)

    def __call__(self, node: Node) -> int:
        return self.of_node.get(node, self.count - 1)
