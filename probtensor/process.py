"""What a forked child must not take over from its parent: its locks, its imports, its identity.

Only the thread that forks lives on in the child. A lock that another one held at that moment would
never be free again, so every lock of the library that may outlive a call is made here, and is free
in the child. A process is told from all others by a token, so that what it names with it keeps its
identity when it is pickled into another; the child gets a token of its own.

Where another thread of the parent is inside `import arviz`, the locks of ArviZ's modules are held
in the child by a thread that it does not have, and its own `import arviz` hangs. So what is
imported late, in a thread that the user may not know of, is imported inside `importing()`, and
`os.fork` waits for its end.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from weakref import WeakSet

# NumPy imports these where they are first read, as `np.random`, in whichever thread that is; a fork
# would not wait for it. So they are imported with the library.
import numpy.fft
import numpy.ma
import numpy.polynomial
import numpy.random  # noqa: F401

_LOCKS: WeakSet[object] = WeakSet()
# A fork does not wait longer: where the import itself waits for a lock that the forking thread
# holds, neither would end.
LONGEST_WAIT = 60.0
POLL_SECONDS = 0.002


def new_lock() -> threading.Lock:
    """A lock that is free in a forked child, whoever held it at the fork."""
    made = threading.Lock()
    _LOCKS.add(made)
    return made


class Process:
    """This process: `token` is a text that no other one has."""

    def __init__(self) -> None:
        self.token = os.urandom(6).hex()

    def renew(self) -> None:
        """Be another process: forked children are."""
        self.token = os.urandom(6).hex()


PROCESS = Process()


def _free_locks() -> None:
    for lock in list(_LOCKS):
        lock._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PROCESS.renew)
    os.register_at_fork(after_in_child=_free_locks)


class computed_once:
    """A property that is computed when first asked for, and then stays. Unlike that of functools it
    takes no lock in any Python, so two threads may both compute it and one result stays."""

    def __init__(self, function: Callable[[object], object]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type | None = None) -> object:
        if instance is None:
            return self
        return instance.__dict__.setdefault(self.name, self.function(instance))


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
