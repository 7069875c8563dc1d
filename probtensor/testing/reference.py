"""The meaning of a graph: each op's `numpy`, applied node by node. Slow, simple, and checked.

Every other way to run a graph (the kernel interpreter, Cython, CUDA) is judged against this one.
It verifies types as it goes: an op whose NumPy result has not the dtype and shape that it inferred
is an error here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from probtensor.graph.node import Const, GraphError, Input, Node, Op, SizeOf, line_of
from probtensor.graph.walk import toposort
from probtensor.types import Dim, TensorType, size_value


def evaluate_numpy(
    outputs: Sequence[Node], values: Mapping[Node, Any], verify: bool = True
) -> list[np.ndarray]:
    """The arrays that the outputs stand for, given arrays for the inputs.

    With `verify`, TypeError where a result has not the dtype and shape its node promises.
    """
    names = size_names_of(values)
    found: dict[Node, np.ndarray] = {}
    with np.errstate(all="ignore"):
        for node in toposort(outputs):
            found[node] = _value(node, found, values, names)
            if verify:
                _verify(node, found[node], names)
    return [found[node] for node in outputs]


def _value(node: Node, found: dict, values: Mapping[Node, Any], names: dict) -> np.ndarray:
    if isinstance(node.op, Const):
        return node.op.array
    if isinstance(node.op, Input):
        if node not in values:
            raise GraphError(f"no value for {node!r}, made at {line_of(node)}")
        return np.asarray(values[node], dtype=node.dtype)
    if isinstance(node.op, SizeOf):
        return np.asarray(size_value(node.op.size, names), dtype="int64")
    op: Any = with_sizes(node.op, names)
    return np.asarray(op.numpy(*(found[x] for x in node.inputs)))


def size_names_of(values: Mapping[Node, Any]) -> dict[str, int]:
    """What the named sizes of the inputs are, read off their arrays."""
    names: dict[str, int] = {}
    for node, value in values.items():
        shape = np.shape(value)
        if len(shape) != node.ndim:
            raise GraphError(f"{node!r} was given an array with {len(shape)} axes")
        for size, n in zip(node.shape, shape, strict=True):
            bare = isinstance(size, Dim) and str(size) in size.names()
            if bare and names.setdefault(str(size), n) != n:
                raise GraphError(f"{node!r}: size {size} is {n} and {names[str(size)]}")
    return names


def with_sizes(op: Op, names: Mapping[str, int]) -> Op:
    """The op with the symbolic sizes among its parameters replaced by numbers."""
    changes = {}
    for field in fields(op):
        value = getattr(op, field.name)
        numeric = _numeric(value, names)
        if numeric is not value:
            changes[field.name] = numeric
    return replace(op, **changes) if changes else op


def _numeric(value: Any, names: Mapping[str, int]) -> Any:
    if isinstance(value, Dim):
        return size_value(value, names)
    if isinstance(value, tuple):
        parts = tuple(_numeric(part, names) for part in value)
        same = all(a is b for a, b in zip(parts, value, strict=True))
        return value if same else parts
    return value


def _verify(node: Node, value: np.ndarray, names: Mapping[str, int]) -> None:
    promised: TensorType = node.type
    shape = tuple(size_value(n, names) for n in promised.shape)
    if value.dtype != promised.dtype or value.shape != shape:
        raise TypeError(
            f"{node!r} promises {promised.dtype}{list(shape)} but its NumPy meaning gives "
            f"{value.dtype}{list(value.shape)}\n  made at {line_of(node)}"
        )
