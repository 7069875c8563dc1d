"""Many chains on the device, from settings to draws.

The device runs iterations in batches of a few launches; between two batches the host checks for
Ctrl-C and, if progress is shown, reads the chains' counters. Nothing else is copied while the
chains run. Draws stay on the device and are copied to the host at the end, or whenever they fill
four fifths of the device's free memory. The length of a batch does not change the draws.

Random numbers are the Philox streams of the CPU's chains under the same keys, but numbered by
iteration, and momenta are made by inversion. So start points are those of the CPU, draws are not.

From 128 chains on, chains share start points in groups, the superchains of nested R-hat (Margossian
et al. 2024): 64 groups are enough to see whether the draws still depend on the start.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.sample.device.chains import Chains, DevicePosterior, chains_of
from probtensor.sample.diagnostics.measures import superchain_size
from probtensor.sample.errors import SamplingError
from probtensor.sample.kernels.nuts import Traces, explain
from probtensor.sample.runs.interrupts import Interrupts
from probtensor.sample.runs.output import load_arviz
from probtensor.sample.runs.progress import Callback, Watcher
from probtensor.sample.runs.start import Start
from probtensor.sample.settings import Settings

FIRST_BATCH = 16
BATCH_SECONDS = 0.25  # between two checks for Ctrl-C
MOST_GROWTH = 4.0
WATCH_SECONDS = 0.1


@dataclass
class Counters:
    """The progress of a chain when the host last read it."""

    draws: int = 0
    divergences: int = 0
    gradients: int = 0
    step_size: float = 0.0


class DeviceRun:
    """A `Run` on the device.

    SamplingError if a chain finds no start point or one draw of every chain does not fit in the
    device's memory; from `go`, if a chain fails. `threads`, the host's, is not used.
    """

    supports_pooling = True

    def __init__(
        self, posterior: DevicePosterior, settings: Settings, threads: int, seed: int,
        given: Sequence[Start], progress: bool | Callback,
    ) -> None:  # fmt: skip
        chains = len(given)
        points = np.ascontiguousarray(given) if isinstance(given[0], np.ndarray) else None
        self.preparing = threading.Thread(target=_load_output, daemon=True)
        self.preparing.start()
        self.settings = settings
        self.device_chains = chains_of(posterior, settings, chains, seed, superchain_size(chains))
        self.device = self.device_chains.driver.name
        self.device_chains.start(points)
        self.traces = _empty_traces(settings, self.device_chains)
        self.reached = [0] * chains  # iterations done by each chain
        self.stored = 0  # iterations up to here are in the traces, if the chain did them
        self.counters = [Counters() for _ in range(chains)]
        self.watcher = Watcher(self.counters, settings.tune, settings.iterations, progress)
        self.watch = None if progress is False else self._watching()

    def go(self, interrupts: Interrupts) -> None:
        """See `Run`."""
        with self.watcher.open(interrupts):
            self._advance(interrupts)
            self._store()
            self._check()

    def prepare(self) -> None:
        """See `Run`."""
        self.preparing.join()

    def done(self) -> list[int]:
        """See `Run`."""
        return [min(reached, self.stored) for reached in self.reached]

    def rescue(self) -> None:
        """See `Run`. If the device fails, the traces have what was copied before."""
        with contextlib.suppress(Exception):
            self._store()

    def stop(self) -> None:
        """Nothing to do: the loop checks the interrupts between two batches."""

    def _advance(self, interrupts: Interrupts) -> None:
        """Iterations in batches, to the end or to Ctrl-C."""
        device_chains, batch, last = self.device_chains, FIRST_BATCH, self.settings.iterations
        device_chains.open_window(last - self.settings.kept)
        while device_chains.done < last and not interrupts.presses:
            began = time.perf_counter()
            try:
                device_chains.advance(min(device_chains.done + batch, device_chains.window[-1] + 1))
                device_chains.wait()
                if self.watch is not None:
                    self.watch()
            except KeyboardInterrupt:
                if interrupts.press():
                    raise
                return
            spent = time.perf_counter() - began
            batch = max(1, int(batch * min(MOST_GROWTH, BATCH_SECONDS / max(spent, 1e-6))))
            if device_chains.window[-1] + 1 == device_chains.done < last:
                self._store()
                device_chains.open_window(device_chains.done)

    def _store(self) -> None:
        """Copy the window into the traces."""
        device_chains = self.device_chains
        if not device_chains.window:
            return
        device_chains.wait()
        states = device_chains.read_states()
        reached = states["done"].tolist()
        length = min(max(reached), device_chains.window.stop) - device_chains.window.start
        if length > 0:
            device_chains.collect(self.traces, length)
        self.reached, self.stored = reached, device_chains.window.start + max(0, length)
        self.states = states
        _count(states, self.counters)

    def _check(self) -> None:
        """SamplingError if a chain failed; else copy the metric into the traces."""
        failed = np.flatnonzero(self.states["status"])
        if failed.size:
            chain = int(failed[0])
            state = self.states[chain]
            status, done, code = (int(state[name]) for name in ("status", "done", "code"))
            raise SamplingError(explain(status, chain, done, code))
        self.traces.inverse_mass[...] = self.device_chains.read_inverse_mass()

    def _watching(self) -> Callable[[], None]:
        """A function that reads the chains' counters and shows them, at most ten times a second."""
        looked = time.perf_counter()

        def watch() -> None:
            nonlocal looked
            now = time.perf_counter()
            if now - looked >= WATCH_SECONDS:
                looked = now
                _count(self.device_chains.read_states(), self.counters)
                self.watcher.update()

        return watch


def _load_output() -> None:
    """Import ArviZ while the device compiles. A failure shows again when the output is built."""
    with contextlib.suppress(Exception):
        load_arviz()


def _empty_traces(settings: Settings, device_chains: Chains) -> Traces:
    shape = (device_chains.chains, settings.kept, device_chains.dim)
    return Traces(
        draws=np.empty(shape),
        records=np.empty(shape[:2], device_chains.record),
        divergence_starts=np.empty(shape) if settings.keep_divergences else None,
        inverse_mass=np.empty((device_chains.chains, device_chains.dim)),
    )


def _count(states: np.ndarray, counters: list[Counters]) -> None:
    columns = [states[name].tolist() for name in ("done", "divergences", "gradients", "step_size")]
    for one, values in zip(counters, zip(*columns, strict=True), strict=True):
        one.draws, one.divergences, one.gradients, one.step_size = values
