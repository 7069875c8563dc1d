"""Matrix products: the bindings of cuBLAS over a library of the same functions on the host."""

import ctypes

import numpy as np
import pytest

from probtensor import device
from probtensor.device import DeviceError
from probtensor.device.libraries import blas
from probtensor.device.libraries import loading as libraries
from tests.device import fake_driver
from tests.device.host import HERE, HostDriver

COMMAND = ("gcc", "-std=gnu11", "-O1", "-fPIC", "-shared", "-Wall", "-Werror")
SHAPES = [(1, 1, 1, 1), (1, 3, 4, 5), (4, 3, 2, 5), (3, 1, 4, 2), (2, 4, 1, 3), (1, 5, 6, 0),
          (2, 3, 3, 0), (0, 3, 2, 2), (2, 0, 3, 2)]  # fmt: skip


class Last(ctypes.Structure):
    """What the last product was called with."""

    _fields_ = [("stream", ctypes.c_void_p), ("math", ctypes.c_int64),
                ("workspace", ctypes.c_int64), ("handles", ctypes.c_int64)]  # fmt: skip


@pytest.fixture(scope="module")
def library():
    """The stand-in, and what it was last called with."""
    source = HERE / "fake_libcublas.c"
    return ctypes.CDLL(str(fake_driver.build(source, COMMAND, "libcublas.so.13")))


@pytest.fixture
def last(library):
    return Last.in_dll(library, "fake_cublas_last")


class HostWithCublas(HostDriver):
    """The host's device, which cuBLAS is asked to make current."""

    def enter(self):
        self.counts["entered"] += 1


@pytest.fixture
def driver():
    one = HostWithCublas()
    before = device.use(one)
    yield one
    device.use(before)


@pytest.fixture(params=["cuBLAS", "NumPy"])
def either(request, driver, library):
    """Our bindings, and what the other tests have in their place."""
    return blas.Blas(driver, library) if request.param == "cuBLAS" else driver.blas


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("b_transposed", [False, True])
@pytest.mark.parametrize("a_transposed", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_of_rows(either, shape, a_transposed, b_transposed, dtype):
    batch, m, n, k = shape
    random = np.random.default_rng(1)
    a, b = random.random((batch, m, k)), random.random((batch, k, n))
    x = device.device_array((a.swapaxes(1, 2) if a_transposed else a).astype(dtype))
    y = device.device_array((b.swapaxes(1, 2) if b_transposed else b).astype(dtype))
    out = device.empty((batch, m, n), dtype)
    addresses = x.address, y.address, out.address
    either.gemm(dtype, batch, m, n, k, *addresses, a_transposed, b_transposed)
    assert np.allclose(out.get(), a @ b, rtol=1e-6 if dtype == "float32" else 1e-14)


def product(one, driver, stream=None, **options):
    x, y, out = (device.device_array(np.ones((2, 2), np.float32)) for _ in range(3))
    one.gemm(np.float32, 1, 2, 2, 2, x.address, y.address, out.address, False, False, stream,
             **options)  # fmt: skip
    return out


def test_tf32_only_where_it_is_asked_for(driver, library, last):
    one = blas.Blas(driver, library)
    modes = []
    for options in ({}, {"tf32": True}, {"tf32": True}, {}):
        product(one, driver, **options)
        modes.append(last.math)
    assert modes == [0, 3, 3, 0]


def test_each_stream_has_a_handle_and_a_workspace(driver, library, last):
    one = blas.Blas(driver, library)
    before = last.handles
    stream = driver.stream()
    for _ in range(3):
        product(one, driver)
        assert last.stream is None and last.workspace == blas.WORKSPACE_BYTES
        product(one, driver, stream)
        assert last.stream == stream.handle and last.workspace == blas.WORKSPACE_BYTES
    assert last.handles == before + 2
    assert driver.counts["entered"] and driver.counts["launches"] == 6
    one.prepare(driver.stream())
    assert last.handles == before + 3


def test_what_it_refuses(driver, library):
    one = blas.Blas(driver, library)
    with pytest.raises(DeviceError, match="no matrix product of int64"):
        one.gemm(np.int64, 1, 1, 1, 1, 0, 0, 0, False, False)
    with pytest.raises(DeviceError, match="no matrix product of int64"):
        driver.blas.gemm(np.int64, 1, 1, 1, 1, 0, 0, 0, False, False)


def test_return_codes_are_read(library):
    functions = libraries.bind(library, blas.FUNCTIONS, blas.status_text)
    with pytest.raises(DeviceError, match=r"cublasSetWorkspace_v2: an invalid value \(status 7\)"):
        handle = ctypes.c_void_p()
        functions.cublasCreate_v2(ctypes.byref(handle))
        functions.cublasSetWorkspace_v2(handle, 1, 10)


def test_the_library_is_found_and_what_it_needs_first(driver, library, tmp_path, monkeypatch):
    (tmp_path / "libcublas.so.13").symlink_to(library._name)
    (tmp_path / "libcublasLt.so.13").symlink_to(library._name)
    monkeypatch.setattr(libraries, "wheel_folders", lambda: [tmp_path])
    monkeypatch.setattr(libraries, "toolkit_folders", list)
    loaded = []
    plain = ctypes.CDLL

    def load(path, *rest):
        loaded.append(path)
        return plain(path, *rest)

    monkeypatch.setattr(libraries.ctypes, "CDLL", load)
    assert isinstance(blas.load_blas(driver), blas.Blas)
    assert [path.rsplit("/")[-1] for path in loaded] == ["libcublasLt.so.13", "libcublas.so.13"]


def test_no_library_is_no_failure(driver, monkeypatch):
    monkeypatch.setattr(libraries, "wheel_folders", list)
    monkeypatch.setattr(libraries, "toolkit_folders", list)
    monkeypatch.setattr(blas, "VERSIONS", (1,))
    assert blas.load_blas(driver) is None
