"""Elements written or combined at computed indices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Node, make
from probtensor.ops.kinds.base import Kind
from probtensor.ops.kinds.batch import Batch, item_numbers, shifted
from probtensor.ops.kinds.elementwise import joint_shape
from probtensor.ops.size_laws import aligned, indices_exist, repeated_to
from probtensor.types import ShapeError, SizeCheck, TensorType, shape_text


@dataclass(frozen=True)
class Scatter(Kind):
    """A copy of input 0 with input 1 written (`mode="set"`) or combined ("add", "max", "min").

    Inputs: base, updates, then one integer index array for each of `axes`, all of one shape B.
    `updates` has the shape of base with `axes` removed and B put in at position `at`. `unique` is
    the promise that no element is indexed twice.
    """

    axes: tuple[int, ...]
    at: int
    mode: str
    unique: bool = False

    def index_inputs(self) -> dict[int, tuple[int, int]]:
        return {k + 2: (0, axis) for k, axis in enumerate(self.axes)}

    def infer(self, base: TensorType, updates: TensorType, *indices: TensorType) -> TensorType:
        wanted = gathered_shape(base, self.axes, self.at, indices)
        fits = len(wanted) == updates.ndim and all(
            n in (1, m) or not isinstance(n, int) or not isinstance(m, int)
            for n, m in zip(updates.shape, wanted, strict=True)
        )
        if not fits:
            shapes = f"shape {shape_text(updates.shape)}, the places have {shape_text(wanted)}"
            raise ShapeError(f"updates have {shapes}")
        if base.dtype != updates.dtype:
            raise TypeError(f"updates are {updates.dtype}, the base is {base.dtype}")
        return base

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        base, updates, *indices = (x.type for x in node.inputs)
        yield from aligned([t.shape for t in indices])
        gathered = gathered_shape(base, self.axes, self.at, indices)
        what, into = "updates have shape", "and the places have"
        yield from repeated_to(updates.shape, gathered, what, into)
        for index, axis in zip(node.inputs[2:], self.axes, strict=True):
            yield indices_exist(index, node.inputs[0], axis)

    def batched(self, batch: Batch) -> Node:
        updates = batch.full(1)
        base, indices = batch.full(0), batch.node.inputs[2:]
        if all(b is None for b in batch.inputs[2:]):
            moved = type(self)(shifted(self.axes), self.at + 1, self.mode, self.unique)
            return make(moved, (base, updates, *indices))
        grids = batch.aligned(max(i.ndim for i in indices), start=2)
        items = item_numbers(max(grid.ndim for grid in grids), batch.size)
        moved = type(self)((0, *shifted(self.axes)), self.at, self.mode, self.unique)
        return make(moved, (base, ops.moveaxis(updates, 0, self.at), items, *grids))


def gathered_shape(
    base: TensorType, axes: tuple[int, ...], at: int, indices: Sequence[TensorType]
) -> tuple:
    """The shape of base[indices on axes], with the shape of the indices inserted at `at`."""
    if len(indices) != len(axes):
        raise ShapeError(f"{len(indices)} index arrays for axes {axes}")
    for index in indices:
        if index.is_float or index.dtype == "bool":
            raise TypeError(f"indices must be integers, not {index.dtype}")
    remaining = [n for a, n in enumerate(base.shape) if a not in axes]
    return (*remaining[:at], *joint_shape(indices), *remaining[at:])
