"""Products of data that have few columns with a vector are sums over the columns."""

import numpy as np
import pytest
from scipy import stats

import probtensor as pt
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
    for q in RNG.normal(size=(2, found.dim)):
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
    "one in another": (
        RNG.normal(size=(40, 40)), lambda m, x, b: x @ (x[:, :4] @ b[:4]), (4, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("target", ["machine", "interp"])
def test_densities_and_gradients(name, target):
    matrix, product, stored = PRODUCTS[name]
    b = R.normal(0, 1, shape=matrix.shape[1], name="b")
    y = RNG.normal(size=len(matrix))
    found = pt.condition(
        {R.normal(product(pt, pt.data(matrix), b), 1, name="y"): y}, target=target
    )
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
