"""Links: the logarithm of a probability, or of its rest to 1, in terms of what the link takes.

`log(p)` is -inf where p has rounded to 0, `log(1 - p)` where it has rounded to 1, and `xlogy(y, p)`
hides the logarithm from rules. So two functions say what log p and log(1 - p) are by the way p is
written: `log_of` and `log_of_rest`, for logistic, probit, log-log, Cauchy and log links, their
products, quotients, differences (as in ordinal models), choices and views. Rules for `log`,
`log1p`, `xlogy` and `xlog1py` ask these two; what they do not know stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from probtensor import ops
from probtensor.graph.node import Const, Input, Node, make
from probtensor.ops.kinds import Contraction, Elementwise
from probtensor.rules.laws import (
    ROOT2,
    VIEWS,
    cauchy_argument,
    is_literal,
    log_cauchy,
    log_of_difference,
    normal_argument,
    share_of,
    times_root2,
)
from probtensor.rules.weighted import log_of_weighted_fold, log_of_weighted_sum
from probtensor.transform.facts import Known, without_positive_factors
from probtensor.transform.pattern import var
from probtensor.transform.rewrite import Ruleset, rewrite, rule

x, y, a = var("x"), var("y"), var("a")
WIDE = (-800, 800)
# Nodes looked through in one probability, so that a sweep stays linear.
DEEP = 12

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
        why="0 * inf past 709: (1 - y) * log(1 - p) of a complementary log-log link; 0 at infinity",
        limits=True,
    ),
    rule(ops.sqrt(ops.exp(x)), ops.exp(0.5 * x), over=WIDE, why="its slope at 0 is infinite"),
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


# log p.


def log_of(p: Node, known: Known, depth: int = DEEP) -> Node | None:
    """log p where the way p is written gives more than the logarithm of its value; else None."""
    if depth <= 0 or not p.type.is_float:
        return None
    plain = log_of_link(p, known)
    if plain is not None:
        return plain
    op = p.op
    if isinstance(op, ops.Sub):
        if is_literal(known, p.inputs[0], 1):
            return log_of_rest(p.inputs[1], known, depth - 1)
        return log_of_difference(p, known)
    if isinstance(op, (ops.Mul, ops.Div)):
        return _log_of_product(p, known, depth)
    if isinstance(op, ops.Add):
        return _log_of_sum(p, known, depth)
    if isinstance(op, ops.Sum):
        return log_of_weighted_fold(p, known, log_of, depth - 1)
    if isinstance(op, ops.Prod) and known.bounds(p.inputs[0]).nonnegative:
        inner = log_of(p.inputs[0], known, depth - 1)
        return None if inner is None else make(ops.Sum(op.axes), (inner,))
    if isinstance(op, ops.Pow) and known.bounds(p.inputs[0]).nonnegative:
        inner = log_of(p.inputs[0], known, depth - 1)
        return None if inner is None else times(p.inputs[1], inner)
    if isinstance(op, (ops.Square, ops.Sqrt)):
        inner = log_of(p.inputs[0], known, depth - 1) if known.bounds(p).positive else None
        sure = inner is not None and known.bounds(p.inputs[0]).positive
        return inner * (2.0 if isinstance(op, ops.Square) else 0.5) if sure else None
    return _log_through(p, known, depth, log_of, ops.log)


def log_of_link(p: Node, known: Known | None = None) -> Node | None:
    """log p for a p that is one function of something."""
    known = known or Known()
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
        return ops.log_ndtr(times_root2(-p.inputs[0], known)) + math.log(2)
    if isinstance(op, ops.Neg) and isinstance(p.inputs[0].op, ops.Expm1):
        return _log_one_minus_exp(p.inputs[0].inputs[0])
    z = normal_argument(p, known)
    if z is not None:
        return ops.log_ndtr(z)
    z = cauchy_argument(p, known)
    return None if z is None else log_cauchy(z)


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


def _log1p_of_ratio(v: Node, agree: Node) -> Node:
    """log(1 + r) for log |r| = v, which is positive where `agree`."""
    return ops.where(agree, ops.softplus(v), ops.log1mexp(ops.where(agree, -1, v)))


def _log_of_sum(p: Node, known: Known, depth: int) -> Node | None:
    """log(n + m), where the logarithm of one is known by the way it is written."""
    n, m = p.inputs
    for one, other in ((n, m), (m, n)):
        if is_literal(known, one, 1) and _has_square(other):
            return ops.log1p(other)
    logs = log_of_weighted_sum(p, known, log_of, depth - 1)
    if logs is not None:
        return logs
    logs = _signed_logs(n, m, known, depth)
    if logs is None:
        return None
    log_n, log_m, agree = logs
    if agree is None:
        for one, log in ((n, log_m), (m, log_n)):
            if is_literal(known, one, 1):
                return ops.softplus(log)
        return ops.logaddexp(log_n, log_m)
    if known.bounds(m).positive:
        log_n, log_m = log_m, log_n
    less = log_n + ops.log1mexp(ops.where(agree, -1, log_m - log_n))
    return ops.where(agree, ops.logaddexp(log_n, log_m), less)


def _has_square(x: Node) -> bool:
    """Is this a square, or one with a factor? Then `log1p_square` has its digits, and those of its
    slope where the square underflows."""
    factors = x.inputs if isinstance(x.op, ops.Mul) else x.inputs[:1] if x.inputs else ()
    scaled = isinstance(x.op, (ops.Mul, ops.Div)) and any(
        isinstance(f.op, ops.Square) for f in factors
    )
    return scaled or isinstance(x.op, ops.Square)


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
    if isinstance(op, ops.Sub) and is_literal(known, p.inputs[0], 1):
        return log_of(p.inputs[1], known, depth - 1)
    z = normal_argument(p, known)
    if z is not None:
        return ops.log_ndtr(-z)
    z = cauchy_argument(p, known)
    if z is not None:
        return log_cauchy(-z)
    if isinstance(op, ops.Prod):
        log = log_of(p, known, depth - 1)
        return None if log is None else ops.log1mexp(log)
    if isinstance(op, ops.Add):
        return _log_of_rest_past_guess(p, known, depth)
    if isinstance(op, (ops.Mul, ops.Div)):
        share = share_of(p, known)
        return None if share is None else _log_of_share(*share[::-1], known, depth)
    return _log_through(p, known, depth, log_of_rest, lambda part: ops.log1p(-part))


def _log_of_rest_past_guess(p: Node, known: Known, depth: int) -> Node | None:
    """log(1 - p) for p = c + (1 - c) * q, as of a test with guesses: log(1 - c) + log(1 - q)."""
    for c, product in (p.inputs, p.inputs[::-1]):
        if not isinstance(product.op, ops.Mul):
            continue
        for rest, q in (product.inputs, product.inputs[::-1]):
            log = log_of_rest(q, known, depth - 1) if _is_rest(rest, c, known) else None
            if log is not None:
                return ops.log1p(-c) + log
    return None


def _is_rest(rest: Node, c: Node, known: Known) -> bool:
    """Is it 1 - c, with no sign but that of 1?"""
    if isinstance(rest.op, ops.Sub):
        return rest.inputs[1] is c and is_literal(known, rest.inputs[0], 1)
    if isinstance(rest.op, ops.Sigmoid) and isinstance(c.op, ops.Sigmoid):
        z, w = rest.inputs[0], c.inputs[0]
        return any(isinstance(a.op, ops.Neg) and a.inputs[0] is b for a, b in ((z, w), (w, z)))
    share, value = known.constant(c), known.constant(rest)
    if share is None or value is None or not 0 <= share < 1:
        return False
    return is_literal(known, rest, 1 - share)


# Choices, joins and views.


def _log_through(
    p: Node, known: Known, depth: int, form: Callable, plain: Callable, used: Node | None = None
) -> Node | None:
    """The form of what is chosen, joined or viewed; `used` says where a choice is used."""
    if isinstance(p.op, ops.Where):
        condition, *parts = p.inputs
        there = [condition, ops.logical_not(condition)]
        if used is not None:
            there = [ops.logical_and(used, c) for c in there]
        found = [
            _log_where(x, c, known, depth, form, plain) for x, c in zip(parts, there, strict=True)
        ]
        if found == [None, None] or (None in found and _is_mere_choice(parts, known)):
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
    if isinstance(p.op, ops.Cast):
        wide = _computed_wide(p)
        return None if wide is None else form(wide, known, depth - 1)
    if isinstance(p.op, VIEWS):
        inner = form(p.inputs[0], known, depth - 1)
        if inner is None:
            return None
        inner = ops.broadcast_to(inner, p.inputs[0].shape)
        return make(p.op, (inner, *p.inputs[1:]))
    return None


def _computed_wide(p: Node) -> Node | None:
    """A float32 value that is read as float64, computed in float64."""
    x = p.inputs[0]
    if x.dtype != "float32" or p.dtype != "float64" or not isinstance(x.op, _WIDENED):
        return None
    return _widened(x, p.dtype, DEEP)


def _widened(x: Node, dtype: str, depth: int) -> Node:
    if isinstance(x.op, Const) and x.type.is_float:
        return ops.constant(x.op.array.astype(dtype))
    if depth <= 0 or x.dtype != "float32" or not isinstance(x.op, _WIDENED):
        return ops.astype(x, dtype) if x.type.is_float else x
    return make(x.op, [_widened(a, dtype, depth - 1) for a in x.inputs])


_WIDENED = (Elementwise, ops.Softmax, *VIEWS)


def _is_mere_choice(parts: Sequence[Node], known: Known) -> bool:
    """Is it a choice between an exponential and a literal, as of scales?"""
    return any(isinstance(x.op, ops.Exp) for x in parts) and any(
        known.constant(x) is not None for x in parts
    )


def _log_where(
    x: Node, used: Node, known: Known, depth: int, form: Callable, plain: Callable
) -> Node | None:
    """The form of one branch of a choice, with slopes that are numbers where it is not used."""
    if isinstance(x.op, ops.Where):
        return _log_through(x, known, depth - 1, form, plain, used)
    if isinstance(x.op, ops.Sub) and form is log_of and not is_literal(known, x.inputs[0], 1):
        return log_of_difference(x, known, used)
    return form(x, known, depth - 1)


# Rules.


def is_finite_form(z: Node, depth: int = DEEP) -> bool:
    """Is z a number for all numbers that it is made of, as far as that shows in a few steps?
    log_ndtr is not: it goes with the square."""
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
    ops.LogSigmoid, ops.LogSoftmax, ops.LogCexpexp, ops.LogSoftplus, ops.Softplus,
    ops.Add, ops.Sub, ops.Mul, ops.Neg, ops.Where, ops.Cast, ops.Sum, ops.Concatenate, ops.Sigmoid,
    ops.Tanh, ops.SetSlice, ops.Scatter, ops.LogSumExp, ops.Max, ops.Min, ops.Maximum, ops.Minimum,
    *VIEWS,
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
        ops.log(ops.power(ops.sigmoid(_in(3)), ops.tensor("y", (3,)))),
        (lambda y, p: ops.log(y * p + (1 - y) * (1 - p)))(
            ops.constant(np.array([0.0, 1, 0])), ops.sigmoid(_in(3))
        ),
        ops.log(ops.sum(ops.constant(np.eye(3)) * ops.softmax(_in(3)), 1)),
    ),
    ulps=2000.0,
    limits=True,
)
def log_by_writing(node: Node, known: Known) -> Node | None:
    """log(p) by the way p is written, where it rounds to 0 or 1; rounding the parts of a sum costs
    as many last places as they are larger than it. At infinite arguments it has limits: log(a *
    exp(x)) is nan for an a below 0, though a * exp(x) is 0 at -inf."""
    p = node.inputs[0]
    known_sum = isinstance(p.op, ops.Add) and any(isinstance(x.op, ops.Exp) for x in p.inputs)
    if isinstance(p.op, (ops.Exp, ops.Softmax)) or (
        known_sum and any(is_literal(known, x, 1) for x in p.inputs)
    ):
        return None  # Rules of their own.
    return log_of(p, known)


@rewrite(
    on=ops.Log1p,
    example=lambda: (
        ops.log1p(-0.5 * ops.erfc(_within(20.0))),
        ops.log1p(-(2.0 / (2.0 + ops.exp(_in(3))))),
        ops.log1p(-ops.sigmoid(_in(3))),
        ops.log1p(-ops.prod(ops.sigmoid(_in(3)))),
        ops.log1p(-(0.25 + 0.75 * ops.ndtr(_within(30.0)))),
        (lambda c: ops.log1p(-(c + (1 - c) * ops.sigmoid(_in(3)))))(ops.sigmoid(ops.tensor("c"))),
    ),
    ulps=2000.0,
    limits=True,
)
def log1p_by_writing(node: Node, known: Known) -> Node | None:
    """log(1 - p) by the way p is written, where that is lost in 1 or 1 in it. At infinite arguments
    it has limits: log(1 - 1 / (1 - exp(x))) is nan for all x, though it is log(0) at -inf."""
    return _log1p_of(node.inputs[0], known)


def _log1p_of(z: Node, known: Known) -> Node | None:
    if isinstance(z.op, ops.Expm1):
        return _unrepeatable(z.inputs[0])
    if isinstance(z.op, ops.Exp):
        return ops.softplus(z.inputs[0])
    if isinstance(z.op, ops.Sub) and is_literal(known, z.inputs[1], 1):
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
    return None


def _or_nothing(factor: Node, p: Node, product: Node, sure: bool, known: Known) -> Node:
    """factor * log(p), which is 0 where the factor is, also of a logarithm that is nan because p is
    less than 0, or only not seen to be so after rounding."""
    number = known.constant(factor)
    if sure or (number is not None and number != 0):
        return product
    none = ops.logical_and(ops.eq(factor, 0), ops.logical_not(ops.isnan(p)))
    return ops.where(none, 0, product)


@rewrite(
    on=ops.Xlogy,
    example=lambda: (
        ops.xlogy(ops.tensor("k", (3,)), ops.sigmoid(_in(3))),
        ops.xlogy(ops.tensor("i", (3,), "int64"), -ops.expm1(-ops.exp(_within(6.0)))),
        ops.xlogy(ops.tensor("i", (3,), "int64"), ops.ndtr(_in(3))),
    ),
    ulps=2000.0,
    limits=True,
)
def xlogy_by_writing(node: Node, known: Known) -> Node | None:
    """y * log(p), and 0 where y is 0, by the way p is written. Logarithms of links are numbers for
    all numbers, so a plain product serves, which has no 0 at infinite arguments."""
    factor, p = node.inputs
    log = log_of(p, known)
    if log is None:
        return None
    return _or_nothing(factor, p, times(factor, log), known.bounds(p).nonnegative, known)


@rewrite(
    on=ops.Xlog1py,
    example=lambda: (
        ops.xlog1py(ops.tensor("k", (3,)), -ops.sigmoid(_in(3))),
        ops.xlog1py(ops.tensor("i", (3,), "int64"), ops.expm1(-ops.exp(_within(6.0)))),
        ops.xlog1py(ops.tensor("i", (3,), "int64"), -ops.ndtr(_within(30.0))),
    ),
    ulps=2000.0,
    limits=True,
)
def xlog1py_by_writing(node: Node, known: Known) -> Node | None:
    """y * log(1 - p), and 0 where y is 0, by the way p is written. Logarithms of links are numbers
    for all numbers, so a plain product serves, which has no 0 at infinite arguments."""
    factor, z = node.inputs
    log = _log1p_of(z, known)
    if log is None:
        return None
    return _or_nothing(factor, 1 + z, times(factor, log), known.bounds(z).low >= -1, known)


LINKS = DRAWN + Ruleset(log_by_writing, log1p_by_writing, xlogy_by_writing, xlog1py_by_writing)
