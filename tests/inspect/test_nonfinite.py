"""The operation that made a NaN or an infinity is named: its line, its operands, the element, the
step of a loop."""

import inspect
import pickle
import re

import numpy as np
import pytest

import probtensor as pt

HERE = __file__
X, V = pt.vector("x"), pt.vector("v")


def line_with(mark):
    """The line of this file that ends with a comment."""
    with open(HERE, encoding="utf-8") as file:
        found = [k for k, text in enumerate(file, 1) if text.rstrip().endswith(f"# {mark}")]
    assert len(found) == 1, mark
    return f"{HERE}:{found[0]}"


def log_of_negative(x):
    shifted = x - 1.0
    bad = pt.log(shifted)  # mark log
    return pt.sum(bad * 2.0) + 1.0


def quotient(x):
    scale = pt.sum(x)
    return x / scale  # mark quotient


def overflow(x):
    w = pt.exp(x * 100.0)  # mark exp
    return pt.sum(w) + 1.0


def difference_of_infinities(x):
    w = pt.exp(x * 300.0)
    return pt.sum(w - pt.sqrt(w * w))  # mark difference


def view_of_a_matrix(x):
    table = pt.sqrt(pt.outer(x, pt.ones(3)))  # mark outer
    return table.T[::-1, 1:].reshape(-1)


def gathered(x):
    bad = pt.sqrt(x)  # mark gathered
    return pt.concatenate([x, bad[pt.as_tensor([1, 0, 1])]])


def written(x):
    return pt.zeros(6).at[1:4].set(pt.arcsin(x))  # mark written


def added(x):
    return pt.zeros(6).at[pt.as_tensor([2, 2, 5])].add(pt.arccosh(x))  # mark added


def loop(x):
    def step(v, total):
        root = pt.sqrt(total - v)  # mark loop
        return root + 1.0

    values, _ = pt.scan(step, sequences=[x], outputs_info=[pt.as_tensor(2.0)])
    return pt.sum(values)


def loop_backwards(x):
    def step(v, total):
        return pt.log(v * total) + total  # mark backwards

    return pt.scan(step, sequences=[x], outputs_info=[pt.as_tensor(2.0)], go_backwards=True)[0][-1]


def branch(x):
    return pt.ifelse(pt.sum(x) > 0, pt.log(x), x)  # mark branch


def masked(x):
    return pt.where(x > 0, pt.log(x), 0.0)


def factor(x):
    return pt.sum(pt.linalg.cholesky(pt.diag(x)))  # mark factor


def product(x):
    return pt.exp(x * 100.0)[None, :] @ pt.outer(x, x)


def gradient_of_root(x):
    return pt.grad(pt.sum(pt.sqrt(x)), x)  # mark root


def cumulative(x):
    return pt.cumsum(pt.log(x))  # mark cumulative


#   function, argument, kind, mark, op, index, words of the reason
FAULTS = [
    (log_of_negative, [3.0, 0.5], "nan", "mark log", "log", (1,), "log of a negative"),
    (quotient, [0.0, 0.0], "nan", "mark quotient", "div", (0,), "0 / 0"),
    (overflow, [1.0, 8.0], "inf", "mark exp", "exp", (1,), "overflow of exp"),
    (difference_of_infinities, [1.0, 9.0], "nan", "mark difference", "sub", (1,), "inf - inf"),
    (view_of_a_matrix, [4.0, -1.0], "nan", "mark outer", "sqrt", (1, 0), "square root"),
    (gathered, [4.0, -1.0], "nan", "mark gathered", "sqrt", (1,), "square root"),
    (written, [0.5, 0.5, 1.5], "nan", "mark written", "arcsin", (2,), "outside of"),
    (added, [1.5, 0.5, 2.0], "nan", "mark added", "arccosh", (1,), "below 1"),
    (loop, [1.0, 0.5, 3.0, 1.0], "nan", "mark loop", "sqrt", (), "square root"),
    (loop_backwards, [1.0, -1.0, 3.0], "nan", "mark backwards", "log", (), "negative"),
    (branch, [1.0, -0.5], "nan", "mark branch", "log", (1,), "negative"),
    (factor, [1.0, -0.5], "nan", "mark factor", "cholesky", (0, 0), "not positive definite"),
    (gradient_of_root, [1.0, 0.0], "inf", "mark root", "div", (1,), "division by 0"),
    (cumulative, [1.0, 0.0, 2.0], "inf", "mark cumulative", "log", (1,), "log of 0"),
]


@pytest.mark.parametrize("target", ["machine", "interp"])
@pytest.mark.parametrize("fault", FAULTS, ids=[f[0].__name__ for f in FAULTS])
def test_a_planted_fault_is_found(fault, target):
    build, value, kind, mark, op, index, reason = fault
    f = pt.function([X], build(X), target=target)
    report = f.find_nan(value, kind=kind)
    line = line_with(mark)
    assert (report.op, report.index) == (op, index), report
    assert report.line == line
    assert reason in report.reason and report.source == "operation"
    text = str(report)
    assert line in text and len(text.splitlines()) <= 12
    assert all(np.isfinite(x.value) for x in report.operands) or kind == "nan"
    assert not np.all(np.isfinite(f(value)))


def test_steps_are_those_of_the_call():
    report = pt.function([X], loop(X), target="machine").find_nan([1.0, 0.5, 3.0, 1.0])
    assert report.where[0].startswith("step 2 of the loop at ")
    assert report.operands[0].value < 0 and report.operands[0].text == "the carry - x[step]"
    report = pt.function([X], loop_backwards(X), target="machine").find_nan([3.0, -1.0, 2.0, 1.0])
    assert report.where[0].startswith("step 2 of the loop") and report.operands[0].value < 0


def test_what_no_result_reads_is_not_blamed():
    f = pt.function([X], [masked(X), pt.grad(pt.sum(masked(X)), X)], target="machine")
    assert f.find_nan([1.0, -2.0, 0.0]) is None
    assert f.find_nan([1.0, -2.0, 0.0], kind="inf") is None
    f = pt.function([X], branch(X), target="machine")
    assert f.find_nan([-1.0, 0.5]) is None


def test_where_infinities_come_from_is_told_too():
    report = pt.function([X], difference_of_infinities(X), target="machine").find_nan([1.0, 9.0])
    assert report.cause.op == "exp" and report.cause.reason == "overflow of exp"
    assert "where exp(" in str(report)


def test_derivatives_point_at_what_they_are_derivatives_of():
    report = pt.function([X], gradient_of_root(X), target="machine").find_nan([0.0], kind="inf")
    assert report.derivative and "in the derivative of what is computed at" in str(report)
    assert not pt.function([X], pt.log(X)).find_nan([-1.0]).derivative


def test_literals_that_rules_join_leave_operations_their_lines():
    inverse = 1.0 / X  # mark inverse
    huge = 1e200 * X  # mark huge
    for out, at, mark in (
        (inverse * 2.0 + 1.0, [1.0, 0.0], "inverse"), (pt.sum(huge), [1e200], "huge"),
    ):  # fmt: skip
        found = pt.function([X], out, target="interp").find_nan(at, kind="inf")
        assert found.line == line_with(f"mark {mark}")


def test_arguments_and_literals_are_told_apart_from_operations():
    f = pt.function([X], X * 2.0 + 1.0, target="machine")
    report = f.find_nan([1.0, np.nan])
    assert report.source == "argument" and "x is nan at [1] already" in str(report)
    f = pt.function([X], pt.sum(pt.where(X > 0, X, -np.inf)), target="machine")
    report = f.find_nan([1.0, -1.0], kind="inf")
    assert report.source == "literal" and report.op == "where" and report.index == (1,)
    assert "x > 0 = False" in str(report)


def test_huge_numbers():
    f = pt.function([X], pt.sum(pt.exp(X)), target="machine")
    assert f.find_nan([1.0, 20.0], kind="big") is None
    report = f.find_nan([1.0, 40.0], kind="big")
    assert report.op == "exp" and report.index == (1,) and "overflow" not in report.reason
    with pytest.raises(ValueError, match="'nan', 'inf', 'big', not 'huge'"):
        f.find_nan([1.0], kind="huge")


def test_draws_are_those_of_the_next_call():
    noise = pt.random.normal(0.0, 1.0, shape=6)
    f = pt.function([X], pt.log(noise) * X, seed=3, target="machine")
    report = f.find_nan(np.ones(6))
    again = f(np.ones(6))
    first = int(np.argmax(np.isnan(again)))
    assert report.index == (first,) and report.count == int(np.isnan(again).sum())


def test_shared_bound_and_complex_values():
    scale = pt.shared(np.array(0.0), "scale")
    f = pt.function([X], X / scale, target="machine")
    assert "scale = 0.0" in str(f.find_nan([1.0], kind="inf"))
    assert pt.function([X, V], X / V, target="machine").bind({V: [0.0, 1.0]}).find_nan(
        [0.0, 1.0]).reason == "0 / 0"  # fmt: skip
    z = pt.vector("z", "complex128")
    report = pt.function([z], pt.log(z), target="machine").find_nan([1j, 0j], kind="inf")
    assert report.op == "log" and report.index == (1,)


def test_sizes_that_data_decide_and_sizes_that_broadcast():
    f = pt.function([X], pt.log(X[X < 1]), target="machine")
    assert f.find_nan([1.0, 0.5, -1.0, 3.0]).place == (1,)
    f = pt.function([X, V], pt.log(X + V), target="machine")
    assert f.find_nan([1.0, 4.0, 2.0], [-3.0]).index == (0,)
    assert f.find_nan([1.0, 4.0, 2.0], [3.0]) is None


def test_calls_that_fail_raise_what_they_raise():
    k = pt.vector("k", "int64")
    f = pt.function([X, k], pt.log(X)[k], target="machine")
    for tool in (f.find_nan, f.audit, lambda *args: f.compare("interp", *args)):
        with pytest.raises(IndexError, match=r"value\[0\] = 5"):
            tool([1.0, 2.0], [5])
        with pytest.raises(ValueError, match="x"):
            tool([[1.0, 2.0]], [0])
        with pytest.raises(TypeError, match="1 arguments are missing"):
            tool([1.0, 2.0])


def test_a_loop_that_stops_by_itself():
    def step(v):
        return pt.sqrt(v - 1.0) * 2.0, {}, pt.until(v < 1.5)  # mark until

    out, _ = pt.scan(step, outputs_info=[X[0]], n_steps=50)
    report = pt.function([X], pt.sum(out), target="machine").find_nan([0.5])
    assert report.line == line_with("mark until") and report.where[0].startswith("step 0 of")


def test_a_nan_of_the_compiled_code_alone():
    """Where the NumPy meaning has none, what the target computes is looked at."""
    from probtensor.compile import meanings
    from probtensor.targets.interp import InterpTarget

    def planted():
        functions, routines = meanings()
        return {**functions, "pt_tanh": lambda v: np.tanh(v) * np.nan}, routines

    f = pt.function([X], pt.sum(pt.tanh(X) * 3.0), target=InterpTarget(planted))
    report = f.find_nan([0.5])
    assert report.op == "tanh" and report.index == (0,)


def test_a_report_is_a_value():
    report = pt.function([X], pt.log(X)).find_nan([-1.0])
    same = pickle.loads(pickle.dumps(report))
    assert str(same) == str(report) and same.operands[0].value == -1.0
    assert re.search(r"log\(x\) is nan at \[0\]: log of a negative number", str(report))


def test_reasons_are_of_ops_and_their_operands():
    from probtensor.inspect.numbers.reasons import ROWS, WHOLE, reason_of
    from probtensor.ops.kinds import REGISTRY

    for name, rows in ROWS.items():
        arity = REGISTRY[name].arity
        for condition, what, _ in rows:
            assert what and condition(*[np.float64(0.5)] * arity) in (True, False), name
    assert WHOLE.keys() <= REGISTRY.keys()
    assert reason_of("sin", [np.array(0.5)]) == ("", "")


# `check=` and `pt.debug.check`.


def test_a_checked_function_raises_and_is_else_as_any():
    f = pt.function([X], {"a": pt.log(X), "b": X}, check="nan", target="machine", name="model")
    assert list(f([1.0])["a"]) == [0.0]
    with pytest.raises(FloatingPointError, match=r"model: result\['a'\]\[1\] is nan") as caught:
        f([1.0, -1.0])
    assert isinstance(caught.value, pt.debug.NonFiniteError)
    assert caught.value.report.op == "log" and f"{HERE}:" in str(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).report.op == "log"
    again = pickle.loads(pickle.dumps(f))
    for other in (again, f.copy(name="copied"), f.subset(["a"]), f.bind({})):
        with pytest.raises(FloatingPointError):
            other([-1.0])
    assert np.isneginf(f([0.0])["a"][0])  # an infinity is no nan
    with pytest.raises(ValueError, match="function: check is one of"):
        pt.function([X], X, check="nans")


@pytest.mark.parametrize("kind", ["nan", "inf", "big"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
def test_what_each_kind_refuses(kind, dtype):
    x = pt.vector("x", dtype)
    f = pt.function([x], x + 0, check=kind, target="interp")
    values = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf, "big": 3e12, "good": 9e9}
    refused = {"nan": {"nan"}, "inf": {"nan", "inf", "-inf"},
               "big": {"nan", "inf", "-inf", "big"}}[kind]  # fmt: skip
    for name, value in values.items():
        given = np.array([1.0, value, 2.0]).astype(dtype)
        if name in refused:
            with pytest.raises(FloatingPointError):
                f(given)
        else:
            np.testing.assert_array_equal(f(given), given)


def test_long_results_are_read_to_their_end():
    f = pt.function([X], pt.sqrt(X), check="nan", target="machine")
    given = np.ones(20_001)
    f(given)
    given[-1] = -1.0
    with pytest.raises(FloatingPointError, match=r"\[20000\]"):
        f(given)
    assert f(np.full(20_001, 1e200)).shape == (20_001,)


def test_updates_that_are_refused_are_undone():
    w = pt.shared(1.0, "w")
    step = pt.function([X], pt.sum(X), updates={w: pt.sqrt(w - pt.sum(X))}, check="nan",
                       target="machine")  # fmt: skip
    step([0.5])
    before = float(w.get_value())
    with pytest.raises(FloatingPointError, match="the new w is nan") as caught:
        step([2.0])
    assert float(w.get_value()) == before
    assert caught.value.report.operands[0].value == before - 2.0


def test_draws_of_a_checked_function_are_those_it_would_draw():
    noise = pt.random.normal(0.0, 1.0, shape=4)
    plain = pt.function([X], pt.exp(noise) * X, seed=5, target="machine")
    checked = pt.function([X], pt.exp(noise) * X, seed=5, target="machine", check="nan")
    for _ in range(3):
        np.testing.assert_array_equal(plain(np.ones(4)), checked(np.ones(4)))


def test_all_functions_within_a_block():
    f = pt.function([X], pt.log(X), target="machine")
    assert inspect.getattr_static(pt.Function, "__call__", None) is not None
    before = pt.Function.__call__
    with pt.debug.check("nan"):
        f([1.0])
        with pytest.raises(FloatingPointError):
            f([-1.0])
        with pytest.raises(FloatingPointError):
            pt.sqrt(X).eval({X: [-1.0]})
        with pt.debug.check("inf"), pytest.raises(FloatingPointError):
            f([0.0])
        f([0.0])
    assert np.isnan(f([-1.0])[0]) and pt.Function.__call__ == before
    with pytest.raises(ValueError, match=r"pt\.debug\.check: kind"):
        pt.debug.check("everything")


# What is stored otherwise than it is written.


@pytest.mark.parametrize("target", ["interp", "machine"])
def test_float16_is_traced_by_its_values(target):
    h = pt.vector("h", dtype="float16")
    f = pt.function([h], pt.log(h * 2).astype("float16"), target=target)
    assert f.find_nan([1.0, 2.0]) is None
    report = f.find_nan([1.0, -1.0])
    assert (report.op, report.index, report.operands[0].value) == ("log", (1,), -2.0)
    assert report.text == "log(2 * h)"
    assert str(f.find_nan([np.nan, 1.0])).endswith(f"input made at {report_line(h)}")
    g = pt.function([h], pt.exp(h).astype("float16"), target=target, check="inf")
    with pytest.raises(FloatingPointError, match=r"float16 of exp\(h\) is inf at \[1\]: beyond"):
        g([1.0, 12.0])


def report_line(node):
    return pt.graph.line_of(pt.graph.toposort([node.bits])[0])


def test_complex_results_and_arguments_have_the_indices_of_the_user():
    z = pt.zvector("z")
    f = pt.function([z], pt.exp(z), target="interp")
    report = f.find_nan([1.0, complex(0.0, np.nan)])
    assert (report.place, report.index, report.size, report.count) == ((1,), (1,), 2, 1)
    assert "the imaginary part of z is nan at [1] already" in str(report)
    report = f.find_nan([800.0, 1.0], kind="inf")
    assert report.place == (0,) and "real(z)" in report.operands[0].text


def test_results_in_a_dict_are_named_by_their_keys():
    f = pt.function([X], {"a": pt.exp(X), "b": [pt.exp(X), pt.log(X)]}, target="interp")
    assert str(f.find_nan([1.0, -1.0])).startswith("result['b'][1][1] is nan")
