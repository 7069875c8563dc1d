"""What a forked child must not take over from its parent: its locks and its identity.

Only the thread that forks lives on in the child. A lock that another one held at that moment would
never be free again, so every lock of the library that may outlive a call is made here, and is free
in the child. A process is told from all others by a token, so that what it names with it keeps its
identity when it is pickled into another; the child gets a token of its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

_LOCKS: WeakSet[Any] = WeakSet()


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

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        return instance.__dict__.setdefault(self.name, self.function(instance))
