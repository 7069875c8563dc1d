"""The compile report: costs by line, and a witness that finds what is planted."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph.node import make
from probtensor.inspect.reports.costs import Costs, amount
from probtensor.inspect.reports.witness import LOSSY, WRONG, judge
from probtensor.inspect.trace import of_passes
from probtensor.transform import Pass, rewrite, rule, var
from probtensor.transform.rewrite import Ruleset
from tests.inspect.programs import PROGRAMS, compiled, posterior

V, W = var("v"), var("w")


def softplus_rule(factor=1.0, name="v"):
    lhs, rhs = pt.log(1 + pt.exp(V)), pt.special.softplus(V) * factor
    return rule(lhs, rhs, over=(-3, 3), why=f"planted {name}")


@pytest.mark.parametrize("name", [*PROGRAMS, "posterior"])
def test_no_rewrite_of_the_library_is_accused(name):
    f = posterior() if name == "posterior" else compiled(name)
    report = f.report(witness=True)
    assert report.judged.found == () and report.judged.first is None
    assert report.judged.compared >= 1
    assert "none changed a value beyond rounding" in str(report)
    rows = report.rows
    assert rows and all(row.count == len(row.steps) for row in rows)
    places = [(*row.line.rpartition(":")[::2], row.steps) for row in rows]
    assert places == sorted(places, key=lambda place: (place[0], int(place[1]), place[2]))


def test_rows_say_which_rule_where_why_and_what_it_saves():
    report = compiled("dense").report()
    (row,) = [r for r in report.rows if r.rule == "log(1 + exp(x)) -> softplus(x)"]
    assert row.line.startswith("tests/inspect/programs.py:") or "programs.py:" in row.line
    assert row.text == "loss = pt.sum(pt.log(1 + pt.exp(x @ w)))"
    assert "overflows" in row.why and row.stages == ("stabilize",) and row.count == 1
    assert row.after.flops < row.before.flops and row.after.bytes < row.before.bytes
    assert report.after.flops < report.before.flops
    assert {name.partition("[")[0] for name in report.assumed} == {"x.shape", "w.shape"}
    text = str(report)
    assert text.index("loss = pt.sum") < text.index("1 x log(1 + exp(x)) -> softplus(x)")
    assert "of size 100: w.shape[0], x.shape[0], x.shape[1]" in text
    exact = compiled("dense").report(np.zeros((7, 3)), np.zeros(3))
    assert exact.assumed == () and exact.before.flops < report.before.flops
    assert exact.trace.step(row.steps[0]).rule == row.rule


def test_a_planted_wrong_rule_is_named_with_line_values_and_ulps():
    a = pt.vector("a")
    f = pt.function([a], pt.sum(pt.log(1 + pt.exp(a))), target="interp",
                    rules=[softplus_rule(1 + 1e-9)])  # fmt: skip
    at = pt.line_of(f.program.asked.outputs[0])
    for report in (f.report(witness=True), f.report(np.array([0.5, 2.0, 900.0]), witness=True)):
        found = report.judged.first
        assert found.kind == WRONG and found.step.rule.startswith("log(1 + exp(v))")
        assert found.line == at and found.stage == "given rules"
        assert found.before != found.after
        np.testing.assert_allclose(found.ulps, 1e-9 / 2**-52, rtol=0.6)
        assert at in str(report) and "8 are allowed" in str(found)
    assert f.report(np.array([0.5]), witness=True).judged.found[0].step.why == "planted v"


def test_a_rule_that_is_better_than_what_it_replaces_is_not_accused():
    a = pt.vector("a")
    good = rule(pt.log(1 - pt.exp(V)), pt.special.log1mexp(V), over=(-9, -1e-9), why="cancellation")
    values = np.array([-1e-12, -1e-3, -5.0])
    y = pt.log(1 - pt.exp(a))
    f = pt.function([a], y, target="interp", rules=[good, softplus_rule()])
    judged = f.report(values, witness=True).judged
    assert judged.compared and judged.found == ()
    g = pt.function([a], pt.log(1 + pt.exp(a)), target="interp", rules=[softplus_rule()])
    assert g.report(np.array([-800.0, 0.0, 800.0]), witness=True).judged.found == ()


def test_a_rule_that_loses_digits_is_lossy():
    a = pt.vector("a")
    backwards = rule(pt.special.log1mexp(V), pt.log(1 - pt.exp(V)), over=(-9, -1e-9), why="planted")
    f = pt.function([a], pt.special.log1mexp(a) * 1.5, target="interp", rules=[backwards])
    found = f.report(np.array([-2.0, -1e-10]), witness=True).judged.first
    assert found.kind == LOSSY and found.index == (1,) and found.ulps > 1e4
    assert f.report(np.array([-2.0]), witness=True).judged.found == ()


def test_wrong_rules_in_loops_branches_and_gradients_are_found():
    xs, c = pt.vector("xs"), pt.scalar("c")
    walk, _ = pt.scan(lambda x, h: pt.log(1 + pt.exp(x + h)), [xs], outputs_info=[0.0])
    bad = softplus_rule(1.001)
    for outputs, inputs in (
        ([walk], [xs]),
        ([pt.ifelse(c > 9.0, c, pt.log(1 + pt.exp(c)))], [c]),
        ([pt.grad(pt.sum(walk), xs, consider_constant=[])], [xs]),
        ([pt.sum(pt.log(1 + pt.exp(xs.astype("float32"))))], [xs]),
    ):
        found = pt.function(inputs, outputs, target="interp", rules=[bad]).report(witness=True)
        first = found.judged.first
        if first is None:  # the gradient is of the stable form, in which there is nothing to match
            assert not any(step.why == "planted v" for step in found.trace)
            continue
        assert first.step.why == "planted v" and first.kind == WRONG
        assert first.step.node.op.name == "log"


@rewrite(on=pt.exp(V).op.__class__, example=lambda: pt.exp(pt.vector("a")))
def drop_exp(node):
    """A wrong rule: exp(x) -> x + 1."""
    return node.inputs[0] + 1.0


def test_wrong_rules_on_integers_infinities_and_nan():
    k, a = pt.ivector("k"), pt.vector("a")
    off = rule(V + V, V * 3, over=(-9, 9), why="planted")
    found = pt.function([k], k + k, target="interp", rules=[off]).report(
        np.array([0, 2], "int32"), witness=True).judged.first  # fmt: skip
    assert found.index == (1,) and (found.before, found.after) == (4, 6)
    finite = rule(pt.log1p(V), pt.maximum(pt.log(1 + V), -700.0), over=(0, 9), why="planted")
    f = pt.function([a], pt.log1p(a), target="interp", rules=[finite])
    found = f.report(np.array([1.0, -1.0]), witness=True).judged.first
    assert found.index == (1,) and (found.before, found.after) == (-np.inf, -700.0)
    assert f.report(np.array([1.0]), witness=True).judged.found == ()
    g = pt.function([a], pt.exp(a), target="interp", rules=[drop_exp])
    assert "WRONG".lower() in str(g.report(witness=True))
    lost = rule(pt.exp(V), pt.log(V - V), over=(0, 1), why="planted nan")
    assert pt.function([a], pt.exp(a), target="interp",
                       rules=[lost]).report(witness=True).judged.first.ulps == np.inf  # fmt: skip


def test_a_wrong_pass_is_named():
    a = pt.vector("a")

    def wrong_pass(outputs):
        """Adds one."""
        return [y + 1.0 for y in outputs]

    f = pt.function([a], pt.exp(a), target="interp", rules=[wrong_pass])
    found = f.report(witness=True).judged.first
    assert found.kind == WRONG and found.step is None and found.stage == "given rules"


def test_first_of_several_and_passes_of_ones_own():
    x = pt.vector("x")
    once = Pass("first", Ruleset(rule(pt.sin(V), pt.sin(V) * 2, over=(0, 1), why="wrong once")))
    other = Pass("second", Ruleset(rule(pt.cos(V), pt.sin(V), over=(0, 1), why="wrong too")))
    limited = Pass("twice", lambda outputs: [make(y.op, y.inputs) for y in outputs])
    trace = of_passes([limited, other], [pt.cos(x)])
    assert judge(trace, {x: np.array([0.3])}).first.step.why == "wrong too"
    assert once.name == "first"


def test_what_has_no_value_is_counted():
    f = compiled("dense")
    report = f.report(witness=True)
    assert report.judged.skipped == ()
    x = pt.matrix("x")
    singular = pt.function([x], pt.linalg.inv(x) @ x, target="interp")
    judged = singular.report(np.zeros((2, 2)), witness=True).judged
    assert judged.compared + len(judged.skipped) >= 1 and judged.found == ()


def test_arguments_are_checked_and_sampled_by_the_laws():
    f = compiled("dense")
    with pytest.raises(TypeError, match="1 arguments are missing"):
        f.report(np.zeros((2, 2)), witness=True)
    a, b = pt.tensor("a", shape=(None, 3)), pt.vector("b")
    g = pt.function([a, b], pt.linalg.cholesky(a @ a.T + pt.diag(b)), target="interp")
    assert g.report(witness=True).judged.compared  # sizes 3 for a's second axis, equal others
    never = pt.function([b], pt.log(-pt.exp(b)), target="interp")
    with pytest.raises(ValueError, match="give arguments"):
        never.report(witness=True)


def test_costs():
    costs = Costs({})
    a, b = pt.tensor("a", shape=(4, 5)), pt.tensor("b", shape=(5, 6))
    assert costs.of(a @ b).flops == 2 * 4 * 5 * 6
    assert costs.of(a + 1.0).flops == 20 and costs.of(a + 1.0).bytes == 8 * (20 + 1 + 20)
    assert costs.of(pt.sum(a)).flops == 20
    assert costs.of(a.T).flops == 0 and costs.of(a[1:]).bytes == 0
    s = pt.tensor("s", shape=(10, 10))
    assert costs.of(pt.linalg.inv(s)).flops == 2000
    xs = pt.tensor("xs", shape=(50,))
    loop = pt.scan(lambda x, h: h + x, [xs], outputs_info=[0.0])[0]
    assert costs.of_graph([loop]).flops == 50
    assert amount(1500, "flop") == "1.5 kflop" and amount(3, "B") == "3 B"


def test_posterior_reports_begin_with_the_density():
    report = posterior().report()
    assert report.passes[0][0] == "density"
    assert {row.text for row in report.rows} >= {'mu = pt.random.normal(0, 5, name="mu")'}
    assert posterior().trace().stages[0].name == "density"
    q = np.full(10, 0.3)
    assert posterior().report(q, witness=True).judged.found == ()


def test_explain_rewrites_has_a_line_for_each():
    text = compiled("dense").explain("rewrites")
    assert text == str(compiled("dense").trace()) and "softplus" in text


def test_arguments_that_a_call_refuses_are_refused():
    k, x = pt.lvector("k"), pt.vector("x")
    f = pt.function([k, x], pt.sum(k) * x, target="interp")
    for bad, error in (([1.5], TypeError), ("abc", TypeError), ([[1]], ValueError)):
        with pytest.raises(error, match=r"^k: expected"):
            f.report(bad, [1.0])
