"""Links: the logarithm of a probability, or of its rest to 1, in terms of what the link takes.

`log(p)` is -inf where p has rounded to 0, `log(1 - p)` where it has rounded to 1, and `xlogy(y, p)`
hides the logarithm from rules. So two functions say what log p and log(1 - p) are by the way p is
written: `log_of` and `log_of_rest`, for logistic, probit, log-log, Cauchy and log links, their
products, quotients, differences (as in ordinal models), choices and views. Rules for `log`, `log1p`,
`xlogy` and `xlog1py` ask these two; what they do not know stays as it is.

log(F(a) - F(b)) for a distribution function F: the logistic one is F(a) F(-b) (1 - e^(b - a)); the
normal one is reflected into the lower tail; arctan(a) - arctan(b) = arctan2(a - b, 1 + a b).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from probtensor import ops
from probtensor.graph.node import Const, Input, Node, make
from probtensor.ops.kinds import Contraction, Reduction
from probtensor.transform.chain import chain_leaves
from probtensor.transform.facts import Known, constant_of
from probtensor.transform.pattern import var
from probtensor.transform.rewrite import Ruleset, rewrite, rule

x, y, a = var("x"), var("y"), var("a")
WIDE = (-800, 800)
ROOT2 = math.sqrt(2)
# Literals that stand for 1/pi or 1/sqrt(2) may be rounded in a few ways.
CLOSE = 1e-15
# Nodes looked through in one probability, so that a sweep stays linear.
DEEP = 12

Form = Callable[[Node, Known], Node | None]

DRAWN = Ruleset(
    rule(
        ops.log(ops.exp(-ops.exp(x))), -ops.xexpy(1, x), over=(-800, 709),
        why="log-log: exp(-exp(x)) underflows past 6.6, and exp(x) may be multiplied by 0",
    ),
    rule(
        ops.log1p(ops.expm1(-ops.exp(x))), -ops.xexpy(1, x), over=(-800, 7),
        why="complementary log-log: as for log(exp(-exp(x)))",
    ),
    rule(
        ops.log1mexp(-ops.exp(x)), ops.log_cexpexp(x), over=(-800, 700),
        why="complementary log-log: exp(x) underflows, and its slope is inf / inf past 709",
    ),
    rule(
        ops.log(ops.softplus(x)), ops.log_softplus(x), over=WIDE, why="softplus underflows",
    ),
    rule(
        y * ops.xexpy(1, x), ops.xexpy(y, x), over={"y": (-9, 9), "x": WIDE},
        why="0 * inf past 709: (1 - y) * log(1 - p) of a complementary log-log link",
    ),
    rule(1 + ops.tanh(x), 2 * ops.sigmoid(2 * x), over=(-400, 400), why="cancellation below 0"),
    rule(1 - ops.tanh(x), 2 * ops.sigmoid(-2 * x), over=(-400, 400), why="cancellation above 0"),
    rule(
        0.5 + 0.5 * ops.tanh(x), ops.sigmoid(2 * x), over=(-400, 400), why="cancellation below 0",
    ),
    rule(
        0.5 - 0.5 * ops.tanh(x), ops.sigmoid(-2 * x), over=(-400, 400), why="cancellation above 0",
    ),
    rule(
        0.5 + 0.5 * ops.erf(x), 0.5 * ops.erfc(-x), over=(-26, 26), why="cancellation below 0",
    ),
    rule(
        0.5 - 0.5 * ops.erf(x), 0.5 * ops.erfc(x), over=(-26, 26), why="cancellation above 0",
    ),
    rule(1 + ops.expm1(x), ops.exp(x), over=(-800, 700), why="cancellation below 0"),
    rule(
        1 - 0.5 * ops.erfc(x), 0.5 * ops.erfc(-x), over=(-26, 26), why="cancellation below 0",
    ),
)  # fmt: skip


# What the parts of a probability are.


def _is(known: Known, node: Node, value: float) -> bool:
    found = known.constant(node)
    return found is not None and abs(found - value) <= CLOSE * abs(value)


def _other(node: Node, value: float, known: Known) -> Node | None:
    """The other factor or addend, where one operand is this literal."""
    for literal, rest in (node.inputs, node.inputs[::-1]):
        if _is(known, literal, value):
            return rest
    return None


def _scaled(node: Node, value: float, known: Known) -> Node | None:
    """z for value * z, which may be written z / (1 / value)."""
    if isinstance(node.op, ops.Mul):
        return _other(node, value, known)
    if isinstance(node.op, ops.Div) and _is(known, node.inputs[1], 1 / value):
        return node.inputs[0]
    return None


def normal_argument(p: Node, known: Known) -> Node | None:
    """z for p = ndtr(z), which may be written with erfc."""
    if isinstance(p.op, ops.Ndtr):
        return p.inputs[0]
    inner = _scaled(p, 0.5, known)
    if inner is None or not isinstance(inner.op, ops.Erfc):
        return None
    return _times_root2(-inner.inputs[0], known)


def _times_root2(z: Node, known: Known) -> Node:
    """z * sqrt(2), which is x exactly where z is x / sqrt(2) or its negative."""
    if isinstance(z.op, ops.Neg):
        return -_times_root2(z.inputs[0], known)
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
        if _is(known, half, 0.5):
            for sign in (1, -1):
                inner = _scaled(angle, sign / math.pi, known)
                if inner is not None and isinstance(inner.op, ops.Arctan):
                    z = inner.inputs[0]
                    return -z if minus == (sign == 1) else z
    return None


def _log_cauchy(z: Node) -> Node:
    """log(1/2 + arctan(z) / pi), from the smaller of the two tails."""
    above = ops.log1p(ops.arctan2(1, z) / -math.pi)
    below = ops.log(ops.arctan2(1, -z) / math.pi)
    return ops.where(z > 0, above, below)


def exponent(p: Node) -> Node | None:
    """z for p = exp(z) or, as far as differences are concerned, p = exp(z) - 1."""
    return p.inputs[0] if isinstance(p.op, (ops.Exp, ops.Expm1)) else None


# log p.


def log_of(p: Node, known: Known, depth: int = DEEP) -> Node | None:
    """log p where the way p is written gives more than the logarithm of its value; else None."""
    if depth <= 0 or not p.type.is_float:
        return None
    plain = _log_of_function(p, known)
    if plain is not None:
        return plain
    op = p.op
    if isinstance(op, ops.Sub):
        return _log_of_difference(p, known, depth)
    if isinstance(op, (ops.Mul, ops.Div)):
        return _log_of_product(p, known, depth)
    if isinstance(op, ops.Add):
        return _log_of_sum(p, known, depth)
    return _log_through(p, known, depth, log_of, ops.log)


def _log_of_function(p: Node, known: Known) -> Node | None:
    op = p.op
    if isinstance(op, ops.Exp):
        return _unrepeatable(p.inputs[0])
    if isinstance(op, ops.Sigmoid):
        return ops.log_sigmoid(p.inputs[0])
    if isinstance(op, ops.Softplus):
        return ops.log_softplus(p.inputs[0])
    if isinstance(op, ops.Sum) and isinstance(p.inputs[0].op, ops.Exp):
        return make(ops.LogSumExp(op.axes), p.inputs[0].inputs)
    if isinstance(op, ops.Softmax):
        return make(ops.LogSoftmax(op.axes), p.inputs)
    if isinstance(op, ops.Erfc):
        return ops.log_ndtr(_times_root2(-p.inputs[0], known)) + math.log(2)
    if isinstance(op, ops.Neg) and isinstance(p.inputs[0].op, ops.Expm1):
        return _log_one_minus_exp(p.inputs[0].inputs[0])
    z = normal_argument(p, known)
    if z is not None:
        return ops.log_ndtr(z)
    z = cauchy_argument(p, known)
    return None if z is None else _log_cauchy(z)


def _unrepeatable(z: Node) -> Node:
    """z, with an exponential in it marked as one that 0 may be multiplied with."""
    if isinstance(z.op, ops.Neg) and isinstance(z.inputs[0].op, ops.Exp):
        return -ops.xexpy(1, z.inputs[0].inputs[0])
    return z


def _log_one_minus_exp(z: Node) -> Node:
    if isinstance(z.op, ops.Neg) and isinstance(z.inputs[0].op, ops.Exp):
        return ops.log_cexpexp(z.inputs[0].inputs[0])
    return ops.log1mexp(z)


def _log_of_product(p: Node, known: Known, depth: int) -> Node | None:
    """log(f * g) or log(f / g), where that of a positive factor is known: the other one may be
    anything, since a logarithm of less than 0 is nan on either side."""
    share = share_of(p, known)
    if share is not None:
        return _log_of_share(*share, known, depth)
    first, second = p.inputs
    logs = [log_of(f, known, depth - 1) for f in p.inputs]
    positive = [known.bounds(f).positive for f in p.inputs]
    decided = any(f is not None and sure for f, sure in zip(logs, positive))
    both = all(known.bounds(f).nonnegative for f in p.inputs)
    if not decided and not (both and any(f is not None for f in logs)):
        return None
    left, right = (ops.log(f) if log is None else log for f, log in zip((first, second), logs))
    return left - right if isinstance(p.op, ops.Div) else left + right


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


def _log_of_share(n: Node, m: Node, known: Known, depth: int) -> Node | None:
    """log(n / (n + m)), the logistic function of log n - log m."""
    logs = _signed_logs(n, m, known, depth)
    if logs is None:
        return None
    log_n, log_m, agree = logs
    if agree is None:
        return ops.log_sigmoid(log_n - log_m)
    return -_log1p_of_ratio(log_m - log_n, agree)


def _signed_logs(n: Node, m: Node, known: Known, depth: int) -> tuple | None:
    """(log |n|, log |m|, where the two have one sign: None for everywhere), if one is known by the
    way it is written, and all but one factor of one of them is known to be positive."""
    found = [log_of(x, known, depth - 1) for x in (n, m)]
    if found == [None, None]:
        return None
    doubtful = [x for x in (n, m) if not known.bounds(x).positive]
    if len(doubtful) > 1:
        return None
    if not doubtful:
        logs = (ops.log(x) if log is None else log for x, log in zip((n, m), found))
        return *logs, None
    logs = (_log_abs(x, known, depth) for x in (n, m))
    return *logs, without_positive_factors(doubtful[0], known) >= 0


def _log_abs(x: Node, known: Known, depth: int) -> Node:
    """log |x|, where factors known to be positive need no sign."""
    if known.bounds(x).positive:
        log = log_of(x, known, depth - 1)
        return ops.log(x) if log is None else log
    if isinstance(x.op, (ops.Mul, ops.Div)):
        left, right = (_log_abs(f, known, depth - 1) for f in x.inputs)
        return left - right if isinstance(x.op, ops.Div) else left + right
    return ops.log(ops.abs(x))


def without_positive_factors(x: Node, known: Known) -> Node:
    """What has the sign of x: its factors that are not known to be positive."""
    while isinstance(x.op, (ops.Mul, ops.Div)):
        first, second = (known.bounds(f).positive for f in x.inputs)
        if not first and not second:
            break
        x = x.inputs[0] if second else x.inputs[1]
    return x


def _log1p_of_ratio(v: Node, agree: Node) -> Node:
    """log(1 + r) for log |r| = v, which is positive where `agree`."""
    return ops.where(agree, ops.softplus(v), ops.log1mexp(ops.where(agree, -1, v)))


def _log_of_sum(p: Node, known: Known, depth: int) -> Node | None:
    """log(n + m), where the logarithm of one is known by the way it is written."""
    n, m = p.inputs
    logs = _signed_logs(n, m, known, depth)
    if logs is None:
        return None
    log_n, log_m, agree = logs
    if agree is None:
        return ops.logaddexp(log_n, log_m)
    if known.bounds(m).positive:
        return log_m + _log1p_of_ratio(log_n - log_m, agree)
    return log_n + _log1p_of_ratio(log_m - log_n, agree)


# log(1 - p).


def log_of_rest(p: Node, known: Known, depth: int = DEEP) -> Node | None:
    """log(1 - p) where the way p is written gives more than its value does; else None."""
    if depth <= 0 or not p.type.is_float:
        return None
    op = p.op
    if isinstance(op, ops.Exp):
        return _log_one_minus_exp(p.inputs[0])
    if isinstance(op, ops.Sigmoid):
        return ops.log_sigmoid(-p.inputs[0])
    if isinstance(op, ops.Neg) and isinstance(p.inputs[0].op, ops.Expm1):
        return _unrepeatable(p.inputs[0].inputs[0])
    if isinstance(op, ops.Sub) and _is(known, p.inputs[0], 1):
        return log_of(p.inputs[1], known, depth - 1)
    z = normal_argument(p, known)
    if z is not None:
        return ops.log_ndtr(-z)
    z = cauchy_argument(p, known)
    if z is not None:
        return _log_cauchy(-z)
    if isinstance(op, (ops.Mul, ops.Div)):
        share = share_of(p, known)
        return None if share is None else _log_of_share(*share[::-1], known, depth)
    return _log_through(p, known, depth, log_of_rest, lambda part: ops.log1p(-part))


# Differences.


def _log_of_difference(p: Node, known: Known, depth: int, where: Node | None = None) -> Node | None:
    """log(p - q), for two values of one distribution function, and piece by piece for joined ones.
    `where` says where the result is used: elsewhere the arguments are harmless ones."""
    first, second = p.inputs
    if _is(known, first, 1):
        return log_of_rest(second, known, depth - 1)
    pair = first.inputs[:1] + second.inputs[:1]
    for law, form in ((ops.Sigmoid, _log_logistic_between),):
        if isinstance(first.op, law) and isinstance(second.op, law):
            return form(*_harmless(pair, where))
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
            [_cut(side, axis, low, high) for side in sides] for low, high in zip(ends, ends[1:])
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


# Choices, joins and views.


_VIEWS = (
    ops.BroadcastTo, ops.ExpandDims, ops.DropAxes, ops.Reshape, ops.Transpose, ops.Slice,
    ops.Gather,
)  # fmt: skip


def _log_through(
    p: Node, known: Known, depth: int, form: Callable, plain: Callable
) -> Node | None:
    """The form of what is chosen, joined or viewed."""
    if isinstance(p.op, ops.Where):
        condition, *parts = p.inputs
        there = (condition, ops.logical_not(condition))
        found = [
            _log_where(x, c, known, depth, form) for x, c in zip(parts, there, strict=True)
        ]
        if found == [None, None]:
            return None
        # Where it is not used, the plain logarithm is that of something harmless.
        safe = 1.0 if form is log_of else 0.0
        logs = [
            plain(ops.where(c, x, safe) if known.constant(x) is None else x) if log is None else log
            for x, c, log in zip(parts, there, found, strict=True)
        ]
        return ops.where(condition, *logs)
    if isinstance(p.op, ops.Concatenate):
        found = [form(x, known, depth - 1) for x in p.inputs]
        if all(log is None for log in found):
            return None
        logs = [plain(x) if log is None else log for x, log in zip(p.inputs, found, strict=True)]
        return make(p.op, [ops.broadcast_to(z, x.shape) for z, x in zip(logs, p.inputs)])
    if isinstance(p.op, _VIEWS):
        inner = form(p.inputs[0], known, depth - 1)
        if inner is None:
            return None
        inner = ops.broadcast_to(inner, p.inputs[0].shape)
        return make(p.op, (inner, *p.inputs[1:]))
    return None


def _log_where(x: Node, condition: Node, known: Known, depth: int, form: Callable) -> Node | None:
    """The form of one branch of a choice, with slopes that are numbers where it is not chosen."""
    if isinstance(x.op, ops.Sub) and form is log_of and not _is(known, x.inputs[0], 1):
        return _log_of_difference(x, known, depth - 1, condition)
    return form(x, known, depth - 1)


# Rules.


def is_finite_form(z: Node, depth: int = DEEP) -> bool:
    """Is z a number for all numbers that it is made of, as far as that shows in a few steps?"""
    if depth <= 0:
        return False
    if isinstance(z.op, Const):
        return bool(abs(z.op.array).max(initial=0) < math.inf)
    if isinstance(z.op, Input):
        return True
    if not isinstance(z.op, _FINITE) and not isinstance(z.op, Contraction):
        return False
    floats = [s for s in z.inputs if s.type.is_float]
    return all(is_finite_form(s, depth - 1) for s in floats)


_FINITE = (
    ops.LogSigmoid, ops.LogNdtr, ops.LogSoftmax, ops.LogCexpexp, ops.LogSoftplus, ops.Softplus,
    ops.Add, ops.Sub, ops.Mul, ops.Neg, ops.Where, ops.Cast, ops.Sum, ops.Concatenate, ops.Sigmoid,
    ops.Tanh, ops.SetSlice, ops.Scatter, ops.LogSumExp, ops.Max, ops.Min, ops.Maximum, ops.Minimum,
    *_VIEWS,
)  # fmt: skip


def times(factor: Node, log: Node) -> Node:
    """factor * log, and 0 where the factor is 0 even if the logarithm is infinite."""
    if isinstance(log.op, ops.Neg) and isinstance(log.inputs[0].op, ops.Xexpy):
        one, z = log.inputs[0].inputs
        return -ops.xexpy(factor * one, z)
    return factor * log if is_finite_form(log) else ops.xtimes(factor, log)


def _in(*shape: int) -> Node:
    return ops.tensor("x", shape)


def _within(size: float) -> Node:
    """An argument that no digits are too few for."""
    return size * ops.sin(_in(3))


@rewrite(
    on=ops.Log,
    example=lambda: (
        ops.log(ops.exp(_in(3)) * ops.tensor("e", (3,))),
        ops.log(0.5 * ops.erfc(_in(3) / -ROOT2)),
        ops.log(0.5 + ops.arctan(_in(3)) / math.pi),
        ops.log(ops.sigmoid(_in(3)) - ops.sigmoid(ops.tensor("y", (3,)))),
        ops.log(ops.ndtr(_within(30.0)) - ops.ndtr(_in(3) / 20.0)),
        ops.log(ops.where(ops.tensor("c", (3,), "bool"), ops.sigmoid(_in(3)), ops.ndtr(_in(3)))),
        ops.log(2.0 / (2.0 + ops.exp(_in(3)))),
        (lambda mu: ops.log(mu / (mu + 2.0)))(3.0 * ops.exp(_in(3)) * ops.tensor("e", (3,))),
        ops.log(ops.exp(_in(3)) + 3.0),
    ),
    ulps=2000.0,
)
def log_of_link(node: Node, known: Known) -> Node | None:
    """log(p) by the way p is written, where it rounds to 0 or 1; rounding the parts of a sum costs
    as many last places as they are larger than it."""
    p = node.inputs[0]
    if isinstance(p.op, (ops.Exp, ops.Softmax)):
        return None  # Rules of their own.
    return log_of(p, known)


@rewrite(
    on=ops.Log1p,
    example=lambda: (
        ops.log1p(-0.5 * ops.erfc(_within(20.0))),
        ops.log1p(-(2.0 / (2.0 + ops.exp(_in(3))))),
        ops.log1p(-ops.sigmoid(_in(3))),
    ),
    ulps=2000.0,
)
def log1p_of_link(node: Node, known: Known) -> Node | None:
    """log(1 - p) by the way p is written, where that is lost in 1 or 1 in it."""
    return _log1p_of(node.inputs[0], known)


def _log1p_of(z: Node, known: Known) -> Node | None:
    if isinstance(z.op, ops.Expm1):
        return _unrepeatable(z.inputs[0])
    if isinstance(z.op, ops.Exp):
        return ops.softplus(z.inputs[0])
    if isinstance(z.op, ops.Sub) and _is(known, z.inputs[1], 1):
        return log_of(z.inputs[0], known)
    p = _negated(z, known)
    return None if p is None else log_of_rest(p, known)


def _negated(z: Node, known: Known) -> Node | None:
    """p for z = -p, where the sign is written."""
    if isinstance(z.op, ops.Neg):
        return z.inputs[0]
    if isinstance(z.op, (ops.Mul, ops.Div)):
        for place, factor in enumerate(z.inputs):
            value = known.constant(factor)
            if value is not None and value < 0:
                parts = list(z.inputs)
                parts[place] = ops.constant(-value, factor.dtype)
                if value == -1 and isinstance(z.op, ops.Mul):
                    return parts[1 - place]
                return z.op(*parts)
    if isinstance(z.op, _VIEWS) or isinstance(z.op, (ops.Where, ops.Concatenate)):
        return None
    return None


@rewrite(
    on=ops.Xlogy,
    example=lambda: (
        ops.xlogy(ops.tensor("k", (3,)), ops.sigmoid(_in(3))),
        ops.xlogy(ops.tensor("i", (3,), "int64"), -ops.expm1(-ops.exp(_within(6.0)))),
        ops.xlogy(ops.tensor("i", (3,), "int64"), ops.ndtr(_in(3))),
    ),
    ulps=2000.0,
)
def xlogy_of_link(node: Node, known: Known) -> Node | None:
    """y * log(p), and 0 where y is 0, by the way p is written."""
    factor, p = node.inputs
    log = log_of(p, known)
    return None if log is None else times(factor, log)


@rewrite(
    on=ops.Xlog1py,
    example=lambda: (
        ops.xlog1py(ops.tensor("k", (3,)), -ops.sigmoid(_in(3))),
        ops.xlog1py(ops.tensor("i", (3,), "int64"), ops.expm1(-ops.exp(_within(6.0)))),
        ops.xlog1py(ops.tensor("i", (3,), "int64"), -ops.ndtr(_within(30.0))),
    ),
    ulps=2000.0,
)
def xlog1py_of_link(node: Node, known: Known) -> Node | None:
    """y * log(1 - p), and 0 where y is 0, by the way p is written."""
    factor, z = node.inputs
    log = _log1p_of(z, known)
    return None if log is None else times(factor, log)


LINKS = DRAWN + Ruleset(log_of_link, log1p_of_link, xlogy_of_link, xlog1py_of_link)
