"""Stacked results of which the last step is read: a carry takes their place there."""

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
    """The outputs, with carries read in place of the rows of stacks that a loop makes last, so that
    `pt.scan(...)[0][-1]` is one value however much of the stack is read elsewhere, and needs no
    memory that grows with the number of steps if nothing is. `order` is that of the outputs.

    With `more`, loops get carries for stacks that have none, of which only that row is read. That
    is for the end: until then work that is not part of the recurrence may move out of the loop, and
    be done for the last row alone.
    """
    outputs = list(outputs)
    if not any(isinstance(node.op, Loop) for node in order):
        return outputs
    rows = {node: carry for node in order if (carry := _carry_read(node)) is not None}
    chosen = _read_at_the_end(order, outputs, rows) if more else {}
    if not chosen and not rows:
        return outputs
    done: dict[Node, Node] = {}
    results: dict[Node, Sequence[Node | None]] = {}
    for node in order:
        source = node.inputs[0] if node.inputs else None
        if isinstance(node.op, Get) and source in results:
            done[node] = results[source][node.op.index]
        elif node in chosen:
            results[node] = _with_carries(node, [done.get(x, x) for x in node.inputs], chosen[node])
        elif node in rows:
            loop = source.inputs[0]
            carry = rows[node]
            last = results[loop][carry] if loop in results else make(Get(carry), (done[loop],))
            done[node] = _only_row(node, last)
        elif isinstance(node.op, Slice) and _is_chosen(source, chosen):
            done[node] = _only_row(node, done[source])
        else:
            done[node] = rebuild(node, tuple(done.get(x, x) for x in node.inputs))
    return [done[y] for y in outputs]


def _only_row(node: Node, value: Node) -> Node:
    """A slice of the last row, of the value of that row."""
    with made_by(node):
        first = replace(node.op, starts=(0, *node.op.starts[1:]))
        return make(first, (ops.expand_dims(value, 0),))


def _is_chosen(stack: Node, chosen: Mapping[Node, Collection[int]]) -> bool:
    return isinstance(stack.op, Get) and stack.op.index in chosen.get(stack.inputs[0], ())


def _carry_read(node: Node) -> int | None:
    """The carry that is the row of a stack which a node reads, if it is the last one."""
    if not isinstance(node.op, Slice) or not _is_whole_stack(node.inputs[0]):
        return None
    (stack,) = node.inputs
    op = stack.inputs[0].op
    if not _reads_row(node, _last_row(op)):
        return None
    following, stacked, _ = op.split_outputs()
    value = stacked[stack.op.index - op.carries]
    return next((k for k, x in enumerate(following) if x is value), None)


def _is_whole_stack(node: Node) -> bool:
    """Whether a node is a stack of a loop that runs all of its steps."""
    if not isinstance(node.op, Get) or not isinstance(node.inputs[0].op, Loop):
        return False
    op = node.inputs[0].op
    is_stack = op.carries <= node.op.index < op.carries + op.stacked
    return is_stack and not op.stops and not op.counted


def _last_row(op: Loop) -> object:
    return 0 if op.backwards else op.steps - 1


def _read_at_the_end(
    order: Sequence[Node], outputs: Sequence[Node], rows: Collection[Node]
) -> dict[Node, set[int]]:
    """For each loop the positions of the stacks of which only the last row is read, but for those
    that have a carry, which are read at `rows`."""
    found: dict[Node, set[int]] = {}
    users, asked = users_of(order), set(outputs)
    for node in order:
        if node in asked or not _is_whole_stack(node):
            continue
        loop = node.inputs[0]
        last = _last_row(loop.op)
        if all(_reads_row(user, last) and user not in rows for user in users[node]):
            found.setdefault(loop, set()).add(node.op.index)
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
