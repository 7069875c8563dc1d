"""`debugprint`: every option changes the text as told."""

import io
import re

import numpy as np
import pytest

import probtensor as pt
from tests.inspect.programs import PROGRAMS, compiled, posterior


def shown(graph, **options):
    return pt.debugprint(graph, file="str", **options)


@pytest.fixture(scope="module")
def y():
    x = pt.vector("x")
    common = pt.exp(x)
    return common + pt.sum(common * 2.0)


def test_tree_with_shared_parts(y):
    lines = shown(y).split("\n")
    assert lines[0] == "add [id A]" and lines[1] == " ├─ exp [id B]"
    assert lines[2] == " │   └─ x [id C]" and lines[3] == " └─ sum{axes=(0,)} [id D]"
    assert lines[-2] == "         ├─ exp [id B] ···" or "exp [id B] ···" in shown(y)
    assert shown(y).count("x [id C]") == 1  # what is below a repeated node is printed once


def test_type_shape_and_lines(y):
    assert "exp [id B] <float64[x.shape[0]]>" in shown(y, print_type=True)
    assert "exp [id B] shape=(x.shape[0],)" in shown(y, print_shape=True)
    assert "sum{axes=(0,)} [id D] shape=()" in shown(y, print_shape=True)
    assert re.search(r"# .*test_debugprint\.py:\d+", shown(y, print_lines=True))
    assert "<float64" not in shown(y) and "#" not in shown(y) and "shape=(" not in shown(y)


def test_depth(y):
    assert len(shown(y, depth=1).split("\n")) == 1
    assert len(shown(y, depth=2).split("\n")) == 3
    assert shown(y, depth=9) == shown(y)


@pytest.mark.parametrize("kind, first", [("CHAR", "A"), ("int", "0")])
def test_kinds_of_ids(y, kind, first):
    assert shown(y, id_type=kind).startswith(f"add [id {first}]")


def test_other_kinds_of_ids(y):
    assert "[id" not in shown(y, id_type="")
    assert f"[id {id(y)}]" in shown(y, id_type="id")
    assert shown(y, id_type="auto") == shown(y, id_type="auto")
    with pytest.raises(ValueError, match="none of 'CHAR'"):
        shown(y, id_type="hex")


def test_ids_go_beyond_z():
    x = pt.scalar("x")
    for k in range(30):
        x = x + float(k + 2)
    assert "[id AA]" in shown(x)


def test_file(y, capsys):
    assert pt.debugprint(y) is None
    assert capsys.readouterr().out.rstrip("\n") == shown(y)
    file = io.StringIO()
    assert pt.debugprint(y, file=file) is file and file.getvalue() == shown(y) + "\n"


def test_done_and_used_ids_are_shared(y):
    done, ids = {}, {}
    shown(y, done=done, used_ids=ids)
    assert y in done and ids[y] == "A"
    again = shown(y * 2.0, done=done, used_ids=ids)
    assert "add [id A] ···" in again and len(again.split("\n")) == 3
    assert shown(y, used_ids=ids) == shown(y)


def test_stop_on_name():
    x = pt.vector("x")
    named = pt.deterministic(pt.exp(x), name="rate")
    assert "exp" in shown(named + 1)
    text = shown(named + 1, stop_on_name=True)
    assert "exp" not in text and "'rate' ···" in text


def test_op_info(y):
    text = shown(y, print_op_info=True)
    assert "Ops:" in text and "exp (Elementwise): " in text and "Ops:" not in shown(y)


def test_inner_graphs():
    f = compiled("scanned")
    text = shown(f)
    assert "Inner graphs:" in text and "body of" in text.partition("Inner graphs:")[2]
    assert "Inner graphs:" not in shown(f, print_inner_graphs=False)
    assert text.startswith(shown(f, print_inner_graphs=False))


def test_storage_views_and_inputs_of_functions():
    f = compiled("dense")
    assert "@ k0 -> y0 (output)" in shown(f, print_storage=True)
    assert "softplus [id B] @ k0, in registers" in shown(f, print_storage=True)
    assert "@" not in shown(f)
    assert "read through indices" in shown(f, print_storage=True)
    assert re.search(r"broadcast_to.* v=\[\w+\]", shown(f, print_view_map=True))
    assert "v=[" not in shown(f)
    assert shown(f, print_fgraph_inputs=True).startswith("inputs: x [id A], w [id B]")
    state = shown(compiled("shared_state"), print_fgraph_inputs=True)
    assert "total" in state.split("\n")[0] and "<- update of total" in state


def test_destroy_map():
    """A product that is added to a sum is accumulated in the memory of that sum."""
    a, b = (pt.tensor(name, shape=(200, 200)) for name in "ab")
    f = pt.function([a, b], pt.exp(a) + a @ b, target="interp")
    assert re.search(r"exp \[id \w+\] d=\[\w+\]", shown(f, print_destroy_map=True))
    assert "d=[" not in shown(f)


def test_rules_and_stages():
    f = compiled("dense")
    rule = "log(1 + exp(x)) -> softplus(x)"
    assert f"softplus [id B] <- {rule}" in shown(f, print_rules=True)
    assert "<-" not in shown(f)
    assert "log" in shown(f, stage="written") and "softplus" not in shown(f, stage="written")
    assert "sum_to" not in shown(f, stage="sum to shapes")
    assert shown(f, stage="accumulate") == shown(f)
    with pytest.raises(ValueError, match=r"none of compiled, written, .*stabilize"):
        shown(f, stage="nonsense")


def test_profile_beside_the_nodes(y):
    exp = y.inputs[0]
    text = shown(y, profile={exp: 3e-3, "sum": 1e-3})
    assert "exp [id B] 3 ms (75.0 %)" in text and "1 ms (25.0 %)" in text
    by_kernel = shown(compiled("dense"), print_storage=True, profile={"k0": 2e-6})
    assert "2 us (100.0 %)" in by_kernel
    assert "%" not in shown(y)
    f = compiled("dense", "cython")
    profile = f.profile(np.ones((50, 2)), np.ones(2), n=3)
    assert re.search(r"sum\S* \[id A\] 0 [\d.]+ [numµs]+ \(\d", shown(f, profile=profile))
    with pytest.raises(TypeError, match="has no times"):
        shown(y, profile=3)


def test_lists_functions_and_posteriors(y):
    assert shown([y, {"y": y}]).count("add") == 2
    assert shown(posterior()) == shown(posterior().function)
    f = compiled("dense")
    assert f.dprint(file="str", print_type=True) == shown(f, print_type=True)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_prints_with_every_option(name):
    options = dict.fromkeys(
        ("print_type", "print_shape", "print_storage", "print_op_info", "print_destroy_map",
         "print_view_map", "print_fgraph_inputs", "print_lines", "print_rules"), True,
    )  # fmt: skip
    text = shown(compiled(name), **options)
    assert len(text) > len(shown(compiled(name)))
    assert "read through indices" not in text.partition("Inner graphs")[2].partition("Ops:")[0]


def test_what_is_no_graph_is_refused(y):
    with pytest.raises(TypeError, match="is no graph"):
        pt.debugprint(3)
    with pytest.raises(TypeError, match="print_storage is known of compiled functions"):
        pt.debugprint(y, print_storage=True)


def test_deep_graphs_print():
    x = pt.scalar("x")
    for _ in range(3000):
        x = pt.sin(x)
    assert shown(x).count("sin") == 3000
    assert np.isfinite(len(shown(x)))
