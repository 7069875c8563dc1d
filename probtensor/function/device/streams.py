"""Streams, and arrays of other libraries: what is in device memory, and the order of work there."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from math import prod

import numpy as np

from probtensor.calls import public
from probtensor.device import (
    DeviceArray,
    Driver,
    Graph,
    LaunchQueue,
    Memory,
    device_array,
    dlpack,
    driver,
    empty,
)
from probtensor.device import transfer as transfer_array
from probtensor.graph.node import Node
from probtensor.process import new_lock

MAX_HELD_ARRAYS = 64  # arrays that a stream holds before it synchronizes


class Stream:
    """A CUDA stream: work on it is done in order, and may overlap with work on other streams.

        with pt.stream() as s:
            y = f(x)        # queued on s; results on the host are there when f returns
        s.synchronize()     # waits for everything queued on s

    Calls outside such a block, in any thread, are queued on the main stream. Arrays may be used on
    any stream. CUDA orders the main stream with all others; between two others, the use of an array
    waits for the stream that makes it. All streams share one memory pool, so the arrays that a
    stream uses are held until it is synchronized.
    """

    def __init__(self, owner: Driver, queue: LaunchQueue | None) -> None:
        self.driver = owner
        self.queue = queue
        self._entered: list[Token[Stream | None]] = []
        self._held: list[object] = []
        self._capture_queue: LaunchQueue | None = None
        self._capture_lock = owner.capture_lock if queue is None else new_lock()

    @property
    def is_main(self) -> bool:
        """Whether it is the stream of calls outside any block."""
        return self.queue is None

    @property
    def handle(self) -> int:
        """The CUstream as an integer, for other libraries; 0 is the default stream."""
        return 0 if self.queue is None else self.queue.handle

    def __cuda_stream__(self) -> tuple[int, int]:
        """(version of this protocol, handle): how CUDA's Python libraries pass streams."""
        return 0, self.handle

    def __enter__(self) -> Stream:
        self._entered.append(_CURRENT.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        _CURRENT.reset(self._entered.pop())

    def synchronize(self) -> None:
        """Wait for everything queued here."""
        held, self._held = self._held, []
        self.driver.synchronize(self.queue)
        held.clear()

    def begin(self, arrays: list[DeviceArray]) -> None:
        """Prepare for work that uses these arrays, and new memory.

        Borrowed arrays are held on the main stream too: the pool of their library could reuse the
        memory before our work is done.
        """
        if len(self._held) > MAX_HELD_ARRAYS:
            self.synchronize()
        if self.is_main:
            self._held += [x.owner for x in arrays if isinstance(x, BorrowedArray)]
            return
        for other in {x.stream for x in arrays if isinstance(x, PendingArray)}:
            if other is not self:
                other.synchronize()
        self._held += [x.owner for x in arrays]

    def hold(self, *things: object) -> None:
        """Keep objects alive until the work queued so far is done, unless stream order ensures
        it."""
        if not self.is_main:
            self._held += things

    def waited(self) -> None:
        """Release held objects after a synchronization by other means."""
        self._held.clear()

    def empty(
        self, shape: tuple[int, ...], dtype: str, pool: deque[Memory] | None = None
    ) -> DeviceArray:
        """A new array, to be filled by work queued here; see `PooledMemory` for `pool`."""
        if pool is None:
            array = empty(shape, dtype, self.driver)
        else:
            nbytes = prod(shape) * np.dtype(dtype).itemsize
            block = PooledMemory(pool.pop() if pool else self.driver.alloc(nbytes), pool)
            array = DeviceArray(self.driver, block, block.memory.address, shape, dtype)
        if self.is_main:
            return array
        self.hold(array.owner)
        return PendingArray(self, array)

    def copy(self, array: DeviceArray) -> DeviceArray:
        """A copy of an array, queued."""
        target = self.empty(array.shape, str(array.dtype))
        if array.nbytes:
            self.driver.copy(target.address, array.address, array.nbytes, self.queue)
        return target

    @contextmanager
    def capture(self) -> Iterator[tuple[Graph, LaunchQueue]]:
        """Gives (graph, queue): work queued there within the block becomes the graph, to be
        launched on this stream.

        Each stream has one queue for captures. Graphs captured on one queue share the workspace of
        their matrix products, so they must not run concurrently; on one stream they do not.
        """
        with self._capture_lock:
            if self._capture_queue is None:
                own = self.driver
                self._capture_queue = (
                    own.capture_stream if self.is_main else own.stream(non_blocking=True)
                )
            with self.driver.capture(self._capture_queue) as graph:
                yield graph, self._capture_queue

    def __del__(self) -> None:
        if self._held and not sys.is_finalizing():
            self.synchronize()

    def __repr__(self) -> str:
        return f"<{'main ' if self.is_main else ''}stream of {self.driver.name}>"


class BorrowedArray(DeviceArray):
    """An array of another library, used in place."""

    __slots__ = ()


class PooledMemory:
    """Memory that is returned to `pool`, blocks of one size, on destruction. So a loop that makes
    and drops arrays reuses a few addresses, for which there are CUDA graphs already."""

    __slots__ = ("memory", "pool")

    def __init__(self, memory: Memory, pool: deque[Memory]) -> None:
        self.memory = memory
        self.pool = pool

    def __del__(self) -> None:
        self.pool.append(self.memory)


class PendingArray(DeviceArray):
    """An array that queued work on a stream other than the main one fills."""

    __slots__ = ("stream",)

    def __init__(self, stream: Stream, array: DeviceArray) -> None:
        super().__init__(array.driver, array.owner, array.address, array.shape, array.dtype)
        self.stream = stream


_CURRENT: ContextVar[Stream | None] = ContextVar("stream", default=None)


@public
def stream() -> Stream:
    """A new stream, to be used as `with pt.stream() as s:`.

    Returns a `Stream`. Raises DeviceError where there is no device.
    """
    own = driver()
    return Stream(own, own.stream())


def current_stream(main: Stream) -> Stream:
    """The stream of the innermost `with` block of this thread, else `main`."""
    found = _CURRENT.get()
    return main if found is None or found.driver is not main.driver else found


def is_on_device(value: object) -> bool:
    """Whether this is an array in the memory of a CUDA device."""
    if isinstance(value, DeviceArray):
        return True
    try:
        if getattr(value, "__cuda_array_interface__", None) is not None:
            return True
        where = getattr(value, "__dlpack_device__", None)
        return where is not None and int(where()[0]) in dlpack.CUDA_DEVICE_TYPES
    except (RuntimeError, TypeError, ValueError):  # raised by some libraries for host arrays
        return False


def borrowed_array(value: object, dtype: str, ndim: int, label: str, line: str) -> DeviceArray:
    """An array on the device, not copied; TypeError or ValueError for another dtype or rank."""
    where = f"\n  {label} was made at {line}"
    try:
        array = value if isinstance(value, DeviceArray) else borrow(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{label}: {error}{where}") from None
    if array.ndim != ndim:
        raise ValueError(
            f"{label}: expected {ndim} axes, got {array.ndim} (shape {array.shape}){where}"
        )
    if array.dtype != dtype:
        raise TypeError(
            f"{label}: expected {dtype}, got {array.dtype} on the device, where nothing is "
            f'converted; pass an array of {dtype}, or make the input dtype="{array.dtype}"{where}'
        )
    return array


def device_copy(array: DeviceArray) -> DeviceArray:
    """A copy of an array, queued on the current stream."""
    return current_stream(Stream(array.driver, None)).copy(array)


def borrow(value: object) -> BorrowedArray:
    """An array of another library, not copied; ValueError where it is not C-contiguous."""
    array = device_array(value)
    return BorrowedArray(array.driver, array.owner, array.address, array.shape, array.dtype)


@public
def transfer(value: object, place: str) -> Node | np.ndarray | DeviceArray:
    """A value in the memory of `place`, "cpu" or "cuda". NumPy arrays and arrays on the device are
    copied at once; a tensor gives an output that a function leaves there (`Node.transfer`).

    Returns what `value` is, in that memory: a NumPy array, a `DeviceArray`, or a tensor of its
    type.
    Raises ValueError for another place, DeviceError where there is no device.

        >>> pt.transfer(np.array([1.0, 2.0]), "cpu")
        array([1., 2.])
    """
    return value.transfer(place) if isinstance(value, Node) else transfer_array(value, place)
