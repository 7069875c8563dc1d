"""Stores to places given by data: duplicates, in every order of threads."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.targets.cuda.launches import CudaTarget
from tests.plans import run

ORDERS = ("", "reverse", "1", "2")


def scattered(way, deterministic, dtype, monkeypatch, n=700, places=9):
    """The results of x.at[i].<way>(v) with many duplicates, one for each order of threads."""
    x, v = pt.vector("x", dtype=dtype), pt.vector("v", dtype=dtype)
    i = pt.vector("i", dtype="int64")
    out = getattr(x.at[i], way)(v)
    plan = pt.function([x, i, v], [out], target="interp").plan
    rng = np.random.default_rng(0)
    index = rng.integers(-places, places, n)
    values = (rng.normal(size=n) * 9).astype(dtype)
    base = np.ones(places, dtype)
    target = CudaTarget(deterministic=deterministic)
    found = []
    for order in ORDERS:
        monkeypatch.setenv("CUDA_ON_HOST_ORDER", order)
        found.append(run(target, plan, [base, index, values])[0])
    expected = base.copy()
    ufunc = {"add": np.add, "max": np.maximum, "min": np.minimum, "multiply": np.multiply}
    if way == "set":
        expected[index] = values
    else:
        ufunc[way].at(expected, index, values)
    return found, expected


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int32", "int8"])
def test_the_last_of_many_stores_stays(dtype, device_driver, monkeypatch):
    found, expected = scattered("set", False, dtype, monkeypatch)
    for result in found:
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int32", "int8", "uint16"])
@pytest.mark.parametrize("way", ["add", "max", "min"])
def test_stores_combine(way, dtype, device_driver, monkeypatch):
    found, expected = scattered(way, False, dtype, monkeypatch)
    for result in found:
        np.testing.assert_allclose(result, expected, rtol=1e-4 if dtype == "float32" else 1e-11)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_deterministic_sums_are_the_same_bits_in_any_order(dtype, device_driver, monkeypatch):
    found, expected = scattered("add", True, dtype, monkeypatch)
    np.testing.assert_allclose(found[0], expected, rtol=1e-4 if dtype == "float32" else 1e-11)
    for result in found[1:]:
        assert result.tobytes() == found[0].tobytes()


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
