"""Sorting, searching, and sets."""

from __future__ import annotations

from typing import Any

from probtensor import ops
from probtensor.graph import Node
from probtensor.interop.pytensor.translate import Translator, number, row


@row("SortOp")
def sort(t: Translator, apply: Any, x: Node, axis: Node | None = None) -> Node:
    """Elements in ascending order along an axis."""
    return ops.sort(x, axis=_axis(apply.op, axis))


def _axis(op: Any, given: Node | None) -> int:
    """The axis of a sort, which is an input in earlier versions of PyTensor."""
    return int(op.axis if given is None else number(given))


@row("ArgSortOp")
def argsort(t: Translator, apply: Any, x: Node, axis: Node | None = None) -> Node:
    """The order that sorts; equal elements stay in their order."""
    return ops.argsort(x, axis=_axis(apply.op, axis), kind="stable")


@row("SearchsortedOp")
def searchsorted(t: Translator, apply: Any, x: Node, v: Node, sorter: Node | None = None) -> Node:
    """Where elements belong in an ascending vector."""
    x = x if sorter is None else x[sorter]
    return ops.searchsorted(x, v, side=apply.op.side)


@row("Nonzero")
def nonzero(t: Translator, apply: Any, x: Node) -> list[Node]:
    """The indices of elements that are not 0, a vector for each axis."""
    return list(ops.nonzero(x))


@row("Unique")
def unique(t: Translator, apply: Any, x: Node) -> list[Node]:
    """The distinct elements, with indices, places and counts if they are wanted."""
    op = apply.op
    found = ops.unique(
        x, return_index=op.return_index, return_inverse=op.return_inverse,
        return_counts=op.return_counts, axis=op.axis,
    )  # fmt: skip
    found = list(found) if isinstance(found, tuple) else [found]
    if op.return_inverse:  # a vector in PyTensor
        place = 1 + bool(op.return_index)
        found[place] = ops.reshape(found[place], (-1,))
    return found
