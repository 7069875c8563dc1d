"""Bodies from functions of Python: a function is called once, with inputs that stand for what a
step is given, and the graph of its results is closed."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.closed import Closed, captured, closed
from probtensor.graph.node import GraphError, Node, line_of
from probtensor.types import TensorType


def body_of(own: Sequence[Node], outputs: Sequence[Node]) -> tuple[Closed, list[Node]]:
    """The outputs as a closed graph of the inputs `own` and of the tensors from outside that they
    read, which are the further parameters; and these tensors."""
    outside = captured(outputs, own)
    return closed([*own, *outside], outputs), outside


def check_same_type(what: str, value: Node, kind: TensorType, way_out: str) -> None:
    """GraphError unless the value has a type that may be `kind`: the same dtype and number of axes,
    and no sizes that certainly differ."""
    pairs = zip(value.shape, kind.shape)
    known = [(n, m) for n, m in pairs if isinstance(n, int) and isinstance(m, int)]
    same = value.dtype == kind.dtype and value.ndim == kind.ndim and all(n == m for n, m in known)
    if not same:
        raise GraphError(
            f"{what} is {value.type} after a step, but {kind} before it\n  at {line_of(value)}\n"
            f"  {way_out}"
        )
