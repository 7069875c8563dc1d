"""Picks: where few elements of a tensor are read, only they are computed.

The log mass of a category is log(p)[arange(n), y], one entry of each row. The arrays that say which
are carried inwards, over elementwise ops and joins, to the tensors that all is made of. An ordinal
model written by hand then computes the two cumulative probabilities beside each outcome, not those
of all categories.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from probtensor import ops
from probtensor.graph import ancestors
from probtensor.graph.node import Node, make
from probtensor.ops.kinds import Elementwise
from probtensor.transform.rewrite import Ruleset, rewrite
from probtensor.types import Shape, Size

# Joins of more parts than this are read as they are: each part is a choice at every place.
PARTS = 6
# Nodes looked through.
DEEP = 24

_RENAMING = (ops.Reshape, ops.ExpandDims, ops.BroadcastTo)


Place = Node | int


class Reader:
    """Reads tensors at places that lie inside them: a number or an integer array for each axis, all
    of which broadcast to the shape of what is read."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.seen: dict[tuple, Node] = {}
        self.moved = False

    def read(self, x: Node, places: Sequence[Place], depth: int = DEEP) -> Node:
        """x[places]."""
        key = (x, *places)
        if key not in self.seen:
            through = self._ways(x) if depth > 0 else None
            found = None if through is None else through(x, places, depth - 1)
            self.seen[key] = self._gathered(x, places) if found is None else found
        return self.seen[key]

    def _ways(self, x: Node) -> Callable | None:
        if isinstance(x.op, Elementwise):
            return self._of_elementwise
        ways = {
            ops.BroadcastTo: self._of_broadcast,
            ops.ExpandDims: self._of_expanded,
            ops.Slice: self._of_slice,
            ops.Concatenate: self._of_joined,
        }
        return ways.get(type(x.op))

    def _gathered(self, x: Node, places: Sequence[Place]) -> Node:
        x = x[tuple(p if isinstance(p, int) else slice(None) for p in places)]
        places = [p for p in places if not isinstance(p, int)]
        if not x.ndim:
            return x
        if x.ndim == len(self.shape) and all(
            is_own_axis(place, axis, x.shape[axis], x.ndim) for axis, place in enumerate(places)
        ):
            return x
        return make(ops.Gather(tuple(range(x.ndim)), 0), (x, *places))

    def _of_elementwise(self, x: Node, places: Sequence[Place], depth: int) -> Node:
        self.moved = True
        return x.op(*(self._operand(y, x, places, depth) for y in x.inputs))

    def _of_broadcast(self, x: Node, places: Sequence[Place], depth: int) -> Node:
        return self._operand(x.inputs[0], x, places, depth)

    def _operand(self, y: Node, x: Node, places: Sequence[Place], depth: int) -> Node:
        """An operand that is repeated to the shape of x, where x is read."""
        lead = x.ndim - y.ndim
        single = tuple(a for a in range(y.ndim) if y.shape[a] == 1)
        own = [places[lead + a] for a in range(y.ndim) if a not in single]
        return self.read(without(y, single), own, depth)

    def _of_expanded(self, x: Node, places: Sequence[Place], depth: int) -> Node:
        own = [place for axis, place in enumerate(places) if axis not in x.op.axes]
        return self.read(x.inputs[0], own, depth)

    def _of_slice(self, x: Node, places: Sequence[Place], depth: int) -> Node | None:
        if not all(isinstance(start, int) for start in x.op.starts):
            return None
        moved = [
            shifted(place, start, step)
            for place, start, step in zip(places, x.op.starts, x.op.steps, strict=True)
        ]
        return self.read(x.inputs[0], moved, depth)

    def _of_joined(self, x: Node, places: Sequence[Place], depth: int) -> Node | None:
        axis = x.op.axis
        sizes = [part.shape[axis] for part in x.inputs]
        if len(sizes) > PARTS or not all(isinstance(n, int) and n > 0 for n in sizes):
            return None
        place, start = places[axis], sum(sizes)
        if isinstance(place, int):
            return None
        found = None
        for part, size in zip(x.inputs[::-1], sizes[::-1], strict=True):
            start -= size
            inside = 0 if size == 1 else ops.clip(shifted(place, -start, 1), 0, size - 1)
            own = [inside if a == axis else p for a, p in enumerate(places)]
            value = self.read(part, own, depth)
            found = value if found is None else ops.where(place < start + size, value, found)
        self.moved = True
        return found


def without(x: Node, axes: tuple[int, ...]) -> Node:
    """A tensor without some axes of size 1; those that were put in are left out again."""
    if not axes:
        return x
    if isinstance(x.op, ops.ExpandDims) and x.op.axes == axes:
        return x.inputs[0]
    return ops.squeeze(x, axes)


def shifted(place: Place, start: int, step: int) -> Place:
    """start + step * place."""
    scaled = place if step == 1 else place * step
    return scaled + start if start else scaled


def is_own_axis(place: Node, axis: int, size: Size, ndim: int) -> bool:
    """Is a place just the index along one axis of the result?"""
    own = (1,) * axis + (size,) + (1,) * (ndim - axis - 1)
    if place.shape != own[ndim - place.ndim :] or place.ndim < ndim - axis:
        return False
    while isinstance(place.op, _RENAMING):
        place = place.inputs[0]
    return isinstance(place.op, ops.Iota) and place.op.size == size


def is_sure(place: Node, size: Size) -> bool:
    """Does an index lie inside an axis by the way it is made?"""
    while isinstance(place.op, _RENAMING):
        place = place.inputs[0]
    return isinstance(place.op, ops.Iota) and place.op.size == size


def reads_few(whole: Shape, read: Shape) -> bool:
    """Are no more than half of the elements of a tensor read?"""
    left = list(whole)
    for n in read:
        if n in left:
            left.remove(n)
        elif n != 1:
            return False
    return all(n != 0 for n in left) and any(isinstance(n, int) and n > 1 for n in left)


def _rows() -> tuple[Node, ...]:
    """A key that picks one of three elements from each of four rows."""
    return ops.arange(4), ops.tensor("i", (4,), "int64")


@rewrite(
    on=ops.Gather,
    example=lambda: (
        ops.sigmoid(ops.tensor("x", (4, 3)))[_rows()],
        (lambda c, e: ops.square(c - e[:, None])[_rows()])(
            ops.tensor("c", (3,)), ops.tensor("e", (4,))
        ),
        (lambda x: ops.concatenate([x[:, :1], ops.exp(x[:, 1:2]), 1 - x[:, 1:]], 1)[_rows()])(
            ops.tensor("x", (4, 2))
        ),
    ),
)
def compute_what_is_read(node: Node) -> Node | None:
    """f(x)[i, j] -> f(x[i, j]) where at most half of the elements of f(x) are read."""
    x, *places = node.inputs
    whole = node.op.axes == tuple(range(x.ndim)) and node.op.at == 0 and node.op.mode == "raise"
    if not whole or not reads_few(x.shape, node.shape):
        return None
    # What is out of range must be noticed though it be clipped: an index is looked up as it is.
    sure = [
        place if is_sure(place, n) else make(ops.Gather((0,), 0), (ops.arange(n), place))
        for place, n in zip(places, x.shape, strict=True)
    ]
    reader = Reader(node.shape)
    found = reader.read(x, sure)
    if not reader.moved:
        return None
    inside = set(ancestors([found]))
    if not all(place in inside for place, own in zip(sure, places) if place is not own):
        return None
    return ops.broadcast_to(found, node.shape)


PICKS = Ruleset(compute_what_is_read)
