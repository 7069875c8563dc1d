"""Programs and trees: round trips, names that depend only on the graph, errors."""

import subprocess
import sys

import numpy as np
import pytest

from probtensor import ops
from probtensor.graph.text import parse, to_text, to_tree
from probtensor.ops.kinds import REGISTRY
from probtensor.transform import gradient


def program():
    x, w = ops.tensor("x", (None, 3)), ops.tensor("w", (3,), "float32")
    i = ops.tensor("i", (None,), "int64")
    picked = ops.softplus(x @ ops.astype(w, "float64"))[i]
    table = ops.constant(np.arange(20.0).reshape(4, 5))
    odd = ops.constant(np.array([np.nan, np.inf, -np.inf, -0.0]))
    cost = ops.sum(picked * ops.where(i > 1, -1.5, 2)) + ops.sum(table[1:, ::2]) + ops.max(odd)
    return [cost, *gradient(cost, [x, w]), ops.arange(x.shape[0] * 2 + 1)]


def test_round_trip_gives_the_same_text():
    text = to_text(program(), whole=True)
    assert to_text(parse(text, REGISTRY), whole=True) == text


def test_round_trip_with_given_inputs_gives_the_same_nodes():
    x, y = ops.tensor("x", (None, 3)), ops.tensor("y", (3,))
    outputs = [ops.sum(ops.exp(x) * y, 0), ops.reshape(x, (-1,))[::-1], x]
    again = parse(to_text(outputs, whole=True), REGISTRY, {"x": x, "y": y})
    assert all(a is b for a, b in zip(again, outputs))


def test_a_small_program_reads_like_one():
    x = ops.tensor("x", (None, 3))
    assert to_text(ops.sum(2 * ops.exp(x), 0)) == (
        "x: float64[x.shape[0], 3] = input('x')\n"
        "v0: float64[x.shape[0], 3] = exp(x)\n"
        "v1: float64[x.shape[0], 3] = mul(2.0, v0)\n"
        "v2: float64[3] = sum(axes=(0,))(v1)\n"
        "return v2\n"
    )


def test_names_are_unique_and_identifiers():
    a, b, odd = ops.tensor("x"), ops.tensor("x"), ops.tensor("log rate[1]")
    text = to_text([a + b * odd])
    assert "x: float64 = input('x')" in text and "x_1: float64 = input('x')" in text
    assert "log_rate_1_: float64 = input('log rate[1]')" in text
    assert to_text(parse(text, REGISTRY)) == text


def test_text_does_not_depend_on_what_was_made_before():
    code = (
        "from tests.graph.test_text import program; from probtensor.graph.text import to_text\n"
        "from probtensor import ops\n"
        "for k in range({}): ops.tensor('x', (None,))\n"
        "print(to_text(program(), whole=True))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code.format(count)], capture_output=True, text=True, check=True
        ).stdout
        for count in (0, 7)
    ]
    assert runs[0] == runs[1]


def test_long_constants_are_abbreviated_and_then_not_read_back():
    text = to_text(ops.exp(ops.constant(np.arange(50.0))))
    assert "..." in text and len(text) < 200
    with pytest.raises(ValueError, match="line 1"):
        parse(text, REGISTRY)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("v0: float64 = exp(y)\nreturn v0", "line 1.*y"),
        ("v0: float64 = no_such_op(1.0)\nreturn v0", "line 1.*no_such_op"),
        ("v0: float64[3] = exp(1.0)\nreturn v0", "written as"),
        ("x: float64 = input('x')", "return"),
    ],
)
def test_bad_programs_name_their_line(text, match):
    with pytest.raises(ValueError, match=match):
        parse(text, REGISTRY)


def test_lines_of_the_user():
    here = to_text(ops.exp(ops.tensor("x")), lines=True)
    assert here.count("test_text.py:") == 2


def test_tree_names_shared_nodes_once():
    x = ops.tensor("x", (2,))
    e = ops.exp(x)
    text = to_tree(ops.sum(e * e + 1.0))
    assert text.count("exp: float64[2]") == 1 and "[3]" in text and "└─ 1.0" in text


def test_tree_of_a_deep_graph():
    y = ops.tensor("x")
    for _ in range(3000):
        y = ops.sin(y)
    assert to_tree(y).count("\n") == 3001
    assert to_text(y).count("\n") == 3002
