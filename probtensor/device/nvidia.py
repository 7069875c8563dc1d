"""NVIDIA's driver through PyCUDA: the one module that imports it.

All threads share the primary context of the device, which CuPy, PyTorch, JAX and cuBLAS use too.
PyCUDA keeps a stack of contexts for each thread, and aborts the process if a thread ends while its
stack is not empty. So the context is pushed only while PyCUDA makes or frees an object; for all
other calls each thread makes it current once, by cuCtxSetCurrent.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.device import compiler as compilers
from probtensor.device.compiler import Nvcc, Nvrtc
from probtensor.device.errors import INSTALL, DeviceError
from probtensor.device.graphs import Graph, driver_functions
from probtensor.device.images import ImageStore, open_image_store
from probtensor.device.libraries.blas import Blas, load_blas
from probtensor.device.libraries.dense import Dense, load_dense
from probtensor.device.libraries.fourier import Fourier, load_fourier
from probtensor.device.memory import Allocation, Pool
from probtensor.process import computed_once, new_lock

PyCudaObject = Any  # PyCUDA has no type annotations, and is imported late
LIBCUDA = "libcuda.so.1"
NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING
DEFAULT_SHARED_BYTES = 48 << 10  # available without cuFuncSetAttribute
RESERVED_SHARED_BYTES = 1 << 10  # taken by the system for each block
WARP, QUARTERS, REGISTER_UNIT = 32, 4, 256  # a warp's registers: allocated in units, in a quarter
RECENT_KERNELS = 8  # kernels named in the error when queued work fails
FATAL_ERRORS = (
    "illegal", "misaligned", "launch fail", "launch timed out", "hardware", "assert", "unspecified",
)  # fmt: skip


class RawStream:
    """A queue of work on the device, done in order; the default stream waits for it."""

    def __init__(self, driver: CudaDriver, raw: PyCudaObject) -> None:
        self.raw = raw
        self.handle: int = raw.handle
        self.capturing = False
        self._driver = driver

    def __del__(self) -> None:
        for name in ("dense", "blas"):
            library = self._driver.__dict__.get(name)
            if library is not None:
                self._driver.free_later(library.remove_handle(self.handle))
        self._driver.free_later(self.__dict__.pop("raw", None))


class Event:
    """A point in a stream's work; two of them time the work between."""

    def __init__(self, driver: CudaDriver, raw: PyCudaObject) -> None:
        self._raw = raw
        self._driver = driver

    def record(self, stream: RawStream | None = None) -> None:
        """Mark the point after all work queued on the stream so far."""
        self._raw.record(None if stream is None else stream.raw)

    def synchronize(self) -> None:
        """Wait until the work before it is done."""
        with self._driver.translate_errors():
            self._raw.synchronize()

    def seconds_since(self, before: Event) -> float:
        """Seconds of the device's clock between two events that have completed."""
        return 1e-3 * self._raw.time_since(before._raw)

    def __del__(self) -> None:
        self._driver.free_later(self.__dict__.pop("_raw", None))


@dataclass(frozen=True)
class MultiprocessorLimits:
    """Limits of one multiprocessor, shared by its resident blocks: threads, registers, bytes of
    shared memory, and the number of blocks."""

    threads: int
    registers: int
    shared: int
    blocks: int

    def resident_blocks(self, block: int, registers: int, shared: int) -> int:
        """How many blocks of `block` threads fit, with `registers` a thread and `shared` bytes a
        block (CUDA C++ Best Practices Guide, "Calculating Occupancy"). At least one."""
        warps = -(-block // WARP)
        each = -(-max(registers, 1) * WARP // REGISTER_UNIT) * REGISTER_UNIT
        by_registers = self.registers // QUARTERS // each * QUARTERS // warps
        by_shared = self.shared // (shared + RESERVED_SHARED_BYTES)
        return max(1, min(self.threads // (warps * WARP), by_registers, by_shared, self.blocks))


class KernelFunction:
    """A kernel, ready to be launched."""

    __slots__ = ("_limits", "attributes", "launch", "name", "raw", "shared")

    def __init__(
        self, name: str, raw: PyCudaObject, attributes: PyCudaObject, limits: MultiprocessorLimits
    ) -> None:
        self.name = name
        self.raw = raw
        self.launch = raw._launch_kernel  # a fifth of the cost of calling the function
        self.attributes = attributes
        self._limits = limits
        self.shared = DEFAULT_SHARED_BYTES

    def resident(self, block: int) -> int:
        """How many blocks of `block` threads are resident on a multiprocessor."""
        shared = self.raw.get_attribute(self.attributes.SHARED_SIZE_BYTES)
        return self._limits.resident_blocks(block, self.registers, shared)

    def allow(self, shared: int) -> None:
        """Raise the limit of dynamic shared memory above the default."""
        self.raw.set_attribute(self.attributes.MAX_DYNAMIC_SHARED_SIZE_BYTES, shared)
        self.shared = shared

    @property
    def registers(self) -> int:
        """Registers of each thread."""
        return self.raw.get_attribute(self.attributes.NUM_REGS)

    @property
    def block_limit(self) -> int:
        """The threads that a block can have."""
        return self.raw.get_attribute(self.attributes.MAX_THREADS_PER_BLOCK)


class LoadedModule:
    """An image loaded on the device."""

    def __init__(self, driver: CudaDriver, raw: PyCudaObject) -> None:
        self._raw = raw
        self._driver = driver

    def function(self, name: str) -> KernelFunction:
        """The kernel of that name; DeviceError where there is none."""
        driver = self._driver
        with driver.translate_errors(), driver.pushed_context():
            raw = self._raw.get_function(name)
            return KernelFunction(name, raw, driver.cuda.function_attribute, driver.limits)

    def __del__(self) -> None:
        self._driver.free_later(self.__dict__.pop("_raw", None))


class CudaDriver:
    """A `Driver` through PyCUDA. `version` is the major version of CUDA that NVIDIA's driver
    supports; libraries may not be newer.
    """

    arch: str
    counts: Counter[str]
    identity: str
    multiprocessors: int
    name: str
    ordinal: int
    capture_lock: AbstractContextManager

    def __init__(self, cuda: PyCudaObject, compiler: Nvrtc | Nvcc, functions: SimpleNamespace,
                 store: ImageStore, version: int) -> None:  # fmt: skip
        self.cuda = cuda
        self.compiler = compiler
        self.counts = Counter()
        self.ordinal = 0
        self._functions = functions
        self._version = version
        self._store = store
        self._include = compilers.include_folders()
        self._device = cuda.Device(self.ordinal)
        self._context = self._device.retain_primary_context()
        self._thread = threading.local()
        self._process = os.getpid()
        self._pending_frees: deque[object] = deque()
        self.capture_lock = new_lock()
        self._recent: deque[str] = deque(maxlen=RECENT_KERNELS)
        self._pool = Pool(self._allocate_block, self._free_block, cuda.MemoryError)
        attributes = cuda.device_attribute
        major, minor = self._device.compute_capability()
        self.name = self._device.name()
        self.arch = f"sm_{major}{minor}"
        self.multiprocessors = self._device.get_attribute(attributes.MULTIPROCESSOR_COUNT)
        self.limits = MultiprocessorLimits(
            *map(self._device.get_attribute, (
                attributes.MAX_THREADS_PER_MULTIPROCESSOR,
                attributes.MAX_REGISTERS_PER_MULTIPROCESSOR,
                attributes.MAX_SHARED_MEMORY_PER_MULTIPROCESSOR,
                attributes.MAX_BLOCKS_PER_MULTIPROCESSOR,
            ))
        )  # fmt: skip
        self.identity = f"{self.arch} {compiler.identity}"
        atexit.register(self._close)

    # ---- contexts and errors

    def enter(self) -> None:
        """Make the device's context current in this thread, at its first call."""
        if getattr(self._thread, "entered", False) and os.getpid() == self._process:
            return
        if os.getpid() != self._process:
            raise DeviceError(
                "CUDA does not outlive a fork: start processes by multiprocessing's 'spawn'"
            )
        self._functions.cuCtxSetCurrent(self._context.handle)
        self._thread.entered = True

    @contextmanager
    def pushed_context(self) -> Iterator[None]:
        """Push the context onto PyCUDA's stack, as making or freeing its objects needs; free what
        `free_later` has collected."""
        self.enter()
        self._context.push()
        try:
            self._pending_frees.clear()
            yield
        finally:
            self._context.pop()

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Raise PyCUDA's errors as DeviceError; where queued work failed, name its kernels."""
        try:
            self.enter()
            yield
        except self.cuda.Error as error:
            raise self._device_error(error) from None

    def _device_error(self, error: Exception) -> DeviceError:
        text = str(error)
        if not any(word in text for word in FATAL_ERRORS):
            return DeviceError(text)
        named = ", ".join(dict.fromkeys(self._recent)) or "none"
        return DeviceError(
            f"{text}\nKernels queued since the device was last waited for: {named}.\nThe device "
            "cannot be used any more in this process; with CUDA_LAUNCH_BLOCKING=1 in the "
            "environment the failing launch itself raises."
        )

    def free_later(self, raw: object) -> None:
        """Free an object of PyCUDA's the next time any thread pushes the context."""
        self._pending_frees.append(raw)

    def _close(self) -> None:
        """At exit, free all memory: PyCUDA's finalizers run later, without a context."""
        if os.getpid() != self._process:
            return
        with suppress(DeviceError, self.cuda.Error):  # a failed context frees its own memory
            with self.pushed_context():
                self._pool.close()
            self._context.detach()

    # ---- kernels

    def compile(self, source: str) -> bytes:
        """CUDA C++ text to an image for this device, cached on disk."""
        key = compilers.image_key(source, self.arch, self.compiler, self._include)
        image = self._store.get(key)
        if image is None:
            image = self.compiler.compile(source, self.arch, self._include)
            self._store.put(key, image)
        return image

    def module(self, image: bytes) -> LoadedModule:
        """Load an image."""
        with self.translate_errors(), self.pushed_context():
            return LoadedModule(self, self.cuda.module_from_buffer(image))

    def launch(self, function: KernelFunction, grid: int, block: int, shared: int, packed: bytes,
               stream: RawStream | None = None) -> None:  # fmt: skip
        """Queue a kernel over `grid` blocks of `block` threads, with `shared` bytes a block.

        packed: the parameters one after the other, each at a multiple of its own alignment.
        """
        try:
            self.enter()
            if shared > function.shared:
                function.allow(shared)
            raw = None if stream is None else stream.raw
            function.launch((grid,), (block,), packed, shared, raw)
        except self.cuda.Error as error:
            self._recent.append(function.name)
            where = f"{function.name}, {grid} blocks of {block} threads, {shared} bytes shared"
            raise DeviceError(f"{where}: {self._device_error(error)}") from None
        self._recent.append(function.name)
        self.counts["launches"] += 1

    # ---- memory

    def alloc(self, nbytes: int) -> Allocation:
        """`nbytes` of device memory, 256-byte aligned, its contents unspecified."""
        try:
            allocation, asked = self._pool.alloc(int(nbytes))
        except self.cuda.MemoryError:
            free, total = self.memory()
            used, _ = self._pool.usage()
            raise DeviceError(
                f"out of device memory: {nbytes} bytes were asked for, {free} of {total} are "
                f"free, {used} are in use by ProbTensor"
            ) from None
        except self.cuda.Error as error:
            raise self._device_error(error) from None
        if asked:
            self.counts["allocations"] += 1
        return allocation

    def release(self) -> int:
        """Return unused memory to the system; gives the number of bytes."""
        with self.translate_errors(), self.pushed_context():
            return self._pool.release()

    def _allocate_block(self, nbytes: int) -> tuple[int, PyCudaObject]:
        with self.pushed_context():
            block = self.cuda.mem_alloc(nbytes)
        return int(block), block

    def _free_block(self, block: PyCudaObject) -> None:
        with self.pushed_context():
            block.free()

    def upload(self, address: int, array: np.ndarray, stream: RawStream | None = None) -> None:
        """Copy a C-contiguous host array to the device; it may be changed afterwards."""
        _check_host(array, stream)
        with self.translate_errors():
            if stream is None:
                self.cuda.memcpy_htod(address, array)
            else:
                self.cuda.memcpy_htod_async(address, array, stream.raw)
        self.counts["uploads"] += 1

    def download(self, address: int, array: np.ndarray, stream: RawStream | None = None) -> None:
        """Fill a C-contiguous host array, after all work queued before."""
        _check_host(array, stream)
        with self.translate_errors():
            if stream is None:
                self.cuda.memcpy_dtoh(array, address)
            else:
                self.cuda.memcpy_dtoh_async(array, address, stream.raw)
                stream.raw.synchronize()
        self.counts["downloads"] += 1

    def copy(self, to: int, from_: int, nbytes: int, stream: RawStream | None = None) -> None:
        """Queue a copy between two addresses of the device."""
        with self.translate_errors():
            raw = None if stream is None else stream.raw
            self.cuda.memcpy_dtod_async(to, from_, nbytes, raw)

    def fill(self, address: int, byte: int, nbytes: int, stream: RawStream | None = None) -> None:
        """Queue the setting of every byte."""
        with self.translate_errors():
            self.cuda.memset_d8_async(address, byte, nbytes, None if stream is None else stream.raw)

    def memory(self) -> tuple[int, int]:
        """(free, total) bytes of the device; blocks of the pool count as in use."""
        with self.translate_errors():
            return self.cuda.mem_get_info()

    # ---- streams, events and graphs

    def stream(self, non_blocking: bool = False) -> RawStream:
        """A new stream. A non-blocking one does not synchronize with the default stream. Graphs are
        captured on such a stream: while a blocking one is captured, no thread may use the default
        stream."""
        with self.translate_errors(), self.pushed_context():
            return RawStream(self, self.cuda.Stream(NON_BLOCKING if non_blocking else 0))

    def event(self) -> Event:
        """A new event."""
        with self.translate_errors(), self.pushed_context():
            return Event(self, self.cuda.Event())

    def synchronize(self, stream: RawStream | None = None) -> None:
        """Wait until a stream's work is done, or all work."""
        if stream is not None and stream.capturing:
            raise DeviceError("a stream that is being captured cannot be waited for")
        with self.translate_errors():
            if stream is None:
                self.cuda.Context.synchronize()
                self._recent.clear()
            else:
                stream.raw.synchronize()

    def wait_for(self, handle: int) -> None:
        """Wait for a stream of another library."""
        self.enter()
        self._functions.cuStreamSynchronize(handle)

    @computed_once
    def capture_stream(self) -> RawStream:
        """The stream on which graphs for the default stream are captured, under `capture_lock`.
        There is one, since each stream that runs a matrix product owns a large workspace."""
        return self.stream(non_blocking=True)

    @contextmanager
    def capture(self, stream: RawStream) -> Iterator[Graph]:
        """Gives the graph of what is queued on the stream within the block, where nothing runs. The
        graph keeps the stream alive: its matrix products use the workspace of the stream."""
        if stream.capturing:
            raise DeviceError("the stream is being captured already")
        self.enter()
        blas = self.__dict__.get("blas")
        if blas is not None:  # handles cannot be made during a capture
            blas.prepare(stream)
        graph = Graph(self, self._functions)
        graph.stream = stream
        graph.begin(stream.handle)
        stream.capturing = True
        captured = False
        try:
            yield graph
            captured = True
        finally:
            stream.capturing = False
            graph.end(stream.handle, captured)

    def launch_graph(self, executable: ctypes.c_void_p, stream: RawStream | None) -> None:
        """Queue an instantiated graph."""
        if stream is not None and stream.capturing:
            raise DeviceError("a graph cannot be launched on a stream that is being captured")
        self.enter()
        self._functions.cuGraphLaunch(executable, 0 if stream is None else stream.handle)
        self.counts["graphs"] += 1

    @computed_once
    def blas(self) -> Blas | None:
        """cuBLAS, or None where it is not installed."""
        return load_blas(self, self._version)

    @computed_once
    def dense(self) -> Dense | None:
        """cuSOLVER and cuBLAS, or None where one of them is not installed."""
        return load_dense(self, self.blas, self._version)

    @computed_once
    def fourier(self) -> Fourier | None:
        """cuFFT, or None where it is not installed."""
        return load_fourier(self, self._version)


def _check_host(array: np.ndarray, stream: RawStream | None) -> None:
    if not isinstance(array, np.ndarray) or not array.flags.c_contiguous:
        raise TypeError("a copy to or from the device takes a C-contiguous NumPy array")
    if stream is not None and stream.capturing:
        raise DeviceError("a host array cannot be copied while the stream is being captured")


def import_pycuda() -> PyCudaObject:
    """`pycuda.driver`, initialized. DeviceError says what is missing."""
    try:
        import pycuda.driver as cuda
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "pycuda":
            raise DeviceError(
                f"PyCUDA is not installed: {INSTALL} (which compiles it, so a CUDA toolkit must be "
                "there)"
            ) from None
        raise DeviceError(f"PyCUDA needs {error.name}, which is not installed") from None
    except ImportError as error:
        if LIBCUDA in str(error):
            raise DeviceError(
                f"NVIDIA's driver ({LIBCUDA}) is not on this machine, or not where the dynamic "
                "linker looks: install the driver of your GPU"
            ) from None
        raise DeviceError(
            f"PyCUDA does not fit NVIDIA's driver here, which may be too old for it: {error}"
        ) from None
    try:
        cuda.init()
        count = cuda.Device.count()
    except cuda.Error as error:
        raise DeviceError(f"NVIDIA's driver finds no CUDA device: {error}") from None
    if not count:
        raise DeviceError("NVIDIA's driver finds no CUDA device")
    return cuda


def open_driver() -> CudaDriver:
    """The first device that CUDA_VISIBLE_DEVICES leaves. DeviceError says what is missing."""
    cuda = import_pycuda()
    functions = driver_functions(ctypes.CDLL(LIBCUDA))
    number = ctypes.c_int()
    functions.cuDriverGetVersion(ctypes.byref(number))
    version = number.value // 1000
    compiler = compilers.find_compiler(version)
    try:
        return CudaDriver(cuda, compiler, functions, open_image_store(), version)
    except cuda.Error as error:
        raise DeviceError(f"the CUDA device cannot be used: {error}") from None
