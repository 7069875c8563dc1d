"""The texts of `explain` and the properties of a function."""

import ctypes

import numpy as np
import pytest

import probtensor as pt


@pytest.fixture(scope="module")
def f():
    x, w = pt.matrix("x"), pt.vector("w")
    loss = pt.sum(pt.log(1 + pt.exp(x @ w)))
    return pt.function([x, w], [loss, pt.grad(loss, w)], name="loss")


def test_each_stage_shows_what_it_should(f):
    assert "exp" in f.explain() and "test_explain.py" in f.explain("graph")
    assert "stabilize" in f.explain("passes")
    assert "log(1 + exp(x)) -> softplus(x)" in f.explain("passes")
    assert "kernel 0" in f.explain("groups")
    assert "for i" in f.explain("kernels")
    assert "strips of 64 over i" in f.explain("schedule")
    assert "pt_rows_dot" in f.explain("schedule")
    assert "axis 0 of buffer 0" in f.explain("plan")
    assert f.explain("source") == f.source
    assert "cdef int pt_plan" in f.source
    assert "int pt_plan(void **buffers, const int64_t *sizes);" in f.header
    with pytest.raises(ValueError, match="graph, passes"):
        f.explain("nonsense")


def test_text_is_the_same_whatever_was_made_before(f):
    pt.vector("unrelated")
    x, w = pt.matrix("x"), pt.vector("w")
    loss = pt.sum(pt.log(1 + pt.exp(x @ w)))
    g = pt.function([x, w], [loss, pt.grad(loss, w)])
    for stage in ("kernels", "header"):
        assert f.explain(stage) == g.explain(stage)
    assert f.address == g.address


def test_attributes(f):
    assert f.name == "loss"
    assert "loss(x: float64" in repr(f)
    assert "#" not in repr(f)
    assert f.address  # which needs the native module
    assert set(f.timings) >= {"rewrite", "lower", "render", "build"}
    assert f.path.endswith(".so")
    assert f.plan.kernels


def test_the_address_is_callable_from_c(f):
    rng = np.random.default_rng(0)
    X, W = rng.normal(size=(5, 3)), rng.normal(size=3)
    loss, gradient = f(X, W)
    buffers = {"input": [X, W], "output": [np.empty(()), np.empty(3)]}
    table = []
    for buffer in f.plan.buffers:
        rest = buffers.get(buffer.role)
        table.append(rest.pop(0) if rest else np.empty(100))
    addresses = (ctypes.c_void_p * len(table))(*(a.ctypes.data for a in table))
    numbers = [table[s.buffer].shape[s.axis] for s in f.plan.sizes]
    plan = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(f.address)
    assert plan(addresses, (ctypes.c_int64 * len(numbers))(*numbers)) == 0
    assert table[f.plan.outputs[0]] == loss
    np.testing.assert_array_equal(table[f.plan.outputs[1]], gradient)


def test_profile(f):
    rng = np.random.default_rng(0)
    found = f.profile(rng.normal(size=(50, 3)), w=rng.normal(size=3), n=20)
    assert found.count == 20
    assert [row.kernel for row in found.rows] == [k.name for k in f.plan.kernels]
    assert abs(sum(row.share for row in found.rows) - 1) < 1e-9
    assert found.total > 0
    assert "test_explain.py" in str(found)


def test_the_interpreter_has_no_source(f):
    x = pt.scalar("x")
    g = pt.function([x], x + 1, target="interp")
    assert g.source == "" and g.address == 0
    assert g.explain("schedule") == "target interp runs the kernels as they are\n"
