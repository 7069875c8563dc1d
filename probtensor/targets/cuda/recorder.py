"""What recipes of routines by libraries record: see `library.py`."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from probtensor.dataclass import dataclass, field
from probtensor.device import DenseRoutines, Driver, Image, LaunchQueue
from probtensor.device.libraries.dense import (
    LEFT,
    LOWER,
    NON_UNIT,
    PLAIN,
    RIGHT,
    TRANSPOSED,
    UNIT,
    UPPER,
)

THREADS = 256  # of a block
MAX_BLOCKS_PER_MULTIPROCESSOR = 8
ROOM = -1  # the base of places in the room
ALIGNMENT_BYTES = 256
DOUBLE_BYTES = 8
INT_BYTES = 4
KEEP_ALL, KEEP_LOWER, KEEP_UPPER = 0, 1, 2  # of pt_library.cuh


@dataclass(frozen=True)
class Place:
    """An address that a call knows: `offset` bytes into operand `base`, or into the room."""

    base: int
    offset: int = 0

    def plus(self, count: int, width: int = DOUBLE_BYTES) -> Place:
        """So many elements further on."""
        return Place(self.base, self.offset + count * width)


Argument = int | Place
Queued = Callable[..., None]  # (stream, *arguments)
Step = tuple[Queued, tuple[Argument, ...]]


@dataclass(frozen=True)
class _Routine:
    """A call of a routine at a position among the steps, where its workspace is not known yet."""

    position: int
    name: str
    given: tuple[Argument, ...]
    info: Argument
    batch: int

    @property
    def asked(self) -> tuple[str, tuple[int, ...], int]:
        """What its workspace depends on."""
        return self.name, tuple(0 if type(x) is Place else x for x in self.given), self.batch

    def step(self, dense: DenseRoutines, room: Argument, size: int) -> Step:
        """The call with a workspace of `size` doubles."""
        name, batch = self.name, self.batch

        def queue(stream: LaunchQueue | None, info: int, room: int, *given: int) -> None:
            dense.call(name, given, info, room, size, batch, stream)

        return queue, (self.info, room, *self.given)


@dataclass
class Recorder:
    """What a recipe calls: each method records a step. Matrices are row-major in operands."""

    driver: Driver
    kernels: Callable[[], Image]
    steps: list[Step] = field(default_factory=list)
    size: int = 0
    calls: list[_Routine] = field(default_factory=list)

    def room(self, count: int, width: int = DOUBLE_BYTES) -> Place:
        """Memory of `count` elements for this call."""
        found = Place(ROOM, self.size)
        self.size += -(-max(count * width, 1) // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        return found

    def flags(self, batch: int) -> tuple[Place, Place]:
        """Two ints for each item, the first ones 0: whether it is not finite, and whether a routine
        has failed."""
        return self.bad(batch), self.room(batch, INT_BYTES)

    def bad(self, batch: int) -> Place:
        """An int for each item, 0 to begin with."""
        bad, driver = self.room(batch, INT_BYTES), self.driver

        def clear(stream: LaunchQueue | None, at: int) -> None:
            driver.fill(at, 0, batch * INT_BYTES, stream)

        self.steps.append((clear, (bad,)))
        return bad

    def copy(self, to: Place, from_: Place, count: int) -> None:
        """Copy doubles."""
        driver = self.driver

        def copy(stream: LaunchQueue | None, to: int, from_: int) -> None:
            driver.copy(to, from_, count * DOUBLE_BYTES, stream)

        self.steps.append((copy, (to, from_)))

    def kernel(self, name: str, count: int, *arguments: Argument) -> None:
        """Launch a kernel of pt_library.cuh with a thread for each of `count` elements."""
        function = self.kernels().function(f"pt_library_{name}")
        most = MAX_BLOCKS_PER_MULTIPROCESSOR * self.driver.multiprocessors
        grid = max(1, min(-(-count // THREADS), most))
        pattern, launch = f"{len(arguments)}q", self.driver.launch

        def queue(stream: LaunchQueue | None, *values: int) -> None:
            launch(function, grid, THREADS, 0, struct.pack(pattern, *values), stream)

        self.steps.append((queue, arguments))

    def take(
        self, a: Place, out: Place, bad: Place, batch: int, m: int, n: int, *,
        transposed: bool = False, keep: int = KEEP_ALL, step: int | None = None,
    ) -> None:  # fmt: skip
        """Copy m x n items, or their transposes, without what is not finite, which `bad` tells."""
        given = (m * n if step is None else step, int(transposed), keep)
        self.kernel("take", batch * m * n, a, out, bad, batch, m, n, *given)

    def give(
        self, x: Place, out: Place, bad: Argument, info: Argument, batch: int, m: int, n: int, *,
        strides: tuple[int, int, int] | None = None, keep: int = KEEP_ALL,
    ) -> None:  # fmt: skip
        """Copy to m x n items from those with these strides, by item, row and column; nan where
        `bad` or `info`, of which either may be 0, are set."""
        strides = strides or (m * n, n, 1)
        self.kernel("give", batch * m * n, x, out, bad, info, batch, m, n, *strides, keep)

    def addresses(self, of: Place, batch: int, count: int) -> Place:
        """The addresses of items of `count` doubles, on the device."""
        found = self.room(batch)
        self.kernel("addresses", batch, found, of, batch, count * DOUBLE_BYTES)
        return found

    def call(self, name: str, *given: Argument, info: Argument = 0, batch: int = 1) -> None:
        """Call a routine of `dense.ROUTINES`; all share one workspace."""
        self.calls.append(_Routine(len(self.steps), name, given, info, batch))
        self.steps.append((_unfinished, ()))

    def product(
        self, batch: int, n: int, a: Place, b: Place, c: Place, a_transposed: bool = False
    ) -> None:
        """c = op(a) b, of n x n items."""
        gemm = self.driver.blas.gemm

        def queue(stream: LaunchQueue | None, a: int, b: int, c: int) -> None:
            gemm("float64", batch, n, n, n, a, b, c, a_transposed, False, stream)

        self.steps.append((queue, (a, b, c)))

    def solve(
        self, t: Place, x: Place, n: int, k: int, lower: bool, *, transposed: bool = False,
        unit: bool = False,
    ) -> None:  # fmt: skip
        """In place, the solution of t x = b or t' x = b for one item: t is n x n, x is n x k."""
        triangle, diagonal = UPPER if lower else LOWER, UNIT if unit else NON_UNIT
        if k == 1:  # the library sees t'
            way = PLAIN if transposed else TRANSPOSED
            self.call("trsv", triangle, way, diagonal, n, t, n, x, 1)
        else:  # and x' t' = b'
            way = TRANSPOSED if transposed else PLAIN
            self.call("trsm", RIGHT, triangle, way, diagonal, k, n, t, n, x, k)

    def solve_all(
        self, t: Place, x: Place, batch: int, n: int, k: int, lower: bool, *,
        transposed: bool = False, unit: bool = False,
    ) -> None:  # fmt: skip
        """The same of all items, at addresses on the device."""
        triangle, diagonal = UPPER if lower else LOWER, UNIT if unit else NON_UNIT
        way = TRANSPOSED if transposed else PLAIN
        self.call("trsm_batched", RIGHT, triangle, way, diagonal, k, n, t, n, x, k, batch=batch)

    def solve_left(self, t: Place, x: Place, n: int) -> None:
        """In place, the transpose of x t^-1 for a lower t, of one item: itself if symmetric."""
        self.call("trsm", LEFT, UPPER, PLAIN, NON_UNIT, n, n, t, n, x, n)

    def transform(
        self, kind: str, sizes: Sequence[int], batch: int, x: Place, out: Place,
        forward: bool = True,
    ) -> None:  # fmt: skip
        """Queue Fourier transforms; see `FourierTransforms.plan`."""
        plan = self.driver.fourier.plan(kind, sizes, batch)
        room = self.room(plan.nbytes, 1)

        def queue(stream: LaunchQueue | None, x: int, out: int, room: int) -> None:
            plan.run(x, out, room, forward, stream)

        self.steps.append((queue, (x, out, room)))

    def finish(self) -> None:
        """Give the routines their workspace."""
        dense = self.driver.dense
        size = max((dense.room(*asked) for asked in {call.asked for call in self.calls}), default=0)
        room = self.room(size) if size else 0
        for call in self.calls:
            self.steps[call.position] = call.step(dense, room, size)


def _unfinished(stream: LaunchQueue | None) -> None:
    raise AssertionError("the recorder was not finished")
