"""Long sums against `math.fsum`: errors do not grow with the length, in any form of loop."""

import math

import numpy as np
import pytest

import probtensor as pt
from probtensor.lower.kinds import reduction
from probtensor.targets.cython import render as cython

BINS = 5
# Errors in units in the last place of the result's dtype. A block of a sum of doubles has up to 256
# additions in a row; float32 is summed in doubles and rounded, and a mean then divided and rounded
# again. In products by BLAS, which adds up to 512 terms in a row, float32 is summed as such.
BOUNDS = {"float64": 40.0, "float32": 1.6}
BLAS = 100.0


def sums(x, v, i, t):
    """Sums over x[n, 3], v[n], bins i[n] and t[2, n, 3], by name, as symbols or as doubles."""
    if isinstance(x, np.ndarray):
        return _exact(x, v, i, t)
    zero, dtype = pt.zeros(BINS, dtype=v.dtype), v.dtype
    return {
        "leading axis": pt.sum(x, axis=0),
        "all": pt.sum(x),
        "vector": pt.sum(v),
        "mean of columns": pt.mean(x, axis=0),
        "mean": pt.mean(v),
        "vector times matrix": v @ x,
        "matrix times vector": x.T @ v,
        "dot": pt.dot(v, v),
        "matrix times matrix": x.T @ x,
        "middle axis": pt.sum(t, axis=1),
        "two axes": pt.sum(t, axis=(0, 1)),
        "einsum": pt.einsum("bnk,n->bk", t, v),
        "batched product": pt.einsum("bnk,bnl->bkl", t, t),
        "scatter": zero.at[i].add(v),
        "scatter of rows": pt.zeros((BINS, 3), dtype=dtype).at[i].add(x),
        "cumsum": pt.cumsum(v)[-1],
        "cumsum of columns": pt.cumsum(x, axis=0)[-1],
        "weighted": pt.sum(v * pt.exp(0 * v)),
    }


def _columns(a):
    """Exact sums over the first axis, rounded once."""
    flat = a.reshape(len(a), math.prod(a.shape[1:]))
    return np.array([math.fsum(c) for c in flat.T]).reshape(a.shape[1:])


def _exact(x, v, i, t):
    n = len(v)
    middle = np.stack([_columns(item) for item in t])
    batched = [[_columns(item[:, [k]] * item) for k in range(3)] for item in t]
    return {
        "leading axis": _columns(x),
        "all": math.fsum(x.ravel()),
        "vector": math.fsum(v),
        "mean of columns": _columns(x) / n,
        "mean": math.fsum(v) / n,
        "vector times matrix": _columns(v[:, None] * x),
        "matrix times vector": _columns(v[:, None] * x),
        "dot": math.fsum(v * v),
        "matrix times matrix": np.stack([_columns(x[:, [k]] * x) for k in range(3)]),
        "middle axis": middle,
        "two axes": _columns(t.reshape(-1, 3)),
        "einsum": np.stack([_columns(v[:, None] * item) for item in t]),
        "batched product": np.array(batched).reshape(2, 3, 3),
        "scatter": np.array([math.fsum(v[i == k]) for k in range(BINS)]),
        "scatter of rows": np.stack([_columns(x[i == k]) for k in range(BINS)]),
        "cumsum": math.fsum(v),
        "cumsum of columns": _columns(x),
        "weighted": math.fsum(v),
    }


def compiled(dtype, target="cython"):
    """All sums as one function, and their names."""
    x, v = pt.matrix("x", dtype=dtype), pt.vector("v", dtype=dtype)
    i, t = pt.vector("i", dtype="int64"), pt.tensor3("t", dtype=dtype)
    symbols = sums(x, v, i, t)
    return pt.function([x, v, i, t], list(symbols.values()), target=target), list(symbols)


def data(kind, dtype, n):
    """The arguments: a constant whose rounding errors have one sign, or random numbers."""
    rng = np.random.default_rng(n)
    if kind == "tenths":
        x, v, t = np.full((n, 3), 0.1), np.full(n, 0.1), np.full((2, n, 3), 0.3)
        x[:, 1] = 0.7
    elif kind == "integers":
        x, v, t = (rng.integers(0, 9, shape) for shape in ((n, 3), n, (2, n, 3)))
    else:
        x, v, t = rng.random((n, 3)), rng.random(n), rng.random((2, n, 3))
    i = np.arange(n) // 3 * 2 % BINS
    return x.astype(dtype), v.astype(dtype), i, t.astype(dtype)


def errors(function, names, arguments, dtype):
    """The largest error of each sum, in units in the last place."""
    x, v, i, t = arguments
    wide = sums(x.astype(float), v.astype(float), i, t.astype(float))
    found = {}
    for name, got in zip(names, function(*arguments), strict=True):
        unit = np.spacing(np.abs(wide[name]).astype(dtype)).astype(float)
        found[name] = float(np.max(np.abs(got.astype(float) - wide[name]) / unit))
    return found


def too_large(found, dtype):
    """The sums whose error is above its bound."""
    blas = ("matrix times matrix", "batched product")
    bounds = {name: BLAS if name in blas else BOUNDS[dtype] for name in found}
    return {name: error for name, error in found.items() if not error <= bounds[name]}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_errors_do_not_grow(dtype):
    function, names = compiled(dtype)
    for kind in ("tenths", "random"):
        for n in (1000, 50_003):
            assert too_large(errors(function, names, data(kind, dtype, n), dtype), dtype) == {}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_errors_do_not_grow_with_a_million(dtype):
    function, names = compiled(dtype)
    found = errors(function, names, data("tenths", dtype, 1_000_003), dtype)
    assert too_large(found, dtype) == {}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_ten_million_tenths(dtype):
    x, v = pt.matrix("x", dtype=dtype), pt.vector("v", dtype=dtype)
    function = pt.function([x, v], [pt.sum(v), pt.sum(x, axis=0), pt.mean(v), v @ x, pt.dot(v, v)])
    n = 10_000_000
    v = np.full(n, 0.1, dtype)
    total, square = math.fsum(v.astype(float)), math.fsum(v.astype(float) ** 2)
    found = function(v[:, None], v)
    for got, want in zip(found, (total, total, total / n, square, square), strict=True):
        unit = float(np.spacing(np.dtype(dtype).type(want)))
        assert np.all(np.abs(got.astype(float) - want) <= BOUNDS[dtype] * unit)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_length_near_the_end_of_a_block(dtype):
    """With integers all sums are exact, so a single wrong iteration is detected."""
    function, names = compiled(dtype)
    lengths = [1, 63, 64, 65, 127, 128, 129, 191, 192, 193, 255, 256, 257, 1023, 1024, 1025]
    lengths += [2047, 2048, 2049, 2111, 2112, 2368, 2369, 4095, 4096, 4097, 6145]
    for n in lengths:
        found = errors(function, names, data("integers", dtype, n), dtype)
        means = {name: found.pop(name) for name in ("mean", "mean of columns")}
        assert set(found.values()) == {0.0}, (n, found)
        assert max(means.values()) <= 1.6


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_interpreter_promises_the_same(dtype):
    function, names = compiled(dtype, "interp")
    found = errors(function, names, data("tenths", dtype, 1500), dtype)
    assert too_large(found, dtype) == {}


def test_several_sums_beside_an_inner_loop():
    """The loop over rows is not a strip then; each of its sums has its own blocks."""
    x, v = pt.matrix("x"), pt.vector("v")
    outs = [pt.sum(v), pt.sum(x, axis=0), v @ x, pt.dot(v, v), pt.sum(v * v * v)]
    function = pt.function([x, v], outs)
    v = np.full(50_003, 0.1)
    for got, power in zip(function(v[:, None], v), (1, 1, 2, 2, 3), strict=True):
        want = math.fsum(v) if power == 1 else math.fsum(v * v if power == 2 else v * v * v)
        assert np.all(np.abs(got - want) <= BOUNDS["float64"] * np.spacing(want))


def test_plain_sums_are_found_out(monkeypatch, tmp_path):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    for dtype in list(reduction.MAX_PLAIN_TERMS):
        monkeypatch.delitem(reduction.MAX_PLAIN_TERMS, dtype)
    monkeypatch.setattr(cython, "BLOCK", 1 << 30)
    monkeypatch.setattr(cython, "LANE_BLOCK", 1 << 30)
    for dtype, wanted in (
        ("float64", {"leading axis", "vector times matrix", "middle axis", "scatter", "vector"}),
        ("float32", {"leading axis", "vector times matrix", "middle axis", "scatter"}),
    ):
        function, names = compiled(dtype)
        found = too_large(errors(function, names, data("tenths", dtype, 100_003), dtype), dtype)
        assert wanted <= found.keys(), found


def test_sums_that_are_not_finite():
    """The rounding error is nan there, and is not added."""
    x, v = pt.matrix("x"), pt.vector("v")
    outs = [pt.sum(v), pt.sum(x, axis=0), pt.dot(v, v), pt.cumsum(v)[-1], x.T @ x]
    function = pt.function([x, v], outs)
    n = 9000
    for values, total, square in (
        ([np.inf], np.inf, np.inf),
        ([-np.inf], -np.inf, np.inf),
        ([np.inf, -np.inf], np.nan, np.inf),
        ([np.nan], np.nan, np.nan),
        ([1e308, 1e308], np.inf, np.inf),
    ):
        for first in (0, 4500, n - len(values)):
            v = np.ones(n)
            v[first : first + len(values)] = values
            found = function(np.stack([v, v], axis=1), v)
            wanted = (total, [total] * 2, square, total, np.full((2, 2), square))
            for got, want in zip(found, wanted, strict=True):
                np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_scatter_keeps_what_it_does_not_touch(dtype):
    """Also the signs of zeros; sums start from the base value, gathered or not."""
    base, v = pt.vector("base", dtype=dtype), pt.vector("v", dtype=dtype)
    i = pt.vector("i", dtype="int64")
    function = pt.function([base, i, v], base.at[i].add(v))
    start = np.array([-0.0, 1.5, np.inf, np.nan, -0.0, 3.0], dtype)
    for n in (0, 1, 17, 700, 2431, 2433, 3000, 9000):
        index, values = np.full(n, 1), np.ones(n, dtype)
        index[n // 2 :] = -1
        wanted = start.copy()
        np.add.at(wanted, index, values)
        got = function(start, index, values)
        np.testing.assert_array_equal(got, wanted)
        np.testing.assert_array_equal(np.signbit(got[[0, 4]]), True)
