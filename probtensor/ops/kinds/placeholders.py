"""Kinds of op that are replaced before a graph is lowered: names for other graphs, and random
variables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np

from probtensor.dataclass import dataclass, field
from probtensor.graph.closed import with_bodies
from probtensor.graph.node import GraphError, Node
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


@dataclass(frozen=True)
class DrawKey(Composite):
    """The key under which the random variable that is its input is drawn: derivatives of draws are
    those of the graph of the draw itself. `uid` and `label` are those of the variable."""

    uid: str = field(repr=False)
    label: str
    differentiable: ClassVar[bool] = False

    def infer(self, variable: TensorType) -> TensorType:
        return TensorType("uint64", ())

    def expand(self, variable: Node) -> Node:
        raise self._no_key()

    def numpy(self, variable: np.ndarray) -> np.ndarray:
        raise self._no_key()

    def _no_key(self) -> GraphError:
        return GraphError(
            f"the derivative of a draw of {self.label} is asked for where a value is given for it\n"
            "  put pt.stop_gradient around the variable to treat its value as a constant"
        )


def random_nodes(order: Iterable[Node]) -> list[Node]:
    """The random variables of an order of nodes, and the nodes with random variables in a body."""
    return [
        node
        for node in order
        if isinstance(node.op, Random)
        or (node.op.has_bodies and any(isinstance(x.op, Random) for x in with_bodies([node])))
    ]
