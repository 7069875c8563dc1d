"""Batches of loops: the items of a batch go through the steps together."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.closed import depending
from probtensor.graph.node import Node, new_input
from probtensor.graph.walk import replace, toposort
from probtensor.ops.kinds import Batch, Loop, has_limitable, limited
from probtensor.ops.loops.transforms.flow import another, closed_step, element_input, fresh


def batched(batch: Batch) -> tuple[Node, ...]:
    """The results of a loop for each item of a batch, with the batch as leading axis.

    Carries and stacked results that depend on no batched input are computed once. If items end at
    different steps, the loop runs until the last one ends, and an item that has ended keeps its
    carries.
    """
    return _BatchedLoop(batch).results()


@dataclass
class _Parameters:
    """The inputs of the batched loop, and for each parameter of the body what takes its place."""

    carries: list[Node]
    sequences: list[Node]
    own: list[Node]  # stand for the carries
    elements: list[Node]
    shared: dict[Node, Node]
    items: dict[Node, Node]


@dataclass
class _Live:
    """Of the items of a loop in a step: which run it, its number, which have ended before, and how
    many steps each has run; the last two are None where nothing ends a loop."""

    now: Node
    step: Node
    stopped: Node | None
    counts: Node | None


class _BatchedLoop:
    def __init__(self, batch: Batch) -> None:
        self.batch, self.size, self.node = batch, batch.size, batch.node
        self.loop: Loop = batch.node.op
        body = self.loop.body
        self.parameters, self.outputs, self.order = body.parameters, body.outputs, body.order()
        self.live: Node | None = None  # stands for whether an item has not ended
        self.positions = self._differing()
        differing = self._depending(self.positions)
        self.limits = batch.inputs[-1] if self.loop.counted else None  # if they differ by item
        self.apart = self.limits is not None or (self.loop.stops and self.outputs[-1] in differing)
        if self.apart:
            self.positions |= set(range(self.loop.carries))
            differing = self._depending(self.positions)
        self.differing = differing
        if self.apart and has_limitable(body):
            self.live = new_input("live", "bool", ())
            self.outputs = tuple(limited(self.outputs, self.live))
            self.order = tuple(toposort(self.outputs, needs=attrgetter("inputs")))
            self.differing = self._depending(self.positions)

    def _differing(self) -> set[int]:
        """The positions of the parameters that differ by item."""
        found = {k for k in range(len(self.parameters)) if self.batch.inputs[k] is not None}
        while True:
            reached = self._depending(found)
            following = enumerate(self.outputs[: self.loop.carries])
            more = {k for k, y in following if y in reached} - found
            if not more:
                return found
            found |= more

    def _depending(self, positions: set[int]) -> set[Node]:
        own = [self.parameters[k] for k in positions]
        return depending(self.order, own if self.live is None else [*own, self.live])

    def results(self) -> tuple[Node, ...]:
        """The batch of each result of the loop."""
        loop, given = self.loop, self._inputs()
        last_stacked = loop.carries + loop.stacked
        live = self._live(given) if self.apart else None
        outputs = self._outputs(given, live)
        last = loop.carries + loop.sequences
        outside = [self.batch.mixed()[k] for k in range(last, len(self.node.inputs))]
        if self.apart:
            extra, outputs, stop = self._by_item(given, live, outputs)
        else:
            extra, stop = [], outputs[last_stacked:]
        carries, stacked = outputs[: loop.carries], outputs[loop.carries : last_stacked]
        following = [*carries, *extra, *stacked, *stop]
        body, read = closed_step([*given.own, *given.elements], following, outside)
        counts: Sequence[Node] = self.node.inputs[-1:] if loop.counted else ()
        if self.limits is not None:
            counts = [ops.max(self.limits, initial=0)]
        made = another(
            loop, body, loop.steps, given.carries, given.sequences, [*read, *counts],
            counted=bool(counts), stops=loop.stops, backwards=loop.backwards,
            truncate=loop.truncate, checkpoint=loop.checkpoint,
        )  # fmt: skip
        return self._parts(made, len(extra))

    def _inputs(self) -> _Parameters:
        """The inputs of the batched loop."""
        loop = self.loop
        last_sequence = loop.carries + loop.sequences
        found = _Parameters([], [], [], [], {}, {})
        for k, (x, shared) in enumerate(zip(self.parameters, self.node.inputs)):
            differs, items = k in self.positions, self.batch.inputs[k]
            table = found.items if differs else found.shared
            if k < loop.carries:
                shape = (self.size, *x.shape) if differs else x.shape
                table[x] = new_input(x.name, x.dtype, shape)
                found.own.append(table[x])
                found.carries.append(self.batch.full(k) if differs else shared)
            elif k < last_sequence:
                whole = ops.moveaxis(items, 0, 1) if differs else shared
                table[x] = element_input(x.name, whole)
                found.elements.append(table[x])
                found.sequences.append(whole)
            else:
                table[x] = items if differs else shared
        return found

    def _outputs(self, given: _Parameters, live: _Live | None) -> list[Node]:
        """The results of the body, batched where they differ by item."""
        # Inputs in place of tensors from outside, whose inputs must not be replaced here.
        items = given.items if self.live is None else {**given.items, self.live: live.now}
        stand_ins = {x: fresh("items", batch) for x, batch in items.items()}
        carries = {k for k in self.positions if k < self.loop.carries}
        chosen = [k for k, y in enumerate(self.outputs) if y in self.differing or k in carries]
        outputs = dict(enumerate(self.outputs))
        outputs |= zip(chosen, self.batch.outputs([outputs[k] for k in chosen], stand_ins))
        changes = given.shared | {stand_ins[x]: batch for x, batch in items.items()}
        return replace(outputs.values(), changes)

    def _live(self, given: _Parameters) -> _Live:
        """Which items run a step, by further carries or elements of the batched loop."""
        loop = self.loop
        t = new_input("step", "int64", ())
        now = None if self.limits is None else t < self.limits
        stopped = counts = None
        if loop.stops:
            stopped = new_input("stopped", "bool", (self.size,))
            counts = new_input("count", "int64", (self.size,))
            given.own.extend([stopped, counts])
            given.carries.extend(ops.zeros(x.shape, x.dtype) for x in (stopped, counts))
            running = ops.logical_not(stopped)
            now = running if now is None else ops.logical_and(now, running)
        if self.limits is not None and loop.steps is None:
            given.own.append(t)
            given.carries.append(ops.constant(np.int64(0)))
        elif self.limits is not None:
            given.elements.append(t)
            given.sequences.append(ops.arange(loop.steps))
        return _Live(now, t, stopped, counts)

    def _by_item(
        self, given: _Parameters, live: _Live, outputs: list[Node]
    ) -> tuple[list[Node], list[Node], list[Node]]:
        """(further carries, outputs, stop) where items end at different steps: what an item carries
        does not change after its end, and what is stacked of it is zero."""
        loop = self.loop
        extra, stop = [], []
        if loop.stops:
            ended = now = ops.logical_or(live.stopped, ops.logical_and(live.now, outputs[-1]))
            extra = [now, live.counts + ops.astype(live.now, "int64")]
            if self.limits is not None and not loop.backwards:
                # The largest limit may be endless.
                ended = ops.logical_or(now, live.step + 1 >= self.limits)
            stop = [ops.all(ended)]
        if self.limits is not None and loop.steps is None:
            extra.append(live.step + 1)
        found = []
        for k, (y, item) in enumerate(zip(outputs, self.outputs[: loop.carries + loop.stacked])):
            mask = ops.expand_dims(live.now, tuple(range(1, 1 + item.ndim)))
            kept = given.own[k] if k < loop.carries else ops.constant(np.zeros((), y.dtype))
            found.append(ops.where(mask, y, kept))
        return extra, found, stop

    def _parts(self, made: Sequence[Node], extra: int) -> tuple[Node, ...]:
        """The results with the batch as leading axis."""
        loop, found = self.loop, []
        for k, y in enumerate(self.outputs[: loop.carries + loop.stacked]):
            if k < loop.carries:
                part = made[k]
                differs = k in self.positions
            else:
                differs = self.apart or y in self.differing
                part = ops.moveaxis(made[k + extra], 1, 0) if differs else made[k + extra]
            found.append(part if differs else self._repeated(part))
        if loop.stops:
            found.append(made[loop.carries + 1] if self.apart else self._repeated(made[-1]))
        return tuple(found)

    def _repeated(self, x: Node) -> Node:
        return ops.broadcast_to(x, (self.size, *x.shape))
