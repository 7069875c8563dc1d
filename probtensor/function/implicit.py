"""Inputs that are not arguments: shared variables, data with values, the key of random draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor.function.shared import Shared
from probtensor.graph import GraphError, Node, inputs_of, line_of, toposort
from probtensor.graph.law import size_laws
from probtensor.types import size_name


def implicit_inputs(
    inputs: Sequence[Node], outputs: Sequence[Node], key: Node | None
) -> list[Node]:
    """Inputs that are not arguments: shared variables, data with values, the key of random draws.

    GraphError for an input that has no value.
    """
    found = [node for node in inputs_of(outputs) if node not in set(inputs)]
    for node in found:
        valued = getattr(node.op, "default", None) is not None
        if not valued and not isinstance(node, Shared) and node is not key:
            raise GraphError(
                f"function: the outputs need {node.name or 'an unnamed input'} ({node.type}), made "
                f"at {line_of(node)}: add it to the inputs, or replace it with givens"
            )
    return found


def measured_inputs(inputs: Sequence[Node], graph: Sequence[Node]) -> list[Node]:
    """Inputs with values that the passes removed from a graph, but whose sizes its size laws
    need."""
    removed = [x for x in inputs_of(graph) if x not in set(inputs)]
    removed = [
        x for x in removed if isinstance(x, Shared) or getattr(x.op, "default", None) is not None
    ]
    if not removed:
        return []
    order = toposort(graph)
    needed = {name for law in size_laws(order, ()) for name in law.names()}
    needed -= {size_name(n) for x in inputs for n in x.shape}
    return [x for x in removed if needed & {size_name(n) for n in x.shape}]


def values_of(nodes: Sequence[Node]) -> dict[Node, np.ndarray]:
    """The values of inputs that have one in the graph."""
    defaults = {node: getattr(node.op, "default", None) for node in nodes}
    return {node: default.array for node, default in defaults.items() if default is not None}
