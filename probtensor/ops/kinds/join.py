"""Inputs concatenated along an axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from probtensor.dataclass import dataclass
from probtensor.graph.node import Node, TensorLike, make
from probtensor.ops.kinds.base import Kind
from probtensor.ops.kinds.batch import Batch
from probtensor.ops.kinds.elementwise import joint_shape
from probtensor.ops.size_laws import equal
from probtensor.types import ShapeError, SizeCheck, TensorType


@dataclass(frozen=True)
class Join(Kind):
    """The inputs, all of one dtype and rank, concatenated along `axis`."""

    axis: int
    linear: ClassVar[bool] = True

    def infer(self, *types: TensorType) -> TensorType:
        if len({t.dtype for t in types}) != 1 or len({t.ndim for t in types}) != 1:
            raise TypeError("needs at least one input, all of one dtype and number of axes")
        if not 0 <= self.axis < types[0].ndim:
            raise ShapeError(f"axis {self.axis} of tensors with {types[0].ndim} axes")
        others = [
            TensorType(t.dtype, (*t.shape[: self.axis], *t.shape[self.axis + 1 :])) for t in types
        ]
        for sizes in zip(*(t.shape for t in others), strict=True):
            if 1 in sizes and any(isinstance(n, int) and n != 1 for n in sizes):
                raise ShapeError("sizes off the joined axis differ (they do not broadcast)")
        joint = joint_shape(others)
        total: TensorLike = 0
        for t in types:
            total = t.shape[self.axis] + total
        return TensorType(types[0].dtype, (*joint[: self.axis], total, *joint[self.axis :]))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        first = node.inputs[0].type.shape
        for x in node.inputs[1:]:
            for axis, (a, b) in enumerate(zip(first, x.type.shape, strict=True)):
                if axis != self.axis:
                    yield equal(a, b, f" off the joined axis, {self.axis}")

    def batched(self, batch: Batch) -> Node:
        parts = [batch.full(k) for k in range(len(batch.inputs))]
        return make(type(self)(self.axis + 1), parts)
