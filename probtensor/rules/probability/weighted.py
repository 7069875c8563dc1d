"""Logarithms of sums weighted by data: log(a * p + b * q), where a and b are often indicators.

For l = log p and m = log q it is t + log(a * exp(l - t) + b * exp(m - t)) for any t. Here t is the
largest logarithm with a weight other than 0, so that no term overflows and the largest does not
underflow. As the result does not depend on t, derivatives treat t as a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Const, Node, make
from probtensor.ops.reductions.folds import spread
from probtensor.rules.probability.polynomials import SUM_ULPS, log_of_weighed
from probtensor.transform.chain import chain_leaves
from probtensor.transform.cotangents.layers import VIEWS
from probtensor.transform.facts import FactTable

LogOf = Callable[[Node, FactTable, int], Node | None]


@dataclass(frozen=True)
class Term:
    """weight * exp(log). A `weight` of None is 1, a `log` of None is 0. `seen`: the logarithm of a
    factor was derived from its expression."""

    weight: Node | None
    log: Node | None
    seen: bool


def log_of_weighted_sum(p: Node, facts: FactTable, log_of: LogOf, depth: int) -> Node | None:
    """log(a * p + b * q + ...), if the logarithms of at least two terms can be derived from their
    expressions and the weights are data of unknown sign; else None."""
    terms = []
    for _, x, minus in chain_leaves(p):
        term = _term(x, facts, log_of, depth)
        terms.append(_negative(term) if minus else term)
    if sum(term.seen for term in terms) < 2 or all(term.weight is None for term in terms):
        return None
    if not all(_is_data(term.weight, facts) for term in terms):
        return None
    one, zero = ops.ones((), dtype=p.dtype), ops.zeros((), dtype=p.dtype)
    return log_of_weighed(
        [(one if a.weight is None else a.weight, zero if a.log is None else a.log) for a in terms]
    )


def log_of_weighted_fold(p: Node, facts: FactTable, log_of: LogOf, depth: int) -> Node | None:
    """log(sum(a * p)), if log p can be derived from the expression of p and a is data of unknown
    sign; else None."""
    x, axes = p.inputs[0], p.op.axes
    if not isinstance(x.op, (ops.Mul, ops.Div)):
        return None
    term = _term(x, facts, log_of, depth)
    if not term.seen or term.weight is None or not _is_data(term.weight, facts):
        return None
    none, log = ops.eq(term.weight, 0), ops.broadcast_to(term.log, x.shape)
    largest = ops.stop_gradient(ops.max(ops.where(none, -np.inf, log), axes))
    # Where the weight is 0 the exponential might overflow. xexpy instead of a product with exp, so
    # that no rule rewrites the logarithm of the sum.
    beyond = ops.where(none, -1, log - spread(largest, axes, x.shape))
    return largest + ops.log(ops.sum(ops.xexpy(term.weight, beyond), axes))


def log_of_rest_of_mean(p: Node, facts: FactTable, log_of_rest: LogOf, depth: int) -> Node | None:
    """log(1 - sum(w * p)) = log(sum(w * (1 - p))) for literal weights w >= 0 that add to 1, if
    log(1 - p) can be derived from the expression of p; else None."""
    for weight, x, axes, axes_of_weight in _means(p):
        if not _adds_to_1(weight, axes_of_weight):
            continue
        rest = log_of_rest(x, facts, depth)
        if rest is None:
            return None
        if isinstance(p.op, ops.Contract):
            weight = ops.expand_dims(weight, tuple(range(1, x.ndim - axes[0])))
        logs = ops.log(weight) + ops.broadcast_to(rest, x.shape)
        return make(ops.LogSumExp(axes), (logs,))
    return None


def _means(p: Node) -> Iterator[tuple[Node, Node, tuple[int, ...], tuple[int, ...]]]:
    """(w, x, axes of x, axes of w) for p = sum(w * x) over these axes; in a contraction w is a
    vector."""
    if isinstance(p.op, ops.Contract):
        *letters, out = p.op.parts()
        for k, letter in enumerate(letters):
            other = letters[1 - k]
            if len(letter) == 1 and letter in other and other.replace(letter, "") == out:
                yield p.inputs[k], p.inputs[1 - k], (other.index(letter),), (0,)
    elif isinstance(p.inputs[0].op, ops.Mul):
        for weight, x in (p.inputs[0].inputs, p.inputs[0].inputs[::-1]):
            lead = p.inputs[0].ndim - weight.ndim
            yield weight, x, p.op.axes, tuple(a - lead for a in p.op.axes)


def _adds_to_1(weight: Node, axes: tuple[int, ...]) -> bool:
    """Are these literals >= 0 that add to 1 along the axes, within SUM_ULPS ulps?"""
    if not isinstance(weight.op, Const) or not weight.type.is_float or min(axes) < 0:
        return False
    array = weight.op.array
    if not array.size or not np.all(array >= 0):
        return False
    total = np.sum(array.astype("longdouble"), axis=axes)
    return bool(np.all(np.abs(total - 1) <= SUM_ULPS * np.finfo(weight.dtype).eps))


def _term(x: Node, facts: FactTable, log_of: LogOf, depth: int) -> Term:
    if facts.bounds(x).positive:
        log = log_of(x, facts, depth)
        return Term(None, ops.log(x) if log is None else log, log is not None)
    if isinstance(x.op, ops.Neg):
        inner = _term(x.inputs[0], facts, log_of, depth)
        return _negative(inner)
    if depth <= 0 or not isinstance(x.op, (ops.Mul, ops.Div)):
        return Term(x, None, False)
    first, second = (_term(f, facts, log_of, depth - 1) for f in x.inputs)
    divides = isinstance(x.op, ops.Div)
    if divides and second.weight is not None and first.weight is None:
        weight = 1 / second.weight
    else:
        weight = _joined(x.op, first.weight, second.weight)
    log = _joined(ops.sub if divides else ops.add, first.log, second.log)
    if divides and first.log is None and second.log is not None:
        log = -second.log
    return Term(weight, log, first.seen or second.seen)


def _negative(term: Term) -> Term:
    if term.weight is None:
        return Term(ops.constant(-1.0, term.log.dtype), term.log, term.seen)
    return Term(-term.weight, term.log, term.seen)


def _joined(op: Callable[[Node, Node], Node], x: Node | None, y: Node | None) -> Node | None:
    return y if x is None else x if y is None else op(x, y)


def _is_data(weight: Node | None, facts: FactTable) -> bool:
    """Is the weight 1, a literal that is not subnormal, or an integer? These may weigh a term in
    either form without loss of accuracy."""
    if weight is None or facts.bounds(weight).integral:
        return True
    while isinstance(weight.op, (ops.Neg, *VIEWS)):
        weight = weight.inputs[0]
    if not isinstance(weight.op, Const):
        return False
    size = np.abs(weight.op.array)
    tiny, huge = (1e-290, 1e290) if weight.dtype == "float64" else (1e-30, 1e30)
    return bool(np.all((size == 0) | ((size > tiny) & (size < huge))))
