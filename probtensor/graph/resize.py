"""Other sizes for the names of sizes, through a whole graph: in types and in what ops hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from probtensor.graph.node import Input, Node, Op, SizeOf, as_tensor, made_by, make
from probtensor.graph.walk import toposort
from probtensor.types import Dim, Size, TensorType, size_substitute


def with_sizes(
    outputs: Iterable[Node], names: Mapping[str, Size], changes: Mapping[Node, Node] | None = None
) -> dict[Node, Node]:
    """For each node the outputs need, the same node with sizes put in for names, by their keys.

    `changes` says what some nodes become; these are not looked into.
    """
    done: dict[Node, Node] = {}
    changes = changes or {}
    for node in toposort(outputs):
        if node in changes:
            done[node] = changes[node]
            continue
        inputs = tuple(done[x] for x in node.inputs)
        op = resized(node.op, names)
        if op is node.op and all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
            done[node] = node
            continue
        with made_by(node):
            known = isinstance(op, SizeOf) and not isinstance(op.size, Dim)
            done[node] = as_tensor(np.int64(op.size)) if known else make(op, inputs, type(node))
    return done


def resized(value: object, names: Mapping[str, Size]) -> Any:
    """An op, type, tuple or size with sizes put in; the very object where nothing changes."""
    if isinstance(value, Dim):
        return size_substitute(value, names) if value.names() & names.keys() else value
    if isinstance(value, tuple):
        parts = tuple(resized(part, names) for part in value)
        return value if all(a is b for a, b in zip(parts, value, strict=True)) else parts
    if isinstance(value, (TensorType, Op)) and is_dataclass(value):
        changes = {f.name: resized(getattr(value, f.name), names) for f in fields(value)}
        changed = {k: v for k, v in changes.items() if v is not getattr(value, k)}
        return replace(value, **changed) if changed else value
    return value


def sizes_read(outputs: Iterable[Node]) -> set[str]:
    """The keys of the sizes that the computed nodes read: those of their types and of their ops.
    An input whose size alone is used is not among the inputs of a graph, but its sizes are here."""
    found: set[str] = set()
    for node in toposort(outputs):
        if not isinstance(node.op, Input):
            found |= _names_in(node.type) | _names_in(node.op)
    return found


def _names_in(value: object) -> set[str]:
    if isinstance(value, Dim):
        return value.names()
    if isinstance(value, (TensorType, Op)) and is_dataclass(value):
        value = tuple(getattr(value, f.name) for f in fields(value))
    return set().union(*map(_names_in, value)) if isinstance(value, tuple) else set()
