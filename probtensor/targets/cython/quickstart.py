"""A quick start for the Cython translator.

Cython takes a second to start, two thirds of it for two things that generated code does not need:
0.3 s for the scanner's table, nearly all of it for names with Unicode letters, and 0.2 s for
templates of C code for the attributes of exceptions. So Cython gets a small lexicon while generated
code is translated, and the full one, built lazily, for other translations of the process; its
templates are loaded lazily. Its output is identical. A Cython that is built differently, or is
already imported, is not changed.
"""

from __future__ import annotations

import string
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Protocol

# Variables of Cython.Compiler.Lexicon for the characters of names, restricted to ASCII.
ASCII = {
    "unicode_start_ch_any": string.ascii_letters + "_",
    "unicode_start_ch_range": "",
    "unicode_continuation_ch_any": string.digits,
    "unicode_continuation_ch_range": "",
}


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
def builtins_with_lazy_templates() -> bool:
    """Import Cython's table of builtins with lazy templates; False if it is already imported."""
    if "Cython.Compiler.Builtin" in sys.modules:
        return False
    from Cython.Compiler import Code

    owner = getattr(Code, "TempitaUtilityCode", None)
    if owner is None or "load" in vars(owner) or not hasattr(owner, "load"):
        return False
    load = owner.load

    def load_lazily(
        *names: object, context: Mapping | None = None, **options: object
    ) -> LazyObject:
        # A copy, as the caller changes the context for the next template.
        own = dict(context) if context is not None else None
        return LazyObject(lambda: load(*names, context=own, **options))

    try:
        owner.load = load_lazily
        import Cython.Compiler.Builtin  # noqa: F401  it makes its table at import
    finally:
        del owner.load
    return True


@contextmanager
def generated() -> Iterator[None]:
    """The context of a translation of generated code; for one thread at a time."""
    both = lexicons()
    builtins_with_lazy_templates()
    if both is not None:
        both.thread = threading.get_ident()
    try:
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
