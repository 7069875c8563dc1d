"""The C compiler of this machine: its identity, its flags, and the Cython translator."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
import os
import platform
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

import cython_ext
from cython_ext import scipy_special
from probtensor.dataclass import dataclass
from probtensor.late import late
from probtensor.process import importing, new_lock
from probtensor.system import files, program
from probtensor.targets.base import BuildError
from probtensor.targets.cython import routines
from probtensor.targets.cython.bare import make_bare
from probtensor.targets.cython.quickstart import functions_alone, generated

subprocess, shutil, tempfile = late("subprocess"), late("shutil"), late("tempfile")
shlex, sysconfig = late("shlex"), late("sysconfig")

# No -ffast-math and no -fassociative-math: NaN, infinity and the order of sums are preserved.
# Without contraction a product is rounded before it is added, as in NumPy, so that x*x - y*y is 0
# where x == y; our formulas use PT_MA to fuse. The vectoriser of straight-line code is off: in gcc
# 11 and later it fuses all the same where it pairs a difference with a sum of products. The two
# -fno flags drop errno and floating-point traps, which are not used. Integers wrap, as in NumPy.
# Without partial redundancies, since gcc merges conditions into selections of truth values there,
# and vectorises no loop with such; nor one with more than 10 pairs of pointers to compare.
OPTIMISE = ("-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fwrapv",
            "-fno-tree-slp-vectorize", "-fno-tree-pre",
            "--param=vect-max-version-for-alias-checks=100")  # fmt: skip
# Flags for this processor, whose identity is part of the cache key.
NATIVE = {
    "x86_64": ("-march=native", "-mprefer-vector-width=512"),
    "AMD64": ("-march=native", "-mprefer-vector-width=512"),
    "aarch64": ("-mcpu=native",),
    "arm64": ("-mcpu=apple-m1",),
}
# A plan is a plain shared object: the import code of Cython is left out, and the linker makes two
# mappings instead of five, of the 65,530 that a process may have.
MODULE_FLAGS = ("-pipe", "-g0", "-w", "-DNDEBUG",
         "-DPyMODINIT_FUNC=static __attribute__((unused)) PyObject *")  # fmt: skip
SHARED = ("-shared", "-fPIC", *MODULE_FLAGS, "-Wl,-z,noseparate-code", "-Wl,-z,norelro",
          "-Wl,--build-id=none")  # fmt: skip
SHARED_MACOS = ("-bundle", "-undefined", "dynamic_lookup", *MODULE_FLAGS)
# The linker's version script, and the declaration by which Cython exports the plan under its name.
EXPORTS = "{ global: pt_plan; pt_link_*; local: *; };\n"
DECLARATIONS = """\
from libc.stdint cimport int64_t
cdef public int pt_plan(void** b, const int64_t* n) noexcept nogil
"""
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
NOTE_PREFIX = "compiler-"  # of the files with identities of compilers
VERSION_SECONDS = 60.0  # limit of `cc --version`
_TRANSLATING = new_lock()
_STARTED = threading.Event()  # Cython has been imported


@dataclass(frozen=True)
class Compiler:
    """A C compiler: its command and its identity, which includes its version."""

    command: tuple[str, ...]
    identity: str


def include_dir() -> Path:
    """Folder of the C headers that generated code includes; those for the CPU alone are in
    its subfolder `host`."""
    return Path(cython_ext.__file__).parent / "include"


@cache
def headers_hash() -> str:
    """Hash of all headers and .pxd files that generated modules include."""
    folder = include_dir()
    digest = hashlib.sha256()
    for path in sorted([*folder.rglob("*.h"), *folder.parent.glob("*.pxd")]):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    for module in routines.MODULES:
        digest.update((routines.declarations(module) + routines.header(module)).encode())
    digest.update(scipy_special.declarations().encode())
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
        relevant = ("vendor_id", "cpu family", "model", "flags", "Features", "CPU implementer",
                  "CPU part")  # fmt: skip
        parts += [line for line in head.splitlines() if line.startswith(relevant)]
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
    named = os.environ.get("CC", "")
    try:
        asked = shlex.split(named) if named else []
    except ValueError as error:
        raise BuildError(
            f"CC={os.environ['CC']!r:.80} is no command: {error}\n"
            'set it to a C compiler or unset it; or use target="machine", which needs none.'
        ) from None
    for words in [asked] if asked else [["cc"], ["gcc"], ["clang"]]:
        found = program_at(words[0])
        if found:
            return (found, *words[1:])
    missing = f"the compiler named by CC, {asked[0]!r}, is not there" if asked else "no C compiler"
    raise BuildError(
        f'{missing}: target="cython" compiles its code with one (cc, gcc or clang).\n'
        "  Debian, Ubuntu: apt install gcc     Fedora: dnf install gcc\n"
        "  macOS: xcode-select --install       conda: conda install c-compiler\n"
        "  or set CC to the compiler's path.\n"
        'Until then target="machine", or PROBTENSOR_TARGET=machine in the environment, gives the '
        "same results."
    )


def program_at(name: str) -> str | None:
    """The path of a program, as `shutil.which` has it, whose import takes as long as a small model
    does to its first gradient; None if there is none."""
    folders = [""] if os.path.dirname(name) else os.get_exec_path()
    paths = (os.path.join(folder, name) for folder in folders)
    return next((x for x in paths if os.path.isfile(x) and os.access(x, os.X_OK)), None)


@cache
def find_compiler(command: tuple[str, ...], folder: Path) -> Compiler:
    """A compiler with its identity, which is recorded in `folder`, so that it is called only
    once."""
    real = os.path.realpath(command[0])
    status = os.stat(real)
    key = json.dumps([command, real, status.st_mtime_ns, status.st_size])
    name = hashlib.sha256(key.encode()).hexdigest()[:24]
    note = folder / f"{NOTE_PREFIX}{name}.txt"
    noted = _noted(note)
    if noted is not None and noted.startswith(key + "\n"):
        return Compiler(command, noted)
    identity = f"{key}\n{_ask_version(command, folder)}"
    with suppress(OSError):  # without the file the compiler is called again
        files.write(folder, note.name, identity.encode())
    return Compiler(command, identity)


def recorded_compilers(folder: Path) -> list[Compiler]:
    """Compilers that were used with this cache, the latest first: their modules can be loaded even
    if there is no compiler now."""
    found = []
    with suppress(OSError):
        for note in folder.glob(f"{NOTE_PREFIX}*.txt"):
            with suppress(OSError):
                found.append((note.stat().st_mtime, _noted(note)))
    texts = [text for _, text in sorted(found, key=lambda pair: -pair[0]) if text]
    return [Compiler((), text) for text in texts]


def _noted(note: Path) -> str | None:
    """The identity in a file; None if it is missing or damaged."""
    try:
        return files.read(note).decode("utf-8")
    except (OSError, ValueError):
        return None


def _ask_version(command: tuple[str, ...], folder: Path) -> str:
    try:
        descriptor, name = tempfile.mkstemp(suffix=".aside", dir=folder)
    except OSError:  # it does not exist yet, or is read-only
        try:
            descriptor, name = tempfile.mkstemp(prefix="probtensor-")
        except OSError:
            raise files.NoFolder from None
    os.close(descriptor)
    try:
        status, text = _run([*command, "--version"], Path(name), VERSION_SECONDS)
    finally:
        os.unlink(name)
    if status:
        raise BuildError(compiler_failure(command, text.strip() or f"it ended with {status}"))
    return text.strip()


def _run(command: Sequence[str], output: Path, seconds: float = math.inf) -> tuple[int, str]:
    """Run the compiler with a time limit, the user's or a lower one; BuildError if it cannot be
    run, or exceeds the limit."""
    try:
        return program.run(command, output, min(seconds, program.limit()))
    except program.TimedOut as error:
        text = f"{error} and was stopped; {program.LIMIT} sets that limit in seconds"
        raise BuildError(compiler_failure(command, text)) from None
    except ValueError as error:
        raise BuildError(str(error)) from None
    except OSError as error:
        if error.errno in files.NO_ROOM or not output.parent.is_dir():
            raise
        raise BuildError(compiler_failure(command, str(error))) from None


def compiler_failure(command: Sequence[str], output: str) -> str:
    """The message for a failed compiler, with its output."""
    rows = ["".join(c if c.isprintable() else "?" for c in row) for row in output.splitlines()]
    rows = [row for row in rows if row.strip()]
    errors = [row for row in rows if "error" in row.lower()][:2] or rows[:2]
    return "\n".join(
        [
            f"the C compiler {command[0]} failed:",
            *(f"  {row[:160]}" for row in errors),
            "run `python -m probtensor doctor` for a report; set CC to another compiler, or use",
            'target="machine", which needs none and gives the same results.',
        ]
    )


@cache
def flags() -> tuple[str, ...]:
    """All compiler flags except folders and files."""
    shared = SHARED_MACOS if sys.platform == "darwin" else SHARED
    return (*OPTIMISE, *NATIVE.get(platform.machine(), ()), *shared)


def translate(source: Path, module: str) -> Path:
    """A .pyx with a plan to a .c beside it, by the Cython compiler in this process, without the
    Python module around the plan.

    The first translation of a process takes a quarter of a second, further ones some 20 ms.
    BuildError names the first error.
    """
    _declare(source)
    target = source.with_suffix(".c")
    with _TRANSLATING, _exclude_forks_at_import(), generated():
        with functions_alone():
            done = _translate(source, module) and make_bare(target)
        if not done and not _translate(source, module):
            listing = source.with_suffix(".lis")
            report = listing.read_text(errors="replace") if listing.exists() else ""
            raise BuildError(f"Cython refuses {source}:\n{report[:1500]}")
    return target


def _translate(source: Path, module: str) -> bool:
    """Whether Cython translates a file without errors."""
    from Cython.Compiler.Errors import CompileError
    from Cython.Compiler.Main import CompilationOptions, compile_single

    target = source.with_suffix(".c")
    with ExitStack() as stack:
        folder = _plain_name(source.parent, stack)
        options = CompilationOptions(
            include_path=[folder, _plain_name(include_dir().parent.parent, stack)],
            compiler_directives=dict(DIRECTIVES),
            emit_linenums=False,
            use_listing_file=True,
            errors_to_stderr=False,
        )
        options.output_file = f"{folder}/{target.name}"
        try:
            result = compile_single(f"{folder}/{source.name}", options, module)
            failed = result.num_errors > 0
        except CompileError:
            failed = True
    return not failed and target.exists()


def _plain_name(folder: Path, stack: ExitStack) -> str:
    """A printable path of a folder, as translator and compiler write it into text."""
    if str(folder).isprintable() or not os.path.isdir("/proc/self/fd"):
        return str(folder)
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    return f"/proc/{os.getpid()}/fd/{descriptor}"


def _declare(source: Path) -> None:
    """Write the .pxd files for a plain shared object: the plan is exported under its name, and
    routines are called through pointers instead of being imported."""
    source.with_suffix(".pxd").write_text(DECLARATIONS, encoding="utf-8")
    package = source.parent / "cython_ext"
    package.mkdir(exist_ok=True)
    (package / "__init__.pxd").write_text("")
    for module in routines.MODULES:
        text = routines.declarations(module)
        (package / f"{module}.pxd").write_text(text, encoding="utf-8")
        header = source.parent / routines.header_name(module)
        header.write_text(routines.header(module), encoding="utf-8")
    (source.parent / "pt_scipy.h").write_text(scipy_special.declarations(), encoding="utf-8")


@contextmanager
def _exclude_forks_at_import() -> Iterator[None]:
    """The context of a translation: forks wait for the first one, which imports Cython."""
    if _STARTED.is_set():
        yield
        return
    with importing():
        yield
        _STARTED.set()


def compile_c(
    compiler: Compiler, source: Path, target: Path, extra: Sequence[str] = ()
) -> None:
    """A .c file to a shared object in the same folder, with `extra` flags. BuildError quotes the
    compiler."""
    exports = source.with_suffix(".map")
    exports.write_text(EXPORTS, encoding="utf-8")
    includes = [include_dir(), include_dir() / "host", sysconfig.get_path("include"),
                sysconfig.get_path("platinclude")]  # fmt: skip
    with ExitStack() as stack:
        folder = _plain_name(source.parent, stack)
        command = [*compiler.command, *flags(), *extra]
        command += [f"-I{_plain_name(Path(path), stack)}" for path in dict.fromkeys(includes)]
        if sys.platform == "darwin":
            command.append("-Wl,-exported_symbol,_pt_*")
        else:  # -Wl would split the name at a comma
            command += ["-Xlinker", f"--version-script={folder}/{exports.name}"]
        command += [f"{folder}/{source.name}", "-o", f"{folder}/{target.name}", "-lm"]
        status, text = _run(command, source.with_suffix(".log"))
    if status or not target.exists():
        raise BuildError(compiler_failure(compiler.command, text or f"it ended with {status}"))
