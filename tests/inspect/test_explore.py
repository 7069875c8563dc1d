"""The page of a function: what it shows, and that its links are complete both ways."""

import json
import re

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph import toposort
from probtensor.inspect.explore.graphs import Table
from probtensor.inspect.explore.kernels import absorbed, code_of
from probtensor.inspect.explore.page import data_of, page
from probtensor.inspect.explore.sources import Sources
from probtensor.kernel.ir import Acc, Apply, For, Let, Load, Ref, Store
from probtensor.kernel.text import rows, statements
from probtensor.targets.cuda.render import render as render_cuda
from probtensor.targets.cython.render import render
from probtensor.targets.marks import unmarked
from probtensor.types import Dim
from tests.inspect.programs import PROGRAMS, compiled, posterior

ADDRESS = re.compile(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", re.I)


@pytest.fixture(scope="module")
def functions():
    """The functions of all programs, by name, compiled once."""
    found = {name: compiled(name) for name in PROGRAMS}
    return found | {"posterior": posterior().function}


@pytest.fixture(scope="module")
def pages(functions):
    """What the page of each shows, as a browser reads it."""
    return {name: json.loads(json.dumps(data_of(f))) for name, f in functions.items()}


def all_rows(data):
    """The rows of the last graph, with those of bodies."""
    table, found, stack = data["table"], set(), list(data["outputs"])
    while stack:
        n = stack.pop()
        if n not in found:
            found.add(n)
            stack += table["inputs"][n]
            for body in table["bodiesOf"].get(str(table["op"][n]), ()):
                stack += table["bodies"][body]["outputs"] + table["bodies"][body]["parameters"]
    return found


def as_target(name):
    """What `code_of` asks of a function that is compiled for a target."""
    target = type("Target", (), {"name": name, "deterministic": False})
    return type("Function", (), {"compilation": type("Compilation", (), {"target": target})})


def kind(data, n):
    return data["table"]["kinds"][data["table"]["ops"][data["table"]["op"][n]][2]]


NAMES = [*PROGRAMS, "posterior"]


@pytest.mark.parametrize("name", NAMES)
def test_every_computed_node_has_a_statement_or_is_in_that_of_a_reader(pages, name):
    data = pages[name]
    table, nodes = data["table"], all_rows(data)
    named = {n for k in data["kernels"] for held in k["nodes"].values() for n in held}
    reached = set(named)
    for n in sorted(nodes, reverse=True):  # readers come after what they read
        if n in reached:
            reached.update(table["inputs"][n])
    for n in nodes:  # a body's results are those of its loop
        for body in table["bodiesOf"].get(str(table["op"][n]), ()):
            reached.update(table["bodies"][body]["outputs"])
    computed = {n for n in nodes if kind(data, n) not in ("input", "constant", "part")}
    lost = computed - reached
    assert computed and not lost, [data["table"]["ops"][data["table"]["op"][n]] for n in lost]
    assert named <= set(range(len(table["op"])))


@pytest.mark.parametrize("name", NAMES)
def test_every_statement_has_a_node_and_lines_of_code(functions, pages, name):
    data = pages[name]
    names = [{row[1] for row in k["rows"] if row[1]} for k in data["kernels"]]
    code = [set() for _ in names]
    plan = functions[name].compilation.lowered().plan
    for _, kernel, own in code_of(as_target("cython"), plan)["rows"]:
        if kernel >= 0 and own:
            code[kernel].add(own)
    loops = re.compile(r"^i\d+$")
    for kernel, present, written in zip(data["kernels"], names, code, strict=True):
        values = {x for x in present if not loops.match(x)}
        assert not {x for x in values if x not in kernel["nodes"] and not x.endswith("_ok")}
        assert not values - written, "no line of code is marked with these"
        scratch = set(kernel["writes"])
        assert not written - present - scratch, "marks of no statement"


@pytest.mark.parametrize("name", NAMES)
def test_marks_leave_the_text_as_it_is_built(functions, name):
    plan = functions[name].compilation.lowered().plan
    texts = [(render(plan), render(plan, marked=True))]
    if name != "chosen":  # which calls a routine in a branch, as no kernel on a device can
        texts.append((render_cuda(plan).source, render_cuda(plan, marked=True).source))
    for plain, marked in texts:
        assert "\n".join(row for row, _, _ in unmarked(marked)) == plain
        kernels = {kernel for _, kernel, _ in unmarked(marked)} - {""}
        assert kernels <= {kernel.name for kernel in plan.kernels}
    assert {k for _, k, _ in unmarked(texts[0][1])} - {""} == {k.name for k in plan.kernels}


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_the_texts_of_explain(functions, pages, name):
    f, data = functions[name], pages[name]
    shown = "".join(
        f"{k['name']}({', '.join(k['reads'])}) -> {', '.join(k['writes'])}\n"
        + "".join(f"  {text}\n" for text, *_ in k["rows"])
        for k in data["kernels"]
    )
    assert shown == f.explain("kernels")
    if data["code"]["language"] == "Cython":
        assert "\n".join(row[0] for row in data["code"]["rows"]) == f.source.rstrip("\n")


@pytest.mark.parametrize("name", NAMES)
def test_passes_lead_from_the_graph_as_written_to_the_last_one(functions, pages, name):
    data, trace = pages[name], functions[name].trace()
    stages = data["passes"]["stages"]
    assert [s["name"] for s in stages] == [s.name for s in trace.stages]
    assert sum(len(s["steps"]) for s in stages) == len(trace)
    outputs = stages[-1]["outputs"]
    assert outputs[: len(data["outputs"])] == data["outputs"]
    for stage, own in zip(stages, trace.stages, strict=True):
        for step, k in zip(stage["steps"], own.steps, strict=True):
            rule, why, _ = data["passes"]["rules"][step[0]]
            assert (rule, why) == (trace.step(k).rule, trace.step(k).why)
            assert step[7] is None or len(step[7]) == len(own.after)


@pytest.mark.parametrize("name", NAMES)
def test_inputs_come_before_what_reads_them(pages, name):
    table = pages[name]["table"]
    for n, inputs in enumerate(table["inputs"]):
        assert all(x < n for x in inputs)
    sources = pages[name]["sources"]
    assert all(-1 <= line < len(sources["lines"]) for line in table["line"])


def test_the_page_is_one_file_without_addresses(functions):
    text = page(data_of(functions["dense"]))
    shown = text.replace("https://github.com/dagrejs/dagre", "")  # in the licence of the library
    assert not ADDRESS.search(shown)
    assert "Permission is hereby granted, free of charge" in text
    assert not re.search(r"<(?:script|img|iframe)[^>]*\bsrc=|<link[^>]*href=\"(?!data:)", text)
    assert "sourceMappingURL" not in text and "@import" not in text
    assert len(text) < 250_000


def test_text_of_the_user_cannot_leave_the_data():
    x = pt.vector("</script><b>")
    f = pt.function([x], x + 1, name="<i>&", target="interp")
    text = page(data_of(f))
    assert text.count("</script>") == text.count("<script") == 3 and "<b>" not in text
    assert "<title>&lt;i&gt;&amp; " in text


def test_explore_writes_a_file_and_counts_for_its_arguments(tmp_path):
    x = pt.vector("x")
    f = pt.function([x], pt.sum(pt.exp(x) * 2), target="interp")
    made = f.explore(tmp_path / "f.html", args=([1.0, 2.0, 3.0],))
    assert made == tmp_path / "f.html" and made.read_text().startswith("<!doctype html>")
    data = data_of(f, [np.ones(50)])
    assert data["sizes"] == {"n0": 50} and data["assumed"] == []
    flops, calls, moved = (sum(row[k] for row in data["costs"]["nodes"].values()) for k in range(3))
    assert (flops, calls) == (51, 50) and moved >= 8 * 50  # 2 * sum(exp(x))
    assert data_of(f)["assumed"] == ["n0"]
    f.explore(tmp_path / "g.html", args={"x": [1.0]})
    with pytest.raises(TypeError, match="missing"):
        f.explore(tmp_path / "g.html", args=())
    with pytest.raises(FileNotFoundError):
        f.explore(tmp_path / "none" / "g.html")


def test_a_product_counts_its_operations():
    a, b = pt.matrix("a"), pt.matrix("b")
    f = pt.function([a, b], a @ b, target="interp")
    data = data_of(f, [np.ones((20, 30)), np.ones((30, 40))])
    assert sum(row[0] for row in data["costs"]["nodes"].values()) == 2 * 20 * 30 * 40


def test_times_are_those_of_a_profile():
    x = pt.vector("x")
    y = pt.sum(pt.exp(x))
    f = pt.function([x], y, target="interp")
    line = pt.line_of(y)
    data = data_of(f, profile={"k0": 2e-6, line: 1e-6})
    number = data["sources"]["lines"].index((0, int(line.rpartition(":")[2])))
    assert data["times"] == {"kernels": {0: 2e-6}, "lines": {number: 1e-6}}

    class Row:
        kernel, seconds = "k0", 3e-6

    class Profile:
        rows = (Row(),)

    assert data_of(f, profile=Profile())["times"]["kernels"] == {0: 3e-6}
    Row.kernel = "k7"
    with pytest.raises(ValueError, match="its kernels are k7, here"):
        data_of(f, profile=Profile())
    with pytest.raises(ValueError, match="none of the kernels of this function"):
        data_of(f, profile={"k7": 1.0})
    with pytest.raises(TypeError, match="mapping"):
        data_of(f, profile=3)
    x = pt.vector("x")
    other = pt.function([x], pt.sin(x), target="machine").profile([1.0], n=2)
    with pytest.raises(ValueError, match="the profile is of another function: its lines are"):
        data_of(f, profile=other)


def test_a_posterior_shows_plates_variables_and_terms(tmp_path):
    mu = pt.random.normal(0, 5, name="mu")
    tau = pt.random.half_cauchy(5, name="tau")
    theta = pt.random.normal(mu, tau, shape=3, name="theta", dims="school")
    y = pt.random.normal(theta, [1.0, 2.0, 3.0], name="y", dims="school")
    density = pt.condition({y: [1.0, 2.0, 0.0]}, target="interp")
    made = density.explore(tmp_path / "p.html", q=np.zeros(density.dim))
    text = made.read_text()
    start = text.index('<script type="application/json" id="data">')
    data = json.loads(text[text.index(">", start) + 1 : text.index("</script>", start)])
    parts = {part["name"]: part for part in data["model"]["parts"]}
    assert {n: p["kind"] for n, p in parts.items()} == {
        "mu": "free", "tau": "free", "theta": "free", "y": "observed"
    }  # fmt: skip
    assert parts["theta"]["axes"] == ["school 3"] and parts["theta"]["parents"] == ["mu", "tau"]
    terms = data["model"]["terms"]
    assert {t["kind"] for t in terms} >= {"normal prior", "normal likelihood", "log-Jacobian"}
    total = sum(float(t["value"]) for t in terms)
    assert total == pytest.approx(density.logp(np.zeros(density.dim)), rel=1e-4)
    lines = data["sources"]["lines"]
    assert all(0 <= t["line"] < len(lines) for t in terms)
    with pytest.raises(ValueError):
        density.explore(tmp_path / "p.html", q=np.zeros(99))


@pytest.mark.parametrize("target", ["machine", "auto", "interp"])
def test_other_targets(target):
    x = pt.vector("x")
    f = pt.function([x], pt.sum(pt.exp(x)), target=target)
    data = data_of(f)
    names = {row[1] for row in data["kernels"][0]["rows"] if row[1]}
    if target == "interp":
        assert not data["code"]["rows"] and "interp" in data["code"]["note"]
        return
    assert {row[2] for row in data["code"]["rows"] if row[1] == 0} >= names - {"i1"}


def test_code_for_a_device_is_cuda():
    x = pt.vector("x")
    f = pt.function([x], pt.exp(x), target="interp")
    code = code_of(as_target("cuda"), f.compilation.lowered().plan)
    assert code["language"] == "CUDA C++" and any("__global__" in row[0] for row in code["rows"])


@pytest.mark.usefixtures("device_driver")
def test_a_function_on_a_device(tmp_path):
    x = pt.vector("x")
    f = pt.function([x], pt.sum(pt.exp(x)), target="cuda")
    data = data_of(f, [np.ones(4)])
    assert "\n".join(row[0] for row in data["code"]["rows"]) == f.source.rstrip("\n")
    names = {row[2] for row in data["code"]["rows"] if row[2]}
    assert names >= {row[1] for row in data["kernels"][0]["rows"] if row[1]}
    assert f.explore(tmp_path / "f.html", args=([1.0],)).stat().st_size > 1000


def test_a_posterior_from_the_cache(tmp_path):
    def made():
        mu = pt.random.normal(0, 5, name="mu")
        y = pt.random.normal(mu, 1.0, name="y")
        return pt.condition({y: 1.0})

    for density in (made(), made()):
        assert density.explore(tmp_path / "p.html").exists()
        assert data_of(density.function)["kernels"]


def test_inlined_locals_are_in_the_rows_of_their_readers():
    i = Dim.name("i")
    x = Load("x", i, "float64")
    body = (
        Let("t", Apply("exp", (x,), "float64")),
        Let("u", Apply("neg", (Ref("t", "float64"),), "float64")),
        For("i", 3, (Store("y", i, Ref("u", "float64")),),
            (Acc("a", "add", 0.0, Ref("u", "float64")),)),
    )  # fmt: skip
    assert absorbed(body, {"y", "a", "i"}) == {"u": ["a", "y"], "t": ["a", "y"]}
    assert absorbed(body, {"y", "a", "i", "t"}) == {"u": ["a", "y"]}


def test_rows_are_the_lines_of_statements(functions):
    for f in functions.values():
        for kernel in f.compilation.lowered().plan.kernels:
            assert [row.text for row in rows(kernel.body, 1)] == list(statements(kernel.body, 1))


def test_sources_of_files_that_cannot_be_read():
    sources = Sources()
    numbers = [sources.line(*place) for place in (("gone.py", 7), ("gone.py", 3), ("<unknown>", 0))]
    assert numbers == [0, 1, -1] and sources.of_text("gone.py:7") == 0
    (file,) = sources.data()["files"]
    assert file["text"] is None and file["rows"] == {3: "", 7: ""} and file["functions"] == []


def test_lines_of_several_files(tmp_path):
    first, second = tmp_path / "first.py", tmp_path / "second.py"
    other = pt.vector("other") * 3  # the literal is that of the program, too
    first.write_text("def scaled(x):\n    return x * 3 + x.sum()\n")
    second.write_text("import probtensor as pt\n\nx = pt.vector('x')\ny = pt.exp(scaled(x))\n")
    names = {}
    for file in (first, second):
        exec(compile(file.read_text(), str(file), "exec"), names)
    data = data_of(pt.function([names["x"]], names["y"], target="interp"))
    files = {file["path"]: file for file in data["sources"]["files"]}
    assert set(files) == {str(first), str(second)}, other
    assert files[str(first)]["text"][1].strip() == "return x * 3 + x.sum()"
    assert files[str(first)]["functions"] == [("scaled", 1, 2)]
    used = {(data["sources"]["files"][f]["path"], line) for f, line in data["sources"]["lines"]}
    assert used >= {(str(first), 2), (str(second), 3), (str(second), 4)}


def test_the_text_of_a_target_of_the_user_is_shown_without_links():
    x = pt.vector("x")
    plan = pt.function([x], x + 1, target="interp").compilation.lowered().plan
    subject = as_target("mine")
    subject.source = "one\ntwo\n"
    code = code_of(subject, plan)
    assert code["language"] == "mine" and code["rows"] == [("one", -1, ""), ("two", -1, "")]


def test_graphs_share_the_rows_of_nodes_that_they_share():
    x = pt.vector("x")
    y = pt.exp(x)
    table = Table(Sources())
    first, second = table.graph([y]), table.graph([y + x])
    assert len(table.nodes) == len(toposort([y + x]))
    assert table.nodes[second[0]][3] == [first[0], table.numbers[x]]


def test_the_program_of_the_manual_runs(root, tmp_path, monkeypatch):
    text = (root / "docs" / "debugging.md").read_text(encoding="utf-8")
    section = text[text.index("## The explorer") :]
    program = re.search(r"```python\n(.*?)```", section, flags=re.S)[1]
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "debugging.md", "exec"), {})
    assert (tmp_path / "logistic.html").stat().st_size > 50_000
    for picture in re.findall(r"\]\((pictures/.*?)\)", section):
        assert 10_000 < (root / "docs" / picture).stat().st_size < 300_000
