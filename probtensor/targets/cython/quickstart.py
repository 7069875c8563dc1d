"""A quick start for the Cython translator.

Cython takes a second to start, most of it for things that generated code does not need: 0.3 s for
the scanner's table, nearly all of it for names with Unicode letters, and 0.3 s for C code, such as
that for the attributes of exceptions, and for a function of the standard library. So Cython gets a
small lexicon while generated code is translated, and the full one, built lazily, for other
translations of the process; C code and that function are loaded lazily. Its output is identical. A
Cython that is built differently, or is already imported, is not changed.
"""

from __future__ import annotations

import gc
import importlib
import string
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from inspect import getattr_static
from types import ModuleType
from typing import Protocol

# Variables of Cython.Compiler.Lexicon for the characters of names, restricted to ASCII.
ASCII = {
    "unicode_start_ch_any": string.ascii_letters + "_",
    "unicode_start_ch_range": "",
    "unicode_continuation_ch_any": string.digits,
    "unicode_continuation_ch_range": "",
}
# The modules of a translation. They make their tables at import.
MODULES = ("Main", "Builtin", "CythonScope", "Pipeline", "ParseTreeTransforms", "TypeInference",
           "AnalysedTreeTransforms", "AutoDocTransforms", "Optimize")  # fmt: skip


class Lexicon(Protocol):
    """The interface of a lexicon that Cython's scanner uses."""

    def get_initial_state(self, name: str) -> object:
        """The state the scanner begins in."""


class TwoLexicons:
    """Replaces Cython's lexicon: `small` in the thread of `generated`, `full` elsewhere."""

    def __init__(self, small: Lexicon, make_full: Callable[[], Lexicon]) -> None:
        self.small = small
        self.full = cache(make_full)
        self.thread: int | None = None

    def get_initial_state(self, name: str) -> object:
        """The state the scanner begins in."""
        small = self.thread == threading.get_ident()
        return (self.small if small else self.full()).get_initial_state(name)


class LazyObject:
    """A proxy of an object that is made at its first use."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._value = cache(make)

    def __getattr__(self, name: str) -> object:
        return getattr(self._value(), name)

    def __eq__(self, other: object) -> bool:
        return self is other or self._value() == (
            other._value() if isinstance(other, LazyObject) else other
        )

    def __hash__(self) -> int:
        return hash(self._value())


@cache
def lexicons() -> TwoLexicons | None:
    """The lexicon given to Cython; None if it has one already, or makes it differently."""
    if "Cython.Compiler.Scanning" in sys.modules:
        return None
    from Cython.Compiler import Lexicon

    before = {name: getattr(Lexicon, name, None) for name in ASCII}
    make_full = getattr(Lexicon, "make_lexicon", None)
    if make_full is None or None in before.values():
        return None
    try:
        vars(Lexicon).update(ASCII)
        small = make_full()
    finally:
        vars(Lexicon).update(before)
    both = TwoLexicons(small, make_full)
    try:
        Lexicon.make_lexicon = lambda: both
        import Cython.Compiler.Scanning  # noqa: F401  it takes `make_lexicon` at import
    finally:
        Lexicon.make_lexicon = make_full
    return both


@cache
def started_with_lazy_code() -> bool:
    """Import Cython's compiler with C code that is loaded lazily; False if it is imported."""
    if "Cython.Compiler.Builtin" in sys.modules:
        return False
    from Cython.Compiler import Code

    owners = [getattr(Code, name, None) for name in ("UtilityCode", "TempitaUtilityCode")]
    if None in owners or any("load" in vars(owner) for owner in owners):
        return False
    if not all(hasattr(owner, "load") for owner in owners):
        return False
    lazy = [_lazily(owner.load) for owner in owners]
    try:
        for owner, load in zip(owners, lazy, strict=True):
            owner.load = load
        with _without_collections(), _without_urls():
            for name in MODULES:
                with suppress(ModuleNotFoundError):
                    importlib.import_module(f"Cython.Compiler.{name}")
    finally:
        for owner in owners:
            del owner.load
    return True


# What writes the Python module around the functions: (module, class, method).
AROUND = (("ModuleNode", "ModuleNode", "_put_setup_code"),
          ("ModuleNode", "ModuleNode", "generate_module_init_func"),
          ("Code", "GlobalState", "use_utility_code"))  # fmt: skip

# Phases that change nothing in functions without Python objects, closures and checked arithmetic.
WITHOUT_EFFECT = {"GilCheck", "FindInvalidUseOfFusedTypes", "MarkOverflowingArithmetic",
                  "ConsolidateOverflowCheck", "OptimizeBuiltinCalls", "TransformBuiltinMethods",
                  "CalculateQualifiedNamesTransform", "IntroduceBufferAuxiliaryVars",
                  "DropRefcountingTransform",
                  "EarlyReplaceBuiltinCalls"}  # fmt: skip


@cache
def _functions_alone() -> threading.local:
    """The marker of threads in which Cython writes the functions of a module, and nothing else that
    takes long."""
    marker = threading.local()
    pipeline = sys.modules.get("Cython.Compiler.Pipeline")
    run = getattr(pipeline, "run_pipeline", None)
    if run is not None:
        pipeline.run_pipeline = _shorter(marker, run)
    for module, owner, name in AROUND:
        holder = getattr(sys.modules.get(f"Cython.Compiler.{module}"), owner, None)
        raw = getattr_static(holder, name, None)
        if raw is not None:
            made = _unless(marker, getattr(holder, name))
            setattr(holder, name, staticmethod(made) if isinstance(raw, staticmethod) else made)
    return marker


def _shorter(marker: threading.local, run: Callable[..., object]) -> Callable[..., object]:
    def run_pipeline(phases: Sequence, *arguments: object, **options: object) -> object:
        if getattr(marker, "on", False):
            phases = [phase for phase in phases if type(phase).__name__ not in WITHOUT_EFFECT]
        return run(phases, *arguments, **options)

    return run_pipeline


def _unless(marker: threading.local, write: Callable[..., object]) -> Callable[..., object]:
    def written(*arguments: object, **options: object) -> object:
        if getattr(marker, "on", False):
            return None
        return write(*arguments, **options)

    return written


@contextmanager
def functions_alone() -> Iterator[None]:
    """The context of a translation of which only the functions are used; within `generated`."""
    marker = _functions_alone()
    marker.on = True
    try:
        yield
    finally:
        marker.on = False


def _lazily(load: Callable[..., object]) -> Callable[..., LazyObject]:
    def load_lazily(
        *names: object, context: Mapping | None = None, **options: object
    ) -> LazyObject:
        if context is not None:
            # A copy, as the caller changes the context for the next template.
            options["context"] = dict(context)
        return LazyObject(lambda: load(*names, **options))

    return load_lazily


@contextmanager
def _without_collections() -> Iterator[None]:
    """Without searches for garbage among the many objects of an import, all of which stay."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _without_urls() -> Iterator[None]:
    """In place of a module from which Cython takes one function, and which imports all of `urllib`,
    `http` and `email`, one that is replaced when any of its names is read."""
    name = "xml.sax.saxutils"
    if name in sys.modules:
        yield
        return
    substitute = ModuleType(name)

    def first_use(attribute: str) -> object:
        if attribute.startswith("__"):  # asked by the import system
            raise AttributeError(attribute)
        if sys.modules.get(name) is substitute:
            del sys.modules[name]
        return getattr(importlib.import_module(name), attribute)

    substitute.escape = lambda *arguments: first_use("escape")(*arguments)
    substitute.__getattr__ = first_use
    sys.modules[name] = substitute
    try:
        yield
    finally:
        if sys.modules.get(name) is substitute:
            del sys.modules[name]


@contextmanager
def generated() -> Iterator[None]:
    """The context of a translation of generated code; for one thread at a time."""
    both = lexicons()
    if both is not None:
        both.thread = threading.get_ident()
    try:
        started_with_lazy_code()
        yield
    finally:
        if both is not None:
            both.thread = None
        clear_caches()


def clear_caches() -> None:
    """Clear Cython's caches after a translation: a table of names keeps all scopes of each module
    alive, 0.3 MB of them, and another caches files that were looked for."""
    types = sys.modules.get("Cython.Compiler.PyrexTypes")
    names = getattr(types, "_type_identifier_cache", None)
    if isinstance(names, dict):
        names.clear()
    clear = getattr(sys.modules.get("Cython.Utils"), "clear_function_caches", None)
    if clear is not None:
        clear()
