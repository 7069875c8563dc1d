"""Stacked results of which only the last step is read: a carry takes their place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph.node import Node, made_by, make
from probtensor.graph.parts import Get
from probtensor.graph.walk import rebuild, users_of
from probtensor.ops.indexing.slicing import Slice
from probtensor.ops.kinds import Loop
from probtensor.transform.loops.opened import Entry, closed_again, fresh_parameter, opened


def carry_last_rows(
    outputs: Sequence[Node], order: Sequence[Node], more: bool = False
) -> list[Node]:
    """The outputs, with carries read in place of stacks of which they need only the row that a loop
    makes last: `pt.scan(...)[0][-1]` needs no memory that grows with the number of steps. `order`
    is that of the outputs.

    With `more`, loops get carries for stacks that have none. That is for the end: until then work
    that is not part of the recurrence may move out of the loop, and be done for the last row alone.
    """
    outputs = list(outputs)
    chosen = _read_at_the_end(order, outputs, more)
    if not chosen:
        return outputs
    done: dict[Node, Node] = {}
    results: dict[Node, Sequence[Node | None]] = {}
    for node in order:
        source = node.inputs[0] if node.inputs else None
        if isinstance(node.op, Get) and source in results:
            done[node] = results[source][node.op.index]
        elif node in chosen and isinstance(node.op, Loop):
            results[node] = _with_carries(node, [done.get(x, x) for x in node.inputs], chosen[node])
        elif isinstance(node.op, Slice) and _is_chosen(source, chosen):
            with made_by(node):
                first = replace(node.op, starts=(0, *node.op.starts[1:]))
                done[node] = make(first, (ops.expand_dims(done[source], 0),))
        else:
            done[node] = rebuild(node, tuple(done.get(x, x) for x in node.inputs))
    return [done[y] for y in outputs]


def _is_chosen(stack: Node, chosen: Mapping[Node, Collection[int]]) -> bool:
    return isinstance(stack.op, Get) and stack.op.index in chosen.get(stack.inputs[0], ())


def _read_at_the_end(
    order: Sequence[Node], outputs: Sequence[Node], more: bool
) -> dict[Node, set[int]]:
    """For each loop the positions of the stacks of which only the last row is read."""
    found: dict[Node, set[int]] = {}
    if not any(isinstance(node.op, Loop) for node in order):
        return found
    users, asked = users_of(order), set(outputs)
    for node in order:
        loop = node.inputs[0] if isinstance(node.op, Get) else None
        if loop is None or not isinstance(loop.op, Loop) or node in asked:
            continue
        op, at = loop.op, node.op.index
        if not op.carries <= at < op.carries + op.stacked or op.stops or op.counted:
            continue
        following, stacked, _ = op.split_outputs()
        if not (more or stacked[at - op.carries] in set(following)):
            continue
        last = 0 if op.backwards else op.steps - 1
        if all(_reads_row(user, last) for user in users[node]):
            found.setdefault(loop, set()).add(at)
    return found


def _reads_row(user: Node, row: object) -> bool:
    return isinstance(user.op, Slice) and user.op.sizes[0] == 1 and user.op.starts[0] == row


def _with_carries(
    node: Node, inputs: Sequence[Node], chosen: Collection[int]
) -> Sequence[Node | None]:
    """The results of a loop, with the last value in place of each chosen stack."""
    loop = opened(node, inputs)
    for k in chosen:
        stack = loop.results[k]
        same = (e for e in loop.carries if e.following is stack.value)
        entry = next(same, None)
        if entry is None:
            with made_by(stack.value):
                start = ops.zeros(stack.value.shape, stack.value.dtype)
            entry = Entry(start, fresh_parameter(stack.value), stack.value)
            loop.carries.append(entry)
        loop.stacks.remove(stack)
        loop.results[k] = entry
    return closed_again(loop)
