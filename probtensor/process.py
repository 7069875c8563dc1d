"""Forks: locks, imports and process tokens that must not be inherited by a child as they are.

Only the forking thread exists in the child. A lock that another thread held at the fork would never
be released, so every lock of the library that may outlive a call is made here, and is reset in the
child. A token identifies each process, so that names which contain it remain unique when they are
pickled into another process; the child gets a new token.

If another thread of the parent is in `import arviz` at the fork, the locks of ArviZ's modules stay
locked in the child, and `import arviz` hangs there. So late imports, in threads that the user may
be unaware of, are inside `importing()`, and `os.fork` waits for their end. NumPy itself imports
some of its parts late: see `numpy_part`.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from weakref import ref

import numpy as np

# Weak references; one leaves by a builtin, since Ctrl-C is lost in a callback that is in Python.
_LOCKS: dict[ref, None] = {}
# The longest that a fork waits for imports, in seconds. An import that waits for a lock of the
# forking thread would otherwise be a deadlock.
LONGEST_WAIT = 60.0
POLL_SECONDS = 0.002


def new_lock(reentrant: bool = False) -> threading.Lock:
    """A lock that is unlocked in a forked child, even if a thread held it at the fork. A thread may
    take a reentrant one again, as a signal handler does that runs while it holds it."""
    made = threading.RLock() if reentrant else threading.Lock()
    _LOCKS[ref(made, _LOCKS.pop)] = None
    return made


class Process:
    """This process: `token` is a text that no other process has."""

    def __init__(self) -> None:
        self.token = os.urandom(6).hex()

    def renew(self) -> None:
        """Make a new token, in a forked child."""
        self.token = os.urandom(6).hex()


PROCESS = Process()
_UIDS = itertools.count()


def new_uid() -> str:
    """What distinguishes an input, or a random variable, from all others of all processes."""
    return f"{next(_UIDS)}.{PROCESS.token}"


def made_at(uid: str) -> tuple[int, str]:
    """What sorts the uids of a process by the time when they were made."""
    return int(uid.split(".", 1)[0]), uid


def made_since(uid: str, earlier: str) -> bool:
    """Whether a uid was made in this process, and after another one of it."""
    number, token = uid.split(".", 1)
    start, own = earlier.split(".", 1)
    return token == own and int(number) > int(start)


def _free_locks() -> None:
    for entry in list(_LOCKS):
        lock = entry()
        if lock is not None:
            lock._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=PROCESS.renew)
    os.register_at_fork(after_in_child=_free_locks)


class computed_once:
    """A property that is computed at the first access, and cached. Unlike
    `functools.cached_property` it takes no lock in any version of Python: two threads may both
    compute it, and one result is cached."""

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
    """Makes `os.fork` wait until no other thread is importing.

    Ctrl-C may raise between any two instructions of the main thread, so its locks are native ones
    in plain `with` blocks, which cannot be left locked (those of Condition can), and a block of
    imports is registered and removed by single operations on a dict.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()  # held by a fork, and while a block is registered
        self.importing: dict[object, int] = {}  # block -> thread

    def others(self) -> list[object]:
        """Blocks of other threads than the present one."""
        me = threading.get_ident()
        return [block for block, thread in list(self.importing.items()) if thread != me]

    def before_fork(self) -> None:
        """Run in the forking thread. Until the fork is done no other thread starts to import."""
        deadline = time.monotonic() + LONGEST_WAIT
        self.lock.acquire()
        while self.others() and time.monotonic() < deadline:
            self.lock.release()
            time.sleep(POLL_SECONDS)
            self.lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Run in the forking thread, which has the lock unless Ctrl-C was pressed before."""
        with contextlib.suppress(RuntimeError):
            self.lock.release()

    def after_fork_in_child(self) -> None:
        """Run in the only thread of the child: removes the blocks of all others."""
        for block in self.others():
            del self.importing[block]
        self.lock = threading.RLock()


GUARD = ForkGuard()


def _watch_forks() -> None:
    """Register the hooks."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=GUARD.before_fork,
            after_in_parent=GUARD.after_fork_in_parent,
            after_in_child=GUARD.after_fork_in_child,
        )


_watch_forks()


@functools.cache
def _watch_before_others() -> None:
    """Register the hooks once more, after those of modules whose locks an import may need: hooks
    run in reverse order, so these wait before the others take their locks."""
    with contextlib.suppress(RuntimeError):  # where the interpreter is ending
        importlib.import_module("logging")
    _watch_forks()


@contextlib.contextmanager
def importing(own: bool = False) -> Iterator[None]:
    """A block of imports; another thread's fork waits for its end. With `own`, of modules of this
    library, which need no locks but those of imports."""
    block, thread = object(), threading.get_ident()
    try:
        with GUARD.lock:
            GUARD.importing[block] = thread
        if not own:
            _watch_before_others()
        yield
    finally:
        GUARD.importing.pop(block, None)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """A block whose objects are all kept, such as that of many imports: no garbage is looked for,
    which would take a fifth of the time, and the objects are old at its end."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        if enabled:
            gc.enable()


class Collections:
    """Searches for garbage, which are rare while anything is compiled, in whatever thread."""

    # New objects before a search: the graphs of a compilation are all kept, and by default each
    # search goes over what the last 700 have added.
    YOUNG = 500_000

    def __init__(self) -> None:
        # Of many entries: a handler of signals that compiles may interrupt its holder.
        self.lock = new_lock(reentrant=True)
        self.blocks: dict[object, int] = {}  # block -> thread
        self.usual = gc.get_threshold()

    @contextlib.contextmanager
    def rare(self) -> Iterator[None]:
        """A block in which they are rare."""
        block, thread = object(), threading.get_ident()
        try:
            with self.lock:
                self.blocks[block] = thread
                young, *older = gc.get_threshold()
                if 0 < young < self.YOUNG:  # 0: the user wants none
                    self.usual = (young, *older)
                    gc.set_threshold(self.YOUNG, *older)
            yield
        finally:
            with self.lock:
                self.blocks.pop(block, None)
                self.restore()

    def restore(self) -> None:
        """Make them as frequent as before once no block is left, unless the user has decided
        otherwise meanwhile."""
        if not self.blocks and gc.get_threshold() == (self.YOUNG, *self.usual[1:]):
            gc.set_threshold(*self.usual)

    def after_fork_in_child(self) -> None:
        """Run in the only thread of the child: removes the blocks of all others."""
        me = threading.get_ident()
        self.blocks = {block: thread for block, thread in self.blocks.items() if thread == me}
        self.restore()


COLLECTIONS = Collections()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=COLLECTIONS.after_fork_in_child)


def numpy_part(name: str) -> ModuleType:
    """`np.random` or another part that NumPy imports when it is first used, which may be in any
    thread: a fork waits for that."""
    with importing():
        return getattr(np, name)
