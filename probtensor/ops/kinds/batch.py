"""The argument of `batched`: a node and batches of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Node
from probtensor.types import Size


@dataclass(frozen=True)
class Batch:
    """A node, and its inputs as batches, which have one more, leading axis.

    inputs    a batch for each input of the node; None for an input that is shared by all items. The
              node with several results that `Get` reads may be a tuple of their batches
    size      the length of the batch axis
    outputs   `outputs(nodes, batches)`: other nodes with nodes replaced by batches of them
    """

    node: Node
    inputs: tuple[Node | None, ...]
    size: Size
    outputs: Callable[[Sequence[Node], Mapping[Node, Node]], list[Node]]

    @property
    def first(self) -> Node:
        """The batch of the first input."""
        return self.inputs[0]

    def mixed(self) -> list[Node]:
        """The batch of each input, or the input itself if it is shared."""
        pairs = zip(self.node.inputs, self.inputs, strict=True)
        return [x if b is None else b for x, b in pairs]

    def full(self, k: int) -> Node:
        """The batch of input k, broadcast if it is shared."""
        x, b = self.node.inputs[k], self.inputs[k]
        return ops.broadcast_to(x if b is None else b, (self.size, *x.shape))

    def aligned(self, rank: int, cores: Sequence[int] | None = None, start: int = 0) -> list[Node]:
        """The inputs from `start` on, with axes of size 1 after the batch axis, so that each has
        `rank` axes besides its core axes and all broadcast."""
        found = []
        for k, x in enumerate(self.mixed()[start:], start):
            if self.inputs[k] is None:
                found.append(x)
                continue
            missing = rank - (self.node.inputs[k].ndim - (cores[k] if cores else 0))
            found.append(ops.expand_dims(x, tuple(range(1, 1 + missing))))
        return found


def shifted(axes: Sequence[int]) -> tuple[int, ...]:
    """Axes of an item as axes of a batch."""
    return tuple(axis + 1 for axis in axes)


def item_numbers(rank: int, size: Size) -> Node:
    """arange(size) along the first of `rank` axes: the index of each item."""
    return ops.reshape(ops.arange(size), (size, *(1,) * (rank - 1)))
