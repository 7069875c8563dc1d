"""Places and streams: what lies on the device, and in which order things are done there."""

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
from probtensor.device import transfer as moved
from probtensor.graph.node import Node
from probtensor.process import new_lock

MOST_HELD = 64  # arrays a stream holds before it waits


class Stream:
    """An order of work on the device, beside others.

        with pt.stream() as s:
            y = f(x)        # queued on s; results on the host are there when f returns
        s.synchronize()     # waits for everything queued on s

    Calls outside such a block, in any thread, are queued on the one main stream. Arrays may go from
    stream to stream. CUDA itself keeps the main stream in order with each other one; between two
    others, who needs an array waits for the stream that makes it. The pool of memory is one, so
    what such a stream works on is held until it has been waited for.
    """

    def __init__(self, owner: Driver, queue: LaunchQueue | None) -> None:
        self.driver = owner
        self.queue = queue
        self._entered: list[Token[Stream | None]] = []
        self._held: list[object] = []
        self._aside: LaunchQueue | None = None
        self._aside_lock = owner.aside_lock if queue is None else new_lock()

    @property
    def is_main(self) -> bool:
        """Is it the stream of calls outside any block?"""
        return self.queue is None

    @property
    def handle(self) -> int:
        """CUDA's own handle of it, for other libraries; 0 is the default stream."""
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
        """What is queued next may use these arrays, and new memory.

        Memory of another library goes back to a pool that knows nothing of our work, so it is held
        on the main stream too.
        """
        if len(self._held) > MOST_HELD:
            self.synchronize()
        if self.is_main:
            self._held += [x.owner for x in arrays if isinstance(x, Foreign)]
            return
        for other in {x.stream for x in arrays if isinstance(x, Queued)}:
            if other is not self:
                other.synchronize()
        self._held += [x.owner for x in arrays]

    def hold(self, *things: object) -> None:
        """Let these live until the work queued so far is done, where order alone does not."""
        if not self.is_main:
            self._held += things

    def waited(self) -> None:
        """All that was queued is known to be done."""
        self._held.clear()

    def empty(
        self, shape: tuple[int, ...], dtype: str, home: deque[Memory] | None = None
    ) -> DeviceArray:
        """A new array for work queued here to fill; see `Lease` for `home`."""
        if home is None:
            array = empty(shape, dtype, self.driver)
        else:
            nbytes = prod(shape) * np.dtype(dtype).itemsize
            lease = Lease(home.pop() if home else self.driver.alloc(nbytes), home)
            array = DeviceArray(self.driver, lease, lease.memory.address, shape, dtype)
        if self.is_main:
            return array
        self.hold(array.owner)
        return Queued(self, array)

    def copy(self, array: DeviceArray) -> DeviceArray:
        """A copy of an array, queued."""
        made = self.empty(array.shape, str(array.dtype))
        if array.nbytes:
            self.driver.copy(made.address, array.address, array.nbytes, self.queue)
        return made

    @contextmanager
    def capture(self) -> Iterator[tuple[Graph, LaunchQueue]]:
        """Gives (graph, queue): what is queued there inside becomes the graph, to be launched here.

        Each stream has one queue for this. Graphs captured on one may not run side by side, as
        products in them share memory; those launched on one stream do not.
        """
        with self._aside_lock:
            if self._aside is None:
                own = self.driver
                self._aside = own.aside if self.is_main else own.stream(apart=True)
            with self.driver.capture(self._aside) as graph:
                yield graph, self._aside

    def __del__(self) -> None:
        if self._held and not sys.is_finalizing():
            self.synchronize()

    def __repr__(self) -> str:
        return f"<{'main ' if self.is_main else ''}stream of {self.driver.name}>"


class Foreign(DeviceArray):
    """An array of another library, used where it lies."""

    __slots__ = ()


class Lease:
    """Memory that returns to where it is wanted when nobody has it any more: to `home`, memory of
    one size. So a loop that makes and drops arrays sees the same few addresses again and again,
    and the graphs over them stay good."""

    __slots__ = ("home", "memory")

    def __init__(self, memory: Memory, home: deque[Memory]) -> None:
        self.memory = memory
        self.home = home

    def __del__(self) -> None:
        self.home.append(self.memory)


class Queued(DeviceArray):
    """An array that work on a stream of its own makes."""

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
    """The stream of the innermost `with` block of this thread, else the main one given."""
    found = _CURRENT.get()
    return main if found is None or found.driver is not main.driver else found


def lies_on_device(value: object) -> bool:
    """Is this an array in the memory of a CUDA device?"""
    if isinstance(value, DeviceArray):
        return True
    try:
        if getattr(value, "__cuda_array_interface__", None) is not None:
            return True
        where = getattr(value, "__dlpack_device__", None)
        return where is not None and int(where()[0]) in dlpack.CUDA_PLACES
    except (RuntimeError, TypeError, ValueError):  # libraries refuse by raising for host arrays
        return False


def taken_over(value: object, dtype: str, ndim: int, label: str, line: str) -> DeviceArray:
    """An array on the device, uncopied; TypeError or ValueError where it does not fit."""
    where = f"\n  {label} was made at {line}"
    try:
        array = value if isinstance(value, DeviceArray) else foreign(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{label}: {error}{where}") from None
    if array.ndim != ndim:
        raise ValueError(
            f"{label}: expected {ndim} axes, got {array.ndim} (shape {array.shape}){where}"
        )
    if array.dtype != dtype:
        raise TypeError(
            f"{label}: expected {dtype}, got {array.dtype} on the device, where nothing is "
            f"converted; pass an array of {dtype}, or make the input dtype=\"{array.dtype}\"{where}"
        )
    return array


def copied(array: DeviceArray) -> DeviceArray:
    """A copy of an array, queued on the current stream."""
    return current_stream(Stream(array.driver, None)).copy(array)


def foreign(value: object) -> Foreign:
    """An array of another library, uncopied; ValueError where it is not C-contiguous."""
    array = device_array(value)
    return Foreign(array.driver, array.owner, array.address, array.shape, array.dtype)


@public
def transfer(value: object, place: str) -> Node | np.ndarray | DeviceArray:
    """A value in the memory of `place`, "cpu" or "cuda": NumPy arrays and arrays on the device at
    once, a tensor as the output of a function that is handed over there (`Node.transfer`).

    Returns what `value` is, in that memory: a NumPy array, a `DeviceArray`, or a tensor of its
    type.
    Raises ValueError for another place, DeviceError where there is no device.

        >>> pt.transfer(np.array([1.0, 2.0]), "cpu")
        array([1., 2.])
    """
    return value.transfer(place) if isinstance(value, Node) else moved(value, place)
