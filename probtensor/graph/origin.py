"""Where the user made a node: the file and line that messages name, and the errors of building; and
who is told of nodes while a graph is built."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from cython_ext.graph import Lending
from probtensor.calls import IMPORTED, user_line

if TYPE_CHECKING:
    from cython_ext.graph import Interned
    from probtensor.graph.node import Node

_CURRENT = threading.local()
NO_LINE = ("<unknown>", 0)


def present_line() -> tuple[str, int]:
    """File and line recorded in nodes that are made now."""
    return getattr(_CURRENT, "origin", None) or user_line()


def writing() -> bool:
    """Whether nodes that are made now are those that the user's code writes, not what the library
    makes of them."""
    return transformed_line() is None and not getattr(_QUIET, "on", False)


def transformed_line() -> tuple[str, int] | None:
    """The line of what is being transformed, see `made_by`."""
    return getattr(_CURRENT, "origin", None)


def record_line(table: Interned, node: Node) -> None:
    """Record the line that makes a node which was there already."""
    line = transformed_line()
    if line is not None:
        if not getattr(_CURRENT, "read", False):
            table.made_again(node, line)
    elif writing() or node._origin is IMPORTED:
        table.written(node, user_line())


class DerivativeLine(tuple):
    """The file and line of a node of a derivative, which are those of what is differentiated."""

    __slots__ = ()


def origin_of(node: Node) -> tuple[str, int]:
    """File and line of the user's code that made the node; rewriting preserves them."""
    return getattr(node, "_origin", NO_LINE)


def line_of(node: Node) -> str:
    """The file and line of the user's code that made a tensor, as `file:line`.

    Returns text. Rewriting keeps the line: a node that replaces another has the line of that node.

        >>> x = pt.vector("x")
        >>> pt.line_of(x).split(":")[-1]
        '1'
    """
    file, line = origin_of(node)
    return f"{file}:{line}"


def in_derivative(node: Node) -> bool:
    """Whether differentiation made the node, or that from which rewriting made it."""
    return isinstance(origin_of(node), DerivativeLine)


# A block in which nodes that are made get the origin of a node (used by every transformation), or a
# line of the user's code; marked as those of its derivative, if they are:
# `with made_by(node, line=None, derivative=False)`.
made_by = Lending(_CURRENT, DerivativeLine)


class read_back:
    """A block in which a node is read from a pickle, with this line. One that is there already
    keeps its own."""

    def __init__(self, line: tuple[str, int]) -> None:
        self.block = made_by(None, line)

    def __enter__(self) -> None:
        self.block.__enter__()
        _CURRENT.read = True

    def __exit__(self, *error: object) -> None:
        _CURRENT.read = False
        self.block.__exit__(*error)


def stored_line(node: Node) -> tuple[str, int]:
    """The line of a node in a pickle."""
    return NO_LINE if node._origin is IMPORTED else node._origin


class GraphError(TypeError):
    """A call that cannot make a node. Its message names the op, the types and the user's line."""


class GraphIndexError(GraphError, IndexError):
    """An index out of range, found while the graph is built."""


class GraphOverflowError(GraphError, OverflowError):
    """A Python number that does not fit in the dtype required of it."""


class GraphValueError(GraphError, ValueError):
    """A value that an op refuses, found while the graph is built."""


def located(message: str) -> str:
    """The message with the user's line inserted after its first line."""
    file, line = present_line()
    first, *rest = message.split("\n")
    return "\n".join([first, f"  at {file}:{line}", *rest])


# Who is told of nodes. `make` tells an observer of those of its thread, as long as there is one
# (`pt.test_values`). What the library makes for itself, when it compiles, is in a `quiet` block.

OBSERVERS: list[Observer] = []
_QUIET = threading.local()


class Observer(Protocol):
    """What is told of nodes."""

    thread: int

    def made(self, node: Node) -> None:
        """A node is made, or asked for again."""

    def stands_for(self, own: Node, outer: Node, row: int | None) -> None:
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


def noted(node: Node) -> None:
    """Tell observers of a node."""
    for observer in observing():
        observer.made(node)


def stands_for(own: Node, outer: Node, row: int | None = None) -> None:
    """Tell observers what an input of a step stands for in the first step: a tensor, or a row."""
    for observer in observing() if OBSERVERS else ():
        observer.stands_for(own, outer, row)
