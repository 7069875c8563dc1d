"""Marks: which statement of which kernel a line of generated text belongs to.

A renderer that is asked for marks ends each line with one: `kernel:name`, where `name` is what the
statement defines or writes. Its characters are of Unicode's private use area, which are no part of
words, and which `spell.escaped` keeps out of the user's text; so nothing that a renderer reads off
its own lines changes, and without the marks the text is the one that is built.
"""

from __future__ import annotations

from collections.abc import Iterator

FIRST = 0xE000  # of the private use area
ASCII = 128


def mark(kernel: str, name: str = "") -> str:
    """The mark of a statement; of a kernel's own lines, without a name."""
    return "".join([chr(FIRST + ord(c)) for c in f"{kernel}:{name}"])


def with_mark(text: str, own: str) -> str:
    """The text with this mark on the lines that have none."""
    rows = text.split("\n")
    return "\n".join([row if not row or _is_mark(row[-1]) else row + own for row in rows])


def unmarked(text: str) -> Iterator[tuple[str, str, str]]:
    """Each line of a text without its mark, and the kernel and the name of the mark; empty where it
    has none."""
    for row in text.split("\n"):
        end = len(row)
        while end and _is_mark(row[end - 1]):
            end -= 1
        kernel, _, name = "".join([chr(ord(c) - FIRST) for c in row[end:]]).partition(":")
        yield row[:end], kernel, name


def _is_mark(character: str) -> bool:
    return FIRST <= ord(character) < FIRST + ASCII
