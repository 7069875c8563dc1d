"""Choices and folds: a choice that is the same for all that is added up is made once."""

from __future__ import annotations

from probtensor import ops
from probtensor.graph.node import Node, make
from probtensor.rules.sums import drop_constant_axes, is_constant_along
from probtensor.transform.facts import constant_of
from probtensor.transform.rewrite import Ruleset, rewrite


@rewrite(
    on=ops.Sum,
    example=lambda: (
        ops.sum(ops.where(ops.tensor("c", (), "bool"), ops.tensor("x", (4, 3)), 0)),
        ops.sum(ops.where(ops.tensor("c", (3,), "bool"), 0, ops.tensor("x", (4, 3))), 0),
    ),
)
def pull_choice_out_of_sum(node: Node) -> Node | None:
    """sum(where(c, x, 0)) -> where(c, sum(x), 0) where c does not vary along the summed axes: the
    gradient of a density that is chosen as a whole."""
    x, axes = node.inputs[0], node.op.axes
    if not isinstance(x.op, ops.Where) or not axes:
        return None
    condition, a, b = x.inputs
    if not is_constant_along(condition, axes, x.ndim):
        return None
    zero_last = constant_of(b) == 0
    if not zero_last and constant_of(a) != 0:
        return None
    if constant_of(a) is not None and constant_of(b) is not None:
        return None
    c = drop_constant_axes(condition, axes, x.ndim)
    total = make(node.op, (ops.broadcast_to(a if zero_last else b, x.shape),))
    return ops.where(c, total, 0) if zero_last else ops.where(c, 0, total)


CHOICES = Ruleset(pull_choice_out_of_sum)
