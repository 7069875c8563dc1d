"""Passes in bodies of loops: what is rewritten, what is known there, what is recorded."""

import inspect

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.compile import PIPELINE
from probtensor.graph.check import CheckError
from probtensor.graph.closed import all_bodies, with_bodies
from probtensor.graph.node import line_of
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import Composite
from probtensor.rules import STABLE, stabilized
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform import Pass, apply_rules, expand_composites, rule, run, var
from probtensor.transform.bodies import count_nodes, have_bodies
from probtensor.transform.rewrite import Ruleset


def kinds(outputs):
    """The names of all ops, those in bodies included."""
    return [node.op.name for node in dict.fromkeys(with_bodies(toposort(outputs)))]


def loop_of(step, *values, x):
    return pt.loop.scan(step, values if len(values) > 1 else values[0], x)


def test_rules_apply_in_bodies_of_any_depth_and_are_recorded_with_their_lines():
    a, x, m = ops.tensor("a"), ops.tensor("x", (3,)), ops.tensor("m", (2, 3))

    def inner(c, u):
        return ops.log(1 + ops.exp(c + u)), None  # this line

    def outer(c, row):
        return pt.loop.scan(inner, c, row)[0], ops.log(1 + ops.exp(c))

    outputs = [*pt.loop.scan(outer, a, m), pt.loop.scan(inner, a, x)[0]]
    log = []
    after = run((Pass("stabilise", STABLE),), outputs, inputs=[a, x, m], verify=True, log=log)
    assert "exp" not in kinds(after) and kinds(after).count("softplus") == 2
    fired = {(line, count) for name, line, count in log[0].fired if "softplus" in name}
    first = inspect.getsourcelines(inner)[1]
    # The inner body is one value in both loops, and is rewritten once.
    assert {int(line.split(":")[1]): n for line, n in fired} == {first + 1: 1, first + 4: 1}
    assert log[0].nodes_before == count_nodes(outputs) > log[0].nodes_after == count_nodes(after)


def test_lines_of_nodes_in_bodies_survive_the_pipeline():
    x, s = ops.tensor("x", (None,)), ops.tensor("s", (None,))

    def step(c, u):
        return ops.softmax(c * s + u) + ops.log(1 + ops.exp(c)), c  # this line

    # Nodes over scalar parameters may be those of another loop, with its line.
    after = run(PIPELINE, list(pt.loop.scan(step, s, x)), inputs=[x, s], verify=True)
    (body,) = [body for node in toposort(after) for body in all_bodies(node.op)]
    line = f"test_bodies.py:{inspect.getsourcelines(step)[1] + 1}"
    computed = [node for node in body.order() if node.inputs]
    assert len(computed) > 5 and all(line in line_of(node) for node in computed)


def test_composites_are_expanded_in_bodies():
    m = ops.tensor("m", (2, 3))

    def step(c, row):
        inner = pt.loop.scan(lambda d, u: (d + ops.var(row * u), None), 0.0, row)[0]
        return c + inner, ops.log_softmax(row * c)

    outputs = list(pt.loop.scan(step, 0.0, m))
    after = run((Pass("expand", expand_composites),), outputs, inputs=[m], verify=True)
    assert not any(isinstance(node.op, Composite) for node in with_bodies(toposort(after)))
    values = {m: np.random.default_rng(0).normal(size=(2, 3))}
    pairs = zip(evaluate_numpy(after, values), evaluate_numpy(outputs, values), strict=True)
    assert all(np.allclose(a, b, rtol=1e-14) for a, b in pairs)


def test_derivatives_are_those_of_stable_bodies():
    x = ops.tensor("x", (2,))
    last, _ = pt.loop.scan(lambda c, u: (ops.log(1 + ops.exp(c + u)), None), 0.0, x)
    assert "softplus" in kinds(stabilized([last]))
    (slope,) = evaluate_numpy([pt.grad(last, x)], {x: np.array([800.0, 800.0])})
    assert np.allclose(slope, [1.0, 1.0], rtol=1e-15)


def test_a_pass_that_changes_types_in_a_body_is_named():
    x = ops.tensor("x", (3,))
    wide, narrow = ops.tensor("wide", (3,)), ops.tensor("narrow")

    def shrink(outputs):
        return [ops.sum(y) if y.type == wide.type else y for y in outputs]

    _, stacked = pt.loop.scan(lambda c, u: (c + u, ops.broadcast_to(c, (3,))), narrow, x)
    with pytest.raises(CheckError, match=r"shrink.*in a body: output 1"):
        run((Pass("shrink", shrink),), [stacked])


def test_rules_that_undo_each_other_in_a_body_are_named():
    v = var("x")
    spin = Ruleset(
        rule(ops.sin(v), ops.cos(v), over=(0, 1), why="there"),
        rule(ops.cos(v), ops.sin(v), over=(0, 1), why="and back"),
    )
    last, _ = pt.loop.scan(lambda c, u: (ops.sin(c) * u, None), 0.5, ops.tensor("x", (3,)))
    with pytest.raises(CheckError, match=r"spin.*undo each other"):
        run((Pass("spin", spin),), [last], verify=True)


def test_a_pass_visits_only_bodies_with_its_ops():
    x, visited = ops.tensor("x", (3,)), []

    def note(outputs):
        visited.append({type(node.op) for node in toposort(outputs)})
        return outputs

    total, _ = pt.loop.scan(lambda c, u: (c + ops.exp(u), None), 0.0, x)
    product, _ = pt.loop.scan(lambda c, u: (c * u, None), 1.0, x)
    outputs = [total, product]
    assert all(a is b for a, b in zip(run((Pass("note", note, on=(ops.Exp,)),), outputs), outputs))
    assert [ops.Exp in kinds for kinds in visited] == [True, False]  # a body, and the graph
    run((Pass("note", note, on=(ops.Sin,)),), outputs)
    assert len(visited) == 2


# What is known in a body.


POSITIVE = Ruleset(rule(ops.abs(var("x")), var("x"), over=(0, 9), why="x >= 0",
                        given=lambda m: m.facts.bounds(m.x).nonnegative))  # fmt: skip


def absolutes(outputs):
    return kinds(apply_rules(outputs, POSITIVE)).count("abs")


def test_signs_of_invariants_and_sequences_hold_in_the_body():
    s, x = ops.tensor("s"), ops.tensor("x", (4,))
    for outside, elements, left in [
        (ops.exp(s), x, 1),
        (s, ops.exp(x), 1),
        (ops.exp(s), ops.exp(x), 0),
        (s, x, 2),
    ]:
        last, _ = pt.loop.scan(lambda c, u, o=outside: (c + ops.abs(u) * ops.abs(o), None), 0.0,
                               elements)  # fmt: skip
        assert absolutes([last]) == left


def test_the_sign_of_a_carry_holds_if_each_step_keeps_it():
    s, x = ops.tensor("s"), ops.tensor("x", (4,))
    up, down, any_sign = ops.exp(s), -ops.exp(s), s

    def kept(c, u):
        a, b, d = c
        return (ops.abs(a) + ops.square(u) * ops.abs(b), ops.sqrt(b) + ops.exp(u), d * 2), None

    def lost(c, u):
        a, b, d = c
        return (ops.abs(a) + b, ops.abs(b) * u, d), None

    assert absolutes(pt.loop.scan(kept, (up, up, any_sign), x)[0]) == 0
    assert absolutes(pt.loop.scan(kept, (down, up, any_sign), x)[0]) == 1
    # b loses its sign in a step, and with it a.
    assert absolutes(pt.loop.scan(lost, (up, up, any_sign), x)[0]) == 2


def test_facts_of_one_loop_are_not_those_of_another_with_the_same_body():
    s, x = ops.tensor("s"), ops.tensor("x", (4,))

    def sums(of):
        return pt.loop.scan(lambda c, u: (c + ops.abs(u), None), 0.0, of)[0]

    plain, positive = apply_rules([sums(x), sums(ops.exp(x * s))], POSITIVE)
    assert "abs" in kinds([plain]) and "abs" not in kinds([positive])


def test_literals_outside_are_literals_for_rules_in_the_body():
    x = ops.tensor("x", (4,))
    identity = Ruleset(
        rule(var("x") * 1, var("x"), over=(-9, 9), why="1 is the identity of *"),
    )
    ones, zeros = ops.ones(3), ops.zeros(3)

    def step(c, u):
        return c * ones + u * zeros, None

    last, _ = pt.loop.scan(step, ops.zeros(3), x)
    assert kinds([last]).count("mul") == 2
    after = apply_rules([last], identity)
    assert kinds(after).count("mul") == 1
    signed, _ = pt.loop.scan(lambda c, u: (c * ops.full(3, -0.0), c), ops.full(3, -0.0), x)
    plain, _ = pt.loop.scan(lambda c, u: (c * ops.full(3, 0.0), c), ops.full(3, -0.0), x)
    both = apply_rules([signed, plain], STABLE)
    for a, b in zip(evaluate_numpy(both, {x: np.ones(4)}),
                    evaluate_numpy([signed, plain], {x: np.ones(4)}), strict=True):  # fmt: skip
        assert a.tobytes() == b.tobytes()


def test_what_becomes_a_literal_outside_is_one_for_rules_in_the_body():
    """A constant that rules compute; the elements of a sequence of equal literals."""
    two, x = pt.astype(pt.as_tensor(2), "float64"), pt.vector("x")
    _, first = loop_of(lambda c, e: (c / two + e,) * 2, 0.5, x=x)
    _, second = pt.loop.scan(lambda c, e: (c / e + e,) * 2, 0.5, np.full(3, 4.0))
    assert "div" in kinds([first]) and "div" in kinds([second])
    assert "div" not in kinds(apply_rules([first, second], STABLE))


def test_graphs_without_bodies_are_recognised():
    x = ops.tensor("x", (3,))
    assert not have_bodies(toposort([ops.exp(x)]))
    assert have_bodies(toposort([pt.loop.scan(lambda c, u: (c + u, None), 0.0, x)[0]]))
