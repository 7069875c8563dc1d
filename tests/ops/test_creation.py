"""Inputs and new arrays, with static and symbolic sizes, against NumPy."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.testing.reference import evaluate_numpy
from probtensor.types import Dim
from tests.ops.numpy_twin import compare, symbolic

V = np.arange(4.0)


def same(node, meant):
    """The value of a graph without inputs, with its dtype."""
    compare(node, np.asarray(meant), [], [])


def test_inputs():
    x = ops.tensor("x", shape=(None, 3), dtype="float32")
    assert x.name == "x"
    assert x.dtype == "float32"
    assert isinstance(x.shape[0], Dim)
    assert x.shape[1] == 3
    assert ops.matrix("m").ndim == 2
    assert ops.matrix("m").dtype == "float64"
    assert ops.vector("v", shape=(5,)).shape == (5,)
    assert ops.vector("v", dtype="int32").dtype == "int32"
    assert ops.row().shape[0] == 1
    assert ops.col("c").shape[1] == 1
    assert ops.vector("v") is not ops.vector("v")
    y = ops.vector("y", shape=(x.shape[0],))
    assert y.shape == x.shape[:1]


LETTERS = {
    "": "float64", "d": "float64", "f": "float32", "b": "int8", "w": "int16", "i": "int32",
    "l": "int64", "c": "complex64", "z": "complex128",
}  # fmt: skip


@pytest.mark.parametrize("letter, dtype", LETTERS.items())
def test_typed_inputs(letter, dtype):
    words = ["scalar", "vector", "matrix", *(f"tensor{n}" for n in range(3, 8))]
    for ndim, word in enumerate(words):
        x = getattr(ops, letter + word)("x")
        assert (x.name, x.dtype, x.ndim) == ("x", dtype, ndim)
        assert all(isinstance(n, Dim) for n in x.shape)
    row, col = getattr(ops, letter + "row")("x"), getattr(ops, letter + "col")("x")
    assert (row.dtype, row.shape[0], col.shape[1]) == (dtype, 1, 1)
    assert isinstance(row.shape[1], Dim) and isinstance(col.shape[0], Dim)
    for several in ("scalars", "vectors", "matrices", "rows", "cols", "tensor3s", "tensor7s"):
        found = getattr(ops, letter + several)("x", "y")
        assert [x.name for x in found] == ["x", "y"] and found[0].dtype == dtype
    assert getattr(ops, letter + "cols")(2)[1].shape[1] == 1


def test_several_inputs_are_named_in_one_text_or_each():
    for names in (("a b",), ("a, b",), ("ab",), (["a", "b"],), ("a", "b")):
        assert [x.name for x in ops.dvectors(*names)] == ["a", "b"], names
    assert [x.name for x in ops.scalars("first second", dtype="int8")] == ["first", "second"]
    assert [x.name for x in ops.scalars(2)] == [None, None]
    with pytest.raises(TypeError, match=r"scalars: the first argument is the name"):
        ops.scalars("float64", "x")


def test_rows_and_columns_keep_their_axis_of_size_1():
    assert ops.row("x", shape=(None, 3)).shape == (1, 3)
    assert ops.frow("x", shape=(1, 3)).shape == (1, 3)
    with pytest.raises(TypeError, match=r"col: the size of axis 1 is 1, unlike in .4, 2.: x"):
        ops.col("x", shape=(4, 2))


def test_floatx_is_the_default_dtype():
    x = ops.vector("x", dtype="floatX")
    assert x.dtype == "float64" and x.astype("floatX") is x
    for y in (ops.zeros(3, "floatX"), ops.as_tensor([1, 2], "floatX"),
              ops.arange(3.0, dtype="floatX"), ops.sum(x, dtype="floatX")):  # fmt: skip
        assert y.dtype == "float64"


def test_filled_by_other_names():
    n = Dim.name("n", "1")
    same(ops.alloc(7.0, 2, 3), np.full((2, 3), 7.0))
    same(ops.alloc(np.arange(3), 2, 3), np.tile(np.arange(3), (2, 1)))
    same(ops.alloc(1, (2,)), np.ones(2, "int64"))
    assert ops.alloc(1.0).shape == () and ops.alloc(V[:1], n, 2).shape == (n, 2)
    for y, shape, dtype in (
        (ops.empty((2, 3)), (2, 3), "float64"),
        (ops.empty(2, "int8"), (2,), "int8"),
        (ops.empty_like(np.ones((2, 1), "float32")), (2, 1), "float32"),
        (ops.empty_like([1], bool, shape=(3,)), (3,), "bool"),
    ):
        assert (y.shape, y.dtype) == (shape, dtype)
    same(ops.identity_like(np.ones((2, 3), "float32")), np.eye(2, 3, dtype="float32"))
    same(ops.identity_like(np.ones((2, 2)), "int8"), np.eye(2, dtype="int8"))
    with pytest.raises(TypeError, match="identity_like: takes a matrix, not 1 axes"):
        ops.identity_like(V)


def test_filled():
    same(ops.zeros(3), np.zeros(3))
    same(ops.zeros((2, 3), "int32"), np.zeros((2, 3), "int32"))
    same(ops.ones((), "bool"), np.ones((), "bool"))
    same(ops.full((2, 2), 7), np.full((2, 2), 7))
    same(ops.full((2, 2), [1.5, 2]), np.full((2, 2), [1.5, 2]))
    same(ops.full(2, 7, "float32"), np.full(2, 7, "float32"))
    same(ops.eye(3), np.eye(3))
    same(ops.eye(2, 4, 1), np.eye(2, 4, 1))
    same(ops.eye(4, 2, -1, "int8"), np.eye(4, 2, -1, "int8"))
    same(ops.identity(2), np.identity(2))
    same(ops.tri(3, 4, -1), np.tri(3, 4, -1))


def test_like():
    x = symbolic(V.astype("float32"))
    for name in ("zeros_like", "ones_like"):
        compare(getattr(ops, name)(x), getattr(np, name)(V.astype("float32")), [x], [V])
    compare(ops.full_like(x, 3), np.full_like(V, 3, dtype="float32"), [x], [V])
    compare(ops.full_like(x, 3, "int64"), np.full_like(V, 3, dtype="int64"), [x], [V])


def test_symbolic_sizes():
    x = symbolic(V)
    n = x.shape[0]
    compare(ops.zeros(n), np.zeros(4), [x], [V])
    compare(ops.ones((2, n + 1)), np.ones((2, 5)), [x], [V])
    compare(ops.eye(n, n + 1), np.eye(4, 5), [x], [V])
    compare(ops.arange(n), np.arange(4), [x], [V])
    compare(ops.arange(1, 2 * n, 3), np.arange(1, 8, 3), [x], [V])
    compare(ops.arange(n, 0, -1), np.arange(4, 0, -1), [x], [V])
    compare(ops.arange(n, 10) + n, np.arange(4, 10) + 4, [x], [V])
    compare(ops.constant(n) * 2.0, np.asarray(8.0), [x], [V])
    compare(ops.arange(n, 2), np.arange(4, 2), [x], [V])


RANGES = [
    (5,), (2, 7), (7, 2), (2, 9, 3), (9, 2, -2), (0,), (3, 3), (0.5, 3.0), (1.0, 0.0, -0.25),
    (np.int32(4),),
]  # fmt: skip


@pytest.mark.parametrize("given", RANGES, ids=str)
def test_arange(given):
    same(ops.arange(*given), np.arange(*given).astype(np.result_type(*given, "int64")))
    same(ops.arange(*given, dtype="float32"), np.arange(*given, dtype="float32"))


@pytest.mark.parametrize("endpoint", [True, False])
@pytest.mark.parametrize("num", [0, 1, 2, 7])
def test_linspace(num, endpoint):
    got = evaluate_numpy([ops.linspace(-1, 3, num, endpoint)], {})[0]
    np.testing.assert_allclose(got, np.linspace(-1, 3, num, endpoint), rtol=1e-15, atol=1e-15)
    stops = np.array([1.0, 2.0])
    got = evaluate_numpy([ops.linspace(0, stops, num, endpoint)], {})[0]
    np.testing.assert_allclose(got, np.linspace(0, stops, num, endpoint), rtol=1e-15)


def test_constants():
    same(ops.constant(3), np.int64(3))
    same(ops.constant(True), np.bool_(True))
    same(ops.constant([1, 2.5]), np.array([1, 2.5]))
    same(ops.constant(2, "float32"), np.float32(2))
    assert ops.constant([1, 2]) is ops.constant([1, 2])


@pytest.mark.parametrize("bad, words", [
    (lambda: ops.tensor((None, 3)), "the name comes first"),
    (lambda: ops.tensor("x", shape=(-1,)), "a size is None, a Dim or an integer"),
    (lambda: ops.vector("x", shape=(2, 3)), r"vector: shape \(2, 3\) has 2 axes, not 1"),
    (lambda: ops.tensor("x", dtype="float128"), "dtype float128 is not one of"),
    (lambda: ops.zeros((2, 1.5)), "a shape is made of sizes: each is an integer, .*, not 1.5"),
    (lambda: ops.zeros(ops.scalar("n")), "a shape is made of sizes: .*, not n"),
    (lambda: ops.zeros(ops.lvector("n")), "a shape is made of sizes: .*, not n"),
    (lambda: ops.arange(ops.tensor("n", dtype="bool")), "a bound that is a tensor is a number"),
    (lambda: ops.arange("n"), "bounds are numbers, sizes or integer tensors"),
    (lambda: ops.arange(0, 5, 0), "nonzero integer"),
    (lambda: ops.constant("word"), "cannot make a tensor of str 'word'"),
    (lambda: ops.vector("x") and 1, "no truth value"),
])  # fmt: skip
def test_bad_calls_say_what_is_wrong(bad, words):
    with pytest.raises(TypeError, match=words):
        bad()


def test_ranges_of_floats_that_a_call_knows():
    start, stop, step = (ops.scalar(name) for name in ("start", "stop", "step"))
    y = ops.arange(start, stop, step)
    slopes = pt.grad(ops.sum(y**2), [start, step])
    f = pt.function([start, stop, step], [y, *slopes], target="machine")
    for given in ((0.0, 1.0, 0.1), (1.0, 0.0, -0.3), (2.5, 1.0, 1.0), (0.1, 7.3, 0.7)):
        values, by_start, by_step = f(*given)
        meant = np.arange(*given)
        np.testing.assert_array_equal(values, meant)
        np.testing.assert_allclose(by_start, 2 * meant.sum(), atol=1e-300)
        np.testing.assert_allclose(by_step, 2 * (meant * np.arange(meant.size)).sum(), atol=1e-300)
    for given in ((0.0, 1.0, 0.0), (np.nan, 1.0, 1.0), (0.0, np.inf, 1.0)):
        with pytest.raises(ValueError, match="no size is negative"):
            f(*given)
    assert ops.arange(ops.fscalar("s")).dtype == "float32"
    with pytest.raises(TypeError, match="arange: a bound that is a tensor is a number"):
        ops.arange(ops.vector("v"))
