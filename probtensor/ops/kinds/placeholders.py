"""Kinds of op that are replaced before a graph is lowered: names for other graphs, and random
variables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from probtensor.graph.closed import with_bodies
from probtensor.graph.node import Node
from probtensor.ops.kinds.base import Kind
from probtensor.ops.kinds.batch import Batch
from probtensor.types import TensorType


class Composite(Kind):
    """An op that the pipeline replaces by `expand(*inputs)`; before that, rules can match it."""

    @staticmethod
    def has_code(cls: type) -> bool:
        return cls.expand is not Composite.expand

    def expand(self, *inputs: Node) -> Node:
        raise NotImplementedError

    def infer(self, *types: TensorType) -> TensorType:
        raise NotImplementedError

    def batched(self, batch: Batch) -> Node:
        pairs = zip(batch.node.inputs, batch.inputs, strict=True)
        given = {x: b for x, b in pairs if b is not None}
        return batch.outputs([self.expand(*batch.node.inputs)], given)[0]


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
