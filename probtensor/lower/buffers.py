"""Names of buffers, and the checks and scratch memory that the statements of a plan require."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from probtensor.dataclass import dataclass, field
from probtensor.graph.node import Const, Input, Node
from probtensor.kernel.ir import For, Scan, Stmt
from probtensor.kernel.text import name_of
from probtensor.lower.sizes import CanonicalSizes
from probtensor.lower.values import uniform_value
from probtensor.types import Size, SizeCheck


@dataclass(frozen=True)
class Memory:
    """The buffers of nodes, shared by all kernels of a plan.

    names        the buffer of each node, if it has one
    results      the buffers of outputs; they differ from `names` for an input that is returned
    stored       computed nodes that have a buffer
    values       nodes that are read other than as indices into an axis
    written_out  views that are materialised instead of inlined
    """

    names: dict[Node, str]
    results: dict[Node, str]
    stored: set[Node]
    values: set[Node]
    written_out: frozenset[Node]


class Fused(Protocol):
    """What the names of buffers depend on: a fusion choice."""

    sizes: CanonicalSizes
    written_out: frozenset[Node]

    @property
    def results(self) -> Sequence[Node]:
        """What is read when kernels have run."""

    @property
    def stored(self) -> set[Node]:
        """The computed nodes that have a buffer."""

    @property
    def in_place(self) -> Mapping[Node, Node]:
        """Nodes whose buffer is that of another, which reads them, in topological order."""


@dataclass
class Trace:
    """What each node becomes in the kernels, recorded by `lower` for tools that ask for it.

    locals   for each kernel, by name, the nodes of each local, fold and state, and of each buffer
             that statements write; nodes that are computed in place share a buffer
    bodies   the statements of each kernel, before locals that are read once are inlined
    buffers  the nodes of all buffers, also of those that became locals
    """

    locals: list[dict[str, dict[Node, None]]] = field(default_factory=list)
    bodies: list[tuple[Stmt, ...]] = field(default_factory=list)
    buffers: dict[str, Node] = field(default_factory=dict)

    def emitted(self, stmt: Stmt, node: Node) -> None:
        """Record a statement that a node is computed by. A loop may be that of several nodes."""
        if isinstance(stmt, For):
            return
        self.named(name_of(stmt), node)
        if isinstance(stmt, Scan):
            for state in stmt.states:
                self.named(state.name, node)
            if stmt.count is not None:
                self.named(stmt.count, node)
        for choice in getattr(stmt, "choices", ()):
            self.named(choice.name, node)

    def named(self, name: str, node: Node) -> None:
        """Record the name of a value of a node in the kernel that is being written."""
        if name:
            self.locals[-1].setdefault(name, {})[node] = None


@dataclass
class Needs:
    """What the statements of a plan require beside the buffers of nodes.

    checked   error messages of index arrays that the entry of a call checks, by (input or
              constant, size of the axis)
    limits    size laws of literal indices
    scratch   scratch buffers of doubles, by name, each with its node and shape
    inner     buffers of nodes of bodies, by name, each with its node and shape
    failures  messages of the statuses that kernels return, with these
    trace     what each node becomes, for tools that ask for it
    """

    checked: dict[tuple[Node, Size], str] = field(default_factory=dict)
    limits: dict[SizeCheck, None] = field(default_factory=dict)
    scratch: dict[str, tuple[Node, tuple[Size, ...]]] = field(default_factory=dict)
    inner: dict[str, tuple[Node, tuple[Size, ...]]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    trace: Trace | None = None

    def temporary(self, node: Node, sizes: CanonicalSizes) -> str:
        """A name for the buffer of a node of a body."""
        name = f"z{len(self.inner)}"
        shape = () if isinstance(node.type, tuple) else sizes.shape(node)
        self.inner[name] = node, shape
        return name


def memory_of(
    order: Sequence[Node],
    inputs: Sequence[Node],
    outputs: Sequence[Node],
    fusion: Fused,
) -> Memory:
    """The buffers of a plan: x for inputs, c for constants, y for outputs, w for temporaries."""
    names = {node: f"x{k}" for k, node in enumerate(inputs)}
    constants = (n for n in order if isinstance(n.op, Const) and uniform_value(n) is None)
    names |= {node: f"c{k}" for k, node in enumerate(constants)}
    for k, node in enumerate(order):
        names.setdefault(node, f"w{k}")
    results = {node: f"y{k}" for k, node in enumerate(dict.fromkeys(outputs))}
    computed = {n: name for n, name in results.items() if not isinstance(n.op, (Input, Const))}
    names |= computed
    for node, reader in reversed(fusion.in_place.items()):
        names[node] = names[reader]
    values = read_as_values(order, fusion.results, fusion.sizes)
    return Memory(names, results, fusion.stored | computed.keys(), values, fusion.written_out)


def read_as_values(
    order: Sequence[Node], outputs: Sequence[Node], sizes: CanonicalSizes
) -> set[Node]:
    """Nodes read other than as indices that the entry of a call can check against an axis."""
    found = set(outputs)
    for node in reversed(order):
        indices = node.op.index_inputs() if node.op.index_mode == "raise" else {}
        if not indices:
            if node in found or not node.op.reads_all:
                found.update(node.inputs)
            continue
        for position, x in enumerate(node.inputs):
            if position in indices:
                source, axis = indices[position]
                if sizes.is_measured(sizes.shape(node.inputs[source])[axis]):
                    found.add(x)
            elif node in found or not node.op.reads_all:
                found.add(x)
    return found
