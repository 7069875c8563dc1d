"""The programs of docs/gaussian_processes.md and docs/timeseries.md print what the pages say."""

import contextlib
import io
import re

import pytest


@pytest.mark.filterwarnings("ignore::probtensor.SamplerWarning")
@pytest.mark.parametrize("page", ["gaussian_processes.md", "timeseries.md"])
def test_the_programs_of_the_pages_print_what_they_say(root, monkeypatch, page):
    monkeypatch.setenv("PROBTENSOR_TARGET", "machine")
    text = (root / "docs" / page).read_text(encoding="utf-8")
    names, programs = {}, re.findall(r"```python\n(.*?)```\n(?:```\n(.*?)```)?", text, flags=re.S)
    for program, expected in programs:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(program, page, "exec"), names)
        assert printed.getvalue() == expected
    assert len(programs) > 2
