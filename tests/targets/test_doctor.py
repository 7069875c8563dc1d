"""The report of the doctor: what works, and how to mend what does not."""

import pytest

from probtensor import device
from probtensor.targets.auto import cost
from probtensor.targets.cython import doctor, toolchain
from probtensor.testing import tiers
from tests.device.host import HostDriver


class Broken(HostDriver):
    """A device whose kernels do nothing."""

    def launch(self, *arguments):
        pass


@pytest.fixture
def put(monkeypatch, tmp_path):
    """Replaces the driver for one test."""
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    before = device.use(None)
    yield device.use
    device.use(before)


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


def test_no_compiler_at_all_is_well_and_the_loss_is_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PROBTENSOR_TARGET", "auto")
    assert doctor.main([], tiers.report) == 0
    out = capsys.readouterr().out
    assert "compiler  none: no C compiler" in out and "all is well" in out
    assert "us on the machine" in out and "natively" not in out
    assert f"native code is {cost.USUAL_GAIN}" in out
    monkeypatch.setenv("PROBTENSOR_TARGET", "cython")
    assert doctor.main([]) == 1


def test_measured_gains_are_noted_and_quoted_without_a_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path / "cache"))
    gains = [tiers.Compared("a", 3.0, 2.0), tiers.Compared("b", 4.0, 1.0)]
    monkeypatch.setattr(tiers, "compare", lambda: gains)
    assert cost.noted_gain() is None
    assert "4.0 times as fast" in "\n".join(tiers.report())
    assert cost.noted_gain() == (1.5, 4.0)
    assert cost.loss().startswith("native code was 1.5 to 4.0 times as fast")
    next((tmp_path / "cache").glob("gain-*")).write_text("damaged")
    assert cost.noted_gain() is None


def test_headers_that_are_not_there(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PROBTENSOR_CACHE", str(tmp_path))
    monkeypatch.setattr(toolchain, "include_dir", lambda: tmp_path / "nowhere" / "include")
    assert doctor.main([]) == 1
    assert "pt_special.h" in capsys.readouterr().out


def test_it_takes_no_arguments(capsys):
    assert doctor.main(["please"]) == 2
    assert "usage" in capsys.readouterr().err


def test_a_machine_with_a_device(put, capsys):
    put(HostDriver())
    assert doctor.main([]) == 0
    out = capsys.readouterr().out
    assert "gpu       host, sm_90" in out and "exp on the GPU is right" in out


def test_a_machine_without_a_device_is_well_too(put, monkeypatch, capsys):
    monkeypatch.setitem(doctor.sys.modules, "pycuda", None)
    put(None)
    assert doctor.main([]) == 0
    out = capsys.readouterr().out
    assert "gpu       none: PyCUDA is not installed: pip install" in out and "all is well" in out
    monkeypatch.setenv("PROBTENSOR_TARGET", "cuda")
    assert doctor.main([]) == 1
    assert "PROBTENSOR_TARGET=cuda asks for a GPU: PyCUDA is not" in capsys.readouterr().out


def test_a_device_that_does_not_work(put, capsys):
    put(Broken())
    assert doctor.main([]) == 1
    out = capsys.readouterr().out
    assert "FAILED" in out and "wrong numbers on the GPU" in out
