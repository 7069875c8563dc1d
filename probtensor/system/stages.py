"""The stage of a compilation, shown on a terminal if it takes long.

`building` is a block around one compilation, inside which `stage` states its progress. A thread
writes one line and updates it until the block ends; there is none if standard error is no terminal,
or inside `quiet`. Errors of standard error are ignored.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from probtensor.late import late

shutil = late("shutil")

AFTER = 2.0  # seconds before the line is shown
EVERY = 0.5  # seconds between updates
JOIN = 1.0  # seconds to wait at the end for a thread that a stopped terminal blocks
# In order; a function found in the cache skips to the last.
STAGES = ("build the graph", "rewrite", "lower", "translate", "compile")


class Building:
    """One compilation: what is compiled, and its present stage."""

    def __init__(self, what: str, terminal: Any) -> None:
        self.what = what
        self.terminal = terminal
        self.began = time.monotonic()
        self.now = ""
        self.shown = False
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, name="probtensor-stages", daemon=True)

    def line(self) -> str:
        """The line to show."""
        seconds = time.monotonic() - self.began
        if self.now in STAGES:
            progress = f"{self.now} (stage {STAGES.index(self.now) + 1} of {len(STAGES)})"
        else:
            progress = self.now or "starting"
        return f"compiling {self.what}: {progress}, {seconds:.0f} s"

    def _watch(self) -> None:
        wait = AFTER
        while not self.over.wait(wait):
            self.shown = self._write(self.line())
            if not self.shown:
                return
            wait = EVERY

    def _write(self, text: str) -> bool:
        """Replace the line; False if that is not possible."""
        try:
            width = shutil.get_terminal_size().columns - 1
            self.terminal.write(f"\r{text[:width]:<{width}}\r{text[:width]}")
            self.terminal.flush()
        except Exception:  # closed, broken, or replaced by another object
            return False
        return True

    def close(self) -> None:
        """End the thread and the line."""
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
    """A block around one compilation; nested blocks belong to the outermost one."""
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


def notice(text: str, progress: bool = True) -> None:
    """Write one line about what was built, where compilations are shown at all."""
    terminal = sys.stderr
    if progress and not _QUIET.get() and _is_terminal(terminal):
        with suppress(Exception):  # closed, broken, or replaced by another object
            terminal.write(f"{text}\n")
            terminal.flush()


@contextmanager
def quiet(when: bool = True) -> Iterator[None]:
    """A block inside which no compilation is shown, if `when`."""
    token = _QUIET.set(when or _QUIET.get())
    try:
        yield
    finally:
        _QUIET.reset(token)


def stage(name: str) -> None:
    """Set the present stage: one of STAGES, or another text."""
    current = _CURRENT.get()
    if current is not None:
        current.now = name


def _is_terminal(stream: Any) -> bool:
    try:
        return stream is not None and stream.isatty()
    except Exception:
        return False
