"""Matrix products by BLAS, in both dtypes, and as compiled functions call them."""

import numpy as np
import pytest

import probtensor as pt
from cython_ext.linalg import gemm

SIZES = [(2, 5, 7, 3), (1, 1, 1, 1), (3, 4, 1, 6), (2, 3, 4, 0), (2, 0, 3, 4), (0, 2, 2, 2)]
CLOSE = {"float64": 1e-13, "float32": 1e-5}


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("a_transposed", [False, True])
@pytest.mark.parametrize("b_transposed", [False, True])
def test_products_of_batches(dtype, sizes, a_transposed, b_transposed):
    batch, m, n, k = sizes
    rng = np.random.default_rng(8)
    a = rng.normal(size=(batch, m, k)).astype(dtype)
    b = rng.normal(size=(batch, k, n)).astype(dtype)
    c = np.full((batch, m, n), np.nan, dtype)
    stored = [
        np.ascontiguousarray(np.swapaxes(x, 1, 2) if turned else x)
        for x, turned in ((a, a_transposed), (b, b_transposed))
    ]
    gemm(*stored, c, a_transposed, b_transposed)
    np.testing.assert_allclose(c, a @ b, rtol=CLOSE[dtype], atol=CLOSE[dtype])


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("n, k", [(127, 40), (128, 40), (150, 1300), (700, 600), (1030, 30)])
def test_products_with_the_own_transpose_are_symmetric(n, k, dtype):
    """Of pieces too, and of long sums; by half of the multiplications."""
    x = np.random.default_rng(8).normal(size=(2, n, k)).astype(dtype)
    for stored, turned in ((x, False), (np.ascontiguousarray(np.swapaxes(x, 1, 2)), True)):
        c, close = np.full((2, n, n), np.nan, dtype), 1e3 * CLOSE[dtype]
        gemm(stored, stored, c, turned, not turned)
        np.testing.assert_allclose(c, x @ np.swapaxes(x, 1, 2), rtol=close, atol=close)
        if n >= 128:
            np.testing.assert_array_equal(c, np.swapaxes(c, 1, 2))


@pytest.mark.parametrize("dtype", CLOSE)
def test_compiled_products_keep_the_dtype(dtype):
    x = pt.tensor("x", (None, None), dtype)
    y = pt.tensor("y", (None, None), dtype)
    z = pt.tanh(x @ y)
    f = pt.function([x, y], [z, *pt.grad(z.sum(), [x, y])])
    rng = np.random.default_rng(9)
    a = rng.normal(size=(40, 30)).astype(dtype)
    b = (rng.normal(size=(30, 20)) / 6).astype(dtype)
    inner = 1 - np.tanh(a @ b) ** 2
    for got, meant in zip(f(a, b), (np.tanh(a @ b), inner @ b.T, a.T @ inner), strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, meant, rtol=10 * CLOSE[dtype], atol=10 * CLOSE[dtype])
    assert {"float64": "pt_gemm(", "float32": "pt_gemm_float32("}[dtype] in f.source
