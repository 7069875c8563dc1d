"""`pt.optimize.root_scalar` against SciPy and closed forms: roots, and their derivatives."""

import numpy as np
import pytest
import scipy.optimize

import probtensor as pt
from probtensor.graph import GraphError

CUBES = np.array([0.5, 1.0, 8.0, 30.0])


def test_roots_and_derivatives_of_a_closed_form(target):
    """x^3 = a, by all methods; to third order; where there is no root all is nan."""
    a = pt.vector("a")
    results = [
        pt.optimize.root_scalar(lambda x: x**3 - a, bracket=(0.0, 4.0)),
        pt.optimize.root_scalar(lambda x, a: x**3 - a, (a,), "bisect", (4, 0)),
        pt.optimize.root_scalar(lambda x: x**3 - a, x0=1.0),
    ]
    slope = pt.grad(pt.sum(results[0].root), a)
    second = pt.grad(pt.sum(slope), a)
    third = pt.grad(pt.sum(second), a)
    forward = pt.jvp(results[0].root, a, pt.ones_like(a))
    f = pt.function([a], [[list(r) for r in results], slope, second, third, forward])
    found, *slopes, forward = f([*CUBES, 100.0])
    for root, converged, iterations in found[:2]:
        np.testing.assert_allclose(root, [*np.cbrt(CUBES), np.nan], rtol=1e-12)
        assert list(converged) == [True] * 4 + [False] and iterations < 50
    np.testing.assert_allclose(found[2][0], np.cbrt([*CUBES, 100.0]), rtol=1e-12)
    factors, powers = (1 / 3, -2 / 9, 10 / 27), (-2 / 3, -5 / 3, -8 / 3)
    for value, factor, power in zip(slopes, factors, powers):
        np.testing.assert_allclose(value[:4], factor * CUBES**power, rtol=1e-10)
    np.testing.assert_allclose(forward, slopes[0], rtol=1e-14)


FUNCTIONS = {
    "cos": (lambda x: pt.cos(x) - x, 0.0, 2.0),
    "log": (lambda x: pt.log(x) + 3, 1e-8, 50.0),
    "flat": (lambda x: (x - 0.3) ** 3, -1.0, 2.0),
    "steep": (lambda x: pt.expm1(30 * (x - 0.01)), -1.0, 2.0),
    "root at an end": (lambda x: x * (x + 3), -1.0, 0.0),
    "jump": (lambda x: pt.where(x < 0.7, -1.0, 2.0), 0.0, 1.0),
}


def test_brackets_shrink_as_in_scipy():
    x = pt.scalar("x")
    cases = FUNCTIONS.values()
    results = [pt.optimize.root_scalar(f, bracket=(a, b), maxiter=500) for f, a, b in cases]
    found = pt.function([], [list(r) for r in results])()
    for (root, converged, iterations), (f, a, b) in zip(found, cases):
        g = pt.function([x], f(x), target="interp")
        options = {"full_output": True, "maxiter": 500}
        expected, info = scipy.optimize.brentq(lambda t, g=g: float(g(t)), a, b, **options)
        assert converged and abs(root - expected) < 1e-11
        # It calls at both ends first; `info.iterations` is not set where one of them is a root.
        assert iterations <= info.function_calls


def test_a_batch_of_roots_has_the_derivatives_of_each():
    a = pt.vector("a")
    roots = pt.vmap(lambda a: pt.optimize.root_scalar(lambda x: x**3 - a, x0=2.0).root)(a)
    root, slope = pt.function([a], [roots, pt.grad(pt.sum(roots), a)])(CUBES)
    np.testing.assert_allclose(root, np.cbrt(CUBES), rtol=1e-12)
    np.testing.assert_allclose(slope, CUBES ** (-2 / 3) / 3, rtol=1e-10)


def fixed(m, c):
    """The fixed point of x -> tanh(m x) + c."""
    x = c
    for _ in range(200):
        x = np.tanh(m @ x) + c
    return x


def test_fixed_points_have_the_derivatives_of_their_equation(target):
    m, c = pt.matrix("m"), pt.vector("c")

    def step(x):
        return pt.tanh(m @ x) + c

    cost = [
        pt.sum(pt.optimize.fixed_point(step, c, (), 1e-13, 500, method) ** 2)
        for method in ("iteration", "del2")
    ]
    slope = pt.grad(cost[0], c)
    along = pt.jvp(cost[1], c, np.array([1.0, 0.0, 1.0]))
    outputs = [*cost, pt.grad(cost[0], m), slope, pt.grad(slope[1], c), along]
    f = pt.function([m, c], outputs)
    rng = np.random.default_rng(0)
    matrix, shift = rng.normal(size=(3, 3)) / 3, rng.normal(size=3)
    iterated, extrapolated, by_m, by_c, second, along = f(matrix, shift)
    expected = np.sum(fixed(matrix, shift) ** 2)
    np.testing.assert_allclose([iterated, extrapolated], expected, rtol=1e-11)
    for k in range(3):
        h = 1e-5 * np.eye(3)[k]
        change = np.sum(fixed(matrix, shift + h) ** 2) - np.sum(fixed(matrix, shift - h) ** 2)
        np.testing.assert_allclose(by_c[k], change / 2e-5, rtol=1e-7)
        change = f(matrix, shift + h)[3][1] - f(matrix, shift - h)[3][1]
        np.testing.assert_allclose(second[k], change / 2e-5, rtol=1e-6)
        e = np.outer(h, [0, 1, 0])
        change = np.sum(fixed(matrix + e, shift) ** 2) - np.sum(fixed(matrix - e, shift) ** 2)
        np.testing.assert_allclose(by_m[k, 1], change / 2e-5, rtol=1e-7)
    np.testing.assert_allclose(along, by_c[0] + by_c[2], rtol=1e-10)


def test_an_iteration_that_does_not_end_is_nan():
    x = pt.optimize.fixed_point(lambda x: 2 * x + 1, 1.0, maxiter=20, method="iteration")
    assert np.isnan(x.eval())


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"x0": 1.0, "method": "secant"}, ValueError, '"newton"'),
        ({}, GraphError, "bracket="),
        ({"x0": 1.0, "method": "brentq"}, GraphError, "bracket=(a, b)"),
        ({"bracket": 1.0}, GraphError, "bracket=(a, b)"),
    ],
)
def test_wrong_arguments_of_root_scalar_are_refused(options, error, words):
    with pytest.raises(error, match="root_scalar") as caught:
        pt.optimize.root_scalar(pt.cos, **options)
    assert words in str(caught.value)


def test_wrong_functions_are_refused():
    with pytest.raises(GraphError, match="root_scalar: f gives"):
        pt.optimize.root_scalar(lambda x: pt.stack([x, x], -1), x0=[1.0, 2.0])
    with pytest.raises(GraphError, match="fixed_point: func gives"):
        pt.optimize.fixed_point(lambda x: pt.stack([x, x]), 1.0)
    with pytest.raises(ValueError, match="del2"):
        pt.optimize.fixed_point(pt.cos, 1.0, method="newton")
