"""Translated C without the Python module around it.

Cython writes 5,000 lines of C for any module, nearly all of them to import and describe it to
Python. A plan is called by the address of its function, so its C needs only the included headers
and the functions, and a C compiler reads it in half the time. Text in which Cython puts anything
else, as other versions might, is compiled as it is.
"""

from __future__ import annotations

import re
from pathlib import Path

HEAD = """\
#include <stddef.h>
#include <stdint.h>
"""
# What the functions of a plan use of Cython's own definitions.
MACROS = {
    "CYTHON_UNUSED": "__attribute__((unused))",
    "CYTHON_INLINE": "inline",
    "__PYX_EXTERN_C": "extern",
}
BRANCHES = {"likely": 1, "unlikely": 0}
SECTION = "/* #### Code section: {} ### */\n"
NAMES = re.compile(r"\b(?:_*Py|__PYX|CYTHON)\w*")  # of Python and of Cython's support code


def bare(text: str) -> str | None:
    """The part of translated C that a plan needs; None if it is not found, or needs more."""
    included = _between(text, "/* Early includes */\n", "#ifdef _OPENMP")
    types = _between(text, SECTION.format("type_declarations"), "/* #### Code section")
    declared = _between(text, SECTION.format("module_declarations"), "/* #### Code section")
    code = _between(text, SECTION.format("module_code"), "/* #### Code section")
    if None in (included, types, declared, code):
        return None
    start = declared.find("/* Module declarations from")
    if start < 0:
        return None
    parts = [types, declared[start:], code]
    if any(set(NAMES.findall(part)) - MACROS.keys() for part in parts):
        return None
    macros = [f"#define {name} {meaning}\n" for name, meaning in MACROS.items()]
    macros += [f"#define {n}(x) __builtin_expect(!!(x), {k})\n" for n, k in BRANCHES.items()]
    title = text[: text.index("\n") + 1]  # without it Cython refuses to replace the file
    return "".join([title, HEAD, *macros, included, *parts])


def make_bare(source: Path) -> bool:
    """Leave in a translated file what a plan needs; False if that is not found, or needs more."""
    found = bare(source.read_text(encoding="utf-8"))
    if found is not None:
        source.write_text(found, encoding="utf-8")
    return found is not None


def _between(text: str, first: str, last: str) -> str | None:
    """The text after the only occurrence of `first`, up to the next `last`."""
    if text.count(first) != 1:
        return None
    found, end, _ = text.partition(first)[2].partition(last)
    return found if end else None
