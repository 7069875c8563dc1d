"""Sorts, searches and running operations of a device: by groups of every size, and in a sampler."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import device
from probtensor.lower import lower
from probtensor.ops.ordering.routines import ArgsortRows
from probtensor.targets.cuda import work
from probtensor.targets.cuda.launches import CudaTarget
from tests.plans import interpret, sizes_of

pytestmark = pytest.mark.usefixtures("device_driver")
rng = np.random.default_rng(12)


@pytest.fixture(scope="module")
def device_driver(one_driver):
    """The device, in its place for all tests of this module."""
    before = device.use(one_driver)
    yield one_driver
    device.use(before)


@pytest.fixture(scope="module")
def functions(device_driver):
    x, k, v = pt.matrix("x"), pt.lmatrix("k"), pt.vector("v")
    outputs = ordered(x, k, v)
    return [pt.function([x, k, v], outputs, target=target) for target in ("cuda", "cython")]


def ordered(x, k, v):
    """Outputs by most of the routines of pt_ordering.cuh, of floats x, integers k and places v."""
    ascending = pt.sort(x)
    return [
        ascending, pt.argsort(x), pt.searchsorted(ascending[0], x[1]),
        pt.searchsorted(pt.sort(k[0]), k[1], side="right"), pt.cumsum(k, 1), pt.cumprod(x, 1),
        pt.cummax(x, 1), pt.logcumsumexp(x, 1), pt.quantile(x, v, axis=1), ArgsortRows()(x.mT),
    ]  # fmt: skip


def draw(n):
    """Ties, zeros of both signs, nan and infinities among the numbers."""
    x = np.round(rng.normal(size=(3, n)), 1)
    x[1, n // 2 :: 9] = -0.0
    x[2, ::7] = [np.nan, np.inf, -np.inf][n % 3]
    return x, rng.integers(-3, 4, (3, n)), np.array([0.0, 0.3, 1.0])


@pytest.mark.parametrize("n", [2, 33, 700])
def test_results_are_those_of_the_cpu(functions, n):
    there, here = functions
    values = draw(n)
    for k, (a, b) in enumerate(zip(there(*values), here(*values), strict=True)):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-13, err_msg=str(k))
        if a.dtype.kind == "f":
            np.testing.assert_array_equal(np.signbit(a[a == 0]), np.signbit(b[b == 0]))


def test_long_items_are_for_the_host(functions, device_driver, monkeypatch):
    there, here = functions
    monkeypatch.setattr(work, "MAX_IN_ORDER", 50)
    monkeypatch.setattr(work, "MAX_SORTED", 50)
    values = draw(60)
    device_driver.counts.clear()
    for a, b in zip(there(*values), here(*values), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)
    assert device_driver.counts["downloads"] > 5
    assert work.too_long("pt_cumprod", 3, 60) and not work.too_long("pt_cumprod", 64, 60)
    assert work.too_long("pt_argsort", 3, 60) and not work.too_long("pt_search_left", 1, 60)


@pytest.mark.parametrize("group", ["thread", "warp", "block"])
def test_for_each_row(device_driver, group):
    """In one kernel over many rows, as a sampler has them."""
    x = pt.vector("x")
    outputs = [pt.sort(x), pt.argsort(x), pt.cumprod(x), pt.cummax(x), pt.median(x),
               pt.searchsorted(pt.sort(x), x)]  # fmt: skip
    plan = lower([x], outputs)
    points = np.round(rng.normal(size=(4, 45)), 1)
    sizes = sizes_of(plan, [points[0]])
    program = CudaTarget().rows(plan, [0], [sizes[s.name] for s in plan.sizes], group=group)
    assert '"pt_ordering.cuh"' in program.source
    meant = [interpret(plan, [point]) for point in points]
    held = {0: points} | {
        k: np.zeros((4, *plan.shape(k, sizes)), plan.buffers[k].dtype) for k in plan.outputs
    }
    places = {k: device_driver.alloc(max(array.nbytes, 8)) for k, array in held.items()}
    device_driver.upload(places[0].address, points)
    addresses = [places[k].address if k in places else 0 for k in range(len(plan.buffers))]
    work_memory = device_driver.alloc(program.groups(4) * program.work_bytes)
    status = device_driver.alloc(4)
    device_driver.fill(status.address, 0, 4)
    program.enqueue(addresses, 4, work_memory.address, status.address)
    for number, k in enumerate(plan.outputs):
        device_driver.download(places[k].address, held[k])
        for row, expected in enumerate(meant):
            np.testing.assert_allclose(held[k][row], expected[number], rtol=1e-13)


@pytest.mark.slow
def test_a_density_with_a_quantile_is_sampled_on_a_device():
    s = pt.random.half_normal(1.0, name="s")
    y = pt.random.normal(pt.median(s * np.array([1.0, 5.0, 2.0])), 1.0)
    posterior = pt.condition({y: 2.0}, target="cuda")
    point = np.array([0.3])
    np.testing.assert_allclose(posterior.logp(point), pt.condition({y: 2.0}).logp(point))
    found = pt.sample(posterior, draws=4, tune=4, chains=2, progress=False, seed=3)
    assert found["posterior"]["s"].shape == (2, 4)
