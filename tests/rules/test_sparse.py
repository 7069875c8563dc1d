"""Sparse Jacobians and Hessians against dense ones."""

import numpy as np
import pytest
from scipy import sparse

import probtensor as pt
from probtensor.graph import GraphError
from probtensor.transform.jacobians import colors, dependences

SIZE = 9
AT = np.linspace(-0.8, 1.1, SIZE)
MATRIX = np.random.default_rng(3).normal(size=(3, 4))


def outputs(x):
    """Functions of x by the ops on the way: every kind that is followed, and one that is not."""
    square = pt.reshape(x, (3, 3))
    index = np.array([0, 2, 2])
    return {
        "neighbours": pt.exp(x[1:]) * x[:-1] + pt.sin(x[:-1]),
        "view": pt.concatenate([x[::-2], pt.tile(x[2:4], 2)]),
        "reduction": pt.max(square, axis=0) + pt.sum(square**2, axis=0),
        "contraction": pt.as_tensor(MATRIX) @ x[:4] ** 2,
        "both": square @ square[:, :2],
        "scatter": x.at[index].add(x[3:6] * x[1]),
        "set": x.at[index[:2]].set(x[3:5] ** 2),
        "where": pt.where(x > 0, x, 0.0) * pt.stop_gradient(x[0]),
        "lower": pt.tril(square) ** 2,
        "core": pt.linalg.solve(square + 5 * np.eye(3), x[:3]),
        "batch": pt.linalg.cholesky(pt.reshape(x[:8] ** 2, (2, 2, 2)) + 3 * np.eye(2)),
        "loop": pt.cumsum(x * x),
        "constant": pt.zeros(4) + pt.floor(x[:4]),
        "integer": x[pt.argmax(x)] + x[:2],
    }  # fmt: skip


X = pt.vector("x", shape=(SIZE,))
CASES = outputs(X)


def dense(found, values):
    return sparse.coo_array((values, (found.rows, found.columns)), found.shape).toarray()


def test_a_sparse_jacobian_is_the_dense_one():
    found = {name: pt.sparse_jacobian(y, X) for name, y in CASES.items()}
    pairs = [(found[name].data, pt.jacobian(y, X)) for name, y in CASES.items()]
    got = pt.function([X], [node for pair in pairs for node in pair], target="machine")(AT)
    for name, values, meant in zip(CASES, got[::2], got[1::2], strict=True):
        meant = meant.reshape(-1, SIZE)
        np.testing.assert_allclose(dense(found[name], values), meant, rtol=1e-12, err_msg=name)
    assert found["neighbours"].products == 2
    assert found["view"].products == 1
    assert found["contraction"].products == 3  # by rows


def test_patterns_are_as_sparse_as_the_ops_are():
    counts = {name: int(dependences(y, X).sum()) for name, y in CASES.items()}
    assert counts["neighbours"] == 2 * (SIZE - 1)
    assert counts["view"] == 5 + 4
    assert counts["reduction"] == 9
    assert counts["contraction"] == 12
    assert counts["both"] == 3 * 2 * 5  # a row and a column, which have an element in common
    assert counts["scatter"] == SIZE + 2 + 3
    assert counts["constant"] in (0, 4)
    assert counts["batch"] == 2 * 4 * 4


def test_a_tridiagonal_hessian_takes_three_products():
    for size in (5, 40):
        x = pt.vector("x", shape=(size,))
        cost = pt.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
        found = pt.sparse_hessian(cost, x)
        assert found.products == 3
        assert len(found.rows) == 3 * size - 2
        at = np.linspace(-1, 1, size)
        got, meant = pt.function([x], [found.data, pt.hessian(cost, x)], target="machine")(at)
        np.testing.assert_allclose(dense(found, got), meant, rtol=1e-12)


def test_a_given_pattern_needs_no_sizes():
    x = pt.vector("x")
    found = pt.sparse_jacobian(x**3, x, sparsity=sparse.eye_array(4))
    assert found.products == 1
    np.testing.assert_allclose(found.data.eval({x: [1.0, 2.0, 3.0, 4.0]}), [3, 12, 27, 48])
    with pytest.raises(ValueError):
        found.data.eval({x: [1.0, 2.0]})
    with pytest.raises(GraphError, match="sizes are not known"):
        pt.sparse_jacobian(x**3, x)
    with pytest.raises(GraphError, match="sparsity has shape"):
        pt.sparse_jacobian(CASES["neighbours"], X, sparsity=np.eye(3))


@pytest.mark.parametrize("seed", range(5))
def test_columns_of_a_colour_share_no_row(seed):
    rng = np.random.default_rng(seed)
    pattern = rng.random((12, 15)) < 0.2
    found = colors(pattern)
    assert found.min() >= 0
    for color in range(found.max() + 1):
        assert pattern[:, found == color].sum(axis=1).max() <= 1
