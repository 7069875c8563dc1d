"""The C compiler of this machine: which it is, how it is called, and the Cython translator."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cython_ext
from probtensor.targets.base import BuildError
from probtensor.targets.quickstart import generated

# No -ffast-math and no -fassociative-math: NaN, infinity and the order of sums are kept. The two
# -fno flags drop errno and floating-point traps, which nothing reads. Integers wrap, as in NumPy.
OPTIMISE = ("-O3", "-fno-math-errno", "-fno-trapping-math", "-fwrapv")
# What this very processor can do; a key of the cache, as the modules run nowhere else.
NATIVE = {
    "x86_64": ("-march=native", "-mprefer-vector-width=512"),
    "AMD64": ("-march=native", "-mprefer-vector-width=512"),
    "aarch64": ("-mcpu=native",),
    "arm64": ("-mcpu=apple-m1",),
}
SHARED = ("-shared", "-fPIC", "-pipe", "-g0", "-w", "-DNDEBUG")
SHARED_MACOS = ("-bundle", "-undefined", "dynamic_lookup", "-pipe", "-g0", "-w", "-DNDEBUG")
DIRECTIVES = {
    "language_level": 3,
    "binding": False,
    "boundscheck": False,
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
    "embedsignature": False,
    "auto_pickle": False,
    "emit_code_comments": False,
    "freethreading_compatible": True,
}
_TRANSLATING = threading.Lock()
# A child forked while another thread translates would wait for that thread for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_TRANSLATING._at_fork_reinit)


@dataclass(frozen=True)
class Compiler:
    """A C compiler as a command, and what tells it from any other."""

    command: tuple[str, ...]
    identity: str


def include_dir() -> Path:
    """Folder of the C headers that generated code includes."""
    return Path(cython_ext.__file__).parent / "include"


@cache
def headers_hash() -> str:
    """Hash of everything hand-written that generated modules are compiled against."""
    folder = include_dir()
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.h"), *folder.parent.glob("*.pxd")]):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def cython_version() -> str:
    """Version of the installed Cython, read from its text: importing it takes half a second."""
    spec = importlib.util.find_spec("Cython")
    if spec is None or not spec.origin:
        return "missing"
    text = (Path(spec.origin).parent / "Shadow.py").read_text(errors="replace")[:4096]
    found = re.search(r"__version__.*?=\s*[\"']([^\"']+)", text)
    return found[1] if found else "unknown"


@cache
def cpu_identity() -> str:
    """What -march=native depends on: the processor's model and feature flags."""
    parts = [platform.machine()]
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            head = file.read(8192).split("\n\n")[0]
        wanted = ("vendor_id", "cpu family", "model", "flags", "Features", "CPU implementer",
                  "CPU part")  # fmt: skip
        parts += [line for line in head.splitlines() if line.startswith(wanted)]
    except OSError:
        parts += [platform.processor(), *_sysctl("machdep.cpu.brand_string")]
    return "\n".join(parts)


def _sysctl(name: str) -> list[str]:
    if sys.platform != "darwin":
        return []
    run = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, check=False)
    return [run.stdout.strip()]


def compiler_command() -> tuple[str, ...]:
    """The compiler as $CC says, else the first of cc, gcc and clang; BuildError without one."""
    asked = shlex.split(os.environ.get("CC", ""))
    for words in [asked] if asked else [["cc"], ["gcc"], ["clang"]]:
        found = shutil.which(words[0])
        if found:
            return (found, *words[1:])
    missing = f"the compiler named by CC, {asked[0]!r}, is not there" if asked else "no C compiler"
    raise BuildError(
        f'{missing}: target="cython" compiles its code with one (cc, gcc or clang).\n'
        "  Debian, Ubuntu: apt install gcc     Fedora: dnf install gcc\n"
        "  macOS: xcode-select --install       conda: conda install c-compiler\n"
        "  or set CC to the compiler's path.\n"
        'Until then target="interp", or PROBTENSOR_TARGET=interp in the environment, gives the '
        "same results, slowly."
    )


@cache
def find_compiler(command: tuple[str, ...], folder: Path) -> Compiler:
    """A compiler with its identity, which is noted in `folder` so that it is asked only once."""
    real = os.path.realpath(command[0])
    status = os.stat(real)
    key = json.dumps([command, real, status.st_mtime_ns, status.st_size])
    note = hashlib.sha256(key.encode()).hexdigest()[:24]
    kept = folder / f"compiler-{note}.txt"
    try:
        version = kept.read_text(encoding="utf-8")
    except OSError:
        version = ""
    if not version:
        version = _ask_version(command)
        _write_aside(kept, version)
    return Compiler(command, f"{key}\n{version}")


def _ask_version(command: tuple[str, ...]) -> str:
    try:
        run = subprocess.run(
            [*command, "--version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(_broken(command, str(error))) from None
    if run.returncode:
        raise BuildError(_broken(command, (run.stderr or run.stdout).strip()))
    return run.stdout.strip()


def _write_aside(path: Path, text: str) -> None:
    """Best effort: without the note the compiler is merely asked again."""
    aside = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, path)
    except OSError:
        with suppress(OSError):
            aside.unlink()


def _broken(command: Sequence[str], output: str) -> str:
    rows = [row for row in output.splitlines() if row.strip()]
    errors = [row for row in rows if "error" in row.lower()][:2] or rows[:2]
    return "\n".join(
        [
            f"the C compiler {command[0]} failed:",
            *(f"  {row[:160]}" for row in errors),
            "run `python -m probtensor doctor` for a report; set CC to another compiler, or use",
            'target="interp", which needs none.',
        ]
    )


@cache
def flags() -> tuple[str, ...]:
    """Every flag of the compiler but folders and files."""
    shared = SHARED_MACOS if sys.platform == "darwin" else SHARED
    return (*OPTIMISE, *NATIVE.get(platform.machine(), ()), *shared)


def translate(source: Path, module: str) -> Path:
    """A .pyx to a .c beside it, by the Cython compiler in this process.

    The first translation of a process takes a quarter of a second, further ones some 20 ms.
    BuildError names the first error.
    """
    with _TRANSLATING, generated():
        from Cython.Compiler.Errors import CompileError
        from Cython.Compiler.Main import CompilationOptions, compile_single

        options = CompilationOptions(
            include_path=[str(include_dir().parent.parent)],
            compiler_directives=dict(DIRECTIVES),
            emit_linenums=False,
            use_listing_file=True,
            errors_to_stderr=False,
        )
        target = source.with_suffix(".c")
        options.output_file = str(target)
        try:
            result = compile_single(str(source), options, module)
            failed = result.num_errors > 0
        except CompileError:
            failed = True
    if failed or not target.exists():
        listing = source.with_suffix(".lis")
        report = listing.read_text(errors="replace") if listing.exists() else ""
        raise BuildError(f"Cython refuses {source}:\n{report[:1500]}")
    return target


def compile_c(compiler: Compiler, source: Path, target: Path) -> None:
    """A .c file to a loadable module. BuildError quotes the compiler."""
    includes = [include_dir(), sysconfig.get_path("include"), sysconfig.get_path("platinclude")]
    command = [*compiler.command, *flags()]
    command += [f"-I{folder}" for folder in dict.fromkeys(map(str, includes))]
    command += [str(source), "-o", str(target), "-lm"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BuildError(_broken(command, str(error))) from None
    if run.returncode or not target.exists():
        raise BuildError(_broken(command, run.stderr or f"it ended with {run.returncode}"))
