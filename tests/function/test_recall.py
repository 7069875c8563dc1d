"""Functions cached on disk, by the fingerprint of their graph."""

from dataclasses import dataclass

import numpy as np
import pytest

import probtensor as pt
from probtensor import compile as compiling
from probtensor.function import recall
from probtensor.ops.kinds import Elementwise
from probtensor.targets.cache import ModuleStore


@pytest.fixture
def counted(monkeypatch, tmp_path):
    """An empty store, and a list that grows by one whenever a graph is lowered."""
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    calls = []
    lower = compiling.lower
    count = lambda *graph, **mark: calls.append(1) or lower(*graph, **mark)  # noqa: E731
    monkeypatch.setattr(compiling, "lower", count)
    return calls


def regression(scale=2.0):
    """A graph with an input, a shared variable, data, a constant table and an index check."""
    x, i = pt.matrix("x"), pt.vector("i", dtype="int64")
    w = pt.shared(np.ones(2), name="w")
    table = pt.constant(np.arange(5.0))
    offset = pt.data(np.array([10.0]), name="offset")
    return pt.function([x, i], [x @ w * scale + table[i] + offset[0], pt.sum(w)])


X, I = np.arange(6.0).reshape(3, 2), np.array([0, -1, 2])


def test_a_second_function_of_a_graph_is_not_lowered(counted):
    first = regression()
    second = regression()
    assert len(counted) == 1
    for a, b in zip(first(X, I), second(X, I)):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(first(X, I)[0], X.sum(1) * 2 + I % 5 + 10)
    assert first.address == second.address
    assert set(first.timings) == set(second.timings)


def test_it_checks_what_the_first_one_checks(counted):
    for f in (regression(), regression()):
        with pytest.raises(IndexError, match=r"test_recall\.py"):
            f(X, [0, 1, 5])
        with pytest.raises(ValueError, match=r"test_recall\.py"):
            f(np.ones((3, 3)), I)
        with pytest.raises(TypeError, match="x"):
            f("text", I)
    assert len(counted) == 1


def test_explaining_lowers_it_after_all(counted):
    first = regression()
    second = regression()
    assert first.explain("kernels") == second.explain("kernels")
    assert len(counted) == 2
    assert first.plan.kernels == second.plan.kernels
    assert second.profile(X, I, n=2).rows


def test_another_graph_is_another(counted):
    regression()
    regression(scale=3.0)
    assert len(counted) == 2


def test_values_of_data_are_not_in_the_key(counted):
    def total(values):
        return pt.function([], pt.sum(pt.data(np.array(values), name="d")))()

    assert [total([1.0, 2.0]), total([1.0, 5.0, 7.0])] == [3, 13]
    assert len(counted) == 1


def test_another_library_is_another(counted, monkeypatch):
    regression()
    monkeypatch.setattr(recall, "library_identity", lambda: "another")
    regression()
    assert len(counted) == 2


def test_the_users_lines_are_in_the_key(counted):
    x = pt.vector("x")
    pt.function([x], x + 1)
    y = pt.vector("x")
    pt.function([y], y + 1)
    assert len(counted) == 2


def test_a_damaged_record_is_made_again(counted, tmp_path, monkeypatch):
    monkeypatch.setenv("PROBTENSOR_TARGET", "cython")
    expected = regression()(X, I)[0]
    (file,) = tmp_path.glob("*/*.function")
    file.write_bytes(file.read_bytes()[:-20] + b"x" * 20)
    np.testing.assert_array_equal(regression()(X, I)[0], expected)
    assert len(counted) == 2
    regression()
    assert len(counted) == 2
    assert ModuleStore(tmp_path).clear() == 2


def test_random_draws(counted):
    def draws():
        return pt.function([], pt.random.normal(0, 1, shape=5), seed=3)

    first, second = draws(), draws()
    assert len(counted) == 1
    for _ in range(3):
        np.testing.assert_array_equal(first(), second())
    assert not np.array_equal(first(), first())


def test_loops_with_draws_in_their_bodies(counted):
    def function(scale):
        def step(c, u):
            e = pt.random.normal(0, 1)
            return c * scale + e + u, e

        x = pt.vector("x")
        return pt.function([x], pt.loop.scan(step, 0.0, x), seed=3)

    first, second, other = function(0.5), function(0.5), function(0.25)
    assert len(counted) == 2
    for _ in range(2):
        found = [f([1.0, 2.0]) for f in (first, second, other)]
        for a, b in zip(found[0], found[1], strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(found[0][1], found[2][1])
        assert found[0][0] != found[2][0]


def test_ops_of_others_are_never_remembered(counted):
    @dataclass(frozen=True)
    class Twice(Elementwise):
        symbol = "square"
        numpy = staticmethod(np.square)

    x = pt.vector("x")
    for _ in range(2):
        assert pt.function([x], Twice()(x))([3.0]) == [9]
    assert len(counted) == 2


def test_the_same_sizes_in_other_places_are_other_graphs():
    x, y = pt.matrix("x"), pt.matrix("y")

    def key(outputs):
        return recall.fingerprint([x, y], outputs, [])

    assert key([pt.zeros((x.shape[0], y.shape[1]))]) != key([pt.zeros((y.shape[0], x.shape[1]))])
    assert key([x, y]) != key([y, x])
    assert key([x + 0.0]) != key([x + np.array(-0.0)])
    assert key([x]) == key([x])


@pytest.mark.parametrize("same", [True, False])
def test_sizes_of_inputs_that_a_graph_does_not_have(counted, same):
    """`a` and `b` have the size of one input or of two: two graphs, though all names are alike."""

    def joined(same):
        x, z = pt.vector("x"), pt.vector("x")
        a = pt.tensor("a", shape=(x.shape[0],))
        b = pt.tensor("b", shape=((x if same else z).shape[0],))
        return pt.function([a, b], pt.concatenate([a, b]))

    joined(not same), joined(not same)
    assert len(counted) == 1
    f = joined(same)
    assert len(counted) == 2
    assert f(np.ones(2), np.ones(2)).shape == (4,)
    if same:
        with pytest.raises(ValueError, match="declared shape"):
            f(np.ones(2), np.ones(3))
    else:
        assert f(np.ones(2), np.ones(3)).shape == (5,)
