"""Lowered graphs have the values of their ops: every op, products, and routines."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import new_input
from probtensor.kernel.ir import Call, walk
from probtensor.lower import lower
from probtensor.ops.kinds import REGISTRY, Composite
from probtensor.testing import conform
from tests.plans import evaluate

PRIMITIVE = sorted(name for name, cls in REGISTRY.items() if not issubclass(cls, Composite))


@pytest.mark.parametrize("name", PRIMITIVE)
def test_every_op_is_lowered(name):
    for case in conform.cases_of(REGISTRY[name]):
        conform.check_target(case, evaluate)
    if conform.takes_float32(REGISTRY[name]):
        for case in conform.cases_of(REGISTRY[name], "float32"):
            conform.check_target(case, evaluate)


PRODUCTS = {
    "ik,kj->ij": ((17, 20), (20, 19)),
    "ki,kj->ij": ((20, 17), (20, 19)),
    "ik,jk->ij": ((17, 20), (19, 20)),
    "ki,jk->ij": ((20, 17), (19, 20)),
    "ik,kj->ji": ((17, 20), (20, 19)),
    "bik,bkj->bij": ((3, 17, 20), (3, 20, 19)),
    "bki,bjk->bji": ((2, 20, 17), (2, 19, 20)),
    "ij,j->i": ((40, 30), (30,)),
    "i,ij->j": ((40,), (40, 30)),
    "ij,kj->kij": ((9, 30), (7, 30)),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("subscripts", PRODUCTS)
def test_products_as_loops_and_as_routine(subscripts, dtype):
    rng = np.random.default_rng(3)
    arrays = [rng.normal(size=shape).astype(dtype) for shape in PRODUCTS[subscripts]]
    inputs = [new_input(f"x{k}", dtype, (None,) * a.ndim) for k, a in enumerate(arrays)]
    product = ops.Contract(subscripts)(*inputs)
    meant = np.einsum(subscripts, *arrays)
    got = evaluate(inputs, [product], arrays)[0]
    assert got.dtype == dtype
    close = {"float64": 1e-12, "float32": 1e-5}[dtype]
    np.testing.assert_allclose(got, meant, rtol=close, atol=close)
    routine = {"float64": "pt_gemm", "float32": "pt_gemm_float32"}[dtype]
    is_matrices = all(len(part) >= 2 for part in subscripts.replace("->", ",").split(","))
    called = [routine] if is_matrices and "kij" not in subscripts else []
    assert routines_of(inputs, [product]) == called


def routines_of(inputs, outputs):
    kernels = lower(inputs, outputs).kernels
    return [s.routine for kernel in kernels for s in walk(kernel.body) if isinstance(s, Call)]


def test_products_of_integers_are_loops():
    x, y = new_input("x", "int64", (None, None)), new_input("y", "int64", (None, None))
    assert routines_of([x, y], [x @ y]) == []


def test_views_are_materialised_for_the_routine_of_a_product():
    rng = np.random.default_rng(4)
    x, y = new_input("x", "float64", (None, None)), new_input("y", "float64", (None, None))
    a, b = rng.normal(size=(30, 21)), rng.normal(size=(31, 22))
    outputs = [ops.exp(x.T) @ y[1:], (x.T @ y[1:]).sum()]
    got = evaluate([x, y], outputs, [a, b])
    np.testing.assert_allclose(got[0], np.exp(a.T) @ b[1:], rtol=1e-12)
    np.testing.assert_allclose(got[1], (a.T @ b[1:]).sum(), rtol=1e-10)
    assert "pt_gemm" in routines_of([x, y], outputs)


def test_routines_in_loops_read_numbers():
    """A number that a routine in a body reads is in memory there."""
    ab = np.array([[0.0, 1.0, 1.0], [4.0, 5.0, 6.0], [1.0, 2.0, 0.0]])
    last, _ = pt.loop.scan(
        lambda z, x: (pt.linalg.solve_banded((1, 1), ab, z) + x, x), pt.ones(3), pt.arange(3.0)
    )
    a, z = np.diag(ab[1]) + np.diag(ab[0, 1:], 1) + np.diag(ab[2, :2], -1), np.ones(3)
    for k in range(3):
        z = np.linalg.solve(a, z) + k
    np.testing.assert_allclose(pt.function([], last, target="machine")(), z, rtol=1e-12)
