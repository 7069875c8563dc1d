"""Factors, systems and eigenvalues of matrices given by their diagonals."""

import numpy as np
import pytest
import scipy.linalg

import probtensor as pt
from probtensor.graph.node import GraphError
from tests.ops.linalg.checks import agree, batch, run, slopes
from tests.ops.linalg.test_equations import by_item
from tests.ops.numpy_twin import static

SIZES = [(1, 1), (1, 4), (2, 5), (4, 9), (5, 3)]  # numbers of diagonals, and of rows


def bands(r, n, lower, *lead):
    """Bands of positive definite matrices, with nan outside of these."""
    out = batch(*lead, r, n)
    out[..., 0 if lower else r - 1, :] = 2 * r + 2
    for k in range(r):
        (out[..., k, n - k :] if lower else out[..., r - 1 - k, :k])[...] = np.nan
    return out


def dense(band, lower):
    """The symmetric matrix."""
    (r, n), out = band.shape, np.zeros((band.shape[1],) * 2)
    for k in range(min(r, n)):
        row = band[k, : n - k] if lower else band[r - 1 - k, k:]
        out += np.diag(row, -k) + (np.diag(row, k) if k else 0)
    return out


def factor_of(band, lower):
    """The factor in bands, with zeros outside of the matrix."""
    (r, n), whole = band.shape, np.linalg.cholesky(dense(band, lower))
    out = np.zeros((r, n))
    for k in range(min(r, n)):
        row = np.diag(whole, -k)
        (out[k, : n - k] if lower else out[r - 1 - k, k:])[...] = row
    return out


@pytest.mark.parametrize("lower", [False, True])
def test_factors_and_their_systems_are_those_of_scipy(lower):
    given = [bands(r, n, lower) for r, n in SIZES]
    sides = [batch(n, 2) for _, n in SIZES]

    def built(*nodes):
        for ab, b in zip(nodes[: len(SIZES)], nodes[len(SIZES) :], strict=True):
            factor = pt.linalg.cholesky_banded(ab, lower=lower)
            yield from (factor, pt.linalg.cho_solve_banded((factor, lower), b))
            yield pt.linalg.cho_solve_banded((factor, lower), b[:, 0])

    def meant(*arrays):
        for ab, b in zip(arrays[: len(SIZES)], arrays[len(SIZES) :], strict=True):
            whole = dense(ab, lower)
            yield factor_of(ab, lower)
            yield from (np.linalg.solve(whole, b), np.linalg.solve(whole, b[:, 0]))

    agree(built, meant, *given, *sides)
    ab = np.nan_to_num(given[3])
    np.testing.assert_allclose(
        pt.linalg.cholesky_banded(ab, lower=lower).eval(),
        np.nan_to_num(scipy.linalg.cholesky_banded(ab, lower=lower)), atol=1e-12
    )  # fmt: skip


def test_factors_of_a_batch_and_of_what_has_none():
    ab = bands(3, 4, True, 2, 3)
    ab[0, 1, 0, 2], ab[1, 2, 1, 1] = -1.0, np.inf
    (found,) = run([x := static(ab)], [pt.linalg.cholesky_banded(x, lower=True)], ab)
    for item in np.ndindex(2, 3):
        if item in ((0, 1), (1, 2)):
            assert np.isnan(found[item]).all()
        else:
            np.testing.assert_allclose(found[item], factor_of(ab[item], True), atol=1e-13)
    empty = static(np.zeros((2, 0)))
    assert pt.linalg.cholesky_banded(empty, lower=True).eval({empty: np.zeros((2, 0))}).size == 0


@pytest.mark.parametrize("lower", [False, True])
def test_derivatives_of_factors_and_systems(lower):
    ab, b = np.nan_to_num(bands(3, 4, lower)), batch(4, 2)
    slopes(lambda x: pt.linalg.cholesky_banded(x, lower=lower), ab)
    slopes(lambda x, y: pt.linalg.cho_solve_banded((pt.linalg.cholesky_banded(x, lower=lower),
                                                    lower), y), ab, b)  # fmt: skip


def test_a_log_density_in_linear_time():
    """A walk of 200,000 steps: value and gradient of its density by a precision of three
    diagonals."""
    n = 200_000
    ab, y = pt.matrix("ab"), pt.vector("y")
    factor = pt.linalg.cholesky_banded(ab)
    half = pt.sum(pt.log(factor[-1]))
    total = half - 0.5 * y @ pt.linalg.cho_solve_banded((factor, False), y)
    f = pt.function([ab, y], [total, pt.grad(total, ab)])
    values = np.stack([np.full(n, -1.0), np.full(n, 2.5)]), batch(n)
    found = f(*values)  # dense matrices of that size would be 320 GB
    x = scipy.linalg.solveh_banded(*values)
    theirs = scipy.linalg.cholesky_banded(values[0])
    meant = np.log(theirs[-1]).sum() - 0.5 * values[1] @ x
    np.testing.assert_allclose(found[0], meant, rtol=1e-10)
    assert np.isfinite(found[1]).all() and found[1][0, 0] == 0.0


@pytest.mark.parametrize("lower", [False, True])
def test_eigenvalues_of_bands_are_those_of_scipy(lower):
    given = [bands(r, n, lower) for r, n in SIZES]

    def built(*nodes):
        for ab in nodes:
            values, vectors = pt.linalg.eig_banded(ab, lower)
            yield from (values, (vectors * values[None]) @ vectors.mT)
            yield pt.linalg.eigvals_banded(ab, lower)
            yield pt.linalg.eig_banded(ab, lower, eigvals_only=True, select="i",
                                       select_range=(0, 0))  # fmt: skip

    def meant(*arrays):
        for ab in arrays:
            values, whole = np.linalg.eigvalsh(dense(ab, lower)), dense(ab, lower)
            yield from (values, whole, values, values[:1])

    agree(built, meant, *given)
    ab = np.nan_to_num(given[3])
    np.testing.assert_allclose(
        pt.linalg.eigvals_banded(ab, lower, select="i", select_range=(2, 4)).eval(),
        scipy.linalg.eigvals_banded(ab, lower, select="i", select_range=(2, 4)), rtol=1e-12,
    )  # fmt: skip
    slopes(lambda x: pt.linalg.eigvals_banded(x, lower), np.nan_to_num(given[2]) + np.arange(5))
    slopes(lambda x: pt.linalg.eig_banded(x, lower).eigenvectors ** 2,
           np.nan_to_num(given[2]) + np.arange(5))  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_eigenvalues_of_three_diagonals_are_those_of_scipy(n):
    d, e = batch(2, n), batch(n - 1)

    def built(d, e):
        values, vectors = pt.linalg.eigh_tridiagonal(d, e)
        yield from (values, (vectors * values[..., None, :]) @ vectors.mT)
        yield pt.linalg.eigvalsh_tridiagonal(d, e)
        yield pt.linalg.eigh_tridiagonal(d, e, select="i", select_range=(n - 1, n - 1))[0]

    def meant(d, e):
        values = np.stack([scipy.linalg.eigvalsh_tridiagonal(row, e) for row in d])
        whole = np.stack([np.diag(row) + np.diag(e, 1) + np.diag(e, -1) for row in d])
        yield from (values, whole, values, values[..., -1:])

    agree(built, meant, d, e, rtol=1e-9)


def test_derivatives_of_eigenvalues_of_three_diagonals():
    d, e = np.arange(4.0) + 0.1 * batch(4), 0.3 * batch(3)
    slopes(lambda *x: pt.linalg.eigvalsh_tridiagonal(*x), d, e)
    slopes(lambda *x: pt.linalg.eigh_tridiagonal(*x).eigenvectors ** 2, d, e)


def test_eigenvalues_of_what_is_not_finite_are_nan():
    d, e = np.array([[1.0, 2.0], [np.nan, 2.0]]), np.array([0.5])
    nodes = [static(x) for x in (d, e)]
    values, vectors, only = run(
        nodes, [*pt.linalg.eigh_tridiagonal(*nodes), pt.linalg.eigvalsh_tridiagonal(*nodes)], d, e
    )
    assert np.isfinite(values[0]).all() and np.isfinite(only[0]).all()
    assert all(np.isnan(x[1]).all() for x in (values, vectors, only))


def test_systems_of_a_batch_of_bands():
    """Also where rows are exchanged, on all ways of elimination."""
    ab, b = batch(3, 4, 7), batch(7, 2)
    agree(lambda x, y: [pt.linalg.solve_banded((2, 1), x, y)],
          lambda x, y: [by_item(lambda z: scipy.linalg.solve_banded((2, 1), z, b), x)], ab, b,
          rtol=1e-8)  # fmt: skip


@pytest.mark.parametrize("call, text", [
    (lambda x: pt.linalg.cho_solve_banded(x, x), "takes .cb, lower."),
    (lambda x: pt.linalg.eig_banded(x, select="v", select_range=(0, 1)), "known only in a call"),
    (lambda x: pt.linalg.eig_banded(x, select="i", select_range=(1, 9)), "select_range"),
    (lambda x: pt.linalg.eigvals_banded(x, select="i", select_range=2), "select_range"),
    (lambda x: pt.linalg.eigh_tridiagonal(x[0], 1.0), "e needs an axis"),
    (lambda x: pt.linalg.eigh_tridiagonal(x[0], x[0]), "n=3 and n=4"),
    (lambda x: pt.linalg.cholesky_banded(x[0]), "takes matrices"),
])  # fmt: skip
def test_errors(call, text):
    with pytest.raises(GraphError, match=text):
        call(pt.matrix("x", shape=(2, 3)))
