"""Routines on the last axes, batched over the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from probtensor.graph.node import OPERATORS, Node, make
from probtensor.ops.kinds.batch import Batch
from probtensor.ops.kinds.function import Function, as_tensor_of
from probtensor.ops.laws import equal
from probtensor.types import (
    Dim,
    Shape,
    ShapeError,
    Size,
    SizeCheck,
    TensorType,
    broadcast_shapes,
    shape_text,
)


class Core(Function):
    """A routine on the last axes of its inputs, repeated over the leading axes.

    A call broadcasts the leading axes; the op itself takes inputs that all have the same, since the
    routine runs over whole items.

    `core` is a gufunc signature such as "(n,n),(n)->(n)"; `routine` the C name of the routine on
    one C-contiguous item, called with pointers to the inputs, the output, then the core sizes in
    order of first appearance.
    """

    core: ClassVar[str]
    routine: ClassVar[str]

    def count(self) -> int:
        return len(self.signature()[0])

    def signature(self) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
        """Core axis names of each input and of the output."""
        ins, out = self.core.split("->")
        groups = [part.strip("(),") for part in ins.replace("),(", ")|(").split("|")]
        names = [tuple(filter(None, group.split(","))) for group in groups]
        return names, tuple(filter(None, out.strip("()").split(",")))

    def core_sizes(self, types: Sequence[TensorType]) -> dict[str, Any]:
        """The size of each core axis name; ShapeError where inputs disagree."""
        sizes: dict[str, Any] = {}
        for names, operand in zip(self.signature()[0], types, strict=True):
            if operand.ndim < len(names):
                raise ShapeError(self.rank_text(types))
            for name, n in zip(names, operand.shape[operand.ndim - len(names) :], strict=True):
                m = sizes.setdefault(name, n)
                if isinstance(m, int) and isinstance(n, int) and m != n:
                    square = "needs square matrices: " if names.count(name) > 1 else ""
                    raise ShapeError(f"{square}{name}={m} and {name}={n} differ")
                if isinstance(n, int):
                    sizes[name] = n
        return sizes

    def rank_text(self, types: Sequence[TensorType]) -> str:
        """What is wrong with operands of which one has too few axes."""
        pairs = zip(self.signature()[0], types, strict=True)
        names, operand = next((n, t) for n, t in pairs if t.ndim < len(n))
        return f"needs at least {len(names)} axes, not shape {shape_text(operand.shape)}"

    def apply(self, *inputs: Any) -> Node:
        nodes = [as_tensor_of(x, "float64") for x in inputs]
        names = self.signature()[0]
        if any(x.ndim < len(core) for x, core in zip(nodes, names, strict=True)):
            return make(self, nodes)  # which says what is wrong
        cores = [x.shape[x.ndim - len(core) :] for x, core in zip(nodes, names, strict=True)]
        try:
            batch = broadcast_shapes(*self._batches([x.type for x in nodes]))
        except ShapeError:
            return make(self, nodes)
        spread = OPERATORS["broadcast_to"]
        pairs = zip(nodes, cores, strict=True)
        return make(self, [spread(x, (*batch, *core)) for x, core in pairs])

    def _batches(self, types: Sequence[TensorType]) -> list[Shape]:
        """The leading axes of each input."""
        pairs = zip(types, self.signature()[0], strict=True)
        return [t.shape[: t.ndim - len(core)] for t, core in pairs]

    def batch_shape(self, types: Sequence[TensorType]) -> Shape:
        """The leading axes that all inputs have; ShapeError where they are known to differ."""
        shapes = self._batches(types)
        if len({len(s) for s in shapes}) > 1:
            raise ShapeError(f"leading axes {' and '.join(map(shape_text, shapes))} differ")
        for sizes in zip(*shapes, strict=True):
            if len({n for n in sizes if isinstance(n, int)}) > 1:
                raise ShapeError(f"leading axes {' and '.join(map(shape_text, shapes))} differ")
        return tuple(min(sizes, key=lambda n: isinstance(n, Dim)) for sizes in zip(*shapes))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        types = [x.type for x in node.inputs]
        seen: dict[str, Size] = {}
        for names, t in zip(self.signature()[0], types, strict=True):
            for name, n in zip(names, t.shape[t.ndim - len(names) :], strict=True):
                yield equal(seen.setdefault(name, n), n, f" as {name} of {self.core}")
        for sizes in zip(*self._batches(types), strict=True):
            for n in sizes[1:]:
                yield equal(sizes[0], n, " along a leading axis")

    def infer(self, *types: TensorType) -> TensorType:
        if any(t.dtype != "float64" for t in types):
            raise TypeError("needs float64")
        sizes = self.core_sizes(types)
        core = tuple(sizes[name] for name in self.signature()[1])
        return TensorType("float64", self.batch_shape(types) + core)

    def batched(self, batch: Batch) -> Node:
        ranks = [len(names) for names in self.signature()[0]]
        inputs = batch.node.inputs
        rank = max(x.ndim - r for x, r in zip(inputs, ranks, strict=True))
        return self(*batch.aligned(rank, ranks))

    def on_flat_arrays(self, *args: Any) -> None:
        """The routine as compiled code calls it, by `numpy`: flat arrays of the inputs and the
        output, which is written, then the number of items and the core sizes."""
        names, out_names = self.signature()
        order = dict.fromkeys(name for group in names for name in group)
        *arrays, out = args[: len(names) + 1]
        count, *numbers = args[len(names) + 1 :]
        sizes = dict(zip(order, numbers, strict=True))

        def item(flat: np.ndarray, axes: tuple[str, ...]) -> np.ndarray:
            shape = [count, *(sizes[name] for name in axes)]
            return flat[: int(np.prod(shape))].reshape(shape)

        given = [item(flat, axes) for flat, axes in zip(arrays, names, strict=True)]
        item(out, out_names)[...] = self.numpy(*given)
