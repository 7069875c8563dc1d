"""Running passes: order, records, verification."""

from dataclasses import replace

import numpy as np
import pytest

from probtensor import ops
from probtensor.compile import PIPELINE, function
from probtensor.function.program import flatten
from probtensor.graph.check import CheckError
from probtensor.graph.node import make
from probtensor.graph.text import to_text
from probtensor.ops.kinds import Composite
from probtensor.rules import SIMPLIFY, STABLE
from probtensor.testing.generate import random_graph
from probtensor.transform import Pass, expand_composites, rule, run, var
from probtensor.transform.passes import report
from probtensor.transform.rewrite import Ruleset, apply_rules
from tests.models.programs import MODELS

x = var("x")


def test_passes_run_in_order_and_are_recorded():
    t = ops.tensor("t", (3,))
    log = []
    passes = (Pass("simplify", SIMPLIFY), Pass("stabilise", STABLE))
    (after,) = run(passes, [ops.log(1 + ops.exp(t)) + 0], inputs=[t], verify=True, log=log,
                   texts=True)  # fmt: skip
    assert after is ops.softplus(t)
    assert [r.name for r in log] == ["simplify", "stabilise"]
    assert log[0].nodes_before == 7 and log[1].nodes_after == 2
    assert log[0].fired[0][0] == "x + 0 -> x" and "test_passes.py" in log[0].fired[0][1]
    assert log[1].text.endswith("return v0\n") and log[0].seconds > 0
    assert "softplus" in report(log) and "stabilise" in report(log)


def test_composites_are_expanded_to_the_last():
    t = ops.tensor("t", (3, 4))
    y = ops.log_softmax(ops.softmax(t, 1), 1) + ops.stop_gradient(t)
    (after,) = run((Pass("expand", expand_composites),), [y], verify=True)
    from_ops = [n for n in _nodes(after) if isinstance(n.op, Composite)]
    assert not from_ops and after.type == y.type


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_pass_that_is_skipped_would_change_nothing(model):
    _, outputs, updates = model()
    graph = [*(leaf.variable for leaf in flatten(outputs)[0]), *updates.values()]
    never_skipped = [replace(step, on=None) for step in PIPELINE]
    skipping, running = run(PIPELINE, graph), run(never_skipped, graph)
    assert all(a is b for a, b in zip(skipping, running, strict=True))


@pytest.mark.parametrize("seed", range(12))
def test_a_pass_that_is_skipped_would_change_nothing_of_random_graphs(seed):
    graph = list(random_graph(seed, 14, loops=seed % 4 == 0).outputs)
    never_skipped = [replace(step, on=None) for step in PIPELINE]
    skipping, running = run(PIPELINE, graph), run(never_skipped, graph)
    assert [to_text([a]) for a in skipping] == [to_text([a]) for a in running]


def test_rules_are_tried_on_a_node_once_though_a_pass_applies_them_itself():
    tried = []

    def never(node, facts):
        tried.append(node)

    rules = Ruleset(replace(next(iter(SIMPLIFY.on(ops.Exp))), on=(ops.Exp,), among=(),
                            operands=(), apply=never))  # fmt: skip
    y = ops.exp(ops.tensor("t", (3,)))
    again = Pass("again", lambda outputs, findings: apply_rules(outputs, rules, findings=findings),
                 descends=True, rewrites=True)  # fmt: skip
    assert run((Pass("rules", rules), again), [y], verify=True) == [y] and tried == [y]


def test_a_pass_over_other_ops_is_not_run():
    def fails(outputs):
        raise AssertionError("it was run")

    t = ops.tensor("t", (3,))
    passes = (Pass("never", fails, on=(ops.Sin,)), Pass("simplify", SIMPLIFY))
    (after,) = run(passes, [ops.exp(t) + 0])
    assert after is ops.exp(t)
    with pytest.raises(AssertionError, match="it was run"):
        run(passes, [ops.sin(t)])


def _nodes(node):
    seen, stack = set(), [node]
    while stack:
        top = stack.pop()
        if top not in seen:
            seen.add(top)
            stack.extend(top.inputs)
    return seen


def test_a_pass_that_changes_types_is_named():
    bad = Pass("shrink", lambda outputs: [ops.sum(y) for y in outputs])
    with pytest.raises(CheckError, match="shrink"):
        run((bad,), [ops.tensor("t", (3,))], verify=True)


def test_a_pass_that_brings_strangers_in_is_named():
    t, stranger = ops.tensor("t", (3,)), ops.tensor("stranger", (3,))
    bad = Pass("smuggle", lambda outputs: [y + stranger for y in outputs])
    with pytest.raises(CheckError, match=r"smuggle.*stranger"):
        run((bad,), [t], inputs=[t], verify=True)


def test_a_pass_that_does_not_end_is_named():
    spin = Ruleset(
        rule(ops.sin(x), ops.cos(x), over=(0, 1), why="there"),
        rule(ops.cos(x), ops.sin(x), over=(0, 1), why="and back"),
    )
    t = ops.tensor("t", (3,))
    with pytest.raises(CheckError, match=r"spin.*undo each other"):
        run((Pass("spin", spin),), [ops.sin(t)], verify=True)
    assert run((Pass("spin", spin),), [ops.sin(t)])[0].type == t.type


def test_work_per_node_does_not_grow_with_the_graph():
    """Rules fire a fixed number of times for each repetition of a pattern."""
    counts = []
    for size in (50, 100):
        t = y = ops.tensor("t", (3,))
        for _ in range(size):
            y = ops.sin(ops.log(1 + ops.exp(y * 1)) + 0)
        log = []
        run((Pass("all", STABLE),), [y], log=log)
        counts.append(sum(count for *_, count in log[0].fired))
        assert log[0].nodes_after == 2 * size + 1, t
    assert counts[1] == 2 * counts[0]


class _SolvedByInverse(Composite):
    """inv(a) @ b, written as it should not be."""

    name = "solved_by_inverse"

    def infer(self, a, b):
        return b

    def numpy(self, a, b):
        return np.linalg.inv(a) @ b

    def expand(self, a, b):
        return ops.inv(a) @ b


@pytest.mark.parametrize("target", ["interp", "machine"])
def test_a_composite_that_a_rule_makes_of_an_expansion_is_expanded(target):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 3)), rng.normal(size=(3, 2))
    x, y = ops.tensor("x", (3, 3)), ops.tensor("y", (3, 2))
    solved = function([x, y], make(_SolvedByInverse(), (x, y)), target=target)
    np.testing.assert_allclose(solved(a, b), np.linalg.solve(a, b), rtol=1e-12)


def test_composites_that_decide_sizes_alone_end_the_expansion():
    t = ops.tensor("t", (None,))
    (after,) = expand_composites([ops.arange(ops.argmax(t))])
    assert after.type.ndim == 1
