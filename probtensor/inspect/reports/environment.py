"""What a maintainer asks for first: versions, processor, BLAS, compiler, cache, GPU, settings."""

from __future__ import annotations

import locale
import os
import platform
import re
import sys
from collections.abc import Callable, Container, Iterator
from importlib import metadata
from pathlib import Path

import numpy as np

from cython_ext.cpus import available_cpus
from probtensor import device
from probtensor.late import late
from probtensor.targets.base import BuildError
from probtensor.targets.cache import cache_folder, writing_store
from probtensor.targets.cython.toolchain import compiler_command, find_compiler, flags
from probtensor.targets.machine.levels import machine
from probtensor.version import __version__

ctypes = late("ctypes")
PACKAGES = (
    "numpy", "scipy", "Cython", "arviz", "xarray", "threadpoolctl", "rich", "mpmath", "pycuda",
    "cupy", "nvidia-cublas-cu12", "torch", "jax", "pymc", "pytensor", "numpyro", "nutpie",
    "blackjax",
)  # fmt: skip
# Variables of the environment that change what is computed, built or how quickly.
VARIABLES = re.compile(
    r"PROBTENSOR_|(CC|CFLAGS|CPPFLAGS|LDFLAGS|LD_LIBRARY_PATH|LD_PRELOAD|DYLD_LIBRARY_PATH)$"
    r"|(OMP|OPENBLAS|MKL|BLIS|VECLIB|GOTO|NUMEXPR)_|(CUDA|NVIDIA)_|SLURM_CPUS|PYTHON(HASHSEED|"
    r"OPTIMIZE|MALLOC|DEVMODE|DONTWRITEBYTECODE|_GIL|UTF8)|(XDG_CACHE_HOME|TMPDIR|LANG|LC_\w+)$"
)
# The functions of BLAS libraries that tell how many threads they use.
THREADS = tuple(
    f"{prefix}openblas_get_num_threads{suffix}"
    for prefix in ("", "scipy_")
    for suffix in ("", "64_", "_64_")
) + ("MKL_Get_Max_Threads", "bli_thread_get_num_threads")
GIB = 2**30


def rows(omitted: Container[str] = ()) -> Iterator[str]:
    """The environment, a line for each fact: a word of at most nine letters, and the fact, but for
    facts of omitted names. What cannot be found out is told as such; nothing is raised."""
    for name in FACTS:
        if name in omitted:
            continue
        fact = FACTS[name]
        try:
            lines = list(fact())
        except Exception as error:  # an odd machine must not hide the other facts
            lines = [f"unknown: {type(error).__name__}: {' '.join(str(error).split())[:200]}"]
        for k, line in enumerate(lines):
            yield f"{name if k == 0 else '':<9} {line}"


def text() -> str:
    """All rows."""
    return "\n".join(rows()) + "\n"


def _versions() -> Iterator[str]:
    yield f"probtensor {__version__}"
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    yield ", ".join(found)


def _python() -> Iterator[str]:
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    yield (
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{platform.python_compiler()}, GIL {'on' if gil else 'off'}, "
        f"optimize={sys.flags.optimize}"
    )


def _system() -> Iterator[str]:
    yield f"{platform.platform()}, {' '.join(platform.libc_ver()).strip() or 'libc unknown'}"


def _processor() -> Iterator[str]:
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"^model name\s*: (.*)$", info.read_text(), flags=re.M)
        name = found.group(1) if found else name
    yield f"{name}, level {machine().level}, {available_cpus()} of {os.cpu_count()} CPUs usable"
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        yield f"{memory / GIB:.1f} GiB of memory"


def _blas() -> Iterator[str]:
    """The libraries that products and factors of matrices are computed by, with their threads."""
    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    yield f"NumPy was built with {built.get('name')} {built.get('version')}"
    import scipy

    built = scipy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    yield f"SciPy, whose routines are called, with {built.get('name')} {built.get('version')}"
    import scipy.linalg.cython_blas

    yield from _loaded() or ["its threads are unknown: no OpenBLAS or MKL is loaded by name"]


def _loaded() -> list[str]:
    """The libraries for linear algebra in this process, each with its threads, as they tell."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return []
    words = (line.split(maxsplit=5)[-1].strip() for line in maps.read_text().splitlines())
    paths = dict.fromkeys(w for w in words if re.search(r"/[^/]*(openblas|mkl_rt|blis)[^/]*$", w))
    return [f"{os.path.basename(path)}: {_threads(path)}" for path in paths]


def _threads(path: str) -> str:
    library = ctypes.CDLL(path)
    for name in THREADS:
        if hasattr(library, name):
            count = getattr(library, name)()
            config = getattr(library, name.replace("num_threads", "config"), None)
            if config is None:
                return f"{count} threads"
            config.restype = ctypes.c_char_p
            return f"{count} threads, {' '.join(config().decode(errors='replace').split())}"
    return "threads unknown"


def _compiler() -> Iterator[str]:
    try:
        command = compiler_command()
    except BuildError as error:
        yield f"none: {str(error).splitlines()[0]}"
        return
    compiler = find_compiler(command, writing_store(cache_folder()).folder)
    yield f"{' '.join(command)}: {compiler.identity.splitlines()[1]}"
    yield f"flags {' '.join(flags())}"


def _cache() -> Iterator[str]:
    store = writing_store(cache_folder())
    entries = store.entries()
    size = sum(entry[2] for entry in entries)
    writable = os.access(store.folder, os.W_OK)
    other = "" if store.folder == cache_folder() else f" (instead of {cache_folder()})"
    yield (
        f"{store.folder}{other}, {len(entries)} entries, {size / 2**20:.1f} MiB, "
        f"{'writable' if writable else 'NOT writable'}"
    )


def _gpu() -> Iterator[str]:
    try:
        driver = device.driver()
    except device.DeviceError as error:
        yield f"none: {str(error).splitlines()[0]}"
        return
    free, total = driver.memory()
    yield f"{driver.name}, {driver.arch}, {free / GIB:.1f} of {total / GIB:.1f} GiB free"
    yield f"{driver.identity}"


def _locale() -> Iterator[str]:
    name = ".".join(part or "" for part in locale.getlocale())
    output = getattr(sys.stdout, "encoding", None)
    yield (
        f"{name}, files {sys.getfilesystemencoding()}, output {output}, {sys.byteorder}-endian"
    )


def _numbers() -> Iterator[str]:
    info = np.finfo(np.longdouble)
    tiny = np.float64(5e-324)
    yield (
        f"longdouble of {info.nmant + 1} bits, subnormals "
        f"{'kept' if tiny * 1.0 == tiny else 'FLUSHED to zero'}, rounding "
        f"{'to nearest' if 1.0 + 2.0**-53 == 1.0 else 'NOT to nearest'}"
    )


def _variables() -> Iterator[str]:
    found = [f"{k}={v}" for k, v in sorted(os.environ.items()) if VARIABLES.match(k)]
    yield from found or ["none is set that matters"]


FACTS: dict[str, Callable[[], Iterator[str]]] = {
    "versions": _versions,
    "python": _python,
    "system": _system,
    "processor": _processor,
    "blas": _blas,
    "compiler": _compiler,
    "cache": _cache,
    "gpu": _gpu,
    "locale": _locale,
    "numbers": _numbers,
    "variables": _variables,
}
