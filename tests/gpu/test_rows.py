"""A function for many rows of its arguments in one launch."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.function.device import batched as device_rows

pytestmark = pytest.mark.usefixtures("device_driver")
COUNT = 7


def looped(function, *columns):
    """The same by one call of a CPU function for each row."""
    rows = [function(*(column[i] for column in columns)) for i in range(len(columns[0]))]
    return [np.array(values) for values in zip(*rows, strict=True)]


def both(inputs, outputs):
    return [pt.function(inputs, outputs, target=target) for target in ("cuda", "cython")]


def check(there, here, *columns):
    found = there.rows(columns)
    for a, b in zip(found, looped(here, *columns), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12)
    return found


@pytest.fixture
def columns():
    rng = np.random.default_rng(0)
    return rng.normal(size=(COUNT, 3)), rng.normal(size=COUNT)


def test_every_kind_of_output(columns):
    x, s = pt.vector("x"), pt.scalar("s")
    data = np.arange(3.0)
    total = pt.sum(pt.exp(x) * s) + data[1]
    outputs = [total, x, x * s, x * s, s, pt.as_tensor(data), pt.sum(x) > 0, pt.outer(x, x)]
    check(*both([x, s], outputs), *columns)
    check(*both([x, s], outputs), *(column[:1] for column in columns))


def test_rows_on_the_device_give_rows_there(columns):
    x, s = pt.vector("x"), pt.scalar("s")
    there, here = both([x, s], [pt.cumsum(x) * s, x, pt.as_tensor(np.arange(2.0))])
    moved = [pt.device_array(column) for column in columns]
    for a, b in zip(there.rows(moved), looped(here, *columns), strict=True):
        assert isinstance(a, pt.DeviceArray)
        np.testing.assert_allclose(a.get(), b, rtol=1e-12)
    mixed = there.rows([moved[0], columns[1]])
    assert type(mixed[0]) is np.ndarray


def test_many_rows_are_several_launches_where_memory_is_short(columns, monkeypatch):
    x, s = pt.vector("x"), pt.scalar("s")
    there, here = both([x, s], [x * s, pt.sum(x)])
    monkeypatch.setattr(device_rows, "MAX_TRANSFER_BYTES", 150)
    check(there, here, *columns)


def test_indices_in_columns_bound_and_shared(columns):
    x, i, j = pt.vector("x"), pt.vector("i", dtype="int64"), pt.vector("j", dtype="int64")
    k = pt.shared(np.array([-1, 1]))
    there, here = both([x, i, j], [x[i], x[j], x[k]])
    there, here = (f.bind({"j": np.array([-2, 0])}) for f in (there, here))
    points = np.random.default_rng(1).integers(-3, 3, size=(COUNT, 4))
    check(there, here, columns[0], points)
    on_device = there.rows([pt.device_array(columns[0]), pt.device_array(points)])
    np.testing.assert_array_equal(on_device[0].get(), looped(here, columns[0], points)[0])
    points[5, 2] = 3
    with pytest.raises(IndexError, match=r"value\[5, 2\] = 3, the axis has size 3"):
        there.rows([columns[0], points])


def test_a_row_that_fails_raises_for_all(columns):
    x, i = pt.vector("x"), pt.scalar("i", dtype="int64")
    there, here = both([x, i], [x[i * 2], pt.sum(x)])
    index = np.array([0, 1, -1, 0, 1, 0, 1])
    check(there, here, columns[0], index)
    with pytest.raises(IndexError, match="out of bounds"):
        there.rows([columns[0], index * 2])


def test_empty_and_ill_fitting_columns(columns):
    x, s = pt.vector("x"), pt.scalar("s")
    there, _ = both([x, s], [x * s, pt.sum(x)])
    found = there.rows([columns[0][:0], columns[1][:0]])
    assert [a.shape for a in found] == [(0, 3), (0,)]
    with pytest.raises(ValueError, match=r"columns have \[3, 7\] rows"):
        there.rows([columns[0], columns[1][:3]])
    with pytest.raises(ValueError, match="x: expected 2 axes, got 1"):
        there.rows([columns[1], columns[1]])
    with pytest.raises(TypeError, match="x: expected float64, got ndarray of dtype complex128"):
        there.rows([columns[0] * 1j, columns[1]])
    noise = pt.function([s], s + pt.random.normal(0, 1), target="cuda")
    with pytest.raises(TypeError, match="every row would draw the same"):
        noise.rows([columns[1]])
