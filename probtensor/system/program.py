"""Running another program to its end or to a time limit, with its output in a file.

There is no pipe between the processes: a child forked by another thread at that moment would
inherit its write end, and the reader would never see the end of the output. The program leads its
own process group, so that its children can be stopped with it.
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
POLL = 0.01  # seconds between polls, on systems without pidfd_open


class TimedOut(Exception):
    """A program was stopped because it did not end in time."""


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
    ended it. OSError if it cannot be started, TimedOut if it was stopped.

    Its temporary files go to the folder of its output, which is known to have space.
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
    """Kill a program and its children."""
    with suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    with suppress(OSError):
        os.waitpid(child, 0)
