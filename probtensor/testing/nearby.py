"""Graphs near a given one: the same with one change, which a careless rule may not notice.

    neighbours([graph], rng)     other modes, axes, signs, bounds, literals, operands, dtypes, sizes

A rule that is written as a function checks some parts of a graph and may forget others. It was
written for its example; a near graph differs from that in one detail: a maximum instead of a sum, a
slice shifted by one, another axis, another operand of the same type. Graphs that cannot be built
and changes without effect are skipped.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph.node import Const, GraphError, Input, Node, Op, SizeOf, make, new_input
from probtensor.graph.walk import inputs_of, toposort
from probtensor.ops.kinds import Elementwise, Reduction
from probtensor.types import Dim, ShapeError

# What building a graph that does not fit raises.
REFUSED = (ShapeError, GraphError, TypeError, ValueError, IndexError, AssertionError)
# Numbers that stand in for a literal.
LITERALS = (0.0, 1.0, -1.0, 2.0, -0.5, 3.0, 1e-300, 1e300, np.inf, np.nan)
# Ops of one signature, any of which may stand for another.
FAMILIES: tuple[tuple[Any, ...], ...] = (
    (ops.add, ops.sub, ops.mul, ops.div),
    (ops.maximum, ops.minimum, ops.mul, ops.add),
    (ops.lt, ops.le, ops.gt, ops.ge),
    (ops.exp, ops.log, ops.square, ops.neg, ops.abs, ops.sigmoid, ops.sqrt),
    (ops.logical_and, ops.logical_or),
)
MODES = {
    "scatter": ("add", "set", "max", "min", "mul"),
    "gather": ("raise", "wrap", "clip"),
}


def neighbours(graphs: Sequence[Node], rng: np.random.Generator) -> Iterator[Node]:
    """Graphs with one change, then some with two."""
    seen: set[Node] = set(graphs)
    once = [near for graph in graphs for near in _changed(graph)]
    rng.shuffle(once)
    for graph in once:
        if graph not in seen:
            seen.add(graph)
            yield graph
    for graph in once:
        twice = list(_changed(graph))
        for k in rng.permutation(len(twice))[:2]:
            if twice[k] not in seen:
                seen.add(twice[k])
                yield twice[k]


def _changed(graph: Node) -> Iterator[Node]:
    """The graph with one node changed."""
    order = toposort([graph])
    for node in order:
        for change in _changes(node):
            near = _rebuilt(order, graph, {node: change})
            if near is not None and near is not graph:
                yield near
    for node in order:
        for position in range(len(node.inputs)):
            near = _rebuilt(order, graph, {node: _other_operand(node, position)})
            if near is not None:
                yield near
    for near in (in_single(graph), unknown_sizes(graph)):
        if near is not None:
            yield near


Change = Callable[[Sequence[Node]], Node]


def _rebuilt(order: Sequence[Node], graph: Node, changes: dict[Node, Change]) -> Node | None:
    done: dict[Node, Node] = {}
    with suppress(*REFUSED):
        for node in order:
            inputs = [done[x] for x in node.inputs]
            made = changes[node](inputs) if node in changes else _again(node, inputs)
            done[node] = made
        return done[graph]
    return None


def _again(node: Node, inputs: Sequence[Node]) -> Node:
    if not inputs:
        return node
    if all(a is b for a, b in zip(inputs, node.inputs, strict=True)):
        return node
    return make(node.op, tuple(inputs))


def _changes(node: Node) -> Iterator[Change]:
    op = node.op
    if isinstance(op, Const):
        yield from _other_literals(node)
    if isinstance(op, Input):
        yield from _other_shapes(node)
    if isinstance(op, Elementwise):
        yield from _other_functions(op)
    if isinstance(op, Reduction):
        for other in (ops.Sum, ops.Max, ops.Min, ops.Prod):
            if other is not type(op):
                yield lambda inputs, o=other: make(o(op.axes), inputs)
    for name in ("axes", "starts", "steps", "sizes"):
        yield from _other_numbers(op, name, node)
    if isinstance(op, (ops.Slice, ops.SetSlice)):
        for axis, size in enumerate(op.sizes):
            if isinstance(size, int) and isinstance(op.starts[axis], int):
                yield lambda inputs, a=axis: make(_reversed(op, a), inputs)
    for mode in MODES.get(op.name, ()):
        yield lambda inputs, m=mode: make(replace(op, mode=m), inputs)
    if len(node.inputs) == 2:
        yield lambda inputs: make(op, inputs[::-1])
    if node.type.is_float if not isinstance(node.type, tuple) else False:
        yield lambda inputs: -_again(node, inputs)
        yield lambda inputs: 3.0 * _again(node, inputs)
        yield lambda inputs: _again(node, inputs) / 0.1
        yield lambda inputs: ops.maximum(_again(node, inputs), 0.0)


def _other_literals(node: Node) -> Iterator[Change]:
    for value in LITERALS:
        with np.errstate(all="ignore"):
            array = np.full(node.op.array.shape, value).astype(node.dtype)
        yield lambda inputs, a=array: ops.constant(a)
    yield lambda inputs: ops.constant(-node.op.array) if node.type.is_float else node


def _other_shapes(node: Node) -> Iterator[Change]:
    shapes = {node.shape[1:], (*node.shape, 2), (1, *node.shape)}
    for axis in range(node.ndim):
        shapes |= {(*node.shape[:axis], n, *node.shape[axis + 1 :]) for n in (1, 2, 5)}
    for shape in sorted(shapes - {node.shape}, key=str):
        yield lambda inputs, s=shape: new_input(node.name, node.dtype, s)
    for dtype in ("float64", "float32", "int64", "bool"):
        if dtype != node.dtype:
            yield lambda inputs, d=dtype: new_input(node.name, d, node.shape)


def _other_functions(op: Op) -> Iterator[Change]:
    for family in FAMILIES:
        if op in family:
            for other in family:
                if other is not op:
                    yield lambda inputs, o=other: o(*inputs)


def _other_numbers(op: Op, name: str, node: Node) -> Iterator[Change]:
    """The parameter of an op with each of its numbers a little larger and smaller, or fewer."""
    numbers = getattr(op, name, None)
    if not isinstance(numbers, tuple):
        return
    for k, n in enumerate(numbers):
        if isinstance(n, int):
            for step in (-2, -1, 1, 2):
                changed = (*numbers[:k], n + step, *numbers[k + 1 :])
                if name == "axes" and not isinstance(op, ops.Transpose):
                    changed = tuple(sorted(changed))
                yield lambda inputs, c=changed: make(replace(op, **{name: c}), inputs)
        if name == "axes":
            fewer = (*numbers[:k], *numbers[k + 1 :])
            yield lambda inputs, c=fewer: make(replace(op, axes=c), inputs)
    if name == "axes":
        ndim = max([node.ndim, *(x.ndim for x in node.inputs)])
        for count in range(1, ndim + 1):
            choose = itertools.combinations
            if isinstance(op, ops.Transpose):
                choose = itertools.permutations
            for axes in choose(range(ndim), count):
                yield lambda inputs, c=axes: make(replace(op, axes=c), inputs)


def _reversed(op: Any, axis: int) -> Op:
    """The slice of the same elements, in the other order."""
    starts, steps = list(op.starts), list(op.steps)
    starts[axis] += (op.sizes[axis] - 1) * steps[axis]
    steps[axis] = -steps[axis]
    return replace(op, starts=tuple(starts), steps=tuple(steps))


def _other_operand(node: Node, position: int) -> Change:
    """The node with a new input of the same type as one operand, so that operands that were equal
    are not."""

    def change(inputs: Sequence[Node]) -> Node:
        x = inputs[position]
        if isinstance(x.type, tuple):
            raise TypeError("no input has several parts")
        stranger = new_input(
            f"i{position}" if x.dtype == "int64" else f"other{position}", x.dtype, x.shape
        )
        return make(node.op, (*inputs[:position], stranger, *inputs[position + 1 :]))

    return change


def in_single(graph: Node) -> Node | None:
    """The graph in float32; None where it has no float64 or cannot be."""
    done: dict[Node, Node] = {}
    with suppress(*REFUSED):
        for node in toposort([graph]):
            double = not isinstance(node.type, tuple) and node.dtype == "float64"
            if double and isinstance(node.op, Const):
                with np.errstate(all="ignore"):
                    done[node] = ops.constant(node.op.array.astype("float32"))
            elif double and isinstance(node.op, Input) and not isinstance(node.op, SizeOf):
                done[node] = new_input(node.name, "float32", node.shape)
            elif isinstance(node.op, ops.Cast) and double:
                done[node] = ops.astype(done[node.inputs[0]], "float32")
            else:
                done[node] = _again(node, [done[x] for x in node.inputs])
        return done[graph] if done[graph].dtype == "float32" else None
    return None


def unknown_sizes(graph: Node) -> Node | None:
    """The graph with a symbolic size for each size of its inputs, the same for equal sizes."""
    order = toposort([graph])
    known = {n for x in inputs_of([graph]) for n in x.shape if isinstance(n, int) and n > 1}
    names = {n: Dim.name(f"n{n}") for n in known}
    changes = {
        x: (lambda inputs, x=x: new_input(x.name, x.dtype, tuple(names.get(n, n) for n in x.shape)))
        for x in inputs_of([graph])
        if any(n in names for n in x.shape)
    }
    return _rebuilt(order, graph, changes) if changes else None
