"""Results in several parts: a node whose type is a tuple, and `Get`, which is one of its parts.

Only an op sees the node of all parts; everything else reads the parts, which are nodes like others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from probtensor.graph.node import Node, Op, make
from probtensor.types import TensorType


class Batched(Protocol):
    """What a part is told of a batch: a batch of the whole result."""

    inputs: tuple[Node | None, ...]


@dataclass(frozen=True)
class Get(Op):
    """Part `index` of a result in several parts."""

    index: int
    name: ClassVar[str] = "get"

    def infer(self, *types: TensorType | tuple[TensorType, ...]) -> TensorType:
        (whole,) = types
        if not isinstance(whole, tuple):
            raise TypeError("takes a result in several parts")
        return whole[self.index]

    def numpy(self, whole: Sequence[np.ndarray]) -> np.ndarray:
        return whole[self.index]

    def batched(self, batch: Batched) -> Node:
        """The part of the batch."""
        return make(self, (batch.inputs[0],))


def parts(node: Node) -> tuple[Node, ...]:
    """The parts of a node: itself alone where its result is one tensor."""
    if not isinstance(node.type, tuple):
        return (node,)
    return tuple(make(Get(k), (node,)) for k in range(len(node.type)))


def types_of(node: Node) -> tuple[TensorType, ...]:
    """The types of the parts of a node."""
    return node.type if isinstance(node.type, tuple) else (node.type,)
