"""Names of sizes: the sizes of two inputs with the same name print alike, but differ."""

import pickle

import numpy as np
import pytest

import probtensor as pt
from probtensor.function.record import decode, encode
from probtensor.graph.node import make
from probtensor.graph.text import parse, to_text
from probtensor.ops.kinds import REGISTRY
from probtensor.types import (
    Dim,
    shape_text,
    size_atoms,
    size_max,
    size_min,
    size_name,
    size_names,
    size_substitute,
    size_value,
)

FORMS = {
    "name": lambda n, m: n,
    "product": lambda n, m: 3 * n * n * m - 2 * m + 1,
    "quotient": lambda n, m: (n + m) // (m + 1),
    "minimum": lambda n, m: size_min(n, 2 * m),
    "maximum": lambda n, m: size_max(n - m, 0),
    "nested": lambda n, m: size_max(size_min(n, m) - 1, 0) // m,
}


def twins():
    return pt.vector("x").shape[0], pt.vector("x").shape[0]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_sizes_of_two_inputs_of_one_name(form):
    n, m = twins()
    size, bare = form(n, m), form(*map(Dim.name, "nm"))
    assert str(n) == str(m) == "x.shape[0]" and n.terms != m.terms
    for at in ((5, 3), (3, 5), (4, 4)):
        keyed = dict(zip(map(size_name, (n, m)), at))
        assert size_value(size, keyed) == size_value(bare, dict(zip("nm", at)))
    assert size_substitute(size, {size_name(n): Dim.name("n"), size_name(m): Dim.name("m")}) == bare
    assert {atom.key for atom in size_atoms(size)} == size_names(size)
    assert {str(atom) for atom in size_atoms(size)} == {"x.shape[0]"}
    assert len(size_names(size)) == len(size_names(bare))
    for again in (decode(encode(size)), pickle.loads(pickle.dumps(size))):
        assert again.terms == size.terms and str(again) == str(size)
    assert "#" not in f"{size} {size!r} {shape_text((size, 3))}"


def test_a_size_named_by_the_user_is_not_that_of_an_input():
    (n, _), named = twins(), Dim.name("x.shape[0]")
    assert n.terms != named.terms and size_name(n) != size_name(named) == "x.shape[0]"


def test_ops_are_printed_with_the_names_that_users_know():
    x, y = pt.vector("x"), pt.matrix("x")
    n, m = x.shape[0], y.shape[1]
    for made in (
        pt.reshape(y, (y.shape[0] * m,)), pt.broadcast_to(x[0], (n, m)), y[1:m], x[: n // 2],
        pt.zeros((n + m, n)), pt.as_tensor(n * m), x.at[1 : n - 1].set(0.0), pt.repeat(x, 3),
    ):  # fmt: skip
        nodes = [made]
        for node in nodes:
            nodes += node.inputs
            text = f"{node.op.text()} {node.op.spelled()} {node!r} {node.type} {node.shape}"
            assert "#" not in text, text


def test_a_call_distinguishes_sizes_that_print_alike():
    x, y = pt.vector("x"), pt.vector("x")
    f = pt.function([x, y], [x.shape[0] - y.shape[0], pt.concatenate([x, y])])
    difference, joined = f(np.ones(5), np.ones(2))
    assert difference == 3 and joined.shape == (7,)


def test_nodes_of_different_sizes_are_different():
    n, m = twins()
    op = pt.zeros((n,)).op
    twice = [make(type(op)(**(vars(op) | {"shape": (size,)})), pt.zeros((n,)).inputs)
             for size in (n, m, n)]  # fmt: skip
    assert twice[0] is twice[2] is not twice[1]


def test_sizes_of_inputs_outside_the_graph_have_distinct_names():
    n, m = twins()
    sizes = n + 2 * m, Dim.name("x_shape_0_") + 3 * n
    outputs = [pt.tensor("a", shape=(size,)) for size in sizes]
    text = to_text(outputs, whole=True)
    again = parse(text, REGISTRY)
    assert len({name for node in again for name in size_names(node.shape[0])}) == 3
    assert len(frozenset.intersection(*(size_names(node.shape[0]) for node in again))) == 1
    assert to_text(again, whole=True) == text


def test_an_input_with_one_size_on_two_axes_is_read_back():
    n = Dim.name("n")
    text = to_text(pt.tensor("a", shape=(n, 3, n, 2 * n)), whole=True)
    assert text.startswith("a: float64[a.shape[0], 3, a.shape[0], 2*a.shape[0]]")
    assert to_text(parse(text, REGISTRY), whole=True) == text


def test_an_input_with_the_size_of_a_later_one_is_read_back():
    n = Dim.name("n")
    text = to_text([pt.tensor("a", shape=(2 * n,)), pt.tensor("b", shape=(n,))], whole=True)
    assert "a: float64[2*b.shape[0]]" in text
    a, b = parse(text, REGISTRY)
    assert a.shape[0].terms == (2 * b.shape[0]).terms
    assert to_text([a, b], whole=True) == text
