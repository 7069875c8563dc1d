"""Ctrl-C while draws are in the making.

Python raises KeyboardInterrupt between any two instructions of the main thread: while a thread is
being started, inside a `finally`, in the middle of an import. No placing of `try` is right for all
of these. So for the time from the first draw to the finished ArviZ object the handler of SIGINT is
one of ours, which raises nothing: it tells the chains to stop, and what they have drawn is made
into the result. Only the third press raises KeyboardInterrupt, for whoever will not wait for the
conversion; `sample` then gives that exception the draws (draws.py), as it does every other one.

Handlers that others installed (asyncio's, a notebook server's, one of the user's) stay, and so does
everything in threads that are not the main one, where Python runs no handlers. There
KeyboardInterrupt arrives as an exception, or not at all; `press` counts those that the watching
loop catches.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

PRESSES_TO_RAISE = 3  # the press that raises
NOTE = "\nsample: ending with the draws so far; once more ends at once (error.draws has them)"


class Interrupts:
    """Counts Ctrl-C. `stop` is called at each press and must be quick; `tell` says whether the
    second press leaves a note on standard error."""

    def __init__(self, stop: Callable[[], None], tell: bool = False) -> None:
        self.stop = stop
        self.tell = tell
        self.presses = 0
        self.raising = True  # False while an exception is being given its draws
        self.over = False
        self.process = os.getpid()
        self.handler = self._pressed  # one bound method, to know it again

    def install(self) -> None:
        """Take the place of Python's own handler, if that is the handler and this its thread."""
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            # ValueError: a thread that is the main one of a subinterpreter alone
            with contextlib.suppress(ValueError):
                signal.signal(signal.SIGINT, self.handler)

    def restore(self) -> None:
        """Put Python's own handler back, unless someone has installed another meanwhile."""
        self.over = True
        self.stop = _nothing  # a bound method of the run, which holds all draws
        if signal.getsignal(signal.SIGINT) is self.handler:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self.handler = None  # it refers to this object, which refers to it

    def press(self) -> bool:
        """Count a KeyboardInterrupt that was caught. Was it one too many, to be raised again?"""
        if self.presses < PRESSES_TO_RAISE:
            self.presses += 1
            self.stop()
        return self.presses >= PRESSES_TO_RAISE

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        """The handler. A forked child inherits it, and a run that is over may have left it."""
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
    """What is left to stop once a run is over."""
