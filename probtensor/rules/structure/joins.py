"""Folds of joins, as folds of the parts: the join is then not written to memory.

    sum(stack([a, b]), 0)  ->  a + b          sum(concatenate([x, y], 0), 1)
    logsumexp(stack([a, b]), 0)  ->  logaddexp(a, b)    ->  concatenate([sum(x, 1), sum(y, 1)], 0)

A sum is taken apart where its terms have rounding errors of their own, or are added in the order of
the join anyway: of exact data, sum([1e16, -1e16, 1]) is 1, and 1e16 + (-1e16 + 1) is 0. Maxima and
products are taken apart last, since equal maxima share the derivative evenly.
"""

from __future__ import annotations

from functools import reduce

from probtensor import ops
from probtensor.graph.node import Node, make
from probtensor.ops.kinds import Reduction
from probtensor.rules.arithmetic.sums import is_rounded
from probtensor.transform.rewrite import Ruleset, rewrite
from probtensor.types import Size

# A fold of a join of more parts is left as it is.
MAX_PARTS = 8
# So are those by which expansions are known.
SHIFTS = (ops.Peak, ops.Trough)


def _x(name: str, *shape: Size, dtype: str = "float64") -> Node:
    return ops.tensor(name, shape, dtype)


def _is_short(x: Node) -> bool:
    """Is this a join of a few parts?"""
    return isinstance(x.op, ops.Concatenate) and len(x.inputs) <= MAX_PARTS


@rewrite(
    on=(Reduction, ops.LogSumExp),
    operands=ops.Concatenate,
    example=lambda: (
        ops.sum(ops.concatenate([_x("x", 2, 3), _x("y", 4, 3)], 0), 1),
        ops.max(ops.stack([_x("x", 2, 3), _x("y", 2, 3)], 1), 0),
        ops.logsumexp(ops.concatenate([_x("x", 2, 3), _x("y", 2, 1)], 1), 0),
    ),
)
def fold_across_join(node: Node) -> Node | None:
    """A fold over other axes than that of a join is a join of folds."""
    (x,) = node.inputs
    if isinstance(node.op, SHIFTS) or not _is_short(x) or x.op.axis in node.op.axes:
        return None
    if not node.op.axes:
        return None
    axis = x.op.axis - sum(a < x.op.axis for a in node.op.axes)
    return make(ops.Concatenate(axis), [make(node.op, (part,)) for part in x.inputs])


def _folded_parts(node: Node) -> list[Node] | None:
    """The folds of the parts of a join along the axis of which a fold is; None for other folds."""
    (x,) = node.inputs
    if not _is_short(x) or x.op.axis not in node.op.axes:
        return None
    return [make(node.op, (part,)) for part in x.inputs]


def _are_single(node: Node) -> bool:
    """Are the parts of a join single along its axis, the only one that is folded?"""
    (x,) = node.inputs
    if not _is_short(x) or node.op.axes != (x.op.axis,):
        return False
    return all(part.shape[x.op.axis] == 1 for part in x.inputs)


@rewrite(
    on=ops.Sum,
    operands=ops.Concatenate,
    example=lambda: (
        ops.sum(ops.stack([_x("x", 3), _x("y", 3), _x("z", 3)]), 0),
        ops.sum(ops.concatenate([ops.exp(_x("x", 2)), ops.square(_x("y", 3))])),
        ops.sum(ops.concatenate([_x("i", 2, dtype="int64"), _x("j", 3, dtype="int64")])),
    ),
    sums_first=True,
)
def sum_of_join(node: Node) -> Node | None:
    """The sum of a join is that of the sums of its parts, if these are computed with rounding
    errors, integers, or single terms."""
    rounded = _is_short(node.inputs[0]) and all(map(is_rounded, node.inputs[0].inputs))
    if not rounded and node.type.is_float and not _are_single(node):
        return None
    parts = _folded_parts(node)
    return None if parts is None else reduce(ops.add, parts)


@rewrite(
    on=(ops.All, ops.Any_),
    operands=ops.Concatenate,
    example=lambda: (
        ops.all(ops.concatenate([_x("x", 2, dtype="bool"), _x("y", 3, dtype="bool")])),
        ops.any(ops.stack([_x("x", 2, dtype="bool"), _x("y", 2, dtype="bool")]), 0),
    ),
)
def truth_of_join(node: Node) -> Node | None:
    """Whether all or any of a join are true, of its parts."""
    parts = _folded_parts(node)
    combine = ops.logical_and if isinstance(node.op, ops.All) else ops.logical_or
    return None if parts is None else reduce(combine, parts)


@rewrite(
    on=ops.LogSumExp,
    operands=ops.Concatenate,
    example=lambda: (
        ops.logsumexp(ops.stack([_x("x", 3), _x("y", 3)]), 0),
        ops.logsumexp(ops.stack([_x("x", 3), _x("y", 3)], 1), 1),
    ),
)
def logsumexp_of_pair(node: Node) -> Node | None:
    """logsumexp(stack([a, b])) -> logaddexp(a, b): a mixture of two components in one loop."""
    if not _are_single(node) or len(node.inputs[0].inputs) != 2:
        return None
    return ops.logaddexp(*_folded_parts(node))


def _extremes_are_known(node: Node) -> bool:
    """Does each part of a join have elements, so that it has an extreme?"""
    (x,) = node.inputs
    sizes = [part.shape[x.op.axis] for part in x.inputs] if _is_short(x) else [0]
    return all(isinstance(n, int) and n > 0 for n in sizes)


@rewrite(
    on=(ops.Max, ops.Min, ops.Prod),
    operands=ops.Concatenate,
    example=lambda: (
        ops.max(ops.concatenate([_x("x", 2), _x("y", 3)])),
        ops.min(ops.stack([_x("x", 3), _x("y", 3), _x("z", 3)]), 0),
        ops.prod(ops.stack([_x("x", 3), _x("y", 3), _x("z", 3)]), 0),
    ),
)
def extreme_of_join(node: Node) -> Node | None:
    """The maximum of a join is that of the maxima of its parts, and the product of a join of single
    factors is their product."""
    if isinstance(node.op, SHIFTS):
        return None
    if isinstance(node.op, ops.Prod):
        combine, possible = ops.mul, _are_single(node)
    else:
        combine = ops.maximum if isinstance(node.op, ops.Max) else ops.minimum
        possible = _extremes_are_known(node)
    parts = _folded_parts(node) if possible else None
    return None if parts is None else reduce(combine, parts)


@rewrite(
    on=ops.Concatenate,
    operands=ops.Concatenate,
    example=lambda: ops.concatenate(
        [ops.stack([_x("x", 3), _x("y", 3)]), ops.concatenate([_x("z", 1, 3), _x("a", 2, 3)])]
    ),
)
def flatten_joins(node: Node) -> Node | None:
    """A join of joins along one axis is one join."""
    parts: list[Node] = []
    for x in node.inputs:
        parts += x.inputs if _is_short(x) and x.op == node.op else [x]
    return make(node.op, parts) if len(node.inputs) < len(parts) <= MAX_PARTS else None


JOINS = Ruleset(flatten_joins, fold_across_join, sum_of_join, truth_of_join, logsumexp_of_pair)
# Applied last, after derivatives.
LATE_JOINS = Ruleset(extreme_of_join)
