"""Results that are nan where something that they are computed from is."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from probtensor import ops
from probtensor.graph import Const, Node, as_tensor, toposort
from probtensor.ops.kinds import Elementwise, Random
from probtensor.prob.distributions.base import Bounded, Deterministic
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.support import Interval, Support, is_number

# Elementwise ops whose result may be a number where an operand is nan.
_SILENT = (ops.Pow, ops.IntegerPow, ops.Exponent, ops.Ldexp, ops.After, ops.Xlogy, ops.Xlog1py)
_MOVES = (ops.BroadcastTo, ops.ExpandDims, ops.DropAxes, ops.Reshape, ops.Sum)


def carried(result: Node, sources: Collection[Node]) -> set[Node]:
    """Those of the sources that make a result nan where they are, whatever else holds: the result
    is computed from them by arithmetic, in each branch of a choice."""
    wanted, found = frozenset(sources), {}
    for node in toposort([result]):
        parts = [found[x] for x in node.inputs]
        own = frozenset()
        if isinstance(node.op, ops.Where):
            own = parts[1] & parts[2]
        elif isinstance(node.op, _MOVES) or (
            isinstance(node.op, Elementwise) and not isinstance(node.op, _SILENT)
        ):
            own = frozenset().union(*parts) if node.type.is_float else own
        found[node] = own | {node} if node in wanted else own
    return set(found[result])


def given_parts(x: Node) -> Iterator[Node]:
    """The given tensors that make x nan where they are: it is computed from them by arithmetic. Of
    what is computed, as exp(s) / exp(s), formulas read parts, and may be numbers where its own
    value is nan; so these are asked, and not x."""
    stack = [x]
    while stack:
        node = stack.pop()
        if not node.inputs or isinstance(node.op, Random):
            if may_be_nan(node):
                yield node
        elif isinstance(node.op, (ops.BroadcastTo, ops.Cast, Bounded, Deterministic)):
            stack.append(node.inputs[0])
        elif isinstance(node.op, Elementwise) and not isinstance(node.op, (ops.Where, *_SILENT)):
            stack.extend(node.inputs if node.type.is_float else ())


def may_be_nan(x: Node) -> bool:
    """Is it anything but whole numbers or a literal without nan?"""
    return x.type.is_float and not (isinstance(x.op, Const) and not np.isnan(x.op.array).any())


def nan_for_nan(
    formula: Node, distribution: Distribution, parameters: Sequence[Node], *values: Node
) -> Node:
    """What a formula says of numbers: nan where a parameter or a value is nan, also one that it
    does not read."""
    if distribution.event_ndim or distribution.takes_missing or not distribution.spreads_nan:
        return formula
    domains = distribution.parameters.values()
    own = [(x, domain.event_ndim) for x, domain in zip(parameters, domains)]
    return nan_where(formula, [*own, *((x, 0) for x in values if x.ndim <= formula.ndim)])


def nan_where(formula: Node, sources: Sequence[tuple[Node, int]]) -> Node:
    """A formula with one entry a point, nan where one of the sources is, also those that it does
    not read. Each comes with the number of axes of a point of it."""
    unsure = [(x, axes) for x, axes in sources if axes and not x.inputs and may_be_nan(x)]
    unsure += [(part, 0) for x, axes in sources if not axes for part in given_parts(x)]
    sure = carried(formula, [x for x, _ in unsure]) if unsure else ()
    result = formula
    for x, axes in unsure:
        if x not in sure:
            wrong = ops.isnan(x)
            wrong = ops.any(wrong, axis=tuple(range(-axes, 0))) if axes else wrong
            result = ops.where(wrong, math.nan, result)
    return result


def nan_where_empty(result: Node, support: Support) -> Node:
    """A result, nan where the bounds of an interval, which may be tensors, leave nothing of it."""
    if not isinstance(support, Interval) or is_number(support.low, support.high):
        return result
    if not support.bounded_below or not support.bounded_above:
        return result
    return ops.where(as_tensor(support.low) < support.high, result, math.nan)
