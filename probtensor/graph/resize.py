"""Sizes substituted for names of sizes throughout a graph: in types and in parameters of ops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from probtensor.graph.closed import Closed
from probtensor.graph.node import Input, Node, Op, SizeOf, as_tensor, made_by, make
from probtensor.graph.walk import toposort
from probtensor.types import Dim, Size, TensorType, size_substitute


def with_sizes(
    outputs: Iterable[Node], names: Mapping[str, Size], changes: Mapping[Node, Node] | None = None
) -> dict[Node, Node]:
    """For each node the outputs need, the same node with sizes substituted for names, by key.

    Nodes in `changes` are replaced as it says, without looking at their inputs.
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
            constant = isinstance(op, SizeOf) and not isinstance(op.size, Dim)
            done[node] = as_tensor(np.int64(op.size)) if constant else make(op, inputs, type(node))
    return done


def resized(value: object, names: Mapping[str, Size]) -> Any:
    """An op, type, tuple or size with sizes substituted; the same object if nothing changes."""
    if isinstance(value, Dim):
        return size_substitute(value, names) if value.names() & names.keys() else value
    if isinstance(value, tuple):
        parts = tuple(resized(part, names) for part in value)
        return value if all(a is b for a, b in zip(parts, value, strict=True)) else parts
    if isinstance(value, Closed):
        return _resized_body(value, names)
    if isinstance(value, (TensorType, Op)) and is_dataclass(value):
        changes = {f.name: resized(getattr(value, f.name), names) for f in fields(value)}
        changed = {k: v for k, v in changes.items() if v is not getattr(value, k)}
        return replace(value, **changed) if changed else value
    return value


def _resized_body(body: Closed, names: Mapping[str, Size]) -> Closed:
    done = with_sizes([*body.outputs, *body.parameters], names)
    made = Closed(*(tuple(done[x] for x in nodes) for nodes in (body.parameters, body.outputs)))
    return body if made == body else made


def sizes_read(outputs: Iterable[Node]) -> set[str]:
    """The keys of the names of sizes that computed nodes depend on, by their types and their ops.
    They include names of inputs of which only a size is used, which `inputs_of` does not find."""
    found: set[str] = set()
    for node in toposort(outputs):
        if not isinstance(node.op, Input):
            found |= _names_in(node.type) | _names_in(node.op)
    return found


def _names_in(value: object) -> set[str]:
    if isinstance(value, Dim):
        return value.names()
    if isinstance(value, Closed):
        return sizes_read(value.outputs).union(*(_names_in(x.type) for x in value.parameters))
    if isinstance(value, (TensorType, Op)) and is_dataclass(value):
        value = tuple(getattr(value, f.name) for f in fields(value))
    return set().union(*map(_names_in, value)) if isinstance(value, tuple) else set()
