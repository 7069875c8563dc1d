"""Chains on threads of this process: scheduling, monitoring and stopping."""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from cython_ext.samplers.chain import Progress
from probtensor.sample.runs.interrupts import Interrupts

T = TypeVar("T")
WATCH_SECONDS = 0.1
LEAVE_SECONDS = 5.0


class WorkerThreads:
    """Threads that run jobs in order, until all are done or `stop` is called.

    Plain threads instead of an executor: they can start and end during interpreter exit, are
    daemons if the calling thread is one, and need not be joined. Threads share only built-in
    containers, by single operations on them.
    """

    def __init__(self, jobs: Sequence[Callable[[], int]], progresses: Sequence[Progress]) -> None:
        self.pending = deque(enumerate(jobs))
        self.working: set[int] = set()
        self.results = [0] * len(jobs)
        self.failures: dict[int, BaseException] = {}
        self.progresses = progresses
        self.idle_signal = threading.Lock()  # released when a thread ends
        self.idle_signal.acquire()

    def stop(self) -> None:
        """Start no more jobs, and stop the running ones at their next leapfrog step."""
        self.pending.clear()
        for progress in self.progresses:
            progress.stop()

    def start(self, count: int) -> None:
        """Start `count` threads; fewer if the system refuses more, but at least one."""
        for number in range(count):
            thread = threading.Thread(target=self._work, args=(number,), name=f"chain_{number}")
            try:
                thread.start()
            except RuntimeError:
                if number == 0:
                    raise
                return

    def _work(self, number: int) -> None:
        self.working.add(number)  # before a job is popped, so that `busy` sees one or the other
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
        """Are jobs pending or running?"""
        return bool(self.pending or self.working)

    def wait(self, seconds: float) -> None:
        """Wait until a thread ends, but at most so long."""
        self.idle_signal.acquire(timeout=seconds)

    def stop_at_exit(self) -> None:
        """At interpreter exit, if daemon threads still run: native code must end before its
        libraries are unloaded."""
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

    Returns (results in order, interrupted). After Ctrl-C all chains stop and their results so far
    are returned; that of a job that was not started is 0. If jobs raise, the others are stopped and
    the exception of the first of them in order is raised. An exception of `watch` stops the chains
    too. The third Ctrl-C raises KeyboardInterrupt, possibly before all chains have ended.
    """
    workers = WorkerThreads(jobs, progresses)
    interrupts = interrupts or Interrupts(workers.stop)
    atexit.register(workers.stop_at_exit)
    try:
        _guard_interrupt(partial(workers.start, cores), interrupts)
        while workers.busy:
            if interrupts.presses:
                workers.stop()  # also the jobs that are not started
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
    """Run an action; a KeyboardInterrupt in it stops the chains, and the third one is raised."""
    try:
        action()
    except KeyboardInterrupt:
        if interrupts.press():
            raise


def in_other_thread(job: Callable[[], T]) -> T:
    """The result of a job that is run in another thread.

    Ctrl-C in the main thread may raise inside the pure Python locks of executors, which then stay
    locked; here the main thread waits at a native lock. If it is raised, the thread runs to its
    end, and only interpreter exit waits for it.
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
    """Call the function on each item, on several threads where these can be started; raises the
    first exception. To be called in threads that Ctrl-C does not reach: see `in_other_thread`."""
    rest, failures = deque(items), []

    def work() -> None:
        with contextlib.suppress(IndexError):
            while not failures:
                item = rest.popleft()
                try:
                    function(item)
                except BaseException as error:
                    failures.append(error)

    helpers = [threading.Thread(target=work) for _ in range(min(threads, len(rest)) - 1)]
    started = []
    with contextlib.suppress(RuntimeError):  # no more threads, or the interpreter is ending
        for helper in helpers:
            helper.start()
            started.append(helper)
    work()
    for helper in started:
        helper.join()
    if failures:
        raise failures[0]
