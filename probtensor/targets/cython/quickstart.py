"""A quick start for the Cython translator.

Two thirds of the second that Cython takes to start go to two things generated code never needs.
The table of its scanner takes 0.3 s, nearly all of it for names with Unicode letters; and templates
of C code for the attributes of every exception take 0.2 s. So Cython is given a lexicon that is a
small one while generated code is translated, and the full one, built when first needed, for
whatever else this process translates; and its templates are read when first used. Cython's output
is the same to the byte. Where it is not made as expected, or is loaded already, it is left alone.
"""

from __future__ import annotations

import string
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Protocol

# What Cython.Compiler.Lexicon says names are made of, and what ASCII names are made of.
ASCII = {
    "unicode_start_ch_any": string.ascii_letters + "_",
    "unicode_start_ch_range": "",
    "unicode_continuation_ch_any": string.digits,
    "unicode_continuation_ch_range": "",
}


class Lexicon(Protocol):
    """What Cython's scanner asks of a lexicon."""

    def get_initial_state(self, name: str) -> object:
        """The state the scanner begins in."""


class TwoLexicons:
    """Stands for Cython's lexicon: `small` in the thread of `generated`, `full` elsewhere."""

    def __init__(self, small: Lexicon, make_full: Callable[[], Lexicon]) -> None:
        self.small = small
        self.full = cache(make_full)
        self.thread: int | None = None

    def get_initial_state(self, name: str) -> object:
        """The state the scanner begins in."""
        small = self.thread == threading.get_ident()
        return (self.small if small else self.full()).get_initial_state(name)


class Later:
    """Stands for an object that is made when it is first asked for anything."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._made = cache(make)

    def __getattr__(self, name: str) -> object:
        return getattr(self._made(), name)

    def __eq__(self, other: object) -> bool:
        return self is other or self._made() == (
            other._made() if isinstance(other, Later) else other
        )

    def __hash__(self) -> int:
        return hash(self._made())


@cache
def lexicons() -> TwoLexicons | None:
    """The lexicon given to Cython; None where it has one already, or makes it in another way."""
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
        import Cython.Compiler.Scanning  # noqa: F401  it keeps the maker it finds now
    finally:
        Lexicon.make_lexicon = make_full
    return both


@cache
def builtins_with_later_templates() -> bool:
    """Import Cython's table of builtins with templates read when used; False if it is there."""
    if "Cython.Compiler.Builtin" in sys.modules:
        return False
    from Cython.Compiler import Code

    owner = getattr(Code, "TempitaUtilityCode", None)
    if owner is None or "load" in vars(owner) or not hasattr(owner, "load"):
        return False
    load = owner.load

    def load_later(*names: object, context: Mapping | None = None, **options: object) -> Later:
        # The caller changes the context for the next template.
        own = dict(context) if context is not None else None
        return Later(lambda: load(*names, context=own, **options))

    try:
        owner.load = load_later
        import Cython.Compiler.Builtin  # noqa: F401  it makes its table when imported
    finally:
        del owner.load
    return True


@contextmanager
def generated() -> Iterator[None]:
    """Around the translation of generated code. For one thread at a time."""
    both = lexicons()
    builtins_with_later_templates()
    if both is not None:
        both.thread = threading.get_ident()
    try:
        yield
    finally:
        if both is not None:
            both.thread = None
        forget()


def forget() -> None:
    """Drop what Cython keeps of a translation: a table of names holds all scopes of each module,
    0.3 MB of them, and files that were looked for are remembered."""
    types = sys.modules.get("Cython.Compiler.PyrexTypes")
    names = getattr(types, "_type_identifier_cache", None)
    if isinstance(names, dict):
        names.clear()
    clear = getattr(sys.modules.get("Cython.Utils"), "clear_function_caches", None)
    if clear is not None:
        clear()
