"""Sums and diagonals of products of matrices: no product is computed, and values, gradients and
refusals are those of NumPy's products."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.compile import PIPELINE
from probtensor.graph.walk import toposort
from probtensor.ops import Contract
from probtensor.transform.passes import run

rng = np.random.default_rng(5)
SUMS = {
    "trace": (lambda a, b: pt.trace(a @ b), lambda a, b: np.trace(a @ b)),
    "offset": (lambda a, b: pt.trace(a @ b, 1), lambda a, b: np.trace(a @ b, 1)),
    "below": (lambda a, b: pt.diagonal(a @ b, -2), lambda a, b: np.diagonal(a @ b, -2)),
    "diagonal": (lambda a, b: pt.diagonal(a @ b), lambda a, b: np.diagonal(a @ b)),
    "read": (
        lambda a, b: (a @ b)[pt.arange(3), pt.arange(3) + 1],
        lambda a, b: (a @ b)[np.arange(3), np.arange(3) + 1],
    ),
    "sum": (lambda a, b: pt.sum(a @ b), lambda a, b: np.sum(a @ b)),
    "rows": (lambda a, b: pt.sum(a @ b, 1), lambda a, b: np.sum(a @ b, 1)),
    "mean": (lambda a, b: pt.mean(3 * (a @ b), 0), lambda a, b: np.mean(3 * (a @ b), 0)),
    "chain": (lambda a, b: pt.trace(a @ b @ b.mT @ a.mT), lambda a, b: np.trace(a @ b @ b.T @ a.T)),
}


def products(outputs):
    """How many products of matrices are computed."""
    order = toposort(run(PIPELINE, outputs))
    return sum(isinstance(x.op, Contract) and x.op.matrix_form() is not None for x in order)


@pytest.fixture(params=[(4, 6, 5), (5, 2, 4), (4, 3, 4)], ids=str)
def shapes(request):
    m, k, n = request.param
    return (m, k), (k, n)


@pytest.mark.parametrize("is_static", [False, True])
def test_values_and_gradients_without_the_product(shapes, is_static):
    arrays = [rng.normal(size=shape) for shape in shapes]
    inputs = [
        pt.tensor(name, shape if is_static else (None, None))
        for name, shape in zip("ab", shapes, strict=True)
    ]
    outputs = {name: f(*inputs) for name, (f, _) in SUMS.items()}
    assert {n for n, out in outputs.items() if products([out])} <= {"chain", "read"}
    assert products([outputs["chain"]]) == 2  # of four matrices
    assert products([outputs["read"]]) == (not is_static)  # which may have fewer rows, an error
    found = pt.function(inputs, list(outputs.values()), target="machine")(*arrays)
    for value, (_, meant) in zip(found, SUMS.values(), strict=True):
        np.testing.assert_allclose(value, meant(*arrays), rtol=1e-12, atol=1e-12)
    cost = pt.trace(inputs[0] @ inputs[1])
    slopes = pt.grad(cost, inputs)
    assert not products(slopes)
    unit = np.eye(shapes[0][0], shapes[1][1])
    meant = unit @ arrays[1].T, arrays[0].T @ unit
    for slope, value in zip(pt.function(inputs, slopes, target="machine")(*arrays), meant):
        np.testing.assert_array_equal(slope, value)


def test_batches():
    a, b = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 3, 4))
    x, y = pt.tensor("x", a.shape), pt.tensor("y", b.shape)
    outputs = [
        pt.trace(x @ y, axis1=-2, axis2=-1), pt.sum(x @ y, (0, 2)), pt.sum(pt.vecdot(x, x), 0),
        pt.sum(x @ y, 0),
    ]  # fmt: skip
    assert [products([out]) for out in outputs] == [0, 0, 0, 1]
    for found, meant in zip(
        pt.function([x, y], outputs, target="machine")(a, b),
        [np.trace(a @ b, axis1=1, axis2=2), (a @ b).sum((0, 2)), (a * a).sum(-1).sum(0),
         (a @ b).sum(0)],
        strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(found, meant, rtol=1e-12)


@pytest.mark.parametrize("name", SUMS)
def test_sizes_that_do_not_fit_are_refused(name):
    a, b = pt.matrix("a"), pt.matrix("b")
    f = pt.function([a, b], SUMS[name][0](a, b), target="machine")
    with pytest.raises(ValueError, match=r"a\.shape\[1\]|a.* and b|joined"):
        f(np.ones((4, 3)), np.ones((2, 5)))


def test_indices_out_of_bounds_are_refused():
    a, b = pt.matrix("a"), pt.matrix("b")
    f = pt.function([a, b], SUMS["read"][0](a, b), target="machine")
    with pytest.raises(IndexError, match="out of bounds"):
        f(np.ones((2, 3)), np.ones((3, 5)))


def test_sums_of_rows_that_overflow_are_not_hidden():
    """As docs/numerics.md says: infinite or nan, never a wrong finite number."""
    a, b = pt.matrix("a"), pt.matrix("b")
    outputs = [pt.sum(a @ b), pt.trace(a @ b)]
    f = pt.function([a, b], outputs, target="interp")
    total, trace = f(np.full((3, 1), 1e308), np.full((1, 2), 1e-300))
    assert total == np.inf
    np.testing.assert_allclose(trace, 2e8, rtol=1e-12)
    assert not np.isfinite(f(np.full((3, 1), 1e308), np.array([[1.0, -1.0]]))[0])


@pytest.mark.parametrize("shapes", [((2, 4, 3), (3, 5)), ((2, 4, 3), (2, 3, 5))], ids=str)
def test_reads_of_a_batch(shapes):
    """Both axes are of one matrix, or the batch is of both."""
    arrays = [rng.normal(size=shape) for shape in shapes]
    x, y = (pt.tensor(name, shape) for name, shape in zip("xy", shapes, strict=True))
    outputs = [(x @ y)[pt.arange(2), pt.arange(2)], pt.diagonal(x @ y, 1, 0, -1)]
    product = arrays[0] @ arrays[1]
    for found, meant in zip(
        pt.function([x, y], outputs, target="interp")(*arrays),
        [product[[0, 1], [0, 1]], np.diagonal(product, 1, 0, -1)],
        strict=True,
    ):
        np.testing.assert_allclose(found, meant, rtol=1e-12)


@pytest.mark.parametrize("is_static", [False, True])
def test_indices_from_the_end(is_static):
    arrays = rng.normal(size=(4, 6)), rng.normal(size=(6, 5))
    a, b = (pt.tensor(n, x.shape if is_static else (None, None)) for n, x in zip("ab", arrays))
    last = pt.arange(-2, 0)
    found = pt.function([a, b], (a @ b)[last, last], target="interp")(*arrays)
    np.testing.assert_allclose(found, (arrays[0] @ arrays[1])[[-2, -1], [-2, -1]], rtol=1e-12)
