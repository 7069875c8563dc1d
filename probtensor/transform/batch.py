"""vmap: a graph over one item becomes a graph over a batch of them, in a new leading axis.

The kind of an op says how it is batched, so that ops need not. A node that no batched input reaches
is left as it is, and broadcasts. There is no loop and no batch op: the result is an ordinary graph.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.graph.node import GraphError, Node, as_tensor, line_of, made_by, make, new_input
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import Composite, Contraction, Core, Elementwise, Reduction
from probtensor.ops.reduce import one_axis
from probtensor.types import Size, broadcast_size, shape_text


@public
def vmap(function: Callable[..., Any], in_axes: Any = 0, out_axes: int = 0) -> Callable[..., Any]:
    """A function of batches from a function of items, both on graph nodes.

    in_axes: the axis of each argument that runs over the batch, or one axis for all; None for an
    argument that is shared. `function` returns a node or a list or tuple of them; the batch is
    axis `out_axes` of each result.
    """

    if not callable(function):
        raise GraphError(
            f"vmap: takes a function of tensors, as in pt.vmap(pt.exp)(x), not {function!r:.60}\n"
            f"  at {line_text()}"
        )

    @public(name="vmap")
    def batched(*arguments: Any) -> Any:
        nodes = [as_tensor(x) for x in arguments]
        axes = list(in_axes) if isinstance(in_axes, (tuple, list)) else [in_axes] * len(nodes)
        if len(axes) != len(nodes):
            raise GraphError(f"vmap: in_axes has {len(axes)} entries for {len(nodes)} arguments")
        items, batches = [], {}
        for x, axis in zip(nodes, axes, strict=True):
            item = x if axis is None else _item(x, axis)
            items.append(item)
            if axis is not None:
                batches[item] = ops.moveaxis(x, axis, 0)
        _check_batches(nodes, [x.shape[0] for x in batches.values()])
        if not batches:
            raise GraphError("vmap: at least one argument must have a batch axis")
        results = function(*items)
        many = isinstance(results, (tuple, list))
        found = vmap_nodes([as_tensor(y) for y in (results if many else [results])], batches)
        found = [ops.moveaxis(y, 0, one_axis(out_axes, y, "vmap")) for y in found]
        return type(results)(found) if many else found[0]

    return batched


def _check_batches(nodes: Sequence[Node], sizes: Sequence[Size]) -> None:
    """GraphError where batch axes of known sizes do not fit together."""
    known = [n for n in sizes if isinstance(n, int)]
    if any(n not in (1, max(known)) for n in known):
        shapes = ", ".join(f"{x.described} {shape_text(x.shape)}" for x in nodes)
        raise GraphError(
            f"vmap: the batch axes have sizes {' and '.join(map(str, dict.fromkeys(known)))}, in "
            f"{shapes}\n  at {line_text()}\n  in_axes= says which axis of each argument it is"
        )


def _item(x: Node, axis: int) -> Node:
    shape = list(x.shape)
    del shape[one_axis(axis, x, "vmap")]
    return new_input(x.name, x.dtype, shape)


def vmap_nodes(outputs: Sequence[Node], batches: Mapping[Node, Node]) -> list[Node]:
    """The outputs with nodes replaced by batches of them, which have one more, leading axis. Every
    result has the batch axis too."""
    size: Size = 1
    for x in batches.values():
        size = broadcast_size(size, x.shape[0])
    done: dict[Node, Node] = dict(batches)
    for node in toposort(outputs):
        if node not in done and any(x in done for x in node.inputs):
            with made_by(node):
                done[node] = _batch(node, [done.get(x) for x in node.inputs], size)
    return [done[y] if y in done else _repeated(y, size) for y in outputs]


def _repeated(x: Node, size: Size) -> Node:
    return ops.broadcast_to(x, (size, *x.shape))


def _batch(node: Node, batches: list[Node | None], size: Size) -> Node:
    """The node for a batch; None stands for an input that the batch shares."""
    op = node.op
    if isinstance(op, Elementwise):
        return make(op, _aligned(node.inputs, batches, node.ndim))
    if isinstance(op, Composite):
        given = {x: b for x, b in zip(node.inputs, batches, strict=True) if b is not None}
        return vmap_nodes([op.expand(*node.inputs)], given)[0]
    if isinstance(op, Reduction):
        return make(type(op)(tuple(a + 1 for a in op.axes)), (batches[0],))
    if isinstance(op, Contraction):
        return _batch_contraction(node, batches)
    if isinstance(op, Core):
        return _batch_routine(node, batches)
    structural = _STRUCTURAL.get(type(op))
    if structural is None:
        raise GraphError(f"vmap: {op.name} cannot be batched, at {line_of(node)}")
    return structural(node, batches, size)


def _aligned(
    inputs: Sequence[Node],
    batches: Sequence[Node | None],
    rank: int,
    cores: Sequence[int] | None = None,
) -> list[Node]:
    """Batched inputs with their batch axis in front of where all other axes broadcast."""
    found = []
    for k, (x, b) in enumerate(zip(inputs, batches, strict=True)):
        missing = rank - (x.ndim - (cores[k] if cores else 0))
        found.append(x if b is None else ops.expand_dims(b, tuple(range(1, 1 + missing))))
    return found


def _batch_routine(node: Node, batches: list[Node | None]) -> Node:
    """A call repeats every operand for every item."""
    ranks = [len(names) for names in node.op.signature()[0]]
    rank = max(x.ndim - r for x, r in zip(node.inputs, ranks, strict=True))
    return node.op(*_aligned(node.inputs, batches, rank, ranks))


def _batch_contraction(node: Node, batches: list[Node | None]) -> Node:
    first, second, out = node.op.parts()
    letter = next(c for c in string.ascii_letters if c not in first + second)
    parts = [
        letters if b is None else letter + letters
        for letters, b in zip((first, second), batches, strict=True)
    ]
    operands = [x if b is None else b for x, b in zip(node.inputs, batches, strict=True)]
    return make(type(node.op)(f"{parts[0]},{parts[1]}->{letter}{out}"), operands)


# Ops that move elements: each says where its axes are.


def _shifted(axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(a + 1 for a in axes)


def _expand_dims(node: Node, batches: list[Node | None], size: Size) -> Node:
    return make(ops.ExpandDims(_shifted(node.op.axes)), (batches[0],))


def _drop_axes(node: Node, batches: list[Node | None], size: Size) -> Node:
    return make(ops.DropAxes(_shifted(node.op.axes)), (batches[0],))


def _require(node: Node, batches: list[Node | None], size: Size) -> Node:
    return make(node.op, (batches[0],))


def _transpose(node: Node, batches: list[Node | None], size: Size) -> Node:
    return make(ops.Transpose((0, *_shifted(node.op.axes))), (batches[0],))


def _broadcast_to(node: Node, batches: list[Node | None], size: Size) -> Node:
    (x,) = _aligned(node.inputs, batches, node.ndim)
    return ops.broadcast_to(x, (x.shape[0], *node.shape))


def _sized(node: Node, batches: list[Node | None], size: Size) -> Node:
    return make(ops.Sized((size, *node.shape)), (batches[0],))


def _reshape(node: Node, batches: list[Node | None], size: Size) -> Node:
    return ops.reshape(batches[0], (batches[0].shape[0], *node.shape))


def _concatenate(node: Node, batches: list[Node | None], size: Size) -> Node:
    parts = [
        _repeated(x, size) if b is None else ops.broadcast_to(b, (size, *x.shape))
        for x, b in zip(node.inputs, batches, strict=True)
    ]
    return make(type(node.op)(node.op.axis + 1), parts)


def _slice(node: Node, batches: list[Node | None], size: Size) -> Node:
    op = node.op
    n = batches[0].shape[0]
    return make(ops.Slice((0, *op.starts), (1, *op.steps), (n, *op.sizes)), (batches[0],))


def _set_slice(node: Node, batches: list[Node | None], size: Size) -> Node:
    op = node.op
    whole = [
        _repeated(x, size) if b is None else ops.broadcast_to(b, (size, *x.shape))
        for x, b in zip(node.inputs, batches, strict=True)
    ]
    return make(ops.SetSlice((0, *op.starts), (1, *op.steps), (size, *op.sizes)), whole)


def _gather(node: Node, batches: list[Node | None], size: Size) -> Node:
    op = node.op
    x, *indices = node.inputs
    base, *places = batches
    if all(b is None for b in places):
        moved = type(op)(_shifted(op.axes), op.at + 1, op.mode)
        return make(moved, (base, *indices))
    grids = _aligned(indices, places, max(i.ndim for i in indices))
    if base is None:
        return ops.moveaxis(make(op, (x, *grids)), op.at, 0)
    # Both vary: item k of the batch of indices reads item k of the batch of bases.
    base = ops.broadcast_to(base, (size, *x.shape))
    moved = type(op)((0, *_shifted(op.axes)), op.at, op.mode)
    return ops.moveaxis(make(moved, (base, _own(grids, size), *grids)), op.at, 0)


def _own(grids: Sequence[Node], size: Size) -> Node:
    rank = max(grid.ndim for grid in grids)
    return ops.reshape(ops.arange(size), (size, *(1,) * (rank - 1)))


def _scatter(node: Node, batches: list[Node | None], size: Size) -> Node:
    op = node.op
    base, updates, *indices = [
        x if b is None else b for x, b in zip(node.inputs, batches, strict=True)
    ]
    base = _repeated(base, size) if batches[0] is None else base
    base = ops.broadcast_to(base, (size, *node.shape))
    shape = node.inputs[1].shape
    updates = _repeated(updates, size) if batches[1] is None else updates
    updates = ops.broadcast_to(updates, (size, *shape))
    if all(b is None for b in batches[2:]):
        return make(type(op)(_shifted(op.axes), op.at + 1, op.mode), (base, updates, *indices))
    grids = _aligned(node.inputs[2:], batches[2:], max(i.ndim for i in node.inputs[2:]))
    updates = ops.moveaxis(updates, 0, op.at)
    moved = type(op)((0, *_shifted(op.axes)), op.at, op.mode)
    return make(moved, (base, updates, _own(grids, size), *grids))


_STRUCTURAL: dict[type, Callable[[Node, list[Node | None], Size], Node]] = {
    ops.ExpandDims: _expand_dims,
    ops.DropAxes: _drop_axes,
    ops.Require: _require,
    ops.Transpose: _transpose,
    ops.BroadcastTo: _broadcast_to,
    ops.Sized: _sized,
    ops.Reshape: _reshape,
    ops.Concatenate: _concatenate,
    ops.Slice: _slice,
    ops.SetSlice: _set_slice,
    ops.Gather: _gather,
    ops.Scatter: _scatter,
}
