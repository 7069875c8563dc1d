"""Generated Cython text to the address of its plan: from the cache, or built and put there."""

from __future__ import annotations

import functools
import hashlib
import shutil
import sys
import time
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

from probtensor.lower.plan import Plan
from probtensor.targets.base import BuildError, Built
from probtensor.targets.cache import Store, evict_once, home_folder, writing_store
from probtensor.targets.cython import render
from probtensor.targets.loader import load_module
from probtensor.targets.toolchain import (
    DIRECTIVES,
    Compiler,
    compile_c,
    compiler_command,
    cpu_identity,
    cython_version,
    find_compiler,
    flags,
    headers_hash,
    translate,
)
from probtensor.version import __version__


class CythonTarget:
    """The default target: one Cython module a plan, compiled for this machine."""

    name = "cython"

    def build(self, plan: Plan) -> Built:
        """Render, compile (or find) and load. BuildError where there is no working compiler."""
        began = time.perf_counter()
        source = render(plan)
        return self.load(source, time.perf_counter() - began)

    def load(self, source: str, rendering: float = 0.0) -> Built:
        """Generated text made to run."""
        began = time.perf_counter()
        module, path = module_of(source)
        timings = {"render": rendering, "build": time.perf_counter() - began}
        return Built(module.address, source, str(path), timings, module)


def code_of(source: str) -> str:
    """The text without comment lines: they name the user's lines, which are not the program."""
    return "\n".join(row for row in source.splitlines() if not row.lstrip().startswith("#"))


def key_of(code: str, compiler: Compiler) -> str:
    """Content hash of everything the built module depends on."""
    parts = (
        code,
        compiler.identity,
        " ".join(flags()),
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


def module_of(source: str) -> tuple[ModuleType, Path]:
    """The loaded module of generated text, and its file. BuildError if it cannot be made."""
    return _module_of(code_of(source), source, home_folder(), compiler_command())


@functools.lru_cache(maxsize=4096)
def _module_of(
    code: str, source: str, home: Path, command: tuple[str, ...]
) -> tuple[ModuleType, Path]:
    store = Store(home)
    compiler = find_compiler(command, home)
    key = key_of(code, compiler)
    loaded = _load(store, key)
    if loaded is None:
        store = writing_store(home)
        if store.folder != home:
            loaded = _load(store, key)
    return loaded or _make(store, key, source, compiler)


def _load(store: Store, key: str) -> tuple[ModuleType, Path] | None:
    """The module of an entry; None if there is none, or it does not load and is now forgotten."""
    found = store.find(key)
    if found is None:
        return None
    try:
        module = load_module(found.module, found.path)
    except ImportError:
        store.discard(key)
        return None
    return module, found.path


def _make(store: Store, key: str, source: str, compiler: Compiler) -> tuple[ModuleType, Path]:
    """Build aside, put in the store, load."""
    name = f"pt_{key[:16]}"
    scratch = store.scratch()
    try:
        text = scratch / f"{name}.pyx"
        text.write_text(source, encoding="utf-8")
        built = scratch / f"{name}.so"
        compile_c(compiler, translate(text, name), built)
        # Loaded from where it was built: nothing that happens to the store can come between.
        module = load_module(name, built)
        try:
            path = store.put(key, name, built, source).path
        except OSError as error:
            raise BuildError(f"cannot keep the built module in {store.folder}: {error}") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    evict_once(store.folder)
    return module, path
