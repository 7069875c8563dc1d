"""The thread that builds native code in the background: one a process, while there is work."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import weakref
from collections import deque
from contextvars import Context
from typing import Protocol

from probtensor.process import new_lock
from probtensor.system.program import Stop, stoppable
from probtensor.targets.cache import remove_unfinished

LEAVE_SECONDS = 0.5  # how long the end of the process waits for a translation


class Job(Protocol):
    """What is built: nobody else keeps it alive for the builder."""

    def build_in_background(self) -> None:
        """Build; raises nothing."""
        ...

    def measure_again(self) -> None:
        """In a forked child: it is not built by anybody."""
        ...


class Builder:
    """Builds jobs in order, in a thread that ends when there are none left.

    It only holds weak references to those that wait: a job is dropped with its functions. `close`
    ends it with the process; in a forked child it starts empty.
    """

    def __init__(self) -> None:
        self.lock = new_lock()
        self.waiting: deque[weakref.ref] = deque()
        self.thread: threading.Thread | None = None
        self.present: weakref.ref | None = None
        self.stop = Stop()
        self.closed = False
        self.built = 0

    def add(self, job: Job) -> None:
        """Build a job after those that wait; never in a process that is ending."""
        with self.lock:
            if self.closed:
                return
            self.waiting.append(weakref.ref(job))
            if self.thread is None:
                made = threading.Thread(target=self._begin, name="probtensor-builder", daemon=True)
                with contextlib.suppress(RuntimeError):  # no more threads: the next `add` tries
                    made.start()
                    self.thread = made

    @property
    def state(self) -> str:
        """What it does, as text."""
        waiting = sum(1 for job in list(self.waiting) if job() is not None)
        return f"{'builds' if self.thread else 'idle'}, {waiting} waiting, {self.built} built"

    def _begin(self) -> None:
        # Not in the context of the thread that started it, which shows its own progress.
        Context().run(self._work)

    def _work(self) -> None:
        with stoppable(self.stop):
            while True:
                with self.lock:
                    if self.closed or not self.waiting:
                        self.thread = None
                        return
                    self.present = self.waiting.popleft()
                job = self.present()
                if job is not None:
                    job.build_in_background()
                    self.built += 1
                del job

    def close(self) -> None:
        """At the end of the process: end the compiler that runs, and remove its folder."""
        with self.lock:
            self.closed = True
            self.waiting.clear()
            thread = self.thread
        self.stop.stop()
        if thread is not None and thread is not threading.current_thread():
            thread.join(LEAVE_SECONDS)
            if thread.is_alive():
                remove_unfinished()

    def forget(self) -> None:
        """In a forked child, which has neither the thread nor what it was building."""
        left = [job for ref in (*self.waiting, self.present) if ref and (job := ref()) is not None]
        self.waiting.clear()
        self.thread = self.present = None
        self.stop = Stop()
        self.closed = False
        self.built = 0
        for job in left:
            job.measure_again()


BUILDER = Builder()
atexit.register(BUILDER.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=BUILDER.forget)
