"""Identities of arithmetic, `where` and casts, and the folding of constants.

Every rule holds in floating point: one that would lose a nan or an infinity has a condition on the
facts that excludes them. A different order of roundings is accepted if each result is as close to
the exact value as before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from probtensor import ops
from probtensor.graph.law import symbolic_sizes
from probtensor.graph.node import Const, Frozen, Node, make
from probtensor.ops.kinds import Elementwise, Kind, Passing, Random
from probtensor.rules.arithmetic.products import is_power_of_two, literal
from probtensor.transform.facts import FactTable, constant_of
from probtensor.transform.pattern import Literals, Twice, var
from probtensor.transform.rewrite import Ruleset, rewrite, rule

x, y, z = var("x"), var("y"), var("z")
c, d = var("c", "bool"), var("d", "bool")
ANY = (-1e300, 1e300)
POSITIVE = (0, 1e300)

NEUTRAL = Ruleset(
    rule(x + 0, x, over=ANY, why="0 is the additive identity"),
    rule(x - 0, x, over=ANY, why="0 is the additive identity"),
    rule(0 - x, -x, over=ANY, why="subtraction from 0 is negation"),
    rule(x * 1, x, over=ANY, why="1 is the multiplicative identity"),
    rule(x / 1, x, over=ANY, why="1 is the multiplicative identity"),
    rule(x * -1, -x, over=ANY, why="negation instead of a product"),
    rule(x / -1, -x, over=ANY, why="negation instead of a quotient"),
    rule(
        x * 0, 0, over=ANY, given=lambda m: m.facts.bounds(m.x).finite,
        why="x is finite; nan * 0 and inf * 0 are nan, and are not rewritten",
    ),
    rule(
        x - x, 0, over=ANY, given=lambda m: m.facts.bounds(m.x).finite,
        why="x is finite; inf - inf is nan, and is not rewritten",
    ),
    rule(
        x / x, 1, over=(1e-300, 1e300),
        why="x is finite and not 0; 0 / 0 is nan, and is not rewritten",
        given=lambda m: m.facts.bounds(m.x).finite and m.facts.bounds(m.x).nonzero,
    ),
)  # fmt: skip

SIGNS = Ruleset(
    rule(ops.neg(-x), x, over=ANY, why="double negation"),
    rule(x + -y, x - y, over=ANY, why="one operation instead of two"),
    rule(x - -y, x + y, over=ANY, why="one operation instead of two"),
    rule(-x - y, -(x + y), over=ANY, why="negations move outwards, where they cancel"),
    rule(-(x - y), y - x, over=ANY, why="one operation instead of two"),
    rule(
        ops.abs(-x), ops.abs(x), over=ANY, given=lambda m: m.x.dtype.kind != "u",
        why="even function; unsigned integers wrap around",
    ),
    rule(ops.abs(ops.abs(x)), ops.abs(x), over=ANY, why="idempotent"),
    rule(
        ops.abs(x), x, over=POSITIVE, given=lambda m: m.facts.bounds(m.x).nonnegative,
        why="x is nonnegative",
    ),
    rule(ops.square(-x), ops.square(x), over=ANY, why="even function"),
    rule(ops.square(ops.abs(x)), ops.square(x), over=ANY, why="even function"),
)  # fmt: skip

CHOICE = Ruleset(
    rule(ops.where(True, x, y), x, over=ANY, why="condition is constant"),
    rule(ops.where(False, x, y), y, over=ANY, why="condition is constant"),
    rule(ops.where(c, x, x), x, over=ANY, why="both branches are equal"),
    rule(
        ops.where(ops.logical_not(c), x, y), ops.where(c, y, x), over=ANY,
        why="exchanging the branches removes a negation",
    ),
    rule(
        ops.where(c, ops.where(c, x, y), z), ops.where(c, x, z), over=ANY,
        why="the outer condition implies the value of the inner one",
    ),
    rule(
        ops.where(c, x, ops.where(c, y, z)), ops.where(c, x, z), over=ANY,
        why="the outer condition implies the value of the inner one",
    ),
    rule(
        ops.where(c, x, 0) + ops.where(c, 0, y), ops.where(c, x, y), over=ANY,
        why="one selection: the sum of the gradients of two branches",
    ),
    rule(
        ops.where(c, x, 0) + ops.where(c, y, 0), ops.where(c, x + y, 0), over=ANY,
        why="one selection instead of two",
    ),
    rule(ops.logical_not(ops.logical_not(c)), c, over=ANY, why="double negation"),
    rule(ops.logical_and(c, True), c, over=ANY, why="true is the identity of and"),
    rule(ops.logical_or(c, False), c, over=ANY, why="false is the identity of or"),
    rule(ops.logical_and(c, c), c, over=ANY, why="idempotent"),
    rule(ops.logical_or(c, c), c, over=ANY, why="idempotent"),
    rule(ops.logical_and(c, False), False, over=ANY, why="absorbing element"),
    rule(ops.logical_or(c, True), True, over=ANY, why="absorbing element"),
    rule(ops.maximum(x, x), x, over=ANY, why="idempotent"),
    rule(ops.minimum(x, x), x, over=ANY, why="idempotent"),
    rule(
        ops.maximum(x, y), x, over={"x": (1, 9), "y": (-9, 0)}, why="x >= y by their bounds",
        given=lambda m: _is_ordered(m.facts, m.y, m.x),
    ),
    rule(
        ops.minimum(x, y), x, over={"x": (-9, 0), "y": (1, 9)}, why="x <= y by their bounds",
        given=lambda m: _is_ordered(m.facts, m.x, m.y),
    ),
)  # fmt: skip


def _is_ordered(facts: FactTable, low: Node, high: Node) -> bool:
    """Do the bounds show low <= high? Both must be finite, since nan in either would propagate."""
    a, b = facts.bounds(low), facts.bounds(high)
    return a.finite and b.finite and a.high <= b.low


@rewrite(
    on=(ops.Lt, ops.Le, ops.Gt, ops.Ge),
    example=lambda: ops.lt(ops.tensor("i", (3,), "uint8"), 0),
)
def decide_comparison(node: Node, facts: FactTable) -> Node | None:
    """A comparison of two numbers is constant if their bounds do not overlap."""
    a, b = (facts.bounds(operand) for operand in node.inputs)
    if isinstance(node.op, (ops.Gt, ops.Ge)):
        a, b = b, a
    if not (a.finite and b.finite):
        return None
    strict = isinstance(node.op, (ops.Lt, ops.Gt))
    if a.high < b.low or (not strict and a.high <= b.low):
        return make(Const(Frozen(np.array(True))), ())
    if a.low > b.high or (strict and a.low >= b.high):
        return make(Const(Frozen(np.array(False))), ())
    return None


# Constants.

# A folded constant may have this many elements even if its operands have fewer.
MAX_GROWTH = 16
# Functions whose values at literals are not folded before the stable forms are applied, since the
# rounded value has lost digits that a stable form keeps. Large numbers of which differences are
# taken:
OF_GAMMAS = (ops.Lgamma, ops.Digamma, ops.Trigamma, ops.Lbeta, ops.LogRisingFactorial)
# Numbers next to an end of the range or to 1, whose logarithm or complement is taken:
OF_LINKS = (
    ops.Exp, ops.Expm1, ops.Sigmoid, ops.Softmax, ops.Softplus, ops.Ndtr, ops.Erf, ops.Erfc,
    ops.Tanh, ops.Cosh, ops.Arctan,
)  # fmt: skip
# Numbers outside the range of floats, whose logarithm is taken:
OF_POWERS = (ops.Pow, ops.Square)
# Sums in which digits of the smaller term are lost:
OF_SUMS = (ops.Add, ops.Sub)
DEFERRED = (*OF_GAMMAS, *OF_LINKS, *OF_POWERS, *OF_SUMS)
# The log gamma of a literal below this loses no digits that matter.
SMALL = 8.0
# NEAR: the relative distance from an end of the range below which digits are lost.
# LOST: the error of a sum relative to its smaller term that is accepted, in ulps.
NEAR, LOST = 2.0**-10, 2.0**12
EPS = 2.0**-52  # of float64


def _is_deferred(node: Node, arrays: Sequence[np.ndarray], value: np.ndarray) -> bool:
    """Does the rounded value of this function of literals lose digits that stable forms keep?"""
    if not isinstance(node.op, DEFERRED) or not node.type.is_float:
        return False
    if not all(np.isfinite(a).all() if a.ndim else math.isfinite(a) for a in arrays):
        return False
    if isinstance(node.op, OF_GAMMAS):
        return any(np.any(np.abs(a) >= SMALL) for a in arrays)
    if isinstance(node.op, OF_SUMS):
        return _loses_a_term(*arrays, value)
    tiny = np.finfo(value.dtype).tiny
    lost = ~np.isfinite(value) | (np.abs(value) < tiny)
    if isinstance(node.op, OF_LINKS) and not isinstance(node.op, ops.Softmax):
        found = node.op.facts.range
        ends = [end for end in {1.0, -1.0, found.low, found.high} if end and math.isfinite(end)]
        lost |= np.any([np.abs(value - end) < NEAR * abs(end) for end in ends], axis=0)
    return bool(np.any(lost & (arrays[0] != 0)))


def _loses_a_term(a: np.ndarray, b: np.ndarray, total: np.ndarray) -> bool:
    """Does a + b or a - b lose digits of the smaller term? (What remains of the term is exact.)"""
    if not total.ndim and total.dtype == "float64":
        small, large = sorted((abs(float(a)), abs(float(b))))
        rest = abs(abs(float(total)) - large)
        return abs(rest - small) > LOST * EPS * small
    small, large = np.fmin(np.abs(a), np.abs(b)), np.fmax(np.abs(a), np.abs(b))
    with np.errstate(all="ignore"):
        rest = np.abs(np.abs(total) - large)
        lost = np.abs(rest - small) > LOST * np.finfo(total.dtype).eps * small
    return bool(np.any(lost))


def _folded(node: Node, late: bool = False) -> Node | None:
    for a in node.inputs:
        if not isinstance(a.op, Const):
            return None
    if not node.inputs or isinstance(node.type, tuple) or isinstance(node.op, (Random, Passing)):
        return None
    if symbolic_sizes(node):
        return None
    arrays = [a.op.array for a in node.inputs]
    if isinstance(node.op, ops.Checked) and not np.all(arrays[1]):
        return None  # each call raises
    if node.size > max(MAX_GROWTH, sum(a.size for a in arrays)) or isinstance(
        node.op, (ops.BroadcastTo, ops.ExpandDims)
    ):
        return None
    try:
        with np.errstate(all="ignore"):
            value = np.asarray(node.op.values(*arrays)).astype(node.dtype)
    except (IndexError, ValueError):
        # Left for run time, where the error has a location, if it is reached at all.
        return None
    if not late and _is_deferred(node, arrays, value):
        return None
    return make(Const(Frozen(value)), ())


@rewrite(
    on=Kind,
    operands=Literals,
    example=lambda: ops.exp(ops.constant(2.0)) * ops.tensor("x", (3,)),
)
def fold_constants(node: Node) -> Node | None:
    """Constant folding, unless the result is larger than the operands, or its rounded value loses
    digits that a stable form keeps."""
    return _folded(node)


@rewrite(
    on=DEFERRED,
    operands=Literals,
    example=lambda: ops.lgamma(ops.constant(1e15)) * ops.tensor("x", (3,)),
)
def fold_deferred_constants(node: Node, facts: FactTable) -> Node | None:
    """Constant folding of functions that no stable form has matched."""
    found = _folded(node, late=True)
    return _folded_repeated(node, facts, late=True) if found is None else found


@rewrite(
    on=Elementwise,
    operands=Literals,
    example=lambda: ops.exp(ops.broadcast_to(ops.constant(2.0), (ops.tensor("x").size, 20))),
)
def fold_repeated_constants(node: Node, facts: FactTable) -> Node | None:
    """Constant folding of elementwise ops on broadcast constants."""
    return _folded_repeated(node, facts)


def _folded_repeated(node: Node, facts: FactTable, late: bool = False) -> Node | None:
    for a in node.inputs:
        if facts.constant(a) is None:
            return None
    if all(isinstance(a.op, Const) for a in node.inputs):
        return None
    values = [facts.constant(a) for a in node.inputs]
    arrays = [np.asarray(v).astype(a.dtype) for v, a in zip(values, node.inputs, strict=True)]
    try:
        with np.errstate(all="ignore"):
            value = np.asarray(node.op.values(*arrays)).astype(node.dtype)
    except ValueError:
        return None
    if not late and _is_deferred(node, arrays, value):
        return None
    return make(Const(Frozen(value)), ())


def _term(node: Node) -> tuple[float, Node]:
    """(c, x) for a term c * x, with c a literal."""
    if isinstance(node.op, ops.Mul):
        for factor, rest in (node.inputs, node.inputs[::-1]):
            value = constant_of(factor)
            if value is not None and constant_of(rest) is None:
                return value, rest
    return (-1.0, node.inputs[0]) if isinstance(node.op, ops.Neg) else (1.0, node)


@rewrite(
    on=(ops.Add, ops.Sub),
    operands=[ops.Mul, ops.Neg, Twice],
    example=lambda: (
        (lambda t: 2.0 * t + t)(ops.tensor("x", (3,))),
        (lambda t: -4.0 * t - 2.0 * t)(ops.tensor("x", (3,), "float32")),
    ),
)
def add_like_terms(node: Node) -> Node | None:
    """c * x + d * x -> (c + d) * x for c and d powers of two (the products are exact) of the same
    sign (else inf - inf would become inf)."""
    if not node.type.is_float:
        return None
    (c1, x1), (c2, x2) = (_term(a) for a in node.inputs)
    c2 = -c2 if isinstance(node.op, ops.Sub) else c2
    if x1 is not x2 or not c1 * c2 > 0 or not math.isfinite(c1 + c2):
        return None
    if not (is_power_of_two(c1) and is_power_of_two(c2)):
        return None
    total = literal(Fraction(c1) + Fraction(c2), node)
    return None if total is None else total * x1


@rewrite(
    on=(ops.Add, ops.Sub), operands=Const, example=lambda: (ops.tensor("x", (3,)) + 1.0) - 3.0
)
def join_constant_terms(node: Node) -> Node | None:
    """(x + c) + d -> x + (c + d) where c + d is exact: one rounding instead of two."""
    if not node.type.is_float:
        return None
    a, b = node.inputs
    sign = -1 if isinstance(node.op, ops.Sub) else 1
    outer = _number(b)
    if outer is not None and isinstance(a.op, (ops.Add, ops.Sub)):
        flip = -1 if isinstance(a.op, ops.Sub) else 1
        first, second = (_number(t) for t in a.inputs)
        if second is not None and first is None:
            total = literal(flip * second + sign * outer, node)
            return None if total is None else a.inputs[0] + total
        if first is not None and second is None:
            total = literal(first + sign * outer, node)
            return None if total is None else a.op(total, a.inputs[1])
    return None


def _number(x: Node) -> Fraction | None:
    """The value of a finite literal."""
    value = constant_of(x)
    return Fraction(value) if value is not None and math.isfinite(value) else None


# Casts.


def _holds(wide: str, narrow: str) -> bool:
    """Can dtype `wide` represent every value of dtype `narrow`?"""
    # NumPy calls the cast of 64-bit integers to float64 safe, but it rounds past 2**53.
    rounds = narrow in ("int64", "uint64") and wide.is_float
    return narrow == "bool" or (np.can_cast(narrow, wide, "safe") and narrow != wide and not rounds)


@rewrite(
    on=ops.Cast,
    example=lambda: ops.astype(ops.astype(ops.tensor("i", (3,), "int8"), "int32"), "float64"),
)
def join_casts(node: Node) -> Node | None:
    """A cast of a lossless cast is one cast, or none."""
    inner = node.inputs[0]
    if inner.dtype == node.dtype:
        return inner
    if isinstance(inner.op, ops.Cast):
        origin = inner.inputs[0]
        # A cast to bool tests for 0, so the inner cast must not round to 0.
        if _holds(inner.dtype, origin.dtype):
            return ops.astype(origin, node.dtype)
    return None


@rewrite(on=ops.Cast, example=lambda: ops.astype(ops.where(ops.tensor("c", (3,), "bool"), 1, 0),
                                                 "float64"))  # fmt: skip
def cast_constant_branches(node: Node) -> Node | None:
    """A cast of a `where` between literals is a `where` between cast literals."""
    inner = node.inputs[0]
    if not isinstance(inner.op, ops.Where):
        return None
    condition, a, b = inner.inputs
    if constant_of(a) is None or constant_of(b) is None:
        return None
    return ops.where(condition, ops.astype(a, node.dtype), ops.astype(b, node.dtype))


FUNCTIONS = Ruleset(
    fold_constants,
    fold_repeated_constants,
    join_casts,
    cast_constant_branches,
    add_like_terms,
    join_constant_terms,
    decide_comparison,
)

ALGEBRA = FUNCTIONS + NEUTRAL + SIGNS + CHOICE
# Applied after the stable forms.
LATE = Ruleset(fold_deferred_constants)
