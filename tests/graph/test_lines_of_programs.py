"""Lines of expressions that several programs have: a function names those of its own, as after a
cell of a notebook is changed and run again while its first result is alive."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph.origin import writing
from probtensor.graph.parts import parts
from probtensor.inspect.profile.measure import marked_plan
from probtensor.kernel.ir import walk

SOURCE = {
    "value": "y = pt.sum(pt.log(x) * 2)",
    "rewritten": "y = pt.sum(pt.log(x * 1.5) * 2) + pt.sum(pt.log(x * 1.5))",
    "gradient": "y = pt.grad(pt.sum(pt.log(x) ** 2), x)",
    "loop": "y = pt.scan(lambda v, s: pt.log(v) + 0.5 * s, x, pt.constant(0.0))[0]",
    "composite": "y = pt.sum(pt.logsumexp(pt.log(x)) + pt.softplus(pt.log(x)))",
}
BAD = np.array([1.0, -1.0])


def run(source, above, name, values):
    """A cell with so many lines above the expression."""
    exec(compile("\n" * above + source, name, "exec"), values)


@pytest.mark.parametrize("target", ["interp", "machine"])
@pytest.mark.parametrize("name", SOURCE)
def test_a_cell_that_is_run_again(name, target):
    values = {"pt": pt, "x": pt.vector("x")}
    made = []
    for k in range(3):
        run(SOURCE[name], k, f"cell{k}", values)
        made.append(pt.function([values["x"]], values["y"], target=target))
    for k in (2, 0, 1, 2):
        found = made[k].find_nan(BAD)
        assert found.line == f"cell{k}:{k + 1}"
        assert f"cell{k}:{k + 1}" in made[k].explain("passes")


@pytest.mark.parametrize("derivative", [
    SOURCE["gradient"], "y = pt.Rop(pt.log(x) ** 2, x, x)"
])  # fmt: skip
def test_without_a_compilation_between(derivative):
    values = {"pt": pt, "x": pt.vector("x")}
    for k in range(3):
        run(derivative, k, f"cell{k}", values)
    assert pt.line_of(values["y"]) == "cell2:3"
    f = pt.function([values["x"]], values["y"], target="interp")
    assert f.find_nan(BAD).line == "cell2:3"


def test_looking_at_another_function_between():
    values = {"pt": pt, "x": pt.vector("x")}
    run(SOURCE["value"], 0, "first", values)
    old = pt.function([values["x"]], values["y"], target="interp")
    run(SOURCE["value"], 1, "second", values)
    assert old.find_nan(BAD).line == "first:1"
    new = pt.function([values["x"]], values["y"], target="interp")
    assert new.find_nan(BAD).line == "second:2"
    assert pt.line_of(values["y"]) == "second:2"


@pytest.mark.parametrize("target", ["interp", "machine"])
def test_errors_of_calls(target):
    values = {"pt": pt, "x": pt.vector("x"), "i": pt.ivector("i"), "n": pt.iscalar("n")}
    made = []
    for k in range(2):
        run("y = pt.sum(x[i] * 2) + pt.sum(x.reshape((n, n)))", k, f"cell{k}", values)
        made.append(pt.function([values[v] for v in "xin"], values["y"], target=target))
    for k in (0, 1, 0):
        for arguments in ((BAD, [5], 1), (BAD, [0], 3)):
            with pytest.raises((IndexError, ValueError), match=f"cell{k}:{k + 1}"):
                made[k](np.asarray(arguments[0]), np.array(arguments[1], "int32"), arguments[2])


def test_a_derivative_leaves_the_line_of_a_value():
    """The derivative of exp is the value itself, which no derivative has made."""
    x = pt.vector("x")
    y = pt.exp(x)
    pt.function([x], y, target="interp")  # begins a period
    g = pt.grad(pt.sum(y), x)
    assert not pt.graph.origin.in_derivative(y)
    f = pt.function([x], [pt.sum(y), g], target="interp")
    found = f.find_nan(np.array([np.nan]))
    assert found is None or not found.derivative


def test_densities():
    values = {"pt": pt, "R": pt.random, "data": np.array([0.5, 1.0])}
    run("a = R.normal(0, 1, name='a')", 0, "variables", values)
    source = "y = R.normal(pt.log(a), 1.0, shape=2, name='y'); p = pt.condition({y: data})"
    made = []
    for k in range(2):
        run(source, k, f"cell{k}", values)
        made.append(values["p"])
    for k in (1, 0, 1):
        assert f"cell{k}:{k + 1}" in str(made[k].diagnose(np.array([-1.0])))


def test_steps_without_a_compilation_between():
    values = {"pt": pt, "x": pt.vector("x")}
    for k in range(3):
        run(SOURCE["loop"], k, f"cell{k}", values)
    f = pt.function([values["x"]], values["y"], target="interp")
    assert f.find_nan(BAD).line == "cell2:3"


def test_looking_at_a_graph_is_not_writing_it():
    """Texts, checks and functions make the results of a node that has several again."""
    x = pt.vector("x")
    rows = [pt.scan(lambda v, s: s + v, x, pt.constant(0.0))[0], pt.ifelse(x[0] > 0, x, -x)]
    rows += pt.linalg.svd(x[:, None])
    lines = [pt.line_of(y) for y in rows]
    for look in (pt.debugprint, pt.pprint, pt.latex, pt.graph.check.check):
        for y in rows:
            look([y] if look is pt.graph.check.check else y)
    for y in rows:
        parts(y.inputs[0])
    f = pt.function([x], [pt.sum(y) for y in rows], target="interp")
    with f.compilation.lines():
        assert not writing()
    f.trace()
    f.compare("machine", [1.0, 2.0])
    f.report([1.0, 2.0])
    assert [pt.line_of(y) for y in rows] == lines


WAYS = ["subset", "copy", "updates", "checked", "checked in a broadcast", "broadcast", "texts"]


@pytest.mark.parametrize("way", WAYS)
def test_functions_that_are_made_of_functions(way):
    values = {"pt": pt, "x": pt.vector("x"), "z": pt.vector("z")}
    made = []
    total = pt.shared(np.zeros(2), name="total")
    for k in range(2):
        run("y = pt.log(x) + z", k, f"cell{k}", values)
        y = values["y"]
        options = {"updates": {total: total + y}} if way in ("updates", "copy") else {}
        if way == "updates" or way.startswith("checked"):
            options["check"] = "nan"
        inputs = [values["x"], values["z"]]
        made.append(pt.function(inputs, [y, 2 * y], target="interp", **options))
    for k in (0, 1, 0):
        wanted = f"cell{k}:{k + 1}"
        f = made[k].subset([0]) if way == "subset" else made[k]
        f = f.copy(delete_updates=True) if way == "copy" else f
        z = np.ones(1 if way.endswith("broadcast") else 2)
        if way == "updates" or way.startswith("checked"):
            with pytest.raises(FloatingPointError, match=wanted):
                f(BAD, z)
        elif way == "texts":
            assert wanted in pt.debugprint(f, print_lines=True, file="str")
            body = [x for kernel in marked_plan(f).kernels for x in walk(kernel.body)]
            lines = {getattr(x, "origin", "") for x in body}
            assert wanted in lines and f"cell{1 - k}:{2 - k}" not in lines
            assert wanted in pt.to_json(f) and wanted in pt.to_json(f, "plan")
        else:
            f(BAD, z)  # compiled for broadcast sizes
            assert f.find_nan(BAD, z).line == wanted


READS = "import pickle, sys; print(pickle.load(sys.stdin.buffer).find_nan([1.0, -1.0]).line)"


def test_pickles_keep_lines():
    """Those of the process that has made them, and of the function; reading is not writing."""
    values = {"pt": pt, "x": pt.vector("x")}
    made = []
    for k in range(2):
        run(SOURCE["loop"], k, f"cell{k}", values)
        made.append(pt.function([values["x"]], values["y"], target="interp"))
    stored = [pickle.dumps(f) for f in made]
    for k in (0, 1, 0):
        assert pickle.loads(stored[k]).find_nan(BAD).line == f"cell{k}:{k + 1}"
    assert pt.line_of(values["y"]) == "cell1:2"
    stored_node = pickle.dumps(values["y"])
    run(SOURCE["loop"], 2, "cell2", values)
    pt.function([values["x"]], values["y"], target="interp")  # begins a period
    assert pickle.loads(stored_node) is values["y"]
    assert pt.line_of(values["y"]) == "cell2:3"
    found = subprocess.run(
        [sys.executable, "-c", READS], input=stored[0], capture_output=True, check=True
    )
    assert found.stdout.decode().strip() == "cell0:1"
