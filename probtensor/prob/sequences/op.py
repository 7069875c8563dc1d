"""The node of a sequence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probtensor.dataclass import dataclass
from probtensor.graph.node import Node
from probtensor.prob.distributions.base import RandomVariable
from probtensor.types import SizeCheck, TensorType


@dataclass(frozen=True)
class RandomSequence(RandomVariable):
    """The values of a random variable of a loop in all steps, along axis 0: an array of the shape
    (steps, *shape of the variable). Its input is the stacked result of the loop that draws them.

    The parameters are not inputs, since they may depend on earlier values: see `resolved`.
    """

    def infer(self, drawn: TensorType) -> TensorType:
        return drawn

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        yield from ()

    def draw(self, variable: Node, key: Node, inputs: Sequence[Node]) -> Node:
        return inputs[0]


def loop_of(sequence: Node) -> Node:
    """The loop that draws a sequence."""
    return sequence.inputs[0].inputs[0]
