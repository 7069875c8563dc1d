"""What a target computes for every node: the plan of a function in which each tensor is a result.

The kernels are those that the target makes of the same loops, with one more store a tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from probtensor.graph.closed import Closed
from probtensor.graph.node import Node
from probtensor.graph.parts import Get
from probtensor.graph.resize import detached
from probtensor.graph.walk import toposort
from probtensor.inspect.replay import Compiled, Level, compiled, meaning, sizes_of
from probtensor.inspect.subject import Subject
from probtensor.lower.planner import lower


def running(function: Subject) -> object:
    """The target whose code a function runs now."""
    compilation = function.compilation
    return getattr(compilation.built, "running", compilation.target)


def stored_level(
    function: Subject, values: Sequence[np.ndarray], target: object = None
) -> Level:
    """All values of a call as a target computes them, given those of the plan's inputs in order.
    BuildError where the target cannot build it."""
    graph = compiled(function)
    found = stored(function, graph, values, target)
    given = dict(zip(graph.inputs, values, strict=True))
    order = toposort([*graph.sources.values(), *graph.outputs])
    sizes = sizes_of(given) | {name: int(found[x]) for name, x in graph.sources.items()
                               if x in found}  # fmt: skip
    every = {**given, **found}
    for node in order:
        if node not in every:
            arguments = [every[x] for x in node.inputs]
            parts = _parts(order, node) if isinstance(node.type, tuple) else [None]
            if None in parts:  # what no kernel computes
                with np.errstate(all="ignore"):
                    every[node] = meaning(node, arguments, sizes)
            if isinstance(node.type, tuple):
                every[node] = tuple(
                    every[node][k] if x is None else every[x] for k, x in enumerate(parts)
                )
    return Level(order, every, sizes)


def _parts(order: Sequence[Node], whole: Node) -> list[Node | None]:
    """The nodes that read each part of a node with several results; None for one that is not
    read."""
    found: dict[int, Node] = {}
    for node in order:
        if isinstance(node.op, Get) and node.inputs[0] is whole:
            found[node.op.index] = node
    return [found.get(k) for k in range(len(whole.type))]


def stored(
    function: Subject, graph: Compiled, values: Sequence[np.ndarray], target: object = None
) -> Mapping[Node, np.ndarray]:
    """The values of the tensors of a graph that are computed outside of bodies."""
    nodes = graph.computed()
    plain = detached(function.compilation.lowered().written)
    written = [*plain.outputs, *plain.sources.values()]
    plan = lower(graph.inputs, nodes, written, graph.sources)
    found = function.plan_runner(plan, target or running(function))(values)
    return dict(zip(nodes, found, strict=True))


def body_runner(
    function: Subject, body: Closed, nodes: Sequence[Node], target: object = None
) -> Callable[[Sequence[np.ndarray]], list[np.ndarray]]:
    """The values of some nodes of a body without symbolic sizes as a target computes them, given
    those of its parameters."""
    plan = lower(list(body.parameters), list(nodes))
    return function.plan_runner(plan, target or running(function))
