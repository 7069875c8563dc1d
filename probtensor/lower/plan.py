"""A plan: the kernels of one function in order, their buffers, and the checks of its inputs.

A plan is a value. Its sizes are named `n0, n1, ...` in order of first use, and not after the user's
names, so that the same program always gives the same text; large constant sizes are named as well,
so that the same model on more data is the same module.
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
    """A flat array that kernels access. `role` is "input", "constant", "output" or "temp"."""

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
    """The source of a size: axis `axis` of buffer `buffer`, or a constant `value`."""

    name: str
    buffer: int
    axis: int
    value: int | None = None


@dataclass(frozen=True)
class IndexCheck:
    """All values v of an integer input or constant must have -bound <= v < bound. Kernels read a
    copy in which negative values have `bound` added."""

    buffer: int
    bound: Size
    message: str


@dataclass(frozen=True)
class Plan:
    """The input of a target: buffers in the order of the pointer table, kernels in order.

    `inputs` and `outputs` are positions in `buffers`, in the order of the function's arguments and
    results (one buffer may be several outputs). `lifetimes` maps each temp (by position) to its
    first and last kernel; `memory.layout` derives offsets from it. `failures[code - 1]` is the
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
        """The shape of a buffer, given the values of the sizes."""
        return tuple(size_value(n, sizes) for n in self.buffers[buffer].shape)

    def size_names(self) -> tuple[Dim, ...]:
        return tuple(Dim.name(source.name) for source in self.sizes)
