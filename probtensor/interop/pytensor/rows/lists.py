"""Lists of tensors: lists of Python while a graph is translated."""

from __future__ import annotations

from typing import Any

from probtensor.graph import GraphError, Node, as_tensor, line_of
from probtensor.interop.pytensor.translate import Translator, folded, number, row


def _place(index: Node, what: str) -> int:
    """An index that is known while the graph is translated."""
    found = number(folded(index))
    if isinstance(found, Node):
        raise GraphError(
            f"translate: the index of {what} of a list of tensors is a value of the call\n"
            f"  at {line_of(found)}\n  stack tensors of one shape, and index that tensor"
        )
    return found


@row("MakeList")
def make_list(t: Translator, apply: Any, *items: Node) -> list[list[Node]]:
    """A list of tensors."""
    return [list(items)]


@row("Append")
def append(t: Translator, apply: Any, items: list[Node], item: Node) -> list[list[Node]]:
    """A list with one more."""
    return [[*items, item]]


@row("Extend")
def extend(t: Translator, apply: Any, items: list[Node], more: list[Node]) -> list[list[Node]]:
    """Two lists as one."""
    return [[*items, *more]]


@row("Insert")
def insert(
    t: Translator, apply: Any, items: list[Node], index: Node, item: Node
) -> list[list[Node]]:
    """A list with one more at a place."""
    found = list(items)
    found.insert(_place(index, "insert"), item)
    return [found]


@row("Reverse")
def reverse(t: Translator, apply: Any, items: list[Node]) -> list[list[Node]]:
    """A list from its end."""
    return [items[::-1]]


@row("GetItem")
def get_item(t: Translator, apply: Any, items: list[Node], index: object) -> list[object]:
    """An element, or a part of a list."""
    if isinstance(index, slice):
        return [items[index]]
    return [items[_place(index, "an element")]]


@row("Length")
def length(t: Translator, apply: Any, items: list[Node]) -> Node:
    """The number of elements."""
    return as_tensor(len(items))
