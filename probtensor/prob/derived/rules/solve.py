"""Monotone functions without a formula for their inverse: it is found by bisection and a Newton
step, and its derivatives are those of the equation that it solves."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping

import numpy as np

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph import Node, as_tensor, toposort
from probtensor.graph import replace as replaced
from probtensor.graph.closed import depending
from probtensor.graph.node import new_input
from probtensor.late import late
from probtensor.ops.kinds import Elementwise
from probtensor.prob.derived.derivation import Derivation, NotDerived, literal_value
from probtensor.prob.derived.law import Law
from probtensor.prob.derived.rules.elementwise import PARTIAL, UNARY, Monotone, image_law
from probtensor.prob.distributions.support import Interval, is_number
from probtensor.rules.derivatives import stabilized
from probtensor.transform.autodiff import pull_back
from probtensor.transform.facts import Bounds, FactTable

roots = late("probtensor.optimize.roots")
implicit = late("probtensor.optimize.implicit")
# The ends of the logarithmic scale on which a root is searched.
LEAST, MOST = -745.0, 709.0
# Functions that jump: their slope does not tell that they are monotone.
_JUMPING = (
    ops.Mod, ops.FloorDiv, ops.Floor, ops.Ceil, ops.Round, ops.Trunc, ops.Sign, ops.Copysign,
    ops.Nextafter, ops.NextafterSingle, ops.Mantissa, ops.Exponent, ops.Ldexp, ops.Arctan2,
    ops.HurwitzZeta,
)  # fmt: skip
# Functions without jumps and poles wherever they have a value, besides most of UNARY.
_CONTINUOUS = (
    ops.Add, ops.Sub, ops.Mul, ops.Maximum, ops.Minimum, ops.Logaddexp, ops.Logaddexp2, ops.Where,
    ops.Cast, ops.Erfcx, ops.Erfi, ops.Dawsn, ops.LogCosh, ops.LogSoftplus,
    *(kind for kind in UNARY if kind is not ops.Tan),
)  # fmt: skip


def derive_solved(d: Derivation, node: Node) -> Law | None:
    """A function of the entries of one variable, which may occur in it several times, whose
    derivative is known to have one sign."""
    if not isinstance(node.op, Elementwise) or not node.type.is_float:
        return None
    x = _variable(d, node)
    law = d.law(x)
    if law.discrete or law.points or not isinstance(law.support, Interval):
        return None
    if tuple(law.shape) != tuple(node.shape) or not x.type.is_float:
        return None
    own = new_input(None, x.dtype, x.shape)
    (f,) = replaced([node], {x: own})
    facts = _facts_within(law.support, own)
    jump = _jump_of(f, own, facts)
    if jump is not None:
        raise NotDerived(
            f"{jump.op.user_name()} may jump inside of the support, so that the expression is not "
            "seen to be a monotone function of its variable", node, vague=True,
        )  # fmt: skip
    f, slope = stabilized([f, pull_back(f, own, ops.ones_like(f))], [own])
    falls = _falls(facts.bounds(slope), _is_analytic(node, x))
    if falls is None:
        direction = _direction(f, own, facts)
        falls = None if direction is None else direction < 0
    if falls is None:
        raise NotDerived(
            "it is not seen to be a monotone function of its variable", node,
            "a function is seen to be monotone where all terms of its derivative have one sign",
            vague=True,
        )  # fmt: skip
    place, ends = _scale(law.support)

    def at(t: Node) -> Node:
        return replaced([f], {own: ops.broadcast_to(t.astype(own.dtype), own.shape)})[0]

    def inverse(y: Node) -> Node:
        return _solution(f, slope, own, y.astype(own.dtype), place, ends)

    def log_slope(v: Node, y: Node) -> Node:
        return -ops.log(ops.abs(replaced([slope], {own: ops.broadcast_to(v, own.shape)})[0]))

    given = _given_of(d, node)
    found = image_law(law, Monotone(inverse, log_slope, falls=falls), at, node.dtype, given)
    limits = [_limit(at(place(as_tensor(t)))) for t in ends]
    if falls != _turned(law.support):
        limits = limits[::-1]
    return replace(found, support=Interval(*limits))


def _turned(support: Interval) -> bool:
    """Does the scale of a support run from its upper end to the lower one?"""
    return support.bounded_above and not support.bounded_below


def _facts_within(support: Interval, own: Node) -> FactTable:
    """What is known inside of a support, of which `own` is a value."""
    facts = FactTable()
    if is_number(support.low, support.high):
        low, high = float(np.min(support.low)), float(np.max(support.high))
        facts.assume(own, Interval(low, high, low_open=True, high_open=True))
    elif is_number(support.low):
        facts.assume(own, Interval(float(np.min(support.low)), low_open=True))
    return facts


def _jump_of(f: Node, own: Node, facts: FactTable) -> Node | None:
    """A node between an input and a function of it that may have a jump or a pole there."""
    order = toposort([f])
    inside = depending(order, [own])
    for node in order:
        if node is own or node not in inside:
            continue
        if type(node.op) in PARTIAL:
            bounds, domain = facts.bounds(node.inputs[0]), UNARY[type(node.op)].domain
            if bounds.low < domain.low or bounds.high > domain.high:
                return node
        if isinstance(node.op, _CONTINUOUS):
            continue
        operands = list(node.inputs)
        if isinstance(node.op, ops.Div):
            operands = operands[1:]
        elif isinstance(node.op, ops.Pow):
            operands = [] if facts.bounds(operands[1]).nonnegative else operands[:1]
        elif isinstance(node.op, ops.Tan):
            bounds = facts.bounds(operands[0])
            operands = []
            if not -0.5 * math.pi <= bounds.low <= bounds.high <= 0.5 * math.pi:
                return node
        if isinstance(node.op, _JUMPING):
            return node
        for x in operands:
            bounds = facts.bounds(x)
            one_sided = bounds.positive or (bounds.nonpositive and bounds.nonzero)
            if not (one_sided if isinstance(node.op, (ops.Div, ops.Pow)) else bounds.positive):
                return node
    return None


def _falls(bounds: Bounds, is_analytic: bool) -> bool | None:
    """Whether a function falls, from the bounds of its slope; None if unknown."""
    # An analytic function may have a slope of 0 here and there, and is monotone nevertheless.
    if bounds.positive or (bounds.nonnegative and is_analytic):
        return False
    falls = bounds.nonpositive and (bounds.nonzero or is_analytic)
    return True if falls else None


_FALLING, _RISING = (ops.Erfcx,), (ops.Erfi,)


def _direction(f: Node, own: Node, facts: FactTable) -> int | None:
    """1 for a function of an input that rises, -1 for one that falls, as its parts say; None if
    they do not."""
    found: dict[Node, int | None] = {own: 1}
    order = toposort([f])
    inside = depending(order, [own])
    for node in order:
        if node in inside and node is not own:
            found[node] = _direction_of(node, found, inside, facts)
    return found.get(f)


def _direction_of(
    node: Node, found: Mapping[Node, int | None], inside: Collection[Node], facts: FactTable
) -> int | None:
    op, moving = node.op, [x for x in node.inputs if x in inside]
    ways = [found[x] for x in moving]
    if None in ways:
        return None
    if isinstance(op, ops.Sub) and node.inputs[1] in inside:
        ways[-1] = -ways[-1]
    if isinstance(op, (ops.Add, ops.Sub, ops.Logaddexp)):
        return ways[0] if len(set(ways)) == 1 else None
    if len(node.inputs) == 2 and len(moving) == 1 and isinstance(op, (ops.Mul, ops.Div)):
        other = node.inputs[1 if moving[0] is node.inputs[0] else 0]
        bounds = facts.bounds(other)
        if moving[0] is not node.inputs[0] and isinstance(op, ops.Div):
            return None
        if bounds.positive:
            return ways[0]
        return -ways[0] if bounds.nonpositive and bounds.nonzero else None
    if isinstance(op, (*_FALLING, *_RISING)):
        return -ways[0] if isinstance(op, _FALLING) else ways[0]
    known = UNARY.get(type(op))
    if known is None:
        return None
    bounds = facts.bounds(moving[0])
    if bounds.low < known.domain.low or bounds.high > known.domain.high:
        return None
    return -ways[0] if known.falls else ways[0]


def _is_analytic(node: Node, x: Node) -> bool:
    """Is a function of x made of analytic functions alone?"""
    between = [y for y in toposort([node], given=[x]) if y is not x]
    kinds = (ops.Add, ops.Sub, ops.Mul, ops.Div, ops.Pow, *UNARY)
    inner = [y for y in between if y.inputs and x in set(toposort([y]))]
    return all(isinstance(y.op, kinds) and not isinstance(y.op, ops.Abs) for y in inner)


def _scale(support: Interval) -> tuple[Callable[[Node], Node], tuple[float, float]]:
    """(the place in a support of a number t, the ends of t): logarithmic towards the ends."""
    low, high = support.low, support.high
    if support.bounded_below and support.bounded_above:
        low, high = as_tensor(low), as_tensor(high)
        return (lambda t: low + (high - low) * ops.sigmoid(t)), (LEAST, -LEAST)
    if support.bounded_below:
        return (lambda t: as_tensor(low) + ops.exp(t)), (LEAST, MOST)
    if support.bounded_above:
        return (lambda t: as_tensor(high) - ops.exp(t)), (LEAST, MOST)
    return ops.sinh, (-MOST, MOST)


def _limit(node: Node) -> object:
    """The value at an end of the scale, as a number where it is known."""
    known = literal_value(node)
    if known is not None and known.size and (known == known.flat[0]).all():
        return float(known.flat[0])
    return node


def _solution(
    f: Node, slope: Node, own: Node, y: Node, place: Callable[[Node], Node],
    ends: tuple[float, float],
) -> Node:  # fmt: skip
    """The x with f(x) = y; nan where there is none."""
    y = ops.broadcast_to(y, own.shape)

    def residual(t: Node) -> Node:
        return replaced([f], {own: place(t).astype(own.dtype)})[0] - y

    bracket = [ops.broadcast_to(as_tensor(t).astype(own.dtype), own.shape) for t in ends]
    t = roots.root_scalar(residual, method="bisect", bracket=bracket).root
    x = place(ops.stop_gradient(t)).astype(own.dtype)
    for _ in range(2):
        value, by_x = replaced([f, slope], {own: x})
        step = (value - y) / by_x
        x = ops.where(ops.isfinite(step) & (ops.abs(step) <= 1e-6 * ops.abs(x)), x - step, x)
    return implicit.solution_of(own, x, f - y, 0)


def _variable(d: Derivation, node: Node) -> Node:
    """The one random node that an expression of elementwise functions is made of."""
    found, seen, stack = [], set(), [node]
    while stack:
        top = stack.pop()
        if top in seen or d.is_given(top):
            continue
        seen.add(top)
        if isinstance(top.op, Elementwise) and top.shape == node.shape and top.type.is_float:
            stack += top.inputs
        else:
            found.append(top)
    if len(found) != 1:
        raise NotDerived("it is a function of several variables", node)
    return found[0]


def _given_of(d: Derivation, node: Node) -> list[Node]:
    """The given tensors that an expression of elementwise functions reads."""
    found, seen, stack = {}, set(), [node]
    while stack:
        top = stack.pop()
        if d.is_given(top):
            found[top] = None
        elif top not in seen and isinstance(top.op, Elementwise):
            seen.add(top)
            stack += top.inputs
    return list(found)
