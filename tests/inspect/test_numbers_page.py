"""The programs of docs/debugging.md about numbers print what the page says."""

import contextlib
import io
import linecache
import re

import pytest

SECTIONS = ("NaN and infinity", "Comparing targets", "Digits lost")


def test_the_programs_of_the_page_print_what_it_says(root, monkeypatch):
    pytest.importorskip("mpmath")
    monkeypatch.setenv("PROBTENSOR_TARGET", "machine")
    text = (root / "docs" / "debugging.md").read_text(encoding="utf-8")
    names, count = {}, 0
    for section in re.split(r"^## ", text, flags=re.M):
        if section.split("\n", 1)[0] not in SECTIONS:
            continue
        for program, expected in re.findall(r"```python\n(.*?)```\n```\n(.*?)```", section,
                                            flags=re.S):  # fmt: skip
            lines = program.splitlines(keepends=True)
            monkeypatch.setitem(linecache.cache, "model.py", (len(program), None, lines, ""))
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(program, "model.py", "exec"), names)
            assert printed.getvalue() == expected
            count += 1
    assert count == 3
