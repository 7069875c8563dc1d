"""What derivatives of loops have in common: which carries they concern, and the loops they make."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter

from probtensor import ops
from probtensor.graph.closed import Closed, captured, closed, depending
from probtensor.graph.node import Const, Node, make, new_input
from probtensor.graph.parts import parts, types_of
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import Loop, bound_to_steps
from probtensor.types import Size


def another(
    like: Loop,
    body: Closed,
    steps: Size | None,
    carries: Sequence[Node],
    sequences: Sequence[Node],
    outside: Sequence[Node],
    **options: object,
) -> tuple[Node, ...]:
    """The results of another loop of the op; `options` are further parameters of `Loop`, which are
    not those of `like`."""
    made = type(like)(body, steps, len(carries), len(sequences), **options)
    return parts(make(made, (*carries, *sequences, *outside)))


def step_order(
    outputs: Iterable[Node], own: Iterable[Node], outside: Collection[Node]
) -> tuple[list[Node], set[Node]]:
    """The nodes of a step in topological order, without the nodes from outside, and those among
    them that change with the step: they depend on inputs `own`, on random variables, which a body
    draws in each step, or on effects."""
    order = toposort(outputs, given=outside, needs=attrgetter("inputs"))
    return order, depending(order, [*own, *bound_to_steps(order)])


def closed_step(
    own: Sequence[Node], outputs: Sequence[Node], outside: Collection[Node]
) -> tuple[Closed, list[Node]]:
    """The outputs as a closed graph of the inputs `own` and of what they read from outside, and
    this: nodes of `outside` or nodes that depend on these alone."""
    drawn = bound_to_steps(step_order(outputs, own, outside)[0])
    read = captured(outputs, [*own, *drawn], kept=outside)
    return closed([*own, *read], outputs), read


def moving_parameters(loop: Loop, followed: Sequence[bool]) -> set[int]:
    """The positions of the parameters of the body with a tangent: floats that are followed, and
    carries that depend on these after some steps."""
    parameters, following = loop.body.parameters, loop.split_outputs()[0]
    found = {k for k, x in enumerate(parameters) if followed[k] and x.type.is_float}
    order = loop.body.order()
    while True:
        reached = floats_depending(order, [parameters[k] for k in found])
        more = {k for k, y in enumerate(following) if y in reached} - found
        if not more:
            return found
        found |= more


def weighted_carries(loop: Loop, weighted: Collection[int]) -> set[int]:
    """The positions of the carries that have a cotangent if these results of the body have one:
    they are among these, or a step makes one of these of them."""
    carries = loop.split_inputs(loop.body.parameters)[0]
    order, outputs = loop.body.order(), loop.body.outputs
    found = {k for k in weighted if k < loop.carries}
    while True:
        reaching = floats_reaching(order, [outputs[k] for k in {*weighted, *found}])
        more = {k for k, x in enumerate(carries) if x in reaching} - found
        if not more:
            return found
        found |= more


def floats_depending(order: Iterable[Node], on: Iterable[Node]) -> set[Node]:
    """The float nodes of a topological order that depend on nodes `on` through floats."""
    found = set(on)
    for node in order:
        if _is_float(node) and any(x in found for x in node.inputs):
            found.add(node)
    return found


def floats_reaching(order: Sequence[Node], outputs: Iterable[Node]) -> set[Node]:
    """The float nodes of a topological order on which outputs depend through floats."""
    found = {x for x in outputs if _is_float(x)}
    for node in reversed(order):
        if node in found:
            found.update(x for x in node.inputs if _is_float(x))
    return found


def _is_float(node: Node) -> bool:
    return any(t.is_float for t in types_of(node))


def fresh(name: str, like: Node) -> Node:
    """An input of the type of a node."""
    return new_input(name, like.dtype, like.shape)


def element_input(name: str, sequence: Node) -> Node:
    """An input that stands for an element of a sequence."""
    return new_input(name, sequence.dtype, sequence.shape[1:])


def zeros(like: Node) -> Node:
    """Zeros of the type of a node."""
    return ops.zeros(like.shape, like.dtype)


def is_zeros(x: Node) -> bool:
    """Whether a tensor is zeros, as `zeros` makes them."""
    while isinstance(x.op, (ops.BroadcastTo, ops.ExpandDims)):
        x = x.inputs[0]
    return isinstance(x.op, Const) and not x.op.array.any()


def uniform_row(x: Node) -> Node | None:
    """An element along axis 0 of a tensor that is a broadcast along it; None for others."""
    if not isinstance(x.op, ops.BroadcastTo):
        return None
    source = x.inputs[0]
    if source.ndim == x.ndim:
        if source.shape[0] != 1:
            return None
        source = ops.squeeze(source, 0)
    return ops.broadcast_to(source, x.shape[1:])


def is_dynamic(loop: Loop) -> bool:
    """Whether data decide the number of steps that are run."""
    return loop.counted or loop.stops


def steps_run(node: Node) -> Node | None:
    """The number of steps that a loop runs, if data decide it."""
    if node.op.stops:
        return parts(node)[-1]
    return node.inputs[-1] if node.op.counted else None
