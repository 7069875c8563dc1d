"""What each node of a graph becomes in kernels: recorded by `lower` for tools that ask for it."""

from __future__ import annotations

from probtensor.dataclass import dataclass, field
from probtensor.graph.node import Node
from probtensor.kernel.ir import For, Scan, Stmt
from probtensor.kernel.text import name_of


@dataclass
class Trace:
    """A record of one lowering.

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
