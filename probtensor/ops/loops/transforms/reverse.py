"""Reverse mode through loops: a loop that runs the steps the other way.

The gradient of a step is a graph over the parameters of the body and the cotangents of its results.
That graph is the body of the loop here. It carries the cotangents of the carries; its sequences are
what it reads of each step: elements of the loop's own sequences, cotangents of stacked results, and
values that the loop going forward saves. Saved are carries, draws, and results of products, folds,
routines and inner loops that depend on carries. All else is computed again from these, since it
takes less time than to store and load it. What the loop's stacked results hold is not saved again.

Gradients of sequences are stacked. Those of invariants are sums over the steps (`collect.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from probtensor import ops
from probtensor.dataclass import dataclass, replace
from probtensor.graph.closed import depending, with_outputs
from probtensor.graph.node import Node, make
from probtensor.graph.parts import Get, parts
from probtensor.graph.walk import ancestors, conditional
from probtensor.graph.walk import replace as replaced
from probtensor.ops.kinds import (
    Choice,
    Contraction,
    Core,
    Derivatives,
    Loop,
    Observing,
    Random,
    Reduction,
)
from probtensor.ops.loops.transforms.collect import Collector
from probtensor.ops.loops.transforms.effects import run_again
from probtensor.ops.loops.transforms.flow import (
    another,
    closed_step,
    floats_depending,
    fresh,
    is_dynamic,
    is_zeros,
    moving_parameters,
    step_order,
    steps_run,
    uniform_row,
    weighted_carries,
    zeros,
)
from probtensor.types import Size, size_min


def pulled(
    node: Node,
    cotangents: Sequence[Node | None],
    followed: Sequence[bool],
    derivatives: Derivatives,
) -> list[Node | None]:
    """The gradient of each input of a loop whose number of steps has a bound."""
    cotangents = _of_last_rows(node.op, cotangents)
    step = _step(node.op, cotangents, followed, derivatives)
    if not step.carried and not step.gradients:
        return [None] * len(node.inputs)
    return _Backward(node, step, cotangents).gradients()


def _of_last_rows(loop: Loop, cotangents: Sequence[Node | None]) -> list[Node | None]:
    """The cotangents, with those of the last row alone of stacked carries (`states[-1]`) given to
    the last carries: a loop reads these once, and a stack of zeros in each step."""
    found = list(cotangents)
    if is_dynamic(loop):
        return found
    following, others, _ = loop.split_outputs()
    places = {y: k for k, y in enumerate(following)}
    last = 0 if loop.backwards else loop.steps - 1
    for k, y in enumerate(others, loop.carries):
        row = None if found[k] is None else _only_row(found[k], last)
        if row is not None and y in places:
            carry = places[y]
            found[carry] = row if found[carry] is None else found[carry] + row
            found[k] = None
    return found


def _only_row(x: Node, position: Size) -> Node | None:
    """The row at a position of a tensor with zeros in all others; None if that is not certain."""
    if not isinstance(x.op, ops.SetSlice) or not is_zeros(x.inputs[0]):
        return None
    places = zip(x.op.starts, x.op.sizes, (position, *(0,) * (x.ndim - 1)), (1, *x.shape[1:]))
    if any(start != first or size != count for start, size, first, count in places):
        return None
    return ops.squeeze(x.inputs[1], 0)


@dataclass
class _Step:
    """The derivative of one step, a graph over the parameters of the body.

    carried    the positions of the carries with a cotangent
    weights    the inputs that stand for cotangents of results of the body, by their positions
    gradients  the gradients of parameters, by their positions, where they are not zero everywhere
    """

    carried: list[int]
    weights: dict[int, Node]
    gradients: dict[int, Node]


def _step(
    loop: Loop,
    cotangents: Sequence[Node | None],
    followed: Sequence[bool],
    derivatives: Derivatives,
) -> _Step:
    parameters, outputs = loop.body.parameters, loop.body.outputs
    moving = moving_parameters(loop, followed)
    last_stacked = loop.carries + loop.stacked
    given = {k for k in range(last_stacked) if cotangents[k] is not None}
    carried = sorted(weighted_carries(loop, given) & moving)
    reached = floats_depending(loop.body.order(), [parameters[k] for k in moving])
    used = [*carried, *sorted(k for k in given if k >= loop.carries)]
    used = [k for k in used if outputs[k] in reached]
    # The cotangent of a carry has the type of the carry, as what is carried has.
    weights = {k: fresh("cotangent", parameters[k]) for k in carried}
    weights |= {k: fresh("cotangent", outputs[k]) for k in used if k not in weights}
    wrt = [*carried, *sorted(k for k in moving if k >= loop.carries)]
    found = derivatives.pull_back(
        [outputs[k] for k in used], [parameters[k] for k in wrt], [weights[k] for k in used]
    )
    gradients = {k: g for k, g in zip(wrt, found, strict=True) if g is not None}
    return _Step(carried, weights, gradients)


class _Backward:
    """The loop that runs the steps of `node` the other way."""

    def __init__(
        self, node: Node, step: _Step, cotangents: Sequence[Node | None]
    ) -> None:
        self.node, self.step, self.cotangents = node, step, cotangents
        self.loop: Loop = node.op
        self.parameters = self.loop.body.parameters
        self.last_sequence = self.loop.carries + self.loop.sequences
        steps = self.loop.steps
        # The steps that are differentiated: `size` rows from `start` on.
        self.start: Size = 0
        self.size = steps
        if self.loop.truncate is not None:
            self.size = size_min(self.loop.truncate, steps)
            self.start = 0 if self.loop.backwards else steps - self.size

    def gradients(self) -> list[Node | None]:
        """The gradient of each input."""
        changes, elements = self._elements()
        own = [self.step.weights[k] for k in self.step.carried]
        places = list(self.step.gradients)
        graphs = replaced([self.step.gradients[k] for k in places], changes)
        graphs = run_again(graphs, self.loop)
        after = dict(zip(places, graphs, strict=True))
        known = {} if is_dynamic(self.loop) else elements
        outside = set(changes.values()).difference(elements)
        changing = step_order(graphs, [*own, *elements], outside)[1]
        collector = Collector(changing, known, self.size)
        totals = self._totals(after, collector)  # what is collected, by leaves
        made = self._run(own, elements, after, collector, outside)
        collector.finish(made[len(own) :])
        totals = self._totals(after, collector)
        found: list[Node | None] = [None] * len(self.node.inputs)
        for k, total in totals.items():
            found[k] = self._placed(total) if k < self.last_sequence else total
        for k, g in zip(self.step.carried, made):
            found[k] = self._untruncated(g)
        return found

    def _totals(self, after: Mapping[int, Node], collector: Collector) -> dict[int, Node]:
        """The gradients of sequences (stacked) and invariants (sums)."""
        return {
            k: collector.stack(x) if k < self.last_sequence else collector.total(x)
            for k, x in after.items()
            if k >= self.loop.carries
        }

    def _run(
        self,
        own: Sequence[Node],
        elements: Mapping[Node, Node],
        after: Mapping[int, Node],
        collector: Collector,
        outside: Collection[Node],
    ) -> tuple[Node, ...]:
        """The results of the loop: cotangents of the initial carries, sums, stacks."""
        node, loop, carried = self.node, self.loop, self.step.carried
        sums = [fresh("total", x) for x in collector.summed]
        first = [
            zeros(self.parameters[k]) if self.cotangents[k] is None else self.cotangents[k]
            for k in carried
        ]
        following = [after[k] if k in after else zeros(self.parameters[k]) for k in carried]
        following += [a + x for a, x in zip(sums, collector.summed, strict=True)]
        outputs = [*following, *collector.stacked]
        body, read = closed_step([*own, *sums, *elements], outputs, outside)
        count = steps_run(node)
        counts = () if count is None else (count,)
        return another(
            loop, body, self.size, [*first, *map(zeros, sums)], list(elements.values()),
            [*read, *counts], counted=bool(counts), backwards=not loop.backwards,
        )  # fmt: skip

    def _elements(self) -> tuple[dict[Node, Node], dict[Node, Node]]:
        """What a step going backward reads: replacements for nodes of the step's derivative; and
        the sequences, by the inputs that stand for their elements."""
        step, loop = self.step, self.loop
        changes = dict(zip(self.parameters[self.last_sequence :],
                           self.node.inputs[self.last_sequence :]))  # fmt: skip
        elements: dict[Node, Node] = {}
        kept = _Kept(self.node, self.cotangents)
        read = kept.read_by(step.gradients.values())
        wholes = kept.stacks(read)
        inputs = dict(zip(self.parameters, self.node.inputs))
        wholes |= {x: inputs[x] for x in self.parameters[loop.carries : self.last_sequence]
                   if x in read}  # fmt: skip
        for stand_in, whole in wholes.items():
            own = fresh("element", stand_in)
            changes[stand_in], elements[own] = own, self._rows(whole)
        for k, weight in step.weights.items():
            if k < loop.carries or weight not in read:
                continue
            row = uniform_row(self.cotangents[k])
            if row is None:
                elements[weight] = self._rows(self.cotangents[k])
            else:
                changes[weight] = row
        return changes, elements

    # Truncation.

    def _rows(self, x: Node) -> Node:
        """The elements that belong to the steps that are differentiated."""
        return ops.narrow(x, 0, self.start, self.size)

    def _placed(self, x: Node) -> Node:
        """The gradient of a sequence: zeros for the steps that are not differentiated."""
        steps = self.loop.steps
        missing = steps - self.size
        if isinstance(missing, int) and missing == 0:
            return x
        rest = ops.zeros((missing, *x.shape[1:]), x.dtype)
        return ops.concatenate([x, rest] if self.loop.backwards else [rest, x])

    def _untruncated(self, g: Node) -> Node | None:
        """The gradient of an initial carry: zero if steps after it are not differentiated."""
        missing = self.loop.steps - self.size
        if isinstance(missing, int):
            return g if missing == 0 else None
        return ops.where(ops.as_tensor(missing) > 0, 0, g)


class _Kept:
    """The values of steps that a loop keeps for its derivative."""

    def __init__(self, node: Node, cotangents: Sequence[Node | None]) -> None:
        self.node = node
        self.loop: Loop = node.op
        body, order = self.loop.body, self.loop.body.order()
        following, self.others, self.stop = self.loop.split_outputs()
        carries = self.loop.split_inputs(body.parameters)[0]
        self.after = dict(zip(carries, following))
        self.first = dict(zip(carries, node.inputs))
        self.last = dict(zip(carries, parts(node)))
        drawn = [x for x in order if isinstance(x.op, Random)]
        # To keep a value that is needed under a condition would be to compute it always.
        inside = depending(order, [*carries, *drawn]) - conditional(body.outputs)
        values = [*carries, *drawn, *following]
        if self.loop.checkpoint != "carries":
            given = cotangents[self.loop.carries :]
            values += [y for y, g in zip(self.others, given) if g is not None]
            # Not what a step may do without: to keep it would compute it in each.
            lazy = conditional(body.outputs)
            values += [x for x in order if _takes_time(x) and x not in lazy]
        self._values = dict.fromkeys(x for x in values if x in inside)

    def __contains__(self, x: Node) -> bool:
        return x in self._values

    def read_by(self, gradients: Iterable[Node]) -> dict[Node, None]:
        """What gradients read if all values that are kept are given."""
        return dict.fromkeys(ancestors(gradients, self.__contains__))

    def stacks(self, read: Collection[Node]) -> dict[Node, Node]:
        """The values that are read, stacked: results of the loop if it stacks them, else of one
        that does."""
        loop = self.loop
        kept = [x for x in self._values if x in read]
        others = () if loop.checkpoint == "carries" else self.others
        held = dict.fromkeys(others)
        extra: list[Node] = []
        # Carries last: they are shifted from values after steps where these are stacked.
        for x in sorted(kept, key=self.after.__contains__):
            if x not in self._with_shifted(held):
                held[x] = None
                extra.append(x)
        made = self.node
        if extra:
            outputs = [*self.after.values(), *others, *extra]
            outputs += [] if self.stop is None else [self.stop]
            made = make(replace(loop, body=with_outputs(loop.body, outputs)), self.node.inputs)
        found = self._with_shifted(dict(zip([*others, *extra], parts(made)[loop.carries :])))
        return {x: found[x] for x in kept}

    def _with_shifted(self, stacks: Mapping[Node, Node | None]) -> dict[Node, Node | None]:
        """The stacks, and those of carries before and after steps that are these by one step
        apart; None for a stack that is not made yet."""
        found = dict(stacks)
        dynamic, backwards = is_dynamic(self.loop), self.loop.backwards
        for _ in self.after:
            count = len(found)
            for x, y in self.after.items():
                if y in found and x not in found and not (backwards and dynamic):
                    found[x] = self._shifted(found[y], self.first[x], not backwards)
                elif x in found and y not in found and not dynamic:
                    found[y] = self._shifted(found[x], self.last[x], backwards)
            if len(found) == count:
                break
        return found

    def _shifted(self, stack: Node | None, end: Node, up: bool) -> Node | None:
        """The stack moved up by one row, or down, where `end` is the first row, or the last."""
        if stack is None:
            return None
        row, steps = ops.expand_dims(end, 0), self.loop.steps
        if isinstance(steps, int) and steps > 0:
            rest = ops.narrow(stack, 0, 0 if up else 1, steps - 1)
            return ops.concatenate([row, rest] if up else [rest, row])
        joined = ops.concatenate([row, stack] if up else [stack, row])
        return ops.narrow(joined, 0, 0 if up else 1, steps)


def _takes_time(x: Node) -> bool:
    """Whether a value is kept because computing it again takes longer than to load it, or would
    show it a second time."""
    if isinstance(x.type, tuple):
        return False
    return isinstance(x.op, (Choice, Contraction, Core, Reduction, ops.LogSumExp, Get, Observing))
