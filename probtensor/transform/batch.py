"""vmap: a graph over one item becomes a graph over a batch of them, in a new leading axis.

Each kind of op defines how its ops are batched. A node that depends on no batched input is left as
it is, and broadcasts. There is no loop and no batch op: the result is an ordinary graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.graph.node import GraphError, Node, as_tensor, line_of, made_by, new_input
from probtensor.graph.sizes import refuse_measured
from probtensor.graph.walk import toposort
from probtensor.ops.complexes.pair import pair, parts_of
from probtensor.ops.kinds import Batch
from probtensor.ops.reductions.folds import one_axis
from probtensor.types import Size, broadcast_size, shape_text, sourced_atoms


@public
def vmap(
    function: Callable[..., object], in_axes: object = 0, out_axes: int = 0
) -> Callable[..., object]:
    """A function of batches from a function of items, both on graph nodes.

    in_axes: the axis of each argument that runs over the batch, or one axis for all; None for an
    argument that is shared. `function` returns a node or a list or tuple of them; the batch is
    axis `out_axes` of each result.

    Returns a function of as many tensors; its results have the batch axis, of the size that the
    batch axes of the arguments.
    Raises GraphError, a TypeError, for what is no function; and when it is called, for another
    number of arguments than axes, axes that they have not, sizes that differ, and no batch axis at
    all.

        >>> x = pt.matrix("x")
        >>> pt.vmap(pt.sum)(x).eval({x: [[1.0, 2.0], [3.0, 4.0]]})
        array([3., 7.])
    """

    if not callable(function):
        raise GraphError(
            f"vmap: takes a function of tensors, as in pt.vmap(pt.exp)(x), not {function!r:.60}\n"
            f"  at {line_text()}"
        )

    @public(name="vmap")
    def batched(*arguments: object) -> object:
        nodes = [as_tensor(x) for x in arguments]
        axes = list(in_axes) if isinstance(in_axes, (tuple, list)) else [in_axes] * len(nodes)
        if len(axes) != len(nodes):
            raise GraphError(f"vmap: in_axes has {len(axes)} entries for {len(nodes)} arguments")
        items, batches = [], {}
        for x, axis in zip(nodes, axes, strict=True):
            item = x if axis is None else _item(x, axis)
            items.append(item)
            if axis is not None:
                moved = ops.moveaxis(x, axis, 0)
                batches.update(zip(parts_of(item), parts_of(moved), strict=True))
        _check_batches(nodes, [x.shape[0] for x in batches.values()])
        if not batches:
            raise GraphError("vmap: at least one argument must have a batch axis")
        results = function(*items)
        many = isinstance(results, (tuple, list))
        wanted = [as_tensor(y) for y in (results if many else [results])]
        found = iter(vmap_nodes([part for y in wanted for part in parts_of(y)], batches))
        found = [pair(next(found), next(found)) if y.is_complex else next(found) for y in wanted]
        found = [ops.moveaxis(y, 0, one_axis(out_axes, y, "vmap")) for y in found]
        return type(results)(found) if many else found[0]

    return batched


def _check_batches(nodes: Sequence[Node], sizes: Sequence[Size]) -> None:
    """GraphError if batch axes of fixed size have different sizes, other than 1."""
    fixed = [n for n in sizes if isinstance(n, int)]
    if any(n not in (1, max(fixed)) for n in fixed):
        shapes = ", ".join(f"{x.described} {shape_text(x.shape)}" for x in nodes)
        raise GraphError(
            f"vmap: the batch axes have sizes {' and '.join(map(str, dict.fromkeys(fixed)))}, in "
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
    done = {x: _repeated(batch, size) for x, batch in batches.items()}
    for node in toposort(outputs):
        if node not in done:
            _check_sizes(node, done)
        if node not in done and any(x in done for x in node.inputs):
            with made_by(node):
                inputs = tuple(done.get(x) for x in node.inputs)
                done[node] = node.op.batched(Batch(node, inputs, size, vmap_nodes))
    return [done[y] if y in done else ops.broadcast_to(y, (size, *y.shape)) for y in outputs]


def _check_sizes(node: Node, done: Mapping[Node, Node]) -> None:
    """GraphError if a size of a node differs between the items of a batch."""
    for atom in sourced_atoms((node.op, node.type)):
        if atom.source in done:
            text = "vmap: items would have different sizes"
            refuse_measured([node], text, f"it is used at {line_of(node)}")


def _repeated(batch: Node, size: Size) -> Node:
    """The batch; one of a single item as many times as the others have items."""
    if batch.shape[0] != 1 or size == 1:
        return batch
    return ops.broadcast_to(batch, (size, *batch.shape[1:]))
