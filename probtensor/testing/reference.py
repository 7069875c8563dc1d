"""The meaning of a graph: each op's `numpy`, applied node by node. Slow, simple, and checked.

Every other way to run a graph (the kernel interpreter, Cython, CUDA) is judged against this one.
It verifies types as it goes: an op whose NumPy result has not the dtype and shape that it inferred
is an error here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from probtensor.graph.evaluate import evaluate
from probtensor.graph.node import GraphError, Node, line_of
from probtensor.graph.parts import types_of
from probtensor.graph.walk import toposort
from probtensor.types import TensorType, size_name, size_value


def evaluate_numpy(
    outputs: Sequence[Node], values: Mapping[Node, Any], verify: bool = True
) -> list[np.ndarray]:
    """The arrays that the outputs stand for, given arrays for the inputs.

    With `verify`, TypeError where a result has not the dtype and shape its node promises.
    """
    names = size_names_of(values)
    order = toposort(outputs)
    found = {x: np.asarray(values[x], x.dtype) for x in order if x in values}
    for node, value in evaluate(order, found, names):
        if verify:
            given = value if isinstance(value, tuple) else (value,)
            for promised, part in zip(types_of(node), given, strict=True):
                _verify(node, promised, part, names)
    return [found[node] for node in outputs]


def size_names_of(values: Mapping[Node, Any]) -> dict[str, int]:
    """What the named sizes of the inputs are, by their keys, read off their arrays."""
    names: dict[str, int] = {}
    for node, value in values.items():
        shape = np.shape(value)
        if len(shape) != node.ndim:
            raise GraphError(f"{node!r} was given an array with {len(shape)} axes")
        for size, n in zip(node.shape, shape, strict=True):
            key = size_name(size)
            if key is not None and names.setdefault(key, n) != n:
                raise GraphError(f"{node!r}: size {size} is {n} and {names[key]}")
    return names


def _verify(
    node: Node, promised: TensorType, value: np.ndarray, names: Mapping[str, int]
) -> None:
    shape = tuple(size_value(n, names) for n in promised.shape)
    if value.dtype != promised.dtype or value.shape != shape:
        raise TypeError(
            f"{node!r} promises {promised.dtype}{list(shape)} but its NumPy meaning gives "
            f"{value.dtype}{list(value.shape)}\n  made at {line_of(node)}"
        )
