"""Inputs of which a function uses only the sizes."""

import numpy as np
import pytest

import probtensor as pt

X, A, Y = pt.vector("x"), pt.matrix("A"), pt.vector("y")
ROWS = {
    "ones_like": ([X], pt.ones_like(X), np.ones(3)),
    "zeros_like": ([A], pt.zeros_like(A), np.zeros((2, 4))),
    "a size": ([X], X.shape[0], np.array(3)),
    "two sizes": ([A], [A.shape[1], A.shape[0]], np.array([4, 2])),
    "arithmetic of sizes": ([A], A.shape[1] * 2 + A.shape[0], np.array(10)),
    "arange": ([X], pt.arange(X.shape[0] + 2), np.arange(5)),
    "full": ([A], pt.full((A.shape[1],), 7.0), np.full(4, 7.0)),
    "eye": ([X], pt.eye(X.shape[0]), np.eye(3)),
    "a stop": ([X, Y], Y[: X.shape[0]], np.arange(3.0)),
    "a reshape": ([A, Y], pt.reshape(Y, (A.shape[0], -1)), np.arange(8.0).reshape(2, 4)),
    "a broadcast": ([X], pt.broadcast_to(2.0, (X.shape[0],)), np.full(3, 2.0)),
    "a gradient": ([X], pt.grad(pt.sum(X * 3.0), X), np.full(3, 3.0)),
    "a mean of nothing else": ([X], pt.sum(pt.ones_like(X)) / X.shape[0], np.array(1.0)),
    "an index": ([A], pt.as_tensor(np.arange(9))[pt.as_tensor(A.shape[1])], np.array(4)),
}
GIVEN = {X: np.zeros(3), A: np.zeros((2, 4)), Y: np.arange(8.0)}


@pytest.mark.parametrize("target", ["interp", "cython"])
def test_they_are_used(target):
    inputs = [X, A, Y]
    for name, (used, _, _) in ROWS.items():
        pt.function(used, ROWS[name][1], target="interp")  # is not refused
    f = pt.function(inputs, [row[1] for row in ROWS.values()], target=target)
    for name, got in zip(ROWS, f(*(GIVEN[x] for x in inputs)), strict=True):
        np.testing.assert_array_equal(got, ROWS[name][2], err_msg=name)


def test_they_may_be_what_updates_or_replacements_use():
    w = pt.shared(np.zeros(2))
    pt.function([X], [], updates={w: pt.ones_like(X)}, target="interp")([1.0, 2.0, 3.0])
    assert w.get_value().tolist() == [1, 1, 1]
    f = pt.function([Y], pt.ones_like(X), givens={X: Y * 2}, target="interp")
    assert f([1.0, 2.0]).tolist() == [1, 1]


def test_others_are_still_refused():
    with pytest.raises(ValueError, match="input y"):
        pt.function([X, Y], pt.ones_like(X))
    with pytest.raises(ValueError, match="input A"):
        pt.function([X, A], X * X.shape[0])
    fixed = pt.tensor("fixed", shape=(3,))
    with pytest.raises(ValueError, match="input fixed"):
        pt.function([fixed], pt.ones_like(fixed))
    with pytest.warns(UserWarning, match="input y"):
        pt.function([X, Y], X, on_unused_input="warn", target="interp")


def test_they_may_be_shared_variables_and_data(target):
    """No node of such a graph reads the values: it has the names of the sizes alone."""
    s, d = pt.shared(np.zeros(2), "s"), pt.data(np.ones((3, 2)), name="d")
    total = pt.scan(lambda x, c: c + x * pt.sum(s), X, 0.0)[0]
    outputs = [pt.grad(total[-1], s), pt.grad(pt.sum(d) * X[0], d), s.shape[0] * X[0], d.shape]
    f = pt.function([X], outputs, target=target)
    for size in (2, 5):
        s.set_value(np.zeros(size))
        by_s, by_d, scaled, shape = f([1.0, 2.0])
        np.testing.assert_array_equal(by_s, np.full(size, 3.0))
        np.testing.assert_array_equal(by_d, np.ones((3, 2)))
        assert (scaled, tuple(shape)) == (size, (3, 2))
    again = pt.function([X], outputs, target=target)
    assert again([1.0, 2.0])[0].shape == (5,)
