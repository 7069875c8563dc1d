"""Inverses and determinants: values at edges, batches, and derivatives where a is singular."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import GraphError
from tests.ops.linalg.checks import agree, batch, run, slopes
from tests.ops.numpy_twin import static


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (4, 4), (2, 0, 3, 3), (2, 3, 5, 5)], ids=str)
def test_inverses_and_determinants_are_those_of_numpy(shape):
    a = batch(*shape)
    agree(lambda x: [pt.linalg.inv(x), pt.linalg.det(x)],
          lambda x: [np.linalg.inv(x), np.linalg.det(x)], a)  # fmt: skip


def test_integers_and_float32_are_promoted():
    for dtype in ("int64", "float32", "bool"):
        a = np.array([[2, 1], [0, 1]]).astype(dtype)
        agree(lambda x: [pt.linalg.inv(x), pt.linalg.det(x)],
              lambda x: [[[0.5, -0.5], [0, 1]] if x.dtype != "bool" else [[1, -1], [0, 1]],
                         2.0 if x.dtype != "bool" else 1.0], a)  # fmt: skip


def test_items_that_are_singular_or_not_finite_leave_others_alone():
    a = np.stack([np.eye(2), np.ones((2, 2)), np.full((2, 2), np.nan), 2 * np.eye(2)])
    x = static(a)
    for target in ("machine", "interp"):
        inverse, det = run([x], [pt.linalg.inv(x), pt.linalg.det(x)], a, target=target)
        assert np.isnan(inverse[1:3]).all() and (inverse[3] == np.eye(2) / 2).all()
        np.testing.assert_array_equal(det, [1.0, 0.0, np.nan, 4.0])


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 4, 4)], ids=str)
def test_derivatives(shape):
    a = batch(*shape) + 3 * np.eye(shape[-1])
    slopes(pt.linalg.inv, a)
    slopes(pt.linalg.det, a)
    slopes(lambda x: pt.grad(ops.sum(pt.linalg.det(x) ** 2), x), a, rtol=2e-5)


def test_cofactors_are_the_derivative_of_singular_determinants():
    """Of rank n - 1, n - 2 and 0, with pivots that vanish early or late."""
    a = [np.arange(9.0).reshape(3, 3), np.ones((3, 3)), np.zeros((3, 3)), np.diag([0.0, 2.0, 3.0]),
         np.array([[0.0, 1, 2], [0, 3, 4], [0, 5, 7]])]  # fmt: skip
    a = np.stack(a)
    x = static(a)
    (found,) = run([x], [pt.grad(ops.sum(pt.linalg.det(x)), x)], a)
    for item, got in zip(a, found, strict=True):
        for i, j in np.ndindex(3, 3):
            minor = np.delete(np.delete(item, i, 0), j, 1)
            cofactor = (-1) ** (i + j) * np.linalg.det(minor)
            np.testing.assert_allclose(got[i, j], cofactor, atol=1e-12)


def test_wrong_calls_say_what_is_wrong():
    x = pt.tensor("x", (3, 4))
    with pytest.raises(GraphError, match="inv: needs square matrices: n=3 and n=4 differ"):
        pt.linalg.inv(x)
    with pytest.raises(GraphError, match="det: needs square matrices"):
        pt.linalg.det(x)
    with pytest.raises(GraphError, match="det: takes matrices, not 1 axes"):
        pt.linalg.det(x[0])
