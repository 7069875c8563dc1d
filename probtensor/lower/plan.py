"""A plan: the kernels of one function in order, their buffers, and the checks of its inputs.

A plan is a value. Its sizes are named `n0, n1, ...` in order of first use, and not after the user's
names, so that the same program always gives the same text; large constant sizes are named as well,
so that the same model on more data is the same module.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

from probtensor.dataclass import dataclass, fields, replace
from probtensor.graph.node import Node
from probtensor.kernel.ir import Kernel
from probtensor.process import computed_once
from probtensor.types import Dim, Size, SizeCheck, dtype_of, size_value

MEASURED = -1  # axis of a size that is the value of a buffer
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
    """The source of a size: axis `axis` of buffer `buffer`, or a constant `value`; or with axis
    MEASURED the value of that buffer, an int64 scalar which the stage before `stage` writes."""

    name: str
    buffer: int
    axis: int
    value: int | None = None
    stage: int = 0

    @property
    def measured(self) -> bool:
        """Whether it is the value of a buffer."""
        return self.axis == MEASURED and self.value is None


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

    A plan with sizes that data decide runs in stages: stage s are the kernels from `starts[s]` on,
    whose sizes are known once the stages before have run. `output_stages` are the stages that first
    write each of `outputs`.
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
    starts: tuple[int, ...] = (0,)
    output_stages: tuple[int, ...] = ()

    def __getstate__(self) -> dict[str, object]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @computed_once
    def size_positions(self) -> dict[str, int]:
        """The position of each size, by name."""
        return {source.name: k for k, source in enumerate(self.sizes)}

    @computed_once
    def dtypes(self) -> dict[str, str]:
        """The dtype of each buffer, by name."""
        return {buffer.name: buffer.dtype for buffer in self.buffers}

    def shape(self, buffer: int, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape of a buffer, given the values of the sizes."""
        return tuple(size_value(n, sizes) for n in self.buffers[buffer].shape)

    @property
    def staged(self) -> bool:
        """Whether there is more than one stage."""
        return len(self.starts) > 1

    def stage_of(self, kernel: int) -> int:
        """The stage of a kernel."""
        return bisect_right(self.starts, kernel) - 1 if self.staged else 0

    def stage_kernels(self, stage: int) -> tuple[Kernel, ...]:
        """The kernels of a stage, in order."""
        return self.kernels[slice(*[*self.starts, None][stage : stage + 2])]

    def alone(self, kernel: int) -> Plan:
        """The plan of one kernel alone, in its stage."""
        stage = self.stage_of(kernel)
        starts = tuple(int(s > stage) for s in range(len(self.starts)))
        return replace(self, kernels=(self.kernels[kernel],), starts=starts)

    def temps(self, stage: int) -> list[int]:
        """The temps that a stage writes first, which are in its arena."""
        return [k for k, (first, _) in self.lifetimes.items() if self.stage_of(first) == stage]

    def measured(self) -> tuple[SizeSource, ...]:
        """The sizes that data decide, in the order in which they become known."""
        found = (source for source in self.sizes if source.measured)
        return tuple(sorted(found, key=lambda source: source.stage))

    def checks(self, stage: int) -> list[SizeCheck]:
        """The size checks that can be made when a stage begins, and not before."""
        if not self.staged:
            return list(self.size_checks)
        stages = {source.name: source.stage for source in self.sizes}
        return [
            check
            for check in self.size_checks
            if max((stages[name] for name in check.names()), default=0) == stage
        ]

    def size_names(self) -> tuple[Dim, ...]:
        return tuple(Dim.name(source.name) for source in self.sizes)
