"""The programs of docs/sparse.md print what the page says."""

import contextlib
import io
import re


def test_the_programs_of_the_page_print_what_it_says(root):
    text = (root / "docs" / "sparse.md").read_text(encoding="utf-8")
    names = {}
    for program, expected in re.findall(r"```python\n(.*?)```\n```\n(.*?)```", text, flags=re.S):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(program, "sparse.md", "exec"), names)
        assert printed.getvalue() == expected
    assert "precision" in names
