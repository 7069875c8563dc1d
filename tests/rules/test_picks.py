"""If few elements are read, only those are computed: values and errors do not change."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import make
from probtensor.graph.walk import inputs_of, toposort
from probtensor.rules import PICKS, stabilized
from probtensor.rules.structure.picks import reads_few
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform import apply_rules

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


def test_only_reading_each_axis_at_checked_places_is_carried_inwards():
    x, i, j = pt.tensor("x", (4, 4)), pt.tensor("i", (4,), "int64"), pt.tensor("j", (4,), "int64")
    for op, index in (
        (ops.Gather((0, 1), 0, "clip"), (i, j)), (ops.Gather((0, 1), 0, "wrap"), (i, j)),
        (ops.Gather((1, 0), 0), (i, j)), (ops.Gather((0,), 0), (i,)),
    ):  # fmt: skip
        reading = make(op, (pt.exp(x), *index))
        assert apply_rules([reading], PICKS)[0] is reading


# Random tensors that are read at few places.


def _table(rng, rows, columns):
    """A tensor (rows, columns) made of inputs by elementwise work, slices, joins and repetition."""
    if rng.random() < 0.3:
        return pt.tensor("a", (rows, columns))
    kind = rng.integers(7)
    if kind == 0:
        return pt.exp(_table(rng, rows, columns)) * pt.tensor("s")
    if kind == 1:
        return _table(rng, rows, columns) - pt.tensor("c", (columns,))
    if kind == 2:
        return _table(rng, rows, columns) / pt.tensor("e", (rows,))[:, None]
    if kind == 3:
        return _table(rng, rows, columns) * _table(rng, 1, columns)
    if kind == 4:
        axis = int(rng.integers(2))
        sizes = [rows, columns]
        parts = rng.multinomial(sizes[axis], [1 / 3] * 3)
        found = []
        for n in parts[parts > 0]:
            sizes[axis] = int(n)
            found.append(_table(rng, *sizes))
        return pt.concatenate(found, axis=axis)
    if kind == 5:
        step = int(rng.choice([1, 2, -1, -2]))
        start = int(rng.integers(3))
        full = _table(rng, rows, columns * abs(step) + start)
        cut = full[:, start:] if step > 0 else full[:, : full.shape[1] - start]
        return cut[:, ::step]
    return pt.broadcast_to(_table(rng, 1, columns), (rows, columns)) + _table(rng, rows, 1)


def _indices(rng, n, count, axis):
    """So many indices along an axis of n, and their values if they are an input: 0, 1, 2, ... or
    any, some of which count from the end."""
    way, values = rng.integers(3), rng.integers(-n, n, count)
    if way == 2:
        return pt.tensor(f"i{axis}", (count,), "int64"), values
    return (pt.as_tensor(values) if way else pt.arange(count)), None


def _agree(reading, after, values, seed):
    """The values of both graphs are the same, or both refuse an index."""
    try:
        (right,) = evaluate_numpy([reading], values)
    except IndexError:
        with pytest.raises(IndexError):
            evaluate_numpy([after], values)
        return
    np.testing.assert_array_equal(evaluate_numpy([after], values)[0], right, str(seed))


@pytest.mark.parametrize("first", range(0, 240, 80))
def test_what_is_read_is_what_was_there(first):
    """Also of tables that are the same along an axis, and of no place that is not there."""
    moved = 0
    for seed in range(first, first + 80):
        rng = np.random.default_rng(seed)
        shape = int(rng.integers(3, 6)), int(rng.integers(3, 6))
        count = int(rng.choice([*shape, 2, 6], p=[0.4, 0.3, 0.2, 0.1]))
        full = _table(rng, *shape)
        if rng.random() < 0.2:
            full = pt.broadcast_to(pt.exp(pt.tensor("v", shape[1:])), shape)
        pairs = [_indices(rng, n, count, axis) for axis, n in enumerate(shape)]
        values = {index: given for index, given in pairs if given is not None}
        reading = full[tuple(index for index, _ in pairs)]
        (after,) = apply_rules([reading], PICKS)
        moved += after is not reading
        for x in inputs_of([reading, full]):
            if x not in values:
                values[x] = rng.integers(1, 9, [int(m) for m in x.shape]) / 4.0
        _agree(reading, after, values, seed)
        for axis, (wrong, given) in enumerate(pairs):
            if given is not None:
                beyond = rng.choice([shape[axis], -shape[axis] - 1])
                given = np.where(np.arange(count) == count - 1, beyond, given)
                _agree(reading, after, values | {wrong: given}, seed)
    assert moved > 15
