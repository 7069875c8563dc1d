"""The benchmark of mathematics: a run at a small size, and the table."""

import json
import sys

import numpy as np
import pytest

from tests.bench import mathematics


def _run(monkeypatch, *names):
    monkeypatch.setattr(sys, "argv", ["mathematics", "--quick", *names])
    monkeypatch.setattr(mathematics.worker, "pin_to_one_core", lambda: None)
    monkeypatch.setattr(mathematics, "TARGET", "machine")
    mathematics.main()


def test_a_quick_run_of_some(monkeypatch, capsys):
    names = ["erf", "gammainc'", "fft2-256", "partition-1e3", "expm-100'", "eigh-100'", "svd-100'"]
    _run(monkeypatch, *names)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if " us | " in line] == names
    assert "scipy" in lines[0] and "numpy" in lines[3] and "frechet" in lines[4]


@pytest.mark.slow
def test_a_quick_run_of_all(monkeypatch, capsys):
    _run(monkeypatch)
    assert capsys.readouterr().out.count(" us | ") == len(mathematics.cases())


def test_another_result_is_found():
    case = mathematics.cases(quick=True)["sort-1e3"]()
    calls = {"probtensor": lambda: np.sort(case.arrays[0])}
    mathematics.agree(case, calls | {"numpy": lambda: np.sort(case.arrays[0])})
    with pytest.raises(AssertionError, match="jax"):
        mathematics.agree(case, calls | {"jax": lambda: case.arrays[0]})


def test_names_that_there_are_not(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        _run(monkeypatch, "sinh")
    assert "unknown 'sinh'; there are: exp, log" in capsys.readouterr().err


def test_results_are_written(tmp_path):
    figures = {"exp": {"probtensor": 2.0, "numpy": 3.0}}
    path = tmp_path / "found.json"
    mathematics.write(mathematics.about(), figures, {"exp jax": "ValueError: no"}, 5, path)
    text = path.with_suffix(".txt").read_text()
    assert "exp                        2.0 us | numpy 3.0 (1.50x)" in text
    assert "exp jax: ValueError: no" in text and "load of the machine before" in text
    assert json.loads(path.read_text())["us"] == figures
