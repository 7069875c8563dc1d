"""Many results of one compiled function against those of NumPy: values, dtypes and shapes."""

import numpy as np

import probtensor as pt

DTYPES = ("float64", "float32", "int64", "int32", "int8", "uint64", "uint8", "bool")
EDGES = np.array([0.0, np.nan, -np.inf, 3.5, -0.0, 1.0, np.nan, np.inf, 1.0, -2.5])


def array_of(dtype, shape, seed=0):
    """Numbers with ties, over the range of the dtype."""
    rng = np.random.default_rng(seed)
    if dtype.startswith("float"):
        return (rng.integers(-9, 9, shape) * 0.5).astype(dtype)
    if dtype == "bool":
        return rng.random(shape) < 0.5
    info = np.iinfo(dtype)
    few = rng.integers(0, 5, shape).astype(dtype)
    ends = np.array([info.min, info.max, 0, 1], dtype)
    return np.where(rng.random(shape) < 0.5, few, ends[rng.integers(0, 4, shape)])


def symbolic(array):
    """An input for an array, whose sizes are known only in a call."""
    return pt.tensor("x", dtype=str(array.dtype), shape=(None,) * array.ndim)


def assert_same(got, wanted, label="", rtol=0.0, dtypes=True):
    """Equal in dtype, shape and value."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape, f"{label}: shape {got.shape}, not {wanted.shape}"
    if dtypes:
        assert got.dtype == wanted.dtype, f"{label}: {got.dtype}, not {wanted.dtype}"
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=0.0, err_msg=label)


def compare(inputs, arrays, rows, rtol=0.0, target="machine", dtypes=True):
    """`rows` are (label, result, NumPy's result or a function that gives it)."""
    compiled = pt.function(list(inputs), [row[1] for row in rows], target=target)
    with np.errstate(all="ignore"):
        for got, (label, _, wanted) in zip(compiled(*arrays), rows, strict=True):
            value = wanted() if callable(wanted) else wanted
            assert_same(got, value, label, rtol, dtypes)
