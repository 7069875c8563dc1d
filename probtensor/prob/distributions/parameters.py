"""Other parametrisations: what they are given, checked, and what is refused."""

from __future__ import annotations

from probtensor.calls import line_text
from probtensor.graph import Const, GraphError, Node
from probtensor.graph.node import TensorLike, make
from probtensor.ops.arrays.require import asked_for
from probtensor.prob.distributions.base import (
    Bounded,
    check_parameter,
    check_values,
    to_tensor,
)
from probtensor.prob.distributions.support import POSITIVE, SCALE_FACTOR
from probtensor.types import SizeCheck, shape_text


def variable_text(kind: str, name: str | None) -> str:
    """The variable in messages: its distribution and name."""
    return f"{kind} {name!r}" if name else kind


def square(label: str, value: TensorLike, what: str) -> Node:
    """A stack of square matrices as a node; GraphError otherwise."""
    node = to_tensor(f"{label} of {what}", value)
    rows, columns = node.shape[-2:] if node.ndim > 1 else (0, 1)
    if isinstance(rows, int) and isinstance(columns, int) and rows != columns:
        raise GraphError(
            f"{label} of {what} must be a square matrix, not of shape {shape_text(node.shape)}\n"
            f"  at {line_text()}"
        )
    text = (f"{label} must be a square matrix, not of shape ", node.shape)
    return asked_for(node, what, SizeCheck(rows, "==", columns, text))


def lower_factor(label: str, value: TensorLike, what: str) -> Node:
    """A stack of lower Cholesky factors as a node; a literal that is none is a ValueError."""
    node = square(label, value, what)
    check_parameter(f"{label} of {what}", node, node, SCALE_FACTOR)
    return node


def check_size(what: str, label: str, node: Node, by: str, matrix: Node, axis: int = -1) -> None:
    """GraphError where an axis of a parameter has not the size of a matrix, which the message calls
    `by`."""
    sizes = node.shape[axis], matrix.shape[-1]
    if all(isinstance(n, int) for n in sizes) and sizes[0] != sizes[1]:
        raise GraphError(
            f"{what}: {label} of shape {shape_text(node.shape)} does not fit {by} of shape "
            f"{shape_text(matrix.shape)}\n  at {line_text()}"
        )


def exactly_one(what: str, **given: TensorLike) -> str:
    """The one parameter that was given; TypeError for none or several."""
    names = [name for name, value in given.items() if value is not None]
    if len(names) != 1:
        wanted = " or ".join(given)
        got = " and ".join(names) or "neither"
        raise TypeError(f"{what}: give {wanted}, not {got}\n  at {line_text()}")
    return names[0]


def check_literal(what: str, domain=POSITIVE, **given: TensorLike) -> Node:
    """A parameter of an alternative parametrisation: checked at once if it is a literal, else when
    it is used, because the parameters computed from it may be valid nevertheless."""
    ((name, value),) = given.items()
    node = to_tensor(f"{name} of {what}", value)
    if node.ndim < domain.event_ndim:
        check_parameter(f"{name} of {what}", node, node, domain)
    if isinstance(node.op, Const) and not (isinstance(value, Node) and domain.event_ndim):
        check_values(f"{name} of {what}", node.op.array, domain)
        return node
    node = node if node.type.is_float else node.astype("float64")
    return make(Bounded(f"{name} of {what}", domain), (node,))
