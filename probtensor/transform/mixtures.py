"""Derivatives of mixtures: log(sum(p * exp(c))), written as logsumexp(log(p) + c).

The derivative by p is r = exp(c - out), a number where p is 0. Through the logarithm it is 0 / 0:
exp(log(p) + c - out), over p. So where p may be 0, what logsumexp pulls back goes to p past the
logarithm, and to the other summands of the term as p * r, whose derivative by p is right at 0 too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node, make
from probtensor.ops.reduce import spread
from probtensor.transform.chain import Leaf, chain_leaves, regrow
from probtensor.transform.facts import Known

Fit = Callable[[Node, Node], Node]
Widen = Callable[[Node], Node]
_VIEWS = (ops.BroadcastTo, ops.ExpandDims)


def parts_of_mixture(
    node: Node, g: Node, known: Known, fit: Fit, widened: Widen
) -> list[tuple[Node, Node]]:
    """(node, gradient) for the summands of the terms of a logsumexp or logaddexp, and, in the place
    of logarithms of what may be 0, for what these are of. Empty if there are none of these.
    `fit(g, x)` sums a gradient to the shape of x; `widened` puts a choice around one of a term."""
    if not isinstance(node.op, (ops.LogSumExp, ops.Logaddexp)):
        return []
    opened = [_summands(x) for x in node.inputs]
    if all(_logarithm(leaf, known) is None for leaves in opened for _, leaf, _ in leaves):
        return []
    weighed = node.op.vjp(g, node, *node.inputs)
    found: list[tuple[Node, Node]] = []
    for x, leaves, part in zip(node.inputs, opened, weighed, strict=True):
        whole = None
        for path, leaf, inverted in leaves:
            log = None if inverted else _logarithm(leaf, known)
            if log is None:
                continue
            weight, slope = _without(node, g, x, path)
            if whole is None:
                # Past all numbers the slope by p is infinite, but p * r is not: there p is 0.
                bounded = ops.minimum(slope, float(np.finfo(x.dtype).max))
                whole = weight * (_argument(leaf, log) * bounded)
            inner = _past_views(fit(widened(weight * slope), x), leaf, fit)
            found.append((log.inputs[0], fit(inner, log.inputs[0])))
        part = fit(widened(part if whole is None else whole), x)
        for _, leaf, inverted in leaves:
            if inverted or _logarithm(leaf, known) is None:
                found.append((leaf, fit(-part if inverted else part, leaf)))
    return found


def _without(node: Node, g: Node, x: Node, path: tuple[int, ...]) -> tuple[Node, Node]:
    """g and exp(rest - out), where the rest is the term x without its summand at `path`."""
    rest = regrow(x, {path: None}) if path else None
    out = node
    if isinstance(node.op, ops.LogSumExp):
        g, out = (spread(a, node.op.axes, x.shape) for a in (g, node))
    return g, ops.exp(-out if rest is None else rest - out)


def _argument(leaf: Node, log: Node) -> Node:
    """What a logarithm is of, repeated as `leaf` repeats the logarithm."""
    views = []
    while leaf is not log:
        views.append(leaf.op)
        leaf = leaf.inputs[0]
    p = log.inputs[0] if isinstance(log.op, ops.Log) else 1 + log.inputs[0]
    for op in reversed(views):
        p = make(op, (p,))
    return p


def _past_views(part: Node, leaf: Node, fit: Fit) -> Node:
    """A gradient of a repeated logarithm as one of the logarithm."""
    part = fit(part, leaf)
    while isinstance(leaf.op, _VIEWS):
        part = fit(leaf.op.vjp(part, leaf, leaf.inputs[0])[0], leaf.inputs[0])
        leaf = leaf.inputs[0]
    return part


def _summands(x: Node) -> list[Leaf]:
    return chain_leaves(x) if isinstance(x.op, (ops.Add, ops.Sub)) else [((), x, False)]


def _logarithm(leaf: Node, known: Known) -> Node | None:
    """The logarithm, seen through repetition, of what may be 0."""
    while isinstance(leaf.op, _VIEWS):
        leaf = leaf.inputs[0]
    if not isinstance(leaf.op, (ops.Log, ops.Log1p)) or known.constant(leaf.inputs[0]) is not None:
        return None
    least = known.bounds(leaf.inputs[0])
    end = 0.0 if isinstance(leaf.op, ops.Log) else -1.0
    away = least.low > end or (least.low == end and least.low_open)
    return None if away else leaf
