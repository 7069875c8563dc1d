"""Programs that users write, at their edges: value, gradient both ways and second derivatives.

Each program is written once and read twice: with `pt`, and with mpmath on arrays of objects. The
exact derivatives are differences within the domain, 1e-30 away from the edge, with 450 digits.
"""

import mpmath
import numpy as np
import pytest

import probtensor as pt

H = mpmath.mpf(10) ** -30
DIGITS = 450
K, Y, M = np.array([0.0, 3, 0, 1]), np.array([0.0, 1, 1, 0, 1]), np.array([1.0, 0, 1, 1])
D, FACTORIALS = np.array([0.1, -0.4, 2.0]), np.array([1.0, 6, 1, 1])


class Ours:
    """The functions that programs use, as graphs."""

    sigmoid, ndtr = staticmethod(pt.special.expit), staticmethod(pt.special.ndtr)

    def __getattr__(self, name):
        return getattr(pt, name)

    def written(self, x, i, v):
        return x.at[i].set(v)

    def multiplied(self, x, i, v):
        return x.at[i].multiply(v)

    def normal(self, y, m, s):
        return pt.logp(pt.random.normal(m, s), y)

    def poisson(self, y, mu):
        return pt.logp(pt.random.poisson(mu), y)

    def categorical(self, p, k):
        return pt.logp(pt.random.categorical(p), k)

    def bernoulli(self, p, y):
        return pt.logp(pt.random.bernoulli(p), y)


def each(f, count=1):
    return np.frompyfunc(f, count, 1)


class Exact:
    """The same functions of arrays of mpmath numbers."""

    exp, log, sqrt, tanh = (each(getattr(mpmath, f)) for f in ("exp", "log", "sqrt", "tanh"))
    sin, cosh, expm1, log1p = (each(getattr(mpmath, f)) for f in ("sin", "cosh", "expm1", "log1p"))
    sigmoid, ndtr = each(lambda x: 1 / (1 + mpmath.exp(-x))), each(mpmath.ncdf)
    softplus = each(lambda x: mpmath.log1p(mpmath.exp(x)))
    xlogy = each(lambda y, x: y * mpmath.log(x) if y else mpmath.mpf(0), 2)
    maximum, minimum = each(max, 2), each(min, 2)
    where, sum, prod = staticmethod(np.where), staticmethod(np.sum), staticmethod(np.prod)
    cumsum, max = staticmethod(np.cumsum), staticmethod(np.max)

    def clip(self, x, low, high):
        return self.minimum(self.maximum(x, low), high)

    def stack(self, parts, axis=0):
        return np.stack([np.asarray(x, object) for x in parts], axis)

    def concatenate(self, parts, axis=0):
        return np.concatenate([np.asarray(x, object) for x in parts], axis)

    def logsumexp(self, x, axis=None):
        return self.log(np.sum(self.exp(x), axis=axis))

    def logaddexp(self, x, y):
        return self.log(self.exp(x) + self.exp(y))

    def softmax(self, x):
        return self.exp(x) / np.sum(self.exp(x))

    def norm(self, x, axis=None):
        return self.sqrt(np.sum(x * x, axis=axis))

    def written(self, x, i, v):
        x = x.copy()
        x[i] = v
        return x

    def multiplied(self, x, i, v):
        return self.written(x, i, x[i] * v)

    def normal(self, y, m, s):
        return -((y - m) ** 2) / (2 * s * s) - self.log(s) - mpmath.log(2 * mpmath.pi) / 2

    def poisson(self, y, mu):
        lost = each(mpmath.loggamma)(np.asarray(y, object) + 1)
        return self.xlogy(y, mu) - mu - lost

    def categorical(self, p, k):
        return self.log(p[k])

    def bernoulli(self, p, y):
        return self.xlogy(y, p) + self.xlogy(1 - y, 1 - p)


def stick(n, v):
    return n.stack([v[0], v[1] * (1 - v[0]), (1 - v[0]) * (1 - v[1])])


def exps(n, e):
    return n.stack([n.exp(0 * e), n.exp(e), n.exp(2 * e)])


def inflated(n, pi, mu):
    none, some = n.log(pi), n.log(1 - pi)
    return n.sum(n.where(K == 0, n.logaddexp(none, some - mu), some + n.poisson(K, mu)))


def powers(n, p, y=Y, m=1):
    return n.sum(n.log(p**y * (1 - p) ** (m - y)))


def weights(n, p, y=Y):
    return n.sum(n.log(y * p + (1 - y) * (1 - p)))


def product(n, p):
    return n.log(n.prod(Y * p + (1 - Y) * (1 - p)))


# name: (program, where, the way into the domain by each argument; 0 where there is no edge)
PROGRAMS = {
    "lse stack": (lambda n, s: n.logsumexp(n.stack([n.log(s) - 1, n.log(1 - s) - 2])), [0.0], [1]),
    "lse stack at 1": (
        lambda n, s: n.logsumexp(n.stack([n.log(s) - 1, n.log1p(-s) - 2])),
        [1.0],
        [-1],
    ),
    "lse of columns": (
        lambda n, s, m: n.sum(
            n.logsumexp(
                n.stack(
                    [n.log(s) + n.normal(D, m, 1.0), n.log(1 - s) + n.normal(D, 1.0, 2.0)], axis=1
                ),
                axis=1,
            )
        ),
        [1.0, 0.3],
        [-1, 0],
    ),
    "lse of rows": (
        lambda n, s, m: n.sum(
            n.logsumexp(
                n.stack([n.log(s) + n.normal(D, m, 1.0), n.log(1 - s) + n.normal(D, 1.0, 2.0)]),
                axis=0,
            )
        ),
        [0.0, 0.3],
        [1, 0],
    ),
    "lse joined": (
        lambda n, s, m: n.logsumexp(
            n.concatenate([n.log(s) + n.normal(D, m, 1.0), n.log(1 - s) + n.normal(D, 1.0, 2.0)])
        ),
        [0.0, 0.3],
        [1, 0],
    ),
    "lse weights beside": (
        lambda n, s, m: n.sum(
            n.logsumexp(
                n.log(n.stack([s, 1 - s]))[:, None]
                + n.stack([n.normal(D, m, 1.0), n.normal(D, 1.0, 2.0)]),
                axis=0,
            )
        ),
        [0.0, 0.3],
        [1, 0],
    ),
    "lse joined weights": (
        lambda n, s: n.logsumexp(
            n.log(n.concatenate([n.stack([s, 1 - s]), n.stack([s * s])])) + np.array([-1, -2.0, 1])
        ),
        [0.0],
        [1],
    ),
    "lse of three": (
        lambda n, s, t: n.logsumexp(n.stack([n.log(s) - 1, n.log(t) - 3, n.log(1 - s - t) - 2])),
        [0.0, 0.0],
        [1, 1],
    ),
    "lse of elements": (
        lambda n, w: n.logsumexp(n.stack([n.log(w[0]) - 1, n.log(w)[1] - 3])),
        [[0.0, 0.5]],
        [[1, 0]],
    ),
    "lse transposed": (
        lambda n, w, m: n.sum(
            n.logsumexp(
                n.stack([n.log(w[0]) + n.normal(D, m, 1.0), n.log(w[1]) + n.normal(D, 1.0, 1.0)]).T,
                axis=1,
            )
        ),
        [[0.0, 1], 0.5],
        [[1, -1], 0],
    ),
    "lse written": (
        lambda n, s: n.logsumexp(
            n.written(n.written(n.log(n.stack([s, s])) - 2, 0, n.log(s) - 1), 1, n.log(1 - s) - 2)
        ),
        [0.0],
        [1],
    ),
    "lse padded": (
        lambda n, w: n.logsumexp(
            n.where(np.array([True, True, False]), n.log(w) + np.array([-1.0, -2, -3]), -np.inf)
        ),
        [[0.0, 0.5, 0.5]],
        [[1, 0, 0]],
    ),
    "lse nested": (
        lambda n, s, t: n.logaddexp(
            n.log(s) + n.logaddexp(n.log(t) - 1, n.log(1 - t) - 2), n.log(1 - s) - 3
        ),
        [0.0, 0.0],
        [1, 1],
    ),
    "lse of two logarithms": (
        lambda n, s, t: n.logsumexp(
            n.stack([n.log(s) + n.log(t) - 1, n.log(s) + n.log(1 - t) - 2, n.log(1 - s) - 3])
        ),
        [0.0, 0.0],
        [1, 1],
    ),
    "lse from a start": (
        lambda n, p, m: n.logsumexp(
            n.logsumexp(
                (n.log(p) + n.normal(0.1, m, 1.0))[:, None] + np.log([[0.9, 0.1], [0.2, 0.8]]),
                axis=0,
            )
            + n.normal(0.5, m, 1.0)
        ),
        [[0.0, 1.0], [0.0, 1.0]],
        [[1, -1], 0],
    ),
    "exp of logarithms": (lambda n, p, q: n.exp(n.log(p) + n.log(q) + 1), [0.0, 0.0], [1, 1]),
    "softmax of logarithms": (
        lambda n, w: n.sum(n.softmax(n.log(w) + np.array([-1.0, -2, -3])) * np.array([1.0, 5, 2])),
        [[0.0, 0.5, 0.5]],
        [[1, 0, 0]],
    ),
    "mixture, naive": (
        lambda n, w, m: n.sum(
            n.log(w * n.exp(n.normal(D, m, 1.0)) + (1 - w) * n.exp(n.normal(D, 2.0, 0.5)))
        ),
        [0.0, 0.3],
        [1, 0],
    ),
    "path of a chain": (
        lambda n, p, a: n.log(
            (n.stack([p, 1 - p]) @ n.stack([n.stack([a, 1 - a]), n.stack([1 - a, a])]))
            @ np.array([0.2, 0.7])
        ),
        [0.0, 1.0],
        [1, -1],
    ),
    "zero-inflated": (inflated, [0.0, 1.5], [1, 0]),
    "zero-inflated by a link": (
        lambda n, a, mu: inflated(n, n.sigmoid(a), mu),
        [-760.0, 1.5],
        [0, 0],
    ),
    "zero-inflated, naive": (
        lambda n, pi, mu: n.sum(n.log(pi * (K == 0) + (1 - pi) * n.exp(-mu) * mu**K / FACTORIALS)),
        [0.0, 1.5],
        [1, 0],
    ),
    "zero-inflated, mean of 0": (
        lambda n, pi, mu: n.sum(n.logaddexp(n.log(pi), n.log(1 - pi) + n.poisson(np.zeros(2), mu))),
        [0.3, 0.0],
        [0, 1],
    ),
    "hurdle": (
        lambda n, pi, mu: n.sum(
            n.where(K == 0, n.log1p(-pi), n.log(pi) + n.poisson(K, mu) - n.log(1 - n.exp(-mu)))
        ),
        [0.4, 1.5],
        [0, 0],
    ),
    "hurdle, nothing over it": (
        lambda n, pi, mu: n.sum(
            n.where(np.zeros(3) == 0, n.log(1 - pi), n.log(pi) + n.poisson(np.zeros(3), mu))
        ),
        [0.0, 0.0],
        [1, 1],
    ),
    "masked data": (
        lambda n, m: n.sum(n.where(M == 1, n.normal(np.array([0.0, 1e30, 1, 2]), m, 1.0), 0.0)),
        [0.5],
        [0],
    ),
    "masked logarithm": (
        lambda n, x: n.sum(M * n.log(n.where(M == 1, x, 1))),
        [[1.0, 0, 2, 3]],
        [0],
    ),
    "certain data": (lambda n, p: n.sum(n.bernoulli(p, np.zeros(3))), [0.0], [1]),
    "powers by data": (lambda n, e: powers(n, n.sigmoid(e)), [-730.0], [0]),
    "powers by data, far": (lambda n, e: powers(n, n.sigmoid(e)), [[800.0, -800, 730, 0, 3]], [0]),
    "weights by data": (lambda n, e: weights(n, n.sigmoid(e)), [-800.0], [0]),
    "weights by data, each": (
        lambda n, e: weights(n, n.sigmoid(e)),
        [[730.0, -730, 80, -1, 800]],
        [0],
    ),
    "product of data": (lambda n, e: product(n, n.sigmoid(e)), [730.0], [0]),
    "choice by data": (
        lambda n, e: n.log(n.prod(n.where(Y == 1, n.sigmoid(e), 1 - n.sigmoid(e)))),
        [-800.0],
        [0],
    ),
    "binomial by hand": (lambda n, e: powers(n, n.sigmoid(e), K, 3), [[-760.0, 760, -3, 1]], [0]),
    "probit by data": (lambda n, e: weights(n, n.ndtr(e)), [[20.0, -30, 20, 30, 2]], [0]),
    "cloglog by data": (lambda n, e: powers(n, 1 - n.exp(-n.exp(e))), [[-800.0, 3, 1, 6, 2]], [0]),
    "guesses": (lambda n, e: powers(n, 0.25 + 0.75 * n.sigmoid(e)), [800.0], [0]),
    "noisy or": (lambda n, e: n.log(1 - n.prod(1 - n.sigmoid(e))), [[-80.0, -90.0]], [0]),
    "geometric": (lambda n, p: n.sum(n.log(p * (1 - p) ** np.zeros(2))), [1.0], [-1]),
    "one-hot": (
        lambda n, x: n.sum(n.log(n.sum(np.eye(3)[[0, 2]] * n.softmax(x), axis=1))),
        [[-800.0, 0, 900]],
        [0],
    ),
    "softmax by parts": (
        lambda n, e: n.categorical(exps(n, e) / (n.exp(0 * e) + n.exp(e) + n.exp(2 * e)), 0),
        [1000.0],
        [0],
    ),
    "softmax of a stack": (
        lambda n, e: n.categorical(exps(n, e) / n.sum(exps(n, e)), 0),
        [700.0],
        [0],
    ),
    "softmax of joined": (
        lambda n, a: (lambda s: n.categorical(s / n.sum(s), 2))(
            n.concatenate([np.ones(1), n.exp(a)])
        ),
        [[1000.0, 500]],
        [0],
    ),
    "softmax with a reference": (
        lambda n, a, b: n.categorical(
            n.stack([1, n.exp(a), n.exp(b)]) / (1 + n.exp(a) + n.exp(b)), 0
        ),
        [1000.0, 500.0],
        [0, 0],
    ),
    "softmax shifted": (
        lambda n, x: (lambda e: n.log(e / n.sum(e))[0])(n.exp(x - n.max(x))),
        [[-800.0, 0, 900]],
        [0],
    ),
    "ordinal": (
        lambda n, e: n.sum(
            n.log(
                n.stack(
                    [n.sigmoid(-1 - e), n.sigmoid(1 - e) - n.sigmoid(-1 - e), 1 - n.sigmoid(1 - e)]
                )
            )
        ),
        [80.0],
        [0],
    ),
    "difference of cdfs": (lambda n, a, b: n.log(n.ndtr(b) - n.ndtr(a)), [3.0, 4.0], [0, 0]),
    "focal loss": (
        lambda n, e: n.sum((1 - n.sigmoid(e)) ** 2 * n.log(n.sigmoid(e))),
        [[-800.0, 0, 40]],
        [0],
    ),
    "log link": (lambda n, e: n.sum(n.poisson(K, n.exp(e))), [[-80.0, 1, -800, 2]], [0]),
    "stick at 0 and 1": (
        lambda n, v: n.logsumexp(n.log(stick(n, v)) + np.array([-1.0, -2, -3])),
        [[0.0, 1]],
        [[1, -1]],
    ),
    "stick by running sums": (
        lambda n, v: n.logsumexp(
            n.log(v)
            + n.concatenate([np.zeros(1), n.cumsum(n.log1p(-v))[:-1]])
            + np.array([-1.0, -2, -3])
        ),
        [[0.0, 0, 1]],
        [[1, 1, -1]],
    ),
    "stick by products": (
        lambda n, v: n.log(
            n.sum(
                n.stack([v[0], v[1] * n.prod(1 - v[:1]), v[2] * n.prod(1 - v[:2]), n.prod(1 - v)])
                * np.array([0.1, 0.2, 0.3, 0.4])
            )
        ),
        [[0.0, 1, 1]],
        [[1, -1, -1]],
    ),
    "product with a zero": (lambda n, x: n.prod(x), [[0.0, 2, 3]], [0]),
    "product with two zeros": (
        lambda n, x: n.sum(n.sin(n.prod(x, axis=1))),
        [[[0.0, 0, 2], [0, 0, 0]]],
        [0],
    ),
    "element times 0": (lambda n, x, v: n.prod(n.multiplied(x, 1, v)), [[2.0, 0, 3], 0.0], [0, 0]),
    "elements times 0": (
        lambda n, x, v: n.sum(n.sin(n.multiplied(x, np.array([1, 2]), v))),
        [[2.0, 0, 3], [0.0, 0]],
        [0, 0],
    ),
    "element written": (lambda n, x, v: n.prod(n.written(x, 1, v)), [[2.0, 0, 0], 0.0], [0, 0]),
    "square of a norm": (lambda n, x: n.norm(x) ** 2, [[0.0, 0]], [0]),
    "kernel of distances": (
        lambda n, x: n.sum(n.exp(-0.5 * n.norm(x[:, None, :] - x[None, :, :], axis=-1) ** 2)),
        [[[0.0, 0], [0, 0], [1, 0]]],
        [0],
    ),
    "rational kernel": (lambda n, x: (1 + n.sum(x * x) / 2) ** -1.5, [[0.0, 0]], [0]),
    "powers at 0": (lambda n, x: n.sum(x**2.5 + x ** np.array([2.0, 3])), [[0.0, 1]], [[1, 0]]),
    "power of a power": (lambda n, x, y: x**y, [0.0, 3.0], [1, 0]),
    "polynomial": (
        lambda n, x: n.sum(x[:, None] ** np.arange(4) * np.array([1.0, 2, 3, 4])),
        [[0.0, -1]],
        [0],
    ),
    "logarithms past overflow": (
        lambda n, x: n.sum(n.log1p(n.exp(x)) + n.softplus(-x) + n.log(n.cosh(x))),
        [[-800.0, 800, 0]],
        [0],
    ),
    "log of expm1": (lambda n, x: n.sum(n.log(n.expm1(x))), [[800.0, 1, 5]], [0]),
    "logarithm of the rest": (lambda n, x: n.sum(n.log1p(-n.exp(-x))), [[800.0, 1]], [0]),
    "clipped": (
        lambda n, x: n.sum(
            n.log(n.clip(x, 1e-3, 0.75)) + n.maximum(n.log(x), -9) + n.minimum(1 / x, 7)
        ),
        [[0.5, 0.0]],
        [[0, 1]],
    ),
    "hill curve": (lambda n, x, h: n.sum(x**h / (x**h + 2.0**h)), [[0.0, 1], 3.5], [[1, 0], 0]),
    "saturation": (lambda n, s, v, k: v * s / (k + s), [0.0, 2.0, 1.0], [1, 0, 0]),
    "decay": (
        lambda n, a, b: n.sum(n.exp(-a * np.abs(D)) - n.exp(-b * np.abs(D))),
        [800.0, 0.0],
        [0, 1],
    ),
    "tails": (
        lambda n, m, s: -n.sum(2.5 * n.log(1 + ((D - m) / s) ** 2 / 4) + n.log(s)),
        [1e15, 1.0],
        [0, 0],
    ),
}


def exact(f, at, inward):
    """Value, gradient and Hessian of a program at H from the edge, by differences inwards."""
    flat = [mpmath.mpf(float(v)) for a in at for v in np.ravel(a)]
    signs = np.concatenate([np.broadcast_to(d, np.shape(a)).ravel() for a, d in zip(at, inward)])
    steps = [int(d) or 1 for d in signs]

    def value(counts):
        moved = [x + d * c * H for x, d, c in zip(flat, steps, counts)]
        parts, first = [], 0
        for a in at:
            part = np.array(moved[first : first + np.size(a)], object).reshape(np.shape(a))
            first += np.size(a)
            parts.append(part if np.ndim(a) else part[()])
        return mpmath.re(mpmath.mpmathify(f(Exact(), *parts)))

    with mpmath.workdps(DIGITS):
        n = len(flat)
        unit, base = np.eye(n, dtype=int), np.abs(signs).astype(int)
        here, once = value(base), [value(base + unit[i]) for i in range(n)]
        slope = [(once[i] - here) / (steps[i] * H) for i in range(n)]
        curve = [
            (value(base + unit[i] + unit[j]) - once[i] - once[j] + here)
            / (steps[i] * steps[j] * H**2)
            for i in range(n)
            for j in range(n)
        ]
        return [np.array([float(v) for v in part]) for part in ([here], slope, slope, curve)]


def ours(f, at, dtype, target):
    """Value, gradient in reverse and forward mode and Hessian as the compiled program has them."""
    inputs = [pt.tensor(f"a{k}", np.shape(a), dtype=dtype) for k, a in enumerate(at)]
    cost = f(Ours(), *inputs)
    slopes = [pt.ravel(g) for g in pt.grad(cost, inputs)]
    pushed = [
        pt.jvp(cost, x, np.reshape(u, np.shape(a)))
        for a, x in zip(at, inputs)
        for u in np.eye(np.size(a), dtype=dtype)
    ]
    curves = [
        pt.concatenate([pt.reshape(h, (np.size(a), np.size(b))) for h, b in zip(row, at)], 1)
        for row, a in zip(pt.hessian(cost, inputs), at)
    ]
    outputs = [cost, pt.concatenate(slopes), pt.stack(pushed), pt.concatenate(curves)]
    run = pt.function(inputs, outputs, target=target)
    return [np.ravel(x) for x in run(*(np.asarray(a, dtype) for a in at))]


def check(name, dtype, target="interp", programs=PROGRAMS):
    f, at, inward = programs[name]
    at = [np.asarray(a, dtype) for a in at]
    rtol, atol = (1e-10, 1e-13) if dtype == "float64" else (3e-4, 1e-6)
    parts = ("value", "gradient", "tangents", "curvature")
    for part, got, right in zip(parts, ours(f, at, dtype, target), exact(f, at, inward)):
        np.testing.assert_allclose(got, right, rtol, atol, err_msg=f"{name}: {part}")


@pytest.mark.parametrize("name", [*PROGRAMS][::4])
def test_programs_are_exact_at_their_edges(name):
    check(name, "float64")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_is_exact_at_its_edges(name, dtype):
    check(name, dtype)
