"""What is told of a call that fails, beside its message: inputs, values, memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from probtensor.graph.node import line_of
from probtensor.inspect.subject import Subject
from probtensor.types import size_names

MAX_ELEMENTS = 12  # of an array that is shown
MAX_ROWS = 40


def note(subject: Subject, args: Sequence[object], level: str) -> str:
    """The note on an exception of a call with these arguments: "inputs" are their types, shapes and
    strides, "values" those of small ones too, "memory" the buffers of the plan as well."""
    rows = [f"the call of {subject.label} had these inputs:"]
    rows += _input_rows(subject, args, level)
    if level == "memory":
        rows += ["the memory of the call:", *_buffer_rows(subject, args)]
    return "\n".join([rows[0], *(f"  {row}" for row in rows[1:])])


def _input_rows(subject: Subject, args: Sequence[object], level: str) -> list[str]:
    rows = []
    given = list(args)
    for k, x in enumerate(subject.inputs):
        name = x.name or f"input {k}"
        if k >= len(given):
            rows.append(f"{name}: missing")
            continue
        rows.append(f"{name}: {_described(given[k], level != 'inputs')}")
    for node, array in subject.bound.items():
        rows.append(f"{node.name or 'bound'} (bound): {_described(array, level != 'inputs')}")
    return rows


def _described(value: object, values: bool) -> str:
    try:
        array = np.asarray(value)
    except Exception:
        return f"{type(value).__name__}"
    kind = f"{array.dtype}{list(array.shape)}"
    if not isinstance(value, np.ndarray):
        kind = f"{type(value).__name__} as {kind}"
    elif array.ndim:
        kind += f", strides {array.strides}" + ("" if array.flags.c_contiguous else " (copied)")
    if values and array.dtype.kind in "biufc":
        if array.size <= MAX_ELEMENTS:
            kind += f", {np.array2string(array, separator=', ')}".replace("\n", "")
        elif array.dtype.kind in "iuf":
            kind += f", from {array.min()!s} to {array.max()!s}"
            wrong = int(np.isnan(array).sum()) if array.dtype.kind == "f" else 0
            kind += f", {wrong} nan" if wrong else ""
    return kind


def _buffer_rows(subject: Subject, args: Sequence[object]) -> list[str]:
    """The buffers of the plan, with their bytes where the sizes of the call are known."""
    plan = subject.plan
    sizes = _sizes(subject, args)
    rows, total = [], 0
    for k, buffer in enumerate(plan.buffers):
        known = all(name in sizes for n in buffer.shape for name in size_names(n))
        shape = plan.shape(k, sizes) if known else buffer.shape
        count = int(np.prod(shape, dtype=np.int64)) * buffer.itemsize if known else None
        total += count or 0
        size = "" if count is None else f", {count} bytes"
        kind = f"{buffer.role} {buffer.dtype}[{', '.join(map(str, shape))}]"
        made = f"{buffer.node.op.user_name()} at {line_of(buffer.node)}"
        rows.append(f"{buffer.name}: {kind}{size}, of {made}")
    more = len(rows) - MAX_ROWS
    rows[MAX_ROWS:] = [f"and {more} more"] if more > 0 else []
    return [*rows, f"{total} bytes in all"]


def _sizes(subject: Subject, args: Sequence[object]) -> Mapping[str, int]:
    """The values of the plan's sizes that the arguments give."""
    plan = subject.plan
    arrays = {x.variable: value for x, value in zip(subject.inputs, args)} | dict(subject.bound)
    shapes = {
        plan.inputs[k]: np.shape(arrays[node])
        for k, node in enumerate(subject.compilation.inputs)
        if node in arrays
    }
    found = {}
    for source in plan.sizes:
        shape = shapes.get(source.buffer, ())
        if source.value is not None:
            found[source.name] = source.value
        elif 0 <= source.axis < len(shape):
            found[source.name] = shape[source.axis]
    return found
