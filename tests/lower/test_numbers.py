"""Integers where kernels compute them: every operator at the ends of its type, literals of all
widths, powers that have no value, and index arrays of all kinds, as NumPy has them."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.types import DTYPES
from tests.ops.test_numbers_meet import BINARY, UNARY, outcome, same, values

HERE = "test_numbers.py:"


# What comes before there are kernels is the same for the device.
ON_CPU = pytest.mark.parametrize("target", ["interp", "cython"], indirect=True)


def kernels(dtype):
    """The operators that have kernels in a dtype."""
    names = [name for name in BINARY if not name.startswith("logical")]
    if dtype == "bool":
        names.remove("subtract")
    if "float" in dtype:
        names = [n for n in names if "bit" not in n and "shift" not in n and n != "power"]
    return names


def literals(dtype):
    """Numbers to be written in the text of a kernel."""
    if dtype == "bool":
        return [True]
    if "float" in dtype:
        least, most = (1e-45, 3e38) if dtype == "float32" else (5e-324, 1.7976931348623157e308)
        return [-0.0, least, most, np.nan, np.inf, -np.inf, 0.1, -1 / 3]
    ends = np.iinfo(dtype)
    edges = (-(2**31) - 1, -(2**31), -1, 0, 3, 2**31 - 1, 2**31, 2**32, 2**40, 2**63 - 1, 2**63)
    inside = [n for n in edges if ends.min < n < ends.max]
    return [int(ends.min), *inside, int(ends.max)]


def program():
    """Inputs with their arrays, and outputs with their values by NumPy, by name."""
    given, outputs = {}, {}

    def made(name, dtype, array):
        x = pt.tensor(f"{name}_{dtype}", (None,), dtype)
        given[x] = np.ascontiguousarray(array)
        return x

    def put(name, node, value):
        outputs[name] = node, np.asarray(value)

    for dtype in DTYPES:
        a, b = (grid.ravel() for grid in np.meshgrid(values(dtype), values(dtype)))
        powers = np.abs(b.astype(object)).clip(0, 100).astype(dtype) if "int" in dtype else b
        x, y, n = made("x", dtype, a), made("y", dtype, b), made("n", dtype, powers)
        for name in kernels(dtype):
            right, array = (n, powers) if name == "power" else (y, b)
            put(f"{name} {dtype}", BINARY[name](x, right), getattr(np, name)(a, array))
        for name, function in UNARY.items():
            theirs = outcome(getattr(np, name), a)
            if not isinstance(theirs, Exception):
                put(f"{name} {dtype}", function(x), theirs)
        for number in literals(dtype):
            for name in ("add", "less", "maximum", "floor_divide"):
                theirs = getattr(np, name)(a, number)
                put(f"{name} {dtype} {number}", BINARY[name](x, number), theirs)
        if dtype.startswith("int"):
            a, b = (grid.ravel() for grid in np.meshgrid(values(dtype), values("uint64")))
            x, u = made("s", dtype, a), made(f"u{dtype}", "uint64", b)
            for name in ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"):
                put(f"{name} {dtype} uint64", BINARY[name](x, u), getattr(np, name)(a, b))
    return given, outputs


def test_every_operator_at_the_ends_of_its_type(target):
    with np.errstate(all="ignore"):
        given, outputs = program()
    given[pt.tensor("unused", (1,))] = np.zeros(1)
    f = pt.function(list(given), [node for node, _ in outputs.values()], on_unused_input="ignore")
    for name, mine in zip(outputs, f(*given.values()), strict=True):
        same(mine, outputs[name][1], f"{target}: {name}")


def test_negative_powers_of_integers_are_refused_by_the_call(target):
    x, k = pt.vector("x", dtype="int64"), pt.vector("k", dtype="int64")
    inner = pt.matrix("m", dtype="int8")
    f = pt.function(
        [x, k, inner],
        [x**k, pt.sum(2**k), pt.sum(inner ** inner[::-1], axis=1), x[0] ** k[-1]],
    )
    a, n, m = np.arange(600) - 300, np.arange(600) % 5, np.array([[3, 1], [0, 2]], "int8")
    found = f(a, n, m)
    wanted = a**n, np.sum(2**n), np.sum(m ** m[::-1], axis=1), a[0] ** n[-1]
    for mine, theirs in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    wrong = n.copy()
    wrong[-1] = -1
    for arrays in ((a, wrong, m), (a, n, np.where(m == 2, -2, m).astype("int8"))):
        with pytest.raises(ValueError, match="negative integer powers") as caught:
            f(*arrays)
        assert HERE in str(caught.value)
        assert len(str(caught.value).splitlines()) <= 8
    np.testing.assert_array_equal(f(a, n, m)[0], a**n)


def test_powers_that_folding_finds_negative(monkeypatch):
    monkeypatch.setenv("PROBTENSOR_TARGET", "interp")
    x = pt.vector("x", dtype="int64")
    for power in (pt.constant(2) - 3, pt.full(2, -1), pt.constant([1, 2]) - 2):
        with pytest.raises(ValueError, match="negative integer powers"):
            pt.function([x], x**power)([1, 3])


def index_arrays(n):
    """Literal index arrays, for an axis of size n."""
    yield from (np.array(p) for p in ([0, -1], [-n], [n - 1, -n, 0], [[0, 1], [-1, -2]]))
    yield from (np.array(p) for p in ([0, n], [n], [-n - 1], [0, -2 * n], [0, -2 * n - 1]))
    yield from (np.array(p, "uint64") for p in ([0, n - 1], [0, 2**64 - 1], [2**63]))
    yield from (np.array(p, "int8") for p in ([-1, 0], [-n], [-n - 1, 0]))
    yield np.zeros(0, "int64")


def written(combine):
    def at(x, index):
        out = np.array(x)
        combine(out, index)
        return out

    return at


READERS = {
    "get": (lambda x, i: x[i], lambda x, i: x[i]),
    "take": (pt.take, np.take),
    "rows": (lambda x, i: x[:, None][i, 0], lambda x, i: x[:, None][i, 0]),
    "along": (
        lambda x, i: pt.take_along_axis(x, i.ravel(), 0),
        lambda x, i: np.take_along_axis(x, i.ravel(), 0),
    ),
    "set": (lambda x, i: x.at[i].set(5.0), written(lambda x, i: np.put(x, i, 5.0))),
    "add": (lambda x, i: x.at[i].add(5.0), written(lambda x, i: np.add.at(x, i, 5.0))),
    "max": (lambda x, i: x.at[i].max(2.5), written(lambda x, i: np.maximum.at(x, i, 2.5))),
}


@pytest.mark.parametrize("reader", READERS)
def test_literal_index_arrays(reader, monkeypatch):
    """Gather and scatter with constant and with symbolic sizes: a negative index has the size added
    once, or is refused."""
    monkeypatch.setenv("PROBTENSOR_TARGET", "interp")
    mine, theirs = READERS[reader]
    array = np.arange(5.0)
    for index in index_arrays(5):
        # NumPy treats 2**64 - 1 as -1.
        exact = index.astype(object).clip(-99, 99).astype("int64")
        for size in (5, None):
            x = pt.tensor("x", (size,))
            found = outcome(lambda x=x, i=index: pt.function([x], mine(x, i))(array))
            same(found, outcome(theirs, array, exact), f"{reader} at {index} of {size}")
            assert not isinstance(found, Exception) or HERE in str(found)


def test_index_arrays_of_a_call_and_of_the_text(target):
    x, m = pt.vector("x"), pt.matrix("m")
    i, u = pt.vector("i", dtype="int64"), pt.vector("u", dtype="uint64")
    short = pt.vector("short", dtype="int8")
    ends = np.array([0, -1])
    f = pt.function(
        [x, m, i, u, short],
        [
            x[ends] + m[ends, -1], x.at[ends].set(7.0), x[i[ends]], x[u - 1], x.at[u - 1].add(1.0),
            pt.take(x, u - 2, mode="clip"), pt.take(x, u - 2, mode="wrap"), x[short],
            m[short - 1, 0],
            pt.grad(pt.sum(pt.square(pt.take(x, short, mode="wrap"))), x),
        ],
    )  # fmt: skip
    a, b = np.arange(200.0), np.arange(600.0).reshape(300, 2)
    one, two, three = np.array([5, -200]), np.array([1, 3], "uint64"), np.array([-128, 127], "int8")
    slope = np.zeros(200)
    slope[[72, 127]] = 2 * a[[72, 127]]
    wanted = [
        a[ends] + b[ends, -1], np.where(np.isin(a, [0, 199]), 7.0, a), a[one[ends]], a[[0, 2]],
        a + np.isin(a, [0, 2]), a[[199, 1]], a[[(2**64 - 1) % 200, 1]], a[[72, 127]],
        b[[127, 126], 0], slope,
    ]  # fmt: skip
    for k, (mine, theirs) in enumerate(zip(f(a, b, one, two, three), wanted, strict=True)):
        np.testing.assert_array_equal(mine, theirs, err_msg=str(k))
    none = np.array([1, 0], "uint64")
    with pytest.raises(IndexError, match=f"out of bounds for axis 0 of x\n  at .*{HERE}"):
        f(a, b, one, none, three)
    with pytest.raises(IndexError, match="into axis 0 of i, which is empty"):
        f(a, b, one[:0], two, three)


def test_a_literal_mask_has_the_sizes_of_its_axes(target):
    x, m = pt.vector("x"), pt.matrix("m")
    mask, square = np.array([True, False, True]), np.array([[True, False], [True, True]])
    f = pt.function(
        [x, m],
        [x[mask], x.at[mask].add(1.0), pt.grad(pt.sum(pt.square(x[mask])), x), m[square],
         m[..., square[0]]],
    )  # fmt: skip
    a, b = np.arange(3.0) + 1, np.arange(4.0).reshape(2, 2)
    wanted = [a[mask], a + mask, 2 * a * mask, b[square], b[..., square[0]]]
    for mine, theirs in zip(f(a, b), wanted, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for wrong, other, words in (
        (np.arange(2.0), b, "size 3 along axis 0, of size 2"),
        (np.arange(4.0), b, "size 3 along axis 0, of size 4"),
        (a, np.zeros((2, 3)), "size 2 along axis 1, of size 3"),
        (a, np.zeros((3, 2)), "size 2 along axis 0, of size 3"),
    ):
        with pytest.raises(IndexError, match=f"the mask has {words}\n  at .*{HERE}"):
            f(wrong, other)


def test_masks_that_do_not_fit_constant_sizes():
    x = pt.tensor("x", (4, 3))
    for key in ([True] * 3, np.ones(5, bool), (slice(None), [True] * 4), np.ones((3, 3), bool),
                (..., [False] * 2), (None, np.ones((4, 2), bool))):  # fmt: skip
        with pytest.raises(IndexError, match=f"mask(.|\n)*{HERE}"):
            x[key]
        with pytest.raises(IndexError, match=f"mask(.|\n)*{HERE}"):
            x.at[key].set(0.0)
    batched = pt.vmap(lambda row: row[np.array([True, False, True])])(x)
    assert batched.shape == (4, 2)
    with pytest.raises(IndexError, match=f"do not broadcast\n  at .*{HERE}"):
        x[[0, 1], [0, 1, 2]]


@ON_CPU
def test_slices_past_64_bits(target):
    x = pt.vector("x")
    keys = [slice(2**70), slice(2**63, None), slice(None, None, 2**64), slice(None, None, -(2**64)),
            slice(-(2**70), 2**70), slice(2**31, None)]  # fmt: skip
    a = np.arange(4.0)
    for key, found in zip(keys, pt.function([x], [x[key] for key in keys])(a), strict=True):
        np.testing.assert_array_equal(found, a[key])


@ON_CPU
def test_bounds_of_integers_are_exact(target):
    """Decisions do not round bounds of integers beyond 2**53 to floats."""
    x, y = pt.vector("x", dtype="int64"), pt.vector("y", dtype="int8")
    f = pt.function(
        [x, y],
        [pt.minimum(x, 2**53 + 1) <= 2**53, pt.maximum(x, -(2**60) - 1) >= -(2**60),
         pt.abs(pt.square(y)), pt.square(y) < 0, pt.abs(y) >= 0],
    )  # fmt: skip
    a, b = np.array([2**60, 5, -(2**62)]), np.array([-128, 12, 100], "int8")
    wanted = [np.minimum(a, 2**53 + 1) <= 2**53, np.maximum(a, -(2**60) - 1) >= -(2**60),
              np.abs(np.square(b)), np.square(b) < 0, np.abs(b) >= 0]  # fmt: skip
    for mine, theirs in zip(f(a, b), wanted, strict=True):
        np.testing.assert_array_equal(mine, theirs)
