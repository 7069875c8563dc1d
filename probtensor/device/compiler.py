"""CUDA C++ to an image for the device: by NVRTC, NVIDIA's compiler as a library, else by nvcc.

NVRTC is ten times as quick on a small kernel and needs no toolkit, only its wheel. It has none of
C's headers, so those that our sources include are given here. A product and a sum are rounded each,
as in NumPy (no contraction to fma, but where a source calls fma). No option of fast math is set.
"""

from __future__ import annotations

import ctypes
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from probtensor.device.errors import INSTALL, DeviceError
from probtensor.device.libraries.loading import bind, find_library
from probtensor.process import computed_once
from probtensor.system import program

PACKAGE = Path(__file__).resolve().parents[1]
OPTIONS = ("--std=c++17", "--fmad=false")
HEADERS = {
    "math.h": """\
#pragma once
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#define HUGE_VAL __longlong_as_double(0x7ff0000000000000LL)
#define M_PI 3.14159265358979323846
#define M_LN2 0.69314718055994530942
#define M_SQRT2 1.41421356237309504880
""",
    "stdint.h": """\
#pragma once
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long int64_t;
typedef unsigned long uint64_t;
typedef long intptr_t;
typedef unsigned long uintptr_t;
#define INT32_MAX 0x7fffffff
#define UINT32_MAX 0xffffffffu
#define INT64_MAX 0x7fffffffffffffffL
#define INT64_MIN (-INT64_MAX - 1)
#define UINT64_MAX 0xffffffffffffffffUL
""",
    "stddef.h": "#pragma once\n#ifndef NULL\n#define NULL 0\n#endif\n",
    "string.h": "#pragma once\n",
    "stdlib.h": "#pragma once\n",
    "limits.h": """\
#pragma once
#define INT_MAX 0x7fffffff
#define INT_MIN (-INT_MAX - 1)
#define LLONG_MAX 0x7fffffffffffffffLL
#define LLONG_MIN (-LLONG_MAX - 1)
""",
    "float.h": """\
#pragma once
#define DBL_EPSILON 2.2204460492503131e-16
#define DBL_MAX 1.7976931348623157e+308
#define DBL_MIN 2.2250738585072014e-308
#define FLT_EPSILON 1.1920929e-07f
#define FLT_MAX 3.4028235e+38f
#define FLT_MIN 1.1754944e-38f
""",
}
NVRTC_FUNCTIONS = {
    "nvrtcCreateProgram": (
        ctypes.POINTER(ctypes.c_void_p), ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int,
        ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(ctypes.c_char_p),
    ),
    "nvrtcDestroyProgram": (ctypes.POINTER(ctypes.c_void_p),),
    "nvrtcGetProgramLogSize": (ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)),
    "nvrtcGetProgramLog": (ctypes.c_void_p, ctypes.c_char_p),
    "nvrtcGetCUBINSize": (ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)),
    "nvrtcGetCUBIN": (ctypes.c_void_p, ctypes.c_char_p),
}  # fmt: skip
SOURCE_NAME = "kernel.cu"
ERROR_LINE = re.compile(rf"^(?:\S*/)?{re.escape(SOURCE_NAME)}\((\d+)\)", re.MULTILINE)
CONTEXT_LINES = 2  # lines of source shown before and after one with an error
MAX_ERRORS_SHOWN = 5  # errors whose lines are shown


class Nvrtc:
    """NVRTC, loaded at its first use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        status = path.stat()
        self.identity = f"nvrtc {path.name} {status.st_size} {status.st_mtime_ns}"

    @computed_once
    def _functions(self) -> SimpleNamespace:
        # NVRTC opens this library by name when it compiles, but not from its own folder.
        for builtins in self.path.parent.glob("libnvrtc-builtins.so.*"):
            ctypes.CDLL(str(builtins), ctypes.RTLD_GLOBAL)
        library = ctypes.CDLL(str(self.path))
        library.nvrtcGetErrorString.restype = ctypes.c_char_p
        meaning = library.nvrtcGetErrorString
        bound = bind(library, NVRTC_FUNCTIONS, lambda code: meaning(code).decode())
        bound.compile = library.nvrtcCompileProgram
        return bound

    def compile(self, source: str, arch: str, include: Sequence[Path]) -> bytes:
        """The cubin of a source. DeviceError shows the errors of NVRTC and their lines."""
        nvrtc = self._functions
        program = ctypes.c_void_p()
        names, texts = _strings(HEADERS), _strings(HEADERS.values())
        nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), SOURCE_NAME.encode(),
                                 len(HEADERS), texts, names)  # fmt: skip
        try:
            options = [f"--gpu-architecture={arch}", *OPTIONS]
            options += [f"--include-path={folder}" for folder in include]
            if nvrtc.compile(program, len(options), _strings(options)):
                raise compile_error("NVRTC", _text(nvrtc, program, "ProgramLog").decode(), source)
            return _text(nvrtc, program, "CUBIN")
        finally:
            nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


class Nvcc:
    """The compiler of a CUDA toolkit."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @computed_once
    def identity(self) -> str:
        """The output of `nvcc --version`."""
        with tempfile.TemporaryDirectory(prefix="probtensor-") as folder:
            return f"nvcc {self._run(['--version'], Path(folder))[1]}"

    def _run(self, arguments: Sequence[str | Path], folder: Path) -> tuple[int, str]:
        """Exit status and output. DeviceError at the time limit."""
        try:
            command = [str(self.path), *map(str, arguments)]
            return program.run(command, folder / "log", program.limit())
        except (program.TimedOut, OSError) as error:
            raise DeviceError(f"nvcc: {error}; {program.LIMIT} sets its limit of time") from None

    def compile(self, source: str, arch: str, include: Sequence[Path]) -> bytes:
        """The cubin of a source. DeviceError shows the errors of nvcc and their lines."""
        with tempfile.TemporaryDirectory(prefix="probtensor-") as folder:
            text, image = Path(folder, SOURCE_NAME), Path(folder, "kernel.cubin")
            text.write_text(source, encoding="utf-8")
            arguments = ["-cubin", f"-arch={arch}", *OPTIONS, "-o", image, text]
            arguments += [f"-I{path}" for path in include]
            status, log = self._run(arguments, Path(folder))
            if status:
                raise compile_error("nvcc", log, source)
            return image.read_bytes()


def find_compiler(newest: int | None = None) -> Nvrtc | Nvcc:
    """NVRTC of a major version up to `newest`, the driver's; else nvcc; else DeviceError."""
    path = find_library("nvrtc", newest)
    if path is not None:
        return Nvrtc(path)
    nvcc = shutil.which("nvcc")
    if nvcc:
        return Nvcc(Path(nvcc))
    raise DeviceError(f"there is neither NVRTC nor nvcc to compile kernels with: {INSTALL}")


def compile_error(compiler: str, log: str, source: str) -> DeviceError:
    """The compiler's log, and the lines of the source that it names."""
    lines = source.splitlines()
    numbers = [int(number) for number in ERROR_LINE.findall(log)]
    shown = {
        line
        for number in list(dict.fromkeys(numbers))[:MAX_ERRORS_SHOWN]
        for line in range(number - CONTEXT_LINES, number + CONTEXT_LINES + 1)
        if 0 < line <= len(lines)
    }
    excerpt = "\n".join(
        f"{'>' if line in numbers else ' '}{line:5}  {lines[line - 1]}" for line in sorted(shown)
    )
    return DeviceError(f"{compiler} refused a kernel:\n{log.strip(chr(0)).strip()}\n{excerpt}")


def include_folders() -> tuple[Path, ...]:
    """The folders of the hand-written headers, in the source tree or in an installed package.
    Headers for the CPU alone are in a subfolder, which is not included."""
    cuda = PACKAGE / "cuda_sources"
    if not cuda.is_dir():
        cuda = PACKAGE.parent / "cuda"
    return cuda, PACKAGE.parent / "cython_ext" / "include"


@cache
def headers_digest(folders: tuple[Path, ...]) -> str:
    """A digest of every header that a kernel may include."""
    digest = hashlib.sha256(repr(sorted(HEADERS.items())).encode())
    for folder in folders:
        for path in sorted([*folder.glob("*.h"), *folder.glob("*.cuh")]):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def image_key(source: str, arch: str, compiler: Nvrtc | Nvcc, include: tuple[Path, ...]) -> str:
    """A hash of all that an image depends on."""
    parts = (arch, compiler.identity, *OPTIONS, headers_digest(include), source)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _strings(texts: Iterable[str]) -> ctypes.Array[ctypes.c_char_p]:
    encoded = [text.encode() for text in texts]
    return (ctypes.c_char_p * len(encoded))(*encoded)


def _text(nvrtc: SimpleNamespace, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    getattr(nvrtc, f"nvrtcGet{what}")(program, text)
    return text.raw
