"""Where the nodes of a compiled function are computed: in which kernel, into which buffer."""

from __future__ import annotations

from collections.abc import Mapping

from probtensor.dataclass import dataclass
from probtensor.graph.node import Const, Input, Node
from probtensor.graph.parts import Get
from probtensor.graph.walk import toposort
from probtensor.inspect.subject import Subject
from probtensor.lower.plan import Buffer, Plan


@dataclass(frozen=True, eq=False)
class Placement:
    """Of the nodes of a function after all passes:

    kernels   the names of the kernels that compute each
    buffers   the buffer of each that has one
    in_place  the nodes that are computed in the memory of their only reader, and that reader
    order     all nodes of its graph; those of bodies are none of these
    """

    plan: Plan
    kernels: Mapping[Node, tuple[str, ...]]
    buffers: Mapping[Node, Buffer]
    in_place: Mapping[Node, Node]
    order: frozenset[Node]

    def text(self, node: Node) -> str:
        """Kernel and buffer in words."""
        buffer, kernels = self.buffers.get(node), self.kernels.get(node, ())
        if isinstance(node.op, (Input, Const)):
            return f"{buffer.role} {buffer.name}" if buffer else ""
        where = f"{', '.join(kernels)}" if kernels else ""
        if buffer is not None:
            return f"{where} -> {buffer.name} ({buffer.role})".strip()
        if isinstance(node.op, Get) or node not in self.order or isinstance(node.type, tuple):
            return where
        return f"{where}, in registers" if where else "read through indices"

    def is_view(self, node: Node) -> bool:
        """Whether nothing is computed for a node: its readers read elements of its operand."""
        if isinstance(node.op, (Input, Const, Get)) or node not in self.order:
            return False
        return node not in self.kernels and node not in self.buffers


def placement_of(function: Subject) -> Placement:
    """The placement of a function's nodes."""
    lowered = function.compilation.lowered()
    fusion, plan = lowered.fused(), lowered.plan
    kernels: dict[Node, dict[str, None]] = {}
    for k, parts in enumerate(fusion.kernels):
        for node in (task.node for nest in parts for task in nest.tasks):
            kernels.setdefault(node, {})[f"k{k}"] = None
    rank = {"output": 3, "input": 2, "constant": 2}
    buffers: dict[Node, Buffer] = {}
    for buffer in plan.buffers:
        known = buffers.get(buffer.node)
        if known is None or rank.get(buffer.role, 1) > rank.get(known.role, 1):
            buffers[buffer.node] = buffer
    found = {node: tuple(names) for node, names in kernels.items()}
    order = frozenset(toposort(lowered.outputs))
    return Placement(plan, found, buffers, fusion.in_place, order)
