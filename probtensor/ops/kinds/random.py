"""Random variables, which are replaced by draws before a graph is lowered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from probtensor.graph.closed import with_bodies
from probtensor.graph.node import Node
from probtensor.ops.kinds.base import Kind


class Random(Kind):
    """A random variable: `draw` gives a draw of it as a function of a key.

    Subclasses have a field `uid` (see `process.new_uid`), so that each variable is another node.
    """

    uid: str
    differentiable: ClassVar[bool] = False

    def draw(self, variable: Node, key: Node, inputs: Sequence[Node]) -> Node:
        """One draw of the variable under a key (a uint64 scalar), of its shape and dtype, given its
        inputs. GraphError if it has no distribution to draw from."""
        raise NotImplementedError(f"{self.name} does not say how it is drawn")


def random_nodes(order: Iterable[Node]) -> list[Node]:
    """The random variables of an order of nodes, and the nodes with random variables in a body."""
    return [
        node
        for node in order
        if isinstance(node.op, Random)
        or (node.op.has_bodies and any(isinstance(x.op, Random) for x in with_bodies([node])))
    ]
