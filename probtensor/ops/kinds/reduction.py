"""Reductions over axes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from probtensor.dataclass import dataclass
from probtensor.graph.node import Node, make
from probtensor.ops.kinds.base import Kind
from probtensor.ops.kinds.batch import Batch, shifted
from probtensor.ops.size_laws import folds_something
from probtensor.types import ShapeError, SizeCheck, TensorType


@dataclass(frozen=True)
class Reduction(Kind):
    """A reduction of one operand over `axes` (sorted, non-negative), which the output lacks.

    `combine` is one of "add", "mul", "max", "min", "and", "or"; `identity` is its identity element,
    or None if reducing no elements is an error (max, min).
    """

    axes: tuple[int, ...]
    combine: ClassVar[str]
    identity: ClassVar[float | bool | None]

    def infer(self, x: TensorType) -> TensorType:
        if any(not 0 <= a < x.ndim for a in self.axes) or list(self.axes) != sorted(set(self.axes)):
            raise ShapeError(f"axes {self.axes} of a tensor with {x.ndim} axes")
        if self.identity is None and any(x.shape[a] == 0 for a in self.axes):
            empty = next(a for a in self.axes if x.shape[a] == 0)
            raise ShapeError(
                f"has no value over an empty axis, axis {empty} of {x}: initial= is that of nothing"
            )
        remaining = tuple(n for a, n in enumerate(x.shape) if a not in self.axes)
        return TensorType(self.result_dtype(x.dtype), remaining)

    def result_dtype(self, dtype: str) -> str:
        return dtype

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        if self.identity is None:
            yield folds_something(node, self.axes)

    def batched(self, batch: Batch) -> Node:
        return make(type(self)(shifted(self.axes)), (batch.first,))
