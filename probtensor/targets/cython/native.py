"""Generated Cython text to a loaded module: from the cache, or built and cached."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import time
from contextlib import suppress
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from weakref import WeakValueDictionary

from cython_ext.library import Library
from probtensor.late import late
from probtensor.lower.plan import Plan
from probtensor.schedule.strips.passes import strip
from probtensor.schedule.strips.text import to_text
from probtensor.system import files
from probtensor.system.stages import stage
from probtensor.targets.base import BuildError, Built
from probtensor.targets.cache import (
    ModuleStore,
    cache_folder,
    evict_once,
    reading_stores,
    writing_store,
)
from probtensor.targets.cython.loader import load_module
from probtensor.targets.cython.render import render
from probtensor.targets.cython.toolchain import (
    DECLARATIONS,
    DIRECTIVES,
    EXPORTS,
    Compiler,
    compile_c,
    compiler_command,
    compiler_failure,
    cpu_identity,
    cython_version,
    find_compiler,
    flags,
    headers_hash,
    recorded_compilers,
    translate,
)
from probtensor.version import __version__

shutil = late("shutil")

TRIES = 3  # another process may empty the cache at any time
MIN_FREE_BYTES = 1 << 20  # to build a module
# Loaded modules by their cache key: a plan that is compiled again is mapped once.
_LOADED: WeakValueDictionary[tuple, Library] = WeakValueDictionary()


class CythonTarget:
    """The default target: one Cython module a plan, compiled for this machine."""

    name = "cython"

    def build(self, plan: Plan) -> Built:
        """Render, compile (or find) and load. BuildError where there is no working compiler."""
        began = time.perf_counter()
        source = render(plan)
        return self.load(source, time.perf_counter() - began)

    def schedule(self, plan: Plan) -> str:
        """The strips of each kernel, as text."""
        return "".join(to_text(kernel.name, strip(kernel.body)) for kernel in plan.kernels)

    def load(self, source: str, rendering: float = 0.0) -> Built:
        """Load the module of generated text, built if necessary."""
        began = time.perf_counter()
        library, _ = module_of(source)
        return _built(source, library, rendering, time.perf_counter() - began)

    def find(self, source: str) -> Built | None:
        """The module of generated text if it is loaded or cached; nothing is built."""
        began = time.perf_counter()
        with suppress(BuildError):
            library = module_of(source, build=False)[0]
            return _built(source, library, 0.0, time.perf_counter() - began)
        return None


def _built(source: str, library: Library, rendering: float, building: float) -> Built:
    timings = {"render": rendering, "build": building}
    return Built(Address.of(library), source, str(library.path), timings, library)


class Address(int):
    """The address of a plan, valid while this object is alive."""

    library: Library

    @classmethod
    def of(cls, library: Library) -> Address:
        """The address of a module's plan."""
        address = cls(library.address)
        address.library = library
        return address


def code_of(source: str) -> str:
    """The text without comment lines, which do not affect the program."""
    return "\n".join(row for row in source.splitlines() if not row.lstrip().startswith("#"))


def key_of(code: str, compiler: Compiler) -> str:
    """Hash of all that the built module depends on."""
    parts = (
        code,
        compiler.identity,
        " ".join(flags()),
        EXPORTS + DECLARATIONS,
        repr(sorted(DIRECTIVES.items())),
        cpu_identity(),
        EXTENSION_SUFFIXES[0],
        sys.version,
        cython_version(),
        __version__,
        headers_hash(),
    )
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part.encode()).digest())
    return digest.hexdigest()


def module_of(source: str, build: bool = True) -> tuple[Library, Path]:
    """The loaded module of generated text, and its file. BuildError if it cannot be built, or
    without `build` if it is neither loaded nor cached.

    The module is unloaded when the Library is destroyed.
    """
    try:
        folder = cache_folder()
        code = code_of(source)
        cache_key = (code, folder, os.environ.get("CC"), os.environ.get("PATH"))
        library = _LOADED.get(cache_key)
        if library is None:
            _LOADED[cache_key] = library = find_or_build(code, source, folder, build)
    except files.NoFolder as error:
        raise BuildError(error.strerror) from None
    return library, library.path


def find_or_build(code: str, source: str, folder: Path, build: bool = True) -> Library:
    """The module of a text, from the cache or, with `build`, built. BuildError if there is none."""
    compiler, missing = None, BuildError("no C compiler")
    try:
        compiler = find_compiler(compiler_command(), files.readable(folder))
    except BuildError as error:
        missing = error
    except files.NoFolder as error:
        missing = BuildError(error.strerror)
    except OSError as error:
        missing = BuildError(f"the C compiler: {error}")
    stores = reading_stores(folder)
    for store in stores:
        for candidate in [compiler] if compiler else recorded_compilers(store.folder):
            found = _load(store, key_of(code, candidate))
            if found is not None:
                return found
    if compiler is None or not build:
        raise missing
    return _build(key_of(code, compiler), source, compiler, folder)


def _load(store: ModuleStore, key: str) -> Library | None:
    """The module of an entry; None if there is none, or it cannot be loaded."""
    found = store.find(key)
    if found is None:
        return None
    try:
        return load_module(found.path)
    except ImportError:
        return None


def _build(key: str, source: str, compiler: Compiler, folder: Path) -> Library:
    """Build a module in the cache, else in a temporary folder, with one warning."""
    store = writing_store(folder)
    try:
        return _build_and_store(store, key, source, compiler)
    except (OSError, ImportError) as error:
        first = error
    fallback_store = ModuleStore(files.fallback())
    try:
        if store.folder == fallback_store.folder:
            raise first
        made = _load(fallback_store, key) or _build_and_store(fallback_store, key, source, compiler)
    except ImportError as error:  # it cannot be loaded from either folder
        text = f"error: it made something that cannot be loaded ({error})"
        raise BuildError(compiler_failure(compiler.command, text)) from None
    except OSError as error:
        folders = dict.fromkeys([str(store.folder), str(fallback_store.folder)])
        raise BuildError(
            f"no module can be built in {' or in '.join(folders)}: {error}\n"
            f"set {files.VARIABLE} to a folder with room, from which programs may run; or use "
            'target="machine", which builds nothing.'
        ) from None
    reason = files.cannot_write(store.folder, getattr(first, "strerror", None) or str(first))
    files.instead_of(store.folder, reason)
    return made


def _build_and_store(store: ModuleStore, key: str, source: str, compiler: Compiler) -> Library:
    """Build in a scratch folder and store. OSError or ImportError where the folder is unusable."""
    for attempt in range(TRIES):
        scratch = store.scratch()
        try:
            return _build_in(store, scratch, key, source, compiler)
        except (OSError, BuildError) as error:
            if scratch.is_dir() or attempt + 1 == TRIES:
                if isinstance(error, BuildError) and _is_full(store.folder):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
                raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    raise BuildError(f"{store.folder} is emptied again and again")


def _build_in(
    store: ModuleStore, scratch: Path, key: str, source: str, compiler: Compiler
) -> Library:
    name = f"pt_{key[:16]}"
    text = scratch / f"{name}.pyx"
    text.write_text(source, encoding="utf-8")
    stage("translate")
    translated = translate(text, name)
    stage("compile")
    built = scratch / f"{name}.so"
    compile_c(compiler, translated, built)
    # Load it from the scratch folder, so that changes of the store do not matter.
    library = load_module(built)
    try:
        library.path = _store(store, key, built, source)
    except OSError as error:
        reason = files.cannot_write(store.folder, error.strerror or str(error))
        fallback_store = files.instead_of(store.folder, reason)
        if fallback_store != store.folder:
            with suppress(OSError):
                library.path = _store(ModuleStore(fallback_store), key, built, source)
    return library


def _store(store: ModuleStore, key: str, built: Path, source: str) -> Path:
    """Put a module in a store; gives its path."""
    path = store.put(key, built.stem, built, source).path
    evict_once(store.folder)
    return path


def _is_full(folder: Path) -> bool:
    """Whether the disk is full, which compilers report in different ways."""
    with suppress(OSError):
        found = os.statvfs(folder)
        free = found.f_bavail * found.f_frsize
        return free < MIN_FREE_BYTES or found.f_favail == 0 < found.f_files
    return False
