"""Loops written as other loops with the same results, through which derivatives go instead.

    drawn       with draws: over the draws, as further sequences
    turned      backwards with a stop condition: forwards over the reversed sequences
    last_steps  truncated: the first steps are a constant, the last ones another loop
    segmented   checkpoint="sqrt": a loop over segments of about sqrt(n) steps, and a rest
    bounded     of no known length: with the length known after the run
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph.closed import closed, is_parameter, with_outputs
from probtensor.graph.node import GraphError, Node, as_tensor, line_of, make
from probtensor.graph.parts import parts
from probtensor.graph.sizes import size_of_value
from probtensor.graph.walk import ancestors
from probtensor.graph.walk import replace as replaced
from probtensor.ops.kinds import Derivatives, Loop, Random, random_nodes
from probtensor.ops.loops.trace import body_of
from probtensor.ops.loops.transforms.flow import another, element_input, fresh, steps_run
from probtensor.types import Dim, Size, size_min

# The results of a loop (the number of steps may be missing) for other inputs.
Form = Callable[[Sequence[Node]], Sequence[Node]]


def reverse_form(node: Node) -> Form | None:
    """The form of a loop for reverse mode; None if it is differentiated as it is."""
    loop = node.op
    form = _other_steps(node)
    if (form or _is_truncated(loop)) and random_nodes(loop.body.order()):
        return drawn(node)
    return form


def _other_steps(node: Node) -> Form | None:
    """The form of a loop whose derivative has other steps; None if it has the same."""
    loop = node.op
    if loop.steps is None:
        return bounded(node)
    if loop.backwards and loop.stops:
        return turned(node)
    divided = loop.checkpoint == "sqrt"
    if _is_truncated(loop) and (divided or steps_run(node) is not None):
        return last_steps(node)
    return segmented(node) if divided else None


def forward_form(node: Node) -> Form | None:
    """The form of a loop for forward mode; None if it is differentiated as it is."""
    if not _is_truncated(node.op):
        return None
    return reverse_form(node) or last_steps(node)


def pulled_through(
    form: Form,
    node: Node,
    cotangents: Sequence[Node | None],
    followed: Sequence[bool],
    derivatives: Derivatives,
) -> list[Node | None]:
    """The gradient of each input of a loop, by reverse mode through another form of it."""
    # Inputs in place of those of the loop, of which one may depend on another.
    stand_ins = [fresh("input", x) for x in node.inputs]
    pairs = [(y, g) for y, g in zip(form(stand_ins), cotangents) if g is not None]
    positions = [k for k, wanted in enumerate(followed) if wanted]
    found = derivatives.pull_back(
        [y for y, _ in pairs], [stand_ins[k] for k in positions], [g for _, g in pairs]
    )
    by_position = {k: g for k, g in zip(positions, found, strict=True) if g is not None}
    changes = dict(zip(stand_ins, node.inputs, strict=True))
    gradients = dict(zip(by_position, replaced(by_position.values(), changes)))
    return [gradients.get(k) for k in range(len(node.inputs))]


def pushed_through(
    form: Form, node: Node, tangents: Sequence[Node | None], derivatives: Derivatives
) -> list[Node | None]:
    """The tangent of each result of a loop, by forward mode through another form of it."""
    stand_ins = [fresh("input", x) for x in node.inputs]
    moving = [k for k, t in enumerate(tangents) if t is not None]
    results = [y for y in form(stand_ins) if y.type.is_float]
    found = derivatives.push_forward(
        results, [stand_ins[k] for k in moving], [tangents[k] for k in moving]
    )
    changes = dict(zip(stand_ins, node.inputs, strict=True))
    by_place = {k: t for k, t in enumerate(found) if t is not None}
    by_place = dict(zip(by_place, replaced(by_place.values(), changes)))
    moved = map(by_place.get, range(len(results)))
    return [next(moved) if y.type.is_float else None for y in parts(node)]


def bounded(node: Node) -> Form:
    """A loop of no known length with the number of steps that it runs as its length, which is data:
    it is run again, and keeps values of each step."""
    loop = node.op
    if any(map(is_parameter, ancestors([node]))):
        raise GraphError(
            f"{loop.user_name()}: a loop without a bound in a step or a branch has no derivative"
            f" in reverse mode, for which it stores each step\n  at {line_of(node)}\n"
            "  give it a bound by max_steps=, or a size as number of steps"
        )
    steps = size_of_value(ops.maximum(steps_run(node), 0))
    known = replace(loop, body=_endless(loop), steps=steps, stops=False, counted=False)

    def form(inputs: Sequence[Node]) -> tuple[Node, ...]:
        return parts(make(known, inputs[: len(loop.body.parameters)]))

    return form


def drawn(node: Node) -> Form:
    """A loop that draws in its steps, as one that reads the draws: these depend on the numbers of
    the steps."""
    loop, order = node.op, node.op.body.order()
    draws = [x for x in order if isinstance(x.op, Random)]
    if len(random_nodes(order)) > len(draws):
        raise GraphError(
            f"{loop.user_name()}: a loop in a step of this one draws random variables, and the "
            f"derivative has other steps (truncated, or checkpoint=)\n  at {line_of(node)}\n"
            "  make the variables before the loop, and give them to it as a sequence"
        )
    following, others, stop = loop.split_outputs()
    ends = () if stop is None else (stop,)
    drawing = with_outputs(loop.body, [*following, *others, *draws, *ends])
    stacks = parts(make(replace(loop, body=drawing), node.inputs))
    stacks = stacks[loop.carries + loop.stacked :][: len(draws)]
    last = loop.carries + loop.sequences
    own = [fresh(x.name, x) for x in loop.body.parameters]
    elements = [fresh("draw", x) for x in draws]
    changes = dict(zip([*loop.body.parameters, *draws], [*own, *elements]))
    reading = closed([*own[:last], *elements, *own[last:]], replaced(loop.body.outputs, changes))
    without = replace(loop, body=reading, sequences=loop.sequences + len(draws))

    def form(inputs: Sequence[Node]) -> tuple[Node, ...]:
        return parts(make(without, (*inputs[:last], *stacks, *inputs[last:])))

    return form


def turned(node: Node) -> Form:
    """A loop that runs backwards and may stop, as one that runs forwards over what the sequences
    are in reversed order."""
    loop = node.op

    def form(inputs: Sequence[Node]) -> list[Node]:
        limit = inputs[-1] if loop.counted else as_tensor(loop.steps)
        rows = ops.arange(loop.steps)
        order = limit - 1 - rows  # its own inverse
        first, last = loop.carries, loop.carries + loop.sequences
        sequences = [_rows_at(x, order) for x in inputs[first:last]]
        ahead = replace(loop, backwards=False)
        found = parts(make(ahead, (*inputs[:first], *sequences, *inputs[last:])))
        stacked = loop.carries + loop.stacked
        stacks = [_where_rows(rows < limit, _rows_at(y, order), 0) for y in found[first:stacked]]
        return [*found[:first], *stacks, *found[stacked:]]

    return form


def last_steps(node: Node) -> Form:
    """A truncated loop as two loops: all steps but the last ones, of which the results are
    constants, and the last ones."""
    loop = node.op
    size = size_min(loop.truncate, loop.steps)
    run = steps_run(node)
    whole = replace(
        loop, body=_endless(loop), stops=False, truncate=None, counted=run is not None
    )
    first, last = loop.carries, loop.carries + loop.sequences

    def form(inputs: Sequence[Node]) -> list[Node]:
        early: Size | Node = loop.steps - size if run is None else ops.maximum(run - size, 0)
        counts = ((), ()) if run is None else ((early,), (run - early,))
        outside = inputs[last : len(loop.body.parameters)]
        if loop.backwards or run is None:
            parts_of = (loop.steps - size, size)
            starts = (size, 0) if loop.backwards else (0, loop.steps - size)
            split = [[ops.narrow(x, 0, start, n) for x in inputs[first:last]]
                     for start, n in zip(starts, parts_of)]  # fmt: skip
        else:
            parts_of = (loop.steps, size)
            rows = early + ops.arange(size)
            split = [inputs[first:last], [_rows_at(x, rows) for x in inputs[first:last]]]
        before = replace(whole, steps=parts_of[0], checkpoint=None)
        found = parts(make(before, (*inputs[:first], *split[0], *outside, *counts[0])))
        found = [ops.stop_gradient(x) if x.type.is_float else x for x in found]
        if run is not None or isinstance(early, Dim):
            some = ops.as_tensor(early) > 0
            found[:first] = [ops.where(some, x, own) for x, own in zip(found, inputs[:first])]
        after = replace(whole, steps=parts_of[1])
        final = parts(make(after, (*found[:first], *split[1], *outside, *counts[1])))
        pairs = zip(found[first:], final[first:])
        if loop.backwards:
            stacks = [ops.concatenate([b, a]) for a, b in pairs]
        elif run is None:
            stacks = [ops.concatenate([a, b]) for a, b in pairs]
        else:
            t = ops.arange(loop.steps)
            stacks = [_where_rows(t < early, a, _rows_at(b, t - early)) for a, b in pairs]
            stacks = [_where_rows(t < run, y, 0) for y in stacks]
        return [*final[:first], *stacks]

    return form


def segmented(node: Node) -> Form:
    """A loop as one over segments of about sqrt(steps) steps, whose steps are an inner loop, and
    one over the steps that remain. Reverse mode stores the carries before each segment, and all
    that it reads of the steps of one segment at a time."""
    loop = node.op
    run = steps_run(node)
    length = root(loop.steps)
    count = loop.steps // length
    main = count * length
    plain = replace(
        loop, body=_endless(loop), stops=False, checkpoint=None, counted=run is not None
    )
    first, last = loop.carries, loop.carries + loop.sequences

    def segments(inputs: Sequence[Node], carries: Sequence[Node]) -> list[Node]:
        own = [fresh(x.name, x) for x in carries]
        pieces = [ops.narrow(x, 0, 0, main) for x in inputs[first:last]]
        pieces = [ops.reshape(x, (count, length, *x.shape[1:])) for x in pieces]
        elements = [element_input(x.name, x) for x in pieces]
        outside = inputs[last : len(loop.body.parameters)]
        counts = []
        if run is not None:
            number = fresh("segment", as_tensor(0))
            pieces, elements = [*pieces, ops.arange(count)], [*elements, number]
            counts = [ops.clip(run - number * length, 0, length)]
        inner = replace(plain, steps=length)
        segment = [*own, *elements[: loop.sequences], *outside, *counts]
        body, read = body_of([*own, *elements], parts(make(inner, segment)))
        found = another(loop, body, count, carries, pieces, read,
                        backwards=loop.backwards, checkpoint="carries")  # fmt: skip
        stacks = [ops.reshape(y, (main, *y.shape[2:])) for y in found[first:]]
        return [*found[:first], *stacks]

    def rest(inputs: Sequence[Node], carries: Sequence[Node]) -> list[Node]:
        size = loop.steps - main
        pieces = [ops.narrow(x, 0, main, size) for x in inputs[first:last]]
        outside = inputs[last : len(loop.body.parameters)]
        counts = [] if run is None else [ops.clip(run - main, 0, size)]
        return list(parts(make(replace(plain, steps=size), [*carries, *pieces, *outside, *counts])))

    def form(inputs: Sequence[Node]) -> list[Node]:
        carries = inputs[:first]
        if loop.steps - main == 0:
            return segments(inputs, carries)
        if loop.backwards:
            second = rest(inputs, carries)
            found = first_part = segments(inputs, second[:first])
        else:
            first_part = segments(inputs, carries)
            found = second = rest(inputs, first_part[:first])
        pairs = zip(first_part[first:], second[first:])
        return [*found[:first], *(ops.concatenate([a, b]) for a, b in pairs)]

    return form


def root(size: Size) -> Size:
    """About the square root of a size, at least 1; where the size is symbolic, up to 2.2 times as
    much, for which segments and their carries take a quarter more than the least memory."""
    if isinstance(size, int):
        return max(math.isqrt(size), 1)
    # The lower envelope of tangents of the root: n / 2a + a / 2 at a**2.
    tangents = [size // (2 * a) + a // 2 for a in (2, 32, 512, 8192)]
    return reduce(size_min, tangents)


def _is_truncated(loop: Loop) -> bool:
    """Whether steps may be left out of the derivative."""
    if loop.truncate is None or loop.steps is None:
        return loop.truncate is not None
    return size_min(loop.truncate, loop.steps) != loop.steps


def _endless(loop: Loop) -> object:
    """The body without its stop condition."""
    following, others, _ = loop.split_outputs()
    return with_outputs(loop.body, [*following, *others])


def _rows_at(x: Node, rows: Node) -> Node:
    """The elements of x along axis 0 at indices, of which those out of range are clipped."""
    return ops.take(x, rows, axis=0, mode="clip")


def _where_rows(condition: Node, x: Node, other: Node | int) -> Node:
    """`where` along axis 0."""
    return ops.where(ops.expand_dims(condition, tuple(range(1, x.ndim))), x, other)
