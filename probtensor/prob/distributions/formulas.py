"""Numerically stable parts of densities: logarithms and powers.

If the logarithm of an argument is known by construction (exp, sigmoid, softmax) it is used;
formulas of literals are computed when the graph is built; and parts that cancel for large shapes
are computed as one op."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from probtensor import ops
from probtensor.graph import Const, Node, as_tensor
from probtensor.graph.node import TensorLike, make
from probtensor.rules.probability.cdfs import VIEWS
from probtensor.rules.probability.links import log_of_link, times
from probtensor.transform.facts import constant_of

LOG_2 = math.log(2)
LOG_PI = math.log(math.pi)
LOG_2PI = math.log(2 * math.pi)
HALF_LOG_2PI = 0.5 * LOG_2PI


def log_of(x: Node, size: bool = False) -> Node:
    """log x, simplified if x is an exp, sigmoid or softmax; log |x| with `size`."""
    if isinstance(x.op, (ops.Exp, ops.Sigmoid, ops.Softmax)):
        return log_of_link(x)
    if isinstance(x.op, (*VIEWS, ops.Cast)) and has_log(x):
        return make(x.op, (log_of(x.inputs[0], size), *x.inputs[1:]))
    if isinstance(x.op, (ops.Square, ops.Sqrt)) and has_log(x):
        # A square is positive also if its argument is negative.
        inner = log_of(x.inputs[0], size=isinstance(x.op, ops.Square))
        return inner * (2.0 if isinstance(x.op, ops.Square) else 0.5)
    if has_log(x):
        first, second = (log_of(factor, size) for factor in x.inputs)
        return first - second if isinstance(x.op, ops.Div) else first + second
    return ops.log(ops.abs(x) if size else x)


def times_log(a: Node, x: Node) -> Node:
    """a log x, and 0 where a is 0 even if x is 0; links are recognised."""
    if isinstance(x.op, (ops.Exp, ops.Sigmoid, ops.Softmax)):
        return times(a, log_of_link(x))
    if isinstance(x.op, ops.Cast) and has_log(x):
        return times(a, log_of(x))
    return a * ops.log(x) if is_nonzero(a) else ops.xlogy(a, x)


def times_log1m(a: Node, x: Node) -> Node:
    """a log(1 - x), and 0 where a is 0 even if x is 1; links are recognised."""
    if isinstance(x.op, ops.Sigmoid):
        return a * ops.log_sigmoid(-x.inputs[0])
    return a * ops.log1p(-x) if is_nonzero(a) else ops.xlog1py(a, -x)


def log_gamma(x: Node) -> Node:
    """log Gamma(x), computed at once for a positive literal scalar."""
    if isinstance(x.op, Const) and not x.shape and 0 < x.op.array < math.inf:
        return as_tensor(np.asarray(math.lgamma(x.op.array), x.dtype))
    return ops.lgamma(x)


def log_beta(x: Node, y: Node) -> Node:
    """log B(x, y), computed at once for small literals (large ones cancel)."""
    if all(isinstance(v.op, Const) and not v.shape and 0 < v.op.array < 100 for v in (x, y)):
        a, b = float(x.op.array), float(y.op.array)
        value = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
        return as_tensor(np.asarray(value, x.dtype))
    return ops.lbeta(x, y)


def is_nonzero(x: TensorLike) -> bool:
    """Is x a literal other than 0?"""
    node = as_tensor(x)
    return isinstance(node.op, Const) and bool(np.all(node.op.array != 0))


def log_quotient(x: Node, scale: Node) -> Node:
    """log(x / scale), without cancellation near 1, and where the quotient over- or underflows."""
    if has_log(x) or has_log(scale):
        return log_of(x) - log_of(scale)
    return ops.log_ratio(x, scale, 1.0)


def times_log_quotient(a: Node, x: Node, scale: Node) -> Node:
    """a log(x / scale), and 0 where a and x are 0."""
    if has_log(x):
        return a * log_quotient(x, scale)
    none = ops.eq(x, 0)
    inner = log_quotient(ops.where(none, 1.0, x), scale)
    return ops.where(none, times_log(a, ops.where(none, x, 1.0)), a * inner)


def quotient_power(x: Node, scale: Node, a: Node) -> Node:
    """(x / scale)**a, also where the quotient over- or underflows."""
    if has_log(x):
        return ops.exp(a * log_quotient(x, scale))
    none = ops.eq(x, 0)
    inner = log_quotient(ops.where(none, 1.0, x), scale)
    return ops.where(none, 0.0, ops.exp(a * ops.where(none, 0.0, inner)))


# Up to this size of literal shapes and counts, textbook formulas lose no more than two digits, and
# they split into parts that are summed once per data set.
MODERATE = 100.0


def is_moderate(*parameters: Node) -> bool:
    """Are these literals of at most MODERATE in absolute value?"""
    return all(
        isinstance(x.op, Const) and bool(np.all(np.abs(x.op.array) <= MODERATE)) for x in parameters
    )


def has_log(x: Node) -> bool:
    """Is the logarithm of x > 0 known by construction, or that of a factor of x, also if x over- or
    underflows?"""
    if isinstance(x.op, (ops.Mul, ops.Div)):
        return any(has_log(factor) for factor in x.inputs)
    if isinstance(x.op, (*VIEWS, ops.Cast, ops.Square, ops.Sqrt)):
        return has_log(x.inputs[0])
    return isinstance(x.op, (ops.Exp, ops.Sigmoid, ops.Softmax))


def log_power(a: Node, b: Node, x: Node) -> Node:
    """a log(b x / a) + a - b x - log x: the log of x^(a - 1) e^(-b x) minus the maximum over x of
    that of x^a e^(-b x). The deviance is small where x is likely, also for large a (Loader
    2000)."""
    if has_log(b) or has_log(x):
        log_x = log_of(x)
        return -ops.kl_div_exp(a, log_of(b) + log_x) - log_x
    return -ops.power_divergence(a, b, x) - ops.log(ops.where(ops.eq(x, 0), 1, x))


# Parameters whose logarithms are known may leave the range of floats. Formulas clip them to its
# end, and add a correction that is linear in the logarithm beyond. The numbers below are
# logarithms; they are unlikely as user input, where the derivative of the clip would be ambiguous.
END = {"float64": 701.37, "float32": 84.37}
# The largest logarithms whose exp is finite.
LARGEST = {"float64": 709.782712893384, "float32": 88.72283172607422}


def end_of(x: Node) -> float:
    """The bound on |log x| for the narrowest dtype that x is computed in."""
    parts = (ops.Mul, ops.Div, ops.Cast, ops.Square, ops.Sqrt, *VIEWS)
    made_of = [y for y in x.inputs if y.type.is_float] if isinstance(x.op, parts) else []
    return min([END[x.dtype], *map(end_of, made_of)])


def at_least(x: Node) -> Node:
    """x clipped from below at the smallest float, if its logarithm is known."""
    return ops.maximum(x, math.exp(-end_of(x))) if has_log(x) else x


def in_range(x: Node) -> Node:
    """x clipped to the range of floats, if its logarithm is known."""
    return ops.minimum(at_least(x), math.exp(end_of(x))) if has_log(x) else x


def log_shortfall(x: Node) -> TensorLike:
    """log x - log(at_least(x)): 0 unless x underflows."""
    return ops.minimum(log_of(x) + end_of(x), 0) if has_log(x) else 0.0


def merge_exponentials(x: Node) -> Node:
    """x with the exponentials among its factors merged: each of them may over- or underflow where x
    does not."""
    log = pure_log(x)
    if log is not None:
        return x if isinstance(x.op, (ops.Exp, *VIEWS)) else ops.exp(log)
    if isinstance(x.op, (*VIEWS, ops.Cast, ops.Square, ops.Sqrt)) and has_log(x):
        return make(x.op, (merge_exponentials(x.inputs[0]), *x.inputs[1:]))
    if not isinstance(x.op, (ops.Mul, ops.Div)):
        return x
    parts = factors(x)
    merged = {part: merge_exponentials(part) for part, _ in parts}
    logs = [-pure_log(part) if below else pure_log(part) for part, below in parts
            if pure_log(part) is not None]  # fmt: skip
    if len(logs) < 2 and all(new is part for part, new in merged.items()):
        return x
    result = ops.exp(reduce(ops.add, logs)) if logs else as_tensor(np.ones((), x.dtype))
    for part, below in parts:
        if pure_log(part) is None:
            result = result / merged[part] if below else merged[part] * result
    return result


def factors(x: Node, below: bool = False) -> list[tuple[Node, bool]]:
    """The factors of nested products and quotients, and whether x is divided by them."""
    if not isinstance(x.op, (ops.Mul, ops.Div)):
        return [(x, below)]
    first, second = x.inputs
    return factors(first, below) + factors(second, below != isinstance(x.op, ops.Div))


def pure_log(x: Node) -> Node | None:
    """log x, if x is a product of exponentials."""
    if isinstance(x.op, ops.Exp):
        return x.inputs[0]
    if isinstance(x.op, VIEWS):
        inner = pure_log(x.inputs[0])
        return None if inner is None else make(x.op, (inner, *x.inputs[1:]))
    if isinstance(x.op, (ops.Square, ops.Sqrt)):
        inner = pure_log(x.inputs[0])
        return None if inner is None else inner * (2.0 if isinstance(x.op, ops.Square) else 0.5)
    if not isinstance(x.op, (ops.Mul, ops.Div)):
        return None
    first, second = (pure_log(factor) for factor in x.inputs)
    if second is None:
        return None
    if isinstance(x.op, ops.Div):
        one = constant_of(x.inputs[0]) == 1
        return -second if one else None if first is None else first - second
    return None if first is None else first + second


def scalar_log(x: Node) -> Node | None:
    """log x, if x is a scalar product of exponentials. For tensors, protection from overflow would
    cost more than it is worth."""
    return None if x.ndim else pure_log(x)


def product(x: Node, scale: Node) -> Node:
    """x * scale; 0 where x is 0, also if a scalar exponential in `scale` overflows."""
    log = scalar_log(scale)
    return x * scale if log is None else times_exp(x, log)


def quotient(x: Node, scale: Node) -> Node:
    """x / scale, and 0 where x is 0; see `product`. A scalar scale is inverted once per loop,
    unless the inverse overflows (rules/arithmetic/reciprocals.py); a tensor is inverted, since it
    may be data."""
    log = scalar_log(scale)
    if log is not None:
        return times_exp(x, -log)
    return x * (1 / scale) if scale.ndim else x / scale


def times_exp(x: Node, log: Node) -> Node:
    """x exp(log), where the exponential alone may overflow. A tensor x is then multiplied by the
    largest float: the product overflows too, unless x is nearly 0."""
    end = end_of(x)
    if x.ndim:
        return x * ops.exp(ops.minimum(log, LARGEST[x.dtype]))
    over = log > end
    log = ops.where(over, ops.minimum(log, 2 * end) - end, log)
    return x * ops.exp(log) * ops.where(over, math.exp(end), 1.0)


def log_tail(x: Node, sigma: Node) -> TensorLike:
    """log(1 + (x / sigma)**2) minus its value at `at_least(sigma)`."""
    if not has_log(sigma):
        return 0.0
    far = ops.abs(x) > math.exp(-end_of(sigma))
    return ops.where(far, -2 * log_shortfall(sigma), 0.0)


def whole_of(a: Node, b: Node) -> Node | None:
    """k, where a = s k and b = (1 - s) k as they are written, so that k is their sum."""
    if not isinstance(a.op, ops.Mul) or not isinstance(b.op, ops.Mul):
        return None
    pairs = [(s, k, r) for s, k in (a.inputs, a.inputs[::-1])
             for r, other in (b.inputs, b.inputs[::-1]) if other is k]  # fmt: skip
    return next((k for s, k, r in pairs if _are_complements(s, r)), None)


def _are_complements(s: Node, r: Node) -> bool:
    """Are these s and 1 - s?"""
    for x, y in ((s, r), (r, s)):
        if isinstance(x.op, ops.Sub) and x.inputs[1] is y:
            one = x.inputs[0]
            while isinstance(one.op, (*VIEWS, ops.Cast)):
                one = one.inputs[0]
            return constant_of(one) == 1
        if isinstance(x.op, ops.Sigmoid) and isinstance(y.op, ops.Sigmoid):
            x, y = x.inputs[0], y.inputs[0]
            if isinstance(x.op, ops.Neg) and x.inputs[0] is y:
                return True
    return False


def log_small_share(a: Node, b: Node) -> TensorLike:
    """log(a b / (a + b)) minus its value at `at_least` of both, and of their sum `whole_of`."""
    whole = whole_of(a, b)
    if whole is not None:
        return log_shortfall(a) + log_shortfall(b) - log_shortfall(whole)
    if not has_log(a) or not has_log(b):
        return log_shortfall(a) + log_shortfall(b)
    logs = log_of(a), log_of(b)
    least = [ops.maximum(log, -end_of(x)) for log, x in zip(logs, (a, b))]
    total = ops.logaddexp(*logs) - ops.logaddexp(*least)
    return log_shortfall(a) + log_shortfall(b) - total
