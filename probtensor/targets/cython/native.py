"""Generated Cython text to the address of its plan: from the cache, or built and put there."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
import time
from contextlib import suppress
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from weakref import WeakValueDictionary

from cython_ext.library import Library
from probtensor.lower.plan import Plan
from probtensor.schedule.strips.passes import strip
from probtensor.schedule.strips.text import to_text
from probtensor.system import files
from probtensor.system.stages import stage
from probtensor.targets.base import BuildError, Built
from probtensor.targets.cache import (
    ModuleStore,
    evict_once,
    home_folder,
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
    broken,
    compile_c,
    compiler_command,
    cpu_identity,
    cython_version,
    find_compiler,
    flags,
    headers_hash,
    remembered_compilers,
    translate,
)
from probtensor.version import __version__

TRIES = 3  # another process may empty the cache at any moment
ROOM = 1 << 20  # bytes that the building of a module may need
# Modules in use, by what they were built from: a plan that is compiled again is mapped once.
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
        """The strips of each kernel, for people."""
        return "".join(to_text(kernel.name, strip(kernel.body)) for kernel in plan.kernels)

    def load(self, source: str, rendering: float = 0.0) -> Built:
        """Generated text made to run."""
        began = time.perf_counter()
        library, path = module_of(source)
        timings = {"render": rendering, "build": time.perf_counter() - began}
        return Built(Address.of(library), source, str(path), timings, library)


class Address(int):
    """The address of a plan. Its code stays where it is as long as this object lives."""

    library: Library

    @classmethod
    def of(cls, library: Library) -> Address:
        """The address of a module's plan."""
        address = cls(library.address)
        address.library = library
        return address


def code_of(source: str) -> str:
    """The text without comment lines: they name the user's lines, which are not the program."""
    return "\n".join(row for row in source.splitlines() if not row.lstrip().startswith("#"))


def key_of(code: str, compiler: Compiler) -> str:
    """Content hash of everything the built module depends on."""
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


def module_of(source: str) -> tuple[Library, Path]:
    """The loaded module of generated text, and its file. BuildError if it cannot be made.

    The module stays loaded as long as the Library lives.
    """
    try:
        home = home_folder()
        code = code_of(source)
        mark = (code, home, os.environ.get("CC"), os.environ.get("PATH"))
        library = _LOADED.get(mark)
        if library is None:
            _LOADED[mark] = library = find_or_make(code, source, home)
    except files.NoFolder as error:
        raise BuildError(error.strerror) from None
    return library, library.path


def find_or_make(code: str, source: str, home: Path) -> Library:
    """The module of a text, from the cache or built. BuildError if it cannot be made."""
    compiler, missing = None, BuildError("no C compiler")
    try:
        compiler = find_compiler(compiler_command(), files.readable(home))
    except BuildError as error:
        missing = error
    except files.NoFolder as error:
        missing = BuildError(error.strerror)
    except OSError as error:
        missing = BuildError(f"the C compiler: {error}")
    stores = reading_stores(home)
    for store in stores:
        for known in [compiler] if compiler else remembered_compilers(store.folder):
            found = _load(store, key_of(code, known))
            if found is not None:
                return found
    if compiler is None:
        raise missing
    return _build(key_of(code, compiler), source, compiler, home)


def _load(store: ModuleStore, key: str) -> Library | None:
    """The module of an entry; None if there is none, or it does not load."""
    found = store.find(key)
    if found is None:
        return None
    try:
        return load_module(found.path)
    except ImportError:
        return None


def _build(key: str, source: str, compiler: Compiler, home: Path) -> Library:
    """The module built where it can be kept, else among the temporary files, with one warning."""
    store = writing_store(home)
    try:
        return _make(store, key, source, compiler)
    except (OSError, ImportError) as error:
        first = error
    other = ModuleStore(files.fallback())
    try:
        if store.folder == other.folder:
            raise first
        made = _load(other, key) or _make(other, key, source, compiler)
    except ImportError as error:  # it loads from nowhere
        text = f"error: it made something that cannot be loaded ({error})"
        raise BuildError(broken(compiler.command, text)) from None
    except OSError as error:
        folders = dict.fromkeys([str(store.folder), str(other.folder)])
        raise BuildError(
            f"no module can be built in {' or in '.join(folders)}: {error}\n"
            f"set {files.VARIABLE} to a folder with room, from which programs may run; or use "
            'target="interp", which builds nothing.'
        ) from None
    reason = files.cannot_write(store.folder, getattr(first, "strerror", None) or str(first))
    files.instead_of(store.folder, reason)
    return made


def _make(store: ModuleStore, key: str, source: str, compiler: Compiler) -> Library:
    """Build aside and put in the store. OSError or ImportError where this folder is no good."""
    for attempt in range(TRIES):
        scratch = store.scratch()
        try:
            return _made(store, scratch, key, source, compiler)
        except (OSError, BuildError) as error:
            if scratch.is_dir() or attempt + 1 == TRIES:
                if isinstance(error, BuildError) and _is_full(store.folder):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
                raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    raise BuildError(f"{store.folder} is emptied again and again")


def _made(store: ModuleStore, scratch: Path, key: str, source: str, compiler: Compiler) -> Library:
    name = f"pt_{key[:16]}"
    text = scratch / f"{name}.pyx"
    text.write_text(source, encoding="utf-8")
    stage("translate")
    translated = translate(text, name)
    stage("compile")
    built = scratch / f"{name}.so"
    compile_c(compiler, translated, built)
    # Loaded from where it was built: nothing that happens to the store can come between.
    library = load_module(built)
    try:
        library.path = _keep(store, key, built, source)
    except OSError as error:
        reason = files.cannot_write(store.folder, error.strerror or str(error))
        other = files.instead_of(store.folder, reason)
        if other != store.folder:
            with suppress(OSError):
                library.path = _keep(ModuleStore(other), key, built, source)
    return library


def _keep(store: ModuleStore, key: str, built: Path, source: str) -> Path:
    """Put a module in a store; where it lies then."""
    path = store.put(key, built.stem, built, source).path
    evict_once(store.folder)
    return path


def _is_full(folder: Path) -> bool:
    """Is there no room to build in? A compiler says so in words of its own."""
    with suppress(OSError):
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize < ROOM or found.f_favail == 0 < found.f_files
    return False
