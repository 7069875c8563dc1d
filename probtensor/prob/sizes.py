"""Sizes by name: what gives them, how they go into a graph.

A dim that has a name, in `dims=` of data or of variables, is a symbolic size of that name; so is
each unnamed axis of data. A model learns their values from coords, data and observed values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from probtensor.graph import Node, Op, as_tensor, made_by, toposort
from probtensor.graph.node import SizeOf, make
from probtensor.types import Dim, Size, TensorType, size_names, size_substitute, size_value


def dim_name(size: Size) -> str | None:
    """The name of a size that is nothing but a name."""
    if isinstance(size, Dim) and len(size.terms) == 1:
        atoms, factor = size.terms[0]
        if factor == 1 and len(atoms) == 1 and not atoms[0].args:
            return atoms[0].name
    return None


def plain(name: str) -> str:
    """The name of a size as a user may know it."""
    return name.partition("#")[0]


class Sizes:
    """Lengths by name, each with who gave it, so that a contradiction can name both."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}
        self._givers: dict[str, str] = {}

    def give(self, name: str, length: int, giver: str, line: str = "") -> None:
        """Note a length; ValueError if it was another one before."""
        before = self.values.setdefault(name, length)
        self._givers.setdefault(name, giver)
        if before != length:
            raise ValueError(
                f"{plain(name)} has length {before} by {self._givers[name]}, "
                f"but {length} by {giver}" + (f"\n  at {line}" if line else "")
            )

    def read(self, label: str, expected: Sequence[Size], shape: Sequence[int], line: str) -> None:
        """Note the sizes that an array of this shape gives; ValueError if it does not fit."""
        wanted = ", ".join(plain(str(n)) for n in expected)
        misfit = f"{label} needs shape ({wanted}), the value has {tuple(shape)}\n  at {line}"
        if len(expected) != len(shape):
            raise ValueError(misfit)
        for axis, (size, length) in enumerate(zip(expected, shape, strict=True)):
            name = dim_name(size)
            if name is not None:
                self.give(name, length, f"axis {axis} of {label}", line)
                continue
            known = not size_names(size) - self.values.keys()
            if known and size_value(size, self.values) != length:
                raise ValueError(misfit)

    def shape(self, shape: Sequence[Size]) -> tuple[int, ...]:
        """A shape in numbers; every name in it must be known."""
        return tuple(size_value(n, self.values) for n in shape)


def with_sizes(outputs: Iterable[Node], names: Mapping[str, Size]) -> dict[Node, Node]:
    """For each node the outputs need, the same node with sizes put in for their names."""
    done: dict[Node, Node] = {}
    for node in toposort(outputs):
        inputs = tuple(done[x] for x in node.inputs)
        op = resized(node.op, names)
        if op is node.op and all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
            done[node] = node
            continue
        with made_by(node):
            known = isinstance(op, SizeOf) and not isinstance(op.size, Dim)
            done[node] = as_tensor(np.int64(op.size)) if known else make(op, inputs, type(node))
    return done


def resized(value: Any, names: Mapping[str, Size]) -> Any:
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
