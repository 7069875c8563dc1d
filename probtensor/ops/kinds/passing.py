"""The first input itself; the others are computed, and something is done with them, on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import numpy as np

from probtensor.graph.closed import all_bodies
from probtensor.graph.node import Node, Op
from probtensor.ops.kinds.base import Kind
from probtensor.ops.kinds.placeholders import Random
from probtensor.types import TensorType


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


class Observing(Passing):
    """All inputs are handed to a function of Python (see `cython_ext/effects.pyx`): an effect. Each
    node of the graph has it once each time that the node is computed. No rule removes such a node,
    moves it out of its loop or computes it for all steps at once.

    uid     says when it was made: the effects of a graph happen in this order
    number  of what happens, in the table of effects
    guard   position of the input, a bool scalar, without which nothing happens; -1 if there is none
    """

    uid: str
    guard: int

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


def _is_one_of(node: Node, kinds: tuple[type[Op], ...]) -> bool:
    """Whether the op of a node, or of one in a body, is of one of these classes."""
    if isinstance(node.op, kinds):
        return True
    return node.op.has_bodies and any(body.has(kinds) for body in all_bodies(node.op))
