"""The first input itself; the others are computed, and something is done with them, on the way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from probtensor.graph.closed import with_bodies
from probtensor.graph.node import Node
from probtensor.ops.kinds.base import Kind
from probtensor.ops.kinds.placeholders import Random
from probtensor.types import TensorType


class Passing(Kind):
    """The first input, which a node that reads this one reads in its place: it costs no memory and
    ends no loop. The others are computed because the node is, not because its value needs them."""

    reads_others: ClassVar[bool] = True

    def infer(self, x: TensorType, *others: TensorType) -> TensorType:
        return x

    def numpy(self, x: np.ndarray, *others: np.ndarray) -> np.ndarray:
        return np.asarray(x)

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


class Requiring(Passing):
    """The second input is a bool scalar that must be true: a call where it is not fails with
    `failure`, a message that begins with the name of the exception."""

    def failure(self, node: Node) -> str:
        """The message, for a node of this op."""
        raise NotImplementedError


def has_effect(node: Node) -> bool:
    """Whether a node has an effect, or one in a body."""
    if isinstance(node.op, Observing):
        return True
    return node.op.has_bodies and any(isinstance(x.op, Observing) for x in with_bodies([node]))


def bound_to_steps(order: Iterable[Node]) -> list[Node]:
    """The nodes that differ from step to step of a loop though they may read nothing that does:
    random variables, effects, and nodes with one of these in a body."""
    return [
        node
        for node in order
        if isinstance(node.op, (Random, Observing))
        or (node.op.has_bodies
            and any(isinstance(x.op, (Random, Observing)) for x in with_bodies([node])))
    ]  # fmt: skip
