"""The memory that an output is returned in: `y.transfer("cuda")`. The value is not changed."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike, as_tensor, make
from probtensor.ops.derivatives import SameValue
from probtensor.ops.kinds import method, op
from probtensor.ops.samples import Sample

PLACES = ("cpu", "cuda")


@op
class Transfer(SameValue):
    """The argument, returned in the memory of `place` if it is an output of a function; elsewhere
    in a graph it has no effect."""

    place: str
    samples = tuple(
        Sample(lambda rng: (rng.normal(size=(3, 4)),), {"place": place}) for place in PLACES
    )

    def vjp(self, g, out, x):
        return (g,)


@method
@public
def transfer(x: TensorLike, place: str) -> Node:
    """x in the memory of `place`, "cpu" or "cuda". An output marked "cuda" of a function that runs
    there comes back as a `DeviceArray`, without waiting for it and without a copy."""
    if place not in PLACES:
        raise ValueError(f"transfer: {place!r} is none of {', '.join(PLACES)}")
    return make(Transfer(place), (as_tensor(x),))


def handed_over(node: Node) -> tuple[Node, str]:
    """(output without `Transfer`, its memory: "cpu" unless it has a `Transfer`)."""
    place = ""
    while marks := _marks(node):
        place = place or marks[0].op.place
        held = [mark.inputs[0] for mark in marks]
        node = make(node.op, held, type(node)) if node.is_complex else held[0]
    return node, place or "cpu"


def _marks(node: Node) -> Sequence[Node]:
    """The node, or both of its parts if it is complex, where they are `Transfer` to one place."""
    found = node.inputs if node.is_complex else (node,)
    places = {x.op.place if isinstance(x.op, Transfer) else "" for x in found}
    return found if len(places) == 1 and "" not in places else ()
