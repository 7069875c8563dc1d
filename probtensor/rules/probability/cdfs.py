"""Distribution functions: recognising F(z) in an expression, and the logarithm of a difference.

log(F(a) - F(b)) for a distribution function F: the logistic one is F(a) F(-b) (1 - e^(b - a)); the
normal one is reflected into the lower tail; arctan(a) - arctan(b) = arctan2(a - b, 1 + a b).
"""

from __future__ import annotations

import functools
import math
import operator
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Node, make
from probtensor.transform.chain import chain_leaves
from probtensor.transform.facts import FactTable, constant_of

ROOT2 = math.sqrt(2)
# Tolerance, in ulps, for literals that approximate constants such as 1/pi or 1/sqrt(2).
LITERAL_ULPS = 8


def is_close(a: float, b: float, like: Node) -> bool:
    """Are two numbers equal within LITERAL_ULPS ulps of the dtype of a node?"""
    size = np.finfo(like.dtype).eps if like.type.is_float else 0.0
    return abs(a - b) <= LITERAL_ULPS * size * abs(b)


def is_literal(facts: FactTable, node: Node, value: float) -> bool:
    """Is a node a literal of this value, within the tolerance of `is_close`?"""
    found = facts.constant(node)
    return found is not None and is_close(found, value, node)


def _other(node: Node, value: float, facts: FactTable) -> Node | None:
    """The other operand of a binary node if one operand is this literal."""
    for literal, rest in (node.inputs, node.inputs[::-1]):
        if is_literal(facts, literal, value):
            return rest
    return None


def _scaled(node: Node, value: float, facts: FactTable) -> Node | None:
    """z for a node value * z or z / (1 / value)."""
    if isinstance(node.op, ops.Mul):
        return _other(node, value, facts)
    if isinstance(node.op, ops.Div) and is_literal(facts, node.inputs[1], 1 / value):
        return node.inputs[0]
    return None


def power_of(p: Node) -> tuple[Node, Node] | None:
    """(x, k) for p = x**k."""
    if isinstance(p.op, ops.Square):
        return p.inputs[0], ops.constant(2.0, p.dtype)
    if isinstance(p.op, ops.Sqrt):
        return p.inputs[0], ops.constant(0.5, p.dtype)
    return p.inputs if isinstance(p.op, ops.Pow) else None


def normal_argument(p: Node, facts: FactTable) -> Node | None:
    """z for p = ndtr(z) or p = 0.5 * erfc(-z / sqrt(2))."""
    if isinstance(p.op, ops.Ndtr):
        return p.inputs[0]
    inner = _scaled(p, 0.5, facts)
    if inner is None or not isinstance(inner.op, ops.Erfc):
        return None
    return times_root2(-inner.inputs[0], facts)


def times_root2(z: Node, facts: FactTable) -> Node:
    """z * sqrt(2), simplified to x or -x where z is x / sqrt(2) or -x / sqrt(2)."""
    if isinstance(z.op, ops.Neg):
        return -times_root2(z.inputs[0], facts)
    for sign in (1, -1):
        inner = _scaled(z, sign / ROOT2, facts)
        if inner is not None:
            return inner if sign == 1 else -inner
    return z * ROOT2


def cauchy_argument(p: Node, facts: FactTable) -> Node | None:
    """z for p = 1/2 + arctan(z) / pi."""
    if not isinstance(p.op, (ops.Add, ops.Sub)):
        return None
    minus = isinstance(p.op, ops.Sub)
    pairs = (p.inputs[::-1],) if minus else (p.inputs, p.inputs[::-1])
    for angle, half in pairs:
        if is_literal(facts, half, 0.5):
            for sign in (1, -1):
                inner = _scaled(angle, sign / math.pi, facts)
                if inner is not None and isinstance(inner.op, ops.Arctan):
                    z = inner.inputs[0]
                    return -z if minus == (sign == 1) else z
    return None


def log_cauchy(z: Node) -> Node:
    """log(1/2 + arctan(z) / pi), from the smaller of the two tails."""
    above = ops.log1p(ops.arctan2(1, z) / -math.pi)
    below = ops.log(ops.arctan2(1, -z) / math.pi)
    return ops.where(z > 0, above, below)


# Shares: n / (n + m).


def _factors(node: Node) -> tuple[float, Counter]:
    """The literal factor of a product, and its other factors: (factor, is a divisor), counted."""
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


def share_of(p: Node, facts: FactTable) -> tuple[Node, Node] | None:
    """(n, m) for p = n / (n + m), also for a * (b / (n + m)) with n = a * b."""
    if not isinstance(p.op, (ops.Mul, ops.Div)):
        return None
    value, others = facts.remember(p, _factors)
    for total, below in others:
        if not below or not isinstance(total.op, ops.Add) or others[total, below] != 1:
            continue
        rest = others - Counter({(total, True): 1})
        for n, m in _splits(total):
            number = constant_of(n)
            scale, factors = facts.remember(n, _factors) if number is None else (number, Counter())
            if rest == factors and is_close(value, scale, p):
                return n, m
    return None


# Terms of a sum that are examined, at most.
MAX_TERMS = 12


def terms_of(total: Node) -> list[Node]:
    """The terms of nested sums, about MAX_TERMS at most."""
    terms = [total]
    while len(terms) < MAX_TERMS:
        sums = [k for k, x in enumerate(terms) if isinstance(x.op, ops.Add)]
        if not sums:
            break
        terms[sums[0] : sums[0] + 1] = terms[sums[0]].inputs
    return terms


def _splits(total: Node) -> list[tuple[Node, Node]]:
    """All (n, m) for a sum n + m, where n is one term of nested sums and m is the rest."""
    pairs = [tuple(total.inputs), tuple(total.inputs[::-1])]
    terms = terms_of(total)
    if len(terms) > 2:
        for k, n in enumerate(terms):
            if all(n is not x for x in total.inputs):
                pairs.append((n, functools.reduce(operator.add, terms[:k] + terms[k + 1 :])))
    return pairs


def rest_of_shares(p: Node, facts: FactTable) -> tuple[Node, Node] | None:
    """(m, s) for 1 - n/s - n'/s = m/s, where s = m + n + n'."""
    taken = []
    while isinstance(p.op, ops.Sub):
        taken.append(p.inputs[1])
        p = p.inputs[0]
    if len(taken) < 2 or not is_literal(facts, p, 1):
        return None
    shares = [share_of(x, facts) for x in taken]
    if None in shares:
        return None
    totals = [Counter([*terms_of(n), *terms_of(m)]) for n, m in shares]
    numerators = sum((Counter(terms_of(n)) for n, _ in shares), Counter())
    if any(total != totals[0] for total in totals) or not numerators < totals[0]:
        return None
    return tuple(
        functools.reduce(operator.add, c.elements()) for c in (totals[0] - numerators, totals[0])
    )


# Differences.


def _logistic(p: Node, facts: FactTable) -> Node | None:
    return p.inputs[0] if isinstance(p.op, ops.Sigmoid) else None


def _exponential(p: Node, facts: FactTable) -> Node | None:
    return p.inputs[0] if isinstance(p.op, ops.Exp) else None


def _less_one(p: Node, facts: FactTable) -> Node | None:
    return p.inputs[0] if isinstance(p.op, ops.Expm1) else None


def _rest_of_exponential(p: Node, facts: FactTable) -> Node | None:
    return _less_one(p.inputs[0], facts) if isinstance(p.op, ops.Neg) else None


VIEWS = (
    ops.BroadcastTo, ops.ExpandDims, ops.DropAxes, ops.Reshape, ops.Transpose, ops.Slice,
    ops.Gather,
)  # fmt: skip


def argument(p: Node, facts: FactTable, cdf: Cdf, depth: int = 6) -> Node | None:
    """z for p = F(z), also through views, and through concatenations with literals 0 and 1."""
    found = cdf.leaf(p, facts)
    if found is not None or depth <= 0:
        return found
    if isinstance(p.op, VIEWS):
        inner = argument(p.inputs[0], facts, cdf, depth - 1)
        if inner is None:
            return None
        return make(p.op, (ops.broadcast_to(inner, p.inputs[0].shape), *p.inputs[1:]))
    if not isinstance(p.op, ops.Concatenate):
        return None
    parts = [argument(x, facts, cdf, depth - 1) for x in p.inputs]
    if all(z is None for z in parts):
        return None
    for k, x in enumerate(p.inputs):
        value = facts.constant(x)
        if parts[k] is None and value in cdf.ends:
            parts[k] = ops.constant(cdf.ends[value], x.dtype)
    if any(z is None for z in parts):
        return None
    return make(p.op, [ops.broadcast_to(z, x.shape) for z, x in zip(parts, p.inputs)])


def log_of_difference(p: Node, facts: FactTable, where: Node | None = None) -> Node | None:
    """log(p - q) for two values of one distribution function. `where` is the condition under which
    the result is used; elsewhere the arguments are replaced by `harmless` ones, so that slopes are
    finite."""
    for cdf in CDFS:
        pair = [argument(x, facts, cdf) for x in p.inputs]
        if None in pair:
            continue
        if where is not None:
            pair = [ops.where(where, z, end) for z, end in zip(pair, cdf.harmless)]
        return cdf.between(*pair)
    return None


def _gap(p: Node, q: Node, difference: Node) -> Node:
    """The difference p - q, but 0 for equal infinities, so that log1mexp of it is -inf. (Where
    p > q, log1mexp is nan.)"""
    return ops.where(ops.eq(p, q), 0, difference)


def _between_logistic(upper: Node, lower: Node) -> Node:
    gap = ops.log1mexp(_gap(lower, upper, _minus(lower, upper)))
    return ops.log_sigmoid(upper) + ops.log_sigmoid(-lower) + gap


def _minus(p: Node, q: Node, plain: Node | None = None) -> Node:
    """p - q with a common term cancelled: (c - z) - (d - z) is c - d. Without a common term
    `plain`, or p - q if that is None."""
    if type(p.op) is type(q.op) and isinstance(p.op, (ops.Add, ops.Sub)):
        (a, b), (c, d) = p.inputs, q.inputs
        if b is d:
            return a - c
        if a is c:
            return b - d if isinstance(p.op, ops.Add) else d - b
    return p - q if plain is None else plain


# Intervals with width * (1 + |middle|) below this use `_narrow_normal`: its series has converged,
# and the difference of the logarithms at the ends would cancel.
NARROW = {"float64": 0.01, "float32": 0.1}


def _between_normal(upper: Node, lower: Node) -> Node:
    width, middle = _minus(upper, lower), 0.5 * upper + 0.5 * lower
    limit = NARROW.get(width.dtype, 0.01)
    narrow = ops.logical_and(width > 0, width * (1 + ops.abs(middle)) < limit)
    narrow_log = _narrow_normal(ops.where(narrow, width, 1), ops.where(narrow, middle, 0))
    lower = ops.where(narrow, upper - 1, lower)
    high = upper + lower > 0
    upper, lower = ops.where(high, -lower, upper), ops.where(high, -upper, lower)
    log_upper = ops.log_ndtr(upper)
    # At -inf the slope of log_ndtr is infinite.
    log_lower = ops.log_ndtr(ops.maximum(lower, -1e15))
    wide = log_upper + ops.log1mexp(_gap(lower, upper, log_lower - log_upper))
    return ops.where(narrow, narrow_log, wide)


def _narrow_normal(width: Node, middle: Node) -> Node:
    """Log of the normal probability of an interval, from the cumulants of exp(-middle t - t^2 / 2)
    for t uniform on (-width / 2, width / 2)."""
    u, v = ops.square(0.5 * width * middle), ops.square(width)
    series = u / 6 - ops.square(u) / 180 - v / 24 + v * u / 180 + ops.square(v) / 1440
    peak = -0.5 * ops.square(middle) - 0.5 * math.log(2 * math.pi)
    return ops.log(width) + (peak + series)


def _between_cauchy(upper: Node, lower: Node) -> Node:
    first, last = ops.eq(lower, -math.inf), ops.eq(upper, math.inf)
    one_sided = ops.logical_or(first, last)
    a, b = ops.where(one_sided, 1, upper), ops.where(one_sided, 0, lower)
    between = ops.log(ops.arctan2(_minus(upper, lower, a - b), 1 + a * b) / math.pi)
    tail = log_cauchy(ops.where(first, upper, -lower))
    return ops.where(one_sided, tail, between)


def _between_exponentials(upper: Node, lower: Node) -> Node:
    return upper + ops.log1mexp(_gap(lower, upper, lower - upper))


def _between_double(first: Node, second: Node) -> Node:
    """log(exp(-exp(a)) - exp(-exp(b))), using log(exp(b) - exp(a)) = b + log1mexp(a - b)."""
    gap = second + ops.log1mexp(_minus(first, second))
    gap = ops.where(ops.eq(first, second), -math.inf, gap)
    return ops.log_cexpexp(gap) - ops.xexpy(1, first)


def _double(leaf: Callable) -> Callable[[Node, FactTable], Node | None]:
    """A finder of z for arguments -exp(z) of the function that `leaf` matches."""

    def found(p: Node, facts: FactTable) -> Node | None:
        z = leaf(p, facts)
        if z is None or not isinstance(z.op, ops.Neg) or not isinstance(z.inputs[0].op, ops.Exp):
            return None
        return z.inputs[0].inputs[0]

    return found


@dataclass(frozen=True)
class Cdf:
    """A distribution function F.

    leaf      gives z for a node F(z), None for other nodes
    ends      the arguments at which F is 0 and 1
    between   gives log(F(a) - F(b))
    harmless  arguments (a, b) for which that is finite
    """

    leaf: Callable[[Node, FactTable], Node | None]
    ends: Mapping[float, float]
    between: Callable[[Node, Node], Node]
    harmless: tuple[float, float] = (1.0, 0.0)


REAL_ENDS = {0: -math.inf, 1: math.inf}
CDFS = (
    Cdf(_logistic, REAL_ENDS, _between_logistic),
    Cdf(normal_argument, REAL_ENDS, _between_normal),
    Cdf(cauchy_argument, REAL_ENDS, _between_cauchy),
    Cdf(_double(_exponential), {0: math.inf, 1: -math.inf}, _between_double, (0.0, 1.0)),
    Cdf(_double(_less_one), {}, _between_double, (0.0, 1.0)),
    Cdf(
        _double(_rest_of_exponential),
        REAL_ENDS,
        lambda p, q: _between_double(q, p),
    ),
    Cdf(_exponential, {0: -math.inf, 1: 0.0}, _between_exponentials, (0.0, -1.0)),
    Cdf(_less_one, {}, _between_exponentials, (0.0, -1.0)),
    Cdf(_rest_of_exponential, {0: 0.0, 1: -math.inf}, lambda p, q: _between_exponentials(q, p),
        (-1.0, 0.0)),
)  # fmt: skip
