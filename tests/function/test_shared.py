"""Shared variables: values that persist between calls."""

import numpy as np
import pytest

import probtensor as pt

TARGETS = pytest.mark.parametrize("target", ["interp", "cython"])


@TARGETS
def test_a_change_is_seen_without_compiling(target):
    w = pt.shared(np.ones(3), name="w")
    x = pt.vector("x")
    f = pt.function([x], pt.sum(w * x), target=target)
    assert f([1, 2, 3]) == 6
    w.set_value([2, 2, 2])
    assert f([1, 2, 3]) == 12
    w.set_value(np.ones(2))
    assert f([1, 2]) == 3
    assert f.get_shared() == [w]


@TARGETS
def test_updates_come_after_the_outputs_and_swap(target):
    a, b = pt.shared(1.0, name="a"), pt.shared(2.0, name="b")
    f = pt.function([], [a, b], updates={a: b, b: a}, target=target)
    assert f() == [1, 2]
    assert (a.get_value(), b.get_value()) == (2, 1)
    assert f() == [2, 1]


@TARGETS
def test_updates_in_pairs_with_other_sizes_and_no_outputs(target):
    a = pt.shared(np.ones(2))
    f = pt.function([], None, updates=[(a, pt.concatenate([a, a * 2]))], target=target)
    assert f() is None
    f()
    assert list(a.get_value()) == [1, 1, 2, 2, 2, 2, 4, 4]


def test_values_are_copied_unless_borrowed():
    mine = np.zeros(3)
    a = pt.shared(mine)
    mine[0] = 5
    assert a.get_value()[0] == 0
    b = pt.shared(mine, borrow=True)
    assert b.get_value(borrow=True) is mine
    assert b.get_value() is not mine
    other = np.ones(3)
    b.set_value(other)
    other[0] = 7
    assert b.get_value()[0] == 1
    b.set_value(other, borrow=True)
    assert b.get_value(borrow=True) is other


def test_an_update_does_not_write_to_a_borrowed_array():
    mine = np.zeros(2)
    a = pt.shared(mine, borrow=True)
    pt.function([], [], updates={a: a + 1})()
    assert list(mine) == [0, 0]
    assert list(a.get_value()) == [1, 1]


def test_dtypes():
    assert pt.shared(1).dtype == "int64"
    assert pt.shared(1.0).dtype == "float64"
    assert pt.shared([True]).dtype == "bool"
    assert pt.shared(np.float32(1)).dtype == "float32"
    assert pt.shared([1, 2], dtype="float32").dtype == "float32"


def test_a_copy_may_have_other_shared_variables():
    a, b = pt.shared(1.0), pt.shared(100.0)
    count = pt.function([], a, updates={a: a + 1})
    other = count.copy(swap={a: b}, name="other")
    assert other() == 100
    assert (a.get_value(), b.get_value()) == (1, 101)
    assert count() == 1
    assert other.name == "other"
    assert other.address == count.address


def test_a_copy_may_leave_the_updates_out():
    a, b = pt.shared(1.0), pt.shared(100.0)
    count = pt.function([], a * 2, updates={a: a + 1})
    assert count.copy(delete_updates=True)() == 2
    assert count.copy(delete_updates=True, swap={a: b})() == 200
    assert (a.get_value(), b.get_value()) == (1, 100)
    assert count() == 2
    assert a.get_value() == 2


def test_gradient_descent():
    w = pt.shared(np.zeros(2), name="w")
    x, y = pt.matrix("x"), pt.vector("y")
    loss = pt.sum((x @ w - y) ** 2)
    step = pt.function([x, y], loss, updates={w: w - 0.1 * pt.grad(loss, w)})
    X = np.array([[1.0, 0], [0, 2], [1, 1]])
    truth = np.array([1.5, -0.5])
    losses = [float(step(X, X @ truth)) for _ in range(200)]
    assert losses[-1] < 1e-12 < losses[0]
    np.testing.assert_allclose(w.get_value(), truth, atol=1e-6)


def test_two_shared_variables_of_one_name_are_two():
    a, b = pt.shared(1.0, name="w"), pt.shared(2.0, name="w")
    assert a is not b
    assert pt.function([], [a, b])() == [1, 2]


def test_integers_of_any_c_type_are_kept():
    a = pt.shared(np.array([1, 2], np.longlong))
    a.set_value(np.array([3, 4], np.longlong), borrow=True)
    a.set_value(np.array([3, 4], np.int_))
    assert pt.function([], a + 1, updates={a: a * 2})().tolist() == [4, 5]
    assert a.get_value().tolist() == [6, 8]
