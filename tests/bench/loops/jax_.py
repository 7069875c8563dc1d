"""The models in JAX."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental.ode import odeint

jax.config.update("jax_enable_x64", True)


def _with_gradient(function, wrt, values):
    f = jax.jit(jax.value_and_grad(function, argnums=wrt))
    values = [jnp.asarray(x) for x in values]
    return lambda: jax.block_until_ready(f(*values))


def garch(case):
    def density(q, y):
        mu, omega, alpha, beta = q

        def step(h, x):
            return omega + alpha * (x - mu) ** 2 + beta * h, h

        _, h = lax.scan(step, case.h0, y)
        return jnp.sum(-0.5 * jnp.log(h) - 0.5 * (y - mu) ** 2 / h)

    return _with_gradient(density, 0, [case.q, case.y])


def hmm(case):
    def density(initial, moves, e):
        top = jnp.max(e, axis=1)
        b = jnp.exp(e - top[:, None])
        first = initial * b[0]

        def step(p, row):
            new = (p @ moves) * row
            total = jnp.sum(new)
            return new / total, total

        _, totals = lax.scan(step, first / jnp.sum(first), b[1:])
        return jnp.log(jnp.sum(first)) + jnp.sum(jnp.log(totals)) + jnp.sum(top)

    return _with_gradient(density, (0, 1, 2), [case.initial, case.moves, case.e])


def lotka_volterra(case):
    times = np.concatenate([[0.0], case.times])

    def slope(z, t, q):
        return jnp.stack([(q[0] - q[1] * z[1]) * z[0], (q[3] * z[0] - q[2]) * z[1]])

    def density(q, y):
        found = odeint(slope, q[4:], times, q, rtol=1e-6, atol=1e-6)[1:]
        return -jnp.sum((y - jnp.log(found)) ** 2)

    return _with_gradient(density, 0, [case.q, case.y])


def ar1(case):
    def density(phi, noise):
        _, x = lax.scan(lambda x, e: (phi * x + e,) * 2, 0.0, noise)
        return jnp.sum(x**2)

    return _with_gradient(density, (0, 1), [case.phi, case.noise])


def gru(case):
    n = case.units

    def loss(weights, x, y):
        w, u, b, c = weights

        def step(h, row):
            a, g = row @ w + b, h @ u + c
            r = jax.nn.sigmoid(a[:, :n] + g[:, :n])
            z = jax.nn.sigmoid(a[:, n : 2 * n] + g[:, n : 2 * n])
            new = jnp.tanh(a[:, 2 * n :] + r * g[:, 2 * n :])
            return (1 - z) * new + z * h, None

        last, _ = lax.scan(step, jnp.zeros_like(y), x)
        return jnp.mean((last - y) ** 2)

    @jax.jit
    def train(weights, x, y):
        value, slopes = jax.value_and_grad(loss)(weights, x, y)
        return value, [k - np.float32(0.01) * g for k, g in zip(weights, slopes, strict=True)]

    weights = [jnp.asarray(getattr(case, k)) for k in "wubc"]
    x, y = jnp.asarray(case.x), jnp.asarray(case.y)
    return lambda: jax.block_until_ready(train(weights, x, y))


def kalman(case):
    move = np.array([[1.0, 1.0], [0.0, 1.0]])

    def density(q, y):
        noise, level, trend = jnp.exp(q)

        def step(state, x):
            a, p = state
            f, v = p[0, 0] + noise, x - a[0]
            k = p[:, 0] / f
            after = move @ (p - jnp.outer(k, p[0])) @ move.T + jnp.diag(jnp.stack([level, trend]))
            return (move @ (a + k * v), after), -0.5 * (jnp.log(f) + v * v / f)

        _, terms = lax.scan(step, (jnp.zeros(2), 1e3 * jnp.eye(2)), y)
        return jnp.sum(terms)

    return _with_gradient(density, 0, [case.q, case.y])


MODELS = {
    "garch": garch, "hmm4": hmm, "hmm32": hmm, "lotka_volterra": lotka_volterra, "ar1": ar1,
    "gru": gru, "kalman": kalman,
}  # fmt: skip
