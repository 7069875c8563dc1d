"""How probabilities are written: the arguments of distribution functions in them, and the logarithm
of a difference of two.

log(F(a) - F(b)) for a distribution function F: the logistic one is F(a) F(-b) (1 - e^(b - a)); the
normal one is reflected into the lower tail; arctan(a) - arctan(b) = arctan2(a - b, 1 + a b).
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.transform.chain import chain_leaves
from probtensor.transform.facts import Known, constant_of

ROOT2 = math.sqrt(2)
# Literals that stand for 1/pi or 1/sqrt(2) may be rounded in a few ways.
CLOSE = 1e-15


def is_literal(known: Known, node: Node, value: float) -> bool:
    found = known.constant(node)
    return found is not None and abs(found - value) <= CLOSE * abs(value)


def _other(node: Node, value: float, known: Known) -> Node | None:
    """The other factor or addend, where one operand is this literal."""
    for literal, rest in (node.inputs, node.inputs[::-1]):
        if is_literal(known, literal, value):
            return rest
    return None


def _scaled(node: Node, value: float, known: Known) -> Node | None:
    """z for value * z, which may be written z / (1 / value)."""
    if isinstance(node.op, ops.Mul):
        return _other(node, value, known)
    if isinstance(node.op, ops.Div) and is_literal(known, node.inputs[1], 1 / value):
        return node.inputs[0]
    return None


def normal_argument(p: Node, known: Known) -> Node | None:
    """z for p = ndtr(z), which may be written with erfc."""
    if isinstance(p.op, ops.Ndtr):
        return p.inputs[0]
    inner = _scaled(p, 0.5, known)
    if inner is None or not isinstance(inner.op, ops.Erfc):
        return None
    return times_root2(-inner.inputs[0], known)


def times_root2(z: Node, known: Known) -> Node:
    """z * sqrt(2), which is x exactly where z is x / sqrt(2) or its negative."""
    if isinstance(z.op, ops.Neg):
        return -times_root2(z.inputs[0], known)
    for sign in (1, -1):
        inner = _scaled(z, sign / ROOT2, known)
        if inner is not None:
            return inner if sign == 1 else -inner
    return z * ROOT2


def cauchy_argument(p: Node, known: Known) -> Node | None:
    """z for p = 1/2 + arctan(z) / pi."""
    if not isinstance(p.op, (ops.Add, ops.Sub)):
        return None
    minus = isinstance(p.op, ops.Sub)
    pairs = (p.inputs[::-1],) if minus else (p.inputs, p.inputs[::-1])
    for angle, half in pairs:
        if is_literal(known, half, 0.5):
            for sign in (1, -1):
                inner = _scaled(angle, sign / math.pi, known)
                if inner is not None and isinstance(inner.op, ops.Arctan):
                    z = inner.inputs[0]
                    return -z if minus == (sign == 1) else z
    return None


def log_cauchy(z: Node) -> Node:
    """log(1/2 + arctan(z) / pi), from the smaller of the two tails."""
    above = ops.log1p(ops.arctan2(1, z) / -math.pi)
    below = ops.log(ops.arctan2(1, -z) / math.pi)
    return ops.where(z > 0, above, below)


def exponent(p: Node) -> Node | None:
    """z for p = exp(z) or, as far as differences are concerned, p = exp(z) - 1."""
    return p.inputs[0] if isinstance(p.op, (ops.Exp, ops.Expm1)) else None


# Shares.


def _factors(node: Node) -> tuple[float, Counter]:
    """The literal factor of a product, and its other factors: (factor, is it below the line)."""
    if not isinstance(node.op, (ops.Mul, ops.Div)):
        return 1.0, Counter({(node, False): 1})
    value, others = 1.0, Counter()
    for _, leaf, inverted in chain_leaves(node):
        number = constant_of(leaf)
        if number is None or number == 0:
            others[leaf, inverted] += 1
        else:
            value = value / number if inverted else value * number
    return value, others


def share_of(p: Node, known: Known) -> tuple[Node, Node] | None:
    """(n, m) for p = n / (n + m), also where factors of n stand before the quotient."""
    if not isinstance(p.op, (ops.Mul, ops.Div)):
        return None
    value, others = known.remember(p, _factors)
    for total, below in others:
        if not below or not isinstance(total.op, ops.Add) or others[total, below] != 1:
            continue
        rest = others - Counter({(total, True): 1})
        for n, m in (total.inputs, total.inputs[::-1]):
            number = constant_of(n)
            own = (number, Counter()) if number is not None else known.remember(n, _factors)
            if rest == own[1] and abs(value - own[0]) <= CLOSE * abs(value):
                return n, m
    return None


# Differences.


def log_of_difference(p: Node, known: Known, where: Node | None = None) -> Node | None:
    """log(p - q), for two values of one distribution function, and piece by piece for joined ones.
    `where` says where the result is used: elsewhere the arguments are harmless ones."""
    first, second = p.inputs
    if isinstance(first.op, ops.Sigmoid) and isinstance(second.op, ops.Sigmoid):
        return _log_logistic_between(*_harmless((first.inputs[0], second.inputs[0]), where))
    pair = normal_argument(first, known), normal_argument(second, known)
    if None not in pair:
        return _log_normal_between(*_harmless(pair, where))
    pair = cauchy_argument(first, known), cauchy_argument(second, known)
    if None not in pair:
        upper, lower = _harmless(pair, where)
        return ops.log(ops.arctan2(upper - lower, 1 + upper * lower) / math.pi)
    if type(first.op) is type(second.op) and exponent(first) is not None:
        upper, lower = _harmless((exponent(first), exponent(second)), where)
        return upper + ops.log1mexp(lower - upper)
    return _log_of_joined_difference(p, known)


def _harmless(pair: Sequence[Node], where: Node | None) -> Sequence[Node]:
    if where is None:
        return pair
    return ops.where(where, pair[0], 0), ops.where(where, pair[1], -1)


def _log_logistic_between(upper: Node, lower: Node) -> Node:
    gap = ops.log1mexp(_minus(lower, upper))
    return ops.log_sigmoid(upper) + ops.log_sigmoid(-lower) + gap


def _minus(p: Node, q: Node) -> Node:
    """p - q without what both have: (c - z) - (d - z) is c - d."""
    if type(p.op) is type(q.op) and isinstance(p.op, (ops.Add, ops.Sub)):
        (a, b), (c, d) = p.inputs, q.inputs
        if b is d:
            return a - c
        if a is c:
            return b - d if isinstance(p.op, ops.Add) else d - b
    return p - q


def _log_normal_between(upper: Node, lower: Node) -> Node:
    high = upper + lower > 0
    upper, lower = ops.where(high, -lower, upper), ops.where(high, -upper, lower)
    log_upper = ops.log_ndtr(upper)
    return log_upper + ops.log1mexp(ops.log_ndtr(lower) - log_upper)


def _joined(x: Node, axis: int) -> list[Node] | None:
    """The pieces of a tensor along an axis, also of a slice of joined ones; None if it has none."""
    if isinstance(x.op, ops.Concatenate) and x.op.axis == axis:
        return list(x.inputs)
    whole = isinstance(x.op, ops.Slice) and isinstance(x.inputs[0].op, ops.Concatenate)
    if not whole or x.inputs[0].op.axis != axis or x.op.steps[axis] != 1:
        return None
    others = [a for a in range(x.ndim) if a != axis]
    if any(x.shape[a] != x.inputs[0].shape[a] for a in others):
        return None
    start, size = x.op.starts[axis], x.op.sizes[axis]
    pieces, place = [], 0
    for part in x.inputs[0].inputs:
        length = part.shape[axis]
        if not all(isinstance(n, int) for n in (start, size, length)):
            return None
        low, high = max(place, start), min(place + length, start + size)
        if low < high:
            pieces.append(ops.narrow(part, axis, low - place, high - low))
        place += length
    return pieces


def _log_of_joined_difference(p: Node, known: Known) -> Node | None:
    """log(p - q) piece by piece: categories as differences of [0, F(c), 1]."""
    for axis in range(p.ndim):
        sides = [_joined(side, axis) for side in p.inputs]
        if None in sides or any(side.shape != p.shape for side in p.inputs):
            continue
        sizes = [[x.shape[axis] for x in side] for side in sides]
        if not all(isinstance(n, int) for side in sizes for n in side):
            continue
        if not any(_is_law(x, known) for side in sides for x in side):
            continue
        ends = sorted({0, *(sum(side[: k + 1]) for side in sizes for k in range(len(side)))})
        pairs = [
            [_cut(side, axis, low, high) for side in sides]
            for low, high in itertools.pairwise(ends)
        ]
        return ops.concatenate([ops.log(upper - lower) for upper, lower in pairs], axis)
    return None


def _is_law(x: Node, known: Known) -> bool:
    while isinstance(x.op, (ops.Slice, ops.ExpandDims, ops.BroadcastTo)):
        x = x.inputs[0]
    laws = (normal_argument(x, known), cauchy_argument(x, known), exponent(x))
    return isinstance(x.op, ops.Sigmoid) or any(z is not None for z in laws)


def _cut(pieces: Sequence[Node], axis: int, low: int, high: int) -> Node:
    """What lies from low to high along the axis, within one of the pieces."""
    place = 0
    for part in pieces:
        if place <= low and high <= place + part.shape[axis]:
            return _narrowed(part, axis, low - place, high - low)
        place += part.shape[axis]
    raise AssertionError("no piece holds the span")


def _narrowed(x: Node, axis: int, start: int, size: int) -> Node:
    """A slice along an axis, taken inside an elementwise function of one argument."""
    if size == x.shape[axis]:
        return x
    if isinstance(x.op, (ops.Sigmoid, ops.Ndtr, ops.Exp, ops.Expm1)):
        return x.op(_narrowed(x.inputs[0], axis, start, size))
    if isinstance(x.op, (ops.Add, ops.Sub)):
        sides = [
            _narrowed(s, axis - x.ndim + s.ndim, start, size)
            if axis - x.ndim + s.ndim >= 0 and s.shape[axis - x.ndim + s.ndim] != 1 else s
            for s in x.inputs
        ]  # fmt: skip
        return x.op(*sides)
    return ops.narrow(x, axis, start, size)
