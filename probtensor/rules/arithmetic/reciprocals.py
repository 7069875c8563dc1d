"""Quotients by one scalar under a sum: one division per loop instead of one per element.

    sum(square(f / s))  ->  q**2 * sum(square(f * r))        r = p / s

A division takes as long as five to ten products. A sum of squares, of products or of computed terms
has a rounding error that exceeds the half ulp by which f * r may differ from f / s. So the quotient
is replaced if every path from it leads to such a sum through products, squares, negations and
selections only. If one reader is a floor, a comparison, a difference, another function or an
output, the quotient is left as it is for all readers. A sum of quotients of plain data is left as
well: sum(x / s) is exact where the quotients are.

1 / s overflows where |s| is below the smallest normal number. For such s, p and q = 1 / p are
powers of two that make r a normal number; for all other s they are 1. So p / s and f * r have
relative errors of half an ulp each over the full range of s, subnormal numbers included. (1 / s for
the largest s is subnormal, with an error of two ulps.)

This is a pass of its own, after all rules and after differentiation, since rules match quotients.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node, made_by, make
from probtensor.graph.walk import rebuild, toposort
from probtensor.rules.arithmetic.sums import is_computed
from probtensor.transform.facts import FactTable, constant_of

# Ops that do not amplify a relative error. The linear ones introduce no rounding error.
_LINEAR = (ops.Neg, ops.Abs, ops.Where, ops.BroadcastTo, ops.ExpandDims, ops.DropAxes, ops.Reshape,
           ops.Transpose)  # fmt: skip
_CARRIES = (*_LINEAR, ops.Mul, ops.Div, ops.Square)
_UNARY = (ops.Neg, ops.Abs, ops.Square)


def divide_once(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with products instead of those quotients by a scalar that only sums read."""
    outputs = list(outputs)
    order = toposort(outputs)
    quotients = _chosen(order, outputs)
    if not quotients:
        return outputs
    facts, done = FactTable(), {}
    products: dict[Node, tuple[Node, Node | None]] = {}
    for node in order:
        inputs = tuple(done[x] for x in node.inputs)
        with made_by(node):
            done[node] = _of_sum(node, products, done)
            if done[node] is not None:
                continue
            done[node] = rebuild(node, inputs)
            if node not in quotients:
                continue
            pair = reciprocal(inputs[1], facts)
            if pair is not None:
                factors = inputs[0], pair[0]
                if constant_of(pair[0]) is not None:  # literals are first in products
                    factors = factors[::-1]
                products[node] = factors[0] * factors[1], pair[1]
                product, power = products[node]
                done[node] = product if power is None else product * power
    return [done[y] for y in outputs]


def reciprocal(s: Node, facts: FactTable) -> tuple[Node, Node | None] | None:
    """(r, q) with 1 / s = r * q, where q is a power of two >= 1, or None if it is always 1. None
    for a literal s whose reciprocal is not a normal number."""
    info = np.finfo(s.dtype)
    value = constant_of(s)
    if value is not None:
        inverse = 1 / value if value else math.inf
        normal = info.tiny <= abs(inverse) <= info.max and math.isfinite(value)
        return (ops.constant(np.asarray(inverse, s.dtype)), None) if normal else None
    bounds = facts.bounds(s)
    if bounds.low >= info.tiny or bounds.high <= -info.tiny:
        return 1 / s, None
    power = 2.0 ** (info.nmant + 1)
    size = s if bounds.nonnegative else ops.abs(s)
    small = size < ops.constant(np.asarray(info.tiny, s.dtype))
    one = ops.constant(np.asarray(1, s.dtype))
    p = ops.where(small, ops.constant(np.asarray(1 / power, s.dtype)), one)
    q = ops.where(small, ops.constant(np.asarray(power, s.dtype)), one)
    return p / s, q


def _chosen(order: Sequence[Node], outputs: Sequence[Node]) -> set[Node]:
    """The quotients by a scalar of which every reader is a sum or leads only to sums."""
    candidates = {x for x in order if _by_scalar(x)}
    if not candidates:
        return candidates
    exact, tolerant = set(outputs), set()
    exposed: set[Node] = set()
    for node in reversed(order):
        # Every reader of `node` comes earlier in this order, and has added it to `exact` if it
        # needs the correctly rounded value.
        if node not in exact:
            tolerant.add(node)
        for position, x in enumerate(node.inputs):
            if _adds(node, position):
                exposed.add(x)
            elif not (_passes(node, position) and node in tolerant):
                exact.add(x)
            elif isinstance(node.op, _LINEAR) and node in exposed:
                exposed.add(x)
    return {
        x for x in candidates if x in tolerant and (x not in exposed or is_computed(x.inputs[0]))
    }


def _by_scalar(x: Node) -> bool:
    return (
        isinstance(x.op, ops.Div)
        and x.type.is_float
        and x.inputs[1].ndim == 0
        and x.inputs[0].ndim > 0
    )


def _adds(node: Node, position: int) -> bool:
    """Does the node sum its operand at this position?"""
    if isinstance(node.op, ops.Scatter):
        return node.op.mode == "add" and position == 1
    return isinstance(node.op, (ops.Sum, ops.Contract))


def _passes(node: Node, position: int) -> bool:
    if isinstance(node.op, ops.Where):
        return position > 0
    if isinstance(node.op, ops.Div):
        return position == 0
    return isinstance(node.op, _CARRIES)


def _of_sum(node: Node, products: dict, done: dict) -> Node | None:
    """sum of squares or absolute values of a product f * r * q that replaces a quotient, with the
    power of two q taken out of the sum; None for any other node. Nothing underflows: for a
    subnormal s, |f / s| is at least 2**-nmant."""
    if not isinstance(node.op, ops.Sum):
        return None
    chain, power, x = [], 1, node.inputs[0]
    while isinstance(x.op, _UNARY) and (power == 1 or not isinstance(x.op, ops.Square)):
        power *= 2 if isinstance(x.op, ops.Square) else 1
        chain.append(x.op)
        x = x.inputs[0]
    product, q = products.get(x, (None, None))
    if q is None:
        return None
    for op in reversed(chain):
        product = op(product)
    return (q if power == 1 else _squared(q)) * make(node.op, (product,))


def _squared(q: Node) -> Node:
    """The square of a choice between powers of two, which is one as well."""
    small, *powers = q.inputs
    return ops.where(small, *(ops.constant(np.square(p.op.array)) for p in powers))
