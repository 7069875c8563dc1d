"""Arguments and results of a function: positions, names, defaults, dtypes, structures."""

import threading

import numpy as np
import pytest

import probtensor as pt
from probtensor import In, Out

TARGETS = pytest.mark.parametrize("target", ["interp", "cython"])


@TARGETS
def test_positions_names_and_defaults(target):
    x, y, z = pt.scalar("x"), pt.scalar("y"), pt.scalar("z")
    f = pt.function([x, In(y, value=10), In(z, value=100, name="rate")], x + 2 * y + 3 * z,
                    target=target)  # fmt: skip
    assert f(1) == 1 + 20 + 300
    assert f(1, 2) == 1 + 4 + 300
    assert f(1, rate=1) == 1 + 20 + 3
    assert f(rate=1, y=2, x=3) == 3 + 4 + 3


@TARGETS
def test_structures_of_outputs(target):
    x = pt.vector("x")
    v = np.arange(3.0)

    def f(outputs):
        return pt.function([x], outputs, target=target)(v)

    assert list(f(x + 1)) == [1, 2, 3]
    assert [list(y) for y in f([x + 1])] == [[1, 2, 3]]
    first, second = f((x + 1, pt.sum(x)))
    assert list(first) == [1, 2, 3] and second == 3
    nested = f({"a": x * 2, "b": [pt.sum(x), {"c": (x, x)}], "none": None})
    assert list(nested["a"]) == [0, 2, 4]
    assert nested["b"][0] == 3
    assert isinstance(nested["b"][1]["c"], tuple)
    assert nested["none"] is None


@TARGETS
def test_a_result_that_is_an_argument_or_comes_twice_is_an_array_of_its_own(target):
    x = pt.vector("x")
    f = pt.function([x], [x, x, x + 1, x + 1], target=target)
    v = np.arange(3.0)
    results = f(v)
    for result, expected in zip(results, (v, v, v + 1, v + 1)):
        np.testing.assert_array_equal(result, expected)
    arrays = [v, *results]
    for k, a in enumerate(arrays):
        assert not any(np.shares_memory(a, b) for b in arrays[k + 1 :])


@TARGETS
def test_constants_are_results_too(target):
    x = pt.vector("x")
    table = np.arange(12.0).reshape(3, 4)
    f = pt.function([x], [pt.constant(3.0), pt.constant(table), pt.sum(x)], target=target)
    three, copy, total = f([1, 2])
    assert three == 3 and total == 3
    np.testing.assert_array_equal(copy, table)
    copy[:] = 0
    np.testing.assert_array_equal(f([1, 2])[1], table)


def test_scalars_are_arrays_without_axes():
    x = pt.scalar("x")
    y = pt.function([x], x * 2)(1.5)
    assert type(y) is np.ndarray
    assert y.shape == ()


ACCEPTED = [
    ("float64", [1, 2]),
    ("float64", (1.5, 2)),
    ("float64", np.array([1, 2], "int32")),
    ("float64", np.array([1, 2], "float32")),
    ("float64", np.array([True, False])),
    ("float64", np.arange(6.0)[::3]),
    ("float64", np.array([1, 2], ">f8")),
    ("float32", [1.5, 2.5]),
    ("float32", np.array([1, 2], "float16")),
    ("int64", np.array([1, 2], "int8")),
    ("int32", np.array([1, 2], "int64")),
    ("int8", [-128, 127]),
    ("uint8", np.array([0, 255])),
    ("int64", np.array([], "uint64")),
    ("int64", np.array([1, 2], np.longlong)),
    ("bool", [True, False]),
]


@pytest.mark.parametrize("dtype,value", ACCEPTED, ids=str)
def test_what_loses_nothing_is_converted(dtype, value):
    x = pt.vector("x", dtype=dtype)
    result = pt.function([x], x, target="interp")(value)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, np.asarray(value).astype(dtype))


def test_an_array_that_fits_is_not_written_to_and_read_only_ones_are_taken():
    x = pt.vector("x")
    f = pt.function([x], x + 1)
    v = np.arange(3.0)
    v.flags.writeable = False
    assert list(f(v)) == [1, 2, 3]
    assert list(f(np.arange(3.0)[::-1])) == [3, 2, 1]
    assert list(f(np.arange(12.0).reshape(3, 4).T[1])) == [2, 6, 10]
    buffer = np.zeros(25, np.int8)
    unaligned = buffer[1:].view(np.float64)
    assert list(f(unaligned)) == [1, 1, 1]


def test_sizes_may_change_from_call_to_call():
    x = pt.matrix("x")
    f = pt.function([x], [pt.sum(x, axis=0), x.T @ x])
    for shape in [(2, 3), (3, 2), (1, 1), (0, 4), (5, 0), (2, 3)]:
        v = np.random.default_rng(0).normal(size=shape)
        total, product = f(v)
        np.testing.assert_allclose(total, v.sum(0))
        np.testing.assert_allclose(product, v.T @ v, atol=1e-14)


def test_borrowed_results_are_written_to_by_the_next_call():
    x = pt.vector("x")
    f = pt.function([x], [Out(x + 1, borrow=True), x + 2])
    first, other = f(np.zeros(3))
    again, fresh = f(np.ones(3))
    assert first is again
    assert list(first) == [2, 2, 2]
    assert other is not fresh and list(other) == [2, 2, 2]
    longer, _ = f(np.ones(4))
    assert longer is not first and longer.shape == (4,)


def test_givens_are_put_in_first():
    x, y = pt.vector("x"), pt.vector("y")
    mean = pt.mean(x)
    assert pt.function([y], mean * 2, givens={x: y + 1})([1, 2]) == 5
    assert pt.function([], mean * 2, givens=[(mean, pt.constant(4.0))])() == 8
    w = pt.vector("w", shape=(x.shape[0],))
    assert pt.function([w, y], pt.sum(x * w), givens={x: y + 1})([1, 2], [3, 4]) == 14
    table = pt.constant(np.arange(3.0))
    centred = x - pt.mean(x) + pt.zeros_like(x)
    assert list(pt.function([], centred, givens={x: table})()) == [-1, 0, 1]


def test_unused_inputs():
    x, y = pt.vector("x"), pt.vector("y")
    with pytest.warns(UserWarning, match="input y"):
        f = pt.function([x, y], pt.sum(x), on_unused_input="warn")
    assert f([1, 2], [5]) == 3
    assert pt.function([x, y], pt.sum(x), on_unused_input="ignore")([1, 2], [5]) == 3


def test_environment_says_the_default_target(monkeypatch):
    x = pt.scalar("x")
    monkeypatch.setenv("PROBTENSOR_TARGET", "interp")
    assert pt.function([x], x + 1).program.target == "interp"
    assert pt.function([x], x + 1, target="cython").program.target == "cython"


def test_eval_compiles_once():
    x, y = pt.scalar("x"), pt.scalar("y")
    z = x * y + 1
    assert z.eval({x: 2, "y": 3}) == 7
    from probtensor.evaluate import _EVALUATED

    saved = dict(_EVALUATED[z])
    assert z.eval({x: 4, y: 5}) == 21
    assert _EVALUATED[z] == saved
    assert pt.constant(3.0).eval() == 3


def test_many_threads_share_a_function():
    x, n = pt.matrix("x"), 40
    f = pt.function([x], [pt.sum(pt.exp(x), axis=1), pt.cumsum(x, axis=1) if hasattr(pt, "cumsum")
                          else x * 2])  # fmt: skip
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=(5 + k % 7, 3 + k % 5)) for k in range(8)]
    expected = [f(a) for a in arrays]
    failures = []

    def work(k):
        for iteration in range(n):
            j = (k + iteration) % len(arrays)
            for result, truth in zip(f(arrays[j]), expected[j]):
                if not np.array_equal(result, truth):
                    failures.append((k, iteration))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_bound_function_needs_only_the_rest():
    x, w, i = pt.matrix("x"), pt.vector("w"), pt.vector("i", dtype="int64")
    f = pt.function([x, w, i], pt.sum((x @ w)[i]))
    X, W = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0])
    expected = f(X, W, [0, -1])
    g = f.bind({x: X, "i": [0, -1]})
    assert g(W) == expected
    assert [p.name for p in g.inputs] == ["w"]
    longer = f.bind({x: np.vstack([X, X]), i: np.array([5])})
    assert longer(W) == (np.vstack([X, X]) @ W)[5]
    assert longer.address == f.address
