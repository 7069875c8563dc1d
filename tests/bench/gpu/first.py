"""What has to hold before any figure: PyCUDA, our driver, graphs, cuBLAS beside other libraries."""

import importlib
import importlib.util
import os
import struct
import subprocess
import sys
import time

import numpy as np

from probtensor import device
from tests.bench.gpu import peers

TITLE = "First checks"
COLUMNS = (("check", "{}"), ("result", "{}"), ("microseconds", "{:.2f}"))
NOTE = (
    "Launch costs are the host's, for a kernel of one warp: calls are queued in blocks of 200 and "
    "the block's wait is left out."
)
SOURCE = """
extern "C" __global__ void axpy(double a, const double *x, double *y, int n)
{
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        y[i] += a * x[i];
}
"""
LAUNCHES = 200


def pycuda_is_whole(setting):
    """Every function that the wheel links is in this driver's library."""
    if importlib.util.find_spec("pycuda") is None:
        yield {"check": "PyCUDA", "result": "not installed"}
        return
    code = "import pycuda.driver as d; d.init(); print(d.get_version(), d.get_driver_version())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"LD_BIND_NOW": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    words = (done.stdout or done.stderr).strip().splitlines()[-1:]
    if done.returncode and not setting.dry:
        yield {"check": "PyCUDA with every symbol bound", "error": " ".join(words)[:300]}
    else:
        yield {"check": "PyCUDA with every symbol bound", "result": " ".join(words)[:100]}


def packed(driver, count):
    """(x, y, the kernel's parameters as bytes) for two vectors of ones."""
    ones = np.ones(count)
    x, y = driver.alloc(ones.nbytes), driver.alloc(ones.nbytes)
    driver.upload(x.address, ones)
    driver.upload(y.address, ones)
    return x, y, struct.pack("dPPi4x", 2.0, x.address, y.address, count)


def values(driver, allocation, count):
    """The vector there."""
    found = np.empty(count)
    driver.download(allocation.address, found)
    return found


def kernel_runs(setting):
    """A kernel is compiled, cold, loaded and launched."""
    driver = device.driver()
    begun = time.perf_counter()
    image = driver.compile(SOURCE)
    elapsed = time.perf_counter() - begun
    function = driver.module(image).function("axpy")
    _x, y, parameters = packed(driver, 10_007)
    driver.launch(function, 8, 128, 0, parameters)
    driver.synchronize()
    np.testing.assert_array_equal(values(driver, y, 10_007), 3.0)
    yield {"check": "compile and run a kernel", "result": f"{len(image)} bytes",
           "microseconds": 1e6 * elapsed}  # fmt: skip


def graph_replays(setting):
    """Launches captured on a stream run again, as often as the graph is launched."""
    driver = device.driver()
    function = driver.module(driver.compile(SOURCE)).function("axpy")
    _x, y, parameters = packed(driver, 999)
    stream = driver.stream(non_blocking=True)
    driver.synchronize()
    with driver.capture(stream) as graph:
        for _ in range(3):
            driver.launch(function, 4, 64, 0, parameters, stream)
    np.testing.assert_array_equal(values(driver, y, 999), 1.0)
    driver.synchronize()
    for _ in range(5):
        graph.launch(stream)
    driver.synchronize(stream)
    np.testing.assert_array_equal(values(driver, y, 999), 1 + 2.0 * 3 * 5)
    yield {"check": "capture three launches, replay five times", "result": "equal"}


def host_cost(driver, queue, launches=LAUNCHES):
    """Microseconds of the host for one call of `queue`: the median of seven blocks."""
    found = []
    for _ in range(7):
        driver.synchronize()
        begun = time.perf_counter()
        for _ in range(launches):
            queue()
        found.append((time.perf_counter() - begun) / launches)
        driver.synchronize()
    return 1e6 * sorted(found)[3]


def launch_costs(setting):
    """Our launch, a graph of one and of ten; and PyCUDA's three ways where PyCUDA drives."""
    driver = device.driver()
    image = driver.compile(SOURCE)
    function = driver.module(image).function("axpy")
    x, y, parameters = packed(driver, 32)
    stream = driver.stream(non_blocking=True)
    launches = setting.size(LAUNCHES, 2)

    def one():
        driver.launch(function, 1, 32, 0, parameters, stream)

    ways = {"our launch": one}
    for length in (1, 10):
        driver.synchronize()
        with driver.capture(stream) as graph:
            for _ in range(length):
                one()
        ways[f"a graph of {length}"] = lambda graph=graph: graph.launch(stream)
    yield from costs(driver, ways, launches)
    if "pycuda.driver" in sys.modules:
        # PyCUDA makes and frees its objects in a context that is on its own stack.
        with driver.pushed_context():
            found = list(costs(driver, ways_of_pycuda(image, x, y), launches))
        yield from found


def costs(driver, ways, launches):
    """A record for each way of queueing a kernel."""
    for words, queue in ways.items():
        queue()
        cost = host_cost(driver, queue, launches)
        yield {"check": f"launch: {words}", "result": "", "microseconds": cost}


def ways_of_pycuda(image, x, y):
    """PyCUDA's own calls."""
    cuda = importlib.import_module("pycuda.driver")
    function = cuda.module_from_buffer(image).get_function("axpy")
    stream = cuda.Stream()
    whole = (np.float64(2.0), np.uint64(x.address), np.uint64(y.address), np.int32(32))
    prepared = cuda.module_from_buffer(image).get_function("axpy").prepare("dPPi")
    buffer = struct.pack("dPPi", 2.0, x.address, y.address, 32)
    bare = cuda.module_from_buffer(image).get_function("axpy")
    bare._set_block_shape(32, 1, 1)
    return {
        "PyCUDA's __call__": lambda: function(*whole, grid=(1, 1), block=(32, 1, 1), stream=stream),
        "PyCUDA's prepared_async_call": lambda: prepared.prepared_async_call(
            (1, 1), (32, 1, 1), stream, 2.0, x.address, y.address, 32
        ),
        "PyCUDA's _launch_kernel": lambda: bare._launch_kernel(
            (1, 1), (32, 1, 1), buffer, 0, stream
        ),
    }


def blas_beside_others(setting):
    """Our cuBLAS, in one process and one context with PyTorch's and CuPy's, on their memory."""
    driver = device.driver()
    if driver.blas is None:
        words = "our driver found none"
        yield {"check": "cuBLAS"} | ({"result": words} if setting.dry else {"error": words})
        return
    libraries, missing = peers.libraries(setting.dry)
    yield from ({"missing": words} for words in missing)
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((129, 65)), rng.standard_normal((65, 33))
    for name, library in libraries.items():
        if name in ("jax", "numpy"):
            continue
        held = [device.device_array(library.put(array)) for array in (a, b)]
        out = driver.alloc(129 * 33 * 8)
        for _ in range(2):
            theirs = library.get(library.xp.matmul(*map(library.put, (a, b)))) if name != (
                peers.OURS) else a @ b  # fmt: skip
            driver.blas.gemm(np.float64, 1, 129, 33, 65, held[0].address, held[1].address,
                             out.address, False, False)  # fmt: skip
            driver.synchronize()
        ours = values(driver, out, 129 * 33).reshape(129, 33)
        np.testing.assert_allclose(ours, a @ b, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(theirs, a @ b, rtol=1e-12, atol=1e-12)
        yield {"check": f"our cuBLAS on arrays of {name}", "result": "equal"}


def arrays_pass_both_ways(setting):
    """No copy is made when an array changes hands, either way."""
    libraries, _ = peers.libraries(setting.dry)
    x = np.arange(12.0).reshape(3, 4)
    for name in ("torch", "cupy", "jax"):
        if name not in libraries or setting.dry:
            continue
        library = libraries[name]
        held = library.put(x)
        taken = device.device_array(held)
        np.testing.assert_array_equal(taken.get(), x)
        ours = device.device_array(x)
        module = library.jax.dlpack if name == "jax" else importlib.import_module(name)
        back = module.from_dlpack(ours)
        np.testing.assert_array_equal(library.get(back), x)
        same = (taken.address == address_of(name, held), address_of(name, back) == ours.address)
        if all(same):
            yield {"check": f"arrays to and from {name}", "result": "no copy"}
        else:
            yield {"check": f"arrays to and from {name}", "error": f"shared: to, from = {same}"}


def address_of(name, value):
    """Where another library's array lies."""
    if name == "torch":
        return value.data_ptr()
    return value.data.ptr if name == "cupy" else value.unsafe_buffer_pointer()


CHECKS = (
    pycuda_is_whole,
    kernel_runs,
    graph_replays,
    launch_costs,
    blas_beside_others,
    arrays_pass_both_ways,
)


def measure(setting):
    """Yields the records of each check; one that fails does not stop the next."""
    for check in CHECKS:
        yield {"starting": check.__name__}
        try:
            yield from check(setting)
        except Exception as error:
            yield {"case": check.__name__, "error": peers.trouble_of(error)}
