"""The density of a sequence given its value: that of a batch of ordinary random variables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from probtensor.dataclass import dataclass, fields, replace
from probtensor.graph.closed import depending
from probtensor.graph.node import GraphError, Node, line_of, made_by, make
from probtensor.graph.walk import replace as replaced
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import Random
from probtensor.prob.distributions.base import (
    Bounded,
    Deterministic,
    RandomVariable,
    display_name,
)
from probtensor.prob.distributions.support import Interval, Support
from probtensor.prob.sequences.convert import forced, results_outside, sequences_of
from probtensor.prob.sequences.op import RandomSequence, loop_of
from probtensor.transform.facts import FactTable
from probtensor.transform.loops.opened import OpenedLoop, Stack, opened

MOST_WHOLE = 2**53  # what bounds beyond it are those of a dtype


@dataclass(frozen=True, eq=False)
class Resolved:
    """A random variable whose inputs are its parameters, and nodes with bounds that its density
    assumes."""

    variable: Node
    bounded: tuple[Node, ...] = ()


def resolved(variable: Node) -> Resolved:
    """A sequence as a batch of ordinary random variables, one a step, whose parameters follow from
    the sequences of its loop; any other variable as it is."""
    if not isinstance(variable.op, RandomSequence):
        return Resolved(variable)
    with made_by(variable):
        loop, own = _opened(variable)
        changes = forced(loop, {s.op.uid: s for s in sequences_of(loop_of(variable))})
        op, given = own.op, replaced(own.inputs, changes)
        parameters, bounded = _without_bounds(given)
        sequences = [e.own for e in (*loop.carries, *loop.sequences)]
        bounds = len(parameters) - op.weighted
        wanted = [_with_room(x, op, k, k < bounds) for k, x in enumerate(parameters)]
        values = _for_all_steps(loop, sequences, [*wanted, *(x for _, x in bounded)])
        batch = (loop.op.steps, *op.batch)
        plain = RandomVariable(
            op.distribution, batch, op.uid, op.label, op.dims, op.constraint, op.event,
            weighted=op.weighted,
        )
        bounds = []
        for (node, _), value in zip(bounded, values[len(wanted) :], strict=True):
            with made_by(node):
                bounds.append(make(node.op, (value,)))
        return Resolved(make(plain, values[: len(wanted)]), tuple(bounds))


def _opened(sequence: Node) -> tuple[OpenedLoop, Node]:
    """The loop of a sequence, and the random variable in its body."""
    loop = opened(loop_of(sequence))
    return loop, loop.results[sequence.inputs[0].op.index].value


def _without_bounds(inputs: Sequence[Node]) -> tuple[list[Node], list[tuple[Node, Node]]]:
    """Parameters in a body without names and checks, and these: (check, what it checks)."""
    changes: dict[Node, Node] = {}
    bounded: list[tuple[Node, Node]] = []
    for node in toposort(inputs):
        if isinstance(node.op, (Bounded, Deterministic)):
            changes[node] = replaced([node.inputs[0]], changes)[0]
        if isinstance(node.op, Bounded):
            bounded.append((node, changes[node]))
    return replaced(inputs, changes), bounded


def _with_room(x: Node, op: RandomVariable, position: int, is_bound: bool) -> Node:
    """An input of a variable with as many batch axes as the variable, so that an axis of steps may
    come before them."""
    domains = list(op.distribution.parameters.values())
    rank = len(op.batch)
    if position < len(domains):
        rank += domains[position].event_ndim
    elif is_bound:
        rank -= op.constraint.event_ndim
    return x[(None,) * (rank - x.ndim)] if x.ndim < rank else x


def _for_all_steps(
    loop: OpenedLoop, varying: Sequence[Node], nodes: Sequence[Node]
) -> tuple[Node, ...]:
    """Nodes of the body, stacked where they vary from step to step."""
    inside = depending(toposort(nodes), varying)
    outside = {e.own: e.outer for e in loop.invariants}
    stacks = {x: Stack(x) for x in nodes if x in inside}
    loop.stacks = list(stacks.values())
    loop.results = list(stacks.values())
    found = dict(zip(stacks, results_outside(loop) if stacks else (), strict=True))
    fixed = [x for x in nodes if x not in inside]
    found |= dict(zip(fixed, replaced(fixed, outside), strict=True))
    return tuple(found[x] for x in nodes)


def support_in_all_steps(sequence: Node, values: Mapping[Node, Node]) -> Support:
    """The support of a free sequence, given the values of what its loop reads. Of a discrete one it
    has all values of any step; GraphError where another one changes from step to step."""
    node = loop_of(sequence)
    loop, own = opened(node, [values[x] for x in node.inputs]), _opened(sequence)[1]
    support = own.op.support(*own.inputs)
    bounds = {f.name: x for f in fields(support) if isinstance(x := getattr(support, f.name), Node)}
    order = toposort(bounds.values())
    varying = [e.own for e in (*loop.carries, *loop.sequences)]
    varying += [x for x in order if isinstance(x.op, Random)]
    changing = depending(order, varying)
    if own.op.distribution.discrete:
        facts = _facts_of_elements(loop)
        for name, x in list(bounds.items()):
            if x in changing:
                ends = facts.bounds(bounds.pop(name))
                end = ends.high if name == "high" else ends.low
                known = abs(end) < MOST_WHOLE
                support = replace(
                    support, **{name: end if known else math.copysign(math.inf, end)}
                )
    if not changing.isdisjoint(bounds.values()):
        raise GraphError(
            f"{display_name(own.op.distribution, own.op.label)} is free, and its bounds change "
            f"from step to step\n  made at {line_of(own)}\n  draw it between fixed bounds and "
            "scale it: low + (high - low) * u with u = pt.random.uniform(0, 1)"
        )
    outside = {e.own: e.outer for e in loop.invariants}
    return replace(support, **{name: replaced([x], outside)[0] for name, x in bounds.items()})


def _facts_of_elements(loop: OpenedLoop) -> FactTable:
    """What is known of a step's elements of sequences: the bounds of the whole."""
    facts = FactTable()
    for e in loop.sequences:
        whole = facts.bounds(e.outer)
        facts.assume(e.own, Interval(whole.low, whole.high))
    return facts


def model_order(
    roots: Iterable[Node], also: Mapping[Node, Sequence[Node]] | None = None
) -> list[Node]:
    """The nodes that the density of a model with these roots needs, in topological order but for
    one thing: what the parameters of a sequence need comes after it, since the parameters depend on
    the values of sequences. `also` are further nodes that come before a node."""
    order: list[Node] = []
    wanted = list(roots)
    also = also or {}

    def needs(node: Node) -> Sequence[Node]:
        return [*_needs(node), *also[node]] if node in also else _needs(node)

    while wanted:
        new = toposort(wanted, given=order, needs=needs)
        order += new
        wanted = []
        for sequence in (x for x in new if isinstance(x.op, RandomSequence)):
            found = resolved(sequence)
            wanted += [*found.variable.inputs, *found.bounded]
    return order


def _needs(node: Node) -> Sequence[Node]:
    """What comes before a node: before a sequence, what its loop reads, its parameters first."""
    if not isinstance(node.op, RandomSequence):
        return node.needs
    loop, own = _opened(node)
    outside = {e.own: e.outer for e in loop.entries()}
    first = [outside[x] for x in toposort(own.inputs) if x in outside]
    return [*dict.fromkeys((*first, *loop_of(node).needs))]
