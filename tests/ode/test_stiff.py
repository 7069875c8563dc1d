"""The stiff method against SciPy and closed forms."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import lambertw

import probtensor as pt
from probtensor.ode.rosenbrock import Rodas5P


def test_the_coefficients_are_consistent():
    """Each stage solves y' = t exactly at its node, up to the rounding of the published digits."""
    method = Rodas5P
    k = []
    for i, (c, d) in enumerate(zip(method.NODES, method.TIME, strict=True)):
        right = c + sum(w * x for w, x in zip(method.C[i], k)) + d
        k.append(method.GAMMA * right)
    weights = (*method.A[-1], 1.0, 1.0, 1.0)
    np.testing.assert_allclose(sum(w * x for w, x in zip(weights, k)), 0.5, rtol=1e-13)
    k = []
    for row in method.C:
        k.append(method.GAMMA * (1.0 + sum(w * x for w, x in zip(row, k))))
    for row, c in zip(method.A, method.NODES):
        np.testing.assert_allclose(sum(w * x for w, x in zip(row, k)), c, atol=1e-13)


def van_der_pol(t, z):
    return [z[1], 1000.0 * (1 - z[0] ** 2) * z[1] - z[0]]


def robertson(t, z):
    slow, fast = 0.04 * z[0] - 1e4 * z[1] * z[2], 3e7 * z[1] ** 2
    return [-slow, slow - fast, fast]


@pytest.mark.parametrize(
    ("system", "y0", "ts", "least"),
    [(van_der_pol, [2.0, 0.0], [0.0, 1.0, 300.0, 807.0, 820.0], 1e-6),
     (robertson, [1.0, 0.0, 0.0], [0.0, 0.4, 40.0, 4e3, 4e5], 1e-12)],
)  # fmt: skip
def test_stiff_solutions_are_those_of_scipy(system, y0, ts, least):
    tolerance = {"rtol": 1e-7, "atol": 1e-7 * least}
    found = pt.ode.solve(system, y0, ts, method="rodas5p", max_steps=3000, **tolerance)
    y, status, steps = pt.function([], list(found))()
    options = {"method": "Radau", "rtol": 1e-10, "atol": 1e-16}
    exact = solve_ivp(system, (ts[0], ts[-1]), y0, t_eval=ts, **options)
    assert status == 0 and steps < 1500
    np.testing.assert_allclose(y, exact.y.T, rtol=2e-5, atol=least)


def michaelis_menten(dose, vmax, km, t):
    """The solution of dc/dt = -vmax c / (km + c)."""
    ratio = dose / km
    return km * lambertw(ratio * np.exp(ratio - vmax * t / km)).real


@pytest.mark.parametrize("target", ["cython", "cuda"], indirect=True)
def test_elimination_has_the_values_and_gradients_of_its_closed_form(target):
    dose, vmax, km = inputs = [pt.scalar(name) for name in ("dose", "vmax", "km")]
    ts = np.array([0.0, 0.5, 2.0, 9.0])
    found = pt.ode.solve(
        lambda t, c: -vmax * c / (km + c), dose, ts, method="rodas5p", rtol=1e-10, atol=1e-12
    )
    f = pt.function(inputs, [found.y, found.status, *pt.grad(pt.sum(found.y), inputs)])
    at = np.array([3.0, 2.0, 0.4])
    y, status, *slopes = f(*at)
    assert status == 0
    np.testing.assert_allclose(y, michaelis_menten(*at, ts), rtol=1e-8, atol=1e-9)
    for k, slope in enumerate(slopes):
        h = 1e-5 * np.eye(3)[k]
        pair = [michaelis_menten(*(at + s * h), ts).sum() for s in (1, -1)]
        np.testing.assert_allclose(slope, (pair[0] - pair[1]) / 2e-5, rtol=1e-6)


@pytest.mark.slow
def test_systems_of_many_unknowns_are_solved_by_factors():
    """Also those that depend on time; times that are inputs, and their derivatives."""
    a, ts = pt.matrix("a"), pt.vector("ts")
    found = pt.ode.solve(
        lambda t, y: a @ y + pt.cos(t), np.ones(6), ts, method="rodas5p", rtol=1e-8, atol=1e-8
    )
    slopes = pt.grad(found.y[-1, 0], [a, ts])
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(6, 6)) - np.diag([0, 1, 10, 100, 1000, 1e4])

    def exact(matrix):
        return solve_ivp(lambda t, y: matrix @ y + np.cos(t), (0, 1.5), np.ones(6), method="Radau",
                         rtol=1e-11, atol=1e-12).y[:, -1]  # fmt: skip

    y, slope, by_time = pt.function([a, ts], [found.y, *slopes])(matrix, [0.0, 1.5])
    rate = (matrix @ y[-1] + np.cos(1.5))[0]
    np.testing.assert_allclose(by_time[-1], rate, rtol=1e-6)
    np.testing.assert_allclose(y[-1], exact(matrix), rtol=1e-6, atol=1e-7)
    shift = np.zeros((6, 6))
    shift[0, 1] = 1e-4
    change = (exact(matrix + shift) - exact(matrix - shift))[0] / 2e-4
    np.testing.assert_allclose(slope[0, 1], change, rtol=1e-4)
