"""Numbers of steps that data decide."""

from __future__ import annotations

from probtensor.graph.node import Const, GraphError, Node
from probtensor.graph.symbolic import refusal
from probtensor.types import Size


def size_of(n: Size | Node, what: str) -> Size:
    """A number of steps as a size."""
    if not isinstance(n, Node):
        return n
    if isinstance(n.op, Const):
        return int(n.op.array)
    raise refusal(f"{what}: the number of steps is a tensor, {n.described}", n.birthplace,
                  "give a size, as x.shape[0]", kind=GraphError)  # fmt: skip


def cut_to(x: Node, count: Node) -> Node:
    """The first rows of x, as many as steps were run."""
    raise refusal("scan: until is not there yet", kind=GraphError)
