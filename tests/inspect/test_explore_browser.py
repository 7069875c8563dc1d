"""The page of a function in a real browser: clicks, keys, passes, and no request to anywhere."""

import time

import numpy as np
import pytest

import probtensor as pt
from tests.inspect.browser import Browser, found

pytestmark = pytest.mark.skipif(found() is None, reason="there is no Chromium here")

LARGE = 10_000


def logistic():
    x, y, w = pt.matrix("x"), pt.vector("y"), pt.vector("w")
    eta = x @ w
    loss = pt.sum(pt.log(1 + pt.exp(eta)) - y * eta)
    return pt.function([x, y, w], [loss, pt.grad(loss, w)], target="cython", name="logistic")


def eight_schools():
    mu = pt.random.normal(0, 5, name="mu")
    tau = pt.random.half_cauchy(5, name="tau")
    z = pt.random.normal(0, 1, shape=8, name="z", dims="school")
    theta = pt.deterministic(mu + tau * z, name="theta", dims="school")
    y = pt.random.normal(theta, np.arange(9.0, 17.0), name="y", dims="school")
    return pt.condition({y: np.arange(8.0)}, coords={"school": list("abcdefgh")}, target="interp")


def lstm():
    """A step of an LSTM, along a sequence."""
    x = pt.tensor("x", shape=(None, 3))
    w, u = pt.tensor("w", shape=(16, 3)), pt.tensor("u", shape=(16, 4))

    def step(row, h, c):
        gates = w @ row + u @ h
        i, f, o = pt.sigmoid(gates[:4]), pt.sigmoid(gates[4:8]), pt.sigmoid(gates[8:12])
        c = f * c + i * pt.tanh(gates[12:])
        return o * pt.tanh(c), c

    (h, _), _ = pt.scan(step, sequences=x, outputs_info=[pt.zeros(4), pt.zeros(4)])
    return pt.function([x, w, u], pt.sum(h[-1]), target="interp", name="lstm")


def large():
    x = pt.vector("x")
    rows = [x]
    for k in range(LARGE):
        a, b = rows[-1], rows[max(0, len(rows) - 1 - (k * 7) % 40)]
        rows.append(pt.sin(a) if k % 3 else a * b)
    return pt.function([x], rows[-1], target="interp", name="large")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("explorer")


@pytest.fixture(scope="module")
def browser():
    made = Browser()
    yield made
    made.close()


def opened(browser, made, path, **options):
    """The page of a function or posterior, opened; gives the seconds until it is ready."""
    browser.errors.clear()
    browser.requests.clear()
    return browser.open(made.explore(path, **options))


@pytest.fixture(scope="module")
def regression(browser, folder):
    """The page of a logistic regression."""
    path = folder / "logistic.html"
    rng = np.random.default_rng(1)
    f = logistic()
    args = rng.normal(size=(200, 3)), np.ones(200), rng.normal(size=3)
    f.explore(path, args=args, profile={"k0": 3e-6, "k1": 1e-6} if len(f.plan.kernels) > 1
              else {"k0": 3e-6})  # fmt: skip
    return path


ROW = """(text, pane) => {
  const row = [...document.querySelectorAll(`#${pane} .row`)]
    .find((x) => x.querySelector(".t").textContent.includes(text));
  const box = row.querySelector(".t").getBoundingClientRect();
  return [box.x + 12, box.y + box.height / 2];
}"""


def picked(browser, pane):
    """The texts of the rows of a pane that are highlighted."""
    return browser.run(
        f'[...document.querySelectorAll("#{pane} .row.pick .t")].map((x) => x.textContent)'
    )


def picked_soon(browser, pane):
    """The same once there are some: a busy machine draws late."""
    until = time.monotonic() + 10
    while not (found := picked(browser, pane)) and time.monotonic() < until:
        browser.settle()
    return found


def click_row(browser, pane, text):
    browser.click(*browser.run(f"({ROW})({text!r}, {pane!r})"))


def nodes_picked(browser):
    return browser.run(
        "[...explorer.state.picked.nodes].filter((n) => explorer.finalNodes.has(n))"
        ".map((n) => explorer.T.ops[explorer.T.op[n]][0])"
    )


def test_a_line_of_the_source_highlights_its_nodes_statements_and_code(browser, regression):
    browser.open(regression)
    click_row(browser, "source", "loss = pt.sum(pt.log(1 + pt.exp(eta)) - y * eta)")
    assert [x.strip() for x in picked(browser, "source")] == [
        "loss = pt.sum(pt.log(1 + pt.exp(eta)) - y * eta)"
    ]
    assert {"softplus", "sub", "sum", "sigmoid"} <= set(nodes_picked(browser))
    kernels, code = "\n".join(picked(browser, "kernels")), "\n".join(picked(browser, "code"))
    assert "pt_softplus" in kernels and "pt_softplus" in code
    assert "for " not in kernels and "x0[i2*" not in kernels
    assert browser.run("explorer.panes.graph.graph.canvas.state.picked.size") >= 4
    browser.press("Escape")
    assert picked(browser, "code") == [] and browser.run("explorer.state.picked") is None


def test_a_statement_and_a_line_of_code_highlight_the_line_of_the_source(browser, regression):
    browser.open(regression)
    for pane, text in (("kernels", "a4 add="), ("code", "pt_rows_dot(")):
        click_row(browser, pane, text)
        assert [x.strip() for x in picked(browser, "source")] == ["eta = x @ w"]
        assert nodes_picked(browser) == ["contract"]
        assert any("pt_rows_dot" in x for x in picked(browser, "code"))
        assert any("a4 add=" in x for x in picked(browser, "kernels"))


def test_a_node_of_the_graph_highlights_the_others_and_tells_what_it_is(browser, regression):
    browser.open(regression)
    place = """(() => {
      const { canvas, scene } = explorer.panes.graph.graph;
      const item = scene.items.find((x) => x.label === "softplus");
      const box = canvas.canvas.getBoundingClientRect(), { x, y, scale } = canvas.view;
      return [box.x + item.x * scale + x, box.y + item.y * scale + y];
    })()"""
    browser.click(*browser.run(place))
    assert nodes_picked(browser) == ["softplus"]
    assert any("pt.log(1 + pt.exp(eta))" in x for x in picked(browser, "source"))
    assert any("pt_softplus" in x for x in picked(browser, "code"))
    card = browser.run('document.querySelector(".card").textContent')
    assert "softplus" in card and "float64[x₀]" in card and "k0" in card


def test_every_node_of_the_last_graph_has_statements(browser, regression):
    browser.open(regression)
    lost = "[...explorer.finalNodes].filter((n) => !explorer.namesOfNode.has(n))"
    kinds = f"{lost}.map((n) => explorer.T.kinds[explorer.T.ops[explorer.T.op[n]][2]])"
    assert set(browser.run(kinds)) <= {"input", "constant"}


def test_passes_and_rewrites_are_stepped_through(browser, regression):
    browser.open(regression)
    last = browser.run("explorer.timeline.at")
    names = "explorer.panes.graph.graph.scene.items.map((x) => x.label)"
    assert "softplus" in browser.run(names)
    browser.press("Home")
    browser.run("explorer.panes.graph.graph.ready")
    assert browser.run("explorer.timeline.at") == 0
    assert {"log", "exp"} <= {x.split()[0] for x in browser.run(names)}
    seen = []
    for _ in range(last):
        browser.press("ArrowRight")
        seen.append(browser.run('document.querySelector("#timeline .step").textContent'))
    assert any("log(1 + exp(x)) -> softplus(x)" in text and "overflow" in text for text in seen)
    assert browser.run("explorer.timeline.at") == last and browser.errors == []
    browser.press("[")
    assert browser.run("explorer.timeline.at") < last
    browser.press("]")
    browser.run("explorer.panes.graph.graph.ready")
    assert browser.run("explorer.timeline.at") == last
    assert "softplus" in browser.run(names)


def test_colours_search_folds_and_themes(browser, regression):
    browser.colours("light")
    browser.open(regression)
    for measure in ("time", "flops", "bytes", "memory"):
        browser.run(f"explorer.setColours({measure!r})")
        browser.settle()
        for pane in ("source", "kernels", "code"):
            count = f'document.querySelectorAll("#{pane} .heat").length'
            assert browser.run(count) > 0, (measure, pane)
    assert "µs" in browser.run("explorer.setColours('time'), "
                               'document.getElementById("legend").textContent')  # fmt: skip
    total = browser.run("[...document.querySelectorAll('#kernels .row.head-row .heat')]"
                        ".map((x) => x.textContent)")  # fmt: skip
    assert total[0].strip() == "3.00 µs"
    browser.press("/")
    browser.call("Input.insertText", text="softplus")
    browser.settle()
    found_ = browser.run('document.getElementById("found").textContent')
    assert "Graph" in found_ and "pt_softplus" in found_
    browser.press("Enter")
    assert nodes_picked(browser) == ["softplus"]
    browser.press("Escape")
    assert browser.run('document.getElementById("found").hidden')
    before = browser.run('document.querySelectorAll("#kernels .row").length')
    browser.run('document.querySelector("#kernels [title=\'Fold kernels\']").click()')
    browser.settle()
    folded = browser.run('document.querySelectorAll("#kernels .row").length')
    assert folded == browser.run("explorer.D.kernels.length") < before
    theme = "document.documentElement.dataset.theme"
    assert browser.run(theme) == "light"
    browser.colours("dark")
    browser.until(f"{theme} === 'dark'")
    browser.press("?")
    assert not browser.run('document.getElementById("sheet").hidden')
    browser.press("Escape")
    assert browser.run('document.getElementById("sheet").hidden') and browser.errors == []


def test_no_request_leaves_the_page(browser, regression):
    browser.requests.clear()
    browser.open(regression)
    browser.press("d")
    browser.settle()
    outside = [x for x in browser.requests if not x.startswith(("file:", "data:", "blob:"))]
    assert browser.requests and outside == []


def test_a_model_shows_its_variables_and_terms(browser, folder):
    opened(browser, eight_schools(), folder / "schools.html")
    browser.press("m")
    browser.run("explorer.panes.graph.model.ready")
    scene = "explorer.panes.graph.model.scene"
    assert browser.run(f"{scene}.items.map((x) => x.label)") == ["mu", "tau", "z", "theta", "y"]
    assert browser.run(f"{scene}.boxes.map((x) => x.title)") == ["school 8"]
    inside = f"""(() => {{ const b = {scene}.boxes[0];
      const holds = (i) => i.x > b.x && i.x < b.x + b.w && i.y > b.y && i.y < b.y + b.h;
      return {scene}.items.filter(holds).map((i) => i.label); }})()"""
    assert browser.run(inside) == ["z", "theta", "y"]
    texts = '[...document.querySelectorAll(".terms tbody tr")].map((x) => x.textContent)'
    rows = browser.run(texts)
    assert any("half_cauchy" in row for row in rows) and any("likelihood" in row for row in rows)
    browser.run("""[...document.querySelectorAll(".terms tbody tr")]
      .find((x) => x.textContent.includes("likelihood")).click()""")
    browser.settle()
    assert any("y = pt.random.normal(theta" in x for x in picked(browser, "source"))
    assert picked(browser, "kernels") and browser.errors == []


def test_a_line_of_another_file_is_shown_in_its_place(browser, folder):
    first, second = folder / "first.py", folder / "second.py"
    first.write_text("def scaled(x):\n    return x * 3 + x.sum()\n")
    second.write_text("import probtensor as pt\n\nx = pt.vector('x')\ny = pt.exp(scaled(x))\n")
    names, other = {}, pt.vector("other") * 3  # the literal is that of the program, too
    for file in (first, second):
        exec(compile(file.read_text(), str(file), "exec"), names)
    f = pt.function([names["x"]], names["y"], target="interp")
    opened(browser, f, folder / "files.html")
    click_row(browser, "kernels", "pt_exp")
    shown = picked_soon(browser, "source")
    browser.run("explorer.panes.source.show(1 - explorer.panes.source.file())")
    browser.settle()
    both = shown + picked_soon(browser, "source")
    wanted = ["return x * 3 + x.sum()", "y = pt.exp(scaled(x))"]
    assert sorted(x.strip() for x in both) == wanted, other
    click_row(browser, "kernels", "a2 add=")
    assert [x.strip() for x in picked_soon(browser, "source")] == ["return x * 3 + x.sum()"]


def test_a_loop_opens_into_its_body(browser, folder):
    opened(browser, lstm(), folder / "lstm.html")
    graph = "explorer.panes.graph.graph"
    browser.press("c")
    browser.run(f"{graph}.ready")
    closed = browser.run(f"{graph}.scene.items.length")
    assert browser.run(f"{graph}.scene.boxes.length") == 0
    loop = f"{graph}.scene.items.find((x) => x.label === 'scan')"
    browser.run(f"{graph}.canvas.fit()")
    browser.settle()
    place = f"""(() => {{ const box = {graph}.canvas.canvas.getBoundingClientRect();
      const {{ x, y, scale }} = {graph}.canvas.view, item = {loop};
      return [box.x + item.x * scale + x, box.y + item.y * scale + y]; }})()"""
    browser.click(*browser.run(place), count=2)
    browser.run(f"{graph}.ready")
    assert browser.run(f"{graph}.scene.items.length") > closed + 5
    assert browser.run(f"{graph}.scene.boxes.length") == 1
    labels = browser.run(f"{graph}.scene.items.filter((x) => x.parent >= 0).map((x) => x.label)")
    assert "sigmoid" in labels and "tanh" in labels
    click_row(browser, "source", "c = f * c + i * pt.tanh(gates[12:])")
    assert picked(browser, "kernels") and "tanh" in nodes_picked(browser)
    assert browser.errors == []


def test_ten_thousand_nodes_load_in_three_seconds_and_respond(browser, folder):
    f = large()
    path = folder / "large.html"
    seconds = min(opened(browser, f, path), browser.open(path))  # on a busy machine
    assert browser.run("explorer.finalNodes.size") > LARGE
    assert seconds < 3.0
    graph = "explorer.panes.graph.graph"
    browser.run(f"{graph}.setGroup('none')")
    browser.run(f"{graph}.ready")
    assert browser.run(f"{graph}.scene.items.length") > LARGE
    frames = browser.run(f"""(() => {{
      const times = [];
      for (const factor of [1.6, 1.6, 0.3, 1.6, 0.5]) {{
        const began = performance.now();
        {graph}.canvas.view.scale *= factor;
        {graph}.canvas.draw();
        explorer.select(explorer.ofKernelRow(explorer.kernelRows.length - 5), "kernels");
        times.push(performance.now() - began);
      }}
      return times.sort((a, b) => a - b);
    }})()""")
    assert frames[2] < 200  # milliseconds: a median on a busy machine
    for group in ("kernel", "line"):
        browser.run(f"{graph}.setGroup({group!r})")
        browser.run(f"{graph}.ready")
    assert browser.errors == []
