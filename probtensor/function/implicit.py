"""Inputs that are not arguments: shared variables, data with values, the key of random draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor.function.shared import Shared
from probtensor.graph import GraphError, Node, inputs_of, line_of, toposort
from probtensor.graph.closed import StepInput
from probtensor.graph.law import size_laws
from probtensor.graph.resize import inputs_of_sizes
from probtensor.types import size_name


def implicit_inputs(
    inputs: Sequence[Node], outputs: Sequence[Node], key: Node | None
) -> list[Node]:
    """Inputs that are not arguments: shared variables, data with values, the key of random draws.

    GraphError for an input that has no value.
    """
    given = set(inputs)
    found = [node for node in inputs_of(outputs) if node not in given]
    for node in found:
        if isinstance(node, StepInput):
            raise GraphError(
                f"function: the outputs need {node.name or 'a value'} ({node.type}) of a single "
                f"step of a loop\n  at {line_of(node)}\n"
                "  what a step computes is returned by its function: the loop then gives it for all"
            )
        if not _has_value(node) and node is not key:
            raise GraphError(
                f"function: the outputs need {node.name or 'an unnamed input'} ({node.type}), made "
                f"at {line_of(node)}: add it to the inputs, or replace it with givens"
            )
    return found


def measured_inputs(
    inputs: Sequence[Node], graph: Sequence[Node], read: set[str]
) -> list[Node]:
    """Inputs with values that are no inputs of the rewritten graph, but whose sizes it reads, by
    these keys of names, or the size laws of the graph as it was written.

    Where no node reads the values, as in the gradient of the sum of a shared variable, the graph
    has the names of the sizes alone.
    """
    given = {size_name(n) for x in inputs for n in x.shape}
    arguments = set(inputs)
    removed = [x for x in inputs_of(graph) if x not in arguments]
    if any(map(_has_value, removed)):
        laws = size_laws(toposort(graph), ())
        read = read.union(*(law.names() for law in laws))
    needed = read - given
    found = dict.fromkeys([*removed, *inputs_of_sizes(needed)])
    return [x for x in found if _has_value(x) and needed & set(map(size_name, x.shape))]


def _has_value(node: Node) -> bool:
    return isinstance(node, Shared) or getattr(node.op, "default", None) is not None


def values_of(nodes: Sequence[Node]) -> dict[Node, np.ndarray]:
    """The values of inputs that have one in the graph."""
    defaults = {node: getattr(node.op, "default", None) for node in nodes}
    return {node: default.array for node, default in defaults.items() if default is not None}
