"""Slices before what they are slices of: of a tensor that is only read in small parts, only these
are computed.

    (x + exp(y))[0]  ->  x[0] + exp(y[0])        sum(A, 1)[2:4]  ->  sum(A[2:4], 1)
    (A @ B)[0]       ->  A[0] @ B                exp(A.T)[0]     ->  exp(A[:, 0])

This is no rule, since it depends on who else reads the tensor: `exp(y)[0] + sum(exp(y))` computes
the exponentials once. Walking from the outputs to the inputs, each node learns which parts of it
are asked for; a node that few elements are asked of is computed at these only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from probtensor import ops
from probtensor.graph.node import Node, Op, made_by, make
from probtensor.graph.walk import rebuild, toposort
from probtensor.ops.kinds import Elementwise, Reduction
from probtensor.ops.random.draws import Draw
from probtensor.types import Size, size_names, size_value

# First index, step and number of indices along each axis.
Part = tuple[tuple[Size, int, Size], ...]

# A node of which at most this share of the elements is asked for is computed in parts, of which
# there are few.
MOST = 0.5
MAX_PARTS = 4
# The size that an unknown one is taken to be.
LARGE = 1 << 16


def read_parts(outputs: Sequence[Node]) -> list[Node]:
    """The outputs, where what is only read in small parts is computed at these only."""
    order = toposort(outputs)
    asked: dict[Node, dict[Part, None] | None] = dict.fromkeys(outputs)
    in_parts: set[Node] = set()
    for node in reversed(order):
        parts = asked.get(node)
        if parts is not None and _is_small(node, parts):
            in_parts.add(node)
            for part in parts:
                for x, inner in zip(node.inputs, _ways(node, part), strict=True):
                    _ask(asked, x, inner)
        elif isinstance(node.op, ops.Slice):
            _ask(asked, node.inputs[0], _part_of(node.op))
        else:
            for x in node.inputs:
                _ask(asked, x, None)
    if not any(isinstance(node.op, WORK) for node in in_parts):
        return list(outputs)
    return _Builder(in_parts).run(order, outputs)


def _ask(asked: dict[Node, dict[Part, None] | None], x: Node, part: Part | None) -> None:
    if part is None or part == _whole(x):
        asked[x] = None
    elif x not in asked:
        asked[x] = {part: None}
    elif asked[x] is not None:
        asked[x][part] = None


def _part_of(op: ops.Slice) -> Part:
    return tuple(zip(op.starts, op.steps, op.sizes, strict=True))


def _whole(x: Node) -> Part:
    return tuple((0, 1, n) for n in x.shape)


def _is_small(node: Node, parts: dict[Part, None]) -> bool:
    """Whether parts of a node can be computed, and are a small share of it."""
    if len(parts) > MAX_PARTS or any(_ways(node, part) is None for part in parts):
        return False
    sizes = [n for _, _, n in (row for part in parts for row in part)]
    names = dict.fromkeys({name for n in (*sizes, *node.shape) for name in size_names(n)}, LARGE)
    try:
        read = sum(prod(size_value(n, names) for _, _, n in part) for part in parts)
        return read <= MOST * prod(size_value(n, names) for n in node.shape)
    except ZeroDivisionError:  # a divisor is a difference of two unknown sizes
        return False


class _Builder:
    """Builds the graph again, with parts of some of its nodes in place of these."""

    def __init__(self, in_parts: set[Node]) -> None:
        self.in_parts = in_parts
        self.made: dict[Node, Node] = {}
        self.read: dict[tuple[Node, Part], Node] = {}

    def run(self, order: Sequence[Node], outputs: Sequence[Node]) -> list[Node]:
        """The outputs."""
        for node in order:
            if node in self.in_parts:
                continue
            if isinstance(node.op, ops.Slice) and node.inputs[0] in self.in_parts:
                with made_by(node):
                    self.made[node] = self.part(node.inputs[0], _part_of(node.op))
            else:
                self.made[node] = rebuild(node, tuple([self.made[x] for x in node.inputs]))
        return [self.made[output] for output in outputs]

    def part(self, node: Node, part: Part) -> Node:
        """A part of a node. (Iterative: chains of operations are long.)"""
        stack = [(node, part)]
        while stack:
            key = stack[-1]
            if key in self.read:
                stack.pop()
                continue
            x, rows = key
            if x not in self.in_parts:
                self.read[key] = _sliced(self.made[x], rows)
                continue
            operands = list(zip(x.inputs, _ways(x, rows), strict=True))
            missing = [pair for pair in operands if pair not in self.read]
            if missing:
                stack += missing
                continue
            with made_by(x):
                found = _applied(x, [self.read[pair] for pair in operands])
                self.read[key] = ops.broadcast_to(found, tuple(n for _, _, n in rows))
        return self.read[node, part]


def _sliced(x: Node, part: Part) -> Node:
    whole = part == _whole(x)
    return x if whole or not part else make(ops.Slice(*zip(*part, strict=True)), (x,))


def _applied(node: Node, operands: Sequence[Node]) -> Node:
    """The operation of a node on parts of its operands."""
    if isinstance(node.op, (ops.Slice, ops.BroadcastTo)):
        return operands[0]  # the part is that of the operand
    return make(node.op, operands)


# The parts of the operands that a part of a node is computed from; None if it cannot be.


def _of_elementwise(node: Node, part: Part) -> list[Part]:
    return [_aligned(x, node, part) for x in node.inputs]


def _aligned(x: Node, node: Node, part: Part) -> Part:
    """The part of an operand that broadcasts to a node."""
    lead = node.ndim - x.ndim
    return tuple(
        (0, 1, 1) if n == 1 and node.shape[lead + axis] != 1 else part[lead + axis]
        for axis, n in enumerate(x.shape)
    )


def _of_slice(node: Node, part: Part) -> list[Part]:
    rows = zip(_part_of(node.op), part, strict=True)
    return [tuple((first + start * step, step * inner, n)
                  for (first, step, _), (start, inner, n) in rows)]  # fmt: skip


def _of_transpose(node: Node, part: Part) -> list[Part]:
    return [tuple(part[node.op.axes.index(axis)] for axis in range(node.ndim))]


def _of_expanded(node: Node, part: Part) -> list[Part] | None:
    if any(part[axis] != (0, 1, 1) for axis in node.op.axes):
        return None
    return [tuple(row for axis, row in enumerate(part) if axis not in node.op.axes)]


def _of_dropped(node: Node, part: Part) -> list[Part]:
    rows = iter(part)
    (x,) = node.inputs
    return [tuple((0, 1, 1) if a in node.op.axes else next(rows) for a in range(x.ndim))]


def _of_reduced(node: Node, part: Part) -> list[Part]:
    rows = iter(part)
    (x,) = node.inputs
    return [tuple((0, 1, n) if a in node.op.axes else next(rows) for a, n in enumerate(x.shape))]


def _of_contracted(node: Node, part: Part) -> list[Part]:
    first, second, out = node.op.parts()
    asked = dict(zip(out, part, strict=True))
    return [
        tuple(asked.get(letter, (0, 1, n)) for letter, n in zip(letters, x.shape, strict=True))
        for letters, x in zip((first, second), node.inputs, strict=True)
    ]


WAYS: dict[type[Op], Callable[[Node, Part], list[Part] | None]] = {
    ops.BroadcastTo: _of_elementwise,
    ops.Slice: _of_slice,
    ops.Transpose: _of_transpose,
    ops.ExpandDims: _of_expanded,
    ops.DropAxes: _of_dropped,
    ops.Contract: _of_contracted,
}
# Operations that take time; the others are views, of which only what is read is computed anyway.
WORK = (Elementwise, Reduction, ops.Contract)


def _ways(node: Node, part: Part) -> list[Part] | None:
    op = node.op
    if isinstance(op, Elementwise):
        # Of draws the places count, and of checks that stop a call all elements.
        plain = not isinstance(op, Draw) and not getattr(op, "stops", False)
        return _of_elementwise(node, part) if plain else None
    if isinstance(op, Reduction):
        return _of_reduced(node, part)
    found = WAYS.get(type(op))
    return None if found is None else found(node, part)
