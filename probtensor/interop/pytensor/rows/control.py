"""Ops that hold graphs, branches and conditions."""

from __future__ import annotations

from typing import Any

from probtensor import ops
from probtensor.graph import Node
from probtensor.interop.pytensor.translate import Translator, row


@row("OpFromGraph")
def op_from_graph(t: Translator, apply: Any, *inputs: Node) -> list[Node]:
    """Symbolic ops without a row of their own, by the graphs that define them."""
    return t.inner(apply.op.fgraph, inputs)


@row("IfElse")
def if_else(t: Translator, apply: Any, condition: Node, *values: Node) -> list[Node]:
    """One of two lists of values, of which only one is computed."""
    count = len(values) // 2
    condition = condition if condition.dtype == "bool" else ops.not_equal(condition, 0)
    pairs = zip(values[:count], values[count:], strict=True)
    return [x if x is y else ops.ifelse(condition, x, y) for x, y in pairs]


@row("CheckAndRaise", "Assert", "CheckParameterValue")
def check_and_raise(t: Translator, apply: Any, x: Node, *conditions: Node) -> Node:
    """A value under conditions: what does not hold makes it nan, or -inf where it is a density."""
    return t.checked(apply, x, conditions)


@row("LogSumExp")
def logsumexp(t: Translator, apply: Any, x: Node) -> Node:
    """log(sum(exp(x))) over axes."""
    axis = apply.op.axis
    return ops.logsumexp(x, axis=axis if axis is None or isinstance(axis, int) else tuple(axis))


@row("XLogY")
def xlogy(t: Translator, apply: Any, x: Node, y: Node) -> Node:
    """x * log(y), 0 where x is 0."""
    return ops.xlogy(x, y)


@row("XLog1PY")
def xlog1py(t: Translator, apply: Any, x: Node, y: Node) -> Node:
    """x * log1p(y), 0 where x is 0."""
    return ops.xlog1py(x, y)


@row("LogAddExp")
def logaddexp(t: Translator, apply: Any, *xs: Node) -> Node:
    """log(exp(x) + exp(y) + ...)."""
    return ops.logsumexp(ops.stack(ops.broadcast_arrays(*xs)), axis=0)
