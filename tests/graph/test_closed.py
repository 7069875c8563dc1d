"""Closed graphs as parameters of ops: equality, texts, pickles, sizes, and the verifier."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.check import CheckError, check
from probtensor.graph.closed import Closed, all_bodies, closed, with_bodies
from probtensor.graph.law import size_laws
from probtensor.graph.node import make
from probtensor.graph.resize import sizes_read, with_sizes
from probtensor.graph.text import parse, to_text, to_tree
from probtensor.graph.walk import replace, toposort
from probtensor.ops.kinds import REGISTRY
from probtensor.testing.reference import evaluate_numpy


def nested(x, w):
    """A loop over the rows of x with a loop over their elements, and another loop."""

    def inner(c, u):
        return c * u + w.sum(), (c + ops.zeros(x.shape[0])).sum()

    def outer(c, row):
        last, all_of = pt.loop.scan(inner, c, row, reverse=True)
        return last, all_of.sum() + ops.constant([1.0, 2.0]).sum() * c + x.shape[0]

    last, stacked = pt.loop.scan(outer, 1.0, x)
    total, _ = pt.loop.scan(lambda c, u: (c + u, None), 0.0, w)
    return [last, stacked, total]


def program():
    return nested(ops.tensor("x", (None, None)), ops.tensor("w", (None,)))


def bodies(outputs):
    return [body for node in toposort(outputs) for body in all_bodies(node.op)]


def test_bodies_that_differ_in_names_of_parameters_are_one_value():
    a, b, c, d = (ops.tensor(name) for name in "abcd")
    first, second = closed([a, b], [ops.sin(a) * b]), closed([c, d], [ops.sin(c) * d])
    assert first == second and hash(first) == hash(second)
    assert first != closed([b, a], [ops.sin(a) * b])
    x = ops.tensor("x", (4,))
    assert all(
        p is q
        for p, q in zip(
            pt.loop.scan(lambda total, u: (total + u, total), 0.0, x),
            pt.loop.scan(lambda carry, row: (carry + row, carry), 0.0, x),
        )
    )


def test_a_body_reads_only_its_parameters():
    a, b = ops.tensor("a"), ops.tensor("b")
    with pytest.raises(ValueError, match="none of its parameters"):
        closed([a], [a + b])


def test_nested_functions_are_read_back_to_the_same_nodes():
    x, w = ops.tensor("x", (None, None)), ops.tensor("w", (None,))
    outputs = nested(x, w)
    text = to_text(outputs, whole=True)
    again = parse(text, REGISTRY, {"x": x, "w": w})
    assert all(a is b for a, b in zip(again, outputs, strict=True))
    assert to_text(parse(text, REGISTRY), whole=True) == text


def test_a_loop_reads_like_a_function():
    x = ops.tensor("x", (None,))
    last, _ = pt.loop.scan(lambda c, u: (c + u * x.shape[0], None), 0.0, x, reverse=True)
    assert to_text(last) == (
        "x: float64[x.shape[0]] = input('x')\n"
        "v0: int64 = size_of(x.shape[0])\n"
        "v1: float64 = cast(dtype='float64')(v0)\n"
        "def f0(p0: float64, p1: float64, p2: float64):\n"
        "    v0: float64 = mul(p1, p2)\n"
        "    v1: float64 = add(p0, v0)\n"
        "    return v1\n"
        "v2: (float64,) = scan(body=f0, steps=x.shape[0], carries=1, sequences=1, backwards=True)"
        "(0.0, x, v1)\n"
        "v3: float64 = get(index=0)(v2)\n"
        "return v3\n"
    )


def test_names_of_inputs_and_sizes_do_not_meet_those_of_bodies():
    x, p, f = ops.tensor("v0", (None,)), ops.tensor("p0", (None,)), ops.tensor("f0")
    n = pt.Dim.name("f1")
    last, all_of = pt.loop.scan(
        lambda c, u: (c + ops.zeros(p.shape[0]).sum() * u, c), 0.0 * f, x
    )
    again, _ = pt.loop.scan(lambda c, u: (c * 2, None), last, length=n)
    outputs = [last, again, all_of, ops.zeros(p.shape[0]), p]
    text = to_text(outputs, whole=True)
    inputs = {"v0": x, "p0": p, "f0": f}
    assert to_text(parse(text, REGISTRY, inputs), whole=True) == text
    assert parse(text, REGISTRY, inputs)[0] is last


def test_text_does_not_depend_on_bodies_made_before():
    code = (
        "from tests.graph.test_closed import program; from probtensor.graph.text import *\n"
        "from probtensor import ops; import probtensor as pt\n"
        "for k in range({}): pt.loop.scan(lambda c, u: (c * u, None), 1.0, ops.tensor('x', (k,)))\n"
        "outputs = program()\n"
        "print(to_text(outputs, whole=True), to_tree(outputs), pt.to_dot(outputs))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code.format(count)], capture_output=True, text=True, check=True
        ).stdout
        for count in (0, 5)
    ]
    assert runs[0] == runs[1] and runs[0].count("def f") == 3


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("v1: float64 = add(p0, v0)", "v1: float64 = add(p0, q)", "line 6.*q is no value"),
        ("    return v1\n", "    return p9\n", r"line 7.*p9"),
        ("body=f0", "body=f7", "line 8"),
        ("p2: float64):", "p2: float99):", "line 4"),
    ],
)
def test_a_bad_line_of_a_body_is_named(old, new, match):
    x = ops.tensor("x", (None,))
    last, _ = pt.loop.scan(lambda c, u: (c + u * x.shape[0], None), 0.0, x)
    text = to_text(last)
    assert old in text
    with pytest.raises(ValueError, match=match):
        parse(text.replace(old, new), REGISTRY)


def test_a_tree_shows_each_body_once_before_the_inputs():
    x = ops.tensor("x", (3,))
    outputs = [pt.loop.scan(lambda c, u: (c + u, None), a, x)[0] for a in (0.0, 1.0)]
    rows = to_tree(outputs).splitlines()
    assert rows[2].endswith("├─ f0(p0: float64, p1: float64)") and "add" in rows[3]
    assert sum("f0(p0" in row for row in rows) == 1 and sum(row.endswith("f0") for row in rows) == 1


def test_pickles_and_copies_are_the_same_nodes():
    outputs = program()
    for node in (*outputs, *toposort(outputs)):
        assert pickle.loads(pickle.dumps(node)) is node
        assert copy.copy(node) is node and copy.deepcopy(node) is node
    (body, *_) = bodies(outputs)
    assert pickle.loads(pickle.dumps(body)) == body


def test_a_pickle_of_a_body_does_not_grow_with_its_results():
    x = ops.tensor("x", (3,))

    def size(results):
        def step(c, u):
            y = u
            for _ in range(50):
                y = ops.sin(y) + c
            return c, [y + k for k in range(results)]

        return len(pickle.dumps(pt.loop.scan(step, 0.0, x)[1][0]))

    assert size(20) < 2 * size(1)


def test_sizes_are_substituted_in_bodies():
    x, w = ops.tensor("x", (None, None)), ops.tensor("w", (None,))
    outputs = nested(x, w)
    keys = {"rows": x.shape[0], "columns": x.shape[1], "w": w.shape[0]}
    names = {next(iter(keys[k].names())): n for k, n in (("rows", 3), ("columns", 4), ("w", 2))}
    assert sizes_read(outputs) == set(names)
    done = with_sizes(outputs, names)
    fixed = [done[y] for y in outputs]
    assert not sizes_read(fixed)
    check(fixed, [done[x], done[w]])
    rng = np.random.default_rng(0)
    values = {x: rng.normal(size=(3, 4)), w: rng.normal(size=2)}
    expected = evaluate_numpy(outputs, values)
    found = evaluate_numpy(fixed, {done[x]: values[x], done[w]: values[w]})
    assert all(map(np.array_equal, found, expected))


def test_nodes_outside_are_replaced_without_touching_bodies():
    x, w, v = ops.tensor("x", (None, None)), ops.tensor("w", (None,)), ops.tensor("v", (None,))
    outputs = nested(x, w)
    changed = replace(outputs, {w: v})
    assert bodies(changed)[0] == bodies(outputs)[0]
    assert all(a is b for a, b in zip(replace(changed, {v: w}), outputs, strict=True))


def test_forged_bodies_are_found():
    x = ops.tensor("x", (3,))
    last, _ = pt.loop.scan(lambda c, u: (c + u, None), 0.0, x)
    (loop,) = last.inputs
    (body,) = all_bodies(loop.op)
    a, b = body.parameters
    for made, match in [
        (Closed((a, x[0]), body.outputs), "parameter 1 of a body"),
        (Closed(body.parameters, (a + x[0],)), "not a parameter of it"),
    ]:
        forged = make(type(loop.op)(made, 3, 1, 1), loop.inputs)
        with pytest.raises(CheckError, match=match):
            check([forged])
    stranger = ops.tensor("s", (None,))
    n = stranger.shape[0]
    inside, _ = pt.loop.scan(lambda c, u: (c + ops.zeros(n).sum() * u, None), 0.0, x)
    sized = [node for node in with_bodies(toposort([inside])) if node.type == stranger.type]
    assert sized
    with pytest.raises(CheckError, match="unknown sizes"):
        check([inside], [x])
    assert b is body.parameters[1]


def test_size_laws_of_a_body_name_the_line_in_it():
    x, w = ops.tensor("x", (None,)), ops.tensor("w", (None,))
    last, _ = pt.loop.scan(
        lambda c, u: (c + u * w, None),  # this line
        ops.zeros(x.shape[0]),
        x,
    )
    texts = ["".join(map(str, law.message)) for law in size_laws(toposort([last]), [x, w])]
    line = test_size_laws_of_a_body_name_the_line_in_it.__code__.co_firstlineno + 3
    assert any(f"test_closed.py:{line}" in text and "add" in text for text in texts), texts
