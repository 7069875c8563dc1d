"""Index arrays that are inputs: checked at the entry, seen unchanged by every other reader."""

import numpy as np
import pytest

import probtensor as pt

TARGETS = pytest.mark.parametrize("target", ["interp", "cython"])
X = np.array([1.0, 2.0, 3.0])
I = np.array([-1, 0, 1])


@TARGETS
def test_an_index_that_is_a_number_too_keeps_its_sign(target):
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    f = pt.function([x, i], [x[i], i * 2, i, x[i[:, None]] + i, pt.sum(i)], target=target)
    found = f(X, I)
    expected = [X[I], I * 2, I, X[I[:, None]] + I, I.sum()]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(IndexError, match="out of bounds"):
        f(X, [3])


@TARGETS
def test_a_returned_index_keeps_its_sign(target):
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    first, second = pt.function([x, i], [x[i], pt.expand_dims(i, 1)], target=target)(X, I)
    assert list(first) == list(X[I])
    assert second.tolist() == [[-1], [0], [1]]


@TARGETS
def test_an_index_that_only_points_is_checked_at_the_entry(target):
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    f = pt.function([x, i], [x[i] * 2, x.at[i].add(1.0)], target=target)
    assert f.plan.index_checks
    first, second = f(X, I)
    assert list(first) == list(X[I] * 2)
    assert list(second) == [2, 3, 4]


@TARGETS
@pytest.mark.parametrize("mode", ["wrap", "clip"])
def test_modes_see_the_sign(target, mode):
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    f = pt.function([x, i], [x[i], pt.take(x, i, mode=mode)], target=target)
    found = f(X, I)
    assert list(found[0]) == list(X[I])
    assert list(found[1]) == list(np.take(X, I, mode=mode))
