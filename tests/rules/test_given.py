"""Rules and passes that a user gives to one function."""

import re

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import GraphError
from probtensor.graph.walk import toposort
from probtensor.rules import STABLE
from probtensor.testing.sound import faults
from probtensor.transform import Pass, Ruleset, rewrite, rule, var
from probtensor.transform.rewrite import RewriteError

x, y = var("x"), var("y")
HALF = rule(pt.sin(x) * pt.cos(x), pt.sin(2 * x) / 2, over=(-3, 3), everywhere=False,
            why="one function for two")  # fmt: skip
A, V = pt.scalar("a"), pt.vector("v")


def kinds(node):
    return {type(n.op).__name__ for n in toposort([node])}


@rewrite(on=ops.Sum, example=lambda: ops.sum(ops.vector("x")))
def sum_as_dot(node):
    """sum(x) of a vector -> dot(x, 1)."""
    (v,) = node.inputs
    return ops.dot(v, ops.ones_like(v)) if v.ndim == 1 else None


def test_a_rule_fires_in_one_function_alone():
    product = pt.sin(V) * pt.cos(V)
    given, plain = (pt.function([V], product, target="interp", rules=r) for r in ([HALF], ()))
    values = np.linspace(-3, 3, 7)
    np.testing.assert_allclose(given(values), plain(values), rtol=1e-14, atol=1e-16)
    computed = [kinds(f.compilation.lowered().outputs[0]) for f in (given, plain)]
    assert "Cos" not in computed[0] and "Cos" in computed[1]
    f = pt.function([V], {"both": [product, product + 1]}, rules=HALF, target="interp")
    np.testing.assert_allclose(f(values)["both"][1], plain(values) + 1, rtol=1e-14)


def test_rules_are_sound_or_not():
    assert not faults(HALF, few=True)
    wrong = rule(pt.sin(x) * pt.cos(x), pt.sin(2 * x), over=(-3, 3), everywhere=False,
                 why="half of it is missing")  # fmt: skip
    assert faults(wrong, few=True)
    assert faults(rule(HALF.lhs, HALF.rhs, over=(-3, 3), why="2 * x may overflow"), few=True)


def test_the_guide_is_right(root, capsys):
    text = (root / "docs" / "rules.md").read_text(encoding="utf-8")
    names = {}
    for program in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(program, "docs/rules.md", "exec"), names)
    printed = capsys.readouterr().out.split("\n")
    said = re.findall(r"# prints (.*)", text)
    assert said and said == [line for line in printed if line]


def test_rules_sets_and_passes_in_order():
    product = pt.sin(A) * pt.cos(A)
    seen = []

    def note(outputs):
        seen.append(kinds(outputs[0]))
        return outputs

    after = pt.rewrite_graph(product, [note, Ruleset(HALF), note, Pass("own", note)])
    assert ["Cos" in found for found in seen] == [True, False, False]
    assert kinds(after) == {"Input", "Mul", "Sin", "Div", "Const"}
    several = pt.rewrite_graph([product, pt.sum(V)], [HALF, sum_as_dot])
    assert "Cos" not in kinds(several[0]) and "Contract" in kinds(several[1])
    assert pt.rewrite_graph([A, V], []) == [A, V]


def test_without_rules_the_stable_form_is_given():
    after = pt.rewrite_graph(pt.log(1 + pt.exp(A)))
    assert "Log" not in kinds(after)
    np.testing.assert_allclose(after.eval({A: 800.0}), 800.0)
    assert pt.rewrite_graph(after) is after
    assert pt.rewrite_graph(after, STABLE) is after


def test_what_calls_check_of_sizes_stays():
    w = pt.vector("w")
    forget = rule(pt.cos(x) + 0 * y, pt.cos(x), over=(-1, 1), why="y does not matter")
    after = pt.rewrite_graph(pt.cos(V) + 0 * w, [forget])
    f = pt.function([V, w], after, on_unused_input="ignore", target="interp")
    f([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="sizes"):
        f([1.0, 2.0], [1.0, 2.0, 3.0])


def test_wrong_rules_are_named():
    back = rule(pt.cos(x), pt.sin(x), over=(-1, 1), why="there")
    forth = rule(pt.sin(x), pt.cos(x), over=(-1, 1), why="and back")
    with pytest.raises(GraphError, match="rules undo each other"):
        pt.rewrite_graph(pt.sin(A), [back, forth])

    @rewrite(on=ops.Sum, example=lambda: ops.sum(ops.vector("x")))
    def forget_to_sum(node):
        """It changes the type."""
        return node.inputs[0]

    with pytest.raises(RewriteError, match="forget_to_sum"):
        pt.function([V], pt.sum(V), rules=[forget_to_sum])
    with pytest.raises(GraphError, match="'cos' is no rule and no pass"):
        pt.function([A], A, rules=["cos"])

    def casts(outputs):
        return [pt.sum(z) for z in outputs]

    with pytest.raises(GraphError, match="the pass casts gives"):
        pt.rewrite_graph(V, casts)
