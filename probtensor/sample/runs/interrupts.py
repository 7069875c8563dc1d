"""Ctrl-C during sampling.

Python raises KeyboardInterrupt between any two instructions of the main thread: while a thread is
being started, inside a `finally`, in the middle of an import. No `try` covers all of these. So from
the first draw to the finished ArviZ object the handler of SIGINT is replaced by one that raises
nothing: it requests that the chains stop, and their draws become the result. Only the third press
raises KeyboardInterrupt, for users who do not want to wait for the conversion; `sample` then
attaches the draws to that exception (draws.py), as to every other one.

Handlers that others installed (asyncio, a notebook server, the user) are left in place, and nothing
changes in threads other than the main one, where Python runs no handlers. There KeyboardInterrupt
is raised as an exception, or not at all; `press` counts those that the loop catches.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

PRESSES_TO_RAISE = 3  # the press that raises KeyboardInterrupt
NOTE = "\nsample: ending with the draws so far; once more ends at once (error.draws has them)"


class Interrupts:
    """Counts presses of Ctrl-C. `stop` is called at each press and must be quick; with `tell` the
    second press prints a note to standard error."""

    def __init__(self, stop: Callable[[], None], tell: bool = False) -> None:
        self.stop = stop
        self.tell = tell
        self.presses = 0
        self.raising = True  # False while draws are attached to an exception
        self.over = False
        self.process = os.getpid()
        self.handler = self._pressed  # one bound method, so that `restore` recognises it

    def install(self) -> None:
        """Replace Python's default handler if it is installed, in the main thread."""
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            # ValueError: the main thread of a subinterpreter
            with contextlib.suppress(ValueError):
                signal.signal(signal.SIGINT, self.handler)

    def restore(self) -> None:
        """Restore Python's default handler, unless another one has been installed meanwhile."""
        self.over = True
        self.stop = _nothing  # a bound method of the run, which holds all draws
        if signal.getsignal(signal.SIGINT) is self.handler:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self.handler = None  # breaks a reference cycle

    def press(self) -> bool:
        """Count a KeyboardInterrupt that was caught; True if it must be raised again."""
        if self.presses < PRESSES_TO_RAISE:
            self.presses += 1
            self.stop()
        return self.presses >= PRESSES_TO_RAISE

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        """The handler. If it is still installed in a forked child or after the run, it reinstates
        the default handler."""
        if self.over or os.getpid() != self.process:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.default_int_handler(number, frame)
        self.presses += 1
        self.stop()
        if self.presses == PRESSES_TO_RAISE - 1 and self.tell:
            # The signal may have come in the middle of a write to the same stream.
            with contextlib.suppress(Exception):
                print(NOTE, file=sys.stderr)
        if self.presses >= PRESSES_TO_RAISE and self.raising:
            raise KeyboardInterrupt(f"interrupted {self.presses} times")


def _nothing() -> None:
    """The `stop` of a run that is over."""
