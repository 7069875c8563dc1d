"""The programs of docs/models.md run as they stand there, and print what it says they print."""

import re


def test_programs_print_what_is_shown(root, capsys, monkeypatch):
    monkeypatch.setenv("PROBTENSOR_TARGET", "machine")
    text = (root / "docs" / "models.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```\n```\n(.*?)```", text, flags=re.S)
    assert len(blocks) == text.count("```python") == 9
    names = {}
    for program, printed in blocks:
        exec(compile(program, "docs/models.md", "exec"), names)
        assert capsys.readouterr().out == printed, program
