"""Where few elements are read only they are computed: values and errors are those of reading."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph.walk import toposort
from probtensor.rules import stabilized
from probtensor.rules.picks import reads_few

ROWS = 6
ETA, CUTS = np.linspace(-2, 2, ROWS), np.array([-1.0, 0.2, 1.5])


def _ordinal(eta, cuts):
    below = pt.sigmoid(cuts[None, :] - eta[:, None])
    parts = [below[:, :1], below[:, 1:] - below[:, :-1], 1 - below[:, -1:]]
    return pt.concatenate(parts, axis=1)


@pytest.fixture(scope="module", params=["interp", "cython"])
def picked(request):
    eta, cuts = pt.vector("eta", shape=(ROWS,)), pt.vector("cuts", shape=(3,))
    y = pt.vector("y", shape=(ROWS,), dtype="int64")
    value = pt.log(_ordinal(eta, cuts))[pt.arange(ROWS), y]
    slopes = pt.grad(pt.sum(value), [eta, cuts])
    return pt.function([eta, cuts, y], [value, *slopes], target=request.param)


def _expected(y):
    below = 1 / (1 + np.exp(ETA[:, None] - CUTS))
    ends = np.hstack([np.zeros((ROWS, 1)), below, np.ones((ROWS, 1))])
    density = np.hstack([np.zeros((ROWS, 1)), below * (1 - below), np.zeros((ROWS, 1))])
    row, y = np.arange(ROWS), y % 4
    p = ends[row, y + 1] - ends[row, y]
    by_cuts = np.zeros((ROWS, 5))
    by_cuts[row, y + 1] += density[row, y + 1] / p
    by_cuts[row, y] -= density[row, y] / p
    return np.log(p), -by_cuts.sum(1), by_cuts.sum(0)[1:-1]


@pytest.mark.parametrize("y", [[0, 1, 2, 3, 0, 1], [3, 3, 0, 2, 2, 1], [-1, -4, 1, -2, -3, 0]])
def test_ordinal_categories_and_their_slopes(picked, y):
    y = np.array(y)
    for found, meant in zip(picked(ETA, CUTS, y), _expected(y), strict=True):
        np.testing.assert_allclose(found, meant, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("wrong", [4, 100, -5, -(2**62)])
def test_a_category_out_of_range_is_an_error(picked, wrong):
    with pytest.raises(IndexError):
        picked(ETA, CUTS, np.array([0, 1, 2, wrong, 0, 1]))


def test_only_what_is_read_is_computed():
    eta, cuts = pt.vector("eta"), pt.vector("cuts", shape=(3,))
    y = pt.vector("y", shape=eta.shape, dtype="int64")
    value = pt.log(_ordinal(eta, cuts))[pt.arange(eta.shape[0]), y]
    slopes = pt.grad(pt.sum(stabilized([value])[0]), [eta, cuts])
    for x in toposort([stabilized([value])[0], *stabilized(slopes)]):
        assert x.ndim < 2, x


def test_a_tensor_that_is_read_often_is_computed_first():
    """As the intercepts of groups: there are fewer of them than of places that read them."""
    x, i = pt.vector("x", shape=(3,)), pt.vector("i", shape=(9,), dtype="int64")
    found = stabilized([pt.exp(x)[i]])[0]
    assert found.op.name == "gather"
    assert reads_few((9, 3), (9,)) and reads_few((3,), ())
    assert not reads_few((3,), (9,)) and not reads_few((9, 1), (9,)) and not reads_few((9,), (9,))
    assert not reads_few((0,), ())
