"""Contexts: a bound log density behind a C pointer."""

import ctypes
import threading

import numpy as np
import pytest

import probtensor as pt
from cython_ext.context import Context, logp_grad_address

SIGNATURE = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
)
RNG = np.random.default_rng(5)
ROWS = RNG.normal(size=(40, 3))
GROUP = RNG.integers(-4, 4, 40)


def density(target):
    """A regression with groups; q is (weights, group effects)."""
    x, y, group = pt.matrix("x"), pt.vector("y"), pt.vector("group", dtype="int64")
    q = pt.vector("q", shape=(7,))
    mean = x @ q[:3] + q[3:][group]
    logp = -pt.sum((y - mean) ** 2) / 2 - pt.sum(q**2) / 2
    f = pt.function([q, x, y, group], [logp, pt.grad(logp, q)], target=target)
    return f.bind({x: ROWS, y: ROWS.sum(1), group: GROUP})


def expected(q):
    """The same by NumPy."""
    design = np.hstack([ROWS, np.eye(4)[GROUP]])
    rest = ROWS.sum(1) - design @ q
    return -(rest @ rest) / 2 - q @ q / 2, design.T @ rest - q


def by_pointer(context, q):
    """(logp, grad) through the C interface."""
    grad, logp = np.full(context.dim, np.nan), ctypes.c_double(np.nan)
    call = SIGNATURE(logp_grad_address())
    status = call(context.address, q.ctypes.data, grad.ctypes.data, ctypes.addressof(logp))
    assert status == 0
    return logp.value, grad


@pytest.mark.parametrize("target", ["interp", "cython"])
def test_the_pointer_and_the_method_agree_with_numpy(target):
    context = Context(density(target), 7)
    assert context.dim == 7
    for _ in range(3):
        q = RNG.normal(size=7)
        truth = expected(q)
        for logp, grad in (by_pointer(context, q), context.logp_and_grad(q)):
            assert isinstance(logp, float)
            np.testing.assert_allclose(logp, truth[0], rtol=1e-12)
            np.testing.assert_allclose(grad, truth[1], rtol=1e-10)


def test_points_that_need_converting_and_those_that_do_not_fit():
    context = Context(density("cython"), 7)
    np.testing.assert_array_equal(
        context.logp_and_grad([1] * 7)[1], context.logp_and_grad(np.ones(7))[1]
    )
    np.testing.assert_array_equal(
        context.logp_and_grad(np.ones(14)[::2])[1], context.logp_and_grad(np.ones(7))[1]
    )
    with pytest.raises(ValueError, match=r"shape \(6,\), it must have shape \(7,\)"):
        context.logp_and_grad(np.ones(6))
    with pytest.raises(ValueError, match=r"\(7, 1\)"):
        context.logp_and_grad(np.ones((7, 1)))


def test_results_are_fresh():
    context = Context(density("cython"), 7)
    _, first = context.logp_and_grad(np.zeros(7))
    copy = first.copy()
    context.logp_and_grad(np.ones(7))
    np.testing.assert_array_equal(first, copy)


def test_a_gradient_that_is_the_argument_or_a_constant():
    q = pt.vector("q", shape=(3,))
    f = pt.function([q], [pt.sum(q * 0) + 2, q])
    assert by_pointer(Context(f, 3), np.arange(3.0))[1].tolist() == [0, 1, 2]
    g = pt.function([q], [pt.sum(q), pt.ones(3)])
    logp, grad = by_pointer(Context(g, 3), np.arange(3.0))
    assert (logp, grad.tolist()) == (3, [1, 1, 1])


def test_clones_run_in_threads():
    context = Context(density("cython"), 7)
    points = RNG.normal(size=(4, 7))
    truths = [expected(q) for q in points]
    wrong = []

    def work(k, own):
        for _ in range(300):
            logp, grad = own.logp_and_grad(points[k])
            if not (np.isclose(logp, truths[k][0]) and np.allclose(grad, truths[k][1])):
                wrong.append(k)

    for contexts in ([context.clone() for _ in points], [context] * len(points)):
        threads = [threading.Thread(target=work, args=(k, own)) for k, own in enumerate(contexts)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_data_are_kept_alive():
    context = Context(density("cython"), 7)
    before = context.logp_and_grad(np.ones(7))[0]
    clone = context.clone()
    del context
    junk = [np.random.default_rng(k).normal(size=(40, 3)) for k in range(50)]
    assert clone.logp_and_grad(np.ones(7))[0] == before
    del junk


def test_entries_of_another_shape_are_refused():
    q, x = pt.vector("q"), pt.vector("x")
    with pytest.raises(TypeError, match="one free argument"):
        Context(pt.function([q, x], [pt.sum(q * x), x]), 3)
    with pytest.raises(TypeError, match="logp and grad"):
        Context(pt.function([q], [pt.sum(q)]), 3)
    with pytest.raises(TypeError, match="a scalar and a vector"):
        Context(pt.function([q], [q, q * 2]), 3)
    with pytest.raises(TypeError, match="float64"):
        Context(pt.function([q], [pt.sum(q).astype("int64"), q]), 3)
    with pytest.raises(ValueError, match="the gradient has 2 values, q has 3"):
        Context(pt.function([q], [pt.sum(q), q[1:] * 1]), 3)


def test_bad_data_are_refused_when_they_are_bound():
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    q = pt.vector("q", shape=(2,))
    f = pt.function([q, i], [pt.sum(q[i]), q * 1])
    with pytest.raises(IndexError, match="size 2"):
        Context(f.bind({i: [0, 2]}), 2)
    g = pt.function([q, x], [pt.sum(q * x), q * x])
    with pytest.raises(ValueError, match="3"):
        Context(g.bind({x: np.ones(3)}), 2)


def test_an_error_inside_python_comes_out():
    def run(buffers, sizes):
        raise ZeroDivisionError("inside")

    q = pt.vector("q", shape=(2,))
    f = pt.function([q], [pt.sum(q), q * 1], target="interp")
    from dataclasses import replace

    broken = replace(f.compilation, built=replace(f.compilation.built, run=run))
    context = Context(type(f)(f.program, broken), 2)
    with pytest.raises(ZeroDivisionError, match="inside"):
        context.logp_and_grad(np.zeros(2))
