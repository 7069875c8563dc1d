"""What the lowering of effects expects of a graph."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor import ops
from probtensor.graph.closed import map_nodes
from probtensor.graph.node import Node, make
from probtensor.graph.walk import rebuild
from probtensor.ops.kinds import Observing


def scalars_in_memory(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with copies of the scalars that effects read: a routine is given addresses, and
    a scalar of a loop is in a register."""

    def change(node: Node, inputs: tuple[Node, ...]) -> Node:
        if not isinstance(node.op, Observing):
            return rebuild(node, inputs)
        held = [x if x.ndim else make(ops.Cast(x.dtype), (x,)) for x in inputs]
        return make(node.op, held)

    return map_nodes(outputs, change)
