"""Chains that live on the device: their memory, and the launches that move them.

Memory of a chain of n coordinates, beside its draws: 11 vectors and 104 bytes of state; 2 vectors
where a warp or a block runs it; its workspace, as the posterior says. ChEES adds 2 vectors for each
chain that its learning watches. A kept iteration takes n * 8 bytes and a record of 72 (NUTS) or
56 (ChEES).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from probtensor.device import Graph, Image, Kernel, Memory, driver
from probtensor.sample.adaptation.schedule import warmup_schedule
from probtensor.sample.device import layout
from probtensor.sample.errors import SamplingError
from probtensor.sample.kernels.nuts import Traces, explain
from probtensor.sample.runs.start import ATTEMPTS, hopeless
from probtensor.sample.settings import METRICS, Chees, Settings

DEPTH_COMPILED = 10  # fewer heights would be another text to compile, and save little
SHARE_OF_MEMORY = 0.8
FEWEST_WATCHED, WATCHED_VALUES = 256, 1 << 16
LESSONS = 32  # PT_LESSONS of pt_nuts.cuh
LEARNERS = 1024  # PT_LEARNERS of pt_pool.cuh


class Program(Protocol):
    """The loaded module of a density and a sampler's kernels."""

    module: Image
    group: str

    @property
    def threads(self) -> int:
        """Threads that go through the density for one chain."""


class DeviceDensity(Protocol):
    """A log density as device code for many chains at once, with a sampler's kernels behind it.

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
    """The text that follows the density's: the sampler's kernels."""
    if isinstance(settings, Chees):
        return f'#include "pt_chees.cuh"\n{layout.asserted(layout.CHEES_SIZES)}'
    deepest = max(DEPTH_COMPILED, settings.max_treedepth)
    return (
        f'#define PT_MAX_DEPTH {deepest}\n#include "pt_nuts.cuh"\n'
        f"{layout.asserted(layout.NUTS_SIZES)}"
    )


class Chains:
    """All chains of a run. Iterations are done by `advance`, which copies nothing.

    Draws and records are kept for a window of iterations at a time, as long as the device's memory
    allows: all of them, nearly always. `collect` brings a window into the host's arrays.
    """

    record = layout.NUTS_RECORD

    def __init__(
        self, posterior: DevicePosterior, settings: Settings, chains: int, seed: int, sharing: int
    ) -> None:
        self.posterior = posterior
        self.settings = settings
        self.chains = chains
        self.dim = posterior.dim
        self.driver = driver()
        self.many = posterior.device_code(text_of(settings))
        self.stream = self.driver.stream(non_blocking=True)
        self.functions: dict[str, Kernel] = {}
        self.done = 0
        self.window = range(0, 0)
        alone = self.many.program.group == "thread"
        self.kept = self._alloc(chains * layout.KEPT_VECTORS * self.dim * 8)
        self.states = self._alloc(chains * layout.STATE.itemsize)
        self.work = self._alloc(chains * self.many.work_bytes)
        self.exchange = None if alone else self._alloc(chains * 2 * self.dim * 8)
        self.schedule = self._alloc(settings.tune)
        self.fields = self._constant_fields(seed, sharing)

    def _alloc(self, nbytes: int) -> Memory:
        return self.driver.alloc(max(1, nbytes))

    def _constant_fields(self, seed: int, sharing: int) -> dict[str, float]:
        settings = self.settings
        early = min(settings.early_max_treedepth, settings.max_treedepth)
        return {
            "kept": self.kept.address,
            "states": self.states.address,
            "work": self.work.address,
            "exchange": self.exchange.address if self.exchange else 0,
            "schedule": self.schedule.address,
            "seed": seed,
            "work_bytes": self.many.work_bytes,
            "target_accept": settings.target_accept,
            "max_error": settings.max_energy_error,
            "chains": self.chains,
            "tune": settings.tune,
            "max_depth": self._limit(settings.max_treedepth),
            "early_depth": self._limit(early),
            "early": settings.early,
            "with_gradients": METRICS[settings.metric] == METRICS["diag_grad"],
            "attempts": ATTEMPTS,
            "sharing": sharing,
        }

    def _limit(self, depth: int) -> int:
        return depth

    # The start.

    def start(self, given: np.ndarray | None) -> None:
        """Find where each chain starts: given, float64[chains, dim], or None for attempts of its
        own. SamplingError where a chain finds no place."""
        points = None if given is None else self._alloc(given.nbytes)
        if points is not None:
            self.driver.upload(points.address, given, self.stream)
        self.driver.upload(
            self.schedule.address, warmup_schedule(self.settings.tune), self.stream
        )
        self.driver.fill(self.states.address, 0, self.states.nbytes, self.stream)
        address = points.address if points is not None else 0
        self._launch("pt_start", self._packed(given=address))
        states = self.read_states()
        failed = np.flatnonzero(states["status"])
        if failed.size:
            raise SamplingError(self._why_not(int(failed[0]), states, given is not None))

    def _why_not(self, chain: int, states: np.ndarray, given: bool) -> str:
        state = states[chain]
        if state["status"] != layout.NO_START:
            return explain(int(state["status"]), chain, int(state["done"]), int(state["code"]))
        vectors = np.empty((layout.KEPT_VECTORS, self.dim))
        self.driver.download(self.kept.address + chain * vectors.nbytes, vectors, self.stream)
        self.driver.synchronize(self.stream)
        return hopeless(
            self.posterior,
            vectors[layout.POSITION],
            float(state["logp"]),
            vectors[layout.GRADIENT],
            chain,
            1 if given else ATTEMPTS,
        )

    # The draws.

    def open_window(self, first: int) -> None:
        """Make room for the draws from iteration `first` on: as many as fit."""
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
        rows = int(SHARE_OF_MEMORY * free) // nbytes
        if rows < 1:
            raise SamplingError(
                f"one draw of {self.chains} chains takes {nbytes} bytes, and the device has "
                f"{free} left\nrun fewer chains"
            )
        return rows

    def collect(self, traces: Traces, length: int) -> None:
        """Bring the first `length` iterations of the window into the host's arrays."""
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

    # Moving on.

    def advance(self, stop: int) -> None:
        """Queue what brings every chain to iteration `stop`."""
        self._launch("pt_nuts", self._packed(stop=stop), self._together(first=self.done))
        self.done = stop

    def _together(self, **fields: int) -> bytes:
        """Where what all chains learn together is: nowhere."""
        return layout.packed(layout.TOGETHER, fields)

    def wait(self) -> None:
        """Until all that was queued is done."""
        self.driver.synchronize(self.stream)

    def read_states(self) -> np.ndarray:
        """STATE[chains], now."""
        states = np.empty(self.chains, layout.STATE)
        self.driver.download(self.states.address, states, self.stream)
        self.driver.synchronize(self.stream)
        return states

    def read_inverse_mass(self) -> np.ndarray:
        """float64[chains, dim], the metric in use."""
        kept = np.empty((self.chains, layout.KEPT_VECTORS, self.dim))
        self.driver.download(self.kept.address, kept, self.stream)
        self.driver.synchronize(self.stream)
        return kept[:, layout.INVERSE_MASS]

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
        """A kernel over all chains, in small blocks: one gives way when its last chain is done."""
        program = self.many.program
        threads = self.chains * program.threads
        small = 32 if threads <= 64 * self.driver.multiprocessors else 64
        block = max(program.threads, small)
        grid = -(-threads // block)
        packed = b"".join([self.many.data, *parameters])
        self.driver.launch(self._function(kernel), grid, block, 0, packed, self.stream)

    def _function(self, kernel: str) -> Kernel:
        if kernel not in self.functions:
            self.functions[kernel] = self.many.program.module.function(kernel)
        return self.functions[kernel]


class PooledChains(Chains):
    """Chains of NUTS that learn one metric and one step size together. The warm-up is launches of
    a graph: the chains' moves up to a lesson, and the lesson."""

    move, learn = "pt_nuts", "pt_nuts_learn"

    def __init__(
        self, posterior: DevicePosterior, settings: Settings, chains: int, seed: int, sharing: int
    ) -> None:
        super().__init__(posterior, settings, chains, seed, sharing)
        self.watched = min(chains, max(FEWEST_WATCHED, WATCHED_VALUES // self.dim))
        self.common = self._alloc(layout.COMMON.itemsize)
        self.vectors = self._alloc(layout.COMMON_VECTORS * self.dim * 8)
        self.weights = self._alloc(self.watched * 2 * 8)
        self.graph: Graph | None = None
        self.learned = 0

    def _together(self, **fields: int) -> bytes:
        places = {
            "common": self.common.address,
            "vectors": self.vectors.address,
            "weights": self.weights.address,
            "watched": self.watched,
        }
        return layout.packed(layout.TOGETHER, {**places, **fields})

    def start(self, given: np.ndarray | None) -> None:
        super().start(given)
        self._by_one_block("pt_open", self._together())

    def _by_one_block(self, kernel: str, together: bytes) -> None:
        packed = self._packed() + together
        self.driver.launch(self._function(kernel), 1, LEARNERS, 0, packed, self.stream)

    def open_window(self, first: int) -> None:
        super().open_window(first)
        self.graph = None

    def advance(self, stop: int) -> None:
        while self.done < stop:
            lesson = self._next_lesson()
            if self.done == self.learned and lesson <= stop and lesson <= self.settings.tune:
                self._captured().launch(self.stream)
                self.done = self.learned = lesson
            else:
                self._advance_by_hand(stop, lesson)

    def _advance_by_hand(self, stop: int, lesson: int) -> None:
        """To `stop`, or to a lesson that comes before it, where that is not all of a graph."""
        end = stop if self.done >= self.settings.tune else min(stop, lesson)
        together = self._together(first=self.done, count=end - self.done)
        self._launch(self.move, self._packed(stop=end), together)
        self.done = end
        if end == lesson and end <= self.settings.tune:
            self._by_one_block(self.learn, together)
            self.learned = end

    def _next_lesson(self) -> int:
        """The iteration after which the chains learn next: pt_next_lesson of pt_nuts.cuh."""
        if self.learned >= self.settings.tune:
            return self.settings.iterations + 1
        return min(self.settings.tune, self.learned + max(1, self.learned // LESSONS))

    def _captured(self) -> Graph:
        if self.graph is None:
            for kernel in (self.move, self.learn):
                self._function(kernel)  # nothing may be loaded while a stream is captured
            together = self._together(first=-1, count=1)
            with self.driver.capture(self.stream) as self.graph:
                self._launch(self.move, self._packed(), together)
                self._by_one_block(self.learn, together)
        return self.graph


class CheesChains(PooledChains):
    """Chains that moreover all take the same number of steps."""

    record = layout.CHEES_RECORD
    move, learn = "pt_chees_move", "pt_chees_learn"

    def __init__(
        self, posterior: DevicePosterior, settings: Settings, chains: int, seed: int, sharing: int
    ) -> None:
        super().__init__(posterior, settings, chains, seed, sharing)
        self.proposals = self._alloc(self.watched * 2 * self.dim * 8)

    def _limit(self, depth: int) -> int:
        return 2**depth - 1

    def _next_lesson(self) -> int:
        return self.learned + 1

    def _together(self, **fields: int) -> bytes:
        return super()._together(proposals=self.proposals.address, **fields)


def chains_of(
    posterior: DevicePosterior, settings: Settings, chains: int, seed: int, sharing: int
) -> Chains:
    """Chains of the kind that the settings ask for."""
    if isinstance(settings, Chees):
        kind = CheesChains
    else:
        kind = PooledChains if settings.pooled else Chains
    return kind(posterior, settings, chains, seed, sharing)
