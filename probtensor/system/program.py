"""Running another program to its end or to a time limit, with its output in a file.

There is no pipe between the processes: a child forked by another thread at that moment would
inherit its write end, and the reader would never see the end of the output. The program leads its
own process group, so that its children can be stopped with it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from probtensor.late import late
from probtensor.process import new_lock

select, signal = late("select"), late("signal")

LIMIT = "PROBTENSOR_COMPILE_TIMEOUT"
DEFAULT_LIMIT = 3600.0  # seconds; a large model takes some minutes
POLL = 0.01  # seconds between polls, on systems without pidfd_open


class TimedOut(Exception):
    """A program was stopped because it did not end in time."""


class Stopped(Exception):
    """A program was stopped by `Stop.stop`, or was not started after it."""


class Stop:
    """Stops, from another thread, what is run in a block of `stoppable`, and all that would be run
    in it later."""

    def __init__(self) -> None:
        self.lock = new_lock()  # held while a child's number is sure to be its own
        self.child = 0
        self.stopped = False

    def stop(self) -> None:
        """Kill the program that runs now, if there is one, and let no other begin."""
        with self.lock:
            self.stopped = True
            if self.child:
                _kill(self.child)

    def begin(self, child: int) -> None:
        """A child is running. Raises Stopped."""
        with self.lock:
            self.child = child
        self.check()

    def end(self) -> None:
        """The child has ended, and its number may soon be that of another one."""
        with self.lock:
            self.child = 0

    def check(self) -> None:
        """Raises Stopped after `stop`."""
        if self.stopped:
            raise Stopped


_STOP: ContextVar[Stop | None] = ContextVar("probtensor_stop", default=None)


@contextmanager
def stoppable(stop: Stop) -> Iterator[None]:
    """A block whose programs `stop` ends."""
    token = _STOP.set(stop)
    try:
        yield
    finally:
        _STOP.reset(token)


def limit() -> float:
    """The time limit of a compiler in seconds: $PROBTENSOR_COMPILE_TIMEOUT, or an hour. ValueError
    for a text that is no positive number."""
    given = os.environ.get(LIMIT, "").strip()
    try:
        seconds = float(given) if given else DEFAULT_LIMIT
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise ValueError(f"{LIMIT} is a number of seconds above 0, not {given!r:.40}")
    return seconds


def run(command: Sequence[str], output: Path, seconds: float) -> tuple[int, str]:
    """(exit status, output) of a program given by its path; the status is minus the signal if one
    ended it. OSError if it cannot be started, TimedOut if it did not end in time, Stopped if
    another thread stopped it.

    Its temporary files go to the folder of its output, which is known to have space.
    """
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(output), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    environment = {**os.environ, "TMPDIR": str(output.parent)}
    stop = _STOP.get() or Stop()
    stop.check()
    child = os.posix_spawn(
        command[0], list(map(str, command)), environment, file_actions=actions, setpgroup=0
    )
    try:
        stop.begin(child)
        status = _wait(child, seconds, stop)
    except BaseException:
        stop.end()
        _stop(child)
        raise
    stop.check()
    return status, output.read_text(encoding="utf-8", errors="replace")


def _wait(child: int, seconds: float, stop: Stop) -> int:
    end = time.monotonic() + seconds
    with _Ended(child) as ended:
        while not ended.within(min(end - time.monotonic(), seconds)):
            if time.monotonic() >= end:
                raise TimedOut(f"it had not ended after {seconds:g} s")
    stop.end()
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except ChildProcessError:  # another thread waits for all children of this process
        return 0


class _Ended:
    """Waits for the end of a child without taking its exit status."""

    def __init__(self, child: int) -> None:
        self.child = child
        self.descriptor = -1

    def __enter__(self) -> _Ended:
        with suppress(AttributeError, OSError):
            self.descriptor = os.pidfd_open(self.child)
        return self

    def __exit__(self, *_: object) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)

    def within(self, seconds: float) -> bool:
        """Whether the child has ended, waiting for at most this long."""
        if self.descriptor >= 0:
            poll = select.poll()
            poll.register(self.descriptor, select.POLLIN)
            return bool(poll.poll(min(max(0.0, seconds), 1e6) * 1000))
        time.sleep(POLL)
        try:
            return os.waitid(os.P_PID, self.child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True


def _stop(child: int) -> None:
    """Kill a program and its children, and take its exit status."""
    _kill(child)
    with suppress(OSError):
        os.waitpid(child, 0)


def _kill(child: int) -> None:
    """Kill a program and its children."""
    with suppress(OSError):
        os.killpg(child, signal.SIGKILL)
