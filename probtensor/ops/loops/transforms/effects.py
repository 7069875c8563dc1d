"""Effects of loops happen once: where a derivative runs steps again, their values are not shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph.closed import (
    Closed,
    all_bodies,
    map_bodies,
    map_nodes,
    with_bodies,
    with_outputs,
)
from probtensor.graph.node import Node, make
from probtensor.graph.parts import parts
from probtensor.graph.walk import rebuild, toposort
from probtensor.ops.kinds import Loop, Observing, has_effect


def silent(node: Node) -> Node:
    """A loop without the effects of its steps, but for those on gradients; itself without any."""
    if not has_effect(node):
        return node
    body = node.op.body
    quiet = replace(node.op, body=with_outputs(body, without_effects(body.outputs)))
    return make(quiet, node.inputs)


def without_effects(
    outputs: Iterable[Node], among: Callable[[Observing], bool] = lambda op: True
) -> list[Node]:
    """The outputs without effects, or without those `among` some, also in bodies."""

    def quiet(body: Closed) -> Closed:
        return with_outputs(body, without_effects(body.outputs, among))

    def change(node: Node, inputs: tuple[Node, ...]) -> Node:
        op = node.op
        if isinstance(op, Observing) and among(op):
            return op.silent(inputs)
        if has_effect(node):
            op = map_bodies(op, quiet)
        return rebuild(node, inputs) if op is node.op else make(op, inputs)

    return map_nodes(outputs, change)


def run_again(graphs: Sequence[Node], loop: Loop) -> list[Node]:
    """Graphs of a step going backward without the effects of the nodes of the body, which happen in
    the step going forward."""
    inside = (x for body in all_bodies(loop) for x in with_bodies(body.order()))
    uids = {x.op.uid for x in inside if isinstance(x.op, Observing)}
    return without_effects(graphs, lambda op: op.uid in uids) if uids else list(graphs)


def shown_once(values: Sequence[Node], graphs: Sequence[Node]) -> list[Node]:
    """Graphs of a derivative without the effects that the values have, by their numbers: a rule of
    the user calls the function, or a part of it, again."""
    numbers = {x.op.number for x in with_bodies(toposort(values)) if isinstance(x.op, Observing)}
    return without_effects(graphs, lambda op: op.number in numbers) if numbers else list(graphs)


def beside(node: Node, found: Sequence[Node | None]) -> list[Node | None]:
    """Derivatives that another loop than `node` computes, which need this one as well, so that its
    effects happen."""
    if not has_effect(node):
        return list(found)
    seen = [x for x in parts(node) if x.type.is_float]
    return [None if x is None else make(ops.Along(), (x, *seen)) for x in found]
