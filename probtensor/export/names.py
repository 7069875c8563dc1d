"""Names and texts of the user as C has them."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORDS = """
    auto break case char const continue default do double else enum extern float for goto if
    inline int long register restrict return short signed sizeof static struct switch typedef union
    unsigned void volatile while alignas alignof bool constexpr false nullptr static_assert
    thread_local true typeof and and_eq asm bitand bitor catch class compl delete explicit export
    friend mutable namespace new not not_eq operator or or_eq private protected public template
    this throw try typeid typename using virtual wchar_t xor xor_eq main NULL INFINITY NAN
    context memcmp memcpy
"""
KEYWORDS = frozenset(_WORDS.split())
LONGEST = 40


def identifier(text: str, fallback: str) -> str:
    """A C identifier that resembles a name: letters, digits and single underscores, no keyword and
    no name of the headers."""
    found = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")[:LONGEST].strip("_")
    if not found:
        return fallback
    if found[0].isdigit() or found in KEYWORDS or found.lower().startswith("pt_"):
        found = f"{fallback}_{found}"
    # Such names are those of types, and of the sizes of another argument.
    return f"{found}_value" if found.endswith(("_t", "_shape", "_count")) else found


def distinct(names: Iterable[str]) -> list[str]:
    """The names, those that were there before with a number."""
    found: list[str] = []
    for name in names:
        known, k = name, 2
        while known in found:
            known, k = f"{name}_{k}", k + 1
        found.append(known)
    return found


def c_string(text: str) -> str:
    """A C string literal."""
    letters = []
    for byte in text.encode("utf-8", "replace"):
        plain = 32 <= byte < 127 and byte not in b'"\\?'
        letters.append(chr(byte) if plain else "\\n" if byte == 10 else f"\\{byte:03o}")
    return f'"{"".join(letters)}"'


def in_comment(text: str) -> str:
    """Text that is safe inside of a C comment of one line."""
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text.replace("*/", "* /").replace("/*", "/ *")
