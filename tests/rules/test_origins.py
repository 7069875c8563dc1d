"""Rewriting and differentiation keep provenance: each node made names a line of the graph it was
made from, and what takes the place of an output names the output's line."""

import pytest

from probtensor import ops
from probtensor.compile import PIPELINE
from probtensor.graph import toposort
from probtensor.graph.node import Input, made_by, new_input, origin_of
from probtensor.graph.parts import types_of
from probtensor.graph.walk import rebuild
from probtensor.rules import TOPICS, grad
from probtensor.testing.generate import random_graph
from probtensor.transform.passes import run
from probtensor.transform.pattern import Var
from probtensor.transform.rewrite import Ruleset, apply_rules

FILE = "/models/model.py"
RULES = [r for rules in TOPICS.values() for r in rules]


def on_own_lines(outputs):
    """The same graphs over new inputs, each node made on a line of its own."""
    made = {}
    for line, node in enumerate(toposort(outputs), 1):
        with made_by(None, (FILE, line)):
            if isinstance(node.op, Var):
                made[node] = new_input(node.op.label, node.dtype, (3,))
            elif isinstance(node.op, Input):
                made[node] = new_input(node.name, node.dtype, node.shape)
            else:
                made[node] = rebuild(node, tuple(made[x] for x in node.inputs))
    return [made[node] for node in outputs]


def examples(candidate):
    if candidate.lhs is not None:
        return [candidate.lhs]
    found = candidate.example()
    return list(found) if isinstance(found, (tuple, list)) else [found]


def has_derivative(y):
    floats = [node for node in toposort([y]) if any(t.is_float for t in types_of(node))]
    return all(getattr(node.op, "differentiable", True) for node in floats)


def of_inputs(outputs):
    """The nodes that depend on inputs; others may be part of graphs made elsewhere before."""
    found = set()
    for node in toposort(outputs):
        if any(isinstance(x.op, Input) or x in found for x in node.inputs):
            found.add(node)
    return found


def assert_lines_kept(before, after):
    origins = {origin_of(node) for node in toposort(before)}
    for old, new in zip(before, after, strict=True):
        if new in of_inputs(after) and new not in set(toposort(before)):
            assert origin_of(new) == origin_of(old), (old, new)
    for node in of_inputs(after):
        assert origin_of(node) in origins, (node, origin_of(node))


@pytest.mark.parametrize("candidate", RULES, ids=lambda r: r.name)
def test_a_rule_keeps_lines(candidate):
    before = on_own_lines(examples(candidate))
    assert_lines_kept(before, apply_rules(before, Ruleset(candidate)))


@pytest.mark.parametrize("seed", range(40))
def test_the_pipeline_keeps_lines(seed):
    before = on_own_lines(random_graph(seed).outputs)
    assert_lines_kept(before, run(PIPELINE, before))


@pytest.mark.parametrize("seed", range(40))
def test_gradients_name_lines_of_what_they_are_of(seed):
    outputs = on_own_lines(random_graph(seed).outputs)
    floats = [y for y in outputs if y.type.is_float and has_derivative(y)]
    inputs = [x for x in toposort(floats) if isinstance(x.op, Input) and x.type.is_float]
    if not inputs:
        return
    with made_by(None, (FILE, 1000)):
        cost = sum((ops.sum(y) for y in floats), ops.constant(0.0))
    origins = {origin_of(node) for node in toposort([cost])} | {(FILE, 2000)}
    with made_by(None, (FILE, 2000)):
        gradients = grad(cost, inputs, disconnected_inputs="ignore")
    for node in of_inputs(gradients):
        assert origin_of(node) in origins, node


def test_a_node_made_without_a_line_is_found():
    x = new_input("x", "float64", (3,))
    with made_by(None, (FILE, 1)):
        before = [ops.exp(x)]
    with made_by(None, ("/others.py", 1)):
        after = [ops.exp(x + 1.0)]
    with pytest.raises(AssertionError):
        assert_lines_kept(before, after)
