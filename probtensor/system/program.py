"""Another program, run to its end or to a limit of time, with its output in a file.

No pipe is open between the processes: a child forked by another thread at that moment would
inherit its end and keep the reader waiting. The program leads a process group of its own, so that
what it started ends with it.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

LIMIT = "PROBTENSOR_COMPILE_TIMEOUT"
DEFAULT_LIMIT = 3600.0  # seconds; a large model takes some minutes
POLL = 0.01  # seconds between looks, where the system cannot wait for a process with a limit


class TimedOut(Exception):
    """A program was stopped because it did not end in time."""


def limit() -> float:
    """Seconds a compiler may take: $PROBTENSOR_COMPILE_TIMEOUT, or an hour. ValueError for a text
    that is no positive number."""
    asked = os.environ.get(LIMIT, "").strip()
    try:
        seconds = float(asked) if asked else DEFAULT_LIMIT
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise ValueError(f"{LIMIT} is a number of seconds above 0, not {asked!r:.40}")
    return seconds


def run(command: Sequence[str], output: Path, seconds: float) -> tuple[int, str]:
    """(exit status, what it printed) of a program given by its path; minus the signal where one
    ended it. OSError where it cannot be started, TimedOut where it was stopped.

    Its temporary files go where its output goes: that folder has room, and others may have none.
    """
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(output), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    environment = {**os.environ, "TMPDIR": str(output.parent)}
    child = os.posix_spawn(
        command[0], list(map(str, command)), environment, file_actions=actions, setpgroup=0
    )
    try:
        status = _wait(child, seconds)
    except BaseException:
        _stop(child)
        raise
    return status, output.read_text(encoding="utf-8", errors="replace")


def _wait(child: int, seconds: float) -> int:
    end = time.monotonic() + seconds
    with _Ended(child) as ended:
        while not ended.within(min(end - time.monotonic(), seconds)):
            if time.monotonic() >= end:
                raise TimedOut(f"it had not ended after {seconds:g} s")
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except ChildProcessError:  # somebody waits for all children of this process
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
        """Has it ended, at the latest after so long?"""
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
    """End a program and what it started."""
    with suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    with suppress(OSError):
        os.waitpid(child, 0)
