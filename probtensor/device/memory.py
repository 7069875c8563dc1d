"""A pool of device memory: what is given back is handed out again, so that steady work asks the
driver for nothing.

Sizes are rounded up to one of eight steps in each power of two, which wastes at most an eighth.
The pool calls the driver only to get more; giving back is two operations on Python's own lists,
so it may happen in any thread, and whenever the garbage collector likes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Generic, TypeVar

SMALLEST = 512
Block = TypeVar("Block")  # what the driver gives for memory
STEPS = 3  # bits below the highest that a size class keeps


class Allocation:
    """Memory of `nbytes` at `address`; given back to the pool when this object is collected.

    Work that was queued may still use it then. What is handed out again is used by later work, so
    this is safe on one stream, and on the default stream, which waits for all others. Whoever
    queues work on several streams keeps the allocation until that work is done.
    """

    __slots__ = ("__weakref__", "_home", "address", "nbytes")

    def __init__(self, address: int, nbytes: int, home: list[int]) -> None:
        self.address = address
        self.nbytes = nbytes
        self._home = home

    def __del__(self) -> None:
        self._home.append(self.address)


class Pool(Generic[Block]):
    """Blocks of memory by size class.

    get(bytes) -> (address, block) asks the driver, and raises `full` where it has no more;
    free(block) gives one back to it.
    """

    def __init__(self, get: Callable[[int], tuple[int, Block]], free: Callable[[Block], None],
                 full: type[Exception]) -> None:  # fmt: skip
        self._get = get
        self._free = free
        self._full = full
        self._blocks: dict[int, tuple[int, Block]] = {}  # address -> (size, block)
        self._spare: defaultdict[int, list[int]] = defaultdict(list)

    def alloc(self, nbytes: int) -> tuple[Allocation, bool]:
        """Memory, and whether the driver had to be asked for it. Raises `full`."""
        size = size_class(nbytes)
        spare = self._spare[size]
        try:
            return Allocation(spare.pop(), nbytes, spare), False
        except IndexError:
            return Allocation(self._more(size), nbytes, spare), True

    def _more(self, size: int) -> int:
        try:
            address, block = self._get(size)
        except self._full:
            if not self.release():
                raise
            address, block = self._get(size)
        self._blocks[address] = (size, block)
        return address

    def release(self) -> int:
        """Give all spare blocks back to the driver; returns how many bytes that were."""
        given = 0
        for spare in list(self._spare.values()):
            while spare:
                size, block = self._blocks.pop(spare.pop())
                self._free(block)
                given += size
        return given

    def held(self) -> tuple[int, int]:
        """(bytes in use, bytes spare), by size class."""
        total = sum(size for size, _ in list(self._blocks.values()))
        spare = sum(size * len(places) for size, places in list(self._spare.items()))
        return total - spare, spare

    def close(self) -> None:
        """Give everything back, what is in use too; for the end of the process."""
        for _, block in self._blocks.values():
            self._free(block)
        self._blocks.clear()
        self._spare.clear()


def size_class(nbytes: int) -> int:
    """The bytes of the smallest block that holds `nbytes`."""
    if nbytes <= SMALLEST:
        return SMALLEST
    step = 1 << max((nbytes - 1).bit_length() - 1 - STEPS, 0)
    return -(-nbytes // step) * step
