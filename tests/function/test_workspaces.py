"""Workspaces shared by calls of one function: large enough for each call, without values of earlier
calls."""

import itertools
import threading

import numpy as np
import pytest

import probtensor as pt
from probtensor import Out


def outputs(m, x, y):
    """Values with temporaries of several sizes, and results of different ranks."""
    e = m.exp(x)
    running = m.cumsum(e, axis=1)
    product = e.T @ (running + 1.0)
    return [
        m.sum(running, axis=1), product @ product, m.sum(y), x, x, m.cumsum(y) * 2, y, x,
        m.cumsum(m.sum(product, axis=0)), y, e,
    ]  # fmt: skip


# Increasing, decreasing, and sizes that differ in one or only in their order.
SHAPES = [(1, 1), (2, 3), (3, 2), (2, 4), (2, 3), (40, 3), (3, 40), (0, 3), (3, 0), (0, 0),
          (90, 70), (1, 1), (700, 2), (2, 300), (5, 5), (5, 6), (6, 5), (5, 5)]  # fmt: skip
LENGTHS = [1, 5, 0, 3000, 2, 9]


@pytest.fixture(scope="module")
def function():
    x, y = pt.matrix("x"), pt.vector("y")
    return pt.function([x, y], outputs(pt, x, y))


def arguments(shape, length):
    rng = np.random.default_rng(sum(shape) + length)
    return rng.normal(size=shape) / 4, rng.normal(size=length)


def test_calls_of_any_sizes_after_one_another(function):
    assert len(function.plan.lifetimes) > 2
    lengths = itertools.cycle(LENGTHS)
    results = []
    for shape in SHAPES * 2:
        given = arguments(shape, next(lengths))
        found, wanted = function(*given), outputs(np, *given)
        results.append((found, [a.copy() for a in found]))
        for got, want in zip(found, wanted, strict=True):
            assert got.shape == want.shape
            np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11)
    for found, before in results:  # results are not overwritten
        for a, b in zip(found, before, strict=True):
            np.testing.assert_array_equal(a, b)


def test_more_sizes_than_are_remembered(function):
    for k in (*range(150), *range(150)):
        given = arguments((2, 3), k)
        for got, want in zip(function(*given), outputs(np, *given), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11)


def test_threads_with_sizes_of_their_own(function):
    wrong = []

    def work(shape):
        given = arguments(shape, 7)
        wanted = outputs(np, *given)
        for _ in range(100):
            found = function(*given)
            if not all(np.allclose(a, b, rtol=1e-10) for a, b in zip(found, wanted)):
                wrong.append(shape)

    threads = [threading.Thread(target=work, args=(s,)) for s in ((2, 2), (60, 9), (9, 60), (1, 3))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_lent_results_have_the_sizes_of_their_call():
    x, y = pt.matrix("x"), pt.vector("y")
    f = pt.function([x, y], [Out(x * 2, borrow=True), pt.cumsum(y), Out(y + 1, borrow=True)])
    for shape, length in itertools.product(((2, 3), (3, 2), (6, 1), (2, 3)), (4, 9, 4)):
        a, b = arguments(shape, length)
        twice, running, more = f(a, b)
        np.testing.assert_array_equal(twice, a * 2)
        np.testing.assert_array_equal(more, b + 1)
        np.testing.assert_allclose(running, np.cumsum(b))
