"""The command `probtensor doctor`: build a probe step by step, and say what is missing."""

from __future__ import annotations

import platform
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cython_ext.timing import seconds_a_run
from probtensor.targets.base import BuildError
from probtensor.targets.cache import home_folder, writing_store
from probtensor.targets.loader import load_module
from probtensor.targets.toolchain import (
    compile_c,
    compiler_command,
    cython_version,
    find_compiler,
    flags,
    include_dir,
    translate,
)
from probtensor.version import __version__

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


def main(argv: Sequence[str]) -> int:
    """Print the report; 0 if everything works, 1 if something does not."""
    if argv:
        print("usage: probtensor doctor", file=sys.stderr)
        return 2
    print(f"probtensor {__version__}, Python {platform.python_version()}, NumPy {np.__version__}, "
          f"Cython {cython_version()}")  # fmt: skip
    print(f"{platform.platform()}, headers in {include_dir()}")
    try:
        probe()
    except BuildError as error:
        print(f"FAILED\n{error}")
        return 1
    print("all is well")
    return 0


def probe() -> None:
    """Build and run the probe, printing a line a step. BuildError where a step fails."""
    store = writing_store(home_folder())
    entries = store.entries()
    print(f"cache     {store.folder}, {len(entries)} entries")
    command = compiler_command()
    compiler = find_compiler(command, store.folder)
    print(f"compiler  {' '.join(command)}: {compiler.identity.splitlines()[1]}")
    print(f"flags     {' '.join(flags())}")
    scratch = store.scratch()
    try:
        build(scratch, compiler)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def build(scratch: Path, compiler: Any) -> None:
    """The probe's steps, each timed."""
    source = scratch / "pt_probe.pyx"
    source.write_text(PROBE, encoding="utf-8")
    text = timed("translate", lambda: translate(source, "pt_probe"))
    module = scratch / "pt_probe.so"
    timed("compile", lambda: compile_c(compiler, text, module))
    loaded = timed("load", lambda: load_module("pt_probe", module))
    x = np.linspace(-5, 5, COUNT)
    y = np.empty(COUNT)
    each = seconds_a_run(loaded.address, [x, y], [COUNT], 100) / COUNT
    if not np.allclose(y, np.exp(x), rtol=1e-14):
        raise BuildError("the probe gives wrong numbers: the compiler and its flags do not agree")
    print(f"run       {1e9 * each:.2f} ns for each exp")


def timed(label: str, step: Callable[[], Any]) -> Any:
    """The step's result, and a line that says how long it took."""
    began = time.perf_counter()
    result = step()
    print(f"{label:<9} {time.perf_counter() - began:.3f} s")
    return result
