"""Loops that need to do less: what is left of them, and that their values are the same bits."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.compile import PIPELINE
from probtensor.graph.check import check
from probtensor.graph.closed import closed, with_bodies
from probtensor.graph.node import make
from probtensor.graph.parts import parts
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import Loop
from probtensor.ops.loops.op import Scan, run
from probtensor.ops.loops.trace import body_of
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.loops import simplify
from probtensor.transform.loops.opened import opened
from probtensor.transform.loops.simplify import finish_loops, simplify_loops
from probtensor.transform.loops.unused import drop_unused
from probtensor.transform.passes import run as run_passes

x = ops.tensor("x", (None,))
y = ops.tensor("y", (x.shape[0],))
s, r = ops.tensor("s"), ops.tensor("r")
m = ops.tensor("m", (None, 3))
RNG = np.random.default_rng(0)
VALUES = {x: RNG.normal(size=5), y: RNG.normal(size=5), s: np.array(0.7), r: np.array(-0.4),
          m: RNG.normal(size=(4, 3))}  # fmt: skip


def loops_in(outputs):
    return [node for node in dict.fromkeys(with_bodies(toposort(outputs)))
            if isinstance(node.op, Loop)]  # fmt: skip


def simplified(*outputs):
    """The simplified outputs, which are checked, and their loops."""
    after = simplify_loops(list(outputs))
    check(after, list(VALUES))
    assert all(a.type == b.type for a, b in zip(after, outputs, strict=True))
    again = simplify_loops(after)
    assert all(a is b for a, b in zip(again, after, strict=True))
    for a, b in zip(evaluate_numpy(after, VALUES), evaluate_numpy(outputs, VALUES), strict=True):
        assert a.tobytes() == b.tobytes()
    return after, loops_in(after)


def shape_of(loop):
    """Numbers of (carries, sequences, invariants, stacked results)."""
    op = loop.op
    return op.carries, op.sequences, len(op.split_inputs(loop.inputs)[2]), op.stacked


def stopping(stop, *extra, others=()):
    """A loop over x that stops: its body c -> c + u * s, with more carries and stacked results."""
    c, u = ops.tensor("c"), ops.tensor("u")
    more = [ops.tensor(f"k{k}") for k in range(len(extra))]
    following = [c + u * s, *(f(k, c) for k, (_, f) in zip(more, extra))]
    outputs = [*following, *(f(c) for f in others), stop(c)]
    body, outside = body_of([c, *more, u], outputs)
    first = [ops.as_tensor(0.0), *(start for start, _ in extra)]
    return run(body, x.shape[0], first, [x], outside, stops=True)


# Unused parts.


def test_unused_results_and_what_only_they_read_go():
    def step(c, u):
        a, b, d = c
        return (a * u[0], b + a, d + b), (a * s, ops.exp(d) * u[1] * r)

    (_, _, d), (used, _) = pt.loop.scan(step, (1.0, 0.0, 0.0), (x, y))
    _, (loop,) = simplified(used)
    assert shape_of(loop) == (1, 1, 1, 1)
    _, (loop,) = simplified(d)  # d reads b, which reads a
    assert shape_of(loop) == (3, 1, 0, 0)
    assert not loops_in(simplify_loops([x * 1.0]))


def test_what_only_an_unused_result_of_another_loop_reads_goes():
    _, stacked = pt.loop.scan(lambda c, u: (c + u, c * u), 0.0, x)
    second, _ = pt.loop.scan(lambda c, u: (c * u[0], u[1]), 1.0, (y, stacked))
    _, (loop,) = simplified(second)
    assert shape_of(loop) == (1, 1, 0, 0)
    inside, _ = pt.loop.scan(
        lambda c, row: (c + pt.loop.scan(lambda d, u: (d * u, ops.exp(d)), c, row)[1][0], None),
        s, m,
    )  # fmt: skip
    _, loops = simplified(inside)
    assert len(loops) == 2


def test_an_unused_result_of_an_inner_loop_goes_with_what_it_reads_around():
    def outer(c, row):
        a, b = c
        (d, e), _ = pt.loop.scan(lambda c, u: ((c[0] + u, c[1] * b), None), (a, b), row)
        return (d, e), None

    (a, _), _ = pt.loop.scan(outer, (s, r), m)
    _, loops = simplified(a)
    assert [shape_of(loop)[0] for loop in loops] == [1, 1]


def test_the_stop_condition_stays():
    last, stacked, count = stopping(lambda c: c > 0.5, others=[lambda c: c * r])
    _, (loop,) = simplified(count)
    assert shape_of(loop) == (1, 1, 1, 0) and loop.op.stops
    _, (loop,) = simplified(last, stacked)
    assert shape_of(loop) == (1, 1, 2, 1)


# Equal parts.


def test_sequences_and_invariants_are_read_once():
    def step(c, u):
        return c * u[0] + u[1] * s, None

    last, _ = pt.loop.scan(step, s, (x, x))
    (node,) = [n for n in toposort([last]) if isinstance(n.op, Loop)]
    more, body = ops.tensor("more"), node.op.body
    wider = closed([*body.parameters, more], [body.outputs[0] + more])
    (twice,) = parts(make(Scan(wider, x.shape[0], 1, 2), (*node.inputs, s)))
    _, (loop,) = simplified(twice)
    assert shape_of(loop) == (1, 1, 1, 0)


def test_equal_carries_are_one_also_if_they_feed_each_other():
    def step(c, u):
        a, b, d, e = c
        return (b * u, a * u, e + d, d + a), a + b

    (a, b, d, e), stacked = pt.loop.scan(step, (s, s, s, s), x)
    after, (loop,) = simplified(a, b, d, e, stacked)
    # a and b are one; d and e would be, but what is added to them differs.
    assert shape_of(loop) == (3, 1, 0, 1) and after[0] is after[1]
    _, (loop,) = simplified(*pt.loop.scan(lambda c, u: ((c[0] * u, c[1] * u), None), (s, r), x)[0])
    assert shape_of(loop)[0] == 2


def test_carries_that_keep_their_value_are_invariants():
    def step(c, u):
        a, same, zero, chained = c
        return (a * same + u + zero, same, chained, 0.0), a * same

    (a, same, zero, chained), stacked = pt.loop.scan(step, (s, r, 0.0, 0.0), x)
    after, (loop,) = simplified(a, same, zero, chained, stacked)
    assert shape_of(loop) == (1, 1, 1, 1)
    assert after[1] is r and after[2] is after[3] is ops.as_tensor(0.0)


def test_a_carry_that_is_an_invariant_is_it():
    def step(c, u):
        a, b = c
        return (a * b + u, s), a * s

    (a, b), stacked = pt.loop.scan(step, (r, s), x)
    after, (loop,) = simplified(a, b, stacked)
    assert shape_of(loop) == (1, 1, 1, 1) and after[1] is s


def test_zeros_of_either_sign_are_two_values():
    def step(c, u):
        return (c[0] * u, c[1] * u), None

    (a, b), _ = pt.loop.scan(step, (0.0, -0.0), x)
    _, (loop,) = simplified(a, b)
    assert shape_of(loop)[0] == 2


def test_results_that_need_no_loop_leave_it():
    def step(c, u):
        return c + u, (u, s, 2.0, c * u, c * u)

    last, (same, fixed, two, one, other) = pt.loop.scan(step, 0.0, x)
    after, (loop,) = simplified(last, same, fixed, two, one, other)
    assert shape_of(loop) == (1, 1, 0, 1) and after[1] is x and after[4] is after[5]
    last, *stacks, count = stopping(lambda c: c > 0.2, others=[lambda c: s, lambda c: c])
    _, (loop,) = simplified(last, *stacks, count)
    assert shape_of(loop)[3] == 2  # zeros for the steps that are not run


# Invariant work.


def test_invariant_work_and_constant_arrays_move_out():
    table = ops.constant(np.arange(3.0))
    c, u, w = ops.tensor("c", (3,)), ops.tensor("u"), ops.tensor("w")
    body, outside = body_of([c, u, w], [c * ops.exp(w * 2) + table * u])
    # w is a parameter here, as it is after other rewriting, so exp(w * 2) was not captured.
    last, = run(body, x.shape[0], [ops.zeros(3)], [x], [s, *outside])
    _, (loop,) = simplified(last)
    inside = [node.op.name for node in loop.op.body.order()]
    assert "exp" not in inside and "const" not in inside and shape_of(loop) == (1, 1, 2, 0)


def test_work_of_inner_loops_moves_as_far_out_as_it_can():
    def outer(c, row):
        def inner(d, u):
            return d * ops.exp(row.sum()) + u * ops.exp(s), None

        return pt.loop.scan(inner, c, row)[0], pt.loop.scan(inner, r, m[0])[0]

    last, stacked = pt.loop.scan(outer, r, m)
    after, _ = simplified(last, stacked)
    outside = [node.op.name for node in toposort(after)]
    assert outside.count("exp") == 1
    fixed = pt.loop.scan(
        lambda c, row: (c + pt.loop.scan(lambda d, u: (d * u, None), r, x)[0] * row[0], None),
        s, m,
    )[0]  # fmt: skip
    (after,), _ = simplified(fixed)
    # The inner loop depends on nothing of the step: two loops side by side.
    assert sum(isinstance(node.op, Loop) for node in toposort([after])) == 2


# Merging.


def forward(c, u):
    return ops.tanh(c * s + u), None


def forward_and_saved(c, u):
    return ops.tanh(c * s + u), (c, c * s + u)


def test_a_loop_and_the_same_with_saved_values_are_one():
    last, _ = pt.loop.scan(forward, 0.0, x)
    again, (states, inner) = pt.loop.scan(forward_and_saved, 0.0, x)
    _, (loop,) = simplified(last, states, inner)
    assert shape_of(loop) == (1, 1, 1, 2)
    _, (loop,) = simplified(last, again)
    assert shape_of(loop) == (1, 1, 1, 0)


def test_loops_over_the_same_steps_merge_if_none_depends_on_another():
    first, stacked = pt.loop.scan(lambda c, u: (c + u, c), 0.0, x)
    second, _ = pt.loop.scan(lambda c, u: (c * u, None), 1.0, y)
    third, _ = pt.loop.scan(lambda c, u: (c * u, None), first, x)
    _, (loop,) = simplified(first, second)
    assert shape_of(loop) == (2, 2, 0, 0)
    _, loops = simplified(first, second, third)
    assert len(loops) == 2
    # A chain of two beside a chain of two: pairs merge, and no cycle comes to be.
    fourth, _ = pt.loop.scan(lambda c, u: (c - u, None), second, stacked + y)
    _, loops = simplified(third, fourth)
    assert len(loops) == 2


@pytest.mark.parametrize("other", [{"reverse": True}, {"checkpoint": "sqrt"}])
def test_loops_of_other_options_do_not_merge(other):
    first, _ = pt.loop.scan(forward, 0.0, x)
    second, _ = pt.loop.scan(forward, 0.0, x, **other)
    assert len(simplified(first, second)[1]) == 2


def test_a_loop_without_carries_stays_apart():
    first, _ = pt.loop.scan(forward, 0.0, x)
    mapped = [pt.loop.map(lambda u, k=k: ops.exp(u * k), x) for k in (2.0, 3.0)]
    _, loops = simplified(first, *mapped)
    assert sorted(shape_of(loop)[0] for loop in loops) == [0, 1]


def test_inner_loops_merge():
    def outer(c, row):
        a, _ = pt.loop.scan(forward, c, row)
        b, (states, _) = pt.loop.scan(forward_and_saved, c, row)
        return a, states.sum() + b

    _, loops = simplified(*pt.loop.scan(outer, s, m))
    assert len(loops) == 2


def test_loops_that_stop_merge_if_they_stop_together():
    add = (ops.as_tensor(1.0), lambda k, c: k * c)
    first = stopping(lambda c: c > 0.5)
    second = stopping(lambda c: c > 0.5, add, others=[lambda c: c * r])
    _, (loop,) = simplified(first[0], first[-1], *second)
    assert shape_of(loop) == (2, 1, 2, 1) and loop.op.stops
    later = stopping(lambda c: c > 0.9)
    _, loops = simplified(first[0], later[0], later[-1], first[-1])
    assert len(loops) == 2


def test_the_forward_run_is_shared_with_the_gradient():
    def step(c, u):
        new = ops.exp(s) + ops.sigmoid(r) * c + 0.1 * u * u
        return new, -0.5 * ops.log(new) - u * u / (2 * new)

    _, terms = pt.loop.scan(step, ops.exp(s), x)
    outputs = [ops.sum(terms), *pt.grad(ops.sum(terms), [s, r])]
    after = run_passes(PIPELINE, outputs, inputs=[x, s, r], verify=True)
    directions = [loop.op.backwards for loop in loops_in(after)]
    assert sorted(directions) == [False, True]
    for a, b in zip(evaluate_numpy(after, VALUES), evaluate_numpy(outputs, VALUES), strict=True):
        assert np.allclose(a, b, rtol=1e-12)


def with_rows():
    """A loop c -> tanh(c + u) over x, which stacks c before and after a step and c * u."""
    c, u = ops.tensor("c"), ops.tensor("u")
    after = ops.tanh(c + u)
    body, outside = body_of([c, u], [after, after, c, c * u])
    return run(body, x.shape[0], [s], [x], outside)


def test_the_last_row_of_a_state_is_what_is_carried():
    _, states, before, products = with_rows()
    (row,), (loop,) = simplified(states[-1])
    assert shape_of(loop) == (1, 1, 0, 0) and row.type == states[-1].type
    _, (loop,) = simplified(states[-1], states[0])  # another row is read, too
    assert loop.op.stacked == 1
    _, (loop,) = simplified(before[-1], products[-1])
    assert loop.op.stacked == 2  # they may still move out of the loop
    after = finish_loops([before[-1], products[-1], states[-1]])
    (loop,) = loops_in(after)
    assert shape_of(loop) == (3, 1, 0, 0)
    expected = evaluate_numpy([before[-1], products[-1], states[-1]], VALUES)
    assert [a.tobytes() for a in evaluate_numpy(after, VALUES)] == [b.tobytes() for b in expected]


def test_the_last_row_of_a_loop_backwards_is_its_first():
    c, u = ops.tensor("c", (3,)), ops.tensor("u", (3,))
    body, outside = body_of([c, u], [c + u * u, c + u * u])
    states = run(body, m.shape[0], [m[0]], [m], outside, backwards=True)[1]
    _, (loop,) = simplified(states[0], states[0, ::-1])
    assert loop.op.stacked == 0
    _, (loop,) = simplified(states[-1])
    assert loop.op.stacked == 1


def test_rows_of_loops_that_may_end_early_stay():
    states = stopping(lambda c: c > 1e9, others=(lambda c: c + 1,))
    after = finish_loops([states[1][-1]])
    assert loops_in(after)[0].op.stacked == 1


# What is not done twice.


def test_each_loop_is_simplified_once(monkeypatch):
    changed = []

    def change(loop, needed, original=simplify._change):
        changed.append(loop.node)
        return original(loop, needed)

    monkeypatch.setattr(simplify, "_change", change)
    lasting, _ = pt.loop.scan(lambda c, u: (c * u + s, None), 0.0, x)
    (shorter, _), _ = pt.loop.scan(lambda c, u: ((c[0] + u, c[1] * u), None), (0.0, s), m[:, 0])
    after = simplify_loops([lasting, shorter])
    assert len(changed) == len(set(changed)) == 2
    assert [shape_of(loop) for loop in loops_in(after)] == [(1, 1, 1, 0), (1, 1, 0, 0)]


def test_a_result_reads_what_it_depends_on_after_some_steps():
    a, b, c, u = (ops.tensor(name) for name in "abcu")
    body, outside = body_of([a, b, c, u], [a + b, b * s, c + u, c, b - r])
    assert outside == [s, r]
    scan = Scan(body, x.shape[0], 3, 1)
    read = [scan.inputs_read(k) for k in range(5)]
    assert read == [[0, 1, 4], [1, 4], [2, 3], [2, 3], [1, 4, 5]]


def test_a_result_reads_what_the_results_of_inner_loops_depend_on():
    c, row, w = ops.tensor("c"), ops.tensor("row", (3,)), ops.tensor("w", (3,))
    found, _ = pt.loop.scan(lambda p, u: ((p[0] + u[0], p[1] * u[1]), None), (c, s), (row, w))
    body, outside = body_of([c, row], [found[0], found[1]])
    assert outside == [s, w]
    scan = Scan(body, m.shape[0], 1, 1)
    assert [scan.inputs_read(k) for k in range(2)] == [[0, 1], [2, 3]]


def test_what_is_dropped_follows_from_the_results_that_an_opened_loop_was_given():
    a, b, u = (ops.tensor(name) for name in "abu")
    body, _ = body_of([a, b, u], [a + u, b * 2.0, b - u])
    made = opened(make(Scan(body, x.shape[0], 2, 1), (s, r, x)))
    assert made.is_as_opened
    made.results = list(made.stacks)  # positions are no longer those of the node
    assert not made.is_as_opened
    drop_unused(made, range(1))
    assert [e.outer for e in made.carries] == [r] and [e.outer for e in made.sequences] == [x]
