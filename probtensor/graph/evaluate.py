"""The meaning of a graph: each op's `numpy`, applied node by node.

Every other way to run a graph is judged against this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from probtensor.graph.node import Const, GraphError, Input, Node, SizeOf, line_of
from probtensor.graph.resize import resized
from probtensor.types import size_value

Values = dict[Node, np.ndarray]


def value_of(
    node: Node,
    arguments: Sequence[np.ndarray],
    sizes: Mapping[str, int],
    meaning: Callable[..., np.ndarray] | None = None,
) -> np.ndarray:
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
    return np.asarray((meaning or resized(node.op, sizes).numpy)(*arguments))


def evaluate(
    order: Iterable[Node], found: Values, sizes: Mapping[str, int]
) -> Iterator[tuple[Node, np.ndarray]]:
    """Each node of a topological order that has no value yet, with its value, which is then among
    `found`."""
    for node in order:
        if node not in found:
            with np.errstate(all="ignore"):
                found[node] = value_of(node, [found[x] for x in node.inputs], sizes)
            yield node, found[node]
