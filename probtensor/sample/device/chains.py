"""Chains whose state stays in device memory, and the kernel launches that advance them.

Memory of a chain of n coordinates, besides its draws: 11 vectors and 104 bytes of state; 2 vectors
shared by the lanes of a warp or block, if one of these runs the chain; the workspace of the
density. ChEES adds 2 vectors for each chain that its adaptation uses. A kept iteration takes n * 8
bytes and a record of 72 (NUTS) or 56 (ChEES).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from probtensor.device import Graph, Image, Kernel, Memory, driver
from probtensor.sample.adaptation.schedule import warmup_schedule
from probtensor.sample.device import layout
from probtensor.sample.errors import SamplingError
from probtensor.sample.kernels.nuts import Traces, explain
from probtensor.sample.runs.start import ATTEMPTS, start_failure_message
from probtensor.sample.settings import METRICS, Chees, Settings

MIN_COMPILED_DEPTH = 10  # one module serves all smaller depths; a smaller one would save little
MEMORY_FRACTION = 0.8  # of the device's free memory, for draws
MIN_ADAPTATION_CHAINS, ADAPTATION_VALUES = 256, 1 << 16
ADAPTATIONS_PER_DOUBLING = 32  # of the iterations done: steps of the pooled adaptation of NUTS
ADAPTATION_THREADS = 1024  # of the one block that runs an adaptation step


class Program(Protocol):
    """The loaded module of a density and a sampler's kernels."""

    module: Image
    group: str

    @property
    def threads(self) -> int:
        """Threads that evaluate the density of one chain together."""


class DeviceDensity(Protocol):
    """A log density as device code for many chains at once, compiled with a sampler's kernels.

    data        the packed `pt_data`, the first parameter of every kernel
    work_bytes  workspace that each chain needs, 16-byte aligned
    """

    program: Program
    data: bytes
    work_bytes: int


class DevicePosterior(Protocol):
    """What the chains need of a posterior on a device."""

    on_device: bool

    @property
    def dim(self) -> int:
        """The number of unconstrained coordinates."""

    def device_code(self, tail: str) -> DeviceDensity:
        """The density as device code, followed by the text `tail`."""


def text_of(settings: Settings) -> str:
    """The source of the sampler's kernels, which follows that of the density. Constants that host
    and kernels share are defined here."""
    defines = {"PT_ADAPTATION_THREADS": ADAPTATION_THREADS}
    header, sizes = "pt_chees.cuh", layout.CHEES_SIZES
    if not isinstance(settings, Chees):
        header, sizes = "pt_nuts.cuh", layout.NUTS_SIZES
        defines["PT_MAX_DEPTH"] = max(MIN_COMPILED_DEPTH, settings.max_treedepth)
        defines["PT_ADAPTATIONS_PER_DOUBLING"] = ADAPTATIONS_PER_DOUBLING
    lines = [f"#define {name} {value}\n" for name, value in defines.items()]
    return "".join([*lines, f'#include "{header}"\n', layout.asserted(sizes)])


class Chains:
    """All chains of a run. `advance` runs iterations and copies nothing to the host.

    Draws and records are stored on the device for a window of iterations, as many as its memory
    allows: nearly always all of them. `collect` copies a window into the host's arrays.
    """

    record = layout.NUTS_RECORD

    def __init__(
        self,
        posterior: DevicePosterior,
        settings: Settings,
        chains: int,
        seed: int,
        superchain_size: int,
    ) -> None:
        self.posterior = posterior
        self.settings = settings
        self.chains = chains
        self.dim = posterior.dim
        self.driver = driver()
        self.density = posterior.device_code(text_of(settings))
        self.stream = self.driver.stream(non_blocking=True)
        self.functions: dict[str, Kernel] = {}
        self.done = 0
        self.window = range(0, 0)
        one_thread = self.density.program.group == "thread"
        self.chain_vectors = self._alloc(chains * layout.CHAIN_VECTORS * self.dim * 8)
        self.states = self._alloc(chains * layout.STATE.itemsize)
        self.work = self._alloc(chains * self.density.work_bytes)
        self.shared_vectors = None if one_thread else self._alloc(chains * 2 * self.dim * 8)
        self.schedule = self._alloc(settings.tune)
        self.fields = self._constant_fields(seed, superchain_size)

    def _alloc(self, nbytes: int) -> Memory:
        return self.driver.alloc(max(1, nbytes))

    def _constant_fields(self, seed: int, superchain_size: int) -> dict[str, float]:
        settings = self.settings
        early = min(settings.early_max_treedepth, settings.max_treedepth)
        return {
            "chain_vectors": self.chain_vectors.address,
            "states": self.states.address,
            "work": self.work.address,
            "shared_vectors": self.shared_vectors.address if self.shared_vectors else 0,
            "schedule": self.schedule.address,
            "seed": seed,
            "work_bytes": self.density.work_bytes,
            "target_accept": settings.target_accept,
            "max_error": settings.max_energy_error,
            "chains": self.chains,
            "tune": settings.tune,
            "max_depth": self._limit(settings.max_treedepth),
            "early_depth": self._limit(early),
            "early": settings.early,
            "with_gradients": METRICS[settings.metric] == METRICS["diag_grad"],
            "attempts": ATTEMPTS,
            "superchain_size": superchain_size,
        }

    def _limit(self, depth: int) -> int:
        return depth

    # Start points.

    def start(self, given: np.ndarray | None) -> None:
        """Find the start point of each chain: `given`, float64[chains, dim], or None for random
        attempts. SamplingError if no attempt of a chain has a finite density and gradient."""
        points = None if given is None else self._alloc(given.nbytes)
        if points is not None:
            self.driver.upload(points.address, given, self.stream)
        self.driver.upload(self.schedule.address, warmup_schedule(self.settings.tune), self.stream)
        self.driver.fill(self.states.address, 0, self.states.nbytes, self.stream)
        address = points.address if points is not None else 0
        self._launch("pt_start", self._packed(given=address))
        states = self.read_states()
        failed = np.flatnonzero(states["status"])
        if failed.size:
            raise SamplingError(self._start_failure(int(failed[0]), states, given is not None))

    def _start_failure(self, chain: int, states: np.ndarray, given: bool) -> str:
        state = states[chain]
        if state["status"] != layout.NO_START:
            return explain(int(state["status"]), chain, int(state["done"]), int(state["code"]))
        vectors = np.empty((layout.CHAIN_VECTORS, self.dim))
        self.driver.download(
            self.chain_vectors.address + chain * vectors.nbytes, vectors, self.stream
        )
        self.driver.synchronize(self.stream)
        return start_failure_message(
            self.posterior,
            vectors[layout.POSITION],
            float(state["logp"]),
            vectors[layout.GRADIENT],
            chain,
            1 if given else ATTEMPTS,
        )

    # Draws.

    def open_window(self, first: int) -> None:
        """Reserve memory for the draws from iteration `first` on: as many as fit."""
        wanted = self.settings.iterations - first
        if not self.window:
            most = self._most_rows(self._bytes_of_row())
            rows = min(wanted, most)
            self.draws = self._alloc(self.chains * rows * self.dim * 8)
            self.records = self._alloc(self.chains * rows * self.record.itemsize)
            keeping = self.settings.keep_divergences
            self.diverged = self._alloc(self.draws.nbytes) if keeping else None
        else:
            rows = min(wanted, len(self.window))
        self.window = range(first, first + rows)

    def _bytes_of_row(self) -> int:
        vectors = 2 if self.settings.keep_divergences else 1
        return self.chains * (vectors * self.dim * 8 + self.record.itemsize)

    def _most_rows(self, nbytes: int) -> int:
        free = self.driver.memory()[0]
        rows = int(MEMORY_FRACTION * free) // nbytes
        if rows < 1:
            raise SamplingError(
                f"one draw of {self.chains} chains takes {nbytes} bytes, and the device has "
                f"{free} left\nrun fewer chains"
            )
        return rows

    def collect(self, traces: Traces, length: int) -> None:
        """Copy the first `length` iterations of the window into the host's arrays."""
        skipped = self.settings.iterations - self.settings.kept
        part = slice(self.window[0] - skipped, self.window[0] - skipped + length)
        self._download(self.draws, traces.draws, part)
        self._download(self.records, traces.records, part)
        if self.diverged is not None:
            self._download(self.diverged, traces.divergence_starts, part)

    def _download(self, allocation: Memory, array: np.ndarray, part: slice) -> None:
        shape = (self.chains, len(self.window), *array.shape[2:])
        whole = shape == array.shape
        block = array if whole else np.empty(shape, array.dtype)
        self.driver.download(allocation.address, block, self.stream)
        self.driver.synchronize(self.stream)
        if not whole:
            array[:, part] = block[:, : part.stop - part.start]

    # Iterations.

    def advance(self, stop: int) -> None:
        """Queue the launches that bring every chain to iteration `stop`."""
        self._launch("pt_nuts", self._packed(stop=stop), self._packed_pool(first=self.done))
        self.done = stop

    def _packed_pool(self, **fields: int) -> bytes:
        """The structure `pt_pool`; all null, since these chains adapt separately."""
        return layout.packed(layout.POOL, fields)

    def wait(self) -> None:
        """Wait until all queued work is done."""
        self.driver.synchronize(self.stream)

    def read_states(self) -> np.ndarray:
        """The current STATE[chains]."""
        states = np.empty(self.chains, layout.STATE)
        self.driver.download(self.states.address, states, self.stream)
        self.driver.synchronize(self.stream)
        return states

    def read_inverse_mass(self) -> np.ndarray:
        """float64[chains, dim], the metric in use."""
        vectors = np.empty((self.chains, layout.CHAIN_VECTORS, self.dim))
        self.driver.download(self.chain_vectors.address, vectors, self.stream)
        self.driver.synchronize(self.stream)
        return vectors[:, layout.INVERSE_MASS]

    def _packed(self, **fields: int) -> bytes:
        rows = {}
        if self.window:
            rows = {
                "draws": self.draws.address,
                "records": self.records.address,
                "divergence_starts": self.diverged.address if self.diverged else 0,
                "first_row": self.window[0],
                "rows": len(self.window),
            }
        return layout.packed(layout.RUN, {**self.fields, **rows, **fields})

    def _launch(self, kernel: str, *parameters: bytes) -> None:
        """Launch a kernel over all chains. Blocks are small, because a block occupies its
        multiprocessor until the last of its chains is done."""
        program = self.density.program
        threads = self.chains * program.threads
        small = 32 if threads <= 64 * self.driver.multiprocessors else 64
        block = max(program.threads, small)
        grid = -(-threads // block)
        packed = b"".join([self.density.data, *parameters])
        self.driver.launch(self._function(kernel), grid, block, 0, packed, self.stream)

    def _function(self, kernel: str) -> Kernel:
        if kernel not in self.functions:
            self.functions[kernel] = self.density.program.module.function(kernel)
        return self.functions[kernel]


class PooledChains(Chains):
    """Chains of NUTS that adapt one pooled metric and step size. In the warm-up a CUDA graph of
    two kernels is launched for each adaptation step: all chains' iterations up to that step, and
    the step itself."""

    transition_kernel, adaptation_kernel = "pt_nuts", "pt_nuts_adapt"

    def __init__(
        self,
        posterior: DevicePosterior,
        settings: Settings,
        chains: int,
        seed: int,
        superchain_size: int,
    ) -> None:
        super().__init__(posterior, settings, chains, seed, superchain_size)
        self.adaptation_chains = min(
            chains, max(MIN_ADAPTATION_CHAINS, ADAPTATION_VALUES // self.dim)
        )
        self.pooled = self._alloc(layout.POOLED_STATE.itemsize)
        self.vectors = self._alloc(layout.POOLED_VECTORS * self.dim * 8)
        self.weights = self._alloc(self.adaptation_chains * 2 * 8)
        self.graph: Graph | None = None
        self.adapted = 0

    def _packed_pool(self, **fields: int) -> bytes:
        addresses = {
            "pooled": self.pooled.address,
            "vectors": self.vectors.address,
            "weights": self.weights.address,
            "adaptation_chains": self.adaptation_chains,
        }
        return layout.packed(layout.POOL, {**addresses, **fields})

    def start(self, given: np.ndarray | None) -> None:
        super().start(given)
        self._launch_one_block("pt_pool_start", self._packed_pool())

    def _launch_one_block(self, kernel: str, pool: bytes) -> None:
        packed = self._packed() + pool
        self.driver.launch(self._function(kernel), 1, ADAPTATION_THREADS, 0, packed, self.stream)

    def open_window(self, first: int) -> None:
        super().open_window(first)
        self.graph = None

    def advance(self, stop: int) -> None:
        while self.done < stop:
            step = self._next_adaptation()
            if self.done == self.adapted and step <= stop and step <= self.settings.tune:
                self._adaptation_graph().launch(self.stream)
                self.done = self.adapted = step
            else:
                self._advance_without_graph(stop, step)

    def _advance_without_graph(self, stop: int, step: int) -> None:
        """Launch the kernels one by one, to the earlier of `stop` and the next adaptation step:
        for a stop between two steps, and after the warm-up."""
        end = stop if self.done >= self.settings.tune else min(stop, step)
        pool = self._packed_pool(first=self.done, count=end - self.done)
        self._launch(self.transition_kernel, self._packed(stop=end), pool)
        self.done = end
        if end == step and end <= self.settings.tune:
            self._launch_one_block(self.adaptation_kernel, pool)
            self.adapted = end

    def _next_adaptation(self) -> int:
        """The iteration after which the next adaptation step comes, as pt_next_adaptation of
        pt_nuts.cuh computes it."""
        if self.adapted >= self.settings.tune:
            return self.settings.iterations + 1
        return min(
            self.settings.tune, self.adapted + max(1, self.adapted // ADAPTATIONS_PER_DOUBLING)
        )

    def _adaptation_graph(self) -> Graph:
        if self.graph is None:
            for kernel in (self.transition_kernel, self.adaptation_kernel):
                self._function(kernel)  # no module may be loaded while a stream is captured
            pool = self._packed_pool(first=-1, count=1)
            with self.driver.capture(self.stream) as self.graph:
                self._launch(self.transition_kernel, self._packed(), pool)
                self._launch_one_block(self.adaptation_kernel, pool)
        return self.graph


class CheesChains(PooledChains):
    """Pooled chains of ChEES-HMC, which all take the same number of leapfrog steps."""

    record = layout.CHEES_RECORD
    transition_kernel, adaptation_kernel = "pt_chees_move", "pt_chees_adapt"

    def __init__(
        self,
        posterior: DevicePosterior,
        settings: Settings,
        chains: int,
        seed: int,
        superchain_size: int,
    ) -> None:
        super().__init__(posterior, settings, chains, seed, superchain_size)
        self.proposals = self._alloc(self.adaptation_chains * 2 * self.dim * 8)

    def _limit(self, depth: int) -> int:
        return 2**depth - 1

    def _next_adaptation(self) -> int:
        return self.adapted + 1

    def _packed_pool(self, **fields: int) -> bytes:
        return super()._packed_pool(proposals=self.proposals.address, **fields)


def chains_of(
    posterior: DevicePosterior, settings: Settings, chains: int, seed: int, superchain_size: int
) -> Chains:
    """The chains of a run, of the class that the settings ask for."""
    if isinstance(settings, Chees):
        kind = CheesChains
    else:
        kind = PooledChains if settings.pooled else Chains
    return kind(posterior, settings, chains, seed, superchain_size)
