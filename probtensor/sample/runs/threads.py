"""Chains as threads of this process: how they are watched, and how they stop."""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from cython_ext.samplers.chain import Progress
from probtensor.sample.runs.interrupts import Interrupts

T = TypeVar("T")
WATCH_SECONDS = 0.1
LEAVE_SECONDS = 5.0


class WorkerThreads:
    """Threads that do jobs in their order, until all are done or `stop` is called.

    Plain threads and not an executor: these start and end while the interpreter is about to exit,
    are daemons where the calling thread is one, and need not be waited for. What is written here
    by several threads are single operations on built-in containers.
    """

    def __init__(self, jobs: Sequence[Callable[[], int]], progresses: Sequence[Progress]) -> None:
        self.pending = deque(enumerate(jobs))
        self.working: set[int] = set()
        self.results = [0] * len(jobs)
        self.failures: dict[int, BaseException] = {}
        self.progresses = progresses
        self.idle_signal = threading.Lock()  # free once there is something to look at
        self.idle_signal.acquire()

    def stop(self) -> None:
        """Begin no more jobs, and end those that run at their next leapfrog step."""
        self.pending.clear()
        for progress in self.progresses:
            progress.stop()

    def start(self, count: int) -> None:
        """Let `count` threads work; fewer where the system grants no more, but at least one."""
        for number in range(count):
            thread = threading.Thread(target=self._work, args=(number,), name=f"chain_{number}")
            try:
                thread.start()
            except RuntimeError:
                if number == 0:
                    raise
                return

    def _work(self, number: int) -> None:
        self.working.add(number)  # before a job is taken: `busy` must see the one or the other
        try:
            while self.pending:
                try:
                    chain, job = self.pending.popleft()
                except IndexError:
                    return
                try:
                    self.results[chain] = job()
                except BaseException as error:
                    self.failures[chain] = error
                    self.stop()
        finally:
            self.working.discard(number)
            with contextlib.suppress(RuntimeError):
                self.idle_signal.release()

    @property
    def busy(self) -> bool:
        """Are there jobs to do, or being done?"""
        return bool(self.pending or self.working)

    def wait(self, seconds: float) -> None:
        """Until a thread has nothing more to do, but at most so long."""
        self.idle_signal.acquire(timeout=seconds)

    def stop_at_exit(self) -> None:
        """Where daemon threads are still at it when the interpreter exits: native code must have
        ended before the libraries it uses are taken down."""
        self.stop()
        given_up = time.monotonic() + LEAVE_SECONDS
        while self.busy and time.monotonic() < given_up:
            self.wait(WATCH_SECONDS)


def run_jobs(
    jobs: Sequence[Callable[[], int]],
    cores: int,
    progresses: Sequence[Progress],
    watch: Callable[[], None],
    interrupts: Interrupts | None = None,
) -> tuple[list[int], bool]:
    """Run the jobs on `cores` threads; call `watch` ten times a second from this one.

    Returns (results in order, interrupted). At Ctrl-C all chains are told to stop and what they
    return then counts; a job that had not begun returns 0. Where a job raises, the others are
    stopped and the exception of the first job that raised, in their order, is raised here. What
    `watch` raises stops the chains too. At the third Ctrl-C KeyboardInterrupt is raised, and chains
    may not have ended yet.
    """
    workers = WorkerThreads(jobs, progresses)
    interrupts = interrupts or Interrupts(workers.stop)
    atexit.register(workers.stop_at_exit)
    try:
        _guard_interrupt(partial(workers.start, cores), interrupts)
        while workers.busy:
            if interrupts.presses:
                workers.stop()  # the jobs that nobody has begun too
            _guard_interrupt(partial(workers.wait, WATCH_SECONDS), interrupts)
            if workers.busy and not interrupts.presses:
                _guard_interrupt(watch, interrupts)
    except BaseException as error:
        workers.stop()
        while workers.busy and not isinstance(error, KeyboardInterrupt):
            workers.wait(WATCH_SECONDS)
        raise
    finally:
        atexit.unregister(workers.stop_at_exit)
    if workers.failures:
        raise workers.failures[min(workers.failures)]
    return workers.results, interrupts.presses > 0


def _guard_interrupt(action: Callable[[], None], interrupts: Interrupts) -> None:
    """Do it; a KeyboardInterrupt from it stops the chains, and the third one is raised."""
    try:
        action()
    except KeyboardInterrupt:
        if interrupts.press():
            raise


def in_other_thread(job: Callable[[], T]) -> T:
    """What a job gives that another thread does.

    Ctrl-C may raise inside the pure Python locks of executors, which then stay locked for ever; but
    only in the main thread, which here waits at a native lock. If it is raised, the thread goes on
    to its end and is waited for by the interpreter's exit alone.
    """
    found: list[T] = []

    def do() -> int:
        found.append(job())
        return 0

    workers = WorkerThreads([do], ())
    workers.start(1)
    while workers.busy:
        workers.wait(WATCH_SECONDS)
    if workers.failures:
        raise workers.failures[0]
    return found[0]


def parallel_for(function: Callable[[T], None], items: Sequence[T], threads: int) -> None:
    """Call the function on each item, on several threads where that helps and may be done: not
    while the interpreter exits, when executors take no more work. For threads that Ctrl-C does not
    reach: see `in_other_thread`."""
    rest = deque(items)
    if threads > 1 and len(rest) > 1:
        pool = ThreadPoolExecutor(threads)
        try:
            futures = []
            with contextlib.suppress(RuntimeError):
                while rest:
                    futures.append(pool.submit(function, rest[0]))
                    rest.popleft()
            for future in futures:
                future.result()
        finally:
            pool.shutdown(cancel_futures=True)
    for item in rest:
        function(item)
