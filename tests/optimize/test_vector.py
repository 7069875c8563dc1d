"""Roots and minima of many unknowns, systems from products, and derivatives of what solves them."""

import numpy as np
import pytest
from scipy import optimize

import probtensor as pt
from probtensor.graph import GraphError

RNG = np.random.default_rng(11)


def differences(f, at, step=1e-5):
    """The derivative of an array by a vector."""
    columns = [(f(at + step * d) - f(at - step * d)) / (2 * step) for d in np.eye(len(at))]
    return np.moveaxis(np.array(columns), 0, -1)


def test_a_minimum_and_its_derivatives():
    a = pt.vector("a")
    found = pt.optimize.minimize(
        lambda x: pt.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (a - x[:-1]) ** 2), np.zeros(3)
    )
    second = pt.grad(pt.sum(pt.jacobian(found.x, a)), a)
    outs = [*found, pt.jacobian(found.x, a), pt.grad(found.fun, a), second]
    f = pt.function([a], outs, target="machine")
    at = np.array([0.4, -0.7])
    x, fun, success, nit, slope, slope_fun, bend = f(at)
    meant = optimize.minimize(
        lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (at - x[:-1]) ** 2),
        np.zeros(3), tol=1e-12,
    )  # fmt: skip
    assert success and 3 < nit < 200
    np.testing.assert_allclose(x, meant.x, atol=1e-6)
    np.testing.assert_allclose(fun, meant.fun, atol=1e-10)
    np.testing.assert_allclose(slope, differences(lambda v: f(v)[0], at), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(slope_fun, differences(lambda v: f(v)[1], at), rtol=1e-4, atol=1e-8)
    rows = differences(lambda v: np.sum(f(v)[4]), at)
    np.testing.assert_allclose(bend, rows, rtol=1e-3, atol=1e-4)


def test_a_root_and_its_derivative():
    b = pt.vector("b")
    found = pt.optimize.root(
        lambda x: pt.stack([x[0] ** 2 + x[1] - b[0], x[1] ** 3 + x[0] - b[1]]), np.ones(2)
    )
    f = pt.function([b], [found.x, found.success, pt.jacobian(found.x, b)], target="machine")
    x, success, slope = f([3.0, 2.0])
    assert success
    np.testing.assert_allclose([x[0] ** 2 + x[1], x[1] ** 3 + x[0]], [3, 2], atol=1e-9)
    at = np.array([3.0, 2.0])
    np.testing.assert_allclose(slope, differences(lambda v: f(v)[0], at), rtol=1e-6)


def test_what_has_no_solution_is_nan_and_says_so():
    none = pt.optimize.minimize(pt.sum, np.zeros(2), maxiter=5)
    assert not none.success.eval() and np.isnan(none.x.eval()).all()
    none = pt.optimize.root(lambda x: x**2 + 1, np.ones(1), maxiter=20)
    assert not none.success.eval() and np.isnan(none.x.eval()).all()
    empty = pt.optimize.root(lambda x: x - 1, np.ones(0))
    assert empty.success.eval() and empty.x.eval().shape == (0,)


def test_a_solution_of_any_origin():
    a = pt.vector("a")
    guess = pt.shared(np.array([2.0, 3.0]))
    x = pt.optimize.custom_root(lambda x: x**2 - a, guess)
    value, slope = pt.function([a], [x, pt.jacobian(x, a)], target="machine")([4.0, 9.0])
    np.testing.assert_array_equal(value, [2, 3])
    np.testing.assert_allclose(slope, np.diag([1 / 4, 1 / 6]))


def test_wrong_functions_are_refused():
    with pytest.raises(GraphError, match="float scalar"):
        pt.optimize.minimize(lambda x: x, np.zeros(2))
    with pytest.raises(ValueError, match="BFGS"):
        pt.optimize.minimize(pt.sum, np.zeros(2), method="Powell")
    with pytest.raises(GraphError, match="an equation for each element"):
        pt.optimize.root(pt.sum, np.zeros(2))
    with pytest.raises(GraphError, match="not that of a vector"):
        pt.optimize.cg(np.eye(2), np.eye(2))
    with pytest.raises(GraphError, match="not that of a matrix"):
        pt.optimize.cg(np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match="restart"):
        pt.optimize.gmres(np.eye(2), np.ones(2), restart=0)


@pytest.mark.parametrize("name", ["cg", "bicgstab", "gmres"])
@pytest.mark.parametrize("preconditioned", [False, True])
def test_systems_from_products_agree_with_solve(name, preconditioned):
    n = 12
    square = RNG.normal(size=(n, n))
    matrix = square @ square.T + n * np.eye(n) if name == "cg" else square + n * np.eye(n)
    a, b, weights = pt.matrix("a"), pt.vector("b"), RNG.normal(size=n)
    options = {"M": lambda v: v / pt.diagonal(a)} if preconditioned else {}
    x, info = getattr(pt.optimize, name)(a, b, rtol=1e-13, **options)
    meant = pt.linalg.solve(a, b)
    outs = []
    for y in (x, meant):
        cost = pt.sum(weights * y**2)
        slopes = pt.grad(cost, [a, b])
        outs += [y, *slopes, pt.grad(pt.sum(slopes[1] ** 2), b)]
    got = pt.function([a, b], [info, *outs], target="machine")(matrix, RNG.normal(size=n))
    assert got[0] == 0
    for one, other in zip(got[1:5], got[5:], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_bicgstab_ends_in_few_steps():
    """As many products as unknowns would do for exact arithmetic; wrong directions take more."""
    square = np.random.default_rng(11).normal(size=(12, 12))
    matrix = square + 12 * np.eye(12)
    right = np.random.default_rng(12).normal(size=12)
    x, info = pt.optimize.bicgstab(matrix, right, rtol=1e-10, maxiter=10)
    assert info.eval() == 0
    np.testing.assert_allclose(x.eval(), np.linalg.solve(matrix, right), rtol=1e-8)


def test_a_large_system_needs_no_matrix_and_an_unsolved_one_says_so():
    n = 100_000
    d, b = pt.vector("d", shape=(n,)), pt.vector("b", shape=(n,))

    def product(v):
        zero = np.zeros(1)
        return (d + 2) * v - pt.concatenate([zero, v[:-1]]) - pt.concatenate([v[1:], zero])

    x, info = pt.optimize.cg(product, b, rtol=1e-10)
    few = pt.optimize.cg(product, b, rtol=1e-10, maxiter=3).info
    outs = [x, info, few, pt.grad(pt.sum(x**2), d)]
    diagonal, right = RNG.uniform(0.2, 1, n), RNG.normal(size=n)
    value, found, unfound, slope = pt.function([d, b], outs, target="machine")(diagonal, right)
    assert found == 0 and unfound == 3
    residual = (diagonal + 2) * value - right
    residual[1:] -= value[:-1]
    residual[:-1] -= value[1:]
    assert np.linalg.norm(residual) < 1e-9 * np.linalg.norm(right)
    assert slope.shape == (n,) and np.isfinite(slope).all()
