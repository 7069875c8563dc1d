"""Plans on a CUDA device: a module for each, and launch tables cached by sizes."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager

import numpy as np

from probtensor import device
from probtensor.calls import public
from probtensor.dataclass import dataclass, field
from probtensor.device import Driver, Image, Kernel, LaunchQueue
from probtensor.kernel.ir import Call
from probtensor.lower.memory import layout
from probtensor.lower.plan import Plan
from probtensor.process import computed_once, new_lock
from probtensor.schedule.grid.steps import STEP_MIN_WORK
from probtensor.schedule.grid.text import to_text
from probtensor.system.stages import building, stage
from probtensor.targets.base import BuildError, Built, host_part
from probtensor.targets.cuda.arguments import arguments
from probtensor.targets.cuda.batched import BatchedProgram, DensityProgram, batched_program
from probtensor.targets.cuda.host_calls import HostKernel, host_call
from probtensor.targets.cuda.library import RECIPES, SOURCE, LibraryCall, library_call
from probtensor.targets.cuda.narrow import MIN_NARROWED_ITERATIONS, narrowed, short_sizes
from probtensor.targets.cuda.render import (
    CHUNKED_STAGES,
    GEMM,
    THREADS,
    CudaModule,
    Launch,
    group_for,
    render,
    runs_on_host,
    schedules,
)
from probtensor.targets.cuda.work import (
    Arguments,
    GemmCall,
    KernelLaunch,
    StepLoop,
    Work,
    each_of,
    lanes_of,
    launch_product,
    splits_of,
    too_long,
)
from probtensor.types import Size, dtype_of, size_substitute, size_value

ALIGNMENT_BYTES = 256  # of allocations and their parts
MAX_BLOCKS_PER_MULTIPROCESSOR = 8  # of a routine's launch
MAP_BLOCKS_PER_RESIDENT = 4  # grid size of map launches without folds
MAX_GRAPH_LAUNCHES = 1 << 14  # of a call that is captured as a graph
MAX_NARROWED_MODULES = 4  # of one plan
WARP_MIN_TERMS, BLOCK_MIN_TERMS = 8, 1024
TERMS_PER_THREAD = 8  # of a fold, so that loads overlap
CUMSUM_CHUNK, CUMSUM_MIN_CHUNKED = 4096, 16384  # elements
SUFFIX = {"float64": "f64", "float32": "f32"}


@public(name="Cuda")
@dataclass(frozen=True)
class CudaTarget:
    """The GPU: plans become CUDA kernels, compiled for the device at hand.

    deterministic  scatter-adds of floats sum in one fixed order instead of by atomic additions:
                   slower, and bitwise reproducible
    tf32           float32 matrix products may round their operands to 10 bits (tensor cores)

        >>> pt.Cuda(deterministic=True).deterministic
        True
    """

    deterministic: bool = False
    tf32: bool = False
    name = "cuda"

    def build(self, plan: Plan) -> Built:
        """Render, compile (or find) and load. BuildError where there is no device or compiler."""
        began = time.perf_counter()
        module = render(plan, deterministic=self.deterministic)
        rendered = time.perf_counter()
        try:
            driver = device.driver()
            loaded = driver.module(driver.compile(module.source))
        except device.DeviceError as error:
            raise BuildError(str(error)) from None
        timings = {"render": rendered - began, "build": time.perf_counter() - rendered}
        runner = Runner(plan, module, loaded, driver, self)
        return Built(runner, module.source, "", timings, runner)

    def prepare(self, plan: Plan) -> Built:
        """A plan whose kernels are built at its first call. BuildError where there is no device."""
        try:
            driver = device.driver()
        except device.DeviceError as error:
            raise BuildError(
                f'target="cuda" finds no GPU to use: {error}\n'
                "target=\"cython\", or PROBTENSOR_TARGET=cython in the environment, gives the same "
                "on the CPU"
            ) from None
        return Built(Deferred(self, plan, driver), on_device=True)

    def schedule(self, plan: Plan) -> str:
        """The phases of each kernel, as text."""
        return "".join(
            to_text(found, RECIPES, runs_on_host(kernel, found))
            for kernel, found in schedules(plan, self.deterministic)
        )

    def rows(
        self,
        plan: Plan,
        rows: Sequence[int],
        sizes: Sequence[int],
        *,
        group: str | None = None,
        tail: str = "",
        density: DensityProgram | None = None,
    ) -> BatchedProgram:
        """A program for each row of some inputs of a plan; see `batched_program`."""
        try:
            return batched_program(plan, rows, sizes, group=group, tail=tail, density=density)
        except device.DeviceError as error:
            raise BuildError(str(error)) from None


class Deferred:
    """A plan on the device, built at its first use.

    Compiling kernels takes about a second. A density that is only sampled, or a function that is
    only called in batches, never needs the kernels of single calls.
    """

    def __init__(self, target: CudaTarget, plan: Plan, driver: Driver) -> None:
        self.target = target
        self.plan = plan
        self.driver = driver
        self._lock = new_lock()
        self._built: Built | None = None

    @property
    def built(self) -> Built:
        """The built plan. BuildError where the target cannot build it."""
        with self._lock:
            if self._built is None:
                with building("the kernels of a function"):
                    stage("compile")
                    self._built = self.target.build(self.plan)
            return self._built

    @property
    def timings(self) -> dict[str, float]:
        """Seconds of each finished stage."""
        return {} if self._built is None else dict(self._built.timings)

    @property
    def may_fail(self) -> bool:
        """Whether a status has to be read after a call."""
        return bool(self.plan.failures)

    @property
    def on_host(self) -> bool:
        """Does a part of the plan run on the host?"""
        return host_part(self.plan) is not None

    @property
    def _runner(self) -> Runner:
        return self.built.run

    def sequence(self, sizes: Sequence[int]) -> Launches:
        """The launches for these values of the plan's sizes."""
        return self._runner.sequence(sizes)

    def sequence_of_kernel(self, k: int, sizes: Sequence[int]) -> Launches:
        """Those of one kernel alone."""
        runner: Runner = self.target.build(self.plan.alone(k)).run
        return runner.sequence(sizes)

    def rows(
        self,
        rows: Sequence[int],
        sizes: Sequence[int],
        tail: str,
        density: DensityProgram | None,
        group: str | None = None,
    ) -> BatchedProgram:
        """The program for each row of the buffers `rows`; see `batched_program`."""
        return self.target.rows(self.plan, rows, sizes, group=group, tail=tail, density=density)

    def __call__(self, arrays: list[np.ndarray | None], sizes: list[int]) -> int:
        return self._runner(arrays, sizes)


@dataclass
class Runner:
    """A plan's module on the device. Sequences of launches are cached by sizes; long loops over
    rows of a few elements get a specialised module (`narrow.py`)."""

    plan: Plan
    module: CudaModule
    loaded: Image
    driver: Driver
    target: CudaTarget = CudaTarget()
    sequences: dict[tuple[int, ...], Launches] = field(default_factory=dict)
    narrowed: dict[tuple[tuple[str, int], ...], Runner] = field(default_factory=dict)
    lock: AbstractContextManager = field(default_factory=new_lock)

    @property
    def may_fail(self) -> bool:
        """Whether a status has to be read after a call."""
        return bool(self.plan.failures)

    def sequence(self, sizes: Sequence[int]) -> Launches:
        """The launches for these values of the plan's sizes."""
        key = tuple(sizes)
        found = self.sequences.get(key)
        if found is None:
            found = Launches(self._fitting(key), key)
            with self.lock:
                if len(self.sequences) >= 64:
                    self.sequences.clear()
                self.sequences[key] = found
        return found

    def _fitting(self, sizes: tuple[int, ...]) -> Runner:
        """The runner specialised for the short sizes, where that is worth compiling: never if data
        decide sizes."""
        if self.plan.staged:
            return self
        values = {source.name: n for source, n in zip(self.plan.sizes, sizes, strict=True)}
        short = short_sizes(self.plan, values, MIN_NARROWED_ITERATIONS)
        key = tuple(sorted(short.items()))
        if not short or (len(self.narrowed) >= MAX_NARROWED_MODULES and key not in self.narrowed):
            return self
        with self.lock:
            if key not in self.narrowed:
                plan = narrowed(self.plan, short)
                module = render(plan, deterministic=self.target.deterministic)
                loaded = self.driver.module(self.driver.compile(module.source))
                self.narrowed[key] = Runner(plan, module, loaded, self.driver, self.target)
            return self.narrowed[key]

    def function(self, name: str) -> Kernel:
        """A kernel of the module."""
        return self.loaded.function(name)

    @computed_once
    def products(self) -> Image:
        """The module of our own matrix products, used if cuBLAS is not installed: a separate
        module, so that the plan compiles faster."""
        return self.driver.module(self.driver.compile('#include "pt_gemm.cuh"\n'))

    @computed_once
    def around_libraries(self) -> Image:
        """The module of the kernels that calls of NVIDIA's libraries need."""
        return self.driver.module(self.driver.compile(SOURCE))

    def __call__(self, arrays: Sequence[np.ndarray | None], sizes: Sequence[int]) -> int:
        """Run on flat host arrays, in the order of the plan's buffers; temporaries are None."""
        driver, plan = self.driver, self.plan
        sequence = self.sequence(sizes)
        values = {source.name: n for source, n in zip(plan.sizes, sizes, strict=True)}
        total, offsets = layout(plan, values)
        arena = driver.alloc(max(total, ALIGNMENT_BYTES))
        allocations, pointers = [], []
        for k, (buffer, array) in enumerate(zip(plan.buffers, arrays, strict=True)):
            if buffer.role == "temp":
                pointers.append(arena.address + offsets[k])
                continue
            memory = driver.alloc(max(array.nbytes, ALIGNMENT_BYTES))
            allocations.append(memory)
            pointers.append(memory.address)
            if buffer.role != "output" and array.nbytes:
                driver.upload(memory.address, np.ascontiguousarray(array))
        scratch = driver.alloc(sequence.scratch)
        driver.fill(scratch.address, 0, sequence.scratch)
        sequence.enqueue(pointers, scratch.address)
        for buffer, array, address in zip(plan.buffers, arrays, pointers, strict=True):
            if buffer.role == "output" and array.nbytes:
                driver.download(address, array)
        status = np.zeros(1, np.int32)
        if self.may_fail:
            driver.download(sequence.status_address(scratch.address), status)
        else:
            driver.synchronize()
        return int(status[0])


class Launches:
    """The launches of a call with given sizes, and their scratch memory:

    status (one aligned part), counters, partial folds, shared arrays. It must be zero at first;
    status and counters are zero again after each call.
    """

    def __init__(self, runner: Runner, sizes: tuple[int, ...]) -> None:
        self.runner = runner
        self.plan = runner.plan
        self.driver = runner.driver
        # Of a plan in stages, the number of the stage stands after the sizes.
        stage = sizes[-1] if self.plan.staged else 0
        self.sizes = sizes[: len(self.plan.sizes)]
        self.values = {s.name: n for s, n in zip(self.plan.sizes, self.sizes, strict=True)}
        self.counters = 1
        self.partial = self.room = 0
        self.steps: list[Work] = []
        for launch in runner.module.of_stage(self.plan, stage):
            self._add(launch)
        self._layout_memory()
        self._packed: tuple[tuple[int, ...], int, bytes] | None = None

    def _size(self, size: Size) -> int:
        return size_value(size, self.values)

    # Which launches.

    def _add(self, launch: Launch) -> None:
        if launch.call is not None and self._by_library(launch.call):
            return
        if launch.kind == "map":
            self._map(launch)
        elif launch.kind == "reduce":
            self._reduce(launch)
        elif launch.kind == "once":
            self._step(launch, "thread", 1)
        elif launch.kind == "group":
            self._in_order(launch)
        elif launch.kind == "routine":
            self._routine(launch)
        elif launch.kind == "host":
            kernel = HostKernel(self.plan, launch.host, self.sizes) if launch.host else None
            self.steps.append(kernel or launch.call)
        else:
            self._product(launch.call)

    def _by_library(self, call: Call) -> bool:
        """Add the call of a library, if one has the routine and these sizes are for it."""
        driver, runner = self.driver, self.runner
        found = library_call(self.plan, call, self.values, driver, lambda: runner.around_libraries)
        if found is not None:
            self.steps.append(found)
            self.room = max(self.room, found.room)
        return found is not None

    def _step(self, launch: Launch, kernel: str, grid: int, extra: bytes = b"") -> None:
        name, block = launch.kernels[kernel]
        function = self.runner.function(name)
        self.steps.append(KernelLaunch(function, grid, block, extra, launch.numbered))

    def _in_order(self, launch: Launch) -> None:
        work = max((self._size(n) for n in launch.inner), default=0)
        if not launch.each or (launch.kernels and work < STEP_MIN_WORK):
            group = group_for(work)
            self._step(launch, group if group in launch.kernels else next(iter(launch.kernels)), 1)
            return
        for first in launch.first:
            self._add(first)
        outer, self.steps = self.steps, []
        for each in launch.each:
            self._add(each)
        count = max(0, self._size(launch.extent))
        loop = StepLoop(launch.each[0].numbered[-1], count, tuple(self.steps))
        self.steps = [*outer, loop]

    @property
    def max_blocks(self) -> int:
        return MAX_BLOCKS_PER_MULTIPROCESSOR * self.driver.multiprocessors

    def _resident(self, kernel: tuple[str, int]) -> int:
        """Blocks of a kernel that are resident on the device. Launches with folds use no more: the
        remaining blocks would run after the first ones, on a mostly idle device."""
        name, block = kernel
        return self.runner.function(name).resident(block) * self.driver.multiprocessors

    def _map(self, launch: Launch) -> None:
        iterations = self._size(launch.iterations)
        if iterations <= 0 and not launch.slots:
            return
        inner = max((self._size(n) for n in launch.inner), default=1)
        group = self._group(launch, iterations, inner)
        block = launch.kernels[group][1]
        groups = {"thread": block, "warp": block // 32, "block": 1}[group]
        resident = self._resident(launch.kernels[group])
        max_grid = resident * (1 if launch.slots else MAP_BLOCKS_PER_RESIDENT)
        grid = max(1, min(-(-iterations // groups), max_grid))
        self._step(launch, group, grid)
        self.partial = max(self.partial, 8 * launch.slots * grid)

    def _group(self, launch: Launch, iterations: int, inner: int) -> str:
        staged = launch.staged and iterations >= THREADS * self.driver.multiprocessors
        if len(launch.kernels) == 1 or inner < WARP_MIN_TERMS or staged:
            return "thread"
        few = iterations < 4 * self.driver.multiprocessors
        if "block" in launch.kernels and (inner >= BLOCK_MIN_TERMS or (few and inner >= THREADS)):
            return "block"
        return "warp"

    def _reduce(self, launch: Launch) -> None:
        count, terms = self._size(launch.iterations), self._size(launch.inner[0])
        if count <= 0:
            return
        if launch.along:
            power = 1 << (max(terms // TERMS_PER_THREAD, 1).bit_length() - 1)
            width = min(THREADS, max(TERMS_PER_THREAD, power))
            outputs = THREADS // width
        else:
            outputs = min(32, 1 << max(0, (count - 1).bit_length()))
            width = THREADS // outputs
        tiles = -(-count // outputs)
        chunks = 1
        resident_blocks = self._resident(launch.kernels["thread"])
        if 2 * tiles <= resident_blocks and terms > 8 * width:
            chunks = min(resident_blocks // tiles, -(-terms // (8 * width)))
            self.counters = max(self.counters, tiles)
            self.partial = max(self.partial, 8 * launch.slots * chunks * count)
        stride = 1 if launch.along else outputs
        extra = struct.pack("4i", outputs, width, chunks, stride)
        self._step(launch, "thread", tiles * chunks, extra)

    def _routine(self, launch: Launch) -> None:
        items = self._size(launch.iterations)
        if items <= 0:
            return
        largest = max((self._size(n) for n in launch.inner), default=1)
        if "chunks" in launch.kernels and largest >= CUMSUM_MIN_CHUNKED and items < self.max_blocks:
            for stage in CHUNKED_STAGES["pt_cumsum"]:
                iterations = items if stage == "ends" else items * -(-largest // CUMSUM_CHUNK)
                self._step(launch, stage, min(iterations, self.max_blocks))
            return
        routine = launch.call.routine
        if too_long(routine, items, largest):
            self.steps.append(launch.call)
            return
        lanes = lanes_of(routine, items, self._size(launch.inner[-1]))
        if lanes:
            self._step(launch, "block", min(-(-lanes // THREADS), self.max_blocks))
            return
        group = "warp" if largest <= 32 else "block"
        groups = launch.kernels[group][1] // 32 if group == "warp" else 1
        grid = min(-(-items // groups), self.max_blocks)
        self._step(launch, group, grid)

    def _product(self, call: Call) -> None:
        position = {b.name: k for k, b in enumerate(self.plan.buffers)}
        dtype = GEMM[call.routine]
        size = 4 if dtype == "float32" else 8
        batch, m, n, k, first, second = map(self._size, call.numbers)
        if batch * m * n == 0:
            return
        splits = splits_of(dtype, batch, m, n, k, self.driver.multiprocessors)
        kernels: tuple[Kernel, ...] = ()
        if self.driver.blas is None:
            names = ("pt_gemm", "pt_gemm_split", "pt_gemm_join")
            products = self.runner.products
            kernels = tuple(products.function(f"{name}_{SUFFIX[dtype]}") for name in names)
            if splits > 1:
                self.partial = max(self.partial, size * splits * batch * m * n)
        self.steps.append(GemmCall(
            dtype,
            tuple(position[name] for name, _ in call.pointers),
            tuple(size * size_substitute(offset, self.values) for _, offset in call.pointers),
            batch, m, n, k, (bool(first), bool(second)), splits, kernels,
        ))  # fmt: skip

    # Memory.

    def _layout_memory(self) -> None:
        offset = ALIGNMENT_BYTES
        self.counters_offset = offset
        offset = _aligned(offset + 4 * self.counters)
        self.partial_offset = offset
        offset = _aligned(offset + self.partial)
        self.scratch_offsets = []
        for memory in self.runner.module.scratch:
            self.scratch_offsets.append(offset)
            width = dtype_of(memory.dtype).bytes
            offset = _aligned(offset + max(1, self._size(memory.count)) * width)
        self.room_offset = offset
        self.scratch = offset + _aligned(self.room)

    def status_address(self, scratch: int) -> int:
        """Address of the int32 status: 0, or 1 + the position in the plan's failures."""
        return scratch

    # Running.

    def enqueue(
        self, pointers: Sequence[int], scratch: int, stream: LaunchQueue | None = None
    ) -> None:
        """Queue all launches. `pointers` are device addresses in the order of the plan's buffers,
        `scratch` that of this sequence's scratch memory."""
        key = tuple(pointers)
        cached = self._packed
        if cached is not None and cached[0] == key and cached[1] == scratch:
            packed = cached[2]
        else:
            packed = self._arguments(key, scratch)
            self._packed = (key, scratch, packed)
        driver = self.driver
        if self.runner.may_fail:
            driver.fill(scratch, 0, 4, stream)
        for step in self.steps:
            self._queue(step, {}, Arguments(key, scratch, packed), stream)

    def _queue(
        self,
        step: Work,
        numbers: dict[str, int],
        given: Arguments,
        stream: LaunchQueue | None,
    ) -> None:
        """Queue work in the steps `numbers` of the loops in order around it."""
        match step:
            case KernelLaunch():
                steps = struct.pack(f"{len(step.numbered)}q", *(numbers[v] for v in step.numbered))
                packed = given.packed + steps + step.extra
                self.driver.launch(step.function, step.grid, step.block, 0, packed, stream)
            case Call():
                values = {**self.values, **numbers}
                call = host_call(
                    self.plan, step, lambda size: size_value(size, values), bool(numbers)
                )
                call.run(self.driver, given.pointers, stream)
            case LibraryCall():
                room = given.scratch + self.room_offset
                step.run(given.pointers, numbers, room, stream)
            case HostKernel():
                status = self.status_address(given.scratch)
                step.run(self.driver, given.pointers, status, stream)
            case StepLoop():
                for number in range(step.count):
                    numbers[step.var] = number
                    for each in step.each:
                        self._queue(each, numbers, given, stream)
                numbers.pop(step.var, None)
            case _:
                self._multiply(step, numbers, given, stream)

    @computed_once
    def may_be_captured(self) -> bool:
        """Whether it is launched as a graph: nothing of it runs on the host or in a library, of
        which some wait for the device, and it has no more launches than a graph should have
        nodes."""
        apart = (Call, HostKernel, LibraryCall)
        captured = not any(each_of(self.steps, lambda step, count: isinstance(step, apart)))
        return captured and self.launches <= MAX_GRAPH_LAUNCHES

    def _arguments(self, pointers: tuple[int, ...], scratch: int) -> bytes:
        """The bytes of `pt_args`."""
        shared = [scratch + offset for offset in self.scratch_offsets] or [0]
        aligned = all(address % 16 == 0 for address in pointers)
        # An empty array may have address 0; after a failed index check its first element is read.
        pointers = tuple(address or scratch for address in pointers)
        layout = arguments(len(pointers), len(self.sizes), len(self.scratch_offsets))
        return layout.pack({
            "b": pointers or (0,), "n": self.sizes or (0,), "s": shared,
            "partial": scratch + self.partial_offset, "counters": scratch + self.counters_offset,
            "status": scratch, "aligned": int(aligned),
        })  # fmt: skip

    def _multiply(
        self,
        product: GemmCall,
        numbers: dict[str, int],
        given: Arguments,
        stream: LaunchQueue | None,
    ) -> None:
        a, b, c = (
            given.pointers[k] + size_value(offset, numbers)
            for k, offset in zip(product.buffers, product.offsets, strict=True)
        )
        p = product
        blas = self.driver.blas
        if blas is not None:
            blas.gemm(p.dtype, p.batch, p.m, p.n, p.k, a, b, c, *p.transposed, stream=stream,
                      tf32=self.runner.target.tf32)  # fmt: skip
            return
        parts = given.scratch + self.partial_offset
        launch_product(self.driver, p, (a, b, c), parts, self.max_blocks, stream)

    @computed_once
    def launches(self) -> int:
        """The number of launches of a call."""
        return sum(each_of(self.steps, lambda step, count: count))


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
