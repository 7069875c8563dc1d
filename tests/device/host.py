"""A device made of host memory: the members of the CUDA driver, for tests without a GPU.

Kernels are compiled by g++ with cuda_on_host.h and run by its fibers. Allocations have the
requested size, rounded up to a word of 4 bytes, and are filled with 0xff bytes (NaN, -1), so that
AddressSanitizer detects an access past the end, and a test detects memory that was not written.
Every copy is checked against the allocations. Work is done when it is queued: streams matter only
to `capture`.
"""

import bisect
import contextlib
import ctypes
import functools
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
import weakref
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from probtensor.device import DeviceError

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
INCLUDE = (HERE, ROOT / "cuda", ROOT / "cython_ext" / "include")
INCLUDED = tuple(f"-I{folder}" for folder in INCLUDE)
RUNTIME = "cuda_on_host.h"
# What kernels that we generate begin with, which is compiled once.
OPENINGS = tuple(
    f'#include "pt_random.h"\n#include "{name}"\n#include "pt_atomic.cuh"\n'
    '#include "pt_float.cuh"\n'
    for name in ("pt_grid.cuh", "pt_group.cuh")
)
COMPILE = ("g++", "-std=c++17", "-fPIC", "-Wno-unknown-pragmas", "-fno-strict-aliasing")
SANITIZE = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
PARENTHESES = r"\((?:[^()]|\([^()]*\))*\)"
KERNEL = re.compile(
    rf'extern\s+"C"\s+__global__\s+(?:void\s+)?(?:__launch_bounds__\s*{PARENTHESES}\s*)?'
    r"(?:void\s+)?(\w+)\s*\("
)
INCLUDES = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
DIRECTIVE = re.compile(r"^\s*#\s*(?:define|if|undef)", re.MULTILINE)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
ALIGNMENT_BYTES = 256
WORD_BYTES = 4  # an atomic store of 1 or 2 bytes accesses the aligned word around it
POISON_BYTE = 0xFF
IMAGE_AGE_LIMIT = 2 * 86400  # seconds after which an unused image is removed
LAUNCH_LOCK = threading.RLock()  # the fibers of a library belong to one OS thread at a time

libc = ctypes.CDLL(None)
libc.posix_memalign.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t, ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]


class Allocation:
    """Memory of `nbytes` at `address`; freed when this object is collected."""

    def __init__(self, address, nbytes):
        self.address = address
        self.nbytes = nbytes


class RawStream:
    """Work is done when it is queued, unless a graph is being captured."""

    def __init__(self):
        self.handle = id(self)
        self.graph = None


class Graph:
    """Work that was queued on a stream while it was captured."""

    def __init__(self, driver):
        self.driver = driver
        self.work = []
        self.ready = False

    def launch(self, stream=None):
        """Run the captured work."""
        if not self.ready:
            raise DeviceError("the graph is still being captured")
        if stream is not None and stream.graph is not None:
            raise DeviceError("a graph cannot be launched on a stream that is being captured")
        self.driver.counts["graphs"] += 1
        for step in self.work:
            step()


class Event:
    """A time of the host's clock."""

    def __init__(self):
        self.at = None

    def record(self, stream=None):
        """The time is now, since all queued work is done."""
        self.at = time.perf_counter()

    def synchronize(self):
        """Return at once: all work is done when it is queued."""

    def seconds_since(self, before):
        """Seconds between two events."""
        return self.at - before.at


@dataclass(frozen=True)
class KernelFunction:
    """A kernel of a library."""

    block_limit = 1024
    registers = 32

    name: str
    packed: object
    error: object

    def resident(self, block):
        """Blocks of a multiprocessor of 2048 threads."""
        return max(1, 2048 // block)


class LoadedModule:
    """A library of kernels."""

    def __init__(self, path):
        self.library = ctypes.CDLL(str(path))
        self.library.cuda_on_host_error.restype = ctypes.c_char_p

    def function(self, name):
        """The kernel of that name; DeviceError where there is none."""
        try:
            packed = self.library[f"{name}__launch_packed"]
        except AttributeError:
            raise DeviceError(f"the module has no kernel {name}") from None
        return KernelFunction(name, packed, self.library.cuda_on_host_error)


class HostDriver:
    """The driver's members over host memory. `memory` bytes are all that can be allocated."""

    name = "host"
    arch = "sm_90"
    ordinal = 0
    multiprocessors = 4

    def __init__(self, folder=None, optimize="-O1", sanitize=False, memory=1 << 32):
        self.folder = Path(folder) if folder else default_folder()
        self.flags = (*COMPILE, optimize, *(SANITIZE if sanitize else ()))
        self.headers = headers_digest()
        self.identity = f"host {' '.join(self.flags)}"
        self.counts = Counter()
        self.blas = HostBlas(self)
        self.total = memory
        self.used = 0
        self.sizes = {}  # address -> bytes
        self.addresses = []  # sorted
        self.spare = Counter()  # size class -> free blocks that a pool would have
        self.lock = threading.RLock()
        self.capture_stream = RawStream()
        self.capture_lock = threading.Lock()

    @functools.cached_property
    def libraries(self):
        """Stand-ins for NVIDIA's libraries, and our bindings of these."""
        from tests.device.fake_libraries import Libraries

        return Libraries(self, self._check)

    @functools.cached_property
    def dense(self):
        """Our bindings of cuSOLVER and cuBLAS, over the stand-ins."""
        return self.libraries.dense

    @functools.cached_property
    def fourier(self):
        """Our bindings of cuFFT, over the stand-in."""
        return self.libraries.fourier

    def enter(self):
        """Nothing has to be made current."""

    def free_later(self, thing):
        """Nothing waits to be freed."""

    def compile(self, source):
        """The bytes of a library with the kernels of `source`, cached on disk."""
        digest = hashlib.sha256(f"{self.identity}\0{self.headers}\0{source}".encode()).hexdigest()
        path = self.folder / f"{digest}.so"
        with contextlib.suppress(OSError):
            os.utime(path)
            return path.read_bytes()
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            built = self._build(Path(scratch), source)
            image = built.read_bytes()
            os.replace(built, path)
        return image

    def _build(self, scratch, source):
        opening = next((text for text in OPENINGS if source.startswith(text)), "")
        runtime, header = self._runtime(), self._header(opening)
        exports = [f"CUDA_ON_HOST_KERNEL({name})" for name in kernels_of(source, scratch)]
        lines = ['#include "opening.h"', '#line 1 "kernel.cu"', source, *exports, ""]
        wrapper, library = scratch / "wrapper.cpp", scratch / "kernel.so"
        wrapper.write_text("\n".join(lines), encoding="utf-8")
        run_compiler([*self.flags, f"-I{header}", *INCLUDED, "-shared", "-o", str(library),
                      str(wrapper), str(runtime)], source)  # fmt: skip
        return library

    def _runtime(self):
        """The object with what kernels run with."""

        def build(folder):
            source = str(HERE / "cuda_on_host.cpp")
            run_compiler([*self.flags, "-c", "-o", f"{folder}/runtime.o", source], "")

        return self._once("runtime", build) / "runtime.o"

    def _header(self, opening):
        """A folder with the precompiled `opening.h`: the header of the runtime and an opening. That
        takes most of the time to compile a small kernel. A compiler without precompiled headers
        reads the header itself."""

        def build(folder):
            header = Path(folder, "opening.h")
            header.write_text(f'#include "{RUNTIME}"\n{opening}', encoding="utf-8")
            run_compiler([*self.flags, *INCLUDED, "-x", "c++-header", "-o", f"{header}.gch",
                          str(header)], "")  # fmt: skip

        return self._once(opening, build)

    def _once(self, what, build):
        """A folder that `build` fills, unless another driver has."""
        digest = hashlib.sha256(f"{self.identity}\0{self.headers}\0{what}".encode()).hexdigest()
        folder = self.folder / f"{digest}.header"
        if not folder.exists():
            scratch = tempfile.mkdtemp(dir=self.folder)
            build(scratch)
            with contextlib.suppress(OSError):  # another process was quicker
                os.rename(scratch, folder)
            shutil.rmtree(scratch, ignore_errors=True)
        return folder

    def module(self, image):
        """A library from its bytes."""
        path = self.folder / f"{hashlib.sha256(image).hexdigest()}.image.so"
        if not path.exists():
            partial = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
            partial.write_bytes(image)
            os.replace(partial, path)
        try:
            return LoadedModule(path)
        except OSError as error:
            raise DeviceError(f"not an image of this device: {error}") from None

    def launch(self, function, grid, block, shared, packed, stream=None):
        """Run a kernel over `grid` blocks of `block` threads."""
        if not 0 < grid <= 0x7FFFFFFF or not 0 < block <= 1024:
            raise DeviceError(f"{function.name}: a grid of {grid} blocks of {block} threads")
        dims = (ctypes.c_uint * 6)(grid, 1, 1, block, 1, 1)
        arguments = ctypes.create_string_buffer(bytes(packed), max(len(packed), 1))

        def step():
            with LAUNCH_LOCK:
                if function.packed(dims, ctypes.c_uint(shared), arguments):
                    raise DeviceError(f"{function.name}: {function.error().decode()}")

        self.counts["launches"] += 1
        self._submit(step, stream)

    def alloc(self, nbytes):
        """`nbytes` of device memory (at least one), 256-byte aligned and full of 0xff."""
        size = -(-max(int(nbytes), 1) // WORD_BYTES) * WORD_BYTES
        pointer = ctypes.c_void_p()
        with self.lock:
            if self.used + size > self.total:
                raise DeviceError(
                    f"out of device memory: {size} bytes were asked for, "
                    f"{self.total - self.used} of {self.total} are free"
                )
            if libc.posix_memalign(ctypes.byref(pointer), ALIGNMENT_BYTES, size):
                raise MemoryError
            address = pointer.value
            ctypes.memset(address, POISON_BYTE, size)
            self.used += size
            self.sizes[address] = size
            bisect.insort(self.addresses, address)
            if self.spare[size_class(size)]:
                self.spare[size_class(size)] -= 1
            else:
                self.counts["allocations"] += 1
        allocation = Allocation(address, int(nbytes))
        weakref.finalize(allocation, self._free, address).atexit = False
        return allocation

    def _free(self, address):
        with self.lock:
            size = self.sizes.pop(address)
            self.addresses.remove(address)
            self.used -= size
            self.spare[size_class(size)] += 1
            ctypes.memset(address, POISON_BYTE, size)
            libc.free(address)

    def upload(self, address, array, stream=None):
        """Copy a C-contiguous host array to the device."""
        check_host(array)
        self._check(address, array.nbytes)
        self._check_copies(stream)
        self.counts["uploads"] += 1
        ctypes.memmove(address, array.ctypes.data, array.nbytes)

    def download(self, address, array, stream=None):
        """Fill a C-contiguous host array from the device."""
        check_host(array)
        self._check(address, array.nbytes)
        self._check_copies(stream)
        self.counts["downloads"] += 1
        ctypes.memmove(array.ctypes.data, address, array.nbytes)

    def copy(self, to, from_, nbytes, stream=None):
        """Copy between two addresses of the device."""
        self._check(to, nbytes)
        self._check(from_, nbytes)
        self._submit(lambda: ctypes.memmove(to, from_, nbytes), stream)

    def fill(self, address, byte, nbytes, stream=None):
        """Set every byte."""
        self._check(address, nbytes)
        self._submit(lambda: ctypes.memset(address, byte, nbytes), stream)

    def stream(self, non_blocking=False):
        """A new stream."""
        return RawStream()

    def event(self):
        """A new event."""
        return Event()

    def release(self):
        """Free unused blocks: there are none here, so the next allocations count as new."""
        self.spare.clear()
        return 0

    def synchronize(self, stream=None):
        """Return at once: all work is done when it is queued."""
        if stream is not None and stream.graph is not None:
            raise DeviceError("a stream that is being captured cannot be waited for")

    def wait_for(self, handle):
        """Wait for a stream of another library."""
        self.counts["waits"] += 1

    @contextlib.contextmanager
    def capture(self, stream):
        """Gives the graph of what is queued on the stream within the block."""
        if stream.graph is not None:
            raise DeviceError("the stream is being captured already")
        stream.graph = Graph(self)
        try:
            yield stream.graph
            stream.graph.ready = True
        finally:
            stream.graph = None

    def memory(self):
        """(free, total) bytes."""
        return self.total - self.used, self.total

    def _submit(self, step, stream):
        if stream is not None and stream.graph is not None:
            stream.graph.work.append(step)
        else:
            step()

    def _check_copies(self, stream):
        if stream is not None and stream.graph is not None:
            raise DeviceError("a host array cannot be copied while the stream is being captured")

    def _check(self, address, nbytes):
        """Raise DeviceError unless all bytes are of one allocation."""
        if nbytes == 0:
            return
        with self.lock:
            at = bisect.bisect_right(self.addresses, address) - 1
            first = self.addresses[at] if at >= 0 else 0
            if at < 0 or address + nbytes > first + self.sizes[first]:
                raise DeviceError(f"a copy of {nbytes} bytes leaves its allocation")


class HostBlas:
    """Matrix products on addresses, by NumPy."""

    def __init__(self, driver):
        self.driver = driver

    def prepare(self, stream=None):
        """Nothing is needed before a capture."""

    def gemm(self, dtype, batch, m, n, k, a, b, c, a_transposed, b_transposed, stream=None,
             tf32=False):  # fmt: skip
        """Row-major c[m,n] = op(a) op(b), batched by strides m*k, k*n and m*n."""
        dtype = np.dtype(dtype)
        if dtype not in (np.float32, np.float64):
            raise DeviceError(f"no matrix product of {dtype}")
        for address, size in ((a, m * k), (b, k * n), (c, m * n)):
            self.driver._check(address, batch * size * dtype.itemsize)
        left = view(a, (batch, k, m) if a_transposed else (batch, m, k), dtype)
        right = view(b, (batch, n, k) if b_transposed else (batch, k, n), dtype)
        out = view(c, (batch, m, n), dtype)

        def step():
            x = left.swapaxes(1, 2) if a_transposed else left
            y = right.swapaxes(1, 2) if b_transposed else right
            out[...] = x @ y

        self.driver.counts["launches"] += 1
        self.driver._submit(step, stream)


def view(address, shape, dtype):
    """An array over memory at an address."""
    size = int(np.prod(shape)) * dtype.itemsize
    if size == 0:
        return np.empty(shape, dtype)
    return np.frombuffer((ctypes.c_char * size).from_address(address), dtype).reshape(shape)


def size_class(nbytes):
    """The bytes of a pool's block: the next power of two, at least 512."""
    return max(512, 1 << (nbytes - 1).bit_length())


def check_host(array):
    """Raise TypeError unless the array is a C-contiguous NumPy array."""
    if not isinstance(array, np.ndarray) or not array.flags.c_contiguous:
        raise TypeError("a copy to or from the device takes a C-contiguous NumPy array")


def kernel_names(text):
    """The kernels of a preprocessed source, in order."""
    return list(dict.fromkeys(KERNEL.findall(text)))


def kernels_of(source, scratch):
    """The kernels of a source, in order. It is preprocessed only where macros may make some."""
    if not makes_kernels(source) and not DIRECTIVE.search(source):
        return kernel_names(COMMENT.sub(" ", source))
    kernel = scratch / "kernel.cu"
    kernel.write_text(source, encoding="utf-8")
    preprocess = ["-DCUDA_ON_HOST=1", "-E", "-P", "-x", "c++", str(kernel)]
    return kernel_names(run_compiler([*COMPILE, *INCLUDED, *preprocess], source))


@functools.cache
def makes_kernels(source):
    """Whether a header that the source includes, or that one of these does, has kernels in it."""
    for name in INCLUDES.findall(source):
        for path in (folder / name for folder in INCLUDE):
            if path.exists():
                text = path.read_text(encoding="utf-8")
                if "__global__" in text or makes_kernels(text):
                    return True
    return False


def run_compiler(command, source):
    """The output of the compiler; where it fails, DeviceError with its messages and the source."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        numbered = "\n".join(f"{i:5} {line}" for i, line in enumerate(source.splitlines(), 1))
        raise DeviceError(f"{shlex.join(command)}\n{done.stderr}\n{numbered}")
    return done.stdout


def headers_digest():
    """A digest of every header that a kernel can include."""
    digest = hashlib.sha256()
    for folder in INCLUDE:
        for path in sorted([*folder.glob("*.h"), *folder.glob("*.cuh"), *folder.glob("*.cpp")]):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def default_folder():
    """Images of this user's test runs, older ones removed."""
    folder = Path(tempfile.gettempdir()) / f"cuda-on-host-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        return Path(tempfile.mkdtemp(prefix="cuda-on-host-"))
    before = time.time() - IMAGE_AGE_LIMIT
    for path in (*folder.glob("*.so"), *folder.glob("*.header")):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < before:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    return folder


def sanitizer_environment():
    """Variables for a Python process that loads images made with `sanitize=True`.

    None at all where the compiler has no sanitizers.
    """
    libraries = [
        subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True,
                       check=True).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]  # fmt: skip
    if not all(Path(path).is_absolute() for path in libraries):
        return {}
    return {
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",
    }
