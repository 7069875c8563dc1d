"""Where a value is wanted: `y.transfer("cuda")`. Neither it nor its derivative changes."""

from __future__ import annotations

from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike, as_tensor, make
from probtensor.ops.gradient import SameValue
from probtensor.ops.kinds import method, op
from probtensor.ops.samples import Sample

PLACES = ("cpu", "cuda")


@op
class Transfer(SameValue):
    """The argument, wanted in the memory of `place`. As an output of a function it says where the
    result is handed over; anywhere else the graph is computed where its function runs."""

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
    """(what an output computes, where it is wanted: "cpu" unless it says otherwise)."""
    place = ""
    while isinstance(node.op, Transfer):
        place = place or node.op.place
        node = node.inputs[0]
    return node, place or "cpu"
