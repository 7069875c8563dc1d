"""A pool of device memory: freed blocks are reused, so that in a steady state nothing is allocated
by the driver.

Sizes are rounded up to one of eight steps in each power of two, which wastes at most an eighth.
The pool calls the driver only for new blocks; freeing one appends it to a list, which is safe in
any thread, and during garbage collection.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Generic, TypeVar

MIN_BLOCK_BYTES = 512
Block = TypeVar("Block")  # the driver's object for allocated memory
SIZE_CLASS_BITS = 3  # bits after the leading one that distinguish size classes


class Allocation:
    """Memory of `nbytes` at `address`; returned to the pool when this object is collected.

    Queued work may still use it then. Only later work can reuse the block, so this is safe on one
    stream, and on the default stream, which waits for all others. Who queues work on several
    streams must keep the allocation alive until that work is done.
    """

    __slots__ = ("__weakref__", "_free_list", "address", "nbytes")

    def __init__(self, address: int, nbytes: int, free_list: list[int]) -> None:
        self.address = address
        self.nbytes = nbytes
        self._free_list = free_list

    def __del__(self) -> None:
        self._free_list.append(self.address)


class Pool(Generic[Block]):
    """Blocks of memory by size class.

    allocate(bytes) -> (address, block) asks the driver, and raises `out_of_memory` where it has no
    more; free(block) returns one to it.
    """

    def __init__(self, allocate: Callable[[int], tuple[int, Block]], free: Callable[[Block], None],
                 out_of_memory: type[Exception]) -> None:  # fmt: skip
        self._allocate = allocate
        self._free = free
        self._out_of_memory = out_of_memory
        self._blocks: dict[int, tuple[int, Block]] = {}  # address -> (size, block)
        self._free_lists: defaultdict[int, list[int]] = defaultdict(list)

    def alloc(self, nbytes: int) -> tuple[Allocation, bool]:
        """Memory, and whether the driver had to allocate it. Raises `out_of_memory`."""
        size = size_class(nbytes)
        free_list = self._free_lists[size]
        try:
            return Allocation(free_list.pop(), nbytes, free_list), False
        except IndexError:
            return Allocation(self._new_block(size), nbytes, free_list), True

    def _new_block(self, size: int) -> int:
        try:
            address, block = self._allocate(size)
        except self._out_of_memory:
            if not self.release():
                raise
            address, block = self._allocate(size)
        self._blocks[address] = (size, block)
        return address

    def release(self) -> int:
        """Return all free blocks to the driver; gives the number of bytes."""
        given = 0
        for free_list in list(self._free_lists.values()):
            while free_list:
                size, block = self._blocks.pop(free_list.pop())
                self._free(block)
                given += size
        return given

    def usage(self) -> tuple[int, int]:
        """(bytes in use, bytes free), in sizes of blocks."""
        total = sum(size for size, _ in list(self._blocks.values()))
        free = sum(size * len(addresses) for size, addresses in list(self._free_lists.items()))
        return total - free, free

    def close(self) -> None:
        """Return all blocks to the driver, also those in use; for the end of the process."""
        for _, block in self._blocks.values():
            self._free(block)
        self._blocks.clear()
        self._free_lists.clear()


def size_class(nbytes: int) -> int:
    """The bytes of the smallest block that holds `nbytes`."""
    if nbytes <= MIN_BLOCK_BYTES:
        return MIN_BLOCK_BYTES
    step = 1 << max((nbytes - 1).bit_length() - 1 - SIZE_CLASS_BITS, 0)
    return -(-nbytes // step) * step
