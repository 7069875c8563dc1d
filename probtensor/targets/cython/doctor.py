"""The command `probtensor doctor`: build a probe step by step, and report what is missing.

A compiler and a GPU are optional: without one the report says what is missing, which is a failure
only if CC or PROBTENSOR_TARGET asks for it. Those that exist must work.
"""

from __future__ import annotations

import os
import platform
import shutil
import struct
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from cython_ext.code import Code
from cython_ext.timing import seconds_a_run
from probtensor import device
from probtensor.targets.base import BuildError
from probtensor.targets.cache import cache_folder, writing_store
from probtensor.targets.cython.loader import load_module
from probtensor.targets.cython.toolchain import (
    Compiler,
    compile_c,
    compiler_command,
    cython_version,
    find_compiler,
    flags,
    include_dir,
    translate,
)
from probtensor.targets.machine.levels import machine
from probtensor.version import __version__

Result = TypeVar("Result")
COUNT = 10_000
PROBE = """\
# cython: language_level=3, boundscheck=False, wraparound=False
from libc.stdint cimport int64_t
cdef extern from "pt_special.h" nogil:
    double pt_exp(double)
cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:
    cdef double* x = <double*> b[0]
    cdef double* y = <double*> b[1]
    cdef int64_t i
    for i in range(n[0]):
        y[i] = pt_exp(x[i])
    return 0
address = <size_t> &pt_plan
"""
DEVICE_PROBE = """\
#include "pt_special.h"
extern "C" __global__ void probe(const double *x, double *y, int n)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        y[i] = pt_exp(x[i]);
}
"""


def main(argv: Sequence[str], tiers: Callable[[], Iterable[str]] = tuple) -> int:
    """Print the report; 0 if everything works, 1 if something does not. `tiers` gives the lines
    that compare the machine with native code."""
    if argv:
        print("usage: probtensor doctor", file=sys.stderr)
        return 2
    print(f"probtensor {__version__}, Python {platform.python_version()}, NumPy {np.__version__}, "
          f"Cython {cython_version()}")  # fmt: skip
    print(f"{platform.platform()}, headers in {include_dir()}")
    print(f"machine   {machine().level}: runs functions that have no native code")
    try:
        probe()
        for line in tiers():
            print(line)
        probe_device()
    except (BuildError, device.DeviceError) as error:
        print(f"FAILED\n{error}")
        return 1
    print("all is well")
    return 0


def probe() -> None:
    """Build and run the probe, if there is a compiler, printing a line for each step. BuildError
    where a step fails."""
    store = writing_store(cache_folder())
    entries = store.entries()
    print(f"cache     {store.folder}, {len(entries)} entries")
    try:
        command = compiler_command()
    except BuildError as error:
        if os.environ.get("CC") or os.environ.get("PROBTENSOR_TARGET") == "cython":
            raise
        print(f"compiler  none: {error}")
        return
    compiler = find_compiler(command, store.folder)
    print(f"compiler  {' '.join(command)}: {compiler.identity.splitlines()[1]}")
    print(f"flags     {' '.join(flags())}")
    scratch = store.scratch()
    try:
        build(scratch, compiler)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def build(scratch: Path, compiler: Compiler) -> None:
    """The probe's steps, each timed."""
    source = scratch / "pt_probe.pyx"
    source.write_text(PROBE, encoding="utf-8")
    text = timed("translate", lambda: translate(source, "pt_probe"))
    module = scratch / "pt_probe.so"
    timed("compile", lambda: compile_c(compiler, text, module))
    loaded = timed("load", lambda: load_module(module))
    x = np.linspace(-5, 5, COUNT)
    y = np.empty(COUNT)
    each = seconds_a_run(Code(loaded.address, loaded), [x, y], [COUNT], 100) / COUNT
    if not np.allclose(y, np.exp(x), rtol=1e-14):
        raise BuildError("the probe gives wrong numbers: the compiler and its flags do not agree")
    print(f"run       {1e9 * each:.2f} ns for each exp")


def probe_device() -> None:
    """As `probe`, for the GPU, if there is one. DeviceError if it does not work."""
    try:
        driver = device.driver()
    except device.DeviceError as error:
        if os.environ.get("PROBTENSOR_TARGET") == "cuda":
            raise device.DeviceError(f"PROBTENSOR_TARGET=cuda asks for a GPU: {error}") from None
        print(f"gpu       none: {error}")
        return
    free, total = driver.memory()
    print(f"gpu       {driver.name}, {driver.arch}, {driver.multiprocessors} multiprocessors, "
          f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free")  # fmt: skip
    libraries = {"cuBLAS": driver.blas, "cuSOLVER": driver.dense, "cuFFT": driver.fourier}
    words = (name if found else f"no {name}" for name, found in libraries.items())
    print(f"          {driver.identity}, {', '.join(words)}")
    image = timed("compile", lambda: driver.compile(DEVICE_PROBE))
    function = driver.module(image).function("probe")
    x = device.device_array(np.linspace(-5, 5, COUNT))
    y = device.empty(COUNT)
    packed = struct.pack("QQi", x.address, y.address, COUNT)
    driver.launch(function, -(-COUNT // 256), 256, 0, packed)
    if not np.allclose(y.get(), np.exp(x.get()), rtol=1e-14):
        raise device.DeviceError("the probe gives wrong numbers on the GPU")
    print("run       exp on the GPU is right")


def timed(label: str, step: Callable[[], Result]) -> Result:
    """The result of a step; prints its duration."""
    began = time.perf_counter()
    result = step()
    print(f"{label:<9} {time.perf_counter() - began:.3f} s")
    return result
