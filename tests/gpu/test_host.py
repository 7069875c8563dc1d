"""The host in the place of a device: kernels run as on one, and mistakes are found."""

import ast
import gc
import inspect
import os
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from probtensor import device
from probtensor.device import (
    DeviceError,
    compiler,
    graphs,
    memory,
    nvidia,
    protocol,
)
from probtensor.device.libraries import blas, dense, fourier
from probtensor.device.libraries import loading as libraries
from tests.device import host as host_module
from tests.device.host import HERE, ROOT, HostDriver, kernel_names, sanitizer_environment

SOURCE = (HERE / "host_kernels.cu").read_text(encoding="utf-8")
ORDERS = ["", "reverse", "1", "2"]
# Another way to switch between threads, which is slow and works on any machine.
PORTABLE = "#define CUDA_ON_HOST_UCONTEXT\n"


@pytest.fixture(params=ORDERS)
def order(request, monkeypatch):
    """The order in which the threads of a block run."""
    monkeypatch.setenv("CUDA_ON_HOST_ORDER", request.param)


@pytest.fixture
def host():
    driver = HostDriver()
    before = device.use(driver)
    yield driver
    device.use(before)


@pytest.fixture
def module(host):
    return host.module(host.compile(SOURCE))


def launch(host, module, name, grid, block, kinds, *values, shared=0):
    """Arrays are passed by their addresses; `kinds` are the letters of struct."""
    plain = [getattr(value, "address", value) for value in values]
    host.launch(module.function(name), grid, block, shared, struct.pack(kinds, *plain))


def put(*values):
    return [device.device_array(np.asarray(value)) for value in values]


@pytest.mark.parametrize("name, block", [("tree_sum", 256), ("warp_sums", 256),
                                         ("warp_sums", 1024), ("warp_sums", 96)])  # fmt: skip
def test_sums(host, module, order, name, block):
    x = np.random.default_rng(0).random(10_007)
    there, out = put(x, 0.0)
    launch(host, module, name, 5, block, "QQq", there, out, x.size)
    assert np.isclose(out.get(), x.sum(), rtol=1e-13)


def test_shared_memory_of_a_size_given_at_launch(host, module, order):
    x, out = put(np.arange(512.0), 0.0)
    launch(host, module, "tree_sum_dynamic", 1, 512, "QQ", x, out, shared=512 * 8)
    assert out.get() == sum(range(512))


def test_functions_of_a_warp(host, module, order):
    x = np.random.default_rng(1).integers(0, 7, 32, dtype=np.int32)
    there, prefix, half = put(x, np.zeros(32, np.int32), np.zeros(2, np.int32))
    (words,) = put(np.zeros(7, np.uint32))
    launch(host, module, "warp_misc", 1, 32, "QQQQ", there, prefix, half, words)
    assert np.array_equal(prefix.get(), x.cumsum())
    assert half.get().tolist() == [x[:16].sum(), x[16:].sum()]
    odd = [i for i in range(32) if x[i] & 1]
    vote = sum(1 << i for i in odd)
    reverse = int(f"{vote:032b}"[::-1], 2)
    assert words.get().tolist() == [
        vote,
        sum(1 << i for i in range(32) if x[i] == x[0]),
        len(odd) * 4 + 2,
        len(odd) * 100 + odd[0] + 1,
        reverse >> (reverse.bit_length() - 1),
        x.max(),
        x.sum(),
    ]


def test_atomics(host, module, order):
    random = np.random.default_rng(2)
    g, index = random.normal(size=5000), random.integers(0, 17, 5000, dtype=np.int32)
    there, places, out = put(g, index, np.zeros(17))
    launch(host, module, "scatter", 20, 256, "QQQi", there, places, out, g.size)
    assert np.allclose(out.get(), np.bincount(index, g, 17), rtol=1e-12)
    (one,) = put(0.0)
    launch(host, module, "cas_add", 4, 100, "Q", one)
    assert one.get() == 400
    i, u, f = put(np.zeros(3, np.int32), np.array([~np.uint64(0), 0, 0], np.uint64), np.float32(0))
    launch(host, module, "other_atomics", 1, 33, "QQQ", i, u, f)
    low = (1 << 33) - 1
    assert i.get().tolist() == [32, -32, -33]
    assert u.get().tolist() == [low ^ (2**64 - 1), low, 3] and f.get() == 16.5


def test_atomics_that_cuda_lacks_are_refused():
    for body in ("atomicAdd((long *) x, 1l);", "atomicMax(x, 1.0);", "__shfl_sync(~0u, x, 0);"):
        with pytest.raises(DeviceError, match="static assertion failed"):
            HostDriver().compile(f'extern "C" __global__ void f(double *x) {{ {body} }}')


def test_vectors_and_structs(host, module):
    x = np.arange(12, dtype=np.float32)
    there, out, whole = put(x, np.zeros((3, 2)), np.zeros((3, 2), np.int64))
    launch(host, module, "vectors", 1, 3, "QQQ", there, out, whole)
    assert np.array_equal(out.get(), x.reshape(3, 2, 2).sum(axis=2))
    assert np.array_equal(whole.get()[:, 1], [0, 1, 2])
    places, out = put(np.arange(5.0), np.zeros(3))
    packed = struct.pack("@b7x QQqb7x f4xQ", 3, 0, places.address, 4, 2, 0.5, out.address)
    host.launch(module.function("by_value"), 1, 1, 0, packed)
    assert out.get().tolist() == [3.0, 6.0, 0.5]


def test_early_return(host, module, order):
    (out,) = put(np.zeros(64))
    launch(host, module, "early_return", 1, 64, "Qi", out, 10)
    assert out.get().tolist() == [39.0] * 10 + [0.0] * 54


@pytest.mark.parametrize("name, block, words", [
    ("divergent_barrier", 64, "threads of the block are at line"),
    ("mixed_wait", 32, "deadlock"),
    ("wrong_mask", 32, "lacks the calling lane"),
    ("traps", 32, r"thread \(3,0,0\): __trap\(\)"),
])  # fmt: skip
def test_mistakes_are_reported(host, module, name, block, words):
    (out,) = put(np.zeros(64))
    with pytest.raises(DeviceError, match=f"{name}.*{words}"):
        launch(host, module, name, 1, block, "Q", out)
    test_early_return(host, module, None)  # and the module is usable after that


def test_a_missing_barrier_shows(host, module, order):
    x, out = put(np.arange(64.0), np.zeros(64))
    launch(host, module, "missing_barrier", 1, 64, "QQ", x, out)
    assert not np.array_equal(out.get(), np.roll(np.arange(64.0), -1))


def test_launches_that_no_device_takes(host, module):
    for grid, block, shared in [(0, 32, 0), (1, 0, 0), (1, 1025, 0), (1, 32, 300 << 10)]:
        with pytest.raises(DeviceError, match=r"a grid of|invalid launch"):
            host.launch(module.function("traps"), grid, block, shared, bytes(8))
    with pytest.raises(DeviceError, match="no kernel nothing"):
        module.function("nothing")
    with pytest.raises(DeviceError, match="not an image"):
        host.module(b"\x7fELF")


def test_threads_switched_by_the_system(host, order):
    module = host.module(host.compile(PORTABLE + SOURCE))
    test_sums(host, module, None, "warp_sums", 96)
    test_early_return(host, module, None)


# Each part of a device, with the class that PyCUDA's driver has for it and that of the host.
PARTS = {
    protocol.Driver: (nvidia.CudaDriver, HostDriver),
    protocol.Memory: (memory.Allocation, host_module.Allocation),
    protocol.LaunchQueue: (nvidia.RawStream, host_module.RawStream),
    protocol.DeviceEvent: (nvidia.Event, host_module.Event),
    protocol.Kernel: (nvidia.KernelFunction, host_module.KernelFunction),
    protocol.Image: (nvidia.LoadedModule, host_module.LoadedModule),
    protocol.Graph: (graphs.Graph, host_module.Graph),
    protocol.MatrixProducts: (blas.Blas, host_module.HostBlas),
    protocol.DenseRoutines: (dense.Dense,),
    protocol.FourierTransforms: (fourier.Fourier,),
    protocol.TransformPlan: (fourier.Transform,),
}


def members(part):
    """The names of a protocol's members, and those of them that are called."""
    names = {name for name in (*vars(part), *part.__annotations__) if not name.startswith("_")}
    return names, {name for name in names if inspect.isfunction(getattr(part, name, None))}


def attributes(kind):
    """The names that the objects of a class have, as far as its text tells."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name) and node.value.id == "self"
    } | set(dir(kind)) | set(getattr(kind, "__annotations__", {}))  # fmt: skip


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_drivers_are_what_the_protocol_says(part):
    names, called = members(part)
    assert names
    for kind in PARTS[part]:
        assert not names - attributes(kind), kind
        for name in called:
            wanted = list(inspect.signature(getattr(part, name)).parameters.values())
            found = list(inspect.signature(getattr(kind, name)).parameters.values())
            pairs = [[(p.name, p.kind, p.default) for p in given] for given in (wanted, found)]
            assert pairs[0] == pairs[1], (kind, name)


def test_every_part_of_a_device_is_tested():
    parts = {kind for kind in vars(protocol).values() if isinstance(kind, type)
             and kind.__module__ == protocol.__name__}  # fmt: skip
    assert parts == set(PARTS)


def test_objects_of_the_host_are_what_the_protocol_says(host, module):
    with host.capture(host.stream()) as graph:
        pass
    kernel = module.function("traps")
    made = [host, host.alloc(8), host.stream(), host.event(), kernel, module, graph, host.blas,
            host.dense, host.fourier, host.fourier.plan("complex", [4], 1)]  # fmt: skip
    for thing, part in zip(made, PARTS, strict=True):
        assert isinstance(thing, part), part


def test_events_and_release(host):
    start, end = host.event(), host.event()
    start.record()
    end.record(host.stream())
    end.synchronize()
    assert 0 <= end.seconds_since(start) < 60
    device.empty(10)
    host.release()
    host.counts.clear()
    device.empty(10)
    assert host.counts["allocations"] == 1


def test_kernels_are_found_after_the_preprocessor():
    text = """
    extern "C" __global__ void a(int x) {}
    extern "C" __global__ void __launch_bounds__(f(256), 2) b(
        int x) {}
    extern "C" __global__ __launch_bounds__(32) void c() {}
    __global__ void not_exported() {}
    extern "C" void not_a_kernel() {}
    """
    assert kernel_names(text) == ["a", "b", "c"]


def test_images_are_found_again(tmp_path):
    first, second = HostDriver(tmp_path), HostDriver(tmp_path)
    source = 'extern "C" __global__ void f(double *x) { *x = 1; }'
    image = first.compile(source)
    (path,) = tmp_path.glob("*.so")
    written = path.stat().st_ino
    assert second.compile(source) == image and path.stat().st_ino == written


def test_what_is_counted(host, module):
    host.counts.clear()
    x = device.device_array(np.ones(100))
    del x
    x = device.device_array(np.ones(90))  # the pool of a device has room for it
    x.get()
    assert host.counts == {"uploads": 2, "downloads": 1, "allocations": 1}


def test_memory_is_checked(host):
    x = device.empty(4)
    assert np.isnan(x.get()).all() and x.address % 256 == 0
    for call in (
        lambda: host.upload(x.address, np.ones(5)),
        lambda: host.download(x.address + 8, np.ones(4)),
        lambda: host.copy(x.address, x.address + 8, 32),
        lambda: host.fill(x.address - 8, 0, 8),
    ):
        with pytest.raises(DeviceError, match="leaves its allocation"):
            call()
    with pytest.raises(TypeError, match="C-contiguous"):
        host.upload(x.address, np.ones((4, 4))[:, 0])
    with pytest.raises(DeviceError, match=r"out of device memory: .* were asked for"):
        host.alloc(1 << 40)
    place = x.address
    x = None
    gc.collect()
    with pytest.raises(DeviceError, match="leaves its allocation"):
        host.fill(place, 0, 8)


def test_capture(host, module):
    stream, out = host.stream(), put(np.zeros(64))[0]
    packed = struct.pack("Qi", out.address, 10)
    with host.capture(stream) as graph:
        host.launch(module.function("early_return"), 1, 64, 0, packed, stream)
        host.fill(out.address + 8, 0, 8, stream)
        for forbidden in (
            lambda: host.upload(out.address, np.ones(1), stream),
            lambda: host.synchronize(stream),
            lambda: graph.launch(stream),
        ):
            with pytest.raises(DeviceError, match="captured"):
                forbidden()
    assert not out.get().any()
    graph.launch(stream)
    assert out.get()[:3].tolist() == [39.0, 0.0, 39.0] and host.counts["graphs"] == 1


SANITIZED = """
import struct
import sys
import textwrap
from pathlib import Path
import numpy as np
from probtensor import device
from tests.device.host import HERE, HostDriver
host = HostDriver(sanitize=True)
device.use(host)
module = host.module(host.compile((HERE / "host_kernels.cu").read_text()))
out = device.device_array(np.zeros(8, sys.argv[2]))
x = device.device_array(np.zeros(8, sys.argv[2]))
packed = struct.pack("Qi", out.address, int(sys.argv[3]))
if sys.argv[1] == "misaligned":
    packed = struct.pack("QQ", x.address, out.address)
host.launch(module.function(sys.argv[1]), 1, 32, 0, packed)
print("finished")
"""


@pytest.mark.parametrize("kernel, dtype, n, words", [
    ("out_of_bounds", "float64", "7", ""),
    ("out_of_bounds", "float64", "8", "heap-buffer-overflow"),
    ("misaligned", "float32", "0", "misaligned address"),
])  # fmt: skip
def test_the_sanitizers_see_what_kernels_do(kernel, dtype, n, words):
    extra = sanitizer_environment()
    if not extra:
        pytest.skip("the sanitizers' libraries are not installed")
    done = subprocess.run([sys.executable, "-c", SANITIZED, kernel, dtype, n], cwd=ROOT,
                          env={**os.environ, **extra}, capture_output=True, text=True,
                          timeout=100, check=False)  # fmt: skip
    if words:
        assert done.returncode and words in done.stderr and "kernel.cu:" in done.stderr
    else:
        assert done.stdout == "finished\n", done.stderr


def test_the_kernels_are_cuda():
    path = libraries.find_library("nvrtc")
    if path is None:
        pytest.skip("NVRTC is not installed")
    assert compiler.Nvrtc(path).compile(SOURCE, "sm_90", compiler.include_folders())


def test_a_library_sits_on_few_stacks(host):
    """Each stack is two mappings, and a process may have only so many of those."""
    module = host.module(host.compile(SOURCE + "// few stacks"))
    before = len(Path("/proc/self/maps").read_text().splitlines())
    test_sums(host, module, None, "warp_sums", 1024)
    after = len(Path("/proc/self/maps").read_text().splitlines())
    assert after - before < 60
