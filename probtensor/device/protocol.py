"""What the layers above use of a device: the members of its driver and of what the driver makes.

`CudaDriver` of nvidia.py is one, through PyCUDA; the tests have another over host memory, so that
every kernel and every caller runs without a GPU. Both have at least these members, with these
parameters; that is tested.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Memory(Protocol):
    """Memory of the device, freed when the object is collected."""

    address: int
    nbytes: int


@runtime_checkable
class LaunchQueue(Protocol):
    """A stream: work is done in order. As an argument, None is the default stream."""

    handle: int  # CUstream


@runtime_checkable
class DeviceEvent(Protocol):
    """A point in a queue's work."""

    def record(self, stream: LaunchQueue | None = None) -> None:
        """Mark the point after all work queued so far."""

    def synchronize(self) -> None:
        """Wait until the work before it is done."""

    def seconds_since(self, before: DeviceEvent) -> float:
        """Seconds of the device's clock between two events that have completed."""


@runtime_checkable
class Kernel(Protocol):
    """A kernel, ready to be launched."""

    name: str

    @property
    def registers(self) -> int:
        """Registers of each thread."""

    @property
    def block_limit(self) -> int:
        """The threads that a block can have."""

    def resident(self, block: int) -> int:
        """How many blocks of `block` threads are resident on a multiprocessor."""


@runtime_checkable
class Image(Protocol):
    """Compiled kernels, loaded."""

    def function(self, name: str) -> Kernel:
        """The kernel of that name; DeviceError where there is none."""


@runtime_checkable
class Graph(Protocol):
    """Work that was queued once and is launched as one. It does not keep its memory alive."""

    def launch(self, stream: LaunchQueue | None = None) -> None:
        """Queue all of the work."""


@runtime_checkable
class MatrixProducts(Protocol):
    """Matrix products by a library."""

    def gemm(
        self, dtype: np.dtype | str, batch: int, m: int, n: int, k: int, a: int, b: int, c: int,
        a_transposed: bool, b_transposed: bool, stream: LaunchQueue | None = None,
        tf32: bool = False,
    ) -> None:  # fmt: skip
        """Row-major c[m,n] = op(a) op(b), for `batch` of them one after another in memory.

        a is [m,k], or [k,m] if transposed; b is [k,n], or [n,k] if transposed; all are device
        addresses of float32 or float64. tf32 lets float32 be rounded to 10 bits of mantissa.
        """

    def prepare(self, stream: LaunchQueue | None = None) -> None:
        """Make the handle of a queue, which is not possible while the queue is captured."""


@runtime_checkable
class DenseRoutines(Protocol):
    """Factorisations and systems by a library: the table `ROUTINES` of dense.py."""

    def room(self, name: str, given: Sequence[int], batch: int = 1) -> int:
        """The doubles of workspace that a routine needs; addresses among its arguments may be 0."""

    def call(
        self, name: str, given: Sequence[int], info: int = 0, room: int = 0, size: int = 0,
        batch: int = 1, stream: LaunchQueue | None = None,
    ) -> None:  # fmt: skip
        """Queue a routine of the table.

        given: its arguments, numbers and device addresses. info: address of an int, or of one for
        each item: 0 where there is a result. room: address of the workspace, of `size` doubles.
        batch: the number of items, for a routine of many.
        """


@runtime_checkable
class TransformPlan(Protocol):
    """Fourier transforms of one size. `nbytes`: of the workspace of a run."""

    nbytes: int

    def run(
        self, x: int, out: int, room: int, forward: bool = True, stream: LaunchQueue | None = None
    ) -> None:
        """Queue the transforms of x to out, both addresses; complex ones may be in place.

        room: address of `nbytes` bytes. forward: the sign of a complex transform. One to reals is
        backward and destroys x.
        """


@runtime_checkable
class FourierTransforms(Protocol):
    """Fourier transforms by a library."""

    def plan(self, kind: str, sizes: Sequence[int], batch: int) -> TransformPlan:
        """A plan of `batch` transforms of these sizes of one or two axes.

        kind: "complex"; "to_half", of reals to the first half of the last axis; "to_real", back,
        where `sizes` are those of the reals. DeviceError where the library has none.
        """


@runtime_checkable
class Driver(Protocol):
    """One device, its memory and its queues. All members are thread-safe; errors are DeviceErrors.

    name, arch       of the device, and its architecture ("sm_90")
    ordinal          number of the device
    identity         architecture and compiler: all that an image depends on beside its source
    multiprocessors  how many there are
    counts           numbers of uploads, downloads, allocations (those that the pool could not
                     serve), launches, graphs
    capture_stream   the queue on which graphs for the default one are captured, under
                     `capture_lock`
    blas, dense, fourier
                     matrix products, factorisations and systems, Fourier transforms; None where
                     the library is not installed
    """

    name: str
    arch: str
    ordinal: int
    identity: str
    multiprocessors: int
    counts: Counter[str]
    capture_lock: AbstractContextManager

    @property
    def capture_stream(self) -> LaunchQueue: ...

    @property
    def blas(self) -> MatrixProducts | None: ...

    @property
    def dense(self) -> DenseRoutines | None: ...

    @property
    def fourier(self) -> FourierTransforms | None: ...

    def compile(self, source: str) -> bytes:
        """CUDA C++ text to an image for this device."""

    def module(self, image: bytes) -> Image:
        """Load an image."""

    def launch(self, function: Kernel, grid: int, block: int, shared: int, packed: bytes,
               stream: LaunchQueue | None = None) -> None:  # fmt: skip
        """Queue a kernel over `grid` blocks of `block` threads, with `shared` bytes a block.

        packed: the parameters one after the other, each at a multiple of its own alignment.
        """

    def alloc(self, nbytes: int) -> Memory:
        """`nbytes` of device memory, 256-byte aligned, its contents unspecified."""

    def release(self) -> int:
        """Return unused memory to the system; gives the number of bytes."""

    def memory(self) -> tuple[int, int]:
        """(free, total) bytes of the device."""

    def upload(self, address: int, array: np.ndarray, stream: LaunchQueue | None = None) -> None:
        """Copy a C-contiguous host array to the device; it may be changed afterwards."""

    def download(self, address: int, array: np.ndarray, stream: LaunchQueue | None = None) -> None:
        """Fill a C-contiguous host array, after all work queued before."""

    def copy(self, to: int, from_: int, nbytes: int, stream: LaunchQueue | None = None) -> None:
        """Queue a copy between two addresses of the device."""

    def fill(self, address: int, byte: int, nbytes: int, stream: LaunchQueue | None = None) -> None:
        """Queue the setting of every byte."""

    def stream(self, non_blocking: bool = False) -> LaunchQueue:
        """A new queue; a non-blocking one does not synchronize with the default one."""

    def event(self) -> DeviceEvent:
        """A new event."""

    def synchronize(self, stream: LaunchQueue | None = None) -> None:
        """Wait until a queue's work is done, or all work."""

    def wait_for(self, handle: int) -> None:
        """Wait for a queue of another library."""

    def capture(self, stream: LaunchQueue) -> AbstractContextManager[Graph]:
        """Gives the graph of what is queued on the stream within the block; nothing runs there."""
