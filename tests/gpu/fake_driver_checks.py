"""Checks of the runtime with the real PyCUDA on the stand-in driver; test_driver.py runs them."""

import gc
import struct
import threading
import warnings

import numpy as np
import pytest

import probtensor as pt
from probtensor import device
from probtensor.device import DeviceError, memory
from probtensor.device.libraries import loading as libraries
from tests.device import fake_driver

KERNELS = """\
#include "pt_group.cuh"
extern "C" __global__ void axpy(double a, const double *x, double *y, int n)
{
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        y[i] += a * x[i];
}
extern "C" __global__ void total(const double *x, double *out, int n)
{
    pt_block all;
    double sum = 0;
    for (int i = all.lane(); i < n; i += all.size())
        sum += x[i];
    sum = all.add(sum);
    if (all.lane() == 0)
        *out = sum;
}
extern "C" __global__ void needs_much(double *out)
{
    CUDA_DYNAMIC_SHARED(double, room);
    room[8191] = 1;
    *out = room[8191];
}
extern "C" __global__ void traps() { __trap(); }
"""


@pytest.fixture(scope="session")
def library():
    """The stand-in itself."""
    return fake_driver.load()


@pytest.fixture(scope="session")
def driver(library, tmp_path_factory):
    """The driver, in its place for the whole process."""
    one = fake_driver.open_driver(tmp_path_factory.mktemp("images"))
    device.use(one)
    return one


@pytest.fixture(scope="session")
def module(driver):
    return driver.module(driver.compile(KERNELS))


def axpy(driver, module, a, x, y, stream=None):
    packed = struct.pack("dQQi", a, x.address, y.address, x.size)
    driver.launch(module.function("axpy"), 2, 64, 0, packed, stream)


def test_what_it_says_of_itself(driver):
    assert (driver.name, driver.arch, driver.multiprocessors) == ("fake device", "sm_90", 132)
    assert "sm_90" in driver.identity and driver.ordinal == 0
    free, total = driver.memory()
    assert 0 < free <= total == 1 << 30


def test_images_are_compiled_once(driver):
    source = KERNELS + "// once\n"
    before = driver.compiler.calls
    assert driver.compile(source) == driver.compile(source)
    assert driver.compiler.calls == before + 1


def test_arrays_and_launches(driver, module):
    driver.counts.clear()
    x, y = device.device_array(np.arange(1000.0)), device.device_array(np.ones(1000))
    axpy(driver, module, 2.0, x, y)
    assert np.array_equal(y.get(), 1 + 2 * np.arange(1000.0))
    assert (driver.counts["uploads"], driver.counts["downloads"], driver.counts["launches"]) == (
        2, 1, 1)  # fmt: skip
    twin = y.copy()
    driver.fill(y.address, 0, y.nbytes)
    assert not y.get().any() and twin.get()[0] == 1


def test_folds_and_shared_memory(driver, module):
    x, out = device.device_array(np.arange(1000.0)), device.empty(())
    packed = struct.pack("QQi", x.address, out.address, x.size)
    driver.launch(module.function("total"), 1, 256, 0, packed)
    assert out.get() == np.arange(1000.0).sum()
    function = module.function("needs_much")
    driver.launch(function, 1, 1, 8192 * 8, struct.pack("Q", out.address))
    assert out.get() == 1 and function.shared == 8192 * 8
    assert function.block_limit == 1024 and function.registers == 32


def test_steady_work_allocates_nothing(driver, module):
    def step():
        x, y = device.empty(5000), device.empty(5000)
        driver.fill(x.address, 0, x.nbytes)
        driver.fill(y.address, 0, y.nbytes)
        axpy(driver, module, 1.0, x, y)

    step()
    driver.counts.clear()
    for _ in range(10):
        step()
    assert driver.counts == {"launches": 10}


def test_the_pool_gives_memory_back(driver):
    gc.collect()
    driver.release()
    before = driver.memory()[0]
    arrays = [device.empty(size, np.uint8) for size in (1, 513, 100_000)]
    assert all(array.address % 256 == 0 for array in arrays)
    taken = before - driver.memory()[0]
    assert taken == sum(memory.size_class(array.nbytes) for array in arrays)
    del arrays
    assert driver.memory()[0] == before - taken
    assert driver.release() == taken and driver.memory()[0] == before


def test_size_classes_waste_at_most_an_eighth():
    for nbytes in [0, 1, 512, 513, 4095, 4096, 4097, 10**6, 2**30, 2**30 + 1, 10**11 + 7]:
        size = memory.size_class(nbytes)
        assert nbytes <= size <= max(512, nbytes * 9 / 8)
        assert memory.size_class(size) == size


def test_spare_memory_makes_room(driver):
    spare = device.empty(600 << 20, np.uint8)
    del spare
    assert device.empty(700 << 20, np.uint8).nbytes == 700 << 20
    driver.release()


def test_out_of_memory_tells_the_figures(driver):
    with pytest.raises(DeviceError) as caught:
        device.empty(2 << 30, np.uint8)
    for word in ("out of device memory", str(2 << 30), str(1 << 30), "free", "in use"):
        assert word in str(caught.value)


def test_streams_and_events(driver, module):
    stream, start, end = driver.stream(), driver.event(), driver.event()
    x, y = device.device_array(np.ones(10)), device.empty(10)
    driver.upload(y.address, np.zeros(10), stream)
    start.record(stream)
    axpy(driver, module, 3.0, x, y, stream)
    end.record(stream)
    end.synchronize()
    driver.synchronize(stream)
    assert 0 <= end.seconds_since(start) < 60
    out = np.empty(10)
    driver.download(y.address, out, stream)
    assert (out == 3).all()
    driver.wait_for(stream.handle)


def test_a_graph_is_kept_and_launched_again(driver, module):
    stream = driver.stream()
    x, y = device.device_array(np.ones(10)), device.device_array(np.zeros(10))
    driver.counts.clear()
    with driver.capture(stream) as graph:
        axpy(driver, module, 1.0, x, y, stream)
        axpy(driver, module, 2.0, x, y, stream)
        with pytest.raises(DeviceError, match="still being captured"):
            graph.launch(stream)
    assert not y.get().any()
    for _ in range(4):
        graph.launch(stream)
    graph.launch()
    driver.synchronize(stream)
    assert (y.get() == 15).all()
    assert driver.counts["graphs"] == 5 and driver.counts["launches"] == 2


def test_what_a_capture_does_not_allow(driver, module):
    stream = driver.stream()
    x = device.device_array(np.ones(10))
    with driver.capture(stream) as graph:
        for forbidden in (
            lambda: driver.upload(x.address, np.ones(10), stream),
            lambda: driver.download(x.address, np.ones(10), stream),
            lambda: driver.synchronize(stream),
            lambda: driver.capture(stream).__enter__(),
        ):
            with pytest.raises(DeviceError, match="captured"):
                forbidden()
        with pytest.raises(DeviceError, match="captur"):
            driver.alloc(123 << 20)
        axpy(driver, module, 1.0, x, x, stream)
    graph.launch(stream)
    assert (x.get() == 2).all()


def test_products_in_a_graph(driver, monkeypatch):
    source = fake_driver.HERE / "fake_libcublas.c"
    path = fake_driver.build(source, ("gcc", "-O1", "-fPIC", "-shared"), "libcublas.so.13")
    monkeypatch.setattr(libraries, "find_library", lambda *options: path)
    stream, other = driver.stream(), driver.stream()
    a, out = device.device_array(np.arange(4.0).reshape(2, 2)), device.empty((2, 2))

    def multiply(stream):
        places = (a.address, a.address, out.address)
        driver.blas.gemm(np.float64, 1, 2, 2, 2, *places, False, True, stream)

    multiply(None)
    assert np.array_equal(out.get(), a.get() @ a.get().T)
    before = driver.memory()[0]
    with driver.capture(stream):
        during = driver.memory()[0]
    assert during < before  # the workspace was there before the capture began
    multiply(other)
    handles = driver.blas._handles
    assert set(handles) == {0, stream.handle, other.handle}
    gone = other.handle
    del other
    driver.stream()
    assert gone not in handles


def test_routines_and_transforms(driver, monkeypatch):
    for name in ("blas", "dense", "fourier"):
        monkeypatch.setitem(vars(driver), name, None)
    stands = fake_driver.give_libraries(driver)
    a = 4 * np.eye(300)
    x, v = pt.matrix("x"), pt.vector("v")
    outputs = [pt.linalg.cholesky(x), pt.linalg.inv(x), pt.fft.irfft(pt.fft.rfft(v))]
    f = pt.function([x, v], outputs, target="cuda")
    with pt.stream() as stream:
        found = f(a, np.arange(8.0))
    for y, meant in zip(found, (a / 2, np.eye(300) / 4, np.arange(8.0)), strict=True):
        np.testing.assert_allclose(y, meant, atol=1e-12)
    assert set(stands.cusolver.streams) == set(stands.cufft.streams) == {stream.handle}
    assert not stands.wrong
    del stream, f, y, found
    gc.collect()
    driver.stream()  # frees what is waiting for a context
    assert stands.calls["cusolverDnDestroy"] == 1 and stands.calls["cufftDestroy"] == 2


def test_a_capture_that_fails_leaves_the_stream_usable(driver, module):
    stream = driver.stream()
    x, y = device.device_array(np.ones(10)), device.device_array(np.zeros(10))
    with pytest.raises(KeyError), driver.capture(stream) as graph:
        axpy(driver, module, 1.0, x, y, stream)
        raise KeyError("user's own")
    with pytest.raises(DeviceError, match="capture failed"):
        graph.launch(stream)
    axpy(driver, module, 1.0, x, y, stream)
    driver.synchronize(stream)
    assert (y.get() == 1).all()


def test_wrong_calls(driver, module):
    with pytest.raises(DeviceError, match="symbol not found"):
        module.function("nothing")
    with pytest.raises(DeviceError, match="image is invalid"):
        driver.module(b"\x7fELF" + bytes(200))
    with pytest.raises(DeviceError, match=r"axpy, 2 blocks of 4096 threads.*invalid argument"):
        driver.launch(module.function("axpy"), 2, 4096, 0, bytes(28))
    x = device.empty(10)
    with pytest.raises(DeviceError, match="leaves its allocation"):
        driver.upload(x.address, np.ones(10_000))
    with pytest.raises(TypeError, match="C-contiguous"):
        driver.upload(x.address, np.ones((4, 4))[:, 1])


def test_a_kernel_that_fails_is_named_later(driver, module, library):
    x = device.device_array(np.ones(10))
    driver.synchronize()
    with fake_driver.mended(library):
        axpy(driver, module, 1.0, x, x)
        driver.launch(module.function("traps"), 1, 32, 0, b"")
        with pytest.raises(DeviceError) as caught:
            x.get()
        text = str(caught.value)
        for word in ("launch failure", "axpy, traps", "CUDA_LAUNCH_BLOCKING", "cannot be used"):
            assert word in text
        with pytest.raises(DeviceError, match="traps"):
            driver.launch(module.function("traps"), 1, 32, 0, b"")
        with pytest.raises(DeviceError, match="traps"):
            driver.synchronize()
    assert (x.get() == 2).all()


def test_threads_share_the_device(driver, module):
    failed = []

    def work(number):
        try:
            stream = driver.stream()
            for _ in range(20):
                x = device.device_array(np.full(100, float(number)))
                y = device.device_array(np.zeros(100))
                axpy(driver, module, 2.0, x, y, stream)
                driver.synchronize(stream)
                assert (y.get() == 2 * number).all()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_objects_may_go_in_a_thread_that_never_used_the_device(driver):
    held = [driver.stream(), driver.event(), driver.module(driver.compile(KERNELS)),
            device.empty(10)]  # fmt: skip
    thread = threading.Thread(target=held.clear)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        thread.start()
        thread.join()
        driver.stream()
    assert not held


def test_dlpack_and_the_array_interface_are_there(driver):
    x = device.device_array(np.arange(6.0).reshape(2, 3))
    assert x.__dlpack_device__() == (2, 0)
    assert device.device_array(Foreign(x)).address == x.address
    assert np.array_equal(device.transfer(Foreign(x), "cpu"), x.get())


class Foreign:
    """An array of another library, on a stream of its own."""

    def __init__(self, array):
        self.array = array
        self.stream = array.driver.stream()
        self.__cuda_array_interface__ = array.__cuda_array_interface__ | {
            "stream": self.stream.handle
        }
