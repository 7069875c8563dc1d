"""Derivatives of elementwise ops where a cotangent is exactly zero: 0 * inf must be 0 there.

A cotangent is zero outside of what was selected: the branch of a `where`, a slice, some elements.
By linearity of a vjp, where(c, g, 0) * slope is where(c, g * slope, 0). So the mask is taken off
the cotangent (`layers.py`), the vjp is computed for what it contains, and the mask is put around
the result: a slope that is infinite or nan at other elements is not multiplied by the zero.

A zero that is a value, not a mask, needs a guard of the same form. Ops declare their poles, the
points at which a slope is not finite. For each such point p the vjp becomes

    where(w != 0 or x != p, g * slope, 0)

unless facts exclude p or w = 0. The condition is true wherever the slope is finite, so further
derivatives are those of the product. A guard is outermost, so rules still match the product.

The witness w is the cotangent at the last op that multiplied or selected it. It is not g where g is
zero because a slope in between vanished, as for square(sqrt(x)) at 0: the derivative there is 1,
and 0 * inf is left as nan. Further cases:

- At a pole with an infinite value, as of log, a factor of 0 makes the value nan as well. So guards
  are needed only below ops that select.
- If the bounds of an operand show that it reaches a pole only at an extreme, as a sum of squares
  reaches 0 under a root, its own slopes are zero there, and 0 is used as the derivative, which is a
  subgradient.
- An infinite slope at a finite value that is later multiplied by a factor of 0 gives 0 as well:
  sqrt(x * y) at y = 0 does not depend on x.
- Where exp overflows below a bounded function, as in 1 / (2 + exp(x)), the slope of that function
  decreases faster than exp grows, so 0 * inf is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Const, Input, Node
from probtensor.graph.parts import parts as parts_of
from probtensor.ops.kinds import Core, Elementwise, Pole, Reduction
from probtensor.ops.reductions.folds import spread
from probtensor.transform.chain import chain_leaves, regrow
from probtensor.transform.cotangents.layers import (
    MAX_DEPTH,
    VIEWS,
    Layer,
    Mask,
    mask_of,
    one_mask,
    peel,
    summed_to,
)
from probtensor.transform.cotangents.mixtures import Fit, Mixtures, Part
from probtensor.transform.cotangents.triangles import pulled
from probtensor.transform.facts import Bounds, FactTable, constant_of

# Ops that give zero cotangents to what they do not select.
_SELECTING = (
    ops.Where, ops.Minimum, ops.Maximum, ops.Max, ops.Min, ops.Prod, ops.Slice, ops.Gather,
    ops.SetSlice, ops.Scatter, ops.Xlogy, ops.Xlog1py, Core,
)  # fmt: skip
# Elementwise ops whose slope by an operand does not depend on that operand, or that select.
_WEIGHING = (
    ops.Add, ops.Sub, ops.Neg, ops.Mul, ops.Where, ops.Cast, ops.Minimum, ops.Maximum, ops.Xlogy,
    ops.Xlog1py,
)  # fmt: skip
# Ops whose slopes do not depend on their operands.
_CONSTANT_SLOPES = (ops.Add, ops.Sub, ops.Neg, ops.Cast, ops.Where)
# Ops that are finite where their operand is infinite.
_SATURATING = (
    ops.Sigmoid, ops.Tanh, ops.Arctan, ops.Erf, ops.Erfc, ops.Ndtr, ops.Sign, ops.IsInf, ops.IsNan,
)  # fmt: skip
# Ops that grow as fast as their slopes; bounded functions of these; ops that preserve growth.
_GROWING = (ops.Exp, ops.Exp2, ops.Expm1, ops.Sinh, ops.Cosh)
_BOUNDING = (
    ops.Exp, ops.Exp2, ops.Expm1, ops.Sigmoid, ops.LogSigmoid, ops.Softplus, ops.Tanh, ops.Arctan,
    ops.Erf, ops.Erfc, ops.Ndtr,
)  # fmt: skip
_UNBOUNDED = (
    ops.Add, ops.Sub, ops.Neg, ops.Mul, ops.Cast, ops.Where, ops.Sum, ops.Gather, *VIEWS,
)  # fmt: skip
# _MADE: ops through which an infinite value is traced. _FOLLOWED: ops with an extreme where their
# first operand has one.
_MADE = (Elementwise, *VIEWS, ops.Gather, ops.Sum)
_FOLLOWED = (*VIEWS, ops.Div, ops.Pow, ops.Cast, ops.Gather, ops.Sum, ops.Max, ops.Min)


def preserves_zeros(op: object, position: int) -> bool:
    """Is the slope by this input zero only where the result does not depend on the input?"""
    if isinstance(op, ops.Div):
        return position == 0
    if isinstance(op, Elementwise):
        return isinstance(op, _WEIGHING)
    return not isinstance(op, (ops.LogSumExp, ops.Softmax, ops.LogSoftmax))


@dataclass(frozen=True)
class Site:
    """One elementwise op being differentiated: its cotangent, the witnesses of zeros in that, its
    operands, and whether an op that selects reads it."""

    op: Elementwise
    g: Node
    witnesses: tuple[Node, ...]
    inputs: tuple[Node, ...]
    selected: bool
    out: Node | None = None  # where it may overflow


class Edges:
    """The guards of one differentiation, in reverse or forward mode; "cotangent" here also stands
    for the tangent of forward mode."""

    def __init__(self) -> None:
        self.facts = FactTable()
        self.selected: set[Node] = set()  # read, directly or not, by an op that selects
        self.guards: set[Node] = set()
        # With a finite value, but perhaps an infinite cotangent.
        self.steep: set[Node] = set()
        self.read_bounded: set[Node] = set()  # their readers are finite where they overflow
        self.before_pole: set[Node] = set()  # read, directly or not, by an op with a pole
        self.opaque: set[Node] = set()  # not expanded when terms are analysed
        self._direct: set[Node] = set()  # nodes whose cotangent is a witness itself
        self._witnesses: dict[Node, list[Node]] = {}
        self._infinite: dict[Node, bool] = {}
        self.mixtures = Mixtures(self.facts, self.opaque)

    def start(self, node: Node, g: Node) -> None:
        """Differentiation starts at `node` with cotangent g."""
        self._direct.add(node)
        if not self.is_nonzero(g):
            self.selected.add(node)

    def follow(self, node: Node, position: int, x: Node, g: Node) -> None:
        """Record that the input x at this position gets a cotangent from the node, whose own
        cotangent is g."""
        op = node.op
        if node in self.selected or isinstance(op, _SELECTING) or op.has_bodies or op.chooses:
            self.selected.add(x)
        if node in self.steep or any(p.finite for p in self._poles(op, position, node.inputs)):
            self.steep.add(x)
        if self._bounds(node, position, x):
            self.read_bounded.add(x)
        if node in self.before_pole or (
            isinstance(op, Elementwise) and op.poles_of(position, *node.inputs)
        ):
            self.before_pole.add(x)
        if preserves_zeros(op, position):
            self._direct.add(x)
            return
        found = self.witnesses(node, g)
        if isinstance(op, ops.LogSumExp):
            found = [spread(w, op.axes, x.shape) for w in found]
        self._witnesses.setdefault(x, []).extend(w for w in found if w.shape == x.shape)

    def _bounds(self, node: Node, position: int, x: Node) -> bool:
        """Is the node, or are its readers, finite where x overflows? Not log(1 / (1 + x)), since
        log is infinite where the quotient is 0."""
        op = node.op
        passes = isinstance(op, _UNBOUNDED) or (isinstance(op, ops.Div) and position == 0)
        if passes or node in self.before_pole:
            return passes and node in self.read_bounded
        if isinstance(op, ops.Div) and position == 1:
            # Not for a plain scale exp(q): rules rewrite its quotients.
            return isinstance(x.op, (ops.Add, ops.Sub, ops.Sum))
        return isinstance(op, _BOUNDING)

    def inherit(self, node: Node, tangents: Sequence[Node | None]) -> None:
        """Record, in forward mode, that the node gets a tangent from those of its inputs."""
        moving = [(k, x, t) for k, (x, t) in enumerate(zip(node.inputs, tangents)) if t is not None]
        if any(x in self.steep for _, x, _ in moving):
            self.steep.add(node)
        if all(preserves_zeros(node.op, position) for position, _, _ in moving):
            self._direct.add(node)
            return
        for _, x, t in moving:
            same = (w for w in self.witnesses(x, t) if w.shape == node.shape)
            self._witnesses.setdefault(node, []).extend(same)

    def witnesses(self, node: Node, g: Node) -> list[Node]:
        """Nodes that are zero where the cotangent g is, except where g is zero because a slope
        vanished."""
        return [*([g] if node in self._direct else []), *self._witnesses.get(node, ())]

    def is_nonzero(self, g: Node) -> bool:
        """Do the facts exclude zeros in a cotangent?"""
        value = self.facts.constant(g)
        return value != 0 if value is not None else self.facts.bounds(g).nonzero

    def pull_back(self, node: Node, g: Node) -> list[Node | None]:
        """The vjp of a node, with zeros where its cotangent is zero. Parts may have the shape of
        the node."""
        op = node.op
        if isinstance(op, (Reduction, ops.LogSumExp)) and not isinstance(op, ops.Sum):
            mask, inner = self._row_mask(node, g)
            (part,) = op.vjp(inner, node, *node.inputs)
            return [part if mask is None else mask.widened(part)]
        if isinstance(op, ops.BroadcastTo) and mask_of(g, self.guards) is not None:
            return [summed_to(g, node.inputs[0].shape)]
        if isinstance(op, ops.Contract) and node in self.steep:
            return [self._contraction_part(node, g, k) for k in range(2)]
        if not isinstance(op, Elementwise) or isinstance(op, (ops.Where, ops.Add)):
            out = parts_of(node) if isinstance(node.type, tuple) else node
            return pulled(node, g, out, node.inputs, self.facts)
        layers, inner = peel(g, self.guards)
        inherited = self._witnesses.get(node, ())
        layers, inner, operands = narrowed(layers, inner, [node, *node.inputs, *inherited])
        out, *inputs = operands[: len(node.inputs) + 1]
        parts = list(op.vjp(inner, out, *inputs))
        if isinstance(op, (ops.Square, ops.Mul, ops.Div)):
            parts = _of_divisor(op, inner, out, inputs) or parts
        direct = [inner] if node in self._direct else []
        witnesses = (*direct, *operands[len(node.inputs) + 1 :])
        grows = self._may_overflow(node)
        at = Site(
            op, inner, witnesses, tuple(inputs), node in self.selected, out if grows else None
        )
        parts = [self.guarded(at, position, part) for position, part in enumerate(parts)]
        if isinstance(op, ops.Mul) and node in self.steep:
            parts = [
                zero_at_zero_weight(part, inner, inputs[1 - k]) for k, part in enumerate(parts)
            ]
        for layer in reversed(layers):
            parts = [None if part is None else layer.widened(part) for part in parts]
        return parts

    def push_forward(self, node: Node, position: int, t: Node, part: Node | None) -> Node | None:
        """`part`, the contribution of an input with tangent t to the tangent of a node, with 0
        where t is 0 at a pole, or where an infinite t is multiplied by 0."""
        x = node.inputs[position]
        witnesses = tuple(t if w is None else w for w in self._forward_witnesses(x, node))
        at = Site(node.op, t, witnesses, node.inputs, True)
        part = self.guarded(at, position, part)
        if part is not None and x in self.steep and isinstance(node.op, ops.Mul):
            part = zero_at_zero_weight(part, t, node.inputs[1 - position])
        if any(pole.finite for pole in self._poles(node.op, position, node.inputs)):
            self.steep.add(node)
        return part

    def _forward_witnesses(self, x: Node, node: Node) -> list[Node | None]:
        direct: list[Node | None] = [None] if x in self._direct else []
        return direct + [w for w in self._witnesses.get(x, ()) if w.shape == node.shape]

    def is_mixture(self, node: Node) -> bool:
        """Is it a mixture whose derivatives bypass logarithms with an argument that may be 0?"""
        if isinstance(node.op, ops.Exp) and self._may_overflow(node):
            return False
        return bool(self.mixtures.terms(node))

    def past_logarithms(
        self, node: Node, g: Node, fit: Fit, hidden: Node | None = None
    ) -> list[Part]:
        """The contributions of a mixture to the gradients of its weights and other summands; an
        empty list for other nodes. `hidden` is its hidden gradient, if it has one."""
        if not self.is_mixture(node):
            return []
        mask, inner, out = None, g, None
        if hidden is None:
            mask, inner = self._row_mask(node, g)
        else:
            inner = ops.where(ops.eq(node, -np.inf), hidden, g)
            out = self.mixtures.with_scale(node)
        found = self.mixtures.parts(node, inner, fit, _widening(mask), out)
        if node in self.selected:
            self.selected.update(part.x for part in found)
        return found

    def _may_overflow(self, node: Node) -> bool:
        """May the node overflow below a bounded function?"""
        if not isinstance(node.op, _GROWING) or node not in self.read_bounded:
            return False
        return self.facts.bounds(node.inputs[0]).high > 700

    def _row_mask(self, node: Node, g: Node) -> tuple[Mask | None, Node]:
        """The mask of the cotangent of a reduction, spread to the elements of its operand, and the
        cotangent without it; (None, g) if there is none."""
        found = one_mask(g, self.guards)
        if found is None or found[0].condition in self.guards:
            return None, g
        mask, inner = found
        condition = ops.broadcast_to(mask.condition, node.shape)
        if isinstance(node.op, (Reduction, ops.LogSumExp)):
            condition = spread(condition, node.op.axes, node.inputs[0].shape)
        return Mask(condition, mask.holds), inner

    def guarded(self, at: Site, position: int, part: Node | None) -> Node | None:
        """`part`, the gradient of one input, with 0 where the cotangent is 0 at a pole of the op,
        or where the pole is an extreme of the operand."""
        if part is None or constant_of(part) == 0:
            return part
        off_pole, conditions = [], []
        for pole in self._poles(at.op, position, at.inputs):
            x = at.inputs[pole.operand]
            if pole.finite and self._is_extreme_at(x, pole.at):
                conditions.append(ops.ne(x, pole.at))
            elif pole.finite or at.selected:
                off_pole.append(ops.ne(x, pole.at))
        finite = self._finite_operands(at, position) if at.selected else []
        if at.out is not None:
            regular = ops.lt(ops.abs(at.out), np.inf)
            conditions.append(ops.logical_or(ops.ne(at.g, 0), regular))
        if (off_pole or finite) and at.witnesses and not any(map(self.is_nonzero, at.witnesses)):
            weighed = reduce(ops.logical_or, [ops.ne(w, 0) for w in at.witnesses])
            regular = reduce(ops.logical_and, off_pole + finite)
            conditions.append(ops.logical_or(weighed, regular))
        if not conditions:
            return part
        condition = reduce(ops.logical_and, conditions)
        if not finite:
            self.guards.add(condition)
        return ops.where(condition, part, 0)

    def _contraction_part(self, node: Node, g: Node, position: int) -> Node:
        """The vjp of a contraction whose cotangent may be infinite: 0 where the other factor is 0,
        if the vjp contains no sum."""
        letters = node.op.parts()
        other = node.inputs[1 - position]
        part = node.op.vjp(g, node, *node.inputs)[position]
        if not set(letters[position]) >= set(letters[1 - position]) | set(letters[2]):
            return part
        letters_of_part, weights = letters[position], letters[1 - position]
        spread_out = ops.contract(
            f"{letters[2]},{weights}->{letters_of_part}", g, ops.ones_like(other)
        )
        weight = ops.contract(f"{letters[2]},{weights}->{letters_of_part}", ops.ones_like(g), other)
        return zero_at_zero_weight(part, spread_out, weight)

    def _poles(self, op: object, position: int, inputs: Sequence[Node]) -> list[Pole]:
        """The poles of an op that operands may reach."""
        if not isinstance(op, Elementwise):
            return []
        poles = op.poles_of(position, *inputs)
        return [p for p in poles if may_reach(self.facts.bounds(inputs[p.operand]), p.at)]

    def _finite_operands(self, at: Site, position: int) -> list[Node]:
        """Conditions that operands read by the slope are finite, for those that may be infinite at
        a pole."""
        if isinstance(at.op, _CONSTANT_SLOPES):
            return []
        read = [
            x for k, x in enumerate(at.inputs) if not isinstance(at.op, ops.Mul) or k != position
        ]
        return [ops.lt(ops.abs(x), np.inf) for x in read if self.may_be_infinite(x)]

    def may_be_infinite(self, x: Node) -> bool:
        """Is x computed by a function with an infinite value at a pole that its argument may
        reach?"""
        stack = [x]
        while stack:
            top = stack[-1]
            waiting = [a for a in top.inputs if a not in self._infinite]
            if top not in self._infinite and waiting and isinstance(top.op, _MADE):
                stack.extend(waiting)
                continue
            stack.pop()
            if top not in self._infinite:
                self._infinite[top] = self._is_made_infinite(top)
        return self._infinite[x]

    def _is_made_infinite(self, x: Node) -> bool:
        if not isinstance(x.op, _MADE) or self.facts.bounds(x).finite:
            return False
        if any(self._infinite[a] for a in x.inputs):
            return not isinstance(x.op, _SATURATING)
        if not isinstance(x.op, Elementwise):
            return False
        positions = range(len(x.inputs))
        return any(not p.finite for k in positions for p in self._poles(x.op, k, x.inputs))

    def _is_extreme_at(self, x: Node, end: float) -> bool:
        """Is `end` an extreme of x at which the slopes of x are zero or change sign?"""
        bounds = self.facts.bounds(x)
        return end in (bounds.low, bounds.high) and self._has_extreme(x, MAX_DEPTH)

    def _has_extreme(self, x: Node, depth: int) -> bool:
        op = x.op
        if isinstance(op, (Input, Const)) or not x.inputs or depth == 0:
            return False
        if isinstance(op, (ops.Add, ops.Sub)):
            moving = [a for a in x.inputs if self.facts.constant(a) is None]
            return all(self._has_extreme(a, depth - 1) for a in moving)
        if isinstance(op, ops.Mul):
            at_zero = [a for a in x.inputs if not self.facts.bounds(a).nonzero]
            return all(self._has_extreme(a, depth - 1) for a in at_zero)
        monotone = isinstance(op, Elementwise) and (op.facts.increasing or op.facts.decreasing)
        if monotone or isinstance(op, _FOLLOWED):
            return self._has_extreme(x.inputs[0], depth - 1)
        return True


def narrowed(
    layers: list[Layer], inner: Node, operands: list[Node]
) -> tuple[list[Layer], Node, list[Node]]:
    """The leading layers that can narrow all operands, `inner` within the others, and the narrowed
    operands."""
    for count, layer in enumerate(layers):
        narrow = [layer.narrowed(x) for x in operands]
        if any(x is None for x in narrow):
            for dropped in reversed(layers[count:]):
                inner = dropped.widened(inner)
            return layers[:count], inner, operands
        operands = narrow
    return layers, inner, operands


def _widening(mask: Mask | None) -> Callable[[Node], Node]:
    return mask.widened if mask else lambda part: part


def _of_divisor(
    op: Elementwise, g: Node, out: Node, inputs: Sequence[Node]
) -> list[Node | None]:
    """The vjp of a product, square or quotient `op` whose cotangent is divided by its result `out`,
    or by the elements of it that the cotangent is of: for h / (x * y) it is h / x and h / y, and
    for h / (x / y) it is h / x and -h / y. The plain vjp would contain 0 * inf for a factor of 0,
    and the square of a quotient would overflow. An empty list for other nodes."""
    if not isinstance(g.op, (ops.Mul, ops.Div)):
        return []
    for path, leaf, inverted in chain_leaves(g, out):
        if leaf is out and inverted:
            rest = regrow(g, {path: None})
            if isinstance(op, ops.Div):
                return [rest / inputs[0], -rest / inputs[1]]
            return [2 * rest / inputs[0]] if len(inputs) == 1 else [rest / x for x in inputs]
    return []


def zero_at_zero_weight(part: Node | None, g: Node, weight: Node) -> Node | None:
    """`part` = g * weight, but 0 where the weight is 0, also if g is infinite."""
    if part is None:
        return None
    return ops.where(ops.logical_or(ops.ne(weight, 0), ops.lt(ops.abs(g), np.inf)), part, 0)


def may_reach(bounds: Bounds, at: float) -> bool:
    """Do the bounds include the value `at`?"""
    if at < bounds.low or at > bounds.high or (at == 0 and bounds.nonzero):
        return False
    return not ((at == bounds.low and bounds.low_open) or (at == bounds.high and bounds.high_open))
