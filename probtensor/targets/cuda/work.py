"""What the launches of a call are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from probtensor.dataclass import dataclass
from probtensor.device import Kernel
from probtensor.kernel.ir import Call
from probtensor.targets.cuda.host_calls import HostKernel
from probtensor.targets.cuda.library import LibraryCall
from probtensor.types import Size

GEMM_TILES = {"float64": (128, 64), "float32": (128, 128)}


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
