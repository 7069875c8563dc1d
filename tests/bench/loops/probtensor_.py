"""The models in ProbTensor."""

import numpy as np

import probtensor as pt


def _with_gradient(inputs, values, value, wrt):
    f = pt.function(inputs, [value, *pt.grad(value, wrt)])
    return lambda: f(*values)


def garch(case):
    q, y = pt.vector("q", shape=(4,)), pt.vector("y")
    mu, omega, alpha, beta = q[0], q[1], q[2], q[3]

    def step(h, x):
        return omega + alpha * (x - mu) ** 2 + beta * h, h

    _, h = pt.loop.scan(step, pt.as_tensor(case.h0), y)
    value = pt.sum(-0.5 * pt.log(h) - 0.5 * (y - mu) ** 2 / h)
    return _with_gradient([q, y], [case.q, case.y], value, [q])


def hmm(case):
    states = len(case.initial)
    initial = pt.vector("initial", shape=(states,))
    moves, e = pt.matrix("moves", shape=(states, states)), pt.matrix("e", shape=(None, states))
    inputs = [initial, moves, e]
    value = pt.hmm.logp(*inputs)
    return _with_gradient(inputs, [case.initial, case.moves, case.e], value, inputs)


def lotka_volterra(case):
    q, y = pt.vector("q", shape=(6,)), pt.matrix("y", shape=(20, 2))

    def slope(t, z):
        return pt.stack([(q[0] - q[1] * z[1]) * z[0], (q[3] * z[0] - q[2]) * z[1]])

    found = pt.ode.solve(slope, q[4:], case.times, t0=0.0, rtol=1e-6, atol=1e-6).y
    return _with_gradient([q, y], [case.q, case.y], -pt.sum((y - pt.log(found)) ** 2), [q])


def ar1(case):
    phi, noise = pt.scalar("phi"), pt.vector("noise")
    _, x = pt.loop.scan(lambda x, e: (phi * x + e,) * 2, 0.0, noise)
    return _with_gradient([phi, noise], [case.phi, case.noise], pt.sum(x**2), [phi, noise])


def gru(case):
    n = case.units
    x = pt.tensor("x", case.x.shape, dtype="float32")
    y = pt.tensor("y", case.y.shape, dtype="float32")
    weights = [pt.tensor(k, getattr(case, k).shape, dtype="float32") for k in "wubc"]
    w, u, b, c = weights

    def step(h, row):
        a, g = row @ w + b, h @ u + c
        r, z = pt.sigmoid(a[:, :n] + g[:, :n]), pt.sigmoid(a[:, n : 2 * n] + g[:, n : 2 * n])
        new = pt.tanh(a[:, 2 * n :] + r * g[:, 2 * n :])
        return (1 - z) * new + z * h, None

    last, _ = pt.loop.scan(step, pt.zeros(case.y.shape, "float32"), x)
    loss = pt.mean((last - y) ** 2)
    moved = [k - np.float32(0.01) * g for k, g in zip(weights, pt.grad(loss, weights), strict=True)]
    f = pt.function([x, y, *weights], [loss, *moved])
    values = [case.x, case.y, *(getattr(case, k) for k in "wubc")]
    return lambda: f(*values)


def kalman(case):
    q, y = pt.vector("q", shape=(3,)), pt.vector("y")
    noise, level, trend = pt.exp(q[0]), pt.exp(q[1]), pt.exp(q[2])
    move = pt.as_tensor(np.array([[1.0, 1.0], [0.0, 1.0]]))
    drift = pt.diag(pt.stack([level, trend]))

    def step(state, x):
        a, p = state
        f, v = p[0, 0] + noise, x - a[0]
        k = p[:, 0] / f
        after = move @ (p - pt.outer(k, p[0])) @ move.T + drift
        return (move @ (a + k * v), after), -0.5 * (pt.log(f) + v * v / f)

    start = (pt.zeros(2), pt.as_tensor(1e3 * np.eye(2)))
    _, terms = pt.loop.scan(step, start, y)
    return _with_gradient([q, y], [case.q, case.y], pt.sum(terms), [q])


MODELS = {
    "garch": garch, "hmm4": hmm, "hmm32": hmm, "lotka_volterra": lotka_volterra, "ar1": ar1,
    "gru": gru, "kalman": kalman,
}  # fmt: skip
