"""Toeplitz and circulant matrices, and matrices that are made of vectors."""

import numpy as np
import pytest
import scipy.linalg

import probtensor as pt
from probtensor.graph.node import GraphError
from tests.ops.linalg.checks import agree, batch, run, slopes
from tests.ops.numpy_twin import static


def dominant(*shape):
    c = batch(*shape)
    c[..., 0] = 2 * shape[-1] + 1
    return c


@pytest.mark.parametrize("n", [1, 2, 5, 60])
def test_systems_of_toeplitz_matrices_are_those_of_scipy(n):
    c, r, b = dominant(n), batch(n), batch(n, 3)

    def calls(of):
        return lambda c, r, b: [of((c, r), b), of((c, r), b[:, 0]), of(c, b)]

    agree(calls(pt.linalg.solve_toeplitz), calls(scipy.linalg.solve_toeplitz), c, r, b)
    many = dominant(2, n)
    agree(lambda c, b: [pt.linalg.solve_toeplitz(c, b)],
          lambda c, b: [np.stack([scipy.linalg.solve_toeplitz(x, b) for x in c])],
          many, b)  # fmt: skip


def test_singular_leading_blocks_give_nan():
    c, b = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]), np.ones(2)
    (found,) = run([x := static(c)], [pt.linalg.solve_toeplitz(x, b[:, None])], c)
    assert np.isnan(found[:2]).all() and np.allclose(found[2], 1 / 3)


def test_derivatives_of_systems_and_products():
    c, r, b = dominant(4), batch(4), batch(4, 2)
    slopes(lambda c, r, b: pt.linalg.solve_toeplitz((c, r), b), c, r, b)
    slopes(lambda c, r, b: pt.linalg.matmul_toeplitz((c, r), b), c[:3], r, b)
    slopes(pt.linalg.solve_circulant, c, b)


@pytest.mark.parametrize("m, n", [(1, 1), (4, 4), (3, 6), (7, 2)])
def test_products_with_toeplitz_matrices_are_those_of_scipy(m, n):
    c, r, x = batch(m), batch(n), batch(n, 2)

    def calls(of):
        return lambda c, r, x: [of((c, r), x), of((c, r), x[:, 0])]

    agree(calls(pt.linalg.matmul_toeplitz), calls(scipy.linalg.matmul_toeplitz), c, r, x)
    z = c + 1j * batch(m)
    agree(lambda z, x: [pt.linalg.matmul_toeplitz(z, x)],
          lambda z, x: [scipy.linalg.matmul_toeplitz(z, x)], z, batch(m, 2))  # fmt: skip


def test_toeplitz_products_of_no_rows_and_no_columns():
    c, r, x = pt.vector("c"), pt.vector("r"), pt.matrix("x")
    f = pt.function([c, r, x], pt.linalg.matmul_toeplitz((c, r), x))
    for m, n in ((0, 0), (0, 3), (3, 0)):
        found = f(np.ones(m), np.ones(n), np.ones((n, 2)))
        np.testing.assert_array_equal(found, np.zeros((m, 2)))


def test_circulant_systems_are_those_of_scipy():
    c, b = dominant(5), batch(5, 2)
    agree(lambda c, b: [pt.linalg.solve_circulant(c, b), pt.linalg.solve_circulant(c, b[:, 0]),
                        pt.linalg.solve_circulant(c, b.mT, baxis=1, outaxis=-1)],
          lambda c, b: [scipy.linalg.solve_circulant(c, b),
                        scipy.linalg.solve_circulant(c, b[:, 0]),
                        scipy.linalg.solve_circulant(c, b.T, baxis=1, outaxis=-1)],
          c, b)  # fmt: skip
    z = c + 1j * batch(5)
    agree(lambda z, b: [pt.linalg.solve_circulant(z, b)],
          lambda z, b: [scipy.linalg.solve_circulant(z, b)], z, b)  # fmt: skip
    flat = np.ones(4)
    agree(lambda c, b: [pt.linalg.solve_circulant(c, b, singular="lstsq"),
                        pt.linalg.solve_circulant(c, b)],
          lambda c, b: [scipy.linalg.solve_circulant(c, b, singular="lstsq"), np.full(4, np.nan)],
          flat, batch(4))  # fmt: skip


def test_matrices_of_vectors_are_those_of_scipy():
    a, s, x, y = batch(4), batch(3), batch(2, 3), batch(4, 3)

    def calls(of):
        return lambda a, s, x, y: [
            of.companion(a), of.leslie(a, s), of.fiedler(a), of.khatri_rao(x, y),
            of.diagsvd(s, 3, 5), of.diagsvd(s, 4, 3), of.convolution_matrix(a, 1),
            *(of.convolution_matrix(a, n, mode) for n in (2, 4, 7)
              for mode in ("full", "same", "valid")),
        ]  # fmt: skip

    agree(calls(pt.linalg), calls(scipy.linalg), a, s, x, y)
    v, mode = batch(6), "same"
    agree(lambda a, v: [pt.linalg.convolution_matrix(a, 6, mode) @ v],
          lambda a, v: [np.convolve(a, v, mode)], a, v)  # fmt: skip


@pytest.mark.parametrize("call, text", [
    (lambda x: pt.linalg.solve_toeplitz((x, x, x), x), "the first column"),
    (lambda x: pt.linalg.solve_toeplitz(1.0, x), "takes vectors"),
    (lambda x: pt.linalg.matmul_toeplitz(x, x[1:]), "t has 3 columns"),
    (lambda x: pt.linalg.solve_circulant(x, x[1:]), "c has 3 elements"),
    (lambda x: pt.linalg.solve_circulant(x, x, "ignore"), "singular is"),
    (lambda x: pt.linalg.companion(x[:1]), "2 elements"),
    (lambda x: pt.linalg.leslie(x, x), "one element less"),
    (lambda x: pt.linalg.convolution_matrix(x, 0), "n is a whole number"),
    (lambda x: pt.linalg.convolution_matrix(x, 2, "wrap"), "mode is"),
    (lambda x: pt.linalg.khatri_rao(x[None], x[None, 1:]), "3 columns, and b 2"),
    (lambda x: pt.linalg.diagsvd(x, 4, 4), "4 elements"),
])  # fmt: skip
def test_errors(call, text):
    with pytest.raises(GraphError, match=text):
        call(pt.vector("x", shape=(3,)))
