"""The command line."""

import subprocess
import sys

import pytest

from probtensor import __main__ as command
from probtensor.version import __version__


def test_version_and_help(capsys):
    assert command.main(["--version"]) == 0
    assert capsys.readouterr().out == f"probtensor {__version__}\n"
    assert command.main([]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name}" in shown for name in command.COMMANDS)


def test_an_unknown_command_is_named_and_fails(capsys):
    assert command.main(["bake"]) == 2
    assert "'bake'" in capsys.readouterr().err


def test_every_rule_is_listed_once_with_its_reason(capsys):
    assert command.main(["rules"]) == 0
    lines = capsys.readouterr().out.splitlines()
    heads = [line for line in lines[:-1] if not line.startswith("    ")]
    count = int(lines[-1].split()[0])
    assert len(heads) == count > 30
    assert len(lines) == 3 * count + 1


def test_rules_can_be_searched(capsys):
    assert command.main(["rules", "log1p"]) == 0
    assert "log1p" in capsys.readouterr().out
    assert command.main(["rules", "no such rule"]) == 1


@pytest.mark.parametrize("option", ["size", "dir", "list"])
def test_the_cache_can_be_listed(option, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    assert command.main(["cache", option]) == 0
    out = capsys.readouterr().out
    assert (str(tmp_path) in out) == (option != "list")


def test_a_reader_may_stop_early():
    code = "import sys; from probtensor.__main__ import main; sys.exit(main(['rules']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 0
    process.stderr.close()
