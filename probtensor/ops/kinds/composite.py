"""Names for graphs of other ops."""

from __future__ import annotations

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
