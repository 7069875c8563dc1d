"""A plan: the kernels of one function in order, the buffers they use, and what must hold of inputs.

A plan is a value. It names sizes `n0, n1, ...` in order of first use, whatever the user called
them, so that the same program always gives the same text; large constant sizes are such names too,
so that the same model over more data is the same module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from probtensor.graph.node import Node
from probtensor.kernel.ir import Kernel
from probtensor.types import Dim, Size, SizeCheck, dtype_of, size_value

ALIGNMENT = 64  # bytes: one cache line, one AVX-512 register


@dataclass(frozen=True)
class Buffer:
    """A flat array the kernels see. `role` is "input", "constant", "output" or "temp"."""

    name: str
    dtype: str
    shape: tuple[Size, ...]
    role: str
    node: Node

    @property
    def itemsize(self) -> int:
        return dtype_of(self.dtype).bytes


@dataclass(frozen=True)
class SizeSource:
    """Where a size comes from: axis `axis` of buffer `buffer`, or a fixed `value`."""

    name: str
    buffer: int
    axis: int
    value: int | None = None


@dataclass(frozen=True)
class IndexCheck:
    """All values v of an integer input must have -bound <= v < bound (negative ones count from the
    end and are made non-negative before the kernels see them)."""

    buffer: int
    bound: Size
    message: str


@dataclass(frozen=True)
class Plan:
    """Everything a target needs: buffers in the order of the pointer table, kernels in order.

    `inputs` and `outputs` are positions in `buffers`, in the order of the function's arguments and
    results (one buffer may serve several outputs). `arena` maps each temp (by position) to its
    first and last kernel; `layout(sizes)` turns that to offsets. `failures[code - 1]` is the
    message of a status that a kernel may return.
    """

    buffers: tuple[Buffer, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    kernels: tuple[Kernel, ...]
    sizes: tuple[SizeSource, ...]
    size_checks: tuple[SizeCheck, ...]
    index_checks: tuple[IndexCheck, ...]
    lifetimes: Mapping[int, tuple[int, int]]
    failures: tuple[str, ...] = ()

    def shape(self, buffer: int, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape of a buffer once the sizes are known."""
        return tuple(size_value(n, sizes) for n in self.buffers[buffer].shape)

    def size_names(self) -> tuple[Dim, ...]:
        return tuple(Dim.name(source.name) for source in self.sizes)
