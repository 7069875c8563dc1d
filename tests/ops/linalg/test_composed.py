"""Functions of matrices that are graphs of products, joins and systems."""

import numpy as np
import pytest
import scipy.linalg

import probtensor as pt
from probtensor.graph.node import GraphError
from tests.ops.linalg.checks import agree, batch, slopes


def test_blocks_along_the_diagonal():
    a, b, c = batch(2, 3), batch(4), np.array(2)
    agree(lambda x, y, z: [pt.linalg.block_diag(x, y, z), pt.linalg.block_diag(x),
                           pt.linalg.block_diag(x, x), pt.linalg.block_diag()],
          lambda x, y, z: [scipy.linalg.block_diag(x, y, z), scipy.linalg.block_diag(x),
                           scipy.linalg.block_diag(x, x), np.zeros((1, 0))], a, b, c)  # fmt: skip
    many = batch(2, 1, 2)
    meant = np.stack([scipy.linalg.block_diag(m, np.eye(2)) for m in many])
    agree(lambda x: [pt.linalg.block_diag(x, np.eye(2))], lambda x: [meant], many)
    slopes(pt.linalg.block_diag, a, b)


def test_products_of_many():
    a, b, c, v, w = batch(3, 4), batch(4, 2), batch(2, 5), batch(3), batch(5)
    lists = [(0, 1), (0, 1, 2), (3, 0, 1), (0, 1, 2, 4), (3, 0, 1, 2, 4)]
    agree(lambda *x: [pt.linalg.multi_dot([x[k] for k in places]) for places in lists],
          lambda *x: [np.linalg.multi_dot([x[k] for k in places]) for places in lists],
          a, b, c, v, w)  # fmt: skip
    agree(lambda *x: [pt.linalg.matrix_dot(*x)], lambda x, y, z: [x @ y @ z], a, b, c)
    x = pt.matrix("x")
    product = pt.function([x], pt.linalg.multi_dot([x, x, x]), target="interp")
    np.testing.assert_allclose(product(a[:, :3]), np.linalg.matrix_power(a[:, :3], 3))


def test_products_are_in_the_order_of_the_fewest_multiplications():
    """A column times a row last: otherwise there are 100 times as many."""
    x, y = pt.tensor("x", (100, 1)), pt.tensor("y", (1, 100))
    product = pt.linalg.multi_dot([x, y, x])
    assert product.inputs[0] is x or product.inputs[1] is not x


def test_cross_products():
    a, b = batch(2, 3), batch(3)
    agree(lambda x, y: [pt.linalg.cross(x, y), pt.linalg.cross(x.T, y[:, None], axis=0)],
          lambda x, y: [np.linalg.cross(x, y), np.linalg.cross(x.T, y[:, None], axis=0)],
          a, b)  # fmt: skip
    slopes(pt.linalg.cross, a, b)


def test_traces_and_diagonals_are_of_the_last_axes():
    a = batch(2, 3, 4)
    agree(lambda x: [pt.linalg.trace(x), pt.linalg.trace(x, offset=1), pt.linalg.diagonal(x),
                     pt.linalg.diagonal(x, offset=-1)],
          lambda x: [np.linalg.trace(x), np.linalg.trace(x, offset=1), np.linalg.diagonal(x),
                     np.linalg.diagonal(x, offset=-1)], a)  # fmt: skip


def test_tensors_as_matrices():
    a, b = batch(2, 3, 6), batch(2, 3)
    agree(lambda x, y: [pt.linalg.tensorsolve(x, y), pt.linalg.tensorinv(x),
                        pt.linalg.tensorsolve(pt.moveaxis(x, 2, 0), y, axes=(0,))],
          lambda x, y: [np.linalg.tensorsolve(x, y), np.linalg.tensorinv(x),
                        np.linalg.tensorsolve(x, y)], a, b)  # fmt: skip
    slopes(pt.linalg.tensorsolve, a, b)


def test_matrices_of_equal_diagonals():
    c, r = batch(3), batch(4)
    agree(lambda x, y: [pt.linalg.toeplitz(x), pt.linalg.toeplitz(x, y), pt.linalg.hankel(x),
                        pt.linalg.hankel(x, y), pt.linalg.circulant(x)],
          lambda x, y: [scipy.linalg.toeplitz(x), scipy.linalg.toeplitz(x, y),
                        scipy.linalg.hankel(x), scipy.linalg.hankel(x, y),
                        scipy.linalg.circulant(x)], c, r)  # fmt: skip
    slopes(pt.linalg.toeplitz, c, r)


def test_wrong_calls_say_what_is_wrong():
    x = pt.tensor("x", (3, 4))
    for call, words in (
        (lambda: pt.linalg.multi_dot([x]), "multi_dot: needs at least two arrays, not 1"),
        (lambda: pt.linalg.multi_dot([x, x[0], x]), "multi_dot: takes matrices, not 1 axes"),
        (lambda: pt.linalg.matrix_dot(), "matrix_dot: needs at least one matrix"),
        (lambda: pt.linalg.cross(x, x), "cross: takes vectors of 3 components"),
        (lambda: pt.linalg.tensorsolve(x, x), "tensorsolve: .* do not fit"),
        (lambda: pt.linalg.tensorinv(x, 0), "tensorinv: ind is a whole number above 0"),
        (lambda: pt.linalg.tensorinv(x, 1), "tensorinv: the products of"),
        (lambda: pt.linalg.toeplitz(1.0), "toeplitz: takes vectors, not a number"),
    ):
        with pytest.raises(GraphError, match=words):
            call()
