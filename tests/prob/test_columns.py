"""Products of data that have few columns with a vector are sums over the columns, and densities of
few classes those of the columns of their logits."""

import numpy as np
import pytest
from scipy import special, stats

import probtensor as pt
from probtensor import ops
from probtensor.prob.density.terms import FEW_COLUMNS, MANY_ROWS
from probtensor.prob.model.data import Column

R = pt.random
RNG = np.random.default_rng(12)


def columns(found):
    """How many columns, and how many whole matrices, are stored apart."""
    model = found.model
    work = model.density([model.logp, model.gradient]).work.values()
    kept = [node.op.axis for node in work if isinstance(node.op, Column)]
    return len(kept) - kept.count(None), kept.count(None)


def check(found, mean, y):
    for q in RNG.normal(size=(1, found.dim)):
        logp, gradient = found.logp_and_grad(q)
        wanted = stats.norm.logpdf(q).sum() + stats.norm.logpdf(y, mean(q)).sum()
        assert np.isclose(logp, wanted, rtol=1e-12)
        steps = 1e-5 * np.eye(found.dim)
        slopes = [(found.logp(q + h) - found.logp(q - h)) / 2e-5 for h in steps]
        np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-5)


# name: (the matrix, the product with it, columns and matrices that are stored)
X = RNG.normal(size=(60, 3))
WIDE = RNG.normal(size=(60, FEW_COLUMNS + 1))
PRODUCTS = {
    "columns": (X, lambda m, x, b: x @ b, (3, 0)),
    "rows": (X, lambda m, x, b: b @ x.T, (3, 0)),
    "a function of data": (X, lambda m, x, b: (2.5 * m.exp(x)) @ b, (3, 0)),
    "many columns": (WIDE, lambda m, x, b: x @ b, (0, 0)),
    "a function of many columns": (WIDE, lambda m, x, b: (0.1 * x) @ b, (0, 1)),
    "a matrix of literals": (X, lambda m, x, b: m.ones((60, 3)) @ b, (0, 0)),
    "one in another": (
        RNG.normal(size=(40, 40)), lambda m, x, b: x @ (x[:, :4] @ b[:4]), (4, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PRODUCTS)
def test_densities_and_gradients(name):
    matrix, product, stored = PRODUCTS[name]
    b = R.normal(0, 1, shape=matrix.shape[1], name="b")
    y = RNG.normal(size=len(matrix))
    mean = product(pt, pt.data(matrix), b)
    found = pt.condition({R.normal(mean, 1, name="y"): y}, target="machine")
    assert columns(found) == stored
    check(found, lambda q: product(np, matrix, q), y)


def test_few_rows_of_a_fixed_number_are_left():
    b = R.normal(0, 1, shape=3, name="b")
    x = X[: MANY_ROWS - 1]
    found = pt.condition({R.normal(pt.as_tensor(x) @ b, 1, name="y"): x[:, 0]}, target="machine")
    assert columns(found) == (0, 0)
    check(found, lambda q: x @ q, x[:, 0])


def test_other_data_later():
    x = pt.data(X, name="x", dims=("row", "column"))
    b = R.normal(0, 1, shape=3, name="b")
    found = pt.condition({R.normal(x @ b, 1, name="y", dims="row"): X[:, 0]}, target="machine")
    assert columns(found) == (3, 0)
    check(found, lambda q: X @ q, X[:, 0])
    other, y = RNG.normal(size=(45, 3)), RNG.normal(size=45)
    check(found.with_data({"x": other, "y": y}), lambda q: other @ q, y)


# name: logits by the matrix of data (60 rows, 3 columns) and by 12 numbers
LOGITS = {
    "with a class of reference": lambda m, x, b: m.concatenate(
        [m.zeros((60, 1)), x @ b[:9].reshape(3, 3)], axis=1
    ),
    "products": lambda m, x, b: x @ b.reshape(3, 4),
    "with intercepts": lambda m, x, b: 0.5 * (x @ b[:9].reshape(3, 3)) + b[9:],
    "by rows": lambda m, x, b: x[:, :1] * b[None, :4] + b[4:8],
    "data": lambda m, x, b: m.concatenate([x, x[:, 1:] * b[0]], axis=1),
}
Y = RNG.integers(0, 3, 60)


@pytest.mark.parametrize("name", LOGITS)
def test_few_classes(name):
    make = LOGITS[name]
    b = R.normal(0, 1, shape=12, name="b")
    logits = make(pt, pt.as_tensor(X), b)
    found = pt.condition({R.categorical(logit_p=logits, name="y"): Y}, target="machine")
    assert not any(isinstance(x.op, ops.Gather) for x in pt.graph.toposort([found.model.logp]))
    for y in (Y, Y[::-1]):
        found = found.with_data({"y": y})
        for q in RNG.normal(size=(1, 12)):
            logp, gradient = found.logp_and_grad(q)
            wanted = special.log_softmax(make(np, X, q), axis=1)[np.arange(60), y].sum()
            assert np.isclose(logp, wanted + stats.norm.logpdf(q).sum(), rtol=1e-12)
            steps = 1e-5 * np.eye(12)
            slopes = [(found.logp(q + h) - found.logp(q - h)) / 2e-5 for h in steps]
            np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-5)


def test_a_class_that_is_impossible():
    """Its logit is -inf: it takes nothing from the others, and observed it has the density 0."""
    b = R.normal(0, 1, shape=3, name="b")
    logits = pt.as_tensor(np.where(np.arange(3) == 1, -np.inf, 0.0) + np.zeros((40, 1))) + b
    y = np.arange(40) % 2 * 2
    found = pt.condition({R.categorical(logit_p=logits, name="y"): y}, target="machine")
    q = np.array([0.5, -1.0, 0.25])
    two = special.log_softmax(q[[0, 2]])
    logp, gradient = found.logp_and_grad(q)
    assert np.isclose(logp, 20 * two.sum() + stats.norm.logpdf(q).sum(), rtol=1e-12)
    share = np.exp(two)
    wanted = [20 - 40 * share[0] - q[0], -q[1], 20 - 40 * share[1] - q[2]]
    np.testing.assert_allclose(gradient, wanted, rtol=1e-12)
    assert found.with_data({"y": np.ones(40, int)}).logp(q) == -np.inf


def test_labels_by_hand():
    """Negative ones count from the end, as in NumPy; one of no class is refused."""
    b = R.normal(0, 1, shape=9, name="b")
    y = R.discrete_uniform(-3, 3, shape=60, name="y")
    logits = pt.as_tensor(X) @ b.reshape(3, 3)
    term = pt.sum(pt.log_softmax(logits, axis=1)[pt.arange(60), y])
    found = pt.condition({y: Y - 3}, potentials=[term], target="machine")
    q = RNG.normal(size=9)
    wanted = special.log_softmax(X @ q.reshape(3, 3), axis=1)[np.arange(60), Y].sum()
    wanted += stats.norm.logpdf(q).sum() - 60 * np.log(7)
    assert np.isclose(found.logp(q), wanted, rtol=1e-12)
    assert np.isclose(found.with_data({"y": Y}).logp(q), wanted, rtol=1e-12)
    with pytest.raises(IndexError, match=r"out of bounds|out of range"):
        found.with_data({"y": np.append(Y[1:], 3)}).logp(q)


def test_logits_of_many_columns_are_products_of_matrices():
    b = R.normal(0, 1, shape=(12, 4), name="b")
    logits = pt.as_tensor(RNG.normal(size=(60, 12))) @ b
    found = pt.condition({R.categorical(logit_p=logits, name="y"): Y}, target="machine")
    assert any(isinstance(x.op, ops.Gather) for x in pt.graph.toposort([found.model.logp]))
