"""The rules that are tried: none is passed over that would fire, and few are tried in vain."""

from collections import Counter
from dataclasses import replace

import pytest

from probtensor import ops
from probtensor.compile import PIPELINE
from probtensor.graph import toposort
from probtensor.rules import COMPILED, FINAL, PICKS, STABLE, value_and_grad
from probtensor.rules.probability import polynomials
from probtensor.rules.sets import TOPICS
from probtensor.testing.generate import random_graph
from probtensor.testing.sound import examples_of
from probtensor.transform import apply_rules, run
from probtensor.transform.pattern import Var, instantiate
from probtensor.transform.rewrite import Findings, Ruleset

RULES = {r.name: r for rules in TOPICS.values() for r in rules}


def tried_everywhere(rules):
    """The same rules, tried on all nodes whatever ops there are."""
    return Ruleset(*(replace(r, among=(), operands=()) for r in rules))


FREE = {rules: tried_everywhere(rules) for rules in (STABLE, PICKS, FINAL)}


def graphs_of(candidate):
    """Graphs that a rule changes."""
    if candidate.example:
        return examples_of(candidate)
    variables = [n for n in toposort([candidate.lhs]) if isinstance(n.op, Var)]
    inputs = {n.op.label: ops.tensor(n.op.label, (3,), n.dtype) for n in variables}
    return [instantiate(candidate.lhs, inputs)]


def assert_same(graphs):
    for rules, free in FREE.items():
        found, expected = apply_rules(graphs, rules), apply_rules(graphs, free)
        assert all(a is b for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("candidate", RULES.values(), ids=RULES)
def test_a_rule_fires_on_its_examples_whatever_it_is_restricted_to(candidate):
    free = tried_everywhere([candidate])
    graphs = graphs_of(candidate)
    found, expected = (apply_rules(graphs, rules) for rules in (Ruleset(candidate), free))
    assert all(a is b for a, b in zip(found, expected, strict=True))


def test_no_rule_that_is_passed_over_would_fire_on_examples():
    assert_same([graph for r in RULES.values() for graph in graphs_of(r)])


@pytest.mark.parametrize("seed", range(40))
def test_no_rule_that_is_passed_over_would_fire_on_random_graphs(seed):
    assert_same(list(random_graph(seed, 14, loops=False).outputs))


def test_shared_findings_change_nothing():
    graphs = [graph for r in RULES.values() for graph in graphs_of(r)]
    findings = Findings()
    shared = alone = graphs
    for rules in (STABLE, PICKS, FINAL, STABLE):
        shared = apply_rules(shared, rules, findings=findings)
        alone = apply_rules(alone, rules)
        assert all(a is b for a, b in zip(shared, alone, strict=True))


# How much is tried.


def normal(x, mu, sigma):
    return -0.5 * ops.square((x - mu) / sigma) - ops.log(sigma)


def regression():
    x, y, w = ops.tensor("x", (None, 3)), ops.tensor("y", (None,)), ops.tensor("w", (3,))
    scale = ops.exp(ops.tensor("s"))
    return ops.sum(normal(y, x @ w, scale)) + ops.sum(normal(w, 0.0, 2.5)), [w]


def logistic():
    x, y, w = ops.tensor("x", (None, 3)), ops.tensor("y", (None,)), ops.tensor("w", (3,))
    eta = x @ w
    return ops.sum(y * eta - ops.log(1 + ops.exp(eta))), [w]


def chain(length):
    x = start = ops.tensor("x", (5,))
    for k in range(length):
        x = ops.sin(x) * (1.0 + 0.1 * k) + start
    return ops.sum(x), [start]


def hierarchy():
    mu, tau, z = ops.tensor("mu"), ops.exp(ops.tensor("t")), ops.tensor("z", (8,))
    y, sigma = ops.tensor("y", (8,)), ops.tensor("sigma", (8,))
    cost = ops.sum(normal(y, mu + tau * z, sigma)) + ops.sum(normal(z, 0.0, 1.0))
    return cost, [mu, z]


def counting(rules, count):
    """The rules, which count how often they are tried."""

    def counted(r):
        def apply(node, facts):
            count[r.name] += 1
            return r.apply(node, facts)

        return replace(r, apply=apply)

    return Ruleset(*map(counted, rules))


def tries(cost, wrt):
    """(tries of rules in the passes of a compilation, nodes before them)."""
    graph = list(value_and_grad(cost, wrt))
    graph = [graph[0], *graph[1]]
    count = Counter()
    passes = [
        replace(step, action=counting(step.action, count))
        if isinstance(step.action, Ruleset) else step
        for step in PIPELINE
    ]  # fmt: skip
    run(passes, graph)
    return sum(count.values()), len(toposort(graph))


@pytest.mark.parametrize("model", [regression, logistic, hierarchy, lambda: chain(30)])
def test_few_rules_are_tried_for_each_node(model):
    found, nodes = tries(*model())
    assert found < 10 * nodes


def test_tries_grow_with_the_graph():
    small, large = tries(*chain(25))[0], tries(*chain(100))[0]
    assert large < 4.5 * small


@pytest.mark.parametrize("function, expands", [(ops.sigmoid, True), (ops.exp, False)])
def test_only_what_may_hold_a_probability_is_expanded(function, expands, monkeypatch):
    expanded = []

    class Recorded(polynomials.Expansion):
        def of(self, node, *rest):
            expanded.append(node)
            return super().of(node, *rest)

    monkeypatch.setattr(polynomials, "Expansion", Recorded)
    x, y = ops.exp(ops.tensor("x", (3,))), function(ops.tensor("y", (3,)))
    for _ in range(3):
        x, y = x + 0.5 * (x - x * y), y + 0.5 * (x * y - y)
    apply_rules([ops.log(x)], STABLE)
    assert bool(expanded) == expands


def test_patterns_keep_dtypes():
    """Both sides have the dtype of their variables, whatever literals they have."""
    patterns = [r for r in RULES.values() if r.rhs is not None and r.rhs.inputs]
    assert len(patterns) > 50
    for r in patterns:
        variables = [n for n in toposort([r.lhs]) if isinstance(n.op, Var)]
        kinds = {n: "float32" if n.type.is_float else n.dtype for n in variables}
        inputs = {n.op.label: ops.tensor(n.op.label, (3,), kinds[n]) for n in variables}
        sides = [instantiate(side, inputs).dtype for side in (r.lhs, r.rhs)]
        assert sides[0] == sides[1], r.name


def test_what_fits_is_learnt_once_for_all_parts_of_a_set():
    x = ops.tensor("x", (7,))
    whole = STABLE.whole
    assert COMPILED.whole is whole and FINAL.whole is whole
    y = [ops.exp(2.5 * x) / ops.expm1(x)]
    apply_rules(y, COMPILED)
    learnt = dict(whole._by_form)
    apply_rules(y, STABLE)  # of whose forms none is new
    assert whole._by_form == learnt


def test_a_part_has_the_order_of_the_whole():
    first, second, third = list(STABLE)[:3]
    whole = Ruleset(first, second, third)
    assert list(whole.part(Ruleset(first, third))) == [first, third]
    for wrong in (Ruleset(third, first), Ruleset(first, list(STABLE)[3])):
        with pytest.raises(TypeError, match="in the order of the whole"):
            whole.part(wrong)
