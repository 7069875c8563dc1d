"""Many chains on the device, from settings to what they drew.

The device does iterations in batches, each a few launches; between two batches the host looks for
Ctrl-C and, where somebody watches, reads the chains' counters. Nothing else is copied while the
chains run. Draws stay on the device and come to the host at the end, or whenever four fifths of the
device's free memory are full of them. How long a batch is does not change what is drawn.

Random numbers are the Philox streams of the CPU's chains under the same keys, but numbered by
iteration; momenta are made by inversion. So start points are the CPU's, draws are others.

From 128 chains on, chains share start points in groups, the superchains of nested R-hat (Margossian
et al. 2024): 64 groups are enough to see whether what is drawn still depends on the start.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from probtensor.sample.device.chains import Chains, DevicePosterior, chains_of
from probtensor.sample.diagnostics.measures import superchain_size
from probtensor.sample.errors import SamplingError
from probtensor.sample.kernels.nuts import Traces, explain
from probtensor.sample.runs.interrupts import Interrupts
from probtensor.sample.runs.output import load_arviz
from probtensor.sample.runs.progress import Callback, Watcher
from probtensor.sample.settings import Settings

FIRST_BATCH = 16
BATCH_SECONDS = 0.25  # between two looks for Ctrl-C
MOST_GROWTH = 4.0
WATCH_SECONDS = 0.1


@dataclass
class Counters:
    """How far a chain is, as the host last read it."""

    draws: int = 0
    divergences: int = 0
    gradients: int = 0
    step_size: float = 0.0


class DeviceRun:
    """A `Run` on the device.

    SamplingError where a chain finds no start, or where the device's memory does not hold one draw
    of every chain; from `go`, where a chain cannot go on. `threads` are of the host, and not used.
    """

    learns_together = True

    def __init__(
        self, posterior: DevicePosterior, settings: Settings, threads: int, seed: int,
        given: Sequence[np.ndarray | None], progress: bool | Callback,
    ) -> None:  # fmt: skip
        chains = len(given)
        points = None if given[0] is None else np.ascontiguousarray(given)
        self.preparing = threading.Thread(target=_load_output, daemon=True)
        self.preparing.start()
        self.settings = settings
        self.many = chains_of(posterior, settings, chains, seed, superchain_size(chains))
        self.device = self.many.driver.name
        self.many.start(points)
        self.traces = _empty_traces(settings, self.many)
        self.reached = [0] * chains  # iterations that the chains have done
        self.stored = 0  # iterations that are in the traces, as far as they were done
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
        """See `Run`. Where the device answers no more, what was brought before is all there is."""
        with contextlib.suppress(Exception):
            self._store()

    def stop(self) -> None:
        """Nothing to do: the loop looks at the interrupts between two batches."""

    def _advance(self, interrupts: Interrupts) -> None:
        """Iterations in batches, to the end or to Ctrl-C."""
        many, batch, last = self.many, FIRST_BATCH, self.settings.iterations
        many.open_window(last - self.settings.kept)
        while many.done < last and not interrupts.presses:
            began = time.perf_counter()
            try:
                many.advance(min(many.done + batch, many.window[-1] + 1))
                many.wait()
                if self.watch is not None:
                    self.watch()
            except KeyboardInterrupt:
                if interrupts.press():
                    raise
                return
            spent = time.perf_counter() - began
            batch = max(1, int(batch * min(MOST_GROWTH, BATCH_SECONDS / max(spent, 1e-6))))
            if many.window[-1] + 1 == many.done < last:
                self._store()
                many.open_window(many.done)

    def _store(self) -> None:
        """Bring what the window holds into the traces."""
        many = self.many
        if not many.window:
            return
        many.wait()
        states = many.read_states()
        reached = states["done"].tolist()
        length = min(max(reached), many.window.stop) - many.window.start
        if length > 0:
            many.collect(self.traces, length)
        self.reached, self.stored = reached, many.window.start + max(0, length)
        self.states = states
        _count(states, self.counters)

    def _check(self) -> None:
        """SamplingError where a chain failed; else the metric."""
        failed = np.flatnonzero(self.states["status"])
        if failed.size:
            chain = int(failed[0])
            state = self.states[chain]
            status, done, code = (int(state[name]) for name in ("status", "done", "code"))
            raise SamplingError(explain(status, chain, done, code))
        self.traces.inverse_mass[...] = self.many.read_inverse_mass()

    def _watching(self) -> Callable[[], None]:
        """What reads the chains' counters and shows them, at most ten times a second."""
        looked = time.perf_counter()

        def watch() -> None:
            nonlocal looked
            now = time.perf_counter()
            if now - looked >= WATCH_SECONDS:
                looked = now
                _count(self.many.read_states(), self.counters)
                self.watcher.update()

        return watch


def _load_output() -> None:
    """Import ArviZ while the device compiles. A failure shows again when the output is built."""
    with contextlib.suppress(Exception):
        load_arviz()


def _empty_traces(settings: Settings, many: Chains) -> Traces:
    shape = (many.chains, settings.kept, many.dim)
    return Traces(
        draws=np.empty(shape),
        records=np.empty(shape[:2], many.record),
        divergence_starts=np.empty(shape) if settings.keep_divergences else None,
        inverse_mass=np.empty((many.chains, many.dim)),
    )


def _count(states: np.ndarray, counters: list[Counters]) -> None:
    columns = [states[name].tolist() for name in ("done", "divergences", "gradients", "step_size")]
    for one, values in zip(counters, zip(*columns, strict=True), strict=True):
        one.draws, one.divergences, one.gradients, one.step_size = values
