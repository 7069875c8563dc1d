"""Bodies from functions of Python: a function is called with inputs that stand for what a step is
given, and the graph of its results is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from probtensor.calls import line_text
from probtensor.graph.closed import (
    Closed,
    StepInput,
    captured,
    closed,
    depending,
    is_literal,
    with_bodies,
)
from probtensor.graph.node import Const, GraphError, Node, as_tensor, line_of, new_input
from probtensor.graph.origin import stands_for
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import Observing, Random, as_tensor_of, random_nodes
from probtensor.process import made_since
from probtensor.types import TensorType, dtype_of

Rest = TypeVar("Rest")


def body_of(
    own: Sequence[Node], outputs: Sequence[Node], since: str | None = None
) -> tuple[Closed, list[Node]]:
    """The outputs as a closed graph of the inputs `own` and of the tensors from outside that they
    read, which are the further parameters; and these tensors.

    Random variables and effects that were made after the uid `since` belong to the body, and are
    drawn, or happen, in each step.
    """
    of_steps = [] if since is None else made_in_steps(outputs, since)
    outside = captured(outputs, [*own, *of_steps], kept=random_nodes(toposort(outputs)))
    return closed([*own, *outside], outputs), outside


def made_in_steps(outputs: Iterable[Node], since: str) -> list[Node]:
    """The random variables and effects among the nodes of the outputs that were made after a uid,
    and the loops whose bodies have such nodes."""

    def is_new(node: Node) -> bool:
        return isinstance(node.op, (Random, Observing)) and made_since(node.op.uid, since)

    return [node for node in toposort(outputs) if any(map(is_new, with_bodies([node])))]


def settled(
    given: Sequence[object],
    names: Sequence[str | None],
    step: Callable[[list[Node]], tuple[list[Node], Rest]],
) -> tuple[list[Node], list[Node], list[Node], Rest]:
    """The initial carries, the inputs that stand for carries in a step, and the results of
    `step(inputs)`: the next carries and the rest.

    A carry that begins as a number of Python, or as a list of them, takes the dtype that a step
    gives it, unless it would lose something: floats do not become integers. Floats are float32 in a
    step that combines them with nothing of float64.
    """
    weak = [is_weak(x) for x in given]

    def attempt(first: list[Node]) -> tuple[list[Node], list[Node], list[Node], Rest]:
        own = [new_input(n, x.dtype, x.shape, StepInput) for n, x in zip(names, first, strict=True)]
        for x, begin in zip(own, first, strict=True):
            stands_for(x, begin)
        return first, own, *step(own)

    def cast(dtypes: Sequence[str]) -> list[Node]:
        return [as_tensor_of(x, d) for x, d in zip(given, dtypes, strict=True)]

    found = attempt([as_tensor(x) for x in given])
    for _ in given:
        first, _, after, _ = found
        pairs = zip(first, after, weak, strict=True)
        dtypes = [b.dtype if w and _no_loss(a, b) else a.dtype for a, b, w in pairs]
        if dtypes == [x.dtype for x in first]:
            break
        found = attempt(cast(dtypes))
    first, own, after, _ = found
    narrow = ["float32" if w and x.dtype == "float64" else x.dtype for x, w in zip(first, weak)]
    if narrow != [x.dtype for x in first] and _meets_float32(after, own):
        trial = attempt(cast(narrow))
        if [x.dtype for x in trial[2]] == narrow:
            return trial
    return found


def _no_loss(first: Node, after: Node) -> bool:
    order = "biuf"
    return order.index(dtype_of(first.dtype).kind) <= order.index(dtype_of(after.dtype).kind)


def is_weak(value: object) -> bool:
    """Whether a value is a number of Python, or a list of them, which has no dtype of its own."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(map(is_weak, value))
    return isinstance(value, (bool, int, float)) and not isinstance(value, np.generic)


def _meets_float32(outputs: Sequence[Node], own: Sequence[Node]) -> bool:
    """Whether the outputs depend on a float32 tensor that is no literal and none of `own`."""
    order = toposort(outputs)
    inside = depending(order, own)
    return any(
        dtype_of(x.dtype) == "float32" and x not in inside and not is_literal(x)
        for x in order if not isinstance(x.type, tuple)
    )  # fmt: skip


def check_same_type(what: str, value: Node, kind: TensorType, way_out: str) -> None:
    """GraphError unless the value has a type that may be `kind`: the same dtype and number of axes,
    and no sizes that certainly differ."""
    pairs = zip(value.shape, kind.shape)
    known = [(n, m) for n, m in pairs if isinstance(n, int) and isinstance(m, int)]
    same = value.dtype == kind.dtype and value.ndim == kind.ndim and all(n == m for n, m in known)
    if not same:
        # A literal is one node, wherever it is written.
        line = line_text() if isinstance(value.op, Const) else line_of(value)
        raise GraphError(
            f"{what} is {value.type} after a step, but {kind} before it\n  at {line}\n"
            f"  {way_out}"
        )
