"""Derivatives of elementwise ops where a cotangent is exactly zero: 0 times infinity is 0 there.

A cotangent is zero outside of what was chosen: the branch of a `where`, a slice, some places. By
linearity of a vjp, where(c, g, 0) * slope is where(c, g * slope, 0). So the choice is taken off the
cotangent (`peel`), the op pulls back what is left, and the choice is put around the result: a slope
that is infinite or nan where nothing was chosen never meets the zero. Slices and scatters likewise:
the op is differentiated at the chosen places only.

A zero that is a number, not a choice, is met by a guard of the same form. Ops declare their poles,
the points at which a slope is not finite. What an op pulls back is, for each such point p,

    where(g != 0 or x != p, g * slope, 0)

unless facts exclude p or g = 0. The condition holds wherever the slope is finite, so that further
derivatives are those of the product. Being outermost, a guard hides no product from the rules.

Not every op needs one. At a pole with an infinite value, as of log, a cotangent can only be zero if
what reads the value is flat there or selects (`_passes_on`). And where an operand is known to reach
the pole only as an extreme of its own, as a sum of squares reaches 0 under a root, its own slopes
are zero there: 0 is taken as the derivative, which is a subgradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from probtensor import ops
from probtensor.graph.node import Const, Input, Node, make
from probtensor.ops.kinds import Elementwise, Reduction
from probtensor.ops.reduce import spread
from probtensor.transform.facts import Bounds, Known, constant_of
from probtensor.transform.mixtures import Fit, parts_of_mixture

# Views through which a choice is followed, and terms of a sum whose choices are joined.
DEPTH = 12
TERMS = 6
_VIEWS = (
    ops.BroadcastTo, ops.ExpandDims, ops.DropAxes, ops.Reshape, ops.Transpose, ops.Slice,
)  # fmt: skip
_WIDENING = (ops.BroadcastTo, ops.ExpandDims)


class Layer:
    """A reason why a cotangent is zero at some places."""

    def narrowed(self, x: Node) -> Node | None:
        """What is left of an operand where the cotangent may not be zero; None if that cannot be
        said."""
        return x

    def widened(self, part: Node) -> Node:
        """A part that was pulled back there, with zeros at all other places."""
        raise NotImplementedError


@dataclass(frozen=True)
class Choice(Layer):
    """Zero where the condition does not hold; where it does if not `holds`."""

    condition: Node
    holds: bool = True

    def widened(self, part):
        c = self.condition
        return ops.where(c, part, 0) if self.holds else ops.where(c, 0, part)

    def positive(self) -> Node:
        """The condition under which the cotangent may not be zero."""
        return self.condition if self.holds else ops.logical_not(self.condition)


@dataclass(frozen=True)
class Window(Layer):
    """Zero outside of a slice of `whole`, a tensor of zeros."""

    place: ops.SetSlice
    whole: Node

    def narrowed(self, x):
        lead = self.whole.ndim - x.ndim
        rows = zip(self.place.starts, self.place.steps, self.place.sizes, strict=True)
        own = [
            (0, 1, 1) if n == 1 and m != 1 else row
            for n, m, row in zip(x.shape, self.whole.shape[lead:], [*rows][lead:], strict=True)
        ]
        return make(ops.Slice(*zip(*own, strict=True)), (x,)) if own else x

    def widened(self, part):
        part = ops.broadcast_to(part, self.place.sizes)
        whole = ops.astype(self.whole, part.dtype)
        return make(self.place, (whole, part))


@dataclass(frozen=True)
class Places(Layer):
    """Zero but at places that integer arrays tell, each at most once."""

    place: ops.Scatter
    whole: Node
    indices: tuple[Node, ...]
    shape: tuple

    def narrowed(self, x):
        if not x.ndim:
            return x
        if x.shape != self.whole.shape:
            return None
        return make(ops.Gather(self.place.axes, self.place.at), (x, *self.indices))

    def widened(self, part):
        part = ops.broadcast_to(part, self.shape)
        return make(self.place, (ops.astype(self.whole, part.dtype), part, *self.indices))


def peel(g: Node, guards: set[Node]) -> tuple[list[Layer], Node]:
    """The layers of a cotangent, outermost first, and what is inside them. Conditions that are
    `guards` are not followed through a repetition: each op has its own."""
    layers: list[Layer] = []
    while len(layers) < DEPTH:
        found = _layer(g, guards)
        if found is None:
            break
        layers.append(found[0])
        if found[1] is g:
            break
        g = found[1]
    return layers, g


def _layer(g: Node, guards: set[Node]) -> tuple[Layer, Node] | None:
    op = g.op
    if isinstance(op, ops.SetSlice) and constant_of(g.inputs[0]) == 0:
        return Window(op, g.inputs[0]), g.inputs[1]
    if isinstance(op, (ops.SetSlice, ops.Scatter)) and constant_of(g.inputs[1]) == 0:
        return _overwritten(g)
    if isinstance(op, ops.Scatter) and op.mode in ("add", "set"):
        base, updates, *indices = g.inputs
        if constant_of(base) == 0 and are_distinct(indices, [base.shape[a] for a in op.axes]):
            return Places(op, base, tuple(indices), updates.shape), updates
        return None
    if isinstance(op, ops.Add):
        condition = _of_sum(g, guards, [TERMS])
        return None if condition is None else (Choice(condition), g)
    return _choice(g, guards)


def _overwritten(g: Node) -> tuple[Layer, Node] | None:
    """Zeros written into a cotangent."""
    base, zeros, *indices = g.inputs
    if isinstance(g.op, ops.Scatter) and g.op.mode != "set":
        return None
    kept, gone = ops.full(base.shape, True, "bool"), ops.full(zeros.shape, False, "bool")
    return Choice(make(g.op, (kept, gone, *indices))), base


def _choice(g: Node, guards: set[Node]) -> tuple[Choice, Node] | None:
    """The choice that a cotangent is, seen through views of it."""
    views = []
    while isinstance(g.op, _VIEWS) and len(views) < DEPTH:
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
        inner, condition = make(view.op, (inner,)), make(view.op, (condition,))
    return Choice(condition, zero_last), inner


def _of_sum(g: Node, guards: set[Node], room: list[int]) -> Node | None:
    """Where a sum of choices may not be zero."""
    if not isinstance(g.op, ops.Add):
        found = _choice(g, guards)
        return None if found is None or found[0].condition in guards else found[0].positive()
    room[0] -= 1
    first = _of_sum(g.inputs[0], guards, room) if room[0] >= 0 else None
    second = None if first is None else _of_sum(g.inputs[1], guards, room)
    return None if second is None else ops.logical_or(first, second)


def joined(a: Node, b: Node) -> Node:
    """a + b as one choice, if they are choices by one condition."""
    first, second = _choice(a, set()), _choice(b, set())
    if first and second and first[0].condition is second[0].condition:
        condition, holds = first[0].condition, first[0].holds
        if holds == second[0].holds:
            return first[0].widened(first[1] + second[1])
        pair = (first[1], second[1]) if holds else (second[1], first[1])
        return ops.where(condition, *pair)
    return a + b


def are_distinct(indices: Sequence[Node], sizes: Sequence) -> bool:
    """Are the places that index arrays tell known to be different from each other?"""
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
    """0, 1, 2, ... or the same with a number added."""
    if isinstance(x.op, ops.Add):
        a, b = x.inputs
        x = a if constant_of(b) is not None else b if constant_of(a) is not None else x
    return isinstance(x.op, ops.Iota) and x.ndim == 1


# Ops that give an infinite value on, and are not flat where it arrives, at these operands.
_PASSING = (
    ops.Add, ops.Sub, ops.Neg, ops.Mul, ops.Square, ops.Abs, ops.Sqrt, ops.Log, ops.Log2,
    ops.Log10, ops.Log1p, ops.Cbrt, ops.Sinh, ops.Cosh, ops.Arcsinh, ops.Lgamma, ops.Cast,
    ops.Sum, ops.Contract, ops.Concatenate, ops.BroadcastTo, ops.ExpandDims, ops.DropAxes,
    ops.Reshape, ops.Transpose, ops.Cumsum, ops.Sized, ops.Require,
)  # fmt: skip


# Ops whose slopes do not depend on their operands.
_CONSTANT_SLOPES = (ops.Add, ops.Sub, ops.Neg, ops.Cast, ops.Where)
_SATURATING = (
    ops.Sigmoid, ops.Tanh, ops.Arctan, ops.Erf, ops.Erfc, ops.Ndtr, ops.Sign, ops.IsInf, ops.IsNan,
)  # fmt: skip
# Ops through which an infinite value is followed.
_MADE = (Elementwise, *_VIEWS, ops.Gather, ops.Sum)


def _passes_on(op: object, place: int) -> bool:
    """Is a result infinite or nan, and not just its derivative zero, where operand `place` is?"""
    return isinstance(op, _PASSING) or (isinstance(op, ops.Div) and place == 0)


class Edges:
    """The guards of one differentiation. `selected` are nodes whose cotangent may be zero though
    their value is infinite; in forward mode (`forward`) the tangent of any node may."""

    def __init__(self, known: Known | None = None, forward: bool = False) -> None:
        self.known = known or Known()
        self.forward = forward
        self.selected: set[Node] = set()
        self.guards: set[Node] = set()
        self._infinite: dict[Node, bool] = {}

    def start(self, node: Node, g: Node) -> None:
        """Differentiation starts at `node` with cotangent g."""
        if not self.is_nonzero(g):
            self.selected.add(node)

    def follow(self, node: Node, place: int, x: Node) -> None:
        """x, input `place` of the node, gets a cotangent from it."""
        if node in self.selected or not _passes_on(node.op, place):
            self.selected.add(x)

    def is_nonzero(self, g: Node) -> bool:
        """Is a cotangent known not to be zero anywhere?"""
        value = self.known.constant(g)
        return value != 0 if value is not None else self.known.bounds(g).nonzero

    def pulled(self, node: Node, g: Node) -> list[Node | None]:
        """The vjp of a node, zero where its cotangent is. Parts may have the shape of the node."""
        op = node.op
        if isinstance(op, (Reduction, ops.LogSumExp)) and not isinstance(op, ops.Sum):
            return self._of_rows(node, g)
        if not isinstance(op, Elementwise) or isinstance(op, (ops.Where, ops.Add)):
            return list(op.vjp(g, node, *node.inputs))
        layers, inner = peel(g, self.guards)
        operands: list[Node] = [node, *node.inputs]
        for count, layer in enumerate(layers):
            narrow = [layer.narrowed(x) for x in operands]
            if any(x is None for x in narrow):
                for inside in reversed(layers[count:]):
                    inner = inside.widened(inner)
                layers = layers[:count]
                break
            operands = narrow
        out, *inputs = operands
        parts = list(op.vjp(inner, out, *inputs))
        at = Site(op, node in self.selected, inner, tuple(inputs))
        parts = [self.guarded(at, place, part) for place, part in enumerate(parts)]
        for layer in reversed(layers):
            parts = [None if part is None else layer.widened(part) for part in parts]
        return parts

    def past_logarithms(self, node: Node, g: Node, fit: Fit) -> list[tuple[Node, Node]]:
        """The gradients that a mixture gives to what its weights are made of; empty for all other
        nodes."""
        if not isinstance(node.op, (ops.LogSumExp, ops.Logaddexp)):
            return []
        choice, inner = self._row_choice(node, g)
        found = parts_of_mixture(
            node, inner, self.known, fit, choice.widened if choice else lambda part: part
        )
        self.selected.update(x for x, _ in found)
        return found

    def _row_choice(self, node: Node, g: Node) -> tuple[Choice | None, Node]:
        """The choice between rows of a fold that a cotangent is, as one between their elements, and
        what is inside it."""
        found = _choice(g, self.guards)
        if found is None or found[0].condition in self.guards:
            return None, g
        choice, inner = found
        condition = ops.broadcast_to(choice.condition, node.shape)
        if isinstance(node.op, (Reduction, ops.LogSumExp)):
            condition = spread(condition, node.op.axes, node.inputs[0].shape)
        return Choice(condition, choice.holds), inner

    def _of_rows(self, node: Node, g: Node) -> list[Node | None]:
        choice, inner = self._row_choice(node, g)
        (part,) = node.op.vjp(inner, node, *node.inputs)
        return [part if choice is None else choice.widened(part)]

    def guarded(self, at: Site, place: int, part: Node | None) -> Node | None:
        """The part of input `place` with 0 where the cotangent is 0 at a pole of the op, or where
        the pole is an extreme of the operand."""
        if part is None or constant_of(part) == 0:
            return part
        apart, extremes = [], []
        for pole in at.op.poles_of(place, *at.inputs):
            x = at.inputs[pole.operand]
            if not may_reach(self.known.bounds(x), pole.at):
                continue
            if pole.finite and self._turns_at(x, pole.at):
                extremes.append(ops.ne(x, pole.at))
            elif (pole.finite or self.forward or at.selected) and not self.is_nonzero(at.g):
                apart.append(ops.ne(x, pole.at))
        if at.selected or self.forward:
            apart += self._finite_operands(at, place)
        if apart:
            condition = ops.logical_or(ops.ne(at.g, 0), reduce(ops.logical_and, apart))
            extremes.append(condition)
        if not extremes:
            return part
        condition = reduce(ops.logical_and, extremes)
        self.guards.add(condition)
        return ops.where(condition, part, 0)

    def _finite_operands(self, at: Site, place: int) -> list[Node]:
        """That operands which a pole of their own may have made infinite are finite, where a slope
        reads them."""
        if isinstance(at.op, _CONSTANT_SLOPES) or self.is_nonzero(at.g):
            return []
        read = [x for k, x in enumerate(at.inputs) if not isinstance(at.op, ops.Mul) or k != place]
        return [ops.lt(ops.abs(x), np.inf) for x in read if self.may_be_infinite(x)]

    def may_be_infinite(self, x: Node) -> bool:
        """Is x a function that is infinite at a pole which its argument may reach?"""
        if x not in self._infinite:
            stack = [x]
            while stack:
                top = stack[-1]
                waiting = [a for a in top.inputs if a not in self._infinite]
                if waiting and isinstance(top.op, _MADE):
                    stack.extend(waiting)
                    continue
                self._infinite[stack.pop()] = self._is_made_infinite(top)
        return self._infinite[x]

    def _is_made_infinite(self, x: Node) -> bool:
        if self.known.bounds(x).finite or not isinstance(x.op, _MADE):
            return False
        if any(self._infinite[a] for a in x.inputs):
            return not isinstance(x.op, _SATURATING)
        if not isinstance(x.op, Elementwise):
            return False
        poles = [pole for k in range(len(x.inputs)) for pole in x.op.poles_of(k, *x.inputs)]
        return any(
            not p.finite and may_reach(self.known.bounds(x.inputs[p.operand]), p.at) for p in poles
        )

    def _turns_at(self, x: Node, end: float) -> bool:
        """Is `end` an extreme of x, at which the slopes of x are zero or change sign?"""
        bounds = self.known.bounds(x)
        return end in (bounds.low, bounds.high) and self._turns(x, DEPTH)

    def _turns(self, x: Node, depth: int) -> bool:
        op = x.op
        if isinstance(op, (Input, Const)) or not x.inputs:
            return False
        if depth == 0:
            return False
        if isinstance(op, (ops.Add, ops.Sub)):
            moving = [a for a in x.inputs if self.known.constant(a) is None]
            return all(self._turns(a, depth - 1) for a in moving)
        if isinstance(op, ops.Mul):
            return all(
                self._turns(a, depth - 1) for a in x.inputs if not self.known.bounds(a).nonzero
            )
        monotone = isinstance(op, Elementwise) and (op.facts.increasing or op.facts.decreasing)
        if monotone or isinstance(op, _FOLLOWED):
            return self._turns(x.inputs[0], depth - 1)
        return True


# Ops that reach an end where their first operand does.
_FOLLOWED = (*_VIEWS, ops.Div, ops.Pow, ops.Cast, ops.Gather, ops.Sum, ops.Max, ops.Min)


@dataclass(frozen=True)
class Site:
    """Where an op is differentiated: its cotangent, its operands, and whether the cotangent may be
    zero though the value is infinite."""

    op: Elementwise
    selected: bool
    g: Node
    inputs: tuple[Node, ...]


def may_reach(bounds: Bounds, at: float) -> bool:
    """May a value within the bounds be `at`?"""
    if at < bounds.low or at > bounds.high or (at == 0 and bounds.nonzero):
        return False
    return not ((at == bounds.low and bounds.low_open) or (at == bounds.high and bounds.high_open))
