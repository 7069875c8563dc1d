"""The programs of docs/loops.md run as they stand there, and print what it says they print."""

import re


def test_programs_print_what_is_shown(root, capsys, monkeypatch):
    monkeypatch.setenv("PROBTENSOR_TARGET", "interp")
    text = (root / "docs" / "loops.md").read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```\n```\n(.*?)```", text, flags=re.S)
    assert len(programs) == text.count("```python")
    names = {}
    for program, shown in programs:
        capsys.readouterr()
        exec(compile(program, "docs/loops.md", "exec"), names)
        assert capsys.readouterr().out == shown, program
