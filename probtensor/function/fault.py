"""The value that made a call fail.

A compiled function returns the number of the check that failed. Here the graph is evaluated again,
by the NumPy meaning of each op, for a message with the value.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from probtensor.graph.closed import Closed, with_bodies
from probtensor.graph.evaluate import evaluate_body
from probtensor.graph.node import Node, line_of
from probtensor.graph.sizes import resized
from probtensor.graph.walk import toposort
from probtensor.late import late
from probtensor.ops.kinds import Loop

replay = late("probtensor.inspect.replay")

MAX_WORK = 300_000  # nodes that are evaluated to find a failing step: about a second


def fault_of(outputs: Sequence[Node], values: Mapping[Node, np.ndarray]) -> Exception | None:
    """The exception of the first op that stops the call, given the values of the inputs, or None.

    Such an op has `stops`, and `refused(line, *arrays)` gives its exception. Where one of its
    ancestors refuses its arguments too, the exception is that of the first ancestor.
    """
    refused: dict[Node, Exception] = {}
    evaluation = replay.Evaluation(outputs, values)
    stopping = [y for y in evaluation.order if getattr(y.op, "stops", False)]
    for node, arguments in evaluation.nodes(stopping):
        if hasattr(node.op, "refused"):
            error = node.op.refused(line_of(node), *arguments)
            if error is not None:
                refused[node] = error
            if error is not None and getattr(node.op, "stops", False):
                return next(refused[x] for x in toposort([node]) if x in refused)
    return None


def wrong_index(
    outputs: Sequence[Node], values: Mapping[Node, np.ndarray], message: str
) -> str | None:
    """The first index that is out of bounds for its axis and was written at a line in a message,
    as a line of it; None if there is none outside of loops."""
    for node, arguments in replay.Evaluation(outputs, values).nodes(outputs):
        held = node.op.index_inputs() if line_of(node) in message else {}
        for position, (source, axis) in held.items():
            array, n = arguments[position], arguments[source].shape[axis]
            wrong = np.argwhere((array >= n) | (array < -n))
            if node.op.index_mode == "raise" and len(wrong):
                place = tuple(wrong[0].tolist())
                where = f"[{', '.join(map(str, place))}]" if place else ""
                return f"value{where} = {array[place]}, the axis has size {n}"
    return None


def class_of_failure(outputs: Sequence[Node], message: str) -> type[Exception] | None:
    """The class that a check of the graph asks for, given the message of its failure; or None."""
    for node in with_bodies(toposort(outputs)):
        if getattr(node.op, "stops", False) and node.op.failure(line_of(node)) == message:
            return node.op.raises
    return None


class _Failed(Exception):
    """A step of a loop that an op stops: its number, and the exception of the op."""


Step = tuple[int, Exception]


def failing_step(outputs: Sequence[Node], values: Mapping[Node, np.ndarray]) -> Step | None:
    """The step, counted from 0, in which an op of a loop's body stops a call that failed, and the
    exception of the op; None if that is outside of loops, or would take long to find."""
    evaluation = replay.Evaluation(outputs, values)
    if not any(isinstance(node.op, Loop) for node in evaluation.order):
        return None
    for node, arguments in evaluation.nodes(outputs):
        if isinstance(node.op, Loop):
            try:
                run = _run_steps(resized(node.op, evaluation.sizes), arguments)
            except _Failed as failed:
                return failed.args
            evaluation.found[node] = run
    return None


def with_step(error: Exception, found: Step, outputs: Sequence[Node]) -> Exception:
    """The exception of a call, with the step of a loop in which it was raised; with the values
    there, if a check of the graph made it."""
    step, cause = found
    check = getattr(cause, "check", None)
    where = f"in step {step} of a loop, counted from 0"
    if check is None:
        return type(error)(f"{error}\n  {where}")
    nodes = with_bodies(toposort(outputs))
    line = next((line_of(node) for node in nodes if node.op is check), "")
    first, *rows = str(cause).split("\n  ")
    return type(cause)("\n  ".join([first, *([f"at {line}"] * bool(line)), *rows, where]))


def _run_steps(loop: Loop, arguments: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    count = itertools.count()
    work = len(loop.body.order())

    def run(body: Closed, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        step = next(count)
        if step * work > MAX_WORK:
            raise RuntimeError("the failing step is far")
        try:
            return evaluate_body(body, values)
        except Exception as error:
            raise _Failed(step, error) from None

    return tuple(map(np.asarray, loop.computed(arguments, run)))
