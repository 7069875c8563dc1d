"""Mixtures within mixtures whose inner one is -inf: states that transitions of probability 0 leave
unreachable, mixtures of components without weight. Exact values as in `test_edge_programs`."""

import mpmath
import numpy as np
import pytest

import probtensor as pt
from tests.transform.test_edge_programs import check

DATA = [0.1, 1.2, -0.3, 2.0]


def forward(n, start, moves, m, steps, weights_beside=False):
    """log p(data) of a hidden Markov chain with states 0, 1, ... and normal noise."""
    means, moves = np.arange(float(moves.shape[0])) * m, n.log(moves)
    state = n.log(start) + n.normal(DATA[0], means, 1.0)
    for y in DATA[1:steps]:
        if weights_beside:
            first, second = state[0], state[1]
            state = n.stack(
                [
                    n.logaddexp(first + moves[0, 0], second + moves[1, 0]),
                    n.logaddexp(first + moves[0, 1], second + moves[1, 1]),
                ]
            )
        else:
            state = n.logsumexp(state[:, None] + moves, axis=0)
        state = state + n.normal(y, means, 1.0)
    return n.logsumexp(state)


def two(n, a, b):
    return n.stack([n.stack([1 - a, a]), n.stack([b, 1 - b])])


def to_the_right(n, p):
    zero = 0 * p[0]
    rows = [[1 - p[0], p[0], zero], [zero, 1 - p[1], p[1]], [zero, zero, zero + 1]]
    return n.stack([n.stack(row) for row in rows])


def capture(n, phi, p):
    """Capture and recapture: alive or dead, seen, not seen, not seen."""
    alive, dead = n.log(1 + 0 * phi), n.log(0 * phi)
    alive = alive + n.log(p)
    for _ in range(2):
        alive, dead = (
            alive + n.log(phi) + n.log(1 - p),
            n.logaddexp(dead, alive + n.log(1 - phi)),
        )
    return n.logaddexp(alive, dead)


PROGRAMS = {
    "left to right": (
        lambda n, p, m: forward(n, n.stack([0 * m + 1, 0 * m, 0 * m]), to_the_right(n, p), m, 4),
        [[0.3, 0.4], 0.7],
        [[0, 0], 0],
    ),
    "a first step of probability 0": (
        lambda n, a, b, m: forward(n, n.stack([0 * a + 1, 0 * a]), two(n, a, b), m, 3),
        [0.0, 0.3, 0.7],
        [1, 0, 0],
    ),
    "absorbing states": (
        lambda n, s, a, b, m: forward(n, n.stack([1 - s, s]), two(n, a, b), m, 3),
        [0.0, 0.0, 0.0, 0.7],
        [1, 1, 1, 0],
    ),
    "state by state": (
        lambda n, s, a, m: forward(n, n.stack([1 - s, s]), two(n, a, a / 2), m, 3, True),
        [0.0, 0.0, 0.7],
        [1, 1, 0],
    ),
    "pairs": (
        lambda n, s, t: n.logaddexp(n.logaddexp(n.log(s) - 1, n.log(t) - 2), -3.0),
        [0.0, 0.0],
        [1, 1],
    ),
    "stacks": (
        lambda n, s, t: n.logsumexp(
            n.stack([n.logsumexp(n.stack([n.log(s) - 1, n.log(t) - 2])), n.log(1 - s)])
        ),
        [0.0, 0.0],
        [1, 1],
    ),
    "three deep": (
        lambda n, s, t: n.logaddexp(
            n.logaddexp(n.logaddexp(n.log(s) - 1, n.log(t) - 2) + n.log(t), n.log(s)), -3.0
        ),
        [0.0, 0.0],
        [1, 1],
    ),
    "weighed": (
        lambda n, s, t, c: n.logaddexp(n.log(c) + n.logaddexp(n.log(s) - 1, n.log(t) - 2), -3.0),
        [0.0, 0.0, 0.0],
        [1, 1, 1],
    ),
    "shares": (
        lambda n, s, t: n.sum(
            np.array([1.0, 3, 7])
            * n.softmax(
                n.stack([n.logaddexp(n.log(s) - 1, n.log(t) - 2), n.log(1 - s), -0.5 + 0 * t])
            )
        ),
        [0.0, 0.0],
        [1, 1],
    ),
    "beside 1": (
        lambda n, x, y: n.logaddexp(n.log(x) + y, 0.0) + n.logaddexp(1.0, n.log(x) + n.log(y)),
        [0.0, 0.5],
        [1, 0],
    ),
    "capture": (capture, [0.0, 0.3], [1, 0]),
}


@pytest.mark.parametrize("name", ["a first step of probability 0", "three deep", "beside 1"])
def test_inner_mixtures_that_vanish(name):
    check(name, "float64", programs=PROGRAMS)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_inner_mixture_that_vanishes(name, dtype):
    check(name, dtype, programs=PROGRAMS)


def chain(p, noise, steps):
    """(log p, d log p / d p) of a chain that moves to the right, by probabilities."""
    with mpmath.workdps(60):
        moves = [[mpmath.mpf(0)] * 3 for _ in range(3)]
        moves[0][:2], moves[1][1:], moves[2][2] = [1 - p[0], p[0]], [1 - p[1], p[1]], mpmath.mpf(1)
        state = [mpmath.mpf(1), mpmath.mpf(0), mpmath.mpf(0)]
        for t in range(steps):
            if t:
                state = [sum(state[k] * moves[k][j] for k in range(3)) for j in range(3)]
            state = [x * mpmath.npdf(t / mpmath.mpf(2), j, noise) for j, x in enumerate(state)]
        return mpmath.log(sum(state))


def far_chain(noise, steps):
    """Our log p, its gradient and its slopes forwards."""
    p = pt.tensor("p", (2,))
    moves = pt.zeros((3, 3)).at[[0, 1], [0, 1]].set(1 - p).at[[0, 1], [1, 2]].set(p)
    moves = pt.log(moves.at[2, 2].set(1.0))
    state = np.array([0.0, -np.inf, -np.inf])
    for t in range(steps):
        if t:
            state = pt.logsumexp(state[:, None] + moves, axis=0)
        state = state + pt.logp(pt.random.normal(np.arange(3.0), noise), t / 2)
    out = pt.logsumexp(state)
    return p, [out, pt.grad(out, p), pt.stack([pt.jvp(out, p, u) for u in np.eye(2)])]


@pytest.mark.parametrize("noise", [1.0, pytest.param(0.02, id="past all numbers")])
def test_forbidden_transitions_cost_no_slope(noise):
    """Unreachable states are the likelier ones, by up to exp(5000)."""
    p, outputs = far_chain(noise, 5)
    at = [0.3, 0.4]
    value, *slopes = pt.function([p], outputs, target="interp")(at)
    exact = [mpmath.mpf(x) for x in at]
    noise = mpmath.mpf(noise)
    right = chain(exact, noise, 5)
    orders = ((1, 0), (0, 1))
    with mpmath.workdps(30):
        slope = [mpmath.diff(lambda *q: chain(q, noise, 5), exact, order) for order in orders]
    np.testing.assert_allclose(value, float(right), 1e-12)
    for found in slopes:
        np.testing.assert_allclose(found, [float(s) for s in slope], 1e-9)
