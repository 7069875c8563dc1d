"""Exponentials, powers and roots of matrices; equations of Sylvester, Lyapunov and Riccati."""

import numpy as np
import pytest
import scipy.linalg

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import GraphError
from tests.ops.linalg.checks import agree, batch, close, definite, run, slopes
from tests.ops.numpy_twin import static


def by_item(function, *arrays):
    """A function of matrices on each item of batches."""
    batch = np.broadcast_shapes(*(a.shape[:-2] for a in arrays))
    spread = [np.broadcast_to(a, (*batch, *a.shape[-2:])) for a in arrays]
    found = [function(*(a[item] for a in spread)) for item in np.ndindex(batch)]
    return np.reshape(found, (*batch, *np.shape(found[0]))) if found else np.zeros(spread[0].shape)


def test_exponentials_of_every_size_of_norm():
    """From one that needs no power to one of many squares; nilpotent ones, and zeros."""
    rng = np.random.default_rng(2)
    for n in (1, 2, 5, 20):
        a = rng.normal(size=(n, n)) / n
        a = np.stack([a * s for s in (1e-9, 0.01, 0.1, 0.5, 1, 2, 5, 20, 60)])
        agree(lambda x: [pt.linalg.expm(x)], lambda x: [scipy.linalg.expm(x)], a, rtol=1e-9,
              atol=1e-12 * np.abs(scipy.linalg.expm(a[-1])).max())  # fmt: skip
        for item in a:
            agree(lambda x: [pt.linalg.expm(x)], lambda x: [scipy.linalg.expm(x)], item, rtol=1e-10)
    nilpotent = np.triu(np.full((4, 4), 1e3), 1)
    agree(lambda x: [pt.linalg.expm(x)], lambda x: [scipy.linalg.expm(x)], nilpotent, rtol=1e-12)
    for a in (np.zeros((3, 3)), np.zeros((0, 0)), np.zeros((2, 0, 0)), np.eye(2, dtype="int64")):
        agree(lambda x: [pt.linalg.expm(x)], lambda x: [scipy.linalg.expm(x)], a)
    far = np.array([[1.0, 1e6], [0.0, -1.0]])  # powers do not grow as the norm does
    exact = [[np.e, 1e6 * np.sinh(1.0)], [0.0, np.exp(-1)]]
    agree(lambda x: [pt.linalg.expm(x)], lambda x: [exact], far, rtol=1e-12)
    huge = np.diag([-1e300, 0.0])
    agree(lambda x: [pt.linalg.expm(x)], lambda x: [np.diag([0.0, 1.0])], huge)


def test_exponentials_of_what_is_not_finite_are_nan():
    a = np.stack([np.eye(2), np.full((2, 2), np.nan), np.full((2, 2), np.inf)])
    x = static(a)
    for value in run([x], [pt.linalg.expm(x), pt.grad(ops.sum(pt.linalg.expm(x)), x)], a):
        assert np.isfinite(value[0]).all() and np.isnan(value[1:]).all()


@pytest.mark.parametrize("scale", [0.005, 0.05, 0.2, 0.5, 2.0, 9.0])
def test_derivatives_of_the_exponential(scale):
    """Each approximant of the derivative, of first and second order."""
    a, e = batch(3, 3) * scale / 2, batch(3, 3)
    meant = scipy.linalg.expm_frechet(a, e, compute_expm=False)
    agree(lambda x, y: [pt.jvp(pt.linalg.expm(x), x, y)], lambda *_: [meant], a, e, rtol=1e-9)
    slopes(pt.linalg.expm, a, rtol=1e-5)


def test_powers():
    a = batch(2, 3, 3) + 2 * np.eye(3)
    for n in (0, 1, 2, 3, 7, 12, -1, -5):
        agree(lambda x, n=n: [pt.linalg.matrix_power(x, n)],
              lambda x, n=n: [np.linalg.matrix_power(x, n)], a)  # fmt: skip
    whole = np.array([[1, 2], [3, 4]])
    agree(lambda x: [pt.linalg.matrix_power(x, 6)], lambda x: [np.linalg.matrix_power(x, 6)], whole)
    slopes(lambda x: pt.linalg.matrix_power(x, -3), a)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (6, 6), (2, 5, 5)], ids=str)
def test_square_roots(shape):
    a = batch(*shape) + 3 * np.eye(shape[-1])
    agree(lambda x: [pt.linalg.sqrtm(x)], lambda x: [by_item(scipy.linalg.sqrtm, x)], a, rtol=1e-9)
    agree(lambda x: [pt.linalg.sqrtm(x @ x)], lambda x: [by_item(scipy.linalg.sqrtm, x @ x)],
          definite(*shape), rtol=1e-9)  # fmt: skip
    if shape[-1] < 6:
        slopes(pt.linalg.sqrtm, a)


def test_square_roots_that_are_not_real_are_nan():
    a = np.stack([np.diag([4.0, 0.0]), np.diag([-1.0, 2.0]), np.full((2, 2), np.nan)])
    x = static(a)
    (found,) = run([x], [pt.linalg.sqrtm(x)], a)
    assert (found[0] == np.diag([2.0, 0.0])).all() and np.isnan(found[1:]).all()


def test_equations_of_sylvester_and_lyapunov_are_those_of_scipy():
    for m, n, lead in ((1, 1, ()), (3, 2, ()), (6, 9, ()), (2, 3, (2, 2))):
        a, b, q = batch(*lead, m, m), batch(*lead, n, n), batch(m, n)
        meant = by_item(scipy.linalg.solve_sylvester, a, b, q)
        agree(lambda *x: [pt.linalg.solve_sylvester(*x)], lambda *_, m=meant: [m], a, b, q,
              rtol=1e-7)  # fmt: skip
    for n, lead in ((1, ()), (4, ()), (12, ()), (3, (2,))):
        a, q = batch(*lead, n, n) / n, batch(n, n)
        for method in (None, "direct", "bilinear"):
            agree(lambda x, y: [pt.linalg.solve_continuous_lyapunov(x, y),
                                pt.linalg.solve_discrete_lyapunov(x, y, method)],  # noqa: B023
                  lambda x, y: [by_item(scipy.linalg.solve_continuous_lyapunov, x, y),
                                by_item(scipy.linalg.solve_discrete_lyapunov, x, y)], a, q,
                  rtol=1e-6, atol=1e-8)  # fmt: skip


def test_equations_without_one_solution_are_nan():
    a, b = np.stack([np.eye(2)] * 3), np.stack([np.eye(2), -np.eye(2), np.full((2, 2), np.nan)])
    x, y = static(a), static(b)
    (found,) = run([x, y], [pt.linalg.solve_sylvester(x, y, np.eye(2))], a, b)
    assert (found[0] == np.eye(2) / 2).all() and np.isnan(found[1:]).all()


def test_derivatives_of_equations():
    a, b, q = batch(2, 3, 3) + 4 * np.eye(3), batch(2, 2) + 4 * np.eye(2), batch(3, 2)
    slopes(pt.linalg.solve_sylvester, a, b, q)
    small, square = batch(3, 3) / 4, batch(3, 3)
    slopes(pt.linalg.solve_continuous_lyapunov, a[0], square)
    for method in ("direct", "bilinear"):
        slopes(lambda x, y, m=method: pt.linalg.solve_discrete_lyapunov(x, y, m), small, square)


RICCATI = {
    "continuous": (pt.linalg.solve_continuous_are, scipy.linalg.solve_continuous_are),
    "discrete": (pt.linalg.solve_discrete_are, scipy.linalg.solve_discrete_are),
}


@pytest.mark.parametrize("name", RICCATI)
@pytest.mark.parametrize("n, m", [(1, 1), (3, 2), (2, 3), (6, 2)])
def test_equations_of_riccati_are_those_of_scipy(name, n, m):
    ours, theirs = RICCATI[name]
    a, b, q, r = batch(2, n, n) / n, batch(n, m), definite(n, n), definite(m, m)
    s, e = 0.05 * batch(n, m), np.eye(n) + 0.1 * batch(n, n)
    agree(lambda *x: [ours(*x)], lambda *x: [by_item(theirs, *x)], a, b, q, r, rtol=1e-7)
    nodes = [static(x) for x in (a, b, q, r)]
    (found,) = run(nodes, [ours(*nodes, e, s)], a, b, q, r)
    for x, y in zip(found, a, strict=True):
        if name == "continuous":
            mixed = e.T @ x @ b + s
            rest = y.T @ x @ e + e.T @ x @ y - mixed @ np.linalg.solve(r, mixed.T) + q
            closed = np.linalg.solve(e, y - b @ np.linalg.solve(r, mixed.T))
            assert np.linalg.eigvals(closed).real.max() < 0
        else:
            mixed, inner = y.T @ x @ b + s, r + b.T @ x @ b
            rest = y.T @ x @ y - e.T @ x @ e - mixed @ np.linalg.solve(inner, mixed.T) + q
            closed = np.linalg.solve(e, y - b @ np.linalg.solve(inner, mixed.T))
            assert np.abs(np.linalg.eigvals(closed)).max() < 1
        close(rest, np.zeros_like(rest), atol=1e-11 * (1 + np.abs(x).max()) ** 2)


@pytest.mark.parametrize("name", RICCATI)
def test_derivatives_of_equations_of_riccati(name):
    ours, _ = RICCATI[name]
    a, b, q, r, s = batch(3, 3), batch(3, 2), definite(3, 3), definite(2, 2), 0.1 * batch(3, 2)
    slopes(lambda a, b, q, r, s: ours(a, b, (q + q.mT) / 2, (r + r.mT) / 2, s=s), a, b, q, r, s,
           rtol=1e-5)  # fmt: skip


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_updates_of_factors(sign):
    factor, v = np.linalg.cholesky(definite(2, 4, 4)), 0.5 * batch(2, 4)
    whole = factor @ np.swapaxes(factor, -1, -2) + sign * v[..., :, None] * v[..., None, :]
    agree(lambda x, y: [pt.linalg.cholesky_update(x, y, sign)],
          lambda x, y: [np.linalg.cholesky(whole)], factor, v)  # fmt: skip
    slopes(lambda x, y, z: pt.linalg.cholesky_update(ops.tril(x), y, sign * z), factor[0], v[0],
           np.asarray(0.8))  # fmt: skip
    found = pt.linalg.cholesky_update(np.eye(2), [2.0, 0.0], -1.0).eval()
    assert np.isnan(found).all()


def test_wrong_calls_say_what_is_wrong():
    x = pt.tensor("x", (3, 4))
    s = x[:, :3]
    for call, words in (
        (lambda: pt.linalg.expm(x), "expm: needs square matrices"),
        (lambda: pt.linalg.sqrtm(x), "sqrtm: needs square matrices"),
        (lambda: pt.linalg.matrix_power(x, 2), "matrix_power: needs square matrices"),
        (lambda: pt.linalg.matrix_power(s, 0.5), "matrix_power: n is a whole number, not 0.5"),
        (lambda: pt.linalg.solve_sylvester(s, s, x), "solve_sylvester: n=3 and n=4 differ"),
        (lambda: pt.linalg.solve_continuous_lyapunov(x, x), "needs square matrices"),
        (lambda: pt.linalg.solve_discrete_lyapunov(x, x), "needs two square matrices"),
        (lambda: pt.linalg.solve_discrete_lyapunov(s, s, "x"), "method is 'direct', 'bilinear'"),
        (lambda: pt.linalg.solve_continuous_are(x, x, x, x), "solve_continuous_are: a and q"),
        (lambda: pt.linalg.cholesky_update(x, x[0]), "cholesky_update: needs square matrices"),
    ):
        with pytest.raises(GraphError, match=words):
            call()
    close(pt.linalg.matrix_power(np.ones((3, 3)), 0).eval(), np.eye(3))
