"""Links: the logarithm of a probability, or of its complement, in terms of the linear predictor.

`log(p)` is -inf where p rounds to 0, `log(1 - p)` where p rounds to 1, and `xlogy(y, p)` hides the
logarithm from other rules. `logarithms.py` derives log p and log(1 - p) from the expression of p.
The rules for `log`, `log1p`, `xlogy` and `xlog1py` here call it, and leave a node unchanged if it
returns None.
"""

from __future__ import annotations

import math

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.rules.probability.cdfs import ROOT2, is_literal
from probtensor.rules.probability.logarithms import (
    log_of,
    log_of_link,
    log_of_mixture,
    log_of_rest,
    times,
    unrepeatable,
)
from probtensor.transform.facts import FactTable
from probtensor.transform.pattern import var
from probtensor.transform.rewrite import Ruleset, rewrite, rule

__all__ = ["LINKS", "log_of", "log_of_link", "log_of_rest", "times"]

x, y, z, a = var("x"), var("y"), var("z"), var("a")
c = var("c", "bool")
WIDE = (-800, 800)


def _varies_with(x: Node, condition: Node) -> bool:
    """Has x an element of its own for each of a condition? Both values of a choice between fewer
    are computed once, not for each element of it."""
    while isinstance(x.op, ops.BroadcastTo):
        x = x.inputs[0]
    return ops.broadcast_shapes(x.shape, condition.shape) == x.shape


PATTERNS = Ruleset(
    rule(
        ops.log(ops.exp(-ops.exp(x))), -ops.xexpy(1, x), over=(-800, 709),
        why="log-log link: exp(-exp(x)) underflows past 6.6; xexpy, since 0 * exp(x) must be 0",
    ),
    rule(
        ops.log1p(ops.expm1(-ops.exp(x))), -ops.xexpy(1, x), over=(-800, 7),
        why="complementary log-log link: as for log(exp(-exp(x)))",
    ),
    rule(
        ops.log1mexp(-ops.exp(x)), ops.log_cexpexp(x), over=(-800, 700),
        why="complementary log-log link: exp(x) underflows, and the slope is inf / inf past 709",
    ),
    rule(
        ops.log(ops.softplus(x)), ops.log_softplus(x), over=WIDE, why="softplus underflows",
    ),
    rule(
        y * ops.xexpy(1, x), ops.xexpy(y, x), over={"y": (-9, 9), "x": WIDE},
        why="0 * inf past 709: (1 - y) * log(1 - p) of a complementary log-log link; 0 at x = inf",
        limits=True,
    ),
    rule(
        y * ops.where(c, -ops.xexpy(1, x), z),
        ops.where(c, -ops.xexpy(y, x), y * z),
        over={"y": (-9, 9), "x": WIDE, "z": (-9, 9)},
        why="as for y * xexpy(1, x), where the sign of a rate is not known; 0 at x = inf",
        limits=True,
    ),
    rule(
        ops.sqrt(ops.exp(x)), ops.exp(0.5 * x), over=WIDE,
        why="the slope of sqrt at 0 is infinite, and exp underflows to 0",
    ),
    rule(
        ops.where(c, ops.log_sigmoid(x), ops.log_sigmoid(-x)),
        ops.log_sigmoid(ops.where(c, 1.0, -1.0) * x),
        over=WIDE, given=lambda m: _varies_with(m.x, m.c),
        why="log p or log(1 - p) of 0/1 data: one logarithm in place of two",
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


# Rules.


def _in(*shape: int) -> Node:
    return ops.tensor("x", shape)


def _scaled_sine(size: float) -> Node:
    """An argument within (-size, size), where the left side has digits."""
    return size * ops.sin(_in(3))


@rewrite(
    on=ops.Log,
    example=lambda: (
        ops.log(ops.exp(_in(3)) * ops.tensor("e", (3,))),
        ops.log(0.5 * ops.erfc(_in(3) / -ROOT2)),
        ops.log(0.5 + ops.arctan(_in(3)) / math.pi),
        ops.log(ops.sigmoid(_in(3)) - ops.sigmoid(ops.tensor("y", (3,)))),
        ops.log(ops.ndtr(_scaled_sine(30.0)) - ops.ndtr(_in(3) / 20.0)),
        ops.log(ops.where(ops.tensor("c", (3,), "bool"), ops.sigmoid(_in(3)), ops.ndtr(_in(3)))),
        ops.log(2.0 / (2.0 + ops.exp(_in(3)))),
        (lambda mu: ops.log(mu / (mu + 2.0)))(3.0 * ops.exp(_in(3)) * ops.tensor("e", (3,))),
        ops.log(ops.exp(_in(3)) + 3.0),
        ops.log(ops.exp(-2.0 * ops.exp(_scaled_sine(6.0)))),
        ops.log(0.75 - 0.75 * ops.ndtr(_scaled_sine(8.0))),
        ops.log(ops.exp(-2.0 * ops.softplus(_in(3))) * ops.square(ops.sigmoid(_in(3)))),
        ops.log(1 - ops.square(ops.sigmoid(_scaled_sine(30.0)))),
        (lambda p: ops.log(1.0 - p * ops.sigmoid(ops.tensor("y", (3,)))))(ops.sigmoid(_in(3))),
        ops.log(1.0 - ops.power(ops.sigmoid(_scaled_sine(30.0)), 2.5)),
        ops.log(ops.power(ops.sigmoid(_in(3)), ops.tensor("y", (3,)))),
        (lambda y, p: ops.log(y * p + (1 - y) * (1 - p)))(
            ops.constant(np.array([0.0, 1, 0])), ops.sigmoid(_in(3))
        ),
        ops.log(ops.sum(ops.constant(np.eye(3)) * ops.softmax(_in(3)), 1)),
    ),
    ulps=2000.0,
    limits=True,
    mixtures=True,
)
def log_of_probability(node: Node, facts: FactTable) -> Node | None:
    """log(p) derived from the expression of p: the probability p may round to 0 or 1. Rounding the
    terms of a sum costs as many ulps as they are larger than the sum. At infinite arguments the
    result is a limit: log(a * exp(x)) is nan for a < 0, though a * exp(x) is 0 at -inf."""
    p = node.inputs[0]
    if isinstance(p.op, ops.Exp):
        z = unrepeatable(p.inputs[0], facts)
        return None if z is p.inputs[0] else z
    adds_exp = isinstance(p.op, ops.Add) and any(isinstance(x.op, ops.Exp) for x in p.inputs)
    if isinstance(p.op, ops.Softmax) or (
        adds_exp and any(is_literal(facts, x, 1) for x in p.inputs)
    ):
        return None  # Other rules match these.
    return log_of(p, facts)


@rewrite(
    on=ops.Log1p,
    example=lambda: (
        ops.log1p(-0.5 * ops.erfc(_scaled_sine(20.0))),
        ops.log1p(-(2.0 / (2.0 + ops.exp(_in(3))))),
        ops.log1p(-ops.sigmoid(_in(3))),
        ops.log1p(-0.25 - 0.75 * ops.sigmoid(_in(3))),
        ops.log1p(-ops.prod(ops.sigmoid(_in(3)))),
        ops.log1p(-(0.25 + 0.75 * ops.ndtr(_scaled_sine(30.0)))),
        (lambda c: ops.log1p(-(c + (1 - c) * ops.sigmoid(_in(3)))))(ops.sigmoid(ops.tensor("c"))),
    ),
    ulps=2000.0,
    limits=True,
    mixtures=True,
)
def log1p_of_probability(node: Node, facts: FactTable) -> Node | None:
    """log(1 - p) derived from the expression of p, where 1 - p would round to 1 or -p. At infinite
    arguments the result is a limit: log(1 - 1 / (1 - exp(x))) is nan for all x, though it is log(0)
    at -inf."""
    return _log1p_of(node.inputs[0], facts)


def _log1p_of(z: Node, facts: FactTable) -> Node | None:
    if isinstance(z.op, ops.Expm1):
        return unrepeatable(z.inputs[0], facts)
    if isinstance(z.op, ops.Exp):
        return ops.softplus(z.inputs[0])
    if isinstance(z.op, ops.Sub) and is_literal(facts, z.inputs[1], 1):
        return log_of(z.inputs[0], facts)
    p = _negated(z, facts)
    if p is not None:
        return log_of_rest(p, facts)
    return log_of_mixture(-z, facts, rest=True) if isinstance(z.op, (ops.Add, ops.Sub)) else None


def _negated(z: Node, facts: FactTable) -> Node | None:
    """p for a node z = -p with an explicit negation or negative literal factor."""
    if isinstance(z.op, ops.Neg):
        return z.inputs[0]
    if isinstance(z.op, (ops.Mul, ops.Div)):
        for k, factor in enumerate(z.inputs):
            value = facts.constant(factor)
            if value is not None and value < 0:
                parts = list(z.inputs)
                parts[k] = ops.constant(-value, factor.dtype)
                if value == -1 and isinstance(z.op, ops.Mul):
                    return parts[1 - k]
                return z.op(*parts)
    return None


def _or_nothing(factor: Node, p: Node, product: Node, sure: bool, facts: FactTable) -> Node:
    """`product` = factor * log(p), but 0 where the factor is 0 and p is not nan: log(p) may be nan
    there for p < 0. `sure`: p is known to be nonnegative."""
    number = facts.constant(factor)
    if sure or (number is not None and number != 0):
        return product
    none = ops.logical_and(ops.eq(factor, 0), ops.logical_not(ops.isnan(p)))
    return ops.where(none, 0, product)


@rewrite(
    on=ops.Xlogy,
    example=lambda: (
        ops.xlogy(ops.tensor("k", (3,)), ops.sigmoid(_in(3))),
        ops.xlogy(ops.tensor("i", (3,), "int64"), -ops.expm1(-ops.exp(_scaled_sine(6.0)))),
        ops.xlogy(ops.tensor("i", (3,), "int64"), ops.ndtr(_in(3))),
    ),
    ulps=2000.0,
    limits=True,
)
def xlogy_of_probability(node: Node, facts: FactTable) -> Node | None:
    """xlogy(y, p) -> y * log(p), derived from the expression of p, and 0 where y is 0. The
    logarithm of an inverse link is finite for finite arguments, so a product is enough; at infinite
    arguments it is nan instead of 0."""
    factor, p = node.inputs
    log = log_of(p, facts)
    if log is None:
        return None
    return _or_nothing(factor, p, times(factor, log), facts.bounds(p).nonnegative, facts)


@rewrite(
    on=ops.Xlog1py,
    example=lambda: (
        ops.xlog1py(ops.tensor("k", (3,)), -ops.sigmoid(_in(3))),
        ops.xlog1py(ops.tensor("i", (3,), "int64"), ops.expm1(-ops.exp(_scaled_sine(6.0)))),
        ops.xlog1py(ops.tensor("i", (3,), "int64"), -ops.ndtr(_scaled_sine(30.0))),
    ),
    ulps=2000.0,
    limits=True,
)
def xlog1py_of_probability(node: Node, facts: FactTable) -> Node | None:
    """xlog1py(y, -p) -> y * log(1 - p), derived from the expression of p, and 0 where y is 0. The
    logarithm of an inverse link is finite for finite arguments, so a product is enough; at infinite
    arguments it is nan instead of 0."""
    factor, z = node.inputs
    log = _log1p_of(z, facts)
    if log is None:
        return None
    return _or_nothing(factor, 1 + z, times(factor, log), facts.bounds(z).low >= -1, facts)


LINKS = PATTERNS + Ruleset(
    log_of_probability, log1p_of_probability, xlogy_of_probability, xlog1py_of_probability
)
