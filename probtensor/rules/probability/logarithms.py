"""log p and log(1 - p), derived from the expression of a probability p.

`log_of` (log p) and `log_of_rest` (log(1 - p)) handle logistic, probit, log-log, Cauchy and log
links, their products, quotients, powers, differences (as in ordinal models), mixtures, selections
by `where` and views; `log_of_minus` gives log(-z) for such a logarithm z. They return None for
anything else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Const, Input, Node, make
from probtensor.ops.kinds import Contraction, Elementwise
from probtensor.ops.reductions.composite import is_shifted
from probtensor.rules.probability.cdfs import (
    VIEWS,
    cauchy_argument,
    is_literal,
    log_cauchy,
    log_of_difference,
    normal_argument,
    power_of,
    rest_of_shares,
    share_of,
    times_root2,
)
from probtensor.rules.probability.polynomials import MAX_DEPTH, log_of_polynomial
from probtensor.rules.probability.weighted import (
    log_of_rest_of_mean,
    log_of_weighted_fold,
    log_of_weighted_sum,
)
from probtensor.transform.facts import FactTable, constant_of, without_positive_factors

# exp of a smaller argument does not overflow.
EXP_ENDS = {"float64": 700.0, "float32": 87.0}
# What one level of polynomials within polynomials takes of the depth.
NESTED = 4


# log p.


def log_of(p: Node, facts: FactTable, depth: int = MAX_DEPTH) -> Node | None:
    """log p if the expression of p gives a more accurate form than log of its value; else None."""
    if depth <= 0 or not p.type.is_float:
        return None
    plain = log_of_link(p, facts)
    if plain is not None:
        return plain
    op = p.op
    if isinstance(op, ops.Sub):
        if is_literal(facts, p.inputs[0], 1):
            return log_of_rest(p.inputs[1], facts, depth - 1)
        rest = rest_of_shares(p, facts)
        if rest is not None:
            part, log_total = (log_of(x, facts, depth - 1) for x in rest)
            if log_total is not None:
                return (ops.log(rest[0]) if part is None else part) - log_total
        found = log_of_difference(p, facts)
        found = log_of_mixture(p, facts, depth) if found is None else found
        return _log_of_power_difference(p, facts, depth) if found is None else found
    if isinstance(op, (ops.Mul, ops.Div)):
        return _log_of_product(p, facts, depth)
    if isinstance(op, ops.Add):
        found = log_of_mixture(p, facts, depth, cancels=True)
        found = _log_of_sum(p, facts, depth) if found is None else found
        found = log_of_mixture(p, facts, depth) if found is None else found
        return log_of_weighted_sum(p, facts, log_of, depth - 1) if found is None else found
    if isinstance(op, (ops.Square, ops.Sqrt, ops.Pow)):
        return _log_of_power(p, facts, depth)
    if isinstance(op, (ops.Sum, ops.Prod)):
        return _log_of_fold(p, facts, depth)
    if isinstance(op, ops.Neg):
        return log_of_minus(p.inputs[0], facts, depth)
    return _log_through(p, facts, depth, log_of, ops.log)


def log_of_mixture(
    p: Node, facts: FactTable, depth: int = MAX_DEPTH, rest: bool = False, cancels: bool = False
) -> Node | None:
    """log p, or log(1 - p), for a polynomial p of probabilities."""
    return log_of_polynomial(p, facts, _LogsOfChance(facts, depth - NESTED), rest, cancels)


@dataclass(frozen=True)
class _LogsOfChance:
    """Gives (log p, log(1 - p)) if both can be derived from the expression of p; a frozen
    dataclass, so that `facts` caches its results."""

    facts: FactTable
    depth: int

    def __call__(self, p: Node) -> tuple[Node, Node] | None:
        log = log_of(p, self.facts, self.depth)
        rest = None if log is None else log_of_rest(p, self.facts, self.depth)
        return None if rest is None else (log, rest)


def _log_of_power(p: Node, facts: FactTable, depth: int) -> Node | None:
    x, k = power_of(p)
    if not facts.bounds(x).nonnegative:
        return None
    inner = log_of(x, facts, depth - 1)
    return None if inner is None else times(k, inner)


def _log_of_power_difference(p: Node, facts: FactTable, depth: int) -> Node | None:
    """log(x**a - y**b), as for a discrete Weibull count, if the logarithms of both are derived."""
    found = [power_of(x) for x in p.inputs]
    if found == [None, None]:
        return None
    # x is x**1.
    (x, a), (y, b) = (
        (term, ops.constant(1.0, term.dtype)) if power is None else power
        for term, power in zip(p.inputs, found)
    )
    if None in found and x is not y:
        return None
    logs = [log_of(power, facts, depth - 1) for power in p.inputs]
    if None in logs:
        return None
    upper, lower = logs
    if x is not y:
        return upper + ops.log1mexp(ops.where(ops.eq(lower, upper), 0, lower - upper))
    log = log_of(x, facts, depth - 1)
    double = log_of_minus(log, facts, depth - 1)
    if double is None:
        return upper + ops.log1mexp(times(b - a, log))
    return upper + ops.log_cexpexp(ops.log(b - a) + double)


def times(factor: Node, log: Node) -> Node:
    """factor * log, but 0 where the factor is 0, also if the logarithm is infinite."""
    if isinstance(log.op, ops.Neg) and isinstance(log.inputs[0].op, ops.Xexpy):
        one, z = log.inputs[0].inputs
        return -ops.xexpy(factor * one, z)
    plain = constant_of(factor) or is_finite_form(log)
    return factor * log if plain else ops.xtimes(factor, log)


def _log_of_fold(p: Node, facts: FactTable, depth: int) -> Node | None:
    """log of a sum or product over axes of nonnegative elements."""
    x = p.inputs[0]
    inner = log_of(x, facts, depth - 1) if facts.bounds(x).nonnegative else None
    if inner is None:
        is_sum = isinstance(p.op, ops.Sum)
        return log_of_weighted_fold(p, facts, log_of, depth - 1) if is_sum else None
    fold = ops.LogSumExp if isinstance(p.op, ops.Sum) else ops.Sum
    return make(fold(p.op.axes), (ops.broadcast_to(inner, x.shape),))


# log(-z) of a logarithm z of a probability.


def log_of_minus(z: Node, facts: FactTable, depth: int = MAX_DEPTH) -> Node | None:
    """log(-z) for z composed of logarithms of probabilities or of exponentials; else None."""
    if depth <= 0:
        return None
    op = z.op
    if isinstance(op, ops.LogSigmoid):
        return ops.log_softplus(-z.inputs[0])
    if isinstance(op, ops.LogNdtr):
        return _log_of_minus_log(z, ops.log_ndtr(-z.inputs[0]))
    if isinstance(op, ops.Log1mexp):
        # A result of `_log_of_minus_log`, used only where it is near 1, is left as it is.
        is_made_here = isinstance(z.inputs[0].op, ops.Minimum)
        return None if is_made_here else _log_of_minus_log(z, z.inputs[0])
    if isinstance(op, ops.LogCexpexp):
        return _log_of_minus_log(z, -ops.exp(z.inputs[0]))
    if isinstance(op, ops.Neg):
        return log_of(z.inputs[0], facts, depth - 1)
    if isinstance(op, ops.Xexpy):
        return None
    if isinstance(op, (ops.Mul, ops.Div)):
        return _log_of_minus_product(z, facts, depth)
    if isinstance(op, (ops.Add, ops.Sub)):
        parts = [z.inputs[0], z.inputs[1] if isinstance(op, ops.Add) else -z.inputs[1]]
        if not all(facts.bounds(x).nonpositive for x in parts):
            return None
        logs = [log_of_minus(x, facts, depth - 1) for x in parts]
        if logs == [None, None]:
            return None
        return ops.logaddexp(*(ops.log(-x) if l is None else l for x, l in zip(parts, logs)))
    if isinstance(op, ops.Sum):
        inner = log_of_minus(z.inputs[0], facts, depth - 1)
        if inner is None or not facts.bounds(z.inputs[0]).nonpositive:
            return None
        return make(ops.LogSumExp(op.axes), (ops.broadcast_to(inner, z.inputs[0].shape),))
    return None


def _log_of_minus_product(z: Node, facts: FactTable, depth: int) -> Node | None:
    """log(-f * g) for f <= 0 by its bounds; nan where g is negative as well."""
    divides = isinstance(z.op, ops.Div)
    for k, factor in enumerate(z.inputs):
        other = z.inputs[1 - k]
        if not facts.bounds(factor).nonpositive:
            continue
        value = facts.constant(factor)
        log = None if value is not None else log_of_minus(factor, facts, depth - 1)
        rest = log_of(other, facts, depth - 1)
        if log is None and rest is None:
            return None
        log = ops.log(-factor) if log is None else log
        rest = ops.log(other) if rest is None else rest
        if not divides:
            return log + rest
        return log - rest if k == 0 else rest - log
    return None


def _log_of_minus_log(log: Node, rest: Node) -> Node:
    """log(-log p) from log p and log(1 - p); the latter is used where p is near 1."""
    near = ops.log1mexp(ops.minimum(rest, -1))
    size = ops.where(rest < -1, -near, -ops.minimum(log, -0.25))
    return ops.where(rest < -37, rest, ops.log(size))


def log_of_link(p: Node, facts: FactTable | None = None) -> Node | None:
    """log p for a p that is a single inverse link of its argument; else None."""
    facts = facts or FactTable()
    op = p.op
    if isinstance(op, ops.Exp):
        # What an expansion has made does not overflow.
        return None if is_shifted(p.inputs[0]) else unrepeatable(p.inputs[0], facts)
    if isinstance(op, ops.Sigmoid):
        return ops.log_sigmoid(p.inputs[0])
    if isinstance(op, ops.Softplus):
        return ops.log_softplus(p.inputs[0])
    if isinstance(op, ops.Sum) and isinstance(p.inputs[0].op, ops.Exp):
        x = p.inputs[0].inputs[0]
        return None if is_shifted(x) else make(ops.LogSumExp(op.axes), (x,))
    if isinstance(op, ops.Softmax):
        return make(ops.LogSoftmax(op.axes), p.inputs)
    if isinstance(op, ops.Erfc):
        return ops.log_ndtr(times_root2(-p.inputs[0], facts)) + math.log(2)
    if isinstance(op, ops.Neg) and isinstance(p.inputs[0].op, ops.Expm1):
        return _log_one_minus_exp(p.inputs[0].inputs[0], facts)
    z = normal_argument(p, facts)
    if z is not None:
        return ops.log_ndtr(z)
    z = cauchy_argument(p, facts)
    return None if z is None else log_cauchy(z)


def unrepeatable(z: Node, facts: FactTable) -> Node:
    """z with an exponential in it as `xexpy`, so that a product with 0 is 0 even where the
    exponential is infinite."""
    if isinstance(z.op, ops.Neg) and isinstance(z.inputs[0].op, ops.Exp):
        return -ops.xexpy(1, z.inputs[0].inputs[0])
    if facts.bounds(z).finite or is_finite_form(z):
        return z
    log = log_of_minus(z, facts)
    if log is None:
        return z
    # log(-z) is nan where z is positive.
    marked = -ops.xexpy(1, log)
    return marked if facts.bounds(z).nonpositive else ops.where(z < 0, marked, z)


def _log_one_minus_exp(z: Node, facts: FactTable) -> Node:
    log = log_of_minus(z, facts)
    return ops.log1mexp(z) if log is None else ops.log_cexpexp(log)


def _log_of_product(p: Node, facts: FactTable, depth: int) -> Node | None:
    """log(f * g) or log(f / g), if the logarithm of a positive factor can be derived. The other
    factor may have any sign, since both sides are nan where it is negative."""
    share = share_of(p, facts)
    if share is not None:
        return _log_of_share(*share, facts, depth)
    first, second = p.inputs
    logs = [log_of(f, facts, depth - 1) for f in p.inputs]
    positive = [facts.bounds(f).positive for f in p.inputs]
    decided = any(f is not None and sure for f, sure in zip(logs, positive))
    both = all(facts.bounds(f).nonnegative for f in p.inputs)
    if not decided and not (both and any(f is not None for f in logs)):
        return None
    left, right = (ops.log(f) if log is None else log for f, log in zip((first, second), logs))
    return left - right if isinstance(p.op, ops.Div) else left + right


def _log_of_share(n: Node, m: Node, facts: FactTable, depth: int) -> Node | None:
    """log(n / (n + m)), the logistic function of log n - log m."""
    logs = _signed_logs(n, m, facts, depth)
    if logs is None:
        return None
    log_n, log_m, sign = logs
    if sign is None:
        return ops.log_sigmoid(log_n - log_m)
    value = -_log1p_of_ratio(log_m - log_n, sign >= 0)
    return value if facts.bounds(m).positive else _at_zero(sign, m, log_n, value, share=True)


def _signed_logs(n: Node, m: Node, facts: FactTable, depth: int) -> tuple | None:
    """(log |n|, log |m|, sign) if one of the logarithms can be derived and at most one of n and m
    may be negative. `sign` is a node with the sign of that one; None if both are positive."""
    if any(math.isinf(facts.constant(x) or 0) for x in (n, m)):
        return None
    found = [log_of(x, facts, depth - 1) for x in (n, m)]
    if found == [None, None]:
        return None
    doubtful = [x for x in (n, m) if not facts.bounds(x).positive]
    if len(doubtful) > 1:
        return None
    if not doubtful:
        logs = (ops.log(x) if log is None else log for x, log in zip((n, m), found))
        return *logs, None
    logs = (_log_abs(x, facts, depth) for x in (n, m))
    return *logs, without_positive_factors(doubtful[0], facts)


def _at_zero(sign: Node, n: Node, log_m: Node, value: Node, share: bool = False) -> Node:
    """log(n + m), or log(m / (n + m)) for a `share`: `value`, except where n is 0, where log n has
    no finite slope and a form that is linear in n is used."""
    none = ops.eq(sign, 0)
    ratio = ops.where(none, n, 0) * ops.exp(-ops.maximum(log_m, -EXP_ENDS[log_m.dtype]))
    change = ops.log1p(ratio)
    return ops.where(none, -change if share else log_m + change, value)


def _log_abs(x: Node, facts: FactTable, depth: int) -> Node:
    """log |x|, without abs for factors that are positive by their bounds."""
    if facts.bounds(x).positive:
        log = log_of(x, facts, depth - 1)
        return ops.log(x) if log is None else log
    if isinstance(x.op, (ops.Mul, ops.Div)):
        left, right = (_log_abs(f, facts, depth - 1) for f in x.inputs)
        return left - right if isinstance(x.op, ops.Div) else left + right
    return ops.log(ops.abs(x))


def _log1p_of_ratio(v: Node, agree: Node) -> Node:
    """log(1 + r) for log |r| = v, where r is positive if `agree` and negative otherwise."""
    return ops.where(agree, ops.softplus(v), ops.log1mexp(ops.where(agree, -1, v)))


def _log_of_sum(p: Node, facts: FactTable, depth: int) -> Node | None:
    """log(n + m), if the logarithm of one can be derived from its expression; else None."""
    n, m = p.inputs
    for one, other in ((n, m), (m, n)):
        if is_literal(facts, one, 1) and _has_square(other):
            return ops.log1p(other)
    logs = _signed_logs(n, m, facts, depth)
    if logs is None:
        return None
    log_n, log_m, sign = logs
    if sign is None:
        for one, log in ((n, log_m), (m, log_n)):
            if is_literal(facts, one, 1):
                return ops.softplus(log)
        return ops.logaddexp(log_n, log_m)
    if facts.bounds(m).positive:
        n, m, log_n, log_m = m, n, log_m, log_n
    agree = sign >= 0
    less = log_n + ops.log1mexp(ops.where(agree, -1, log_m - log_n))
    return _at_zero(sign, m, log_n, ops.where(agree, ops.logaddexp(log_n, log_m), less))


def _has_square(x: Node) -> bool:
    """Is this a square, or a square times a factor? Then `log1p_square` is accurate, as is its
    slope where the square underflows."""
    factors = x.inputs if isinstance(x.op, ops.Mul) else x.inputs[:1] if x.inputs else ()
    scaled = isinstance(x.op, (ops.Mul, ops.Div)) and any(
        isinstance(f.op, ops.Square) for f in factors
    )
    return scaled or isinstance(x.op, ops.Square)


# log(1 - p).


def log_of_rest(p: Node, facts: FactTable, depth: int = MAX_DEPTH) -> Node | None:
    """log(1 - p) if the expression of p gives a more accurate form than its value; else None."""
    if depth <= 0 or not p.type.is_float:
        return None
    op = p.op
    if isinstance(op, ops.Exp):
        return _log_one_minus_exp(p.inputs[0], facts)
    if isinstance(op, ops.Sigmoid):
        return ops.log_sigmoid(-p.inputs[0])
    if isinstance(op, ops.Neg) and isinstance(p.inputs[0].op, ops.Expm1):
        return unrepeatable(p.inputs[0].inputs[0], facts)
    if isinstance(op, ops.Sub) and is_literal(facts, p.inputs[0], 1):
        return log_of(p.inputs[1], facts, depth - 1)
    z = normal_argument(p, facts)
    if z is not None:
        return ops.log_ndtr(-z)
    z = cauchy_argument(p, facts)
    if z is not None:
        return log_cauchy(-z)
    if isinstance(op, (ops.Mul, ops.Div)):
        share = share_of(p, facts)
        found = None if share is None else _log_of_share(*share[::-1], facts, depth)
        return log_of_mixture(p, facts, depth, rest=True) if found is None else found
    if isinstance(op, (ops.Add, ops.Sub, ops.Neg)):
        return log_of_mixture(p, facts, depth, rest=True)
    if isinstance(op, (ops.Square, ops.Sqrt, ops.Pow, ops.Prod)):
        return _log_of_rest_of_power(p, facts, depth)
    if isinstance(op, (ops.Sum, ops.Contract)):
        return log_of_rest_of_mean(p, facts, log_of_rest, depth - 1)
    return _log_through(p, facts, depth, log_of_rest, lambda part: ops.log1p(-part))


def _log_of_rest_of_power(p: Node, facts: FactTable, depth: int) -> Node | None:
    """log(1 - x**k), or log(1 - prod(x, axes)), in terms of log(-log x)."""
    x, k = (p.inputs[0], None) if isinstance(p.op, ops.Prod) else power_of(p)
    power = None if k is None else facts.constant(k)
    double = _literal_double(x) if power is None and k is not None else None
    if double is not None:
        return ops.log_cexpexp(ops.log(k) + double)
    inverse = k is not None and facts.bounds(k).nonpositive
    if power is None and not facts.bounds(x).high <= 1 and not (
        inverse and facts.bounds(x).low >= 1
    ):
        return None
    log, rest = log_of(x, facts, depth - 1), log_of_rest(x, facts, depth - 1)
    if log is None:
        return None
    if inverse:
        double = log_of(log, facts, depth - 1)
    else:
        double = log_of_minus(log, facts, depth - 1)
        if double is None and rest is not None:
            double = _log_of_minus_log(log, rest)
    if double is None:
        return None
    if k is None:
        logs = ops.broadcast_to(double, x.shape)
        return ops.log_cexpexp(make(ops.LogSumExp(p.op.axes), (logs,)))
    return ops.log_cexpexp(ops.log(-k if inverse else k) + double)


def _literal_double(x: Node) -> Node | None:
    """log(-log x) for literals between 0 and 1."""
    if not isinstance(x.op, Const) or not np.all((x.op.array > 0) & (x.op.array < 1)):
        return None
    return ops.constant(np.log(-np.log(x.op.array.astype("float64"))).astype(x.dtype))


# Selections by `where`, joins and views.


def _log_through(
    p: Node, facts: FactTable, depth: int, form: Callable, plain: Callable, used: Node | None = None
) -> Node | None:
    """`form` applied inside a `where`, a concatenation, a cast or a view; None if it gives None.
    `used` is the condition under which the result is used; `plain` is for parts without a form."""
    if isinstance(p.op, ops.Where):
        condition, *parts = p.inputs
        there = [condition, ops.logical_not(condition)]
        if used is not None:
            there = [ops.logical_and(used, c) for c in there]
        found = [
            _log_where(x, c, facts, depth, form, plain) for x, c in zip(parts, there, strict=True)
        ]
        if found == [None, None] or (None in found and _is_mere_choice(parts, facts)):
            return None
        # Where the branch is not used, the argument of the plain logarithm is a harmless constant.
        safe = 1.0 if form is log_of else 0.0
        logs = [
            plain(ops.where(c, x, safe) if facts.constant(x) is None else x) if log is None else log
            for x, c, log in zip(parts, there, found, strict=True)
        ]
        return ops.where(condition, *logs)
    if isinstance(p.op, ops.Concatenate):
        found = [form(x, facts, depth - 1) for x in p.inputs]
        if all(log is None for log in found):
            return None
        logs = [plain(x) if log is None else log for x, log in zip(p.inputs, found, strict=True)]
        return make(p.op, [ops.broadcast_to(z, x.shape) for z, x in zip(logs, p.inputs)])
    if isinstance(p.op, ops.Cast):
        wide = _computed_wide(p)
        return None if wide is None else form(wide, facts, depth - 1)
    if isinstance(p.op, VIEWS):
        inner = form(p.inputs[0], facts, depth - 1)
        if inner is None:
            return None
        inner = ops.broadcast_to(inner, p.inputs[0].shape)
        return make(p.op, (inner, *p.inputs[1:]))
    return None


def _computed_wide(p: Node) -> Node | None:
    """For a cast from float32 to float64, the operand computed in float64; else None."""
    x = p.inputs[0]
    if x.dtype != "float32" or p.dtype != "float64" or not isinstance(x.op, _WIDENED):
        return None
    return _widened(x, p.dtype, MAX_DEPTH)


def _widened(x: Node, dtype: str, depth: int) -> Node:
    if isinstance(x.op, Const) and x.type.is_float:
        return ops.constant(x.op.array.astype(dtype))
    kept = depth <= 0 or x.dtype != "float32" or isinstance(x.op, ops.Cast)
    if kept or not isinstance(x.op, _WIDENED):
        return ops.astype(x, dtype) if x.type.is_float else x
    return make(x.op, [_widened(a, dtype, depth - 1) for a in x.inputs])


_WIDENED = (Elementwise, ops.Softmax, *VIEWS)


def _is_mere_choice(parts: Sequence[Node], facts: FactTable) -> bool:
    """Are these an exponential and a literal, as in a selection between scales?"""
    return any(isinstance(x.op, ops.Exp) for x in parts) and any(
        facts.constant(x) is not None for x in parts
    )


def _log_where(
    x: Node, used: Node, facts: FactTable, depth: int, form: Callable, plain: Callable
) -> Node | None:
    """`form` of one branch of a `where`, with finite slopes where the branch is not used."""
    if isinstance(x.op, ops.Where):
        return _log_through(x, facts, depth - 1, form, plain, used)
    if isinstance(x.op, ops.Sub) and form is log_of and not is_literal(facts, x.inputs[0], 1):
        return log_of_difference(x, facts, used)
    return form(x, facts, depth - 1)


# Forms that are finite.


def is_finite_form(z: Node, depth: int = MAX_DEPTH) -> bool:
    """Is z finite for all finite inputs, as far as `depth` levels of its expression show? log_ndtr
    is not in the list: it grows as the square of its argument."""
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
