"""Matrices of few diagonals, of blocks and of Kronecker products: what is known of them, and which
routines systems, determinants and factors take."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.transform.facts import FactTable
from probtensor.transform.linalg.structure import IDENTITY, Structure, structure_of

INF = float("inf")
RNG = np.random.default_rng(11)
A, B = pt.tensor("a", (12, 12)), pt.tensor("b", (3, 3))
D, E, F = pt.tensor("d", (12,)), pt.tensor("e", (11,)), pt.tensor("f", (11,))
X, V = pt.tensor("x", (12, 2)), pt.tensor("v", (12,))
BANDS = pt.diag(D) + pt.diag(E, 1) + pt.diag(F, -1)
W = pt.tensor("w", (40, 40))
WIDE = pt.tril(pt.triu(W, -2), 1)
ORDER = pt.argsort(V)


def facts_of(x):
    return structure_of(x, FactTable())


def test_structures_of_what_is_made_of_others():
    positive = pt.assume(B, positive_definite=True)
    turned = pt.linalg.qr(A)
    permuted = Structure(orthogonal=True, permutation=True)
    cases = [
        (BANDS, Structure(1, 1)), (BANDS.mT, Structure(1, 1)), (BANDS @ BANDS, Structure(2, 2)),
        (2.0 * BANDS - pt.eye(12), Structure(1, 1)), (pt.square(BANDS), Structure(1, 1)),
        (pt.diag(E, 1), Structure(-1, 1)),
        (pt.zeros((12, 12)).at[np.arange(11), np.arange(1, 12)].set(E), Structure(-1, 1)),
        (pt.diag(1 + pt.exp(D)), Structure(0, 0, True, True)),
        (BANDS[3:, 3:], Structure(1, 1)), (BANDS[:6, 2:8], Structure(3, -1)),
        (BANDS[::2, ::2], Structure(0, 0)), (pt.eye(4)[1:3, 1:3], IDENTITY),
        (pt.assume(A, tridiagonal=True), Structure(1, 1)),
        (pt.assume(A, banded=(2, 0)), Structure(2, 0)), (pt.assume(A, permutation=True), permuted),
        (pt.linalg.cholesky(BANDS), Structure(1, 0, factor=True)),
        (turned.Q, Structure(orthogonal=True)), (turned.R, Structure(0, INF)),
        (pt.linalg.eigh(A).eigenvectors, Structure(orthogonal=True)),
        (pt.linalg.svd(A).Vh, Structure(orthogonal=True)), (pt.eye(12)[ORDER], permuted),
        (pt.eye(12)[ORDER] @ pt.eye(12)[:, ORDER], permuted),
        (-pt.eye(12)[ORDER], Structure(orthogonal=True)),
        (pt.eye(12)[pt.tensor("i", (12,), dtype="int64")], Structure()),
        (pt.linalg.block_diag(B, BANDS), Structure(2, 2)),
        (pt.linalg.block_diag(positive, positive), Structure(2, 2, True, True)),
        (pt.kron(positive, positive), Structure(symmetric=True, positive=True)),
        (pt.kron(pt.eye(4), pt.tril(B)), Structure(2, 0)),
        (pt.kron(BANDS, pt.eye(2)), Structure(2, 2)),
    ]  # fmt: skip
    for x, meant in cases:
        assert facts_of(x) == meant, x


def called(f, *names):
    text = f.explain("kernels")
    return {name: text.count(name + "(") for name in names if name + "(" in text}


def agrees(outputs, inputs, meant, arrays, close=1e-9):
    f = pt.function(inputs, outputs, target="machine")
    for found, truth in zip(f(*arrays), meant(*arrays), strict=True):
        np.testing.assert_allclose(found, truth, rtol=close, atol=close)
    return f


def dense(d, e, f):
    return np.diag(d) + np.diag(e, 1) + np.diag(f, -1)


ARRAYS = RNG.normal(size=12) + 4, RNG.normal(size=11), RNG.normal(size=11)
DENSE = "pt_lu", "pt_cholesky", "pt_inv", "pt_solve_factored", "pt_gemm"


def test_systems_and_determinants_of_three_diagonals_write_no_matrix():
    """Values and gradients, by a time and a memory proportional to the rows."""
    x = pt.linalg.solve(BANDS, V)
    logp = 0.5 * pt.linalg.slogdet(BANDS).logabsdet - 0.5 * V @ x
    outputs = [logp, *pt.grad(logp, [D, E, F]), pt.linalg.slogdet(BANDS).sign]
    outputs += [pt.linalg.det(BANDS), pt.linalg.solve(BANDS, X, transposed=True)]

    def meant(d, e, f, v, x):
        a = dense(d, e, f)
        inverse = np.linalg.inv(a)
        g = 0.5 * inverse.T + 0.5 * np.outer(inverse.T @ v, inverse @ v)
        sign, logarithm = np.linalg.slogdet(a)
        value = 0.5 * logarithm - 0.5 * v @ inverse @ v
        diagonals = np.diag(g), np.diag(g, 1), np.diag(g, -1)
        return (value, *diagonals, sign, np.linalg.det(a), inverse.T @ x)

    arrays = [*ARRAYS, RNG.normal(size=12), RNG.normal(size=(12, 2))]
    f = agrees(outputs, [D, E, F, V, X], meant, arrays)
    assert not called(f, *DENSE) and "12*i" not in f.explain("kernels")
    exchanged = [0.1 * ARRAYS[0] - 0.4, *ARRAYS[1:], *arrays[3:]]
    for found, truth in zip(f(*exchanged), meant(*exchanged), strict=True):
        np.testing.assert_allclose(found, truth, rtol=1e-7, atol=1e-9)
    singular = f(np.zeros(12), np.zeros(11), np.zeros(11), *arrays[3:])
    assert singular[4] == 0 and singular[5] == 0


def test_systems_of_few_diagonals_and_those_of_any_number_of_rows():
    w = RNG.normal(size=(40, 40)) + 6 * np.eye(40)
    y = RNG.normal(size=(40, 3))
    b = pt.tensor("b", (40, 3))
    outputs = [pt.linalg.solve(WIDE, b), pt.linalg.solve(WIDE.mT, b), pt.linalg.inv(WIDE)]

    def meant(w, y):
        a = np.tril(np.triu(w, -2), 1)
        return np.linalg.solve(a, y), np.linalg.solve(a.T, y), np.linalg.inv(a)

    f = agrees(outputs, [W, b], meant, [w, y])
    assert called(f, *DENSE, "pt_solve_banded") == {"pt_solve_banded": 3}
    m, v = pt.matrix("m"), pt.vector("v")
    banded = pt.assume(m, tridiagonal=True)
    g = pt.function([m, v], [pt.linalg.solve(banded, v), pt.linalg.slogdet(banded).logabsdet],
                    target="machine")  # fmt: skip
    for n in (1, 2, 30):
        a, z = np.triu(np.tril(w[:n, :n], 1), -1), y[:n, 0]
        np.testing.assert_allclose(g(a, z)[0], np.linalg.solve(a, z), rtol=1e-10)
        np.testing.assert_allclose(g(a, z)[1], np.linalg.slogdet(a)[1], rtol=1e-10)


def test_blocks_and_kronecker_products_are_solved_by_their_parts():
    p, q = pt.tensor("p", (5, 5)), pt.tensor("q", (4, 4))
    b = pt.tensor("b", (20, 2))
    k, z = pt.kron(p, q), pt.linalg.block_diag(p, q, p)
    outputs = [pt.linalg.solve(k, b), pt.linalg.slogdet(k).logabsdet, pt.linalg.slogdet(k).sign,
               pt.linalg.det(k), pt.grad(pt.sum(pt.linalg.solve(k, b)), q), pt.linalg.det(z),
               pt.linalg.solve(z, b[:14, 0]), pt.linalg.inv(k), pt.linalg.inv(z)]  # fmt: skip

    def meant(p, q, b):
        a = np.kron(p, q)
        c = np.zeros((14, 14))
        c[:5, :5], c[5:9, 5:9], c[9:, 9:] = p, q, p
        sign, logarithm = np.linalg.slogdet(a)
        of_a = -np.outer(np.linalg.solve(a.T, np.ones(20)), np.linalg.solve(a, b).sum(1))
        of_q = np.einsum("ikjl,ij->kl", of_a.reshape(5, 4, 5, 4), p)
        solved = np.linalg.solve(a, b)
        return (solved, logarithm, sign, np.linalg.det(a), of_q, np.linalg.det(c),
                np.linalg.solve(c, b[:14, 0]), np.linalg.inv(a), np.linalg.inv(c))  # fmt: skip

    arrays = RNG.normal(size=(5, 5)) + 2 * np.eye(5), RNG.normal(size=(4, 4)) - 2 * np.eye(4)
    f = agrees(outputs, [p, q, b], meant, [*arrays, RNG.normal(size=(20, 2))], 1e-8)
    assert called(f, "pt_lu") == {"pt_lu": 2}


def test_a_kronecker_product_with_a_matrix_of_no_rows():
    p, q, b = pt.tensor("p", (2, 2)), pt.tensor("q", (0, 0)), pt.tensor("b", (0, 2))
    for a in (pt.kron(p, q), pt.kron(q, p), pt.kron(pt.triu(p), q).mT):
        f = pt.function([p, q, b], [pt.linalg.solve(a.mT, b), pt.linalg.slogdet(-a).sign],
                        on_unused_input="ignore")  # fmt: skip
        solved, sign = f(np.ones((2, 2)), np.ones((0, 0)), np.ones((0, 2)))
        assert solved.shape == (0, 2) and sign == 1


def test_a_normal_density_by_a_kronecker_product_takes_the_factors_of_its_parts():
    p, q, y = pt.tensor("p", (6, 6)), pt.tensor("q", (5, 5)), pt.tensor("y", (30,))
    parts = [pt.assume(x, positive_definite=True) for x in (p, q)]
    k = pt.kron(*parts)
    logp = -0.5 * y @ pt.linalg.solve(k, y) - 0.5 * pt.linalg.slogdet(k).logabsdet
    f = pt.function([p, q, y], [logp, *pt.grad(logp, [p, q])], target="machine")
    text = f.explain("kernels")
    assert text.count("pt_cholesky(") == 2 and "pt_lu" not in text
    a, b = (m @ m.T + np.eye(len(m)) for m in (RNG.normal(size=(6, 6)), RNG.normal(size=(5, 5))))
    z = RNG.normal(size=30)
    whole = np.kron(a, b)
    value = -0.5 * z @ np.linalg.solve(whole, z) - 0.5 * np.linalg.slogdet(whole)[1]
    np.testing.assert_allclose(f(a, b, z)[0], value, rtol=1e-10)
    w = np.linalg.solve(whole, z)
    g = (0.5 * (np.outer(w, w) - np.linalg.inv(whole))).reshape(6, 5, 6, 5)
    np.testing.assert_allclose(f(a, b, z)[1], np.einsum("ikjl,kl->ij", g, b), rtol=1e-7, atol=1e-9)


def test_products_of_diagonals_and_selections_are_no_products_of_matrices():
    rows = pt.tensor("i", (5,), dtype="int64")
    outputs = [pt.diag(D) @ A, A @ pt.diag(D), pt.eye(12)[rows] @ A, A @ pt.eye(12)[ORDER].mT,
               pt.linalg.solve(pt.eye(12)[ORDER], V)]  # fmt: skip

    def meant(d, a, i, v):
        order = np.argsort(v)
        solved = np.linalg.solve(np.eye(12)[order], v)
        return d[:, None] * a, a * d, a[i], a[:, order], solved

    arrays = ARRAYS[0], RNG.normal(size=(12, 12)), np.array([3, 3, 0, 11, 5]), RNG.normal(size=12)
    f = agrees(outputs, [D, A, rows, V], meant, arrays)
    assert not called(f, *DENSE)


@pytest.mark.parametrize("banded, words", [
    ((1, -1), "pair of numbers of diagonals"), ("ab", "banded is a pair"),
    ((1, 2, 3), "assume: banded"),
])  # fmt: skip
def test_declared_bands_that_make_no_sense(banded, words):
    with pytest.raises(TypeError, match=words):
        pt.assume(A, banded=banded)
