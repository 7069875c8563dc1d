"""A quick start for the Cython translator.

Cython builds the table of its scanner when it is first used, which takes 0.3 s, nearly all of it
for names with Unicode letters. Generated code has ASCII names only. So Cython is given a lexicon
that is a small one while generated code is translated, and the full one, built when first needed,
for whatever else this process translates.
"""

from __future__ import annotations

import string
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

# What Cython.Compiler.Lexicon says names are made of, and what ASCII names are made of.
ASCII = {
    "unicode_start_ch_any": string.ascii_letters + "_",
    "unicode_start_ch_range": "",
    "unicode_continuation_ch_any": string.digits,
    "unicode_continuation_ch_range": "",
}


class TwoLexicons:
    """Stands for Cython's lexicon: `small` in the thread of `generated`, `full` elsewhere."""

    def __init__(self, small: Any, make_full: Callable[[], Any]) -> None:
        self.small = small
        self.full = cache(make_full)
        self.thread: int | None = None

    def get_initial_state(self, name: str) -> Any:
        """The state the scanner begins in."""
        small = self.thread == threading.get_ident()
        return (self.small if small else self.full()).get_initial_state(name)


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


@contextmanager
def generated() -> Iterator[None]:
    """Around the translation of generated code. For one thread at a time."""
    both = lexicons()
    if both is not None:
        both.thread = threading.get_ident()
    try:
        yield
    finally:
        if both is not None:
            both.thread = None
