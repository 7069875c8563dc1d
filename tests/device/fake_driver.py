"""The real PyCUDA on a stand-in for NVIDIA's driver, so that the runtime is tested without a GPU.

PyCUDA keeps the first libcuda.so.1 that the process loads, so all of this happens in processes of
its own, which `test_driver.py` starts.
"""

import contextlib
import ctypes
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from probtensor.device import nvidia
from probtensor.device.graphs import driver_functions
from probtensor.device.images import ImageStore
from tests.device.host import HERE, HostDriver, default_folder

SOURCE = HERE / "fake_libcuda.cpp"
COMMAND = ("g++", "-std=c++17", "-O1", "-w", "-fPIC", "-shared", "-Wl,-soname,libcuda.so.1")


def build(source=SOURCE, command=COMMAND, name="libcuda.so.1"):
    """The path of a stand-in library, compiled once and cached."""
    digest = hashlib.sha256(repr(command).encode() + source.read_bytes()).hexdigest()[:16]
    folder = default_folder() / f"{name}-{digest}"
    path = folder / name
    if not path.exists():
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            partial = Path(scratch, name)
            subprocess.run([*command, "-o", str(partial), str(source)], check=True)
            os.replace(partial, path)
    return path


def load():
    """Load the stand-in, so that PyCUDA's libcuda.so.1 resolves to it."""
    return ctypes.CDLL(str(build()), ctypes.RTLD_GLOBAL)


class HostCompiler:
    """The compiler for the stand-in: that of the host."""

    def __init__(self):
        self.host = HostDriver()
        self.identity = self.host.identity
        self.calls = 0

    def compile(self, source, arch, include):
        """A library of the kernels of `source`."""
        self.calls += 1
        return self.host.compile(source)


def open_driver(folder=None):
    """PyCUDA's driver over the stand-in; images are cached in `folder`."""
    load()
    cuda = nvidia.import_pycuda()
    functions = driver_functions(ctypes.CDLL(nvidia.LIBCUDA))
    return nvidia.CudaDriver(cuda, HostCompiler(), functions, ImageStore(folder), 13)


def give_libraries(driver):
    """Put our bindings over stand-ins for NVIDIA's libraries in a driver; gives the stand-ins. All
    of the host's memory is theirs, for this driver's is not known here."""
    from tests.device.fake_libraries import Libraries

    found = Libraries(driver, lambda address, nbytes: None)
    vars(driver).update(blas=found.blas, dense=found.dense, fourier=found.fourier)
    return found


@contextlib.contextmanager
def mended(library):
    """Repair the device at the end of a block that breaks it."""
    try:
        yield
    finally:
        library.fake_cuda_mend()
