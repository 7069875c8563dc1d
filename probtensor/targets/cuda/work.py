"""What the launches of a call are made of."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence

from probtensor.dataclass import dataclass
from probtensor.device import Driver, Kernel, LaunchQueue
from probtensor.kernel.ir import Call
from probtensor.targets.cuda.host_calls import HostKernel
from probtensor.targets.cuda.library import LibraryCall
from probtensor.types import Size

GEMM_BLOCK, JOIN_BLOCK = 256, 256  # threads
GEMM_TILES = {"float64": (128, 64), "float32": (128, 128)}
# The first letters of routines with a lane for each column of all items, or for each value that is
# searched for; and of those with a lane for each item, whose elements it takes in order.
BY_COLUMN = ("pt_cumsum_columns", "pt_search_")
BY_ITEM = ("pt_cumsum_int64", "pt_cumprod", "pt_cummax", "pt_recurrence")
SORTS = ("pt_sort", "pt_argsort", "pt_select")  # an item for each group
# Few items above these lengths take longer on the device than on the host with the transfers: an
# estimate, to be measured.
MAX_IN_ORDER, FEW_IN_ORDER = 4096, 32
MAX_SORTED, FEW_SORTED = 1 << 16, 4


@dataclass(frozen=True)
class KernelLaunch:
    """One launch with its grid, block and extra arguments, which follow the numbers of the steps of
    the loops in order around it."""

    function: Kernel
    grid: int
    block: int
    extra: bytes = b""
    numbered: tuple[str, ...] = ()


@dataclass(frozen=True)
class GemmCall:
    """A matrix product: by cuBLAS if it is installed."""

    dtype: str
    buffers: tuple[int, int, int]
    offsets: tuple[Size, Size, Size]  # in bytes; of the steps of loops in order around it
    batch: int
    m: int
    n: int
    k: int
    transposed: tuple[bool, bool]
    splits: int = 1
    kernels: tuple[Kernel, ...] = ()


def splits_of(dtype: str, batch: int, m: int, n: int, k: int, multiprocessors: int) -> int:
    """Parts that the sum of a product is split into, to occupy the device."""
    rows, columns = GEMM_TILES[dtype]
    blocks = batch * -(-m // rows) * -(-n // columns)
    idle_blocks = multiprocessors // blocks if blocks else 1
    return max(1, min(idle_blocks, k // 512, 64))


def launch_product(
    driver: Driver, product: GemmCall, addresses: tuple[int, int, int], parts: int, most: int,
    stream: LaunchQueue | None,
) -> None:  # fmt: skip
    """Queue a product by our own kernels, for where there is no cuBLAS. `parts`: memory of the
    parts of a sum; `most`: the blocks of a launch that joins them."""
    p, (a, b, c) = product, addresses
    rows, columns = GEMM_TILES[p.dtype]
    tiles = p.batch * -(-p.m // rows) * -(-p.n // columns)
    numbers = struct.pack("4q2i", p.batch, p.m, p.n, p.k, *map(int, p.transposed))
    full, split, join = p.kernels
    launch = driver.launch
    if p.splits == 1:
        launch(full, tiles, GEMM_BLOCK, 0, struct.pack("3Q", a, b, c) + numbers, stream)
        return
    packed = struct.pack("3Q", a, b, parts) + numbers + struct.pack("q", p.splits)
    launch(split, tiles * p.splits, GEMM_BLOCK, 0, packed, stream)
    count = p.batch * p.m * p.n
    packed = struct.pack("2Q2q", parts, c, count, p.splits)
    launch(join, min(-(-count // JOIN_BLOCK), most), JOIN_BLOCK, 0, packed, stream)


def lanes_of(routine: str, items: int, last: int) -> int:
    """The lanes that a routine of one lane for each piece has work for, given the number of items
    and the last size; 0 for another routine."""
    if routine.startswith(BY_COLUMN):
        return items * last
    return items if routine.startswith(BY_ITEM) else 0


def too_long(routine: str, items: int, longest: int) -> bool:
    """Whether a routine that a device has is quicker on the host for so few, so long items."""
    if routine.startswith(BY_ITEM):
        return longest > MAX_IN_ORDER and items < FEW_IN_ORDER
    return routine.startswith(SORTS) and longest > MAX_SORTED and items < FEW_SORTED


@dataclass(frozen=True)
class StepLoop:
    """Launches for each step of a loop in order."""

    var: str
    count: int
    each: tuple[Work, ...]


# A Call is one on the host.
Work = KernelLaunch | GemmCall | Call | HostKernel | LibraryCall | StepLoop


@dataclass(frozen=True)
class Arguments:
    """What the launches of a call are given: addresses of buffers and of scratch memory, and both
    as the bytes of `pt_args`."""

    pointers: tuple[int, ...]
    scratch: int
    packed: bytes


def each_of(
    steps: Sequence[Work], value: Callable[[Work, int], int], count: int = 1
) -> Iterator[int]:
    """A value for each piece of work, given the number of times that it is queued."""
    for step in steps:
        if isinstance(step, StepLoop):
            yield from each_of(step.each, value, count * step.count)
        else:
            yield value(step, count)
