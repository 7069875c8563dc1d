"""The reference evaluation of a graph: each op's `numpy`, applied node by node.

Every other way to run a graph (the kernel interpreter, Cython, CUDA) is compared with this one. It
verifies types: a NumPy result with another dtype or shape than the op inferred is an error.
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
    """The values of the outputs, given arrays for the inputs.

    With `verify`, TypeError if a result has another dtype or shape than its node.
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
    """The values of the symbolic sizes of the inputs, by key, from the shapes of the arrays."""
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
