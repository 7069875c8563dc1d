"""Every mistake a user can make with a function: what the message must name."""

import numpy as np
import pytest

import probtensor as pt
from cython_ext.convert import nonnegative_indices
from probtensor import In

HERE = "test_function_errors.py"
LINES = 8


def message(kind, call, *words):
    """The message of the error, which must have each of the words and be short."""
    with pytest.raises(kind) as caught:
        call()
    text = str(caught.value)
    assert len(text.splitlines()) <= LINES, text
    for word in words:
        assert word in text, f"{word!r} not in: {text}"
    assert "#" not in text, text
    return text


@pytest.fixture
def f():
    x, w = pt.matrix("x"), pt.vector("w")
    return pt.function([x, In(w, name="weights")], x @ w, name="predict")


X = np.ones((3, 2))


def test_too_few_arguments(f):
    message(TypeError, lambda: f(X), "predict", "missing", "weights", "float64 with 1 axes", HERE)


def test_too_many_arguments(f):
    message(TypeError, lambda: f(X, [1, 2], 3), "predict takes 2 arguments (x, weights)", "got 3")


def test_an_unknown_name(f):
    message(TypeError, lambda: f(X, w=[1, 2]), "no argument 'w'", "x, weights")


def test_an_argument_given_twice(f):
    message(TypeError, lambda: f(X, [1, 2], weights=[1, 2]), "'weights' twice")


def test_a_name_that_two_inputs_have():
    x, y = pt.scalar("x"), pt.scalar("x")
    f = pt.function([x, y], x + y)
    assert f(1, 2) == 3
    message(TypeError, lambda: f(1, x=2), "2 arguments called 'x'")


def test_the_wrong_number_of_axes(f):
    message(ValueError, lambda: f(np.ones(3), [1, 2]), "x: expected 2 axes, got 1", "(3,)", HERE)


def test_sizes_that_do_not_fit_together(f):
    text = message(ValueError, lambda: f(X, [1, 2, 3]), "2", "3", HERE)
    assert "contract" in text or "matmul" in text
    assert f"2 is from axis 1 of x, made at {pt.line_of(f.inputs[0].variable)}" in text
    assert f"3 is from axis 0 of w, made at {pt.line_of(f.inputs[1].variable)}" in text


def test_a_size_that_was_fixed():
    x = pt.tensor("x", shape=(None, 3))
    f = pt.function([x], pt.sum(x))
    message(ValueError, lambda: f(np.ones((2, 4))), "x", "(x.shape[0], 3)", "(2, 4)", HERE)


LOSSY = [
    ("float32", np.array([1.0]), "float64"),
    ("int64", np.array([1.0]), "float64"),
    ("int64", [1.5], "float64"),
    ("int8", [200], "int64"),
    ("uint8", np.array([-1]), "int64"),
    ("bool", np.array([1]), "int64"),
    ("float32", np.array([2**40]), "int64"),
]


@pytest.mark.parametrize("dtype,value,given", LOSSY, ids=str)
def test_a_conversion_that_would_lose_something(dtype, value, given):
    x = pt.vector("x", dtype=dtype)
    f = pt.function([x], x, target="interp")
    message(TypeError, lambda: f(value), "x", dtype, given, HERE)


@pytest.mark.parametrize(
    "value", ["text", None, object(), [1, "a"], [[1], [2, 3]], np.array([1j]), np.array(["a"])]
)
def test_what_is_no_number(value):
    x = pt.vector("x")
    f = pt.function([x], x, target="interp")
    message(TypeError, lambda: f(value), "x", HERE)


def test_a_tensor_in_place_of_a_value():
    x = pt.vector("x")
    f = pt.function([x], x, target="interp")
    message(TypeError, lambda: f(x + 1), "x", "symbolic")


def test_a_masked_array():
    x = pt.vector("x")
    f = pt.function([x], x, target="interp")
    message(TypeError, lambda: f(np.ma.masked_array([1.0], [True])), "x", "mask")


TARGETS = pytest.mark.parametrize("target", ["interp", "cython"])


@TARGETS
@pytest.mark.parametrize("bad,place", [([0, 3], "[1]"), ([-4, 0], "[0]")])
def test_an_index_out_of_range(target, bad, place):
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    f = pt.function([x, i], x[i], target=target)
    text = message(IndexError, lambda: f([1, 2, 3], bad), "size 3", place, HERE)
    assert str(next(v for v in bad if not -3 <= v < 3)) in text
    assert list(f([1, 2, 3], [-1, 0])) == [3, 1]


@TARGETS
def test_a_computed_index_out_of_range(target):
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    f = pt.function([x, i], x[i * 2], target=target)
    assert list(f([1, 2, 3], [1, 0])) == [3, 1]
    message(IndexError, lambda: f([1, 2, 3], [2]), HERE)


def test_negative_indices_into_two_sizes():
    x, y, i = pt.vector("x"), pt.vector("y"), pt.vector("i", dtype="int64")
    f = pt.function([x, y, i], [x[i], y[i]])
    first, second = f([1, 2], [1, 2, 3], [0, 1])
    assert list(first) == list(second) == [1, 2]
    assert list(f([1, 2], [3, 4], [-1])[1]) == [4]
    message(IndexError, lambda: f([1, 2], [1, 2, 3], [-1]), "two sizes, 2 and 3")


def test_negative_indices_that_their_dtype_cannot_hold():
    array = np.array([-1], "int32")
    words = ("gather", "int32", "use int64")
    message(IndexError, lambda: nonnegative_indices(array, 2**31 + 1, "gather"), *words)
    assert nonnegative_indices(array, 2**31, "gather").tolist() == [2**31 - 1]


def test_inputs_that_are_none():
    x, y = pt.scalar("x"), pt.scalar("y")
    a = pt.shared(1.0, name="a")
    message(TypeError, lambda: pt.function(x, x), "list")
    message(TypeError, lambda: pt.function([x + 1], x), "input 0", "add", "givens", HERE)
    message(TypeError, lambda: pt.function([a], a), "a", "shared", HERE)
    message(ValueError, lambda: pt.function([x, x], x), "x is there twice")
    message(TypeError, lambda: pt.function([3.0], x), "float")
    message(TypeError, lambda: pt.function([x], x + y), "need y", HERE, "givens")
    message(ValueError, lambda: pt.function([x, y], x), "input y", "not used", HERE)
    message(ValueError, lambda: pt.function([x], x, on_unused_input="shout"), "'raise'", "'shout'")


def test_updates_that_are_none():
    x, a = pt.scalar("x"), pt.shared(np.ones(2), name="a")
    message(TypeError, lambda: pt.function([x], x, updates={x: x}), "only shared")
    message(TypeError, lambda: pt.function([], a, updates={a: pt.sum(a)}), "a", "float64[]", HERE)
    message(TypeError, lambda: pt.function([], a, updates={a: a > 0}), "bool", "astype", HERE)
    message(ValueError, lambda: pt.function([], a, updates=[(a, a), (a, a)]), "a", "twice")


def test_givens_that_do_not_fit():
    x, y = pt.vector("x"), pt.matrix("y")
    message(TypeError, lambda: pt.function([y], pt.sum(x), givens={x: y}), "float64", HERE)
    message(TypeError, lambda: pt.function([y], pt.sum(x), givens={3: y}), "tensors")


def test_shared_values_that_do_not_fit():
    a = pt.shared(np.ones(2), name="a")
    message(ValueError, lambda: a.set_value(1.0), "a", "1 axes", HERE)
    message(TypeError, lambda: a.set_value(["x"]), "a", HERE)
    message(TypeError, lambda: pt.shared("text"), "shared")
    message(TypeError, lambda: pt.shared(pt.scalar("x")), "shared")
    b = pt.shared(1, name="b")
    message(TypeError, lambda: b.set_value(1.5), "b", "int64", HERE)


def test_defaults_that_do_not_fit():
    x = pt.vector("x")
    message(ValueError, lambda: pt.function([In(x, value=1.0)], x), "x", "1 axes")
    message(TypeError, lambda: In("x", value=1), "tensor")


def test_a_target_nobody_has():
    x = pt.scalar("x")
    message(ValueError, lambda: pt.function([x], x, target="fpga"), "'fpga'", "cython, interp")


def test_bindings_that_do_not_fit(f):
    y = pt.vector("y")
    message(TypeError, lambda: f.bind({y: [1]}), "no free input")
    for wrong in (np.ones(2), None, 3, "weights"):
        message(TypeError, lambda wrong=wrong: f.bind(wrong), "{input or its name: value}")
    for wrong in (np.ones(2), 3, "w", {"w": pt.shared(1.0)}, {pt.shared(1.0): 2}):
        message(TypeError, lambda wrong=wrong: f.copy(swap=wrong), "copy:")
    message(TypeError, lambda: f.bind({"y": [1]}), "'y'", "weights")
    message(ValueError, lambda: f.bind({"weights": 1.0}), "1 axes", HERE)
    other = pt.shared(np.ones(3, "int64"))
    message(TypeError, lambda: f.copy(swap={pt.shared(1.0): other}), "copy")


def test_eval_of_what_is_not_there():
    x = pt.scalar("x")
    message(TypeError, lambda: (x + 1).eval({"y": 1}), "'y'")
    message(TypeError, lambda: (x + 1).eval(), "need x", HERE)


def test_a_result_of_negative_size():
    x = pt.vector("x")
    y = x[1:]
    f = pt.function([x], y)
    assert f([1, 2, 3]).tolist() == [2, 3]
    assert f([]).tolist() == []


@pytest.mark.parametrize("shape", [(3, 2), (2, 3)])
def test_a_routine_on_a_matrix_that_is_not_square(shape):
    x, y = pt.matrix("x"), pt.vector("y")
    factor = pt.function([x], pt.cholesky(x))
    message(ValueError, lambda: factor(np.ones(shape)), "cholesky", "axis 1 of x", HERE)
    solve = pt.function([x, y], pt.solve_triangular(x, y, lower=True))
    message(ValueError, lambda: solve(np.ones(shape), np.ones(shape[0])), "solve_lower", HERE)
    message(ValueError, lambda: solve(np.eye(3), np.ones(2)), "solve_lower", "axis 0 of y", HERE)


def test_the_length_of_a_tensor_of_unknown_size():
    message(TypeError, lambda: len(pt.vector("x")), "length of x is symbolic", "shape[0]")
