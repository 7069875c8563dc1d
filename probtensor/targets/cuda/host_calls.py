"""Routines that a GPU has not, and kernels with functions of SciPy, run on the host in the middle
of a plan.

What one of them reads is copied to the host, and what it writes is copied back if anything reads it
afterwards. The copies wait for all that was queued before, so a sequence with such a step is queued
anew at each call: it is never captured as a graph.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import numpy as np

from probtensor.dataclass import dataclass, replace
from probtensor.device import Driver, LaunchQueue
from probtensor.kernel.ir import Call
from probtensor.lower.plan import Plan
from probtensor.process import computed_once
from probtensor.targets.base import Built
from probtensor.targets.cython.loader import addresses
from probtensor.targets.machine.target import MachineTarget
from probtensor.types import Size, dtype_of, size_product, size_value

Value = Callable[[Size], int]
FRAME_ALIGNMENT = 64


@dataclass(frozen=True)
class HostArray:
    """The part of a buffer that a routine is given: its position in the plan, its first byte, its
    length in elements, whether the device reads it after the routine has written it, and whether
    the routine may write less than all of it."""

    position: int
    offset: int
    count: int
    dtype: str
    returned: bool = False
    partial: bool = False


@dataclass(frozen=True)
class HostCall:
    """One call of a routine of `cython_ext`."""

    routine: str
    reads: tuple[HostArray, ...]
    writes: tuple[HostArray, ...]
    numbers: tuple[int, ...]

    def run(
        self, driver: Driver, pointers: Sequence[int], stream: LaunchQueue | None = None
    ) -> None:
        """Call it for buffers at these device addresses. Waits for what is queued on `stream`."""
        arrays = []
        for k, part in enumerate((*self.reads, *self.writes)):
            array = np.empty(part.count, part.dtype)
            if (k < len(self.reads) or part.partial) and array.nbytes:
                driver.download(pointers[part.position] + part.offset, array, stream)
            arrays.append(array)
        kinds = [ctypes.c_void_p] * len(arrays) + [ctypes.c_int64] * len(self.numbers)
        call = ctypes.CFUNCTYPE(None, *kinds)(addresses([self.routine])[self.routine])
        call(*(array.ctypes.data for array in arrays), *self.numbers)
        for part, array in zip(self.writes, arrays[len(self.reads) :], strict=True):
            if part.returned and array.nbytes:
                driver.upload(pointers[part.position] + part.offset, array, stream)


def host_call(plan: Plan, call: Call, value: Value, partial: bool = False) -> HostCall:
    """A call of a plan for given sizes; `value` gives their values. `partial`: whether it is for
    one step of a loop, whose results are a part of each buffer."""
    position = {buffer.name: k for k, buffer in enumerate(plan.buffers)}
    read_later = {name for kernel in plan.kernels for name in kernel.reads}

    def part(name: str, offset: Size) -> HostArray:
        buffer = plan.buffers[position[name]]
        first = value(offset)
        return HostArray(
            position[name],
            first * dtype_of(buffer.dtype).bytes,
            value(size_product(buffer.shape)) - first,
            str(buffer.dtype),
            buffer.role == "output" or name in read_later,
            partial,
        )

    return HostCall(
        call.routine,
        tuple(part(*pointer) for pointer in call.reads),
        tuple(part(*pointer) for pointer in call.writes),
        tuple(map(value, call.numbers)),
    )


@dataclass(frozen=True)
class HostKernel:
    """A kernel of a plan that calls functions of SciPy, as a program of the machine of tier 0, for
    given sizes. All buffers that it reads or writes are copied."""

    plan: Plan
    name: str
    sizes: tuple[int, ...]

    @computed_once
    def built(self) -> Built:
        """The program."""
        kernels = tuple(kernel for kernel in self.plan.kernels if kernel.name == self.name)
        return MachineTarget().build(replace(self.plan, kernels=kernels, starts=(0,)))

    def run(
        self, driver: Driver, pointers: Sequence[int], status: int, stream: LaunchQueue | None
    ) -> None:
        """Run it for buffers at these device addresses; the number of a failed check goes to the
        address `status`. Waits for what is queued on `stream`."""
        kernel = next(kernel for kernel in self.plan.kernels if kernel.name == self.name)
        values = {source.name: n for source, n in zip(self.plan.sizes, self.sizes, strict=True)}
        arrays: list[np.ndarray | None] = []
        for buffer, address in zip(self.plan.buffers, pointers, strict=True):
            if buffer.name not in kernel.reads and buffer.name not in kernel.writes:
                arrays.append(None)
                continue
            array = np.empty(size_value(size_product(buffer.shape), values), buffer.dtype)
            if array.nbytes:
                driver.download(address, array, stream)
            arrays.append(array)
        failed = self._call(arrays)
        for buffer, address, array in zip(self.plan.buffers, pointers, arrays, strict=True):
            if buffer.name in kernel.writes and array.nbytes:
                driver.upload(address, array, stream)
        if failed:
            driver.upload(status, np.full(1, failed, np.int32), stream)

    def _call(self, arrays: Sequence[np.ndarray | None]) -> int:
        """Call the program; gives its status."""
        program = self.built.program
        room = np.zeros(program.frame_bytes + FRAME_ALIGNMENT, np.uint8)
        frame = -(-room.ctypes.data // FRAME_ALIGNMENT) * FRAME_ALIGNMENT
        ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(program.frame_init)(
            frame, program.address
        )
        addresses = [0 if array is None else array.ctypes.data for array in arrays]
        places = (ctypes.c_void_p * (1 + len(addresses)))(frame, *addresses)
        numbers = (ctypes.c_int64 * max(1, len(self.sizes)))(*self.sizes)
        call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(self.built.run)
        return call(ctypes.addressof(places) + ctypes.sizeof(ctypes.c_void_p), numbers)
