"""Routines on the last axes, batched over the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np

from probtensor.graph.node import OPERATORS, Node, TensorLike, make
from probtensor.ops.kinds.batch import Batch
from probtensor.ops.kinds.function import Function, as_tensor_of
from probtensor.ops.size_laws import equal
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

    A call broadcasts the leading axes; the op itself takes inputs that all have the same ones,
    since the routine processes complete items.

    core      a gufunc signature such as "(n,n),(n)->(n)"; with several outputs, as in
              "(n,n)->(n),(n,n)", the node has as many parts, and `numpy` gives a tuple
    takes     the dtypes of the inputs; all are float64 if it is empty
    gives     the dtypes of the outputs, likewise
    device    whether cuda/pt_linalg.cuh or pt_ordering.cuh has the routine; else a library of the
              device, or the host with copies of what it reads and writes, and it is part of no
              kernel
    rounding  by how many times 16 ulps of the largest element results may differ between
              libraries; 0 if each element is as accurate as that by itself
    mirrored  whether only the lower triangles of the inputs count, as those of symmetric matrices
              (Hermitian ones, in two parts). The vjp then gives the cotangent of such a matrix,
              symmetric itself, from which reverse mode makes that of the triangle
    routine   the C name of the routine, called with pointers to the inputs, the outputs and the
              workspace, if there is one, all C-contiguous; then the number of items and the core
              sizes, in the order in which the inputs first have them

    A routine never raises: the floats of an item that it cannot compute are nan, its integers 0.
    The vjp of an op with several outputs gets `g` and `out` as tuples; an entry of `g` that is None
    is a cotangent of zeros.
    """

    core: ClassVar[str]
    routine: ClassVar[str]
    takes: ClassVar[tuple[str, ...]] = ()
    gives: ClassVar[tuple[str, ...]] = ()
    device: ClassVar[bool] = False
    mirrored: ClassVar[bool] = False
    rounding: ClassVar[float] = 0.0

    def count(self) -> int:
        return len(self.signature()[0])

    def signature(self) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
        """Core axis names of each input and of each output."""
        ins, outs = self.core.split("->")
        return _axis_names(ins), _axis_names(outs)

    def derived_sizes(self, sizes: Mapping[str, Size]) -> Mapping[str, Size]:
        """Sizes of output axes that no input has, from those of the inputs by name."""
        return {}

    def workspace(self, sizes: Mapping[str, Size]) -> Size | None:
        """The number of doubles that the routine needs for an item; None if it takes none."""
        return None

    def _dtypes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The dtype of each input and of each output."""
        ins, outs = self.signature()
        return self.takes or ("float64",) * len(ins), self.gives or ("float64",) * len(outs)

    def core_sizes(self, types: Sequence[TensorType]) -> dict[str, Size]:
        """The size of each core axis name; ShapeError where inputs disagree."""
        sizes: dict[str, object] = {}
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
        """The message for operands of which one has too few axes."""
        pairs = zip(self.signature()[0], types, strict=True)
        names, operand = next((n, t) for n, t in pairs if t.ndim < len(n))
        return f"needs at least {len(names)} axes, not shape {shape_text(operand.shape)}"

    def apply(self, *inputs: TensorLike, what: str | None = None) -> Node:
        """The node of the op; `what` is the function that messages name, where it is another."""
        nodes = [as_tensor_of(x, dtype) for x, dtype in zip(inputs, self._dtypes()[0], strict=True)]
        names = self.signature()[0]
        if any(x.ndim < len(core) for x, core in zip(nodes, names, strict=True)):
            return make(self, nodes, what=what)  # which says what is wrong
        cores = [x.shape[x.ndim - len(core) :] for x, core in zip(nodes, names, strict=True)]
        try:
            batch = broadcast_shapes(*self._batches([x.type for x in nodes]))
        except ShapeError:
            return make(self, nodes, what=what)
        spread = OPERATORS["broadcast_to"]
        pairs = zip(nodes, cores, strict=True)
        return make(self, [spread(x, (*batch, *core)) for x, core in pairs], what=what)

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
        ins = self.core.split("->")[0]
        for names, t in zip(self.signature()[0], types, strict=True):
            for k, n in enumerate(t.shape[t.ndim - len(names) :]):
                name = names[k]
                square = name in names[:k]
                text = ": the matrices must be square" if square else f" as {name} of {ins}"
                yield equal(seen.setdefault(name, n), n, text)
        for sizes in zip(*self._batches(types), strict=True):
            for n in sizes[1:]:
                yield equal(sizes[0], n, " along a leading axis")

    def infer(self, *types: TensorType) -> TensorType | tuple[TensorType, ...]:
        takes, gives = self._dtypes()
        for t, dtype in zip(types, takes, strict=True):
            if t.dtype != dtype:
                raise TypeError(f"needs {dtype}")
        sizes = self.core_sizes(types)
        sizes |= self.derived_sizes(sizes)
        batch = self.batch_shape(types)
        found = tuple(
            TensorType(dtype, (*batch, *(sizes[name] for name in names)))
            for names, dtype in zip(self.signature()[1], gives, strict=True)
        )
        return found if len(found) > 1 else found[0]

    def batched(self, batch: Batch) -> Node:
        ranks = [len(names) for names in self.signature()[0]]
        inputs = batch.node.inputs
        rank = max(x.ndim - r for x, r in zip(inputs, ranks, strict=True))
        return self(*batch.aligned(rank, ranks))

    def on_flat_arrays(self, *args: object) -> None:
        """The routine with the calling convention of compiled code, implemented by `numpy`: flat
        arrays of the inputs, of the outputs (written) and of the workspace, the number of items
        and the core sizes."""
        names, out_names = self.signature()
        order = dict.fromkeys(name for group in names for name in group)
        arrays = [x for x in args if isinstance(x, np.ndarray)]
        count, *numbers = args[len(arrays) :]
        sizes = dict(zip(order, numbers, strict=True))
        sizes |= self.derived_sizes(sizes)

        def item(flat: np.ndarray, axes: tuple[str, ...]) -> np.ndarray:
            shape = [count, *(sizes[name] for name in axes)]
            return flat[: int(np.prod(shape))].reshape(shape)

        given = [item(flat, axes) for flat, axes in zip(arrays, names)]
        found = self.numpy(*given)
        found = found if len(out_names) > 1 else (found,)
        for flat, axes, value in zip(arrays[len(names) :], out_names, found):
            item(flat, axes)[...] = value


def _axis_names(groups: str) -> list[tuple[str, ...]]:
    """The axis names of each group in "(n,n),(n)"; "()" has none."""
    parts = groups[1:-1].split("),(")
    return [tuple(filter(None, part.split(","))) for part in parts]
