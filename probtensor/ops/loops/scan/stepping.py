"""The loop that `pt.scan` makes of its arguments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probtensor.dataclass import dataclass
from probtensor.graph.closed import StepInput
from probtensor.graph.node import GraphError, Input, Node, new_input
from probtensor.graph.origin import stands_for
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import inputs_of, replace, toposort
from probtensor.ops.kinds import Random
from probtensor.ops.loops.op import run
from probtensor.ops.loops.scan.arguments import Arguments
from probtensor.ops.loops.scan.counts import cut_to
from probtensor.ops.loops.scan.recurrences import Recurrence
from probtensor.ops.loops.scan.returned import Returned, returned
from probtensor.ops.loops.trace import body_of, settled
from probtensor.process import made_since, new_uid


@dataclass(frozen=True)
class Results:
    """The outputs of all steps, or those of the last one; and the last values of shared
    variables."""

    outputs: list[Node]
    updates: dict[Node, Node]


@dataclass
class Body:
    """The graph of a step: initial carries, the inputs that stand for them and for elements of
    sequences, the next carries, and what `fn` returned."""

    first: list[Node]
    own: list[Node]
    elements: list[Node]
    after: list[Node]
    found: Returned
    recurrences: Sequence[Recurrence]

    def substitute(self, changes: dict[Node, Node]) -> None:
        """Replace nodes in all that a step computes."""
        found, count = self.found, len(self.after)
        nodes = replace([*self.after, *found.nodes], changes)
        self.after, nodes = nodes[:count], nodes[count:]
        outputs, nodes = nodes[: len(found.outputs)], nodes[len(found.outputs) :]
        updates = dict(zip(found.updates, nodes))
        self.found = Returned(outputs, updates, None if found.stop is None else nodes[-1])

    def carry_updates(self) -> None:
        """Make carries of the shared variables that a step updates."""
        if not self.found.updates:
            return
        changes = {x: new_input(x.name, x.dtype, x.shape) for x in self.found.updates}
        self.substitute(changes)
        self.first += changes
        self.own += changes.values()
        self.after += self.found.updates.values()

    def last(self, k: int, carries: Sequence[Node], rest: Sequence[Node]) -> Node:
        """The value of output k in the last step, given the last carries and the stacked
        outputs that no step reads."""
        before = self.recurrences[:k]
        place = sum(r.carries for r in before)
        found = self.recurrences[k]
        if not found.taps:
            return rest[sum(not r.taps for r in before)][-1]
        value = carries[place + found.carries - 1]
        return value if found.in_registers else value[-1]


def stepped(given: Arguments, stacked: bool = True) -> Results:
    """The results of the loop: the outputs of all steps, or with `stacked=False` of the last."""
    since = new_uid()
    constants = _stand_ins(given.constants)
    body = _traced(given, constants)
    if given.strict:
        known = [*body.own, *body.elements, *given.constants, *constants]
        _refuse_outside(body.found.nodes, known, since)
    body.carry_updates()
    body.substitute({a: b for a, b in zip(constants, given.constants) if a is not b})
    stop = [] if body.found.stop is None else [body.found.stop]
    kept = [x for x, r in zip(body.found.outputs, body.recurrences) if stacked or not r.taps]
    graph, outside = body_of([*body.own, *body.elements], [*body.after, *kept, *stop], since)
    read = [x for tapped in given.sequences for x in tapped.read(given.steps, given.backwards)]
    options = {"stops": bool(stop), "truncate": given.truncate, "checkpoint": given.checkpoint}
    results = run(graph, given.steps, body.first, read, outside, **options)
    count = len(body.first)
    carries, rest = results[:count], list(results[count : count + len(kept)])
    if stop:
        rest = [cut_to(x, results[-1]) for x in rest]
    updates = dict(zip(body.found.updates, carries[count - len(body.found.updates) :]))
    if stacked:
        return Results(rest, updates)
    return Results([body.last(k, carries, rest) for k in range(len(body.recurrences))], updates)


def _stand_ins(constants: Iterable[Node]) -> list[Node]:
    """What `fn` is given as constants: inputs in the place of those that are computed of shared
    variables, which a step may update while these stay as they are before the loop."""

    def is_computed(x: Node) -> bool:
        shared = any(y.op.persistent for y in inputs_of([x]))
        return shared and not isinstance(x.op, Input)

    return [new_input(x.name, x.dtype, x.shape) if is_computed(x) else x for x in constants]


def _traced(given: Arguments, constants: Sequence[Node]) -> Body:
    """The graph of a step, in which carries have the types that steps give them."""
    names = given.names()
    shapes = [(x.dtype, x.shape[1:]) for t in given.sequences for x in [t.sequence] * len(t.taps)]
    elements = [new_input(name, *kind, StepInput) for name, kind in zip(names, shapes)]
    sources = [(t, tap) for t in given.sequences for tap in t.taps]
    for x, (t, tap) in zip(elements, sources):
        stands_for(x, t.sequence, -1 if given.backwards else t.lead + tap)
    recurrences = given.recurrences or ()
    starts = [x for r in recurrences for x in r.initial_carries()]
    labels = _labels(recurrences, names[len(elements) :])

    def step(own: list[Node]) -> tuple[list[Node], Returned]:
        apart = _apart(recurrences, own)
        read = [x for r, carries in zip(recurrences, apart) for x in r.read(carries)]
        found = returned(given.fn(*elements, *read, *constants))
        if given.recurrences is not None and len(found.outputs) != len(recurrences):
            raise refusal(
                f"scan: fn returns {len(found.outputs)} outputs, where outputs_info has "
                f"{len(recurrences)} entries",
                "outputs_info has an entry for each output: None for one that no step reads",
                kind=GraphError,
            )
        parts = zip(recurrences, apart, found.outputs)
        return [x for r, carries, y in parts for x in r.following(carries, y)], found

    first, own, after, found = settled(starts, labels, step)
    for r, carries, y in zip(recurrences, _apart(recurrences, own), found.outputs):
        if r.taps:
            r.check(carries[-1] if r.in_registers else carries[0][0], y)
    described = given.recurrences or [Recurrence.of(None, k) for k in range(len(found.outputs))]
    return Body(first, own, elements, after, found, described)


def _labels(recurrences: Iterable[Recurrence], names: Sequence[str]) -> list[str]:
    """The names of the carries: that of the parameter that a step reads the carry by, or of the
    initial value, of which several parameters may be taps."""
    found = []
    for r in recurrences:
        own, names = names[: len(r.taps)], names[len(r.taps) :]
        found += own if len(own) == r.carries == 1 else [r.label] * r.carries
    return found


def _apart(recurrences: Iterable[Recurrence], carries: Sequence[Node]) -> list[list[Node]]:
    """The carries of each output."""
    left = list(carries)
    found = []
    for r in recurrences:
        found.append(left[: r.carries])
        left = left[r.carries :]
    return found


def _refuse_outside(outputs: Iterable[Node], known: Iterable[Node], since: str) -> None:
    """GraphError for an input or a random variable from outside that is none of the known."""
    for x in toposort(outputs, given=known):
        drawn_before = isinstance(x.op, Random) and not made_since(x.op.uid, since)
        if isinstance(x.op, Input) or drawn_before:
            raise refusal(
                f"scan: strict=True, but fn reads {x.described}, which is none of non_sequences",
                x.birthplace,
                "add it to non_sequences and to the arguments of fn",
                kind=GraphError,
            )
