"""The reference evaluation of a graph: the `numpy` of each op, applied node by node.

Tests compare every other way to run a graph with this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from probtensor.graph.closed import Closed
from probtensor.graph.node import Const, GraphError, Input, Node, SizeOf, line_of
from probtensor.graph.sizes import measured_sizes, resized
from probtensor.types import size_value

# A node of several parts has a tuple of arrays.
Value = np.ndarray | tuple[np.ndarray, ...]
Values = dict[Node, Value]
# Gives the values of the outputs of a body for those of its parameters.
RunBody = Callable[[Closed, Sequence[Value]], list[Value]]


def value_of(
    node: Node,
    arguments: Sequence[Value],
    sizes: Mapping[str, int],
    meaning: Callable[..., np.ndarray] | None = None,
) -> Value:
    """The value of a node, given those of its inputs and of the names of sizes.

    `meaning` replaces the `numpy` of the op. GraphError for an input, which has no value here;
    errors raised by the op are passed on.
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
    order: Iterable[Node], found: Values, sizes: dict[str, int]
) -> Iterator[tuple[Node, Value]]:
    """Evaluate a topological order, adding to `found`, and yield each node with its value. Nodes
    already in `found` are not evaluated again. Sizes that data decide are added to `sizes`."""
    for node in order:
        if node not in found:
            sizes.update(measured_sizes(node, found))
            with np.errstate(all="ignore"):
                found[node] = value_of(node, [found[x] for x in node.inputs], sizes)
            yield node, found[node]


def evaluate_body(body: Closed, arguments: Sequence[Value]) -> list[Value]:
    """The values of the outputs of a body in which no size is symbolic."""
    found = dict(zip(body.parameters, map(np.asarray, arguments), strict=True))
    for _ in evaluate(body.order(), found, {}):
        pass
    return [found[x] for x in body.outputs]
