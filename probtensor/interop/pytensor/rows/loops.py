"""Scan, and loops of scalars.

PyTensor gives a Scan buffers: of an output that later steps read, as many rows as are kept, the
first of which are its initial values. Here a loop carries those rows that a step reads, and the
buffer is what was carried first, then all steps, cut to its length. A buffer that steps read and
write at will (mit-mot, in derivatives) is carried as the window of rows that one step can reach:
the row that leaves the window is complete, and the one that enters it comes from the buffer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from probtensor import ops
from probtensor.dataclass import dataclass, replace
from probtensor.graph import Const, GraphError, Node, as_tensor
from probtensor.graph.closed import StepInput
from probtensor.graph.node import new_input
from probtensor.graph.sizes import size_of_value
from probtensor.interop.pytensor.translate import Translator, folded, row, wide
from probtensor.loop import while_loop
from probtensor.ops.loops.op import run
from probtensor.ops.loops.trace import body_of
from probtensor.process import new_uid
from probtensor.types import Size, size_max, size_min

MAX_WRITTEN_OUT = 64  # steps, where each has a graph of its own


@dataclass(frozen=True)
class Window:
    """Rows that are carried from step to step: those at `places` are read.

    buffer  what PyTensor gives for it
    length  the number of rows
    writes  the rows that a step writes, or None if it adds one behind the last
    """

    buffer: Node
    length: int
    places: tuple[int, ...]
    writes: tuple[int, ...] | None = None

    def first(self) -> list[Node]:
        return [self.buffer[k] for k in range(self.length)]

    def entering(self, steps: Size) -> Node | None:
        """The rows that enter the window, one a step."""
        if self.writes is None:
            return None
        rows = ops.astype(self.buffer, self.buffer.dtype)[self.length :]
        last = ops.zeros((1, *self.buffer.shape[1:]), self.buffer.dtype)
        return ops.concatenate([rows, last])[:steps]

    def after(self, rows: Sequence[Node], results: Sequence[Node], entering: Node) -> list[Node]:
        """The window of the next step, and the row that left it at its end."""
        if self.writes is None:
            (result,) = results
            return [*rows[1:], result]
        rows = list(rows)
        for place, result in zip(self.writes, results, strict=True):
            rows[place] = result
        return [*rows[1:], entering]

    def leaving(self, rows: Sequence[Node], results: Sequence[Node]) -> Node:
        """What a step adds to the stacked rows."""
        if self.writes is None:
            return results[0]
        if 0 in self.writes:
            return results[self.writes.index(0)]
        return rows[0]

    def filled(self, stacked: Node, last: Sequence[Node], count: Size) -> Node:
        """The buffer after `count` steps."""
        if self.writes is not None:
            parts = [stacked, ops.stack(last)[:-1], self.buffer[count + self.length - 1 :]]
            return ops.concatenate(parts)
        rows = ops.concatenate([self.buffer[: self.length], stacked])
        total = count + self.length
        return rows[total - size_min(self.buffer.shape[0], total) :]


@dataclass(frozen=True)
class Given:
    """The inputs of a Scan by what they are."""

    steps: Size
    sequences: list[Node]
    windows: list[Window]
    kept: list[Node]  # the rows to keep of outputs that no step reads
    untraced: list[Any]
    constants: list[Any]


def _given(op: Any, inputs: Sequence[Any]) -> Given:
    info, left = op.info, list(inputs)

    def take(count: int) -> list[Any]:
        found = left[:count]
        del left[:count]
        return found

    steps = size_of_value(take(1)[0])
    sequences = [folded(x[:steps]) for x in take(info.n_seqs)]
    windows = []
    reads = getattr(info, "normalized_mit_mot_in_slices", info.mit_mot_in_slices)
    writes = getattr(info, "normalized_mit_mot_out_slices", info.mit_mot_out_slices)
    for buffer, read, written in zip(take(info.n_mit_mot), reads, writes, strict=True):
        windows.append(Window(buffer, max(*read, *written) + 1, tuple(read), tuple(written)))
    taps = (*info.mit_sot_in_slices, *info.sit_sot_in_slices)
    for buffer, own in zip(take(len(taps)), taps, strict=True):
        windows.append(Window(buffer, -min(own), tuple(k - min(own) for k in own)))
    untraced = take(info.n_untraced_sit_sot)
    return Given(steps, sequences, windows, take(info.n_nit_sot), untraced, left)


@row("Scan")
def scan(t: Translator, apply: Any, *inputs: Any) -> list[Any]:
    """The outputs of a Scan as PyTensor lays them out, from one loop."""
    op, given = apply.op, _given(apply.op, inputs)
    short = isinstance(given.steps, int) and given.steps <= MAX_WRITTEN_OUT
    if short and not op.info.as_while and all(isinstance(x.op, Const) for x in given.sequences):
        try:
            return _looped(t, op, given)
        except GraphError:  # a step has sizes of its own
            return _written_out(t, op, given)
    return _looped(t, op, given)


def _looped(t: Translator, op: Any, given: Given) -> list[Any]:
    """All steps as one loop."""
    since = new_uid()
    windows = [[_step_input(x) for x in w.first()] for w in given.windows]
    entering = [w.entering(given.steps) for w in given.windows]
    enters = [None if x is None else _step_input(x[0]) for x in entering]
    elements = [_step_input(x[0]) for x in given.sequences]
    untraced = [x if x is None else _step_input(x) for x in given.untraced]
    taps = [x[k] for x, w in zip(windows, given.windows, strict=True) for k in w.places]
    found = t.unchecked().inner(op.fgraph, [*elements, *taps, *untraced, *given.constants])
    found = [x if x is None else x.astype(wide(x.dtype)) for x in found]
    after, stacked = [], []
    for rows, window, fresh in zip(windows, given.windows, enters, strict=True):
        count = 1 if window.writes is None else len(window.writes)
        results = [y.astype(rows[0].dtype) for y in found[:count]]
        del found[:count]
        after += window.after(rows, results, fresh)
        stacked.append(window.leaving(rows, results))
    others, rest = found[: op.info.n_nit_sot], found[op.info.n_nit_sot :]
    drawn = [x for x in given.untraced if x is not None]
    after += [x for x in rest[: len(untraced)] if x is not None]
    stop = [_flag(rest[-1])] if op.info.as_while else []
    carries = [x for w in given.windows for x in w.first()] + drawn
    own = [x for rows in windows for x in rows] + [x for x in untraced if x is not None]
    own += [*elements, *(x for x in enters if x is not None)]
    body, outside = body_of(own, [*after, *stacked, *others, *stop], since)
    read = [*given.sequences, *(x for x in entering if x is not None)]
    results = run(body, given.steps, carries, read, outside, stops=bool(stop))
    return _outputs(given, list(results), bool(stop))


def _written_out(t: Translator, op: Any, given: Given) -> list[Any]:
    """One step after the other, each with a graph of its own."""
    windows, untraced = [w.first() for w in given.windows], list(given.untraced)
    entering = [w.entering(given.steps) for w in given.windows]
    stacked: list[list[Node]] = [[] for _ in range(len(windows) + len(given.kept))]
    for step in range(given.steps):
        taps = [x[k] for x, w in zip(windows, given.windows, strict=True) for k in w.places]
        elements = [folded(x[step]) for x in given.sequences]
        found = t.inner(op.fgraph, [*elements, *taps, *untraced, *given.constants])
        for k, window in enumerate(given.windows):
            count = 1 if window.writes is None else len(window.writes)
            results = [y.astype(window.buffer.dtype) for y in found[:count]]
            del found[:count]
            fresh = None if entering[k] is None else entering[k][step]
            stacked[k].append(window.leaving(windows[k], results))
            windows[k] = window.after(windows[k], results, fresh)
        for rows, y in zip(stacked[len(windows) :], found, strict=False):
            rows.append(y)
        untraced = found[op.info.n_nit_sot :][: len(untraced)]
    last = [x for rows in windows for x in rows]
    drawn = [x for x in untraced if x is not None]
    given = replace(given, untraced=untraced)
    return _outputs(given, [*last, *drawn, *map(ops.stack, stacked)], False)


def _step_input(x: Node) -> Node:
    return new_input(x.name, x.dtype, x.shape, StepInput)


def _flag(x: Node) -> Node:
    return x if x.dtype == "bool" else ops.not_equal(x, 0)


def _outputs(given: Given, results: list[Node], stops: bool) -> list[Any]:
    """What PyTensor's op gives, of the results of the loop."""
    count = size_min(size_of_value(results.pop()), given.steps) if stops else given.steps
    found: list[Any] = []
    last = [[results.pop(0) for _ in range(w.length)] for w in given.windows]
    untraced = [x if x is None else results.pop(0) for x in given.untraced]
    if stops:
        results = [x[:count] for x in results]
    for window, rows in zip(given.windows, last, strict=True):
        found.append(window.filled(results.pop(0), rows, count))
    for stacked, kept in zip(results, given.kept, strict=True):
        found.append(stacked[count - size_min(size_max(size_of_value(kept), 0), count) :])
    return [*found, *untraced]


@row("ScalarLoop")
def scalar_loop(t: Translator, apply: Any, *inputs: Node) -> list[Node]:
    """The loop of each element, all together: those that are done stay as they are."""
    op = apply.op
    steps, *given = ops.broadcast_arrays(*inputs)
    states = len(op.outputs) - op.is_while
    first = [x.astype(wide(v.type.dtype)) for x, v in zip(given[:states], op.fgraph.inputs)]
    constants = given[states:]
    steps = steps.astype("int64")

    def runs(value: tuple[Node, list[Node], Node]) -> Node:
        i, _, done = value
        return ops.any(ops.logical_and(i < steps, ops.logical_not(done)))

    def step(value: tuple[Node, list[Node], Node]) -> tuple[Node, list[Node], Node]:
        i, state, done = value
        going = ops.logical_and(i < steps, ops.logical_not(done))
        found = t.unchecked().inner(op.fgraph, [*state, *constants])
        stop = ops.broadcast_to(_flag(found[-1]), done.shape) if op.is_while else done
        after = [
            ops.where(going, y.astype(x.dtype), x) for y, x in zip(found[:states], state)
        ]
        return i + 1, after, ops.where(going, stop, done)

    begin = as_tensor(0), first, steps <= 0 if op.is_while else steps < 0
    _, found, done = while_loop(runs, step, begin)
    return [*found, done] if op.is_while else found

