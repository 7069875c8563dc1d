"""What the layers above ask of a device: the members of its driver and of what the driver makes.

`CudaDriver` of nvidia.py is one, through PyCUDA; the tests have another over host memory, so that
every kernel and every caller runs without a GPU. Both have at least these members, with these
parameters; that is tested.
"""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Memory(Protocol):
    """Memory of the device, given back when the object is collected."""

    address: int
    nbytes: int


@runtime_checkable
class LaunchQueue(Protocol):
    """A queue of work, done in order. Where one is asked for, None is the default one."""

    handle: int  # CUDA's own


@runtime_checkable
class DeviceEvent(Protocol):
    """A moment in a queue's work."""

    def record(self, stream: LaunchQueue | None = None) -> None:
        """The moment when all that is queued so far is done."""

    def synchronize(self) -> None:
        """Wait until it has come."""

    def seconds_since(self, before: DeviceEvent) -> float:
        """Seconds of the device's clock between two events that have come."""


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
        """How many blocks of `block` threads a multiprocessor holds at once."""


@runtime_checkable
class Image(Protocol):
    """Compiled kernels, loaded."""

    def function(self, name: str) -> Kernel:
        """The kernel of that name; DeviceError where there is none."""


@runtime_checkable
class Graph(Protocol):
    """Work that was queued once and is launched as one. It keeps no memory that it works on."""

    def launch(self, stream: LaunchQueue | None = None) -> None:
        """Queue all of the work."""


@runtime_checkable
class Products(Protocol):
    """Matrix products by a library."""

    def gemm(
        self, dtype: np.dtype | str, batch: int, m: int, n: int, k: int, a: int, b: int, c: int,
        a_transposed: bool, b_transposed: bool, stream: LaunchQueue | None = None,
        tf32: bool = False,
    ) -> None:  # fmt: skip
        """Row-major c[m,n] = op(a) op(b), for `batch` of them one after another in memory.

        a is [m,k], or [k,m] if turned; b is [k,n], or [n,k] if turned; all are device addresses of
        float32 or float64. tf32 lets float32 be rounded to 10 bits of mantissa for speed.
        """

    def prepare(self, stream: LaunchQueue | None = None) -> None:
        """Make what a queue needs, which cannot be done while it is captured."""


@runtime_checkable
class Driver(Protocol):
    """One device, its memory and its queues. Any thread may call any member; DeviceError says what
    failed.

    name, arch       of the device, and its architecture ("sm_90")
    ordinal          number of the device
    identity         of all that the image of a text depends on
    multiprocessors  how many there are
    counts           how often something happened: uploads, downloads, allocations (of which the
                     driver had to be asked), launches, graphs
    aside            the queue where graphs for the default one are captured, by who has
                     `aside_lock`
    blas             matrix products; None where the library is not installed
    """

    name: str
    arch: str
    ordinal: int
    identity: str
    multiprocessors: int
    counts: Counter[str]
    aside_lock: AbstractContextManager

    @property
    def aside(self) -> LaunchQueue: ...

    @property
    def blas(self) -> Products | None: ...

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
        """Give memory that is not in use back to the system; returns how many bytes."""

    def memory(self) -> tuple[int, int]:
        """(free, total) bytes of the device."""

    def upload(self, address: int, array: np.ndarray, stream: LaunchQueue | None = None) -> None:
        """Copy a C-contiguous host array to the device; it may be changed afterwards."""

    def download(self, address: int, array: np.ndarray, stream: LaunchQueue | None = None) -> None:
        """Fill a C-contiguous host array, when all that is queued before is done."""

    def copy(self, to: int, from_: int, nbytes: int, stream: LaunchQueue | None = None) -> None:
        """Queue a copy between two places of the device."""

    def fill(self, address: int, byte: int, nbytes: int, stream: LaunchQueue | None = None) -> None:
        """Queue the setting of every byte."""

    def stream(self, apart: bool = False) -> LaunchQueue:
        """A new queue. One that is `apart` neither waits for the default one nor is waited for."""

    def event(self) -> DeviceEvent:
        """A new event."""

    def synchronize(self, stream: LaunchQueue | None = None) -> None:
        """Wait until a queue's work is done, or all work."""

    def wait_for(self, handle: int) -> None:
        """Wait for a queue of another library."""

    def capture(self, stream: LaunchQueue) -> AbstractContextManager[Graph]:
        """Gives the graph of what is queued on the stream inside; nothing is done meanwhile."""
