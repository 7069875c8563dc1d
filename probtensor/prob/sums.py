"""Sums of deviances over data, by a few numbers that the data alone set.

A sum of a log(a / (b x)) + b x - a over data x, with scalars a and b, is that of their geometric
mean as often as there are data, and a rest that does not depend on a (an exponential family has a
sufficient statistic). So too for counts a with one rate, by their mean.
"""

from __future__ import annotations

from collections.abc import Callable

from probtensor import ops
from probtensor.graph import Node, as_tensor
from probtensor.transform.facts import constant_of
from probtensor.types import size_product


def of_sample(leaf: Node, only_data: Callable[[Node], bool]) -> Node | None:
    """The sum of a deviance over all its axes, if its parameters are scalars and all else is data;
    None for anything else."""
    if not leaf.shape:
        return None
    parts = [scalar(x) for x in leaf.inputs]
    known = [only_data(x) for x in leaf.inputs]
    match leaf.op:
        case ops.PowerDivergence():
            a, b, x = parts
            if a is not None and b is not None and x is None and known[2]:
                return of_powers(a, b, leaf.inputs[2], leaf)
        case ops.BetaDivergence():
            a, b, x = parts
            if a is not None and b is not None and x is None and known[2]:
                x = leaf.inputs[2]
                return of_powers(a, a + b, x, leaf) + of_powers(b, a + b, 1 - x, leaf)
        case ops.KlDiv():
            counts = leaf.inputs[0]
            if not known[0] or parts[0] is not None:
                return None
            for rate, times in ((1, 2), (2, 1)):
                if parts[rate] is not None and known[times]:
                    return of_counts(counts, parts[rate], leaf.inputs[times], leaf)
        case ops.BinomialDivergence():
            x, n = leaf.inputs[:2]
            if known[0] and known[1] and parts[2] is not None:
                return of_binomials(x, n, parts[2], leaf)
        case ops.KlDivExp():
            a, l = leaf.inputs
            apart = isinstance(l.op, (ops.Add, ops.Sub)) and only_data(l.inputs[1])
            if parts[0] is not None and apart and scalar(l.inputs[0]) is not None:
                sign = 1 if isinstance(l.op, ops.Add) else -1
                return of_logs(parts[0], scalar(l.inputs[0]), sign * l.inputs[1], leaf)
        case ops.ShareDivergence():
            x, m, d = leaf.inputs
            odds = log_odds(x, m, d) if known[0] and known[1] else None
            if odds is not None:
                return of_successes(x, m, odds, leaf)
    return None


def log_odds(x: Node, m: Node, d: Node) -> Node | None:
    """The log odds, if d is a scalar that exceeds those of x to m, or the logarithm of m times them
    less that of x; None where d is of another form."""
    total = scalar(d.inputs[0]) if isinstance(d.op, ops.Sub) else None
    if total is None:
        return None
    own = d.inputs[1]
    if isinstance(own.op, ops.LogRatio):
        above, below, unit = own.inputs
        same = above is ops.maximum(x, 1) and below in {m, ops.maximum(m, 1)}
        same = same and constant_of(unit) == 1
        return total if same else None
    times = scalar(m)
    if times is not None and own is ops.log(ops.maximum(x, 1)):
        return total - ops.log(times)
    return None


def scalar(x: Node) -> Node | None:
    """The number that a tensor repeats, if it does."""
    while isinstance(x.op, (ops.BroadcastTo, ops.ExpandDims)):
        x = x.inputs[0]
    return None if x.shape else x


def of_powers(a: Node, b: Node, x: Node, leaf: Node) -> Node:
    """The sum of power_divergence(a, b, x). The mean g of log x leaves g Sum (e^r - 1 - r) of b x,
    where r = log(x / g) has the sum 0."""
    x = ops.broadcast_to(x, leaf.shape)
    zero = ops.eq(x, 0)
    inside = ops.where(zero, 1, x)
    zeros = ops.sum(ops.astype(zero, x.dtype))
    count = number_of(leaf) - zeros
    logs = ops.where(zero, 0, ops.log(inside))
    mean = ops.exp(ops.sum(logs) / ops.maximum(count, 1))
    away = ops.where(zero, 0, ops.expm1mx(-ops.log_ratio(mean, inside, 1)))
    spread = mean * ops.sum(away)
    total = count * ops.scaled_kl_div(a, b, mean) + b * spread
    edge = ops.power_divergence(a, b, ops.zeros_like(b))
    return total + ops.where(zeros > 0, zeros * edge, 0)


def of_logs(a: Node, l: Node, x: Node, leaf: Node) -> Node:
    """The sum of kl_div_exp(a, l + x)."""
    x, count = ops.broadcast_to(x, leaf.shape), number_of(leaf)
    mean = ops.sum(x) / count
    spread = ops.sum(ops.expm1mx(x - mean))
    return count * ops.kl_div_exp(a, l + mean) + ops.exp(l + mean) * spread


def of_counts(x: Node, rate: Node, times: Node, leaf: Node) -> Node:
    """The sum of kl_div(x, rate, times), by the rate that the data have."""
    counts, exposure = (ops.sum(ops.broadcast_to(v, leaf.shape)) for v in (x, times))
    own = ops.where(exposure > 0, counts / ops.where(exposure > 0, exposure, 1), 0)
    apart = ops.sum(ops.broadcast_to(ops.scaled_kl_div(x, own, times), leaf.shape))
    return apart + ops.scaled_kl_div(counts, rate, exposure)


def of_binomials(x: Node, n: Node, p: Node, leaf: Node) -> Node:
    """The sum of binomial_divergence(x, n, p), by the share of successes that the data have."""
    successes, trials = (ops.sum(ops.broadcast_to(v, leaf.shape)) for v in (x, n))
    share = successes / ops.maximum(trials, 1)
    apart = ops.sum(ops.broadcast_to(ops.binomial_divergence(x, n, share), leaf.shape))
    return apart + ops.binomial_divergence(successes, trials, p)


def of_successes(x: Node, m: Node, odds: Node, leaf: Node) -> Node:
    """The sum of divergences of x successes and m failures at the same log odds, by those that the
    data have."""
    successes, failures = (ops.sum(ops.broadcast_to(v, leaf.shape)) for v in (x, m))
    total = successes + failures
    share = successes / ops.where(total > 0, total, 1)
    apart = ops.binomial_divergence(x, x + m, share)
    least = ops.where(failures > 0, failures, 1)
    own = ops.log_ratio(ops.maximum(successes, 1), least, 1)
    together = ops.share_divergence(successes, failures, odds - own)
    return ops.sum(ops.broadcast_to(apart, leaf.shape)) + together


def number_of(leaf: Node) -> Node:
    """How many numbers a tensor has."""
    count = size_product(leaf.shape)
    return as_tensor(count).astype(leaf.dtype)
