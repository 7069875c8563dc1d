"""Every rule is at least as accurate as what it replaces; planted unsound rules fail."""

import numpy as np
import pytest

from probtensor import ops
from probtensor.graph import line_of
from probtensor.graph.check import check
from probtensor.rules import STABLE, TOPICS, listing
from probtensor.testing.reference import evaluate_numpy
from probtensor.testing.sound import example_values, faults
from probtensor.transform import FactTable, apply_rules, rewrite, rule, var
from probtensor.transform.rewrite import RewriteError, RewriteLog, Ruleset

# Judged by tests of their own: exact values have no routines, and Bessel functions of 2,000 bits
# take minutes.
APART = ("matrices", "bessels")
RULES = [r for topic, rules in TOPICS.items() if topic not in APART for r in rules]
x, y = var("x"), var("y")


@pytest.mark.parametrize("candidate", RULES, ids=lambda r: r.name)
def test_rule_is_sound(candidate):
    assert not faults(candidate, few=True)


@pytest.mark.slow
@pytest.mark.parametrize("candidate", RULES, ids=lambda r: r.name)
def test_rule_is_sound_at_many_values(candidate):
    assert not faults(candidate, seed=1)


BAD = {
    "lie": rule(ops.log(x * y), ops.log(x) + ops.log(y), over=(-9, 9), why="only if positive"),
    "backwards": rule(ops.softplus(x), ops.log(1 + ops.exp(x)), over=(-800, 800), why="overflow"),
    "zero density lost": rule(
        ops.log(x), ops.log(ops.maximum(x, 1e-304)), over=(0, 1), why="-inf has to stay"
    ),
    "nan lost": rule(ops.sqrt(x), ops.sqrt(ops.abs(x)), over=(-1, 1), why="nan has to stay"),
    "sign": rule(x - y, y - x, over=(-9, 9), why="wrong"),
    "cancellation": rule(ops.expm1(x), ops.exp(x) - 1, over=(-1, 1), why="loses digits"),
    "almost": rule(ops.tanh(x), x - x * x * x / 3, over=(-0.5, 0.5), why="a series cut off"),
    "overflow": rule(ops.abs(x), ops.sqrt(x * x), over=(-1e200, 1e200), why="overflows"),
}


@pytest.mark.parametrize("name", BAD)
def test_planted_bad_rule_is_found(name):
    assert faults(BAD[name])


def test_a_rule_that_does_nothing_is_found():
    @rewrite(on=ops.Exp, example=lambda: ops.exp(ops.tensor("x", (3,))))
    def never(node):
        """Nothing."""
        return None

    assert "does not change its example" in faults(never)[0]


def test_a_function_rule_that_is_wrong_is_found():
    @rewrite(on=ops.Sum, example=lambda: ops.sum(ops.tensor("x", (3, 4)), 0))
    def forget_the_first(node):
        """Wrong: leaves the first row out."""
        return ops.sum(node.inputs[0][1:], node.op.axes) if node.inputs[0].shape[0] == 3 else None

    assert faults(forget_the_first)


def test_rules_undoing_each_other_are_stopped_and_named():
    log = RewriteLog()
    there = rule(ops.sin(x), ops.cos(x), over=(0, 1), why="there")
    back = rule(ops.cos(x), ops.sin(x), over=(0, 1), why="and back")
    t = ops.tensor("t", (3,))
    (after,) = apply_rules([ops.exp(ops.sin(t))], Ruleset(there, back), log)
    assert "sin(x) -> cos(x)" in log.gave_up and "cos(x) -> sin(x)" in log.gave_up
    check([after])


def test_a_rule_that_grows_its_own_node_is_stopped():
    log = RewriteLog()
    grow = rule(ops.sin(x), ops.sin(x) + 1, over=(0, 1), why="never ends")
    apply_rules([ops.sin(ops.tensor("t"))], Ruleset(grow), log)
    assert log.gave_up


def test_a_rule_that_changes_the_type_is_refused_by_name():
    @rewrite(on=ops.Exp, example=lambda: ops.exp(ops.tensor("x", (3,))))
    def to_single(node):
        """Wrong: loses precision."""
        return ops.astype(node.inputs[0], "float32")

    with pytest.raises(RewriteError, match="to_single"):
        apply_rules([ops.exp(ops.tensor("t", (3,)))], Ruleset(to_single))


def test_every_rule_says_why_and_is_listed():
    text = listing()
    for r in RULES:
        assert r.why and r.name in text


def test_names_are_unique():
    assert len({r.name for r in RULES}) == len(RULES)


@pytest.mark.parametrize("candidate", [r for r in RULES if r.example], ids=lambda r: r.name)
def test_rewriting_is_idempotent_and_typed(candidate):
    """The whole set, on the examples: a second run finds nothing, and types stay."""
    found = candidate.example()
    graphs = list(found) if isinstance(found, (tuple, list)) else [found]
    log = RewriteLog()
    once = apply_rules(graphs, STABLE, log)
    assert log.gave_up is None
    check(once)
    assert [a.type for a in once] == [g.type for g in graphs]
    again = RewriteLog()
    twice = apply_rules(once, STABLE, again)
    assert all(a is b for a, b in zip(once, twice)), again


def test_patterns_match_any_shape_dtype_and_order():
    t = ops.tensor("t", (4,), "float32")
    one = ops.broadcast_to(ops.constant(1, "float32"), (4,))
    for naive in (ops.log(1 + ops.exp(t)), ops.log(ops.exp(t) + one), ops.log(one + ops.exp(t))):
        (after,) = apply_rules([naive], STABLE)
        assert after is ops.softplus(t) and after.dtype == "float32"


@pytest.mark.parametrize("dtype", ["int64", "uint8", "int32"])
def test_rules_of_numbers_keep_integers(dtype):
    k, n = ops.tensor("k", (4,), dtype), ops.tensor("n", (4,), dtype)
    chosen = ops.where(k > 1, k, 0) + ops.where(k > 1, n, 0)
    values = {k: np.array([0, 1, 3, 5], dtype), n: np.array([9, 7, 2, 4], dtype)}
    for graph in (chosen, ops.abs(-k)):
        (after,) = apply_rules([graph], STABLE)
        assert after.type == graph.type
        (want,), (got,) = evaluate_numpy([graph], values), evaluate_numpy([after], values)
        assert np.array_equal(got, want), "an unsigned -x wraps around"


def test_origins_survive_rewriting():
    t = ops.tensor("t", (4,))
    naive = ops.log(1 + ops.exp(t))
    (after,) = apply_rules([naive], STABLE)
    assert "test_soundness.py" in line_of(after)


def test_facts_let_rules_in():
    t = ops.tensor("t", (4,))
    (after,) = apply_rules([ops.exp(ops.log(ops.exp(t) + 1))], STABLE)
    assert "log" not in repr(after.op)
    (kept,) = apply_rules([ops.exp(ops.log(t))], STABLE)
    assert kept is ops.exp(ops.log(t)), "log of a negative number is nan, and stays"
    (kept,) = apply_rules([t * 0], STABLE)
    assert kept is not ops.zeros_like(t), "inf * 0 is nan, and stays"
    integral = ops.astype(ops.tensor("i", (4,), "int64"), "float64")
    (gone,) = apply_rules([integral - integral], STABLE)
    assert FactTable().constant(gone) == 0


def test_example_values_are_reproducible():
    graph = ops.exp(ops.tensor("t", (None,)))
    a, b = (example_values([graph], 3) for _ in range(2))
    assert all(np.array_equal(p, q) for p, q in zip(a.values(), b.values()))
