"""Wrong programs, each a row: what is raised, the program, what the message must name.

A program is a few lines of Python over the names of PRELUDE; its last line is the mistake. The
message must be short and name that line (`at=MADE`: at least a line where a tensor of the program
was made), and have all the words of the row.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import pytest

import probtensor as pt

FILE = "wrong.py"
FIRST = 101  # the line of a program's first line; those of the prelude are below
LINES = 8
HERE, MADE = "here", "made"
PRELUDE = """\
x, y = pt.vector("x"), pt.vector("y")
A, s = pt.matrix("A"), pt.scalar("s")
k = pt.vector("k", dtype="int64")
p, q = pt.tensor("p", shape=(3,)), pt.tensor("q", shape=(4,))
w, v = pt.shared(1.0, name="w"), pt.shared(np.ones(3), name="v")
"""


@dataclass(frozen=True)
class Wrong:
    """One wrong program."""

    name: str
    kind: type[Exception]
    program: str
    words: tuple[str, ...]
    at: str = HERE

    def check(self):
        """The program raises what it should, with a message as good as all others."""
        space = {"pt": pt, "np": np, "math": math}
        exec(compile(PRELUDE, FILE, "exec"), space)
        code = compile("\n" * (FIRST - 1) + self.program, FILE, "exec")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(self.kind) as caught:
                exec(code, space)
        text = str(caught.value)
        assert len(text.splitlines()) <= LINES, text
        assert max(map(len, text.splitlines())) <= 280, text
        assert "#" not in text, f"an inner name of a size: {text}"
        line = f"{FILE}:{FIRST + self.program.count(chr(10))}"
        assert (f"at {line}\n" in f"{text}\n") if self.at == HERE else (f"{FILE}:" in text), text
        for word in self.words:
            assert word in text, f"{word!r} not in: {text}"


def wrong(name, kind, program, *words, at=HERE):
    """A row."""
    return Wrong(name, kind, program, words, at)


def each(rows):
    """Decorator: the test is run for each row."""
    assert len({row.name for row in rows}) == len(rows), "two rows have one name"
    return pytest.mark.parametrize("row", rows, ids=lambda row: row.name.replace(" ", "_"))
