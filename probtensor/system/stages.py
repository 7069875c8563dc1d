"""Which stage of compiling is at work, said on a terminal after a moment.

`building` goes around everything that is one wait for the user; what runs inside says `stage`. A
thread of its own writes one line and writes it anew, and ends with the block; off a terminal, and
inside `quiet`, there is none. Whatever happens to standard error changes nothing but what is shown.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

AFTER = 2.0  # seconds of silence
EVERY = 0.5  # seconds between looks
JOIN = 1.0  # seconds a terminal that is stopped may hold up the end
# In order; a recalled function skips to the last.
STAGES = ("build the graph", "rewrite", "lower", "translate", "compile")


class Building:
    """One wait: what is made, and the stage it is at."""

    def __init__(self, what: str, terminal: Any) -> None:
        self.what = what
        self.terminal = terminal
        self.began = time.monotonic()
        self.now = ""
        self.shown = False
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, name="probtensor-stages", daemon=True)

    def line(self) -> str:
        """What is shown now."""
        seconds = time.monotonic() - self.began
        if self.now in STAGES:
            place = f"{self.now} (stage {STAGES.index(self.now) + 1} of {len(STAGES)})"
        else:
            place = self.now or "starting"
        return f"compiling {self.what}: {place}, {seconds:.0f} s"

    def _watch(self) -> None:
        wait = AFTER
        while not self.over.wait(wait):
            self.shown = self._write(self.line())
            if not self.shown:
                return
            wait = EVERY

    def _write(self, text: str) -> bool:
        """Replace the line; False where that is no longer possible."""
        try:
            width = shutil.get_terminal_size().columns - 1
            self.terminal.write(f"\r{text[:width]:<{width}}\r{text[:width]}")
            self.terminal.flush()
        except Exception:  # closed, broken, or replaced by something that is no file
            return False
        return True

    def close(self) -> None:
        """End the line and the thread."""
        self.over.set()
        if self.thread.is_alive():
            self.thread.join(JOIN)
        if self.shown and not self.thread.is_alive():
            seconds = time.monotonic() - self.began
            self._write(f"compiled {self.what} in {seconds:.1f} s")
            self._write_end()

    def _write_end(self) -> None:
        try:
            self.terminal.write("\n")
            self.terminal.flush()
        except Exception:
            return


_CURRENT: ContextVar[Building | None] = ContextVar("probtensor_building", default=None)
_QUIET: ContextVar[bool] = ContextVar("probtensor_quiet", default=False)


@contextmanager
def building(what: str, progress: bool = True) -> Iterator[None]:
    """Around the making of something; inside another such block, part of that."""
    terminal = sys.stderr
    if _CURRENT.get() is not None or not progress or _QUIET.get() or not _is_terminal(terminal):
        with quiet(not progress):
            yield
        return
    found = Building(what, terminal)
    try:
        found.thread.start()
    except RuntimeError:  # no more threads, or the interpreter is ending
        found.over.set()
    token = _CURRENT.set(found)
    try:
        yield
    finally:
        _CURRENT.reset(token)
        found.close()


@contextmanager
def quiet(when: bool = True) -> Iterator[None]:
    """Nothing is shown of what is made inside, if `when` says so."""
    token = _QUIET.set(when or _QUIET.get())
    try:
        yield
    finally:
        _QUIET.reset(token)


def stage(name: str) -> None:
    """Say which of STAGES is at work now, or what else is."""
    current = _CURRENT.get()
    if current is not None:
        current.now = name


def _is_terminal(stream: Any) -> bool:
    try:
        return stream is not None and stream.isatty()
    except Exception:
        return False
