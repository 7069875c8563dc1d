"""Picks: if few elements of a computed tensor are read, only those are computed.

The log mass of a category is log(p)[arange(n), y], one entry of each row. The gather is moved
through elementwise ops, broadcasts, slices and joins to the tensors that these are computed from.
A hand-written ordinal model then computes two cumulative probabilities for each observation, not
those of all categories.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from probtensor import ops
from probtensor.graph import ancestors
from probtensor.graph.node import Node, make
from probtensor.ops.kinds import Elementwise
from probtensor.transform.rewrite import Ruleset, rewrite
from probtensor.types import Shape, Size

# A gather is not moved into a join of more parts: each part adds a `where` to every element.
MAX_PARTS = 6
# Ops that a gather is moved through, at most.
MAX_DEPTH = 24

_RENAMING = (ops.Reshape, ops.ExpandDims, ops.BroadcastTo)


Index = Node | int


class Reader:
    """Builds x[indices] for indices within the bounds of x: an integer or an integer array for each
    axis, which broadcast to `shape`, the shape of the result."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.seen: dict[tuple, Node] = {}
        self.moved = False

    def read(self, x: Node, indices: Sequence[Index], depth: int = MAX_DEPTH) -> Node:
        """x[indices], where the gather is moved through at most `depth` ops."""
        key = (x, *indices)
        if key not in self.seen:
            through = self._ways(x) if depth > 0 else None
            found = None if through is None else through(x, indices, depth - 1)
            self.seen[key] = self._gathered(x, indices) if found is None else found
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

    def _gathered(self, x: Node, indices: Sequence[Index]) -> Node:
        x = x[tuple(p if isinstance(p, int) else slice(None) for p in indices)]
        indices = [p for p in indices if not isinstance(p, int)]
        if not x.ndim:
            return x
        if x.ndim == len(self.shape) and all(
            is_own_axis(index, axis, x.shape[axis], x.ndim) for axis, index in enumerate(indices)
        ):
            return x
        return make(ops.Gather(tuple(range(x.ndim)), 0), (x, *indices))

    def _of_elementwise(self, x: Node, indices: Sequence[Index], depth: int) -> Node:
        self.moved = True
        return x.op(*(self._operand(y, x, indices, depth) for y in x.inputs))

    def _of_broadcast(self, x: Node, indices: Sequence[Index], depth: int) -> Node:
        return self._operand(x.inputs[0], x, indices, depth)

    def _operand(self, y: Node, x: Node, indices: Sequence[Index], depth: int) -> Node:
        """The elements of y, an operand that broadcasts to the shape of x, at indices into x."""
        lead = x.ndim - y.ndim
        single = tuple(a for a in range(y.ndim) if y.shape[a] == 1)
        inner_indices = [indices[lead + a] for a in range(y.ndim) if a not in single]
        return self.read(without(y, single), inner_indices, depth)

    def _of_expanded(self, x: Node, indices: Sequence[Index], depth: int) -> Node:
        inner_indices = [index for axis, index in enumerate(indices) if axis not in x.op.axes]
        return self.read(x.inputs[0], inner_indices, depth)

    def _of_slice(self, x: Node, indices: Sequence[Index], depth: int) -> Node | None:
        if not all(isinstance(start, int) for start in x.op.starts):
            return None
        moved = [
            shifted(index, start, step)
            for index, start, step in zip(indices, x.op.starts, x.op.steps, strict=True)
        ]
        return self.read(x.inputs[0], moved, depth)

    def _of_joined(self, x: Node, indices: Sequence[Index], depth: int) -> Node | None:
        axis = x.op.axis
        sizes = [part.shape[axis] for part in x.inputs]
        if len(sizes) > MAX_PARTS or not all(isinstance(n, int) and n > 0 for n in sizes):
            return None
        index, start = indices[axis], sum(sizes)
        if isinstance(index, int):
            return None
        found = None
        for part, size in zip(x.inputs[::-1], sizes[::-1], strict=True):
            start -= size
            within = 0 if size == 1 else ops.clip(shifted(index, -start, 1), 0, size - 1)
            inner_indices = [within if a == axis else p for a, p in enumerate(indices)]
            value = self.read(part, inner_indices, depth)
            found = value if found is None else ops.where(index < start + size, value, found)
        self.moved = True
        return found


def without(x: Node, axes: tuple[int, ...]) -> Node:
    """x without some axes of size 1; if x is an expand_dims of these axes, its input."""
    if not axes:
        return x
    if isinstance(x.op, ops.ExpandDims) and x.op.axes == axes:
        return x.inputs[0]
    return ops.squeeze(x, axes)


def shifted(index: Index, start: int, step: int) -> Index:
    """start + step * index."""
    scaled = index if step == 1 else index * step
    return scaled + start if start else scaled


def is_own_axis(index: Node, axis: int, size: Size, ndim: int) -> bool:
    """Is this index arange(size) along one axis of the result?"""
    shape = (1,) * axis + (size,) + (1,) * (ndim - axis - 1)
    if index.shape != shape[ndim - index.ndim :] or index.ndim < ndim - axis:
        return False
    while isinstance(index.op, _RENAMING):
        index = index.inputs[0]
    return isinstance(index.op, ops.Iota) and index.op.size == size


def is_in_range(index: Node, size: Size) -> bool:
    """Is this index arange(size), and thus within an axis of that size?"""
    while isinstance(index.op, _RENAMING):
        index = index.inputs[0]
    return isinstance(index.op, ops.Iota) and index.op.size == size


def reads_few(shape: Shape, read: Shape) -> bool:
    """Are at most half of the elements of a tensor of this shape read?"""
    left = list(shape)
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
def gather_before_elementwise(node: Node) -> Node | None:
    """f(x)[i, j] -> f(x[i, j]) where at most half of the elements of f(x) are read."""
    x, *indices = node.inputs
    all_axes = node.op.axes == tuple(range(x.ndim)) and node.op.at == 0 and node.op.mode == "raise"
    if not all_axes or not reads_few(x.shape, node.shape):
        return None
    # Indices out of range must still raise, though those into joins are clipped: gathering from an
    # arange checks them and returns them.
    checked = [
        index if is_in_range(index, n) else make(ops.Gather((0,), 0), (ops.arange(n), index))
        for index, n in zip(indices, x.shape, strict=True)
    ]
    reader = Reader(node.shape)
    found = reader.read(x, checked)
    if not reader.moved:
        return None
    reached = set(ancestors([found]))
    if not all(new in reached for new, old in zip(checked, indices) if new is not old):
        return None
    return ops.broadcast_to(found, node.shape)


PICKS = Ruleset(gather_before_elementwise)
