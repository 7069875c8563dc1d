"""Products of matrices that are added: one call, in the memory of the result."""

from types import SimpleNamespace

import numpy as np
import pytest

import probtensor as pt
from probtensor.compile import PIPELINE, passes_for
from probtensor.kernel.ir import Call, For, walk
from probtensor.lower import lower
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.passes import run

A, B, C = (pt.matrix(name) for name in "ABC")
s, t = pt.scalar("s"), pt.scalar("t")
INPUTS = [A, B, C, s, t]
# What is written, and the calls, loops and matrices of its own that it takes.
SUMS = {
    "scaled": (s * A @ B + t * C, ["pt_add_product"], 2, 0),
    "plain": (A @ B + C, ["pt_add_product"], 2, 0),
    "less": (C - s * (A @ B), ["pt_add_product"], 2, 0),
    "of transposes": (A.mT @ (2.0 * B.mT) + C, ["pt_add_product"], 2, 0),
    "transposed": ((A @ B).mT - C, ["pt_add_product"], 2, 0),
    "of rows": (A @ B + C[0], ["pt_add_product"], 2, 0),
    "of two": (A @ B - C @ A, ["pt_gemm", "pt_add_product"], 2, 1),
    "of three": (s * (A @ B) - 3.0 * (C @ A) + B, ["pt_add_product"] * 2, 2, 0),
    "read by a routine": (pt.linalg.inv(A @ B + 9.0 * C), ["pt_add_product", "pt_inv"], 2, 1),
    "read by a loop": (pt.tanh(A @ B + C), ["pt_gemm"], 2, 1),
    "read twice": ([A @ B + C, pt.exp(A @ B)], ["pt_gemm"], 2, 1),
}


def calls_and_loops(plan):
    found = [stmt for kernel in plan.kernels for stmt in walk(kernel.body)]
    calls = [stmt.routine for stmt in found if isinstance(stmt, Call)]
    matrices = [b for b in plan.buffers if b.role == "temp" and len(b.shape) == 2]
    return calls, sum(isinstance(stmt, For) for stmt in found), len(matrices)


@pytest.mark.parametrize("name", SUMS)
def test_a_product_that_is_added_is_one_call(name):
    written, calls, loops, matrices = SUMS[name]
    outputs = written if isinstance(written, list) else [written]
    functions = [
        pt.function(INPUTS, outputs, target=target, on_unused_input="ignore")
        for target in ("machine", "interp")
    ]
    plan = lower(INPUTS, run(PIPELINE, outputs))
    assert calls_and_loops(plan) == (calls, loops, matrices)
    rng = np.random.default_rng(2)
    for n in (1, 6, 23):
        arrays = [*rng.normal(size=(3, n, n)), 1.7, -0.3]
        meant = evaluate_numpy(outputs, dict(zip(INPUTS, map(np.asarray, arrays), strict=True)))
        for f in functions[: 1 if n > 6 else 2]:
            for found, truth in zip(f(*arrays), meant, strict=True):
                np.testing.assert_allclose(found, truth, rtol=1e-9, atol=1e-10)


def test_products_of_no_terms_long_sums_and_a_scale_of_zero():
    """All of the base is left where there is nothing to add; what is not finite is not lost."""
    f = pt.function([A, B, C, s], s * (A @ B) + C, target="machine")
    rng = np.random.default_rng(3)
    c = rng.normal(size=(4, 5))
    np.testing.assert_array_equal(f(np.ones((4, 0)), np.ones((0, 5)), c, 2.0), c)
    assert f(np.ones((0, 3)), np.ones((3, 5)), np.ones((0, 5)), 2.0).shape == (0, 5)
    long = 1.0 + rng.normal(size=(4, 3000)) * 1e-3
    exact = (long.astype("longdouble") @ long.T.astype("longdouble")) * 0.1 + np.eye(4)
    found = f(long, long.T.copy(), np.eye(4), 0.1)
    np.testing.assert_allclose(found, exact.astype(float), rtol=3e-16)
    a = np.diag([np.nan, np.inf, 1.0])
    rows = f(a, np.ones((3, 5)), np.ones((3, 5)), 0.0)
    assert np.isnan(rows[:2]).all() and (rows[2] == 1).all()


def test_factors_that_overflow_or_vanish_together_stay_apart():
    """No scale of a call is a product of factors that each stand where they are needed."""
    ones, c = np.ones((20, 20)), np.zeros((20, 20))
    for factors, size, other in (((1e200, 1e200), 1e-300, 1.0), ((1e-200, 1e-200), 1e300, 1.0),
                                 ((1e200, 1e200), 1e-200, 1e-200)):  # fmt: skip
        first, second = factors
        for p, q, given in ((s, t, factors), (s, second, (first, 0)), (first, second, (0, 0))):
            apart = (p * A) @ (q * B) if other != 1 else p * (q * (A @ B))
            f = pt.function(INPUTS, C - apart, target="interp", on_unused_input="ignore")
            found = f(size * ones, other * ones, c, *given)
            np.testing.assert_allclose(found, -20 * first * (second * size * other), rtol=1e-12)


def test_products_in_float32_and_of_batches_and_in_loops():
    x, y = (pt.tensor(name, (3, None, None), dtype="float32") for name in "xy")
    f = pt.function([x, y], 2.0 * (x @ y) - x, target="machine")
    a, b = np.random.default_rng(4).normal(size=(2, 3, 20, 20)).astype("float32")
    found = f(a, b)
    assert found.dtype == "float32" and "pt_add_product_float32" in f.explain("kernels")
    np.testing.assert_allclose(found, 2 * a @ b - a, rtol=1e-4, atol=1e-4)
    last, _ = pt.loop.scan(lambda z, x: (z + 0.1 * (A @ z), x), C, pt.arange(3))
    g = pt.function([A, C], last, target="machine")
    m, z = np.random.default_rng(5).normal(size=(2, 18, 18))
    step = np.eye(18) + 0.1 * m
    np.testing.assert_allclose(g(m, z), step @ step @ step @ z, rtol=1e-11, atol=1e-11)
    assert "pt_add_product" in g.explain("kernels")


def test_small_products_and_devices_keep_the_loop():
    small = pt.tensor("small", (9, 9))
    assert calls_and_loops(lower([small], run(PIPELINE, [small @ small + 1.0])))[0] == []
    passes = passes_for(SimpleNamespace(name="cuda"))
    assert calls_and_loops(lower([A, B, C], run(passes, [A @ B + C])))[0] == ["pt_gemm"]
