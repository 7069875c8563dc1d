"""Imports that a fork waits for.

A child process inherits every lock as it is at the fork. Where another thread of the parent is
inside `import arviz`, the locks of ArviZ's modules are held in the child for ever, by a thread that
the child does not have, and its own `import arviz` hangs. So what is imported late, in a thread
that the user may not know of, is imported inside `importing()`, and `os.fork` waits for its end.

This is the lowest layer: it imports nothing of the package.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections.abc import Iterator

# A fork does not wait longer: where the import itself waits for a lock that the forking thread
# holds, neither would end.
LONGEST_WAIT = 60.0
POLL_SECONDS = 0.002


class ForkGuard:
    """Knows which threads are importing; `os.fork` waits until none is, its own apart.

    Ctrl-C may raise between any two instructions of the main thread, so its locks are native ones
    in plain `with` blocks, which cannot be left locked (those of Condition can), and a block of
    imports is registered and forgotten by single operations on a dict.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()  # held by a fork, and while a block is registered
        self.inside: dict[object, int] = {}  # block -> thread

    def others(self) -> list[object]:
        """Blocks of threads beside the calling one."""
        me = threading.get_ident()
        return [block for block, thread in list(self.inside.items()) if thread != me]

    def before_fork(self) -> None:
        """In the forking thread. Until the fork is done no other thread begins to import."""
        given_up = time.monotonic() + LONGEST_WAIT
        self.lock.acquire()
        while self.others() and time.monotonic() < given_up:
            self.lock.release()
            time.sleep(POLL_SECONDS)
            self.lock.acquire()

    def after_fork_in_parent(self) -> None:
        """In the forking thread, which has the lock unless Ctrl-C came before."""
        with contextlib.suppress(RuntimeError):
            self.lock.release()

    def after_fork_in_child(self) -> None:
        """In the only thread of the child: the others are not there."""
        for block in self.others():
            del self.inside[block]
        self.lock = threading.RLock()


GUARD = ForkGuard()


@functools.cache
def _watch_forks() -> None:
    """Once, and as late as can be: hooks run in reverse order, so ours waits before those of other
    modules (logging, say) have taken locks that the import may need."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=GUARD.before_fork,
            after_in_parent=GUARD.after_fork_in_parent,
            after_in_child=GUARD.after_fork_in_child,
        )


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """A block of imports; another thread's fork waits for its end."""
    _watch_forks()
    block, thread = object(), threading.get_ident()
    try:
        with GUARD.lock:
            GUARD.inside[block] = thread
        yield
    finally:
        GUARD.inside.pop(block, None)
