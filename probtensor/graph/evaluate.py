"""The meaning of a graph: each op's `numpy`, applied node by node.

Every other way to run a graph is judged against this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from probtensor.graph.node import Const, GraphError, Input, Node, SizeOf, line_of
from probtensor.graph.resize import resized
from probtensor.types import size_value

# A node of several parts has a tuple of arrays.
Value = np.ndarray | tuple[np.ndarray, ...]
Values = dict[Node, Value]


def value_of(
    node: Node,
    arguments: Sequence[Value],
    sizes: Mapping[str, int],
    meaning: Callable[..., np.ndarray] | None = None,
) -> Value:
    """The value of a node, given those of its inputs and of the names of sizes.

    `meaning` takes the place of the op's own `numpy`. GraphError for an input, whose value nothing
    here says; what the op refuses is raised as it raises it.
    """
    if isinstance(node.op, Const):
        return node.op.array
    if isinstance(node.op, SizeOf):
        return np.asarray(size_value(node.op.size, sizes), "int64")
    if isinstance(node.op, Input):
        named = node.name or node.op.text()
        raise GraphError(f"the value of input {named} is not known, made at {line_of(node)}")
    found = (meaning or resized(node.op, sizes).numpy)(*arguments)
    return tuple(map(np.asarray, found)) if isinstance(node.type, tuple) else np.asarray(found)


def evaluate(
    order: Iterable[Node], found: Values, sizes: Mapping[str, int]
) -> Iterator[tuple[Node, Value]]:
    """Each node of a topological order that has no value yet, with its value, which is then among
    `found`."""
    for node in order:
        if node not in found:
            with np.errstate(all="ignore"):
                found[node] = value_of(node, [found[x] for x in node.inputs], sizes)
            yield node, found[node]
