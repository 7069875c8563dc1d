"""Loops over the functions of the C headers, compiled several ways and called through ctypes."""

import ctypes
import functools
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

INCLUDE = Path(__file__).resolve().parents[2] / "cython_ext" / "include"
COMMON = ("-O3", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared",
          "-fno-math-errno", "-fno-trapping-math")
BUILDS = {
    "native": ("-march=native", "-mprefer-vector-width=512"),
    "avx2": ("-march=x86-64-v3",),
    "no_fma": ("-march=x86-64", "-ffp-contract=off"),
    "uncontracted": ("-march=native", "-ffp-contract=off"),
}
C_TYPES = {"double": ctypes.c_double, "float": ctypes.c_float,
           "uint32_t": ctypes.c_uint32, "int64_t": ctypes.c_int64, "uint64_t": ctypes.c_uint64}
DTYPES = {"double": np.float64, "float": np.float32,
          "uint32_t": np.uint32, "int64_t": np.int64, "uint64_t": np.uint64}


@dataclass(frozen=True)
class Loop:
    """`y[i] = expression` over arrays x0, x1, ... of type `ctype`, after scalar parameters.

    `parameters` are (type, name) pairs; `result` is the type of y.
    """

    name: str
    expression: str
    arity: int = 1
    ctype: str = "double"
    result: str = "double"
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def text(self):
        """The loop as one line of C, so that a line number names it."""
        arrays = [f"const {self.ctype} *restrict x{k}" for k in range(self.arity)]
        scalars = [f"{ctype} {name}" for ctype, name in self.parameters]
        arguments = ", ".join(["long size", *arrays, *scalars, f"{self.result} *restrict y"])
        body = f"for (long i = 0; i < size; i++) y[i] = {self.expression};"
        return f"void loop_{self.name}({arguments}) {{ {body} }}"


def unary(name):
    """The loop over one double function pt_<name>."""
    return Loop(name, f"pt_{name}(x0[i])")


def binary(name, ctype="double"):
    """The loop over one function of two arguments."""
    return Loop(name, f"pt_{name}(x0[i], x1[i])", 2, ctype, ctype)


class Library:
    """Compiled loops, called by name on NumPy arrays; `vectorised` holds names of loops."""

    def __init__(self, loops, handle, vectorised):
        self.loops = {loop.name: loop for loop in loops}
        self.handle = handle
        self.vectorised = vectorised

    def __call__(self, name, *arrays, size=None, **parameters):
        """y for the arrays (all of one length), or for `size` elements where there are none."""
        loop = self.loops[name]
        arrays = [np.ascontiguousarray(a, dtype=DTYPES[loop.ctype]) for a in arrays]
        size = arrays[0].size if arrays else size
        out = np.empty(size, dtype=DTYPES[loop.result])
        scalars = [C_TYPES[ctype](parameters[key]) for ctype, key in loop.parameters]
        pointers = [ctypes.c_void_p(a.ctypes.data) for a in arrays]
        function = getattr(self.handle, f"loop_{name}")
        function.restype = None
        function(ctypes.c_long(size), *pointers, *scalars, ctypes.c_void_p(out.ctypes.data))
        return out


def processor_flags():
    """The instruction sets Linux reports, or an empty set."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return {flag for line in lines if line.startswith("flags") for flag in line.split()}


def compiler():
    """The path of gcc; the test is skipped without it."""
    path = shutil.which("gcc")
    if path is None:
        pytest.skip("gcc is not installed")
    return path


@functools.cache
def scratch():
    """A folder that lives as long as the session."""
    return tempfile.TemporaryDirectory(prefix="pt-headers-")


@functools.cache
def build(header, loops, name):
    """Compile the loops (a tuple) with the flags of build `name`, once a session."""
    gcc = compiler()
    if name != "native" and platform.machine() != "x86_64":
        pytest.skip(f"the {name} build names x86-64 flags")
    if name == "avx2" and not {"avx2", "fma"} <= processor_flags():
        pytest.skip("this processor has no AVX2")
    stem = Path(scratch().name) / f"{Path(header).stem}_{len(loops)}_{name}"
    source = stem.with_suffix(".c")
    source.write_text("\n".join([f'#include "{header}"', *(loop.text for loop in loops), ""]))
    report = stem.with_suffix(".report")
    report.touch()
    command = [gcc, *COMMON, *BUILDS[name], f"-I{INCLUDE}", str(source), "-o",
               str(stem.with_suffix(".so")), "-lm", f"-fopt-info-vec-optimized={report}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    handle = ctypes.CDLL(str(stem.with_suffix(".so")))
    return Library(loops, handle, vectorised_loops(report.read_text(), source.name, loops))


def vectorised_loops(report, source_name, loops):
    """Names of the loops that gcc's report says became vector code."""
    hits = [line for line in report.splitlines()
            if source_name in line and "loop vectorized" in line]
    numbers = {int(line.split(source_name + ":")[1].split(":")[0]) for line in hits}
    return {loop.name for k, loop in enumerate(loops) if k + 2 in numbers}
