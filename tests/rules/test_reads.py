"""Of what is only read in small parts, only these are computed."""

import time

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph.node import GraphError
from probtensor.graph.walk import toposort
from probtensor.rules import read_parts
from probtensor.testing.fuzz import random_graph
from probtensor.testing.reference import evaluate_numpy
from tests.plans import CountingTarget

RNG = np.random.default_rng(4)
X, Y = RNG.normal(size=(2, 8))
M, N = RNG.normal(size=(8, 6)), RNG.normal(size=(6, 8))
E = np.exp
# The graph, its value, and how many scalar functions are computed of it.
CASES = {
    "sum": (lambda x, y, a, b: (x + pt.exp(y))[0], X[0] + E(Y[0]), 1),
    "last": (lambda x, y, a, b: (x + pt.exp(y))[-1], X[-1] + E(Y[-1]), 1),
    "slice": (lambda x, y, a, b: pt.exp(a)[2:4], E(M)[2:4], 12),
    "steps": (lambda x, y, a, b: pt.exp(y)[::4], E(Y)[::4], 2),
    "backwards": (lambda x, y, a, b: pt.exp(y)[5:3:-1], E(Y)[5:3:-1], 2),
    "two parts": (lambda x, y, a, b: pt.exp(y)[0] - pt.exp(y)[3], E(Y)[0] - E(Y)[3], 2),
    "parts of parts": (lambda x, y, a, b: pt.sqrt(pt.exp(x)[2:6] + pt.exp(y)[1:5])[1],
                       np.sqrt(E(X)[3] + E(Y)[2]), 2),
    "broadcast": (lambda x, y, a, b: (x[:, None] * pt.exp(y))[1, 2], X[1] * E(Y)[2], 1),
    "sum over an axis": (lambda x, y, a, b: pt.sum(pt.exp(a), 1)[0], E(M).sum(1)[0], 6),
    "product": (lambda x, y, a, b: (pt.exp(a) @ b)[0], (E(M) @ N)[0], 6),
    "column of a product": (lambda x, y, a, b: (a @ pt.exp(b))[:, 1], (M @ E(N))[:, 1], 6),
    "transpose": (lambda x, y, a, b: pt.exp(a.T)[0], E(M.T)[0], 8),
    "softmax": (lambda x, y, a, b: pt.softmax(a, axis=1)[0], E(M[0]) / E(M[0]).sum(), 6),
    "where": (lambda x, y, a, b: pt.where(x > 0, pt.exp(y), pt.log1p(pt.exp(y)))[0],
              np.where(X > 0, E(Y), np.log1p(E(Y)))[0], 2),
    "read by others": (lambda x, y, a, b: pt.exp(y)[0] + pt.sum(pt.exp(y)),
                       E(Y)[0] + E(Y).sum(), 8),
    "neighbours": (lambda x, y, a, b: pt.exp(y)[1:] - pt.exp(y)[:-1], np.diff(E(Y)), 8),
    "most": (lambda x, y, a, b: pt.exp(y)[1:] * 2.0, 2 * E(Y)[1:], 8),
}  # fmt: skip


@pytest.mark.parametrize("known", [False, True], ids=["any sizes", "known sizes"])
@pytest.mark.parametrize("name", CASES)
def test_only_what_is_read_is_computed(name, known):
    made, value, count = CASES[name]
    arrays = X, Y, M, N
    inputs = [pt.tensor(k, a.shape if known else (None,) * a.ndim)
              for k, a in zip("xyab", arrays, strict=True)]  # fmt: skip
    target = CountingTarget()
    f = pt.function(inputs, made(*inputs), target=target, on_unused_input="ignore")
    target.count = 0
    np.testing.assert_allclose(f(*arrays), value, rtol=1e-13)
    if name != "where":  # of which one branch alone may be computed
        assert target.count == count


def test_draws_and_bounds_are_those_of_the_whole():
    x = pt.vector("x")
    y = pt.random.normal(x, 1.0, name="y")
    whole, part = (pt.function([x], z, seed=3) for z in ([y, y[2]], y[2]))
    assert whole(X)[1] == part(X)
    f = pt.function([x], pt.exp(x)[9], target="interp")
    with pytest.raises(IndexError, match="index 9 is outside axis 0, of size 8"):
        f(X)
    with pytest.raises(GraphError, match="index 9 is outside"):
        pt.exp(pt.tensor("z", (8,)))[9]


def test_parts_of_random_graphs_are_those_of_the_whole():
    changed = 0
    for seed in range(60):
        graph = random_graph(seed)
        outputs = [
            y[(0,) * y.ndim] if k % 2 else y[(slice(1, 2),) * y.ndim]
            for k, y in enumerate(graph.outputs)
            if y.ndim and all(not isinstance(n, int) or n > 1 for n in y.shape)
        ]
        outputs = [y for y in outputs if y.type.is_float]
        after = read_parts(outputs)
        assert [y.type for y in after] == [y.type for y in outputs]
        assert all(p is q for p, q in zip(read_parts(after), after, strict=True))
        changed += any(p is not q for p, q in zip(after, outputs, strict=True))
        with np.errstate(all="ignore"):
            try:
                meant = evaluate_numpy(outputs, graph.values)
            except (IndexError, TypeError):  # an axis of one element or none
                continue
            found = evaluate_numpy(after, graph.values)
        for p, q in zip(found, meant, strict=True):
            np.testing.assert_allclose(p, q, rtol=1e-9, atol=1e-12, equal_nan=True)
    assert changed > 10


def test_long_chains_take_linear_time():
    x = pt.vector("x")
    seconds = []
    for length in (1000, 4000):
        y = x
        for _ in range(length):
            y = pt.sin(y) + x
        began = time.perf_counter()
        (found,) = read_parts([y[0]])
        seconds.append(time.perf_counter() - began)
        assert len(toposort([found])) < 3 * length + 10
    assert seconds[1] < 16 * seconds[0] + 0.2
