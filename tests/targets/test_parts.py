"""Long kernels in parts: C functions of bounded size, with the results of the whole, bit by bit."""

import re
import tempfile

import numpy as np
import pytest

import probtensor as pt
from probtensor.schedule.strips import passes
from probtensor.targets.cython import copies, parts
from probtensor.targets.cython.native import code_of
from probtensor.targets.cython.render import render
from probtensor.testing.generate import random_graph

FUNCTION = re.compile(r"^cdef \w+ (\w+)\(.*?(?=^cdef |\Z)", re.MULTILINE | re.DOTALL)


def bounded(monkeypatch, long, most):
    """Divide what is longer than `long` operations into parts of `most`."""
    for module in (passes, parts):
        monkeypatch.setattr(module, "LONG", long)
        monkeypatch.setattr(module, "MOST_OPERATIONS", most)


def functions(source):
    """{name: text} of the functions in a module."""
    return {match[1]: match[0] for match in FUNCTION.finditer(source)}


def chain(count, vector=True):
    """A chain of operations with its gradient: (inputs, outputs)."""
    x = pt.vector("x") if vector else pt.scalar("x")
    y = x
    for k in range(count):
        y = pt.tanh(y * 1.5 + 0.01 * k) if k % 3 else pt.exp(-y * y) - 0.3 * k
    loss = pt.sum(y)
    return [x], [loss, pt.grad(loss, x)]


def functions_of_parts(source):
    return [name for name in functions(source) if "_part" in name]


def results(inputs, outputs, *calls):
    """The text that is made now, and what it computes in each call."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as context:
        context.setenv("PROBTENSOR_CACHE", folder)
        f = pt.function(inputs, outputs, on_unused_input="ignore")
        return code_of(f.source), *([np.asarray(v) for v in f(*arrays)] for arrays in calls)


def same(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second):
        assert one.dtype == other.dtype and one.tobytes() == other.tobytes()


def test_parts_of_a_strip_compute_what_the_whole_computes(monkeypatch):
    """Incomplete tiles, strips and blocks included."""
    inputs, outputs = chain(8)
    sizes = [1, 7, 8, 64, 200, 4500]
    arrays = [[np.random.default_rng(size).normal(size=size)] for size in sizes]
    source, *wholes = results(inputs, outputs, *arrays)
    assert not functions_of_parts(source)
    bounded(monkeypatch, 10, 8)
    for tiled in (1 << 15, 8):
        monkeypatch.setattr(passes, "TILED_BYTES", tiled)
        source, *found = results(inputs, outputs, *arrays)
        assert len(functions_of_parts(source)) > 2
        for one, whole in zip(found, wholes, strict=True):
            same(one, whole)


def test_parts_of_scalar_code_compute_what_the_whole_computes(monkeypatch):
    inputs, outputs = chain(15, vector=False)
    _, whole = results(inputs, outputs, [np.array(0.3)])
    bounded(monkeypatch, 10, 6)
    source, found = results(inputs, outputs, [np.array(0.3)])
    assert "kept_float64" in source
    same(found, whole)


@pytest.mark.parametrize("first", [0, *(pytest.param(k, marks=pytest.mark.slow)
                                        for k in range(100, 600, 50))])  # fmt: skip
def test_random_graphs_in_parts_compute_the_same(first, monkeypatch):
    """Straight-line code of any kind between loops, and loops with serial segments."""
    count = 6 if first == 0 else 50
    graphs = [random_graph(seed, 14, loops=seed % 2 == 1) for seed in range(first, first + count)]
    inputs = [x for graph in graphs for x in graph.values]
    outputs = [y for graph in graphs for y in graph.outputs]
    arrays = [value for graph in graphs for value in graph.values.values()]
    _, whole = results(inputs, outputs, arrays)
    bounded(monkeypatch, 2, 3)
    monkeypatch.setattr(copies, "MOST_INLINED", 0)
    monkeypatch.setattr(copies, "MOST_OF_EACH", 0)
    source, found = results(inputs, outputs, arrays)
    assert source.count("_part") > count / 2
    same(found, whole)


@pytest.mark.parametrize("vector", [True, False])
def test_functions_are_bounded(vector):
    """Of a long plan: operations in each function, and inlined copies in all of them."""
    inputs, outputs = chain(250, vector)
    source = render(pt.function(inputs, outputs, target="interp").plan, comments=False)
    found = functions(source)
    assert len(found) > 5
    for name, text in found.items():
        operations = len(re.findall(r" [-+*/] |pt_\w+\(", text))
        assert operations < 6 * passes.MOST_OPERATIONS, name
    inlined = re.findall(r"\bpt_(?:tanh|exp)\(", source.partition("cdef void")[2])
    assert len(inlined) <= copies.MOST_INLINED
    assert len(re.findall(r"\bpt_(?:tanh|exp)_(?:lanes|once)\(", source)) > 200


def test_few_copies_are_inlined():
    x = pt.vector("x")
    source = pt.function([x], pt.sum(pt.exp(x) + pt.tanh(x)), target="interp")
    text = render(source.plan, comments=False)
    assert "pt_exp(" in text and "pt_tanh(" in text and "_lanes(" not in text
