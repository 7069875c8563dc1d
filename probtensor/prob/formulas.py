"""Parts of the formulas of densities: logarithms and powers that keep their digits.

What is known by its logarithm is read by it, literals are computed here and now, and parts that
cancel for large shapes are formed as one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.graph import Const, Node, as_tensor
from probtensor.graph.node import make
from probtensor.rules.laws import VIEWS
from probtensor.rules.links import log_of_link, times


def log_of(x: Node) -> Node:
    """log x, without going through exp, sigmoid or softmax where x is one."""
    if isinstance(x.op, (ops.Exp, ops.Sigmoid, ops.Softmax)):
        return log_of_link(x)
    if isinstance(x.op, VIEWS) and has_log(x):
        return make(x.op, (log_of(x.inputs[0]), *x.inputs[1:]))
    if has_log(x):
        first, second = (log_of(factor) for factor in x.inputs)
        return first - second if isinstance(x.op, ops.Div) else first + second
    return ops.log(x)


def times_log(a: Node, x: Node) -> Node:
    """a log x, and 0 where a is 0 even if x is 0 too. Rules see links in it."""
    if isinstance(x.op, (ops.Exp, ops.Sigmoid, ops.Softmax)):
        return times(a, log_of_link(x))
    return a * ops.log(x) if is_nonzero(a) else ops.xlogy(a, x)


def times_log_rest(a: Node, x: Node) -> Node:
    """a log(1 - x), and 0 where a is 0 even if x is 1. Rules see links in it."""
    if isinstance(x.op, ops.Sigmoid):
        return a * ops.log_sigmoid(-x.inputs[0])
    return a * ops.log1p(-x) if is_nonzero(a) else ops.xlog1py(a, -x)


def log_gamma(x: Node) -> Node:
    """log Gamma(x), computed here and now for a positive literal scalar."""
    if isinstance(x.op, Const) and not x.shape and 0 < x.op.array < math.inf:
        return as_tensor(np.asarray(math.lgamma(x.op.array), x.dtype))
    return ops.lgamma(x)


def log_beta(x: Node, y: Node) -> Node:
    """log B(x, y), computed here and now for small literals (large ones cancel)."""
    if all(isinstance(v.op, Const) and not v.shape and 0 < v.op.array < 100 for v in (x, y)):
        a, b = float(x.op.array), float(y.op.array)
        value = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
        return as_tensor(np.asarray(value, x.dtype))
    return ops.lbeta(x, y)


def is_nonzero(x: Any) -> bool:
    """Is x a literal other than 0?"""
    node = as_tensor(x)
    return isinstance(node.op, Const) and bool(np.all(node.op.array != 0))


# Literal shapes and counts up to here cost no more than two digits where formulas are taken as
# they are written in textbooks, and those split into parts that are summed once a data set.
MODERATE = 100.0


def is_moderate(*parameters: Node) -> bool:
    """Are these literals that no formula loses many digits to?"""
    return all(
        isinstance(x.op, Const) and bool(np.all(np.abs(x.op.array) <= MODERATE))
        for x in parameters
    )


def has_log(x: Node) -> bool:
    """Is the logarithm of x > 0 known, or that of one of two factors, whether or not x itself
    over- or underflows?"""
    if isinstance(x.op, (ops.Mul, ops.Div)):
        return any(has_log(factor) for factor in x.inputs)
    if isinstance(x.op, VIEWS):
        return has_log(x.inputs[0])
    return isinstance(x.op, (ops.Exp, ops.Sigmoid, ops.Softmax))


def log_power(a: Node, b: Node, x: Node) -> Node:
    """a log(b x / a) + a - b x - log x: what of a density x^(a - 1) e^(-b x) depends on x, less its
    largest for x^a e^(-b x). Of the two parts, the first is small where a is large and x is likely
    (Loader 2000)."""
    if has_log(b) or has_log(x):
        log_x = log_of(x)
        return -ops.kl_div_exp(a, log_of(b) + log_x) - log_x
    return -ops.power_divergence(a, b, x) - ops.log(ops.where(ops.eq(x, 0), 1, x))
