"""The programs of docs/debugging.md about graphs and compilation print what the page says."""

import contextlib
import io
import linecache
import re

SECTIONS = ("Reading graphs", "What the compiler did", "Reporting a bug")


def test_the_programs_of_the_page_print_what_it_says(root, monkeypatch, tmp_path):
    monkeypatch.setenv("PROBTENSOR_TARGET", "machine")
    monkeypatch.chdir(tmp_path)
    text = (root / "docs" / "debugging.md").read_text(encoding="utf-8")
    names, whole, count = {}, "", 0
    for section in re.split(r"^## ", text, flags=re.M):
        if section.split("\n", 1)[0] not in SECTIONS:
            continue
        for program, printed in re.findall(r"```python\n(.*?)```\n```\n(.*?)```", section,
                                           flags=re.S):  # fmt: skip
            before = whole.count("\n")
            whole += program  # all programs are one file, model.py
            lines = whole.splitlines(keepends=True)
            monkeypatch.setitem(linecache.cache, "model.py", (len(whole), None, lines, ""))
            found = io.StringIO()
            with contextlib.redirect_stdout(found):
                exec(compile("\n" * before + program, "model.py", "exec"), names)
            assert found.getvalue() == printed, program
            count += 1
    assert count == 7
