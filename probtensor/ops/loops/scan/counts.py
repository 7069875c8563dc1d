"""Numbers of steps that data decide."""

from __future__ import annotations

from probtensor.graph.node import Node
from probtensor.graph.sizes import size_of_value
from probtensor.ops.arrays.views import one_size
from probtensor.types import Size


def size_of(n: Size | Node, what: str) -> Size:
    """A number of steps as a size."""
    return one_size(n, f"{what}: the number of steps")


def cut_to(x: Node, count: Node) -> Node:
    """The first rows of x, as many as steps were run."""
    return x[: size_of_value(count)]
