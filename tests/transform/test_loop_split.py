"""Work beside recurrences: what is moved out of loops, what stays, and that values are the same."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.compile import PIPELINE
from probtensor.graph import toposort
from probtensor.graph.check import check
from probtensor.ops.kinds import Branch, Loop
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.loops.split import split_loops
from probtensor.transform.passes import run

RNG = np.random.default_rng(0)
x, w = pt.vector("x"), pt.matrix("w", shape=(20, 20))
VALUES = {x: RNG.uniform(0.5, 2, 6), w: RNG.normal(size=(20, 20))}


def split(*outputs):
    """The outputs after the pass, and the bodies of their loops; the values stay."""
    after = split_loops(outputs)
    check(after)
    for a, b in zip(evaluate_numpy(outputs, VALUES), evaluate_numpy(after, VALUES), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-13)
    order = toposort(after)
    return after, [node.op.body for node in order if isinstance(node.op, Loop)]


def ops_in(bodies):
    return {type(node.op) for body in bodies for node in body.order()}


def test_functions_of_sequences_are_computed_before():
    _, bodies = split(pt.loop.scan(lambda h, u: (0.5 * h + pt.log(u), None), 0.0, x)[0])
    assert ops.Log not in ops_in(bodies)


def test_functions_of_carries_that_no_carry_needs_are_computed_after():
    last, logs = pt.loop.scan(lambda h, u: (0.5 * h + u, pt.log(h) * pt.exp(u)), 1.0, x)
    _, bodies = split(last, logs)
    assert not {ops.Log, ops.Exp} & ops_in(bodies)


@pytest.mark.parametrize("sign", [1, -1])
def test_carries_that_are_only_added_to_are_sums(sign):
    """In any order of terms, with differences as well."""

    def step(state, u):
        h, total = state
        term = pt.log(h) + u / h
        added = total + term if sign > 0 else total - term
        return (0.5 * h + u, pt.exp(-u * h) + (added - 2.0 * u)), None

    (_, total), _ = pt.loop.scan(step, (1.0, 0.25), x)
    _, bodies = split(total)
    assert not {ops.Log, ops.Exp, ops.Div} & ops_in(bodies)
    assert len(bodies[0].outputs) == 2  # the next h, and h for what comes after


def test_a_sum_that_a_step_reads_stays_a_carry():
    def step(state, u):
        h, total = state
        return (0.5 * h + u * total, total + pt.log(u)), None

    (h, total), _ = pt.loop.scan(step, (1.0, 0.25), x)
    _, bodies = split(h, total)
    assert len(bodies[0].outputs) == 2


def test_products_with_a_matrix_that_does_not_change_are_one():
    rows = x[:, None] * np.ones(20)
    last, states = pt.loop.scan(
        lambda h, u: (pt.tanh(h + u @ w), pt.softplus(h @ w)), pt.zeros(20), rows
    )
    after, bodies = split(last, states)
    assert ops.Contract not in ops_in(bodies)
    assert sum(isinstance(node.op, ops.Contract) for node in toposort(after)) == 2


def test_cheap_work_stays():
    last, hs = pt.loop.scan(lambda h, u: (0.5 * h + 2.0 * u, h), 0.0, x)
    after, bodies = split(last, hs)
    assert all(a is b for a, b in zip(after, (last, hs), strict=True))
    assert ops.Mul in ops_in(bodies)


def test_alternatives_stay_in_steps_once_they_are_branches():
    def step(h, u):
        return pt.tanh(h + u), pt.ifelse(u > 0, pt.exp(pt.exp(u)), u)

    graph = run(PIPELINE, pt.loop.scan(step, 0.0, x))
    (loop,) = {n for n in toposort(graph) if isinstance(n.op, Loop)}
    assert any(isinstance(n.op, Branch) for n in loop.op.body.order())
    assert all(a is b for a, b in zip(split_loops(graph), graph, strict=True))


def test_loops_that_may_stop_are_left_alone():
    """A step that is not run must have no effect: the logarithm of a negative number, here."""
    found, _ = pt.scan(
        lambda u, h: (h + pt.log(2.0 - u), pt.until(u > 1.5)), sequences=x, outputs_info=[0.0]
    )
    bodies = [n.op.body for n in toposort([found]) if isinstance(n.op, Loop)]
    after = split_loops([found])
    assert [n.op.body for n in toposort(after) if isinstance(n.op, Loop)] == bodies


def test_carries_that_read_one_another_change_together():
    """The next values are all computed from the present ones, in compiled loops as well."""

    def step(state, u):
        a, b, c = state
        return (b, a, c + u * b), a - c

    (a, b, c), d = pt.loop.scan(step, (1.0, 2.0, 3.0), x[:5])
    found = pt.function([x], [a, b, c, d])(VALUES[x])
    for got, wanted in zip(found, evaluate_numpy([a, b, c, d], VALUES), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-14)
