"""A part of a tensor along one axis, as a graph that computes nothing else.

What selects the part is moved below elementwise ops, views, gathers, joins, reductions and products
of matrices, down to what it is a part of. So an element of a join is computed from the operand that
it comes from alone, and of a variable only the entries are read that the part needs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from probtensor import ops
from probtensor.dataclass import dataclass, replace
from probtensor.graph.node import Node, make
from probtensor.graph.sizes import rebuilt
from probtensor.graph.walk import toposort
from probtensor.ops.arrays.require import Require
from probtensor.ops.arrays.views import axis_groups
from probtensor.ops.kinds import Contraction, Elementwise, Join, Reduction
from probtensor.ops.reductions.composite import OverAxes
from probtensor.prob.enumeration.places import Axis
from probtensor.prob.enumeration.reads import index_at
from probtensor.types import Size


@dataclass(frozen=True)
class Range:
    """The entries start, start + 1, ... along an axis, `size` of them."""

    start: Size
    size: Size

    def known(self, x: Node, axis: int) -> Node | None:
        """The part, where it is at hand."""
        return x if self.size == x.shape[axis] else None

    def of(self, x: Node, axis: int) -> Node:
        """The part, of a node below which it is not moved."""
        return _sliced(x, axis, self.start, self.size)

    def keep(self, x: Node, axis: int, part: Node) -> None:
        """Be told what the part of a node is."""

    def after(self, offset: Size) -> Range:
        """The entries that lie `offset` further on."""
        return Range(self.start + offset, self.size)

    def numbers(self) -> Node:
        """The indices of the entries."""
        return ops.arange(self.size) + self.start


Selection = Range  # or what has its methods, as repeats.Rows
Part = Callable[[Node, int], Node]


def part_of(x: Node, axis: int, chosen: Selection) -> Node:
    """The chosen entries of x along an axis."""
    part = chosen.known(x, axis)
    if part is None:
        part = _operands(x, axis, chosen)
        part = chosen.of(x, axis) if part is None else part
        chosen.keep(x, axis, part)
    return part


def with_parts(output: Node, inside: Collection[Node]) -> Node:
    """The output with slices of nodes of `inside` moved down to what they are slices of."""
    done: dict[Node, Node] = {}
    for node in toposort([output]):
        if node not in inside:
            continue
        own = rebuilt(node, done)
        if isinstance(own.op, ops.Slice):
            own = _pushed(own)
        done[node] = own
    return done.get(output, output)


def _pushed(node: Node) -> Node:
    x = node.inputs[0]
    for axis, (start, step, size) in enumerate(
        zip(node.op.starts, node.op.steps, node.op.sizes, strict=True)
    ):
        if step != 1:
            return node
        x = part_of(x, axis, Range(start, size))
    return x


def _sliced(x: Node, axis: int, start: Size, size: Size) -> Node:
    """The slice itself."""
    starts, sizes = [0] * x.ndim, list(x.shape)
    starts[axis], sizes[axis] = start, size
    if isinstance(x.op, ops.Slice) and x.op.steps[axis] == 1:
        op, inner = x.op, x.inputs[0]
        starts = [op.starts[k] + op.steps[k] * n for k, n in enumerate(starts)]
        return make(ops.Slice(tuple(starts), op.steps, tuple(sizes)), (inner,))
    return make(ops.Slice(tuple(starts), (1,) * x.ndim, tuple(sizes)), (x,))


def _operands(x: Node, axis: int, chosen: Selection) -> Node | None:
    """The part, of an op that is applied to parts of its operands; None for other ops."""
    op, size = x.op, chosen.size
    part: Part = lambda y, a: part_of(y, a, chosen)  # noqa: E731
    if isinstance(op, Elementwise):
        return make(op, [_aligned(y, axis - (x.ndim - y.ndim), part) for y in x.inputs])
    if isinstance(op, ops.BroadcastTo):
        y = x.inputs[0]
        y = _aligned(y, axis - (x.ndim - y.ndim), part)
        shape = [size if k == axis else n for k, n in enumerate(x.shape)]
        return ops.broadcast_to(y, tuple(shape))
    if isinstance(op, Require):
        return part(x.inputs[0], axis)
    if isinstance(op, (ops.ExpandDims, ops.DropAxes, ops.Transpose)):
        below = op.axes[axis] if isinstance(op, ops.Transpose) else op.axis_below(x, axis)
        return None if below is None else make(op, (part(x.inputs[0], below),))
    if isinstance(op, ops.Reshape):
        return _of_reshape(x, axis, size, part)
    if isinstance(op, ops.Gather):
        return _of_gather(x, axis, chosen)
    if isinstance(op, ops.Iota):
        return chosen.numbers()
    if isinstance(op, (Reduction, OverAxes)) and x.ndim < x.inputs[0].ndim:
        kept = [a for a in range(x.inputs[0].ndim) if a not in op.axes]
        return make(op, (part(x.inputs[0], kept[axis]),))
    if isinstance(op, Contraction):
        *operands, out = op.parts()
        pairs = zip(operands, x.inputs, strict=True)
        return make(op, [part(y, own.index(out[axis])) if out[axis] in own else y
                         for own, y in pairs])  # fmt: skip
    if isinstance(op, Join):
        return _of_join(x, axis, chosen)
    if isinstance(op, ops.Slice) and op.steps[axis] == 1:
        inner = part_of(x.inputs[0], axis, chosen.after(op.starts[axis]))
        starts = [0 if k == axis else n for k, n in enumerate(op.starts)]
        sizes = [size if k == axis else n for k, n in enumerate(op.sizes)]
        whole = not any(starts) and tuple(sizes) == inner.shape and set(op.steps) == {1}
        return inner if whole else make(ops.Slice(tuple(starts), op.steps, tuple(sizes)), (inner,))
    return None


def _aligned(y: Node, axis: int, part: Part) -> Node:
    """The part of an operand that broadcasts."""
    return y if axis < 0 or y.shape[axis] == 1 else part(y, axis)


def _of_reshape(x: Node, axis: int, size: Size, part: Part) -> Node | None:
    (y,) = x.inputs
    for olds, news in axis_groups(y.shape, x.shape):
        if news == [axis] and len(olds) == 1:
            shape = [size if k == axis else n for k, n in enumerate(x.shape)]
            return make(ops.Reshape(tuple(shape)), (part(y, olds[0]),))
    return None


def _of_gather(x: Node, axis: int, chosen: Selection) -> Node:
    op, (base, *indices) = x.op, x.inputs
    block = max(i.ndim for i in indices)
    if not op.at <= axis < op.at + block:
        rest = [a for a in range(base.ndim) if a not in op.axes]
        below = rest[axis if axis < op.at else axis - block]
        return make(op, (part_of(base, below, chosen), *indices))
    for k, index in enumerate(indices):
        own = axis - op.at - (block - index.ndim)
        if own < 0 or index.shape[own] == 1:
            continue
        place = index_at(index, tuple(map(Axis, range(index.ndim))))
        if isinstance(place, Axis) and place.axis == own:
            # The part of the base, instead of that of the index.
            base = part_of(base, op.axes[k], chosen.after(place.offset))
            shape = [chosen.size if a == own else 1 for a in range(index.ndim)]
            indices[k] = ops.reshape(ops.arange(chosen.size), tuple(shape))
        else:
            indices[k] = part_of(index, own, chosen)
    return make(op, (base, *indices))


def _of_join(x: Node, axis: int, chosen: Selection) -> Node | None:
    if axis != x.op.axis:
        return make(x.op, [part_of(y, axis, chosen) for y in x.inputs])
    if not isinstance(chosen, Range):
        return None
    start, size = chosen.start, chosen.size
    first: Size = 0
    kept = []
    for y in x.inputs:
        last = first + y.shape[axis]
        low, high = start - first, start + size - last  # what of the operand is not read
        if not _decided(low, high, start + size - first, last - start):
            return None
        if start + size - first > 0 and last - start > 0:
            begin = max(low, 0) if isinstance(low, int) else 0
            end = y.shape[axis] + high if isinstance(high, int) and high < 0 else y.shape[axis]
            kept.append(part_of(y, axis, Range(begin, end - begin)))
        first = last
    return kept[0] if len(kept) == 1 else make(replace(x.op), kept)


def _decided(*differences: Size) -> bool:
    return all(isinstance(n, int) for n in differences)
