"""Sorting, searching, and sets."""

from __future__ import annotations

from typing import Any

from probtensor import ops
from probtensor.graph import Node
from probtensor.interop.pytensor.translate import Translator, number, row


@row("SortOp")
def sort(t: Translator, apply: Any, x: Node, axis: Node) -> Node:
    return ops.sort(x, axis=int(number(axis)))


@row("ArgSortOp")
def argsort(t: Translator, apply: Any, x: Node, axis: Node) -> Node:
    return ops.argsort(x, axis=int(number(axis)), kind="stable")


@row("SearchsortedOp")
def searchsorted(t: Translator, apply: Any, x: Node, v: Node, sorter: Node | None = None) -> Node:
    x = x if sorter is None else x[sorter]
    return ops.searchsorted(x, v, side=apply.op.side)


@row("Nonzero")
def nonzero(t: Translator, apply: Any, x: Node) -> list[Node]:
    return list(ops.nonzero(x))


@row("Unique")
def unique(t: Translator, apply: Any, x: Node) -> list[Node]:
    op = apply.op
    found = ops.unique(
        x, return_index=op.return_index, return_inverse=op.return_inverse,
        return_counts=op.return_counts, axis=op.axis,
    )  # fmt: skip
    return list(found) if isinstance(found, (tuple, list)) else [found]
