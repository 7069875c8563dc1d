"""Where the user made a node: the file and line that messages name."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from probtensor.calls import user_line

if TYPE_CHECKING:
    from probtensor.graph.node import Node

_CURRENT = threading.local()


def present_line() -> tuple[str, int]:
    """File and line recorded in nodes that are made now."""
    return getattr(_CURRENT, "origin", None) or user_line()


def origin_of(node: Node) -> tuple[str, int]:
    """File and line of the user's code that made the node; rewriting preserves them."""
    return getattr(node, "_origin", ("<unknown>", 0))


def line_of(node: Node) -> str:
    """The file and line of the user's code that made a tensor, as `file:line`.

    Returns text. Rewriting keeps the line: a node that replaces another has the line of that node.

        >>> x = pt.vector("x")
        >>> pt.line_of(x).split(":")[-1]
        '1'
    """
    file, line = origin_of(node)
    return f"{file}:{line}"


@contextmanager
def made_by(node: Node | None, line: tuple[str, int] | None = None) -> Iterator[None]:
    """Nodes made inside the block get the origin of `node` (used by every transformation), or this
    line of the user's code."""
    before = getattr(_CURRENT, "origin", None)
    _CURRENT.origin = line or origin_of(node)
    try:
        yield
    finally:
        _CURRENT.origin = before
