"""The models: data and parameters from fixed seeds, and the values by NumPy."""

from types import SimpleNamespace

import numpy as np

NAMES = ("garch", "hmm4", "hmm32", "lotka_volterra", "ar1", "gru", "kalman")
# Relative tolerances of the values: solvers differ by their tolerance, float32 by its rounding.
TOLERANCES = {"lotka_volterra": 1e-4, "gru": 1e-3}
DEFAULT_TOLERANCE = 1e-8


def garch():
    """GARCH(1,1), T = 1000: the gradient by mu, omega, alpha, beta."""
    y = np.random.default_rng(1).standard_normal(1000)
    return SimpleNamespace(y=y, q=np.array([0.1, 0.2, 0.3, 0.5]), h0=0.5)


def garch_value(case):
    mu, omega, alpha, beta = case.q
    h, total = case.h0, 0.0
    for y in case.y:
        total -= 0.5 * np.log(h) + 0.5 * (y - mu) ** 2 / h
        h = omega + alpha * (y - mu) ** 2 + beta * h
    return total


def hmm(states):
    """A hidden Markov model, T = 500: the gradient by all probabilities and log densities."""
    rng = np.random.default_rng(2)
    return SimpleNamespace(
        initial=np.full(states, 1 / states),
        moves=rng.dirichlet(np.ones(states), size=states),
        e=rng.standard_normal((500, states)),
    )


def hmm_value(case):
    logs = np.log(case.initial) + case.e[0]
    moves = np.log(case.moves)
    for row in case.e[1:]:
        grid = logs[:, None] + moves
        top = grid.max(0)
        logs = top + np.log(np.exp(grid - top).sum(0)) + row
    return logs.max() + np.log(np.exp(logs - logs.max()).sum())


def lotka_volterra():
    """20 years of prey and predators, adaptive steps at tolerance 1e-6: the gradient of the sum of
    squared differences of logarithms, by four rates and two initial values."""
    rng = np.random.default_rng(3)
    return SimpleNamespace(
        q=np.array([0.55, 0.028, 0.8, 0.024, 34.0, 5.9]),
        times=np.arange(1.0, 21.0),
        y=np.log([30.0, 10.0]) + 0.3 * rng.standard_normal((20, 2)),
    )


def lotka_volterra_value(case):
    from scipy.integrate import solve_ivp

    a, b, c, d = case.q[:4]

    def slope(t, z):
        return [(a - b * z[1]) * z[0], (d * z[0] - c) * z[1]]

    found = solve_ivp(
        slope, (0, 20), case.q[4:], t_eval=case.times, rtol=1e-10, atol=1e-10, method="DOP853"
    )
    return -((case.y - np.log(found.y.T)) ** 2).sum()


def ar1():
    """A scalar recurrence of a million steps: the gradient by its coefficient and its noise."""
    return SimpleNamespace(noise=np.random.default_rng(4).standard_normal(10**6), phi=0.9)


def ar1_value(case):
    from scipy.signal import lfilter

    return (lfilter([1.0], [1.0, -case.phi], case.noise) ** 2).sum()


def gru():
    """A training step of a GRU of 128 units, float32: 32 sequences, 100 steps, 64 features."""
    rng = np.random.default_rng(5)
    batch, steps, features, units = 32, 100, 64, 128
    return SimpleNamespace(
        x=rng.standard_normal((steps, batch, features), dtype="float32"),
        y=rng.standard_normal((batch, units), dtype="float32"),
        w=rng.standard_normal((features, 3 * units), dtype="float32") / 8,
        u=rng.standard_normal((units, 3 * units), dtype="float32") / 11,
        b=np.zeros(3 * units, "float32"),
        c=np.zeros(3 * units, "float32"),
        units=units,
    )


def gru_value(case):
    n = case.units
    h = np.zeros_like(case.y)

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    for x in case.x:
        a, g = x @ case.w + case.b, h @ case.u + case.c
        r, z = sigmoid(a[:, :n] + g[:, :n]), sigmoid(a[:, n : 2 * n] + g[:, n : 2 * n])
        new = np.tanh(a[:, 2 * n :] + r * g[:, 2 * n :])
        h = (1 - z) * new + z * h
    return ((h - case.y) ** 2).mean()


def kalman():
    """A local linear trend, T = 500: the gradient by three log variances."""
    rng = np.random.default_rng(6)
    slope = np.cumsum(0.1 * rng.standard_normal(500))
    return SimpleNamespace(
        y=np.cumsum(slope + 0.3 * rng.standard_normal(500)) + rng.standard_normal(500),
        q=np.array([0.0, -2.0, -4.0]),
    )


def kalman_value(case):
    noise, level, trend = np.exp(case.q)
    move, a, p, total = np.array([[1.0, 1.0], [0.0, 1.0]]), np.zeros(2), 1e3 * np.eye(2), 0.0
    for y in case.y:
        f, v = p[0, 0] + noise, y - a[0]
        total -= 0.5 * (np.log(f) + v * v / f)
        k = p[:, 0] / f
        a, p = move @ (a + k * v), move @ (p - np.outer(k, p[0])) @ move.T
        p = p + np.diag([level, trend])
    return total


CASES = {
    "garch": (garch, garch_value),
    "hmm4": (lambda: hmm(4), hmm_value),
    "hmm32": (lambda: hmm(32), hmm_value),
    "lotka_volterra": (lotka_volterra, lotka_volterra_value),
    "ar1": (ar1, ar1_value),
    "gru": (gru, gru_value),
    "kalman": (kalman, kalman_value),
}
