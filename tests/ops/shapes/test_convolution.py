"""Convolutions and correlations of vectors; `vdot`."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph.node import GraphError
from tests.ops.linalg.checks import agree, batch, run, slopes
from tests.ops.numpy_twin import static

MODES = ("full", "same", "valid")
SIZES = ((1, 1), (1, 4), (4, 1), (5, 2), (2, 5), (5, 3), (3, 5), (4, 4), (9, 4), (4, 9))


def both(namespace, x, y):
    functions = namespace.convolve, namespace.correlate
    return [f(x, y, mode) for f in functions for mode in MODES]


def test_values_of_all_lengths_and_modes():
    arrays = [batch(n) for pair in SIZES for n in pair]

    def of(namespace):
        return lambda *xs: [
            y
            for k in range(0, len(xs), 2)
            for y in [*both(namespace, *xs[k : k + 2]), namespace.correlate(*xs[k : k + 2])]
        ]

    agree(of(pt), of(np), *arrays, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "uint16", "float32", "complex128"])
def test_dtypes(dtype):
    a = np.arange(-2, 5).astype(dtype)
    b = np.array([0, 1, 3, 2]).astype(dtype)
    if dtype == "complex128":
        a, b = a * (1 + 2j), b - 1j * np.arange(4)
    x, y = static(a), static(b, "y")
    found = run([x, y], both(pt, x, y), a, b)
    for got, meant in zip(found, both(np, a, b), strict=True):
        assert got.dtype == meant.dtype
        np.testing.assert_allclose(got, meant, rtol=1e-6)


def test_lengths_that_only_a_call_knows():
    x, y = pt.vector("x"), pt.vector("y")
    f = pt.function([x, y], both(pt, x, y), target="machine")
    for n, m in SIZES:
        a, b = batch(n), batch(m)
        for got, meant in zip(f(a, b), both(np, a, b), strict=True):
            np.testing.assert_allclose(got, meant, rtol=1e-12)
    for a, b, name in ((np.zeros(0), np.ones(2), "a"), (np.ones(2), np.zeros(0), "v")):
        with pytest.raises(ValueError, match=f"convolve: {name} has no elements|-1"):
            f(a, b)


@pytest.mark.parametrize("mode", MODES)
def test_derivatives(mode):
    slopes(lambda x, y: pt.convolve(x, y, mode), batch(5), batch(3))
    slopes(lambda x, y: pt.correlate(x, y, mode), batch(2), batch(4))


def test_infinities_and_nan_reach_what_numpy_has_them_reach():
    a = np.array([1.0, np.inf, 2.0, np.nan, 1.0])
    agree(lambda x, y: both(pt, x, y), lambda x, y: both(np, x, y), a, np.array([1.0, 2.0]))


def test_vdot_is_that_of_numpy():
    a, b = batch(2, 3), batch(3, 2)
    agree(lambda x, y: [pt.vdot(x, y)], lambda x, y: [np.vdot(x, y)], a, b)
    z = a + 1j * batch(2, 3)
    np.testing.assert_allclose(pt.vdot(z, b).eval(), np.vdot(z, b), rtol=1e-13)
    slopes(pt.vdot, a, b)


def test_what_is_refused():
    cases = [
        (lambda: pt.convolve(np.ones((2, 2)), np.ones(2)), "convolve: a is a vector"),
        (lambda: pt.correlate(np.ones(2), 1.0), "correlate: v is a vector"),
        (lambda: pt.convolve(np.ones(0), np.ones(2)), "convolve: a has no elements"),
        (lambda: pt.convolve(np.ones(2), np.ones(2), "most"), "mode is one of 'full', 'same'"),
        (lambda: pt.convolve(np.ones(2), np.ones(2), 1), "mode is one of"),
        (lambda: pt.vdot(np.ones(2), np.ones(3)), "vdot"),
    ]
    for call, words in cases:
        with pytest.raises(GraphError, match=words):
            call()
