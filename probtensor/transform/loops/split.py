"""Work that is not part of a recurrence, done for all steps at once.

The nodes of a body fall into three parts:

    before  those that depend on sequences, and on no carry
    core    those that the next carries depend on, through carries
    after   those that depend on carries, while no next carry depends on them

A carry that is only added to, c' = c + g, counts as after: it is init + sum of all g. Before and
after are batched over the steps and computed outside the loop, where they are vectorised, fused,
and one large product instead of many small ones; the loop stacks the values that `after` reads of
the core. A part is moved if that saves more than the loads and stores of the values that pass
between; cheap parts stay, for their operands are in registers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod

from probtensor import ops
from probtensor.dataclass import dataclass, replace
from probtensor.graph.closed import closed, depending
from probtensor.graph.node import Node, make, new_input
from probtensor.graph.parts import Get, parts
from probtensor.graph.walk import conditional, toposort
from probtensor.graph.walk import replace as replaced
from probtensor.ops.kinds import Contraction, Core, Elementwise, Loop, Reduction, View
from probtensor.transform.batch import vmap_nodes
from probtensor.transform.loops.parts import replace_loops, stays

FUNCTION_COST = 10  # of a function or division, relative to an addition
MEMORY_COST = 4  # of a store and a load
UNKNOWN_SIZE = 100  # assumed for symbolic sizes


def split_loops(outputs: Iterable[Node]) -> list[Node]:
    """The outputs with the work around each recurrence moved out of its loop."""
    return replace_loops(outputs, split_loop)


@dataclass(frozen=True)
class _Plan:
    """What is moved out of a body.

    early   nodes that become sequences
    late    positions of the results of the body that are computed after the loop
    sums    for carries that are only added to, by position: the terms of a step
    passed  core values that are stacked, for what is computed after the loop
    """

    early: tuple[Node, ...]
    late: frozenset[int]
    sums: Mapping[int, Sequence[Node]]
    passed: tuple[Node, ...]


def split_loop(node: Node) -> Sequence[Node] | None:
    """The results of a loop in terms of a smaller one; None if nothing is gained.

    Loops that may stop early are left alone: steps that are not run must have no effect.
    """
    op = node.op
    if op.stops or op.counted or op.steps is None or op.steps == 0:
        return None
    order = op.body.order()
    added = _added_terms(op, order)
    plan = _plan(op, order, added) or _plan(op, order, {}) or _plan(op, order, {}, late=False)
    return None if plan is None else _Builder(node, plan).results()


def _plan(
    op: Loop, order: Sequence[Node], sums: Mapping[int, Sequence[Node]], late: bool = True
) -> _Plan | None:
    """A plan that moves these sums and, if `late`, all that follows the core; None if it moves
    nothing, or if the values to be passed cost more than is gained."""
    outputs, count = op.body.outputs, op.carries
    carries, slices, _ = op.split_inputs(op.body.parameters)
    varying = depending(order, [*carries, *filter(stays, order)])
    core = set(toposort(x for k, x in enumerate(outputs[:count]) if k not in sums)) & varying
    core |= set(toposort(x for x in order if x in varying and not _is_movable(x))) & varying
    core |= {x for x in order if isinstance(x.op, Get) and x.inputs[0] in core}
    after = varying - core - set(carries) if late else set()
    moved = {k for k, x in enumerate(outputs) if k >= count and (x in after or x not in varying)}
    targets = [*(outputs[k] for k in moved), *(g for terms in sums.values() for g in terms)]
    work = [x for x in toposort(targets) if x in after]
    passed = dict.fromkeys(
        x for user in [*work, None] for x in (targets if user is None else user.inputs)
        if x in varying and x not in after
    )  # fmt: skip
    stacked = {x for k, x in enumerate(outputs[count:], count) if k not in moved}
    stores = sum(_elements(x) for x in passed if x not in stacked)
    stores -= sum(_elements(outputs[k]) for k in moved if outputs[k] in after)
    gain = sum(map(_cost, work)) + sum(len(terms) for terms in sums.values())
    if passed and gain < MEMORY_COST * (1 + max(0, stores)):
        return None
    stay = [x for k, x in enumerate(outputs) if k not in moved and k not in sums]
    early = _before(order, varying, depending(order, slices), [*stay, *passed])
    if not (early or moved or sums):
        return None
    return _Plan(tuple(early), frozenset(moved), sums, tuple(passed))


def _added_terms(op: Loop, order: Sequence[Node]) -> dict[int, list[Node]]:
    """For each float scalar carry that is only added to, the terms that a step adds."""
    carries = op.body.parameters[: op.carries]
    found: dict[int, list[Node]] = {}
    for k, own in enumerate(carries):
        if own.type.ndim or not own.type.is_float:
            continue
        using = depending(order, [own])
        if any(x in using for j, x in enumerate(op.body.outputs) if j != k):
            continue
        terms = _terms_beside(op.body.outputs[k], own, using)
        if terms:
            found[k] = terms
    return found


def _terms_beside(total: Node, own: Node, using: set[Node]) -> list[Node] | None:
    """The terms of total = own + term + ...; None if it is no such sum."""
    terms: list[Node] = []
    while total is not own:
        if not isinstance(total.op, (ops.Add, ops.Sub)) or total not in using:
            return None
        first, second = total.inputs
        is_sum = isinstance(total.op, ops.Add)
        if second in using and (first in using or not is_sum):
            return None
        if second in using:
            first, second = second, first
        terms.append(second if is_sum else -second)
        total = first
    return terms


def _is_movable(node: Node) -> bool:
    if stays(node):
        return False
    kinds = (Elementwise, View, Reduction, Contraction, Core)
    return isinstance(node.op, kinds) or not node.inputs or not isinstance(node.type, tuple)


def _before(
    order: Sequence[Node], varying: set[Node], read: set[Node], results: Sequence[Node]
) -> list[Node]:
    """The nodes that do not vary with the carries and are worth computing before the loop: those
    that the rest reads, and whose work exceeds the cost of memory."""
    needed = toposort(results)
    users = [x for x in needed if x in varying]
    frontier = dict.fromkeys(x for user in users for x in user.inputs)
    frontier |= dict.fromkeys(results)
    lazy = conditional(results)
    found = []
    for x in frontier:
        if x in read and x not in varying and x not in lazy and x.inputs:
            work = [y for y in toposort([x]) if y in read]
            if all(map(_is_movable, work)) and sum(map(_cost, work)) > MEMORY_COST * _elements(x):
                found.append(x)
    return found


def _elements(node: Node) -> int:
    return prod(n if isinstance(n, int) else UNKNOWN_SIZE for n in node.type.shape)


def _cost(node: Node) -> int:
    """The work of a node in a step, in additions."""
    op = node.op
    if isinstance(op, Elementwise):
        name = op.c or op.symbol
        dear = name.startswith("pt_") or name in ("/", "//", "%", "**", "sqrt")
        return _elements(node) * (FUNCTION_COST if dear else 1)
    if isinstance(op, Reduction):
        return _elements(node.inputs[0])
    if isinstance(op, Contraction):
        sizes = op.letter_sizes([x.type for x in node.inputs]).values()
        return prod(n if isinstance(n, int) else UNKNOWN_SIZE for n in sizes)
    if isinstance(op, Core):
        return FUNCTION_COST * max(map(_elements, node.inputs))
    return 0


class _Builder:
    """Makes the smaller loop, and the results of the loop from its results."""

    def __init__(self, node: Node, plan: _Plan) -> None:
        self.node, self.op, self.plan = node, node.op, plan
        body = node.op.body
        self.own = node.op.split_inputs(body.parameters)
        self.given = node.op.split_inputs(node.inputs)
        self.outside = dict(zip(self.own[2], self.given[2], strict=True))
        self.sequences = dict(zip(self.own[1], map(self._full, self.given[1]), strict=True))

    def _full(self, x: Node) -> Node:
        """A sequence whose size is that of the loop."""
        return ops.broadcast_to(x, (self.op.steps, *x.shape[1:]))

    def _for_all_steps(self, nodes: Sequence[Node], batches: Mapping[Node, Node]) -> list[Node]:
        """Nodes of the body for all steps at once, given values of some of them for all steps."""
        fresh = {x: new_input(None, x.dtype, x.shape) for x in batches}
        cut = replaced(nodes, {**self.outside, **fresh})
        found = vmap_nodes(cut, {fresh[x]: batch for x, batch in batches.items()})
        return list(map(self._full, found))

    def results(self) -> list[Node]:
        """A node for each result of the loop."""
        op, plan, body = self.op, self.plan, self.op.body
        early = self._for_all_steps(plan.early, self.sequences) if plan.early else []
        kept = [k for k in range(op.carries) if k not in plan.sums]
        staying = [k for k in range(op.carries, len(body.outputs)) if k not in plan.late]
        stacked = dict.fromkeys((*(body.outputs[k] for k in staying), *plan.passed))
        made = self._loop(kept, list(stacked), early)
        stacks = dict(zip(stacked, made[len(kept) :], strict=True))
        late = self._late({x: stacks[x] for x in plan.passed})
        found = dict(zip(kept, made, strict=False))
        found |= {k: stacks[body.outputs[k]] for k in staying} | late
        return [found[k] for k in range(len(body.outputs))]

    def _late(self, passed: Mapping[Node, Node]) -> dict[int, Node]:
        """The results that are computed after the loop, by position."""
        plan, outputs = self.plan, self.op.body.outputs
        positions = sorted(plan.late)
        targets = [outputs[k] for k in positions]
        targets += [g for terms in plan.sums.values() for g in terms]
        values = self._for_all_steps(targets, {**self.sequences, **passed})
        found = dict(zip(positions, values, strict=False))
        terms_of = iter(values[len(positions) :])
        for k, terms in plan.sums.items():
            total = self.given[0][k]
            for _ in terms:
                total = total + ops.sum(next(terms_of), axis=0)
            found[k] = total
        return found

    def _loop(
        self, kept: Sequence[int], stacked: Sequence[Node], early: Sequence[Node]
    ) -> Sequence[Node]:
        """The results of the loop over the core: its carries, and what it stacks."""
        op, body = self.op, self.op.body
        fresh = {x: new_input(None, x.dtype, x.shape) for x in self.plan.early}
        outputs = replaced([*(body.outputs[k] for k in kept), *stacked], fresh)
        used = set(toposort(outputs))
        carries = {self.own[0][k]: self.given[0][k] for k in kept}
        sequences = dict(zip(fresh.values(), early, strict=True)) | self.sequences
        sequences = {own: x for own, x in sequences.items() if own in used}
        outside = {own: x for own, x in self.outside.items() if own in used}
        made = closed([*carries, *sequences, *outside], outputs)
        smaller = replace(op, body=made, carries=len(carries), sequences=len(sequences))
        inputs = (*carries.values(), *sequences.values(), *outside.values())
        return parts(make(smaller, inputs))
