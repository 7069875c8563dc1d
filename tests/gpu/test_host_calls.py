"""Routines that a GPU has not run on the host in the middle of a function for the device."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.device import DeviceArray
from probtensor.targets.base import BuildError

rng = np.random.default_rng(3)


def covariance(n, batch=()):
    a = rng.normal(size=(*batch, n, n))
    return a @ np.swapaxes(a, -1, -2) + n * np.eye(n)


def of_parts(x):
    """Kernels before, between and after the calls, and parts that are used twice."""
    values, vectors = pt.linalg.eigh(2.0 * x + pt.exp(-x))
    _, logdet = pt.linalg.slogdet(x)
    order = pt.argsort(values)
    spread = pt.sum(pt.abs(vectors) * values[..., None, :], -1)
    return [spread, logdet, order, pt.sum(pt.log(values), -1) + logdet]


@pytest.mark.parametrize("shape", [(3, 3), (2, 5, 5), (0, 4, 4), (2, 0, 0), (1, 1)])
def test_results_are_those_of_the_cpu(device_driver, shape):
    x = pt.tensor("x", (None,) * len(shape))
    value = covariance(shape[-1], shape[:-2])
    here = pt.function([x], of_parts(x), target="cython")
    there = pt.function([x], of_parts(x), target="cuda")
    for _ in range(3):  # a graph would be made at the second call
        for a, b in zip(here(value), there(value), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-11)
        value = value + np.eye(shape[-1])


def test_gradients_stay_on_the_device_and_checks_are_heard(device_driver):
    x, k = pt.matrix("x"), pt.lvector("k")
    logdet = pt.linalg.slogdet(x)[1]
    there = pt.function([x, k], pt.grad(logdet, x)[k].transfer("cuda"), target="cuda")
    assert "a routine of a library or on the host" in there.explain("schedule")
    value = covariance(4)
    found = there(value, [1, -1])
    assert isinstance(found, DeviceArray)
    np.testing.assert_allclose(found.get(), np.linalg.inv(value).T[[1, -1]], rtol=1e-10)
    with pytest.raises(IndexError, match=r"value\[0\] = 4"):
        there(value, [4, 0])
    assert there(value, [0, 0]).get().shape == (2, 4)
    with pytest.raises(ValueError, match="square"):
        there(np.ones((2, 3)), [0])


def test_many_rows_are_called_one_by_one(device_driver):
    x = pt.tensor("x", (3, 3))
    there = pt.function([x], [pt.linalg.slogdet(x)[1], x + 1], target="cuda")
    columns = covariance(3, (4,))
    logdet, moved = there.rows([columns])
    np.testing.assert_allclose(logdet, np.linalg.slogdet(columns)[1], rtol=1e-12)
    assert (moved == columns + 1).all()
    (logdet, _) = there.rows([pt.device_array(columns)])
    assert isinstance(logdet, DeviceArray) and logdet.get().shape == (4,)


def test_a_density_of_which_a_part_runs_on_the_host_is_sampled_there(device_driver):
    s = pt.random.half_normal(1.0, name="s")
    y = pt.random.normal(pt.linalg.slogdet(pt.constant(covariance(3)) * s)[1], 1.0)
    posterior = pt.condition({y: 2.0}, target="cuda")
    q = np.array([0.3])
    np.testing.assert_allclose(posterior.logp(q), pt.condition({y: 2.0}).logp(q), rtol=1e-12)
    run = {"draws": 5, "tune": 5, "chains": 2, "seed": 1, "progress": False}
    told = r"lu runs on the host(.|\n)*run on the CPU\n  at .*test_host_calls"
    with pytest.warns(UserWarning, match=told):
        found = pt.sample(posterior, **run)
    there = pt.sample(pt.condition({y: 2.0}), **run)
    assert (found.posterior["s"] == there.posterior["s"]).all()
    refused = r"runs on the host.*target='cython'.*\n  at .*test_host_calls"
    with pytest.raises(BuildError, match=refused):
        pt.sample(posterior, pooled=True, **run)


def test_sparse_factors_are_those_of_the_cpu(device_driver):
    n = 7
    half = np.tril(rng.normal(size=(n, n)) * (rng.uniform(size=(n, n)) < 0.4), -1)
    row, col = half.nonzero()
    d, e, b = pt.vector("d", shape=(n,)), pt.vector("e", shape=(len(row),)), pt.matrix("b")
    below = pt.sparse.coo_array((e, (row, col)), shape=(n, n))
    factor = pt.sparse.linalg.cholesky(pt.sparse.diags_array(d) + below + below.T)
    total = factor.logdet() + pt.sum(factor.solve_A(b) * b) + pt.sum(factor.inverse_diagonal())
    slopes = pt.grad(total, [d, e, b])
    outputs = [total, *slopes, pt.grad(pt.sum(slopes[0] ** 2), e)]
    values = 9 + rng.uniform(size=n), half[row, col], rng.normal(size=(n, 2))
    here, there = (pt.function([d, e, b], outputs, target=t)(*values) for t in ("cython", "cuda"))
    for x, y in zip(here, there, strict=True):
        np.testing.assert_allclose(y, x, rtol=1e-11, atol=1e-11)
