"""Graphs, plans and models as data: JSON that reads back, well-formed Graphviz and Mermaid."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph.text import to_text
from probtensor.inspect.pictures import writers
from probtensor.ops.kinds import REGISTRY
from tests.inspect.programs import PROGRAMS, compiled, posterior

NO_TEXT = ("watch", "unseen")  # effects are functions of the program


def pictures(name):
    """Every picture of a program."""
    f = compiled(name)
    return [pt.graph_model(f, of) for of in ("graph", "compiled", "plan", "stabilize")]


def check_dot(text):
    assert text.startswith("digraph ")
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    assert bare.count("{") == bare.count("}") and bare.count("[") == bare.count("]")
    declared = set(re.findall(r"^ *(\w+) \[label=", bare, flags=re.M))
    edges = re.findall(r"(\w+) -> (\w+)", bare)
    assert {name for edge in edges for name in edge} <= declared
    return declared, edges


def check_mermaid(text):
    assert text.startswith("graph TD")
    bare = re.sub(r'"[^"]*"', '""', text)
    declared = set(re.findall(r"^ *(\w+)[\[({]+\"\"[\])}]+$", bare, flags=re.M))
    edges = re.findall(r'^ *(\w+) (?:-->|-\.->)(?:\|""\|)? (\w+)$', bare, flags=re.M)
    assert {name for edge in edges for name in edge} <= declared
    assert len(re.findall("subgraph ", bare)) == len(re.findall("^ *end$", bare, flags=re.M))
    return declared, edges


@pytest.mark.parametrize("name", PROGRAMS)
def test_three_formats_show_the_same(name):
    for picture in pictures(name):
        ids, arrows = {x.id for x in picture.items}, [(a.source, a.target) for a in picture.arrows]
        assert len(ids) == len(picture.items)
        assert check_dot(writers.dot(picture)) == (ids, arrows)
        assert check_mermaid(writers.mermaid(picture)) == (ids, arrows)
        found = json.loads(json.dumps(writers.plain(picture)))
        assert {x["id"] for x in found["nodes"]} == ids
        assert [(a["source"], a["target"]) for a in found["edges"]] == arrows


def test_bodies_are_groups_and_plans_have_kernels():
    picture = pt.graph_model(compiled("scanned"), "graph")
    bodies = [g for g in picture.groups if g.kind == "body"]
    assert bodies and all(picture.inside(g.id) for g in bodies)
    assert any(a.kind == "body" for a in picture.arrows)
    plan = pt.graph_model(compiled("scanned"), "plan")
    kernels = [x for x in plan.items if x.kind == "kernel"]
    assert len(kernels) == len(compiled("scanned").plan.kernels)
    assert {x.kind for x in plan.items} >= {"kernel", "input", "output", "temp"}
    staged = pt.graph_model(compiled("masked"), "plan")
    assert [g.kind for g in staged.groups] == ["stage", "stage"]
    placed = json.loads(pt.to_json(compiled("dense")))["nodes"]
    assert any(x.get("kernels") == ["k0"] and x.get("buffer") == "y0" for x in placed)
    assert all(x["line"].split("/")[-1].startswith("programs.py") for x in placed)


@pytest.mark.parametrize("name", ["dense", "scanned", "looped", "chosen", "masked", "shared_state"])
def test_json_reads_back_as_an_equal_graph(name):
    f = compiled(name)
    for of in ("graph", "compiled")[: 1 if name == "masked" else 2]:  # sizes are names there
        text = pt.to_json(f, of, indent=1)
        again = pt.from_json(text)
        outputs = f.program.graph if of == "graph" else f.compilation.lowered().outputs
        assert to_text(again, whole=True) == to_text(outputs, whole=True)
        if name != "shared_state":  # whose variable is an input now
            assert pt.graph_hash(again) == pt.graph_hash(list(outputs))


def test_json_of_every_op_reads_back():
    rng = np.random.default_rng(0)
    read = 0
    for kind in REGISTRY.values():
        for sample in kind.samples[:1]:
            inputs = [pt.tensor("x", shape=a.shape, dtype=a.dtype)
                      for a in map(np.asarray, sample.make(rng))]  # fmt: skip
            node = kind(**sample.parameters)(*inputs)
            if isinstance(node.type, tuple):
                continue
            found = json.loads(pt.to_json(node))
            if not found["program"]:
                assert kind.name in NO_TEXT, found["why_no_program"]
                continue
            (again,) = pt.from_json(json.dumps(found))
            assert pt.graph_hash(again) == pt.graph_hash(node), kind.name
            read += 1
    assert read > 250


def test_another_process_reads_all_ops(tmp_path):
    """Also those of modules that are imported when they are first used."""
    s, path = pt.scalar("s"), tmp_path / "graph.json"
    root = pt.optimize.root_scalar(lambda v: v**3 - s, bracket=(0.0, 9.0)).root
    path.write_text(pt.to_json(root))
    code = f"""
import importlib, probtensor as pt
from probtensor.graph.walk import inputs_of
from probtensor.inspect.pictures.graphs import LATE_OPS
from probtensor.ops.kinds import REGISTRY
assert not set(LATE_OPS) & set(REGISTRY)
(y,) = pt.from_json(open({str(path)!r}).read())
print(round(float(pt.function(inputs_of([y]), y, target="interp")(8.0)), 9))
for module in LATE_OPS.values():
    importlib.import_module(module)
print(set(LATE_OPS) <= set(REGISTRY))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.split() == ["2.0", "True"], found.stderr


def test_graphs_without_text_say_why():
    found = json.loads(pt.to_json(pt.random.normal(0, 1) + 1))
    assert found["program"] is None and found["why_no_program"]
    with pytest.raises(ValueError, match="cannot be made again"):
        pt.from_json(json.dumps(found))
    with pytest.raises(ValueError, match="no JSON of"):
        pt.from_json("{}")
    with pytest.raises(ValueError, match="no JSON of"):
        pt.from_json("nonsense")
    with pytest.raises(ValueError, match="cannot be made again: random_variable has no text"):
        pt.from_json(pt.to_json(pt.random.normal() * 2))


def test_models_have_plates():
    p = posterior()
    picture = pt.graph_model(p)
    kinds = {x.facts["name"]: x.kind for x in picture.items}
    assert kinds == {"mu": "free", "tau": "free", "theta": "free", "y": "observed"}
    assert [g.label for g in picture.groups] == ["8"] and picture.groups[0].kind == "plate"
    found = json.loads(pt.to_json(p))
    theta = next(x for x in found["nodes"] if x["name"] == "theta")
    assert theta["distribution"] == "normal" and theta["parents"] == ["mu", "tau"]
    assert pt.model_graph(p, "json") == pt.to_json(p)
    assert pt.to_dot(p) == pt.model_graph(p, "graphviz")
    assert "op" in json.loads(pt.to_json(p, "graph"))["nodes"][0]  # the graph of the density
    check_dot(pt.to_dot(p))
    check_mermaid(pt.to_mermaid(p))


def test_labels_are_no_markup():
    y = pt.exp(pt.tensor('a "quoted" <b>&\\', shape=(2,)) * 2.0)
    check_dot(pt.to_dot(y))
    check_mermaid(pt.to_mermaid(y))
    assert r"a \"quoted\"" in pt.to_dot(y)
    assert "#quot;quoted#quot; #lt;b>#amp;" in pt.to_mermaid(y)


def test_dot_has_a_cluster_for_each_body():
    text = pt.to_dot(compiled("scanned"), "graph")
    names = [row.split()[1] for row in text.splitlines() if "subgraph" in row]
    assert len(names) == len(set(names)) >= 2 and "style=dashed" in text


def test_wrong_calls_are_refused():
    with pytest.raises(TypeError, match="is no tensor, function or posterior"):
        pt.to_dot(3)
    with pytest.raises(ValueError, match="for compiled functions"):
        pt.to_dot(pt.scalar("x"), "plan")
    with pytest.raises(ValueError, match=r"none of graph, compiled, plan, .*stabilize"):
        pt.graph_model(compiled("dense"), "nonsense")


# Hashes.


def test_hashes_tell_graphs_apart():
    x, y, s = pt.vector("x"), pt.vector("y"), pt.scalar("s")
    graphs = [
        x + y, y + x, x - y, x + x, 2.0 * x, x * 2.0, pt.sum(x), pt.sum(x, keepdims=True), x,
        y, s, pt.exp(x), pt.exp(s), x[1:], x[:1], [x + y, x], [x, x + y], x + 1.0, x + 1.5,
        x + np.array([1.0, 2.0]), x + np.array([1.0, 3.0]), pt.vector("x", dtype="float32"),
        pt.tensor("x", shape=(3,)), pt.random.normal(s, 1.0), pt.random.normal(s, 2.0),
        pt.random.gamma(s, 1.0), pt.scan(lambda a, c: a + c, [x], outputs_info=[s])[0],
        pt.scan(lambda a, c: a * c, [x], outputs_info=[s])[0],
    ]  # fmt: skip
    assert len({pt.graph_hash(g) for g in graphs}) == len(graphs)
    assert pt.graph_hash(x + pt.vector("x")) != pt.graph_hash(x + x)  # two inputs of one name
    one, other = pt.random.normal(0, 1), pt.random.normal(0, 1)
    assert pt.graph_hash(one + other) != pt.graph_hash(one + one)


@pytest.mark.parametrize("name", PROGRAMS)
def test_graphs_built_twice_have_one_hash(name):
    outputs = [list(PROGRAMS[name]()[1]) for _ in range(2)]
    assert pt.graph_hash(outputs[0]) == pt.graph_hash(outputs[1])


def test_hashes_do_not_depend_on_the_process_or_on_the_order_of_making():
    code = (
        "import probtensor as pt; from tests.inspect.programs import PROGRAMS\n"
        "junk = [pt.vector('junk') + k for k in range({})]\n"
        "names = list(PROGRAMS)[::{}]\n"
        "found = {{n: pt.graph_hash(list(PROGRAMS[n]()[1])) for n in names}}\n"
        "a, b = (pt.vector(n) for n in {})\n"
        "z = dict(a=a, b=b) if a.name == 'a' else dict(a=b, b=a)\n"
        "print([found[n] for n in PROGRAMS], pt.graph_hash(z['a'][: z['b'].shape[0]] * z['b']))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code.format(*options)], capture_output=True, text=True,
            check=True,
        ).stdout
        for options in ((0, 1, "'ab'"), (7, -1, "'ba'"))
    ]  # fmt: skip
    assert runs[0] == runs[1] and len(runs[0]) > 64 * len(PROGRAMS)


def test_hashes_without_names_and_of_functions():
    x, y = pt.vector("x"), pt.vector("y")
    assert pt.graph_hash(pt.exp(x), names=False) == pt.graph_hash(pt.exp(y), names=False)
    assert pt.graph_hash(x[:1] + y, names=False) != pt.graph_hash(x[:1] + x, names=False)
    f, g = (pt.function([v], pt.exp(v), target="interp") for v in (x, pt.vector("x")))
    assert pt.graph_hash(f) == pt.graph_hash(g)
    with pytest.raises(TypeError, match="is no graph"):
        pt.graph_hash(1.0)
