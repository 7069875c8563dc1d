"""The doctor says what works, and what to do about what does not."""

from probtensor.targets import doctor, toolchain


def test_a_machine_that_works(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    assert doctor.main([]) == 0
    out = capsys.readouterr().out
    for word in ("Cython", "compiler", "translate", "compile", "ns for each exp", "all is well"):
        assert word in out
    assert not list(tmp_path.glob("building/*"))


def test_a_machine_without_a_compiler(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    monkeypatch.setenv("CC", str(tmp_path / "nothing"))
    assert doctor.main([]) == 1
    assert "apt install gcc" in capsys.readouterr().out


def test_headers_that_are_not_there(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    monkeypatch.setattr(toolchain, "include_dir", lambda: tmp_path / "nowhere" / "include")
    assert doctor.main([]) == 1
    assert "pt_special.h" in capsys.readouterr().out


def test_it_takes_no_arguments(capsys):
    assert doctor.main(["please"]) == 2
    assert "usage" in capsys.readouterr().err
