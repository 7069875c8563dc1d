"""A wrong kernel of one target, and a wrong rule, are found and named."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import compile as compiling
from probtensor.compile import meanings
from probtensor.ops.kinds import REGISTRY
from probtensor.targets.interp import InterpTarget
from probtensor.targets.spell import Speller
from probtensor.transform import rule, var
from probtensor.transform.passes import Pass
from probtensor.transform.rewrite import Ruleset

HERE = __file__
X, A = pt.vector("x"), pt.matrix("A")
NAME = REGISTRY["arctan"].c
RNG = np.random.default_rng(4)
VALUES, MATRIX = RNG.normal(size=5), np.abs(RNG.normal(size=(4, 5)))


def line_with(mark):
    """The line of this file that ends with a comment."""
    with open(HERE, encoding="utf-8") as file:
        return next(f"{HERE}:{k}" for k, text in enumerate(file, 1)
                    if text.rstrip().endswith(f"# {mark}"))  # fmt: skip


def model(x, a):
    near = pt.exp(-(x**2))
    bent = pt.arctan(near + 1.0)  # mark arctan
    return pt.sum(pt.log1p(a @ bent))


def recurrence(x):
    def step(v, carry):
        return pt.arctan(carry + v) * 2.0  # mark step

    return pt.scan(step, sequences=[x], outputs_info=[pt.as_tensor(0.5)])[0]


def planted(name=NAME, factor=1.001):
    """The interpreter with an error in one function."""

    def wrong():
        functions, routines = meanings()
        right = functions[name]
        return {**functions, name: lambda *args: right(*args) * factor}, routines

    return InterpTarget(wrong)


def check(found, name, step=None):
    first = found.first
    assert first.op == "arctan" and first.wrong == name, found
    assert first.line == line_with("mark arctan" if step is None else "mark step")
    assert first.ulps > 1e12 and abs(first.first / first.second - 1) == pytest.approx(1e-3, 0.01)
    assert min(abs(first.expected / v - 1) for v in (first.first, first.second)) < 1e-12
    assert (f"step {step} of the loop" in first.where) if step is not None else first.where == ""
    text = str(found)
    assert first.line in text and f"computed wrongly by {name}" in text
    assert not found.equal and found.lines[0].ulps > 1e11


def test_equal_targets_are_equal():
    f = pt.function([X, A], [model(X, A), pt.grad(model(X, A), X)], target="machine")
    for other in ("interp", pt.function([X], X, target="interp").compilation.target):
        found = f.compare(other, VALUES, MATRIX)
        assert found.equal and found.count > 10 and found.first is None
        assert all(line.ulps < 100 and line.relative < 1e-13 for line in found.lines)
    assert "no tensor differs" in str(found)


def test_a_wrong_function_of_the_interpreter():
    f = pt.function([X, A], model(X, A), target=planted())
    check(f.compare("interp", VALUES, MATRIX), "interp")
    check(f.compare("machine", VALUES, MATRIX), "interp")
    right = pt.function([X, A], model(X, A), target="machine")
    check(right.compare(planted(), VALUES, MATRIX), "interp")


def test_a_wrong_function_in_a_step_of_a_loop():
    f = pt.function([X], recurrence(X), target=planted())
    check(f.compare("interp", VALUES), "interp", step=0)


def test_errors_below_the_tolerance_are_listed_and_not_blamed():
    f = pt.function([X, A], model(X, A), target=planted(factor=1 + 1e-10))
    found = f.compare("interp", VALUES, MATRIX)
    assert found.equal and 1e4 < max(line.ulps for line in found.lines) < 1e7
    assert f.compare("interp", VALUES, MATRIX, rtol=1e-12).first.op == "arctan"


def test_what_an_error_grows_to_is_not_blamed():
    """An operation that multiplies a small error of its operands is right."""
    x = pt.vector("x")
    grown = pt.sin(pt.arctan(x) * 1e7)
    f = pt.function([x], grown, target=planted(factor=1 + 1e-12))
    found = f.compare("interp", VALUES)
    assert found.first is None and found.grown.op == "sin" and not found.equal
    assert "rounding grows at sin(" in str(found) and "f.audit" in str(found)


def test_indices_and_branches_are_compared():
    k = pt.vector("k", "int64")
    y = pt.ifelse(pt.sum(X) > 0, pt.exp(X)[k], pt.log(X * X)[k])
    f = pt.function([X, k], [y, pt.argsort(X)], target="machine")
    assert f.compare("interp", VALUES, [0, -1]).equal
    assert f.compare("interp", -np.abs(VALUES), [0, -1]).equal


def test_draws_shared_values_complex_numbers_and_sizes_of_data():
    z = pt.vector("z", "complex128")
    w = pt.shared(np.array(2.0), "w")
    noise = pt.random.normal(0.0, 1.0, shape=3)
    f = pt.function([X, z], [noise * w, pt.exp(z) * z, pt.exp(X[X > 0])], seed=1, target="machine")
    found = f.compare("interp", VALUES, [1 + 2j, -0.5j])
    assert found.equal and found.count > 10


def test_a_wrong_kernel_of_native_code(monkeypatch):
    right = Speller._apply

    def wrong(self, fn, texts, kind, dtype=None):
        text = right(self, fn, texts, kind, dtype)
        return f"(1.001 * {text})" if fn == NAME else text

    monkeypatch.setattr(Speller, "_apply", wrong)
    machine = pt.function([X, A], model(X, A), target="machine")
    check(machine.compare("cython", VALUES, MATRIX), "cython")


def test_a_wrong_kernel_of_a_device(device_driver, monkeypatch):
    from probtensor.targets.cuda.group import GroupText

    right = GroupText._apply

    def wrong(self, fn, texts, kind, dtype=None):
        text = right(self, fn, texts, kind, dtype)
        return f"(1.001 * {text})" if fn == NAME else text

    monkeypatch.setattr(GroupText, "_apply", wrong)
    there = pt.function([X, A], model(X, A), target="cuda", check="nan")
    check(there.compare("interp", VALUES, MATRIX), "cuda")
    report = there.find_nan(VALUES, -10 * MATRIX, kind="nan")
    assert report.op == "log1p"
    assert np.isfinite(there(VALUES, MATRIX))
    with pytest.raises(FloatingPointError, match="log1p"):
        there(VALUES, -10 * MATRIX)
    with pt.debug.check("big"):
        assert np.isfinite(there(VALUES, MATRIX))
    assert np.isnan(there.unchecked(VALUES, -10 * MATRIX))


def test_a_device_computes_what_the_host_does(device_driver):
    f = pt.function([X, A], [model(X, A), recurrence(X)], target="machine")
    assert f.compare("cuda", VALUES, MATRIX).equal


# Passes.


def test_passes_that_mend_or_keep_are_not_blamed():
    y = pt.log(1 - pt.exp(-X)) + pt.log(pt.sum(pt.exp(X * 500.0)))
    f = pt.function([X], [y, pt.grad(pt.sum(y), X)], target="machine")
    found = f.compare("passes", [1e-12, 1.0, 2.0])
    assert found.equal and ("stabilize" in dict(found.changes))
    assert "no pass makes a result worse" in str(found)


def test_a_wrong_rule_is_named(monkeypatch):
    a = var("a")
    bad = rule(pt.sin(a) * pt.cos(a), pt.sin(2 * a) / 2.001, over=(-3, 3), why="one function")
    passes = tuple(Pass(p.name, Ruleset(bad) + p.action) if p.name == "stabilize" else p
                   for p in compiling.PIPELINE)  # fmt: skip
    monkeypatch.setattr(compiling, "PIPELINE", passes)
    y = pt.exp(pt.sin(X) * pt.cos(X))  # mark rule
    f = pt.function([X], pt.sum(y), target="interp")
    found = f.compare("passes", VALUES)
    fault = found.fault
    assert fault.name == "stabilize" and fault.rule == bad.name and fault.why == "one function"
    assert fault.lines == (line_with("mark rule"),)
    assert abs(fault.before - fault.exact) < 1e-12 < abs(fault.after - fault.exact)
    assert not found.equal and "by the rule sin(a) * cos(a)" in str(found)


def test_a_wrong_rule_that_was_given_is_named():
    a = var("a")
    good = rule(pt.sin(a) * pt.cos(a), pt.sin(2 * a) / 2, over=(-3, 3), why="one function")
    bad = rule(pt.tan(a) * pt.cos(a), pt.sin(a) * 1.0001, over=(-1, 1), why="by definition")
    y = pt.sin(X) * pt.cos(X) + pt.tan(X) * pt.cos(X)  # mark given
    f = pt.function([X], y, rules=[good, bad], target="interp")
    fault = f.compare("passes", VALUES).fault
    assert (fault.name, fault.rule) == ("given rules", bad.name)
    assert fault.lines == (line_with("mark given"),)
    assert pt.function([X], y, rules=[good], target="interp").compare("passes", VALUES).equal


def test_a_wrong_pass_is_named(monkeypatch):
    def doubled(outputs):
        return [y * 1.0000001 for y in outputs]

    passes = (*compiling.PIPELINE, Pass("doubled", doubled))
    monkeypatch.setattr(compiling, "PIPELINE", passes)
    f = pt.function([X], pt.sum(pt.tan(X)), target="interp")
    fault = f.compare("passes", VALUES).fault
    assert fault.name == "doubled" and fault.rule == "" and fault.result == 0


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="target 'gpu'"):
        pt.function([X], X).compare("gpu", VALUES)


def test_wrong_tolerances():
    x = pt.vector("x")
    f = pt.function([x], x * 2, target="interp")
    wrong = ((-1, ValueError), (np.nan, ValueError), (np.inf, ValueError), ("a", TypeError))
    for rtol, error in wrong:
        with pytest.raises(error, match="compare: rtol is"):
            f.compare("machine", [1.0], rtol=rtol)
