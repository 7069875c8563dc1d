"""Stores to places given by data: duplicates, in every order of threads."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.targets.gpu import CudaTarget
from tests.gpu.plans import run

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
