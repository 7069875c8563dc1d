"""Numbers of steps that data decide."""

from __future__ import annotations

from probtensor.graph.node import Node
from probtensor.graph.sizes import size_of_value
from probtensor.ops.indexing.slicing import narrow
from probtensor.types import Size


def size_of(n: Size | Node) -> Size:
    """A number of steps as a size; a call refuses a negative value."""
    return size_of_value(n) if isinstance(n, Node) else n


def cut_to(x: Node, count: Node) -> Node:
    """The first rows of x, as many as steps were run."""
    return x if x.shape[0] == 0 else narrow(x, 0, 0, size_of_value(count))
