"""Kinds of op that stand for something else: for other graphs, for random variables, or for their
first input, beside which something happens.

What happens may be limited to a condition. Where alternatives become one `where`, for a batch whose
items choose differently, or items of a loop have ended before others, all is computed: but nothing
is printed and no check fails in what an item would not have computed, and a loop whose number of
steps values decide runs none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import reduce
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass, field
from probtensor.graph.closed import (
    Closed,
    all_bodies,
    closed,
    depending,
    map_nodes,
    with_bodies,
)
from probtensor.graph.node import GraphError, Node, made_by, new_input
from probtensor.graph.walk import Context, Contexts, rebuild, toposort
from probtensor.ops.kinds.base import Kind
from probtensor.ops.kinds.batch import Batch
from probtensor.types import TensorType


class Composite(Kind):
    """An op that the pipeline replaces by `expand(*inputs)`; before that, rules can match it."""

    @staticmethod
    def has_code(cls: type) -> bool:
        return cls.expand is not Composite.expand

    def expand(self, *inputs: Node) -> Node:
        raise NotImplementedError

    def infer(self, *types: TensorType) -> TensorType:
        raise NotImplementedError

    def batched(self, batch: Batch) -> Node:
        pairs = zip(batch.node.inputs, batch.inputs, strict=True)
        given = {x: b for x, b in pairs if b is not None}
        return batch.outputs([self.expand(*batch.node.inputs)], given)[0]


class Random(Kind):
    """A random variable: `draw` gives a draw of it as a function of a key.

    Subclasses have a field `uid` (see `process.new_uid`), so that each variable is another node.
    """

    uid: str
    differentiable: ClassVar[bool] = False

    def draw(self, variable: Node, key: Node, inputs: Sequence[Node]) -> Node:
        """One draw of the variable under a key (a uint64 scalar), of its shape and dtype, given its
        inputs. GraphError if it has no distribution to draw from."""
        raise NotImplementedError(f"{self.name} does not say how it is drawn")


@dataclass(frozen=True)
class DrawKey(Composite):
    """The key under which the random variable that is its input is drawn: derivatives of draws are
    those of the graph of the draw itself. `uid` and `label` are those of the variable."""

    uid: str = field(repr=False)
    label: str
    differentiable: ClassVar[bool] = False

    def infer(self, variable: TensorType) -> TensorType:
        return TensorType("uint64", ())

    def expand(self, variable: Node) -> Node:
        raise self._no_key()

    def numpy(self, variable: np.ndarray) -> np.ndarray:
        raise self._no_key()

    def _no_key(self) -> GraphError:
        return GraphError(
            f"the derivative of a draw of {self.label} is asked for where a value is given for it\n"
            "  put pt.stop_gradient around the variable to treat its value as a constant"
        )


def random_nodes(order: Iterable[Node]) -> list[Node]:
    """The random variables of an order of nodes, and the nodes with random variables in a body."""
    return [
        node
        for node in order
        if isinstance(node.op, Random)
        or (node.op.has_bodies and any(isinstance(x.op, Random) for x in with_bodies([node])))
    ]


class Limitable:
    """What an op is of which nodes have an effect, or may fail."""

    def limited(self, inputs: Sequence[Node], condition: Node) -> Node:
        """The node of these inputs, where it has its effect, or may fail, only if a bool scalar is
        true."""
        raise NotImplementedError


class Passing(Kind):
    """The first input, which a node that reads this one reads in its place: it costs no memory and
    ends no loop. The others are computed because the node is, not because its value needs them."""

    def infer(self, x: TensorType, *others: TensorType) -> TensorType:
        return x

    def numpy(self, x: np.ndarray, *others: np.ndarray) -> np.ndarray:
        return np.asarray(x)

    def call_text(self, operands: Sequence[str]) -> str:
        return operands[0]

    def pushed_on(self, node: Node, tangent: Node) -> Node:
        """The tangent of the node, from that of its first input."""
        return tangent


class Observing(Limitable, Passing):
    """All inputs are handed to a function of Python (see `cython_ext/effects.pyx`): an effect. Each
    node of the graph has it once each time that the node is computed. No rule removes such a node,
    moves it out of its loop or computes it for all steps at once.

    uid     says when it was made: the effects of a graph happen in this order
    number  of what happens, in the table of effects
    guard   position of the input, a bool scalar, without which nothing happens; -1 if there is none
    """

    uid: str
    guard: int
    device: ClassVar[bool] = False  # it happens on the host

    @property
    def number(self) -> int:
        """The number of the effect in the table of effects."""
        raise NotImplementedError

    def silent(self, inputs: Sequence[Node]) -> Node:
        """The first of the inputs, without the effect, for what is computed a second time; its
        gradient has the effects that it has here."""
        raise NotImplementedError


class Requiring(Passing):
    """The second input is a bool scalar that must be true: a call where it is not fails with
    `failure`, a message that begins with the name of the exception."""

    def failure(self, node: Node) -> str:
        """The message, for a node of this op."""
        raise NotImplementedError


def has_effect(node: Node) -> bool:
    """Whether a node has an effect, or one in a body."""
    return _is_one_of(node, (Observing,))


def bound_to_steps(order: Iterable[Node]) -> list[Node]:
    """The nodes that differ from step to step of a loop though they may read nothing that does:
    random variables, effects, and nodes with one of these in a body."""
    return [node for node in order if _is_one_of(node, (Random, Observing))]


def _is_one_of(node: Node, kinds: tuple[type, ...]) -> bool:
    """Whether the op of a node, or of one in a body, is of one of these classes."""
    if isinstance(node.op, kinds):
        return True
    return node.op.has_bodies and any(body.has(kinds) for body in all_bodies(node.op))


def limited(outputs: Iterable[Node], condition: Node) -> list[Node]:
    """The outputs with their effects and checks, also those in bodies, only under a condition."""
    return map_nodes(outputs, lambda node, inputs: _limited(node, inputs, condition))


def limited_body(body: Closed) -> Closed:
    """A body with one more parameter, a bool scalar, under which it has its effects and checks."""
    condition = new_input("taken", "bool", ())
    return closed([*body.parameters, condition], limited(body.outputs, condition))


def acts(node: Node) -> bool:
    """Whether a node, or one in a body, has an effect or may fail by a check."""
    return _is_one_of(node, (Limitable,))


def is_limitable(node: Node) -> bool:
    """Whether a node, or one in a body, has an effect, may fail by a check, or is a loop that
    values end."""
    op = node.op
    if isinstance(op, Limitable) or op.ended_by_values:
        return True
    return op.has_bodies and any(map(has_limitable, all_bodies(op)))


def has_limitable(body: Closed) -> bool:
    """Whether a node of a body is limitable; see `is_limitable`."""
    if body.has((Limitable,)):
        return True
    return any(node.op.has_bodies and is_limitable(node) for node in body.order())


def limited_where_taken(
    outputs: Sequence[Node], order: Sequence[Node], batches: Collection[Node]
) -> list[Node]:
    """The outputs, in this topological order, with the effects and checks of alternatives only
    where they are taken, if it differs between items of batches, which replace these nodes; and
    with no steps elsewhere of loops that values of an item end."""
    if not any(map(is_limitable, order)) or not any(node.op.chooses for node in order):
        return list(outputs)
    contexts = Contexts(order, outputs)
    differing = depending(order, batches)
    done: dict[Node, Node] = {x: x for x in batches}
    for node in toposort(outputs, needs=contexts.needs):
        if node in done:
            continue
        inputs = tuple([done[x] for x in node.inputs])
        chains = [context.chain[1:] for context in contexts.of[node]]
        apart = any(c.selector in differing for chain in chains for c in chain)
        with made_by(node):
            # Without a context it is in alternatives that one around them excludes.
            excluded = (apart or not chains) and all(chains)
            if excluded and is_limitable(node) and (acts(node) or node in differing):
                parts = [[_is_taken(c, done[c.selector]) for c in chain] for chain in chains]
                whole = [reduce(ops.logical_and, part) for part in parts] or [ops.constant(False)]
                done[node] = _limited(node, inputs, reduce(ops.logical_or, whole))
            else:
                done[node] = rebuild(node, inputs)
    return [done[y] for y in outputs]


def _limited(node: Node, inputs: tuple[Node, ...], condition: Node) -> Node:
    if isinstance(node.op, Limitable):
        return node.op.limited(inputs, condition)
    if is_limitable(node):
        return node.op.limited_inside(inputs, condition)
    return rebuild(node, inputs)


def _is_taken(context: Context, selector: Node) -> Node:
    """Whether a selector takes the alternative of a context; see `taken`."""
    if selector.dtype == "bool":
        return ops.logical_not(selector) if context.taken else selector
    if context.taken == 0:
        return selector <= 0
    last = context.taken == context.count - 1
    return selector >= context.taken if last else ops.equal(selector, context.taken)
