"""Routines by cuSOLVER, cuBLAS and cuFFT: on a device by these, elsewhere by stand-ins which check
what they are given."""

import ctypes

import numpy as np
import pytest

import probtensor as pt
from probtensor import device
from probtensor.device import DeviceError
from probtensor.device.libraries import blas, dense, fourier
from probtensor.device.libraries import loading as libraries
from probtensor.lower import lower
from probtensor.ops.kinds import REGISTRY, Core
from probtensor.targets.cuda import recipes
from probtensor.targets.cuda.launches import CudaTarget
from probtensor.testing import conform
from tests.device.fake_libraries import prototypes
from tests.device.host import HostDriver
from tests.plans import run

BY_LIBRARY = {
    name: cls for name, cls in REGISTRY.items()
    if issubclass(cls, Core) and cls.routine in recipes.RECIPES
}  # fmt: skip
OF_ANY_BASIS = {"eigh", "svd", "full_svd"}  # vectors have signs, or are any basis of a subspace
rng = np.random.default_rng(8)


@pytest.fixture
def host():
    """The host's device, in the place of another one; nothing that it was asked may be wrong."""
    driver = HostDriver()
    before = device.use(driver)
    yield driver
    device.use(before)
    assert not driver.libraries.wrong


@pytest.fixture(params=["one by one", "many"])
def of_all_sizes(request, monkeypatch):
    """Libraries are used for small matrices too, and for many items at once."""
    for name in ("LEAST_KERNEL", "LEAST_FACTOR", "LEAST_SPECTRUM"):
        monkeypatch.setattr(recipes, name, 1)
    if request.param == "many":
        monkeypatch.setattr(recipes, "MAX_LOOPED", 0)
    return request.param


def test_every_recipe_gives_what_numpy_gives(host, of_all_sizes):
    """The samples of the ops, with items that are not finite, or singular, or not definite."""
    cases = [
        case for name, cls in sorted(BY_LIBRARY.items()) if name not in OF_ANY_BASIS
        for case in conform.cases_of(cls)
    ]  # fmt: skip
    plan = lower([x for c in cases for x in c.inputs], [case.output for case in cases])
    results = run(CudaTarget(), plan, [a for case in cases for a in case.arrays])
    for case, result in zip(cases, results, strict=True):
        conform.check_target(case, lambda *_, result=result: [result])
    batched = {row.function for row in dense.ROUTINES.values() if row.function.endswith("Batched")}
    batched |= {"cublasDtrsmBatched_64", "cublasDgetrfBatched", "cublasDgetriBatched"}
    transforms = {name for _, name, _ in fourier.KINDS.values()}
    called = set(host.libraries.calls)
    if of_all_sizes == "many":
        assert batched | transforms <= called
    else:
        others = {row.function for row in dense.ROUTINES.values()} - batched
        assert others | transforms <= called


def transposed(x):
    return np.swapaxes(x, -1, -2)


def check_factors(a, values, vectors, u, s, vh):
    """Of symmetric items `a @ a.mT`, and of a: what is unique, and what the rest has to obey."""
    symmetric, m, k = a @ transposed(a), a.shape[-2], s.shape[-1]
    np.testing.assert_allclose(values, np.linalg.eigvalsh(symmetric), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(symmetric @ vectors, vectors * values[..., None, :], atol=1e-9)
    np.testing.assert_allclose(s, np.linalg.svd(a, compute_uv=False), rtol=1e-10)
    np.testing.assert_allclose((u[..., :k] * s[..., None, :]) @ vh[..., :k, :], a, atol=1e-10)
    for basis in (vectors, u, transposed(vh)):
        unit = np.broadcast_to(np.eye(basis.shape[-1]), (*a.shape[:-2], *[basis.shape[-1]] * 2))
        np.testing.assert_allclose(transposed(basis) @ basis, unit, atol=1e-12)
    assert u.shape[-2:] in ((m, m), (m, k))


@pytest.mark.parametrize("full", [False, True])
def test_vectors(device_driver, of_all_sizes, full):
    x = pt.tensor("x", (None, None, None))
    outputs = [*pt.linalg.eigh(x @ x.mT), *pt.linalg.svd(x, full_matrices=full)]
    there = pt.function([x], outputs, target="cuda")
    for shape in ((2, 5, 3), (3, 3, 5), (1, 4, 4), (2, 1, 6)):
        a = rng.normal(size=shape)
        check_factors(a, *there(a))
    a = rng.normal(size=(3, 4, 3))
    a[1, 2, 0] = np.inf
    found = there(a)
    assert all(np.isnan(y[1]).all() for y in found)
    check_factors(a[::2], *(y[::2] for y in found))


def test_solutions_of_singular_matrices_are_wholly_nan(host, of_all_sizes):
    """As on every other target: a library divides by the pivot, and stops at none."""
    a, b = pt.tensor("a", (None, None, None)), pt.tensor("b", (None, None, None))
    outputs = [pt.linalg.solve(a, b), pt.linalg.solve(a, b, transposed=True), pt.linalg.inv(a)]
    there = pt.function([a, b], outputs, target="cuda")
    for n, k in ((3, 2), (5, 1)):
        x, y = rng.normal(size=(4, n, n)), rng.normal(size=(4, n, k))
        x[1] = np.diag(np.arange(n))  # the first unknowns alone have no solution
        x[2, :, -1] = 0.0
        for found in there(x, y):
            assert np.isnan(found[1:3]).all() and np.isfinite(found[::3]).all()
        np.testing.assert_allclose(x[::3] @ there(x, y)[0][::3], y[::3], atol=1e-12)


def test_few_small_items_are_not_for_libraries(host):
    assert {"pt_lu", "pt_eigh", "pt_cholesky"} <= recipes.RECIPES.keys()
    fits = {name: recipe.fits for name, recipe in recipes.RECIPES.items()}
    assert not fits["pt_lu"](1, 4) and fits["pt_lu"](1, 100) and fits["pt_lu"](1000, 4)
    assert not fits["pt_eigh"](4, 30) and fits["pt_eigh"](4, 200) and fits["pt_eigh"](100, 30)
    assert not fits["pt_eigh"](100, 60) and not fits["pt_cholesky"](1000, 300)
    assert not fits["pt_svd"](1, 500, 3) and not fits["pt_solve_lower"](1, 20, 5000)


@pytest.fixture(scope="module")
def process():
    """A Gaussian process's log density with its gradient, and other large routines."""
    x, s, y = pt.matrix("x"), pt.scalar("s"), pt.vector("y")
    covariance = x @ x.mT + s * pt.eye(x.shape[0])
    low = pt.linalg.cholesky(covariance)
    z = pt.linalg.solve_triangular(low, y, lower=True)
    density = -0.5 * pt.sum(z**2) - pt.sum(pt.log(pt.linalg.diagonal(low)))
    beta = pt.linalg.solve(covariance, x)
    spectrum = pt.fft.irfft(pt.fft.rfft(y) * s)
    return [x, s, y], [density, *pt.grad(density, [s, x]), beta, spectrum, pt.linalg.qr(x).R]


def test_a_function_with_large_matrices_stays_on_the_device(host, process, monkeypatch):
    inputs, outputs = process
    monkeypatch.setattr(recipes, "LEAST_KERNEL", 65)
    arrays = rng.normal(size=(70, 66)) / 9, 4.0, rng.normal(size=70)
    there, here = (pt.function(inputs, outputs, target=t) for t in ("cuda", "cython"))
    for _ in range(3):
        host.counts.clear()
        for a, b in zip(there(*arrays), here(*arrays), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
        large = sum(np.asarray(a).nbytes > 1 << 15 for a in arrays)
        assert host.counts["uploads"] == large + 1  # and all small ones at once
    called = host.libraries.calls
    for name in ("potrf", "getrf", "geqrf"):
        assert called[f"cusolverDnD{name}"] == 3 * called[f"cusolverDnD{name}_bufferSize"] > 0
    for name in ("cublasDtrsm_v2_64", "cublasDtrsv_v2_64", "cufftExecD2Z", "cufftExecZ2D"):
        assert called[name] % 3 == 0 and called[name]
    assert called["cufftMakePlanMany64"] == 2


@pytest.mark.parametrize("missing", ["dense", "fourier"])
def test_without_a_library_the_host_computes(host, process, monkeypatch, missing):
    inputs, outputs = process
    monkeypatch.setattr(host, missing, None)
    arrays = rng.normal(size=(70, 66)), 4.0, rng.normal(size=70)
    there, here = (pt.function(inputs, outputs, target=t) for t in ("cuda", "cython"))
    for a, b in zip(there(*arrays), here(*arrays), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    called = host.libraries.calls
    assert any(name.startswith("cufft") for name in called) == (missing == "dense")
    assert ("cusolverDnDgetrf" in called) == (missing == "fourier")


def test_what_a_library_refuses_is_left_to_the_host(host, monkeypatch):
    x = pt.vector("x")
    there = pt.function([x], pt.fft.rfft(x), target="cuda")

    def refuse(*arguments):
        raise DeviceError("an invalid size")

    monkeypatch.setattr(fourier.Fourier, "plan", refuse)
    np.testing.assert_allclose(there(np.arange(7.0)), np.fft.rfft(np.arange(7.0)), atol=1e-13)


def test_calls_are_on_the_stream_of_the_function_and_in_loops(host):
    xs, y = pt.tensor("xs", (None, None, None)), pt.vector("y")
    final = pt.scan(lambda x, y: pt.linalg.solve(x, y), xs, y)[0][-1]
    there = pt.function([xs, y], [final, pt.fft.fft(y)], target="cuda")
    a, b = rng.normal(size=(3, 80, 80)), rng.normal(size=80)
    meant = b
    for matrix in a:
        meant = np.linalg.solve(matrix, meant)
    stands = host.libraries
    with pt.stream() as queue:
        np.testing.assert_allclose(there(a, b)[0], meant, rtol=1e-6)
        handle = queue.handle
    assert stands.cusolver.streams == [handle] * 3  # one factor in each step
    assert set(stands.cublas.streams) == set(stands.cufft.streams) == {handle}
    np.testing.assert_allclose(there(a, b)[0], meant, rtol=1e-6)
    assert stands.cusolver.streams[3:] == [None] * 3


# The bindings.


def test_arguments_are_those_of_nvidias_headers():
    tables = {
        "cublas": blas.FUNCTIONS | dense.functions_of(blas=True),
        "cusolver": dense.MANAGEMENT | dense.functions_of(blas=False),
        "cufft": fourier.FUNCTIONS,
    }
    for library, table in tables.items():
        written = prototypes(library)
        for name, types in table.items():
            plain = [ctypes.c_void_p if hasattr(t, "contents") else t for t in types]
            assert plain == written[name][1], name
        assert table.keys() == written.keys()


def test_wrong_calls_are_errors_with_the_status(host):
    memory = host.alloc(8 * 64)
    size = host.dense.room("potrf", (dense.UPPER, 4, 0, 4))
    given = dense.UPPER, 4, memory.address, 4
    info, room = memory.address + 8 * 16, memory.address + 8 * 17
    with pytest.raises(DeviceError, match=r"cusolverDnDpotrf: an invalid value \(status 3\)"):
        host.dense.call("potrf", given, info, room, size - 1)
    with pytest.raises(DeviceError, match="cusolverDnDpotrf_bufferSize"):
        host.dense.room("potrf", (dense.UPPER, 4, 0, 3))
    with pytest.raises(DeviceError, match=r"cufftMakePlanMany64: an invalid type"):
        host.fourier.plan("complex", [0], 1)
    refused = host.libraries.wrong
    assert len(refused) == 3 and "a workspace of 16, not of 17" in "\n".join(refused)
    host.libraries.cusolver.wrong.clear()
    host.libraries.cufft.wrong.clear()
    host.fill(memory.address, 0, 8 * 16)
    host.dense.call("potrf", given, info, room, size)
    found = np.empty(1, np.int32)
    host.download(info, found)
    assert found[0] == 1  # the first row at which there is no factor


def test_handles_and_plans_end_with_their_streams_and_sizes(host):
    stands, stream = host.libraries, host.stream()
    plan = host.fourier.plan("to_half", [6], 2)
    memory = host.alloc(plan.nbytes + 8 * 28)
    x, out = memory.address + plan.nbytes, memory.address + plan.nbytes + 8 * 12
    plan.run(x, out, memory.address, stream=stream)
    assert stands.cufft.streams == [stream.handle]
    values = dense.VALUES, dense.UPPER, 2, x, 2, out
    for queue in (stream, None, stream):
        size = host.dense.room("syevj_batched", (*values[:3], 0, 2, 0))
        host.dense.call("syevj_batched", values, out + 64, memory.address, size, 1, queue)
    made = stands.cusolver.calls
    assert made["cusolverDnCreate"] == 2 and made["cusolverDnCreateSyevjInfo"] == 1
    del plan
    assert stands.cufft.calls["cufftDestroy"] == 1
    handle = host.dense.remove_handle(stream.handle)
    assert handle is not None and host.dense.remove_handle(stream.handle) is None
    del handle
    assert made["cusolverDnDestroy"] == 1


def test_libraries_are_found_with_those_they_need(host, tmp_path, monkeypatch):
    names = ("cusolver.so.12", "cusparse.so.12", "cublas.so.13", "nvJitLink.so.13", "cufft.so.11")
    for name in names:
        (tmp_path / f"lib{name}").touch()
    monkeypatch.setattr(libraries, "wheel_folders", lambda: [tmp_path])
    monkeypatch.setattr(libraries, "toolkit_folders", list)
    loaded = []
    stands = host.libraries

    def load(path, *mode):
        loaded.append(path.rsplit("/")[-1])
        return stands.cufft if "cufft" in path else stands.cusolver

    monkeypatch.setattr(libraries.ctypes, "CDLL", load)
    ours = blas.Blas(host, stands.cublas)
    assert isinstance(dense.load_dense(host, ours), dense.Dense)
    assert loaded[-1] == "libcusolver.so.12" and set(loaded) == {f"lib{n}" for n in names[:4]}
    assert isinstance(fourier.load_fourier(host), fourier.Fourier)
    assert loaded[-1] == "libcufft.so.11"
    assert dense.load_dense(host, None) is None
    assert dense.load_dense(host, ours, newest=11) is fourier.load_fourier(host, 11) is None
    monkeypatch.setattr(stands.cusolver, "cusolverDnDgesvd", None)
    del stands.cusolver.cusolverDnDgesvd  # a library that is too old
    assert dense.load_dense(host, ours) is None
