"""LU factors of matrices of three diagonals, and systems by them."""

import numpy as np
import pytest
from scipy.linalg import lapack

import probtensor as pt
from probtensor.graph.node import GraphError
from tests.ops.linalg.checks import agree, batch, run, slopes
from tests.ops.numpy_twin import static


def banded(*shape):
    return np.triu(np.tril(batch(*shape), 1), -1)


def by_lapack(a):
    dl, d, du, du2, ipiv, _ = lapack.dgttrf(*(np.diag(a, k).copy() for k in (-1, 0, 1)))
    return dl, d, du, du2, ipiv


def test_factors_are_those_of_lapack():
    rows = [banded(n, n) for n in (3, 4, 9, 9)]
    rows[1][1, :] = 0.0
    rows[2][2, :2] = 0.0
    agree(lambda *xs: [y for x in xs for y in pt.linalg.tridiagonal_lu_factor(x)],
          lambda *xs: [y for x in xs for y in by_lapack(x)], *rows, rtol=1e-14)  # fmt: skip


def test_factors_of_a_batch_and_of_what_is_not_finite():
    a = banded(2, 3, 5, 5)
    a[1, 2, 3, 3] = np.nan
    found = run([x := static(a)], list(pt.linalg.tridiagonal_lu_factor(x)), a)
    for item in np.ndindex(2, 3):
        for got, meant in zip(found, by_lapack(a[item]), strict=True):
            np.testing.assert_allclose(got[item], meant, rtol=1e-13)


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_systems(n):
    a, b, vectors = banded(3, n, n), batch(n, 2), batch(3, n)

    def solved(x, y, z):
        factors = pt.linalg.tridiagonal_lu_factor(x)
        return [
            pt.linalg.tridiagonal_lu_solve(factors, y),
            pt.linalg.tridiagonal_lu_solve(factors, y, b_ndim=2, transposed=True),
            pt.linalg.tridiagonal_lu_solve(factors, z, b_ndim=1),
        ]

    def meant(x, y, z):
        found = np.linalg.solve(x, y), np.linalg.solve(np.swapaxes(x, -1, -2), y)
        return [*found, np.linalg.solve(x, z[..., None])[..., 0]]

    agree(solved, meant, a, b, vectors, rtol=1e-8)


def test_large_systems_are_as_accurate_as_lapack():
    n = 2000
    diagonals, b = [batch(n - 1), 0.1 * batch(n), batch(n - 1)], batch(n)
    a = sum(np.diag(x, k) for k, x in zip((-1, 0, 1), diagonals, strict=True))
    factors = by_lapack(a)
    found = pt.linalg.tridiagonal_lu_solve(factors, b, b_ndim=1).eval()
    meant, _ = lapack.dgttrs(*factors, b)

    def residual(x):
        return np.abs(a @ x - b).max() / np.abs(x).max()

    assert residual(found) <= 4 * residual(meant) + 1e-15


def test_derivatives_of_both():
    def through(x, y, transposed):
        factors = pt.linalg.tridiagonal_lu_factor(x)
        return pt.linalg.tridiagonal_lu_solve(factors, y, b_ndim=2, transposed=transposed)

    a = banded(4, 4)
    a[1, 0], a[0, 0] = 2.0, 0.5  # its first rows are exchanged
    slopes(lambda x, y: through(x, y, False), a, batch(4, 1))
    slopes(lambda x, y: through(x, y, True), a + 3 * np.eye(4), batch(4, 1))
    slopes(lambda x: pt.linalg.tridiagonal_lu_factor(x).d, a)


def test_sizes_that_only_a_call_knows():
    x, y = pt.matrix("x"), pt.vector("y")
    found = pt.linalg.tridiagonal_lu_solve(pt.linalg.tridiagonal_lu_factor(x), y, b_ndim=1)
    f = pt.function([x, y], found, target="machine")
    for n in (1, 2, 5):
        a, b = banded(n, n), batch(n)
        np.testing.assert_allclose(f(a, b), np.linalg.solve(a, b), rtol=1e-8)


def test_singular_matrices_have_no_finite_solution():
    a = np.stack([np.zeros((2, 2)), np.eye(2), np.ones((2, 2))])
    x = static(a)
    factors = pt.linalg.tridiagonal_lu_factor(x)
    d, found = run([x], [factors.d, pt.linalg.tridiagonal_lu_solve(factors, np.ones(2))], a)
    assert (d == 0).any(-1).tolist() == [True, False, True]
    assert np.isfinite(found).all(-1).tolist() == [False, True, False]


def test_what_is_refused():
    factors = pt.linalg.tridiagonal_lu_factor(np.eye(3))
    cases = [
        (lambda: pt.linalg.tridiagonal_lu_factor(np.ones((2, 3))), "square matrices"),
        (lambda: pt.linalg.tridiagonal_lu_factor(np.ones((0, 0))), "one row and more"),
        (lambda: pt.linalg.tridiagonal_lu_factor(np.ones(3)), "tridiagonal_lu_factor"),
        (lambda: pt.linalg.tridiagonal_lu_solve(factors[:4], np.ones(3)), "dl, d, du, du2, ipiv"),
        (lambda: pt.linalg.tridiagonal_lu_solve((1.0, *factors[1:]), np.ones(3)), "dl needs"),
        (lambda: pt.linalg.tridiagonal_lu_solve(factors, np.ones(4)), "tridiagonal_lu_solve"),
        (lambda: pt.linalg.tridiagonal_lu_solve(factors, np.ones(3), b_ndim=3), "b_ndim is 1 or 2"),
    ]
    for call, words in cases:
        with pytest.raises(GraphError, match=words):
            call()
