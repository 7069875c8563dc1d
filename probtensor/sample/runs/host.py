"""Chains on threads of this process, from settings to draws."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from cython_ext import blas
from cython_ext.samplers.chain import Progress
from probtensor.late import late
from probtensor.sample.kernels.nuts import new_traces, run_chain
from probtensor.sample.kernels.protocol import LogpGrad
from probtensor.sample.runs.interrupts import Interrupts
from probtensor.sample.runs.output import load_arviz
from probtensor.sample.runs.progress import Callback, Watcher
from probtensor.sample.runs.start import Start, find_start
from probtensor.sample.runs.threads import run_jobs
from probtensor.sample.settings import Settings

paths = late("probtensor.sample.paths.starts")

# What a chain is expected to need, so that a long run has native code soon: trajectories of three
# steps of the tree, the shortest that are usual.
GRADIENTS_AN_ITERATION = 7


class HostRun:
    """A `Run` on the CPU. SamplingError if a chain finds no start point, MemoryError if the draws
    do not fit."""

    device = ""
    supports_pooling = False  # chains adapt separately

    def __init__(
        self, posterior: LogpGrad, settings: Settings, threads: int, seed: int,
        given: Sequence[Start], progress: bool | Callback,
    ) -> None:  # fmt: skip
        chains = len(given)
        self.traces = new_traces(settings, chains, posterior.dim)
        self.threads = threads
        self.progresses = [Progress() for _ in range(chains)]
        expect = getattr(posterior, "expect_calls", None)  # a `LogpGrad` of the user may lack it
        self.expect: Callable[[int], None] = expect or (lambda _: None)
        self.expect(chains * settings.iterations * GRADIENTS_AN_ITERATION)
        contexts = [posterior.context() for _ in range(chains)]
        if given[0] is None and getattr(posterior, "initial", None) is None:
            given = paths.starts_along_paths(posterior, contexts[:threads], seed, chains)
        starts = [
            find_start(posterior, contexts[chain], given[chain], seed=seed, chain=chain)
            for chain in range(chains)
        ]
        self.jobs = [
            partial(
                run_chain, posterior, contexts[chain], settings, self.traces, starts[chain],
                seed=seed, chain=chain, progress=self.progresses[chain],
            )
            for chain in range(chains)
        ]  # fmt: skip
        self.watcher = Watcher(self.progresses, settings.tune, settings.iterations, progress)
        # Beside each other: the compiler of the second is a process of its own.
        self.preparing = [
            threading.Thread(target=_attempt, args=(job,), daemon=True)
            for job in (load_arviz, partial(_expand, posterior, starts[0]))
        ]

    def go(self, interrupts: Interrupts) -> None:
        """See `Run`."""
        # If no thread can be started, the output is prepared when it is built.
        with contextlib.suppress(RuntimeError):
            for thread in self.preparing:
                thread.start()
        try:
            with blas.OneThread(*blas.loaded()), self.watcher.open(interrupts):
                run_jobs(self.jobs, self.threads, self.progresses, self.watcher.update, interrupts)
        finally:
            self.expect(0)

    def prepare(self) -> None:
        """See `Run`."""
        for thread in self.preparing:
            if thread.ident is not None:
                thread.join()

    def done(self) -> list[int]:
        """See `Run`."""
        return [progress.draws for progress in self.progresses]

    def rescue(self) -> None:
        """Nothing to do: the chains write into the traces before they count a draw."""

    def stop(self) -> None:
        """See `Run`."""
        for progress in self.progresses:
            progress.stop()


def _expand(posterior: LogpGrad, q: np.ndarray) -> None:
    """Compile the function from draws to variables."""
    posterior.expand(q[None, :])


def _attempt(job: Callable[[], object]) -> None:
    """Do while the chains run what the output needs. A failure is ignored here: the same steps are
    repeated when the output is built."""
    with contextlib.suppress(Exception):
        job()
