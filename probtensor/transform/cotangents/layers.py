"""Masks of cotangents: where a cotangent is zero because something else was selected.

    peel(g)              the mask layers of a cotangent, outermost first, and what they contain
    add_masked(a, b)     a + b under one mask if both have the same one
    sum_masked(g, axes)  sum(g, axes) under one mask if it is constant along the axes
    summed_to(g, shape)  g summed to the shape that it was broadcast from, likewise

A layer narrows the operands of an op to the elements where the cotangent may be nonzero (a mask by
a condition need not), and widens the vjp computed there by zeros at all other elements.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import reduce

from probtensor import ops
from probtensor.dataclass import dataclass, replace
from probtensor.graph.node import Const, Node, make
from probtensor.transform.facts import constant_of
from probtensor.types import Dim, Shape

# MAX_DEPTH: views that a mask is followed through. MAX_TERMS: terms of a sum with masks.
MAX_DEPTH = 12
MAX_TERMS = 6
VIEWS = (
    ops.BroadcastTo, ops.ExpandDims, ops.DropAxes, ops.Reshape, ops.Transpose, ops.Slice,
)  # fmt: skip
_PASSED = (*VIEWS, ops.SumTo)
_WIDENING = (ops.BroadcastTo, ops.ExpandDims)


class Layer(ABC):
    """A reason why a cotangent is zero at some elements."""

    def narrowed(self, x: Node) -> Node | None:
        """The elements of an operand where the cotangent may be nonzero; None if they cannot be
        selected."""
        return x

    @abstractmethod
    def widened(self, part: Node) -> Node:
        """A vjp computed for those elements, with zeros at all others."""


@dataclass(frozen=True)
class Mask(Layer):
    """Zero where the condition is false, or if not `holds`, where it is true."""

    condition: Node
    holds: bool = True

    def widened(self, part):
        c = self.condition
        return ops.where(c, part, 0) if self.holds else ops.where(c, 0, part)

    def positive(self) -> Node:
        """The condition under which the cotangent may be nonzero."""
        return self.condition if self.holds else ops.logical_not(self.condition)


@dataclass(frozen=True)
class Window(Layer):
    """Zero outside of a slice: `write` sets that slice of `zeros`."""

    write: ops.SetSlice
    zeros: Node

    def chosen(self, condition: Node) -> Node:
        """The condition in the slice, false at all other elements."""
        return self.widened(condition)

    def narrowed(self, x):
        lead = self.zeros.ndim - x.ndim
        if any(isinstance(n, Dim) and n != m for n, m in zip(x.shape, self.zeros.shape[lead:])):
            x = ops.broadcast_to(x, self.zeros.shape[lead:])
        rows = zip(self.write.starts, self.write.steps, self.write.sizes, strict=True)
        rows_of_x = [
            (0, 1, 1) if n == 1 and m != 1 else row
            for n, m, row in zip(x.shape, self.zeros.shape[lead:], [*rows][lead:], strict=True)
        ]
        return make(ops.Slice(*zip(*rows_of_x, strict=True)), (x,)) if rows_of_x else x

    def widened(self, part):
        part = ops.broadcast_to(part, self.write.sizes)
        zeros = ops.astype(self.zeros, part.dtype)
        return make(self.write, (zeros, part))


@dataclass(frozen=True)
class ScatteredElements(Layer):
    """Zero except at elements given by index arrays, each at most once: `write` sets these elements
    of `zeros`."""

    write: ops.Scatter
    zeros: Node
    indices: tuple[Node, ...]
    shape: tuple

    def narrowed(self, x):
        if not x.ndim:
            return x
        if x.shape != self.zeros.shape:
            return None
        return make(ops.Gather(self.write.axes, self.write.at), (x, *self.indices))

    def chosen(self, condition: Node) -> Node:
        """The condition at these elements, false at all others."""
        write = replace(self.write, mode="set")
        none = ops.astype(self.zeros, "bool")
        return make(write, (none, ops.broadcast_to(condition, self.shape), *self.indices))

    def widened(self, part):
        part = ops.broadcast_to(part, self.shape)
        return make(self.write, (ops.astype(self.zeros, part.dtype), part, *self.indices))


def peel(g: Node, guards: set[Node]) -> tuple[list[Layer], Node]:
    """The layers of a cotangent, outermost first, and the cotangent within them. Conditions in
    `guards` are not followed through a broadcast, since each op adds its own guard."""
    layers: list[Layer] = []
    while len(layers) < MAX_DEPTH:
        found = _layer(g, guards)
        if found is None:
            break
        layers.append(found[0])
        if found[1] is g:
            break
        g = found[1]
    return layers, g


# Ops that may be the outermost one of a layer.
_LAYERED = (ops.SetSlice, ops.Scatter, ops.Add, ops.Where, *_PASSED)


def _layer(g: Node, guards: set[Node]) -> tuple[Layer, Node] | None:
    op = g.op
    if not isinstance(op, _LAYERED):
        return None
    if isinstance(op, ops.SetSlice) and constant_of(g.inputs[0]) == 0:
        return Window(op, g.inputs[0]), g.inputs[1]
    if isinstance(op, (ops.SetSlice, ops.Scatter)) and constant_of(g.inputs[1]) == 0:
        return _overwritten(g)
    if isinstance(op, ops.Scatter) and op.mode in ("add", "set"):
        base, updates, *indices = g.inputs
        if constant_of(base) == 0 and (
            op.unique or are_distinct(indices, [base.shape[a] for a in op.axes])
        ):
            return ScatteredElements(op, base, tuple(indices), updates.shape), updates
        return None
    if isinstance(op, ops.Add):
        condition = _of_sum(g, guards)
        return None if condition is None else (Mask(condition), g)
    return mask_of(g, guards)


def one_mask(g: Node, guards: set[Node]) -> tuple[Mask, Node] | None:
    """The outermost layer of a cotangent as a mask over all its elements, and what it contains."""
    found = _layer(g, guards)
    if found is None or isinstance(found[0], Mask):
        return found
    return Mask(found[0].chosen(ops.constant(True))), g


def _overwritten(g: Node) -> tuple[Layer, Node] | None:
    """The layer of a cotangent with zeros set at some elements."""
    base, zeros, *indices = g.inputs
    if isinstance(g.op, ops.Scatter) and g.op.mode != "set":
        return None
    remains, overwritten = ops.full(base.shape, True, "bool"), ops.full(zeros.shape, False, "bool")
    return Mask(make(g.op, (remains, overwritten, *indices))), base


def mask_of(g: Node, guards: set[Node]) -> tuple[Mask, Node] | None:
    """The outermost `where` of a cotangent, also below views, as a layer, and what it contains."""
    views = []
    while isinstance(g.op, _PASSED) and len(views) < MAX_DEPTH:
        views.append(g)
        g = g.inputs[0]
    if not isinstance(g.op, ops.Where):
        return None
    condition, a, b = g.inputs
    zero_last = constant_of(b) == 0
    if not zero_last and constant_of(a) != 0:
        return None
    if condition in guards and any(isinstance(v.op, _WIDENING) for v in views):
        return None
    inner = ops.broadcast_to(a if zero_last else b, g.shape)
    if views:
        condition = ops.broadcast_to(condition, g.shape)
    for view in reversed(views):
        if isinstance(view.op, ops.SumTo):  # nonzero where any of its terms may be
            any_term = condition if zero_last else ops.logical_not(condition)
            some = make(view.op, (ops.astype(any_term, "int64"),))
            inner, condition, zero_last = view, ops.ne(some, 0), True
        else:
            inner, condition = make(view.op, (inner,)), make(view.op, (condition,))
    return Mask(condition, zero_last), inner


def _of_sum(g: Node, guards: set[Node]) -> Node | None:
    """The condition under which a sum of masked terms may be nonzero; None if one has no mask."""
    terms = _conditions(g, guards, [MAX_TERMS], MAX_DEPTH)
    if not terms:
        return None
    # a or (a and b) is a.
    least = [t for t in terms if not any(set(other) < set(t) for other in terms)]
    either = [reduce(ops.logical_and, t) for t in dict.fromkeys(least)]
    return reduce(ops.logical_or, either)


def _conditions(
    g: Node, guards: set[Node], budget: list[int], depth: int
) -> list[tuple[Node, ...]]:
    """For each masked term of a sum the conditions that all hold where it may be nonzero, those of
    masks within masks too; an empty list if a term has no mask."""
    if isinstance(g.op, ops.Add):
        budget[0] -= 1
        first = _conditions(g.inputs[0], guards, budget, depth) if budget[0] >= 0 else []
        second = first and _conditions(g.inputs[1], guards, budget, depth)
        return first + second if second else []
    found = _layer(g, guards)
    # A sum of windows is often one over all elements.
    if found is None or isinstance(found[0], Window):
        return []
    layer, inner = found
    if isinstance(layer, Mask) and layer.condition in guards:
        return []
    within = _conditions(inner, guards, [*budget], depth - 1) if depth and inner is not g else []
    if isinstance(layer, Mask):
        own = layer.positive()
        return [tuple(dict.fromkeys((own, *term))) for term in within or [()]]
    everywhere = (ops.constant(True),)
    return [(layer.chosen(reduce(ops.logical_and, term)),) for term in within or [everywhere]]


def add_masked(a: Node, b: Node) -> Node:
    """a + b, under one mask if both have the same condition, slice or index arrays."""
    if isinstance(a.op, (ops.SetSlice, ops.Scatter)) and a.op == b.op:
        (first, x), (second, y) = (_layer(side, set()) or (None, side) for side in (a, b))
        operands = zip((a.inputs[0], *a.inputs[2:]), (b.inputs[0], *b.inputs[2:]), strict=True)
        if first is not None and second is not None and all(p is q for p, q in operands):
            return first.widened(x + y)
    first, second = mask_of(a, set()), mask_of(b, set())
    if first and second and first[0].condition is second[0].condition:
        condition, holds = first[0].condition, first[0].holds
        if holds == second[0].holds:
            return first[0].widened(first[1] + second[1])
        pair = (first[1], second[1]) if holds else (second[1], first[1])
        return ops.where(condition, *pair)
    return a + b


def sum_masked(g: Node, axes: tuple[int, ...]) -> Node:
    """sum(g, axes), under the mask of g if its condition is constant along the axes."""
    found = mask_of(g, set())
    if found is None:
        return ops.sum(g, axes)
    condition = found[0].condition
    while isinstance(condition.op, ops.BroadcastTo):
        condition = condition.inputs[0]
    lead = g.ndim - condition.ndim
    dropped = tuple(a - lead for a in axes if a >= lead)
    if any(condition.shape[a] != 1 for a in dropped):
        return ops.sum(g, axes)
    return Mask(ops.squeeze(condition, dropped), found[0].holds).widened(ops.sum(found[1], axes))


def summed_to(g: Node, shape: Shape) -> Node:
    """g, a gradient of what was broadcast from `shape`, summed to it."""
    lead = g.ndim - len(shape)
    if any(isinstance(n, Dim) and m not in (1, n) for n, m in zip(shape, g.shape[lead:])):
        return make(ops.SumTo(shape), (g,))  # the sizes of a call decide along which axes
    repeated = tuple(a for a, n in enumerate(shape) if n == 1 and g.shape[a + lead] != 1)
    total = sum_masked(g, (*range(lead), *(a + lead for a in repeated)))
    return ops.broadcast_to(ops.expand_dims(total, repeated), shape)


def are_distinct(indices: Sequence[Node], sizes: Sequence) -> bool:
    """Are the elements given by these index arrays distinct for certain?"""
    if len({x.shape for x in indices}) != 1:
        return False
    if any(_is_count(x) for x in indices):
        return True
    if not all(isinstance(x.op, Const) for x in indices):
        return False
    columns = []
    for x, n in zip(indices, sizes, strict=True):
        array = x.op.array.reshape(-1).astype(object)
        if any(i < 0 for i in array):
            if not isinstance(n, int):
                return False
            array = array % n
        columns.append(array)
    rows = list(zip(*columns, strict=True))
    return len(set(rows)) == len(rows)


def _is_count(x: Node) -> bool:
    """Is x arange(n), or arange(n) plus a literal?"""
    if isinstance(x.op, ops.Add):
        a, b = x.inputs
        x = a if constant_of(b) is not None else b if constant_of(a) is not None else x
    return isinstance(x.op, ops.Iota) and x.ndim == 1
