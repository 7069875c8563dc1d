"""The programs of docs/export.md run as they stand there, and print what it says."""

import re
import subprocess

from probtensor.targets.cython.toolchain import compiler_command
from tests.export.conftest import STRICT


def test_the_page(root, tmp_path, monkeypatch, capsys):
    text = (root / "docs/export.md").read_text(encoding="utf-8")
    (python, shown), (c, printed) = re.findall(r"```(?:python|c)\n(.*?)```\n```\n(.*?)```", text,
                                               flags=re.DOTALL)  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(python)
    exec(compile(python, "model.py", "exec"), {})
    assert capsys.readouterr().out == shown
    (tmp_path / "main.c").write_text(c)
    command = [*compiler_command(), *STRICT.split(), "-Ieight_schools", "main.c",
               "eight_schools/eight_schools.so", "-o", "main"]  # fmt: skip
    subprocess.run(command, check=True, timeout=100)
    run = subprocess.run(["./main"], capture_output=True, text=True, check=True, timeout=100)
    assert run.stdout == printed


def test_julia_and_r_call_functions_that_exist(root, tmp_path, monkeypatch):
    text = (root / "docs/export.md").read_text(encoding="utf-8")
    called = set(re.findall(r"[:\"](eight_schools_\w+)", text))
    assert called == {f"eight_schools_{what}" for what in ("open", "logp_grad", "r_logp_grad")}
