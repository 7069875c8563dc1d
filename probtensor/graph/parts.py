"""Ops with several results: a node whose type is a tuple, and `Get`, which selects one of them.

Only `Get` reads a node of tuple type; all other ops read the parts, which are ordinary nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.graph.node import Node, Op, made_by, make
from probtensor.types import TensorType


class Batched(Protocol):
    """The batched input that `Get.batched` receives: the node with all results, or these as a
    tuple."""

    inputs: tuple[Node | tuple[Node, ...] | None, ...]


@dataclass(frozen=True)
class Get(Op):
    """Result `index` of a node with several results."""

    index: int
    name: ClassVar[str] = "get"

    def infer(self, *types: TensorType | tuple[TensorType, ...]) -> TensorType:
        (results,) = types
        if not isinstance(results, tuple):
            raise TypeError("takes a result in several parts")
        return results[self.index]

    def node_text(self, node: Node) -> str:
        """The text of the producer with the number of the part: `eigh[0]`."""
        producer = node.inputs[0]
        return f"{producer.op.node_text(producer)}[{self.index}]"

    def call_text(self, operands: Sequence[str]) -> str:
        """The producer with the number of the part: `eigh(x)[0]`."""
        return f"{operands[0]}[{self.index}]"

    def numpy(self, results: Sequence[np.ndarray]) -> np.ndarray:
        return results[self.index]

    def batched(self, batch: Batched) -> Node:
        """The same result of the batched node."""
        results = batch.inputs[0]
        return results[self.index] if isinstance(results, tuple) else make(self, (results,))


def parts(node: Node) -> tuple[Node, ...]:
    """The results of a node: itself where its result is one tensor."""
    if not isinstance(node.type, tuple):
        return (node,)
    with made_by(node):
        return tuple([make(Get(k), (node,)) for k in range(len(node.type))])


def types_of(node: Node) -> tuple[TensorType, ...]:
    """The types of the results of a node."""
    return node.type if isinstance(node.type, tuple) else (node.type,)
