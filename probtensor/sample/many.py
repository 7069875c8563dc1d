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
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from probtensor.sample.diagnostics import superchain_size
from probtensor.sample.errors import SamplingError
from probtensor.sample.many_chains import Chains, chains_of
from probtensor.sample.nuts import Outcome, Traces, explain
from probtensor.sample.output import load_arviz
from probtensor.sample.progress import Callback, Watcher
from probtensor.sample.settings import Settings
from probtensor.sample.start import given_starts

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


def run_many(
    posterior: Any, settings: Settings, chains: int, seed: int, init: object,
    progress: bool | Callback,
) -> Outcome:  # fmt: skip
    """Run all chains on the device.

    SamplingError where a chain finds no start or cannot go on, or where the device's memory does
    not hold one draw of every chain.
    """
    given = given_starts(posterior, init, chains)
    points = None if given[0] is None else np.ascontiguousarray(given)
    preparing = threading.Thread(target=_load_output, daemon=True)
    preparing.start()
    many = chains_of(posterior, settings, chains, seed, superchain_size(chains))
    many.start(points)
    traces = _empty_traces(settings, many)
    counters = [Counters() for _ in range(chains)]
    watcher = Watcher(counters, settings.tune, settings.iterations, progress)
    watch = None if progress is False else _watching(many, counters, watcher)
    began = time.perf_counter()
    try:
        interrupted = _run_all(many, settings, traces, watch)
        seconds = time.perf_counter() - began
        done = _finish(many, traces, counters)
    finally:
        watcher.close()
        preparing.join()
    return Outcome(traces, done, interrupted, seconds, many.driver.name)


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


def _run_all(
    many: Chains, settings: Settings, traces: Traces, watch: Callable[[], None] | None
) -> bool:
    """All iterations into the traces; returns whether Ctrl-C came first."""
    batch = FIRST_BATCH
    interrupted = False
    many.open_window(settings.iterations - settings.kept)
    while many.done < settings.iterations and not interrupted:
        try:
            began = time.perf_counter()
            many.advance(min(many.done + batch, many.window[-1] + 1))
            many.wait()
            spent = time.perf_counter() - began
            if watch is not None:
                watch()
        except KeyboardInterrupt:
            interrupted = True
            many.wait()
            many.done = int(many.read_states()["done"].min())
            continue
        batch = max(1, int(batch * min(MOST_GROWTH, BATCH_SECONDS / max(spent, 1e-6))))
        if many.window[-1] + 1 == many.done < settings.iterations:
            many.collect(traces, len(many.window))
            many.open_window(many.done)
    length = many.done - many.window[0]
    if length > 0:
        many.collect(traces, length)
    return interrupted


def _finish(many: Chains, traces: Traces, counters: list[Counters]) -> list[int]:
    """The iterations that each chain has done, and its metric; SamplingError where one failed."""
    states = many.read_states()
    _count(states, counters)
    failed = np.flatnonzero(states["status"])
    if failed.size:
        chain = int(failed[0])
        state = states[chain]
        status, done, code = (int(state[name]) for name in ("status", "done", "code"))
        raise SamplingError(explain(status, chain, done, code))
    traces.inverse_mass[...] = many.read_inverse_mass()
    return states["done"].tolist()


def _watching(many: Chains, counters: list[Counters], watcher: Watcher) -> Callable[[], None]:
    """What reads the chains' counters and shows them, at most ten times a second."""
    looked = time.perf_counter()

    def watch() -> None:
        nonlocal looked
        now = time.perf_counter()
        if now - looked >= WATCH_SECONDS:
            looked = now
            _count(many.read_states(), counters)
            watcher.update()

    return watch


def _count(states: np.ndarray, counters: list[Counters]) -> None:
    columns = [states[name].tolist() for name in ("done", "divergences", "gradients", "step_size")]
    for one, values in zip(counters, zip(*columns, strict=True), strict=True):
        one.draws, one.divergences, one.gradients, one.step_size = values
