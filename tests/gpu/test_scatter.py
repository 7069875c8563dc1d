"""Stores to places given by data: duplicates, in every order of threads."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.targets.cuda.launches import CudaTarget
from tests.plans import run

ORDERS = ("", "reverse", "1", "2")
UFUNCS = {"add": np.add, "max": np.maximum, "min": np.minimum}


def scattered(way, dtypes, deterministic, monkeypatch, n=700, places=9):
    """(dtype, results, what is right) of x.at[i].<way>(v) with many duplicates, for each dtype, all
    in one module; a result for each order of threads."""
    inputs, outputs, arrays, expected = [], [], [], []
    rng = np.random.default_rng(0)
    for dtype in dtypes:
        x, v = pt.vector("x", dtype=dtype), pt.vector("v", dtype=dtype)
        i = pt.vector("i", dtype="int64")
        inputs += [x, i, v]
        outputs.append(getattr(x.at[i], way)(v))
        index = rng.integers(-places, places, n)
        values = (rng.normal(size=n) * 9).astype(dtype)
        arrays += [np.ones(places, dtype), index, values]
        expected.append(np.ones(places, dtype))
        if way == "set":
            expected[-1][index] = values
        else:
            UFUNCS[way].at(expected[-1], index, values)
    plan = pt.function(inputs, outputs, target="interp").plan
    target = CudaTarget(deterministic=deterministic)
    found = []
    for order in ORDERS:
        monkeypatch.setenv("CUDA_ON_HOST_ORDER", order)
        found.append(run(target, plan, arrays))
    return zip(dtypes, zip(*found, strict=True), expected, strict=True)


def test_the_last_of_many_stores_stays(device_driver, monkeypatch):
    dtypes = ("float64", "float32", "int64", "int32", "int8")
    for dtype, results, expected in scattered("set", dtypes, False, monkeypatch):
        for result in results:
            np.testing.assert_array_equal(result, expected, err_msg=dtype)


def near(result, expected, dtype):
    rtol = 1e-4 if dtype == "float32" else 1e-11
    np.testing.assert_allclose(result, expected, rtol=rtol, err_msg=dtype)


@pytest.mark.parametrize("way", UFUNCS)
def test_stores_combine(way, device_driver, monkeypatch):
    dtypes = ("float64", "float32", "int64", "int32", "int8", "uint16")
    for dtype, results, expected in scattered(way, dtypes, False, monkeypatch):
        for result in results:
            near(result, expected, dtype)


def test_deterministic_sums_are_the_same_bits_in_any_order(device_driver, monkeypatch):
    for dtype, results, expected in scattered("add", ("float64", "float32"), True, monkeypatch):
        near(results[0], expected, dtype)
        assert len({result.tobytes() for result in results}) == 1, dtype


@pytest.mark.parametrize("deterministic", [False, True])
def test_float32_is_scattered_in_doubles(deterministic, device_driver):
    """A place that many additions go to is rounded once: one float32 would stop at 2^24 ulp."""
    base, v = pt.vector("base", dtype="float32"), pt.vector("v", dtype="float32")
    i = pt.vector("i", dtype="int64")
    plan = pt.function([base, i, v], [base.at[i].add(v)], target="interp").plan
    n = 3000
    start = np.array([1.0, 2.0**24, -0.5], np.float32)
    index, values = np.arange(n) % 2, np.full(n, 0.1, np.float32)
    target = CudaTarget(deterministic=deterministic)
    found = run(target, plan, [start, index, values])[0]
    exact = start.astype(float)
    np.add.at(exact, index, values.astype(float))
    np.testing.assert_array_equal(found, exact.astype(np.float32))
