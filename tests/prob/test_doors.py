"""Every door through which data come in: what would be lost is refused, what is bound is copied.

A door is a function of one value. The nets run each door with each kind of bad value, so a new door
or a new kind of value is one row.
"""

import numpy as np
import pytest

import probtensor as pt
from probtensor import In
from probtensor.sample.runs.start import given_starts

pandas = pytest.importorskip("pandas")
sparse = pytest.importorskip("scipy.sparse")

LENGTH = 2


def inputs():
    return pt.vector("x"), pt.vector("w")


def model(dtype="float64", target="interp"):
    """y ~ normal(b x, 1) with data x of a dtype."""
    x = pt.data(np.ones(LENGTH, dtype), name="x", dims="row")
    b = pt.random.normal(0, 1, shape=LENGTH, name="b", dims="row")
    y = pt.random.normal(b * x, 1, name="y", dims="row")
    return x, b, y, pt.condition({y: np.zeros(LENGTH)}, target=target)


X, W = inputs()
DATA, B, Y, POSTERIOR = model()
SHARED = pt.shared(np.ones(LENGTH), name="shared")
FUNCTION = pt.function([X, W], X * W, target="interp")
IDATA = type("Draws", (), {"posterior": None})

DOORS = {
    "as_tensor": lambda v: pt.as_tensor(v),
    "constant of a dtype": lambda v: pt.constant(v, dtype="float32"),
    "an operand": lambda v: X + v,
    "an operand on the left": lambda v: v * X,
    "an argument of an op": lambda v: pt.maximum(X, v),
    "a written part": lambda v: X.at[:2].set(v),
    "a given": lambda v: pt.function([W], X * W, givens={X: v}, target="interp"),
    "data": lambda v: pt.data(v, name="d"),
    "shared": lambda v: pt.shared(v, name="s"),
    "shared of a dtype": lambda v: pt.shared(v, name="s", dtype="float32"),
    "borrowed shared": lambda v: pt.shared(v, name="s", borrow=True),
    "set_value": lambda v: SHARED.set_value(v),
    "an argument": lambda v: FUNCTION(v, [1.0, 2.0]),
    "a default": lambda v: In(X, value=v),
    "a binding": lambda v: FUNCTION.bind({"x": v}),
    "eval": lambda v: (X * 2).eval({"x": v}),
    "a parameter": lambda v: pt.random.normal(v, 1),
    "a bound": lambda v: pt.interval(high=v),
    "a deterministic": lambda v: pt.deterministic(v, name="d"),
    "a potential": lambda v: pt.potential(v),
    "an observed value": lambda v: pt.condition({Y: v}, target="interp"),
    "with_data, observed": lambda v: POSTERIOR.with_data({Y: v}),
    "with_data": lambda v: POSTERIOR.with_data({"x": v}),
    "logp": lambda v: pt.logp(Y, v),
    "a point": lambda v: POSTERIOR.logp_and_grad(v),
    "a point to constrain": lambda v: POSTERIOR.constrain(v),
    "a value to unconstrain": lambda v: POSTERIOR.unconstrain({"b": v}),
    "init by name": lambda v: given_starts(POSTERIOR, {"b": v}, 1),
    "init": lambda v: given_starts(POSTERIOR, v, 1),
    "data of predictions": lambda v: pt.prob.predictive.predictive_rows(
        Y, {"b": np.ones((3, LENGTH))}, data={DATA: v}
    ),
}

BAD = {
    "masked": (np.ma.array([1.0, 999.0], mask=[0, 1]), "mask"),
    "masked in a list": ([np.ma.array([1.0, 999.0], mask=[0, 1])], "1 masked"),
    "sparse": (sparse.csr_matrix(np.eye(LENGTH)), "toarray"),
    "categorical": (pandas.Series(["a", "b"], dtype="category"), "codes"),
    "categorical numbers": (pandas.Categorical([3, 1]), "codes"),
    "missing": (pandas.Series([1, None], dtype="Int64"), "NA"),
    "frame": (pandas.DataFrame({"a": [1, 2], "g": pandas.Categorical([1, 2])}), "'g'"),
    "objects": (np.array([1.0, object()], object), "entry [1]"),
    "None in a list": ([1.0, None], "entry [1] is None"),
    "text": (["1.0", "2.0"], "np.asarray(x, float)"),
    "dates": (np.array(["2020-01-01", "2020-01-02"], "M8[D]"), "timedelta64"),
    "durations": (np.array([1, 2], "m8[D]"), "timedelta64"),
    "complex": (np.array([1j, 2.0]), ".real"),
    "records": (np.zeros(LENGTH, [("a", float)]), "field"),
    "ragged": ([[1.0], [1.0, 2.0]], "different lengths"),
}
# What takes complex numbers.
COMPLEX = {"as_tensor", "an operand", "an operand on the left", "shared", "borrowed shared"}
OWN_MISSING = "is missing at"  # observed values say where
IMPUTED = ("masked", "an observed value")  # what is missing there becomes a free variable


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", BAD)
@pytest.mark.filterwarnings("error")
def test_what_would_be_lost_is_refused_at_every_door(door, kind):
    value, word = BAD[kind]
    if kind == "complex" and door in COMPLEX:
        assert DOORS[door](value).dtype == "complex128"
        return
    if (kind, door) == IMPUTED:
        with pytest.raises(pt.ImputationWarning, match="1 of 2"):
            DOORS[door](value)
        return
    with pytest.raises((TypeError, ValueError)) as caught:
        DOORS[door](value)
    text = str(caught.value)
    assert word in text or (OWN_MISSING in text and kind.startswith(("masked", "missing"))), text
    assert len(text.splitlines()) <= 8, text
    named = ("init", "q", "sample: init")  # nobody made these on a line
    assert "test_doors.py" in text or text.startswith(named), text


GOOD = {
    "list": [1.0, 2.0],
    "whole numbers": np.array([1, 2]),
    "a view": np.arange(4.0)[::2],
    "big-endian": np.array([1.0, 2.0], ">f8"),
    "nothing masked": np.ma.array([1.0, 2.0]),
    "pandas": pandas.Series([1.0, 2.0]),
    "nothing missing": pandas.Series([1, 2], dtype="Int64"),
}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_takes_what_loses_nothing(door):
    for value in GOOD.values():
        DOORS[door](value)


# (dtype of the input, value that does not fit)
NARROW = [
    ("int64", np.array([1.5, 2.5])),
    ("int64", [1.5, 2]),
    ("int64", np.array([1.0, 2.0])),
    ("uint8", np.array([300, 1])),
    ("uint8", [300, 1]),
    ("int8", np.array([-1, 200])),
    ("uint64", np.array([-1, 1])),
    ("bool", np.array([0, 2])),
    ("float32", np.array([1.0, 2.0])),
    ("float32", [1e300, 1.0]),
]
NARROW_DOORS = {
    "an argument": lambda x, v: pt.function([x], x, target="interp")(v),
    "a default": lambda x, v: In(x, value=v),
    "a binding": lambda x, v: pt.function([x], x, target="interp").bind({x: v}),
    "a given": lambda x, v: pt.function([], x, givens={x: v}, target="interp"),
    "set_value": lambda x, v: pt.shared(np.ones(LENGTH, x.dtype)).set_value(v),
    "with_data": lambda x, v: model(x.dtype)[3].with_data({"x": v}),
    "data of predictions": lambda x, v: pt.prob.predictive.predictive_rows(
        Y, {"b": np.ones((3, LENGTH))}, data={model(x.dtype)[0]: v}
    ),
}


@pytest.mark.parametrize("door", NARROW_DOORS)
@pytest.mark.parametrize(("dtype", "value"), NARROW, ids=str)
def test_no_door_cuts_or_wraps_numbers(door, dtype, value):
    x = pt.vector("x", dtype=dtype)
    with pytest.raises(TypeError, match="without loss") as caught:
        NARROW_DOORS[door](x, value)
    text = str(caught.value)
    assert dtype in text and "test_doors.py" in text and len(text.splitlines()) <= 8


@pytest.mark.parametrize("door", [pt.constant, pt.shared, lambda v, dtype: pt.as_tensor(v, dtype)])
@pytest.mark.parametrize(("value", "dtype"), [(1.5, "int64"), (300, "uint8"), (-1, "uint64"),
                                              ([1e300], "float32"), (np.nan, "int32")])  # fmt: skip
def test_a_stated_dtype_rounds_but_neither_cuts_nor_wraps(door, value, dtype):
    with pytest.raises(TypeError, match=f"does not fit in {dtype}"):
        door(value, dtype=dtype)


def test_a_stated_dtype_may_round():
    assert pt.shared(np.array([0.1]), dtype="float32").get_value()[0] == np.float32(0.1)
    assert pt.shared([1.0, 2.0], dtype="int64").get_value().tolist() == [1, 2]


# What is bound is copied. Each holder takes an array and gives a function that reads what it holds.


def bound_by_function(array):
    x = pt.vector("x")
    return pt.function([x], 1.0 * x, target="interp").bind({x: array})


def default_of_function(array):
    x = pt.vector("x")
    return pt.function([In(x, value=array)], 1.0 * x, target="interp")


def default_before_the_function(array):
    given = In(pt.vector("x"), value=array)
    return lambda: np.asarray(given.value)


def observed(array):
    posterior = model()[3]
    y = next(iter(posterior._data_nodes))
    held = pt.condition({y: array}, target="interp")
    return lambda: held.logp(np.zeros(held.dim))


def observed_again(array):
    held = model()[3].with_data({"y": array})
    return lambda: held.logp(np.zeros(held.dim))


def data_again(array):
    held = model()[3].with_data({"x": array})
    return lambda: held.logp(np.ones(held.dim))


def literal(array):
    return pt.function([], 1.0 * pt.as_tensor(array), target="interp")


def data(array):
    return pt.function([], 1.0 * pt.data(array, name="x"), target="interp")


def shared(array):
    return pt.shared(array).get_value


def shared_again(array):
    held = pt.shared(np.zeros(LENGTH))
    held.set_value(array)
    return held.get_value


def labels(array):
    y = pt.random.normal(pt.random.normal(0, 1, name="m"), 1, name="y", dims="row")
    held = pt.condition({y: np.zeros(LENGTH)}, coords={"row": array}, target="interp")
    return lambda: held.coords["row"]


def labels_again(array):
    held = model()[3].with_data({}, coords={"row": array})
    return lambda: held.coords["row"]


def bounds(array):
    y = pt.random.normal(0, 1, shape=LENGTH, name="y", constraint=pt.interval(low=array))
    held = pt.condition({}, track=[y], target="interp")
    return lambda: held.constrain(np.zeros(held.dim))["y"]


HOLDERS = [
    bound_by_function, default_of_function, default_before_the_function, observed, observed_again,
    data_again, literal, data, shared, shared_again, labels, labels_again, bounds,
]  # fmt: skip
WRAPPED = {
    "array": lambda own: own,
    "view": lambda own: own[:],
    "series": lambda own: pandas.Series(own, copy=False),
    "buffer": lambda own: memoryview(own),
    "matrix row": lambda own: own.view(type("Sub", (np.ndarray,), {})),
}


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("wrapped", WRAPPED)
def test_what_is_bound_does_not_follow_later_changes(holder, wrapped):
    own = np.array([1.0, 2.0])
    read = holder(WRAPPED[wrapped](own))
    before = np.array(read())
    own *= 1000
    np.testing.assert_array_equal(read(), before)


def test_borrowing_is_what_it_says():
    own = np.array([1.0, 2.0])
    held, x = pt.shared(own, borrow=True), pt.vector("x")
    f = pt.function([x], 1.0 * x, target="interp").bind({x: own}, borrow=True)
    own[0] = 7
    assert held.get_value()[0] == f()[0] == 7


@pytest.mark.parametrize(
    "give",
    [
        lambda p: p.observed["y"],
        lambda p: p.constants["x"],
        lambda p: next(iter(p.data.values())),
        lambda p: p.coords["row"],
    ],
)
def test_what_a_posterior_shows_of_its_data_cannot_be_written_to(give):
    posterior = model()[3].with_data({"x": np.ones(LENGTH)}, coords={"row": [1, 2]})
    array = give(posterior)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 9
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.setflags(write=True)


def test_what_a_posterior_computes_is_the_users_own():
    x, _b, y, _ = model()
    posterior = pt.condition({y: np.zeros(LENGTH)}, track=[pt.deterministic(x, name="copy")],
                             target="interp")  # fmt: skip
    values = posterior.constrain(np.zeros(posterior.dim))
    before = posterior.logp(np.ones(posterior.dim))
    values["copy"][:] = 99
    assert posterior.logp(np.ones(posterior.dim)) == before
    assert posterior.constants["x"].tolist() == [1, 1]


def test_data_of_other_dtypes_that_fit():
    posterior = model("int64")[3].with_data({"x": np.array([2, 3], "int8"), "y": np.array([1, 2])})
    assert posterior.constants["x"].tolist() == [2, 3]
    expected = model()[3].with_data({"x": [2.0, 3.0], "y": [1.0, 2.0]})
    q = np.array([0.3, -0.2])
    assert posterior.logp(q) == expected.logp(q)
