"""Who is told of each node that is made: values that are computed while a graph is built.

`make` tells an observer of the nodes of its thread, as long as there is one (`pt.test_values`).
What the library makes for itself, when it compiles, is made in a `quiet` block.
"""

from __future__ import annotations

import threading
from typing import Protocol

OBSERVERS: list[Observer] = []
_QUIET = threading.local()


class Observer(Protocol):
    """What is told of nodes."""

    thread: int

    def made(self, node: object) -> None:
        """A node is made, or asked for again."""

    def stands_for(self, own: object, outer: object, row: int | None) -> None:
        """An input of a step of a loop is made, which is in the first step what `outer` is, or a
        row of it."""


class quiet:
    """A block of this thread in which no observer is told anything."""

    def __enter__(self) -> None:
        self.before = getattr(_QUIET, "on", False)
        _QUIET.on = True

    def __exit__(self, *error: object) -> None:
        _QUIET.on = self.before


def observing() -> list[Observer]:
    """The observers that are told of what this thread makes now."""
    if getattr(_QUIET, "on", False):
        return []
    thread = threading.get_ident()
    return [observer for observer in OBSERVERS if observer.thread == thread]


def noted(node: object) -> None:
    """Tell observers of a node."""
    for observer in observing():
        observer.made(node)


def stands_for(own: object, outer: object, row: int | None = None) -> None:
    """Tell observers what an input of a step stands for in the first step: a tensor, or a row."""
    for observer in observing() if OBSERVERS else ():
        observer.stands_for(own, outer, row)
