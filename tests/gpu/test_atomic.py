"""Stores by which many threads combine into the same places, against NumPy's ufunc.at."""

import numpy as np
import pytest

from tests.device.kernels import compiled

DTYPES = {
    "float64": "double", "float32": "float", "int8": "int8_t", "int16": "int16_t",
    "int32": "int32_t", "int64": "int64_t", "uint8": "uint8_t", "uint16": "uint16_t",
    "uint32": "uint32_t", "uint64": "uint64_t",
}  # fmt: skip
COMBINE = {
    "add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum,
    "and": np.logical_and, "or": np.logical_or,
}  # fmt: skip
PAIRS = [(op, dtype) for dtype in DTYPES for op in ("add", "mul", "max", "min")]
PAIRS += [("and", "bool"), ("or", "bool")]
PLACES, TURNS = 13, 300


@pytest.fixture
def atomic(device_driver):
    lines = ['#include "pt_atomic.cuh"']
    for op, dtype in PAIRS:
        kind = DTYPES.get(dtype, "uint8_t")
        lines.append(
            f'extern "C" __global__ void {op}_{dtype}({kind} *out, const {kind} *x, '
            "const int *place, int turns) { int i = blockIdx.x * blockDim.x + threadIdx.x; "
            f"if (i < turns) pt_atomic_{op}_{dtype}(out + place[i], x[i]); }}"
        )
    return compiled(device_driver, "\n".join(lines) + "\n")


def values(rng, dtype, count):
    """Any value of the type; for floats a few that are odd."""
    if dtype == "bool":
        return rng.integers(0, 2, count).astype(bool)
    if dtype.startswith("float"):
        x = rng.normal(size=count).astype(dtype)
        x[: count // 20] = np.resize([np.nan, np.inf, -np.inf, 0.0], count // 20)
        return x
    bounds = np.iinfo(dtype)
    return rng.integers(bounds.min, bounds.max, count, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("threads", ["", "reverse"])
@pytest.mark.parametrize("op, dtype", PAIRS)
def test_all_threads_are_heard(atomic, op, dtype, threads, monkeypatch):
    monkeypatch.setenv("CUDA_ON_HOST_ORDER", threads)
    rng = np.random.default_rng(17)
    place = rng.integers(0, PLACES, TURNS).astype(np.int32)
    place[: TURNS // 20] %= 3  # the odd values go to few places, so that most sums stay finite
    x = values(rng, dtype, TURNS)
    start = values(rng, dtype, PLACES)
    meant = start.copy()
    with np.errstate(all="ignore"):
        COMBINE[op].at(meant, place, x)
    out = start.copy()
    atomic.run(f"{op}_{dtype}", 5, 64, [out], out, x, place, np.int32(TURNS))
    if dtype.startswith("float"):
        close = {"float64": 1e-12, "float32": 1e-4}[dtype]
        np.testing.assert_allclose(out, meant, rtol=close, atol=close)
    else:
        np.testing.assert_array_equal(out, meant)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "bool"])
def test_neighbours_in_a_word_are_left_alone(atomic, dtype):
    for k in range(8):
        out = np.zeros(8, dtype)
        one, place = np.ones(1, dtype), np.array([k], np.int32)
        op = "or" if dtype == "bool" else "add"
        atomic.run(f"{op}_{dtype}", 1, 32, [out], out, one, place, np.int32(1))
        np.testing.assert_array_equal(out, np.arange(8) == k)
